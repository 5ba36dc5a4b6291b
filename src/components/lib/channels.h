/* Which channels a format has, and how they are mixed into others. */
#ifndef TT_COMPONENTS_LIB_CHANNELS_H
#define TT_COMPONENTS_LIB_CHANNELS_H

#include <stdbool.h>
#include <stdint.h>

#include "tactus/format.h"

/* The mask that goes without saying for a number of channels (FFmpeg's); 0 when there is none. */
uint64_t component_layout(uint32_t channels);

/* factors[out][in] after ITU-R BS.775: what has no loudspeaker of its own goes to its neighbours at
 * -3 dB, the low-frequency channel nowhere. is_normalised: no output can exceed full scale. */
void component_mix_factors(const struct tt_format *in, const struct tt_format *out,
                           bool is_normalised, float factors[TT_CHANNELS_MAX][TT_CHANNELS_MAX]);

#endif
