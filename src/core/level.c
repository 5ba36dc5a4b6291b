/* Which degrading level a worker runs at: a pure step function. */
#include "core/level.h"

#include "base/assert.h"
#include "tactus/format.h"

enum {
    FRESH_FRAMES = 2, /* at a new level, before it is judged by what the old one left behind */
    FAILED_CALMS =
        64, /* a step down within so many calm times says that the last one up was wrong */
    FAILED_WAITS = 8, /* likewise, of the calm time as it has grown */
    REFUSALS_MAX = 6,
    ANSWER_CALMS = 2 /* a question without an answer is asked again after so long */
};

static int64_t calm_ns(const struct tt_level *level)
{
    return level->params.calm_ns << level->doublings;
}

void tt_level_init(struct tt_level *level, const struct tt_level_params *params)
{
    tt_assert(params->first <= params->floor);
    tt_assert(params->floor < TT_LEVELS_MAX);
    *level = (struct tt_level){.params = *params, .level = params->first};
    if (level->params.calm_ns <= 0)
        level->params.calm_ns = TT_LEVEL_CALM_NS;
}

static void change(struct tt_level *level, uint32_t to, int64_t now_ns, enum tt_level_why why,
                   struct tt_level_actions *ret)
{
    level->level = to;
    level->change_count++;
    level->change_ns = level->calm_since_ns = now_ns;
    level->frames = 0;
    level->is_open = false;
    for (uint32_t n = 0; n < TT_LEVEL_SINKS; n++)
        level->sinks[n].put = level->sinks[n].count = 0;
    ret->why = why;
    ret->level = to;
}

/* Was the last step up a mistake? One that was is made half as often from now on, one that held for
 * long makes good for one that was. */
static void learn(struct tt_level *level, int64_t now_ns)
{
    int64_t past_ns = now_ns - level->up_ns;

    if (!level->has_gone_up)
        return;
    if (past_ns < FAILED_CALMS * level->params.calm_ns || past_ns < FAILED_WAITS * calm_ns(level))
        level->doublings += level->doublings < TT_LEVEL_DOUBLINGS_MAX;
    else
        level->doublings -= level->doublings > 0;
}

/* depth: how many levels at once. */
static void step_down(struct tt_level *level, uint32_t depth, int64_t now_ns, enum tt_level_why why,
                      struct tt_level_actions *ret)
{
    uint32_t left = level->params.floor - level->level;

    level->calm_since_ns = now_ns;
    if (left == 0)
        return;
    learn(level, now_ns);
    change(level, level->level + (depth < left ? depth : left), now_ns, why, ret);
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t peak_ns(const struct tt_level_sink *sink)
{
    int64_t peak = 0;

    for (uint32_t n = 0; n < sink->count; n++)
        peak = larger(peak, sink->costs_ns[n]);
    return peak;
}

/* Takes the frame's latency apart; returns what it leaves to the next one. */
static int64_t take_cost(struct tt_level_sink *sink, const struct tt_level_event *event)
{
    int64_t latency_ns = event->room_ns - event->slack_ns, before_ns = 0;
    int64_t gone_ns = event->period_ns;

    if (sink->has_last && event->index > sink->index &&
        event->index - sink->index < TT_LEVEL_SEEN && event->period_ns > 0) {
        gone_ns = (event->index - sink->index) * event->period_ns;
        before_ns = larger(0, sink->latency_ns - gone_ns);
    }
    sink->costs_ns[sink->put++ % TT_LEVEL_SEEN] = larger(0, latency_ns - before_ns);
    sink->count += sink->count < TT_LEVEL_SEEN;
    sink->has_last = true;
    sink->index = event->index;
    sink->latency_ns = latency_ns;
    sink->period_ns = event->period_ns;
    sink->room_ns = event->room_ns;
    return larger(0, latency_ns - event->period_ns);
}

/* Would the next frame be late at the greatest cost of those seen, or the one after it at the cost
 * of this one twice? */
static bool is_next_late(const struct tt_level_sink *sink, const struct tt_level_event *event,
                         int64_t left_ns)
{
    int64_t last_ns = sink->costs_ns[(sink->put - 1) % TT_LEVEL_SEEN];
    int64_t second_ns = larger(0, left_ns + last_ns - event->period_ns) + last_ns;

    /* A frame that leaves nothing behind says nothing of the next but its own cost, which was kept.
     */
    if (left_ns == 0 || event->period_ns <= 0)
        return false;
    return left_ns + peak_ns(sink) > event->room_ns || second_ns > event->room_ns;
}

static void on_frame(struct tt_level *level, const struct tt_level_event *event,
                     struct tt_level_actions *ret)
{
    uint32_t place = event->sink < TT_LEVEL_SINKS ? event->sink : TT_LEVEL_SINKS - 1;
    struct tt_level_sink *sink = &level->sinks[place];
    int64_t left_ns = take_cost(sink, event);
    bool is_late = event->slack_ns < 0, is_ahead = !is_late && is_next_late(sink, event, left_ns);

    level->frames++;
    if (!is_late && !is_ahead)
        return;
    level->calm_since_ns = event->now_ns;
    /* What is late now was begun before the last change. */
    if (level->change_count > 0 && level->frames <= FRESH_FRAMES)
        return;
    /* With a backlog there is no time to try one level after the other. */
    step_down(level, left_ns > 0 ? level->params.floor : 1, event->now_ns,
              is_late ? TT_LEVEL_MISSED : TT_LEVEL_AHEAD, ret);
}

static void on_lost(struct tt_level *level, const struct tt_level_event *event,
                    struct tt_level_actions *ret)
{
    level->calm_since_ns = event->now_ns;
    if (level->change_count > 0 && level->frames <= FRESH_FRAMES)
        return;
    step_down(level, level->params.floor, event->now_ns, TT_LEVEL_MISSED, ret);
}

static void on_answer(struct tt_level *level, const struct tt_level_event *event,
                      struct tt_level_actions *ret)
{
    if (!level->is_open || level->level == 0 || event->level != level->level - 1)
        return; /* to a question that something else has settled */
    level->is_open = false;
    if (!event->is_admitted) {
        level->refusals += level->refusals < REFUSALS_MAX;
        return;
    }
    level->refusals = 0;
    level->has_gone_up = true;
    level->up_ns = event->now_ns;
    change(level, event->level, event->now_ns, TT_LEVEL_ADMITTED, ret);
}

static int64_t mean_ns(const struct tt_level_sink *sink)
{
    int64_t sum = 0;

    for (uint32_t n = 0; n < sink->count; n++)
        sum += sink->costs_ns[n];
    return sink->count > 0 ? sum / sink->count : 0;
}

/* By what frames cost now, scaled to the level above: one alone would be late, or their mean more
 * than there is time for. (A frame that waits for others takes long and costs little: of those that
 * are on their way for longer than a period the mean says nothing.) */
static bool is_too_much(const struct tt_level *level)
{
    int64_t here = level->params.cost[level->level], above = level->params.cost[level->level - 1];

    if (here <= 0 || above <= 0)
        return false;
    for (uint32_t n = 0; n < TT_LEVEL_SINKS; n++) {
        const struct tt_level_sink *sink = &level->sinks[n];

        if (sink->count == 0 || sink->period_ns <= 0)
            continue;
        if (tt_muldiv(peak_ns(sink), above, here) > sink->room_ns)
            return true;
        if (sink->latency_ns <= sink->period_ns &&
            tt_muldiv(mean_ns(sink), above, here) > sink->period_ns)
            return true;
    }
    return false;
}

static void maybe_ask(struct tt_level *level, int64_t now_ns, struct tt_level_actions *ret)
{
    int64_t wait_ns = level->params.calm_ns << level->refusals;

    if (level->level == 0 || now_ns - level->calm_since_ns < calm_ns(level))
        return;
    if (level->is_open && now_ns - level->ask_ns < ANSWER_CALMS * level->params.calm_ns)
        return;
    if (level->refusals > 0 && now_ns - level->ask_ns < wait_ns)
        return;
    if (is_too_much(level)) {
        level->calm_since_ns = now_ns; /* looked at again after another calm time */
        return;
    }
    level->is_open = true;
    level->ask_ns = now_ns;
    ret->is_asking = true;
    ret->asked = level->level - 1;
}

void tt_level_settle(struct tt_level *level, uint32_t floor, uint32_t least, int64_t now_ns,
                     struct tt_level_actions *ret)
{
    uint32_t to = least > level->level ? least : level->level;

    tt_assert(floor < TT_LEVELS_MAX);
    *ret = (struct tt_level_actions){.level = level->level};
    level->params.floor = floor;
    to = to < floor ? to : floor;
    if (to != level->level)
        change(level, to, now_ns, TT_LEVEL_SETTLED, ret);
}

void tt_level_step(struct tt_level *level, const struct tt_level_event *event,
                   struct tt_level_actions *ret)
{
    *ret = (struct tt_level_actions){.level = level->level};
    if (!level->has_begun) {
        level->has_begun = true;
        level->change_ns = level->calm_since_ns = event->now_ns;
    }
    if (event->kind == TT_LEVEL_FRAME)
        on_frame(level, event, ret);
    else if (event->kind == TT_LEVEL_LOST)
        on_lost(level, event, ret);
    else
        on_answer(level, event, ret);
    tt_assert(level->level <= level->params.floor);
    if (ret->why == TT_LEVEL_STAYS)
        maybe_ask(level, event->now_ns, ret);
}
