/* The engine's world on Linux. Nothing between wait() and path() makes a system call but the sleep
 * itself, the wake-up of a peer that sleeps, and the budget timer when it must fire earlier. */
#include "platform/linux/port.h"

#include <dlfcn.h>
#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/assert.h"
#include "platform/linux/reserve.h"
#include "platform/linux/room.h"

enum { AWAKE, SLEEPS, SLEEPS_FOR_ROOM };

struct bell {
    _Alignas(TT_BELL_BYTES) uint32_t count;
    uint32_t sleeper; /* a hint: one that was killed leaves it set, which costs a call */
};

_Static_assert(sizeof(struct bell) == TT_BELL_BYTES, "a bell is one cache line");

/* The guard of the tests, when it is linked in or preloaded. */
extern void tt_guard_path(bool is_inside) __attribute__((weak));
static void (*guard_path)(bool is_inside);

static struct bell *bell_at(const struct tt_bells *bells, uint32_t number)
{
    return number < bells->count ? (struct bell *)bells->memory + number : NULL;
}

/* Counted before it is looked who sleeps: who goes to sleep does both the other way round, so one
 * of the two sees the other. */
static void ring_for(const struct tt_bells *bells, uint32_t number, uint32_t sleeper_least)
{
    struct bell *bell = bell_at(bells, number);

    if (!bell)
        return;
    __atomic_add_fetch(&bell->count, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&bell->sleeper, __ATOMIC_SEQ_CST) >= sleeper_least)
        (void)syscall(SYS_futex, &bell->count, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

void tt_bell_ring(const struct tt_bells *bells, uint32_t number)
{
    ring_for(bells, number, SLEEPS);
}

void tt_bell_tell_room(const struct tt_bells *bells, uint32_t number)
{
    ring_for(bells, number, SLEEPS_FOR_ROOM);
}

uint32_t tt_bell_count(const struct tt_bells *bells, uint32_t number)
{
    struct bell *bell = bell_at(bells, number);

    return bell ? __atomic_load_n(&bell->count, __ATOMIC_ACQUIRE) : 0;
}

uint32_t tt_bell_wait(const struct tt_bells *bells, uint32_t number, uint32_t seen,
                      int64_t until_ns, bool is_for_room)
{
    struct bell *bell = bell_at(bells, number);
    struct timespec until = {until_ns / 1000000000, until_ns % 1000000000};

    tt_assert(bell);
    if (until_ns < 0)
        until = (struct timespec){0, 0};
    __atomic_store_n(&bell->sleeper, is_for_room ? SLEEPS_FOR_ROOM : SLEEPS, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&bell->count, __ATOMIC_SEQ_CST) == seen)
        (void)syscall(SYS_futex, &bell->count, FUTEX_WAIT_BITSET, seen,
                      until_ns == INT64_MAX ? NULL : &until, NULL, FUTEX_BITSET_MATCH_ANY);
    __atomic_store_n(&bell->sleeper, AWAKE, __ATOMIC_SEQ_CST);
    return __atomic_load_n(&bell->count, __ATOMIC_ACQUIRE);
}

static int64_t clock_ns(clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t tt_linux_now(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

static int64_t port_now(void *world)
{
    return clock_ns(CLOCK_MONOTONIC);
}

static int64_t port_cpu_now(void *world)
{
    return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

static uint32_t port_wait(void *ctx, uint32_t seen, int64_t until_ns, bool is_for_room)
{
    const struct tt_linux *world = ctx;

    return tt_bell_wait(&world->params.bells, world->params.number, seen, until_ns, is_for_room);
}

static uint32_t port_bell(void *ctx)
{
    const struct tt_linux *world = ctx;

    return tt_bell_count(&world->params.bells, world->params.number);
}

static void port_ring(void *ctx, uint32_t peer)
{
    const struct tt_linux *world = ctx;

    tt_bell_ring(&world->params.bells, peer);
}

/* Of the threads of a world the one that calls; NULL: it is none of them. */
static _Thread_local struct tt_linux_thread *self;

static void set_timer(struct tt_linux_thread *thread, int64_t until_ns)
{
    struct itimerspec when = {.it_value = {until_ns / 1000000000, until_ns % 1000000000}};

    (void)timer_settime(thread->timer, TIMER_ABSTIME, &when, NULL);
}

/* Its signal may have been on its way when it was moved. */
static void on_timer(int signal, siginfo_t *info, void *context)
{
    struct tt_linux_thread *thread = info->si_value.sival_ptr;
    const struct tt_linux_params *params = &thread->world->params;
    int64_t until_ns = thread->watched_until_ns;
    int kept_errno = errno;

    thread->timer_until_ns = 0;
    if (until_ns != 0 && clock_ns(CLOCK_MONOTONIC) < until_ns) {
        thread->timer_until_ns = until_ns;
        set_timer(thread, until_ns);
    } else if (until_ns != 0) {
        thread->watched_until_ns = 0;
        thread->context = context;
        if (params->on_budget)
            params->on_budget(params->on_budget_ctx);
    }
    errno = kept_errno;
}

static void port_arm(void *world, int64_t until_ns)
{
    tt_assert(until_ns > 0);
    if (!self || self->world != world || !self->has_timer)
        return;
    self->watched_until_ns = until_ns;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (self->timer_until_ns == until_ns)
        return;
    self->timer_until_ns = until_ns;
    set_timer(self, until_ns);
}

static void port_disarm(void *world)
{
    if (!self || self->world != world)
        return;
    self->watched_until_ns = 0;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (self->timer_until_ns == 0)
        return;
    self->timer_until_ns = 0;
    set_timer(self, 0); /* or it would wake the worker in its sleep */
}

static bool port_end_call(void *ctx, const struct tt_component *component, bool is_due)
{
    const struct tt_linux *world = ctx;

    return world->params.end_call && self && self->world == world &&
           world->params.end_call(self->context, component, is_due);
}

static void wait_change(const uint32_t *word, uint32_t seen)
{
    (void)syscall(SYS_futex, word, FUTEX_WAIT, seen, NULL, NULL, 0);
}

static void ring_tactusd(const struct tt_linux *world)
{
    uint64_t one = 1;

    (void)syscall(SYS_write, world->params.handoff_bell, &one, sizeof one);
}

/* Only a thread itself may leave DEADLINE, and not with its budget used up: the kernel would
 * remember it as throttled until its 0-lag time, and not let it run if it had a reservation again
 * before that (forgotten.h). So it sleeps until the deadline that it had has passed, and wakes with
 * a fresh budget; where that fails all the same, tactusd sees it before it is the worker again. */
static void step_back(const struct tt_linux *world, uint32_t turn)
{
    struct tt_handoff *page = world->params.handoff;
    int64_t until_ns = clock_ns(CLOCK_MONOTONIC) + page->pause_ns;
    struct timespec until = {until_ns / 1000000000, until_ns % 1000000000};

    if (page->pause_ns > 0)
        while (syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) != 0 &&
               clock_ns(CLOCK_MONOTONIC) < until_ns)
            ;
    (void)tt_reserve_leave(NULL);
    __atomic_store_n(&page->gone, turn, __ATOMIC_RELEASE);
    ring_tactusd(world);
}

/* In the signal handler, on the thread that overran. It sleeps until tactusd has answered, so that
 * its CPU is free for that; without tactusd the kernel ends this process. */
static bool port_hand_over(void *ctx)
{
    struct tt_linux *world = ctx;
    struct tt_handoff *page = world->params.handoff;
    uint32_t asked, answered, turn;

    if (!page || !self || self->world != world)
        return false;
    asked = __atomic_add_fetch(&page->asked, 1, __ATOMIC_ACQ_REL);
    ring_tactusd(world);
    while ((int32_t)((answered = __atomic_load_n(&page->answered, __ATOMIC_ACQUIRE)) - asked) < 0)
        wait_change(&page->answered, answered);
    turn = __atomic_load_n(&page->turn, __ATOMIC_ACQUIRE);
    if ((turn & 1) == self->number)
        return false;
    self->watched_until_ns = 0;
    step_back(world, turn);
    return true;
}

/* Out of any class: tactusd gives a fresh reservation to a thread that sleeps without one. */
static bool port_stand_by(void *ctx)
{
    struct tt_linux *world = ctx;
    struct tt_handoff *page = world->params.handoff;
    uint32_t turn;

    if (!page || !self || self->world != world)
        return false;
    port_disarm(world);
    if (tt_reserve_get(0, NULL, NULL) != SCHED_OTHER)
        (void)tt_reserve_leave(NULL);
    (void)__atomic_add_fetch(&page->home, 1, __ATOMIC_RELEASE);
    ring_tactusd(world);
    tt_bell_ring(&world->params.bells, world->params.number);
    while (!__atomic_load_n(&world->is_over, __ATOMIC_ACQUIRE)) {
        turn = __atomic_load_n(&page->turn, __ATOMIC_ACQUIRE);
        if ((turn & 1) == self->number)
            return true;
        wait_change(&page->turn, turn);
    }
    return false;
}

static uint64_t port_sleeps(void *world)
{
    struct rusage usage = {0};

    (void)getrusage(RUSAGE_THREAD, &usage);
    return (uint64_t)usage.ru_nvcsw;
}

static void *port_map(void *world, uint64_t bytes)
{
    return tt_room_take(bytes);
}

static bool port_record_out(void *ctx, const struct tt_record *record)
{
    struct tt_linux *world = ctx;

    return world->params.records && tt_ring_put(&world->records, record);
}

static int timer_signal(void)
{
    return SIGRTMIN + 1;
}

static int make_timer(struct tt_linux_thread *thread)
{
    struct sigaction action = {.sa_sigaction = on_timer,
                               .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = timer_signal()};
    sigset_t wanted;

    event.sigev_value.sival_ptr = thread;
    event._sigev_un._tid = gettid();
    if (sigaction(timer_signal(), &action, NULL) < 0 ||
        timer_create(CLOCK_MONOTONIC, &event, &thread->timer) < 0)
        return -errno;
    thread->has_timer = true;
    sigemptyset(&wanted);
    sigaddset(&wanted, timer_signal());
    return -pthread_sigmask(SIG_UNBLOCK, &wanted, NULL);
}

/* The thread sanitizer keeps what it knows of a thread in the memory of its stack. */
#ifdef __SANITIZE_THREAD__
enum { SANITIZER_BYTES = 8 << 20 };
#else
enum { SANITIZER_BYTES = 0 };
#endif

enum { GUARD_BYTES = 1 << 20 };

/* Page faults belong before the reservation. The volatile writes keep the compiler from dropping
 * them; a quarter is left to the frames that are on the stack already. */
static __attribute__((noinline)) void touch_stack(void)
{
    volatile char room[TT_WORKER_STACK_BYTES * 3 / 4];

    for (size_t n = 0; n < sizeof room; n += 1024)
        room[n] = 0;
}

static int prepare(struct tt_linux_thread *thread)
{
    self = thread;
    (void)prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
    touch_stack();
    return make_timer(thread);
}

int tt_linux_prepare_worker(struct tt_linux *world)
{
    world->threads[0].world = world;
    return prepare(&world->threads[0]);
}

static void *run_thread(void *ctx)
{
    struct tt_linux_thread *thread = ctx;

    (void)prctl(PR_SET_NAME, thread->number == 0 ? "worker" : "standby", 0, 0, 0);
    if (prepare(thread) < 0)
        thread->has_timer = false; /* budgets are then seen by the watchdog only */
    __atomic_store_n(&thread->tid, gettid(), __ATOMIC_RELEASE);
    (void)syscall(SYS_futex, &thread->tid, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    thread->entry(thread->argument);
    return NULL;
}

static void *ready_stack; /* with a guard below it, as the others have */

enum { STACK_BYTES = TT_WORKER_STACK_BYTES + SANITIZER_BYTES };

void tt_linux_make_stack(void)
{
    char *memory = mmap(NULL, GUARD_BYTES + STACK_BYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED || mprotect(memory, GUARD_BYTES, PROT_NONE) < 0)
        return;
    ready_stack = memory + GUARD_BYTES;
    (void)madvise((char *)ready_stack + STACK_BYTES / 4, STACK_BYTES - STACK_BYTES / 4,
                  MADV_POPULATE_WRITE);
}

static void give_stack(pthread_attr_t *attributes)
{
    if (!ready_stack || pthread_attr_setstack(attributes, ready_stack, STACK_BYTES) != 0)
        (void)pthread_attr_setstacksize(attributes, STACK_BYTES);
    ready_stack = NULL;
}

/* Returns when the thread is ready: its stack is touched and its timer exists. */
static int spawn(struct tt_linux *world, uint32_t number, void (*entry)(void *argument),
                 void *argument)
{
    struct tt_linux_thread *thread = &world->threads[number];
    pthread_attr_t attributes;
    sigset_t all, before;
    int r;

    if (thread->is_there)
        return -EBUSY;
    thread->world = world;
    thread->number = number;
    thread->entry = entry;
    thread->argument = argument;
    sigfillset(&all);
    (void)pthread_attr_init(&attributes);
    give_stack(&attributes);
    (void)pthread_attr_setguardsize(&attributes, GUARD_BYTES); /* for who steps over one page */
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    r = pthread_create(&thread->thread, &attributes, run_thread, thread);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attributes);
    if (r != 0)
        return -r;
    thread->is_there = true;
    while (__atomic_load_n(&thread->tid, __ATOMIC_ACQUIRE) == 0)
        (void)syscall(SYS_futex, &thread->tid, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
    return 0;
}

static int port_spawn_worker(void *world, void (*entry)(void *argument), void *argument)
{
    return spawn(world, 0, entry, argument);
}

int tt_linux_spawn_standby(struct tt_linux *world, void (*entry)(void *argument), void *argument)
{
    return spawn(world, 1, entry, argument);
}

static int port_set_reservation(void *world, int64_t budget_ns, int64_t period_ns)
{
    return tt_reserve_deadline(0, budget_ns, period_ns, NULL);
}

static void port_path(void *world, bool is_inside)
{
    if (guard_path)
        guard_path(is_inside);
}

static const struct tt_port_ops port_ops = {
    .now = port_now,
    .cpu_now = port_cpu_now,
    .wait = port_wait,
    .bell = port_bell,
    .ring = port_ring,
    .arm = port_arm,
    .disarm = port_disarm,
    .map = port_map,
    .record_out = port_record_out,
    .spawn_worker = port_spawn_worker,
    .set_reservation = port_set_reservation,
    .hand_over = port_hand_over,
    .end_call = port_end_call,
    .stand_by = port_stand_by,
    .sleeps = port_sleeps,
    .path = port_path,
};

struct tt_port_world tt_linux_port(struct tt_linux *world)
{
    return (struct tt_port_world){.ops = &port_ops, .world = world};
}

/* A preloaded guard is found by name: the linker may have settled the weak symbol as absent. */
void tt_linux_look(void)
{
    static bool has_looked;
    void *found = NULL;

    if (has_looked)
        return;
    has_looked = true;
    guard_path = tt_guard_path;
    if (guard_path)
        return;
    found = dlsym(RTLD_DEFAULT, "tt_guard_path");
    memcpy(&guard_path, &found, sizeof found);
}

int tt_linux_init(struct tt_linux *world, const struct tt_linux_params *params,
                  struct tt_error *err)
{
    memset(world, 0, sizeof *world);
    return tt_linux_settle(world, params, err);
}

int tt_linux_settle(struct tt_linux *world, const struct tt_linux_params *params,
                    struct tt_error *err)
{
    world->params = *params;
    tt_linux_look();
    if (!params->bells.memory) {
        world->own.count = params->number + 1;
        world->own.memory = mmap(NULL, world->own.count * (size_t)TT_BELL_BYTES,
                                 PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (world->own.memory == MAP_FAILED)
            return tt_fail(err, -ENOMEM, "no memory for a doorbell");
        world->params.bells = world->own;
    }
    if (params->number >= world->params.bells.count)
        return tt_fail(err, -EINVAL, "process %u has no doorbell, there are %u", params->number,
                       world->params.bells.count);
    if (params->records)
        tt_ring_producer(&world->records, params->records, sizeof(struct tt_record),
                         params->record_slots);
    return 0;
}

void tt_linux_join(struct tt_linux *world)
{
    struct tt_handoff *page = world->params.handoff;

    __atomic_store_n(&world->is_over, 1, __ATOMIC_RELEASE);
    for (uint32_t n = 0; n < 2; n++) {
        struct tt_linux_thread *thread = &world->threads[n];

        /* It may be about to sleep. */
        while (page && thread->is_there && pthread_tryjoin_np(thread->thread, NULL) == EBUSY) {
            (void)syscall(SYS_futex, &page->turn, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
            (void)usleep(1000);
        }
        if (!page && thread->is_there)
            (void)pthread_join(thread->thread, NULL);
        thread->is_there = false;
    }
}

void tt_linux_fini(struct tt_linux *world)
{
    tt_linux_join(world);
    for (uint32_t n = 0; n < 2; n++)
        if (world->threads[n].has_timer)
            (void)timer_delete(world->threads[n].timer);
    if (world->own.memory)
        (void)munmap(world->own.memory, world->own.count * (size_t)TT_BELL_BYTES);
    memset(world, 0, sizeof *world);
}
