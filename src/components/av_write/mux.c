/* Ordering, starting, cutting and ending the packets of a container. */
#include "components/av_write/mux.h"

#include <errno.h>
#include <libavutil/avstring.h>
#include <libavutil/mathematics.h>
#include <string.h>

#include "tactus/format.h"

/* How far one stream may run ahead of another that says nothing, before it is written anyway. */
#define AHEAD_MAX_NS INT64_C(2000000000)

static const AVRational nanoseconds = {1, 1000000000};

bool mux_is_network(const char *url)
{
    return strstr(url, "://") && !av_strstart(url, "file:", NULL);
}

const AVOutputFormat *mux_format(const char *url, const char *name, struct tt_error *err)
{
    bool is_ts = av_strstart(url, "srt:", NULL) || av_strstart(url, "udp:", NULL);
    bool is_rtmp = av_strstart(url, "rtmp:", NULL) || av_strstart(url, "rtmps:", NULL);
    const AVOutputFormat *format;

    if (name[0] == 0 && is_ts)
        name = "mpegts";
    else if (name[0] == 0 && is_rtmp)
        name = "flv";
    else if (name[0] == 0 && av_strstart(url, "rtp:", NULL))
        name = "rtp_mpegts";
    format = av_guess_format(name[0] ? name : NULL, name[0] ? NULL : url, NULL);
    if (!format && name[0])
        (void)tt_fail(err, -EINVAL, "libavformat writes no '%s'", name);
    else if (!format)
        (void)tt_fail(err, -EINVAL,
                      "'%s' does not say which container; give format=matroska, mp4 "
                      "or mpegts",
                      url);
    return format;
}

static bool is_named(const AVOutputFormat *format, const char *a, const char *b)
{
    return strcmp(format->name, a) == 0 || strcmp(format->name, b) == 0;
}

static int add_stream(struct mux *mux, struct mux_stream *one)
{
    AVStream *stream = avformat_new_stream(mux->context, NULL);
    const struct tt_format *format = &one->format;
    struct tt_av_colour colour = tt_av_colour_to(format);
    AVCodecParameters *par;

    if (!stream)
        return -ENOMEM;
    one->stream = stream;
    one->last_dts = INT64_MIN;
    par = stream->codecpar;
    par->codec_id = tt_av_codec_id(format->fourcc);
    if (format->kind == TT_CODED_VIDEO) {
        par->codec_type = AVMEDIA_TYPE_VIDEO;
        par->width = (int)format->width;
        par->height = (int)format->height;
        par->format = format->stride[3] ? (int)format->stride[3] - 1 : AV_PIX_FMT_NONE;
        par->video_delay = (int)format->reorder_frames;
        par->field_order = AV_FIELD_PROGRESSIVE;
        par->color_space = colour.matrix;
        par->color_primaries = colour.primaries;
        par->color_trc = colour.transfer;
        par->color_range = colour.range;
        par->chroma_location = colour.siting;
        stream->avg_frame_rate = (AVRational){(int)format->rate.num, (int)format->rate.den};
        stream->time_base = av_inv_q(stream->avg_frame_rate);
    } else {
        par->codec_type = AVMEDIA_TYPE_AUDIO;
        par->sample_rate = (int)format->sample_rate;
        par->frame_size = (int)tt_format_samples(format);
        par->bits_per_coded_sample = av_get_bits_per_sample(par->codec_id);
        tt_av_layout(format, &par->ch_layout);
        par->block_align = par->bits_per_coded_sample * par->ch_layout.nb_channels / 8;
        stream->time_base = (AVRational){1, par->sample_rate};
    }
    return tt_av_extradata(&par->extradata, &par->extradata_size, &one->config);
}

/* What makes a file that was cut off playable: short clusters, or fragments. */
static void set_safe(const AVOutputFormat *format, AVDictionary **options)
{
    if (is_named(format, "matroska", "webm"))
        (void)av_dict_set(options, "cluster_time_limit", "1000", AV_DICT_DONT_OVERWRITE);
    if (is_named(format, "mp4", "mov")) {
        /* delay_moov: the header is written with the first fragment, when it is known where each
         * stream starts. An empty one at once puts reordered pictures and sound apart. */
        (void)av_dict_set(options, "movflags", "frag_keyframe+delay_moov+default_base_moof",
                          AV_DICT_DONT_OVERWRITE);
        (void)av_dict_set(options, "frag_duration", "1000000", AV_DICT_DONT_OVERWRITE);
    }
}

static int open_context(struct mux *mux, const char *url, const AVOutputFormat *format,
                        AVDictionary **options, struct tt_error *err)
{
    int r = avformat_alloc_output_context2(&mux->context, format, NULL, url);

    if (r < 0)
        return tt_av_fail(err, r, "cannot prepare '%s'", url);
    mux->context->interrupt_callback = mux->interrupt;
    mux->context->flags |= AVFMT_FLAG_FLUSH_PACKETS;
    if (av_strstart(url, "udp:", NULL))
        (void)av_dict_set(options, "pkt_size", "1316", AV_DICT_DONT_OVERWRITE);
    for (uint32_t n = 0; n < MUX_STREAMS && r >= 0; n++)
        if (mux->streams[n].is_used)
            r = add_stream(mux, &mux->streams[n]);
    if (r < 0)
        return tt_fail(err, r, "no memory for the streams of '%s'", url);
    if (!(format->flags & AVFMT_NOFILE))
        r = avio_open2(&mux->context->pb, url, AVIO_FLAG_WRITE, &mux->interrupt, options);
    if (r < 0)
        return tt_av_fail(err, r, "cannot open '%s'", url);
    set_safe(format, options);
    r = avformat_init_output(mux->context, options);
    if (r < 0)
        return tt_av_fail(err, r, "container %s refuses these streams", format->name);
    return 0;
}

int mux_open(struct mux *mux, const char *url, const AVOutputFormat *format, AVDictionary **options,
             struct tt_error *err)
{
    mux->error = open_context(mux, url, format, options, err);
    return mux->error;
}

static AVPacket *head(const struct mux_stream *one)
{
    return one->queue[one->first];
}

static void drop_head(struct mux_stream *one)
{
    av_packet_free(&one->queue[one->first]);
    one->first = (one->first + 1) % MUX_QUEUE;
    one->count--;
}

static int64_t queued_ns(const struct mux_stream *one)
{
    const AVPacket *last = one->queue[(one->first + one->count - 1) % MUX_QUEUE];

    return one->count > 0 ? last->dts - head(one)->dts : 0;
}

/* A stream that has nothing yet is waited for, but not for ever. */
static bool is_to_wait(const struct mux *mux)
{
    bool is_missing = false;

    for (uint32_t n = 0; n < MUX_STREAMS; n++) {
        const struct mux_stream *one = &mux->streams[n];

        if (!one->is_used)
            continue;
        is_missing |= one->count == 0 && !one->is_ended;
        if (one->count > MUX_QUEUE / 2 || queued_ns(one) > AHEAD_MAX_NS)
            return false;
    }
    return is_missing;
}

/* Can the container tell a player to skip what the encoder of sound needed to get going? Matroska
 * by its codec delay, which libavformat 5.1 writes for Opus alone. Fragmented MP4 has an edit list
 * for it that players overlook. */
static bool can_say_skip(const struct mux *mux, const struct mux_stream *audio)
{
    return is_named(mux->context->oformat, "matroska", "webm") && audio->format.fourcc == TT_OPUS;
}

static bool is_before_start(const struct mux *mux, const AVPacket *sound)
{
    return sound->pts + sound->duration / 2 <= mux->start_ns;
}

/* Media time 0 of the file: the first key picture. Sound from before it is left out, but for
 * priming that the container tells players to skip. */
static void choose_start(struct mux *mux)
{
    struct mux_stream *video = &mux->streams[MUX_VIDEO], *audio = &mux->streams[MUX_AUDIO];
    int64_t early_ns;

    if (video->count > 0)
        mux->start_ns = head(video)->pts;
    else if (audio->count > 0)
        mux->start_ns = head(audio)->pts < 0 ? 0 : head(audio)->pts;
    early_ns = audio->count > 0 ? mux->start_ns - head(audio)->pts : 0;
    if (audio->count > 0 && head(audio)->pts < 0 && mux->start_ns == 0 &&
        can_say_skip(mux, audio)) {
        audio->stream->codecpar->initial_padding = (int)av_rescale_rnd(
            early_ns, audio->format.sample_rate, nanoseconds.den, AV_ROUND_NEAR_INF);
        /* Matroska moves sound by its codec delay itself. */
        mux->context->avoid_negative_ts = 0;
        return;
    }
    while (audio->count > 0 && is_before_start(mux, head(audio)))
        drop_head(audio);
}

static int fail(struct mux *mux, int averror)
{
    mux->error = tt_av_errno(averror);
    return mux->error;
}

/* Each stream has shown where it starts: the header and all there is go to the file, which from now
 * on plays wherever it is cut off. */
static int flush_first(struct mux *mux)
{
    for (uint32_t n = 0; n < MUX_STREAMS; n++)
        if (mux->streams[n].is_used && mux->streams[n].last_dts == INT64_MIN)
            return 0;
    mux->is_flushed = true;
    return av_write_frame(mux->context, NULL);
}

static int write_head(struct mux *mux, struct mux_stream *one)
{
    AVPacket *packet = head(one);
    AVRational base = one->stream->time_base;
    int64_t ns_dts = packet->dts - mux->start_ns, ns_pts = packet->pts - mux->start_ns;
    int r;

    packet->stream_index = one->stream->index;
    packet->dts = av_rescale_q(ns_dts, nanoseconds, base);
    packet->pts = av_rescale_q(ns_pts, nanoseconds, base);
    packet->duration = av_rescale_q(packet->duration, nanoseconds, base);
    if (packet->dts <= one->last_dts)
        packet->dts = one->last_dts + 1;
    if (packet->pts < packet->dts)
        packet->pts = packet->dts;
    one->last_dts = packet->dts;
    r = av_write_frame(mux->context, packet);
    drop_head(one);
    if (r >= 0 && !mux->is_flushed)
        r = flush_first(mux);
    if (r >= 0 && mux->context->pb && mux->context->pb->error < 0)
        r = mux->context->pb->error;
    return r < 0 ? fail(mux, r) : 0;
}

/* Sound that begins after the last picture has ended is left out: both end together. */
static bool is_past_end(const struct mux *mux, const struct mux_stream *one)
{
    const struct mux_stream *video = &mux->streams[MUX_VIDEO];

    return one == &mux->streams[MUX_AUDIO] && video->is_used && video->is_ended &&
           video->is_key_seen && head(one)->pts + head(one)->duration / 2 > video->end_ns;
}

static int write_ready(struct mux *mux)
{
    while (mux->error == 0 && !is_to_wait(mux)) {
        struct mux_stream *next = NULL;
        int r;

        if (!mux->is_started) {
            choose_start(mux);
            r = avformat_write_header(mux->context, NULL);
            if (r < 0)
                return fail(mux, r);
            mux->is_started = true;
        }
        for (uint32_t n = 0; n < MUX_STREAMS; n++) {
            struct mux_stream *one = &mux->streams[n];

            if (one->count > 0 && (!next || head(one)->dts < head(next)->dts))
                next = one;
        }
        if (!next)
            return 0;
        if (is_past_end(mux, next))
            drop_head(next);
        else
            (void)write_head(mux, next);
    }
    return mux->error;
}

int mux_put(struct mux *mux, uint32_t number, AVPacket *packet)
{
    struct mux_stream *one = &mux->streams[number];
    const struct mux_stream *video = &mux->streams[MUX_VIDEO];
    AVPacket *own;

    if (mux->error < 0 || mux->is_finished)
        return mux->error;
    /* Nothing is kept before the picture that a player can begin at. */
    if (number == MUX_VIDEO && !one->is_key_seen && !(packet->flags & AV_PKT_FLAG_KEY))
        return 0;
    if (number == MUX_AUDIO && mux->is_started && one->last_dts == INT64_MIN && one->count == 0 &&
        is_before_start(mux, packet))
        return 0;
    if (one->count == MUX_QUEUE)
        drop_head(one);
    own = av_packet_clone(packet);
    if (!own)
        return -ENOMEM;
    one->is_key_seen = true;
    one->queue[(one->first + one->count++) % MUX_QUEUE] = own;
    if (packet->pts + packet->duration > one->end_ns)
        one->end_ns = packet->pts + packet->duration;
    /* Sound waits for the key picture as long as its queue lasts, keeping the newest. */
    if (number == MUX_AUDIO && video->is_used && !video->is_ended && !video->is_key_seen) {
        if (one->count > MUX_QUEUE / 2)
            drop_head(one);
        return 0;
    }
    return write_ready(mux);
}

int mux_end(struct mux *mux, uint32_t number)
{
    int r;

    mux->streams[number].is_ended = true;
    r = write_ready(mux);
    for (uint32_t n = 0; n < MUX_STREAMS; n++)
        if (mux->streams[n].is_used && !mux->streams[n].is_ended)
            return r;
    if (!mux->is_finished && mux->error == 0) {
        mux->is_finished = true;
        r = av_write_trailer(mux->context);
        if (r < 0)
            return fail(mux, r);
    }
    return mux->error;
}

void mux_close(struct mux *mux)
{
    if (!mux->context)
        return;
    for (uint32_t n = 0; n < MUX_STREAMS; n++)
        if (mux->streams[n].is_used && mux->streams[n].stream && !mux->is_finished &&
            mux->error == 0 && mux->context->pb)
            (void)mux_end(mux, n);
    for (uint32_t n = 0; n < MUX_STREAMS; n++)
        while (mux->streams[n].count > 0)
            drop_head(&mux->streams[n]);
    if (mux->context->pb && !(mux->context->oformat->flags & AVFMT_NOFILE))
        (void)avio_closep(&mux->context->pb);
    avformat_free_context(mux->context);
    mux->context = NULL;
}
