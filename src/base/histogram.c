/* A histogram of durations with 1 % resolution, mergeable, no allocation. */
#include "base/histogram.h"

/* Bins: values below 64 have one each; above, 64 to each octave, so a bin is at most 1/64 wide. */
uint32_t tt_histogram_bin(int64_t value_ns)
{
    uint64_t value = value_ns < 0 ? 0 : (uint64_t)value_ns;
    uint32_t octave, bin;

    if (value < TT_HISTOGRAM_STEPS)
        return (uint32_t)value;

    octave = 63u - (uint32_t)__builtin_clzll(value) - 6u;
    bin = (octave + 1) * TT_HISTOGRAM_STEPS + (uint32_t)((value >> octave) - TT_HISTOGRAM_STEPS);
    return bin < TT_HISTOGRAM_BINS ? bin : TT_HISTOGRAM_BINS - 1;
}

int64_t tt_histogram_bin_end(uint32_t bin)
{
    uint32_t octave;

    if (bin < TT_HISTOGRAM_STEPS)
        return bin;
    octave = bin / TT_HISTOGRAM_STEPS - 1;
    return (((int64_t)(bin % TT_HISTOGRAM_STEPS) + TT_HISTOGRAM_STEPS + 1) << octave) - 1;
}

void tt_histogram_add(struct tt_histogram *histogram, int64_t value_ns)
{
    if (histogram->count == 0 || value_ns < histogram->min_ns)
        histogram->min_ns = value_ns;
    if (histogram->count == 0 || value_ns > histogram->max_ns)
        histogram->max_ns = value_ns;
    histogram->count++;
    histogram->sum_ns += value_ns;
    histogram->bins[tt_histogram_bin(value_ns)]++;
}

void tt_histogram_merge(struct tt_histogram *into, const struct tt_histogram *from)
{
    if (from->count == 0)
        return;
    if (into->count == 0 || from->min_ns < into->min_ns)
        into->min_ns = from->min_ns;
    if (into->count == 0 || from->max_ns > into->max_ns)
        into->max_ns = from->max_ns;
    into->count += from->count;
    into->sum_ns += from->sum_ns;
    for (uint32_t n = 0; n < TT_HISTOGRAM_BINS; n++)
        into->bins[n] += from->bins[n];
}

int64_t tt_histogram_quantile(const struct tt_histogram *histogram, uint64_t part, uint64_t whole)
{
    uint64_t wanted, seen = 0;

    if (histogram->count == 0)
        return 0;
    wanted = (uint64_t)(((unsigned __int128)histogram->count * part + whole - 1) / whole);
    if (wanted == 0)
        wanted = 1;
    for (uint32_t n = 0; n < TT_HISTOGRAM_BINS; n++) {
        seen += histogram->bins[n];
        if (seen >= wanted)
            return tt_histogram_bin_end(n) < histogram->max_ns ? tt_histogram_bin_end(n)
                                                               : histogram->max_ns;
    }
    return histogram->max_ns;
}
