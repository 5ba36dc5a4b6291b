/* audio.mix, audio.convert and audio.resample: every sample at its place, with its loudness. */
#include "check.h"
#include "components/lib/audio.h"
#include "harness.h"

#include <math.h>
#include <speex/speex_resampler.h>

extern const struct tt_component tt_component_audio_mix, tt_component_audio_convert,
    tt_component_audio_resample;

static struct harness harness;
static struct harness_params params;

enum { COLLECT_MAX = 1 << 18 };

/* What came out, by its place on the time line; NAN where nothing did. */
static float collected[2][COLLECT_MAX];
static int64_t collected_next_index;
static uint32_t collected_frames, collected_discont;

static void audio_format(struct tt_format *ret, uint32_t fourcc, uint32_t rate, uint32_t channels,
                         uint32_t samples)
{
    memset(ret, 0, sizeof(*ret));
    CHECK(tt_format_audio(ret, fourcc, rate, channels, samples) != 0);
}

static void open_one(const struct tt_component *component, const char *settings,
                     const struct tt_format *in)
{
    params = (struct harness_params){
        .component = component, .settings = settings, .in = {*in}, .in_count = 1, .out_count = 1};
    harness_open(&harness, &params);
    for (uint32_t n = 0; n < COLLECT_MAX; n++)
        collected[0][n] = collected[1][n] = NAN;
    collected_next_index = 0;
    collected_frames = collected_discont = 0;
}

static void collect(void)
{
    const struct tt_frame *out = harness_output(&harness, 0);
    const struct tt_format *format = &harness.shape.out[0];
    uint32_t quantum = tt_format_samples(format);

    if (out->bytes == 0)
        return;
    CHECK_INT(out->bytes, harness.shape.bytes_max[0]);
    CHECK(out->index >= collected_next_index);
    CHECK_INT(out->origin_ns, component_place_ns(out->index * quantum, format->sample_rate));
    CHECK_INT(tt_ns_index(out->origin_ns, format->rate), out->index);
    collected_next_index = out->index + 1;
    collected_frames++;
    collected_discont += (out->flags & TT_DISCONT) != 0;
    for (uint32_t n = 0; n < quantum && out->index * quantum + n < COLLECT_MAX; n++)
        for (uint32_t channel = 0; channel < format->channels && channel < 2; channel++)
            collected[channel][out->index * quantum + n] =
                tt_channel(format, out->data, channel)[n];
}

/* Calls until the component has given all it can for what it was given. */
static void call_through(void)
{
    uint32_t calls = 0;

    for (;;) {
        int r = harness_call(&harness, 0, 0, 0);

        CHECK(r >= 0);
        collect();
        calls++;
        if (r == TT_DONE)
            break;
        harness_no_input(&harness, 0, 0);
    }
    CHECK(calls <= harness.shape.out_max[0]);
}

typedef float signal_fn(int64_t place, uint32_t channel);

static float ramp(int64_t place, uint32_t channel)
{
    return (float)(place % 1000003) + 0.25f * (float)channel;
}

static void feed(int64_t place, int64_t origin_ns, uint32_t count, uint32_t flags,
                 signal_fn *signal)
{
    const struct tt_format *in = &harness.in[0];
    struct tt_frame *frame =
        harness_input(&harness, 0, 0, origin_ns, component_place_ns(count, in->sample_rate));

    frame->flags = flags;
    memset(harness.data[0], 0x7f, harness.capacity[0]);
    for (uint32_t channel = 0; channel < in->channels; channel++)
        for (uint32_t n = 0; n < count; n++)
            tt_channel(in, frame->data, channel)[n] = signal(place + n, channel);
    call_through();
}

static void feed_at(int64_t place, uint32_t count, uint32_t flags, signal_fn *signal)
{
    feed(place, component_place_ns(place, harness.in[0].sample_rate), count, flags, signal);
}

static void end_input(void)
{
    harness_no_input(&harness, 0, TT_END);
    for (int r = TT_AGAIN; r == TT_AGAIN;) {
        harness_no_input(&harness, 0, TT_END);
        r = harness_call(&harness, 0, 0, 0);
        CHECK(r >= 0);
        collect();
    }
}

static void check_ramp(int64_t from, int64_t to)
{
    for (int64_t place = from; place < to; place++)
        for (uint32_t channel = 0; channel < 2; channel++)
            CHECK(collected[channel][place] == ramp(place, channel));
}

static void check_silence(int64_t from, int64_t to)
{
    for (int64_t place = from; place < to; place++)
        CHECK(collected[0][place] == 0 && collected[1][place] == 0);
}

static void check_nothing(int64_t from, int64_t to)
{
    for (int64_t place = from; place < to; place++)
        CHECK(isnan(collected[0][place]));
}

static void quanta_are_re_blocked(void)
{
    static const struct {
        uint32_t in, out;
        const char *settings;
    } cases[] = {{1024, 480, "quantum=480"},
                 {480, 1024, "quantum=1024"},
                 {48, 480, "quantum=480"},
                 {4800, 16, "quantum=16"}};

    for (uint32_t n = 0; n < 4; n++) {
        struct tt_format in;
        int64_t total = 0;

        audio_format(&in, TT_F32P, 48000, 2, cases[n].in);
        open_one(&tt_component_audio_convert, cases[n].settings, &in);
        CHECK_INT(harness.shape.latency_ns, component_place_ns(cases[n].out, 48000));
        CHECK_INT(harness.shape.ratio[0].num * cases[n].out,
                  harness.shape.ratio[0].den * cases[n].in);
        for (uint32_t k = 0; k < 30; k++, total += cases[n].in) {
            feed_at(total, cases[n].in, 0, ramp);
            if (k == 11)
                harness_move_state(&harness);
        }
        CHECK_INT(collected_frames, total / cases[n].out);
        end_input();
        CHECK_INT(collected_frames, (total + cases[n].out - 1) / cases[n].out);
        CHECK_INT(collected_discont, 0);
        check_ramp(0, total);
        check_silence(total, (int64_t)collected_frames * cases[n].out);
        CHECK_INT(harness.allocations, 0);
        harness_close(&harness);
    }
}

static void open_480(void)
{
    struct tt_format in;

    audio_format(&in, TT_F32P, 48000, 2, 1024);
    open_one(&tt_component_audio_convert, "quantum=480", &in);
}

static void jitter_is_ignored(void)
{
    static const int64_t jitter_ns[] = {0, 900000, -900000, 20000, -333333};

    open_480();
    for (int64_t n = 0; n < 40; n++)
        feed(n * 1024, component_place_ns(n * 1024, 48000) + jitter_ns[n % 5], 1024, 0, ramp);
    check_ramp(0, 40 * 1024 / 480 * 480);
    CHECK_INT(collected_discont, 0);
    CHECK_INT(harness.allocations, 0);
    harness_close(&harness);
}

static void first_samples_keep_their_place(void)
{
    open_480();
    feed_at(1000, 1024, 0, ramp);
    check_nothing(0, 960);
    check_silence(960, 1000);
    check_ramp(1000, 1920);
    CHECK_INT(collected_discont, 0);
    CHECK_INT(harness.allocations, 0);
    harness_close(&harness);

    open_480();
    feed_at(-1000, 1024, 0, ramp);
    feed_at(24, 1024, 0, ramp);
    check_ramp(0, 960);
    CHECK_INT(harness.allocations, 0);
    harness_close(&harness);
}

static void gaps_become_silence_and_are_flagged(void)
{
    open_480();
    feed_at(0, 1024, 0, ramp);
    feed_at(1224, 1024, 0, ramp); /* 200 samples missing, within a quantum */
    check_ramp(0, 1024);
    check_silence(1024, 1224);
    check_ramp(1224, 1920);
    CHECK_INT(collected_discont, 1);
    feed_at(100000, 1024, 0, ramp); /* two seconds missing: 2248 to 2400 is silence */
    feed_at(101024, 1024, 0, ramp);
    end_input();
    check_ramp(1920, 2248);
    check_silence(2248, 2400);
    check_nothing(2400, 99840);
    check_silence(99840, 100000);
    check_ramp(100000, 102048);
    CHECK_INT(collected_discont, 2);
    CHECK_INT(harness.allocations, 0);
    harness_close(&harness);
}

static void overlaps_are_dropped(void)
{
    open_480();
    feed_at(0, 1024, 0, ramp);
    feed_at(500, 1024, 0, ramp);
    feed_at(100, 200, 0, ramp);
    feed_at(1524, 1024, TT_DISCONT, ramp);
    end_input();
    check_ramp(0, 2548);
    CHECK(collected_discont >= 2);
    CHECK_INT(harness.allocations, 0);
    harness_close(&harness);
}

static void short_frames_are_followed(void)
{
    int64_t place = 0;

    open_480();
    for (uint32_t count = 1; count <= 1024; place += count, count += 37)
        feed_at(place, count, 0, ramp);
    end_input();
    check_ramp(0, place);
    CHECK_INT(collected_discont, 0);
    CHECK_INT(harness.allocations, 0);
    harness_close(&harness);
}

/* One sample of each input channel in turn: what arrives left and right. */
static void check_factors(uint32_t in_channels, const char *settings, const float *left,
                          const float *right)
{
    struct tt_format in;

    audio_format(&in, TT_F32P, 48000, in_channels, 32);
    open_one(&tt_component_audio_convert, settings, &in);
    CHECK_INT(harness.shape.latency_ns, 0);
    for (uint32_t channel = 0; channel < in_channels; channel++) {
        struct tt_frame *frame = harness_input(&harness, 0, 7, 4711, 0);

        memset(harness.data[0], 0, harness.capacity[0]);
        tt_channel(&in, frame->data, channel)[5] = 1;
        CHECK_INT(harness_call(&harness, 7, 4711, 1), TT_DONE);
        CHECK_INT(harness_output(&harness, 0)->index, 7);
        CHECK_INT(harness_output(&harness, 0)->origin_ns, 4711);
        for (uint32_t to = 0; to < harness.shape.out[0].channels; to++) {
            float got = tt_channel(&harness.shape.out[0], harness_output(&harness, 0)->data, to)[5];

            CHECK(fabsf(got - (to == 0 ? left : right)[channel]) < 1e-5f);
        }
    }
    CHECK_INT(harness.allocations, 0);
    harness_close(&harness);
}

/* The factors that FFmpeg 5.1's swresample uses for s16 (normalised) and for fltp. */
static void mixing_is_as_loud_as_ffmpeg(void)
{
    check_factors(6, "channels=2", (const float[]){.414214f, 0, .292893f, 0, .292893f, 0},
                  (const float[]){0, .414214f, .292893f, 0, 0, .292893f});
    check_factors(6, "channels=2 normalise=false", (const float[]){1, 0, .707107f, 0, .707107f, 0},
                  (const float[]){0, 1, .707107f, 0, 0, .707107f});
    check_factors(2, "channels=1", (const float[]){.5f, .5f}, NULL);
    check_factors(1, "channels=2", (const float[]){.707107f}, (const float[]){.707107f});
    check_factors(2, "channels=2", (const float[]){1, 0}, (const float[]){0, 1});
}

static void sixteen_bits_go_there_and_back(void)
{
    static int16_t wanted[480 * 3];
    struct tt_format in, s16;
    const float *plane;

    audio_format(&in, TT_S16, 48000, 3, 480);
    harness_noise((uint8_t *)wanted, sizeof(wanted), 5);
    wanted[0] = INT16_MIN;
    wanted[1] = INT16_MAX;
    open_one(&tt_component_audio_convert, "", &in);
    harness_input(&harness, 0, 0, 0, 0);
    memcpy(harness.data[0], wanted, sizeof(wanted));
    CHECK_INT(harness_call(&harness, 0, 0, 0), TT_DONE);
    s16 = harness.shape.out[0];
    plane = tt_channel(&s16, harness_output(&harness, 0)->data, 1);
    CHECK(plane[7] == (float)wanted[7 * 3 + 1] / 32768);
    {
        static uint8_t floats[480 * 4 * 3];

        CHECK(harness.capacity[1] == sizeof(floats));
        memcpy(floats, harness.data[1], sizeof(floats));
        CHECK_INT(harness.allocations, 0);
        harness_close(&harness);
        open_one(&tt_component_audio_convert, "format=S16LE", &s16);
        harness_input(&harness, 0, 0, 0, 0);
        memcpy(harness.data[0], floats, sizeof(floats));
    }
    CHECK_INT(harness_call(&harness, 0, 0, 0), TT_DONE);
    CHECK(memcmp(harness.data[1], wanted, sizeof(wanted)) == 0);
    CHECK_INT(harness.allocations, 0);
    harness_close(&harness);
}

static void open_mix_at(const char *settings, const char *level, uint32_t in_count)
{
    params = (struct harness_params){.component = &tt_component_audio_mix,
                                     .settings = settings,
                                     .levels = {level},
                                     .names = {"a", "b", "c"},
                                     .in_count = in_count,
                                     .out_count = 1};
    for (uint32_t n = 0; n < in_count; n++)
        audio_format(&params.in[n], TT_F32P, 48000, 2, 480);
    harness_open(&harness, &params);
    for (uint32_t n = 0; n < in_count; n++) {
        struct tt_frame *frame = harness_input(&harness, n, 0, 0, 10000000);

        for (uint32_t channel = 0; channel < 2; channel++)
            for (uint32_t at = 0; at < 480; at++)
                tt_channel(&params.in[n], frame->data, channel)[at] =
                    0.001f * (float)at * (float)(n + 1) * (channel ? -1 : 1);
    }
}

static void open_mix(const char *settings, uint32_t in_count)
{
    open_mix_at(settings, NULL, in_count);
}

static float mixed(uint32_t channel, uint32_t at)
{
    return tt_channel(&harness.shape.out[0], harness_output(&harness, 0)->data, channel)[at];
}

static void mix_adds_with_gain_and_cuts(void)
{
    const float gain = powf(10, -6 / 20.0f);

    open_mix("b.gain_db=-6", 2);
    CHECK_INT(harness.shape.clock_rate.num, 48000);
    CHECK_INT(harness.shape.clock_rate.den, 480);
    CHECK_INT(harness.shape.want[1].channels, 2);
    CHECK_INT(harness.shape.want[1].rate.den, 480);
    harness_move_state(&harness);
    CHECK_INT(harness_call(&harness, 3, 30000000, 10000000), TT_DONE);
    for (uint32_t at = 0; at < 480; at++) {
        float want = fminf(0.001f * (float)at * (1 + 2 * gain), 1);

        CHECK(fabsf(mixed(0, at) - want) < 1e-6f);
        CHECK(fabsf(mixed(1, at) + want) < 1e-6f);
    }
    CHECK_INT(harness.allocations, 0);
    harness_close(&harness);

    open_mix("a.gain_db=20", 3);
    CHECK_INT(harness_call(&harness, 0, 0, 10000000), TT_DONE);
    CHECK(mixed(0, 479) == 1 && mixed(1, 479) == -1);
    CHECK_INT(harness.allocations, 0);
    harness_close(&harness);
}

static void mix_goes_on_without_what_is_missing(void)
{
    open_mix("", 2);
    harness_no_input(&harness, 0, 0);
    harness.frames[1].duration_ns = 5000000; /* 240 samples */
    CHECK_INT(harness_call(&harness, 0, 0, 10000000), TT_DONE);
    CHECK(fabsf(mixed(0, 200) - 0.4f) < 1e-6f);
    CHECK(mixed(0, 240) == 0);
    harness_no_input(&harness, 1, TT_END);
    CHECK_INT(harness_call(&harness, 0, 0, 10000000), TT_DONE);
    CHECK_INT(harness_output(&harness, 0)->bytes, harness.shape.bytes_max[0]);
    for (uint32_t at = 0; at < 480; at++)
        CHECK(mixed(0, at) == 0);
    CHECK_INT(harness.allocations, 0);
    harness_close(&harness);
}

/* To silence in 20 ms while it runs, no step larger than the ramp's and the ramp's own end exact;
 * an input that is not there, or a gain that nobody can write, changes nothing. */
static void mix_follows_a_gain_without_a_click(void)
{
    float last = 1, step = 0;

    open_mix("b.gain_db=-120", 2);
    for (uint32_t at = 0; at < 480; at++) {
        tt_channel(&params.in[0], harness.frames[0].data, 0)[at] = 0.5f;
        tt_channel(&params.in[1], harness.frames[1].data, 0)[at] = NAN;
    }
    harness.events[0] =
        (struct tt_event){.kind = TT_EVENT_PARAM, .id = 2 + (1 << 16), .i = -120, .f = -120};
    harness.events[1] = (struct tt_event){.kind = TT_EVENT_PARAM, .id = 2 + (3 << 16), .f = 6};
    harness.events[2] = (struct tt_event){.kind = TT_EVENT_PARAM, .id = 2 + (1 << 16), .f = 400};
    harness.event_count = 3;
    for (int64_t n = 0; n < 3; n++) {
        CHECK_INT(harness_call(&harness, n, n * 10000000, 10000000), TT_DONE);
        for (uint32_t at = 0; at < 480; at++) {
            step = fmaxf(step, n + at > 0 ? fabsf(mixed(0, at) - last) : 0);
            last = mixed(0, at);
        }
        harness.event_count = 0;
    }
    CHECK(last == 0 && mixed(0, 0) == 0 && mixed(1, 300) == 0);
    CHECK(step > 0 && step < 1.6f * 0.5f / 960);
    CHECK_INT(harness.allocations, 0);
    harness_close(&harness);
}

/* A sum of twice full scale is turned down without a corner, and up again in a second; the level
 * below cuts it as it was. */
static void mix_is_limited_as_its_level_says(void)
{
    float step = 0, least = 1;

    open_mix_at("limit=smooth", "limit=cut", 2);
    for (int64_t n = 0; n < 4; n++) {
        for (uint32_t input = 0; input < 2; input++)
            for (uint32_t at = 0; at < 480; at++)
                tt_channel(&params.in[input], harness.frames[input].data, 0)[at] =
                    sinf((float)(n * 480 + at) * 0.02f);
        harness.level = n == 3;
        CHECK_INT(harness_call(&harness, n, n * 10000000, 10000000), TT_DONE);
        for (uint32_t at = 1; at < 480; at++) {
            step = n == 2 ? fmaxf(step, fabsf(mixed(0, at) - mixed(0, at - 1))) : step;
            least = n < 3 ? fminf(least, mixed(0, at)) : least;
        }
    }
    CHECK(step > 0.01f && step < 0.025f); /* of a sine of full scale: 0.02 */
    CHECK(fabsf(mixed(0, 30) - fmaxf(-1, fminf(1, 2 * sinf(1470 * 0.02f)))) < 1e-5f);
    CHECK(least >= -1);
    CHECK_INT(harness.allocations, 0);
    harness_close(&harness);
}

static float tone(int64_t seconds_scaled, uint32_t rate, uint32_t channel)
{
    return 0.5f * (float)sin(2 * M_PI * (channel ? 440 : 1000) * (double)seconds_scaled / rate);
}

static uint32_t tone_rate;

static float tone_in(int64_t place, uint32_t channel)
{
    return tone(place, tone_rate, channel);
}

static void check_tone(int64_t from, int64_t to, uint32_t rate, double tolerance)
{
    for (int64_t place = from; place < to; place++)
        for (uint32_t channel = 0; channel < 2; channel++)
            CHECK(fabs(collected[channel][place] - tone(place, rate, channel)) < tolerance);
}

static void resampled_tones_keep_place_and_pitch(void)
{
    static const struct {
        uint32_t in, samples, out;
        const char *settings;
    } cases[] = {{44100, 1024, 48000, ""},
                 {48000, 480, 44100, "rate=44100"},
                 {96000, 1000, 48000, "quantum=1024"},
                 {8000, 80, 48000, "rate=48000 quantum=480"},
                 {48000, 1024, 48000, "quantum=480"}};

    for (uint32_t n = 0; n < 5; n++) {
        struct tt_format in;
        int64_t place = 0, total;

        audio_format(&in, TT_F32P, cases[n].in, 2, cases[n].samples);
        tone_rate = cases[n].in;
        open_one(&tt_component_audio_resample, cases[n].settings, &in);
        for (; place < cases[n].in / 2; place += cases[n].samples)
            feed_at(place, cases[n].samples, 0, tone_in);
        end_input();
        total = place * cases[n].out / cases[n].in;
        CHECK_INT(collected_discont, 0);
        CHECK(collected_next_index * tt_format_samples(&harness.shape.out[0]) >= total - 2);
        check_tone(200, total - 400, cases[n].out, 0.004);
        CHECK_INT(harness.allocations, 0);
        harness_close(&harness);
    }
}

static void resampling_goes_on_after_a_gap(void)
{
    struct tt_format in;

    audio_format(&in, TT_F32P, 44100, 2, 441);
    tone_rate = 44100;
    open_one(&tt_component_audio_resample, "", &in);
    for (int64_t n = 0; n < 20; n++)
        feed_at(n * 441, 441, 0, tone_in);
    for (int64_t n = 30; n < 50; n++)
        feed_at(n * 441, 441, 0, tone_in);
    end_input();
    CHECK_INT(collected_discont, 1);
    check_tone(200, 20 * 480 - 400, 48000, 0.004);
    check_nothing(20 * 480, 30 * 480);
    check_tone(30 * 480 + 200, 50 * 480 - 400, 48000, 0.004);
    CHECK_INT(harness.allocations, 0);
    harness_close(&harness);
}

/* The latency that shape() reckons is the one that speexdsp has. */
static void resampling_latency_is_what_speexdsp_says(void)
{
    static const uint32_t rates[] = {8000, 11025, 16000, 22050, 32000, 44100, 48000, 96000, 192000};

    for (uint32_t i = 0; i < 9; i++)
        for (uint32_t j = 0; j < 9; j++) {
            SpeexResamplerState *speex;
            struct tt_format in;
            char settings[32];
            int64_t ahead_ns;

            if (i == j)
                continue;
            speex = speex_resampler_init(1, rates[i], rates[j], 4, NULL);
            CHECK(speex != NULL);
            audio_format(&in, TT_F32P, rates[i], 1, 480);
            snprintf(settings, sizeof(settings), "rate=%u quantum=480", rates[j]);
            open_one(&tt_component_audio_resample, settings, &in);
            ahead_ns = harness.shape.latency_ns - component_place_ns(480, rates[j]);
            CHECK_INT(component_place(ahead_ns, rates[i]),
                      speex_resampler_get_input_latency(speex));
            speex_resampler_destroy(speex);
            CHECK_INT(harness.allocations, 0);
            harness_close(&harness);
        }
}

int main(void)
{
    RUN(quanta_are_re_blocked);
    RUN(jitter_is_ignored);
    RUN(first_samples_keep_their_place);
    RUN(gaps_become_silence_and_are_flagged);
    RUN(overlaps_are_dropped);
    RUN(short_frames_are_followed);
    RUN(mixing_is_as_loud_as_ffmpeg);
    RUN(sixteen_bits_go_there_and_back);
    RUN(mix_adds_with_gain_and_cuts);
    RUN(mix_goes_on_without_what_is_missing);
    RUN(mix_follows_a_gain_without_a_click);
    RUN(mix_is_limited_as_its_level_says);
    RUN(resampled_tones_keep_place_and_pitch);
    RUN(resampling_goes_on_after_a_gap);
    RUN(resampling_latency_is_what_speexdsp_says);
    return 0;
}
