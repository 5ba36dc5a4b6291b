/* An encoder open at each degrading level, all of one stream: a level begins with a key picture. */
#ifndef TT_AV_ENCODE_LEVELS_H
#define TT_AV_ENCODE_LEVELS_H

#include "components/av_encode/codec.h"

enum { ENCODE_LEVELS_MAX = 4 };

/* What all levels together say before the first picture: each H.264 level has parameter sets of its
 * own number, and the pictures say which they follow. Fails when two levels cannot be in one
 * stream. *ret is av_malloc'ed, NULL for none. */
int codec_levels_header(const struct tt_request *request, const struct tt_format *want,
                        const struct codec_delay *delay, uint8_t **ret, uint32_t *ret_bytes,
                        struct tt_error *err);

/* Opens levels 1 and on beside the context of level 0. */
int codec_levels_open(const struct tt_request *request, const struct tt_format *want,
                      AVCodecContext *contexts[ENCODE_LEVELS_MAX], struct tt_error *err);
void codec_levels_close(AVCodecContext *contexts[ENCODE_LEVELS_MAX]);

#endif
