/* Scaling graphs of zimg that were seen to be right. The AVX-512 kernels of zimg 3.0.4 are nearly
 * twice as fast as those of AVX2, but take wrong columns at some ratios (1280 to 620..638, where
 * 640 is right): so strips of a test picture are scaled by both first, and AVX2 it is where the two
 * do not agree. */
#include "components/zimg/graph.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "components/lib/colour.h"

enum { PLANES = 4, THIN = 32 /* pixels */ };

static zimg_chroma_location_e siting_of(const struct tt_format *format)
{
    switch (format->siting) {
    case COLOUR_SITING_CENTRE:
        return ZIMG_CHROMA_CENTER;
    case COLOUR_SITING_TOP_LEFT:
        return ZIMG_CHROMA_TOP_LEFT;
    default:
        return ZIMG_CHROMA_LEFT;
    }
}

void component_zimg_describe(const struct tt_format *format, zimg_image_format *ret)
{
    bool is_rgba = format->fourcc == TT_RGBA;

    zimg_image_format_default(ret, ZIMG_API_VERSION);
    ret->width = format->width;
    ret->height = format->height;
    ret->pixel_type = ZIMG_PIXEL_BYTE;
    ret->color_family = is_rgba ? ZIMG_COLOR_RGB : ZIMG_COLOR_YUV;
    ret->subsample_w = ret->subsample_h = is_rgba ? 0 : 1;
    ret->alpha = is_rgba ? ZIMG_ALPHA_STRAIGHT : ZIMG_ALPHA_NONE;
    ret->pixel_range =
        is_rgba || format->range == COLOUR_FULL ? ZIMG_RANGE_FULL : ZIMG_RANGE_LIMITED;
    ret->matrix_coefficients = is_rgba ? ZIMG_MATRIX_RGB : ZIMG_MATRIX_UNSPECIFIED;
    ret->chroma_location = siting_of(format);
}

static zimg_filter_graph *build(const zimg_image_format *from, const zimg_image_format *to,
                                zimg_resample_filter_e filter, zimg_cpu_type_e cpu)
{
    zimg_graph_builder_params how;

    zimg_graph_builder_params_default(&how, ZIMG_API_VERSION);
    how.resample_filter = how.resample_filter_uv = filter;
    how.cpu_type = cpu;
    return zimg_filter_graph_build(from, to, &how);
}

void *component_zimg_work(size_t work_bytes)
{
    size_t bytes = (work_bytes + 127) / 64 * 64;
    void *work = aligned_alloc(64, bytes);

    return work == NULL ? NULL : memset(work, 0, bytes);
}

struct picture {
    uint8_t *memory, *data[PLANES];
    uint32_t stride[PLANES], width[PLANES], rows[PLANES], count;
};

static bool picture_init(struct picture *picture, const zimg_image_format *format)
{
    size_t bytes = 0;

    *picture = (struct picture){.count = format->alpha != ZIMG_ALPHA_NONE ? 4 : 3};
    for (uint32_t n = 0; n < picture->count; n++) {
        picture->width[n] = format->width >> (n == 0 ? 0 : format->subsample_w);
        picture->rows[n] = format->height >> (n == 0 ? 0 : format->subsample_h);
        picture->stride[n] = (picture->width[n] + 63) / 64 * 64;
        bytes += (size_t)picture->stride[n] * picture->rows[n];
    }
    picture->memory = aligned_alloc(64, bytes);
    for (uint32_t n = 0; n < picture->count && picture->memory != NULL; n++)
        picture->data[n] =
            n == 0 ? picture->memory
                   : picture->data[n - 1] + (size_t)picture->stride[n - 1] * picture->rows[n - 1];
    return picture->memory != NULL;
}

/* Slopes in both directions: a column or row out of its place is a step. */
static void paint(const struct picture *picture)
{
    for (uint32_t n = 0; n < picture->count; n++)
        for (uint32_t y = 0; y < picture->rows[n]; y++)
            for (uint32_t x = 0; x < picture->width[n]; x++) {
                int32_t at = (int32_t)((x * 5 + y * 3 + n * 40) % 400) - 200;

                picture->data[n][(size_t)y * picture->stride[n] + x] =
                    (uint8_t)(28 + (at < 0 ? -at : at));
            }
}

static bool scale(const zimg_filter_graph *graph, const struct picture *from,
                  const struct picture *to)
{
    zimg_image_buffer_const source = {.version = ZIMG_API_VERSION};
    zimg_image_buffer target = {.version = ZIMG_API_VERSION};
    size_t bytes = 0;
    void *work;
    bool is_done;

    for (uint32_t n = 0; n < from->count; n++) {
        source.plane[n].data = from->data[n];
        source.plane[n].stride = from->stride[n];
        target.plane[n].data = to->data[n];
        target.plane[n].stride = to->stride[n];
        source.plane[n].mask = target.plane[n].mask = ZIMG_BUFFER_MAX;
    }
    if (zimg_filter_graph_get_tmp_size(graph, &bytes) != 0)
        return false;
    work = component_zimg_work(bytes);
    is_done = work != NULL &&
              zimg_filter_graph_process(graph, &source, &target, work, NULL, NULL, NULL, NULL) == 0;
    free(work);
    return is_done;
}

/* Nearly: kernels may round the last bit differently. */
static bool is_same(const struct picture *a, const struct picture *b)
{
    for (uint32_t n = 0; n < a->count; n++)
        for (uint32_t y = 0; y < a->rows[n]; y++)
            for (uint32_t x = 0; x < a->width[n]; x++) {
                size_t at = (size_t)y * a->stride[n] + x;

                if (abs((int)a->data[n][at] - b->data[n][at]) > 2)
                    return false;
            }
    return true;
}

static bool do_agree(const zimg_filter_graph *wide, const zimg_filter_graph *narrow,
                     const zimg_image_format *from, const zimg_image_format *to)
{
    struct picture source = {0}, first = {0}, second = {0};
    bool is_good = wide != NULL && narrow != NULL && picture_init(&source, from) &&
                   picture_init(&first, to) && picture_init(&second, to);

    if (is_good) {
        paint(&source);
        is_good = scale(wide, &source, &first) && scale(narrow, &source, &second) &&
                  is_same(&first, &second);
    }
    free(source.memory);
    free(first.memory);
    free(second.memory);
    return is_good;
}

static bool is_right(const zimg_image_format *from, const zimg_image_format *to,
                     zimg_resample_filter_e filter)
{
    zimg_filter_graph *wide = build(from, to, filter, ZIMG_CPU_AUTO_64B);
    zimg_filter_graph *narrow = build(from, to, filter, ZIMG_CPU_AUTO);
    bool is_good = do_agree(wide, narrow, from, to);

    zimg_filter_graph_free(wide);
    zimg_filter_graph_free(narrow);
    return is_good;
}

/* Both directions apart, in strips: the same kernels, and a start does not wait for pictures. */
static bool is_proven(const zimg_image_format *from, const zimg_image_format *to,
                      zimg_resample_filter_e filter)
{
    zimg_image_format row_from = *from, row_to = *to, column_from = *from, column_to = *to;

    row_from.height = row_to.height = THIN;
    row_from.active_region.top = row_from.active_region.height = NAN;
    column_from.width = column_to.width = THIN;
    column_from.active_region.left = column_from.active_region.width = NAN;
    return is_right(&row_from, &row_to, filter) && is_right(&column_from, &column_to, filter);
}

static bool has_wide_kernels(void)
{
#if defined(__x86_64__) && defined(__GNUC__)
    return __builtin_cpu_supports("avx512f") != 0;
#else
    return false;
#endif
}

zimg_filter_graph *component_zimg_graph(const zimg_image_format *from, const zimg_image_format *to,
                                        zimg_resample_filter_e filter, size_t *work_bytes)
{
    bool is_wide = has_wide_kernels() && is_proven(from, to, filter);
    zimg_filter_graph *graph = build(from, to, filter, is_wide ? ZIMG_CPU_AUTO_64B : ZIMG_CPU_AUTO);
    size_t bytes = 0;

    if (graph == NULL || zimg_filter_graph_get_tmp_size(graph, &bytes) != 0) {
        zimg_filter_graph_free(graph);
        return NULL;
    }
    *work_bytes = bytes > *work_bytes ? bytes : *work_bytes;
    return graph;
}
