/* Moving a component from one container to another between two frames: three pure step functions,
 * for tactusd, for the container that has it and for the one that gets it. An event and the time go
 * in, actions come out; tests/core/move.c tries every order of messages and deaths.
 *
 * The way. tactusd has the target make a place; the source tells its pages in rounds while the
 * component runs, and the target acknowledges each. Then tactusd tells the source to cut: that
 * hands the decision over. The source stands still before the next index, tells the last delta, and
 * writes nothing more; the target that has it whole goes on with that index under the next epoch,
 * without asking anybody, for the component stands still meanwhile. From the cut on tactusd cannot
 * know who has it, so that it never lets the source go on unless the target said that it gave up,
 * or died before it published anything.
 *
 * One writer at any time: the source does not write between its cut and `resume`; the target does
 * not write before it took a whole state, and never after it gave up. Both end by themselves: each
 * wait of tactusd has a limit, and what does not answer is killed.
 *
 * Nothing here allocates, blocks or looks at a clock. */
#ifndef TT_CORE_MOVE_H
#define TT_CORE_MOVE_H

#include <stdbool.h>
#include <stdint.h>

/* --- tactusd --- */

enum tt_move_state {
    TT_MOVE_PREPARING = 0, /* the target makes its place */
    TT_MOVE_COPYING,       /* a round is under way */
    TT_MOVE_CUTTING,       /* the source or the target has it: they decide */
    TT_MOVE_GIVING_UP,     /* the target was told to give up and has not answered */
    TT_MOVE_ENDED
};

enum tt_move_event_kind {
    TT_MOVE_READY = 1,     /* the target has a place */
    TT_MOVE_ACKED,         /* the target has a round whole; pages: how many it had */
    TT_MOVE_TOOK,          /* the target has the component; told before it runs it */
    TT_MOVE_GAVE_UP,       /* the target gave up, as told or because what came was not right */
    TT_MOVE_SOURCE_FAILED, /* the source cannot tell its state */
    TT_MOVE_SOURCE_DIED,
    TT_MOVE_TARGET_DIED,
    TT_MOVE_CANCEL, /* by the user, or the service ends */
    TT_MOVE_TICK    /* the time that was asked for has come */
};

struct tt_move_event {
    enum tt_move_event_kind kind;
    uint32_t pages;
};

enum tt_move_verb {
    TT_MOVE_PREPARE = 1, /* target */
    TT_MOVE_SEND_ROUND,  /* source */
    TT_MOVE_SEND_CUT,    /* source: the next index is the target's, under the next epoch */
    TT_MOVE_RESUME,      /* source: go on with it, also when it was not cut yet */
    TT_MOVE_RETIRE,      /* source: the instance is not its own any more */
    TT_MOVE_DISCARD,     /* target: give up, and answer */
    TT_MOVE_KILL_TARGET, /* it does not answer */
    TT_MOVE_TIMER,       /* at_ns; replaces the one before */
    TT_MOVE_END          /* the last; where, why */
};

/* Who has the component when the move is over. */
enum tt_move_where {
    TT_MOVE_AT_SOURCE = 0,
    TT_MOVE_AT_TARGET,
    TT_MOVE_NOWHERE /* it was lost with the source: starts there anew */
};

enum { TT_MOVE_ACTIONS_MAX = 6 };

struct tt_move_action {
    enum tt_move_verb verb;
    int64_t at_ns;
    enum tt_move_where where;
    const char *reason; /* END: "" when the component is at the target; static */
};

struct tt_move_actions {
    struct tt_move_action list[TT_MOVE_ACTIONS_MAX];
    uint32_t count;
};

struct tt_move_params {
    uint32_t rounds_max;   /* before the cut; at least 1 */
    uint32_t pages_enough; /* a round of so few is the last one */
    int64_t step_ns;       /* limit of a place, of a round, of an answer */
    int64_t cut_ns;        /* limit of standing still, counted from the order to cut */
};

struct tt_move {
    struct tt_move_params params;
    enum tt_move_state state;
    uint32_t rounds;
    bool is_source_dead, is_cut;
    int64_t limit_ns;
    const char *reason; /* why it is given up */
};

/* Fills actions for the beginning. */
void tt_move_begin(struct tt_move *move, const struct tt_move_params *params, int64_t now_ns,
                   struct tt_move_actions *out);
/* The container that had it is to start anew. False: the target may have taken it and not have said
 * so, or may still take it. Then end the target, and ask again when it is reaped, not before. */
static inline bool tt_move_may_restart(const struct tt_move *move)
{
    return move->state == TT_MOVE_ENDED;
}

/* What comes after the end, or late, changes nothing. */
void tt_move_step(struct tt_move *move, const struct tt_move_event *event, int64_t now_ns,
                  struct tt_move_actions *out);

/* --- the container that has the component --- */

enum tt_source_state {
    TT_SOURCE_RUNNING = 0,
    TT_SOURCE_CUTTING, /* at the next boundary */
    TT_SOURCE_CUT,     /* stands still; keeps the instance */
    TT_SOURCE_RETIRED  /* has no instance any more */
};

enum tt_source_order { TT_SOURCE_ON_CUT = 1, TT_SOURCE_ON_RESUME, TT_SOURCE_ON_RETIRE };

/* An order of tactusd. */
enum tt_source_state tt_source_order(enum tt_source_state state, enum tt_source_order order);
/* Between two frames: true: tell the last delta now, and run nothing of it after this. */
bool tt_source_boundary(enum tt_source_state *state);
static inline bool tt_source_may_run(enum tt_source_state state)
{
    return state == TT_SOURCE_RUNNING || state == TT_SOURCE_CUTTING;
}

/* --- the container that gets it --- */

enum tt_target_state {
    TT_TARGET_FILLING = 0, /* has a place */
    TT_TARGET_HAS,         /* took it: runs it */
    TT_TARGET_GAVE_UP
};

enum tt_target_event {
    TT_TARGET_ON_CUT = 1, /* the state is whole and its sum right */
    TT_TARGET_ON_BROKEN,  /* the stream ended before its end, or was refused */
    TT_TARGET_ON_DISCARD  /* by tactusd */
};

/* What to tell tactusd: TT_MOVE_TOOK, TT_MOVE_GAVE_UP, or 0. */
enum tt_move_event_kind tt_target_step(enum tt_target_state *state, enum tt_target_event event);

#endif
