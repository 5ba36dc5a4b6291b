/* v4l2: a camera or a capture card, its pictures at the instants that the kernel stamped them. */
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "components/lib/settings.h"
#include "components/v4l2/packed.h"
#include "tactus/error.h"

enum { PARAM_URL, PARAM_WIDTH, PARAM_HEIGHT, PARAM_LIVE, PARAM_COUNT };
enum {
    NOTE_DISCARDED = 13, /* value: pictures that came before their turn */
    BUFFERS = 4,
    CODED_BYTES_MAX = 64 << 20
};

#define FOURCC_MJPG TT_FOURCC('M', 'J', 'P', 'G')

#define SECOND_NS INT64_C(1000000000)

struct camera {
    int fd;
    bool is_streaming;
    uint32_t fourcc, pitch; /* as the driver gives them */
    struct tt_format format;
    uint32_t bytes;
    int64_t last, discarded_count;
    int64_t taken_ns; /* media time of the last picture, by the kernel's stamp */
    struct {
        void *data;
        size_t bytes;
    } buffers[BUFFERS];
    uint32_t buffer_count;
    const struct tt_host *host;
};

static const struct tt_format gives[] = {{.kind = TT_VIDEO, .fourcc = TT_I420},
                                         {.kind = TT_CODED_VIDEO, .fourcc = FOURCC_MJPG}};

static const struct tt_port ports[] = {
    {.name = "out", .accepts = gives, .accept_count = 2, .is_output = 1, .in_place_of = -1},
};

static const struct tt_param params[PARAM_COUNT] = {
    [PARAM_URL] = {.name = "url",
                   .help = "the device",
                   .initial = "/dev/video0",
                   .type = TT_PARAM_TEXT},
    [PARAM_WIDTH] = {.name = "width",
                     .unit = "pixels",
                     .help = "wanted width; the device takes the nearest that it has",
                     .initial = "1280",
                     .type = TT_PARAM_INT,
                     .min = 16,
                     .max = TT_SIZE_MAX},
    [PARAM_HEIGHT] = {.name = "height",
                      .unit = "pixels",
                      .help = "wanted height",
                      .initial = "720",
                      .type = TT_PARAM_INT,
                      .min = 16,
                      .max = TT_SIZE_MAX},
    [PARAM_LIVE] = {.name = "live",
                    .help = "a camera is",
                    .initial = "true",
                    .type = TT_PARAM_BOOL},
};

static int control(int fd, unsigned long request, void *argument)
{
    int r;

    do
        r = ioctl(fd, request, argument);
    while (r < 0 && errno == EINTR);
    return r < 0 ? -errno : 0;
}

static int open_device(const char *url, int *ret, struct tt_error *err)
{
    struct v4l2_capability about = {0};
    uint32_t abilities;
    int fd = open(url, O_RDWR | O_NONBLOCK | O_CLOEXEC), r;

    if (fd < 0 && (errno == EACCES || errno == EROFS)) /* reading is enough for most drivers */
        fd = open(url, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return tt_fail(err, -errno, "v4l2: cannot open '%s': %s%s", url, strerror(errno),
                       errno == EACCES ? "; is the user in the group video?" : "");
    r = control(fd, VIDIOC_QUERYCAP, &about);
    abilities = about.capabilities & V4L2_CAP_DEVICE_CAPS ? about.device_caps : about.capabilities;
    if (r < 0 || !(abilities & V4L2_CAP_VIDEO_CAPTURE) || !(abilities & V4L2_CAP_STREAMING)) {
        (void)close(fd);
        return tt_fail(err, -ENODEV, "v4l2: '%s' is no device that captures pictures%s%s", url,
                       r < 0 ? ": " : "", r < 0 ? strerror(-r) : "");
    }
    *ret = fd;
    return 0;
}

/* The formats that are read, the cheapest first. A camera that has none of the raw ones gives
 * single JPEG pictures, for av.decode. */
static int set_format(int fd, const struct tt_request *request, struct v4l2_format *ret,
                      struct tt_error *err)
{
    static const uint32_t wanted[] = {V4L2_PIX_FMT_YUV420, V4L2_PIX_FMT_NV12, V4L2_PIX_FMT_YUYV,
                                      V4L2_PIX_FMT_MJPEG};
    const char *url = tt_setting_text(request, PARAM_URL);
    int r = -EINVAL;

    for (size_t n = 0; n < sizeof(wanted) / sizeof(wanted[0]); n++) {
        *ret = (struct v4l2_format){.type = V4L2_BUF_TYPE_VIDEO_CAPTURE};
        ret->fmt.pix.width = (uint32_t)tt_setting_int(request, PARAM_WIDTH);
        ret->fmt.pix.height = (uint32_t)tt_setting_int(request, PARAM_HEIGHT);
        ret->fmt.pix.pixelformat = wanted[n];
        ret->fmt.pix.field = V4L2_FIELD_NONE;
        r = control(fd, VIDIOC_S_FMT, ret);
        if (r == -EBUSY)
            return tt_fail(err, r, "v4l2: '%s' is in use by another program", url);
        if (r == 0 && ret->fmt.pix.pixelformat == wanted[n])
            return 0;
    }
    return tt_fail(err, r < 0 ? r : -ENOTSUP,
                   "v4l2: '%s' gives none of I420, NV12, YUYV and MJPG, which are read here", url);
}

/* The device's rate when it tells one, asked for that of the service first. */
static struct tt_rational set_rate(int fd, struct tt_rational wanted)
{
    struct v4l2_streamparm parm = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE};

    parm.parm.capture.timeperframe =
        (struct v4l2_fract){(uint32_t)wanted.den, (uint32_t)wanted.num};
    if (control(fd, VIDIOC_S_PARM, &parm) < 0 || parm.parm.capture.timeperframe.numerator == 0 ||
        parm.parm.capture.timeperframe.denominator == 0)
        return wanted;
    return (struct tt_rational){parm.parm.capture.timeperframe.denominator,
                                parm.parm.capture.timeperframe.numerator};
}

static int negotiate_coded(const struct v4l2_format *device, struct tt_format *ret,
                           uint32_t *ret_bytes, const char *url, struct tt_error *err)
{
    ret->kind = TT_CODED_VIDEO;
    ret->fourcc = FOURCC_MJPG;
    ret->width = device->fmt.pix.width;
    ret->height = device->fmt.pix.height;
    ret->field_order = TT_PROGRESSIVE;
    *ret_bytes = device->fmt.pix.sizeimage;
    if (*ret_bytes == 0 || *ret_bytes > CODED_BYTES_MAX)
        return tt_fail(err, -ENOTSUP, "v4l2: '%s' does not say how large its pictures become", url);
    return 0;
}

static int negotiate(int fd, const struct tt_request *request, struct tt_format *ret,
                     struct v4l2_format *device, uint32_t *ret_bytes, struct tt_error *err)
{
    int r = set_format(fd, request, device, err);

    if (r < 0)
        return r;
    ret->rate = set_rate(fd, component_rate(request));
    if (device->fmt.pix.pixelformat == V4L2_PIX_FMT_MJPEG)
        return negotiate_coded(device, ret, ret_bytes, tt_setting_text(request, PARAM_URL), err);
    ret->kind = TT_VIDEO;
    *ret_bytes = tt_format_video(ret, TT_I420, device->fmt.pix.width, device->fmt.pix.height);
    if (*ret_bytes == 0 || device->fmt.pix.bytesperline < device->fmt.pix.width)
        return tt_fail(err, -ENOTSUP, "v4l2: '%s' gives %ux%u, which is not even",
                       tt_setting_text(request, PARAM_URL), device->fmt.pix.width,
                       device->fmt.pix.height);
    return 0;
}

static int probe(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    struct v4l2_format device;
    int fd, r = open_device(tt_setting_text(request, PARAM_URL), &fd, err);

    if (r < 0)
        return r;
    r = negotiate(fd, request, &ret->out[0], &device, &ret->bytes_max[0], err);
    (void)close(fd);
    ret->state_bytes = sizeof(struct camera);
    /* Its pictures are taken anywhere between two places of the grid, and stand at the earlier. */
    ret->latency_ns = r < 0 ? 0 : tt_index_ns(1, ret->out[0].rate);
    return r;
}

static int map_buffers(struct camera *camera, struct tt_error *err)
{
    struct v4l2_requestbuffers wanted = {
        .count = BUFFERS, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP};
    int r = control(camera->fd, VIDIOC_REQBUFS, &wanted);

    if (r < 0)
        return tt_fail(err, r, "v4l2: the device gives no buffers: %s", strerror(-r));
    camera->buffer_count = wanted.count < BUFFERS ? wanted.count : BUFFERS;
    for (uint32_t n = 0; n < camera->buffer_count; n++) {
        struct v4l2_buffer buffer = {
            .index = n, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP};
        void *data;

        r = control(camera->fd, VIDIOC_QUERYBUF, &buffer);
        data = r < 0
                   ? MAP_FAILED
                   : mmap(NULL, buffer.length, PROT_READ, MAP_SHARED, camera->fd, buffer.m.offset);
        if (data == MAP_FAILED)
            return tt_fail(err, r < 0 ? r : -errno, "v4l2: a buffer cannot be mapped: %s",
                           strerror(r < 0 ? -r : errno));
        camera->buffers[n].data = data;
        camera->buffers[n].bytes = buffer.length;
        r = control(camera->fd, VIDIOC_QBUF, &buffer);
        if (r < 0)
            return tt_fail(err, r, "v4l2: a buffer is refused: %s", strerror(-r));
    }
    return 0;
}

static int init(void *state, const struct tt_request *request, struct tt_error *err)
{
    int type = V4L2_BUF_TYPE_VIDEO_CAPTURE, r;
    struct camera *camera = state;
    struct v4l2_format device;

    camera->fd = -1;
    camera->last = tt_ns_index(request->resume_ns, component_rate(request)) - 1;
    r = open_device(tt_setting_text(request, PARAM_URL), &camera->fd, err);
    if (r == 0)
        r = negotiate(camera->fd, request, &camera->format, &device, &camera->bytes, err);
    if (r < 0)
        return r;
    camera->fourcc = device.fmt.pix.pixelformat;
    camera->pitch = device.fmt.pix.bytesperline;
    r = map_buffers(camera, err);
    if (r < 0)
        return r;
    r = control(camera->fd, VIDIOC_STREAMON, &type);
    camera->is_streaming = r == 0;
    return r < 0 ? tt_fail(err, r, "v4l2: the device does not begin: %s", strerror(-r)) : 0;
}

static int start(void *state, void *scratch, const struct tt_host *host,
                 const struct tt_request *request)
{
    struct camera *camera = state;

    camera->host = host;
    return 0;
}

static int64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * SECOND_NS + now.tv_nsec;
}

/* When it was taken: the kernel's stamp, or this instant from a driver whose clock is another. */
static int64_t taken_ns(const struct v4l2_buffer *buffer, int64_t media_ns)
{
    int64_t at_ns = buffer->timestamp.tv_sec * SECOND_NS + buffer->timestamp.tv_usec * 1000;
    int64_t age_ns = now_ns() - at_ns;

    if ((buffer->flags & V4L2_BUF_FLAG_TIMESTAMP_MASK) != V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC ||
        age_ns < 0 || age_ns > SECOND_NS)
        return media_ns;
    return media_ns - age_ns;
}

static void copy(const struct camera *camera, const struct v4l2_buffer *buffer,
                 struct tt_frame *out)
{
    const uint8_t *from = camera->buffers[buffer->index].data;

    out->bytes = camera->bytes;
    out->flags |= TT_KEY;
    if (camera->fourcc == V4L2_PIX_FMT_MJPEG) {
        out->bytes = buffer->bytesused;
        memcpy(tt_frame_data(out), from, buffer->bytesused);
    } else if (camera->fourcc == V4L2_PIX_FMT_YUYV)
        v4l2_from_yuyv(&camera->format, out->data, from, camera->pitch);
    else if (camera->fourcc == V4L2_PIX_FMT_NV12)
        v4l2_from_nv12(&camera->format, out->data, from, camera->pitch);
    else
        v4l2_from_i420(&camera->format, out->data, from, camera->pitch);
}

static bool is_whole(const struct camera *camera, const struct v4l2_buffer *buffer)
{
    uint64_t lines = (uint64_t)camera->format.height * camera->pitch;
    uint64_t wanted = camera->fourcc == V4L2_PIX_FMT_YUYV ? lines : lines * 3 / 2;

    if (buffer->index >= camera->buffer_count || (buffer->flags & V4L2_BUF_FLAG_ERROR))
        return false;
    if (camera->fourcc == V4L2_PIX_FMT_MJPEG)
        return buffer->bytesused > 0 && buffer->bytesused <= camera->bytes &&
               buffer->bytesused <= camera->buffers[buffer->index].bytes;
    return buffer->bytesused >= wanted && camera->buffers[buffer->index].bytes >= wanted;
}

static int step(void *state, struct tt_call *call)
{
    struct v4l2_buffer buffer = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP};
    struct tt_frame *out = tt_call_out(call, 0);
    struct camera *camera = state;
    int64_t media_ns, index;
    int r = control(camera->fd, VIDIOC_DQBUF, &buffer);

    out->bytes = 0;
    if (r == -EAGAIN)
        return -EAGAIN;
    if (r < 0) { /* unplugged: it ends here, in order */
        (void)camera->host->note(camera->host->ctx, TT_NOTE_READ_ENDED, -r);
        out->flags = TT_END;
        out->origin_ns = tt_index_ns(camera->last + 1, camera->format.rate);
        return TT_DONE;
    }
    media_ns = taken_ns(&buffer, call->media_ns);
    index = v4l2_index(media_ns, camera->last, camera->format.rate);
    if (index < 0)
        (void)camera->host->note(camera->host->ctx, NOTE_DISCARDED, ++camera->discarded_count);
    else if (out->data != 0 && out->capacity >= camera->bytes && is_whole(camera, &buffer)) {
        copy(camera, &buffer, out);
        out->index = camera->last = index;
        out->origin_ns = tt_index_ns(index, camera->format.rate);
        camera->taken_ns = media_ns;
        out->duration_ns = tt_index_ns(1, camera->format.rate);
    }
    (void)control(camera->fd, VIDIOC_QBUF, &buffer);
    return TT_DONE;
}

static int fds(void *state, int *ret, uint32_t max)
{
    const struct camera *camera = state;

    if (max == 0)
        return 0;
    ret[0] = camera->fd;
    return 1;
}

static void finish(void *state)
{
    int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    struct camera *camera = state;

    if (camera->is_streaming)
        (void)control(camera->fd, VIDIOC_STREAMOFF, &type);
    for (uint32_t n = 0; n < BUFFERS; n++)
        if (camera->buffers[n].data)
            (void)munmap(camera->buffers[n].data, camera->buffers[n].bytes);
    if (camera->fd >= 0)
        (void)close(camera->fd);
    camera->fd = -1;
}

static int64_t received(const void *state, uint32_t output)
{
    return ((const struct camera *)state)->taken_ns;
}

static const struct tt_edge edge = {.probe = probe, .fds = fds, .step = step, .received = received};

const struct tt_component tt_component_v4l2 = {
    .abi = TT_ABI,
    .size = sizeof(struct tt_component),
    .flags = TT_EDGE,
    .version = 1,
    .name = "v4l2",
    .help = "a camera or capture card, its pictures at the instants that the kernel stamped",
    .example = "tactus run v4l2 url=/dev/video0 width=1280 height=720 ! null --for 2s",
    .ports = ports,
    .params = params,
    .port_count = 1,
    .param_count = PARAM_COUNT,
    .level_count = 1,
    .shape = probe,
    .init = init,
    .open = start,
    .close = finish,
    .edge = &edge,
};
