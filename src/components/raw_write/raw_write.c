/* Writes frames without any header to a file, a FIFO or standard output. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "components/raw_read/raw.h"
#include "tactus/error.h"

enum { PARAM_URL, PARAM_COUNT };
enum {
    NOTE_DISCARDED = 13, /* value: frames taken but not written */
    NOTE_RENAMED = 15,   /* value: N of NAME.N.EXT */
    NAMES_MAX = 10000
};

struct raw_writer {
    int fd;
    bool is_failed;
    uint64_t discarded_count;
    int64_t renamed;
    struct tt_format format;
    const struct tt_host *host;
};

static const struct tt_format formats[] = {
    {.size = sizeof(struct tt_format), .kind = TT_VIDEO, .fourcc = TT_I420},
    {.size = sizeof(struct tt_format), .kind = TT_VIDEO, .fourcc = TT_NV12},
    {.size = sizeof(struct tt_format), .kind = TT_VIDEO, .fourcc = TT_RGBA},
    {.size = sizeof(struct tt_format), .kind = TT_AUDIO, .fourcc = TT_F32P},
    {.size = sizeof(struct tt_format), .kind = TT_AUDIO, .fourcc = TT_S16},
};

static const struct tt_port ports[] = {
    {.name = "in",
     .accepts = formats,
     .accept_count = sizeof(formats) / sizeof(formats[0]),
     .late_policies = TT_LATE_KEEP | TT_LATE_DROP,
     .late_default = TT_LATE_KEEP,
     .is_leader = 1,
     .in_place_of = -1},
};

static const struct tt_param params[PARAM_COUNT] = {
    {.name = "url", .help = "file or FIFO; - is standard output", .type = TT_PARAM_TEXT},
};

static int shape(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    if (raw_bytes(&request->in[0]) == 0)
        return tt_fail(err, -EINVAL, "raw.write takes I420, NV12, RGBA, F32P and S16");
    ret->state_bytes = sizeof(struct raw_writer);
    return 0;
}

/* NAME.1.EXT, NAME.2.EXT and so on, the first that is free. */
static int open_beside(const char *url, int64_t *ret_number)
{
    const char *slash = strrchr(url, '/');
    const char *dot = strrchr(slash ? slash : url, '.');
    int stem = (int)(dot && dot != url ? dot - url : (long)strlen(url));
    char name[4096];

    for (int n = 1; n < NAMES_MAX; n++) {
        int fd;

        (void)tt_format_text(name, sizeof(name), "%.*s.%d%s", stem, url, n, url + stem);
        fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        *ret_number = n;
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
    return -1;
}

static int init(void *state, const struct tt_request *request, struct tt_error *err)
{
    const char *url = tt_setting_text(request, PARAM_URL);
    struct raw_writer *writer = state;
    struct stat existing;

    /* A reader that goes away is an ordinary end, told by EPIPE. */
    (void)signal(SIGPIPE, SIG_IGN);
    writer->format = request->in[0];
    if (strcmp(url, "-") == 0)
        writer->fd = STDOUT_FILENO;
    else if (request->resume_ns > 0 && stat(url, &existing) == 0 && S_ISREG(existing.st_mode))
        writer->fd = open_beside(url, &writer->renamed);
    else
        writer->fd = open(url, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (writer->fd < 0)
        return tt_fail(err, -errno, "raw.write: cannot write '%s': %s", url, strerror(errno));
    return 0;
}

static int start(void *state, void *scratch, const struct tt_host *host,
                 const struct tt_request *request)
{
    struct raw_writer *writer = state;

    (void)scratch, (void)request;
    writer->host = host;
    if (writer->renamed > 0 && host->note)
        (void)host->note(host->ctx, NOTE_RENAMED, writer->renamed);
    return 0;
}

static void note(const struct raw_writer *writer, uint32_t id, int64_t value)
{
    if (writer->host->note)
        (void)writer->host->note(writer->host->ctx, id, value);
}

/* What was taken but not written is told by bytes = 0 on return: it was not sent. */
static int step(void *state, struct tt_call *call)
{
    struct raw_writer *writer = state;
    struct tt_frame *frame = tt_call_in(call, 0);
    int64_t r;

    if (frame->data == 0 || frame->bytes == 0)
        return TT_DONE;
    if (writer->is_failed) {
        note(writer, NOTE_DISCARDED, (int64_t)++writer->discarded_count);
        frame->bytes = 0;
        return TT_DONE;
    }
    r = raw_transfer(writer->fd, &writer->format, tt_frame_data(frame), true);
    if (r == (int64_t)raw_bytes(&writer->format))
        return TT_DONE;
    /* A full disk or a reader that left ends the writing, not the service. */
    writer->is_failed = true;
    note(writer, TT_NOTE_WRITE_FAILED, r < 0 ? -r : EIO);
    note(writer, NOTE_DISCARDED, (int64_t)++writer->discarded_count);
    frame->bytes = 0;
    return TT_DONE;
}

static void finish(void *state)
{
    struct raw_writer *writer = state;

    if (writer->fd > STDERR_FILENO)
        (void)close(writer->fd);
    writer->fd = -1;
}

static const struct tt_edge edge = {.step = step};

const struct tt_component tt_component_raw_write = {
    .abi = TT_ABI,
    .size = sizeof(struct tt_component),
    .flags = TT_EDGE | TT_SEPARATE,
    .version = 1,
    .name = "raw.write",
    .help = "writes raw pictures or samples, without a header, to a file, a FIFO or - (stdout)",
    .example = "tactus run test.video width=320 height=180 ! raw.write url=/dev/null --for 1s",
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
