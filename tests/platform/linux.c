/* The port's contract against the real clock, futex and timers. */
#include "platform/linux/port.h"

#include <time.h>

#include "check.h"
#include "platform/contract.h"
#include "platform/linux/reserve.h"

enum { SLOTS = 8 };

struct own {
    struct tt_linux world;
    struct tt_ring reader;
    _Alignas(64) uint8_t records[64 * 1024];
    pthread_t ringer;
    bool has_ringer;
    int64_t delay_ns;
};

static void open_world(struct contract_world *world, uint32_t record_slots,
                       void (*on_budget)(void *argument), void *argument)
{
    struct own *own = aligned_alloc(64, (sizeof *own + 63) / 64 * 64);
    struct tt_linux_params params = {
        .record_slots = record_slots, .on_budget = on_budget, .on_budget_ctx = argument};

    CHECK(own != NULL);
    memset(own, 0, sizeof *own);
    CHECK(tt_ring_bytes(sizeof(struct tt_record), record_slots) <= sizeof own->records);
    params.records = own->records;
    CHECK_INT(tt_linux_init(&own->world, &params, NULL), 0);
    CHECK_INT(tt_linux_prepare_worker(&own->world), 0);
    tt_ring_consumer(&own->reader, own->records, sizeof(struct tt_record), record_slots);
    world->port = tt_linux_port(&own->world);
    world->own = own;
}

static void close_world(struct contract_world *world)
{
    struct own *own = world->own;

    if (own->has_ringer)
        (void)pthread_join(own->ringer, NULL);
    tt_linux_fini(&own->world);
    free(own);
    if (tt_reserve_get(0, NULL, NULL) != SCHED_OTHER)
        (void)tt_reserve_leave(NULL);
}

static void *ring(void *ctx)
{
    struct own *own = ctx;
    struct timespec delay = {0, own->delay_ns};

    (void)nanosleep(&delay, NULL);
    tt_bell_ring(&own->world.params.bells, 0);
    return NULL;
}

static void ring_later(struct contract_world *world, int64_t delay_ns)
{
    struct own *own = world->own;

    own->delay_ns = delay_ns;
    CHECK_INT(pthread_create(&own->ringer, NULL, ring, own), 0);
    own->has_ringer = true;
}

static bool take_record(struct contract_world *world, struct tt_record *ret)
{
    struct own *own = world->own;

    return tt_ring_get(&own->reader, ret);
}

static void spend(struct contract_world *world, int64_t time_ns)
{
    int64_t until_ns = tt_linux_now() + time_ns;

    while (tt_linux_now() < until_ns)
        ;
}

static void join_workers(struct contract_world *world)
{
    struct own *own = world->own;

    tt_linux_join(&own->world);
}

/* When the engine has the timer moved, it does not fire for the activation before. */
static void a_moved_timer_watches_the_later_job(void)
{
    struct contract_world world;
    struct own *own;
    int64_t now_ns, later_ns;

    open_world(&world, SLOTS, NULL, NULL);
    own = world.own;
    now_ns = tt_linux_now();
    later_ns = now_ns + 3600000000000; /* which no machine is slow enough to see */
    world.port.ops->arm(world.port.world, now_ns + 5000000);
    world.port.ops->arm(world.port.world, later_ns);
    CHECK_INT(own->world.threads[0].timer_until_ns, later_ns);
    spend(&world, 15000000);
    CHECK_INT(own->world.threads[0].timer_until_ns, later_ns);
    CHECK_INT(own->world.threads[0].watched_until_ns, later_ns);
    now_ns = tt_linux_now();
    world.port.ops->arm(world.port.world, now_ns + 20000000);
    while (own->world.threads[0].watched_until_ns != 0 && tt_linux_now() < now_ns + 30000000000)
        spend(&world, 1000000);
    CHECK_INT(own->world.threads[0].watched_until_ns, 0);
    close_world(&world);
}

/* A timer that is left on would wake an idle worker for nothing, once in each of its periods. */
static void an_idle_worker_is_not_woken(void)
{
    struct contract_world world;
    struct own *own;
    struct itimerspec left;

    open_world(&world, SLOTS, NULL, NULL);
    own = world.own;
    world.port.ops->arm(world.port.world, tt_linux_now() + 3600000000000);
    CHECK_INT(timer_gettime(own->world.threads[0].timer, &left), 0);
    CHECK(left.it_value.tv_sec > 0);
    world.port.ops->disarm(world.port.world);
    CHECK_INT(timer_gettime(own->world.threads[0].timer, &left), 0);
    CHECK(left.it_value.tv_sec == 0 && left.it_value.tv_nsec == 0);
    CHECK_INT(own->world.threads[0].timer_until_ns, 0);
    close_world(&world);
}

static void rings_out_of_range_are_ignored(void)
{
    struct contract_world world;
    struct own *own;

    open_world(&world, SLOTS, NULL, NULL);
    own = world.own;
    world.port.ops->ring(world.port.world, 4711);
    CHECK_INT(tt_bell_count(&own->world.params.bells, 0), 0);
    CHECK_INT(tt_bell_count(&own->world.params.bells, 4711), 0);
    close_world(&world);
}

struct sleeper {
    const struct tt_bells *bells;
    bool is_for_room;
    uint32_t got; /* atomic; the count that it was woken with; 0: it sleeps */
};

static void *sleep_on_it(void *ctx)
{
    struct sleeper *sleeper = ctx;
    uint32_t got = 0;

    while (got == 0)
        got =
            tt_bell_wait(sleeper->bells, 0, 0, tt_linux_now() + 60000000000, sleeper->is_for_room);
    __atomic_store_n(&sleeper->got, got, __ATOMIC_RELEASE);
    return NULL;
}

static bool is_asleep(const struct tt_bells *bells)
{
    return __atomic_load_n((const uint32_t *)bells->memory + 1, __ATOMIC_ACQUIRE) != 0;
}

/* What is counted is never lost: who goes to sleep behind it does not. Returns the count that it
 * was woken with: the first is the room's, the second a ring. */
static uint32_t sleep_through(bool is_for_room)
{
    struct contract_world world;
    struct sleeper sleeper = {.is_for_room = is_for_room};
    struct timespec nap = {0, 10000000};
    const struct tt_bells *bells;
    pthread_t thread;

    open_world(&world, SLOTS, NULL, NULL);
    bells = sleeper.bells = &((struct own *)world.own)->world.params.bells;
    CHECK_INT(pthread_create(&thread, NULL, sleep_on_it, &sleeper), 0);
    while (!is_asleep(bells))
        (void)nanosleep(&nap, NULL);
    (void)nanosleep(&nap, NULL);
    tt_bell_tell_room(bells, 0);
    CHECK_INT(tt_bell_count(bells, 0), 1);
    if (!is_for_room) {
        (void)nanosleep(&nap, NULL);
        tt_bell_ring(bells, 0);
    }
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK_INT(tt_bell_count(bells, 0), is_for_room ? 1 : 2);
    CHECK_INT(tt_bell_wait(bells, 0, 0, 0, is_for_room), is_for_room ? 1 : 2);
    close_world(&world);
    return sleeper.got;
}

/* On a busy machine the sleeper may not be asleep yet when it is told, and then sees the count. */
static void room_wakes_who_waits_for_it(void)
{
    uint32_t slept_on = 0;

    CHECK_INT(sleep_through(true), 1);
    for (uint32_t n = 0; n < 30 && slept_on == 0; n++)
        slept_on += sleep_through(false) == 2;
    CHECK_INT(slept_on, 1);
}

int main(void)
{
    static const struct contract_factory factory = {.name = "linux",
                                                    .open = open_world,
                                                    .close = close_world,
                                                    .ring_later = ring_later,
                                                    .take_record = take_record,
                                                    .spend = spend,
                                                    .join_workers = join_workers};

    RUN(a_moved_timer_watches_the_later_job);
    RUN(an_idle_worker_is_not_woken);
    RUN(rings_out_of_range_are_ignored);
    RUN(room_wakes_who_waits_for_it);
    contract_run(&factory);
    return 0;
}
