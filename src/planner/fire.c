/* When a join goes on without the inputs that have not come.
 *
 * No input that is in time by the admission may be late for its join. Let the demand of the worker
 * fit its supply with every deadline shorter by `early`: then each sink is done by its deadline
 * less `early`, with joins that wait for ever as with those that go on, for going on only ever
 * saves time. What follows a component on its way to a sink takes at least its cost, on whatever
 * worker, so that the component was done by its due offset (the deadline less those costs) less
 * `early`: gaps of the supply, blocking, jitter and wake-up are in it, since they are in the
 * demand. A component that feeds a join is due when the join must begin at the latest; hence no
 * input comes later than the join's last begin less `early`, and a join that does not go on before
 * that never goes on without an input that keeps its deadline. No set is refused for it: with
 * `early` = 0 the join waits until it must begin. That is more than most inputs need, and leaves
 * the least for what waits behind the join; where half of the way is sooner, the inputs' own worst
 * responses say when all are there. */
#include <stddef.h>

#include "planner/work.h"

enum { STEP_NS = 1000 };

/* When the join must begin, and when costs and structural latency alone would have its slowest
 * input there. */
static int64_t last_begin_ns(const struct work *work, uint32_t n)
{
    int64_t last_ns = work->plan->due_offset_ns[n] - work->cost[n].cost_ns;

    if (work_is_inner(work->picture, n)) /* it is due with what came so much earlier */
        return last_ns;
    return last_ns - work->picture->components[n].shape.latency_ns;
}

static int64_t first_begin_ns(const struct work *work, uint32_t n)
{
    const struct tt_picture_component *component = &work->picture->components[n];
    int64_t structural_ns = component->structural_ns - component->shape.latency_ns;

    return (structural_ns > 0 ? structural_ns : 0) + work->before_ns[n];
}

/* One half of what is left between the two for the input to be late, the other for what waits
 * behind the join. */
static int64_t half_ns(const struct work *work, uint32_t n)
{
    int64_t first_ns = first_begin_ns(work, n), last_ns = last_begin_ns(work, n);

    return first_ns < last_ns ? first_ns + (last_ns - first_ns) / 2 : last_ns;
}

/* That half, unless inputs that are in time may come later. */
static int64_t fire_offset(const struct work *work, uint32_t n, int64_t inputs_by_ns)
{
    int64_t fire_ns = half_ns(work, n), due_ns = work->plan->due_offset_ns[n];

    fire_ns = fire_ns < inputs_by_ns ? inputs_by_ns : fire_ns;
    fire_ns = fire_ns >= due_ns ? due_ns - 1 : fire_ns;
    return fire_ns > 0 ? fire_ns : 0;
}

void work_fire_early(struct work *work)
{
    for (uint32_t n = 0; n < work->picture->component_count; n++)
        work->plan->fire_offset_ns[n] = fire_offset(work, n, 0);
}

/* By how much all deadlines could be shorter: a supply that comes later by as much is the same. */
static int64_t early_ns(const struct work *work, const struct reservation *reservation)
{
    struct demand_set set = work->set;
    int64_t good_ns = 0, bad_ns = work->picture->deadline_ns;

    while (bad_ns - good_ns > STEP_NS) {
        int64_t middle_ns = good_ns + (bad_ns - good_ns) / 2;

        set.tardiness_ns = reservation->tardiness_ns + middle_ns;
        if (demand_admits(&set, reservation->least_ns + reservation->headroom_ns,
                          reservation->period_ns, NULL))
            good_ns = middle_ns;
        else
            bad_ns = middle_ns;
    }
    return good_ns;
}

/* When the last of its inputs comes, after the origin of the join; INT64_MAX: not computed. */
static int64_t inputs_come_ns(const struct work *work, const struct reservation *reservation,
                              uint32_t n)
{
    const struct tt_picture *picture = work->picture;
    int64_t latest_ns = 0;

    for (uint32_t k = 0; k < picture->components[n].in_count; k++) {
        int32_t flow = picture->components[n].in[k].flow;
        uint32_t from = flow >= 0 ? picture->flows[flow].from : 0;
        int64_t ns = flow >= 0 ? picture->components[from].structural_ns : 0, response_ns;

        if (flow < 0 || work_is_once(work, from))
            continue;
        response_ns = work_is_edge(work, from) ? work->jitter_ns[from]
                                               : work_response(work, reservation, from);
        if (response_ns == INT64_MAX)
            return INT64_MAX;
        ns += response_ns + work_lag_ns(picture, &picture->flows[flow]);
        latest_ns = ns > latest_ns ? ns : latest_ns;
    }
    return latest_ns;
}

static bool is_join(const struct tt_picture_component *component)
{
    return component->in_count > 1 && (component->flags & TT_SEPARATE) == 0;
}

void work_fire(struct work *work, const struct reservation *reservation)
{
    const struct tt_picture *picture = work->picture;
    int64_t early = early_ns(work, reservation);

    for (uint32_t n = 0; n < picture->component_count; n++) {
        const char *name = picture->components[n].name;
        int64_t inputs_by_ns = last_begin_ns(work, n) - early, come_ns;

        if (is_join(&picture->components[n]) && half_ns(work, n) < inputs_by_ns) {
            come_ns = inputs_come_ns(work, reservation, n);
            inputs_by_ns = come_ns < inputs_by_ns ? come_ns : inputs_by_ns;
        }
        work->plan->fire_offset_ns[n] = fire_offset(work, n, inputs_by_ns);
        if (!is_join(&picture->components[n]) || work_is_once(work, n) || work_is_edge(work, n))
            continue;
        terms_add(&work->terms, "inputs there by", name, inputs_by_ns > 0 ? inputs_by_ns : 0, "ns",
                  "computed");
        terms_add(&work->terms, "join waits until", name, work->plan->fire_offset_ns[n], "ns",
                  "computed");
        terms_add(&work->terms, "left after it", name,
                  work->plan->due_offset_ns[n] - work->plan->fire_offset_ns[n], "ns", "computed");
    }
}
