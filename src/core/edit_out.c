/* A component on its way out of an engine: cut or split between two of its frames, retired, or back
 * as if nothing had been. */
#include "core/edit_inside.h"

/* Is what a join shows of this input the other's, who lent it and has it until it comes back? What
 * that one only passed on is no loan of his any more. */
static bool is_lent_last(const struct tt_engine *engine, const struct flow *flow)
{
    const struct node *from = &engine->nodes[flow->plan->from_node];
    uint32_t pool, slot;

    if (!flow->has_last || flow->last.handle == TT_NO_FRAME || from->kind != KIND_INLET ||
        !from->plan->is_between)
        return false;
    engine_handle_split(flow->last.handle, &pool, &slot);
    return tt_link_holds(from->plan->link, pool, slot);
}

/* Has the other what this input's join shows, of all that it gets from this index on? */
static bool is_last_there(const struct tt_engine *engine, const struct flow *flow, int64_t index)
{
    return !flow->has_last || flow->last.index >= index || is_lent_last(engine, flow);
}

/* Has the other all that is still needed of this input, which it gets from this index on? */
static bool is_all_there(const struct tt_engine *engine, const struct flow *flow, int64_t index)
{
    if (index <= 0 || (flow->count == 0 && (flow->has_ended || flow->is_still)))
        return true;
    return engine_next_of(flow) >= index && is_last_there(engine, flow, index);
}

static bool is_at(const struct tt_engine *engine, const struct node *node)
{
    const struct edit *edit = engine->edit;

    if (node->is_away || node->running || node->is_again)
        return false;
    for (uint32_t n = 0; n < node->in_count; n++) {
        const struct flow *flow = node->in[n] == NONE ? NULL : &engine->flows[node->in[n]];

        if (flow && !is_all_there(engine, flow, edit->ask.index[n]))
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

        if (flow && (flow->has_ended || flow->is_still) &&
            !is_last_there(engine, flow, engine->edit->ask.index[n]))
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

static void fill_shown(const struct tt_engine *engine, const struct flow *flow, uint32_t input,
                       struct tt_edit_carry *ret)
{
    const struct entry *last = &flow->last;

    if (!flow->has_last)
        return;
    ret->has_shown |= 1u << input;
    ret->is_shown_new |= flow->is_last_new ? 1u << input : 0;
    ret->shown_index[input] = last->index;
    if (!is_lent_last(engine, flow))
        return;
    ret->has_lent |= 1u << input;
    ret->shown[input] = (struct tt_edit_shown){.origin_ns = last->origin_ns,
                                               .duration_ns = last->duration_ns,
                                               .arrived_ns = last->arrived_ns,
                                               .handle = last->handle,
                                               .bytes = last->bytes,
                                               .flags = last->flags,
                                               .format_id = last->format_id,
                                               .valid_slices = last->valid_slices};
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
        if (flow)
            fill_shown(engine, flow, n, ret);
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
    edit_activate_all(engine);
    for (uint32_t n = 0; n < edit->tee_count; n++) {
        edit_link_tee(engine, edit->tees[n].flow);
        copy_queue(engine, &edit->tees[n]);
        engine->flows[edit->tees[n].beside].is_frozen = true;
        engine_dirty(engine, engine->flows[edit->tees[n].flow].plan->to_node);
    }
    edit_find_order(engine);
    for (uint32_t n = 0; n < edit->splice_count; n++)
        edit->splices[n].may_go = true;
    edit->phase = PHASE_STANDING;
}

/* What it keeps until it has drained may be lent to the other as well: so much less goes there,
 * but one frame always. */
static void limit_loans(struct tt_engine *engine, uint32_t kept)
{
    for (uint32_t n = 0; n < engine->edit->tee_count; n++) {
        const struct tt_flow_plan *plan = engine->flows[engine->edit->tees[n].flow].plan;
        struct node *outlet = &engine->nodes[plan->to_node];
        uint32_t most = outlet->plan->loan_max;

        outlet->kept_beside = kept < most ? kept : most > 0 ? most - 1 : 0;
        engine_dirty(engine, outlet->number);
    }
}

/* Its own End: what is left in its queue is the other's. */
static void drain(struct tt_engine *engine, struct node *node)
{
    struct flow *flow = &engine->flows[node->in[node->only]];

    if (flow->count > 0)
        flow->end_ns = engine_head(flow, 0)->origin_ns;
    limit_loans(engine, node->kept_count);
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
    edit_tell(edit, TT_EDIT_SPLIT);
}

void edit_refuse(struct edit *edit, const char *reason)
{
    edit->reason = reason;
    edit->phase = PHASE_IDLE;
    edit_tell(edit, TT_EDIT_REFUSED);
}

static void try_cut(struct tt_engine *engine, struct node *node)
{
    struct edit *edit = engine->edit;
    const char *reason;

    if (!node->is_ended && !is_at(engine, node))
        return;
    reason = refusal(engine, node);
    if (reason)
        edit_refuse(edit, reason);
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
        edit_undo_splices(engine);
        for (uint32_t n = 0; n < edit->tee_count; n++) {
            engine->flows[edit->tees[n].beside].is_frozen = false;
            edit_free_flow(engine, edit->tees[n].flow);
        }
        node->is_halted = false;
        engine_dirty(engine, node->number);
        edit_find_order(engine);
    }
    edit->tee_count = edit->splice_count = 0;
    edit->phase = PHASE_SWEEPING;
}

/* Before an edit changed anything: its flows were in no chain. */
void edit_drop_drafts(struct tt_engine *engine)
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
    edit_retire(engine, node);
    engine_degrade_left(engine);
    limit_loans(engine, 0);
    engine->edit->phase = PHASE_SWEEPING;
    edit_tell(engine->edit, TT_EDIT_RETIRED);
}

void edit_obey_out(struct tt_engine *engine, struct node *node, uint32_t order)
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
            edit_drop_drafts(engine);
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

void edit_step_out(struct tt_engine *engine, struct node *node)
{
    struct edit *edit = engine->edit;

    if (edit->phase == PHASE_CUTTING)
        try_cut(engine, node);
    if (edit->phase == PHASE_STANDING) {
        (void)edit_do_splices(engine);
        if (!edit->is_split && edit->word == TT_EDIT_PREPARED && is_given(engine, node))
            edit_tell(edit, TT_EDIT_CUT);
    }
    if (edit->phase == PHASE_DRAINING) {
        (void)edit_do_splices(engine);
        if (!is_drained_out(engine, node))
            return;
        retire_told(engine, node);
    }
    if (edit->phase != PHASE_SWEEPING)
        return;
    (void)edit_sweep_flows(engine);
    edit_find_leaving(engine);
    if (edit->is_back || node->kind == KIND_UNUSED || edit_is_gone(engine, node))
        edit_sweep(engine);
}
