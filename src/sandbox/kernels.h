/* The host's side of tactus/kernels.h: the same bits by whatever instructions this machine has. */
#ifndef TT_SANDBOX_KERNELS_H
#define TT_SANDBOX_KERNELS_H

#include <stdint.h>

#include "sandbox/slot.h"
#include "tactus/kernels.h"

/* `count` 64-bit arguments at an offset of the slot's. 0, or -EINVAL: no such kernel, or memory
 * that is not the slot's. */
int tt_kernel_call(const struct tt_slot *slot, uint32_t number, uint32_t arguments, uint32_t count);

/* The loops themselves. */
void tt_kernel_blend8(uint8_t *ret, const uint8_t *a, const uint8_t *b, uint32_t alpha,
                      uint32_t count);
void tt_kernel_scale8(const struct tt_plane8 *ret, const struct tt_plane8 *from);
void tt_kernel_s16_f32(float *ret, const int16_t *from, uint32_t count);
void tt_kernel_f32_s16(int16_t *ret, const float *from, uint32_t count);
void tt_kernel_fir_f32(float *ret, const float *from, uint32_t count, const float *taps,
                       uint32_t taps_count);
void tt_kernel_mix_f32(float *ret, const float *from, float gain, uint32_t count);

#endif
