/* Degrading levels of a service: it is admitted at its lowest, begins at the best that fits, and
 * goes up again only when the planner says that there is room. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "node/levels.h"
#include "node/run_follow.h"
#include "node/service_inside.h"

static void take(struct service *service, struct tt_plan *plan, struct costs *costs)
{
    tt_plan_close(&service->plan);
    costs_fini(&service->costs);
    service->plan = plan;
    service->costs = *costs;
}

/* What binds the lowest level is what the service is refused for. */
static void say_floor(struct tt_plan *plan)
{
    char binding[sizeof(plan->binding)];

    memcpy(binding, plan->binding, sizeof(binding));
    (void)tt_format_text(plan->binding, sizeof(plan->binding), "at its lowest level, %u: %.200s",
                         plan->level, binding);
}

static bool wants_costs(const struct service *service, uint32_t level)
{
    return service->wants_profile && !service->is_given_once &&
           (service->profiled_levels >> level & 1) == 0 &&
           levels_is_unknown(service->node, service->picture, level);
}

/* Admitted is also what is promised nothing: that its demand finds room is what a level is for. */
static bool is_fit(const struct service *service, const struct tt_plan *plan)
{
    return plan->is_admitted && (service->picture->is_best_effort || plan->bound_ns > 0);
}

/* The costs of this level, and whether it fits; false: no memory. */
static bool try_level(struct service *service, uint32_t level, struct costs *costs,
                      struct tt_plan **plan)
{
    if (levels_plan(service->node, service->picture, level, costs, plan, NULL) < 0)
        return false;
    if (is_fit(service, *plan))
        return true;
    if (level == tt_picture_levels(service->picture))
        say_floor(*plan);
    return true;
}

/* From the lowest up, as long as one fits: those above cost more. What does not fit at its lowest
 * is refused for that one's reason, unless it was to run without a promise anyway. */
uint32_t service_levels_choose(struct service *service)
{
    struct tt_plan *best = service->plan;
    uint32_t floor = tt_picture_levels(service->picture), level = floor;
    struct costs chosen_costs = {0};
    struct tt_plan *chosen = NULL;
    bool is_over = is_fit(service, best) || !service->picture->is_live;

    for (; level > 0 && !is_over; level--) {
        struct tt_plan *plan = NULL;
        struct costs costs = {0};

        if (wants_costs(service, level))
            break;
        is_over = !try_level(service, level, &costs, &plan) || !is_fit(service, plan);
        if (plan != NULL && (!is_over || (level == floor && !best->is_admitted))) {
            tt_plan_close(&chosen);
            costs_fini(&chosen_costs);
            chosen = plan;
            chosen_costs = costs;
        } else {
            tt_plan_close(&plan);
            costs_fini(&costs);
        }
    }
    if (level > 0 && !is_over) {
        tt_plan_close(&chosen);
        costs_fini(&chosen_costs);
        return level;
    }
    if (chosen != NULL) {
        tt_plan_allow_above(chosen, best, service->picture->component_count);
        take(service, chosen, &chosen_costs);
    }
    return 0;
}

/* A running component stays where it is. */
static bool is_placed_alike(const struct service *service, const struct tt_plan *plan)
{
    const struct tt_picture *picture = service->picture;

    for (uint32_t n = 0; n < picture->component_count; n++)
        if ((picture->components[n].flags & TT_EDGE) == 0 &&
            plan->worker_of[n] != service->plan->worker_of[n])
            return false;
    return plan->worker_count == service->plan->worker_count;
}

/* A worker has what the plan of that level asks for, or gets it: 0. */
static int make_room_for(struct service *service, uint32_t number,
                         const struct tt_plan_worker *wanted, struct tt_error *err)
{
    struct run_worker worker;

    if (!run_worker(service->run, number, &worker))
        return tt_fail(err, -ESHUTDOWN, "it has no worker now");
    if (worker.budget_ns <= 0)
        return 0; /* nothing is reserved for it at any level */
    if (wanted->budget_ns <= 0)
        return tt_fail(err, -EBUSY, "nothing could be promised there");
    if (books_share_ppm(wanted->budget_ns, wanted->period_ns) <=
        books_share_ppm(worker.budget_ns, worker.period_ns))
        return 0; /* what it has is enough */
    return run_resize(service->run, number, wanted->budget_ns, wanted->period_ns, err);
}

static int make_room(struct service *service, const struct tt_plan *plan, struct tt_error *err)
{
    int r = 0;

    if (!is_placed_alike(service, plan))
        return tt_fail(err, -EBUSY, "its components would be placed otherwise");
    for (uint32_t n = 0; r == 0 && n < plan->worker_count; n++)
        r = make_room_for(service, n, &plan->workers[n], err);
    return r;
}

static int admit(struct service *service, uint32_t level, struct tt_error *err)
{
    struct node *node = service->node;
    struct tt_plan *plan = NULL;
    struct tt_machine machine;
    struct levels_beside beside = {.machine = &machine};
    const char *away = run_level_away(service->run);
    int r;

    if (away != NULL)
        return tt_fail(err, -EBUSY, "'%s' is away from the container that plans have it in", away);
    machine_refresh(&node->machine);
    machine = node->machine.plan;
    books_tell(&node->books, service->number, loop_now_ns(), &machine);
    r = levels_plan_on(node, &beside, service->picture, level, &plan, err);
    if (r < 0)
        return r;
    r = plan->is_admitted ? make_room(service, plan, err)
                          : tt_fail(err, -EBUSY, "%s", plan->binding);
    if (r == 0)
        run_follow_raise(service->run, plan);
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
    run_level_answer(service->run, r == 0);
}

void service_levels_learn(struct service *service, struct pump *pump, enum profile_pace pace)
{
    for (uint32_t level = 0; level <= tt_picture_levels(service->picture); level++)
        levels_learn(service->node, service->picture, level, pace, pump_samples_at(pump, level));
}
