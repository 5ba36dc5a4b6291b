/* Decodes coded video to I420 and coded audio to planar float, with libavcodec on one thread. */
#include <errno.h>
#include <libavutil/pixdesc.h>
#include <stdlib.h>
#include <string.h>

#include "components/av/av.h"
#include "components/av_decode/picture.h"
#include "components/av_decode/sound.h"
#include "tactus/format.h"

enum { PARAM_OPTIONS, PARAM_COUNT };
enum {
    WAITING_MAX = 64,       /* pictures that came out together and go out one by one */
    KEY_WAIT_PACKETS = 300, /* some streams refresh bit by bit and never send a key picture */
    AUDIO_OUT_MAX = 4
};

struct decoder {
    const AVCodec *codec; /* NULL until init has found it */
    AVCodecContext *context;
    AVPacket *packet;
    AVFrame *frame;
    AVFrame *waiting[WAITING_MAX]; /* pictures decoded and not yet given */
    uint32_t waiting_first, waiting_count;
    struct sound sound;
    struct tt_format out;
    bool is_video, is_key_seen, is_flushed, is_finished;
    bool is_phase_known, is_drifting;
    int64_t phase_ns; /* by how much pictures come after their place on the grid */
    int64_t index;    /* the last picture's, INT64_MIN before the first */
    int64_t in_index; /* of the last packet */
    uint32_t keyless_count;
    uint64_t counts[32]; /* by enum tt_av_note */
    const struct tt_host *host;
};

static const struct tt_format coded[] = {
    {.size = sizeof(struct tt_format), .kind = TT_CODED_VIDEO},
    {.size = sizeof(struct tt_format), .kind = TT_CODED_AUDIO},
};

static const struct tt_format raw[] = {
    {.size = sizeof(struct tt_format), .kind = TT_VIDEO, .fourcc = TT_I420},
    {.size = sizeof(struct tt_format), .kind = TT_AUDIO, .fourcc = TT_F32P},
};

static const struct tt_port ports[] = {
    {.name = "in",
     .accepts = coded,
     .accept_count = 2,
     .late_policies = TT_LATE_DROP | TT_LATE_KEEP,
     .is_leader = 1,
     .in_place_of = -1},
    {.name = "out", .accepts = raw, .accept_count = 2, .is_output = 1, .in_place_of = -1},
};

static const struct tt_param params[PARAM_COUNT] = {
    {.name = "options",
     .help = "any option of the decoder in libavcodec",
     .initial = "",
     .type = TT_PARAM_OPTIONS},
};

static int shape_video(const struct tt_format *in, const AVCodec *codec, struct tt_format *out,
                       struct tt_error *err)
{
    enum AVPixelFormat pixels = in->stride[3] ? (enum AVPixelFormat)(in->stride[3] - 1) : 0;
    const char *name = av_get_pix_fmt_name(pixels);

    if (in->stride[3] && !picture_is_known(pixels))
        return tt_fail(err, -ENOTSUP,
                       "this %s stream holds %s pictures, which cannot become I420; "
                       "convert the media before: ffmpeg -i IN -pix_fmt yuv420p OUT",
                       codec->name, name ? name : "unknown");
    *out = *in;
    out->config_handle = 0;
    out->reorder_frames = 0;
    /* I420 has whole chroma samples only: an odd last row or column is left out. */
    if (tt_format_video(out, TT_I420, in->width & ~1u, in->height & ~1u) == 0)
        return tt_fail(err, -EINVAL, "a picture of %ux%u is beyond 2 to %d a side", in->width,
                       in->height, TT_SIZE_MAX);
    if (name && strncmp(name, "yuvj", 4) == 0)
        out->range = AVCOL_RANGE_JPEG;
    return 0;
}

static int shape_audio(const struct tt_format *in, struct tt_format *out, struct tt_error *err)
{
    *out = (struct tt_format){.layout = in->layout};
    if (tt_format_audio(out, TT_F32P, in->sample_rate, in->channels, tt_format_samples(in)) == 0)
        return tt_fail(err, -EINVAL, "%u channels at %u Hz are beyond 1 to %d at 8 to 192 kHz",
                       in->channels, in->sample_rate, TT_CHANNELS_MAX);
    return 0;
}

static const AVCodec *find_codec(const struct tt_format *in, struct tt_error *err)
{
    enum AVCodecID id = tt_av_codec_id(in->fourcc);
    const AVCodec *codec = avcodec_find_decoder(id);
    bool is_video = in->kind == TT_CODED_VIDEO;

    if (!codec || codec->type != (is_video ? AVMEDIA_TYPE_VIDEO : AVMEDIA_TYPE_AUDIO)) {
        (void)tt_fail(err, -ENOTSUP, "no decoder for %s in libavcodec",
                      id ? avcodec_get_name(id) : tt_fourcc_name(in->fourcc));
        return NULL;
    }
    return codec;
}

static int shape(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    const struct tt_format *in = &request->in[0];
    const AVCodec *codec;
    int r;

    if (in->kind != TT_CODED_VIDEO && in->kind != TT_CODED_AUDIO)
        return tt_fail(err, -EINVAL, "av.decode takes coded video or audio");
    codec = find_codec(in, err);
    if (!codec)
        return err ? err->code : -ENOTSUP;
    r = in->kind == TT_CODED_VIDEO ? shape_video(in, codec, &ret->out[0], err)
                                   : shape_audio(in, &ret->out[0], err);
    if (r < 0)
        return r;
    if (in->rate.num <= 0 || in->rate.den <= 0)
        return tt_fail(err, -EINVAL, "the coded flow has no rate");
    ret->bytes_max[0] =
        in->kind == TT_CODED_VIDEO
            ? ret->out[0].plane_offset[2] + ret->out[0].stride[2] * ret->out[0].height / 2
            : ret->out[0].stride[0] * ret->out[0].channels;
    ret->out_max[0] = in->kind == TT_CODED_VIDEO ? 2 : AUDIO_OUT_MAX;
    ret->ratio[0] = (struct tt_rational){1, 1};
    ret->latency_ns = tt_index_ns(in->reorder_frames, in->rate);
    ret->state_bytes = sizeof(struct decoder);
    return 0;
}

static void fini(void *state)
{
    struct decoder *decoder = state;

    for (uint32_t n = 0; n < WAITING_MAX; n++)
        av_frame_free(&decoder->waiting[n]);
    av_frame_free(&decoder->frame);
    av_packet_free(&decoder->packet);
    avcodec_free_context(&decoder->context);
    sound_fini(&decoder->sound);
}

static int set_context(struct decoder *decoder, const struct tt_request *request)
{
    const struct tt_format *in = &request->in[0];
    AVCodecContext *context = decoder->context;

    context->thread_count = 1;
    context->pkt_timebase = (AVRational){1, 1000000000};
    context->err_recognition = 0;
    if (decoder->is_video) {
        context->width = (int)in->width;
        context->height = (int)in->height;
        if (in->stride[3])
            context->pix_fmt = (enum AVPixelFormat)(in->stride[3] - 1);
        /* A stream that turns into a much larger one is damaged or hostile. */
        context->max_pixels = 2 * (int64_t)in->width * in->height + 65536;
        if (in->reorder_frames == 0)
            context->flags |= AV_CODEC_FLAG_LOW_DELAY;
    } else {
        context->sample_rate = (int)in->sample_rate;
        tt_av_layout(in, &context->ch_layout);
    }
    return tt_av_extradata(&context->extradata, &context->extradata_size,
                           request->config ? &request->config[0] : NULL);
}

/* PCM and its like cannot be told apart without it. */
static void set_bits(AVCodecContext *context)
{
    context->bits_per_coded_sample = av_get_bits_per_sample(context->codec_id);
    context->block_align = context->bits_per_coded_sample * context->ch_layout.nb_channels / 8;
}

static int open_codec(struct decoder *decoder, const struct tt_request *request,
                      struct tt_error *err)
{
    const AVDictionaryEntry *left;
    AVDictionary *options = NULL;
    int r = tt_av_options(request, PARAM_OPTIONS, &options, err);

    if (r < 0)
        return r;
    if (set_context(decoder, request) < 0) {
        av_dict_free(&options);
        return tt_fail(err, -ENOMEM, "no memory for the codec header");
    }
    if (!decoder->is_video)
        set_bits(decoder->context);
    r = avcodec_open2(decoder->context, decoder->codec, &options);
    if (r < 0)
        r = tt_av_fail(err, r, "cannot open decoder %s", decoder->codec->name);
    else if ((left = av_dict_get(options, "", NULL, AV_DICT_IGNORE_SUFFIX)))
        r = tt_fail(err, -EINVAL, "'%s' is no option of decoder %s", left->key,
                    decoder->codec->name);
    av_dict_free(&options);
    return r < 0 ? r : 0;
}

static int init(void *state, const struct tt_request *request, struct tt_error *err)
{
    struct decoder *decoder = state;
    struct tt_shape *shaped = calloc(1, sizeof(*shaped));
    int r;

    if (!shaped)
        return tt_fail(err, -ENOMEM, "no memory");
    tt_av_quiet();
    r = shape(request, shaped, err);
    decoder->out = shaped->out[0];
    free(shaped);
    if (r < 0)
        return r;

    decoder->is_video = request->in[0].kind == TT_CODED_VIDEO;
    decoder->is_drifting = tt_av_is_drifting(&request->in[0]);
    decoder->index = decoder->in_index = INT64_MIN;
    decoder->codec = find_codec(&request->in[0], err);
    decoder->context = avcodec_alloc_context3(decoder->codec);
    decoder->packet = av_packet_alloc();
    decoder->frame = av_frame_alloc();
    r = decoder->context && decoder->packet && decoder->frame ? 0 : -ENOMEM;
    for (uint32_t n = 0; n < WAITING_MAX && r == 0 && decoder->is_video; n++)
        r = (decoder->waiting[n] = av_frame_alloc()) ? 0 : -ENOMEM;
    if (r == 0 && !decoder->is_video)
        r = sound_init(&decoder->sound, &decoder->out, decoder->is_drifting);
    if (r < 0)
        (void)tt_fail(err, r, "no memory");
    else
        r = open_codec(decoder, request, err);
    if (r < 0)
        fini(decoder);
    return r;
}

static int open(void *state, void *scratch, const struct tt_host *host,
                const struct tt_request *request)
{
    struct decoder *decoder = state;

    (void)scratch, (void)request;
    decoder->host = host;
    decoder->sound.host = host;
    return 0;
}

static void count(struct decoder *decoder, enum tt_av_note id)
{
    tt_av_note(decoder->host, id, (int64_t)++decoder->counts[id]);
}

static int64_t origin_of(const AVFrame *frame)
{
    int64_t pts = frame->pts != AV_NOPTS_VALUE ? frame->pts : frame->best_effort_timestamp;

    return pts == AV_NOPTS_VALUE || pts > INT64_C(1) << 60 || pts < -(INT64_C(1) << 60)
               ? TT_AV_NO_TIME
               : pts;
}

static int keep_picture(struct decoder *decoder)
{
    AVFrame *frame = decoder->frame;
    uint32_t place;

    if ((uint32_t)(frame->width & ~1) != decoder->out.width ||
        (uint32_t)(frame->height & ~1) != decoder->out.height || !picture_is_known(frame->format)) {
        count(decoder, TT_AV_NOTE_SIZE);
        av_frame_unref(frame);
        return -EPROTO;
    }
    if (decoder->waiting_count == WAITING_MAX) {
        count(decoder, TT_AV_NOTE_SAME_INDEX);
        av_frame_unref(frame);
        return -ENOBUFS;
    }
    place = (decoder->waiting_first + decoder->waiting_count++) % WAITING_MAX;
    av_frame_move_ref(decoder->waiting[place], frame);
    return 0;
}

/* Takes all that the decoder has ready; the first thing wrong is the result. */
static int take_decoded(struct decoder *decoder)
{
    int result = 0;

    for (uint32_t n = 0; n < WAITING_MAX; n++) {
        int r = avcodec_receive_frame(decoder->context, decoder->frame);

        if (r == AVERROR(EAGAIN) || r == AVERROR_EOF)
            break;
        if (r < 0) {
            count(decoder, TT_AV_NOTE_CORRUPT);
            result = result ? result : -EBADMSG;
            continue;
        }
        if (decoder->is_video) {
            r = keep_picture(decoder);
        } else {
            r = sound_put(&decoder->sound, decoder->frame, origin_of(decoder->frame));
            av_frame_unref(decoder->frame);
            if (r < 0)
                count(decoder, TT_AV_NOTE_SIZE);
        }
        result = result ? result : r;
    }
    return result;
}

static bool is_droppable(struct decoder *decoder, const struct tt_frame *frame)
{
    if (!decoder->is_video || decoder->is_key_seen)
        return false;
    if ((frame->flags & TT_KEY) || ++decoder->keyless_count > KEY_WAIT_PACKETS) {
        decoder->is_key_seen = true;
        return false;
    }
    count(decoder, TT_AV_NOTE_NO_KEY);
    return true;
}

/* Did packets go missing before this one? Those that the media itself leaves out are not missed. */
static bool is_broken(struct decoder *decoder, const struct tt_frame *frame)
{
    int64_t left_out = frame->index - decoder->in_index - 1;
    bool is_known =
        decoder->in_index != INT64_MIN && left_out > 0 && left_out == (int64_t)frame->valid_slices;

    /* A sender that is faster than we are has two packets for one place at times. */
    if (decoder->in_index != INT64_MIN && left_out == -1 && decoder->is_drifting)
        is_known = true;

    decoder->in_index = frame->index;
    return (frame->flags & TT_DISCONT) && !is_known;
}

static int decode(struct decoder *decoder, const struct tt_frame *frame)
{
    AVPacket *packet = decoder->packet;
    int r, result;

    if (is_broken(decoder, frame)) {
        avcodec_flush_buffers(decoder->context);
        sound_restart(&decoder->sound);
        decoder->is_key_seen = decoder->is_phase_known = false;
        decoder->keyless_count = 0;
    }
    if (is_droppable(decoder, frame))
        return 0;
    /* libavcodec reads a little past the end, where a frame of a pool has somebody else's bytes. */
    if (av_new_packet(packet, (int)frame->bytes) < 0)
        return -ENOMEM;
    memcpy(packet->data, tt_frame_data(frame), frame->bytes);
    packet->pts = frame->origin_ns;
    packet->dts = AV_NOPTS_VALUE;
    packet->duration = frame->duration_ns;
    packet->flags = frame->flags & TT_KEY ? AV_PKT_FLAG_KEY : 0;
    r = avcodec_send_packet(decoder->context, packet);
    av_packet_unref(packet);
    if (r < 0)
        count(decoder, TT_AV_NOTE_CORRUPT);
    result = take_decoded(decoder);
    return r < 0 ? -EBADMSG : result;
}

static int flush(struct decoder *decoder)
{
    if (!decoder->is_flushed) {
        decoder->is_flushed = true;
        (void)avcodec_send_packet(decoder->context, NULL);
    }
    (void)take_decoded(decoder);
    if (!decoder->is_video && !decoder->is_finished) {
        decoder->is_finished = true;
        sound_finish(&decoder->sound);
    }
    return 0;
}

/* Pictures of a stream that starts between two places of the grid keep that distance, so that
 * rounded stamps never tip from one index to another. */
static int64_t index_of(struct decoder *decoder, int64_t origin_ns)
{
    struct tt_rational rate = decoder->out.rate;

    if (!decoder->is_phase_known) {
        int64_t slop_ns = tt_index_ns(1, rate) / 8;

        decoder->phase_ns = origin_ns - tt_index_ns(tt_ns_index(origin_ns + slop_ns, rate), rate);
        decoder->is_phase_known = true;
    }
    return tt_av_nearest_index(origin_ns - decoder->phase_ns, rate);
}

/* By how much a picture comes after the place of the next index. */
static int64_t after_next_ns(const struct decoder *decoder, int64_t origin_ns)
{
    return origin_ns - decoder->phase_ns - tt_index_ns(decoder->index + 1, decoder->out.rate);
}

/* Pictures of another clock wander over the grid. Each is the next until it is clearly not: rounded
 * stamps near the middle between two places would tip to and fro. A clock that is slower leaves a
 * place empty then, which this picture fills as well: *ret_is_early. What is a whole period away
 * was lost. */
static int64_t drifting_index(struct decoder *decoder, int64_t origin_ns, bool *ret_is_early)
{
    int64_t period_ns = tt_index_ns(1, decoder->out.rate), off_ns;

    if (!decoder->is_phase_known || decoder->index == INT64_MIN)
        return index_of(decoder, origin_ns);
    off_ns = after_next_ns(decoder, origin_ns);
    if (off_ns > period_ns * 7 / 8 || off_ns < -period_ns * 5 / 8)
        return index_of(decoder, origin_ns);
    *ret_is_early = off_ns > period_ns * 5 / 8;
    return decoder->index + 1;
}

/* Gives the oldest picture, but for those whose index was given already. */
static void give_picture(struct decoder *decoder, const struct tt_call *call,
                         struct tt_frame *frame)
{
    while (decoder->waiting_count > 0 && frame->bytes == 0) {
        AVFrame *picture = decoder->waiting[decoder->waiting_first];
        int64_t origin_ns = origin_of(picture), index;
        bool is_early = false;

        origin_ns = origin_ns == TT_AV_NO_TIME ? call->media_ns : origin_ns;
        index = decoder->is_drifting ? drifting_index(decoder, origin_ns, &is_early)
                                     : index_of(decoder, origin_ns);
        if (index > decoder->index) {
            picture_copy(&decoder->out, frame->data, picture);
            frame->index = decoder->index = index;
            frame->origin_ns = origin_ns;
            frame->duration_ns = tt_index_ns(1, decoder->out.rate);
            frame->bytes =
                decoder->out.plane_offset[2] + decoder->out.stride[2] * decoder->out.height / 2;
            frame->flags = is_early ? TT_REPEATED : 0;
        } else {
            count(decoder, TT_AV_NOTE_SAME_INDEX);
        }
        if (is_early) { /* it stays, and is given again at its own place */
            frame->origin_ns -= frame->duration_ns;
            count(decoder, TT_AV_NOTE_REPEATED);
            return;
        }
        av_frame_unref(picture);
        decoder->waiting_first = (decoder->waiting_first + 1) % WAITING_MAX;
        decoder->waiting_count--;
    }
}

/* Could another decoder go on with the next packet, whichever it is? What needs those before it
 * goes on at a key picture only, which the flow says and not we. */
static bool is_key_point(const struct decoder *decoder)
{
    const AVCodecDescriptor *kind = decoder->context->codec_descriptor;
    bool is_empty = decoder->is_video ? decoder->waiting_count == 0 : decoder->sound.filled == 0;

    return is_empty && kind && (kind->props & AV_CODEC_PROP_INTRA_ONLY);
}

static int process(void *state, struct tt_call *call)
{
    struct decoder *decoder = state;
    const struct tt_frame *in = call->in_count > 0 ? tt_call_in(call, 0) : NULL;
    struct tt_frame *out = tt_call_out(call, 0);
    bool is_more;
    int r = 0;

    out->bytes = 0;
    if (in && in->data && in->bytes > 0)
        r = decode(decoder, in);
    else if (in && (in->flags & TT_END))
        r = flush(decoder);

    if (decoder->is_video) {
        give_picture(decoder, call, out);
        is_more = decoder->waiting_count > 0;
    } else {
        if (sound_has_quantum(&decoder->sound))
            sound_get(&decoder->sound, &decoder->out, out);
        is_more = sound_has_quantum(&decoder->sound);
    }
    call->key_point = is_key_point(decoder);
    /* What is wrong was counted; a good picture of the same call is not lost for it. */
    if (r < 0 && out->bytes == 0 && !is_more)
        return r;
    return is_more ? TT_AGAIN : TT_DONE;
}

const struct tt_component tt_component_av_decode = {
    .abi = TT_ABI,
    .size = sizeof(struct tt_component),
    .flags = TT_OPAQUE | TT_DRAINS,
    .version = 1,
    .name = "av.decode",
    .help = "decodes video to I420 and audio to planar float with libavcodec, on one thread",
    .example = "tactus run av.read name=r url=clip.mp4 r.video ! av.decode ! null",
    .ports = ports,
    .params = params,
    .port_count = 2,
    .param_count = PARAM_COUNT,
    .level_count = 1,
    .shape = shape,
    .init = init,
    .open = open,
    .process = process,
    .close = fini,
};
