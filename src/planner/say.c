/* The arithmetic line by line, and what binds as a sentence. */
#include "planner/partition.h"
#include "planner/tardy.h"
#include "planner/work.h"
#include "tactus/format.h"

int64_t work_share_ppm(int64_t cost_ns, struct tt_rational rate)
{
    __int128 share = (__int128)cost_ns * rate.num / ((__int128)rate.den * 1000);

    return share > INT32_MAX ? INT32_MAX : (int64_t)share;
}

int64_t work_room_ppm(const struct tt_machine *machine)
{
    return machine->limit_ppm - machine->slack_ppm - machine->reserved_ppm;
}

static const char *wake_source(const struct tt_machine *machine)
{
    return machine->is_wake_assumed ? "assumed" : "measured";
}

void work_machine_terms(struct work *work)
{
    const struct tt_machine *machine = work->machine;

    terms_add(&work->terms, "wake-up", "", machine->wake_ns, "ns", wake_source(machine));
    terms_add(&work->terms, "hop", "", machine->hop_ns, "ns", "measured");
    terms_add(&work->terms, "limit", "", machine->limit_ppm, "ppm", "kernel");
    terms_add(&work->terms, "kept free", "", machine->slack_ppm, "ppm", "design");
    terms_add(&work->terms, "reserved by others", "", machine->reserved_ppm, "ppm", "node");
    terms_add(&work->terms, "room", "", work_room_ppm(machine), "ppm", "computed");
}

void work_task_terms(struct work *work)
{
    const struct tt_picture *picture = work->picture;

    for (uint32_t n = 0; n < picture->segment_count; n++) {
        const struct demand_task *task = &work->tasks[n];
        const char *name = picture->segments[n].name;

        if (!work_is_here(work, n))
            continue;
        if (!work_is_lasting(work, n)) {
            terms_add(&work->terms, "demand once", name, task->cost_ns, "ns", "computed");
            continue;
        }
        terms_add(&work->terms, "demand", name, task->cost_ns, "ns", "computed");
        terms_add(&work->terms, "period", name, tt_index_ns(1, task->rate), "ns", "service");
        terms_add(&work->terms, "deadline", name, task->deadline_ns, "ns", "service");
        terms_add(&work->terms, "release jitter", name, task->jitter_ns, "ns", "assumed");
        terms_add(&work->terms, "largest component", name, task->block_ns, "ns", "computed");
        terms_add(&work->terms, "utilisation", name, work_share_ppm(task->cost_ns, task->rate),
                  "ppm", "computed");
    }
}

void work_reservation_terms(struct work *work, const struct reservation *reservation)
{
    const struct demand_point *worst = &reservation->worst;
    const char *source = worst->is_linear ? "linear form" : "exact";
    struct terms *terms = &work->terms;
    const char *worker = work->worker_name ? work->worker_name : "worker";

    terms_add(terms, "lasting demand", worker, demand_share_ppt(&work->set) / 1000000, "ppm",
              "computed");
    terms_add(terms, "least budget", worker, reservation->least_ns, "ns", "computed");
    terms_add(terms, "headroom", worker, reservation->headroom_ns, "ns", "if free");
    terms_add(terms, "overhead", worker, reservation->overhead_ns, "ns", "by releases");
    terms_add(terms, "budget", worker, reservation->budget_ns, "ns", "computed");
    terms_add(terms, "period", worker, reservation->period_ns, "ns", "computed");
    terms_add(terms, "share", worker,
              tt_muldiv(reservation->budget_ns, 1000000, reservation->period_ns), "ppm",
              "computed");
    terms_add(terms, "tardiness", worker, reservation->tardiness_ns, "ns", "global EDF");
    if (worst->is_overload)
        return;
    terms_add(terms, "binding t", work->picture->segments[worst->task].name, worst->t_ns, "ns",
              source);
    terms_add(terms, "dbf", "binding t", worst->demand_ns, "ns", source);
    terms_add(terms, "blocking", "binding t", worst->blocking_ns, "ns", source);
    terms_add(terms, "wake-up", "binding t", work->machine->wake_ns, "ns",
              wake_source(work->machine));
    terms_add(terms, "sbf", "binding t", worst->supply_ns, "ns", source);
    terms_add(terms, "room", "binding t", worst->room_ns, "ns", source);
}

void work_sink_terms(struct work *work)
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
void work_say_unschedulable(struct work *work, const struct reservation *best)
{
    const struct demand_point *worst = &best->worst;
    struct tt_plan *plan = work->plan;
    int64_t needed_ppm = demand_share_ppt(&work->set) / 1000000;

    if (worst->is_overload) {
        (void)tt_format_text(
            plan->binding, sizeof(plan->binding),
            "CPU: at the promised quantile the segments need %s of a CPU and a worker "
            "has %s for them",
            text_percent(needed_ppm).text,
            text_percent(WORKER_MAX_PPM - tt_muldiv(best->overhead_ns, 1000000, best->period_ns))
                .text);
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

/* Of one CPU, what nobody is made late by. */
static int64_t never_late_ppm(const struct work *work, const struct reservation *wanted)
{
    int64_t budget_ns = tardy_budget_ns(work->machine, wanted->period_ns, 1000, wanted->period_ns);

    return tt_muldiv(budget_ns, 1000000, wanted->period_ns);
}

void work_say_no_room(struct work *work, const struct reservation *wanted)
{
    const struct tt_machine *machine = work->machine;
    int64_t wanted_ppm =
        tt_muldiv(wanted->least_ns + wanted->overhead_ns, 1000000, wanted->period_ns);

    if (partition_is_all(machine)) {
        (void)tt_format_text(
            work->plan->binding, sizeof(work->plan->binding),
            "CPU: the service needs %s of one CPU; of %u partitions the emptiest has %s left",
            text_percent(wanted_ppm).text, machine->partition_count,
            text_percent(partition_most_ppm(machine)).text);
        return;
    }
    if (wanted_ppm < work_room_ppm(machine)) {
        (void)tt_format_text(
            work->plan->binding, sizeof(work->plan->binding),
            "CPU: the service needs %s of a CPU and %s beside the others makes none late: all CPUs "
            "serve all of %s (global EDF), and of these each counts with being in time",
            text_percent(wanted_ppm).text, text_percent(never_late_ppm(work, wanted)).text,
            text_percent(machine->reserved_ppm).text);
        return;
    }
    (void)tt_format_text(
        work->plan->binding, sizeof(work->plan->binding),
        "CPU: the service needs %s of a CPU and %s is free (limit %s, kept free %s, "
        "reserved %s)",
        text_percent(wanted_ppm).text, text_percent(work_room_ppm(machine)).text,
        text_percent(machine->limit_ppm).text, text_percent(machine->slack_ppm).text,
        text_percent(machine->reserved_ppm).text);
}

/* Of an admitted service: the deadline or the CPU, whichever has the smaller share left. */
void work_say_binding(struct work *work, const struct reservation *reservation)
{
    struct tt_plan *plan = work->plan;
    const struct tt_plan_sink *sink = &plan->sinks[plan->sink];
    int64_t room = partition_most_ppm(work->machine),
            most = room > WORKER_MAX_PPM ? WORKER_MAX_PPM : room;
    int64_t used = tt_muldiv(reservation->budget_ns, 1000000, reservation->period_ns);
    int64_t cpu_left = most > used ? (most - used) * 1000 / most : 0;
    int64_t time_left =
        sink->deadline_ns > 0 ? tt_muldiv(sink->slack_ns, 1000, sink->deadline_ns) : 0;
    char name[TT_NAME_BYTES * 2] = "";

    tt_picture_sink_name(work->picture, plan->sink, name, sizeof(name));
    if (cpu_left < time_left)
        (void)tt_format_text(plan->binding, sizeof(plan->binding),
                             "CPU: the worker gets %s of one and could have %s",
                             text_percent(used).text, text_percent(most).text);
    else
        (void)tt_format_text(plan->binding, sizeof(plan->binding),
                             "deadline of `%.60s`: %s of %s needed, %s left", name,
                             text_ms(sink->bound_ns).text, text_ms(sink->deadline_ns).text,
                             text_ms(sink->slack_ns).text);
}
