/* A camera for tests, put between tactus-host and the C library: what opens a file whose name
 * begins with "camera" gets a V4L2 capture device that behaves as the kernel documents it
 * (streaming by mapped buffers). The file says which: "FOURCC WIDTH HEIGHT RATE BREAK GONE BYTES
 * BYTES". A picture is counted and dropped while no buffer is queued, pictures BREAK to BREAK + 3
 * are lost in the device, and with picture GONE it is unplugged.
 *
 * Picture n holds, at each byte k of its memory, (7 k + 13 n) & 255, and n itself in the first
 * four; of MJPG it is one of the two that follow in the file, by turns. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { BUFFERS_MAX = 8, PAD = 32, LOST_ROW = 3, CODED_MAX = 1 << 16 };

static struct camera {
    int fd; /* a timer, so that it can be polled */
    uint32_t fourcc, width, height, rate, break_at, gone_at;
    uint32_t pitch, bytes;
    uint8_t *coded[2];
    uint32_t coded_bytes[2];
    int memory; /* of all buffers */
    uint8_t *mapped;
    uint32_t buffer_count;
    bool is_queued[BUFFERS_MAX], is_streaming;
    struct v4l2_buffer done[BUFFERS_MAX];
    uint32_t done_count, sequence;
    struct timespec first;
} camera = {.fd = -1, .memory = -1};

/* The rest of its file is two JPEG pictures. */
static void read_pictures(FILE *file)
{
    for (int n = 0; n < 2; n++) {
        camera.coded[n] = malloc(CODED_MAX);
        if (!camera.coded[n] || camera.coded_bytes[n] > CODED_MAX ||
            fread(camera.coded[n], 1, camera.coded_bytes[n], file) != camera.coded_bytes[n])
            abort();
    }
}

static int open_camera(const char *path)
{
    char fourcc[5];
    FILE *file = fopen(path, "r");

    if (!file)
        return -1;
    if (camera.fd >= 0) { /* one program at a time */
        (void)fclose(file);
        errno = EBUSY;
        return -1;
    }
    camera = (struct camera){.fd = -1, .memory = -1};
    if (fscanf(file, "%4s %u %u %u %u %u %u %u", fourcc, &camera.width, &camera.height,
               &camera.rate, &camera.break_at, &camera.gone_at, &camera.coded_bytes[0],
               &camera.coded_bytes[1]) != 8 ||
        fgetc(file) != '\n')
        abort();
    memcpy(&camera.fourcc, fourcc, 4);
    read_pictures(file);
    (void)fclose(file);
    camera.pitch = camera.fourcc == V4L2_PIX_FMT_YUYV ? 2 * camera.width + PAD : camera.width + PAD;
    camera.bytes = camera.pitch * camera.height;
    if (camera.fourcc != V4L2_PIX_FMT_YUYV)
        camera.bytes += camera.bytes / 2;
    if (camera.fourcc == V4L2_PIX_FMT_MJPEG)
        camera.bytes = CODED_MAX;
    return camera.fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
}

static int fail(int error)
{
    errno = error;
    return -1;
}

static int set_format(struct v4l2_format *format)
{
    if (format->type != V4L2_BUF_TYPE_VIDEO_CAPTURE)
        return fail(EINVAL);
    if (camera.buffer_count > 0)
        return fail(EBUSY);
    format->fmt.pix = (struct v4l2_pix_format){.width = camera.width,
                                               .height = camera.height,
                                               .pixelformat = camera.fourcc,
                                               .field = V4L2_FIELD_NONE,
                                               .bytesperline = camera.pitch,
                                               .sizeimage = camera.bytes};
    return 0;
}

static uint32_t slot_bytes(void)
{
    return (camera.bytes + 4095) / 4096 * 4096;
}

static int request_buffers(struct v4l2_requestbuffers *wanted)
{
    if (wanted->type != V4L2_BUF_TYPE_VIDEO_CAPTURE || wanted->memory != V4L2_MEMORY_MMAP)
        return fail(EINVAL);
    camera.buffer_count = wanted->count < 2             ? 2
                          : wanted->count > BUFFERS_MAX ? BUFFERS_MAX
                                                        : wanted->count;
    wanted->count = camera.buffer_count;
    camera.memory = memfd_create("camera", MFD_CLOEXEC);
    if (camera.memory < 0 || ftruncate(camera.memory, (off_t)BUFFERS_MAX * slot_bytes()) < 0)
        abort();
    camera.mapped = mmap(NULL, (size_t)BUFFERS_MAX * slot_bytes(), PROT_READ | PROT_WRITE,
                         MAP_SHARED, camera.memory, 0);
    return camera.mapped == MAP_FAILED ? fail(ENOMEM) : 0;
}

static int queue(struct v4l2_buffer *buffer, bool is_query)
{
    if (buffer->index >= camera.buffer_count || (!is_query && camera.is_queued[buffer->index]))
        return fail(EINVAL);
    buffer->length = camera.bytes;
    buffer->m.offset = buffer->index * slot_bytes();
    if (!is_query)
        camera.is_queued[buffer->index] = true;
    return 0;
}

static void paint(uint32_t index, uint32_t sequence, uint32_t *ret_bytes)
{
    uint8_t *to = camera.mapped + (size_t)index * slot_bytes();

    if (camera.fourcc == V4L2_PIX_FMT_MJPEG) {
        *ret_bytes = camera.coded_bytes[sequence % 2];
        memcpy(to, camera.coded[sequence % 2], *ret_bytes);
        return;
    }
    for (uint32_t k = 0; k < camera.bytes; k++)
        to[k] = (uint8_t)(7 * k + 13 * sequence);
    for (uint32_t k = 0; k < 4; k++) /* every second byte: YUYV's luma */
        to[camera.fourcc == V4L2_PIX_FMT_YUYV ? 2 * k : k] = (uint8_t)(sequence >> (8 * k));
    *ret_bytes = camera.bytes;
}

/* One picture more: into the lowest free buffer, or nowhere. */
static void capture(void)
{
    uint32_t sequence = camera.sequence++;
    int64_t ns = camera.first.tv_nsec + (int64_t)sequence * 1000000000 / camera.rate;

    if (camera.break_at > 0 && sequence >= camera.break_at && sequence < camera.break_at + LOST_ROW)
        return;
    for (uint32_t n = 0; n < camera.buffer_count; n++) {
        struct v4l2_buffer *done = &camera.done[camera.done_count];

        if (!camera.is_queued[n])
            continue;
        camera.is_queued[n] = false;
        *done =
            (struct v4l2_buffer){.index = n,
                                 .type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
                                 .memory = V4L2_MEMORY_MMAP,
                                 .field = V4L2_FIELD_NONE,
                                 .sequence = sequence,
                                 .length = camera.bytes,
                                 .flags = V4L2_BUF_FLAG_DONE | V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC};
        done->timestamp.tv_sec = camera.first.tv_sec + ns / 1000000000;
        done->timestamp.tv_usec = ns % 1000000000 / 1000;
        paint(n, sequence, &done->bytesused);
        camera.done_count++;
        return;
    }
}

static bool is_gone(void)
{
    return camera.gone_at > 0 && camera.sequence > camera.gone_at;
}

static int dequeue(struct v4l2_buffer *ret)
{
    uint64_t passed = 0;

    if (!camera.is_streaming)
        return fail(EINVAL);
    if (camera.done_count == 0) {
        if (read(camera.fd, &passed, sizeof(passed)) != sizeof(passed))
            return fail(EAGAIN);
        for (; passed > 0 && !is_gone(); passed--)
            capture();
    }
    if (camera.done_count == 0)
        return fail(is_gone() ? ENODEV : EAGAIN);
    *ret = camera.done[0];
    memmove(&camera.done[0], &camera.done[1], --camera.done_count * sizeof(camera.done[0]));
    return 0;
}

static int stream(bool is_on)
{
    struct itimerspec pace = {.it_interval.tv_nsec = 1000000000 / camera.rate};

    if (camera.buffer_count == 0)
        return fail(EINVAL);
    camera.is_streaming = is_on;
    (void)clock_gettime(CLOCK_MONOTONIC, &camera.first);
    pace.it_value = pace.it_interval;
    return timerfd_settime(camera.fd, 0, is_on ? &pace : &(struct itimerspec){0}, NULL);
}

static int control(unsigned long request, void *argument)
{
    struct v4l2_capability *about = argument;
    struct v4l2_streamparm *parm = argument;

    switch (request) {
    case VIDIOC_QUERYCAP:
        about->capabilities = V4L2_CAP_DEVICE_CAPS | V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
        about->device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
        return 0;
    case VIDIOC_S_FMT:
        return set_format(argument);
    case VIDIOC_S_PARM:
        parm->parm.capture.timeperframe = (struct v4l2_fract){1, camera.rate};
        return 0;
    case VIDIOC_REQBUFS:
        return request_buffers(argument);
    case VIDIOC_QUERYBUF:
        return queue(argument, true);
    case VIDIOC_QBUF:
        return queue(argument, false);
    case VIDIOC_DQBUF:
        return dequeue(argument);
    case VIDIOC_STREAMON:
    case VIDIOC_STREAMOFF:
        return stream(request == VIDIOC_STREAMON);
    default:
        return fail(ENOTTY);
    }
}

static bool is_camera(const char *path)
{
    const char *name = strrchr(path, '/');

    return name && strncmp(name + 1, "camera", 6) == 0 && !strchr(name, '.');
}

/* The names that a program has with file offsets of 64 bits. */
int open64(const char *path, int flags, ...)
{
    int (*real)(const char *, int, ...) =
        (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open64");
    va_list args;
    mode_t mode;

    va_start(args, flags);
    mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
    va_end(args);
    /* Only a driver's user opens it without waiting; the jail's own opens are of its file. */
    return is_camera(path) && (flags & O_NONBLOCK) && !(flags & O_PATH) ? open_camera(path)
                                                                        : real(path, flags, mode);
}

int ioctl(int fd, unsigned long request, ...)
{
    int (*real)(int, unsigned long, void *) =
        (int (*)(int, unsigned long, void *))dlsym(RTLD_NEXT, "ioctl");
    va_list args;
    void *argument;

    va_start(args, request);
    argument = va_arg(args, void *);
    va_end(args);
    return fd >= 0 && fd == camera.fd ? control(request, argument) : real(fd, request, argument);
}

void *mmap64(void *at, size_t bytes, int protection, int flags, int fd, off64_t offset)
{
    void *(*real)(void *, size_t, int, int, int, off64_t) =
        (void *(*)(void *, size_t, int, int, int, off64_t))dlsym(RTLD_NEXT, "mmap64");

    return real(at, bytes, protection, flags, fd >= 0 && fd == camera.fd ? camera.memory : fd,
                offset);
}

int close(int fd)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "close");

    if (fd >= 0 && fd == camera.fd)
        camera.fd = -1;
    return real(fd);
}
