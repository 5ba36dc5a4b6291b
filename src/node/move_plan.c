/* May a component run on another worker of its service? The arithmetic of a move. Pure.
 *
 * The plan stands; what is new is one component on the target's worker, which it must get by in the
 * time that its sinks have left, and which others there wait for at most once. The overlap counts
 * in both: the source's reservation stays as it is until the component is gone from there. */
#include <errno.h>
#include <string.h>

#include "node/move_inside.h"
#include "tactus/format.h"

#define SPARE_PERIOD_MIN_NS INT64_C(1000000) /* a shorter one would be wake-ups above all */
#define SPARE_BUDGET_MIN_NS INT64_C(1024)    /* what the kernel takes for one, with nobody's part */

static bool is_reached(const struct tt_picture *picture, uint32_t from, uint32_t to)
{
    bool marks[TT_PICTURE_COMPONENTS_MAX] = {false};

    marks[from] = true;
    for (uint32_t n = from; n < picture->component_count; n++) /* consumers stand later */
        for (uint32_t f = 0; marks[n] && f < picture->flow_count; f++)
            if (picture->flows[f].from == n)
                marks[picture->flows[f].to] = true;
    return marks[to];
}

/* The least that a sink has left which this component's frames come to; *ret: which. */
static int64_t least_slack(const struct tt_picture *picture, const struct tt_plan *plan,
                           uint32_t component, uint32_t *ret)
{
    int64_t least_ns = INT64_MAX;

    for (uint32_t n = component; n < picture->component_count; n++) {
        const struct tt_picture_component *sink = &picture->components[n];

        if (sink->sink < 0 || !is_reached(picture, component, n))
            continue;
        for (uint32_t pin = 0; pin < sink->in_count; pin++) {
            int64_t slack_ns = plan->sinks[(uint32_t)sink->sink + pin].slack_ns;

            if (slack_ns < least_ns) {
                least_ns = slack_ns;
                *ret = n;
            }
        }
    }
    return least_ns;
}

static int64_t us(int64_t ns)
{
    return ns / 1000;
}

/* Each waits for an activation that has begun: it is not interrupted. */
static int check_others(const struct move_question *q, struct tt_error *err)
{
    for (uint32_t n = 0; n < q->picture->component_count; n++) {
        uint32_t sink = 0;
        int64_t slack_ns;

        if (n == q->component || q->process_of[n] != q->to)
            continue;
        slack_ns = least_slack(q->picture, q->plan, n, &sink);
        if (slack_ns < q->cost_ns)
            return tt_fail(err, -EBUSY,
                           "not admitted in %s: an activation of '%s' takes up to %lld us, and "
                           "the frames of '%s' there have %lld us left before the deadline of '%s'",
                           q->container, q->picture->components[q->component].name,
                           (long long)us(q->cost_ns), q->picture->components[n].name,
                           (long long)us(slack_ns), q->picture->components[sink].name);
    }
    return 0;
}

/* In `slack` lie so many whole periods of the target's worker, behind the one that it may have to
 * wait for; in each it gets its part. No less than what it takes in the long run. */
int move_plan(const struct move_question *q, int64_t *ret_more_ns, struct tt_error *err)
{
    const struct tt_picture_component *self = &q->picture->components[q->component];
    int64_t slack_ns, periods, part_ns, share_ns;
    uint32_t sink = 0;

    *ret_more_ns = 0;
    if (q->plan->class == TT_CLASS_BEST_EFFORT || q->budget_ns <= 0)
        return 0; /* nobody was promised anything */
    if (q->cost_ns <= 0 || self->rate.num <= 0)
        return tt_fail(err, -EBUSY,
                       "not admitted in %s: what '%s' costs is not known yet, and the frames there "
                       "have a promise; let it run for some seconds and try again",
                       q->container, self->name);
    slack_ns = least_slack(q->picture, q->plan, q->component, &sink);
    periods = slack_ns == INT64_MAX ? 1 : slack_ns / q->period_ns - 1;
    if (periods < 1)
        return tt_fail(err, -EBUSY,
                       "not admitted in %s: by way of it a frame takes two of its periods more, "
                       "2 x %lld us, and the deadline of '%s' leaves %lld us",
                       q->container, (long long)us(q->period_ns), q->picture->components[sink].name,
                       (long long)us(slack_ns));
    part_ns = (q->cost_ns + periods - 1) / periods;
    share_ns = tt_muldiv(q->cost_ns, q->period_ns, tt_index_ns(1, self->rate)) + 1;
    *ret_more_ns = part_ns > share_ns ? part_ns : share_ns;
    if (q->budget_ns + *ret_more_ns > q->period_ns)
        return tt_fail(err, -EBUSY,
                       "not admitted in %s: its worker has %lld us of each %lld us and would need "
                       "%lld us more for '%s'",
                       q->container, (long long)us(q->budget_ns), (long long)us(q->period_ns),
                       (long long)us(*ret_more_ns), self->name);
    return check_others(q, err);
}

/* Its period is that of home, or so short that two of them fit into what its sinks have left. */
int move_plan_spare(const struct move_question *question, const struct tt_plan_worker *home,
                    struct tt_plan_worker *ret, int64_t *ret_part_ns, struct tt_error *err)
{
    struct move_question q = *question;
    uint32_t sink = 0;
    int64_t more_ns, slack_ns;
    int r;

    *ret = *home;
    *ret_part_ns = 0;
    if (q.plan->class == TT_CLASS_BEST_EFFORT || home->budget_ns <= 0) {
        ret->budget_ns = 0;
        return 0;
    }
    slack_ns = least_slack(q.picture, q.plan, q.component, &sink);
    while (2 * ret->period_ns > slack_ns && ret->period_ns / 2 >= SPARE_PERIOD_MIN_NS)
        ret->period_ns /= 2;
    ret->deadline_ns = q.period_ns = ret->period_ns;
    q.budget_ns = home->overhead_ns > SPARE_BUDGET_MIN_NS ? home->overhead_ns : SPARE_BUDGET_MIN_NS;
    r = move_plan(&q, &more_ns, err);
    ret->budget_ns = r == 0 ? q.budget_ns + more_ns : 0;
    *ret_part_ns = r == 0 ? more_ns : 0;
    return r;
}
