/* Kinds of sandboxed components, and their instances. */
#include "sandbox/proxy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "sandbox/describe.h"
#include "sandbox/request.h"

enum { CONFIG_BYTES_MAX = 1 << 20, KIND_BYTES = 256, KEPT_EVENTS = 32, EVENTS_MAX = 64 };

struct kind {
    char name[KIND_BYTES];
    const struct tt_module *module;
    struct tt_described described;
    struct tt_component component;
    struct tt_image fresh; /* after start() */
    struct tt_slot *slot;  /* in which it is asked for shapes */
    uint8_t *config;       /* CONFIG_BYTES_MAX */
};

/* Events whose effect lies in the state, the last of each, to be told anew after a restart. */
struct memory {
    struct tt_event events[KEPT_EVENTS];
    uint32_t count;
    bool is_due;
};

struct instance {
    const struct kind *kind;
    struct tt_slot *slot;
    struct tt_image ready; /* after init() */
    const struct tt_request *request;
    const struct tt_host *host;
    uint64_t state_bytes, scratch_bytes;
    uint32_t failures; /* traps without a good activation in between */
    uint32_t is_over;  /* atomic */
    uint32_t traps;    /* atomic: even numbers are whole */
    struct tt_trap_report report;
    struct memory memory;
};

static struct {
    struct tt_space space;
    struct tt_windows windows;
    struct kind kinds[TT_PROXY_KINDS_MAX];
    uint32_t kind_count;
} world;

int tt_proxy_windows(const struct tt_pool_view *pools, uint32_t count, uint32_t own_number,
                     struct tt_error *err)
{
    int r = 0;

    memset(&world.windows, 0, sizeof world.windows);
    for (uint32_t n = 0; n < count && r == 0; n++)
        if (pools[n].memory)
            r = tt_windows_add(&world.windows, pools[n].memory, pools[n].bytes, n == own_number,
                               err);
    return r;
}

static int new_slot(const struct kind *kind, bool has_windows, struct tt_slot **ret,
                    struct tt_error *err)
{
    struct tt_slot_params params = {.space = &world.space,
                                    .windows = has_windows ? &world.windows : NULL,
                                    .instance_bytes = kind->module->instance_bytes};

    return tt_slot_new(&params, ret, err);
}

static int shape(struct kind *kind, const struct tt_request *request, struct tt_shape *ret,
                 struct tt_error *err)
{
    struct tt_asked asked = {.request = request};
    struct tt_answer_room room = {kind->config, CONFIG_BYTES_MAX};
    int r = tt_trap_install(err); /* who loaded a plug-in since may have taken the signals */

    if (r < 0)
        return r;
    r = tt_slot_reset(kind->slot);
    if (r < 0)
        return tt_fail(err, r, "its sandbox cannot be made anew: %s", strerror(-r));
    r = tt_ask_shape(kind->slot, &asked, &room, ret, err);
    if (r < 0)
        return r;
    ret->state_bytes = sizeof(struct instance);
    ret->scratch_bytes = 0;
    return 0;
}

/* shape() runs here too: what the module's own state needs is not in the picture. */
static int prepare(struct instance *instance, struct kind *kind, const struct tt_request *request,
                   struct tt_error *err)
{
    struct tt_asked asked = {.request = request};
    struct tt_answer_room room = {kind->config, CONFIG_BYTES_MAX};
    struct tt_shape own;
    int r = tt_slot_load(instance->slot, kind->module, &kind->fresh, TT_PROXY_PAGES_MAX, err);

    if (r == 0)
        r = tt_ask_shape(instance->slot, &asked, &room, &own, err);
    if (r < 0)
        return r;
    asked.state_bytes = instance->state_bytes = own.state_bytes;
    instance->scratch_bytes = own.scratch_bytes;
    r = tt_ask_init(instance->slot, &asked, err);
    if (r == 0)
        r = tt_slot_save(instance->slot, &instance->ready, err);
    if (r == 0)
        r = tt_slot_load(instance->slot, kind->module, &instance->ready, TT_PROXY_PAGES_MAX, err);
    return r;
}

static int init(struct kind *kind, void *state, const struct tt_request *request,
                struct tt_error *err)
{
    struct instance *instance = state;
    int r = tt_trap_install(err);

    *instance = (struct instance){.kind = kind, .ready = {.fd = -1}};
    if (r == 0)
        r = new_slot(kind, true, &instance->slot, err);
    if (r < 0)
        return r;
    r = prepare(instance, kind, request, err);
    if (r < 0)
        tt_slot_close(&instance->slot);
    else
        tt_slot_fill(instance->slot);
    return r;
}

static int open_slot(struct instance *instance)
{
    struct tt_asked asked = {.request = instance->request,
                             .state_bytes = instance->state_bytes,
                             .scratch_bytes = instance->scratch_bytes};

    instance->slot->host = instance->host;
    return tt_ask_open(instance->slot, &asked);
}

static int open_instance(void *state, void *scratch, const struct tt_host *host,
                         const struct tt_request *request)
{
    struct instance *instance = state;

    instance->host = host;
    instance->request = request;
    return open_slot(instance);
}

static void keep_event(struct memory *memory, const struct tt_event *event)
{
    uint32_t place = 0;

    if (event->kind == TT_EVENT_KEY)
        return;
    while (place < memory->count &&
           (memory->events[place].kind != event->kind || memory->events[place].id != event->id))
        place++;
    if (place == KEPT_EVENTS)
        return;
    memory->events[place] = *event;
    if (place == memory->count)
        memory->count++;
}

/* A restarted instance hears first what it was told before. */
static int process_with_events(struct instance *instance, struct tt_call *call)
{
    struct memory *memory = &instance->memory;
    struct tt_event events[KEPT_EVENTS + EVENTS_MAX];
    const tt_addr given = call->events;
    const uint32_t given_count = call->event_count;
    int r;

    memcpy(events, memory->events, memory->count * sizeof *events);
    if (given_count > EVENTS_MAX - memory->count)
        return -E2BIG;
    if (given_count > 0)
        memcpy(events + memory->count, tt_call_events(call), given_count * sizeof *events);
    call->events = (tt_addr)(uintptr_t)events;
    call->event_count = memory->count + given_count;
    r = tt_slot_process(instance->slot, call);
    call->events = given;
    call->event_count = given_count;
    return r;
}

static void note_trap(struct instance *instance)
{
    uint32_t traps = instance->traps;

    __atomic_store_n(&instance->traps, traps + 1, __ATOMIC_RELEASE);
    instance->report = instance->slot->report;
    __atomic_store_n(&instance->traps, traps + 2, __ATOMIC_RELEASE);
    instance->memory.is_due = true;
    if (++instance->failures > TT_PROXY_RESTARTS_MAX)
        __atomic_store_n(&instance->is_over, 1, __ATOMIC_RELAXED);
    if (instance->host)
        (void)instance->host->note(instance->host->ctx, TT_NOTE_TRAP,
                                   (int64_t)instance->report.trap |
                                       (int64_t)instance->report.function_number << 8);
}

static int restart(struct instance *instance)
{
    int r = tt_slot_reset(instance->slot);

    if (r == 0)
        r = open_slot(instance);
    if (instance->slot->is_dead)
        note_trap(instance);
    return r;
}

static int process(void *state, struct tt_call *call)
{
    struct instance *instance = state;
    int r = 0;

    for (uint32_t n = 0; n < call->event_count; n++)
        keep_event(&instance->memory, &tt_call_events(call)[n]);
    if (instance->slot->is_dead) {
        if (instance->is_over)
            return tt_trap_errno(instance->slot->report.trap);
        r = restart(instance);
        if (r < 0)
            return r;
    }
    r = instance->memory.is_due ? process_with_events(instance, call)
                                : tt_slot_process(instance->slot, call);
    if (instance->slot->is_dead) {
        note_trap(instance);
        return r;
    }
    instance->memory.is_due = false;
    instance->failures = 0;
    return r;
}

static void close_instance(void *state)
{
    struct instance *instance = state;
    int32_t unused;

    if (!instance->slot)
        return;
    (void)tt_slot_enter(instance->slot, TT_ENTRY_CLOSE, 0, &unused);
    tt_slot_close(&instance->slot);
    tt_image_close(&instance->ready);
}

/* component.h gives shape() and init() no word of whose they are, so each place in the table has
 * functions of its own. */
#define PLACES(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)

#define FUNCTIONS(n)                                                                               \
    static int shape_##n(const struct tt_request *request, struct tt_shape *ret,                   \
                         struct tt_error *err)                                                     \
    {                                                                                              \
        return shape(&world.kinds[n], request, ret, err);                                          \
    }                                                                                              \
    static int init_##n(void *state, const struct tt_request *request, struct tt_error *err)       \
    {                                                                                              \
        return init(&world.kinds[n], state, request, err);                                         \
    }
PLACES(FUNCTIONS)

#define SHAPE(n) shape_##n,
#define INIT(n) init_##n,
static int (*const shapes[])(const struct tt_request *, struct tt_shape *,
                             struct tt_error *) = {PLACES(SHAPE)};
static int (*const inits[])(void *, const struct tt_request *, struct tt_error *) = {PLACES(INIT)};
_Static_assert(sizeof shapes / sizeof *shapes == TT_PROXY_KINDS_MAX, "a place for each kind");

static int describe(struct kind *kind, struct tt_error *err)
{
    int32_t at = 0;
    int r = tt_slot_start(kind->slot, kind->module, 0, err);

    if (r < 0)
        return r;
    r = tt_slot_save(kind->slot, &kind->fresh, err);
    if (r == 0)
        r = tt_slot_load(kind->slot, kind->module, &kind->fresh, 0, err);
    if (r < 0)
        return r;
    if (!tt_slot_enter(kind->slot, TT_ENTRY_DESCRIBE, 0, &at))
        return tt_fail(err, tt_trap_errno(kind->slot->report.trap),
                       "it %s when it was asked what "
                       "it is",
                       tt_trap_words(kind->slot->report.trap));
    return tt_describe(kind->slot->memory, kind->slot->memory_bytes, (uint32_t)at, &kind->described,
                       err);
}

static void give_functions(struct kind *kind)
{
    size_t place = (size_t)(kind - world.kinds);

    kind->component = kind->described.component;
    kind->component.name = kind->name;
    kind->component.shape = shapes[place];
    kind->component.init = inits[place];
    kind->component.open = open_instance;
    kind->component.process = process;
    kind->component.close = close_instance;
}

static void forget(struct kind *kind)
{
    tt_slot_close(&kind->slot);
    tt_image_close(&kind->fresh);
    tt_described_fini(&kind->described);
    free(kind->config);
    memset(kind, 0, sizeof *kind);
}

static int open_kind(struct kind *kind, struct tt_error *err)
{
    int r = world.space.slot_count > 0 ? 0 : tt_space_open(&world.space, TT_PROXY_SLOTS, err);

    if (r == 0)
        r = tt_trap_install(err);
    if (r < 0)
        return r;
    kind->fresh.fd = -1;
    kind->config = malloc(CONFIG_BYTES_MAX);
    if (!kind->config)
        return tt_fail(err, -ENOMEM, "no memory");
    r = new_slot(kind, false, &kind->slot, err);
    if (r == 0)
        r = describe(kind, err);
    return r;
}

int tt_proxy_open(const char *kind, const struct tt_module *module, const struct tt_component **ret,
                  struct tt_error *err)
{
    struct kind *place = &world.kinds[world.kind_count];
    int r;

    for (uint32_t n = 0; n < world.kind_count; n++)
        if (strcmp(world.kinds[n].name, kind) == 0) {
            *ret = &world.kinds[n].component;
            return 0;
        }
    if (world.kind_count == TT_PROXY_KINDS_MAX || strlen(kind) >= sizeof place->name)
        return tt_fail(err, -E2BIG,
                       "a service has at most %d sandboxed components, of %d letters each",
                       TT_PROXY_KINDS_MAX, KIND_BYTES - 1);
    place->module = module;
    memcpy(place->name, kind, strlen(kind) + 1);
    r = open_kind(place, err);
    if (r < 0) {
        forget(place);
        return tt_wrap(err, r, "%s", kind);
    }
    give_functions(place);
    world.kind_count++;
    *ret = &place->component;
    return 0;
}

uint32_t tt_proxy_count(void)
{
    return world.kind_count;
}

bool tt_proxy_is(const struct tt_component *component)
{
    return component->process == process;
}

uint32_t tt_proxy_traps(const void *state, struct tt_trap_report *ret)
{
    const struct instance *instance = state;
    uint32_t before, after;

    do {
        before = __atomic_load_n(&instance->traps, __ATOMIC_ACQUIRE) & ~1u;
        *ret = instance->report;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        after = __atomic_load_n(&instance->traps, __ATOMIC_RELAXED);
    } while (before != after);
    return before / 2;
}

bool tt_proxy_is_over(const void *state)
{
    return __atomic_load_n(&((const struct instance *)state)->is_over, __ATOMIC_RELAXED) != 0;
}

void tt_proxy_say(const struct tt_trap_report *report, char *ret, uint32_t bytes)
{
    static const char *const entries[] = {"shape()",   "init()",  "open()",
                                          "process()", "close()", "its description"};
    const char *entry =
        (unsigned)report->entry < TT_ENTRY_COUNT ? entries[report->entry] : "its start";
    char where[32] = "";

    if (report->trap == TT_TRAP_BOUNDS)
        (void)tt_format_text(where, sizeof where, ", at %llu", (unsigned long long)report->offset);
    (void)tt_format_text(ret, bytes, "%s in %s%s%s%s (code %d)", tt_trap_words(report->trap),
                         report->function[0] ? report->function : entry,
                         report->function[0] ? ", called for " : "",
                         report->function[0] ? entry : "", where, (int)report->trap);
}

struct tt_slot *tt_proxy_slot(const void *state)
{
    return ((const struct instance *)state)->slot;
}

int tt_proxy_limit_to_calls(const void *state, struct tt_error *err)
{
    return tt_slot_limit_to_calls(tt_proxy_slot(state), err);
}
