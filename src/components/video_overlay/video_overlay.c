/* video.overlay: pictures laid over a main picture, each at its place, with straight alpha. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "components/lib/colour.h"
#include "components/lib/frames.h"
#include "components/lib/settings.h"
#include "components/lib/yuv.h"
#include "tactus/error.h"

enum { PARAM_X, PARAM_Y, PARAM_ALPHA, PARAM_COUNT };
enum { PORT_MAIN, PORT_LAYER, PORT_OUT, PORT_COUNT };

struct layer {
    struct tt_format format;
    int32_t x, y;
    uint32_t alpha; /* 0..256 */
    uint32_t bytes; /* of a frame */
};

struct overlay_state {
    struct tt_format out;
    uint32_t bytes, main_input, in_count;
    struct component_to_yuv to_yuv;
    struct layer layers[TT_PORTS_MAX]; /* by input; that of main is not used */
};

static const struct tt_format main_accepts[] = {{.kind = TT_VIDEO, .fourcc = TT_I420}};
static const struct tt_format layer_accepts[] = {
    {.kind = TT_VIDEO, .fourcc = TT_RGBA},
    {.kind = TT_VIDEO, .fourcc = TT_I420},
};

static const struct tt_port ports[PORT_COUNT] = {
    [PORT_MAIN] = {.name = "main",
                   .accepts = main_accepts,
                   .accept_count = 1,
                   .late_policies = TT_LATE_DROP | TT_LATE_REPEAT | TT_LATE_BLACK,
                   .is_leader = 1,
                   .in_place_of = 0},
    [PORT_LAYER] = {.name = "*",
                    .accepts = layer_accepts,
                    .accept_count = 2,
                    .late_policies = TT_LATE_DROP | TT_LATE_REPEAT,
                    .is_optional = 1,
                    .instances_max = TT_PORTS_MAX - 1,
                    .in_place_of = -1},
    [PORT_OUT] = {.name = "out",
                  .accepts = main_accepts,
                  .accept_count = 1,
                  .is_output = 1,
                  .in_place_of = -1},
};

static const struct tt_param params[PARAM_COUNT] = {
    [PARAM_X] = {.name = "*.x",
                 .unit = "pixels",
                 .help = "left edge of this input on the main picture; may be outside",
                 .initial = "0",
                 .type = TT_PARAM_INT,
                 .is_live = 1,
                 .min = -TT_SIZE_MAX,
                 .max = TT_SIZE_MAX},
    [PARAM_Y] = {.name = "*.y",
                 .unit = "pixels",
                 .help = "top edge of this input on the main picture; may be outside",
                 .initial = "0",
                 .type = TT_PARAM_INT,
                 .is_live = 1,
                 .min = -TT_SIZE_MAX,
                 .max = TT_SIZE_MAX},
    [PARAM_ALPHA] = {.name = "*.alpha",
                     .help = "opacity of this input, times its own alpha",
                     .initial = "1",
                     .type = TT_PARAM_FLOAT,
                     .is_live = 1,
                     .max = 1},
};

static int find_main(const struct tt_request *request)
{
    for (uint32_t n = 0; n < request->in_count && n < TT_PORTS_MAX; n++)
        if (request->pins[n].port == PORT_MAIN)
            return (int)n;
    return -1;
}

static uint32_t make_out(const struct tt_format *main, struct tt_format *ret)
{
    uint32_t bytes;

    *ret = *main;
    bytes = tt_format_video(ret, TT_I420, main->width, main->height);
    if (main->fourcc == TT_RGBA) {
        ret->matrix = component_matrix(main);
        ret->range = COLOUR_LIMITED;
    }
    return bytes;
}

static int shape(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    int main = find_main(request);

    if (main < 0)
        return tt_fail(err, -EINVAL,
                       "video.overlay has no main picture: connect one to its input 'main'");
    for (uint32_t n = 0; n < request->in_count && n < TT_PORTS_MAX; n++) {
        const struct tt_format *in = request->in + n;
        bool is_rgba = in->fourcc == TT_RGBA && (int)n != main;

        ret->want[n].kind = TT_VIDEO;
        ret->want[n].fourcc = is_rgba ? TT_RGBA : TT_I420;
        if (in->field_order > TT_PROGRESSIVE)
            return tt_fail(err, -EINVAL,
                           "video.overlay cannot take interlaced pictures at '%s': deinterlace "
                           "them first",
                           request->pins[n].name);
    }
    ret->bytes_max[0] = make_out(request->in + main, &ret->out[0]);
    if (ret->bytes_max[0] == 0)
        return tt_fail(err, -EINVAL,
                       "video.overlay cannot use a main picture of %ux%u, its sides must be even "
                       "and at most %d: scale it first",
                       request->in[main].width, request->in[main].height, TT_SIZE_MAX);
    ret->state_bytes = sizeof(struct overlay_state);
    return 0;
}

static int init(void *state_, const struct tt_request *request, struct tt_error *err)
{
    struct overlay_state *state = state_;

    state->in_count = request->in_count;
    state->main_input = (uint32_t)find_main(request);
    state->bytes = make_out(request->in + state->main_input, &state->out);
    component_to_yuv_init(&state->to_yuv, component_matrix(&state->out), state->out.range);
    for (uint32_t n = 0; n < request->in_count; n++) {
        struct layer *layer = state->layers + n;

        layer->format = request->in[n];
        layer->bytes = tt_format_video(&layer->format, layer->format.fourcc, layer->format.width,
                                       layer->format.height);
        layer->x = (int32_t)component_int_of(request, PARAM_X, n, 0);
        layer->y = (int32_t)component_int_of(request, PARAM_Y, n, 0);
        layer->alpha = (uint32_t)(component_float_of(request, PARAM_ALPHA, n, 1) * 256 + 0.5);
    }
    return 0;
}

static bool is_within(double value, double from, double to)
{
    return value >= from && value <= to;
}

/* What no user can write is not believed of an event either. */
static void take_events(struct overlay_state *state, const struct tt_call *call)
{
    const struct tt_event *events = tt_call_events(call);

    for (uint32_t n = 0; n < call->event_count; n++) {
        uint32_t param = events[n].id & 0xffff, input = (events[n].id >> 16) - 1;
        struct layer *layer = input < state->in_count ? state->layers + input : NULL;
        bool is_place = events[n].i >= -TT_SIZE_MAX && events[n].i <= TT_SIZE_MAX;

        if (events[n].kind != TT_EVENT_PARAM || !layer)
            continue;
        if (param == PARAM_X && is_place)
            layer->x = (int32_t)events[n].i;
        else if (param == PARAM_Y && is_place)
            layer->y = (int32_t)events[n].i;
        else if (param == PARAM_ALPHA && is_within(events[n].f, 0, 1))
            layer->alpha = (uint32_t)(events[n].f * 256 + 0.5);
    }
}

static int open(void *state, void *scratch, const struct tt_host *host,
                const struct tt_request *request)
{
    return 0;
}

/* The part of one side that a layer covers: places on the main picture, from < to. */
struct range {
    int32_t from, to;
};

static struct range clip(int32_t at, uint32_t size, uint32_t limit)
{
    struct range range = {at, at + (int32_t)size};

    range.from = range.from < 0 ? 0 : range.from;
    range.to = range.to > (int32_t)limit ? (int32_t)limit : range.to;
    return range;
}

static inline uint32_t alpha_of(uint32_t pixel, uint32_t alpha)
{
    return ((pixel >> 24) * alpha + 128) >> 8;
}

COMPONENT_WIDE static void luma_rgba(const struct component_to_yuv *to,
                                     const uint32_t *restrict pixels, uint32_t alpha,
                                     uint8_t *restrict luma, uint32_t count)
{
    const int16_t r = to->y[0], g = to->y[1], b = to->y[2];
    const int32_t add = (to->y_black << 14) + 8192;

    for (uint32_t n = 0; n < count; n++) {
        uint32_t p = pixels[n];
        uint16_t a = (uint16_t)alpha_of(p, alpha);
        uint16_t y = (uint16_t)((r * (int16_t)(p & 255) + g * (int16_t)(p >> 8 & 255) +
                                 b * (int16_t)(p >> 16 & 255) + add) >>
                                14);
        uint32_t mixed = (uint32_t)luma[n] * (255u - a) + (uint32_t)y * a + 128;

        luma[n] = (uint8_t)((mixed + (mixed >> 8)) >> 8);
    }
}

COMPONENT_WIDE static void luma_i420(const uint8_t *restrict from, uint32_t alpha,
                                     uint8_t *restrict luma, uint32_t count)
{
    for (uint32_t n = 0; n < count; n++)
        luma[n] = (uint8_t)((luma[n] * (256 - alpha) + from[n] * alpha + 128) >> 8);
}

static const uint8_t *layer_line(const struct layer *layer, tt_addr data, uint32_t plane, int32_t y)
{
    return tt_plane(&layer->format, data, plane) + (size_t)y * layer->format.stride[plane];
}

static void lay_luma(const struct overlay_state *state, const struct layer *layer, tt_addr from,
                     tt_addr to)
{
    const struct tt_format *out = &state->out;
    struct range columns = clip(layer->x, layer->format.width, out->width);
    struct range rows = clip(layer->y, layer->format.height, out->height);

    for (int32_t y = rows.from; y < rows.to && columns.from < columns.to; y++) {
        const uint8_t *line = layer_line(layer, from, 0, y - layer->y);
        uint8_t *luma = tt_plane(out, to, 0) + (size_t)y * out->stride[0] + columns.from;
        uint32_t skip = (uint32_t)(columns.from - layer->x);
        uint32_t count = (uint32_t)(columns.to - columns.from);

        if (layer->format.fourcc == TT_RGBA)
            luma_rgba(&state->to_yuv, (const uint32_t *)(const void *)line + skip, layer->alpha,
                      luma, count);
        else if (layer->alpha == 256)
            memcpy(luma, line + skip, count);
        else
            luma_i420(line + skip, layer->alpha, luma, count);
    }
}

/* The layer's pixels under one chroma sample of the main picture, already cut at the borders. */
struct patch {
    struct range columns, rows; /* on the main picture: one or two each */
};

static void chroma_rgba(const struct overlay_state *state, const struct layer *layer, tt_addr from,
                        const struct patch *patch, uint8_t *u, uint8_t *v)
{
    const struct component_to_yuv *to = &state->to_yuv;
    int32_t sum_a = 0, sum_r = 0, sum_g = 0, sum_b = 0, by_u, by_v;

    for (int32_t y = patch->rows.from; y < patch->rows.to; y++) {
        const uint32_t *pixels =
            (const uint32_t *)(const void *)layer_line(layer, from, 0, y - layer->y);

        for (int32_t x = patch->columns.from; x < patch->columns.to; x++) {
            uint32_t p = pixels[x - layer->x];
            int32_t a = (int32_t)alpha_of(p, layer->alpha);

            sum_a += a;
            sum_r += a * (int32_t)(p & 255);
            sum_g += a * (int32_t)(p >> 8 & 255);
            sum_b += a * (int32_t)(p >> 16 & 255);
        }
    }
    if (sum_a == 0)
        return;
    /* Each factor is at most 8192, each sum 4 * 255 * 255: the products stay below 2^31. */
    by_u =
        ((int32_t)to->u[0] * sum_r + (int32_t)to->u[1] * sum_g + (int32_t)to->u[2] * sum_b) >> 14;
    by_v =
        ((int32_t)to->v[0] * sum_r + (int32_t)to->v[1] * sum_g + (int32_t)to->v[2] * sum_b) >> 14;
    *u = component_clamp((*u * (1020 - sum_a) + 128 * sum_a + by_u + 510) / 1020);
    *v = component_clamp((*v * (1020 - sum_a) + 128 * sum_a + by_v + 510) / 1020);
}

static void chroma_i420(const struct layer *layer, tt_addr from, const struct patch *patch,
                        uint8_t *u, uint8_t *v)
{
    uint32_t count = 0, sum_u = 0, sum_v = 0;

    for (int32_t y = patch->rows.from; y < patch->rows.to; y++)
        for (int32_t x = patch->columns.from; x < patch->columns.to; x++, count++) {
            sum_u += layer_line(layer, from, 1, (y - layer->y) / 2)[(x - layer->x) / 2];
            sum_v += layer_line(layer, from, 2, (y - layer->y) / 2)[(x - layer->x) / 2];
        }
    *u = (uint8_t)((*u * (1024 - count * layer->alpha) + sum_u * layer->alpha + 512) >> 10);
    *v = (uint8_t)((*v * (1024 - count * layer->alpha) + sum_v * layer->alpha + 512) >> 10);
}

/* The same for a row of samples that each have their four pixels. */
COMPONENT_WIDE static void chroma_rgba_line(const struct component_to_yuv *to,
                                            const uint32_t *restrict upper,
                                            const uint32_t *restrict lower, uint32_t alpha,
                                            uint8_t *restrict u, uint8_t *restrict v,
                                            uint32_t count)
{
    for (uint32_t n = 0; n < count; n++) {
        const uint32_t p[4] = {upper[2 * n], upper[2 * n + 1], lower[2 * n], lower[2 * n + 1]};
        int32_t sum_a = 0, sum_r = 0, sum_g = 0, sum_b = 0, by_u, by_v;

        for (uint32_t k = 0; k < 4; k++) {
            int32_t a = (int32_t)alpha_of(p[k], alpha);

            sum_a += a;
            sum_r += a * (int32_t)(p[k] & 255);
            sum_g += a * (int32_t)(p[k] >> 8 & 255);
            sum_b += a * (int32_t)(p[k] >> 16 & 255);
        }
        by_u = (to->u[0] * sum_r + to->u[1] * sum_g + to->u[2] * sum_b) >> 14;
        by_v = (to->v[0] * sum_r + to->v[1] * sum_g + to->v[2] * sum_b) >> 14;
        u[n] = component_clamp((u[n] * (1020 - sum_a) + 128 * sum_a + by_u + 510) / 1020);
        v[n] = component_clamp((v[n] * (1020 - sum_a) + 128 * sum_a + by_v + 510) / 1020);
    }
}

static struct range pair_of(int32_t at, struct range limit)
{
    struct range pair = {2 * at, 2 * at + 2};

    pair.from = pair.from < limit.from ? limit.from : pair.from;
    pair.to = pair.to > limit.to ? limit.to : pair.to;
    return pair;
}

/* A row of chroma samples of the main picture, and what part of a layer lies over it. */
struct chroma_row {
    uint8_t *u, *v;
    struct range columns, rows; /* on the main picture */
};

static void lay_patches(const struct overlay_state *state, const struct layer *layer, tt_addr from,
                        const struct chroma_row *row, int32_t x, int32_t x_end)
{
    struct patch patch = {.rows = row->rows};

    for (; x < x_end; x++) {
        patch.columns = pair_of(x, row->columns);
        if (layer->format.fourcc == TT_RGBA)
            chroma_rgba(state, layer, from, &patch, row->u + x, row->v + x);
        else
            chroma_i420(layer, from, &patch, row->u + x, row->v + x);
    }
}

/* Whole samples go by the line; the halves at both ends one by one. */
static void lay_chroma_row(const struct overlay_state *state, const struct layer *layer,
                           tt_addr from, const struct chroma_row *row)
{
    int32_t first = (row->columns.from + 1) / 2, end = row->columns.to / 2;

    if (layer->format.fourcc != TT_RGBA || row->rows.to - row->rows.from < 2 || first >= end) {
        lay_patches(state, layer, from, row, row->columns.from / 2, (row->columns.to + 1) / 2);
        return;
    }
    lay_patches(state, layer, from, row, row->columns.from / 2, first);
    chroma_rgba_line(
        &state->to_yuv,
        (const uint32_t *)(const void *)layer_line(layer, from, 0, row->rows.from - layer->y) +
            2 * first - layer->x,
        (const uint32_t *)(const void *)layer_line(layer, from, 0, row->rows.from + 1 - layer->y) +
            2 * first - layer->x,
        layer->alpha, row->u + first, row->v + first, (uint32_t)(end - first));
    lay_patches(state, layer, from, row, end, (row->columns.to + 1) / 2);
}

static void lay_chroma(const struct overlay_state *state, const struct layer *layer, tt_addr from,
                       tt_addr to)
{
    const struct tt_format *out = &state->out;
    struct range rows = clip(layer->y, layer->format.height, out->height);
    struct chroma_row row = {.columns = clip(layer->x, layer->format.width, out->width)};

    for (int32_t y = rows.from / 2; 2 * y < rows.to && row.columns.from < row.columns.to; y++) {
        row.u = tt_plane(out, to, 1) + (size_t)y * out->stride[1];
        row.v = tt_plane(out, to, 2) + (size_t)y * out->stride[2];
        row.rows = pair_of(y, rows);
        lay_chroma_row(state, layer, from, &row);
    }
}

/* An opaque I420 layer whose chroma samples fall on those of the main picture: the usual case of a
 * picture in a picture, at the speed of memory. */
static bool is_plain(const struct layer *layer)
{
    return layer->format.fourcc == TT_I420 && layer->alpha == 256 && layer->x % 2 == 0 &&
           layer->y % 2 == 0;
}

static void copy_chroma(const struct overlay_state *state, const struct layer *layer, tt_addr from,
                        tt_addr to)
{
    const struct tt_format *out = &state->out;
    struct range columns = clip(layer->x / 2, layer->format.width / 2, out->width / 2);
    struct range rows = clip(layer->y / 2, layer->format.height / 2, out->height / 2);

    for (uint32_t plane = 1; plane < 3; plane++)
        for (int32_t y = rows.from; y < rows.to && columns.from < columns.to; y++)
            memcpy(tt_plane(out, to, plane) + (size_t)y * out->stride[plane] + columns.from,
                   layer_line(layer, from, plane, y - layer->y / 2) + columns.from - layer->x / 2,
                   (size_t)(columns.to - columns.from));
}

static void paint_black(const struct tt_format *format, tt_addr data)
{
    memset(tt_plane(format, data, 0), format->range == COLOUR_FULL ? 0 : 16,
           (size_t)format->stride[0] * format->height);
    for (uint32_t plane = 1; plane < 3; plane++)
        memset(tt_plane(format, data, plane), 128,
               (size_t)format->stride[plane] * (format->height / 2));
}

static int process(void *state_, struct tt_call *call)
{
    struct overlay_state *state = state_;
    const struct tt_frame *main = tt_call_in(call, state->main_input);
    struct tt_frame *out = tt_call_out(call, 0);

    call->key_point = 1;
    take_events(state, call);
    if (call->in_count < state->in_count || call->out_count == 0 || (main->flags & TT_END) != 0)
        return TT_DONE;
    if (out->data == 0 || out->capacity < state->bytes)
        return -ENOBUFS;
    if (component_has_data(main) && component_is_cut(main, state->bytes))
        return -EINVAL;

    if (!component_has_data(main))
        paint_black(&state->out, out->data);
    else if (out->data != main->data)
        memcpy(tt_frame_data(out), tt_frame_data(main), state->bytes);
    for (uint32_t n = 0; n < state->in_count; n++) {
        const struct layer *layer = state->layers + n;
        const struct tt_frame *in = tt_call_in(call, n);

        if (n == state->main_input || !component_has_data(in) || layer->alpha == 0 ||
            component_is_cut(in, layer->bytes))
            continue;
        lay_luma(state, layer, in->data, out->data);
        if (is_plain(layer))
            copy_chroma(state, layer, in->data, out->data);
        else
            lay_chroma(state, layer, in->data, out->data);
    }
    component_pass_flags(main, out);
    out->flags |= TT_KEY;
    out->bytes = state->bytes;
    return TT_DONE;
}

static void close(void *state)
{
}

const struct tt_component tt_component_video_overlay = {
    .abi = TT_ABI,
    .size = sizeof(struct tt_component),
    .flags = TT_PURE,
    .version = 1,
    .name = "video.overlay",
    .help = "lays pictures over a main picture, each at its place and with its alpha",
    .example =
        "tactus run test.video width=640 height=360 ! video.overlay name=o logo.x=200 "
        "logo.y=100 ! null  test.video width=160 height=90 pattern=ball format=RGBA ! o.logo "
        "--for 2s",
    .ports = ports,
    .params = params,
    .port_count = PORT_COUNT,
    .param_count = PARAM_COUNT,
    .shape = shape,
    .init = init,
    .open = open,
    .process = process,
    .close = close,
};
