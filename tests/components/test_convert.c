/* video.convert and video.overlay against slow references in floating point. */
#include "check.h"
#include "components/lib/frames.h"
#include "harness.h"

#include <math.h>

extern const struct tt_component tt_component_video_convert, tt_component_video_overlay;

static struct harness harness;
static struct harness_params params;

struct pixel {
    double y, u, v, r, g, b, a;
};

static void weights(uint32_t matrix, double *kr, double *kb)
{
    *kr = matrix == 1 ? 0.2126 : 0.299;
    *kb = matrix == 1 ? 0.0722 : 0.114;
}

static void reference_rgb(struct pixel *p, uint32_t matrix, bool is_full)
{
    double kr, kb, y = is_full ? p->y : (p->y - 16) * 255 / 219;
    double scale = is_full ? 1 : 255.0 / 224, u = (p->u - 128) * scale, v = (p->v - 128) * scale;

    weights(matrix, &kr, &kb);
    p->r = y + 2 * (1 - kr) * v;
    p->b = y + 2 * (1 - kb) * u;
    p->g = (y - kr * p->r - kb * p->b) / (1 - kr - kb);
}

static void reference_yuv(struct pixel *p, uint32_t matrix, bool is_full)
{
    double kr, kb, y;

    weights(matrix, &kr, &kb);
    y = kr * p->r + (1 - kr - kb) * p->g + kb * p->b;
    p->u = 128 + (p->b - y) / (2 * (1 - kb)) * (is_full ? 1 : 224.0 / 255);
    p->v = 128 + (p->r - y) / (2 * (1 - kr)) * (is_full ? 1 : 224.0 / 255);
    p->y = is_full ? y : 16 + y * 219 / 255;
}

static double limit(double value)
{
    return value < 0 ? 0 : value > 255 ? 255 : value;
}

static const uint8_t *at(const struct tt_format *format, const uint8_t *data, uint32_t plane,
                         uint32_t x, uint32_t y)
{
    return data + format->plane_offset[plane] + (size_t)y * format->stride[plane] + x;
}

static struct pixel yuv_at(const struct tt_format *format, const uint8_t *data, uint32_t x,
                           uint32_t y)
{
    struct pixel p = {.y = *at(format, data, 0, x, y)};

    if (format->fourcc == TT_NV12) {
        p.u = *at(format, data, 1, x & ~1u, y / 2);
        p.v = *at(format, data, 1, x | 1, y / 2);
    } else {
        p.u = *at(format, data, 1, x / 2, y / 2);
        p.v = *at(format, data, 2, x / 2, y / 2);
    }
    return p;
}

static struct pixel rgba_at(const struct tt_format *format, const uint8_t *data, uint32_t x,
                            uint32_t y)
{
    const uint8_t *p = at(format, data, 0, 4 * x, y);

    return (struct pixel){.r = p[0], .g = p[1], .b = p[2], .a = p[3]};
}

static void run_convert(uint32_t fourcc, const char *settings, uint32_t matrix, uint32_t range,
                        uint32_t width, uint32_t height)
{
    params = (struct harness_params){.component = &tt_component_video_convert,
                                     .settings = settings,
                                     .in_count = 1,
                                     .out_count = 1};
    CHECK(tt_format_video(&params.in[0], fourcc, width, height) != 0);
    params.in[0].matrix = matrix;
    params.in[0].range = range;
    harness_open(&harness, &params);
    harness_move_state(&harness);
    harness_input(&harness, 0, 0, 0, 0)->flags = TT_REPEATED;
    harness_noise(harness.data[0], harness.capacity[0], width + matrix);
    CHECK_INT(harness_call(&harness, 0, 0, 0), TT_DONE);
    CHECK_INT(harness_output(&harness, 0)->bytes, harness.shape.bytes_max[0]);
    CHECK((harness_output(&harness, 0)->flags & TT_REPEATED) != 0);
}

static void to_rgba_is_right(void)
{
    static const struct {
        uint32_t fourcc, matrix, range, height, used;
    } cases[] = {{TT_I420, 1, 1, 38, 1}, {TT_I420, 5, 1, 38, 5},  {TT_I420, 6, 2, 38, 6},
                 {TT_NV12, 1, 2, 38, 1}, {TT_NV12, 0, 0, 720, 1}, {TT_NV12, 2, 0, 718, 6}};

    for (uint32_t n = 0; n < 6; n++) {
        const struct tt_format *out = &harness.shape.out[0];

        run_convert(cases[n].fourcc, "format=RGBA", cases[n].matrix, cases[n].range, 62,
                    cases[n].height);
        CHECK_INT(out->range, 2);
        for (uint32_t y = 0; y < cases[n].height; y++)
            for (uint32_t x = 0; x < 62; x++) {
                struct pixel want = yuv_at(&harness.in[0], harness.data[0], x, y);
                struct pixel got = rgba_at(out, harness.data[1], x, y);

                reference_rgb(&want, cases[n].used, cases[n].range == 2);
                CHECK(fabs(got.r - limit(want.r)) <= 1);
                CHECK(fabs(got.g - limit(want.g)) <= 1);
                CHECK(fabs(got.b - limit(want.b)) <= 1);
                CHECK(got.a == 255);
            }
        CHECK_INT(harness.allocations, 0);
        harness_close(&harness);
    }
}

static void from_rgba_is_right(void)
{
    static const struct {
        const char *settings;
        uint32_t height, used;
    } cases[] = {{"format=I420", 38, 6}, {"format=NV12", 38, 6}, {"format=I420", 720, 1}};

    for (uint32_t n = 0; n < 3; n++) {
        const struct tt_format *out = &harness.shape.out[0];

        run_convert(TT_RGBA, cases[n].settings, 0, 0, 62, cases[n].height);
        CHECK_INT(out->matrix, cases[n].used);
        CHECK_INT(out->range, 1);
        for (uint32_t y = 0; y < cases[n].height; y++)
            for (uint32_t x = 0; x < 62; x++) {
                struct pixel got = yuv_at(out, harness.data[1], x, y), mean = {0}, want;

                want = rgba_at(&harness.in[0], harness.data[0], x, y);
                reference_yuv(&want, cases[n].used, false);
                CHECK(fabs(got.y - want.y) <= 1);
                for (uint32_t k = 0; k < 4; k++) {
                    struct pixel one = rgba_at(&harness.in[0], harness.data[0], (x & ~1u) + k % 2,
                                               (y & ~1u) + k / 2);

                    mean.r += one.r / 4;
                    mean.g += one.g / 4;
                    mean.b += one.b / 4;
                }
                reference_yuv(&mean, cases[n].used, false);
                CHECK(fabs(got.u - mean.u) <= 1);
                CHECK(fabs(got.v - mean.v) <= 1);
            }
        CHECK_INT(harness.allocations, 0);
        harness_close(&harness);
    }
}

static void layouts_are_exchanged_exactly(void)
{
    static const uint32_t from[] = {TT_I420, TT_NV12, TT_I420};
    static const char *const to[] = {"format=NV12", "format=I420", "format=I420"};

    for (uint32_t n = 0; n < 3; n++) {
        run_convert(from[n], to[n], 5, 2, 130, 34);
        CHECK_INT(harness.shape.out[0].matrix, 5);
        CHECK_INT(harness.shape.out[0].range, 2);
        for (uint32_t y = 0; y < 34; y++)
            for (uint32_t x = 0; x < 130; x++) {
                struct pixel a = yuv_at(&harness.in[0], harness.data[0], x, y);
                struct pixel b = yuv_at(&harness.shape.out[0], harness.data[1], x, y);

                CHECK(a.y == b.y && a.u == b.u && a.v == b.v);
            }
        CHECK_INT(harness.allocations, 0);
        harness_close(&harness);
    }
}

static void odd_rgba_is_refused_in_words(void)
{
    params = (struct harness_params){.component = &tt_component_video_convert,
                                     .settings = "format=I420",
                                     .in_count = 1,
                                     .out_count = 1};
    CHECK(tt_format_video(&params.in[0], TT_RGBA, 61, 31) != 0);
    CHECK(harness_shape(&harness, &params) < 0);
    CHECK(strstr(harness.error.text, "61x31") != NULL);
}

/* The overlay's reference: a picture of three full planes in floating point. */
enum { MAIN_W = 46, MAIN_H = 34 };

struct reference {
    double luma[MAIN_H][MAIN_W], u[MAIN_H / 2][MAIN_W / 2], v[MAIN_H / 2][MAIN_W / 2];
};

static void reference_start(struct reference *ret)
{
    for (uint32_t y = 0; y < MAIN_H; y++)
        for (uint32_t x = 0; x < MAIN_W; x++) {
            struct pixel p = yuv_at(&harness.in[0], harness.data[0], x, y);

            ret->luma[y][x] = p.y;
            ret->u[y / 2][x / 2] = p.u;
            ret->v[y / 2][x / 2] = p.v;
        }
}

static void reference_lay(struct reference *ret, uint32_t input, int32_t left, int32_t top,
                          double alpha)
{
    const struct tt_format *format = &harness.in[input];
    static struct reference before;

    before = *ret;
    for (int32_t y = 0; y < (int32_t)format->height; y++)
        for (int32_t x = 0; x < (int32_t)format->width; x++) {
            int32_t to_x = x + left, to_y = y + top;
            struct pixel p;

            if (to_x < 0 || to_y < 0 || to_x >= MAIN_W || to_y >= MAIN_H)
                continue;
            if (format->fourcc == TT_RGBA) {
                p = rgba_at(format, harness.data[input], (uint32_t)x, (uint32_t)y);
                reference_yuv(&p, harness.in[0].matrix, harness.in[0].range == 2);
                p.a /= 255;
            } else {
                p = yuv_at(format, harness.data[input], (uint32_t)x, (uint32_t)y);
                p.a = 1;
            }
            p.a *= alpha;
            ret->luma[to_y][to_x] += p.a * (p.y - before.luma[to_y][to_x]);
            ret->u[to_y / 2][to_x / 2] += p.a / 4 * (p.u - before.u[to_y / 2][to_x / 2]);
            ret->v[to_y / 2][to_x / 2] += p.a / 4 * (p.v - before.v[to_y / 2][to_x / 2]);
        }
}

static void compare(const struct reference *want, double tolerance)
{
    for (uint32_t y = 0; y < MAIN_H; y++)
        for (uint32_t x = 0; x < MAIN_W; x++) {
            struct pixel got = yuv_at(&harness.shape.out[0], harness.data[params.in_count], x, y);

            CHECK(fabs(got.y - want->luma[y][x]) <= tolerance);
            CHECK(fabs(got.u - want->u[y / 2][x / 2]) <= tolerance);
            CHECK(fabs(got.v - want->v[y / 2][x / 2]) <= tolerance);
        }
}

static void open_overlay(const char *settings, uint32_t fourcc, uint32_t width, uint32_t height,
                         uint32_t range)
{
    params = (struct harness_params){.component = &tt_component_video_overlay,
                                     .settings = settings,
                                     .names = {"main", "logo"},
                                     .ports = {0, 1},
                                     .in_count = 2,
                                     .out_count = 1};
    CHECK(tt_format_video(&params.in[0], TT_I420, MAIN_W, MAIN_H) != 0);
    params.in[0].matrix = range == 2 ? 5 : 1;
    params.in[0].range = range;
    CHECK(tt_format_video(&params.in[1], fourcc, width, height) != 0);
    harness_open(&harness, &params);
    for (uint32_t n = 0; n < 2; n++) {
        harness_input(&harness, n, 0, 0, 0);
        harness_noise(harness.data[n], harness.capacity[n], n + width);
    }
}

static void overlay_at(uint32_t fourcc, uint32_t width, uint32_t height, int32_t x, int32_t y,
                       double alpha, uint32_t range)
{
    static struct reference want;
    char settings[128];

    snprintf(settings, sizeof(settings), "logo.x=%d logo.y=%d logo.alpha=%g", x, y, alpha);
    open_overlay(settings, fourcc, width, height, range);
    harness_move_state(&harness);
    reference_start(&want);
    reference_lay(&want, 1, x, y, alpha);
    CHECK_INT(harness_call(&harness, 0, 0, 0), TT_DONE);
    compare(&want, 1.6);
    CHECK_INT(harness.allocations, 0);
    harness_close(&harness);
}

static void tell(uint32_t id, double value)
{
    harness.events[harness.event_count++] =
        (struct tt_event){.kind = TT_EVENT_PARAM, .id = id, .i = (int64_t)value, .f = value};
}

/* A layer that is moved while the service runs lies where one lies that always was there. */
static void overlay_is_moved(void)
{
    const uint32_t logo = 2 << 16, nobody = 3 << 16;
    static struct reference want;

    open_overlay("logo.x=1 logo.y=2", TT_I420, 14, 12, 1);
    reference_start(&want);
    reference_lay(&want, 1, 20, -3, 0.5);
    tell(logo + 0, 20);
    tell(logo + 1, -3);
    tell(logo + 2, 0.5);
    tell(logo + 0, 1e6); /* what no user can write, and an input that is not there */
    tell(logo + 2, 1.5);
    tell(nobody + 0, 5);
    CHECK_INT(harness_call(&harness, 0, 0, 0), TT_DONE);
    compare(&want, 1.6);
    CHECK_INT(harness.allocations, 0);
    harness_close(&harness);
}

static void overlay_matches_everywhere(void)
{
    static const int32_t places[] = {-100, -13, -12, -1, 0, 1, 2, 7, 20, 21, 33, 34, 45, 46, 90};

    for (uint32_t i = 0; i < 15; i++)
        for (uint32_t j = 0; j < 15; j++) {
            overlay_at(TT_RGBA, 13, 11, places[i], places[j], 1, 1);
            overlay_at(TT_I420, 14, 12, places[i], places[j], 1, 1);
        }
    for (uint32_t i = 0; i < 15; i++) {
        overlay_at(TT_RGBA, 60, 50, places[i], places[14 - i], 0.5, 2);
        overlay_at(TT_I420, 60, 50, places[i], places[14 - i], 0.3, 2);
        overlay_at(TT_RGBA, 1, 1, places[i], places[i], 0.8, 1);
    }
}

static void clear_and_opaque_are_exact(void)
{
    static struct reference want;

    open_overlay("logo.x=3 logo.y=5", TT_RGBA, 13, 11, 1);
    for (uint32_t n = 3; n < harness.capacity[1]; n += 4)
        harness.data[1][n] = 0;
    reference_start(&want);
    CHECK_INT(harness_call(&harness, 0, 0, 0), TT_DONE);
    compare(&want, 0);
    CHECK_INT(harness.allocations, 0);
    harness_close(&harness);

    open_overlay("logo.x=-4 logo.y=6", TT_I420, 14, 12, 1);
    reference_start(&want);
    reference_lay(&want, 1, -4, 6, 1);
    CHECK_INT(harness_call(&harness, 0, 0, 0), TT_DONE);
    compare(&want, 1e-9);
    CHECK_INT(harness.allocations, 0);
    harness_close(&harness);
}

static void missing_inputs_have_their_ways(void)
{
    static struct reference want;

    open_overlay("logo.x=3 logo.y=5", TT_RGBA, 13, 11, 1);
    harness_no_input(&harness, 1, 0);
    reference_start(&want);
    CHECK_INT(harness_call(&harness, 0, 0, 0), TT_DONE);
    compare(&want, 0);

    /* So has a layer that was cut off; a main picture that was is an error. */
    harness_input(&harness, 1, 0, 0, 0)->bytes = 100;
    CHECK_INT(harness_call(&harness, 0, 0, 0), TT_DONE);
    compare(&want, 0);
    harness_input(&harness, 0, 0, 0, 0)->bytes = 100;
    CHECK(harness_call(&harness, 0, 0, 0) < 0);
    harness_no_input(&harness, 1, 0);

    harness_no_input(&harness, 0, 0);
    CHECK_INT(harness_call(&harness, 0, 0, 0), TT_DONE);
    CHECK_INT(harness_output(&harness, 0)->bytes, harness.shape.bytes_max[0]);
    CHECK_INT(yuv_at(&harness.shape.out[0], harness.data[2], 9, 9).y, 16);
    CHECK_INT(yuv_at(&harness.shape.out[0], harness.data[2], 9, 9).u, 128);

    harness_no_input(&harness, 0, TT_END);
    CHECK_INT(harness_call(&harness, 0, 0, 0), TT_DONE);
    CHECK_INT(harness_output(&harness, 0)->bytes, 0);
    CHECK_INT(harness.allocations, 0);
    harness_close(&harness);
}

static void overlay_says_what_it_wants(void)
{
    params = (struct harness_params){.component = &tt_component_video_overlay,
                                     .names = {"main", "logo"},
                                     .ports = {0, 1},
                                     .in_count = 2,
                                     .out_count = 1};
    CHECK(tt_format_video(&params.in[0], TT_NV12, 64, 64) != 0);
    CHECK(tt_format_video(&params.in[1], TT_RGBA, 33, 21) != 0);
    CHECK_INT(harness_shape(&harness, &params), 0);
    CHECK(harness.shape.want[0].fourcc == TT_I420);
    CHECK(harness.shape.want[1].fourcc == TT_RGBA);
    params.ports[0] = 1;
    CHECK(harness_shape(&harness, &params) < 0);
    CHECK(strstr(harness.error.text, "'main'") != NULL);
}

int main(void)
{
    RUN(to_rgba_is_right);
    RUN(from_rgba_is_right);
    RUN(layouts_are_exchanged_exactly);
    RUN(odd_rgba_is_refused_in_words);
    RUN(overlay_matches_everywhere);
    RUN(overlay_is_moved);
    RUN(clear_and_opaque_are_exact);
    RUN(missing_inputs_have_their_ways);
    RUN(overlay_says_what_it_wants);
    return 0;
}
