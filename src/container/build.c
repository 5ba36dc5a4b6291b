/* From the picture to the engine's graph: components that run here become nodes, the flows of edges
 * end in inlets and outlets. In a profile run a sink's edge is not there, and a node that takes
 * frames and forgets them stands in its place. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "components/table.h"
#include "container/inside.h"
#include "container/state.h"
#include "platform/linux/room.h"
#include "spec/ways.h"

static const struct tt_port discard_port = {.name = "in", .late_policies = TT_LATE_DROP};

static int discard_shape(const struct tt_request *request, struct tt_shape *ret,
                         struct tt_error *err)
{
    return 0;
}

static int discard_process(void *state, struct tt_call *call)
{
    return TT_DONE;
}

static const struct tt_component discard = {.abi = TT_ABI,
                                            .size = sizeof(struct tt_component),
                                            .flags = TT_PURE,
                                            .version = 1,
                                            .name = "discard",
                                            .help = "Stands for a sink's edge in a profile run.",
                                            .example = "",
                                            .ports = &discard_port,
                                            .port_count = 1,
                                            .shape = discard_shape,
                                            .process = discard_process};

static const struct tt_shape no_shape;

static bool is_edge(const struct tt_picture_component *component)
{
    return (component->flags & TT_EDGE) != 0;
}

/* What the predecessor passed on to another process is still read there. */
static bool is_passed_on(void *ctx, uint32_t pool, uint32_t slot)
{
    struct container *container = ctx;

    for (uint32_t n = 0; n < container->wiring->link_count; n++)
        if (container->wiring->links[n].from == container->seat.number && container->links[n] &&
            tt_link_is_on_loan(container->links[n], pool, slot))
            return true;
    return false;
}

static int attach_link(struct container *container, uint32_t number, struct tt_error *err)
{
    const struct tt_wiring_link *plan = &container->wiring->links[number];
    char name[TT_MESSAGE_NAME_BYTES];
    void *memory, *end;
    int r;

    (void)snprintf(name, sizeof name, "link:%u", number);
    r = tt_seat_map(&container->seat, name, tt_link_bytes(plan->depth), true, &memory, err);
    if (r < 0)
        return r;
    end = tt_room_take(tt_link_end_bytes());
    if (!end)
        return tt_fail(err, -ENOMEM, "no memory for link %u", number);
    container->links[number] =
        plan->from == container->seat.number
            ? tt_link_writer(end, memory, plan->depth)
            : tt_link_reader_after(end, memory, plan->depth, is_passed_on, container);
    return 0;
}

static int attach_ends(struct container *container, bool are_writers, struct tt_error *err)
{
    uint32_t self = container->seat.number;

    for (uint32_t n = 0; n < container->wiring->link_count; n++) {
        const struct tt_wiring_link *link = &container->wiring->links[n];
        bool is_writer = link->from == self;
        int r;

        if ((link->from != self && link->to != self) || !tt_wiring_is_used(container->wiring, n))
            continue;
        /* A profile's sinks have no edge, so their links are not handed over, or not used. */
        if (is_writer != are_writers || (container->is_profile && is_writer))
            continue;
        r = attach_link(container, n, err);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Readers after writers, whose links say what must be kept. */
static int attach_links(struct container *container, struct tt_error *err)
{
    int r = attach_ends(container, true, err);

    return r == 0 ? attach_ends(container, false, err) : r;
}

static enum tt_overrun overrun_of(const struct tt_picture_component *component)
{
    if (strcmp(component->overrun, "skip") == 0)
        return TT_OVERRUN_SKIP;
    return strcmp(component->overrun, "stop") == 0 ? TT_OVERRUN_STOP : TT_OVERRUN_THROTTLE;
}

void build_node(const struct container *container, uint32_t number, const char *name,
                struct tt_node_plan *ret)
{
    const struct tt_picture_component *component = &container->picture->components[number];
    const struct tt_seat *seat = &container->seat;
    int64_t deadline_ns = container->picture->deadline_ns;

    *ret = (struct tt_node_plan){
        .name = name,
        .rate = component->rate,
        .phase_ns = tt_seat_plan_of(seat, "phase_of_ns", number, 0),
        .due_offset_ns = tt_seat_plan_of(seat, "due_offset_ns", number, deadline_ns),
        .fire_offset_ns = tt_seat_plan_of(seat, "fire_offset_ns", number, deadline_ns / 2),
        .budget_ns = tt_seat_plan_of(seat, "budget_of_ns", number, 0),
        .overrun = overrun_of(component),
        .sink = -1,
        .segment = component->segment,
        .ledger_component = number,
    };
}

static struct tt_node_plan *add_node(struct container *container, uint32_t number,
                                     const char *pin_name)
{
    const struct tt_picture_component *component = &container->picture->components[number];
    uint32_t place = container->node_count;
    struct tt_node_plan *node = &container->nodes[place];

    container->node_count++;
    (void)snprintf(container->names[place], sizeof container->names[place], "%s%s%s",
                   component->name, pin_name ? "." : "", pin_name ? pin_name : "");
    for (uint32_t n = 0; n < TT_PORTS_MAX; n++)
        container->class_of[place][n] = TT_NO_PORT;
    build_node(container, number, container->names[place], node);
    return node;
}

static void make_sink(struct tt_node_plan *node, const struct tt_picture_component *component,
                      uint32_t pin)
{
    node->sink = component->sink < 0 ? -1 : component->sink + (int32_t)pin;
    node->deadline_ns = component->deadline_ns;
    node->structural_ns = component->path_structural_ns;
}

/* In a profile run a sink has no edge. */
static void make_discard(struct container *container, uint32_t number, uint32_t pin,
                         struct tt_node_plan *node)
{
    const struct tt_picture_component *component = &container->picture->components[number];
    struct place *own = &container->places[node - container->nodes];

    own->store.pins[0] = (struct tt_pin){.name = "in", .is_connected = 1};
    own->request = (struct tt_request){.size = sizeof own->request,
                                       .in_count = 1,
                                       .in = &component->in_format[pin],
                                       .config = own->store.config,
                                       .pins = own->store.pins,
                                       .texts = "",
                                       .texts_bytes = 1,
                                       .rate = container->picture->rate};
    node->component = &discard;
    node->request = &own->request;
    node->shape = &no_shape;
}

/* The end of a flow at an edge: an outlet, or in a profile run a node that discards. */
static void add_outlet(struct container *container, const struct tt_wiring_place *place)
{
    const struct tt_picture *picture = container->picture;
    const struct tt_picture_component *component = &picture->components[place->component];
    const struct tt_picture_pin *pin = &component->in[place->pin];
    struct tt_node_plan *node;

    container->node_of_in[place->component][place->pin] = container->node_count;
    node = add_node(container, place->component, pin->name);
    /* Each of a writer's inputs runs with what feeds it: sound is no part of a picture. */
    node->segment = picture->components[picture->flows[pin->flow].from].segment;
    make_sink(node, component, place->pin);
    if (container->is_profile) {
        make_discard(container, place->component, place->pin, node);
        return;
    }
    node->role = TT_NODE_OUTLET;
    node->link = container->links[place->link];
    node->peer = container->wiring->links[place->link].to;
}

/* The latest due time of those that a link feeds; at the end of a way all that its component feeds,
 * or it alone. */
static int64_t consumers_due_ns(const struct container *container,
                                const struct tt_wiring_link *link)
{
    const struct tt_picture *picture = container->picture;
    const struct tt_wiring *wiring = container->wiring;
    const struct tt_wiring_way *way = link->way > 0 ? &wiring->ways[link->way - 1] : NULL;
    int64_t due_ns = 0;

    for (uint32_t n = 0; n < picture->flow_count; n++) {
        const struct tt_picture_flow *flow = &picture->flows[n];
        int64_t ns =
            tt_seat_plan_of(&container->seat, "due_offset_ns", flow->to, picture->deadline_ns);
        bool is_fed = way ? flow->from == way->component || flow->to == way->component
                          : wiring->process_of[flow->to] == link->to;

        if (flow->from == link->component && flow->from_out == link->pin && is_fed && ns > due_ns)
            due_ns = ns;
    }
    return due_ns;
}

/* A mailbox between two workers: what goes on is late when its consumer cannot be in time. */
void build_mailbox(const struct container *container, uint32_t number, enum tt_node_role role,
                   struct tt_node_plan *node)
{
    const struct tt_wiring_link *link = &container->wiring->links[number];

    node->role = role;
    node->is_between = true;
    node->hand_over_ns = node->due_offset_ns;
    node->due_offset_ns = node->deadline_ns = consumers_due_ns(container, link);
    node->rate = container->picture->flows[link->flow].format.rate;
    node->link = container->links[number];
    node->loan_max = link->loan_max;
    node->peer = role == TT_NODE_INLET ? link->from : link->to;
}

static void add_mailbox(struct container *container, const struct tt_wiring_place *place,
                        enum tt_node_role role)
{
    const struct tt_picture_component *component =
        &container->picture->components[place->component];

    container->node_of_link[place->link] = container->node_count;
    build_mailbox(container, place->link, role,
                  add_node(container, place->component, component->out[place->pin].name));
}

static int add_inlet(struct container *container, const struct tt_wiring_place *place,
                     struct tt_error *err)
{
    const struct tt_wiring_link *link = &container->wiring->links[place->link];
    const struct tt_picture_component *component =
        &container->picture->components[place->component];
    struct tt_node_plan *node;

    if (!container->links[place->link])
        return tt_fail(err, -EINVAL, "'%s.%s' has no link", component->name,
                       component->out[place->pin].name);
    container->node_of_out[place->component][place->pin] = container->node_count;
    if (tt_wiring_is_between(container->wiring, place->link)) {
        add_mailbox(container, place, TT_NODE_INLET);
        return 0;
    }
    node = add_node(container, place->component, component->out[place->pin].name);
    node->role = TT_NODE_INLET;
    node->rate = container->picture->flows[link->flow].format.rate;
    node->structural_ns = component->shape.latency_ns;
    node->link = container->links[place->link];
    node->peer = link->from;
    return 0;
}

int build_component(const struct container *container, uint32_t number, int64_t resume_ns,
                    struct place *own, struct tt_node_plan *node, struct tt_error *err)
{
    const struct tt_picture_component *component = &container->picture->components[number];
    int r;

    tt_picture_request(container->picture, number, &own->store, &own->request);
    own->request.resume_ns = resume_ns;
    if (container->is_profile)
        own->request.is_live = 0;
    node->request = &own->request;
    node->shape = &component->shape;
    if (component->shape.state_bytes > 0)
        node->state = tt_room_take(state_room(component->shape.state_bytes));
    if (component->shape.scratch_bytes > 0)
        node->scratch = tt_room_take(component->shape.scratch_bytes);
    if ((component->shape.state_bytes > 0 && !node->state) ||
        (component->shape.scratch_bytes > 0 && !node->scratch))
        return tt_fail(err, -ENOMEM, "no memory for the state of '%s'", component->name);
    if (!node->component->init)
        return 0;
    r = node->component->init(node->state, node->request, err);
    if (r == 0)
        r = sandbox_limit(component, node, err);
    return r < 0 ? tt_wrap(err, r, "'%s' (%s) cannot start", component->name, component->kind) : 0;
}

static int add_component(struct container *container, uint32_t number, struct tt_error *err)
{
    const struct tt_picture_component *component = &container->picture->components[number];
    const uint32_t(*classes)[TT_PORTS_MAX] =
        container->wiring->processes[container->seat.number].class_of;
    struct tt_node_plan *node;
    uint32_t place = container->node_count;

    for (uint32_t n = 0; n < TT_PORTS_MAX; n++)
        container->node_of_in[number][n] = container->node_of_out[number][n] = place;
    node = add_node(container, number, NULL);
    node->component = tt_component_find(component->kind);
    if (!node->component)
        return tt_fail(err, -EINVAL, "this build has no component '%s'", component->kind);
    if (classes)
        memcpy(container->class_of[place], classes[number], sizeof container->class_of[place]);
    if (component->is_sink)
        make_sink(node, component, 0);
    return build_component(container, number, tt_seat_plan(&container->seat, "first_ns", 0),
                           &container->places[place], node, err);
}

static int add_place(struct container *container, const struct tt_wiring_place *place,
                     struct tt_error *err)
{
    if (place->role == TT_PLACE_COMPONENT)
        return add_component(container, place->component, err);
    if (place->role == TT_PLACE_INLET)
        return add_inlet(container, place, err);
    if (tt_wiring_is_between(container->wiring, place->link))
        add_mailbox(container, place, TT_NODE_OUTLET);
    else
        add_outlet(container, place);
    return 0;
}

static int add_nodes(struct container *container, struct tt_error *err)
{
    const struct tt_wiring_process *self = &container->wiring->processes[container->seat.number];

    memset(container->node_of_link, 0xff, sizeof container->node_of_link);
    memset(container->node_of_in, 0xff, sizeof container->node_of_in);
    memset(container->node_of_out, 0xff, sizeof container->node_of_out);
    if (self->place_count > TT_NODES_MAX)
        return tt_fail(err, -E2BIG, "the service needs more than %d places in the engine",
                       TT_NODES_MAX);
    for (uint32_t n = 0; n < self->place_count; n++) {
        int r = add_place(container, &self->places[n], err);

        if (r < 0)
            return r;
    }
    return 0;
}

void build_flow(const struct container *container, const struct tt_picture_flow *flow,
                const struct tt_node_plan *from, const struct tt_node_plan *to,
                struct tt_flow_plan *ret)
{
    const struct tt_picture_component *consumer = &container->picture->components[flow->to];

    *ret = (struct tt_flow_plan){
        .from_port = from->role == TT_NODE_INLET ? 0 : flow->from_out,
        .to_port = to->is_between || is_edge(consumer) ? 0 : flow->to_in,
        .depth = flow->depth,
        .late_policy = to->is_between ? TT_LATE_KEEP : consumer->in[flow->to_in].late_policy,
        .format = &flow->format,
    };
}

static int add_flow(struct container *container, const struct tt_picture_flow *flow, uint32_t from,
                    uint32_t to, struct tt_error *err)
{
    struct tt_flow_plan *plan = &container->flows[container->flow_count];

    if (container->flow_count == TT_FLOWS_MAX)
        return tt_fail(err, -E2BIG, "the service needs more than %d flows in the engine",
                       TT_FLOWS_MAX);
    container->flow_count++;
    build_flow(container, flow, &container->nodes[from], &container->nodes[to], plan);
    plan->from_node = from;
    plan->to_node = to;
    return 0;
}

/* Of flows to another container one stands for all that its link carries. */
static int add_flows_out(struct container *container, struct tt_error *err)
{
    const struct tt_wiring_process *self = &container->wiring->processes[container->seat.number];
    int r = 0;

    for (uint32_t n = 0; n < self->place_count && r == 0; n++) {
        const struct tt_wiring_place *place = &self->places[n];

        if (container->nodes[n].role == TT_NODE_OUTLET && container->nodes[n].is_between)
            r = add_flow(container,
                         &container->picture->flows[container->wiring->links[place->link].flow],
                         container->node_of_out[place->component][place->pin], n, err);
    }
    return r;
}

static int add_flows(struct container *container, struct tt_error *err)
{
    const struct tt_picture *picture = container->picture;
    int r = 0;

    for (uint32_t n = 0; n < picture->flow_count && r == 0; n++) {
        const struct tt_picture_flow *flow = &picture->flows[n];
        uint32_t from = container->node_of_out[flow->from][flow->from_out];
        uint32_t to = container->node_of_in[flow->to][flow->to_in];

        if (to == TT_NO_PORT) /* it ends in another container */
            continue;
        if (from == TT_NO_PORT)
            return tt_fail(err, -EINVAL, "flow %u from '%s' to '%s' has no begin here", n,
                           picture->components[flow->from].name,
                           picture->components[flow->to].name);
        r = add_flow(container, flow, from, to, err);
    }
    return r == 0 ? add_flows_out(container, err) : r;
}

int container_build(struct container *container, struct tt_error *err)
{
    int r = attach_links(container, err);

    if (r == 0)
        r = add_nodes(container, err);
    return r == 0 ? add_flows(container, err) : r;
}
