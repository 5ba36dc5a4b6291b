/* video.scale: sizes, formats, colours, levels and errors. */
#include "check.h"
#include "components/lib/timecode.h"
#include "harness.h"

#include <math.h>

extern const struct tt_component tt_component_video_scale, tt_component_test_video;

static struct harness scale, source;
static struct harness_params params;

static const char *level; /* the next scaler's degrading level; NULL: none */

static void open_scale(const char *settings, uint32_t fourcc, uint32_t width, uint32_t height)
{
    params = (struct harness_params){.component = &tt_component_video_scale,
                                     .settings = settings,
                                     .levels = {level},
                                     .in_count = 1,
                                     .out_count = 1};
    CHECK(tt_format_video(&params.in[0], fourcc, width, height) != 0);
    params.in[0].matrix = 5;
    params.in[0].range = 1;
    harness_open(&scale, &params);
}

static uint8_t *out_line(uint32_t plane, uint32_t y)
{
    const struct tt_format *out = &scale.shape.out[0];

    return tt_plane(out, (tt_addr)(uintptr_t)scale.data[1], plane) + (size_t)y * out->stride[plane];
}

static uint8_t *in_line(uint32_t plane, uint32_t y)
{
    return tt_plane(&scale.in[0], (tt_addr)(uintptr_t)scale.data[0], plane) +
           (size_t)y * scale.in[0].stride[plane];
}

/* A plane of one value stays that value in every plane, with every method and both directions. */
static void flat_stays_flat(void)
{
    static const char *const settings[] = {
        "width=320 height=180 method=point", "width=318 height=178 method=bilinear",
        "width=1300 height=722 method=bicubic", "width=66 height=46 method=lanczos"};
    static const uint32_t fourccs[] = {TT_I420, TT_NV12};

    for (uint32_t format = 0; format < 2; format++)
        for (uint32_t n = 0; n < 4; n++) {
            open_scale(settings[n], fourccs[format], 642, 362);
            CHECK_INT(scale.shape.out[0].matrix, 5);
            CHECK_INT(scale.shape.out[0].range, 1);
            harness_input(&scale, 0, 0, 0, 0);
            memset(scale.data[0], 90, scale.capacity[0]);
            for (uint32_t y = 0; y < 362; y++)
                memset(in_line(0, y), 200, 642);
            CHECK_INT(harness_call(&scale, 0, 0, 0), TT_DONE);
            CHECK_INT(harness_output(&scale, 0)->bytes, scale.shape.bytes_max[0]);
            for (uint32_t y = 0; y < scale.shape.out[0].height; y++)
                for (uint32_t x = 0; x < scale.shape.out[0].width; x++) {
                    CHECK_INT(out_line(0, y)[x], 200);
                    CHECK_INT(out_line(1, y / 2)[x / 2], 90);
                }
            CHECK_INT(scale.allocations, 0);
            harness_close(&scale);
        }
}

static void half_size_is_the_mean(void)
{
    uint64_t difference = 0;

    open_scale("width=160 height=90 method=bilinear", TT_I420, 320, 180);
    harness_input(&scale, 0, 0, 0, 0);
    for (uint32_t y = 0; y < 180; y++)
        for (uint32_t x = 0; x < 320; x++)
            in_line(0, y)[x] = (uint8_t)(30 + x / 4 + y / 2);
    CHECK_INT(harness_call(&scale, 0, 0, 0), TT_DONE);
    for (uint32_t y = 2; y < 88; y++)
        for (uint32_t x = 2; x < 158; x++) {
            int mean = (in_line(0, 2 * y)[2 * x] + in_line(0, 2 * y)[2 * x + 1] +
                        in_line(0, 2 * y + 1)[2 * x] + in_line(0, 2 * y + 1)[2 * x + 1] + 2) /
                       4;

            CHECK(abs(out_line(0, y)[x] - mean) <= 1);
            difference += (uint64_t)abs(out_line(0, y)[x] - mean);
        }
    CHECK(difference < 86 * 156 / 2);
    CHECK_INT(scale.allocations, 0);
    harness_close(&scale);
}

/* A wave has its place in every column, at ratios where wide registers are tempting. */
static void columns_are_in_their_places(void)
{
    static const uint32_t widths[] = {426, 622, 630, 632, 636, 638, 640, 642, 800, 1270, 1300};

    for (uint32_t n = 0; n < sizeof(widths) / sizeof(widths[0]); n++) {
        char settings[64];

        snprintf(settings, sizeof(settings), "width=%u height=20", widths[n]);
        open_scale(settings, TT_I420, 1280, 40);
        harness_input(&scale, 0, 0, 0, 0);
        for (uint32_t y = 0; y < 40; y++)
            for (uint32_t x = 0; x < 1280; x++)
                in_line(0, y)[x] = (uint8_t)(128.5 + 100 * sin(x * 0.02));
        CHECK_INT(harness_call(&scale, 0, 0, 0), TT_DONE);
        for (uint32_t y = 0; y < 20; y++)
            for (uint32_t x = 1; x + 1 < widths[n]; x++) {
                double place = (x + 0.5) * 1280 / widths[n] - 0.5;

                CHECK(fabs(out_line(0, y)[x] - 128 - 100 * sin(place * 0.02)) < 2);
            }
        harness_close(&scale);
    }
}

/* NV12 gives what I420 gives, its chroma interleaved; RGBA's channels keep their places. */
static void layouts_agree(void)
{
    static uint8_t planar[3][90][160];

    open_scale("width=160 height=90 method=bicubic", TT_I420, 320, 180);
    harness_input(&scale, 0, 0, 0, 0);
    harness_noise(scale.data[0], scale.capacity[0], 3);
    CHECK_INT(harness_call(&scale, 0, 0, 0), TT_DONE);
    for (uint32_t plane = 0; plane < 3; plane++)
        for (uint32_t y = 0; y < (plane ? 45u : 90u); y++)
            memcpy(planar[plane][y], out_line(plane, y), plane ? 80 : 160);
    CHECK_INT(scale.allocations, 0);
    harness_close(&scale);

    open_scale("width=160 height=90 method=bicubic", TT_NV12, 320, 180);
    harness_input(&scale, 0, 0, 0, 0);
    {
        static struct tt_format i420;
        static uint8_t noise[320 * 180 * 2];
        uint32_t bytes = tt_format_video(&i420, TT_I420, 320, 180);

        harness_noise(noise, bytes, 3);
        for (uint32_t y = 0; y < 180; y++)
            memcpy(in_line(0, y), noise + y * i420.stride[0], 320);
        for (uint32_t y = 0; y < 90; y++)
            for (uint32_t x = 0; x < 160; x++) {
                in_line(1, y)[2 * x] = noise[i420.plane_offset[1] + y * i420.stride[1] + x];
                in_line(1, y)[2 * x + 1] = noise[i420.plane_offset[2] + y * i420.stride[2] + x];
            }
    }
    CHECK_INT(harness_call(&scale, 0, 0, 0), TT_DONE);
    for (uint32_t y = 0; y < 90; y++)
        CHECK(memcmp(planar[0][y], out_line(0, y), 160) == 0);
    for (uint32_t y = 0; y < 45; y++)
        for (uint32_t x = 0; x < 80; x++) {
            CHECK_INT(out_line(1, y)[2 * x], planar[1][y][x]);
            CHECK_INT(out_line(1, y)[2 * x + 1], planar[2][y][x]);
        }
    CHECK_INT(scale.allocations, 0);
    harness_close(&scale);
}

static void rgba_keeps_its_channels(void)
{
    open_scale("width=51 height=33 method=lanczos", TT_RGBA, 101, 77);
    harness_input(&scale, 0, 0, 0, 0);
    for (uint32_t y = 0; y < 77; y++)
        for (uint32_t x = 0; x < 101; x++)
            memcpy(in_line(0, y) + 4 * x, (const uint8_t[]){10, 120, 250, 128}, 4);
    CHECK_INT(harness_call(&scale, 0, 0, 0), TT_DONE);
    for (uint32_t y = 0; y < 33; y++)
        for (uint32_t x = 0; x < 51; x++) {
            CHECK(abs(out_line(0, y)[4 * x] - 10) <= 1);
            CHECK(abs(out_line(0, y)[4 * x + 1] - 120) <= 1);
            CHECK(abs(out_line(0, y)[4 * x + 2] - 250) <= 1);
            CHECK(abs(out_line(0, y)[4 * x + 3] - 128) <= 1);
        }
    CHECK_INT(scale.allocations, 0);
    harness_close(&scale);
}

/* What is transparent has no colour: it must not darken the edge of what is there. */
static void transparent_pixels_do_not_bleed(void)
{
    open_scale("width=50 height=40 method=bilinear", TT_RGBA, 100, 80);
    harness_input(&scale, 0, 0, 0, 0);
    memset(scale.data[0], 0, scale.capacity[0]);
    for (uint32_t y = 0; y < 80; y++)
        for (uint32_t x = 51; x < 100; x++)
            memset(in_line(0, y) + 4 * x, 255, 4);
    CHECK_INT(harness_call(&scale, 0, 0, 0), TT_DONE);
    for (uint32_t x = 0; x < 50; x++)
        if (out_line(0, 20)[4 * x + 3] > 16)
            CHECK(out_line(0, 20)[4 * x] >= 250);
    CHECK(out_line(0, 20)[4 * 25 + 3] > 16);
    CHECK(out_line(0, 20)[4 * 25 + 3] < 250);
    CHECK_INT(scale.allocations, 0);
    harness_close(&scale);
}

static void level_one_is_what_was_declared(void)
{
    bool is_changed = false;

    level = "width=160 height=90 method=point";
    open_scale("width=160 height=90 method=bilinear", TT_I420, 320, 180);
    level = NULL;
    CHECK_INT(scale.request.level_count, 1);
    for (uint32_t at = 0; at < 2; at++) {
        harness_input(&scale, 0, 0, 0, 0);
        for (uint32_t y = 0; y < 180; y++)
            for (uint32_t x = 0; x < 320; x++)
                in_line(0, y)[x] = x % 2 == 0 ? 20 : 220;
        scale.level = at;
        CHECK_INT(harness_call(&scale, 0, 0, 0), TT_DONE);
        for (uint32_t x = 2; x < 158; x++) {
            uint8_t value = out_line(0, 10)[x];

            is_changed |= at == 0 && value > 60 && value < 180;
            CHECK(at == 0 || value == 20 || value == 220);
        }
    }
    CHECK(is_changed);
    CHECK_INT(scale.allocations, 0);
    harness_close(&scale);
}

static void time_code_survives(void)
{
    static const char *const sizes[] = {"width=640 height=360", "width=320 height=180",
                                        "width=400 height=300", "width=1920 height=1080"};
    struct component_timecode code;

    harness_open(&source, &(struct harness_params){.component = &tt_component_test_video,
                                                   .out_count = 1,
                                                   .settings = "width=1280 height=720"});
    CHECK_INT(harness_call(&source, 31337, 626740000000, 0), TT_DONE);
    for (uint32_t n = 0; n < 4; n++) {
        open_scale(sizes[n], TT_I420, 1280, 720);
        harness_input(&scale, 0, 0, 0, 0);
        memcpy(scale.data[0], source.data[0], scale.capacity[0]);
        CHECK_INT(harness_call(&scale, 0, 0, 0), TT_DONE);
        CHECK(component_timecode_read(&scale.shape.out[0], harness_output(&scale, 0)->data, &code));
        CHECK_INT(code.index, 31337);
        CHECK_INT(code.media_us, 626740000);
        CHECK_INT(scale.allocations, 0);
        harness_close(&scale);
    }
    harness_close(&source);
}

static void bad_requests_are_refused_in_words(void)
{
    static const char *const bad[] = {"width=0 height=100", "width=101 height=100",
                                      "width=100 height=8194", "width=-2 height=100"};

    params = (struct harness_params){
        .component = &tt_component_video_scale, .in_count = 1, .out_count = 1};
    CHECK(tt_format_video(&params.in[0], TT_I420, 320, 180) != 0);
    for (uint32_t n = 0; n < 4; n++) {
        params.settings = bad[n];
        CHECK(harness_shape(&scale, &params) < 0);
        CHECK(strstr(scale.error.text, "change width or height") != NULL);
    }
    params.settings = "width=160 height=90";
    params.in[0].field_order = TT_TOP_FIRST;
    CHECK(harness_shape(&scale, &params) < 0);
    CHECK(strstr(scale.error.text, "interlaced") != NULL);
}

static void no_frame_gives_no_frame(void)
{
    open_scale("width=160 height=90", TT_I420, 320, 180);
    harness_no_input(&scale, 0, TT_END);
    CHECK_INT(harness_call(&scale, 0, 0, 0), TT_DONE);
    CHECK_INT(harness_output(&scale, 0)->bytes, 0);
    harness_input(&scale, 0, 1, 0, 0)->bytes = 5000;
    CHECK(harness_call(&scale, 1, 0, 0) < 0);
    CHECK_INT(scale.allocations, 0);
    harness_close(&scale);
}

int main(void)
{
    RUN(flat_stays_flat);
    RUN(half_size_is_the_mean);
    RUN(columns_are_in_their_places);
    RUN(layouts_agree);
    RUN(rgba_keeps_its_channels);
    RUN(transparent_pixels_do_not_bleed);
    RUN(level_one_is_what_was_declared);
    RUN(time_code_survives);
    RUN(bad_requests_are_refused_in_words);
    RUN(no_frame_gives_no_frame);
    return 0;
}
