/* The scheduler of the simulated machine: earliest deadline first among reservations, constant
 * bandwidth servers as the kernel has them, a fair share of the rest for who has none. */
#include <errno.h>
#include <stddef.h>

#include "base/assert.h"
#include "platform/sim/inside.h"
#include "tactus/format.h"

enum { BUDGET_LEAST_NS = 1024 };

static bool is_reserved(const struct tt_thread *thread)
{
    return thread->budget_ns > 0;
}

static int64_t share_ppm(int64_t budget_ns, int64_t period_ns)
{
    return tt_muldiv(budget_ns, 1000000, period_ns) + 1;
}

int64_t sched_late(struct tt_machine *machine, int64_t at_ns)
{
    uint64_t most = (uint64_t)machine->params.wake_max_ns;

    at_ns = at_ns > machine->now_ns ? at_ns : machine->now_ns;
    return most == 0 ? at_ns : at_ns + (int64_t)(tt_machine_random(machine) % (most + 1));
}

/* Who comes anew gets no more than those who wait already. */
int64_t sched_least_shared(const struct tt_machine *machine)
{
    int64_t least_ns = INT64_MAX;

    for (uint32_t n = 0; n < machine->thread_count; n++) {
        const struct tt_thread *thread = &machine->threads[n];

        if (thread->state == THREAD_READY && !is_reserved(thread) && thread->shared_ns < least_ns)
            least_ns = thread->shared_ns;
    }
    return least_ns == INT64_MAX ? 0 : least_ns;
}

void sched_account(struct tt_machine *machine)
{
    int64_t spent_ns = machine->now_ns - machine->accounted_ns;

    machine->accounted_ns = machine->now_ns;
    for (uint32_t n = 0; spent_ns > 0 && n < machine->params.cpu_count; n++) {
        struct tt_thread *thread = machine->cpus[n].running;

        if (thread == NULL || machine->cpus[n].taken_count > 0)
            continue;
        thread->need_ns -= spent_ns;
        tt_assert(thread->need_ns >= 0);
        thread->cpu_ns += spent_ns;
        if (is_reserved(thread))
            thread->runtime_ns -= spent_ns;
        else
            thread->shared_ns += spent_ns;
    }
}

static void throttle(struct tt_thread *thread)
{
    thread->is_throttled = true;
    thread->throttled_count++;
}

/* As the kernel's replenish_dl_entity(): a debt is paid in budgets whose deadlines are later. */
static void replenish(struct tt_thread *thread)
{
    thread->is_throttled = false;
    while (thread->runtime_ns <= 0) {
        thread->deadline_ns += thread->period_ns;
        thread->runtime_ns += thread->budget_ns;
    }
    if (thread->runtime_ns > thread->budget_ns)
        thread->runtime_ns = thread->budget_ns;
    if (thread->deadline_ns <= thread->machine->now_ns) {
        thread->deadline_ns = thread->machine->now_ns + thread->period_ns;
        thread->runtime_ns = thread->budget_ns;
    }
}

static void begin_anew(struct tt_thread *thread)
{
    thread->deadline_ns = thread->machine->now_ns + thread->period_ns;
    thread->runtime_ns = thread->budget_ns;
}

/* The wake-up rule: what is left must not exceed its share of the time up to the deadline. */
static void wake_up(struct tt_thread *thread)
{
    int64_t left_ns = thread->deadline_ns - thread->machine->now_ns;

    thread->state = THREAD_READY;
    if (!is_reserved(thread)) {
        int64_t least_ns = sched_least_shared(thread->machine);

        if (thread->shared_ns < least_ns)
            thread->shared_ns = least_ns;
        return;
    }
    if (thread->is_throttled)
        return;
    if (left_ns <= 0 ||
        (__int128)thread->runtime_ns * thread->period_ns > (__int128)left_ns * thread->budget_ns)
        begin_anew(thread);
}

static void take_off(struct tt_machine *machine, struct tt_thread *thread)
{
    if (thread->cpu < 0)
        return;
    machine->cpus[thread->cpu].running = NULL;
    thread->cpu = -1;
    if (is_reserved(thread) && thread->runtime_ns <= 0 && !thread->is_throttled)
        throttle(thread);
}

void sched_block(struct tt_machine *machine, struct tt_thread *thread)
{
    thread->state = THREAD_ASLEEP;
    take_off(machine, thread);
}

static void book_leaver(struct tt_machine *machine, const struct tt_thread *thread)
{
    for (uint32_t n = 0; n < LEAVERS_MAX; n++)
        if (machine->leavers[n].until_ns <= machine->now_ns) {
            machine->leavers[n] =
                (struct leaver){share_ppm(thread->budget_ns, thread->period_ns),
                                thread->deadline_ns < machine->now_ns + thread->period_ns
                                    ? thread->deadline_ns
                                    : machine->now_ns + thread->period_ns,
                                thread->home};
            return;
        }
    tt_assert(!"room for who leaves");
}

void sched_leave(struct tt_machine *machine, struct tt_thread *thread)
{
    if (is_reserved(thread) && thread->deadline_ns > machine->now_ns)
        book_leaver(machine, thread);
    take_off(machine, thread);
    thread->budget_ns = thread->period_ns = 0;
    thread->is_throttled = false;
    thread->armed_ns = INT64_MAX;
}

static int64_t booked_ppm(const struct tt_machine *machine, int32_t home,
                          const struct tt_thread *without)
{
    int64_t sum_ppm = 0;

    for (uint32_t n = 0; n < machine->thread_count; n++) {
        const struct tt_thread *thread = &machine->threads[n];

        if (thread->state != THREAD_NONE && thread != without && is_reserved(thread) &&
            (home < 0 || thread->home == home))
            sum_ppm += share_ppm(thread->budget_ns, thread->period_ns);
    }
    for (uint32_t n = 0; n < LEAVERS_MAX; n++)
        if (machine->leavers[n].until_ns > machine->now_ns &&
            (home < 0 || machine->leavers[n].home == home))
            sum_ppm += machine->leavers[n].ppm;
    return sum_ppm;
}

int64_t tt_machine_booked_ppm(const struct tt_machine *machine)
{
    return booked_ppm(machine, -1, NULL);
}

void tt_thread_put(struct tt_thread *thread, uint32_t cpu)
{
    tt_assert(cpu < thread->machine->params.cpu_count);
    tt_assert(!is_reserved(thread) || thread->home == (int32_t)cpu);
    thread->put = (int32_t)cpu;
}

int tt_thread_reserve(struct tt_thread *thread, int64_t budget_ns, int64_t period_ns)
{
    struct tt_machine *machine = thread->machine;
    int64_t limit_ppm = machine->params.limit_ppm, wanted_ppm;
    uint32_t home = 0;

    if (budget_ns < BUDGET_LEAST_NS || budget_ns > period_ns)
        return -EINVAL;
    wanted_ppm = share_ppm(budget_ns, period_ns);
    if (machine->params.is_partitioned && thread->put >= 0) {
        home = (uint32_t)thread->put;
        if (booked_ppm(machine, thread->put, thread) + wanted_ppm > limit_ppm)
            return -EBUSY;
    } else if (machine->params.is_partitioned) {
        while (home < machine->params.cpu_count &&
               booked_ppm(machine, (int32_t)home, thread) + wanted_ppm > limit_ppm)
            home++;
        if (home == machine->params.cpu_count)
            return -EBUSY;
    } else if (booked_ppm(machine, -1, thread) + wanted_ppm >
               limit_ppm * machine->params.cpu_count) {
        return -EBUSY;
    }
    sched_account(machine);
    take_off(machine, thread);
    thread->home = (int32_t)home;
    thread->budget_ns = budget_ns;
    thread->period_ns = period_ns;
    thread->is_throttled = false;
    begin_anew(thread);
    machine->horizon_ns = machine->now_ns;
    return 0;
}

static bool goes_first(const struct tt_thread *a, const struct tt_thread *b)
{
    if (is_reserved(a) != is_reserved(b))
        return is_reserved(a);
    if (is_reserved(a) && a->deadline_ns != b->deadline_ns)
        return a->deadline_ns < b->deadline_ns;
    if (!is_reserved(a) && a->shared_ns != b->shared_ns)
        return a->shared_ns < b->shared_ns;
    return a->number < b->number;
}

static bool may_run(const struct tt_machine *machine, const struct tt_thread *thread, uint32_t cpu)
{
    return thread->state == THREAD_READY && !thread->is_throttled &&
           (!machine->params.is_partitioned || !is_reserved(thread) ||
            thread->home == (int32_t)cpu);
}

/* Who is first among those that have no CPU yet in this choice and may have this one. */
static struct tt_thread *first_for(struct tt_machine *machine, uint32_t cpu, uint64_t chosen)
{
    struct tt_thread *first = NULL;

    for (uint32_t n = 0; n < machine->thread_count; n++) {
        struct tt_thread *thread = &machine->threads[n];

        if ((chosen >> n & 1) == 0 && may_run(machine, thread, cpu) &&
            (first == NULL || goes_first(thread, first)))
            first = thread;
    }
    return first;
}

/* Who goes on stays where it is; the others take what is left. */
static void choose_anywhere(struct tt_machine *machine, struct tt_thread **wanted)
{
    struct tt_thread *best[TT_MACHINE_CPUS_MAX];
    uint64_t chosen = 0;
    uint32_t count = machine->params.cpu_count, cpu = 0;

    for (uint32_t n = 0; n < count; n++) {
        best[n] = first_for(machine, 0, chosen);
        if (best[n] == NULL)
            continue;
        chosen |= UINT64_C(1) << best[n]->number;
        if (best[n]->cpu >= 0)
            wanted[best[n]->cpu] = best[n];
    }
    for (uint32_t n = 0; n < count; n++) {
        if (best[n] == NULL || best[n]->cpu >= 0)
            continue;
        while (wanted[cpu] != NULL)
            cpu++;
        wanted[cpu] = best[n];
    }
}

static void choose_by_cpu(struct tt_machine *machine, struct tt_thread **wanted)
{
    uint64_t chosen = 0;

    for (uint32_t n = 0; n < machine->params.cpu_count; n++) {
        wanted[n] = first_for(machine, n, chosen);
        if (wanted[n] != NULL)
            chosen |= UINT64_C(1) << wanted[n]->number;
    }
}

void sched_choose(struct tt_machine *machine)
{
    struct tt_thread *wanted[TT_MACHINE_CPUS_MAX] = {NULL};
    uint32_t count = machine->params.cpu_count;

    if (machine->params.is_partitioned)
        choose_by_cpu(machine, wanted);
    else
        choose_anywhere(machine, wanted);
    for (uint32_t n = 0; n < count; n++)
        if (machine->cpus[n].running != NULL && machine->cpus[n].running != wanted[n])
            take_off(machine, machine->cpus[n].running);
    for (uint32_t n = 0; n < count; n++)
        if (wanted[n] != NULL && wanted[n]->cpu < 0 && !wanted[n]->is_throttled) {
            machine->cpus[n].running = wanted[n];
            wanted[n]->cpu = (int32_t)n;
        }
}

static int64_t next_tick(const struct tt_machine *machine, uint32_t cpu, int64_t at_ns)
{
    int64_t tick_ns = machine->params.tick_ns, since_ns;

    if (tick_ns == 0)
        return at_ns;
    since_ns = at_ns - machine->cpus[cpu].tick_phase_ns;
    return machine->cpus[cpu].tick_phase_ns + (since_ns + tick_ns - 1) / tick_ns * tick_ns;
}

enum { SHARE_NS = 4000000 }; /* after which who has no reservation may have to give way */

static int64_t next_of_running(const struct tt_machine *machine, uint32_t cpu,
                               const struct tt_thread *entered)
{
    const struct tt_thread *thread = machine->cpus[cpu].running;
    int64_t next_ns = INT64_MAX, left_ns;

    if (thread == NULL || machine->cpus[cpu].taken_count > 0)
        return INT64_MAX;
    if (thread->need_ns > 0 || thread != entered)
        next_ns = machine->now_ns + thread->need_ns;
    if (is_reserved(thread)) {
        left_ns = thread->runtime_ns > 0 ? thread->runtime_ns : 0;
        left_ns = next_tick(machine, cpu, machine->now_ns + left_ns);
    } else {
        left_ns = machine->now_ns + SHARE_NS;
    }
    return left_ns < next_ns ? left_ns : next_ns;
}

int64_t sched_next(struct tt_machine *machine, const struct tt_thread *entered)
{
    int64_t next_ns = machine->timer_count > 0 ? machine->timers[0].at_ns : INT64_MAX;

    for (uint32_t n = 0; n < machine->thread_count; n++) {
        const struct tt_thread *thread = &machine->threads[n];
        int64_t at_ns = INT64_MAX;

        if (thread->state == THREAD_NONE)
            continue;
        if (thread->state == THREAD_ASLEEP)
            at_ns = thread->wake_ns;
        if (thread->is_throttled && thread->deadline_ns < at_ns)
            at_ns = thread->deadline_ns;
        if (thread->armed_ns < at_ns)
            at_ns = thread->armed_ns;
        next_ns = at_ns < next_ns ? at_ns : next_ns;
    }
    for (uint32_t n = 0; n < machine->params.cpu_count; n++) {
        int64_t at_ns = next_of_running(machine, n, entered);

        next_ns = at_ns < next_ns ? at_ns : next_ns;
    }
    return next_ns;
}

void sched_events(struct tt_machine *machine)
{
    for (uint32_t n = 0; n < machine->params.cpu_count; n++) {
        struct tt_thread *thread = machine->cpus[n].running;

        /* Who is through with what it had to do may go to sleep before it is looked at. */
        if (thread != NULL && is_reserved(thread) && thread->runtime_ns <= 0 &&
            thread->need_ns > 0 && next_tick(machine, n, machine->now_ns) == machine->now_ns)
            take_off(machine, thread);
    }
    for (uint32_t n = 0; n < machine->thread_count; n++) {
        struct tt_thread *thread = &machine->threads[n];

        if (thread->state == THREAD_NONE)
            continue;
        if (thread->is_throttled && thread->deadline_ns <= machine->now_ns)
            replenish(thread);
        if (thread->state == THREAD_ASLEEP && thread->wake_ns <= machine->now_ns)
            wake_up(thread);
    }
}

void tt_machine_check(struct tt_machine *machine)
{
    int64_t limit_ppm = machine->params.limit_ppm;

    tt_assert(machine->current == NULL);
    tt_assert(booked_ppm(machine, -1, NULL) <= limit_ppm * machine->params.cpu_count);
    for (uint32_t n = 0; n < machine->params.cpu_count; n++) {
        const struct tt_thread *thread = machine->cpus[n].running;

        if (machine->params.is_partitioned)
            tt_assert(booked_ppm(machine, (int32_t)n, NULL) <= limit_ppm);
        tt_assert(thread == NULL || thread->cpu == (int32_t)n);
        tt_assert(thread == NULL || thread->state == THREAD_READY);
        tt_assert(thread == NULL || !thread->is_throttled);
    }
    for (uint32_t n = 0; n < machine->thread_count; n++) {
        const struct tt_thread *thread = &machine->threads[n];

        if (thread->state == THREAD_NONE || !is_reserved(thread))
            continue;
        tt_assert(thread->runtime_ns <= thread->budget_ns);
        tt_assert(!thread->is_throttled || thread->runtime_ns <= 0);
    }
}
