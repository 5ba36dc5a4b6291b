/* Pictures of what components cost. Time is drawn by its logarithm, for a component that takes 5 us
 * stands beside one that takes 20 ms; counts are too, so that a rare activation is seen. */
#include "cli/profile_plot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/json_out.h"
#include "cli/paint.h"
#include "cli/quantity.h"
#include "cli/report_page.h"

enum {
    CELLS = 54,     /* of a line in the terminal */
    BARS = 160,     /* of a figure */
    LEFT = 20,      /* of a figure, in pixels */
    BAR_PIXELS = 5, /* a bar's width */
    PLOT_HEIGHT = 90,
    FIGURE_HEIGHT = PLOT_HEIGHT + 44,
    LEVELS = 8
};

/* From the least to the most that any of them took; what is far below a component's median, such as
 * the call that only takes note of the end, stands at the left edge. */
struct axis {
    double from, to; /* log10 of nanoseconds */
};

static double log_of(int64_t ns)
{
    return log10(ns < 1 ? 1 : (double)ns);
}

static struct axis make_axis(const json_t *components)
{
    struct axis axis = {.from = 18, .to = 0};
    const json_t *component;
    size_t n;

    json_array_foreach(components, n, component)
    {
        double least = log_of(json_int(component, "p50_ns") / 8);
        double most = log_of(json_int(component, "max_ns"));

        if (least < log_of(json_int(component, "min_ns")))
            least = log_of(json_int(component, "min_ns"));
        axis.from = least < axis.from ? least : axis.from;
        axis.to = most > axis.to ? most : axis.to;
    }
    axis.from -= 0.05;
    if (axis.to < axis.from + 0.5)
        axis.to = axis.from + 0.5;
    axis.to += 0.05;
    return axis;
}

static int place_of(const struct axis *axis, int64_t ns, int cells)
{
    int place = (int)((log_of(ns) - axis->from) / (axis->to - axis->from) * cells);

    return place < 0 ? 0 : place >= cells ? cells - 1 : place;
}

static void gather(const struct axis *axis, const json_t *component, int cells, double *ret)
{
    const json_t *bins = json_object_get(component, "histogram"), *bin;
    size_t n;

    memset(ret, 0, (size_t)cells * sizeof(*ret));
    json_array_foreach(bins, n, bin)
    {
        int64_t end_ns = json_integer_value(json_array_get(bin, 0));
        int64_t count = json_integer_value(json_array_get(bin, 1));

        if (count > 0)
            ret[place_of(axis, end_ns, cells)] += (double)count;
    }
}

/* 0 to 1: one activation is a tenth, the fullest cell is all. */
static double height_of(double count, double most)
{
    if (count < 1)
        return 0;
    return count < most ? 0.1 + 0.9 * log(count) / log(most) : 1;
}

static double most_of(const double *counts, int cells)
{
    double most = 0;

    for (int n = 0; n < cells; n++)
        most = counts[n] > most ? counts[n] : most;
    return most;
}

static void put_bars(FILE *out, const double *counts, bool is_plain)
{
    static const char *const blocks[LEVELS + 1] = {" ",
                                                   "\xe2\x96\x81",
                                                   "\xe2\x96\x82",
                                                   "\xe2\x96\x83",
                                                   "\xe2\x96\x84",
                                                   "\xe2\x96\x85",
                                                   "\xe2\x96\x86",
                                                   "\xe2\x96\x87",
                                                   "\xe2\x96\x88"};
    static const char plain[LEVELS + 1] = {' ', '.', ':', '-', '=', '+', '*', '#', '@'};
    double most = most_of(counts, CELLS);

    for (int n = 0; n < CELLS; n++) {
        int level = (int)ceil(height_of(counts[n], most) * LEVELS);

        if (is_plain)
            fputc(plain[level], out);
        else
            fputs(blocks[level], out);
    }
}

/* 1, 2 or 5 times a power of ten; step counts on from 0 for 1 ns. */
static int64_t tick_ns(int step)
{
    static const int64_t parts[] = {1, 2, 5};
    int64_t ns = parts[step % 3];

    for (int n = 0; n < step / 3; n++)
        ns *= 10;
    return ns;
}

enum { TICKS_MAX = 45 /* up to 5 * 10^14 ns */ };

static void put_axis(FILE *out, const struct axis *axis)
{
    char line[CELLS + 33];
    int free_from = 0;

    memset(line, ' ', sizeof(line));
    for (int step = 0; step < TICKS_MAX; step++) {
        struct quantity text = quantity_time(tick_ns(step));
        int length = (int)strlen(text.text), at;

        if (log_of(tick_ns(step)) < axis->from || log_of(tick_ns(step)) > axis->to)
            continue;
        at = place_of(axis, tick_ns(step), CELLS);
        if (at < free_from || at + length > CELLS + 8)
            continue;
        memcpy(line + at, text.text, (size_t)length);
        free_from = at + length + 2;
    }
    line[free_from > 2 ? free_from - 2 : 0] = 0;
    fprintf(out, "  %-16s %s\n", "", line);
}

void profile_plot_words(FILE *out, const json_t *profile, bool is_plain)
{
    const json_t *components = json_object_get(profile, "components"), *component;
    struct axis axis = make_axis(components);
    double counts[CELLS];
    size_t n;

    json_array_foreach(components, n, component)
    {
        char name[17];

        (void)snprintf(name, sizeof(name), "%s", json_text(component, "name"));
        gather(&axis, component, CELLS, counts);
        fprintf(out, "  %-16s ", name);
        put_bars(out, counts, is_plain);
        fputc('\n', out);
    }
    if (json_array_size(components) > 0)
        put_axis(out, &axis);
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

static double x_of(const struct axis *axis, int64_t ns)
{
    return LEFT + BARS * BAR_PIXELS * (log_of(ns) - axis->from) / (axis->to - axis->from);
}

static void put_rect(struct page *page, double x, double y, double width, double height,
                     const char *name)
{
    fprintf(page->out,
            "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" class=\"%s\"/>\n", x, y,
            width, height, name);
}

static void draw_axis(struct page *page, const struct axis *axis)
{
    double free_from = 0;

    for (int step = 0; step < TICKS_MAX; step++) {
        int64_t ns = tick_ns(step);
        double x = x_of(axis, ns);

        if (log_of(ns) < axis->from || log_of(ns) > axis->to || x < free_from)
            continue;
        put_rect(page, x, 8, 1, PLOT_HEIGHT, "grid");
        put_text(page, x, PLOT_HEIGHT + 24, "middle", "dim", quantity_time(ns).text);
        free_from = x + 60;
    }
    put_rect(page, LEFT, 8 + PLOT_HEIGHT, BARS * BAR_PIXELS, 1, "grid");
}

/* Names of marks that would run into each other are left out; the table says them all. */
static void draw_marks(struct page *page, const struct axis *axis, const json_t *component)
{
    static const struct {
        const char *member, *text, *class;
    } marks[] = {{"p50_ns", "p50", "good"}, {"p99_ns", "p99", "warn"}, {"max_ns", "max", "bad"}};
    double free_from = 0;

    for (size_t n = 0; n < sizeof(marks) / sizeof(marks[0]); n++) {
        double x = x_of(axis, json_int(component, marks[n].member));

        put_rect(page, x - 0.5, 8, 1.5, PLOT_HEIGHT, marks[n].class);
        if (x >= free_from)
            put_text(page, x + 4, 16, "start", marks[n].class, marks[n].text);
        free_from = x >= free_from ? x + 32 : free_from;
    }
}

static void draw_component(struct page *page, const struct axis *axis, const json_t *component)
{
    double counts[BARS], most;

    page_line(page, "h2", "%.60s (%.60s)", json_text(component, "name"),
              json_text(component, "kind"));
    gather(axis, component, BARS, counts);
    most = most_of(counts, BARS);
    page_figure_begin(page, FIGURE_HEIGHT, json_text(component, "name"));
    draw_axis(page, axis);
    for (int n = 0; n < BARS; n++) {
        double height = height_of(counts[n], most) * (PLOT_HEIGHT - 12);

        if (height > 0)
            put_rect(page, LEFT + n * BAR_PIXELS, 8 + PLOT_HEIGHT - height, BAR_PIXELS - 1, height,
                     "fine");
    }
    draw_marks(page, axis, component);
    page_figure_end(page, FIGURE_HEIGHT);
}

static void put_row(struct page *page, const struct page_table *table, const json_t *row)
{
    static const char *const members[] = {"mean_ns", "p50_ns", "p99_ns", "p99_9_ns", "max_ns"};
    struct page_row cells = {0};

    (void)snprintf(cells.cells[0], PAGE_CELL_BYTES, "%.40s", json_text(row, "name"));
    (void)snprintf(cells.cells[1], PAGE_CELL_BYTES, "%s",
                   quantity_count(json_int(row, "count")).text);
    for (uint32_t n = 0; n < 5; n++)
        (void)snprintf(cells.cells[2 + n], PAGE_CELL_BYTES, "%s",
                       quantity_time(json_int(row, members[n])).text);
    page_table_row(page, table, &cells);
}

static void put_table(struct page *page, const char *title, const json_t *rows)
{
    static const char *const heads[] = {"", "activations", "mean", "p50", "p99", "p99.9", "max"};
    static const int ends[] = {-PAGE_MARGIN, 380, 480, 580, 680, 780, 880};
    struct page_table table = {.title = title, .heads = heads, .ends = ends, .column_count = 7};
    const json_t *row;
    size_t n;

    page_table_begin(page, &table);
    json_array_foreach(rows, n, row)
    {
        put_row(page, &table, row);
    }
    page_table_end(page);
}

static void draw_all(struct page *page, const json_t *profile)
{
    const json_t *components = json_object_get(profile, "components"), *component;
    struct axis axis = make_axis(components);
    size_t n;

    page_line(page, "h1", "What %.60s costs", json_text(profile, "service"));
    page_line(page, "dim",
              "CPU time of an activation, measured with all CPUs busy: %s, %s, "
              "Tactus %s. Time and counts by their logarithm.",
              json_text(profile, "cpu"), json_text(profile, "kernel"),
              json_text(profile, "version"));
    put_table(page, "Components", components);
    put_table(page, "Segments", json_object_get(profile, "segments"));
    json_array_foreach(components, n, component)
    {
        draw_component(page, &axis, component);
    }
}

char *profile_plot_page(const json_t *profile, bool is_html, size_t *ret_bytes)
{
    char *body = NULL, *text = NULL;
    size_t body_bytes = 0;
    struct page page = {.out = open_memstream(&body, &body_bytes), .is_html = is_html};
    FILE *out;

    if (!page.out)
        return NULL;
    draw_all(&page, profile);
    if (fclose(page.out) == 0 && (out = open_memstream(&text, ret_bytes)) != NULL) {
        page_write(out, &page, json_text(profile, "service"), body);
        if (fclose(out) != 0) {
            free(text);
            text = NULL;
        }
    }
    free(body);
    return text;
}
