/* Where the budgets' timer stands: near enough for each activation, and seldom moved. */
#include "core/inside.h"
#include "graph.h"

enum { CHAINS = 5, FRAMES = 100, LITTLE_NS = 20000, BUDGET_NS = 200000 };

static struct graph g;
static struct tt_port_ops sim;
static int64_t late_max_ns;
static uint32_t arms, disarms, activations;

static void arm(void *world, int64_t until_ns)
{
    arms++;
    sim.arm(world, until_ns);
}

static void disarm(void *world)
{
    disarms++;
    sim.disarm(world);
}

static int64_t armed_ns(void)
{
    return g.engine->running->armed_until_ns;
}

/* In each activation: it stands, and not too late for this one. */
static void look(void *unused)
{
    const struct node *node = g.engine->running->node;

    (void)unused;
    activations++;
    CHECK(armed_ns() > g.engine->now_ns);
    CHECK(armed_ns() <= g.engine->now_ns + node->plan->budget_ns + late_max_ns);
}

static uint32_t watched(enum fake_kind kind, int64_t budget_ns)
{
    uint32_t node = graph_node(&g, kind);

    g.nodes[node].budget_ns = budget_ns;
    g.fakes[node]->hook = look;
    return node;
}

static void begin(uint32_t chains, int64_t cost_ns, int64_t budget_ns)
{
    arms = disarms = activations = 0;
    graph_init(&g, 1);
    g.params.end_ns = FRAMES * 10 * (int64_t)MS;
    g.sim_params.cost_min_ns = g.sim_params.cost_max_ns = cost_ns;
    for (uint32_t n = 0; n < chains; n++) {
        uint32_t source = watched(FAKE_SOURCE, budget_ns), pass = watched(FAKE_PASS, budget_ns),
                 sink = watched(FAKE_SINK, budget_ns);

        graph_flow(&g, source, 0, pass, 0);
        graph_flow(&g, pass, 0, sink, 0);
    }
    graph_open(&g);
    sim = g.ops;
    g.ops.arm = arm;
    g.ops.disarm = disarm;
    graph_begin(&g, 0);
}

/* Nobody is woken by it out of a sleep. */
static void run(void)
{
    for (uint32_t steps = 0; !g.stats->is_ended; steps++) {
        int64_t next_ns = graph_step(&g);

        CHECK(steps < 100000);
        if (next_ns <= tt_sim_now(g.sim) || g.stats->is_ended)
            continue;
        CHECK(armed_ns() == 0 || armed_ns() > next_ns);
        tt_sim_sleep_until(g.sim, next_ns);
    }
}

/* 15 activations of 20 us behind each other: 300 us, in which a budget of 200 us is over once. */
static void a_busy_period_of_little_ones_sets_it_once(void)
{
    late_max_ns = 150000; /* less than a 64th of their deadline */
    begin(CHAINS, LITTLE_NS, BUDGET_NS);
    run();
    CHECK(activations >= 3 * CHAINS * FRAMES);
    CHECK(arms >= FRAMES - 1);
    CHECK(arms <= FRAMES + FRAMES / 5); /* until it is known how long a busy period is */
    CHECK(disarms <= 2);
    CHECK_INT(g.stats->nodes[1].overruns, 0);
    graph_close(&g);
}

static void a_short_busy_period_is_watched_to_the_budget(void)
{
    late_max_ns = 2 * LITTLE_NS; /* what was run before it in the same one */
    begin(1, LITTLE_NS, BUDGET_NS);
    run();
    CHECK(activations >= 3 * FRAMES);
    CHECK(arms <= FRAMES + 1);
    graph_close(&g);
}

static void who_takes_long_is_watched_to_100_us(void)
{
    late_max_ns = 100000;
    begin(1, 2 * (int64_t)MS, 3 * (int64_t)MS);
    run();
    CHECK(activations >= 3 * FRAMES);
    graph_close(&g);
}

int main(void)
{
    RUN(a_busy_period_of_little_ones_sets_it_once);
    RUN(a_short_busy_period_is_watched_to_the_budget);
    RUN(who_takes_long_is_watched_to_100_us);
    return 0;
}
