/* v4l2 without a camera: its pictures' memory, its clock, and what it says of what is no camera. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "components/v4l2/packed.h"
#include "tactus/component.h"
#include "tactus/error.h"

extern const struct tt_component tt_component_v4l2;

enum { WIDTH = 6, HEIGHT = 4, PITCH = 2 * WIDTH + 4 };

static void test_yuyv(void)
{
    struct tt_format format = {.kind = TT_VIDEO};
    uint32_t bytes = tt_format_video(&format, TT_I420, WIDTH, HEIGHT);
    uint8_t from[HEIGHT * PITCH], *to = calloc(1, bytes);

    CHECK(to != NULL);
    for (uint32_t y = 0; y < HEIGHT; y++)
        for (uint32_t x = 0; x < PITCH; x++)
            from[y * PITCH + x] = (uint8_t)(16 * y + x);
    v4l2_from_yuyv(&format, (uintptr_t)to, from, PITCH);
    for (uint32_t y = 0; y < HEIGHT; y++)
        for (uint32_t x = 0; x < WIDTH; x++)
            CHECK(tt_plane(&format, (uintptr_t)to, 0)[y * format.stride[0] + x] == 16 * y + 2 * x);
    for (uint32_t y = 0; y < HEIGHT / 2; y++)
        for (uint32_t x = 0; x < WIDTH / 2; x++) {
            CHECK(tt_plane(&format, (uintptr_t)to, 1)[y * format.stride[1] + x] ==
                  32 * y + 8 + 4 * x + 1);
            CHECK(tt_plane(&format, (uintptr_t)to, 2)[y * format.stride[2] + x] ==
                  32 * y + 8 + 4 * x + 3);
        }
    free(to);
}

static void test_i420(void)
{
    struct tt_format format = {.kind = TT_VIDEO};
    uint32_t bytes = tt_format_video(&format, TT_I420, WIDTH, HEIGHT);
    uint8_t from[8 * HEIGHT * 3 / 2], *to = calloc(1, bytes);

    CHECK(to != NULL);
    for (uint32_t n = 0; n < sizeof(from); n++)
        from[n] = (uint8_t)n;
    v4l2_from_i420(&format, (uintptr_t)to, from, 8);
    CHECK(tt_plane(&format, (uintptr_t)to, 0)[format.stride[0] + 5] == 8 + 5);
    CHECK(tt_plane(&format, (uintptr_t)to, 1)[format.stride[1] + 2] == 8 * HEIGHT + 4 + 2);
    CHECK(tt_plane(&format, (uintptr_t)to, 2)[0] == 8 * HEIGHT + 4 * HEIGHT / 2);
    free(to);
}

static void test_nv12(void)
{
    struct tt_format format = {.kind = TT_VIDEO};
    uint32_t bytes = tt_format_video(&format, TT_I420, WIDTH, HEIGHT);
    uint8_t from[8 * HEIGHT * 3 / 2], *to = calloc(1, bytes);

    CHECK(to != NULL);
    for (uint32_t n = 0; n < sizeof(from); n++)
        from[n] = (uint8_t)n;
    v4l2_from_nv12(&format, (uintptr_t)to, from, 8);
    for (uint32_t y = 0; y < HEIGHT; y++)
        CHECK(memcmp(tt_plane(&format, (uintptr_t)to, 0) + y * format.stride[0], from + 8 * y,
                     WIDTH) == 0);
    for (uint32_t y = 0; y < HEIGHT / 2; y++)
        for (uint32_t x = 0; x < WIDTH / 2; x++) {
            uint32_t at = 8 * (HEIGHT + y) + 2 * x;

            CHECK(tt_plane(&format, (uintptr_t)to, 1)[y * format.stride[1] + x] == at);
            CHECK(tt_plane(&format, (uintptr_t)to, 2)[y * format.stride[2] + x] == at + 1);
        }
    free(to);
}

/* A camera 0.1 % fast or slow for ten minutes: each index comes once and in order; one that pauses
 * goes on where the clock is. */
static void test_clock(void)
{
    const struct tt_rational rate = {30, 1};

    for (int fast = 0; fast < 2; fast++) {
        int64_t period_ns = fast ? 33300000 : 33366700, last = -1, left_out = 0, skipped = 0;

        for (int64_t n = 0; n < 18000; n++) {
            int64_t index = v4l2_index(n * period_ns + (n * 7919 % 3000000), last, rate);

            if (index < 0) {
                left_out++;
                continue;
            }
            CHECK(index > last);
            skipped += index - last - 1;
            last = index;
            CHECK(llabs(tt_index_ns(last, rate) - n * period_ns) < 3 * INT64_C(33333333));
        }
        CHECK(fast ? left_out > 5 && left_out < 40 && skipped == 0
                   : skipped > 5 && skipped < 40 && left_out == 0);
    }
    CHECK(v4l2_index(INT64_C(10000000000), 5, rate) == 300);
    CHECK(v4l2_index(0, 10, rate) == -1);
}

static int look_at(const char *url, struct tt_error *err)
{
    char texts[64] = "";
    struct tt_setting settings[] = {
        {.param = 0, .input = TT_NO_PORT, .text = 1},
        {.param = 1, .input = TT_NO_PORT, .i = 640},
        {.param = 2, .input = TT_NO_PORT, .i = 480},
    };
    struct tt_request request = {.size = sizeof(request),
                                 .out_count = 1,
                                 .params = settings,
                                 .params_count = 3,
                                 .texts = texts,
                                 .texts_bytes = sizeof(texts),
                                 .rate = {25, 1}};
    static struct tt_shape shape;

    (void)strncpy(texts + 1, url, sizeof(texts) - 2);
    return tt_component_v4l2.edge->probe(&request, &shape, err);
}

static void test_no_camera(void)
{
    struct tt_error err = {0};

    CHECK(look_at("/dev/video-that-is-not-there", &err) == -ENOENT);
    CHECK(strstr(err.text, "/dev/video-that-is-not-there") != NULL);
    CHECK(look_at("/dev/null", &err) == -ENODEV && strstr(err.text, "no device that captures"));
    CHECK(look_at("/etc/passwd", &err) == -ENODEV);
}

int main(void)
{
    test_yuyv();
    test_i420();
    test_nv12();
    test_clock();
    test_no_camera();
    return 0;
}
