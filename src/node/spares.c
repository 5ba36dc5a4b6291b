/* Processes that wait for a service. A fork of a process with all media libraries in it, its walls
 * and its threads are milliseconds; of a start with them done, nothing is left but messages. */
#include "node/spares.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node/groups.h"

#define MILLI INT64_C(1000000)
#define FIRST_NS (1500 * MILLI) /* the zygote has loaded by then, and nobody waits for it */
#define REST_NS (60 * MILLI)    /* after a spawn: a service is about to start */
#define NEXT_NS (4 * MILLI)
#define AGAIN_NS (2000 * MILLI) /* after one that died, or the zygote */

/* A container and a shaper have no file, address or device of a service, hence all their walls
 * before they have one. An edge has, so it waits for its user and its places. With a network it
 * would need another namespace, and who waits for a sender does not wait for a fork. */
static const struct kind {
    const char *role;
    bool has_network;
    uint32_t count;
} kinds[] = {{"container", false, 2}, {"edge", false, 2}, {"shaper", true, 1}};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]), SPARES_MAX = 8 };

struct spare {
    struct spares *spares;
    const struct kind *kind; /* NULL: no spare is here */
    struct child *child;
    uint32_t uid, gid;
};

struct spares {
    struct loop *loop;
    struct zygote *zygote;
    struct loop_timer timer;
    struct spare list[SPARES_MAX];
    uint32_t uid, gid; /* whom the next ones are for */
};

static bool is_edge(const struct kind *kind)
{
    return strcmp(kind->role, "edge") == 0;
}

static bool is_of_user(const struct spare *spare, uint32_t uid, uint32_t gid)
{
    return is_edge(spare->kind) || (spare->uid == uid && spare->gid == gid);
}

static void on_end(void *ctx, int code, int status, const struct rusage *usage)
{
    struct spare *spare = ctx;

    (void)code, (void)status, (void)usage;
    spare->kind = NULL;
    spare->child = NULL;
    loop_set(spare->spares->loop, &spare->spares->timer, loop_now_ns() + AGAIN_NS);
}

static const struct child_ops waiting = {.on_exit = on_end};

/* What broker.c and shape.c order, for nobody's service yet. */
static json_t *make_order(const struct spares *spares, const struct kind *kind)
{
    json_t *order = json_pack("{ss si si s[] s[] sb sb sb}", "role", kind->role, "uid",
                              (int)spares->uid, "gid", (int)spares->gid, "files", "writes",
                              "network", kind->has_network, "desktop", 0, "spare", 1);

    if (strcmp(kind->role, "shaper") == 0) /* it may look at its user's cameras */
        json_object_set_new(order, "groups", groups_of_cameras(spares->uid, spares->gid));
    return order;
}

static struct spare *free_place(struct spares *spares)
{
    for (uint32_t n = 0; n < SPARES_MAX; n++)
        if (spares->list[n].kind == NULL)
            return &spares->list[n];
    return NULL;
}

/* The first kind of which there are too few. What waits for another user goes. */
static const struct kind *wanted(struct spares *spares)
{
    for (uint32_t k = 0; k < KINDS; k++) {
        uint32_t count = 0;

        for (uint32_t n = 0; n < SPARES_MAX; n++) {
            struct spare *spare = &spares->list[n];

            if (spare->kind != &kinds[k])
                continue;
            if (!is_of_user(spare, spares->uid, spares->gid)) {
                child_abandon(&spare->child);
                spare->kind = NULL;
                continue;
            }
            count++;
        }
        if (count < kinds[k].count)
            return &kinds[k];
    }
    return NULL;
}

/* One a turn of the loop, which waits for the zygote's answer. */
static void on_timer(void *ctx, uint32_t events)
{
    struct spares *spares = ctx;
    const struct kind *kind = wanted(spares);
    struct spare *spare = kind != NULL ? free_place(spares) : NULL;
    struct child *child = NULL;
    json_t *order;

    (void)events;
    if (spare == NULL)
        return;
    order = make_order(spares, kind);
    if (order == NULL ||
        child_fork(spares->zygote, order, NULL, &waiting, spare, &child, NULL) < 0) {
        /* A zygote that gives none would keep the loop waiting again and again: none unasked. */
        loop_clear(spares->loop, &spares->timer);
        return;
    }
    *spare = (struct spare){
        .spares = spares, .kind = kind, .child = child, .uid = spares->uid, .gid = spares->gid};
    loop_set(spares->loop, &spares->timer, loop_now_ns() + NEXT_NS);
}

struct spares *spares_open(struct loop *loop, struct zygote *zygote)
{
    struct spares *spares = calloc(1, sizeof(*spares));

    if (spares == NULL)
        return NULL;
    spares->loop = loop;
    spares->zygote = zygote;
    spares->uid = geteuid();
    spares->gid = getegid();
    spares->timer = (struct loop_timer){.fn = on_timer, .ctx = spares};
    loop_set(loop, &spares->timer, loop_now_ns() + FIRST_NS);
    return spares;
}

void spares_drop(struct spares *spares)
{
    for (uint32_t n = 0; spares != NULL && n < SPARES_MAX; n++)
        if (spares->list[n].kind != NULL) {
            child_abandon(&spares->list[n].child);
            spares->list[n].kind = NULL;
        }
    if (spares != NULL)
        loop_set(spares->loop, &spares->timer, loop_now_ns() + AGAIN_NS);
}

void spares_close(struct spares **spares)
{
    if (*spares == NULL)
        return;
    for (uint32_t n = 0; n < SPARES_MAX; n++)
        child_end(&(*spares)->list[n].child);
    loop_clear((*spares)->loop, &(*spares)->timer);
    free(*spares);
    *spares = NULL;
}

static bool is_what_it_asks(const struct spare *spare, const json_t *order)
{
    const char *role = json_string_value(json_object_get(order, "role"));

    /* The threads of one that waits sleep elsewhere: tt_cpuset_enter(). */
    if (json_object_get(order, "cpuset") != NULL)
        return false;
    return spare->kind != NULL && role != NULL && strcmp(spare->kind->role, role) == 0 &&
           json_is_true(json_object_get(order, "network")) == spare->kind->has_network;
}

struct child *spares_take(struct spares *spares, const json_t *order)
{
    struct child *child = NULL;

    if (spares == NULL)
        return NULL;
    spares->uid = (uint32_t)json_integer_value(json_object_get(order, "uid"));
    spares->gid = (uint32_t)json_integer_value(json_object_get(order, "gid"));
    loop_set(spares->loop, &spares->timer, loop_now_ns() + REST_NS);
    for (uint32_t n = 0; n < SPARES_MAX && child == NULL; n++) {
        struct spare *spare = &spares->list[n];

        if (!is_what_it_asks(spare, order) || !is_of_user(spare, spares->uid, spares->gid))
            continue;
        child = spare->child;
        if (is_edge(spare->kind) && child_tell(child, order) < 0)
            child_abandon(&child); /* the next one, or a fork */
        spare->kind = NULL;
        spare->child = NULL;
    }
    return child;
}

uint32_t spares_count(const struct spares *spares)
{
    uint32_t count = 0;

    for (uint32_t n = 0; spares != NULL && n < SPARES_MAX; n++)
        count += spares->list[n].kind != NULL;
    return count;
}

static uint64_t private_bytes(pid_t pid)
{
    unsigned long long kb = 0, part;
    char path[64], line[256];
    FILE *file;

    (void)snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
    file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        if (sscanf(line, "Private_Clean: %llu", &part) == 1 ||
            sscanf(line, "Private_Dirty: %llu", &part) == 1)
            kb += part;
    if (file != NULL)
        (void)fclose(file);
    return kb << 10;
}

uint64_t spares_bytes(const struct spares *spares)
{
    uint64_t bytes = 0;

    for (uint32_t n = 0; spares != NULL && n < SPARES_MAX; n++)
        if (spares->list[n].kind != NULL)
            bytes += private_bytes(child_pid(spares->list[n].child));
    return bytes;
}
