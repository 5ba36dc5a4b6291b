/* An engine steps its components down before a frame is late and up when it is told that it may: in
 * virtual time, with notes at the indices where it acts. */
#include "core/degrade.h"
#include "graph.h"

static struct graph g;
static uint32_t slow, sink;
static int64_t load_ns; /* of the slow component at level 0; a third of it at level 1 */

static void work(void *argument)
{
    (void)argument;
    tt_sim_spend(g.sim, tt_engine_level(g.engine) == 0 ? load_ns : load_ns / 3);
}

static void start(const struct tt_level_params *params)
{
    uint32_t source;

    graph_init(&g, 1);
    source = graph_node(&g, FAKE_SOURCE);
    slow = graph_node(&g, FAKE_PASS);
    sink = graph_node(&g, FAKE_SINK);
    (void)graph_flow(&g, source, 0, slow, 0);
    (void)graph_flow(&g, slow, 0, sink, 0);
    g.requests[slow].level_count = 1;
    g.params.end_ns = 4000 * (int64_t)MS;
    for (uint32_t n = 0; n < 3; n++) {
        g.nodes[n].due_offset_ns = 50 * MS;
        g.nodes[n].deadline_ns = 50 * MS;
    }
    graph_open(&g);
    g.fakes[slow]->hook = work;
    CHECK_INT(tt_engine_degrade(g.engine, params), 0);
    graph_begin(&g, 0);
}

/* The level notes of the slow component, in order: index of the n-th, or -1. */
static int64_t note(uint32_t n, int64_t *ret_level)
{
    for (uint32_t k = 0; k < g.record_count; k++)
        if (g.records[k].kind == TT_RECORD_NOTE && g.records[k].due_ns == TT_NOTE_DEGRADE &&
            n-- == 0) {
            CHECK_INT(g.records[k].component, g.nodes[slow].ledger_component);
            *ret_level = g.records[k].value;
            return g.records[k].index;
        }
    return -1;
}

static void down_before_a_miss_and_up_when_told(void)
{
    int64_t down, up, level = -1;
    uint32_t asked = 9;

    load_ns = 4 * MS;
    start(&(struct tt_level_params){.floor = 1, .calm_ns = 500 * MS});
    (void)graph_run_until(&g, 1000 * (int64_t)MS);
    CHECK_INT(note(0, &level), -1);
    load_ns = 15 * MS; /* of every 10 ms */
    (void)graph_run_until(&g, 1300 * (int64_t)MS);
    down = note(0, &level);
    CHECK_INT(level, 1);
    CHECK(down >= 100 && down < 115);
    CHECK_INT(tt_engine_level(g.engine), 1);
    CHECK(!tt_engine_level_asked(g.engine, &asked));

    load_ns = 4 * MS;
    (void)graph_run_until(&g, 2500 * (int64_t)MS);
    CHECK(tt_engine_level_asked(g.engine, &asked));
    CHECK_INT(asked, 0);
    CHECK_INT(tt_engine_level(g.engine), 1); /* not before it is admitted */
    tt_engine_level_answer(g.engine, 0, false);
    (void)graph_run_until(&g, 2600 * (int64_t)MS);
    CHECK_INT(tt_engine_level(g.engine), 1);
    (void)graph_run_until(&g, 3900 * (int64_t)MS);
    CHECK(tt_engine_level_asked(g.engine, &asked));
    tt_engine_level_answer(g.engine, 0, true);
    graph_run(&g);
    up = note(1, &level);
    CHECK_INT(level, 0);
    CHECK(up >= 390 && up <= 393);
    CHECK_INT(note(2, &level), -1);
    CHECK_INT(tt_engine_level(g.engine), 0);
    CHECK_INT(graph_count(&g, TT_RECORD_FRAME, TT_LATE_FRAME), 0);
    CHECK_INT(graph_count(&g, TT_RECORD_FRAME, TT_LOST_FRAME), 0);
    graph_close(&g);
}

/* Samples of costs are of one level each. */
static void costs_say_their_level(void)
{
    struct tt_level_cost cost;
    uint32_t seen[2] = {0, 0};

    load_ns = 4 * MS;
    start(&(struct tt_level_params){.floor = 1});
    (void)graph_run_until(&g, 1000 * (int64_t)MS);
    load_ns = 15 * MS;
    for (int64_t at = 1000; at <= 2000; at += 100) {
        while (tt_engine_level_cost(g.engine, &cost)) {
            CHECK(cost.level < 2);
            CHECK(cost.level == 0 ? cost.cost_ns > 3 * MS : cost.cost_ns < 6 * MS);
            seen[cost.level]++;
        }
        (void)graph_run_until(&g, at * MS);
    }
    CHECK(seen[0] > 50 && seen[1] > 20);
    graph_run(&g);
    graph_close(&g);
}

/* What begins below the best says so at its first frame. */
static void a_service_may_begin_below(void)
{
    int64_t level = -1;

    load_ns = 4 * MS;
    start(&(struct tt_level_params){.floor = 1, .first = 1});
    (void)graph_run_until(&g, 100 * MS);
    CHECK_INT(note(0, &level), 0);
    CHECK_INT(level, 1);
    graph_run(&g);
    graph_close(&g);
}

int main(void)
{
    RUN(down_before_a_miss_and_up_when_told);
    RUN(costs_say_their_level);
    RUN(a_service_may_begin_below);
    return 0;
}
