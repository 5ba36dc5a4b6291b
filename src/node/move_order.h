/* What tactusd does around one move, and when: orders to both containers, who may start anew
 * meanwhile, reservations, the end. A pure step function above src/core/move.h, which says who has
 * the component; move_run.c carries it out. */
#ifndef TT_NODE_MOVE_ORDER_H
#define TT_NODE_MOVE_ORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/move.h"

enum move_side { MOVE_SOURCE = 0, MOVE_TARGET, MOVE_SIDES };

enum move_event_kind {
    MOVE_ON_READY = 1, /* the containers' words */
    MOVE_ON_ACKED,     /* pages */
    MOVE_ON_TOOK,
    MOVE_ON_BEGUN,
    MOVE_ON_GAVE_UP,
    MOVE_ON_FAILED,
    MOVE_ON_SETTLED, /* side: it has room for the next */
    MOVE_ON_LEFT,    /* the source; and the component is not in it any more */

    MOVE_ON_NOT_SENT, /* side: what SEND_COME or SEND_LEAVE was to tell it did not go out */
    MOVE_ON_DIED,     /* side: it is reaped */
    MOVE_ON_START,    /* side: it is to start anew; the answer is may_start */
    MOVE_ON_CANCEL,
    MOVE_ON_TICK /* the timer that was asked for */
};

struct move_event {
    enum move_event_kind kind;
    enum move_side side;
    uint32_t pages;
};

enum move_verb {
    MOVE_SEND_COME = 1, /* target; MOVE_ON_NOT_SENT when it cannot be told, after all the others */
    MOVE_SEND_LEAVE,    /* source; likewise */
    MOVE_SEND_ROUND,    /* source */
    MOVE_SEND_CUT,      /* source */
    MOVE_SEND_RESUME,   /* source */
    MOVE_SEND_RETIRE,   /* source */
    MOVE_SEND_DISCARD,  /* target */
    MOVE_KILL_TARGET,
    MOVE_KILL_SOURCE, /* it has let go of what nobody took: begins anew with it */
    MOVE_ARRIVE,      /* the target's place is the component's from now on, whoever dies */
    MOVE_LOWER,       /* side: its reservation, by by_ns, also of one that is dead */
    MOVE_FAIL,        /* it stays; reason */
    MOVE_TIMER,       /* at_ns; replaces the one before */
    MOVE_FINISH       /* the last: answer the client, let it go */
};

enum { MOVE_ACTIONS_MAX = 12 };

struct move_action {
    enum move_verb verb;
    enum move_side side;
    int64_t at_ns, by_ns;
    const char *reason; /* static */
};

struct move_actions {
    struct move_action list[MOVE_ACTIONS_MAX];
    uint32_t count;
    bool may_start; /* MOVE_ON_START; false: ask again when another container is reaped */
};

enum move_phase {
    MOVE_UNDER_WAY = 0, /* where the component is, is open */
    MOVE_SETTLING,      /* it is decided; both still tidy up */
    MOVE_FINISHED
};

struct move_order_params {
    struct tt_move_params step;
    int64_t end_ns; /* limit of tidying up */
    int64_t
        raised_ns;    /* by which the target's reservation was raised for it; lowered if it stays */
    int64_t freed_ns; /* by which the source's is lowered when it is gone from there */
};

struct move_order {
    struct tt_move step;
    struct move_order_params params;
    enum move_phase phase;
    bool has_failed;
    bool is_told;                /* the source: to begin with its rounds */
    bool is_settled[MOVE_SIDES]; /* has room for the next: was told nothing, said so, or is dead */
    bool is_gone[MOVE_SIDES];    /* reaped, and not started anew */
    bool has_begun, is_retire_due;
    bool is_lost;     /* the source has let go of it, told or, make before break, by itself */
    int64_t limit_ns; /* of MOVE_SETTLING */
};

void move_order_begin(struct move_order *order, const struct move_order_params *params,
                      int64_t now_ns, struct move_actions *out);

/* What comes late changes nothing. */
void move_order_step(struct move_order *order, const struct move_event *event, int64_t now_ns,
                     struct move_actions *out);

/* Every invariant; for tests. */
void move_order_check(const struct move_order *order);

#endif
