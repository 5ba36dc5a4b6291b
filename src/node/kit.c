/* Shared memory made ahead. To make a file of a few pages, to seal and to map it takes as long as
 * to plan a service, and a service of one container has four. */
#include "node/kit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define REST_NS INT64_C(60000000) /* after a taking: a service is about to start */
#define NEXT_NS INT64_C(1000000)
#define AGAIN_NS INT64_C(5000000000) /* when there was no memory */

struct kit {
    struct loop *loop;
    struct loop_timer timer;
    uint64_t clock;
    struct place {
        uint64_t bytes; /* that somebody wanted; 0: nobody */
        uint64_t used;
        struct kit_file file; /* fd -1: given away */
    } places[KIT_FILES_MAX];
};

int kit_make(const char *name, uint64_t bytes, struct kit_file *ret)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING), r;
    void *map = MAP_FAILED;

    if (fd >= 0 && ftruncate(fd, (off_t)bytes) == 0 &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
        map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map != MAP_FAILED) {
        *ret = (struct kit_file){.fd = fd, .map = map};
        return 0;
    }
    r = -errno;
    if (fd >= 0)
        (void)close(fd);
    return r;
}

static void drop(struct place *place)
{
    if (place->file.fd < 0)
        return;
    (void)munmap(place->file.map, place->bytes);
    (void)close(place->file.fd);
    place->file.fd = -1;
}

/* One a turn. */
static void on_timer(void *ctx, uint32_t events)
{
    struct kit *kit = ctx;

    (void)events;
    for (uint32_t n = 0; n < KIT_FILES_MAX; n++) {
        struct place *place = &kit->places[n];
        int r;

        if (place->bytes == 0 || place->file.fd >= 0)
            continue;
        r = kit_make("shared", place->bytes, &place->file);
        if (r == 0)
            (void)madvise(place->file.map, place->bytes, MADV_POPULATE_WRITE);
        loop_set(kit->loop, &kit->timer, loop_now_ns() + (r == 0 ? NEXT_NS : AGAIN_NS));
        return;
    }
}

struct kit *kit_open(struct loop *loop)
{
    struct kit *kit = calloc(1, sizeof(*kit));

    if (kit == NULL)
        return NULL;
    kit->loop = loop;
    kit->timer = (struct loop_timer){.fn = on_timer, .ctx = kit};
    for (uint32_t n = 0; n < KIT_FILES_MAX; n++)
        kit->places[n].file.fd = -1;
    return kit;
}

void kit_close(struct kit **kit)
{
    if (*kit == NULL)
        return;
    loop_clear((*kit)->loop, &(*kit)->timer);
    for (uint32_t n = 0; n < KIT_FILES_MAX; n++)
        drop(&(*kit)->places[n]);
    free(*kit);
    *kit = NULL;
}

static struct place *oldest(struct kit *kit)
{
    struct place *found = &kit->places[0];

    for (uint32_t n = 1; n < KIT_FILES_MAX; n++)
        if (kit->places[n].used < found->used)
            found = &kit->places[n];
    return found;
}

/* Who wants one that is not there will find it the next time, in the place of what nobody wanted
 * for longest. */
bool kit_take(struct kit *kit, uint64_t bytes, struct kit_file *ret)
{
    struct place *place = NULL;
    bool is_there;

    if (kit == NULL || bytes == 0 || bytes > KIT_BYTES_MAX)
        return false;
    loop_set(kit->loop, &kit->timer, loop_now_ns() + REST_NS);
    for (uint32_t n = 0; n < KIT_FILES_MAX && place == NULL; n++)
        if (kit->places[n].bytes == bytes && kit->places[n].file.fd >= 0)
            place = &kit->places[n];
    is_there = place != NULL;
    if (!is_there) {
        place = oldest(kit);
        drop(place);
        place->bytes = bytes;
    } else {
        *ret = place->file;
        place->file.fd = -1;
    }
    place->used = ++kit->clock;
    return is_there;
}

uint32_t kit_count(const struct kit *kit)
{
    uint32_t count = 0;

    for (uint32_t n = 0; kit != NULL && n < KIT_FILES_MAX; n++)
        count += kit->places[n].file.fd >= 0;
    return count;
}
