/* What the files of the world of moves share. */
#ifndef TT_TESTS_NODE_MOVES_INSIDE_H
#define TT_TESTS_NODE_MOVES_INSIDE_H

#include "moves.h"

enum word {
    NOTHING = 0,
    COME, /* tactusd to a container */
    LEAVE,
    ROUND,
    CUT,
    RESUME,
    RETIRE,
    DISCARD,
    MANY_PAGES, /* source to target */
    FEW_PAGES,
    STATE,
    BROKEN,
    READY, /* a container to tactusd */
    ACKED_MANY,
    ACKED_FEW,
    TOOK,
    BEGUN,
    GAVE_UP,
    FAILED,
    SETTLED,
    SETTLED_LEFT
};

enum { WORD_MASK = 0x3f, EPOCH_SHIFT = 6 }; /* orders to begin say which move */

bool moves_is_alive(const struct moves_body *body);
bool moves_may_run(const struct moves_body *body); /* the component */
/* A spare container, and nothing is in it. */
bool moves_is_idle(const struct moves_world *world, uint32_t number);
/* All who are wanted: a move may begin. */
bool moves_are_all_going(const struct moves_world *world);

#endif
