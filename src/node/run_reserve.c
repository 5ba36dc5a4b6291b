/* What a service's worker has of the CPU: asked for when it is ready, given back when it is gone.
 */
#include "node/ladder.h"
#include "node/run_inside.h"

static void set_class(struct run *run, bool is_obtained, const char *why)
{
    if (run->is_class_obtained && !is_obtained && run->pump != NULL) {
        char text[SUPERVISE_TEXT_BYTES];

        (void)tt_format_text(text, sizeof(text), "its new worker has no reservation: %s", why);
        run_event(run, "class-lost", text);
    }
    if (!is_obtained)
        books_give_back(&run->params.node->books, run->params.service, loop_now_ns());
    if (!is_obtained)
        run->budget_ns = 0;
    run->is_class_obtained = is_obtained;
    (void)tt_format_text(run->class_why, sizeof(run->class_why), "%s", why);
    run_feed_simple(run, SUPERVISE_RESERVED, 0);
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
    if (rung.budget_ns > 0)
        run->budget_ns = rung.budget_ns;
    set_class(run, rung.is_obtained, rung.why);
}

void run_on_reserve_timer(void *ctx, uint32_t events)
{
    struct run *run = ctx;

    (void)events;
    if (run->processes[0].child != NULL)
        run_reserve(run);
}
