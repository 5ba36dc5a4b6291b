/* Plans of a service at its degrading levels, from what each costs here. */
#include "node/levels.h"

#include <errno.h>

#include "node/follow.h"
#include "tactus/format.h"

static int load(struct node *node, struct pump *pump, const struct tt_picture *picture,
                uint32_t level, struct costs *ret)
{
    struct costs_asked asked = {.machine = &node->machine,
                                .profile = node->profile,
                                .own = pump != NULL ? pump_samples_at(pump, level) : NULL};
    struct tt_picture at;
    int r = tt_picture_at_level(picture, level, &at);

    if (r < 0)
        return r;
    r = costs_load(&at, &asked, ret);
    tt_picture_at_level_fini(&at);
    return r;
}

/* Levels go from dear to cheap: what is not known of one is at most what the one above costs. */
static void fill(const struct tt_picture *picture, const struct costs *above, struct costs *costs)
{
    for (uint32_t n = 0; n < picture->component_count; n++)
        if (costs->components[n].n == 0)
            costs->components[n] = above->components[n];
    for (uint32_t n = 0; n < picture->segment_count; n++)
        if (costs->segments[n].n == 0)
            costs->segments[n] = above->segments[n];
}

static int load_filled(struct node *node, struct pump *pump, const struct tt_picture *picture,
                       uint32_t level, struct costs *ret)
{
    struct costs costs = {0}, above = {0};
    int r = 0;

    for (uint32_t n = 0; r == 0 && n <= level; n++) {
        r = load(node, pump, picture, n, &costs);
        if (r == 0 && n > 0)
            fill(picture, &above, &costs);
        costs_fini(&above);
        above = costs;
    }
    *ret = above;
    return r;
}

/* A declared maximum stays one. */
static void raise_budgets(const struct tt_picture *picture, struct tt_plan *plan)
{
    for (uint32_t n = 0; plan->class != TT_CLASS_BOUNDED && n < picture->component_count; n++) {
        int64_t *budget_ns = &plan->budget_of_ns[n], reserved_ns = 0;

        if (*budget_ns <= 0 || (picture->components[n].flags & TT_EDGE) != 0)
            continue;
        if (plan->is_admitted)
            reserved_ns = plan->workers[plan->worker_of[n]].budget_ns;
        *budget_ns = follow_budget_ns(*budget_ns, *budget_ns, reserved_ns);
    }
}

int levels_plan(struct node *node, const struct tt_picture *picture, uint32_t level,
                struct costs *ret_costs, struct tt_plan **ret, struct tt_error *err)
{
    struct costs costs = {0};
    int r = load_filled(node, NULL, picture, level, &costs);

    if (r < 0)
        return tt_fail(err, r, "no memory for the costs");
    r = tt_plan_at_level(picture, level, costs.components, costs.segments, &node->machine.plan, ret,
                         err);
    if (r < 0) {
        costs_fini(&costs);
        return r;
    }
    raise_budgets(picture, *ret);
    *ret_costs = costs;
    return 0;
}

int levels_plan_on(struct node *node, const struct levels_beside *beside,
                   const struct tt_picture *picture, uint32_t level, struct tt_plan **ret,
                   struct tt_error *err)
{
    struct costs costs = {0};
    int r = load_filled(node, beside->pump, picture, level, &costs);

    if (r < 0)
        return tt_fail(err, r, "no memory for the costs");
    r = tt_plan_at_level(picture, level, costs.components, costs.segments, beside->machine, ret,
                         err);
    costs_fini(&costs);
    if (r == 0)
        raise_budgets(picture, *ret);
    return r;
}

bool levels_is_unknown(struct node *node, const struct tt_picture *picture, uint32_t level)
{
    struct costs costs = {0};
    bool is_unknown = true;

    if (load(node, NULL, picture, level, &costs) == 0)
        is_unknown = costs_are_missing(picture, &costs);
    costs_fini(&costs);
    return is_unknown;
}

void levels_costs(struct node *node, const struct tt_picture *picture, int64_t *ret, uint32_t room)
{
    ret[0] = 0; /* of what has one level nobody asks */
    for (uint32_t level = 0; room > 1 && level < room; level++) {
        struct costs costs = {0};
        int64_t sum_ppm = 0;
        bool is_known = load(node, NULL, picture, level, &costs) == 0;

        for (uint32_t n = 0; is_known && n < picture->segment_count; n++) {
            const struct tt_rational rate = picture->segments[n].rate;

            is_known = rate.num <= 0 || costs.segments[n].n > 0;
            if (is_known && rate.num > 0)
                sum_ppm += tt_muldiv(costs.segments[n].mean_ns, rate.num, rate.den * 1000);
        }
        ret[level] = is_known ? sum_ppm : 0;
        costs_fini(&costs);
    }
}

void levels_learn(struct node *node, const struct tt_picture *picture, uint32_t level,
                  enum profile_pace pace, const struct samples *samples)
{
    struct tt_picture at;

    if (tt_picture_at_level(picture, level, &at) < 0)
        return;
    costs_learn(&at, &node->machine, node->profile, pace, samples);
    tt_picture_at_level_fini(&at);
}
