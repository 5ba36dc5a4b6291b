/* The engine's world on Linux. Nothing between wait() and path() makes a system call but the sleep
 * itself, the wake-up of a peer that sleeps, and the budget timer when it must fire earlier. */
#include "platform/linux/port.h"

#include <dlfcn.h>
#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/assert.h"
#include "platform/linux/reserve.h"

struct bell {
    _Alignas(TT_BELL_BYTES) uint32_t count;
    uint32_t is_awaited; /* a hint: a sleeper that was killed leaves it set, which costs a call */
};

_Static_assert(sizeof(struct bell) == TT_BELL_BYTES, "a bell is one cache line");

/* The guard of the tests, when it is linked in or preloaded. */
extern void tt_guard_path(bool is_inside) __attribute__((weak));
static void (*guard_path)(bool is_inside);

static struct bell *bell_at(const struct tt_bells *bells, uint32_t number)
{
    return number < bells->count ? (struct bell *)bells->memory + number : NULL;
}

void tt_bell_ring(const struct tt_bells *bells, uint32_t number)
{
    struct bell *bell = bell_at(bells, number);

    if (!bell)
        return;
    __atomic_add_fetch(&bell->count, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&bell->is_awaited, __ATOMIC_SEQ_CST))
        (void)syscall(SYS_futex, &bell->count, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

uint32_t tt_bell_count(const struct tt_bells *bells, uint32_t number)
{
    struct bell *bell = bell_at(bells, number);

    return bell ? __atomic_load_n(&bell->count, __ATOMIC_ACQUIRE) : 0;
}

uint32_t tt_bell_wait(const struct tt_bells *bells, uint32_t number, uint32_t seen,
                      int64_t until_ns)
{
    struct bell *bell = bell_at(bells, number);
    struct timespec until = {until_ns / 1000000000, until_ns % 1000000000};

    tt_assert(bell);
    if (until_ns < 0)
        until = (struct timespec){0, 0};
    __atomic_store_n(&bell->is_awaited, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&bell->count, __ATOMIC_SEQ_CST) == seen)
        (void)syscall(SYS_futex, &bell->count, FUTEX_WAIT_BITSET, seen,
                      until_ns == INT64_MAX ? NULL : &until, NULL, FUTEX_BITSET_MATCH_ANY);
    __atomic_store_n(&bell->is_awaited, 0, __ATOMIC_SEQ_CST);
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

static uint32_t port_wait(void *ctx, uint32_t seen, int64_t until_ns)
{
    const struct tt_linux *world = ctx;

    return tt_bell_wait(&world->params.bells, world->params.number, seen, until_ns);
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

static void set_timer(struct tt_linux *world, int64_t until_ns)
{
    struct itimerspec when = {.it_value = {until_ns / 1000000000, until_ns % 1000000000}};

    (void)timer_settime(world->timer, TIMER_ABSTIME, &when, NULL);
}

/* The timer may stand earlier than the activation that runs now: then it is moved, once. So a busy
 * worker sets it once a period and not once an activation. */
static void on_timer(int signal, siginfo_t *info, void *context)
{
    struct tt_linux *world = info->si_value.sival_ptr;
    int64_t until_ns = world->watched_until_ns;
    int kept_errno = errno;

    world->timer_until_ns = 0;
    if (until_ns != 0 && clock_ns(CLOCK_MONOTONIC) < until_ns) {
        world->timer_until_ns = until_ns;
        set_timer(world, until_ns);
    } else if (until_ns != 0) {
        world->watched_until_ns = 0;
        if (world->params.on_budget)
            world->params.on_budget(world->params.on_budget_ctx);
    }
    errno = kept_errno;
}

static void port_arm(void *ctx, int64_t until_ns)
{
    struct tt_linux *world = ctx;

    tt_assert(until_ns > 0);
    if (!world->has_timer)
        return;
    world->watched_until_ns = until_ns;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (world->timer_until_ns != 0 && world->timer_until_ns <= until_ns)
        return;
    world->timer_until_ns = until_ns;
    set_timer(world, until_ns);
}

static void port_disarm(void *ctx)
{
    struct tt_linux *world = ctx;

    world->watched_until_ns = 0;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (world->timer_until_ns == 0)
        return;
    world->timer_until_ns = 0;
    set_timer(world, 0); /* or it would wake the worker in its sleep */
}

static void *port_map(void *world, uint64_t bytes)
{
    void *memory;

    if (bytes == 0 || bytes > (uint64_t)1 << 40)
        return NULL;
    memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE,
                  -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
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

static int make_timer(struct tt_linux *world)
{
    struct sigaction action = {.sa_sigaction = on_timer, .sa_flags = SA_SIGINFO | SA_RESTART};
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = timer_signal()};
    sigset_t wanted;

    event.sigev_value.sival_ptr = world;
    event._sigev_un._tid = gettid();
    if (sigaction(timer_signal(), &action, NULL) < 0 ||
        timer_create(CLOCK_MONOTONIC, &event, &world->timer) < 0)
        return -errno;
    world->has_timer = true;
    sigemptyset(&wanted);
    sigaddset(&wanted, timer_signal());
    return -pthread_sigmask(SIG_UNBLOCK, &wanted, NULL);
}

/* Page faults belong before the reservation. The volatile writes keep the compiler from dropping
 * them; a quarter is left to the frames that are on the stack already. */
static __attribute__((noinline)) void touch_stack(void)
{
    volatile char room[TT_WORKER_STACK_BYTES * 3 / 4];

    for (size_t n = 0; n < sizeof room; n += 1024)
        room[n] = 0;
}

int tt_linux_prepare_worker(struct tt_linux *world)
{
    (void)prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
    touch_stack();
    return make_timer(world);
}

static void *run_worker(void *ctx)
{
    struct tt_linux *world = ctx;

    (void)prctl(PR_SET_NAME, "worker", 0, 0, 0);
    if (tt_linux_prepare_worker(world) < 0)
        world->has_timer = false; /* budgets are then seen by the watchdog only */
    __atomic_store_n(&world->worker_tid, gettid(), __ATOMIC_RELEASE);
    (void)syscall(SYS_futex, &world->worker_tid, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    world->entry(world->argument);
    return NULL;
}

/* Returns when the thread is ready: its stack is touched and its timer exists. */
static int port_spawn_worker(void *ctx, void (*entry)(void *argument), void *argument)
{
    struct tt_linux *world = ctx;
    pthread_attr_t attributes;
    sigset_t all, before;
    int r;

    if (world->has_worker)
        return -EBUSY;
    world->entry = entry;
    world->argument = argument;
    sigfillset(&all);
    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setstacksize(&attributes, TT_WORKER_STACK_BYTES);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    r = pthread_create(&world->worker, &attributes, run_worker, world);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attributes);
    if (r != 0)
        return -r;
    world->has_worker = true;
    while (__atomic_load_n(&world->worker_tid, __ATOMIC_ACQUIRE) == 0)
        (void)syscall(SYS_futex, &world->worker_tid, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
    return 0;
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
    .path = port_path,
};

struct tt_port_world tt_linux_port(struct tt_linux *world)
{
    return (struct tt_port_world){.ops = &port_ops, .world = world};
}

/* A preloaded guard is found by name: the linker may have settled the weak symbol as absent. */
static void find_guard(void)
{
    void *found = NULL;

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
    world->params = *params;
    find_guard();
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
    if (world->has_worker)
        (void)pthread_join(world->worker, NULL);
    world->has_worker = false;
}

void tt_linux_fini(struct tt_linux *world)
{
    tt_linux_join(world);
    if (world->has_timer)
        (void)timer_delete(world->timer);
    if (world->own.memory)
        (void)munmap(world->own.memory, world->own.count * (size_t)TT_BELL_BYTES);
    memset(world, 0, sizeof *world);
}
