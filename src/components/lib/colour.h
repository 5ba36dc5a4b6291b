/* Code points of ISO/IEC 23091-2 that our components write, and range as FFmpeg numbers it. */
#ifndef TT_COMPONENTS_LIB_COLOUR_H
#define TT_COMPONENTS_LIB_COLOUR_H

#include <stdint.h>

#include "tactus/format.h"

enum { COLOUR_BT709 = 1, COLOUR_BT470BG = 5, COLOUR_BT601 = 6, COLOUR_FCC = 4, COLOUR_BT2020 = 9 };
enum { COLOUR_SRGB = 13 };                    /* transfer */
enum { COLOUR_LIMITED = 1, COLOUR_FULL = 2 }; /* range; 0 unknown */
enum { COLOUR_SITING_LEFT = 1, COLOUR_SITING_CENTRE = 2, COLOUR_SITING_TOP_LEFT = 3 };

/* Says that a picture is BT.709: limited range for Y'CbCr, full for RGB. */
static inline void component_colour_bt709(struct tt_format *format)
{
    format->field_order = TT_PROGRESSIVE;
    format->primaries = COLOUR_BT709;
    format->transfer = COLOUR_BT709;
    format->matrix = format->fourcc == TT_RGBA ? 0 : COLOUR_BT709;
    format->range = format->fourcc == TT_RGBA ? COLOUR_FULL : COLOUR_LIMITED;
    format->siting = format->fourcc == TT_RGBA ? 0 : COLOUR_SITING_LEFT;
}

#endif
