/* A component that waits for a spare container: when that is asked for, when the move begins, what
 * the client is told, when a container that stays empty goes. A pure step function between
 * src/node/supervise.h, which starts and ends containers, and the move itself; move_spare.c carries
 * it out. */
#ifndef TT_NODE_MOVE_JOIN_H
#define TT_NODE_MOVE_JOIN_H

#include <stdbool.h>
#include <stdint.h>

enum move_join_event_kind {
    MOVE_JOIN_ON_WANTED = 1, /* component, to; is_free: nothing of a container is there any more */
    MOVE_JOIN_ON_REFUSED,    /* to ASK: no plan, or no room in the books */
    MOVE_JOIN_ON_GOING,      /* to: a container goes */
    MOVE_JOIN_ON_LEFT,       /* to: it is gone, or will not come */
    MOVE_JOIN_ON_NOT_BEGUN,  /* to BEGIN: something speaks against it by now */
    MOVE_JOIN_ON_CANCEL      /* the service ends */
};

struct move_join_event {
    enum move_join_event_kind kind;
    uint32_t component, to;
    bool is_free;
};

enum move_join_verb {
    MOVE_JOIN_ASK = 1, /* plan its worker, enter the books, have it started; or answer REFUSED */
    MOVE_JOIN_BEGIN,   /* the move; or answer NOT_BEGUN */
    MOVE_JOIN_FAIL,    /* the client's answer; why */
    MOVE_JOIN_LOOK     /* end spare containers that are empty */
};

enum move_join_why {
    MOVE_JOIN_REFUSED = 1, /* by what answered */
    MOVE_JOIN_GONE,        /* it was gone before it had anything */
    MOVE_JOIN_OVER         /* the service ended */
};

enum { MOVE_JOIN_ACTIONS_MAX = 2 };

struct move_join_action {
    enum move_join_verb verb;
    enum move_join_why why;
};

struct move_join_actions {
    struct move_join_action list[MOVE_JOIN_ACTIONS_MAX];
    uint32_t count;
};

struct move_join {
    bool is_on;
    bool is_asked; /* else one is just ending that was there before */
    uint32_t component, to;
};

/* What comes for nobody, or too late, changes nothing. */
void move_join_step(struct move_join *join, const struct move_join_event *event,
                    struct move_join_actions *out);

#endif
