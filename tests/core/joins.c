/* What a join does when an input is late, missing, an image or by another way the same; every step
 * is checked. */
#include "graph.h"

static struct graph g;

/* The second input stays away for every third index. */
static struct fake *run_join(uint32_t kind, uint32_t policy, uint32_t media)
{
    uint32_t a, b, join, sink;

    graph_init(&g, 3);
    a = graph_node(&g, FAKE_SOURCE);
    b = graph_node(&g, FAKE_SOURCE);
    join = graph_node(&g, kind);
    sink = graph_node(&g, FAKE_SINK);
    graph_flow(&g, a, 0, join, 0);
    graph_flow(&g, b, 0, join, 1)->late_policy = policy;
    graph_flow(&g, join, 0, sink, 0);
    graph_format(&g, 1)->kind = media;
    g.fakes[b]->skip_every = 3;
    graph_open(&g);
    graph_begin(&g, 0);
    graph_run(&g);
    CHECK_INT(graph_check_sink(&g, 0, 0, TT_ON_TIME), 10);
    return g.fakes[join];
}

static void a_missing_audio_frame_is_silence(void)
{
    struct fake *join = run_join(FAKE_LED, TT_LATE_SILENCE, TT_AUDIO);
    uint32_t missing = 0;

    for (uint32_t n = 0; n < join->log_count; n++) {
        if (join->log[n].input != 1)
            continue;
        missing += !join->log[n].is_there;
        if (join->log[n].is_there)
            CHECK_INT(join->log[n].index, join->log[n].call_index);
    }
    CHECK_INT(missing, 3);
    CHECK_INT(graph_count(&g, TT_RECORD_USE, 0), 3);
    graph_close(&g);
}

static void a_missing_audio_frame_is_repeated(void)
{
    struct fake *join = run_join(FAKE_LED, TT_LATE_REPEAT, TT_AUDIO);

    for (uint32_t n = 0; n < join->log_count; n++) {
        bool is_missing = join->log[n].call_index % 3 == 2;

        if (join->log[n].input != 1)
            continue;
        CHECK(join->log[n].is_there);
        CHECK_INT(join->log[n].value, join->log[n].call_index - is_missing);
        CHECK_INT((join->log[n].flags & TT_REPEATED) != 0, is_missing);
    }
    CHECK_INT(graph_count(&g, TT_RECORD_USE, 0), 3);
    graph_close(&g);
}

/* One period behind is shown again at the fire time: not late by the rule. */
static void a_video_frame_one_period_old_is_shown_again(void)
{
    struct fake *join = run_join(FAKE_LED, TT_LATE_DROP, TT_VIDEO);

    for (uint32_t n = 0; n < join->log_count; n++)
        CHECK(join->log[n].is_there);
    CHECK_INT(graph_count(&g, TT_RECORD_USE, 0), 0);
    graph_close(&g);
}

/* The second input gives nothing from index 4 to 7: two periods behind, it is late. */
static struct fake *run_absent(uint32_t policy)
{
    uint32_t a, b, join, sink;

    graph_init(&g, 4);
    a = graph_node(&g, FAKE_SOURCE);
    b = graph_node(&g, FAKE_SOURCE);
    join = graph_node(&g, FAKE_LED);
    sink = graph_node(&g, FAKE_SINK);
    graph_flow(&g, a, 0, join, 0)->depth = 16;
    graph_flow(&g, b, 0, join, 1)->late_policy = policy;
    graph_flow(&g, join, 0, sink, 0);
    g.nodes[b].rate = (struct tt_rational){100, 1};
    g.fakes[b]->skip_every = 0;
    g.fakes[b]->fail_at = 0;
    graph_open(&g);
    graph_begin(&g, 0);
    CHECK(!graph_run_until(&g, 35 * MS));
    g.fakes[b]->skip_every = 1; /* nothing at all */
    CHECK(!graph_run_until(&g, 75 * MS));
    g.fakes[b]->skip_every = 0;
    graph_run(&g);
    return g.fakes[join];
}

/* A leader that comes two periods behind finds the other input's frames of its own index, not the
 * newer ones that wait beside them. */
static void a_slow_leader_is_shown_what_belongs_to_it(void)
{
    uint32_t source, codec, join, sink;

    graph_init(&g, 5);
    source = graph_node(&g, FAKE_SOURCE);
    codec = graph_node(&g, FAKE_REORDER);
    join = graph_node(&g, FAKE_LED);
    sink = graph_node(&g, FAKE_SINK);
    graph_flow(&g, source, 0, codec, 0);
    graph_flow(&g, codec, 0, join, 0)->depth = 4;
    graph_flow(&g, source, 0, join, 1)->depth = 6;
    graph_flow(&g, join, 0, sink, 0);
    for (uint32_t n = 0; n < g.params.node_count; n++) {
        g.nodes[n].deadline_ns = g.nodes[n].due_offset_ns = 60 * MS;
        g.nodes[n].fire_offset_ns = 50 * MS;
    }
    graph_open(&g);
    graph_begin(&g, 0);
    graph_run(&g);
    graph_check_own_index(&g, join, 1, 10);
    graph_close(&g);
}

static void count_absent(const struct fake *join, uint32_t *ret_empty, uint32_t *ret_repeated)
{
    *ret_empty = *ret_repeated = 0;
    for (uint32_t n = 0; n < join->log_count; n++) {
        if (join->log[n].input != 1)
            continue;
        *ret_empty += !join->log[n].is_there;
        *ret_repeated += (join->log[n].flags & TT_REPEATED) != 0;
    }
}

static void late_policies_are_used(void)
{
    uint32_t empty, repeated;

    count_absent(run_absent(TT_LATE_DROP), &empty, &repeated);
    CHECK_INT(empty, 3); /* 5, 6, 7: index 4 may still show 3 */
    CHECK_INT(repeated, 0);
    CHECK_INT(graph_count(&g, TT_RECORD_USE, 0), 3);
    CHECK_INT(graph_check_sink(&g, 0, 0, TT_ON_TIME), 10);
    graph_close(&g);

    count_absent(run_absent(TT_LATE_REPEAT), &empty, &repeated);
    CHECK_INT(empty, 0);
    CHECK_INT(repeated, 3);
    graph_close(&g);

    count_absent(run_absent(TT_LATE_BLACK), &empty, &repeated);
    CHECK_INT(empty, 3);
    graph_close(&g);

    /* keep: the join waits, all is late and nothing is lost */
    count_absent(run_absent(TT_LATE_KEEP), &empty, &repeated);
    CHECK_INT(empty, 0);
    CHECK(graph_check_sink(&g, 0, 0, TT_LATE_FRAME) >= 2);
    CHECK_INT(graph_check_sink(&g, 0, 0, TT_LOST_FRAME), 0);
    graph_close(&g);
}

/* The leader stays away for every fourth index. */
static void a_missing_leader_is_filled_by_its_policy(void)
{
    static const uint32_t policies[] = {TT_LATE_REPEAT, TT_LATE_DROP};

    for (uint32_t round = 0; round < 2; round++) {
        uint32_t a, b, join, sink, repeated = 0;

        graph_init(&g, 5);
        a = graph_node(&g, FAKE_SOURCE);
        b = graph_node(&g, FAKE_SOURCE);
        join = graph_node(&g, FAKE_LED);
        sink = graph_node(&g, FAKE_SINK);
        graph_flow(&g, a, 0, join, 0)->late_policy = policies[round];
        graph_flow(&g, b, 0, join, 1);
        graph_flow(&g, join, 0, sink, 0);
        g.fakes[a]->skip_every = 4;
        graph_open(&g);
        graph_begin(&g, 0);
        graph_run(&g);
        for (uint32_t n = 0; n < g.record_count; n++)
            repeated += g.records[n].kind == TT_RECORD_FRAME &&
                        (g.records[n].flags & TT_RECORD_REPEATED) != 0;
        CHECK_INT(graph_check_sink(&g, 0, 0, TT_ON_TIME), round == 0 ? 10 : 8);
        CHECK_INT(graph_check_sink(&g, 0, 0, TT_LOST_FRAME), round == 0 ? 0 : 2);
        for (uint32_t n = 0; n < g.record_count; n++)
            if (g.records[n].outcome == TT_LOST_FRAME) {
                CHECK_INT(g.records[n].cause, TT_CAUSE_MEDIA);
                CHECK_INT(g.records[n].component, a);
            }
        CHECK_INT(repeated, round == 0 ? 2 : 0);
        CHECK_INT(graph_count(&g, TT_RECORD_USE, 0), 2);
        graph_close(&g);
    }
}

static void a_clocked_join_goes_on_until_all_have_ended(void)
{
    uint32_t a, b, join, sink, silent = 0;

    graph_init(&g, 6);
    a = graph_node(&g, FAKE_SOURCE);
    b = graph_node(&g, FAKE_SOURCE);
    join = graph_node(&g, FAKE_CLOCKED);
    sink = graph_node(&g, FAKE_SINK);
    for (uint32_t n = 0; n < 2; n++) {
        graph_flow(&g, n == 0 ? a : b, 0, join, n)->late_policy = TT_LATE_SILENCE;
        graph_format(&g, n)->kind = TT_AUDIO;
    }
    graph_flow(&g, join, 0, sink, 0);
    g.fakes[a]->end_at = 4;
    graph_open(&g);
    graph_begin(&g, 0);
    graph_run(&g);
    CHECK_INT(graph_check_sink(&g, 0, 0, TT_ON_TIME), 10);
    for (uint32_t n = 0; n < g.fakes[join]->log_count; n++)
        silent += g.fakes[join]->log[n].input == 0 && !g.fakes[join]->log[n].is_there;
    CHECK_INT(silent, 6);
    CHECK_INT(graph_count(&g, TT_RECORD_USE, 0), 0);
    graph_close(&g);
}

static void an_image_serves_for_ever(uint32_t mode, int64_t end_ns)
{
    uint32_t image, video, join, sink;

    graph_init(&g, 7);
    g.params.mode = mode;
    g.params.end_ns = end_ns;
    image = graph_node(&g, FAKE_SOURCE);
    g.nodes[image].rate = (struct tt_rational){0, 1};
    video = graph_node(&g, FAKE_SOURCE);
    join = graph_node(&g, FAKE_LED);
    sink = graph_node(&g, FAKE_SINK);
    graph_flow(&g, video, 0, join, 0);
    graph_flow(&g, image, 0, join, 1)->late_policy = TT_LATE_REPEAT;
    graph_format(&g, 1)->rate = (struct tt_rational){0, 1};
    graph_flow(&g, join, 0, sink, 0);
    graph_open(&g);
    graph_begin(&g, 0);
    graph_run(&g);
    CHECK_INT(graph_check_sink(&g, 0, 0, TT_ON_TIME), end_ns / (10 * MS));
    CHECK_INT(g.fakes[image]->activations, 1);
    for (uint32_t n = 0; n < g.fakes[join]->log_count; n++)
        CHECK(g.fakes[join]->log[n].is_there);
    graph_close(&g);
}

static void images_serve_for_ever(void)
{
    an_image_serves_for_ever(TT_MODE_LIVE, 100 * MS);
    an_image_serves_for_ever(TT_MODE_ASAP, 1000 * MS);
}

/* Paths that part and meet again: one holds `hold` frames back, the other has a queue of one. */
static void run_reconverging(uint32_t kind, uint32_t hold, uint32_t media, uint32_t slots)
{
    uint32_t source, codec, join, sink;

    graph_init(&g, 24);
    g.params.mode = TT_MODE_ASAP;
    g.params.end_ns = 2000 * MS;
    g.pools[0].classes[0].slot_count = g.pools[0].slot_count = slots;
    source = graph_node(&g, FAKE_SOURCE);
    codec = graph_node(&g, FAKE_REORDER);
    join = graph_node(&g, kind);
    sink = graph_node(&g, FAKE_SINK);
    g.fakes[codec]->hold = hold;
    graph_flow(&g, source, 0, join, 0)->depth = 1;
    graph_flow(&g, source, 0, codec, 0)->depth = 1;
    graph_flow(&g, codec, 0, join, 1)->depth = 1;
    graph_flow(&g, join, 0, sink, 0)->depth = 1;
    graph_format(&g, 0)->kind = graph_format(&g, 2)->kind = media;
    graph_open(&g);
    graph_begin(&g, 0);
    graph_run(&g);
    (void)graph_check_sink(&g, 0, 0, TT_ON_TIME);
}

static void reconverging_paths_do_not_stand_still(void)
{
    static const uint32_t kinds[] = {FAKE_LED, FAKE_CLOCKED}, media[] = {TT_VIDEO, TT_AUDIO};

    for (uint32_t round = 0; round < 4; round++) {
        uint32_t lost;

        /* depths give way: nothing is missing */
        run_reconverging(kinds[round % 2], 20, media[round / 2], POOL_SLOTS);
        CHECK_INT(graph_check_sink(&g, 0, 0, TT_ON_TIME), 200);
        CHECK_INT(graph_count(&g, TT_RECORD_USE, 0), 0);
        graph_close(&g);

        /* beyond that the join goes on without, and says so */
        run_reconverging(kinds[round % 2], 100, media[round / 2], POOL_SLOTS);
        CHECK_INT(graph_check_sink(&g, 0, 0, TT_ON_TIME), 200);
        CHECK(graph_count(&g, TT_RECORD_USE, 0) > 0);
        graph_close(&g);

        /* a pool that is empty before: losses, but an end */
        run_reconverging(kinds[round % 2], 100, media[round / 2], 6);
        lost = graph_check_sink(&g, 0, 0, TT_LOST_FRAME);
        CHECK(lost < 200);
        CHECK(lost > 0 || graph_count(&g, TT_RECORD_USE, 0) > 0);
        graph_close(&g);
    }
}

int main(void)
{
    RUN(a_missing_audio_frame_is_silence);
    RUN(a_missing_audio_frame_is_repeated);
    RUN(a_video_frame_one_period_old_is_shown_again);
    RUN(a_slow_leader_is_shown_what_belongs_to_it);
    RUN(late_policies_are_used);
    RUN(a_missing_leader_is_filled_by_its_policy);
    RUN(a_clocked_join_goes_on_until_all_have_ended);
    RUN(images_serve_for_ever);
    RUN(reconverging_paths_do_not_stand_still);
    return 0;
}
