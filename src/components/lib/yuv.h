/* Y'CbCr and RGB in whole numbers, by the matrix and range that a format names. */
#ifndef TT_COMPONENTS_LIB_YUV_H
#define TT_COMPONENTS_LIB_YUV_H

#include <stdint.h>

#include "tactus/format.h"

/* Before a loop over pixels in whole numbers: it is also compiled for the wider registers of newer
 * processors, and the program takes what it finds. The results are the same to the bit. What
 * chooses runs before a sanitizer is ready for it. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) &&                             \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define COMPONENT_WIDE __attribute__((target_clones("avx2", "default")))
#else
#define COMPONENT_WIDE
#endif

/* 13-bit factors: r = (y_scale * (y - y_black) + r_v * (v - 128) + 4096) >> 13, and so on. */
struct component_to_rgb {
    int16_t y_black, y_scale, r_v, g_u, g_v, b_u;
};

/* 14-bit factors, in the order r, g, b; y_black is added to luma, 128 to chroma. */
struct component_to_yuv {
    int16_t y[3], u[3], v[3], y_black;
};

/* The matrix that a picture without one is taken to have: BT.709 from 720 rows on, else BT.601. */
uint32_t component_matrix(const struct tt_format *format);

void component_to_rgb_init(struct component_to_rgb *ret, uint32_t matrix, uint32_t range);
void component_to_yuv_init(struct component_to_yuv *ret, uint32_t matrix, uint32_t range);

static inline uint8_t component_clamp(int32_t value)
{
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

#endif
