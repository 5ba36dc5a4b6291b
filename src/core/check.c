/* Every invariant of a resting engine, for the tests and the simulator. */
#include "core/inside.h"

#include <string.h>

static void count(const struct tt_engine *engine, uint32_t handle)
{
    if (handle == TT_NO_FRAME)
        return;
    tt_assert(handle < engine->params.pool_count * TT_POOL_SLOTS_MAX);
    engine->check_refs[handle]++;
}

static void check_flow(const struct tt_engine *engine, const struct flow *flow)
{
    tt_assert(flow->count <= flow->capacity);
    tt_assert(!engine->is_live || flow->count <= flow->plan->depth + flow->spare ||
              engine->nodes[flow->plan->from_node].hold_until_ns != 0);
    tt_assert(flow->head < flow->capacity);
    for (uint32_t n = 0; n < flow->count; n++)
        count(engine, engine_head(flow, n)->handle);
    if (flow->has_last) {
        tt_assert(flow->is_retained);
        count(engine, flow->last.handle);
    }
    for (uint32_t n = flow->next_of_output; n != NONE; n = engine->flows[n].next_of_output) {
        tt_assert(engine->flows[n].plan->from_node == flow->plan->from_node);
        tt_assert(engine->flows[n].plan->from_port == flow->plan->from_port);
    }
    if (engine->nodes[flow->plan->to_node].is_ended) {
        tt_assert(flow->count == 0);
        tt_assert(!flow->has_last);
    }
}

static void check_node(const struct tt_engine *engine, const struct node *node)
{
    uint32_t lent = 0;

    tt_assert(node->kept_count <= node->kept_max);
    for (uint32_t n = 0; n < node->kept_count; n++)
        count(engine, node->kept[n].handle);
    for (uint32_t word = 0; node->lent && word < TT_POOLS_MAX * TT_POOL_SLOTS_MAX / 64; word++)
        for (uint64_t left = node->lent[word]; left != 0; left &= left - 1) {
            lent++;
            count(engine, word * 64 + (uint32_t)__builtin_ctzll(left));
        }
    tt_assert(lent == node->lent_count);
    if (node->is_ended) {
        tt_assert(engine->ready.place[node->number] == NONE);
        tt_assert(engine->timers.place[node->number] == NONE);
    }
}

/* What a component that is away holds. */
static void count_away(const struct tt_engine *engine)
{
    const struct running *hog = engine->away;

    if (!hog)
        return;
    tt_assert(hog->node->is_away);
    tt_assert(hog != engine->running);
    for (uint32_t n = 0; n < hog->node->in_count; n++)
        if (hog->in[n].is_owned)
            count(engine, hog->in[n].entry.handle);
    for (uint32_t n = 0; n < hog->node->out_count; n++)
        count(engine, hog->out[n]);
    for (uint32_t n = 0; n < hog->emit_count; n++)
        count(engine, hog->emits[n].entry.handle);
}

/* What is lent by a link in place of a queue has room in the pool that counts that queue. */
static void check_loans(const struct tt_engine *engine, const struct node *node)
{
    const struct flow *flow;

    if (!engine->is_live || node->plan->loan_max == 0 || node->kind != KIND_OUTLET)
        return;
    tt_assert(node->lent_count <= node->plan->loan_max);
    if (node->in[0] == NONE)
        return;
    flow = &engine->flows[node->in[0]];
    if (!engine_is_held(engine, &engine->nodes[flow->plan->from_node]))
        tt_assert(flow->count + node->lent_count <= node->plan->loan_max + 1 + flow->spare);
}

static void check_refs(const struct tt_engine *engine)
{
    for (uint32_t pool = 0; pool < engine->params.pool_count; pool++)
        for (uint32_t n = 0; n < engine->pools[pool].view.slot_count; n++)
            tt_assert(engine->check_refs[engine_handle(pool, n)] ==
                      engine->pools[pool].slots[n].refs);
}

static void check_free(const struct tt_engine *engine)
{
    const struct pool *own = engine->own;
    uint32_t unused = 0, free_count = 0;

    for (uint32_t n = 0; n < own->view.slot_count; n++)
        unused += own->slots[n].refs == 0;
    for (uint32_t class_ = 0; class_ < own->view.class_count; class_++) {
        tt_assert(own->free_count[class_] <= own->view.classes[class_].slot_count);
        for (uint32_t n = 0; n < own->free_count[class_]; n++) {
            uint32_t slot = own->free[class_][n];

            tt_assert(slot >= own->first[class_]);
            tt_assert(slot < own->first[class_] + own->view.classes[class_].slot_count);
            tt_assert(own->slots[slot].refs == 0);
            /* counted in check_refs as 0; marked so that no slot is listed twice */
            tt_assert(engine->check_refs[engine_handle(engine->params.own_number, slot)]++ == 0);
        }
        free_count += own->free_count[class_];
    }
    tt_assert(free_count == unused);
}

/* Each node that there is has its place in the order, behind all that feed it, which are its
 * ancestors; each used input is fed by a flow of its own. */
static void check_order(const struct tt_engine *engine)
{
    uint64_t seen[TT_NODES_MAX / 64] = {0};
    uint32_t used = 0;

    for (uint32_t n = 0; n < engine->params.node_count; n++)
        used += engine->nodes[n].kind != KIND_UNUSED;
    tt_assert(used == engine->order_count);
    for (uint32_t k = 0; k < engine->order_count; k++) {
        uint32_t n = engine->order[k];
        const struct node *node = &engine->nodes[n];

        tt_assert(node->kind != KIND_UNUSED);
        tt_assert(!(seen[n / 64] >> (n % 64) & 1));
        seen[n / 64] |= (uint64_t)1 << (n % 64);
        for (uint32_t port = 0; port < node->in_count; port++) {
            const struct tt_flow_plan *plan;

            if (node->in[port] == NONE)
                continue;
            plan = engine->flows[node->in[port]].plan;
            tt_assert(plan->to_node == n);
            tt_assert(plan->to_port == port);
            tt_assert(seen[plan->from_node / 64] >> (plan->from_node % 64) & 1);
            tt_assert(engine_is_ancestor(node, plan->from_node));
        }
    }
}

static void check_ends(const struct tt_engine *engine)
{
    uint32_t ended = 0, sinks = 0;

    for (uint32_t n = 0; n < engine->params.node_count; n++) {
        const struct node *node = &engine->nodes[n];

        ended += node->is_ended;
        for (uint32_t port = 0; node->sinks && port < node->in_count; port++)
            sinks += node->in[port] != NONE;
    }
    tt_assert(ended == engine->nodes_ended);
    tt_assert(sinks == engine->sink_count);
}

void tt_engine_check(const struct tt_engine *engine)
{
    uint32_t starved = 0;

    check_order(engine);
    check_ends(engine);

    tt_assert(engine->running->node == NULL);
    memset(engine->check_refs, 0,
           sizeof(*engine->check_refs) * engine->params.pool_count * TT_POOL_SLOTS_MAX);
    for (uint32_t n = 0; n < engine->params.flow_count; n++)
        check_flow(engine, &engine->flows[n]);
    for (uint32_t n = 0; n < engine->params.node_count; n++) {
        check_node(engine, &engine->nodes[n]);
        check_loans(engine, &engine->nodes[n]);
        starved += engine->nodes[n].is_starved;
    }
    tt_assert(starved == engine->starved_count);
    count_away(engine);
    check_refs(engine);
    check_free(engine);
    engine_heap_check(&engine->ready, engine->params.node_count);
    engine_heap_check(&engine->timers, engine->params.node_count);
    tt_assert(engine->dirty_count <= engine->params.node_count);
    tt_assert(engine->sinks_ended <= engine->sink_count);
}
