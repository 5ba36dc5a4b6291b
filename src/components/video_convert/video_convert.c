/* video.convert: I420, NV12 and RGBA into each other, by the matrix and range that the input names.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "components/lib/colour.h"
#include "components/lib/frames.h"
#include "components/lib/settings.h"
#include "components/lib/yuv.h"
#include "tactus/error.h"

enum { PARAM_FORMAT, PARAM_COUNT };

static const uint32_t fourccs[] = {TT_I420, TT_NV12, TT_RGBA};

struct convert_state {
    struct tt_format in, out;
    uint32_t bytes, in_bytes;
    struct component_to_rgb to_rgb;
    struct component_to_yuv to_yuv;
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
    [PARAM_FORMAT] = {.name = "format",
                      .unit = "I420|NV12|RGBA",
                      .help = "memory layout of the output",
                      .initial = "I420",
                      .type = TT_PARAM_CHOICE},
};

static bool is_known(uint32_t fourcc)
{
    return fourcc == TT_I420 || fourcc == TT_NV12 || fourcc == TT_RGBA;
}

static uint32_t make_out(const struct tt_format *in, uint32_t fourcc, struct tt_format *ret)
{
    uint32_t bytes;

    *ret = *in;
    bytes = tt_format_video(ret, fourcc, in->width, in->height);
    if (fourcc == TT_RGBA && in->fourcc != TT_RGBA) {
        ret->matrix = 0;
        ret->range = COLOUR_FULL;
        ret->siting = 0;
    }
    if (fourcc != TT_RGBA && in->fourcc == TT_RGBA) {
        ret->matrix = component_matrix(in);
        ret->range = COLOUR_LIMITED;
        ret->siting = COLOUR_SITING_CENTRE;
    }
    return bytes;
}

static int shape(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    uint64_t format = (uint64_t)tt_setting_int(request, PARAM_FORMAT);
    const struct tt_format *in = request->in;

    if (request->in_count != 1 || in->kind != TT_VIDEO || !is_known(in->fourcc))
        return tt_fail(err, -EINVAL,
                       "video.convert has no raw video to convert: connect one flow of I420, NV12 "
                       "or RGBA");
    if (format >= sizeof(fourccs) / sizeof(fourccs[0]))
        return tt_fail(err, -EINVAL, "video.convert makes I420, NV12 and RGBA: set format");
    ret->bytes_max[0] = make_out(in, fourccs[format], &ret->out[0]);
    if (ret->bytes_max[0] == 0)
        return tt_fail(err, -EINVAL,
                       "video.convert cannot make %s of %ux%u, whose sides must be even: scale it "
                       "first",
                       tt_fourcc_name(fourccs[format]), in->width, in->height);
    ret->state_bytes = sizeof(struct convert_state);
    return 0;
}

static int init(void *state_, const struct tt_request *request, struct tt_error *err)
{
    struct convert_state *state = state_;

    state->in = request->in[0];
    state->bytes =
        make_out(&state->in, fourccs[tt_setting_int(request, PARAM_FORMAT)], &state->out);
    state->in_bytes =
        tt_format_video(&state->in, state->in.fourcc, state->in.width, state->in.height);
    component_to_rgb_init(&state->to_rgb, component_matrix(&state->in), state->in.range);
    component_to_yuv_init(&state->to_yuv, component_matrix(&state->out), state->out.range);
    return 0;
}

static int open(void *state, void *scratch, const struct tt_host *host,
                const struct tt_request *request)
{
    return 0;
}

static void copy_plane(const struct tt_format *in, tt_addr from, const struct tt_format *out,
                       tt_addr to, uint32_t plane, uint32_t rows)
{
    uint32_t bytes =
        in->stride[plane] < out->stride[plane] ? in->stride[plane] : out->stride[plane];

    for (uint32_t y = 0; y < rows; y++)
        memcpy(tt_plane(out, to, plane) + (size_t)y * out->stride[plane],
               tt_plane(in, from, plane) + (size_t)y * in->stride[plane], bytes);
}

static void copy_all(const struct tt_format *in, tt_addr from, const struct tt_format *out,
                     tt_addr to)
{
    for (uint32_t plane = 0; plane < in->plane_count; plane++)
        copy_plane(in, from, out, to, plane, plane == 0 ? in->height : in->height / 2);
}

static void join_chroma(const uint8_t *restrict u, const uint8_t *restrict v,
                        uint8_t *restrict pairs, uint32_t count)
{
    for (uint32_t n = 0; n < count; n++) {
        pairs[2 * n] = u[n];
        pairs[2 * n + 1] = v[n];
    }
}

static void split_chroma(const uint8_t *restrict pairs, uint8_t *restrict u, uint8_t *restrict v,
                         uint32_t count)
{
    for (uint32_t n = 0; n < count; n++) {
        u[n] = pairs[2 * n];
        v[n] = pairs[2 * n + 1];
    }
}

static uint8_t *line_of(const struct tt_format *format, tt_addr data, uint32_t plane, uint32_t y)
{
    return tt_plane(format, data, plane) + (size_t)y * format->stride[plane];
}

static void swap_chroma(const struct tt_format *in, tt_addr from, const struct tt_format *out,
                        tt_addr to)
{
    copy_plane(in, from, out, to, 0, in->height);
    for (uint32_t y = 0; y < in->height / 2; y++)
        if (in->fourcc == TT_I420)
            join_chroma(line_of(in, from, 1, y), line_of(in, from, 2, y), line_of(out, to, 1, y),
                        in->width / 2);
        else
            split_chroma(line_of(in, from, 1, y), line_of(out, to, 1, y), line_of(out, to, 2, y),
                         in->width / 2);
}

static inline uint32_t pack(int32_t y, int32_t r, int32_t g, int32_t b)
{
    return component_clamp((y + r) >> 13) | (uint32_t)component_clamp((y + g) >> 13) << 8 |
           (uint32_t)component_clamp((y + b) >> 13) << 16 | 0xff000000u;
}

/* `step` is the distance from one chroma sample to the next: 1 in I420, 2 in NV12. */
static inline __attribute__((always_inline)) void
rgba_line(const struct component_to_rgb *to, const uint8_t *restrict luma,
          const uint8_t *restrict u_line, const uint8_t *restrict v_line, const uint32_t step,
          uint32_t *restrict pixels, uint32_t count)
{
    const int16_t black = to->y_black, scale = to->y_scale, r_v = to->r_v, g_u = to->g_u,
                  g_v = to->g_v, b_u = to->b_u;

    for (uint32_t n = 0; n < count; n++) {
        int16_t u = (int16_t)(u_line[n * step] - 128), v = (int16_t)(v_line[n * step] - 128);
        int32_t r = r_v * v + 4096, g = g_u * u + g_v * v + 4096, b = b_u * u + 4096;
        int32_t left = (int16_t)(luma[2 * n] - black) * scale;
        int32_t right = (int16_t)(luma[2 * n + 1] - black) * scale;

        pixels[2 * n] = pack(left, r, g, b);
        pixels[2 * n + 1] = pack(right, r, g, b);
    }
}

COMPONENT_WIDE static void make_rgba(const struct convert_state *state, tt_addr from, tt_addr to)
{
    const struct tt_format *in = &state->in;

    for (uint32_t y = 0; y < in->height; y++) {
        const uint8_t *luma = line_of(in, from, 0, y), *u = line_of(in, from, 1, y / 2);
        uint32_t *pixels = (uint32_t *)(void *)line_of(&state->out, to, 0, y);

        if (in->fourcc == TT_I420)
            rgba_line(&state->to_rgb, luma, u, line_of(in, from, 2, y / 2), 1, pixels,
                      in->width / 2);
        else
            rgba_line(&state->to_rgb, luma, u, u + 1, 2, pixels, in->width / 2);
    }
}

COMPONENT_WIDE static void luma_line(const struct component_to_yuv *to,
                                     const uint32_t *restrict pixels, uint8_t *restrict luma,
                                     uint32_t count)
{
    const int16_t r = to->y[0], g = to->y[1], b = to->y[2];
    const int32_t add = (to->y_black << 14) + 8192;

    for (uint32_t n = 0; n < count; n++) {
        uint32_t p = pixels[n];

        luma[n] = (uint8_t)((r * (int16_t)(p & 255) + g * (int16_t)(p >> 8 & 255) +
                             b * (int16_t)(p >> 16 & 255) + add) >>
                            14);
    }
}

/* One line of chroma from two lines of pixels: the mean of each two by two. */
static inline __attribute__((always_inline)) void
chroma_line(const struct component_to_yuv *to, const uint32_t *restrict upper,
            const uint32_t *restrict lower, uint8_t *restrict u_line, uint8_t *restrict v_line,
            const uint32_t step, uint32_t count)
{
    const int32_t add = (128 << 16) + 32768;

    for (uint32_t n = 0; n < count; n++) {
        /* Red and blue travel in one word, green in another: 4 * 255 fits in 16 bits. */
        uint32_t even = (upper[2 * n] & 0xff00ff) + (upper[2 * n + 1] & 0xff00ff) +
                        (lower[2 * n] & 0xff00ff) + (lower[2 * n + 1] & 0xff00ff);
        uint32_t odd = (upper[2 * n] >> 8 & 0xff) + (upper[2 * n + 1] >> 8 & 0xff) +
                       (lower[2 * n] >> 8 & 0xff) + (lower[2 * n + 1] >> 8 & 0xff);
        int16_t r = (int16_t)(even & 0xffff), g = (int16_t)odd, b = (int16_t)(even >> 16);
        int32_t u = to->u[0] * r + to->u[1] * g + to->u[2] * b + add;
        int32_t v = to->v[0] * r + to->v[1] * g + to->v[2] * b + add;

        u_line[n * step] = component_clamp(u >> 16);
        v_line[n * step] = component_clamp(v >> 16);
    }
}

COMPONENT_WIDE static void make_yuv(const struct convert_state *state, tt_addr from, tt_addr to)
{
    const struct tt_format *in = &state->in, *out = &state->out;

    for (uint32_t y = 0; y < in->height; y++)
        luma_line(&state->to_yuv, (const uint32_t *)(const void *)line_of(in, from, 0, y),
                  line_of(out, to, 0, y), in->width);
    for (uint32_t y = 0; y < in->height / 2; y++) {
        const uint32_t *upper = (const uint32_t *)(const void *)line_of(in, from, 0, 2 * y);
        const uint32_t *lower = (const uint32_t *)(const void *)line_of(in, from, 0, 2 * y + 1);
        uint8_t *u = line_of(out, to, 1, y);

        if (out->fourcc == TT_I420)
            chroma_line(&state->to_yuv, upper, lower, u, line_of(out, to, 2, y), 1, in->width / 2);
        else
            chroma_line(&state->to_yuv, upper, lower, u, u + 1, 2, in->width / 2);
    }
}

static int process(void *state_, struct tt_call *call)
{
    const struct convert_state *state = state_;
    const struct tt_frame *in = tt_call_in(call, 0);
    struct tt_frame *out = tt_call_out(call, 0);

    call->key_point = 1;
    if (call->in_count == 0 || call->out_count == 0 || !component_has_data(in))
        return TT_DONE;
    if (out->data == 0 || out->capacity < state->bytes)
        return -ENOBUFS;
    if (component_is_cut(in, state->in_bytes))
        return -EINVAL;

    if (state->in.fourcc == state->out.fourcc)
        copy_all(&state->in, in->data, &state->out, out->data);
    else if (state->out.fourcc == TT_RGBA)
        make_rgba(state, in->data, out->data);
    else if (state->in.fourcc == TT_RGBA)
        make_yuv(state, in->data, out->data);
    else
        swap_chroma(&state->in, in->data, &state->out, out->data);
    component_pass_flags(in, out);
    out->flags |= TT_KEY;
    out->bytes = state->bytes;
    return TT_DONE;
}

static void close(void *state)
{
}

const struct tt_component tt_component_video_convert = {
    .abi = TT_ABI,
    .size = sizeof(struct tt_component),
    .flags = TT_PURE,
    .version = 1,
    .name = "video.convert",
    .help = "changes the memory layout of pictures: I420, NV12, RGBA",
    .example = "tactus run test.video width=640 height=360 format=NV12 ! video.convert format=RGBA "
               "! null --for 2s",
    .ports = ports,
    .params = params,
    .port_count = 2,
    .param_count = PARAM_COUNT,
    .shape = shape,
    .init = init,
    .open = open,
    .process = process,
    .close = close,
};
