/* Who waits for a spare container, and what becomes of that: decided here, done in move_spare.c. */
#include "node/move_join.h"

#include "base/assert.h"

static void add(struct move_join_actions *out, enum move_join_verb verb, enum move_join_why why)
{
    tt_assert(out->count < MOVE_JOIN_ACTIONS_MAX);
    out->list[out->count++] = (struct move_join_action){.verb = verb, .why = why};
}

static void ask(struct move_join *join, struct move_join_actions *out)
{
    join->is_asked = true;
    add(out, MOVE_JOIN_ASK, 0);
}

static void fail(struct move_join *join, enum move_join_why why, struct move_join_actions *out)
{
    join->is_on = false;
    add(out, MOVE_JOIN_FAIL, why);
}

static void on_wanted(struct move_join *join, const struct move_join_event *event,
                      struct move_join_actions *out)
{
    tt_assert(!join->is_on);
    *join = (struct move_join){.is_on = true, .component = event->component, .to = event->to};
    if (event->is_free) /* else when that is reaped */
        ask(join, out);
}

/* One that was ending when it was wanted is what was waited for; one that was asked for is lost. */
static void on_left(struct move_join *join, struct move_join_actions *out)
{
    if (join->is_asked)
        fail(join, MOVE_JOIN_GONE, out);
    else
        ask(join, out);
}

void move_join_step(struct move_join *join, const struct move_join_event *event,
                    struct move_join_actions *out)
{
    bool is_its = join->is_on && join->to == event->to;

    out->count = 0;
    switch (event->kind) {
    case MOVE_JOIN_ON_WANTED:
        on_wanted(join, event, out);
        break;
    case MOVE_JOIN_ON_REFUSED:
        if (join->is_on)
            fail(join, MOVE_JOIN_REFUSED, out);
        break;
    case MOVE_JOIN_ON_GOING:
        if (!is_its || !join->is_asked)
            break;
        join->is_on = false; /* the move has it now, and answers */
        add(out, MOVE_JOIN_BEGIN, 0);
        break;
    case MOVE_JOIN_ON_LEFT:
        if (is_its)
            on_left(join, out);
        break;
    case MOVE_JOIN_ON_NOT_BEGUN:
        fail(join, MOVE_JOIN_REFUSED, out);
        add(out, MOVE_JOIN_LOOK, 0);
        break;
    case MOVE_JOIN_ON_CANCEL:
        if (join->is_on)
            fail(join, MOVE_JOIN_OVER, out);
        break;
    }
}
