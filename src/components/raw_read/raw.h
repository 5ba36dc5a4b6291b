/* Frames on a descriptor as bytes packed tight: what raw.read and raw.write have in common. */
#ifndef TT_RAW_READ_RAW_H
#define TT_RAW_READ_RAW_H

#include <stdbool.h>
#include <stdint.h>

#include "tactus/format.h"

/* Parameters of raw.read and raw.capture. */
enum raw_param {
    RAW_URL,
    RAW_FORMAT,
    RAW_WIDTH,
    RAW_HEIGHT,
    RAW_RATE,
    RAW_SAMPLE_RATE,
    RAW_CHANNELS,
    RAW_QUANTUM,
    RAW_LIVE,
    RAW_PARAM_COUNT
};

extern const struct tt_param raw_read_params[RAW_PARAM_COUNT];
extern const struct tt_param raw_capture_params[RAW_PARAM_COUNT]; /* live by itself */

/* The one output; state_bytes stays the caller's. */
int raw_shape(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err);

/* The index of a frame that came at media_ns: the next one while it came within its period, or a
 * quarter of one before it; -1: it came before its turn and is left out, so that those after it
 * need not wait for theirs. After one that came a period late the next are about on time: what the
 * quarter leaves for their jitter is not left out. */
int64_t raw_turn(int64_t media_ns, int64_t last, struct tt_rational rate);

/* Choices of a parameter, in the gst spelling and FFmpeg's. */
#define RAW_FORMATS "I420|NV12|RGBA|F32P|S16|i420|yuv420p|nv12|rgba|f32p|fltp|s16|s16le"

uint32_t raw_fourcc(int64_t choice);

/* Bytes of a frame on the descriptor, without the strides' padding. */
uint64_t raw_bytes(const struct tt_format *format);

/* Moves one frame between the descriptor and memory; waits. Returns the bytes moved, fewer than
 * raw_bytes() when the input ended, or a negative errno. */
int64_t raw_transfer(int fd, const struct tt_format *format, uint8_t *data, bool is_write);

#endif
