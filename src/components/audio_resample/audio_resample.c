/* audio.resample: another sample rate, by speexdsp, in quanta that lie on the grid of their index.
 * All of speexdsp's memory is taken in init(). */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <speex/speex_resampler.h>

#include "components/lib/audio.h"
#include "components/lib/blocks.h"
#include "components/lib/frames.h"
#include "components/lib/settings.h"
#include "tactus/error.h"

enum { PARAM_RATE, PARAM_QUANTUM, PARAM_COUNT };
enum { QUALITY = 4, QUALITY_TAPS = 64 };

/* Behind it: channels x capacity samples that wait. */
struct resample_state {
    struct tt_format in, out;
    uint32_t bytes, out_max, is_flushed;
    int64_t next_place;             /* where the input is expected to go on */
    SpeexResamplerState *resampler; /* NULL: the rates are equal */
    struct component_blocks blocks;
    _Alignas(64) float samples[];
};

static const struct tt_format accepts[] = {{.kind = TT_AUDIO, .fourcc = TT_F32P}};

static const struct tt_port ports[] = {
    {.name = "in",
     .accepts = accepts,
     .accept_count = 1,
     .late_policies = TT_LATE_DROP | TT_LATE_KEEP,
     .is_leader = 1,
     .in_place_of = -1},
    {.name = "out", .accepts = accepts, .accept_count = 1, .is_output = 1, .in_place_of = -1},
};

static const struct tt_param params[PARAM_COUNT] = {
    [PARAM_RATE] = {.name = "rate",
                    .unit = "Hz",
                    .help = "sample rate of the output",
                    .initial = "48000",
                    .type = TT_PARAM_INT,
                    .min = 8000,
                    .max = 192000},
    [PARAM_QUANTUM] = {.name = "quantum",
                       .unit = "samples",
                       .help = "samples in a frame of the output; 0: a hundredth of a second",
                       .initial = "0",
                       .type = TT_PARAM_INT,
                       .max = 48000},
};

/* Half of the filter, in input samples: how far it looks ahead. As speexdsp reckons. */
static uint32_t look_ahead(uint32_t in_rate, uint32_t out_rate)
{
    uint32_t taps = QUALITY_TAPS;

    if (in_rate == out_rate)
        return 0;
    if (in_rate > out_rate)
        taps = (uint32_t)(((uint64_t)taps * in_rate / out_rate - 1) / 8 * 8 + 8);
    return taps / 2;
}

/* Output samples that a number of input samples can give. */
static uint32_t samples_out(uint32_t count, uint32_t in_rate, uint32_t out_rate)
{
    return (uint32_t)((uint64_t)count * out_rate / in_rate) + 2;
}

struct plan {
    struct tt_format out;
    uint32_t bytes, in_max, ahead, out_max, quantum, capacity;
};

static int make_plan(const struct tt_request *request, struct plan *ret)
{
    const struct tt_format *in = request->in;
    uint32_t rate = (uint32_t)tt_setting_int(request, PARAM_RATE);
    uint32_t quantum = (uint32_t)tt_setting_int(request, PARAM_QUANTUM);

    ret->out = *in;
    ret->quantum = quantum != 0 ? quantum : rate / 100;
    ret->bytes = tt_format_audio(&ret->out, TT_F32P, rate, in->channels, ret->quantum);
    if (ret->bytes == 0)
        return -EINVAL;
    ret->in_max = tt_format_samples(in);
    ret->ahead = look_ahead(in->sample_rate, rate);
    ret->out_max =
        samples_out(ret->in_max > ret->ahead ? ret->in_max : ret->ahead, in->sample_rate, rate);
    ret->capacity = component_blocks_capacity(ret->out_max, ret->quantum);
    return 0;
}

static int64_t divisor(int64_t a, int64_t b)
{
    while (b != 0) {
        int64_t rest = a % b;

        a = b;
        b = rest;
    }
    return a;
}

static int shape(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    const struct tt_format *in = request->in;
    struct plan plan;
    int64_t out_samples, in_samples, common;

    if (request->in_count != 1 || in->kind != TT_AUDIO || in->sample_rate == 0 ||
        tt_format_samples(in) == 0)
        return tt_fail(err, -EINVAL,
                       "audio.resample has no raw audio to resample: connect one flow of F32P");
    ret->want[0].kind = TT_AUDIO;
    ret->want[0].fourcc = TT_F32P;
    if (make_plan(request, &plan) < 0)
        return tt_fail(err, -EINVAL,
                       "audio.resample cannot make %lld Hz in quanta of %lld samples: use 8000 to "
                       "192000 Hz and up to 48000 samples",
                       (long long)tt_setting_int(request, PARAM_RATE),
                       (long long)tt_setting_int(request, PARAM_QUANTUM));
    ret->out[0] = plan.out;
    ret->bytes_max[0] = plan.bytes;
    ret->out_max[0] = component_blocks_out_max(plan.out_max, plan.quantum);
    out_samples = (int64_t)plan.in_max * plan.out.sample_rate;
    in_samples = (int64_t)in->sample_rate * plan.quantum;
    common = divisor(out_samples, in_samples);
    ret->ratio[0] = (struct tt_rational){out_samples / common, in_samples / common};
    ret->latency_ns = component_place_ns(plan.quantum, plan.out.sample_rate) +
                      component_place_ns(plan.ahead, in->sample_rate);
    ret->state_bytes =
        sizeof(struct resample_state) + (uint64_t)plan.capacity * plan.out.channels * sizeof(float);
    return 0;
}

static int init(void *state_, const struct tt_request *request, struct tt_error *err)
{
    struct resample_state *state = state_;
    struct plan plan;
    int r = 0;

    if (make_plan(request, &plan) < 0 || request->in[0].fourcc != TT_F32P)
        return tt_fail(err, -EINVAL, "audio.resample takes F32P: put audio.convert before it");
    state->in = request->in[0];
    state->out = plan.out;
    state->bytes = plan.bytes;
    state->out_max = plan.out_max;
    state->blocks = (struct component_blocks){.sample_rate = plan.out.sample_rate,
                                              .channels = plan.out.channels,
                                              .quantum = plan.quantum,
                                              .capacity = plan.capacity};
    if (plan.ahead == 0)
        return 0;
    state->resampler = speex_resampler_init(state->in.channels, state->in.sample_rate,
                                            plan.out.sample_rate, QUALITY, &r);
    if (state->resampler == NULL)
        return tt_fail(err, -ENOMEM, "audio.resample: speexdsp refuses: %s",
                       speex_resampler_strerror(r));
    return 0;
}

static int open(void *state, void *scratch, const struct tt_host *host,
                const struct tt_request *request)
{
    return 0;
}

/* Resamples `count` samples of each channel to the end of those that wait. */
static void take(struct resample_state *state, const float *const *channels, uint32_t skip,
                 uint32_t count)
{
    struct component_blocks *blocks = &state->blocks;
    spx_uint32_t made = 0;

    for (uint32_t channel = 0; channel < blocks->channels; channel++) {
        float *to = state->samples + (size_t)channel * blocks->capacity + blocks->filled;
        spx_uint32_t used = count;

        made = blocks->capacity - blocks->filled;
        if (state->resampler != NULL) {
            (void)speex_resampler_process_float(state->resampler, channel, channels[channel] + skip,
                                                &used, to, &made);
        } else {
            memcpy(to, channels[channel] + skip, (size_t)count * sizeof(float));
            made = count;
        }
    }
    component_blocks_add(blocks, made);
}

/* True when the input goes on where it left off; else the filter begins anew. A flag without a gap
 * in time is no reason to. */
static bool follows(const struct resample_state *state, int64_t place)
{
    int64_t off = place - state->next_place, tolerance = state->in.sample_rate / 1000;

    return state->blocks.is_started && off <= tolerance && off >= -tolerance;
}

static int take_frame(struct resample_state *state, const struct tt_frame *in)
{
    struct component_blocks *blocks = &state->blocks;
    const float *channels[TT_CHANNELS_MAX];
    uint32_t count = component_samples(&state->in, in), skip = 0;
    int64_t place = component_place(in->origin_ns, state->in.sample_rate);
    int r;

    for (uint32_t n = 0; n < blocks->channels; n++)
        channels[n] = tt_channel(&state->in, in->data, n);
    if (component_blocks_ready(blocks))
        return -ENOBUFS;
    if (!follows(state, place)) {
        uint32_t before = place < 0 ? (-place < count ? (uint32_t)-place : count) : 0;

        state->next_place = place + count;
        if (before == count)
            return 0;
        if (state->resampler != NULL) {
            (void)speex_resampler_reset_mem(state->resampler);
            (void)speex_resampler_skip_zeros(state->resampler);
        }
        r = component_blocks_begin(
            blocks, state->samples,
            tt_muldiv(place + before, blocks->sample_rate, state->in.sample_rate),
            samples_out(count - before, state->in.sample_rate, blocks->sample_rate),
            blocks->is_started != 0, &skip);
        if (r < 0)
            return r;
        /* What overlaps was counted in output samples. */
        before += (uint32_t)tt_muldiv(skip, state->in.sample_rate, blocks->sample_rate);
        before = before < count ? before : count;
        take(state, channels, before, count - before);
        return 0;
    }
    state->next_place += count;
    take(state, channels, 0, count);
    return 0;
}

/* Pushes what the filter still holds out of it with silence. */
static void flush(struct resample_state *state)
{
    static const float silence[2048];
    const float *channels[TT_CHANNELS_MAX];
    uint32_t rest = look_ahead(state->in.sample_rate, state->out.sample_rate);

    if (state->is_flushed)
        return;
    state->is_flushed = 1;
    for (uint32_t n = 0; n < TT_CHANNELS_MAX; n++)
        channels[n] = silence;
    if (state->resampler != NULL && state->blocks.is_started)
        take(state, channels, 0, rest < 2048 ? rest : 2048);
    component_blocks_end(&state->blocks, state->samples);
}

static int process(void *state_, struct tt_call *call)
{
    struct resample_state *state = state_;
    struct component_blocks *blocks = &state->blocks;
    const struct tt_frame *in = tt_call_in(call, 0);
    struct tt_frame *out = tt_call_out(call, 0);

    call->key_point = 1;
    if (call->in_count == 0 || call->out_count == 0)
        return TT_DONE;
    if (out->data == 0 || out->capacity < state->bytes)
        return -ENOBUFS;
    if (component_has_data(in)) {
        int r = take_frame(state, in);

        if (r < 0)
            return r;
    }
    if ((in->flags & TT_END) != 0)
        flush(state);
    if (!component_blocks_ready(blocks))
        return TT_DONE;

    component_blocks_name(blocks, out);
    for (uint32_t channel = 0; channel < blocks->channels; channel++)
        memcpy(tt_channel(&state->out, out->data, channel),
               state->samples + (size_t)channel * blocks->capacity,
               (size_t)blocks->quantum * sizeof(float));
    out->bytes = state->bytes;
    component_blocks_drop(blocks, state->samples);
    return component_blocks_ready(blocks) ? TT_AGAIN : TT_DONE;
}

static void close(void *state_)
{
    struct resample_state *state = state_;

    if (state->resampler != NULL)
        speex_resampler_destroy(state->resampler);
    state->resampler = NULL;
}

const struct tt_component tt_component_audio_resample = {
    .abi = TT_ABI,
    .size = sizeof(struct tt_component),
    .flags = TT_OPAQUE | TT_DRAINS,
    .version = 1,
    .name = "audio.resample",
    .help = "changes the sample rate of sound",
    .example = "tactus run test.audio ! audio.resample rate=44100 ! null --for 2s",
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
