/* The engine's world on Linux: a clock, a doorbell in shared memory, a budget timer, a record ring.
 *
 * A bell is one 64-byte line of a memory that all processes of a service map: a futex word that
 * only grows, and a word that says whether somebody sleeps on it. Any process may ring any bell. */
#ifndef TT_LINUX_PORT_H
#define TT_LINUX_PORT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/ring.h"
#include "core/port.h"
#include "platform/linux/handoff.h"
#include "tactus/error.h"

enum { TT_BELL_BYTES = 64, TT_WORKER_STACK_BYTES = 2 << 20 };

/* The bells' memory as one process sees it. */
struct tt_bells {
    void *memory; /* count lines */
    uint32_t count;
};

/* Any thread. Out-of-range numbers are ignored. tt_bell_tell_room: a frame was given back; it is
 * counted, and wakes only who sleeps for that, too. wait: as tt_port_ops.wait. */
void tt_bell_ring(const struct tt_bells *bells, uint32_t number);
void tt_bell_tell_room(const struct tt_bells *bells, uint32_t number);
uint32_t tt_bell_count(const struct tt_bells *bells, uint32_t number);
uint32_t tt_bell_wait(const struct tt_bells *bells, uint32_t number, uint32_t seen,
                      int64_t until_ns, bool is_for_room);

int64_t tt_linux_now(void); /* CLOCK_MONOTONIC */

struct tt_linux_params {
    struct tt_bells bells; /* borrowed; memory NULL: the world makes one of its own */
    uint32_t number;       /* of this process's bell */
    void *records;         /* tt_ring_bytes(sizeof(struct tt_record), record_slots); NULL: none */
    uint32_t record_slots;
    void (*on_budget)(void *ctx); /* runs in a signal handler on the worker */
    void *on_budget_ctx;
    /* As tt_port_ops.end_call, with what the handler was given as its third argument; may be NULL.
     */
    bool (*end_call)(const void *context, const struct tt_component *component, bool is_due);
    struct tt_handoff *handoff; /* borrowed; NULL: there is no standby */
    int handoff_bell;           /* written when the standby is asked for; borrowed */
};

/* A thread that is the worker, or may be in its turn. */
struct tt_linux_thread {
    struct tt_linux *world;
    uint32_t number; /* 0: the worker at first */
    pthread_t thread;
    void (*entry)(void *argument);
    void *argument;
    int tid; /* as its own pid namespace counts; atomic, 0 until it runs */
    bool is_there, has_timer;
    timer_t timer;
    /* Both times of the budget are written by the thread and by its signal handler only. */
    volatile int64_t watched_until_ns; /* of the running activation; 0: none */
    const void *context;               /* in the handler: where the timer came */
    volatile int64_t timer_until_ns;   /* what the kernel's timer is set to; 0: it is off */
};

struct tt_linux {
    struct tt_linux_params params;
    struct tt_bells own; /* made here, when none were given */
    struct tt_ring records;
    struct tt_linux_thread threads[2];
    uint32_t is_over; /* atomic: nobody waits to be the worker any more */
};

/* For the first thread of this process that is spawned: memory that is there already. Without it
 * the thread has its stack from the C library. */
void tt_linux_make_stack(void);

/* Before a fork, so that no child does it: what is looked for in all libraries by its name. */
void tt_linux_look(void);

int tt_linux_init(struct tt_linux *world, const struct tt_linux_params *params,
                  struct tt_error *err);

/* The same, of a world that is all zero but for threads that wait in it. */
int tt_linux_settle(struct tt_linux *world, const struct tt_linux_params *params,
                    struct tt_error *err);
struct tt_port_world tt_linux_port(struct tt_linux *world);

/* Makes the calling thread fit to be the worker: 1 ns of timer slack, its stack touched, the budget
 * timer created. spawn_worker() does it for its thread. */
int tt_linux_prepare_worker(struct tt_linux *world);

/* The second thread, which entry() lets wait in the port's stand_by; after spawn_worker(). 0 or
 * negative errno. */
int tt_linux_spawn_standby(struct tt_linux *world, void (*entry)(void *argument), void *argument);

/* Waits for the spawned threads to return; who waits to be the worker does. */
void tt_linux_join(struct tt_linux *world);
void tt_linux_fini(struct tt_linux *world);

#endif
