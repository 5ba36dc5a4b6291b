/* Pictures of random services. */
#include "picture.h"

#include "check.h"
#include "spec/picture_build.h"
#include "tactus/format.h"

enum { FRAME_BYTES = 8 };

static struct tt_picture_component *add(struct random_picture *made, const char *kind)
{
    struct tt_picture *picture = &made->picture;
    struct tt_picture_component *component = &picture->components[picture->component_count];

    CHECK(picture->component_count < PICTURE_COMPONENTS);
    (void)snprintf(component->name, sizeof(component->name), "%s%u", kind,
                   picture->component_count);
    (void)snprintf(component->kind, sizeof(component->kind), "%s", kind);
    component->sink = -1;
    picture->component_count++;
    return component;
}

static void add_output(struct tt_picture_component *component, struct tt_rational rate)
{
    struct tt_format *format = &component->shape.out[0];

    component->out_count = 1;
    (void)snprintf(component->out[0].name, TT_NAME_BYTES, "out");
    component->out[0].flow = -1;
    *format = (struct tt_format){.size = sizeof(*format), .kind = TT_VIDEO, .rate = rate};
    component->shape.out_max[0] = 1;
    component->shape.bytes_max[0] = FRAME_BYTES;
}

/* The first input leads, unless the clock does. */
static void connect(struct random_picture *made, uint32_t from, uint32_t to, uint32_t policy,
                    bool is_leader)
{
    struct tt_picture *picture = &made->picture;
    struct tt_picture_component *component = &picture->components[to];
    uint32_t pin = component->in_count++;

    CHECK(picture->flow_count < PICTURE_FLOWS);
    (void)snprintf(component->in[pin].name, TT_NAME_BYTES, "in%u", pin);
    component->in[pin].flow = (int32_t)picture->flow_count;
    component->in[pin].late_policy = policy;
    component->in[pin].in_place_of = -1;
    component->in[pin].is_leader = is_leader;
    component->in_format[pin] = picture->components[from].shape.out[0];
    picture->flows[picture->flow_count++] =
        (struct tt_picture_flow){.from = from,
                                 .to = to,
                                 .to_in = pin,
                                 .format = component->in_format[pin],
                                 .bytes_max = FRAME_BYTES};
}

static void add_sources(struct draw *draw, const struct picture_params *params,
                        struct random_picture *made)
{
    uint32_t count = params->has_bands ? 1 + draw_below(draw, 3) : 1 + draw_below(draw, 3) / 2;

    for (uint32_t n = count; n > 0; n--) {
        struct tt_rational rate = params->rates[draw_below(draw, params->rate_count)];
        struct tt_picture_component *component = add(made, "source");

        /* Joins of different rates are the exception. */
        if (made->picture.component_count > 1 && !params->has_bands && draw_below(draw, 4) > 0)
            rate = made->components[0].shape.out[0].rate;
        add_output(component, rate);
        component->is_live = true;
        if (params->has_edges && draw_below(draw, 3) == 0)
            component->flags |= TT_EDGE;
    }
    made->picture.rate = made->components[0].shape.out[0].rate;
}

/* By numbers of its own, so that a graph with latency is otherwise that of the same seed without.
 */
static int64_t latency_of(struct draw *own, struct tt_rational rate)
{
    return draw_below(own, 3) == 0 ? tt_index_ns(1 + draw_below(own, 3), rate) : 0;
}

/* One of two is there when the second has come. */
static void change_rate(struct draw *own, struct tt_picture_component *component)
{
    struct tt_rational rate = component->in_format[0].rate;
    struct tt_rational *out = &component->shape.out[0].rate;

    if (draw_below(own, 3) > 0)
        return;
    component->shape.latency_ns = 0;
    if (draw_below(own, 2) == 0 && rate.num <= 50 * rate.den) {
        out->num = 2 * rate.num;
        component->shape.out_max[0] = 2;
    } else if (rate.num >= 20 * rate.den) {
        out->den = 2 * rate.den;
        component->shape.latency_ns = tt_index_ns(1, rate);
    }
}

static void add_inner(struct draw *draw, const struct picture_params *params,
                      struct random_picture *made)
{
    struct draw own = {draw->state ^ 0x1a7e};
    struct tt_picture *picture = &made->picture;

    for (uint32_t n = draw_below(draw, 5); n > 0; n--) {
        uint32_t before = picture->component_count, first = draw_below(draw, before);
        bool is_join = before > 1 && draw_below(draw, 3) == 0;
        bool is_clocked = is_join && draw_below(draw, 4) == 0;
        struct tt_picture_component *component = add(made, is_join ? "join" : "pass");

        connect(made, first, before, is_join ? TT_LATE_REPEAT : TT_LATE_KEEP, !is_clocked);
        if (is_join)
            connect(made, draw_below(draw, before), before, TT_LATE_REPEAT, false);
        add_output(component, is_clocked ? picture->rate : component->in_format[0].rate);
        /* Three frames of a slow one are more of a fast one than a queue holds. */
        if (params->has_latency && !is_join &&
            (!params->has_bands || component->in_format[0].rate.num >= 20))
            component->shape.latency_ns = latency_of(&own, component->in_format[0].rate);
        if (params->has_ratio && !is_join)
            change_rate(&own, component);
    }
}

static void add_sinks(struct draw *draw, const struct picture_params *params,
                      struct random_picture *made)
{
    struct tt_picture *picture = &made->picture;
    uint32_t inner = picture->component_count;

    for (uint32_t n = 0; n < inner; n++) {
        struct tt_picture_component *sink;
        bool is_used = false;

        for (uint32_t f = 0; f < picture->flow_count; f++)
            is_used = is_used || picture->flows[f].from == n;
        if (is_used && draw_below(draw, 6) > 0)
            continue;
        sink = add(made, "sink");
        connect(made, n, picture->component_count - 1, TT_LATE_DROP, true);
        if (params->has_edges && draw_below(draw, 3) == 0)
            sink->flags |= TT_EDGE;
    }
}

static int64_t share_ppm(int64_t cost_ns, struct tt_rational rate)
{
    return rate.num > 0 ? tt_muldiv(cost_ns, rate.num, rate.den * 1000) : 0;
}

/* Each component costs a random part of a random share of a CPU. */
static void add_costs(struct draw *draw, const struct picture_params *params,
                      struct random_picture *made)
{
    struct tt_picture *picture = &made->picture;
    int64_t share = draw_between(draw, params->share_max_ppm / 20, params->share_max_ppm);
    int64_t sum_ppm = 0;

    for (uint32_t n = 0; n < picture->component_count; n++) {
        struct tt_picture_component *component = &picture->components[n];

        if (component->flags & TT_EDGE)
            continue;
        component->shape.cost_max_ns = draw_between(draw, 1000, 20000);
        if (draw_below(draw, 4) == 0)
            component->shape.cost_max_ns *= 10;
        sum_ppm += share_ppm(component->shape.cost_max_ns, component->rate);
    }
    for (uint32_t n = 0; n < picture->component_count; n++)
        if (sum_ppm > 0)
            picture->components[n].shape.cost_max_ns =
                tt_muldiv(picture->components[n].shape.cost_max_ns, share, sum_ppm);
}

void picture_draw(struct draw *draw, const struct picture_params *params,
                  struct random_picture *ret)
{
    const struct tt_service nothing = {.component_count = 0};
    struct tt_picture *picture = &ret->picture;
    struct tt_error err = {0};

    memset(ret, 0, sizeof(*ret));
    (void)snprintf(picture->name, sizeof(picture->name), "random");
    picture->components = ret->components;
    picture->flows = ret->flows;
    picture->segments = ret->segments;
    picture->deadline_ns = draw_between(draw, params->deadline_min_ns, params->deadline_max_ns);
    picture->loss = (struct tt_rational){1, 100};
    picture->is_live = true;
    add_sources(draw, params, ret);
    add_inner(draw, params, ret);
    add_sinks(draw, params, ret);
    CHECK_INT(spec_derive(picture, &nothing, &err), 0);
    for (uint32_t n = 0; n < picture->component_count; n++)
        if (picture->components[n].is_sink && draw_below(draw, 4) == 0)
            picture->components[n].deadline_ns =
                draw_between(draw, params->deadline_min_ns, params->deadline_max_ns);
    add_costs(draw, params, ret);
}
