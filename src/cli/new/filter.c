/* skeleton: makes pictures brighter or darker. */
#include <errno.h>
#include <string.h>
#include <tactus/component.h>
#include <tactus/error.h>
#include <tactus/format.h>

enum { PARAM_AMOUNT, PARAM_COUNT };

/* The host gives it zeroed. No pointers: a saved or moved instance is these bytes. */
struct skeleton {
    struct tt_format format;
    uint32_t bytes; /* of a picture */
    int32_t amount;
};

static const struct tt_format accepts[] = {{.kind = TT_VIDEO, .fourcc = TT_I420}};

static const struct tt_port ports[] = {
    {.name = "in",
     .accepts = accepts,
     .accept_count = 1,
     .late_policies = TT_LATE_DROP | TT_LATE_REPEAT,
     .is_leader = 1,
     .in_place_of = -1},
    {.name = "out", .accepts = accepts, .accept_count = 1, .is_output = 1, .in_place_of = -1},
};

static const struct tt_param params[PARAM_COUNT] = {
    [PARAM_AMOUNT] = {.name = "amount",
                      .help = "what is added to each pixel's luma",
                      .initial = "20",
                      .type = TT_PARAM_INT,
                      .is_live = 1,
                      .min = -255,
                      .max = 255},
};

/* Before anything runs: what comes out, how large it is, what memory it takes. */
static int shape(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    const struct tt_format *in = &request->in[0];

    ret->out[0] = *in;
    ret->bytes_max[0] = tt_format_video(&ret->out[0], in->fourcc, in->width, in->height);
    if (ret->bytes_max[0] == 0)
        return tt_fail(err, -EINVAL, "skeleton cannot take %ux%u", in->width, in->height);
    ret->state_bytes = sizeof(struct skeleton);
    return 0;
}

static int init(void *state, const struct tt_request *request, struct tt_error *err)
{
    struct skeleton *self = state;
    const struct tt_format *in = &request->in[0];

    self->format = *in;
    self->bytes = tt_format_video(&self->format, in->fourcc, in->width, in->height);
    self->amount = (int32_t)tt_setting_int(request, PARAM_AMOUNT);
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
    const struct tt_event *events = tt_call_events(call);
    const struct tt_frame *in = tt_call_in(call, 0);
    struct tt_frame *out = tt_call_out(call, 0);
    uint32_t luma_bytes = self->format.stride[0] * self->format.height;
    const uint8_t *from = tt_frame_data(in);
    uint8_t *to = tt_frame_data(out);

    for (uint32_t n = 0; n < call->event_count; n++)
        if (events[n].kind == TT_EVENT_PARAM && events[n].id == PARAM_AMOUNT)
            self->amount = (int32_t)events[n].i;
    if (!from || !to || in->bytes < self->bytes || out->capacity < self->bytes)
        return TT_DONE; /* an input that gave nothing: nothing comes out */
    for (uint32_t n = 0; n < luma_bytes; n++) {
        int32_t value = from[n] + self->amount;

        to[n] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
    }
    memcpy(to + luma_bytes, from + luma_bytes, self->bytes - luma_bytes);
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
    .help = "makes pictures brighter or darker",
    .example = "tactus run test.video ! ./libskeleton.so amount=40 ! null --for 2s",
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
