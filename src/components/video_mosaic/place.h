/* Where the pictures of a mosaic lie; whole numbers, all of them even, for chroma goes by twos. */
#ifndef TT_COMPONENTS_VIDEO_MOSAIC_PLACE_H
#define TT_COMPONENTS_VIDEO_MOSAIC_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "tactus/component.h"

enum mosaic_fit { MOSAIC_FIT, MOSAIC_FILL, MOSAIC_STRETCH };

/* Between the edges of up to 16 pictures lie at most 33 bands of 17 pieces. */
enum { MOSAIC_BARE_MAX = (2 * TT_PORTS_MAX + 1) * (TT_PORTS_MAX + 1) };

struct mosaic_rect {
    uint32_t x, y, width, height;
};

struct mosaic_grid {
    uint32_t width, height; /* of the whole */
    uint32_t columns;       /* 0: as many as rows, or one more */
    uint32_t gap, count;
};

/* The cell with that place, from the left, then down; a side of 0 when there is no room. */
struct mosaic_rect mosaic_cell(const struct mosaic_grid *grid, uint32_t place);

/* A picture of that size in its cell: where it goes, and what part of it is shown. */
struct mosaic_rect mosaic_fit(const struct mosaic_rect *cell, uint32_t width, uint32_t height,
                              enum mosaic_fit fit, struct mosaic_rect *ret_shown);

/* What none of the `count` pictures covers, in pieces; returns how many. */
uint32_t mosaic_bare(uint32_t width, uint32_t height, const struct mosaic_rect *pictures,
                     uint32_t count, struct mosaic_rect ret[MOSAIC_BARE_MAX]);

#endif
