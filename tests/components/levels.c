/* av.encode changes its level in the middle of a stream that one decoder, told the header once,
 * decodes to the end. */
#include <libavcodec/avcodec.h>

#include "check.h"
#include "harness.h"

extern const struct tt_component tt_component_av_encode;

enum { WIDTH = 320, HEIGHT = 180, FRAMES = 90 };

static struct harness encoder;

static struct harness_params params_with(const char *settings, const char *one, const char *two)
{
    struct harness_params params = {.component = &tt_component_av_encode,
                                    .settings = settings,
                                    .levels = {one, two},
                                    .in_count = 1,
                                    .out_count = 1,
                                    .rate = {25, 1}};

    CHECK(tt_format_video(&params.in[0], TT_I420, WIDTH, HEIGHT) != 0);
    params.in[0].rate = (struct tt_rational){25, 1};
    params.in[0].size = sizeof(params.in[0]);
    return params;
}

/* A bright square walks over a slope. */
static void paint(int64_t index)
{
    const struct tt_format *format = &encoder.in[0];
    tt_addr data = (tt_addr)(uintptr_t)encoder.data[0];

    for (uint32_t y = 0; y < HEIGHT; y++)
        for (uint32_t x = 0; x < WIDTH; x++) {
            bool is_square = x - (uint32_t)index * 2 < 32 && y - 60 < 32;

            tt_plane(format, data, 0)[y * format->stride[0] + x] =
                (uint8_t)(is_square ? 220 : 40 + x / 4);
        }
    for (uint32_t plane = 1; plane < 3; plane++)
        memset(tt_plane(format, data, plane), 128,
               (size_t)format->stride[plane] * format->height / 2);
}

static AVCodecContext *open_decoder(void)
{
    AVCodecContext *decoder = avcodec_alloc_context3(avcodec_find_decoder(AV_CODEC_ID_H264));
    const struct tt_blob *header = &encoder.shape.config[0];

    decoder->extradata = av_mallocz(header->bytes + AV_INPUT_BUFFER_PADDING_SIZE);
    memcpy(decoder->extradata, header->data, header->bytes);
    decoder->extradata_size = (int)header->bytes;
    decoder->thread_count = 1;
    decoder->flags |= AV_CODEC_FLAG_LOW_DELAY;
    decoder->err_recognition = AV_EF_CAREFUL | AV_EF_EXPLODE | AV_EF_BITSTREAM | AV_EF_BUFFER;
    CHECK_INT(avcodec_open2(decoder, decoder->codec, NULL), 0);
    return decoder;
}

static double worst_of(const AVFrame *picture)
{
    const uint8_t *in = encoder.data[0];
    double sum = 0;

    for (uint32_t y = 0; y < HEIGHT; y++)
        for (uint32_t x = 0; x < WIDTH; x++) {
            double less = (double)picture->data[0][y * (uint32_t)picture->linesize[0] + x] -
                          in[y * encoder.in[0].stride[0] + x];

            sum += less * less;
        }
    return sum / (WIDTH * HEIGHT);
}

static void decode(AVCodecContext *decoder, AVFrame *picture)
{
    struct tt_frame *out = harness_output(&encoder, 0);
    AVPacket *packet = av_packet_alloc();

    CHECK_INT(av_new_packet(packet, (int)out->bytes), 0);
    memcpy(packet->data, encoder.data[1], out->bytes);
    CHECK_INT(avcodec_send_packet(decoder, packet), 0);
    CHECK_INT(avcodec_receive_frame(decoder, picture), 0);
    av_packet_free(&packet);
}

static void one_stream_at_all_levels(void)
{
    const char *all = "codec=libx264 preset=veryfast tune=zerolatency bitrate=1M gop=30";
    struct harness_params params =
        params_with(all, "codec=libx264 preset=superfast tune=zerolatency bitrate=1M gop=30",
                    "codec=libx264 preset=ultrafast tune=zerolatency bitrate=1M gop=30");
    static const uint32_t levels[] = {0, 1, 2, 0, 2, 1, 0};
    AVFrame *picture = av_frame_alloc();
    AVCodecContext *decoder;
    uint32_t keys = 0;

    harness_open(&encoder, &params);
    decoder = open_decoder();
    for (int64_t n = 0; n < FRAMES; n++) {
        struct tt_frame *in = harness_input(&encoder, 0, n, n * 40000000, 40000000);
        uint32_t place = (uint32_t)(n / 13);
        bool is_change = n > 0 && levels[place] != encoder.level;

        paint(n);
        CHECK(in->bytes > 0);
        encoder.level = levels[place];
        CHECK_INT(harness_call(&encoder, n, n * 40000000, 40000000), TT_DONE);
        CHECK(harness_output(&encoder, 0)->bytes > 0);
        CHECK_INT(harness_output(&encoder, 0)->index, n);
        keys += (harness_output(&encoder, 0)->flags & TT_KEY) != 0;
        CHECK(!is_change || (harness_output(&encoder, 0)->flags & TT_KEY) != 0);
        decode(decoder, picture);
        CHECK(worst_of(picture) < 60); /* above 30 dB */
    }
    CHECK_INT(keys, 7); /* each level's first; the gop of 30 is never reached */
    av_frame_free(&picture);
    avcodec_free_context(&decoder);
    harness_close(&encoder);
}

static void a_level_that_cannot_be_one_is_refused(void)
{
    struct harness_params held =
        params_with("codec=libx264 preset=veryfast", "codec=libx264 preset=ultrafast", NULL);

    CHECK(harness_shape(&encoder, &held) < 0);
    CHECK(strstr(encoder.error.text, "gives each picture at once"));
}

int main(void)
{
    RUN(one_stream_at_all_levels);
    RUN(a_level_that_cannot_be_one_is_refused);
    return 0;
}
