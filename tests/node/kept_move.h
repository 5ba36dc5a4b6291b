/* What tactusd keeps of a move under way, in few bytes and without a date, so that equal states of
 * a search are equal bytes: from a struct move_order and back. */
#ifndef TT_TESTS_NODE_KEPT_MOVE_H
#define TT_TESTS_NODE_KEPT_MOVE_H

#include <string.h>

#include "check.h"
#include "node/move_order.h"

struct kept_move {
    bool has_failed, is_told, is_settled[MOVE_SIDES], is_gone[MOVE_SIDES], has_begun;
    bool is_retire_due, is_source_dead, is_cut, is_lost;
    uint8_t phase, state, rounds;
    int8_t raised_ns, freed_ns, limit_ns, step_limit_ns; /* limits from now */
};

static inline int8_t kept_move_from_now(int64_t at_ns, int64_t then_ns)
{
    return (int8_t)(at_ns > then_ns ? at_ns - then_ns : 0);
}

static inline void kept_move_keep(struct kept_move *kept, const struct move_order *order,
                                  int64_t then_ns)
{
    move_order_check(order);
    CHECK(order->step.state != TT_MOVE_GIVING_UP || order->step.reason[0] != '\0');
    kept->phase = order->phase;
    kept->has_failed = order->has_failed;
    kept->is_told = order->is_told;
    memcpy(kept->is_settled, order->is_settled, sizeof(order->is_settled));
    memcpy(kept->is_gone, order->is_gone, sizeof(order->is_gone));
    kept->has_begun = order->has_begun;
    kept->is_retire_due = order->is_retire_due;
    kept->is_lost = order->is_lost;
    kept->limit_ns = kept_move_from_now(order->limit_ns, then_ns);
    kept->state = order->step.state;
    kept->rounds = (uint8_t)order->step.rounds;
    kept->is_source_dead = order->step.is_source_dead;
    kept->is_cut = order->step.is_cut;
    kept->step_limit_ns = kept_move_from_now(order->step.limit_ns, then_ns);
}

static inline struct move_order_params kept_move_params(const struct kept_move *kept)
{
    return (struct move_order_params){
        .step = {.rounds_max = 2, .pages_enough = 10, .step_ns = 1, .cut_ns = 1},
        .end_ns = 1,
        .raised_ns = kept->raised_ns,
        .freed_ns = kept->freed_ns};
}

static inline void kept_move_recall(const struct kept_move *kept, struct move_order *order,
                                    int64_t now_ns)
{
    *order = (struct move_order){.params = kept_move_params(kept),
                                 .phase = kept->phase,
                                 .has_failed = kept->has_failed,
                                 .is_told = kept->is_told,
                                 .has_begun = kept->has_begun,
                                 .is_retire_due = kept->is_retire_due,
                                 .is_lost = kept->is_lost,
                                 .limit_ns = now_ns + kept->limit_ns};
    memcpy(order->is_settled, kept->is_settled, sizeof(order->is_settled));
    memcpy(order->is_gone, kept->is_gone, sizeof(order->is_gone));
    order->step = (struct tt_move){.params = order->params.step,
                                   .state = kept->state,
                                   .rounds = kept->rounds,
                                   .is_source_dead = kept->is_source_dead,
                                   .is_cut = kept->is_cut,
                                   .limit_ns = now_ns + kept->step_limit_ns,
                                   .reason = "before"};
}

#endif
