/* A sandboxed component that is over its budget is ended where it is: the activation has failed,
 * and the worker goes on with the next. */
#include <setjmp.h>

#include "core/inside.h"
#include "graph.h"

enum { HOG_AT = 20, BUDGET_NS = 2 * MS, LITTLE_NS = MS / 5, DUE_NS = 20 * MS };

static struct graph g;
static uint32_t hog, sink, ended, handed_over;
static jmp_buf back;
static bool is_inside, is_host_busy, is_dear_cold;
static int64_t longest_ns, hiccup_ns, entry_ns, due_ns = DUE_NS;

/* As a port does it: the call does not return when sandboxed code runs. */
static bool end_call(void *world, const struct tt_component *component, bool is_due)
{
    (void)world;
    if (component != &g.components[hog])
        return false;
    if (!is_inside || !is_due)
        return true;
    if (is_host_busy) {
        is_host_busy = false;
        return true;
    }
    ended++;
    longjmp(back, 1);
}

/* Whoever is asked for it has lost the worker: then its notes are nobody's. */
static bool hand_over(void *world)
{
    (void)world;
    handed_over++;
    return true;
}

static int run_away(void *state, struct tt_call *call)
{
    const int64_t began_ns = tt_sim_now(g.sim);

    if (setjmp(back) != 0) {
        struct fake *fake = state;

        is_inside = false;
        (void)fake->host.note(fake->host.ctx, TT_NOTE_TRAP, 6);
        longest_ns = tt_sim_now(g.sim) - began_ns;
        return -62;
    }
    if (call->index == HOG_AT / 2)
        tt_sim_spend(g.sim, entry_ns);
    is_inside = true;
    if (is_dear_cold && (call->index == 0 || call->index == HOG_AT + 1))
        tt_sim_spend(g.sim, 3 * BUDGET_NS);
    if (call->index == HOG_AT / 2)
        tt_sim_spend(g.sim, hiccup_ns);
    for (uint32_t n = 0; call->index == HOG_AT && n < 10000; n++)
        tt_sim_spend(g.sim, MS / 10);
    is_inside = false;
    for (uint32_t n = 0; n < call->out_count; n++)
        tt_call_out(call, n)->bytes = sizeof(int64_t);
    return TT_DONE;
}

/* source ! hog ! sink 0, and beside it source ! pass ! sink 1, which waits for the worker. */
static void init(int64_t budget_ns, bool has_others)
{
    uint32_t first, last, other, pass;

    graph_init(&g, 1);
    g.params.end_ns = 2000 * MS;
    g.params.watchdog_ns = 1000 * MS;
    first = graph_node(&g, FAKE_SOURCE);
    hog = graph_node(&g, FAKE_PASS);
    last = graph_node(&g, FAKE_SINK);
    graph_flow(&g, first, 0, hog, 0)->depth = 2;
    graph_flow(&g, hog, 0, last, 0);
    if (has_others) {
        other = graph_node(&g, FAKE_SOURCE);
        pass = graph_node(&g, FAKE_PASS);
        sink = graph_node(&g, FAKE_SINK);
        graph_flow(&g, other, 0, pass, 0);
        graph_flow(&g, pass, 0, sink, 0);
    }
    g.nodes[hog].budget_ns = budget_ns;
    g.nodes[hog].due_offset_ns = due_ns;
    g.components[hog].process = run_away;
    ended = handed_over = 0;
    longest_ns = 0;
    graph_open(&g);
    g.ops.end_call = end_call;
    g.ops.hand_over = hand_over;
    graph_begin(&g, 0);
}

/* `cause`: of the frame that went with it. */
static void run(enum tt_cause cause)
{
    uint32_t lost = 0;

    while (!g.stats->is_ended)
        (void)graph_run_until(&g, (tt_sim_now(g.sim) - g.epoch_ns) + MS);
    CHECK_INT(ended, 1);
    CHECK_INT(handed_over, 0);
    CHECK_INT(g.stats->nodes[hog].failures, 1);
    for (uint32_t n = 0; n < g.record_count; n++) {
        const struct tt_record *record = &g.records[n];

        if (record->kind != TT_RECORD_FRAME || record->sink != 0 || record->index != HOG_AT)
            continue;
        CHECK_INT(record->outcome, TT_LOST_FRAME);
        CHECK_INT(record->cause, cause);
        CHECK_INT(record->component, hog);
        lost++;
    }
    CHECK_INT(lost, 1);
    CHECK(g.stats->nodes[hog].activations > HOG_AT + 2);
    tt_engine_check(g.engine);
    graph_close(&g);
}

/* With a large budget: when it has used it twice. */
static void it_is_ended_for_others(void)
{
    init(BUDGET_NS, true);
    run(TT_CAUSE_BUDGET);
    CHECK(longest_ns >= 2 * BUDGET_NS);
    CHECK(longest_ns < 3 * BUDGET_NS);
}

/* One activation that costs a little more, once, is not worth a state, however small the budget is.
 * What does not return is ended soon all the same. */
static void it_is_not_ended_for_a_hiccup(void)
{
    hiccup_ns = 5 * LITTLE_NS;
    init(LITTLE_NS, true);
    run(TT_CAUSE_BUDGET);
    CHECK(longest_ns >= LITTLE_NS + MS);
    CHECK(longest_ns < LITTLE_NS + 2 * MS);
    hiccup_ns = 0;
}

/* What prepares its call belongs to it, and is not taken from the worker for a page that was not
 * there: it would go on in its sandbox as nobody. */
static void it_is_not_handed_over_at_its_border(void)
{
    entry_ns = 3 * BUDGET_NS;
    init(BUDGET_NS, true);
    run(TT_CAUSE_BUDGET);
    entry_ns = 0;
}

/* Where frames have little time until they are due, who waits has not that time either; and where
 * they have much, what does not return is ended all the same. */
static void it_is_ended_as_its_frames_are_due(void)
{
    due_ns = DUE_NS / 5;
    init(LITTLE_NS, true);
    run(TT_CAUSE_BUDGET);
    CHECK(longest_ns >= LITTLE_NS + due_ns / 8);
    CHECK(longest_ns < LITTLE_NS + MS);
    due_ns = 100 * DUE_NS;
    init(LITTLE_NS, true);
    run(TT_CAUSE_BUDGET);
    CHECK(longest_ns < LITTLE_NS + 2 * MS);
    due_ns = DUE_NS;
}

/* The first of an instance, and of one that begins anew, touches all its memory for the first time:
 * ended for that, it would never run. */
static void it_is_not_ended_while_it_is_cold(void)
{
    init(BUDGET_NS, true);
    is_dear_cold = true;
    run(TT_CAUSE_BUDGET);
    is_dear_cold = false;
}

/* Nobody waits but its own next frame: at the time when a native one is asked to return at the
 * latest. */
static void it_is_ended_at_its_stop_time(void)
{
    init(0, false);
    run(TT_CAUSE_FAILED);
    CHECK(longest_ns >= 500 * MS);
    CHECK(longest_ns < 600 * MS);
}

/* While the engine runs for it, it is not ended but soon after. */
static void it_is_not_ended_in_its_host(void)
{
    init(0, false);
    is_host_busy = true;
    run(TT_CAUSE_FAILED);
    CHECK(!is_host_busy);
    CHECK(longest_ns < 600 * MS);
}

int main(void)
{
    RUN(it_is_ended_for_others);
    RUN(it_is_not_ended_for_a_hiccup);
    RUN(it_is_not_handed_over_at_its_border);
    RUN(it_is_ended_as_its_frames_are_due);
    RUN(it_is_not_ended_while_it_is_cold);
    RUN(it_is_ended_at_its_stop_time);
    RUN(it_is_not_ended_in_its_host);
    return 0;
}
