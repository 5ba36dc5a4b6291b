/* Queues between nodes: declared depth, a reference for each consumer, End after the last. */
#include "core/inside.h"

/* Who gave to it may have room again: one that waits for that, or goes behind its consumer as long
 * as there is none. */
static void tell_giver(struct tt_engine *engine, const struct flow *flow)
{
    const struct node *from = &engine->nodes[flow->plan->from_node];
    bool was_full = flow->count + 1 >= flow->plan->depth ||
                    engine->nodes[flow->plan->to_node].plan->loan_max > 0;

    if (engine_is_held(engine, from) || engine->ready.place[from->number] != NONE ||
        (from->kind == KIND_INLET && was_full))
        engine_dirty(engine, from->number);
}

void engine_pop(struct tt_engine *engine, struct flow *flow, struct entry *ret)
{
    struct tt_node_stats *stats = &engine->stats->nodes[flow->plan->to_node];

    *ret = *engine_head(flow, 0);
    flow->head = engine_place(flow, 1);
    flow->count--;
    __atomic_store_n(&stats->queue_depth, flow->count, __ATOMIC_RELAXED);
    tell_giver(engine, flow);
}

void engine_flow_clear(struct tt_engine *engine, struct flow *flow)
{
    struct entry entry;

    while (flow->count > 0) {
        engine_pop(engine, flow, &entry);
        engine_unref(engine, entry.handle);
    }
    if (flow->has_last)
        engine_unref(engine, flow->last.handle);
    flow->has_last = false;
}

bool engine_has_room(struct tt_engine *engine, const struct node *node)
{
    for (uint32_t port = 0; port < node->out_count; port++)
        for (uint32_t n = node->out[port]; n != NONE; n = engine->flows[n].next_of_output) {
            const struct flow *flow = &engine->flows[n];
            uint32_t depth = flow->plan->depth + (engine->is_relaxed ? SLACK : 0);

            if ((flow->count >= depth || engine_is_lent_out(engine, flow)) &&
                !engine->nodes[flow->plan->to_node].is_ended)
                return false;
        }
    return true;
}

static bool is_finishing(const struct tt_engine *engine, const struct node *node)
{
    bool has_moving = false;

    for (uint32_t n = 0; n < node->in_count; n++) {
        const struct flow *flow = node->in[n] == NONE ? NULL : &engine->flows[node->in[n]];

        if (!flow || flow->is_still || (node->kind == KIND_LED && n != node->leader))
            continue;
        has_moving = true;
        if (flow->has_next)
            return false;
        if (!flow->has_ended && engine->nodes[flow->plan->from_node].hold_until_ns == 0)
            return false;
    }
    return has_moving;
}

static void hold(struct tt_engine *engine, struct node *node)
{
    int64_t until_ns = engine->now_ns + node->plan->due_offset_ns;

    if (node->hold_until_ns == 0)
        node->hold_until_ns = until_ns > 0 ? until_ns : 1;
}

/* This node has seen its End: so have those that only its drain and other Ends feed. */
void engine_finishing(struct tt_engine *engine, struct node *node)
{
    bool is_behind = false;

    if (!engine->is_live)
        return;
    hold(engine, node);
    for (uint32_t n = 0; n < engine->order_count; n++) {
        if (engine->order[n] == node->number)
            is_behind = true;
        else if (is_behind && is_finishing(engine, &engine->nodes[engine->order[n]]))
            hold(engine, &engine->nodes[engine->order[n]]);
    }
}

/* A join that is not ready waits for another input: what made that late is found at its source. */
static void blame_overflow(struct tt_engine *engine, const struct node *to, int64_t origin_ns)
{
    bool is_join = to->kind == KIND_LED || to->kind == KIND_CLOCKED;

    if (to->kind == KIND_OUTLET)
        engine_drop(engine, to, origin_ns, to->plan->is_between ? TT_CAUSE_WORKER : TT_CAUSE_EDGE);
    else if (to->is_away)
        engine_drop(engine, to, origin_ns, TT_CAUSE_BUDGET);
    else if (!is_join || engine->ready.place[to->number] != NONE)
        engine_drop(engine, to, origin_ns, TT_CAUSE_WORKER);
}

/* The frame of another format is not one that its consumer was shaped for: until the graph is
 * shaped anew it counts as missing, so that late policies and sinks' records see it. */
static bool is_fit(struct tt_engine *engine, struct flow *flow, const struct entry *entry)
{
    const struct node *to = &engine->nodes[flow->plan->to_node];

    if (entry->format_id != flow->format_id && to->sinks)
        engine_record_format(engine, to, flow->plan->to_port, entry);
    flow->format_id = entry->format_id;
    return entry->format_id == 0 || flow->bytes == 0 || entry->bytes == flow->bytes;
}

/* As fast as possible no clock bounds a jump, and a join by the clock would go through all of it.
 */
static bool is_near(const struct tt_engine *engine, const struct flow *flow,
                    const struct entry *entry)
{
    const struct node *to = &engine->nodes[flow->plan->to_node];
    bool is_join = to->kind == KIND_LED || to->kind == KIND_CLOCKED;

    if (engine->is_live || flow->is_still)
        return true;
    if ((is_join || !flow->is_coded) && entry->index - flow->pushed_index > LOST_MAX)
        return false;
    return entry->origin_ns - flow->end_ns <= LOST_MAX * flow->period_ns;
}

static void drop_oldest(struct tt_engine *engine, struct flow *flow)
{
    struct entry oldest;

    engine_pop(engine, flow, &oldest);
    blame_overflow(engine, &engine->nodes[flow->plan->to_node], oldest.origin_ns);
    engine_unref(engine, oldest.handle);
}

/* What waits for a consumer that may go on elsewhere was sent there as well, and the pool counts it
 * once: neither loses its oldest to another. */
static bool is_refused_newest(const struct tt_engine *engine, const struct flow *flow)
{
    if (!flow->is_frozen && !engine_is_lent_out(engine, flow))
        return false;
    if (engine_is_held(engine, &engine->nodes[flow->plan->from_node]))
        return false;
    return flow->is_frozen ? flow->count >= flow->plan->depth + flow->spare : flow->count == 0;
}

/* A full queue loses its oldest: the consumer, or the edge behind it, is behind. False: the frame
 * does not go into it. */
static bool push_one(struct tt_engine *engine, struct flow *flow, const struct entry *entry)
{
    struct node *to = &engine->nodes[flow->plan->to_node];
    struct tt_node_stats *stats = &engine->stats->nodes[to->number];

    if (to->is_ended || flow->has_ended)
        return false;
    if (!is_fit(engine, flow, entry) || !is_near(engine, flow, entry)) {
        engine_drop(engine, to, entry->origin_ns, TT_CAUSE_MEDIA);
        flow->has_ended = flow->is_still;
        engine_dirty(engine, to->number);
        return false;
    }
    if (to->plan->overrun == TT_OVERRUN_SKIP && engine_is_refused(to, flow, entry)) {
        engine_drop(engine, to, entry->origin_ns, TT_CAUSE_BUDGET);
        return false;
    }
    if (is_refused_newest(engine, flow)) {
        blame_overflow(engine, to, entry->origin_ns);
        return false;
    }
    if ((flow->count >= flow->plan->depth + flow->spare || engine_is_lent_out(engine, flow)) &&
        !engine_is_held(engine, &engine->nodes[flow->plan->from_node]))
        drop_oldest(engine, flow);
    tt_assert(flow->count < flow->capacity);
    flow->entries[engine_place(flow, flow->count++)] = *entry;
    flow->has_ended = flow->is_still;
    flow->end_ns = entry->origin_ns;
    flow->pushed_index = entry->index;
    if (flow->count > stats->queue_max)
        __atomic_store_n(&stats->queue_max, flow->count, __ATOMIC_RELAXED);
    __atomic_store_n(&stats->queue_depth, flow->count, __ATOMIC_RELAXED);
    engine_dirty(engine, to->number);
    return true;
}

void engine_push(struct tt_engine *engine, struct node *from, uint32_t port,
                 const struct entry *entry)
{
    struct entry copy = *entry;
    uint32_t taken = 0;

    copy.arrived_ns = engine->now_ns;
    copy.flags &= ~(uint32_t)TT_END;
    for (uint32_t n = from->out[port]; n != NONE; n = engine->flows[n].next_of_output)
        if (push_one(engine, &engine->flows[n], &copy) && taken++ > 0)
            engine_ref(engine, entry->handle);
    if (taken == 0)
        engine_unref(engine, entry->handle);
}

/* One consumer's full queue is no reason for the others to wait: what exceeds it lies in it as it
 * would in the ring, until it is due there and the oldest gives way. */
int64_t engine_shed(struct tt_engine *engine, struct node *inlet)
{
    int64_t wake_ns = NEVER;

    for (uint32_t n = inlet->out[0]; n != NONE; n = engine->flows[n].next_of_output) {
        struct flow *flow = &engine->flows[n];
        const struct node *to = &engine->nodes[flow->plan->to_node];

        while (flow->spare > 0 && flow->count > flow->plan->depth) {
            int64_t origin_ns = engine_head(flow, flow->plan->depth)->origin_ns;
            bool is_sound = origin_ns < TIME_MAX && origin_ns > -TIME_MAX;
            int64_t due_ns =
                is_sound ? engine->epoch_ns + origin_ns + to->plan->due_offset_ns : INT64_MIN;

            if (engine->now_ns < due_ns) {
                wake_ns = due_ns < wake_ns ? due_ns : wake_ns;
                break;
            }
            drop_oldest(engine, flow);
        }
    }
    return wake_ns;
}

void engine_push_end(struct tt_engine *engine, struct node *from, uint32_t port, int64_t end_ns)
{
    for (uint32_t n = from->out[port]; n != NONE; n = engine->flows[n].next_of_output) {
        struct flow *flow = &engine->flows[n];

        if (!flow->has_ended)
            flow->end_ns = end_ns;
        if (flow->has_next)
            flow->is_spent = true;
        else
            flow->has_ended = true;
        engine_dirty(engine, flow->plan->to_node);
    }
}
