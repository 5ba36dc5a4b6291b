/* test.video and test.audio: what they paint and play can be read again, and is a function of the
 * index alone. */
#include "check.h"
#include "components/lib/audio.h"
#include "harness.h"

#include <math.h>
#include <pthread.h>
#include <unistd.h>

extern const struct tt_component tt_component_test_video, tt_component_test_audio,
    tt_component_probe_timecode, tt_component_null;

static struct harness source, probe;

static void open_video(const char *settings)
{
    harness_open(&source, &(struct harness_params){.component = &tt_component_test_video,
                                                   .settings = settings,
                                                   .out_count = 1,
                                                   .rate = {50, 1}});
}

static void open_probe(const struct tt_format *format)
{
    harness_open(&probe, &(struct harness_params){.component = &tt_component_probe_timecode,
                                                  .in = {*format},
                                                  .in_count = 1});
}

static void probe_data(const uint8_t *data, int64_t index, int64_t duration_ns)
{
    harness_input(&probe, 0, index, 0, duration_ns);
    memcpy(probe.data[0], data, probe.capacity[0]);
    CHECK_INT(harness_call(&probe, index, 0, duration_ns), TT_DONE);
    CHECK_INT(probe.note_count, 2);
    CHECK_INT(probe.notes[0].id, 1);
    CHECK_INT(probe.notes[1].id, 2);
}

static void check_round_trip(const char *settings, int64_t index, int64_t media_ns)
{
    open_video(settings);
    CHECK_INT(harness_call(&source, index, media_ns, 20000000), TT_DONE);
    CHECK_INT(harness_output(&source, 0)->bytes, source.shape.bytes_max[0]);
    open_probe(&source.shape.out[0]);
    probe_data(source.data[0], index, 0);
    CHECK_INT(probe.notes[0].value, index);
    CHECK_INT(probe.notes[1].value, media_ns / 1000);
    CHECK_INT(probe.allocations, 0);
    harness_close(&probe);
    CHECK_INT(source.allocations, 0);
    harness_close(&source);
}

static void painted_code_is_read(void)
{
    static const char *const formats[] = {"I420", "NV12", "RGBA"};
    static const char *const patterns[] = {"bars", "ramp", "ball", "black"};
    static const char *const sizes[] = {"width=64 height=64", "width=1280 height=720",
                                        "width=638 height=362", "width=66 height=1000"};

    for (uint32_t format = 0; format < 3; format++)
        for (uint32_t n = 0; n < 4; n++) {
            char settings[128];

            snprintf(settings, sizeof(settings), "format=%s pattern=%s %s", formats[format],
                     patterns[n], sizes[n]);
            check_round_trip(settings, 0, 0);
            check_round_trip(settings, 0xfffffffe, (int64_t)0xfffffffffffe * 1000);
            check_round_trip(settings, 123456, 2469120000000);
        }
    check_round_trip("format=RGBA width=101 height=77", 77, 1540000000);
}

/* Every second pixel of each second row: the coarsest half size there is. */
static void code_survives_half_size(void)
{
    struct tt_format half = {0};

    open_video("width=640 height=360");
    CHECK_INT(harness_call(&source, 4711, 94220000000, 20000000), TT_DONE);
    CHECK(tt_format_video(&half, TT_I420, 320, 180) != 0);
    open_probe(&half);
    harness_input(&probe, 0, 0, 0, 0);
    for (uint32_t y = 0; y < 180; y++)
        for (uint32_t x = 0; x < 320; x++)
            probe.data[0][y * half.stride[0] + x] =
                source.data[0][2 * y * source.shape.out[0].stride[0] + 2 * x];
    CHECK_INT(harness_call(&probe, 0, 0, 0), TT_DONE);
    CHECK_INT(probe.notes[0].value, 4711);
    CHECK_INT(probe.notes[1].value, 94220000);
    CHECK_INT(probe.allocations, 0);
    harness_close(&probe);
    CHECK_INT(source.allocations, 0);
    harness_close(&source);
}

static void damage_is_noticed(void)
{
    struct tt_format format;

    open_video("width=640 height=360");
    CHECK_INT(harness_call(&source, 4711, 0, 20000000), TT_DONE);
    format = source.shape.out[0];
    open_probe(&format);
    for (uint32_t column = 0; column < 32; column++) {
        harness_input(&probe, 0, 0, 0, 0);
        memcpy(probe.data[0], source.data[0], probe.capacity[0]);
        for (uint32_t y = 0; y < 360 / 32; y++)
            for (uint32_t x = column * 20; x < column * 20 + 20; x++)
                probe.data[0][y * format.stride[0] + x] ^= 0xff;
        CHECK_INT(harness_call(&probe, 0, 0, 0), TT_DONE);
        CHECK_INT(probe.notes[0].value, -1);
    }
    for (int shade = 0; shade < 256; shade += 15) {
        harness_input(&probe, 0, 0, 0, 0);
        memset(probe.data[0], shade, probe.capacity[0]);
        CHECK_INT(harness_call(&probe, 0, 0, 0), TT_DONE);
        CHECK_INT(probe.notes[0].value, -1);
    }
    CHECK_INT(probe.allocations, 0);
    harness_close(&probe);
    CHECK_INT(source.allocations, 0);
    harness_close(&source);
}

static void pictures_move_and_repeat_exactly(void)
{
    static const char *const patterns[] = {"bars", "ramp", "ball"};
    static uint8_t first[320 * 180 * 2];

    for (uint32_t n = 0; n < 3; n++) {
        char settings[128];
        uint32_t half;

        snprintf(settings, sizeof(settings), "width=320 height=180 timecode=false pattern=%s",
                 patterns[n]);
        open_video(settings);
        half = source.shape.out[0].stride[0] * 90;
        CHECK_INT(harness_call(&source, 7, 0, 1), TT_DONE);
        memcpy(first, source.data[0], 2 * half);
        harness_move_state(&source);
        CHECK_INT(harness_call(&source, 8, 0, 1), TT_DONE);
        CHECK(memcmp(first, source.data[0], 2 * half) != 0);
        CHECK_INT(harness_call(&source, 7, 0, 1), TT_DONE);
        CHECK(memcmp(first, source.data[0], 2 * half) == 0);
        CHECK_INT(source.allocations, 0);
        harness_close(&source);
    }
}

static void cut_pictures_are_not_read(void)
{
    struct tt_format format = {0};

    CHECK(tt_format_video(&format, TT_I420, 640, 360) != 0);
    open_probe(&format);
    harness_input(&probe, 0, 0, 0, 0)->bytes = 1000;
    CHECK_INT(harness_call(&probe, 0, 0, 0), TT_DONE);
    CHECK_INT(probe.notes[0].value, -1);
    harness_close(&probe);
}

static void bars_have_their_colours(void)
{
    const struct tt_format *format = &source.shape.out[0];

    open_video("width=640 height=360 timecode=false");
    CHECK_INT(harness_call(&source, 0, 0, 1), TT_DONE);
    CHECK_INT(source.data[0][100 * format->stride[0] + 5], 180);
    CHECK_INT(source.data[0][359 * format->stride[0] + 85], 168);
    CHECK_INT(source.data[0][format->plane_offset[1] + 179 * format->stride[1] + 45], 44);
    CHECK_INT(source.data[0][format->plane_offset[2] + 45], 136);
    CHECK_INT(format->matrix, 1);
    CHECK_INT(format->rate.num, 50);
    CHECK_INT(source.allocations, 0);
    harness_close(&source);
}

static void bad_sizes_are_refused_in_words(void)
{
    struct harness_params params = {
        .component = &tt_component_test_video, .settings = "width=641 height=360", .out_count = 1};

    CHECK(harness_shape(&source, &params) < 0);
    CHECK(strstr(source.error.text, "641x360") != NULL);
    params.settings = "width=32 height=32";
    CHECK(harness_shape(&source, &params) < 0);
    CHECK(strstr(source.error.text, "timecode=false") != NULL);
    params.settings = "width=32 height=32 timecode=false";
    CHECK_INT(harness_shape(&source, &params), 0);
    CHECK_INT(source.shape.out[0].rate.num, 25);
}

static void open_audio(const char *settings)
{
    harness_open(&source, &(struct harness_params){.component = &tt_component_test_audio,
                                                   .settings = settings,
                                                   .out_count = 1});
}

static void tone_is_a_sine_after_a_year(void)
{
    static const int64_t indices[] = {0, 1, 3153600000};
    const double level = pow(10, -30 / 20.0);

    open_audio("frequency=1000 level_db=-30 channels=3");
    CHECK_INT(source.shape.out[0].rate.num, 48000);
    CHECK_INT(source.shape.out[0].rate.den, 480);
    for (uint32_t n = 0; n < 3; n++) {
        CHECK_INT(harness_call(&source, indices[n], indices[n] * 10000000, 10000000), TT_DONE);
        for (uint32_t channel = 0; channel < 3; channel++)
            for (uint32_t at = 0; at < 480; at++) {
                float got = tt_channel(&source.shape.out[0], (tt_addr)(uintptr_t)source.data[0],
                                       channel)[at];

                CHECK(fabs(got - level * sin(2 * M_PI * (at % 48) / 48)) < 2e-7);
            }
        harness_move_state(&source);
    }
    CHECK_INT(source.allocations, 0);
    harness_close(&source);
}

static void played_code_is_heard(void)
{
    static const int64_t indices[] = {0, 5, 0xfffffffe, 99999};

    open_audio("timecode=true level_db=-12 channels=2");
    open_probe(&source.shape.out[0]);
    for (uint32_t n = 0; n < 4; n++) {
        CHECK_INT(harness_call(&source, indices[n], 0, 10000000), TT_DONE);
        probe_data(source.data[0], indices[n], 10000000);
        CHECK_INT(probe.notes[0].value, indices[n]);
        CHECK_INT(probe.notes[1].value, indices[n] * 10000);

        /* A tone mixed over it at -30 dB does not hide it. */
        for (uint32_t at = 0; at < 480; at++)
            ((float *)(void *)source.data[0])[at] += 0.0316f * sinf((float)at * 0.13f);
        probe_data(source.data[0], indices[n], 10000000);
        CHECK_INT(probe.notes[0].value, indices[n]);
    }
    memset(source.data[0], 0, source.capacity[0]);
    probe_data(source.data[0], 0, 10000000);
    CHECK_INT(probe.notes[0].value, -1);
    CHECK_INT(probe.allocations, 0);
    harness_close(&probe);
    CHECK_INT(source.allocations, 0);
    harness_close(&source);
}

static void sines_and_decibels_are_right(void)
{
    for (int n = -1000; n < 1000; n++) {
        double turns = n / 1000.0;

        CHECK(fabs(component_sine((uint64_t)(int64_t)(turns * 0x1p63) * 2) -
                   sin(turns * 2 * M_PI)) < 2e-9);
        CHECK(fabs(component_gain(n / 4.0) / pow(10, n / 80.0) - 1) < 1e-9);
    }
    for (int64_t place = -5; place < 100000; place += 7) {
        CHECK_INT(component_place(component_place_ns(place, 44100), 44100), place);
        CHECK_INT(component_place(component_place_ns(place, 192000), 192000), place);
    }
}

static struct tt_frame hung_frame = {.handle = TT_NO_FRAME};
static struct tt_call hung_call = {
    .abi = TT_ABI, .size = sizeof(struct tt_call), .index = 3, .in_count = 1};
static volatile bool has_returned;

static void *call_that_hangs(void *state)
{
    hung_call.frames = (tt_addr)(uintptr_t)&hung_frame;
    CHECK_INT(tt_component_null.process(state, &hung_call), TT_DONE);
    has_returned = true;
    return NULL;
}

static void null_takes_and_hangs_on_request(void)
{
    struct harness_params params = {.component = &tt_component_null, .in_count = 1};
    pthread_t thread;

    CHECK(tt_format_video(&params.in[0], TT_I420, 64, 64) != 0);
    params.settings = "spin=1000 hang_at=3";
    harness_open(&probe, &params);
    for (int64_t index = 0; index < 3; index++) {
        harness_input(&probe, 0, index, 0, 0);
        CHECK_INT(harness_call(&probe, index, 0, 0), TT_DONE);
    }
    CHECK_INT(pthread_create(&thread, NULL, call_that_hangs, probe.state), 0);
    (void)usleep(30000);
    CHECK(!has_returned);
    *(volatile uint32_t *)&hung_call.stop = 1;
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK(has_returned);
    harness_close(&probe);
}

#ifndef __SANITIZE_ADDRESS__
static void *wasted;

static int process_that_allocates(void *state, struct tt_call *call)
{
    wasted = malloc(100);
    return TT_DONE;
}
#endif

/* A guard that sees nothing would let everything pass. */
static void harness_sees_allocations(void)
{
#ifndef __SANITIZE_ADDRESS__
    struct tt_component component = tt_component_null;

    component.process = process_that_allocates;
    harness_open(&source, &(struct harness_params){.component = &component});
    CHECK_INT(harness_call(&source, 0, 0, 0), TT_DONE);
    CHECK_INT(source.allocations, 1);
    free(wasted);
    harness_close(&source);
#endif
}

int main(void)
{
    RUN(harness_sees_allocations);
    RUN(painted_code_is_read);
    RUN(code_survives_half_size);
    RUN(damage_is_noticed);
    RUN(pictures_move_and_repeat_exactly);
    RUN(cut_pictures_are_not_read);
    RUN(bars_have_their_colours);
    RUN(bad_sizes_are_refused_in_words);
    RUN(tone_is_a_sine_after_a_year);
    RUN(played_code_is_heard);
    RUN(sines_and_decibels_are_right);
    RUN(null_takes_and_hangs_on_request);
    return 0;
}
