/* Makes the plan: costs, then demand, then class, then the reservation, or the reason why not. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "planner/work.h"
#include "spec/wiring.h"
#include "tactus/format.h"

const char *tt_class_name(enum tt_class class)
{
    switch (class) {
    case TT_CLASS_BEST_EFFORT:
        return "best-effort";
    case TT_CLASS_TARGETED:
        return "targeted";
    case TT_CLASS_BOUNDED:
        return "bounded";
    }
    return "best-effort";
}

static void *zeroed(uint32_t count, size_t bytes)
{
    return calloc(count ? count : 1, bytes);
}

static void work_fini(struct work *work)
{
    free(work->cost);
    free(work->segment);
    free(work->tasks);
    free(work->tried);
    free(work->mark);
    free(work->until_ns);
    free(work->before_ns);
}

static int work_init(struct work *work)
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
    plan->sinks = zeroed(picture->sink_count, sizeof(*plan->sinks));
    plan->due_offset_ns = zeroed(components, sizeof(int64_t));
    plan->fire_offset_ns = zeroed(components, sizeof(int64_t));
    plan->budget_of_ns = zeroed(components, sizeof(int64_t));
    return work->cost && work->segment && work->tasks && work->tried && work->mark &&
                   work->until_ns && work->before_ns && plan->sinks && plan->due_offset_ns &&
                   plan->fire_offset_ns && plan->budget_of_ns
               ? 0
               : -ENOMEM;
}

/* Deadlines and losses of sinks, and the samples that the strictest loss asks for. */
static void gather_sinks(struct work *work)
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
        needed = tt_samples_needed(sink->loss);
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
    int r = tt_wiring_make(work->picture, &wiring, &why);

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

static int64_t share_ppm(int64_t cost_ns, struct tt_rational rate)
{
    __int128 share = (__int128)cost_ns * rate.num / ((__int128)rate.den * 1000);

    return share > INT32_MAX ? INT32_MAX : (int64_t)share;
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
        int64_t ppm = work_is_lasting(work, n) ? share_ppm(mean_ns, picture->segments[n].rate) : 0;

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

static bool is_all_known(const struct work *work, uint64_t *ret_samples, uint32_t *ret_segment)
{
    bool is_known = true;

    *ret_samples = UINT64_MAX;
    *ret_segment = 0;
    for (uint32_t n = 0; n < work->picture->segment_count; n++) {
        if (!work_is_lasting(work, n))
            continue;
        is_known &= work->segment[n].is_known;
        if (work->segment[n].n < *ret_samples) {
            *ret_samples = work->segment[n].n;
            *ret_segment = n;
        }
    }
    return is_known;
}

static const char *own_threads(const struct tt_picture *picture)
{
    for (uint32_t n = 0; n < picture->component_count; n++)
        if (picture->components[n].flags & TT_OWN_THREADS)
            return picture->components[n].name;
    return NULL;
}

/* The first reason why nothing is promised, with what would change it; "" when there is none. */
static void why_best_effort(const struct work *work, char *ret, uint32_t bytes)
{
    const struct tt_picture *picture = work->picture;
    const char *threads = own_threads(picture);
    uint64_t samples;
    uint32_t segment;
    bool is_known = is_all_known(work, &samples, &segment);

    ret[0] = 0;
    if (!picture->is_live)
        (void)tt_format_text(ret, bytes,
                             "no source is live, so frames have no instant to be late for; "
                             "`live: true` at a source gives them one");
    else if (picture->is_best_effort)
        (void)tt_format_text(ret, bytes,
                             "best effort was asked for; without --best-effort a promise is tried");
    else if (threads)
        (void)tt_format_text(
            ret, bytes,
            "`%.63s` starts threads of its own, which no reservation holds; one thread "
            "or slices would change that",
            threads);
    else if (work->machine->right == TT_RIGHT_FIFO)
        (void)tt_format_text(
            ret, bytes,
            "the worker runs under SCHED_FIFO, which reserves nothing: another FIFO "
            "thread can starve it; the right to SCHED_DEADLINE would change that");
    else if (work->machine->right != TT_RIGHT_DEADLINE)
        (void)tt_format_text(ret, bytes,
                             "no right to SCHED_DEADLINE here, so no CPU time can be "
                             "reserved; bare `tactus` shows how to get it");
    else if (work->needed == UINT64_MAX && samples != UINT64_MAX)
        (void)tt_format_text(ret, bytes,
                             "a loss of 0 cannot be promised from samples; a loss above 0, "
                             "or declared costs, would change that");
    else if (samples < work->needed || !is_known)
        (void)tt_format_text(
            ret, bytes,
            "learning %llu/%llu: so many activations of segment `%.40s` are measured "
            "of those that the loss asks for; a profile or a run adds more",
            (unsigned long long)samples, (unsigned long long)work->needed,
            picture->segments[segment].name);
}

static bool is_all_declared(const struct work *work)
{
    for (uint32_t n = 0; n < work->picture->component_count; n++)
        if (!work_is_edge(work, n) && !work_is_once(work, n) && !work->cost[n].is_declared)
            return false;
    return true;
}

static void choose_class(struct work *work)
{
    struct tt_plan *plan = work->plan;
    const struct tt_machine *machine = work->machine;
    bool is_declared = is_all_declared(work);

    why_best_effort(work, plan->class_reason, sizeof(plan->class_reason));
    plan->class = plan->class_reason[0] ? TT_CLASS_BEST_EFFORT : TT_CLASS_TARGETED;
    if (plan->class == TT_CLASS_BEST_EFFORT)
        return;
    if (is_declared && machine->is_partitioned && !machine->is_virtual) {
        plan->class = TT_CLASS_BOUNDED;
        (void)tt_format_text(
            plan->class_reason, sizeof(plan->class_reason),
            "bounded, given wake-up <= %s, hand-off <= %s: every cost is a declared "
            "maximum and the CPU is exclusive",
            text_ms(machine->wake_ns).text, text_ms(machine->hop_ns).text);
        return;
    }
    (void)tt_format_text(plan->class_reason, sizeof(plan->class_reason),
                         "costs are known well enough for this loss; for a bound: %s%s%s",
                         is_declared ? "" : "declared maximum costs, ",
                         machine->is_partitioned ? "" : "an exclusive partition of a CPU, ",
                         machine->is_virtual ? "a machine without a hypervisor below" : "no more");
}

static int64_t room_ppm(const struct tt_machine *machine)
{
    return machine->limit_ppm - machine->slack_ppm - machine->reserved_ppm;
}

static void machine_terms(struct work *work)
{
    const struct tt_machine *machine = work->machine;

    terms_add(&work->terms, "wake-up", "", machine->wake_ns, "ns", "measured");
    terms_add(&work->terms, "hop", "", machine->hop_ns, "ns", "measured");
    terms_add(&work->terms, "limit", "", machine->limit_ppm, "ppm", "kernel");
    terms_add(&work->terms, "kept free", "", machine->slack_ppm, "ppm", "design");
    terms_add(&work->terms, "reserved by others", "", machine->reserved_ppm, "ppm", "node");
    terms_add(&work->terms, "room", "", room_ppm(machine), "ppm", "computed");
}

static void task_terms(struct work *work)
{
    const struct tt_picture *picture = work->picture;

    for (uint32_t n = 0; n < picture->segment_count; n++) {
        const struct demand_task *task = &work->tasks[n];
        const char *name = picture->segments[n].name;

        if (!work_is_lasting(work, n)) {
            terms_add(&work->terms, "demand once", name, task->cost_ns, "ns", "computed");
            continue;
        }
        terms_add(&work->terms, "demand", name, task->cost_ns, "ns", "computed");
        terms_add(&work->terms, "period", name, tt_index_ns(1, task->rate), "ns", "service");
        terms_add(&work->terms, "deadline", name, task->deadline_ns, "ns", "service");
        terms_add(&work->terms, "release jitter", name, task->jitter_ns, "ns", "assumed");
        terms_add(&work->terms, "largest component", name, task->block_ns, "ns", "computed");
        terms_add(&work->terms, "utilisation", name, share_ppm(task->cost_ns, task->rate), "ppm",
                  "computed");
    }
}

static void reservation_terms(struct work *work, const struct reservation *reservation)
{
    const struct demand_point *worst = &reservation->worst;
    const char *source = worst->is_linear ? "linear form" : "exact";
    struct terms *terms = &work->terms;

    terms_add(terms, "budget", "worker", reservation->budget_ns, "ns", "computed");
    terms_add(terms, "period", "worker", reservation->period_ns, "ns", "computed");
    terms_add(terms, "share", "worker",
              tt_muldiv(reservation->budget_ns, 1000000, reservation->period_ns), "ppm",
              "computed");
    terms_add(terms, "tardiness", "worker", reservation->tardiness_ns, "ns", "global EDF");
    if (worst->is_overload)
        return;
    terms_add(terms, "binding t", work->picture->segments[worst->task].name, worst->t_ns, "ns",
              source);
    terms_add(terms, "dbf", "binding t", worst->demand_ns, "ns", source);
    terms_add(terms, "blocking", "binding t", worst->blocking_ns, "ns", source);
    terms_add(terms, "wake-up", "binding t", work->machine->wake_ns, "ns", "measured");
    terms_add(terms, "sbf", "binding t", worst->supply_ns, "ns", source);
    terms_add(terms, "room", "binding t", worst->room_ns, "ns", source);
}

static void sink_terms(struct work *work)
{
    for (uint32_t n = 0; n < work->picture->sink_count; n++) {
        const struct tt_plan_sink *sink = &work->plan->sinks[n];
        uint32_t component = work_mark_sink(work, n);
        char name[TT_NAME_BYTES * 2] = "";

        tt_picture_sink_name(work->picture, n, name, sizeof(name));
        terms_add(&work->terms, "path", name,
                  work->before_ns[component] + work->cost[component].cost_ns, "ns", "computed");
        terms_add(&work->terms, "structural", name, sink->structural_ns, "ns", "declared");
        terms_add(&work->terms, "deadline", name, sink->deadline_ns, "ns", "service");
        if (sink->bound_ns == 0)
            continue;
        terms_add(&work->terms, "bound", name, sink->bound_ns, "ns", "computed");
        terms_add(&work->terms, "slack", name, sink->slack_ns, "ns", "computed");
    }
}

/* No budget in any period would do: where the best of them fails. */
static void say_unschedulable(struct work *work, const struct reservation *best)
{
    const struct demand_point *worst = &best->worst;
    struct tt_plan *plan = work->plan;
    int64_t needed_ppm = demand_share_ppt(&work->set) / 1000000;

    if (worst->is_overload) {
        (void)tt_format_text(
            plan->binding, sizeof(plan->binding),
            "CPU: at the promised quantile the segments need %s of a CPU and a worker "
            "may have 95.0 %%",
            text_percent(needed_ppm).text);
        return;
    }
    (void)tt_format_text(
        plan->binding, sizeof(plan->binding),
        "deadline of `%.40s`: within %s its worker must do %s, be blocked %s and wake "
        "%s, and gets %s at most: %s short",
        work->picture->segments[worst->task].name, text_ms(worst->t_ns).text,
        text_ms(worst->demand_ns).text, text_ms(worst->blocking_ns).text,
        text_ms(work->machine->wake_ns).text, text_ms(worst->supply_ns).text,
        text_ms(worst->room_ns < 0 ? -worst->room_ns : 0).text);
}

static void say_no_room(struct work *work, const struct reservation *wanted)
{
    const struct tt_machine *machine = work->machine;

    (void)tt_format_text(
        work->plan->binding, sizeof(work->plan->binding),
        "CPU: the service needs %s of a CPU and %s is free (limit %s, kept free %s, "
        "reserved %s)",
        text_percent(tt_muldiv(wanted->budget_ns, 1000000, wanted->period_ns)).text,
        text_percent(room_ppm(machine)).text, text_percent(machine->limit_ppm).text,
        text_percent(machine->slack_ppm).text, text_percent(machine->reserved_ppm).text);
}

/* Of an admitted service: the deadline or the CPU, whichever has the smaller share left. */
static void say_binding(struct work *work, const struct reservation *reservation)
{
    struct tt_plan *plan = work->plan;
    const struct tt_plan_sink *sink = &plan->sinks[plan->sink];
    int64_t room = room_ppm(work->machine), most = room > 950000 ? 950000 : room;
    int64_t used = tt_muldiv(reservation->budget_ns, 1000000, reservation->period_ns);
    int64_t cpu_left = most > used ? (most - used) * 1000 / most : 0;
    int64_t time_left =
        sink->deadline_ns > 0 ? tt_muldiv(sink->slack_ns, 1000, sink->deadline_ns) : 0;
    char name[TT_NAME_BYTES * 2] = "";

    tt_picture_sink_name(work->picture, plan->sink, name, sizeof(name));
    if (cpu_left < time_left)
        (void)tt_format_text(plan->binding, sizeof(plan->binding),
                             "CPU: the worker needs %s of one and could have %s",
                             text_percent(used).text, text_percent(most).text);
    else
        (void)tt_format_text(plan->binding, sizeof(plan->binding),
                             "deadline of `%.60s`: bound %s of %s, %s left", name,
                             text_ms(sink->bound_ns).text, text_ms(sink->deadline_ns).text,
                             text_ms(sink->slack_ns).text);
}

/* With a promise wanted, no reservation means no; without one, it is arithmetic for the reader. */
static void reserve(struct work *work)
{
    struct tt_plan *plan = work->plan;
    bool is_promised = plan->class != TT_CLASS_BEST_EFFORT;
    struct reservation reservation = {0}, unlimited = {0};
    bool is_found = work_reserve(work, room_ppm(work->machine), &reservation);

    if (!is_found && work_reserve(work, 1000000, &unlimited)) {
        reservation_terms(work, &unlimited);
        say_no_room(work, &unlimited);
    } else if (!is_found) {
        reservation_terms(work, &unlimited);
        say_unschedulable(work, &unlimited);
    }
    if (!is_found) {
        plan->is_admitted = !is_promised;
        return;
    }
    work_bounds(work, &reservation);
    reservation_terms(work, &reservation);
    say_binding(work, &reservation);
    if (!is_promised)
        return;
    plan->budget_ns = reservation.budget_ns;
    plan->period_ns = plan->deadline_ns = reservation.period_ns;
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
    gather_sinks(work);
    work_costs(work);
    work_offsets(work);
    work_tasks(work);
    choose_class(work);
    r = plan_pools(work, err);
    if (r == 0)
        r = check_mean(work);
    machine_terms(work);
    task_terms(work);
    if (r == 0)
        r = check_mean_deadline(work);
    if (r != 0) {
        sink_terms(work);
        return r;
    }
    if (!work->picture->is_live)
        (void)tt_format_text(work->plan->binding, sizeof(work->plan->binding),
                             "nothing binds: the service runs as fast as it can");
    else if (!is_all_known(work, &samples, &segment) || !has_lasting(work))
        (void)tt_format_text(work->plan->binding, sizeof(work->plan->binding),
                             "unknown: what `%.40s` costs is not measured yet",
                             work->picture->segment_count ? work->picture->segments[segment].name
                                                          : "");
    else
        reserve(work);
    sink_terms(work);
    return 0;
}

int tt_plan_make(const struct tt_picture *picture, const struct tt_cost *costs,
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

void tt_plan_close(struct tt_plan **plan)
{
    if (!*plan)
        return;
    free((*plan)->sinks);
    free((*plan)->due_offset_ns);
    free((*plan)->fire_offset_ns);
    free((*plan)->budget_of_ns);
    free((*plan)->terms);
    free(*plan);
    *plan = NULL;
}
