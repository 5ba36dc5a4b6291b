/* The shared memory of a service: made, sealed, mapped and handed out here. */
#include "node/broker.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/record.h"
#include "core/link.h"
#include "node/kit.h"
#include "spec/ways.h"

/* The descriptor may be there already, of this size. */
static int make(const char *name, uint64_t bytes, struct broker_memory *ret, struct tt_error *err)
{
    ret->bytes = bytes;
    if (ret->fd < 0) {
        ret->fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (ret->fd < 0 || ftruncate(ret->fd, (off_t)bytes) < 0)
            return tt_fail(err, -errno, "cannot make %llu bytes of shared memory for %s: %s",
                           (unsigned long long)bytes, name, strerror(errno));
    }
    if (fcntl(ret->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
        return tt_fail(err, -errno, "cannot seal %s: %s", name, strerror(errno));
    return 0;
}

/* Small, and mapped here. */
static int make_shared(struct stock *stock, const char *name, uint64_t bytes,
                       struct broker_memory *ret, struct tt_error *err)
{
    struct kit_file file;
    int r = kit_take(stock_kit(stock), bytes, &file) ? 0 : kit_make(name, bytes, &file);

    if (r < 0)
        return tt_fail(err, r, "cannot make %llu bytes of shared memory for %s: %s",
                       (unsigned long long)bytes, name, strerror(-r));
    *ret = (struct broker_memory){.fd = file.fd, .read_fd = -1, .bytes = bytes, .map = file.map};
    return 0;
}

static int make_pool(const char *name, uint64_t bytes, const struct broker *broker,
                     struct broker_memory *ret, struct tt_error *err)
{
    char path[64];
    int r;

    ret->fd = stock_take(broker->stock, bytes);
    r = make(name, bytes, ret, err);
    if (r < 0 || broker->wiring->process_count == 1) /* nobody else reads it */
        return r;
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", ret->fd);
    ret->read_fd = open(path, O_RDONLY | O_CLOEXEC);
    return ret->read_fd >= 0
               ? 0
               : tt_fail(err, -errno, "cannot open %s for reading: %s", name, strerror(errno));
}

static void drop(struct broker_memory *memory)
{
    if (memory->map != NULL)
        (void)munmap(memory->map, memory->bytes);
    if (memory->fd >= 0)
        (void)close(memory->fd);
    if (memory->read_fd >= 0)
        (void)close(memory->read_fd);
}

static int make_records(struct broker *broker, uint32_t number, struct tt_error *err)
{
    uint32_t slots = broker->wiring->processes[number].record_slots;
    uint64_t bytes = tt_ring_bytes(sizeof(struct tt_record), slots);
    char name[TT_MESSAGE_NAME_BYTES];
    int r;

    tt_assert(bytes != 0);
    (void)snprintf(name, sizeof(name), "records:%u", number);
    r = make_shared(broker->stock, name, bytes, &broker->records[number], err);
    if (r == 0)
        tt_ring_consumer(&broker->rings[number], broker->records[number].map,
                         sizeof(struct tt_record), slots);
    return r;
}

static int make_process(struct broker *broker, uint32_t number, struct tt_error *err)
{
    const struct tt_pool_view *pool = &broker->wiring->processes[number].pool;
    char name[TT_MESSAGE_NAME_BYTES];
    int r = make_records(broker, number, err);

    if (r < 0 || pool->class_count == 0)
        return r;
    (void)snprintf(name, sizeof(name), "pool:%u", number);
    return make_pool(name, pool->bytes, broker, &broker->pools[number], err);
}

static int make_stats(struct broker *broker, uint32_t number, struct tt_error *err)
{
    int r = make_shared(broker->stock, "stats", sizeof(struct tt_engine_stats),
                        &broker->stats[number], err);

    broker->engine_stats[number] = broker->stats[number].map;
    return r;
}

static int make_picture(struct broker *broker, struct ahead *ahead, struct tt_error *err)
{
    uint64_t bytes;
    char *packed = tt_picture_pack(broker->picture, &bytes);

    if (packed == NULL)
        return tt_fail(err, -ENOMEM, "no memory for the picture");
    broker->picture_fd = ahead_take_picture(ahead, packed, bytes);
    if (broker->picture_fd < 0)
        broker->picture_fd = tt_message_text_fd("picture", packed, bytes, err);
    free(packed);
    return broker->picture_fd < 0 ? broker->picture_fd : 0;
}

int broker_renew_link(struct broker *broker, uint32_t link, struct tt_error *err)
{
    char name[TT_MESSAGE_NAME_BYTES];

    tt_assert(link < broker->wiring->link_count);
    drop(&broker->links[link]);
    broker->links[link] = (struct broker_memory){.fd = -1, .read_fd = -1};
    (void)snprintf(name, sizeof(name), "link:%u", link);
    return make_shared(broker->stock, name, tt_link_bytes(broker->wiring->links[link].depth),
                       &broker->links[link], err);
}

static int make_all(struct broker *broker, struct ahead *ahead, struct tt_error *err)
{
    char name[TT_MESSAGE_NAME_BYTES];
    int r = tt_wiring_make(broker->picture, &broker->wiring, err);

    if (r == 0)
        r = make_picture(broker, ahead, err);
    if (r == 0)
        r = make_shared(broker->stock, "bells", 64 * (uint64_t)broker->wiring->process_count,
                        &broker->bells, err);
    for (uint32_t n = 0; r == 0 && n < broker->wiring->container_count; n++)
        r = make_stats(broker, n, err);
    for (uint32_t n = 0; r == 0 && n < broker->wiring->process_count; n++)
        r = make_process(broker, n, err);
    for (uint32_t n = 0; r == 0 && n < broker->wiring->link_count; n++) {
        (void)snprintf(name, sizeof(name), "link:%u", n);
        r = make_shared(broker->stock, name, tt_link_bytes(broker->wiring->links[n].depth),
                        &broker->links[n], err);
    }
    return r;
}

int broker_open(const struct tt_picture *picture, struct stock *stock, struct ahead *ahead,
                struct broker **ret, struct tt_error *err)
{
    const struct broker_memory none = {.fd = -1, .read_fd = -1};
    struct broker *broker = calloc(1, sizeof(*broker));
    int r;

    if (broker == NULL)
        return tt_fail(err, -ENOMEM, "no memory for the service's memory");
    for (uint32_t n = 0; n < TT_PROCESSES_MAX; n++)
        broker->pools[n] = broker->records[n] = none;
    for (uint32_t n = 0; n < TT_LINKS_MAX; n++)
        broker->links[n] = none;
    for (uint32_t n = 0; n < TT_WORKERS_MAX; n++)
        broker->stats[n] = none;
    broker->bells = none;
    broker->picture_fd = -1;
    broker->picture = picture;
    broker->stock = stock;
    r = make_all(broker, ahead, err);
    if (r < 0) {
        broker_close(&broker);
        return r;
    }
    *ret = broker;
    return 0;
}

void broker_close(struct broker **closed)
{
    struct broker *broker = *closed;

    if (broker == NULL)
        return;
    for (uint32_t n = 0; n < TT_PROCESSES_MAX; n++) {
        drop(&broker->pools[n]);
        drop(&broker->records[n]);
    }
    for (uint32_t n = 0; n < TT_LINKS_MAX; n++)
        drop(&broker->links[n]);
    for (uint32_t n = 0; n < TT_WORKERS_MAX; n++)
        drop(&broker->stats[n]);
    drop(&broker->bells);
    if (broker->picture_fd >= 0)
        (void)close(broker->picture_fd);
    tt_wiring_close(&broker->wiring);
    free(broker);
    *closed = NULL;
}

void broker_gift_add(struct broker_gift *gift, const char *name, int fd)
{
    uint32_t n = gift->count;

    tt_assert(n < TT_MESSAGE_FDS_MAX);
    (void)snprintf(gift->texts[n], sizeof(gift->texts[n]), "%s", name);
    gift->names[n] = gift->texts[n];
    gift->fds[n] = fd;
    gift->count++;
}

static void add_numbered(struct broker_gift *gift, const char *what, uint32_t number, int fd)
{
    char name[TT_MESSAGE_NAME_BYTES];

    (void)snprintf(name, sizeof(name), "%s:%u", what, number);
    broker_gift_add(gift, name, fd);
}

/* A source edge sees its own pool alone; frames of every pool may pass through a container, hence
 * come to another one or to a sink edge. */
void broker_gift(const struct broker *broker, uint32_t number, struct broker_gift *ret)
{
    const struct tt_wiring *wiring = broker->wiring;
    bool is_container = tt_wiring_is_container(wiring, number), is_reader = is_container;

    ret->count = 0;
    for (uint32_t n = 0; n < wiring->link_count; n++)
        is_reader |= wiring->links[n].to == number;
    broker_gift_add(ret, "bells", broker->bells.fd);
    broker_gift_add(ret, "records", broker->records[number].fd);
    if (is_container)
        broker_gift_add(ret, "stats", broker->stats[number].fd);
    for (uint32_t n = 0; n < wiring->process_count; n++)
        if (broker->pools[n].fd >= 0 && (n == number || is_reader))
            add_numbered(ret, "pool", n,
                         n == number ? broker->pools[n].fd : broker->pools[n].read_fd);
    for (uint32_t n = 0; n < wiring->link_count; n++)
        if ((wiring->links[n].from == number || wiring->links[n].to == number) &&
            tt_wiring_is_used(wiring, n))
            add_numbered(ret, "link", n, broker->links[n].fd);
}

static const char *setting_text(const struct tt_picture_component *component, uint32_t n)
{
    uint32_t place = component->settings[n].text;

    return component->texts != NULL && place != 0 && place < component->texts_bytes
               ? component->texts + place
               : "";
}

static bool is_in(const struct broker *broker, uint32_t component, uint32_t number)
{
    return (broker->picture->components[component].flags & TT_EDGE) != 0 &&
           broker->wiring->process_of[component] == number;
}

bool broker_has_text(const struct broker *broker, uint32_t number, const char *text)
{
    for (uint32_t c = 0; c < broker->picture->component_count; c++) {
        const struct tt_picture_component *component = &broker->picture->components[c];

        for (uint32_t n = 0; is_in(broker, c, number) && n < component->setting_count; n++)
            if (strcmp(setting_text(component, n), text) == 0)
                return true;
    }
    return false;
}

/* A text parameter of an edge that could be a place: an address needs the network, anything else is
 * taken for a path. Naming a file that does not exist grants nothing. */
static bool add_place(const char *text, const char *base, json_t *paths)
{
    char path[PATH_MAX];
    const char *scheme = strstr(text, "://");

    if (text[0] == '\0' || strcmp(text, "-") == 0)
        return false;
    if (scheme != NULL && strncmp(text, "file://", 7) != 0)
        return true;
    if (scheme != NULL)
        text = scheme + 3;
    else if (strncmp(text, "file:", 5) == 0)
        text += 5;
    if (text[0] == '/')
        (void)snprintf(path, sizeof(path), "%s", text);
    else
        (void)snprintf(path, sizeof(path), "%s/%s", base, text);
    json_array_append_new(paths, json_string(path));
    return false;
}

/* Places that the process's components name; what a window or a speaker is told are names. True:
 * one is an address. */
static bool add_places(const struct broker *broker, uint32_t number, const char *base,
                       json_t *paths)
{
    bool has_network = false;

    for (uint32_t c = 0; c < broker->picture->component_count; c++) {
        const struct tt_picture_component *component = &broker->picture->components[c];

        if (!is_in(broker, c, number) || (component->flags & TT_DESKTOP) != 0)
            continue;
        for (uint32_t n = 0; n < component->setting_count; n++)
            has_network |= add_place(setting_text(component, n), base, paths);
    }
    return has_network;
}

json_t *broker_order(const struct broker *broker, uint32_t number, uint32_t uid, uint32_t gid,
                     const char *base)
{
    int32_t first = broker->wiring->processes[number].component;
    const struct tt_picture_component *component =
        first >= 0 ? &broker->picture->components[first] : NULL;
    json_t *paths = json_array(), *none = json_array();
    bool has_network = add_places(broker, number, base, paths),
         is_source = component != NULL && component->is_source;
    bool is_desktop = component != NULL && (component->flags & TT_DESKTOP) != 0;

    return json_pack("{ss si si so so sb sb}", "role", component == NULL ? "container" : "edge",
                     "uid", (int)uid, "gid", (int)gid, is_source ? "files" : "writes", paths,
                     is_source ? "writes" : "files", none, "network", has_network, "desktop",
                     is_desktop);
}
