/* Records of processes that lie: what cannot be is refused and counted, an edge speaks of itself
 * alone, and a flood fills neither the loop nor the disk. */
#include "node/pump.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/record.h"
#include "check.h"

#define SECOND INT64_C(1000000000)
#define MILLI INT64_C(1000000)

enum { SLOTS = 1024, SOURCE = 0, SINK = 1, EDGE_OF_SOURCE = 1, EDGE_OF_SINK = 2 };

static struct tt_picture_component components[2];
static struct tt_picture picture;
static struct tt_wiring wiring;
static struct broker broker;
static struct tt_ring ends[3];
static struct pump *pump;
static void *memory[3];

/* A source edge, a container and a sink edge, at 50 a second. */
static void start(bool is_live)
{
    memset(components, 0, sizeof(components));
    components[SOURCE].sink = -1;
    components[SINK].sink = 0;
    components[SINK].in_count = 1;
    components[SINK].rate = (struct tt_rational){50, 1};
    picture = (struct tt_picture){
        .components = components, .component_count = 2, .sink_count = 1, .is_live = is_live};
    wiring = (struct tt_wiring){.process_count = 3};
    wiring.processes[0].component = -1;
    wiring.processes[EDGE_OF_SOURCE].component = SOURCE;
    wiring.processes[EDGE_OF_SINK].component = SINK;
    broker = (struct broker){.picture = &picture, .wiring = &wiring};
    for (uint32_t n = 0; n < 3; n++) {
        uint64_t bytes = tt_ring_bytes(sizeof(struct tt_record), SLOTS);

        wiring.processes[n].record_slots = SLOTS;
        memory[n] = aligned_alloc(64, bytes);
        memset(memory[n], 0, bytes);
        tt_ring_producer(&ends[n], memory[n], sizeof(struct tt_record), SLOTS);
        tt_ring_consumer(&broker.rings[n], memory[n], sizeof(struct tt_record), SLOTS);
    }
    pump = pump_open(
        &(struct pump_params){.broker = &broker, .picture = &picture, .epoch_ns = 100 * SECOND});
    CHECK(pump != NULL);
}

static void stop(void)
{
    pump_close(&pump);
    for (uint32_t n = 0; n < 3; n++)
        free(memory[n]);
}

static struct tt_record frame(int64_t index)
{
    return (struct tt_record){
        .kind = TT_RECORD_FRAME, .outcome = TT_ON_TIME, .index = index, .sent_ns = 1};
}

static void say(uint32_t process, struct tt_record record)
{
    CHECK(tt_ring_put(&ends[process], &record));
}

static void check_counts(uint64_t frames, uint64_t hops, uint64_t refused)
{
    CHECK_INT(pump_counts(pump).frames, frames);
    CHECK_INT(pump_counts(pump).hops, hops);
    CHECK_INT(pump_counts(pump).refused, refused);
}

static void numbers_that_cannot_be_are_refused(void)
{
    static const int64_t wild[] = {INT64_MAX, INT64_MIN, (INT64_C(1) << 50) + 1, INT64_C(1) << 50};
    static const int64_t times[] = {INT64_MAX, INT64_MIN, (INT64_C(1) << 60) + 1};
    struct tt_record record;

    start(true);
    say(0, frame(0));
    pump_poll(pump, 100 * SECOND);
    pump_expect_gap(pump, 0, TT_CAUSE_EDGE, -1, 100 * SECOND);
    for (uint32_t n = 0; n < 4; n++)
        say(0, frame(wild[n]));
    say(0, (struct tt_record){.kind = TT_RECORD_END, .index = INT64_MAX});
    for (uint32_t n = 0; n < 3; n++) {
        record = frame(1);
        record.origin_ns = times[n];
        say(0, record);
        record = frame(1);
        record.delivered_ns = times[n];
        say(0, record);
        record = frame(1);
        record.sent_ns = times[n];
        say(0, record);
    }
    record = frame(1);
    record.slack_ns = INT64_MIN;
    record.outcome = TT_LATE_FRAME;
    say(0, record);
    pump_poll(pump, 100 * SECOND);
    check_counts(1, 0, 15);
    CHECK_INT(pump_position_ns(pump), 20 * MILLI);
    pump_finish(pump, 100 * SECOND, 20 * MILLI);
    stop();
}

static void costs_that_cannot_be_teach_nothing(void)
{
    start(true);
    say(0, (struct tt_record){.kind = TT_RECORD_HOP, .slack_ns = 1000});
    say(0, (struct tt_record){.kind = TT_RECORD_HOP, .slack_ns = INT64_C(1) << 60});
    say(0, (struct tt_record){.kind = TT_RECORD_HOP,
                              .slack_ns = -1,
                              .sent_ns = INT64_C(1) << 60,
                              .delivered_ns = -(INT64_C(1) << 60)});
    samples_add_segment(pump_samples(pump), 0, INT64_MAX);
    pump_poll(pump, 100 * SECOND);
    CHECK_INT(samples_component(pump_samples(pump), 0)->count, 1);
    CHECK_INT(samples_component(pump_samples(pump), 0)->sum_ns, 1000);
    stop();
}

static void an_edge_speaks_of_itself_alone(void)
{
    start(true);
    say(EDGE_OF_SOURCE, frame(0));
    say(EDGE_OF_SINK, frame(0));
    say(EDGE_OF_SINK, (struct tt_record){.kind = TT_RECORD_END, .index = 7});
    say(EDGE_OF_SINK, (struct tt_record){.kind = TT_RECORD_USE});
    say(EDGE_OF_SINK, (struct tt_record){.kind = TT_RECORD_HOP, .component = SINK});
    say(EDGE_OF_SOURCE, (struct tt_record){.kind = TT_RECORD_SENT, .sent_ns = 1});
    say(EDGE_OF_SOURCE, (struct tt_record){.kind = TT_RECORD_NOTE, .component = SINK});
    pump_poll(pump, 100 * SECOND);
    check_counts(0, 0, 7);
    say(EDGE_OF_SOURCE, (struct tt_record){.kind = TT_RECORD_NOTE, .component = SOURCE});
    say(EDGE_OF_SINK, (struct tt_record){.kind = TT_RECORD_LOST, .component = SINK, .value = 1});
    say(EDGE_OF_SINK, (struct tt_record){.kind = TT_RECORD_SENT, .sent_ns = 1});
    say(0, (struct tt_record){.kind = TT_RECORD_FRAME, .outcome = TT_ON_TIME});
    pump_poll(pump, 100 * SECOND);
    check_counts(1, 2, 7);
    stop();
}

static void fill_ring(int64_t *index)
{
    while (tt_ring_room(&ends[0]) > 0)
        say(0, frame((*index)++));
}

static void a_flood_is_counted_not_kept(void)
{
    int64_t index = 0;

    start(true);
    for (int64_t turn = 0; turn < 50; turn++) { /* of one second */
        fill_ring(&index);
        pump_poll(pump, 100 * SECOND + turn * 20 * MILLI);
    }
    check_counts(8 * SLOTS, 0, 42 * SLOTS);
    fill_ring(&index);
    pump_poll(pump, 101 * SECOND);
    check_counts(9 * SLOTS, 0, 42 * SLOTS);
    stop();

    start(false); /* as fast as it can */
    index = 0;
    for (int64_t turn = 0; turn < 50; turn++) {
        fill_ring(&index);
        pump_poll(pump, 100 * SECOND + turn * 20 * MILLI);
    }
    check_counts(50 * SLOTS, 0, 0);
    stop();
}

static uint64_t frames_after_gap(bool is_live, int64_t index, int64_t gone_ns)
{
    uint64_t frames;

    start(is_live);
    say(0, frame(0));
    pump_poll(pump, 101 * SECOND);
    pump_expect_gap(pump, 0, TT_CAUSE_UNKNOWN, -1, 101 * SECOND);
    say(0, frame(index));
    pump_poll(pump, 101 * SECOND + gone_ns);
    frames = pump_counts(pump).frames;
    stop();
    return frames;
}

static void a_gap_is_no_longer_than_the_time_that_went_by(void)
{
    CHECK_INT(frames_after_gap(true, 100, 2 * SECOND), 101);
    CHECK_INT(frames_after_gap(true, 500, 10 * SECOND), 501);
    CHECK_INT(frames_after_gap(true, 100000, 2 * SECOND), 2); /* 2000 s within 2 */
    CHECK_INT(frames_after_gap(false, 1000, 0), 1001);
    CHECK_INT(frames_after_gap(false, 1 << 20, 0), 2);
}

/* Without a clock a new life begins where the sink that was behind stood. */
static void what_a_life_told_the_next_does_not_tell_again(void)
{
    start(false);
    say(0, frame(0));
    say(0, frame(1));
    pump_expect_gap(pump, 0, TT_CAUSE_UNKNOWN, -1, 101 * SECOND);
    say(0, frame(0));
    say(0, frame(1));
    say(0, frame(2));
    pump_poll(pump, 101 * SECOND);
    check_counts(3, 0, 2);
    stop();
}

static void a_container_is_through_with_its_last_end(void)
{
    struct tt_record end = {.kind = TT_RECORD_END, .index = 1};

    start(false);
    say(0, frame(0));
    pump_poll(pump, 101 * SECOND);
    CHECK(!pump_is_through(pump, 0));
    say(0, end);
    pump_poll(pump, 101 * SECOND);
    CHECK(pump_is_through(pump, 0));
    CHECK(!pump_is_through(pump, EDGE_OF_SINK));
    stop();
}

static void a_ledger_leaves_room_on_the_disk(void)
{
    char folder[] = "/tmp/tt-pump-XXXXXX", command[64];
    FILE *file = tmpfile();
    struct scribe *scribe = NULL;
    struct key *key = NULL;

    CHECK(mkdtemp(folder) != NULL);
    CHECK(file != NULL);
    CHECK_INT(key_open(folder, &key, NULL), 0);
    CHECK_INT(scribe_open(dup(fileno(file)), key, &scribe, NULL), 0);
    scribe_leave_free(scribe, 1);
    scribe_put(scribe, TT_PART_AGREEMENT, "{}", 2);
    CHECK_INT(scribe_failure(scribe), 0);
    scribe_leave_free(scribe, UINT64_MAX / 2);
    scribe_put(scribe, TT_PART_AGREEMENT, "{}", 2);
    CHECK_INT(scribe_failure(scribe), -ENOSPC);
    scribe_close(&scribe);
    key_close(&key);
    (void)fclose(file);
    (void)snprintf(command, sizeof(command), "rm -rf %s", folder);
    CHECK_INT(system(command), 0);
}

int main(void)
{
    RUN(numbers_that_cannot_be_are_refused);
    RUN(costs_that_cannot_be_teach_nothing);
    RUN(an_edge_speaks_of_itself_alone);
    RUN(a_flood_is_counted_not_kept);
    RUN(a_gap_is_no_longer_than_the_time_that_went_by);
    RUN(what_a_life_told_the_next_does_not_tell_again);
    RUN(a_container_is_through_with_its_last_end);
    RUN(a_ledger_leaves_room_on_the_disk);
    return 0;
}
