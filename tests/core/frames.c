/* Frames as components see them: written in place where nobody else looks, marked when late, of a
 * format that changes; and calls that are asked to return. */
#include "graph.h"

#include "tactus/format.h"

static struct graph g;

enum { DEPTH = 8 };

/* source -> add -> sink, and what `more` puts beside it before the graph is opened. */
static struct fake *run_add(uint32_t mode, void (*more)(uint32_t source, uint32_t add))
{
    uint32_t source, add, sink;

    graph_init(&g, 1);
    g.params.mode = mode;
    graph_chain(&g, FAKE_ADD, (uint32_t *[]){&source, &add, &sink});
    if (more)
        more(source, add);
    graph_open(&g);
    graph_begin(&g, 0);
    graph_run(&g);
    for (uint32_t n = 0; n < 10; n++) /* graph.c looks at every input of every node, too */
        CHECK_INT(g.fakes[sink]->log[n].value, ADDED + n);
    return g.fakes[add];
}

static void an_output_takes_its_inputs_frame(void)
{
    CHECK_INT(run_add(TT_MODE_LIVE, NULL)->in_place_count, 10);
    graph_close(&g);
    CHECK_INT(run_add(TT_MODE_ASAP, NULL)->in_place_count, 10);
    graph_close(&g);
}

static void add_reader(uint32_t source, uint32_t add)
{
    graph_flow(&g, source, 0, graph_node(&g, FAKE_SINK), 0);
    (void)add;
}

/* The second consumer reads after the first has run: whoever is last may write, nobody else. */
static void a_frame_with_two_consumers_is_not_written(void)
{
    CHECK(run_add(TT_MODE_LIVE, add_reader)->in_place_count < 10);
    for (uint32_t n = 0; n < 10; n++)
        CHECK_INT(g.fakes[3]->log[n].value, n);
    graph_close(&g);
}

static void make_output_wide(uint32_t source, uint32_t add)
{
    g.pools[0].class_count = 2;
    g.pools[0].classes[0].slot_count = g.pools[0].classes[1].slot_count = 16;
    g.pools[0].classes[1].slot_bytes = 8192;
    g.pools[0].classes[1].offset = 16 * 4096;
    g.pools[0].slot_count = 32;
    g.shapes[add].bytes_max[0] = 5000;
    g.class_of[add * TT_PORTS_MAX] = 1;
    (void)source;
}

static void a_frame_that_is_too_small_is_not_written(void)
{
    CHECK_INT(run_add(TT_MODE_LIVE, make_output_wide)->in_place_count, 0);
    graph_close(&g);
}

static void add_keeper(uint32_t source, uint32_t add)
{
    g.ports[add][0].hold_max = 1; /* who may keep its input does not write over it */
    (void)source;
}

static void a_frame_that_may_be_kept_is_not_written(void)
{
    CHECK_INT(run_add(TT_MODE_LIVE, add_keeper)->in_place_count, 0);
    graph_close(&g);
}

/* A leader with `repeat` shows its last frame again: that must be as it came. */
static void a_frame_that_is_shown_again_is_not_written(void)
{
    uint32_t a, b, join, sink;

    graph_init(&g, 2);
    a = graph_node(&g, FAKE_SOURCE);
    b = graph_node(&g, FAKE_SOURCE);
    join = graph_node(&g, FAKE_ADD);
    g.ports[join][0].is_leader = 1;
    sink = graph_node(&g, FAKE_SINK);
    graph_flow(&g, a, 0, join, 0)->late_policy = TT_LATE_REPEAT;
    graph_flow(&g, b, 0, join, 1);
    graph_flow(&g, join, 0, sink, 0);
    g.fakes[a]->skip_every = 4;
    graph_open(&g);
    graph_begin(&g, 0);
    graph_run(&g);
    CHECK_INT(g.fakes[join]->in_place_count, 0);
    for (uint32_t n = 0; n < 10; n++)
        CHECK_INT(g.fakes[sink]->log[n].value, ADDED + n - (n % 4 == 3));
    graph_close(&g);
}

/* The memory of another process is not ours to write, and is mapped read-only. */
static void a_foreign_frame_is_not_written(void)
{
    uint64_t bytes = (tt_link_bytes(DEPTH) + 63) & ~(uint64_t)63;
    void *memory = aligned_alloc(64, bytes), *ends[2];
    struct tt_link *writer;
    uint32_t inlet, add, sink;

    memset(memory, 0, bytes);
    for (uint32_t n = 0; n < 2; n++)
        ends[n] = malloc(tt_link_end_bytes());
    writer = tt_link_writer(ends[0], memory, DEPTH);
    graph_init(&g, 3);
    inlet = graph_end_of_link(&g, TT_NODE_INLET, tt_link_reader(ends[1], memory, DEPTH), 1);
    add = graph_node(&g, FAKE_ADD);
    sink = graph_node(&g, FAKE_SINK);
    graph_flow(&g, inlet, 0, add, 0);
    graph_flow(&g, add, 0, sink, 0);
    for (int64_t n = 0; n < 5; n++) {
        struct tt_link_slot slot = {
            .index = n, .origin_ns = n * 10 * MS, .pool = 1, .slot = (uint32_t)n, .bytes = 8};

        *(int64_t *)(void *)(g.pools[1].memory + n * 4096) = n;
        CHECK(tt_link_put(writer, &slot));
    }
    graph_open(&g);
    graph_begin(&g, 0);
    graph_run(&g);
    CHECK_INT(g.fakes[sink]->log_count, 5);
    CHECK_INT(g.fakes[add]->in_place_count, 0);
    for (int64_t n = 0; n < 5; n++)
        CHECK_INT(*(int64_t *)(void *)(g.pools[1].memory + n * 4096), n);
    graph_close(&g);
    free(memory);
    free(ends[0]);
    free(ends[1]);
}

static void a_hop_names_its_media_origin(void)
{
    uint32_t hops = 0;

    (void)run_add(TT_MODE_LIVE, NULL);
    for (uint32_t n = 0; n < g.record_count; n++) {
        if (g.records[n].kind != TT_RECORD_HOP)
            continue;
        CHECK_INT(g.records[n].value, g.records[n].index * 10 * MS);
        hops++;
    }
    CHECK_INT(hops, 30);
    graph_close(&g);
}

/* The worker is away for two periods and a deadline: what a sink then gets is marked. */
static void a_late_frame_says_so(void)
{
    uint32_t source, sink, late = 0;

    graph_init(&g, 4);
    source = graph_node(&g, FAKE_SOURCE);
    sink = graph_node(&g, FAKE_SINK);
    graph_flow(&g, source, 0, sink, 0);
    g.nodes[source].due_offset_ns = 60 * MS; /* it does not give up what is late */
    graph_open(&g);
    graph_begin(&g, 0);
    CHECK(!graph_run_until(&g, 35 * MS));
    tt_sim_spend(g.sim, 30 * MS);
    graph_run(&g);
    for (uint32_t n = 0; n < g.fakes[sink]->log_count; n++) {
        const struct fake_log *log = &g.fakes[sink]->log[n];
        bool is_late = false;

        for (uint32_t m = 0; m < g.record_count; m++)
            if (g.records[m].kind == TT_RECORD_FRAME && g.records[m].index == log->index)
                is_late = g.records[m].outcome == TT_LATE_FRAME;
        if (log->flags & TT_LATE)
            CHECK(is_late); /* the record is of the call's end, the flag of its beginning */
        late += (log->flags & TT_LATE) != 0;
    }
    CHECK(late > 0);
    CHECK(late < g.fakes[sink]->log_count);
    graph_close(&g);
}

static void take_long_once(void *argument)
{
    struct fake *fake = argument;

    if (fake->activations == 4)
        tt_sim_spend(g.sim, 30 * MS);
}

/* What one input of a join comes through takes longer than the deadline, once: just that input's
 * frame came late, though the join runs late for both. */
static void a_joins_late_input_says_so(void)
{
    uint32_t a, b, slow, join, sink, late[2] = {0, 0};

    graph_init(&g, 5);
    a = graph_node(&g, FAKE_SOURCE);
    b = graph_node(&g, FAKE_SOURCE);
    slow = graph_node(&g, FAKE_PASS);
    join = graph_node(&g, FAKE_LED);
    sink = graph_node(&g, FAKE_SINK);
    graph_flow(&g, a, 0, join, 0)->depth = 16;
    graph_flow(&g, b, 0, slow, 0);
    graph_flow(&g, slow, 0, join, 1);
    graph_flow(&g, join, 0, sink, 0);
    g.fakes[slow]->hook = take_long_once;
    graph_open(&g);
    graph_begin(&g, 0);
    graph_run(&g);
    for (uint32_t n = 0; n < g.fakes[join]->log_count; n++)
        late[g.fakes[join]->log[n].input] += (g.fakes[join]->log[n].flags & TT_LATE) != 0;
    CHECK_INT(late[0], 0);
    CHECK_INT(late[1], 1);
    graph_close(&g);
}

static const volatile uint32_t *stop_word;
static uint32_t stops_seen, calls;

/* Polls as a component with a long loop does, for at most five seconds. */
static int poll_stop(void *state, struct tt_call *call)
{
    struct fake *fake = state;

    stop_word = &call->stop;
    calls++;
    for (uint32_t n = 0; call->index == 3 && *stop_word == 0 && n < 5000; n++)
        tt_sim_spend(fake->graph->sim, MS);
    stops_seen += *stop_word != 0;
    return TT_DONE;
}

static uint32_t run_hanging(int64_t budget_ns, int64_t watchdog_ns)
{
    uint32_t source, sink;

    graph_init(&g, 6);
    stops_seen = calls = 0;
    source = graph_node(&g, FAKE_SOURCE);
    sink = graph_node(&g, FAKE_SINK);
    graph_flow(&g, source, 0, sink, 0);
    g.components[sink].process = poll_stop;
    g.nodes[sink].budget_ns = budget_ns;
    g.params.watchdog_ns = watchdog_ns;
    graph_open(&g);
    graph_begin(&g, 0);
    graph_run(&g);
    return g.stats->nodes[sink].overruns;
}

static void who_hangs_is_asked_to_return(void)
{
    CHECK_INT(run_hanging(0, 1000 * MS), 0); /* without a budget there is nothing to overrun */
    CHECK_INT(stops_seen, 1);
    CHECK(tt_sim_now(g.sim) < g.epoch_ns + 700 * MS);
    CHECK(tt_sim_now(g.sim) > g.epoch_ns + 500 * MS);
    graph_close(&g);

    CHECK_INT(run_hanging(30 * MS, 1000 * MS), 1);
    CHECK_INT(stops_seen, 1);
    CHECK(tt_sim_now(g.sim) < g.epoch_ns + 250 * MS);
    CHECK(tt_sim_now(g.sim) > g.epoch_ns + 150 * MS);
    graph_close(&g);

    CHECK_INT(run_hanging(0, 0), 0); /* nobody watches */
    CHECK_INT(stops_seen, 0);
    graph_close(&g);
}

static int stop_twice(void *state, struct tt_call *call)
{
    tt_engine_stop(g.engine);
    CHECK_INT(call->stop, 0);
    tt_engine_stop(g.engine);
    CHECK_INT(call->stop, 1);
    (void)state;
    return TT_DONE;
}

static void a_second_stop_reaches_who_runs(void)
{
    uint32_t source, sink;

    graph_init(&g, 7);
    source = graph_node(&g, FAKE_SOURCE);
    sink = graph_node(&g, FAKE_SINK);
    graph_flow(&g, source, 0, sink, 0);
    g.components[sink].process = stop_twice;
    graph_open(&g);
    graph_begin(&g, 0);
    graph_run(&g);
    CHECK_INT(graph_check_sink(&g, 0, 0, TT_ON_TIME), 1);
    graph_close(&g);
}

/* From index 4 to 7 the source gives pictures of another size, said by the epoch of their format.
 */
static int change_format(void *state, struct tt_call *call)
{
    struct tt_frame *out = tt_call_out(call, 0);
    bool is_other = call->index >= 4 && call->index < 8;

    *(int64_t *)tt_frame_data(out) = call->index;
    out->format_id = is_other;
    out->bytes = is_other ? 64 : tt_format_video(&(struct tt_format){0}, TT_I420, 16, 16);
    (void)state;
    return TT_DONE;
}

static void make_pictures(uint32_t flow)
{
    struct tt_format *format = graph_format(&g, flow);

    CHECK(tt_format_video(format, TT_I420, 16, 16) > 64);
    format->fourcc = TT_I420;
    format->width = format->height = 16;
}

/* The sink is fed straight, or by a join that shows its last good picture. */
static uint32_t run_changing(bool is_joined, uint32_t policy)
{
    uint32_t source, other, join, sink, formats = 0;

    graph_init(&g, 8);
    source = graph_node(&g, FAKE_SOURCE);
    other = graph_node(&g, FAKE_SOURCE);
    join = graph_node(&g, FAKE_LED);
    sink = graph_node(&g, FAKE_SINK);
    g.components[source].process = change_format;
    g.shapes[source].bytes_max[0] = 4096;
    graph_flow(&g, source, 0, is_joined ? join : sink, 0)->late_policy = policy;
    make_pictures(0);
    graph_flow(&g, other, 0, join, 1);
    if (is_joined)
        graph_flow(&g, join, 0, sink, 0);
    graph_open(&g);
    graph_begin(&g, 0);
    graph_run(&g);
    for (uint32_t n = 0; n < g.record_count; n++) {
        const struct tt_record *record = &g.records[n];

        if (record->kind == TT_RECORD_FORMAT) {
            CHECK_INT(record->value, formats == 0);
            CHECK_INT(record->index, formats == 0 ? 4 : 8);
            formats++;
        }
        if (record->kind == TT_RECORD_FRAME && record->outcome == TT_LOST_FRAME)
            CHECK_INT(record->cause, TT_CAUSE_MEDIA);
    }
    return formats;
}

static void another_format_is_told_and_counted(void)
{
    CHECK_INT(run_changing(false, TT_LATE_DROP), 2);
    CHECK_INT(graph_check_sink(&g, (uint32_t)g.nodes[3].sink, 0, TT_LOST_FRAME), 4);
    CHECK_INT(g.fakes[3]->log_count, 6);
    graph_close(&g);

    CHECK_INT(run_changing(true, TT_LATE_REPEAT), 0);
    CHECK_INT(graph_check_sink(&g, 0, 0, TT_ON_TIME), 10);
    CHECK_INT(graph_count(&g, TT_RECORD_USE, 0), 4);
    for (uint32_t n = 0; n < 10; n++)
        CHECK_INT(g.fakes[3]->log[n].value, n >= 4 && n < 8 ? 3 : n);
    graph_close(&g);

    CHECK_INT(run_changing(true, TT_LATE_DROP), 0);
    CHECK_INT(graph_check_sink(&g, 0, 0, TT_LOST_FRAME), 4);
    graph_close(&g);
}

static void say_much(void *argument)
{
    struct fake *fake = argument;

    for (uint32_t n = 0; n < 1000; n++)
        CHECK((fake->host.note(fake->host.ctx, 500, n) == 0) == (n < 64));
}

/* Else it would push the records of frames out of their ring. */
static void who_says_much_is_cut_short(void)
{
    uint32_t sink;

    graph_init(&g, 1);
    (void)graph_node(&g, FAKE_SOURCE);
    sink = graph_node(&g, FAKE_SINK);
    (void)graph_flow(&g, 0, 0, sink, 0);
    graph_open(&g);
    g.fakes[sink]->hook = say_much;
    graph_begin(&g, 0);
    graph_run(&g);
    CHECK_INT(graph_count(&g, TT_RECORD_NOTE, 0), 64 * 10);
    CHECK_INT(graph_count(&g, TT_RECORD_FRAME, TT_ON_TIME), 10);
    graph_close(&g);
}

int main(void)
{
    RUN(an_output_takes_its_inputs_frame);
    RUN(a_frame_with_two_consumers_is_not_written);
    RUN(a_frame_that_is_too_small_is_not_written);
    RUN(a_frame_that_may_be_kept_is_not_written);
    RUN(a_frame_that_is_shown_again_is_not_written);
    RUN(a_foreign_frame_is_not_written);
    RUN(a_hop_names_its_media_origin);
    RUN(a_late_frame_says_so);
    RUN(a_joins_late_input_says_so);
    RUN(who_hangs_is_asked_to_return);
    RUN(a_second_stop_reaches_who_runs);
    RUN(who_says_much_is_cut_short);
    RUN(another_format_is_told_and_counted);
    return 0;
}
