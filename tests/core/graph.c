/* Small graphs of fake components in the simulated world, for the engine's tests. */
#include "graph.h"

#include "core/inside.h"

#include "tactus/format.h"

static void log_inputs(struct fake *fake, struct tt_call *call)
{
    for (uint32_t n = 0; n < call->in_count; n++) {
        const struct tt_frame *in = tt_call_in(call, n);
        struct fake_log *log = &fake->log[fake->log_count % LOGS];

        fake->log_count++;
        *log = (struct fake_log){.call_index = call->index,
                                 .index = in->index,
                                 .origin_ns = in->origin_ns,
                                 .value = -1,
                                 .input = n,
                                 .flags = in->flags,
                                 .is_there = in->data != 0};
        CHECK((in->handle == TT_NO_FRAME) == (in->data == 0));
        if (!in->data)
            continue;
        log->value = *(const int64_t *)tt_frame_data(in);
        if (log->value >= 0)
            CHECK_INT(log->value / ADDED, fake->adds[n]);
    }
}

static void give(struct tt_call *call, uint32_t output, int64_t value)
{
    struct tt_frame *out = tt_call_out(call, output);

    CHECK(out->data != 0);
    CHECK(out->capacity >= sizeof(value));
    *(int64_t *)tt_frame_data(out) = value;
    out->bytes = sizeof(value);
}

static int reorder(struct fake *fake, struct tt_call *call)
{
    const struct tt_frame *in = tt_call_in(call, 0);
    struct tt_frame *out = tt_call_out(call, 0);
    int64_t oldest = fake->held[0];
    uint32_t hold = fake->hold ? fake->hold : 2;

    if (in->flags & TT_END) {
        CHECK(in->data == 0);
        fake->end_calls++;
        if (fake->held_count == 0)
            return TT_DONE;
    } else if (fake->held_count < hold) {
        fake->held[fake->held_count++] = in->index;
        return TT_DONE;
    }
    give(call, 0, oldest % ADDED); /* an inlet's peer may lie about its indices */
    out->index = oldest;
    out->origin_ns = tt_index_ns(oldest, fake->graph->params.rate);
    memmove(fake->held, fake->held + 1, (hold - 1) * sizeof(*fake->held));
    if (in->flags & TT_END)
        return --fake->held_count > 0 ? TT_AGAIN : TT_DONE;
    fake->held[hold - 1] = in->index;
    return TT_DONE;
}

static int twice(struct fake *fake, struct tt_call *call)
{
    const struct tt_frame *in = tt_call_in(call, 0);
    struct tt_frame *out = tt_call_out(call, 0);

    if (in->data) {
        fake->held[0] = *(const int64_t *)tt_frame_data(in);
        give(call, 0, fake->held[0]);
        out->index = 2 * in->index;
        return TT_AGAIN;
    }
    give(call, 0, fake->held[0]);
    out->index = 2 * call->index + 1;
    out->origin_ns += 5 * MS;
    return TT_DONE;
}

static int make(struct fake *fake, struct tt_call *call)
{
    const struct tt_frame *in = tt_call_in(call, 0);

    for (int64_t n = 0; n < 2; n++) {
        struct tt_frame frame;

        CHECK_INT(fake->host.frame_new(fake->host.ctx, 0, &frame), 0);
        *(int64_t *)tt_frame_data(&frame) = in->index;
        frame.bytes = sizeof(int64_t);
        frame.index = 2 * in->index + n;
        frame.origin_ns = in->origin_ns + n * 5 * MS;
        CHECK_INT(fake->host.frame_emit(fake->host.ctx, 0, frame.handle), 0);
        CHECK(fake->host.frame_emit(fake->host.ctx, 0, frame.handle) < 0);
    }
    if (fake->kept != TT_NO_FRAME) {
        CHECK_INT(*fake->kept_data, fake->kept_value);
        CHECK_INT(fake->host.frame_drop(fake->host.ctx, fake->kept), 0);
    }
    CHECK_INT(fake->host.frame_keep(fake->host.ctx, in->handle), 0);
    CHECK(fake->host.frame_keep(fake->host.ctx, in->handle) < 0); /* hold_max is 1 */
    fake->kept = in->handle;
    fake->kept_data = tt_frame_data(in);
    fake->kept_value = *fake->kept_data;
    return TT_DONE;
}

static int source(struct fake *fake, struct tt_call *call)
{
    if (fake->skip_every > 0 && call->index % fake->skip_every == fake->skip_every - 1)
        return TT_DONE;
    for (uint32_t n = 0; n < call->out_count; n++) {
        if (fake->end_at > 0 && call->index >= fake->end_at)
            tt_call_out(call, n)->flags |= TT_END;
        else if (tt_call_out(call, n)->data) /* an output that nothing takes has no memory */
            give(call, n, call->index);
    }
    return TT_DONE;
}

static int add(struct fake *fake, struct tt_call *call)
{
    const struct tt_frame *in = tt_call_in(call, 0);
    int64_t value = in->data ? *(const int64_t *)tt_frame_data(in) : -1;

    for (uint32_t n = 0; n < call->out_count; n++) {
        fake->in_place_count += in->data && tt_call_out(call, n)->data == in->data;
        if (tt_call_out(call, n)->data)
            give(call, n, value < 0 ? -1 : value + ADDED);
    }
    return TT_DONE;
}

static int process(void *state, struct tt_call *call)
{
    struct fake *fake = state;

    fake->activations++;
    for (uint32_t n = 0; n < call->event_count; n++) {
        fake->wall_events += tt_call_events(call)[n].kind == TT_EVENT_WALL;
        fake->params_seen += tt_call_events(call)[n].kind == TT_EVENT_PARAM;
    }
    if (fake->hook)
        fake->hook(fake);
    log_inputs(fake, call);
    if (fake->fail_at != 0 && call->index == fake->fail_at)
        return -5;
    switch (fake->kind) {
    case FAKE_SOURCE:
        return source(fake, call);
    case FAKE_REORDER:
        return reorder(fake, call);
    case FAKE_TWICE:
        return twice(fake, call);
    case FAKE_MAKER:
        return make(fake, call);
    case FAKE_ADD:
        return add(fake, call);
    case FAKE_SINK:
        return TT_DONE;
    case FAKE_WRITER:
        for (uint32_t n = 0; n < call->in_count; n++)
            fake->end_calls += (tt_call_in(call, n)->flags & TT_END) != 0;
        return TT_DONE;
    default:
        for (uint32_t n = 0; n < call->out_count; n++)
            give(call, n,
                 tt_call_in(call, 0)->data ? *(const int64_t *)tt_frame_data(tt_call_in(call, 0))
                                           : -1);
        return TT_DONE;
    }
}

static int open_fake(void *state, void *scratch, const struct tt_host *host,
                     const struct tt_request *request)
{
    struct fake *fake = state;

    (void)scratch;
    (void)request;
    fake->host = *host;
    fake->kept = TT_NO_FRAME;
    return 0;
}

void graph_init(struct graph *g, uint64_t seed)
{
    memset(g, 0, sizeof(*g));
    g->sim_params = (struct tt_sim_params){.seed = seed,
                                           .start_ns = 5000 * (int64_t)MS,
                                           .cost_min_ns = 1000,
                                           .cost_max_ns = 20000,
                                           .record_slots = 8192};
    g->params.mode = TT_MODE_LIVE;
    g->params.rate = (struct tt_rational){100, 1};
    g->params.end_ns = 100 * MS;
    g->params.wall_offset_ns = 1234;
    g->params.segment_count = 1;
    g->stats = calloc(1, sizeof(*g->stats));
    g->records = calloc(RECORDS, sizeof(*g->records));
    for (uint32_t n = 0; n < 2; n++) {
        struct tt_pool_view *view = &g->pools[n];

        view->class_count = 1;
        view->classes[0] = (struct tt_pool_class){4096, POOL_SLOTS, 0};
        view->slot_count = POOL_SLOTS;
        view->bytes = (uint64_t)4096 * POOL_SLOTS;
        view->memory = aligned_alloc(4096, view->bytes);
        /* Pools are files in memory: zero until somebody writes. */
        memset(view->memory, 0, view->bytes);
    }
    g->params.pool_count = 2;
    g->params.pools = g->pools;
}

static struct tt_node_plan *add_node(struct graph *g)
{
    struct tt_node_plan *plan = &g->nodes[g->params.node_count];

    CHECK(g->params.node_count < NODES);
    plan->name = "node";
    plan->rate = g->params.rate;
    plan->sink = -1;
    plan->deadline_ns = 20 * MS;
    plan->due_offset_ns = 20 * MS;
    plan->fire_offset_ns = 5 * MS;
    plan->ledger_component = g->params.node_count++;
    return plan;
}

uint32_t graph_node(struct graph *g, enum fake_kind kind)
{
    uint32_t number = g->params.node_count;
    struct tt_node_plan *plan = add_node(g);
    struct tt_component *component = &g->components[number];

    *component = (struct tt_component){.abi = TT_ABI,
                                       .size = sizeof(*component),
                                       .name = "fake",
                                       .ports = g->ports[number],
                                       .port_count = 2 * TT_PORTS_MAX,
                                       .open = open_fake,
                                       .process = process};
    if (kind == FAKE_WRITER)
        component->flags = TT_SEPARATE | TT_DRAINS;
    if (kind == FAKE_REORDER)
        component->flags = TT_DRAINS;
    for (uint32_t n = 0; n < 2 * TT_PORTS_MAX; n++)
        g->ports[number][n].in_place_of = -1;
    if (kind == FAKE_PASS || kind == FAKE_ADD || kind == FAKE_LED)
        g->ports[number][0].in_place_of = 0;
    g->ports[number][0].is_leader = kind == FAKE_LED;
    g->ports[number][0].hold_max = kind == FAKE_MAKER;
    g->fakes[number] = calloc(1, sizeof(*g->fakes[number]));
    g->fakes[number]->kind = kind;
    g->fakes[number]->graph = g;
    plan->component = component;
    plan->request = &g->requests[number];
    plan->shape = &g->shapes[number];
    plan->state = g->fakes[number];
    for (uint32_t n = 0; n < TT_PORTS_MAX; n++) {
        g->shapes[number].out_max[n] = kind == FAKE_TWICE || kind == FAKE_MAKER ? 2 : 1;
        g->shapes[number].bytes_max[n] = sizeof(int64_t);
    }
    return number;
}

uint32_t graph_end_of_link(struct graph *g, uint32_t role, struct tt_link *link, uint32_t peer)
{
    struct tt_node_plan *plan = add_node(g);

    plan->role = role;
    plan->link = link;
    plan->peer = peer;
    return plan->ledger_component;
}

struct tt_flow_plan *graph_flow(struct graph *g, uint32_t from, uint32_t from_port, uint32_t to,
                                uint32_t to_port)
{
    struct tt_flow_plan *flow = &g->flows[g->params.flow_count];
    struct tt_format *format = &g->formats[g->params.flow_count++];

    CHECK(g->params.flow_count <= FLOWS);
    *format = (struct tt_format){.size = sizeof(*format), .kind = TT_VIDEO, .rate = g->params.rate};
    *flow = (struct tt_flow_plan){.from_node = from,
                                  .from_port = from_port,
                                  .to_node = to,
                                  .to_port = to_port,
                                  .depth = 2,
                                  .late_policy = TT_LATE_KEEP,
                                  .format = format};
    if (g->requests[from].out_count <= from_port)
        g->requests[from].out_count = from_port + 1;
    if (g->requests[to].in_count <= to_port)
        g->requests[to].in_count = to_port + 1;
    return flow;
}

void graph_chain(struct graph *g, enum fake_kind middle, uint32_t *const ret[3])
{
    *ret[0] = graph_node(g, FAKE_SOURCE);
    *ret[1] = graph_node(g, middle);
    *ret[2] = graph_node(g, FAKE_SINK);
    (void)graph_flow(g, *ret[0], 0, *ret[1], 0);
    (void)graph_flow(g, *ret[1], 0, *ret[2], 0);
}

struct tt_format *graph_format(struct graph *g, uint32_t flow)
{
    return &g->formats[flow];
}

static void set_pins(struct graph *g, uint32_t node)
{
    struct tt_request *request = &g->requests[node];

    request->size = sizeof(*request);
    request->pins = g->pins[node];
    for (uint32_t n = 0; n < request->in_count + request->out_count; n++)
        g->pins[node][n] = (struct tt_pin){"pin", n, 1};
}

/* How often ADDED is in what each input gets: what its producer passes on, and one more. */
static void count_adds(struct graph *g)
{
    for (uint32_t n = 0; n < g->params.flow_count; n++)
        for (uint32_t m = 0; m < g->params.flow_count; m++) {
            const struct tt_flow_plan *flow = &g->flows[m];
            const struct fake *from = g->fakes[flow->from_node];
            uint32_t adds = from && from->kind != FAKE_REORDER && from->kind != FAKE_MAKER
                                ? from->adds[0] + (from->kind == FAKE_ADD)
                                : 0;

            if (g->fakes[flow->to_node])
                g->fakes[flow->to_node]->adds[flow->to_port] = adds;
        }
}

static void budget(void *argument)
{
    tt_engine_on_budget(argument);
}

void graph_open(struct graph *g)
{
    struct tt_error err = {0};
    bool has_output[NODES] = {false};

    for (uint32_t n = 0; n < g->params.flow_count; n++)
        has_output[g->flows[n].from_node] = true;
    for (uint32_t n = 0; n < g->params.node_count; n++) {
        uint32_t inputs = g->nodes[n].role == TT_NODE_OUTLET ? 1 : g->requests[n].in_count;

        set_pins(g, n);
        if (has_output[n] || inputs == 0)
            continue;
        g->nodes[n].sink = (int32_t)g->sink_count;
        g->sink_count += inputs;
    }
    count_adds(g);
    g->sim = tt_sim_open(&g->sim_params);
    g->params.nodes = g->nodes;
    g->params.flows = g->flows;
    g->params.class_of = g->class_of;
    g->params.own = g->pools[0];
    g->params.port = tt_sim_port(g->sim);
    g->ops = *g->params.port.ops;
    g->sim_path = g->ops.path;
    g->ops.path = g->path ? g->path : g->sim_path;
    g->params.port.ops = &g->ops;
    if (tt_engine_open(&g->params, g->stats, &g->engine, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    tt_sim_on_budget(g->sim, budget, g->engine);
}

void graph_restart(struct graph *g, int64_t first_ns)
{
    struct tt_error err = {0};

    memset(g->stats, 0, sizeof(*g->stats));
    for (uint32_t n = 0; n < g->params.node_count; n++)
        if (g->fakes[n])
            g->fakes[n]->held_count = 0;
    CHECK_INT(tt_engine_open(&g->params, g->stats, &g->engine, &err), 0);
    tt_sim_on_budget(g->sim, budget, g->engine);
    tt_engine_begin(g->engine, g->epoch_ns, first_ns);
    tt_engine_check(g->engine);
}

bool graph_have_all_ended(const struct graph *g)
{
    return g->engine->nodes_ended == g->params.node_count;
}

uint32_t graph_frames_out(const struct graph *g, uint32_t pool)
{
    uint32_t count = 0;

    for (uint32_t n = 0; n < g->engine->pools[pool].view.slot_count; n++)
        count += g->engine->pools[pool].slots[n].refs > 0;
    return count;
}

void graph_begin(struct graph *g, int64_t first_ns)
{
    g->epoch_ns = tt_sim_now(g->sim) - first_ns;
    tt_engine_begin(g->engine, g->epoch_ns, first_ns);
    tt_engine_check(g->engine);
}

int64_t graph_step(struct graph *g)
{
    int64_t next_ns = tt_engine_step(g->engine);

    if (!g->is_stepped_without_checks)
        tt_engine_check(g->engine);
    while (!g->is_ring_left_full && g->record_count < RECORDS &&
           tt_sim_take_record(g->sim, &g->records[g->record_count]))
        g->record_count++;
    return next_ns;
}

bool graph_run_until(struct graph *g, int64_t media_ns)
{
    for (uint32_t n = 0; n < 200000; n++) {
        int64_t next_ns = graph_step(g), limit_ns = g->epoch_ns + media_ns;

        if (g->stats->is_ended)
            return true;
        if (tt_sim_now(g->sim) >= limit_ns)
            return false;
        if (next_ns > tt_sim_now(g->sim))
            tt_sim_sleep_until(g->sim, next_ns < limit_ns ? next_ns : limit_ns);
    }
    CHECK(!"the engine stands still");
    return false;
}

void graph_run(struct graph *g)
{
    CHECK(graph_run_until(g, 3600 * (int64_t)1000 * MS));
}

void graph_close(struct graph *g)
{
    tt_engine_close(&g->engine);
    CHECK(g->engine == NULL);
    tt_sim_close(&g->sim);
    for (uint32_t n = 0; n < g->params.node_count; n++)
        free(g->fakes[n]);
    for (uint32_t n = 0; n < 2; n++)
        free(g->pools[n].memory);
    free(g->records);
    free(g->stats);
}

uint32_t graph_check_sink(struct graph *g, uint32_t sink, int64_t first, uint32_t outcome)
{
    int64_t next = first;
    uint32_t count = 0, ends = 0;

    for (uint32_t n = 0; n < g->record_count; n++) {
        const struct tt_record *record = &g->records[n];

        if (record->sink != sink)
            continue;
        if (record->kind == TT_RECORD_FRAME) {
            CHECK_INT(ends, 0);
            CHECK_INT(record->index, next);
            CHECK((record->cause != TT_CAUSE_NONE) == (record->outcome != TT_ON_TIME));
            next++;
            count += record->outcome == outcome;
        } else if (record->kind == TT_RECORD_END) {
            CHECK_INT(record->index, next);
            ends++;
        }
    }
    CHECK_INT(ends, 1);
    return count;
}

void graph_check_own_index(const struct graph *g, uint32_t node, uint32_t input, uint32_t wanted)
{
    uint32_t seen = 0;

    for (uint32_t n = 0; n < g->fakes[node]->log_count; n++) {
        const struct fake_log *log = &g->fakes[node]->log[n];

        if (log->input != input || log->flags & TT_END)
            continue;
        CHECK_INT(log->index, log->call_index);
        seen++;
    }
    CHECK_INT(seen, wanted);
}

uint32_t graph_count(const struct graph *g, uint32_t kind, uint32_t outcome)
{
    uint32_t count = 0;

    for (uint32_t n = 0; n < g->record_count; n++)
        count += g->records[n].kind == kind && g->records[n].outcome == outcome;
    return count;
}
