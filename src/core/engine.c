/* The loop: take what arrived, release what is due, run the component with the earliest due time.
 */
#include "core/inside.h"

#define LOST INT64_MIN       /* instead of a time: the caller is no worker any more */
#define NAP_MAX_NS 100000000 /* so that tt_engine_stop() is seen without a bell */

static int64_t first_index(struct tt_rational rate, int64_t first_ns)
{
    if (rate.num <= 0 || first_ns <= 0)
        return 0;
    return tt_ns_index(first_ns - 1, rate) + 1;
}

static void begin_node(struct tt_engine *engine, struct node *node, int64_t first_ns)
{
    node->next_index = first_index(node->rate, first_ns);
    for (uint32_t n = 0; node->sinks && n < node->in_count; n++)
        if (node->in[n] != NONE)
            node->sinks[n].next_index =
                first_index(engine->flows[node->in[n]].plan->format->rate, first_ns);
    if (node->kind == KIND_OUTLET)
        engine_take_back(engine, node); /* what came back before anybody listened */
    engine_dirty(engine, node->number);
}

void tt_engine_begin(struct tt_engine *engine, int64_t epoch_ns, int64_t first_ns)
{
    tt_assert(!engine->has_begun);
    engine->has_begun = true;
    engine->epoch_ns = epoch_ns;
    engine->now_ns = engine->ops->now(engine->world);
    engine->seen_bell = engine->ops->bell(engine->world);
    for (uint32_t n = 0; n < engine->params.flow_count; n++) {
        engine->flows[n].pushed_index =
            first_index(engine->flows[n].plan->format->rate, first_ns) - 1;
        engine->flows[n].end_ns = first_ns;
    }
    for (uint32_t n = 0; n < engine->params.node_count; n++)
        begin_node(engine, &engine->nodes[n], first_ns);
}

/* An End that just goes on needs no room. */
static bool is_giving(const struct node *node, const struct decision *decision)
{
    return decision->what != WHAT_END || (node->plan->component->flags & TT_DRAINS) != 0;
}

/* Catching up, a producer whose queue has no room would push out frames that can still be in time:
 * it goes behind the consumers of what is queued, each of which may be behind its own. */
static int64_t due_of(struct tt_engine *engine, const struct node *node, int64_t origin_ns)
{
    int64_t offset_ns = node->plan->due_offset_ns, behind_ns = INT64_MIN;

    for (uint32_t port = 0; port < node->out_count; port++)
        for (uint32_t n = node->out[port]; n != NONE; n = engine->flows[n].next_of_output) {
            const struct flow *flow = &engine->flows[n];
            const struct node *to = &engine->nodes[flow->plan->to_node];
            uint32_t burst = node->out_max[port] > 1 ? node->out_max[port] : 1;

            if (flow->count + burst <= flow->plan->depth)
                continue;
            if (to->plan->due_offset_ns > offset_ns)
                offset_ns = to->plan->due_offset_ns;
            if (engine->ready.place[to->number] != NONE &&
                engine->ready.key[to->number] >= behind_ns)
                behind_ns = engine->ready.key[to->number] + 1;
        }
    offset_ns += engine->epoch_ns + origin_ns;
    return offset_ns > behind_ns ? offset_ns : behind_ns;
}

/* Coded frames come in decoding order, each at the time of its index: what one shows may be far
 * from what its activation gives. */
static int64_t release_ns(const struct tt_engine *engine, const struct node *node, int64_t index,
                          int64_t origin_ns)
{
    const struct flow *flow;

    if (node->kind != KIND_SINGLE || node->sinks)
        return origin_ns;
    flow = &engine->flows[node->in[node->only]];
    if (!flow->is_coded || flow->is_still)
        return origin_ns;
    return tt_index_ns(index, flow->plan->format->rate);
}

/* What most nodes are most of the time: its next frame is there, and nothing else is asked. */
static void settle_single(struct tt_engine *engine, struct node *node)
{
    const struct entry *head = engine_head(&engine->flows[node->in[node->only]], 0);
    int64_t at_ns = release_ns(engine, node, head->index, head->origin_ns);

    engine_heap_remove(&engine->timers, node->number);
    if (node->is_starved && !engine->is_forced) {
        engine_heap_remove(&engine->ready, node->number);
        return;
    }
    engine_heap_put(&engine->ready, node->number, due_of(engine, node, at_ns));
}

static void settle(struct tt_engine *engine, struct node *node)
{
    struct decision d;
    bool is_ready;

    if (node->kind == KIND_INLET)
        engine_inlet(engine, node);
    if (node->kind == KIND_OUTLET)
        engine_outlet(engine, node);
    if (node->is_ended || node->kind == KIND_INLET || node->kind == KIND_OUTLET)
        return;
    if (node->is_halted) {
        engine_heap_remove(&engine->timers, node->number);
        return;
    }

    if (node->kind == KIND_SINGLE && !node->is_again && !engine_is_held(engine, node) &&
        engine->flows[node->in[node->only]].count > 0) {
        settle_single(engine, node);
        return;
    }
    engine_decide(engine, node, &d);
    is_ready = d.what != WHAT_NOTHING && !node->is_starved;
    if (engine->is_forced && d.what == WHAT_RUN && node->in_count > 0)
        is_ready = true; /* without a slot it gives its inputs up */
    if (engine_is_held(engine, node) && is_giving(node, &d) && !engine_has_room(engine, node)) {
        is_ready = false;
        d.wake_ns = engine->is_live ? node->hold_until_ns : NEVER;
    }
    if (is_ready)
        engine_heap_put(&engine->ready, node->number,
                        due_of(engine, node, release_ns(engine, node, d.index, d.origin_ns)));
    else
        engine_heap_remove(&engine->ready, node->number);
    if (d.wake_ns != NEVER)
        engine_heap_put(&engine->timers, node->number, d.wake_ns);
    else
        engine_heap_remove(&engine->timers, node->number);
}

static void settle_some(struct tt_engine *engine, uint64_t count)
{
    for (uint64_t n = 0; n < count && engine->dirty_count > 0; n++) {
        struct node *node = &engine->nodes[engine->dirty[engine->dirty_head]];

        if (++engine->dirty_head == engine->params.node_count)
            engine->dirty_head = 0;
        engine->dirty_count--;
        node->is_dirty = false;
        settle(engine, node);
    }
}

/* An inlet and its consumers are settled once for each frame that waits in its ring. */
static uint64_t count_backlog(const struct tt_engine *engine)
{
    uint64_t count = 0;

    for (uint32_t n = 0; n < engine->params.node_count; n++) {
        const struct node *node = &engine->nodes[n];
        uint32_t takers = 0;

        if (node->kind != KIND_INLET || node->is_ended)
            continue;
        for (uint32_t flow = node->out[0]; flow != NONE; flow = engine->flows[flow].next_of_output)
            takers++;
        count += (uint64_t)tt_link_filled(node->plan->link) * (1 + takers);
    }
    return count;
}

/* Settling one node may make others dirty. A backlog at the ends of links goes on before a
 * component runs, or what is passed from edge to edge would wait for one more activation. The bound
 * leaves the rest for the next turn: a peer that never stops keeps the worker no longer. */
static void settle_dirty(struct tt_engine *engine)
{
    settle_some(engine, 4 * (uint64_t)engine->params.node_count);
    if (engine->dirty_count > 0)
        settle_some(engine, 4 * (uint64_t)engine->params.node_count + count_backlog(engine));
}

static void hear_bell(struct tt_engine *engine)
{
    uint32_t bell = engine->ops->bell(engine->world);

    if (bell == engine->seen_bell)
        return;
    engine->seen_bell = bell;
    if (engine_edit_is_asked(engine))
        engine->look_ns = INT64_MIN;
    for (uint32_t n = 0; n < engine->params.node_count; n++) {
        struct node *node = &engine->nodes[n];

        if (node->kind == KIND_OUTLET)
            engine_take_back(engine, node);
        if (node->kind == KIND_INLET && node->is_ended)
            engine_inlet(engine, node);
        else if (node->kind == KIND_OUTLET || node->kind == KIND_INLET)
            engine_dirty(engine, n);
    }
}

static void hear_stop(struct tt_engine *engine)
{
    if (engine->is_stop_seen || !engine_is_stopping(engine))
        return;
    engine->is_stop_seen = true;
    for (uint32_t n = 0; n < engine->params.node_count; n++)
        engine_dirty(engine, n);
}

static void release_due(struct tt_engine *engine)
{
    for (uint32_t n = 0; n < engine->params.node_count && engine->timers.count > 0; n++) {
        uint32_t node = engine->timers.nodes[0];

        if (engine->timers.key[node] > engine->now_ns)
            return;
        engine_heap_remove(&engine->timers, node);
        engine_dirty(engine, node);
    }
}

static void feed_starved(struct tt_engine *engine)
{
    if (!engine->is_pool_freed || engine->starved_count == 0)
        return;
    for (uint32_t n = 0; n < engine->params.node_count; n++) {
        if (!engine->nodes[n].is_starved)
            continue;
        engine->nodes[n].is_starved = false;
        engine_dirty(engine, n);
    }
    engine->starved_count = 0;
}

static bool is_over(const struct tt_engine *engine)
{
    if (engine->sink_count > 0 ? engine->sinks_ended < engine->sink_count
                               : engine->nodes_ended < engine->params.node_count)
        return false;
    return !engine->edit || engine_edit_may_end(engine);
}

/* In asap mode paths that part and meet again can block each other when the queues of one are
 * shorter than the latency of the other, or the pool is empty before they are full. Is there nobody
 * outside who can end it? */
static bool is_standing_still(const struct tt_engine *engine)
{
    if (engine->is_live || engine->ready.count > 0 || engine->timers.count > 0 ||
        engine->dirty_count > 0 || engine->look_ns == INT64_MIN)
        return false;
    for (uint32_t n = 0; n < engine->params.node_count; n++) {
        const struct node *node = &engine->nodes[n];

        if (node->kind == KIND_OUTLET && !node->is_ended &&
            (engine->flows[node->in[0]].count > 0 ||
             (node->lent_count > 0 && engine->starved_count > 0)))
            return false;
        if (node->kind == KIND_INLET && !node->is_ended && tt_link_filled(node->plan->link) == 0)
            return false;
    }
    return true;
}

static void settle_all(struct tt_engine *engine)
{
    for (uint32_t n = 0; n < engine->params.node_count; n++)
        engine_dirty(engine, n);
    settle_dirty(engine);
}

/* First depths give way. Where that is not enough, because a path holds back more than it declared,
 * the joins go on without what it does not bring, each use or loss counted. */
static void undo_standstill(struct tt_engine *engine)
{
    engine->is_relaxed = true;
    settle_all(engine);
    if (engine->ready.count > 0 || !is_standing_still(engine))
        return;
    engine->is_forced = true;
    settle_all(engine);
}

/* Is there anything that it would do, or be woken for, before it gets another frame? */
static bool is_idle(const struct tt_engine *engine, const struct node *node)
{
    const struct flow *flow;

    if (node->kind != KIND_SINGLE || node->is_again || engine_is_held(engine, node) ||
        engine->timers.place[node->number] != NONE)
        return false;
    flow = &engine->flows[node->in[node->only]];
    return flow->count == 0 && !flow->has_ended;
}

/* False: the worker was lost, and nothing of the engine is the caller's. */
static bool run_next(struct tt_engine *engine)
{
    struct node *node = &engine->nodes[engine->ready.nodes[0]];

    engine_busy(engine);
    engine_heap_remove(&engine->ready, node->number);
    if (!engine_run_node(engine, node))
        return false;
    if (!is_idle(engine, node))
        engine_dirty(engine, node->number);
    if (engine->dirty_count > 0)
        settle_dirty(engine);
    engine->is_now_fresh = true;
    return true;
}

static void look(struct tt_engine *engine)
{
    bool is_editing = engine->edit && engine_edit_step(engine);

    if (engine->now_ns >= engine->mute_look_ns)
        engine_settle_mutes(engine);
    engine->look_ns = is_editing ? INT64_MIN : engine->mute_look_ns;
}

static int64_t turn(struct tt_engine *engine)
{
    int64_t look_ns;

    __atomic_store_n(&engine->stats->loops, engine->stats->loops + 1, __ATOMIC_RELAXED);
    hear_bell(engine);
    hear_stop(engine);
    look_ns = engine->away ? engine_look_after(engine) : NEVER;
    if (engine->timers.count > 0 && engine->timers.key[engine->timers.nodes[0]] <= engine->now_ns)
        release_due(engine);
    if (engine->starved_count > 0)
        feed_starved(engine);
    engine->is_pool_freed = false;
    if (engine->dirty_count > 0)
        settle_dirty(engine);
    if (engine->now_ns >= engine->look_ns)
        look(engine);

    if (!engine->is_live && !is_over(engine) && is_standing_still(engine))
        undo_standstill(engine);
    if (engine->ready.count > 0 && !run_next(engine))
        return LOST;
    engine->is_relaxed = engine->is_forced = false;
    if (is_over(engine)) {
        if (!engine->stats->is_ended) {
            engine_cost_flush(engine);
            engine_close_inlets(engine);
            engine_edit_end(engine);
        }
        __atomic_store_n(&engine->stats->is_ended, 1, __ATOMIC_RELEASE);
        engine_idle(engine);
        return NEVER;
    }
    if (engine->is_now_fresh || engine->dirty_count > 0 || engine->ready.count > 0)
        return engine->now_ns;
    engine_idle(engine);
    if (engine_edit_is_soon(engine))
        return engine->now_ns;
    if (engine->timers.count > 0 && engine->timers.key[engine->timers.nodes[0]] < look_ns)
        look_ns = engine->timers.key[engine->timers.nodes[0]];
    return look_ns;
}

int64_t tt_engine_step(struct tt_engine *engine)
{
    int64_t next_ns;

    if (!engine->is_now_fresh)
        engine->now_ns = engine->ops->now(engine->world);
    engine->is_now_fresh = false;
    engine->ops->path(engine->world, true);
    next_ns = turn(engine);
    engine->ops->path(engine->world, false);
    return next_ns;
}

static bool is_full(const struct tt_engine *engine, const struct node *outlet)
{
    int64_t loan_max = outlet->plan->loan_max;

    return engine->flows[outlet->in[0]].count > 0 ||
           (loan_max > 0 && (int64_t)outlet->lent_count + outlet->kept_beside >= loan_max);
}

/* Is there anything that a frame that a reader gives back would set going? Else it is taken back
 * with the next thing that happens. Whose frames were passed on waits for them by himself. */
bool engine_awaits_room(const struct tt_engine *engine)
{
    if (!engine->has_outlets && !engine->edit)
        return false;
    if (!engine->is_live || engine->edit || engine->is_stop_seen || engine->starved_count > 0 ||
        engine->lent_on_count > 0)
        return true;
    for (uint32_t n = 0; n < engine->params.node_count; n++)
        if (engine->nodes[n].kind == KIND_OUTLET && !engine->nodes[n].is_ended &&
            is_full(engine, &engine->nodes[n]))
            return true;
    return false;
}

bool engine_work(struct tt_engine *engine)
{
    while (!engine->stats->is_ended) {
        int64_t next_ns = tt_engine_step(engine);

        if (next_ns == LOST)
            return false;
        if (next_ns <= engine->now_ns || engine->stats->is_ended)
            continue;
        if (next_ns - engine->now_ns > NAP_MAX_NS)
            next_ns = engine->now_ns + NAP_MAX_NS;
        (void)engine->ops->wait(engine->world, engine->seen_bell, next_ns,
                                engine_awaits_room(engine));
    }
    return true;
}

void tt_engine_run(struct tt_engine *engine, int64_t epoch_ns, int64_t first_ns)
{
    tt_engine_begin(engine, epoch_ns, first_ns);
    if (!engine_work(engine))
        tt_engine_stand_by(engine);
}

void tt_engine_stop(struct tt_engine *engine)
{
    if (__atomic_exchange_n(&engine->is_stopping, 1, __ATOMIC_RELAXED) == 0)
        return;
    __atomic_store_n(&engine->is_stop_asked_again, 1, __ATOMIC_SEQ_CST);
    for (uint32_t n = 0; n < 2; n++)
        __atomic_store_n(&engine->runnings[n].call.stop, 1, __ATOMIC_SEQ_CST);
}

bool tt_engine_post(struct tt_engine *engine, uint32_t number, const struct tt_event *event)
{
    return tt_engine_post_at(engine, number, event, INT64_MIN);
}

bool tt_engine_post_at(struct tt_engine *engine, uint32_t number, const struct tt_event *event,
                       int64_t index)
{
    struct box *box;
    uint32_t put;

    if (number >= engine->params.node_count)
        return false;
    box = &engine->nodes[number].box;
    put = __atomic_load_n(&box->put, __ATOMIC_RELAXED);
    if (put - __atomic_load_n(&box->got, __ATOMIC_ACQUIRE) >= BOX)
        return false;
    box->posts[put % BOX] = (struct post){*event, index};
    __atomic_store_n(&box->put, put + 1, __ATOMIC_RELEASE);
    return true;
}

void tt_engine_close(struct tt_engine **engine)
{
    if (!*engine)
        return;
    for (uint32_t n = 0; n < (*engine)->params.node_count; n++) {
        const struct tt_node_plan *plan = (*engine)->nodes[n].plan;

        if (plan && plan->role == TT_NODE_COMPONENT && (*engine)->nodes[n].is_open &&
            plan->component->close)
            plan->component->close(plan->state);
    }
    *engine = NULL;
}
