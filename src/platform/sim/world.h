/* The engine's port on a thread of the simulated machine: the same engine as in life, its loop and
 * all, in virtual time. One world for each life of a container. */
#ifndef TT_PLATFORM_SIM_WORLD_H
#define TT_PLATFORM_SIM_WORLD_H

#include "core/port.h"
#include "platform/sim/machine.h"

struct tt_world;

struct tt_world_params {
    struct tt_machine *machine;
    uint32_t record_slots;   /* a power of two */
    uint32_t self;           /* its own number among those that can be rung */
    int64_t turn_ns;         /* what the engine's own work costs in a turn of its loop */
    int64_t hand_off_max_ns; /* a hand-off to the standby takes up to this; 0: there is none */
    void (*ring)(void *ctx, uint32_t peer); /* a bell of somebody else was rung; may be NULL */
    void (*on_budget)(void *ctx);           /* may be NULL */
    void *ctx;
};

/* NULL: no memory. */
struct tt_world *tt_world_open(const struct tt_world_params *params);
void tt_world_close(struct tt_world **world); /* its thread is killed before */

/* Whose time it is; before the engine runs. NULL: nobody's, time stands still for it. */
void tt_world_seat(struct tt_world *world, struct tt_thread *thread);
void tt_world_seat_standby(struct tt_world *world, struct tt_thread *thread);
struct tt_port_world tt_world_port(struct tt_world *world);
void tt_world_bell(struct tt_world *world); /* its own bell is rung */
bool tt_world_take_record(struct tt_world *world, struct tt_record *ret);

#endif
