/* An edit as the worker does it: step by step between two activations, nothing of it in a frame's
 * path. */
#include <string.h>

#include "core/edit_inside.h"

enum { KEPT_FRAMES = 8 /* that wait for a component beyond its queue, where nobody else says */ };

/* --- places --- */

static void tell(struct edit *edit, enum tt_edit_state state)
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
static void find_order(struct tt_engine *engine)
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

static void free_flow(struct tt_engine *engine, uint32_t number)
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
static void link_tee(struct tt_engine *engine, uint32_t number)
{
    struct flow *flow = &engine->flows[number];
    struct node *from = &engine->nodes[flow->plan->from_node];
    uint32_t first = from->out[flow->plan->from_port];

    flow->spare = first == NONE ? 0 : engine->flows[first].spare;
    engine_edit_link(engine, from, number);
}

static void end_node(struct tt_engine *engine, struct node *node)
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
static void leave(struct tt_engine *engine, struct node *node)
{
    struct edit *edit = engine->edit;

    if (edit->leaving[node->number / 64] >> (node->number % 64) & 1)
        return;
    edit->leaving[node->number / 64] |= (uint64_t)1 << (node->number % 64);
    end_node(engine, node);
    if (!node->sinks)
        return;
    engine->sink_count--;
    engine->sinks_ended -= node->sinks[0].is_ended;
    node->sinks = NULL;
}

static void empty_place(struct tt_engine *engine, struct node *node)
{
    struct edit *edit = engine->edit;

    for (uint32_t n = 0; n < HOLDS; n++)
        if (engine->holds[n].node == node)
            engine->holds[n].to_ns = 0;
    edit->leaving[node->number / 64] &= ~((uint64_t)1 << (node->number % 64));
    engine_edit_empty(node);
    find_order(engine);
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
    engine_cost_limit(engine, node);
    set_segment(engine, node);
    engine->nodes_ended--;
    if (node->sinks)
        engine->sink_count++;
    engine_dirty(engine, node->number);
}

static void activate_all(struct tt_engine *engine)
{
    struct edit *edit = engine->edit;

    for (uint32_t n = 0; n < edit->draft_count; n++)
        activate(engine, &edit->drafts[n]);
    for (uint32_t n = 0; n < edit->splice_count; n++)
        engine->flows[edit->splices[n].from].has_next = true;
}

/* --- who feeds a consumer --- */

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

static bool do_splices(struct tt_engine *engine)
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
        find_order(engine);
    return is_all;
}

/* All is as it was: what came by the new flows is nothing. */
static void undo_splices(struct tt_engine *engine)
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
        free_flow(engine, splice->to);
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
static void find_leaving(struct tt_engine *engine)
{
    for (uint32_t n = 0; n < engine->params.node_count; n++) {
        struct node *node = &engine->nodes[n];

        if ((node->kind == KIND_INLET || node->kind == KIND_OUTLET) && node->plan->is_between &&
            !is_served(engine, node))
            leave(engine, node);
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
            empty_place(engine, node);
    }
    return is_all;
}

/* Flows that were followed and are empty go, with what feeds nobody then. */
static bool sweep_flows(struct tt_engine *engine)
{
    struct edit *edit = engine->edit;
    bool is_all = do_splices(engine);

    for (uint32_t n = 0; n < edit->splice_count; n++)
        if (edit->splices[n].is_done && engine->flows[edit->splices[n].from].has_next)
            free_flow(engine, edit->splices[n].from);
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

static void sweep(struct tt_engine *engine)
{
    struct edit *edit = engine->edit;
    bool is_all = sweep_flows(engine);

    is_all = (edit->is_back || settle_tees(engine)) && is_all;
    find_leaving(engine);
    is_all = sweep_nodes(engine) && is_all;
    if (!is_all)
        return;
    edit->phase = PHASE_IDLE;
    tell(edit, TT_EDIT_DONE);
}

/* Out of the engine, silently: nobody is told of an End. */
static void retire(struct tt_engine *engine, struct node *node)
{
    end_node(engine, node);
    for (uint32_t n = 0; n < node->in_count; n++)
        if (node->in[n] != NONE)
            free_flow(engine, node->in[n]);
    for (uint32_t port = 0; port < node->out_count; port++)
        for (uint32_t n = node->out[port], next; n != NONE; n = next) {
            next = engine->flows[n].next_of_output;
            if (!engine->flows[n].has_next) /* empty, or for an end that leaves, too */
                free_flow(engine, n);
        }
    node->is_open = false;
}

/* Its place is empty when its last frames have been taken. */
static bool is_gone(struct tt_engine *engine, struct node *node)
{
    for (uint32_t port = 0; port < node->out_count; port++)
        if (node->out[port] != NONE)
            return false;
    if (node->is_dirty)
        return false;
    empty_place(engine, node);
    return true;
}

/* --- TT_EDIT_OUT --- */

/* Has the other all that is still needed of this input, which it gets from this index on? */
static bool is_all_there(const struct flow *flow, int64_t index)
{
    if (index <= 0 || (flow->count == 0 && flow->has_ended))
        return true;
    return engine_next_of(flow) >= index && (!flow->has_last || flow->last.index >= index);
}

static bool is_at(const struct tt_engine *engine, const struct node *node)
{
    const struct edit *edit = engine->edit;

    if (node->is_away || node->running || node->is_again)
        return false;
    for (uint32_t n = 0; n < node->in_count; n++) {
        const struct flow *flow = node->in[n] == NONE ? NULL : &engine->flows[node->in[n]];

        if (flow && !is_all_there(flow, edit->ask.index[n]))
            return false;
    }
    return true;
}

/* A frame that another instance may begin with is next. */
static bool is_at_key(const struct tt_engine *engine, const struct node *node)
{
    const struct flow *flow = &engine->flows[node->in[node->only]];

    if (flow->count == 0)
        return false;
    return flow->plan->format->kind != TT_CODED_VIDEO || (engine_head(flow, 0)->flags & TT_KEY);
}

/* All events that wait for it in one place; false: more than can go along. */
static bool gather_posts(struct node *node)
{
    struct box *box = &node->box;
    uint32_t put = __atomic_load_n(&box->put, __ATOMIC_ACQUIRE);

    for (; box->got != put && box->waiting_count < BOX; box->waiting_count++) {
        box->waiting[box->waiting_count] = box->posts[box->got % BOX];
        __atomic_store_n(&box->got, box->got + 1, __ATOMIC_RELEASE);
    }
    return box->got == put;
}

/* It came before the other could have it, and nothing comes after it. */
static bool shows_an_old_one(const struct tt_engine *engine, const struct node *node)
{
    for (uint32_t n = 0; n < node->in_count; n++) {
        const struct flow *flow = node->in[n] == NONE ? NULL : &engine->flows[node->in[n]];

        if (flow && flow->has_last && flow->has_ended &&
            flow->last.index < engine->edit->ask.index[n])
            return true;
    }
    return false;
}

static const char *refusal(struct tt_engine *engine, struct node *node)
{
    if (node->is_ended)
        return "it has ended";
    if (engine->edit->is_split && node->kind != KIND_SINGLE)
        return "who has several inputs cannot be in two places at once";
    if (!engine->edit->is_split && node->kept_count > 0)
        return "it keeps frames beyond its call";
    if (shows_an_old_one(engine, node))
        return "it shows a frame that the other container has not got";
    if (!gather_posts(node))
        return "more events wait for it than can go along";
    for (uint32_t n = 0; n < engine->edit->tee_count; n++)
        if (engine->flows[engine->edit->tees[n].beside].count > ROOM_ENTRIES / 2)
            return "more frames wait for it than can go along";
    return NULL;
}

static int64_t next_index(const struct tt_engine *engine, const struct node *node)
{
    for (uint32_t n = 0; n < node->in_count; n++)
        if (node->kind != KIND_LED && node->kind != KIND_CLOCKED && node->in[n] != NONE)
            return engine_next_of(&engine->flows[node->in[n]]);
    return node->next_index;
}

static void fill_carry(const struct tt_engine *engine, const struct node *node,
                       struct tt_edit_carry *ret)
{
    *ret = (struct tt_edit_carry){.size = sizeof(*ret),
                                  .level = node->level,
                                  .index = next_index(engine, node),
                                  .was_called = node->is_first_call_done,
                                  .is_resyncing = node->is_resyncing,
                                  .post_count = node->box.waiting_count,
                                  .usual_ns = node->usual_ns};
    for (uint32_t n = 0; n < TT_PORTS_MAX; n++) {
        const struct flow *flow =
            n >= node->in_count || node->in[n] == NONE ? NULL : &engine->flows[node->in[n]];

        ret->next_index[n] = flow ? engine_next_of(flow) : INT64_MIN;
        if (flow && flow->has_last) {
            ret->has_shown |= 1u << n;
            ret->is_shown_new |= flow->is_last_new ? 1u << n : 0;
            ret->shown_index[n] = flow->last.index;
        }
        if (!flow || !flow->has_index)
            continue;
        ret->has_last |= 1u << n;
        ret->last_index[n] = flow->last_index;
    }
    for (uint32_t n = 0; n < node->box.waiting_count; n++) {
        ret->posts[n].event = node->box.waiting[n].event;
        ret->posts[n].index = node->box.waiting[n].index;
    }
}

static void copy_entry(struct tt_engine *engine, struct flow *flow, const struct entry *entry)
{
    engine_ref(engine, entry->handle);
    flow->entries[engine_place(flow, flow->count++)] = *entry;
    flow->pushed_index = entry->index;
    flow->end_ns = entry->origin_ns;
}

/* What waits for the component waits for the other instance too, on its way there. */
static void copy_queue(struct tt_engine *engine, const struct tee *tee)
{
    const struct flow *beside = &engine->flows[tee->beside];
    struct flow *flow = &engine->flows[tee->flow];
    struct node *outlet = &engine->nodes[flow->plan->to_node];

    if (beside->has_last)
        copy_entry(engine, flow, &beside->last);
    for (uint32_t n = 0; n < beside->count; n++) {
        engine_outlet(engine, outlet);
        copy_entry(engine, flow, engine_head(beside, n));
    }
    flow->has_ended = beside->has_ended;
    if (beside->has_ended)
        flow->end_ns = beside->end_ns;
    flow->format_id = beside->format_id;
    engine_outlet(engine, outlet);
}

static void cut(struct tt_engine *engine, struct node *node)
{
    struct edit *edit = engine->edit;

    fill_carry(engine, node, &edit->carry);
    node->is_halted = true;
    engine_heap_remove(&engine->ready, node->number);
    engine_heap_remove(&engine->timers, node->number);
    if (node->is_starved)
        engine->starved_count--;
    node->is_starved = false;
    activate_all(engine);
    for (uint32_t n = 0; n < edit->tee_count; n++) {
        link_tee(engine, edit->tees[n].flow);
        copy_queue(engine, &edit->tees[n]);
        engine_dirty(engine, engine->flows[edit->tees[n].flow].plan->to_node);
    }
    find_order(engine);
    for (uint32_t n = 0; n < edit->splice_count; n++)
        edit->splices[n].may_go = true;
    edit->phase = PHASE_STANDING;
}

/* Its own End: what is left in its queue is the other's. */
static void drain(struct tt_engine *engine, struct node *node)
{
    struct flow *flow = &engine->flows[node->in[node->only]];

    if (flow->count > 0)
        flow->end_ns = engine_head(flow, 0)->origin_ns;
    engine_flow_clear(engine, flow);
    flow->has_ended = true; /* and takes nothing more */
    node->is_halted = false;
    engine_dirty(engine, node->number);
    engine->edit->phase = PHASE_DRAINING;
}

/* Where the other is fed by what feeds this one, its queue keeps the frames alive until the other
 * has begun: RETIRE says so. */
static void split(struct tt_engine *engine, struct node *node)
{
    struct edit *edit = engine->edit;

    cut(engine, node);
    for (uint32_t n = 0; n < edit->splice_count; n++)
        edit->splices[n].may_go = false;
    if (edit->tee_count > 0)
        drain(engine, node);
    tell(edit, TT_EDIT_SPLIT);
}

static void refuse(struct edit *edit, const char *reason)
{
    edit->reason = reason;
    edit->phase = PHASE_IDLE;
    tell(edit, TT_EDIT_REFUSED);
}

static void try_cut(struct tt_engine *engine, struct node *node)
{
    struct edit *edit = engine->edit;
    const char *reason;

    if (!node->is_ended && !is_at(engine, node))
        return;
    reason = refusal(engine, node);
    if (reason)
        refuse(edit, reason);
    else if (!edit->is_split)
        cut(engine, node);
    else if (is_at_key(engine, node))
        split(engine, node);
}

/* Is all that it gave where its reader sees it? */
static bool is_given(const struct tt_engine *engine, const struct node *node)
{
    for (uint32_t port = 0; port < node->out_count; port++)
        for (uint32_t n = node->out[port]; n != NONE; n = engine->flows[n].next_of_output)
            if (!engine->flows[n].has_next && engine->flows[n].count > 0)
                return false;
    return true;
}

/* Has it given up all that it held, and does who reads it elsewhere know? */
static bool is_drained_out(const struct tt_engine *engine, const struct node *node)
{
    if (!node->is_ended)
        return false;
    for (uint32_t port = 0; port < node->out_count; port++)
        for (uint32_t n = node->out[port]; n != NONE; n = engine->flows[n].next_of_output)
            if (!engine->flows[n].has_next &&
                !engine->nodes[engine->flows[n].plan->to_node].is_ended)
                return false;
    return true;
}

static void resume(struct tt_engine *engine, struct node *node)
{
    struct edit *edit = engine->edit;

    edit->is_back = true;
    if (edit->phase == PHASE_STANDING) {
        undo_splices(engine);
        for (uint32_t n = 0; n < edit->tee_count; n++)
            free_flow(engine, edit->tees[n].flow);
        node->is_halted = false;
        engine_dirty(engine, node->number);
        find_order(engine);
    }
    edit->tee_count = edit->splice_count = 0;
    edit->phase = PHASE_SWEEPING;
}

/* Before an edit changed anything: its flows were in no chain. */
static void drop_drafts(struct tt_engine *engine)
{
    struct edit *edit = engine->edit;

    for (uint32_t n = edit->first_flow; n < engine->params.flow_count; n++) {
        const struct tt_flow_plan *plan = engine->flows[n].plan;

        if (engine_is_used(&engine->flows[n]) &&
            (engine->nodes[plan->from_node].kind == KIND_UNUSED ||
             engine->nodes[plan->to_node].kind == KIND_UNUSED))
            engine->flows[n].plan = &engine_unused_flow;
    }
    edit->tee_count = edit->splice_count = 0;
}

static void retire_told(struct tt_engine *engine, struct node *node)
{
    retire(engine, node);
    engine->edit->phase = PHASE_SWEEPING;
    tell(engine->edit, TT_EDIT_RETIRED);
}

static void obey_out(struct tt_engine *engine, struct node *node, uint32_t order)
{
    struct edit *edit = engine->edit;

    switch (order) {
    case ORDER_CUT:
    case ORDER_SPLIT:
        if (edit->phase != PHASE_IDLE || edit->reason)
            return;
        edit->is_split = order == ORDER_SPLIT;
        edit->phase = PHASE_CUTTING;
        return;
    case TT_EDIT_ORDER_RESUME:
        if (edit->phase == PHASE_IDLE || edit->phase == PHASE_CUTTING)
            drop_drafts(engine);
        if (edit->phase <= PHASE_STANDING)
            resume(engine, node);
        return;
    case TT_EDIT_ORDER_RETIRE:
        if (edit->phase == PHASE_STANDING && edit->is_split)
            drain(engine, node);
        else if (edit->phase == PHASE_STANDING)
            retire_told(engine, node);
        return;
    default:
        return;
    }
}

static void step_out(struct tt_engine *engine, struct node *node)
{
    struct edit *edit = engine->edit;

    if (edit->phase == PHASE_CUTTING)
        try_cut(engine, node);
    if (edit->phase == PHASE_STANDING) {
        (void)do_splices(engine);
        if (!edit->is_split && edit->word == TT_EDIT_PREPARED && is_given(engine, node))
            tell(edit, TT_EDIT_CUT);
    }
    if (edit->phase == PHASE_DRAINING) {
        (void)do_splices(engine);
        if (!is_drained_out(engine, node))
            return;
        retire_told(engine, node);
    }
    if (edit->phase != PHASE_SWEEPING)
        return;
    (void)sweep_flows(engine);
    find_leaving(engine);
    if (edit->is_back || node->kind == KIND_UNUSED || is_gone(engine, node))
        sweep(engine);
}

/* --- TT_EDIT_IN --- */

static void add(struct tt_engine *engine)
{
    struct edit *edit = engine->edit;

    activate_all(engine);
    for (uint32_t n = 0; n < edit->tee_count; n++) {
        const struct tee *tee = &edit->tees[n];
        struct flow *flow = &engine->flows[tee->flow];
        const struct node *from = &engine->nodes[flow->plan->from_node];
        uint32_t first = from->out[flow->plan->from_port];

        if (first != NONE) {
            int64_t next = engine->flows[first].pushed_index;

            edit->from.index[tee->input] = next == NEVER_PUSHED ? 0 : next + 1;
            flow->has_ended = engine->flows[first].has_ended && !flow->is_still;
            flow->end_ns = engine->flows[first].end_ns;
        }
        link_tee(engine, tee->flow);
        flow->spare = flow->capacity / 2;
    }
    find_order(engine);
    edit->phase = PHASE_ADDED;
    tell(edit, TT_EDIT_ADDED);
}

/* A frame that came from another engine and went back there as it was is given back at once, and
 * says nothing about who needs it. */
static bool may_be_needed(const struct tt_engine *engine, const struct flow *flow, uint32_t handle)
{
    const struct slot *slot;

    if (handle == TT_NO_FRAME)
        return false;
    slot = engine_slot(engine, handle);
    if (slot->refs > 1)
        return true;
    return handle / TT_POOL_SLOTS_MAX != engine->params.own_number &&
           engine->nodes[slot->inlet].plan->is_between &&
           flow->count <= flow->plan->depth + KEPT_FRAMES;
}

/* The frames that the component needs no more where it runs: nobody but this queue has them. */
static void trim(struct tt_engine *engine, struct flow *flow)
{
    struct entry entry;

    while (flow->count > 0 && !may_be_needed(engine, flow, engine_head(flow, 0)->handle)) {
        engine_pop(engine, flow, &entry);
        engine_unref(engine, entry.handle);
    }
}

static void drop_before(struct tt_engine *engine, struct flow *flow, int64_t index)
{
    struct entry entry;

    while (flow->count > 0 && engine_head(flow, 0)->index < index) {
        engine_pop(engine, flow, &entry);
        engine_unref(engine, entry.handle);
    }
}

/* The frame that a join shows came ahead of what it has not taken. */
static void show_again(struct tt_engine *engine, struct flow *flow, int64_t index, bool is_new)
{
    drop_before(engine, flow, index);
    if (!flow->is_retained || flow->count == 0 || engine_head(flow, 0)->index != index)
        return;
    engine_pop(engine, flow, &flow->last);
    flow->has_last = true;
    flow->is_last_new = is_new;
}

static void take_carry(struct tt_engine *engine, struct node *node,
                       const struct tt_edit_carry *carry)
{
    for (uint32_t n = 0; n < node->in_count; n++) {
        struct flow *flow = node->in[n] == NONE ? NULL : &engine->flows[node->in[n]];

        if (!flow)
            continue;
        if (carry->has_shown >> n & 1)
            show_again(engine, flow, carry->shown_index[n], carry->is_shown_new >> n & 1);
        drop_before(engine, flow, carry->next_index[n]);
        if (engine->edit->is_fresh)
            continue;
        flow->has_index = carry->has_last >> n & 1;
        flow->last_index = carry->last_index[n];
    }
    if (engine->edit->is_fresh)
        return;
    node->next_index = carry->index;
    node->level = carry->level;
    node->is_first_call_done = carry->was_called != 0;
    node->is_resyncing = carry->is_resyncing != 0;
    node->usual_ns = carry->usual_ns;
    for (uint32_t n = 0; n < carry->post_count; n++)
        node->box.waiting[n] = (struct post){carry->posts[n].event, carry->posts[n].index};
    node->box.waiting_count = carry->post_count;
}

static void begin(struct tt_engine *engine, struct node *node)
{
    struct edit *edit = engine->edit;

    if (edit->has_carry)
        take_carry(engine, node, &edit->begin);
    node->is_open = true;
    engine_degrade_join(engine, node);
    for (uint32_t n = 0; n < edit->gone_count; n++) {
        struct node *gone = &engine->nodes[edit->gone[n]];

        if (gone->kind == KIND_OUTLET && gone->in[0] != NONE)
            free_flow(engine, gone->in[0]);
    }
    for (uint32_t n = 0; n < edit->splice_count; n++)
        edit->splices[n].may_go = !edit->is_fresh;
    node->is_halted = false;
    find_order(engine);
    engine_dirty(engine, node->number);
    edit->phase = PHASE_SWEEPING;
    tell(edit, TT_EDIT_BEGUN);
}

static void discard(struct tt_engine *engine, struct node *node)
{
    struct edit *edit = engine->edit;

    edit->is_back = true;
    if (edit->phase == PHASE_ADDED) {
        undo_splices(engine);
        retire(engine, node);
        edit->phase = PHASE_SWEEPING;
        find_order(engine);
    } else {
        drop_drafts(engine);
        edit->phase = PHASE_SWEEPING;
    }
    edit->tee_count = 0;
}

static void obey_in(struct tt_engine *engine, struct node *node, uint32_t order)
{
    struct edit *edit = engine->edit;

    if (order == TT_EDIT_ORDER_ADD && edit->phase == PHASE_IDLE)
        add(engine);
    else if (order == ORDER_BEGIN && edit->phase == PHASE_ADDED)
        begin(engine, node);
    else if (order == TT_EDIT_ORDER_DISCARD && edit->phase <= PHASE_ADDED)
        discard(engine, node);
}

static void step_in(struct tt_engine *engine, struct node *node)
{
    struct edit *edit = engine->edit;

    for (uint32_t n = 0; n < edit->tee_count && edit->phase == PHASE_ADDED; n++)
        trim(engine, &engine->flows[edit->tees[n].flow]);
    if (edit->phase != PHASE_SWEEPING)
        return;
    find_leaving(engine);
    if (!edit->is_back || node->kind == KIND_UNUSED || is_gone(engine, node))
        sweep(engine);
}

/* --- both --- */

bool engine_edit_is_asked(const struct tt_engine *engine)
{
    const struct edit *edit = engine->edit;

    return edit && __atomic_load_n(&edit->order, __ATOMIC_ACQUIRE) != edit->seen;
}

void engine_edit_end(struct tt_engine *engine)
{
    if (engine->edit && engine->edit->phase == PHASE_CUTTING)
        refuse(engine->edit, "it has ended");
}

/* Who has no sink, because all have left, waits for others to come, and for what is on its way. An
 * End of one component's own is not the service's. */
bool engine_edit_may_end(const struct tt_engine *engine)
{
    if (engine->edit->phase == PHASE_DRAINING)
        return false;
    if (engine->sink_count > 0 || __atomic_load_n(&engine->is_stop_asked_again, __ATOMIC_RELAXED))
        return true;
    if (engine->order_count > 0)
        return engine->edit->phase == PHASE_IDLE;
    return engine_is_stopping(engine) ||
           (engine->is_live && engine_media(engine, engine->now_ns) >= engine->params.end_ns);
}

/* At most one activation is between two steps: what is at the head of a queue now is what its
 * consumer would take next. */
bool engine_edit_step(struct tt_engine *engine)
{
    struct edit *edit = engine->edit;
    uint32_t order = __atomic_load_n(&edit->order, __ATOMIC_ACQUIRE);
    struct node *node = &engine->nodes[edit->node];

    if (order != edit->seen) {
        edit->seen = order;
        if (edit->kind == TT_EDIT_OUT)
            obey_out(engine, node, order & 0xff);
        else
            obey_in(engine, node, order & 0xff);
    }
    if (edit->phase == PHASE_IDLE)
        return false;
    if (edit->kind == TT_EDIT_OUT)
        step_out(engine, node);
    else
        step_in(engine, node);
    return edit->phase != PHASE_IDLE;
}
