/* Factors between Y'CbCr and RGB. */
#include "components/lib/yuv.h"

#include "components/lib/colour.h"

struct weights {
    double r, g, b;
};

static struct weights weights_of(uint32_t matrix)
{
    switch (matrix) {
    case COLOUR_BT709:
        return (struct weights){0.2126, 0.7152, 0.0722};
    case COLOUR_BT2020:
        return (struct weights){0.2627, 0.6780, 0.0593};
    case COLOUR_FCC:
        return (struct weights){0.30, 0.59, 0.11};
    default:
        return (struct weights){0.299, 0.587, 0.114};
    }
}

static int16_t fixed(double value, int32_t one)
{
    return (int16_t)(value * one + (value < 0 ? -0.5 : 0.5));
}

uint32_t component_matrix(const struct tt_format *format)
{
    switch (format->fourcc == TT_RGBA ? 0 : format->matrix) {
    case COLOUR_BT709:
    case COLOUR_BT2020:
    case COLOUR_FCC:
    case COLOUR_BT470BG:
    case COLOUR_BT601:
        return format->matrix;
    default:
        return format->height >= 720 ? COLOUR_BT709 : COLOUR_BT601;
    }
}

void component_to_rgb_init(struct component_to_rgb *ret, uint32_t matrix, uint32_t range)
{
    struct weights w = weights_of(matrix);
    double luma = range == COLOUR_FULL ? 1 : 255.0 / 219,
           chroma = range == COLOUR_FULL ? 1 : 255.0 / 224;

    ret->y_black = range == COLOUR_FULL ? 0 : 16;
    ret->y_scale = fixed(luma, 8192);
    ret->r_v = fixed(2 * (1 - w.r) * chroma, 8192);
    ret->b_u = fixed(2 * (1 - w.b) * chroma, 8192);
    ret->g_u = fixed(-2 * (1 - w.b) * w.b / w.g * chroma, 8192);
    ret->g_v = fixed(-2 * (1 - w.r) * w.r / w.g * chroma, 8192);
}

void component_to_yuv_init(struct component_to_yuv *ret, uint32_t matrix, uint32_t range)
{
    struct weights w = weights_of(matrix);
    double luma = range == COLOUR_FULL ? 1 : 219.0 / 255,
           chroma = range == COLOUR_FULL ? 1 : 224.0 / 255;

    ret->y_black = range == COLOUR_FULL ? 0 : 16;
    ret->y[0] = fixed(w.r * luma, 16384);
    ret->y[2] = fixed(w.b * luma, 16384);
    /* The sum decides how bright white is: keep it exact. */
    ret->y[1] = (int16_t)(fixed(luma, 16384) - ret->y[0] - ret->y[2]);
    ret->u[0] = fixed(-0.5 * w.r / (1 - w.b) * chroma, 16384);
    ret->u[2] = fixed(0.5 * chroma, 16384);
    ret->u[1] = (int16_t)(-ret->u[0] - ret->u[2]);
    ret->v[0] = ret->u[2];
    ret->v[2] = fixed(-0.5 * w.b / (1 - w.r) * chroma, 16384);
    ret->v[1] = (int16_t)(-ret->v[0] - ret->v[2]);
}
