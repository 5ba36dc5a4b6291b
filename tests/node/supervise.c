/* Supervision replayed: each rule as a sequence, then random events from seeds against a simulated
 * set of processes. It always ends, never has a process twice, never starts anything when ended. */
#include "node/supervise.h"

#include "check.h"

#define SECOND INT64_C(1000000000)
#define MILLI INT64_C(1000000)

static struct supervise s;
static struct supervise_actions out;
static int64_t now_ns;

static void step(enum supervise_kind kind, uint32_t process)
{
    supervise_step(&s, &(struct supervise_event){.kind = kind, .process = process, .text = "x"},
                   now_ns, &out);
    supervise_check(&s);
    for (uint32_t n = 0; kind == SUPERVISE_TICK && n < out.count; n++)
        CHECK(out.list[n].verb != SUPERVISE_TIMER || out.list[n].at_ns > now_ns);
}

static void die(uint32_t process, bool is_clean, bool is_refusal)
{
    supervise_step(&s,
                   &(struct supervise_event){.kind = SUPERVISE_DIED,
                                             .process = process,
                                             .is_clean = is_clean,
                                             .is_refusal = is_refusal,
                                             .text = "killed by signal 9"},
                   now_ns, &out);
    supervise_check(&s);
    for (uint32_t n = 0; n < out.count; n++) /* as the ledger shall tell it */
        CHECK(out.list[n].verb != SUPERVISE_LOG || out.list[n].at_ns == now_ns);
}

static uint32_t count(enum supervise_verb verb, uint32_t process)
{
    uint32_t found = 0;

    for (uint32_t n = 0; n < out.count; n++)
        found += out.list[n].verb == verb && out.list[n].process == process;
    return found;
}

static int64_t timer(void)
{
    for (uint32_t n = 0; n < out.count; n++)
        if (out.list[n].verb == SUPERVISE_TIMER)
            return out.list[n].at_ns;
    return -1;
}

/* Process 1 is a source edge, process 2 a sink edge. */
static void start(void)
{
    now_ns = 100 * SECOND;
    supervise_init(&s, 3, 1u << 1);
    step(SUPERVISE_PLANNED, 0);
    CHECK_INT(count(SUPERVISE_SPAWN, 0) + count(SUPERVISE_SPAWN, 1) + count(SUPERVISE_SPAWN, 2), 3);
    step(SUPERVISE_READY, 0);
    CHECK_INT(count(SUPERVISE_RESERVE, 0), 1);
    step(SUPERVISE_READY, 1);
    step(SUPERVISE_READY, 2);
    step(SUPERVISE_RESERVED, 0);
    CHECK_INT(s.state, SUPERVISE_STARTING);
    CHECK_INT(count(SUPERVISE_GO, SUPERVISE_ALL), 0);
    step(SUPERVISE_PRIMED, 1);
    CHECK_INT(count(SUPERVISE_GO, SUPERVISE_ALL), 1);
    CHECK_INT(s.state, SUPERVISE_RUNNING);
}

static void a_service_starts_runs_and_ends(void)
{
    start();
    die(1, true, false);
    CHECK_INT(s.state, SUPERVISE_RUNNING);
    die(0, true, false);
    CHECK_INT(s.state, SUPERVISE_DRAINING);
    CHECK_INT(count(SUPERVISE_SEND_STOP, 2), 1);
    die(2, true, false);
    CHECK_INT(s.state, SUPERVISE_ENDED);
    CHECK_INT(count(SUPERVISE_END, SUPERVISE_ALL), 1);
    CHECK(out.list[0].is_ok);
}

static void an_unprimed_source_is_waited_for_5_s(void)
{
    now_ns = SECOND;
    supervise_init(&s, 2, 1u << 1);
    step(SUPERVISE_PLANNED, 0);
    step(SUPERVISE_READY, 0);
    step(SUPERVISE_RESERVED, 0);
    now_ns += SECOND;
    step(SUPERVISE_READY, 1);
    CHECK_INT(timer(), now_ns + 5 * SECOND);
    now_ns += 5 * SECOND;
    step(SUPERVISE_TICK, 0);
    CHECK_INT(count(SUPERVISE_GO, SUPERVISE_ALL), 1);
}

static void a_dead_container_alone_is_restarted(void)
{
    start();
    die(0, false, false);
    CHECK_INT(s.state, SUPERVISE_BACKING_OFF);
    CHECK_INT(count(SUPERVISE_KILL, 1) + count(SUPERVISE_KILL, 2), 0);
    CHECK_INT(timer(), now_ns + 50 * MILLI);
    now_ns += 50 * MILLI;
    step(SUPERVISE_TICK, 0);
    CHECK_INT(count(SUPERVISE_SPAWN, 0), 1);
    CHECK_INT(s.state, SUPERVISE_STARTING);
    step(SUPERVISE_READY, 0);
    CHECK_INT(count(SUPERVISE_RESERVE, 0), 1);
    CHECK_INT(count(SUPERVISE_GO, 0), 0);
    step(SUPERVISE_RESERVED, 0);
    CHECK_INT(count(SUPERVISE_GO, 0), 1);
    CHECK_INT(count(SUPERVISE_GO, SUPERVISE_ALL), 0);
    CHECK_INT(s.state, SUPERVISE_RUNNING);
    now_ns += SECOND;
    die(0, false, false);
    CHECK_INT(timer(), now_ns + 100 * MILLI);
}

static void a_container_without_its_ended_source_gets_it_again(void)
{
    start();
    die(1, true, false);
    die(0, false, false);
    now_ns = timer();
    step(SUPERVISE_TICK, 0);
    CHECK_INT(count(SUPERVISE_SPAWN, 0), 1);
    CHECK_INT(count(SUPERVISE_SPAWN, 1), 1);
}

static uint32_t spawned_when_due(uint32_t process)
{
    now_ns = timer();
    step(SUPERVISE_TICK, 0);
    return count(SUPERVISE_SPAWN, process);
}

/* The End that it gave was read by a container that died, and no other comes. */
static void a_source_that_ends_while_a_container_restarts_is_had_again(void)
{
    start();
    die(0, false, false);
    die(1, true, false);
    CHECK_INT(spawned_when_due(0), 1);
    CHECK_INT(count(SUPERVISE_SPAWN, 1), 0);
    step(SUPERVISE_READY, 0);
    step(SUPERVISE_RESERVED, 0);
    CHECK_INT(spawned_when_due(1), 1);
    start(); /* it takes its time to end */
    die(0, false, false);
    CHECK_INT(spawned_when_due(0), 1);
    step(SUPERVISE_READY, 0);
    step(SUPERVISE_RESERVED, 0);
    die(1, true, false);
    CHECK_INT(spawned_when_due(1), 1);
    step(SUPERVISE_READY, 1);
    step(SUPERVISE_PRIMED, 1);
    die(1, true, false); /* once */
    CHECK_INT(timer(), -1);
    CHECK_INT(s.state, SUPERVISE_RUNNING);
}

/* Processes 0 and 1 are containers, process 2 a source edge, process 3 a sink edge. */
static void start_two(void)
{
    now_ns = 100 * SECOND;
    supervise_init(&s, 4, 1u << 2);
    supervise_set_containers(&s, 2);
    step(SUPERVISE_PLANNED, 0);
    step(SUPERVISE_READY, 1);
    step(SUPERVISE_PRIMED, 2);
    CHECK_INT(count(SUPERVISE_RESERVE, 1), 0); /* all of them get theirs, or none */
    step(SUPERVISE_READY, 0);
    CHECK_INT(count(SUPERVISE_RESERVE, 0), 1);
    CHECK_INT(count(SUPERVISE_RESERVE, 1), 1);
    step(SUPERVISE_READY, 2);
    step(SUPERVISE_READY, 3);
    step(SUPERVISE_RESERVED, 1);
    CHECK_INT(count(SUPERVISE_GO, SUPERVISE_ALL), 0);
    step(SUPERVISE_RESERVED, 0);
    CHECK_INT(count(SUPERVISE_GO, SUPERVISE_ALL), 1);
    CHECK_INT(s.state, SUPERVISE_RUNNING);
}

static void one_container_restarts_without_the_other(void)
{
    start_two();
    die(1, false, false);
    for (uint32_t n = 0; n < 4; n++)
        CHECK_INT(count(SUPERVISE_KILL, n), 0);
    now_ns = timer();
    step(SUPERVISE_TICK, 0);
    CHECK_INT(count(SUPERVISE_SPAWN, 1), 1);
    CHECK_INT(count(SUPERVISE_SPAWN, 0) + count(SUPERVISE_SPAWN, 2), 0);
    step(SUPERVISE_READY, 1);
    CHECK_INT(count(SUPERVISE_RESERVE, 1), 1);
    CHECK_INT(count(SUPERVISE_RESERVE, 0), 0);
    step(SUPERVISE_RESERVED, 1);
    CHECK_INT(count(SUPERVISE_GO, 1), 1);
    CHECK_INT(s.state, SUPERVISE_RUNNING);
    supervise_step(&s,
                   &(struct supervise_event){
                       .kind = SUPERVISE_STUCK, .process = 1, .text = "it does not return"},
                   now_ns, &out);
    CHECK_INT(count(SUPERVISE_KILL, 1), 1);
    CHECK_INT(count(SUPERVISE_KILL, 0), 0);
}

static void the_service_ends_with_its_last_container(void)
{
    start_two();
    die(0, true, false);
    CHECK_INT(s.state, SUPERVISE_RUNNING);
    CHECK_INT(count(SUPERVISE_KILL, 2), 0);
    die(1, true, false);
    CHECK_INT(s.state, SUPERVISE_DRAINING);
    CHECK_INT(count(SUPERVISE_KILL, 2), 1);
    die(2, false, false);
    die(3, true, false);
    CHECK_INT(s.state, SUPERVISE_ENDED);
}

/* What the second one has not read of the first one's End died with it. */
static void a_container_gets_the_one_before_it_again(void)
{
    start_two();
    die(2, true, false);
    die(0, true, false);
    die(1, false, false);
    now_ns = timer();
    step(SUPERVISE_TICK, 0);
    CHECK_INT(count(SUPERVISE_SPAWN, 0), 1);
    CHECK_INT(count(SUPERVISE_SPAWN, 1), 1);
    CHECK_INT(count(SUPERVISE_SPAWN, 2), 1);
    start_two();
    die(1, true, false);
    die(0, false, false);
    now_ns = timer();
    step(SUPERVISE_TICK, 0);
    CHECK_INT(count(SUPERVISE_SPAWN, 1), 0); /* nothing goes backwards */
}

static void five_deaths_in_a_minute_end_it(void)
{
    start();
    for (int n = 0; n < 4; n++) {
        die(2, false, false);
        CHECK_INT(s.state, SUPERVISE_BACKING_OFF);
        now_ns = timer();
        step(SUPERVISE_TICK, 0);
        step(SUPERVISE_READY, 2);
        CHECK_INT(s.state, SUPERVISE_RUNNING);
        now_ns += SECOND;
    }
    die(2, false, false);
    CHECK_INT(s.state, SUPERVISE_DRAINING);
    CHECK_INT(count(SUPERVISE_SEND_STOP, 0), 1);
    now_ns = timer();
    step(SUPERVISE_TICK, 0);
    CHECK_INT(count(SUPERVISE_KILL, 0) + count(SUPERVISE_KILL, 1), 2);
    die(0, false, false);
    die(1, false, false);
    CHECK_INT(s.state, SUPERVISE_ENDED);
    CHECK(strstr(out.list[out.count - 1].text, "gave up") != NULL);
    CHECK(!out.list[out.count - 1].is_ok);
}

static void deaths_far_apart_go_on_for_ever(void)
{
    start();
    for (int n = 0; n < 40; n++) {
        die(1, false, false);
        CHECK_INT(timer(), now_ns + 50 * MILLI);
        now_ns = timer();
        step(SUPERVISE_TICK, 0);
        step(SUPERVISE_READY, 1);
        step(SUPERVISE_PRIMED, 1);
        CHECK_INT(s.state, SUPERVISE_RUNNING);
        now_ns += 20 * SECOND;
    }
}

static void die_through(uint32_t process)
{
    supervise_step(&s,
                   &(struct supervise_event){.kind = SUPERVISE_DIED,
                                             .process = process,
                                             .is_through = true,
                                             .text = "killed by signal 9"},
                   now_ns, &out);
    supervise_check(&s);
}

/* All is delivered; once more it would be twice. */
static void a_container_that_dies_with_nothing_left_to_do_has_ended(void)
{
    start();
    die(1, true, false);
    die_through(0);
    CHECK_INT(s.state, SUPERVISE_DRAINING);
    CHECK_INT(count(SUPERVISE_LOG, 0), 1);
    CHECK_INT(count(SUPERVISE_SEND_STOP, 2), 1);
    die(2, true, false);
    CHECK_INT(s.state, SUPERVISE_ENDED);
    CHECK(out.list[out.count - 1].is_ok);
}

static void the_first_stop_kills_nobody_who_ends_already(void)
{
    start();
    die(0, true, false);
    CHECK_INT(s.state, SUPERVISE_DRAINING);
    step(SUPERVISE_STOP, 0);
    CHECK_INT(count(SUPERVISE_KILL, 2), 0);
    step(SUPERVISE_STOP, 0);
    CHECK_INT(count(SUPERVISE_KILL, 2), 1);
}

static void nobody_reserves_while_a_dead_container_is_not_back(void)
{
    now_ns = SECOND;
    supervise_init(&s, 2, 0);
    supervise_set_containers(&s, 2);
    step(SUPERVISE_PLANNED, 0);
    step(SUPERVISE_READY, 1);
    die(1, false, false);
    step(SUPERVISE_READY, 0);
    CHECK_INT(count(SUPERVISE_RESERVE, 0), 0);
    now_ns = timer();
    step(SUPERVISE_TICK, 0);
    step(SUPERVISE_READY, 1);
    CHECK_INT(count(SUPERVISE_RESERVE, 0) + count(SUPERVISE_RESERVE, 1), 2);
}

static void a_refusal_at_the_start_is_final(void)
{
    now_ns = SECOND;
    supervise_init(&s, 2, 0);
    step(SUPERVISE_PLANNED, 0);
    die(1, false, true);
    CHECK_INT(s.state, SUPERVISE_DRAINING);
    CHECK_INT(count(SUPERVISE_KILL, 0), 1);
    die(0, false, false);
    CHECK_INT(s.state, SUPERVISE_ENDED);
    CHECK_TEXT(out.list[out.count - 1].text, "killed by signal 9");
}

static void a_user_who_is_gone_is_given_1_s(void)
{
    start();
    step(SUPERVISE_GONE, 0);
    CHECK_INT(count(SUPERVISE_SEND_STOP, 0), 1);
    CHECK_INT(timer(), now_ns + SECOND);
    now_ns += SECOND;
    step(SUPERVISE_TICK, 0);
    CHECK_INT(count(SUPERVISE_KILL, 0) + count(SUPERVISE_KILL, 1) + count(SUPERVISE_KILL, 2), 3);
    step(SUPERVISE_TICK, 0);
    CHECK_INT(count(SUPERVISE_KILL, 0), 0);
}

/* Killed is not yet reaped: until then there is nothing to wait for by a timer. */
static void a_limit_that_has_passed_asks_for_no_timer(void)
{
    start();
    step(SUPERVISE_STOP, 0);
    CHECK_INT(timer(), now_ns + 10 * SECOND);
    now_ns = timer();
    step(SUPERVISE_TICK, 0);
    CHECK_INT(count(SUPERVISE_KILL, 0), 1);
    CHECK_INT(timer(), -1);
    now_ns += SECOND;
    die(1, false, false);
    CHECK_INT(timer(), -1);
    die(0, false, false);
    die(2, false, false);
    CHECK_INT(s.state, SUPERVISE_ENDED);

    now_ns = SECOND; /* an unprimed source that was killed */
    supervise_init(&s, 2, 1u << 1);
    step(SUPERVISE_PLANNED, 0);
    step(SUPERVISE_READY, 0);
    step(SUPERVISE_READY, 1);
    step(SUPERVISE_GONE, 0);
    CHECK_INT(count(SUPERVISE_KILL, 1), 1);
    now_ns += 6 * SECOND;
    step(SUPERVISE_TICK, 0);
    CHECK_INT(timer(), -1);
}

static void a_second_stop_kills(void)
{
    start();
    step(SUPERVISE_STOP, 0);
    CHECK_INT(count(SUPERVISE_KILL, 0), 0);
    step(SUPERVISE_STOP, 0);
    CHECK_INT(count(SUPERVISE_KILL, 0), 1);
}

static void a_stuck_container_is_killed_once(void)
{
    start();
    step(SUPERVISE_STUCK, 0);
    CHECK_INT(count(SUPERVISE_KILL, 0), 1);
    step(SUPERVISE_STUCK, 0);
    CHECK_INT(count(SUPERVISE_KILL, 0), 0);
    die(0, false, false);
    CHECK_INT(s.state, SUPERVISE_BACKING_OFF);
}

/* Process 0 is the container, process 1 a spare one, process 2 a source edge. */
static void start_with_spare(void)
{
    now_ns = 100 * SECOND;
    supervise_init(&s, 3, 1u << 2);
    supervise_set_containers(&s, 2);
    supervise_set_spares(&s, 1);
    step(SUPERVISE_PLANNED, 0);
    CHECK_INT(count(SUPERVISE_SPAWN, 1), 0);
    step(SUPERVISE_READY, 0);
    CHECK_INT(count(SUPERVISE_RESERVE, 0), 1);
    step(SUPERVISE_READY, 2);
    step(SUPERVISE_RESERVED, 0);
    step(SUPERVISE_PRIMED, 2);
    CHECK_INT(count(SUPERVISE_GO, SUPERVISE_ALL), 1);
    now_ns += SECOND;
    step(SUPERVISE_JOIN, 1);
    CHECK_INT(count(SUPERVISE_SPAWN, 1), 1);
    CHECK_INT(s.state, SUPERVISE_RUNNING);
    step(SUPERVISE_READY, 1);
    CHECK_INT(count(SUPERVISE_RESERVE, 1), 1);
}

static void a_spare_container_comes_and_goes(void)
{
    for (int n = 0; n < 2; n++) {
        start_with_spare();
        step(SUPERVISE_RESERVED, 1);
        CHECK_INT(count(SUPERVISE_GO, 1), 1);
        if (n == 0) {
            step(SUPERVISE_FILLED, 1);
            step(SUPERVISE_LEAVE, 1); /* it has something */
            CHECK_INT(count(SUPERVISE_KILL, 1), 0);
            step(SUPERVISE_EMPTIED, 1);
        }
        step(SUPERVISE_LEAVE, 1);
        CHECK_INT(count(SUPERVISE_KILL, 1), 1);
        step(SUPERVISE_JOIN, 1); /* not before that one is reaped */
        CHECK_INT(count(SUPERVISE_SPAWN, 1), 0);
        die(1, false, false);
        CHECK_INT(count(SUPERVISE_LEFT, 1), 1);
        CHECK_INT(count(SUPERVISE_LOG, 1), 0);
        step(SUPERVISE_JOIN, 1);
        CHECK_INT(count(SUPERVISE_SPAWN, 1), 1);
    }
}

/* However often: it is asked for by somebody who is told. */
static void an_empty_one_is_not_missed(void)
{
    start_with_spare();
    for (int n = 0; n < 2 * SUPERVISE_DEATHS_MAX; n++) {
        die(1, false, n % 2 == 0);
        CHECK_INT(count(SUPERVISE_LEFT, 1), 1);
        CHECK_INT(s.state, SUPERVISE_RUNNING);
        CHECK_INT(timer(), -1);
        step(SUPERVISE_JOIN, 1);
        step(SUPERVISE_READY, 1);
    }
    supervise_step(&s,
                   &(struct supervise_event){
                       .kind = SUPERVISE_RESERVED, .process = 1, .is_refusal = true, .text = "x"},
                   now_ns, &out);
    CHECK_INT(count(SUPERVISE_KILL, 1), 1); /* it came for what was promised something */
    CHECK_INT(count(SUPERVISE_GO, 1), 0);
    CHECK_INT(s.death_count, 0);
}

static void one_that_has_something_starts_anew(void)
{
    start_with_spare();
    step(SUPERVISE_RESERVED, 1);
    step(SUPERVISE_FILLED, 1);
    die(2, true, false); /* its End was not lost: the spare one came later, but misses nothing */
    CHECK_INT(s.processes[2].life, SUPERVISE_DONE);
    die(1, false, false);
    CHECK_INT(s.state, SUPERVISE_BACKING_OFF);
    CHECK_INT(spawned_when_due(1), 1);
    CHECK_INT(s.processes[2].life, SUPERVISE_SPAWNED); /* now it was */
    step(SUPERVISE_READY, 1);
    step(SUPERVISE_RESERVED, 1);
    CHECK_INT(count(SUPERVISE_GO, 1), 1);
    die(1, false, false);
    step(SUPERVISE_EMPTIED, 1); /* what it had is elsewhere */
    CHECK_INT(count(SUPERVISE_LEFT, 1), 1);
}

static void a_service_ends_without_its_spare_one(void)
{
    start_with_spare();
    die(0, true, false);
    CHECK_INT(s.state, SUPERVISE_DRAINING);
    CHECK_INT(count(SUPERVISE_KILL, 1), 1); /* nothing of it has run */
    step(SUPERVISE_JOIN, 1);
    CHECK_INT(count(SUPERVISE_SPAWN, 1), 0);
    start_with_spare();
    step(SUPERVISE_RESERVED, 1);
    step(SUPERVISE_STOP, 0);
    CHECK_INT(count(SUPERVISE_SEND_STOP, 1), 1);
    die(1, true, false);
    step(SUPERVISE_JOIN, 1);
    CHECK_INT(count(SUPERVISE_LEFT, 1), 1);
    CHECK_INT(count(SUPERVISE_SPAWN, 1), 0);
}

static void a_refused_service_starts_nothing(void)
{
    supervise_init(&s, 1, 0);
    step(SUPERVISE_REFUSED, 0);
    CHECK_INT(s.state, SUPERVISE_ENDED);
    CHECK_INT(out.count, 1);
    step(SUPERVISE_STOP, 0);
    CHECK_INT(out.count, 0);
}

/* Processes that do what supervision says, or something else, by chance. */
struct world {
    bool is_alive[8], is_stopped[8];
    int64_t timer_ns;
    uint32_t spawns;
    bool is_ended;
};

static uint64_t seed;

static uint32_t chance(uint32_t below)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % below;
}

static void obey(struct world *w)
{
    for (uint32_t n = 0; n < out.count; n++) {
        const struct supervise_action *action = &out.list[n];

        CHECK(!w->is_ended);
        if (action->verb == SUPERVISE_SPAWN) {
            CHECK(!w->is_alive[action->process]);
            w->is_alive[action->process] = true;
            w->is_stopped[action->process] = false;
            w->spawns++;
        } else if (action->verb == SUPERVISE_KILL) {
            CHECK(w->is_alive[action->process]);
            w->is_stopped[action->process] = true;
        } else if (action->verb == SUPERVISE_SEND_STOP) {
            CHECK(w->is_alive[action->process]);
        } else if (action->verb == SUPERVISE_TIMER) {
            w->timer_ns = action->at_ns;
        } else if (action->verb == SUPERVISE_END) {
            CHECK(n == out.count - 1);
            w->is_ended = true;
        }
    }
}

static void random_event(struct world *w, uint32_t processes)
{
    static const enum supervise_kind kinds[] = {SUPERVISE_READY,  SUPERVISE_READY,
                                                SUPERVISE_READY,  SUPERVISE_RESERVED,
                                                SUPERVISE_PRIMED, SUPERVISE_PRIMED};
    static const enum supervise_kind moves[] = {SUPERVISE_JOIN, SUPERVISE_FILLED, SUPERVISE_EMPTIED,
                                                SUPERVISE_LEAVE};
    uint32_t process = chance(processes), dice = chance(100);

    if (w->is_stopped[process] && w->is_alive[process]) {
        w->is_alive[process] = false;
        die(process, false, false);
    } else if (dice < 10 && w->is_alive[process]) {
        w->is_alive[process] = false;
        die(process, chance(4) == 0, chance(8) == 0);
    } else if (dice < 75) {
        step(kinds[chance(6)], process);
    } else if (dice < 76) {
        step(SUPERVISE_STUCK, chance(s.container_count));
    } else if (dice < 77 && s.processes[1].is_spare && chance(4) != 0) {
        step(moves[chance(4)], 1);
    } else if (dice < 77) {
        step(chance(2) ? SUPERVISE_STOP : SUPERVISE_GONE, 0);
    } else if (w->timer_ns != 0) {
        now_ns = now_ns > w->timer_ns ? now_ns : w->timer_ns;
        step(SUPERVISE_TICK, 0);
    } else {
        return;
    }
    obey(w);
}

static void random_services_always_end(void)
{
    uint32_t ended = 0, restarted = 0;

    for (uint64_t n = 1; n <= 2000; n++) {
        struct world w = {0};
        uint32_t processes = 1 + (uint32_t)(n % 8), turns = 0;

        seed = n * UINT64_C(0x9e3779b97f4a7c15);
        now_ns = SECOND;
        supervise_init(&s, processes, n >> 3);
        supervise_set_containers(&s, n % 3 == 0 && processes > 2 ? 2 : 1);
        supervise_set_spares(&s, n % 6 == 0 && processes > 2);
        step(SUPERVISE_PLANNED, 0);
        obey(&w);
        while (!w.is_ended && turns++ < 3000) {
            now_ns += chance(200) * MILLI;
            random_event(&w, processes);
            if (turns == 2000) {
                step(SUPERVISE_GONE, 0);
                obey(&w);
            }
        }
        if (!w.is_ended) {
            fprintf(stderr, "seed %llu does not end\n", (unsigned long long)n);
            exit(1);
        }
        ended++;
        restarted += w.spawns > processes;
    }
    CHECK_INT(ended, 2000);
    CHECK(restarted > 500); /* or the events were too tame to show anything */
}

int main(void)
{
    RUN(a_service_starts_runs_and_ends);
    RUN(an_unprimed_source_is_waited_for_5_s);
    RUN(a_dead_container_alone_is_restarted);
    RUN(a_container_without_its_ended_source_gets_it_again);
    RUN(a_source_that_ends_while_a_container_restarts_is_had_again);
    RUN(one_container_restarts_without_the_other);
    RUN(the_service_ends_with_its_last_container);
    RUN(a_container_gets_the_one_before_it_again);
    RUN(five_deaths_in_a_minute_end_it);
    RUN(deaths_far_apart_go_on_for_ever);
    RUN(a_container_that_dies_with_nothing_left_to_do_has_ended);
    RUN(the_first_stop_kills_nobody_who_ends_already);
    RUN(nobody_reserves_while_a_dead_container_is_not_back);
    RUN(a_refusal_at_the_start_is_final);
    RUN(a_user_who_is_gone_is_given_1_s);
    RUN(a_limit_that_has_passed_asks_for_no_timer);
    RUN(a_second_stop_kills);
    RUN(a_stuck_container_is_killed_once);
    RUN(a_spare_container_comes_and_goes);
    RUN(an_empty_one_is_not_missed);
    RUN(one_that_has_something_starts_anew);
    RUN(a_service_ends_without_its_spare_one);
    RUN(a_refused_service_starts_nothing);
    RUN(random_services_always_end);
    return 0;
}
