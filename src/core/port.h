/* The world as the engine sees it: the only way out of core/. platform/linux gives the real one,
 * platform/sim one of virtual time. All calls are made on the worker unless said otherwise; none of
 * them allocates, locks or blocks but tt_port_ops.wait. */
#ifndef TT_CORE_PORT_H
#define TT_CORE_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/record.h"

struct tt_component;

struct tt_port_ops {
    /* Monotonic time, ns. Never goes back. */
    int64_t (*now)(void *world);

    /* CPU time of the calling worker, ns. */
    int64_t (*cpu_now)(void *world);

    /* Sleeps until the doorbell was rung since `seen`, or until_ns (INT64_MAX: no limit). Returns
     * the doorbell's count as it is now; spurious returns are allowed. Who does not wait for room
     * need not be woken for a frame that a reader gave back: its doorbell counts it. */
    uint32_t (*wait)(void *world, uint32_t seen, int64_t until_ns, bool is_for_room);

    /* The doorbell's count now, without sleeping. */
    uint32_t (*bell)(void *world);

    /* Rings the doorbell of a peer that the host knows by number. Never blocks. */
    void (*ring)(void *world, uint32_t peer);

    /* Watches the running activation: on_budget of the engine is called, on the worker's stack or
     * beside it, when until_ns passes before disarm. */
    void (*arm)(void *world, int64_t until_ns);
    void (*disarm)(void *world);

    /* Memory of the service, zeroed, 64-byte aligned, before the engine runs; NULL when there is
     * none. */
    void *(*map)(void *world, uint64_t bytes);

    /* Hands a record out; false when the ring is full (the engine counts it and says so later). */
    bool (*record_out)(void *world, const struct tt_record *record);

    /* Starts a worker that runs entry(argument); before anything is reserved. 0 or negative errno.
     */
    int (*spawn_worker)(void *world, void (*entry)(void *argument), void *argument);

    /* Asks for a reservation for the worker; 0, or negative errno (-EPERM: no right to). */
    int (*set_reservation)(void *world, int64_t budget_ns, int64_t period_ns);

    /* In on_budget: the running component is over its budget. The standby shall be the worker with
     * the worker's reservation, and the caller lose it. False: there is none, or it may not. NULL
     * in a port that has one thread only, as are the next two. */
    bool (*hand_over)(void *world);

    /* In on_budget, of the component that runs: false: it is not sandboxed. When it is, and
     * is_due, its code is ended where it is, and the call does not return; or its host runs for it
     * right now, and it is ended when that returns; or none of its code runs yet, or any more. NULL
     * in a port that knows no such. */
    bool (*end_call)(void *world, const struct tt_component *component, bool is_due);

    /* A thread that is not the worker waits until it is wanted as such; its own doorbell is rung
     * first. False: the world ends. */
    bool (*stand_by)(void *world);

    /* How often the calling thread went to sleep by itself so far. */
    uint64_t (*sleeps)(void *world);

    /* Told at both ends of a turn of the loop, in which nothing may allocate, lock, log or block.
     * The guard of the tests listens; otherwise it does nothing. */
    void (*path)(void *world, bool is_inside);
};

struct tt_port_world {
    const struct tt_port_ops *ops;
    void *world;
};

#endif
