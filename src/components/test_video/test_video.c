/* test.video: a moving picture with the time code in its first rows, painted at about the speed of
 * memory: a row is made once and copied down. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "components/lib/colour.h"
#include "components/lib/settings.h"
#include "components/lib/timecode.h"
#include "tactus/error.h"

enum {
    PARAM_WIDTH,
    PARAM_HEIGHT,
    PARAM_FORMAT,
    PARAM_PATTERN,
    PARAM_TIMECODE,
    PARAM_LIVE,
    PARAM_COUNT
};

enum pattern { PATTERN_BARS, PATTERN_RAMP, PATTERN_BALL, PATTERN_BLACK };

static const uint32_t fourccs[] = {TT_I420, TT_NV12, TT_RGBA};

struct test_video_state {
    struct tt_format format;
    uint32_t bytes, pattern, has_timecode;
};

struct colour {
    uint8_t y, u, v, r, g, b;
};

/* 75 % bars of BT.709, limited range. */
static const struct colour bars[8] = {
    {180, 128, 128, 191, 191, 191}, {168, 44, 136, 191, 191, 0}, {145, 147, 44, 0, 191, 191},
    {133, 63, 52, 0, 191, 0},       {63, 193, 204, 191, 0, 191}, {51, 109, 212, 191, 0, 0},
    {28, 212, 120, 0, 0, 191},      {16, 128, 128, 0, 0, 0},
};

static const struct tt_format accepts[] = {
    {.kind = TT_VIDEO, .fourcc = TT_I420},
    {.kind = TT_VIDEO, .fourcc = TT_NV12},
    {.kind = TT_VIDEO, .fourcc = TT_RGBA},
};

static const struct tt_port ports[] = {
    {.name = "out", .accepts = accepts, .accept_count = 3, .is_output = 1, .in_place_of = -1},
};

static const struct tt_param params[PARAM_COUNT] = {
    [PARAM_WIDTH] = {.name = "width",
                     .unit = "pixels",
                     .help = "width of the picture, even but for RGBA",
                     .initial = "1280",
                     .type = TT_PARAM_INT,
                     .min = 1,
                     .max = TT_SIZE_MAX},
    [PARAM_HEIGHT] = {.name = "height",
                      .unit = "pixels",
                      .help = "height of the picture, even but for RGBA",
                      .initial = "720",
                      .type = TT_PARAM_INT,
                      .min = 1,
                      .max = TT_SIZE_MAX},
    [PARAM_FORMAT] = {.name = "format",
                      .unit = "I420|NV12|RGBA",
                      .help = "memory layout of the picture",
                      .initial = "I420",
                      .type = TT_PARAM_CHOICE},
    [PARAM_PATTERN] = {.name = "pattern",
                       .unit = "bars|ramp|ball|black",
                       .help = "what moves: colour bars, a grey ramp, a ball; black stands still",
                       .initial = "bars",
                       .type = TT_PARAM_CHOICE,
                       .is_live = 1},
    [PARAM_TIMECODE] = {.name = "timecode",
                        .help = "paint index and media time into the top rows, for probe.timecode",
                        .initial = "true",
                        .type = TT_PARAM_BOOL},
    [PARAM_LIVE] = {.name = "live",
                    .help = "release each frame at its time; false: as fast as it is taken",
                    .initial = "true",
                    .type = TT_PARAM_BOOL},
};

static int shape(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    uint32_t width = (uint32_t)tt_setting_int(request, PARAM_WIDTH);
    uint32_t height = (uint32_t)tt_setting_int(request, PARAM_HEIGHT);
    uint64_t format = (uint64_t)tt_setting_int(request, PARAM_FORMAT);

    if (format >= sizeof(fourccs) / sizeof(fourccs[0]))
        return tt_fail(err, -EINVAL,
                       "test.video makes I420, NV12 and RGBA: set format to one of them");
    ret->bytes_max[0] = tt_format_video(&ret->out[0], fourccs[format], width, height);
    if (ret->bytes_max[0] == 0)
        return tt_fail(err, -EINVAL,
                       "test.video cannot make %ux%u %s: sides go up to %d and are even but for "
                       "RGBA: change width or height",
                       width, height, tt_fourcc_name(fourccs[format]), TT_SIZE_MAX);
    if (tt_setting_int(request, PARAM_TIMECODE) != 0 &&
        (width < TIMECODE_SIDE_MIN || height < TIMECODE_SIDE_MIN))
        return tt_fail(err, -EINVAL,
                       "test.video has no room for the time code in %ux%u: make both sides %d or "
                       "more, or set timecode=false",
                       width, height, TIMECODE_SIDE_MIN);

    component_colour_bt709(&ret->out[0]);
    ret->out[0].rate = component_rate(request);
    ret->state_bytes = sizeof(struct test_video_state);
    return 0;
}

static int init(void *state_, const struct tt_request *request, struct tt_error *err)
{
    struct test_video_state *state = state_;
    uint32_t format = (uint32_t)tt_setting_int(request, PARAM_FORMAT);

    state->bytes = tt_format_video(&state->format, fourccs[format],
                                   (uint32_t)tt_setting_int(request, PARAM_WIDTH),
                                   (uint32_t)tt_setting_int(request, PARAM_HEIGHT));
    state->pattern = (uint32_t)tt_setting_int(request, PARAM_PATTERN);
    state->has_timecode = tt_setting_int(request, PARAM_TIMECODE) != 0;
    return 0;
}

static int open(void *state, void *scratch, const struct tt_host *host,
                const struct tt_request *request)
{
    return 0;
}

static uint8_t *line_of(const struct tt_format *format, tt_addr data, uint32_t plane, uint32_t y)
{
    return tt_plane(format, data, plane) + (size_t)y * format->stride[plane];
}

/* Repeats the line `first` down to the plane's end. */
static void copy_down(const struct tt_format *format, tt_addr data, uint32_t plane, uint32_t first,
                      uint32_t rows)
{
    uint32_t bytes = format->stride[plane];
    const uint8_t *from = line_of(format, data, plane, first);

    for (uint32_t y = first + 1; y < rows; y++)
        memcpy(line_of(format, data, plane, y), from, bytes);
}

static void set_pixel(const struct tt_format *format, tt_addr data, uint32_t x, uint32_t y,
                      const struct colour *colour)
{
    uint8_t *luma = line_of(format, data, 0, y);

    if (format->fourcc == TT_RGBA) {
        luma[4 * x] = colour->r;
        luma[4 * x + 1] = colour->g;
        luma[4 * x + 2] = colour->b;
        luma[4 * x + 3] = 255;
        return;
    }
    luma[x] = colour->y;
    if (x % 2 != 0)
        return;
    if (format->fourcc == TT_NV12) {
        line_of(format, data, 1, y / 2)[x] = colour->u;
        line_of(format, data, 1, y / 2)[x + 1] = colour->v;
    } else {
        line_of(format, data, 1, y / 2)[x / 2] = colour->u;
        line_of(format, data, 2, y / 2)[x / 2] = colour->v;
    }
}

/* Bars that walk to the left by two pixels a frame. */
static void paint_bars(const struct tt_format *format, tt_addr data, uint32_t top, int64_t index)
{
    uint32_t width = format->width, offset = (uint32_t)((uint64_t)index * 2 % width);

    for (uint32_t x = 0; x < width; x++) {
        uint32_t at = (x & ~1u) + offset;

        if (at >= width)
            at -= width;
        set_pixel(format, data, x, top, &bars[at * 8 / width]);
    }
    copy_down(format, data, 0, top, format->height);
    for (uint32_t plane = 1; plane < format->plane_count; plane++)
        copy_down(format, data, plane, top / 2, format->height / 2);
}

static void paint_grey_chroma(const struct tt_format *format, tt_addr data, uint32_t top)
{
    for (uint32_t plane = 1; plane < format->plane_count; plane++)
        memset(line_of(format, data, plane, top / 2), 128,
               (size_t)format->stride[plane] * (format->height / 2 - top / 2));
}

static void ramp_luma(uint8_t *line, uint32_t width, uint32_t shift)
{
    for (uint32_t x = 0; x < width; x++)
        line[x] = (uint8_t)(16 + (((x + shift) & 255) * 219 >> 8));
}

static void ramp_rgba(uint32_t *line, uint32_t width, uint32_t shift)
{
    for (uint32_t x = 0; x < width; x++)
        line[x] = ((x + shift) & 255) * 0x010101u | 0xff000000u;
}

static void paint_ramp(const struct tt_format *format, tt_addr data, uint32_t top, int64_t index)
{
    for (uint32_t y = top; y < format->height; y++) {
        uint32_t shift = y + (uint32_t)(index * 2);
        uint8_t *line = line_of(format, data, 0, y);

        if (format->fourcc == TT_RGBA)
            ramp_rgba((uint32_t *)(void *)line, format->width, shift);
        else
            ramp_luma(line, format->width, shift);
    }
    paint_grey_chroma(format, data, top);
}

static void fill(const struct tt_format *format, tt_addr data, uint32_t top, uint32_t y_end,
                 uint32_t x_from, uint32_t x_to, uint8_t luma)
{
    uint8_t grey = (uint8_t)(luma <= 16 ? 0 : (luma - 16) * 255 / 219);

    for (uint32_t y = top; y < y_end; y++) {
        uint8_t *line = line_of(format, data, 0, y);

        if (format->fourcc != TT_RGBA) {
            memset(line + x_from, luma, x_to - x_from);
            continue;
        }
        for (uint32_t x = x_from; x < x_to; x++)
            ((uint32_t *)(void *)line)[x] = grey * 0x010101u | 0xff000000u;
    }
}

/* Goes 0, 1, ..., range, range - 1, ..., 0. */
static uint32_t bounce(int64_t step, uint32_t range)
{
    uint32_t at = range > 0 ? (uint32_t)((uint64_t)step % (2 * range)) : 0;

    return at <= range ? at : 2 * range - at;
}

static void paint_ball(const struct tt_format *format, tt_addr data, uint32_t top, int64_t index)
{
    uint32_t width = format->width, height = format->height - top;
    uint32_t size = width < height ? width / 6 : height / 6;
    uint32_t left = bounce(index * 5, width - size), up = top + bounce(index * 3, height - size);
    int32_t radius = (int32_t)size / 2;

    fill(format, data, top, format->height, 0, width, 60);
    paint_grey_chroma(format, data, top);
    for (int32_t y = -radius; y < radius; y++) {
        int32_t half = radius;
        uint32_t row = (uint32_t)((int32_t)up + radius + y);

        while (half * half + y * y > radius * radius)
            half--;
        fill(format, data, row, row + 1, (uint32_t)((int32_t)left + radius - half),
             (uint32_t)((int32_t)left + radius + half), 220);
    }
}

static void paint(const struct test_video_state *state, tt_addr data, uint32_t top, int64_t index)
{
    const struct tt_format *format = &state->format;

    switch (state->pattern) {
    case PATTERN_RAMP:
        paint_ramp(format, data, top, index);
        return;
    case PATTERN_BALL:
        paint_ball(format, data, top, index);
        return;
    case PATTERN_BLACK:
        fill(format, data, top, format->height, 0, format->width, 16);
        paint_grey_chroma(format, data, top);
        return;
    default:
        paint_bars(format, data, top, index);
        return;
    }
}

static int process(void *state_, struct tt_call *call)
{
    struct test_video_state *state = state_;
    const struct tt_event *events = tt_call_events(call);
    struct tt_frame *out = tt_call_out(call, 0);
    uint32_t top = 0;

    for (uint32_t n = 0; n < call->event_count; n++)
        if (events[n].kind == TT_EVENT_PARAM && events[n].id == PARAM_PATTERN)
            state->pattern = (uint32_t)events[n].i;
    if (call->out_count == 0 || out->data == 0 || out->capacity < state->bytes)
        return -ENOBUFS;

    if (state->has_timecode) {
        struct component_timecode code = {call->index, call->media_ns / 1000};

        component_timecode_paint(&state->format, out->data, &code);
        top = component_timecode_height(state->format.height);
    }
    paint(state, out->data, top, call->index);
    out->bytes = state->bytes;
    out->flags |= TT_KEY;
    call->key_point = 1;
    return TT_DONE;
}

static void close(void *state)
{
}

const struct tt_component tt_component_test_video = {
    .abi = TT_ABI,
    .size = sizeof(struct tt_component),
    .flags = TT_PURE,
    .version = 1,
    .name = "test.video",
    .help = "a moving test picture with a time code that probe.timecode reads",
    .example = "tactus run test.video width=640 height=360 pattern=ball ! null --for 2s",
    .ports = ports,
    .params = params,
    .port_count = 1,
    .param_count = PARAM_COUNT,
    .shape = shape,
    .init = init,
    .open = open,
    .process = process,
    .close = close,
};
