/* audio.mix: the sum of its inputs, led by the service's clock, cut at full scale. A gain that
 * changes while it runs is ramped, so that it does not click. */
#include <errno.h>
#include <string.h>

#include "components/lib/audio.h"
#include "components/lib/channels.h"
#include "components/lib/frames.h"
#include "components/lib/ramp.h"
#include "components/lib/settings.h"
#include "tactus/error.h"

enum { PARAM_CHANNELS, PARAM_QUANTUM, PARAM_GAIN_DB, PARAM_LIMIT, PARAM_COUNT };
enum { LIMIT_CUT, LIMIT_SMOOTH, LEVEL_COUNT = 2 /* of each one, at most */ };
enum { PORT_IN, PORT_OUT, PORT_COUNT };
enum { SAMPLE_RATE = 48000, SILENCE_DB = -120, GAIN_DB_MAX = 40 };
enum { RAMP = SAMPLE_RATE / 50, PIECE = 64, ATTACK = 32, RELEASE = SAMPLE_RATE /* samples */ };

struct mix_state {
    struct tt_format format;
    uint32_t bytes, quantum, in_count;
    struct component_ramp gains[TT_PORTS_MAX];
    uint32_t limits[LEVEL_COUNT], level_count; /* by degrading level */
    float limited; /* gain at the end of the last quantum, 1: nothing was too loud */
};

static const struct tt_format accepts[] = {
    {.kind = TT_AUDIO, .fourcc = TT_F32P, .sample_rate = SAMPLE_RATE},
};

static const struct tt_port ports[PORT_COUNT] = {
    [PORT_IN] = {.name = "*",
                 .accepts = accepts,
                 .accept_count = 1,
                 .late_policies = TT_LATE_DROP | TT_LATE_REPEAT | TT_LATE_SILENCE,
                 .instances_max = TT_PORTS_MAX,
                 .in_place_of = -1},
    [PORT_OUT] =
        {.name = "out", .accepts = accepts, .accept_count = 1, .is_output = 1, .in_place_of = -1},
};

static const struct tt_param params[PARAM_COUNT] = {
    [PARAM_CHANNELS] = {.name = "channels",
                        .unit = "channels",
                        .help = "of the mix; inputs are mixed down or up to it first",
                        .initial = "2",
                        .type = TT_PARAM_INT,
                        .min = 1,
                        .max = TT_CHANNELS_MAX},
    [PARAM_QUANTUM] = {.name = "quantum",
                       .unit = "samples",
                       .help = "samples in a frame, at 48 kHz",
                       .initial = "480",
                       .type = TT_PARAM_INT,
                       .min = 16,
                       .max = 48000},
    [PARAM_GAIN_DB] = {.name = "*.gain_db",
                       .unit = "dB",
                       .help = "gain of this input; -120 and -inf are silence",
                       .initial = "0",
                       .type = TT_PARAM_FLOAT,
                       .is_live = 1,
                       .min = SILENCE_DB,
                       .max = GAIN_DB_MAX},
    [PARAM_LIMIT] = {.name = "limit",
                     .unit = "cut|smooth",
                     .help = "what is done with a sum beyond full scale: cut off, or turned down "
                             "before and slowly up again",
                     .initial = "cut",
                     .type = TT_PARAM_CHOICE,
                     .is_live = TT_PARAM_LEVEL},
};

static uint32_t make_format(const struct tt_request *request, struct tt_format *ret)
{
    uint32_t bytes = tt_format_audio(ret, TT_F32P, SAMPLE_RATE,
                                     (uint32_t)tt_setting_int(request, PARAM_CHANNELS),
                                     (uint32_t)tt_setting_int(request, PARAM_QUANTUM));

    ret->layout = component_layout(ret->channels);
    return bytes;
}

static double factor(double gain_db)
{
    return gain_db <= SILENCE_DB ? 0 : component_gain(gain_db);
}

static int shape(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    ret->bytes_max[0] = make_format(request, &ret->out[0]);
    if (ret->bytes_max[0] == 0)
        return tt_fail(err, -EINVAL,
                       "audio.mix cannot mix %lld channels in quanta of %lld samples: use 1 to %d "
                       "channels and 16 to 48000 samples",
                       (long long)tt_setting_int(request, PARAM_CHANNELS),
                       (long long)tt_setting_int(request, PARAM_QUANTUM), TT_CHANNELS_MAX);
    if (request->in_count == 0)
        return tt_fail(err, -EINVAL, "audio.mix has nothing to mix: connect at least one input");
    for (uint32_t n = 0; n < request->in_count && n < TT_PORTS_MAX; n++) {
        ret->want[n].kind = TT_AUDIO;
        ret->want[n].fourcc = TT_F32P;
        ret->want[n].sample_rate = SAMPLE_RATE;
        ret->want[n].channels = ret->out[0].channels;
        ret->want[n].rate = ret->out[0].rate;
    }
    ret->clock_rate = ret->out[0].rate;
    ret->state_bytes = sizeof(struct mix_state);
    return 0;
}

static int init(void *state_, const struct tt_request *request, struct tt_error *err)
{
    struct mix_state *state = state_;

    for (uint32_t level = 0; level <= request->level_count && level < LEVEL_COUNT; level++) {
        struct tt_request at = tt_request_at(request, level);

        state->limits[level] = (uint32_t)tt_setting_int(&at, PARAM_LIMIT);
        state->level_count = level + 1;
    }
    state->limited = 1;
    state->in_count = request->in_count;
    state->quantum = (uint32_t)tt_setting_int(request, PARAM_QUANTUM);
    state->bytes = make_format(request, &state->format);
    for (uint32_t n = 0; n < request->in_count; n++) {
        const struct tt_format *in = request->in + n;

        if (in->fourcc != TT_F32P || in->sample_rate != SAMPLE_RATE ||
            in->channels != state->format.channels || in->stride[0] < state->quantum * 4)
            return tt_fail(err, -EINVAL,
                           "audio.mix cannot mix input '%s' as it comes: put audio.convert or "
                           "audio.resample before it",
                           request->pins[n].name);
        component_ramp_set(&state->gains[n],
                           factor(component_float_of(request, PARAM_GAIN_DB, n, 0)));
    }
    return 0;
}

static int open(void *state, void *scratch, const struct tt_host *host,
                const struct tt_request *request)
{
    return 0;
}

static void take_events(struct mix_state *state, const struct tt_call *call)
{
    const struct tt_event *events = tt_call_events(call);

    for (uint32_t n = 0; n < call->event_count; n++) {
        uint32_t input = (events[n].id >> 16) - 1;

        /* What no user can write is not believed of an event either. */
        if (events[n].kind == TT_EVENT_PARAM && (events[n].id & 0xffff) == PARAM_GAIN_DB &&
            input < state->in_count && events[n].f <= GAIN_DB_MAX)
            component_ramp_go(&state->gains[input], factor(events[n].f), RAMP);
    }
}

static void add(float *restrict sum, const float *restrict samples, float gain, uint32_t count)
{
    for (uint32_t n = 0; n < count; n++)
        sum[n] += gain * samples[n];
}

/* One input, while its gain moves: one factor a sample, the same for all channels. */
static void add_moving(const struct tt_format *format, struct component_ramp *ramp, tt_addr to,
                       tt_addr from, uint32_t count)
{
    float factors[PIECE];

    for (uint32_t at = 0; at < count; at += PIECE) {
        uint32_t piece = count - at < PIECE ? count - at : PIECE;

        for (uint32_t n = 0; n < piece; n++) {
            component_ramp_step(ramp);
            factors[n] = (float)component_ramp_value(ramp);
        }
        for (uint32_t channel = 0; channel < format->channels; channel++) {
            const float *in = tt_channel(format, from, channel) + at;
            float *sum = tt_channel(format, to, channel) + at;

            for (uint32_t n = 0; n < piece; n++)
                sum[n] += factors[n] * in[n];
        }
    }
}

static void add_still(const struct tt_format *format, float gain, tt_addr to, tt_addr from,
                      uint32_t count)
{
    /* Not a product with 0: what is no number must fall silent too. */
    for (uint32_t channel = 0; channel < format->channels && gain != 0; channel++)
        add(tt_channel(format, to, channel), tt_channel(format, from, channel), gain, count);
}

static void cut(float *samples, uint32_t count)
{
    for (uint32_t n = 0; n < count; n++) {
        float value = samples[n] > 1 ? 1 : samples[n];

        samples[n] = value < -1 ? -1 : value;
    }
}

static float peak_of(const float *samples, uint32_t count)
{
    float peak = 0;

    for (uint32_t n = 0; n < count; n++) {
        float value = samples[n] < 0 ? -samples[n] : samples[n];

        peak = value > peak ? value : peak;
    }
    return peak;
}

static void turn(float *restrict samples, float from, float to, uint32_t fast, uint32_t count)
{
    float step = (to - from) / (float)fast;

    for (uint32_t n = 0; n < fast; n++)
        samples[n] *= from + step * (float)(n + 1);
    for (uint32_t n = fast; n < count; n++)
        samples[n] *= to;
}

/* Turned down within a few samples where the quantum is too loud, up again over RELEASE; what is
 * too loud in those few samples is cut after all. All channels alike, so that nothing moves. */
static void smooth(struct mix_state *state, tt_addr data)
{
    const struct tt_format *format = &state->format;
    float peak = 0, to, up = (float)state->quantum / RELEASE;
    uint32_t fast = state->quantum;

    for (uint32_t channel = 0; channel < format->channels; channel++) {
        float value = peak_of(tt_channel(format, data, channel), state->quantum);

        peak = value > peak ? value : peak;
    }
    to = state->limited + up < 1 ? state->limited + up : 1;
    if (peak * to > 1)
        to = 1 / peak;
    if (to < state->limited)
        fast = state->quantum < ATTACK ? state->quantum : ATTACK;
    for (uint32_t channel = 0; channel < format->channels && (to < 1 || state->limited < 1);
         channel++)
        turn(tt_channel(format, data, channel), state->limited, to, fast, state->quantum);
    state->limited = to;
}

static uint32_t limit_at(const struct mix_state *state, uint32_t level)
{
    return state->limits[level < state->level_count ? level : state->level_count - 1];
}

static int process(void *state_, struct tt_call *call)
{
    struct mix_state *state = state_;
    const struct tt_format *format = &state->format;
    struct tt_frame *out = tt_call_out(call, 0);

    call->key_point = 1;
    take_events(state, call);
    if (call->in_count < state->in_count || call->out_count == 0)
        return TT_DONE;
    if (out->data == 0 || out->capacity < state->bytes)
        return -ENOBUFS;

    memset(tt_frame_data(out), 0, state->bytes);
    for (uint32_t n = 0; n < state->in_count; n++) {
        const struct tt_frame *in = tt_call_in(call, n);
        uint32_t count;

        if (!component_has_data(in) || (in->flags & TT_GAP) != 0)
            continue;
        count = component_samples(format, in);
        if (component_ramp_is_still(&state->gains[n]))
            add_still(format, (float)state->gains[n].to, out->data, in->data, count);
        else
            add_moving(format, &state->gains[n], out->data, in->data, count);
        out->flags |= in->flags & (uint32_t)(TT_REPEATED | TT_LATE);
    }
    if (limit_at(state, call->level) == LIMIT_SMOOTH)
        smooth(state, out->data);
    else
        state->limited = 1;
    for (uint32_t channel = 0; channel < format->channels; channel++)
        cut(tt_channel(format, out->data, channel), state->quantum);
    out->flags |= TT_KEY;
    out->bytes = state->bytes;
    return TT_DONE;
}

static void close(void *state)
{
}

const struct tt_component tt_component_audio_mix = {
    .abi = TT_ABI,
    .size = sizeof(struct tt_component),
    .flags = TT_PURE,
    .version = 1,
    .name = "audio.mix",
    .help = "adds sounds up, each with its gain",
    .example = "tactus run test.audio frequency=440 ! audio.mix name=m b.gain_db=-6 ! null  "
               "test.audio frequency=660 ! m.b --for 2s",
    .ports = ports,
    .params = params,
    .port_count = PORT_COUNT,
    .param_count = PARAM_COUNT,
    .level_count = LEVEL_COUNT,
    .shape = shape,
    .init = init,
    .open = open,
    .process = process,
    .close = close,
};
