/* The demand of a set of segments on one worker, against the supply of its reservation.
 *
 * Non-preemptive EDF (Jeffay, Stanat, Martel 1991; George, Rivierre, Spuri 1996): in any interval
 * of length t the releases that have their due time in it, and one component that began before it
 * and is due after it, must fit in what the reservation supplies at least (Shin, Lee 2003).
 *
 * So many releases in a row cost what the workload curve says (Maxiaguine, Kuenzli, Thiele 2004),
 * where that was measured; beside other tasks the last of them its quantile.
 *
 * A release that jitters by J behind its origin leaves D - J of its deadline, and so does a supply
 * that may come late: each task counts with what is left, in the demand as in the blocking. A task
 * cannot do both in one interval: when a later release of it blocks, its earlier ones are done. */
#include "planner/demand.h"

#include <stddef.h>

#include "base/assert.h"
#include "planner/planner.h"
#include "tactus/format.h"

/* Evaluations of one test: points times tasks. Beyond, the linear form decides, which refuses more.
 */
enum { DEMAND_WORK_MAX = 60000 };

#define PPT 1000000000000

static bool is_lasting(const struct demand_task *task)
{
    return task->rate.num > 0;
}

static int64_t left_of(const struct demand_set *set, const struct demand_task *task)
{
    return task->deadline_ns - task->jitter_ns - set->tardiness_ns;
}

/* Two quantiles may say that a release costs less than its largest component can block. One release
 * then counts with that component: else a longer deadline, which makes a task block instead of
 * demand, could turn yes into no. */
static int64_t extra_of(const struct demand_set *set, const struct demand_task *task)
{
    int64_t extra_ns = task->block_ns + set->hand_off_ns - task->cost_ns;

    return extra_ns > 0 ? extra_ns : 0;
}

/* What is known of twice as many releases as cost ns is at most twice that, and not less than that,
 * give or take what few samples say. Less than half of it: such rows are of a time before costs
 * rose, for one release tells it first. */
static int64_t twice(int64_t ns, int64_t known_ns)
{
    if (known_ns <= 0 || known_ns < ns / 2 || known_ns > 2 * ns)
        return 2 * ns;
    return known_ns > ns ? known_ns : ns;
}

/* Of 2^power releases. */
static int64_t window_of(const struct demand_task *task, uint32_t power)
{
    int64_t ns = task->cost_ns;

    for (uint32_t n = 0; n < power; n++)
        ns = twice(ns, task->window_ns[n]);
    return ns;
}

/* By whole windows, and the powers of two in the rest, of which the lower ones together may cost
 * more than a window that covers them. */
static int64_t row_ns(const struct demand_task *task, int64_t count)
{
    int64_t low_ns = 0, ns = task->cost_ns, rest = count % TT_WINDOW_MAX;

    for (uint32_t power = 0; power <= TT_WINDOWS; power++) {
        ns = power > 0 ? twice(ns, task->window_ns[power - 1]) : ns;
        low_ns = low_ns < ns ? low_ns : ns;
        low_ns += rest >> power & 1 ? ns : 0;
    }
    return low_ns + count / TT_WINDOW_MAX * ns;
}

/* The last one counts whole: of a release that is due a little later only the first components are
 * due before, and what is left of it then is told by its own cost. Where none is begun before the
 * one before it is due there is no such release. */
int64_t demand_cost_ns(const struct demand_task *task, int64_t count)
{
    if (task->window_ns[0] <= 0 || count <= 1)
        return count * task->cost_ns;
    return task->is_in_turn ? row_ns(task, count) : task->cost_ns + row_ns(task, count - 1);
}

/* Any count of releases costs at most this and, for each beyond the first, its part of the longest
 * window. */
static int64_t burst_of(const struct demand_task *task)
{
    int64_t most_ns = task->cost_ns, whole_ns = window_of(task, TT_WINDOWS);

    for (int64_t n = 2; task->window_ns[0] > 0 && n <= TT_WINDOW_MAX + 1; n++) {
        int64_t ns = demand_cost_ns(task, n) - (n - 1) * whole_ns / TT_WINDOW_MAX;

        most_ns = ns > most_ns ? ns : most_ns;
    }
    return most_ns;
}

int64_t demand_at(const struct demand_set *set, int64_t t_ns)
{
    int64_t sum_ns = 0;

    for (uint32_t n = 0; n < set->count; n++) {
        const struct demand_task *task = &set->tasks[n];
        int64_t left_ns = left_of(set, task);

        if (is_lasting(task) && t_ns >= left_ns)
            sum_ns += demand_cost_ns(task, tt_ns_index(t_ns - left_ns, task->rate) + 1) +
                      extra_of(set, task);
    }
    return sum_ns;
}

int64_t demand_blocking_at(const struct demand_set *set, int64_t t_ns)
{
    int64_t most_ns = 0;

    for (uint32_t n = 0; n < set->count; n++) {
        const struct demand_task *task = &set->tasks[n];

        if (is_lasting(task) && left_of(set, task) > t_ns &&
            task->block_ns + set->hand_off_ns > most_ns)
            most_ns = task->block_ns + set->hand_off_ns;
    }
    return most_ns;
}

static int64_t task_share_ppt(const struct demand_task *task)
{
    const int64_t most = (int64_t)1 << 52; /* thousands of CPUs: sums stay far from the limit */
    __int128 share = (__int128)window_of(task, TT_WINDOWS) * task->rate.num * (PPT / 1000000000);
    __int128 part = (__int128)task->rate.den * TT_WINDOW_MAX;

    share = (share + part - 1) / part;
    return share > most ? most : (int64_t)share;
}

int64_t demand_share_ppt(const struct demand_set *set)
{
    int64_t sum = 0;

    for (uint32_t n = 0; n < set->count; n++)
        if (is_lasting(&set->tasks[n]))
            sum += task_share_ppt(&set->tasks[n]);
    return sum;
}

/* After the busy bound the supply, which grows faster, stays above the demand: the point where the
 * linear forms of both meet. */
static int64_t busy_bound(const struct demand_set *set, int64_t budget_ns, int64_t period_ns)
{
    int64_t alpha = tt_muldiv(budget_ns, PPT, period_ns), share = demand_share_ppt(set);
    __int128 sum = (__int128)2 * alpha * (period_ns - budget_ns), bound;

    for (uint32_t n = 0; n < set->count; n++) {
        const struct demand_task *task = &set->tasks[n];
        __int128 ahead = (__int128)(burst_of(task) + extra_of(set, task)) * PPT;

        if (!is_lasting(task))
            continue;
        ahead -= (__int128)task_share_ppt(task) * left_of(set, task);
        sum += ahead > 0 ? ahead : 0; /* before its first deadline a task demands nothing */
    }
    sum += (__int128)(demand_blocking_at(set, -1) + set->wake_ns) * PPT;
    tt_assert(alpha > share);
    bound = sum / (alpha - share) + 1;
    if (bound < 0)
        return 0;
    return bound > INT64_MAX / 4 ? INT64_MAX / 4 : (int64_t)bound;
}

static void keep_worst(struct demand_point *worst, const struct demand_point *point, bool *is_first)
{
    if (*is_first || point->room_ns < worst->room_ns)
        *worst = *point;
    *is_first = false;
}

static bool linear_admits(const struct demand_set *set, int64_t budget_ns, int64_t period_ns,
                          struct demand_point *worst)
{
    int64_t alpha = tt_muldiv(budget_ns, PPT, period_ns);
    bool is_admitted = true, is_first = true;

    for (uint32_t k = 0; k < set->count; k++) {
        struct demand_point point = {.is_linear = true, .task = k};

        if (!is_lasting(&set->tasks[k]))
            continue;
        point.t_ns = left_of(set, &set->tasks[k]);
        for (uint32_t n = 0; n < set->count; n++) {
            const struct demand_task *task = &set->tasks[n];
            int64_t left_ns = left_of(set, task);

            if (is_lasting(task) && left_ns <= point.t_ns)
                point.demand_ns += burst_of(task) + extra_of(set, task) + 1 +
                                   tt_muldiv(task_share_ppt(task), point.t_ns - left_ns, PPT);
        }
        point.blocking_ns = demand_blocking_at(set, point.t_ns);
        if (point.t_ns > 2 * (period_ns - budget_ns))
            point.supply_ns = tt_muldiv(alpha, point.t_ns - 2 * (period_ns - budget_ns), PPT);
        point.room_ns = point.supply_ns - point.demand_ns - point.blocking_ns - set->wake_ns;
        keep_worst(worst, &point, &is_first);
        is_admitted &= point.room_ns >= 0;
    }
    return is_admitted;
}

static bool exact_admits(const struct demand_set *set, int64_t budget_ns, int64_t period_ns,
                         int64_t bound_ns, bool is_hasty, struct demand_point *worst)
{
    bool is_admitted = true, is_first = true;

    for (uint32_t k = 0; k < set->count; k++) {
        const struct demand_task *task = &set->tasks[k];
        int64_t left_ns = left_of(set, task);

        if (!is_lasting(task))
            continue;
        for (int64_t m = 0;; m++) {
            struct demand_point point = {.t_ns = left_ns + tt_index_ns(m, task->rate), .task = k};

            /* The first deadline of each is always looked at, so that there is a worst point. */
            if (m > 0 && point.t_ns > bound_ns)
                break;
            point.demand_ns = demand_at(set, point.t_ns);
            point.blocking_ns = demand_blocking_at(set, point.t_ns);
            point.supply_ns = tt_supply_ns(budget_ns, period_ns, point.t_ns);
            point.room_ns = point.supply_ns - point.demand_ns - point.blocking_ns - set->wake_ns;
            keep_worst(worst, &point, &is_first);
            is_admitted &= point.room_ns >= 0;
            if (!is_admitted && is_hasty)
                return false;
        }
    }
    return is_admitted;
}

static bool is_within_work(const struct demand_set *set, int64_t bound_ns)
{
    __int128 points = 0;

    for (uint32_t n = 0; n < set->count; n++)
        if (is_lasting(&set->tasks[n]))
            points += (__int128)bound_ns * set->tasks[n].rate.num /
                          ((__int128)set->tasks[n].rate.den * 1000000000) +
                      1;
    return points * set->count <= DEMAND_WORK_MAX;
}

bool demand_admits(const struct demand_set *set, int64_t budget_ns, int64_t period_ns,
                   struct demand_point *worst)
{
    struct demand_point unused;
    struct demand_point *point = worst ? worst : &unused;
    int64_t bound_ns;

    tt_assert(budget_ns > 0);
    tt_assert(budget_ns <= period_ns);
    *point = (struct demand_point){.room_ns = INT64_MAX};
    for (uint32_t n = 0; n < set->count; n++) {
        if (!is_lasting(&set->tasks[n]) || left_of(set, &set->tasks[n]) > 0)
            continue;
        *point =
            (struct demand_point){.room_ns = left_of(set, &set->tasks[n]) - set->tasks[n].cost_ns,
                                  .demand_ns = set->tasks[n].cost_ns,
                                  .task = n};
        return false;
    }
    if (demand_share_ppt(set) >= tt_muldiv(budget_ns, PPT, period_ns)) {
        *point = (struct demand_point){.is_overload = true, .room_ns = -1};
        return false;
    }
    bound_ns = busy_bound(set, budget_ns, period_ns);
    if (!is_within_work(set, bound_ns))
        return linear_admits(set, budget_ns, period_ns, point);
    return exact_admits(set, budget_ns, period_ns, bound_ns, worst == NULL, point);
}
