/* Two clocks that do not quite agree: a slow loop that finds by how much, and samples read at just
 * that pace. Freestanding and pure: all of it follows from what it is given.
 *
 * The loop is the proportional-integral one of F. Adriaensen, "Controlling adaptive resampling"
 * (Linux Audio Conference, 2012): the error is a buffer's filling, the ratio follows it with the
 * time constant of seconds that a listener cannot hear. The samples are read through a windowed
 * sinc in 256 phases, linear between two (J. O. Smith, "Digital audio resampling", 1984/2002).
 * speexdsp's live ratio is coarser (steps of 15 ppm), makes its table anew at each, and costs three
 * to five times as much for the same residue (docs/design/2026-11-23-drift.md); it keeps the fixed
 * ratios of audio.resample. */
#ifndef TT_COMPONENTS_DRIFT_H
#define TT_COMPONENTS_DRIFT_H

#include <stdint.h>

enum { DRIFT_TAPS = 32, DRIFT_PHASES = 256, DRIFT_AHEAD = DRIFT_TAPS / 2 };

#define DRIFT_RATIO_MAX                                                                            \
    500e-6 /* neither clock is further off, nor is a listener asked for more                       \
            */

struct drift_loop {
    double sample_rate;
    double integral; /* of the ratio's distance from 1 */
    double smooth;   /* the error, low-passed */
    int64_t is_started;
};

/* The input samples to read for one output sample until the next step. error: how many input
 * samples the reading lies behind (above 0) or ahead of where it should be; step_s: since the last
 * step. */
double drift_step(struct drift_loop *loop, double error, double step_s);

/* Windowed sinc: row p holds the taps for p/256 of a sample. */
struct drift_table {
    _Alignas(64) float taps[DRIFT_PHASES + 1][DRIFT_TAPS];
};
void drift_table_init(struct drift_table *table);

/* Where reading stands in a line of input samples: between line[place - 1 + TAPS/2] ... */
struct drift_reader {
    double at;       /* of the next output sample, in samples of the line */
    uint32_t filled; /* samples in the line */
};

/* Starts with silence before the first sample. The line must hold DRIFT_TAPS + what comes. */
void drift_reader_init(struct drift_reader *reader, float *line, uint32_t stride,
                       uint32_t channels);

/* Samples that must be appended to the line before `count` can be read; at most
 * count * (1 + DRIFT_RATIO_MAX) + 2. */
uint32_t drift_needed(const struct drift_reader *reader, double ratio, uint32_t count);

/* Reads `count` samples of one channel. */
void drift_read(const struct drift_reader *reader, const struct drift_table *table,
                const float *line, double ratio, float *ret, uint32_t count);

/* Of two channels at once, the second at line + stride: the same samples for less. */
void drift_read_pair(const struct drift_reader *reader, const struct drift_table *table,
                     const float *line, uint32_t stride, double ratio, float *const ret[2],
                     uint32_t count);

/* Moves on behind them, for all channels: channel c's line is at line + c * stride. */
void drift_advance(struct drift_reader *reader, float *line, uint32_t stride, uint32_t channels,
                   double ratio, uint32_t count);

#endif
