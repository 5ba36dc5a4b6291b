/* What every world that the engine may run in must do, as checks that run against any of them.
 *
 * A platform's test gives factory functions and calls contract_run(); each check opens a world of
 * its own and closes it. A check that fails ends the program with the place (tests/check.h). */
#ifndef TT_TESTS_CONTRACT_H
#define TT_TESTS_CONTRACT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/port.h"

struct contract_world {
    struct tt_port_world port;
    void *own; /* the factory's */
};

struct contract_factory {
    const char *name;

    /* Opens a world whose own doorbell is peer 0 and whose record ring holds record_slots records.
     * on_budget(argument) is what tt_engine_on_budget() would be. All checks run on the thread that
     * opens the world: it is the worker. */
    void (*open)(struct contract_world *world, uint32_t record_slots,
                 void (*on_budget)(void *argument), void *argument);
    void (*close)(struct contract_world *world);

    /* Rings the world's doorbell from outside after delay_ns, while the worker sleeps in wait(). In
     * virtual time an event, else a thread that the factory joins in close(). */
    void (*ring_later)(struct contract_world *world, int64_t delay_ns);

    /* Takes the oldest record out, as the reader of the ring does; false when there is none. */
    bool (*take_record)(struct contract_world *world, struct tt_record *ret);

    /* Spends time_ns of CPU on the worker, so that what is armed may fire. */
    void (*spend)(struct contract_world *world, int64_t time_ns);

    /* Waits until workers that were spawned have returned, 5 s at most. */
    void (*join_workers)(struct contract_world *world);
};

void contract_run(const struct contract_factory *factory);

#endif
