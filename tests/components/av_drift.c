/* av.decode behind an input whose clock is not ours: sound is read at the pace that its origins
 * tell, without a click, and pictures are repeated or left out one by one, counted, where the two
 * clocks have come a period apart. */
#include <libavcodec/avcodec.h>
#include <math.h>

#include "av_rig.h"
#include "check.h"

enum { RATE = 48000, SAMPLES = 1024, PERIOD = 48, SIDE = 64 };
enum { NOTE_SAME_INDEX = 9, NOTE_SILENCE = 10, NOTE_OVERLAP = 11, NOTE_REPEATED = 27 };

static const int64_t packet_ns = INT64_C(1000000000) * SAMPLES / RATE;

struct ear {
    struct rig decoder;
    double before, last, residue;
    int64_t heard, next_index;
};

static void open_ear(struct ear *ear)
{
    struct tt_format coded = {.size = sizeof(coded),
                              .kind = TT_CODED_AUDIO,
                              .fourcc = AV_CODEC_ID_PCM_S16LE,
                              .sample_rate = RATE,
                              .channels = 1,
                              .layout = 4,
                              .stride[2] = 1,
                              .rate = {RATE, SAMPLES}};

    memset(ear, 0, sizeof(*ear));
    rig_make(&ear->decoder, "av.decode", "");
    rig_add_in(&ear->decoder, "in", 0, &coded, NULL);
    rig_add_out(&ear->decoder, "out", 1);
    rig_must_start(&ear->decoder);
}

/* What a tone's own recursion does not explain. */
static void hear(struct ear *ear, const struct tt_frame *frame)
{
    const float *sound = tt_frame_data(frame);
    const double twice_cosine = 2 * cos(2 * M_PI / PERIOD);

    CHECK_INT(frame->index, ear->next_index);
    CHECK_INT(frame->bytes, ear->decoder.shape.out[0].stride[0]);
    ear->next_index++;
    for (uint32_t n = 0; n < SAMPLES; n++, ear->heard++) {
        double rest = fabs(sound[n] + ear->before - twice_cosine * ear->last);

        if (ear->heard > 2 * SAMPLES && rest > ear->residue)
            ear->residue = rest;
        ear->before = ear->last;
        ear->last = sound[n];
    }
}

static void put(struct ear *ear, int64_t number, double ppm)
{
    static int16_t samples[SAMPLES];
    struct tt_frame frame = {.data = (uintptr_t)samples,
                             .index = number,
                             .origin_ns =
                                 (int64_t)((double)(number * packet_ns) * (1 + ppm * 1e-6)),
                             .duration_ns = packet_ns,
                             .bytes = sizeof(samples),
                             .capacity = sizeof(samples),
                             .handle = 1};
    int r;

    for (int64_t n = 0; n < SAMPLES; n++)
        samples[n] = (int16_t)lrint(
            16000 * sin(2 * M_PI * (double)((number * SAMPLES + n) % PERIOD) / PERIOD));
    r = rig_call(&ear->decoder, &frame);
    for (;;) {
        CHECK(r >= 0);
        if (rig_out(&ear->decoder, 0)->bytes > 0)
            hear(ear, rig_out(&ear->decoder, 0));
        if (r != TT_AGAIN)
            break;
        r = rig_call(&ear->decoder, NULL);
    }
}

static void sound(void)
{
    for (int sign = -1; sign <= 1; sign += 2) {
        struct ear ear;
        int64_t packets = 60 * RATE / SAMPLES;

        open_ear(&ear);
        for (int64_t n = 0; n < packets; n++)
            put(&ear, n, sign * 300);
        fprintf(stderr, "  %+d ppm: %lld quanta of %lld packets, residue %.1f dB\n", sign * 300,
                (long long)ear.next_index, (long long)packets, 20 * log10(ear.residue / 0.488));
        CHECK(ear.residue < 3e-4);
        CHECK(llabs(ear.next_index - (int64_t)((double)packets * (1 + sign * 3e-4))) <= 2);
        CHECK_INT(ear.decoder.notes[NOTE_SILENCE] + ear.decoder.notes[NOTE_OVERLAP], 0);
        rig_close(&ear.decoder);
    }
}

/* A lost packet is silence, counted, and what follows is where it belongs; a leap of a minute
 * begins anew. */
static void hole(void)
{
    struct ear ear;

    open_ear(&ear);
    for (int64_t n = 0; n < 500; n++)
        if (n != 400)
            put(&ear, n, 200);
    CHECK(llabs(ear.decoder.notes[NOTE_SILENCE] - SAMPLES) < 60);
    CHECK(ear.next_index == 499 || ear.next_index == 500);
    ear.next_index = 4000;
    put(&ear, 4000, 0);
    put(&ear, 4001, 0);
    CHECK_INT(ear.next_index, 4001);
    rig_close(&ear.decoder);
}

struct eye {
    struct rig encoder, decoder;
    uint32_t shown, repeated;
    int64_t next_index;
};

static void see(struct eye *eye, int r)
{
    for (;; r = rig_call(&eye->decoder, NULL)) {
        const struct tt_frame *frame = rig_out(&eye->decoder, 0);

        CHECK(r >= 0);
        if (frame->bytes > 0) {
            CHECK_INT(frame->index, eye->next_index);
            eye->next_index++;
            eye->shown++;
            eye->repeated += (frame->flags & TT_REPEATED) != 0;
        }
        if (r != TT_AGAIN)
            return;
    }
}

static void open_eye(struct eye *eye)
{
    struct tt_format format = {.size = sizeof(format), .kind = TT_VIDEO};

    memset(eye, 0, sizeof(*eye));
    CHECK(tt_format_video(&format, TT_I420, SIDE, SIDE) > 0);
    format.rate = (struct tt_rational){25, 1};
    rig_make(&eye->encoder, "av.encode",
             "codec=libx264 preset=ultrafast tune=zerolatency bitrate=1M gop=1000");
    rig_add_in(&eye->encoder, "in", 0, &format, NULL);
    rig_add_out(&eye->encoder, "out", 1);
    rig_must_start(&eye->encoder);
    rig_make(&eye->decoder, "av.decode", "");
    rig_join(&eye->decoder, "in", 0, &eye->encoder, 0);
    eye->decoder.in[0].stride[2] = 1;
    rig_add_out(&eye->decoder, "out", 1);
    rig_must_start(&eye->decoder);
}

/* A picture of a clock `ppm` off, whose stamps tip by half a millisecond. */
static void show(struct eye *eye, int64_t number, int64_t ppm, int64_t *index)
{
    static uint8_t pixels[SIDE * SIDE * 2];
    struct tt_frame raw = {.data = (uintptr_t)pixels,
                           .index = number,
                           .origin_ns = number * 40000000,
                           .duration_ns = 40000000,
                           .bytes = SIDE * SIDE * 3 / 2,
                           .capacity = sizeof(pixels),
                           .handle = 1};
    struct tt_frame coded;
    int64_t before = *index;

    memset(pixels, (int)(number * 3), sizeof(pixels));
    CHECK_INT(rig_call(&eye->encoder, &raw), 0);
    coded = *rig_out(&eye->encoder, 0);
    coded.origin_ns = number * 40000000 + number * 40 * ppm + (number % 2 ? 500000 : -500000);
    /* As av.read and the engine give them: two on one place, or a place that the media leaves out.
     */
    *index = coded.origin_ns / 40000000;
    coded.index = *index;
    if (number > 0 && *index != before + 1)
        coded.flags |= TT_DISCONT;
    coded.valid_slices = *index > before + 1 ? (uint32_t)(*index - before - 1) : 0;
    see(eye, rig_call(&eye->decoder, &coded));
}

static void pictures(void)
{
    for (int sign = -1; sign <= 1; sign += 2) {
        struct eye eye;
        int64_t index = -1;
        uint32_t left_out;

        open_eye(&eye);
        for (int64_t n = 0; n < 400; n++)
            show(&eye, n, sign * 10000, &index);
        left_out = (uint32_t)eye.decoder.notes[NOTE_SAME_INDEX];
        fprintf(stderr, "  %+d ppm: 400 pictures, %u shown, %u of them again, %u left out\n",
                sign * 10000, eye.shown, eye.repeated, left_out);
        CHECK_INT(eye.decoder.notes[NOTE_REPEATED], eye.repeated);
        CHECK_INT(eye.shown, 400 + eye.repeated - left_out);
        CHECK_INT(eye.repeated, sign > 0 ? 4 : 0);
        CHECK_INT(left_out, sign > 0 ? 0 : 4);
        rig_close(&eye.encoder);
        rig_close(&eye.decoder);
    }
}

int main(void)
{
    RUN(sound);
    RUN(hole);
    RUN(pictures);
    return 0;
}
