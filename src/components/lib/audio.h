/* Arithmetic of sound without a C library: sines, decibels, samples and media time. */
#ifndef TT_COMPONENTS_LIB_AUDIO_H
#define TT_COMPONENTS_LIB_AUDIO_H

#include <stdint.h>

#include "tactus/format.h"

/* The sine of a phase in 2^-64 turns, exact to 1e-9. */
double component_sine(uint64_t phase);

/* The factor of a level in decibels, exact to 1e-9 between -300 and 300 dB. */
double component_gain(double level_db);

/* Samples in an audio frame: fewer than the format says when the frame's duration is shorter. */
uint32_t component_samples(const struct tt_format *format, const struct tt_frame *frame);

/* Media time of a sample's place and back, to the nearest. */
int64_t component_place_ns(int64_t place, uint32_t sample_rate);
int64_t component_place(int64_t media_ns, uint32_t sample_rate);

#endif
