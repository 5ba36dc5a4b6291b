/* What a component may ask of the engine during its call: frames of its own making and keeping. One
 * that lost the worker may still give away what it made; the rest of the engine is another thread's
 * then, so everything else fails, as when a pool is empty. */
#include "core/inside.h"

/* Of one activation: who says more would push the frames' records out of the ring. */
enum { NOTES_MAX = 64 };

static struct kept *find_kept(struct node *node, uint32_t handle)
{
    for (uint32_t n = 0; n < node->kept_count; n++)
        if (node->kept[n].handle == handle && !node->kept[n].is_dropped)
            return &node->kept[n];
    return NULL;
}

static void forget(struct node *node, struct kept *kept)
{
    *kept = node->kept[--node->kept_count];
}

static uint32_t count_kept(const struct node *node, uint32_t port, bool is_made)
{
    uint32_t count = 0;

    for (uint32_t n = 0; n < node->kept_count; n++)
        count += node->kept[n].port == port && node->kept[n].is_made == is_made;
    return count;
}

/* The header is read again by frame_emit(): it must live as long as the frame is the component's.
 */
static int make_frame(struct node *node, uint32_t port, struct tt_frame *ret)
{
    struct tt_engine *engine = node->engine;
    uint32_t handle;

    if (port >= node->out_count || node->out[port] == NONE)
        return -EINVAL;
    if (count_kept(node, port, true) >= node->out_max[port] || node->kept_count >= node->kept_max)
        return -ENOBUFS;
    handle = engine_slot_new(engine, engine->params.class_of[node->number * TT_PORTS_MAX + port]);
    if (handle == TT_NO_FRAME)
        return -ENOBUFS;
    *ret = (struct tt_frame){.capacity = node->bytes_max[port], .handle = handle};
    ret->data = (tt_addr)(uintptr_t)engine_slot(engine, handle)->data;
    if (node->running) {
        ret->index = node->running->decision.index;
        ret->origin_ns = node->running->decision.origin_ns;
        ret->duration_ns = node->running->decision.duration_ns;
    }
    engine_slot(engine, handle)->made = ret;
    node->kept[node->kept_count++] = (struct kept){.handle = handle, .port = port, .is_made = true};
    return 0;
}

static int frame_new(void *ctx, uint32_t port, struct tt_frame *ret)
{
    struct node *node = ctx;
    int r = -ENOBUFS;

    if (!engine_host_begin(node))
        return r;
    r = make_frame(node, port, ret);
    engine_host_end(node);
    return r;
}

static const struct input *find_input(const struct node *node, uint32_t handle, uint32_t *ret_port)
{
    const struct running *running = node->running;

    for (uint32_t n = 0; running && n < node->in_count; n++)
        if (running->in[n].is_there && running->in[n].entry.handle == handle) {
            *ret_port = n;
            return &running->in[n];
        }
    return NULL;
}

static struct entry made_entry(struct node *node, uint32_t port, uint32_t handle)
{
    const struct tt_frame *made = engine_slot(node->engine, handle)->made;

    return (struct entry){.index = made->index,
                          .origin_ns = made->origin_ns,
                          .duration_ns = made->duration_ns,
                          .handle = handle,
                          .bytes = made->bytes < node->bytes_max[port] ? made->bytes
                                                                       : node->bytes_max[port],
                          .flags = made->flags,
                          .format_id = made->format_id,
                          .valid_slices = made->valid_slices};
}

static int emit(struct node *node, uint32_t port, uint32_t handle, bool has_worker)
{
    struct running *running = node->running;
    struct kept *kept = find_kept(node, handle);
    const struct input *input;
    struct emit emit = {.port = port};
    uint32_t from;

    if (!running || port >= node->out_count || handle == TT_NO_FRAME)
        return -EINVAL;
    if (running->emit_count >= running->emit_max)
        return -ENOBUFS;
    input = find_input(node, handle, &from);
    if (kept && kept->is_made) {
        emit.entry = made_entry(node, kept->port, handle);
        forget(node, kept); /* its reference goes with the frame */
        engine_slot(node->engine, handle)->made = NULL;
    } else if (!has_worker) {
        return -ENOBUFS;
    } else if (input || kept) {
        emit.entry = input ? input->entry : kept->entry;
        engine_ref(node->engine, handle);
    } else {
        return -EINVAL;
    }
    running->emits[running->emit_count++] = emit;
    return 0;
}

static int frame_emit(void *ctx, uint32_t port, uint32_t handle)
{
    struct node *node = ctx;
    int r;

    if (!engine_host_begin(node))
        return emit(node, port, handle, false);
    r = emit(node, port, handle, true);
    engine_host_end(node);
    return r;
}

static int keep(struct node *node, uint32_t handle)
{
    const struct input *input;
    uint32_t port;

    input = handle == TT_NO_FRAME ? NULL : find_input(node, handle, &port);
    if (!input)
        return -EINVAL;
    if (count_kept(node, port, false) >= engine_port(node->plan, port)->hold_max ||
        node->kept_count >= node->kept_max)
        return -ENOBUFS;
    engine_ref(node->engine, handle);
    node->kept[node->kept_count++] =
        (struct kept){.handle = handle, .port = port, .entry = input->entry};
    return 0;
}

static int frame_keep(void *ctx, uint32_t handle)
{
    struct node *node = ctx;
    int r = -ENOBUFS;

    if (!engine_host_begin(node))
        return r;
    r = keep(node, handle);
    engine_host_end(node);
    return r;
}

/* Of one that lost the worker the frame is let go when it is back. */
static int frame_drop(void *ctx, uint32_t handle)
{
    struct node *node = ctx;
    bool has_worker = engine_host_begin(node);
    struct kept *kept = find_kept(node, handle);

    if (kept && has_worker) {
        forget(node, kept);
        engine_unref(node->engine, handle);
    } else if (kept) {
        kept->is_dropped = true;
    }
    if (has_worker)
        engine_host_end(node);
    return kept ? 0 : -EINVAL;
}

static int note(void *ctx, uint32_t id, int64_t value)
{
    struct node *node = ctx;
    struct tt_record record = {.kind = TT_RECORD_NOTE,
                               .component = (uint16_t)node->plan->ledger_component,
                               .due_ns = id,
                               .value = value};
    bool is_too_much = false;

    if (!engine_host_begin(node))
        return -ENOBUFS;
    if (node->running) {
        is_too_much = node->running->note_count++ >= NOTES_MAX;
        record.index = node->running->decision.index;
        record.origin_ns = node->running->decision.origin_ns;
    }
    if (id == TT_NOTE_TRAP)
        node->has_trapped = true;
    if (!is_too_much)
        engine_record(node->engine, &record);
    engine_host_end(node);
    return is_too_much ? -ENOBUFS : 0;
}

static const void *kernels(void *ctx, const char *set)
{
    (void)ctx;
    (void)set;
    return NULL;
}

void engine_host(struct node *node, struct tt_host *ret)
{
    *ret = (struct tt_host){.abi = TT_ABI,
                            .size = sizeof(*ret),
                            .ctx = node,
                            .frame_new = frame_new,
                            .frame_emit = frame_emit,
                            .frame_keep = frame_keep,
                            .frame_drop = frame_drop,
                            .note = note,
                            .kernels = kernels};
}
