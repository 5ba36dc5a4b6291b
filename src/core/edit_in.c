/* A component on its way into an engine: it stands still until it is told where to begin. */
#include "core/edit_inside.h"

enum {
    KEPT_FRAMES = 8, /* that wait for a component beyond its queue, where nobody else says */
    NEXT_FRAMES = 2,
    SOON_LOOKS = 1000 /* 0.1 ms */
};

static void add(struct tt_engine *engine)
{
    struct edit *edit = engine->edit;

    edit_activate_all(engine);
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
        edit_link_tee(engine, tee->flow);
        flow->spare = flow->capacity / 2;
    }
    edit_find_order(engine);
    edit->phase = PHASE_ADDED;
    edit_tell(edit, TT_EDIT_ADDED);
}

/* A frame that came from another engine and went back there as it was is given back at once, and
 * says nothing about who needs it. */
static bool may_be_needed(const struct tt_engine *engine, const struct flow *flow, uint32_t handle)
{
    const struct tt_node_plan *inlet;
    const struct slot *slot;

    if (handle == TT_NO_FRAME)
        return false;
    slot = engine_slot(engine, handle);
    if (slot->refs > 1)
        return true;
    inlet = engine->nodes[slot->inlet].plan;
    if (handle / TT_POOL_SLOTS_MAX == engine->params.own_number || !inlet->is_between)
        return false;
    /* Who lends so many at most has to have some for what comes next. */
    if (inlet->loan_max > 0 && flow->count + NEXT_FRAMES > inlet->loan_max)
        return false;
    return flow->count <= flow->plan->depth + KEPT_FRAMES;
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

/* Is this frame one that was lent for the component, and is not back? */
static bool is_still_lent(const struct tt_engine *engine, const struct tt_edit_shown *shown)
{
    const struct edit *edit = engine->edit;
    uint32_t pool = shown->handle / TT_POOL_SLOTS_MAX, slot = shown->handle % TT_POOL_SLOTS_MAX;

    if (pool >= engine->params.pool_count || slot >= engine->pools[pool].view.slot_count ||
        shown->bytes > engine_slot(engine, shown->handle)->capacity)
        return false;
    for (uint32_t n = 0; n < edit->gone_count; n++) {
        const struct node *node = &engine->nodes[edit->gone[n]];

        if (node->kind == KIND_OUTLET && engine_is_lent(node, shown->handle))
            return true;
    }
    return false;
}

/* It was given before this engine kept anything for the component. */
static bool take_lent(struct tt_engine *engine, struct flow *flow, int64_t index,
                      const struct tt_edit_shown *shown)
{
    if (!is_still_lent(engine, shown))
        return false;
    engine_ref(engine, shown->handle);
    flow->last = (struct entry){.index = index,
                                .origin_ns = shown->origin_ns,
                                .duration_ns = shown->duration_ns,
                                .arrived_ns = shown->arrived_ns,
                                .handle = shown->handle,
                                .bytes = shown->bytes,
                                .flags = shown->flags,
                                .format_id = shown->format_id,
                                .valid_slices = shown->valid_slices};
    flow->has_ended = flow->has_ended || flow->is_still;
    return true;
}

/* The frame that a join shows came ahead of what it has not taken. */
static void show_again(struct tt_engine *engine, struct flow *flow, uint32_t input,
                       const struct tt_edit_carry *carry)
{
    int64_t index = carry->shown_index[input];
    bool is_here;

    drop_before(engine, flow, index);
    if (!flow->is_retained)
        return;
    is_here = flow->count > 0 && engine_head(flow, 0)->index == index;
    if (is_here)
        engine_pop(engine, flow, &flow->last);
    else if (!(carry->has_lent >> input & 1) ||
             !take_lent(engine, flow, index, &carry->shown[input]))
        return;
    flow->has_last = true;
    flow->is_last_new = carry->is_shown_new >> input & 1;
}

static void take_carry(struct tt_engine *engine, struct node *node,
                       const struct tt_edit_carry *carry)
{
    for (uint32_t n = 0; n < node->in_count; n++) {
        struct flow *flow = node->in[n] == NONE ? NULL : &engine->flows[node->in[n]];

        if (!flow)
            continue;
        if (carry->has_shown >> n & 1)
            show_again(engine, flow, n, carry);
        drop_before(engine, flow, carry->next_index[n]);
        if (engine->edit->is_fresh)
            continue;
        flow->has_index = carry->has_last >> n & 1;
        flow->last_index = carry->last_index[n];
    }
    node->level = carry->level;
    if (engine->edit->is_fresh)
        return;
    node->next_index = carry->index;
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
    engine_degrade_join(engine, node, edit->has_carry ? edit->begin.level : 0);
    for (uint32_t n = 0; n < edit->gone_count; n++) {
        struct node *gone = &engine->nodes[edit->gone[n]];

        if (gone->kind == KIND_OUTLET && gone->in[0] != NONE)
            edit_free_flow(engine, gone->in[0]);
    }
    for (uint32_t n = 0; n < edit->splice_count; n++)
        edit->splices[n].may_go = !edit->is_fresh;
    node->is_halted = false;
    edit_find_order(engine);
    engine_dirty(engine, node->number);
    edit->phase = PHASE_SWEEPING;
    edit_tell(edit, TT_EDIT_BEGUN);
}

static void discard(struct tt_engine *engine, struct node *node)
{
    struct edit *edit = engine->edit;

    edit->is_back = true;
    if (edit->phase == PHASE_ADDED) {
        edit_undo_splices(engine);
        edit_retire(engine, node);
        edit->phase = PHASE_SWEEPING;
        edit_find_order(engine);
    } else {
        edit_drop_drafts(engine);
        edit->phase = PHASE_SWEEPING;
    }
    edit->tee_count = 0;
}

void edit_obey_in(struct tt_engine *engine, struct node *node, uint32_t order)
{
    struct edit *edit = engine->edit;

    if (order == TT_EDIT_ORDER_ADD && edit->phase == PHASE_IDLE)
        add(engine);
    else if (order == TT_EDIT_ORDER_SOON && edit->phase == PHASE_ADDED)
        edit->looks = SOON_LOOKS;
    else if (order == ORDER_BEGIN && edit->phase == PHASE_ADDED)
        begin(engine, node);
    else if (order == TT_EDIT_ORDER_DISCARD && edit->phase <= PHASE_ADDED)
        discard(engine, node);
}

void edit_step_in(struct tt_engine *engine, struct node *node)
{
    struct edit *edit = engine->edit;

    for (uint32_t n = 0; n < edit->tee_count && edit->phase == PHASE_ADDED; n++)
        trim(engine, &engine->flows[edit->tees[n].flow]);
    if (edit->phase != PHASE_SWEEPING)
        return;
    edit_find_leaving(engine);
    if (!edit->is_back || node->kind == KIND_UNUSED || edit_is_gone(engine, node))
        edit_sweep(engine);
}
