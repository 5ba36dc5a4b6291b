/* The processes of one running service: what supervision decides is done here. */
#include "node/run.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "core/engine.h"
#include "node/haste.h"
#include "node/ladder.h"
#include "node/move.h"
#include "node/run_follow.h"
#include "node/run_inside.h"
#include "platform/linux/stamp.h"

#define POLL_NS (20 * RUN_MILLI)
/* Of a service with a clock that runs: its rings hold half a second, and a wake-up is dear. */
#define STEADY_POLL_NS (100 * RUN_MILLI)
#define PROFILE_LIMIT_NS (6500 * RUN_MILLI)
#define PROFILE_GRACE_NS (1500 * RUN_MILLI) /* after the time that somebody asked for */

static void perform(struct run *run, const struct supervise_action *action);

/* Supervision sees one event after another, also those that arise while it is obeyed. */
void run_feed(struct run *run, const struct supervise_event *event)
{
    struct pending *place = &run->events[(run->event_first + run->event_count) % RUN_EVENTS_MAX];

    tt_assert(run->event_count < RUN_EVENTS_MAX);
    place->event = *event;
    (void)snprintf(place->text, sizeof(place->text), "%s", event->text != NULL ? event->text : "");
    run->event_count++;
    if (run->is_feeding)
        return;
    run->is_feeding = true;
    while (run->event_count > 0) {
        struct pending now = run->events[run->event_first];

        run->event_first = (run->event_first + 1) % RUN_EVENTS_MAX;
        run->event_count--;
        now.event.text = now.text;
        supervise_step(&run->supervise, &now.event, loop_now_ns(), &run->actions);
        for (uint32_t n = 0; n < run->actions.count; n++)
            perform(run, &run->actions.list[n]);
        if (run->drain_ns == 0 && run->supervise.state == SUPERVISE_DRAINING) {
            run->drain_ns = loop_now_ns();
            move_cancel(run);
        }
    }
    run->is_feeding = false;
}

void run_feed_simple(struct run *run, enum supervise_kind kind, uint32_t process)
{
    run_feed(run, &(struct supervise_event){.kind = kind, .process = process});
}

/* Local wall time of this monotonic instant. */
int64_t run_wall_of(int64_t monotonic_ns)
{
    struct timespec wall;
    struct tm local;
    int64_t ahead_ns = monotonic_ns - loop_now_ns();

    (void)clock_gettime(CLOCK_REALTIME, &wall);
    (void)localtime_r(&wall.tv_sec, &local);
    return (wall.tv_sec + local.tm_gmtoff) * RUN_SECOND + wall.tv_nsec + ahead_ns;
}

/* A live service goes on at the index that is on; one without a clock where it was. */
int64_t run_resume_ns(const struct run *run, int64_t ahead_ns)
{
    if (run->epoch_ns == 0)
        return 0;
    if (!run->params.picture->is_live)
        return pump_position_ns(run->pump);
    return loop_now_ns() + ahead_ns - run->epoch_ns;
}

static void send_setting(struct run *run, const struct setting *setting)
{
    const struct run_process *process =
        &run->processes[run->broker->wiring->process_of[setting->component]];

    if (process->child == NULL || run->supervise.processes[process->number].life != SUPERVISE_GOING)
        return;
    (void)child_send(process->child,
                     json_pack("{ss si si sI sI sf sI}", "op", "event", "component",
                               (int)setting->component, "kind", TT_EVENT_PARAM, "id",
                               (json_int_t)setting->id, "i", (json_int_t)setting->i, "f",
                               setting->f, "at",
                               (json_int_t)(setting->is_told ? INT64_MIN : setting->at)),
                     NULL, NULL, 0, NULL);
}

/* A container that starts anew has the parameters of the service's text. */
static void send_settings(struct run *run, uint32_t number)
{
    const uint32_t *process_of = run->broker->wiring->process_of;

    settings_forget(&run->settings);
    for (uint32_t n = 0; n < run->settings.count; n++)
        if (process_of[run->settings.list[n].component] == number)
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
    send_setting(run, &run->settings.list[run->settings.count - 1]);
    return 0;
}

static void send_go(struct run *run, uint32_t number, int64_t first_ns)
{
    struct run_process *process = &run->processes[number];
    bool is_leaving = run_is_container(run, number) && run->claim.workers[number].is_leaving;

    if (process->child == NULL)
        return;
    (void)child_send(process->child,
                     json_pack("{ss sI sI sI sb}", "op", "go", "epoch_ns",
                               (json_int_t)run->epoch_ns, "first_ns", (json_int_t)first_ns,
                               "wall_offset_ns", (json_int_t)run->wall_offset_ns, "leave",
                               is_leaving),
                     NULL, NULL, 0, NULL);
    if (!run_is_container(run, number))
        return;
    run->claim.workers[number].is_leaving = false;
    send_settings(run, number);
    run_follow_tell(run, number);
}

/* Nothing is due, nobody was promised anything, or what is promised leaves as much time. */
static bool is_hearing_late_paid(const struct run *run)
{
    const struct tt_plan *plan = run->params.plan;

    return !run->params.picture->is_live || plan->class == TT_CLASS_BEST_EFFORT ||
           plan->slack_ns >= RUN_GO_AHEAD_MIN_NS;
}

/* From go to media time 0 by when every process should have heard it. Who hears it later has lost
 * that much of its first frames' time, so the shorter the deadline, the more. */
static int64_t go_ahead_ns(const struct run *run)
{
    const struct tt_picture *picture = run->params.picture;
    int64_t deadline_ns = picture->deadline_ns, ahead_ns;

    for (uint32_t n = 0; n < picture->component_count; n++)
        if (picture->components[n].deadline_ns > 0 &&
            picture->components[n].deadline_ns < deadline_ns)
            deadline_ns = picture->components[n].deadline_ns;
    ahead_ns = RUN_GO_AHEAD_NS - deadline_ns / 2;
    if (ahead_ns > RUN_GO_AHEAD_MIN_NS)
        return ahead_ns;
    return is_hearing_late_paid(run) ? RUN_GO_AHEAD_LEAST_NS : RUN_GO_AHEAD_MIN_NS;
}

/* Who was sent for may have been woken on this very CPU, and waits there until the turn ends. */
static void give_way(void)
{
    const struct timespec pause = {.tv_nsec = 20000};

    (void)nanosleep(&pause, NULL);
}

static void go_all(struct run *run)
{
    struct pump_params params = {.broker = run->broker,
                                 .picture = run->params.picture,
                                 .plan = run->params.plan,
                                 .witness = run->params.node->witness,
                                 .metrics = run->params.node->metrics,
                                 .on_param = on_param,
                                 .on_degrade = run_on_degrade,
                                 .ctx = run};
    int64_t now_ns = loop_now_ns();

    tt_stamp("all ready");
    run->epoch_ns = now_ns + go_ahead_ns(run);
    if (!run->params.is_profile) {
        stagger_describe(run->params.picture, run->params.plan, &run->releases);
        run->epoch_ns = stagger_enter(&run->params.node->stagger, &run->releases, run->epoch_ns);
    }
    params.epoch_ns = run->epoch_ns;
    run->wall_offset_ns = run_wall_of(run->epoch_ns);
    /* Its processes wait for this; who reads what they did does not. */
    for (uint32_t n = 0; n < run->broker->wiring->process_count; n++)
        send_go(run, n, 0);
    run_reserve_go(run);
    haste_end(run->params.node->haste);
    tt_stamp("go sent");
    give_way();
    run->params.ops->on_go(run->params.ctx, run->epoch_ns, run_is_class_obtained(run),
                           run->class_why, &params.report, &params.scribe);
    run->pump = pump_open(&params);
    tt_assert(run->pump != NULL);
    for (uint32_t n = 0; n < run->broker->wiring->container_count; n++)
        run_level_began(run, n);
    tt_stamp("ledger begun");
    loop_set(run->params.node->loop, &run->poll_timer, now_ns + POLL_NS);
}

static void log_event(struct run *run, const struct supervise_action *action)
{
    char text[SUPERVISE_TEXT_BYTES + 96];

    fprintf(stderr, "service %s: %s: process=%s %s\n", run->params.picture->name, action->name,
            run_process_name(run, action->process), action->text);
    if (run->pump != NULL)
        pump_event(run->pump, action->name, run_process_name(run, action->process), action->text,
                   action->at_ns);
    /* The user hears of a refusal as the answer to the start, once. */
    if (run->params.is_profile || strcmp(action->name, "stopped") == 0 ||
        strcmp(action->name, "refused") == 0)
        return;
    (void)snprintf(text, sizeof(text), "%s %s %s", run_process_name(run, action->process),
                   action->name, action->text);
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
        run_spawn(run, action->process);
        break;
    case SUPERVISE_KILL:
        if (child != NULL)
            run_kill(&run->processes[action->process]);
        break;
    case SUPERVISE_RESERVE:
        run_reserve(&run->processes[action->process]);
        break;
    case SUPERVISE_GO:
        if (action->process == SUPERVISE_ALL)
            go_all(run);
        else
            send_go(run, action->process, run_resume_ns(run, RUN_GO_AHEAD_NS));
        move_joined(run, action->process);
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
    case SUPERVISE_LEFT:
        move_left(run, action->process, action->text);
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
    run_feed_simple(ctx, SUPERVISE_TICK, 0);
}

/* Once: when the first frame was there, as its worker wrote it down. */
static void tell_first(struct run *run, int64_t now_ns)
{
    int64_t first_ns = run_first_delivery_ns(run);
    struct run_first first = {.at_ns = first_ns,
                              .asked_ns = first_ns - run->params.asked_ns,
                              .spawned_ns = first_ns - run->opened_ns};

    if (run->first_frame_ns != 0 || first_ns == 0 || first_ns > now_ns)
        return;
    run->first_frame_ns = first.asked_ns;
    run->params.ops->on_first(run->params.ctx, &first);
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
        tell_first(run, now_ns); /* it may all be over between two looks */
        pump_finish(run->pump, now_ns, run->params.picture->is_live ? end_ns : -1);
    }
    run->params.ops->on_end(run->params.ctx, run->is_ok, run->reason);
}

static void on_poll_timer(void *ctx, uint32_t events)
{
    struct run *run = ctx;
    int64_t now_ns = loop_now_ns();
    bool is_steady = run->params.picture->is_live && run->first_frame_ns != 0;
    int64_t every_ns = is_steady ? STEADY_POLL_NS : POLL_NS;

    (void)events;
    /* All services in step: one wake-up for all of them. */
    loop_set(run->params.node->loop, &run->poll_timer, (now_ns / every_ns + 1) * every_ns);
    pump_poll(run->pump, now_ns);
    tell_settings(run);
    run_level_tell(run);
    tell_first(run, now_ns);
    if (run->params.is_profile && !run->is_over && run->supervise.state != SUPERVISE_DRAINING &&
        now_ns - run->epoch_ns >=
            (run->params.for_ns > 0 ? run->params.for_ns + PROFILE_GRACE_NS : PROFILE_LIMIT_NS))
        run_gone(run);
    else
        run_watch_dog(run, now_ns);
    run_rescue(run, now_ns);
    run_edges_watch(run, now_ns);
    run_follow(run, now_ns);
}

/* In a profile run sinks discard in the container: their edges are not started. */
static void init_process(struct run *run, uint32_t number)
{
    struct run_process *process = &run->processes[number];
    const struct tt_wiring *wiring = run->broker->wiring;
    int32_t component = wiring->processes[number].component;
    uint32_t plan_containers = wiring->container_count - wiring->spare_count;

    process->run = run;
    process->number = number;
    process->stuck_component = -1;
    process->reserve_timer = (struct loop_timer){.fn = run_on_reserve_timer, .ctx = process};
    if (component >= 0)
        (void)snprintf(process->name, sizeof(process->name), "%s",
                       run->params.picture->components[component].name);
    else if (tt_wiring_is_spare(wiring, number))
        (void)snprintf(process->name, sizeof(process->name), "container.spare%u",
                       number + 1 - plan_containers);
    else if (plan_containers == 1)
        (void)snprintf(process->name, sizeof(process->name), "container");
    else
        (void)snprintf(process->name, sizeof(process->name), "container.%s",
                       run->params.plan->workers[number].name);
}

static void choose_processes(struct run *run)
{
    const struct tt_wiring *wiring = run->broker->wiring;
    uint64_t sources = 0;

    for (uint32_t n = 0; n < wiring->process_count; n++) {
        init_process(run, n);
        if (wiring->processes[n].component >= 0 &&
            run->params.picture->components[wiring->processes[n].component].is_source)
            sources |= UINT64_C(1) << n;
    }
    supervise_init(&run->supervise, wiring->process_count, sources);
    supervise_set_containers(&run->supervise, wiring->container_count);
    supervise_set_spares(&run->supervise, wiring->spare_count);
    claim_init(&run->claim, wiring->container_count, wiring->spare_count);
    for (uint32_t n = wiring->container_count; run->params.is_profile && n < wiring->process_count;
         n++)
        if ((sources >> n & 1) == 0)
            supervise_leave_out(&run->supervise, n);
}

/* 0.3 MB, of which a start would have to wait until they are zeroed. */
static struct run *zeroed;

static struct run *make(void)
{
    struct run *run = zeroed;

    zeroed = NULL;
    return run != NULL ? run : calloc(1, sizeof(*run));
}

static void give_back(struct run *run)
{
    if (zeroed == NULL)
        zeroed = memset(run, 0, sizeof(*run));
    else
        free(run);
}

int run_open(const struct run_params *params, struct run **ret, struct tt_error *err)
{
    struct run *run = make();
    int r;

    if (run == NULL)
        return tt_fail(err, -ENOMEM, "no memory for a service");
    run->params = *params;
    tt_stamp("told the plan");
    r = broker_open(params->picture, params->node->stock, params->ahead, &run->broker, err);
    tt_stamp("memory made");
    /* The room is taken before anybody else plans with it; the kernel is asked once there is a
     * thread to give it to. */
    if (r == 0 && ladder_is_reservation_planned(params))
        r = ladder_enter_books(params, err);
    if (r < 0) {
        broker_close(&run->broker);
        give_back(run);
        return r;
    }
    run->opened_ns = loop_now_ns();
    run->step_timer = (struct loop_timer){.fn = on_step_timer, .ctx = run};
    run->poll_timer = (struct loop_timer){.fn = on_poll_timer, .ctx = run};
    run->end_timer = (struct loop_timer){.fn = on_end_timer, .ctx = run};
    choose_processes(run);
    run_prepare_handoff(run);
    *ret = run;
    run_feed_simple(run, SUPERVISE_PLANNED, 0);
    run->params.ahead = NULL;
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
    loop_clear(loop, &run->end_timer);
    for (uint32_t n = 0; n < TT_PROCESSES_MAX; n++) {
        loop_clear(loop, &run->processes[n].reserve_timer);
        run_kill(&run->processes[n]);
        run_abandon(&run->processes[n]);
        handoff_close(&run->processes[n].handoff);
    }
    books_give_back(&run->params.node->books, run->params.service, loop_now_ns());
    stagger_leave(&run->params.node->stagger, &run->releases);
    move_close(run);
    run_follow_close(run);
    pump_close(&run->pump);
    broker_close(&run->broker);
    give_back(run);
    *closed = NULL;
}

void run_stop(struct run *run)
{
    if (!run->is_over)
        run_feed_simple(run, SUPERVISE_STOP, 0);
}

void run_gone(struct run *run)
{
    if (!run->is_over)
        run_feed_simple(run, SUPERVISE_GONE, 0);
}

struct pump *run_pump(struct run *run)
{
    return run->pump;
}

int64_t run_budget_ns(const struct run *run)
{
    return run->processes[0].budget_ns;
}

bool run_is_measure(const struct run *run)
{
    if (run->params.node->machine.plan.right == TT_RIGHT_OTHER)
        return true; /* there is nothing better, and the key of the profile says so */
    return claim_was_obtained(&run->claim) &&
           (ladder_is_fifo_planned(&run->params) || run->params.plan->budget_ns > 0);
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
