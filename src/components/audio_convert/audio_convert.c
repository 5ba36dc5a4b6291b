/* audio.convert: other channels, other quanta, other sample format, at the same sample rate. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "components/lib/audio.h"
#include "components/lib/blocks.h"
#include "components/lib/channels.h"
#include "components/lib/frames.h"
#include "components/lib/settings.h"
#include "tactus/error.h"

enum { PARAM_CHANNELS, PARAM_QUANTUM, PARAM_FORMAT, PARAM_NORMALISE, PARAM_COUNT };

static const uint32_t fourccs[] = {TT_F32P, TT_S16};

/* Behind it: channels x capacity samples that wait, then the input as float when it is not. */
struct convert_state {
    struct tt_format in, out;
    uint32_t bytes, in_max, is_reblocking, is_same;
    struct component_blocks blocks;
    float factors[TT_CHANNELS_MAX][TT_CHANNELS_MAX];
    _Alignas(64) float samples[];
};

static const struct tt_format accepts[] = {
    {.kind = TT_AUDIO, .fourcc = TT_F32P},
    {.kind = TT_AUDIO, .fourcc = TT_S16},
};

static const struct tt_port ports[] = {
    {.name = "in",
     .accepts = accepts,
     .accept_count = 2,
     .late_policies = TT_LATE_DROP | TT_LATE_KEEP,
     .is_leader = 1,
     .in_place_of = -1},
    {.name = "out", .accepts = accepts, .accept_count = 2, .is_output = 1, .in_place_of = -1},
};

static const struct tt_param params[PARAM_COUNT] = {
    [PARAM_CHANNELS] = {.name = "channels",
                        .unit = "channels",
                        .help = "of the output, mixed after ITU-R BS.775; 0: as they come",
                        .initial = "0",
                        .type = TT_PARAM_INT,
                        .max = TT_CHANNELS_MAX},
    [PARAM_QUANTUM] = {.name = "quantum",
                       .unit = "samples",
                       .help = "samples in a frame of the output; 0: as they come",
                       .initial = "0",
                       .type = TT_PARAM_INT,
                       .max = 48000},
    [PARAM_FORMAT] = {.name = "format",
                      .unit = "F32P|S16LE",
                      .help = "sample format of the output",
                      .initial = "F32P",
                      .type = TT_PARAM_CHOICE},
    [PARAM_NORMALISE] = {.name = "normalise",
                         .help = "mix down so that nothing exceeds full scale (as FFmpeg does for "
                                 "16-bit samples); false: louder, may be cut (as for float)",
                         .initial = "true",
                         .type = TT_PARAM_BOOL},
};

struct plan {
    struct tt_format out;
    uint32_t bytes, in_max, quantum, capacity;
    bool is_reblocking;
};

static int make_plan(const struct tt_request *request, struct plan *ret)
{
    const struct tt_format *in = request->in;
    uint32_t channels = (uint32_t)tt_setting_int(request, PARAM_CHANNELS);
    uint32_t quantum = (uint32_t)tt_setting_int(request, PARAM_QUANTUM);
    uint64_t format = (uint64_t)tt_setting_int(request, PARAM_FORMAT);

    if (format >= sizeof(fourccs) / sizeof(fourccs[0]))
        return -EINVAL;
    ret->in_max = tt_format_samples(in);
    ret->quantum = quantum != 0 ? quantum : ret->in_max;
    ret->is_reblocking =
        quantum != 0 && (quantum != ret->in_max ||
                         in->rate.num * quantum != (int64_t)in->sample_rate * in->rate.den);
    ret->out = *in;
    ret->bytes = tt_format_audio(&ret->out, fourccs[format], in->sample_rate,
                                 channels != 0 ? channels : in->channels, ret->quantum);
    if (ret->out.channels != in->channels || in->layout == 0)
        ret->out.layout = component_layout(ret->out.channels);
    /* Untouched quanta keep the rate that came, which need not be a whole number of samples. */
    if (!ret->is_reblocking)
        ret->out.rate = in->rate;
    ret->capacity = component_blocks_capacity(ret->in_max, ret->quantum);
    return ret->bytes == 0 ? -EINVAL : 0;
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

static uint64_t state_bytes(const struct plan *plan, const struct tt_format *in)
{
    uint64_t floats = (uint64_t)plan->capacity * plan->out.channels;

    floats += (uint64_t)plan->in_max * (in->fourcc == TT_S16 ? in->channels : 0);
    return sizeof(struct convert_state) + floats * sizeof(float);
}

static int shape(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    const struct tt_format *in = request->in;
    struct plan plan;

    if (request->in_count != 1 || in->kind != TT_AUDIO ||
        (in->fourcc != TT_F32P && in->fourcc != TT_S16) || tt_format_samples(in) == 0)
        return tt_fail(err, -EINVAL,
                       "audio.convert has no raw audio to convert: connect one flow of F32P or "
                       "S16LE");
    if (make_plan(request, &plan) < 0)
        return tt_fail(err, -EINVAL,
                       "audio.convert cannot make %lld channels in quanta of %lld samples: use up "
                       "to %d channels and 48000 samples, or 0 for what comes",
                       (long long)tt_setting_int(request, PARAM_CHANNELS),
                       (long long)tt_setting_int(request, PARAM_QUANTUM), TT_CHANNELS_MAX);
    ret->out[0] = plan.out;
    ret->bytes_max[0] = plan.bytes;
    ret->state_bytes = state_bytes(&plan, in);
    if (plan.is_reblocking) {
        int64_t common = divisor(plan.in_max, plan.quantum);

        ret->out_max[0] = component_blocks_out_max(plan.in_max, plan.quantum);
        ret->ratio[0] = (struct tt_rational){plan.in_max / common, plan.quantum / common};
        /* A quantum's first sample may have to wait for its last one's frame to begin. */
        ret->latency_ns = component_place_ns(plan.quantum, in->sample_rate);
    }
    return 0;
}

static int init(void *state_, const struct tt_request *request, struct tt_error *err)
{
    struct convert_state *state = state_;
    struct plan plan;

    if (make_plan(request, &plan) < 0)
        return tt_fail(err, -EINVAL, "audio.convert was not asked for its shape first");
    state->in = request->in[0];
    state->out = plan.out;
    state->bytes = plan.bytes;
    state->in_max = plan.in_max;
    state->is_reblocking = plan.is_reblocking;
    state->is_same = plan.out.channels == state->in.channels;
    state->blocks = (struct component_blocks){.sample_rate = state->in.sample_rate,
                                              .channels = plan.out.channels,
                                              .quantum = plan.quantum,
                                              .capacity = plan.capacity};
    component_mix_factors(&state->in, &state->out, tt_setting_int(request, PARAM_NORMALISE) != 0,
                          state->factors);
    return 0;
}

static int open(void *state, void *scratch, const struct tt_host *host,
                const struct tt_request *request)
{
    return 0;
}

static void float_of_s16(const int16_t *from, uint32_t step, float *to, uint32_t count)
{
    for (uint32_t n = 0; n < count; n++)
        to[n] = (float)from[n * step] * (1.0f / 32768);
}

static void s16_of_float(const float *from, int16_t *to, uint32_t step, uint32_t count)
{
    for (uint32_t n = 0; n < count; n++) {
        float value = from[n] * 32768;

        value = value > 32767 ? 32767 : value < -32768 ? -32768 : value;
        to[n * step] = (int16_t)(value + (value < 0 ? -0.5f : 0.5f));
    }
}

/* The input's channel as float; of 16-bit samples it was written behind those that wait. */
static const float *in_channel(struct convert_state *state, const struct tt_frame *in,
                               uint32_t channel)
{
    if (state->in.fourcc == TT_F32P)
        return tt_channel(&state->in, in->data, channel);
    return state->samples + (size_t)state->blocks.capacity * state->blocks.channels +
           (size_t)channel * state->in_max;
}

static void unpack(struct convert_state *state, const struct tt_frame *in, uint32_t count)
{
    float *first = state->samples + (size_t)state->blocks.capacity * state->blocks.channels;

    for (uint32_t channel = 0; channel < state->in.channels; channel++)
        float_of_s16((const int16_t *)tt_frame_data(in) + channel, state->in.channels,
                     first + (size_t)channel * state->in_max, count);
}

static void add(float *restrict sum, const float *restrict samples, float factor, uint32_t count)
{
    for (uint32_t n = 0; n < count; n++)
        sum[n] += factor * samples[n];
}

/* Mixes the input from sample `skip` on to the end of those that wait. */
static void take(struct convert_state *state, const struct tt_frame *in, uint32_t skip,
                 uint32_t count)
{
    struct component_blocks *blocks = &state->blocks;

    if (state->in.fourcc == TT_S16)
        unpack(state, in, skip + count);
    for (uint32_t to = 0; to < state->out.channels; to++) {
        float *sum = state->samples + (size_t)to * blocks->capacity + blocks->filled;

        if (state->is_same) {
            memcpy(sum, in_channel(state, in, to) + skip, (size_t)count * sizeof(float));
            continue;
        }
        memset(sum, 0, (size_t)count * sizeof(float));
        for (uint32_t from = 0; from < state->in.channels; from++)
            if (state->factors[to][from] > 0)
                add(sum, in_channel(state, in, from) + skip, state->factors[to][from], count);
    }
    component_blocks_add(blocks, count);
}

/* One quantum from those that wait to the output. */
static void give(const struct convert_state *state, struct tt_frame *out)
{
    const struct component_blocks *blocks = &state->blocks;

    for (uint32_t channel = 0; channel < state->out.channels; channel++) {
        const float *from = state->samples + (size_t)channel * blocks->capacity;

        if (state->out.fourcc == TT_S16)
            s16_of_float(from, (int16_t *)tt_frame_data(out) + channel, state->out.channels,
                         blocks->quantum);
        else
            memcpy(tt_channel(&state->out, out->data, channel), from,
                   (size_t)blocks->quantum * sizeof(float));
    }
    out->bytes = state->bytes;
}

/* Quanta that stay as long as they are: a shorter one is filled up with silence. */
static int pass(struct convert_state *state, const struct tt_frame *in, struct tt_frame *out)
{
    struct component_blocks *blocks = &state->blocks;
    uint32_t count;

    if (!component_has_data(in))
        return TT_DONE;
    count = component_samples(&state->in, in);
    blocks->filled = 0;
    take(state, in, 0, count);
    for (uint32_t channel = 0; channel < blocks->channels; channel++)
        memset(state->samples + (size_t)channel * blocks->capacity + count, 0,
               (size_t)(blocks->quantum - count) * sizeof(float));
    give(state, out);
    blocks->filled = 0;
    component_pass_flags(in, out);
    out->flags |= TT_KEY;
    return TT_DONE;
}

static int reblock(struct convert_state *state, const struct tt_frame *in, struct tt_frame *out)
{
    struct component_blocks *blocks = &state->blocks;

    if (component_has_data(in)) {
        uint32_t skip, count = component_samples(&state->in, in);
        int r = component_blocks_begin(blocks, state->samples,
                                       component_place(in->origin_ns, state->in.sample_rate), count,
                                       (in->flags & TT_DISCONT) != 0, &skip);

        if (r < 0)
            return r;
        take(state, in, skip, count - skip);
    }
    if ((in->flags & TT_END) != 0)
        component_blocks_end(blocks, state->samples);
    if (!component_blocks_ready(blocks))
        return TT_DONE;
    component_blocks_name(blocks, out);
    give(state, out);
    component_blocks_drop(blocks, state->samples);
    return component_blocks_ready(blocks) ? TT_AGAIN : TT_DONE;
}

static int process(void *state_, struct tt_call *call)
{
    struct convert_state *state = state_;
    const struct tt_frame *in = tt_call_in(call, 0);
    struct tt_frame *out = tt_call_out(call, 0);

    call->key_point = 1;
    if (call->in_count == 0 || call->out_count == 0)
        return TT_DONE;
    if (out->data == 0 || out->capacity < state->bytes)
        return -ENOBUFS;
    return state->is_reblocking ? reblock(state, in, out) : pass(state, in, out);
}

static void close(void *state)
{
}

const struct tt_component tt_component_audio_convert = {
    .abi = TT_ABI,
    .size = sizeof(struct tt_component),
    .flags = TT_PURE | TT_DRAINS,
    .version = 1,
    .name = "audio.convert",
    .help = "changes channels, samples in a frame and sample format of sound",
    .example = "tactus run test.audio channels=6 quantum=1024 ! audio.convert channels=2 "
               "quantum=480 ! null --for 2s",
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
