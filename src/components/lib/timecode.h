/* The time code that test sources put into pictures and samples, and that probe.timecode reads: it
 * survives scaling, lossy coding and mixing, and needs no help from what it measures.
 *
 * Pictures: 32 columns and 3 rows of blocks, each a 32nd of the picture wide and high, at the top:
 * 96 bits, the highest first: index (32), media time in microseconds (48), checksum (16).
 * Sound: 48 slots of equal length at the start of each quantum: index (32), checksum (16). A 1 is
 * a slot of high then low samples, a 0 the reverse, so that a constant or slow signal under it
 * does not matter. */
#ifndef TT_COMPONENTS_LIB_TIMECODE_H
#define TT_COMPONENTS_LIB_TIMECODE_H

#include <stdbool.h>
#include <stdint.h>

#include "tactus/format.h"

enum {
    TIMECODE_COLUMNS = 32,
    TIMECODE_ROWS = 3,
    TIMECODE_SIDE_MIN = 64, /* pixels: blocks of two by two */
    TIMECODE_SLOTS = 48,
    TIMECODE_SAMPLES_MIN = 2 * TIMECODE_SLOTS
};

struct component_timecode {
    int64_t index, media_us;
};

/* Picture rows that the code covers: an even number, so that chroma can go by it. */
uint32_t component_timecode_height(uint32_t height);

/* Paints the code into a picture of I420, NV12 or RGBA, its first rows only. */
void component_timecode_paint(const struct tt_format *format, tt_addr data,
                              const struct component_timecode *code);

/* False when there is no code or it is damaged. */
bool component_timecode_read(const struct tt_format *format, tt_addr data,
                             struct component_timecode *ret);

/* The same in the `count` samples of one channel; the rest of the samples is silence. */
void component_timecode_play(float *samples, uint32_t count, float level, int64_t index);
bool component_timecode_hear(const float *samples, uint32_t count, int64_t *ret_index);

#endif
