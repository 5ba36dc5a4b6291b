/* The engine's world on a thread of the simulated machine keeps the contract of every world. */
#include "platform/sim/world.h"

#include "check.h"
#include "contract.h"

struct seat { /* of the world that the contract has open */
    struct tt_machine *machine;
    struct tt_thread *thread;
    struct tt_world *world;
};

static struct seat seat;

static void open_world(struct contract_world *world, uint32_t record_slots,
                       void (*on_budget)(void *argument), void *argument)
{
    struct tt_world_params params = {.machine = seat.machine,
                                     .record_slots = record_slots,
                                     .on_budget = on_budget,
                                     .ctx = argument};

    seat.world = tt_world_open(&params);
    CHECK(seat.world != NULL);
    tt_world_seat(seat.world, seat.thread);
    world->own = seat.world;
    world->port = tt_world_port(seat.world);
}

static void close_world(struct contract_world *world)
{
    tt_thread_disarm(seat.thread);
    tt_world_close(&seat.world);
    CHECK(seat.world == NULL);
    world->own = NULL;
}

static void ring(void *ctx)
{
    tt_world_bell(ctx);
}

static void ring_later(struct contract_world *world, int64_t delay_ns)
{
    tt_machine_at(seat.machine, tt_machine_now(seat.machine) + delay_ns, ring, world->own);
}

static bool take_record(struct contract_world *world, struct tt_record *ret)
{
    return tt_world_take_record(world->own, ret);
}

static void spend(struct contract_world *world, int64_t time_ns)
{
    (void)world;
    tt_thread_spend(seat.thread, time_ns);
}

/* Others run while this one sleeps. */
static void join_workers(struct contract_world *world)
{
    (void)world;
    tt_thread_sleep(seat.thread, tt_machine_now(seat.machine) + 1000000000);
}

static void run(void *ctx)
{
    static const struct contract_factory factory = {.name = "machine",
                                                    .open = open_world,
                                                    .close = close_world,
                                                    .ring_later = ring_later,
                                                    .take_record = take_record,
                                                    .spend = spend,
                                                    .join_workers = join_workers};

    contract_run(&factory);
    *(bool *)ctx = true;
}

int main(void)
{
    const struct tt_machine_params params = {
        .seed = 1, .start_ns = 1000, .cpu_count = 2, .wake_max_ns = 100000, .limit_ppm = 1000000};
    bool is_through = false;

    seat.machine = tt_machine_open(&params);
    CHECK(seat.machine != NULL);
    seat.thread = tt_thread_spawn(seat.machine, run, &is_through);
    tt_machine_run(seat.machine, (int64_t)3600 * 1000000000);
    tt_machine_check(seat.machine);
    CHECK(is_through);
    tt_machine_close(&seat.machine);
    return 0;
}
