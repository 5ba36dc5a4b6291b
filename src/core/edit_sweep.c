/* What an edit leaves behind: consumers that are fed by another, ends of links that wait for what
 * went by them, places that empty then. */
#include "core/edit_inside.h"

static void hand_on(struct tt_engine *engine, const struct splice *splice, uint32_t from,
                    uint32_t to)
{
    struct flow *old = &engine->flows[from], *new = &engine->flows[to];

    new->last = old->last;
    new->has_last = old->has_last;
    new->is_last_new = old->is_last_new;
    new->has_index = old->has_index;
    new->last_index = old->last_index;
    new->format_id = new->pushed_index == NEVER_PUSHED ? old->format_id : new->format_id;
    if (new->pushed_index == NEVER_PUSHED) {
        new->pushed_index = old->pushed_index;
        if (!new->has_ended)
            new->end_ns = old->end_ns;
    }
    old->has_last = false;
    engine->nodes[splice->node].in[splice->port] = to;
    engine_dirty(engine, splice->node);
}

/* In B: has all come that A sent before its component was cut? */
static bool is_drained(const struct tt_engine *engine, const struct flow *flow)
{
    const struct node *inlet = &engine->nodes[flow->plan->from_node];

    return inlet->is_ended || tt_link_filled(inlet->plan->link) == 0;
}

static bool is_over(const struct tt_engine *engine, const struct splice *splice)
{
    const struct edit *edit = engine->edit;
    const struct flow *flow = &engine->flows[splice->from];

    if (flow->count > 0)
        return false;
    if (flow->is_spent)
        return true;
    if (!splice->may_go)
        return false;
    return edit->kind == TT_EDIT_OUT || is_drained(engine, flow);
}

bool edit_do_splices(struct tt_engine *engine)
{
    struct edit *edit = engine->edit;
    bool has_changed = false, is_all = true;

    for (uint32_t n = 0; n < edit->splice_count; n++) {
        struct splice *splice = &edit->splices[n];

        if (!splice->is_done && is_over(engine, splice)) {
            hand_on(engine, splice, splice->from, splice->to);
            splice->is_done = has_changed = true;
        }
        is_all = is_all && splice->is_done;
    }
    if (has_changed)
        edit_find_order(engine);
    return is_all;
}

/* All is as it was: what came by the new flows is nothing. */
void edit_undo_splices(struct tt_engine *engine)
{
    struct edit *edit = engine->edit;

    for (uint32_t n = 0; n < edit->splice_count; n++) {
        struct splice *splice = &edit->splices[n];
        struct flow *old = &engine->flows[splice->from];

        if (splice->is_done)
            hand_on(engine, splice, splice->to, splice->from);
        old->has_next = false;
        old->has_ended = old->has_ended || old->is_spent;
        old->is_spent = false;
        edit_free_flow(engine, splice->to);
        engine_dirty(engine, splice->node);
    }
    edit->splice_count = 0;
}

/* --- what is left --- */

static bool is_served(const struct tt_engine *engine, const struct node *node)
{
    if (node->kind == KIND_INLET)
        return node->out[0] != NONE;
    return node->in[0] != NONE;
}

/* Ends of links between engines that feed nobody, or that nobody feeds. */
void edit_find_leaving(struct tt_engine *engine)
{
    for (uint32_t n = 0; n < engine->params.node_count; n++) {
        struct node *node = &engine->nodes[n];

        if ((node->kind == KIND_INLET || node->kind == KIND_OUTLET) && node->plan->is_between &&
            !is_served(engine, node))
            edit_leave(engine, node);
    }
}

/* Of a closed link what its reader does not have is back. */
static void reclaim(struct tt_engine *engine, struct node *node)
{
    engine_take_back(engine, node);
    if (node->lent_count > 0 && tt_link_is_closed(node->plan->link))
        engine_outlet_reclaim(engine, node);
}

static bool has_left(struct tt_engine *engine, struct node *node)
{
    if (node->kind == KIND_OUTLET) {
        reclaim(engine, node);
        return node->lent_count == 0;
    }
    engine_inlet(engine, node);
    if (tt_link_holds_any(node->plan->link))
        return false;
    tt_link_close(node->plan->link);
    engine_inlet(engine, node);
    engine->ops->ring(engine->world, node->plan->peer);
    return true;
}

static bool sweep_nodes(struct tt_engine *engine)
{
    struct edit *edit = engine->edit;
    bool is_all = true;

    for (uint32_t n = 0; n < engine->params.node_count; n++) {
        struct node *node = &engine->nodes[n];

        if (!(edit->leaving[n / 64] >> (n % 64) & 1))
            continue;
        if (node->is_dirty || !has_left(engine, node))
            is_all = false;
        else
            edit_empty_place(engine, node);
    }
    return is_all;
}

/* Flows that were followed and are empty go, with what feeds nobody then. */
bool edit_sweep_flows(struct tt_engine *engine)
{
    struct edit *edit = engine->edit;
    bool is_all = edit_do_splices(engine);

    for (uint32_t n = 0; n < edit->splice_count; n++)
        if (edit->splices[n].is_done && engine->flows[edit->splices[n].from].has_next)
            edit_free_flow(engine, edit->splices[n].from);
    return is_all;
}

/* In B what waited for the component to begin may be more than its queue. */
static bool settle_tees(struct tt_engine *engine)
{
    struct edit *edit = engine->edit;
    bool is_all = true;

    for (uint32_t n = 0; n < edit->tee_count && edit->kind == TT_EDIT_IN; n++) {
        struct flow *flow = &engine->flows[edit->tees[n].flow];
        const struct node *from = &engine->nodes[flow->plan->from_node];
        uint32_t first = from->out[flow->plan->from_port];

        if (flow->count > flow->plan->depth)
            is_all = false;
        else
            flow->spare = first == edit->tees[n].flow ? 0 : engine->flows[first].spare;
    }
    return is_all;
}

void edit_sweep(struct tt_engine *engine)
{
    struct edit *edit = engine->edit;
    bool is_all = edit_sweep_flows(engine);

    is_all = (edit->is_back || settle_tees(engine)) && is_all;
    edit_find_leaving(engine);
    is_all = sweep_nodes(engine) && is_all;
    if (!is_all)
        return;
    edit->phase = PHASE_IDLE;
    edit_tell(edit, TT_EDIT_DONE);
}

/* Out of the engine, silently: nobody is told of an End. */
void edit_retire(struct tt_engine *engine, struct node *node)
{
    edit_end_node(engine, node);
    for (uint32_t n = 0; n < node->in_count; n++)
        if (node->in[n] != NONE)
            edit_free_flow(engine, node->in[n]);
    for (uint32_t port = 0; port < node->out_count; port++)
        for (uint32_t n = node->out[port], next; n != NONE; n = next) {
            next = engine->flows[n].next_of_output;
            if (!engine->flows[n].has_next) /* empty, or for an end that leaves, too */
                edit_free_flow(engine, n);
        }
    node->is_open = false;
}

/* Its place is empty when its last frames have been taken. */
bool edit_is_gone(struct tt_engine *engine, struct node *node)
{
    for (uint32_t port = 0; port < node->out_count; port++)
        if (node->out[port] != NONE)
            return false;
    if (node->is_dirty)
        return false;
    edit_empty_place(engine, node);
    return true;
}
