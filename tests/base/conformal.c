/* Bounds of costs: on traces recorded from components, and on streams whose quantile is known. */
#include "base/conformal.h"

#include <inttypes.h>

#include "check.h"

enum { TRACE_MAX = 40000, STREAM = 4000, WARM = 300 };

struct trace {
    int64_t costs[TRACE_MAX];
    uint32_t count, shift;
};

struct outcome {
    uint64_t misses, count;
    int64_t bound_sum_ns;
};

static const struct tt_rational losses[] = {{1, 100}, {1, 20}};
static struct trace trace, drawn;
static uint64_t seed;
static union {
    uint64_t aligned;
    uint8_t bytes[512 << 10];
} memory, other;

static struct tt_conformal *begin(struct tt_rational loss)
{
    CHECK(tt_conformal_bytes(loss) <= sizeof(memory));
    return tt_conformal_init(&memory, loss);
}

static uint32_t draw(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((seed >> 33) % below);
}

/* Bell-shaped between 0.6 and 1.4 of the middle, and one in 200 up to twice that. */
static int64_t noisy(int64_t middle_ns)
{
    int64_t sum = 0;

    for (int n = 0; n < 8; n++)
        sum += draw(1000);
    sum = middle_ns * (6000 + sum) / 10000;
    return draw(200) == 0 ? sum * (1000 + draw(1000)) / 1000 : sum;
}

/* What comes of a trace's samples from one place to another, the predictor having seen all before.
 */
static struct outcome follow(const struct trace *of, struct tt_rational loss, uint32_t from,
                             uint32_t to)
{
    struct tt_conformal *conformal = begin(loss);
    struct outcome ret = {0};

    for (uint32_t n = 0; n < to; n++) {
        int64_t bound_ns = tt_conformal_bound(conformal);

        if (n >= from) {
            ret.misses += of->costs[n] > bound_ns;
            ret.bound_sum_ns += bound_ns;
            ret.count++;
        }
        tt_conformal_add(conformal, of->costs[n]);
    }
    return ret;
}

/* The same by what it takes the place of: the quantile of all that was ever seen. */
static struct outcome follow_lifetime(const struct trace *of, struct tt_rational loss,
                                      uint32_t from)
{
    static struct tt_histogram all;
    struct outcome ret = {0};

    memset(&all, 0, sizeof(all));
    for (uint32_t n = 0; n < of->count; n++) {
        int64_t bound_ns =
            tt_histogram_quantile(&all, (uint64_t)(loss.den - loss.num), (uint64_t)loss.den);

        if (n >= from) {
            ret.misses += of->costs[n] > bound_ns;
            ret.count++;
        }
        tt_histogram_add(&all, of->costs[n]);
    }
    return ret;
}

static int by_size(const void *a, const void *b)
{
    const int64_t *left = a, *right = b;

    return *left < *right ? -1 : *left > *right;
}

static int64_t quantile(const int64_t *costs, uint32_t count, struct tt_rational loss)
{
    static int64_t sorted[TRACE_MAX];

    memcpy(sorted, costs, count * sizeof(*costs));
    qsort(sorted, count, sizeof(*sorted), by_size);
    return sorted[((int64_t)count * (loss.den - loss.num) + loss.den - 1) / loss.den - 1];
}

/* In hundredths of the target. */
static int64_t misses_of(struct outcome outcome, struct tt_rational loss)
{
    return (int64_t)outcome.misses * 100 * loss.den / (loss.num * (int64_t)outcome.count);
}

static void check_misses(const char *name, struct tt_rational loss, struct outcome outcome)
{
    if (misses_of(outcome, loss) > 150)
        fprintf(stderr, "%s at 1/%" PRId64 ": %" PRIu64 " misses of %" PRIu64 "\n", name,
                loss.den / loss.num, outcome.misses, outcome.count);
    CHECK(misses_of(outcome, loss) <= 150);
}

static void read_trace(const char *path)
{
    FILE *text = fopen(path, "r");
    char line[160];

    CHECK(text != NULL);
    memset(&trace, 0, sizeof(trace));
    while (fgets(line, sizeof(line), text) != NULL) {
        if (strncmp(line, "# shift ", 8) == 0)
            trace.shift = (uint32_t)strtoul(line + 8, NULL, 10);
        else if (line[0] != '#' && trace.count < TRACE_MAX)
            trace.costs[trace.count++] = strtoll(line, NULL, 10);
    }
    (void)fclose(text);
    CHECK(trace.shift > WARM && trace.count > trace.shift + WARM);
}

/* Costs of one half in a random order, again and again: nothing shifts, and the quantile is known.
 */
static int64_t stationary(uint32_t from, uint32_t to, struct tt_rational loss)
{
    struct outcome outcome;
    int64_t wanted_ns = quantile(trace.costs + from, to - from, loss);

    drawn.count = TRACE_MAX;
    for (uint32_t n = 0; n < TRACE_MAX; n++)
        drawn.costs[n] = trace.costs[from + draw(to - from)];
    outcome = follow(&drawn, loss, WARM, TRACE_MAX);
    check_misses("drawn", loss, outcome);
    return outcome.bound_sum_ns / (int64_t)outcome.count * 100 / wanted_ns;
}

static void judge_trace(const char *path)
{
    const char *name = strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path;

    read_trace(path);
    for (uint32_t n = 0; n < 2; n++) {
        struct outcome all = follow(&trace, losses[n], WARM, trace.count);
        struct outcome after = follow(&trace, losses[n], trace.shift + WARM, trace.count);
        struct outcome lifetime = follow_lifetime(&trace, losses[n], WARM);
        int64_t before_bound = stationary(0, trace.shift, losses[n]);
        int64_t after_bound = stationary(trace.shift, trace.count, losses[n]);

        fprintf(stderr,
                "  %-18s loss 1/%-3" PRId64 " misses %3" PRId64
                " %% of the target, after the shift %3" PRId64 " %% (of all ever seen: %3" PRId64
                " %%); bound %3" PRId64 " and %3" PRId64 " %% of the quantile\n",
                name, losses[n].den, misses_of(all, losses[n]), misses_of(after, losses[n]),
                misses_of(lifetime, losses[n]), before_bound, after_bound);
        check_misses(name, losses[n], all);
        check_misses(name, losses[n], after);
        CHECK(before_bound <= 125 && after_bound <= 125);
        CHECK(before_bound >= 90 && after_bound >= 90);
    }
}

typedef int64_t shape_fn(uint32_t n);

static int64_t level(uint32_t n)
{
    (void)n;
    return noisy(1000000);
}

static int64_t step_up(uint32_t n)
{
    return noisy(n < STREAM / 2 ? 1000000 : 5000000);
}

static int64_t step_down(uint32_t n)
{
    return noisy(n < STREAM / 2 ? 3000000 : 1000000);
}

static int64_t ramp_up(uint32_t n)
{
    return noisy(1000000 + 500 * (int64_t)n);
}

static int64_t ramp_down(uint32_t n)
{
    return noisy(3000000 - 500 * (int64_t)n);
}

static int64_t key_frames(uint32_t n)
{
    return noisy(n % 48 == 0 ? 3000000 : 1000000);
}

static void make(shape_fn *shape)
{
    drawn.count = STREAM;
    for (uint32_t n = 0; n < STREAM; n++)
        drawn.costs[n] = shape(n);
}

static void misses_stay_near_the_loss_whatever_the_costs_do(void)
{
    static shape_fn *const shapes[] = {level, step_up, step_down, ramp_up, ramp_down, key_frames};

    for (uint32_t n = 0; n < sizeof(shapes) / sizeof(shapes[0]); n++)
        for (uint32_t round = 1; round <= 5; round++) {
            char name[32];

            (void)snprintf(name, sizeof(name), "shape %u, seed %u", n, round);
            seed = round;
            make(shapes[n]);
            for (uint32_t k = 0; k < 2; k++)
                check_misses(name, losses[k], follow(&drawn, losses[k], WARM, STREAM));
        }
}

static void the_bound_is_near_the_quantile_of_what_stays(void)
{
    static shape_fn *const shapes[] = {level, key_frames};

    seed = 5;
    for (uint32_t n = 0; n < 2; n++)
        for (uint32_t k = 0; k < 2; k++) {
            struct outcome outcome;
            int64_t wanted_ns;

            make(shapes[n]);
            wanted_ns = quantile(drawn.costs, STREAM, losses[k]);
            outcome = follow(&drawn, losses[k], WARM, STREAM);
            CHECK(outcome.bound_sum_ns / (int64_t)outcome.count < wanted_ns * 5 / 4);
            CHECK(outcome.bound_sum_ns / (int64_t)outcome.count > wanted_ns * 9 / 10);
        }
}

/* What is enforced strikes down far fewer than the loss, and stays within a quarter of the largest.
 */
static void the_ceiling_is_seldom_reached(void)
{
    for (uint32_t k = 0; k < 2; k++) {
        struct tt_conformal *conformal = begin(losses[k]);
        uint32_t above = 0;

        seed = 21;
        CHECK_INT(tt_conformal_ceiling(conformal), 0);
        for (uint32_t n = 0; n < 20000; n++) {
            int64_t cost_ns = noisy(1000000);

            above += n >= WARM && cost_ns > tt_conformal_ceiling(conformal);
            tt_conformal_add(conformal, cost_ns);
            CHECK(tt_conformal_ceiling(conformal) >= tt_conformal_bound(conformal));
            CHECK(tt_conformal_ceiling(conformal) <= 2800000 / 4 * 5 * 65 / 64 + 2);
        }
        CHECK(above * losses[k].den / losses[k].num < 20000 / 4);
    }
}

/* What was dear is forgotten within the window: a reservation can be given back. */
static void the_bound_comes_down_again(void)
{
    struct tt_conformal *conformal = begin(losses[0]);

    seed = 9;
    for (uint32_t n = 0; n < 1000; n++)
        tt_conformal_add(conformal, noisy(3000000));
    CHECK(tt_conformal_bound(conformal) > 3000000);
    for (uint32_t n = 0; n < 550; n++)
        tt_conformal_add(conformal, noisy(1000000));
    CHECK(tt_conformal_bound(conformal) < 2500000);
}

static void the_same_costs_give_the_same_bounds(void)
{
    struct tt_conformal *one = begin(losses[1]);
    struct tt_conformal *two = tt_conformal_init(&other, losses[1]);

    seed = 11;
    for (uint32_t n = 0; n < STREAM; n++) {
        int64_t cost_ns = noisy(40000);

        tt_conformal_add(one, cost_ns);
        tt_conformal_add(two, cost_ns);
        CHECK_INT(tt_conformal_bound(one), tt_conformal_bound(two));
    }
    CHECK(memcmp(&memory, &other, tt_conformal_bytes(losses[1])) == 0);
    CHECK_INT(tt_conformal_seen(one), STREAM);
}

static void windows_merge(void)
{
    static struct tt_histogram merged, added;
    struct tt_conformal *conformal = begin(losses[1]);

    seed = 13;
    for (uint32_t n = 0; n < 500; n++) {
        int64_t cost_ns = noisy(90000);

        tt_conformal_add(conformal, cost_ns);
        if (n >= 500 - 101) /* 5/loss and one */
            tt_histogram_add(&added, tt_histogram_bin_end(tt_histogram_bin(cost_ns)));
    }
    tt_conformal_merge(conformal, &merged);
    CHECK(memcmp(&merged, &added, sizeof(added)) == 0);
    tt_conformal_merge(conformal, &merged);
    CHECK_INT(merged.count, 2 * added.count);
    CHECK_INT(tt_histogram_quantile(&merged, 19, 20), tt_histogram_quantile(&added, 19, 20));
}

static void extremes_stay_in_bounds(void)
{
    static const struct tt_rational odd[] = {{1, 1000000000}, {999999999, 1000000000}, {1, 10000}};

    for (uint32_t n = 0; n < 3; n++) {
        struct tt_conformal *conformal = begin(odd[n]);

        CHECK_INT(tt_conformal_bound(conformal), 0);
        for (uint32_t m = 0; m < 50000; m++) {
            tt_conformal_add(conformal, m % 3 == 0 ? INT64_MAX : m % 3 == 1 ? -7 : (int64_t)m);
            CHECK(tt_conformal_bound(conformal) >= 0);
        }
    }
}

int main(int argc, char **argv)
{
    RUN(misses_stay_near_the_loss_whatever_the_costs_do);
    RUN(the_bound_is_near_the_quantile_of_what_stays);
    RUN(the_ceiling_is_seldom_reached);
    RUN(the_bound_comes_down_again);
    RUN(the_same_costs_give_the_same_bounds);
    RUN(windows_merge);
    RUN(extremes_stay_in_bounds);
    seed = 17;
    CHECK_INT(argc, 6);
    for (int n = 1; n < argc; n++)
        judge_trace(argv[n]);
    return 0;
}
