/* video.crossfade against exact arithmetic: its ends to the bit, its way, its black; and tee, which
 * passes handles on and touches nothing. */
#include "check.h"
#include "harness.h"

#include <errno.h>
#include <math.h>

extern const struct tt_component tt_component_video_crossfade, tt_component_tee;

enum { WIDTH = 62, HEIGHT = 34, FROM = 0, TO = 1, OUT = 2 };
enum { POSITION = 0 }; /* places of parameters */

static struct harness harness;
static struct harness_params params;

static void open_fade(const char *settings)
{
    params = (struct harness_params){.component = &tt_component_video_crossfade,
                                     .settings = settings,
                                     .in_count = 2,
                                     .out_count = 1,
                                     .ports = {0, 1},
                                     .names = {"from", "to"}};
    for (uint32_t n = 0; n < 2; n++) {
        params.in[n].kind = TT_VIDEO;
        CHECK(tt_format_video(&params.in[n], TT_I420, WIDTH, HEIGHT) != 0);
    }
    harness_open(&harness, &params);
    harness_move_state(&harness);
    for (uint32_t n = 0; n < 2; n++)
        harness_noise(harness.data[n], harness.capacity[n], n + 1);
}

static void call(int64_t index)
{
    CHECK_INT(harness_call(&harness, index, index * 40000000, 40000000), TT_DONE);
    CHECK_INT(harness_output(&harness, 0)->bytes, harness.capacity[OUT]);
}

static void show_both(int64_t index)
{
    harness_input(&harness, FROM, index, index * 40000000, 40000000);
    harness_input(&harness, TO, index, index * 40000000, 40000000);
    call(index);
}

static uint8_t byte_of(uint32_t buffer, uint32_t plane, uint32_t x, uint32_t y)
{
    const struct tt_format *format = &harness.shape.out[0];

    return tt_plane(format, (tt_addr)(uintptr_t)harness.data[buffer],
                    plane)[(size_t)y * format->stride[plane] + x];
}

/* Both NULL frames and pictures: a side that is missing is black. */
static void check_mix(double position, bool has_from, bool has_to)
{
    for (uint32_t plane = 0; plane < 3; plane++)
        for (uint32_t y = 0; y < HEIGHT / (plane ? 2 : 1); y++)
            for (uint32_t x = 0; x < WIDTH / (plane ? 2 : 1); x++) {
                double black = plane ? 128 : 16;
                double from = has_from ? byte_of(FROM, plane, x, y) : black;
                double to = has_to ? byte_of(TO, plane, x, y) : black;
                double want = from + (to - from) * position;

                CHECK(fabs(byte_of(OUT, plane, x, y) - want) <= 0.51);
            }
}

static bool is_same(uint32_t input)
{
    return memcmp(harness.data[input], harness.data[OUT], harness.capacity[OUT]) == 0;
}

static void a_fade_goes_its_way(void)
{
    open_fade("at=10 duration=8");
    show_both(0);
    CHECK(is_same(FROM));
    for (int64_t index = 10; index <= 18; index++) {
        show_both(index);
        check_mix((double)(index - 10) / 8, true, true);
        CHECK_INT(is_same(FROM), index == 10);
        CHECK_INT(is_same(TO), index == 18);
    }
    show_both(1000000000);
    CHECK(is_same(TO));
    CHECK_INT(harness.allocations, 0);
    harness_close(&harness);
    open_fade("at=3 duration=0");
    show_both(2);
    CHECK(is_same(FROM));
    show_both(3);
    CHECK(is_same(TO));
    harness_close(&harness);
}

static void set_position(double value)
{
    harness.events[harness.event_count++] =
        (struct tt_event){.kind = TT_EVENT_PARAM, .id = POSITION, .f = value};
}

static void a_hand_moves_it(void)
{
    open_fade("position=0.25 at=100");
    show_both(0);
    check_mix(0.25, true, true);
    set_position(1);
    show_both(1);
    CHECK(is_same(TO));
    set_position(NAN);
    set_position(1.5);
    set_position(-1);
    show_both(200); /* the hand has taken the fade's place */
    CHECK(is_same(TO));
    set_position(0);
    show_both(201);
    CHECK(is_same(FROM));
    harness_close(&harness);

    open_fade("glide=4");
    show_both(0);
    set_position(1);
    for (int64_t index = 5; index <= 9; index++) {
        show_both(index);
        check_mix((double)(index - 5) / 4, true, true);
    }
    CHECK(is_same(TO));
    harness_close(&harness);
}

static void who_is_missing_is_black(void)
{
    open_fade("position=0.5");
    for (uint32_t missing = 0; missing < 2; missing++) {
        harness_input(&harness, 1 - missing, 0, 0, 0)->flags = TT_REPEATED;
        harness_no_input(&harness, missing, missing ? TT_END : 0);
        call(0);
        check_mix(0.5, missing != FROM, missing != TO);
        CHECK((harness_output(&harness, 0)->flags & TT_REPEATED) != 0);
    }
    harness_input(&harness, FROM, 0, 0, 0);
    harness_input(&harness, TO, 0, 0, 0)->bytes = 17; /* cut: as good as none */
    call(0);
    check_mix(0.5, true, false);
    harness_no_input(&harness, FROM, 0);
    harness_no_input(&harness, TO, 0);
    call(1);
    check_mix(0.5, false, false);
    set_position(1);
    harness_input(&harness, FROM, 0, 0, 0);
    call(2);
    check_mix(1, true, false);
    harness_close(&harness);
}

static void what_cannot_be_is_said(void)
{
    params = (struct harness_params){
        .component = &tt_component_video_crossfade, .in_count = 1, .ports = {0, 1}};
    params.in[0].kind = params.in[1].kind = TT_VIDEO;
    CHECK(tt_format_video(&params.in[0], TT_I420, 64, 32) != 0);
    CHECK(tt_format_video(&params.in[1], TT_I420, 64, 34) != 0);
    CHECK_INT(harness_shape(&harness, &params), -EINVAL);
    CHECK(strstr(harness.error.text, "'from' and 'to'") != NULL);
    params.in_count = 2;
    CHECK_INT(harness_shape(&harness, &params), -EINVAL);
    CHECK(strstr(harness.error.text, "video.scale width=64 height=32") != NULL);
    params.in[1] = params.in[0];
    params.in[1].field_order = TT_TOP_FIRST;
    CHECK_INT(harness_shape(&harness, &params), -EINVAL);
}

static uint32_t emits[TT_PORTS_MAX][2], emit_count;
static int emit_result;

static int record_emit(void *ctx, uint32_t port, uint32_t handle)
{
    CHECK(emit_count < TT_PORTS_MAX);
    emits[emit_count][0] = port;
    emits[emit_count++][1] = handle;
    return emit_result;
}

static void a_tee_copies_nothing(void)
{
    static const uint8_t extradata[] = {1, 2, 3};

    params = (struct harness_params){.component = &tt_component_tee, .in_count = 1, .out_count = 3};
    params.in[0].kind = TT_VIDEO;
    CHECK(tt_format_video(&params.in[0], TT_I420, 64, 32) != 0);
    harness_open(&harness, &params);
    harness.host.frame_emit = record_emit;
    harness_input(&harness, 0, 7, 8, 9)->handle = 77;
    CHECK_INT(harness_call(&harness, 7, 8, 9), TT_DONE);
    CHECK_INT(emit_count, 3);
    for (uint32_t n = 0; n < 3; n++) {
        CHECK_INT(emits[n][0], n);
        CHECK_INT(emits[n][1], 77);
        CHECK_INT(harness_output(&harness, n)->bytes, 0);
        CHECK(memcmp(&harness.shape.out[n], &harness.in[0], sizeof(struct tt_format)) == 0);
    }
    emit_result = -ENOBUFS; /* is not hidden */
    CHECK_INT(harness_call(&harness, 8, 8, 9), -ENOBUFS);
    harness_no_input(&harness, 0, TT_END);
    emit_count = 0;
    CHECK_INT(harness_call(&harness, 9, 8, 9), TT_DONE);
    CHECK_INT(emit_count, 0);
    CHECK_INT(harness.allocations, 0);
    harness_close(&harness);

    /* Coded media: what a decoder needs goes with it. */
    params.in[0] = (struct tt_format){.size = sizeof(struct tt_format),
                                      .kind = TT_CODED_VIDEO,
                                      .fourcc = TT_H264,
                                      .width = 64,
                                      .height = 32};
    CHECK_INT(harness_shape(&harness, &params), 0);
    harness.config[0] = (struct tt_blob){extradata, sizeof(extradata)};
    CHECK_INT(tt_component_tee.shape(&harness.request, &harness.shape, &harness.error), 0);
    for (uint32_t n = 0; n < 3; n++) {
        CHECK(harness.shape.config[n].data == extradata);
        CHECK(harness.shape.bytes_max[n] > 0);
    }
}

int main(void)
{
    RUN(a_fade_goes_its_way);
    RUN(a_hand_moves_it);
    RUN(who_is_missing_is_black);
    RUN(what_cannot_be_is_said);
    RUN(a_tee_copies_nothing);
    return 0;
}
