/* The engine's world in virtual time. */
#include "platform/sim/sim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/ring.h"
#include "platform/sim/maps.h"

enum { WORKERS_MAX = 4 };

struct worker {
    void (*entry)(void *argument);
    void *argument;
};

struct tt_sim {
    struct tt_sim_params params;
    int64_t now_ns, cpu_ns, armed_ns, ring_ns; /* armed, ring: INT64_MAX none */
    uint64_t random, hash;
    uint32_t bell;
    bool is_activation_unpaid;
    struct tt_ring put, get;
    void *records;
    struct sim_maps maps;
    uint32_t worker_count;
    struct worker workers[WORKERS_MAX];
};

/* A multiply-and-shift generator: small, and the same everywhere. */
uint64_t tt_sim_random(struct tt_sim *sim)
{
    uint64_t z = sim->random += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static int64_t between(struct tt_sim *sim, int64_t min, int64_t max)
{
    return max <= min ? min : min + (int64_t)(tt_sim_random(sim) % (uint64_t)(max - min + 1));
}

static void hash(struct tt_sim *sim, const void *data, uint32_t bytes)
{
    const uint8_t *at = data;

    for (uint32_t n = 0; n < bytes; n++)
        sim->hash = (sim->hash ^ at[n]) * 0x100000001b3u;
}

static void advance(struct tt_sim *sim, int64_t to_ns, bool is_cpu)
{
    while (sim->now_ns < to_ns) {
        int64_t step_ns = to_ns;

        step_ns = sim->armed_ns < step_ns ? sim->armed_ns : step_ns;
        step_ns = sim->ring_ns < step_ns ? sim->ring_ns : step_ns;
        step_ns = step_ns > sim->now_ns ? step_ns : sim->now_ns;
        if (is_cpu)
            sim->cpu_ns += step_ns - sim->now_ns;
        sim->now_ns = step_ns;
        if (sim->ring_ns <= sim->now_ns) {
            sim->ring_ns = INT64_MAX;
            sim->bell++;
        }
        if (sim->armed_ns <= sim->now_ns) {
            sim->armed_ns = INT64_MAX;
            if (sim->params.on_budget)
                sim->params.on_budget(sim->params.argument);
        }
    }
}

static int64_t now(void *world)
{
    struct tt_sim *sim = world;

    if (sim->is_activation_unpaid) { /* the engine asks when its component has returned */
        bool is_stalled =
            sim->params.stall_one_in > 0 && tt_sim_random(sim) % sim->params.stall_one_in == 0;

        sim->is_activation_unpaid = false;
        advance(sim, sim->now_ns + between(sim, sim->params.cost_min_ns, sim->params.cost_max_ns),
                true);
        if (is_stalled)
            advance(sim, sim->now_ns + sim->params.stall_ns, sim->params.is_stall_cpu);
    }
    hash(sim, &sim->now_ns, sizeof(sim->now_ns));
    return sim->now_ns;
}

static int64_t cpu_now(void *world)
{
    return ((struct tt_sim *)world)->cpu_ns;
}

static uint32_t wait_for(void *world, uint32_t seen, int64_t until_ns, bool is_for_room)
{
    struct tt_sim *sim = world;
    int64_t wake_ns = sim->ring_ns < until_ns ? sim->ring_ns : until_ns;

    /* Without an end and without anybody to ring, a sleep would be for ever: a spurious return. */
    if (sim->bell == seen && wake_ns != INT64_MAX)
        tt_sim_sleep_until(sim, wake_ns);
    return sim->bell;
}

static uint32_t bell(void *world)
{
    return ((struct tt_sim *)world)->bell;
}

static void ring(void *world, uint32_t peer)
{
    struct tt_sim *sim = world;

    if (peer == 0)
        sim->bell++;
}

static void arm(void *world, int64_t until_ns)
{
    ((struct tt_sim *)world)->armed_ns = until_ns;
}

static void disarm(void *world)
{
    ((struct tt_sim *)world)->armed_ns = INT64_MAX;
}

static void *map(void *world, uint64_t bytes)
{
    return sim_maps_add(&((struct tt_sim *)world)->maps, bytes);
}

static bool record_out(void *world, const struct tt_record *record)
{
    struct tt_sim *sim = world;

    if (!tt_ring_put(&sim->put, record))
        return false;
    hash(sim, record, sizeof(*record));
    return true;
}

static int spawn_worker(void *world, void (*entry)(void *argument), void *argument)
{
    struct tt_sim *sim = world;

    if (sim->worker_count == WORKERS_MAX)
        return -EAGAIN;
    sim->workers[sim->worker_count++] = (struct worker){entry, argument};
    return 0;
}

static int set_reservation(void *world, int64_t budget_ns, int64_t period_ns)
{
    (void)world;
    return budget_ns <= 0 || budget_ns > period_ns ? -EINVAL : 0;
}

static void path(void *world, bool is_inside)
{
    ((struct tt_sim *)world)->is_activation_unpaid = is_inside;
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

struct tt_sim *tt_sim_open(const struct tt_sim_params *params)
{
    struct tt_sim *sim = calloc(1, sizeof(*sim));
    uint64_t bytes = tt_ring_bytes(sizeof(struct tt_record), params->record_slots);

    tt_assert(bytes != 0);
    if (sim == NULL)
        return NULL;
    sim->params = *params;
    sim->now_ns = params->start_ns;
    sim->armed_ns = sim->ring_ns = INT64_MAX;
    sim->random = params->seed;
    sim->hash = 0xcbf29ce484222325u;
    sim->records = aligned_alloc(64, (bytes + 63) & ~(uint64_t)63);
    if (sim->records == NULL) {
        free(sim);
        return NULL;
    }
    memset(sim->records, 0, bytes);
    tt_ring_producer(&sim->put, sim->records, sizeof(struct tt_record), params->record_slots);
    tt_ring_consumer(&sim->get, sim->records, sizeof(struct tt_record), params->record_slots);
    return sim;
}

void tt_sim_close(struct tt_sim **sim)
{
    if (*sim == NULL)
        return;
    sim_maps_free(&(*sim)->maps);
    free((*sim)->records);
    free(*sim);
    *sim = NULL;
}

struct tt_port_world tt_sim_port(struct tt_sim *sim)
{
    return (struct tt_port_world){&ops, sim};
}

void tt_sim_on_budget(struct tt_sim *sim, void (*on_budget)(void *argument), void *argument)
{
    sim->params.on_budget = on_budget;
    sim->params.argument = argument;
}

int64_t tt_sim_now(const struct tt_sim *sim)
{
    return sim->now_ns;
}

void tt_sim_spend(struct tt_sim *sim, int64_t time_ns)
{
    advance(sim, sim->now_ns + time_ns, true);
}

void tt_sim_sleep_until(struct tt_sim *sim, int64_t at_ns)
{
    advance(sim, at_ns, false);
    advance(sim, sim->now_ns + between(sim, 0, sim->params.jitter_max_ns), false);
}

void tt_sim_ring_at(struct tt_sim *sim, int64_t at_ns)
{
    sim->ring_ns = at_ns;
}

bool tt_sim_take_record(struct tt_sim *sim, struct tt_record *ret)
{
    return tt_ring_get(&sim->get, ret);
}

void tt_sim_run_workers(struct tt_sim *sim)
{
    for (uint32_t n = 0; n < sim->worker_count; n++)
        sim->workers[n].entry(sim->workers[n].argument);
    sim->worker_count = 0;
}

uint64_t tt_sim_hash(const struct tt_sim *sim)
{
    return sim->hash;
}
