/* What each component and each segment costs, and how well that is known. */
#include <string.h>

#include "planner/work.h"
#include "tactus/format.h"

/* An activation longer than an hour is not media; above, sums could overflow. */
#define COST_MAX_NS ((int64_t)3600 * 1000000000)

bool work_is_edge(const struct work *work, uint32_t component)
{
    return (work->picture->components[component].flags & TT_EDGE) != 0 ||
           (work->worker_of && work->worker_of[component] != work->worker);
}

/* Does this worker hand on to an edge what another edge brings? */
static bool is_passing(const struct work *work, const struct tt_picture_flow *flow)
{
    const struct tt_picture_component *components = work->picture->components;

    return (components[flow->from].flags & components[flow->to].flags & TT_EDGE) != 0 &&
           (!work->worker_of || work->worker_of[flow->from] == work->worker);
}

bool work_is_here(const struct work *work, uint32_t segment)
{
    const struct tt_picture *picture = work->picture;
    bool is_here = !work->worker_of;

    for (uint32_t n = 0; !is_here && n < picture->flow_count; n++)
        is_here = is_passing(work, &picture->flows[n]) &&
                  picture->components[picture->flows[n].to].segment == segment;
    for (uint32_t n = 0; !is_here && n < work->picture->component_count; n++)
        is_here = work->picture->components[n].segment == segment && !work_is_edge(work, n);
    return is_here;
}

/* Some of it runs on another worker: what the whole costs says nothing of the part. */
static bool is_part(const struct work *work, uint32_t segment)
{
    for (uint32_t n = 0; work->worker_of && n < work->picture->component_count; n++)
        if (work->picture->components[n].segment == segment &&
            (work->picture->components[n].flags & TT_EDGE) == 0 &&
            work->worker_of[n] != work->worker)
            return true;
    return false;
}

bool work_is_once(const struct work *work, uint32_t component)
{
    struct tt_rational rate = work->picture->components[component].rate;

    return rate.den > 0 && rate.num == 0;
}

bool work_is_lasting(const struct work *work, uint32_t segment)
{
    return work->picture->segments[segment].rate.num > 0 && work_is_here(work, segment);
}

static int64_t clamp_cost(int64_t ns)
{
    return ns < 0 ? 0 : ns > COST_MAX_NS ? COST_MAX_NS : ns;
}

static bool is_declared(const struct work *work, uint32_t component, int64_t *ret_ns)
{
    const struct tt_cost *cost = &work->costs[component];
    int64_t proven_ns = work->picture->components[component].shape.cost_max_ns;

    if (proven_ns <= 0 && cost->n > 0 && strcmp(cost->origin, "declared") == 0)
        proven_ns = cost->max_ns > cost->quantile_ns ? cost->max_ns : cost->quantile_ns;
    *ret_ns = clamp_cost(proven_ns);
    return proven_ns > 0;
}

/* Enough samples beat a declared maximum for a targeted promise; too few do not. */
static struct work_cost component_cost(const struct work *work, uint32_t component)
{
    const struct tt_cost *cost = &work->costs[component];
    struct work_cost ret = {.is_known = true, .n = UINT64_MAX, .source = "edge"};
    int64_t declared_ns;

    if (work_is_edge(work, component))
        return ret;
    ret.is_declared = is_declared(work, component, &declared_ns);
    ret.mean_ns = cost->n > 0 ? clamp_cost(cost->mean_ns) : declared_ns;
    if (ret.is_declared) {
        ret.cost_ns = declared_ns;
        ret.source = "declared";
        return ret;
    }
    ret.is_known = cost->n > 0;
    ret.n = cost->n;
    ret.cost_ns = ret.is_known ? clamp_cost(cost->quantile_ns) : 0;
    ret.source = ret.is_known ? "profile" : "unknown";
    if (ret.is_known && cost->origin[0])
        ret.source = cost->origin;
    return ret;
}

static int64_t activations_of(const struct work *work, uint32_t component)
{
    uint32_t count = work->picture->components[component].ratio_max;

    return count == 0 ? 1 : count;
}

/* The sum of its components', when its own is not known. The quantiles of two learnt costs do not
 * add up to the quantile of their sum: with more than one there is nothing to promise yet. */
static void sum_components(const struct work *work, uint32_t segment, struct work_segment *ret)
{
    uint32_t learnt_count = 0;

    *ret = (struct work_segment){.is_known = true, .n = UINT64_MAX, .source = "components"};
    for (uint32_t n = 0; n < work->picture->component_count; n++) {
        const struct work_cost *cost = &work->cost[n];

        if (work->picture->components[n].segment != segment || work_is_once(work, n))
            continue;
        ret->hops_ns += activations_of(work, n) * work->machine->hop_ns;
        ret->cost_ns = clamp_cost(ret->cost_ns + activations_of(work, n) * cost->cost_ns);
        ret->mean_ns = clamp_cost(ret->mean_ns + activations_of(work, n) * cost->mean_ns);
        ret->is_known &= cost->is_known;
        learnt_count += !work_is_edge(work, n) && !cost->is_declared;
        if (cost->n < ret->n)
            ret->n = cost->n;
    }
    if (learnt_count > 1 || !ret->is_known)
        ret->n = 0;
    if (learnt_count == 0)
        ret->source = "declared";
}

static void segment_cost(const struct work *work, uint32_t segment, struct work_segment *ret)
{
    const struct tt_cost *own = &work->segment_costs[segment];

    sum_components(work, segment, ret);
    if (own->n == 0 || ret->n == UINT64_MAX || is_part(work, segment))
        return;
    ret->cost_ns = clamp_cost(own->quantile_ns);
    ret->mean_ns = clamp_cost(own->mean_ns);
    for (uint32_t n = 0; n < TT_WINDOWS; n++)
        ret->window_ns[n] = clamp_cost(own->window_ns[n]);
    ret->n = own->n;
    ret->is_known = ret->is_whole = true;
    ret->source = own->origin[0] ? own->origin : "profile";
}

void work_costs(struct work *work)
{
    const struct tt_picture *picture = work->picture;

    for (uint32_t n = 0; n < picture->component_count; n++) {
        work->cost[n] = component_cost(work, n);
        terms_add(&work->terms, "cost", picture->components[n].name, work->cost[n].cost_ns, "ns",
                  work->cost[n].source);
    }
    for (uint32_t n = 0; n < picture->segment_count; n++) {
        segment_cost(work, n, &work->segment[n]);
        terms_add(&work->terms, "segment cost", picture->segments[n].name, work->segment[n].cost_ns,
                  "ns", work->segment[n].is_known ? work->segment[n].source : "unknown");
        terms_add(&work->terms, "hops", picture->segments[n].name, work->segment[n].hops_ns, "ns",
                  "measured");
    }
}

/* One segment alone, whose components all together are done within its period. */
static void set_in_turn(struct work *work)
{
    const struct tt_picture *picture = work->picture;
    uint32_t count = 0, only = 0;
    int64_t sum_ns = 0;

    for (uint32_t n = 0; n < picture->segment_count; n++)
        if (work_is_lasting(work, n)) {
            count++;
            only = n;
        }
    for (uint32_t n = 0; count == 1 && n < picture->component_count; n++)
        if (picture->components[n].segment == only && !work_is_edge(work, n))
            sum_ns += activations_of(work, n) * (work->cost[n].cost_ns + work->machine->hop_ns);
    if (count == 1)
        work->tasks[only].is_in_turn = sum_ns < tt_index_ns(1, picture->segments[only].rate);
}

/* A chain runs on one worker, so nothing of its deadline is set aside for others: what runs before
 * it and after it is in the same demand. */
void work_tasks(struct work *work)
{
    const struct tt_picture *picture = work->picture;

    for (uint32_t n = 0; n < picture->segment_count; n++) {
        struct demand_task *task = &work->tasks[n];
        const struct work_segment *segment = &work->segment[n];

        *task = (struct demand_task){.rate = work_is_here(work, n) ? picture->segments[n].rate
                                                                   : (struct tt_rational){0, 1},
                                     .cost_ns = segment->cost_ns + segment->hops_ns,
                                     .is_whole = segment->is_whole,
                                     .deadline_ns = INT64_MAX};
        for (uint32_t k = 0; k < TT_WINDOWS && segment->window_ns[k] > 0; k++)
            task->window_ns[k] = segment->window_ns[k] + (segment->hops_ns << (k + 1));
        for (uint32_t c = 0; c < picture->component_count; c++) {
            if (picture->components[c].segment != n ||
                (work->worker_of && work->worker_of[c] != work->worker))
                continue;
            if (work->jitter_ns[c] > task->jitter_ns && !work_is_edge(work, c))
                task->jitter_ns = work->jitter_ns[c];
            if (work->cost[c].cost_ns > task->block_ns && !work_is_once(work, c))
                task->block_ns = work->cost[c].cost_ns;
            if (work->until_ns[c] < task->deadline_ns)
                task->deadline_ns = work->until_ns[c];
        }
        for (uint32_t f = 0; f < picture->flow_count; f++) {
            const struct tt_picture_flow *flow = &picture->flows[f];

            if (picture->components[flow->to].segment == n && is_passing(work, flow) &&
                work->jitter_ns[flow->from] > task->jitter_ns)
                task->jitter_ns = work->jitter_ns[flow->from];
        }
        if (task->deadline_ns == INT64_MAX) /* a segment without components */
            task->deadline_ns = picture->deadline_ns;
    }
    set_in_turn(work);
    work->set = (struct demand_set){.tasks = work->tasks,
                                    .count = picture->segment_count,
                                    .wake_ns = work->machine->wake_ns,
                                    .hand_off_ns = work->machine->hop_ns};
}
