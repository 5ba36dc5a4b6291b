/* Two containers of a running service, tactusd between them and a component that moves from one to
 * the other and back: each word, order, death and reaping a step of its own, as late as it pleases.
 * What tactusd decides is told by src/node/move_order.c, src/node/move_join.c, src/node/supervise.c
 * and src/node/move_shift.c, what the containers do by src/core/move.c itself. The other container
 * may be a spare one, which comes and goes; a guest may then be there beside the component, which
 * comes and goes in one step. */
#ifndef TT_TESTS_NODE_MOVES_H
#define TT_TESTS_NODE_MOVES_H

#include <stdbool.h>
#include <stdint.h>

#include "kept.h"
#include "kept_move.h"
#include "node/move_join.h"
#include "node/move_shift.h"

enum {
    MOVES_HOME = 0, /* its container, and the one that it moves to */
    MOVES_AWAY = 1,
    MOVES_BODIES = 2,
    MOVES_SELF = 0, /* the component; and its guest */
    MOVES_GUEST = 1,
    MOVES_MOVERS = 2,
    MOVES_QUEUE = 6,
    MOVES_CHOICES = 48,
    MOVES_PLAN_NS = 10, /* of each period, each of the two by the plan */
    MOVES_BARE_NS = 1,  /* a spare one, with nothing */
    MOVES_MORE_NS = 3,  /* the target needs for it */
    MOVES_LESS_NS = 2   /* the source needs no more */
};

struct moves_kind {
    const char *name;
    bool is_fresh; /* make before break */
    bool is_spare; /* the other container: started when something is to move there */
    uint8_t last_index, moves, deaths, stops, ticks, refusals, visits;
};

enum moves_state { MOVES_GONE = 0, MOVES_BOOTING, MOVES_READY, MOVES_GOING, MOVES_DEAD };

enum moves_role { MOVES_NO_ROLE = 0, MOVES_LEAVING, MOVES_COMING };

struct moves_queue {
    uint8_t count, list[MOVES_QUEUE];
};

struct moves_body { /* one container */
    uint8_t state;  /* DEAD: not reaped yet, and what it said may still be read */
    uint8_t role, source, target, epoch;
    bool is_killed, is_stopped, is_asked, has_ended;
    bool has; /* the component is in its graph */
    bool is_begun, is_split;
    uint8_t at, carried;    /* the index that comes; the one that came with the state */
    int8_t plan_ns;         /* reserved in each period by the plan, */
    int8_t has_ns, last_ns; /* and in truth; what it, or its predecessor, had last */
    struct moves_queue to, from;
};

/* Nothing in it is a pointer or grows with time, so that equal worlds are equal bytes. */
struct moves_world {
    struct kept kept;
    int64_t timer_ns; /* supervision's, from now; INT64_MAX: none */
    struct moves_body bodies[MOVES_BODIES];
    struct moves_queue stream; /* from the source to the target; each move has its own */
    uint8_t epoch;             /* of the move, modulo 4 */
    struct {
        struct kept_move kept;
        bool is_on, has_timer, has_joined;
        uint8_t from, to;
        int8_t timer_ns; /* from now */
    } move;
    struct move_join join;
    bool is_asking;                                /* the user, who has no answer yet */
    struct move_shift shift[MOVES_MOVERS], wanted; /* as they are; and as it is when it arrives */
    uint32_t place[MOVES_MOVERS];                  /* where the wiring has them */
    uint8_t next;                                  /* the index that nobody wrote yet */
    uint8_t moves_left, deaths_left, stops_left, ticks_left, refusals_left, visits_left;
    bool is_spawn_due[MOVES_BODIES], has_ended, was_late;
};

enum moves_choice_kind {
    MOVES_HEAR_ORDER = 0, /* a container */
    MOVES_HEAR_STREAM,    /* the target; way 1: it is not right */
    MOVES_HEAR_WORD,      /* tactusd */
    MOVES_RUNS,           /* a container: its next index, or the boundary; way 1: drains at once */
    MOVES_BEGINS,         /* the target: what it took */
    MOVES_DRAINS,         /* who was split */
    MOVES_GETS_READY,
    MOVES_RESERVES, /* way 1: as low as it had been; 2: not what moved components need; 3: nothing
                     */
    MOVES_ENDS,     /* by itself, when it was told to stop */
    MOVES_KILLED,   /* as it was told */
    MOVES_REAPED,
    MOVES_MOVE_TICK, /* from here on: not what happens if nobody does anything */
    MOVES_TICK,
    MOVES_BEGIN, /* way 1: the books have no room for a spare one */
    MOVES_VISIT, /* the guest, there or back */
    MOVES_DIES,
    MOVES_STOP,
    MOVES_CHOICE_COUNT
};

struct moves_choice {
    uint8_t kind, body, way;
};

void moves_begin(struct moves_world *world, const struct moves_kind *kind);
uint32_t moves_choices(const struct moves_world *world, const struct moves_kind *kind,
                       struct moves_choice ret[MOVES_CHOICES]);
/* Checks all that must hold while it does. */
void moves_do(struct moves_world *world, const struct moves_kind *kind, struct moves_choice choice);
/* The service has ended; or nothing is under way any more, the component runs where it is said to,
 * and both have room for the next move. */
bool moves_is_at_rest(const struct moves_world *world, const struct moves_kind *kind, bool is_mute);

const char *moves_choice_name(uint8_t kind);

#endif
