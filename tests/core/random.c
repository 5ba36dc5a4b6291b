/* Random graphs from seeds, with edges that come late, die, come back and lie, events, stops and
 * restarts: every sink's records cover each due index once and in order, every invariant holds
 * after every step, no frame has two writers, none is missing at the end, End is reached, and one
 * seed gives one trace. Seeds that failed once stand in seeds.txt and are run before the others. */
#include "links.h"

enum { SEEDS = CHECK_TURNS(500) };

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
    struct tt_flow_plan *flow = graph_flow(
        g, from, g->fakes[from] && g->fakes[from]->kind == FAKE_SOURCE ? pick(2) : 0, to, port);

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

static void add_sources(struct graph *g, uint32_t count, struct links *links)
{
    for (uint32_t n = 0; n < count; n++) {
        uint32_t node = graph_node(g, FAKE_SOURCE);

        if (pick(3) == 0)
            g->fakes[node]->skip_every = 2 + pick(5);
        if (pick(4) == 0)
            g->fakes[node]->end_at = 2 + pick(10);
    }
    for (uint32_t n = links ? pick(LINKS + 1) : 0; n > 0; n--)
        (void)links_add_inlet(links);
}

/* Every output that nothing takes yet gets a sink. */
static void add_sinks(struct graph *g, struct links *links)
{
    uint32_t inner = g->params.node_count;

    for (uint32_t node = 0; node < inner; node++) {
        bool is_used = false;

        for (uint32_t n = 0; n < g->params.flow_count; n++)
            is_used = is_used || g->flows[n].from_node == node;
        if (!is_used || pick(3) == 0)
            connect(g, node,
                    links && links->out_count < LINKS && pick(2) ? links_add_outlet(links)
                                                                 : graph_node(g, FAKE_SINK),
                    0);
    }
}

/* The records of one engine: each index once, in order, from its first on. */
static void check_life(const struct graph *g, uint32_t from, uint32_t to, int64_t first,
                       bool has_end)
{
    for (uint32_t sink = 0; sink < g->sink_count; sink++) {
        int64_t next = first;
        uint32_t ends = 0;

        for (uint32_t n = from; n < to; n++) {
            const struct tt_record *record = &g->records[n];

            if (record->sink != sink)
                continue;
            if (record->kind == TT_RECORD_FRAME || record->kind == TT_RECORD_END) {
                CHECK_INT(ends, 0);
                CHECK_INT(record->index, next);
            }
            next += record->kind == TT_RECORD_FRAME;
            ends += record->kind == TT_RECORD_END;
        }
        CHECK(ends == 1 || !has_end);
    }
}

static void post_event(struct graph *g)
{
    struct tt_event event = {.kind = 1 + pick(5), .id = pick(3), .i = pick(4)};

    (void)tt_engine_post(g->engine, pick(g->params.node_count + 1), &event);
}

/* To the end, with all that may happen on the way. True: the engine was restarted. */
static bool run_with(struct graph *g, struct links *links, bool may_restart)
{
    bool is_live = g->params.mode == TT_MODE_LIVE, is_restarted = false;
    int64_t media_ns = 0, first_ns = 0, restart_ns = (1 + (int64_t)pick(200)) * MS;
    int64_t stop_ns = pick(4) == 0 ? (int64_t)pick(200) * MS : INT64_MAX;
    uint32_t from = 0;

    for (uint32_t turns = 0; !g->stats->is_ended; turns++) {
        CHECK(turns < 5000);
        links_turn(links);
        if (pick(8) == 0)
            post_event(g);
        if (media_ns >= stop_ns)
            tt_engine_stop(g->engine);
        if (may_restart && is_live && media_ns >= restart_ns) {
            may_restart = false;
            is_restarted = true;
            check_life(g, 0, g->record_count, 0, false);
            from = g->record_count;
            first_ns = tt_sim_now(g->sim) - g->epoch_ns;
            links_restart(links);
            graph_restart(g, first_ns);
        }
        media_ns += (1 + (int64_t)pick(7)) * MS;
        (void)graph_run_until(g, media_ns);
    }
    check_life(g, from, g->record_count, (first_ns + 10 * MS - 1) / (10 * MS), true);
    return is_restarted;
}

static uint64_t run_seed(uint64_t seed, uint64_t *ret_steps)
{
    static struct graph g;
    static struct links links;
    bool has_links, is_restarted;
    uint64_t hash;

    state = seed;
    graph_init(&g, seed);
    links_init(&links, &g, pick);
    has_links = pick(2);
    g.params.mode = pick(4) == 0 ? TT_MODE_ASAP : TT_MODE_LIVE;
    g.params.end_ns = (50 + pick(200)) * (int64_t)MS;
    g.sim_params.cost_max_ns = 1000 + pick(3000000);
    g.sim_params.jitter_max_ns = pick(2) ? pick(2 * MS) : 0;
    g.sim_params.stall_one_in = pick(2) ? 20 + pick(50) : 0;
    g.sim_params.stall_ns = pick(60) * (int64_t)MS;
    g.sim_params.is_stall_cpu = pick(2);
    if (pick(4) == 0)
        g.pools[0].classes[0].slot_count = g.pools[0].slot_count = 24 + pick(20);
    add_sources(&g, 1 + pick(3), has_links ? &links : NULL);
    add_inner(&g, g.params.node_count);
    add_sinks(&g, has_links ? &links : NULL);
    for (uint32_t n = 0; n < g.params.node_count; n++)
        g.nodes[n].budget_ns = pick(3) == 0 ? 0 : MS;
    graph_open(&g);
    graph_begin(&g, 0);
    is_restarted = run_with(&g, &links, has_links && pick(3) == 0);
    for (uint32_t sink = 0; sink < g.sink_count && !is_restarted; sink++)
        (void)graph_check_sink(&g, sink, 0, TT_ON_TIME);
    links_finish(&links);
    CHECK_INT(g.stats->records_lost, 0);
    for (uint32_t n = 0; g.params.mode == TT_MODE_ASAP && !has_links && n < g.record_count; n++) {
        CHECK(g.records[n].outcome != TT_LATE_FRAME); /* nothing is dropped, nothing is due */
        CHECK(g.records[n].cause != TT_CAUSE_WORKER);
        CHECK(g.records[n].cause != TT_CAUSE_EDGE);
    }
    *ret_steps += g.stats->loops;
    hash = tt_sim_hash(g.sim);
    graph_close(&g);
    links_fini(&links);
    return hash;
}

static void run_twice(uint64_t seed, uint64_t *steps)
{
    static uint64_t last, last_seed;
    uint64_t hash = run_seed(seed, steps);

    fprintf(stderr, "seed %llu\r", (unsigned long long)seed);
    CHECK(run_seed(seed, steps) == hash);
    CHECK(hash != last || seed == last_seed);
    last = hash;
    last_seed = seed;
}

static void run_kept(const char *path, uint64_t *steps)
{
    FILE *file = fopen(path, "r");
    char line[200];

    CHECK(file != NULL);
    while (fgets(line, sizeof(line), file))
        if (line[0] >= '0' && line[0] <= '9')
            run_twice(strtoull(line, NULL, 10), steps);
    (void)fclose(file);
}

/* random SEEDS.TXT: those, then the first ones; random SEEDS.TXT FIRST COUNT: to look for more. */
int main(int argc, char **argv)
{
    uint64_t steps = 0, first = argc > 3 ? strtoull(argv[2], NULL, 10) : 1;
    uint64_t count = argc > 3 ? strtoull(argv[3], NULL, 10) : SEEDS;

    CHECK(argc > 1);
    if (argc < 4)
        run_kept(argv[1], &steps);
    for (uint64_t seed = first; seed < first + count; seed++)
        run_twice(seed, &steps);
    fprintf(stderr, "%llu steps checked\n", (unsigned long long)steps);
    return 0;
}
