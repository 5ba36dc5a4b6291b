/* What follows once all formats are known: rates, latencies, queues, segments, sinks. */
#include <string.h>

#include "base/assert.h"
#include "spec/build.h"
#include "spec/depths.h"
#include "spec/picture_build.h"
#include "tactus/format.h"

static const uint32_t no_segment = UINT32_MAX;

static bool has_output(const struct tt_picture *picture, uint32_t component)
{
    for (uint32_t n = 0; n < picture->flow_count; n++)
        if (picture->flows[n].from == component)
            return true;
    return false;
}

static const struct tt_picture_flow *leading_flow(const struct tt_picture *picture,
                                                  const struct tt_picture_component *component)
{
    for (uint32_t n = 0; n < component->in_count; n++)
        if (component->in[n].is_leader)
            return &picture->flows[component->in[n].flow];
    return NULL;
}

static bool is_fed(const struct tt_picture *picture, uint32_t component, uint32_t output)
{
    for (uint32_t n = 0; n < picture->flow_count; n++)
        if (picture->flows[n].from == component && picture->flows[n].from_out == output)
            return true;
    return false;
}

static struct tt_rational source_rate(const struct tt_picture *picture, uint32_t place)
{
    const struct tt_picture_component *component = &picture->components[place];

    for (uint32_t n = 0; n < component->out_count; n++)
        if (component->shape.out[n].rate.num > 0 && is_fed(picture, place, n))
            return component->shape.out[n].rate;
    return (struct tt_rational){0, 1};
}

static void derive_rate(struct tt_picture *picture, uint32_t place)
{
    struct tt_picture_component *component = &picture->components[place];
    const struct tt_picture_flow *leader = leading_flow(picture, component);

    component->is_source = component->in_count == 0;
    component->is_sink = !has_output(picture, place);
    if (component->is_source)
        component->rate = source_rate(picture, place);
    else if (leader)
        component->rate = leader->format.rate;
    else
        component->rate =
            component->shape.clock_rate.den > 0 ? component->shape.clock_rate : picture->rate;
}

static uint32_t new_segment(struct tt_picture *picture, uint32_t head, struct tt_rational rate)
{
    struct tt_picture_segment *segment = &picture->segments[picture->segment_count];

    memcpy(segment->name, picture->components[head].name, TT_NAME_BYTES);
    segment->head = head;
    segment->rate = rate;
    return picture->segment_count++;
}

static bool is_edge_source(const struct tt_picture_component *component)
{
    return component->is_source && (component->flags & TT_EDGE) != 0;
}

/* What an edge reads arrives by output, each at its own index: an output is a release of its own.
 * Named after the output where there are several. */
static uint32_t inlet_segment(struct tt_picture *picture, const struct tt_picture_flow *flow)
{
    struct tt_picture_component *source = &picture->components[flow->from];
    char name[TT_NAME_BYTES];
    uint32_t fed_count = 0, made;

    for (uint32_t n = 0; n < source->out_count; n++)
        fed_count += is_fed(picture, flow->from, n);
    if (fed_count > 1)
        (void)tt_format_text(name, sizeof(name), "%s.%s", source->name,
                             source->out[flow->from_out].name);
    else
        memcpy(name, source->name, sizeof(name));
    for (uint32_t n = 0; n < picture->segment_count; n++)
        if (picture->segments[n].head == flow->from && strcmp(picture->segments[n].name, name) == 0)
            return n;
    made = new_segment(picture, flow->from, flow->format.rate);
    memcpy(picture->segments[made].name, name, sizeof(name));
    if (source->segment == no_segment)
        source->segment = made;
    return made;
}

/* A component runs with what feeds it, unless at another rate: behind a component that cuts frames
 * anew, say, it would count in releases in which it does not run. Edges are no load of the worker.
 */
static void derive_segment(struct tt_picture *picture, uint32_t place)
{
    struct tt_picture_component *component = &picture->components[place];
    const struct tt_picture_flow *leader = leading_flow(picture, component);
    const struct tt_picture_component *feeder = leader ? &picture->components[leader->from] : NULL;

    component->segment = no_segment;
    if (component->rate.num <= 0 || is_edge_source(component))
        return;
    if (feeder && is_edge_source(feeder))
        component->segment = inlet_segment(picture, leader);
    else if (feeder && ((component->flags & TT_EDGE) != 0 ||
                        spec_compare_rates(component->rate, feeder->rate) == 0))
        component->segment = feeder->segment;
    else
        component->segment = new_segment(picture, place, component->rate);
}

/* What runs once belongs to whom it feeds, in the end to anybody. */
static void adopt(struct tt_picture *picture)
{
    for (uint32_t n = picture->flow_count; n-- > 0;) {
        const struct tt_picture_flow *flow = &picture->flows[n];

        if (picture->components[flow->from].segment == no_segment)
            picture->components[flow->from].segment = picture->components[flow->to].segment;
    }
    if (picture->segment_count == 0)
        (void)new_segment(picture, 0, picture->components[0].rate);
    for (uint32_t n = 0; n < picture->component_count; n++)
        if (picture->components[n].segment == no_segment)
            picture->components[n].segment = 0;
}

static uint32_t ratio_of(struct tt_rational rate, struct tt_rational release)
{
    __int128 above = (__int128)rate.num * release.den, below = (__int128)release.num * rate.den;

    if (above == 0 || below == 0)
        return 1;
    above = (above + below - 1) / below;
    return above > UINT32_MAX ? UINT32_MAX : (uint32_t)above;
}

static void derive_sink(struct tt_picture *picture, struct tt_picture_component *component,
                        const struct tt_service *service)
{
    uint32_t at = spec_component(service, component->name);

    component->sink = -1;
    component->path_structural_ns = 0;
    if (!component->is_sink)
        return;
    component->deadline_ns = picture->deadline_ns;
    component->loss = picture->loss;
    component->path_structural_ns = component->structural_ns;
    if (at < service->component_count && service->components[at].deadline_ns > 0)
        component->deadline_ns = service->components[at].deadline_ns;
    if (at < service->component_count && service->components[at].loss.den > 0)
        component->loss = service->components[at].loss;
    if (component->in_count == 0)
        return;
    component->sink = (int32_t)picture->sink_count;
    picture->sink_count += component->in_count;
}

int spec_derive(struct tt_picture *picture, const struct tt_service *service, struct tt_error *err)
{
    tt_assert(picture->component_count > 0);
    for (uint32_t n = 0; n < picture->component_count; n++) {
        struct tt_picture_component *component = &picture->components[n];

        derive_rate(picture, n);
        component->structural_ns =
            spec_latest_input_ns(picture, component) + component->shape.latency_ns;
        derive_segment(picture, n);
        derive_sink(picture, component, service);
        if (component->is_source && component->shape.length_ns > picture->length_ns)
            picture->length_ns = component->shape.length_ns;
    }
    adopt(picture);
    for (uint32_t n = 0; n < picture->component_count; n++) {
        struct tt_picture_component *component = &picture->components[n];

        component->ratio_max =
            ratio_of(component->rate, picture->segments[component->segment].rate);
    }
    return tt_picture_depths(picture, NULL, err);
}
