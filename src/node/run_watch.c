/* What a container's memory says of itself, read by tactusd: queues, and who does not return. */
#include <stdio.h>

#include "core/engine.h"
#include "node/run_inside.h"

/* Whose place in this container's engine this is; component_count: nobody's. */
static uint32_t component_of(const struct run *run, uint32_t container, uint32_t node)
{
    const struct tt_wiring_process *process = &run->broker->wiring->processes[container];

    return node < process->place_count ? process->places[node].component
                                       : run->params.picture->component_count;
}

static void add_node(const struct tt_node_stats *node, struct run_component *ret)
{
    uint32_t queue = __atomic_load_n(&node->queue_depth, __ATOMIC_RELAXED);
    uint32_t queue_max = __atomic_load_n(&node->queue_max, __ATOMIC_RELAXED);

    ret->overruns += __atomic_load_n(&node->overruns, __ATOMIC_RELAXED);
    ret->handoffs += __atomic_load_n(&node->handoffs, __ATOMIC_RELAXED);
    ret->late_uses += __atomic_load_n(&node->late_uses, __ATOMIC_RELAXED);
    ret->queue = queue > ret->queue ? queue : ret->queue;
    ret->queue_max = queue_max > ret->queue_max ? queue_max : ret->queue_max;
}

struct run_component run_component(const struct run *run, uint32_t component)
{
    const struct tt_wiring *wiring = run->broker->wiring;
    bool is_in_edge = (run->params.picture->components[component].flags & TT_EDGE) != 0;
    struct run_component ret = {
        .is_in_edge = is_in_edge,
        .process = is_in_edge ? "edge" : run->processes[wiring->process_of[component]].name};

    for (uint32_t n = 0; n < wiring->container_count; n++)
        for (uint32_t node = 0; node < wiring->processes[n].place_count; node++)
            if (component_of(run, n, node) == component && node < TT_NODES_MAX)
                add_node(&run->broker->engine_stats[n]->nodes[node], &ret);
    return ret;
}

/* Who chose `overrun: stop` wants the container ended rather than wait. */
static bool stop_if_over(struct run *run, uint32_t number)
{
    const struct tt_engine_stats *stats = run->broker->engine_stats[number];
    uint32_t stop_node = __atomic_load_n(&stats->stop_node, __ATOMIC_ACQUIRE);
    uint32_t component = stop_node > 0 ? component_of(run, number, stop_node - 1) : UINT32_MAX;
    char text[SUPERVISE_TEXT_BYTES];

    if (component >= run->params.picture->component_count)
        return false;
    (void)snprintf(text, sizeof(text), "%s is over its budget: overrun=stop budget_us=%lld",
                   run->params.picture->components[component].name,
                   (long long)(run->params.plan->budget_of_ns[component] / 1000));
    run->processes[number].stuck_component = (int32_t)component;
    run_feed(run,
             &(struct supervise_event){.kind = SUPERVISE_STUCK, .process = number, .text = text});
    return true;
}

int64_t run_first_delivery_ns(const struct run *run)
{
    int64_t first_ns = 0;

    for (uint32_t n = 0; n < run->broker->wiring->container_count; n++) {
        int64_t ns =
            __atomic_load_n(&run->broker->engine_stats[n]->first_delivery_ns, __ATOMIC_RELAXED);

        if (ns > run->opened_ns && (first_ns == 0 || ns < first_ns))
            first_ns = ns;
    }
    return first_ns;
}

int32_t run_component_in_hand(const struct run *run, uint32_t container)
{
    const struct tt_engine_stats *stats = run->broker->engine_stats[container];
    uint32_t component;

    if (__atomic_load_n(&stats->stuck_since_ns, __ATOMIC_ACQUIRE) <= 0)
        return -1;
    component = component_of(run, container, __atomic_load_n(&stats->stuck_node, __ATOMIC_RELAXED));
    return component < run->params.picture->component_count ? (int32_t)component : -1;
}

/* A component that does not return holds its whole worker. */
static void watch_worker(struct run *run, uint32_t number, int64_t now_ns)
{
    const struct tt_engine_stats *stats = run->broker->engine_stats[number];
    struct run_process *process = &run->processes[number];
    int64_t since_ns = __atomic_load_n(&stats->stuck_since_ns, __ATOMIC_ACQUIRE);
    uint32_t component =
        component_of(run, number, __atomic_load_n(&stats->stuck_node, __ATOMIC_RELAXED));
    bool is_known = component < run->params.picture->component_count;
    int64_t limit_ns = tt_watchdog_limit_ns(
        &(struct tt_watchdog){.budget_ns = is_known ? run_budget_of_ns(run, component) : 0,
                              .reserved_ns = process->budget_ns,
                              .period_ns = process->period_ns});
    char text[SUPERVISE_TEXT_BYTES];

    if (run->supervise.processes[number].life != SUPERVISE_GOING || stop_if_over(run, number))
        return;
    if (since_ns <= 0)
        return;
    if (now_ns - since_ns <= limit_ns)
        return;
    (void)snprintf(text, sizeof(text), "%s did not return: stuck_ms=%lld limit_ms=%lld",
                   is_known ? run->params.picture->components[component].name : "a component",
                   (long long)((now_ns - since_ns) / RUN_MILLI), (long long)(limit_ns / RUN_MILLI));
    process->stuck_component = is_known ? (int32_t)component : -1;
    run_feed(run,
             &(struct supervise_event){.kind = SUPERVISE_STUCK, .process = number, .text = text});
}

void run_watch_dog(struct run *run, int64_t now_ns)
{
    for (uint32_t n = 0; n < run->broker->wiring->container_count; n++)
        watch_worker(run, n, now_ns);
}
