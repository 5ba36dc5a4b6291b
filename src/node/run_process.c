/* One process of a running service, from its spawn to its end: what it is given, what it says. */
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node/groups.h"
#include "node/haste.h"
#include "node/move.h"
#include "node/run_inside.h"
#include "node/shape.h"
#include "platform/linux/cpuset.h"
#include "platform/linux/reserve.h"
#include "platform/linux/stamp.h"

enum { NOBODY = 65534 };

enum {
    /* 400 samples of each segment since the last second; of a profile run once and all. */
    COSTS_BYTES_MAX = 256 << 10,
    PROFILE_COSTS_BYTES_MAX = 1 << 20,
    COSTS_A_SECOND = 2, /* one each second, and one at the end */
    NOTES_A_SECOND = 20,
    NOTE_BYTES = 1024
};

static void feed_death(struct run_process *process, bool is_clean, bool is_refusal,
                       const char *text)
{
    const struct run *run = process->run;
    bool is_through =
        process->has_ended || (run->pump != NULL && run_is_container(run, process->number) &&
                               pump_is_through(run->pump, process->number));

    run_feed(process->run, &(struct supervise_event){.kind = SUPERVISE_DIED,
                                                     .process = process->number,
                                                     .is_clean = is_clean,
                                                     .is_through = is_through,
                                                     .is_refusal = is_refusal,
                                                     .text = text});
}

bool run_is_container(const struct run *run, uint32_t number)
{
    return tt_wiring_is_container(run->broker->wiring, number);
}

const struct tt_plan_worker *run_planned(const struct run *run, uint32_t number)
{
    return tt_wiring_is_spare(run->broker->wiring, number) ? &run->processes[number].spare_plan
                                                           : &run->params.plan->workers[number];
}

const char *run_process_name(const struct run *run, uint32_t number)
{
    return number < run->broker->wiring->process_count ? run->processes[number].name : "service";
}

static json_t *numbers(const int64_t *values, uint32_t count)
{
    json_t *array = json_array();

    for (uint32_t n = 0; n < count; n++)
        json_array_append_new(array, json_integer(values[n]));
    return array;
}

static json_t *setup_body(const struct run *run, uint32_t number)
{
    const struct run_params *params = &run->params;
    uint32_t count = params->picture->component_count;
    int64_t wall_ns =
        run->epoch_ns != 0 ? run->wall_offset_ns : run_wall_of(loop_now_ns() + RUN_GO_AHEAD_NS);
    int64_t phase_of_ns[TT_PICTURE_COMPONENTS_MAX];

    (void)tt_plan_phases(params->is_profile ? NULL : params->plan, params->picture, phase_of_ns);
    return json_pack(
        "{ss si si s{so so so so so sI sb sI sI sI si so sI}}", "op", "setup", "number",
        (int)number, "log", 0, "plan", "ways", move_ways(run), "phase_of_ns",
        numbers(phase_of_ns, count), "due_offset_ns", numbers(params->plan->due_offset_ns, count),
        "fire_offset_ns", numbers(params->plan->fire_offset_ns, count), "budget_of_ns",
        numbers(params->plan->budget_of_ns, count), "end_ns",
        (json_int_t)(params->for_ns > 0 && !params->is_profile ? params->for_ns : INT64_MAX),
        "is_profile", params->is_profile, "profile_ns",
        (json_int_t)(params->is_profile ? params->for_ns : 0), "wall_offset_ns",
        (json_int_t)wall_ns, "first_ns", (json_int_t)run->processes[number].resume_ns, "level",
        (int)params->level, "level_cost", run_level_costs(run), "level_calm_ns",
        (json_int_t)run_level_calm_ns());
}

static const struct child_ops process_ops;

static int set_up(struct run_process *process, bool has_picture, struct tt_error *err)
{
    struct run *run = process->run;
    struct broker_gift *gift = malloc(sizeof(*gift));
    bool is_source = (run->supervise.processes[process->number].is_source);
    int r;

    if (gift == NULL)
        return tt_fail(err, -ENOMEM, "no memory for a process");
    broker_gift(run->broker, process->number, gift);
    if (!has_picture)
        broker_gift_add(gift, "picture", run->broker->picture_fd);
    if (process->handoff != NULL)
        handoff_gift(process->handoff, gift);
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

void run_abandon(struct run_process *process)
{
    if (process->child != NULL)
        haste_forget(process->run->params.node->haste, child_pid(process->child));
    child_abandon(&process->child);
}

/* The partition that its worker was planned for, from 1; 0: none. */
static uint32_t partition_of(const struct run *run, uint32_t number)
{
    return run_is_container(run, number) && ladder_is_reservation_planned(&run->params)
               ? run_planned(run, number)->partition
               : 0;
}

static json_t *order_of(const struct run *run, uint32_t number, uint32_t uid, uint32_t gid)
{
    json_t *order =
        groups_add(broker_order(run->broker, number, uid, gid, run->params.base), uid, gid);
    uint32_t partition = partition_of(run, number);

    if (partition > 0)
        (void)json_object_set_new(
            order, "cpuset",
            json_integer(tt_cpusets_door(run->params.node->cpusets, partition - 1)));
    return order;
}

void run_spawn(struct run *run, uint32_t number)
{
    struct run_process *process = &run->processes[number];
    uint32_t uid = run->params.uid, gid = run->params.gid;
    struct tt_error err = {0};
    bool has_picture;
    int r = 0;

    process->tid = 0;
    process->budget_ns = process->period_ns = 0;
    process->is_refusal_told = false;
    process->resume_ns = run_resume_ns(run, 0);
    process->has_ended = process->has_rung = false;
    process->error[0] = '\0';
    if (run_is_container(run, number)) {
        process->is_spawn_due = !move_before_spawn(run, number);
        if (process->is_spawn_due)
            return;
        run_level_began(run, number);
    }
    /* A container needs nothing that is its user's, and strangers' code does not run as root. */
    if (run_is_container(run, number) && uid == 0 && run->params.plugins != NULL &&
        run->params.plugins->count > 0)
        uid = gid = NOBODY;
    /* What was told ahead has threads, which sleep on other CPUs. */
    if (number == 0 && partition_of(run, number) == 0)
        process->child = ahead_take(run->params.ahead, &process_ops, process);
    has_picture = process->child != NULL;
    if (has_picture)
        run->opened_ns = ahead_since_ns(run->params.ahead);
    if (!has_picture)
        r = child_spawn(run->params.node->zygote, order_of(run, number, uid, gid),
                        run->params.plugins, &process_ops, process, &process->child, &err);
    if (r == 0 && !has_picture)
        haste_take_along(run->params.node->haste, child_pid(process->child));
    if (r == 0) {
        tt_stamp("forked");
        r = set_up(process, has_picture, &err);
        tt_stamp("set-up sent");
        if (r < 0)
            run_abandon(process);
        else
            child_hear(process->child); /* it may have waited: see on_parked() */
    }
    if (r < 0)
        feed_death(process, false, true, err.text);
}

/* Signals that a program's own doing brings: whoever was in hand then did it. Others were sent by
 * somebody. */
static bool is_crash(int code, int status)
{
    return (code == CLD_KILLED || code == CLD_DUMPED) &&
           (status == SIGSEGV || status == SIGBUS || status == SIGFPE || status == SIGILL ||
            status == SIGABRT || status == SIGTRAP || status == SIGSYS);
}

static void expect_gap(struct run *run, uint32_t number, bool has_crashed)
{
    enum tt_cause cause = TT_CAUSE_EDGE;
    int32_t component = -1;

    if (run_is_container(run, number)) {
        component = run->processes[number].stuck_component;
        cause = component >= 0 ? TT_CAUSE_BUDGET : TT_CAUSE_UNKNOWN;
        if (component < 0 && has_crashed && run->broker->engine_stats[number] != NULL)
            component = run_component_in_hand(run, number);
        if (component >= 0 && cause == TT_CAUSE_UNKNOWN)
            cause = TT_CAUSE_FAILED;
        run->processes[number].stuck_component = -1;
    }
    pump_expect_gap(run->pump, number, cause, component, loop_now_ns());
}

static void tell_left_out(struct run_process *process);

/* The kernel's word for all its threads, and for those that were gone before it. */
static void add_usage(struct run *run, const struct rusage *usage)
{
    run->cpu_ns += (usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * RUN_SECOND +
                   (usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) * INT64_C(1000);
    run->switches += (uint64_t)(usage->ru_nvcsw + usage->ru_nivcsw);
}

static void spawn_who_waited(struct run *run)
{
    for (uint32_t n = 0; n < run->broker->wiring->container_count; n++) {
        struct run_process *process = &run->processes[n];

        if (!process->is_spawn_due)
            continue;
        if (!run->supervise.processes[n].is_killed) {
            run_spawn(run, n);
            continue;
        }
        process->is_spawn_due = false;
        feed_death(process, false, false, "ended before it began");
    }
}

static void on_reaped(void *ctx, int code, int status, const struct rusage *usage)
{
    struct run_process *process = ctx;
    struct run *run = process->run;
    bool is_clean = process->has_ended && code == CLD_EXITED && status == 0;
    char text[2 * SUPERVISE_TEXT_BYTES];

    haste_forget(run->params.node->haste, child_pid(process->child));
    process->child = NULL;
    process->tid = process->standby_tid = 0;
    process->is_favoured = false;
    if (process->handoff != NULL)
        handoff_seat(process->handoff, &(struct handoff_seat){0});
    process->budget_ns = process->period_ns = 0;
    tell_left_out(process);
    refused_close(&process->refused);
    /* Its place in the books is kept: what was promised is there for the next one. */
    run_reserve_died(process);
    add_usage(run, usage);
    if (process->error[0] != '\0')
        (void)snprintf(text, sizeof(text), "%s: %s", run_process_name(run, process->number),
                       process->error);
    else if (code == CLD_EXITED)
        (void)snprintf(text, sizeof(text), "%s: exited with %d",
                       run_process_name(run, process->number), status);
    else
        (void)snprintf(text, sizeof(text), "%s: killed by signal %d",
                       run_process_name(run, process->number), status);
    if (!is_clean && run->pump != NULL)
        expect_gap(run, process->number, is_crash(code, status));
    move_died(process);
    feed_death(process, is_clean, process->error[0] != '\0', text);
    spawn_who_waited(run);
}

static void find_threads(struct run_process *process, const struct tt_message *message)
{
    int64_t tid = tt_message_int(message, "tid", 0);
    int64_t standby = tt_message_int(message, "standby_tid", 0);

    (void)tt_reserve_thread(child_pid(process->child), (pid_t)tid, &process->tid);
    if (process->handoff != NULL && standby > 0 && standby != tid)
        (void)tt_reserve_thread(child_pid(process->child), (pid_t)standby, &process->standby_tid);
}

/* Its worker was there before its service. What is reserved now, while it is set up, need not be
 * waited for. */
static void on_parked(struct run_process *process, const struct tt_message *message)
{
    if (!run_is_container(process->run, process->number) || process->tid != 0)
        return;
    find_threads(process, message);
    run_reserve_ahead(process);
    tt_stamp("reserved ahead");
}

static void on_ready(struct run_process *process, const struct tt_message *message)
{
    if (!run_is_container(process->run, process->number))
        run_edge_ready(process, (pid_t)tt_message_int(message, "tid", 0));
    else if (process->tid == 0)
        find_threads(process, message);
    run_feed_simple(process->run, SUPERVISE_READY, process->number);
}

static void add_costs(struct run *run, const json_t *segments, int64_t level)
{
    struct samples *samples = pump_samples_at(run->pump, level > 0 ? (uint32_t)level : 0);

    for (size_t n = 0; n < json_array_size(segments); n++) {
        const json_t *costs = json_array_get(segments, n);

        for (size_t m = 0; m < json_array_size(costs); m++)
            samples_add_segment(samples, (uint32_t)n, json_integer_value(json_array_get(costs, m)));
    }
}

/* What the engine measured for each segment; a long list travels as a memory file. */
static void on_costs(struct run_process *process, struct tt_message *message)
{
    struct run *run = process->run;
    int fd = tt_message_take(message, "costs");
    int64_t level = tt_message_int(message, "level", 0);
    uint64_t bytes, most = run->params.is_profile ? PROFILE_COSTS_BYTES_MAX : COSTS_BYTES_MAX;
    char *text;

    if (run->pump == NULL || !allowance_take(&process->costs, loop_now_ns(), COSTS_A_SECOND)) {
        /* nothing has run yet, or there was enough of it */
    } else if (fd < 0) {
        add_costs(run, json_object_get(message->body, "segments"), level);
    } else if (tt_message_read_fd(fd, most, &text, &bytes, NULL) == 0) {
        json_t *body = json_loadb(text, bytes, 0, NULL);

        add_costs(run, json_object_get(body, "segments"), level);
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

    (void)snprintf(note, sizeof(note), "%s: %s", run_process_name(run, process->number), text);
    if (!run->params.is_profile)
        run->params.ops->on_note(run->params.ctx, note);
    if (run->pump != NULL)
        pump_event(run->pump, event, run_process_name(run, process->number), text, loop_now_ns());
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

static void tell_refused(void *ctx, const char *text)
{
    tell(ctx, "forbidden", text);
}

static void on_message(void *ctx, struct tt_message *message)
{
    struct run_process *process = ctx;
    struct run *run = process->run;
    const char *event = tt_message_text(message, "event");

    if (strcmp(event, "ready") == 0) {
        tt_stamp("ready heard");
        if (!run->supervise.processes[process->number].is_ready)
            on_ready(process, message);
    } else if (strcmp(event, "parked") == 0) {
        on_parked(process, message);
    } else if (strcmp(event, "primed") == 0) {
        run_feed_simple(run, SUPERVISE_PRIMED, process->number);
    } else if (strcmp(event, "costs") == 0 && run_is_container(run, process->number)) {
        on_costs(process, message);
    } else if (strcmp(event, "level") == 0 && run_is_container(run, process->number)) {
        run_level_ask(process, tt_message_int(message, "level", -1));
    } else if (run_is_container(run, process->number) && move_heard(process, message)) {
        return;
    } else if (strcmp(event, "listener") == 0) {
        refused_open(&process->refused, run->params.node->loop, tt_message_take(message, event),
                     tell_refused, process);
    } else if (strcmp(event, "ended") == 0) {
        process->has_ended = true;
    } else if (strcmp(event, "note") == 0 || strcmp(event, "error") == 0) {
        on_note(process, event, tt_message_text(message, "text"));
    }
}

static const struct child_ops process_ops = {.on_message = on_message, .on_exit = on_reaped};
