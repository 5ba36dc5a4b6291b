/* skeleton: a grey picture that gets brighter with each frame. */
#include <errno.h>
#include <string.h>
#include <tactus/component.h>
#include <tactus/error.h>
#include <tactus/format.h>

enum { PARAM_WIDTH, PARAM_HEIGHT, PARAM_LIVE, PARAM_COUNT };

/* The host gives it zeroed. No pointers: a saved or moved instance is these bytes. */
struct skeleton {
    struct tt_format format;
    uint32_t bytes; /* of a picture */
};

static const struct tt_format gives[] = {{.kind = TT_VIDEO, .fourcc = TT_I420}};

static const struct tt_port ports[] = {
    {.name = "out", .accepts = gives, .accept_count = 1, .is_output = 1, .in_place_of = -1},
};

/* A source with `live` runs by the clock; without, as fast as its frames are taken. */
static const struct tt_param params[PARAM_COUNT] = {
    [PARAM_WIDTH] = {.name = "width",
                     .unit = "pixels",
                     .help = "width of the picture, even",
                     .initial = "640",
                     .type = TT_PARAM_INT,
                     .min = 2,
                     .max = TT_SIZE_MAX},
    [PARAM_HEIGHT] = {.name = "height",
                      .unit = "pixels",
                      .help = "height of the picture, even",
                      .initial = "360",
                      .type = TT_PARAM_INT,
                      .min = 2,
                      .max = TT_SIZE_MAX},
    [PARAM_LIVE] = {.name = "live",
                    .help = "release each frame at its time; false: as fast as it is taken",
                    .initial = "true",
                    .type = TT_PARAM_BOOL},
};

static uint32_t format_of(const struct tt_request *request, struct tt_format *ret)
{
    struct tt_rational usual = {25, 1};

    ret->kind = TT_VIDEO;
    ret->rate = request->rate.num > 0 ? request->rate : usual;
    return tt_format_video(ret, TT_I420, (uint32_t)tt_setting_int(request, PARAM_WIDTH),
                           (uint32_t)tt_setting_int(request, PARAM_HEIGHT));
}

/* Before anything runs: what comes out, how large it is, what memory it takes. */
static int shape(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    ret->bytes_max[0] = format_of(request, &ret->out[0]);
    if (ret->bytes_max[0] == 0)
        return tt_fail(err, -EINVAL, "skeleton needs an even width and height");
    ret->state_bytes = sizeof(struct skeleton);
    return 0;
}

static int init(void *state, const struct tt_request *request, struct tt_error *err)
{
    struct skeleton *self = state;

    self->bytes = format_of(request, &self->format);
    return 0;
}

static int open(void *state, void *scratch, const struct tt_host *host,
                const struct tt_request *request)
{
    return 0;
}

/* Once a frame, on the reserved worker: no allocation, lock, file or endless loop in here. */
static int process(void *state, struct tt_call *call)
{
    struct skeleton *self = state;
    struct tt_frame *out = tt_call_out(call, 0);
    uint32_t luma_bytes = self->format.stride[0] * self->format.height;
    uint8_t *to = tt_frame_data(out);

    if (!to || out->capacity < self->bytes)
        return TT_DONE;
    memset(to, (int)(16 + call->index % 220), luma_bytes);
    memset(to + luma_bytes, 128, self->bytes - luma_bytes);
    out->bytes = self->bytes;
    return TT_DONE;
}

static void close(void *state)
{
}

const struct tt_component tt_plugin = {
    .abi = TT_ABI,
    .size = sizeof(struct tt_component),
    .flags = TT_PURE,
    .version = 1,
    .name = "skeleton",
    .help = "a grey picture that gets brighter with each frame",
    .example = "tactus run ./libskeleton.so width=320 height=180 ! null --for 2s",
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
