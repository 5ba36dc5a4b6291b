/* Degrading of an engine's components: frames in, levels out. */
#include "core/degrade.h"

#include "core/inside.h"

enum { SINKS = 64 /* sink inputs that are listened to */ };

struct degrade {
    struct tt_level level;
    struct {
        const struct node *node;
        int64_t period_ns;
    } sinks[SINKS];
    uint8_t told[TT_NODES_MAX]; /* the level that a component's last event said */
    bool is_behind;             /* somebody's box was full */
    uint32_t now;               /* atomic: the level */
    uint32_t asked;             /* atomic: 1 + the level that is asked for; 0: none */
    uint32_t answer;            /* atomic: 2 (1 + level) + is_admitted; 0: none */
};

static uint32_t own_level(const struct node *node, uint32_t level)
{
    uint32_t most = node->plan->request->level_count;

    return level < most ? level : most;
}

static bool has_levels(const struct node *node)
{
    return node->kind < KIND_INLET && node->plan->request->level_count > 0;
}

/* Behind what waits already, at the next activation. */
static bool tell(struct node *node, uint32_t level)
{
    struct box *box = &node->box;

    if (box->waiting_count == BOX)
        return false;
    box->waiting[box->waiting_count++] =
        (struct post){.event = {.kind = TT_EVENT_LEVEL, .i = level}, .index = INT64_MIN};
    return true;
}

static void tell_all(struct tt_engine *engine)
{
    struct degrade *degrade = engine->degrade;

    degrade->is_behind = false;
    for (uint32_t n = 0; n < engine->params.node_count; n++) {
        struct node *node = &engine->nodes[n];
        uint32_t level;

        if (!has_levels(node))
            continue;
        level = own_level(node, degrade->level.level);
        if (degrade->told[n] == level)
            continue;
        if (tell(node, level))
            degrade->told[n] = (uint8_t)level;
        else
            degrade->is_behind = true;
    }
}

static void perform(struct tt_engine *engine, const struct tt_level_actions *actions)
{
    struct degrade *degrade = engine->degrade;

    if (actions->is_asking)
        __atomic_store_n(&degrade->asked, actions->asked + 1, __ATOMIC_RELEASE);
    if (actions->why == TT_LEVEL_STAYS && !degrade->is_behind)
        return;
    __atomic_store_n(&degrade->now, actions->level, __ATOMIC_RELEASE);
    tell_all(engine);
}

static void step(struct tt_engine *engine, const struct tt_level_event *event)
{
    struct tt_level_actions actions;

    tt_level_step(&engine->degrade->level, event, &actions);
    perform(engine, &actions);
}

static void hear_answer(struct tt_engine *engine)
{
    uint32_t answer = __atomic_exchange_n(&engine->degrade->answer, 0, __ATOMIC_ACQUIRE);

    if (answer != 0)
        step(engine, &(struct tt_level_event){.kind = TT_LEVEL_ANSWER,
                                              .now_ns = engine->now_ns,
                                              .level = answer / 2 - 1,
                                              .is_admitted = (answer & 1) != 0});
}

/* What the edges brought late is nothing that a level could make up for. */
static int64_t brought_late_ns(const struct tt_engine *engine, const struct node *sink,
                               int64_t origin_ns, int64_t period_ns)
{
    int64_t most_ns = 0;

    for (uint32_t n = 0; n < engine->params.node_count; n++) {
        const struct node *node = &engine->nodes[n];

        for (uint32_t k = 0; node->kind == KIND_INLET && engine_is_ancestor(sink, n) && k < HISTORY;
             k++) {
            const struct hop *hop = &node->history[k];
            int64_t late_ns = hop->ready_ns - hop->start_ns;

            if (hop->is_set && hop->start_ns != NEVER && late_ns > most_ns &&
                hop->origin_ns > origin_ns - period_ns && hop->origin_ns < origin_ns + period_ns)
                most_ns = late_ns;
        }
    }
    return most_ns;
}

void engine_degrade(struct tt_engine *engine, const struct tt_record *record)
{
    struct degrade *degrade = engine->degrade;
    struct tt_level_event event = {.kind = TT_LEVEL_FRAME,
                                   .now_ns = engine->now_ns,
                                   .index = record->index,
                                   .room_ns = record->due_ns - record->origin_ns};
    const struct node *node;

    if (record->kind != TT_RECORD_FRAME || record->sink >= SINKS ||
        !degrade->sinks[record->sink].node)
        return;
    hear_answer(engine);
    event.sink = record->sink;
    event.period_ns = degrade->sinks[record->sink].period_ns;
    if (record->outcome == TT_LOST_FRAME) {
        event.kind = TT_LEVEL_LOST;
        if (record->cause == TT_CAUSE_WORKER || record->cause == TT_CAUSE_BUDGET)
            step(engine, &event);
        return;
    }
    node = degrade->sinks[record->sink].node;
    event.slack_ns =
        record->slack_ns + brought_late_ns(engine, node, record->origin_ns, event.period_ns);
    if (event.slack_ns > event.room_ns)
        event.slack_ns = event.room_ns;
    step(engine, &event);
}

/* Runs where the event reaches its component. */
void engine_take_level(struct tt_engine *engine, struct node *node, const struct tt_event *event)
{
    const struct decision *d = &engine->running->decision;
    struct tt_record record = {.kind = TT_RECORD_NOTE,
                               .component = (uint16_t)node->plan->ledger_component,
                               .index = d->index,
                               .origin_ns = d->origin_ns,
                               .due_ns = TT_NOTE_DEGRADE,
                               .value = event->i};

    node->level = (uint32_t)event->i;
    engine_record(engine, &record);
}

static void listen(struct tt_engine *engine, const struct node *node)
{
    for (uint32_t n = 0; node->sinks && n < node->in_count; n++) {
        const struct flow *flow = node->in[n] == NONE ? NULL : &engine->flows[node->in[n]];
        uint32_t place = (uint32_t)node->plan->sink + n;

        if (!flow || flow->is_still || node->plan->sink < 0 || place >= SINKS)
            continue;
        engine->degrade->sinks[place].node = node;
        engine->degrade->sinks[place].period_ns = flow->period_ns;
    }
}

int tt_engine_degrade(struct tt_engine *engine, const struct tt_level_params *params)
{
    struct degrade *degrade = engine->ops->map(engine->world, sizeof(*degrade));

    tt_assert(!engine->has_begun);
    if (!degrade)
        return -ENOMEM;
    tt_level_init(&degrade->level, params);
    degrade->now = params->first;
    engine->degrade = degrade;
    for (uint32_t n = 0; n < engine->params.node_count; n++) {
        listen(engine, &engine->nodes[n]);
        if (has_levels(&engine->nodes[n]))
            degrade->told[n] = (uint8_t)engine->nodes[n].level;
    }
    tell_all(engine); /* who begins at another level than its request says */
    return 0;
}

/* The deepest level of what runs here. */
static uint32_t floor_here(const struct tt_engine *engine)
{
    uint32_t most = 0;

    for (uint32_t n = 0; n < engine->params.node_count; n++) {
        const struct node *node = &engine->nodes[n];

        if (has_levels(node) && !node->is_ended && node->plan->request->level_count > most)
            most = node->plan->request->level_count;
    }
    return most;
}

static void settle(struct tt_engine *engine, uint32_t least)
{
    struct tt_level_actions actions;

    tt_level_settle(&engine->degrade->level, floor_here(engine), least, engine->now_ns, &actions);
    perform(engine, &actions);
}

/* The level that it is at, or that waits for it. */
static uint32_t level_told(const struct node *node)
{
    uint32_t level = node->level;

    for (uint32_t n = 0; n < node->box.waiting_count; n++)
        if (node->box.waiting[n].event.kind == TT_EVENT_LEVEL)
            level = (uint32_t)node->box.waiting[n].event.i;
    return level;
}

/* Its new worker was asked for room for no less than that. What others here are at is deep enough
 * for it, too. */
void engine_degrade_join(struct tt_engine *engine, const struct node *node, uint32_t least)
{
    if (!engine->degrade || !has_levels(node))
        return;
    engine->degrade->told[node->number] = (uint8_t)level_told(node);
    settle(engine, least);
    tell_all(engine);
}

void engine_degrade_left(struct tt_engine *engine)
{
    if (engine->degrade)
        settle(engine, 0);
}

uint32_t tt_engine_level(const struct tt_engine *engine)
{
    return engine->degrade ? __atomic_load_n(&engine->degrade->now, __ATOMIC_ACQUIRE) : 0;
}

bool tt_engine_level_asked(struct tt_engine *engine, uint32_t *ret)
{
    uint32_t asked =
        engine->degrade ? __atomic_exchange_n(&engine->degrade->asked, 0, __ATOMIC_ACQUIRE) : 0;

    if (asked == 0)
        return false;
    *ret = asked - 1;
    return true;
}

void tt_engine_level_answer(struct tt_engine *engine, uint32_t level, bool is_admitted)
{
    if (engine->degrade)
        __atomic_store_n(&engine->degrade->answer, 2 * (1 + level) + is_admitted, __ATOMIC_RELEASE);
}
