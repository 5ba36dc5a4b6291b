/* test.audio: a sine that never drifts (its phase follows from the index), or the time code's twin.
 */
#include <errno.h>
#include <string.h>

#include "components/lib/audio.h"
#include "components/lib/settings.h"
#include "components/lib/timecode.h"
#include "tactus/error.h"

enum {
    PARAM_FREQUENCY,
    PARAM_LEVEL_DB,
    PARAM_CHANNELS,
    PARAM_QUANTUM,
    PARAM_TIMECODE,
    PARAM_LIVE,
    PARAM_COUNT
};

enum { SAMPLE_RATE = 48000 };

struct test_audio_state {
    struct tt_format format;
    uint32_t bytes, quantum, has_timecode;
    float level;
    uint64_t phase_step; /* 2^-64 turns a sample */
};

static const struct tt_format accepts[] = {
    {.kind = TT_AUDIO, .fourcc = TT_F32P, .sample_rate = SAMPLE_RATE},
};

static const struct tt_port ports[] = {
    {.name = "out", .accepts = accepts, .accept_count = 1, .is_output = 1, .in_place_of = -1},
};

static const struct tt_param params[PARAM_COUNT] = {
    [PARAM_FREQUENCY] = {.name = "frequency",
                         .unit = "Hz",
                         .help = "pitch of the tone",
                         .initial = "440",
                         .type = TT_PARAM_FLOAT,
                         .max = SAMPLE_RATE / 2},
    [PARAM_LEVEL_DB] = {.name = "level_db",
                        .unit = "dBFS",
                        .help = "peak level of the tone",
                        .initial = "-20",
                        .type = TT_PARAM_FLOAT,
                        .min = -120,
                        .max = 0},
    [PARAM_CHANNELS] = {.name = "channels",
                        .unit = "channels",
                        .help = "how many channels play it",
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
    [PARAM_TIMECODE] = {.name = "timecode",
                        .help = "play each frame's index for probe.timecode, in place of the tone",
                        .initial = "false",
                        .type = TT_PARAM_BOOL},
    [PARAM_LIVE] = {.name = "live",
                    .help = "release each frame at its time; false: as fast as it is taken",
                    .initial = "true",
                    .type = TT_PARAM_BOOL},
};

static int shape(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    uint32_t channels = (uint32_t)tt_setting_int(request, PARAM_CHANNELS);
    uint32_t quantum = (uint32_t)tt_setting_int(request, PARAM_QUANTUM);

    ret->bytes_max[0] = tt_format_audio(&ret->out[0], TT_F32P, SAMPLE_RATE, channels, quantum);
    if (ret->bytes_max[0] == 0)
        return tt_fail(err, -EINVAL,
                       "test.audio cannot make %u channels in quanta of %u samples: use 1 to %d "
                       "channels and 16 to 48000 samples",
                       channels, quantum, TT_CHANNELS_MAX);
    if (tt_setting_int(request, PARAM_TIMECODE) != 0 && quantum < TIMECODE_SAMPLES_MIN)
        return tt_fail(err, -EINVAL,
                       "test.audio has no room for the time code in %u samples: make quantum %d "
                       "or more, or set timecode=false",
                       quantum, TIMECODE_SAMPLES_MIN);
    ret->state_bytes = sizeof(struct test_audio_state);
    return 0;
}

/* In whole microhertz, so that the step is exact to 2^-65 turns and a year later still in tune. */
static uint64_t phase_step(double frequency)
{
    unsigned __int128 microhertz = (uint64_t)(frequency * 1e6 + 0.5);
    uint64_t whole = (uint64_t)SAMPLE_RATE * 1000000;

    return (uint64_t)(((microhertz << 64) + whole / 2) / whole);
}

static int init(void *state_, const struct tt_request *request, struct tt_error *err)
{
    struct test_audio_state *state = state_;

    state->quantum = (uint32_t)tt_setting_int(request, PARAM_QUANTUM);
    state->bytes =
        tt_format_audio(&state->format, TT_F32P, SAMPLE_RATE,
                        (uint32_t)tt_setting_int(request, PARAM_CHANNELS), state->quantum);
    state->has_timecode = tt_setting_int(request, PARAM_TIMECODE) != 0;
    state->level = (float)component_gain(component_float(request, PARAM_LEVEL_DB));
    state->phase_step = phase_step(component_float(request, PARAM_FREQUENCY));
    return 0;
}

static int open(void *state, void *scratch, const struct tt_host *host,
                const struct tt_request *request)
{
    return 0;
}

static int process(void *state_, struct tt_call *call)
{
    const struct test_audio_state *state = state_;
    struct tt_frame *out = tt_call_out(call, 0);
    uint64_t first = (uint64_t)call->index * state->quantum;
    float *samples;

    if (call->out_count == 0 || out->data == 0 || out->capacity < state->bytes)
        return -ENOBUFS;

    samples = tt_channel(&state->format, out->data, 0);
    if (state->has_timecode)
        component_timecode_play(samples, state->quantum, state->level, call->index);
    else
        for (uint32_t n = 0; n < state->quantum; n++)
            samples[n] = state->level * (float)component_sine((first + n) * state->phase_step);
    for (uint32_t channel = 1; channel < state->format.channels; channel++)
        memcpy(tt_channel(&state->format, out->data, channel), samples, state->quantum * 4);

    out->bytes = state->bytes;
    out->flags |= TT_KEY;
    call->key_point = 1;
    return TT_DONE;
}

static void close(void *state)
{
}

const struct tt_component tt_component_test_audio = {
    .abi = TT_ABI,
    .size = sizeof(struct tt_component),
    .flags = TT_PURE,
    .version = 1,
    .name = "test.audio",
    .help = "a steady tone, or a time code in sound that probe.timecode hears",
    .example = "tactus run test.audio frequency=1000 level_db=-30 ! null --for 2s",
    .ports = ports,
    .params = params,
    .port_count = 1,
    .param_count = PARAM_COUNT,
    .shape = shape,
    .init = init,
    .open = open,
    .process = process,
    .close = close,
};
