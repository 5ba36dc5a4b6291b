/* What a reservation gives at least, and how many samples a promise needs. Integers throughout. */
#include "base/assert.h"
#include "planner/planner.h"

/* The worst case begins right after a budget that came at its period's begin; the next ones come at
 * their periods' ends: nothing for 2 (period - budget), then a budget in every period. */
int64_t tt_supply_ns(int64_t budget_ns, int64_t period_ns, int64_t t_ns)
{
    int64_t gap_ns = period_ns - budget_ns, past_ns, whole_count, rest_ns;

    tt_assert(budget_ns >= 0);
    tt_assert(budget_ns <= period_ns);
    tt_assert(period_ns > 0);
    past_ns = t_ns - 2 * gap_ns;
    if (past_ns <= 0)
        return 0;
    whole_count = past_ns / period_ns;
    rest_ns = past_ns % period_ns;
    return whole_count * budget_ns + (rest_ns < budget_ns ? rest_ns : budget_ns);
}

/* Fractions below 1 as 64 bits after the point. */
static uint64_t times(uint64_t a, uint64_t b)
{
    return (uint64_t)(((unsigned __int128)a * b) >> 64);
}

/* The least n with (1 - loss)^n <= 0.05: then, with 95 % confidence, the largest of n samples is
 * not below the quantile at 1 - loss. By squaring, from the highest power down. */
uint64_t tt_samples_needed(struct tt_rational loss)
{
    uint64_t powers[40], reached = UINT64_MAX, count = 0, keep;
    const uint64_t target = UINT64_MAX / 20;

    if (loss.num <= 0 || loss.den <= 0)
        return UINT64_MAX;
    if (loss.num >= loss.den)
        return 1;
    keep =
        (uint64_t)(((unsigned __int128)(loss.den - loss.num) << 64) / (unsigned __int128)loss.den);
    powers[0] = keep;
    for (uint32_t n = 1; n < 40; n++)
        powers[n] = times(powers[n - 1], powers[n - 1]);
    if (powers[39] > target)
        return UINT64_MAX;
    for (int32_t n = 39; n >= 0; n--) {
        uint64_t next = times(reached, powers[n]);

        if (next <= target)
            continue;
        reached = next;
        count += (uint64_t)1 << n;
    }
    return count + 1;
}
