/* Names, codes and memory layouts of media formats. */
#ifndef TACTUS_FORMAT_H
#define TACTUS_FORMAT_H

#include <stdint.h>

#include "tactus/component.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TT_FOURCC(a, b, c, d)                                                                      \
    ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

#define TT_I420 TT_FOURCC('I', '4', '2', '0') /* yuv420p */
#define TT_NV12 TT_FOURCC('N', 'V', '1', '2') /* nv12 */
#define TT_RGBA TT_FOURCC('R', 'G', 'B', 'A') /* rgba, straight alpha */
#define TT_V210 TT_FOURCC('v', '2', '1', '0')
#define TT_V21A TT_FOURCC('v', '2', '1', 'a') /* v210a: v210 and a 10-bit key */
#define TT_F32P TT_FOURCC('F', '3', '2', 'P') /* fltp: float32, one plane a channel */
#define TT_S16 TT_FOURCC('S', '1', '6', ' ')  /* s16le, interleaved */
#define TT_H264 TT_FOURCC('H', '2', '6', '4')
#define TT_HEVC TT_FOURCC('H', 'E', 'V', 'C')
#define TT_AAC TT_FOURCC('A', 'A', 'C', ' ')
#define TT_OPUS TT_FOURCC('O', 'P', 'U', 'S')

enum tt_field_order { TT_PROGRESSIVE = 1, TT_TOP_FIRST = 2, TT_BOTTOM_FIRST = 3 };

enum { TT_SIZE_MAX = 8192 /* pixels of a side that anything accepts */, TT_CHANNELS_MAX = 8 };

/* A format's name in the gst spelling ("I420"), or "?"; static storage. */
const char *tt_fourcc_name(uint32_t fourcc);

/* Either spelling (gst or FFmpeg), any case, to the code; 0 when unknown. */
uint32_t tt_fourcc_find(const char *name);

/* Fills planes and strides (64-byte multiples) of raw video and returns the bytes of one frame, or
 * 0 when fourcc is not raw video or a side is 0, odd where it must be even, or above TT_SIZE_MAX.
 * The other fields of *format stay as they are. */
uint32_t tt_format_video(struct tt_format *format, uint32_t fourcc, uint32_t width,
                         uint32_t height);

/* The same for audio: `samples` a frame; sets rate to sample_rate/samples; returns a frame's bytes
 * or 0 (channels above TT_CHANNELS_MAX, a rate outside 8000..192000, no samples). */
uint32_t tt_format_audio(struct tt_format *format, uint32_t fourcc, uint32_t sample_rate,
                         uint32_t channels, uint32_t samples);

/* Samples in a frame of this audio format: sample_rate / rate, rounded up. */
uint32_t tt_format_samples(const struct tt_format *format);

/* A picture's row; plane < plane_count. */
static inline uint8_t *tt_plane(const struct tt_format *format, tt_addr data, uint32_t plane)
{
    return (uint8_t *)(uintptr_t)data + format->plane_offset[plane];
}

/* A channel's samples of TT_F32P. */
static inline float *tt_channel(const struct tt_format *format, tt_addr data, uint32_t channel)
{
    return (float *)(void *)((uint8_t *)(uintptr_t)data + (uint64_t)channel * format->stride[0]);
}

/* a * b / c with a 128-bit product, rounded down; c > 0. */
int64_t tt_muldiv(int64_t a, int64_t b, int64_t c);

/* Media time of an index at a rate, and the index that is on at a media time (floor). Rate > 0. */
int64_t tt_index_ns(int64_t index, struct tt_rational rate);
int64_t tt_ns_index(int64_t media_ns, struct tt_rational rate);

#ifdef __cplusplus
}
#endif
#endif
