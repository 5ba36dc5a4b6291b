/* Where the timer stands that watches budgets: moved as rarely as can be.
 *
 * A virtual machine asks its host whenever another timer becomes the next one, twice for one that
 * is moved: as long as a small component takes. So it is set once for a busy period, before the
 * worker sleeps, when others come before it and nobody has to be asked; and no nearer than is
 * needed. One that fires too early for its job is armed again by its handler, which is an interrupt
 * and a signal. */
#include "core/inside.h"

#define GRAIN_NS 50000  /* a smaller budget is watched as if it were this */
#define LITTLE_NS 50000 /* what takes no more is watched by many in one go */
#define LATE_NS 100000  /* that any budget may be seen later, rather than set the timer earlier */
#define LATE_MAX_NS 150000  /* who waits behind it is to have the worker within 0.4 ms */
#define BUSY_MAX_NS 1000000 /* one that others made longer says nothing of those that follow */
#define HICCUP_NS 1000000   /* page faults, a cold cache or a host may cost that much once */

/* Of what its frames have until they are due. */
enum { LATE_SHARE = 64, HICCUP_SHARE = 8 };

/* A component is asked to return when half of the time is over after which its process is ended:
 * ten budgets, but at least a tenth of what those have that are without one. */
static int64_t stop_after_ns(const struct tt_engine *engine, const struct node *node)
{
    int64_t limit_ns = engine->params.watchdog_ns > 0 ? engine->params.watchdog_ns : TIME_MAX;
    int64_t budget_ns = node->plan->budget_ns < TIME_MAX / 8 ? node->plan->budget_ns : TIME_MAX / 8;

    if (budget_ns <= 0)
        return limit_ns / 2;
    return budget_ns * 5 > limit_ns / 20 || limit_ns == TIME_MAX ? budget_ns * 5 : limit_ns / 20;
}

static int64_t late_of(const struct node *node)
{
    int64_t late_ns = node->plan->due_offset_ns / LATE_SHARE;

    return late_ns < LATE_NS ? LATE_NS : late_ns > LATE_MAX_NS ? LATE_MAX_NS : late_ns;
}

/* CPU time of an activation after which sandboxed code is ended where it is: its state is worth
 * more than a moment of the worker, so twice the budget, and of a small one a hiccup more than it,
 * as long as who waits meanwhile has that time. Much more and a tick of the kernel's would find the
 * reservation used up, and all wait for the next period. 0: there is no budget. */
static int64_t end_cpu_ns(const struct node *node)
{
    int64_t budget_ns = node->plan->budget_ns;
    int64_t more_ns = node->plan->due_offset_ns / HICCUP_SHARE;

    if (budget_ns <= 0 || budget_ns >= TIME_MAX / 2)
        return 0;
    if (more_ns > HICCUP_NS)
        more_ns = HICCUP_NS;
    return budget_ns + (more_ns > budget_ns ? more_ns : budget_ns);
}

void engine_watch_limit(const struct tt_engine *engine, struct node *node)
{
    node->stop_after_ns = stop_after_ns(engine, node);
    node->watch_late_ns = late_of(node);
    node->end_cpu_ns = end_cpu_ns(node);
}

static bool is_watched(const struct tt_engine *engine, const struct node *node)
{
    return node->plan->budget_ns > 0 || engine->params.watchdog_ns > 0;
}

static int64_t until_of(const struct node *node, int64_t at_ns)
{
    int64_t budget_ns = node->plan->budget_ns;

    if (budget_ns <= 0)
        return at_ns + node->stop_after_ns;
    return at_ns + (budget_ns > GRAIN_NS ? budget_ns : GRAIN_NS);
}

/* Will more be run after this budget is over than it would be worth to be exact for? */
static bool is_long(const struct tt_engine *engine, int64_t at_ns, int64_t until_ns)
{
    return engine->busy_usual_ns > until_ns - at_ns ||
           (engine->is_busy && at_ns - engine->busy_from_ns > (until_ns - at_ns) / 2);
}

/* For an activation at at_ns whose budget is over at until_ns. */
static void stand(struct tt_engine *engine, const struct node *node, int64_t at_ns,
                  int64_t until_ns)
{
    struct running *running = engine->running;
    int64_t armed_ns = __atomic_load_n(&running->armed_until_ns, __ATOMIC_ACQUIRE);
    int64_t late_ns = node->usual_ns <= LITTLE_NS ? node->watch_late_ns : LATE_NS;

    if (armed_ns != 0 && armed_ns <= until_ns + late_ns &&
        armed_ns - at_ns >= node->usual_ns / 4 * 5)
        return;
    if (node->usual_ns <= LITTLE_NS && is_long(engine, at_ns, until_ns))
        until_ns += late_ns;
    __atomic_store_n(&running->armed_until_ns, until_ns, __ATOMIC_RELEASE);
    engine->ops->arm(engine->world, until_ns);
}

void engine_watch(struct tt_engine *engine, const struct node *node)
{
    int64_t until_ns;

    if (!is_watched(engine, node))
        return;
    until_ns = until_of(node, engine->now_ns);
    __atomic_store_n(&engine->running->job_until_ns, until_ns, __ATOMIC_RELEASE);
    stand(engine, node, engine->now_ns, until_ns);
}

void engine_watch_busy(struct tt_engine *engine)
{
    engine->busy_from_ns = engine->now_ns;
}

static void count_busy(struct tt_engine *engine)
{
    int64_t busy_ns = engine->now_ns - engine->busy_from_ns;

    busy_ns = busy_ns < BUSY_MAX_NS ? busy_ns : BUSY_MAX_NS;
    engine->busy_usual_ns += (busy_ns - engine->busy_usual_ns) / 8;
}

/* Left where it is it would wake the worker in its sleep. A source's release is known: the timer
 * goes where that will need it. */
void engine_watch_idle(struct tt_engine *engine)
{
    const struct heap *timers = &engine->timers;
    const struct node *node = timers->count > 0 ? &engine->nodes[timers->nodes[0]] : NULL;

    count_busy(engine);
    if (!engine->stats->is_ended && node && node->kind == KIND_SOURCE && is_watched(engine, node)) {
        int64_t at_ns = timers->key[node->number];

        stand(engine, node, at_ns, until_of(node, at_ns));
        return;
    }
    if (__atomic_exchange_n(&engine->running->armed_until_ns, 0, __ATOMIC_RELAXED) != 0)
        engine->ops->disarm(engine->world);
}
