/* Samples that come with their places on our line of time, read at the pace that these places tell,
 * so that each is heard where it belongs and none is left out or said twice. The loop of drift.h
 * follows the places; a hole or an overlap larger than any drift is told to the caller.
 * Freestanding and pure; the line's memory is the caller's. */
#ifndef TT_COMPONENTS_DRIFT_PACE_H
#define TT_COMPONENTS_DRIFT_PACE_H

#include <stdint.h>

#include "components/drift/drift.h"

struct drift_pace {
    const struct drift_table *table;
    struct drift_loop loop;
    struct drift_reader reader;
    float *line; /* channel c at c * stride */
    uint32_t stride, channels;
    double ratio;
};

/* Samples that the line must hold, a channel, when up to in_max come at once. */
uint32_t drift_pace_stride(uint32_t in_max);

/* line: stride * channels samples. */
void drift_pace_init(struct drift_pace *pace, const struct drift_table *table, float *line,
                     uint32_t stride, uint32_t channels, uint32_t sample_rate);

/* What follows joins nothing; the clocks are still what they were. */
void drift_pace_restart(struct drift_pace *pace);

/* Samples come, the first of them `off` samples after (below 0: before) where it would be heard if
 * reading went on as it does; step_s: how long the ones before them lasted. Returns 0 when the loop
 * mends that, else the samples that are missing (above 0) or there already. */
int64_t drift_pace_steer(struct drift_pace *pace, double off, double step_s);

/* How many samples after the next that is read the next that is put will be heard. */
double drift_pace_held(const struct drift_pace *pace);

/* Where the next samples of a channel are put, and that they were, in all channels. */
static inline float *drift_pace_room(const struct drift_pace *pace, uint32_t channel)
{
    return pace->line + (uint64_t)channel * pace->stride + pace->reader.filled;
}
void drift_pace_put(struct drift_pace *pace, uint32_t count);

/* Samples that can be read now; after a put all of them must be. */
uint32_t drift_pace_ready(const struct drift_pace *pace);
void drift_pace_read(struct drift_pace *pace, float *const *ret, uint32_t count);

#endif
