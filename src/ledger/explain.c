/* Explains a ledger to a person: the worst frames, or the life of one, within 80 columns. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/life.h"
#include "ledger/minus.h"
#include "tactus/component.h"

enum { WORST_COUNT = 5, BAR_COLUMNS = 60, NAME_COLUMNS = 14, TEXT_COLUMNS = 78, FAR_TIMES = 8 };

struct survey { /* what one look at all frame records gives */
    const char *sink_name;
    uint32_t sink; /* UINT32_MAX: all */
    int64_t index; /* < 0: the worst */
    struct tt_record worst[WORST_COUNT];
    uint32_t worst_count;
    bool is_found;
    struct tt_record found;
    bool has_least;
    struct tt_record least; /* of all sinks */
};

/* A lost frame is worse than any late one; among equals the least slack, then the first. */
static bool is_worse(const struct tt_record *a, const struct tt_record *b)
{
    bool is_a_lost = a->outcome == TT_LOST_FRAME, is_b_lost = b->outcome == TT_LOST_FRAME;

    if (is_a_lost != is_b_lost)
        return is_a_lost;
    return !is_a_lost && a->slack_ns < b->slack_ns;
}

static void see_worst(struct survey *survey, const struct tt_record *record)
{
    uint32_t at = survey->worst_count;

    while (at > 0 && is_worse(record, &survey->worst[at - 1]))
        at--;
    if (at == WORST_COUNT)
        return;
    if (survey->worst_count < WORST_COUNT)
        survey->worst_count++;
    memmove(&survey->worst[at + 1], &survey->worst[at],
            (survey->worst_count - at - 1) * sizeof(*record));
    survey->worst[at] = *record;
}

static void see_frame(void *ctx, const struct tt_record *record)
{
    struct survey *survey = ctx;

    if (record->kind != TT_RECORD_FRAME)
        return;
    if (record->outcome != TT_LOST_FRAME &&
        (!survey->has_least || record->slack_ns < survey->least.slack_ns)) {
        survey->has_least = true;
        survey->least = *record;
    }
    if (survey->sink != UINT32_MAX && record->sink != survey->sink)
        return;
    see_worst(survey, record);
    if (!survey->is_found && record->index == survey->index) {
        survey->is_found = true;
        survey->found = *record;
    }
}

static void put_wrapped(FILE *out, const char *text)
{
    size_t column = 0;

    while (*text) {
        size_t word = strcspn(text, " ");

        if (column > 0 && column + 1 + word > TEXT_COLUMNS) {
            fputc('\n', out);
            column = 0;
        }
        if (column > 0) {
            fputc(' ', out);
            column++;
        }
        fwrite(text, 1, word, out);
        column += word;
        text += word;
        text += strspn(text, " ");
    }
    fputc('\n', out);
}

static void print_worst(FILE *out, const struct survey *survey, const json_t *agreement)
{
    fprintf(out, "%s (%s): the frames with the least slack, lost ones first\n\n",
            ledger_agreement_text(agreement, "name"), ledger_agreement_text(agreement, "class"));
    fprintf(out, "%-18s %9s  %-8s %11s %11s  %s\n", "sink", "frame", "outcome", "slack ms",
            "delay ms", "cause");
    for (uint32_t n = 0; n < survey->worst_count; n++) {
        const struct tt_record *frame = &survey->worst[n];
        char name[LEDGER_NAME_BYTES], slack[24] = "-", delay[24] = "-";

        ledger_agreement_sink(agreement, frame->sink, name);
        if (frame->outcome != TT_LOST_FRAME) {
            ledger_ms_text(frame->slack_ns, slack);
            ledger_ms_text(ledger_minus(frame->delivered_ns, frame->origin_ns), delay);
        }
        fprintf(out, "%-18.18s %9lld  %-8s %11s %11s  %s\n", name, (long long)frame->index,
                frame->outcome == TT_ON_TIME ? "on time" : tt_outcome_name(frame->outcome), slack,
                delay, frame->outcome == TT_ON_TIME ? "" : tt_cause_name(frame->cause));
    }
}

static void print_head(FILE *out, const struct ledger_life *life, const json_t *agreement)
{
    const struct tt_record *frame = &life->frame;
    char name[LEDGER_NAME_BYTES], text[LEDGER_NAME_BYTES + 640], a[24], b[24], c[24];

    ledger_agreement_sink(agreement, frame->sink, name);
    ledger_ms_text(ledger_apart(frame->slack_ns, 0), a);
    if (frame->outcome == TT_LOST_FRAME)
        fprintf(out, "%s, frame %lld: lost\n\n", name, (long long)frame->index);
    else
        fprintf(out, "%s, frame %lld: %s %s ms\n\n", name, (long long)frame->index,
                frame->outcome == TT_LATE_FRAME ? "late by"
                : frame->slack_ns < 0           ? "not due by the clock; past its time by"
                                                : "on time, with a slack of",
                a);

    ledger_life_evidence(life, agreement, text, sizeof(text));
    put_wrapped(out, text);
    ledger_ms_text(frame->origin_ns, a);
    ledger_ms_text(ledger_minus(frame->due_ns, frame->origin_ns), b);
    fprintf(out, "\norigin     %s ms into the service\ndue        %s ms after it\n", a, b);
    if (frame->outcome != TT_LOST_FRAME) {
        ledger_ms_text(ledger_minus(frame->delivered_ns, frame->origin_ns), c);
        fprintf(out, "delivered  %s ms after it%s\n", c,
                frame->flags & TT_RECORD_REPEATED ? ", an older picture" : "");
    }
    if (frame->sent_ns != 0) {
        ledger_ms_text(ledger_minus(frame->sent_ns, frame->origin_ns), c);
        fprintf(out, "sent       %s ms after it\n", c);
    }
}

struct scale {
    int64_t first_ns, last_ns;
};

static uint32_t column_of(const struct scale *scale, int64_t ns)
{
    int64_t wide_ns = ledger_minus(scale->last_ns, scale->first_ns);
    int64_t at_ns = ledger_minus(ns, scale->first_ns);

    if (at_ns <= 0 || wide_ns <= 0)
        return 0;
    return at_ns >= wide_ns ? BAR_COLUMNS - 1
                            : (uint32_t)((__int128)at_ns * (BAR_COLUMNS - 1) / wide_ns);
}

/* '.' waits, '#' runs, '|' is the due time; INT64_MIN: it is not in sight. */
static void put_bar(FILE *out, const struct scale *scale, const struct ledger_hop *hop,
                    int64_t due_ns)
{
    char bar[BAR_COLUMNS + 1];
    uint32_t start = column_of(scale, hop->start_ns), end = column_of(scale, hop->end_ns);

    memset(bar, ' ', BAR_COLUMNS);
    for (uint32_t n = column_of(scale, hop->ready_ns); n < start; n++)
        bar[n] = '.';
    for (uint32_t n = start; n <= end; n++)
        bar[n] = '#';
    if (due_ns != INT64_MIN)
        bar[column_of(scale, due_ns)] = '|';
    bar[BAR_COLUMNS] = 0;
    fprintf(out, "%s\n", bar);
}

/* From the first thing that happened to the last; to the due time too, unless that is so far off
 * that nothing else could be told apart. */
static struct scale scale_of(const struct ledger_life *life, bool *ret_is_due_far)
{
    const struct tt_record *frame = &life->frame;
    struct scale scale = {frame->origin_ns, frame->origin_ns};

    if (frame->outcome != TT_LOST_FRAME && frame->delivered_ns > scale.last_ns)
        scale.last_ns = frame->delivered_ns;
    for (uint32_t n = 0; n < LEDGER_COMPONENTS_MAX; n++) {
        const struct ledger_hop *hop = &life->hops[n];

        if (hop->is_there && hop->ready_ns < scale.first_ns)
            scale.first_ns = hop->ready_ns;
        if (hop->is_there && hop->end_ns > scale.last_ns)
            scale.last_ns = hop->end_ns;
    }
    *ret_is_due_far = ledger_minus(frame->due_ns, scale.first_ns) / FAR_TIMES >
                      ledger_minus(scale.last_ns, scale.first_ns);
    if (!*ret_is_due_far && frame->due_ns > scale.last_ns)
        scale.last_ns = frame->due_ns;
    return scale;
}

static void print_bars(FILE *out, const struct ledger_life *life, const json_t *agreement)
{
    const struct tt_record *frame = &life->frame;
    bool is_due_far;
    struct scale scale = scale_of(life, &is_due_far);
    char name[LEDGER_NAME_BYTES], first[24], last[24], due[24];

    ledger_ms_text(ledger_minus(scale.first_ns, frame->origin_ns), first);
    ledger_ms_text(ledger_minus(scale.last_ns, frame->origin_ns), last);
    ledger_ms_text(ledger_minus(frame->due_ns, frame->origin_ns), due);
    fprintf(out, "\n%-*s  %-*s%*s ms\n", NAME_COLUMNS, "", BAR_COLUMNS / 2, first,
            BAR_COLUMNS / 2 - 3, last);
    for (uint32_t n = 0; n < LEDGER_COMPONENTS_MAX; n++) {
        if (!life->hops[n].is_there)
            continue;
        ledger_agreement_component(agreement, n, name);
        fprintf(out, "%-*.*s  ", NAME_COLUMNS, NAME_COLUMNS, name);
        put_bar(out, &scale, &life->hops[n], is_due_far ? INT64_MIN : frame->due_ns);
    }
    if (is_due_far)
        fprintf(out, "%-*s  . waits   # runs   due far to the right, at %s ms\n", NAME_COLUMNS, "",
                due);
    else
        fprintf(out, "%-*s  . waits   # runs   | due\n", NAME_COLUMNS, "");
}

static void print_hops(FILE *out, const struct ledger_life *life, const json_t *agreement)
{
    int64_t zero_ns = life->frame.origin_ns;

    fprintf(out, "\n%-*s%9s%9s%9s%9s%9s%9s%9s\n", NAME_COLUMNS, "ms", "ready", "start", "end",
            "wait", "wall", "cpu", "budget");
    for (uint32_t n = 0; n < LEDGER_COMPONENTS_MAX; n++) {
        const struct ledger_hop *hop = &life->hops[n];
        char name[LEDGER_NAME_BYTES], at[7][24] = {{0}};
        int64_t budget_ns = hop->budget_ns;

        if (!hop->is_there)
            continue;
        ledger_agreement_component(agreement, n, name);
        ledger_ms_text(ledger_minus(hop->ready_ns, zero_ns), at[0]);
        ledger_ms_text(ledger_minus(hop->start_ns, zero_ns), at[1]);
        ledger_ms_text(ledger_minus(hop->end_ns, zero_ns), at[2]);
        ledger_ms_text(ledger_minus(hop->start_ns, hop->ready_ns), at[3]);
        ledger_ms_text(ledger_minus(hop->end_ns, hop->start_ns), at[4]);
        if (hop->cpu_ns >= 0)
            ledger_ms_text(hop->cpu_ns, at[5]);
        if (budget_ns > 0)
            ledger_ms_text(budget_ns, at[6]);
        fprintf(out, "%-*.*s%9s%9s%9s%9s%9s%9s%9s\n", NAME_COLUMNS, NAME_COLUMNS, name, at[0],
                at[1], at[2], at[3], at[4], hop->cpu_ns < 0 ? "-" : at[5],
                budget_ns > 0 ? at[6] : "-");
    }
}

static void print_side(FILE *out, const struct ledger_life *life, const json_t *agreement)
{
    char name[LEDGER_NAME_BYTES], ms[24];

    if (life->side_count + life->event_count > 0 || life->lost_count > 0)
        fputc('\n', out);
    for (uint32_t n = 0; n < life->side_count; n++) {
        const struct tt_record *record = &life->side[n];

        ledger_agreement_component(agreement, record->component, name);
        if (record->kind == TT_RECORD_USE)
            fprintf(out, "late input   %.40s used `%s`\n", name, ledger_policy_name(record->value));
        else if (record->due_ns == TT_NOTE_DEGRADE)
            fprintf(out, "level        %.40s is at level %lld from this frame on\n", name,
                    (long long)record->value);
        else if (record->due_ns == TT_NOTE_TRAP)
            fprintf(out, "trap         %.40s: its sandbox ended it (code %lld, function %lld)\n",
                    name, (long long)(record->value & 0xff), (long long)(record->value >> 8));
        else
            fprintf(out, "note         %.40s: number %lld is %lld\n", name,
                    (long long)record->due_ns, (long long)record->value);
    }
    for (uint32_t n = 0; n < life->event_count; n++) {
        ledger_ms_text(ledger_minus(json_integer_value(json_object_get(life->events[n], "at_ns")),
                                    life->frame.origin_ns),
                       ms);
        fprintf(out, "event        %.40s, %s ms after the origin\n",
                ledger_agreement_text(life->events[n], "event"), ms);
    }
    if (life->lost_count > 0)
        fprintf(out, "%llu records are missing in this ledger: a ring was full\n",
                (unsigned long long)life->lost_count);
}

static bool has_hops(const struct ledger_life *life)
{
    for (uint32_t n = 0; n < LEDGER_COMPONENTS_MAX; n++)
        if (life->hops[n].is_there)
            return true;
    return false;
}

static void print_life(FILE *out, const struct ledger_life *life, const json_t *agreement)
{
    print_head(out, life, agreement);
    if (has_hops(life)) {
        print_bars(out, life, agreement);
        print_hops(out, life, agreement);
    }
    print_side(out, life, agreement);
}

static char *worst_text(const struct survey *survey, const json_t *agreement)
{
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);

    if (!out)
        return NULL;
    print_worst(out, survey, agreement);
    return fclose(out) == 0 ? text : NULL;
}

static char *life_text(const struct ledger_life *life, const json_t *agreement)
{
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);

    if (!out)
        return NULL;
    print_life(out, life, agreement);
    return fclose(out) == 0 ? text : NULL;
}

static char *explain_frame(const struct tt_ledger *ledger, const struct survey *survey,
                           const json_t *agreement, bool as_json)
{
    struct ledger_life *life = malloc(sizeof(*life));
    char *text;

    if (!life)
        return NULL;
    ledger_life_init(life, ledger, agreement, &survey->found);
    text = as_json ? ledger_life_json(life, agreement) : life_text(life, agreement);
    ledger_life_fini(life);
    free(life);
    return text;
}

static int survey_ledger(const struct tt_ledger *ledger, const json_t *agreement,
                         struct survey *survey, struct tt_error *err)
{
    int r;

    if (survey->sink_name) {
        r = ledger_agreement_need_sink(agreement, survey->sink_name, &survey->sink, err);
        if (r < 0)
            return r;
    }
    ledger_each(ledger, see_frame, survey);
    if (!survey->sink_name && survey->index >= 0 && survey->has_least) {
        survey->sink = survey->least.sink;
        survey->is_found = false;
        ledger_each(ledger, see_frame, survey);
    }
    if (survey->worst_count == 0)
        return tt_fail(err, -ENOENT, "the ledger has no frames%s%s",
                       survey->sink_name ? " of sink " : "",
                       survey->sink_name ? survey->sink_name : "");
    if (survey->index >= 0 && !survey->is_found)
        return tt_fail(err, -ENOENT, "the ledger has no frame %lld%s%s", (long long)survey->index,
                       survey->sink_name ? " of sink " : "",
                       survey->sink_name ? survey->sink_name : "");
    return 0;
}

int tt_ledger_explain(const struct tt_ledger *ledger, const char *sink, int64_t index, bool as_json,
                      char **ret, struct tt_error *err)
{
    struct survey survey = {.sink_name = sink, .sink = UINT32_MAX, .index = index};
    json_t *agreement = ledger_agreement_read(ledger);
    char *text;
    int r;

    if (!agreement)
        return tt_fail(err, -ENOENT, "nothing in the ledger can be read: %s", ledger->reason);
    r = survey_ledger(ledger, agreement, &survey, err);
    if (r < 0) {
        json_decref(agreement);
        return r;
    }
    if (index >= 0)
        text = explain_frame(ledger, &survey, agreement, as_json);
    else if (as_json)
        text = ledger_worst_json(survey.worst, survey.worst_count, agreement);
    else
        text = worst_text(&survey, agreement);
    json_decref(agreement);
    if (!text)
        return tt_fail(err, -ENOMEM, "no memory to explain a ledger");
    *ret = text;
    return 0;
}
