/* An edit laid out in spare places, and what of it cannot be. Nothing is in the engine yet. */
#include <string.h>

#include "core/edit_inside.h"

enum { EBUSY = 16, ENOSPC = 28, EOPNOTSUPP = 95 };

static struct node *find_draft(struct edit *edit, uint32_t number)
{
    for (uint32_t n = 0; n < edit->draft_count; n++)
        if (edit->drafts[n].number == number)
            return &edit->drafts[n];
    return NULL;
}

/* The node that a number of the params means, new or there; NULL: none. */
static struct node *find_node(struct tt_engine *engine, uint32_t number)
{
    struct edit *edit = engine->edit;

    if (number >= TT_EDIT_NEW)
        return number - TT_EDIT_NEW < edit->draft_count ? &edit->drafts[number - TT_EDIT_NEW]
                                                        : NULL;
    if (number >= engine->params.node_count || engine->nodes[number].kind == KIND_UNUSED)
        return NULL;
    return &engine->nodes[number];
}

static bool is_new(const struct edit *edit, const struct node *node)
{
    return node >= edit->drafts && node < edit->drafts + edit->draft_count;
}

static int check_role(const struct tt_edit_params *params, uint32_t number, struct tt_error *err)
{
    const struct tt_node_plan *plan = &params->nodes[number];
    bool is_mover = params->kind == TT_EDIT_IN && params->node == TT_EDIT_NEW + number;

    if ((plan->role == TT_NODE_COMPONENT) != is_mover)
        return tt_fail(err, -EINVAL, "'%s': an edit brings ends of links and who moves in alone",
                       plan->name);
    if (is_mover && !params->class_of)
        return tt_fail(err, -EINVAL, "'%s' comes without classes of the pool", plan->name);
    if (!is_mover && !plan->is_between)
        return tt_fail(err, -EINVAL, "'%s' is no link between two engines", plan->name);
    if (plan->role == TT_NODE_INLET && tt_link_depth(plan->link) > TT_EDIT_DEPTH_MAX)
        return tt_fail(err, -EINVAL, "the ring of '%s' has %u places, more than %d", plan->name,
                       tt_link_depth(plan->link), TT_EDIT_DEPTH_MAX);
    return 0;
}

static void furnish(struct tt_engine *engine, struct node *draft)
{
    const struct room *room = &engine->edit->rooms[draft->number - engine->edit->first_node];

    draft->kept = room->kept;
    draft->is_added = true;
    if (draft->own_plan.role != TT_NODE_OUTLET)
        return;
    draft->lent = room->lent;
    memset(draft->lent, 0, TT_POOLS_MAX * TT_POOL_SLOTS_MAX / 8);
    draft->sinks = room->sinks;
    memset(draft->sinks, 0, sizeof(*draft->sinks));
}

static int draft_node(struct tt_engine *engine, const struct tt_edit_params *params,
                      uint32_t number, uint32_t place, struct tt_error *err)
{
    struct edit *edit = engine->edit;
    const struct tt_node_plan *plan = &params->nodes[number];
    struct node *draft = &edit->drafts[number];
    int r = engine_check_node(plan, err);

    if (r == 0)
        r = check_role(params, number, err);
    if (r < 0)
        return r;
    if (plan->segment >= engine->params.segment_count)
        return tt_fail(err, -EINVAL, "node '%s' is of segment %u, which is not planned", plan->name,
                       plan->segment);
    memset(draft, 0, sizeof(*draft));
    engine_open_node(engine, draft, place, plan);
    if (draft->kept_max > SPARE_KEPT || draft->out_count * draft->calls_max > SPARE_OUTPUTS)
        return tt_fail(err, -EOPNOTSUPP, "'%s' gives more frames at once than a spare place takes",
                       plan->name);
    furnish(engine, draft);
    for (uint32_t n = 0; n < TT_PORTS_MAX; n++)
        edit->class_of[place * TT_PORTS_MAX + n] =
            params->class_of ? params->class_of[number][n] : NONE;
    return 0;
}

static int draft_nodes(struct tt_engine *engine, const struct tt_edit_params *params,
                       uint32_t *ret_numbers, struct tt_error *err)
{
    struct edit *edit = engine->edit;
    uint32_t place = edit->first_node;

    for (uint32_t n = 0; n < params->node_count; n++, place++) {
        int r;

        while (place < engine->params.node_count && engine->nodes[place].kind != KIND_UNUSED)
            place++;
        if (place == engine->params.node_count)
            return tt_fail(err, -ENOSPC, "an edit brings %u nodes, and there is room for %u",
                           params->node_count, n);
        edit->draft_count = n + 1;
        r = draft_node(engine, params, n, place, err);
        if (r < 0)
            return r;
        ret_numbers[n] = place;
    }
    return 0;
}

static int add_tee(struct edit *edit, uint32_t flow, uint32_t beside, uint32_t input,
                   struct tt_error *err)
{
    if (edit->tee_count == TEES)
        return tt_fail(err, -EINVAL, "an edit has more than %d flows beside others", TEES);
    edit->tees[edit->tee_count++] = (struct tee){.flow = flow, .beside = beside, .input = input};
    return 0;
}

static int add_splice(struct tt_engine *engine, uint32_t flow, uint32_t before,
                      struct tt_error *err)
{
    struct edit *edit = engine->edit;
    const struct tt_flow_plan *plan = engine->flows[flow].plan;

    for (uint32_t n = 0; n < edit->splice_count; n++)
        if (edit->splices[n].from == before)
            return tt_fail(err, -EINVAL, "two flows shall follow the same one");
    edit->splices[edit->splice_count++] =
        (struct splice){.node = plan->to_node, .port = plan->to_port, .from = before, .to = flow};
    engine->flows[flow].is_retained = engine->flows[before].is_retained;
    engine->flows[flow].margin_ns = engine->flows[before].margin_ns;
    return 0;
}

/* The place in a chain of flows where the next one belongs. */
static uint32_t *chain_end(struct tt_engine *engine, struct node *from, uint32_t port)
{
    uint32_t *place = &from->out[port];

    while (*place != NONE)
        place = &engine->flows[*place].next_of_output;
    return place;
}

void engine_edit_link(struct tt_engine *engine, struct node *from, uint32_t flow)
{
    *chain_end(engine, from, engine->flows[flow].plan->from_port) = flow;
}

/* Of the component that leaves: the input that this output of `from` feeds, or NONE. */
static uint32_t input_fed_by(const struct tt_engine *engine, const struct node *node,
                             const struct node *from, uint32_t port)
{
    for (uint32_t n = 0; n < node->in_count; n++) {
        const struct tt_flow_plan *plan;

        if (node->in[n] == NONE)
            continue;
        plan = engine->flows[node->in[n]].plan;
        if (plan->from_node == from->number && plan->from_port == port)
            return n;
    }
    return NONE;
}

static int unwanted(uint32_t number, const struct node *from, const struct node *to,
                    struct tt_error *err)
{
    return tt_fail(err, -EINVAL,
                   "new flow %u from '%s' to '%s' has nothing to do with the component that moves",
                   number, from->own_plan.name, to->own_plan.name);
}

static int place_out(struct tt_engine *engine, uint32_t flow, struct node *from, struct node *to,
                     struct tt_error *err)
{
    struct edit *edit = engine->edit;
    const struct tt_flow_plan *plan = engine->flows[flow].plan;
    const struct node *mover = &engine->nodes[edit->node];
    uint32_t before, input;

    if (is_new(edit, to) && !is_new(edit, from)) {
        input = input_fed_by(engine, mover, from, plan->from_port);
        if (input == NONE || to->own_plan.role != TT_NODE_OUTLET || to->in[0] != NONE)
            return unwanted(flow, from, to, err);
        to->in[0] = flow;
        /* It takes all of it, and what a join shows. */
        if (plan->depth <= engine->flows[mover->in[input]].plan->depth)
            edit->flow_rooms[flow - edit->first_flow].plan.depth =
                engine->flows[mover->in[input]].plan->depth + 1;
        return add_tee(edit, flow, mover->in[input], input, err);
    }
    before = is_new(edit, to) ? NONE : to->in[plan->to_port];
    if (!is_new(edit, from) || before == NONE ||
        engine->flows[before].plan->from_node != edit->node)
        return unwanted(flow, from, to, err);
    engine_edit_link(engine, from, flow);
    return add_splice(engine, flow, before, err);
}

static int place_in(struct tt_engine *engine, uint32_t flow, struct node *from, struct node *to,
                    struct tt_error *err)
{
    struct edit *edit = engine->edit;
    const struct tt_flow_plan *plan = engine->flows[flow].plan;
    uint32_t before;

    if (to->number == edit->node || is_new(edit, to)) {
        if (to->in[plan->to_port] != NONE ||
            (to->number != edit->node && from->number != edit->node))
            return unwanted(flow, from, to, err);
        to->in[plan->to_port] = flow;
        if (is_new(edit, from)) {
            engine_edit_link(engine, from, flow);
            return 0;
        }
        return add_tee(edit, flow, NONE, plan->to_port, err);
    }
    before = to->in[plan->to_port];
    if (from->number != edit->node || before == NONE ||
        engine->nodes[engine->flows[before].plan->from_node].kind != KIND_INLET)
        return unwanted(flow, from, to, err);
    engine_edit_link(engine, from, flow);
    return add_splice(engine, flow, before, err);
}

static int check_new_flow(const struct tt_engine *engine, const struct tt_flow_plan *plan,
                          const struct node *from, const struct node *to, uint32_t number,
                          struct tt_error *err)
{
    if (!from || !to)
        return tt_fail(err, -EINVAL, "new flow %u names a node that is not there", number);
    if (plan->depth > TT_EDIT_DEPTH_MAX)
        return tt_fail(err, -EINVAL, "new flow %u has a depth of %u, more than %d", number,
                       plan->depth, TT_EDIT_DEPTH_MAX);
    if (is_new(engine->edit, from) && from->own_plan.role == TT_NODE_COMPONENT)
        return engine_check_class(
            engine, from, plan->from_port,
            engine->edit->class_of[from->number * TT_PORTS_MAX + plan->from_port], err);
    return 0;
}

static int draft_flow(struct tt_engine *engine, const struct tt_edit_params *params,
                      uint32_t number, uint32_t place, struct tt_error *err)
{
    struct edit *edit = engine->edit;
    struct tt_flow_plan *plan = &edit->flow_rooms[place - edit->first_flow].plan;
    struct node *from = find_node(engine, params->flows[number].from_node);
    struct node *to = find_node(engine, params->flows[number].to_node);
    struct flow *flow = &engine->flows[place];
    int r;

    r = check_new_flow(engine, &params->flows[number], from, to, number, err);
    if (r == 0)
        r = engine_check_flow(&params->flows[number], &from->own_plan, &to->own_plan, number, err);
    if (r < 0)
        return r;
    *plan = params->flows[number];
    plan->from_node = from->number;
    plan->to_node = to->number;
    engine_open_flow(flow, plan, from);
    if (flow->capacity > ROOM_ENTRIES)
        return tt_fail(err, -EOPNOTSUPP,
                       "what '%s' may give at once is more than a spare queue takes",
                       from->own_plan.name);
    flow->entries = edit->flow_rooms[place - edit->first_flow].entries;
    flow->capacity = ROOM_ENTRIES;
    flow->pushed_index = NEVER_PUSHED;
    flow->end_ns = TIME_MAX;
    return edit->kind == TT_EDIT_OUT ? place_out(engine, place, from, to, err)
                                     : place_in(engine, place, from, to, err);
}

static int draft_flows(struct tt_engine *engine, const struct tt_edit_params *params,
                       struct tt_error *err)
{
    uint32_t place = engine->edit->first_flow;

    for (uint32_t n = 0; n < params->flow_count; n++, place++) {
        int r;

        while (place < engine->params.flow_count && engine_is_used(&engine->flows[place]))
            place++;
        if (place == engine->params.flow_count)
            return tt_fail(err, -ENOSPC, "an edit brings %u flows, and there is room for %u",
                           params->flow_count, n);
        r = draft_flow(engine, params, n, place, err);
        if (r < 0) {
            engine->flows[place].plan = &engine_unused_flow;
            return r;
        }
    }
    return 0;
}

/* --- what cannot be done --- */

static int check_mover(const struct tt_engine *engine, const struct node *node,
                       struct tt_error *err)
{
    const char *name = node->own_plan.name;
    bool has_output = false;

    if (node->own_plan.role != TT_NODE_COMPONENT)
        return tt_fail(err, -EINVAL, "'%s' is the end of a link, which does not move", name);
    for (uint32_t n = 0; n < node->out_count; n++)
        has_output = has_output || node->out[n] != NONE;
    if (!has_output)
        return tt_fail(err, -EOPNOTSUPP,
                       "'%s' is a sink of the service, which stays where it is told of", name);
    return 0;
}

/* Each input of the component that leaves goes along, or is there already. */
static int check_inputs(const struct tt_engine *engine, const struct node *mover,
                        struct tt_error *err)
{
    const struct edit *edit = engine->edit;

    for (uint32_t n = 0; n < mover->in_count; n++) {
        bool is_there = mover->in[n] == NONE;
        const struct node *from;

        for (uint32_t m = 0; m < edit->tee_count && !is_there; m++)
            is_there = edit->tees[m].beside == mover->in[n];
        if (is_there)
            continue;
        from = &engine->nodes[engine->flows[mover->in[n]].plan->from_node];
        if (from->kind != KIND_INLET || !from->own_plan.is_between)
            return tt_fail(err, -EINVAL, "input %u of '%s' would bring nothing any more", n,
                           mover->own_plan.name);
    }
    return 0;
}

static int check_outputs(const struct tt_engine *engine, const struct node *mover,
                         struct tt_error *err)
{
    const struct edit *edit = engine->edit;

    for (uint32_t port = 0; port < mover->out_count; port++)
        for (uint32_t n = mover->out[port]; n != NONE; n = engine->flows[n].next_of_output) {
            const struct node *to = &engine->nodes[engine->flows[n].plan->to_node];
            bool is_followed = to->kind == KIND_OUTLET && to->own_plan.is_between;

            for (uint32_t m = 0; m < edit->splice_count && !is_followed; m++)
                is_followed = edit->splices[m].from == n;
            if (!is_followed)
                return tt_fail(err, -EINVAL, "'%s' would get nothing any more from '%s'",
                               to->own_plan.name, mover->own_plan.name);
        }
    return 0;
}

static int check_gone(struct tt_engine *engine, const struct tt_edit_params *params,
                      struct tt_error *err)
{
    struct edit *edit = engine->edit;

    if (params->gone_count > TT_PORTS_MAX)
        return tt_fail(err, -EINVAL, "%u outlets cannot leave with one component",
                       params->gone_count);
    for (uint32_t n = 0; n < params->gone_count; n++) {
        const struct node *node = find_node(engine, params->gone[n]);

        if (!node || is_new(edit, node) || node->kind != KIND_OUTLET || !node->own_plan.is_between)
            return tt_fail(err, -EINVAL, "node %u, which shall leave, is no outlet to an engine",
                           params->gone[n]);
        edit->gone[edit->gone_count++] = params->gone[n];
    }
    return 0;
}

static int settle_drafts(struct tt_engine *engine, struct tt_error *err)
{
    struct edit *edit = engine->edit;

    for (uint32_t n = 0; n < edit->draft_count; n++) {
        int r = engine_settle_node(engine, &edit->drafts[n], err);

        if (r < 0)
            return r;
        if (edit->drafts[n].kind == KIND_INLET && edit->drafts[n].out[0] == NONE)
            return tt_fail(err, -EINVAL, "inlet '%s' feeds nobody", edit->drafts[n].own_plan.name);
    }
    return 0;
}

static int find_mover(struct tt_engine *engine, const struct tt_edit_params *params,
                      struct tt_error *err)
{
    struct edit *edit = engine->edit;
    const struct node *mover = find_node(engine, params->node);

    if (!mover || is_new(edit, mover) != (params->kind == TT_EDIT_IN))
        return tt_fail(err, -EINVAL, "the component that moves is not there");
    edit->node = mover->number;
    return 0;
}

static int lay_out(struct tt_engine *engine, const struct tt_edit_params *params,
                   uint32_t *ret_numbers, struct tt_error *err)
{
    struct edit *edit = engine->edit;
    const struct node *mover;
    int r = draft_nodes(engine, params, ret_numbers, err);

    if (r == 0)
        r = find_mover(engine, params, err);
    if (r == 0)
        r = draft_flows(engine, params, err);
    if (r == 0)
        r = settle_drafts(engine, err);
    if (r == 0)
        r = check_gone(engine, params, err);
    if (r < 0)
        return r;
    mover = params->kind == TT_EDIT_IN ? find_draft(edit, edit->node) : &engine->nodes[edit->node];
    r = check_mover(engine, mover, err);
    if (r == 0 && params->kind == TT_EDIT_OUT)
        r = check_inputs(engine, mover, err);
    if (r == 0 && params->kind == TT_EDIT_OUT)
        r = check_outputs(engine, mover, err);
    return r;
}

/* What was drafted is in nobody's chain yet. */
static void forget(struct tt_engine *engine)
{
    struct edit *edit = engine->edit;

    for (uint32_t n = edit->first_flow; n < engine->params.flow_count; n++) {
        struct flow *flow = &engine->flows[n];

        if (engine_is_used(flow) &&
            (find_draft(edit, flow->plan->from_node) || find_draft(edit, flow->plan->to_node)))
            flow->plan = &engine_unused_flow;
    }
    edit->draft_count = edit->tee_count = edit->splice_count = edit->gone_count = 0;
}

int tt_edit_prepare(struct tt_engine *engine, const struct tt_edit_params *params,
                    uint32_t *ret_numbers, struct tt_error *err)
{
    struct edit *edit = engine->edit;
    enum tt_edit_state state;
    int r;

    if (!edit)
        return tt_fail(err, -ENOSPC, "the engine was opened without spare places");
    state = tt_edit_look(engine, NULL);
    if (state != TT_EDIT_NONE && state != TT_EDIT_DONE)
        return tt_fail(err, -EBUSY, "another edit is under way");
    if (params->node_count > TT_EDIT_NODES || params->flow_count > TT_EDIT_FLOWS)
        return tt_fail(err, -EINVAL, "an edit of %u nodes and %u flows is too large",
                       params->node_count, params->flow_count);
    edit->draft_count = edit->tee_count = edit->splice_count = edit->gone_count = 0;
    edit->kind = params->kind;
    edit->is_fresh = params->is_fresh;
    edit->is_split = edit->is_back = edit->has_carry = false;
    edit->wake = params->wake;
    edit->ctx = params->ctx;
    edit->reason = NULL;
    edit->ask = edit->from = (struct tt_edit_from){0};
    r = lay_out(engine, params, ret_numbers, err);
    if (r < 0) {
        forget(engine);
        return r;
    }
    __atomic_store_n(&edit->word, TT_EDIT_PREPARED, __ATOMIC_RELEASE);
    return 0;
}

void tt_edit_forget(struct tt_engine *engine)
{
    forget(engine);
    __atomic_store_n(&engine->edit->word, TT_EDIT_DONE, __ATOMIC_RELEASE);
}
