/* Copies decoded pictures into I420: rows where they are that already, samples where not. */
#include "components/av_decode/picture.h"

#include <libavutil/pixdesc.h>
#include <string.h>

#include "tactus/format.h"

/* One component (Y, U or V) of a picture of any layout. */
struct layer {
    const uint8_t *data;
    ptrdiff_t stride, step;
    uint32_t shift, depth;
    uint32_t log2_width, log2_height; /* its subsampling */
};

bool picture_is_known(enum AVPixelFormat pixels)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(pixels);
    const uint64_t refused = AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_HWACCEL |
                             AV_PIX_FMT_FLAG_BITSTREAM | AV_PIX_FMT_FLAG_BE |
                             AV_PIX_FMT_FLAG_BAYER | AV_PIX_FMT_FLAG_FLOAT;

    if (!desc || (desc->flags & refused) || desc->nb_components == 0)
        return false;
    if (desc->log2_chroma_w > 2 || desc->log2_chroma_h > 2)
        return false;
    for (int n = 0; n < desc->nb_components; n++)
        if (desc->comp[n].depth < 8 || desc->comp[n].depth > 16)
            return false;
    return true;
}

static struct layer layer_of(const AVFrame *frame, const AVPixFmtDescriptor *desc, int number)
{
    const AVComponentDescriptor *comp = &desc->comp[number];

    return (struct layer){.data = frame->data[comp->plane] + comp->offset,
                          .stride = frame->linesize[comp->plane],
                          .step = comp->step,
                          .shift = (uint32_t)comp->shift,
                          .depth = (uint32_t)comp->depth,
                          .log2_width = number == 0 ? 0 : desc->log2_chroma_w,
                          .log2_height = number == 0 ? 0 : desc->log2_chroma_h};
}

static inline uint32_t sample(const struct layer *layer, uint32_t x, uint32_t y)
{
    const uint8_t *at = layer->data + (ptrdiff_t)y * layer->stride + (ptrdiff_t)x * layer->step;
    uint16_t wide;

    if (layer->depth + layer->shift <= 8)
        return *at >> layer->shift;
    memcpy(&wide, at, sizeof(wide));
    return (wide >> layer->shift) & ((1u << layer->depth) - 1);
}

static inline uint8_t to_byte(uint32_t sum, uint32_t bits)
{
    uint32_t value = bits ? (sum + (1u << (bits - 1))) >> bits : sum;

    return value > 255 ? 255 : (uint8_t)value;
}

static void copy_rows(uint8_t *to, uint32_t to_stride, const uint8_t *from, ptrdiff_t from_stride,
                      uint32_t width, uint32_t height)
{
    for (uint32_t y = 0; y < height; y++)
        memcpy(to + (size_t)y * to_stride, from + (ptrdiff_t)y * from_stride, width);
}

static void copy_luma(const struct tt_format *format, uint8_t *to, const struct layer *from)
{
    for (uint32_t y = 0; y < format->height; y++, to += format->stride[0])
        for (uint32_t x = 0; x < format->width; x++)
            to[x] = to_byte(sample(from, x, y), from->depth - 8);
}

/* Chroma of 4:4:4 and 4:2:2 is the mean of what falls together, of 4:1:1 and 4:1:0 repeated. */
static void copy_chroma(const struct tt_format *format, uint8_t *to, uint32_t stride,
                        const struct layer *from)
{
    uint32_t merge_x = from->log2_width < 1 ? 1 : 0, merge_y = from->log2_height < 1 ? 1 : 0;
    uint32_t spread_x = from->log2_width > 1 ? 1 : 0, spread_y = from->log2_height > 1 ? 1 : 0;
    uint32_t bits = from->depth - 8 + merge_x + merge_y;

    for (uint32_t y = 0; y < format->height / 2; y++, to += stride)
        for (uint32_t x = 0; x < format->width / 2; x++) {
            uint32_t at_x = (x << merge_x) >> spread_x, at_y = (y << merge_y) >> spread_y, sum = 0;

            for (uint32_t dy = 0; dy <= merge_y; dy++)
                for (uint32_t dx = 0; dx <= merge_x; dx++)
                    sum += sample(from, at_x + dx, at_y + dy);
            to[x] = to_byte(sum, bits);
        }
}

static bool is_i420(const AVPixFmtDescriptor *desc)
{
    return (desc->flags & AV_PIX_FMT_FLAG_PLANAR) && desc->nb_components >= 3 &&
           desc->comp[0].depth == 8 && desc->comp[1].plane == 1 && desc->comp[2].plane == 2 &&
           desc->comp[1].step == 1 && desc->log2_chroma_w == 1 && desc->log2_chroma_h == 1;
}

void picture_copy(const struct tt_format *format, tt_addr data, const AVFrame *frame)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(frame->format);
    struct layer layer = layer_of(frame, desc, 0);

    if (is_i420(desc)) {
        for (uint32_t n = 0; n < 3; n++)
            copy_rows(tt_plane(format, data, n), format->stride[n], frame->data[n],
                      frame->linesize[n], n ? format->width / 2 : format->width,
                      n ? format->height / 2 : format->height);
        return;
    }
    copy_luma(format, tt_plane(format, data, 0), &layer);
    for (uint32_t n = 1; n < 3; n++) {
        if (desc->nb_components < 3) {
            memset(tt_plane(format, data, n), 128, (size_t)format->stride[n] * format->height / 2);
            continue;
        }
        layer = layer_of(frame, desc, (int)n);
        copy_chroma(format, tt_plane(format, data, n), format->stride[n], &layer);
    }
}
