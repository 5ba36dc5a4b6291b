/* Which term of the arithmetic refuses a graph. The demand is made again from the plan's own terms,
 * then one of them is left out at a time. */
#include "refusal.h"

#include "check.h"
#include "picture.h"
#include "planner/demand.h"
#include "tactus/format.h"

static int64_t term(const struct tt_plan *plan, const char *name, const char *subject)
{
    for (uint32_t n = 0; n < plan->term_count; n++)
        if (strcmp(plan->terms[n].name, name) == 0 && strcmp(plan->terms[n].subject, subject) == 0)
            return plan->terms[n].value;
    CHECK(!"the plan has this term");
    return 0;
}

struct what {
    bool has_wake_up, has_jitter, has_blocking, has_gaps;
};

/* Sets what there is of it; returns what demand_share_ppt() says. */
static int64_t make(const struct tt_picture *picture, const struct tt_plan *plan,
                    const struct what *what, struct demand_task *tasks, struct demand_set *ret)
{
    *ret = (struct demand_set){.tasks = tasks, .count = picture->segment_count};
    for (uint32_t n = 0; n < picture->segment_count; n++) {
        const char *name = picture->segments[n].name;

        tasks[n] = (struct demand_task){.rate = picture->segments[n].rate,
                                        .cost_ns = term(plan, "demand", name),
                                        .deadline_ns = term(plan, "deadline", name)};
        if (what->has_blocking)
            tasks[n].block_ns = term(plan, "largest component", name);
        if (what->has_jitter)
            tasks[n].jitter_ns = term(plan, "release jitter", name);
    }
    if (what->has_wake_up)
        ret->wake_ns = term(plan, "wake-up", "");
    if (what->has_blocking)
        ret->hand_off_ns = term(plan, "hop", "");
    return demand_share_ppt(ret);
}

static bool admits(const struct tt_picture *picture, const struct tt_plan *plan, int64_t budget_ns,
                   int64_t period_ns, const struct what *what)
{
    struct demand_task tasks[PICTURE_COMPONENTS];
    struct demand_set set;

    (void)make(picture, plan, what, tasks, &set);
    if (!what->has_gaps) { /* the same share of the CPU, evenly */
        budget_ns = budget_ns * 1000 / period_ns;
        period_ns = 1000;
    }
    return demand_admits(&set, budget_ns, period_ns, NULL);
}

enum refusal refusal_of(const struct tt_picture *picture, const struct tt_plan *plan,
                        int64_t budget_ns, int64_t period_ns)
{
    static const struct what tried[] = {
        [REFUSAL_ROOM] = {true, true, true, true},
        [REFUSAL_WAKE_UP] = {false, true, true, true},
        [REFUSAL_JITTER] = {true, false, true, true},
        [REFUSAL_BLOCKING] = {true, true, false, true},
        [REFUSAL_GAPS] = {true, true, true, false},
        [REFUSAL_SEVERAL] = {false, false, false, false},
    };

    struct demand_task tasks[PICTURE_COMPONENTS];
    struct demand_set set;

    if (make(picture, plan, &tried[REFUSAL_ROOM], tasks, &set) >=
        tt_muldiv(budget_ns, 1000000000000, period_ns))
        return REFUSAL_OVERLOAD;
    for (uint32_t n = 0; n < REFUSAL_DEMAND; n++)
        if (admits(picture, plan, budget_ns, period_ns, &tried[n]))
            return n;
    return REFUSAL_DEMAND;
}

const char *refusal_name(enum refusal refusal)
{
    static const char *const names[REFUSAL_COUNT] = {
        [REFUSAL_ROOM] = "what is kept free, and overhead",
        [REFUSAL_WAKE_UP] = "wake-up alone",
        [REFUSAL_JITTER] = "release jitter alone",
        [REFUSAL_BLOCKING] = "blocking alone",
        [REFUSAL_GAPS] = "gaps of the supply alone",
        [REFUSAL_SEVERAL] = "several of them together",
        [REFUSAL_DEMAND] = "what is released at once",
        [REFUSAL_OVERLOAD] = "more than the share for good",
    };

    return names[refusal];
}
