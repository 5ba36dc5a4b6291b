/* A new engine behind the death of another goes on where the slowest sink was: the edges that were
 * further get no frame twice, and one that had its End holds nobody up. */
#include "graph.h"

enum { DEPTH = 8, EDGES = 2 };

/* A sink edge, played by the test: its link and what came by it. */
struct edge {
    void *memory, *ends[2];
    struct tt_link *reader;
    uint32_t node;
    int64_t got[256];
    uint32_t got_count, end_count;
};

static struct graph g;
static struct edge edges[EDGES];

static void add_edge(struct edge *edge, uint32_t number, int64_t end_at)
{
    uint64_t bytes = (tt_link_bytes(DEPTH) + 63) & ~(uint64_t)63;
    uint32_t source = graph_node(&g, FAKE_SOURCE);

    memset(edge, 0, sizeof(*edge));
    g.fakes[source]->end_at = end_at;
    edge->memory = aligned_alloc(64, bytes);
    memset(edge->memory, 0, bytes);
    for (uint32_t n = 0; n < 2; n++)
        edge->ends[n] = malloc(tt_link_end_bytes());
    edge->reader = tt_link_reader(edge->ends[0], edge->memory, DEPTH);
    edge->node = graph_end_of_link(&g, TT_NODE_OUTLET,
                                   tt_link_writer(edge->ends[1], edge->memory, DEPTH), 1 + number);
    graph_flow(&g, source, 0, edge->node, 0);
}

static void make_graph(uint32_t mode, int64_t first_end_at, int64_t end_at)
{
    graph_init(&g, 1);
    g.params.mode = mode;
    g.params.end_ns = INT64_MAX;
    add_edge(&edges[0], 0, first_end_at);
    add_edge(&edges[1], 1, end_at);
    graph_open(&g);
    graph_begin(&g, 0);
}

static void free_graph(void)
{
    graph_close(&g);
    for (uint32_t n = 0; n < EDGES; n++) {
        free(edges[n].memory);
        free(edges[n].ends[0]);
        free(edges[n].ends[1]);
    }
}

static void receive(struct edge *edge, uint32_t count)
{
    struct tt_link_slot slot;

    while (count-- > 0 && tt_link_get(edge->reader, g.pools, 2, &slot)) {
        edge->end_count += (slot.flags & TT_END) != 0;
        if (slot.slot == TT_NO_FRAME)
            continue;
        CHECK(edge->got_count < 256);
        edge->got[edge->got_count++] = slot.index;
        tt_link_give_back(edge->reader, slot.pool, slot.slot);
    }
    g.params.port.ops->ring(g.params.port.world, 0);
}

static bool run_for(int64_t ns)
{
    return graph_run_until(&g, tt_sim_now(g.sim) - g.epoch_ns + ns);
}

/* The engine is gone, with all that it knew; the links are what they were. */
static void replace_engine(int64_t first_ns)
{
    tt_engine_close(&g.engine);
    for (uint32_t n = 0; n < EDGES; n++)
        g.nodes[edges[n].node].link = tt_link_writer(edges[n].ends[1], edges[n].memory, DEPTH);
    graph_restart(&g, first_ns);
}

static void check_each_once(const struct edge *edge, uint32_t count)
{
    for (uint32_t n = 0; n < edge->got_count; n++)
        CHECK_INT(edge->got[n], n);
    CHECK_INT(edge->got_count, count);
    CHECK_INT(edge->end_count, 1);
}

static void without_a_clock_no_frame_comes_twice(void)
{
    make_graph(TT_MODE_ASAP, 40, 40);
    for (uint32_t n = 0; n < 10; n++) {
        CHECK(!run_for(MS));
        receive(&edges[0], 2);
        receive(&edges[1], n % 5 == 0);
    }
    CHECK_INT(edges[0].got_count, 20);
    CHECK_INT(edges[1].got_count, 2);
    replace_engine(2 * 10 * MS);
    for (uint32_t n = 0; n < 200 && !run_for(MS); n++) {
        receive(&edges[0], 1);
        receive(&edges[1], 3);
    }
    receive(&edges[0], UINT32_MAX);
    receive(&edges[1], UINT32_MAX);
    check_each_once(&edges[0], 40);
    check_each_once(&edges[1], 40);
    CHECK(g.stats->is_ended);
    free_graph();
}

/* Nobody reads the first link any more: what is put there fills it, and stops who feeds it. */
static void who_had_his_end_is_passed_by(uint32_t mode)
{
    make_graph(mode, 20, 60);
    while (edges[0].end_count == 0) {
        CHECK(!run_for(MS));
        receive(&edges[0], UINT32_MAX);
        receive(&edges[1], mode == TT_MODE_LIVE ? UINT32_MAX : edges[1].got_count < 5);
    }
    for (uint32_t life = 0; life < 2 * DEPTH; life++) {
        bool is_last = life + 1 == 2 * DEPTH;

        replace_engine(mode == TT_MODE_LIVE ? tt_sim_now(g.sim) - g.epoch_ns : 5 * 10 * MS);
        for (uint32_t n = 0; n < (is_last ? 1000 : 5) && !run_for(MS); n++)
            receive(&edges[1], is_last ? UINT32_MAX : 0);
    }
    receive(&edges[1], UINT32_MAX);
    CHECK(g.stats->is_ended);
    CHECK_INT(edges[1].end_count, 1);
    CHECK_INT(tt_link_filled(edges[0].reader), 0);
    free_graph();
}

static void who_had_his_end_holds_nobody_up(void)
{
    who_had_his_end_is_passed_by(TT_MODE_ASAP);
    who_had_his_end_is_passed_by(TT_MODE_LIVE);
}

int main(void)
{
    RUN(without_a_clock_no_frame_comes_twice);
    RUN(who_had_his_end_holds_nobody_up);
    return 0;
}
