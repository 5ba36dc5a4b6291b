/* The engine's world in virtual time, for tests: nothing happens but by the seed. One engine, one
 * worker; each activation costs a sampled time, sleeping wakes late by a sampled time. Every clock
 * reading and every record goes into a hash, so that two runs of one seed can be compared. */
#ifndef TT_PLATFORM_SIM_H
#define TT_PLATFORM_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "core/port.h"

struct tt_sim;

struct tt_sim_params {
    uint64_t seed;
    int64_t start_ns;                 /* monotonic time at first */
    int64_t cost_min_ns, cost_max_ns; /* of an activation */
    uint32_t stall_one_in;            /* 0: never; else one of so many activations takes ... */
    int64_t stall_ns;                 /* ... this much longer, of which stall_cpu is CPU time */
    bool is_stall_cpu;
    int64_t jitter_max_ns; /* of a wake-up */
    uint32_t record_slots; /* a power of two */
    void (*on_budget)(void *argument);
    void *argument;
};

/* NULL: no memory. */
struct tt_sim *tt_sim_open(const struct tt_sim_params *params);
void tt_sim_close(struct tt_sim **sim);

struct tt_port_world tt_sim_port(struct tt_sim *sim);
void tt_sim_on_budget(struct tt_sim *sim, void (*on_budget)(void *argument), void *argument);

int64_t tt_sim_now(const struct tt_sim *sim);               /* without the hash knowing */
void tt_sim_spend(struct tt_sim *sim, int64_t time_ns);     /* CPU time passes */
void tt_sim_sleep_until(struct tt_sim *sim, int64_t at_ns); /* with the wake-up's jitter */
void tt_sim_ring_at(struct tt_sim *sim, int64_t at_ns);     /* one at a time */
bool tt_sim_take_record(struct tt_sim *sim, struct tt_record *ret);
void tt_sim_run_workers(struct tt_sim *sim);
uint64_t tt_sim_random(struct tt_sim *sim);
uint64_t tt_sim_hash(const struct tt_sim *sim);

#endif
