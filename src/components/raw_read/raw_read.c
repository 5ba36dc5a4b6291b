/* Reads frames without any header from a file, a FIFO or standard input. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "components/raw_read/raw.h"
#include "tactus/error.h"

enum {
    PARAM_URL,
    PARAM_FORMAT,
    PARAM_WIDTH,
    PARAM_HEIGHT,
    PARAM_RATE,
    PARAM_SAMPLE_RATE,
    PARAM_CHANNELS,
    PARAM_QUANTUM,
    PARAM_LIVE,
    PARAM_COUNT
};
enum {
    NOTE_SHORT = 16, /* value: bytes of an incomplete last frame, dropped */
    WAIT_MS = 200,   /* between two looks at whether the service was stopped */
    WAITS_MAX = 50   /* a FIFO that nobody writes for so many has no writer */
};

struct raw_reader {
    int fd;
    bool is_ended, is_writer_awaited;
    uint32_t wait_count;
    int64_t index;
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

static const struct tt_param params[PARAM_COUNT] = {
    {.name = "url", .help = "file or FIFO; - is standard input", .type = TT_PARAM_TEXT},
    {.name = "format",
     .unit = RAW_FORMATS,
     .help = "what the bytes are",
     .initial = "I420",
     .type = TT_PARAM_CHOICE},
    {.name = "width",
     .unit = "pixels",
     .help = "of video",
     .initial = "0",
     .type = TT_PARAM_INT,
     .min = 0,
     .max = TT_SIZE_MAX},
    {.name = "height",
     .unit = "pixels",
     .help = "of video",
     .initial = "0",
     .type = TT_PARAM_INT,
     .min = 0,
     .max = TT_SIZE_MAX},
    {.name = "rate",
     .unit = "pictures a second",
     .help = "of video; 0: the service's",
     .initial = "0",
     .type = TT_PARAM_RATIONAL},
    {.name = "sample_rate",
     .unit = "Hz",
     .help = "of audio",
     .initial = "48000",
     .type = TT_PARAM_INT,
     .min = 8000,
     .max = 192000},
    {.name = "channels",
     .help = "of audio",
     .initial = "2",
     .type = TT_PARAM_INT,
     .min = 1,
     .max = TT_CHANNELS_MAX},
    {.name = "quantum",
     .unit = "samples",
     .help = "of audio in a frame",
     .initial = "480",
     .type = TT_PARAM_INT,
     .min = 16,
     .max = 8192},
    {.name = "live",
     .help = "release frames at their time, not as fast as possible",
     .initial = "false",
     .type = TT_PARAM_BOOL},
};

static int shape_video(const struct tt_request *request, uint32_t fourcc, struct tt_format *ret,
                       uint32_t *ret_bytes, struct tt_error *err)
{
    const struct tt_setting *rate = tt_setting(request, PARAM_RATE, TT_NO_PORT);
    int64_t width = tt_setting_int(request, PARAM_WIDTH);
    int64_t height = tt_setting_int(request, PARAM_HEIGHT);

    *ret_bytes = tt_format_video(ret, fourcc, (uint32_t)width, (uint32_t)height);
    if (*ret_bytes == 0)
        return tt_fail(
            err, -EINVAL,
            "raw.read: %s pictures need width and height, even and up to %d, not %ldx%ld",
            tt_fourcc_name(fourcc), TT_SIZE_MAX, (long)width, (long)height);
    ret->field_order = TT_PROGRESSIVE;
    ret->rate = rate && rate->i > 0 ? (struct tt_rational){rate->i, rate->j} : request->rate;
    if (ret->rate.num <= 0 || ret->rate.den <= 0)
        return tt_fail(err, -EINVAL, "raw.read: a rate is needed, here or of the service");
    return 0;
}

static int shape(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    uint32_t fourcc = raw_fourcc(tt_setting_int(request, PARAM_FORMAT));
    struct tt_format *out = &ret->out[0];
    uint32_t bytes;

    if (fourcc == TT_F32P || fourcc == TT_S16) {
        bytes = tt_format_audio(out, fourcc, (uint32_t)tt_setting_int(request, PARAM_SAMPLE_RATE),
                                (uint32_t)tt_setting_int(request, PARAM_CHANNELS),
                                (uint32_t)tt_setting_int(request, PARAM_QUANTUM));
        if (bytes == 0)
            return tt_fail(err, -EINVAL, "raw.read: sample_rate, channels or quantum is absurd");
    } else if (shape_video(request, fourcc, out, &bytes, err) < 0) {
        return err ? err->code : -EINVAL;
    }
    ret->bytes_max[0] = bytes;
    ret->out_max[0] = 1;
    ret->state_bytes = sizeof(struct raw_reader);
    return 0;
}

static int probe(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    const char *url = tt_setting_text(request, PARAM_URL);

    /* A FIFO is not opened to look at it: that would wait for, or disturb, its writer. */
    if (strcmp(url, "-") != 0 && access(url, R_OK) != 0)
        return tt_fail(err, -errno, "raw.read: cannot read '%s': %s", url, strerror(errno));
    return shape(request, ret, err);
}

static int init(void *state, const struct tt_request *request, struct tt_error *err)
{
    const char *url = tt_setting_text(request, PARAM_URL);
    struct raw_reader *reader = state;
    struct tt_shape shaped = {0};
    struct stat found;
    int r = shape(request, &shaped, err);

    if (r < 0)
        return r;
    reader->format = shaped.out[0];
    reader->frame_bytes = shaped.bytes_max[0];
    /* Opening a FIFO would wait for its writer where nobody can be told of it. */
    reader->fd =
        strcmp(url, "-") == 0 ? STDIN_FILENO : open(url, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (reader->fd < 0)
        return tt_fail(err, -errno, "raw.read: cannot open '%s': %s", url, strerror(errno));
    reader->is_writer_awaited =
        reader->fd != STDIN_FILENO && fstat(reader->fd, &found) == 0 && S_ISFIFO(found.st_mode);
    return 0;
}

static int start(void *state, void *scratch, const struct tt_host *host,
                 const struct tt_request *request)
{
    struct raw_reader *reader = state;
    int64_t index = tt_ns_index(request->resume_ns, reader->format.rate);

    (void)scratch;
    reader->host = host;
    reader->index = request->resume_ns > 0 ? index : 0;
    /* A file is gone on in at the index that is on; what cannot be searched goes on as it comes. */
    if (reader->index > 0)
        (void)lseek(reader->fd, reader->index * (int64_t)raw_bytes(&reader->format), SEEK_SET);
    return 0;
}

static int end(struct tt_frame *frame)
{
    frame->bytes = 0;
    frame->flags = TT_END;
    return TT_DONE;
}

/* A FIFO without a writer reads as one that has ended: its first bytes are waited for. Returns
 * -EAGAIN until they are there. */
static int await_writer(struct raw_reader *reader)
{
    struct pollfd first = {.fd = reader->fd, .events = POLLIN};

    if (poll(&first, 1, WAIT_MS) == 0 && reader->wait_count++ < WAITS_MAX)
        return -EAGAIN;
    reader->is_writer_awaited = false;
    if (reader->wait_count > WAITS_MAX && reader->host->note)
        (void)reader->host->note(reader->host->ctx, TT_NOTE_READ_ENDED, ETIMEDOUT);
    return 0;
}

static int step(void *state, struct tt_call *call)
{
    struct raw_reader *reader = state;
    struct tt_frame *frame = tt_call_out(call, 0);
    int64_t got;
    int r;

    frame->bytes = 0;
    if (reader->is_ended)
        return end(frame);
    if (frame->capacity < reader->frame_bytes || frame->data == 0)
        return -ENOBUFS;
    r = reader->is_writer_awaited ? await_writer(reader) : 0;
    if (r < 0)
        return r;
    got = raw_transfer(reader->fd, &reader->format, tt_frame_data(frame), false);
    if (got < 0)
        return (int)got;
    if (got < (int64_t)raw_bytes(&reader->format)) {
        reader->is_ended = true;
        if (got > 0 && reader->host->note)
            (void)reader->host->note(reader->host->ctx, NOTE_SHORT, got);
        return end(frame);
    }
    frame->index = reader->index;
    frame->origin_ns = tt_index_ns(reader->index, reader->format.rate);
    frame->duration_ns = tt_index_ns(reader->index + 1, reader->format.rate) - frame->origin_ns;
    frame->bytes = reader->frame_bytes;
    frame->flags = 0;
    reader->index++;
    return TT_DONE;
}

static void finish(void *state)
{
    struct raw_reader *reader = state;

    if (reader->fd > STDIN_FILENO)
        (void)close(reader->fd);
    reader->fd = -1;
}

static const struct tt_edge edge = {.probe = probe, .step = step};

const struct tt_component tt_component_raw_read = {
    .abi = TT_ABI,
    .size = sizeof(struct tt_component),
    .flags = TT_EDGE,
    .version = 1,
    .name = "raw.read",
    .help = "reads raw pictures or samples, without a header, from a file, a FIFO or - (stdin)",
    .example = "tactus run raw.read url=/dev/zero width=320 height=180 rate=25 ! null --for 1s",
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
