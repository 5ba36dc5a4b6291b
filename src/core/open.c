/* Laying an engine out: the plan is checked, memory taken once, components opened. */
#include "base/join.h"
#include "core/inside.h"

#include <string.h>

enum { PIECE_BYTES = 256 * 1024, DEPTH_MAX = 4096, CALLS_MAX = 64 };

static void *take(struct tt_engine *engine, uint64_t bytes)
{
    void *ret;

    bytes = (bytes + 63) & ~(uint64_t)63;
    if (bytes > PIECE_BYTES / 2)
        return engine->ops->map(engine->world, bytes);
    if (bytes > engine->memory_left) {
        engine->memory = engine->ops->map(engine->world, PIECE_BYTES);
        engine->memory_left = engine->memory ? PIECE_BYTES : 0;
    }
    if (!engine->memory)
        return NULL;
    ret = engine->memory;
    engine->memory += bytes;
    engine->memory_left -= bytes;
    return ret;
}

void *engine_take(struct tt_engine *engine, uint64_t bytes)
{
    return take(engine, bytes);
}

static bool is_rate(struct tt_rational rate)
{
    return rate.den > 0 && rate.num >= 0 && rate.num < 1000000000 && rate.den < 1000000000;
}

int engine_check_node(const struct tt_node_plan *plan, struct tt_error *err)
{
    const char *name = plan->name ? plan->name : "?";

    if (plan->role > TT_NODE_OUTLET)
        return tt_fail(err, -EINVAL, "node '%s' has no role that the engine knows", name);
    if (plan->role != TT_NODE_COMPONENT && !plan->link)
        return tt_fail(err, -EINVAL, "node '%s' is the end of a link but has none", name);
    if (plan->role == TT_NODE_COMPONENT &&
        (!plan->component || !plan->component->process || !plan->request || !plan->shape))
        return tt_fail(err, -EINVAL, "node '%s' has no component, request or shape", name);
    if (plan->role == TT_NODE_COMPONENT &&
        (plan->request->in_count > TT_PORTS_MAX || plan->request->out_count > TT_PORTS_MAX))
        return tt_fail(err, -EINVAL, "node '%s' has more than %u ports", name, TT_PORTS_MAX);
    if (plan->rate.den != 0 && !is_rate(plan->rate))
        return tt_fail(err, -EINVAL, "node '%s' has a rate that is none", name);
    return 0;
}

uint32_t engine_ports(const struct tt_node_plan *plan, bool is_output)
{
    if (plan->role == TT_NODE_COMPONENT)
        return is_output ? plan->request->out_count : plan->request->in_count;
    return (plan->role == TT_NODE_INLET) == is_output ? 1 : 0;
}

int engine_check_flow(const struct tt_flow_plan *plan, const struct tt_node_plan *from,
                      const struct tt_node_plan *to, uint32_t number, struct tt_error *err)
{
    if (plan->from_port >= engine_ports(from, true) || plan->to_port >= engine_ports(to, false))
        return tt_fail(err, -EINVAL, "flow %u names a port that '%s' or '%s' does not have", number,
                       from->name, to->name);
    if (plan->depth == 0 || plan->depth > DEPTH_MAX)
        return tt_fail(err, -EINVAL, "flow %u has a depth of %u, not 1..%u", number, plan->depth,
                       DEPTH_MAX);
    if (!plan->format || !is_rate(plan->format->rate))
        return tt_fail(err, -EINVAL, "flow %u has no format with a rate", number);
    return 0;
}

static int check_flow(const struct tt_engine_params *params, const struct tt_flow_plan *plan,
                      uint32_t number, struct tt_error *err)
{
    if (plan->from_node >= params->node_count || plan->to_node >= params->node_count ||
        plan->from_node >= plan->to_node)
        return tt_fail(err, -EINVAL, "flow %u does not go forward among the %u nodes", number,
                       params->node_count);
    return engine_check_flow(plan, &params->nodes[plan->from_node], &params->nodes[plan->to_node],
                             number, err);
}

static int check_pool(const struct tt_pool_view *view, uint32_t number, struct tt_error *err)
{
    uint64_t slots = 0;

    if (view->class_count > TT_PORTS_MAX || view->slot_count > TT_POOL_SLOTS_MAX)
        return tt_fail(err, -EINVAL, "pool %u has more classes or slots than allowed", number);
    for (uint32_t n = 0; n < view->class_count; n++) {
        const struct tt_pool_class *part = &view->classes[n];
        uint64_t bytes = (uint64_t)part->slot_bytes * part->slot_count;

        if (part->offset > view->bytes || bytes > view->bytes - part->offset)
            return tt_fail(err, -EINVAL, "pool %u: class %u is larger than its memory", number, n);
        slots += part->slot_count;
    }
    if (slots != view->slot_count)
        return tt_fail(err, -EINVAL, "pool %u: its classes have %llu slots, not %u", number,
                       (unsigned long long)slots, view->slot_count);
    return 0;
}

static int check_params(const struct tt_engine_params *params, struct tt_error *err)
{
    int r = 0;

    if (params->node_count + params->spare_nodes == 0 || params->node_count > TT_NODES_MAX ||
        params->spare_nodes > TT_NODES_MAX - params->node_count ||
        params->flow_count > TT_FLOWS_MAX ||
        params->spare_flows > TT_FLOWS_MAX - params->flow_count)
        return tt_fail(err, -EINVAL, "%u nodes and %u flows are none, or more than %d and %d",
                       params->node_count + params->spare_nodes,
                       params->flow_count + params->spare_flows, TT_NODES_MAX, TT_FLOWS_MAX);
    if (params->pool_count == 0 || params->pool_count > TT_POOLS_MAX ||
        params->own_number >= params->pool_count)
        return tt_fail(err, -EINVAL, "pool %u of %u is not one of at most %d", params->own_number,
                       params->pool_count, TT_POOLS_MAX);
    for (uint32_t n = 0; n < params->node_count && r == 0; n++) {
        r = engine_check_node(&params->nodes[n], err);
        if (r == 0 &&
            params->nodes[n].segment >= (params->segment_count ? params->segment_count : 1))
            r = tt_fail(err, -EINVAL, "node '%s' is of segment %u, which is not planned",
                        params->nodes[n].name, params->nodes[n].segment);
    }
    for (uint32_t n = 0; n < params->flow_count && r == 0; n++)
        r = check_flow(params, &params->flows[n], n, err);
    for (uint32_t n = 0; n < params->pool_count && r == 0; n++)
        r = check_pool(n == params->own_number ? &params->own : &params->pools[n], n, err);
    return r;
}

static uint32_t open_class(struct pool *pool, uint32_t class_)
{
    const struct tt_pool_class *part = &pool->view.classes[class_];

    for (uint32_t n = 0; n < part->slot_count; n++) {
        struct slot *slot = &pool->slots[pool->first[class_] + n];

        slot->class_ = class_;
        slot->capacity = part->slot_bytes;
        slot->data = pool->view.memory + part->offset + (uint64_t)n * part->slot_bytes;
    }
    return part->slot_count;
}

/* Pools: a slot's place in the numbering follows from its class. */
static int open_pools(struct tt_engine *engine)
{
    engine->pools = take(engine, sizeof(*engine->pools) * engine->params.pool_count);
    if (!engine->pools)
        return -ENOMEM;
    engine->own = &engine->pools[engine->params.own_number];
    for (uint32_t n = 0; n < engine->params.pool_count; n++) {
        struct pool *pool = &engine->pools[n];
        uint32_t first = 0;

        pool->view = pool == engine->own ? engine->params.own : engine->params.pools[n];
        pool->slots = take(engine, sizeof(*pool->slots) * (pool->view.slot_count + 1));
        if (!pool->slots)
            return -ENOMEM;
        for (uint32_t class_ = 0; class_ < pool->view.class_count; class_++) {
            pool->first[class_] = first;
            first += open_class(pool, class_);
        }
    }
    for (uint32_t class_ = 0; class_ < engine->own->view.class_count; class_++) {
        engine->own->free[class_] =
            take(engine, sizeof(uint32_t) * (engine->own->view.classes[class_].slot_count + 1));
        if (!engine->own->free[class_])
            return -ENOMEM;
    }
    return 0;
}

/* After the outlets said what is still lent: the lowest slot is given first. */
static void fill_free(struct tt_engine *engine)
{
    struct pool *own = engine->own;

    for (uint32_t class_ = 0; class_ < own->view.class_count; class_++)
        for (uint32_t n = own->view.classes[class_].slot_count; n > 0; n--)
            if (own->slots[own->first[class_] + n - 1].refs == 0)
                own->free[class_][own->free_count[class_]++] = own->first[class_] + n - 1;
}

static bool open_heap(struct tt_engine *engine, struct heap *heap)
{
    heap->nodes = take(engine, sizeof(uint32_t) * engine->params.node_count);
    heap->place = take(engine, sizeof(uint32_t) * engine->params.node_count);
    heap->key = take(engine, sizeof(int64_t) * engine->params.node_count);
    if (!heap->nodes || !heap->place || !heap->key)
        return false;
    memset(heap->place, 0xff, sizeof(uint32_t) * engine->params.node_count);
    return true;
}

static void open_component(struct node *node, const struct tt_node_plan *plan)
{
    node->level = plan->request->level;
    node->calls_max = 1;
    for (uint32_t n = 0; n < node->out_count; n++) {
        node->out_max[n] = plan->shape->out_max[n] == 0 ? 1 : plan->shape->out_max[n];
        node->out_max[n] = node->out_max[n] < CALLS_MAX ? node->out_max[n] : CALLS_MAX;
        node->bytes_max[n] = plan->shape->bytes_max[n];
        node->calls_max = node->out_max[n] > node->calls_max ? node->out_max[n] : node->calls_max;
        node->kept_max += node->out_max[n];
    }
    for (uint32_t n = 0; n < node->in_count; n++)
        node->kept_max += engine_port(plan, n)->hold_max;
}

/* Its memory is zero, and it is not `plan`'s own place. */
void engine_open_node(struct tt_engine *engine, struct node *node, uint32_t number,
                      const struct tt_node_plan *plan)
{
    node->own_plan = *plan;
    node->plan = &engine->nodes[number].own_plan;
    node->engine = engine;
    node->number = number;
    node->leader = node->in_place = NONE;
    node->in_count = engine_ports(plan, false);
    node->out_count = engine_ports(plan, true);
    node->ancestors[number / 64] |= (uint64_t)1 << (number % 64);
    memset(node->in, 0xff, sizeof(node->in));
    memset(node->out, 0xff, sizeof(node->out));
    if (plan->role == TT_NODE_COMPONENT)
        open_component(node, plan);
}

static int open_nodes(struct tt_engine *engine, uint32_t planned_count)
{
    uint32_t count = engine->params.node_count;

    engine->nodes = take(engine, sizeof(*engine->nodes) * count);
    engine->dirty = take(engine, sizeof(uint32_t) * count);
    engine->order = take(engine, sizeof(uint32_t) * count);
    engine->hosts = take(engine, sizeof(*engine->hosts) * count);
    if (!engine->nodes || !engine->dirty || !engine->order || !engine->hosts ||
        !open_heap(engine, &engine->ready) || !open_heap(engine, &engine->timers))
        return -ENOMEM;
    for (uint32_t n = 0; n < planned_count; n++) {
        struct node *node = &engine->nodes[n];

        engine_open_node(engine, node, n, &engine->params.nodes[n]);
        engine->order[engine->order_count++] = n;
        node->kept = take(engine, sizeof(*node->kept) * (node->kept_max + 1));
        if (!node->kept)
            return -ENOMEM;
    }
    return 0;
}

/* Of a raw frame; 0 when they vary. */
static uint32_t bytes_of(const struct tt_format *format)
{
    struct tt_format copy = *format;

    if (format->kind == TT_VIDEO)
        return tt_format_video(&copy, format->fourcc, format->width, format->height);
    if (format->kind == TT_AUDIO && format->rate.num > 0)
        return tt_format_audio(&copy, format->fourcc, format->sample_rate, format->channels,
                               tt_format_samples(format));
    return 0;
}

/* What a queue may take beyond its depth, by open_spare() or to undo a standstill. */
static uint32_t beyond(const struct node *from)
{
    uint32_t ring = from->own_plan.role == TT_NODE_INLET ? tt_link_depth(from->own_plan.link) : 0;

    return ring > SLACK ? ring : SLACK;
}

int engine_check_class(const struct tt_engine *engine, const struct node *from, uint32_t port,
                       uint32_t class_, struct tt_error *err)
{
    if (from->own_plan.role == TT_NODE_COMPONENT &&
        (class_ >= engine->own->view.class_count ||
         from->bytes_max[port] > engine->own->view.classes[class_].slot_bytes))
        return tt_fail(err, -EINVAL, "output %u of '%s' has no class of the pool that fits", port,
                       from->own_plan.name);
    return 0;
}

void engine_open_flow(struct flow *flow, const struct tt_flow_plan *plan, const struct node *from)
{
    *flow = (struct flow){.plan = plan, .next_of_output = NONE};
    flow->is_still = plan->format->rate.num == 0;
    flow->is_audio = plan->format->kind == TT_AUDIO || plan->format->kind == TT_CODED_AUDIO;
    flow->is_coded = plan->format->kind == TT_CODED_VIDEO || plan->format->kind == TT_CODED_AUDIO;
    flow->period_ns = flow->is_still ? 0 : tt_index_ns(1, plan->format->rate);
    flow->index_most = flow->is_still ? TIME_MAX : tt_ns_index(TIME_MAX, plan->format->rate);
    flow->last.handle = TT_NO_FRAME;
    flow->bytes = bytes_of(plan->format);
    /* Room for all that one activation may give beyond the declared depth, when nothing is
     * dropped. */
    flow->capacity = plan->depth + beyond(from) + from->kept_max + from->calls_max * 2 + 1;
}

static int open_flow(struct tt_engine *engine, uint32_t number, struct tt_error *err)
{
    struct flow *flow = &engine->flows[number];
    const struct tt_flow_plan *plan = &engine->params.flows[number];
    struct node *from = &engine->nodes[plan->from_node], *to = &engine->nodes[plan->to_node];
    uint32_t *place = &from->out[plan->from_port];
    uint32_t class_ =
        engine->params.class_of
            ? engine->params.class_of[plan->from_node * TT_PORTS_MAX + plan->from_port]
            : NONE;
    int r;

    if (to->in[plan->to_port] != NONE)
        return tt_fail(err, -EINVAL, "input %u of '%s' is fed twice", plan->to_port,
                       to->plan->name);
    r = engine_check_class(engine, from, plan->from_port, class_, err);
    if (r < 0)
        return r;
    to->in[plan->to_port] = number;
    while (*place != NONE) /* in the plan's order */
        place = &engine->flows[*place].next_of_output;
    *place = number;
    engine_open_flow(flow, plan, from);
    flow->entries = take(engine, sizeof(*flow->entries) * flow->capacity);
    for (uint32_t n = 0; n < TT_NODES_MAX / 64; n++)
        to->ancestors[n] |= from->ancestors[n];
    return flow->entries ? 0 : -ENOMEM;
}

/* Beyond their queues an inlet's several consumers hold as many frames as its ring would. */
static void open_spare(struct tt_engine *engine, struct flow *flow)
{
    const struct node *from = &engine->nodes[flow->plan->from_node];
    uint32_t first = from->out[flow->plan->from_port];

    if (!engine->is_live || from->plan->role != TT_NODE_INLET || flow->is_still ||
        engine->flows[first].next_of_output == NONE)
        return;
    flow->spare = tt_link_depth(from->plan->link);
}

/* Ancestors need flows in the order of their ends; nodes are in topological order. */
static int open_flows(struct tt_engine *engine, uint32_t planned_count, struct tt_error *err)
{
    int r;

    engine->flows = take(engine, sizeof(*engine->flows) * (engine->params.flow_count + 1));
    if (!engine->flows)
        return -ENOMEM;
    for (uint32_t n = 0; n < planned_count; n++) {
        r = open_flow(engine, n, err);
        if (r < 0)
            return r;
    }
    for (uint32_t n = 0; n < planned_count; n++)
        open_spare(engine, &engine->flows[n]);
    for (uint32_t n = 0; n < engine->order_count; n++)
        for (uint32_t port = 0; port < engine->nodes[n].in_count; port++) {
            struct node *node = &engine->nodes[n], *from;

            if (node->in[port] == NONE)
                continue;
            from = &engine->nodes[engine->flows[node->in[port]].plan->from_node];
            for (uint32_t word = 0; word < TT_NODES_MAX / 64; word++)
                node->ancestors[word] |= from->ancestors[word];
        }
    return 0;
}

static enum kind kind_of(struct node *node, uint32_t *ret_leader)
{
    uint32_t connected = 0, first = NONE, only = 0;

    if (node->own_plan.role != TT_NODE_COMPONENT)
        return node->own_plan.role == TT_NODE_INLET ? KIND_INLET : KIND_OUTLET;
    for (uint32_t n = 0; n < node->in_count; n++) {
        if (node->in[n] == NONE)
            continue;
        connected++;
        only = n;
        if (first == NONE && engine_port(&node->own_plan, n)->is_leader)
            first = n;
    }
    if (connected == 0)
        return KIND_SOURCE;
    if (node->own_plan.component->flags & TT_SEPARATE)
        return KIND_SEPARATE;
    node->only = only;
    if (connected == 1)
        return KIND_SINGLE;
    *ret_leader = first;
    return first == NONE ? KIND_CLOCKED : KIND_LED;
}

static int open_sinks(struct tt_engine *engine, struct node *node, struct tt_error *err)
{
    uint32_t outputs = 0, inputs = 0;

    for (uint32_t n = 0; n < node->out_count; n++)
        outputs += node->out[n] != NONE;
    for (uint32_t n = 0; n < node->in_count; n++)
        inputs += node->in[n] != NONE;
    if (outputs > 0 || inputs == 0)
        return 0;
    if (node->plan->sink < 0 && !node->plan->is_between)
        return tt_fail(err, -EINVAL, "'%s' is a sink without a number", node->plan->name);
    engine->sink_count += inputs;
    node->sinks = take(engine, sizeof(*node->sinks) * node->in_count);
    if (!node->sinks)
        return -ENOMEM;
    for (uint32_t n = 0; n < node->in_count; n++) {
        const struct flow *flow = node->in[n] == NONE ? NULL : &engine->flows[node->in[n]];

        if (!flow || flow->plan->format->kind != TT_CODED_VIDEO ||
            flow->plan->format->reorder_frames == 0)
            continue;
        node->sinks[n].window = take(engine, sizeof(struct pending) * WINDOW);
        if (!node->sinks[n].window)
            return -ENOMEM;
    }
    return 0;
}

static void open_rate(struct tt_engine *engine, struct node *node)
{
    node->rate = node->own_plan.rate.den != 0 ? node->own_plan.rate : engine->params.rate;
    if (node->kind == KIND_LED)
        node->rate = engine->flows[node->in[node->leader]].plan->format->rate;
    else if (node->kind == KIND_SINGLE || node->kind == KIND_SEPARATE || node->kind == KIND_OUTLET)
        node->rate = (struct tt_rational){0, 1};
    node->period_ns = node->rate.num > 0 ? tt_index_ns(1, node->rate) : 0;
    node->index_max = node->rate.num > 0 ? tt_ns_index(TIME_MAX / 2, node->rate) : TIME_MAX;
}

static void open_in_place(struct node *node)
{
    for (uint32_t n = 0; node->kind == KIND_SINGLE && n < node->in_count; n++) {
        int32_t output = engine_port(&node->own_plan, n)->in_place_of;

        if (node->in[n] != NONE && output >= 0 && (uint32_t)output < node->out_count &&
            engine_port(&node->own_plan, n)->hold_max == 0)
            node->in_place = (uint32_t)output;
    }
}

/* With its flows, and without its memory. */
int engine_settle_node(struct tt_engine *engine, struct node *node, struct tt_error *err)
{
    node->kind = kind_of(node, &node->leader);
    if (node->kind == KIND_OUTLET && node->in[0] == NONE)
        return tt_fail(err, -EINVAL, "outlet '%s' is not fed", node->own_plan.name);
    open_rate(engine, node);
    engine_watch_limit(engine, node);
    open_in_place(node);
    if (node->kind == KIND_CLOCKED && node->rate.num <= 0)
        return tt_fail(err, -EINVAL, "'%s' joins by the clock but has no rate",
                       node->own_plan.name);
    for (uint32_t n = 0; n < node->in_count; n++) {
        struct flow *flow = node->in[n] == NONE ? NULL : &engine->flows[node->in[n]];

        if (!flow || (node->kind != KIND_LED && node->kind != KIND_CLOCKED))
            continue;
        flow->is_retained = n == node->leader || flow->is_audio
                                ? flow->plan->late_policy == TT_LATE_REPEAT && engine->is_live
                                : true;
        flow->is_retained = flow->is_retained || flow->is_still;
        flow->margin_ns = node->rate.num > 0 && !flow->is_still
                              ? tt_join_margin_ns(node->rate, flow->plan->format->rate)
                              : flow->period_ns / 8;
    }
    return 0;
}

static int settle_node(struct tt_engine *engine, struct node *node, struct tt_error *err)
{
    int r = engine_settle_node(engine, node, err);

    if (r < 0)
        return r;
    if (node->kind == KIND_OUTLET) {
        node->lent = take(engine, TT_POOLS_MAX * TT_POOL_SLOTS_MAX / 8);
        if (!node->lent)
            return -ENOMEM;
        engine_outlet_adopt(engine, node);
        engine->has_outlets = true;
    }
    return open_sinks(engine, node, err);
}

/* A segment's rate is that of the first node that runs; an edge's inlets of all rates share one. */
static void open_segments(struct tt_engine *engine)
{
    for (uint32_t n = engine->order_count; n > 0; n--) {
        const struct node *node = &engine->nodes[n - 1];

        if (node->kind == KIND_INLET || node->kind == KIND_OUTLET)
            continue;
        engine->segments[node->plan->segment].rate =
            node->kind == KIND_SINGLE || node->kind == KIND_SEPARATE
                ? engine->flows[node->in[0] == NONE ? 0 : node->in[0]].plan->format->rate
                : node->rate;
    }
}

static int open_running(struct tt_engine *engine)
{
    uint32_t most = 0, emit_max = 0,
             count = engine->params.segment_count ? engine->params.segment_count : 1;

    if (engine->params.spare_nodes > 0) {
        most = SPARE_OUTPUTS;
        emit_max = SPARE_KEPT;
    }
    for (uint32_t n = 0; n < engine->order_count; n++) {
        const struct node *node = &engine->nodes[n];
        uint32_t outputs = node->out_count * node->calls_max;

        most = outputs > most ? outputs : most;
        emit_max = node->kept_max > emit_max ? node->kept_max : emit_max;
    }
    engine->params.segment_count = count;
    engine->running = &engine->runnings[0];
    for (uint32_t n = 0; n < 2; n++) {
        engine->runnings[n].emit_max = emit_max;
        engine->runnings[n].emits = take(engine, sizeof(struct emit) * (emit_max + most + 1));
        if (!engine->runnings[n].emits)
            return -ENOMEM;
    }
    engine->segments = take(engine, sizeof(*engine->segments) * count);
    engine->check_refs = take(engine, sizeof(uint32_t) * TT_POOLS_MAX * TT_POOL_SLOTS_MAX);
    if (!engine->segments || !engine->check_refs)
        return -ENOMEM;
    open_segments(engine);
    return 0;
}

static int open_components(struct tt_engine *engine, struct tt_error *err)
{
    for (uint32_t n = 0; n < engine->order_count; n++) {
        struct node *node = &engine->nodes[n];
        const struct tt_node_plan *plan = node->plan;
        int r;

        if (plan->role != TT_NODE_COMPONENT)
            continue;
        engine_host(node, &engine->hosts[n]);
        r = plan->component->open ? plan->component->open(plan->state, plan->scratch,
                                                          &engine->hosts[n], plan->request)
                                  : 0;
        if (r < 0)
            return tt_fail(err, r, "'%s' cannot be opened", plan->name);
        node->is_open = true;
    }
    return 0;
}

static int lay_out(struct tt_engine *engine, struct tt_error *err)
{
    uint32_t node_count = engine->params.node_count, flow_count = engine->params.flow_count;
    int r = open_pools(engine);

    /* From here on places are counted, whether there is anything in them or not. */
    engine->params.node_count += engine->params.spare_nodes;
    engine->params.flow_count += engine->params.spare_flows;
    if (r == 0)
        r = open_nodes(engine, node_count);
    if (r == 0)
        r = open_flows(engine, flow_count, err);
    if (r == 0 && engine->params.spare_nodes > 0)
        r = engine_edit_open(engine, node_count, flow_count);
    for (uint32_t n = 0; n < node_count && r == 0; n++)
        r = settle_node(engine, &engine->nodes[n], err);
    if (r == 0)
        r = open_running(engine);
    if (r < 0)
        return r;
    fill_free(engine);
    return open_components(engine, err);
}

int tt_engine_open(const struct tt_engine_params *params, struct tt_engine_stats *stats,
                   struct tt_engine **ret, struct tt_error *err)
{
    struct tt_engine *engine;
    int r = check_params(params, err);

    if (r < 0)
        return r;
    engine = params->port.ops->map(params->port.world, sizeof(*engine));
    if (!engine)
        return tt_fail(err, -ENOMEM, "no memory for an engine of %u nodes", params->node_count);
    engine->params = *params;
    engine->stats = stats;
    engine->ops = params->port.ops;
    engine->world = params->port.world;
    engine->is_live = params->mode == TT_MODE_LIVE;
    r = lay_out(engine, err);
    if (r == -ENOMEM)
        (void)tt_fail(err, r, "no memory for an engine of %u nodes", params->node_count);
    if (r < 0) {
        if (engine->nodes)
            tt_engine_close(&engine);
        return r;
    }
    *ret = engine;
    return 0;
}
