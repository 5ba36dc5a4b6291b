/* A planned service on a machine that supplies as late as it may. */
#include "rig.h"

#include "check.h"
#include "tactus/format.h"
#include "vanish.h"

#define MS INT64_C(1000000)

static const int64_t start_ns = 1000 * MS;

static void take_cpu(void *ctx)
{
    const struct rig_supply *supply = ctx;

    tt_machine_take_cpu(supply->machine, supply->cpu);
}

static void give_cpu(void *ctx)
{
    const struct rig_supply *supply = ctx;

    tt_machine_give_cpu(supply->machine, supply->cpu);
}

/* In each period the budget comes at once, early or late. Pattern 0 is the worst there is for what
 * begins at the epoch: late from there on, after an early one. */
static void next_period(void *ctx)
{
    struct rig_supply *supply = ctx;
    int64_t gap_ns = supply->period_ns - supply->budget_ns, begin_ns = supply->begin_ns;
    int64_t from_ns = gap_ns;

    if (supply->pattern > 0 && draw_below(&supply->draw, 3) == 0)
        from_ns = draw_between(&supply->draw, 0, gap_ns);
    if (supply->is_first)
        from_ns = 0;
    supply->is_first = false;
    if (from_ns > 0) {
        tt_machine_at(supply->machine, begin_ns, take_cpu, supply);
        tt_machine_at(supply->machine, begin_ns + from_ns, give_cpu, supply);
    }
    if (from_ns < gap_ns) {
        tt_machine_at(supply->machine, begin_ns + from_ns + supply->budget_ns, take_cpu, supply);
        tt_machine_at(supply->machine, begin_ns + supply->period_ns, give_cpu, supply);
    }
    supply->begin_ns += supply->period_ns;
    tt_machine_at(supply->machine, supply->begin_ns - 1, next_period, supply);
}

static int64_t cost(void *ctx, uint32_t component, const struct tt_call *call)
{
    const struct rig *rig = ctx;

    (void)call;
    return rig->made.components[component].shape.cost_max_ns + RIG_HOP_NS;
}

static void ring(void *ctx, uint32_t peer)
{
    struct rig *rig = ctx;

    CHECK(peer < rig->wiring->process_count);
    if (peer >= rig->wiring->container_count)
        edge_rung(&rig->edges[peer]);
    else
        tt_world_bell(rig->graphs[peer]->world);
}

static void edge_ended(void *ctx, uint32_t process)
{
    (void)ctx;
    (void)process;
}

static void begin_edges(struct rig *rig, const struct rig_run *run, int64_t epoch_ns)
{
    for (uint32_t n = rig->wiring->container_count; n < rig->wiring->process_count; n++) {
        struct edge_params params = {.machine = rig->machine,
                                     .picture = &rig->made.picture,
                                     .wiring = rig->wiring,
                                     .pools = rig->pools,
                                     .links = rig->links,
                                     .process = n,
                                     .seed = run->seed + n,
                                     .delay_max_ns = MS - RIG_WAKE_NS,
                                     .end_ns = run->length_ns,
                                     .ring = ring,
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
    uint32_t n = rig->wiring->container_count;

    while (rig->wiring->processes[n].component != (int32_t)component)
        n++;
    CHECK(n < rig->wiring->process_count);
    return &rig->edges[n];
}

static void tell_hop(const struct rig *rig, const struct tt_record *record)
{
    if (record->kind != TT_RECORD_HOP && record->kind != TT_RECORD_USE)
        return;
    fprintf(stderr, "  %s of %s, index %lld, ready %.3f, began %.3f, ended %.3f ms, due %.3f\n",
            record->kind == TT_RECORD_HOP ? "hop" : "late policy",
            rig->made.components[record->component].name, (long long)record->index,
            (double)record->origin_ns / 1e6, (double)record->delivered_ns / 1e6,
            (double)record->sent_ns / 1e6, (double)record->due_ns / 1e6);
}

static void judge_record(struct rig *rig, const struct tt_record *record)
{
    CHECK(record->kind != TT_RECORD_LOST);
    if (getenv("HOPS") != NULL)
        tell_hop(rig, record);
    rig->uses += record->kind == TT_RECORD_USE;
    if (record->kind != TT_RECORD_FRAME)
        return;
    if (rig->vanishing >= 0 &&
        !vanish_leaves(&rig->made.picture, (uint32_t)rig->vanishing, record->sink))
        return;
    rig->frames++;
    if (record->outcome == TT_ON_TIME)
        return;
    rig->missed++;
    if (getenv("VERBOSE") != NULL)
        fprintf(stderr,
                "  sink %u: index %lld, due at %.3f ms, outcome %u by %.3f ms, cause %u of %s\n",
                record->sink, (long long)record->index, (double)record->due_ns / 1e6,
                record->outcome, (double)-record->slack_ns / 1e6, record->cause,
                rig->made.components[record->component].name);
    if (-record->slack_ns > rig->late_ns_max)
        rig->late_ns_max = -record->slack_ns;
}

static void judge(struct rig *rig)
{
    struct tt_record record;

    for (uint32_t n = 0; n < rig->wiring->container_count; n++)
        while (tt_world_take_record(rig->graphs[n]->world, &record))
            judge_record(rig, &record);
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

/* A worker of several has a CPU by itself: a reservation of all of it. */
static void begin_worker(struct rig *rig, const struct rig_run *run, uint32_t worker,
                         int64_t epoch_ns)
{
    struct graph_params params = {.picture = &rig->made.picture,
                                  .plan = rig->plan,
                                  .wiring = rig->wiring,
                                  .machine = rig->machine,
                                  .pools = rig->pools,
                                  .links = rig->links,
                                  .self = worker,
                                  .end_ns = run->length_ns,
                                  .record_slots = 8192,
                                  .cost = cost,
                                  .ring = ring,
                                  .ctx = rig};
    struct rig_supply *supply = &rig->supplies[worker];

    rig->graphs[worker] = graph_open(&params);
    if (rig->wiring->container_count > 1)
        CHECK_INT(tt_thread_reserve(rig->graphs[worker]->thread, 1000 * MS, 1000 * MS), 0);
    *supply = (struct rig_supply){.machine = rig->machine,
                                  .draw = {run->seed + worker},
                                  .cpu = worker,
                                  .budget_ns = run->budget_ns[worker],
                                  .period_ns = run->period_ns[worker],
                                  .begin_ns = epoch_ns - run->budget_ns[worker],
                                  .pattern = run->pattern,
                                  .is_first = true};
    if (run->pattern == 2) /* the worst gap lies somewhere behind */
        supply->begin_ns += draw_between(&supply->draw, 0, 40 * MS);
    if (supply->budget_ns < supply->period_ns)
        tt_machine_at(rig->machine, supply->begin_ns - 1, next_period, supply);
}

static bool is_ended(const struct rig *rig)
{
    for (uint32_t n = 0; n < rig->wiring->container_count; n++)
        if (!rig->graphs[n]->stats.is_ended)
            return false;
    return true;
}

static void open_all(struct rig *rig, const struct rig_run *run, int64_t epoch_ns)
{
    uint32_t containers = rig->wiring->container_count;
    struct tt_machine_params machine = {.seed = run->seed,
                                        .start_ns = start_ns,
                                        .cpu_count = containers,
                                        .wake_max_ns = RIG_WAKE_NS,
                                        .limit_ppm = 1000001,
                                        .is_partitioned = containers > 1};

    rig->machine = tt_machine_open(&machine);
    CHECK(rig->machine != NULL);
    graph_pools(rig->wiring, rig->pools);
    make_links(rig);
    rig->frames = rig->missed = rig->uses = 0;
    for (uint32_t n = 0; n < containers; n++)
        begin_worker(rig, run, n, epoch_ns);
    begin_edges(rig, run, epoch_ns);
    if (rig->vanishing >= 0)
        tt_machine_at(rig->machine, epoch_ns + 300 * MS, vanish,
                      edge_of(rig, (uint32_t)rig->vanishing));
    for (uint32_t n = 0; n < containers; n++)
        graph_go(rig->graphs[n], epoch_ns, 0);
}

static void close_all(struct rig *rig)
{
    for (uint32_t n = 0; n < rig->wiring->container_count; n++) {
        tt_engine_check(rig->graphs[n]->engine);
        graph_close(&rig->graphs[n]);
    }
    graph_pools_free(rig->wiring, rig->pools);
    for (uint32_t n = rig->wiring->container_count; n < rig->wiring->process_count; n++)
        edge_fini(&rig->edges[n]);
    for (uint32_t n = 0; n < rig->wiring->link_count; n++)
        free(rig->links[n]);
    tt_machine_close(&rig->machine);
}

bool rig_keeps(struct rig *rig, const struct rig_run *run)
{
    int64_t epoch_ns = start_ns + 10 * MS;

    open_all(rig, run, epoch_ns);
    for (int64_t t = 0; !is_ended(rig) && t < run->length_ns + 4300 * MS; t += 50 * MS) {
        tt_machine_run(rig->machine, epoch_ns + t);
        judge(rig);
    }
    judge(rig);
    CHECK(is_ended(rig) || rig->plan->budget_ns == 0);
    close_all(rig);
    return rig->missed == 0;
}

void rig_plan(struct rig *rig, uint32_t cpu_count)
{
    const uint32_t cpus = cpu_count > 0 ? cpu_count : 1;
    const struct tt_machine machine = {.cpus = cpus,
                                       .limit_ppm = 900000 * (int64_t)cpus,
                                       .slack_ppm = 150000 * (int64_t)cpus,
                                       .right = TT_RIGHT_DEADLINE,
                                       .wake_ns = RIG_WAKE_NS,
                                       .hop_ns = RIG_HOP_NS,
                                       .is_virtual = true,
                                       .is_partitioned = cpu_count > 0,
                                       .workers_max = cpu_count > 0 ? TT_WORKERS_MAX : 0};
    struct tt_cost costs[PICTURE_COMPONENTS], segments[PICTURE_COMPONENTS];
    struct tt_error err = {0};

    graph_costs(&rig->made.picture, costs, segments);
    CHECK_INT(tt_plan_make(&rig->made.picture, costs, segments, &machine, &rig->plan, &err), 0);
    tt_plan_place(rig->plan, &rig->made.picture);
    CHECK_INT(tt_wiring_make(&rig->made.picture, &rig->wiring, &err), 0);
    CHECK_INT(rig->wiring->container_count, rig->plan->worker_count);
    CHECK(rig->wiring->link_count <= GRAPH_LINKS);
}

void rig_close(struct rig *rig)
{
    tt_wiring_close(&rig->wiring);
    tt_plan_close(&rig->plan);
}
