/* Encodes pictures and sound with any encoder of libavcodec. */
#include <errno.h>
#include <libavutil/imgutils.h>
#include <libavutil/mem.h>
#include <libavutil/samplefmt.h>
#include <stdlib.h>
#include <string.h>

#include "components/av/av.h"
#include "components/av_encode/levels.h"
#include "tactus/format.h"

enum { WAITING_MAX = 64, ORIGINS = 512, BYTES_MIN = 64 << 10 };

struct encoder {
    AVCodecContext *contexts[ENCODE_LEVELS_MAX];
    AVCodecContext *context; /* of the level that is on */
    uint32_t level, level_count;
    AVFrame *frame; /* a view of the input, or a copy where the encoder keeps what it gets */
    AVPacket *waiting[WAITING_MAX]; /* packets that came out together and go out one by one */
    uint32_t waiting_first, waiting_count;
    struct tt_format in, out;
    struct codec_delay delay;
    bool is_video, is_view, is_key_wanted, is_flushed;
    bool is_whole;        /* all packets since the last one were given */
    int64_t first_sample; /* of sound that goes on from a predecessor's, else INT64_MIN */
    bool is_resumed;
    int64_t in_index, index;     /* the last ones */
    int64_t origins_ns[ORIGINS]; /* of input pictures, by index */
    int64_t origin_of_index[ORIGINS];
    int64_t audio_offset_ns; /* of the origins of sound from its grid */
    uint64_t counts[32];     /* by enum tt_av_note */
    const struct tt_host *host;
};

static const struct tt_format raw[] = {
    {.size = sizeof(struct tt_format), .kind = TT_VIDEO, .fourcc = TT_I420},
    {.size = sizeof(struct tt_format), .kind = TT_VIDEO, .fourcc = TT_NV12},
    {.size = sizeof(struct tt_format), .kind = TT_AUDIO, .fourcc = TT_F32P},
};

static const struct tt_format coded[] = {
    {.size = sizeof(struct tt_format), .kind = TT_CODED_VIDEO},
    {.size = sizeof(struct tt_format), .kind = TT_CODED_AUDIO},
};

static const struct tt_port ports[] = {
    {.name = "in",
     .accepts = raw,
     .accept_count = 3,
     .late_policies = TT_LATE_DROP | TT_LATE_KEEP,
     .is_leader = 1,
     .in_place_of = -1},
    {.name = "out", .accepts = coded, .accept_count = 2, .is_output = 1, .in_place_of = -1},
};

static const struct tt_param params[ENCODE_PARAM_COUNT] = {
    [ENCODE_CODEC] = {.name = "codec",
                      .help = "an encoder of libavcodec: libx264, aac, libopus ...",
                      .type = TT_PARAM_TEXT},
    [ENCODE_PRESET] = {.name = "preset",
                       .help = "speed against quality, in the encoder's words",
                       .initial = "",
                       .type = TT_PARAM_TEXT,
                       .is_live = TT_PARAM_LEVEL},
    [ENCODE_TUNE] = {.name = "tune",
                     .help = "what to favour; zerolatency gives each picture at once",
                     .initial = "",
                     .type = TT_PARAM_TEXT},
    [ENCODE_BITRATE] = {.name = "bitrate",
                        .unit = "bits a second",
                        .help = "mean rate; 0: the encoder's own",
                        .initial = "0",
                        .type = TT_PARAM_BITS,
                        .is_live = TT_PARAM_LEVEL,
                        .min = 0,
                        .max = 1e9},
    [ENCODE_GOP] = {.name = "gop",
                    .unit = "pictures",
                    .help = "from one key picture to the next; 0: the encoder's own",
                    .initial = "0",
                    .type = TT_PARAM_INT,
                    .min = 0,
                    .max = 10000},
    [ENCODE_THREADS] = {.name = "threads",
                        .help = "of the encoder; more than 1 escapes the reservation",
                        .initial = "1",
                        .type = TT_PARAM_INT,
                        .min = 1,
                        .max = 16},
    [ENCODE_OPTIONS] = {.name = "options",
                        .help = "any option of the encoder in libavcodec",
                        .initial = "",
                        .type = TT_PARAM_OPTIONS},
};

static uint32_t bytes_max(const struct tt_format *format)
{
    uint64_t bytes = (uint64_t)format->width * format->height * 3 / 2;

    return bytes > BYTES_MIN ? (uint32_t)bytes : BYTES_MIN;
}

static void describe(const AVCodecContext *context, const struct tt_format *in,
                     const struct codec_delay *delay, struct tt_format *ret)
{
    bool is_video = in->kind == TT_VIDEO;

    *ret = (struct tt_format){.size = sizeof(*ret),
                              .kind = is_video ? TT_CODED_VIDEO : TT_CODED_AUDIO,
                              .fourcc = tt_av_fourcc(context->codec_id),
                              .width = in->width,
                              .height = in->height,
                              .field_order = in->field_order,
                              .matrix = in->matrix,
                              .primaries = in->primaries,
                              .transfer = in->transfer,
                              .range = in->range,
                              .siting = in->siting,
                              .sample_rate = in->sample_rate,
                              .channels = in->channels,
                              .layout = in->layout,
                              .rate = in->rate,
                              .reorder_frames = delay->early};
    if (is_video)
        ret->stride[3] = 1 + (uint32_t)context->pix_fmt; /* as av.read tells av.decode */
}

/* Opens the encoder twice: the frame size of sound is known only when it is open. */
static int open_as_wanted(const struct tt_request *request, const struct tt_format *in,
                          struct tt_format *ret_want, AVCodecContext **ret, struct tt_error *err)
{
    const AVCodec *codec = codec_find(request, in->kind == TT_VIDEO, err);
    AVCodecContext *context = NULL;
    int r;

    if (!codec)
        return err ? err->code : -EINVAL;
    r = codec_want(codec, in, 0, ret_want, err);
    if (r == 0)
        r = codec_open(codec, request, ret_want, false, &context, err);
    if (r == 0 && context->frame_size > 0 && in->kind == TT_AUDIO)
        r = codec_want(codec, in, (uint32_t)context->frame_size, ret_want, err);
    if (r < 0) {
        avcodec_free_context(&context);
        return r;
    }
    *ret = context;
    return 0;
}

/* The header that its users are told before the first picture. */
static int keep_header(const struct tt_request *request, const AVCodecContext *context,
                       const struct codec_delay *delay, struct tt_shape *ret, struct tt_error *err)
{
    uint8_t *header = NULL;
    uint32_t bytes = 0;
    int r;

    if (request->level_count == 0) {
        r = tt_av_config_keep(ret, 0, context->extradata, (uint64_t)context->extradata_size);
        return r < 0 ? tt_fail(err, r, "the codec header is too large") : 0;
    }
    r = codec_levels_header(request, &ret->want[0], delay, &header, &bytes, err);
    if (r < 0)
        return r;
    r = tt_av_config_keep(ret, 0, header, bytes);
    av_free(header);
    return r < 0 ? tt_fail(err, r, "the codec headers of all levels are too large") : 0;
}

static int shape(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    const struct tt_format *in = &request->in[0];
    struct codec_delay delay = {0};
    AVCodecContext *context = NULL;
    int r;

    tt_av_config_reset();
    if (in->kind != TT_VIDEO && in->kind != TT_AUDIO)
        return tt_fail(err, -EINVAL, "av.encode takes raw video or audio");
    r = open_as_wanted(request, in, &ret->want[0], &context, err);
    if (r < 0)
        return r;
    r = codec_try(context->codec, request, &ret->want[0], &delay, err);
    if (r == 0) {
        describe(context, &ret->want[0], &delay, &ret->out[0]);
        r = keep_header(request, context, &delay, ret, err);
    }
    avcodec_free_context(&context);
    if (r < 0)
        return r;
    ret->bytes_max[0] = bytes_max(&ret->out[0]);
    ret->out_max[0] = delay.held > 0 || in->kind == TT_AUDIO ? 2 : 1;
    ret->ratio[0] = (struct tt_rational){1, 1};
    ret->latency_ns = tt_index_ns(delay.held + delay.early, ret->want[0].rate);
    ret->state_bytes = sizeof(struct encoder);
    return 0;
}

static void fini(void *state)
{
    struct encoder *encoder = state;

    for (uint32_t n = 0; n < WAITING_MAX; n++)
        av_packet_free(&encoder->waiting[n]);
    av_frame_free(&encoder->frame);
    codec_levels_close(encoder->contexts);
    encoder->context = NULL;
}

static int prepare(struct encoder *encoder)
{
    encoder->frame =
        codec_frame_new(encoder->context, encoder->is_video ? 0 : tt_format_samples(&encoder->in));
    if (!encoder->frame)
        return -ENOMEM;
    for (uint32_t n = 0; n < WAITING_MAX; n++)
        if (!(encoder->waiting[n] = av_packet_alloc()))
            return -ENOMEM;
    return 0;
}

static int init(void *state, const struct tt_request *request, struct tt_error *err)
{
    struct encoder *encoder = state;
    int r;

    encoder->in = request->in[0];
    encoder->is_video = encoder->in.kind == TT_VIDEO;
    encoder->in_index = encoder->index = encoder->first_sample = INT64_MIN;
    encoder->is_resumed = request->resume_ns > 0;
    for (uint32_t n = 0; n < ORIGINS; n++)
        encoder->origin_of_index[n] = INT64_MIN;
    {
        struct tt_format want = {0};
        struct tt_request best = tt_request_at(request, 0);

        r = open_as_wanted(&best, &encoder->in, &want, &encoder->contexts[0], err);
        encoder->context = encoder->contexts[0];
        if (r == 0)
            r = codec_levels_open(request, &want, encoder->contexts, err);
        encoder->level_count = request->level_count + 1;
        if (r == 0 &&
            (want.fourcc != encoder->in.fourcc || want.sample_rate != encoder->in.sample_rate ||
             (!encoder->is_video && tt_format_samples(&want) != tt_format_samples(&encoder->in))))
            r = tt_fail(err, -EPROTO, "the input is not what encoder %s asked for",
                        encoder->context->codec->name);
    }
    if (r == 0)
        r = codec_try(encoder->context->codec, request, &encoder->in, &encoder->delay, err);
    if (r == 0) {
        describe(encoder->context, &encoder->in, &encoder->delay, &encoder->out);
        /* Wrappers of other libraries copy what they are given; libavcodec's own encoders may keep
         * it as a reference, and the pool needs its frame back. */
        encoder->is_view = encoder->is_video && encoder->context->codec->wrapper_name;
        r = prepare(encoder);
        if (r < 0)
            (void)tt_fail(err, r, "no memory");
    }
    if (r < 0)
        fini(encoder);
    return r;
}

static int open(void *state, void *scratch, const struct tt_host *host,
                const struct tt_request *request)
{
    struct encoder *encoder = state;

    (void)scratch, (void)request;
    encoder->host = host;
    return 0;
}

static void count(struct encoder *encoder, enum tt_av_note id)
{
    tt_av_note(encoder->host, id, (int64_t)++encoder->counts[id]);
}

static void keep_buffer(void *opaque, uint8_t *data)
{
    (void)opaque, (void)data;
}

static int put_picture(struct encoder *encoder, const struct tt_frame *in)
{
    AVFrame *frame = encoder->frame;
    uint8_t *planes[4] = {0};
    int strides[4] = {0};

    for (uint32_t n = 0; n < encoder->in.plane_count; n++) {
        planes[n] = tt_plane(&encoder->in, in->data, n);
        strides[n] = (int)encoder->in.stride[n];
    }
    if (!encoder->is_view) {
        if (av_frame_make_writable(frame) < 0)
            return -ENOMEM;
        av_image_copy(frame->data, frame->linesize, (const uint8_t **)planes, strides,
                      frame->format, frame->width, frame->height);
        return 0;
    }
    for (uint32_t n = 0; n < AV_NUM_DATA_POINTERS; n++)
        av_buffer_unref(&frame->buf[n]);
    frame->buf[0] =
        av_buffer_create(tt_frame_data(in), in->bytes, keep_buffer, NULL, AV_BUFFER_FLAG_READONLY);
    memcpy(frame->data, planes, sizeof(planes));
    memcpy(frame->linesize, strides, sizeof(strides));
    return frame->buf[0] ? 0 : -ENOMEM;
}

static float limited(float value)
{
    return value > 1.0f ? 1.0f : value < -1.0f ? -1.0f : value; /* of NaN: itself, see below */
}

static void write_samples(AVFrame *frame, uint32_t channel, const float *from)
{
    bool is_planar = av_sample_fmt_is_planar(frame->format);
    size_t step = is_planar ? 1 : (size_t)frame->ch_layout.nb_channels;
    size_t at = is_planar ? 0 : channel;
    void *data = frame->extended_data[is_planar ? channel : 0];

    for (int n = 0; n < frame->nb_samples; n++, at += step) {
        float value = from[n] == from[n] ? from[n] : 0.0f;

        switch (av_get_packed_sample_fmt(frame->format)) {
        case AV_SAMPLE_FMT_S16:
            ((int16_t *)data)[at] = (int16_t)(limited(value) * 32767.0f);
            break;
        case AV_SAMPLE_FMT_S32:
            ((int32_t *)data)[at] = (int32_t)((double)limited(value) * 2147483647.0);
            break;
        default:
            ((float *)data)[at] = value;
        }
    }
}

static int put_sound(struct encoder *encoder, const struct tt_frame *in)
{
    if (av_frame_make_writable(encoder->frame) < 0)
        return -ENOMEM;
    for (uint32_t c = 0; c < encoder->in.channels; c++)
        write_samples(encoder->frame, c, tt_channel(&encoder->in, in->data, c));
    return 0;
}

static void take_coded(struct encoder *encoder)
{
    while (encoder->waiting_count < WAITING_MAX) {
        uint32_t place = (encoder->waiting_first + encoder->waiting_count) % WAITING_MAX;
        int r = avcodec_receive_packet(encoder->context, encoder->waiting[place]);

        if (r < 0) {
            if (r != AVERROR(EAGAIN) && r != AVERROR_EOF)
                count(encoder, TT_AV_NOTE_CORRUPT);
            return;
        }
        encoder->waiting_count++;
    }
}

static int encode(struct encoder *encoder, const struct tt_frame *in)
{
    AVFrame *frame = encoder->frame;
    int r;

    if (in->index <= encoder->in_index) {
        count(encoder, TT_AV_NOTE_SAME_INDEX);
        return -EPROTO;
    }
    r = encoder->is_video ? put_picture(encoder, in) : put_sound(encoder, in);
    if (r < 0)
        return r;
    encoder->in_index = in->index;
    if (encoder->is_video) {
        encoder->origins_ns[(uint64_t)in->index % ORIGINS] = in->origin_ns;
        encoder->origin_of_index[(uint64_t)in->index % ORIGINS] = in->index;
        frame->pts = in->index;
        frame->pict_type = encoder->is_key_wanted ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
        encoder->is_key_wanted = false;
    } else {
        encoder->audio_offset_ns = in->origin_ns - tt_index_ns(in->index, encoder->in.rate);
        frame->pts = in->index * frame->nb_samples;
        if (encoder->is_resumed && encoder->first_sample == INT64_MIN)
            encoder->first_sample = frame->pts;
    }
    r = avcodec_send_frame(encoder->context, frame);
    take_coded(encoder);
    if (r < 0)
        count(encoder, TT_AV_NOTE_CORRUPT);
    return r < 0 ? tt_av_errno(r) : 0;
}

static void stamp_picture(struct encoder *encoder, const AVPacket *packet, struct tt_frame *frame)
{
    int64_t dts = packet->dts != AV_NOPTS_VALUE ? packet->dts : packet->pts;
    uint64_t place = (uint64_t)packet->pts % ORIGINS;

    frame->index = dts + encoder->delay.early;
    frame->origin_ns = encoder->origin_of_index[place] == packet->pts
                           ? encoder->origins_ns[place]
                           : tt_index_ns(packet->pts, encoder->in.rate);
    frame->duration_ns = tt_index_ns(1, encoder->in.rate);
}

/* Packets of sound begin before zero by what the encoder needs to get going: that is where their
 * origin says it is, and writers put it into the file's header. */
static void stamp_sound(struct encoder *encoder, const AVPacket *packet, struct tt_frame *frame)
{
    int64_t samples = tt_format_samples(&encoder->in), rate = encoder->in.sample_rate;
    int64_t padding = encoder->context->initial_padding;

    frame->index = (packet->pts + padding + samples / 2) / samples;
    frame->origin_ns = tt_muldiv(packet->pts, 1000000000, rate) + encoder->audio_offset_ns;
    frame->duration_ns = tt_index_ns(1, encoder->in.rate);
}

/* Where a predecessor drained, its last packet has the index of our first: what comes before the
 * first sample was needed once, where the sound began. */
static bool is_given_before(const struct encoder *encoder, const AVPacket *packet)
{
    return packet->pts != AV_NOPTS_VALUE && packet->pts < encoder->first_sample;
}

static int give_packet(struct encoder *encoder, struct tt_frame *frame)
{
    AVPacket *packet;
    int r = 0;

    if (encoder->waiting_count == 0)
        return 0;
    packet = encoder->waiting[encoder->waiting_first];
    if ((uint32_t)packet->size > frame->capacity) {
        count(encoder, TT_AV_NOTE_TOO_BIG);
        encoder->is_whole = false;
        r = -EMSGSIZE;
    } else if (packet->size > 0 && packet->pts != AV_NOPTS_VALUE &&
               !is_given_before(encoder, packet)) {
        memcpy(tt_frame_data(frame), packet->data, (size_t)packet->size);
        frame->bytes = (uint32_t)packet->size;
        frame->flags = packet->flags & AV_PKT_FLAG_KEY || !encoder->is_video ? TT_KEY : 0;
        if (encoder->is_video)
            stamp_picture(encoder, packet, frame);
        else
            stamp_sound(encoder, packet, frame);
        if (frame->index <= encoder->index)
            frame->index = encoder->index + 1;
        /* Pictures that never came here are not missed by who decodes: it need not wait for a key
         * picture. */
        frame->valid_slices = 0;
        if (encoder->is_video && encoder->is_whole)
            frame->valid_slices = (uint32_t)(frame->index - encoder->index - 1);
        encoder->index = frame->index;
        encoder->is_whole = true;
    }
    av_packet_unref(packet);
    encoder->waiting_first = (encoder->waiting_first + 1) % WAITING_MAX;
    encoder->waiting_count--;
    return r;
}

/* Another level's encoder begins with a key picture; it knows none of those before. */
static void change_level(struct encoder *encoder, uint32_t level)
{
    if (level >= encoder->level_count)
        level = encoder->level_count - 1;
    if (level == encoder->level)
        return;
    encoder->level = level;
    encoder->context = encoder->contexts[level];
    encoder->is_key_wanted = true;
}

static void take_events(struct encoder *encoder, const struct tt_call *call)
{
    for (uint32_t n = 0; n < call->event_count; n++)
        if (tt_call_events(call)[n].kind == TT_EVENT_KEY)
            encoder->is_key_wanted = true;
}

static int process(void *state, struct tt_call *call)
{
    struct encoder *encoder = state;
    const struct tt_frame *in = call->in_count > 0 ? tt_call_in(call, 0) : NULL;
    struct tt_frame *out = tt_call_out(call, 0);
    int r = 0, given;

    out->bytes = 0;
    take_events(encoder, call);
    if (!encoder->is_flushed)
        change_level(encoder, call->level);
    if (in && in->data && in->bytes > 0) {
        r = encode(encoder, in);
    } else if (in && (in->flags & TT_END) && !encoder->is_flushed) {
        encoder->is_flushed = true;
        (void)avcodec_send_frame(encoder->context, NULL);
    }
    if (encoder->is_flushed)
        take_coded(encoder);
    given = give_packet(encoder, out);
    call->key_point = encoder->delay.held == 0 && encoder->waiting_count == 0;
    if (out->bytes == 0 && encoder->waiting_count == 0 && (r < 0 || given < 0))
        return r < 0 ? r : given;
    return encoder->waiting_count > 0 ? TT_AGAIN : TT_DONE;
}

const struct tt_component tt_component_av_encode = {
    .abi = TT_ABI,
    .size = sizeof(struct tt_component),
    .flags = TT_OPAQUE | TT_DRAINS,
    .version = 1,
    .name = "av.encode",
    .help = "encodes I420, NV12 and planar float with any encoder of libavcodec",
    .example = "tactus run test.video ! av.encode codec=libx264 preset=ultrafast "
               "tune=zerolatency ! av.write url=out.mkv --for 2s",
    .ports = ports,
    .params = params,
    .port_count = 2,
    .param_count = ENCODE_PARAM_COUNT,
    .level_count = ENCODE_LEVELS_MAX,
    .shape = shape,
    .init = init,
    .open = open,
    .process = process,
    .close = fini,
};
