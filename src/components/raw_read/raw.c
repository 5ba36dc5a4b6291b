/* Moves frames row by row between memory with strides and descriptors without. */
#include "components/raw_read/raw.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/uio.h>

#include "tactus/error.h"

enum { PIECES = 64 }; /* that go to the system at once */

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

static void wait_for(int fd, bool is_write)
{
    struct pollfd wait = {.fd = fd, .events = is_write ? POLLOUT : POLLIN};

    (void)poll(&wait, 1, 1000);
}

static void skip(struct iovec **pieces, uint32_t *count, uint64_t bytes)
{
    while (*count > 0 && bytes >= (*pieces)->iov_len) {
        bytes -= (*pieces)->iov_len;
        (*pieces)++;
        (*count)--;
    }
    if (*count == 0)
        return;
    (*pieces)->iov_base = (uint8_t *)(*pieces)->iov_base + bytes;
    (*pieces)->iov_len -= bytes;
}

/* Descriptors that somebody else made non-blocking are waited for. So is what a short read leaves:
 * a pipe's lock is held by who writes on into it, and read() would spin for it meanwhile. */
static int64_t move_pieces(int fd, struct iovec *pieces, uint32_t count, bool is_write)
{
    int64_t moved = 0;

    while (count > 0) {
        ssize_t r = is_write ? writev(fd, pieces, (int)count) : readv(fd, pieces, (int)count);

        if (r == 0)
            break;
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
            return -errno;
        if (r > 0) {
            skip(&pieces, &count, (uint64_t)r);
            moved += r;
        }
        if (r < 0 || (count > 0 && !is_write))
            wait_for(fd, is_write);
    }
    return moved;
}

/* Where the bytes of a frame lie, in their order. */
struct place {
    struct part parts[4];
    uint32_t part_count, part, row;
};

/* The next pieces, at most PIECES; rows without padding between them are one, so that the other end
 * of a pipe is woken once and not for each plane. */
static uint32_t next_pieces(struct place *place, const struct tt_format *format, uint8_t *data,
                            struct iovec pieces[PIECES])
{
    uint32_t count = 0;

    for (; place->part < place->part_count; place->part++, place->row = 0) {
        const struct part *part = &place->parts[place->part];
        uint32_t stride = format->stride[place->part];
        bool is_whole = stride == part->row_bytes;
        uint32_t rows = is_whole ? 1 : part->rows;

        for (; place->row < rows; place->row++) {
            if (count == PIECES)
                return count;
            pieces[count++] = (struct iovec){
                .iov_base = data + format->plane_offset[place->part] + (size_t)place->row * stride,
                .iov_len = (size_t)part->row_bytes * (is_whole ? part->rows : 1)};
        }
    }
    return count;
}

int64_t raw_transfer(int fd, const struct tt_format *format, uint8_t *data, bool is_write)
{
    struct place place = {0};
    struct iovec pieces[PIECES];
    int64_t total = 0, r, wanted;
    uint32_t count;

    place.part_count = parts_of(format, place.parts);
    while ((count = next_pieces(&place, format, data, pieces)) > 0) {
        wanted = 0;
        for (uint32_t n = 0; n < count; n++)
            wanted += (int64_t)pieces[n].iov_len;
        r = move_pieces(fd, pieces, count, is_write);
        if (r < 0)
            return r;
        total += r;
        if (r < wanted)
            return total;
    }
    return total;
}
