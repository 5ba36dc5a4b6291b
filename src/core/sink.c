/* What a sink got: one record for each due index, in order, with who broke it when it was not kept.
 */
#include "core/inside.h"

enum {
    MUTE_LOOK_NS = 500000000 /* how often sinks are looked at that get nothing */
};

/* After its due time: what comes later still is lost, even if it comes. */
#define MUTE_PATIENCE_NS ((int64_t)3000000000)

static bool record_lost_ones(struct tt_engine *engine)
{
    struct tt_record lost = {.kind = TT_RECORD_LOST};

    lost.value = (int64_t)engine->records_pending_lost;
    if (!engine->ops->record_out(engine->world, &lost))
        return false;
    engine->records_pending_lost = 0;
    return true;
}

void engine_record(struct tt_engine *engine, const struct tt_record *record)
{
    if (engine->degrade)
        engine_degrade(engine, record);
    if ((engine->records_pending_lost == 0 || record_lost_ones(engine)) &&
        engine->ops->record_out(engine->world, record))
        return;
    engine->records_pending_lost++;
    __atomic_store_n(&engine->stats->records_lost, engine->stats->records_lost + 1,
                     __ATOMIC_RELAXED);
}

static const struct flow *flow_of(const struct tt_engine *engine, const struct node *node,
                                  uint32_t input)
{
    return &engine->flows[node->in[input]];
}

static void record_lost(struct tt_engine *engine, const struct node *node, uint32_t input,
                        int64_t index)
{
    const struct tt_rational rate = flow_of(engine, node, input)->plan->format->rate;
    struct blame blame = {.sink = node, .is_lost = true, .period_ns = TIME_MAX};
    struct tt_record record = {.kind = TT_RECORD_FRAME, .outcome = TT_LOST_FRAME, .index = index};
    uint32_t component = node->plan->ledger_component;

    if (rate.num > 0) {
        blame.origin_ns = tt_index_ns(index, rate) + node->plan->phase_ns;
        blame.period_ns = tt_index_ns(1, rate);
    }
    record.sink = (uint16_t)((uint32_t)node->plan->sink + input);
    record.origin_ns = blame.origin_ns;
    record.due_ns = engine_due(node, blame.origin_ns);
    record.cause = (uint8_t)engine_blame(engine, &blame, &component);
    record.component = (uint16_t)component;
    engine_record(engine, &record);
}

/* Everything before `until`: what waits in the window, lost where nothing does. */
static void settle_until(struct tt_engine *engine, const struct node *node, uint32_t input,
                         int64_t until)
{
    struct sink *sink = &node->sinks[input];

    for (uint32_t n = 0; n < LOST_MAX && sink->next_index < until; n++) {
        struct pending *pending =
            sink->window ? &sink->window[(uint64_t)sink->next_index % WINDOW] : NULL;

        if (pending && pending->is_set && pending->record.index == sink->next_index) {
            engine_record(engine, &pending->record);
            pending->is_set = false;
        } else {
            record_lost(engine, node, input, sink->next_index);
        }
        sink->next_index++;
    }
    if (sink->next_index >= until)
        return;
    /* A jump that no media explains: the rest is one record with their count. */
    engine->records_pending_lost += (uint64_t)(until - sink->next_index);
    sink->next_index = until;
    if (engine->records_pending_lost > 0)
        (void)record_lost_ones(engine);
}

static void settle_window(struct tt_engine *engine, struct sink *sink)
{
    for (uint32_t n = 0; n < WINDOW; n++) {
        struct pending *pending = &sink->window[(uint64_t)sink->next_index % WINDOW];

        if (!pending->is_set || pending->record.index != sink->next_index)
            return;
        engine_record(engine, &pending->record);
        pending->is_set = false;
        sink->next_index++;
    }
}

static void judge(struct tt_engine *engine, const struct node *node, uint32_t input,
                  struct tt_record *record)
{
    const struct flow *flow = flow_of(engine, node, input);
    uint32_t component = node->plan->ledger_component;
    struct blame blame = {.sink = node,
                          .origin_ns = record->origin_ns,
                          .period_ns = flow->is_still ? TIME_MAX : flow->period_ns,
                          .late_ns = -record->slack_ns};

    /* Without a live source nothing is due by the clock. */
    record->outcome = TT_ON_TIME;
    if (engine->is_live && record->slack_ns < 0) {
        record->outcome = TT_LATE_FRAME;
        record->cause = (uint8_t)engine_blame(engine, &blame, &component);
        record->component = (uint16_t)component;
    }
}

void engine_deliver(struct tt_engine *engine, struct node *node, uint32_t input,
                    const struct entry *entry, int64_t at_ns)
{
    struct sink *sink = &node->sinks[input];
    struct tt_record record = {.kind = TT_RECORD_FRAME, .origin_ns = entry->origin_ns};

    if (node->plan->is_between) {
        sink->next_index = entry->index + 1;
        return; /* whoever it goes to speaks of it */
    }
    record.index =
        tt_sink_index(flow_of(engine, node, input)->plan->format, entry->index, entry->origin_ns);
    record.sink = (uint16_t)((uint32_t)node->plan->sink + input);
    record.due_ns = engine_due(node, entry->origin_ns);
    record.delivered_ns = engine_media(engine, at_ns);
    record.slack_ns = record.due_ns - record.delivered_ns;
    record.flags = entry->flags & TT_REPEATED ? TT_RECORD_REPEATED : 0;
    if (engine->stats->first_delivery_ns == 0)
        __atomic_store_n(&engine->stats->first_delivery_ns, at_ns, __ATOMIC_RELAXED);
    if (sink->is_ended || record.index < sink->next_index)
        return; /* it has its record already */

    judge(engine, node, input, &record);
    if (!sink->window) {
        settle_until(engine, node, input, record.index);
        engine_record(engine, &record);
        sink->next_index = record.index + 1;
        return;
    }
    settle_until(engine, node, input, record.index - WINDOW + 1);
    sink->window[(uint64_t)record.index % WINDOW] = (struct pending){true, record};
    settle_window(engine, sink);
}

static bool is_ending(const struct tt_engine *engine, const struct node *node)
{
    if (engine_is_stopping(engine))
        return true;
    for (uint32_t n = 0; n < engine->params.node_count; n++)
        if (engine->nodes[n].is_ended && engine_is_ancestor(node, n))
            return true;
    return false;
}

static void settle_mute(struct tt_engine *engine, const struct node *node, uint32_t input)
{
    const struct flow *flow = flow_of(engine, node, input);
    const struct entry *head = engine_head(flow, 0);
    int64_t until_ns = engine_media(engine, engine->now_ns) - MUTE_PATIENCE_NS -
                       node->plan->deadline_ns - node->plan->structural_ns - node->plan->phase_ns;
    int64_t until;

    if (flow->is_still || flow->has_ended || node->sinks[input].is_ended || until_ns <= 0)
        return;
    if (until_ns > engine->params.end_ns)
        until_ns = engine->params.end_ns;
    until = tt_ns_index(until_ns, flow->plan->format->rate);
    if (head) {
        int64_t waiting = tt_sink_index(flow->plan->format, head->index, head->origin_ns);

        until = waiting < until ? waiting : until;
    }
    settle_until(engine, node, input, until);
}

/* A sink that gets nothing for long says so while it lasts: told at once when something comes, or
 * at its End, its losses would be more records than the ring holds. Behind an End only that End
 * says what was due. Of a mailbox the other side speaks. */
void engine_settle_mutes(struct tt_engine *engine)
{
    engine->mute_look_ns = engine->now_ns + MUTE_LOOK_NS;
    if (!engine->is_live)
        return;
    for (uint32_t n = 0; n < engine->params.node_count; n++) {
        const struct node *node = &engine->nodes[n];

        if (!node->sinks || node->plan->is_between || node->is_ended || is_ending(engine, node))
            continue;
        for (uint32_t input = 0; input < node->in_count; input++)
            if (node->in[input] != NONE)
                settle_mute(engine, node, input);
    }
}

void engine_record_format(struct tt_engine *engine, const struct node *node, uint32_t input,
                          const struct entry *entry)
{
    struct tt_record record = {.kind = TT_RECORD_FORMAT,
                               .sink = (uint16_t)((uint32_t)node->plan->sink + input),
                               .component = (uint16_t)node->plan->ledger_component,
                               .origin_ns = entry->origin_ns,
                               .delivered_ns = engine_media(engine, engine->now_ns),
                               .value = entry->format_id};

    if (node->plan->is_between)
        return;
    record.index =
        tt_sink_index(flow_of(engine, node, input)->plan->format, entry->index, entry->origin_ns);
    engine_record(engine, &record);
}

void engine_sink_end(struct tt_engine *engine, struct node *node, uint32_t input, int64_t end_ns)
{
    struct sink *sink = &node->sinks[input];
    const struct flow *flow = flow_of(engine, node, input);
    struct tt_record record = {.kind = TT_RECORD_END, .origin_ns = end_ns};
    int64_t until = sink->next_index;

    if (sink->is_ended)
        return;
    if (node->plan->is_between) {
        sink->is_ended = true;
        engine->sinks_ended++;
        return;
    }
    if (!flow->is_still && end_ns > 0)
        until = tt_ns_index(end_ns, flow->plan->format->rate);
    for (uint32_t n = 0; sink->window && n < WINDOW; n++)
        if (sink->window[n].is_set && sink->window[n].record.index >= until)
            until = sink->window[n].record.index + 1;
    settle_until(engine, node, input, until);
    record.sink = (uint16_t)((uint32_t)node->plan->sink + input);
    record.index = sink->next_index;
    engine_record(engine, &record);
    sink->is_ended = true;
    engine->sinks_ended++;
}
