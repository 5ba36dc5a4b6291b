/* How many frames each flow's queue holds: a burst of its producer, what a join's input has to keep
 * while another input is not there yet, and of coded frames all that is still in time. */
#include "spec/depths.h"

#include <errno.h>

#include "spec/picture_build.h"
#include "tactus/format.h"

static uint32_t burst(const struct tt_picture *picture, const struct tt_picture_flow *flow)
{
    uint32_t out_max = picture->components[flow->from].shape.out_max[flow->from_out];

    return out_max > 1 ? out_max : 1;
}

/* The longest path from an origin; inputs that come once are always there. */
int64_t spec_latest_input_ns(const struct tt_picture *picture,
                             const struct tt_picture_component *component)
{
    int64_t latest_ns = 0;

    for (uint32_t n = 0; n < component->in_count; n++) {
        const struct tt_picture_flow *flow = &picture->flows[component->in[n].flow];
        int64_t ns = picture->components[flow->from].structural_ns;

        if (flow->format.rate.num > 0 && ns > latest_ns)
            latest_ns = ns;
    }
    return latest_ns;
}

static int64_t frames_in(const struct tt_picture_flow *flow, int64_t time_ns)
{
    return tt_muldiv(time_ns, flow->format.rate.num, flow->format.rate.den * 1000000000);
}

/* Beside the frame that is being taken and a burst a queue keeps what comes while its consumer need
 * not run by the plan, and at a join what comes before the input of the longest latency. */
static int64_t own_depth(const struct tt_picture *picture, const struct tt_picture_flow *flow,
                         int64_t latest_ns, int64_t wait_ns)
{
    const struct tt_picture_component *to = &picture->components[flow->to];
    int64_t early_ns = latest_ns - picture->components[flow->from].structural_ns;
    int64_t least = burst(picture, flow) + 1, early = 0, waiting = 0;

    if (flow->format.rate.num <= 0)
        return least;
    if (to->in_count > 1 && !(to->flags & TT_SEPARATE) && early_ns > 0)
        early = frames_in(flow, early_ns) + 1;
    if (wait_ns > 0)
        waiting = frames_in(flow, wait_ns);
    return least + (waiting > early ? waiting : early);
}

/* A coded frame that a full queue pushes out costs all that follow up to the next key frame. All
 * that is not late yet has room: who is served before the deadline loses none. */
static uint32_t coded_depth(const struct tt_picture *picture, const struct tt_picture_flow *flow)
{
    const struct tt_picture_component *to = &picture->components[flow->to];
    int64_t deadline_ns = to->is_sink ? to->deadline_ns : picture->deadline_ns, depth;

    if (!picture->is_live || flow->format.rate.num <= 0 ||
        (flow->format.kind != TT_CODED_VIDEO && flow->format.kind != TT_CODED_AUDIO))
        return 0;
    depth = frames_in(flow, deadline_ns) + 1 + 2;
    return depth > SPEC_DEPTH_MAX ? SPEC_DEPTH_MAX : (uint32_t)depth;
}

int tt_picture_depths(struct tt_picture *picture, const int64_t *wait_ns, struct tt_error *err)
{
    const int64_t most = wait_ns ? TT_DEPTH_MAX : SPEC_DEPTH_MAX;
    int r = 0;

    for (uint32_t n = 0; n < picture->flow_count; n++) {
        struct tt_picture_flow *flow = &picture->flows[n];
        const struct tt_picture_component *to = &picture->components[flow->to];
        int64_t depth =
            own_depth(picture, flow, spec_latest_input_ns(picture, to), wait_ns ? wait_ns[n] : 0);
        uint32_t coded = coded_depth(picture, flow);

        if (depth > most && r == 0)
            r = tt_fail(err, -E2BIG,
                        "'%s.%s' would have to queue %ld frames, at most %d are: give its inputs "
                        "paths of like latency",
                        to->name, to->in[flow->to_in].name, (long)depth, (int)most);
        flow->depth = (uint32_t)(depth > most ? most : depth);
        flow->depth = coded > flow->depth ? coded : flow->depth;
    }
    return r;
}
