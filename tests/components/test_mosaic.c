/* video.mosaic: its geometry against the definition, its pictures against a slow bilinear
 * reference, and that no input can stop it. */
#include "check.h"
#include "components/video_mosaic/place.h"
#include "harness.h"

#include <errno.h>
#include <math.h>

extern const struct tt_component tt_component_video_mosaic;

static struct harness harness;
static struct harness_params params;

static void want_input(uint32_t input, uint32_t width, uint32_t height)
{
    CHECK(tt_format_video(&params.in[input], TT_I420, width, height) != 0);
    params.in[input].kind = TT_VIDEO;
    params.in[input].matrix = 1;
    params.in[input].range = 1;
    params.in[input].siting = 1;
    params.in_count = input + 1;
}

static void start(const char *settings, uint32_t width, uint32_t height, uint32_t count)
{
    params = (struct harness_params){
        .component = &tt_component_video_mosaic, .settings = settings, .out_count = 1};
    for (uint32_t n = 0; n < count; n++)
        want_input(n, width, height);
}

static uint8_t byte_of(const struct tt_format *format, uint32_t buffer, uint32_t plane, uint32_t x,
                       uint32_t y)
{
    return tt_plane(format, (tt_addr)(uintptr_t)harness.data[buffer],
                    plane)[(size_t)y * format->stride[plane] + x];
}

static uint8_t out_byte(uint32_t plane, uint32_t x, uint32_t y)
{
    return byte_of(&harness.shape.out[0], harness.request.in_count, plane, x, y);
}

/* Even noise would hide nothing, but a smooth picture shows a misplaced half pixel. */
static void paint(uint32_t input, uint32_t seed)
{
    const struct tt_format *format = &harness.in[input];

    for (uint32_t plane = 0; plane < 3; plane++)
        for (uint32_t y = 0; y < format->height / (plane ? 2 : 1); y++)
            for (uint32_t x = 0; x < format->width / (plane ? 2 : 1); x++)
                tt_plane(format, (tt_addr)(uintptr_t)harness.data[input],
                         plane)[(size_t)y * format->stride[plane] + x] =
                    (uint8_t)(128 + 90 * sin(x * 0.11 + seed) * cos(y * 0.07 + plane));
}

static void show(uint32_t input, int64_t index)
{
    harness_input(&harness, input, index, index * 40000000, 40000000);
}

static void call(int64_t index)
{
    CHECK_INT(harness_call(&harness, index, index * 40000000, 40000000), TT_DONE);
    CHECK_INT(harness_output(&harness, 0)->bytes, harness.shape.bytes_max[0]);
}

static bool is_colour(const struct mosaic_rect *at, uint8_t y, uint8_t u, uint8_t v)
{
    const uint8_t wanted[3] = {y, u, v};

    for (uint32_t plane = 0; plane < 3; plane++) {
        uint32_t by = plane ? 2 : 1;

        for (uint32_t row = at->y / by; row < (at->y + at->height) / by; row++)
            for (uint32_t x = at->x / by; x < (at->x + at->width) / by; x++)
                if (abs((int)out_byte(plane, x, row) - wanted[plane]) > 1)
                    return false;
    }
    return true;
}

static bool overlaps(const struct mosaic_rect *a, const struct mosaic_rect *b)
{
    return a->x < b->x + b->width && b->x < a->x + a->width && a->y < b->y + b->height &&
           b->y < a->y + a->height;
}

static void cells_fill_the_grid(void)
{
    for (uint32_t count = 1; count <= 16; count++)
        for (uint32_t columns = 0; columns <= 5; columns++)
            for (uint32_t gap = 0; gap <= 6; gap += 2) {
                struct mosaic_grid grid = {1000, 562, columns, gap, count};
                struct mosaic_rect cells[16];
                uint32_t right = 0, bottom = 0;

                for (uint32_t n = 0; n < count; n++) {
                    cells[n] = mosaic_cell(&grid, n);
                    CHECK(cells[n].width >= 2 && cells[n].height >= 2);
                    CHECK(((cells[n].x | cells[n].y | cells[n].width | cells[n].height) & 1) == 0);
                    right =
                        cells[n].x + cells[n].width > right ? cells[n].x + cells[n].width : right;
                    bottom = cells[n].y + cells[n].height;
                    for (uint32_t other = 0; other < n; other++)
                        CHECK(!overlaps(&cells[n], &cells[other]));
                }
                CHECK_INT(bottom, 562);
                if (columns <= count)
                    CHECK_INT(right, 1000);
            }
    CHECK_INT(mosaic_cell(&(struct mosaic_grid){8, 8, 0, 100, 4}, 1).width, 0);
}

static void pictures_keep_their_shape(void)
{
    const struct mosaic_rect cell = {100, 50, 400, 300};
    struct mosaic_rect shown, at = mosaic_fit(&cell, 640, 360, MOSAIC_FIT, &shown);

    CHECK(at.x == 100 && at.width == 400 && at.height == 226 && at.y == 86);
    CHECK(shown.width == 640 && shown.height == 360);
    at = mosaic_fit(&cell, 360, 640, MOSAIC_FIT, &shown);
    CHECK(at.height == 300 && at.width == 168 && at.x == 216 && at.y == 50);
    at = mosaic_fit(&cell, 640, 360, MOSAIC_FILL, &shown);
    CHECK(memcmp(&at, &cell, sizeof(at)) == 0);
    CHECK(shown.width == 480 && shown.x == 80 && shown.height == 360 && shown.y == 0);
    at = mosaic_fit(&cell, 640, 360, MOSAIC_STRETCH, &shown);
    CHECK(memcmp(&at, &cell, sizeof(at)) == 0 && shown.width == 640);
    at = mosaic_fit(&cell, 8192, 2, MOSAIC_FIT, &shown);
    CHECK(at.width == 400 && at.height == 2);
}

static void bare_pieces_are_what_is_left(void)
{
    static uint8_t seen[64][64];
    static struct mosaic_rect pieces[MOSAIC_BARE_MAX];
    uint32_t seed = 1;

    for (uint32_t round = 0; round < 300; round++) {
        struct mosaic_rect pictures[16];
        uint32_t count = round % 17, piece_count;

        memset(seen, 0, sizeof(seen));
        for (uint32_t n = 0; n < count; n++) {
            uint32_t *fields[] = {&pictures[n].x, &pictures[n].width, &pictures[n].y,
                                  &pictures[n].height};

            for (uint32_t k = 0; k < 4; k++) {
                seed = seed * 1664525u + 1013904223u;
                *fields[k] = k % 2 == 0 ? (seed >> 20) % 31 * 2 : 2 + (seed >> 20) % 16 * 2;
                if (k % 2 == 1 && *fields[k - 1] + *fields[k] > 64)
                    *fields[k] = 64 - *fields[k - 1];
            }
            for (uint32_t y = 0; y < pictures[n].height; y++)
                memset(&seen[pictures[n].y + y][pictures[n].x], 1, pictures[n].width);
        }
        piece_count = mosaic_bare(64, 64, pictures, count, pieces);
        CHECK(piece_count <= MOSAIC_BARE_MAX);
        for (uint32_t n = 0; n < piece_count; n++)
            for (uint32_t y = 0; y < pieces[n].height; y++)
                for (uint32_t x = 0; x < pieces[n].width; x++)
                    CHECK_INT(seen[pieces[n].y + y][pieces[n].x + x]++, 0);
        for (uint32_t y = 0; y < 64; y++)
            for (uint32_t x = 0; x < 64; x++)
                CHECK_INT(seen[y][x], 1);
    }
}

static void what_fits_is_copied(void)
{
    start("width=248 height=132 gap=8", 120, 62, 4);
    harness_open(&harness, &params);
    for (uint32_t n = 0; n < 4; n++) {
        show(n, 0);
        harness_noise(harness.data[n], harness.capacity[n], n + 1);
    }
    call(0);
    for (uint32_t n = 0; n < 4; n++)
        for (uint32_t plane = 0; plane < 3; plane++) {
            uint32_t by = plane ? 2 : 1, left = n % 2 * 128, top = n / 2 * 70;

            for (uint32_t y = 0; y < 62 / by; y++)
                for (uint32_t x = 0; x < 120 / by; x++)
                    CHECK_INT(out_byte(plane, left / by + x, top / by + y),
                              byte_of(&harness.in[n], n, plane, x, y));
        }
    CHECK(is_colour(&(struct mosaic_rect){120, 0, 8, 132}, 30, 128, 128)); /* 101010 */
    CHECK(is_colour(&(struct mosaic_rect){0, 62, 248, 8}, 30, 128, 128));
    CHECK_INT(harness.allocations, 0);
    harness_close(&harness);
}

/* A halved picture by the definition of a bilinear filter: a triangle two source pixels wide. */
static double halved(uint32_t input, uint32_t x, uint32_t y)
{
    static const double weights[4] = {0.125, 0.375, 0.375, 0.125};
    const struct tt_format *in = &harness.in[input];
    double sum = 0;

    for (uint32_t row = 0; row < 4; row++)
        for (uint32_t column = 0; column < 4; column++)
            sum += weights[row] * weights[column] *
                   byte_of(in, input, 0, 2 * x - 1 + column, 2 * y - 1 + row);
    return sum;
}

static void what_does_not_is_scaled(void)
{
    start("width=320 height=180", 320, 180, 3);
    params.levels[0] = "width=320 height=180 method=point";
    harness_open(&harness, &params);
    params.levels[0] = NULL;
    for (uint32_t n = 0; n < 3; n++) {
        show(n, 0);
        paint(n, n);
    }
    call(0);
    for (uint32_t n = 0; n < 3; n++)
        for (uint32_t y = 2; y < 88; y++)
            for (uint32_t x = 2; x < 158; x++)
                CHECK(fabs(out_byte(0, n % 2 * 160 + x, n / 2 * 90 + y) - halved(n, x, y)) < 1.5);
    CHECK(is_colour(&(struct mosaic_rect){160, 90, 160, 90}, 30, 128, 128));
    CHECK_INT(harness.allocations, 0);

    /* The same frame again is not scaled anew; another is. */
    paint(0, 9);
    call(1);
    CHECK(fabs(out_byte(0, 80, 45) - halved(0, 80, 45)) > 3);
    show(0, 1);
    call(2);
    CHECK(fabs(out_byte(0, 80, 45) - halved(0, 80, 45)) < 1.5);
    paint(0, 4);
    harness_input(&harness, 0, 2, 40000000, 40000000); /* another that shows the same instant */
    call(3);
    CHECK(fabs(out_byte(0, 80, 45) - halved(0, 80, 45)) < 1.5);
    harness.level = 1; /* degraded: point */
    call(4);
    CHECK(fabs(out_byte(0, 80, 45) - halved(0, 80, 45)) > 1.5);
    CHECK_INT(harness.allocations, 0);
    harness_close(&harness);
}

static void who_is_missing_shows_a_slate(void)
{
    const struct mosaic_rect first = {0, 0, 64, 64}, second = {64, 0, 64, 64};

    start("width=128 height=64 slate=ff0000 background=#00FF00", 64, 64, 2);
    harness_open(&harness, &params);
    memset(harness.data[0], 77, harness.capacity[0]);
    show(0, 0);
    harness_no_input(&harness, 1, 0);
    call(0);
    CHECK(is_colour(&first, 77, 77, 77));
    CHECK(is_colour(&second, 63, 102, 240)); /* red in BT.709, limited */
    harness_no_input(&harness, 0, TT_END);
    harness_input(&harness, 1, 1, 1, 1)->bytes = harness.capacity[1] - 1;
    call(1);
    CHECK(is_colour(&first, 63, 102, 240));
    CHECK(is_colour(&second, 63, 102, 240));
    memset(harness.data[1], 99, harness.capacity[1]);
    harness_input(&harness, 1, 2, 1, 1)->flags = TT_REPEATED;
    call(2);
    CHECK(is_colour(&second, 99, 99, 99));
    CHECK((harness_output(&harness, 0)->flags & TT_REPEATED) != 0);
    harness_close(&harness);
}

static void places_are_the_users(void)
{
    start("width=320 height=180 background=ffffff in1.x=200 in1.y=100 in1.width=64 in1.height=36",
          160, 90, 2);
    harness_open(&harness, &params);
    memset(harness.data[0], 50, harness.capacity[0]);
    memset(harness.data[1], 90, harness.capacity[1]);
    show(0, 0);
    show(1, 0);
    call(0);
    CHECK(is_colour(&(struct mosaic_rect){0, 0, 320, 100}, 50, 50, 50));
    CHECK(is_colour(&(struct mosaic_rect){200, 100, 64, 36}, 90, 90, 90));
    CHECK(is_colour(&(struct mosaic_rect){264, 100, 56, 80}, 50, 50, 50));
    harness_close(&harness);

    start("width=320 height=180 background=ffffff in0.x=20", 160, 90, 1);
    harness_open(&harness, &params);
    memset(harness.data[0], 50, harness.capacity[0]);
    show(0, 0);
    call(0);
    CHECK(is_colour(&(struct mosaic_rect){20, 0, 160, 90}, 50, 50, 50));
    CHECK(is_colour(&(struct mosaic_rect){0, 90, 320, 90}, 235, 128, 128));
    harness_close(&harness);
}

/* SD and HD side by side: one colour, however it is written. */
static void colours_are_made_alike(void)
{
    start("width=128 height=64", 64, 64, 2);
    params.in[1].matrix = 6;
    params.in[1].range = 2;
    harness_open(&harness, &params);
    for (uint32_t n = 0; n < 2; n++) { /* 191 0 0 in both */
        static const uint8_t red[2][3] = {{51, 109, 212}, {57, 96, 223}};

        for (uint32_t plane = 0; plane < 3; plane++)
            memset(harness.data[n] + harness.in[n].plane_offset[plane], red[n][plane],
                   (size_t)harness.in[n].stride[plane] * (plane ? 32 : 64));
        show(n, 0);
    }
    call(0);
    CHECK(is_colour(&(struct mosaic_rect){0, 0, 64, 64}, 51, 109, 212));
    CHECK(is_colour(&(struct mosaic_rect){64, 0, 64, 64}, 51, 109, 212));
    CHECK_INT(harness.allocations, 0);
    harness_close(&harness);
}

static void refused(const char *settings, const char *wanted)
{
    params.settings = settings;
    CHECK_INT(harness_shape(&harness, &params), -EINVAL);
    if (strstr(harness.error.text, wanted) == NULL)
        fprintf(stderr, "%s\n", harness.error.text);
    CHECK(strstr(harness.error.text, wanted) != NULL);
}

static void what_cannot_be_is_said(void)
{
    start(NULL, 64, 64, 2);
    refused("background=blue", "write background as RRGGBB");
    refused("slate=12345g", "write slate as RRGGBB");
    refused("gap=3", "make width, height and gap even");
    refused("width=641", "make width, height and gap even");
    refused("width=8 height=8 gap=100", "make it larger, or the gap smaller");
    refused("in1.x=3", "make all four numbers even");
    refused("in0.x=1270", "change in0.x");
    params.in[1].field_order = TT_TOP_FIRST;
    refused(NULL, "deinterlace");
    params.in[1].field_order = 0;
    params.in[0].width = 63;
    refused(NULL, "63x64 at 'in0', their sides must be even");
    params.in[0].width = 0;
    refused(NULL, "0x64 at 'in0'");
    params.in_count = 0;
    refused(NULL, "connect 1 to 16 inputs");
}

/* What is shown again was scaled by an instance that is gone, and is the same picture. */
static void a_moved_one_shows_the_same(void)
{
    static uint8_t before[320 * 180 * 2];
    uint32_t bytes;

    start("width=320 height=180 method=bicubic", 160, 120, 2);
    harness_open(&harness, &params);
    for (uint32_t n = 0; n < 2; n++) {
        show(n, n);
        paint(n, 5 + n);
    }
    call(1);
    call(2);
    bytes = harness.shape.bytes_max[0];
    CHECK(bytes <= sizeof(before));
    memcpy(before, harness.data[harness.request.in_count], bytes);
    harness_close(&harness);

    harness_open(&harness, &params);
    CHECK_INT(harness.component->flags & TT_SAVES, TT_SAVES);
    for (uint32_t n = 0; n < 2; n++) {
        show(n, n);
        paint(n, 5 + n);
    }
    call(3);
    CHECK(memcmp(before, harness.data[harness.request.in_count], bytes) == 0);
    harness_close(&harness);
}

int main(void)
{
    RUN(cells_fill_the_grid);
    RUN(pictures_keep_their_shape);
    RUN(bare_pieces_are_what_is_left);
    RUN(what_fits_is_copied);
    RUN(what_does_not_is_scaled);
    RUN(who_is_missing_shows_a_slate);
    RUN(places_are_the_users);
    RUN(colours_are_made_alike);
    RUN(a_moved_one_shows_the_same);
    RUN(what_cannot_be_is_said);
    return 0;
}
