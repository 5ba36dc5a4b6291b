/* Degrading levels of a service: it is admitted at its lowest, begins at the best that fits, and
 * goes up again only when the planner says that there is room. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "node/levels.h"
#include "node/service_inside.h"

static void take(struct service *service, struct tt_plan *plan, struct costs *costs)
{
    tt_plan_close(&service->plan);
    costs_fini(&service->costs);
    service->plan = plan;
    service->costs = *costs;
}

/* What binds the lowest level is what the service is refused for. */
static void refuse_at_floor(struct service *service, struct tt_plan *plan, struct costs *costs)
{
    char binding[sizeof(plan->binding)];

    memcpy(binding, plan->binding, sizeof(binding));
    (void)tt_format_text(plan->binding, sizeof(plan->binding), "at its lowest level, %u: %.200s",
                         plan->level, binding);
    take(service, plan, costs);
}

bool service_levels_choose(struct service *service)
{
    struct tt_plan *best = service->plan;
    uint32_t floor = tt_picture_levels(service->picture);

    if (best->is_admitted || floor == 0 || !service->picture->is_live)
        return false;
    if (service->wants_profile && !service->is_floor_profiled && !service->is_given_once &&
        levels_is_unknown(service->node, service->picture, floor))
        return true;
    for (uint32_t level = 1; level <= floor; level++) {
        struct tt_plan *plan = NULL;
        struct costs costs = {0};

        if (levels_plan(service->node, service->picture, level, &costs, &plan, NULL) < 0)
            return false;
        if (!plan->is_admitted && level < floor) {
            tt_plan_close(&plan);
            costs_fini(&costs);
            continue;
        }
        if (!plan->is_admitted) {
            refuse_at_floor(service, plan, &costs);
            return false;
        }
        tt_plan_allow_above(plan, best, service->picture->component_count);
        take(service, plan, &costs);
        return false;
    }
    return false;
}

/* Its worker has what the plan of that level asks for, or gets it: 0. */
static int make_room(struct service *service, const struct tt_plan *plan, struct tt_error *err)
{
    struct run_worker worker;

    if (!run_worker(service->run, 0, &worker))
        return tt_fail(err, -ESHUTDOWN, "it has no worker now");
    if (worker.budget_ns <= 0)
        return 0; /* nothing is reserved for it at any level */
    if (plan->budget_ns <= 0)
        return tt_fail(err, -EBUSY, "nothing could be promised there: %s", plan->class_reason);
    if (books_share_ppm(plan->budget_ns, plan->period_ns) <=
        books_share_ppm(worker.budget_ns, worker.period_ns))
        return 0; /* what it has is enough */
    return run_resize(service->run, 0, plan->budget_ns, plan->period_ns, err);
}

static int admit(struct service *service, uint32_t level, struct tt_error *err)
{
    struct node *node = service->node;
    struct tt_plan *plan = NULL;
    int r;

    machine_refresh(&node->machine);
    node->machine.plan.reserved_ppm =
        books_others_ppm(&node->books, service->number, loop_now_ns());
    r = levels_plan(node, service->picture, level, NULL, &plan, err);
    if (r < 0)
        return r;
    r = plan->is_admitted ? make_room(service, plan, err)
                          : tt_fail(err, -EBUSY, "%s", plan->binding);
    tt_plan_close(&plan);
    return r;
}

void service_levels_asked(void *ctx, uint32_t level)
{
    struct service *service = ctx;
    struct tt_error err = {0};
    char text[TEXT_BYTES];
    int r = admit(service, level, &err);

    (void)snprintf(text, sizeof(text), "may it go up to level %u? %s%.600s", level,
                   r == 0 ? "yes" : "no: ", r == 0 ? "" : err.text);
    journal_say(service->node->journal, service->log, text);
    run_level_answer(service->run, level, r == 0);
}

void service_levels_learn(struct service *service, struct pump *pump, enum profile_pace pace)
{
    for (uint32_t level = 0; level <= tt_picture_levels(service->picture); level++)
        levels_learn(service->node, service->picture, level, pace, pump_samples_at(pump, level));
}
