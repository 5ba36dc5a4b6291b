/* Frames on a descriptor as bytes packed tight: what raw.read and raw.write have in common. */
#ifndef TT_RAW_READ_RAW_H
#define TT_RAW_READ_RAW_H

#include <stdbool.h>
#include <stdint.h>

#include "tactus/format.h"

/* Choices of a parameter, in the gst spelling and FFmpeg's. */
#define RAW_FORMATS "I420|NV12|RGBA|F32P|S16|i420|yuv420p|nv12|rgba|f32p|fltp|s16|s16le"

uint32_t raw_fourcc(int64_t choice);

/* Bytes of a frame on the descriptor, without the strides' padding. */
uint64_t raw_bytes(const struct tt_format *format);

/* Moves one frame between the descriptor and memory; waits. Returns the bytes moved, fewer than
 * raw_bytes() when the input ended, or a negative errno. */
int64_t raw_transfer(int fd, const struct tt_format *format, uint8_t *data, bool is_write);

#endif
