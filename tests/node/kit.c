/* Files made ahead: of the size that was wanted, zero, sealed, there, given once; not too many. */
#include "node/kit.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

static struct loop *loop;
static struct loop_timer tick;

static void on_tick(void *ctx, uint32_t events)
{
    (void)ctx, (void)events;
    loop_set(loop, &tick, loop_now_ns() + 1000000);
}

/* Turns until so many are there; the test's own time limit is the guard. */
static void fill(struct kit *kit, uint32_t count)
{
    tick = (struct loop_timer){.fn = on_tick};
    loop_set(loop, &tick, 0);
    while (kit_count(kit) < count)
        loop_turn(loop);
    loop_clear(loop, &tick);
}

static void give_away(struct kit_file *file, uint64_t bytes)
{
    (void)munmap(file->map, bytes);
    (void)close(file->fd);
}

static void check_file(const struct kit_file *file, uint64_t bytes)
{
    const unsigned char *memory = file->map;
    unsigned char any = 0;
    struct stat about;

    CHECK_INT(fstat(file->fd, &about), 0);
    CHECK_INT(about.st_size, (int64_t)bytes);
    CHECK((uint64_t)about.st_blocks * 512 >= bytes);
    CHECK_INT(fcntl(file->fd, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
    for (uint64_t n = 0; n < bytes; n++)
        any |= memory[n];
    CHECK_INT(any, 0);
}

static void what_was_wanted_is_there_next_time_and_given_once(void)
{
    const uint64_t sizes[] = {64, 16448, 16448};
    struct kit *kit = kit_open(loop);
    struct kit_file file, first;
    struct stat one, two;

    CHECK(kit != NULL);
    for (uint32_t n = 0; n < 3; n++)
        CHECK(!kit_take(kit, sizes[n], &file));
    fill(kit, 3);
    CHECK(!kit_take(kit, 65, &file));
    CHECK(kit_take(kit, sizes[1], &first));
    check_file(&first, sizes[1]);
    memset(first.map, 0xff, sizes[1]);
    CHECK(kit_take(kit, sizes[2], &file));
    check_file(&file, sizes[2]);
    CHECK_INT(fstat(first.fd, &one), 0);
    CHECK_INT(fstat(file.fd, &two), 0);
    CHECK(one.st_ino != two.st_ino);
    give_away(&first, sizes[1]);
    give_away(&file, sizes[2]);
    CHECK(!kit_take(kit, sizes[1], &file));
    fill(kit, 4);
    CHECK(kit_take(kit, sizes[1], &file));
    check_file(&file, sizes[1]);
    give_away(&file, sizes[1]);
    kit_close(&kit);
}

static void there_is_a_most(void)
{
    struct kit *kit = kit_open(loop);
    struct kit_file file;

    CHECK(!kit_take(kit, KIT_BYTES_MAX + 1, &file));
    CHECK(!kit_take(kit, 0, &file));
    for (uint64_t n = 1; n <= 2 * KIT_FILES_MAX; n++)
        CHECK(!kit_take(kit, n * 64, &file));
    fill(kit, KIT_FILES_MAX);
    CHECK(!kit_take(kit, 64, &file)); /* long wanted by nobody */
    CHECK(kit_take(kit, UINT64_C(128) * KIT_FILES_MAX, &file));
    give_away(&file, UINT64_C(128) * KIT_FILES_MAX);
    CHECK(!kit_take(NULL, 64, &file));
    kit_close(&kit);
    kit_close(&kit);
}

int main(void)
{
    (void)alarm(200);
    CHECK_INT(loop_open(&loop, NULL), 0);
    RUN(what_was_wanted_is_there_next_time_and_given_once);
    RUN(there_is_a_most);
    loop_close(&loop);
    return 0;
}
