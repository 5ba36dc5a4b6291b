/* What the files of moves share. */
#ifndef TT_NODE_MOVE_INSIDE_H
#define TT_NODE_MOVE_INSIDE_H

#include "node/move.h"
#include "node/move_join.h"
#include "node/move_order.h"
#include "node/move_shift.h"
#include "node/run_inside.h"
#include "spec/ways.h"

struct move {
    struct move_order order;
    struct loop_timer timer;
    struct run *run;
    uint64_t client; /* its number; it may go at any time */
    uint32_t component, from, to;
    const struct tt_wiring_way *way;
    uint64_t epoch;
    int stream[MOVE_SIDES]; /* until both ends are sent; -1 */
    bool is_fresh;          /* it begins anew, at a key frame: nothing of its state goes */
    bool is_hurried;        /* move_hurry() */
    bool has_joined;        /* the target came for it, and its worker has its part already */
    json_t *begins;         /* indices that the target has by itself; NULL: none */
    int64_t node;           /* in the target's engine */
    int64_t begin_ns, cut_ns, begun_ns, took_ns, index, bytes, pages;
    struct move_shift shift;
    char why[SUPERVISE_TEXT_BYTES];
};

/* Whoever waits for a spare container. */
struct move_guest {
    uint64_t client;                /* its number; it may go at any time */
    int64_t part_ns;                /* of what the container's worker was planned with */
    char why[SUPERVISE_TEXT_BYTES]; /* its worker got none */
};

/* Of a run; NULL until something moved. */
struct run_moves {
    struct move *now; /* NULL: none is under way */
    struct move_join join;
    struct move_guest guest; /* of join, while that is on */
    uint64_t epochs;
    int64_t began_ns[TT_PICTURE_COMPONENTS_MAX]; /* media time that its instance began at */
    int64_t index[TT_PICTURE_COMPONENTS_MAX];    /* from which on it is where it is */
    struct move_shift shift[TT_PICTURE_COMPONENTS_MAX];
};

/* move_run.c */
int move_start(struct run *run, struct move *move, struct tt_error *err);

/* move_hurry.c: from the order to cut until the component runs again. */
void move_hurry(struct move *move, bool is_hurried);

/* move_spare.c: the answer goes to the client when it is there, or will not come. */
void move_want(struct run *run, uint32_t component, uint32_t to, uint64_t client);
void move_cancel_join(struct run *run);
/* A component is in `to` from now on. */
void move_tell_arrived(struct run *run, uint32_t from, uint32_t to);
/* All that moved in this service. */
struct move_shifts move_shifts(const struct run *run);
/* Spare containers that nothing came to, or that are empty again, are ended. */
void move_look_empty(struct run *run);
/* move.c: what waited for it. */
int move_begin_joined(struct run *run, struct tt_error *err);

/* move_plan.c: may it run there? *ret: what is to be reserved. -EBUSY with the arithmetic. */
struct move_question {
    const struct tt_picture *picture;
    const struct tt_plan *plan;
    const uint32_t *process_of; /* of components as they are */
    uint32_t component, to;
    int64_t cost_ns;              /* of an activation; 0: unknown */
    int64_t budget_ns, period_ns; /* of the target's worker; 0: none */
    const char *container;
};
int move_plan(const struct move_question *question, int64_t *ret_more_ns, struct tt_error *err);
/* The same for a worker that would be its own: what that is planned with, of which the component's
 * part is *ret_part_ns; home: of the worker that the plan gave it. budget_ns and period_ns of the
 * question are of no meaning. */
int move_plan_spare(const struct move_question *question, const struct tt_plan_worker *home,
                    struct tt_plan_worker *ret, int64_t *ret_part_ns, struct tt_error *err);

#endif
