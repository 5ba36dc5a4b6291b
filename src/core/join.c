/* Joins: which inputs an activation takes, and what is done about those that are late. */
#include "core/inside.h"

static uint32_t policy_of(const struct flow *flow)
{
    return flow->plan->late_policy == 0 ? TT_LATE_KEEP : flow->plan->late_policy;
}

static bool is_filling(uint32_t policy)
{
    return (policy & (TT_LATE_REPEAT | TT_LATE_BLACK | TT_LATE_SILENCE)) != 0;
}

/* It came after its time, or for an index that the leader does not have: what made it late is found
 * at its source when a sink asks. */
static void forget_head(struct tt_engine *engine, struct flow *flow)
{
    struct entry entry;

    engine_pop(engine, flow, &entry);
    engine_unref(engine, entry.handle);
}

static void record_use(struct tt_engine *engine, struct node *node, uint32_t input, int64_t index,
                       int64_t origin_ns)
{
    struct tt_node_stats *stats = &engine->stats->nodes[node->number];
    struct tt_record record = {.kind = TT_RECORD_USE,
                               .sink = (uint16_t)input,
                               .component = (uint16_t)node->plan->ledger_component,
                               .index = index,
                               .origin_ns = origin_ns};

    record.value = policy_of(&engine->flows[node->in[input]]);
    record.delivered_ns = engine_media(engine, engine->now_ns);
    engine_record(engine, &record);
    __atomic_store_n(&stats->late_uses, stats->late_uses + 1, __ATOMIC_RELAXED);
}

/* The leader's missing index: given a substitute, or given up. False: there is nothing to do now.
 */
static bool fill_leader(struct tt_engine *engine, struct node *node, struct flow *flow,
                        struct decision *ret)
{
    uint32_t policy = policy_of(flow);

    ret->index = node->next_index;
    ret->origin_ns = tt_index_ns(ret->index, node->rate);
    ret->duration_ns = tt_index_ns(ret->index + 1, node->rate) - ret->origin_ns;
    if (is_filling(policy) && (policy != TT_LATE_REPEAT || flow->has_last)) {
        ret->is_fill = true;
        ret->late_inputs |= 1u << node->leader;
        return true;
    }
    record_use(engine, node, node->leader, ret->index, ret->origin_ns);
    node->next_index++;
    return false;
}

static int64_t fire_ns(const struct tt_engine *engine, const struct node *node, int64_t origin_ns)
{
    return engine->epoch_ns + origin_ns + node->plan->fire_offset_ns;
}

/* The leader has nothing yet, and a policy that does not wait for ever. */
static bool wait_for_leader(struct tt_engine *engine, struct node *node, struct flow *flow,
                            struct decision *ret)
{
    int64_t wake_ns;

    engine_skip_late(engine, node, INT64_MAX);
    for (uint32_t n = 0; n < 8; n++) {
        wake_ns = fire_ns(engine, node, tt_index_ns(node->next_index, node->rate));
        ret->wake_ns = wake_ns;
        if (engine->now_ns < wake_ns)
            return false;
        if (fill_leader(engine, node, flow, ret)) {
            ret->ready_ns = wake_ns;
            return true;
        }
    }
    return false;
}

/* Well behind the End of its own flow: what lies there is a lie that nobody waits for. */
static bool is_past_end(const struct node *node, const struct flow *flow, int64_t origin_ns)
{
    return flow->has_ended && origin_ns > flow->end_ns + WINDOW * node->period_ns;
}

enum state { INPUT_WAITS, INPUT_IS_THERE, INPUT_IS_PAST };

static enum state state_of(struct tt_engine *engine, struct flow *flow, struct decision *decision);

/* No index before the next will be asked for. What the other inputs have for those goes now: a
 * queue that stays full of it keeps its producer waiting, and where that one feeds the leader too
 * each frame comes after its time, for good. */
static void forget_past(struct tt_engine *engine, struct node *node)
{
    struct decision next = {.index = node->next_index,
                            .origin_ns = tt_index_ns(node->next_index, node->rate)};

    for (uint32_t n = 0; n < node->in_count; n++)
        if (node->in[n] != NONE && n != node->leader)
            (void)state_of(engine, &engine->flows[node->in[n]], &next);
}

/* Which index the leader asks for next; false: none yet, or End. */
static bool follow_leader(struct tt_engine *engine, struct node *node, struct decision *ret)
{
    struct flow *flow = &engine->flows[node->in[node->leader]];
    bool is_grid =
        engine->is_live && !flow->is_coded && !flow->is_still && policy_of(flow) != TT_LATE_KEEP;
    int64_t at_ns = node->rate.num > 0 ? tt_index_ns(node->next_index, node->rate) : 0;
    const struct entry *head;

    while (is_grid && flow->count > 0 &&
           (engine_head(flow, 0)->index < node->next_index || is_past_end(node, flow, at_ns)))
        forget_head(engine, flow);
    head = engine_head(flow, 0);
    if (!head && flow->has_ended) {
        ret->what = WHAT_END;
        ret->origin_ns = flow->end_ns;
        ret->index = node->next_index;
        ret->ready_ns = engine->now_ns;
        return false;
    }
    if (!head) {
        if (is_grid && wait_for_leader(engine, node, flow, ret))
            return true;
        if (is_grid)
            forget_past(engine, node);
        return false;
    }
    if (is_grid && is_filling(policy_of(flow)) && head->index > node->next_index) {
        if (engine->now_ns < engine->epoch_ns + at_ns) { /* no substitute before its instant */
            ret->wake_ns = engine->epoch_ns + at_ns;
            return false;
        }
        engine_skip_late(engine, node, head->index);
        if (node->next_index < head->index && fill_leader(engine, node, flow, ret)) {
            ret->ready_ns = head->arrived_ns;
            return true;
        }
    }
    ret->is_fill = false;
    ret->late_inputs = 0;
    ret->index = head->index;
    ret->origin_ns = head->origin_ns;
    ret->duration_ns = head->duration_ns;
    ret->ready_ns = head->arrived_ns;
    return true;
}

/* Will nothing of this input be shown any more? What deciding took from the queue may still have to
 * be. */
static bool is_over(const struct node *node, const struct flow *flow,
                    const struct decision *decision)
{
    if (!flow->has_ended)
        return false;
    if (is_past_end(node, flow, decision->origin_ns))
        return true;
    return flow->count == 0 && (flow->is_audio || !flow->has_last || !flow->is_last_new);
}

/* A clock-led join ends when all inputs have that could bring more; images never do. */
static bool is_all_ended(const struct tt_engine *engine, const struct node *node,
                         const struct decision *decision)
{
    bool has_moving = false;

    for (uint32_t n = 0; n < node->in_count; n++) {
        const struct flow *flow = node->in[n] == NONE ? NULL : &engine->flows[node->in[n]];

        if (!flow || flow->is_still)
            continue;
        has_moving = true;
        if (!is_over(node, flow, decision))
            return false;
    }
    if (has_moving)
        return true;
    return engine_is_stopping(engine) || decision->origin_ns >= engine->params.end_ns;
}

static bool follow_clock(struct tt_engine *engine, struct node *node, struct decision *ret)
{
    engine_skip_late(engine, node, INT64_MAX);
    ret->index = node->next_index;
    ret->origin_ns = tt_index_ns(ret->index, node->rate);
    ret->duration_ns = tt_index_ns(ret->index + 1, node->rate) - ret->origin_ns;
    ret->ready_ns = engine->is_live ? engine->epoch_ns + ret->origin_ns : 0;
    if (is_all_ended(engine, node, ret)) {
        ret->what = WHAT_END;
        ret->ready_ns = engine->now_ns;
        return false;
    }
    if (engine->is_live && engine->now_ns < ret->ready_ns) {
        forget_past(engine, node);
        ret->wake_ns = ret->ready_ns;
        return false;
    }
    return true;
}

/* Audio: the frame with this index, and no other. */
static enum state state_of_audio(struct tt_engine *engine, struct flow *flow,
                                 struct decision *decision)
{
    const struct entry *head;

    while (flow->count > 0 && engine_head(flow, 0)->index < decision->index)
        forget_head(engine, flow);
    head = engine_head(flow, 0);
    if (!head)
        return flow->has_ended ? INPUT_IS_THERE : INPUT_WAITS;
    if (head->index > decision->index)
        return INPUT_IS_PAST;
    if (head->arrived_ns > decision->ready_ns)
        decision->ready_ns = head->arrived_ns;
    return INPUT_IS_THERE;
}

static void retain(struct tt_engine *engine, struct flow *flow, const struct entry *entry)
{
    if (flow->has_last)
        engine_unref(engine, flow->last.handle);
    flow->last = *entry;
    flow->has_last = flow->is_last_new = true;
}

/* Video: its newest frame that is not younger than the leader's. Older ones are let go at once, so
 * that a queue of any depth can bring the one that is waited for. */
static enum state state_of_video(struct tt_engine *engine, struct flow *flow,
                                 struct decision *decision)
{
    int64_t margin_ns = flow->margin_ns, age_ns;

    while (flow->count > 0 &&
           (flow->is_still || engine_head(flow, 0)->origin_ns <= decision->origin_ns + margin_ns)) {
        struct entry entry;

        engine_pop(engine, flow, &entry);
        retain(engine, flow, &entry);
    }
    if (flow->has_last && flow->last.arrived_ns > decision->ready_ns)
        decision->ready_ns = flow->last.arrived_ns;
    if (flow->is_still)
        return flow->has_last || flow->has_ended ? INPUT_IS_THERE : INPUT_WAITS;
    age_ns = flow->has_last ? decision->origin_ns - flow->last.origin_ns : TIME_MAX;
    if (age_ns < flow->period_ns - margin_ns)
        return INPUT_IS_THERE;
    if (flow->count == 0) /* after its End its last frame serves */
        return flow->has_ended ? INPUT_IS_THERE : INPUT_WAITS;
    return age_ns <= flow->period_ns + margin_ns ? INPUT_IS_THERE : INPUT_IS_PAST;
}

static enum state state_of(struct tt_engine *engine, struct flow *flow, struct decision *decision)
{
    return flow->is_audio && !flow->is_still ? state_of_audio(engine, flow, decision)
                                             : state_of_video(engine, flow, decision);
}

/* At the fire time a video input that is just one period behind is shown again, and is not late. */
static bool is_late(const struct flow *flow, const struct decision *decision)
{
    if (flow->is_audio || flow->is_still || !flow->has_last)
        return true;
    return flow->last.origin_ns < decision->origin_ns - flow->period_ns - flow->period_ns / 8;
}

/* False: it has to wait for an input. */
static bool judge_inputs(struct tt_engine *engine, struct node *node, struct decision *ret)
{
    int64_t at_ns = fire_ns(engine, node, ret->origin_ns);
    bool is_fired = engine->is_live ? engine->now_ns >= at_ns : engine->is_forced;
    bool is_complete = true;

    for (uint32_t n = 0; n < node->in_count; n++) {
        struct flow *flow = node->in[n] == NONE ? NULL : &engine->flows[node->in[n]];
        enum state state;

        if (!flow || n == node->leader)
            continue;
        state = state_of(engine, flow, ret);
        if (state == INPUT_IS_THERE)
            continue;
        if (state == INPUT_IS_PAST) {
            ret->late_inputs |= 1u << n;
        } else if (is_fired && (engine->is_forced || policy_of(flow) != TT_LATE_KEEP)) {
            if (engine->is_live && at_ns > ret->ready_ns)
                ret->ready_ns = at_ns;
            if (is_late(flow, ret))
                ret->late_inputs |= 1u << n;
        } else {
            is_complete = false;
        }
    }
    ret->wake_ns = is_complete || !engine->is_live || is_fired ? NEVER : at_ns;
    return is_complete;
}

void engine_decide_join(struct tt_engine *engine, struct node *node, struct decision *ret)
{
    bool is_led = node->kind == KIND_LED;

    if (!(is_led ? follow_leader(engine, node, ret) : follow_clock(engine, node, ret)))
        return;
    ret->wake_ns = NEVER;
    if (judge_inputs(engine, node, ret))
        ret->what = WHAT_RUN;
}

static void show(struct input *input, const struct entry *entry, uint32_t flags)
{
    input->entry = *entry;
    input->entry.flags |= flags;
    input->is_there = true;
}

/* The frame that stands for a late one, if the policy has one. */
static void take_late(struct flow *flow, struct input *input)
{
    if (flow->has_last && (policy_of(flow) & (TT_LATE_REPEAT | TT_LATE_KEEP)))
        show(input, &flow->last, TT_REPEATED);
}

static void take_leader(struct tt_engine *engine, struct flow *flow,
                        const struct decision *decision, struct input *input)
{
    struct entry entry;

    if (decision->is_fill) {
        take_late(flow, input);
        input->entry.index = decision->index;
        input->entry.origin_ns = decision->origin_ns;
        input->is_new = input->is_there;
        return;
    }
    engine_pop(engine, flow, &entry);
    show(input, &entry, 0);
    input->is_new = true;
    input->is_owned = !flow->is_retained;
    if (flow->is_retained)
        retain(engine, flow, &entry);
}

static void take_input(struct tt_engine *engine, struct flow *flow, const struct decision *decision,
                       bool is_late_now, struct input *input)
{
    struct entry entry;

    if (!flow->is_audio || flow->is_still) {
        input->is_new = flow->is_last_new;
        flow->is_last_new = false;
        if (is_late_now)
            take_late(flow, input);
        else if (flow->has_last)
            show(input, &flow->last, 0);
        return;
    }
    if (is_late_now) {
        take_late(flow, input);
        return;
    }
    if (flow->count == 0 || engine_head(flow, 0)->index != decision->index)
        return; /* after its End: silence */
    engine_pop(engine, flow, &entry);
    show(input, &entry, 0);
    input->is_new = true;
    input->is_owned = !flow->is_retained;
    if (flow->is_retained)
        retain(engine, flow, &entry);
}

void engine_take_join(struct tt_engine *engine, struct node *node, const struct decision *decision)
{
    for (uint32_t n = 0; n < node->in_count; n++) {
        struct flow *flow = node->in[n] == NONE ? NULL : &engine->flows[node->in[n]];
        bool is_late_now = decision->late_inputs >> n & 1;

        if (!flow)
            continue;
        if (n == node->leader)
            take_leader(engine, flow, decision, &engine->running->in[n]);
        else
            take_input(engine, flow, decision, is_late_now, &engine->running->in[n]);
        if (is_late_now)
            record_use(engine, node, n, decision->index, decision->origin_ns);
    }
}
