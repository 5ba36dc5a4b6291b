/* The processes of one running service: what supervision decides is done here. */
#include "node/run.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "core/engine.h"
#include "node/allowance.h"
#include "node/broker.h"
#include "node/ladder.h"
#include "node/shape.h"
#include "node/supervise.h"
#include "platform/linux/reserve.h"

#define SECOND INT64_C(1000000000)
#define MILLI INT64_C(1000000)

#define POLL_NS (20 * MILLI)
#define GO_AHEAD_NS (20 * MILLI) /* from go to media time 0: every process has heard it by then */
/* The container ends a profile run by itself after 5 s and 1 s to drain. */
#define PROFILE_LIMIT_NS (6500 * MILLI)
#define PROFILE_GRACE_NS (1500 * MILLI) /* after the time that somebody asked for */

enum { NOBODY = 65534 };

enum {
    EVENTS_MAX = 4 * SUPERVISE_PROCESSES_MAX,
    /* 400 samples of each segment since the last second; of a profile run once and all. */
    COSTS_BYTES_MAX = 256 << 10,
    PROFILE_COSTS_BYTES_MAX = 1 << 20,
    COSTS_A_SECOND = 2, /* one each second, and one at the end */
    NOTES_A_SECOND = 20,
    NOTE_BYTES = 1024
};

struct run_process {
    struct run *run;
    uint32_t number;
    struct child *child;
    pid_t tid; /* of its worker, as tactusd sees it; 0 unknown */
    bool has_ended;
    struct allowance costs, notes;
    uint64_t notes_left_out;
    char error[SUPERVISE_TEXT_BYTES];
};

struct run {
    struct run_params params;
    struct broker *broker;
    struct supervise supervise;
    struct supervise_actions actions;
    struct run_process processes[TT_PROCESSES_MAX];
    struct pending {
        struct supervise_event event;
        char text[SUPERVISE_TEXT_BYTES];
    } events[EVENTS_MAX];
    uint32_t event_first, event_count;
    bool is_feeding, is_over, is_ok, is_reserve_retry;
    char reason[SUPERVISE_TEXT_BYTES], class_why[SUPERVISE_TEXT_BYTES];
    bool is_class_obtained;
    int32_t stuck_component; /* that the container is being killed for; -1: none */
    struct loop_timer step_timer, poll_timer, reserve_timer, end_timer;
    struct pump *pump;
    int64_t drain_ns; /* nothing is due after it; 0: not yet */
    int64_t budget_ns, opened_ns, epoch_ns, wall_offset_ns, first_frame_ns;
    int64_t cpu_ns;    /* of all its processes that are gone */
    uint64_t switches; /* likewise */
    struct settings settings;
};

static void perform(struct run *run, const struct supervise_action *action);

/* Supervision sees one event after another, also those that arise while it is obeyed. */
static void feed(struct run *run, const struct supervise_event *event)
{
    struct pending *place = &run->events[(run->event_first + run->event_count) % EVENTS_MAX];

    tt_assert(run->event_count < EVENTS_MAX);
    place->event = *event;
    (void)snprintf(place->text, sizeof(place->text), "%s", event->text != NULL ? event->text : "");
    run->event_count++;
    if (run->is_feeding)
        return;
    run->is_feeding = true;
    while (run->event_count > 0) {
        struct pending now = run->events[run->event_first];

        run->event_first = (run->event_first + 1) % EVENTS_MAX;
        run->event_count--;
        now.event.text = now.text;
        supervise_step(&run->supervise, &now.event, loop_now_ns(), &run->actions);
        for (uint32_t n = 0; n < run->actions.count; n++)
            perform(run, &run->actions.list[n]);
        if (run->drain_ns == 0 && run->supervise.state == SUPERVISE_DRAINING)
            run->drain_ns = loop_now_ns();
    }
    run->is_feeding = false;
}

static void feed_simple(struct run *run, enum supervise_kind kind, uint32_t process)
{
    feed(run, &(struct supervise_event){.kind = kind, .process = process});
}

static void feed_death(struct run_process *process, bool is_clean, bool is_refusal,
                       const char *text)
{
    feed(process->run, &(struct supervise_event){.kind = SUPERVISE_DIED,
                                                 .process = process->number,
                                                 .is_clean = is_clean,
                                                 .is_refusal = is_refusal,
                                                 .text = text});
}

static const char *process_name(const struct run *run, uint32_t number)
{
    int32_t component;

    if (number >= run->broker->wiring->process_count)
        return "service";
    component = run->broker->wiring->processes[number].component;
    return component < 0 ? "container" : run->params.picture->components[component].name;
}

static json_t *numbers(const int64_t *values, uint32_t count)
{
    json_t *array = json_array();

    for (uint32_t n = 0; n < count; n++)
        json_array_append_new(array, json_integer(values[n]));
    return array;
}

/* Local wall time of this monotonic instant. */
static int64_t wall_of(int64_t monotonic_ns)
{
    struct timespec wall;
    struct tm local;
    int64_t ahead_ns = monotonic_ns - loop_now_ns();

    (void)clock_gettime(CLOCK_REALTIME, &wall);
    (void)localtime_r(&wall.tv_sec, &local);
    return (wall.tv_sec + local.tm_gmtoff) * SECOND + wall.tv_nsec + ahead_ns;
}

/* A live service goes on at the index that is on; one without a clock where it was. */
static int64_t resume_ns(const struct run *run, int64_t ahead_ns)
{
    if (run->epoch_ns == 0)
        return 0;
    if (!run->params.picture->is_live)
        return pump_position_ns(run->pump);
    return loop_now_ns() + ahead_ns - run->epoch_ns;
}

static json_t *setup_body(const struct run *run, uint32_t number)
{
    const struct run_params *params = &run->params;
    uint32_t count = params->picture->component_count;
    int64_t wall_ns =
        run->epoch_ns != 0 ? run->wall_offset_ns : wall_of(loop_now_ns() + GO_AHEAD_NS);

    return json_pack(
        "{ss si si s{so so so sI sb sI sI sI}}", "op", "setup", "number", (int)number, "log", 0,
        "plan", "due_offset_ns", numbers(params->plan->due_offset_ns, count), "fire_offset_ns",
        numbers(params->plan->fire_offset_ns, count), "budget_of_ns",
        numbers(params->plan->budget_of_ns, count), "end_ns",
        (json_int_t)(params->for_ns > 0 && !params->is_profile ? params->for_ns : INT64_MAX),
        "is_profile", params->is_profile, "profile_ns",
        (json_int_t)(params->is_profile ? params->for_ns : 0), "wall_offset_ns",
        (json_int_t)wall_ns, "first_ns", (json_int_t)resume_ns(run, 0));
}

static const struct child_ops process_ops;

static int set_up(struct run_process *process, struct tt_error *err)
{
    struct run *run = process->run;
    struct broker_gift *gift = malloc(sizeof(*gift));
    bool is_source = (run->supervise.processes[process->number].is_source);
    int r;

    if (gift == NULL)
        return tt_fail(err, -ENOMEM, "no memory for a process");
    broker_gift(run->broker, process->number, gift);
    if (broker_has_text(run->broker, process->number, "-")) {
        int fd = is_source ? run->params.stdin_fd : run->params.stdout_fd;

        if (fd >= 0)
            broker_gift_add(gift, is_source ? "stdin" : "stdout", fd);
    }
    r = child_send(process->child, setup_body(run, process->number), gift->fds, gift->names,
                   gift->count, err);
    free(gift);
    return r;
}

static void spawn(struct run *run, uint32_t number)
{
    struct run_process *process = &run->processes[number];
    uint32_t uid = run->params.uid, gid = run->params.gid;
    struct tt_error err = {0};
    int r;

    process->tid = 0;
    process->has_ended = false;
    process->error[0] = '\0';
    /* A container needs nothing that is its user's, and strangers' code does not run as root. */
    if (number == 0 && uid == 0 && run->params.plugins != NULL && run->params.plugins->count > 0)
        uid = gid = NOBODY;
    r = child_spawn(run->params.node->zygote,
                    broker_order(run->broker, number, uid, gid, run->params.base),
                    run->params.plugins, &process_ops, process, &process->child, &err);
    if (r == 0) {
        r = set_up(process, &err);
        if (r < 0)
            child_abandon(&process->child);
    }
    if (r < 0)
        feed_death(process, false, true, err.text);
}

static void expect_gap(struct run *run, uint32_t number)
{
    enum tt_cause cause = TT_CAUSE_EDGE;
    int32_t component = -1;

    if (number == 0) {
        cause = run->stuck_component >= 0 ? TT_CAUSE_BUDGET : TT_CAUSE_UNKNOWN;
        component = run->stuck_component;
        run->stuck_component = -1;
    }
    pump_expect_gap(run->pump, number, cause, component, loop_now_ns());
}

static void tell_left_out(struct run_process *process);

/* The kernel's word for all its threads, and for those that were gone before it. */
static void add_usage(struct run *run, const struct rusage *usage)
{
    run->cpu_ns += (usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * SECOND +
                   (usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) * INT64_C(1000);
    run->switches += (uint64_t)(usage->ru_nvcsw + usage->ru_nivcsw);
}

static void on_reaped(void *ctx, int code, int status, const struct rusage *usage)
{
    struct run_process *process = ctx;
    struct run *run = process->run;
    bool is_clean = process->has_ended && code == CLD_EXITED && status == 0;
    char text[2 * SUPERVISE_TEXT_BYTES];

    process->child = NULL;
    tell_left_out(process);
    if (process->number == 0) {
        /* Its place in the books is kept: what was promised is there for the next one. */
        loop_clear(run->params.node->loop, &run->reserve_timer);
    }
    add_usage(run, usage);
    if (process->error[0] != '\0')
        (void)snprintf(text, sizeof(text), "%s: %s", process_name(run, process->number),
                       process->error);
    else if (code == CLD_EXITED)
        (void)snprintf(text, sizeof(text), "%s: exited with %d", process_name(run, process->number),
                       status);
    else
        (void)snprintf(text, sizeof(text), "%s: killed by signal %d",
                       process_name(run, process->number), status);
    if (!is_clean && run->pump != NULL)
        expect_gap(run, process->number);
    feed_death(process, is_clean, process->error[0] != '\0', text);
}

static void on_ready(struct run_process *process, int64_t tid_inside)
{
    if (process->number == 0)
        (void)tt_reserve_thread(child_pid(process->child), (pid_t)tid_inside, &process->tid);
    feed_simple(process->run, SUPERVISE_READY, process->number);
}

static void add_costs(struct run *run, const json_t *segments)
{
    for (size_t n = 0; n < json_array_size(segments); n++) {
        const json_t *costs = json_array_get(segments, n);

        for (size_t m = 0; m < json_array_size(costs); m++)
            samples_add_segment(pump_samples(run->pump), (uint32_t)n,
                                json_integer_value(json_array_get(costs, m)));
    }
}

/* What the engine measured for each segment; a long list travels as a memory file. */
static void on_costs(struct run *run, struct tt_message *message)
{
    int fd = tt_message_take(message, "costs");
    uint64_t bytes, most = run->params.is_profile ? PROFILE_COSTS_BYTES_MAX : COSTS_BYTES_MAX;
    char *text;

    if (run->pump == NULL ||
        !allowance_take(&run->processes[0].costs, loop_now_ns(), COSTS_A_SECOND)) {
        /* nothing has run yet, or there was enough of it */
    } else if (fd < 0) {
        add_costs(run, json_object_get(message->body, "segments"));
    } else if (tt_message_read_fd(fd, most, &text, &bytes, NULL) == 0) {
        json_t *body = json_loadb(text, bytes, 0, NULL);

        add_costs(run, json_object_get(body, "segments"));
        json_decref(body);
        free(text);
    }
    if (fd >= 0)
        (void)close(fd);
}

/* What the user is told while it runs stands in the ledger too. */
static void tell(struct run_process *process, const char *event, const char *text)
{
    struct run *run = process->run;
    char note[NOTE_BYTES + 128];

    (void)snprintf(note, sizeof(note), "%s: %s", process_name(run, process->number), text);
    if (!run->params.is_profile)
        run->params.ops->on_note(run->params.ctx, note);
    if (run->pump != NULL)
        pump_event(run->pump, event, process_name(run, process->number), text, loop_now_ns());
}

static void tell_left_out(struct run_process *process)
{
    char text[64];

    if (process->notes_left_out == 0)
        return;
    (void)snprintf(text, sizeof(text), "%llu more notes, too many a second to keep",
                   (unsigned long long)process->notes_left_out);
    process->notes_left_out = 0;
    tell(process, "note", text);
}

/* No half character at the end. */
static void copy_text(const char *text, char *ret, size_t bytes)
{
    size_t length = strnlen(text, bytes - 1);

    if (text[length] != '\0')
        while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
            length--;
    memcpy(ret, text, length);
    ret[length] = '\0';
}

/* A process that speaks without end fills neither the ledger nor the user's screen. */
static void on_note(struct run_process *process, const char *event, const char *given)
{
    char text[NOTE_BYTES];

    copy_text(given, text, sizeof(text));
    if (event[0] == 'e')
        copy_text(given, process->error, sizeof(process->error));
    if (event[0] == 'e' && !process->run->supervise.is_gone_once)
        return; /* it is the answer to the start */
    if (!allowance_take(&process->notes, loop_now_ns(), NOTES_A_SECOND)) {
        process->notes_left_out++;
        return;
    }
    tell_left_out(process);
    tell(process, event, text);
}

static void on_message(void *ctx, struct tt_message *message)
{
    struct run_process *process = ctx;
    struct run *run = process->run;
    const char *event = tt_message_text(message, "event");

    if (strcmp(event, "ready") == 0) {
        if (!run->supervise.processes[process->number].is_ready)
            on_ready(process, tt_message_int(message, "tid", 0));
    } else if (strcmp(event, "primed") == 0) {
        feed_simple(run, SUPERVISE_PRIMED, process->number);
    } else if (strcmp(event, "costs") == 0 && process->number == 0) {
        on_costs(run, message);
    } else if (strcmp(event, "ended") == 0) {
        process->has_ended = true;
    } else if (strcmp(event, "note") == 0 || strcmp(event, "error") == 0) {
        on_note(process, event, tt_message_text(message, "text"));
    }
}

static const struct child_ops process_ops = {.on_message = on_message, .on_exit = on_reaped};

static void set_class(struct run *run, bool is_obtained, const char *why)
{
    if (run->is_class_obtained && !is_obtained && run->pump != NULL) {
        char text[SUPERVISE_TEXT_BYTES];

        (void)tt_format_text(text, sizeof(text), "its new worker has no reservation: %s", why);
        run_event(run, "class-lost", text);
    }
    if (!is_obtained)
        books_give_back(&run->params.node->books, run->params.service, loop_now_ns());
    if (!is_obtained)
        run->budget_ns = 0;
    run->is_class_obtained = is_obtained;
    (void)tt_format_text(run->class_why, sizeof(run->class_why), "%s", why);
    feed_simple(run, SUPERVISE_RESERVED, 0);
}

static void reserve(struct run *run)
{
    struct ladder_rung rung;

    ladder_climb(&run->params, run->processes[0].tid, !run->is_reserve_retry, &rung);
    if (rung.is_again) {
        run->is_reserve_retry = true;
        loop_set(run->params.node->loop, &run->reserve_timer,
                 loop_now_ns() + run->params.plan->period_ns);
        return;
    }
    if (rung.budget_ns > 0)
        run->budget_ns = rung.budget_ns;
    set_class(run, rung.is_obtained, rung.why);
}

static void on_reserve_timer(void *ctx, uint32_t events)
{
    struct run *run = ctx;

    (void)events;
    if (run->processes[0].child != NULL)
        reserve(run);
}

static void send_setting(struct run *run, const struct setting *setting)
{
    (void)child_send(run->processes[0].child,
                     json_pack("{ss si si sI sI sf sI}", "op", "event", "component",
                               (int)setting->component, "kind", TT_EVENT_PARAM, "id",
                               (json_int_t)setting->id, "i", (json_int_t)setting->i, "f",
                               setting->f, "at",
                               (json_int_t)(setting->is_told ? INT64_MIN : setting->at)),
                     NULL, NULL, 0, NULL);
}

/* A container that starts anew has the parameters of the service's text. */
static void send_settings(struct run *run)
{
    settings_forget(&run->settings);
    for (uint32_t n = 0; n < run->settings.count; n++)
        send_setting(run, &run->settings.list[n]);
}

static void on_param(void *ctx, uint32_t component, int64_t id, int64_t index)
{
    struct run *run = ctx;

    settings_told(&run->settings, component, id, index);
}

/* Beside the record, which has but the parameter's number, the words of its user. */
static void tell_settings(struct run *run)
{
    const struct setting *setting;
    char text[SETTING_TEXT_BYTES + 64];

    while ((setting = settings_news(&run->settings)) != NULL) {
        (void)snprintf(text, sizeof(text), "%s from index %lld on", setting->text,
                       (long long)setting->index);
        pump_event(run->pump, "set", run->params.picture->components[setting->component].name, text,
                   loop_now_ns());
        run->params.ops->on_set(run->params.ctx, setting);
    }
}

int run_set(struct run *run, const struct setting *setting, uint64_t *ret_number,
            struct tt_error *err)
{
    enum supervise_state state = run->supervise.state;

    if (run->is_over || run->pump == NULL || state == SUPERVISE_DRAINING ||
        state == SUPERVISE_ENDED)
        return tt_fail(err, -ESHUTDOWN, "'%s' %s", run->params.picture->name,
                       run->pump == NULL ? "has not begun yet; try again in a moment"
                                         : "is ending, and nothing of it can change");
    if (!settings_add(&run->settings, setting, ret_number))
        return tt_fail(err, -EAGAIN, "too many changes of '%s' wait for their frame already",
                       run->params.picture->components[setting->component].name);
    if (run->processes[0].child != NULL && run->supervise.processes[0].life == SUPERVISE_GOING)
        send_setting(run, &run->settings.list[run->settings.count - 1]);
    return 0;
}

static void send_go(struct run *run, uint32_t number, int64_t first_ns)
{
    if (run->processes[number].child == NULL)
        return;
    (void)child_send(run->processes[number].child,
                     json_pack("{ss sI sI sI}", "op", "go", "epoch_ns", (json_int_t)run->epoch_ns,
                               "first_ns", (json_int_t)first_ns, "wall_offset_ns",
                               (json_int_t)run->wall_offset_ns),
                     NULL, NULL, 0, NULL);
    if (number == 0)
        send_settings(run);
}

static void go_all(struct run *run)
{
    struct pump_params params = {.broker = run->broker,
                                 .picture = run->params.picture,
                                 .plan = run->params.plan,
                                 .witness = run->params.node->witness,
                                 .metrics = run->params.node->metrics,
                                 .on_param = on_param,
                                 .ctx = run};
    int64_t now_ns = loop_now_ns();

    run->epoch_ns = params.epoch_ns = now_ns + GO_AHEAD_NS;
    run->wall_offset_ns = wall_of(run->epoch_ns);
    run->params.ops->on_go(run->params.ctx, run->epoch_ns, run->is_class_obtained, run->class_why,
                           &params.report, &params.scribe);
    run->pump = pump_open(&params);
    tt_assert(run->pump != NULL);
    for (uint32_t n = 0; n < run->broker->wiring->process_count; n++)
        send_go(run, n, 0);
    loop_set(run->params.node->loop, &run->poll_timer, now_ns + POLL_NS);
}

static void log_event(struct run *run, const struct supervise_action *action)
{
    char text[SUPERVISE_TEXT_BYTES + 96];

    fprintf(stderr, "service %s: %s: process=%s %s\n", run->params.picture->name, action->name,
            process_name(run, action->process), action->text);
    if (run->pump != NULL)
        pump_event(run->pump, action->name, process_name(run, action->process), action->text,
                   loop_now_ns());
    /* The user hears of a refusal as the answer to the start, once. */
    if (run->params.is_profile || strcmp(action->name, "stopped") == 0 ||
        strcmp(action->name, "refused") == 0)
        return;
    (void)snprintf(text, sizeof(text), "%s %s %s", process_name(run, action->process), action->name,
                   action->text);
    run->params.ops->on_note(run->params.ctx, text);
}

static void perform(struct run *run, const struct supervise_action *action)
{
    struct loop *loop = run->params.node->loop;
    struct child *child = action->process < run->broker->wiring->process_count
                              ? run->processes[action->process].child
                              : NULL;

    switch (action->verb) {
    case SUPERVISE_SPAWN:
        spawn(run, action->process);
        break;
    case SUPERVISE_KILL:
        if (child != NULL)
            child_kill(child);
        break;
    case SUPERVISE_RESERVE:
        run->is_reserve_retry = false;
        reserve(run);
        break;
    case SUPERVISE_GO:
        if (action->process == SUPERVISE_ALL)
            go_all(run);
        else
            send_go(run, action->process, resume_ns(run, GO_AHEAD_NS));
        break;
    case SUPERVISE_SEND_STOP:
        if (child != NULL)
            (void)child_send(child, json_pack("{ss}", "op", "stop"), NULL, NULL, 0, NULL);
        break;
    case SUPERVISE_LOG:
        log_event(run, action);
        break;
    case SUPERVISE_TIMER:
        loop_set(loop, &run->step_timer, action->at_ns);
        break;
    case SUPERVISE_END:
        run->is_over = true;
        run->is_ok = action->is_ok;
        (void)snprintf(run->reason, sizeof(run->reason), "%s", action->text);
        loop_clear(loop, &run->step_timer);
        loop_set(loop, &run->end_timer, loop_now_ns());
        break;
    }
}

static void on_step_timer(void *ctx, uint32_t events)
{
    (void)events;
    feed_simple(ctx, SUPERVISE_TICK, 0);
}

static void on_end_timer(void *ctx, uint32_t events)
{
    struct run *run = ctx;

    (void)events;
    loop_clear(run->params.node->loop, &run->poll_timer);
    if (run->pump != NULL) {
        int64_t now_ns = loop_now_ns();
        int64_t end_ns = (run->drain_ns != 0 ? run->drain_ns : now_ns) - run->epoch_ns;

        if (run->params.for_ns > 0 && run->params.for_ns < end_ns)
            end_ns = run->params.for_ns;
        pump_finish(run->pump, now_ns, run->params.picture->is_live ? end_ns : -1);
    }
    run->params.ops->on_end(run->params.ctx, run->is_ok, run->reason);
}

/* The container has one place in its engine for a component, and for an edge one for each flow that
 * begins or ends there, in the picture's order. component_count: nothing there. */
static uint32_t component_of(const struct run *run, uint32_t node)
{
    const struct tt_picture *picture = run->params.picture;
    const struct tt_wiring *wiring = run->broker->wiring;
    uint32_t first = 0, count;

    for (uint32_t c = 0; c < picture->component_count; c++) {
        count = 1;
        if ((picture->components[c].flags & TT_EDGE) != 0) {
            count = 0;
            for (uint32_t n = 0; n < wiring->link_count; n++)
                count += wiring->links[n].component == c;
        }
        if (node < first + count)
            return c;
        first += count;
    }
    return picture->component_count;
}

struct run_component run_component(const struct run *run, uint32_t component)
{
    const struct tt_engine_stats *stats = run->broker->engine_stats;
    struct run_component ret = {
        .is_in_edge = (run->params.picture->components[component].flags & TT_EDGE) != 0};

    for (uint32_t node = 0; node < TT_NODES_MAX; node++) {
        const struct tt_node_stats *place = &stats->nodes[node];
        uint32_t at = component_of(run, node), queue, queue_max;

        if (at > component)
            break;
        if (at < component)
            continue;
        queue = __atomic_load_n(&place->queue_depth, __ATOMIC_RELAXED);
        queue_max = __atomic_load_n(&place->queue_max, __ATOMIC_RELAXED);
        ret.overruns += __atomic_load_n(&place->overruns, __ATOMIC_RELAXED);
        ret.late_uses += __atomic_load_n(&place->late_uses, __ATOMIC_RELAXED);
        ret.queue = queue > ret.queue ? queue : ret.queue;
        ret.queue_max = queue_max > ret.queue_max ? queue_max : ret.queue_max;
    }
    return ret;
}

/* A component that does not return holds its whole worker. */
static void watch_dog(struct run *run, int64_t now_ns)
{
    const struct tt_engine_stats *stats = run->broker->engine_stats;
    int64_t since_ns = __atomic_load_n(&stats->stuck_since_ns, __ATOMIC_ACQUIRE);
    uint32_t node = component_of(run, __atomic_load_n(&stats->stuck_node, __ATOMIC_RELAXED));
    bool is_known = node < run->params.picture->component_count;
    int64_t limit_ns = tt_watchdog_limit_ns(
        &(struct tt_watchdog){.budget_ns = is_known ? run->params.plan->budget_of_ns[node] : 0,
                              .reserved_ns = run->budget_ns,
                              .period_ns = run->params.plan->period_ns});
    char text[SUPERVISE_TEXT_BYTES];

    if (since_ns <= 0 || run->supervise.processes[0].life != SUPERVISE_GOING)
        return;
    if (now_ns - since_ns <= limit_ns)
        return;
    (void)snprintf(text, sizeof(text), "%s did not return: stuck_ms=%lld limit_ms=%lld",
                   is_known ? run->params.picture->components[node].name : "a component",
                   (long long)((now_ns - since_ns) / MILLI), (long long)(limit_ns / MILLI));
    run->stuck_component = is_known ? (int32_t)node : -1;
    feed(run, &(struct supervise_event){.kind = SUPERVISE_STUCK, .text = text});
}

static void on_poll_timer(void *ctx, uint32_t events)
{
    struct run *run = ctx;
    const int64_t *first = &run->broker->engine_stats->first_delivery_ns;
    int64_t now_ns = loop_now_ns(), first_ns = __atomic_load_n(first, __ATOMIC_RELAXED);

    (void)events;
    loop_set(run->params.node->loop, &run->poll_timer, now_ns + POLL_NS);
    pump_poll(run->pump, now_ns);
    tell_settings(run);
    if (run->first_frame_ns == 0 && first_ns > run->opened_ns && first_ns <= now_ns) {
        run->first_frame_ns = first_ns - run->opened_ns;
        run->params.ops->on_first(run->params.ctx, run->first_frame_ns);
    }
    if (run->params.is_profile && !run->is_over && run->supervise.state != SUPERVISE_DRAINING &&
        now_ns - run->epoch_ns >=
            (run->params.for_ns > 0 ? run->params.for_ns + PROFILE_GRACE_NS : PROFILE_LIMIT_NS))
        run_gone(run);
    else
        watch_dog(run, now_ns);
}

/* In a profile run sinks discard in the container: their edges are not started. */
static void choose_processes(struct run *run)
{
    const struct tt_wiring *wiring = run->broker->wiring;
    uint64_t sources = 0;

    for (uint32_t n = 0; n < wiring->process_count; n++) {
        run->processes[n].run = run;
        run->processes[n].number = n;
        if (wiring->processes[n].component >= 0 &&
            run->params.picture->components[wiring->processes[n].component].is_source)
            sources |= UINT64_C(1) << n;
    }
    supervise_init(&run->supervise, wiring->process_count, sources);
    for (uint32_t n = 1; run->params.is_profile && n < wiring->process_count; n++)
        if ((sources >> n & 1) == 0)
            supervise_leave_out(&run->supervise, n);
}

int run_open(const struct run_params *params, struct run **ret, struct tt_error *err)
{
    struct run *run = calloc(1, sizeof(*run));
    int r;

    if (run == NULL)
        return tt_fail(err, -ENOMEM, "no memory for a service");
    run->params = *params;
    r = broker_open(params->picture, &run->broker, err);
    /* The room is taken before anybody else plans with it; the kernel is asked once there is a
     * thread to give it to. */
    if (r == 0 && ladder_is_reservation_planned(params))
        r = ladder_enter_books(params, err);
    if (r < 0) {
        broker_close(&run->broker);
        free(run);
        return r;
    }
    run->opened_ns = loop_now_ns();
    run->stuck_component = -1;
    run->step_timer = (struct loop_timer){.fn = on_step_timer, .ctx = run};
    run->poll_timer = (struct loop_timer){.fn = on_poll_timer, .ctx = run};
    run->reserve_timer = (struct loop_timer){.fn = on_reserve_timer, .ctx = run};
    run->end_timer = (struct loop_timer){.fn = on_end_timer, .ctx = run};
    choose_processes(run);
    *ret = run;
    feed_simple(run, SUPERVISE_PLANNED, 0);
    return 0;
}

void run_close(struct run **closed)
{
    struct run *run = *closed;
    struct loop *loop;

    if (run == NULL)
        return;
    loop = run->params.node->loop;
    loop_clear(loop, &run->step_timer);
    loop_clear(loop, &run->poll_timer);
    loop_clear(loop, &run->reserve_timer);
    loop_clear(loop, &run->end_timer);
    for (uint32_t n = 0; n < TT_PROCESSES_MAX; n++)
        child_abandon(&run->processes[n].child);
    books_give_back(&run->params.node->books, run->params.service, loop_now_ns());
    pump_close(&run->pump);
    broker_close(&run->broker);
    free(run);
    *closed = NULL;
}

void run_stop(struct run *run)
{
    if (!run->is_over)
        feed_simple(run, SUPERVISE_STOP, 0);
}

void run_gone(struct run *run)
{
    if (!run->is_over)
        feed_simple(run, SUPERVISE_GONE, 0);
}

struct pump *run_pump(struct run *run)
{
    return run->pump;
}

int64_t run_budget_ns(const struct run *run)
{
    return run->budget_ns;
}

bool run_is_measure(const struct run *run)
{
    if (run->params.node->machine.plan.right == TT_RIGHT_OTHER)
        return true; /* there is nothing better, and the key of the profile says so */
    if (ladder_is_fifo_planned(&run->params))
        return run->is_class_obtained;
    return run->is_class_obtained && run->params.plan->budget_ns > 0;
}

int64_t run_epoch_ns(const struct run *run)
{
    return run->epoch_ns;
}

const char *run_state(const struct run *run)
{
    return supervise_state_name(run->supervise.state);
}

struct run_figures run_figures(const struct run *run)
{
    return (struct run_figures){
        .first_frame_ns = run->first_frame_ns, .cpu_ns = run->cpu_ns, .switches = run->switches};
}

void run_event(struct run *run, const char *name, const char *text)
{
    run->params.ops->on_note(run->params.ctx, text);
    if (run->pump != NULL)
        pump_event(run->pump, name, NULL, text, loop_now_ns());
}
