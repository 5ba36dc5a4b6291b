/* probe.timecode: reads the time code out of what arrives, and notes it beside the frame's index in
 * the ledger: note 1 the index that was painted (-1: none to read), note 2 the media time painted
 * with it, in microseconds. */
#include <errno.h>
#include <stdbool.h>

#include "components/lib/audio.h"
#include "components/lib/frames.h"
#include "components/lib/settings.h"
#include "components/lib/timecode.h"
#include "tactus/error.h"

enum { NOTE_INDEX = 1, NOTE_MEDIA_US = 2 };

/* host is given anew by each open(); nothing else here is a pointer. */
struct probe_state {
    struct tt_format format;
    uint32_t bytes; /* of a picture */
    const struct tt_host *host;
};

static const struct tt_format accepts[] = {
    {.kind = TT_VIDEO, .fourcc = TT_I420},
    {.kind = TT_VIDEO, .fourcc = TT_NV12},
    {.kind = TT_VIDEO, .fourcc = TT_RGBA},
    {.kind = TT_AUDIO, .fourcc = TT_F32P},
};

static const struct tt_port ports[] = {
    {.name = "in",
     .accepts = accepts,
     .accept_count = 4,
     .late_policies = TT_LATE_DROP | TT_LATE_KEEP,
     .is_leader = 1,
     .in_place_of = -1},
};

static int shape(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    if (request->in_count != 1)
        return tt_fail(err, -EINVAL,
                       "probe.timecode has no input: connect one video or audio flow");
    ret->state_bytes = sizeof(struct probe_state);
    return 0;
}

static int init(void *state_, const struct tt_request *request, struct tt_error *err)
{
    struct probe_state *state = state_;

    state->format = request->in[0];
    if (state->format.kind == TT_VIDEO)
        state->bytes = tt_format_video(&state->format, state->format.fourcc, state->format.width,
                                       state->format.height);
    return 0;
}

static int open(void *state_, void *scratch, const struct tt_host *host,
                const struct tt_request *request)
{
    struct probe_state *state = state_;

    state->host = host;
    return 0;
}

static bool read_frame(const struct tt_format *format, const struct tt_frame *frame,
                       struct component_timecode *ret)
{
    if (format->kind == TT_VIDEO)
        return component_timecode_read(format, frame->data, ret);
    if (!component_timecode_hear(tt_channel(format, frame->data, 0),
                                 component_samples(format, frame), &ret->index))
        return false;
    ret->media_us = tt_index_ns(ret->index, format->rate) / 1000;
    return true;
}

static int process(void *state_, struct tt_call *call)
{
    struct probe_state *state = state_;
    const struct tt_frame *in = tt_call_in(call, 0);
    struct component_timecode code = {.index = -1, .media_us = -1};

    call->key_point = 1;
    if (call->in_count == 0 || in->data == 0 || (in->flags & TT_END) != 0)
        return TT_DONE;
    if (component_is_cut(in, state->bytes) || !read_frame(&state->format, in, &code))
        code = (struct component_timecode){.index = -1, .media_us = -1};
    (void)state->host->note(state->host->ctx, NOTE_INDEX, code.index);
    (void)state->host->note(state->host->ctx, NOTE_MEDIA_US, code.media_us);
    return TT_DONE;
}

static void close(void *state)
{
}

const struct tt_component tt_component_probe_timecode = {
    .abi = TT_ABI,
    .size = sizeof(struct tt_component),
    .version = 1,
    .name = "probe.timecode",
    .help = "reads test.video's or test.audio's time code and notes it in the ledger",
    .example = "tactus run test.video width=640 height=360 ! video.scale width=320 height=180 ! "
               "probe.timecode --for 2s",
    .ports = ports,
    .port_count = 1,
    .shape = shape,
    .init = init,
    .open = open,
    .process = process,
    .close = close,
};
