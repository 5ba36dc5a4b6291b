/* One epoll loop: descriptors and timers call back. Single-threaded. */
#ifndef TT_NODE_LOOP_H
#define TT_NODE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "tactus/error.h"

struct loop;
struct loop_watch;

typedef void loop_fn(void *ctx, uint32_t events); /* events: EPOLLIN ...; 0 for a timer */

/* Zeroed by its owner, who clears it before its memory goes. */
struct loop_timer {
    loop_fn *fn;
    void *ctx;
    int64_t at_ns;
    bool is_set;
    struct loop_timer *next;
};

int loop_open(struct loop **ret, struct tt_error *err);
void loop_close(struct loop **loop);

/* Calls fn while fd has one of `events`; NULL: no memory, or a descriptor that cannot be polled. */
struct loop_watch *loop_add(struct loop *loop, int fd, uint32_t events, loop_fn *fn, void *ctx);
void loop_change(struct loop *loop, struct loop_watch *watch, uint32_t events);
/* Accepts a pointer to NULL; safe inside any callback; the descriptor stays open. */
void loop_remove(struct loop *loop, struct loop_watch **watch);

/* A time that has passed is served in this turn; set by a timer, in the next one, so that no timer
 * can keep the loop from its descriptors. */
void loop_set(struct loop *loop, struct loop_timer *timer, int64_t at_ns);
void loop_clear(struct loop *loop, struct loop_timer *timer);

/* Waits for the next thing and does it. */
void loop_turn(struct loop *loop);

int64_t loop_now_ns(void); /* CLOCK_MONOTONIC */

#endif
