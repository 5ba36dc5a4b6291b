/* The engine's port on a thread of the simulated machine. */
#include "platform/sim/world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/ring.h"
#include "platform/sim/maps.h"

/* Whoever lost the worker goes on after a pause, without a reservation, and is no standby for a
 * while after that: as tactusd's desk has it. */
static const int64_t pause_ns = 10 * 1000000, rest_ns = 50 * 1000000;

struct tt_world {
    struct tt_port_ops ops;
    struct tt_world_params params;
    struct tt_thread *thread, *standby; /* the worker, and the other one */
    bool is_standby_home;               /* it waits to be the worker */
    int64_t wanted_ns, rested_ns;       /* when it shall be; when one may be asked for again */
    uint32_t bell;
    struct tt_ring put, get;
    void *records;
    struct sim_maps maps;
};

static int64_t now(void *to)
{
    return tt_machine_now(((struct tt_world *)to)->params.machine);
}

/* A handler is nobody's: what it asks for is the worker's. */
static struct tt_thread *caller(const struct tt_world *world)
{
    struct tt_thread *current = tt_thread_current(world->params.machine);

    return current != NULL && current == world->standby ? current : world->thread;
}

static int64_t cpu_now(void *to)
{
    const struct tt_world *world = to;

    return world->thread != NULL ? tt_thread_cpu_ns(caller(world)) : 0;
}

static uint32_t wait_for(void *to, uint32_t seen, int64_t until_ns, bool is_for_room)
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
        tt_thread_arm(caller(world), until_ns, on_budget, world);
}

static void disarm(void *to)
{
    struct tt_world *world = to;

    if (world->thread != NULL)
        tt_thread_disarm(caller(world));
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

/* In the handler of the one that overran. Its reservation goes over at once, as the desk's answer
 * does; the standby is awake some time later. */
static bool hand_over(void *to)
{
    struct tt_world *world = to;
    struct tt_thread *hog = world->thread;
    int64_t now_ns = tt_machine_now(world->params.machine);
    uint64_t most = (uint64_t)world->params.hand_off_max_ns;

    if (!world->is_standby_home || now_ns < world->rested_ns)
        return false;
    tt_assert(tt_thread_current(world->params.machine) == NULL);
    world->is_standby_home = false;
    world->wanted_ns = now_ns + 1 + (int64_t)(tt_machine_random(world->params.machine) % most);
    world->rested_ns = now_ns + rest_ns;
    world->thread = world->standby;
    world->standby = hog;
    tt_thread_pass_on(hog, world->wanted_ns + pause_ns, world->thread, world->wanted_ns);
    return true;
}

static bool stand_by(void *to)
{
    struct tt_world *world = to;
    struct tt_thread *self = world->standby;

    tt_assert(self == tt_thread_current(world->params.machine));
    tt_thread_disarm(self);
    world->is_standby_home = true;
    tt_world_bell(world);
    while (world->thread != self || tt_machine_now(world->params.machine) < world->wanted_ns)
        tt_thread_sleep(self, world->thread == self ? world->wanted_ns : INT64_MAX);
    return true;
}

static const struct tt_port_ops alone = {.now = now,
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
    world->ops = alone;
    if (params->hand_off_max_ns > 0) {
        world->ops.hand_over = hand_over;
        world->ops.stand_by = stand_by;
    }
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

void tt_world_seat_standby(struct tt_world *world, struct tt_thread *thread)
{
    world->standby = thread;
}

struct tt_port_world tt_world_port(struct tt_world *world)
{
    return (struct tt_port_world){&world->ops, world};
}

bool tt_world_take_record(struct tt_world *world, struct tt_record *ret)
{
    return tt_ring_get(&world->get, ret);
}
