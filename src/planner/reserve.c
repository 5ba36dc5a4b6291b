/* Finds the reservation: the least share of a CPU that keeps every deadline. */
#include <stddef.h>

#include "base/assert.h"
#include "planner/partition.h"
#include "planner/tardy.h"
#include "planner/work.h"
#include "tactus/format.h"

enum {
    STEP_NS = 1000, /* budgets are whole microseconds, above the kernel's 1,024 ns */
    BUDGET_MIN_NS = 2000,
    OVERHEAD_PART = 100, /* of the period, and so much for each release: bells, rings, records,
                            wake-ups and interrupts between components, which no component's cost
                            counts; a third of it was measured */
    RELEASE_NS = 60000,
    WHOLE_PART = 500, /* of the period, where the costs of segments count these, for what comes when
                         none of theirs is asked for */
    OVERHEAD_MOST_PART = 20, /* what fast services had to do with, and did */
    HEADROOM_PART = 4, /* of the lasting demand: activations above the quantile, and the kernel's
                          tick of 4 ms, by which a worker overruns, are paid back out of it */
    ROOM_PART = 8,     /* of the room that it leaves to others, less as much as it needs itself */
    EDGE_PART = 10,    /* of each deadline, kept free where less than as much again does it */
    SHARE_STEP_PPM = 10000, /* shares within this are equal: the longer period cuts fewer
                               activations in two */
    VIDEO_PERIOD_MAX_NS = 10000000,
    AUDIO_PERIOD_MAX_NS = 5000000,
    VIDEO_FRAME_NS = 8000000 /* what comes less often than this is no audio quantum */
};

/* Below 1 ms the kernel does not enforce, and the worker would only switch. */
static const int64_t periods_ns[] = {10000000, 8000000, 5000000, 4000000,
                                     2500000,  2000000, 1250000, 1000000};

enum { PERIOD_COUNT = sizeof(periods_ns) / sizeof(periods_ns[0]) };

static bool is_audio_only(const struct work *work)
{
    for (uint32_t n = 0; n < work->picture->segment_count; n++) {
        struct tt_rational rate = work->picture->segments[n].rate;

        if (work_is_lasting(work, n) && tt_index_ns(1, rate) >= VIDEO_FRAME_NS)
            return false;
    }
    return true;
}

/* A longer deadline only ever adds candidates, so that it never turns yes into no. */
static int64_t period_max(const struct work *work)
{
    int64_t most_ns = is_audio_only(work) ? AUDIO_PERIOD_MAX_NS : VIDEO_PERIOD_MAX_NS;

    for (uint32_t n = 0; n < work->picture->segment_count; n++)
        if (work_is_lasting(work, n) && work->tasks[n].deadline_ns / 4 < most_ns)
            most_ns = work->tasks[n].deadline_ns / 4;
    return most_ns > periods_ns[PERIOD_COUNT - 1] ? most_ns : periods_ns[PERIOD_COUNT - 1];
}

/* The least of bad_ns < budget <= good_ns that keeps every deadline, in whole steps from good_ns.
 */
static int64_t bisect(const struct demand_set *set, int64_t period_ns, int64_t bad_ns,
                      int64_t good_ns)
{
    while (good_ns - bad_ns > STEP_NS) {
        int64_t middle_ns = (bad_ns + (good_ns - bad_ns) / 2) / STEP_NS * STEP_NS;

        if (demand_admits(set, middle_ns, period_ns, NULL))
            good_ns = middle_ns;
        else
            bad_ns = middle_ns;
    }
    return good_ns;
}

/* Without a quarter more than the lasting demand a worker that fell behind once stays behind: its
 * budget is spent on what comes anew. And with the least budget the bound may lie at the deadline's
 * very edge, where what the model leaves out decides: up to as much again keeps a tenth of each
 * deadline free. None of it is a term of the promise, so it is taken where there is room: most_ns
 * is above the least. */
static int64_t headroom(const struct demand_set *early, int64_t most_ns, int64_t least_ns,
                        int64_t period_ns)
{
    int64_t lasting_ns = tt_muldiv(demand_share_ppt(early), period_ns, 1000000000000);
    int64_t wide_ns = lasting_ns + lasting_ns / HEADROOM_PART + STEP_NS - 1;
    int64_t double_ns = 2 * least_ns < most_ns ? 2 * least_ns : most_ns;

    wide_ns = wide_ns > least_ns ? wide_ns / STEP_NS * STEP_NS : least_ns;
    if (wide_ns >= most_ns)
        return most_ns - least_ns;
    if (!demand_admits(early, wide_ns, period_ns, NULL) &&
        demand_admits(early, double_ns, period_ns, NULL))
        wide_ns = bisect(early, period_ns, wide_ns, double_ns);
    return wide_ns - least_ns;
}

static bool is_whole(const struct demand_set *set)
{
    for (uint32_t n = 0; n < set->count; n++)
        if (set->tasks[n].rate.num > 0 && !set->tasks[n].is_whole)
            return false;
    return true;
}

static int64_t overhead(const struct demand_set *set, int64_t period_ns)
{
    int64_t most_ns = period_ns / OVERHEAD_MOST_PART;
    int64_t sum_ns = period_ns / (is_whole(set) ? WHOLE_PART : OVERHEAD_PART);

    for (uint32_t n = 0; n < set->count; n++) {
        struct tt_rational rate = set->tasks[n].rate;
        bool is_charged = rate.num > 0 && !set->tasks[n].is_whole;
        __int128 releases_ns = is_charged ? (__int128)period_ns * rate.num / rate.den : 0;

        releases_ns = releases_ns * RELEASE_NS / 1000000000;
        sum_ns = releases_ns < most_ns - sum_ns ? sum_ns + (int64_t)releases_ns : most_ns;
    }
    return (sum_ns + STEP_NS - 1) / STEP_NS * STEP_NS;
}

/* The least budget in this period, by bisection: more budget never hurts. */
static bool least_budget(const struct demand_set *set, int64_t period_ns, int64_t whole_ns,
                         struct reservation *ret)
{
    int64_t overhead_ns = overhead(set, period_ns), most_ns = whole_ns - overhead_ns;

    *ret = (struct reservation){
        .period_ns = period_ns, .tardiness_ns = set->tardiness_ns, .overhead_ns = overhead_ns};
    if (most_ns < BUDGET_MIN_NS) {
        ret->worst = (struct demand_point){.is_overload = true, .room_ns = INT64_MIN};
        return false;
    }
    ret->least_ns = most_ns;
    ret->budget_ns = most_ns + overhead_ns;
    if (!demand_admits(set, most_ns, period_ns, &ret->worst))
        return false;
    ret->least_ns = bisect(set, period_ns, BUDGET_MIN_NS - STEP_NS, most_ns);
    return true;
}

/* Room for another one like it comes before headroom, which therefore fades while the machine
 * fills: what is lent there by reservations that sleep stands in for it (platform/linux/reserve.h).
 * all_ppm: what is free on all CPUs. */
static void add_headroom(const struct demand_set *early, int64_t whole_ns, int64_t all_ppm,
                         struct reservation *ret)
{
    int64_t needed_ns = ret->least_ns + ret->overhead_ns;
    int64_t others_ns = tt_muldiv(all_ppm, ret->period_ns, 1000000) - 2 * needed_ns;
    int64_t wide_ns = ret->least_ns + (others_ns > 0 ? others_ns / ROOM_PART : 0);
    int64_t most_ns = whole_ns - ret->overhead_ns;

    ret->headroom_ns = headroom(early, wide_ns < most_ns ? wide_ns / STEP_NS * STEP_NS : most_ns,
                                ret->least_ns, ret->period_ns);
    ret->budget_ns = needed_ns + ret->headroom_ns;
}

static bool is_better(const struct reservation *a, const struct reservation *b)
{
    return tt_muldiv(a->budget_ns, 1000000, a->period_ns) + SHARE_STEP_PPM <=
           tt_muldiv(b->budget_ns, 1000000, b->period_ns);
}

/* What global EDF has to do with it: nothing, for a service by itself; nobody is late, for which
 * its budget is limited; or it and the others are late by no more than each plan counts with. */
enum lateness { LATENESS_ALONE, LATENESS_NONE, LATENESS_TOLERATED };

static bool reserve_in(struct work *work, enum lateness lateness, int64_t room_ppm,
                       int64_t period_ns, struct reservation *ret)
{
    int64_t most_ns = tt_muldiv(period_ns, room_ppm, 1000000) / STEP_NS * STEP_NS;
    int64_t all_ppm = lateness == LATENESS_ALONE ? INT32_MAX : partition_most_ppm(work->machine);
    struct demand_set set = work->set, early = work->set;
    struct tt_server own = {.period_ns = period_ns, .tolerance_ns = INT64_MAX};

    if (lateness == LATENESS_NONE && most_ns > 0)
        most_ns = tardy_budget_ns(work->machine, period_ns, STEP_NS, most_ns);
    if (lateness == LATENESS_TOLERATED && most_ns > 0)
        set.tardiness_ns = tardy_own_ns(work->machine, most_ns, period_ns);
    if (set.tardiness_ns == INT64_MAX)
        set.tardiness_ns = INT64_MAX / 4; /* no deadline is longer */
    early.tasks = work->tried;
    early.tardiness_ns = set.tardiness_ns;
    if (!least_budget(&set, period_ns, most_ns, ret))
        return false;
    add_headroom(&early, most_ns, all_ppm, ret);
    (void)demand_admits(&set, ret->least_ns + ret->headroom_ns, period_ns, &ret->worst);
    own.budget_ns = ret->budget_ns;
    return lateness != LATENESS_TOLERATED || tardy_is_tolerated(work->machine, &own);
}

static bool reserve_by(struct work *work, enum lateness lateness, int64_t room_ppm,
                       struct reservation *ret)
{
    int64_t longest_ns = period_max(work);
    bool is_found = false, is_tried = false;

    for (uint32_t n = 0; n < PERIOD_COUNT; n++) {
        struct reservation found = {0};

        if (periods_ns[n] > longest_ns)
            continue;
        if (reserve_in(work, lateness, room_ppm, periods_ns[n], &found)) {
            if (!is_found || is_better(&found, ret))
                *ret = found;
            is_found = true;
        } else if (!is_found && (!is_tried || found.worst.room_ns > ret->worst.room_ns)) {
            *ret = found;
        }
        is_tried = true;
    }
    tt_assert(is_tried);
    return is_found;
}

static void set_tried(struct work *work)
{
    for (uint32_t n = 0; n < work->picture->segment_count; n++) {
        work->tried[n] = work->tasks[n];
        work->tried[n].deadline_ns -= work->tasks[n].deadline_ns / EDGE_PART;
    }
}

bool work_reserve(struct work *work, int64_t room_ppm, struct reservation *ret)
{
    room_ppm = room_ppm < 0 ? 0 : room_ppm > WORKER_MAX_PPM ? WORKER_MAX_PPM : room_ppm;
    set_tried(work);
    return reserve_by(work, LATENESS_NONE, room_ppm, ret) ||
           reserve_by(work, LATENESS_TOLERATED, room_ppm, ret);
}

bool work_reserve_alone(struct work *work, struct reservation *ret)
{
    set_tried(work);
    return reserve_by(work, LATENESS_ALONE, WORKER_MAX_PPM, ret);
}

static void try_deadline(struct work *work, int64_t deadline_ns)
{
    for (uint32_t n = 0; n < work->picture->segment_count; n++)
        work->tried[n] = work->tasks[n];
    for (uint32_t n = 0; n < work->picture->component_count; n++) {
        struct demand_task *task = &work->tried[work->picture->components[n].segment];
        int64_t until_ns = deadline_ns - work->ahead_ns[n];

        if (work->mark[n] && task->deadline_ns > until_ns)
            task->deadline_ns = until_ns;
    }
}

/* The shortest deadline of this sink, all others as they are, that would still be admitted. */
int64_t work_sink_bound(struct work *work, const struct reservation *reservation,
                        int64_t deadline_ns)
{
    struct demand_set set = work->set;
    int64_t bad_ns = 0, good_ns = deadline_ns;

    set.tasks = work->tried;
    set.tardiness_ns = reservation->tardiness_ns;
    while (good_ns - bad_ns > STEP_NS) {
        int64_t middle_ns = bad_ns + (good_ns - bad_ns) / 2;

        try_deadline(work, middle_ns);
        if (demand_admits(&set, reservation->least_ns + reservation->headroom_ns,
                          reservation->period_ns, NULL))
            good_ns = middle_ns;
        else
            bad_ns = middle_ns;
    }
    return good_ns;
}

void work_bounds(struct work *work, const struct reservation *reservation)
{
    struct tt_plan *plan = work->plan;

    for (uint32_t n = 0; n < work->picture->sink_count; n++) {
        struct tt_plan_sink *sink = &plan->sinks[n];

        (void)work_mark_sink(work, n);
        sink->bound_ns = work_sink_bound(work, reservation, sink->deadline_ns);
        sink->slack_ns = sink->deadline_ns - sink->bound_ns;
        if (n == 0 || sink->slack_ns < plan->sinks[plan->sink].slack_ns)
            plan->sink = n;
    }
    if (work->picture->sink_count > 0) {
        plan->bound_ns = plan->sinks[plan->sink].bound_ns;
        plan->slack_ns = plan->sinks[plan->sink].slack_ns;
    }
}
