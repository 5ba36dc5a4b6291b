/* Re-blocking: samples come in frames of any length, leave in quanta that lie on the grid of their
 * index: quantum i holds the samples from i * quantum on, counted from media time 0. So flows that
 * were re-blocked apart can be joined by index.
 *
 * Jitter of origins up to a millisecond is ignored; a longer gap becomes silence up to the end of
 * the quantum that it begins in, whole missing quanta are left out, and what overlaps is dropped;
 * the next quantum is then flagged TT_DISCONT. Holds no pointers: the samples are given apart. */
#ifndef TT_COMPONENTS_LIB_BLOCKS_H
#define TT_COMPONENTS_LIB_BLOCKS_H

#include <stdbool.h>
#include <stdint.h>

#include "tactus/format.h"

struct component_blocks {
    uint32_t sample_rate, channels, quantum;
    uint32_t capacity; /* samples a channel; plane c starts at c * capacity */
    uint32_t filled;
    uint32_t is_started, is_discont, is_ended, has_jump;
    int64_t head_index; /* of the first quantum held */
    int64_t jump_index; /* of the one after it, with has_jump */
};

/* Capacity for frames of up to in_max samples; a multiple of 16. */
uint32_t component_blocks_capacity(uint32_t in_max, uint32_t quantum);

/* Quanta that one frame of up to in_max samples can complete, and the end of the flow with it. */
uint32_t component_blocks_out_max(uint32_t in_max, uint32_t quantum);

/* Makes ready for `count` samples whose first lies at `place` (counted from media time 0). The
 * caller drops the first *ret_skip of them and puts the others at samples + c * capacity + filled,
 * then adds them by component_blocks_add(). -ENOBUFS when they cannot fit. */
int component_blocks_begin(struct component_blocks *blocks, float *samples, int64_t place,
                           uint32_t count, bool is_discont, uint32_t *ret_skip);

void component_blocks_add(struct component_blocks *blocks, uint32_t count);

/* No more will come: fills the last quantum up with silence. */
void component_blocks_end(struct component_blocks *blocks, float *samples);

static inline bool component_blocks_ready(const struct component_blocks *blocks)
{
    return blocks->filled >= blocks->quantum;
}

/* Where the next sample is expected. */
static inline int64_t component_blocks_next(const struct component_blocks *blocks)
{
    return blocks->head_index * blocks->quantum + blocks->filled;
}

/* Names the first quantum in *frame (index, origin, duration, flags). */
void component_blocks_name(const struct component_blocks *blocks, struct tt_frame *frame);

/* Forgets the first quantum, which must be ready. */
void component_blocks_drop(struct component_blocks *blocks, float *samples);

#endif
