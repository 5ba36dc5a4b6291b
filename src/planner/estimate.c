/* Costs of a changed picture where nothing was measured yet: scaled from the picture that was. */
#include "planner/estimate.h"

#include <string.h>

#include "tactus/format.h"

/* A quarter of a component's cost, but no more than half a millisecond, stays whatever the number
 * of its pixels; the rest goes with it. What is only scaled counts for a quarter more: the
 * measurement that follows may say more. */
enum { FIXED_PART = 4, FIXED_MAX_NS = 500000, MARGIN_PART = 4 };

static int64_t pixels(const struct tt_format *format)
{
    bool is_picture = format->kind == TT_VIDEO || format->kind == TT_CODED_VIDEO;

    return is_picture ? (int64_t)format->width * format->height : 0;
}

static int64_t pixels_of(const struct tt_picture_component *component)
{
    int64_t sum = 0;

    for (uint32_t n = 0; n < component->in_count; n++)
        sum += pixels(&component->in_format[n]);
    for (uint32_t n = 0; n < component->out_count; n++)
        sum += pixels(&component->shape.out[n]);
    return sum;
}

static int64_t scale(int64_t ns, int64_t now, int64_t before)
{
    int64_t fixed_ns = ns / FIXED_PART < FIXED_MAX_NS ? ns / FIXED_PART : FIXED_MAX_NS;

    if (before > 0 && now > 0)
        ns = fixed_ns + tt_muldiv(ns - fixed_ns, now, before);
    return ns + ns / MARGIN_PART;
}

static void scale_component(const struct tt_cost *known, int64_t now, int64_t before,
                            struct tt_cost *ret)
{
    *ret = *known;
    ret->mean_ns = scale(known->mean_ns, now, before);
    ret->quantile_ns = scale(known->quantile_ns, now, before);
    ret->max_ns = scale(known->max_ns, now, before);
    if (known->n > 0 && strcmp(known->origin, "declared") != 0)
        memcpy(ret->origin, "scaled", sizeof("scaled"));
}

static const struct tt_picture_component *find_component(const struct tt_picture *picture,
                                                         const char *name)
{
    for (uint32_t n = 0; n < picture->component_count; n++)
        if (strcmp(picture->components[n].name, name) == 0)
            return &picture->components[n];
    return NULL;
}

static uint32_t find_segment(const struct tt_picture *picture, const char *name)
{
    uint32_t n = 0;

    while (n < picture->segment_count && strcmp(picture->segments[n].name, name) != 0)
        n++;
    return n;
}

static int64_t mean_of(const struct costs_of *costs, uint32_t segment)
{
    int64_t sum_ns = 0;

    for (uint32_t n = 0; n < costs->picture->component_count; n++) {
        const struct tt_picture_component *component = &costs->picture->components[n];

        if (component->segment == segment && !(component->flags & TT_EDGE))
            sum_ns +=
                costs->components[n].mean_ns * (component->ratio_max ? component->ratio_max : 1);
    }
    return sum_ns;
}

/* As its components' means go, so does the segment. */
static void scale_segment(const struct tt_cost *known, int64_t now_ns, int64_t before_ns,
                          struct tt_cost *ret)
{
    *ret = *known;
    memcpy(ret->origin, "scaled", sizeof("scaled"));
    if (now_ns <= 0 || before_ns <= 0)
        return;
    ret->mean_ns = tt_muldiv(known->mean_ns, now_ns, before_ns);
    ret->quantile_ns = tt_muldiv(known->quantile_ns, now_ns, before_ns);
    for (uint32_t n = 0; n < TT_WINDOWS; n++)
        ret->window_ns[n] = tt_muldiv(known->window_ns[n], now_ns, before_ns);
    ret->max_ns = tt_muldiv(known->max_ns, now_ns, before_ns);
}

bool estimate_costs(const struct costs_of *known, const struct costs_of *changed,
                    bool *ret_is_measured)
{
    const struct tt_picture *picture = changed->picture;
    bool is_as_known = true;

    *ret_is_measured = true;
    for (uint32_t n = 0; n < picture->component_count; n++) {
        const struct tt_picture_component *before =
            find_component(known->picture, picture->components[n].name);

        if (changed->components[n].n == 0 && before)
            scale_component(&known->components[before - known->picture->components],
                            pixels_of(&picture->components[n]), pixels_of(before),
                            &changed->components[n]);
    }
    for (uint32_t n = 0; n < picture->segment_count; n++) {
        uint32_t before = find_segment(known->picture, picture->segments[n].name);

        if (changed->segments[n].n > 0 || picture->segments[n].rate.num == 0)
            continue;
        if (before == known->picture->segment_count) {
            is_as_known = false;
        } else if (known->segments[before].n > 0) {
            *ret_is_measured = false;
            scale_segment(&known->segments[before], mean_of(changed, n), mean_of(known, before),
                          &changed->segments[n]);
        }
    }
    return is_as_known;
}
