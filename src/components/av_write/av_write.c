/* Writes coded flows into files and to network addresses with libavformat. */
#include <errno.h>
#include <libavutil/opt.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "components/av/av.h"
#include "components/av_write/mux.h"
#include "components/av_write/network.h"
#include "tactus/format.h"

enum { PARAM_URL, PARAM_FORMAT, PARAM_OPTIONS, PARAM_COUNT };
enum { NAMES_MAX = 10000 };

struct writer {
    struct mux mux;          /* of a file */
    struct network *network; /* else */
    AVPacket *packet;
    uint32_t stream_of[TT_PORTS_MAX]; /* of each input */
    uint32_t in_count;
    bool is_ended[TT_PORTS_MAX], is_error_said;
    int64_t renamed;
    uint64_t counts[32]; /* by enum tt_av_note */
    const struct tt_host *host;
};

static const struct tt_format video = {.size = sizeof(video), .kind = TT_CODED_VIDEO};
static const struct tt_format audio = {.size = sizeof(audio), .kind = TT_CODED_AUDIO};

static const struct tt_port ports[MUX_STREAMS] = {
    [MUX_VIDEO] = {.name = "video",
                   .accepts = &video,
                   .accept_count = 1,
                   .late_policies = TT_LATE_KEEP | TT_LATE_DROP,
                   .late_default = TT_LATE_KEEP,
                   .is_leader = 1,
                   .is_optional = 1,
                   .in_place_of = -1},
    [MUX_AUDIO] = {.name = "audio",
                   .accepts = &audio,
                   .accept_count = 1,
                   .late_policies = TT_LATE_KEEP | TT_LATE_DROP,
                   .late_default = TT_LATE_KEEP,
                   .is_optional = 1,
                   .in_place_of = -1},
};

static const struct tt_param params[PARAM_COUNT] = {
    {.name = "url",
     .help = "file to write, or an address: srt://HOST:PORT?mode=listener, udp://HOST:PORT, "
             "rtmp://HOST/APP/NAME, rtp://HOST:PORT (MPEG-TS); one that is called is called again "
             "until it answers",
     .type = TT_PARAM_TEXT},
    {.name = "format",
     .help = "container; empty: by the file's extension, mpegts for srt, udp and rtp, flv for rtmp",
     .initial = "",
     .type = TT_PARAM_TEXT},
    {.name = "options",
     .help = "any option of libavformat's muxer or protocol",
     .initial = "",
     .type = TT_PARAM_OPTIONS},
};

static bool has_option(const AVClass *class, const char *key)
{
    return class && av_opt_find((void *)&class, key, NULL, 0, AV_OPT_SEARCH_FAKE_OBJ);
}

/* All at once and before anything is opened: a listener opens only when its viewer comes. */
static int check_options(const char *url, const AVOutputFormat *format, const AVDictionary *options,
                         struct tt_error *err)
{
    const char *protocol = avio_find_protocol_name(url);
    const AVDictionaryEntry *each = NULL;

    while ((each = av_dict_get(options, "", each, AV_DICT_IGNORE_SUFFIX)))
        if (!has_option(format->priv_class, each->key) &&
            !has_option(avformat_get_class(), each->key) &&
            !(protocol && has_option(avio_protocol_get_class(protocol), each->key)))
            return tt_fail(err, -EINVAL, "'%s' is no option of container %s or of %s", each->key,
                           format->name, protocol ? protocol : "a protocol");
    return 0;
}

static int check_streams(const struct tt_request *request, const AVOutputFormat *format,
                         struct tt_error *err)
{
    uint32_t used = 0;

    for (uint32_t n = 0; n < request->in_count; n++) {
        enum AVCodecID id = tt_av_codec_id(request->in[n].fourcc);

        if (!request->pins[n].is_connected)
            continue;
        used++;
        if (id == AV_CODEC_ID_NONE)
            return tt_fail(err, -ENOTSUP, "input '%s' has an unknown codec", request->pins[n].name);
        if (avformat_query_codec(format, id, FF_COMPLIANCE_NORMAL) == 0)
            return tt_fail(err, -ENOTSUP, "container %s cannot hold %s", format->name,
                           avcodec_get_name(id));
        if (request->in[n].rate.num <= 0 || request->in[n].rate.den <= 0)
            return tt_fail(err, -EINVAL, "input '%s' has no rate", request->pins[n].name);
    }
    if (used == 0)
        return tt_fail(err, -EINVAL, "neither video nor audio is connected");
    return 0;
}

static int check(const struct tt_request *request, const AVOutputFormat **ret,
                 AVDictionary **ret_options, struct tt_error *err)
{
    const char *url = tt_setting_text(request, PARAM_URL);
    const AVOutputFormat *format;
    int r;

    tt_av_quiet();
    if (strcmp(url, "-") == 0 || strncmp(url, "pipe:", 5) == 0)
        return tt_fail(err, -EINVAL, "av.write cannot write '%s': only raw.write takes '-'", url);
    format = mux_format(url, tt_setting_text(request, PARAM_FORMAT), err);
    if (!format)
        return err ? err->code : -EINVAL;
    r = check_streams(request, format, err);
    if (r == 0)
        r = tt_av_options(request, PARAM_OPTIONS, ret_options, err);
    if (r == 0)
        r = check_options(url, format, *ret_options, err);
    *ret = format;
    return r;
}

static int shape(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    const AVOutputFormat *format;
    AVDictionary *options = NULL;
    int r = check(request, &format, &options, err);

    av_dict_free(&options);
    ret->state_bytes = sizeof(struct writer);
    return r;
}

/* After a restart the file of before is kept: NAME.1.EXT, NAME.2.EXT, the first that is free. */
static const char *free_name(const char *url, char *ret, uint32_t bytes, int64_t *ret_number)
{
    const char *slash = strrchr(url, '/');
    const char *dot = strrchr(slash ? slash : url, '.');
    int stem = (int)(dot && dot != url ? dot - url : (long)strlen(url));

    *ret_number = 0;
    if (access(url, F_OK) != 0)
        return url;
    for (int n = 1; n < NAMES_MAX; n++) {
        (void)tt_format_text(ret, bytes, "%.*s.%d%s", stem, url, n, url + stem);
        *ret_number = n;
        if (access(ret, F_OK) != 0)
            return ret;
    }
    return ret;
}

static void fini(void *state)
{
    struct writer *writer = state;

    network_close(&writer->network);
    mux_close(&writer->mux);
    av_packet_free(&writer->packet);
}

static int open_output(struct writer *writer, const struct tt_request *request,
                       const AVOutputFormat *format, AVDictionary **options, struct tt_error *err)
{
    const char *url = tt_setting_text(request, PARAM_URL);
    struct network_params network = {
        .url = url, .format = format, .options = *options, .streams = writer->mux.streams};
    const AVDictionaryEntry *left;
    char name[4096];
    int r;

    if (mux_is_network(url))
        return network_open(&network, &writer->network, err);
    if (request->resume_ns > 0)
        url = free_name(url, name, sizeof(name), &writer->renamed);
    r = mux_open(&writer->mux, url, format, options, err);
    if (r == 0 && (left = av_dict_get(*options, "", NULL, AV_DICT_IGNORE_SUFFIX)))
        r = tt_fail(err, -EINVAL, "nothing here takes the option '%s'", left->key);
    return r;
}

static int init(void *state, const struct tt_request *request, struct tt_error *err)
{
    struct writer *writer = state;
    const AVOutputFormat *format = NULL;
    AVDictionary *options = NULL;
    int r = check(request, &format, &options, err);

    writer->in_count = request->in_count;
    for (uint32_t n = 0; r == 0 && n < request->in_count; n++) {
        struct mux_stream *one = &writer->mux.streams[request->pins[n].port];

        writer->stream_of[n] = request->pins[n].port;
        writer->is_ended[n] = !request->pins[n].is_connected;
        if (!request->pins[n].is_connected)
            continue;
        one->is_used = true;
        one->format = request->in[n];
        if (request->config)
            one->config = request->config[n];
    }
    writer->packet = av_packet_alloc();
    if (r == 0 && !writer->packet)
        r = tt_fail(err, -ENOMEM, "no memory");
    if (r == 0)
        r = open_output(writer, request, format, &options, err);
    av_dict_free(&options);
    if (r < 0)
        fini(writer);
    return r;
}

static void count(struct writer *writer, enum tt_av_note id)
{
    tt_av_note(writer->host, id, (int64_t)++writer->counts[id]);
}

static int open(void *state, void *scratch, const struct tt_host *host,
                const struct tt_request *request)
{
    struct writer *writer = state;

    (void)scratch, (void)request;
    writer->host = host;
    if (writer->renamed > 0)
        tt_av_note(host, TT_AV_NOTE_RENAMED, writer->renamed);
    return 0;
}

static int make_packet(struct writer *writer, const struct tt_format *format,
                       const struct tt_frame *frame)
{
    AVPacket *packet = writer->packet;

    if (av_new_packet(packet, (int)frame->bytes) < 0)
        return -ENOMEM;
    memcpy(packet->data, tt_frame_data(frame), frame->bytes);
    packet->pts = packet->dts = frame->origin_ns;
    /* The index of a reordered flow counts decoding, from reorder_frames before the first. */
    if (format->kind == TT_CODED_VIDEO && format->reorder_frames > 0) {
        packet->dts = tt_index_ns(frame->index - format->reorder_frames, format->rate);
        if (packet->dts > packet->pts)
            packet->dts = packet->pts;
    }
    packet->duration = frame->duration_ns > 0 ? frame->duration_ns : tt_index_ns(1, format->rate);
    packet->flags = frame->flags & TT_KEY || format->kind == TT_CODED_AUDIO ? AV_PKT_FLAG_KEY : 0;
    return 0;
}

/* A full disk is said once; what comes after is taken and counted, so that nothing else stops. */
static void on_write_error(struct writer *writer, int error)
{
    if (!writer->is_error_said)
        tt_av_note(writer->host, TT_AV_NOTE_NO_SPACE, -error);
    writer->is_error_said = true;
}

/* The gap is in the ledger as frames that were not sent; this says why. */
static void tell_news(struct writer *writer)
{
    struct network_news news;

    if (!writer->network || !network_news(writer->network, &news))
        return;
    if (news.lost_error != 0)
        tt_av_note(writer->host, TT_AV_NOTE_PEER_LOST, -news.lost_error);
    if (news.is_back)
        tt_av_note(writer->host, TT_AV_NOTE_PEER_BACK, news.away_ns / 1000000);
}

/* What was taken but not written is told by bytes = 0 on return: it was not sent. */
static int put(struct writer *writer, uint32_t stream, struct tt_frame *frame)
{
    const struct tt_format *format = &writer->mux.streams[stream].format;
    int r;

    if (writer->mux.error < 0) {
        count(writer, TT_AV_NOTE_DISCARDED);
        frame->bytes = 0;
        return 0;
    }
    r = make_packet(writer, format, frame);
    if (r < 0)
        return r;
    if (writer->network) {
        enum network_result result = network_put(writer->network, stream, writer->packet);

        if (result != NETWORK_TAKEN)
            count(writer, result == NETWORK_OVERRUN ? TT_AV_NOTE_OVERRUN : TT_AV_NOTE_NO_VIEWER);
        if (result == NETWORK_NO_VIEWER)
            frame->bytes = 0;
    } else {
        r = mux_put(&writer->mux, stream, writer->packet);
        if (r < 0) {
            on_write_error(writer, r);
            count(writer, TT_AV_NOTE_DISCARDED);
            frame->bytes = 0;
        }
    }
    av_packet_unref(writer->packet);
    return 0;
}

static void end(struct writer *writer, uint32_t input)
{
    int r = 0;

    if (writer->is_ended[input])
        return;
    writer->is_ended[input] = true;
    if (!writer->network)
        r = mux_end(&writer->mux, writer->stream_of[input]);
    if (r < 0)
        on_write_error(writer, r);
    for (uint32_t n = 0; n < writer->in_count; n++)
        if (!writer->is_ended[n])
            return;
    network_close(&writer->network);
    mux_close(&writer->mux);
}

static int step(void *state, struct tt_call *call)
{
    struct writer *writer = state;
    int result = TT_DONE;

    tell_news(writer);
    for (uint32_t n = 0; n < call->in_count && n < writer->in_count; n++) {
        struct tt_frame *frame = tt_call_in(call, n);

        if (frame->data && frame->bytes > 0 && !writer->is_ended[n]) {
            int r = put(writer, writer->stream_of[n], frame);

            result = r < 0 ? r : result;
        }
        if (frame->flags & TT_END)
            end(writer, n);
    }
    return result;
}

static const struct tt_edge edge = {.step = step};

const struct tt_component tt_component_av_write = {
    .abi = TT_ABI,
    .size = sizeof(struct tt_component),
    .flags = TT_EDGE | TT_SEPARATE,
    .version = 1,
    .name = "av.write",
    .help = "writes coded video and audio to files, SRT, RTMP, RTP and UDP with libavformat",
    .example = "tactus run test.video ! av.encode codec=libx264 preset=ultrafast "
               "tune=zerolatency ! av.write url=out.mkv --for 2s",
    .ports = ports,
    .params = params,
    .port_count = MUX_STREAMS,
    .param_count = PARAM_COUNT,
    .level_count = 1,
    .shape = shape,
    .init = init,
    .open = open,
    .close = fini,
    .edge = &edge,
};
