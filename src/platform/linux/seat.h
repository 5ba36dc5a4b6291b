/* Where a container or an edge sits: what tactusd handed it at setup, the worker that waits for go,
 * and the words it sends back. The control socket is read by the main thread alone. */
#ifndef TT_LINUX_SEAT_H
#define TT_LINUX_SEAT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/pool_view.h"
#include "platform/linux/message.h"
#include "platform/linux/port.h"

struct tt_seat {
    int control;
    int done_fd; /* an eventfd: the worker has come to its end; 0: not made yet */
    uint32_t number;
    struct tt_message setup; /* its descriptors are taken as they are mapped */
    struct tt_bells bells;
    struct tt_linux world;
    void (*entry)(void *argument);
    void (*standby)(void *argument); /* NULL: there is none; set before tt_seat_start() */
    void *argument;
    /* Before the worker goes on, on the main thread; may be NULL. */
    void (*on_go)(void *argument, const struct tt_message *message);
    /* Written by the main thread, read by the worker: atomic. */
    uint32_t is_ready;   /* a futex: an edge's worker begins, or a container's standby after go */
    bool is_container;   /* its threads renounce what is left of capabilities, and wait for go */
    uint64_t idle_pools; /* bits: nobody writes there yet, so their pages are mapped as they come */
    bool is_parked;      /* its threads were there before the setup */
    bool is_locked;      /* all of its memory */
    uint32_t is_go;      /* a futex */
    uint32_t is_stopped;
    int64_t epoch_ns, first_ns; /* valid once is_go */
    int64_t stopped_ns;         /* monotonic; valid once is_stopped */
};

/* What needs no setup, so that a process can have it behind it when its service comes: worker and
 * standby, whose stacks are touched and who wait, and locked memory. Says so: tactusd can give the
 * worker its reservation while the service is set up. The seat is all zero. */
int tt_seat_park(struct tt_seat *seat, int control, struct tt_error *err);

/* Waits for the setup message. 1: a container's picture came ahead of it, and lies in `setup` until
 * the caller has ended that and asks again. -EPIPE when tactusd is gone. The seat is all zero, or
 * parked. */
int tt_seat_receive(struct tt_seat *seat, int control, struct tt_error *err);

/* Maps and takes the descriptor of this name, at least `bytes` long, prefaulted but for what an
 * edge reads. -ENOENT when it was not handed over. */
int tt_seat_map(struct tt_seat *seat, const char *name, uint64_t bytes, bool is_writable,
                void **ret, struct tt_error *err);

/* Maps pool:0 ... of these views, the own one writable. One that was not handed over becomes an
 * empty view: headers that name it are refused. */
int tt_seat_pools(struct tt_seat *seat, struct tt_pool_view *pools, uint32_t count,
                  struct tt_error *err);

/* Bells for so many processes, the record ring, and the port's world, with what a standby needs
 * where that was handed over. */
int tt_seat_world(struct tt_seat *seat, uint32_t process_count, uint32_t record_slots,
                  void (*on_budget)(void *ctx), void *ctx, struct tt_error *err);

/* Numbers of setup's plan, with a default. The array is by component. */
int64_t tt_seat_plan(const struct tt_seat *seat, const char *key, int64_t otherwise);
int64_t tt_seat_plan_of(const struct tt_seat *seat, const char *key, uint32_t component,
                        int64_t otherwise);
bool tt_seat_is_profile(const struct tt_seat *seat);

/* The service's picture as setup handed it over; once. *ret is malloc'ed. */
int tt_seat_picture(struct tt_seat *seat, char **ret, uint64_t *ret_bytes, struct tt_error *err);

/* Starts the worker, says ready, locks memory while go is on its way, and drops what capability
 * that took; then go is listened to. An edge's worker begins before go: its entry should call
 * tt_seat_wait_go(). At its end it calls tt_seat_done(). */
int tt_seat_start(struct tt_seat *seat, void (*entry)(void *argument), void *argument,
                  struct tt_error *err);
void tt_seat_wait_go(struct tt_seat *seat);
void tt_seat_done(struct tt_seat *seat);
bool tt_seat_is_go(const struct tt_seat *seat);
bool tt_seat_is_stopped(const struct tt_seat *seat);

/* Main thread: waits at most timeout_ms for a message and acts on go and stop; others come back in
 * *ret (the caller ends it with tt_message_fini). Returns 1 for a message in *ret, 0 for nothing to
 * do, 2 when the worker has ended, -EPIPE when tactusd is gone. */
int tt_seat_serve(struct tt_seat *seat, int timeout_ms, struct tt_message *ret);

/* {"event": event, "text": text}; text may be NULL. Any thread. */
void tt_seat_say(int control, const char *event, const char *text);
void tt_seat_note(const struct tt_seat *seat, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Says the error and ends the process with 1. */
void tt_seat_fail(int control, const struct tt_error *err) __attribute__((noreturn));

#endif
