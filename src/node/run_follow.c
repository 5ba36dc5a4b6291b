/* Budgets and reservation of a running service follow what its costs turn out to be. */
#include "node/run_follow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/engine.h"
#include "node/costs.h"
#include "node/follow.h"
#include "node/levels.h"
#include "node/run_inside.h"
#include "tactus/format.h"

enum {
    TEXT_BYTES = SUPERVISE_TEXT_BYTES,
    SPARE_PARTS = 16,   /* a budget is told with a 16th to spare, or each second had another */
    REFUSED_TURNS = 30, /* between two words about the same refusal */
    ASK_AGAIN_TURNS = 5,
    BUDGET_PART = 4, /* so much of it unused is left to it */
    SHARE_PART = 8,  /* others could have it */
    LOOK_TURNS = 10, /* what several activations in a row cost is learnt with time */
    LITTLE_NS = 50000
};

struct run_follow {
    int64_t turn_ns;
    struct follow *budgets; /* of components; in_force 0: none, and none is given */
    int64_t *planned_ns;    /* by segment: the bound that the last plan was made with */
    struct follow shares[TT_PROCESSES_MAX]; /* of its workers, ppm */
    uint32_t refused_turns, turns;
};

/* Of the degrading level that its worker is at. */
static struct samples *samples_of(const struct run *run, uint32_t component)
{
    uint32_t number = run->broker->wiring->process_of[component];

    return pump_samples_at(run->pump,
                           run_is_container(run, number) ? run->processes[number].level : 0);
}

/* Each level's costs speak for what the service is at that level. */
static void follow_costs(struct run *run)
{
    for (uint32_t level = 0; level <= tt_picture_levels(run->params.picture); level++) {
        struct tt_picture at;

        if (tt_picture_at_level(run->params.picture, level, &at) < 0)
            return;
        costs_follow(&at, &run->params.node->machine, run->params.node->profile,
                     pump_samples_at(run->pump, level));
        tt_picture_at_level_fini(&at);
    }
}

static void unfollow_costs(struct run *run)
{
    for (uint32_t level = 0; level <= tt_picture_levels(run->params.picture); level++)
        profile_unfollow(run->params.node->profile, pump_samples_at(run->pump, level));
}

static struct run_follow *open_follow(const struct run *run)
{
    const struct tt_picture *picture = run->params.picture;
    struct run_follow *follow = calloc(1, sizeof(*follow));

    if (follow == NULL)
        return NULL;
    follow->budgets = calloc(picture->component_count + 1, sizeof(*follow->budgets));
    follow->planned_ns = calloc(picture->segment_count + 1, sizeof(*follow->planned_ns));
    if (follow->budgets == NULL || follow->planned_ns == NULL) {
        free(follow->budgets);
        free(follow->planned_ns);
        free(follow);
        return NULL;
    }
    for (uint32_t n = 0; n < picture->component_count; n++)
        follow_set(&follow->budgets[n], run->params.plan->budget_of_ns[n]);
    return follow;
}

void run_follow_close(struct run *run)
{
    if (run->follow == NULL)
        return;
    if (run->pump != NULL)
        unfollow_costs(run);
    free(run->follow->budgets);
    free(run->follow->planned_ns);
    free(run->follow);
    run->follow = NULL;
}

int64_t run_budget_of_ns(const struct run *run, uint32_t component)
{
    return run->follow != NULL ? run->follow->budgets[component].in_force
                               : run->params.plan->budget_of_ns[component];
}

/* 0: too few were seen for its loss. */
static int64_t bound_of(const struct tt_conformal *bound)
{
    return tt_conformal_seen(bound) >= tt_samples_needed(tt_conformal_loss(bound))
               ? tt_conformal_bound(bound)
               : 0;
}

static int64_t segment_bound(const struct run *run, uint32_t segment)
{
    const struct tt_picture *picture = run->params.picture;

    for (uint32_t n = 0; n < picture->component_count; n++)
        if (picture->components[n].segment == segment &&
            (picture->components[n].flags & TT_EDGE) == 0)
            return bound_of(samples_segment_bound(samples_of(run, n), segment));
    return 0;
}

/* A budget is what is struck down at: were it the bound itself, each component would lose the
 * worker as often as the loss allows, all of them together more often. Twice the bound is enough of
 * it, for others wait as long. */
static int64_t enforced(const struct tt_conformal *bound)
{
    int64_t bound_ns = bound_of(bound), ceiling_ns = tt_conformal_ceiling(bound);

    return ceiling_ns < 2 * bound_ns ? ceiling_ns : 2 * bound_ns;
}

/* 0: it has none that could follow. No more than what its segment is planned with allows, whose
 * samples come a second later. */
static int64_t wanted_budget(const struct run *run, uint32_t component)
{
    const struct tt_picture_component *of = &run->params.picture->components[component];
    const struct samples *samples = samples_of(run, component);
    const struct tt_conformal *bound = samples_component_bound(samples, component);
    int64_t wanted_ns = enforced(bound), most_ns;
    struct run_worker worker = {0};

    if ((of->flags & TT_EDGE) != 0 || run->follow->budgets[component].in_force <= 0)
        return 0;
    most_ns = enforced(samples_segment_bound(samples, of->segment));
    wanted_ns = wanted_ns < most_ns ? wanted_ns : most_ns;
    if (wanted_ns == 0)
        return 0;
    (void)run_worker(run, run->broker->wiring->process_of[component], &worker);
    return follow_budget_ns(bound_of(bound), wanted_ns, worker.budget_ns);
}

static bool is_more_wanted(const struct run *run)
{
    for (uint32_t n = 0; n < run->params.picture->component_count; n++)
        if (wanted_budget(run, n) > run->follow->budgets[n].in_force)
            return true;
    return false;
}

static void send_budget(struct run *run, uint32_t component, int64_t budget_ns)
{
    const struct run_process *process = &run->processes[run->broker->wiring->process_of[component]];

    if (process->child == NULL)
        return;
    (void)child_send(process->child,
                     json_pack("{ss si si sI}", "op", "event", "component", (int)component, "kind",
                               TT_EVENT_BUDGET, "i", (json_int_t)budget_ns),
                     NULL, NULL, 0, NULL);
}

static void say_change(char *text, size_t bytes, const char *name, int64_t from_ns, int64_t to_ns)
{
    size_t used = strlen(text);

    (void)snprintf(text + used, bytes - used, "%s%s %lld.%03lld -> %lld.%03lld ms",
                   used > 0 ? ", " : "", name, (long long)(from_ns / RUN_MILLI),
                   (long long)(from_ns % RUN_MILLI / 1000), (long long)(to_ns / RUN_MILLI),
                   (long long)(to_ns % RUN_MILLI / 1000));
}

/* Little is not worth an event. Less only at the best level: the next step up would be an overrun.
 */
static bool is_worth_it(const struct run *run, int64_t less_ns)
{
    return less_ns > LITTLE_NS && run_level(run) == 0;
}

/* What is told here is enforced and blamed by from the index that a note says. More only where the
 * planner admits it: who takes more than there is stays over its budget, and its own flow pays. */
static void follow_budgets(struct run *run, bool is_more_admitted)
{
    const struct tt_picture *picture = run->params.picture;
    char text[TEXT_BYTES] = "";

    for (uint32_t n = 0; n < picture->component_count; n++) {
        struct follow *budget = &run->follow->budgets[n];
        int64_t wanted_ns = wanted_budget(run, n), to_ns;

        if (wanted_ns == 0 || (wanted_ns > budget->in_force && !is_more_admitted) ||
            (wanted_ns < budget->in_force && !is_worth_it(run, budget->in_force - wanted_ns)) ||
            !follow_turn(budget, wanted_ns, BUDGET_PART, &to_ns))
            continue;
        to_ns += to_ns / SPARE_PARTS;
        send_budget(run, n, to_ns);
        say_change(text, sizeof(text), picture->components[n].name, budget->in_force, to_ns);
        follow_set(budget, to_ns);
    }
    if (text[0] != '\0')
        pump_event(run->pump, "budget", "container", text, loop_now_ns());
}

void run_follow_raise(struct run *run, const struct tt_plan *plan)
{
    for (uint32_t n = 0; run->follow != NULL && n < run->params.picture->component_count; n++) {
        struct follow *budget = &run->follow->budgets[n];

        if (budget->in_force <= 0 || plan->budget_of_ns[n] <= budget->in_force)
            continue;
        send_budget(run, n, plan->budget_of_ns[n]);
        follow_set(budget, plan->budget_of_ns[n]);
    }
}

void run_follow_tell(struct run *run, uint32_t number)
{
    for (uint32_t n = 0; run->follow != NULL && n < run->params.picture->component_count; n++)
        if (run->broker->wiring->process_of[n] == number &&
            run->follow->budgets[n].in_force != run->params.plan->budget_of_ns[n])
            send_budget(run, n, run->follow->budgets[n].in_force);
}

/* A plan is made anew when a segment's bound moved by a 16th since the last, and now and then while
 * it is refused: others may have gone. */
static bool is_plan_wanted(struct run *run)
{
    bool is_wanted = run->follow->refused_turns % ASK_AGAIN_TURNS == ASK_AGAIN_TURNS - 1 ||
                     ++run->follow->turns % LOOK_TURNS == 0;

    for (uint32_t n = 0; n < run->params.picture->segment_count; n++) {
        int64_t now_ns = segment_bound(run, n), planned_ns = run->follow->planned_ns[n];

        if (now_ns <= 0)
            continue; /* runs once, in an edge, or not long enough yet */
        is_wanted |= now_ns > planned_ns + planned_ns / SPARE_PARTS ||
                     now_ns < planned_ns - planned_ns / SPARE_PARTS;
    }
    return is_wanted;
}

struct tt_plan *run_follow_plan(struct run *run)
{
    struct node *node = run->params.node;
    struct tt_plan *plan = NULL;
    struct tt_machine machine;
    struct levels_beside beside = {.machine = &machine, .pump = run->pump};
    struct tt_error err = {0};

    machine_refresh(&node->machine);
    machine = node->machine.plan;
    books_tell(&node->books, run->params.service, loop_now_ns(), &machine);
    if (levels_plan_on(node, &beside, run->params.picture, run_level(run), &plan, &err) < 0)
        plan = NULL;
    return plan;
}

/* A plan that would put a component elsewhere is not what runs. */
static bool is_same_place(const struct run *run, const struct tt_plan *plan)
{
    const struct tt_wiring *wiring = run->broker->wiring;

    for (uint32_t n = 0; n < run->params.picture->component_count; n++)
        if ((run->params.picture->components[n].flags & TT_EDGE) == 0 &&
            plan->worker_of[n] != wiring->process_of[n])
            return false;
    return plan->worker_count == wiring->container_count - wiring->spare_count;
}

bool run_follow_holds(const struct run *run, const struct tt_plan *plan)
{
    if (!plan->is_admitted || !is_same_place(run, plan))
        return false;
    for (uint32_t n = 0; n < plan->worker_count; n++)
        if (plan->workers[n].budget_ns <= 0 || plan->workers[n].period_ns <= 0)
            return false;
    return true;
}

static void tell_refusal(struct run *run, const char *why)
{
    char text[TEXT_BYTES];

    if (run->follow->refused_turns++ % REFUSED_TURNS != 0)
        return;
    (void)tt_format_text(text, sizeof(text), "no more than what is reserved: %s", why);
    run_event(run, "reservation-refused", text);
}

/* least_ppm: what was wanted lately, where less is wanted now. */
static bool resize(struct run *run, uint32_t number, const struct tt_plan_worker *planned,
                   int64_t least_ppm)
{
    int64_t least_ns = tt_muldiv(least_ppm, planned->period_ns, 1000000);
    int64_t budget_ns = planned->budget_ns > least_ns ? planned->budget_ns : least_ns;
    struct run_worker worker = {0};
    struct tt_error err = {0};
    char text[TEXT_BYTES];

    (void)run_worker(run, number, &worker);
    if (run_resize(run, number, budget_ns, planned->period_ns, &err) < 0) {
        tell_refusal(run, err.text);
        return false;
    }
    books_tolerate(&run->params.node->books, run->params.service, number, planned->tolerance_ns);
    (void)snprintf(text, sizeof(text), "%s: %lld us in %lld us -> %lld us in %lld us",
                   run_process_name(run, number), (long long)(worker.budget_ns / 1000),
                   (long long)(worker.period_ns / 1000), (long long)(budget_ns / 1000),
                   (long long)(planned->period_ns / 1000));
    run_event(run, "reservation", text);
    return true;
}

/* True: the worker has what it was planned with, or more. */
static bool follow_worker(struct run *run, uint32_t number, const struct tt_plan_worker *planned)
{
    struct follow *share = &run->follow->shares[number];
    int64_t has_ppm, wanted_ppm = books_share_ppm(planned->budget_ns, planned->period_ns), to_ppm;
    struct run_worker worker;

    if (!run_worker(run, number, &worker) || worker.budget_ns <= 0)
        return false;
    has_ppm = books_share_ppm(worker.budget_ns, worker.period_ns);
    if (has_ppm != share->in_force)
        follow_set(share, has_ppm);
    if ((wanted_ppm > has_ppm && wanted_ppm <= has_ppm + has_ppm / SPARE_PARTS) ||
        (wanted_ppm < has_ppm && run_level(run) > 0))
        wanted_ppm = has_ppm;
    return !follow_turn(share, wanted_ppm, SHARE_PART, &to_ppm) ||
           resize(run, number, planned, to_ppm > wanted_ppm ? to_ppm : 0);
}

/* The planner has the word: what it would not admit is not asked for, and what it could do without
 * for some time is given back. False: it admits no more than there is. */
static bool follow_shares(struct run *run)
{
    struct tt_plan *plan = run_follow_plan(run);
    bool is_followed = plan != NULL && run_follow_holds(run, plan), is_same = is_followed;

    for (uint32_t n = 0; n < run->params.picture->segment_count; n++)
        run->follow->planned_ns[n] = segment_bound(run, n);
    if (plan == NULL)
        return false;
    if (!is_followed)
        tell_refusal(run, plan->is_admitted ? "a plan made now is another one" : plan->binding);
    for (uint32_t n = 0; is_same && n < plan->worker_count; n++) /* each by itself */
        is_followed &= follow_worker(run, n, &plan->workers[n]);
    if (is_followed)
        run->follow->refused_turns = 0;
    tt_plan_close(&plan);
    return is_followed;
}

static bool is_any_low(const struct run *run)
{
    for (uint32_t n = 0; n < run->broker->wiring->container_count; n++)
        if (run->follow->shares[n].low_turns > 0)
            return true;
    return false;
}

static bool is_any_reserved(const struct run *run)
{
    for (uint32_t n = 0; n < run->broker->wiring->container_count; n++)
        if (run->processes[n].budget_ns > 0)
            return true;
    return false;
}

static bool are_all_going(const struct run *run)
{
    for (uint32_t n = 0; n < run->broker->wiring->container_count; n++)
        if (run->supervise.processes[n].life != SUPERVISE_GOING &&
            !supervise_is_idle(&run->supervise, n))
            return false;
    return true;
}

static void turn(struct run *run)
{
    bool is_more = is_more_wanted(run), is_more_admitted = true;

    if (is_any_reserved(run) && (is_plan_wanted(run) || is_more || is_any_low(run)))
        is_more_admitted = follow_shares(run);
    follow_budgets(run, is_more_admitted);
}

void run_follow(struct run *run, int64_t now_ns)
{
    if (run->params.is_profile || !run->params.picture->is_live || run->pump == NULL ||
        !are_all_going(run))
        return;
    if (run->follow == NULL) {
        run->follow = open_follow(run);
        if (run->follow == NULL)
            return;
        follow_costs(run);
        run->follow->turn_ns = now_ns;
    }
    if (now_ns - run->follow->turn_ns < RUN_SECOND)
        return;
    run->follow->turn_ns = now_ns;
    turn(run);
}
