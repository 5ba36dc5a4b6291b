/* Reads frames without any header that come at their own pace, as a capture program gives them, and
 * sets them on the service's clock. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "components/raw_read/raw.h"
#include "tactus/error.h"

enum {
    NOTE_DISCARDED = 13, /* value: frames so far that came before their turn */
    NOTE_SHORT = 16      /* value: bytes of an incomplete last frame, dropped */
};

struct capture {
    int fd;
    bool is_ended;
    int64_t last, discarded_count;
    struct tt_format format;
    uint32_t frame_bytes; /* with strides */
    const struct tt_host *host;
};

static const struct tt_format formats[] = {
    {.size = sizeof(struct tt_format), .kind = TT_VIDEO},
    {.size = sizeof(struct tt_format), .kind = TT_AUDIO},
};

static const struct tt_port ports[] = {
    {.name = "out", .accepts = formats, .accept_count = 2, .is_output = 1, .in_place_of = -1},
};

static int shape(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    int r = raw_shape(request, ret, err);

    ret->state_bytes = sizeof(struct capture);
    /* It comes at any instant of its period. */
    ret->latency_ns = r == 0 ? tt_index_ns(1, ret->out[0].rate) : 0;
    return r;
}

static int init(void *state, const struct tt_request *request, struct tt_error *err)
{
    const char *url = tt_setting_text(request, RAW_URL);
    struct capture *capture = state;
    struct tt_shape shaped = {0};
    int r = shape(request, &shaped, err);

    if (r < 0)
        return r;
    capture->format = shaped.out[0];
    capture->frame_bytes = shaped.bytes_max[0];
    capture->last = tt_ns_index(request->resume_ns, capture->format.rate) - 1;
    capture->fd =
        strcmp(url, "-") == 0 ? STDIN_FILENO : open(url, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (capture->fd < 0)
        return tt_fail(err, -errno, "raw.capture: cannot open '%s': %s", url, strerror(errno));
    return 0;
}

static int start(void *state, void *scratch, const struct tt_host *host,
                 const struct tt_request *request)
{
    struct capture *capture = state;

    capture->host = host;
    return 0;
}

static int64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

int64_t raw_turn(int64_t media_ns, int64_t last, struct tt_rational rate)
{
    int64_t index = last + 1, period_ns = tt_index_ns(1, rate);
    int64_t early_ns = tt_index_ns(index, rate) - media_ns;

    if (early_ns > period_ns / 4)
        return -1;
    return early_ns > -period_ns ? index : tt_ns_index(media_ns, rate);
}

static int end(struct tt_frame *frame)
{
    frame->bytes = 0;
    frame->flags = TT_END;
    return TT_DONE;
}

static void note(const struct capture *capture, uint32_t id, int64_t value)
{
    if (capture->host->note)
        (void)capture->host->note(capture->host->ctx, id, value);
}

/* Without room nothing is read: who writes the pipe waits, or leaves frames out. */
static int step(void *state, struct tt_call *call)
{
    struct capture *capture = state;
    struct tt_frame *frame = tt_call_out(call, 0);
    int64_t began_ns = now_ns(), media_ns, index, got;

    frame->bytes = 0;
    if (capture->is_ended)
        return end(frame);
    if (frame->data == 0 || frame->capacity < capture->frame_bytes)
        return -EAGAIN;
    got = raw_transfer(capture->fd, &capture->format, tt_frame_data(frame), false);
    if (got < 0)
        return (int)got;
    if (got < (int64_t)raw_bytes(&capture->format)) {
        capture->is_ended = true;
        if (got > 0)
            note(capture, NOTE_SHORT, got);
        return end(frame);
    }
    media_ns = call->media_ns + (now_ns() - began_ns);
    index = raw_turn(media_ns, capture->last, capture->format.rate);
    if (index < 0) {
        note(capture, NOTE_DISCARDED, ++capture->discarded_count);
        return TT_DONE;
    }
    frame->index = capture->last = index;
    frame->origin_ns = tt_index_ns(index, capture->format.rate);
    frame->duration_ns = tt_index_ns(index + 1, capture->format.rate) - frame->origin_ns;
    frame->bytes = capture->frame_bytes;
    frame->flags = 0;
    return TT_DONE;
}

static int fds(void *state, int *ret, uint32_t max)
{
    const struct capture *capture = state;

    if (max == 0)
        return 0;
    ret[0] = capture->fd;
    return 1;
}

static void finish(void *state)
{
    struct capture *capture = state;

    if (capture->fd > STDIN_FILENO)
        (void)close(capture->fd);
    capture->fd = -1;
}

static const struct tt_edge edge = {.probe = shape, .fds = fds, .step = step};

const struct tt_component tt_component_raw_capture = {
    .abi = TT_ABI,
    .size = sizeof(struct tt_component),
    .flags = TT_EDGE,
    .version = 1,
    .name = "raw.capture",
    .help = "reads raw pictures or samples that come at their own pace, from a FIFO or - (stdin)",
    .example = "tactus run raw.capture url=/dev/zero width=320 height=180 rate=25 ! null --for 1s",
    .ports = ports,
    .params = raw_capture_params,
    .port_count = 1,
    .param_count = RAW_PARAM_COUNT,
    .level_count = 1,
    .shape = shape,
    .init = init,
    .open = start,
    .close = finish,
    .edge = &edge,
};
