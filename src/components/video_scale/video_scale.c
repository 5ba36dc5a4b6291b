/* video.scale: another size for a picture, by zimg. All of zimg's memory is taken in init(). */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "components/lib/colour.h"
#include "components/lib/frames.h"
#include "components/lib/saves.h"
#include "components/lib/settings.h"
#include "components/zimg/graph.h"
#include "tactus/error.h"

enum { PARAM_WIDTH, PARAM_HEIGHT, PARAM_METHOD, PARAM_COUNT };
enum { METHOD_POINT, METHOD_BILINEAR, METHOD_BICUBIC, METHOD_LANCZOS };
enum { LEVEL_COUNT = 4 /* of each method one, at most */ };

static const zimg_resample_filter_e filters[] = {
    [METHOD_POINT] = ZIMG_RESIZE_POINT,
    [METHOD_BILINEAR] = ZIMG_RESIZE_BILINEAR,
    [METHOD_BICUBIC] = ZIMG_RESIZE_BICUBIC,
    [METHOD_LANCZOS] = ZIMG_RESIZE_LANCZOS,
};

/* A picture as zimg wants it: separate planes. */
struct planes {
    uint8_t *data[4];
    uint32_t stride[4], count;
};

struct scale_state {
    struct tt_format in, out;
    uint32_t bytes, in_bytes;
    zimg_filter_graph *graphs[LEVEL_COUNT]; /* by level */
    uint32_t level_count;
    void *work; /* zimg's, for one call */
    /* Only for formats that mix samples in a plane: the picture taken apart, and made. */
    struct planes apart, made;
    uint8_t *apart_data, *made_data;
};

static const struct tt_format accepts[] = {
    {.kind = TT_VIDEO, .fourcc = TT_I420},
    {.kind = TT_VIDEO, .fourcc = TT_NV12},
    {.kind = TT_VIDEO, .fourcc = TT_RGBA},
};

static const struct tt_port ports[] = {
    {.name = "in",
     .accepts = accepts,
     .accept_count = 3,
     .late_policies = TT_LATE_DROP | TT_LATE_REPEAT | TT_LATE_KEEP,
     .is_leader = 1,
     .in_place_of = -1},
    {.name = "out", .accepts = accepts, .accept_count = 3, .is_output = 1, .in_place_of = -1},
};

static const struct tt_param params[PARAM_COUNT] = {
    [PARAM_WIDTH] = {.name = "width",
                     .unit = "pixels",
                     .help = "width of the output, even but for RGBA",
                     .type = TT_PARAM_INT,
                     .min = 1,
                     .max = TT_SIZE_MAX},
    [PARAM_HEIGHT] = {.name = "height",
                      .unit = "pixels",
                      .help = "height of the output, even but for RGBA",
                      .type = TT_PARAM_INT,
                      .min = 1,
                      .max = TT_SIZE_MAX},
    [PARAM_METHOD] = {.name = "method",
                      .unit = "point|bilinear|bicubic|lanczos",
                      .help = "filter, from the fastest to the sharpest",
                      .initial = "bilinear",
                      .type = TT_PARAM_CHOICE,
                      .is_live = TT_PARAM_LEVEL},
};

static uint32_t make_out(const struct tt_request *request, struct tt_format *ret)
{
    int64_t width = tt_setting_int(request, PARAM_WIDTH);
    int64_t height = tt_setting_int(request, PARAM_HEIGHT);

    if (width < 1 || height < 1 || width > TT_SIZE_MAX || height > TT_SIZE_MAX)
        return 0;
    *ret = request->in[0];
    return tt_format_video(ret, request->in[0].fourcc, (uint32_t)width, (uint32_t)height);
}

static int shape(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    const struct tt_format *in = request->in;

    if (request->in_count != 1 || in->kind != TT_VIDEO ||
        (in->fourcc != TT_I420 && in->fourcc != TT_NV12 && in->fourcc != TT_RGBA))
        return tt_fail(err, -EINVAL,
                       "video.scale has no raw video to scale: connect one flow of I420, NV12 or "
                       "RGBA");
    if (in->field_order > TT_PROGRESSIVE)
        return tt_fail(err, -EINVAL,
                       "video.scale cannot scale interlaced pictures: deinterlace them first");
    if ((uint64_t)tt_setting_int(request, PARAM_METHOD) > METHOD_LANCZOS)
        return tt_fail(err, -EINVAL,
                       "video.scale knows point, bilinear, bicubic and lanczos: set method to one "
                       "of them");
    ret->bytes_max[0] = make_out(request, &ret->out[0]);
    if (ret->bytes_max[0] == 0)
        return tt_fail(err, -EINVAL,
                       "video.scale cannot make %lldx%lld %s: sides go from 1 to %d and are even "
                       "but for RGBA: change width or height",
                       (long long)tt_setting_int(request, PARAM_WIDTH),
                       (long long)tt_setting_int(request, PARAM_HEIGHT), tt_fourcc_name(in->fourcc),
                       TT_SIZE_MAX);
    ret->state_bytes = sizeof(struct scale_state);
    return 0;
}

static int fail_zimg(struct tt_error *err)
{
    char why[200] = "";

    (void)zimg_get_last_error(why, sizeof(why));
    return tt_fail(err, -EINVAL, "video.scale: zimg refuses this picture: %s", why);
}

static int make_graphs(struct scale_state *state, const struct tt_request *request,
                       struct tt_error *err)
{
    zimg_image_format from, to;
    size_t work_bytes = 0;

    component_zimg_describe(&state->in, &from);
    component_zimg_describe(&state->out, &to);
    for (uint32_t level = 0; level <= request->level_count && level < LEVEL_COUNT; level++) {
        struct tt_request at = tt_request_at(request, level);

        state->graphs[level] = component_zimg_graph(
            &from, &to, filters[tt_setting_int(&at, PARAM_METHOD)], &work_bytes);
        if (state->graphs[level] == NULL)
            return fail_zimg(err);
        state->level_count = level + 1;
    }
    state->work = component_zimg_work(work_bytes);
    if (state->work == NULL)
        return tt_fail(err, -ENOMEM, "video.scale: no memory for zimg");
    return 0;
}

static uint32_t align(uint32_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

/* Separate planes for a format that has them mixed; luma of NV12 stays where it is. */
static int make_planes(const struct tt_format *format, struct planes *ret, uint8_t **ret_data)
{
    bool is_rgba = format->fourcc == TT_RGBA;
    uint32_t rows = is_rgba ? format->height : format->height / 2;
    uint32_t stride = align(is_rgba ? format->width : format->width / 2);
    uint32_t first = is_rgba ? 0 : 1;

    ret->count = is_rgba ? 4 : 3;
    *ret_data = aligned_alloc(64, (size_t)stride * rows * (ret->count - first));
    if (*ret_data == NULL)
        return -ENOMEM;
    memset(*ret_data, 0, (size_t)stride * rows * (ret->count - first));
    for (uint32_t n = first; n < ret->count; n++) {
        ret->stride[n] = stride;
        ret->data[n] = *ret_data + (size_t)stride * rows * (n - first);
    }
    return 0;
}

static void close(void *state_)
{
    struct scale_state *state = state_;

    for (uint32_t level = 0; level < LEVEL_COUNT; level++)
        zimg_filter_graph_free(state->graphs[level]);
    free(state->work);
    free(state->apart_data);
    free(state->made_data);
    memset(state, 0, sizeof(*state));
}

static int init(void *state_, const struct tt_request *request, struct tt_error *err)
{
    struct scale_state *state = state_;
    int r;

    state->in = request->in[0];
    state->bytes = make_out(request, &state->out);
    state->in_bytes =
        tt_format_video(&state->in, state->in.fourcc, state->in.width, state->in.height);
    r = make_graphs(state, request, err);
    if (r == 0 && state->in.fourcc != TT_I420 &&
        (make_planes(&state->in, &state->apart, &state->apart_data) != 0 ||
         make_planes(&state->out, &state->made, &state->made_data) != 0))
        r = tt_fail(err, -ENOMEM, "video.scale: no memory for a picture of %ux%u", state->in.width,
                    state->in.height);
    if (r != 0)
        close(state);
    return r;
}

static int open(void *state, void *scratch, const struct tt_host *host,
                const struct tt_request *request)
{
    return 0;
}

static void split_pairs(const uint8_t *restrict pairs, uint8_t *restrict first,
                        uint8_t *restrict second, uint32_t count)
{
    for (uint32_t n = 0; n < count; n++) {
        first[n] = pairs[2 * n];
        second[n] = pairs[2 * n + 1];
    }
}

static void join_pairs(const uint8_t *restrict first, const uint8_t *restrict second,
                       uint8_t *restrict pairs, uint32_t count)
{
    for (uint32_t n = 0; n < count; n++) {
        pairs[2 * n] = first[n];
        pairs[2 * n + 1] = second[n];
    }
}

static void split_pixels(const uint32_t *restrict pixels, uint8_t *restrict r, uint8_t *restrict g,
                         uint8_t *restrict b, uint8_t *restrict a, uint32_t count)
{
    for (uint32_t n = 0; n < count; n++) {
        r[n] = (uint8_t)pixels[n];
        g[n] = (uint8_t)(pixels[n] >> 8);
        b[n] = (uint8_t)(pixels[n] >> 16);
        a[n] = (uint8_t)(pixels[n] >> 24);
    }
}

static void join_pixels(const uint8_t *restrict r, const uint8_t *restrict g,
                        const uint8_t *restrict b, const uint8_t *restrict a,
                        uint32_t *restrict pixels, uint32_t count)
{
    for (uint32_t n = 0; n < count; n++)
        pixels[n] = r[n] | (uint32_t)g[n] << 8 | (uint32_t)b[n] << 16 | (uint32_t)a[n] << 24;
}

static uint8_t *row_of(const struct planes *planes, uint32_t plane, uint32_t y)
{
    return planes->data[plane] + (size_t)y * planes->stride[plane];
}

static void own_planes(const struct tt_format *format, tt_addr data, struct planes *ret)
{
    ret->count = format->plane_count;
    for (uint32_t n = 0; n < format->plane_count; n++) {
        ret->data[n] = tt_plane(format, data, n);
        ret->stride[n] = format->stride[n];
    }
}

/* Where zimg finds the input: the picture itself, or taken apart. */
static void take_apart(const struct tt_format *format, tt_addr data, const struct planes *apart,
                       struct planes *ret)
{
    if (format->fourcc == TT_I420) {
        own_planes(format, data, ret);
        return;
    }
    *ret = *apart;
    if (format->fourcc == TT_NV12) {
        ret->data[0] = tt_plane(format, data, 0);
        ret->stride[0] = format->stride[0];
        for (uint32_t y = 0; y < format->height / 2; y++)
            split_pairs(tt_plane(format, data, 1) + (size_t)y * format->stride[1],
                        row_of(ret, 1, y), row_of(ret, 2, y), format->width / 2);
        return;
    }
    for (uint32_t y = 0; y < format->height; y++)
        split_pixels((const uint32_t *)(const void *)(tt_plane(format, data, 0) +
                                                      (size_t)y * format->stride[0]),
                     row_of(ret, 0, y), row_of(ret, 1, y), row_of(ret, 2, y), row_of(ret, 3, y),
                     format->width);
}

static void put_together(const struct tt_format *format, tt_addr data, const struct planes *made)
{
    if (format->fourcc == TT_NV12)
        for (uint32_t y = 0; y < format->height / 2; y++)
            join_pairs(row_of(made, 1, y), row_of(made, 2, y),
                       tt_plane(format, data, 1) + (size_t)y * format->stride[1],
                       format->width / 2);
    if (format->fourcc == TT_RGBA)
        for (uint32_t y = 0; y < format->height; y++)
            join_pixels(
                row_of(made, 0, y), row_of(made, 1, y), row_of(made, 2, y), row_of(made, 3, y),
                (uint32_t *)(void *)(tt_plane(format, data, 0) + (size_t)y * format->stride[0]),
                format->width);
}

static int scale(struct scale_state *state, uint32_t level, tt_addr from, tt_addr to)
{
    zimg_image_buffer_const source = {.version = ZIMG_API_VERSION};
    zimg_image_buffer target = {.version = ZIMG_API_VERSION};
    struct planes in, out = state->made;

    take_apart(&state->in, from, &state->apart, &in);
    if (state->out.fourcc == TT_I420)
        own_planes(&state->out, to, &out);
    if (state->out.fourcc == TT_NV12) {
        out.data[0] = tt_plane(&state->out, to, 0);
        out.stride[0] = state->out.stride[0];
    }
    for (uint32_t n = 0; n < in.count; n++) {
        source.plane[n].data = in.data[n];
        source.plane[n].stride = in.stride[n];
        source.plane[n].mask = ZIMG_BUFFER_MAX;
        target.plane[n].data = out.data[n];
        target.plane[n].stride = out.stride[n];
        target.plane[n].mask = ZIMG_BUFFER_MAX;
    }
    if (zimg_filter_graph_process(state->graphs[level], &source, &target, state->work, NULL, NULL,
                                  NULL, NULL) != 0)
        return -EIO;
    put_together(&state->out, to, &out);
    return 0;
}

static int process(void *state_, struct tt_call *call)
{
    struct scale_state *state = state_;
    const struct tt_frame *in = tt_call_in(call, 0);
    struct tt_frame *out = tt_call_out(call, 0);
    int r;

    call->key_point = 1;
    if (call->in_count == 0 || call->out_count == 0 || !component_has_data(in))
        return TT_DONE;
    if (out->data == 0 || out->capacity < state->bytes)
        return -ENOBUFS;
    if (component_is_cut(in, state->in_bytes))
        return -EINVAL;

    r = scale(state, call->level < state->level_count ? call->level : state->level_count - 1,
              in->data, out->data);
    if (r < 0)
        return r;
    component_pass_flags(in, out);
    out->flags |= TT_KEY;
    out->bytes = state->bytes;
    return TT_DONE;
}

const struct tt_component tt_component_video_scale = {
    .abi = TT_ABI,
    .size = sizeof(struct tt_component),
    .flags = TT_OPAQUE | TT_SAVES,
    .version = 1,
    .name = "video.scale",
    .help = "gives pictures another size",
    .example = "tactus run test.video width=640 height=360 ! video.scale width=320 height=180 ! "
               "null --for 2s",
    .ports = ports,
    .params = params,
    .port_count = 2,
    .param_count = PARAM_COUNT,
    .level_count = LEVEL_COUNT,
    .shape = shape,
    .init = init,
    .open = open,
    .process = process,
    .close = close,
    .save = component_save_nothing,
    .restore = component_restore_nothing,
};
