/* tee: what comes in goes out of every output, by reference: nothing is copied. Any output may feed
 * several inputs without it; it stands here for those who come from GStreamer, and for a graph that
 * wants a name at the fork. */
#include <errno.h>

#include "components/lib/frames.h"
#include "tactus/error.h"
#include "tactus/format.h"

enum { PORT_IN, PORT_OUT, PORT_COUNT };

/* host is given anew by each open(); nothing else here is a pointer. */
struct tee_state {
    const struct tt_host *host;
};

static const struct tt_port ports[PORT_COUNT] = {
    /* in_place_of: the frame lives on in the outputs, and the pool that it lies in counts that. */
    [PORT_IN] = {.name = "in",
                 .late_policies = TT_LATE_DROP | TT_LATE_KEEP,
                 .is_leader = 1,
                 .in_place_of = 0},
    [PORT_OUT] = {.name = "*", .is_output = 1, .instances_max = TT_PORTS_MAX, .in_place_of = -1},
};

/* Of raw media as it comes; coded frames are of any size, and none is ever written here. */
static uint32_t bytes_of(const struct tt_format *format)
{
    struct tt_format copy = *format;

    if (format->kind == TT_VIDEO)
        return tt_format_video(&copy, format->fourcc, format->width, format->height);
    if (format->kind == TT_AUDIO)
        return tt_format_audio(&copy, format->fourcc, format->sample_rate, format->channels,
                               tt_format_samples(format));
    return 1;
}

static int shape(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    if (request->in_count != 1)
        return tt_fail(err, -EINVAL, "tee has nothing to pass on: connect one flow to it");
    if (request->out_count > TT_PORTS_MAX)
        return tt_fail(err, -EINVAL, "tee has %u outputs: up to %u are possible",
                       request->out_count, TT_PORTS_MAX);
    for (uint32_t n = 0; n < request->out_count; n++) {
        ret->out[n] = request->in[0];
        ret->config[n] = request->config[0];
        ret->bytes_max[n] = bytes_of(&request->in[0]);
        if (ret->bytes_max[n] == 0)
            return tt_fail(err, -EINVAL,
                           "tee cannot pass on a format that is not in order: look at what comes");
    }
    ret->state_bytes = sizeof(struct tee_state);
    return 0;
}

static int init(void *state, const struct tt_request *request, struct tt_error *err)
{
    return 0;
}

static int open(void *state_, void *scratch, const struct tt_host *host,
                const struct tt_request *request)
{
    struct tee_state *state = state_;

    state->host = host;
    return 0;
}

static int process(void *state_, struct tt_call *call)
{
    const struct tee_state *state = state_;
    const struct tt_frame *in = tt_call_in(call, 0);

    call->key_point = 1;
    if (call->in_count == 0 || !component_has_data(in))
        return TT_DONE;
    for (uint32_t n = 0; n < call->out_count; n++) {
        int r = state->host->frame_emit(state->host->ctx, n, in->handle);

        if (r < 0)
            return r;
    }
    return TT_DONE;
}

static void close(void *state)
{
}

const struct tt_component tt_component_tee = {
    .abi = TT_ABI,
    .size = sizeof(struct tt_component),
    .flags = TT_PURE,
    .version = 1,
    .name = "tee",
    .help = "passes one flow on to several, without copying; an output can feed several by itself",
    .example = "tactus run test.video width=640 height=360 ! tee name=t ! null  t. ! "
               "probe.timecode --for 2s",
    .ports = ports,
    .port_count = PORT_COUNT,
    .shape = shape,
    .init = init,
    .open = open,
    .process = process,
    .close = close,
};
