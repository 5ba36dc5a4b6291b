/* What EBU R 128 gates of all that was heard: the loudness of each 400 ms and of each 3 s, counted
 * in bins of 0.1 LU, as libebur128 does it, but where it can be told and taken by another instance.
 */
#ifndef TT_COMPONENTS_AUDIO_LOUDNESS_GATES_H
#define TT_COMPONENTS_AUDIO_LOUDNESS_GATES_H

#include <stdbool.h>
#include <stdint.h>

enum { GATE_BINS = 1000 /* from -70 LUFS on */ };

/* Plain numbers: so are they saved. */
struct gates {
    uint32_t momentary[GATE_BINS], short_term[GATE_BINS];
};

/* The energy that a bin stands for; GATE_BINS of them. */
void gates_energies(double *ret);
void gates_add(uint32_t *bins, double lufs);
/* False: there is nothing but silence. */
bool gates_integrated(const struct gates *gates, const double *energies, double *ret_lufs);
bool gates_range(const struct gates *gates, const double *energies, double *ret_lu);

#endif
