/* Random graphs from seeds: every sink's records cover each due index once and in order, every
 * invariant holds after every step, End is reached, and one seed gives one trace. */
#include "graph.h"

enum { SEEDS = 200 };

static uint64_t state;

static uint32_t pick(uint32_t count)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % count;
}

static const uint32_t policies[] = {TT_LATE_DROP, TT_LATE_REPEAT, TT_LATE_BLACK, TT_LATE_SILENCE,
                                    TT_LATE_KEEP};

static void connect(struct graph *g, uint32_t from, uint32_t to, uint32_t port)
{
    struct tt_flow_plan *flow =
        graph_flow(g, from, g->fakes[from]->kind == FAKE_SOURCE ? pick(2) : 0, to, port);

    flow->depth = 1 + pick(3);
    flow->late_policy = policies[pick(5)];
    graph_format(g, g->params.flow_count - 1)->kind = pick(3) == 0 ? TT_AUDIO : TT_VIDEO;
}

static void add_inner(struct graph *g, uint32_t sources)
{
    static const uint32_t kinds[] = {FAKE_PASS, FAKE_ADD, FAKE_LED, FAKE_CLOCKED, FAKE_REORDER};

    for (uint32_t n = 1 + pick(6); n > 0; n--) {
        uint32_t kind = kinds[pick(5)], before = g->params.node_count;
        uint32_t node = graph_node(g, kind);
        uint32_t inputs = kind == FAKE_LED || kind == FAKE_CLOCKED ? 2 + pick(2) : 1;

        for (uint32_t port = 0; port < inputs; port++)
            connect(g, pick(before), node, port);
        if (pick(6) == 0)
            g->fakes[node]->fail_at = 3 + pick(8);
    }
    (void)sources;
}

static void add_sources(struct graph *g, uint32_t count)
{
    for (uint32_t n = 0; n < count; n++) {
        uint32_t node = graph_node(g, FAKE_SOURCE);

        if (pick(3) == 0)
            g->fakes[node]->skip_every = 2 + pick(5);
        if (pick(4) == 0)
            g->fakes[node]->end_at = 2 + pick(10);
    }
}

/* Every output that nothing takes yet gets a sink. */
static void add_sinks(struct graph *g)
{
    uint32_t inner = g->params.node_count;

    for (uint32_t node = 0; node < inner; node++) {
        bool is_used = false;

        for (uint32_t n = 0; n < g->params.flow_count; n++)
            is_used = is_used || g->flows[n].from_node == node;
        if (!is_used || pick(3) == 0)
            connect(g, node, graph_node(g, FAKE_SINK), 0);
    }
}

static uint64_t run_seed(uint64_t seed, uint64_t *ret_steps)
{
    static struct graph g;
    uint64_t hash;

    state = seed;
    graph_init(&g, seed);
    g.params.mode = pick(4) == 0 ? TT_MODE_ASAP : TT_MODE_LIVE;
    g.params.end_ns = (50 + pick(200)) * (int64_t)MS;
    g.sim_params.cost_max_ns = 1000 + pick(3000000);
    g.sim_params.jitter_max_ns = pick(2) ? pick(2 * MS) : 0;
    g.sim_params.stall_one_in = pick(2) ? 20 + pick(50) : 0;
    g.sim_params.stall_ns = pick(60) * (int64_t)MS;
    g.sim_params.is_stall_cpu = pick(2);
    if (pick(4) == 0)
        g.pools[0].classes[0].slot_count = g.pools[0].slot_count = 24 + pick(20);
    add_sources(&g, 1 + pick(3));
    add_inner(&g, g.params.node_count);
    add_sinks(&g);
    for (uint32_t n = 0; n < g.params.node_count; n++)
        g.nodes[n].budget_ns = pick(3) == 0 ? 0 : MS;
    graph_open(&g);
    graph_begin(&g, 0);
    graph_run(&g);
    for (uint32_t sink = 0; sink < g.sink_count; sink++)
        (void)graph_check_sink(&g, sink, 0, TT_ON_TIME);
    CHECK_INT(g.stats->records_lost, 0);
    for (uint32_t n = 0; g.params.mode == TT_MODE_ASAP && n < g.record_count; n++) {
        CHECK(g.records[n].outcome != TT_LATE_FRAME); /* nothing is dropped, nothing is due */
        CHECK(g.records[n].cause != TT_CAUSE_WORKER);
        CHECK(g.records[n].cause != TT_CAUSE_EDGE);
    }
    *ret_steps += g.stats->loops;
    hash = tt_sim_hash(g.sim);
    graph_close(&g);
    return hash;
}

int main(int argc, char **argv)
{
    uint64_t last = 0, steps = 0, first = 1, end = SEEDS + 1;

    if (argc > 1) { /* one seed alone, to look at it */
        first = strtoull(argv[1], NULL, 10);
        end = first + 1;
    }
    for (uint64_t seed = first; seed < end; seed++) {
        uint64_t hash;

        fprintf(stderr, "seed %llu\r", (unsigned long long)seed);
        hash = run_seed(seed, &steps);
        CHECK(run_seed(seed, &steps) == hash);
        CHECK(hash != last);
        last = hash;
    }
    fprintf(stderr, "%llu steps checked\n", (unsigned long long)steps);
    return 0;
}
