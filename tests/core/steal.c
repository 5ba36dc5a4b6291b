/* A component that is over its budget loses the worker. Here the standby runs on the hog's stack,
 * in its call: what the engine must stand is the same, and every step is checked. */
#include <string.h>

#include "core/inside.h"
#include "graph.h"

enum { HOG_AT = 20, BUDGET_NS = 2 * MS };

static struct graph g;
static bool has_standby;
static uint32_t wanted, asked;
static uint32_t hog, hog_source, hog_sink, sink;
static int64_t away_until_ns; /* media time */
static int64_t hog_ns;        /* what it takes before anybody looks */
static uint64_t sleep_count;
static void (*in_hog)(struct fake *fake, struct tt_call *call);
static void (*after_hog)(struct fake *fake, struct tt_call *call);

static bool hand_over(void *world)
{
    (void)world;
    asked++;
    wanted += has_standby;
    return has_standby;
}

static uint64_t sleeps(void *world)
{
    (void)world;
    return sleep_count;
}

/* Runs until its budget is over; then the rest of the service goes on under it, until it returns.
 */
static int run_away(void *state, struct tt_call *call)
{
    struct fake *fake = state;
    uint32_t before = wanted;

    if (call->index == HOG_AT) {
        tt_sim_spend(g.sim, hog_ns);
        if (wanted > before) {
            CHECK(tt_engine_take_over(g.engine));
            tt_engine_check(g.engine);
            if (in_hog)
                in_hog(fake, call);
            (void)graph_run_until(&g, away_until_ns);
            if (after_hog)
                after_hog(fake, call);
        }
    }
    for (uint32_t n = 0; n < call->out_count; n++)
        tt_call_out(call, n)->bytes = sizeof(int64_t);
    return TT_DONE;
}

static void forget(int64_t until_ns)
{
    has_standby = true;
    wanted = asked = 0;
    sleep_count = 0;
    in_hog = after_hog = NULL;
    away_until_ns = until_ns;
    hog_ns = BUDGET_NS + MS;
}

/* source ! hog ! sink 0, and source ! pass ! sink 1. */
static void init(uint32_t overrun, int64_t until_ns)
{
    uint32_t other, pass;

    forget(until_ns);
    graph_init(&g, 1);
    g.params.end_ns = 1000 * MS;
    g.params.watchdog_ns = 1000 * MS;
    hog_source = graph_node(&g, FAKE_SOURCE);
    hog = graph_node(&g, FAKE_PASS);
    hog_sink = graph_node(&g, FAKE_SINK);
    other = graph_node(&g, FAKE_SOURCE);
    pass = graph_node(&g, FAKE_PASS);
    sink = graph_node(&g, FAKE_SINK);
    graph_flow(&g, hog_source, 0, hog, 0)->depth = 2;
    graph_flow(&g, hog, 0, hog_sink, 0);
    graph_flow(&g, other, 0, pass, 0);
    graph_flow(&g, pass, 0, sink, 0);
    for (uint32_t n = 0; n < g.params.node_count; n++) {
        g.nodes[n].budget_ns = BUDGET_NS;
        g.nodes[n].ledger_component = n;
    }
    g.nodes[hog].overrun = overrun;
    g.components[hog].process = run_away;
}

static void begin(void)
{
    graph_open(&g);
    g.ops.hand_over = hand_over;
    g.ops.sleeps = sleeps;
    graph_begin(&g, 0);
}

/* The hog's thread, when it is back, does no more than wait; who goes on is the other one. */
static void run(void)
{
    begin();
    while (!g.stats->is_ended)
        if (graph_step(&g) != INT64_MIN)
            (void)graph_run_until(&g, (tt_sim_now(g.sim) - g.epoch_ns) + MS);
    CHECK_INT(tt_engine_take_over(g.engine), false);
}

static uint32_t count_of(uint32_t of_sink, uint32_t outcome, uint32_t cause)
{
    uint32_t count = 0;

    for (uint32_t n = 0; n < g.record_count; n++)
        count += g.records[n].kind == TT_RECORD_FRAME && g.records[n].sink == of_sink &&
                 g.records[n].outcome == outcome && g.records[n].cause == cause;
    return count;
}

static uint32_t count_notes(uint32_t id)
{
    uint32_t count = 0;

    for (uint32_t n = 0; n < g.record_count; n++)
        count += g.records[n].kind == TT_RECORD_NOTE && g.records[n].due_ns == id &&
                 g.records[n].component == hog;
    return count;
}

/* All frames of the other flow, and those of the hog's but for what is its own fault. */
static void check_flows(uint32_t lost, uint32_t late)
{
    CHECK_INT(graph_check_sink(&g, 1, 0, TT_ON_TIME), 100);
    CHECK_INT(graph_check_sink(&g, 0, 0, TT_ON_TIME), 100 - lost - late);
    CHECK_INT(count_of(0, TT_LOST_FRAME, TT_CAUSE_BUDGET), lost);
    CHECK_INT(count_of(0, TT_LATE_FRAME, TT_CAUSE_BUDGET), late);
    for (uint32_t n = 0; n < g.record_count; n++)
        if (g.records[n].kind == TT_RECORD_FRAME && g.records[n].cause == TT_CAUSE_BUDGET)
            CHECK_INT(g.records[n].component, hog);
    CHECK_INT(count_notes(TT_NOTE_HANDOFF), 1);
    CHECK_INT(g.stats->nodes[hog].handoffs, 1);
}

static void a_throttled_one_costs_its_own_flow(void)
{
    init(TT_OVERRUN_THROTTLE, (HOG_AT * 10 + 95) * (int64_t)MS);
    run();
    /* Its own frame is late; of the nine that came meanwhile its queue kept two. */
    check_flows(7, 1);
    CHECK_INT(count_notes(TT_NOTE_BACK), 1);
    CHECK_INT(g.stats->nodes[hog].overruns, 1);
    CHECK_INT(graph_frames_out(&g, 0), 0);
    graph_close(&g);
}

static void a_skipping_one_gives_nothing_until_it_is_back(void)
{
    init(TT_OVERRUN_SKIP, (HOG_AT * 10 + 95) * (int64_t)MS);
    run();
    check_flows(10, 0);
    CHECK_INT(graph_frames_out(&g, 0), 0);
    graph_close(&g);
}

static void one_that_never_returns_costs_its_own_flow(void)
{
    for (uint32_t overrun = TT_OVERRUN_THROTTLE; overrun <= TT_OVERRUN_SKIP; overrun++) {
        init(overrun, INT64_MAX / 4);
        run();
        check_flows(100 - HOG_AT, 0);
        CHECK_INT(count_notes(TT_NOTE_BACK), 0);
        CHECK_INT(g.stats->stuck_since_ns, 0);
        graph_close(&g);
    }
}

/* Whoever waits for the hog's frames uses its late policy. */
static void a_join_goes_on_without_it(void)
{
    uint32_t join;

    forget(INT64_MAX / 4);
    graph_init(&g, 1);
    g.params.end_ns = 1000 * MS;
    hog_source = graph_node(&g, FAKE_SOURCE);
    hog = graph_node(&g, FAKE_PASS);
    join = graph_node(&g, FAKE_LED);
    hog_sink = graph_node(&g, FAKE_SINK);
    graph_flow(&g, hog_source, 0, hog, 0);
    graph_flow(&g, hog_source, 0, join, 0);
    graph_flow(&g, hog, 0, join, 1)->late_policy = TT_LATE_REPEAT;
    graph_flow(&g, join, 0, hog_sink, 0);
    for (uint32_t n = 0; n < g.params.node_count; n++)
        g.nodes[n].budget_ns = BUDGET_NS;
    g.nodes[join].fire_offset_ns = MS;
    g.components[hog].process = run_away;
    run();
    CHECK_INT(graph_check_sink(&g, 0, 0, TT_ON_TIME), 100);
    CHECK(g.stats->nodes[join].late_uses > 50);
    graph_close(&g);
}

/* Frames that it holds are nobody else's, also when its node is given up and forgets them. */
static const int64_t *seen;
static int64_t seen_before;
static uint32_t seen_count;

static void remember(struct fake *fake, struct tt_call *call)
{
    (void)fake;
    seen = tt_frame_data(tt_call_in(call, 1));
    seen_before = *seen;
}

static void compare(struct fake *fake, struct tt_call *call)
{
    CHECK_INT(*seen, seen_before);
    seen_count++;
    (void)fake;
    (void)call;
}

static void what_it_reads_stays(void)
{
    uint32_t other;

    forget(0);
    graph_init(&g, 1);
    g.params.end_ns = 1000 * MS;
    hog_source = graph_node(&g, FAKE_SOURCE);
    other = graph_node(&g, FAKE_SOURCE);
    hog = graph_node(&g, FAKE_LED);
    hog_sink = graph_node(&g, FAKE_SINK);
    graph_flow(&g, hog_source, 0, hog, 0)->late_policy = TT_LATE_REPEAT;
    graph_flow(&g, other, 0, hog, 1)->late_policy = TT_LATE_REPEAT;
    graph_flow(&g, hog, 0, hog_sink, 0);
    graph_flow(&g, other, 0, graph_node(&g, FAKE_SINK), 0);
    for (uint32_t n = 0; n < g.params.node_count; n++)
        g.nodes[n].budget_ns = BUDGET_NS;
    g.components[hog].process = run_away;
    in_hog = remember;
    after_hog = compare;
    away_until_ns = INT64_MAX / 4;
    seen_count = 0;
    run();
    CHECK_INT(seen_count, 1);
    CHECK_INT(g.stats->nodes[hog].handoffs, 1);
    graph_close(&g);
}

/* Where every frame comes through it, its loss of the worker would help nobody and make its own
 * frames later. */
static void one_whom_all_need_keeps_the_worker(void)
{
    forget(0);
    graph_init(&g, 1);
    g.params.end_ns = 1000 * MS;
    graph_chain(&g, FAKE_PASS, (uint32_t *[]){&hog_source, &hog, &hog_sink});
    for (uint32_t n = 0; n < g.params.node_count; n++)
        g.nodes[n].budget_ns = BUDGET_NS;
    g.components[hog].process = run_away;
    run();
    CHECK_INT(asked, 0);
    CHECK_INT(g.stats->nodes[hog].overruns, 1);
    CHECK_INT(g.stats->nodes[hog].handoffs, 0);
    CHECK_INT(graph_check_sink(&g, 0, 0, TT_ON_TIME), 100);
    graph_close(&g);
}

/* The other flow comes seldom: nobody waits while it is over its budget. */
static void one_who_keeps_nobody_waiting_keeps_the_worker(void)
{
    init(TT_OVERRUN_THROTTLE, 0);
    g.nodes[hog + 2].rate = (struct tt_rational){7, 1};
    run();
    CHECK_INT(asked, 0);
    CHECK_INT(g.stats->nodes[hog].overruns, 1);
    CHECK_INT(g.stats->nodes[hog].handoffs, 0);
    graph_close(&g);
}

/* It is asked to return after a 20th of the watchdog's second, and loses the worker half as long
 * after that: or its process would be ended, and what nobody waited for yet would be lost. */
static void one_who_does_not_return_loses_the_worker_before_its_process_is_ended(void)
{
    init(TT_OVERRUN_THROTTLE, 350 * MS);
    g.nodes[hog + 2].rate = (struct tt_rational){7, 1}; /* at 142 and at 285 ms */
    hog_ns = 80 * MS;
    run();
    CHECK_INT(asked, 1);
    CHECK_INT(g.stats->nodes[hog].handoffs, 1);
    CHECK_INT(graph_check_sink(&g, 1, 0, TT_ON_TIME), 7);
    graph_close(&g);
}

static void without_a_standby_all_wait(void)
{
    init(TT_OVERRUN_THROTTLE, 0);
    has_standby = false;
    run();
    CHECK(asked > 0);
    CHECK_INT(g.stats->nodes[hog].handoffs, 0);
    CHECK_INT(g.stats->nodes[hog].overruns, 1);
    CHECK_INT(graph_check_sink(&g, 0, 0, TT_LOST_FRAME), 0);
    CHECK_INT(graph_check_sink(&g, 1, 0, TT_LOST_FRAME), 0);
    graph_close(&g);
}

static int overrun_too(void *state, struct tt_call *call)
{
    if (call->index == HOG_AT + 3) {
        uint32_t before = asked;

        tt_sim_spend(g.sim, BUDGET_NS + 3 * MS);
        CHECK_INT(asked, before); /* nobody is there who could take it */
    }
    (void)state;
    tt_call_out(call, 0)->bytes = sizeof(int64_t);
    return TT_DONE;
}

static void a_second_overrun_waits_for_its_component(void)
{
    init(TT_OVERRUN_THROTTLE, (HOG_AT * 10 + 95) * (int64_t)MS);
    g.components[hog + 3].process = overrun_too;
    run();
    CHECK_INT(g.stats->nodes[hog].handoffs, 1);
    CHECK_INT(g.stats->nodes[hog + 3].handoffs, 0);
    CHECK_INT(g.stats->nodes[hog + 3].overruns, 1);
    (void)graph_check_sink(&g, 0, 0, TT_LOST_FRAME);
    CHECK_INT(graph_check_sink(&g, 1, 0, TT_LOST_FRAME), 0);
    graph_close(&g);
}

/* The rest of the engine is not its own any more, but for what it made. */
static uint32_t held[2];

static int make_and_keep(void *state, struct tt_call *call)
{
    struct fake *fake = state;
    struct tt_host *host = &fake->host;
    struct tt_frame made[2], more;

    if (call->index != HOG_AT)
        return run_away(state, call);
    CHECK_INT(host->frame_new(host->ctx, 0, &made[0]), 0);
    held[0] = made[0].handle;
    CHECK_INT(host->frame_new(host->ctx, 0, &made[1]), 0);
    held[1] = made[1].handle;
    CHECK_INT(host->note(host->ctx, 900, 1), 0);
    (void)run_away(state, call);
    CHECK_INT(wanted, 1);
    CHECK_INT(host->frame_new(host->ctx, 0, &more), -ENOBUFS);
    CHECK_INT(host->frame_keep(host->ctx, tt_call_in(call, 0)->handle), -ENOBUFS);
    CHECK_INT(host->frame_emit(host->ctx, 0, tt_call_in(call, 0)->handle), -ENOBUFS);
    CHECK_INT(host->note(host->ctx, 901, 1), -ENOBUFS);
    CHECK_INT(host->frame_drop(host->ctx, made[1].handle), 0);
    CHECK_INT(host->frame_drop(host->ctx, made[1].handle), -EINVAL);
    made[0].bytes = 8;
    CHECK_INT(host->frame_emit(host->ctx, 0, made[0].handle), 0);
    tt_engine_check(g.engine);
    tt_call_out(call, 0)->bytes = 0;
    return TT_DONE;
}

static void its_calls_into_the_engine_fail_harmlessly(void)
{
    init(TT_OVERRUN_THROTTLE, (HOG_AT * 10 + 15) * (int64_t)MS);
    g.shapes[hog].out_max[0] = 4;
    g.components[hog].process = make_and_keep;
    run();
    CHECK_INT(g.stats->nodes[hog].handoffs, 1);
    CHECK_INT(graph_check_sink(&g, 0, 0, TT_LOST_FRAME), 0);
    CHECK_INT(graph_check_sink(&g, 1, 0, TT_ON_TIME), 100);
    CHECK_INT(graph_frames_out(&g, 0), 0);
    graph_close(&g);
}

/* In a call into the engine, and in the engine's own code, nothing is taken. */
static bool (*record_out)(void *world, const struct tt_record *record);
static uint32_t asked_inside;

static bool record_out_late(void *world, const struct tt_record *record)
{
    if (record->kind == TT_RECORD_NOTE && record->due_ns == 900) {
        uint32_t before = asked;

        tt_sim_spend(g.sim, BUDGET_NS + MS);
        asked_inside += asked - before;
    }
    return record_out(world, record);
}

static int note_slowly(void *state, struct tt_call *call)
{
    struct fake *fake = state;

    if (call->index == HOG_AT) {
        CHECK_INT(fake->host.note(fake->host.ctx, 900, 1), 0);
        CHECK_INT(asked, 0);
        tt_sim_spend(g.sim, MS); /* and soon after it is */
        CHECK_INT(asked, 1);
        CHECK(tt_engine_take_over(g.engine));
    }
    tt_call_out(call, 0)->bytes = sizeof(int64_t);
    return TT_DONE;
}

static void a_call_into_the_engine_is_finished_first(void)
{
    init(TT_OVERRUN_THROTTLE, 0);
    g.components[hog].process = note_slowly;
    asked_inside = 0;
    begin();
    record_out = g.ops.record_out;
    g.ops.record_out = record_out_late;
    while (!g.stats->is_ended)
        if (graph_step(&g) != INT64_MIN)
            (void)graph_run_until(&g, (tt_sim_now(g.sim) - g.epoch_ns) + MS);
    CHECK_INT(asked_inside, 0);
    CHECK_INT(g.stats->nodes[hog].handoffs, 1);
    graph_close(&g);
}

static int wait_in_it(void *state, struct tt_call *call)
{
    (void)state;
    if (call->index == HOG_AT) { /* others have the CPU: not its fault */
        tt_sim_sleep_until(g.sim, tt_sim_now(g.sim) + 5 * BUDGET_NS);
        CHECK_INT(asked, 0);
    }
    if (call->index == HOG_AT + 1) {
        for (uint32_t n = 0; n < 20 && asked == 0; n++) { /* it blocks, and the handler wakes it */
            sleep_count++;
            tt_sim_sleep_until(g.sim, tt_sim_now(g.sim) + BUDGET_NS / 2);
        }
        CHECK_INT(asked, 1);
        CHECK(tt_engine_take_over(g.engine));
    }
    tt_call_out(call, 0)->bytes = sizeof(int64_t);
    return TT_DONE;
}

static void waiting_for_the_cpu_is_no_overrun_and_blocking_is(void)
{
    init(TT_OVERRUN_THROTTLE, 0);
    g.components[hog].process = wait_in_it;
    run();
    CHECK_INT(g.stats->nodes[hog].handoffs, 1);
    CHECK_INT(g.stats->nodes[hog].overruns, 1);
    graph_close(&g);
}

static void one_that_stops_says_so(void)
{
    init(TT_OVERRUN_STOP, 0);
    has_standby = false;
    begin();
    CHECK(!graph_run_until(&g, HOG_AT * 10 * (int64_t)MS - MS));
    CHECK_INT(g.stats->stop_node, 0);
    (void)graph_run_until(&g, (HOG_AT * 10 + 50) * (int64_t)MS);
    CHECK_INT(g.stats->stop_node, hog + 1);
    graph_run(&g);
    graph_close(&g);
}

static void as_fast_as_possible_nobody_is_late(void)
{
    init(TT_OVERRUN_STOP, 0);
    g.params.mode = TT_MODE_ASAP;
    run();
    CHECK_INT(asked, 0);
    CHECK_INT(g.stats->stop_node, 0);
    CHECK_INT(graph_check_sink(&g, 0, 0, TT_ON_TIME), 100);
    graph_close(&g);
}

int main(void)
{
    RUN(a_throttled_one_costs_its_own_flow);
    RUN(a_skipping_one_gives_nothing_until_it_is_back);
    RUN(one_that_never_returns_costs_its_own_flow);
    RUN(a_join_goes_on_without_it);
    RUN(what_it_reads_stays);
    RUN(one_whom_all_need_keeps_the_worker);
    RUN(one_who_keeps_nobody_waiting_keeps_the_worker);
    RUN(one_who_does_not_return_loses_the_worker_before_its_process_is_ended);
    RUN(without_a_standby_all_wait);
    RUN(a_second_overrun_waits_for_its_component);
    RUN(its_calls_into_the_engine_fail_harmlessly);
    RUN(a_call_into_the_engine_is_finished_first);
    RUN(waiting_for_the_cpu_is_no_overrun_and_blocking_is);
    RUN(one_that_stops_says_so);
    RUN(as_fast_as_possible_nobody_is_late);
    return 0;
}
