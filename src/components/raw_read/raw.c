/* Moves frames row by row between memory with strides and descriptors without. */
#include "components/raw_read/raw.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "tactus/error.h"

uint32_t raw_fourcc(int64_t choice)
{
    const char *at = RAW_FORMATS;
    char name[16];

    for (; choice > 0 && at; choice--) {
        at = strchr(at, '|');
        at = at ? at + 1 : NULL;
    }
    if (!at)
        return 0;
    (void)tt_format_text(name, sizeof(name), "%.*s", (int)strcspn(at, "|"), at);
    return tt_fourcc_find(name);
}

struct part {
    uint32_t row_bytes, rows;
};

/* Audio is one part: planes or interleaved samples as they lie, channel after channel. */
static uint32_t parts_of(const struct tt_format *format, struct part ret[4])
{
    uint32_t samples;

    switch (format->fourcc) {
    case TT_I420:
        ret[0] = (struct part){format->width, format->height};
        ret[1] = ret[2] = (struct part){format->width / 2, format->height / 2};
        return 3;
    case TT_NV12:
        ret[0] = (struct part){format->width, format->height};
        ret[1] = (struct part){format->width, format->height / 2};
        return 2;
    case TT_RGBA:
        ret[0] = (struct part){format->width * 4, format->height};
        return 1;
    case TT_F32P:
        ret[0] = (struct part){tt_format_samples(format) * 4, format->channels};
        return 1;
    case TT_S16:
        samples = tt_format_samples(format);
        ret[0] = (struct part){samples * format->channels * 2, 1};
        return 1;
    default:
        return 0;
    }
}

uint64_t raw_bytes(const struct tt_format *format)
{
    struct part parts[4] = {{0}};
    uint32_t count = parts_of(format, parts);
    uint64_t bytes = 0;

    for (uint32_t n = 0; n < count; n++)
        bytes += (uint64_t)parts[n].row_bytes * parts[n].rows;
    return bytes;
}

/* Descriptors that somebody else made non-blocking are waited for. */
static int64_t move_bytes(int fd, uint8_t *data, uint64_t bytes, bool is_write)
{
    uint64_t moved = 0;

    while (moved < bytes) {
        ssize_t r = is_write ? write(fd, data + moved, bytes - moved)
                             : read(fd, data + moved, bytes - moved);

        if (r == 0)
            break;
        if (r > 0) {
            moved += (uint64_t)r;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            struct pollfd wait = {.fd = fd, .events = is_write ? POLLOUT : POLLIN};

            (void)poll(&wait, 1, 1000);
        } else if (errno != EINTR) {
            return -errno;
        }
    }
    return (int64_t)moved;
}

int64_t raw_transfer(int fd, const struct tt_format *format, uint8_t *data, bool is_write)
{
    struct part parts[4] = {{0}};
    uint32_t count = parts_of(format, parts);
    int64_t total = 0;

    for (uint32_t n = 0; n < count; n++) {
        uint8_t *row = data + format->plane_offset[n];
        uint32_t stride = format->stride[n], rows = parts[n].rows, bytes = parts[n].row_bytes;

        /* Rows without padding between them go in one piece. */
        if (stride == bytes) {
            bytes *= rows;
            rows = 1;
        }
        for (uint32_t y = 0; y < rows; y++, row += stride) {
            int64_t r = move_bytes(fd, row, bytes, is_write);

            if (r < 0)
                return r;
            total += r;
            if (r < (int64_t)bytes)
                return total;
        }
    }
    return total;
}
