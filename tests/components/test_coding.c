/* The painted time code lives through scaling to half and a lossy codec at the bit rates that
 * people use. Skipped without libx264. */
#include "check.h"
#include "harness.h"

#include <libavcodec/avcodec.h>
#include <libavutil/opt.h>

extern const struct tt_component tt_component_test_video, tt_component_video_scale,
    tt_component_probe_timecode;

enum { WIDTH = 640, HEIGHT = 360, FRAMES = 60 };

static struct harness source, scale, probe;
static AVCodecContext *encoder, *decoder;
static int64_t read_count;

static void open_components(const char *settings)
{
    struct harness_params params = {
        .component = &tt_component_test_video, .settings = settings, .out_count = 1};

    harness_open(&source, &params);
    params = (struct harness_params){.component = &tt_component_video_scale,
                                     .settings = "width=640 height=360",
                                     .in = {source.shape.out[0]},
                                     .in_count = 1,
                                     .out_count = 1};
    harness_open(&scale, &params);
    params = (struct harness_params){
        .component = &tt_component_probe_timecode, .in = {scale.shape.out[0]}, .in_count = 1};
    harness_open(&probe, &params);
}

static void open_codecs(const AVCodec *x264, int64_t bit_rate)
{
    encoder = avcodec_alloc_context3(x264);
    decoder = avcodec_alloc_context3(avcodec_find_decoder(AV_CODEC_ID_H264));
    CHECK(encoder != NULL && decoder != NULL);
    encoder->width = WIDTH;
    encoder->height = HEIGHT;
    encoder->pix_fmt = AV_PIX_FMT_YUV420P;
    encoder->time_base = (AVRational){1, 25};
    encoder->bit_rate = bit_rate;
    encoder->rc_max_rate = bit_rate;
    encoder->rc_buffer_size = (int)bit_rate / 2;
    encoder->thread_count = decoder->thread_count = 1;
    CHECK_INT(av_opt_set(encoder->priv_data, "preset", "veryfast", 0), 0);
    CHECK_INT(av_opt_set(encoder->priv_data, "tune", "zerolatency", 0), 0);
    CHECK_INT(avcodec_open2(encoder, x264, NULL), 0);
    CHECK_INT(avcodec_open2(decoder, NULL, NULL), 0);
}

static void probe_picture(const AVFrame *picture)
{
    const struct tt_format *format = &probe.in[0];

    harness_input(&probe, 0, read_count, 0, 0);
    for (uint32_t y = 0; y < HEIGHT; y++)
        memcpy(probe.data[0] + (size_t)y * format->stride[0],
               picture->data[0] + (ptrdiff_t)y * picture->linesize[0], WIDTH);
    CHECK_INT(harness_call(&probe, read_count, 0, 0), TT_DONE);
    CHECK_INT(probe.notes[0].value, 1000 + read_count);
    CHECK_INT(probe.notes[1].value, (1000 + read_count) * 40000);
    read_count++;
}

static void decode(const AVPacket *packet)
{
    AVFrame *picture = av_frame_alloc();

    CHECK(picture != NULL);
    CHECK_INT(avcodec_send_packet(decoder, packet), 0);
    while (avcodec_receive_frame(decoder, picture) == 0)
        probe_picture(picture);
    av_frame_free(&picture);
}

static void encode(AVFrame *picture)
{
    AVPacket *packet = av_packet_alloc();

    CHECK(packet != NULL);
    CHECK_INT(avcodec_send_frame(encoder, picture), 0);
    while (avcodec_receive_packet(encoder, packet) == 0) {
        decode(packet);
        av_packet_unref(packet);
    }
    av_packet_free(&packet);
}

static void run_frames(void)
{
    const struct tt_format *format = &scale.shape.out[0];

    for (int64_t n = 0; n < FRAMES; n++) {
        AVFrame *picture = av_frame_alloc();

        CHECK(picture != NULL);
        CHECK_INT(harness_call(&source, 1000 + n, (1000 + n) * 40000000, 40000000), TT_DONE);
        harness_input(&scale, 0, n, 0, 0);
        memcpy(scale.data[0], source.data[0], scale.capacity[0]);
        CHECK_INT(harness_call(&scale, n, 0, 0), TT_DONE);
        picture->width = WIDTH;
        picture->height = HEIGHT;
        picture->format = AV_PIX_FMT_YUV420P;
        picture->pts = n;
        for (uint32_t plane = 0; plane < 3; plane++) {
            picture->data[plane] = scale.data[1] + format->plane_offset[plane];
            picture->linesize[plane] = (int)format->stride[plane];
        }
        encode(picture);
        av_frame_free(&picture);
    }
    encode(NULL);
    decode(NULL);
}

static void code_survives(const AVCodec *x264, const char *settings, int64_t bit_rate)
{
    fprintf(stderr, "  %s at %lld bits/s\n", settings, (long long)bit_rate);
    read_count = 0;
    open_components(settings);
    open_codecs(x264, bit_rate);
    run_frames();
    CHECK_INT(read_count, FRAMES);
    avcodec_free_context(&encoder);
    avcodec_free_context(&decoder);
    harness_close(&source);
    harness_close(&scale);
    harness_close(&probe);
}

int main(void)
{
    const AVCodec *x264 = avcodec_find_encoder_by_name("libx264");

    av_log_set_level(AV_LOG_ERROR);

    if (x264 == NULL) {
        fprintf(stderr, "skipped: libavcodec has no libx264\n");
        return CHECK_SKIP;
    }
    code_survives(x264, "width=1280 height=720 pattern=bars", 600000);
    code_survives(x264, "width=1280 height=720 pattern=ramp", 300000);
    code_survives(x264, "width=2560 height=1440 pattern=ball", 200000);
    return 0;
}
