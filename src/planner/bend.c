/* A copy of a picture that is changed as shaping a changed service would change it. */
#include "planner/bend.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tactus/format.h"

static void *copy_of(const void *data, size_t bytes)
{
    void *copy = malloc(bytes ? bytes : 1);

    if (copy && bytes > 0)
        memcpy(copy, data, bytes);
    return copy;
}

int bend_open(const struct tt_picture *picture, struct bent *ret)
{
    struct tt_picture *copy = &ret->picture;

    *copy = *picture;
    copy->components =
        copy_of(picture->components, picture->component_count * sizeof(*picture->components));
    copy->flows = copy_of(picture->flows, picture->flow_count * sizeof(*picture->flows));
    copy->segments =
        copy_of(picture->segments, picture->segment_count * sizeof(*picture->segments));
    if (copy->components && copy->flows && copy->segments)
        return 0;
    bend_close(ret);
    return -ENOMEM;
}

void bend_close(struct bent *bent)
{
    free(bent->picture.components);
    free(bent->picture.flows);
    free(bent->picture.segments);
    *bent = (struct bent){0};
}

void bend_deadline(struct bent *bent, int64_t deadline_ns)
{
    struct tt_picture *picture = &bent->picture;

    for (uint32_t n = 0; n < picture->component_count; n++)
        if (picture->components[n].deadline_ns == picture->deadline_ns)
            picture->components[n].deadline_ns = deadline_ns;
    picture->deadline_ns = deadline_ns;
}

void bend_sink_deadline(struct bent *bent, uint32_t component, int64_t deadline_ns)
{
    bent->picture.components[component].deadline_ns = deadline_ns;
}

static bool is_same(struct tt_rational a, struct tt_rational b)
{
    return a.den > 0 && b.den > 0 && a.num * b.den == b.num * a.den;
}

void bend_loss(struct bent *bent, struct tt_rational loss)
{
    struct tt_picture *picture = &bent->picture;

    for (uint32_t n = 0; n < picture->component_count; n++)
        if (is_same(picture->components[n].loss, picture->loss))
            picture->components[n].loss = loss;
    picture->loss = loss;
}

static void follow_rate(struct tt_rational *at, struct tt_rational old, struct tt_rational new)
{
    if (is_same(*at, old))
        *at = new;
}

void bend_rate(struct bent *bent, struct tt_rational rate)
{
    struct tt_picture *picture = &bent->picture;
    struct tt_rational old = picture->rate;

    for (uint32_t n = 0; n < picture->component_count; n++) {
        struct tt_picture_component *component = &picture->components[n];

        follow_rate(&component->rate, old, rate);
        for (uint32_t pin = 0; pin < component->in_count; pin++)
            follow_rate(&component->in_format[pin].rate, old, rate);
        for (uint32_t pin = 0; pin < component->out_count; pin++)
            follow_rate(&component->shape.out[pin].rate, old, rate);
    }
    for (uint32_t n = 0; n < picture->flow_count; n++)
        follow_rate(&picture->flows[n].format.rate, old, rate);
    for (uint32_t n = 0; n < picture->segment_count; n++)
        follow_rate(&picture->segments[n].rate, old, rate);
    picture->rate = rate;
}

/* Even, as chroma planes want it. */
uint32_t bend_side(uint32_t side, uint32_t part, uint32_t whole)
{
    uint32_t less = (uint32_t)((uint64_t)side * part / whole) & ~1u;

    return less < 16 ? (side < 16 ? side : 16) : less;
}

static void bend_format(struct tt_format *format, uint32_t part, uint32_t whole)
{
    if (format->kind != TT_VIDEO && format->kind != TT_CODED_VIDEO)
        return;
    format->width = bend_side(format->width, part, whole);
    format->height = bend_side(format->height, part, whole);
}

void bend_size(struct bent *bent, uint32_t part, uint32_t whole)
{
    struct tt_picture *picture = &bent->picture;

    for (uint32_t n = 0; n < picture->component_count; n++) {
        struct tt_picture_component *component = &picture->components[n];

        for (uint32_t pin = 0; pin < component->in_count; pin++)
            bend_format(&component->in_format[pin], part, whole);
        for (uint32_t pin = 0; pin < component->out_count; pin++) {
            struct tt_format *out = &component->shape.out[pin];

            bend_format(out, part, whole);
            if (out->kind == TT_VIDEO)
                component->shape.bytes_max[pin] = (uint32_t)tt_muldiv(
                    component->shape.bytes_max[pin], (int64_t)part * part, (int64_t)whole * whole);
        }
    }
    for (uint32_t n = 0; n < picture->flow_count; n++) {
        struct tt_picture_flow *flow = &picture->flows[n];

        bend_format(&flow->format, part, whole);
        flow->bytes_max = picture->components[flow->from].shape.bytes_max[flow->from_out];
    }
}

/* Places behind the one that went move up. */
static uint32_t moved(uint32_t place, uint32_t gone)
{
    return place > gone ? place - 1 : place;
}

static void feed_past(struct tt_picture *picture, uint32_t component, uint32_t feeder)
{
    const struct tt_picture_flow *in = &picture->flows[feeder];

    for (uint32_t n = 0; n < picture->flow_count; n++) {
        struct tt_picture_flow *flow = &picture->flows[n];

        if (flow->from != component)
            continue;
        flow->from = in->from;
        flow->from_out = in->from_out;
        flow->format = in->format;
        flow->bytes_max = in->bytes_max;
        picture->components[flow->to].in_format[flow->to_in] = in->format;
    }
}

void bend_without(struct bent *bent, uint32_t component)
{
    struct tt_picture *picture = &bent->picture;
    uint32_t feeder = (uint32_t)picture->components[component].in[0].flow;

    feed_past(picture, component, feeder);
    picture->flow_count--;
    memmove(&picture->flows[feeder], &picture->flows[feeder + 1],
            (picture->flow_count - feeder) * sizeof(*picture->flows));
    picture->component_count--;
    memmove(&picture->components[component], &picture->components[component + 1],
            (picture->component_count - component) * sizeof(*picture->components));
    for (uint32_t n = 0; n < picture->flow_count; n++) {
        struct tt_picture_flow *flow = &picture->flows[n];

        flow->from = moved(flow->from, component);
        flow->to = moved(flow->to, component);
        picture->components[flow->to].in[flow->to_in].flow = (int32_t)n;
    }
    for (uint32_t n = 0; n < picture->segment_count; n++)
        picture->segments[n].head = moved(picture->segments[n].head, component);
}
