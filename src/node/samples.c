/* What a run's activations cost: components from their hop records, segments as the engine says. */
#include "node/samples.h"

#include <stdbool.h>
#include <stdlib.h>

/* Above it the watchdog has ended the process; a sum of such stays within 64 bits. */
#define COST_MAX_NS (INT64_C(60) * 1000000000)

struct samples {
    const struct tt_picture *picture;
    struct tt_histogram *components, *segments, *windows; /* windows: TT_WINDOWS a segment */
    struct tt_conformal **component_bounds, **segment_bounds, **window_bounds;
    struct row {
        uint64_t count;
        int64_t sums_ns[TT_WINDOWS]; /* of the windows that are on */
    } * rows;                        /* by segment */
    uint8_t *memory;                 /* of all bounds */
};

struct tt_rational samples_loss(const struct tt_picture *picture)
{
    struct tt_rational least = picture->loss;

    for (uint32_t n = 0; n < picture->component_count; n++) {
        struct tt_rational loss = picture->components[n].loss;

        if (picture->components[n].is_sink && loss.den > 0 && loss.num > 0 &&
            loss.num * least.den < least.num * loss.den)
            least = loss;
    }
    if (least.num <= 0 || least.num >= least.den)
        least = (struct tt_rational){1, 100};
    if (picture->loss_parts > 1)
        least.den *= picture->loss_parts;
    return least;
}

static bool open_bounds(struct samples *samples)
{
    const struct tt_rational loss = samples_loss(samples->picture);
    const uint64_t bytes = tt_conformal_bytes(loss);
    uint32_t components = samples->picture->component_count;
    uint32_t segments = samples->picture->segment_count;

    samples->component_bounds = calloc(components + 1, sizeof(struct tt_conformal *));
    samples->segment_bounds = calloc(segments + 1, sizeof(struct tt_conformal *));
    samples->window_bounds = calloc(segments * TT_WINDOWS + 1, sizeof(struct tt_conformal *));
    samples->memory = calloc(components + segments * (1 + TT_WINDOWS) + 1, bytes);
    if (samples->component_bounds == NULL || samples->segment_bounds == NULL ||
        samples->window_bounds == NULL || samples->memory == NULL)
        return false;
    for (uint32_t n = 0; n < segments * TT_WINDOWS; n++)
        samples->window_bounds[n] =
            tt_conformal_init(samples->memory + (components + segments + n) * bytes, loss);
    for (uint32_t n = 0; n < components; n++)
        samples->component_bounds[n] = tt_conformal_init(samples->memory + n * bytes, loss);
    for (uint32_t n = 0; n < segments; n++)
        samples->segment_bounds[n] =
            tt_conformal_init(samples->memory + (components + n) * bytes, loss);
    return true;
}

struct samples *samples_open(const struct tt_picture *picture)
{
    struct samples *samples = calloc(1, sizeof(*samples));

    if (samples == NULL)
        return NULL;
    samples->picture = picture;
    samples->components = calloc(picture->component_count + 1, sizeof(*samples->components));
    samples->segments = calloc(picture->segment_count + 1, sizeof(*samples->segments));
    samples->windows = calloc(picture->segment_count * TT_WINDOWS + 1, sizeof(*samples->windows));
    samples->rows = calloc(picture->segment_count + 1, sizeof(*samples->rows));
    if (samples->components == NULL || samples->segments == NULL || samples->windows == NULL ||
        samples->rows == NULL || !open_bounds(samples))
        samples_close(&samples);
    return samples;
}

void samples_close(struct samples **samples)
{
    if (*samples == NULL)
        return;
    free((*samples)->components);
    free((*samples)->segments);
    free((*samples)->component_bounds);
    free((*samples)->segment_bounds);
    free((*samples)->windows);
    free((*samples)->window_bounds);
    free((*samples)->rows);
    free((*samples)->memory);
    free(*samples);
    *samples = NULL;
}

/* CPU time where it was read, else the time it took. */
void samples_add(struct samples *samples, const struct tt_record *hop)
{
    int64_t cost_ns = hop->slack_ns;

    if (cost_ns < 0 && __builtin_sub_overflow(hop->sent_ns, hop->delivered_ns, &cost_ns))
        return;

    if ((hop->flags & TT_RECORD_NO_SAMPLE) != 0 || cost_ns < 0 || cost_ns > COST_MAX_NS ||
        hop->component >= samples->picture->component_count)
        return;
    tt_histogram_add(&samples->components[hop->component], cost_ns);
    tt_conformal_add(samples->component_bounds[hop->component], cost_ns);
}

static void add_windows(struct samples *samples, uint32_t segment, int64_t cost_ns)
{
    struct row *row = &samples->rows[segment];

    row->count++;
    for (uint32_t n = 0; n < TT_WINDOWS; n++) {
        row->sums_ns[n] += cost_ns;
        if (row->count % ((uint64_t)2 << n) != 0)
            continue;
        tt_histogram_add(&samples->windows[segment * TT_WINDOWS + n], row->sums_ns[n]);
        tt_conformal_add(samples->window_bounds[segment * TT_WINDOWS + n], row->sums_ns[n]);
        row->sums_ns[n] = 0;
    }
}

void samples_add_segment(struct samples *samples, uint32_t segment, int64_t cost_ns)
{
    if (cost_ns < 0 || cost_ns > COST_MAX_NS || segment >= samples->picture->segment_count)
        return;
    tt_histogram_add(&samples->segments[segment], cost_ns);
    tt_conformal_add(samples->segment_bounds[segment], cost_ns);
    add_windows(samples, segment, cost_ns);
}

const struct tt_histogram *samples_component(const struct samples *samples, uint32_t component)
{
    return &samples->components[component];
}

const struct tt_histogram *samples_segment(const struct samples *samples, uint32_t segment)
{
    return &samples->segments[segment];
}

const struct tt_conformal *samples_component_bound(const struct samples *samples,
                                                   uint32_t component)
{
    return samples->component_bounds[component];
}

const struct tt_conformal *samples_segment_bound(const struct samples *samples, uint32_t segment)
{
    return samples->segment_bounds[segment];
}

const struct tt_histogram *samples_window(const struct samples *samples, uint32_t segment,
                                          uint32_t window)
{
    return &samples->windows[segment * TT_WINDOWS + window];
}

const struct tt_conformal *samples_window_bound(const struct samples *samples, uint32_t segment,
                                                uint32_t window)
{
    return samples->window_bounds[segment * TT_WINDOWS + window];
}
