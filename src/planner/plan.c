/* Makes the plan: costs, then demand, then class, then the reservation, or the reason why not. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "planner/bend.h"
#include "planner/partition.h"
#include "planner/work.h"
#include "spec/depths.h"
#include "spec/wiring.h"
#include "tactus/format.h"

static void *zeroed(uint32_t count, size_t bytes)
{
    return calloc(count ? count : 1, bytes);
}

void work_fini(struct work *work)
{
    free(work->cost);
    free(work->segment);
    free(work->tasks);
    free(work->tried);
    free(work->mark);
    free(work->until_ns);
    free(work->before_ns);
    free(work->jitter_ns);
    free(work->ahead_ns);
    free(work->end_ns);
    free(work->jobs);
}

int work_init(struct work *work)
{
    const struct tt_picture *picture = work->picture;
    uint32_t components = picture->component_count, segments = picture->segment_count;
    struct tt_plan *plan = work->plan;

    work->terms = (struct terms){.plan = plan};
    work->cost = zeroed(components, sizeof(*work->cost));
    work->segment = zeroed(segments, sizeof(*work->segment));
    work->tasks = zeroed(segments, sizeof(*work->tasks));
    work->tried = zeroed(segments, sizeof(*work->tried));
    work->mark = zeroed(components, sizeof(*work->mark));
    work->until_ns = zeroed(components, sizeof(*work->until_ns));
    work->before_ns = zeroed(components, sizeof(*work->before_ns));
    work->jitter_ns = zeroed(components, sizeof(*work->jitter_ns));
    work->ahead_ns = zeroed(components, sizeof(*work->ahead_ns));
    work->end_ns = zeroed(components, sizeof(*work->end_ns));
    work->jobs = zeroed(components, work_job_bytes());
    plan->sinks = zeroed(picture->sink_count, sizeof(*plan->sinks));
    plan->due_offset_ns = zeroed(components, sizeof(int64_t));
    plan->fire_offset_ns = zeroed(components, sizeof(int64_t));
    plan->budget_of_ns = zeroed(components, sizeof(int64_t));
    plan->wait_ns = zeroed(picture->flow_count, sizeof(int64_t));
    plan->workers = zeroed(TT_WORKERS_MAX, sizeof(*plan->workers));
    plan->worker_of = zeroed(components, sizeof(*plan->worker_of));
    plan->worker_count = plan->parts = 1;
    return work->cost && work->segment && work->tasks && work->tried && work->mark &&
                   work->until_ns && work->before_ns && work->jitter_ns && work->ahead_ns &&
                   work->end_ns && work->jobs && plan->sinks && plan->due_offset_ns &&
                   plan->fire_offset_ns && plan->budget_of_ns && plan->wait_ns && plan->workers &&
                   plan->worker_of
               ? 0
               : -ENOMEM;
}

void work_gather_sinks(struct work *work)
{
    const struct tt_picture *picture = work->picture;

    work->needed = 0;
    for (uint32_t n = 0; n < picture->sink_count; n++) {
        const struct tt_picture_component *component =
            &picture->components[work_mark_sink(work, n)];
        struct tt_plan_sink *sink = &work->plan->sinks[n];
        uint64_t needed;

        sink->deadline_ns =
            component->deadline_ns > 0 ? component->deadline_ns : picture->deadline_ns;
        sink->structural_ns = component->path_structural_ns;
        sink->loss = component->loss.den > 0 ? component->loss : picture->loss;
        needed = tt_samples_needed((struct tt_rational){
            sink->loss.num, sink->loss.den * (work->plan->parts ? work->plan->parts : 1)});
        work->needed = needed > work->needed ? needed : work->needed;
    }
}

static int refuse(struct work *work)
{
    work->plan->is_admitted = false;
    return 1;
}

/* 0, 1: refused, or no memory. */
static int plan_pools(struct work *work, struct tt_error *err)
{
    struct tt_wiring *wiring = NULL;
    struct tt_error why = {0};
    struct tt_plan *plan = work->plan;
    struct bent placed;
    int r = bend_open(work->picture, &placed);

    if (r < 0)
        return tt_fail(err, r, "no memory");
    tt_plan_place(plan, &placed.picture);
    if (plan->class != TT_CLASS_BEST_EFFORT)
        r = tt_picture_depths(&placed.picture, plan->wait_ns, &why);
    if (r == 0)
        r = tt_wiring_make(&placed.picture, &wiring, &why);
    bend_close(&placed);
    if (r == -E2BIG) {
        (void)tt_format_text(plan->binding, sizeof(plan->binding), "frame pools: %s", why.text);
        return refuse(work);
    }
    if (r < 0) {
        if (err)
            *err = why;
        return r;
    }
    plan->pool_bytes = (int64_t)wiring->pool_bytes;
    tt_wiring_close(&wiring);
    terms_add(&work->terms, "pool", "", plan->pool_bytes, "bytes", "service");
    terms_add(&work->terms, "memory", "", work->machine->memory_bytes, "bytes", "measured");
    if (work->machine->memory_bytes == 0 || plan->pool_bytes <= work->machine->memory_bytes)
        return 0;
    (void)tt_format_text(plan->binding, sizeof(plan->binding),
                         "memory: the frame pools need %lld bytes, the machine has %lld for them",
                         (long long)plan->pool_bytes, (long long)work->machine->memory_bytes);
    return refuse(work);
}

/* By mean cost alone: no class of service makes this fit, for no reservation gives more than a CPU.
 * Without a live source the service has no rate to keep up with; it only takes longer. */
static int check_mean(struct work *work)
{
    const struct tt_picture *picture = work->picture;
    int64_t sum_ppm = 0, most_ppm = 0;
    uint32_t most = 0;

    for (uint32_t n = 0; n < picture->segment_count; n++) {
        int64_t mean_ns = work->segment[n].mean_ns + work->segment[n].hops_ns;
        int64_t ppm =
            work_is_lasting(work, n) ? work_share_ppm(mean_ns, picture->segments[n].rate) : 0;

        if (ppm > most_ppm)
            most = n;
        most_ppm = ppm > most_ppm ? ppm : most_ppm;
        sum_ppm += ppm;
    }
    terms_add(&work->terms, "mean utilisation", picture->name, sum_ppm, "ppm", "profile");
    if (!picture->is_live || sum_ppm <= 1000000)
        return 0;
    (void)tt_format_text(
        work->plan->binding, sizeof(work->plan->binding),
        "CPU: by mean cost alone the service needs %s of a CPU and its worker has one; "
        "segment `%.40s` needs %s",
        text_percent(sum_ppm).text, picture->segments[most].name, text_percent(most_ppm).text);
    return refuse(work);
}

/* A deadline that even the mean cost on a CPU of its own exceeds would be broken by every frame. */
static int check_mean_deadline(struct work *work)
{
    const struct tt_picture *picture = work->picture;

    for (uint32_t n = 0; n < picture->segment_count; n++) {
        int64_t mean_ns = work->segment[n].mean_ns + work->segment[n].hops_ns;
        int64_t left_ns = work->tasks[n].deadline_ns - work->tasks[n].jitter_ns;

        if (!picture->is_live || picture->is_best_effort || !work_is_lasting(work, n) ||
            mean_ns <= left_ns)
            continue;
        (void)tt_format_text(
            work->plan->binding, sizeof(work->plan->binding),
            "deadline: segment `%.40s` takes %s by mean cost alone, with a CPU of its "
            "own, and has %s of its deadline of %s left after its input's jitter",
            picture->segments[n].name, text_ms(mean_ns).text, text_ms(left_ns).text,
            text_ms(work->tasks[n].deadline_ns).text);
        return refuse(work);
    }
    return 0;
}

static void put_on_partition(struct work *work)
{
    struct tt_plan_worker *worker = &work->plan->workers[0];
    int64_t share_ppm = tt_muldiv(worker->budget_ns, 1000000, worker->period_ns);
    bool is_put;

    if (!partition_is_all(work->machine))
        return;
    is_put = partition_fit(work->machine, &share_ppm, 1, &worker->partition);
    tt_assert(is_put); /* its room was that of the emptiest */
}

/* With a promise wanted, no reservation means no; without one, it is arithmetic for the reader. */
static void reserve(struct work *work)
{
    struct tt_plan *plan = work->plan;
    bool is_promised = plan->class != TT_CLASS_BEST_EFFORT;
    struct reservation reservation = {0}, unlimited = {0};
    bool is_found = work_reserve(work, partition_most_ppm(work->machine), &reservation);

    if (!is_found && work_reserve_alone(work, &unlimited)) {
        work_reservation_terms(work, &unlimited);
        work_say_no_room(work, &unlimited);
    } else if (!is_found) {
        work_reservation_terms(work, &unlimited);
        work_say_unschedulable(work, &unlimited);
    }
    if (!is_found) {
        plan->is_admitted = !is_promised;
        return;
    }
    work_bounds(work, &reservation);
    work_reservation_terms(work, &reservation);
    work_say_binding(work, &reservation);
    if (!is_promised)
        return;
    work_fire(work, &reservation);
    plan->budget_ns = reservation.budget_ns;
    plan->period_ns = plan->deadline_ns = reservation.period_ns;
    plan->workers[0].budget_ns = plan->budget_ns;
    plan->workers[0].period_ns = plan->workers[0].deadline_ns = plan->period_ns;
    plan->workers[0].tolerance_ns = reservation.tardiness_ns;
    plan->workers[0].overhead_ns = reservation.overhead_ns;
    plan->workers[0].headroom_ns = reservation.headroom_ns;
    put_on_partition(work);
}

static bool has_lasting(const struct work *work)
{
    for (uint32_t n = 0; n < work->picture->segment_count; n++)
        if (work_is_lasting(work, n))
            return true;
    return false;
}

/* 0 or 1 (refused): the plan is whole; negative: it is not. */
static int make(struct work *work, struct tt_error *err)
{
    uint64_t samples;
    uint32_t segment;
    int r;

    work->plan->is_admitted = true;
    work_gather_sinks(work);
    work_costs(work);
    work_offsets(work);
    work_tasks(work);
    work_choose_class(work);
    r = work_crew(work);
    if (r < 0)
        return tt_fail(err, r, "no memory");
    if (r > 0) {
        work_machine_terms(work);
        r = work->plan->is_admitted ? plan_pools(work, err) : 0;
        work_sink_terms(work);
        return r;
    }
    r = plan_pools(work, err);
    if (r == 0)
        r = check_mean(work);
    work_machine_terms(work);
    work_task_terms(work);
    if (r == 0)
        r = check_mean_deadline(work);
    if (r != 0) {
        work_sink_terms(work);
        return r;
    }
    if (!work->picture->is_live)
        (void)tt_format_text(work->plan->binding, sizeof(work->plan->binding),
                             "nothing binds: the service runs as fast as it can");
    else if (!work_is_all_known(work, &samples, &segment) || !has_lasting(work))
        (void)tt_format_text(work->plan->binding, sizeof(work->plan->binding),
                             "unknown: what `%.40s` costs is not measured yet",
                             work->picture->segment_count ? work->picture->segments[segment].name
                                                          : "");
    else
        reserve(work);
    work_sink_terms(work);
    return 0;
}

static int plan_on(const struct tt_picture *picture, const struct tt_cost *costs,
                   const struct tt_cost *segment_costs, const struct tt_machine *machine,
                   struct tt_plan **ret, struct tt_error *err)
{
    struct tt_plan *plan;
    struct work work = {
        .picture = picture, .costs = costs, .segment_costs = segment_costs, .machine = machine};
    int r = work_check_picture(picture, err);

    if (r < 0)
        return tt_wrap(err, r, "cannot plan service `%s`", picture->name);
    plan = calloc(1, sizeof(*plan));
    if (!plan)
        return tt_fail(err, -ENOMEM, "no memory to plan service `%s`", picture->name);
    work.plan = plan;
    r = work_init(&work);
    if (r < 0)
        (void)tt_fail(err, r, "no memory");
    else
        r = make(&work, err);
    if (r >= 0 && work.terms.is_failed)
        r = tt_fail(err, -ENOMEM, "no memory");
    work_fini(&work);
    if (r < 0) {
        tt_plan_close(&plan);
        return tt_wrap(err, r, "cannot plan service `%s`", picture->name);
    }
    *ret = plan;
    return 0;
}

static void say_both(struct tt_plan *plan, const char *on_partitions)
{
    char beside[sizeof(plan->binding)];

    memcpy(beside, plan->binding, sizeof(beside));
    (void)tt_format_text(plan->binding, sizeof(plan->binding),
                         "on partitions, %.110s; beside them, %.110s", on_partitions, beside);
}

/* Partitions first: nothing there is late by others. What may be admitted without a reservation is
 * no reason to give one of their CPUs away. */
int tt_plan_make(const struct tt_picture *picture, const struct tt_cost *costs,
                 const struct tt_cost *segment_costs, const struct tt_machine *machine,
                 struct tt_plan **ret, struct tt_error *err)
{
    char why[sizeof((*ret)->binding)] = "";
    struct tt_machine partitions;
    struct tt_plan *plan = NULL;
    int r;

    if (machine->is_partitioned || machine->partition_count == 0)
        return plan_on(picture, costs, segment_costs, machine, ret, err);
    partition_machine(machine, &partitions);
    r = plan_on(picture, costs, segment_costs, &partitions, &plan, err);
    if (r < 0)
        return r;
    if (machine->is_on_partitions || (plan->is_admitted && plan->budget_ns > 0)) {
        *ret = plan;
        return 0;
    }
    if (!plan->is_admitted)
        memcpy(why, plan->binding, sizeof(why));
    tt_plan_close(&plan);
    r = plan_on(picture, costs, segment_costs, machine, &plan, err);
    if (r < 0)
        return r;
    if (!plan->is_admitted && why[0] != '\0')
        say_both(plan, why);
    *ret = plan;
    return 0;
}

/* A queue that would be too long is cut: a plan that promises anything was refused for it. */
void tt_plan_place(const struct tt_plan *plan, struct tt_picture *picture)
{
    for (uint32_t n = 0; n < picture->component_count; n++)
        picture->components[n].worker = plan ? plan->worker_of[n] : 0;
    (void)tt_picture_depths(picture, plan ? plan->wait_ns : NULL, NULL);
}

void tt_plan_close(struct tt_plan **plan)
{
    if (!*plan)
        return;
    free((*plan)->sinks);
    free((*plan)->due_offset_ns);
    free((*plan)->fire_offset_ns);
    free((*plan)->budget_of_ns);
    free((*plan)->wait_ns);
    free((*plan)->workers);
    free((*plan)->worker_of);
    free((*plan)->terms);
    free(*plan);
    *plan = NULL;
}
