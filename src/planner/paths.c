/* Paths through a picture: which sinks a component reaches, and when it must be done. */
#include <errno.h>
#include <string.h>

#include "planner/work.h"

#define DAY_NS ((int64_t)86400 * 1000000000)

static bool is_rate(struct tt_rational rate)
{
    return rate.den > 0 && rate.num >= 0 && rate.den <= 1000000000 && rate.num <= 1000000000;
}

static int check_component(const struct tt_picture *picture, uint32_t n, struct tt_error *err)
{
    const struct tt_picture_component *component = &picture->components[n];

    if (component->segment >= picture->segment_count)
        return tt_fail(err, -EINVAL, "component `%s` is in segment %u of %u", component->name,
                       component->segment, picture->segment_count);
    if (component->in_count > TT_PORTS_MAX || component->out_count > TT_PORTS_MAX)
        return tt_fail(err, -EINVAL, "component `%s` has more ports than there can be",
                       component->name);
    for (uint32_t k = 0; k < component->in_count; k++) {
        int32_t flow = component->in[k].flow;

        if (flow >= 0 && ((uint32_t)flow >= picture->flow_count || picture->flows[flow].to != n))
            return tt_fail(err, -EINVAL, "input `%s` of `%s` names a flow that is not its own",
                           component->in[k].name, component->name);
    }
    if (component->deadline_ns < 0 || component->deadline_ns > DAY_NS ||
        component->structural_ns < 0 || component->structural_ns > DAY_NS ||
        component->path_structural_ns < 0 || component->path_structural_ns > DAY_NS ||
        component->shape.latency_ns < 0 || component->shape.latency_ns > DAY_NS)
        return tt_fail(err, -EINVAL, "component `%s` has a time below 0 or above a day",
                       component->name);
    if (component->sink >= 0 &&
        (uint32_t)component->sink + component->in_count > picture->sink_count)
        return tt_fail(err, -EINVAL, "sink `%s` is beyond the %u sinks there are", component->name,
                       picture->sink_count);
    return 0;
}

int work_check_picture(const struct tt_picture *picture, struct tt_error *err)
{
    int r;

    if (picture->deadline_ns <= 0 || picture->deadline_ns > DAY_NS)
        return tt_fail(err, -EINVAL, "service `%s` has no deadline", picture->name);
    for (uint32_t n = 0; n < picture->flow_count; n++)
        if (picture->flows[n].from >= picture->flows[n].to ||
            picture->flows[n].to >= picture->component_count)
            return tt_fail(err, -EINVAL, "flow %u goes from component %u to %u: not in order", n,
                           picture->flows[n].from, picture->flows[n].to);
    for (uint32_t n = 0; n < picture->segment_count; n++)
        if (picture->segments[n].head >= picture->component_count ||
            !is_rate(picture->segments[n].rate))
            return tt_fail(err, -EINVAL, "segment `%s` has no head or no rate",
                           picture->segments[n].name);
    for (uint32_t n = 0; n < picture->component_count; n++) {
        r = check_component(picture, n, err);
        if (r < 0)
            return r;
    }
    return 0;
}

static bool is_of_sink(const struct tt_picture_component *component, uint32_t sink)
{
    return component->sink >= 0 && sink >= (uint32_t)component->sink &&
           sink - (uint32_t)component->sink < component->in_count;
}

static void mark_feeders(struct work *work, const struct tt_picture_pin *pin)
{
    if (pin->flow >= 0)
        work->mark[work->picture->flows[pin->flow].from] = true;
}

uint32_t work_mark_sink(struct work *work, uint32_t sink)
{
    const struct tt_picture *picture = work->picture;
    uint32_t found = 0;

    memset(work->mark, 0, picture->component_count * sizeof(*work->mark));
    for (uint32_t n = 0; n < picture->component_count; n++) {
        const struct tt_picture_component *component = &picture->components[n];

        if (!is_of_sink(component, sink))
            continue;
        mark_feeders(work, &component->in[sink - (uint32_t)component->sink]);
        found = n;
    }
    for (uint32_t n = picture->component_count; n-- > 0;)
        for (uint32_t k = 0; work->mark[n] && k < picture->components[n].in_count; k++)
            mark_feeders(work, &picture->components[n].in[k]);
    work->mark[found] = true;
    return found;
}

static int64_t deadline_of(const struct work *work, uint32_t component)
{
    int64_t own_ns = work->picture->components[component].deadline_ns;

    return own_ns > 0 ? own_ns : work->picture->deadline_ns;
}

/* From the sinks up: a component must be done early enough for all that runs after it on its way to
 * the nearest sink. */
static void due_offsets(struct work *work)
{
    const struct tt_picture *picture = work->picture;
    int64_t *due_ns = work->plan->due_offset_ns;

    for (uint32_t n = 0; n < picture->component_count; n++) {
        const struct tt_picture_component *component = &picture->components[n];
        bool is_end = component->is_sink || component->sink >= 0 || component->out_count == 0;

        due_ns[n] = is_end ? deadline_of(work, n) + component->path_structural_ns : INT64_MAX;
        work->until_ns[n] = is_end ? deadline_of(work, n) : INT64_MAX;
    }
    /* Flows go forward only, so each component is complete before those that feed it. */
    for (uint32_t n = picture->component_count; n-- > 0;) {
        int64_t need_ns, feeder_ns;

        if (due_ns[n] == INT64_MAX) { /* feeds nothing: its outputs are discarded */
            due_ns[n] = deadline_of(work, n) + picture->components[n].structural_ns;
            work->until_ns[n] = deadline_of(work, n);
        }
        need_ns = work->cost[n].cost_ns + picture->components[n].shape.latency_ns;
        feeder_ns = due_ns[n] > need_ns ? due_ns[n] - need_ns : 0;
        for (uint32_t f = 0; f < picture->flow_count; f++) {
            uint32_t from = picture->flows[f].from;

            if (picture->flows[f].to != n)
                continue;
            if (feeder_ns < due_ns[from])
                due_ns[from] = feeder_ns;
            if (work->until_ns[n] < work->until_ns[from])
                work->until_ns[from] = work->until_ns[n];
        }
    }
}

/* A join waits for its slowest input until half of the time is gone that is left when that input
 * comes at its earliest (structural latency and costs before it) and the join must begin at the
 * latest: one half for the input to be late, the other for what waits behind the join. */
static int64_t fire_offset(const struct work *work, uint32_t n)
{
    const struct tt_picture_component *component = &work->picture->components[n];
    int64_t due_ns = work->plan->due_offset_ns[n], fire_ns;
    int64_t structural_ns = component->structural_ns - component->shape.latency_ns;
    int64_t first_ns = (structural_ns > 0 ? structural_ns : 0) + work->before_ns[n];
    int64_t last_ns = due_ns - work->cost[n].cost_ns;

    fire_ns = first_ns < last_ns ? first_ns + (last_ns - first_ns) / 2 : last_ns;
    if (fire_ns >= due_ns)
        fire_ns = due_ns - 1;
    return fire_ns > 0 ? fire_ns : 0;
}

static void fire_offsets(struct work *work)
{
    const struct tt_picture *picture = work->picture;

    for (uint32_t n = 0; n < picture->component_count; n++) {
        work->before_ns[n] = 0;
        for (uint32_t f = 0; f < picture->flow_count; f++) {
            const struct tt_picture_flow *flow = &picture->flows[f];
            int64_t path_ns = work->before_ns[flow->from] + work->cost[flow->from].cost_ns +
                              work->machine->hop_ns;

            if (flow->to == n && path_ns > work->before_ns[n])
                work->before_ns[n] = path_ns;
        }
        work->plan->fire_offset_ns[n] = fire_offset(work, n);
    }
}

void work_offsets(struct work *work)
{
    due_offsets(work);
    fire_offsets(work);
    /* Learnt costs get a quarter more before they count as overrun; a declared maximum is one. */
    for (uint32_t n = 0; n < work->picture->component_count; n++) {
        int64_t cost_ns = work->cost[n].cost_ns;

        work->plan->budget_of_ns[n] = work->cost[n].is_declared ? cost_ns : cost_ns + cost_ns / 4;
    }
}
