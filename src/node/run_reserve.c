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
    for (uint32_t n = 0; n < run->broker->wiring->container_count; n++)
        if (!run->processes[n].is_class_obtained)
            return false;
    return true;
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

/* Before anything runs: reservations of some workers would help nobody, and would keep others from
 * what they hold. A thread leaves its own by itself only, so each is told so with go. */
static void drop_all(struct run *run)
{
    books_give_back(&run->params.node->books, run->params.service, loop_now_ns());
    for (uint32_t n = 0; n < run->broker->wiring->container_count; n++) {
        struct run_process *process = &run->processes[n];

        process->is_leaving |= process->budget_ns > 0;
        process->budget_ns = process->period_ns = 0;
        process->is_class_obtained = false;
    }
    run->is_class_refused = run->broker->wiring->container_count > 1;
}

/* The others go on with what they have. */
static void lose_one(struct run_process *process, const char *why)
{
    struct run *run = process->run;
    char text[SUPERVISE_TEXT_BYTES];

    books_give_back_worker(&run->params.node->books, run->params.service, process->number,
                           loop_now_ns());
    (void)tt_format_text(text, sizeof(text), "the new worker of %s has no reservation: %s",
                         process->name, why);
    run_event(run, "class-lost", text);
}

static void set_class(struct run_process *process, bool is_obtained, const char *why)
{
    struct run *run = process->run;
    bool was_obtained = process->was_obtained;

    process->is_class_obtained = process->was_obtained = is_obtained;
    if (!is_obtained && run->pump == NULL)
        drop_all(run);
    else if (!is_obtained && was_obtained)
        lose_one(process, why);
    if (!is_obtained)
        (void)tt_format_text(run->class_why, sizeof(run->class_why), "%s", why);
    run_feed_simple(run, SUPERVISE_RESERVED, process->number);
}

void run_reserve_ahead(struct run_process *process)
{
    struct run *run = process->run;

    if (run->is_class_refused || process->tid == 0)
        return;
    ladder_climb(&run->params, process->number, process->tid, true, &process->rung);
    process->has_rung = !process->rung.is_again; /* asked again when the process is ready */
}

void run_reserve(struct run_process *process)
{
    struct run *run = process->run;
    struct ladder_rung rung = process->rung;

    if (run->is_class_refused) {
        process->is_leaving |= process->has_rung && rung.budget_ns > 0;
        process->has_rung = false;
        set_class(process, false, run->class_why);
        return;
    }
    if (!process->has_rung)
        ladder_climb(&run->params, process->number, process->tid, !process->is_reserve_retry,
                     &rung);
    process->has_rung = false;
    if (rung.is_again) {
        process->is_reserve_retry = true;
        loop_set(run->params.node->loop, &process->reserve_timer,
                 loop_now_ns() + run->params.plan->workers[process->number].period_ns);
        return;
    }
    process->budget_ns = rung.budget_ns;
    process->period_ns =
        rung.budget_ns > 0 ? run->params.plan->workers[process->number].period_ns : 0;
    seat_handoff(process, &rung);
    move_reserved(process);
    set_class(process, rung.is_obtained, rung.why);
}

void run_on_reserve_timer(void *ctx, uint32_t events)
{
    struct run_process *process = ctx;

    (void)events;
    if (process->child != NULL)
        run_reserve(process);
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
