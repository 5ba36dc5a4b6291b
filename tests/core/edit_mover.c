/* Who moves parts between two engines: both edits, in the order that core/edit.h tells. */
#include "core/inside.h"
#include "edit_world.h"

static uint32_t add_new(struct mover *mover, uint32_t side, struct tt_node_plan plan)
{
    mover->nodes[side][mover->node_count[side]] = plan;
    return TT_EDIT_NEW + mover->node_count[side]++;
}

static struct tt_node_plan way_end(const struct mover *mover, uint32_t number, uint32_t role,
                                   struct tt_link *link, uint32_t peer)
{
    struct tt_node_plan plan = world_end_plan(role, link, peer);

    plan.loan_max = world_room(mover->world, &mover->world->wires[number]) - 1;
    return plan;
}

static void add_new_flow(struct mover *mover, uint32_t side, const struct wire *wire, uint32_t from,
                         uint32_t to, uint32_t to_port)
{
    struct tt_flow_plan plan = world_flow_plan(wire, from, to);

    plan.to_port = to_port;
    mover->flows[side][mover->flow_count[side]++] = plan;
}

/* A new link of a wire, with an end in either engine. */
static void add_link(struct mover *mover, uint32_t number, uint32_t writer, uint32_t reader)
{
    uint32_t link = world_new_link(mover->world);
    const struct world *world = mover->world;

    mover->link_of[number] = link;
    mover->outlet_of[number] = add_new(
        mover, writer, way_end(mover, number, TT_NODE_OUTLET, world->links[link].writer, reader));
    mover->inlet_of[number] = add_new(
        mover, reader, way_end(mover, number, TT_NODE_INLET, world->links[link].reader, writer));
}

/* What feeds it: from the side that it leaves by a link, from the other directly. */
static void plan_input(struct mover *mover, uint32_t number)
{
    struct world *world = mover->world;
    struct wire *wire = &world->wires[number];
    const struct part *from = &world->parts[wire->from];

    if (from->side == mover->to) {
        mover->is_direct = true;
        mover->gone[mover->gone_count++] = wire->outlet;
        add_new_flow(mover, mover->to, wire, from->node, TT_EDIT_NEW, wire->to_port);
        return;
    }
    add_link(mover, number, mover->from, mover->to);
    add_new_flow(mover, mover->from, wire, from->node, mover->outlet_of[number], 0);
    add_new_flow(mover, mover->to, wire, mover->inlet_of[number], TT_EDIT_NEW, wire->to_port);
}

static void plan_output(struct mover *mover, uint32_t number)
{
    struct world *world = mover->world;
    struct wire *wire = &world->wires[number];
    const struct part *to = &world->parts[wire->to];

    if (to->side == mover->to) {
        add_new_flow(mover, mover->to, wire, TT_EDIT_NEW, to->node, wire->to_port);
        return;
    }
    add_link(mover, number, mover->to, mover->from);
    add_new_flow(mover, mover->to, wire, TT_EDIT_NEW, mover->outlet_of[number], 0);
    add_new_flow(mover, mover->from, wire, mover->inlet_of[number], to->node, wire->to_port);
}

static void wake(void *ctx)
{
    ((struct side *)ctx)->wakes++;
}

static void prepare_side(struct mover *mover, uint32_t side, enum tt_edit_kind kind)
{
    struct side *at = &mover->world->sides[side];
    struct tt_edit_params params = {
        .kind = kind,
        .node = kind == TT_EDIT_IN ? TT_EDIT_NEW : mover->world->parts[mover->part].node,
        .is_fresh = mover->is_break,
        .nodes = mover->nodes[side],
        .class_of = (const uint32_t(*)[TT_PORTS_MAX])mover->classes,
        .node_count = mover->node_count[side],
        .flows = mover->flows[side],
        .flow_count = mover->flow_count[side],
        .gone = mover->gone,
        .gone_count = kind == TT_EDIT_IN ? mover->gone_count : 0,
        .wake = wake,
        .ctx = at};
    struct tt_error err = {0};

    if (tt_edit_prepare(at->engine, &params, mover->numbers[side], &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
}

void mover_prepare(struct mover *mover, struct world *world, uint32_t number, bool is_break)
{
    struct part *part = &world->parts[number];

    memset(mover, 0, sizeof(*mover));
    mover->world = world;
    mover->part = number;
    mover->from = part->side;
    mover->to = 1 - part->side;
    mover->is_break = is_break;
    memset(mover->inlet_of, 0xff, sizeof(mover->inlet_of));
    memset(mover->outlet_of, 0xff, sizeof(mover->outlet_of));
    for (uint32_t n = 0; n < WIRES; n++)
        mover->link_of[n] = -1;
    mover->state = world_new_state(part);
    (void)add_new(mover, mover->to, world_part_plan(part, mover->state));
    for (uint32_t n = 0; n < world->wire_count; n++) {
        mover->old_link_of[n] = world->wires[n].link;
        if (world->wires[n].to == number)
            plan_input(mover, n);
        if (world->wires[n].from == number)
            plan_output(mover, n);
    }
    prepare_side(mover, mover->to, TT_EDIT_IN);
    prepare_side(mover, mover->from, TT_EDIT_OUT);
}

static uint32_t number_of(const struct mover *mover, uint32_t side, uint32_t new)
{
    return new == NONE ? NONE : mover->numbers[side][new - TT_EDIT_NEW];
}

static void free_link(struct world *world, int32_t link)
{
    if (link >= 0)
        world->links[link].is_used = false;
}

void mover_finish(struct mover *mover, bool has_moved)
{
    struct world *world = mover->world;
    struct part *part = &world->parts[mover->part];

    for (uint32_t n = 0; n < world->wire_count; n++) {
        struct wire *wire = &world->wires[n];
        bool is_input = wire->to == mover->part;

        if (!is_input && wire->from != mover->part)
            continue;
        free_link(world, has_moved ? mover->old_link_of[n] : mover->link_of[n]);
        if (!has_moved)
            continue;
        wire->link = mover->link_of[n];
        wire->inlet = number_of(mover, is_input ? mover->to : mover->from, mover->inlet_of[n]);
        wire->outlet = number_of(mover, is_input ? mover->from : mover->to, mover->outlet_of[n]);
    }
    free(has_moved ? part->state : mover->state);
    if (!has_moved)
        return;
    part->state = mover->state;
    part->side = mover->to;
    part->node = mover->numbers[mover->to][0];
}

static void order(struct mover *mover, uint32_t side, enum tt_edit_order what)
{
    tt_edit_order(mover->world->sides[side].engine, what);
    world_ring(mover->world, side);
}

static void pause_a_little(struct world *world)
{
    world_pass(world, world_pick(world, 4) == 0 ? world_pick(world, 3 * MS) : 0);
}

/* With its state, as it would go by a stream. */
static void begin(struct mover *mover, const struct tt_edit_report *from)
{
    struct world *world = mover->world;
    struct part *part = &world->parts[mover->part];
    struct tt_error err = {0};

    if (!mover->is_break)
        *mover->state = *part->state;
    part->side = mover->to; /* where its host is */
    CHECK_INT(tt_edit_begin(world->sides[mover->to].engine, from ? &from->carry : NULL, &err), 0);
    part->side = mover->is_break ? mover->from : mover->to;
    world_ring(world, mover->to);
}

/* An engine that has ended answers no more. */
static bool finish_out(struct mover *mover, uint32_t side)
{
    return world_wait(mover->world, side, TT_EDIT_DONE) == TT_EDIT_DONE ||
           mover->world->sides[side].stats->is_ended;
}

static bool give_up(struct mover *mover)
{
    order(mover, mover->to, TT_EDIT_ORDER_DISCARD);
    if (world_pick(mover->world, 2))
        (void)world_wait(mover->world, mover->to, TT_EDIT_DONE);
    order(mover, mover->from, TT_EDIT_ORDER_RESUME);
    CHECK(finish_out(mover, mover->to));
    CHECK(finish_out(mover, mover->from));
    mover_finish(mover, false);
    return false;
}

bool mover_move(struct mover *mover)
{
    struct world *world = mover->world;
    struct tt_engine *from = world->sides[mover->from].engine;
    struct tt_edit_report report;

    pause_a_little(world);
    order(mover, mover->to, TT_EDIT_ORDER_ADD);
    if (world_wait(world, mover->to, TT_EDIT_ADDED) != TT_EDIT_ADDED)
        return give_up(mover);
    pause_a_little(world);
    tt_edit_look(world->sides[mover->to].engine, &report);
    if (mover->is_break)
        tt_edit_split(from, &report.from);
    else
        tt_edit_cut(from, &report.from);
    world_ring(world, mover->from);
    (void)world_wait(world, mover->from, mover->is_break ? TT_EDIT_SPLIT : TT_EDIT_CUT);
    tt_edit_look(from, &report);
    if (report.state < TT_EDIT_CUT || report.state == TT_EDIT_REFUSED)
        return give_up(mover);
    if (mover->at_cut)
        mover->at_cut(world);
    pause_a_little(world);
    if (world_pick(world, 8) == 0) {
        order(mover, mover->to, TT_EDIT_ORDER_SOON);
        pause_a_little(world);
    }
    begin(mover, &report);
    if (report.carry.has_lent)
        (void)world_wait(world, mover->to, TT_EDIT_BEGUN);
    pause_a_little(world);
    order(mover, mover->from, TT_EDIT_ORDER_RETIRE);
    CHECK(finish_out(mover, mover->to));
    CHECK(finish_out(mover, mover->from));
    mover_finish(mover, true);
    return true;
}

void mover_give_up(struct mover *mover)
{
    struct world *world = mover->world;
    struct tt_engine *from = world->sides[mover->from].engine;
    struct tt_edit_report report;
    uint32_t how_far = world_pick(world, 3);

    if (how_far > 0) {
        order(mover, mover->to, TT_EDIT_ORDER_ADD);
        (void)world_wait(world, mover->to, TT_EDIT_ADDED);
        pause_a_little(world);
    }
    tt_edit_look(world->sides[mover->to].engine, &report);
    if (how_far > 1 && report.state == TT_EDIT_ADDED) {
        tt_edit_cut(from, &report.from);
        world_ring(world, mover->from);
        if (world_pick(world, 2))
            (void)world_wait(world, mover->from, TT_EDIT_CUT);
        pause_a_little(world);
    }
    (void)give_up(mover);
}
