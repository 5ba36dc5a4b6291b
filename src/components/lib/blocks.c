/* Quanta on the grid of their index. */
#include "components/lib/blocks.h"

#include <errno.h>
#include <string.h>

#include "components/lib/audio.h"

uint32_t component_blocks_capacity(uint32_t in_max, uint32_t quantum)
{
    return (in_max + 2 * quantum + 15) / 16 * 16;
}

uint32_t component_blocks_out_max(uint32_t in_max, uint32_t quantum)
{
    return (in_max + quantum - 1) / quantum + 2;
}

static void add_silence(struct component_blocks *blocks, float *samples, uint32_t count)
{
    for (uint32_t channel = 0; channel < blocks->channels; channel++)
        memset(samples + (size_t)channel * blocks->capacity + blocks->filled, 0,
               (size_t)count * sizeof(float));
    blocks->filled += count;
}

/* Goes on at a later place: silence up to there within the quantum, or to its end and a jump. */
static void skip_to(struct component_blocks *blocks, float *samples, int64_t place)
{
    int64_t index = tt_muldiv(place, 1, blocks->quantum);
    uint32_t lead = (uint32_t)(place - index * blocks->quantum);

    if (blocks->is_started && index == blocks->head_index) {
        add_silence(blocks, samples, lead - blocks->filled);
        return;
    }
    if (blocks->filled > 0) {
        add_silence(blocks, samples, blocks->quantum - blocks->filled);
        blocks->has_jump = 1;
        blocks->jump_index = index;
    } else {
        blocks->head_index = index;
    }
    add_silence(blocks, samples, lead);
}

int component_blocks_begin(struct component_blocks *blocks, float *samples, int64_t place,
                           uint32_t count, bool is_discont, uint32_t *ret_skip)
{
    int64_t off, tolerance = blocks->sample_rate / 1000;

    *ret_skip = 0;
    /* What lies before media time 0 is nobody's. */
    if (place < 0) {
        *ret_skip = -place < count ? (uint32_t)-place : count;
        place += *ret_skip;
        if (*ret_skip == count)
            return 0;
        count -= *ret_skip;
    }
    if (blocks->filled >= blocks->quantum || count + 2 * blocks->quantum > blocks->capacity)
        return -ENOBUFS;
    if (!blocks->is_started) {
        skip_to(blocks, samples, place);
        blocks->is_started = 1;
        return 0;
    }
    off = place - component_blocks_next(blocks);
    if (is_discont || off > tolerance || off < -tolerance)
        blocks->is_discont |= 1;
    if (off > tolerance)
        skip_to(blocks, samples, place);
    else if (off < -tolerance)
        *ret_skip += -off < count ? (uint32_t)-off : count;
    return 0;
}

void component_blocks_add(struct component_blocks *blocks, uint32_t count)
{
    blocks->filled += count;
}

void component_blocks_end(struct component_blocks *blocks, float *samples)
{
    uint32_t rest = blocks->filled % blocks->quantum;

    if (!blocks->is_ended && rest > 0)
        add_silence(blocks, samples, blocks->quantum - rest);
    blocks->is_ended = 1;
}

void component_blocks_name(const struct component_blocks *blocks, struct tt_frame *frame)
{
    int64_t first = blocks->head_index * blocks->quantum;

    frame->index = blocks->head_index;
    frame->origin_ns = component_place_ns(first, blocks->sample_rate);
    frame->duration_ns =
        component_place_ns(first + blocks->quantum, blocks->sample_rate) - frame->origin_ns;
    frame->flags |= TT_KEY;
    if (blocks->is_discont && !blocks->has_jump)
        frame->flags |= TT_DISCONT;
}

void component_blocks_drop(struct component_blocks *blocks, float *samples)
{
    uint32_t rest = blocks->filled - blocks->quantum;

    for (uint32_t channel = 0; channel < blocks->channels; channel++) {
        float *plane = samples + (size_t)channel * blocks->capacity;

        memmove(plane, plane + blocks->quantum, (size_t)rest * sizeof(float));
    }
    blocks->filled = rest;
    if (blocks->has_jump) {
        blocks->head_index = blocks->jump_index;
        blocks->has_jump = 0;
    } else {
        blocks->head_index++;
        blocks->is_discont = 0;
    }
}
