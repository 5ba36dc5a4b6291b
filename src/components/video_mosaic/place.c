/* The geometry of a mosaic: grids, aspect ratios, and what is left bare. */
#include "components/video_mosaic/place.h"

static uint32_t even(uint64_t value)
{
    return (uint32_t)(value & ~1ull);
}

static uint32_t nearest_even(uint64_t value, uint64_t of)
{
    return even((value + of) / of);
}

/* Edges at the proportional places, so that what does not divide is spread. */
static void cut(uint32_t whole, uint32_t gap, uint32_t parts, uint32_t place, uint32_t *ret_at,
                uint32_t *ret_size)
{
    uint64_t all = (uint64_t)whole + gap;
    uint32_t end = place + 1 == parts ? (uint32_t)all : even(all * (place + 1) / parts);

    *ret_at = even(all * place / parts);
    *ret_size = end > *ret_at + gap ? end - *ret_at - gap : 0;
}

struct mosaic_rect mosaic_cell(const struct mosaic_grid *grid, uint32_t place)
{
    uint32_t columns = grid->columns, rows;
    struct mosaic_rect ret;

    if (columns == 0)
        for (columns = 1; columns * columns < grid->count; columns++)
            ;
    rows = (grid->count + columns - 1) / columns;
    cut(grid->width, grid->gap, columns, place % columns, &ret.x, &ret.width);
    cut(grid->height, grid->gap, rows, place / columns, &ret.y, &ret.height);
    return ret;
}

static uint32_t at_most(uint32_t value, uint32_t limit)
{
    return value < 2 ? 2 : value > limit ? limit : value;
}

struct mosaic_rect mosaic_fit(const struct mosaic_rect *cell, uint32_t width, uint32_t height,
                              enum mosaic_fit fit, struct mosaic_rect *ret_shown)
{
    /* The cell's shape against the picture's: wider when positive. */
    int64_t wider = (int64_t)cell->width * height - (int64_t)cell->height * width;
    struct mosaic_rect ret = *cell;

    *ret_shown = (struct mosaic_rect){0, 0, width, height};
    if (fit == MOSAIC_FIT && wider > 0)
        ret.width = at_most(nearest_even((uint64_t)cell->height * width, height), cell->width);
    if (fit == MOSAIC_FIT && wider < 0)
        ret.height = at_most(nearest_even((uint64_t)cell->width * height, width), cell->height);
    ret.x += even((cell->width - ret.width) / 2);
    ret.y += even((cell->height - ret.height) / 2);
    if (fit == MOSAIC_FILL && wider > 0)
        ret_shown->height =
            at_most(nearest_even((uint64_t)cell->height * width, cell->width), height);
    if (fit == MOSAIC_FILL && wider < 0)
        ret_shown->width =
            at_most(nearest_even((uint64_t)cell->width * height, cell->height), width);
    ret_shown->x = even((width - ret_shown->width) / 2);
    ret_shown->y = even((height - ret_shown->height) / 2);
    return ret;
}

/* Puts an edge among the others, which are in order and each there once. */
static void add_edge(uint32_t *edges, uint32_t *count, uint32_t edge)
{
    uint32_t at = 0;

    while (at < *count && edges[at] < edge)
        at++;
    if (at < *count && edges[at] == edge)
        return;
    for (uint32_t n = (*count)++; n > at; n--)
        edges[n] = edges[n - 1];
    edges[at] = edge;
}

/* The leftmost place from x on that no picture covers in the band, and where that ends. */
static bool find_bare(const struct mosaic_rect *band, const struct mosaic_rect *pictures,
                      uint32_t count, uint32_t *x, uint32_t *ret_end)
{
    *ret_end = band->width;
    for (uint32_t n = 0; n < count; n++) {
        const struct mosaic_rect *one = pictures + n;

        if (one->y > band->y || one->y + one->height <= band->y || one->x + one->width <= *x)
            continue;
        if (one->x <= *x) { /* covered: go on behind it, with all of them again */
            *x = one->x + one->width;
            *ret_end = band->width;
            n = UINT32_MAX;
        } else if (one->x < *ret_end) {
            *ret_end = one->x;
        }
    }
    return *x < band->width;
}

uint32_t mosaic_bare(uint32_t width, uint32_t height, const struct mosaic_rect *pictures,
                     uint32_t count, struct mosaic_rect ret[MOSAIC_BARE_MAX])
{
    uint32_t edges[2 * TT_PORTS_MAX + 2] = {0, height}, edge_count = 2, found = 0;

    for (uint32_t n = 0; n < count; n++) {
        add_edge(edges, &edge_count, pictures[n].y);
        add_edge(edges, &edge_count, pictures[n].y + pictures[n].height);
    }
    for (uint32_t n = 0; n + 1 < edge_count; n++) {
        struct mosaic_rect band = {0, edges[n], width, edges[n + 1] - edges[n]};
        uint32_t end;

        for (uint32_t x = 0; find_bare(&band, pictures, count, &x, &end); x = end)
            ret[found++] = (struct mosaic_rect){x, band.y, end - x, band.height};
    }
    return found;
}
