/* What a run's activations cost: components from their hop records, segments as the engine says. */
#include "node/samples.h"

#include <stdlib.h>

/* Above it the watchdog has ended the process; a sum of such stays within 64 bits. */
#define COST_MAX_NS (INT64_C(60) * 1000000000)

struct samples {
    const struct tt_picture *picture;
    struct tt_histogram *components, *segments;
};

struct samples *samples_open(const struct tt_picture *picture)
{
    struct samples *samples = calloc(1, sizeof(*samples));

    if (samples == NULL)
        return NULL;
    samples->picture = picture;
    samples->components = calloc(picture->component_count + 1, sizeof(*samples->components));
    samples->segments = calloc(picture->segment_count + 1, sizeof(*samples->segments));
    if (samples->components == NULL || samples->segments == NULL)
        samples_close(&samples);
    return samples;
}

void samples_close(struct samples **samples)
{
    if (*samples == NULL)
        return;
    free((*samples)->components);
    free((*samples)->segments);
    free(*samples);
    *samples = NULL;
}

/* CPU time where it was read, else the time it took. */
void samples_add(struct samples *samples, const struct tt_record *hop)
{
    int64_t cost_ns = hop->slack_ns;

    if (cost_ns < 0 && __builtin_sub_overflow(hop->sent_ns, hop->delivered_ns, &cost_ns))
        return;

    if (cost_ns >= 0 && cost_ns <= COST_MAX_NS &&
        hop->component < samples->picture->component_count)
        tt_histogram_add(&samples->components[hop->component], cost_ns);
}

void samples_add_segment(struct samples *samples, uint32_t segment, int64_t cost_ns)
{
    if (cost_ns >= 0 && cost_ns <= COST_MAX_NS && segment < samples->picture->segment_count)
        tt_histogram_add(&samples->segments[segment], cost_ns);
}

const struct tt_histogram *samples_component(const struct samples *samples, uint32_t component)
{
    return &samples->components[component];
}

const struct tt_histogram *samples_segment(const struct samples *samples, uint32_t segment)
{
    return &samples->segments[segment];
}
