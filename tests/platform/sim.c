/* The simulated world keeps the contract. */
#include "platform/sim/sim.h"

#include "check.h"
#include "contract.h"

static void open_world(struct contract_world *world, uint32_t record_slots,
                       void (*on_budget)(void *argument), void *argument)
{
    struct tt_sim_params params = {.seed = 1,
                                   .start_ns = 1000,
                                   .cost_min_ns = 1000,
                                   .cost_max_ns = 50000,
                                   .jitter_max_ns = 100000,
                                   .record_slots = record_slots,
                                   .on_budget = on_budget,
                                   .argument = argument};

    world->own = tt_sim_open(&params);
    CHECK(world->own != NULL);
    world->port = tt_sim_port(world->own);
}

static void close_world(struct contract_world *world)
{
    struct tt_sim *sim = world->own;

    tt_sim_close(&sim);
    CHECK(sim == NULL);
}

static void ring_later(struct contract_world *world, int64_t delay_ns)
{
    tt_sim_ring_at(world->own, tt_sim_now(world->own) + delay_ns);
}

static bool take_record(struct contract_world *world, struct tt_record *ret)
{
    return tt_sim_take_record(world->own, ret);
}

static void spend(struct contract_world *world, int64_t time_ns)
{
    tt_sim_spend(world->own, time_ns);
}

static void join_workers(struct contract_world *world)
{
    tt_sim_run_workers(world->own);
}

int main(void)
{
    static const struct contract_factory factory = {.name = "sim",
                                                    .open = open_world,
                                                    .close = close_world,
                                                    .ring_later = ring_later,
                                                    .take_record = take_record,
                                                    .spend = spend,
                                                    .join_workers = join_workers};

    contract_run(&factory);
    return 0;
}
