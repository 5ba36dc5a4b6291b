/* The engine on small graphs: chains, lateness, End, room in the pool, records; every step is
 * checked. */
#include "graph.h"

static struct graph g;

static void a_chain_delivers_each_index_on_time(void)
{
    uint32_t source, pass, sink;

    graph_init(&g, 1);
    graph_chain(&g, FAKE_PASS, (uint32_t *[]){&source, &pass, &sink});
    graph_open(&g);
    CHECK(tt_engine_post(g.engine, pass, &(struct tt_event){.kind = TT_EVENT_PARAM}));
    graph_begin(&g, 0);
    graph_run(&g);
    CHECK_INT(graph_check_sink(&g, 0, 0, TT_ON_TIME), 10);
    CHECK_INT(g.fakes[sink]->log_count, 10);
    for (uint32_t n = 0; n < 10; n++) {
        CHECK_INT(g.fakes[sink]->log[n].value, n);
        CHECK_INT(g.fakes[sink]->log[n].origin_ns, n * 10 * MS);
    }
    CHECK_INT(g.fakes[pass]->wall_events, 1);
    CHECK_INT(g.fakes[pass]->params_seen, 1);
    CHECK_INT(g.fakes[source]->params_seen, 0);
    CHECK_INT(graph_count(&g, TT_RECORD_HOP, 0), 30);
    CHECK_INT(g.stats->nodes[pass].activations, 10);
    CHECK(g.stats->nodes[pass].cost_sum_ns >= 10 * 1000);
    CHECK(g.stats->first_delivery_ns > g.epoch_ns);
    graph_close(&g);
}

static void a_chain_of_another_phase_comes_later_by_it(void)
{
    uint32_t source[2], sink[2];

    graph_init(&g, 1);
    for (uint32_t n = 0; n < 2; n++) {
        source[n] = graph_node(&g, FAKE_SOURCE);
        sink[n] = graph_node(&g, FAKE_SINK);
        graph_flow(&g, source[n], 0, sink[n], 0);
    }
    g.nodes[source[1]].phase_ns = g.nodes[sink[1]].phase_ns = 4 * MS;
    g.fakes[source[1]]->skip_every = 5;
    graph_open(&g);
    graph_begin(&g, 0);
    CHECK(!graph_run_until(&g, 93 * MS));
    CHECK_INT(g.fakes[sink[0]]->log_count, 10);
    CHECK_INT(g.fakes[sink[1]]->log_count, 8); /* not 4, and not yet 9 */
    graph_run(&g);
    CHECK_INT(graph_check_sink(&g, 0, 0, TT_ON_TIME), 10);
    CHECK_INT(graph_check_sink(&g, 1, 0, TT_ON_TIME), 8);
    for (uint32_t n = 0; n < g.record_count; n++)
        if (g.records[n].kind == TT_RECORD_FRAME)
            CHECK_INT(g.records[n].origin_ns,
                      g.records[n].index * 10 * MS + (g.records[n].sink == 1 ? 4 * MS : 0));
    graph_close(&g);
}

static int64_t index_of_param(uint32_t id)
{
    for (uint32_t n = 0; n < g.record_count; n++)
        if (g.records[n].kind == TT_RECORD_NOTE && g.records[n].due_ns == TT_NOTE_PARAM &&
            g.records[n].value == id)
            return g.records[n].index;
    return -1;
}

static void a_changed_parameter_waits_for_its_index(void)
{
    struct tt_event event = {.kind = TT_EVENT_PARAM, .id = 7};
    uint32_t source, sink;

    graph_init(&g, 1);
    source = graph_node(&g, FAKE_SOURCE);
    sink = graph_node(&g, FAKE_SINK);
    graph_flow(&g, source, 0, sink, 0);
    graph_open(&g);
    CHECK(tt_engine_post_at(g.engine, source, &event, 4));
    event.id = 2; /* comes later and waits for nobody */
    CHECK(tt_engine_post(g.engine, source, &event));
    event.id = 3; /* beyond the end: never told */
    CHECK(tt_engine_post_at(g.engine, source, &event, 1000));
    for (uint32_t n = 3; n < 8; n++)
        CHECK(tt_engine_post_at(g.engine, source, &event, 1000));
    CHECK(!tt_engine_post(g.engine, source, &event)); /* the box is full */
    graph_begin(&g, 0);
    graph_run(&g);
    CHECK_INT(g.fakes[source]->params_seen, 2);
    CHECK_INT(index_of_param(2), 0);
    CHECK_INT(index_of_param(7), 4);
    CHECK_INT(index_of_param(3), -1);
    CHECK_INT(graph_count(&g, TT_RECORD_NOTE, 0), 2);
    graph_close(&g);
}

static void fan_out_counts_each_consumer(void)
{
    uint32_t source, sinks[3];

    graph_init(&g, 2);
    source = graph_node(&g, FAKE_SOURCE);
    for (uint32_t n = 0; n < 3; n++) {
        sinks[n] = graph_node(&g, FAKE_SINK);
        graph_flow(&g, source, n == 2 ? 1 : 0, sinks[n], 0);
    }
    graph_open(&g);
    graph_begin(&g, 0);
    graph_run(&g);
    for (uint32_t n = 0; n < 3; n++)
        CHECK_INT(graph_check_sink(&g, n, 0, TT_ON_TIME), 10);
    graph_close(&g);
}

static void a_codec_drains_at_its_end(void)
{
    uint32_t source, codec, sink;

    graph_init(&g, 8);
    source = graph_node(&g, FAKE_SOURCE);
    codec = graph_node(&g, FAKE_REORDER);
    sink = graph_node(&g, FAKE_SINK);
    g.nodes[sink].structural_ns = 20 * MS;
    graph_flow(&g, source, 0, codec, 0);
    graph_flow(&g, codec, 0, sink, 0);
    graph_open(&g);
    graph_begin(&g, 0);
    graph_run(&g);
    CHECK_INT(graph_check_sink(&g, 0, 0, TT_ON_TIME), 10);
    CHECK_INT(g.fakes[codec]->end_calls, 2);
    graph_close(&g);
}

static void several_outputs_keep_their_order(void)
{
    static const uint32_t kinds[] = {FAKE_TWICE, FAKE_MAKER},
                          modes[] = {TT_MODE_LIVE, TT_MODE_ASAP};

    for (uint32_t round = 0; round < 4; round++) {
        uint32_t source, doubler, sink;

        graph_init(&g, 9);
        g.params.mode = modes[round / 2];
        source = graph_node(&g, FAKE_SOURCE);
        doubler = graph_node(&g, kinds[round % 2]);
        sink = graph_node(&g, FAKE_SINK);
        graph_flow(&g, source, 0, doubler, 0);
        graph_flow(&g, doubler, 0, sink, 0)->depth = round < 2 ? 2 : 1;
        graph_format(&g, 1)->rate = (struct tt_rational){200, 1};
        graph_open(&g);
        graph_begin(&g, 0);
        graph_run(&g);
        CHECK_INT(graph_check_sink(&g, 0, 0, TT_ON_TIME), 20);
        for (uint32_t n = 0; n < 20; n++)
            CHECK_INT(g.fakes[sink]->log[n].value, n / 2);
        graph_close(&g);
    }
}

/* A consumer that costs three periods: live loses, asap does not. */
static void a_slow_consumer(uint32_t mode, uint32_t *ret_lost, uint32_t *ret_delivered)
{
    uint32_t source, sink;

    graph_init(&g, 10);
    g.params.mode = mode;
    g.params.end_ns = 1000 * MS;
    g.sim_params.cost_min_ns = g.sim_params.cost_max_ns = 15 * MS;
    source = graph_node(&g, FAKE_SOURCE);
    sink = graph_node(&g, FAKE_SINK);
    g.nodes[source].due_offset_ns = 10 * MS;
    graph_flow(&g, source, 0, sink, 0)->depth = 1;
    graph_open(&g);
    graph_begin(&g, 0);
    graph_run(&g);
    *ret_lost = graph_check_sink(&g, 0, 0, TT_LOST_FRAME);
    *ret_delivered = g.fakes[sink]->log_count;
}

static void live_drops_asap_waits(void)
{
    uint32_t lost, delivered;

    a_slow_consumer(TT_MODE_LIVE, &lost, &delivered);
    CHECK(lost > 30);
    CHECK_INT(lost + delivered, 100);
    for (uint32_t n = 0; n < g.record_count; n++)
        if (g.records[n].outcome == TT_LOST_FRAME)
            CHECK_INT(g.records[n].cause, TT_CAUSE_WORKER);
    graph_close(&g);
    a_slow_consumer(TT_MODE_ASAP, &lost, &delivered);
    CHECK_INT(lost, 0);
    CHECK_INT(delivered, 100);
    graph_close(&g);
}

static void missing_media_and_failures_have_their_cause(void)
{
    uint32_t source, pass, sink, untaught = 0;

    graph_init(&g, 11);
    graph_chain(&g, FAKE_PASS, (uint32_t *[]){&source, &pass, &sink});
    graph_format(&g, 0)->kind = TT_CODED_VIDEO;
    g.fakes[pass]->fail_at = 5;
    graph_open(&g);
    graph_begin(&g, 0);
    graph_run(&g);
    CHECK_INT(graph_check_sink(&g, 0, 0, TT_LOST_FRAME), 1);
    for (uint32_t n = 0; n < g.record_count; n++)
        if (g.records[n].outcome == TT_LOST_FRAME) {
            CHECK_INT(g.records[n].index, 5);
            CHECK_INT(g.records[n].cause, TT_CAUSE_MEDIA);
            CHECK_INT(g.records[n].component, pass);
        }
    CHECK_INT(g.stats->nodes[pass].failures, 1);
    for (uint32_t n = 0; n < g.record_count; n++) /* without a budget it might have been endless */
        if ((g.records[n].flags & TT_RECORD_NO_SAMPLE) != 0) {
            CHECK(g.records[n].kind == TT_RECORD_HOP && g.records[n].index == 5);
            untaught++;
        }
    CHECK_INT(untaught, 1);
    graph_close(&g);
}

/* One activation stalls for 30 ms: by its own CPU it is over budget, without it was the worker. */
static void lateness_is_blamed(void)
{
    for (uint32_t round = 0; round < 2; round++) {
        uint32_t source, sink, late = 0, right = 0;

        graph_init(&g, 12);
        g.params.end_ns = 2000 * MS;
        g.sim_params.stall_one_in = 40;
        g.sim_params.stall_ns = 30 * MS;
        g.sim_params.is_stall_cpu = round == 0;
        source = graph_node(&g, FAKE_SOURCE);
        sink = graph_node(&g, FAKE_SINK);
        g.nodes[source].budget_ns = g.nodes[sink].budget_ns = MS;
        graph_flow(&g, source, 0, sink, 0);
        graph_open(&g);
        graph_begin(&g, 0);
        graph_run(&g);
        (void)graph_check_sink(&g, 0, 0, TT_LOST_FRAME);
        for (uint32_t n = 0; n < g.record_count; n++) {
            if (g.records[n].kind != TT_RECORD_FRAME || g.records[n].outcome != TT_LATE_FRAME)
                continue;
            late++;
            right += g.records[n].cause == TT_CAUSE_WORKER ||
                     (round == 0 && g.records[n].cause == TT_CAUSE_BUDGET);
            if (round == 1)
                CHECK_INT(g.records[n].cause, TT_CAUSE_WORKER);
        }
        CHECK(late > 0);
        CHECK_INT(right, late);
        CHECK((g.stats->nodes[source].overruns + g.stats->nodes[sink].overruns > 0) ==
              (round == 0)); /* what others took of the CPU is no overrun */
        graph_close(&g);
    }
}

static void the_earliest_due_time_goes_first(void)
{
    uint32_t slow, fast, a, b;
    uint32_t first_fast = 0, seen = 0;

    graph_init(&g, 13);
    slow = graph_node(&g, FAKE_SOURCE);
    fast = graph_node(&g, FAKE_SOURCE);
    a = graph_node(&g, FAKE_SINK);
    b = graph_node(&g, FAKE_SINK);
    g.nodes[slow].due_offset_ns = g.nodes[a].due_offset_ns = 18 * MS;
    g.nodes[fast].due_offset_ns = g.nodes[b].due_offset_ns = 9 * MS;
    graph_flow(&g, slow, 0, a, 0);
    graph_flow(&g, fast, 0, b, 0);
    graph_open(&g);
    graph_begin(&g, 0);
    graph_run(&g);
    for (uint32_t n = 0; n < g.record_count; n++) {
        if (g.records[n].kind != TT_RECORD_HOP)
            continue;
        /* each period: fast, b, slow, a */
        first_fast += g.records[n].component == (seen % 4 == 0   ? fast
                                                 : seen % 4 == 1 ? b
                                                 : seen % 4 == 2 ? slow
                                                                 : a);
        seen++;
    }
    CHECK_INT(seen, 40);
    CHECK_INT(first_fast, 40);
    graph_close(&g);
}

static void separate_inputs_end_by_themselves(void)
{
    uint32_t a, b, writer;

    graph_init(&g, 14);
    a = graph_node(&g, FAKE_SOURCE);
    b = graph_node(&g, FAKE_SOURCE);
    writer = graph_node(&g, FAKE_WRITER);
    graph_flow(&g, a, 0, writer, 0);
    graph_flow(&g, b, 0, writer, 1);
    g.fakes[a]->end_at = 3;
    graph_open(&g);
    graph_begin(&g, 0);
    graph_run(&g);
    CHECK_INT(graph_check_sink(&g, 0, 0, TT_ON_TIME), 3);
    CHECK_INT(graph_check_sink(&g, 1, 0, TT_ON_TIME), 10);
    CHECK_INT(g.fakes[writer]->activations, 15);
    CHECK_INT(g.fakes[writer]->end_calls, 2);
    graph_close(&g);
}

static void it_goes_on_at_a_later_index(void)
{
    uint32_t source, sink;

    graph_init(&g, 15);
    source = graph_node(&g, FAKE_SOURCE);
    sink = graph_node(&g, FAKE_SINK);
    graph_flow(&g, source, 0, sink, 0);
    graph_open(&g);
    graph_begin(&g, 41 * MS);
    graph_run(&g);
    CHECK_INT(graph_check_sink(&g, 0, 5, TT_ON_TIME), 5);
    graph_close(&g);
}

static void stop_sends_end(void)
{
    uint32_t source, pass, sink;

    graph_init(&g, 16);
    g.params.end_ns = INT64_MAX;
    graph_chain(&g, FAKE_REORDER, (uint32_t *[]){&source, &pass, &sink});
    graph_open(&g);
    graph_begin(&g, 0);
    CHECK(!graph_run_until(&g, 55 * MS));
    tt_engine_stop(g.engine);
    CHECK(graph_run_until(&g, 70 * MS));
    CHECK_INT(g.fakes[sink]->log_count, 6);
    CHECK_INT(graph_check_sink(&g, 0, 0, TT_LOST_FRAME), 0);
    graph_close(&g);
}

static void an_empty_pool_drops_live_and_waits_asap(void)
{
    for (uint32_t round = 0; round < 2; round++) {
        uint32_t source, sink;

        graph_init(&g, 17);
        g.params.mode = round == 0 ? TT_MODE_LIVE : TT_MODE_ASAP;
        g.params.end_ns = 500 * MS;
        g.pools[0].classes[0].slot_count = g.pools[0].slot_count = 1;
        g.sim_params.cost_min_ns = g.sim_params.cost_max_ns = 6 * MS;
        source = graph_node(&g, FAKE_SOURCE);
        sink = graph_node(&g, FAKE_SINK);
        g.nodes[source].due_offset_ns = 5 * MS; /* sources before sinks */
        graph_flow(&g, source, 0, sink, 0)->depth = 4;
        graph_open(&g);
        graph_begin(&g, 0);
        graph_run(&g);
        CHECK_INT(graph_check_sink(&g, 0, 0, TT_LOST_FRAME) > 0, round == 0);
        CHECK_INT(g.stats->pool_empty > 0, 1);
        graph_close(&g);
    }
}

/* The worker was away for four periods; the deadline is longer, the queues are not. */
static void a_late_source_catches_up(void)
{
    uint32_t source, pass, sink;

    graph_init(&g, 22);
    source = graph_node(&g, FAKE_SOURCE);
    pass = graph_node(&g, FAKE_PASS);
    sink = graph_node(&g, FAKE_SINK);
    graph_flow(&g, source, 0, pass, 0)->depth = 1;
    graph_flow(&g, pass, 0, sink, 0)->depth = 1;
    for (uint32_t n = 0; n < 3; n++) {
        g.nodes[n].deadline_ns = 100 * MS;
        g.nodes[n].due_offset_ns = (60 + 15 * (int64_t)n) * MS;
    }
    graph_open(&g);
    graph_begin(&g, 0);
    CHECK(!graph_run_until(&g, 15 * MS));
    tt_sim_spend(g.sim, 45 * MS);
    graph_run(&g);
    CHECK_INT(graph_check_sink(&g, 0, 0, TT_ON_TIME), 10);
    CHECK_INT(g.fakes[sink]->log_count, 10);
    graph_close(&g);
}

static void lost_records_are_counted(void)
{
    uint32_t source, sink, got = 0, missing = 0;

    graph_init(&g, 19);
    g.sim_params.record_slots = 8;
    source = graph_node(&g, FAKE_SOURCE);
    sink = graph_node(&g, FAKE_SINK);
    graph_flow(&g, source, 0, sink, 0);
    graph_open(&g);
    graph_begin(&g, 0);
    g.is_ring_left_full = true;
    CHECK(!graph_run_until(&g, 55 * MS));
    CHECK(g.stats->records_lost > 0);
    g.is_ring_left_full = false;
    graph_run(&g);
    for (uint32_t n = 0; n < g.record_count; n++) {
        missing += g.records[n].kind == TT_RECORD_LOST ? (uint32_t)g.records[n].value : 0;
        got += g.records[n].kind != TT_RECORD_LOST;
    }
    CHECK_INT(missing, g.stats->records_lost);
    CHECK_INT(got + missing, 31); /* two hops and a frame for each of ten, and the End */
    graph_close(&g);
}

static void stop_engine(void *argument)
{
    struct fake *fake = argument;

    if (fake->activations == 7)
        tt_engine_stop(g.engine);
}

/* The loop that programs use, with its sleeps. */
static void run_sleeps_until_the_end(void)
{
    uint32_t source, sink;

    graph_init(&g, 20);
    g.params.end_ns = INT64_MAX;
    source = graph_node(&g, FAKE_SOURCE);
    sink = graph_node(&g, FAKE_SINK);
    graph_flow(&g, source, 0, sink, 0);
    g.fakes[sink]->hook = stop_engine;
    graph_open(&g);
    g.epoch_ns = tt_sim_now(g.sim) + 500 * MS; /* longer than one nap */
    tt_engine_run(g.engine, g.epoch_ns, 0);
    CHECK(g.stats->is_ended);
    while (tt_sim_take_record(g.sim, &g.records[g.record_count]))
        g.record_count++;
    CHECK_INT(graph_check_sink(&g, 0, 0, TT_ON_TIME), 7);
    CHECK(tt_sim_now(g.sim) >= g.epoch_ns + 70 * MS);
    CHECK(g.stats->loops < 100);
    graph_close(&g);
}

static void a_plan_that_contradicts_itself_is_refused(void)
{
    struct tt_error err = {0};
    uint32_t source, sink;

    graph_init(&g, 21);
    source = graph_node(&g, FAKE_SOURCE);
    sink = graph_node(&g, FAKE_SINK);
    graph_flow(&g, source, 0, sink, 0);
    graph_open(&g);
    tt_engine_close(&g.engine);
    g.flows[0].depth = 0;
    CHECK_INT(tt_engine_open(&g.params, g.stats, &g.engine, &err), -22);
    CHECK(strstr(err.text, "depth") != NULL);
    g.flows[0].depth = 1;
    g.flows[0].from_node = 1;
    CHECK_INT(tt_engine_open(&g.params, g.stats, &g.engine, &err), -22);
    g.flows[0].from_node = 0;
    g.nodes[sink].sink = -1;
    CHECK_INT(tt_engine_open(&g.params, g.stats, &g.engine, &err), -22);
    CHECK(strstr(err.text, "sink") != NULL);
    g.nodes[sink].sink = 0;
    g.class_of[source * TT_PORTS_MAX] = 3;
    CHECK_INT(tt_engine_open(&g.params, g.stats, &g.engine, &err), -22);
    CHECK(g.engine == NULL);
    graph_close(&g);
}

static void lose_50_ms(void *argument)
{
    static bool is_done;

    (void)argument;
    if (!is_done)
        tt_sim_spend(g.sim, 50 * MS);
    is_done = true;
}

/* Catching up after 50 ms, who gives two frames at once needs room for both, or goes behind its
 * consumer, which has more time. */
static void a_burst_pushes_nothing_out(void)
{
    uint32_t source, doubler, sink;

    graph_init(&g, 33);
    source = graph_node(&g, FAKE_SOURCE);
    doubler = graph_node(&g, FAKE_TWICE);
    sink = graph_node(&g, FAKE_SINK);
    g.fakes[source]->hook = lose_50_ms;
    graph_flow(&g, source, 0, doubler, 0)->depth = 8;
    graph_flow(&g, doubler, 0, sink, 0)->depth = 3;
    graph_format(&g, 1)->rate = (struct tt_rational){200, 1};
    for (uint32_t n = 0; n < g.params.node_count; n++)
        g.nodes[n].deadline_ns = 200 * MS;
    g.nodes[source].due_offset_ns = 80 * MS;
    g.nodes[doubler].due_offset_ns = 90 * MS;
    g.nodes[sink].due_offset_ns = 200 * MS;
    graph_open(&g);
    graph_begin(&g, 0);
    graph_run(&g);
    CHECK_INT(graph_count(&g, TT_RECORD_FRAME, TT_LOST_FRAME), 0);
    CHECK_INT(graph_count(&g, TT_RECORD_FRAME, TT_ON_TIME), 20);
    graph_close(&g);
}

int main(void)
{
    RUN(a_chain_delivers_each_index_on_time);
    RUN(a_chain_of_another_phase_comes_later_by_it);
    RUN(a_changed_parameter_waits_for_its_index);
    RUN(fan_out_counts_each_consumer);
    RUN(a_codec_drains_at_its_end);
    RUN(several_outputs_keep_their_order);
    RUN(live_drops_asap_waits);
    RUN(missing_media_and_failures_have_their_cause);
    RUN(lateness_is_blamed);
    RUN(the_earliest_due_time_goes_first);
    RUN(separate_inputs_end_by_themselves);
    RUN(it_goes_on_at_a_later_index);
    RUN(stop_sends_end);
    RUN(an_empty_pool_drops_live_and_waits_asap);
    RUN(a_burst_pushes_nothing_out);
    RUN(a_late_source_catches_up);
    RUN(lost_records_are_counted);
    RUN(run_sleeps_until_the_end);
    RUN(a_plan_that_contradicts_itself_is_refused);
    return 0;
}
