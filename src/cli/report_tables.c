/* The words and tables of a ledger's report. */
#include "cli/report_tables.h"

#include <string.h>
#include <time.h>

#include "cli/json_out.h"
#include "cli/quantity.h"

#define COUNT_OF(list) ((uint32_t)(sizeof(list) / sizeof((list)[0])))

enum { EVENTS_SHOWN = 16 };

const char *tables_cause_help(uint32_t cause)
{
    static const char *const helps[TT_CAUSE_COUNT] = {
        [TT_CAUSE_INPUT] = "the input came late, by the kernel's receive time",
        [TT_CAUSE_EDGE] = "our edge brought or took it late",
        [TT_CAUSE_WORKER] = "it waited for the worker",
        [TT_CAUSE_BUDGET] = "a component ran over its budget",
        [TT_CAUSE_HOST] = "the host took the CPU, with evidence",
        [TT_CAUSE_NETWORK] = "the network",
        [TT_CAUSE_CLOCK] = "a clock was stepped",
        [TT_CAUSE_UNKNOWN] = "nobody knows; that is ours",
        [TT_CAUSE_MEDIA] = "the source had no such frame, or it could not be decoded",
        [TT_CAUSE_FAILED] = "a component gave an error, was ended or crashed"};

    return cause < TT_CAUSE_COUNT && helps[cause] ? helps[cause] : "none";
}

static void put(struct page_row *row, uint32_t cell, const char *text)
{
    (void)snprintf(row->cells[cell], sizeof(row->cells[cell]), "%s", text);
}

static void put_count(struct page_row *row, uint32_t cell, uint64_t count, const char *name)
{
    put(row, cell, quantity_count((int64_t)count).text);
    row->classes[cell] = count > 0 ? name : NULL;
}

static void words_promise(struct page *page, const json_t *report)
{
    const json_t *promised = json_object_get(report, "promised");

    if (json_is_object(promised))
        page_line(page, "ink", "Promised: %s of the frames within %s (%s: %s).",
                  quantity_share(1 - json_number(promised, "loss")).text,
                  quantity_time(json_int(promised, "deadline_ns")).text, json_text(report, "class"),
                  json_text(report, "class_reason"));
    else
        page_line(page, "ink", "Promised: nothing (%s: %s).", json_text(report, "class"),
                  json_text(report, "class_reason"));
}

static void words_delivered(struct page *page, const json_t *report)
{
    const json_t *delay = json_object_get(report, "delay_ns");

    page_line(page, "ink",
              "Delivered: at %s, which had the least slack, %s of %s frames on time; late %s, lost "
              "%s, of both ours %s; repeated %s.",
              json_text(report, "sink"), quantity_count(json_int(report, "on_time")).text,
              quantity_count(json_int(report, "frames")).text,
              quantity_count(json_int(report, "late")).text,
              quantity_count(json_int(report, "lost")).text,
              quantity_count(json_int(report, "late_ours")).text,
              quantity_count(json_int(report, "repeated")).text);
    if (json_is_object(delay))
        page_line(page, "ink", "Delay: half of them within %s, 99 %% within %s, all within %s.",
                  quantity_time(json_int(delay, "p50")).text,
                  quantity_time(json_int(delay, "p99")).text,
                  quantity_time(json_int(delay, "max")).text);
    else
        page_line(page, "ink",
                  "No source is live: media time does not run with the clock, and there is neither "
                  "delay nor slack.");
}

void tables_words(struct page *page, const struct gather *gather)
{
    const json_t *report = gather->report;
    bool is_promised = json_is_object(json_object_get(report, "promised"));
    bool is_kept = json_flag(report, "kept");
    time_t began = (time_t)(json_int(gather->agreement, "epoch_realtime_ns") / 1000000000);
    struct tm local;
    char stamp[64] = "at an unknown time";

    if (began > 0 && localtime_r(&began, &local))
        (void)strftime(stamp, sizeof(stamp), "on %Y-%m-%d at %H:%M:%S", &local);
    page_line(page, "h1", "%s", json_text(report, "service"));
    page_line(page,
              !is_promised ? "warn"
              : is_kept    ? "good"
                           : "bad",
              "%s",
              !is_promised ? "Nothing was promised."
              : is_kept    ? "The promise was kept."
                           : "The promise was broken.");
    if (json_text(gather->agreement, "node")[0])
        page_line(page, "dim", "It began %s on %s (%s, kernel %s).", stamp,
                  json_text(gather->agreement, "node"), json_text(gather->agreement, "cpu_model"),
                  json_text(gather->agreement, "kernel"));
    if (gather->ledger->verdict != TT_INTACT)
        page_line(page, "bad", "The ledger is %s: %s. What follows is what it says up to there.",
                  gather->ledger->verdict == TT_ALTERED ? "altered" : "incomplete",
                  gather->ledger->reason);
    if (gather->records_lost > 0)
        page_line(page, "warn", "%s records are missing, because a ring was full.",
                  quantity_count((int64_t)gather->records_lost).text);
    words_promise(page, report);
    words_delivered(page, report);
}

void tables_sinks(struct page *page, const struct gather *gather)
{
    static const char *const heads[] = {"sink", "frames", "on time",    "late",
                                        "lost", "ours",   "repeated",   "p50",
                                        "p99",  "max",    "least slack"};
    static const int ends[] = {-PAGE_MARGIN, 285, 360, 420, 480, 540, 610, 690, 770, 850, 940};
    static const struct page_table table = {"Sinks", heads, ends, COUNT_OF(heads)};
    const json_t *sinks = json_object_get(gather->report, "sinks");

    page_table_begin(page, &table);
    for (uint32_t n = 0; n < gather->sink_count; n++) {
        const json_t *sink = json_object_get(sinks, gather->sinks[n].name);
        const json_t *delay = json_object_get(sink, "delay_ns");
        struct page_row row = {0};

        (void)snprintf(row.cells[0], sizeof(row.cells[0]), "%.40s", gather->sinks[n].name);
        put_count(&row, 1, (uint64_t)json_int(sink, "frames"), NULL);
        put_count(&row, 2, (uint64_t)json_int(sink, "on_time"), NULL);
        put_count(&row, 3, (uint64_t)json_int(sink, "late"), "bad");
        put_count(&row, 4, (uint64_t)json_int(sink, "lost"), "bad");
        put_count(&row, 5, (uint64_t)json_int(sink, "late_ours"), "bad");
        put_count(&row, 6, (uint64_t)json_int(sink, "repeated"), "warn");
        if (json_is_object(delay)) {
            put(&row, 7, quantity_time(json_int(delay, "p50")).text);
            put(&row, 8, quantity_time(json_int(delay, "p99")).text);
            put(&row, 9, quantity_time(json_int(delay, "max")).text);
            put(&row, 10, quantity_time(json_int(sink, "slack_min_ns")).text);
        }
        page_table_row(page, &table, &row);
    }
    page_table_end(page);
}

void tables_causes(struct page *page, const struct gather *gather)
{
    static const char *const heads[] = {"cause", "whose", "late", "lost", "what it means"};
    static const int ends[] = {-PAGE_MARGIN, -140, 300, 380, -420};
    static const struct page_table table = {"Who made frames late", heads, ends, COUNT_OF(heads)};
    bool is_any = false;

    for (uint32_t cause = 0; cause < TT_CAUSE_COUNT; cause++)
        is_any = is_any || gather->late[cause] + gather->lost[cause] > 0;
    if (!is_any)
        return;
    page_table_begin(page, &table);
    for (uint32_t cause = 0; cause < TT_CAUSE_COUNT; cause++) {
        struct page_row row = {0};

        if (gather->late[cause] + gather->lost[cause] == 0)
            continue;
        put(&row, 0, tt_cause_name(cause));
        put(&row, 1, tt_cause_is_ours(cause) ? "ours" : "not ours");
        put_count(&row, 2, gather->late[cause], "bad");
        put_count(&row, 3, gather->lost[cause], "bad");
        put(&row, 4, tables_cause_help(cause));
        page_table_row(page, &table, &row);
    }
    page_table_end(page);
}

static void fill_component(const struct gather_component *component, struct page_row *row)
{
    const struct tt_histogram *cost = &component->cost, *waited = &component->waited;

    (void)snprintf(row->cells[0], sizeof(row->cells[0]), "%.34s", component->name);
    put_count(row, 10, component->late + component->lost, "bad");
    put_count(row, 1, cost->count, NULL);
    if (cost->count == 0) { /* it runs in an edge, which writes no hops */
        put(row, 1, "in an edge");
        return;
    }
    put(row, 2, quantity_time(tt_histogram_quantile(waited, 50, 100)).text);
    put(row, 3, quantity_time(tt_histogram_quantile(waited, 99, 100)).text);
    put(row, 4, quantity_time(tt_histogram_quantile(cost, 50, 100)).text);
    put(row, 5, quantity_time(tt_histogram_quantile(cost, 99, 100)).text);
    put(row, 6, quantity_time(cost->max_ns).text);
    if (component->budget_ns > 0) {
        put(row, 7, quantity_time(component->budget_ns).text);
        (void)snprintf(row->cells[8], sizeof(row->cells[8]), "%.0f %%",
                       100.0 * (double)cost->max_ns / (double)component->budget_ns);
        row->classes[8] = cost->max_ns > component->budget_ns ? "bad" : NULL;
        put_count(row, 9, component->over_budget, "bad");
    } else {
        put(row, 7, "none");
    }
}

static void line_handoffs(struct page *page, const struct gather_component *component)
{
    if (component->handoffs > 0)
        page_line(page, "ink",
                  "%.34s lost its worker %s times, over its budget: to another thread within %s, "
                  "and was away for %s at most.",
                  component->name, quantity_count((int64_t)component->handoffs).text,
                  quantity_time(component->handoff_max_ns).text,
                  component->away_max_ns > 0 ? quantity_time(component->away_max_ns).text
                                             : "the rest of the run");
}

void tables_components(struct page *page, const struct gather *gather)
{
    static const char *const heads[] = {"component", "activations", "waited p50", "p99",
                                        "cost p50",  "p99",         "max",        "budget",
                                        "max share", "over",        "blamed"};
    static const int ends[] = {-PAGE_MARGIN, 280, 365, 440, 525, 600, 675, 750, 820, 880, 940};
    static const struct page_table table = {"Components", heads, ends, COUNT_OF(heads)};

    page_table_begin(page, &table);
    for (uint32_t n = 0; n < gather->component_count; n++) {
        struct page_row row = {0};

        fill_component(&gather->components[n], &row);
        page_table_row(page, &table, &row);
    }
    page_table_end(page);
    for (uint32_t n = 0; n < gather->component_count; n++)
        line_handoffs(page, &gather->components[n]);
    page_line(page, "dim",
              "Cost: CPU time of an activation where it was read, else the time it took. Blamed: "
              "late and lost frames that are laid at its door.");
}

void tables_events(struct page *page, const struct gather *gather)
{
    static const char *const heads[] = {"", "at", "event"};
    static const int ends[] = {PAGE_MARGIN + 16, 130, -150};
    static const struct page_table table = {"What happened", heads, ends, COUNT_OF(heads)};
    uint32_t count = gather->event_count < EVENTS_SHOWN ? gather->event_count : EVENTS_SHOWN;

    if (gather->event_count == 0)
        return;
    page_table_begin(page, &table);
    for (uint32_t n = 0; n < count; n++) {
        struct page_row row = {0};

        (void)snprintf(row.cells[0], sizeof(row.cells[0]), "%u", n + 1);
        put(&row, 1, quantity_time(gather->events[n].at_ns).text);
        put(&row, 2, gather->events[n].text);
        page_table_row(page, &table, &row);
    }
    page_table_end(page);
    if (gather->event_count_seen > count)
        page_line(page, "dim", "%s more: tactus explain LEDGER all --json lists them.",
                  quantity_count((int64_t)(gather->event_count_seen - count)).text);
}

static void print_hex(const uint8_t *bytes, uint32_t count, char *ret)
{
    for (uint32_t n = 0; n < count; n++)
        (void)snprintf(ret + 2 * n, 3, "%02x", bytes[n]);
}

void tables_proof(struct page *page, const struct gather *gather)
{
    char head[2 * TT_HASH_BYTES + 1], key[2 * TT_KEY_BYTES + 1];

    print_hex(gather->ledger->head, TT_HASH_BYTES, head);
    print_hex(gather->ledger->key, TT_KEY_BYTES, key);
    page_line(page, "h2", "Proof");
    page_line(page, "dim", "ledger %s", json_text(gather->report, "ledger"));
    page_line(page, "dim", "head %s", head);
    page_line(page, "dim", "key %s", key);
    page_line(
        page, "dim",
        "A ledger is the node's own testimony: tactus prove LEDGER --head HEAD says whether it "
        "is still as it was written.");
}
