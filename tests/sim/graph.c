/* The engine's graph of a random picture. */
#include "graph.h"

#include "check.h"
#include "spec/picture_build.h"
#include "tactus/format.h"

static const struct tt_port ports[8] = {[0] = {.name = "in0", .in_place_of = -1, .is_leader = 1},
                                        [1] = {.name = "in1", .in_place_of = -1},
                                        [2] = {.name = "clock0", .in_place_of = -1},
                                        [3] = {.name = "out", .is_output = 1, .in_place_of = -1}};

/* By whoever is in the component: the worker, or one who lost that meanwhile. */
void graph_spend(const struct graph *graph, int64_t cpu_ns)
{
    tt_thread_spend(tt_thread_current(graph->params.machine), cpu_ns);
}

static int64_t cost_of(const struct graph_fake *fake, const struct tt_call *call)
{
    const struct graph_params *params = &fake->graph->params;

    return params->cost != NULL ? params->cost(params->ctx, fake->component, call)
                                : params->picture->components[fake->component].shape.cost_max_ns;
}

static int process(void *state, struct tt_call *call)
{
    const struct graph_fake *fake = state;
    int64_t cost_ns = cost_of(fake, call);

    if (cost_ns < 0)
        return -5;
    graph_spend(fake->graph, cost_ns);
    for (uint32_t n = 0; n < call->out_count; n++) {
        struct tt_frame *out = tt_call_out(call, n);

        if (out->data == 0)
            continue;
        *(int64_t *)tt_frame_data(out) = call->index;
        out->bytes = sizeof(int64_t);
    }
    return TT_DONE;
}

static const struct tt_component fake_component = {.abi = TT_ABI,
                                                   .size = sizeof(struct tt_component),
                                                   .name = "fake",
                                                   .ports = ports,
                                                   .port_count = 4,
                                                   .process = process};

/* As a decoder that reorders: gives an index some frames after it came, and at the End what it
 * still holds, one a call. */
static int process_later(void *state, struct tt_call *call)
{
    struct graph_fake *fake = state;
    struct tt_frame *out = tt_call_out(call, 0);
    bool is_end = (tt_call_in(call, 0)->flags & TT_END) != 0;
    int64_t cost_ns = is_end ? 0 : cost_of(fake, call);

    if (cost_ns < 0)
        return -5;
    graph_spend(fake->graph, cost_ns);
    if (!is_end)
        fake->last = call->index;
    if (!is_end && !fake->has_begun)
        fake->next = call->index;
    fake->has_begun = fake->has_begun || !is_end;
    if (!fake->has_begun || fake->next > fake->last - (is_end ? 0 : fake->held_max))
        return TT_DONE;
    if (!is_end) /* what did not come it cannot give */
        fake->next = fake->last - fake->held_max;
    out->index = fake->next++;
    out->origin_ns = tt_index_ns(out->index, fake->rate);
    out->duration_ns = tt_index_ns(1, fake->rate);
    out->bytes = out->data == 0 ? 0 : sizeof(int64_t);
    return is_end && fake->next <= fake->last ? TT_AGAIN : TT_DONE;
}

/* Two frames of one, by a call each, or one of two; at the End what is half there. */
static int process_ratio(void *state, struct tt_call *call)
{
    struct graph_fake *fake = state;
    struct tt_frame *in = tt_call_in(call, 0), *out = tt_call_out(call, 0);
    bool is_end = (in->flags & TT_END) != 0;
    bool is_doubled = fake->graph->params.picture->components[fake->component].shape.out_max[0] > 1;
    bool is_second = is_doubled && in->data == 0 && !is_end;
    int64_t cost_ns = is_end || is_second ? 0 : cost_of(fake, call);

    if (cost_ns < 0)
        return -5;
    graph_spend(fake->graph, cost_ns);
    if (is_end && (is_doubled || !fake->has_begun))
        return TT_DONE;
    if (!is_end)
        fake->last = call->index;
    fake->has_begun = !is_end && call->index % 2 == 0;
    if (!is_doubled && fake->has_begun)
        return TT_DONE;
    out->index = is_doubled ? 2 * fake->last + is_second : fake->last / 2;
    out->origin_ns = tt_index_ns(out->index, fake->rate);
    out->duration_ns = tt_index_ns(1, fake->rate);
    out->bytes = out->data == 0 ? 0 : sizeof(int64_t);
    return is_doubled && !is_second ? TT_AGAIN : TT_DONE;
}

static const struct tt_component ratio_component = {.abi = TT_ABI,
                                                    .size = sizeof(struct tt_component),
                                                    .name = "ratio",
                                                    .flags = TT_DRAINS,
                                                    .ports = ports,
                                                    .port_count = 4,
                                                    .process = process_ratio};

static const struct tt_component later_component = {.abi = TT_ABI,
                                                    .size = sizeof(struct tt_component),
                                                    .name = "later",
                                                    .flags = TT_DRAINS,
                                                    .ports = ports,
                                                    .port_count = 4,
                                                    .process = process_later};

static void set_request(struct graph *graph, uint32_t number)
{
    const struct tt_picture_component *component = &graph->params.picture->components[number];
    struct tt_request *request = &graph->requests[number];
    struct tt_pin *pins = graph->pins[number];

    *request = (struct tt_request){.size = sizeof(*request),
                                   .in_count = component->in_count,
                                   .out_count = component->out_count,
                                   .in = component->in_format,
                                   .pins = pins,
                                   .rate = graph->params.picture->rate};
    for (uint32_t n = 0; n < component->in_count; n++)
        pins[n] = (struct tt_pin){.name = component->in[n].name,
                                  .port = component->in[n].is_leader ? 0
                                          : n > 0                    ? 1
                                                                     : 2,
                                  .is_connected = 1};
    for (uint32_t n = 0; n < component->out_count; n++)
        pins[component->in_count + n] =
            (struct tt_pin){.name = "out", .port = 3, .is_connected = 1};
}

/* What all nodes of a component have in common. */
static struct tt_node_plan *add_node(struct graph *graph, uint32_t number)
{
    const struct tt_picture_component *component = &graph->params.picture->components[number];
    const struct tt_plan *plan = graph->params.plan;
    uint32_t place = graph->node_count++;
    struct tt_node_plan *node = &graph->nodes[place];

    CHECK(place < GRAPH_NODES);
    *node = (struct tt_node_plan){.name = component->name,
                                  .rate = component->rate,
                                  .due_offset_ns = plan->due_offset_ns[number],
                                  .fire_offset_ns = plan->fire_offset_ns[number],
                                  .budget_ns = plan->budget_of_ns[number] + graph->params.hop_ns,
                                  .sink = -1,
                                  .segment = component->segment,
                                  .ledger_component = number};
    for (uint32_t n = 0; n < TT_PORTS_MAX; n++)
        graph->class_of[place * TT_PORTS_MAX + n] = TT_NO_PORT;
    return node;
}

static void make_sink(struct tt_node_plan *node, const struct tt_picture_component *component)
{
    node->sink = component->sink;
    node->deadline_ns = component->deadline_ns;
    node->structural_ns = component->path_structural_ns;
}

static void add_component(struct graph *graph, uint32_t number)
{
    const struct tt_picture_component *component = &graph->params.picture->components[number];
    uint32_t place = graph->node_count;
    struct tt_node_plan *node = add_node(graph, number);
    uint32_t(*classes)[TT_PORTS_MAX] = graph->params.wiring->processes[graph->params.self].class_of;

    graph->node_of_in[number] = graph->node_of_out[number] = place;
    if (component->is_sink)
        make_sink(node, component);
    if (classes != NULL)
        memcpy(&graph->class_of[place * TT_PORTS_MAX], classes[number],
               TT_PORTS_MAX * sizeof(uint32_t));
    set_request(graph, number);
    graph->fakes[number] = (struct graph_fake){.graph = graph, .component = number};
    graph->fakes[number].rate = component->shape.out[0].rate;
    node->component = &fake_component;
    if (component->in_count == 1 && component->out_count == 1 &&
        spec_compare_rates(component->rate, component->shape.out[0].rate) != 0) {
        node->component = &ratio_component;
    } else if (component->shape.latency_ns > 0) {
        node->component = &later_component;
        graph->fakes[number].held_max =
            tt_ns_index(component->shape.latency_ns + 1, component->shape.out[0].rate);
    }
    node->request = &graph->requests[number];
    node->shape = &component->shape;
    node->state = &graph->fakes[number];
}

/* The latest due time of those in a container that a component feeds. */
static int64_t consumers_due_ns(const struct graph *graph, uint32_t number, uint32_t process)
{
    const struct tt_picture *picture = graph->params.picture;
    int64_t due_ns = 0;

    for (uint32_t n = 0; n < picture->flow_count; n++) {
        const struct tt_picture_flow *flow = &picture->flows[n];
        int64_t ns = graph->params.plan->due_offset_ns[flow->to];

        if (flow->from == number && graph->params.wiring->process_of[flow->to] == process &&
            ns > due_ns)
            due_ns = ns;
    }
    return due_ns;
}

/* An end of a link; between containers a mailbox, as container/build.c makes it. */
static void add_end(struct graph *graph, const struct tt_wiring_place *place)
{
    const struct tt_wiring_link *link = &graph->params.wiring->links[place->link];
    const struct tt_picture_component *component =
        &graph->params.picture->components[place->component];
    bool is_inlet = place->role == TT_PLACE_INLET;
    struct tt_node_plan *node = add_node(graph, place->component);

    node->role = is_inlet ? TT_NODE_INLET : TT_NODE_OUTLET;
    node->link = graph->links[place->link];
    node->peer = is_inlet ? link->from : link->to;
    CHECK(node->link != NULL);
    if (is_inlet)
        graph->node_of_out[place->component] = graph->node_count - 1;
    if (tt_wiring_is_between(graph->params.wiring, place->link)) {
        node->is_between = true;
        node->hand_over_ns = node->due_offset_ns;
        node->due_offset_ns = node->deadline_ns =
            consumers_due_ns(graph, place->component, link->to);
        node->rate = graph->params.picture->flows[link->flow].format.rate;
    } else if (is_inlet) {
        node->rate = graph->params.picture->flows[link->flow].format.rate;
        node->structural_ns = component->shape.latency_ns;
    } else {
        graph->node_of_in[place->component] = graph->node_count - 1;
        make_sink(node, component);
    }
}

static void add_flow(struct graph *graph, const struct tt_picture_flow *flow, uint32_t from,
                     uint32_t to)
{
    bool is_between = graph->nodes[to].is_between;
    bool is_end = graph->nodes[to].role == TT_NODE_OUTLET;

    CHECK(graph->flow_count < GRAPH_LINKS);
    CHECK(from != TT_NO_PORT);
    graph->flows[graph->flow_count++] = (struct tt_flow_plan){
        .from_node = from,
        .from_port = 0,
        .to_node = to,
        .to_port = is_end ? 0 : flow->to_in,
        .depth = flow->depth,
        .late_policy =
            is_between ? (uint32_t)TT_LATE_KEEP
                       : graph->params.picture->components[flow->to].in[flow->to_in].late_policy,
        .format = &flow->format};
}

/* Of flows to another container one stands for all that its link carries. */
static void add_flows(struct graph *graph)
{
    const struct tt_picture *picture = graph->params.picture;
    const struct tt_wiring *wiring = graph->params.wiring;
    const struct tt_wiring_process *self = &wiring->processes[graph->params.self];

    for (uint32_t n = 0; n < picture->flow_count; n++) {
        const struct tt_picture_flow *flow = &picture->flows[n];

        if (graph->node_of_in[flow->to] != TT_NO_PORT)
            add_flow(graph, flow, graph->node_of_out[flow->from], graph->node_of_in[flow->to]);
    }
    for (uint32_t n = 0; n < self->place_count; n++)
        if (graph->nodes[n].role == TT_NODE_OUTLET && graph->nodes[n].is_between)
            add_flow(graph, &picture->flows[wiring->links[self->places[n].link].flow],
                     graph->node_of_out[self->places[n].component], n);
}

static void add_places(struct graph *graph)
{
    const struct tt_wiring_process *self = &graph->params.wiring->processes[graph->params.self];

    memset(graph->node_of_in, 0xff, sizeof(graph->node_of_in));
    memset(graph->node_of_out, 0xff, sizeof(graph->node_of_out));
    for (uint32_t n = 0; n < self->place_count; n++)
        if (self->places[n].role == TT_PLACE_COMPONENT)
            add_component(graph, self->places[n].component);
        else
            add_end(graph, &self->places[n]);
    add_flows(graph);
}

/* What a predecessor passed on to a sink's edge is still read there. */
static bool is_passed_on(void *ctx, uint32_t pool, uint32_t slot)
{
    const struct graph *graph = ctx;
    const struct tt_wiring *wiring = graph->params.wiring;

    for (uint32_t n = 0; n < wiring->link_count; n++)
        if (wiring->links[n].from == graph->params.self && graph->links[n] != NULL &&
            tt_link_is_on_loan(graph->links[n], pool, slot))
            return true;
    return false;
}

/* Readers after writers, whose links say what must be kept. */
static void attach_links(struct graph *graph)
{
    const struct tt_wiring *wiring = graph->params.wiring;

    CHECK(wiring->link_count <= GRAPH_LINKS);
    for (uint32_t pass = 0; pass < 2; pass++)
        for (uint32_t n = 0; n < wiring->link_count; n++) {
            const struct tt_wiring_link *link = &wiring->links[n];

            if ((pass == 0 ? link->from : link->to) != graph->params.self)
                continue;
            graph->ends[n] = calloc(1, tt_link_end_bytes());
            CHECK(graph->ends[n] != NULL);
            graph->links[n] =
                pass == 0 ? tt_link_writer(graph->ends[n], graph->params.links[n], link->depth)
                          : tt_link_reader_after(graph->ends[n], graph->params.links[n],
                                                 link->depth, is_passed_on, graph);
        }
}

static void on_budget(void *ctx)
{
    struct graph *graph = ctx;

    if (graph->engine != NULL)
        tt_engine_on_budget(graph->engine);
}

static void run(void *ctx)
{
    struct graph *graph = ctx;

    while (!graph->is_going)
        tt_thread_sleep(graph->thread, INT64_MAX);
    if (graph->is_leaving)
        tt_thread_leave(graph->thread);
    tt_engine_run(graph->engine, graph->epoch_ns, graph->first_ns);
}

static void stand_by(void *ctx)
{
    struct graph *graph = ctx;

    tt_engine_stand_by(graph->engine);
}

static void ring(void *ctx, uint32_t peer)
{
    struct graph *graph = ctx;

    if (graph->params.ring != NULL)
        graph->params.ring(graph->params.ctx, peer);
}

static void open_engine(struct graph *graph)
{
    struct tt_engine_params params = {.nodes = graph->nodes,
                                      .node_count = graph->node_count,
                                      .flows = graph->flows,
                                      .flow_count = graph->flow_count,
                                      .own = graph->params.pools[graph->params.self],
                                      .own_number = graph->params.self,
                                      .class_of = graph->class_of,
                                      .pools = graph->params.pools,
                                      .pool_count = graph->params.wiring->process_count,
                                      .segment_count = graph->params.picture->segment_count,
                                      .mode = TT_MODE_LIVE,
                                      .rate = graph->params.picture->rate,
                                      .end_ns = graph->params.end_ns,
                                      .watchdog_ns = 1000000000,
                                      .port = tt_world_port(graph->world)};
    struct tt_error err = {0};

    if (tt_engine_open(&params, &graph->stats, &graph->engine, &err) != 0) {
        fprintf(stderr, "%s\n", err.text);
        CHECK(!"the engine takes the graph");
    }
}

struct graph *graph_open(const struct graph_params *params)
{
    struct graph *graph = calloc(1, sizeof(*graph));
    struct tt_world_params world = {.machine = params->machine,
                                    .record_slots = params->record_slots,
                                    .self = params->self,
                                    .turn_ns = params->turn_ns,
                                    .hand_off_max_ns = params->hand_off_max_ns,
                                    .ring = ring,
                                    .on_budget = on_budget,
                                    .ctx = graph};

    CHECK(graph != NULL);
    graph->params = *params;
    graph->world = tt_world_open(&world);
    CHECK(graph->world != NULL);
    attach_links(graph);
    add_places(graph);
    open_engine(graph);
    graph->thread = tt_thread_spawn(params->machine, run, graph);
    CHECK(graph->thread != NULL);
    tt_world_seat(graph->world, graph->thread);
    if (params->hand_off_max_ns > 0) {
        graph->standby = tt_thread_spawn(params->machine, stand_by, graph);
        CHECK(graph->standby != NULL);
        tt_world_seat_standby(graph->world, graph->standby);
    }
    return graph;
}

void graph_go(struct graph *graph, int64_t epoch_ns, int64_t first_ns)
{
    graph->epoch_ns = epoch_ns;
    graph->first_ns = first_ns;
    graph->is_going = true;
    tt_thread_wake(graph->thread);
}

bool graph_has_ended(const struct graph *graph)
{
    return tt_thread_has_ended(graph->thread) ||
           (graph->standby != NULL && tt_thread_has_ended(graph->standby));
}

void graph_leave(struct graph *graph)
{
    graph->is_leaving = true;
}

void graph_close(struct graph **graph)
{
    struct graph *self = *graph;

    if (self == NULL)
        return;
    tt_thread_kill(&self->thread);
    tt_thread_kill(&self->standby);
    tt_world_close(&self->world);
    for (uint32_t n = 0; n < GRAPH_LINKS; n++)
        free(self->ends[n]);
    free(self);
    *graph = NULL;
}

void graph_costs(const struct tt_picture *picture, struct tt_cost *ret, struct tt_cost *segments)
{
    for (uint32_t n = 0; n < picture->component_count; n++) {
        int64_t cost_ns = picture->components[n].shape.cost_max_ns;

        ret[n] = (struct tt_cost){.mean_ns = cost_ns,
                                  .quantile_ns = cost_ns,
                                  .max_ns = cost_ns,
                                  .n = cost_ns > 0 ? 1000000 : 0,
                                  .origin = "declared"};
    }
    for (uint32_t n = 0; n < picture->segment_count; n++)
        segments[n] = (struct tt_cost){.origin = "unknown"};
}

void graph_pools(const struct tt_wiring *wiring, struct tt_pool_view *ret)
{
    for (uint32_t n = 0; n < wiring->process_count; n++) {
        ret[n] = wiring->processes[n].pool;
        ret[n].memory = calloc(1, ret[n].bytes + 1);
        CHECK(ret[n].memory != NULL);
    }
}

void graph_pools_free(const struct tt_wiring *wiring, struct tt_pool_view *pools)
{
    for (uint32_t n = 0; n < wiring->process_count; n++)
        free(pools[n].memory);
}
