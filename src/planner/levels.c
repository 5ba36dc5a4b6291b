/* A plan of a service at one of its degrading levels. */
#include <errno.h>
#include <stddef.h>

#include "planner/planner.h"
#include "planner/terms.h"
#include "tactus/format.h"

/* Which level each component is at, in its author's words. */
static int add_terms(const struct tt_picture *picture, uint32_t level, struct tt_plan *plan)
{
    struct terms terms = {.plan = plan, .room = plan->term_count};

    for (uint32_t n = 0; n < picture->component_count; n++) {
        const struct tt_picture_component *component = &picture->components[n];
        uint32_t own = tt_picture_level_of(component, level);

        if (component->level_count > 0)
            terms_add(&terms, "level", component->name, own, "",
                      own > 0 ? component->texts + component->level_texts[own - 1] : "service");
    }
    return terms.is_failed ? -ENOMEM : 0;
}

int tt_plan_at_level(const struct tt_picture *picture, uint32_t level, const struct tt_cost *costs,
                     const struct tt_cost *segment_costs, const struct tt_machine *machine,
                     struct tt_plan **ret, struct tt_error *err)
{
    struct tt_picture at;
    struct tt_plan *plan = NULL;
    int r = tt_picture_at_level(picture, level, &at);

    if (r < 0)
        return tt_fail(err, r, "no memory to plan service `%s`", picture->name);
    r = tt_plan_make(&at, costs, segment_costs, machine, &plan, err);
    tt_picture_at_level_fini(&at);
    if (r < 0)
        return r;
    plan->level = level;
    plan->level_count = tt_picture_levels(picture);
    r = add_terms(picture, level, plan);
    if (r < 0) {
        tt_plan_close(&plan);
        return tt_fail(err, r, "no memory to plan service `%s`", picture->name);
    }
    *ret = plan;
    return 0;
}

void tt_plan_allow_above(struct tt_plan *plan, const struct tt_plan *above, uint32_t count)
{
    for (uint32_t n = 0; n < count; n++) {
        if (plan->budget_of_ns[n] > 0 && above->budget_of_ns[n] > plan->budget_of_ns[n])
            plan->budget_of_ns[n] = above->budget_of_ns[n];
        if (above->fire_offset_ns[n] > 0 && above->fire_offset_ns[n] < plan->fire_offset_ns[n])
            plan->fire_offset_ns[n] = above->fire_offset_ns[n];
    }
}
