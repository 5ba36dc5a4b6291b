/* How long after its release a component is done at the latest: the worst of all busy periods that
 * it may fall into (Spuri 1996; George, Rivierre, Spuri 1996), on a periodic resource.
 *
 * Let the component's activation be due at d, and let t0 be the last time before its end at which
 * nothing waited that is due by d. From then on the worker does what was released since and is due
 * by d, and one component that began before and is due later. What an activation waits for is due
 * before it, so that it counts there too. The offset between t0 and the release is tried at each
 * value at which that demand grows. Other segments' releases come at their worst; those of its own
 * come with it, period by period. */
#include <stddef.h>

#include "planner/work.h"
#include "tactus/format.h"

enum { POINTS_MAX = 60000, BUSY_MAX_NS = 2000000000 };

struct job {
    struct tt_rational rate;
    int64_t period_ns, cost_ns, jitter_ns;
    int64_t due_ns; /* after the release, by which it is served */
    uint32_t segment;
};

size_t work_job_bytes(void)
{
    return sizeof(struct job);
}

struct busy {
    const struct reservation *reservation;
    struct job *jobs;
    uint32_t count;
    int64_t wake_ns, length_ns;
    uint32_t points; /* tried so far */
};

/* The shortest time in which the reservation gives so much at least. */
static int64_t time_for(const struct reservation *reservation, int64_t cost_ns)
{
    int64_t budget_ns = reservation->least_ns + reservation->headroom_ns;
    int64_t gap_ns = reservation->period_ns - budget_ns, whole_count = (cost_ns - 1) / budget_ns;

    return reservation->tardiness_ns + 2 * gap_ns + whole_count * reservation->period_ns +
           (cost_ns - whole_count * budget_ns);
}

static void gather(const struct work *work, struct busy *busy)
{
    const struct tt_picture *picture = work->picture;

    for (uint32_t n = 0; n < picture->component_count; n++) {
        const struct tt_picture_component *component = &picture->components[n];
        int64_t structural_ns = component->structural_ns - component->shape.latency_ns;
        struct job *job = &busy->jobs[n];

        *job = (struct job){.rate = component->rate, .segment = component->segment};
        if (component->rate.num <= 0 || work_is_edge(work, n))
            continue;
        job->period_ns = tt_index_ns(1, component->rate);
        job->cost_ns = work->cost[n].cost_ns + work->machine->hop_ns;
        job->jitter_ns = work->jitter_ns[n];
        job->due_ns = work->plan->due_offset_ns[n] - (structural_ns > 0 ? structural_ns : 0);
    }
    busy->count = picture->component_count;
    busy->wake_ns = work->machine->wake_ns;
}

/* The longest time without a pause; 0: too long to go through. */
static int64_t busy_length(const struct busy *busy)
{
    int64_t length_ns = 1;

    for (uint32_t turn = 0; turn < 1000 && length_ns < BUSY_MAX_NS; turn++) {
        int64_t sum_ns = busy->wake_ns + 1, most_ns = 0;

        for (uint32_t n = 0; n < busy->count; n++) {
            const struct job *job = &busy->jobs[n];

            if (job->cost_ns == 0)
                continue;
            sum_ns += (tt_ns_index(length_ns + job->jitter_ns, job->rate) + 1) * job->cost_ns;
            most_ns = job->cost_ns > most_ns ? job->cost_ns : most_ns;
        }
        if (time_for(busy->reservation, sum_ns + most_ns) <= length_ns)
            return length_ns;
        length_ns = time_for(busy->reservation, sum_ns + most_ns);
    }
    return 0;
}

/* Releases of its own segment: the one at 0, those before it back to `since`, and those after it
 * that are due earlier nevertheless. */
static int64_t own_count(const struct job *own, const struct job *job, int64_t since_ns)
{
    int64_t later_ns = job->due_ns - own->due_ns, first, last;

    first = later_ns > 0 ? (later_ns + job->period_ns) / (job->period_ns + 1)
                         : -(-later_ns / job->period_ns);
    if (since_ns < 0)
        return 0;
    last = since_ns / job->period_ns;
    return last >= first ? last - first + 1 : 0;
}

/* What is served before it ends, released so long after t0. */
static int64_t demand_of(const struct busy *busy, const struct job *own, int64_t ready_ns)
{
    int64_t release_ns = ready_ns - own->jitter_ns, t_ns = release_ns + own->due_ns;
    int64_t sum_ns = busy->wake_ns, most_ns = 0;

    for (uint32_t n = 0; n < busy->count; n++) {
        const struct job *job = &busy->jobs[n];
        int64_t since_ns = t_ns + job->jitter_ns - job->due_ns;

        if (job->cost_ns == 0)
            continue;
        if (job->due_ns > t_ns && job->cost_ns > most_ns)
            most_ns = job->cost_ns;
        if (job->segment == own->segment)
            sum_ns += own_count(own, job, release_ns + job->jitter_ns) * job->cost_ns;
        else if (since_ns >= 0)
            sum_ns += (tt_ns_index(since_ns, job->rate) + 1) * job->cost_ns;
    }
    return sum_ns + most_ns;
}

static int64_t response_at(struct busy *busy, const struct job *own, int64_t ready_ns)
{
    busy->points += busy->count;
    return time_for(busy->reservation, demand_of(busy, own, ready_ns)) - ready_ns + own->jitter_ns;
}

/* Of all points at which the demand grows by this job. */
static int64_t worst_along(struct busy *busy, const struct job *own, const struct job *job)
{
    int64_t begin_ns = own->jitter_ns - job->jitter_ns, worst_ns = 0;

    if (job->segment != own->segment)
        begin_ns += job->due_ns - own->due_ns;
    for (int64_t m = begin_ns < 0 ? tt_ns_index(-begin_ns, job->rate) : 0;; m++) {
        int64_t ready_ns = begin_ns + tt_index_ns(m, job->rate), response_ns;

        if (ready_ns > busy->length_ns || busy->points > POINTS_MAX)
            return worst_ns;
        /* The next nanosecond too: instants are rounded down. */
        for (uint32_t k = 0; k < 2; k++) {
            response_ns = ready_ns + k >= 0 ? response_at(busy, own, ready_ns + k) : 0;
            worst_ns = response_ns > worst_ns ? response_ns : worst_ns;
        }
    }
}

int64_t work_response(const struct work *work, const struct reservation *reservation,
                      uint32_t component)
{
    struct busy busy = {.reservation = reservation, .jobs = work->jobs};
    const struct job *own = &work->jobs[component];
    int64_t worst_ns;

    gather(work, &busy);
    busy.length_ns = busy_length(&busy);
    if (own->cost_ns == 0 || busy.length_ns == 0)
        return INT64_MAX;
    worst_ns = response_at(&busy, own, 0);
    for (uint32_t n = 0; n < busy.count; n++) {
        int64_t along_ns = busy.jobs[n].cost_ns > 0 ? worst_along(&busy, own, &busy.jobs[n]) : 0;

        worst_ns = along_ns > worst_ns ? along_ns : worst_ns;
    }
    return busy.points > POINTS_MAX ? INT64_MAX : worst_ns;
}
