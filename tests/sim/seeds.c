/* A minute of a machine with a few services, by a seed: what they are, when they come, what goes
 * wrong. Checked while it runs and at its end, and run twice for the same trace. */
#include <signal.h>
#include <unistd.h>

#include "base/assert.h"
#include "check.h"
#include "judge.h"
#include "nemesis.h"

#define MS INT64_C(1000000)

enum {
    SEEDS = 1000,
    BANDS_SEEDS = 300,
    STANDBY_SEEDS = 200,
    CRASH_SEEDS = 1000,
    LOOK_NS = 20000000 /* so often tactusd looks at records and counters */
};

/* Seeds from here on: the same services, some of their components with structural latency. */
#define LATENCY (UINT64_C(1) << 32)
/* And from here on: services that may have several containers. */
#define BANDS (UINT64_C(2) << 32)
/* And from here on: every container has a standby, and a slow component overruns once. */
#define STANDBYS (UINT64_C(3) << 32)
/* And from here on: a few seconds in which any process dies at any step of supervision. */
#define CRASHES (UINT64_C(4) << 32)

static const int64_t start_ns = 1000 * MS;

struct totals {
    uint64_t services, promised, divided; /* divided: promised, in several containers */
    uint64_t three, wide;                 /* in three or more; of one band's, more than one */
    uint64_t frames, late, lost, deaths, faults, uses, unrecovered, hand_offs;
    uint64_t early_deaths, further_deaths, fell_out;
};

struct run;

struct arrival {
    struct run *run;
    uint32_t number;
};

struct run {
    struct node node;
    struct draw draw;
    struct service services[SERVICES_MAX];
    uint32_t service_count;
    struct arrival arrivals[SERVICES_MAX];
    struct fault faults[FAULTS_MAX];
    uint32_t fault_count;
    struct tt_thread *load;            /* a thread without a reservation that never sleeps */
    int64_t late_ns, stop_ns, over_ns; /* the last service comes, all are stopped, all is over */
};

static uint64_t running_seed;
static char failed[120]; /* the sentence that names it, ready for who dies by a signal */
static struct tt_costs costs;

static void spin(void *ctx)
{
    struct run *run = ctx;

    for (;;)
        tt_thread_spend(run->load, 200 * MS);
}

static void arrive(void *ctx)
{
    const struct arrival *arrival = ctx;
    struct run *run = arrival->run;
    uint32_t number = arrival->number;
    uint32_t pool_cut = draw_below(&run->draw, 10) == 0 ? 1 + draw_below(&run->draw, 40) : 0;

    service_begin(&run->services[number], &run->node, number, draw_next(&run->draw), pool_cut);
    if (pool_cut > 0) /* a pool smaller than was computed is a fault for all time */
        service_excuse(&run->services[number], 0, INT64_MAX / 2);
}

static void look(void *ctx)
{
    struct run *run = ctx;
    int64_t now_ns = tt_machine_now(run->node.machine);

    for (uint32_t n = 0; n < run->service_count; n++)
        service_poll(&run->services[n]);
    CHECK(books_ppm(&run->node.books, now_ns) <= run->node.room_ppm);
    if (now_ns < run->over_ns)
        tt_machine_at(run->node.machine, now_ns + LOOK_NS, look, run);
}

static void stop_all(void *ctx)
{
    struct run *run = ctx;

    for (uint32_t n = 0; n < run->service_count; n++)
        service_feed(&run->services[n], draw_below(&run->draw, 2) ? SUPERVISE_STOP : SUPERVISE_GONE,
                     0, NULL);
}

/* Within a minute much wears off; what goes wrong at a start is seen soon. */
static void set_times(struct run *run)
{
    run->late_ns = 20000 * MS;
    run->stop_ns = 46000 * MS;
    run->over_ns = 61000 * MS;
    if (!run->node.has_crashes)
        return;
    run->stop_ns = start_ns + draw_between(&run->draw, 100 * MS, 3000 * MS);
    run->late_ns = (run->stop_ns - start_ns) / 2;
    run->over_ns = run->stop_ns + 15000 * MS;
}

static void set_up(struct run *run, uint64_t seed, bool is_verbose)
{
    struct tt_machine_params params = {
        .start_ns = start_ns, .wake_max_ns = 200000, .limit_ppm = 900000};
    int64_t slack_ppm;

    memset(run, 0, sizeof(*run));
    run->draw.state = seed % LATENCY;
    run->node.has_latency = seed / LATENCY == 1;
    run->node.has_crashes = seed >= CRASHES;
    run->node.has_bands = run->node.has_crashes ? seed % 2 : seed >= BANDS;
    run->node.has_standbys = run->node.has_crashes ? seed % 4 == 1 : seed >= STANDBYS;
    set_times(run);
    params.seed = draw_next(&run->draw);
    params.cpu_count = 1 + draw_below(&run->draw, 3);
    params.is_partitioned = draw_below(&run->draw, 2);
    params.tick_ns = draw_below(&run->draw, 4) == 0 ? 0 : 4 * MS;
    run->node.machine = tt_machine_open(&params);
    CHECK(run->node.machine != NULL);
    run->node.costs = &costs;
    run->node.cpu_count = params.cpu_count;
    run->node.is_partitioned = params.is_partitioned;
    run->node.is_verbose = is_verbose;
    slack_ppm = service_slack_ppm(params.cpu_count);
    if (params.is_partitioned) {
        slack_ppm = SERVICE_PARTITION_SLACK_PPM * (int64_t)params.cpu_count;
        books_cut(&run->node.books, params.cpu_count, 900000, SERVICE_PARTITION_SLACK_PPM);
    }
    /* The books round each share up to a whole part in a million. */
    run->node.room_ppm =
        900000 * (int64_t)params.cpu_count - slack_ppm + SERVICES_MAX * TT_WORKERS_MAX;
    run->service_count = 1 + draw_below(&run->draw, SERVICES_MAX);
    for (uint32_t n = 0; n < run->service_count; n++) {
        run->arrivals[n].run = run;
        run->arrivals[n].number = n;
        tt_machine_at(run->node.machine,
                      start_ns + (n == 0 ? 0 : draw_between(&run->draw, 0, run->late_ns)), arrive,
                      &run->arrivals[n]);
    }
    if (!run->node.has_crashes)
        run->fault_count = nemesis_draw(&run->draw, &run->node, run->services, run->service_count,
                                        start_ns + 500 * MS, run->stop_ns, run->faults);
    nemesis_begin(run->faults, run->fault_count);
    if (draw_below(&run->draw, 8) == 0)
        run->load = tt_thread_spawn(run->node.machine, spin, run);
    if (is_verbose)
        printf("%u CPUs%s, tick %.0f ms, %u services, %u faults%s\n", params.cpu_count,
               params.is_partitioned ? " in partitions" : "", (double)params.tick_ns / 1e6,
               run->service_count, run->fault_count, run->load != NULL ? ", load" : "");
}

static void count_kind(const struct service *service, struct totals *totals)
{
    const struct tt_plan *plan = service->plan;
    bool is_promised = plan->is_admitted && plan->budget_ns > 0, is_wide = false;

    for (uint32_t n = 1; n < plan->worker_count; n++)
        is_wide = is_wide || plan->workers[n].band == plan->workers[n - 1].band;
    totals->promised += is_promised;
    totals->divided += is_promised && plan->worker_count > 1;
    totals->three += is_promised && plan->worker_count > 2;
    totals->wide += is_promised && is_wide;
}

static void add_up(const struct run *run, struct totals *totals)
{
    totals->faults += run->fault_count;
    for (uint32_t n = 0; n < run->service_count; n++) {
        const struct service *service = &run->services[n];

        totals->services++;
        count_kind(service, totals);
        totals->frames += service->stats.frames;
        totals->late += service->stats.late;
        totals->lost += service->stats.lost;
        totals->deaths += service->stats.deaths;
        totals->uses += service->stats.uses;
        totals->early_deaths += service->stats.early_deaths;
        totals->further_deaths += service->stats.further_deaths;
        totals->fell_out += service->stats.fell_out;
        totals->hand_offs += service->stats.hand_offs;
        totals->unrecovered += service->stats.unrecovered;
        if (service->stats.unrecovered > 0 && getenv("VERBOSE") != NULL)
            fprintf(stderr, "seed %llu: service %u did not recover: %llu frames\n",
                    (unsigned long long)running_seed, n,
                    (unsigned long long)service->stats.unrecovered);
        if (run->node.is_verbose)
            printf("service %u: %llu frames, %llu late, %llu lost, %u lives, ended: %s\n", n,
                   (unsigned long long)service->stats.frames,
                   (unsigned long long)service->stats.late, (unsigned long long)service->stats.lost,
                   service->stats.lives, service->reason);
    }
}

static void set_seed(uint64_t seed)
{
    running_seed = seed;
    (void)snprintf(failed, sizeof(failed),
                   "seed %llu failed; see it: tests/sim/replay BUILD %llu\n",
                   (unsigned long long)seed, (unsigned long long)seed);
}

static uint64_t run_seed(uint64_t seed, bool is_verbose, struct totals *totals)
{
    static struct run run;
    uint64_t hash;

    set_seed(seed);
    if (getenv("ABORT_AT") != NULL) /* for the test of the search */
        tt_assert(seed != strtoull(getenv("ABORT_AT"), NULL, 10));
    set_up(&run, seed, is_verbose);
    tt_machine_at(run.node.machine, start_ns + LOOK_NS, look, &run);
    tt_machine_at(run.node.machine, run.stop_ns, stop_all, &run);
    for (int64_t t = start_ns; t < run.over_ns + 5000 * MS; t += 5000 * MS) {
        tt_machine_run(run.node.machine, t);
        tt_machine_check(run.node.machine);
    }
    for (uint32_t n = 0; n < run.service_count; n++)
        judge_end(&run.services[n]);
    /* All that was reserved is free again, in the books and in the kernel. */
    CHECK_INT(books_ppm(&run.node.books, tt_machine_now(run.node.machine)), 0);
    CHECK_INT(tt_machine_booked_ppm(run.node.machine), 0);
    add_up(&run, totals);
    hash = tt_machine_hash(run.node.machine);
    for (uint32_t n = 0; n < run.service_count; n++)
        service_fini(&run.services[n]);
    tt_machine_close(&run.node.machine);
    set_seed(0);
    return hash;
}

static void run_twice(uint64_t seed, struct totals *totals)
{
    struct totals again = {0};
    uint64_t hash = run_seed(seed, false, totals), hash_again = run_seed(seed, false, &again);

    set_seed(seed);
    CHECK(hash_again == hash);
    set_seed(0);
}

static void run_kept(const char *path, struct totals *totals)
{
    FILE *file = fopen(path, "r");
    char line[200];

    CHECK(file != NULL);
    while (fgets(line, sizeof(line), file) != NULL)
        if (line[0] >= '0' && line[0] <= '9')
            run_twice(strtoull(line, NULL, 10), totals);
    (void)fclose(file);
}

static void say_seed(void)
{
    if (running_seed != 0 && write(STDERR_FILENO, failed, strlen(failed)) < 0)
        running_seed = 0;
}

static const int deadly[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGXCPU, SIGTERM};
static struct sigaction before[sizeof(deadly) / sizeof(deadly[0])];

/* Then whoever would have had the signal has it: nobody, or a sanitizer. */
static void on_signal(int number)
{
    say_seed();
    for (uint32_t n = 0; n < sizeof(deadly) / sizeof(deadly[0]); n++)
        if (deadly[n] == number)
            (void)sigaction(number, &before[n], NULL);
    (void)raise(number);
}

/* An assertion aborts, and what overran its stack has none left for this. */
static void name_seeds(void)
{
    static uint8_t memory[64 * 1024];
    const stack_t stack = {.ss_sp = memory, .ss_size = sizeof(memory)};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};

    CHECK_INT(sigaltstack(&stack, NULL), 0);
    for (uint32_t n = 0; n < sizeof(deadly) / sizeof(deadly[0]); n++)
        CHECK_INT(sigaction(deadly[n], &action, &before[n]), 0);
    (void)atexit(say_seed);
}

/* Faults do break what is theirs, or the checkers would see nothing. */
static void check_totals(const struct totals *totals)
{
    CHECK(totals->promised > totals->services / 3);
    CHECK(totals->late > 0);
    CHECK(totals->lost > 0);
    CHECK(totals->deaths > 0);
}

static void say_totals(uint64_t count, const struct totals *t)
{
    typedef unsigned long long number;

    fprintf(stderr,
            "%llu seeds: %llu services, %llu with a promise (%llu in several containers, %llu in "
            "three or more, %llu with two of a band), %llu faults, %llu deaths, %llu "
            "frames, %llu late, %llu lost, all by their own service's fault or the host's: %llu "
            "late policies used; %llu long after the fault; %llu hand-offs\n",
            (number)count, (number)t->services, (number)t->promised, (number)t->divided,
            (number)t->three, (number)t->wide, (number)t->faults, (number)t->deaths,
            (number)t->frames, (number)t->late, (number)t->lost, (number)t->uses,
            (number)t->unrecovered, (number)t->hand_offs);
}

/* The first ones twice, for the same trace. */
static void run_crashes(void)
{
    typedef unsigned long long number;
    struct totals t = {0};

    for (uint64_t n = 1; n <= CRASH_SEEDS; n++)
        if (n <= CRASH_SEEDS / 20)
            run_twice(CRASHES + n, &t);
        else
            (void)run_seed(CRASHES + n, false, &t);
    fprintf(stderr,
            "%d seeds of crashes: %llu services, %llu deaths (%llu before the first go, %llu while "
            "another process started anew), %llu frames, %llu fell out with restarts\n",
            CRASH_SEEDS, (number)t.services, (number)t.deaths, (number)t.early_deaths,
            (number)t.further_deaths, (number)t.frames, (number)t.fell_out);
    CHECK(t.early_deaths > CRASH_SEEDS / 4);
    CHECK(t.further_deaths > CRASH_SEEDS / 4);
    CHECK(t.fell_out > CRASH_SEEDS);
}

/* seeds PROFILES SEEDS.TXT: those seeds, then the first ones, of each kind; seeds PROFILES FIRST
 * COUNT: others; seeds PROFILES SEED: one, told step by step. */
int main(int argc, char **argv)
{
    struct totals totals = {0};
    bool is_suite = argc == 3 && strstr(argv[2], ".txt") != NULL;
    uint64_t first, count;

    CHECK(argc >= 3);
    CHECK_INT(tt_costs_read(argv[1], &costs), 0);
    first = is_suite ? 1 : strtoull(argv[2], NULL, 10);
    count = argc > 3 ? strtoull(argv[3], NULL, 10) : SEEDS;
    name_seeds();
    if (argc == 3 && !is_suite) {
        printf("trace %016llx\n", (unsigned long long)run_seed(first, true, &totals));
        return 0;
    }
    if (is_suite)
        run_kept(argv[2], &totals);
    for (uint64_t seed = first; seed < first + count; seed++)
        run_twice(seed, &totals);
    for (uint64_t n = 1; is_suite && n <= BANDS_SEEDS; n++)
        run_twice(BANDS + n, &totals);
    for (uint64_t n = 1; is_suite && n <= STANDBY_SEEDS; n++)
        run_twice(STANDBYS + n, &totals);
    say_totals(count + (is_suite ? BANDS_SEEDS + STANDBY_SEEDS : 0), &totals);
    if (count >= 100 && first < CRASHES)
        check_totals(&totals);
    if (is_suite)
        run_crashes();
    if (is_suite)
        CHECK(totals.divided > BANDS_SEEDS / 3);
    if (is_suite)
        CHECK(totals.hand_offs > STANDBY_SEEDS / 4);
    return 0;
}
