/* Frames through real links: an edge before the engine, an edge behind it, and what they may do. */
#include "core/inside.h"
#include "graph.h"

enum { DEPTH = 8 };

/* Both edges, played by the test. */
struct edges {
    uint8_t *memory[2];  /* the links: in, out */
    struct tt_link *in;  /* writing end of the link into the engine */
    struct tt_link *out; /* reading end of the link out of it */
    void *ends[4];
    bool lent[POOL_SLOTS]; /* of the source edge's pool */
    uint32_t lent_count;
    int64_t got[256], ended_at;
    uint32_t got_count;
};

static struct graph g;
static struct edges edges;
static bool is_coded;   /* the next graph's flows */
static int64_t wide_ns; /* the next graph's deadline; 0: as it is */

static void make_edges(void)
{
    memset(&edges, 0, sizeof(edges));
    edges.ended_at = -1;
    for (uint32_t n = 0; n < 2; n++) {
        uint64_t bytes = (tt_link_bytes(DEPTH) + 63) & ~(uint64_t)63;

        edges.memory[n] = aligned_alloc(64, bytes);
        memset(edges.memory[n], 0, bytes);
    }
    for (uint32_t n = 0; n < 4; n++)
        edges.ends[n] = malloc(tt_link_end_bytes());
    edges.in = tt_link_writer(edges.ends[0], edges.memory[0], DEPTH);
    edges.out = tt_link_reader(edges.ends[1], edges.memory[1], DEPTH);
}

static void free_edges(void)
{
    for (uint32_t n = 0; n < 2; n++)
        free(edges.memory[n]);
    for (uint32_t n = 0; n < 4; n++)
        free(edges.ends[n]);
}

/* inlet -> pass -> outlet; with is_straight inlet -> outlet. */
static void make_graph(uint32_t mode, uint32_t policy, bool is_straight)
{
    uint32_t inlet, pass, outlet;

    make_edges();
    graph_init(&g, 1);
    g.params.mode = mode;
    g.params.end_ns = INT64_MAX;
    inlet = graph_end_of_link(&g, TT_NODE_INLET,
                              tt_link_reader(edges.ends[2], edges.memory[0], DEPTH), 1);
    pass = is_straight ? inlet : graph_node(&g, FAKE_PASS);
    outlet = graph_end_of_link(&g, TT_NODE_OUTLET,
                               tt_link_writer(edges.ends[3], edges.memory[1], DEPTH), 2);
    if (!is_straight)
        graph_flow(&g, inlet, 0, pass, 0);
    graph_flow(&g, pass, 0, outlet, 0)->late_policy = policy;
    for (uint32_t n = 0; wide_ns > 0 && n < g.params.node_count; n++) {
        g.nodes[n].deadline_ns = wide_ns;
        g.nodes[n].due_offset_ns = wide_ns - (3 - n) * 5 * MS;
    }
    for (uint32_t n = 0; is_coded && n < g.params.flow_count; n++) {
        graph_format(&g, n)->kind = TT_CODED_VIDEO;
        graph_format(&g, n)->reorder_frames = 2;
    }
    graph_open(&g);
    graph_begin(&g, 0);
}

static void ring(void)
{
    g.params.port.ops->ring(g.params.port.world, 0);
}

static void take_back(void)
{
    uint32_t pool, slot;

    while (tt_link_take_back(edges.in, &pool, &slot)) {
        CHECK_INT(pool, 1);
        CHECK(edges.lent[slot]);
        edges.lent[slot] = false;
        edges.lent_count--;
    }
}

static bool send_received(int64_t index, uint32_t flags, int64_t received_ns)
{
    struct tt_link_slot slot = {.index = index,
                                .origin_ns = index * 10 * MS,
                                .duration_ns = 10 * MS,
                                .pool = 1,
                                .slot = TT_NO_FRAME,
                                .flags = flags,
                                .stamp_ns = tt_sim_now(g.sim),
                                .received_ns = received_ns};

    if (!(flags & (TT_END | TT_GAP))) {
        slot.slot = 0;
        while (edges.lent[slot.slot])
            slot.slot++;
        CHECK(slot.slot < POOL_SLOTS);
        *(int64_t *)(void *)(g.pools[1].memory + (uint64_t)slot.slot * 4096) = index;
        slot.bytes = sizeof(int64_t);
    }
    if (!tt_link_put(edges.in, &slot))
        return false;
    if (slot.slot != TT_NO_FRAME) {
        edges.lent[slot.slot] = true;
        edges.lent_count++;
    }
    ring();
    return true;
}

static bool send(int64_t index, uint32_t flags)
{
    return send_received(index, flags, 0);
}

/* The sink edge: takes a frame, looks at its payload, gives it back. */
static bool receive_one(void)
{
    struct tt_link_slot slot;

    if (!tt_link_get(edges.out, g.pools, 2, &slot))
        return false;
    if (slot.flags & TT_END) {
        edges.ended_at = slot.index;
    } else {
        CHECK_INT(*(int64_t *)(void *)(g.pools[slot.pool].memory + (uint64_t)slot.slot * 4096),
                  slot.index);
        edges.got[edges.got_count++ % 256] = slot.index;
        tt_link_give_back(edges.out, slot.pool, slot.slot);
    }
    ring();
    return true;
}

static void receive(void)
{
    while (receive_one())
        ;
}

static void frames_wait_for_their_release(bool is_straight)
{
    make_graph(TT_MODE_LIVE, TT_LATE_KEEP, is_straight);
    for (int64_t n = 0; n < 5; n++)
        CHECK(send(n, 0));
    for (int64_t n = 0; n < 5; n++) {
        CHECK(!graph_run_until(&g, (n * 10 + 5) * MS));
        receive();
        CHECK_INT(edges.got_count, n + 1);
        CHECK(!graph_run_until(&g, (n * 10 + 6) * MS));
        take_back();
        CHECK_INT(edges.lent_count, 4 - n);
    }
    CHECK(send(5, TT_END));
    CHECK(graph_run_until(&g, 1000 * MS));
    receive();
    CHECK_INT(edges.ended_at, 5);
    CHECK_INT(graph_check_sink(&g, 0, 0, TT_ON_TIME), 5);
    graph_close(&g);
    free_edges();
}

static void frames_travel_by_reference(void)
{
    frames_wait_for_their_release(false);
    frames_wait_for_their_release(true);
}

static void a_late_edge_is_blamed(void)
{
    uint32_t late = 0, lost = 0;

    make_graph(TT_MODE_LIVE, TT_LATE_KEEP, false);
    for (int64_t n = 0; n < 10; n++) {
        CHECK(!graph_run_until(&g, (n == 4 ? 75 : n * 10 < 75 && n > 4 ? 75 : n * 10) * MS));
        CHECK(send(n, n == 8 ? TT_GAP : 0));
        CHECK(!graph_run_until(&g, tt_sim_now(g.sim) - g.epoch_ns + MS));
        receive();
    }
    CHECK(send(10, TT_END));
    CHECK(graph_run_until(&g, 1000 * MS));
    for (uint32_t n = 0; n < g.record_count; n++) {
        if (g.records[n].kind != TT_RECORD_FRAME)
            continue;
        if (g.records[n].outcome == TT_LATE_FRAME) {
            CHECK_INT(g.records[n].cause, TT_CAUSE_EDGE);
            CHECK_INT(g.records[n].component, 0);
            late++;
        }
        if (g.records[n].outcome == TT_LOST_FRAME) {
            CHECK_INT(g.records[n].index, 8);
            CHECK_INT(g.records[n].cause, TT_CAUSE_MEDIA);
            lost++;
        }
    }
    CHECK_INT(late, 2); /* 4 and 5: due at 60 and 70 ms */
    CHECK_INT(lost, 1);
    (void)graph_check_sink(&g, 0, 0, TT_ON_TIME);
    graph_close(&g);
    free_edges();
}

/* The edge puts frame 4 at 75 ms and catches up. When the kernel had had it in time, the edge was
 * away; when the kernel had it no sooner, it came late. Of a gap the same; one may stand for many.
 */
static void judge_late_input(int64_t received_after_ns, enum tt_cause late, enum tt_cause lost)
{
    uint32_t late_count = 0, lost_count = 0;
    int64_t epoch_ns;

    make_graph(TT_MODE_LIVE, TT_LATE_KEEP, false);
    epoch_ns = g.epoch_ns;
    for (int64_t n = 0; n < 9; n++) {
        int64_t came_ns = epoch_ns + n * 10 * MS + received_after_ns;

        CHECK(!graph_run_until(&g, (n >= 4 && n < 8 ? 75 : n * 10) * MS));
        if (n >= 4 && came_ns > tt_sim_now(g.sim))
            came_ns = tt_sim_now(g.sim);
        CHECK(send_received(n, n == 8 ? TT_GAP : 0,
                            n == 8 ? epoch_ns + 60 * MS + received_after_ns * 100 : came_ns));
        CHECK(!graph_run_until(&g, tt_sim_now(g.sim) - epoch_ns + MS));
        receive();
    }
    CHECK(send(9, TT_END));
    CHECK(graph_run_until(&g, 1000 * MS));
    for (uint32_t n = 0; n < g.record_count; n++) {
        const struct tt_record *record = &g.records[n];

        if (record->kind != TT_RECORD_FRAME || record->outcome == TT_ON_TIME)
            continue;
        CHECK_INT(record->cause, record->outcome == TT_LATE_FRAME ? late : lost);
        late_count += record->outcome == TT_LATE_FRAME;
        lost_count += record->outcome == TT_LOST_FRAME;
    }
    CHECK_INT(late_count, 2);
    CHECK_INT(lost_count, 1);
    graph_close(&g);
    free_edges();
}

static void late_input_is_told_from_a_late_edge(void)
{
    judge_late_input(0, TT_CAUSE_EDGE, TT_CAUSE_EDGE);
    judge_late_input(34 * MS, TT_CAUSE_INPUT, TT_CAUSE_INPUT);
}

static void a_gap_may_be_long(void)
{
    uint32_t lost = 0;

    make_graph(TT_MODE_LIVE, TT_LATE_KEEP, false);
    for (int64_t n = 0; n < 3; n++) {
        CHECK(send(n, 0));
        CHECK(!graph_run_until(&g, (n * 10 + 5) * MS));
        receive();
    }
    CHECK(tt_link_put(edges.in, &(struct tt_link_slot){.index = 3,
                                                       .origin_ns = 30 * MS,
                                                       .duration_ns = 40 * MS,
                                                       .slot = TT_NO_FRAME,
                                                       .flags = TT_GAP,
                                                       .received_ns = INT64_MAX}));
    ring();
    CHECK(!graph_run_until(&g, 70 * MS));
    CHECK(send(7, 0));
    CHECK(!graph_run_until(&g, 75 * MS));
    receive();
    CHECK(send(8, TT_END));
    CHECK(graph_run_until(&g, 1000 * MS));
    for (uint32_t n = 0; n < g.record_count; n++)
        if (g.records[n].kind == TT_RECORD_FRAME && g.records[n].outcome == TT_LOST_FRAME) {
            CHECK_INT(g.records[n].cause, TT_CAUSE_INPUT);
            CHECK(g.records[n].index >= 3 && g.records[n].index < 7);
            lost++;
        }
    CHECK_INT(lost, 4);
    graph_close(&g);
    free_edges();
}

/* The edge behind takes nothing for a while: `drop` loses at once, `keep` what exceeds its queue.
 */
static void a_full_ring_follows_the_policy(void)
{
    static const uint32_t policies[] = {TT_LATE_DROP, TT_LATE_KEEP};

    for (uint32_t round = 0; round < 2; round++) {
        uint32_t lost = 0;

        make_graph(TT_MODE_LIVE, policies[round], false);
        for (int64_t n = 0; n < 14; n++) {
            CHECK(send(n, 0));
            CHECK(!graph_run_until(&g, (n * 10 + 5) * MS));
            take_back();
        }
        receive();
        ring();
        CHECK(!graph_run_until(&g, 138 * MS));
        receive();
        CHECK(send(14, TT_END));
        CHECK(graph_run_until(&g, 1000 * MS));
        receive();
        CHECK_INT(edges.ended_at >= 0, 1);
        /* 8 in the ring; of the 6 behind them keep holds 2 */
        CHECK_INT(edges.got_count, round == 0 ? 8 : 10);
        for (uint32_t n = 0; n < g.record_count; n++)
            if (g.records[n].outcome == TT_LOST_FRAME) {
                CHECK_INT(g.records[n].cause, TT_CAUSE_EDGE);
                lost++;
            }
        CHECK_INT(lost, round == 0 ? 6 : 4);
        CHECK_INT(graph_check_sink(&g, 0, 0, TT_LOST_FRAME), lost);
        graph_close(&g);
        free_edges();
    }
}

/* inlet -> look-ahead of 20 -> pass -> outlet, and 30 frames. The edge behind takes `taken` frames
 * a millisecond, 0 none. Returns the frames that were lost. */
static uint32_t drain_into(uint32_t policy, uint32_t taken)
{
    uint32_t inlet, codec, pass, outlet, lost;

    make_edges();
    graph_init(&g, 1);
    g.params.end_ns = INT64_MAX;
    inlet = graph_end_of_link(&g, TT_NODE_INLET,
                              tt_link_reader(edges.ends[2], edges.memory[0], DEPTH), 1);
    codec = graph_node(&g, FAKE_REORDER);
    g.fakes[codec]->hold = 20;
    pass = graph_node(&g, FAKE_PASS);
    outlet = graph_end_of_link(&g, TT_NODE_OUTLET,
                               tt_link_writer(edges.ends[3], edges.memory[1], DEPTH), 2);
    graph_flow(&g, inlet, 0, codec, 0);
    graph_flow(&g, codec, 0, pass, 0);
    graph_flow(&g, pass, 0, outlet, 0)->late_policy = policy;
    for (uint32_t n = codec; n <= outlet; n++) {
        g.nodes[n].structural_ns = 200 * MS;
        g.nodes[n].due_offset_ns = 220 * MS;
    }
    graph_open(&g);
    graph_begin(&g, 0);
    for (int64_t n = 0; n < 30; n++) {
        CHECK(send(n, 0));
        CHECK(!graph_run_until(&g, (n * 10 + 5) * MS));
        receive();
        take_back();
    }
    CHECK(send(30, TT_END));
    for (int64_t at = 296; !graph_run_until(&g, at * MS); at++) {
        CHECK(at < 2000);
        if (at == 1000)
            receive(); /* whatever was lost, somebody comes for the rest */
        for (uint32_t n = 0; n < taken; n++)
            receive_one();
    }
    receive();
    CHECK(edges.ended_at >= 0);
    lost = graph_check_sink(&g, 0, 0, TT_LOST_FRAME);
    CHECK_INT(edges.got_count + lost, 30);
    graph_close(&g);
    free_edges();
    return lost;
}

/* What a codec held back comes all at once behind an End: that alone loses nothing, and an edge
 * that does not take it is not waited for longer than it may take. */
static void a_drain_waits_for_room(void)
{
    static const uint32_t policies[] = {TT_LATE_DROP, TT_LATE_KEEP};

    for (uint32_t n = 0; n < 2; n++) {
        uint32_t lost;

        CHECK_INT(drain_into(policies[n], 1), 0);
        lost = drain_into(policies[n], 0);
        CHECK(lost > 0);
        CHECK(lost <= 20 - DEPTH);
    }
}

static void asap_waits_for_the_edge_behind(void)
{
    int64_t sent = 0;

    make_graph(TT_MODE_ASAP, TT_LATE_DROP, false);
    for (uint32_t round = 0; round < 400 && sent < 100; round++) {
        take_back();
        while (sent < 100 && send(sent, 0))
            sent++;
        CHECK(!graph_run_until(&g, tt_sim_now(g.sim) - g.epoch_ns + MS));
        if (round % 3 == 0)
            receive();
    }
    CHECK_INT(sent, 100);
    for (uint32_t round = 0; round < 20; round++) {
        receive();
        CHECK(!graph_run_until(&g, tt_sim_now(g.sim) - g.epoch_ns + MS));
    }
    CHECK(send(100, TT_END));
    CHECK(graph_run_until(&g, 10000 * (int64_t)MS));
    receive();
    take_back();
    CHECK_INT(edges.got_count, 100);
    CHECK_INT(edges.lent_count, 0);
    CHECK_INT(graph_check_sink(&g, 0, 0, TT_ON_TIME), 100);
    graph_close(&g);
    free_edges();
}

/* Woken for each frame that comes back, a worker would wake twice for each frame that goes. */
static void room_is_awaited_by_who_needs_it(void)
{
    make_graph(TT_MODE_LIVE, TT_LATE_KEEP, false);
    CHECK(!engine_awaits_room(g.engine));
    for (int64_t n = 0; n <= DEPTH; n++) {
        take_back();
        CHECK(send(n, 0));
        CHECK(!graph_run_until(&g, (n * 10 + 5) * MS));
        CHECK_INT(engine_awaits_room(g.engine), n == DEPTH); /* that one waits for a place */
    }
    receive();
    CHECK(!graph_run_until(&g, (DEPTH * 10 + 6) * MS));
    CHECK(!engine_awaits_room(g.engine));
    receive();
    CHECK_INT(edges.got_count, DEPTH + 1);
    graph_close(&g);
    free_edges();

    make_graph(TT_MODE_LIVE, TT_LATE_KEEP, true);
    CHECK(send(0, 0));
    CHECK(!graph_run_until(&g, 5 * MS));
    CHECK(engine_awaits_room(g.engine)); /* the edge in front wants its frame back */
    receive();
    CHECK(!graph_run_until(&g, 6 * MS));
    CHECK(!engine_awaits_room(g.engine));
    take_back();
    CHECK_INT(edges.lent_count, 0);
    graph_close(&g);
    free_edges();

    make_graph(TT_MODE_ASAP, TT_LATE_DROP, false);
    CHECK(engine_awaits_room(g.engine));
    graph_close(&g);
    free_edges();
}

/* The edge behind dies with frames in its hands, another comes; then the engine itself dies. */
static void restarts_lose_no_slot(void)
{
    static struct graph second;
    struct tt_link_slot slot;
    uint32_t outlet, source, count = 0;

    make_graph(TT_MODE_LIVE, TT_LATE_DROP, false);
    for (int64_t n = 0; n < 4; n++)
        CHECK(send(n, 0));
    CHECK(!graph_run_until(&g, 35 * MS));
    for (uint32_t n = 0; n < 3; n++)
        CHECK(tt_link_get(edges.out, g.pools, 2, &slot));
    edges.out = tt_link_reader(edges.ends[1], edges.memory[1], DEPTH);
    ring();
    CHECK(!graph_run_until(&g, 36 * MS)); /* each step checks the counts */
    CHECK_INT(g.engine != NULL, 1);
    CHECK(tt_link_get(edges.out, g.pools, 2, &slot)); /* 3 was not read before */
    CHECK_INT(slot.index, 3);

    /* a new engine: slot 3 is still in the reader's hands, and is given to nobody else */
    graph_init(&second, 2);
    memcpy(second.pools[0].memory, g.pools[0].memory, g.pools[0].bytes);
    second.pools[0].classes[0].slot_count = second.pools[0].slot_count = 8;
    source = graph_node(&second, FAKE_SOURCE);
    outlet = graph_end_of_link(&second, TT_NODE_OUTLET,
                               tt_link_writer(edges.ends[3], edges.memory[1], DEPTH), 2);
    graph_flow(&second, source, 0, outlet, 0)->late_policy = TT_LATE_DROP;
    graph_open(&second);
    graph_begin(&second, 0);
    CHECK(!graph_run_until(&second, 65 * MS));
    for (struct tt_link_slot other; tt_link_get(edges.out, second.pools, 2, &other); count++) {
        CHECK(other.slot != slot.slot);
        if (other.slot != TT_NO_FRAME)
            tt_link_give_back(edges.out, other.pool, other.slot);
    }
    CHECK_INT(count, 7); /* of eight slots one is lent */
    graph_close(&second);
    graph_close(&g);
    free_edges();
}

/* The worker was away for four periods, the queues are shorter, the deadline is longer: all frames
 * are late released and none is lost. */
static void catching_up_loses_nothing(void)
{
    wide_ns = 100 * MS;
    make_graph(TT_MODE_LIVE, TT_LATE_DROP, false);
    wide_ns = 0;
    for (int64_t n = 0; n < 8; n++)
        CHECK(send(n, 0));
    CHECK(!graph_run_until(&g, 15 * MS));
    tt_sim_spend(g.sim, 45 * MS);
    CHECK(!graph_run_until(&g, 90 * MS));
    CHECK(send(8, TT_END));
    receive();
    ring();
    CHECK(graph_run_until(&g, 100 * MS));
    CHECK_INT(graph_check_sink(&g, 0, 0, TT_ON_TIME), 8);
    graph_close(&g);
    free_edges();
}

/* One output into both inputs of a join. Of a burst that came too late the leader's frames are let
 * go at once; what the other input has of it must not keep the inlet from bringing the next ones.
 */
static void a_join_of_one_output_recovers(void)
{
    uint32_t inlet, join, sink;

    make_edges();
    graph_init(&g, 1);
    g.params.end_ns = INT64_MAX;
    inlet = graph_end_of_link(&g, TT_NODE_INLET,
                              tt_link_reader(edges.ends[2], edges.memory[0], DEPTH), 1);
    join = graph_node(&g, FAKE_LED);
    sink = graph_node(&g, FAKE_SINK);
    graph_flow(&g, inlet, 0, join, 0)->late_policy = TT_LATE_DROP;
    graph_flow(&g, inlet, 0, join, 1);
    graph_flow(&g, join, 0, sink, 0);
    for (uint32_t n = 0; n < g.params.node_count; n++) {
        g.nodes[n].due_offset_ns = 17 * MS;
        g.nodes[n].fire_offset_ns = 8 * MS;
    }
    graph_open(&g);
    graph_begin(&g, 0);
    for (int64_t n = 0; n < 30; n++) {
        bool is_stalled = n >= 4 && n < 9;

        CHECK(!graph_run_until(&g, (is_stalled ? 89 : n * 10 + 1) * MS));
        take_back();
        CHECK(send(n, 0));
    }
    CHECK(send(30, TT_END));
    CHECK(graph_run_until(&g, 1000 * MS));
    for (uint32_t n = 0; n < g.record_count; n++)
        if (g.records[n].kind == TT_RECORD_FRAME && g.records[n].outcome != TT_ON_TIME)
            CHECK(g.records[n].index >= 4 && g.records[n].index < 9);
    CHECK(graph_check_sink(&g, 0, 0, TT_ON_TIME) >= 25);
    graph_close(&g);
    free_edges();
}

/* inlet -> join -> sink, whose leader is four frames behind, and inlet -> sink: the join's queue of
 * two is full all the time, the other sink has its frames at once, and the join loses none. */
static void a_full_consumer_delays_no_other(void)
{
    uint32_t inlet, source, codec, join;

    make_edges();
    graph_init(&g, 1);
    g.params.end_ns = 300 * MS;
    inlet = graph_end_of_link(&g, TT_NODE_INLET,
                              tt_link_reader(edges.ends[2], edges.memory[0], DEPTH), 1);
    source = graph_node(&g, FAKE_SOURCE);
    codec = graph_node(&g, FAKE_REORDER);
    g.fakes[codec]->hold = 4;
    join = graph_node(&g, FAKE_LED);
    graph_flow(&g, source, 0, codec, 0);
    graph_flow(&g, codec, 0, join, 0);
    graph_flow(&g, inlet, 0, join, 1);
    graph_flow(&g, join, 0, graph_node(&g, FAKE_SINK), 0);
    graph_flow(&g, inlet, 0, graph_node(&g, FAKE_SINK), 0);
    for (uint32_t n = 0; n < g.params.node_count; n++) {
        g.nodes[n].deadline_ns = 100 * MS;
        g.nodes[n].due_offset_ns = 90 * MS;
        g.nodes[n].fire_offset_ns = 80 * MS;
    }
    graph_open(&g);
    graph_begin(&g, 0);
    for (int64_t n = 0; n < 30; n++) {
        CHECK(!graph_run_until(&g, (n * 10 + 1) * MS));
        take_back();
        CHECK(send(n, 0));
    }
    CHECK(graph_run_until(&g, 1000 * MS));
    for (uint32_t n = 0; n < g.record_count; n++)
        if (g.records[n].kind == TT_RECORD_FRAME && g.records[n].sink == 1)
            CHECK(g.records[n].delivered_ns - g.records[n].origin_ns < 5 * MS);
    CHECK_INT(graph_check_sink(&g, 1, 0, TT_ON_TIME), 30);
    graph_check_own_index(&g, join, 1, 30);
    graph_close(&g);
    free_edges();
}

/* Coded pictures come in decoding order; their records speak of the order in which they are shown.
 */
static void coded_pictures_are_recorded_in_order(void)
{
    static const int64_t shown[] = {0, 4, 2, 1, 3, 8, 6, 5, 7};

    is_coded = true;
    make_graph(TT_MODE_LIVE, TT_LATE_KEEP, true);
    is_coded = false;
    for (int64_t n = 0; n < 9; n++) {
        struct tt_link_slot slot = {.index = n,
                                    .origin_ns = shown[n] * 10 * MS,
                                    .duration_ns = 10 * MS,
                                    .pool = 1,
                                    .slot = (uint32_t)n,
                                    .bytes = 8,
                                    .stamp_ns = tt_sim_now(g.sim)};

        if (shown[n] == 6)
            continue; /* one is missing */
        CHECK(!graph_run_until(&g, n * 10 * MS));
        *(int64_t *)(void *)(g.pools[1].memory + n * 4096) = n;
        CHECK(tt_link_put(edges.in, &slot));
        ring();
    }
    CHECK(!graph_run_until(&g, 85 * MS));
    CHECK(tt_link_put(edges.in,
                      &(struct tt_link_slot){.index = 9, .flags = TT_END, .slot = TT_NO_FRAME}));
    ring();
    (void)graph_run_until(&g, 1000 * MS);
    receive();
    ring();
    CHECK(graph_run_until(&g, 1100 * MS));
    CHECK_INT(graph_check_sink(&g, 0, 0, TT_LOST_FRAME), 1);
    CHECK_INT(graph_check_sink(&g, 0, 0, TT_ON_TIME) + graph_check_sink(&g, 0, 0, TT_LATE_FRAME),
              8);
    graph_close(&g);
    free_edges();
}

static uint64_t random_state = 9;

static uint32_t random_number(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33);
}

static void scribble(void)
{
    uint64_t bytes = tt_link_bytes(DEPTH);

    for (uint32_t n = 0; n < 8; n++) {
        edges.memory[n % 2][random_number() % bytes] = (uint8_t)random_number();
        /* the slots of the forward ring, after the map of loans */
        edges.memory[0][8192 + random_number() % 1024] = (uint8_t)random_number();
    }
}

static uint32_t run_hostile(void)
{
    uint32_t rounds = 0;

    make_graph(random_number() % 2 ? TT_MODE_LIVE : TT_MODE_ASAP,
               random_number() % 2 ? TT_LATE_DROP : TT_LATE_KEEP, random_number() % 2);
    for (bool has_ended = false; rounds < 200 && !has_ended; rounds++) {
        struct tt_link_slot slot = {.index = rounds + random_number() % 3,
                                    .pool = random_number() % 3,
                                    .slot = random_number() % 300,
                                    .origin_ns = random_number() * (int64_t)random_number(),
                                    .bytes = random_number() % 5000};

        if (rounds > 20)
            scribble();
        (void)tt_link_put(edges.in, &slot);
        ring();
        has_ended = graph_run_until(&g, rounds * (int64_t)5 * MS);
        g.record_count = 0;
    }
    graph_close(&g);
    free_edges();
    return rounds;
}

static void a_hostile_edge_is_survived(void)
{
    uint32_t rounds = 0;

    for (uint32_t n = 0; n < 60; n++)
        rounds += run_hostile();
    CHECK(rounds > 1500);
}

int main(void)
{
    RUN(frames_travel_by_reference);
    RUN(a_late_edge_is_blamed);
    RUN(late_input_is_told_from_a_late_edge);
    RUN(a_gap_may_be_long);
    RUN(a_full_ring_follows_the_policy);
    RUN(a_drain_waits_for_room);
    RUN(asap_waits_for_the_edge_behind);
    RUN(room_is_awaited_by_who_needs_it);
    RUN(restarts_lose_no_slot);
    RUN(catching_up_loses_nothing);
    RUN(a_join_of_one_output_recovers);
    RUN(a_full_consumer_delays_no_other);
    RUN(coded_pictures_are_recorded_in_order);
    RUN(a_hostile_edge_is_survived);
    return 0;
}
