/* video.crossfade: one picture becomes another, by hand (position) or by itself (at, duration). */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "components/lib/colour.h"
#include "components/lib/frames.h"
#include "components/lib/settings.h"
#include "components/lib/yuv.h"
#include "tactus/error.h"

enum { PARAM_POSITION, PARAM_AT, PARAM_DURATION, PARAM_GLIDE, PARAM_COUNT };
enum { PORT_FROM, PORT_TO, PORT_OUT, PORT_COUNT };
enum { FRAMES_MAX = 1000000, WEIGHT_ONE = 32768 };

/* Where the fade is follows from the index alone: a frame that was lost does not hold it up. */
struct fade_state {
    struct tt_format format;
    uint32_t bytes, from_input, to_input; /* TT_NO_PORT: not connected */
    uint32_t glide;
    double start, target; /* positions */
    int64_t at, duration; /* frames */
};

static const struct tt_format accepts[] = {{.kind = TT_VIDEO, .fourcc = TT_I420}};

static const struct tt_port ports[PORT_COUNT] = {
    [PORT_FROM] = {.name = "from",
                   .accepts = accepts,
                   .accept_count = 1,
                   .late_policies = TT_LATE_DROP | TT_LATE_REPEAT | TT_LATE_BLACK,
                   .late_default = TT_LATE_REPEAT,
                   .in_place_of = -1},
    [PORT_TO] = {.name = "to",
                 .accepts = accepts,
                 .accept_count = 1,
                 .late_policies = TT_LATE_DROP | TT_LATE_REPEAT | TT_LATE_BLACK,
                 .late_default = TT_LATE_REPEAT,
                 .in_place_of = -1},
    [PORT_OUT] =
        {.name = "out", .accepts = accepts, .accept_count = 1, .is_output = 1, .in_place_of = -1},
};

static const struct tt_param params[PARAM_COUNT] = {
    [PARAM_POSITION] = {.name = "position",
                        .help = "0: all `from`, 1: all `to`; a change takes the place of the fade",
                        .initial = "0",
                        .type = TT_PARAM_FLOAT,
                        .is_live = 1,
                        .max = 1},
    [PARAM_AT] = {.name = "at",
                  .unit = "frames",
                  .help = "frame at which a fade from `position` to 1 begins; -1: none",
                  .initial = "-1",
                  .type = TT_PARAM_INT,
                  .min = -1,
                  .max = 1e15},
    [PARAM_DURATION] = {.name = "duration",
                        .unit = "frames",
                        .help = "of that fade: frame at + duration is the first that is all `to`",
                        .initial = "25",
                        .type = TT_PARAM_INT,
                        .max = FRAMES_MAX},
    [PARAM_GLIDE] = {.name = "glide",
                     .unit = "frames",
                     .help = "frames that a change of position takes; 0: at once",
                     .initial = "0",
                     .type = TT_PARAM_INT,
                     .max = FRAMES_MAX},
};

static uint32_t find_input(const struct tt_request *request, uint32_t port)
{
    for (uint32_t n = 0; n < request->in_count && n < TT_PORTS_MAX; n++)
        if (request->pins[n].port == port)
            return n;
    return TT_NO_PORT;
}

static uint32_t make_out(const struct tt_request *request, struct tt_format *ret)
{
    *ret = request->in[find_input(request, PORT_FROM)];
    ret->rate = component_rate(request);
    return tt_format_video(ret, TT_I420, ret->width, ret->height);
}

static int shape(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    uint32_t from = find_input(request, PORT_FROM), to = find_input(request, PORT_TO);

    if (from == TT_NO_PORT || to == TT_NO_PORT)
        return tt_fail(err, -EINVAL,
                       "video.crossfade needs two pictures: connect its inputs 'from' and 'to'");
    for (uint32_t n = 0; n < request->in_count && n < TT_PORTS_MAX; n++) {
        if (request->in[n].field_order > TT_PROGRESSIVE)
            return tt_fail(err, -EINVAL,
                           "video.crossfade cannot take interlaced pictures at '%s': deinterlace "
                           "them first",
                           request->pins[n].name);
        ret->want[n] = (struct tt_format){.kind = TT_VIDEO, .fourcc = TT_I420};
    }
    if (request->in[from].width != request->in[to].width ||
        request->in[from].height != request->in[to].height)
        return tt_fail(err, -EINVAL,
                       "video.crossfade cannot fade from %ux%u to %ux%u: put video.scale width=%u "
                       "height=%u before its input 'to'",
                       request->in[from].width, request->in[from].height, request->in[to].width,
                       request->in[to].height, request->in[from].width, request->in[from].height);
    ret->bytes_max[0] = make_out(request, &ret->out[0]);
    if (ret->bytes_max[0] == 0)
        return tt_fail(err, -EINVAL,
                       "video.crossfade cannot use pictures of %ux%u, their sides must be even and "
                       "at most %d: scale them first",
                       request->in[from].width, request->in[from].height, TT_SIZE_MAX);
    ret->clock_rate = ret->out[0].rate;
    ret->state_bytes = sizeof(struct fade_state);
    return 0;
}

static int init(void *state_, const struct tt_request *request, struct tt_error *err)
{
    struct fade_state *state = state_;
    int64_t at = tt_setting_int(request, PARAM_AT);

    state->from_input = find_input(request, PORT_FROM);
    state->to_input = find_input(request, PORT_TO);
    state->bytes = make_out(request, &state->format);
    state->glide = (uint32_t)tt_setting_int(request, PARAM_GLIDE);
    state->start = state->target = component_float(request, PARAM_POSITION);
    if (at >= 0) {
        state->target = 1;
        state->at = at;
        state->duration = tt_setting_int(request, PARAM_DURATION);
    }
    return 0;
}

static int open(void *state, void *scratch, const struct tt_host *host,
                const struct tt_request *request)
{
    return 0;
}

/* Exactly the ends at both ends. */
static double position_at(const struct fade_state *state, int64_t index)
{
    if (index >= state->at + state->duration)
        return state->target;
    if (index <= state->at)
        return state->start;
    return state->start +
           (state->target - state->start) * (double)(index - state->at) / (double)state->duration;
}

static void take_events(struct fade_state *state, const struct tt_call *call)
{
    const struct tt_event *events = tt_call_events(call);

    for (uint32_t n = 0; n < call->event_count; n++) {
        const struct tt_event *event = events + n;

        if (event->kind != TT_EVENT_PARAM || event->id != PARAM_POSITION ||
            !(event->f >= 0 && event->f <= 1)) /* also when it is no number */
            continue;
        state->start = position_at(state, call->index);
        state->target = event->f;
        state->at = call->index;
        state->duration = state->glide;
    }
}

COMPONENT_WIDE static void mix_bytes(const uint8_t *restrict from, const uint8_t *restrict to,
                                     int32_t weight, uint8_t *restrict out, uint32_t count)
{
    /* |difference * weight| is at most 255 * 2^15; the shift rounds to the nearest. */
    for (uint32_t n = 0; n < count; n++)
        out[n] = (uint8_t)(from[n] + (((to[n] - from[n]) * weight + WEIGHT_ONE / 2) >> 15));
}

/* Mixed with black where one side has no picture. */
COMPONENT_WIDE static void mix_level(const uint8_t *restrict from, uint8_t level, int32_t weight,
                                     uint8_t *restrict out, uint32_t count)
{
    for (uint32_t n = 0; n < count; n++)
        out[n] = (uint8_t)(from[n] + (((level - from[n]) * weight + WEIGHT_ONE / 2) >> 15));
}

static uint32_t plane_bytes(const struct tt_format *format, uint32_t plane)
{
    return format->stride[plane] * (plane == 0 ? format->height : format->height / 2);
}

/* NULL pictures are black. */
static void fade(const struct fade_state *state, const struct tt_frame *from,
                 const struct tt_frame *to, int32_t weight, const struct tt_frame *out)
{
    const struct tt_format *format = &state->format;

    if (from == NULL && to != NULL) {
        from = to;
        to = NULL;
        weight = WEIGHT_ONE - weight;
    }
    for (uint32_t plane = 0; plane < 3; plane++) {
        uint8_t *made = tt_plane(format, out->data, plane);
        uint8_t black = plane > 0 ? 128 : format->range == COLOUR_FULL ? 0 : 16;
        uint32_t bytes = plane_bytes(format, plane);

        if (from == NULL || (to == NULL && weight == WEIGHT_ONE))
            memset(made, black, bytes);
        else if (weight == 0 || weight == WEIGHT_ONE)
            memcpy(made, tt_plane(format, weight == 0 ? from->data : to->data, plane), bytes);
        else if (to == NULL)
            mix_level(tt_plane(format, from->data, plane), black, weight, made, bytes);
        else
            mix_bytes(tt_plane(format, from->data, plane), tt_plane(format, to->data, plane),
                      weight, made, bytes);
    }
}

static const struct tt_frame *picture(const struct fade_state *state, const struct tt_call *call,
                                      uint32_t input)
{
    const struct tt_frame *frame = tt_call_in(call, input);

    return component_has_data(frame) && !component_is_cut(frame, state->bytes) ? frame : NULL;
}

static int process(void *state_, struct tt_call *call)
{
    struct fade_state *state = state_;
    struct tt_frame *out = tt_call_out(call, 0);
    const struct tt_frame *from, *to;
    int32_t weight;

    call->key_point = 1;
    take_events(state, call);
    if (call->in_count <= state->from_input || call->in_count <= state->to_input ||
        call->out_count == 0)
        return TT_DONE;
    if (out->data == 0 || out->capacity < state->bytes)
        return -ENOBUFS;

    from = picture(state, call, state->from_input);
    to = picture(state, call, state->to_input);
    weight = (int32_t)(position_at(state, call->index) * WEIGHT_ONE + 0.5);
    fade(state, from, to, weight, out);
    /* The ledger hears of repeats in what is seen. */
    if (from != NULL && weight < WEIGHT_ONE)
        component_pass_flags(from, out);
    if (to != NULL && weight > 0)
        component_pass_flags(to, out);
    out->flags |= TT_KEY;
    out->bytes = state->bytes;
    return TT_DONE;
}

static void close(void *state)
{
}

const struct tt_component tt_component_video_crossfade = {
    .abi = TT_ABI,
    .size = sizeof(struct tt_component),
    .flags = TT_PURE,
    .version = 1,
    .name = "video.crossfade",
    .help = "fades one picture into another, by hand or from a frame on",
    .example = "tactus run test.video width=640 height=360 ! video.crossfade name=f at=25 "
               "duration=25 ! null  test.video width=640 height=360 pattern=ball ! f.to --for 3s",
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
