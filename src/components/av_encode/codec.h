/* Opening an encoder of libavcodec by Tactus' parameters, and learning what it delays. */
#ifndef TT_AV_ENCODE_CODEC_H
#define TT_AV_ENCODE_CODEC_H

#include <libavcodec/avcodec.h>
#include <stdbool.h>
#include <stdint.h>

#include "components/av/av.h"
#include "tactus/component.h"

enum {
    ENCODE_CODEC,
    ENCODE_PRESET,
    ENCODE_TUNE,
    ENCODE_BITRATE,
    ENCODE_GOP,
    ENCODE_THREADS,
    ENCODE_OPTIONS,
    ENCODE_PARAM_COUNT
};

/* The encoder that the parameter names; NULL with a sentence. */
const AVCodec *codec_find(const struct tt_request *request, bool is_video, struct tt_error *err);

/* What the encoder must be given: the input's format with what it cannot take replaced. `samples`
 * is its frame size, 0 any. */
int codec_want(const AVCodec *codec, const struct tt_format *in, uint32_t samples,
               struct tt_format *ret, struct tt_error *err);

/* Opens it for a format that codec_want() gave. is_trial: with a small picture. */
int codec_open(const AVCodec *codec, const struct tt_request *request,
               const struct tt_format *format, bool is_trial, AVCodecContext **ret,
               struct tt_error *err);

/* Is its header made of H.264 parameter sets that bear the request's level as their number? */
bool codec_has_numbered_sets(const AVCodec *codec);

/* What lies between a frame and its packet, in frames: `held` go in before the first packet comes
 * out, `early` is by how much the first decoding (audio: presentation) time precedes the first
 * frame's. */
struct codec_delay {
    uint32_t held, early;
};

/* Finds the delay by coding black and silence with the same settings. */
int codec_try(const AVCodec *codec, const struct tt_request *request,
              const struct tt_format *format, struct codec_delay *ret, struct tt_error *err);

/* An AVFrame of the context's kind with its own buffer; samples: for encoders that take any. */
AVFrame *codec_frame_new(const AVCodecContext *context, uint32_t samples);

#endif
