/* The interpolator of drift.h, led by where samples belong. */
#include "components/drift/pace.h"

/* Stamps are rounded to a millisecond, and a loop that begins with a clock 500 ppm off is 2 ms
 * behind for a while; a lost packet leaves more. */
static const double tolerance_s = 0.01;

uint32_t drift_pace_stride(uint32_t in_max)
{
    return (in_max + 2 * DRIFT_TAPS + 15) / 16 * 16;
}

void drift_pace_init(struct drift_pace *pace, const struct drift_table *table, float *line,
                     uint32_t stride, uint32_t channels, uint32_t sample_rate)
{
    *pace = (struct drift_pace){.table = table,
                                .loop = {.sample_rate = sample_rate},
                                .line = line,
                                .stride = stride,
                                .channels = channels};
    drift_pace_restart(pace);
}

void drift_pace_restart(struct drift_pace *pace)
{
    drift_reader_init(&pace->reader, pace->line, pace->stride, pace->channels);
    pace->loop.is_started = 0;
    pace->ratio = 1 + pace->loop.integral;
}

int64_t drift_pace_steer(struct drift_pace *pace, double off, double step_s)
{
    double limit = tolerance_s * pace->loop.sample_rate;

    if (off > limit || off < -limit)
        return (int64_t)(off + (off > 0 ? 0.5 : -0.5));
    pace->ratio = drift_step(&pace->loop, -off, step_s);
    return 0;
}

double drift_pace_held(const struct drift_pace *pace)
{
    return (pace->reader.filled - pace->reader.at) / pace->ratio;
}

void drift_pace_put(struct drift_pace *pace, uint32_t count)
{
    pace->reader.filled += count;
}

uint32_t drift_pace_ready(const struct drift_pace *pace)
{
    double last = (double)pace->reader.filled - DRIFT_AHEAD - 1 - pace->reader.at;
    uint32_t count = last > 0 ? (uint32_t)(last / pace->ratio) + 2 : 2;

    while (count > 0 && drift_needed(&pace->reader, pace->ratio, count) > 0)
        count--;
    return count;
}

void drift_pace_read(struct drift_pace *pace, float *const *ret, uint32_t count)
{
    uint32_t channel = 0;

    for (; channel + 2 <= pace->channels; channel += 2)
        drift_read_pair(&pace->reader, pace->table, pace->line + (uint64_t)channel * pace->stride,
                        pace->stride, pace->ratio, ret + channel, count);
    for (; channel < pace->channels; channel++)
        drift_read(&pace->reader, pace->table, pace->line + (uint64_t)channel * pace->stride,
                   pace->ratio, ret[channel], count);
    drift_advance(&pace->reader, pace->line, pace->stride, pace->channels, pace->ratio, count);
}
