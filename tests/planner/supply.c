/* Supply and sample counts against what can be counted out. */
#include "check.h"
#include "planner/planner.h"

enum { PERIODS = 4, PERIOD_MAX = 5 };

/* The least supply in any interval of length t, over every way to place the budget's units in four
 * periods and every begin in the first of them. */
static int64_t least_supply(uint32_t budget, uint32_t period, uint32_t t)
{
    uint32_t masks[32], mask_count = 0, total = 1;
    int64_t least = INT64_MAX;

    for (uint32_t mask = 0; mask < 1u << period; mask++)
        if ((uint32_t)__builtin_popcount(mask) == budget)
            masks[mask_count++] = mask;
    for (uint32_t n = 0; n < PERIODS; n++)
        total *= mask_count;
    for (uint32_t code = 0; code < total; code++) {
        uint32_t rest = code, line = 0;

        for (uint32_t n = 0; n < PERIODS; n++) {
            line |= masks[rest % mask_count] << (n * period);
            rest /= mask_count;
        }
        for (uint32_t begin = 0; begin < period; begin++) {
            int64_t got = __builtin_popcount(line >> begin & ((1u << t) - 1));

            least = got < least ? got : least;
        }
    }
    return least;
}

static void supply_is_the_least_of_all(void)
{
    for (uint32_t period = 1; period <= PERIOD_MAX; period++)
        for (uint32_t budget = 1; budget <= period; budget++)
            for (uint32_t t = 0; t <= (PERIODS - 1) * period; t++)
                CHECK_INT(tt_supply_ns(budget, period, t), least_supply(budget, period, t));
}

/* Shin and Lee's own form of it. */
static int64_t shin_lee(int64_t budget, int64_t period, int64_t t)
{
    int64_t gap = period - budget, k = (t - gap + period - 1) / period;

    if (t <= gap || k < 1)
        k = 1;
    if (t >= (k + 1) * period - 2 * budget && t <= (k + 1) * period - budget)
        return t - (k + 1) * gap;
    return (k - 1) * budget;
}

static void supply_agrees_with_its_paper(void)
{
    for (int64_t budget = 1; budget <= 50; budget++)
        for (int64_t t = 0; t < 400; t++)
            CHECK_INT(tt_supply_ns(budget, 50, t), shin_lee(budget, 50, t));
    CHECK_INT(tt_supply_ns(3000000, 10000000, 14000000), 0);
    CHECK_INT(tt_supply_ns(3000000, 10000000, 17000000), 3000000);
    CHECK_INT(tt_supply_ns(3000000, 10000000, 25000000), 4000000);
}

static void samples_are_counted_out(void)
{
    CHECK_INT(tt_samples_needed((struct tt_rational){1, 100}), 299);
    CHECK_INT(tt_samples_needed((struct tt_rational){1, 1000}), 2995);
    CHECK_INT(tt_samples_needed((struct tt_rational){1, 10}), 29);
    CHECK_INT(tt_samples_needed((struct tt_rational){1, 2}), 5);
    CHECK_INT(tt_samples_needed((struct tt_rational){1, 1}), 1);
    CHECK_INT(tt_samples_needed((struct tt_rational){99, 100}), 1);
    CHECK(tt_samples_needed((struct tt_rational){0, 1}) == UINT64_MAX);
    CHECK(tt_samples_needed((struct tt_rational){-1, 100}) == UINT64_MAX);
    for (int64_t whole = 2; whole < 3000; whole += 7) { /* by multiplying, one at a time */
        double left = 1;
        uint64_t count = 0;

        for (; left > 0.05; count++)
            left *= (double)(whole - 1) / (double)whole;
        CHECK_INT(tt_samples_needed((struct tt_rational){1, whole}), count);
    }
}

int main(void)
{
    RUN(supply_is_the_least_of_all);
    RUN(supply_agrees_with_its_paper);
    RUN(samples_are_counted_out);
    return 0;
}
