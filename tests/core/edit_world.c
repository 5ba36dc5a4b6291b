/* Two engines in one virtual time: parts, wires and links. */
#include "edit_world.h"

#include "core/inside.h"

static const struct tt_rational rate = {100, 1};

uint32_t world_pick(struct world *world, uint32_t count)
{
    world->random = world->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((world->random >> 33) % count);
}

/* --- parts --- */

static int give(struct tt_call *call, int64_t value, int64_t index)
{
    struct tt_frame *out;

    for (uint32_t n = 0; n < call->out_count; n++) {
        out = tt_call_out(call, n);
        if (!out->data)
            continue;
        *(int64_t *)tt_frame_data(out) = value;
        out->bytes = sizeof(value);
        out->index = index;
        out->origin_ns = tt_index_ns(index, rate);
        out->flags = index % 4 == 0 ? TT_KEY : 0;
    }
    return TT_DONE;
}

static void see(struct part *part, const struct tt_frame *in)
{
    part->ends += (in->flags & TT_END) != 0;
    if (!in->data)
        return;
    CHECK(part->may_lose ? in->index >= part->next_index : in->index == part->next_index);
    CHECK_INT(*(const int64_t *)tt_frame_data(in), in->index);
    part->next_index = in->index + 1;
}

static int codec(struct state *state, struct tt_call *call, const struct tt_frame *in)
{
    int64_t oldest = state->held[0];

    if (!in->data && state->held_count == 0)
        return TT_DONE;
    if (in->data) {
        if (!state->is_begun)
            CHECK(state->part->may_lose || in->index % 4 == 0);
        else
            CHECK(state->part->may_lose || in->index == state->next);
        state->is_begun = true;
        state->next = in->index + 1;
        if (state->held_count < 2) {
            state->held[state->held_count++] = in->index;
            return TT_DONE;
        }
    }
    give(call, oldest, oldest);
    state->held[0] = state->held[1];
    if (in->data)
        state->held[1] = in->index;
    else
        state->held_count--;
    return !in->data && state->held_count > 0 ? TT_AGAIN : TT_DONE;
}

static int count(struct state *state, struct tt_call *call, const struct tt_frame *in)
{
    if (in && !in->data)
        return TT_DONE;
    if (state->part->may_lose)
        state->counter = call->index;
    CHECK_INT(state->counter, call->index);
    if (in && !state->part->may_lose)
        CHECK((in->flags & TT_DISCONT) == 0);
    state->counter++;
    return give(call, call->index, call->index);
}

static int keep(struct state *state, struct tt_call *call, const struct tt_frame *in)
{
    const struct tt_host *host = &state->part->hosts[state->part->side];

    if (state->kept != TT_NO_FRAME)
        CHECK_INT(host->frame_drop(host->ctx, state->kept), 0);
    CHECK_INT(host->frame_keep(host->ctx, in->handle), 0);
    state->kept = in->handle;
    return give(call, in->index, in->index);
}

static int twice(struct state *state, struct tt_call *call, const struct tt_frame *in)
{
    if (in->data) {
        CHECK_INT(state->counter, 2 * in->index);
        state->counter += 2;
        give(call, 2 * in->index, 2 * in->index);
        return TT_AGAIN;
    }
    return give(call, 2 * call->index + 1, 2 * call->index + 1);
}

static int stop(struct state *state, struct tt_call *call, int64_t last)
{
    CHECK_INT(state->counter++, call->index);
    return call->index > last ? TT_DONE : give(call, call->index, call->index);
}

/* What an input of this part must show at an index; a frame may have been late there. */
static int64_t wanted(const struct part *part, uint32_t input, int64_t index)
{
    const struct world *world = part->world;

    for (uint32_t n = 0; n < world->wire_count; n++)
        if (&world->parts[world->wires[n].to] == part && world->wires[n].to_port == input) {
            enum part_kind kind = world->parts[world->wires[n].from].kind;

            if (kind == PART_STILL)
                return 0;
            return kind == PART_STOP && index > STOPPED ? STOPPED : index;
        }
    return -1;
}

static int show(struct state *state, struct tt_call *call)
{
    for (uint32_t n = 0; n < call->in_count; n++) {
        const struct tt_frame *in = tt_call_in(call, n);

        CHECK(in->data != 0);
        CHECK_INT(*(const int64_t *)tt_frame_data(in), wanted(state->part, n, call->index));
    }
    return count(state, call, NULL);
}

static void hear(struct part *part, const struct tt_call *call)
{
    for (uint32_t n = 0; n < call->event_count; n++) {
        part->wall_events += tt_call_events(call)[n].kind == TT_EVENT_WALL;
        part->param_events += tt_call_events(call)[n].kind == TT_EVENT_PARAM;
    }
}

static int process(void *memory, struct tt_call *call)
{
    struct state *state = memory;
    struct part *part = state->part;
    const struct tt_frame *in = call->in_count > 0 ? tt_call_in(call, 0) : NULL;
    const struct tt_host *host = &part->hosts[part->side];

    part->activations++;
    part->level = call->level;
    part->world->now_ns += 1000 + world_pick(part->world, (uint32_t)part->world->cost_max_ns);
    hear(part, call);
    switch (part->kind) {
    case PART_SOURCE:
        return count(state, call, NULL);
    case PART_COUNT:
        if (part->world->hook)
            part->world->hook(part, call);
        return count(state, call, in);
    case PART_PASS:
        CHECK_INT(host->frame_emit(host->ctx, 0, in->handle), 0);
        return TT_DONE;
    case PART_CODEC:
        return codec(state, call, in);
    case PART_MIX:
        for (uint32_t n = 0; n < call->in_count; n++)
            if (tt_call_in(call, n)->data)
                CHECK_INT(*(const int64_t *)tt_frame_data(tt_call_in(call, n)), call->index);
        return count(state, call, NULL);
    case PART_OVER:
        for (uint32_t n = 0; n < call->in_count; n++) {
            CHECK(tt_call_in(call, n)->data != 0);
            CHECK_INT(*(const int64_t *)tt_frame_data(tt_call_in(call, n)), call->index);
        }
        return count(state, call, NULL);
    case PART_STILL:
        return stop(state, call, 0);
    case PART_STOP:
        return stop(state, call, STOPPED);
    case PART_WALL:
        return show(state, call);
    case PART_TWICE:
        return twice(state, call, in);
    case PART_KEEPER:
        return keep(state, call, in);
    default:
        see(part, in);
        return TT_DONE;
    }
}

static int open_part(void *memory, void *scratch, const struct tt_host *host,
                     const struct tt_request *request)
{
    struct state *state = memory;
    struct part *part = state->part;

    (void)scratch;
    (void)request;
    part->opens++;
    for (uint32_t n = 0; n < SIDES; n++)
        if (((const struct node *)host->ctx)->engine == part->world->sides[n].engine ||
            !part->world->sides[n].engine)
            part->hosts[n] = *host;
    return 0;
}

struct state *world_new_state(struct part *part)
{
    struct state *state = calloc(1, sizeof(*state));

    state->part = part;
    state->kept = TT_NO_FRAME;
    return state;
}

/* --- the port --- */

static int64_t port_now(void *ctx)
{
    return ((struct side *)ctx)->world->now_ns;
}

static uint32_t port_wait(void *ctx, uint32_t seen, int64_t until_ns, bool is_for_room)
{
    (void)seen;
    (void)until_ns;
    (void)is_for_room;
    return ((struct side *)ctx)->bell;
}

static uint32_t port_bell(void *ctx)
{
    return ((struct side *)ctx)->bell;
}

static void port_ring(void *ctx, uint32_t peer)
{
    ((struct side *)ctx)->world->sides[peer].bell++;
}

static void port_arm(void *ctx, int64_t until_ns)
{
    (void)ctx;
    (void)until_ns;
}

static void port_disarm(void *ctx)
{
    (void)ctx;
}

static void *port_map(void *ctx, uint64_t bytes)
{
    struct side *side = ctx;
    void *piece = aligned_alloc(64, (bytes + 63) & ~(uint64_t)63);

    CHECK(side->piece_count < 256);
    memset(piece, 0, bytes);
    side->pieces[side->piece_count++] = piece;
    return piece;
}

static bool port_record(void *ctx, const struct tt_record *record)
{
    struct side *side = ctx;

    if (side->record_count == RECORDS)
        return false;
    side->records[side->record_count++] = *record;
    return true;
}

static bool port_hand_over(void *ctx)
{
    return ((struct side *)ctx)->world->has_standby;
}

static void port_path(void *ctx, bool is_inside)
{
    (void)ctx;
    (void)is_inside;
}

static const struct tt_port_ops ops = {.now = port_now,
                                       .cpu_now = port_now,
                                       .wait = port_wait,
                                       .bell = port_bell,
                                       .ring = port_ring,
                                       .arm = port_arm,
                                       .disarm = port_disarm,
                                       .map = port_map,
                                       .record_out = port_record,
                                       .hand_over = port_hand_over,
                                       .path = port_path};

/* --- the world --- */

void world_init(struct world *world, uint64_t seed)
{
    memset(world, 0, sizeof(*world));
    world->random = seed * 2654435761u + 1;
    world->now_ns = 1000 * (int64_t)MS;
    world->cost_max_ns = 20000;
    world->limit_ns = INT64_MAX;
    world->slot_count[0] = world->slot_count[1] = SLOTS;
}

uint32_t world_part(struct world *world, enum part_kind kind, uint32_t side)
{
    struct part *part = &world->parts[world->part_count];

    *part = (struct part){.world = world, .kind = kind, .side = side, .sink = -1};
    for (uint32_t n = 0; n < 8; n++) {
        part->ports[n] = (struct tt_port){.name = "port", .in_place_of = -1};
        part->ports[n].hold_max = kind == PART_KEEPER;
        part->ports[n].is_leader = kind == PART_OVER && n == 0;
    }
    part->component = (struct tt_component){.abi = TT_ABI,
                                            .size = sizeof(part->component),
                                            .name = "part",
                                            .flags = kind == PART_CODEC ? TT_DRAINS : 0,
                                            .ports = part->ports,
                                            .param_count = 1,
                                            .port_count = 8,
                                            .open = open_part,
                                            .process = process};
    for (uint32_t n = 0; n < TT_PORTS_MAX; n++) {
        part->shape.bytes_max[n] = sizeof(int64_t);
        part->shape.out_max[n] = kind == PART_TWICE ? 2 : 1;
    }
    if (kind == PART_SINK)
        part->component.flags = TT_DRAINS;
    part->state = world_new_state(part);
    return world->part_count++;
}

struct wire *world_wire(struct world *world, uint32_t from, uint32_t to)
{
    struct wire *wire = &world->wires[world->wire_count++];
    struct part *part = &world->parts[to];

    *wire = (struct wire){.from = from, .to = to, .to_port = part->in_count++, .link = -1};
    world->parts[from].out_count = 1;
    wire->format = (struct tt_format){.size = sizeof(wire->format),
                                      .kind = part->kind == PART_MIX     ? TT_AUDIO
                                              : part->kind == PART_CODEC ? TT_CODED_VIDEO
                                                                         : TT_VIDEO,
                                      .rate = rate};
    if (world->parts[from].kind == PART_STILL)
        wire->format.rate.num = 0, wire->format.rate.den = 1;
    wire->late_policy = world->parts[from].kind == PART_STOP ? TT_LATE_REPEAT : TT_LATE_KEEP;
    return wire;
}

static struct tt_node_plan base_plan(void)
{
    return (struct tt_node_plan){.name = "node",
                                 .rate = rate,
                                 .sink = -1,
                                 .due_offset_ns = 100 * MS,
                                 .deadline_ns = 100 * MS,
                                 .fire_offset_ns = 9 * MS};
}

struct tt_node_plan world_part_plan(struct part *part, struct state *state)
{
    struct tt_node_plan plan = base_plan();

    part->request = (struct tt_request){.size = sizeof(part->request),
                                        .in_count = part->in_count,
                                        .out_count = part->out_count,
                                        .pins = part->pins,
                                        .texts = "",
                                        .texts_bytes = 1,
                                        .rate = rate,
                                        .level_count = part->level_count};
    for (uint32_t n = 0; n < part->in_count + part->out_count; n++)
        part->pins[n] = (struct tt_pin){"pin", n, 1};
    plan.component = &part->component;
    plan.request = &part->request;
    plan.shape = &part->shape;
    plan.state = state;
    plan.sink = part->sink;
    plan.budget_ns = part->kind == PART_COUNT ? part->world->budget_ns : 0;
    return plan;
}

struct tt_node_plan world_end_plan(uint32_t role, struct tt_link *link, uint32_t peer)
{
    struct tt_node_plan plan = base_plan();

    plan.role = role;
    plan.link = link;
    plan.peer = peer;
    plan.is_between = true;
    return plan;
}

uint32_t world_room(const struct world *world, const struct wire *wire)
{
    uint32_t room = DEPTH + 2;

    if (world->parts[wire->to].kind != PART_PASS)
        return room;
    room += 1 + 2;
    for (uint32_t n = 0; n < world->wire_count; n++)
        if (world->wires[n].from == wire->to)
            room += world_room(world, &world->wires[n]);
    return room;
}

int32_t world_new_link(struct world *world)
{
    for (int32_t n = 0; n < LINKS; n++) {
        struct mailbox *link = &world->links[n];
        uint32_t depth = 8;

        if (link->is_used)
            continue;
        if (!link->memory) {
            link->memory = aligned_alloc(64, (tt_link_bytes(depth) + 63) & ~(uint64_t)63);
            link->ends[0] = aligned_alloc(64, (tt_link_end_bytes() + 63) & ~(uint64_t)63);
            link->ends[1] = aligned_alloc(64, (tt_link_end_bytes() + 63) & ~(uint64_t)63);
        }
        memset(link->memory, 0, tt_link_bytes(depth));
        link->writer = tt_link_writer(link->ends[0], link->memory, depth);
        link->reader = tt_link_reader(link->ends[1], link->memory, depth);
        link->is_used = true;
        return n;
    }
    CHECK(!"enough links");
    return -1;
}

struct tt_flow_plan world_flow_plan(const struct wire *wire, uint32_t from, uint32_t to)
{
    return (struct tt_flow_plan){.from_node = from,
                                 .to_node = to,
                                 .depth = DEPTH,
                                 .late_policy = wire->late_policy,
                                 .format = &wire->format};
}

static void add_flow(struct side *side, const struct wire *wire, uint32_t from, uint32_t to,
                     uint32_t to_port)
{
    struct tt_flow_plan plan = world_flow_plan(wire, from, to);

    plan.to_port = to_port;
    side->flows[side->params.flow_count++] = plan;
}

static uint32_t add_node(struct side *side, struct tt_node_plan plan)
{
    CHECK(side->params.node_count < PLACES);
    side->nodes[side->params.node_count] = plan;
    return side->params.node_count++;
}

static void lay_part(struct world *world, uint32_t number)
{
    struct part *part = &world->parts[number];
    struct side *side = &world->sides[part->side];

    for (uint32_t n = 0; n < world->wire_count; n++) {
        struct wire *wire = &world->wires[n];

        if (wire->to != number || world->parts[wire->from].side == part->side)
            continue;
        wire->inlet = add_node(
            side, world_end_plan(TT_NODE_INLET, world->links[wire->link].reader, 1 - part->side));
    }
    if (part->out_count == 0) {
        part->sink = world->sink_count;
        world->sink_count += (int32_t)part->in_count;
    }
    part->node = add_node(side, world_part_plan(part, part->state));
    for (uint32_t n = 0; n < world->wire_count; n++) {
        struct wire *wire = &world->wires[n];
        bool is_far = world->parts[wire->from].side != part->side;

        if (wire->to == number)
            add_flow(side, wire, is_far ? wire->inlet : world->parts[wire->from].node, part->node,
                     wire->to_port);
    }
    for (uint32_t n = 0; n < world->wire_count; n++) {
        struct wire *wire = &world->wires[n];

        if (wire->from != number || world->parts[wire->to].side == part->side)
            continue;
        wire->link = world_new_link(world);
        wire->outlet = add_node(
            side, world_end_plan(TT_NODE_OUTLET, world->links[wire->link].writer, 1 - part->side));
        add_flow(side, wire, part->node, wire->outlet, 0);
    }
}

static void open_side(struct world *world, uint32_t number, uint32_t mode, int64_t end_ns)
{
    struct side *side = &world->sides[number];
    static struct tt_pool_view pools[SIDES];
    struct tt_error err = {0};

    for (uint32_t n = 0; n < SIDES; n++)
        pools[n] = (struct tt_pool_view){.memory = world->sides[n].pool,
                                         .bytes = SLOTS * SLOT_BYTES,
                                         .classes = {{SLOT_BYTES, world->slot_count[n], 0}},
                                         .class_count = 1,
                                         .slot_count = world->slot_count[n]};
    side->params.nodes = side->nodes;
    side->params.flows = side->flows;
    side->params.own = pools[number];
    side->params.own_number = number;
    side->params.class_of = side->class_of;
    side->params.pools = pools;
    side->params.pool_count = SIDES;
    side->params.segment_count = 1;
    side->params.mode = mode;
    side->params.rate = rate;
    side->params.end_ns = end_ns;
    side->params.port = (struct tt_port_world){&ops, side};
    side->params.spare_nodes = side->params.spare_flows = TT_EDIT_ROOM;
    if (tt_engine_open(&side->params, side->stats, &side->engine, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
}

void world_open(struct world *world, uint32_t mode, int64_t end_ns)
{
    for (uint32_t n = 0; n < SIDES; n++) {
        struct side *side = &world->sides[n];

        side->world = world;
        side->number = n;
        side->stats = calloc(1, sizeof(*side->stats));
        side->records = calloc(RECORDS, sizeof(*side->records));
        side->pool = aligned_alloc(4096, SLOTS * SLOT_BYTES);
        memset(side->pool, 0, SLOTS * SLOT_BYTES);
    }
    for (uint32_t n = 0; n < world->part_count; n++)
        lay_part(world, n);
    for (uint32_t n = 0; n < SIDES; n++)
        open_side(world, n, mode, end_ns);
    for (uint32_t n = 0; n < SIDES && world->levels; n++)
        CHECK_INT(tt_engine_degrade(world->sides[n].engine, &world->levels[n]), 0);
    world->epoch_ns = world->now_ns + MS;
    for (uint32_t n = 0; n < SIDES; n++)
        tt_engine_begin(world->sides[n].engine, world->epoch_ns, 0);
}

void world_ring(struct world *world, uint32_t side)
{
    world->sides[side].bell++;
}

static bool step_side(struct world *world, struct side *side)
{
    if (world->is_stalled[side->number])
        return false;
    if (side->stats->is_ended || (side->bell == side->heard && world->now_ns < side->next_ns))
        return false;
    side->heard = side->bell;
    side->next_ns = tt_engine_step(side->engine);
    tt_engine_check(side->engine);
    return true;
}

bool world_step(struct world *world)
{
    uint32_t first = world_pick(world, 2);
    int64_t next_ns;

    if (world->sides[0].stats->is_ended && world->sides[1].stats->is_ended)
        return false;
    if (step_side(world, &world->sides[first]) || step_side(world, &world->sides[1 - first]))
        return true;
    next_ns = INT64_MAX;
    for (uint32_t n = 0; n < SIDES; n++)
        if (!world->sides[n].stats->is_ended && !world->is_stalled[n] &&
            world->sides[n].next_ns < next_ns)
            next_ns = world->sides[n].next_ns;
    if (next_ns > world->limit_ns)
        next_ns = world->limit_ns;
    if (next_ns == INT64_MAX)
        return false;
    world->now_ns = next_ns > world->now_ns ? next_ns : world->now_ns;
    return true;
}

void world_pass(struct world *world, int64_t time_ns)
{
    int64_t until_ns = world->now_ns + time_ns;

    world->limit_ns = until_ns;
    while (world->now_ns < until_ns && world_step(world))
        ;
    world->limit_ns = INT64_MAX;
}

enum tt_edit_state world_wait(struct world *world, uint32_t side, enum tt_edit_state state)
{
    struct tt_edit_report report;
    for (uint32_t n = 0; n < 200000; n++) {
        tt_edit_look(world->sides[side].engine, &report);
        if (report.state >= state || (report.state == TT_EDIT_REFUSED && state != TT_EDIT_DONE))
            break;
        if (world->sides[side].stats->is_ended)
            break;
        world->limit_ns = world->now_ns + MS / 10;
        if (!world_step(world))
            break;
    }
    world->limit_ns = INT64_MAX;
    return report.state;
}

void world_fini(struct world *world)
{
    for (uint32_t n = 0; n < SIDES; n++) {
        struct side *side = &world->sides[n];

        tt_engine_close(&side->engine);
        while (side->piece_count > 0)
            free(side->pieces[--side->piece_count]);
        free(side->stats);
        free(side->records);
        free(side->pool);
    }
    for (uint32_t n = 0; n < LINKS; n++) {
        free(world->links[n].memory);
        free(world->links[n].ends[0]);
        free(world->links[n].ends[1]);
    }
    for (uint32_t n = 0; n < world->part_count; n++)
        free(world->parts[n].state);
}
