/* One picture of a mosaic: scaled when it is new, kept for as long as it is shown. */
#ifndef TT_COMPONENTS_VIDEO_MOSAIC_TILE_H
#define TT_COMPONENTS_VIDEO_MOSAIC_TILE_H

#include "components/video_mosaic/place.h"
#include "components/zimg/graph.h"

enum { TILE_LEVELS = 4 /* of each method one, at most */ };

struct tile {
    struct tt_format in, made; /* as it comes; as it is shown */
    struct mosaic_rect at, shown;
    uint32_t in_bytes;
    bool is_plain;                          /* shown as it comes */
    bool is_like;                           /* its graphs are another tile's */
    zimg_filter_graph *graphs[TILE_LEVELS]; /* by level; those that are not used are NULL */
    uint8_t *picture;                       /* the scaled one */
    bool is_made;                           /* of this frame: */
    uint32_t made_level, made_format;
    int64_t made_index, made_origin_ns;
};

struct tile_params {
    zimg_resample_filter_e filters[TILE_LEVELS]; /* by level */
    uint32_t level_count;
    const struct tile *others; /* made before it: those of one kind share their graphs */
    uint32_t other_count;
};

/* in, made (its size and colour), at and shown are set. Adds what zimg needs for a call to
 * *work_bytes, if that is more. Whatever it returns, tile_fini() frees it, before the others. */
int tile_init(struct tile *tile, const struct tile_params *params, size_t *work_bytes,
              struct tt_error *err);
void tile_fini(struct tile *tile);

/* Lays the input's picture into the mosaic. */
int tile_show(struct tile *tile, const struct tt_frame *in, uint32_t level, void *work,
              const struct tt_format *mosaic, tt_addr data);

/* The same for one colour. */
void tile_paint(const struct mosaic_rect *at, const uint8_t colour[3],
                const struct tt_format *mosaic, tt_addr data);

#endif
