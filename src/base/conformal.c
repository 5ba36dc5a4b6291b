/* Bounds the next cost by those before it: rolling, and corrected by its own misses. */
#include "base/conformal.h"

#include <stdbool.h>

#include "base/assert.h"
#include "tactus/format.h"

/* Shares are in parts of 2^40: the least step for a loss of 1/10000 is still 1,000 of them. */
#define ONE (INT64_C(1) << 40)

enum {
    WINDOW = 5, /* times 1/loss */
    WINDOW_MAX = 40000,
    STEP_PARTS = 10,     /* the least step is loss/10 */
    STEP_DOUBLINGS = 3,  /* ... and the largest 8 times that */
    THICK = 20,          /* a miss within 1/(20 loss) of the one before: 5 % of them by chance */
    SHARE_MAX_LOSSES = 2 /* a long quiet time must not be paid back by a burst */
};

struct tt_conformal {
    struct tt_rational loss;
    int64_t target;   /* of the share: the loss */
    int64_t share;    /* that the quantile leaves out; may be negative: above all that was seen */
    int64_t bound_ns; /* 0: none yet */
    int64_t up[STEP_DOUBLINGS + 1]; /* what is no miss adds to the share, by doublings */
    uint64_t seen, misses, since_miss;
    uint32_t doublings;                /* of the step */
    uint32_t quiet;                    /* samples since the last miss or halving */
    uint32_t window, count, next, top; /* top: no bin above it has a sample */
    uint32_t bins[TT_HISTOGRAM_BINS];
    uint16_t ring[]; /* window bins, the oldest at `next` when it is full */
};

static uint32_t window_of(struct tt_rational loss)
{
    int64_t samples = tt_muldiv(WINDOW, loss.den, loss.num) + 1;

    return samples > WINDOW_MAX ? WINDOW_MAX : (uint32_t)samples;
}

uint64_t tt_conformal_bytes(struct tt_rational loss)
{
    tt_assert(loss.num > 0 && loss.num < loss.den);
    return sizeof(struct tt_conformal) + (window_of(loss) * sizeof(uint16_t) + 7) / 8 * 8;
}

static int64_t step_of(const struct tt_conformal *conformal, uint32_t doublings)
{
    return (conformal->target << doublings) / STEP_PARTS;
}

struct tt_conformal *tt_conformal_init(void *memory, struct tt_rational loss)
{
    struct tt_conformal *conformal = memory;

    tt_assert(loss.num > 0 && loss.num < loss.den);
    __builtin_memset(conformal, 0, tt_conformal_bytes(loss));
    conformal->loss = loss;
    conformal->share = conformal->target = tt_muldiv(ONE, loss.num, loss.den);
    for (uint32_t n = 0; n <= STEP_DOUBLINGS; n++)
        conformal->up[n] = tt_muldiv(step_of(conformal, n), loss.num, loss.den);
    conformal->window = window_of(loss);
    return conformal;
}

/* Less than 1/(parts * loss) samples? */
static bool is_within(const struct tt_conformal *conformal, uint64_t samples, int64_t parts)
{
    return (unsigned __int128)samples * (uint64_t)parts * (uint64_t)conformal->loss.num <
           (uint64_t)conformal->loss.den;
}

/* A miss moves the share down by step * (1 - loss), anything else up by step * loss: where misses
 * are as frequent as `loss` says, it stays. */
static void correct(struct tt_conformal *conformal, bool is_miss)
{
    const struct tt_rational loss = conformal->loss;
    const int64_t target = conformal->target;

    conformal->since_miss++;
    conformal->quiet++;
    if (is_miss) {
        bool is_thick = conformal->misses > 0 && is_within(conformal, conformal->since_miss, THICK);

        if (is_thick && conformal->doublings < STEP_DOUBLINGS)
            conformal->doublings++;
        conformal->share -=
            tt_muldiv(step_of(conformal, conformal->doublings), loss.den - loss.num, loss.den);
        conformal->misses++;
        conformal->since_miss = conformal->quiet = 0;
    } else {
        conformal->share += conformal->up[conformal->doublings];
    }
    if (!is_within(conformal, conformal->quiet, 1)) {
        conformal->doublings -= conformal->doublings > 0;
        conformal->quiet = 0;
    }
    if (conformal->share > SHARE_MAX_LOSSES * target)
        conformal->share = SHARE_MAX_LOSSES * target;
    if (conformal->share < -target)
        conformal->share = -target;
}

static void remember(struct tt_conformal *conformal, int64_t cost_ns)
{
    uint32_t bin = tt_histogram_bin(cost_ns);

    if (conformal->count == conformal->window)
        conformal->bins[conformal->ring[conformal->next]]--;
    else
        conformal->count++;
    conformal->ring[conformal->next] = (uint16_t)bin;
    conformal->next = conformal->next + 1 < conformal->window ? conformal->next + 1 : 0;
    conformal->bins[bin]++;
    if (bin > conformal->top)
        conformal->top = bin;
    while (conformal->bins[conformal->top] == 0)
        conformal->top--;
}

int64_t tt_conformal_ceiling(const struct tt_conformal *conformal)
{
    int64_t top_ns = tt_histogram_bin_end(conformal->top);

    return conformal->count == 0 ? 0 : top_ns + top_ns / 4 + 1;
}

/* Of n costs the next one is above the k-th largest with probability k / (n + 1). Where no rank is
 * as rare as the share asks for, a quarter is laid on the largest. */
static int64_t bound(const struct tt_conformal *conformal)
{
    int64_t rank = conformal->share <= 0 ? 0 : conformal->share * (conformal->count + 1) / ONE;
    uint32_t bin = conformal->top;
    int64_t above = conformal->bins[bin];

    if (rank == 0)
        return tt_conformal_ceiling(conformal);
    while (above < rank && bin > 0)
        above += conformal->bins[--bin];
    return tt_histogram_bin_end(bin);
}

void tt_conformal_add(struct tt_conformal *conformal, int64_t cost_ns)
{
    if (conformal->seen > 0)
        correct(conformal, cost_ns > conformal->bound_ns);
    conformal->seen++;
    remember(conformal, cost_ns);
    conformal->bound_ns = bound(conformal);
}

int64_t tt_conformal_bound(const struct tt_conformal *conformal)
{
    return conformal->bound_ns;
}

struct tt_rational tt_conformal_loss(const struct tt_conformal *conformal)
{
    return conformal->loss;
}

uint64_t tt_conformal_seen(const struct tt_conformal *conformal)
{
    return conformal->seen;
}

uint64_t tt_conformal_misses(const struct tt_conformal *conformal)
{
    return conformal->misses;
}

void tt_conformal_merge(const struct tt_conformal *conformal, struct tt_histogram *into)
{
    for (uint32_t bin = 0; conformal->count > 0 && bin <= conformal->top; bin++) {
        int64_t end_ns;

        if (conformal->bins[bin] == 0)
            continue;
        end_ns = tt_histogram_bin_end(bin);
        if (into->count == 0 || end_ns < into->min_ns)
            into->min_ns = end_ns;
        if (into->count == 0 || end_ns > into->max_ns)
            into->max_ns = end_ns;
        into->count += conformal->bins[bin];
        into->sum_ns += end_ns * conformal->bins[bin];
        into->bins[bin] += conformal->bins[bin];
    }
}
