/* A codec is replaced by another instance in the middle of a stream, as a move makes before it
 * breaks: the old one gets the frames before that place and an End, the new one those from there
 * on. Together they give what one would have given: each index once. */
#include <malloc.h>
#include <math.h>
#include <stdlib.h>

#include "av_rig.h"
#include "check.h"

enum { WIDTH = 320, HEIGHT = 180, FRAMES = 40, QUANTA = 40, SPLIT = 17, KEPT_MAX = 2 * FRAMES };

/* What a flow carried, in the order in which it came. */
struct flow {
    struct tt_frame frames[KEPT_MAX];
    uint32_t count;
};

static void keep(struct flow *flow, const struct tt_frame *frame)
{
    struct tt_frame *kept = &flow->frames[flow->count++];
    uint8_t *data = malloc(frame->bytes);

    CHECK(flow->count <= KEPT_MAX);
    memcpy(data, tt_frame_data(frame), frame->bytes);
    *kept = *frame;
    kept->data = (uintptr_t)data;
    kept->capacity = frame->bytes;
    kept->handle = 1;
}

static void forget(struct flow *flow)
{
    for (uint32_t n = 0; n < flow->count; n++)
        free(tt_frame_data(&flow->frames[n]));
    flow->count = 0;
}

/* One input, and all that it brings. */
static void put(struct rig *rig, const struct tt_frame *in, struct flow *out)
{
    int r = rig_call(rig, in);

    for (;; r = rig_call(rig, in->flags & TT_END ? in : NULL)) {
        CHECK(r >= 0);
        if (rig_out(rig, 0)->bytes > 0)
            keep(out, rig_out(rig, 0));
        if (r == TT_DONE)
            return;
    }
}

static void end(struct rig *rig, int64_t index, struct flow *out)
{
    struct tt_frame frame = {.index = index, .flags = TT_END, .handle = TT_NO_FRAME};

    put(rig, &frame, out);
    rig_close(rig);
}

/* Picture n, or the n-th quantum: a slope that moves, a tone. */
static void make_raw(const struct tt_format *format, uint32_t bytes, int64_t n, struct flow *ret)
{
    uint8_t *data = calloc(1, bytes);
    struct tt_frame frame = {.data = (uintptr_t)data,
                             .index = n,
                             .origin_ns = tt_index_ns(n, format->rate),
                             .duration_ns = tt_index_ns(1, format->rate),
                             .bytes = bytes};

    for (uint32_t at = 0; format->kind == TT_VIDEO && at < bytes; at++)
        data[at] = (uint8_t)(at / format->stride[0] + at % format->stride[0] + 4 * (uint32_t)n);
    for (uint32_t at = 0; format->kind == TT_AUDIO && at < bytes / sizeof(float); at++)
        ((float *)(void *)data)[at] = (float)((at + (uint32_t)n * 1024) % 96) / 96 - 0.5f;
    keep(ret, &frame);
    free(data);
}

static void open_encoder(struct rig *rig, const char *settings, const struct tt_format *format,
                         int64_t resume_ns)
{
    rig_make(rig, "av.encode", settings);
    rig_add_in(rig, "in", 0, format, NULL);
    rig_add_out(rig, "out", 1);
    rig->request.resume_ns = resume_ns;
    rig_must_start(rig);
}

static void open_decoder(struct rig *rig, const struct tt_format *coded,
                         const struct tt_blob *config, int64_t resume_ns)
{
    rig_make(rig, "av.decode", "");
    rig_add_in(rig, "in", 0, coded, config);
    rig_add_out(rig, "out", 1);
    rig->request.resume_ns = resume_ns;
    rig_must_start(rig);
}

static void each_index_once(const struct flow *flow, uint32_t count)
{
    CHECK_INT(flow->count, count);
    for (uint32_t n = 0; n < count; n++)
        CHECK_INT(flow->frames[n].index, n);
}

/* Both run for a while: the new one is there before the old one has drained. What an instance
 * holds is let go with it. */
static void encode_split(const char *settings, const struct tt_format *format,
                         const struct flow *raw, struct flow *coded)
{
    static struct rig old, new;
    size_t before = mallinfo2().uordblks, one, two;

    open_encoder(&old, settings, format, 0);
    one = mallinfo2().uordblks - before;
    for (uint32_t n = 0; n < SPLIT; n++)
        put(&old, &raw->frames[n], coded);
    open_encoder(&new, settings, format, raw->frames[SPLIT].origin_ns);
    two = mallinfo2().uordblks - before;
    CHECK(two < 4 * one + (4 << 20)); /* what a codec in use holds beside a fresh one */
    end(&old, SPLIT, coded);
    for (uint32_t n = SPLIT; n < raw->count; n++)
        put(&new, &raw->frames[n], coded);
    end(&new, raw->count, coded);
}

/* Returns the first key packet behind the middle. */
static uint32_t next_key(const struct flow *coded, uint32_t from)
{
    while (from < coded->count && !(coded->frames[from].flags & TT_KEY))
        from++;
    CHECK(from < coded->count);
    return from;
}

static void decode_split(const struct tt_format *format, const struct tt_blob *config,
                         const struct flow *coded, uint32_t split, struct flow *raw)
{
    static struct rig old, new;

    open_decoder(&old, format, config, 0);
    for (uint32_t n = 0; n < split; n++)
        put(&old, &coded->frames[n], raw);
    open_decoder(&new, format, config, coded->frames[split].origin_ns);
    end(&old, split, raw);
    for (uint32_t n = split; n < coded->count; n++)
        put(&new, &coded->frames[n], raw);
    end(&new, coded->count, raw);
}

/* Coded in two parts, then decoded by one decoder and by two: the same pictures. */
static void pictures(const char *settings)
{
    static struct flow raw, coded, whole, parts;
    struct tt_format format = {.size = sizeof(format), .rate = {25, 1}};
    uint32_t bytes = tt_format_video(&format, TT_I420, WIDTH, HEIGHT), split;
    static struct rig first;

    fprintf(stderr, "  %s\n", settings);
    format.rate = (struct tt_rational){25, 1};
    for (int64_t n = 0; n < FRAMES; n++)
        make_raw(&format, bytes, n, &raw);
    encode_split(settings, &format, &raw, &coded);
    each_index_once(&coded, FRAMES);
    CHECK(coded.frames[SPLIT].flags & TT_KEY);

    open_encoder(&first, settings, &format, 0);
    decode_split(&first.shape.out[0], &first.out_config[0], &coded, 0, &whole);
    split = next_key(&coded, SPLIT);
    decode_split(&first.shape.out[0], &first.out_config[0], &coded, split, &parts);
    rig_close(&first);
    each_index_once(&whole, FRAMES);
    each_index_once(&parts, FRAMES);
    for (uint32_t n = 0; n < FRAMES; n++) /* the luma: between rows of chroma lies padding */
        CHECK(memcmp(tt_frame_data(&whole.frames[n]), tt_frame_data(&parts.frames[n]),
                     format.plane_offset[1]) == 0);
    forget(&raw), forget(&coded), forget(&whole), forget(&parts);
}

/* As an ear has it: decoders that predict come close and not to the same bits. */
static bool are_alike(const struct tt_format *format, const struct tt_frame *one,
                      const struct tt_frame *other)
{
    for (uint32_t c = 0; c < format->channels; c++)
        for (uint32_t n = 0; n < tt_format_samples(format); n++)
            if (fabsf(tt_channel(format, one->data, c)[n] - tt_channel(format, other->data, c)[n]) >
                0.02f)
                return false;
    return true;
}

/* A packet of sound needs the one before it (of Opus, those of a fifth of a second), which the new
 * decoder has not: at most as many quanta at the split are others. */
static void sounds(const char *settings, uint32_t others_max)
{
    static struct flow raw, coded, whole, parts;
    static struct rig first;
    struct tt_format format = {.size = sizeof(format), .layout = 3};
    struct tt_format want;
    uint32_t bytes, others = 0;

    fprintf(stderr, "  %s\n", settings);
    CHECK(tt_format_audio(&format, TT_F32P, 48000, 2, 960) > 0);
    rig_make(&first, "av.encode", settings);
    rig_add_in(&first, "in", 0, &format, NULL);
    rig_add_out(&first, "out", 1);
    CHECK_INT(rig_shape(&first), 0);
    want = first.shape.want[0]; /* the quantum that the encoder takes */
    rig_close(&first);
    open_encoder(&first, settings, &want, 0);
    bytes = want.stride[0] * want.channels;
    for (int64_t n = 0; n < QUANTA; n++)
        make_raw(&want, bytes, n, &raw);
    encode_split(settings, &want, &raw, &coded);
    /* What comes before the first sample is a packet more. */
    each_index_once(&coded, QUANTA + (first.shape.latency_ns > 0));

    decode_split(&first.shape.out[0], &first.out_config[0], &coded, 0, &whole);
    decode_split(&first.shape.out[0], &first.out_config[0], &coded, SPLIT, &parts);
    rig_close(&first);
    each_index_once(&whole, parts.count);
    each_index_once(&parts, whole.count);
    CHECK(whole.count >= QUANTA);
    for (uint32_t n = 0; n < whole.count; n++)
        others += !are_alike(&want, &whole.frames[n], &parts.frames[n]);
    CHECK(others <= others_max);
    forget(&raw), forget(&coded), forget(&whole), forget(&parts);
}

/* Whom nothing is held for may be replaced anywhere; others not. */
static void key_points(const char *settings, bool is_encoder_free, bool is_decoder_free)
{
    static struct rig encoder, decoder;
    static struct flow raw, coded, decoded;
    struct tt_format format = {.size = sizeof(format), .rate = {25, 1}};
    uint32_t bytes = tt_format_video(&format, TT_I420, WIDTH, HEIGHT);

    fprintf(stderr, "  %s\n", settings);
    format.rate = (struct tt_rational){25, 1};
    open_encoder(&encoder, settings, &format, 0);
    open_decoder(&decoder, &encoder.shape.out[0], &encoder.out_config[0], 0);
    for (int64_t n = 0; n < 5; n++) {
        uint32_t from = coded.count;

        make_raw(&format, bytes, n, &raw);
        put(&encoder, &raw.frames[n], &coded);
        CHECK_INT(encoder.key_point, is_encoder_free);
        for (; from < coded.count; from++) {
            put(&decoder, &coded.frames[from], &decoded);
            CHECK_INT(decoder.key_point, is_decoder_free);
        }
    }
    rig_close(&encoder);
    rig_close(&decoder);
    forget(&raw), forget(&coded), forget(&decoded);
}

int main(void)
{
    key_points("codec=libx264 preset=ultrafast tune=zerolatency", true, false);
    key_points("codec=libx264 preset=veryfast", false, false);
    key_points("codec=mjpeg bitrate=4M", true, true);
    pictures("codec=libx264 preset=ultrafast tune=zerolatency gop=12");
    pictures("codec=libx264 preset=veryfast gop=9");
    pictures("codec=mpeg4 bitrate=1M gop=12");
    sounds("codec=aac bitrate=128k aac_pns=0", 1);
    sounds("codec=libopus bitrate=96k", 12);
    sounds("codec=pcm_s16le", 0);
    return 0;
}
