/* What a node would do next: sources at their index, the others when their inputs are there. */
#include "core/inside.h"

/* Catching up: releases whose due time is past are given up, so that those that can still be kept
 * are. A plan without any room between release and due is given one period. */
void engine_skip_late(struct tt_engine *engine, struct node *node, int64_t limit_index)
{
    int64_t allowed_ns = node->plan->due_offset_ns;
    int64_t phase_ns = node->plan->phase_ns;
    int64_t from_ns = tt_index_ns(node->next_index, node->rate) + phase_ns, oldest_ns, index;

    if (node->plan->fire_offset_ns + node->period_ns > allowed_ns)
        allowed_ns = node->plan->fire_offset_ns + node->period_ns;
    oldest_ns = engine_media(engine, engine->now_ns) - allowed_ns;
    if (!engine->is_live || from_ns >= oldest_ns)
        return;
    index = tt_ns_index(oldest_ns - phase_ns - 1, node->rate) + 1;
    index = index < limit_index ? index : limit_index;
    if (index <= node->next_index)
        return;
    node->next_index = index;
    if (node->skips[(node->skip_next - 1) % HISTORY].to_ns == from_ns && node->skip_next > 0)
        from_ns = node->skips[--node->skip_next % HISTORY].from_ns;
    node->skips[node->skip_next++ % HISTORY] =
        (struct skip){from_ns, tt_index_ns(index, node->rate) + phase_ns};
}

static int64_t end_index(const struct tt_engine *engine, const struct node *node)
{
    if (engine->params.end_ns >= TIME_MAX)
        return INT64_MAX;
    return tt_ns_index(engine->params.end_ns - 1, node->rate) + 1;
}

void engine_decide_source(struct tt_engine *engine, struct node *node, struct decision *ret)
{
    bool is_past;

    if (node->rate.num <= 0) {
        ret->what = node->next_index > 0 || engine_is_stopping(engine) ? WHAT_END : WHAT_RUN;
        ret->ready_ns = engine->now_ns;
        return;
    }
    engine_skip_late(engine, node, end_index(engine, node));
    ret->index = node->next_index;
    ret->origin_ns = tt_index_ns(ret->index, node->rate);
    ret->duration_ns = tt_index_ns(ret->index + 1, node->rate) - ret->origin_ns;
    is_past = ret->origin_ns >= engine->params.end_ns;
    ret->origin_ns += node->plan->phase_ns;
    ret->ready_ns = engine->now_ns;
    if (engine->is_live) {
        ret->ready_ns = engine->epoch_ns + ret->origin_ns;
        if (engine->now_ns < ret->ready_ns) {
            ret->wake_ns = ret->ready_ns;
            return;
        }
    }
    ret->what = engine_is_stopping(engine) || is_past ? WHAT_END : WHAT_RUN;
}

static void from_entry(const struct entry *entry, struct decision *ret)
{
    ret->what = WHAT_RUN;
    ret->index = entry->index;
    ret->origin_ns = entry->origin_ns;
    ret->duration_ns = entry->duration_ns;
    ret->ready_ns = entry->arrived_ns;
}

static void from_end(const struct tt_engine *engine, const struct flow *flow, uint32_t input,
                     struct decision *ret)
{
    ret->what = WHAT_END;
    ret->input = input;
    ret->index = flow->has_index ? flow->last_index + 1 : 0;
    ret->origin_ns = flow->end_ns;
    ret->ready_ns = engine->now_ns;
}

static void decide_single(const struct tt_engine *engine, const struct node *node,
                          struct decision *ret)
{
    const struct flow *flow = &engine->flows[node->in[node->only]];

    if (flow->count > 0)
        from_entry(engine_head(flow, 0), ret);
    else if (flow->has_ended && !flow->is_end_seen)
        from_end(engine, flow, node->only, ret);
    ret->input = node->only;
}

/* Of all inputs the frame with the earliest origin, else an End that was not told yet. */
static void decide_by_input(struct tt_engine *engine, struct node *node, struct decision *ret)
{
    for (uint32_t n = 0; n < node->in_count; n++) {
        const struct entry *head;

        if (node->in[n] == NONE)
            continue;
        head = engine_head(&engine->flows[node->in[n]], 0);
        if (head && (ret->what == WHAT_NOTHING || head->origin_ns < ret->origin_ns)) {
            from_entry(head, ret);
            ret->input = n;
        }
    }
    if (ret->what != WHAT_NOTHING)
        return;
    for (uint32_t n = 0; n < node->in_count; n++) {
        const struct flow *flow = node->in[n] == NONE ? NULL : &engine->flows[node->in[n]];

        if (!flow || !flow->has_ended || flow->is_end_seen)
            continue;
        from_end(engine, flow, n, ret);
        return;
    }
}

void engine_decide(struct tt_engine *engine, struct node *node, struct decision *ret)
{
    *ret = (struct decision){.wake_ns = NEVER};
    if (node->kind == KIND_SINGLE && !node->is_again) {
        decide_single(engine, node, ret);
    } else if (node->is_again) {
        ret->what = WHAT_AGAIN;
        ret->input = node->again_input;
        ret->index = node->again_index;
        ret->origin_ns = node->again_origin_ns;
        ret->duration_ns = node->again_duration_ns;
        ret->ready_ns = engine->now_ns;
    } else if (node->kind == KIND_SOURCE) {
        engine_decide_source(engine, node, ret);
    } else if (node->kind == KIND_LED || node->kind == KIND_CLOCKED) {
        engine_decide_join(engine, node, ret);
    } else {
        decide_by_input(engine, node, ret);
    }
}
