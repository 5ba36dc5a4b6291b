/* The ends of links: inlets bring frames in at their release, outlets lend frames out. */
#include "core/inside.h"

#define END_AHEAD_NS 1000000000 /* of the last frame and of now */

static void give_back_rest(struct tt_engine *engine, struct node *node)
{
    uint32_t filled = tt_link_filled(node->plan->link);
    struct tt_link_slot slot;
    bool has_given = false;

    for (uint32_t n = 0; n < filled; n++) {
        if (!tt_link_get(node->plan->link, engine->params.pools, engine->params.pool_count, &slot))
            break;
        if (slot.slot != TT_NO_FRAME)
            tt_link_give_back(node->plan->link, slot.pool, slot.slot);
        has_given = true;
    }
    if (has_given)
        engine->ops->ring(engine->world, node->plan->peer);
}

static void end_inlet(struct tt_engine *engine, struct node *node, int64_t end_ns)
{
    engine_finish(engine, node, end_ns);
    give_back_rest(engine, node);
}

/* A frame may be in the ring long before it is due to go on; a lie about its index waits no
 * longer than the engine runs. */
static int64_t release_of(const struct tt_engine *engine, const struct node *node,
                          const struct tt_link_slot *slot)
{
    if (!engine->is_live || node->rate.num <= 0 || slot->flags & TT_END || node->plan->is_between)
        return INT64_MIN;
    if (slot->index > node->index_max || slot->index < -node->index_max)
        return INT64_MIN;
    return engine->epoch_ns + tt_index_ns(slot->index, node->rate);
}

static bool is_sound(const struct node *node, const struct tt_link_slot *slot)
{
    if (slot->index > node->index_max || slot->index < -node->index_max)
        return false;
    /* In asap mode no clock bounds a jump; who came late has nothing to begin with. */
    if (node->is_added && node->history_next == 0)
        return true;
    return slot->index - node->next_index <= LOST_MAX || node->rate.num <= 0 ||
           node->engine->is_live;
}

static void take_frame(struct tt_engine *engine, struct node *node, const struct tt_link_slot *slot)
{
    struct entry entry = {.index = slot->index,
                          .origin_ns = slot->origin_ns,
                          .duration_ns = slot->duration_ns,
                          .handle = engine_handle(slot->pool, slot->slot),
                          .bytes = slot->bytes,
                          .flags = slot->flags,
                          .format_id = slot->format_id,
                          .valid_slices = slot->valid_slices};
    struct slot *own = engine_slot(engine, entry.handle);
    struct hop hop = {.is_set = true,
                      .origin_ns = slot->origin_ns,
                      .ready_ns = slot->stamp_ns,
                      .start_ns = engine_owed(engine, node, slot),
                      .end_ns = engine->now_ns,
                      .cpu_ns = -1,
                      .received_ns = slot->received_ns};

    *engine_history(node) = hop;
    node->next_index = slot->index + 1;
    own->is_shared = own->refs > 0;
    own->refs++;
    own->inlet = node->number;
    engine_push(engine, node, 0, &entry);
}

/* A frame that this engine lent to that worker, which passed it on as it was. */
static bool is_home(const struct tt_engine *engine, const struct node *inlet, uint32_t handle)
{
    if (!inlet->plan->is_between || engine_slot(engine, handle)->refs == 0)
        return false;
    for (uint32_t n = 0; n < engine->params.node_count; n++) {
        const struct node *node = &engine->nodes[n];

        if (node->kind == KIND_OUTLET && node->plan->peer == inlet->plan->peer &&
            engine_is_lent(node, handle))
            return true;
    }
    return false;
}

/* It is here anyway, by what it was lent from: the loan of this link ends at once, or each of the
 * two would wait for the other's. */
static void take_home(struct tt_engine *engine, struct node *node, const struct tt_link_slot *slot)
{
    struct slot *own = engine_slot(engine, engine_handle(slot->pool, slot->slot));
    uint32_t inlet = own->inlet;
    bool is_shared = own->is_shared;

    take_frame(engine, node, slot);
    own->inlet = inlet;
    own->is_shared = is_shared;
    tt_link_give_back(node->plan->link, slot->pool, slot->slot);
    engine->ops->ring(engine->world, node->plan->peer);
}

/* A frame that is here already may come again from a worker that passed it on: by another link. */
static bool is_doubled(struct tt_engine *engine, const struct node *node,
                       const struct tt_link_slot *slot)
{
    const struct slot *own = engine_slot(engine, engine_handle(slot->pool, slot->slot));

    return own->refs > 0 && (!node->plan->is_between || own->inlet == node->number);
}

/* False when the slot is not what an honest edge sends: it goes back, or is forgotten. */
static bool accept(struct tt_engine *engine, struct node *node, const struct tt_link_slot *slot)
{
    if (slot->slot == TT_NO_FRAME) {
        engine_gap(engine, node, slot);
        return true;
    }
    if (is_sound(node, slot) && is_home(engine, node, engine_handle(slot->pool, slot->slot))) {
        take_home(engine, node, slot);
        return true;
    }
    if (slot->pool == engine->params.own_number || !is_sound(node, slot) ||
        is_doubled(engine, node, slot)) {
        tt_link_give_back(node->plan->link, slot->pool, slot->slot);
        engine->ops->ring(engine->world, node->plan->peer);
        return false;
    }
    take_frame(engine, node, slot);
    return true;
}

/* Is its origin one that a sum may be made of? */
static bool is_timely(const struct node *node, const struct tt_link_slot *slot)
{
    return node->rate.num > 0 && slot->origin_ns < TIME_MAX && slot->origin_ns > -TIME_MAX;
}

/* An End that is said to be further away is a lie, which would be written as so many losses. */
static int64_t end_max_ns(const struct tt_engine *engine, const struct node *node)
{
    int64_t next_ns = tt_index_ns(node->next_index, node->rate);
    int64_t now_ns = engine_media(engine, engine->now_ns);

    if (!engine->is_live)
        return next_ns + LOST_MAX * node->period_ns;
    return (next_ns > now_ns ? next_ns : now_ns) + END_AHEAD_NS;
}

static int64_t inlet_end_ns(const struct tt_engine *engine, const struct node *node,
                            const struct tt_link_slot *slot)
{
    int64_t end_ns = 0;

    for (uint32_t n = 0; n < HISTORY; n++)
        if (node->history[n].is_set && node->history[n].origin_ns + node->period_ns > end_ns)
            end_ns = node->history[n].origin_ns + node->period_ns;
    end_ns = slot && slot->origin_ns > end_ns ? slot->origin_ns : end_ns;
    return node->rate.num > 0 && end_ns > end_max_ns(engine, node) ? end_max_ns(engine, node)
                                                                   : end_ns;
}

/* Another worker stops as well, and what it still has is worth its End; for so long as there is
 * time. */
static bool is_stopped(const struct tt_engine *engine, const struct node *node)
{
    if (node->plan->is_between)
        return __atomic_load_n(&engine->is_stop_asked_again, __ATOMIC_SEQ_CST) != 0;
    return engine_is_stopping(engine);
}

/* Of several consumers each has room of its own beyond its queue. */
static bool has_room(struct tt_engine *engine, const struct node *node)
{
    bool has_spare = node->out[0] != NONE && engine->flows[node->out[0]].spare > 0;

    return has_spare || engine_has_room(engine, node);
}

/* The time to look again; NEVER when only the peer's bell brings more. INT64_MIN: it has ended. */
static int64_t drain(struct tt_engine *engine, struct node *node)
{
    uint32_t filled = tt_link_filled(node->plan->link);
    int64_t end_ns = engine->params.end_ns, release_ns;
    struct tt_link_slot slot;

    for (uint32_t n = 0; n < filled && tt_link_peek(node->plan->link, &slot); n++) {
        if (node->rate.num > 0 && is_stopped(engine, node))
            break;
        release_ns = release_of(engine, node, &slot);
        if (node->rate.num > 0 && !(slot.flags & TT_END) && slot.index <= node->index_max &&
            slot.index >= 0 && tt_index_ns(slot.index, node->rate) >= end_ns) {
            if (engine->is_live)
                break;
            end_inlet(engine, node, end_ns);
            return INT64_MIN;
        }
        if (release_ns > engine->now_ns)
            return release_ns;
        if (!(slot.flags & TT_END) && !has_room(engine, node)) {
            int64_t due_ns = engine->epoch_ns + slot.origin_ns + node->plan->due_offset_ns;

            if (!engine->is_live)
                return NEVER;
            /* Taken now it would push out one that may still be in time. */
            if (is_timely(node, &slot) && engine->now_ns < due_ns)
                return due_ns;
        }
        if (!tt_link_get(node->plan->link, engine->params.pools, engine->params.pool_count, &slot))
            break;
        if (slot.flags & TT_END) {
            if (slot.slot != TT_NO_FRAME)
                tt_link_give_back(node->plan->link, slot.pool, slot.slot);
            end_inlet(engine, node, inlet_end_ns(engine, node, &slot));
            return INT64_MIN;
        }
        (void)accept(engine, node, &slot);
    }
    return NEVER;
}

/* An input with a latency of its own (a jitter buffer) gives its last frames after their index:
 * they are waited for as long as they could still be in time. */
static int64_t patience_ns(const struct node *node, int64_t end_ns)
{
    if (node->rate.num <= 0 || tt_index_ns(node->next_index, node->rate) >= end_ns)
        return 0;
    return node->plan->due_offset_ns > 0 ? node->plan->due_offset_ns : 0;
}

void engine_inlet(struct tt_engine *engine, struct node *node)
{
    int64_t wake_ns, shed_ns, end_ns = engine->params.end_ns;

    if (node->is_ended) {
        give_back_rest(engine, node);
        return;
    }
    wake_ns = drain(engine, node);
    if (wake_ns == INT64_MIN)
        return;
    if (is_stopped(engine, node)) {
        end_inlet(engine, node, inlet_end_ns(engine, node, NULL));
        return;
    }
    shed_ns = engine_shed(engine, node);
    wake_ns = shed_ns < wake_ns ? shed_ns : wake_ns;
    if (engine->is_live && end_ns < TIME_MAX) {
        int64_t last_ns = engine->epoch_ns + end_ns + patience_ns(node, end_ns);

        if (engine->now_ns >= last_ns) {
            end_inlet(engine, node, node->rate.num > 0 ? end_ns : 0);
            return;
        }
        wake_ns = wake_ns < last_ns ? wake_ns : last_ns;
    }
    if (wake_ns < NEVER)
        engine_heap_put(&engine->timers, node->number, wake_ns);
    else
        engine_heap_remove(&engine->timers, node->number);
}

static void set_lent(struct tt_engine *engine, struct node *node, uint32_t handle, bool lent)
{
    uint64_t bit = (uint64_t)1 << (handle % 64);
    bool is_foreign = handle / TT_POOL_SLOTS_MAX != engine->params.own_number;

    tt_assert(engine_is_lent(node, handle) != lent);
    if (lent) {
        node->lent[handle / 64] |= bit;
        node->lent_count++;
        engine->lent_on_count += is_foreign;
    } else {
        node->lent[handle / 64] &= ~bit;
        node->lent_count--;
        engine->lent_on_count -= is_foreign;
    }
}

static bool is_known(const struct tt_engine *engine, uint32_t pool, uint32_t slot)
{
    return pool < engine->params.pool_count && slot < engine->pools[pool].view.slot_count;
}

/* After a new reader: what the dead one held and the shared memory no longer calls lent. */
static void reclaim(struct tt_engine *engine, struct node *node)
{
    for (uint32_t pool = 0; pool < engine->params.pool_count; pool++)
        for (uint32_t n = 0; n < engine->pools[pool].view.slot_count; n++) {
            uint32_t handle = engine_handle(pool, n);

            if (!engine_is_lent(node, handle) || tt_link_is_on_loan(node->plan->link, pool, n))
                continue;
            set_lent(engine, node, handle, false);
            engine_unref(engine, handle);
        }
}

void engine_take_back(struct tt_engine *engine, struct node *node)
{
    uint32_t pool, slot;

    for (uint32_t n = 0; n < TT_POOL_SLOTS_MAX; n++) {
        if (!tt_link_take_back(node->plan->link, &pool, &slot))
            break;
        if (!is_known(engine, pool, slot) || !engine_is_lent(node, engine_handle(pool, slot)))
            continue; /* the peer's lie */
        set_lent(engine, node, engine_handle(pool, slot), false);
        engine_unref(engine, engine_handle(pool, slot));
    }
    if (tt_link_reader_changed(node->plan->link))
        reclaim(engine, node);
}

void engine_outlet_reclaim(struct tt_engine *engine, struct node *node)
{
    for (uint32_t pool = 0; pool < engine->params.pool_count; pool++)
        for (uint32_t n = 0; n < engine->pools[pool].view.slot_count; n++) {
            uint32_t handle = engine_handle(pool, n);

            if (!engine_is_lent(node, handle) || tt_link_is_away(node->plan->link, pool, n))
                continue;
            set_lent(engine, node, handle, false);
            engine_unref(engine, handle);
        }
}

/* The inlet that a frame of another process came in by, as its link still says; NULL: none. */
static struct node *inlet_of(struct tt_engine *engine, uint32_t pool, uint32_t slot)
{
    for (uint32_t n = 0; n < engine->params.node_count; n++) {
        struct node *node = &engine->nodes[n];

        if (node->plan->role == TT_NODE_INLET && tt_link_holds(node->plan->link, pool, slot))
            return node;
    }
    return NULL;
}

/* How far the predecessor came. An edge takes what it is given; another worker wants it again when
 * it began anew, too, and says by closing when it does not. */
static void adopt_place(const struct tt_engine *engine, struct node *node)
{
    const struct tt_format *format = engine->flows[node->in[0]].plan->format;
    int64_t index;

    if (node->plan->is_between)
        return;
    node->has_put_end = tt_link_has_put_end(node->plan->link);
    /* By the clock nothing comes again, and a count that is a lie would keep all from its sink. */
    if (!engine->is_live && format->rate.num > 0 && tt_link_last_put(node->plan->link, &index))
        node->put_next = index + 1;
}

/* At the start of a new writer: what its predecessor lent is still out, its own frames and those
 * that it passed on from an inlet to an outlet. */
void engine_outlet_adopt(struct tt_engine *engine, struct node *node)
{
    adopt_place(engine, node);
    for (uint32_t pool = 0; pool < engine->params.pool_count; pool++) {
        bool is_own = pool == engine->params.own_number;

        for (uint32_t n = 0; n < engine->pools[pool].view.slot_count; n++) {
            struct node *inlet = is_own ? NULL : inlet_of(engine, pool, n);
            struct slot *slot = engine_slot(engine, engine_handle(pool, n));

            if ((!is_own && !inlet) || !tt_link_is_on_loan(node->plan->link, pool, n))
                continue;
            set_lent(engine, node, engine_handle(pool, n), true);
            slot->refs++;
            slot->inlet = inlet ? inlet->number : 0;
            slot->is_shared = inlet && inlet->plan->is_between;
        }
    }
}

/* Who has ended reads no more, and keeps nobody from his End. */
void engine_close_inlets(struct tt_engine *engine)
{
    for (uint32_t n = 0; n < engine->params.node_count; n++) {
        const struct node *node = &engine->nodes[n];

        if (node->kind != KIND_INLET || !node->plan->is_between)
            continue;
        tt_link_close(node->plan->link);
        engine->ops->ring(engine->world, node->plan->peer);
    }
}

/* Its reader has it already, or reads no more. */
static bool is_needless(const struct node *node, const struct entry *entry)
{
    if (node->plan->is_between)
        return tt_link_is_closed(node->plan->link);
    return node->has_put_end || (!(entry->flags & TT_END) && entry->index < node->put_next);
}

static bool put(struct tt_engine *engine, struct node *node, const struct entry *entry)
{
    struct tt_link_slot slot = {.index = entry->index,
                                .origin_ns = entry->origin_ns,
                                .duration_ns = entry->duration_ns,
                                .slot = TT_NO_FRAME,
                                .bytes = entry->bytes,
                                .flags = entry->flags,
                                .format_id = entry->format_id,
                                .valid_slices = entry->valid_slices,
                                .stamp_ns = engine->now_ns};

    if (is_needless(node, entry))
        return true;
    if (engine->is_live && !(entry->flags & TT_END) &&
        engine_media(engine, engine->now_ns) > engine_due(node, entry->origin_ns))
        slot.flags |= TT_LATE;
    if (entry->handle != TT_NO_FRAME) {
        if (engine_is_lent(node, entry->handle))
            return false; /* never twice on one link */
        if (engine->is_live && node->plan->loan_max > 0 &&
            node->lent_count + node->kept_beside >= node->plan->loan_max)
            return false;
        engine_handle_split(entry->handle, &slot.pool, &slot.slot);
    }
    if (!tt_link_put(node->plan->link, &slot))
        return false;
    if (entry->handle != TT_NO_FRAME) {
        engine_ref(engine, entry->handle);
        set_lent(engine, node, entry->handle, true);
    }
    engine->ops->ring(engine->world, node->plan->peer);
    return true;
}

/* Its bell tells when there is room; a frame that may be lost waits no longer than its hold. */
static void wait_for_reader(struct tt_engine *engine, struct node *node)
{
    if (engine->is_live && engine_is_held(engine, node))
        engine_heap_put(&engine->timers, node->number, node->hold_until_ns);
}

void engine_outlet(struct tt_engine *engine, struct node *node)
{
    struct flow *flow = &engine->flows[node->in[0]];

    if (node->is_ended)
        return;
    while (flow->count > 0) {
        struct entry entry = *engine_head(flow, 0);

        if (put(engine, node, &entry))
            engine_deliver(engine, node, 0, &entry, engine->now_ns);
        else if (!engine_is_held(engine, node) && flow->plan->late_policy == TT_LATE_DROP)
            engine_drop(engine, node, entry.origin_ns, TT_CAUSE_EDGE);
        else {
            wait_for_reader(engine, node);
            return;
        }
        engine_pop(engine, flow, &entry);
        engine_unref(engine, entry.handle);
    }
    if (flow->has_ended) {
        struct entry end = {.index = node->sinks[0].next_index,
                            .origin_ns = flow->end_ns,
                            .handle = TT_NO_FRAME,
                            .flags = TT_END};

        if (put(engine, node, &end))
            engine_finish(engine, node, flow->end_ns);
    }
}
