/* A spare container comes when a component is to move there, and goes when it is empty: what it
 * held would be a reservation and memory for nobody, and the next one is there in milliseconds. */
#include <errno.h>
#include <stdio.h>

#include "node/move_inside.h"

static const char *component_name(const struct run *run, uint32_t component)
{
    return run->params.picture->components[component].name;
}

static struct move_join *join_of(const struct run *run)
{
    return run->moves != NULL && run->moves->join.is_on ? &run->moves->join : NULL;
}

static void fail_join(struct run *run, const struct tt_error *err)
{
    struct client *client = client_find(run->params.node, run->moves->join.client);

    run->moves->join.is_on = false;
    if (client != NULL)
        client_error(client, err, 1);
}

/* Its place in the books before anything begins: what has no room there is not begun. */
static int enter_books(struct run *run, uint32_t number, struct tt_error *err)
{
    const struct tt_machine *machine = &run->params.node->machine.plan;
    const struct tt_plan_worker *planned = run_planned(run, number);
    const struct books_wish wish = {.service = run->params.service,
                                    .worker = number,
                                    .budget_ns = planned->budget_ns,
                                    .period_ns = planned->period_ns,
                                    .room_ppm = machine->limit_ppm - machine->slack_ppm};
    int64_t now_ns = loop_now_ns();
    int r;

    if (planned->budget_ns == 0 || !ladder_is_reservation_planned(&run->params))
        return 0;
    r = books_renew(&run->params.node->books, &wish, now_ns);
    if (r == -EBUSY)
        return tt_fail(
            err, r,
            "not admitted in %s: '%s' would need %lld us in each %lld us there, which is "
            "%lld ppm of a CPU, and %lld of the %lld ppm that this node gives are "
            "reserved already",
            run_process_name(run, number), component_name(run, run->moves->join.component),
            (long long)(wish.budget_ns / 1000), (long long)(wish.period_ns / 1000),
            (long long)books_share_ppm(wish.budget_ns, wish.period_ns),
            (long long)books_ppm(&run->params.node->books, now_ns), (long long)wish.room_ppm);
    return r == 0 ? 0
                  : tt_fail(err, r, "this node keeps books of %d reservations at most", BOOKS_MAX);
}

static int ask(struct run *run, struct tt_error *err)
{
    struct move_join *join = &run->moves->join;
    struct run_process *process = &run->processes[join->to];
    uint32_t home = run->broker->wiring->home_of[join->component];
    struct move_question question = {.picture = run->params.picture,
                                     .plan = run->params.plan,
                                     .process_of = run->broker->wiring->process_of,
                                     .component = join->component,
                                     .to = join->to,
                                     .cost_ns = run_budget_of_ns(run, join->component),
                                     .container = process->name};
    int r = move_plan_spare(&question, run_planned(run, home), &process->spare_plan, err);

    process->last_budget_ns = process->last_period_ns = 0;
    if (r == 0)
        r = enter_books(run, join->to, err);
    if (r < 0)
        return r;
    join->is_asked = true;
    run_feed_simple(run, SUPERVISE_JOIN, join->to);
    return 0;
}

int move_join(struct run *run, const struct move_join *wanted, struct tt_error *err)
{
    int r = 0;

    run->moves->join = *wanted;
    run->moves->join.is_on = true;
    if (run->supervise.processes[wanted->to].life == SUPERVISE_DONE) /* else when that is reaped */
        r = ask(run, err);
    if (r < 0)
        run->moves->join.is_on = false;
    return r;
}

void move_joined(struct run *run, uint32_t number)
{
    const struct move_join *join = join_of(run);
    struct tt_error err = {0};

    if (join == NULL || join->to != number)
        return;
    run->moves->join.is_on = false;
    if (move_begin_joined(run, join, &err) == 0)
        return;
    fail_join(run, &err);
    move_look_empty(run);
}

void move_left(struct run *run, uint32_t number, const char *why)
{
    const struct move_join *join = join_of(run);
    struct tt_error err = {0};
    int r;

    run_reserve_left(&run->processes[number]);
    if (join == NULL || join->to != number)
        return;
    if (!join->is_asked)
        r = ask(run, &err);
    else
        r = tt_fail(&err, -EIO, "'%s' stays in %s: %s was gone before it had anything: %s",
                    component_name(run, join->component),
                    run_process_name(run, run->broker->wiring->process_of[join->component]),
                    run_process_name(run, number), join->why[0] != '\0' ? join->why : why);
    if (r < 0)
        fail_join(run, &err);
}

void move_refused(struct run_process *process, const char *why)
{
    struct move_join *join = join_of(process->run);

    if (join != NULL && join->to == process->number)
        (void)tt_format_text(join->why, sizeof(join->why), "its worker has no reservation: %s",
                             why);
}

void move_cancel_join(struct run *run)
{
    struct tt_error err = {0};

    if (join_of(run) == NULL)
        return;
    (void)tt_fail(&err, -ESHUTDOWN, "'%s' stays where it is: the service ended",
                  component_name(run, run->moves->join.component));
    fail_join(run, &err);
}

static bool is_empty(const struct run *run, uint32_t number)
{
    for (uint32_t n = 0; n < run->params.picture->component_count; n++)
        if (run->broker->wiring->process_of[n] == number)
            return false;
    return true;
}

void move_tell_arrived(struct run *run, uint32_t from, uint32_t to)
{
    const struct tt_wiring *wiring = run->broker->wiring;

    if (tt_wiring_is_spare(wiring, to))
        run_feed_simple(run, SUPERVISE_FILLED, to);
    if (tt_wiring_is_spare(wiring, from) && is_empty(run, from))
        run_feed_simple(run, SUPERVISE_EMPTIED, from);
}

void move_look_empty(struct run *run)
{
    const struct tt_wiring *wiring = run->broker->wiring;

    for (uint32_t n = wiring->container_count - wiring->spare_count; n < wiring->container_count;
         n++)
        if (run->processes[n].child != NULL && supervise_is_idle(&run->supervise, n))
            run_feed_simple(run, SUPERVISE_LEAVE, n);
}
