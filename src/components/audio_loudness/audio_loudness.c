/* audio.loudness: measures sound after EBU R 128 (ITU-R BS.1770, by libebur128) and, where a target
 * is given, moves it there by a slow gain. What it measured stands beside the index in the ledger:
 * notes 1 to 6, see below, in thousandths. */
#include <ebur128.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "components/lib/audio.h"
#include "components/lib/channels.h"
#include "components/lib/frames.h"
#include "components/lib/settings.h"
#include "tactus/error.h"

enum { PARAM_TARGET, PARAM_SPEED, PARAM_RANGE, PARAM_CEILING, PARAM_INTERVAL, PARAM_COUNT };
enum { PORT_IN, PORT_OUT, PORT_COUNT };

enum loudness_note {
    NOTE_MOMENTARY = 1,  /* of what leaves, in 1/1000 LUFS: the last 400 ms */
    NOTE_SHORT_TERM = 2, /* the last 3 s */
    NOTE_INTEGRATED = 3, /* all so far, gated */
    NOTE_RANGE = 4,      /* loudness range of all so far, in 1/1000 LU */
    NOTE_TRUE_PEAK = 5,  /* the highest so far, in 1/1000 dBTP */
    NOTE_GAIN = 6        /* with a target: the gain, in 1/1000 dB */
};

enum { SILENCE = -100 /* LUFS: stands for no sound at all */, EASE_MS = 1 };

static const int64_t interval_min_ns = 10000000, interval_max_ns = 3600000000000;
static const int64_t judged_every_ns = 100000000, window_ns = 3000000000;

struct loudness_state {
    struct tt_format format;
    uint32_t bytes, samples;
    const struct tt_host *host;
    ebur128_state *told, *heard; /* of what leaves, and of what came while there is a target */
    float *mixed;                /* scratch: interleaved */
    double target, speed, range, ceiling; /* LUFS (0: none), dB/s, dB, dBTP */
    double gain_db, wanted_db;
    int64_t heard_ns, judged_ns;         /* sound heard so far; when wanted_db was judged */
    int64_t interval_ns, next_report_ns; /* media time */
    bool has_begun;
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
    [PARAM_TARGET] = {.name = "target",
                      .unit = "LUFS",
                      .help = "loudness to move to, such as -23; 0: none, only measure",
                      .initial = "0",
                      .type = TT_PARAM_FLOAT,
                      .is_live = 1,
                      .min = -70,
                      .max = 0},
    [PARAM_SPEED] = {.name = "speed",
                     .unit = "dB/s",
                     .help = "how fast the gain moves to the target",
                     .initial = "1",
                     .type = TT_PARAM_FLOAT,
                     .min = 0.01,
                     .max = 20},
    [PARAM_RANGE] = {.name = "range",
                     .unit = "dB",
                     .help = "the most that the gain may raise or lower",
                     .initial = "12",
                     .type = TT_PARAM_FLOAT,
                     .max = 40},
    [PARAM_CEILING] = {.name = "ceiling",
                       .unit = "dBTP",
                       .help = "with a target: true peak above which the gain gives way at once",
                       .initial = "-1",
                       .type = TT_PARAM_FLOAT,
                       .min = -30,
                       .max = 0},
    [PARAM_INTERVAL] = {.name = "interval",
                        .help = "time between notes of what was measured, 10ms to 1h",
                        .initial = "1s",
                        .type = TT_PARAM_TIME},
};

static uint32_t make_format(const struct tt_request *request, struct tt_format *ret)
{
    uint32_t bytes;

    *ret = request->in[0];
    bytes = tt_format_audio(ret, TT_F32P, ret->sample_rate, ret->channels,
                            tt_format_samples(&request->in[0]));
    ret->rate = request->in[0].rate;
    return bytes;
}

static int shape(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    const struct tt_format *in = request->in;
    int64_t interval_ns = tt_setting_int(request, PARAM_INTERVAL);

    if (request->in_count != 1 || in->kind != TT_AUDIO)
        return tt_fail(err, -EINVAL,
                       "audio.loudness has no sound to measure: connect one flow of audio");
    if (interval_ns < interval_min_ns || interval_ns > interval_max_ns)
        return tt_fail(err, -EINVAL,
                       "audio.loudness cannot note something every %lld ms: set interval to "
                       "something from 10ms to 1h",
                       (long long)(interval_ns / 1000000));
    ret->want[0] = (struct tt_format){.kind = TT_AUDIO, .fourcc = TT_F32P};
    ret->bytes_max[0] = make_format(request, &ret->out[0]);
    if (ret->bytes_max[0] == 0)
        return tt_fail(err, -EINVAL,
                       "audio.loudness cannot take %u channels at %u Hz: it takes up to %d "
                       "channels at 8000 to 192000 Hz",
                       in->channels, in->sample_rate, TT_CHANNELS_MAX);
    ret->state_bytes = sizeof(struct loudness_state);
    ret->scratch_bytes = (uint64_t)tt_format_samples(in) * in->channels * sizeof(float);
    return 0;
}

/* What BS.1770 weighs by: the place of a loudspeaker, from its bit in the WAVE mask. */
static int place_of(uint32_t bit, bool has_sides)
{
    static const int places[] = {EBUR128_LEFT,  EBUR128_RIGHT, EBUR128_CENTER, EBUR128_UNUSED,
                                 EBUR128_Mp110, EBUR128_Mm110, EBUR128_MpSC,   EBUR128_MmSC,
                                 EBUR128_Mp180, EBUR128_Mp090, EBUR128_Mm090};

    if (has_sides && (bit == 4 || bit == 5)) /* behind those at the sides: 7.1 */
        return bit == 4 ? EBUR128_Mp135 : EBUR128_Mm135;
    if (bit >= sizeof(places) / sizeof(places[0]))
        return EBUR128_Up000;
    return places[bit];
}

static void place_channels(ebur128_state *meter, const struct tt_format *format)
{
    uint64_t mask = format->layout ? format->layout : component_layout(format->channels);
    bool has_sides = (mask & 0x600) == 0x600 && (mask & 0x30) == 0x30;
    uint32_t channel = 0;

    if (format->channels == 1) /* whatever it is called */
        mask = 1;
    for (uint32_t bit = 0; bit < 64 && channel < format->channels; bit++)
        if (mask >> bit & 1)
            (void)ebur128_set_channel(meter, channel++, place_of(bit, has_sides));
}

static ebur128_state *meter_new(const struct tt_format *format)
{
    /* The histogram keeps an hour like a second: nothing is allocated later. */
    ebur128_state *meter = ebur128_init(format->channels, format->sample_rate,
                                        EBUR128_MODE_I | EBUR128_MODE_LRA | EBUR128_MODE_S |
                                            EBUR128_MODE_TRUE_PEAK | EBUR128_MODE_HISTOGRAM);

    if (meter != NULL)
        place_channels(meter, format);
    return meter;
}

static void close(void *state_)
{
    struct loudness_state *state = state_;

    if (state->told != NULL)
        ebur128_destroy(&state->told);
    if (state->heard != NULL)
        ebur128_destroy(&state->heard);
}

static int init(void *state_, const struct tt_request *request, struct tt_error *err)
{
    struct loudness_state *state = state_;

    state->bytes = make_format(request, &state->format);
    state->samples = tt_format_samples(&state->format);
    state->target = component_float(request, PARAM_TARGET);
    state->speed = component_float(request, PARAM_SPEED);
    state->range = component_float(request, PARAM_RANGE);
    state->ceiling = component_float(request, PARAM_CEILING);
    state->interval_ns = tt_setting_int(request, PARAM_INTERVAL);
    state->told = meter_new(&state->format);
    state->heard = meter_new(&state->format);
    if (state->told == NULL || state->heard == NULL) {
        close(state);
        return tt_fail(err, -ENOMEM, "audio.loudness: no memory for a measurement of %u channels",
                       state->format.channels);
    }
    return 0;
}

static int open(void *state_, void *scratch, const struct tt_host *host,
                const struct tt_request *request)
{
    struct loudness_state *state = state_;

    state->host = host;
    state->mixed = scratch;
    return 0;
}

static void take_events(struct loudness_state *state, const struct tt_call *call)
{
    const struct tt_event *events = tt_call_events(call);

    for (uint32_t n = 0; n < call->event_count; n++)
        if (events[n].kind == TT_EVENT_PARAM && events[n].id == PARAM_TARGET &&
            events[n].f >= params[PARAM_TARGET].min && events[n].f <= 0)
            state->target = events[n].f;
}

/* One sample that is no number would stay in the filters for ever. */
static float sane(float value)
{
    if (!(value > -16 && value < 16))
        return value >= 16 ? 16 : value <= -16 ? -16 : 0;
    return value;
}

static void measure(struct loudness_state *state, ebur128_state *meter, tt_addr data,
                    uint32_t count)
{
    uint32_t channels = state->format.channels;

    for (uint32_t channel = 0; channel < channels; channel++) {
        const float *from = tt_channel(&state->format, data, channel);

        for (uint32_t n = 0; n < count; n++)
            state->mixed[(size_t)n * channels + channel] = sane(from[n]);
    }
    (void)ebur128_add_frames_float(meter, state->mixed, count);
}

static double read_meter(ebur128_state *meter, int (*read)(ebur128_state *meter, double *ret))
{
    double value = SILENCE;

    if (read(meter, &value) != EBUR128_SUCCESS || !(value > SILENCE))
        return SILENCE;
    return value;
}

static double peak_db(ebur128_state *meter,
                      int (*read)(ebur128_state *meter, unsigned channel, double *ret))
{
    double highest = 0, value;

    for (uint32_t channel = 0; channel < meter->channels; channel++)
        if (read(meter, channel, &value) == EBUR128_SUCCESS && value > highest)
            highest = value;
    return highest > 1e-5 ? 20 * log10(highest) : SILENCE;
}

/* What the gain should be: judged by the last 3 s, and left as it is where they hold a pause. */
static void judge(struct loudness_state *state, int64_t now_ns)
{
    double loud, now;

    if (state->target == 0) { /* back to what comes */
        state->heard_ns = 0;
        state->wanted_db = 0;
        return;
    }
    if (state->heard_ns < window_ns ||
        (now_ns >= state->judged_ns && now_ns < state->judged_ns + judged_every_ns))
        return;
    state->judged_ns = now_ns;
    loud = read_meter(state->heard, ebur128_loudness_shortterm);
    now = read_meter(state->heard, ebur128_loudness_momentary);
    if (now < -50 || now < loud - 20)
        return;
    state->wanted_db = fmin(fmax(state->target - loud, -state->range), state->range);
}

/* Moves the gain for one frame and applies it. */
static void move(struct loudness_state *state, const struct tt_frame *in,
                 const struct tt_frame *out, uint32_t count)
{
    double seconds = (double)count / state->format.sample_rate;
    double step = state->speed * seconds, from = state->gain_db, to;
    double limit_db = state->ceiling - peak_db(state->heard, ebur128_prev_true_peak);
    uint32_t ease = count;
    double first, factor;

    to = from + fmin(fmax(state->wanted_db - from, -step), step);
    if (to > limit_db || from > limit_db) { /* nothing looks ahead: at once, but without a click */
        to = fmin(to, limit_db);
        ease = state->format.sample_rate * EASE_MS / 1000;
        ease = ease > count ? count : ease;
    }
    state->gain_db = to;
    first = pow(10, from / 20);
    factor = pow(10, to / 20);
    for (uint32_t channel = 0; channel < state->format.channels; channel++) {
        const float *read = tt_channel(&state->format, in->data, channel);
        float *made = tt_channel(&state->format, out->data, channel);

        for (uint32_t n = 0; n < count; n++) {
            double t = n + 1 < ease ? (double)(n + 1) / ease : 1;

            made[n] = sane(read[n]) * (float)(first + (factor - first) * t);
        }
    }
}

static void pass(const struct loudness_state *state, const struct tt_frame *in,
                 const struct tt_frame *out, uint32_t count)
{
    for (uint32_t channel = 0; channel < state->format.channels && out->data != in->data; channel++)
        memcpy(tt_channel(&state->format, out->data, channel),
               tt_channel(&state->format, in->data, channel), count * sizeof(float));
}

static void tell(const struct loudness_state *state, uint32_t id, double value)
{
    (void)state->host->note(state->host->ctx, id, (int64_t)floor(value * 1000 + 0.5));
}

static void tell_all(const struct loudness_state *state)
{
    tell(state, NOTE_MOMENTARY, read_meter(state->told, ebur128_loudness_momentary));
    tell(state, NOTE_SHORT_TERM, read_meter(state->told, ebur128_loudness_shortterm));
    tell(state, NOTE_INTEGRATED, read_meter(state->told, ebur128_loudness_global));
    tell(state, NOTE_RANGE, fmax(0, read_meter(state->told, ebur128_loudness_range)));
    tell(state, NOTE_TRUE_PEAK, peak_db(state->told, ebur128_true_peak));
    tell(state, TT_NOTE_LEVEL, peak_db(state->told, ebur128_prev_true_peak));
    if (state->target < 0 || state->gain_db != 0)
        tell(state, NOTE_GAIN, state->gain_db);
}

static void report(struct loudness_state *state, int64_t now_ns)
{
    if (!state->has_begun) {
        state->has_begun = true;
        state->next_report_ns = now_ns + state->interval_ns;
    }
    if (now_ns < state->next_report_ns)
        return;
    state->next_report_ns += state->interval_ns;
    if (state->next_report_ns <= now_ns) /* the flow leapt */
        state->next_report_ns = now_ns + state->interval_ns;
    tell_all(state);
}

static int process(void *state_, struct tt_call *call)
{
    struct loudness_state *state = state_;
    const struct tt_frame *in = tt_call_in(call, 0);
    struct tt_frame *out = tt_call_out(call, 0);
    uint32_t count;

    call->key_point = 1;
    take_events(state, call);
    if (call->in_count > 0 && (in->flags & TT_END) != 0 && state->has_begun) {
        state->has_begun = false; /* once */
        tell_all(state);
    }
    if (call->in_count == 0 || call->out_count == 0 || !component_has_data(in))
        return TT_DONE;
    if (out->data == 0 || out->capacity < state->bytes)
        return -ENOBUFS;
    count = component_samples(&state->format, in);
    if (count == 0 || count > state->samples)
        return -EINVAL;

    if (state->target < 0 || state->gain_db != 0) {
        measure(state, state->heard, in->data, count);
        state->heard_ns += tt_muldiv(count, 1000000000, state->format.sample_rate);
        judge(state, call->media_ns);
        move(state, in, out, count);
    } else {
        pass(state, in, out, count);
    }
    measure(state, state->told, out->data, count);
    report(state, call->media_ns);
    component_pass_flags(in, out);
    out->flags |= TT_KEY;
    out->bytes = in->bytes < state->bytes ? in->bytes : state->bytes;
    return TT_DONE;
}

const struct tt_component tt_component_audio_loudness = {
    .abi = TT_ABI,
    .size = sizeof(struct tt_component),
    /* The last word is said at the end, of all that was; the gain is where it was led to. */
    .flags = TT_OPAQUE | TT_DRAINS | TT_HISTORY,
    .version = 1,
    .name = "audio.loudness",
    .help = "measures loudness after EBU R 128 (notes 1 to 6 in the ledger: momentary, short-term, "
            "integrated, range, true peak, gain; in thousandths) and moves it to a target",
    .example = "tactus run test.audio frequency=1000 ! audio.loudness interval=500ms ! null "
               "--for 2s",
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
