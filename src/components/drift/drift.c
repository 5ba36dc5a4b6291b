/* A proportional-integral loop for the ratio of two clocks, and a windowed sinc to read by it. */
#include "components/drift/drift.h"

#include <stdbool.h>
#include <string.h>

#include "components/lib/audio.h"
#include "components/lib/yuv.h"

/* The loop's own frequency, in radians a second, critically damped: a step has died out within a
 * minute, jitter of a millisecond moves the pitch by less than 0.2 per mille. */
static const double loop_speed = 0.1;
static const double smooth_s = 1.0;

static double bounded(double value, double limit)
{
    return value > limit ? limit : value < -limit ? -limit : value;
}

double drift_step(struct drift_loop *loop, double error, double step_s)
{
    double share = step_s / (smooth_s + step_s);

    if (!loop->is_started)
        loop->smooth = error;
    loop->is_started = 1;
    loop->smooth += (error - loop->smooth) * share;
    /* The integral waits while the ratio is at its bound: it would have to be undone later. */
    if (loop->smooth * 2 * loop_speed / loop->sample_rate <= DRIFT_RATIO_MAX &&
        loop->smooth * 2 * loop_speed / loop->sample_rate >= -DRIFT_RATIO_MAX)
        loop->integral += loop->smooth * loop_speed * loop_speed / loop->sample_rate * step_s;
    loop->integral = bounded(loop->integral, DRIFT_RATIO_MAX);
    return 1 + bounded(loop->integral + loop->smooth * 2 * loop_speed / loop->sample_rate,
                       DRIFT_RATIO_MAX);
}

static double bessel(double x)
{
    double term = 1, sum = 1;

    for (uint32_t n = 1; n < 40; n++) {
        term *= x / 2 / n * (x / 2 / n);
        sum += term;
    }
    return sum;
}

static double root(double square)
{
    double value = square > 1 ? square : 1;

    for (uint32_t n = 0; n < 40 && square > 0; n++)
        value = (value + square / value) / 2;
    return square > 0 ? value : 0;
}

/* sin(pi x) / (pi x) under a Kaiser window of 80 dB, x in samples from the middle. */
static double windowed_sinc(double x)
{
    const double pi = 3.14159265358979324, beta = 7.86, half = DRIFT_TAPS / 2;
    double rest = 1 - x / half * (x / half), turns = x / 2, sine;

    if (rest <= 0)
        return 0;
    turns -= (double)(int64_t)turns;
    sine = component_sine((uint64_t)(int64_t)(turns * 9223372036854775808.0) << 1);
    return (x > -1e-9 && x < 1e-9 ? 1 : sine / (pi * x)) * bessel(beta * root(rest)) / bessel(beta);
}

void drift_table_init(struct drift_table *table)
{
    for (uint32_t phase = 0; phase <= DRIFT_PHASES; phase++) {
        double sum = 0;

        for (uint32_t tap = 0; tap < DRIFT_TAPS; tap++)
            sum += windowed_sinc((double)tap - (DRIFT_AHEAD - 1) - (double)phase / DRIFT_PHASES);
        /* Each row passes what is constant unchanged. */
        for (uint32_t tap = 0; tap < DRIFT_TAPS; tap++)
            table->taps[phase][tap] = (float)(windowed_sinc((double)tap - (DRIFT_AHEAD - 1) -
                                                            (double)phase / DRIFT_PHASES) /
                                              sum);
    }
}

void drift_reader_init(struct drift_reader *reader, float *line, uint32_t stride, uint32_t channels)
{
    reader->at = DRIFT_AHEAD - 1;
    reader->filled = DRIFT_AHEAD - 1;
    for (uint32_t channel = 0; channel < channels; channel++)
        memset(line + (size_t)channel * stride, 0, reader->filled * sizeof(float));
}

uint32_t drift_needed(const struct drift_reader *reader, double ratio, uint32_t count)
{
    uint32_t last = (uint32_t)(reader->at + ratio * (count - 1)) + DRIFT_AHEAD + 1;

    return last > reader->filled ? last - reader->filled : 0;
}

/* Eight lanes, wherever they lie in memory. */
typedef float lanes __attribute__((vector_size(32), aligned(4), may_alias));

enum { BLOCK = 8 };

static double distance(double ratio)
{
    return ratio > 1 ? ratio - 1 : 1 - ratio;
}

/* Eight output samples in a row may be read with the taps of their middle: no sample is left out or
 * read twice among them, and the phase moves by less than 1/16384 of a sample to either side. That
 * errs by 80 dB less than the signal at 12 kHz, as the window does, with clocks as they are; those
 * that are further off get taps for each sample. */
static inline bool is_block(double at, double ratio)
{
    return distance(ratio) * (BLOCK / 2) < 1.0 / 16384 &&
           (uint32_t)(at + ratio * (BLOCK - 1)) == (uint32_t)at + BLOCK - 1;
}

static inline __attribute__((always_inline)) void make_taps(const struct drift_table *table,
                                                            double at, float ret[DRIFT_TAPS])
{
    double phase = (at - (uint32_t)at) * DRIFT_PHASES;
    uint32_t row = (uint32_t)phase;
    float part = (float)(phase - row);

    for (uint32_t tap = 0; tap < DRIFT_TAPS; tap += 8) {
        lanes low = *(const lanes *)(table->taps[row] + tap);

        *(lanes *)(ret + tap) = low + part * (*(const lanes *)(table->taps[row + 1] + tap) - low);
    }
}

static inline __attribute__((always_inline)) void
read_block(const float *samples, const float taps[DRIFT_TAPS], float *ret)
{
    lanes even = {0}, odd = {0};

    for (uint32_t tap = 0; tap < DRIFT_TAPS; tap += 2) {
        even += *(const lanes *)(samples + tap) * taps[tap];
        odd += *(const lanes *)(samples + tap + 1) * taps[tap + 1];
    }
    *(lanes *)ret = even + odd;
}

static inline __attribute__((always_inline)) float read_one(const float *samples,
                                                            const float taps[DRIFT_TAPS])
{
    lanes sum = {0};

    for (uint32_t tap = 0; tap < DRIFT_TAPS; tap += 8)
        sum += *(const lanes *)(samples + tap) * *(const lanes *)(taps + tap);
    return sum[0] + sum[1] + (sum[2] + sum[3]) + (sum[4] + sum[5] + (sum[6] + sum[7]));
}

/* The same taps for one channel or two. */
static inline __attribute__((always_inline)) void
read_lines(const struct drift_reader *reader, const struct drift_table *table, const float *line,
           uint32_t stride, double ratio, float *const *ret, uint32_t channels, uint32_t count)
{
    float taps[DRIFT_TAPS];

    for (uint32_t n = 0; n < count;) {
        double at = reader->at + ratio * n;
        const float *samples = line + (uint32_t)at - (DRIFT_AHEAD - 1);
        bool is_whole = n + BLOCK <= count && is_block(at, ratio);

        make_taps(table, is_whole ? at + (ratio - 1) * ((BLOCK - 1) / 2.0) : at, taps);
        for (uint32_t channel = 0; channel < channels; channel++) {
            const float *from = samples + (size_t)channel * stride;

            if (is_whole)
                read_block(from, taps, ret[channel] + n);
            else
                ret[channel][n] = read_one(from, taps);
        }
        n += is_whole ? BLOCK : 1;
    }
}

/* Also compiled for wider registers: they add in the same lanes, so the results are the same. */
COMPONENT_WIDE
void drift_read(const struct drift_reader *reader, const struct drift_table *table,
                const float *line, double ratio, float *ret, uint32_t count)
{
    read_lines(reader, table, line, 0, ratio, &ret, 1, count);
}

COMPONENT_WIDE
void drift_read_pair(const struct drift_reader *reader, const struct drift_table *table,
                     const float *line, uint32_t stride, double ratio, float *const ret[2],
                     uint32_t count)
{
    read_lines(reader, table, line, stride, ratio, ret, 2, count);
}

void drift_advance(struct drift_reader *reader, float *line, uint32_t stride, uint32_t channels,
                   double ratio, uint32_t count)
{
    double at = reader->at + ratio * count;
    uint32_t gone = (uint32_t)at - (DRIFT_AHEAD - 1);

    gone = gone < reader->filled ? gone : reader->filled;
    for (uint32_t channel = 0; channel < channels; channel++)
        memmove(line + (size_t)channel * stride, line + (size_t)channel * stride + gone,
                (size_t)(reader->filled - gone) * sizeof(float));
    reader->filled -= gone;
    reader->at = at - gone;
}
