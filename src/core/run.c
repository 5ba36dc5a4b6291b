/* One activation: inputs taken, outputs laid ready, the component called, what it gave passed on.
 */
#include "core/inside.h"

#include <string.h>

enum {
    SILENT_CALLS_MAX = 1024,
    LOST = INT32_MIN /* instead of a result: the caller is no worker any more */
};

static bool has_flag(const struct node *node, uint32_t flag)
{
    return (node->plan->component->flags & flag) != 0;
}

static void release_outputs(struct tt_engine *engine, uint32_t count)
{
    for (uint32_t n = 0; n < count; n++) {
        engine_unref(engine, engine->running->out[n]);
        engine->running->out[n] = TT_NO_FRAME;
    }
}

/* Is this frame the running call's alone, so that an output may be written over it? Frames that a
 * late policy or another consumer may still show have more than one reference. */
static bool may_reuse(const struct tt_engine *engine, const struct node *node, uint32_t handle,
                      uint32_t output)
{
    const struct slot *slot;

    if (handle == TT_NO_FRAME || handle / TT_POOL_SLOTS_MAX != engine->params.own_number)
        return false;
    slot = engine_slot(engine, handle);
    return slot->refs == 1 && slot->capacity >= node->bytes_max[output];
}

/* An output that may take its input's frame does so where nobody else needs it: a copy less. */
static uint32_t reuse_next(struct tt_engine *engine, struct node *node)
{
    const struct entry *head = engine_head(&engine->flows[node->in[node->only]], 0);

    if (!head || !may_reuse(engine, node, head->handle, node->in_place))
        return TT_NO_FRAME;
    engine_ref(engine, head->handle);
    return head->handle;
}

/* False, with nothing taken, when the pool has no room for one of them. */
static bool lay_outputs(struct tt_engine *engine, struct node *node, bool is_reusing)
{
    struct running *running = engine->running;
    bool was_freed = engine->is_pool_freed;
    const uint32_t *class_of = &engine->params.class_of[node->number * TT_PORTS_MAX];

    for (uint32_t n = 0; n < node->out_count; n++) {
        running->out[n] = TT_NO_FRAME;
        if (node->out[n] == NONE)
            continue;
        if (is_reusing && node->in_place == n)
            running->out[n] = reuse_next(engine, node);
        if (running->out[n] == TT_NO_FRAME)
            running->out[n] = engine_slot_new(engine, class_of[n]);
        if (running->out[n] == TT_NO_FRAME) {
            release_outputs(engine, n);
            engine->is_pool_freed = was_freed; /* or those who wait for a slot would spin */
            return false;
        }
    }
    return true;
}

/* Of joins, whose inputs are known when they are taken. */
static void reuse_inputs(struct tt_engine *engine, struct node *node)
{
    struct running *running = engine->running;

    for (uint32_t n = 0; n < node->in_count; n++) {
        const struct input *input = &running->in[n];
        int32_t output = engine_port(node->plan, n)->in_place_of;

        if (!input->is_there || !input->is_owned || output < 0 ||
            (uint32_t)output >= node->out_count || running->out[output] == TT_NO_FRAME ||
            engine_port(node->plan, n)->hold_max > 0 ||
            !may_reuse(engine, node, input->entry.handle, (uint32_t)output))
            continue;
        engine_unref(engine, running->out[output]);
        engine_ref(engine, input->entry.handle);
        running->out[output] = input->entry.handle;
    }
}

static void show_outputs(struct tt_engine *engine, struct node *node)
{
    struct running *running = engine->running;

    for (uint32_t n = 0; n < node->out_count; n++) {
        struct tt_frame *frame = &running->frames[node->in_count + n];

        *frame = (struct tt_frame){.index = running->decision.index,
                                   .origin_ns = running->decision.origin_ns,
                                   .duration_ns = running->decision.duration_ns,
                                   .handle = running->out[n]};
        if (running->out[n] == TT_NO_FRAME)
            continue;
        frame->capacity = node->bytes_max[n];
        frame->data = (tt_addr)(uintptr_t)engine_slot(engine, running->out[n])->data;
        frame->flags = running->is_repeated ? TT_REPEATED : 0;
    }
}

static void mark_gap(struct flow *flow, struct input *input)
{
    if (flow->has_index && input->entry.index != flow->last_index + 1 && !flow->is_still)
        input->entry.flags |= TT_DISCONT;
    flow->has_index = true;
    flow->last_index = input->entry.index;
}

static void take_one(struct tt_engine *engine, struct node *node, uint32_t port)
{
    struct flow *flow = &engine->flows[node->in[port]];
    struct input *input = &engine->running->in[port];

    engine_pop(engine, flow, &input->entry);
    input->is_there = input->is_owned = input->is_new = true;
    mark_gap(flow, input);
}

static void take_inputs(struct tt_engine *engine, struct node *node, const struct decision *d)
{
    struct running *running = engine->running;

    for (uint32_t n = 0; n < node->in_count; n++) {
        running->in[n].is_there = running->in[n].is_owned = running->in[n].is_new = false;
        running->in[n].entry.handle = TT_NO_FRAME;
    }
    if (d->what != WHAT_RUN)
        return;
    if (node->kind == KIND_SINGLE || node->kind == KIND_SEPARATE) {
        take_one(engine, node, d->input);
        return;
    }
    node->next_index = d->index + 1;
    if (node->kind != KIND_SOURCE) {
        engine_take_join(engine, node, d);
        reuse_inputs(engine, node);
    }
}

/* A frame that a sink gets past its due time, or that came to a join past that of the activation.
 * For both what is shown again is as late as it was. */
static bool is_late(const struct tt_engine *engine, const struct node *node,
                    const struct input *input)
{
    const struct decision *d = &engine->running->decision;

    if (!engine->is_live || !input->is_new)
        return false;
    if (node->sinks)
        return engine_media(engine, engine->now_ns) > engine_due(node, input->entry.origin_ns);
    if (node->kind != KIND_LED && node->kind != KIND_CLOCKED)
        return false;
    return engine_media(engine, input->entry.arrived_ns) > d->origin_ns + node->plan->due_offset_ns;
}

static void show_nothing(struct tt_engine *engine, const struct node *node, uint32_t input,
                         bool is_end)
{
    struct tt_frame *frame = &engine->running->frames[input];

    *frame = (struct tt_frame){.handle = TT_NO_FRAME};
    if (!is_end || node->in[input] == NONE)
        return;
    frame->flags = TT_END;
    frame->index = engine->running->decision.index;
    frame->origin_ns = engine->running->decision.origin_ns;
}

static void show_inputs(struct tt_engine *engine, struct node *node, bool is_end,
                        uint32_t end_input)
{
    for (uint32_t n = 0; n < node->in_count; n++) {
        const struct input *input = &engine->running->in[n];
        struct tt_frame *frame = &engine->running->frames[n];

        if (!input->is_there) {
            show_nothing(engine, node, n,
                         is_end && (node->kind != KIND_SEPARATE || n == end_input));
            continue;
        }
        *frame = (struct tt_frame){.index = input->entry.index,
                                   .origin_ns = input->entry.origin_ns,
                                   .duration_ns = input->entry.duration_ns,
                                   .bytes = input->entry.bytes,
                                   .capacity = input->entry.bytes,
                                   .format_id = input->entry.format_id,
                                   .flags = input->entry.flags |
                                            (is_late(engine, node, input) ? TT_LATE : 0),
                                   .handle = input->entry.handle,
                                   .valid_slices = input->entry.valid_slices};
        if (input->entry.handle != TT_NO_FRAME)
            frame->data = (tt_addr)(uintptr_t)engine_slot(engine, input->entry.handle)->data;
    }
}

/* Told at this index: who reads the ledger sees from where on the media is another. */
static void note_param(struct tt_engine *engine, const struct node *node,
                       const struct tt_event *event)
{
    const struct decision *d = &engine->running->decision;
    struct tt_record record = {.kind = TT_RECORD_NOTE,
                               .component = (uint16_t)node->plan->ledger_component,
                               .index = d->index,
                               .origin_ns = d->origin_ns,
                               .due_ns = TT_NOTE_PARAM,
                               .value = event->id};

    engine_record(engine, &record);
}

/* In the order in which they came, but for those that wait for a later index. */
static void empty_box(struct box *box)
{
    uint32_t put = __atomic_load_n(&box->put, __ATOMIC_ACQUIRE);

    for (; box->got != put && box->waiting_count < BOX; box->waiting_count++) {
        box->waiting[box->waiting_count] = box->posts[box->got % BOX];
        __atomic_store_n(&box->got, box->got + 1, __ATOMIC_RELEASE);
    }
}

/* From this activation on: the component itself hears nothing of it. The budget's timer may look at
 * it at any time. */
static void follow_budget(struct tt_engine *engine, struct node *node, int64_t budget_ns)
{
    const struct decision *d = &engine->running->decision;
    struct tt_record record = {.kind = TT_RECORD_NOTE,
                               .component = (uint16_t)node->plan->ledger_component,
                               .index = d->index,
                               .origin_ns = d->origin_ns,
                               .due_ns = TT_NOTE_BUDGET,
                               .value = budget_ns};

    if (budget_ns <= 0)
        return;
    __atomic_store_n(&node->own_plan.budget_ns, budget_ns, __ATOMIC_RELAXED);
    engine_watch_limit(engine, node);
    engine_record(engine, &record);
}

static uint32_t take_events(struct tt_engine *engine, struct node *node)
{
    struct box *box = &node->box;
    uint32_t count = 0, kept = 0;

    if (!node->is_first_call_done)
        engine->running->events[count++] =
            (struct tt_event){.kind = TT_EVENT_WALL, .i = engine->params.wall_offset_ns};
    node->is_first_call_done = true;
    empty_box(box);
    for (uint32_t n = 0; n < box->waiting_count; n++) {
        const struct post *post = &box->waiting[n];

        if (post->index > engine->running->decision.index) {
            box->waiting[kept++] = *post;
            continue;
        }
        if (post->event.kind == TT_EVENT_BUDGET) {
            follow_budget(engine, node, post->event.i);
            continue;
        }
        if (post->event.kind == TT_EVENT_LEVEL)
            engine_take_level(engine, node, &post->event);
        if (post->event.kind == TT_EVENT_PARAM)
            note_param(engine, node, &post->event);
        engine->running->events[count++] = post->event;
    }
    box->waiting_count = kept;
    return count;
}

static bool is_leader_repeated(const struct tt_engine *engine, const struct node *node)
{
    uint32_t leader = node->kind == KIND_SINGLE ? engine->running->decision.input : node->leader;

    return leader < node->in_count && engine->running->in[leader].is_there &&
           (engine->running->in[leader].entry.flags & TT_REPEATED) != 0;
}

static void show_call(struct tt_engine *engine, struct node *node)
{
    struct running *running = engine->running;
    struct tt_call *call = &running->call;

    call->abi = TT_ABI;
    call->size = sizeof(*call);
    call->index = running->decision.index;
    call->media_ns = running->decision.origin_ns;
    call->in_count = node->in_count;
    call->out_count = node->out_count;
    call->key_point = 0;
    call->events = (tt_addr)(uintptr_t)running->events;
    call->frames = (tt_addr)(uintptr_t)running->frames;
    call->event_count = take_events(engine, node);
    call->level = node->level;
    /* Others write it too: whoever asks for a stop between these two lines is heard by the second.
     */
    __atomic_store_n(&call->stop, 0, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&engine->is_stop_asked_again, __ATOMIC_SEQ_CST))
        __atomic_store_n(&call->stop, 1, __ATOMIC_SEQ_CST);
}

/* What a call gave through an output, if anything; else the frame that lay there is let go. */
static bool take_output(struct tt_engine *engine, const struct node *node, uint32_t port,
                        struct entry *ret)
{
    struct running *running = engine->running;
    const struct tt_frame *frame = &running->frames[node->in_count + port];
    uint32_t handle = running->out[port];

    if (frame->flags & TT_END && node->kind == KIND_SOURCE)
        running->has_ended_itself = true;
    if (handle == TT_NO_FRAME)
        return false;
    running->out[port] = TT_NO_FRAME;
    if (frame->bytes == 0) {
        engine_unref(engine, handle);
        return false;
    }
    *ret = (struct entry){.index = frame->index,
                          .origin_ns = frame->origin_ns,
                          .duration_ns = frame->duration_ns,
                          .handle = handle,
                          .bytes = frame->bytes,
                          .flags = frame->flags,
                          .format_id = frame->format_id,
                          .valid_slices = frame->valid_slices};
    if (running->is_repeated && ret->origin_ns == running->decision.origin_ns)
        ret->flags |= TT_REPEATED;
    if (ret->bytes > node->bytes_max[port])
        ret->bytes = node->bytes_max[port];
    return true;
}

/* What one call of several gave, put aside until the activation is known to be good. */
static void keep_outputs(struct tt_engine *engine, struct node *node)
{
    struct running *running = engine->running;
    struct entry entry;

    for (uint32_t n = 0; n < node->out_count; n++) {
        if (!take_output(engine, node, n, &entry))
            continue;
        tt_assert(running->emit_count < running->emit_max + node->out_count * node->calls_max);
        running->emits[running->emit_count++] = (struct emit){n, entry};
    }
}

/* Calls until the component has no more to give, the limit is reached or the pool is empty. In a
 * drain each call is an activation of its own: as long as calls return nobody is stuck, and no
 * queue gets more than it has room for. */
static int call_component(struct tt_engine *engine, struct node *node, bool is_end)
{
    struct running *running = engine->running;
    const struct tt_component *component = node->plan->component;
    int r;

    for (uint32_t calls = 1;; calls++) {
        show_outputs(engine, node);
        engine_job_begin(running);
        r = component->process(node->plan->state, &running->call);
        __atomic_store_n(&node->calls, node->calls + 1, __ATOMIC_RELEASE);
        if (!engine_job_end(engine, running, r))
            return LOST;
        if (r < 0) {
            node->cold_calls = node->calls;
            release_outputs(engine, node->out_count);
            return r == LOST ? -EINVAL : r; /* it cannot say that itself */
        }
        running->is_single = r != TT_AGAIN && running->emit_count == 0;
        if (running->is_single)
            return r; /* what it gave stays where it is until it is passed on */
        keep_outputs(engine, node);
        if (r != TT_AGAIN || is_end || calls >= node->calls_max)
            return r;
        if (!lay_outputs(engine, node, false))
            return r;
        running->call.event_count = 0;
        for (uint32_t n = 0; n < node->in_count; n++)
            running->frames[n] = (struct tt_frame){.handle = TT_NO_FRAME};
    }
}

static bool is_sound(const struct tt_engine *engine, const struct node *node, uint32_t port,
                     const struct entry *entry)
{
    int64_t most = engine->flows[node->out[port]].index_most;

    return entry->index < most && entry->index > -most && entry->origin_ns < TIME_MAX &&
           entry->origin_ns > -TIME_MAX;
}

static void give(struct tt_engine *engine, struct node *node, uint32_t port,
                 const struct entry *entry)
{
    if (node->out[port] != NONE && is_sound(engine, node, port, entry))
        engine_push(engine, node, port, entry);
    else
        engine_unref(engine, entry->handle);
}

static void pass_single_on(struct tt_engine *engine, struct node *node)
{
    struct running *running = engine->running;
    struct entry entry;

    running->is_single = false;
    running->output_count = 0;
    for (uint32_t n = 0; n < node->out_count; n++) {
        if (!take_output(engine, node, n, &entry))
            continue;
        running->output_count++;
        give(engine, node, n, &entry);
    }
}

static void pass_on(struct tt_engine *engine, struct node *node, bool is_good)
{
    struct running *running = engine->running;

    running->output_count = running->emit_count;
    for (uint32_t n = 0; n < running->emit_count; n++) {
        const struct emit *emit = &running->emits[n];

        if (is_good)
            give(engine, node, emit->port, &emit->entry);
        else
            engine_unref(engine, emit->entry.handle);
    }
    running->emit_count = 0;
}

static bool is_fed_coded(const struct tt_engine *engine, const struct node *node)
{
    for (uint32_t n = 0; n < node->in_count; n++)
        if (node->in[n] != NONE && engine->flows[node->in[n]].is_coded)
            return true;
    return false;
}

static void give_up(struct tt_engine *engine, struct node *node, enum tt_cause cause)
{
    for (uint32_t n = 0; n < node->in_count; n++)
        if (engine->running->in[n].is_new)
            engine_drop(engine, node, engine->running->in[n].entry.origin_ns, cause);
    engine_drop(engine, node, engine->running->decision.origin_ns, cause);
}

static void release_inputs(struct tt_engine *engine, struct node *node)
{
    for (uint32_t n = 0; n < node->in_count; n++)
        if (engine->running->in[n].is_owned)
            engine_unref(engine, engine->running->in[n].entry.handle);
}

/* What failed without a budget may have been ended by force, and says not what a frame costs. */
static bool is_sample(const struct node *node, int result)
{
    return result >= 0 || node->plan->budget_ns > 0;
}

static void record_hop(struct tt_engine *engine, struct node *node, int64_t start_ns,
                       int64_t cpu_ns, int result, bool is_stolen)
{
    const struct decision *d = &engine->running->decision;
    int64_t ready_ns = d->ready_ns < start_ns ? d->ready_ns : start_ns;
    struct hop *hop = engine_history(node);
    struct tt_record record = {.kind = TT_RECORD_HOP,
                               .flags = is_sample(node, result) ? 0 : TT_RECORD_NO_SAMPLE,
                               .component = (uint16_t)node->plan->ledger_component,
                               .index = d->index,
                               .origin_ns = engine_media(engine, ready_ns),
                               .due_ns = d->origin_ns + node->plan->due_offset_ns,
                               .delivered_ns = engine_media(engine, start_ns),
                               .sent_ns = engine_media(engine, engine->now_ns),
                               .slack_ns = cpu_ns,
                               .value = d->origin_ns};

    *hop = (struct hop){.is_set = true,
                        .origin_ns = d->origin_ns,
                        .ready_ns = ready_ns,
                        .start_ns = start_ns,
                        .end_ns = engine->now_ns,
                        .cpu_ns = cpu_ns,
                        .is_stolen = is_stolen};
    engine_record(engine, &record);
    /* A drain is no release's, and nothing is admitted by it. */
    if (!engine->running->is_end && is_sample(node, result))
        engine_cost_add(engine, node, d->origin_ns,
                        cpu_ns >= 0 ? cpu_ns : engine->now_ns - start_ns);
}

/* The rest of an activation that could not give all its output at once. */
static void remember_again(struct tt_engine *engine, struct node *node, bool is_end)
{
    const struct decision *d = &engine->running->decision;

    node->is_again = true;
    node->is_draining = is_end;
    node->again_input = d->input;
    node->again_index = d->index;
    node->again_origin_ns = d->origin_ns;
    node->again_duration_ns = d->duration_ns;
    node->silent_calls =
        engine->running->output_count > 0 ? 0 : node->silent_calls + (is_end ? 1 : node->calls_max);
}

/* One input of many has ended, or the whole node. */
static void end_input(struct tt_engine *engine, struct node *node, const struct decision *d)
{
    if (node->kind != KIND_SEPARATE) {
        engine_finish(engine, node, d->origin_ns);
        return;
    }
    engine->flows[node->in[d->input]].is_end_seen = true;
    if (node->sinks)
        engine_sink_end(engine, node, d->input, engine->flows[node->in[d->input]].end_ns);
    for (uint32_t n = 0; n < node->in_count; n++)
        if (node->in[n] != NONE && !engine->flows[node->in[n]].is_end_seen)
            return;
    engine_finish(engine, node, d->origin_ns);
}

static void settle_result(struct tt_engine *engine, struct node *node, int result, bool is_end)
{
    const struct decision *d = &engine->running->decision;

    node->is_again = false;
    if (result == TT_AGAIN)
        remember_again(engine, node, is_end);
    if (node->is_again && node->silent_calls < SILENT_CALLS_MAX)
        return;
    node->is_again = node->is_draining = false;
    node->silent_calls = 0;
    if (is_end)
        end_input(engine, node, d);
    else if (engine->running->has_ended_itself)
        engine_finish(engine, node,
                      d->origin_ns + (engine->running->output_count ? d->duration_ns : 0));
}

static void deliver(struct tt_engine *engine, struct node *node)
{
    for (uint32_t n = 0; node->sinks && n < node->in_count; n++)
        if (engine->running->in[n].is_new)
            engine_deliver(engine, node, n, &engine->running->in[n].entry, engine->now_ns);
}

/* What was ended by its sandbox is not the media's fault, whatever it was fed; when its budget was
 * what ended it, that says so. */
static enum tt_cause cause_of_failure(const struct tt_engine *engine, const struct node *node)
{
    if (!node->has_trapped)
        return is_fed_coded(engine, node) ? TT_CAUSE_MEDIA : TT_CAUSE_FAILED;
    return __atomic_load_n(&engine->running->is_over, __ATOMIC_RELAXED) ? TT_CAUSE_BUDGET
                                                                        : TT_CAUSE_FAILED;
}

static void fail(struct tt_engine *engine, struct node *node)
{
    struct tt_node_stats *stats = &engine->stats->nodes[node->number];

    __atomic_store_n(&stats->failures, stats->failures + 1, __ATOMIC_RELAXED);
    give_up(engine, node, cause_of_failure(engine, node));
}

/* The component has returned: what it gave goes on, what it took is let go. */
static void end_activation(struct tt_engine *engine, struct node *node, int r)
{
    int64_t origin_ns = engine->running->decision.origin_ns;

    if (engine->running->is_single)
        pass_single_on(engine, node);
    else
        pass_on(engine, node, r >= 0);
    if (r >= 0 && node->kind == KIND_SOURCE && engine->running->output_count == 0)
        engine_drop(engine, node, origin_ns, TT_CAUSE_MEDIA); /* it has no such frame */
    if (r < 0) {
        fail(engine, node);
    } else {
        node->has_trapped = false;
        deliver(engine, node);
    }
    release_inputs(engine, node);
    settle_result(engine, node, r, engine->running->is_end);
    node->running = NULL;
}

/* False: the component lost the worker. */
static bool activate(struct tt_engine *engine, struct node *node, const struct decision *d)
{
    struct running *running = engine->running;
    int64_t cpu_ns;
    int r;

    running->has_ended_itself = running->is_single = false;
    running->note_count = 0;
    running->is_repeated = is_leader_repeated(engine, node);
    running->is_end = d->what == WHAT_END || (d->what == WHAT_AGAIN && node->is_draining);
    running->start_ns = engine->now_ns;
    show_inputs(engine, node, running->is_end, d->input);
    show_call(engine, node);
    engine_cost_begin(engine, node);
    r = call_component(engine, node, running->is_end);
    if (r == LOST)
        return false;
    engine->now_ns = engine->ops->now(engine->world);
    cpu_ns = engine_cost_end(engine, node, running->start_ns);
    record_hop(engine, node, running->start_ns, cpu_ns, r, false);
    end_activation(engine, node, r);
    return true;
}

/* Of a policy that skips, and of a node that was given up, nothing goes on. */
void engine_end_stolen(struct tt_engine *engine, struct running *hog)
{
    struct node *node = hog->node;
    int r = hog->result;
    bool is_wanted = r >= 0 && node->plan->overrun != TT_OVERRUN_SKIP && !node->is_ended;

    record_hop(engine, node, hog->start_ns, hog->end_cpu_ns - hog->begin_cpu_ns, r, true);
    if (is_wanted)
        keep_outputs(engine, node);
    else
        release_outputs(engine, node->out_count);
    if (is_wanted || (r < 0 && !node->is_ended)) {
        end_activation(engine, node, r);
        return;
    }
    pass_on(engine, node, false);
    give_up(engine, node, TT_CAUSE_BUDGET);
    release_inputs(engine, node);
    if (!node->is_ended)
        settle_result(engine, node, r, hog->is_end);
    node->running = NULL;
}

static enum tt_cause cause_of_empty_pool(const struct tt_engine *engine)
{
    uint32_t lent = 0;

    for (uint32_t n = 0; n < engine->params.node_count; n++)
        lent += engine->nodes[n].lent_count;
    return lent * 2 >= engine->own->view.slot_count ? TT_CAUSE_EDGE : TT_CAUSE_WORKER;
}

/* Live frames do not wait for a pool; the others, and what is left of an activation, do, unless
 * nobody is left who could give a slot back. */
static void starve(struct tt_engine *engine, struct node *node, const struct decision *d)
{
    __atomic_store_n(&engine->stats->pool_empty, engine->stats->pool_empty + 1, __ATOMIC_RELAXED);
    if (d->what == WHAT_RUN && (engine->is_live || (engine->is_forced && node->in_count > 0))) {
        take_inputs(engine, node, d);
        give_up(engine, node, cause_of_empty_pool(engine));
        release_inputs(engine, node);
        return;
    }
    node->is_starved = true;
    engine->starved_count++;
}

static void feed(struct tt_engine *engine, struct node *node)
{
    if (node->is_starved)
        engine->starved_count--;
    node->is_starved = false;
}

bool engine_run_node(struct tt_engine *engine, struct node *node)
{
    struct decision *d = &engine->running->decision;

    feed(engine, node);
    engine_decide(engine, node, d);
    if (d->what == WHAT_NOTHING)
        return true;
    if (d->what == WHAT_END && !has_flag(node, TT_DRAINS)) {
        end_input(engine, node, d);
        return true;
    }
    if (d->what == WHAT_END && node->kind != KIND_SEPARATE)
        engine_finishing(engine, node);
    if (engine_is_held(engine, node) && !engine_has_room(engine, node))
        return true;
    if (!lay_outputs(engine, node, d->what == WHAT_RUN)) {
        starve(engine, node, d);
        return true;
    }
    engine->running->node = node;
    node->running = engine->running;
    take_inputs(engine, node, d);
    if (!activate(engine, node, d))
        return false;
    engine->running->node = NULL;
    return true;
}

void engine_finish(struct tt_engine *engine, struct node *node, int64_t end_ns)
{
    if (node->is_ended)
        return;
    for (uint32_t n = 0; node->sinks && n < node->in_count; n++) {
        const struct flow *flow = node->in[n] == NONE ? NULL : &engine->flows[node->in[n]];

        if (flow)
            engine_sink_end(engine, node, n, flow->has_ended ? flow->end_ns : end_ns);
    }
    for (uint32_t n = 0; n < node->out_count; n++)
        engine_push_end(engine, node, n, end_ns);
    node->is_ended = true;
    engine->nodes_ended++;
    engine_finishing(engine, node);
    feed(engine, node);
    node->is_again = false;
    for (uint32_t n = 0; n < node->in_count; n++)
        if (node->in[n] != NONE)
            engine_flow_clear(engine, &engine->flows[node->in[n]]);
    engine_heap_remove(&engine->ready, node->number);
    engine_heap_remove(&engine->timers, node->number);
}
