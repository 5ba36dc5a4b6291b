/* The engine's port on a thread of the simulated machine. */
#include "platform/sim/world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/ring.h"
#include "platform/sim/maps.h"

struct tt_world {
    struct tt_world_params params;
    struct tt_thread *thread;
    uint32_t bell;
    struct tt_ring put, get;
    void *records;
    struct sim_maps maps;
};

static int64_t now(void *to)
{
    return tt_machine_now(((struct tt_world *)to)->params.machine);
}

static int64_t cpu_now(void *to)
{
    const struct tt_world *world = to;

    return world->thread != NULL ? tt_thread_cpu_ns(world->thread) : 0;
}

static uint32_t wait_for(void *to, uint32_t seen, int64_t until_ns)
{
    struct tt_world *world = to;

    if (world->bell == seen)
        tt_thread_sleep(world->thread, until_ns);
    return world->bell;
}

static uint32_t bell(void *to)
{
    return ((struct tt_world *)to)->bell;
}

void tt_world_bell(struct tt_world *world)
{
    world->bell++;
    if (world->thread != NULL)
        tt_thread_wake(world->thread);
}

static void ring(void *to, uint32_t peer)
{
    struct tt_world *world = to;

    if (peer == world->params.self)
        tt_world_bell(world);
    else if (world->params.ring != NULL)
        world->params.ring(world->params.ctx, peer);
}

static void on_budget(void *to)
{
    struct tt_world *world = to;

    if (world->params.on_budget != NULL)
        world->params.on_budget(world->params.ctx);
}

static void arm(void *to, int64_t until_ns)
{
    struct tt_world *world = to;

    if (world->thread != NULL)
        tt_thread_arm(world->thread, until_ns, on_budget, world);
}

static void disarm(void *to)
{
    struct tt_world *world = to;

    if (world->thread != NULL)
        tt_thread_disarm(world->thread);
}

static void *map(void *to, uint64_t bytes)
{
    return sim_maps_add(&((struct tt_world *)to)->maps, bytes);
}

static bool record_out(void *to, const struct tt_record *record)
{
    struct tt_world *world = to;

    if (!tt_ring_put(&world->put, record))
        return false;
    tt_machine_note(world->params.machine, record, sizeof(*record));
    return true;
}

/* The host has made the worker; a second one is none of the engine's business yet. */
static int spawn_worker(void *to, void (*entry)(void *argument), void *argument)
{
    struct tt_world *world = to;

    return tt_thread_spawn(world->params.machine, entry, argument) != NULL ? 0 : -EAGAIN;
}

static int set_reservation(void *to, int64_t budget_ns, int64_t period_ns)
{
    struct tt_world *world = to;

    return world->thread != NULL ? tt_thread_reserve(world->thread, budget_ns, period_ns) : -ESRCH;
}

static void path(void *to, bool is_inside)
{
    struct tt_world *world = to;

    if (is_inside && world->thread != NULL && world->params.turn_ns > 0)
        tt_thread_spend(world->thread, world->params.turn_ns);
}

static const struct tt_port_ops ops = {.now = now,
                                       .cpu_now = cpu_now,
                                       .wait = wait_for,
                                       .bell = bell,
                                       .ring = ring,
                                       .arm = arm,
                                       .disarm = disarm,
                                       .map = map,
                                       .record_out = record_out,
                                       .spawn_worker = spawn_worker,
                                       .set_reservation = set_reservation,
                                       .path = path};

struct tt_world *tt_world_open(const struct tt_world_params *params)
{
    struct tt_world *world = calloc(1, sizeof(*world));
    uint64_t bytes = tt_ring_bytes(sizeof(struct tt_record), params->record_slots);

    tt_assert(bytes != 0);
    if (world == NULL)
        return NULL;
    world->params = *params;
    world->records = aligned_alloc(64, (bytes + 63) & ~(uint64_t)63);
    if (world->records == NULL) {
        free(world);
        return NULL;
    }
    memset(world->records, 0, bytes);
    tt_ring_producer(&world->put, world->records, sizeof(struct tt_record), params->record_slots);
    tt_ring_consumer(&world->get, world->records, sizeof(struct tt_record), params->record_slots);
    return world;
}

void tt_world_close(struct tt_world **world)
{
    if (*world == NULL)
        return;
    sim_maps_free(&(*world)->maps);
    free((*world)->records);
    free(*world);
    *world = NULL;
}

void tt_world_seat(struct tt_world *world, struct tt_thread *thread)
{
    world->thread = thread;
}

struct tt_port_world tt_world_port(struct tt_world *world)
{
    return (struct tt_port_world){&ops, world};
}

bool tt_world_take_record(struct tt_world *world, struct tt_record *ret)
{
    return tt_ring_get(&world->get, ret);
}
