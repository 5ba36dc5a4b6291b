/* The ladder DEADLINE, FIFO, OTHER: the best scheduling class that a service's worker can get. */
#include "node/ladder.h"

#include <errno.h>
#include <stdio.h>

#include "platform/linux/reserve.h"

enum { FIFO_PRIORITY = 50, PROFILE_FIFO_PRIORITY = 1 };

int ladder_enter_books(const struct run_params *params, struct tt_error *err)
{
    const struct tt_plan *plan = params->plan;

    for (uint32_t n = 0; n < plan->worker_count; n++) {
        if (books_enter_worker(&params->node->books, params->service, n, plan->workers[n].budget_ns,
                               plan->workers[n].period_ns)) {
            books_tolerate(&params->node->books, params->service, n, plan->workers[n].tolerance_ns);
            books_put(&params->node->books, params->service, n, plan->workers[n].partition);
            continue;
        }
        books_give_back(&params->node->books, params->service, 0);
        return tt_fail(err, -ENOSPC, "this node keeps books of %d reservations at most", BOOKS_MAX);
    }
    return 0;
}

/* What the plan says, so that the books, the agreement and the kernel agree; if that was lowered
 * meanwhile and is somebody else's, what was left. */
static int renew(const struct run_params *params, const struct ladder_wish *wish,
                 struct ladder_rung *ret, struct tt_error *err)
{
    const struct tt_machine *machine = &params->node->machine.plan;
    struct books_wish place = {.service = params->service,
                               .worker = wish->number,
                               .partition = wish->planned->partition,
                               .budget_ns = wish->planned->budget_ns,
                               .period_ns = wish->planned->period_ns,
                               .room_ppm = machine->limit_ppm - machine->slack_ppm};
    int r = books_renew(&params->node->books, &place, loop_now_ns());

    if (r == -EBUSY && wish->budget_ns > 0) {
        ret->is_lowered = true;
        place.budget_ns = wish->budget_ns;
        place.period_ns = wish->period_ns;
        r = books_renew(&params->node->books, &place, loop_now_ns());
    }
    if (r == -EBUSY)
        return tt_fail(err, -ENOSPC, "its room in the node's books is somebody else's by now");
    if (r < 0)
        return tt_fail(err, r, "this node keeps books of %d reservations at most", BOOKS_MAX);
    ret->budget_ns = place.budget_ns;
    ret->period_ns = place.period_ns;
    return 0;
}

static int reserve_deadline(const struct run_params *params, const struct ladder_wish *wish,
                            struct ladder_rung *ret, struct tt_error *err)
{
    int r = renew(params, wish, ret, err);

    if (r == 0 && params->node->is_kernel_full)
        r = tt_fail(err, -EBUSY, "cannot reserve: the kernel has not that much CPU left");
    if (r == 0)
        r = tt_reserve_deadline(wish->tid, ret->budget_ns, ret->period_ns, err);
    if (r < 0)
        ret->budget_ns = ret->period_ns = 0;
    return r;
}

bool ladder_is_reservation_planned(const struct run_params *params)
{
    return !params->is_profile && params->plan->budget_ns > 0 && params->plan->period_ns > 0 &&
           params->node->machine.plan.right == TT_RIGHT_DEADLINE;
}

bool ladder_is_fifo_planned(const struct run_params *params)
{
    return params->node->machine.plan.right == TT_RIGHT_FIFO && !params->is_profile &&
           params->picture->is_live && !params->picture->is_best_effort;
}

/* What is measured is what a reserved worker will meet: work, not waiting behind other programs.
 * With a second CPU nobody is kept out for it. */
static void raise_profile(const struct run_params *params, pid_t tid)
{
    if (params->is_profile && tid != 0 && params->node->machine.plan.cpus > 1 &&
        params->node->machine.plan.right != TT_RIGHT_OTHER)
        (void)tt_reserve_fifo(tid, PROFILE_FIFO_PRIORITY, NULL);
}

void ladder_climb(const struct run_params *params, const struct ladder_wish *wish,
                  struct ladder_rung *ret)
{
    const struct tt_plan *plan = params->plan;
    pid_t tid = wish->tid;
    struct tt_error err = {0};
    int r = -ESRCH;

    *ret = (struct ladder_rung){0};
    raise_profile(params, tid);
    if (ladder_is_fifo_planned(params) && tid != 0) {
        ret->is_obtained = tt_reserve_fifo(tid, FIFO_PRIORITY, &err) == 0;
        ret->fifo_priority = ret->is_obtained ? FIFO_PRIORITY : 0;
        (void)snprintf(ret->why, sizeof(ret->why), "%s", err.text);
        return;
    }
    if (params->is_profile || plan->budget_ns <= 0 || plan->period_ns <= 0) {
        ret->is_obtained = true;
        return;
    }
    if (tid != 0 && params->node->machine.plan.right == TT_RIGHT_DEADLINE) {
        r = reserve_deadline(params, wish, ret, &err);
        /* Somebody's 0-lag time may be near, or word of its own death. */
        ret->is_again = (r == -EBUSY || r == -ESRCH) && wish->may_wait;
        ret->is_obtained = r == 0;
        if (ret->is_again || ret->is_obtained)
            return;
    }
    if (tid != 0 && tt_reserve_fifo(tid, FIFO_PRIORITY, NULL) == 0)
        ret->fifo_priority = FIFO_PRIORITY;
    if (ret->fifo_priority != 0)
        (void)snprintf(ret->why, sizeof(ret->why), "%s; it runs under SCHED_FIFO", err.text);
    else
        (void)snprintf(ret->why, sizeof(ret->why), "%s",
                       tid == 0 ? "the worker's thread was not found" : err.text);
}
