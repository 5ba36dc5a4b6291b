/* Who made a frame late or lost: the engine's first word, from the hops that it remembers. */
#include "core/inside.h"

void engine_drop(struct tt_engine *engine, const struct node *node, int64_t origin_ns,
                 enum tt_cause cause)
{
    engine->drops[engine->drop_next++ % DROPS] = (struct drop){
        .node = node->number, .cause = (uint8_t)cause, .is_set = true, .origin_ns = origin_ns};
}

/* When the edge was to have put this frame, monotonic: at its release, and not before raw media can
 * be there, later by what the source takes itself. NEVER: no clock asks for it. */
int64_t engine_owed(const struct tt_engine *engine, const struct node *inlet,
                    const struct tt_link_slot *slot)
{
    bool is_raw = inlet->out[0] != NONE && !engine->flows[inlet->out[0]].is_coded;
    int64_t owed_ns;

    if (!engine->is_live || inlet->rate.num <= 0 || slot->index > inlet->index_max ||
        slot->index < -inlet->index_max || slot->origin_ns > TIME_MAX ||
        slot->origin_ns < -TIME_MAX)
        return NEVER;
    if (inlet->plan->is_between)
        return engine->epoch_ns + slot->origin_ns + inlet->plan->hand_over_ns;
    owed_ns = tt_index_ns(slot->index, inlet->rate);
    if (is_raw && slot->origin_ns > owed_ns)
        owed_ns = slot->origin_ns;
    return engine->epoch_ns + owed_ns + inlet->plan->structural_ns;
}

/* What an edge has not got: the media left it out, or by the kernel's word it has not come, or came
 * when it was too late, or was there and the edge away. */
void engine_gap(struct tt_engine *engine, const struct node *inlet, const struct tt_link_slot *gap)
{
    int64_t owed_ns = engine_owed(engine, inlet, gap);
    enum tt_cause cause = gap->received_ns > owed_ns || gap->received_ns == INT64_MAX
                              ? TT_CAUSE_INPUT
                              : TT_CAUSE_EDGE;

    engine_drop(engine, inlet, gap->origin_ns, gap->received_ns == 0 ? TT_CAUSE_MEDIA : cause);
    if (gap->duration_ns > inlet->period_ns && gap->duration_ns < TIME_MAX &&
        gap->origin_ns < TIME_MAX)
        engine->drops[(engine->drop_next - 1) % DROPS].until_ns = gap->origin_ns + gap->duration_ns;
}

struct hop *engine_history(struct node *node)
{
    return &node->history[node->history_next++ % HISTORY];
}

/* Containers round presentation times: an eighth of a period either way is the same instant. */
static bool is_within(int64_t origin_ns, int64_t from_ns, int64_t period_ns)
{
    return origin_ns >= from_ns - period_ns / 8 && origin_ns < from_ns + period_ns - period_ns / 8;
}

static enum tt_cause find_drop(struct tt_engine *engine, const struct blame *blame, uint32_t *ret)
{
    for (uint32_t n = 1; n <= DROPS; n++) {
        const struct drop *drop = &engine->drops[(engine->drop_next - n) % DROPS];

        if (!drop->is_set)
            break;
        if (engine_is_ancestor(blame->sink, drop->node) &&
            (is_within(drop->origin_ns, blame->origin_ns, blame->period_ns) ||
             (blame->origin_ns >= drop->origin_ns && blame->origin_ns < drop->until_ns))) {
            *ret = engine->nodes[drop->node].plan->ledger_component;
            return drop->cause;
        }
    }
    return TT_CAUSE_NONE;
}

/* By how much a stamp, which is an edge's word, lies behind what was owed. */
static int64_t lateness(int64_t at_ns, int64_t owed_ns)
{
    at_ns = at_ns < 2 * TIME_MAX ? at_ns : 2 * TIME_MAX;
    return at_ns > owed_ns ? at_ns - owed_ns : 0;
}

/* What follows a frame that is not there, of a source that knows when the kernel had what it gives:
 * was the edge behind then? It had the media, and nowhere to put it. */
static bool is_edge_behind(const struct node *inlet, int64_t origin_ns)
{
    const struct hop *next = NULL;

    for (uint32_t n = 0; n < HISTORY; n++) {
        const struct hop *hop = &inlet->history[n];

        if (hop->is_set && hop->origin_ns > origin_ns &&
            (!next || hop->origin_ns < next->origin_ns))
            next = hop;
    }
    return next && next->received_ns != 0 && next->start_ns != NEVER &&
           next->received_ns <= next->start_ns &&
           lateness(next->ready_ns, next->start_ns) >= inlet->period_ns;
}

/* Coded frames come before their origin's time, in another order; raw ones are where they belong.
 */
static bool is_same(const struct node *node, const struct hop *hop, const struct blame *blame)
{
    bool is_raw = node->out[0] != NONE && !node->engine->flows[node->out[0]].is_coded;

    if (is_raw && node->period_ns == blame->period_ns)
        return is_within(hop->origin_ns, blame->origin_ns, blame->period_ns);
    return hop->origin_ns > blame->origin_ns - node->period_ns &&
           hop->origin_ns < blame->origin_ns + blame->period_ns;
}

/* A release that never was: given up because the worker was away, or not in the media at all. Of
 * what is longer ago than the hops that are remembered, nobody can say that it was not there. */
static enum tt_cause find_absence(const struct node *node, const struct blame *blame)
{
    int64_t newest = INT64_MIN, oldest = node->history_next > HISTORY ? INT64_MAX : INT64_MIN;

    for (uint32_t n = 0; n < HISTORY; n++)
        if (node->skips[n].to_ns > blame->origin_ns && node->skips[n].from_ns <= blame->origin_ns)
            return TT_CAUSE_WORKER;
    if (node->kind != KIND_SOURCE && node->kind != KIND_INLET)
        return TT_CAUSE_NONE;
    for (uint32_t n = 0; n < HISTORY; n++) {
        const struct hop *hop = &node->history[n];

        if (!hop->is_set)
            continue;
        if (is_same(node, hop, blame))
            return TT_CAUSE_NONE;
        newest = hop->origin_ns > newest ? hop->origin_ns : newest;
        oldest = hop->origin_ns < oldest ? hop->origin_ns : oldest;
    }
    if (newest <= blame->origin_ns || oldest > blame->origin_ns)
        return TT_CAUSE_NONE;
    if (node->plan->is_between)
        return TT_CAUSE_WORKER;
    return node->kind == KIND_INLET && is_edge_behind(node, blame->origin_ns) ? TT_CAUSE_EDGE
                                                                              : TT_CAUSE_MEDIA;
}

/* An edge that was owed a frame's lateness before it put it made it; by the kernel's word it was
 * the input that came so late. What takes its time itself is put a little later than owed, always:
 * a frame is not lost by that. */
static enum tt_cause judge_arrival(const struct node *inlet, const struct hop *hop,
                                   const struct blame *blame)
{
    int64_t least_ns = blame->late_ns > 0 ? blame->late_ns : 1;

    if (blame->is_lost && inlet->plan->structural_ns > 0 && least_ns < inlet->period_ns)
        least_ns = inlet->period_ns;
    if (hop->start_ns == NEVER)
        return TT_CAUSE_NONE;
    if (hop->received_ns != 0 && lateness(hop->received_ns, hop->start_ns) >= least_ns)
        return TT_CAUSE_INPUT;
    if (lateness(hop->ready_ns, hop->start_ns) < least_ns)
        return TT_CAUSE_NONE;
    return inlet->plan->is_between ? TT_CAUSE_WORKER : TT_CAUSE_EDGE;
}

/* A lost frame that was past its deadline before it was put: it was lost then, whatever became of
 * it in queues. */
static enum tt_cause find_hopeless(struct tt_engine *engine, const struct blame *blame,
                                   uint32_t *ret)
{
    struct blame past = *blame;

    past.late_ns = blame->sink->plan->deadline_ns;
    for (uint32_t n = 0; n < engine->params.node_count; n++) {
        const struct node *node = &engine->nodes[n];

        if (node->kind != KIND_INLET || !engine_is_ancestor(blame->sink, n))
            continue;
        for (uint32_t k = 0; k < HISTORY; k++) {
            const struct hop *hop = &node->history[k];
            enum tt_cause cause = TT_CAUSE_NONE;

            if (hop->is_set && is_within(hop->origin_ns, blame->origin_ns, blame->period_ns))
                cause = judge_arrival(node, hop, &past);
            *ret = node->plan->ledger_component;
            if (cause != TT_CAUSE_NONE)
                return cause;
        }
    }
    return TT_CAUSE_NONE;
}

static enum tt_cause judge_hop(const struct node *node, const struct hop *hop,
                               const struct blame *blame, int64_t *waited_ns)
{
    int64_t wall_ns = hop->end_ns - hop->start_ns;

    if (node->kind == KIND_INLET)
        return judge_arrival(node, hop, blame);
    *waited_ns += hop->start_ns - hop->ready_ns;
    if (hop->is_stolen)
        return TT_CAUSE_BUDGET;
    if (hop->cpu_ns < 0)
        return TT_CAUSE_NONE;
    if (node->plan->budget_ns > 0 && hop->cpu_ns > node->plan->budget_ns)
        return TT_CAUSE_BUDGET;
    return !blame->is_lost && wall_ns - hop->cpu_ns > blame->late_ns ? TT_CAUSE_WORKER
                                                                     : TT_CAUSE_NONE;
}

static enum tt_cause judge_node(const struct node *node, const struct blame *blame,
                                int64_t *waited_ns)
{
    for (uint32_t n = 0; n < HISTORY; n++) {
        const struct hop *hop = &node->history[n];
        enum tt_cause cause;

        if (!hop->is_set || !is_within(hop->origin_ns, blame->origin_ns, blame->period_ns))
            continue;
        cause = judge_hop(node, hop, blame, waited_ns);
        if (cause != TT_CAUSE_NONE)
            return cause;
    }
    return TT_CAUSE_NONE;
}

/* How long a component had the worker beyond its budget, or kept what it feeds waiting, while this
 * frame was on its way. */
static int64_t held_ns(const struct tt_engine *engine, const struct hold *hold,
                       const struct blame *blame)
{
    int64_t from_ns = engine->epoch_ns + blame->origin_ns, to_ns = hold->to_ns;

    if (to_ns == 0 || (hold->is_away && !engine_is_ancestor(blame->sink, hold->node->number)))
        return 0;
    from_ns = from_ns > hold->from_ns ? from_ns : hold->from_ns;
    to_ns = to_ns < engine->now_ns ? to_ns : engine->now_ns;
    return to_ns - from_ns;
}

/* Does this frame's way lead through a component that has not returned since? */
static bool is_behind_hog(const struct tt_engine *engine, const struct blame *blame)
{
    const struct running *hog = engine->away;

    return hog && engine_is_ancestor(blame->sink, hog->node->number) &&
           blame->origin_ns >= hog->decision.origin_ns - blame->period_ns / 8;
}

/* Waiting that a component's overrun explains is that component's. */
static enum tt_cause find_hog(const struct tt_engine *engine, const struct blame *blame,
                              enum tt_cause otherwise, uint32_t *ret)
{
    int64_t most_ns = blame->is_lost ? blame->period_ns / 2 : blame->late_ns;

    if (is_behind_hog(engine, blame)) {
        *ret = engine->away->node->plan->ledger_component;
        return TT_CAUSE_BUDGET;
    }
    for (uint32_t n = 0; n < HOLDS; n++) {
        int64_t ns = held_ns(engine, &engine->holds[n], blame);

        if (ns <= 0 || ns < most_ns)
            continue;
        most_ns = ns;
        otherwise = TT_CAUSE_BUDGET;
        *ret = engine->holds[n].node->plan->ledger_component;
    }
    return otherwise;
}

enum tt_cause engine_blame(struct tt_engine *engine, const struct blame *blame,
                           uint32_t *ret_component)
{
    enum tt_cause cause = TT_CAUSE_NONE;
    int64_t waited_ns = 0, waited_most_ns = -1;
    uint32_t waiter = blame->sink->plan->ledger_component;

    if (blame->is_lost)
        cause = find_hopeless(engine, blame, ret_component);
    if (blame->is_lost && cause == TT_CAUSE_NONE)
        cause = find_drop(engine, blame, ret_component);
    if (blame->is_lost && cause == TT_CAUSE_NONE && is_behind_hog(engine, blame))
        return find_hog(engine, blame, cause, ret_component);
    for (uint32_t k = 0; k < engine->order_count && cause == TT_CAUSE_NONE; k++) {
        uint32_t n = engine->order[k];
        const struct node *node = &engine->nodes[n];
        int64_t before_ns = waited_ns;

        if (!engine_is_ancestor(blame->sink, n))
            continue;
        *ret_component = node->plan->ledger_component;
        if (blame->is_lost)
            cause = find_absence(node, blame);
        if (cause == TT_CAUSE_NONE)
            cause = judge_node(node, blame, &waited_ns);
        if (waited_ns - before_ns > waited_most_ns) {
            waited_most_ns = waited_ns - before_ns;
            waiter = node->plan->ledger_component;
        }
    }
    if (cause == TT_CAUSE_NONE) {
        *ret_component = waiter;
        cause = !blame->is_lost && waited_ns > blame->late_ns ? TT_CAUSE_WORKER : TT_CAUSE_UNKNOWN;
    }
    if (cause != TT_CAUSE_WORKER && cause != TT_CAUSE_UNKNOWN)
        return cause;
    return find_hog(engine, blame, cause, ret_component);
}
