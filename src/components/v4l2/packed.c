/* From a camera's memory to ours, and from its clock to the service's indices. */
#include "components/v4l2/packed.h"

#include <string.h>

static uint8_t *line_of(const struct tt_format *format, tt_addr data, uint32_t plane, uint32_t y)
{
    return tt_plane(format, data, plane) + (uint64_t)y * format->stride[plane];
}

void v4l2_from_yuyv(const struct tt_format *format, tt_addr to, const uint8_t *from, uint32_t pitch)
{
    for (uint32_t y = 0; y < format->height; y++) {
        const uint8_t *line = from + (uint64_t)y * pitch;
        uint8_t *luma = line_of(format, to, 0, y);

        for (uint32_t x = 0; x < format->width; x++)
            luma[x] = line[2 * x];
    }
    for (uint32_t y = 0; y < format->height / 2; y++) {
        const uint8_t *upper = from + (uint64_t)(2 * y) * pitch, *lower = upper + pitch;
        uint8_t *u = line_of(format, to, 1, y), *v = line_of(format, to, 2, y);

        for (uint32_t x = 0; x < format->width / 2; x++) {
            u[x] = (uint8_t)((upper[4 * x + 1] + lower[4 * x + 1] + 1) / 2);
            v[x] = (uint8_t)((upper[4 * x + 3] + lower[4 * x + 3] + 1) / 2);
        }
    }
}

void v4l2_from_nv12(const struct tt_format *format, tt_addr to, const uint8_t *from, uint32_t pitch)
{
    for (uint32_t y = 0; y < format->height; y++, from += pitch)
        memcpy(line_of(format, to, 0, y), from, format->width);
    for (uint32_t y = 0; y < format->height / 2; y++, from += pitch) {
        uint8_t *u = line_of(format, to, 1, y), *v = line_of(format, to, 2, y);

        for (uint32_t x = 0; x < format->width / 2; x++) {
            u[x] = from[2 * x];
            v[x] = from[2 * x + 1];
        }
    }
}

void v4l2_from_i420(const struct tt_format *format, tt_addr to, const uint8_t *from, uint32_t pitch)
{
    for (uint32_t plane = 0; plane < 3; plane++) {
        uint32_t part = plane == 0 ? 1 : 2;

        for (uint32_t y = 0; y < format->height / part; y++) {
            memcpy(line_of(format, to, plane, y), from, format->width / part);
            from += pitch / part;
        }
    }
}

int64_t v4l2_index(int64_t media_ns, int64_t last, struct tt_rational rate)
{
    int64_t period_ns = tt_index_ns(1, rate), off_ns = media_ns - tt_index_ns(last + 1, rate);

    if (off_ns < -period_ns / 2)
        return -1;
    if (off_ns < period_ns + period_ns / 2)
        return last + 1;
    return tt_ns_index(media_ns, rate);
}
