/* What a running service does at this moment, from what tactusd has read anyway: hop records, and
 * the container's figures in shared memory. Sums since the start; who asks twice has the rates. */
#include "node/watch.h"

static json_t *component_entry(const struct watch_params *params, uint32_t number)
{
    const struct tt_picture_component *component = &params->picture->components[number];
    static const struct pump_component none;
    struct run_component engine = {0};
    const struct pump_component *seen = &none;
    const struct pump *pump = params->run != NULL ? run_pump((struct run *)params->run) : NULL;

    if (params->run != NULL)
        engine = run_component(params->run, number);
    if (pump != NULL)
        seen = pump_component(pump, number);
    return json_pack(
        "{ss ss ss sI sI sI sI sI sI sI sI sI sI si si so si si ss}", "name", component->name,
        "kind", component->kind, "process", engine.process != NULL ? engine.process : "",
        "activations", (json_int_t)seen->activations, "waiting_ns", (json_int_t)seen->waiting_ns,
        "waiting_max_ns", (json_int_t)seen->waiting_max_ns, "busy_ns", (json_int_t)seen->busy_ns,
        "busy_max_ns", (json_int_t)seen->busy_max_ns, "budget_ns",
        (json_int_t)(params->run != NULL ? run_budget_of_ns(params->run, number) : 0), "misses",
        (json_int_t)seen->misses, "overruns", (json_int_t)(engine.overruns & INT64_MAX), "handoffs",
        (json_int_t)(engine.handoffs & INT64_MAX), "late_uses",
        (json_int_t)(engine.late_uses & INT64_MAX), "queue", (int)engine.queue, "queue_max",
        (int)engine.queue_max, "level_mdb",
        seen->has_level ? json_integer(seen->level_mdb) : json_null(), "level", (int)seen->degraded,
        "levels", (int)component->level_count, "level_text",
        seen->degraded > 0 && seen->degraded <= component->level_count
            ? component->texts + component->level_texts[seen->degraded - 1]
            : "");
}

static json_t *reservation_of(const struct run_worker *worker)
{
    if (worker->budget_ns <= 0)
        return json_null();
    return json_pack("{sI sI}", "budget_ns", (json_int_t)worker->budget_ns, "period_ns",
                     (json_int_t)worker->period_ns);
}

/* One for each container that lives, and the first one's reservation by itself. */
static json_t *workers_entry(const struct run *run, json_t **ret_first)
{
    json_t *workers = json_array();
    struct run_worker worker;

    *ret_first = json_null();
    for (uint32_t n = 0; run != NULL && n < run_worker_count(run); n++) {
        if (!run_worker(run, n, &worker))
            continue;
        json_array_append_new(workers, json_pack("{ss so}", "name", worker.name, "reservation",
                                                 reservation_of(&worker)));
        if (n == 0)
            *ret_first = reservation_of(&worker);
    }
    return workers;
}

json_t *watch_entry(const struct watch_params *params)
{
    const struct tt_picture *picture = params->picture;
    json_t *components = json_array(), *reservation;
    json_t *workers = workers_entry(params->run, &reservation);
    int64_t t_ns = 0;

    for (uint32_t n = 0; params->run != NULL && n < picture->component_count; n++)
        json_array_append_new(components, component_entry(params, n));
    if (params->run != NULL && run_pump((struct run *)params->run) != NULL)
        t_ns = loop_now_ns() - run_epoch_ns(params->run);
    return json_pack("{ss ss ss sI sI so sI sI sI sI so so ss so si si}", "name",
                     picture != NULL ? picture->name : "", "state", params->state, "class",
                     params->class_name, "t_ns", (json_int_t)t_ns, "deadline_ns",
                     (json_int_t)(picture != NULL ? picture->deadline_ns : 0), "slack_ns",
                     params->slack_ns != INT64_MAX ? json_integer(params->slack_ns) : json_null(),
                     "frames", (json_int_t)params->frames, "late", (json_int_t)params->late, "lost",
                     (json_int_t)params->lost, "repeated", (json_int_t)params->repeated,
                     "reservation", reservation, "workers", workers, "ledger", params->ledger,
                     "components", components, "level",
                     params->run != NULL ? (int)run_level(params->run) : 0, "levels",
                     picture != NULL ? (int)tt_picture_levels(picture) : 0);
}
