/* What a component may ask of the engine during its call: frames of its own making and keeping. */
#include "core/inside.h"

static struct kept *find_kept(struct node *node, uint32_t handle)
{
    for (uint32_t n = 0; n < node->kept_count; n++)
        if (node->kept[n].handle == handle)
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
static int frame_new(void *ctx, uint32_t port, struct tt_frame *ret)
{
    struct node *node = ctx;
    struct tt_engine *engine = node->engine;
    const struct decision *decision = &engine->running.decision;
    uint32_t handle;

    if (port >= node->out_count || node->out[port] == NONE)
        return -EINVAL;
    if (count_kept(node, port, true) >= node->out_max[port] || node->kept_count >= node->kept_max)
        return -ENOBUFS;
    handle = engine_slot_new(engine, engine->params.class_of[node->number * TT_PORTS_MAX + port]);
    if (handle == TT_NO_FRAME)
        return -ENOBUFS;
    *ret = (struct tt_frame){.capacity = node->bytes_max[port], .handle = handle};
    ret->data = (tt_addr)(uintptr_t)engine_slot_data(engine, handle, NULL);
    if (engine->running.node == node) {
        ret->index = decision->index;
        ret->origin_ns = decision->origin_ns;
        ret->duration_ns = decision->duration_ns;
    }
    engine_slot(engine, handle)->made = ret;
    node->kept[node->kept_count++] = (struct kept){handle, port, true};
    return 0;
}

static const struct input *find_input(const struct node *node, uint32_t handle, uint32_t *ret_port)
{
    const struct running *running = &node->engine->running;

    for (uint32_t n = 0; running->node == node && n < node->in_count; n++)
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

static int frame_emit(void *ctx, uint32_t port, uint32_t handle)
{
    struct node *node = ctx;
    struct running *running = &node->engine->running;
    struct kept *kept = find_kept(node, handle);
    const struct input *input;
    struct emit emit = {.port = port};
    uint32_t from;

    if (running->node != node || port >= node->out_count || handle == TT_NO_FRAME)
        return -EINVAL;
    if (running->emit_count >= running->emit_max)
        return -ENOBUFS;
    input = find_input(node, handle, &from);
    if (kept && kept->is_made) {
        emit.entry = made_entry(node, kept->port, handle);
        forget(node, kept); /* its reference goes with the frame */
        engine_slot(node->engine, handle)->made = NULL;
        engine_slot(node->engine, handle)->entry = emit.entry;
    } else if (input || kept) {
        emit.entry = input ? input->entry : engine_slot(node->engine, handle)->entry;
        engine_ref(node->engine, handle);
    } else {
        return -EINVAL;
    }
    running->emits[running->emit_count++] = emit;
    return 0;
}

static int frame_keep(void *ctx, uint32_t handle)
{
    struct node *node = ctx;
    uint32_t port;

    if (handle == TT_NO_FRAME || !find_input(node, handle, &port))
        return -EINVAL;
    if (count_kept(node, port, false) >= engine_port(node->plan, port)->hold_max ||
        node->kept_count >= node->kept_max)
        return -ENOBUFS;
    engine_ref(node->engine, handle);
    node->kept[node->kept_count++] = (struct kept){handle, port, false};
    return 0;
}

static int frame_drop(void *ctx, uint32_t handle)
{
    struct node *node = ctx;
    struct kept *kept = find_kept(node, handle);

    if (!kept)
        return -EINVAL;
    forget(node, kept);
    engine_unref(node->engine, handle);
    return 0;
}

static int note(void *ctx, uint32_t id, int64_t value)
{
    struct node *node = ctx;
    struct tt_record record = {.kind = TT_RECORD_NOTE,
                               .component = (uint16_t)node->plan->ledger_component,
                               .due_ns = id,
                               .value = value};

    if (node->engine->running.node == node) {
        record.index = node->engine->running.decision.index;
        record.origin_ns = node->engine->running.decision.origin_ns;
    }
    engine_record(node->engine, &record);
    return 0;
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
