/* Admission against the machine: random graphs through the real planner, then the real engine in
 * the worst case that each was admitted for. Every cost is its maximum, the reservation supplies as
 * late as it may, wake-ups and edges come as late as they may: nothing admitted may miss. What was
 * refused is run as well, with all that a worker can get, and counted when it keeps all. */
#include <time.h>

#include "check.h"
#include "edge.h"
#include "graph.h"
#include "refusal.h"
#include "tactus/format.h"
#include "vanish.h"

#define MS INT64_C(1000000)

enum {
    GRAPHS = 2000,
    LATER_GRAPHS = 500,
    PATTERNS = 3,
    HOP_NS = 3000,
    WAKE_NS = 100000,
    STEP_NS = 1000
};

static const struct tt_rational rates[] = {{10, 1}, {20, 1},       {24, 1}, {25, 1},
                                           {30, 1}, {30000, 1001}, {50, 1}, {100, 1}};

/* Seeds from here on: the same graphs, some of their components with structural latency, or with
 * outputs of another rate as well. */
#define LATENCY (UINT64_C(1) << 32)
#define RATIO (UINT64_C(2) << 32)

/* Graphs that once missed though admitted, beyond the first ones. */
static const uint64_t kept[] = {
    13973, 103901, 109476, /* a backlog longer than a raw link */
    15954,                 /* late at a join by the clock */
    18559,                 /* a join of two rates waited, which no term counted */
    108187,                /* most releases of a fast source had nothing behind them */
    /* What held frames back was due with what came, not with what it gave. */
    LATENCY + 146, LATENCY + 806, LATENCY + 947,
    /* Two frames of one pushed out what could still be in time. */
    RATIO + 12504, RATIO + 19806, RATIO + 20327,
    /* One consumer's queue was shed by the time of another. */
    RATIO + 69554};

struct supply { /* the worker's reservation, as the host's taking and giving of the one CPU */
    struct tt_machine *machine;
    struct draw draw;
    int64_t budget_ns, period_ns, begin_ns; /* begin: of the period that is on */
    uint32_t pattern;
    bool is_first;
};

struct rig {
    struct random_picture made;
    struct tt_plan *plan;
    struct tt_wiring *wiring;
    struct tt_machine *machine;
    struct tt_pool_view pools[TT_PROCESSES_MAX];
    uint8_t *links[GRAPH_LINKS];
    struct edge edges[PICTURE_COMPONENTS];
    struct graph *graph;
    struct supply supply;
    int32_t vanishing; /* a source that brings nothing from the middle on; -1: all do */
    int64_t late_ns_max;
    uint32_t frames, missed, uses;
};

static void take_cpu(void *ctx)
{
    tt_machine_take_cpu(ctx, 0);
}

static void give_cpu(void *ctx)
{
    tt_machine_give_cpu(ctx, 0);
}

/* In each period the budget comes at once, early or late. Pattern 0 is the worst there is for what
 * begins at the epoch: late from there on, after an early one. */
static void next_period(void *ctx)
{
    struct supply *supply = ctx;
    int64_t gap_ns = supply->period_ns - supply->budget_ns, begin_ns = supply->begin_ns;
    int64_t from_ns = gap_ns;

    if (supply->pattern > 0 && draw_below(&supply->draw, 3) == 0)
        from_ns = draw_between(&supply->draw, 0, gap_ns);
    if (supply->is_first)
        from_ns = 0;
    supply->is_first = false;
    if (from_ns > 0) {
        tt_machine_at(supply->machine, begin_ns, take_cpu, supply->machine);
        tt_machine_at(supply->machine, begin_ns + from_ns, give_cpu, supply->machine);
    }
    if (from_ns < gap_ns) {
        tt_machine_at(supply->machine, begin_ns + from_ns + supply->budget_ns, take_cpu,
                      supply->machine);
        tt_machine_at(supply->machine, begin_ns + supply->period_ns, give_cpu, supply->machine);
    }
    supply->begin_ns += supply->period_ns;
    tt_machine_at(supply->machine, supply->begin_ns - 1, next_period, supply);
}

static int64_t cost(void *ctx, uint32_t component, const struct tt_call *call)
{
    const struct rig *rig = ctx;

    (void)call;
    return rig->made.components[component].shape.cost_max_ns + HOP_NS;
}

static void ring_edge(void *ctx, uint32_t peer)
{
    edge_rung(&((struct rig *)ctx)->edges[peer]);
}

static void ring_container(void *ctx, uint32_t peer)
{
    CHECK_INT(peer, 0);
    tt_world_bell(((struct rig *)ctx)->graph->world);
}

static void edge_ended(void *ctx, uint32_t process)
{
    (void)ctx;
    (void)process;
}

static void begin_edges(struct rig *rig, int64_t epoch_ns, int64_t end_ns, uint64_t seed)
{
    for (uint32_t n = 1; n < rig->wiring->process_count; n++) {
        struct edge_params params = {.machine = rig->machine,
                                     .picture = &rig->made.picture,
                                     .wiring = rig->wiring,
                                     .pools = rig->pools,
                                     .links = rig->links,
                                     .process = n,
                                     .seed = seed + n,
                                     .delay_max_ns = MS - WAKE_NS,
                                     .end_ns = end_ns,
                                     .ring = ring_container,
                                     .on_end = edge_ended,
                                     .ctx = rig};

        edge_init(&rig->edges[n], &params);
        edge_start(&rig->edges[n]);
        edge_go(&rig->edges[n], epoch_ns, 0);
    }
}

static void vanish(void *ctx)
{
    ((struct edge *)ctx)->stalled_until_ns = INT64_MAX / 2;
}

static struct edge *edge_of(struct rig *rig, uint32_t component)
{
    uint32_t n = 1;

    while (rig->wiring->processes[n].component != (int32_t)component)
        n++;
    CHECK(n < rig->wiring->process_count);
    return &rig->edges[n];
}

static void judge(struct rig *rig)
{
    struct tt_record record;

    while (tt_world_take_record(rig->graph->world, &record)) {
        CHECK(record.kind != TT_RECORD_LOST);
        rig->uses += record.kind == TT_RECORD_USE;
        if (record.kind != TT_RECORD_FRAME)
            continue;
        if (rig->vanishing >= 0 &&
            !vanish_leaves(&rig->made.picture, (uint32_t)rig->vanishing, record.sink))
            continue;
        rig->frames++;
        if (record.outcome == TT_ON_TIME)
            continue;
        rig->missed++;
        if (getenv("VERBOSE") != NULL)
            fprintf(
                stderr,
                "  sink %u: index %lld, due at %.3f ms, outcome %u by %.3f ms, cause %u of %s\n",
                record.sink, (long long)record.index, (double)record.due_ns / 1e6, record.outcome,
                (double)-record.slack_ns / 1e6, record.cause,
                rig->made.components[record.component].name);
        if (-record.slack_ns > rig->late_ns_max)
            rig->late_ns_max = -record.slack_ns;
    }
}

static void make_links(struct rig *rig)
{
    for (uint32_t n = 0; n < rig->wiring->link_count; n++) {
        uint64_t bytes = (tt_link_bytes(rig->wiring->links[n].depth) + 63) & ~(uint64_t)63;

        rig->links[n] = aligned_alloc(64, bytes);
        CHECK(rig->links[n] != NULL);
        memset(rig->links[n], 0, bytes);
    }
}

/* Runs the graph on this supply; true: nothing was late or lost. */
static bool keeps(struct rig *rig, int64_t budget_ns, int64_t period_ns, uint32_t pattern,
                  uint64_t seed)
{
    const int64_t start_ns = 1000 * MS, end_ns = 700 * MS;
    struct tt_machine_params machine = {.seed = seed,
                                        .start_ns = start_ns,
                                        .cpu_count = 1,
                                        .wake_max_ns = WAKE_NS,
                                        .limit_ppm = 1000000};
    struct graph_params params = {.picture = &rig->made.picture,
                                  .plan = rig->plan,
                                  .wiring = rig->wiring,
                                  .pools = rig->pools,
                                  .links = rig->links,
                                  .end_ns = end_ns,
                                  .record_slots = 8192,
                                  .cost = cost,
                                  .ring = ring_edge,
                                  .ctx = rig};
    int64_t epoch_ns = start_ns + 10 * MS;

    rig->machine = params.machine = tt_machine_open(&machine);
    graph_pools(rig->wiring, rig->pools);
    make_links(rig);
    rig->frames = rig->missed = rig->uses = 0;
    rig->graph = graph_open(&params);
    begin_edges(rig, epoch_ns, end_ns, seed);
    rig->supply = (struct supply){.machine = rig->machine,
                                  .draw = {seed},
                                  .budget_ns = budget_ns,
                                  .period_ns = period_ns,
                                  .begin_ns = epoch_ns - budget_ns,
                                  .pattern = pattern,
                                  .is_first = true};
    if (pattern == 2) /* the worst gap lies somewhere behind */
        rig->supply.begin_ns += draw_between(&rig->supply.draw, 0, 40 * MS);
    if (budget_ns < period_ns)
        tt_machine_at(rig->machine, rig->supply.begin_ns - 1, next_period, &rig->supply);
    if (rig->vanishing >= 0)
        tt_machine_at(rig->machine, epoch_ns + 300 * MS, vanish,
                      edge_of(rig, (uint32_t)rig->vanishing));
    graph_go(rig->graph, epoch_ns, 0);
    for (int64_t t = 0; !rig->graph->stats.is_ended && t < 5000 * MS; t += 50 * MS) {
        tt_machine_run(rig->machine, epoch_ns + t);
        judge(rig);
    }
    judge(rig);
    CHECK(rig->graph->stats.is_ended || rig->plan->budget_ns == 0);
    tt_engine_check(rig->graph->engine);
    graph_close(&rig->graph);
    graph_pools_free(rig->wiring, rig->pools);
    for (uint32_t n = 1; n < rig->wiring->process_count; n++)
        edge_fini(&rig->edges[n]);
    for (uint32_t n = 0; n < rig->wiring->link_count; n++)
        free(rig->links[n]);
    tt_machine_close(&rig->machine);
    return rig->missed == 0;
}

static void plan_it(struct rig *rig)
{
    const struct tt_machine machine = {.cpus = 1,
                                       .limit_ppm = 900000,
                                       .slack_ppm = 150000,
                                       .right = TT_RIGHT_DEADLINE,
                                       .wake_ns = WAKE_NS,
                                       .hop_ns = HOP_NS,
                                       .is_virtual = true};
    struct tt_cost costs[PICTURE_COMPONENTS], segments[PICTURE_COMPONENTS];
    struct tt_error err = {0};

    graph_costs(&rig->made.picture, costs, segments);
    CHECK_INT(tt_plan_make(&rig->made.picture, costs, segments, &machine, &rig->plan, &err), 0);
    CHECK_INT(tt_wiring_make(&rig->made.picture, &rig->wiring, &err), 0);
}

struct counts {
    uint32_t admitted, refused, refused_kept, missing;
    uint32_t vanished, vanished_missing; /* a joined input stayed away; and others' frames missed */
    uint32_t fired;                      /* a join went on without an input that was in time */
    uint32_t refused_by[REFUSAL_COUNT], kept_by[REFUSAL_COUNT]; /* of those that were refused */
    uint64_t frames;
};

static void draw_rig(struct rig *rig, uint64_t seed)
{
    const struct picture_params params = {.rates = rates,
                                          .rate_count = sizeof(rates) / sizeof(rates[0]),
                                          .deadline_min_ns = 5 * MS,
                                          .deadline_max_ns = 120 * MS,
                                          .share_max_ppm = 900000,
                                          .has_edges = true,
                                          .has_latency = seed >= LATENCY,
                                          .has_ratio = seed >= RATIO};
    struct draw draw = {seed % LATENCY};

    memset(rig, 0, sizeof(*rig));
    rig->vanishing = -1;
    picture_draw(&draw, &params, &rig->made);
    plan_it(rig);
}

static void say(const struct rig *rig, uint64_t seed, uint32_t pattern)
{
    char *text = tt_plan_print(rig->plan, &rig->made.picture);

    fprintf(stderr,
            "seed %llu pattern %u: admitted, but %u of %u missed, by up to %.3f ms; %u late "
            "policies used\n",
            (unsigned long long)seed, pattern, rig->missed, rig->frames,
            (double)rig->late_ns_max / 1e6, rig->uses);
    if (getenv("VERBOSE") != NULL) {
        char *dot = tt_picture_dot(&rig->made.picture);

        fprintf(stderr, "%s\n%s\n", text, dot);
        free(dot);
    }
    free(text);
}

/* The promise is made for least budget and headroom; what is above is for the engine's own work,
 * which costs nothing here. */
static int64_t promised_ns(const struct tt_plan *plan)
{
    return plan->budget_ns - (plan->period_ns / 20 + STEP_NS - 1) / STEP_NS * STEP_NS;
}

/* No promise, for the input does not keep its own: how often a join's late policy leaves the others
 * time enough. */
static void try_vanished(struct rig *rig, uint64_t seed, struct counts *counts)
{
    rig->vanishing = vanish_find(&rig->made.picture);
    if (rig->vanishing < 0)
        return;
    counts->vanished++;
    counts->vanished_missing += !keeps(rig, promised_ns(rig->plan), rig->plan->period_ns, 0, seed);
}

static void try_seed(uint64_t seed, struct counts *counts)
{
    static struct rig rig;
    bool is_kept = true, has_fired = false;

    draw_rig(&rig, seed);
    if (rig.plan->is_admitted && rig.plan->budget_ns > 0) {
        counts->admitted++;
        for (uint32_t n = 0; n < PATTERNS; n++) {
            is_kept = keeps(&rig, promised_ns(rig.plan), rig.plan->period_ns, n, seed) && is_kept;
            has_fired = has_fired || rig.uses > 0;
            counts->frames += rig.frames;
            if (rig.missed > 0 || rig.uses > 0)
                say(&rig, seed, n);
        }
        counts->fired += has_fired;
        counts->missing += !is_kept;
        try_vanished(&rig, seed, counts);
    } else {
        /* 75 % less the twentieth for the engine, in the shortest period: as smooth as it gets. */
        enum refusal by = refusal_of(&rig.made.picture, rig.plan, 700000, MS);

        for (uint32_t n = 0; n < PATTERNS; n++)
            is_kept = keeps(&rig, 700000, MS, n, seed) && is_kept;
        counts->refused++;
        counts->refused_kept += is_kept;
        counts->refused_by[by]++;
        counts->kept_by[by] += is_kept;
    }
    tt_wiring_close(&rig.wiring);
    tt_plan_close(&rig.plan);
}

static void say_refusals(const struct counts *counts)
{
    fprintf(stderr, "%-34s %8s %18s\n", "refused for", "graphs", "would have run");
    for (uint32_t n = 0; n < REFUSAL_COUNT; n++)
        fprintf(stderr, "%-34s %8u %8u %7.1f %%\n", refusal_name(n), counts->refused_by[n],
                counts->kept_by[n],
                counts->refused_by[n] ? 100.0 * counts->kept_by[n] / counts->refused_by[n] : 0.0);
}

/* admission: the first seeds; admission FIRST COUNT: others. VERBOSE=1 shows the plan of a miss. */
int main(int argc, char **argv)
{
    struct counts counts = {0};
    uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : GRAPHS;

    for (uint32_t n = 0; argc == 1 && n < sizeof(kept) / sizeof(kept[0]); n++)
        try_seed(kept[n], &counts);
    for (uint64_t n = 0; argc == 1 && n < LATER_GRAPHS; n++)
        try_seed(RATIO + n, &counts);
    for (uint64_t seed = first; seed < first + count; seed++)
        try_seed(seed, &counts);
    fprintf(stderr,
            "%u admitted, %u of them missed, in %u a join went on without an input that was in "
            "time; %llu frames; %u refused, of which %u kept all that was tried\n",
            counts.admitted, counts.missing, counts.fired, (unsigned long long)counts.frames,
            counts.refused, counts.refused_kept);
    fprintf(stderr,
            "%u had an input at a join that stayed away from the middle on: with %u of them the "
            "others' frames were late, too\n",
            counts.vanished, counts.vanished_missing);
    say_refusals(&counts);
    CHECK_INT(counts.missing, 0);
    CHECK_INT(counts.fired, 0);
    if (count >= GRAPHS) {
        CHECK(counts.admitted > GRAPHS / 4);
        CHECK(counts.refused > counts.refused_kept); /* the machine can show a miss */
    }
    return 0;
}
