/* What activations cost, summed by segment, and what is seen of one that runs; every step is
 * checked. */
#include "graph.h"

static struct graph g;

static void segments_costs_are_summed(void)
{
    uint32_t source, sink, segment, count = 0;
    int64_t cost_ns, sum_ns = 0;

    graph_init(&g, 18);
    source = graph_node(&g, FAKE_SOURCE);
    sink = graph_node(&g, FAKE_SINK);
    g.sim_params.cost_min_ns = g.sim_params.cost_max_ns = 7000;
    graph_flow(&g, source, 0, sink, 0);
    graph_open(&g);
    graph_begin(&g, 0);
    graph_run(&g);
    while (tt_engine_segment_cost(g.engine, &segment, &cost_ns)) {
        CHECK_INT(segment, 0);
        CHECK_INT(cost_ns, 14000);
        sum_ns += cost_ns;
        count++;
    }
    CHECK_INT(count, 10);
    CHECK_INT(sum_ns, g.stats->nodes[0].cost_sum_ns + g.stats->nodes[1].cost_sum_ns);
    graph_close(&g);
}

/* Behind a component that gives two frames for one: each segment has a sample for each of its own
 * releases. */
static void segments_of_two_rates_are_summed_apart(void)
{
    uint32_t source, doubler, pass, sink, segment, counts[2] = {0, 0};
    int64_t cost_ns;

    graph_init(&g, 31);
    source = graph_node(&g, FAKE_SOURCE);
    doubler = graph_node(&g, FAKE_TWICE);
    pass = graph_node(&g, FAKE_PASS);
    sink = graph_node(&g, FAKE_SINK);
    g.sim_params.cost_min_ns = g.sim_params.cost_max_ns = 7000;
    graph_flow(&g, source, 0, doubler, 0);
    graph_flow(&g, doubler, 0, pass, 0);
    graph_flow(&g, pass, 0, sink, 0);
    graph_format(&g, 1)->rate = graph_format(&g, 2)->rate = (struct tt_rational){200, 1};
    g.nodes[pass].segment = g.nodes[sink].segment = 1;
    g.params.segment_count = 2;
    graph_open(&g);
    graph_begin(&g, 0);
    graph_run(&g);
    while (tt_engine_segment_cost(g.engine, &segment, &cost_ns)) {
        CHECK_INT(segment < 2, 1);
        if (segment == 1)
            CHECK_INT(cost_ns, 14000);
        counts[segment]++;
    }
    CHECK_INT(counts[0], 10);
    CHECK_INT(counts[1], 20);
    graph_close(&g);
}

/* Somebody else had the CPU for a while in half of the activations: their cost is still their own.
 */
static void take_from_half_of_them(int64_t taken_ns, int64_t budget_ns)
{
    uint32_t source, sink, segment, count = 0;
    int64_t cost_ns;

    graph_init(&g, 32);
    source = graph_node(&g, FAKE_SOURCE);
    sink = graph_node(&g, FAKE_SINK);
    g.sim_params.cost_min_ns = g.sim_params.cost_max_ns = 7000;
    g.sim_params.stall_one_in = 2;
    g.sim_params.stall_ns = taken_ns;
    g.nodes[source].budget_ns = g.nodes[sink].budget_ns = budget_ns;
    graph_flow(&g, source, 0, sink, 0);
    graph_open(&g);
    graph_begin(&g, 0);
    graph_run(&g);
    while (tt_engine_segment_cost(g.engine, &segment, &cost_ns)) {
        CHECK_INT(cost_ns, 14000);
        count++;
    }
    CHECK_INT(count, 10);
    CHECK_INT(g.stats->nodes[source].overruns + g.stats->nodes[sink].overruns, 0);
    graph_close(&g);
}

static void what_others_took_is_no_cost(void)
{
    take_from_half_of_them(1500, 10000);  /* a budget that 8.5 us keep */
    take_from_half_of_them(3000, 100000); /* one that lets pass what is unusual */
    take_from_half_of_them(3000, 0);
}

static void look_at_the_watchdog(void *argument)
{
    CHECK(g.stats->stuck_since_ns > 0);
    CHECK(g.stats->stuck_since_ns <= tt_sim_now(g.sim));
    CHECK_INT(g.stats->stuck_node, 1);
    (void)argument;
}

static void a_running_activation_is_seen_from_outside(void)
{
    uint32_t source, sink;

    graph_init(&g, 23);
    source = graph_node(&g, FAKE_SOURCE);
    sink = graph_node(&g, FAKE_SINK);
    graph_flow(&g, source, 0, sink, 0);
    g.fakes[sink]->hook = look_at_the_watchdog;
    g.nodes[source].budget_ns = g.nodes[sink].budget_ns = 10; /* each runs over it */
    graph_open(&g);
    graph_begin(&g, 0);
    graph_run(&g);
    CHECK_INT(g.stats->stuck_since_ns, 0);
    CHECK_INT(g.stats->nodes[sink].overruns, 10);
    CHECK(g.stats->cpu_ns > 0);
    graph_close(&g);
}

int main(void)
{
    RUN(segments_costs_are_summed);
    RUN(segments_of_two_rates_are_summed_apart);
    RUN(what_others_took_is_no_cost);
    RUN(a_running_activation_is_seen_from_outside);
    return 0;
}
