/* Which frames an input may take with it when it stays away: those that it leads. */
#include "vanish.h"

#include "check.h"
#include "picture.h"

static bool is_joined(const struct tt_picture *picture, const struct tt_picture_flow *flow)
{
    const struct tt_picture_component *to = &picture->components[flow->to];

    return to->in_count > 1 && !to->in[flow->to_in].is_leader;
}

static void mark(const struct tt_picture *picture, uint32_t source, bool *led)
{
    led[source] = true;
    for (uint32_t n = source; n < picture->component_count; n++)
        for (uint32_t f = 0; f < picture->flow_count; f++) {
            const struct tt_picture_flow *flow = &picture->flows[f];

            if (flow->to == n && led[flow->from] && !is_joined(picture, flow))
                led[n] = true;
        }
}

int32_t vanish_find(const struct tt_picture *picture)
{
    for (uint32_t n = 0; n < picture->component_count; n++) {
        bool led[PICTURE_COMPONENTS] = {false};

        if (!(picture->components[n].flags & TT_EDGE) || picture->components[n].in_count > 0)
            continue;
        mark(picture, n, led);
        for (uint32_t f = 0; f < picture->flow_count; f++) {
            const struct tt_picture_flow *flow = &picture->flows[f];

            if (led[flow->from] && !led[flow->to] && is_joined(picture, flow))
                return (int32_t)n;
        }
    }
    return -1;
}

bool vanish_leaves(const struct tt_picture *picture, uint32_t source, uint32_t sink)
{
    bool led[PICTURE_COMPONENTS] = {false};

    mark(picture, source, led);
    for (uint32_t n = 0; n < picture->component_count; n++)
        if (picture->components[n].sink == (int32_t)sink)
            return !led[n];
    CHECK(!"the sink is in the picture");
    return false;
}
