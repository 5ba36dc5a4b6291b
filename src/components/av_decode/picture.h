/* Pictures as decoders give them, as I420. */
#ifndef TT_AV_DECODE_PICTURE_H
#define TT_AV_DECODE_PICTURE_H

#include <libavutil/frame.h>
#include <libavutil/pixfmt.h>
#include <stdbool.h>

#include "tactus/component.h"

/* Is it YUV or grey that can be told apart sample by sample? */
bool picture_is_known(enum AVPixelFormat pixels);

/* Copies or converts; format is I420, not larger than the picture. */
void picture_copy(const struct tt_format *format, tt_addr data, const AVFrame *frame);

#endif
