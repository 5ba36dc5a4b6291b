/* What a running service has beyond its promise's need goes to others who ask.
 *
 * The least budget and the engine's own work keep every deadline by themselves; headroom was given
 * because nobody else wanted it. What of a service was computed with its headroom in it is left:
 * when joins go on without an input, and when one worker's frames are there for another. */
#include "node/run_least.h"

#include <stdio.h>

#include "node/run_follow.h"
#include "node/run_inside.h"

static bool has_join(const struct tt_picture *picture)
{
    for (uint32_t n = 0; n < picture->component_count; n++)
        if (picture->components[n].in_count > 1)
            return true;
    return false;
}

/* Of one that has gone for a while: before, nothing follows what it turns out to need. */
static bool is_lent_to(const struct run *run)
{
    return run->follow != NULL && !run->is_over && run_worker_count(run) == 1 &&
           run->processes[0].budget_ns > 0 && run_level(run) == 0 &&
           !has_join(run->params.picture) && run->supervise.processes[0].life == SUPERVISE_GOING;
}

void run_least_say(struct run *run)
{
    struct tt_plan *plan = is_lent_to(run) ? run_follow_plan(run) : NULL;

    if (plan == NULL)
        return;
    if (run_follow_holds(run, plan) && plan->workers[0].tolerance_ns == 0)
        books_say_least(&run->params.node->books, run->params.service, 0,
                        plan->workers[0].budget_ns - plan->workers[0].headroom_ns,
                        plan->workers[0].period_ns);
    tt_plan_close(&plan);
}

bool run_least_take(struct run *run)
{
    struct books *books = &run->params.node->books;
    int64_t had_ns = run->processes[0].budget_ns, of_ns = run->processes[0].period_ns;
    int64_t budget_ns, period_ns;
    struct tt_error err = {0};
    char text[SUPERVISE_TEXT_BYTES];

    if (!books_least(books, run->params.service, 0, &budget_ns, &period_ns) ||
        run_resize(run, 0, budget_ns, period_ns, &err) < 0)
        return false;
    books_tolerate(books, run->params.service, 0, 0);
    (void)snprintf(text, sizeof(text),
                   "%s: %lld us in %lld us -> %lld us in %lld us, which its promise needs: another "
                   "service asks for the rest",
                   run_process_name(run, 0), (long long)(had_ns / 1000), (long long)(of_ns / 1000),
                   (long long)(budget_ns / 1000), (long long)(period_ns / 1000));
    run_event(run, "reservation", text);
    return true;
}
