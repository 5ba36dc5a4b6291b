/* An edit in the engine's own structures: places and flows that fill and empty, and the order that
 * follows from who feeds whom. */
#include <string.h>

#include "core/edit_inside.h"

void edit_tell(struct edit *edit, enum tt_edit_state state)
{
    __atomic_store_n(&edit->word, state, __ATOMIC_RELEASE);
    if (edit->wake)
        edit->wake(edit->ctx);
}

static bool is_fed_by(const struct tt_engine *engine, uint32_t flow)
{
    const struct tt_flow_plan *plan = engine->flows[flow].plan;

    return engine->nodes[plan->to_node].in[plan->to_port] == flow;
}

/* Inputs of a node that nodes before it in the order have not filled yet. */
static uint32_t count_inputs(const struct node *node)
{
    uint32_t count = 0;

    for (uint32_t n = 0; n < node->in_count; n++)
        count += node->in[n] != NONE;
    return count;
}

static void follow_outputs(struct tt_engine *engine, const struct node *node, uint32_t *missing)
{
    for (uint32_t port = 0; port < node->out_count; port++)
        for (uint32_t n = node->out[port]; n != NONE; n = engine->flows[n].next_of_output) {
            uint32_t to = engine->flows[n].plan->to_node;

            if (is_fed_by(engine, n) && --missing[to] == 0)
                engine->order[engine->order_count++] = to;
        }
}

static void find_ancestors(struct tt_engine *engine, struct node *node)
{
    memset(node->ancestors, 0, sizeof(node->ancestors));
    node->ancestors[node->number / 64] |= (uint64_t)1 << (node->number % 64);
    for (uint32_t port = 0; port < node->in_count; port++) {
        const struct node *from;

        if (node->in[port] == NONE)
            continue;
        from = &engine->nodes[engine->flows[node->in[port]].plan->from_node];
        for (uint32_t word = 0; word < TT_NODES_MAX / 64; word++)
            node->ancestors[word] |= from->ancestors[word];
    }
}

/* After each change of who feeds whom. */
void edit_find_order(struct tt_engine *engine)
{
    uint32_t missing[TT_NODES_MAX];

    engine->order_count = 0;
    for (uint32_t n = 0; n < engine->params.node_count; n++) {
        const struct node *node = &engine->nodes[n];

        if (node->kind == KIND_UNUSED)
            continue;
        missing[n] = count_inputs(node);
        if (missing[n] == 0)
            engine->order[engine->order_count++] = n;
    }
    for (uint32_t n = 0; n < engine->order_count; n++) {
        struct node *node = &engine->nodes[engine->order[n]];

        find_ancestors(engine, node);
        follow_outputs(engine, node, missing);
    }
}

static void unlink_flow(struct tt_engine *engine, uint32_t number)
{
    struct flow *flow = &engine->flows[number];
    uint32_t *place = &engine->nodes[flow->plan->from_node].out[flow->plan->from_port];

    while (*place != NONE && *place != number)
        place = &engine->flows[*place].next_of_output;
    if (*place == number)
        *place = flow->next_of_output;
    flow->next_of_output = NONE;
}

void edit_free_flow(struct tt_engine *engine, uint32_t number)
{
    struct flow *flow = &engine->flows[number];
    struct node *to = &engine->nodes[flow->plan->to_node];

    engine_flow_clear(engine, flow);
    unlink_flow(engine, number);
    if (to->in[flow->plan->to_port] == number)
        to->in[flow->plan->to_port] = NONE;
    flow->plan = &engine_unused_flow;
    flow->spare = 0;
    flow->has_next = flow->is_spent = false;
}

/* Another consumer of an output, with as much room beyond its queue as those beside it. */
void edit_link_tee(struct tt_engine *engine, uint32_t number)
{
    struct flow *flow = &engine->flows[number];
    struct node *from = &engine->nodes[flow->plan->from_node];
    uint32_t first = from->out[flow->plan->from_port];

    flow->spare = first == NONE ? 0 : engine->flows[first].spare;
    engine_edit_link(engine, from, number);
}

void edit_end_node(struct tt_engine *engine, struct node *node)
{
    engine_heap_remove(&engine->ready, node->number);
    engine_heap_remove(&engine->timers, node->number);
    if (node->is_starved)
        engine->starved_count--;
    node->is_starved = false;
    if (node->is_ended)
        return;
    node->is_ended = true;
    engine->nodes_ended++;
}

/* An end of a link that nobody needs any more: it stays until all that went by it is back. */
void edit_leave(struct tt_engine *engine, struct node *node)
{
    struct edit *edit = engine->edit;

    if (edit->leaving[node->number / 64] >> (node->number % 64) & 1)
        return;
    edit->leaving[node->number / 64] |= (uint64_t)1 << (node->number % 64);
    edit_end_node(engine, node);
    if (!node->sinks)
        return;
    engine->sink_count--;
    engine->sinks_ended -= node->sinks[0].is_ended;
    node->sinks = NULL;
}

void edit_empty_place(struct tt_engine *engine, struct node *node)
{
    struct edit *edit = engine->edit;

    for (uint32_t n = 0; n < HOLDS; n++)
        if (engine->holds[n].node == node)
            engine->holds[n].to_ns = 0;
    edit->leaving[node->number / 64] &= ~((uint64_t)1 << (node->number % 64));
    engine_edit_empty(node);
    edit_find_order(engine);
}

static void set_segment(struct tt_engine *engine, const struct node *node)
{
    struct segment *segment = &engine->segments[node->plan->segment];

    if (node->kind >= KIND_INLET || segment->rate.num > 0)
        return;
    segment->rate = node->kind == KIND_SINGLE || node->kind == KIND_SEPARATE
                        ? engine->flows[node->in[node->only]].plan->format->rate
                        : node->rate;
}

static void activate(struct tt_engine *engine, const struct node *draft)
{
    struct node *node = &engine->nodes[draft->number];

    *node = *draft;
    node->is_halted = node->number == engine->edit->node;
    memset(&engine->stats->nodes[node->number], 0, sizeof(engine->stats->nodes[0]));
    engine_watch_limit(engine, node);
    set_segment(engine, node);
    engine->nodes_ended--;
    if (node->sinks)
        engine->sink_count++;
    engine_dirty(engine, node->number);
}

void edit_activate_all(struct tt_engine *engine)
{
    struct edit *edit = engine->edit;

    for (uint32_t n = 0; n < edit->draft_count; n++)
        activate(engine, &edit->drafts[n]);
    for (uint32_t n = 0; n < edit->splice_count; n++)
        engine->flows[edit->splices[n].from].has_next = true;
}
