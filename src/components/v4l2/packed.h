/* What cameras give, as pictures of ours. */
#ifndef TT_COMPONENTS_V4L2_PACKED_H
#define TT_COMPONENTS_V4L2_PACKED_H

#include "tactus/format.h"

/* YUYV (4:2:2, two pixels in four bytes) to I420: a line's colour is the mean of it and its
 * neighbour's. from holds height * pitch bytes. */
void v4l2_from_yuyv(const struct tt_format *format, tt_addr to, const uint8_t *from,
                    uint32_t pitch);

/* NV12, all lines of pitch bytes, to I420. */
void v4l2_from_nv12(const struct tt_format *format, tt_addr to, const uint8_t *from,
                    uint32_t pitch);

/* Tight I420, lines of pitch bytes and half of it, to I420 of ours. */
void v4l2_from_i420(const struct tt_format *format, tt_addr to, const uint8_t *from,
                    uint32_t pitch);

/* The index of a picture that was taken at media_ns: the one after `last` while it is less than
 * half a period outside that place, so that a camera whose clock is a little different neither
 * doubles nor skips. -1: it came before its turn and is left out. */
int64_t v4l2_index(int64_t media_ns, int64_t last, struct tt_rational rate);

#endif
