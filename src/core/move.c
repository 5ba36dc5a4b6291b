/* Moving a component between two frames; move.h tells the way. */
#include "core/move.h"

#include "base/assert.h"

static struct tt_move_action *add(struct tt_move_actions *out, enum tt_move_verb verb)
{
    struct tt_move_action *action;

    tt_assert(out->count < TT_MOVE_ACTIONS_MAX);
    action = &out->list[out->count++];
    *action = (struct tt_move_action){.verb = verb, .reason = ""};
    return action;
}

static void wait(struct tt_move *move, int64_t until_ns, struct tt_move_actions *out)
{
    move->limit_ns = until_ns;
    add(out, TT_MOVE_TIMER)->at_ns = until_ns;
}

static void end(struct tt_move *move, enum tt_move_where where, struct tt_move_actions *out)
{
    struct tt_move_action *action = add(out, TT_MOVE_END);

    move->state = TT_MOVE_ENDED;
    action->where = where;
    action->reason = where == TT_MOVE_AT_TARGET ? "" : move->reason;
}

/* The target has nothing, and never will: it said so, or it is dead. */
static void end_at_source(struct tt_move *move, struct tt_move_actions *out)
{
    if (move->is_source_dead) {
        end(move, TT_MOVE_NOWHERE, out);
        return;
    }
    if (move->is_cut)
        (void)add(out, TT_MOVE_RESUME);
    end(move, TT_MOVE_AT_SOURCE, out);
}

static void give_up(struct tt_move *move, const char *reason, int64_t now_ns,
                    struct tt_move_actions *out)
{
    if (move->state == TT_MOVE_GIVING_UP)
        return;
    move->state = TT_MOVE_GIVING_UP;
    move->reason = reason;
    (void)add(out, TT_MOVE_DISCARD);
    wait(move, now_ns + move->params.step_ns, out);
}

void tt_move_begin(struct tt_move *move, const struct tt_move_params *params, int64_t now_ns,
                   struct tt_move_actions *out)
{
    tt_assert(params->rounds_max > 0 && params->step_ns > 0 && params->cut_ns > 0);
    *move = (struct tt_move){.params = *params, .state = TT_MOVE_PREPARING, .reason = ""};
    out->count = 0;
    (void)add(out, TT_MOVE_PREPARE);
    wait(move, now_ns + params->step_ns, out);
}

static void on_acked(struct tt_move *move, uint32_t pages, int64_t now_ns,
                     struct tt_move_actions *out)
{
    if (move->state != TT_MOVE_COPYING)
        return;
    move->rounds++;
    if (pages > move->params.pages_enough && move->rounds < move->params.rounds_max) {
        (void)add(out, TT_MOVE_SEND_ROUND);
        wait(move, now_ns + move->params.step_ns, out);
        return;
    }
    move->state = TT_MOVE_CUTTING;
    move->is_cut = true;
    (void)add(out, TT_MOVE_SEND_CUT);
    wait(move, now_ns + move->params.cut_ns, out);
}

static void on_source_died(struct tt_move *move, int64_t now_ns, struct tt_move_actions *out)
{
    move->is_source_dead = true;
    /* It may have told all of its state before; the target knows. */
    if (move->state == TT_MOVE_CUTTING)
        return;
    give_up(move, "the container that had it died", now_ns, out);
}

static void on_target_died(struct tt_move *move, struct tt_move_actions *out)
{
    if (move->state != TT_MOVE_GIVING_UP)
        move->reason = "the container that was to get it died";
    end_at_source(move, out);
}

static void on_took(struct tt_move *move, struct tt_move_actions *out)
{
    tt_assert(move->is_cut);
    if (!move->is_source_dead)
        (void)add(out, TT_MOVE_RETIRE);
    end(move, TT_MOVE_AT_TARGET, out);
}

static void on_tick(struct tt_move *move, int64_t now_ns, struct tt_move_actions *out)
{
    if (now_ns < move->limit_ns) {
        wait(move, move->limit_ns, out);
        return;
    }
    if (move->state == TT_MOVE_GIVING_UP) { /* its death is the answer */
        (void)add(out, TT_MOVE_KILL_TARGET);
        wait(move, now_ns + move->params.step_ns, out);
        return;
    }
    give_up(move,
            move->state == TT_MOVE_PREPARING ? "no place was made in time"
            : move->state == TT_MOVE_COPYING ? "its state was not told in time"
                                             : "it did not reach a boundary in time",
            now_ns, out);
}

void tt_move_step(struct tt_move *move, const struct tt_move_event *event, int64_t now_ns,
                  struct tt_move_actions *out)
{
    out->count = 0;
    if (move->state == TT_MOVE_ENDED)
        return;
    switch (event->kind) {
    case TT_MOVE_READY:
        if (move->state != TT_MOVE_PREPARING)
            return;
        move->state = TT_MOVE_COPYING;
        (void)add(out, TT_MOVE_SEND_ROUND);
        wait(move, now_ns + move->params.step_ns, out);
        return;
    case TT_MOVE_ACKED:
        on_acked(move, event->pages, now_ns, out);
        return;
    case TT_MOVE_TOOK:
        on_took(move, out);
        return;
    case TT_MOVE_GAVE_UP:
        if (move->state != TT_MOVE_GIVING_UP)
            move->reason = "what came was not the whole state";
        end_at_source(move, out);
        return;
    case TT_MOVE_SOURCE_FAILED:
        give_up(move, "its state could not be told", now_ns, out);
        return;
    case TT_MOVE_SOURCE_DIED:
        on_source_died(move, now_ns, out);
        return;
    case TT_MOVE_TARGET_DIED:
        on_target_died(move, out);
        return;
    case TT_MOVE_CANCEL:
        give_up(move, "cancelled", now_ns, out);
        return;
    case TT_MOVE_TICK:
        on_tick(move, now_ns, out);
        return;
    }
}

enum tt_source_state tt_source_order(enum tt_source_state state, enum tt_source_order order)
{
    switch (order) {
    case TT_SOURCE_ON_CUT:
        return state == TT_SOURCE_RUNNING ? TT_SOURCE_CUTTING : state;
    case TT_SOURCE_ON_RESUME:
        return state == TT_SOURCE_RETIRED ? state : TT_SOURCE_RUNNING;
    case TT_SOURCE_ON_RETIRE:
        tt_assert(!tt_source_may_run(state));
        return TT_SOURCE_RETIRED;
    }
    return state;
}

bool tt_source_boundary(enum tt_source_state *state)
{
    if (*state != TT_SOURCE_CUTTING)
        return false;
    *state = TT_SOURCE_CUT;
    return true;
}

enum tt_move_event_kind tt_target_step(enum tt_target_state *state, enum tt_target_event event)
{
    if (*state == TT_TARGET_HAS) /* it was told, or will be when tactusd reads it */
        return 0;
    if (*state == TT_TARGET_GAVE_UP)
        return event == TT_TARGET_ON_DISCARD ? TT_MOVE_GAVE_UP : 0;
    *state = event == TT_TARGET_ON_CUT ? TT_TARGET_HAS : TT_TARGET_GAVE_UP;
    return event == TT_TARGET_ON_CUT ? TT_MOVE_TOOK : TT_MOVE_GAVE_UP;
}
