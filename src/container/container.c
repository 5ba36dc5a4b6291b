/* A container's life: setup, go, frames, end. */
#include "container/container.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "components/table.h"
#include "container/inside.h"
#include "container/load.h"
#include "container/move.h"
#include "platform/linux/reserve.h"
#include "platform/linux/stamp.h"

enum {
    REPORT_NS = 1000000000,
    DRAIN_NS = 1000000000,
    POLL_EARLY_MS = 5, /* until the first frame, whose time is shown to a person who waits */
    POLL_MS = 100,
    POLL_PROFILE_MS = 10 /* the engine keeps 512 samples; asap runs make many */
};

/* Wall time; media time runs as fast as it can. Unless somebody asks for a time, enough samples are
 * enough. */
static const int64_t profile_ns = 5000000000;

static int64_t asked_ns(const struct container *container)
{
    return tt_seat_plan(&container->seat, "profile_ns", 0);
}

static bool is_profile_over(const struct container *container, uint32_t samples, int64_t past_ns)
{
    int64_t whole_ns = asked_ns(container);

    return whole_ns > 0 ? past_ns > whole_ns : samples >= SAMPLES_MAX || past_ns > profile_ns;
}

static void run_engine(void *ctx)
{
    struct container *container = ctx;

    sandbox_thread(container);
    if (container->is_leaving) /* the service's other workers got none */
        (void)tt_reserve_leave(NULL);
    tt_engine_run(container->engine, container->seat.epoch_ns, container->seat.first_ns);
    /* The end of a process is kernel work that a small reservation would stretch over seconds. */
    (void)tt_reserve_leave(NULL);
    tt_seat_done(&container->seat);
}

/* The second thread: the worker when the first one's component is over its budget, in turns. */
static void run_standby(void *ctx)
{
    struct container *container = ctx;

    sandbox_thread(container);
    tt_engine_stand_by(container->engine);
    (void)tt_reserve_leave(NULL);
    tt_seat_done(&container->seat);
}

static void on_budget(void *ctx)
{
    struct container *container = ctx;

    if (container->engine)
        tt_engine_on_budget(container->engine);
}

/* Other CPUs busy: what a component costs then is what may be promised. */
static void *spin(void *unused)
{
    for (volatile uint64_t turns = 0;; turns++)
        ;
    return NULL;
}

static void start_spinners(const struct container *container)
{
    cpu_set_t cpus;
    int count = 1;

    if (sched_getaffinity(0, sizeof cpus, &cpus) == 0)
        count = CPU_COUNT(&cpus);
    for (int n = 1; n < count; n++) {
        pthread_t thread;

        if (pthread_create(&thread, NULL, spin, NULL) != 0) {
            tt_seat_note(&container->seat, "CPU %d is not kept busy during the profile", n);
            return;
        }
        (void)pthread_detach(thread);
    }
}

static int read_picture(struct container *container, struct tt_error *err)
{
    uint64_t bytes = 0;
    char *data = NULL;
    int r = tt_seat_picture(&container->seat, &data, &bytes, err);

    if (r == 0)
        r = tt_wiring_unpack(data, bytes, &container->picture, &container->wiring, err);
    free(data);
    return r;
}

/* The picture may come ahead of the rest, while that is still planned. */
static int hear_service(struct container *container, int control, struct tt_error *err)
{
    int r = tt_seat_receive(&container->seat, control, err);

    (void)prctl(PR_SET_NAME, "tactus-contain", 0, 0, 0);
    if (r == 1) {
        r = read_picture(container, err);
        tt_message_fini(&container->seat.setup);
        if (r == 0)
            r = tt_seat_receive(&container->seat, control, err);
        if (r == 1)
            r = tt_fail(err, -EPROTO, "a second picture came ahead of the set-up");
    }
    tt_stamp("container set-up heard");
    if (r == 0 && container->picture == NULL)
        r = read_picture(container, err);
    if (r == 0 && container->seat.number >= container->wiring->container_count)
        r = tt_fail(err, -EPROTO, "process %u is no container", container->seat.number);
    return r == 0 ? move_recall(container, err) : r;
}

/* A spare container that nothing is in: it may never be there, and its pages need not be. */
static bool is_idle(const struct container *container, uint32_t number)
{
    for (uint32_t n = 0; n < container->picture->component_count; n++)
        if (container->wiring->process_of[n] == number)
            return false;
    return tt_wiring_is_spare(container->wiring, number);
}

static int map_memory(struct container *container, struct tt_error *err)
{
    const struct tt_wiring *wiring = container->wiring;
    void *stats = NULL;
    int r;

    for (uint32_t n = 0; n < wiring->process_count; n++) {
        container->pools[n] = wiring->processes[n].pool;
        if (is_idle(container, n))
            container->seat.idle_pools |= UINT64_C(1) << n;
    }
    r = tt_seat_pools(&container->seat, container->pools, wiring->process_count, err);
    if (r == 0)
        r = tt_seat_map(&container->seat, "stats", sizeof *container->stats, true, &stats, err);
    container->stats = stats;
    if (r == 0) /* a predecessor's last words */
        memset(container->stats, 0, sizeof *container->stats);
    if (r == 0)
        r = tt_seat_world(&container->seat, wiring->process_count,
                          wiring->processes[container->seat.number].record_slots, on_budget,
                          container, err);
    return r;
}

static int open_engine(struct container *container, struct tt_error *err)
{
    const struct tt_picture *picture = container->picture;
    const struct tt_seat *seat = &container->seat;
    struct tt_engine_params params = {
        .nodes = container->nodes,
        .node_count = container->node_count,
        .flows = container->flows,
        .flow_count = container->flow_count,
        .own = container->pools[seat->number],
        .own_number = seat->number,
        .class_of = &container->class_of[0][0],
        .pools = container->pools,
        .pool_count = container->wiring->process_count,
        .segment_count = picture->segment_count,
        .mode = picture->is_live && !container->is_profile ? TT_MODE_LIVE : TT_MODE_ASAP,
        .rate = picture->rate,
        .end_ns = tt_seat_plan(seat, "end_ns", INT64_MAX),
        .watchdog_ns = tt_seat_plan(seat, "watchdog_ns", 1000000000),
        .wall_offset_ns = tt_seat_plan(seat, "wall_offset_ns", 0),
        .port = tt_linux_port(&container->seat.world),
        .spare_nodes = container->moves ? MOVE_SPARE : 0,
        .spare_flows = container->moves ? MOVE_SPARE : 0,
    };

    return tt_engine_open(&params, container->stats, &container->engine, err);
}

/* An event for a component, by its place in the picture. */
static void post_event(struct container *container, const struct tt_message *message)
{
    struct tt_event event = {.kind = (uint32_t)tt_message_int(message, "kind", 0),
                             .id = (uint32_t)tt_message_int(message, "id", 0),
                             .i = tt_message_int(message, "i", 0),
                             .f = json_number_value(json_object_get(message->body, "f"))};
    int64_t component = tt_message_int(message, "component", -1);
    uint32_t node;

    if (strcmp(tt_message_text(message, "op"), "event") != 0 || component < 0 ||
        component >= container->picture->component_count ||
        container->wiring->process_of[component] != container->seat.number) {
        tt_seat_note(&container->seat, "an event for no component of this container is ignored");
        return;
    }
    node = container->node_of_in[component][0];
    if (!tt_engine_post_at(container->engine, node, &event,
                           tt_message_int(message, "at", INT64_MIN)))
        tt_seat_note(&container->seat, "'%s' has too many events waiting, one is lost",
                     container->picture->components[component].name);
}

/* The epoch was not known at setup, and wall time of media time 0 follows from it. */
static void on_go(void *ctx, const struct tt_message *message)
{
    struct container *container = ctx;
    struct tt_event event = {.kind = TT_EVENT_WALL,
                             .i = tt_message_int(message, "wall_offset_ns", INT64_MIN)};

    container->is_leaving = json_is_true(json_object_get(message->body, "leave"));
    for (uint32_t n = 0; n < container->node_count && event.i != INT64_MIN; n++)
        if (container->nodes[n].role == TT_NODE_COMPONENT)
            (void)tt_engine_post(container->engine, n, &event);
}

struct watch { /* what the main thread has told so far */
    struct costs costs;
    int64_t report_ns, go_ns, end_ns;
    bool is_first_told, is_stop_told, is_hurried;
};

static void tell_first(struct container *container, struct watch *watch)
{
    int64_t at_ns = __atomic_load_n(&container->stats->first_delivery_ns, __ATOMIC_ACQUIRE);

    if (watch->is_first_told || at_ns == 0)
        return;
    watch->is_first_told = true;
    (void)tt_message_send_new(container->seat.control,
                              json_pack("{ss sI}", "event", "first", "at_ns", at_ns), NULL, NULL, 0,
                              NULL);
}

static void stop_engine(struct container *container, struct watch *watch)
{
    if (watch->is_stop_told)
        return;
    watch->is_stop_told = true;
    watch->end_ns = tt_linux_now() + DRAIN_NS;
    tt_engine_stop(container->engine);
    tt_bell_ring(&container->seat.bells, container->seat.number);
}

/* Whoever still runs when the time for draining is over is asked to return at once. */
static void hurry(struct container *container, struct watch *watch, int64_t now_ns)
{
    if (!watch->is_stop_told || watch->is_hurried || now_ns <= watch->end_ns)
        return;
    watch->is_hurried = true;
    tt_engine_stop(container->engine);
}

/* One turn of the main thread beside the messages. Returns true when there is nothing more to wait
 * for. */
static bool look_around(struct container *container, struct watch *watch)
{
    int64_t now_ns = tt_linux_now();

    if (tt_seat_is_stopped(&container->seat)) {
        if (!tt_seat_is_go(&container->seat))
            return true;
        stop_engine(container, watch);
    }
    if (!tt_seat_is_go(&container->seat))
        return false;
    if (watch->go_ns == 0)
        watch->go_ns = now_ns;
    tell_first(container, watch);
    costs_take(&watch->costs, container);
    levels_look(container);
    sandbox_look(container);
    hurry(container, watch, now_ns);
    if (container->is_profile) {
        if (is_profile_over(container, costs_least(&watch->costs), now_ns - watch->go_ns))
            stop_engine(container, watch);
        if (watch->is_stop_told || asked_ns(container) == 0)
            return watch->is_stop_told && now_ns > watch->end_ns;
    }
    if (watch->costs.unreported > 0 && now_ns - watch->report_ns > REPORT_NS) {
        watch->report_ns = now_ns;
        costs_report(&watch->costs, container, false);
    }
    return false;
}

static int timeout_ms(const struct container *container, const struct watch *watch)
{
    if (container->is_profile)
        return POLL_PROFILE_MS;
    return tt_seat_is_go(&container->seat) && !watch->is_first_told ? POLL_EARLY_MS : POLL_MS;
}

/* Until something comes that the seat or a move waits for. */
static void wait_for_news(const struct container *container, int wait_ms)
{
    struct pollfd wanted[2 + MOVE_FDS] = {{.fd = container->seat.control, .events = POLLIN},
                                          {.fd = container->seat.done_fd, .events = POLLIN}};
    uint32_t count = move_fds(container, wanted + 2);

    while (count > 0 && poll(wanted, 2 + count, move_is_awake(container) ? 0 : wait_ms) == 0 &&
           move_is_awake(container))
        (void)sched_yield(); /* the other's main thread may want this CPU */
}

/* Until the worker has ended, or tactusd. */
static void serve(struct container *container, struct watch *watch)
{
    for (;;) {
        struct tt_message message;
        int wait_ms = timeout_ms(container, watch), r;

        wait_for_news(container, wait_ms);
        r = tt_seat_serve(&container->seat, move_fds(container, NULL) > 0 ? 0 : wait_ms, &message);
        if (r == -EPIPE)
            _exit(1);
        if (r == 1) {
            if (!levels_answer(container, &message) && !move_obey(container, &message))
                post_event(container, &message);
            tt_message_fini(&message);
        }
        move_look(container);
        if (look_around(container, watch) || r == 2)
            return;
    }
}

/* Strangers' code, hence after all walls but the last, which would hide their files. What runs
 * elsewhere may come here later. */
static int load_plugins(const struct container *container, const struct tt_jail *jail,
                        struct tt_error *err)
{
    int r = 0;

    for (uint32_t n = 0; n < container->picture->component_count && r == 0; n++) {
        const struct tt_picture_component *component = &container->picture->components[n];
        char name[TT_MESSAGE_NAME_BYTES];

        if (component->plugin[0] == 0 || (component->flags & TT_EDGE) ||
            (container->wiring->process_of[n] != container->seat.number && !container->moves))
            continue;
        tt_plugin_fd_name(component->plugin, name);
        r = tt_jail_plugin(jail, name, component->kind, tt_container_load, err);
    }
    return r;
}

/* Before the service is known, and for all services alike. Without a stranger's file to load, the
 * last wall needs to wait for nothing. */
static int park(struct container *container, int control, const struct tt_jail *jail,
                struct tt_error *err)
{
    int r = tt_jail_close(jail, err);

    return r == 0 ? tt_seat_park(&container->seat, control, err) : r;
}

/* With a stranger's code inside: what it tries is tactusd's to know. */
static int close_told(struct container *container, const struct tt_jail *jail, struct tt_error *err)
{
    static const char *const name = "listener";
    int listener, r = tt_jail_close_told(jail, &listener, err);

    if (r < 0 || listener < 0)
        return r;
    r = tt_message_send_new(container->seat.control, json_pack("{ss}", "event", "listener"),
                            &listener, &name, 1, err);
    (void)close(listener);
    return r;
}

static int set_up(struct container *container, int control, const struct tt_jail *jail,
                  struct watch *watch, struct tt_error *err)
{
    bool is_closed_early = jail->plugin_count == 0;
    int r = 0;

    container->seat.is_container = true;
    container->seat.standby = run_standby;
    if (is_closed_early)
        r = park(container, control, jail, err);
    if (r == 0)
        r = hear_service(container, control, err);
    if (r < 0)
        return r;
    container->is_profile = tt_seat_is_profile(&container->seat);
    container->seat.on_go = on_go;
    container->costs = &watch->costs;
    if (costs_open(&watch->costs, container) < 0)
        return tt_fail(err, -ENOMEM, "no memory for samples of costs");
    r = move_open(container, err);
    if (r < 0)
        return r;
    tt_stamp("container picture read");
    r = map_memory(container, err);
    tt_stamp("container memory mapped");
    if (r == 0)
        r = load_plugins(container, jail, err);
    if (r == 0)
        r = sandbox_begin(container, err);
    if (r == 0)
        r = container_build(container, err);
    if (r == 0)
        levels_begin(container);
    if (r == 0)
        r = open_engine(container, err);
    if (r == 0)
        r = levels_open(container, err);
    if (r == 0 && container->is_profile)
        start_spinners(container);
    tt_stamp("container built");
    if (r == 0 && !is_closed_early)
        r = close_told(container, jail, err);
    tt_stamp("container filtered");
    return r == 0 ? tt_seat_start(&container->seat, run_engine, container, err) : r;
}

void tt_container_main(int control, const struct tt_jail *jail)
{
    struct container *container = calloc(1, sizeof *container);
    struct watch watch = {.report_ns = tt_linux_now()};
    struct tt_error err = {0};
    int r = -ENOMEM;

    if (container)
        r = set_up(container, control, jail, &watch, &err);
    if (r == -EPIPE)
        _exit(1);
    if (r < 0) {
        err.code = r;
        tt_seat_fail(control, &err);
    }
    serve(container, &watch);
    tell_first(container, &watch);
    costs_take(&watch.costs, container);
    costs_report(&watch.costs, container, true);
    tt_seat_say(control, "ended", NULL);
    _exit(0);
}
