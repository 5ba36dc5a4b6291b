/* Names, codes and memory layouts of media formats. */
#include "tactus/format.h"

#include <stdbool.h>
#include <stddef.h>

#include "base/assert.h"

struct name {
    uint32_t fourcc;
    const char *gst, *ffmpeg;
};

static const struct name names[] = {
    {TT_I420, "I420", "yuv420p"}, {TT_NV12, "NV12", "nv12"},   {TT_RGBA, "RGBA", "rgba"},
    {TT_V210, "v210", "v210"},    {TT_V21A, "v210a", "v210a"}, {TT_F32P, "F32P", "fltp"},
    {TT_S16, "S16LE", "s16le"},   {TT_H264, "H264", "h264"},   {TT_HEVC, "H265", "hevc"},
    {TT_AAC, "AAC", "aac"},       {TT_OPUS, "OPUS", "opus"},   {TT_S16, "S16LE", "s16"},
    {TT_F32P, "F32P", "f32p"},    {TT_HEVC, "HEVC", "h265"},
};

enum { NAME_COUNT = sizeof(names) / sizeof(names[0]) };

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_same(const char *a, const char *b)
{
    while (*a != 0 && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return *a == 0 && *b == 0;
}

const char *tt_fourcc_name(uint32_t fourcc)
{
    for (uint32_t n = 0; n < NAME_COUNT; n++)
        if (names[n].fourcc == fourcc)
            return names[n].gst;
    return "?";
}

uint32_t tt_fourcc_find(const char *name)
{
    for (uint32_t n = 0; n < NAME_COUNT; n++)
        if (is_same(name, names[n].gst) || is_same(name, names[n].ffmpeg))
            return names[n].fourcc;
    return 0;
}

static uint32_t round_up(uint32_t value, uint32_t step)
{
    return (value + step - 1) / step * step;
}

struct plane {
    uint32_t row_bytes, rows;
};

static uint32_t planes_of(uint32_t fourcc, uint32_t width, uint32_t height, struct plane ret[4])
{
    switch (fourcc) {
    case TT_I420:
        ret[0] = (struct plane){width, height};
        ret[1] = ret[2] = (struct plane){width / 2, height / 2};
        return 3;
    case TT_NV12:
        ret[0] = (struct plane){width, height};
        ret[1] = (struct plane){width, height / 2};
        return 2;
    case TT_RGBA:
        ret[0] = (struct plane){width * 4, height};
        return 1;
    case TT_V21A: /* v210, then the 10-bit key packed three to a 32-bit word */
        ret[0] = (struct plane){(width + 47) / 48 * 128, height};
        ret[1] = (struct plane){(width + 2) / 3 * 4, height};
        return 2;
    case TT_V210:
        ret[0] = (struct plane){(width + 47) / 48 * 128, height};
        return 1;
    default:
        return 0;
    }
}

uint32_t tt_format_video(struct tt_format *format, uint32_t fourcc, uint32_t width, uint32_t height)
{
    struct plane planes[4] = {{0}};
    uint32_t count, bytes = 0;

    if (width == 0 || height == 0 || width > TT_SIZE_MAX || height > TT_SIZE_MAX)
        return 0;
    if ((fourcc == TT_I420 || fourcc == TT_NV12) && (width % 2 != 0 || height % 2 != 0))
        return 0;
    count = planes_of(fourcc, width, height, planes);
    if (count == 0)
        return 0;

    format->size = sizeof(*format);
    format->kind = TT_VIDEO;
    format->fourcc = fourcc;
    format->width = width;
    format->height = height;
    format->plane_count = count;
    for (uint32_t n = 0; n < 4; n++) {
        format->stride[n] = n < count ? round_up(planes[n].row_bytes, 64) : 0;
        format->plane_offset[n] = n < count ? bytes : 0;
        bytes += format->stride[n] * planes[n].rows;
    }
    return bytes;
}

uint32_t tt_format_audio(struct tt_format *format, uint32_t fourcc, uint32_t sample_rate,
                         uint32_t channels, uint32_t samples)
{
    if (channels == 0 || channels > TT_CHANNELS_MAX || samples == 0 || samples > 1u << 16)
        return 0;
    if (sample_rate < 8000 || sample_rate > 192000 || (fourcc != TT_F32P && fourcc != TT_S16))
        return 0;

    format->size = sizeof(*format);
    format->kind = TT_AUDIO;
    format->fourcc = fourcc;
    format->sample_rate = sample_rate;
    format->channels = channels;
    format->plane_count = fourcc == TT_F32P ? channels : 1;
    for (uint32_t n = 0; n < 4; n++)
        format->stride[n] = format->plane_offset[n] = 0;
    format->stride[0] = fourcc == TT_F32P ? round_up(samples * 4, 64) : samples * channels * 2;
    format->rate = (struct tt_rational){sample_rate, samples};
    return fourcc == TT_F32P ? format->stride[0] * channels : format->stride[0];
}

uint32_t tt_format_samples(const struct tt_format *format)
{
    if (format->rate.num <= 0)
        return 0;
    return (uint32_t)(((int64_t)format->sample_rate * format->rate.den + format->rate.num - 1) /
                      format->rate.num);
}

int64_t tt_muldiv(int64_t a, int64_t b, int64_t c)
{
    __int128 product, quotient;
    int64_t small;

    tt_assert(c > 0);
    /* Mostly it fits, and a division of 64 bits takes a tenth of the time. */
    if (!__builtin_mul_overflow(a, b, &small))
        return small / c - (small % c < 0);
    product = (__int128)a * b;
    quotient = product / c;
    if (product % c < 0)
        quotient--;
    tt_assert(quotient <= INT64_MAX);
    tt_assert(quotient >= INT64_MIN);
    return (int64_t)quotient;
}

int64_t tt_index_ns(int64_t index, struct tt_rational rate)
{
    tt_assert(rate.num > 0);
    /* Rounded up, so that tt_ns_index(tt_index_ns(i)) is i again. */
    return -tt_muldiv(-index, rate.den * 1000000000, rate.num);
}

int64_t tt_ns_index(int64_t media_ns, struct tt_rational rate)
{
    tt_assert(rate.num > 0);
    tt_assert(rate.den > 0);
    return tt_muldiv(media_ns, rate.num, rate.den * 1000000000);
}
