/* A histogram of durations with 1 % resolution (64 steps an octave), mergeable, no allocation. */
#ifndef TT_BASE_HISTOGRAM_H
#define TT_BASE_HISTOGRAM_H

#include <stdint.h>

enum { TT_HISTOGRAM_STEPS = 64, TT_HISTOGRAM_BINS = 64 * 40 };

struct tt_histogram {
    uint64_t count;
    int64_t min_ns, max_ns, sum_ns;
    uint32_t bins[TT_HISTOGRAM_BINS];
};

void tt_histogram_add(struct tt_histogram *histogram, int64_t value_ns);
void tt_histogram_merge(struct tt_histogram *into, const struct tt_histogram *from);

/* The bin that a value counts into, and the greatest value that does. */
uint32_t tt_histogram_bin(int64_t value_ns);
int64_t tt_histogram_bin_end(uint32_t bin);

/* The value below which the share part/whole of the samples lies, rounded up to its bin's end but
 * never above the maximum seen; 0 without samples. Negative values count as 0 but for min_ns and
 * sum_ns. */
int64_t tt_histogram_quantile(const struct tt_histogram *histogram, uint64_t part, uint64_t whole);

#endif
