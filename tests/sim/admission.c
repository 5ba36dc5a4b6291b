/* Admission against the machine: random graphs through the real planner, then the real engine in
 * the worst case that each was admitted for. Every cost is its maximum, the reservation supplies as
 * late as it may, wake-ups and edges come as late as they may: nothing admitted may miss. What was
 * refused is run as well, with all that a worker can get, and counted when it keeps all. */
#include <time.h>

#include "check.h"
#include "refusal.h"
#include "rig.h"
#include "tactus/format.h"
#include "vanish.h"

#define MS INT64_C(1000000)

enum { GRAPHS = 2000, LATER_GRAPHS = 500, BANDS_GRAPHS = 500, PATTERNS = 3 };

static const struct tt_rational band_rates[] = {{4, 1},  {5, 1},  {10, 1},  {20, 1},
                                                {25, 1}, {30, 1}, {150, 1}, {200, 1}};
static const struct tt_rational rates[] = {{10, 1}, {20, 1},       {24, 1}, {25, 1},
                                           {30, 1}, {30000, 1001}, {50, 1}, {100, 1}};

/* Seeds from here on: the same graphs, some of their components with structural latency, or with
 * outputs of another rate as well. */
#define LATENCY (UINT64_C(1) << 32)
#define RATIO (UINT64_C(2) << 32)
/* And from here on: others, of several time scales or more than a CPU, in several containers. */
#define BANDS (UINT64_C(3) << 32)

/* Graphs that once missed though admitted, beyond the first ones. */
static const uint64_t kept[] = {
    13973,
    103901,
    109476, /* a backlog longer than a raw link */
    15954,  /* late at a join by the clock */
    18559,  /* a join of two rates waited, which no term counted */
    108187, /* most releases of a fast source had nothing behind them */
    /* What held frames back was due with what came, not with what it gave. */
    LATENCY + 146,
    LATENCY + 806,
    LATENCY + 947,
    /* Two frames of one pushed out what could still be in time. */
    RATIO + 12504,
    RATIO + 19806,
    RATIO + 20327,
    /* One consumer's queue was shed by the time of another. */
    RATIO + 69554,
    /* What goes from edge to edge waits for the worker that hands it on. */
    BANDS + 1540,
    BANDS + 2130,
    BANDS + 4332,
    /* Who had ended left no room for another's End. */
    BANDS + 43,
    BANDS + 1624,
    /* Whose consumer was behind its own consumers went before it, and pushed its frames out. */
    BANDS + 11430,
    /* An inlet's consumers held less beyond their queues than its ring. */
    BANDS + 18284,
    /* The worker that hands on for an edge is the one that the edge's frames come to. */
    BANDS + 22530,
    /* What was to be handed over by its bound was due later, and others went before it. */
    BANDS + 26361,
    /* One consumer's short queue put the producer behind, and others' frames with it. */
    BANDS + 28280,
    /* Behind an End a producer waited for a join by the clock, full of what it would not show. */
    BANDS + 30124,
    /* What was passed from edge to edge was left half way, for a component of 96 ms. */
    BANDS + 103207,
};

struct counts {
    uint32_t divided, divided_missing, divided_refused, divided_kept; /* of several containers */
    uint32_t admitted, refused, refused_kept, missing;
    uint32_t vanished, vanished_missing; /* a joined input stayed away; and others' frames missed */
    uint32_t fired;                      /* a join went on without an input that was in time */
    uint32_t refused_by[REFUSAL_COUNT], kept_by[REFUSAL_COUNT]; /* of those that were refused */
    uint64_t frames;
};

/* Returns how many CPUs it is planned for. */
static uint32_t draw_rig(struct rig *rig, uint64_t seed)
{
    bool has_bands = seed >= BANDS;
    struct picture_params params = {.rates = rates,
                                    .rate_count = sizeof(rates) / sizeof(rates[0]),
                                    .deadline_min_ns = 5 * MS,
                                    .deadline_max_ns = 120 * MS,
                                    .share_max_ppm = 900000,
                                    .has_edges = true,
                                    .has_latency = seed >= LATENCY && !has_bands,
                                    .has_ratio = seed >= RATIO && !has_bands,
                                    .has_bands = has_bands};
    struct draw draw = {seed % LATENCY};
    uint32_t cpu_count;

    memset(rig, 0, sizeof(*rig));
    rig->vanishing = -1;
    if (has_bands) {
        params.rates = band_rates;
        params.rate_count = sizeof(band_rates) / sizeof(band_rates[0]);
        params.deadline_min_ns = 20 * MS;
        params.deadline_max_ns = 400 * MS;
        params.share_max_ppm = draw_below(&draw, 2) == 0 ? 1800000 : 900000;
        params.has_latency = draw_below(&draw, 2) == 0;
        params.has_ratio = params.has_latency && draw_below(&draw, 2) == 0;
    }
    picture_draw(&draw, &params, &rig->made);
    if (!has_bands) {
        rig_plan(rig, 0);
        return 1;
    }
    cpu_count = 1 + draw_below(&draw, 4);
    rig_plan(rig, cpu_count);
    return cpu_count;
}

static void say(const struct rig *rig, uint64_t seed, uint32_t pattern)
{
    char *text = tt_plan_print(rig->plan, &rig->made.picture);

    fprintf(stderr,
            "seed %llu pattern %u: admitted, but %u of %u missed, by up to %.3f ms; %u late "
            "policies used\n",
            (unsigned long long)seed, pattern, rig->missed, rig->frames,
            (double)rig->late_ns_max / 1e6, rig->uses);
    if (getenv("VERBOSE") != NULL) {
        char *dot = tt_picture_dot(&rig->made.picture);

        fprintf(stderr, "%s\n%s\n", text, dot);
        free(dot);
    }
    free(text);
}

/* The promise is made for least budget and headroom; what is above is for the engine's own work,
 * which costs nothing here. */
static struct rig_run promised(const struct rig *rig, uint64_t seed, uint32_t pattern)
{
    struct rig_run run = {.pattern = pattern, .seed = seed, .length_ns = 700 * MS};

    for (uint32_t n = 0; n < rig->plan->worker_count; n++) {
        const struct tt_plan_worker *worker = &rig->plan->workers[n];

        run.budget_ns[n] = worker->budget_ns - worker->overhead_ns;
        run.period_ns[n] = worker->period_ns;
    }
    return run;
}

/* No promise, for the input does not keep its own: how often a join's late policy leaves the others
 * time enough. */
static void try_vanished(struct rig *rig, uint64_t seed, struct counts *counts)
{
    struct rig_run run = promised(rig, seed, 0);

    rig->vanishing = vanish_find(&rig->made.picture);
    if (rig->vanishing < 0)
        return;
    counts->vanished++;
    counts->vanished_missing += !rig_keeps(rig, &run);
}

static void try_admitted(struct rig *rig, uint64_t seed, struct counts *counts)
{
    bool is_kept = true, has_fired = false, is_divided = rig->plan->worker_count > 1;

    for (uint32_t n = 0; n < PATTERNS; n++) {
        struct rig_run run = promised(rig, seed, n);

        is_kept = rig_keeps(rig, &run) && is_kept;
        has_fired = has_fired || rig->uses > 0;
        counts->frames += rig->frames;
        if (rig->missed > 0 || rig->uses > 0)
            say(rig, seed, n);
    }
    counts->admitted++;
    counts->fired += has_fired;
    counts->missing += !is_kept;
    counts->divided += is_divided;
    counts->divided_missing += is_divided && !is_kept;
    try_vanished(rig, seed, counts);
}

/* All that a worker can get: 75 % of a CPU, or its part of the machine's, less the twentieth for
 * the engine, in the shortest period: as smooth as it gets. */
static void try_refused(struct rig *rig, uint32_t cpu_count, uint64_t seed, struct counts *counts)
{
    uint32_t workers = rig->plan->worker_count;
    int64_t budget_ns = 700000;
    bool is_kept = true;

    if (workers > cpu_count)
        budget_ns = budget_ns * cpu_count / workers;
    for (uint32_t n = 0; n < PATTERNS; n++) {
        struct rig_run run = {.pattern = n, .seed = seed, .length_ns = 700 * MS};

        for (uint32_t w = 0; w < workers; w++) {
            run.budget_ns[w] = budget_ns;
            run.period_ns[w] = MS;
        }
        is_kept = rig_keeps(rig, &run) && is_kept;
    }
    counts->refused++;
    counts->refused_kept += is_kept;
    if (workers > 1) { /* each worker has terms of its own */
        counts->divided_refused++;
        counts->divided_kept += is_kept;
    } else {
        enum refusal by = refusal_of(&rig->made.picture, rig->plan, budget_ns, MS);

        counts->refused_by[by]++;
        counts->kept_by[by] += is_kept;
    }
}

static uint64_t running_seed;

static void say_seed(void)
{
    if (running_seed != 0)
        fprintf(stderr, "graph %llu failed\n", (unsigned long long)running_seed);
}

static void try_seed(uint64_t seed, struct counts *counts)
{
    static struct rig rig;
    uint32_t cpu_count;

    running_seed = seed;
    cpu_count = draw_rig(&rig, seed);

    if (rig.plan->is_admitted && rig.plan->budget_ns > 0)
        try_admitted(&rig, seed, counts);
    else
        try_refused(&rig, cpu_count, seed, counts);
    rig_close(&rig);
    running_seed = 0;
}

static void say_refusals(const struct counts *counts)
{
    fprintf(stderr, "%-34s %8s %18s\n", "refused for", "graphs", "would have run");
    for (uint32_t n = 0; n < REFUSAL_COUNT; n++)
        fprintf(stderr, "%-34s %8u %8u %7.1f %%\n", refusal_name(n), counts->refused_by[n],
                counts->kept_by[n],
                counts->refused_by[n] ? 100.0 * counts->kept_by[n] / counts->refused_by[n] : 0.0);
}

/* admission: the first seeds; admission FIRST COUNT: others. VERBOSE=1 shows the plan of a miss. */
int main(int argc, char **argv)
{
    struct counts counts = {0};
    uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : GRAPHS;

    (void)atexit(say_seed);
    for (uint32_t n = 0; argc == 1 && n < sizeof(kept) / sizeof(kept[0]); n++)
        try_seed(kept[n], &counts);
    for (uint64_t n = 0; argc == 1 && n < LATER_GRAPHS; n++)
        try_seed(RATIO + n, &counts);
    for (uint64_t n = 0; argc == 1 && n < BANDS_GRAPHS; n++)
        try_seed(BANDS + n, &counts);
    for (uint64_t seed = first; seed < first + count; seed++)
        try_seed(seed, &counts);
    fprintf(stderr,
            "%u admitted, %u of them missed, in %u a join went on without an input that was in "
            "time; %llu frames; %u refused, of which %u kept all that was tried\n",
            counts.admitted, counts.missing, counts.fired, (unsigned long long)counts.frames,
            counts.refused, counts.refused_kept);
    fprintf(stderr,
            "%u had an input at a join that stayed away from the middle on: with %u of them the "
            "others' frames were late, too\n",
            counts.vanished, counts.vanished_missing);
    fprintf(
        stderr,
        "of these in several containers: %u admitted, %u of them missed, %u refused, of which %u "
        "kept all that was tried\n",
        counts.divided, counts.divided_missing, counts.divided_refused, counts.divided_kept);
    say_refusals(&counts);
    CHECK_INT(counts.missing, 0);
    CHECK_INT(counts.fired, 0);
    if (count >= GRAPHS) {
        CHECK(counts.admitted > GRAPHS / 4);
        CHECK(counts.refused > counts.refused_kept); /* the machine can show a miss */
    }
    return 0;
}
