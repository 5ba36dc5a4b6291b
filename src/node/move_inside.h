/* What the files of moves share. */
#ifndef TT_NODE_MOVE_INSIDE_H
#define TT_NODE_MOVE_INSIDE_H

#include "node/move.h"
#include "node/move_order.h"
#include "node/run_inside.h"
#include "spec/ways.h"

/* What a component's place has of its containers' reservations beyond the plan. */
struct move_shift {
    int64_t more_ns; /* in each period, where it is */
    int64_t less_ns; /* at home */
};

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
    json_t *begins;         /* indices that the target has by itself; NULL: none */
    int64_t node;           /* in the target's engine */
    int64_t begin_ns, cut_ns, begun_ns, took_ns, index, bytes, pages;
    struct move_shift shift;
    char why[SUPERVISE_TEXT_BYTES];
};

/* Of a run; NULL until something moved. */
struct run_moves {
    struct move *now; /* NULL: none is under way */
    uint64_t epochs;
    int64_t began_ns[TT_PICTURE_COMPONENTS_MAX]; /* media time that its instance began at */
    int64_t index[TT_PICTURE_COMPONENTS_MAX];    /* from which on it is where it is */
    struct move_shift shift[TT_PICTURE_COMPONENTS_MAX];
};

/* move_run.c */
int move_start(struct run *run, struct move *move, struct tt_error *err);

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

#endif
