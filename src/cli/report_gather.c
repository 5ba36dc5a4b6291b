/* Gathers what a ledger says of a run: two looks at its records, so that a ledger of a day fits. */
#include "cli/report_gather.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/json_out.h"
#include "ledger/life.h"
#include "ledger/minus.h"
#include "tactus/component.h"

#define HOUR_NS (INT64_C(3600) * 1000000000)

/* A lie about a time must not make the sums of a histogram overflow. */
static int64_t limited(int64_t ns)
{
    return ns > HOUR_NS ? HOUR_NS : ns < 0 ? 0 : ns;
}

static uint8_t cause_of(const struct tt_record *frame)
{
    return frame->cause == TT_CAUSE_NONE || frame->cause >= TT_CAUSE_COUNT ? TT_CAUSE_UNKNOWN
                                                                           : frame->cause;
}

/* Who signs with a key of his own may write what he likes: no time of a run comes near these
 * bounds, and what is calculated from times within them stays within 64 bits. */
static int64_t believable(int64_t ns)
{
    const int64_t most_ns = INT64_C(1) << 60;

    return ns > most_ns ? most_ns : ns < -most_ns ? -most_ns : ns;
}

static struct tt_record believable_frame(const struct tt_record *given)
{
    struct tt_record frame = *given;

    frame.origin_ns = believable(frame.origin_ns);
    frame.due_ns = believable(frame.due_ns);
    frame.delivered_ns = believable(frame.delivered_ns);
    frame.slack_ns = believable(frame.slack_ns);
    return frame;
}

static void blame(struct gather *gather, const struct tt_record *frame)
{
    bool is_lost = frame->outcome == TT_LOST_FRAME;

    (is_lost ? gather->lost : gather->late)[cause_of(frame)]++;
    if (frame->component >= gather->component_count)
        return;
    gather->components[frame->component].lost += is_lost;
    gather->components[frame->component].late += !is_lost;
}

static void see_frame(struct gather *gather, const struct tt_record *frame)
{
    struct gather_sink *sink = &gather->sinks[frame->sink];

    if (frame->due_ns < gather->first_due_ns)
        gather->first_due_ns = frame->due_ns;
    if (frame->due_ns > gather->last_due_ns)
        gather->last_due_ns = frame->due_ns;
    if (sink->frames == 0 || frame->index < sink->first_index) {
        sink->first_index = frame->index;
        sink->first_due_ns = frame->due_ns;
    }
    if (sink->frames == 0 || frame->index > sink->last_index) {
        sink->last_index = frame->index;
        sink->last_due_ns = frame->due_ns;
    }
    sink->frames++;
    sink->due_after_ns = ledger_minus(frame->due_ns, frame->origin_ns);
    if (frame->outcome != TT_ON_TIME)
        blame(gather, frame);
    if (frame->outcome == TT_LOST_FRAME)
        return;
    if (!sink->has_delivered || frame->slack_ns < sink->worst.slack_ns)
        sink->worst = *frame;
    if (!sink->has_delivered || frame->slack_ns > sink->slack_max_ns)
        sink->slack_max_ns = frame->slack_ns;
    sink->has_delivered = true;
    tt_histogram_add(&sink->delay, limited(ledger_minus(frame->delivered_ns, frame->origin_ns)));
}

/* CPU time where it was read, else the time it took. */
static void see_hop(struct gather *gather, const struct tt_record *hop)
{
    struct gather_component *component = &gather->components[hop->component];
    int64_t cost_ns =
        hop->slack_ns >= 0 ? hop->slack_ns : ledger_minus(hop->sent_ns, hop->delivered_ns);

    tt_histogram_add(&component->cost, limited(cost_ns));
    tt_histogram_add(&component->waited, limited(ledger_minus(hop->delivered_ns, hop->origin_ns)));
    component->over_budget += component->in_force_ns > 0 && cost_ns > component->in_force_ns;
}

static int64_t larger(int64_t a_ns, int64_t b_ns)
{
    return a_ns > b_ns ? a_ns : b_ns;
}

/* Budgets follow: a note says which one is in force from its index on. */
static void see_note(struct gather *gather, const struct tt_record *note)
{
    struct gather_component *component = &gather->components[note->component];

    if (note->due_ns == TT_NOTE_HANDOFF) {
        component->handoffs++;
        component->handoff_max_ns = larger(component->handoff_max_ns, limited(note->value));
    } else if (note->due_ns == TT_NOTE_BACK) {
        component->away_max_ns = larger(component->away_max_ns, limited(note->value));
    }
    if (note->due_ns != TT_NOTE_BUDGET || note->value <= 0)
        return;
    component->in_force_ns = note->value;
    if (note->value > component->budget_ns)
        component->budget_ns = note->value;
}

static void see_first(void *ctx, const struct tt_record *record)
{
    struct gather *gather = ctx;
    struct tt_record frame;

    tt_report_add(gather->counting, record);
    if (record->kind == TT_RECORD_FRAME && record->sink < gather->sink_count) {
        frame = believable_frame(record);
        see_frame(gather, &frame);
    } else if (record->kind == TT_RECORD_HOP && record->component < gather->component_count)
        see_hop(gather, record);
    else if (record->kind == TT_RECORD_NOTE && record->component < gather->component_count)
        see_note(gather, record);
    else if (record->kind == TT_RECORD_LOST && record->value > 0)
        gather->records_lost += (uint64_t)record->value;
}

static void see_second(void *ctx, const struct tt_record *record)
{
    const struct tt_record copy = believable_frame(record), *frame = &copy;
    struct gather *gather = ctx;
    struct gather_column *column;
    struct gather_sink *sink;

    if (frame->kind != TT_RECORD_FRAME || frame->sink >= gather->sink_count)
        return;
    sink = &gather->sinks[frame->sink];
    column = &sink->columns[((__int128)frame->index - sink->first_index) * sink->column_count /
                            ((__int128)sink->last_index - sink->first_index + 1)];
    column->repeated += (frame->flags & TT_RECORD_REPEATED) != 0;
    if (frame->outcome == TT_LOST_FRAME) {
        column->lost++;
        column->lost_cause = cause_of(frame);
        return;
    }
    if (column->delivered == 0 || frame->slack_ns < column->slack_min_ns) {
        column->slack_min_ns = frame->slack_ns;
        column->late_cause = frame->outcome == TT_LATE_FRAME ? cause_of(frame) : TT_CAUSE_NONE;
    }
    if (column->delivered == 0 || frame->slack_ns > column->slack_max_ns)
        column->slack_max_ns = frame->slack_ns;
    column->delivered++;
    column->late += frame->outcome == TT_LATE_FRAME;
}

static json_t *load_span(const struct tt_ledger *ledger, uint32_t n)
{
    const struct tt_ledger_span *span = &ledger->spans[n];

    return json_loadb((const char *)ledger->bytes + span->offset, span->bytes, 0, NULL);
}

/* A text that was cut to fit ends in a whole character. */
static void mend_end(char *text)
{
    size_t length = strlen(text), tail = 0;

    while (tail < 4 && tail < length && ((unsigned char)text[length - 1 - tail] & 0xc0) == 0x80)
        tail++;
    if (length > tail && (unsigned char)text[length - 1 - tail] >= 0xc0)
        text[length - 1 - tail] = 0;
}

/* Notes are words beside the run; the others are what happened to it. */
static void see_event(struct gather *gather, const json_t *event)
{
    struct gather_event *place = &gather->events[gather->event_count];
    const char *name = json_text(event, "event"), *text = json_text(event, "text");
    const char *process = json_text(event, "process"); /* or the component that it happened to */

    if (strcmp(name, "note") == 0)
        return;
    gather->event_count_seen++;
    if (gather->event_count == GATHER_EVENTS_MAX)
        return;
    place->at_ns = json_int(event, "at_ns");
    (void)snprintf(place->text, sizeof(place->text), "%.64s%s%.40s%s%.100s", process,
                   process[0] ? " " : "", name, text[0] ? ": " : "", text);
    if (strlen(text) > 100)
        mend_end(place->text);
    gather->event_count++;
}

static json_t *see_json(struct gather *gather)
{
    json_t *count = NULL, *event;

    for (uint32_t n = 0; n < gather->ledger->span_count; n++) {
        if (gather->ledger->spans[n].part == TT_PART_EVENT) {
            event = load_span(gather->ledger, n);
            see_event(gather, event);
            json_decref(event);
        } else if (gather->ledger->spans[n].part == TT_PART_COUNT) {
            json_decref(count);
            count = load_span(gather->ledger, n);
        }
    }
    gather->is_whole = count != NULL;
    return count;
}

static bool read_paced(const struct gather *gather, const json_t *report)
{
    const json_t *is_live = json_object_get(gather->agreement, "is_live");

    if (is_live)
        return json_is_true(is_live);
    return !json_is_null(json_object_get(report, "delay_ns"));
}

static double loss_of(const json_t *promised)
{
    const json_t *loss = json_object_get(promised, "loss");
    double whole = json_number_value(json_array_get(loss, 1));

    return whole > 0 ? json_number_value(json_array_get(loss, 0)) / whole : 0;
}

static struct tt_report *open_report(const struct gather *gather)
{
    const json_t *promised = json_object_get(gather->agreement, "promised");
    const json_t *planned = json_object_get(json_object_get(gather->agreement, "plan"), "sinks");
    const char **names = calloc(gather->sink_count + 1, sizeof(*names));
    double *losses = calloc(gather->sink_count + 1, sizeof(*losses));
    struct tt_report *report = NULL;

    for (uint32_t n = 0; names && losses && n < gather->sink_count; n++) {
        const json_t *sink = json_object_get(planned, gather->sinks[n].name);

        names[n] = gather->sinks[n].name;
        losses[n] = sink ? json_number(sink, "loss") : loss_of(promised);
    }
    if (names && losses)
        report = tt_report_open(
            &(struct tt_report_params){.service = ledger_agreement_text(gather->agreement, "name"),
                                       .class = ledger_agreement_text(gather->agreement, "class"),
                                       .class_reason = json_text(gather->agreement, "class_reason"),
                                       .is_promised = json_is_object(promised),
                                       .is_paced = gather->is_paced,
                                       .deadline_ns = json_int(promised, "deadline_ns"),
                                       .loss = loss_of(promised),
                                       .sink_loss = losses,
                                       .sinks = names,
                                       .sink_count = gather->sink_count});
    free(names);
    free(losses);
    return report;
}

static int lay_out(struct gather *gather)
{
    const json_t *components = json_object_get(gather->agreement, "components");
    size_t count = json_array_size(components);

    gather->component_count = LEDGER_COMPONENTS_MAX;
    if (count < LEDGER_COMPONENTS_MAX)
        gather->component_count = (uint32_t)count;
    gather->sink_count = ledger_agreement_sink_count(gather->agreement);
    if (gather->sink_count > GATHER_SINKS_MAX)
        gather->sink_count = GATHER_SINKS_MAX;
    gather->sinks = calloc(gather->sink_count + 1, sizeof(*gather->sinks));
    gather->components = calloc(gather->component_count + 1, sizeof(*gather->components));
    if (!gather->sinks || !gather->components)
        return -ENOMEM;
    for (uint32_t n = 0; n < gather->sink_count; n++)
        ledger_agreement_sink(gather->agreement, n, gather->sinks[n].name);
    for (uint32_t n = 0; n < gather->component_count; n++) {
        ledger_agreement_component(gather->agreement, n, gather->components[n].name);
        gather->components[n].budget_ns = gather->components[n].in_force_ns =
            ledger_agreement_budget(gather->agreement, n);
    }
    return 0;
}

static void count_columns(struct gather *gather)
{
    for (uint32_t n = 0; n < gather->sink_count; n++) {
        struct gather_sink *sink = &gather->sinks[n];
        __int128 count = (__int128)sink->last_index - sink->first_index + 1;

        sink->column_count = count < GATHER_COLUMNS ? (uint32_t)count : GATHER_COLUMNS;
    }
}

/* An index without a record counts as lost for an unknown cause, as in the report. */
static void count_missing(struct gather *gather)
{
    json_t *sinks = json_object_get(gather->report, "sinks"), *sink;
    uint64_t told = 0, seen = 0;
    const char *name;

    json_object_foreach(sinks, name, sink) told += (uint64_t)json_int(sink, "lost");
    for (uint32_t n = 0; n < TT_CAUSE_COUNT; n++)
        seen += gather->lost[n];
    if (told > seen)
        gather->lost[TT_CAUSE_UNKNOWN] += told - seen;
}

static json_t *print_report(const struct gather *gather, const json_t *told, const char *path)
{
    char head[2 * TT_HASH_BYTES + 1];
    struct tt_report_extra extra = {.first_frame_ns = json_int(told, "first_frame_ns"),
                                    .cpu_ns = json_int(told, "cpu_ns"),
                                    .switches = (uint64_t)json_int(told, "switches"),
                                    .ledger = path,
                                    .ledger_head = head};
    json_t *report;
    char *text;

    for (uint32_t n = 0; n < TT_HASH_BYTES; n++)
        (void)snprintf(head + 2 * n, 3, "%02x", gather->ledger->head[n]);
    text = tt_report_print(gather->counting, &extra);
    report = text ? json_loads(text, 0, NULL) : NULL;
    free(text);
    return report;
}

int gather_open(const struct tt_ledger *ledger, const char *path, struct gather **ret,
                struct tt_error *err)
{
    struct gather *gather = calloc(1, sizeof(*gather));
    json_t *count = NULL;
    int r = gather ? 0 : -ENOMEM;

    if (gather) {
        gather->ledger = ledger;
        gather->first_due_ns = INT64_MAX;
        gather->last_due_ns = INT64_MIN;
        gather->agreement = ledger_agreement_read(ledger);
        r = gather->agreement ? lay_out(gather) : -ENOENT;
    }
    if (r == 0) {
        count = see_json(gather);
        gather->is_paced = read_paced(gather, json_object_get(count, "report"));
        gather->counting = open_report(gather);
        r = gather->counting ? 0 : -ENOMEM;
    }
    if (r == 0) {
        ledger_each(ledger, see_first, gather);
        count_columns(gather);
        ledger_each(ledger, see_second, gather);
        gather->report = print_report(gather, json_object_get(count, "report"), path);
        r = gather->report ? 0 : -ENOMEM;
        count_missing(gather);
    }
    json_decref(count);
    if (r < 0) {
        gather_close(&gather);
        return tt_fail(err, r,
                       r == -ENOENT ? "the ledger's agreement cannot be read; tactus prove "
                                      "says what of it is intact"
                                    : "no memory for the report");
    }
    *ret = gather;
    return 0;
}

void gather_close(struct gather **gather)
{
    if (!*gather)
        return;
    tt_report_close(&(*gather)->counting);
    json_decref((*gather)->report);
    json_decref((*gather)->agreement);
    free((*gather)->sinks);
    free((*gather)->components);
    free(*gather);
    *gather = NULL;
}
