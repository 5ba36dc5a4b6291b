/* A page of words, tables and figures that is one SVG picture or one HTML document: nothing of it
 * is fetched from anywhere, and it is legible on white and on black. */
#ifndef TT_CLI_REPORT_PAGE_H
#define TT_CLI_REPORT_PAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { PAGE_WIDTH = 960, PAGE_MARGIN = 20, PAGE_CELLS_MAX = 12, PAGE_CELL_BYTES = 160 };

struct page {
    FILE *out; /* of the body */
    bool is_html;
    int y; /* SVG: where the next thing goes */
};

/* One line of a table. A cell's class may be NULL. */
struct page_row {
    char cells[PAGE_CELLS_MAX][PAGE_CELL_BYTES];
    const char *classes[PAGE_CELLS_MAX];
};

/* ends: where a column of numbers ends, from the left edge; a negative one is where a column of
 * words begins. */
struct page_table {
    const char *title;
    const char *const *heads;
    const int *ends;
    uint32_t column_count;
};

/* Text as XML has it, without characters that XML does not allow. */
void page_escape(FILE *out, const char *text);

/* name: h1, h2, word, small, good, bad, warn: a class of the style sheet. */
void page_line(struct page *page, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

void page_table_begin(struct page *page, const struct page_table *table);
void page_table_row(struct page *page, const struct page_table *table, const struct page_row *row);
void page_table_end(struct page *page);

/* Coordinates inside start at (0, 0) and are PAGE_WIDTH wide. */
void page_figure_begin(struct page *page, int height, const char *label);
void page_figure_end(struct page *page, int height);

/* The whole document around a body. */
void page_write(FILE *out, const struct page *page, const char *title, const char *body);

#endif
