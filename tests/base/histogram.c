/* Histograms: resolution, order, merging. */
#include "base/histogram.h"

#include "check.h"

static struct tt_histogram a, b;

static void quantiles_are_within_two_percent(void)
{
    for (int64_t n = 1; n <= 100000; n++)
        tt_histogram_add(&a, n * 1000);
    for (uint64_t part = 1; part <= 1000; part++) {
        int64_t wanted = (int64_t)part * 100000, got = tt_histogram_quantile(&a, part, 1000);

        CHECK(got >= wanted);
        CHECK(got <= wanted + wanted / 50);
    }
    CHECK_INT(a.max_ns, 100000000);
}

static void merging_equals_adding(void)
{
    struct tt_histogram whole = a;

    for (int64_t n = 0; n < 500; n++) {
        tt_histogram_add(&b, n * n * 977);
        tt_histogram_add(&whole, n * n * 977);
    }
    tt_histogram_merge(&a, &b);
    CHECK(memcmp(&a, &whole, sizeof(a)) == 0);
}

static void extremes_stay_in_bounds(void)
{
    struct tt_histogram edge = {0};

    CHECK_INT(tt_histogram_quantile(&edge, 1, 2), 0);
    tt_histogram_add(&edge, INT64_MAX);
    tt_histogram_add(&edge, -5);
    CHECK_INT(edge.min_ns, -5);
    CHECK(tt_histogram_quantile(&edge, 1, 1) > 0);
}

int main(void)
{
    RUN(quantiles_are_within_two_percent);
    RUN(merging_equals_adding);
    RUN(extremes_stay_in_bounds);
    return 0;
}
