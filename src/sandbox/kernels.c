/* Heavy loops for sandboxed components, and the check of what they are asked to touch. Compiled
 * with vectors and without contraction, so that each sum is that of the definition. */
#include "sandbox/kernels.h"

#include <errno.h>
#include <stdbool.h>

/* A copy for wider vectors, chosen when the program is loaded; sanitizers come too late for that.
 */
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) &&      \
    defined(__GNUC__) && !defined(__clang__)
#define WIDE __attribute__((target_clones("avx2", "default")))
#else
#define WIDE
#endif

WIDE void tt_kernel_blend8(uint8_t *ret, const uint8_t *a, const uint8_t *b, uint32_t alpha,
                           uint32_t count)
{
    uint16_t over = (uint16_t)alpha, under = (uint16_t)(256 - alpha);

    for (uint32_t n = 0; n < count; n++)
        ret[n] = (uint8_t)((uint16_t)(a[n] * under + b[n] * over + 128) >> 8);
}

/* The vertical half of a line, which is the half that vectors do well. */
WIDE static void between(uint16_t *ret, const uint8_t *line0, const uint8_t *line1, uint32_t part,
                         uint32_t count)
{
    for (uint32_t n = 0; n < count; n++)
        ret[n] = (uint16_t)(line0[n] * (256 - part) + line1[n] * part);
}

void tt_kernel_scale8(const struct tt_plane8 *ret, const struct tt_plane8 *from)
{
    uint16_t line[TT_KERNEL_SIDE_MAX + 1];
    uint32_t left[TT_KERNEL_SIDE_MAX];

    for (uint32_t x = 0; x < ret->width; x++)
        left[x] = tt_reference_place(x, ret->width, from->width);
    for (uint32_t y = 0; y < ret->height; y++) {
        uint32_t top = tt_reference_place(y, ret->height, from->height), at = top >> 8;
        uint32_t below = at + 1 < from->height ? at + 1 : at;
        uint8_t *to = ret->data + (uint64_t)y * ret->stride;

        between(line, from->data + (uint64_t)at * from->stride,
                from->data + (uint64_t)below * from->stride, top & 255, from->width);
        line[from->width] = line[from->width - 1];
        for (uint32_t x = 0; x < ret->width; x++) {
            uint32_t c = left[x] >> 8, part = left[x] & 255;

            to[x] = (uint8_t)((line[c] * (256 - part) + line[c + 1] * part + 32768) >> 16);
        }
    }
}

WIDE void tt_kernel_s16_f32(float *ret, const int16_t *from, uint32_t count)
{
    tt_reference_s16_f32(ret, from, count);
}

WIDE void tt_kernel_f32_s16(int16_t *ret, const float *from, uint32_t count)
{
    tt_reference_f32_s16(ret, from, count);
}

/* Tap by tap over a block, so that vectors run along the samples and each sample's sum keeps its
 * order. */
WIDE void tt_kernel_fir_f32(float *ret, const float *from, uint32_t count, const float *taps,
                            uint32_t taps_count)
{
    enum { BLOCK = 256 };

    for (uint32_t at = 0; at < count; at += BLOCK) {
        uint32_t samples = count - at < BLOCK ? count - at : BLOCK;
        float sums[BLOCK] = {0.0f};

        for (uint32_t k = 0; k < taps_count; k++)
            for (uint32_t n = 0; n < samples; n++)
                sums[n] = sums[n] + from[at + n + k] * taps[k];
        memcpy(ret + at, sums, samples * sizeof *sums);
    }
}

WIDE void tt_kernel_mix_f32(float *ret, const float *from, float gain, uint32_t count)
{
    tt_reference_mix_f32(ret, from, gain, count);
}

/* Arguments as they came, out of the module's reach. */
struct asked {
    const struct tt_slot *slot;
    uint64_t values[TT_KERNEL_ARGUMENTS_MAX];
};

/* NULL: not the slot's, or not aligned for its elements. */
static void *part(const struct asked *asked, uint32_t argument, uint64_t count, uint32_t bytes,
                  bool is_write)
{
    uint64_t offset = asked->values[argument];

    if (count > TT_KERNEL_COUNT_MAX || offset % bytes != 0)
        return NULL;
    return tt_slot_at(asked->slot, offset, count * bytes, is_write);
}

static int call_blend8(const struct asked *asked)
{
    uint64_t count = asked->values[4];
    uint8_t *ret = part(asked, 0, count, 1, true);
    const uint8_t *a = part(asked, 1, count, 1, false), *b = part(asked, 2, count, 1, false);

    if (!ret || !a || !b || asked->values[3] > 256)
        return -EINVAL;
    tt_kernel_blend8(ret, a, b, (uint32_t)asked->values[3], (uint32_t)count);
    return 0;
}

static bool is_plane(const struct asked *asked, uint32_t first, bool is_write,
                     struct tt_plane8 *ret)
{
    const uint64_t *values = &asked->values[first];

    if (values[1] == 0 || values[1] > TT_KERNEL_SIDE_MAX || values[2] == 0 ||
        values[2] > TT_KERNEL_SIDE_MAX || values[3] < values[1] || values[3] > UINT16_MAX)
        return false;
    *ret = (struct tt_plane8){
        .width = (uint32_t)values[1], .height = (uint32_t)values[2], .stride = (uint32_t)values[3]};
    ret->data = part(asked, first, (values[2] - 1) * values[3] + values[1], 1, is_write);
    return ret->data != NULL;
}

static int call_scale8(const struct asked *asked)
{
    struct tt_plane8 ret, from;

    if (!is_plane(asked, 0, true, &ret) || !is_plane(asked, 4, false, &from))
        return -EINVAL;
    tt_kernel_scale8(&ret, &from);
    return 0;
}

static int call_s16_f32(const struct asked *asked)
{
    float *ret = part(asked, 0, asked->values[2], sizeof(float), true);
    const int16_t *from = part(asked, 1, asked->values[2], sizeof(int16_t), false);

    if (!ret || !from)
        return -EINVAL;
    tt_kernel_s16_f32(ret, from, (uint32_t)asked->values[2]);
    return 0;
}

static int call_f32_s16(const struct asked *asked)
{
    int16_t *ret = part(asked, 0, asked->values[2], sizeof(int16_t), true);
    const float *from = part(asked, 1, asked->values[2], sizeof(float), false);

    if (!ret || !from)
        return -EINVAL;
    tt_kernel_f32_s16(ret, from, (uint32_t)asked->values[2]);
    return 0;
}

static int call_fir_f32(const struct asked *asked)
{
    uint64_t count = asked->values[2], taps_count = asked->values[4];
    float *ret = part(asked, 0, count, sizeof(float), true);
    const float *from, *taps = part(asked, 3, taps_count, sizeof(float), false);

    if (!ret || !taps || taps_count == 0 || taps_count > TT_KERNEL_TAPS_MAX)
        return -EINVAL;
    from = part(asked, 1, count + taps_count - 1, sizeof(float), false);
    if (!from)
        return -EINVAL;
    tt_kernel_fir_f32(ret, from, (uint32_t)count, taps, (uint32_t)taps_count);
    return 0;
}

static int call_mix_f32(const struct asked *asked)
{
    float *ret = part(asked, 0, asked->values[3], sizeof(float), true), gain;
    const float *from = part(asked, 1, asked->values[3], sizeof(float), false);

    if (!ret || !from)
        return -EINVAL;
    memcpy(&gain, &asked->values[2], sizeof gain);
    tt_kernel_mix_f32(ret, from, gain, (uint32_t)asked->values[3]);
    return 0;
}

int tt_kernel_call(const struct tt_slot *slot, uint32_t number, uint32_t arguments, uint32_t count)
{
    static const struct {
        uint32_t count;
        int (*call)(const struct asked *asked);
    } kernels[] = {
        [TT_KERNEL_BLEND8] = {5, call_blend8},   [TT_KERNEL_SCALE8] = {8, call_scale8},
        [TT_KERNEL_S16_F32] = {3, call_s16_f32}, [TT_KERNEL_F32_S16] = {3, call_f32_s16},
        [TT_KERNEL_FIR_F32] = {5, call_fir_f32}, [TT_KERNEL_MIX_F32] = {4, call_mix_f32},
    };
    struct asked asked = {.slot = slot};
    const void *values;

    if (number >= sizeof kernels / sizeof *kernels || !kernels[number].call ||
        kernels[number].count != count)
        return -EINVAL;
    values = tt_slot_at(slot, arguments, count * sizeof(uint64_t), false);
    if (!values)
        return -EINVAL;
    memcpy(asked.values, values, count * sizeof(uint64_t));
    return kernels[number].call(&asked);
}
