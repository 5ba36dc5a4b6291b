/* audio.gain: a sound louder or softer; a change while it runs is ramped, so that it does not
 * click.
 */
#include <errno.h>
#include <string.h>

#include "components/lib/audio.h"
#include "components/lib/frames.h"
#include "components/lib/ramp.h"
#include "components/lib/settings.h"
#include "tactus/error.h"

enum { PARAM_GAIN_DB, PARAM_MUTE, PARAM_RAMP, PARAM_COUNT };
enum { PORT_IN, PORT_OUT, PORT_COUNT };
enum { SILENCE_DB = -120, GAIN_DB_MAX = 40, PIECE = 64 /* samples */ };

static const int64_t ramp_max_ns = 10000000000;

struct gain_state {
    struct tt_format format;
    uint32_t bytes, ramp_samples, is_muted;
    double gain_db;
    struct component_ramp ramp;
};

static const struct tt_format accepts[] = {{.kind = TT_AUDIO, .fourcc = TT_F32P}};

static const struct tt_port ports[PORT_COUNT] = {
    [PORT_IN] = {.name = "in",
                 .accepts = accepts,
                 .accept_count = 1,
                 .late_policies = TT_LATE_DROP | TT_LATE_KEEP,
                 .is_leader = 1,
                 .in_place_of = 0},
    [PORT_OUT] =
        {.name = "out", .accepts = accepts, .accept_count = 1, .is_output = 1, .in_place_of = -1},
};

static const struct tt_param params[PARAM_COUNT] = {
    [PARAM_GAIN_DB] = {.name = "gain_db",
                       .unit = "dB",
                       .help = "gain; -120 and -inf are silence",
                       .initial = "0",
                       .type = TT_PARAM_FLOAT,
                       .is_live = 1,
                       .min = SILENCE_DB,
                       .max = GAIN_DB_MAX},
    [PARAM_MUTE] = {.name = "mute",
                    .help = "silence, whatever the gain",
                    .initial = "false",
                    .type = TT_PARAM_BOOL,
                    .is_live = 1},
    [PARAM_RAMP] = {.name = "ramp",
                    .help = "how long a change while it runs takes, up to 10s; 0s: at once",
                    .initial = "20ms",
                    .type = TT_PARAM_TIME},
};

static double factor(const struct gain_state *state)
{
    return state->is_muted || state->gain_db <= SILENCE_DB ? 0 : component_gain(state->gain_db);
}

static int shape(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    const struct tt_format *in = request->in;
    int64_t ramp_ns = tt_setting_int(request, PARAM_RAMP);

    if (request->in_count != 1 || in->kind != TT_AUDIO)
        return tt_fail(err, -EINVAL,
                       "audio.gain has no sound to change: connect one flow of audio");
    if (ramp_ns < 0 || ramp_ns > ramp_max_ns)
        return tt_fail(err, -EINVAL,
                       "audio.gain cannot ramp for %lld ms: set ramp to something from 0s to 10s",
                       (long long)(ramp_ns / 1000000));
    ret->want[0] = (struct tt_format){.kind = TT_AUDIO, .fourcc = TT_F32P};
    ret->out[0] = *in;
    ret->bytes_max[0] = tt_format_audio(&ret->out[0], TT_F32P, in->sample_rate, in->channels,
                                        tt_format_samples(in));
    if (ret->bytes_max[0] == 0)
        return tt_fail(err, -EINVAL,
                       "audio.gain cannot take %u channels at %u Hz: it takes up to %d channels at "
                       "8000 to 192000 Hz",
                       in->channels, in->sample_rate, TT_CHANNELS_MAX);
    ret->out[0].rate = in->rate;
    ret->state_bytes = sizeof(struct gain_state);
    return 0;
}

static int init(void *state_, const struct tt_request *request, struct tt_error *err)
{
    struct gain_state *state = state_;

    state->format = request->in[0];
    state->bytes = tt_format_audio(&state->format, TT_F32P, state->format.sample_rate,
                                   state->format.channels, tt_format_samples(&request->in[0]));
    state->format.rate = request->in[0].rate;
    state->ramp_samples = (uint32_t)tt_muldiv(tt_setting_int(request, PARAM_RAMP),
                                              state->format.sample_rate, 1000000000);
    state->gain_db = component_float(request, PARAM_GAIN_DB);
    state->is_muted = tt_setting_int(request, PARAM_MUTE) != 0;
    component_ramp_set(&state->ramp, factor(state));
    return 0;
}

static int open(void *state, void *scratch, const struct tt_host *host,
                const struct tt_request *request)
{
    return 0;
}

static void take_events(struct gain_state *state, const struct tt_call *call)
{
    const struct tt_event *events = tt_call_events(call);

    for (uint32_t n = 0; n < call->event_count; n++) {
        if (events[n].kind != TT_EVENT_PARAM)
            continue;
        /* What no user can write is not believed of an event either. */
        if (events[n].id == PARAM_GAIN_DB && events[n].f <= GAIN_DB_MAX)
            state->gain_db = events[n].f;
        else if (events[n].id == PARAM_MUTE)
            state->is_muted = events[n].i != 0;
        else
            continue;
        component_ramp_go(&state->ramp, factor(state), state->ramp_samples);
    }
}

/* One factor a sample while the ramp moves, the same for all channels. */
static void make_factors(struct component_ramp *ramp, float *factors, uint32_t count)
{
    for (uint32_t n = 0; n < count; n++) {
        component_ramp_step(ramp);
        factors[n] = (float)component_ramp_value(ramp);
    }
}

static void play_moving(struct gain_state *state, tt_addr from, tt_addr to, uint32_t count)
{
    float factors[PIECE];

    for (uint32_t at = 0; at < count; at += PIECE) {
        uint32_t piece = count - at < PIECE ? count - at : PIECE;

        make_factors(&state->ramp, factors, piece);
        for (uint32_t channel = 0; channel < state->format.channels; channel++) {
            const float *in = tt_channel(&state->format, from, channel) + at;
            float *out = tt_channel(&state->format, to, channel) + at;

            for (uint32_t n = 0; n < piece; n++)
                out[n] = in[n] * factors[n];
        }
    }
}

static void play_still(const struct gain_state *state, tt_addr from, tt_addr to, uint32_t count)
{
    const float gain = (float)state->ramp.to;

    for (uint32_t channel = 0; channel < state->format.channels; channel++) {
        const float *in = tt_channel(&state->format, from, channel);
        float *out = tt_channel(&state->format, to, channel);

        if (gain == 0) /* not a product: what is no number must fall silent too */
            memset(out, 0, count * sizeof(float));
        else if (gain != 1)
            for (uint32_t n = 0; n < count; n++)
                out[n] = in[n] * gain;
        else if (out != in)
            memcpy(out, in, count * sizeof(float));
    }
}

static int process(void *state_, struct tt_call *call)
{
    struct gain_state *state = state_;
    const struct tt_frame *in = tt_call_in(call, 0);
    struct tt_frame *out = tt_call_out(call, 0);
    uint32_t count;

    call->key_point = 1;
    take_events(state, call);
    if (call->in_count == 0 || call->out_count == 0 || !component_has_data(in))
        return TT_DONE;
    if (out->data == 0 || out->capacity < state->bytes)
        return -ENOBUFS;
    count = component_samples(&state->format, in);
    if (count == 0)
        return -EINVAL;

    if (component_ramp_is_still(&state->ramp))
        play_still(state, in->data, out->data, count);
    else
        play_moving(state, in->data, out->data, count);
    component_pass_flags(in, out);
    out->flags |= TT_KEY;
    out->bytes = in->bytes < state->bytes ? in->bytes : state->bytes;
    return TT_DONE;
}

static void close(void *state)
{
}

const struct tt_component tt_component_audio_gain = {
    .abi = TT_ABI,
    .size = sizeof(struct tt_component),
    .flags = TT_PURE,
    .version = 1,
    .name = "audio.gain",
    .help = "makes a sound louder or softer, without a click when that changes",
    .example = "tactus run test.audio frequency=440 ! audio.gain gain_db=-6 ! null --for 2s",
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
