/* A spare container comes when a component is to move there, and goes when it is empty: what it
 * held would be a reservation and memory for nobody, and the next one is there in milliseconds. */
#include <errno.h>
#include <stdio.h>

#include "node/move_inside.h"

static const char *component_name(const struct run *run, uint32_t component)
{
    return run->params.picture->components[component].name;
}

/* Its place in the books before anything begins: what has no room there is not begun. */
static int enter_books(struct run *run, uint32_t number, struct tt_error *err)
{
    const struct tt_machine *machine = &run->params.node->machine.plan;
    const struct tt_plan_worker *planned = run_planned(run, number);
    const struct books_wish wish = {.service = run->params.service,
                                    .worker = number,
                                    .partition = planned->partition,
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
            "%lld ppm of a CPU, and %lld of the %lld ppm that there are for it are "
            "reserved already",
            run_process_name(run, number), component_name(run, run->moves->join.component),
            (long long)(wish.budget_ns / 1000), (long long)(wish.period_ns / 1000),
            (long long)books_share_ppm(wish.budget_ns, wish.period_ns),
            (long long)books_place_ppm(&run->params.node->books, wish.partition, now_ns),
            (long long)books_wish_room_ppm(&run->params.node->books, &wish));
    return r == 0 ? 0
                  : tt_fail(err, r, "this node keeps books of %d reservations at most", BOOKS_MAX);
}

static int ask(struct run *run, struct tt_error *err)
{
    const struct move_join *join = &run->moves->join;
    struct run_process *process = &run->processes[join->to];
    uint32_t home = run->broker->wiring->home_of[join->component];
    struct move_question question = {.picture = run->params.picture,
                                     .plan = run->params.plan,
                                     .process_of = run->broker->wiring->process_of,
                                     .component = join->component,
                                     .to = join->to,
                                     .cost_ns = run_budget_of_ns(run, join->component),
                                     .container = process->name};
    int r = move_plan_spare(&question, run_planned(run, home), &process->spare_plan,
                            &run->moves->guest.part_ns, err);

    process->last_budget_ns = process->last_period_ns = 0;
    if (r == 0)
        r = enter_books(run, join->to, err);
    if (r == 0)
        run_feed_simple(run, SUPERVISE_JOIN, join->to);
    return r;
}

/* err: what answered, or why it is gone. */
static void tell_failed(struct run *run, enum move_join_why why, struct tt_error *err)
{
    const struct move_join *join = &run->moves->join;
    struct client *client = client_find(run->params.node, run->moves->guest.client);
    const char *text = run->moves->guest.why[0] != '\0' ? run->moves->guest.why : err->text;
    char reason[SUPERVISE_TEXT_BYTES];

    (void)tt_format_text(reason, sizeof(reason), "%s", text);
    if (why == MOVE_JOIN_GONE)
        (void)tt_fail(err, -EIO, "'%s' stays in %s: %s was gone before it had anything: %s",
                      component_name(run, join->component),
                      run_process_name(run, run->broker->wiring->process_of[join->component]),
                      run_process_name(run, join->to), reason);
    else if (why == MOVE_JOIN_OVER)
        (void)tt_fail(err, -ESHUTDOWN, "'%s' stays where it is: the service ended",
                      component_name(run, join->component));
    if (client != NULL)
        client_error(client, err, 1);
}

static void step(struct run *run, const struct move_join_event *event, struct tt_error *err);

static void answer(struct run *run, enum move_join_event_kind kind, struct tt_error *err)
{
    step(run, &(struct move_join_event){.kind = kind, .to = run->moves->join.to}, err);
}

static void perform(struct run *run, const struct move_join_action *action, struct tt_error *err)
{
    switch (action->verb) {
    case MOVE_JOIN_ASK:
        if (ask(run, err) < 0)
            answer(run, MOVE_JOIN_ON_REFUSED, err);
        break;
    case MOVE_JOIN_BEGIN:
        if (move_begin_joined(run, err) < 0)
            answer(run, MOVE_JOIN_ON_NOT_BEGUN, err);
        break;
    case MOVE_JOIN_FAIL:
        tell_failed(run, action->why, err);
        break;
    case MOVE_JOIN_LOOK:
        move_look_empty(run);
        break;
    }
}

static void step(struct run *run, const struct move_join_event *event, struct tt_error *err)
{
    struct move_join_actions actions;

    move_join_step(&run->moves->join, event, &actions);
    for (uint32_t n = 0; n < actions.count; n++)
        perform(run, &actions.list[n], err);
}

static void tell(struct run *run, enum move_join_event_kind kind, uint32_t to, const char *why)
{
    const struct move_join_event event = {.kind = kind, .to = to};
    struct tt_error err = {0};

    if (run->moves == NULL)
        return;
    (void)tt_format_text(err.text, sizeof(err.text), "%s", why);
    step(run, &event, &err);
}

void move_want(struct run *run, uint32_t component, uint32_t to, uint64_t client)
{
    const struct move_join_event event = {.kind = MOVE_JOIN_ON_WANTED,
                                          .component = component,
                                          .to = to,
                                          .is_free =
                                              run->supervise.processes[to].life == SUPERVISE_DONE};
    struct tt_error err = {0};

    run->moves->guest = (struct move_guest){.client = client};
    step(run, &event, &err);
}

void move_joined(struct run *run, uint32_t number)
{
    tell(run, MOVE_JOIN_ON_GOING, number, "");
}

void move_left(struct run *run, uint32_t number, const char *why)
{
    run_reserve_left(&run->processes[number]);
    tell(run, MOVE_JOIN_ON_LEFT, number, why);
}

void move_refused(struct run_process *process, const char *why)
{
    struct run_moves *moves = process->run->moves;

    if (moves != NULL && moves->join.is_on && moves->join.to == process->number)
        (void)tt_format_text(moves->guest.why, sizeof(moves->guest.why),
                             "its worker has no reservation: %s", why);
}

void move_cancel_join(struct run *run)
{
    tell(run, MOVE_JOIN_ON_CANCEL, 0, "");
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
        if (supervise_is_idle(&run->supervise, n)) /* its process may be yet to come */
            run_feed_simple(run, SUPERVISE_LEAVE, n);
}
