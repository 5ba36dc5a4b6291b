/* What activations cost: one wall clock read at each boundary, the CPU clock where it matters. */
#include "core/degrade.h"
#include "core/inside.h"

#define SOON_NS 20000    /* until the engine's own code around a component is left */
#define AGAIN_NS 1000000 /* until a standby may have come back */
#define QUEUE_NS 100000  /* until somebody else may want the worker */
#define OWN_NS 5000 /* of the engine around an activation, which plans count beside its budget */
#define LITTLE_NS 50000 /* less is told by the wall clock, as long as it is what it usually is */
#define STALE_NS 100000 /* so old may the CPU clock be that an activation begins with */

/* Of all threads that were the worker. */
static void tell_cpu(struct tt_engine *engine, int64_t read_ns)
{
    __atomic_store_n(&engine->stats->cpu_ns, engine->cpu_before_ns + read_ns, __ATOMIC_RELAXED);
}

static void keep_cpu(struct tt_engine *engine, int64_t read_ns)
{
    engine->cpu_ns = read_ns;
    engine->cpu_at_ns = engine->now_ns;
    engine->wall_since_cpu_ns = 0;
}

void engine_busy(struct tt_engine *engine)
{
    if (engine->is_busy)
        return;
    engine->is_busy = true;
    engine_watch_busy(engine);
    keep_cpu(engine, engine->ops->cpu_now(engine->world));
}

void engine_idle(struct tt_engine *engine)
{
    if (!engine->is_busy)
        return;
    engine->is_busy = false;
    tell_cpu(engine, engine->ops->cpu_now(engine->world));
    engine_watch_idle(engine);
}

/* What the engine itself took since the clock was read would be charged to the next activation of
 * which it is read again. */
static void refresh_cpu(struct tt_engine *engine)
{
    if (engine->now_ns - engine->cpu_at_ns >= STALE_NS)
        keep_cpu(engine, engine->ops->cpu_now(engine->world));
}

void engine_cost_begin(struct tt_engine *engine, const struct node *node)
{
    struct running *running = engine->running;

    refresh_cpu(engine);
    __atomic_store_n(&engine->stats->stuck_node, node->number, __ATOMIC_RELAXED);
    __atomic_store_n(&engine->stats->stuck_since_ns, engine->now_ns, __ATOMIC_RELAXED);
    running->are_sleeps_seen = false;
    __atomic_store_n(&running->is_over, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&running->job_stop_ns, engine->now_ns + node->stop_after_ns, __ATOMIC_RELAXED);
    engine_watch(engine, node);
}

int64_t engine_cpu_used(const struct tt_engine *engine)
{
    return engine->ops->cpu_now(engine->world) - engine->cpu_ns - engine->wall_since_cpu_ns;
}

/* Time that others took of the CPU is not its fault; time that it slept is, for nothing in a
 * component may wait: it sleeps when it went to sleep since the handler looked last. */
static bool is_asleep(const struct tt_engine *engine, struct running *running)
{
    uint64_t before = running->sleeps;

    if (!engine->ops->sleeps)
        return false;
    running->sleeps = engine->ops->sleeps(engine->world);
    if (running->are_sleeps_seen && running->sleeps != before)
        return true;
    running->are_sleeps_seen = true;
    return false;
}

static int64_t earlier(int64_t a_ns, int64_t b_ns)
{
    return a_ns < b_ns ? a_ns : b_ns;
}

/* A call of its instance went well. */
static bool is_warm(const struct node *node)
{
    return node->calls != node->cold_calls;
}

/* A sandboxed component is ended where it is and loses its state, so not by one activation in a
 * hundred that costs a little more: when it has used its budget and what is overlooked besides
 * (engine_watch_limit()), or when another would be asked to return. Only then as long as none went
 * well: each page that it touches first is a fault, and one that is ended for that would begin anew
 * as cold. When to look again, or 0: it is none. Does not return when it was ended. */
static int64_t end_in_place(const struct tt_engine *engine, const struct running *running,
                            int64_t now_ns)
{
    const struct node *node = running->node;
    int64_t left_ns = NEVER;
    bool is_due;

    if (!engine->ops->end_call)
        return 0;
    if (engine->is_live && is_warm(node) && node->end_cpu_ns > 0)
        left_ns = node->end_cpu_ns - engine_cpu_used(engine);
    is_due = now_ns >= running->job_stop_ns || left_ns <= 0;
    if (!engine->ops->end_call(engine->world, node->plan->component, is_due))
        return 0;
    if (is_due)
        return now_ns + AGAIN_NS;
    if (left_ns == NEVER)
        return running->job_stop_ns;
    return earlier(now_ns + (left_ns > SOON_NS ? left_ns : SOON_NS), running->job_stop_ns);
}

/* It was asked to return and has not, for half as long again: it loses the worker though nobody
 * waits yet, for its process would be ended next, and all that runs there with it. */
static bool is_past_asking(const struct running *running, int64_t now_ns)
{
    int64_t asked_after_ns = running->job_stop_ns - running->start_ns;

    return now_ns - running->job_stop_ns >= asked_after_ns / 2;
}

/* Its budget is used up: when to look again, or 0 when it lost the worker. */
static int64_t punish(struct tt_engine *engine, struct running *running, int64_t now_ns)
{
    const struct node *node = running->node;
    int64_t stop_ns = running->job_stop_ns, again_ns;
    bool may_steal = engine->is_live && engine->ops->hand_over != NULL;

    /* The first one of a life is cold: a restart would meet it again. */
    if (node->plan->overrun == TT_OVERRUN_STOP && engine->is_live &&
        engine->stats->nodes[node->number].activations > 0)
        __atomic_store_n(&engine->stats->stop_node, node->number + 1, __ATOMIC_RELEASE);
    again_ns = end_in_place(engine, running, now_ns);
    if (again_ns != 0)
        return again_ns;
    if (!may_steal || !engine_has_others(engine, node))
        return stop_ns;
    if (!engine_is_awaited(engine, now_ns) && !is_past_asking(running, now_ns))
        return now_ns < stop_ns ? earlier(now_ns + QUEUE_NS, stop_ns) : now_ns + QUEUE_NS;
    /* In the engine's own code it is not taken; that is soon over. */
    if (__atomic_load_n(&running->job, __ATOMIC_RELAXED) != JOB_RUN)
        return now_ns + SOON_NS;
    if (engine_steal(engine, running))
        return 0;
    return now_ns < stop_ns ? earlier(now_ns + AGAIN_NS, stop_ns) : now_ns + AGAIN_NS;
}

/* The time of its budget has passed: when to look again, or 0 when it lost the worker. */
static int64_t judge_budget(struct tt_engine *engine, struct running *running, int64_t now_ns)
{
    int64_t used_ns = engine_cpu_used(engine) - OWN_NS;
    int64_t left_ns = running->node->plan->budget_ns - used_ns;

    if (left_ns > 0 && !is_asleep(engine, running))
        return earlier(now_ns + (left_ns > SOON_NS ? left_ns : SOON_NS),
                       now_ns < running->job_stop_ns ? running->job_stop_ns : NEVER);
    if (!__atomic_exchange_n(&running->is_over, 1, __ATOMIC_RELAXED))
        running->exhausted_ns = left_ns > 0 ? now_ns : now_ns + left_ns;
    return punish(engine, running, now_ns);
}

void tt_engine_on_budget(struct tt_engine *engine)
{
    struct running *running = engine->running;
    int64_t until_ns = __atomic_load_n(&running->job_until_ns, __ATOMIC_ACQUIRE);
    int64_t stop_ns = __atomic_load_n(&running->job_stop_ns, __ATOMIC_RELAXED), now_ns;

    __atomic_store_n(&running->armed_until_ns, 0, __ATOMIC_RELEASE);
    if (until_ns == 0)
        return;
    now_ns = engine->ops->now(engine->world);
    if (now_ns >= stop_ns)
        __atomic_store_n(&running->call.stop, 1, __ATOMIC_RELAXED);
    if (now_ns >= until_ns && running->node->plan->budget_ns > 0)
        until_ns = judge_budget(engine, running, now_ns);
    else if (now_ns >= stop_ns)
        until_ns = end_in_place(engine, running, now_ns);
    if (until_ns == 0 || until_ns <= now_ns)
        return;
    __atomic_store_n(&running->armed_until_ns, until_ns, __ATOMIC_RELEASE);
    engine->ops->arm(engine->world, until_ns);
}

/* What others took of the CPU must never make a sample: it would raise the quantile, by that the
 * budget, and by that what the wall clock may tell. So the CPU's is read of whatever took longer
 * than it usually does, or more than four fifths of its budget. Of little ones without a budget
 * nothing else is asked, for reading may take as long as they do. */
static bool is_read(const struct tt_engine *engine, const struct node *node, int64_t wall_ns)
{
    if (engine->is_live && wall_ns > node->usual_ns / 4 * 5)
        return true;
    if (node->plan->budget_ns <= 0)
        return !engine->is_live || wall_ns >= LITTLE_NS;
    return wall_ns > node->plan->budget_ns / 5 * 4;
}

static void count_cost(struct tt_engine *engine, const struct node *node, int64_t cost_ns,
                       bool is_over)
{
    struct tt_node_stats *stats = &engine->stats->nodes[node->number];

    __atomic_store_n(&stats->activations, stats->activations + 1, __ATOMIC_RELAXED);
    __atomic_store_n(&stats->cost_sum_ns, stats->cost_sum_ns + cost_ns, __ATOMIC_RELAXED);
    if (cost_ns > stats->cost_max_ns)
        __atomic_store_n(&stats->cost_max_ns, cost_ns, __ATOMIC_RELAXED);
    if (is_over)
        __atomic_store_n(&stats->overruns, stats->overruns + 1, __ATOMIC_RELAXED);
}

static void hold(struct tt_engine *engine, const struct node *node, int64_t from_ns)
{
    engine->holds[engine->hold_next++ % HOLDS] =
        (struct hold){.from_ns = from_ns, .to_ns = engine->now_ns, .node = node};
}

/* The CPU time of the activation that just ended at now_ns, or -1 when it was not read. Between
 * two reads the others are charged their wall time, so this one is never charged for them. */
int64_t engine_cost_end(struct tt_engine *engine, struct node *node, int64_t start_ns)
{
    int64_t wall_ns = engine->now_ns - start_ns, cpu_ns = -1, read_ns;
    int64_t budget_ns = node->plan->budget_ns;
    bool is_over = __atomic_load_n(&engine->running->is_over, __ATOMIC_RELAXED) != 0;

    __atomic_store_n(&engine->running->job_until_ns, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&engine->stats->stuck_since_ns, 0, __ATOMIC_RELAXED);
    if (is_read(engine, node, wall_ns)) {
        read_ns = engine->ops->cpu_now(engine->world);
        cpu_ns = read_ns - engine->cpu_ns - engine->wall_since_cpu_ns;
        cpu_ns = cpu_ns < 0 ? 0 : cpu_ns > wall_ns ? wall_ns : cpu_ns;
        keep_cpu(engine, read_ns);
        tell_cpu(engine, read_ns);
    } else {
        engine->wall_since_cpu_ns += wall_ns;
    }
    is_over = is_over || (budget_ns > 0 && cpu_ns > budget_ns);
    count_cost(engine, node, cpu_ns >= 0 ? cpu_ns : wall_ns, is_over);
    node->usual_ns += ((cpu_ns >= 0 ? cpu_ns : wall_ns) - node->usual_ns) / 8;
    if (is_over && wall_ns > budget_ns)
        hold(engine, node, start_ns + budget_ns);
    return cpu_ns;
}

/* By the thread that is the worker now: its CPU clock is another. */
void engine_cost_take_over(struct tt_engine *engine, struct running *hog)
{
    int64_t read_ns = engine->ops->cpu_now(engine->world);

    __atomic_store_n(&engine->stats->stuck_since_ns, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&hog->job_until_ns, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&hog->armed_until_ns, 0, __ATOMIC_RELAXED);
    hog->begin_cpu_ns = engine->cpu_ns + engine->wall_since_cpu_ns;
    engine->cpu_before_ns = engine->stats->cpu_ns - read_ns;
    keep_cpu(engine, read_ns);
    engine->is_busy = true;
    hold(engine, hog->node, hog->exhausted_ns);
}

void engine_cost_back(struct tt_engine *engine, struct running *hog)
{
    int64_t cpu_ns = hog->end_cpu_ns - hog->begin_cpu_ns;

    engine->cpu_before_ns += cpu_ns;
    count_cost(engine, hog->node, cpu_ns, true);
}

static void put_sample(struct tt_engine *engine, uint32_t segment, int64_t cost_ns, uint32_t level)
{
    uint64_t put = engine->costs_put;

    if (level == NONE) /* that of no level */
        return;
    __atomic_store_n(&engine->costs[put % COSTS].segment, segment, __ATOMIC_RELAXED);
    __atomic_store_n(&engine->costs[put % COSTS].level, level, __ATOMIC_RELAXED);
    __atomic_store_n(&engine->costs[put % COSTS].cost_ns, cost_ns, __ATOMIC_RELAXED);
    __atomic_store_n(&engine->costs_put, put + 1, __ATOMIC_RELEASE);
}

/* By origin, for a decoder gives frames of earlier releases: a sum is that of one frame's way. The
 * first origin is the phase; what a codec shifts by a constant stays in its release. */
static int64_t release_of(struct segment *segment, int64_t origin_ns)
{
    int64_t half_ns;

    if (segment->has_phase && origin_ns == segment->last_origin_ns)
        return segment->last_release;
    if (!segment->has_phase) {
        segment->has_phase = true;
        segment->phase_ns = origin_ns;
    }
    half_ns = tt_index_ns(1, segment->rate) / 2;
    segment->last_origin_ns = origin_ns;
    segment->last_release = tt_ns_index(origin_ns - segment->phase_ns + half_ns, segment->rate);
    return segment->last_release;
}

void engine_cost_add(struct tt_engine *engine, const struct node *node, int64_t origin_ns,
                     int64_t cost_ns)
{
    uint32_t number = node->plan->segment, level = tt_engine_level(engine);
    struct segment *segment = &engine->segments[number];
    struct sum *sum;
    int64_t release;

    if (segment->rate.num <= 0) {
        put_sample(engine, number, cost_ns, level);
        return;
    }
    release = release_of(segment, origin_ns);
    sum = &segment->sums[(uint64_t)release % OPEN_SUMS];
    if (sum->is_open && sum->release != release) {
        put_sample(engine, number, sum->cost_ns, sum->level);
        sum->is_open = false;
    }
    if (!sum->is_open)
        *sum = (struct sum){.release = release, .level = level, .is_open = true};
    if (sum->level != level)
        sum->level = NONE;
    sum->cost_ns += cost_ns;
}

void engine_cost_flush(struct tt_engine *engine)
{
    for (uint32_t n = 0; n < engine->params.segment_count; n++)
        for (uint32_t m = 0; m < OPEN_SUMS; m++) {
            struct sum *sum = &engine->segments[n].sums[m];

            if (sum->is_open)
                put_sample(engine, n, sum->cost_ns, sum->level);
            sum->is_open = false;
        }
}

/* The writer never waits: a sample that it overwrote while it was read is skipped. */
bool tt_engine_level_cost(struct tt_engine *engine, struct tt_level_cost *ret)
{
    for (uint32_t tries = 0; tries < 4; tries++) {
        uint64_t put = __atomic_load_n(&engine->costs_put, __ATOMIC_ACQUIRE);
        uint64_t got = engine->costs_got;
        struct tt_level_cost cost;

        if (got == put)
            return false;
        if (put - got >= COSTS)
            got = put - COSTS + 1;
        cost.segment = __atomic_load_n(&engine->costs[got % COSTS].segment, __ATOMIC_RELAXED);
        cost.level = __atomic_load_n(&engine->costs[got % COSTS].level, __ATOMIC_RELAXED);
        cost.cost_ns = __atomic_load_n(&engine->costs[got % COSTS].cost_ns, __ATOMIC_RELAXED);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        engine->costs_got = got + 1;
        if (__atomic_load_n(&engine->costs_put, __ATOMIC_RELAXED) - got >= COSTS)
            continue;
        *ret = cost;
        return true;
    }
    return false;
}

bool tt_engine_segment_cost(struct tt_engine *engine, uint32_t *ret_segment, int64_t *ret_cost_ns)
{
    struct tt_level_cost cost;

    if (!tt_engine_level_cost(engine, &cost))
        return false;
    *ret_segment = cost.segment;
    *ret_cost_ns = cost.cost_ns;
    return true;
}
