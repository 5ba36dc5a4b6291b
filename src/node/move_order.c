/* What tactusd does around one move, and when: decided here, done in move_run.c. */
#include "node/move_order.h"

#include "base/assert.h"

static const bool allowed[MOVE_FINISHED + 1][MOVE_FINISHED + 1] = {
    [MOVE_UNDER_WAY] = {[MOVE_SETTLING] = true},
    [MOVE_SETTLING] = {[MOVE_FINISHED] = true},
};

static void go_to(struct move_order *order, enum move_phase phase)
{
    tt_assert(allowed[order->phase][phase]);
    order->phase = phase;
}

static struct move_action *add(struct move_actions *out, enum move_verb verb)
{
    struct move_action *action;

    tt_assert(out->count < MOVE_ACTIONS_MAX);
    action = &out->list[out->count++];
    *action = (struct move_action){.verb = verb, .reason = ""};
    return action;
}

static void lower(struct move_actions *out, enum move_side side, int64_t by_ns)
{
    struct move_action *action;

    if (by_ns == 0)
        return;
    action = add(out, MOVE_LOWER);
    action->side = side;
    action->by_ns = by_ns;
}

static void wait_until(struct move_order *order, int64_t limit_ns, struct move_actions *out)
{
    order->limit_ns = limit_ns;
    add(out, MOVE_TIMER)->at_ns = limit_ns;
}

/* Both have said all that they say, and were told all. */
static bool is_quiet(const struct move_order *order)
{
    return order->is_settled[MOVE_SOURCE] && order->is_settled[MOVE_TARGET] &&
           !order->is_retire_due;
}

/* What the source has in its queues goes back then, and is missed by a target that has not looked
 * at its own yet. */
static void retire_when_begun(struct move_order *order, struct move_actions *out)
{
    if (!order->is_retire_due || !order->has_begun)
        return;
    order->is_retire_due = false;
    (void)add(out, MOVE_SEND_RETIRE);
}

static void on_end(struct move_order *order, const struct tt_move_action *action, int64_t now_ns,
                   struct move_actions *out)
{
    go_to(order, MOVE_SETTLING);
    if (action->where != TT_MOVE_AT_TARGET) {
        order->has_failed = true;
        add(out, MOVE_FAIL)->reason = action->reason;
        if (order->is_lost)
            (void)add(out, MOVE_KILL_SOURCE);
        else if (order->is_told && !order->is_gone[MOVE_SOURCE])
            (void)add(out, MOVE_SEND_RESUME);
        lower(out, MOVE_TARGET, order->params.raised_ns);
    }
    wait_until(order, now_ns + order->params.end_ns, out);
}

static void take_over(struct move_order *order, const struct tt_move_action *action, int64_t now_ns,
                      struct move_actions *out)
{
    switch (action->verb) {
    case TT_MOVE_PREPARE:
        order->is_settled[MOVE_TARGET] = false;
        (void)add(out, MOVE_SEND_COME);
        break;
    case TT_MOVE_SEND_ROUND:
        (void)add(out, order->is_told ? MOVE_SEND_ROUND : MOVE_SEND_LEAVE);
        if (!order->is_told)
            order->is_settled[MOVE_SOURCE] = false;
        order->is_told = true;
        break;
    case TT_MOVE_SEND_CUT:
        (void)add(out, MOVE_SEND_CUT);
        break;
    case TT_MOVE_RESUME: /* its end says so, to whoever was told anything */
        tt_assert(order->is_told);
        break;
    case TT_MOVE_RETIRE:
        order->is_retire_due = true;
        retire_when_begun(order, out);
        break;
    case TT_MOVE_DISCARD:
        (void)add(out, MOVE_SEND_DISCARD);
        break;
    case TT_MOVE_KILL_TARGET:
        (void)add(out, MOVE_KILL_TARGET);
        break;
    case TT_MOVE_TIMER:
        add(out, MOVE_TIMER)->at_ns = action->at_ns;
        break;
    case TT_MOVE_END:
        on_end(order, action, now_ns, out);
        break;
    }
}

static void feed(struct move_order *order, enum tt_move_event_kind kind, uint32_t pages,
                 int64_t now_ns, struct move_actions *out)
{
    struct tt_move_event event = {.kind = kind, .pages = pages};
    struct tt_move_actions actions;

    tt_move_step(&order->step, &event, now_ns, &actions);
    for (uint32_t n = 0; n < actions.count; n++)
        take_over(order, &actions.list[n], now_ns, out);
}

/* What the target needed was raised before it began; what the source has too much is lowered when
 * the component is gone from there. */
static void on_took(struct move_order *order, int64_t now_ns, struct move_actions *out)
{
    if (order->phase != MOVE_UNDER_WAY || !order->step.is_cut)
        return;
    (void)add(out, MOVE_ARRIVE);
    lower(out, MOVE_SOURCE, order->params.freed_ns);
    feed(order, TT_MOVE_TOOK, 0, now_ns, out);
}

static void on_begun(struct move_order *order, struct move_actions *out)
{
    order->has_begun = true;
    retire_when_begun(order, out);
}

static void on_died(struct move_order *order, enum move_side side, int64_t now_ns,
                    struct move_actions *out)
{
    order->is_gone[side] = order->is_settled[side] = true;
    if (side == MOVE_TARGET) /* it has nothing to miss any more */
        on_begun(order, out);
    else
        order->is_retire_due = order->is_lost = false;
    feed(order, side == MOVE_TARGET ? TT_MOVE_TARGET_DIED : TT_MOVE_SOURCE_DIED, 0, now_ns, out);
}

/* Make before break: whoever was split lets go by itself, also when the target dies right then. */
static void on_left(struct move_order *order, struct move_actions *out)
{
    order->is_settled[MOVE_SOURCE] = true;
    order->is_lost = true;
    if (order->has_failed)
        (void)add(out, MOVE_KILL_SOURCE);
}

/* Who was not told has nothing of it, and does nothing. */
static void on_not_sent(struct move_order *order, enum move_side side, int64_t now_ns,
                        struct move_actions *out)
{
    order->is_settled[side] = true;
    feed(order, side == MOVE_TARGET ? TT_MOVE_TARGET_DIED : TT_MOVE_SOURCE_FAILED, 0, now_ns, out);
}

/* Who starts anew is to know whether it has the component. The target may have it and not have said
 * so: it is ended, and what it said before is heard until it is reaped. */
static void on_start(struct move_order *order, enum move_side side, struct move_actions *out)
{
    out->may_start = tt_move_may_restart(&order->step);
    if (!out->may_start) {
        tt_assert(side == MOVE_SOURCE); /* the target's death has ended it */
        (void)add(out, MOVE_KILL_TARGET);
        return;
    }
    order->is_gone[side] = false;
}

/* A target that does not begin in all that time is about to be ended by others: the source's frames
 * are late by now, and its room is needed. */
static void on_tick(struct move_order *order, int64_t now_ns, struct move_actions *out)
{
    if (order->phase == MOVE_UNDER_WAY) {
        feed(order, TT_MOVE_TICK, 0, now_ns, out);
        return;
    }
    if (is_quiet(order)) {
        go_to(order, MOVE_FINISHED);
        (void)add(out, MOVE_FINISH);
    } else if (now_ns < order->limit_ns) {
        wait_until(order, order->limit_ns, out);
    } else if (order->is_retire_due) {
        on_begun(order, out);
        wait_until(order, now_ns + order->params.end_ns, out);
    } else {
        go_to(order, MOVE_FINISHED);
        (void)add(out, MOVE_FINISH);
    }
}

static void dispatch(struct move_order *order, const struct move_event *event, int64_t now_ns,
                     struct move_actions *out)
{
    switch (event->kind) {
    case MOVE_ON_READY:
        feed(order, TT_MOVE_READY, 0, now_ns, out);
        break;
    case MOVE_ON_ACKED:
        feed(order, TT_MOVE_ACKED, event->pages, now_ns, out);
        break;
    case MOVE_ON_TOOK:
        on_took(order, now_ns, out);
        break;
    case MOVE_ON_BEGUN:
        if (order->phase == MOVE_SETTLING)
            on_begun(order, out);
        break;
    case MOVE_ON_GAVE_UP:
        feed(order, TT_MOVE_GAVE_UP, 0, now_ns, out);
        break;
    case MOVE_ON_FAILED:
        feed(order, TT_MOVE_SOURCE_FAILED, 0, now_ns, out);
        break;
    case MOVE_ON_SETTLED:
        order->is_settled[event->side] = true;
        break;
    case MOVE_ON_LEFT:
        on_left(order, out);
        break;
    case MOVE_ON_NOT_SENT:
        on_not_sent(order, event->side, now_ns, out);
        break;
    case MOVE_ON_DIED:
        on_died(order, event->side, now_ns, out);
        break;
    case MOVE_ON_START:
        on_start(order, event->side, out);
        break;
    case MOVE_ON_CANCEL:
        feed(order, TT_MOVE_CANCEL, 0, now_ns, out);
        break;
    case MOVE_ON_TICK:
        on_tick(order, now_ns, out);
        break;
    }
}

void move_order_begin(struct move_order *order, const struct move_order_params *params,
                      int64_t now_ns, struct move_actions *out)
{
    struct tt_move_actions actions;

    tt_assert(params->end_ns > 0);
    *out = (struct move_actions){.may_start = true};
    *order = (struct move_order){.params = *params, .is_settled = {true, true}};
    tt_move_begin(&order->step, &params->step, now_ns, &actions);
    for (uint32_t n = 0; n < actions.count; n++)
        take_over(order, &actions.list[n], now_ns, out);
}

void move_order_step(struct move_order *order, const struct move_event *event, int64_t now_ns,
                     struct move_actions *out)
{
    bool was_due = order->phase == MOVE_SETTLING && is_quiet(order);

    *out = (struct move_actions){.may_start = true};
    if (order->phase == MOVE_FINISHED)
        return;
    dispatch(order, event, now_ns, out);
    /* Not at once: whoever told it may still look at it. */
    if (order->phase == MOVE_SETTLING && is_quiet(order) && !was_due)
        wait_until(order, now_ns, out);
}

void move_order_check(const struct move_order *order)
{
    bool is_decided = order->step.state == TT_MOVE_ENDED;

    tt_assert(is_decided == (order->phase != MOVE_UNDER_WAY));
    tt_assert(!order->has_failed || is_decided);
    tt_assert(!order->is_retire_due || (is_decided && !order->has_failed && !order->has_begun));
    tt_assert(!order->is_gone[MOVE_TARGET] || is_decided);
}
