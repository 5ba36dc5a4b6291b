/* Painting, reading, playing and hearing the time code. */
#include "components/lib/timecode.h"

#include <string.h>

/* CRC-16 with a start of ones: neither black nor white is a valid code. */
static uint32_t checksum(const uint32_t *words, uint32_t bit_count)
{
    uint32_t sum = 0xffff;

    for (uint32_t n = 0; n < bit_count; n++) {
        uint32_t bit = words[n / 32] >> (31 - n % 32) & 1;

        sum = (sum << 1 & 0xffff) ^ ((sum >> 15 ^ bit) != 0 ? 0x1021 : 0);
    }
    return sum;
}

static void make_words(const struct component_timecode *code, uint32_t words[TIMECODE_ROWS])
{
    uint64_t us = (uint64_t)code->media_us;

    words[0] = (uint32_t)code->index;
    words[1] = (uint32_t)(us >> 16);
    words[2] = (uint32_t)(us << 16);
    words[2] |= checksum(words, 80);
}

uint32_t component_timecode_height(uint32_t height)
{
    return (TIMECODE_ROWS * height / TIMECODE_COLUMNS + 1) & ~1u;
}

static bool is_rgba(const struct tt_format *format)
{
    return format->fourcc == TT_RGBA;
}

static void paint_line(const struct tt_format *format, uint8_t *line, uint32_t word)
{
    uint32_t pixel_bytes = is_rgba(format) ? 4 : 1;

    for (uint32_t column = 0; column < TIMECODE_COLUMNS; column++) {
        uint32_t from = column * format->width / TIMECODE_COLUMNS;
        uint32_t to = (column + 1) * format->width / TIMECODE_COLUMNS;
        bool is_set = word >> (31 - column) & 1;

        if (!is_rgba(format)) {
            memset(line + from, is_set ? 235 : 16, to - from);
            continue;
        }
        memset(line + (size_t)from * pixel_bytes, is_set ? 255 : 0,
               (size_t)(to - from) * pixel_bytes);
        for (uint32_t x = from; x < to; x++)
            line[4 * x + 3] = 255;
    }
}

static void paint_chroma(const struct tt_format *format, tt_addr data)
{
    uint32_t rows = component_timecode_height(format->height) / 2;

    for (uint32_t plane = 1; plane < format->plane_count; plane++)
        memset(tt_plane(format, data, plane), 128, (size_t)format->stride[plane] * rows);
}

void component_timecode_paint(const struct tt_format *format, tt_addr data,
                              const struct component_timecode *code)
{
    uint32_t words[TIMECODE_ROWS + 1] = {0}, stride = format->stride[0];
    uint32_t bytes = format->width * (is_rgba(format) ? 4 : 1);
    uint8_t *top = tt_plane(format, data, 0);
    uint32_t height = component_timecode_height(format->height);

    make_words(code, words);
    for (uint32_t row = 0, y = 0; row <= TIMECODE_ROWS && y < height; row++) {
        uint32_t end = row < TIMECODE_ROWS ? (row + 1) * format->height / TIMECODE_COLUMNS : height;
        uint8_t *first = top + (size_t)y * stride;

        if (y >= end)
            continue;
        paint_line(format, first, words[row]);
        for (y++; y < end; y++)
            memcpy(top + (size_t)y * stride, first, bytes);
    }
    paint_chroma(format, data);
}

/* The mean brightness of the middle of a block, 0..255. */
static uint32_t block_mean(const struct tt_format *format, const uint8_t *plane, uint32_t row,
                           uint32_t column)
{
    uint32_t width = format->width, height = format->height, parts = 4 * TIMECODE_COLUMNS;
    uint32_t x_from = (4 * column + 1) * width / parts, x_to = (4 * column + 3) * width / parts;
    uint32_t y_from = (4 * row + 1) * height / parts, y_to = (4 * row + 3) * height / parts;
    uint32_t sum = 0, count = 0;

    for (uint32_t y = y_from; y < y_to || y == y_from; y++)
        for (uint32_t x = x_from; x < x_to || x == x_from; x++, count++) {
            const uint8_t *line = plane + (size_t)y * format->stride[0];

            if (is_rgba(format))
                sum += (line[4 * x] + 2u * line[4 * x + 1] + line[4 * x + 2]) / 4;
            else
                sum += line[x];
        }
    return sum / count;
}

bool component_timecode_read(const struct tt_format *format, tt_addr data,
                             struct component_timecode *ret)
{
    uint32_t words[TIMECODE_ROWS] = {0};
    const uint8_t *plane = tt_plane(format, data, 0);

    if (format->width < TIMECODE_COLUMNS || format->height < TIMECODE_COLUMNS)
        return false;
    for (uint32_t row = 0; row < TIMECODE_ROWS; row++)
        for (uint32_t column = 0; column < TIMECODE_COLUMNS; column++)
            words[row] = words[row] << 1 | (block_mean(format, plane, row, column) >= 126);

    if (checksum(words, 80) != (words[2] & 0xffff))
        return false;
    ret->index = words[0];
    ret->media_us = (int64_t)((uint64_t)words[1] << 16 | words[2] >> 16);
    return true;
}

void component_timecode_play(float *samples, uint32_t count, float level, int64_t index)
{
    uint32_t words[2] = {(uint32_t)index, 0}, half = count / TIMECODE_SAMPLES_MIN;

    words[1] = checksum(words, 32) << 16;
    for (uint32_t slot = 0; slot < TIMECODE_SLOTS; slot++) {
        bool is_set = words[slot / 32] >> (31 - slot % 32) & 1;
        float *at = samples + (size_t)slot * 2 * half;

        for (uint32_t n = 0; n < half; n++) {
            at[n] = is_set ? level : -level;
            at[half + n] = -at[n];
        }
    }
    for (uint32_t n = TIMECODE_SLOTS * 2 * half; n < count; n++)
        samples[n] = 0;
}

bool component_timecode_hear(const float *samples, uint32_t count, int64_t *ret_index)
{
    uint32_t words[2] = {0, 0}, half = count / TIMECODE_SAMPLES_MIN;

    if (half == 0)
        return false;
    for (uint32_t slot = 0; slot < TIMECODE_SLOTS; slot++) {
        const float *at = samples + (size_t)slot * 2 * half;
        float sum = 0;

        for (uint32_t n = 0; n < half; n++)
            sum += at[n] - at[half + n];
        words[slot / 32] |= (uint32_t)(sum > 0) << (31 - slot % 32);
    }
    if (checksum(words, 32) != words[1] >> 16)
        return false;
    *ret_index = words[0];
    return true;
}
