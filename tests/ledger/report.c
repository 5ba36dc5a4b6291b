/* The report: counts by hand, the promise by sink, and what the text says. */
#include <jansson.h>

#include "check.h"
#include "ledger/ledger.h"

static const char *const sinks[] = {"file.video", "live.video"};

static struct tt_report *open_report(double loss, const double *sink_loss)
{
    struct tt_report_params params = {.service = "news",
                                      .class = "targeted",
                                      .class_reason = "all costs are known",
                                      .is_promised = true,
                                      .is_paced = true,
                                      .deadline_ns = 40000000,
                                      .loss = loss,
                                      .sink_loss = sink_loss,
                                      .sinks = sinks,
                                      .sink_count = 2};
    struct tt_report *report = tt_report_open(&params);

    CHECK(report != NULL);
    return report;
}

static void add(struct tt_report *report, uint16_t sink, int64_t index, int64_t delay_ns,
                uint8_t cause, uint8_t flags)
{
    struct tt_record record = {.kind = TT_RECORD_FRAME,
                               .outcome = delay_ns > 40000000 ? TT_LATE_FRAME : TT_ON_TIME,
                               .cause = cause,
                               .flags = flags,
                               .sink = sink,
                               .index = index,
                               .origin_ns = index * 40000000,
                               .due_ns = index * 40000000 + 40000000,
                               .delivered_ns = index * 40000000 + delay_ns,
                               .sent_ns = sink == 1 ? index * 40000000 + delay_ns + 1 : 0,
                               .slack_ns = 40000000 - delay_ns};

    if (delay_ns < 0) {
        record.outcome = TT_LOST_FRAME;
        record.delivered_ns = record.sent_ns = record.slack_ns = 0;
    }
    tt_report_add(report, &record);
}

static json_t *print(const struct tt_report *report)
{
    struct tt_report_extra extra = {.first_frame_ns = 5,
                                    .cpu_ns = 6,
                                    .switches = 7,
                                    .ledger = "/run.ledger",
                                    .ledger_head = "ab"};
    char *text = tt_report_print(report, &extra);
    json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

    CHECK(object != NULL);
    free(text);
    return object;
}

static long long number(const json_t *object, const char *name)
{
    CHECK(json_is_integer(json_object_get(object, name)));
    return json_integer_value(json_object_get(object, name));
}

/* 10 frames at the first sink (2 late: worker, input; 1 lost: media; 1 repeated), 3 at the second.
 */
static struct tt_report *fill(void)
{
    struct tt_report *report = open_report(0.35, NULL);

    for (int64_t n = 0; n < 10; n++) {
        int64_t delay_ns = n == 3 ? 50000000 : n == 4 ? 41000000 : n == 5 ? -1 : 1000000 * (n + 1);

        add(report, 0, n, delay_ns,
            n == 3   ? TT_CAUSE_WORKER
            : n == 4 ? TT_CAUSE_INPUT
            : n == 5 ? TT_CAUSE_MEDIA
                     : TT_CAUSE_NONE,
            n == 7 ? TT_RECORD_REPEATED : 0);
    }
    for (int64_t n = 0; n < 3; n++)
        add(report, 1, n, 2000000, TT_CAUSE_NONE, 0);
    return report;
}

static void counts_are_right(void)
{
    struct tt_report *report = fill();
    json_t *object = print(report), *sink, *causes, *delay;

    CHECK_TEXT(json_string_value(json_object_get(object, "sink")), "file.video");
    CHECK_INT(number(object, "frames"), 10);
    CHECK_INT(number(object, "on_time"), 7);
    CHECK_INT(number(object, "late"), 2);
    CHECK_INT(number(object, "late_ours"), 1);
    CHECK_INT(number(object, "lost"), 1);
    CHECK_INT(number(object, "repeated"), 1);
    CHECK_INT(number(object, "loss_allowed"), 3);
    CHECK(json_is_true(json_object_get(object, "kept")));
    CHECK(tt_report_is_kept(report));
    causes = json_object_get(object, "causes");
    CHECK_INT(json_object_size(causes), 3);
    CHECK_INT(number(causes, "worker"), 1);
    CHECK_INT(number(causes, "input"), 1);
    CHECK_INT(number(causes, "media"), 1);
    delay = json_object_get(object, "delay_ns");
    CHECK_INT(number(delay, "max"), 50000000);
    CHECK(number(delay, "p50") >= 8000000 && number(delay, "p50") <= 8200000);
    sink = json_object_get(json_object_get(object, "sinks"), "live.video");
    CHECK_INT(number(sink, "frames"), 3);
    CHECK_INT(number(sink, "sent"), 3);
    CHECK_INT(number(sink, "not_sent"), 0);
    CHECK_INT(number(sink, "slack_min_ns"), 38000000);
    sink = json_object_get(json_object_get(object, "sinks"), "file.video");
    CHECK_INT(number(sink, "not_sent"), 9);
    CHECK_INT(number(sink, "slack_min_ns"), -10000000);
    CHECK_INT(number(sink, "slack_p1_ns"), -10000000);
    CHECK(number(sink, "slack_p50_ns") > 30000000);
    json_decref(object);
    tt_report_close(&report);
}

static void members_are_those_promised(void)
{
    static const char *const members[] = {
        "service",      "class", "class_reason", "promised",       "frames", "on_time",
        "late",         "lost",  "late_ours",    "repeated",       "causes", "delay_ns",
        "loss_allowed", "kept",  "sink",         "first_frame_ns", "cpu_ns", "switches",
        "ledger",       "sinks", "ledger_head"};
    struct tt_report *report = fill();
    json_t *object = print(report);

    for (uint32_t n = 0; n < sizeof(members) / sizeof(members[0]); n++)
        CHECK(json_object_get(object, members[n]) != NULL);
    CHECK_INT(json_object_size(object), sizeof(members) / sizeof(members[0]));
    CHECK_INT(number(json_object_get(object, "promised"), "deadline_ns"), 40000000);
    CHECK(json_is_real(json_object_get(json_object_get(object, "promised"), "loss")));
    json_decref(object);
    tt_report_close(&report);
}

static void each_sink_keeps_its_own_promise(void)
{
    static const double losses[] = {0.5, 0.01};
    struct tt_report *report = open_report(0.01, losses);

    for (int64_t n = 0; n < 100; n++) {
        add(report, 0, n, n % 2 ? 41000000 : 1, TT_CAUSE_EDGE, 0);
        add(report, 1, n, n == 50 ? 41000000 : 1, TT_CAUSE_EDGE, 0);
    }
    CHECK(tt_report_is_kept(report)); /* exactly at both limits */
    add(report, 1, 100, 41000000, TT_CAUSE_EDGE, 0);
    CHECK(!tt_report_is_kept(report));
    tt_report_close(&report);
}

static void indices_without_a_record_are_lost(void)
{
    struct tt_report *report = open_report(0.1, NULL);
    struct tt_record end = {.kind = TT_RECORD_END, .sink = 0, .index = 12};
    json_t *object;

    add(report, 0, 0, 1, TT_CAUSE_NONE, 0);
    add(report, 0, 10, 1, TT_CAUSE_NONE, 0);
    CHECK(!tt_report_is_kept(report));
    add(report, 0, 5, 1, TT_CAUSE_NONE, 0); /* one of the nine comes after all */
    tt_report_add(report, &end);
    tt_report_add(report, &end);
    object = print(report);
    CHECK_INT(number(object, "frames"), 12);
    CHECK_INT(number(object, "on_time"), 3);
    CHECK_INT(number(object, "lost"), 9);
    CHECK_INT(number(object, "late_ours"), 9);
    CHECK_INT(number(json_object_get(object, "causes"), "unknown"), 9);
    json_decref(object);
    tt_report_close(&report);
}

static void without_a_promise_nothing_is_broken(void)
{
    struct tt_report_params params = {.service = "x", .sinks = sinks, .sink_count = 2};
    struct tt_report *report = tt_report_open(&params);
    json_t *object;

    add(report, 0, 0, 90000000, TT_CAUSE_NONE, 0);
    CHECK(tt_report_is_kept(report));
    object = print(report);
    CHECK(json_is_null(json_object_get(object, "promised")));
    CHECK(json_is_null(json_object_get(object, "kept")));
    CHECK_INT(number(json_object_get(object, "causes"), "unknown"), 1);
    json_decref(object);
    tt_report_close(&report);
}

/* In asap mode media time does not run with the clock: delays and slack would be nonsense. */
static void unpaced_has_no_delay(void)
{
    struct tt_report_params params = {.service = "x", .sinks = sinks, .sink_count = 2};
    struct tt_report *report = tt_report_open(&params);
    struct tt_report_line line;
    json_t *object, *sink;

    add(report, 0, 0, 1000000, TT_CAUSE_NONE, 0);
    add(report, 1, 0, 2000000, TT_CAUSE_NONE, 0);
    add(report, 1, 1, -1, TT_CAUSE_MEDIA, 0);
    tt_report_live(report, &line);
    CHECK(!line.has_slack);
    CHECK_INT(line.frames, 1); /* of the first, and what all of them lost */
    CHECK_INT(line.lost, 1);
    object = print(report);
    CHECK_TEXT(json_string_value(json_object_get(object, "sink")), "live.video");
    CHECK(json_is_null(json_object_get(object, "delay_ns")));
    sink = json_object_get(json_object_get(object, "sinks"), "live.video");
    CHECK_INT(number(sink, "lost"), 1);
    CHECK(json_is_null(json_object_get(sink, "delay_ns")));
    CHECK(json_is_null(json_object_get(sink, "slack_min_ns")));
    CHECK(json_is_null(json_object_get(sink, "slack_p50_ns")));
    CHECK(json_is_null(json_object_get(sink, "slack_p1_ns")));
    json_decref(object);
    tt_report_close(&report);
}

static void live_line_is_since_the_last(void)
{
    struct tt_report *report = fill();
    struct tt_report_line line;

    tt_report_live(report, &line);
    CHECK_INT(line.frames, 10);
    CHECK_INT(line.slack_min_ns, -10000000);
    add(report, 0, 10, 4000000, TT_CAUSE_NONE, 0);
    tt_report_live(report, &line);
    CHECK_INT(line.frames, 11);
    CHECK_INT(line.slack_min_ns, 36000000);
    CHECK(line.has_slack);
    tt_report_live(report, &line);
    CHECK(!line.has_slack); /* nothing came since */
    tt_report_close(&report);
}

/* A container is not trusted: absurd records give absurd counts, never a fault. */
static void absurd_records_do_no_harm(void)
{
    struct tt_report *report = open_report(0.1, NULL);
    struct tt_record record = {.kind = TT_RECORD_FRAME, .outcome = 77, .cause = 200, .sink = 1};

    record.index = INT64_MIN;
    tt_report_add(report, &record);
    record.index = INT64_MAX;
    record.outcome = TT_LATE_FRAME;
    record.delivered_ns = INT64_MAX;
    record.origin_ns = record.slack_ns = INT64_MIN;
    tt_report_add(report, &record);
    tt_report_add(report, &record);
    record.sink = 2;
    tt_report_add(report, &record);
    json_decref(print(report));
    tt_report_close(&report);
}

int main(void)
{
    RUN(counts_are_right);
    RUN(members_are_those_promised);
    RUN(each_sink_keeps_its_own_promise);
    RUN(indices_without_a_record_are_lost);
    RUN(without_a_promise_nothing_is_broken);
    RUN(unpaced_has_no_delay);
    RUN(live_line_is_since_the_last);
    RUN(absurd_records_do_no_harm);
    return 0;
}
