/* The life of one frame: which activations it came through, and what stands beside them.
 *
 * A hop's index counts in its component's own order (coded flows: decoding order; audio: quanta),
 * so hops are found by media origin: a component's activation for a frame is the one with the
 * newest origin that is not after the frame's, less than one of its own periods before it. */
#include "ledger/life.h"

#include <stdio.h>
#include <string.h>

#include "ledger/minus.h"
#include "tactus/component.h"

/* Media times of one index at two rates may differ by rounding, never by this. */
enum { SAME_NS = 1000, NEAR_NS = 500000000 };

void ledger_each(const struct tt_ledger *ledger, ledger_see_fn *see, void *ctx)
{
    for (uint32_t n = 0; n < ledger->span_count; n++) {
        const struct tt_ledger_span *span = &ledger->spans[n];

        if (span->part != TT_PART_FRAMES && span->part != TT_PART_HOPS)
            continue;
        for (uint64_t at = 0; at + sizeof(struct tt_record) <= span->bytes;
             at += sizeof(struct tt_record)) {
            struct tt_record record; /* copied: a payload need not be aligned */

            memcpy(&record, ledger->bytes + span->offset + at, sizeof(record));
            see(ctx, &record);
        }
    }
}

struct pace { /* of a component's activations */
    bool is_seen;
    int64_t last_origin_ns, period_ns; /* the least distance of two; INT64_MAX: just one */
};

struct search {
    struct ledger_life *life;
    const json_t *agreement;
    bool is_wanted[LEDGER_COMPONENTS_MAX];
    bool has_origins; /* hops carry their media origin, or the plan tells it by their due time */
    bool has_values;
    struct pace pace[LEDGER_COMPONENTS_MAX];
    int64_t budget_ns[LEDGER_COMPONENTS_MAX]; /* in force at the record that is looked at */
};

/* A hop's media origin: in its value, or its due time less what the plan adds. */
static int64_t origin_of(const struct search *search, const struct tt_record *record)
{
    int64_t offset_ns;

    if (search->has_values ||
        !ledger_agreement_due_offset(search->agreement, record->component, &offset_ns))
        return record->value;
    return ledger_minus(record->due_ns, offset_ns);
}

static void see_value(void *ctx, const struct tt_record *record)
{
    struct search *search = ctx;

    search->has_values |= record->kind == TT_RECORD_HOP && record->value != 0;
}

static void see_pace(void *ctx, const struct tt_record *record)
{
    struct search *search = ctx;
    struct pace *pace;
    int64_t apart_ns, origin_ns;

    if (record->kind == TT_RECORD_LOST)
        search->life->lost_count += (uint64_t)record->value;
    if (record->kind != TT_RECORD_HOP || record->component >= LEDGER_COMPONENTS_MAX)
        return;
    pace = &search->pace[record->component];
    origin_ns = origin_of(search, record);
    search->has_origins |= origin_ns != 0;
    apart_ns = ledger_apart(origin_ns, pace->last_origin_ns);
    if (!pace->is_seen)
        pace->period_ns = INT64_MAX;
    else if (apart_ns > SAME_NS && apart_ns < pace->period_ns)
        pace->period_ns = apart_ns;
    pace->is_seen = true;
    pace->last_origin_ns = origin_ns;
}

static bool is_of_frame(const struct search *search, const struct tt_record *record,
                        int64_t origin_ns)
{
    const struct tt_record *frame = &search->life->frame;
    int64_t period_ns = search->pace[record->component].period_ns, apart_ns;

    if (!search->has_origins)
        return record->index == frame->index;
    apart_ns = ledger_apart(frame->origin_ns, origin_ns);
    if (apart_ns <= SAME_NS)
        return true;
    return origin_ns < frame->origin_ns && period_ns != INT64_MAX && apart_ns < period_ns - SAME_NS;
}

/* Several activations with one origin (a drain, two frames from one call) count as one hop. */
static void join_hop(struct ledger_hop *hop, const struct tt_record *record)
{
    hop->activation_count++;
    if (record->origin_ns < hop->ready_ns)
        hop->ready_ns = record->origin_ns;
    if (record->delivered_ns < hop->start_ns)
        hop->start_ns = record->delivered_ns;
    if (record->sent_ns > hop->end_ns)
        hop->end_ns = record->sent_ns;
    if (record->slack_ns >= 0)
        hop->cpu_ns = ledger_minus(hop->cpu_ns < 0 ? 0 : hop->cpu_ns, -record->slack_ns);
}

/* Budgets follow: a note says which one is in force from its index on. */
static void see_budget(struct search *search, const struct tt_record *record)
{
    if (record->kind == TT_RECORD_NOTE && record->due_ns == TT_NOTE_BUDGET && record->value > 0 &&
        record->component < LEDGER_COMPONENTS_MAX)
        search->budget_ns[record->component] = record->value;
}

static void see_hop(void *ctx, const struct tt_record *record)
{
    struct search *search = ctx;
    struct ledger_hop *hop;
    int64_t origin_ns;

    see_budget(search, record);
    if (record->kind != TT_RECORD_HOP || record->component >= LEDGER_COMPONENTS_MAX ||
        !search->is_wanted[record->component])
        return;
    origin_ns = origin_of(search, record);
    if (!is_of_frame(search, record, origin_ns))
        return;
    hop = &search->life->hops[record->component];
    if (hop->is_there && hop->origin_ns == origin_ns) {
        join_hop(hop, record);
        return;
    }
    if (hop->is_there && hop->origin_ns > origin_ns)
        return;
    *hop = (struct ledger_hop){.is_there = true,
                               .activation_count = 1,
                               .index = record->index,
                               .origin_ns = origin_ns,
                               .due_ns = record->due_ns,
                               .ready_ns = record->origin_ns,
                               .start_ns = record->delivered_ns,
                               .end_ns = record->sent_ns,
                               .cpu_ns = record->slack_ns < 0 ? -1 : record->slack_ns,
                               .budget_ns = search->budget_ns[record->component]};
}

static void see_side(void *ctx, const struct tt_record *record)
{
    struct search *search = ctx;
    struct ledger_life *life = search->life;
    const struct ledger_hop *hop;

    if (record->kind == TT_RECORD_SENT && record->sink == life->frame.sink &&
        record->index == life->frame.index && life->frame.sent_ns == 0)
        life->frame.sent_ns = record->sent_ns;
    if ((record->kind != TT_RECORD_NOTE && record->kind != TT_RECORD_USE) ||
        record->component >= LEDGER_COMPONENTS_MAX || life->side_count == LEDGER_SIDE_MAX ||
        !search->is_wanted[record->component])
        return;
    hop = &life->hops[record->component];
    if (hop->is_there ? hop->index == record->index : record->index == life->frame.index)
        life->side[life->side_count++] = *record;
}

static bool is_near(const struct tt_record *frame, int64_t at_ns)
{
    int64_t last_ns = frame->delivered_ns > frame->due_ns ? frame->delivered_ns : frame->due_ns;

    if (at_ns < frame->origin_ns)
        return ledger_apart(frame->origin_ns, at_ns) <= NEAR_NS;
    return at_ns <= last_ns || ledger_apart(at_ns, last_ns) <= NEAR_NS;
}

static void find_events(struct ledger_life *life, const struct tt_ledger *ledger)
{
    for (uint32_t n = 0; n < ledger->span_count && life->event_count < LEDGER_SIDE_MAX; n++) {
        const struct tt_ledger_span *span = &ledger->spans[n];
        json_t *event, *at;

        if (span->part != TT_PART_EVENT)
            continue;
        event = json_loadb((const char *)ledger->bytes + span->offset, span->bytes, 0, NULL);
        at = json_object_get(event, "at_ns");
        if (json_is_integer(at) && is_near(&life->frame, json_integer_value(at)))
            life->events[life->event_count++] = event;
        else
            json_decref(event);
    }
}

void ledger_life_init(struct ledger_life *life, const struct tt_ledger *ledger,
                      const json_t *agreement, const struct tt_record *frame)
{
    struct search search = {.life = life, .agreement = agreement};

    memset(life, 0, sizeof(*life));
    life->frame = *frame;
    for (uint32_t n = 0; n < LEDGER_COMPONENTS_MAX; n++)
        search.budget_ns[n] = ledger_agreement_budget(agreement, n);
    ledger_agreement_upstream(agreement, frame->sink, search.is_wanted);
    ledger_each(ledger, see_value, &search);
    ledger_each(ledger, see_pace, &search);
    ledger_each(ledger, see_hop, &search);
    ledger_each(ledger, see_side, &search);
    find_events(life, ledger);
}

void ledger_life_fini(struct ledger_life *life)
{
    for (uint32_t n = 0; n < life->event_count; n++)
        json_decref(life->events[n]);
    life->event_count = 0;
}

void ledger_ms_text(int64_t ns, char ret[24])
{
    uint64_t us = (ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns) / 1000;

    (void)snprintf(ret, 24, "%s%llu.%03llu", ns < 0 && us > 0 ? "-" : "",
                   (unsigned long long)(us / 1000), (unsigned long long)(us % 1000));
}

/* The hop that a cause points at: the one blamed, or the one with the most of it. */
static uint32_t guilty_hop(const struct ledger_life *life)
{
    uint32_t blamed = life->frame.component, most = LEDGER_COMPONENTS_MAX;
    int64_t most_ns = -1;

    if (blamed < LEDGER_COMPONENTS_MAX && life->hops[blamed].is_there &&
        (life->frame.cause == TT_CAUSE_BUDGET || life->frame.cause == TT_CAUSE_FAILED))
        return blamed;
    if (life->frame.cause == TT_CAUSE_FAILED)
        return most; /* it crashed: no other's hop is evidence */
    for (uint32_t n = 0; n < LEDGER_COMPONENTS_MAX; n++) {
        const struct ledger_hop *hop = &life->hops[n];
        bool is_waiting = life->frame.cause == TT_CAUSE_WORKER;
        int64_t cpu_ns = hop->cpu_ns < 0 ? 0 : hop->cpu_ns;
        int64_t ns = ledger_minus(hop->end_ns, is_waiting ? hop->ready_ns : hop->start_ns);

        if (is_waiting)
            ns = ledger_minus(ns, cpu_ns);

        if (!hop->is_there || ns <= most_ns)
            continue;
        most = n;
        most_ns = ns;
    }
    return most;
}

static void hop_evidence(const struct ledger_life *life, const json_t *agreement,
                         uint32_t component, char *ret, uint32_t bytes)
{
    const struct ledger_hop *hop = &life->hops[component];
    char name[LEDGER_NAME_BYTES], wait[24], wall[24], cpu[24], budget[24];
    int64_t budget_ns = hop->budget_ns;

    ledger_agreement_component(agreement, component, name);
    ledger_ms_text(ledger_minus(hop->start_ns, hop->ready_ns), wait);
    ledger_ms_text(ledger_minus(hop->end_ns, hop->start_ns), wall);
    ledger_ms_text(hop->cpu_ns < 0 ? 0 : hop->cpu_ns, cpu);
    ledger_ms_text(budget_ns, budget);
    (void)snprintf(ret, bytes, "`%s` waited %s ms and ran %s ms%s%s%s%s%s%s", name, wait, wall,
                   hop->cpu_ns < 0 ? "" : ", of which ", hop->cpu_ns < 0 ? "" : cpu,
                   hop->cpu_ns < 0 ? "" : " ms on the CPU",
                   budget_ns > 0 ? ", of a budget of " : "", budget_ns > 0 ? budget : "",
                   budget_ns > 0 ? " ms" : "");
}

static const char *cause_words(uint32_t cause)
{
    static const char *const words[TT_CAUSE_COUNT] = {
        [TT_CAUSE_NONE] = "no cause was given",
        [TT_CAUSE_INPUT] = "its input came late, by the kernel's receive time",
        [TT_CAUSE_EDGE] = "our edge brought it, or took it, late",
        [TT_CAUSE_WORKER] = "it waited for the worker",
        [TT_CAUSE_BUDGET] = "a component ran over its budget",
        [TT_CAUSE_HOST] = "the host took the CPU away",
        [TT_CAUSE_NETWORK] = "the network",
        [TT_CAUSE_CLOCK] = "a clock was stepped",
        [TT_CAUSE_UNKNOWN] = "nothing that was recorded explains it",
        [TT_CAUSE_MEDIA] = "the source had no such frame, or it could not be decoded",
        [TT_CAUSE_FAILED] = "a component failed"};

    return words[cause < TT_CAUSE_COUNT ? cause : TT_CAUSE_UNKNOWN];
}

void ledger_life_evidence(const struct ledger_life *life, const json_t *agreement, char *ret,
                          uint32_t bytes)
{
    uint32_t hop = guilty_hop(life);
    char evidence[448] = "no activation of this frame was recorded", name[LEDGER_NAME_BYTES];

    if (hop < LEDGER_COMPONENTS_MAX) {
        hop_evidence(life, agreement, hop, evidence, sizeof(evidence));
    } else if (life->frame.cause == TT_CAUSE_FAILED) {
        ledger_agreement_component(agreement, life->frame.component, name);
        (void)snprintf(evidence, sizeof(evidence),
                       "`%s`, of which no activation was recorded for this frame", name);
    }
    if (life->frame.outcome == TT_ON_TIME)
        (void)snprintf(ret, bytes, "on time; %s%s",
                       hop < LEDGER_COMPONENTS_MAX ? "most of the way was: " : "", evidence);
    else
        (void)snprintf(ret, bytes, "%s (%s): %s", cause_words(life->frame.cause),
                       tt_cause_is_ours(life->frame.cause) ? "ours" : "not ours", evidence);
}
