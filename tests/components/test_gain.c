/* audio.gain against the arithmetic of decibels, and its ramps: no step larger than a ramp's. */
#include "check.h"
#include "harness.h"

#include <errno.h>
#include <math.h>

extern const struct tt_component tt_component_audio_gain;

enum { RATE = 48000, QUANTUM = 480 };
enum { GAIN_DB = 0, MUTE = 1 }; /* places of parameters */

static struct harness harness;
static struct harness_params params;

static void open_gain(const char *settings, uint32_t channels)
{
    params = (struct harness_params){
        .component = &tt_component_audio_gain, .settings = settings, .in_count = 1, .out_count = 1};
    CHECK(tt_format_audio(&params.in[0], TT_F32P, RATE, channels, QUANTUM) != 0);
    params.in[0].kind = TT_AUDIO;
    harness_open(&harness, &params);
}

static float *in_at(uint32_t channel)
{
    return tt_channel(&harness.in[0], (tt_addr)(uintptr_t)harness.data[0], channel);
}

static const float *out_at(uint32_t channel)
{
    return tt_channel(&harness.shape.out[0], (tt_addr)(uintptr_t)harness.data[1], channel);
}

static struct tt_frame *feed(int64_t index, float value)
{
    struct tt_frame *frame = harness_input(&harness, 0, index, index * 10000000, 10000000);

    for (uint32_t channel = 0; channel < harness.in[0].channels; channel++)
        for (uint32_t n = 0; n < QUANTUM; n++)
            in_at(channel)[n] = value * (float)(channel + 1);
    return frame;
}

static void call(int64_t index)
{
    CHECK_INT(harness_call(&harness, index, index * 10000000, 10000000), TT_DONE);
}

static void post(uint32_t id, double value)
{
    harness.events[harness.event_count++] =
        (struct tt_event){.kind = TT_EVENT_PARAM, .id = id, .i = (int64_t)value, .f = value};
}

static void gains_are_right(void)
{
    static const double levels[] = {-119.5, -60, -20, -6, 0.5, 20, 40};

    for (uint32_t n = 0; n < sizeof(levels) / sizeof(levels[0]); n++) {
        char settings[40];

        snprintf(settings, sizeof(settings), "gain_db=%g", levels[n]);
        open_gain(settings, 3);
        feed(0, 0.01f)->flags = TT_REPEATED;
        call(0);
        CHECK((harness_output(&harness, 0)->flags & TT_REPEATED) != 0);
        for (uint32_t channel = 0; channel < 3; channel++)
            for (uint32_t k = 0; k < QUANTUM; k++) {
                double want = in_at(channel)[k] * pow(10, levels[n] / 20);

                CHECK(fabs(out_at(channel)[k] - want) <= fabs(want) * 1e-6);
            }
        CHECK_INT(harness.allocations, 0);
        harness_close(&harness);
    }
}

static void nothing_to_do_changes_no_bit(void)
{
    open_gain(NULL, 2);
    harness_input(&harness, 0, 0, 0, 10000000);
    harness_noise(harness.data[0], harness.capacity[0], 7);
    call(0);
    CHECK_INT(harness_output(&harness, 0)->bytes, harness.capacity[0]);
    for (uint32_t channel = 0; channel < 2; channel++)
        CHECK(memcmp(in_at(channel), out_at(channel), QUANTUM * 4) == 0);
    harness_close(&harness);
}

static void silence_is_silent(void)
{
    static const char *const ways[] = {"gain_db=-120", "mute=true gain_db=20"};

    for (uint32_t n = 0; n < 2; n++) {
        open_gain(ways[n], 1);
        feed(0, NAN);
        call(0);
        for (uint32_t k = 0; k < QUANTUM; k++)
            CHECK(out_at(0)[k] == 0);
        harness_close(&harness);
    }
}

/* The largest step between two samples of `count` frames of a constant 1. */
static double play_constant(int64_t *index, uint32_t count, float *last)
{
    double largest = 0;

    for (uint32_t n = 0; n < count; n++, ++*index) {
        feed(*index, 1);
        call(*index);
        for (uint32_t k = 0; k < QUANTUM; k++) {
            largest = fmax(largest, fabs(out_at(0)[k] - *last));
            *last = out_at(0)[k];
        }
    }
    return largest;
}

/* A jump would be a click: over 20 ms the steepest step of the ramp is 1.5 / 960 of its height. */
static void changes_do_not_click(void)
{
    int64_t index = 0;
    float last = 1;

    open_gain(NULL, 2);
    CHECK(play_constant(&index, 2, &last) == 0);
    post(GAIN_DB, -20);
    CHECK(play_constant(&index, 1, &last) <= 0.9 * 1.5 / 960 * 1.01);
    CHECK(last > 0.5 && last < 0.6); /* half the way */
    harness_move_state(&harness);
    CHECK(play_constant(&index, 1, &last) <= 0.9 * 1.5 / 960 * 1.01);
    CHECK(last == (float)0.1);
    CHECK(play_constant(&index, 1, &last) == 0);

    /* One that changes its mind half way. */
    post(MUTE, 1);
    (void)play_constant(&index, 1, &last);
    post(MUTE, 0);
    CHECK(play_constant(&index, 3, &last) <= 0.1 * 1.5 / 960 * 1.01);
    CHECK(last == (float)0.1);

    /* What no user could have written is not taken. */
    post(GAIN_DB, NAN);
    post(GAIN_DB, 1e9);
    post(99, 1);
    CHECK(play_constant(&index, 3, &last) == 0);
    CHECK(last == (float)0.1);
    CHECK_INT(harness.allocations, 0);
    harness_close(&harness);

    open_gain("ramp=0s", 1);
    index = 0;
    last = 1;
    post(GAIN_DB, -120);
    CHECK(play_constant(&index, 1, &last) == 1);
    harness_close(&harness);
}

static void hostile_frames_do_no_harm(void)
{
    open_gain("gain_db=-6", 2);
    harness_no_input(&harness, 0, 0);
    call(0);
    CHECK_INT(harness_output(&harness, 0)->bytes, 0);
    harness_no_input(&harness, 0, TT_END);
    call(1);
    feed(2, 1)->bytes = 3;
    CHECK_INT(harness_call(&harness, 2, 0, 0), -EINVAL);
    feed(3, 1)->bytes = harness.capacity[0] / 2 + 64; /* the last plane is cut */
    call(3);
    CHECK(out_at(0)[0] > 0.5 && out_at(0)[0] < 0.502);
    CHECK_INT(harness_output(&harness, 0)->bytes, harness.capacity[0] / 2 + 64);
    feed(4, 1)->duration_ns = INT64_MAX / 2 + 1;
    call(4);
    feed(4, 1)->duration_ns = 5000000; /* the last of its flow is shorter */
    call(4);
    harness_close(&harness);
}

static void what_cannot_be_is_said(void)
{
    params = (struct harness_params){
        .component = &tt_component_audio_gain, .settings = "ramp=11s", .in_count = 1};
    params.in[0].kind = TT_AUDIO;
    CHECK(tt_format_audio(&params.in[0], TT_F32P, RATE, 2, QUANTUM) != 0);
    CHECK_INT(harness_shape(&harness, &params), -EINVAL);
    CHECK(strstr(harness.error.text, "11000 ms") != NULL);
    params.settings = NULL;
    params.in[0].channels = 9;
    CHECK_INT(harness_shape(&harness, &params), -EINVAL);
    params.in[0].kind = TT_VIDEO;
    CHECK_INT(harness_shape(&harness, &params), -EINVAL);
}

int main(void)
{
    RUN(gains_are_right);
    RUN(nothing_to_do_changes_no_bit);
    RUN(silence_is_silent);
    RUN(changes_do_not_click);
    RUN(hostile_frames_do_no_harm);
    RUN(what_cannot_be_is_said);
    return 0;
}
