/* Hop records summed into what a component and a segment cost per activation.
 *
 * A segment's activation is known by the media time of its release: components of it that run at
 * another rate are summed into the release that their index falls into. An activation is complete
 * when the segment is OPEN_COUNT releases further. */
#include "node/samples.h"

#include <stdlib.h>

#include "tactus/format.h"

enum { OPEN_COUNT = 64 };

struct open_sum {
    int64_t index, cost_ns; /* index -1: none */
};

struct samples {
    const struct tt_picture *picture;
    struct tt_histogram *components, *segments;
    struct open_sum (*open)[OPEN_COUNT];
};

struct samples *samples_open(const struct tt_picture *picture)
{
    struct samples *samples = calloc(1, sizeof(*samples));

    if (samples == NULL)
        return NULL;
    samples->picture = picture;
    samples->components = calloc(picture->component_count + 1, sizeof(*samples->components));
    samples->segments = calloc(picture->segment_count + 1, sizeof(*samples->segments));
    samples->open = calloc(picture->segment_count + 1, sizeof(*samples->open));
    if (samples->components == NULL || samples->segments == NULL || samples->open == NULL) {
        samples_close(&samples);
        return NULL;
    }
    for (uint32_t n = 0; n < picture->segment_count; n++)
        for (uint32_t m = 0; m < OPEN_COUNT; m++)
            samples->open[n][m].index = -1;
    return samples;
}

void samples_close(struct samples **samples)
{
    if (*samples == NULL)
        return;
    free((*samples)->components);
    free((*samples)->segments);
    free((*samples)->open);
    free(*samples);
    *samples = NULL;
}

static int64_t release_of(const struct tt_picture_component *component,
                          const struct tt_picture_segment *segment, int64_t index)
{
    int64_t period_ns;

    if (segment->rate.num <= 0 || component->rate.num <= 0)
        return 0;
    if (segment->rate.num * component->rate.den == component->rate.num * segment->rate.den)
        return index;
    /* From the middle of its period, so that rounding cannot move it to the release before. */
    period_ns = tt_index_ns(1, component->rate);
    return tt_ns_index(tt_index_ns(index, component->rate) + period_ns / 2, segment->rate);
}

void samples_add(struct samples *samples, const struct tt_record *hop)
{
    const struct tt_picture_component *component = &samples->picture->components[hop->component];
    int64_t cost_ns = hop->slack_ns >= 0 ? hop->slack_ns : hop->sent_ns - hop->delivered_ns;
    int64_t release;
    struct open_sum *sum;

    if (cost_ns < 0 || hop->index < 0)
        return;
    tt_histogram_add(&samples->components[hop->component], cost_ns);
    if (component->segment >= samples->picture->segment_count)
        return;
    release = release_of(component, &samples->picture->segments[component->segment], hop->index);
    sum = &samples->open[component->segment][(uint64_t)release % OPEN_COUNT];
    if (sum->index > release)
        return; /* older than all that are open */
    if (sum->index != release) {
        if (sum->index >= 0)
            tt_histogram_add(&samples->segments[component->segment], sum->cost_ns);
        *sum = (struct open_sum){.index = release};
    }
    sum->cost_ns += cost_ns;
}

void samples_finish(struct samples *samples)
{
    for (uint32_t n = 0; n < samples->picture->segment_count; n++)
        for (uint32_t m = 0; m < OPEN_COUNT; m++) {
            struct open_sum *sum = &samples->open[n][m];

            if (sum->index >= 0)
                tt_histogram_add(&samples->segments[n], sum->cost_ns);
            sum->index = -1;
        }
}

const struct tt_histogram *samples_component(const struct samples *samples, uint32_t component)
{
    return &samples->components[component];
}

const struct tt_histogram *samples_segment(const struct samples *samples, uint32_t segment)
{
    return &samples->segments[segment];
}

uint64_t samples_fewest(const struct samples *samples)
{
    uint64_t fewest = UINT64_MAX;

    for (uint32_t n = 0; n < samples->picture->segment_count; n++)
        if (samples->picture->segments[n].rate.num > 0 && samples->segments[n].count < fewest)
            fewest = samples->segments[n].count;
    return fewest == UINT64_MAX ? 0 : fewest;
}
