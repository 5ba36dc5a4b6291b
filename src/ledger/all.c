/* All that a ledger says of one sink, or of every sink: a table for people, lists for programs.
 * Written as it is read: a ledger of a day would not fit into memory as a tree of JSON. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/life.h"
#include "ledger/minus.h"

struct sent { /* an edge's write that returned after the frame's record was written */
    uint16_t sink;
    int64_t index, sent_ns;
};

struct listing {
    FILE *out;
    const json_t *agreement;
    uint32_t sink; /* UINT32_MAX: all */
    bool is_upstream[LEDGER_COMPONENTS_MAX];
    uint32_t kind; /* of the records that are being printed */
    uint64_t count;
    struct sent *sents;
    uint64_t sent_count, sent_room;
    bool has_no_memory;
};

static int compare_sents(const void *left, const void *right)
{
    const struct sent *a = left, *b = right;

    if (a->sink != b->sink)
        return a->sink < b->sink ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

static void see_sent(void *ctx, const struct tt_record *record)
{
    struct listing *listing = ctx;

    if (record->kind != TT_RECORD_SENT || listing->has_no_memory)
        return;
    if (listing->sent_count == listing->sent_room) {
        uint64_t room = listing->sent_room ? listing->sent_room * 2 : 256;
        struct sent *grown = reallocarray(listing->sents, room, sizeof(*grown));

        if (!grown) {
            listing->has_no_memory = true;
            return;
        }
        listing->sents = grown;
        listing->sent_room = room;
    }
    listing->sents[listing->sent_count++] =
        (struct sent){.sink = record->sink, .index = record->index, .sent_ns = record->sent_ns};
}

static void join_sent(const struct listing *listing, struct tt_record *frame)
{
    struct sent wanted = {.sink = frame->sink, .index = frame->index};
    const struct sent *found;

    if (frame->sent_ns != 0 || listing->sent_count == 0)
        return;
    found = bsearch(&wanted, listing->sents, listing->sent_count, sizeof(wanted), compare_sents);
    if (found)
        frame->sent_ns = found->sent_ns;
}

static bool is_listed(const struct listing *listing, const struct tt_record *record)
{
    if (record->kind != listing->kind)
        return false;
    if (listing->sink == UINT32_MAX)
        return true;
    if (record->kind == TT_RECORD_FRAME)
        return record->sink == listing->sink;
    return record->component < LEDGER_COMPONENTS_MAX && listing->is_upstream[record->component];
}

static void put_item(struct listing *listing, json_t *item)
{
    fputs(listing->count++ == 0 ? "\n    " : ",\n    ", listing->out);
    (void)json_dumpf(item, listing->out, 0);
    json_decref(item);
}

static void see_item(void *ctx, const struct tt_record *record)
{
    struct listing *listing = ctx;
    struct tt_record copy = *record;

    if (!is_listed(listing, record))
        return;
    if (record->kind == TT_RECORD_FRAME) {
        join_sent(listing, &copy);
        put_item(listing, ledger_frame_json(&copy, listing->agreement));
    } else {
        put_item(listing, ledger_side_json(&copy, listing->agreement));
    }
}

static void begin_list(struct listing *listing, const char *name)
{
    listing->count = 0;
    fprintf(listing->out, "  \"%s\": [", name);
}

static void end_list(struct listing *listing)
{
    fprintf(listing->out, "%s],\n", listing->count > 0 ? "\n  " : "");
}

static void put_records(struct listing *listing, const struct tt_ledger *ledger, const char *name,
                        uint32_t kind)
{
    begin_list(listing, name);
    listing->kind = kind;
    ledger_each(ledger, see_item, listing);
    end_list(listing);
}

static void put_names(struct listing *listing)
{
    char name[LEDGER_NAME_BYTES];

    begin_list(listing, "sinks");
    for (uint32_t n = 0; n < ledger_agreement_sink_count(listing->agreement); n++) {
        if (listing->sink != UINT32_MAX && listing->sink != n)
            continue;
        ledger_agreement_sink(listing->agreement, n, name);
        fputs(listing->count++ == 0 ? "" : ", ", listing->out);
        json_t *text = json_string(name);

        (void)json_dumpf(text, listing->out, JSON_ENCODE_ANY);
        json_decref(text);
    }
    fputs("],\n", listing->out);
}

static json_t *load_span(const struct tt_ledger *ledger, uint32_t n)
{
    const struct tt_ledger_span *span = &ledger->spans[n];

    return json_loadb((const char *)ledger->bytes + span->offset, span->bytes, 0, NULL);
}

static void put_events(struct listing *listing, const struct tt_ledger *ledger)
{
    begin_list(listing, "events");
    for (uint32_t n = 0; n < ledger->span_count; n++) {
        json_t *event = ledger->spans[n].part == TT_PART_EVENT ? load_span(ledger, n) : NULL;

        if (event)
            put_item(listing, event);
    }
    end_list(listing);
}

static void put_count(struct listing *listing, const struct tt_ledger *ledger)
{
    json_t *count = NULL;

    if (ledger->span_count > 0 && ledger->spans[ledger->span_count - 1].part == TT_PART_COUNT)
        count = load_span(ledger, ledger->span_count - 1);
    fputs("  \"agreement\": ", listing->out);
    (void)json_dumpf(listing->agreement, listing->out, JSON_REAL_PRECISION(15));
    fputs(",\n  \"count\": ", listing->out);
    if (count)
        (void)json_dumpf(count, listing->out, JSON_REAL_PRECISION(15));
    else
        fputs("null", listing->out);
    json_decref(count);
}

static void print_json(struct listing *listing, const struct tt_ledger *ledger)
{
    fputs("{\n", listing->out);
    put_names(listing);
    put_records(listing, ledger, "frames", TT_RECORD_FRAME);
    put_records(listing, ledger, "notes", TT_RECORD_NOTE);
    put_records(listing, ledger, "uses", TT_RECORD_USE);
    put_records(listing, ledger, "hops", TT_RECORD_HOP);
    put_events(listing, ledger);
    put_count(listing, ledger);
    fputs("\n}\n", listing->out);
}

static void see_row(void *ctx, const struct tt_record *record)
{
    struct listing *listing = ctx;
    char name[LEDGER_NAME_BYTES], origin[24], slack[24] = "-", delay[24] = "-", sent[24] = "-";
    struct tt_record frame = *record;
    const char *why = "";

    if (!is_listed(listing, record))
        return;
    join_sent(listing, &frame);
    ledger_agreement_sink(listing->agreement, frame.sink, name);
    ledger_ms_text(frame.origin_ns, origin);
    if (frame.outcome != TT_LOST_FRAME) {
        ledger_ms_text(frame.slack_ns, slack);
        ledger_ms_text(ledger_minus(frame.delivered_ns, frame.origin_ns), delay);
    }
    if (frame.sent_ns != 0)
        ledger_ms_text(ledger_minus(frame.sent_ns, frame.origin_ns), sent);
    if (frame.outcome != TT_ON_TIME)
        why = tt_cause_name(frame.cause);
    else if (frame.flags & TT_RECORD_REPEATED)
        why = "repeated";
    fprintf(listing->out, "%-13.13s %7lld %11s %8s %8s %8s  %-*s%s\n", name, (long long)frame.index,
            origin, delay, sent, slack, why[0] ? 9 : 0,
            frame.outcome == TT_ON_TIME ? "on time" : tt_outcome_name(frame.outcome), why);
    listing->count++;
}

static void print_table(struct listing *listing, const struct tt_ledger *ledger)
{
    fprintf(listing->out, "%-13s %7s %11s %8s %8s %8s  %-9s%s\n", "sink", "frame", "origin ms",
            "delay ms", "sent ms", "slack ms", "outcome", "cause");
    listing->kind = TT_RECORD_FRAME;
    ledger_each(ledger, see_row, listing);
}

int tt_ledger_list(const struct tt_ledger *ledger, const char *sink, bool as_json, FILE *out,
                   struct tt_error *err)
{
    struct listing listing = {.out = out, .sink = UINT32_MAX};
    json_t *agreement = ledger_agreement_read(ledger);
    int r = 0;

    if (!agreement)
        return tt_fail(err, -ENOENT, "nothing in the ledger can be read: %s", ledger->reason);
    listing.agreement = agreement;
    if (sink)
        r = ledger_agreement_need_sink(agreement, sink, &listing.sink, err);
    if (r == 0) {
        if (sink)
            ledger_agreement_upstream(agreement, listing.sink, listing.is_upstream);
        ledger_each(ledger, see_sent, &listing);
        if (listing.has_no_memory)
            r = tt_fail(err, -ENOMEM, "no memory to list a ledger");
    }
    if (r == 0) {
        if (listing.sent_count > 0)
            qsort(listing.sents, listing.sent_count, sizeof(*listing.sents), compare_sents);
        if (as_json)
            print_json(&listing, ledger);
        else
            print_table(&listing, ledger);
    }
    free(listing.sents);
    json_decref(agreement);
    return r;
}
