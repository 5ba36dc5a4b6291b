/* Heavy loops that the host does for a sandboxed component at its own machine's speed: set 1.
 *
 * What is written here is the definition: a host gives the same bits, whatever instructions it
 * uses. Compiled to WebAssembly a function below is one call of the host; compiled natively it is
 * the loop as it stands. Memory is the component's own or a frame's of the call; outputs may be
 * inputs, too, but may not overlap them otherwise. Returns 0; -22 (EINVAL): memory that is not the
 * component's, or a size out of range. */
#ifndef TACTUS_KERNELS_H
#define TACTUS_KERNELS_H

#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TT_KERNELS 1u /* the set: a kernel never changes, a new one gets a new number */

enum tt_kernel {
    TT_KERNEL_BLEND8 = 1,
    TT_KERNEL_SCALE8 = 2,
    TT_KERNEL_S16_F32 = 3,
    TT_KERNEL_F32_S16 = 4,
    TT_KERNEL_FIR_F32 = 5,
    TT_KERNEL_MIX_F32 = 6
};

enum {
    TT_KERNEL_ARGUMENTS_MAX = 8,
    TT_KERNEL_COUNT_MAX = 1 << 28, /* elements, each of at most 4 bytes */
    TT_KERNEL_SIDE_MAX = 8192,     /* of a plane that is scaled */
    TT_KERNEL_TAPS_MAX = 4096
};

/* a with alpha / 256 of b over it; alpha 0 to 256. */
static inline void tt_reference_blend8(uint8_t *ret, const uint8_t *a, const uint8_t *b,
                                       uint32_t alpha, uint32_t count)
{
    for (uint32_t n = 0; n < count; n++)
        ret[n] = (uint8_t)((a[n] * (256 - alpha) + b[n] * alpha + 128) >> 8);
}

/* Where a scaled line or sample comes from: the place in 1/256, centres on centres, clamped. */
static inline uint32_t tt_reference_place(uint32_t n, uint32_t to, uint32_t from)
{
    int64_t at = ((int64_t)(2 * n + 1) * from * 128) / to - 128;
    int64_t last = ((int64_t)from - 1) * 256;

    return (uint32_t)(at < 0 ? 0 : at > last ? last : at);
}

struct tt_plane8 {
    uint8_t *data;
    uint32_t width, height, stride;
};

/* Bilinear. */
static inline void tt_reference_scale8(const struct tt_plane8 *ret, const struct tt_plane8 *from)
{
    for (uint32_t y = 0; y < ret->height; y++) {
        uint32_t top = tt_reference_place(y, ret->height, from->height);
        uint32_t below = (top >> 8) + 1 < from->height ? (top >> 8) + 1 : top >> 8;
        const uint8_t *line0 = from->data + (uint64_t)(top >> 8) * from->stride;
        const uint8_t *line1 = from->data + (uint64_t)below * from->stride;

        for (uint32_t x = 0; x < ret->width; x++) {
            uint32_t left = tt_reference_place(x, ret->width, from->width), c = left >> 8;
            uint32_t right = c + 1 < from->width ? c + 1 : c;
            uint32_t v0 = line0[c] * (256 - (top & 255)) + line1[c] * (top & 255);
            uint32_t v1 = line0[right] * (256 - (top & 255)) + line1[right] * (top & 255);

            ret->data[(uint64_t)y * ret->stride + x] =
                (uint8_t)((v0 * (256 - (left & 255)) + v1 * (left & 255) + 32768) >> 16);
        }
    }
}

static inline void tt_reference_s16_f32(float *ret, const int16_t *from, uint32_t count)
{
    for (uint32_t n = 0; n < count; n++)
        ret[n] = (float)from[n] * (1.0f / 32768.0f);
}

/* Halves away from zero; what is no number is silence. */
static inline void tt_reference_f32_s16(int16_t *ret, const float *from, uint32_t count)
{
    for (uint32_t n = 0; n < count; n++) {
        float value = from[n] * 32768.0f;

        value = value == value ? value : 0.0f;
        value = value < 0.0f ? value - 0.5f : value + 0.5f;
        value = value > 32767.0f ? 32767.0f : value;
        value = value < -32768.0f ? -32768.0f : value;
        ret[n] = (int16_t)value;
    }
}

/* ret[n] = sum of from[n + k] * taps[k] in order of k; `from` has count + taps_count - 1. ret is
 * not from. */
static inline void tt_reference_fir_f32(float *ret, const float *from, uint32_t count,
                                        const float *taps, uint32_t taps_count)
{
    for (uint32_t n = 0; n < count; n++) {
        float sum = 0.0f;

        for (uint32_t k = 0; k < taps_count; k++)
            sum = sum + from[n + k] * taps[k];
        ret[n] = sum;
    }
}

static inline void tt_reference_mix_f32(float *ret, const float *from, float gain, uint32_t count)
{
    for (uint32_t n = 0; n < count; n++)
        ret[n] = ret[n] + from[n] * gain;
}

#ifdef __wasm__

__attribute__((import_module("tactus1"), import_name("kernel"))) int32_t
tt_kernel_of_host(uint32_t number, uint32_t arguments, uint32_t count);

static inline uint64_t tt_kernel_address(const void *address)
{
    return (uint64_t)(uintptr_t)address;
}

static inline int tt_blend8(uint8_t *ret, const uint8_t *a, const uint8_t *b, uint32_t alpha,
                            uint32_t count)
{
    uint64_t arguments[] = {tt_kernel_address(ret), tt_kernel_address(a), tt_kernel_address(b),
                            alpha, count};

    return tt_kernel_of_host(TT_KERNEL_BLEND8, (uint32_t)(uintptr_t)arguments, 5);
}

static inline int tt_scale8(const struct tt_plane8 *ret, const struct tt_plane8 *from)
{
    uint64_t arguments[] = {tt_kernel_address(ret->data),  ret->width,  ret->height,  ret->stride,
                            tt_kernel_address(from->data), from->width, from->height, from->stride};

    return tt_kernel_of_host(TT_KERNEL_SCALE8, (uint32_t)(uintptr_t)arguments, 8);
}

static inline int tt_s16_f32(float *ret, const int16_t *from, uint32_t count)
{
    uint64_t arguments[] = {tt_kernel_address(ret), tt_kernel_address(from), count};

    return tt_kernel_of_host(TT_KERNEL_S16_F32, (uint32_t)(uintptr_t)arguments, 3);
}

static inline int tt_f32_s16(int16_t *ret, const float *from, uint32_t count)
{
    uint64_t arguments[] = {tt_kernel_address(ret), tt_kernel_address(from), count};

    return tt_kernel_of_host(TT_KERNEL_F32_S16, (uint32_t)(uintptr_t)arguments, 3);
}

static inline int tt_fir_f32(float *ret, const float *from, uint32_t count, const float *taps,
                             uint32_t taps_count)
{
    uint64_t arguments[] = {tt_kernel_address(ret), tt_kernel_address(from), count,
                            tt_kernel_address(taps), taps_count};

    return tt_kernel_of_host(TT_KERNEL_FIR_F32, (uint32_t)(uintptr_t)arguments, 5);
}

static inline int tt_mix_f32(float *ret, const float *from, float gain, uint32_t count)
{
    uint64_t arguments[] = {tt_kernel_address(ret), tt_kernel_address(from), 0, count};

    memcpy(&arguments[2], &gain, sizeof gain);
    return tt_kernel_of_host(TT_KERNEL_MIX_F32, (uint32_t)(uintptr_t)arguments, 4);
}

#else

static inline int tt_blend8(uint8_t *ret, const uint8_t *a, const uint8_t *b, uint32_t alpha,
                            uint32_t count)
{
    tt_reference_blend8(ret, a, b, alpha, count);
    return 0;
}

static inline int tt_scale8(const struct tt_plane8 *ret, const struct tt_plane8 *from)
{
    tt_reference_scale8(ret, from);
    return 0;
}

static inline int tt_s16_f32(float *ret, const int16_t *from, uint32_t count)
{
    tt_reference_s16_f32(ret, from, count);
    return 0;
}

static inline int tt_f32_s16(int16_t *ret, const float *from, uint32_t count)
{
    tt_reference_f32_s16(ret, from, count);
    return 0;
}

static inline int tt_fir_f32(float *ret, const float *from, uint32_t count, const float *taps,
                             uint32_t taps_count)
{
    tt_reference_fir_f32(ret, from, count, taps, taps_count);
    return 0;
}

static inline int tt_mix_f32(float *ret, const float *from, float gain, uint32_t count)
{
    tt_reference_mix_f32(ret, from, gain, count);
    return 0;
}

#endif

#ifdef __cplusplus
}
#endif
#endif
