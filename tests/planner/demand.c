/* The demand test against hand arithmetic, and against a worker simulated step by step. */
#include <string.h>

#include "planner/demand.h"

#include "check.h"
#include "planner/planner.h"

#define MS 1000000

enum { ROUNDS = CHECK_TURNS(6000) };

static uint64_t seed = 20261123;

static uint32_t next_random(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % below;
}

static struct tt_rational every(int64_t period_ns)
{
    return (struct tt_rational){1000000000, period_ns};
}

/* Two segments: 2 of 10 ms (largest component 1), 6 of 40 ms (largest component 4). */
static void golden_points(void)
{
    struct demand_task tasks[] = {
        {.rate = every(10 * MS), .cost_ns = 2 * MS, .block_ns = MS, .deadline_ns = 10 * MS},
        {.rate = every(40 * MS), .cost_ns = 6 * MS, .block_ns = 4 * MS, .deadline_ns = 30 * MS}};
    struct demand_set set = {.tasks = tasks, .count = 2, .wake_ns = MS / 2};
    struct demand_point worst;

    CHECK_INT(demand_at(&set, 10 * MS - 1), 0);
    CHECK_INT(demand_at(&set, 10 * MS), 2 * MS);
    CHECK_INT(demand_at(&set, 30 * MS), 12 * MS); /* three of the first, one of the second */
    CHECK_INT(demand_at(&set, 70 * MS), 26 * MS); /* seven and two */
    CHECK_INT(demand_blocking_at(&set, 10 * MS), 4 * MS);
    CHECK_INT(demand_blocking_at(&set, 30 * MS), 0);
    CHECK_INT(demand_share_ppt(&set), 350000000000); /* 0.2 + 0.15 */

    /* On a whole CPU: at 10 ms, 2 + 4 + 0.5 of 10: 3.5 ms of room. */
    CHECK(demand_admits(&set, 5 * MS, 5 * MS, &worst));
    CHECK_INT(worst.t_ns, 10 * MS);
    CHECK_INT(worst.room_ns, 3500000);
    /* 4 in every 5: sbf(10) = 10 - 2 = 8, less one gap that begins at 6: 7. Room 0.5. */
    CHECK(demand_admits(&set, 4 * MS, 5 * MS, &worst));
    CHECK_INT(worst.supply_ns, 7 * MS);
    CHECK_INT(worst.room_ns, 500000);
    /* 3.75 in every 5: 10 - 2.5 = 7.5, less the gap of 1.25: 6.25 < 6.5. */
    CHECK(!demand_admits(&set, 3750000, 5 * MS, &worst));
    CHECK_INT(worst.room_ns, -250000);
    /* Below the lasting demand nothing helps. */
    CHECK(!demand_admits(&set, 350 * 1000, MS, &worst));
    CHECK(worst.is_overload);
    /* 1 ms of jitter is 1 ms of the deadline. */
    tasks[0].jitter_ns = MS;
    CHECK_INT(demand_at(&set, 9 * MS), 2 * MS);
    tasks[0].deadline_ns = MS;
    CHECK(!demand_admits(&set, 5 * MS, 5 * MS, &worst));
}

/* A worker of whole steps: chains of components, non-preemptive at component level, earliest due
 * first with modified due times, supplied in the reservation's worst pattern. */
enum { CHAIN_MAX = 3, TASK_MAX = 4, CYCLE_MAX = 5, HORIZON = 2400 };

struct sim_task {
    uint32_t period, deadline, jitter, phase, part_count, parts[CHAIN_MAX];
    uint32_t done, part, left; /* releases finished; place in the one under way */
    /* In turn, what the parts of a release cost, none above `parts`; cycle 0: always parts. */
    uint32_t cycle, shift, turns[CYCLE_MAX][CHAIN_MAX];
};

struct sim {
    struct sim_task tasks[TASK_MAX];
    uint32_t count, budget, period;
};

static int64_t release_of(const struct sim_task *task)
{
    /* The first release comes as late as it may, the others on time: the tightest row. */
    int64_t origin = (int64_t)task->done * task->period - task->jitter + task->phase;

    return task->done == 0 || origin < 0 ? (int64_t)task->phase : origin;
}

static int64_t deadline_of(const struct sim_task *task)
{
    return (int64_t)task->done * task->period - task->jitter + task->phase + task->deadline;
}

static int64_t due_of(const struct sim_task *task)
{
    int64_t due = deadline_of(task);

    for (uint32_t n = task->part + 1; n < task->part_count; n++)
        due -= task->parts[n];
    return due;
}

static uint32_t cost_of(const struct sim_task *task, uint32_t part)
{
    return task->cycle == 0 ? task->parts[part]
                            : task->turns[(task->done + task->shift) % task->cycle][part];
}

static bool is_supplied(const struct sim *sim, int64_t t)
{
    int64_t past = t - 2 * ((int64_t)sim->period - sim->budget);

    return past >= 0 && past % sim->period < sim->budget;
}

/* blocker: began just before time 0, with all of it still to do. Returns whether all was kept. */
static bool simulate(struct sim sim, uint32_t blocker)
{
    int32_t running = -1;

    if (blocker < sim.count) {
        struct sim_task *task = &sim.tasks[blocker];
        uint32_t largest = 0;

        /* Only its largest component is under way; what came before it is done, and its origin was
         * just before. */
        for (uint32_t n = 0; n < task->part_count; n++)
            if (task->parts[n] > task->parts[largest])
                largest = n;
        task->part = largest;
        task->phase = 0;
        task->left = task->parts[largest];
        running = (int32_t)blocker;
        for (uint32_t n = 0; n < task->cycle; n++)
            if (task->turns[n][largest] == task->left)
                task->shift = n;
    }
    for (int64_t t = 0; t < HORIZON; t++) {
        for (uint32_t n = 0; running < 0 && n < sim.count; n++)
            if (release_of(&sim.tasks[n]) <= t)
                running = (int32_t)n;
        for (uint32_t n = 0; running >= 0 && sim.tasks[running].left == 0 && n < sim.count; n++)
            if (release_of(&sim.tasks[n]) <= t &&
                due_of(&sim.tasks[n]) < due_of(&sim.tasks[running]))
                running = (int32_t)n;
        if (running < 0 || !is_supplied(&sim, t))
            continue;

        struct sim_task *task = &sim.tasks[running];

        if (task->left == 0)
            task->left = cost_of(task, task->part);
        if (--task->left > 0)
            continue;
        running = -1;
        if (++task->part < task->part_count)
            continue;
        if (t + 1 > deadline_of(task))
            return false;
        task->part = 0;
        task->done++;
    }
    for (uint32_t n = 0; n < sim.count; n++)
        if (deadline_of(&sim.tasks[n]) < HORIZON)
            return false;
    return true;
}

static struct sim random_sim(void)
{
    static const uint32_t periods[] = {10, 20, 25, 40, 50, 100};
    struct sim sim = {.count = 1 + next_random(TASK_MAX), .period = 4 + next_random(8)};

    sim.budget = sim.period / 2 + next_random(sim.period - sim.period / 2) + 1;
    sim.budget = sim.budget > sim.period ? sim.period : sim.budget;
    for (uint32_t n = 0; n < sim.count; n++) {
        struct sim_task *task = &sim.tasks[n];

        task->period = periods[next_random(6)];
        task->deadline = task->period / 2 + next_random(task->period * 2);
        task->jitter = next_random(3);
        task->part_count = 1 + next_random(CHAIN_MAX);
        for (uint32_t k = 0; k < task->part_count; k++)
            task->parts[k] = 1 + next_random(1 + task->period / 8);
    }
    return sim;
}

/* A dear release now and then, the others cheap in random parts. */
static void vary(struct sim_task *task)
{
    task->cycle = 2 + next_random(CYCLE_MAX - 1);
    for (uint32_t n = 0; n < task->cycle; n++)
        for (uint32_t k = 0; k < task->part_count; k++)
            task->turns[n][k] = n == 0 ? task->parts[k] : 1 + next_random(task->parts[k]);
}

/* The dearest of so many in a row, wherever they begin. */
static int64_t dearest(const struct sim_task *task, uint32_t count)
{
    int64_t most = 0;

    for (uint32_t first = 0; first < task->cycle; first++) {
        int64_t sum = 0;

        for (uint32_t n = first; n < first + count; n++)
            for (uint32_t k = 0; k < task->part_count; k++)
                sum += task->turns[n % task->cycle][k];
        most = sum > most ? sum : most;
    }
    return most;
}

static void set_windows(const struct sim_task *task, struct demand_task *ret)
{
    for (uint32_t n = 0; task->cycle > 0 && n < TT_WINDOWS; n++)
        ret->window_ns[n] = dearest(task, 2u << n);
}

static bool is_admitted(const struct sim *sim)
{
    struct demand_task tasks[TASK_MAX] = {0};
    struct demand_set set = {.tasks = tasks, .count = sim->count};

    for (uint32_t n = 0; n < sim->count; n++) {
        const struct sim_task *task = &sim->tasks[n];

        tasks[n].rate = every(task->period);
        tasks[n].deadline_ns = task->deadline;
        tasks[n].jitter_ns = task->jitter;
        for (uint32_t k = 0; k < task->part_count; k++) {
            tasks[n].cost_ns += task->parts[k];
            if (task->parts[k] > tasks[n].block_ns)
                tasks[n].block_ns = task->parts[k];
        }
    }
    for (uint32_t n = 0; n < sim->count; n++)
        set_windows(&sim->tasks[n], &tasks[n]);
    tasks[0].is_in_turn = sim->count == 1 && tasks[0].cost_ns < sim->tasks[0].period;
    return demand_admits(&set, sim->budget, sim->period, NULL);
}

/* All together at time 0 behind each possible blocker, and a few random phases. */
static bool keeps(const struct sim *sim)
{
    for (uint32_t blocker = 0; blocker <= sim->count; blocker++)
        if (!simulate(*sim, blocker))
            return false;
    for (uint32_t round = 0; round < 4; round++) {
        struct sim phased = *sim;

        for (uint32_t n = 0; n < phased.count; n++) {
            phased.tasks[n].phase = next_random(phased.tasks[n].period);
            phased.tasks[n].shift = next_random(CYCLE_MAX);
        }
        if (!simulate(phased, UINT32_MAX))
            return false;
    }
    return true;
}

static void nothing_admitted_misses(void)
{
    uint32_t admitted = 0, refused = 0, refused_kept = 0;

    for (uint32_t round = 0; round < ROUNDS; round++) {
        struct sim sim = random_sim();
        bool is_kept = keeps(&sim);

        if (is_admitted(&sim)) {
            admitted++;
            CHECK(is_kept);
        } else {
            refused++;
            refused_kept += is_kept;
        }
    }
    fprintf(stderr,
            "  %u admitted, none missed; %u refused, of which %u kept all in the patterns\n",
            admitted, refused, refused_kept);
    CHECK(admitted > ROUNDS / 12);
    CHECK(refused > refused_kept); /* the simulation can see a miss */
}

/* What several releases in a row cost is known: more is admitted, and nothing of it misses. */
static void try_rows(struct sim (*make)(void))
{
    uint32_t admitted = 0, more = 0;

    for (uint32_t round = 0; round < ROUNDS; round++) {
        struct sim sim = make(), plain;

        plain = sim;
        for (uint32_t n = 0; n < sim.count; n++)
            vary(&sim.tasks[n]);
        CHECK(!is_admitted(&plain) || is_admitted(&sim));
        if (!is_admitted(&sim))
            continue;
        admitted++;
        more += !is_admitted(&plain);
        CHECK(keeps(&sim));
    }
    fprintf(stderr, "  %u admitted, %u of them for what several in a row cost, none missed\n",
            admitted, more);
    CHECK(more > ROUNDS / 120);
}

static void rows_of_releases_cost_less(void)
{
    try_rows(random_sim);
}

/* Its releases never meet. */
static struct sim lone_chain(void)
{
    struct sim sim = random_sim();
    struct sim_task *task = &sim.tasks[0];

    sim.count = 1;
    sim.budget = 1 + next_random(sim.period - 1);
    for (uint32_t k = 0; k < task->part_count; k++)
        task->parts[k] = 1 + next_random(task->period / 3);
    return sim;
}

/* Rows count whole. */
static void a_chain_alone_costs_its_rows(void)
{
    try_rows(lone_chain);
}

static void rows_are_summed(void)
{
    struct demand_task task = {.rate = every(10), .cost_ns = 10, .deadline_ns = 10};
    struct demand_set set = {.tasks = &task, .count = 1};

    CHECK_INT(demand_cost_ns(&task, 40), 400);
    memcpy(task.window_ns, (int64_t[]){12, 20, 36, 64}, sizeof(task.window_ns));
    CHECK_INT(demand_cost_ns(&task, 0), 0);
    CHECK_INT(demand_cost_ns(&task, 1), 10);
    CHECK_INT(demand_cost_ns(&task, 2), 20); /* the last by itself, before it one */
    CHECK_INT(demand_cost_ns(&task, 3), 22);
    CHECK_INT(demand_cost_ns(&task, 4), 10 + 20); /* three: as four rather than two and one */
    CHECK_INT(demand_cost_ns(&task, 10), 10 + 36 + 10);
    CHECK_INT(demand_cost_ns(&task, 16), 10 + 64); /* 15 as 16 */
    CHECK_INT(demand_cost_ns(&task, 33), 10 + 128);
    CHECK_INT(demand_share_ppt(&set), INT64_C(1000000000000) * 64 / 160);
    task.window_ns[1] = 5; /* less than half of it cost: it is of before costs rose */
    CHECK_INT(demand_cost_ns(&task, 5), 10 + 24);
    task.window_ns[2] = 1000; /* more than twice as many: it is not believed either */
    CHECK_INT(demand_cost_ns(&task, 9), 10 + 48);
    for (int64_t n = 1; n < 100; n++)
        CHECK(demand_cost_ns(&task, n) >= demand_cost_ns(&task, n - 1));
    task.is_in_turn = true;
    CHECK_INT(demand_cost_ns(&task, 2), 12);
    CHECK_INT(demand_cost_ns(&task, 3), 22);
    CHECK_INT(demand_cost_ns(&task, 5), 24 + 10);
}

/* At every step of a long time, not just where the test looks. */
static bool holds_everywhere(const struct demand_set *set, int64_t budget, int64_t period)
{
    for (int64_t t = 1; t < 4000; t++) {
        int64_t demand = demand_at(set, t);

        if (demand > 0 &&
            demand + demand_blocking_at(set, t) + set->wake_ns > tt_supply_ns(budget, period, t))
            return false;
    }
    return true;
}

static void points_and_bound_miss_nothing(void)
{
    uint32_t late_only = 0, admitted = 0;

    for (uint32_t round = 0; round < 20000; round++) {
        struct demand_task tasks[3];
        struct demand_set set = {.tasks = tasks, .count = 2 + next_random(2), .wake_ns = 1};
        int64_t period = 3 + next_random(8), budget = period / 2 + next_random(3);
        struct demand_point worst;
        int64_t first = 0;
        bool is_yes;

        budget = budget > period ? period : budget;
        for (uint32_t n = 0; n < set.count; n++) {
            tasks[n] = (struct demand_task){.rate = every(7 + next_random(40)),
                                            .cost_ns = 1 + next_random(8),
                                            .deadline_ns = 3 + next_random(60),
                                            .jitter_ns = next_random(3)};
            tasks[n].block_ns = 1 + next_random((uint32_t)tasks[n].cost_ns + 2);
            if (tasks[n].deadline_ns - tasks[n].jitter_ns > first)
                first = tasks[n].deadline_ns - tasks[n].jitter_ns;
        }
        is_yes = demand_admits(&set, budget, period, &worst);
        CHECK_INT(demand_admits(&set, budget, period, NULL), is_yes);
        admitted += is_yes;
        if (worst.is_overload)
            continue;
        CHECK_INT(holds_everywhere(&set, budget, period), is_yes);
        late_only += !is_yes && worst.t_ns > first;
    }
    fprintf(stderr, "  %u admitted; %u refused at a point behind all first deadlines\n", admitted,
            late_only);
    CHECK(late_only > 10);
    CHECK(admitted > 1000);
}

static struct demand_task random_task(void)
{
    int64_t period_ns = (1 + next_random(50)) * MS;
    struct demand_task task = {.rate = every(period_ns),
                               .cost_ns = 1000 + next_random((uint32_t)period_ns / 3)};

    task.block_ns = task.cost_ns * (1 + next_random(6)) / 4; /* may exceed it: other quantiles */
    task.deadline_ns = period_ns / 2 + next_random((uint32_t)period_ns * 2);
    task.jitter_ns = next_random(2) * MS / 2;
    return task;
}

/* Longer deadlines, less cost, less jitter and more budget never turn yes into no. */
static void yes_stays_yes(void)
{
    uint32_t admitted = 0;

    for (uint32_t round = 0; round < 3000; round++) {
        struct demand_task tasks[4];
        struct demand_set set = {.tasks = tasks, .count = 1 + next_random(4), .wake_ns = 100000};
        int64_t period_ns = (1 + next_random(10)) * MS;
        int64_t budget_ns = period_ns / 4 + next_random((uint32_t)(period_ns / 4 * 3));
        uint32_t changed = next_random(set.count);

        for (uint32_t n = 0; n < set.count; n++)
            tasks[n] = random_task();
        if (!demand_admits(&set, budget_ns, period_ns, NULL))
            continue;
        admitted++;
        switch (next_random(4)) {
        case 0:
            tasks[changed].deadline_ns += next_random(100 * MS);
            break;
        case 1:
            tasks[changed].cost_ns -= next_random((uint32_t)tasks[changed].cost_ns);
            tasks[changed].block_ns -= next_random((uint32_t)tasks[changed].block_ns);
            break;
        case 2:
            tasks[changed].jitter_ns = 0;
            break;
        default:
            budget_ns += next_random((uint32_t)(period_ns - budget_ns) + 1);
        }
        CHECK(demand_admits(&set, budget_ns, period_ns, NULL));
    }
    CHECK(admitted > 300);
}

/* The linear form stands in where there are too many points; its yes must hold at each of them. */
static void many_points_are_still_safe(void)
{
    struct demand_task tasks[2] = {
        {.rate = every(100000), .cost_ns = 69000, .block_ns = 69000, .deadline_ns = 40 * MS},
        {.rate = every(100000), .cost_ns = 20000, .block_ns = 20000, .deadline_ns = 900 * MS}};
    struct demand_set set = {.tasks = tasks, .count = 2};
    struct demand_point worst;

    /* 0.89 of 0.8901: the busy bound is seconds away. */
    CHECK(demand_admits(&set, 8901000, 10 * MS, &worst));
    CHECK(worst.is_linear);
    for (int64_t t_ns = 40 * MS; t_ns < (int64_t)30000 * MS; t_ns += 100000)
        CHECK(demand_at(&set, t_ns) + demand_blocking_at(&set, t_ns) <=
              tt_supply_ns(8901000, 10 * MS, t_ns));
    tasks[0].deadline_ns = tasks[1].deadline_ns = 2 * MS;
    CHECK(!demand_admits(&set, 8901000, 10 * MS, &worst));
    CHECK(worst.is_linear);
    CHECK(demand_at(&set, 2 * MS) > tt_supply_ns(8901000, 10 * MS, 2 * MS));
    /* With rows: 0.8 of the time, in bursts. */
    tasks[0].deadline_ns = 40 * MS;
    tasks[1].deadline_ns = 900 * MS;
    memcpy(tasks[0].window_ns, (int64_t[]){130000, 250000, 490000, 960000},
           sizeof(tasks[0].window_ns));
    CHECK(demand_admits(&set, 8010000, 10 * MS, &worst));
    CHECK(worst.is_linear);
    for (int64_t t_ns = 40 * MS; t_ns < (int64_t)30000 * MS; t_ns += 100000)
        CHECK(demand_at(&set, t_ns) + demand_blocking_at(&set, t_ns) <=
              tt_supply_ns(8010000, 10 * MS, t_ns));
}

int main(void)
{
    RUN(golden_points);
    RUN(nothing_admitted_misses);
    RUN(points_and_bound_miss_nothing);
    RUN(yes_stays_yes);
    RUN(many_points_are_still_safe);
    RUN(rows_of_releases_cost_less);
    RUN(a_chain_alone_costs_its_rows);
    RUN(rows_are_summed);
    return 0;
}
