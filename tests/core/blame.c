/* What is said of a frame that was lost longer ago than the engine remembers, and of those that a
 * failed component lost. */
#include "graph.h"

enum { DEPTH = 8, SENT = 500 };

static struct graph g;

/* A source edge, played by the test. */
struct edge {
    void *memory, *ends[2];
    struct tt_link *writer;
    uint32_t node;
};

static void add_edge(struct edge *edge, uint32_t peer)
{
    uint64_t bytes = (tt_link_bytes(DEPTH) + 63) & ~(uint64_t)63;

    edge->memory = aligned_alloc(64, bytes);
    memset(edge->memory, 0, bytes);
    for (uint32_t n = 0; n < 2; n++)
        edge->ends[n] = malloc(tt_link_end_bytes());
    edge->writer = tt_link_writer(edge->ends[0], edge->memory, DEPTH);
    edge->node = graph_end_of_link(&g, TT_NODE_INLET,
                                   tt_link_reader(edge->ends[1], edge->memory, DEPTH), peer);
}

static void free_edge(struct edge *edge)
{
    free(edge->memory);
    free(edge->ends[0]);
    free(edge->ends[1]);
}

/* One edge sends every frame in time. The join waits for the other, which sends nothing, so the
 * first one's are lost in its queue, and are judged seconds later. */
static void a_source_that_gave_all_is_not_to_blame(void)
{
    struct edge there, mute;
    uint32_t join, sink, pool, slot, lost = 0;

    graph_init(&g, 1);
    g.params.end_ns = INT64_MAX;
    add_edge(&there, 1);
    add_edge(&mute, 2);
    join = graph_node(&g, FAKE_LED);
    sink = graph_node(&g, FAKE_SINK);
    graph_flow(&g, there.node, 0, join, 0);
    graph_flow(&g, mute.node, 0, join, 1);
    graph_flow(&g, join, 0, sink, 0);
    graph_open(&g);
    graph_begin(&g, 0);
    for (int64_t n = 0; n < SENT; n++) {
        struct tt_link_slot header = {.index = n,
                                      .origin_ns = n * 10 * MS,
                                      .duration_ns = 10 * MS,
                                      .pool = 1,
                                      .slot = (uint32_t)(n % 100),
                                      .bytes = sizeof(int64_t),
                                      .stamp_ns = tt_sim_now(g.sim)};

        while (tt_link_take_back(there.writer, &pool, &slot))
            ;
        CHECK(tt_link_put(there.writer, &header));
        g.params.port.ops->ring(g.params.port.world, 0);
        CHECK(!graph_run_until(&g, (n * 10 + 5) * MS));
    }
    for (uint32_t n = 0; n < g.record_count; n++) {
        if (g.records[n].kind != TT_RECORD_FRAME || g.records[n].outcome != TT_LOST_FRAME)
            continue;
        CHECK(g.records[n].cause != TT_CAUSE_MEDIA);
        lost++;
    }
    CHECK(lost > 0);
    graph_close(&g);
    free_edge(&there);
    free_edge(&mute);
}

enum { FAILS_FROM = 5, TRAPS = 4 };

static bool does_trap;

/* It traps four times in a row and is not started again; or it just gives errors. */
static int fail_from(void *state, struct tt_call *call)
{
    struct fake *fake = state;

    if (call->index < FAILS_FROM) {
        for (uint32_t n = 0; n < call->out_count; n++)
            tt_call_out(call, n)->bytes = sizeof(int64_t);
        return TT_DONE;
    }
    if (does_trap && call->index < FAILS_FROM + TRAPS)
        CHECK_INT(fake->host.note(fake->host.ctx, TT_NOTE_TRAP, 1), 0);
    return -14;
}

/* Media that cannot be decoded is the media's fault, a trap is not, whatever the component is fed.
 */
static void what_a_failed_component_lost_is_laid_at_its_door(void)
{
    static const struct {
        bool is_coded, does_trap;
        enum tt_cause cause;
    } turns[] = {{false, false, TT_CAUSE_FAILED},
                 {false, true, TT_CAUSE_FAILED},
                 {true, true, TT_CAUSE_FAILED},
                 {true, false, TT_CAUSE_MEDIA}};

    for (uint32_t turn = 0; turn < sizeof(turns) / sizeof(turns[0]); turn++) {
        uint32_t source, risky, sink;

        graph_init(&g, 1);
        graph_chain(&g, FAKE_PASS, (uint32_t *[]){&source, &risky, &sink});
        graph_format(&g, 0)->kind = turns[turn].is_coded ? TT_CODED_VIDEO : TT_VIDEO;
        g.components[risky].process = fail_from;
        does_trap = turns[turn].does_trap;
        graph_open(&g);
        graph_begin(&g, 0);
        graph_run(&g);
        CHECK_INT(graph_check_sink(&g, 0, 0, TT_LOST_FRAME), 10 - FAILS_FROM);
        for (uint32_t n = 0; n < g.record_count; n++) {
            if (g.records[n].kind != TT_RECORD_FRAME || g.records[n].outcome != TT_LOST_FRAME)
                continue;
            CHECK_INT(g.records[n].cause, turns[turn].cause);
            CHECK_INT(g.records[n].component, risky);
        }
        graph_close(&g);
    }
}

int main(void)
{
    RUN(what_a_failed_component_lost_is_laid_at_its_door);
    RUN(a_source_that_gave_all_is_not_to_blame);
    return 0;
}
