/* Formats: both spellings, layouts, indices and times. */
#include "tactus/format.h"

#include "check.h"

static void both_spellings(void)
{
    CHECK_INT(tt_fourcc_find("yuv420p"), TT_I420);
    CHECK_INT(tt_fourcc_find("i420"), TT_I420);
    CHECK_INT(tt_fourcc_find("nonsense"), 0);
    CHECK_INT(tt_fourcc_find("I42"), 0);
    CHECK_TEXT(tt_fourcc_name(TT_I420), "I420");
}

static void layouts(void)
{
    struct tt_format format = {0};

    CHECK_INT(tt_format_video(&format, TT_I420, 1280, 720), 1280 * 720 + 2 * 640 * 360);
    CHECK_INT(format.plane_offset[2], 1280 * 720 + 640 * 360);
    CHECK_INT(tt_format_video(&format, TT_I420, 1279, 720), 0);
    CHECK_INT(tt_format_video(&format, TT_I420, 16384, 720), 0);
    CHECK_INT(tt_format_video(&format, TT_RGBA, 3, 3), 64 * 3);
    CHECK_INT(tt_format_audio(&format, TT_F32P, 48000, 2, 480), 480 * 4 * 2);
    CHECK_INT(tt_format_samples(&format), 480);
    CHECK_INT(tt_format_audio(&format, TT_F32P, 48000, 9, 480), 0);
}

static void indices_come_back(void)
{
    static const struct tt_rational rates[] = {{24, 1}, {30000, 1001}, {48000, 1024}, {100, 1}};

    for (unsigned r = 0; r < sizeof(rates) / sizeof(rates[0]); r++)
        for (int64_t n = -1000; n < 5000000; n += 997) {
            CHECK_INT(tt_ns_index(tt_index_ns(n, rates[r]), rates[r]), n);
            CHECK_INT(tt_ns_index(tt_index_ns(n, rates[r]) - 1, rates[r]), n - 1);
        }
    CHECK_INT(tt_muldiv(-1, 1, 2), -1);
    CHECK_INT(tt_muldiv(INT64_MAX, 1000, 1000), INT64_MAX);
}

int main(void)
{
    RUN(both_spellings);
    RUN(layouts);
    RUN(indices_come_back);
    return 0;
}
