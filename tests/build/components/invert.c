/* invert: light becomes dark, by an amount. */
#include <errno.h>
#include <tactus/component.h>
#include <tactus/error.h>
#include <tactus/format.h>

enum { PARAM_AMOUNT, PARAM_ON };

struct invert {
    struct tt_format format;
    uint32_t bytes;
    int64_t amount, is_on;
};

static const struct tt_format accepts[] = {{.kind = TT_VIDEO, .fourcc = TT_I420},
                                           {.kind = TT_VIDEO, .fourcc = TT_NV12}};

static const struct tt_port ports[] = {
    {.name = "in",
     .accepts = accepts,
     .accept_count = 2,
     .late_policies = TT_LATE_DROP | TT_LATE_REPEAT,
     .is_leader = 1,
     .in_place_of = -1},
    {.name = "out", .accepts = accepts, .accept_count = 2, .is_output = 1, .in_place_of = -1},
};

static const struct tt_param params[] = {
    [PARAM_AMOUNT] = {.name = "amount",
                      .unit = "percent",
                      .help = "how much of it",
                      .initial = "100",
                      .type = TT_PARAM_INT,
                      .is_live = TT_PARAM_LIVE,
                      .min = 0,
                      .max = 100},
    [PARAM_ON] = {.name = "on", .help = "invert", .initial = "true", .type = TT_PARAM_BOOL},
};

static int shape(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    const struct tt_format *in = &request->in[0];

    ret->out[0] = *in;
    ret->bytes_max[0] = tt_format_video(&ret->out[0], in->fourcc, in->width, in->height);
    if (ret->bytes_max[0] == 0)
        return tt_fail(err, -EINVAL, "invert cannot take %ux%u", in->width, in->height);
    ret->state_bytes = sizeof(struct invert);
    return 0;
}

static int init(void *state, const struct tt_request *request, struct tt_error *err)
{
    struct invert *self = state;

    self->format = request->in[0];
    self->bytes = tt_format_video(&self->format, self->format.fourcc, self->format.width,
                                  self->format.height);
    self->amount = tt_setting_int(request, PARAM_AMOUNT);
    self->is_on = tt_setting_int(request, PARAM_ON);
    return 0;
}

static int process(void *state, struct tt_call *call)
{
    struct invert *self = state;
    const struct tt_event *events = tt_call_events(call);
    const struct tt_frame *in = tt_call_in(call, 0);
    struct tt_frame *out = tt_call_out(call, 0);
    const uint8_t *from = tt_frame_data(in);
    uint8_t *to = tt_frame_data(out);

    for (uint32_t n = 0; n < call->event_count; n++)
        if (events[n].kind == TT_EVENT_PARAM && events[n].id == PARAM_AMOUNT)
            self->amount = events[n].i;
    if (!from || !to || in->bytes < self->bytes || out->capacity < self->bytes)
        return TT_DONE;
    for (uint32_t n = 0; n < self->bytes; n++)
        to[n] =
            self->is_on ? (uint8_t)(from[n] + (255 - 2 * from[n]) * self->amount / 100) : from[n];
    out->bytes = self->bytes;
    return TT_DONE;
}

const struct tt_component tt_plugin = {
    .abi = TT_ABI,
    .size = sizeof(struct tt_component),
    .flags = TT_PURE,
    .version = 3,
    .name = "invert",
    .help = "light becomes dark",
    .example = "tactus run test.video ! ./invert.tactus amount=50 ! null --for 2s",
    .ports = ports,
    .params = params,
    .port_count = 2,
    .param_count = 2,
    .shape = shape,
    .init = init,
    .process = process,
};
