/* The figures of a sink. A column of the left one stands for one frame, or for as many as share a
 * pixel: then it shows the worst of them, so that no miss is hidden. */
#include "cli/report_plot.h"

#include <stdio.h>
#include <string.h>

#include "cli/json_out.h"
#include "cli/quantity.h"

#define MS 1000000

enum {
    LEFT = 66,
    TOP = 30,
    WIDTH = GATHER_COLUMNS,
    HEIGHT = 150,
    LANE = 8, /* under the plot, where misses are marked: how far below, and how high */
    RIGHT = LEFT + WIDTH + 34,
    RIGHT_WIDTH = PAGE_WIDTH - PAGE_MARGIN - RIGHT,
    FIGURE_HEIGHT = TOP + HEIGHT + 2 * LANE + 38,
    BARS_MAX = 64,
    TICKS = 5
};

struct scale { /* of slack */
    int64_t top_ns, bottom_ns;
};

static double y_of(const struct scale *scale, int64_t slack_ns)
{
    if (slack_ns > scale->top_ns)
        slack_ns = scale->top_ns;
    if (slack_ns < scale->bottom_ns)
        slack_ns = scale->bottom_ns;
    return TOP +
           HEIGHT * (double)(scale->top_ns - slack_ns) / (double)(scale->top_ns - scale->bottom_ns);
}

/* 1, 2 or 5 times a power of ten, so that about `parts` of them make the whole. */
static int64_t nice_step(int64_t whole, int parts)
{
    int64_t step = 1;

    while (step <= whole / 10 / parts)
        step *= 10;
    if (step <= whole / 5 / parts)
        return step * 5;
    return step <= whole / 2 / parts ? step * 2 : step;
}

/* What is much later than the deadline is long would press the rest flat: it is cut, and told in
 * words. */
static struct scale make_scale(const struct gather_sink *sink)
{
    struct scale scale = {.top_ns = sink->has_delivered ? sink->slack_max_ns : 0, .bottom_ns = 0};
    int64_t least_ns = sink->has_delivered ? sink->worst.slack_ns : 0;

    if (scale.top_ns < MS)
        scale.top_ns = MS;
    scale.top_ns += scale.top_ns / 12;
    if (least_ns < 0)
        scale.bottom_ns = least_ns < -scale.top_ns ? -scale.top_ns : least_ns * 11 / 10;
    return scale;
}

static void put_text(struct page *page, double x, double y, const char *anchor, const char *name,
                     const char *text)
{
    fprintf(page->out,
            "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" class=\"%s\" font-size=\"11\">", x, y,
            anchor, name);
    page_escape(page->out, text);
    fputs("</text>\n", page->out);
}

static void put_rect(struct page *page, double x, double y, double width, double height,
                     const char *name)
{
    fprintf(page->out,
            "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" class=\"%s\"/>\n", x, y,
            width, height, name);
}

static const char *cause_class(uint32_t cause)
{
    static const char *const names[TT_CAUSE_COUNT] = {
        [TT_CAUSE_NONE] = "c-unknown",    [TT_CAUSE_INPUT] = "c-input",
        [TT_CAUSE_EDGE] = "c-edge",       [TT_CAUSE_WORKER] = "c-worker",
        [TT_CAUSE_BUDGET] = "c-budget",   [TT_CAUSE_HOST] = "c-host",
        [TT_CAUSE_NETWORK] = "c-network", [TT_CAUSE_CLOCK] = "c-clock",
        [TT_CAUSE_UNKNOWN] = "c-unknown", [TT_CAUSE_MEDIA] = "c-media",
        [TT_CAUSE_FAILED] = "c-failed"};

    return names[cause < TT_CAUSE_COUNT ? cause : TT_CAUSE_UNKNOWN];
}

static double legend_item(struct page *page, double x, const char *name, const char *text)
{
    put_rect(page, x, 5, 11, 11, name);
    put_text(page, x + 16, 15, "start", "dim", text);
    return x + 34 + 6.4 * (double)strlen(text);
}

void plot_legend(struct page *page, const struct gather *gather)
{
    double x = LEFT;
    char text[64];

    page_figure_begin(page, 24, "legend");
    if (gather->is_paced)
        x = legend_item(page, x, "fine", "least slack, on time");
    for (uint32_t cause = 0; cause < TT_CAUSE_COUNT; cause++) {
        if (gather->late[cause] + gather->lost[cause] == 0)
            continue;
        (void)snprintf(text, sizeof(text), "%s%s", tt_cause_name(cause),
                       tt_cause_is_ours(cause) ? " (ours)" : "");
        x = legend_item(page, x, cause_class(cause), text);
    }
    page_figure_end(page, 24);
}

/* One path for each colour: a rectangle each would make the file five times as large. */
static void column_path(struct page *page, const char *name)
{
    fprintf(page->out, "<path class=\"%s\" d=\"", name);
}

/* Where a sink's column begins on the axis of time, which all sinks share. */
static double column_x(const struct gather *gather, const struct gather_sink *sink, double column)
{
    double span = (double)gather->last_due_ns - (double)gather->first_due_ns;
    double from = (double)sink->first_due_ns - (double)gather->first_due_ns;
    double own = (double)sink->last_due_ns - (double)sink->first_due_ns;

    if (span <= 0 || sink->column_count < 2)
        return LEFT + WIDTH * column / (sink->column_count + 1);
    return LEFT + (WIDTH - 1) * (from + own * column / sink->column_count) / span;
}

static void column_bar(struct page *page, const struct gather *gather,
                       const struct gather_sink *sink, uint32_t column, double from, double to)
{
    double x = column_x(gather, sink, column), height = to - from;
    double width = column_x(gather, sink, column + 1) - x;

    width = width < 1 ? 1 : width;
    fprintf(page->out, "M%.2f %.1fh%.2fv%.1fh-%.2fz", x, from, width, height < 0.7 ? 0.7 : height,
            width);
}

static void put_slack_columns(struct page *page, const struct gather *gather,
                              const struct gather_sink *sink, const struct scale *scale)
{
    double zero = y_of(scale, 0);

    column_path(page, "most");
    for (uint32_t n = 0; n < sink->column_count; n++)
        if (sink->columns[n].delivered > 0 && sink->columns[n].slack_max_ns > 0)
            column_bar(page, gather, sink, n, y_of(scale, sink->columns[n].slack_max_ns), zero);
    fputs("\"/>\n", page->out);
    column_path(page, "fine");
    for (uint32_t n = 0; n < sink->column_count; n++)
        if (sink->columns[n].delivered > 0 && sink->columns[n].slack_min_ns >= 0)
            column_bar(page, gather, sink, n, y_of(scale, sink->columns[n].slack_min_ns), zero);
    fputs("\"/>\n", page->out);
}

/* Under the plot each column that has a miss is marked, however many frames it stands for: with its
 * full height for a lost one. */
static void lane_mark(struct page *page, const struct gather *gather,
                      const struct gather_sink *sink, uint32_t column, int height)
{
    double x = column_x(gather, sink, column), width = column_x(gather, sink, column + 1) - x;

    width = width < 2 ? 2 : width;
    fprintf(page->out, "M%.2f %dh%.2fv%dh-%.2fz", x, TOP + HEIGHT + LANE, width, height, width);
}

/* A frame that is late by less than a pixel must be seen all the same: it gets three. */
static void put_late_columns(struct page *page, const struct gather *gather,
                             const struct gather_sink *sink, const struct scale *scale,
                             uint32_t cause)
{
    double zero = y_of(scale, 0), end;

    column_path(page, cause_class(cause));
    for (uint32_t n = 0; n < sink->column_count; n++) {
        const struct gather_column *column = &sink->columns[n];

        if (gather->is_paced && column->late > 0 && column->late_cause == cause) {
            end = y_of(scale, column->slack_min_ns);
            column_bar(page, gather, sink, n, zero, end < zero + 3 ? zero + 3 : end);
            lane_mark(page, gather, sink, n, LANE / 2);
        }
        if (column->lost > 0 && column->lost_cause == cause)
            lane_mark(page, gather, sink, n, LANE);
    }
    fputs("\"/>\n", page->out);
}

static void put_slack_axis(struct page *page, const struct scale *scale)
{
    int64_t step = nice_step(scale->top_ns - scale->bottom_ns, TICKS - 1), tick;

    for (tick = scale->bottom_ns / step * step; tick <= scale->top_ns; tick += step) {
        double y = y_of(scale, tick);

        fprintf(page->out,
                "<rect x=\"%d\" y=\"%.2f\" width=\"%d\" height=\"1\" class=\"dim\" "
                "opacity=\"0.2\"/>\n",
                LEFT, y, WIDTH);
        put_text(page, LEFT - 6, y + 4, "end", tick == 0 ? "ink" : "dim",
                 tick == 0 ? "due" : quantity_time(tick).text);
    }
}

static void put_time_axis(struct page *page, const struct gather *gather)
{
    int64_t span_ns = gather->last_due_ns - gather->first_due_ns, step;
    int64_t first_ns = gather->first_due_ns;
    double free_x = 0;

    put_rect(page, LEFT, TOP + HEIGHT, WIDTH, 1, "dim");
    if (span_ns <= 0)
        return;
    step = nice_step(span_ns, 8);
    for (int64_t tick = (first_ns + step - 1) / step * step; tick <= gather->last_due_ns;
         tick += step) {
        double x = LEFT + (double)WIDTH * (double)(tick - first_ns) / (double)span_ns;
        bool is_last = x > LEFT + WIDTH - 24;

        put_rect(page, x, TOP + HEIGHT, 1, 2 * LANE + 4, "grid");
        if (x - free_x < (is_last ? 34 : 0))
            continue;
        put_text(page, x, TOP + HEIGHT + 2 * LANE + 16, is_last ? "end" : "middle", "dim",
                 tick == 0 ? "0 s" : quantity_time(tick).text);
        free_x = x + 40;
    }
}

static void put_events(struct page *page, const struct gather *gather)
{
    double span = (double)gather->last_due_ns - (double)gather->first_due_ns, free_x = 0, x;
    char number[16];

    for (uint32_t n = 0; n < gather->event_count; n++) {
        int64_t at_ns = gather->events[n].at_ns;

        if (at_ns < gather->first_due_ns || at_ns > gather->last_due_ns || span <= 0)
            continue;
        x = LEFT + WIDTH * ((double)at_ns - (double)gather->first_due_ns) / span;
        put_rect(page, x, TOP, 1, HEIGHT + LANE, "event");
        (void)snprintf(number, sizeof(number), "%u", n + 1);
        if (x < free_x)
            continue;
        put_text(page, x, TOP - 3, "middle", "dim", number);
        free_x = x + 14;
    }
}

struct bars {
    uint64_t counts[BARS_MAX];
    int64_t ends_ns[BARS_MAX];
    uint32_t count;
    double low, high; /* log10 of ns */
};

/* log10 without a library of mathematics: enough for a picture. */
static double log10_of(double value)
{
    double result = 0, part = 0.5;

    while (value >= 10) {
        value /= 10;
        result++;
    }
    while (value > 0 && value < 1) {
        value *= 10;
        result--;
    }
    for (int n = 0; n < 20; n++, part /= 2) {
        value *= value;
        if (value >= 10) {
            value /= 10;
            result += part;
        }
    }
    return result;
}

static void count_bars(const struct tt_histogram *delay, int64_t due_ns, struct bars *ret)
{
    double low = log10_of(delay->min_ns > 1000 ? (double)delay->min_ns : 1000);
    double high = log10_of(delay->max_ns > 1000 ? (double)delay->max_ns : 1000);
    double due = log10_of(due_ns > 1000 ? (double)due_ns : 1000);
    int64_t end_ns;

    memset(ret, 0, sizeof(*ret));
    ret->low = (low < due ? low : due) - 0.1;
    ret->high = (high > due ? high : due) + 0.1;
    ret->count = RIGHT_WIDTH / 4;
    if (ret->count > BARS_MAX)
        ret->count = BARS_MAX;
    for (uint32_t bin = 0; bin < TT_HISTOGRAM_BINS; bin++) {
        double at;
        uint32_t bar;

        if (delay->bins[bin] == 0)
            continue;
        end_ns = tt_histogram_bin_end(bin);
        at = (log10_of(end_ns > 1000 ? (double)end_ns : 1000) - ret->low) / (ret->high - ret->low);
        bar = at <= 0 ? 0 : (uint32_t)(at * ret->count);
        if (bar >= ret->count)
            bar = ret->count - 1;
        ret->counts[bar] += delay->bins[bin];
        if (end_ns > ret->ends_ns[bar])
            ret->ends_ns[bar] = end_ns;
    }
}

static double bar_x(const struct bars *bars, double at)
{
    return RIGHT + (at - bars->low) / (bars->high - bars->low) * RIGHT_WIDTH;
}

static void put_decades(struct page *page, const struct bars *bars)
{
    double free_x = 0;
    int64_t ns = 1000;

    for (int decade = 3; decade < 13; decade++, ns *= 10) {
        for (int64_t times = 1; times < 10; times++) {
            double x = bar_x(bars, log10_of((double)(ns * times)));

            if (x < RIGHT || x > RIGHT + RIGHT_WIDTH)
                continue;
            put_rect(page, x, TOP + HEIGHT, 1, times == 1 ? 7 : 4, "dim");
            if ((times == 1 || (times == 3 && bars->high - bars->low < 1.5)) && x >= free_x) {
                put_text(page, x, TOP + HEIGHT + 2 * LANE + 16, "middle", "dim",
                         quantity_time(ns * times).text);
                free_x = x + 44;
            }
        }
    }
}

/* Heights by the logarithm: one late frame among a million is still seen. */
static void put_histogram(struct page *page, const struct gather_sink *sink)
{
    double width, most = 0, x;
    struct bars bars;

    if (sink->delay.count == 0)
        return;
    count_bars(&sink->delay, sink->due_after_ns, &bars);
    width = (double)RIGHT_WIDTH / bars.count;
    for (uint32_t n = 0; n < bars.count; n++)
        if ((double)bars.counts[n] > most)
            most = (double)bars.counts[n];
    most = log10_of(most) + 0.4;
    for (uint32_t n = 0; n < bars.count; n++) {
        double height = (log10_of((double)bars.counts[n]) + 0.3) / most * HEIGHT;

        if (bars.counts[n] > 0)
            put_rect(page, RIGHT + n * width, TOP + HEIGHT - height, width - 0.6, height,
                     bars.ends_ns[n] > sink->due_after_ns ? "over" : "fine");
    }
    put_rect(page, RIGHT, TOP + HEIGHT, RIGHT_WIDTH, 1, "dim");
    x = bar_x(&bars, log10_of((double)(sink->due_after_ns > 1000 ? sink->due_after_ns : 1000)));
    put_rect(page, x, TOP, 1, HEIGHT, "ink");
    put_text(page, x > RIGHT + 40 ? x - 4 : x + 4, TOP + 9, x > RIGHT + 40 ? "end" : "start", "ink",
             "due");
    put_decades(page, &bars);
    put_text(page, RIGHT, TOP - 8, "start", "dim", "delay (both scales logarithmic)");
}

static void put_caption(struct page *page, const struct gather *gather,
                        const struct gather_sink *sink, const struct scale *scale)
{
    const json_t *told = json_object_get(json_object_get(gather->report, "sinks"), sink->name);
    char text[512];
    int used;

    used = snprintf(text, sizeof(text), ": %s of %s on time, late %s, lost %s",
                    quantity_count(json_int(told, "on_time")).text,
                    quantity_count(json_int(told, "frames")).text,
                    quantity_count(json_int(told, "late")).text,
                    quantity_count(json_int(told, "lost")).text);
    if (gather->is_paced && sink->has_delivered)
        used += snprintf(text + used, sizeof(text) - (size_t)used, "; least slack %s at %s",
                         quantity_time(sink->worst.slack_ns).text,
                         quantity_time(sink->worst.due_ns).text);
    if (gather->is_paced && sink->has_delivered && sink->worst.slack_ns < scale->bottom_ns)
        (void)snprintf(text + used, sizeof(text) - (size_t)used, " (cut in the picture)");
    fprintf(page->out,
            "<text x=\"%d\" y=\"14\" class=\"ink\" font-size=\"12\"><tspan "
            "font-weight=\"bold\">",
            LEFT);
    page_escape(page->out, sink->name);
    fputs("</tspan>", page->out);
    page_escape(page->out, text);
    fputs("</text>\n", page->out);
}

void plot_sink(struct page *page, const struct gather *gather, uint32_t number)
{
    const struct gather_sink *sink = &gather->sinks[number];
    const json_t *told = json_object_get(json_object_get(gather->report, "sinks"), sink->name);
    struct scale scale = make_scale(sink);
    char label[LEDGER_NAME_BYTES + 64];

    (void)snprintf(label, sizeof(label), "slack over time and delays of %s", sink->name);
    page_figure_begin(page, FIGURE_HEIGHT, label);
    put_caption(page, gather, sink, &scale);
    if (gather->is_paced) {
        put_slack_columns(page, gather, sink, &scale);
        put_slack_axis(page, &scale);
        put_rect(page, LEFT, y_of(&scale, 0), WIDTH, 1, "ink");
        put_histogram(page, sink);
    }
    for (uint32_t cause = 1; cause < TT_CAUSE_COUNT; cause++)
        if (gather->late[cause] + gather->lost[cause] > 0)
            put_late_columns(page, gather, sink, &scale, cause);
    put_time_axis(page, gather);
    if (json_int(told, "lost") + json_int(told, "late") > 0)
        put_text(page, LEFT - 6, TOP + HEIGHT + 2 * LANE + 1, "end", "dim", "missed");
    put_events(page, gather);
    page_figure_end(page, FIGURE_HEIGHT);
}
