/* What a service's worker has of the CPU: asked for when it is ready, given back when it is gone.
 */
#include <errno.h>
#include <stdio.h>

#include "node/ladder.h"
#include "node/move.h"
#include "node/run_inside.h"
#include "platform/linux/reserve.h"

bool run_is_class_obtained(const struct run *run)
{
    return claim_is_obtained(&run->claim);
}

/* What is late by nobody's fault needs none: as fast as possible nothing is due. */
void run_prepare_handoff(struct run *run)
{
    struct node *node = run->params.node;
    struct tt_error err = {0};

    if (run->params.is_profile || !run->params.picture->is_live)
        return;
    if (node->handoff_desk == NULL)
        node->handoff_desk = handoff_desk_open(node->machine.plan.right);
    for (uint32_t n = 0; n < run->broker->wiring->container_count; n++)
        if (node->handoff_desk == NULL ||
            handoff_open(node->handoff_desk, &run->processes[n].handoff, &err) < 0)
            fprintf(stderr, "service %s: no standby for the worker of %s: %s\n",
                    run->params.picture->name, run->processes[n].name, err.text);
}

/* Whatever the worker has, the standby gets when it overruns. */
static void seat_handoff(struct run_process *process, const struct ladder_rung *rung)
{
    struct handoff_seat seat = {.worker = process->tid,
                                .standby = process->standby_tid,
                                .budget_ns = process->budget_ns,
                                .period_ns = process->period_ns,
                                .fifo_priority = rung->fifo_priority};

    if (process->handoff != NULL)
        handoff_seat(process->handoff, &seat);
}

static void feed(struct run *run, const struct claim_event *event);

void run_reserve_ahead(struct run_process *process)
{
    struct run *run = process->run;
    struct ladder_wish wish = {.number = process->number,
                               .planned = run_planned(run, process->number),
                               .tid = process->tid,
                               .may_wait = true};

    if (run->claim.is_refused || process->tid == 0)
        return;
    ladder_climb(&run->params, &wish, &process->rung);
    process->has_rung = !process->rung.is_again; /* asked again when the process is ready */
}

static void climb(struct run_process *process)
{
    struct run *run = process->run;
    struct ladder_wish wish = {.number = process->number,
                               .planned = run_planned(run, process->number),
                               .tid = process->tid,
                               .budget_ns = process->last_budget_ns,
                               .period_ns = process->last_period_ns,
                               .may_wait = !run->claim.workers[process->number].has_waited};
    struct claim_event event = {.kind = CLAIM_FULL, .worker = process->number};
    struct ladder_rung rung = process->rung;

    if (!process->has_rung)
        ladder_climb(&run->params, &wish, &rung);
    process->has_rung = false;
    if (!rung.is_again) {
        event.kind = rung.is_obtained ? CLAIM_GOT : CLAIM_REFUSED;
        event.is_reservation = rung.budget_ns > 0;
        process->budget_ns = process->last_budget_ns = rung.budget_ns;
        process->period_ns = process->last_period_ns = rung.budget_ns > 0 ? rung.period_ns : 0;
        if (!rung.is_obtained)
            (void)tt_format_text(run->class_why, sizeof(run->class_why), "%s", rung.why);
        seat_handoff(process, &rung);
    }
    if (rung.budget_ns > 0 && !rung.is_lowered)
        move_reserved(process);
    feed(run, &event);
}

static void forget(struct run_process *process)
{
    process->budget_ns = process->period_ns = 0;
    process->last_budget_ns = process->last_period_ns = 0;
}

static void tell_lost(struct run_process *process)
{
    char text[SUPERVISE_TEXT_BYTES];

    (void)tt_format_text(text, sizeof(text), "the new worker of %s has no reservation: %s",
                         process->name, process->run->class_why);
    run_event(process->run, "class-lost", text);
}

static void perform(struct run *run, const struct claim_action *action)
{
    struct run_process *process = &run->processes[action->worker];
    struct books *books = &run->params.node->books;

    switch (action->verb) {
    case CLAIM_CLIMB:
        climb(process);
        break;
    case CLAIM_WAIT:
        loop_set(run->params.node->loop, &process->reserve_timer,
                 loop_now_ns() + run_planned(run, action->worker)->period_ns);
        break;
    case CLAIM_GIVE_BACK:
        forget(process);
        books_give_back_worker(books, run->params.service, action->worker, loop_now_ns());
        break;
    case CLAIM_GIVE_BACK_ALL:
        for (uint32_t n = 0; n < run->claim.worker_count; n++)
            forget(&run->processes[n]);
        books_give_back(books, run->params.service, loop_now_ns());
        break;
    case CLAIM_LOST:
        tell_lost(process);
        break;
    case CLAIM_TELL:
        if (!run->claim.workers[action->worker].is_obtained)
            move_refused(process, run->class_why);
        run_feed(run, &(struct supervise_event){.kind = SUPERVISE_RESERVED,
                                                .process = action->worker,
                                                .is_refusal =
                                                    !run->claim.workers[action->worker].is_obtained,
                                                .text = run->class_why});
        break;
    }
}

static void feed(struct run *run, const struct claim_event *event)
{
    struct claim_actions actions;

    claim_step(&run->claim, event, &actions);
    for (uint32_t n = 0; n < actions.count; n++)
        perform(run, &actions.list[n]);
}

void run_reserve(struct run_process *process)
{
    bool has_one = process->has_rung && process->rung.budget_ns > 0;

    if (process->run->claim.is_refused)
        process->has_rung = false;
    feed(process->run, &(struct claim_event){.kind = CLAIM_ASKED,
                                             .worker = process->number,
                                             .is_reservation = has_one});
}

void run_on_reserve_timer(void *ctx, uint32_t events)
{
    struct run_process *process = ctx;

    (void)events;
    if (process->child != NULL)
        feed(process->run, &(struct claim_event){.kind = CLAIM_AGAIN, .worker = process->number});
}

void run_reserve_go(struct run *run)
{
    feed(run, &(struct claim_event){.kind = CLAIM_GO});
}

void run_reserve_died(struct run_process *process)
{
    loop_clear(process->run->params.node->loop, &process->reserve_timer);
    if (run_is_container(process->run, process->number))
        feed(process->run, &(struct claim_event){.kind = CLAIM_DIED, .worker = process->number});
}

void run_reserve_left(struct run_process *process)
{
    feed(process->run, &(struct claim_event){.kind = CLAIM_LEFT, .worker = process->number});
}

uint32_t run_worker_count(const struct run *run)
{
    return run->broker->wiring->container_count;
}

bool run_worker(const struct run *run, uint32_t number, struct run_worker *ret)
{
    const struct run_process *process = &run->processes[number];

    if (!run_is_container(run, number) || process->child == NULL)
        return false;
    *ret = (struct run_worker){.name = process->name,
                               .tid = process->tid,
                               .budget_ns = process->budget_ns,
                               .period_ns = process->period_ns};
    if (process->handoff != NULL && handoff_worker(process->handoff) != 0)
        ret->tid = handoff_worker(process->handoff);
    return true;
}

/* Before the kernel: what the planner would not promise is not asked for. */
static int book_more(struct run *run, uint32_t worker, int64_t budget_ns, int64_t period_ns,
                     struct tt_error *err)
{
    const struct tt_machine *machine = &run->params.node->machine.plan;
    const struct books_wish wish = {.service = run->params.service,
                                    .worker = worker,
                                    .partition = run_planned(run, worker)->partition,
                                    .budget_ns = budget_ns,
                                    .period_ns = period_ns,
                                    .room_ppm = machine->limit_ppm - machine->slack_ppm};
    int r = books_renew(&run->params.node->books, &wish, loop_now_ns());

    if (r == -EBUSY)
        return tt_fail(err, r, "the node's books have no room for %lld us in %lld us",
                       (long long)(budget_ns / 1000), (long long)(period_ns / 1000));
    return r == 0 ? 0
                  : tt_fail(err, r, "this node keeps books of %d reservations at most", BOOKS_MAX);
}

int run_resize(struct run *run, uint32_t number, int64_t budget_ns, int64_t period_ns,
               struct tt_error *err)
{
    struct run_process *process = &run->processes[number];
    struct books *books = &run->params.node->books;
    bool is_more = process->budget_ns > 0 && period_ns > 0 &&
                   books_share_ppm(budget_ns, period_ns) >=
                       books_share_ppm(process->budget_ns, process->period_ns);
    int r = 0;

    if (process->budget_ns <= 0 || process->tid == 0)
        return tt_fail(err, -ESHUTDOWN, "%s has no reservation that could be changed",
                       run_process_name(run, number));
    if (is_more)
        r = book_more(run, number, budget_ns, period_ns, err);
    if (r < 0)
        return r;
    r = process->handoff != NULL ? handoff_resize(process->handoff, budget_ns, period_ns, err)
                                 : tt_reserve_deadline(process->tid, budget_ns, period_ns, err);
    if (r < 0 && is_more)
        (void)books_enter_worker(books, run->params.service, number, process->budget_ns,
                                 process->period_ns);
    if (r < 0)
        return r;
    if (!is_more)
        books_lower(books, run->params.service, number, budget_ns, period_ns, loop_now_ns());
    process->budget_ns = process->last_budget_ns = budget_ns;
    process->period_ns = process->last_period_ns = period_ns;
    return 0;
}
