/* A page of words, tables and figures, as SVG or as HTML. */
#include "cli/report_page.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_HEIGHT = 20, HEAD_HEIGHT = 34, TITLE_HEIGHT = 40, WRAP_COLUMNS = 132 };

/* Colours by name, for white paper and for a dark one. Those of causes that are ours are warm. */
static const struct {
    const char *name, *light, *dark;
} colours[] = {
    {"ink", "#1b1f24", "#e8eaed"},       {"dim", "#5a6470", "#a3abb5"},
    {"grid", "#dde1e6", "#343a41"},      {"paper", "#ffffff", "#14171a"},
    {"fine", "#7fb08a", "#4f8a5d"},      {"most", "#d3e6d7", "#26402c"},
    {"good", "#1a7f37", "#5fd07a"},      {"bad", "#c62828", "#ff7b72"},
    {"warn", "#8a5a00", "#f0b429"},      {"event", "#6b7580", "#9aa4ae"},
    {"over", "#c62828", "#ff7b72"},      {"c-edge", "#e07b00", "#ff9f2e"},
    {"c-worker", "#c62828", "#ff6159"},  {"c-budget", "#a0279a", "#e46fde"},
    {"c-unknown", "#7a3b2e", "#d99a86"}, {"c-input", "#1f6fb4", "#5aa9ee"},
    {"c-host", "#0b8f8f", "#2fc9c9"},    {"c-network", "#5350c9", "#9d9bff"},
    {"c-clock", "#7d7a1c", "#cfca4a"},   {"c-media", "#0096c7", "#4cc9f0"},
    {"c-failed", "#8c1d40", "#ff8fb0"},
};

/* How many bytes of a character begin here; 0: none that is whole. */
static int character_bytes(const unsigned char *c)
{
    int count = *c < 0x80 ? 1 : *c >= 0xf0 ? 4 : *c >= 0xe0 ? 3 : *c >= 0xc2 ? 2 : 0;

    for (int n = 1; n < count; n++)
        if ((c[n] & 0xc0) != 0x80)
            return 0;
    return *c > 0xf4 ? 0 : count;
}

void page_escape(FILE *out, const char *text)
{
    int bytes;

    for (const unsigned char *c = (const unsigned char *)text; *c; c += bytes) {
        bytes = character_bytes(c);
        if (bytes != 1) {
            fprintf(out, "%.*s", bytes == 0 ? 1 : bytes, bytes == 0 ? "?" : (const char *)c);
            bytes += bytes == 0;
        } else if (*c == '<')
            fputs("&lt;", out);
        else if (*c == '>')
            fputs("&gt;", out);
        else if (*c == '&')
            fputs("&amp;", out);
        else if (*c == '"')
            fputs("&quot;", out);
        else
            fputc(*c < 0x20 || *c == 0x7f ? ' ' : *c, out);
    }
}

static int size_of(const char *name)
{
    return strcmp(name, "h1") == 0 ? 24 : strcmp(name, "h2") == 0 ? 16 : 13;
}

/* SVG breaks no lines. */
static void put_wrapped(struct page *page, const char *name, char *text)
{
    bool is_head = name[0] == 'h';
    char *at = text;

    if (is_head)
        page->y += strcmp(name, "h1") == 0 ? 4 : 14;
    while (*at) {
        size_t length = strlen(at), take = length;
        char kept;

        if (length > WRAP_COLUMNS) {
            take = WRAP_COLUMNS;
            while (take > WRAP_COLUMNS / 2 && at[take] != ' ')
                take--;
            while (take > 0 && ((unsigned char)at[take] & 0xc0) == 0x80)
                take--; /* no half character */
        }
        page->y += is_head ? HEAD_HEIGHT - 8 : LINE_HEIGHT;
        kept = at[take];
        at[take] = 0;
        fprintf(page->out, "<text x=\"%d\" y=\"%d\" class=\"%s\" font-size=\"%d\"%s>", PAGE_MARGIN,
                page->y, is_head ? "ink" : name, size_of(name),
                is_head ? " font-weight=\"bold\"" : "");
        page_escape(page->out, at);
        fputs("</text>\n", page->out);
        at[take] = kept;
        at += take;
        at += *at == ' ';
    }
    page->y += is_head ? 2 : 0;
}

void page_line(struct page *page, const char *name, const char *format, ...)
{
    const char *element = name[0] == 'h' ? name : "p";
    char *text = NULL;
    va_list list;
    int r;

    va_start(list, format);
    r = vasprintf(&text, format, list);
    va_end(list);
    if (r < 0)
        return;
    if (page->is_html) {
        fprintf(page->out, "<%s class=\"%s\">", element, name);
        page_escape(page->out, text);
        fprintf(page->out, "</%s>\n", element);
    } else {
        put_wrapped(page, name, text);
    }
    free(text);
}

static void put_cell(struct page *page, const struct page_table *table, uint32_t n,
                     const char *text, const char *name)
{
    int end = table->ends[n];

    if (page->is_html) {
        fprintf(page->out, "<td class=\"%s%s\">", end > 0 ? "n " : "", name);
        page_escape(page->out, text);
        fputs("</td>", page->out);
        return;
    }
    fprintf(page->out, "<text x=\"%d\" y=\"%d\" class=\"%s\" font-size=\"12\"%s>",
            end < 0 ? -end : end, page->y, name, end > 0 ? " text-anchor=\"end\"" : "");
    page_escape(page->out, text);
    fputs("</text>", page->out);
}

void page_table_begin(struct page *page, const struct page_table *table)
{
    page_line(page, "h2", "%s", table->title);
    if (page->is_html)
        fputs("<div class=\"wide\"><table><tr>", page->out);
    page->y += LINE_HEIGHT;
    for (uint32_t n = 0; n < table->column_count; n++)
        put_cell(page, table, n, table->heads[n], "dim");
    fputs(page->is_html ? "</tr>\n" : "\n", page->out);
    if (!page->is_html)
        fprintf(page->out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"1\" class=\"grid\"/>\n",
                PAGE_MARGIN, page->y + 6, PAGE_WIDTH - 2 * PAGE_MARGIN);
    page->y += 4;
}

void page_table_row(struct page *page, const struct page_table *table, const struct page_row *row)
{
    fputs(page->is_html ? "<tr>" : "", page->out);
    page->y += LINE_HEIGHT - 1;
    for (uint32_t n = 0; n < table->column_count; n++)
        put_cell(page, table, n, row->cells[n], row->classes[n] ? row->classes[n] : "ink");
    fputs(page->is_html ? "</tr>\n" : "\n", page->out);
}

void page_table_end(struct page *page)
{
    fputs(page->is_html ? "</table></div>\n" : "", page->out);
    page->y += 4;
}

void page_figure_begin(struct page *page, int height, const char *label)
{
    if (page->is_html)
        fprintf(page->out, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", PAGE_WIDTH,
                height);
    else
        fprintf(page->out, "<g transform=\"translate(0,%d)\" role=\"img\" aria-label=\"", page->y);
    page_escape(page->out, label);
    fputs("\">\n", page->out);
}

void page_figure_end(struct page *page, int height)
{
    fputs(page->is_html ? "</svg>\n" : "</g>\n", page->out);
    page->y += height;
}

static void put_colours(FILE *out, bool is_dark)
{
    for (uint32_t n = 0; n < sizeof(colours) / sizeof(colours[0]); n++) {
        const char *colour = is_dark ? colours[n].dark : colours[n].light;

        fprintf(out, ".%s{fill:%s;color:%s}", colours[n].name, colour, colour);
    }
    fputc('\n', out);
}

static void put_style(FILE *out, bool is_html)
{
    fputs("<style>\n", out);
    put_colours(out, false);
    fputs("svg,text{font-family:system-ui,\"DejaVu Sans\",Helvetica,Arial,sans-serif;"
          "font-variant-numeric:tabular-nums}\n",
          out);
    if (is_html)
        fputs("body{font:14px/1.45 system-ui,\"DejaVu Sans\",Helvetica,Arial,sans-serif;margin:0 "
              "auto;padding:1em 20px;max-width:1120px;background:#ffffff;color:#1b1f24}"
              "svg{display:block;width:100%;height:auto}h1{margin:.2em 0}h2{margin:1.6em 0 "
              ".4em}p{margin:.25em 0;overflow-wrap:anywhere}.wide{overflow-x:auto}"
              "table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}"
              "td{padding:2px 8px 2px 0;border-bottom:1px solid #8884;text-align:left}"
              "td.n{text-align:right;white-space:nowrap}\n",
              out);
    fputs("@media (prefers-color-scheme:dark){\n", out);
    put_colours(out, true);
    if (is_html)
        fputs("body{background:#14171a;color:#e8eaed}", out);
    fputs("}\n</style>\n", out);
}

void page_write(FILE *out, const struct page *page, const char *title, const char *body)
{
    if (page->is_html) {
        fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
              "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>",
              out);
        page_escape(out, title);
        fputs("</title>\n", out);
        put_style(out, true);
        fprintf(out, "</head><body>\n%s</body></html>\n", body);
        return;
    }
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
            "viewBox=\"0 0 %d %d\">\n<title>",
            PAGE_WIDTH, page->y + PAGE_MARGIN, PAGE_WIDTH, page->y + PAGE_MARGIN);
    page_escape(out, title);
    fputs("</title>\n", out);
    put_style(out, false);
    fprintf(out, "<rect width=\"100%%\" height=\"100%%\" class=\"paper\"/>\n%s</svg>\n", body);
}
