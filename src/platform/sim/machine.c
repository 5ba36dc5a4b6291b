/* A machine in virtual time: its clock, its threads' turns, its timers. What the scheduler decides
 * is in schedule.c. */
#include "platform/sim/machine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "platform/sim/inside.h"

enum { STACK_BYTES = 256 * 1024 };

struct tt_machine *tt_machine_open(const struct tt_machine_params *params)
{
    struct tt_machine *machine = calloc(1, sizeof(*machine));

    tt_assert(params->cpu_count >= 1);
    tt_assert(params->cpu_count <= TT_MACHINE_CPUS_MAX);
    if (machine == NULL)
        return NULL;
    machine->params = *params;
    machine->now_ns = machine->accounted_ns = params->start_ns;
    machine->random = params->seed;
    machine->hash = 0xcbf29ce484222325u;
    for (uint32_t n = 0; params->tick_ns > 0 && n < params->cpu_count; n++)
        machine->cpus[n].tick_phase_ns =
            (int64_t)(tt_machine_random(machine) % (uint64_t)params->tick_ns);
    return machine;
}

void tt_machine_close(struct tt_machine **machine)
{
    if (*machine == NULL)
        return;
    for (uint32_t n = 0; n < TT_MACHINE_THREADS_MAX; n++)
        free((*machine)->threads[n].stack);
    free((*machine)->timers);
    free(*machine);
    *machine = NULL;
}

int64_t tt_machine_now(const struct tt_machine *machine)
{
    return machine->now_ns;
}

/* A multiply-and-shift generator: small, and the same everywhere. */
uint64_t tt_machine_random(struct tt_machine *machine)
{
    uint64_t z = machine->random += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void mix(struct tt_machine *machine, uint64_t word)
{
    machine->hash = (machine->hash ^ word) * 0x9e3779b97f4a7c15u;
    machine->hash ^= machine->hash >> 29;
}

void tt_machine_note(struct tt_machine *machine, const void *data, uint32_t bytes)
{
    const uint8_t *at = data;

    for (; bytes > 0; at += 8, bytes -= bytes < 8 ? bytes : 8) {
        uint64_t word = 0;

        memcpy(&word, at, bytes < 8 ? bytes : 8);
        mix(machine, word);
    }
}

uint64_t tt_machine_hash(const struct tt_machine *machine)
{
    return machine->hash;
}

static void foresee(struct tt_machine *machine, int64_t at_ns)
{
    if (at_ns < machine->horizon_ns)
        machine->horizon_ns = at_ns;
}

static bool is_before(const struct timer *a, const struct timer *b)
{
    return a->at_ns < b->at_ns || (a->at_ns == b->at_ns && a->number < b->number);
}

static void swap_timers(struct timer *a, struct timer *b)
{
    struct timer kept = *a;

    *a = *b;
    *b = kept;
}

void tt_machine_at(struct tt_machine *machine, int64_t at_ns, void (*fn)(void *ctx), void *ctx)
{
    uint32_t at;

    if (machine->timer_count == machine->timer_room) {
        uint32_t room = machine->timer_room > 0 ? 2 * machine->timer_room : 64;
        struct timer *timers = realloc(machine->timers, room * sizeof(*timers));

        tt_assert(timers != NULL);
        machine->timers = timers;
        machine->timer_room = room;
    }
    at_ns = at_ns < machine->now_ns ? machine->now_ns : at_ns;
    at = machine->timer_count++;
    machine->timers[at] = (struct timer){at_ns, machine->timer_number++, fn, ctx};
    while (at > 0 && is_before(&machine->timers[at], &machine->timers[(at - 1) / 2])) {
        swap_timers(&machine->timers[at], &machine->timers[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    foresee(machine, at_ns);
}

static struct timer take_timer(struct tt_machine *machine)
{
    struct timer first = machine->timers[0], *timers = machine->timers;
    uint32_t at = 0;

    timers[0] = timers[--machine->timer_count];
    for (;;) {
        uint32_t least = at;

        for (uint32_t child = 2 * at + 1; child <= 2 * at + 2; child++)
            if (child < machine->timer_count && is_before(&timers[child], &timers[least]))
                least = child;
        if (least == at)
            return first;
        swap_timers(&timers[at], &timers[least]);
        at = least;
    }
}

static void run_thread(unsigned low, unsigned high)
{
    struct tt_thread *thread = (struct tt_thread *)((uintptr_t)low | (uintptr_t)high << 32);

    thread->entry(thread->ctx);
    sched_account(thread->machine);
    thread->state = THREAD_ENDED;
    sched_leave(thread->machine, thread);
    (void)swapcontext(&thread->context, &thread->machine->context);
}

static void prepare(struct tt_thread *thread)
{
    uintptr_t address = (uintptr_t)thread;

    (void)getcontext(&thread->context);
    thread->context.uc_stack.ss_sp = thread->stack;
    thread->context.uc_stack.ss_size = STACK_BYTES;
    thread->context.uc_link = &thread->machine->context;
    makecontext(&thread->context, (void (*)(void))run_thread, 2, (unsigned)address,
                (unsigned)(address >> 32));
}

static struct tt_thread *free_thread(struct tt_machine *machine)
{
    for (uint32_t n = 0; n < TT_MACHINE_THREADS_MAX; n++)
        if (machine->threads[n].state == THREAD_NONE)
            return &machine->threads[n];
    return NULL;
}

struct tt_thread *tt_thread_spawn(struct tt_machine *machine, void (*entry)(void *ctx), void *ctx)
{
    struct tt_thread *thread = free_thread(machine);
    void *stack;

    if (thread == NULL)
        return NULL;
    stack = thread->stack != NULL ? thread->stack : malloc(STACK_BYTES);
    if (stack == NULL)
        return NULL;
    *thread = (struct tt_thread){.machine = machine,
                                 .number = (uint32_t)(thread - machine->threads),
                                 .state = THREAD_READY,
                                 .stack = stack,
                                 .entry = entry,
                                 .ctx = ctx,
                                 .cpu = -1,
                                 .put = -1,
                                 .armed_ns = INT64_MAX,
                                 .shared_ns = sched_least_shared(machine)};
    if (thread->number >= machine->thread_count)
        machine->thread_count = thread->number + 1;
    prepare(thread);
    machine->horizon_ns = machine->now_ns;
    return thread;
}

void tt_thread_kill(struct tt_thread **thread)
{
    struct tt_thread *self = *thread;

    if (self == NULL)
        return;
    tt_assert(self->machine->current != self);
    sched_account(self->machine);
    if (self->state != THREAD_ENDED)
        sched_leave(self->machine, self);
    self->state = THREAD_NONE;
    self->machine->horizon_ns = self->machine->now_ns;
    *thread = NULL;
}

bool tt_thread_has_ended(const struct tt_thread *thread)
{
    return thread->state == THREAD_ENDED;
}

struct tt_thread *tt_thread_current(struct tt_machine *machine)
{
    return machine->current;
}

static void give_way(struct tt_thread *thread)
{
    struct tt_machine *machine = thread->machine;

    tt_assert(machine->current == thread);
    (void)swapcontext(&thread->context, &machine->context);
}

/* Where nothing else happens meanwhile the clock just goes on: most calls end here. */
void tt_thread_spend(struct tt_thread *thread, int64_t cpu_ns)
{
    struct tt_machine *machine = thread->machine;

    tt_assert(machine->current == thread);
    tt_assert(cpu_ns >= 0);
    thread->need_ns += cpu_ns;
    if (machine->now_ns + cpu_ns < machine->horizon_ns) {
        machine->now_ns += cpu_ns;
        return;
    }
    give_way(thread);
}

void tt_thread_leave(struct tt_thread *thread)
{
    struct tt_machine *machine = thread->machine;

    tt_assert(machine->current == thread);
    if (thread->budget_ns == 0)
        return;
    sched_account(machine);
    thread->shared_ns = sched_least_shared(machine);
    sched_leave(machine, thread);
    machine->horizon_ns = machine->now_ns; /* somebody else may go first now */
    give_way(thread);
}

void tt_thread_sleep(struct tt_thread *thread, int64_t until_ns)
{
    sched_account(thread->machine);
    tt_assert(thread->need_ns == 0);
    thread->wake_ns = until_ns;
    if (until_ns != INT64_MAX)
        thread->wake_ns = sched_late(thread->machine, until_ns);
    sched_block(thread->machine, thread);
    give_way(thread);
}

void tt_thread_pass_on(struct tt_thread *from, int64_t from_ns, struct tt_thread *to, int64_t to_ns)
{
    struct tt_machine *machine = from->machine;

    tt_assert(machine->current != from);
    tt_assert(to->state == THREAD_ASLEEP);
    sched_account(machine);
    to->budget_ns = from->budget_ns;
    to->period_ns = from->period_ns;
    to->home = from->home;
    to->runtime_ns = to->deadline_ns = 0;
    to->wake_ns = to_ns;
    from->budget_ns = from->period_ns = 0;
    from->is_throttled = false;
    from->wake_ns = from_ns;
    sched_block(machine, from);
    machine->horizon_ns = machine->now_ns;
}

void tt_thread_wake(struct tt_thread *thread)
{
    int64_t at_ns;

    if (thread->state != THREAD_ASLEEP)
        return;
    at_ns = sched_late(thread->machine, thread->machine->now_ns);
    if (at_ns < thread->wake_ns)
        thread->wake_ns = at_ns;
    foresee(thread->machine, thread->wake_ns);
}

void tt_thread_arm(struct tt_thread *thread, int64_t at_ns, void (*fn)(void *ctx), void *ctx)
{
    thread->armed_ns = at_ns;
    thread->on_armed = fn;
    thread->armed_ctx = ctx;
    foresee(thread->machine, at_ns);
}

void tt_thread_disarm(struct tt_thread *thread)
{
    thread->armed_ns = INT64_MAX;
}

/* What it spent since the last step of the machine stands in need_ns until that is accounted. */
int64_t tt_thread_cpu_ns(const struct tt_thread *thread)
{
    const struct tt_machine *machine = thread->machine;

    return thread->cpu_ns +
           (machine->current == thread ? machine->now_ns - machine->accounted_ns : 0);
}

uint64_t tt_thread_throttled_count(const struct tt_thread *thread)
{
    return thread->throttled_count;
}

void tt_machine_take_cpu(struct tt_machine *machine, uint32_t cpu)
{
    sched_account(machine);
    machine->cpus[cpu].taken_count++;
    machine->horizon_ns = machine->now_ns;
}

void tt_machine_give_cpu(struct tt_machine *machine, uint32_t cpu)
{
    sched_account(machine);
    tt_assert(machine->cpus[cpu].taken_count > 0);
    machine->cpus[cpu].taken_count--;
}

/* One thread that has its CPU and nothing left to spend goes on; false: none has. */
static bool continue_one(struct tt_machine *machine, int64_t until_ns)
{
    for (uint32_t n = 0; n < machine->params.cpu_count; n++) {
        struct tt_thread *thread = machine->cpus[n].running;
        uint64_t step[2];

        if (thread == NULL || thread->need_ns > 0 || machine->cpus[n].taken_count > 0)
            continue;
        step[0] = (uint64_t)machine->now_ns;
        step[1] = thread->number << 8 | n;
        tt_machine_note(machine, step, sizeof(step));
        machine->horizon_ns = sched_next(machine, thread);
        foresee(machine, until_ns);
        machine->current = thread;
        (void)swapcontext(&machine->context, &thread->context);
        machine->current = NULL;
        sched_account(machine);
        return true;
    }
    return false;
}

static void fire_armed(struct tt_machine *machine)
{
    for (uint32_t n = 0; n < machine->thread_count; n++) {
        struct tt_thread *thread = &machine->threads[n];

        if (thread->state == THREAD_NONE || thread->armed_ns > machine->now_ns)
            continue;
        thread->armed_ns = INT64_MAX;
        thread->on_armed(thread->armed_ctx);
    }
}

void tt_machine_run(struct tt_machine *machine, int64_t until_ns)
{
    tt_assert(machine->current == NULL);
    for (;;) {
        int64_t next_ns;

        sched_choose(machine);
        if (continue_one(machine, until_ns))
            continue;
        next_ns = sched_next(machine, NULL);
        if (next_ns > until_ns)
            break;
        machine->now_ns = next_ns > machine->now_ns ? next_ns : machine->now_ns;
        sched_account(machine);
        sched_events(machine);
        fire_armed(machine);
        while (machine->timer_count > 0 && machine->timers[0].at_ns <= machine->now_ns) {
            struct timer timer = take_timer(machine);

            timer.fn(timer.ctx);
        }
    }
    machine->now_ns = until_ns > machine->now_ns ? until_ns : machine->now_ns;
    sched_account(machine);
}
