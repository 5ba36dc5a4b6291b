/* Taking the worker from a component that is over its budget: the job word, the standby's taking
 * over, and what becomes of the component's activation when it returns after all.
 *
 * A call into a component is the worker's while its job word says RUN or HOST. The budget's handler
 * turns RUN into STOLEN and asks the port for the standby, which turns STOLEN into TAKEN and is the
 * worker from then on: the engine's structures are whole, for the component was in code of its own.
 * What the component holds (frames, its record, its place in the engine) stays its own until it is
 * back; then its thread leaves the result, touches nothing else, and waits to be the next standby.
 */
#include "core/inside.h"

#define GIVE_UP_NS 500000000 /* for a component that is away when its End comes */

void engine_job_begin(struct running *running)
{
    __atomic_store_n(&running->job, JOB_RUN, __ATOMIC_RELEASE);
}

/* False: the caller is no worker any more. */
bool engine_job_end(struct tt_engine *engine, struct running *running, int result)
{
    uint32_t expected = JOB_RUN;

    if (__atomic_compare_exchange_n(&running->job, &expected, JOB_NONE, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_ACQUIRE))
        return true;
    tt_assert(expected == JOB_STOLEN || expected == JOB_TAKEN);
    running->result = result;
    running->end_cpu_ns = engine->ops->cpu_now(engine->world);
    __atomic_store_n(&running->is_back, 1, __ATOMIC_RELEASE);
    return false;
}

/* Does anything come to a sink by another way than through it? Where nothing does, nobody gains by
 * its loss of the worker, and its own frames would only be later. */
bool engine_has_others(const struct tt_engine *engine, const struct node *hog)
{
    uint64_t gets[TT_NODES_MAX / 64] = {0}; /* frames that came not through it */

    for (uint32_t k = 0; k < engine->order_count; k++) {
        uint32_t n = engine->order[k];
        const struct node *node = &engine->nodes[n];
        bool is_fed = node->in_count == 0;

        for (uint32_t m = 0; m < node->in_count && !is_fed; m++) {
            uint32_t from = node->in[m] == NONE ? NONE : engine->flows[node->in[m]].plan->from_node;

            is_fed = from != NONE && (gets[from / 64] >> (from % 64) & 1);
        }
        if (!is_fed || node == hog)
            continue;
        if (node->sinks)
            return true;
        gets[n / 64] |= (uint64_t)1 << (n % 64);
    }
    return false;
}

/* In the handler: does anybody want the worker by now? The engine's structures are whole. */
bool engine_is_awaited(const struct tt_engine *engine, int64_t now_ns)
{
    if (engine->ready.count > 0)
        return true;
    if (engine->timers.count > 0 && engine->timers.key[engine->timers.nodes[0]] <= now_ns)
        return true;
    return engine->ops->bell(engine->world) != engine->seen_bell;
}

/* In the handler, on the worker. The one who was away may have come back and wait already. */
bool engine_steal(struct tt_engine *engine, struct running *running)
{
    uint32_t expected = JOB_RUN;

    if (!engine->ops->hand_over ||
        (engine->away && !__atomic_load_n(&engine->away->is_back, __ATOMIC_ACQUIRE)))
        return false;
    if (!__atomic_compare_exchange_n(&running->job, &expected, JOB_STOLEN, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE))
        return false;
    if (engine->ops->hand_over(engine->world))
        return true;
    expected = JOB_STOLEN;
    return !__atomic_compare_exchange_n(&running->job, &expected, JOB_RUN, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE);
}

bool engine_host_begin(struct node *node)
{
    uint32_t expected = JOB_RUN;

    if (!node->running || __atomic_compare_exchange_n(&node->running->job, &expected, JOB_HOST,
                                                      false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return true;
    return expected != JOB_STOLEN && expected != JOB_TAKEN;
}

void engine_host_end(struct node *node)
{
    uint32_t expected = JOB_HOST;

    if (node->running)
        (void)__atomic_compare_exchange_n(&node->running->job, &expected, JOB_RUN, false,
                                          __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

static void record(struct tt_engine *engine, const struct running *hog, uint32_t note,
                   int64_t value)
{
    struct tt_record record = {.kind = TT_RECORD_NOTE,
                               .component = (uint16_t)hog->node->plan->ledger_component,
                               .index = hog->decision.index,
                               .origin_ns = hog->decision.origin_ns,
                               .due_ns = note,
                               .value = value};

    engine_record(engine, &record);
}

/* What it reads must stay what it is, also where a join shows newer frames meanwhile. */
static void own_inputs(struct tt_engine *engine, struct running *hog)
{
    for (uint32_t n = 0; n < hog->node->in_count; n++) {
        struct input *input = &hog->in[n];

        if (!input->is_there || input->is_owned || input->entry.handle == TT_NO_FRAME)
            continue;
        engine_ref(engine, input->entry.handle);
        input->is_owned = true;
    }
}

static void let_go(struct tt_engine *engine, struct running *hog)
{
    struct node *node = hog->node;
    uint32_t left = 0;

    for (uint32_t n = 0; n < node->kept_count; n++)
        if (node->kept[n].is_dropped)
            engine_unref(engine, node->kept[n].handle);
        else
            node->kept[left++] = node->kept[n];
    node->kept_count = left;
}

/* Pictures were left out: a decoder goes on where a frame stands by itself, and who reads what an
 * encoder makes needs such a frame. */
static void resync(struct tt_engine *engine, struct node *node)
{
    struct box *box = &node->box;

    for (uint32_t n = 0; n < node->in_count; n++)
        if (node->in[n] != NONE && engine->flows[node->in[n]].plan->format->kind == TT_CODED_VIDEO)
            node->is_resyncing = true;
    for (uint32_t n = 0; n < node->out_count; n++)
        if (node->out[n] != NONE &&
            engine->flows[node->out[n]].plan->format->kind == TT_CODED_VIDEO &&
            box->waiting_count < BOX) {
            box->waiting[box->waiting_count++] =
                (struct post){.event = {.kind = TT_EVENT_KEY}, .index = INT64_MIN};
            return;
        }
}

/* Of a policy that skips: what came while it was away, and then up to a frame that it can begin
 * with. */
bool engine_is_refused(struct node *node, const struct flow *flow, const struct entry *entry)
{
    bool is_lead = flow->plan->format->kind == TT_CODED_VIDEO;

    if (flow->is_still)
        return false;
    if (node->is_away)
        return true;
    if (node->is_resyncing && is_lead && (entry->flags & TT_KEY))
        node->is_resyncing = false;
    return node->is_resyncing && is_lead;
}

/* The rest of the activation, by the worker that there is now. */
static void come_back(struct tt_engine *engine)
{
    struct running *hog = engine->away, *own = engine->running;
    struct node *node = hog->node;

    record(engine, hog, TT_NOTE_BACK, engine->now_ns - node->away_since_ns);
    engine->holds[engine->hold_next++ % HOLDS] = (struct hold){
        .from_ns = node->away_since_ns, .to_ns = engine->now_ns, .node = node, .is_away = true};
    engine->away = NULL;
    node->is_away = node->is_halted = false;
    node->give_up_ns = 0;
    engine->running = hog;
    let_go(engine, hog);
    engine_cost_back(engine, hog);
    engine_end_stolen(engine, hog);
    if (node->plan->overrun == TT_OVERRUN_SKIP && !node->is_ended)
        resync(engine, node);
    engine->running = own;
    hog->node = NULL;
    __atomic_store_n(&hog->is_back, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&hog->job, JOB_NONE, __ATOMIC_RELEASE);
    engine_dirty(engine, node->number);
}

static struct running *find_stolen(struct tt_engine *engine)
{
    for (uint32_t n = 0; n < 2; n++) {
        uint32_t expected = JOB_STOLEN;

        if (__atomic_compare_exchange_n(&engine->runnings[n].job, &expected, JOB_TAKEN, false,
                                        __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
            return &engine->runnings[n];
    }
    return NULL;
}

bool tt_engine_take_over(struct tt_engine *engine)
{
    struct running *hog = find_stolen(engine);
    struct node *node;
    uint64_t *handoffs;

    if (!hog)
        return false;
    engine->now_ns = engine->ops->now(engine->world);
    if (engine->away)
        come_back(engine);
    node = hog->node;
    handoffs = &engine->stats->nodes[node->number].handoffs;
    __atomic_store_n(handoffs, *handoffs + 1, __ATOMIC_RELAXED);
    engine->away = hog;
    engine->running = hog == &engine->runnings[0] ? &engine->runnings[1] : &engine->runnings[0];
    node->is_away = node->is_halted = true;
    node->away_since_ns = engine->now_ns;
    own_inputs(engine, hog);
    engine_cost_take_over(engine, hog);
    record(engine, hog, TT_NOTE_HANDOFF, engine->now_ns - hog->exhausted_ns);
    engine_dirty(engine, node->number);
    engine->is_now_fresh = true;
    return true;
}

void tt_engine_stand_by(struct tt_engine *engine)
{
    while (engine->ops->stand_by(engine->world))
        if (tt_engine_take_over(engine) && engine_work(engine))
            return;
}

/* Has all come that its component would be called for? */
static bool has_end_come(const struct tt_engine *engine, const struct node *node)
{
    bool has_moving = false;

    for (uint32_t n = 0; n < node->in_count; n++) {
        const struct flow *flow = node->in[n] == NONE ? NULL : &engine->flows[node->in[n]];

        if (!flow || flow->is_still)
            continue;
        has_moving = true;
        if (!flow->has_ended)
            return false;
    }
    return has_moving || engine_is_stopping(engine) ||
           engine_media(engine, engine->now_ns) >= engine->params.end_ns;
}

static int64_t end_of(const struct tt_engine *engine, const struct node *node)
{
    int64_t end_ns = engine_media(engine, engine->now_ns);

    for (uint32_t n = 0; n < node->in_count; n++)
        if (node->in[n] != NONE && !engine->flows[node->in[n]].is_still)
            return engine->flows[node->in[n]].end_ns;
    return end_ns < engine->params.end_ns ? end_ns : engine->params.end_ns;
}

/* Each turn while somebody is away: the time to look again, or NEVER. */
int64_t engine_look_after(struct tt_engine *engine)
{
    struct running *hog = engine->away;
    struct node *node;

    tt_assert(hog);
    if (__atomic_load_n(&hog->is_back, __ATOMIC_ACQUIRE)) {
        come_back(engine);
        return NEVER;
    }
    node = hog->node;
    if (engine->now_ns >= hog->job_stop_ns)
        __atomic_store_n(&hog->call.stop, 1, __ATOMIC_RELAXED);
    if (node->is_ended)
        return NEVER;
    if (node->give_up_ns == 0 && has_end_come(engine, node))
        node->give_up_ns = engine->now_ns + GIVE_UP_NS;
    if (node->give_up_ns != 0 && engine->now_ns >= node->give_up_ns) {
        engine_finish(engine, node, end_of(engine, node));
        return NEVER;
    }
    if (node->give_up_ns != 0)
        return node->give_up_ns;
    return engine->now_ns < hog->job_stop_ns ? hog->job_stop_ns : NEVER;
}
