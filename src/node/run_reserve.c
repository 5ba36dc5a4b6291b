/* What a service's worker has of the CPU: asked for when it is ready, given back when it is gone.
 */
#include <errno.h>
#include <stdio.h>

#include "node/ladder.h"
#include "node/run_inside.h"
#include "platform/linux/reserve.h"

static void set_class(struct run *run, bool is_obtained, const char *why)
{
    if (run->is_class_obtained && !is_obtained && run->pump != NULL) {
        char text[SUPERVISE_TEXT_BYTES];

        (void)tt_format_text(text, sizeof(text), "its new worker has no reservation: %s", why);
        run_event(run, "class-lost", text);
    }
    if (!is_obtained)
        books_give_back(&run->params.node->books, run->params.service, loop_now_ns());
    run->is_class_obtained = is_obtained;
    (void)tt_format_text(run->class_why, sizeof(run->class_why), "%s", why);
    run_feed_simple(run, SUPERVISE_RESERVED, 0);
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
    if (node->handoff_desk == NULL ||
        handoff_open(node->handoff_desk, &run->processes[0].handoff, &err) < 0)
        fprintf(stderr, "service %s: no standby for its worker: %s\n", run->params.picture->name,
                err.text);
}

/* Whatever the worker has, the standby gets when it overruns. */
static void seat_handoff(struct run *run, const struct ladder_rung *rung)
{
    const struct run_process *process = &run->processes[0];
    const struct tt_picture *picture = run->params.picture;
    struct handoff_seat seat = {.worker = process->tid,
                                .standby = process->standby_tid,
                                .budget_ns = process->budget_ns,
                                .period_ns = process->period_ns,
                                .fifo_priority = rung->fifo_priority,
                                .deadline_ns = picture->deadline_ns};

    for (uint32_t n = 0; n < picture->component_count; n++)
        if (picture->components[n].deadline_ns > seat.deadline_ns)
            seat.deadline_ns = picture->components[n].deadline_ns;
    if (process->handoff != NULL)
        handoff_seat(process->handoff, &seat);
}

void run_reserve(struct run *run)
{
    struct ladder_rung rung;

    ladder_climb(&run->params, run->processes[0].tid, !run->is_reserve_retry, &rung);
    if (rung.is_again) {
        run->is_reserve_retry = true;
        loop_set(run->params.node->loop, &run->reserve_timer,
                 loop_now_ns() + run->params.plan->period_ns);
        return;
    }
    run->processes[0].budget_ns = rung.budget_ns;
    run->processes[0].period_ns = rung.budget_ns > 0 ? run->params.plan->period_ns : 0;
    seat_handoff(run, &rung);
    set_class(run, rung.is_obtained, rung.why);
}

void run_on_reserve_timer(void *ctx, uint32_t events)
{
    struct run *run = ctx;

    (void)events;
    if (run->processes[0].child != NULL)
        run_reserve(run);
}

bool run_worker(const struct run *run, uint32_t number, struct run_worker *ret)
{
    const struct run_process *process = &run->processes[number];

    if (number != 0 || process->child == NULL)
        return false;
    *ret = (struct run_worker){
        .tid = process->tid, .budget_ns = process->budget_ns, .period_ns = process->period_ns};
    if (process->handoff != NULL && handoff_worker(process->handoff) != 0)
        ret->tid = handoff_worker(process->handoff);
    return true;
}

/* Before the kernel: what the planner would not promise is not asked for. */
static int book_more(struct run *run, uint32_t worker, int64_t budget_ns, int64_t period_ns,
                     struct tt_error *err)
{
    struct books *books = &run->params.node->books;
    const struct tt_machine *machine = &run->params.node->machine.plan;
    int64_t now_ns = loop_now_ns(), room_ppm = machine->limit_ppm - machine->slack_ppm;
    int64_t others_ppm =
        books_ppm(books, now_ns) - books_worker_ppm(books, run->params.service, worker, now_ns);

    if (others_ppm + books_share_ppm(budget_ns, period_ns) > room_ppm)
        return tt_fail(err, -EBUSY, "the node's books have no room for %lld us in %lld us",
                       (long long)(budget_ns / 1000), (long long)(period_ns / 1000));
    return books_enter_worker(books, run->params.service, worker, budget_ns, period_ns)
               ? 0
               : tt_fail(err, -ENOSPC, "this node keeps books of %d reservations at most",
                         BOOKS_MAX);
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
    process->budget_ns = budget_ns;
    process->period_ns = period_ns;
    return 0;
}
