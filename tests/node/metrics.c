/* What monitoring systems are told: counted right, within bounds, escaped, in both formats. */
#include "node/metrics.h"

#include <stdlib.h>

#include "check.h"

#define MS INT64_C(1000000)

static const struct metrics_gauges gauges = {
    .version = "1.2.3", .class = "fifo", .reserved_ppm = 250000, .limit_ppm = 1800000, .cpus = 2};

static void name_picture(struct tt_picture *picture, struct tt_picture_component *component,
                         const char *service, const char *name)
{
    memset(picture, 0, sizeof(*picture));
    memset(component, 0, sizeof(*component));
    (void)snprintf(picture->name, sizeof(picture->name), "%s", service);
    (void)snprintf(component->name, sizeof(component->name), "%s", name);
    component->is_sink = true;
    component->in_count = 1;
    picture->components = component;
    picture->component_count = picture->sink_count = 1;
}

static struct meter *begin(struct metrics *metrics, const char *service, const char *name)
{
    static struct tt_picture picture;
    static struct tt_picture_component component;

    name_picture(&picture, &component, service, name);
    return meter_open(metrics, &picture);
}

static char *print(const struct metrics *metrics, bool is_open)
{
    size_t bytes = 0;
    char *text = NULL;
    FILE *out = open_memstream(&text, &bytes);

    CHECK(out != NULL);
    metrics_print(metrics, &gauges, is_open, out);
    CHECK_INT(fclose(out), 0);
    return text;
}

static void expect(const struct metrics *metrics, const char *line)
{
    char *text = print(metrics, true);

    if (strstr(text, line) == NULL)
        fprintf(stderr, "missing: %s\n%s", line, text);
    CHECK(strstr(text, line) != NULL);
    free(text);
}

static void frame(struct meter *meter, enum tt_outcome outcome, enum tt_cause cause,
                  int64_t slack_ns)
{
    meter_frame(meter, &(struct tt_record){.kind = TT_RECORD_FRAME,
                                           .outcome = (uint8_t)outcome,
                                           .cause = (uint8_t)cause,
                                           .slack_ns = slack_ns});
}

static void frames_are_counted_by_outcome_and_cause(void)
{
    struct metrics *metrics = metrics_open();
    struct meter *meter = begin(metrics, "news", "out");

    frame(meter, TT_ON_TIME, TT_CAUSE_NONE, 30 * MS);
    frame(meter, TT_ON_TIME, TT_CAUSE_NONE, 0);
    frame(meter, TT_LATE_FRAME, TT_CAUSE_BUDGET, -3 * MS);
    frame(meter, TT_LATE_FRAME, TT_CAUSE_NONE, INT64_MIN);
    frame(meter, TT_LOST_FRAME, TT_CAUSE_HOST, 0);
    meter_hop(meter, 0, 2 * MS);
    meter_step(meter, 0, true);
    meter_step(meter, 0, true);
    meter_step(meter, 0, false);
    expect(metrics,
           "tactus_level_steps_total{service=\"news\",component=\"out\",direction=\"down\"} 2\n");
    expect(metrics,
           "tactus_level_steps_total{service=\"news\",component=\"out\",direction=\"up\"} 1\n");
    meter_close(&meter);
    expect(metrics, "tactus_frames_total{service=\"news\",sink=\"out\",outcome=\"on_time\"} 2\n");
    expect(metrics, "tactus_frames_total{service=\"news\",sink=\"out\",outcome=\"late\"} 2\n");
    expect(metrics, "tactus_frames_total{service=\"news\",sink=\"out\",outcome=\"lost\"} 1\n");
    expect(metrics, "tactus_deadline_miss_total{cause=\"budget\"} 1\n");
    expect(metrics, "tactus_deadline_miss_total{cause=\"unknown\"} 1\n");
    expect(metrics, "tactus_deadline_miss_total{cause=\"host\"} 1\n");
    expect(metrics, "tactus_slack_seconds_sum{service=\"news\",sink=\"out\"} 0.030000000\n");
    expect(metrics,
           "tactus_slack_seconds_bucket{service=\"news\",sink=\"out\",le=\"0.033554431\"} 2\n");
    expect(metrics,
           "tactus_slack_seconds_bucket{service=\"news\",sink=\"out\",le=\"0.016777215\"} 1\n");
    expect(metrics, "tactus_lateness_seconds_sum{service=\"news\",sink=\"out\"} 60.003000000\n");
    expect(metrics, "tactus_cost_seconds_count{service=\"news\",component=\"out\"} 1\n");
    metrics_close(&metrics);
}

/* Where a bucket ends a value counts into it, and one nanosecond above into the next. */
static void buckets_end_where_they_say(void)
{
    struct metrics *metrics = metrics_open();
    struct meter *meter = begin(metrics, "s", "out");

    meter_hop(meter, 0, (1 << 20) - 1);
    meter_hop(meter, 0, 1 << 20);
    expect(metrics,
           "tactus_cost_seconds_bucket{service=\"s\",component=\"out\",le=\"0.000524287\"} "
           "0\n");
    expect(metrics,
           "tactus_cost_seconds_bucket{service=\"s\",component=\"out\",le=\"0.001048575\"} "
           "1\n");
    expect(metrics,
           "tactus_cost_seconds_bucket{service=\"s\",component=\"out\",le=\"0.002097151\"} "
           "2\n");
    meter_close(&meter);
    metrics_close(&metrics);
}

static void a_counter_outlives_its_service(void)
{
    struct metrics *metrics = metrics_open();
    struct meter *meter = begin(metrics, "again", "out"), *beside;

    frame(meter, TT_ON_TIME, TT_CAUSE_NONE, MS);
    meter_close(&meter);
    meter = begin(metrics, "again", "out");
    beside = begin(metrics, "again", "out"); /* of another user: one series must not come twice */
    frame(meter, TT_ON_TIME, TT_CAUSE_NONE, MS);
    frame(beside, TT_ON_TIME, TT_CAUSE_NONE, MS);
    expect(metrics, "tactus_frames_total{service=\"again\",sink=\"out\",outcome=\"on_time\"} 3\n");
    meter_close(&meter);
    meter_close(&beside);
    metrics_close(&metrics);
}

static void names_are_escaped(void)
{
    struct metrics *metrics = metrics_open();
    struct meter *meter = begin(metrics, "a\"b\\c\nd", "out");

    expect(metrics,
           "tactus_frames_total{service=\"a\\\"b\\\\c\\nd\",sink=\"out\",outcome=\"late\"}");
    meter_close(&meter);
    metrics_close(&metrics);
}

static uint32_t count_of(const char *text, const char *what)
{
    uint32_t count = 0;

    for (; (text = strstr(text, what)) != NULL; text++)
        count++;
    return count;
}

/* A user who runs under ever new names costs the others nothing. */
static void series_are_bounded(void)
{
    enum { RUNS = 3 * METRICS_SINKS_MAX };

    struct metrics *metrics = metrics_open();
    struct meter *kept = begin(metrics, "kept", "out"), *meters[METRICS_SINKS_MAX];
    char name[32], *text;

    frame(kept, TT_ON_TIME, TT_CAUSE_NONE, MS);
    for (int n = 0; n < RUNS; n++) {
        struct meter *meter;

        (void)snprintf(name, sizeof(name), "n%d", n);
        meter = begin(metrics, name, "out");
        meter_close(&meter);
    }
    text = print(metrics, true);
    CHECK_INT(count_of(text, "outcome=\"lost\""), METRICS_SINKS_MAX);
    CHECK(strstr(text, "service=\"kept\"") != NULL && strstr(text, "service=\"n0\"") == NULL);
    CHECK(strstr(text, "service=\"n767\"") != NULL && strstr(text, "_other") == NULL);
    free(text);
    for (int n = 0; n < METRICS_SINKS_MAX; n++) { /* all at once: the last has no place */
        (void)snprintf(name, sizeof(name), "m%d", n);
        meters[n] = begin(metrics, name, "out");
        frame(meters[n], TT_ON_TIME, TT_CAUSE_NONE, MS);
    }
    expect(metrics,
           "tactus_frames_total{service=\"_other\",sink=\"_other\",outcome=\"on_time\"} 1\n");
    expect(metrics, "tactus_frames_total{service=\"kept\",sink=\"out\",outcome=\"on_time\"} 1\n");
    for (int n = 0; n < METRICS_SINKS_MAX; n++)
        meter_close(&meters[n]);
    meter_close(&kept);
    metrics_close(&metrics);
}

static void both_formats_name_counters_their_way(void)
{
    struct metrics *metrics = metrics_open();
    char *open = print(metrics, true), *plain = print(metrics, false);

    CHECK(strstr(open, "# TYPE tactus_frames counter\n") != NULL);
    CHECK(strstr(open, "# UNIT tactus_slack_seconds seconds\n") != NULL);
    CHECK(strcmp(open + strlen(open) - 6, "# EOF\n") == 0);
    CHECK(strstr(plain, "# TYPE tactus_frames_total counter\n") != NULL);
    CHECK(strstr(plain, "# UNIT") == NULL && strstr(plain, "# EOF") == NULL);
    CHECK(strstr(plain, "tactus_build_info{version=\"1.2.3\",class=\"fifo\"} 1\n") != NULL);
    CHECK(strstr(plain, "tactus_reserved_ppm 250000\n") != NULL);
    free(open);
    free(plain);
    metrics_close(&metrics);
}

static void nothing_is_counted_without_metrics(void)
{
    struct meter *meter = begin(NULL, "s", "out");

    CHECK(meter == NULL);
    frame(meter, TT_ON_TIME, TT_CAUSE_NONE, MS);
    meter_hop(meter, 0, MS);
    meter_close(&meter);
}

int main(void)
{
    RUN(frames_are_counted_by_outcome_and_cause);
    RUN(buckets_end_where_they_say);
    RUN(a_counter_outlives_its_service);
    RUN(names_are_escaped);
    RUN(series_are_bounded);
    RUN(both_formats_name_counters_their_way);
    RUN(nothing_is_counted_without_metrics);
    return 0;
}
