/* Paths through a picture: which sinks a component reaches, and when it must be done. */
#include <errno.h>
#include <string.h>

#include "base/join.h"
#include "planner/work.h"
#include "tactus/format.h"

/* An edge hands over at its own pace; what it brings is released within this of its index. */
enum { EDGE_JITTER_NS = 1000000 };

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

int64_t work_lag_ns(const struct tt_picture *picture, const struct tt_picture_flow *flow)
{
    const struct tt_picture_component *to = &picture->components[flow->to];
    bool is_join = to->in_count > 1 && (to->flags & TT_SEPARATE) == 0;

    if (!is_join || to->in[flow->to_in].is_leader || flow->format.kind != TT_VIDEO ||
        flow->format.rate.num <= 0 || to->rate.num <= 0 || !is_rate(to->rate) ||
        !is_rate(flow->format.rate))
        return 0;
    return tt_join_lag_ns(to->rate, flow->format.rate);
}

/* From the sources down: what an edge brings late is late for all behind it, whatever segment that
 * is in, and so is what a join waits for. */
static void jitters(struct work *work)
{
    const struct tt_picture *picture = work->picture;

    for (uint32_t n = 0; n < picture->component_count; n++) {
        const struct tt_picture_component *component = &picture->components[n];
        bool is_brought = component->in_count == 0 && work_is_edge(work, n);

        work->jitter_ns[n] = is_brought && !work_is_once(work, n) ? EDGE_JITTER_NS : 0;
        if (work->worker_of && work->worker_of[n] != work->worker && work->given_ns[n] > 0) {
            work->jitter_ns[n] = work->given_ns[n]; /* whatever it is made of */
            continue;
        }
        for (uint32_t k = 0; k < component->in_count; k++) {
            const struct tt_picture_flow *flow =
                component->in[k].flow < 0 ? NULL : &picture->flows[component->in[k].flow];
            int64_t jitter_ns = flow ? work->jitter_ns[flow->from] + work_lag_ns(picture, flow) : 0;

            if (jitter_ns > work->jitter_ns[n])
                work->jitter_ns[n] = jitter_ns;
        }
    }
}

bool work_is_inner(const struct tt_picture *picture, uint32_t component)
{
    const struct tt_picture_component *self = &picture->components[component];

    return self->in_count > 0 && self->out_count > 0 && !self->is_sink && self->sink < 0;
}

/* Does each release of one come with one of the other, at the same index? */
static bool is_of_one_rate(const struct tt_picture *picture, const struct tt_picture_flow *flow)
{
    struct tt_rational from = picture->components[flow->from].rate;
    struct tt_rational to = picture->components[flow->to].rate;

    return (__int128)from.num * to.den == (__int128)to.num * from.den;
}

/* The deadlines that the demand counts with, without structural latency. Along one rate a release
 * that is due early is so for what follows it in the same release, which the demand holds too:
 * whoever is served before another for that sake leaves that one as much later. Where the rate
 * changes most releases have nothing behind them, and are served all the same: they count with the
 * time at which they are due. */
static void until(struct work *work, const struct tt_picture_flow *flow, int64_t lag_ns)
{
    const struct tt_picture *picture = work->picture;
    int64_t *until_ns = work->until_ns, *end_ns = work->end_ns;
    int64_t begin_ns = end_ns[flow->to] - work->cost[flow->to].cost_ns - lag_ns, sooner_ns;
    int64_t most_ns = is_of_one_rate(picture, flow) ? until_ns[flow->to] - lag_ns : begin_ns;

    if (begin_ns < end_ns[flow->from])
        end_ns[flow->from] = begin_ns;
    if (most_ns < until_ns[flow->from])
        until_ns[flow->from] = most_ns;
    sooner_ns = work->ahead_ns[flow->to] + until_ns[flow->to] - most_ns;
    if (sooner_ns > work->ahead_ns[flow->from])
        work->ahead_ns[flow->from] = sooner_ns;
}

/* What it owes to others that wait for it elsewhere ends a component's time sooner. */
static void limit(struct work *work, uint32_t n)
{
    int64_t most_ns = work->owed_ns ? work->owed_ns[n] : INT64_MAX;
    int64_t structural_ns = work->picture->components[n].structural_ns;

    if (most_ns >= work->end_ns[n])
        return;
    work->end_ns[n] = work->until_ns[n] = most_ns;
    if (most_ns + structural_ns < work->plan->due_offset_ns[n])
        work->plan->due_offset_ns[n] = most_ns + structural_ns;
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
        work->until_ns[n] = work->end_ns[n] = is_end ? deadline_of(work, n) : INT64_MAX;
    }
    /* Flows go forward only, so each component is complete before those that feed it. */
    for (uint32_t n = picture->component_count; n-- > 0;) {
        int64_t need_ns = work->cost[n].cost_ns, feeder_ns;

        if (due_ns[n] == INT64_MAX) { /* feeds nothing: its outputs are discarded */
            due_ns[n] = deadline_of(work, n) + picture->components[n].structural_ns;
            work->until_ns[n] = work->end_ns[n] = deadline_of(work, n);
        }
        limit(work, n);
        /* An activation gives what came so much earlier, and is due with that. */
        if (work_is_inner(picture, n))
            due_ns[n] -= picture->components[n].shape.latency_ns;
        else
            need_ns += picture->components[n].shape.latency_ns;
        feeder_ns = due_ns[n] > need_ns ? due_ns[n] - need_ns : 0;
        for (uint32_t f = 0; f < picture->flow_count; f++) {
            uint32_t from = picture->flows[f].from;
            int64_t lag_ns;

            if (picture->flows[f].to != n)
                continue;
            lag_ns = work_lag_ns(picture, &picture->flows[f]);
            if (feeder_ns - lag_ns < due_ns[from])
                due_ns[from] = feeder_ns > lag_ns ? feeder_ns - lag_ns : 0;
            until(work, &picture->flows[f], lag_ns);
        }
    }
}

/* The cost of the longest path that ends before a component. */
static void before_ns(struct work *work)
{
    const struct tt_picture *picture = work->picture;

    for (uint32_t f = 0; f < picture->flow_count; f++)
        work->before_ns[picture->flows[f].to] = 0;
    for (uint32_t n = 0; n < picture->component_count; n++)
        for (uint32_t f = 0; f < picture->flow_count; f++) {
            const struct tt_picture_flow *flow = &picture->flows[f];
            int64_t path_ns = work->before_ns[flow->from] + work->cost[flow->from].cost_ns +
                              work->machine->hop_ns;

            if (flow->to == n && path_ns > work->before_ns[n])
                work->before_ns[n] = path_ns;
        }
}

/* When all inputs of a join are there that come from outside its worker; what that makes of them
 * itself is served by their due times. Whoever wakes the worker for them is late, too. */
static int64_t inputs_by_ns(const struct work *work, uint32_t n)
{
    const struct tt_picture *picture = work->picture;
    const struct tt_picture_component *component = &picture->components[n];
    int64_t latest_ns = 0;

    for (uint32_t k = 0; component->in_count > 1 && k < component->in_count; k++) {
        const struct tt_picture_flow *flow =
            component->in[k].flow < 0 ? NULL : &picture->flows[component->in[k].flow];
        int64_t ns;

        if (!flow || flow->format.rate.num <= 0)
            continue;
        ns = picture->components[flow->from].structural_ns + work->jitter_ns[flow->from] +
             work_lag_ns(picture, flow) + work->machine->wake_ns;
        latest_ns = ns > latest_ns ? ns : latest_ns;
    }
    return latest_ns;
}

/* A consumer may be so much later than its producer, and has queued what came meanwhile; with no
 * room for it the producer would go behind, and with it all that it feeds besides. */
static int64_t behind_ns(const struct work *work, const struct tt_picture_flow *flow)
{
    const struct tt_picture_component *to = &work->picture->components[flow->to];
    int64_t begin_ns = work->plan->due_offset_ns[flow->to] - work->cost[flow->to].cost_ns;

    if (work_is_edge(work, flow->from) || work_is_edge(work, flow->to))
        return 0;
    if (!work_is_inner(work->picture, flow->to))
        begin_ns -= to->shape.latency_ns;
    return begin_ns - work->plan->due_offset_ns[flow->from];
}

static void waits(struct work *work)
{
    const struct tt_picture *picture = work->picture;

    for (uint32_t n = 0; picture->is_live && n < picture->flow_count; n++) {
        const struct tt_picture_flow *flow = &picture->flows[n];
        bool is_joined = (picture->components[flow->to].flags & TT_SEPARATE) == 0;
        int64_t *wait_ns = &work->plan->wait_ns[n], late_ns = 0;

        if (is_joined)
            late_ns = inputs_by_ns(work, flow->to) - picture->components[flow->from].structural_ns;
        *wait_ns = behind_ns(work, flow);
        *wait_ns = *wait_ns > late_ns ? *wait_ns : late_ns;
        *wait_ns = *wait_ns > 0 && !work_is_once(work, flow->from) ? *wait_ns : 0;
    }
}

void work_offsets(struct work *work)
{
    jitters(work);
    due_offsets(work);
    waits(work);
    before_ns(work);
    work_fire_early(work);
    /* Learnt costs get a quarter more before they count as overrun; a declared maximum is one. */
    for (uint32_t n = 0; n < work->picture->component_count; n++) {
        int64_t cost_ns = work->cost[n].cost_ns;

        work->plan->budget_of_ns[n] = work->cost[n].is_declared ? cost_ns : cost_ns + cost_ns / 4;
    }
}
