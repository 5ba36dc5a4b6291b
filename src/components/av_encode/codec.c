/* Encoders: which there are, what they take, how they are set, and how many frames they hold. */
#include "components/av_encode/codec.h"

#include <errno.h>
#include <libavutil/imgutils.h>
#include <libavutil/opt.h>
#include <stdlib.h>
#include <string.h>

#include "tactus/format.h"

enum { TRIAL_SIDE = 128, TRIAL_FRAMES_MAX = 300, WORD_BYTES = 48, SAMPLES_MAX = 65536 };

/* Edits between two words, for "did you mean". */
static uint32_t distance(const char *a, const char *b)
{
    uint32_t row[WORD_BYTES + 1];
    size_t length = strlen(b);

    if (length > WORD_BYTES || strlen(a) > WORD_BYTES)
        return UINT32_MAX;
    for (uint32_t n = 0; n <= length; n++)
        row[n] = n;
    for (uint32_t y = 1; a[y - 1] != 0; y++) {
        uint32_t diagonal = row[0];

        row[0] = y;
        for (uint32_t x = 1; x <= length; x++) {
            uint32_t change = diagonal + (a[y - 1] != b[x - 1]);
            uint32_t step = (row[x] < row[x - 1] ? row[x] : row[x - 1]) + 1;

            diagonal = row[x];
            row[x] = change < step ? change : step;
        }
    }
    return row[length];
}

struct nearest {
    const char *wanted;
    char name[64];
    uint32_t edits;
};

static void consider(struct nearest *nearest, const char *name)
{
    uint32_t edits = distance(nearest->wanted, name);

    if (edits >= nearest->edits)
        return;
    nearest->edits = edits;
    (void)tt_format_text(nearest->name, sizeof(nearest->name), "%s", name);
}

/* The nearest word itself is said by whoever shows the error. */
static int fail_with_nearest(struct tt_error *err, const struct nearest *nearest, const char *what,
                             const char *where)
{
    bool is_close = nearest->edits <= 1 + strlen(nearest->wanted) / 2;

    if (err) {
        (void)tt_format_text(err->token, sizeof(err->token), "%s", nearest->wanted);
        (void)tt_format_text(err->nearest, sizeof(err->nearest), "%s",
                             is_close ? nearest->name : "");
    }
    return tt_fail(err, -EINVAL, "%s '%s'; %s", what, nearest->wanted, where);
}

const AVCodec *codec_find(const struct tt_request *request, bool is_video, struct tt_error *err)
{
    const char *name = tt_setting_text(request, ENCODE_CODEC);
    const AVCodec *codec = avcodec_find_encoder_by_name(name);
    enum AVMediaType type = is_video ? AVMEDIA_TYPE_VIDEO : AVMEDIA_TYPE_AUDIO;
    struct nearest nearest = {.wanted = name, .edits = UINT32_MAX};
    void *at = NULL;

    if (!codec && avcodec_descriptor_get_by_name(name))
        codec = avcodec_find_encoder(avcodec_descriptor_get_by_name(name)->id);
    if (codec && codec->type != type) {
        (void)tt_fail(err, -EINVAL, "'%s' encodes no %s; for that there are %s", name,
                      is_video ? "video" : "audio",
                      is_video ? "libx264, libx265, mpeg2video" : "aac, libopus, flac");
        return NULL;
    }
    if (codec)
        return codec;
    for (const AVCodec *each; (each = av_codec_iterate(&at));)
        if (av_codec_is_encoder(each) && each->type == type)
            consider(&nearest, each->name);
    (void)fail_with_nearest(err, &nearest, "libavcodec has no encoder",
                            "`ffmpeg -encoders` lists them");
    return NULL;
}

static bool has_pixels(const AVCodec *codec, enum AVPixelFormat pixels)
{
    for (const enum AVPixelFormat *each = codec->pix_fmts; each && *each != AV_PIX_FMT_NONE; each++)
        if (*each == pixels)
            return true;
    return !codec->pix_fmts;
}

static enum AVPixelFormat pixels_of(const struct tt_format *format)
{
    return format->fourcc == TT_NV12 ? AV_PIX_FMT_NV12 : AV_PIX_FMT_YUV420P;
}

static int want_video(const AVCodec *codec, const struct tt_format *in, struct tt_format *ret,
                      struct tt_error *err)
{
    *ret = *in;
    if (in->fourcc == TT_NV12 && has_pixels(codec, AV_PIX_FMT_NV12))
        return 0;
    if (!has_pixels(codec, AV_PIX_FMT_YUV420P))
        return tt_fail(err, -ENOTSUP, "encoder %s takes neither I420 nor NV12", codec->name);
    if (in->fourcc != TT_I420 && tt_format_video(ret, TT_I420, in->width, in->height) == 0)
        return tt_fail(err, -EINVAL, "a picture of %ux%u has odd or absurd sides", in->width,
                       in->height);
    return 0;
}

static bool has_channels(const AVCodec *codec, uint32_t channels)
{
    for (const AVChannelLayout *each = codec->ch_layouts; each && each->nb_channels; each++)
        if (each->nb_channels == (int)channels)
            return true;
    return !codec->ch_layouts;
}

/* The nearest rate that is not below, so that nothing of the sound is lost; else the highest. */
static uint32_t nearest_rate(const AVCodec *codec, uint32_t wanted)
{
    uint32_t best = 0, highest = 0;

    for (const int *each = codec->supported_samplerates; each && *each; each++) {
        uint32_t rate = (uint32_t)*each;

        highest = rate > highest ? rate : highest;
        if (rate >= wanted && (best == 0 || rate < best))
            best = rate;
    }
    return best ? best : highest ? highest : wanted;
}

static int want_audio(const AVCodec *codec, const struct tt_format *in, uint32_t samples,
                      struct tt_format *ret, struct tt_error *err)
{
    uint32_t own = tt_format_samples(in);

    *ret = (struct tt_format){.layout = in->layout};
    samples = samples ? samples : own ? own : 480;
    if (!has_channels(codec, in->channels))
        return tt_fail(err, -ENOTSUP, "encoder %s does not take %u channels", codec->name,
                       in->channels);
    if (tt_format_audio(ret, TT_F32P, nearest_rate(codec, in->sample_rate), in->channels,
                        samples) == 0)
        return tt_fail(err, -EINVAL, "%u channels at %u Hz are absurd", in->channels,
                       in->sample_rate);
    return 0;
}

int codec_want(const AVCodec *codec, const struct tt_format *in, uint32_t samples,
               struct tt_format *ret, struct tt_error *err)
{
    return codec->type == AVMEDIA_TYPE_VIDEO ? want_video(codec, in, ret, err)
                                             : want_audio(codec, in, samples, ret, err);
}

static enum AVSampleFormat best_samples(const AVCodec *codec)
{
    static const enum AVSampleFormat order[] = {AV_SAMPLE_FMT_FLTP, AV_SAMPLE_FMT_FLT,
                                                AV_SAMPLE_FMT_S32P, AV_SAMPLE_FMT_S32,
                                                AV_SAMPLE_FMT_S16P, AV_SAMPLE_FMT_S16};

    for (size_t n = 0; n < sizeof(order) / sizeof(order[0]); n++)
        for (const enum AVSampleFormat *each = codec->sample_fmts; each && *each >= 0; each++)
            if (*each == order[n])
                return *each;
    return codec->sample_fmts ? AV_SAMPLE_FMT_NONE : AV_SAMPLE_FMT_FLTP;
}

static void set_video(AVCodecContext *context, const struct tt_format *format, bool is_trial)
{
    struct tt_av_colour colour = tt_av_colour_to(format);

    context->width = is_trial ? TRIAL_SIDE : (int)format->width;
    context->height = is_trial ? TRIAL_SIDE : (int)format->height;
    context->pix_fmt = pixels_of(format);
    context->time_base = (AVRational){(int)format->rate.den, (int)format->rate.num};
    context->framerate = (AVRational){(int)format->rate.num, (int)format->rate.den};
    context->colorspace = colour.matrix;
    context->color_primaries = colour.primaries;
    context->color_trc = colour.transfer;
    context->color_range = colour.range;
    context->chroma_sample_location = colour.siting;
    context->sample_aspect_ratio = (AVRational){1, 1};
}

static void set_audio(AVCodecContext *context, const struct tt_format *format)
{
    context->sample_fmt = best_samples(context->codec);
    context->sample_rate = (int)format->sample_rate;
    context->time_base = (AVRational){1, (int)format->sample_rate};
    tt_av_layout(format, &context->ch_layout);
}

bool codec_has_numbered_sets(const AVCodec *codec)
{
    return strcmp(codec->name, "libx264") == 0;
}

/* Sets of another number than level 0's, beside what the user asks of x264. */
static int number_sets(uint32_t level, AVDictionary **options)
{
    const AVDictionaryEntry *given = av_dict_get(*options, "x264-params", NULL, 0);
    char text[1024];

    if (tt_format_text(text, sizeof(text), "%s%ssps-id=%u", given ? given->value : "",
                       given ? ":" : "", level) >= sizeof(text) - 1)
        return -E2BIG;
    return av_dict_set(options, "x264-params", text, 0) < 0 ? -ENOMEM : 0;
}

static int collect_options(const AVCodec *codec, const struct tt_request *request,
                           AVDictionary **ret, struct tt_error *err)
{
    const char *preset = tt_setting_text(request, ENCODE_PRESET);
    const char *tune = tt_setting_text(request, ENCODE_TUNE);
    int r = tt_av_options(request, ENCODE_OPTIONS, ret, err);

    if (r < 0)
        return r;
    if (preset[0] != 0)
        (void)av_dict_set(ret, "preset", preset, 0);
    if (tune[0] != 0)
        (void)av_dict_set(ret, "tune", tune, 0);
    /* A picture that TT_EVENT_KEY asks for must be one that decoding can start at. */
    if (codec->priv_class &&
        av_opt_find((void *)&codec->priv_class, "forced-idr", NULL, 0, AV_OPT_SEARCH_FAKE_OBJ))
        (void)av_dict_set(ret, "forced-idr", "1", AV_DICT_DONT_OVERWRITE);
    if (request->level > 0 && codec_has_numbered_sets(codec) &&
        (r = number_sets(request->level, ret)) < 0)
        return tt_fail(err, r, "x264-params are too long");
    return 0;
}

static void consider_options(struct nearest *nearest, const AVClass *const *class)
{
    const AVOption *option = NULL;

    while (*class && (option = av_opt_next(class, option)))
        if (option->type != AV_OPT_TYPE_CONST && (option->flags & AV_OPT_FLAG_ENCODING_PARAM))
            consider(nearest, option->name);
}

static int fail_option(const AVCodec *codec, const char *key, struct tt_error *err)
{
    const AVClass *general = avcodec_get_class();
    struct nearest nearest = {.wanted = key, .edits = UINT32_MAX};
    char what[96], where[96];

    consider_options(&nearest, &general);
    consider_options(&nearest, &codec->priv_class);
    (void)tt_format_text(what, sizeof(what), "encoder %s has no option", codec->name);
    (void)tt_format_text(where, sizeof(where), "`ffmpeg -h encoder=%s` lists them", codec->name);
    return fail_with_nearest(err, &nearest, what, where);
}

/* libx264 and libx265 complain about these on stderr by themselves, and only say "invalid". */
static int check_word(const AVCodec *codec, const AVDictionary *options, const char *key,
                      const char *words, struct tt_error *err)
{
    const AVDictionaryEntry *entry = av_dict_get(options, key, NULL, 0);
    struct nearest nearest = {.edits = UINT32_MAX};
    char what[96], where[160], word[32];

    if (!entry || !codec->wrapper_name || strncmp(codec->wrapper_name, "libx26", 6) != 0 ||
        strpbrk(entry->value, ",./-+")) /* several tunes at once */
        return 0;
    nearest.wanted = entry->value;
    for (const char *at = words; *at != 0; at += strspn(at, " ")) {
        size_t length = strcspn(at, " ");

        (void)tt_format_text(word, sizeof(word), "%.*s", (int)length, at);
        consider(&nearest, word);
        at += length;
    }
    if (nearest.edits == 0)
        return 0;
    (void)tt_format_text(what, sizeof(what), "encoder %s has no %s", codec->name, key);
    (void)tt_format_text(where, sizeof(where), "it has %s", words);
    return fail_with_nearest(err, &nearest, what, where);
}

static int check_words(const AVCodec *codec, const AVDictionary *options, struct tt_error *err)
{
    int r = check_word(codec, options, "preset",
                       "ultrafast superfast veryfast faster fast medium slow slower veryslow "
                       "placebo 0 1 2 3 4 5 6 7 8 9",
                       err);

    if (r == 0)
        r = check_word(codec, options, "tune",
                       "film animation grain stillimage psnr ssim fastdecode zerolatency", err);
    if (r == 0 && codec->id == AV_CODEC_ID_H264)
        r = check_word(codec, options, "profile", "baseline main high high10 high422 high444", err);
    return r;
}

static int set_and_open(AVCodecContext *context, const struct tt_request *request,
                        const struct tt_format *format, bool is_trial, struct tt_error *err)
{
    const AVCodec *codec = context->codec;
    AVDictionary *options = NULL;
    const AVDictionaryEntry *left;
    int r = collect_options(codec, request, &options, err);

    if (r < 0)
        return r;
    if (codec->type == AVMEDIA_TYPE_VIDEO)
        set_video(context, format, is_trial);
    else
        set_audio(context, format);
    context->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    context->thread_count = (int)tt_setting_int(request, ENCODE_THREADS);
    if (tt_setting_int(request, ENCODE_BITRATE) > 0)
        context->bit_rate = tt_setting_int(request, ENCODE_BITRATE);
    if (tt_setting_int(request, ENCODE_GOP) > 0)
        context->gop_size = (int)tt_setting_int(request, ENCODE_GOP);
    /* JPEG of limited range is common and harmless, and refused without this. */
    if (codec->id == AV_CODEC_ID_MJPEG)
        context->strict_std_compliance = FF_COMPLIANCE_UNOFFICIAL;

    r = check_words(codec, options, err);
    if (r < 0) {
        av_dict_free(&options);
        return r;
    }
    r = avcodec_open2(context, codec, &options);
    if (r < 0)
        r = tt_av_fail(err, r, "cannot open encoder %s", codec->name);
    else if ((left = av_dict_get(options, "", NULL, AV_DICT_IGNORE_SUFFIX)))
        r = fail_option(codec, left->key, err);
    av_dict_free(&options);
    return r < 0 ? r : 0;
}

int codec_open(const AVCodec *codec, const struct tt_request *request,
               const struct tt_format *format, bool is_trial, AVCodecContext **ret,
               struct tt_error *err)
{
    AVCodecContext *context;
    int r;

    if (format->rate.num <= 0 || format->rate.den <= 0 || format->rate.num > INT32_MAX ||
        format->rate.den > INT32_MAX)
        return tt_fail(err, -EINVAL, "the input has no rate");
    tt_av_quiet();
    context = avcodec_alloc_context3(codec);
    if (!context)
        return tt_fail(err, -ENOMEM, "no memory for encoder %s", codec->name);
    r = set_and_open(context, request, format, is_trial, err);
    if (r == 0 && context->frame_size > SAMPLES_MAX)
        r = tt_fail(err, -ENOTSUP, "encoder %s wants %d samples a frame", codec->name,
                    context->frame_size);
    if (r < 0) {
        avcodec_free_context(&context);
        return r;
    }
    *ret = context;
    return 0;
}

AVFrame *codec_frame_new(const AVCodecContext *context, uint32_t samples)
{
    AVFrame *frame = av_frame_alloc();

    if (!frame)
        return NULL;
    if (context->codec->type == AVMEDIA_TYPE_VIDEO) {
        frame->format = context->pix_fmt;
        frame->width = context->width;
        frame->height = context->height;
        frame->colorspace = context->colorspace;
        frame->color_primaries = context->color_primaries;
        frame->color_trc = context->color_trc;
        frame->color_range = context->color_range;
        frame->chroma_location = context->chroma_sample_location;
    } else {
        frame->format = context->sample_fmt;
        frame->sample_rate = context->sample_rate;
        frame->nb_samples = context->frame_size > 0 ? context->frame_size : (int)samples;
        if (av_channel_layout_copy(&frame->ch_layout, &context->ch_layout) < 0)
            av_frame_free(&frame);
    }
    if (frame && av_frame_get_buffer(frame, 0) < 0)
        av_frame_free(&frame);
    return frame;
}

static void blacken(AVFrame *frame, bool is_video)
{
    const ptrdiff_t strides[4] = {frame->linesize[0], frame->linesize[1], frame->linesize[2],
                                  frame->linesize[3]};

    if (is_video)
        (void)av_image_fill_black(frame->data, strides, frame->format, AVCOL_RANGE_MPEG,
                                  frame->width, frame->height);
    else
        (void)av_samples_set_silence(frame->extended_data, 0, frame->nb_samples,
                                     frame->ch_layout.nb_channels, frame->format);
}

/* Feeds until the first packet comes. */
static int feed(AVCodecContext *context, AVFrame *frame, AVPacket *packet, struct codec_delay *ret)
{
    bool is_video = context->codec->type == AVMEDIA_TYPE_VIDEO;
    int64_t step = is_video ? 1 : frame->nb_samples;

    for (uint32_t n = 0; n < TRIAL_FRAMES_MAX; n++) {
        int64_t stamp;
        int r;

        if (av_frame_make_writable(frame) < 0)
            return -ENOMEM;
        blacken(frame, is_video);
        frame->pts = n * step;
        r = avcodec_send_frame(context, frame);
        if (r < 0)
            return tt_av_errno(r);
        r = avcodec_receive_packet(context, packet);
        if (r == AVERROR(EAGAIN))
            continue;
        if (r < 0)
            return tt_av_errno(r);
        stamp = is_video && packet->dts != AV_NOPTS_VALUE ? packet->dts : packet->pts;
        ret->held = n;
        ret->early =
            stamp != AV_NOPTS_VALUE && stamp < 0 ? (uint32_t)((step - 1 - stamp) / step) : 0;
        return 0;
    }
    return -EOVERFLOW;
}

int codec_try(const AVCodec *codec, const struct tt_request *request,
              const struct tt_format *format, struct codec_delay *ret, struct tt_error *err)
{
    AVCodecContext *context = NULL;
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = NULL;
    int r = codec_open(codec, request, format, true, &context, err);

    if (r == 0)
        frame = codec_frame_new(context, tt_format_samples(format));
    if (r == 0)
        r = frame && packet ? feed(context, frame, packet, ret) : -ENOMEM;
    if (r < 0)
        (void)tt_fail(err, r, "encoder %s gave nothing for %d black frames", codec->name,
                      TRIAL_FRAMES_MAX);
    av_frame_free(&frame);
    av_packet_free(&packet);
    avcodec_free_context(&context);
    return r;
}
