/* audio.loudness against what EBU Tech 3341 says that a meter must show, and its slow gain. */
#include "check.h"
#include "harness.h"

#include <errno.h>
#include <math.h>

extern const struct tt_component tt_component_audio_loudness;

enum { RATE = 48000, QUANTUM = 480 };
enum { TARGET = 0 }; /* place of the parameter */
enum { MOMENTARY = 1, SHORT_TERM, INTEGRATED, LRA, TRUE_PEAK, GAIN, MOVED };

static struct harness harness;
static struct harness_params params;
static double told[MOVED + 1];
static uint32_t reports;
static int64_t now;    /* index */
static double out_max; /* of all samples since open */
static float out_last;
static double step_max;

static void open_meter(const char *settings, uint32_t channels)
{
    params = (struct harness_params){.component = &tt_component_audio_loudness,
                                     .settings = settings,
                                     .in_count = 1,
                                     .out_count = 1};
    CHECK(tt_format_audio(&params.in[0], TT_F32P, RATE, channels, QUANTUM) != 0);
    params.in[0].kind = TT_AUDIO;
    harness_open(&harness, &params);
    now = 0;
    reports = 0;
    out_max = step_max = out_last = 0;
}

static float *in_at(uint32_t channel)
{
    return tt_channel(&harness.in[0], (tt_addr)(uintptr_t)harness.data[0], channel);
}

static const float *out_at(uint32_t channel)
{
    return tt_channel(&harness.shape.out[0], (tt_addr)(uintptr_t)harness.data[1], channel);
}

static void call(void)
{
    CHECK_INT(harness_call(&harness, now, now * 10000000, 10000000), TT_DONE);
    for (uint32_t n = 0; n < harness.note_count; n++) {
        if (harness.notes[n].id == TT_NOTE_LEVEL) { /* the last peak, for who watches */
            CHECK(harness.notes[n].value >= -200000 && harness.notes[n].value <= 400000);
            continue;
        }
        CHECK(harness.notes[n].id >= MOMENTARY && harness.notes[n].id <= MOVED);
        told[harness.notes[n].id] = (double)harness.notes[n].value / 1000;
    }
    reports += harness.note_count > 0;
    for (uint32_t n = 0; n < QUANTUM; n++) {
        out_max = fmax(out_max, fabs(out_at(0)[n]));
        step_max = fmax(step_max, fabs(out_at(0)[n] - out_last));
        out_last = out_at(0)[n];
    }
    now++;
}

/* A sine of that peak level in all channels but those of `silent`. */
static void play(double seconds, double frequency, double level_db, uint32_t silent)
{
    double peak = pow(10, level_db / 20);

    for (int64_t end = now + (int64_t)(seconds * 100 + 0.5); now < end; call()) {
        harness_input(&harness, 0, now, now * 10000000, 10000000);
        for (uint32_t n = 0; n < QUANTUM; n++) {
            double turns = frequency * (double)(now * QUANTUM + n) / RATE;
            float value = (float)(peak * sin(2 * M_PI * turns));

            for (uint32_t channel = 0; channel < harness.in[0].channels; channel++)
                in_at(channel)[n] = silent >> channel & 1 ? 0 : value;
        }
    }
}

static bool is_near(double value, double wanted, double allowed)
{
    if (fabs(value - wanted) > allowed)
        fprintf(stderr, "%f is not %f\n", value, wanted);
    return fabs(value - wanted) <= allowed;
}

/* Tech 3341, test signals 1, 3 and 6: a stereo sine of 1 kHz at -23 dBFS is -23 LUFS; what is
 * quieter than the gate does not count; a centre and surrounds have their weights. */
static void a_sine_is_as_loud_as_it_is(void)
{
    open_meter(NULL, 2);
    play(5, 1000, -23, 0);
    CHECK_INT(reports, 4); /* the fifth second ends after the last frame */
    CHECK(is_near(told[MOMENTARY], -23, 0.1));
    CHECK(is_near(told[SHORT_TERM], -23, 0.1));
    CHECK(is_near(told[INTEGRATED], -23, 0.1));
    CHECK(is_near(told[LRA], 0, 0.1));
    CHECK(is_near(told[TRUE_PEAK], -23, 0.2));
    harness_no_input(&harness, 0, TT_END);
    for (uint32_t n = 0; n < 2; n++) { /* the last word, once */
        CHECK_INT(harness_call(&harness, now, now * 10000000, 0), TT_DONE);
        CHECK_INT(harness.note_count, n == 0 ? TRUE_PEAK + 1 : 0); /* and the level */
    }
    CHECK_INT(harness.allocations, 0);
    harness_close(&harness);

    open_meter(NULL, 2);
    play(3, 1000, -36, 0);
    play(10, 1000, -23, 0);
    play(3, 1000, -36, 0);
    CHECK(is_near(told[INTEGRATED], -23, 0.15));
    CHECK(is_near(told[MOMENTARY], -36, 0.1));
    harness_close(&harness);

    open_meter(NULL, 6); /* its layout goes without saying: 5.1 */
    play(4.02, 1000, -23, 8);
    /* Three channels of weight 1 and two of 1.41. */
    CHECK(is_near(told[INTEGRATED], -23 + 10 * log10((3 + 2 * 1.41) / 2), 0.1));
    play(4.02, 1000, -23, 0); /* the low-frequency channel does not count */
    CHECK(is_near(told[INTEGRATED], -23 + 10 * log10((3 + 2 * 1.41) / 2), 0.1));
    harness_close(&harness);
}

/* Tech 3342, test signal 1: two levels 10 dB apart are a range of 10 LU. */
static void a_range_is_as_wide_as_it_is(void)
{
    open_meter("interval=500ms", 2);
    play(20, 1000, -20, 0);
    play(20.5, 1000, -30, 0);
    CHECK(is_near(told[LRA], 10, 1));
    harness_close(&harness);
}

/* Between the samples: a quarter of the rate, half way between its samples' places. */
static void peaks_between_samples_are_seen(void)
{
    open_meter(NULL, 1);
    for (uint32_t frame = 0; frame < 150; frame++) {
        harness_input(&harness, 0, now, now * 10000000, 10000000);
        for (uint32_t n = 0; n < QUANTUM; n++)
            in_at(0)[n] = (float)(0.5 * sin(M_PI / 2 * n + M_PI / 4));
        call();
    }
    CHECK(fabs(out_max - 0.3536) < 0.001);
    CHECK(is_near(told[TRUE_PEAK], -6.02, 0.4));
    harness_close(&harness);
}

static void measuring_changes_no_bit(void)
{
    open_meter(NULL, 2);
    harness_input(&harness, 0, 0, 0, 10000000);
    harness_noise(harness.data[0], harness.capacity[0], 3); /* with what is no number, too */
    CHECK_INT(harness_call(&harness, 0, 0, 10000000), TT_DONE);
    for (uint32_t channel = 0; channel < 2; channel++)
        CHECK(memcmp(in_at(channel), out_at(channel), QUANTUM * 4) == 0);
    for (now = 1; now < 4;)
        play(0.01, 1000, -23, 0);
    play(45, 1000, -23, 0);
    CHECK(is_near(told[MOMENTARY], -23, 0.1)); /* and did not stay in the filters */
    harness_close(&harness);
}

static void silence_has_a_number(void)
{
    open_meter(NULL, 2);
    play(2, 1000, -300, 0);
    CHECK(reports > 0);
    CHECK(told[MOMENTARY] == -100 && told[INTEGRATED] == -100 && told[TRUE_PEAK] == -100);
    CHECK(told[LRA] == 0);
    harness_close(&harness);
}

static void a_target_is_reached_slowly(void)
{
    double jump;

    open_meter("target=-23 speed=2", 2);
    play(3, 1000, -30, 0);
    CHECK(fabs(out_max - pow(10, -1.5)) < 1e-4); /* nothing is known yet */
    step_max = 0;
    play(2, 1000, -30, 0);
    CHECK(told[GAIN] > 1 && told[GAIN] < 4); /* 2 dB a second */
    play(5, 1000, -30, 0);
    CHECK(is_near(told[GAIN], 7, 0.2));
    CHECK(is_near(told[MOMENTARY], -23, 0.2));
    jump = pow(10, -23 / 20.0) * 2 * M_PI * 1000 / RATE;
    CHECK(step_max < jump * 1.03); /* no click on the way */
    play(5, 1000, -60, 0);         /* a pause: once 400 ms have shown it, the gain waits */
    CHECK(is_near(told[GAIN], 7, 0.6));

    harness.events[harness.event_count++] =
        (struct tt_event){.kind = TT_EVENT_PARAM, .id = TARGET, .f = NAN};
    harness.events[harness.event_count++] =
        (struct tt_event){.kind = TT_EVENT_PARAM, .id = TARGET, .f = 0};
    play(5, 1000, -30, 0); /* and goes back to what comes */
    CHECK(is_near(told[MOMENTARY], -30, 0.1));
    CHECK(memcmp(in_at(0), out_at(0), QUANTUM * 4) == 0);
    CHECK_INT(harness.allocations, 0);
    harness_close(&harness);
}

/* The gain would be 12 dB, but then comes a peak of 0 dBFS. */
static void peaks_stay_under_the_ceiling(void)
{
    open_meter("target=-10 speed=20 ceiling=-3", 2);
    play(8, 1000, -22, 0);
    CHECK(is_near(told[GAIN], 12, 0.2));
    play(0.05, 1000, 0, 0);
    CHECK(out_max < 4.01); /* for a millisecond at most */
    out_max = 0;
    play(1, 1000, 0, 0);
    CHECK(out_max < pow(10, -3 / 20.0) * 1.01);
    harness_close(&harness);
}

static uint8_t saved[TT_SAVED_MAX];
static uint64_t saved_bytes, taken_bytes;

static int put(void *ctx, const void *data, uint64_t bytes)
{
    (void)ctx;
    CHECK(saved_bytes + bytes <= TT_SAVED_MAX);
    memcpy(saved + saved_bytes, data, bytes);
    saved_bytes += bytes;
    return 0;
}

static int get(void *ctx, void *data, uint64_t bytes)
{
    (void)ctx;
    if (taken_bytes + bytes > saved_bytes)
        return -EBADMSG;
    memcpy(data, saved + taken_bytes, bytes);
    taken_bytes += bytes;
    return 0;
}

static int restore(void)
{
    struct tt_reader reader = {NULL, get};

    taken_bytes = 0;
    return tt_component_audio_loudness.restore(harness.state, &reader);
}

/* Another instance goes on. */
static void move(const char *settings)
{
    struct tt_writer writer = {NULL, put};
    int64_t index = now;

    saved_bytes = 0;
    CHECK_INT(tt_component_audio_loudness.save(harness.state, &writer), 0);
    harness_close(&harness);
    open_meter(settings, 2);
    CHECK_INT(restore(), 0);
    CHECK_INT(taken_bytes, saved_bytes);
    now = index;
}

/* Loud and quiet, with one peak at the beginning; at `moves` another instance goes on. */
static void play_all(const char *settings, bool moves, float ret[2][QUANTUM])
{
    open_meter(settings, 2);
    memset(told, 0, sizeof(told));
    play(0.1, 1000, -1, 0);
    play(6, 1000, -20, 0);
    play(8, 1000, -30, 0);
    if (moves)
        move(settings);
    play(0.01, 1000, -30, 0);
    memcpy(ret[0], out_at(0), sizeof(ret[0]));
    play(2.5, 1000, -30, 0);
    memcpy(ret[1], out_at(0), sizeof(ret[1]));
    CHECK_INT(told[MOVED] * 1000, moves ? 3000 : 0);
    if (moves)
        CHECK(told[SHORT_TERM] < -20);
    play(4.5, 1000, -24, 0);
}

/* What was measured of all so far stays, but for the blocks that lie on both sides, and the sound
 * is the same, sample for sample, until 3 s are heard by which a gain is led again. */
static void a_moved_one_goes_on_with_what_it_knew(void)
{
    static const char *const settings[] = {"interval=100ms", "target=-23 speed=2 interval=100ms"};
    static float stayed_out[2][QUANTUM], moved_out[2][QUANTUM];
    double stayed[MOVED + 1];

    for (uint32_t n = 0; n < 2; n++) {
        double led_db = n == 0 ? 0 : 1; /* half a second later, at 2 dB a second */

        play_all(settings[n], false, stayed_out);
        memcpy(stayed, told, sizeof(stayed));
        harness_close(&harness);
        play_all(settings[n], true, moved_out);
        CHECK(memcmp(stayed_out[0], moved_out[0], sizeof(stayed_out[0])) == 0);
        CHECK(n == 1 || memcmp(stayed_out[1], moved_out[1], sizeof(stayed_out[1])) == 0);
        CHECK(is_near(told[TRUE_PEAK], stayed[TRUE_PEAK], 0.001));
        CHECK(is_near(told[INTEGRATED], stayed[INTEGRATED], 0.08 + led_db / 2));
        CHECK(is_near(told[LRA], stayed[LRA], 0.11 + led_db));
        CHECK(is_near(told[MOMENTARY], stayed[MOMENTARY], 0.1 + led_db));
        CHECK(is_near(told[SHORT_TERM], stayed[SHORT_TERM], 0.1 + led_db));
        CHECK(is_near(told[GAIN], stayed[GAIN], led_db));
        CHECK_INT(harness.allocations, 0);
        harness_close(&harness);
    }
}

static void what_it_never_knew_is_refused(void)
{
    open_meter("range=6", 2);
    play(1, 1000, -20, 0);
    move("range=6");
    saved_bytes--;
    CHECK_INT(restore(), -EBADMSG);
    saved_bytes++;
    memset(saved + saved_bytes - 48, 0xff, 32); /* numbers that are none */
    CHECK_INT(restore(), -EBADMSG);
    harness_close(&harness);
}

static void hostile_frames_do_no_harm(void)
{
    open_meter("target=-20", 2);
    harness_no_input(&harness, 0, TT_END);
    CHECK_INT(harness_call(&harness, 0, 0, 0), TT_DONE);
    CHECK_INT(harness_output(&harness, 0)->bytes, 0);
    harness_input(&harness, 0, 0, 0, 0)->bytes = 3;
    CHECK_INT(harness_call(&harness, 0, 0, 0), -EINVAL);
    harness_input(&harness, 0, 1, 0, INT64_MAX);
    for (uint32_t n = 0; n < QUANTUM; n++)
        in_at(0)[n] = in_at(1)[n] = n % 3 ? INFINITY : NAN;
    CHECK_INT(harness_call(&harness, 1, INT64_MAX / 2, 1), TT_DONE);
    harness_input(&harness, 0, 2, -5, 10000000);
    CHECK_INT(harness_call(&harness, -2, -5, 1), TT_DONE);
    play(4, 1000, -20, 0);
    CHECK(isfinite(told[MOMENTARY]));
    harness_close(&harness);

    params.settings = "interval=1ms";
    CHECK_INT(harness_shape(&harness, &params), -EINVAL);
    CHECK(strstr(harness.error.text, "from 10ms to 1h") != NULL);
    params.in[0].kind = TT_VIDEO;
    CHECK_INT(harness_shape(&harness, &params), -EINVAL);
}

int main(void)
{
    RUN(a_sine_is_as_loud_as_it_is);
    RUN(a_range_is_as_wide_as_it_is);
    RUN(peaks_between_samples_are_seen);
    RUN(measuring_changes_no_bit);
    RUN(silence_has_a_number);
    RUN(a_target_is_reached_slowly);
    RUN(peaks_stay_under_the_ceiling);
    RUN(a_moved_one_goes_on_with_what_it_knew);
    RUN(what_it_never_knew_is_refused);
    RUN(hostile_frames_do_no_harm);
    return 0;
}
