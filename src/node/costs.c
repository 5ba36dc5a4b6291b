/* What the planner is told about a picture's costs, and what a run teaches about them. */
#include "node/costs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct tt_rational loss_of(const struct tt_picture *picture)
{
    struct tt_rational least = picture->loss;

    for (uint32_t n = 0; n < picture->component_count; n++) {
        struct tt_rational loss = picture->components[n].loss;

        if (picture->components[n].is_sink && loss.den > 0 && loss.num > 0 &&
            loss.num * least.den < least.num * loss.den)
            least = loss;
    }
    return least;
}

static void declare(const struct tt_picture_component *component, struct tt_cost *cost)
{
    if (component->shape.cost_max_ns <= 0 || cost->n > 0)
        return;
    cost->mean_ns = cost->quantile_ns = cost->max_ns = component->shape.cost_max_ns;
    cost->n = 1;
    (void)snprintf(cost->origin, sizeof(cost->origin), "declared");
}

int costs_load(const struct tt_picture *picture, const struct machine *machine,
               struct profile *profile, struct costs *ret)
{
    struct tt_histogram *samples = malloc(sizeof(*samples));
    struct tt_rational loss = loss_of(picture);
    struct profile_key key;

    ret->components = calloc(picture->component_count + 1, sizeof(*ret->components));
    ret->segments = calloc(picture->segment_count + 1, sizeof(*ret->segments));
    if (samples == NULL || ret->components == NULL || ret->segments == NULL) {
        free(samples);
        costs_fini(ret);
        return -ENOMEM;
    }
    for (uint32_t n = 0; n < picture->component_count; n++) {
        profile_component_key(picture, n, machine, &key);
        if (profile_load(profile, &key, samples) < 0)
            memset(samples, 0, sizeof(*samples));
        profile_cost(samples, loss, &ret->components[n]);
        declare(&picture->components[n], &ret->components[n]);
    }
    for (uint32_t n = 0; n < picture->segment_count; n++) {
        profile_segment_key(picture, n, machine, &key);
        if (profile_load(profile, &key, samples) < 0)
            memset(samples, 0, sizeof(*samples));
        profile_cost(samples, loss, &ret->segments[n]);
    }
    free(samples);
    return 0;
}

void costs_fini(struct costs *costs)
{
    free(costs->components);
    free(costs->segments);
    costs->components = costs->segments = NULL;
}

static bool is_run_by_container(const struct tt_picture *picture, uint32_t segment)
{
    for (uint32_t n = 0; n < picture->component_count; n++)
        if (picture->components[n].segment == segment &&
            (picture->components[n].flags & TT_EDGE) == 0)
            return true;
    return false;
}

bool costs_are_missing(const struct tt_picture *picture, const struct costs *costs)
{
    for (uint32_t n = 0; n < picture->segment_count; n++)
        if (costs->segments[n].n == 0 && is_run_by_container(picture, n))
            return true;
    return false;
}

void costs_learn(const struct tt_picture *picture, const struct machine *machine,
                 struct profile *profile, const struct samples *samples)
{
    struct profile_key key;

    for (uint32_t n = 0; n < picture->component_count; n++) {
        if (samples_component(samples, n)->count == 0)
            continue;
        profile_component_key(picture, n, machine, &key);
        (void)profile_learn(profile, &key, picture->components[n].kind,
                            samples_component(samples, n));
    }
    for (uint32_t n = 0; n < picture->segment_count; n++) {
        if (samples_segment(samples, n)->count == 0)
            continue;
        profile_segment_key(picture, n, machine, &key);
        (void)profile_learn(profile, &key, picture->segments[n].name, samples_segment(samples, n));
    }
}
