/* What was promised against what was delivered, counted record by record. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/histogram.h"
#include "ledger/ledger.h"
#include "ledger/minus.h"

/* A record for each due index is what the engine owes: an index without one counts as lost for an
 * unknown cause, until its record comes after all. */
struct sink {
    char *name;
    int64_t loss_ppb;
    uint64_t frames, on_time, late, late_ours, lost, repeated, sent, not_sent,
        causes[TT_CAUSE_COUNT];
    uint64_t missing; /* of `lost`: indices that have no record */
    int64_t next_index;
    bool is_begun;
    int64_t slack_min_ns;
    struct tt_histogram delay, slack, lateness; /* slack >= 0; lateness = -slack > 0 */
};

struct tt_report {
    char *service, *class, *class_reason;
    bool is_promised, is_paced;
    int64_t deadline_ns, loss_ppb;
    struct sink *sinks;
    uint32_t sink_count;
    int64_t slack_min_ns; /* since the last live line */
};

/* A share as whole parts in a thousand million: what is decided with it is decided in integers. */
static int64_t to_ppb(double share)
{
    if (!(share > 0))
        return 0;
    return share >= 1 ? 1000000000 : (int64_t)(share * 1e9 + 0.5);
}

static char *copy_text(const char *text)
{
    return strdup(text ? text : "");
}

struct tt_report *tt_report_open(const struct tt_report_params *params)
{
    struct tt_report *report = calloc(1, sizeof(*report));
    bool is_whole;

    if (!report)
        return NULL;
    report->service = copy_text(params->service);
    report->class = copy_text(params->class);
    report->class_reason = copy_text(params->class_reason);
    report->is_promised = params->is_promised;
    report->is_paced = params->is_paced;
    report->deadline_ns = params->deadline_ns;
    report->loss_ppb = to_ppb(params->loss);
    report->slack_min_ns = INT64_MAX;
    report->sinks = calloc(params->sink_count ? params->sink_count : 1, sizeof(*report->sinks));
    is_whole = report->service && report->class && report->class_reason && report->sinks;
    for (uint32_t n = 0; is_whole && n < params->sink_count; n++) {
        struct sink *sink = &report->sinks[report->sink_count++];

        sink->name = copy_text(params->sinks[n]);
        sink->loss_ppb = params->sink_loss ? to_ppb(params->sink_loss[n]) : report->loss_ppb;
        sink->slack_min_ns = INT64_MAX;
        is_whole = sink->name != NULL;
    }
    if (!is_whole)
        tt_report_close(&report);
    return report;
}

/* Counts the indices that were passed over; a record that comes late takes its place back. */
static void follow_index(struct sink *sink, int64_t index, bool is_record)
{
    uint64_t gap;

    if (!sink->is_begun) {
        sink->is_begun = is_record;
        sink->next_index = index;
    }
    if (index < sink->next_index) {
        if (is_record && sink->missing > 0) {
            sink->missing--;
            sink->frames--;
            sink->lost--;
            sink->late_ours--;
            sink->causes[TT_CAUSE_UNKNOWN]--;
        }
        return;
    }
    gap = (uint64_t)index - (uint64_t)sink->next_index;
    sink->missing += gap;
    sink->frames += gap;
    sink->lost += gap;
    sink->late_ours += gap;
    sink->causes[TT_CAUSE_UNKNOWN] += gap;
    sink->next_index = is_record && index < INT64_MAX ? index + 1 : index;
}

static void count_late(struct sink *sink, const struct tt_record *record)
{
    uint32_t cause = record->cause;

    if (cause == TT_CAUSE_NONE || cause >= TT_CAUSE_COUNT)
        cause = TT_CAUSE_UNKNOWN;
    sink->causes[cause]++;
    sink->late_ours += tt_cause_is_ours(cause);
}

/* Live media has no delay of an hour; a lie about one must not make the sums overflow. */
static int64_t limited(int64_t ns)
{
    const int64_t hour_ns = (int64_t)3600 * 1000000000;

    return ns > hour_ns ? hour_ns : ns < -hour_ns ? -hour_ns : ns;
}

static void count_delivered(struct sink *sink, const struct tt_record *record)
{
    int64_t slack_ns = record->slack_ns;

    tt_histogram_add(&sink->delay, limited(ledger_minus(record->delivered_ns, record->origin_ns)));
    if (slack_ns >= 0)
        tt_histogram_add(&sink->slack, limited(slack_ns));
    else
        tt_histogram_add(&sink->lateness, limited(ledger_apart(slack_ns, 0)));
    if (slack_ns < sink->slack_min_ns)
        sink->slack_min_ns = slack_ns;
    sink->repeated += (record->flags & TT_RECORD_REPEATED) != 0;
    sink->sent += record->sent_ns != 0;
    sink->not_sent += record->sent_ns == 0;
}

void tt_report_add(struct tt_report *report, const struct tt_record *record)
{
    struct sink *sink;

    if ((record->kind != TT_RECORD_FRAME && record->kind != TT_RECORD_END) ||
        record->sink >= report->sink_count)
        return;
    sink = &report->sinks[record->sink];
    follow_index(sink, record->index, record->kind == TT_RECORD_FRAME);
    if (record->kind == TT_RECORD_END)
        return;

    sink->frames++;
    if (record->outcome == TT_ON_TIME)
        sink->on_time++;
    else if (record->outcome == TT_LATE_FRAME)
        sink->late++;
    else
        sink->lost++;
    if (record->outcome != TT_ON_TIME)
        count_late(sink, record);
    if (record->outcome == TT_ON_TIME || record->outcome == TT_LATE_FRAME) {
        count_delivered(sink, record);
        if (record->slack_ns < report->slack_min_ns)
            report->slack_min_ns = record->slack_ns;
    }
}

/* For ordering: a sink that got nothing of what it was owed has less slack than any other. Without
 * slack the one that misses most comes first. */
static int64_t least_slack(const struct tt_report *report, const struct sink *sink)
{
    if (!report->is_paced)
        return -(int64_t)(sink->late + sink->lost);
    if (sink->delay.count > 0)
        return sink->slack_min_ns;
    return sink->lost > 0 ? INT64_MIN : INT64_MAX;
}

static const struct sink *worst_sink(const struct tt_report *report)
{
    const struct sink *worst = NULL;

    for (uint32_t n = 0; n < report->sink_count; n++)
        if (!worst || least_slack(report, &report->sinks[n]) < least_slack(report, worst))
            worst = &report->sinks[n];
    return worst;
}

static bool is_kept(const struct sink *sink)
{
    return (unsigned __int128)(sink->late + sink->lost) * 1000000000 <=
           (unsigned __int128)sink->frames * (uint64_t)sink->loss_ppb;
}

bool tt_report_is_kept(const struct tt_report *report)
{
    for (uint32_t n = 0; report->is_promised && n < report->sink_count; n++)
        if (!is_kept(&report->sinks[n]))
            return false;
    return true;
}

/* The slack that `part` of `whole` frames have at most. */
static int64_t slack_quantile(const struct sink *sink, uint64_t part, uint64_t whole)
{
    uint64_t count = sink->delay.count, late_count = sink->lateness.count, rank;

    if (count == 0)
        return 0;
    rank = (uint64_t)(((unsigned __int128)count * part + whole - 1) / whole);
    rank = rank == 0 ? 1 : rank;
    if (rank <= late_count)
        return -tt_histogram_quantile(&sink->lateness, late_count - rank + 1, late_count);
    return tt_histogram_quantile(&sink->slack, rank - late_count, count - late_count);
}

static void put_number(json_t *object, const char *name, int64_t value)
{
    (void)json_object_set_new(object, name, json_integer(value));
}

static void put_text(json_t *object, const char *name, const char *text)
{
    (void)json_object_set_new(object, name, text ? json_string(text) : json_null());
}

static void put_time(json_t *object, const char *name, bool is_known, int64_t ns)
{
    (void)json_object_set_new(object, name, is_known ? json_integer(ns) : json_null());
}

static void put_delay(json_t *object, const struct sink *sink, bool is_paced)
{
    json_t *delay;

    if (!is_paced) {
        put_text(object, "delay_ns", NULL);
        return;
    }
    delay = json_object();
    put_number(delay, "p50", tt_histogram_quantile(&sink->delay, 50, 100));
    put_number(delay, "p99", tt_histogram_quantile(&sink->delay, 99, 100));
    put_number(delay, "p99_9", tt_histogram_quantile(&sink->delay, 999, 1000));
    put_number(delay, "max", sink->delay.count ? sink->delay.max_ns : 0);
    (void)json_object_set_new(object, "delay_ns", delay);
}

static void put_counts(json_t *object, const struct sink *sink, bool is_paced)
{
    json_t *causes = json_object();

    put_number(object, "frames", (int64_t)sink->frames);
    put_number(object, "on_time", (int64_t)sink->on_time);
    put_number(object, "late", (int64_t)sink->late);
    put_number(object, "late_ours", (int64_t)sink->late_ours);
    put_number(object, "lost", (int64_t)sink->lost);
    put_number(object, "repeated", (int64_t)sink->repeated);
    put_delay(object, sink, is_paced);
    for (uint32_t n = 0; n < TT_CAUSE_COUNT; n++)
        if (sink->causes[n] > 0)
            put_number(causes, tt_cause_name(n), (int64_t)sink->causes[n]);
    (void)json_object_set_new(object, "causes", causes);
}

static json_t *sink_json(const struct sink *sink, bool is_paced)
{
    json_t *object = json_object();

    put_counts(object, sink, is_paced);
    put_number(object, "sent", (int64_t)sink->sent);
    put_number(object, "not_sent", (int64_t)sink->not_sent);
    put_time(object, "slack_min_ns", is_paced, sink->delay.count ? sink->slack_min_ns : 0);
    put_time(object, "slack_p50_ns", is_paced, slack_quantile(sink, 50, 100));
    put_time(object, "slack_p1_ns", is_paced, slack_quantile(sink, 1, 100));
    return object;
}

static void put_promise(json_t *object, const struct tt_report *report, const struct sink *worst)
{
    json_t *promised;

    if (!report->is_promised) {
        put_text(object, "promised", NULL);
        put_text(object, "kept", NULL);
        put_text(object, "loss_allowed", NULL);
        return;
    }
    promised = json_object();
    put_number(promised, "deadline_ns", report->deadline_ns);
    (void)json_object_set_new(promised, "loss", json_real((double)report->loss_ppb / 1e9));
    (void)json_object_set_new(object, "promised", promised);
    (void)json_object_set_new(object, "kept", json_boolean(tt_report_is_kept(report)));
    put_number(
        object, "loss_allowed",
        (int64_t)((unsigned __int128)worst->frames * (uint64_t)worst->loss_ppb / 1000000000));
}

char *tt_report_print(const struct tt_report *report, const struct tt_report_extra *extra)
{
    static const struct sink nothing;
    const struct sink *worst = worst_sink(report);
    json_t *object = json_object(), *sinks = json_object();
    char *text;

    put_text(object, "service", report->service);
    put_text(object, "class", report->class);
    put_text(object, "class_reason", report->class_reason);
    put_promise(object, report, worst ? worst : &nothing);
    put_text(object, "sink", worst ? worst->name : NULL);
    put_counts(object, worst ? worst : &nothing, report->is_paced);
    put_number(object, "first_frame_ns", extra->first_frame_ns);
    put_number(object, "cpu_ns", extra->cpu_ns);
    put_number(object, "switches", (int64_t)extra->switches);
    put_text(object, "ledger", extra->ledger);
    put_text(object, "ledger_head", extra->ledger_head);
    for (uint32_t n = 0; n < report->sink_count; n++)
        (void)json_object_set_new(sinks, report->sinks[n].name,
                                  sink_json(&report->sinks[n], report->is_paced));
    (void)json_object_set_new(object, "sinks", sinks);
    text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(object);
    return text;
}

/* The sink with the least slack is another one every second: counts that a person watches would
 * jump between a picture's rate and a sound's. */
void tt_report_live(struct tt_report *report, struct tt_report_line *ret)
{
    *ret =
        (struct tt_report_line){.has_slack = report->is_paced && report->slack_min_ns != INT64_MAX,
                                .slack_min_ns = report->slack_min_ns,
                                .frames = report->sink_count > 0 ? report->sinks[0].frames : 0};
    for (uint32_t n = 0; n < report->sink_count; n++) {
        ret->late += report->sinks[n].late;
        ret->lost += report->sinks[n].lost;
        ret->repeated += report->sinks[n].repeated;
    }
    report->slack_min_ns = INT64_MAX;
}

void tt_report_close(struct tt_report **report)
{
    if (!*report)
        return;
    for (uint32_t n = 0; (*report)->sinks && n < (*report)->sink_count; n++)
        free((*report)->sinks[n].name);
    free((*report)->sinks);
    free((*report)->service);
    free((*report)->class);
    free((*report)->class_reason);
    free(*report);
    *report = NULL;
}
