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

static int shape(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    int r = raw_shape(request, ret, err);

    ret->state_bytes = sizeof(struct raw_reader);
    return r;
}

static int probe(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    const char *url = tt_setting_text(request, RAW_URL);

    /* A FIFO is not opened to look at it: that would wait for, or disturb, its writer. */
    if (strcmp(url, "-") != 0 && access(url, R_OK) != 0)
        return tt_fail(err, -errno, "raw.read: cannot read '%s': %s", url, strerror(errno));
    return shape(request, ret, err);
}

static int init(void *state, const struct tt_request *request, struct tt_error *err)
{
    const char *url = tt_setting_text(request, RAW_URL);
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
    .params = raw_read_params,
    .port_count = 1,
    .param_count = RAW_PARAM_COUNT,
    .level_count = 1,
    .shape = shape,
    .init = init,
    .open = start,
    .close = finish,
    .edge = &edge,
};
