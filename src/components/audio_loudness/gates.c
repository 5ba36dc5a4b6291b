/* Integrated loudness (ITU-R BS.1770) and loudness range (EBU Tech 3342) of counted blocks. */
#include "components/audio_loudness/gates.h"

#include <math.h>

static const double floor_lufs = -70, bins_per_lu = 10;

void gates_energies(double *ret)
{
    for (uint32_t n = 0; n < GATE_BINS; n++)
        ret[n] = pow(10, (floor_lufs + (n + 0.5) / bins_per_lu + 0.691) / 10);
}

void gates_add(uint32_t *bins, double lufs)
{
    double bin = floor((lufs - floor_lufs) * bins_per_lu);

    if (bin >= 0) /* also what is no number is below */
        bins[bin < GATE_BINS ? (uint32_t)bin : GATE_BINS - 1]++;
}

/* The mean of the blocks from a bin on; returns their number. */
static uint64_t mean_from(const uint32_t *bins, const double *energies, uint32_t first,
                          double *ret_mean)
{
    uint64_t count = 0;
    double sum = 0;

    for (uint32_t n = first; n < GATE_BINS; n++) {
        count += bins[n];
        sum += bins[n] * energies[n];
    }
    *ret_mean = count > 0 ? sum / (double)count : 0;
    return count;
}

/* The first bin that is no quieter than all together, by a factor. */
static uint32_t relative_gate(const uint32_t *bins, const double *energies, double factor)
{
    uint32_t first = 0;
    double mean;

    (void)mean_from(bins, energies, 0, &mean);
    while (first + 1 < GATE_BINS && energies[first] < mean * factor)
        first++;
    return first;
}

bool gates_integrated(const struct gates *gates, const double *energies, double *ret_lufs)
{
    uint32_t first = relative_gate(gates->momentary, energies, 0.1);
    double mean;

    if (mean_from(gates->momentary, energies, first, &mean) == 0)
        return false;
    *ret_lufs = 10 * log10(mean) - 0.691;
    return true;
}

static uint32_t bin_at(const uint32_t *bins, uint32_t first, uint64_t place)
{
    uint64_t seen = 0;
    uint32_t n = first;

    for (; n + 1 < GATE_BINS; n++) {
        seen += bins[n];
        if (seen > place)
            break;
    }
    return n;
}

bool gates_range(const struct gates *gates, const double *energies, double *ret_lu)
{
    uint32_t first = relative_gate(gates->short_term, energies, 0.01);
    double mean;
    uint64_t count = mean_from(gates->short_term, energies, first, &mean);
    uint64_t low = (uint64_t)((double)(count - (count > 0)) * 0.1 + 0.5);
    uint64_t high = (uint64_t)((double)(count - (count > 0)) * 0.95 + 0.5);

    if (count == 0)
        return false;
    *ret_lu = (bin_at(gates->short_term, first, high) - bin_at(gates->short_term, first, low)) /
              bins_per_lu;
    return true;
}
