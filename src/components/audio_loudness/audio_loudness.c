/* audio.loudness: measures sound after EBU R 128 (ITU-R BS.1770, by libebur128) and, where a target
 * is given, moves it there by a slow gain. What it measured stands beside the index in the ledger:
 * notes 1 to 6, see below, in thousandths, and 7 where it came from another container. */
#include <ebur128.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "components/audio_loudness/gates.h"
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
    NOTE_GAIN = 6,       /* with a target: the gain, in 1/1000 dB */
    NOTE_MOVED = 7       /* it came here at this index: so many ms are in no block, see save() */
};

enum { SILENCE = -100 /* LUFS: stands for no sound at all */, EASE_MS = 1 };

static const int64_t interval_min_ns = 10000000, interval_max_ns = 3600000000000;
static const int64_t judged_every_ns = 100000000, window_ns = 3000000000;

/* What another instance goes on with. */
struct known {
    struct gates gates;
    double target, gain_db, wanted_db, peak; /* LUFS (0: none), dB; peak: the highest, 1 is full */
    int64_t next_report_ns;
    uint32_t has_begun, pad;
};

struct loudness_state {
    struct tt_format format;
    uint32_t bytes, samples;
    const struct tt_host *host;
    ebur128_state *told, *heard;  /* of what leaves, and of what came while there is a target */
    float *mixed;                 /* scratch: interleaved */
    double speed, range, ceiling; /* dB/s, dB, dBTP */
    struct known known;
    double energies[GATE_BINS];
    uint32_t tenth, to_block, to_short_term; /* samples: of 100 ms; until a block is whole */
    uint64_t measured;                       /* samples that this instance has */
    double frame_peak;                       /* of the last frame */
    bool has_moved, is_move_told;
    int64_t heard_ns, judged_ns; /* sound heard so far; when wanted_db was judged */
    int64_t interval_ns;         /* media time */
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
    ebur128_state *meter = ebur128_init(format->channels, format->sample_rate,
                                        EBUR128_MODE_S | EBUR128_MODE_TRUE_PEAK);

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
    state->known.target = component_float(request, PARAM_TARGET);
    state->speed = component_float(request, PARAM_SPEED);
    state->range = component_float(request, PARAM_RANGE);
    state->ceiling = component_float(request, PARAM_CEILING);
    state->interval_ns = tt_setting_int(request, PARAM_INTERVAL);
    state->tenth = (state->format.sample_rate + 5) / 10;
    state->to_block = 4 * state->tenth;
    state->to_short_term = 30 * state->tenth;
    gates_energies(state->energies);
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
            state->known.target = events[n].f;
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

/* Of what was measured last. */
static double peak_of(ebur128_state *meter)
{
    double highest = 0, value;

    for (uint32_t channel = 0; channel < meter->channels; channel++)
        if (ebur128_prev_true_peak(meter, channel, &value) == EBUR128_SUCCESS && value > highest)
            highest = value;
    return highest;
}

static double to_db(double peak)
{
    return peak > 1e-5 ? 20 * log10(peak) : SILENCE;
}

/* 400 ms are whole every 100 ms, 3 s every second. */
static void count_blocks(struct loudness_state *state, uint32_t samples)
{
    struct known *known = &state->known;

    state->measured += samples;
    state->to_block -= samples;
    state->to_short_term -= samples;
    if (state->to_block == 0) {
        state->to_block = state->tenth;
        gates_add(known->gates.momentary, read_meter(state->told, ebur128_loudness_momentary));
    }
    if (state->to_short_term == 0) {
        state->to_short_term = 10 * state->tenth;
        gates_add(known->gates.short_term, read_meter(state->told, ebur128_loudness_shortterm));
    }
}

/* Up to the end of each block by itself. */
static void measure_out(struct loudness_state *state, tt_addr data, uint32_t count)
{
    uint32_t at = 0;

    state->frame_peak = 0;
    while (at < count) {
        uint32_t left = count - at;
        uint32_t samples = left < state->to_block ? left : state->to_block;

        measure(state, state->told, data + at * sizeof(float), samples);
        count_blocks(state, samples);
        state->frame_peak = fmax(state->frame_peak, peak_of(state->told));
        at += samples;
    }
    state->known.peak = fmax(state->known.peak, state->frame_peak);
}

/* What the gain should be: judged by the last 3 s, and left as it is where they hold a pause. */
static void judge(struct loudness_state *state, int64_t now_ns)
{
    double loud, now;

    if (state->known.target == 0) { /* back to what comes */
        state->heard_ns = 0;
        state->known.wanted_db = 0;
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
    state->known.wanted_db = fmin(fmax(state->known.target - loud, -state->range), state->range);
}

/* Moves the gain for one frame and applies it. */
static void move(struct loudness_state *state, const struct tt_frame *in,
                 const struct tt_frame *out, uint32_t count)
{
    double seconds = (double)count / state->format.sample_rate;
    double step = state->speed * seconds, from = state->known.gain_db, to;
    double limit_db = state->ceiling - to_db(peak_of(state->heard));
    uint32_t ease = count;
    double first, factor;

    to = from + fmin(fmax(state->known.wanted_db - from, -step), step);
    if (to > limit_db || from > limit_db) { /* nothing looks ahead: at once, but without a click */
        to = fmin(to, limit_db);
        ease = state->format.sample_rate * EASE_MS / 1000;
        ease = ease > count ? count : ease;
    }
    state->known.gain_db = to;
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

/* Has this instance heard so much, or was there nothing before it? */
static bool is_filled(const struct loudness_state *state, uint32_t tenths)
{
    return !state->has_moved || state->measured >= (uint64_t)tenths * state->tenth;
}

static void tell_all(const struct loudness_state *state)
{
    const struct known *known = &state->known;
    double value;

    if (is_filled(state, 4))
        tell(state, NOTE_MOMENTARY, read_meter(state->told, ebur128_loudness_momentary));
    if (is_filled(state, 30))
        tell(state, NOTE_SHORT_TERM, read_meter(state->told, ebur128_loudness_shortterm));
    tell(state, NOTE_INTEGRATED,
         gates_integrated(&known->gates, state->energies, &value) ? value : SILENCE);
    tell(state, NOTE_RANGE, gates_range(&known->gates, state->energies, &value) ? value : 0);
    tell(state, NOTE_TRUE_PEAK, to_db(known->peak));
    tell(state, TT_NOTE_LEVEL, to_db(state->frame_peak));
    if (known->target < 0 || known->gain_db != 0)
        tell(state, NOTE_GAIN, known->gain_db);
}

static void tell_move(struct loudness_state *state)
{
    if (state->has_moved && !state->is_move_told)
        (void)state->host->note(state->host->ctx, NOTE_MOVED, window_ns / 1000000);
    state->is_move_told = true;
}

static void report(struct loudness_state *state, int64_t now_ns)
{
    if (!state->known.has_begun) {
        state->known.has_begun = true;
        state->known.next_report_ns = now_ns + state->interval_ns;
    }
    if (now_ns < state->known.next_report_ns)
        return;
    state->known.next_report_ns += state->interval_ns;
    if (state->known.next_report_ns <= now_ns) /* the flow leapt */
        state->known.next_report_ns = now_ns + state->interval_ns;
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
    if (call->in_count > 0 && (in->flags & TT_END) != 0 && state->known.has_begun) {
        state->known.has_begun = false; /* once */
        tell_all(state);
    }
    if (call->in_count == 0 || call->out_count == 0 || !component_has_data(in))
        return TT_DONE;
    if (out->data == 0 || out->capacity < state->bytes)
        return -ENOBUFS;
    count = component_samples(&state->format, in);
    if (count == 0 || count > state->samples)
        return -EINVAL;

    if (state->known.target < 0 || state->known.gain_db != 0) {
        measure(state, state->heard, in->data, count);
        state->heard_ns += tt_muldiv(count, 1000000000, state->format.sample_rate);
        judge(state, call->media_ns);
        move(state, in, out, count);
    } else {
        pass(state, in, out, count);
    }
    measure_out(state, out->data, count);
    tell_move(state);
    report(state, call->media_ns);
    component_pass_flags(in, out);
    out->flags |= TT_KEY;
    out->bytes = in->bytes < state->bytes ? in->bytes : state->bytes;
    return TT_DONE;
}

/* The library's windows cannot be told: the blocks of 400 ms and 3 s that lie on both sides are in
 * no sum, and a gain stands where it was led to until 3 s are heard again. */
static int save(void *state_, struct tt_writer *writer)
{
    const struct loudness_state *state = state_;

    return writer->put(writer->ctx, &state->known, sizeof(state->known));
}

static bool is_within(double value, double least, double most)
{
    return value >= least && value <= most;
}

static int restore(void *state_, struct tt_reader *reader)
{
    struct loudness_state *state = state_;
    struct known known;
    int r = reader->get(reader->ctx, &known, sizeof(known));

    if (r < 0)
        return r;
    if (!is_within(known.target, params[PARAM_TARGET].min, 0) ||
        !is_within(known.gain_db, -1000, state->range) ||
        !is_within(known.wanted_db, -state->range, state->range) || !is_within(known.peak, 0, 1000))
        return -EBADMSG;
    state->known = known;
    state->has_moved = known.has_begun != 0;
    return 0;
}

const struct tt_component tt_component_audio_loudness = {
    .abi = TT_ABI,
    .size = sizeof(struct tt_component),
    .flags = TT_OPAQUE | TT_DRAINS | TT_SAVES,
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
    .save = save,
    .restore = restore,
};
