/* gain: a sound through a resonant filter, in floating point with a memory; what comes of it
 * depends on every bit of what came before. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <tactus/component.h>
#include <tactus/error.h>
#include <tactus/format.h>

enum { PARAM_GAIN, PARAM_CUT, PARAM_COUNT };

struct channel {
    float low, band;
    double sum;
};

struct gain {
    struct tt_format format;
    uint32_t bytes;
    float gain, cut;
    struct channel channels[TT_CHANNELS_MAX];
    uint32_t order[64]; /* sorted with qsort() at the start: the C library's own code */
};

static const struct tt_format accepts[] = {{.kind = TT_AUDIO, .fourcc = TT_F32P}};

static const struct tt_port ports[] = {
    {.name = "in",
     .accepts = accepts,
     .accept_count = 1,
     .late_policies = TT_LATE_DROP | TT_LATE_SILENCE,
     .is_leader = 1,
     .in_place_of = -1},
    {.name = "out", .accepts = accepts, .accept_count = 1, .is_output = 1, .in_place_of = -1},
};

static const struct tt_param params[PARAM_COUNT] = {
    [PARAM_GAIN] = {.name = "gain",
                    .help = "factor",
                    .initial = "0.7",
                    .type = TT_PARAM_FLOAT,
                    .is_live = TT_PARAM_LIVE,
                    .min = 0,
                    .max = 8},
    [PARAM_CUT] = {.name = "cut",
                   .help = "of the filter",
                   .initial = "0.31",
                   .type = TT_PARAM_FLOAT},
};

static int shape(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    const struct tt_format *in = &request->in[0];

    ret->out[0] = *in;
    ret->bytes_max[0] = tt_format_audio(&ret->out[0], TT_F32P, in->sample_rate, in->channels,
                                        tt_format_samples(in));
    if (ret->bytes_max[0] == 0)
        return tt_fail(err, -EINVAL, "gain cannot take %u channels", in->channels);
    ret->state_bytes = sizeof(struct gain);
    return 0;
}

static float setting(const struct tt_request *request, uint32_t param)
{
    return (float)tt_setting(request, param, TT_NO_PORT)->f;
}

static int compare(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b; /* no ties: see CAVEATS */

    return left < right ? -1 : left > right;
}

static int init(void *state, const struct tt_request *request, struct tt_error *err)
{
    struct gain *self = state;

    self->format = request->in[0];
    self->bytes = tt_format_audio(&self->format, TT_F32P, self->format.sample_rate,
                                  self->format.channels, tt_format_samples(&request->in[0]));
    self->gain = setting(request, PARAM_GAIN);
    self->cut = setting(request, PARAM_CUT);
    for (uint32_t n = 0; n < 64; n++)
        self->order[n] = (n * 2654435761u) >> 7;
    qsort(self->order, 64, sizeof(self->order[0]), compare);
    return 0;
}

static void run(struct gain *self, struct channel *channel, const float *from, float *to,
                uint32_t count)
{
    for (uint32_t n = 0; n < count; n++) {
        float high = from[n] - channel->low - 0.4f * channel->band;

        channel->band += self->cut * high;
        channel->low += self->cut * channel->band;
        channel->sum += (double)channel->low / (1.0 + fabs(channel->sum));
        to[n] =
            self->gain * channel->low + sqrtf(fabsf(high)) * 1e-3f + (float)channel->sum * 1e-4f;
        to[n] = floorf(to[n] * 65536.0f + 0.5f) / 65536.0f + rintf(to[n]) * 1e-6f;
    }
}

static int process(void *state, struct tt_call *call)
{
    struct gain *self = state;
    const struct tt_event *events = tt_call_events(call);
    const struct tt_frame *in = tt_call_in(call, 0);
    struct tt_frame *out = tt_call_out(call, 0);

    for (uint32_t n = 0; n < call->event_count; n++)
        if (events[n].kind == TT_EVENT_PARAM && events[n].id == PARAM_GAIN)
            self->gain = (float)events[n].f;
    if (!in->data || !out->data || in->bytes < self->bytes || out->capacity < self->bytes)
        return TT_DONE;
    for (uint32_t c = 0; c < self->format.channels; c++)
        run(self, &self->channels[c], tt_channel(&self->format, in->data, c),
            tt_channel(&self->format, out->data, c), tt_format_samples(&self->format));
    tt_channel(&self->format, out->data, 0)[0] += (float)self->order[call->index % 64] * 1e-9f;
    out->bytes = self->bytes;
    return TT_DONE;
}

const struct tt_component tt_plugin = {
    .abi = TT_ABI,
    .size = sizeof(struct tt_component),
    .flags = TT_PURE,
    .version = 1,
    .name = "gain",
    .help = "a sound through a filter",
    .ports = ports,
    .params = params,
    .port_count = 2,
    .param_count = PARAM_COUNT,
    .shape = shape,
    .init = init,
    .process = process,
};
