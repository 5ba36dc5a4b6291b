/* An edit as the control thread sees it: laid out in spare places, ordered, looked at. */
#include "core/edit_inside.h"

#include <string.h>

#define INDEX_MAX ((int64_t)1 << 50)

static const struct tt_format no_format = {.rate = {0, 1}};
const struct tt_flow_plan engine_unused_flow = {.depth = 1, .format = &no_format};

static const struct tt_node_plan no_node = {.name = "", .role = UINT32_MAX, .sink = -1};

void engine_edit_empty(struct node *node)
{
    struct tt_engine *engine = node->engine;
    uint32_t number = node->number;

    memset(node, 0, sizeof(*node));
    engine_open_node(engine, node, number, &no_node);
    node->in_count = node->out_count = 0;
    node->kind = KIND_UNUSED;
    node->is_ended = true;
}

static int open_rooms(struct tt_engine *engine, struct edit *edit)
{
    for (uint32_t n = 0; n < engine->params.spare_nodes; n++) {
        struct room *room = &edit->rooms[n];

        room->kept = engine_take(engine, sizeof(*room->kept) * (SPARE_KEPT + 1));
        room->lent = engine_take(engine, TT_POOLS_MAX * TT_POOL_SLOTS_MAX / 8);
        room->sinks = engine_take(engine, sizeof(*room->sinks));
        if (!room->kept || !room->lent || !room->sinks)
            return -ENOMEM;
    }
    for (uint32_t n = 0; n < engine->params.spare_flows; n++) {
        edit->flow_rooms[n].entries = engine_take(engine, sizeof(struct entry) * ROOM_ENTRIES);
        if (!edit->flow_rooms[n].entries)
            return -ENOMEM;
    }
    return 0;
}

/* Rows of outputs' classes for all places: the plan's, then those of whoever comes. */
static void keep_classes(struct tt_engine *engine, struct edit *edit)
{
    uint32_t planned = edit->first_node * TT_PORTS_MAX;

    for (uint32_t n = 0; n < engine->params.node_count * TT_PORTS_MAX; n++)
        edit->class_of[n] =
            n < planned && engine->params.class_of ? engine->params.class_of[n] : NONE;
    engine->params.class_of = edit->class_of;
}

int engine_edit_open(struct tt_engine *engine, uint32_t first_node, uint32_t first_flow)
{
    struct edit *edit = engine_take(engine, sizeof(*edit));
    uint32_t nodes = engine->params.spare_nodes, flows = engine->params.spare_flows;

    if (!edit)
        return -ENOMEM;
    edit->first_node = first_node;
    edit->first_flow = first_flow;
    edit->rooms = engine_take(engine, sizeof(*edit->rooms) * nodes);
    edit->flow_rooms = engine_take(engine, sizeof(*edit->flow_rooms) * (flows + 1));
    edit->drafts = engine_take(engine, sizeof(*edit->drafts) * nodes);
    edit->class_of =
        engine_take(engine, sizeof(uint32_t) * TT_PORTS_MAX * engine->params.node_count);
    if (!edit->rooms || !edit->flow_rooms || !edit->drafts || !edit->class_of ||
        open_rooms(engine, edit) < 0)
        return -ENOMEM;
    keep_classes(engine, edit);
    for (uint32_t n = first_node; n < engine->params.node_count; n++) {
        engine->nodes[n].engine = engine;
        engine->nodes[n].number = n;
        engine_edit_empty(&engine->nodes[n]);
        engine->nodes_ended++;
    }
    for (uint32_t n = first_flow; n < engine->params.flow_count; n++)
        engine_open_flow(&engine->flows[n], &engine_unused_flow, &engine->nodes[first_node]);
    engine->edit = edit;
    return 0;
}

static void give_order(struct tt_engine *engine, uint32_t order)
{
    uint32_t serial = __atomic_load_n(&engine->edit->order, __ATOMIC_RELAXED) >> 8;

    __atomic_store_n(&engine->edit->order, (serial + 1) << 8 | order, __ATOMIC_RELEASE);
}

void tt_edit_order(struct tt_engine *engine, enum tt_edit_order order)
{
    give_order(engine, order);
}

void tt_edit_cut(struct tt_engine *engine, const struct tt_edit_from *from)
{
    if (from)
        engine->edit->ask = *from;
    give_order(engine, ORDER_CUT);
}

void tt_edit_split(struct tt_engine *engine, const struct tt_edit_from *from)
{
    if (from)
        engine->edit->ask = *from;
    give_order(engine, ORDER_SPLIT);
}

static bool is_event_sound(const struct node *node, const struct tt_event *event)
{
    switch (event->kind) {
    case TT_EVENT_PARAM:
        return (event->id & 0xffff) < node->own_plan.component->param_count;
    case TT_EVENT_LEVEL:
        return event->i >= 0 && event->i <= node->own_plan.request->level_count;
    case TT_EVENT_RATIO:
        return event->id < node->in_count;
    case TT_EVENT_BUDGET:
        return event->i < TIME_MAX;
    default:
        return event->kind == TT_EVENT_WALL || event->kind == TT_EVENT_KEY;
    }
}

static bool is_index_sound(int64_t index)
{
    return index == INT64_MIN || (index > -INDEX_MAX && index < INDEX_MAX);
}

static bool is_shown_sound(const struct tt_edit_shown *shown)
{
    return shown->origin_ns > -TIME_MAX && shown->origin_ns < TIME_MAX && shown->duration_ns >= 0 &&
           shown->duration_ns < TIME_MAX;
}

static bool is_carry_sound(const struct node *node, const struct tt_edit_carry *carry)
{
    bool is_sound = carry->size == sizeof(*carry) && carry->post_count <= TT_EDIT_POSTS &&
                    carry->level <= node->own_plan.request->level_count &&
                    is_index_sound(carry->index) && carry->usual_ns >= 0 &&
                    carry->usual_ns < TIME_MAX;

    for (uint32_t n = 0; n < TT_PORTS_MAX && is_sound; n++)
        is_sound = is_index_sound(carry->next_index[n]) && is_index_sound(carry->last_index[n]) &&
                   is_index_sound(carry->shown_index[n]) && is_shown_sound(&carry->shown[n]);
    for (uint32_t n = 0; is_sound && n < carry->post_count; n++)
        is_sound = is_event_sound(node, &carry->posts[n].event);
    return is_sound;
}

int tt_edit_begin(struct tt_engine *engine, const struct tt_edit_carry *carry, struct tt_error *err)
{
    struct edit *edit = engine->edit;
    struct node *node = &engine->nodes[edit->node];
    const struct tt_node_plan *plan = node->plan;
    int r = 0;

    tt_assert(edit->kind == TT_EDIT_IN);
    tt_assert(tt_edit_look(engine, NULL) == TT_EDIT_ADDED);
    if (carry && !is_carry_sound(node, carry))
        return tt_fail(err, -EINVAL, "what came along with '%s' is not sound", plan->name);
    engine_host(node, &engine->hosts[node->number]);
    if (plan->component->open)
        r = plan->component->open(plan->state, plan->scratch, &engine->hosts[node->number],
                                  plan->request);
    if (r < 0)
        return tt_fail(err, r, "'%s' cannot be opened", plan->name);
    edit->has_carry = carry != NULL;
    if (carry)
        edit->begin = *carry;
    give_order(engine, ORDER_BEGIN);
    return 0;
}

/* --- looking --- */

enum tt_edit_state tt_edit_look(const struct tt_engine *engine, struct tt_edit_report *ret)
{
    const struct edit *edit = engine->edit;
    enum tt_edit_state state = edit ? __atomic_load_n(&edit->word, __ATOMIC_ACQUIRE) : TT_EDIT_NONE;

    if (!ret)
        return state;
    *ret = (struct tt_edit_report){.state = state};
    if (state == TT_EDIT_REFUSED)
        ret->reason = edit->reason;
    if (state >= TT_EDIT_ADDED)
        ret->from = edit->from;
    if (state >= TT_EDIT_CUT)
        ret->carry = edit->carry;
    return state;
}

uint32_t tt_edit_calls(const struct tt_engine *engine, uint32_t number)
{
    return __atomic_load_n(&engine->nodes[number].calls, __ATOMIC_ACQUIRE);
}

const uint32_t *tt_edit_word(const struct tt_engine *engine)
{
    return &engine->edit->word;
}

void tt_edit_room(const struct tt_engine *engine, uint32_t *ret_nodes, uint32_t *ret_flows)
{
    const struct edit *edit = engine->edit;

    *ret_nodes = *ret_flows = 0;
    for (uint32_t n = edit ? edit->first_node : engine->params.node_count;
         n < engine->params.node_count; n++)
        *ret_nodes += engine->nodes[n].kind == KIND_UNUSED;
    for (uint32_t n = edit ? edit->first_flow : engine->params.flow_count;
         n < engine->params.flow_count; n++)
        *ret_flows += !engine_is_used(&engine->flows[n]);
}
