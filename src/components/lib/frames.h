/* What every filter does with the frames of a call. */
#ifndef TT_COMPONENTS_LIB_FRAMES_H
#define TT_COMPONENTS_LIB_FRAMES_H

#include <stdbool.h>

#include "tactus/component.h"

/* What was said of the input is true of what was made from it; so the ledger sees repeats. */
static inline void component_pass_flags(const struct tt_frame *in, struct tt_frame *out)
{
    out->flags |= in->flags & (uint32_t)(TT_GAP | TT_DISCONT | TT_REPEATED | TT_LATE);
}

/* A picture smaller than its format says is not one that may be read. */
static inline bool component_is_cut(const struct tt_frame *frame, uint32_t bytes)
{
    return frame->bytes < bytes;
}

static inline bool component_has_data(const struct tt_frame *frame)
{
    return frame->data != 0 && frame->bytes != 0 && (frame->flags & TT_END) == 0;
}

#endif
