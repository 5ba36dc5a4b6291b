/* audio.play: sound on a speaker. The speaker's clock is its own: what it has too much of is left
 * out, what it lacks is silence, and both are counted. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "components/lib/audio.h"
#include "components/sdl/sdl.h"
#include "tactus/error.h"
#include "tactus/format.h"

enum { PARAM_DEVICE, PARAM_BUFFER, PARAM_COUNT };
enum {
    NOTE_DISCARDED = 13, /* value: frames taken but not played */
    NOTE_UNDERRUNS = 23, /* value: times that the speaker had nothing */
    DEVICE_SAMPLES = 512
};

#define BUFFER_NS_MIN INT64_C(5000000)
#define BUFFER_NS_MAX INT64_C(2000000000)

struct player {
    const struct sdl *sdl;
    const struct tt_host *host;
    struct tt_format format;
    uint32_t device;
    uint32_t target_bytes; /* that lie ready for the speaker */
    bool has_begun;
    int64_t discarded_count, underrun_count;
    float *mixed; /* a frame's samples, channels side by side */
    uint32_t mixed_bytes;
};

static const struct tt_format accepts[] = {{.kind = TT_AUDIO, .fourcc = TT_F32P}};

static const struct tt_port ports[] = {
    {.name = "in",
     .accepts = accepts,
     .accept_count = 1,
     .late_policies = TT_LATE_DROP | TT_LATE_KEEP,
     .late_default = TT_LATE_DROP,
     .is_leader = 1,
     .in_place_of = -1},
};

static const struct tt_param params[PARAM_COUNT] = {
    [PARAM_DEVICE] = {.name = "device",
                      .help = "the speaker's name as SDL tells it; empty: the usual one",
                      .initial = "",
                      .type = TT_PARAM_TEXT},
    [PARAM_BUFFER] = {.name = "buffer",
                      .help = "sound that lies ready for the speaker",
                      .initial = "60ms",
                      .type = TT_PARAM_TIME},
};

static int shape(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    int64_t buffer_ns = tt_setting_int(request, PARAM_BUFFER);

    if (buffer_ns < BUFFER_NS_MIN || buffer_ns > BUFFER_NS_MAX)
        return tt_fail(err, -EINVAL, "audio.play: buffer is a time from 5ms to 2s");
    ret->state_bytes = sizeof(struct player);
    return 0;
}

static int open_device(struct player *player, const struct tt_request *request,
                       struct tt_error *err)
{
    const char *device = tt_setting_text(request, PARAM_DEVICE);
    struct sdl_audio_spec wanted = {.freq = (int)player->format.sample_rate,
                                    .format = SDL_AUDIO_F32,
                                    .channels = (uint8_t)player->format.channels,
                                    .samples = DEVICE_SAMPLES};
    struct sdl_audio_spec obtained;

    (void)player->sdl->set_hint("SDL_NO_SIGNAL_HANDLERS", "1");
    if (player->sdl->init(SDL_INIT_AUDIO_BIT) < 0)
        return tt_fail(err, -ENODEV, "audio.play: there is no sound here: %s",
                       player->sdl->get_error());
    player->device = player->sdl->open_audio(device[0] ? device : NULL, 0, &wanted, &obtained, 0);
    if (player->device == 0)
        return tt_fail(err, -ENODEV, "audio.play: no speaker could be opened: %s",
                       player->sdl->get_error());
    return 0;
}

static int init(void *state, const struct tt_request *request, struct tt_error *err)
{
    struct player *player = state;
    int64_t buffer_ns = tt_setting_int(request, PARAM_BUFFER);
    uint32_t sample_bytes;
    int r;

    player->format = request->in[0];
    sample_bytes = player->format.channels * (uint32_t)sizeof(float);
    player->target_bytes =
        (uint32_t)tt_muldiv(buffer_ns, player->format.sample_rate, 1000000000) * sample_bytes;
    player->mixed_bytes = tt_format_samples(&player->format) * sample_bytes;
    player->mixed = calloc(1, player->mixed_bytes > player->target_bytes ? player->mixed_bytes
                                                                         : player->target_bytes);
    if (!player->mixed)
        return tt_fail(err, -ENOMEM, "audio.play: no memory");
    r = component_sdl_load(&player->sdl, err);
    return r == 0 ? open_device(player, request, err) : r;
}

static int start(void *state, void *scratch, const struct tt_host *host,
                 const struct tt_request *request)
{
    struct player *player = state;

    player->host = host;
    return 0;
}

static void note(const struct player *player, uint32_t id, int64_t value)
{
    if (player->host->note)
        (void)player->host->note(player->host->ctx, id, value);
}

static uint32_t mix(struct player *player, const struct tt_frame *frame)
{
    uint32_t channels = player->format.channels,
             samples = component_samples(&player->format, frame);
    uint32_t most = player->mixed_bytes / (channels * (uint32_t)sizeof(float));

    samples = samples < most ? samples : most;
    for (uint32_t c = 0; c < channels; c++) {
        const float *from = tt_channel(&player->format, frame->data, c);

        for (uint32_t n = 0; n < samples; n++)
            player->mixed[n * channels + c] = from[n];
    }
    return samples * channels * (uint32_t)sizeof(float);
}

/* Silence first, so that the speaker never waits for the frame that is on its way. */
static void prepare(struct player *player)
{
    memset(player->mixed, 0, player->target_bytes);
    (void)player->sdl->queue_audio(player->device, player->mixed, player->target_bytes);
    if (!player->has_begun)
        player->sdl->pause_audio(player->device, 0);
    else
        note(player, NOTE_UNDERRUNS, ++player->underrun_count);
    player->has_begun = true;
}

/* What was taken but not played is told by bytes = 0 on return. */
static int step(void *state, struct tt_call *call)
{
    struct player *player = state;
    struct tt_frame *frame = tt_call_in(call, 0);
    uint32_t queued, bytes;

    if (frame->data == 0 || frame->bytes == 0)
        return TT_DONE;
    queued = player->sdl->queued_bytes(player->device);
    if (queued == 0)
        prepare(player);
    bytes = mix(player, frame);
    if (queued > 2 * player->target_bytes + bytes ||
        player->sdl->queue_audio(player->device, player->mixed, bytes) < 0) {
        note(player, NOTE_DISCARDED, ++player->discarded_count);
        frame->bytes = 0;
    }
    return TT_DONE;
}

static void finish(void *state)
{
    struct player *player = state;

    if (player->device != 0)
        player->sdl->close_audio(player->device);
    if (player->sdl)
        player->sdl->quit();
    free(player->mixed);
    player->mixed = NULL;
}

static const struct tt_edge edge = {.step = step};

const struct tt_component tt_component_audio_play = {
    .abi = TT_ABI,
    .size = sizeof(struct tt_component),
    .flags = TT_EDGE | TT_SEPARATE | TT_DESKTOP,
    .version = 1,
    .name = "audio.play",
    .help = "sound on a speaker",
    .example = "tactus run test.audio frequency=440 level_db=-30 ! audio.play --for 3s",
    .ports = ports,
    .params = params,
    .port_count = 1,
    .param_count = PARAM_COUNT,
    .level_count = 1,
    .shape = shape,
    .init = init,
    .open = start,
    .close = finish,
    .edge = &edge,
};
