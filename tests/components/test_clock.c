/* text.clock: the calendar against the C library's, and letters that can be told apart. */
#include "check.h"
#include "components/text_clock/clock_text.h"
#include "harness.h"

#include <time.h>

extern const struct tt_component tt_component_text_clock;

static struct harness harness;
static struct harness_params params;

static void calendar_is_the_c_librarys(void)
{
    static const char *const formats[] = {"%H:%M:%S", "%F %T", "%d.%m.%Y 100%%"};
    /* As far as nanoseconds in 64 bits go: 1684 to 2255. */
    for (int64_t second = -9000000000; second < 9000000000; second += 777777) {
        time_t at = (time_t)second;
        struct tm broken;

        CHECK(gmtime_r(&at, &broken) != NULL);
        for (uint32_t n = 0; n < 3; n++) {
            char want[80], got[CLOCK_TEXT_MAX];
            uint32_t place;

            CHECK(strftime(want, sizeof(want), formats[n], &broken) > 0);
            CHECK_INT(clock_text(formats[n], second * 1000000000 + 999999999,
                                 (struct tt_rational){25, 1}, got, &place),
                      strlen(want));
            CHECK_TEXT(got, want);
        }
    }
}

static void frames_are_counted_in_their_second(void)
{
    char text[CLOCK_TEXT_MAX];
    uint32_t place;

    CHECK_INT(clock_text("%S.%f", 5999999999, (struct tt_rational){25, 1}, text, &place), 5);
    CHECK_TEXT(text, "05.24");
    CHECK_INT(clock_text("%f", 7000000000, (struct tt_rational){30000, 1001}, text, &place), 2);
    CHECK_TEXT(text, "00");
    CHECK_INT(clock_text("%f", 500000000, (struct tt_rational){240, 1}, text, &place), 3);
    CHECK_TEXT(text, "120");
}

static void bad_formats_are_refused_in_words(void)
{
    static const struct {
        const char *settings, *word;
    } bad[] = {{"format=%H:%Q", "character 4"},
               {"format=a\xc3\xa4", "character 2"},
               {"format=%", "character 1"},
               {"format=", "nothing"},
               {"format=%F%F%F%F%F%F%F", "cannot show"},
               {"size=512 format=%F_%T_%F", "wider"},
               {"size=4", "size"},
               {"color=red", "color="},
               {"background=#12345", "background="}};

    for (uint32_t n = 0; n < sizeof(bad) / sizeof(bad[0]); n++) {
        params = (struct harness_params){
            .component = &tt_component_text_clock, .settings = bad[n].settings, .out_count = 1};
        CHECK(harness_shape(&harness, &params) < 0);
        CHECK(strstr(harness.error.text, bad[n].word) != NULL);
    }
}

static void open_clock(const char *settings)
{
    params = (struct harness_params){.component = &tt_component_text_clock,
                                     .settings = settings,
                                     .out_count = 1,
                                     .rate = {50, 1}};
    harness_open(&harness, &params);
}

static const uint32_t *line(uint32_t y)
{
    return (const uint32_t *)(const void *)(harness.data[0] +
                                            (size_t)y * harness.shape.out[0].stride[0]);
}

/* Copies one letter's pixels; all letters are equally wide. */
static void copy_letter(uint32_t number, uint32_t count, uint32_t *ret)
{
    const struct tt_format *out = &harness.shape.out[0];
    uint32_t pad = (uint32_t)tt_setting_int(&harness.request, 1) / 8;
    uint32_t width = (out->width - 2 * pad) / count;

    for (uint32_t y = 0; y < out->height; y++)
        memcpy(ret + (size_t)y * width, line(y) + pad + (size_t)number * width, width * 4);
}

static void digits_differ_and_repeat(void)
{
    static uint32_t digits[10][40 * 100], again[40 * 100];
    size_t bytes;

    open_clock("format=%S size=32");
    bytes = (size_t)(harness.shape.out[0].width - 8) / 2 * harness.shape.out[0].height * 4;
    CHECK(bytes <= sizeof(again));
    for (uint32_t n = 0; n < 10; n++) {
        CHECK_INT(harness_call(&harness, 0, (int64_t)n * 1000000000, 20000000), TT_DONE);
        CHECK_INT(harness_output(&harness, 0)->bytes, harness.shape.bytes_max[0]);
        copy_letter(1, 2, digits[n]);
        for (uint32_t other = 0; other < n; other++)
            CHECK(memcmp(digits[n], digits[other], bytes) != 0);
    }
    harness_move_state(&harness);
    CHECK_INT(harness_call(&harness, 0, 55 * 1000000000ll, 20000000), TT_DONE);
    copy_letter(0, 2, again);
    CHECK(memcmp(again, digits[5], bytes) == 0);
    copy_letter(1, 2, again);
    CHECK(memcmp(again, digits[5], bytes) == 0);
    CHECK_INT(harness.allocations, 0);
    harness_close(&harness);
}

static void wall_time_comes_as_an_event(void)
{
    static uint8_t want[1 << 20];

    open_clock("format=%F_%T size=24");
    CHECK(harness.capacity[0] <= sizeof(want));
    CHECK_INT(harness_call(&harness, 0, 1763885519ll * 1000000000, 20000000), TT_DONE);
    memcpy(want, harness.data[0], harness.capacity[0]);
    harness.events[0] = (struct tt_event){TT_EVENT_WALL, 0, 1763885500ll * 1000000000, 0};
    harness.event_count = 1;
    CHECK_INT(harness_call(&harness, 950, 19000000000, 20000000), TT_DONE);
    for (uint32_t y = 0; y < harness.shape.out[0].height; y++)
        CHECK(memcmp(want + (size_t)y * harness.shape.out[0].stride[0], line(y),
                     harness.shape.out[0].width * 4) == 0);
    harness_move_state(&harness);
    CHECK_INT(harness_call(&harness, 950, 19000000000, 20000000), TT_DONE);
    CHECK(memcmp(want, line(0), harness.shape.out[0].width * 4) == 0);
    CHECK_INT(harness.allocations, 0);
    harness_close(&harness);
}

static void colours_are_the_ones_asked_for(void)
{
    uint32_t most = 0, least = UINT32_MAX, ink = 0;

    open_clock("format=8 size=64 color=#ff8000 background=none");
    CHECK_INT(harness_call(&harness, 0, 0, 20000000), TT_DONE);
    for (uint32_t y = 0; y < harness.shape.out[0].height; y++)
        for (uint32_t x = 0; x < harness.shape.out[0].width; x++) {
            uint32_t pixel = line(y)[x];

            CHECK(pixel >> 24 == 0 || (pixel & 0xffffff) == 0x0080ff);
            most = pixel > most ? pixel : most;
            least = pixel < least ? pixel : least;
            ink += pixel >> 31;
        }
    CHECK_INT(most, 0xff0080ff);
    CHECK_INT(least, 0);
    CHECK(ink > 300 && ink < 39 * 76 / 2);
    CHECK_INT(harness.allocations, 0);
    harness_close(&harness);

    open_clock("format=8 color=#ffffff background=#20406080");
    CHECK_INT(harness_call(&harness, 0, 0, 20000000), TT_DONE);
    CHECK_INT(line(0)[0], 0x80604020);
    CHECK_INT(harness.allocations, 0);
    harness_close(&harness);
}

/* What share of a square of the letters' size is inked. */
static double ink_at(uint32_t size)
{
    char settings[64];
    double sum = 0;

    snprintf(settings, sizeof(settings), "format=%%H:%%M size=%u background=none", size);
    open_clock(settings);
    CHECK_INT(harness_call(&harness, 0, 0, 20000000), TT_DONE);
    for (uint32_t y = 0; y < harness.shape.out[0].height; y++)
        for (uint32_t x = 0; x < harness.shape.out[0].width; x++)
            sum += (line(y)[x] >> 24) / 255.0;
    CHECK_INT(harness.allocations, 0);
    harness_close(&harness);
    return sum / ((double)size * size);
}

/* The inked share is the same at every size but for the rounding of a letter's width and height: so
 * nothing is cut off. */
static void sizes_scale_the_same_letters(void)
{
    double drawn = ink_at(64);

    CHECK(drawn > 0.6 && drawn < 0.9);
    for (uint32_t size = 8; size <= 512; size = size * 3 / 2 + 1) {
        double rounding = 1 / (39 * size / 64.0) + 1 / (76 * size / 64.0);

        CHECK(ink_at(size) > drawn * (1 - rounding));
        CHECK(ink_at(size) < drawn * (1 + rounding));
    }
}

int main(void)
{
    RUN(calendar_is_the_c_librarys);
    RUN(frames_are_counted_in_their_second);
    RUN(bad_formats_are_refused_in_words);
    RUN(digits_differ_and_repeat);
    RUN(wall_time_comes_as_an_event);
    RUN(colours_are_the_ones_asked_for);
    RUN(sizes_scale_the_same_letters);
    return 0;
}
