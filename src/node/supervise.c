/* What to do when a service's processes start, get ready, end, hang or die: decided here, done in
 * run.c. */
#include "node/supervise.h"

#include <string.h>

#include "base/assert.h"
#include "tactus/error.h"

#define SECOND INT64_C(1000000000)
#define MILLI INT64_C(1000000)

/* A service that dies this often within a minute will not get better by trying. */
#define DEATHS_WITHIN_NS (60 * SECOND)
#define BACKOFF_FIRST_NS (50 * MILLI)
#define BACKOFF_MAX_NS (5 * SECOND)
/* After this long without a death a process counts as healthy again. */
#define HEALTHY_NS (10 * SECOND)
#define READY_LIMIT_NS (10 * SECOND)
#define PRIME_LIMIT_NS (5 * SECOND)
#define DRAIN_LIMIT_NS (10 * SECOND)
#define GONE_LIMIT_NS (1 * SECOND)
#define GIVE_UP_LIMIT_NS (2 * SECOND)

static const bool allowed[SUPERVISE_STATE_COUNT][SUPERVISE_STATE_COUNT] = {
    [SUPERVISE_SHAPING] = {[SUPERVISE_STARTING] = true, [SUPERVISE_ENDED] = true},
    [SUPERVISE_STARTING] =
        {[SUPERVISE_RUNNING] = true, [SUPERVISE_DRAINING] = true, [SUPERVISE_BACKING_OFF] = true},
    [SUPERVISE_RUNNING] = {[SUPERVISE_DRAINING] = true, [SUPERVISE_BACKING_OFF] = true},
    [SUPERVISE_BACKING_OFF] = {[SUPERVISE_STARTING] = true, [SUPERVISE_DRAINING] = true},
    [SUPERVISE_DRAINING] = {[SUPERVISE_ENDED] = true},
};

const char *supervise_state_name(enum supervise_state state)
{
    static const char *const names[SUPERVISE_STATE_COUNT] = {"shaping",  "starting",    "running",
                                                             "draining", "backing-off", "ended"};

    return state < SUPERVISE_STATE_COUNT ? names[state] : "?";
}

static void move(struct supervise *s, enum supervise_state to)
{
    if (s->state == to)
        return;
    tt_assert(allowed[s->state][to]);
    s->state = to;
}

static struct supervise_action *add(struct supervise_actions *out, enum supervise_verb verb,
                                    uint32_t process)
{
    struct supervise_action *action;

    tt_assert(out->count < SUPERVISE_ACTIONS_MAX);
    action = &out->list[out->count++];
    memset(action, 0, sizeof(*action));
    action->verb = verb;
    action->process = process;
    return action;
}

static void note(struct supervise_actions *out, const char *name, uint32_t process,
                 const char *text)
{
    struct supervise_action *action = add(out, SUPERVISE_LOG, process);

    action->name = name;
    (void)tt_format_text(action->text, sizeof(action->text), "%s", text != NULL ? text : "");
}

static bool is_alive(const struct supervise_process *process)
{
    return process->life == SUPERVISE_SPAWNED || process->life == SUPERVISE_PREPARED ||
           process->life == SUPERVISE_GOING;
}

static void kill_one(struct supervise *s, uint32_t number, struct supervise_actions *out)
{
    struct supervise_process *process = &s->processes[number];

    if (!is_alive(process) || process->is_killed)
        return;
    process->is_killed = true;
    (void)add(out, SUPERVISE_KILL, number);
}

static void spawn_one(struct supervise *s, uint32_t number, int64_t now_ns,
                      struct supervise_actions *out)
{
    struct supervise_process *process = &s->processes[number];

    tt_assert(!is_alive(process));
    process->life = SUPERVISE_SPAWNED;
    process->is_ready = process->is_primed = process->is_killed = false;
    process->is_asked = process->is_reserved = false;
    process->limit_ns = now_ns + READY_LIMIT_NS;
    (void)add(out, SUPERVISE_SPAWN, number);
}

static void kill_all(struct supervise *s, struct supervise_actions *out)
{
    for (uint32_t n = 0; n < s->process_count; n++)
        kill_one(s, n, out);
}

/* From here on nothing is started; what waits for a restart is not wanted any more. */
static void drain(struct supervise *s, int64_t limit_ns, const char *reason, bool is_failed,
                  struct supervise_actions *out)
{
    bool was_draining = s->state == SUPERVISE_DRAINING;

    move(s, SUPERVISE_DRAINING);
    if (!was_draining || limit_ns < s->drain_limit_ns)
        s->drain_limit_ns = limit_ns;
    if (was_draining)
        return;
    s->is_failed = is_failed;
    (void)tt_format_text(s->reason, sizeof(s->reason), "%s", reason);
    for (uint32_t n = 0; n < s->process_count; n++) {
        struct supervise_process *process = &s->processes[n];

        if (!is_alive(process))
            process->life = SUPERVISE_DONE;
        else if (!s->is_gone_once || process->life != SUPERVISE_GOING)
            kill_one(s, n, out); /* nothing of it has run: there is nothing to finish */
        else
            (void)add(out, SUPERVISE_SEND_STOP, n);
    }
}

static void end(struct supervise *s, const char *reason, bool is_ok, struct supervise_actions *out)
{
    struct supervise_action *action;

    move(s, SUPERVISE_ENDED);
    s->is_failed = !is_ok;
    action = add(out, SUPERVISE_END, SUPERVISE_ALL);
    action->is_ok = is_ok;
    (void)tt_format_text(action->text, sizeof(action->text), "%s", reason);
}

/* Counts a death; true when there were too many. */
static bool is_too_often(struct supervise *s, int64_t now_ns)
{
    int64_t oldest_ns;

    memmove(s->deaths_ns + 1, s->deaths_ns, sizeof(s->deaths_ns) - sizeof(s->deaths_ns[0]));
    s->deaths_ns[0] = now_ns;
    s->death_count++;
    if (s->death_count < SUPERVISE_DEATHS_MAX)
        return false;
    oldest_ns = s->deaths_ns[SUPERVISE_DEATHS_MAX - 1];
    return now_ns - oldest_ns <= DEATHS_WITHIN_NS;
}

static void wait_for_restart(struct supervise_process *process, int64_t now_ns)
{
    bool was_healthy = process->life == SUPERVISE_GOING && now_ns - process->gone_ns >= HEALTHY_NS;

    if (process->backoff_ns == 0 || was_healthy)
        process->backoff_ns = BACKOFF_FIRST_NS;
    else
        process->backoff_ns *= 2;
    if (process->backoff_ns > BACKOFF_MAX_NS)
        process->backoff_ns = BACKOFF_MAX_NS;
    process->life = SUPERVISE_WAITING;
    process->is_ready = false; /* nor is its successor yet */
    process->restart_ns = now_ns + process->backoff_ns;
}

static bool is_container(const struct supervise *s, uint32_t number)
{
    return number < s->container_count;
}

/* Is what this process sends read by that container? What is in a spare one came out of another,
 * which sends it what it needs and reads what it makes. */
static bool is_before(const struct supervise *s, uint32_t number, uint32_t container)
{
    const struct supervise_process *process = &s->processes[number];

    return process->is_source || number < container || (process->is_filled && number != container);
}

/* A container that starts anew finds no End of an input whose edge has ended: the edge looks at its
 * input again, from now on, and says so. So does a container before it. */
static void wake_ended_sources(struct supervise *s, uint32_t container, int64_t at_ns)
{
    for (uint32_t n = 0; n < s->process_count; n++)
        if (is_before(s, n, container) && s->processes[n].life == SUPERVISE_DONE) {
            s->processes[n].life = SUPERVISE_WAITING;
            s->processes[n].restart_ns = at_ns;
        }
}

/* Its End may be older than a container that started anew meanwhile. */
static bool is_end_missed(const struct supervise *s, uint32_t number)
{
    const struct supervise_process *process = &s->processes[number];

    for (uint32_t n = 0; n < s->container_count && process->life == SUPERVISE_GOING; n++)
        if (is_before(s, number, n) && s->processes[n].life == SUPERVISE_GOING &&
            !s->processes[n].is_joined && s->processes[n].gone_ns > process->gone_ns)
            return true;
    return false;
}

static bool are_containers_done(const struct supervise *s)
{
    for (uint32_t n = 0; n < s->container_count; n++)
        if (s->processes[n].life != SUPERVISE_DONE && !s->processes[n].is_spare)
            return false;
    return true;
}

/* Nobody reads from them any more. */
static void kill_sources(struct supervise *s, struct supervise_actions *out)
{
    for (uint32_t n = s->container_count; n < s->process_count; n++)
        if (s->processes[n].is_source)
            kill_one(s, n, out);
}

/* Who has done all that it was there for would do it twice if it were started again. */
static bool is_end(const struct supervise *s, const struct supervise_event *event)
{
    return (event->is_clean || event->is_through) &&
           (s->is_gone_once || !is_container(s, event->process));
}

bool supervise_is_idle(const struct supervise *s, uint32_t number)
{
    return s->processes[number].is_spare && !s->processes[number].is_filled;
}

static void leave(struct supervise *s, uint32_t number, const char *text,
                  struct supervise_actions *out)
{
    struct supervise_action *action = add(out, SUPERVISE_LEFT, number);

    s->processes[number].life = SUPERVISE_DONE;
    (void)tt_format_text(action->text, sizeof(action->text), "%s", text != NULL ? text : "");
}

/* Nothing was in it that could be missed: the service is as well as it was, and nobody tries again
 * but who asks. */
static bool is_left(struct supervise *s, const struct supervise_event *event,
                    struct supervise_actions *out)
{
    const struct supervise_process *process = &s->processes[event->process];

    if (!supervise_is_idle(s, event->process) || s->state == SUPERVISE_DRAINING)
        return false;
    if (!event->is_clean && !process->is_killed)
        note(out, "died", event->process, event->text);
    leave(s, event->process, event->text, out);
    return true;
}

static void on_join(struct supervise *s, uint32_t number, int64_t now_ns,
                    struct supervise_actions *out)
{
    struct supervise_process *process = &s->processes[number];

    tt_assert(process->is_spare);
    if (process->life != SUPERVISE_DONE)
        return; /* it is there */
    if (!s->is_gone_once || s->state == SUPERVISE_DRAINING || process->is_filled) {
        leave(s, number, "the service does not run", out);
        return;
    }
    process->is_joined = true;
    process->backoff_ns = 0;
    spawn_one(s, number, now_ns, out);
}

/* It may have died meanwhile: what it has is nowhere else. */
static void on_filled(const struct supervise *s, struct supervise_process *process, int64_t now_ns)
{
    process->is_filled = true;
    if (process->life != SUPERVISE_DONE || s->state == SUPERVISE_DRAINING)
        return;
    process->life = SUPERVISE_WAITING;
    process->restart_ns = now_ns + BACKOFF_FIRST_NS;
}

static void on_emptied(struct supervise *s, uint32_t number, struct supervise_actions *out)
{
    struct supervise_process *process = &s->processes[number];

    process->is_filled = false;
    if (process->life == SUPERVISE_WAITING)
        leave(s, number, "it is empty", out);
}

static void on_spare(struct supervise *s, const struct supervise_event *event, int64_t now_ns,
                     struct supervise_actions *out)
{
    struct supervise_process *process = &s->processes[event->process];

    if (event->kind == SUPERVISE_JOIN)
        on_join(s, event->process, now_ns, out);
    else if (event->kind == SUPERVISE_FILLED)
        on_filled(s, process, now_ns);
    else if (event->kind == SUPERVISE_EMPTIED)
        on_emptied(s, event->process, out);
    else if (supervise_is_idle(s, event->process) && s->state != SUPERVISE_DRAINING)
        kill_one(s, event->process, out);
}

static void on_end(struct supervise *s, const struct supervise_event *event, int64_t now_ns,
                   struct supervise_actions *out)
{
    uint32_t number = event->process;

    if (!event->is_clean && !s->processes[number].is_killed)
        note(out, "died", number, event->text);
    if (s->state != SUPERVISE_DRAINING && is_end_missed(s, number)) {
        s->processes[number].life = SUPERVISE_WAITING;
        s->processes[number].restart_ns = now_ns + BACKOFF_FIRST_NS;
        return;
    }
    s->processes[number].life = SUPERVISE_DONE;
    if (!is_container(s, number) || !are_containers_done(s))
        return;
    drain(s, now_ns + DRAIN_LIMIT_NS, "ended", false, out);
    kill_sources(s, out);
}

static void on_death(struct supervise *s, const struct supervise_event *event, int64_t now_ns,
                     struct supervise_actions *out)
{
    struct supervise_process *process = &s->processes[event->process];
    const char *text = event->text != NULL ? event->text : "";
    char reason[SUPERVISE_TEXT_BYTES];

    if (s->state == SUPERVISE_DRAINING) {
        bool was_killed = process->is_killed;

        process->life = SUPERVISE_DONE;
        if (!was_killed)
            note(out, "died", event->process, text);
        if (is_container(s, event->process) && are_containers_done(s))
            kill_sources(s, out);
        return;
    }
    if (event->is_refusal && !s->is_gone_once) {
        note(out, "refused", event->process, text);
        process->life = SUPERVISE_DONE;
        drain(s, now_ns + GIVE_UP_LIMIT_NS, text, true, out);
        return;
    }
    note(out, "died", event->process, text);
    if (is_too_often(s, now_ns)) {
        process->life = SUPERVISE_DONE;
        (void)tt_format_text(reason, sizeof(reason), "gave up after %d deaths within 60 s: %s",
                             SUPERVISE_DEATHS_MAX, text);
        note(out, "gave-up", event->process, reason);
        drain(s, now_ns + GIVE_UP_LIMIT_NS, reason, true, out);
        return;
    }
    wait_for_restart(process, now_ns);
    if (is_container(s, event->process))
        wake_ended_sources(s, event->process, process->restart_ns);
}

static void on_stop(struct supervise *s, int64_t now_ns, bool is_gone,
                    struct supervise_actions *out)
{
    int64_t limit_ns = now_ns + (is_gone ? GONE_LIMIT_NS : DRAIN_LIMIT_NS);

    if (s->state == SUPERVISE_SHAPING) {
        end(s, is_gone ? "the user is gone" : "stopped", true, out);
        return;
    }
    if (s->has_stopped && !is_gone) {
        note(out, "killed", SUPERVISE_ALL, "stopped twice");
        kill_all(s, out);
        return;
    }
    if (!s->has_stopped)
        note(out, "stopped", SUPERVISE_ALL, is_gone ? "the user is gone" : "by the user");
    s->has_stopped = true; /* who ends by itself is not killed for the first word */
    drain(s, limit_ns, is_gone ? "the user is gone" : "stopped", false, out);
}

static void on_tick(struct supervise *s, int64_t now_ns, struct supervise_actions *out)
{
    for (uint32_t n = 0; n < s->process_count; n++) {
        struct supervise_process *process = &s->processes[n];

        if (process->life == SUPERVISE_WAITING && now_ns >= process->restart_ns) {
            note(out, "restarted", n, "");
            process->is_joined = false;
            spawn_one(s, n, now_ns, out);
        } else if (process->life == SUPERVISE_SPAWNED && now_ns >= process->limit_ns &&
                   !process->is_ready && !process->is_killed) {
            note(out, "not-ready", n, "not ready within 10 s");
            kill_one(s, n, out);
        }
    }
    if (s->state == SUPERVISE_DRAINING && now_ns >= s->drain_limit_ns)
        kill_all(s, out);
}

/* A process that is ready and has what it needs waits for go only. */
static void prepare(struct supervise *s, int64_t now_ns)
{
    bool are_all_ready = true;

    for (uint32_t n = 0; n < s->process_count; n++)
        are_all_ready &= s->processes[n].life != SUPERVISE_SPAWNED || s->processes[n].is_ready;
    if (!are_all_ready)
        s->prime_limit_ns = 0;
    else if (s->prime_limit_ns == 0)
        s->prime_limit_ns = now_ns + PRIME_LIMIT_NS;
    for (uint32_t n = 0; n < s->process_count; n++) {
        struct supervise_process *process = &s->processes[n];
        bool is_primed = !process->is_source || process->is_primed ||
                         (s->prime_limit_ns != 0 && now_ns >= s->prime_limit_ns);

        if (process->life == SUPERVISE_SPAWNED && process->is_ready && !process->is_killed &&
            is_primed && (!is_container(s, n) || process->is_reserved))
            process->life = SUPERVISE_PREPARED;
    }
}

static void release(struct supervise *s, int64_t now_ns, struct supervise_actions *out)
{
    bool are_all_prepared = true;

    for (uint32_t n = 0; n < s->process_count; n++)
        are_all_prepared &=
            s->processes[n].life == SUPERVISE_PREPARED || s->processes[n].life == SUPERVISE_DONE;
    if (!s->is_gone_once && !are_all_prepared)
        return;
    if (!s->is_gone_once)
        (void)add(out, SUPERVISE_GO, SUPERVISE_ALL);
    for (uint32_t n = 0; n < s->process_count; n++) {
        struct supervise_process *process = &s->processes[n];

        if (process->life != SUPERVISE_PREPARED)
            continue;
        process->life = SUPERVISE_GOING;
        process->gone_ns = now_ns;
        if (!s->is_gone_once)
            continue;
        (void)add(out, SUPERVISE_GO, n);
        if (is_container(s, n) && !process->is_joined) /* who ended while it was not there */
            wake_ended_sources(s, n, now_ns + BACKOFF_FIRST_NS);
    }
    s->is_gone_once = true;
}

static void name_state(struct supervise *s)
{
    bool is_any_waiting = false, is_any_starting = false;

    for (uint32_t n = 0; n < s->process_count; n++) {
        is_any_waiting |= s->processes[n].life == SUPERVISE_WAITING;
        is_any_starting |= s->processes[n].life == SUPERVISE_SPAWNED && !s->processes[n].is_joined;
    }
    if (is_any_waiting) {
        move(s, SUPERVISE_BACKING_OFF);
        return;
    }
    if (s->state == SUPERVISE_BACKING_OFF)
        move(s, SUPERVISE_STARTING);
    if (!is_any_starting && s->is_gone_once)
        move(s, SUPERVISE_RUNNING);
}

/* Only for what a tick can do: a time that has passed and has nothing left to do would come again
 * and again. */
static void ask_for_timer(const struct supervise *s, struct supervise_actions *out)
{
    int64_t at_ns = INT64_MAX;

    for (uint32_t n = 0; n < s->process_count; n++) {
        const struct supervise_process *process = &s->processes[n];
        bool is_killable = is_alive(process) && !process->is_killed;
        int64_t wanted_ns = INT64_MAX;

        if (process->life == SUPERVISE_WAITING)
            wanted_ns = process->restart_ns;
        else if (is_killable && s->state == SUPERVISE_DRAINING)
            wanted_ns = s->drain_limit_ns;
        else if (is_killable && process->life == SUPERVISE_SPAWNED && !process->is_ready)
            wanted_ns = process->limit_ns;
        else if (is_killable && process->life == SUPERVISE_SPAWNED && process->is_source &&
                 !process->is_primed && s->prime_limit_ns != 0)
            wanted_ns = s->prime_limit_ns;
        at_ns = wanted_ns < at_ns ? wanted_ns : at_ns;
    }
    if (at_ns != INT64_MAX)
        add(out, SUPERVISE_TIMER, SUPERVISE_ALL)->at_ns = at_ns;
}

static void settle(struct supervise *s, int64_t now_ns, struct supervise_actions *out)
{
    bool is_any_left = false;

    if (s->state == SUPERVISE_SHAPING || s->state == SUPERVISE_ENDED)
        return;
    if (s->state != SUPERVISE_DRAINING) {
        prepare(s, now_ns);
        release(s, now_ns, out);
        name_state(s);
    }
    for (uint32_t n = 0; n < s->process_count; n++)
        is_any_left |= s->processes[n].life != SUPERVISE_DONE;
    if (s->state == SUPERVISE_DRAINING && !is_any_left)
        end(s, s->reason, !s->is_failed, out);
    else
        ask_for_timer(s, out);
}

void supervise_init(struct supervise *s, uint32_t process_count, uint64_t sources)
{
    tt_assert(process_count >= 1);
    tt_assert(process_count <= SUPERVISE_PROCESSES_MAX);
    memset(s, 0, sizeof(*s));
    s->process_count = process_count;
    s->container_count = 1;
    for (uint32_t n = 1; n < process_count; n++)
        s->processes[n].is_source = (sources >> n & 1) != 0;
}

void supervise_set_containers(struct supervise *s, uint32_t count)
{
    tt_assert(s->state == SUPERVISE_SHAPING);
    tt_assert(count >= 1);
    tt_assert(count <= s->process_count);
    s->container_count = count;
    for (uint32_t n = 0; n < count; n++)
        s->processes[n].is_source = false;
}

void supervise_set_spares(struct supervise *s, uint32_t count)
{
    tt_assert(s->state == SUPERVISE_SHAPING);
    tt_assert(count < s->container_count);
    for (uint32_t n = s->container_count - count; n < s->container_count; n++) {
        s->processes[n].is_spare = true;
        s->processes[n].life = SUPERVISE_DONE;
    }
}

void supervise_leave_out(struct supervise *s, uint32_t process)
{
    tt_assert(s->state == SUPERVISE_SHAPING);
    tt_assert(!is_container(s, process));
    tt_assert(process < s->process_count);
    s->processes[process].life = SUPERVISE_DONE;
}

/* At the start none is asked for before all are there, so that a refusal leaves nobody with a
 * reservation that helps nobody. Later each is alone. */
static void ask_for_reservations(struct supervise *s, struct supervise_actions *out)
{
    for (uint32_t n = 0; n < s->container_count && !s->is_gone_once; n++)
        if (!s->processes[n].is_spare && (!s->processes[n].is_ready || s->processes[n].is_killed))
            return;
    for (uint32_t n = 0; n < s->container_count; n++) {
        struct supervise_process *process = &s->processes[n];

        if (!is_alive(process) || !process->is_ready || process->is_killed || process->is_asked)
            continue;
        process->is_asked = true;
        (void)add(out, SUPERVISE_RESERVE, n);
    }
}

static void on_process(struct supervise *s, const struct supervise_event *event, int64_t now_ns,
                       struct supervise_actions *out)
{
    struct supervise_process *process = &s->processes[event->process];

    if (!is_alive(process))
        return; /* its last words came after its death was seen */
    switch (event->kind) {
    case SUPERVISE_READY:
        process->is_ready = true;
        if (is_container(s, event->process) && s->state != SUPERVISE_DRAINING)
            ask_for_reservations(s, out);
        break;
    case SUPERVISE_RESERVED:
        process->is_reserved = process->is_ready;
        if (event->is_refusal && supervise_is_idle(s, event->process))
            kill_one(s, event->process, out); /* what it came for was promised something */
        break;
    case SUPERVISE_PRIMED:
        process->is_primed = true;
        break;
    default:
        if (is_left(s, event, out))
            break;
        if (is_end(s, event))
            on_end(s, event, now_ns, out);
        else
            on_death(s, event, now_ns, out);
        break;
    }
}

void supervise_step(struct supervise *s, const struct supervise_event *event, int64_t now_ns,
                    struct supervise_actions *out)
{
    out->count = 0;
    if (s->state == SUPERVISE_ENDED)
        return;
    tt_assert(event->process < s->process_count);
    switch (event->kind) {
    case SUPERVISE_PLANNED:
        tt_assert(s->state == SUPERVISE_SHAPING);
        move(s, SUPERVISE_STARTING);
        for (uint32_t n = 0; n < s->process_count; n++)
            if (s->processes[n].life == SUPERVISE_OFF)
                spawn_one(s, n, now_ns, out);
        break;
    case SUPERVISE_REFUSED:
        if (s->state == SUPERVISE_SHAPING)
            end(s, event->text, false, out);
        break;
    case SUPERVISE_STUCK:
        if (is_alive(&s->processes[event->process]) && !s->processes[event->process].is_killed)
            note(out, "stuck", event->process, event->text);
        kill_one(s, event->process, out);
        break;
    case SUPERVISE_STOP:
    case SUPERVISE_GONE:
        on_stop(s, now_ns, event->kind == SUPERVISE_GONE, out);
        break;
    case SUPERVISE_TICK:
        on_tick(s, now_ns, out);
        break;
    case SUPERVISE_JOIN:
    case SUPERVISE_FILLED:
    case SUPERVISE_EMPTIED:
    case SUPERVISE_LEAVE:
        on_spare(s, event, now_ns, out);
        break;
    default:
        on_process(s, event, now_ns, out);
        break;
    }
    settle(s, now_ns, out);
    for (uint32_t n = 0; n < out->count; n++) /* whoever writes it down may come to it later */
        if (out->list[n].verb == SUPERVISE_LOG)
            out->list[n].at_ns = now_ns;
}

void supervise_check(const struct supervise *s)
{
    for (uint32_t n = 0; n < s->process_count; n++) {
        const struct supervise_process *process = &s->processes[n];

        tt_assert(s->state != SUPERVISE_ENDED || !is_alive(process));
        tt_assert(s->state != SUPERVISE_DRAINING || process->life != SUPERVISE_WAITING);
        tt_assert(s->state != SUPERVISE_RUNNING || process->life >= SUPERVISE_GOING ||
                  process->is_joined);
        tt_assert(process->is_spare || (!process->is_filled && !process->is_joined));
        tt_assert(s->state != SUPERVISE_SHAPING || process->life == SUPERVISE_OFF ||
                  process->life == SUPERVISE_DONE);
        tt_assert(process->backoff_ns <= BACKOFF_MAX_NS);
    }
}
