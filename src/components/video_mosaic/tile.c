/* One picture of a mosaic, by zimg. What did not change since the last mosaic is not scaled again:
 * stills, slow inputs and those that are late cost a copy. */
#include "components/video_mosaic/tile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "components/lib/colour.h"
#include "components/lib/yuv.h"
#include "tactus/error.h"

static bool is_full(const struct tt_format *format)
{
    return format->range == COLOUR_FULL;
}

/* A matrix is only named where it changes: zimg then goes by way of RGB, which costs. */
static void describe(const struct tile *tile, zimg_image_format *ret_from,
                     zimg_image_format *ret_to)
{
    uint32_t from = component_matrix(&tile->in), to = component_matrix(&tile->made);

    component_zimg_describe(&tile->in, ret_from);
    component_zimg_describe(&tile->made, ret_to);
    if (from != to) {
        ret_from->matrix_coefficients = (zimg_matrix_coefficients_e)from;
        ret_to->matrix_coefficients = (zimg_matrix_coefficients_e)to;
    }
    ret_from->active_region.left = tile->shown.x;
    ret_from->active_region.top = tile->shown.y;
    ret_from->active_region.width = tile->shown.width;
    ret_from->active_region.height = tile->shown.height;
}

static bool is_of_one_kind(const struct tile *a, const struct tile *b)
{
    return memcmp(&a->in, &b->in, sizeof(a->in)) == 0 &&
           memcmp(&a->shown, &b->shown, sizeof(a->shown)) == 0 && a->at.width == b->at.width &&
           a->at.height == b->at.height;
}

/* A graph holds nothing of a picture between two calls. */
static bool share_graphs(struct tile *tile, const struct tile_params *params)
{
    for (uint32_t n = 0; n < params->other_count && !tile->is_like; n++)
        if (!params->others[n].is_plain && is_of_one_kind(tile, &params->others[n])) {
            memcpy(tile->graphs, params->others[n].graphs, sizeof(tile->graphs));
            tile->is_like = true;
        }
    return tile->is_like;
}

static int make_graphs(struct tile *tile, const struct tile_params *params, size_t *work_bytes)
{
    zimg_image_format from, to;

    if (share_graphs(tile, params))
        return 0;
    describe(tile, &from, &to);
    for (uint32_t level = 0; level < params->level_count; level++) {
        tile->graphs[level] = component_zimg_graph(&from, &to, params->filters[level], work_bytes);
        if (tile->graphs[level] == NULL)
            return -EINVAL;
    }
    return 0;
}

static bool is_as_it_comes(const struct tile *tile)
{
    return tile->shown.width == tile->at.width && tile->shown.height == tile->at.height &&
           is_full(&tile->in) == is_full(&tile->made) &&
           component_matrix(&tile->in) == component_matrix(&tile->made);
}

int tile_init(struct tile *tile, const struct tile_params *params, size_t *work_bytes,
              struct tt_error *err)
{
    uint32_t bytes = tt_format_video(&tile->made, TT_I420, tile->made.width, tile->made.height);

    tile->in_bytes = tt_format_video(&tile->in, TT_I420, tile->in.width, tile->in.height);
    tile->is_plain = is_as_it_comes(tile);
    if (tile->is_plain)
        return 0;
    if (make_graphs(tile, params, work_bytes) != 0) {
        char why[200] = "";

        (void)zimg_get_last_error(why, sizeof(why));
        return tt_fail(err, -EINVAL,
                       "video.mosaic cannot scale %ux%u to %ux%u: zimg says: %s: use other sizes",
                       tile->in.width, tile->in.height, tile->made.width, tile->made.height, why);
    }
    tile->picture = component_zimg_work(bytes);
    if (tile->picture == NULL)
        return tt_fail(err, -ENOMEM, "video.mosaic: no memory for a picture of %ux%u",
                       tile->made.width, tile->made.height);
    return 0;
}

void tile_fini(struct tile *tile)
{
    for (uint32_t level = 0; level < TILE_LEVELS && !tile->is_like; level++)
        zimg_filter_graph_free(tile->graphs[level]);
    free(tile->picture);
    memset(tile, 0, sizeof(*tile));
}

static int make(struct tile *tile, const struct tt_frame *in, uint32_t level, void *work)
{
    zimg_image_buffer_const source = {.version = ZIMG_API_VERSION};
    zimg_image_buffer target = {.version = ZIMG_API_VERSION};

    if (tile->is_made && tile->made_index == in->index && tile->made_origin_ns == in->origin_ns &&
        tile->made_format == in->format_id && tile->made_level == level)
        return 0;
    for (uint32_t plane = 0; plane < 3; plane++) {
        source.plane[plane].data = tt_plane(&tile->in, in->data, plane);
        source.plane[plane].stride = tile->in.stride[plane];
        source.plane[plane].mask = ZIMG_BUFFER_MAX;
        target.plane[plane].data = tile->picture + tile->made.plane_offset[plane];
        target.plane[plane].stride = tile->made.stride[plane];
        target.plane[plane].mask = ZIMG_BUFFER_MAX;
    }
    tile->is_made = false;
    if (zimg_filter_graph_process(tile->graphs[level], &source, &target, work, NULL, NULL, NULL,
                                  NULL) != 0)
        return -EIO;
    tile->is_made = true;
    tile->made_index = in->index;
    tile->made_origin_ns = in->origin_ns;
    tile->made_format = in->format_id;
    tile->made_level = level;
    return 0;
}

static uint8_t *place_of(const struct mosaic_rect *at, const struct tt_format *mosaic, tt_addr data,
                         uint32_t plane)
{
    uint32_t by = plane == 0 ? 1 : 2;

    return tt_plane(mosaic, data, plane) + (size_t)(at->y / by) * mosaic->stride[plane] +
           at->x / by;
}

int tile_show(struct tile *tile, const struct tt_frame *in, uint32_t level, void *work,
              const struct tt_format *mosaic, tt_addr data)
{
    const struct tt_format *format = tile->is_plain ? &tile->in : &tile->made;
    tt_addr from = tile->is_plain ? in->data : (tt_addr)(uintptr_t)tile->picture;
    int r = tile->is_plain ? 0 : make(tile, in, level, work);

    if (r < 0)
        return r;
    for (uint32_t plane = 0; plane < 3; plane++) {
        uint32_t by = plane == 0 ? 1 : 2;
        const uint8_t *line = tt_plane(format, from, plane);
        uint8_t *to = place_of(&tile->at, mosaic, data, plane);

        if (tile->is_plain) /* of a picture cut to fill, the part that is shown */
            line += (size_t)(tile->shown.y / by) * format->stride[plane] + tile->shown.x / by;
        for (uint32_t y = 0; y < tile->at.height / by; y++) {
            memcpy(to, line, tile->at.width / by);
            line += format->stride[plane];
            to += mosaic->stride[plane];
        }
    }
    return 0;
}

void tile_paint(const struct mosaic_rect *at, const uint8_t colour[3],
                const struct tt_format *mosaic, tt_addr data)
{
    for (uint32_t plane = 0; plane < 3; plane++) {
        uint32_t by = plane == 0 ? 1 : 2;
        uint8_t *to = place_of(at, mosaic, data, plane);

        for (uint32_t y = 0; y < at->height / by; y++, to += mosaic->stride[plane])
            memset(to, colour[plane], at->width / by);
    }
}
