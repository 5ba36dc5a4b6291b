/* What a container's memory says of itself, read by tactusd: queues, and who does not return. */
#include <stdio.h>

#include "core/engine.h"
#include "node/run_inside.h"

/* The container has one place in its engine for a component, and for an edge one for each flow that
 * begins or ends there, in the picture's order. component_count: nothing there. */
static uint32_t component_of(const struct run *run, uint32_t node)
{
    const struct tt_picture *picture = run->params.picture;
    const struct tt_wiring *wiring = run->broker->wiring;
    uint32_t first = 0, count;

    for (uint32_t c = 0; c < picture->component_count; c++) {
        count = 1;
        if ((picture->components[c].flags & TT_EDGE) != 0) {
            count = 0;
            for (uint32_t n = 0; n < wiring->link_count; n++)
                count += wiring->links[n].component == c;
        }
        if (node < first + count)
            return c;
        first += count;
    }
    return picture->component_count;
}

struct run_component run_component(const struct run *run, uint32_t component)
{
    const struct tt_engine_stats *stats = run->broker->engine_stats;
    struct run_component ret = {
        .is_in_edge = (run->params.picture->components[component].flags & TT_EDGE) != 0};

    for (uint32_t node = 0; node < TT_NODES_MAX; node++) {
        const struct tt_node_stats *place = &stats->nodes[node];
        uint32_t at = component_of(run, node), queue, queue_max;

        if (at > component)
            break;
        if (at < component)
            continue;
        queue = __atomic_load_n(&place->queue_depth, __ATOMIC_RELAXED);
        queue_max = __atomic_load_n(&place->queue_max, __ATOMIC_RELAXED);
        ret.overruns += __atomic_load_n(&place->overruns, __ATOMIC_RELAXED);
        ret.late_uses += __atomic_load_n(&place->late_uses, __ATOMIC_RELAXED);
        ret.queue = queue > ret.queue ? queue : ret.queue;
        ret.queue_max = queue_max > ret.queue_max ? queue_max : ret.queue_max;
    }
    return ret;
}

/* Who chose `overrun: stop` wants the container ended rather than wait. */
static bool stop_if_over(struct run *run)
{
    const struct tt_engine_stats *stats = run->broker->engine_stats;
    uint32_t stop_node = __atomic_load_n(&stats->stop_node, __ATOMIC_ACQUIRE);
    uint32_t component = stop_node > 0 ? component_of(run, stop_node - 1) : UINT32_MAX;
    char text[SUPERVISE_TEXT_BYTES];

    if (component >= run->params.picture->component_count)
        return false;
    (void)snprintf(text, sizeof(text), "%s is over its budget: overrun=stop budget_us=%lld",
                   run->params.picture->components[component].name,
                   (long long)(run->params.plan->budget_of_ns[component] / 1000));
    run->stuck_component = (int32_t)component;
    run_feed(run, &(struct supervise_event){.kind = SUPERVISE_STUCK, .text = text});
    return true;
}

/* A component that does not return, and that no standby could take the worker from, holds it. */
void run_watch_dog(struct run *run, int64_t now_ns)
{
    const struct tt_engine_stats *stats = run->broker->engine_stats;
    int64_t since_ns = __atomic_load_n(&stats->stuck_since_ns, __ATOMIC_ACQUIRE);
    uint32_t node = component_of(run, __atomic_load_n(&stats->stuck_node, __ATOMIC_RELAXED));
    bool is_known = node < run->params.picture->component_count;
    int64_t limit_ns = tt_watchdog_limit_ns(
        &(struct tt_watchdog){.budget_ns = is_known ? run_budget_of_ns(run, node) : 0,
                              .reserved_ns = run->processes[0].budget_ns,
                              .period_ns = run->processes[0].period_ns});
    char text[SUPERVISE_TEXT_BYTES];

    if (run->supervise.processes[0].life != SUPERVISE_GOING || stop_if_over(run))
        return;
    if (since_ns <= 0)
        return;
    if (now_ns - since_ns <= limit_ns)
        return;
    (void)snprintf(text, sizeof(text), "%s did not return: stuck_ms=%lld limit_ms=%lld",
                   is_known ? run->params.picture->components[node].name : "a component",
                   (long long)((now_ns - since_ns) / RUN_MILLI), (long long)(limit_ns / RUN_MILLI));
    run->stuck_component = is_known ? (int32_t)node : -1;
    run_feed(run, &(struct supervise_event){.kind = SUPERVISE_STUCK, .text = text});
}
