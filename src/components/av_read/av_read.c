/* Reads media with libavformat: files and network addresses, coded streams by choice. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "components/av/av.h"
#include "components/av_read/input.h"
#include "tactus/format.h"

enum { PORT_VIDEO, PORT_AUDIO, PORT_CHOSEN, PORT_COUNT };
enum {
    PARAM_URL,
    PARAM_LIVE,
    PARAM_LOOP,
    PARAM_START,
    PARAM_PROBE,
    PARAM_AS_STORED,
    PARAM_RECONNECT,
    PARAM_OPTIONS,
    PARAM_COUNT
};

static const struct tt_format video = {.size = sizeof(video), .kind = TT_CODED_VIDEO};
static const struct tt_format audio = {.size = sizeof(audio), .kind = TT_CODED_AUDIO};

static const struct tt_port ports[PORT_COUNT] = {
    {.name = "video",
     .accepts = &video,
     .accept_count = 1,
     .is_output = 1,
     .is_optional = 1,
     .in_place_of = -1},
    {.name = "audio",
     .accepts = &audio,
     .accept_count = 1,
     .is_output = 1,
     .is_optional = 1,
     .in_place_of = -1},
    {.name = "*",
     .is_output = 1,
     .is_optional = 1,
     .instances_max = TT_PORTS_MAX - 2,
     .in_place_of = -1},
};

static const struct tt_param params[PARAM_COUNT] = {
    {.name = "url", .help = "file or address to read", .type = TT_PARAM_TEXT},
    {.name = "live",
     .help = "release frames at their time, not as fast as possible",
     .initial = "false",
     .type = TT_PARAM_BOOL},
    {.name = "loop",
     .unit = "false, true or times",
     .help = "play again at the end: for ever, or so many times",
     .initial = "false",
     .type = TT_PARAM_TEXT},
    {.name = "start",
     .help = "begin at the key picture at or before this",
     .initial = "0s",
     .type = TT_PARAM_TIME},
    {.name = "probe",
     .help = "longest look at the input before it starts",
     .initial = "4s",
     .type = TT_PARAM_TIME},
    {.name = "as_stored",
     .help = "take pictures that ask to be turned as they are stored",
     .initial = "false",
     .type = TT_PARAM_BOOL},
    {.name = "reconnect",
     .help = "call a live network input that went again, until it is back",
     .initial = "true",
     .type = TT_PARAM_BOOL},
    {.name = "options",
     .help = "any option of libavformat's demuxer or protocol",
     .initial = "",
     .type = TT_PARAM_OPTIONS},
};

static int read_loop(const struct tt_request *request, int64_t *ret, struct tt_error *err)
{
    const char *text = tt_setting_text(request, PARAM_LOOP);
    char *end;

    if (text[0] == 0 || strcmp(text, "false") == 0 || strcmp(text, "no") == 0)
        *ret = 0;
    else if (strcmp(text, "true") == 0 || strcmp(text, "yes") == 0)
        *ret = -1;
    else {
        *ret = strtoll(text, &end, 10);
        if (*end != 0 || *ret < 0)
            return tt_fail(err, -EINVAL, "loop is '%s', not true, false or a count", text);
    }
    return 0;
}

/* The stream that a pin's name asks for: best video, best audio, video0, audio1, or 2. */
static int find_stream(const struct input *input, const struct tt_pin *pin)
{
    const char *digits = pin->name + strcspn(pin->name, "0123456789");
    AVFormatContext *format = input->format;
    enum AVMediaType type = pin->name[0] == 'v'   ? AVMEDIA_TYPE_VIDEO
                            : pin->name[0] == 'a' ? AVMEDIA_TYPE_AUDIO
                                                  : AVMEDIA_TYPE_UNKNOWN;
    long place = strtol(digits, NULL, 10);
    int r;

    if (pin->port != PORT_CHOSEN) {
        type = pin->port == PORT_VIDEO ? AVMEDIA_TYPE_VIDEO : AVMEDIA_TYPE_AUDIO;
        r = av_find_best_stream(format, type, -1, -1, NULL, 0);
        return r >= 0 && (format->streams[r]->disposition & AV_DISPOSITION_ATTACHED_PIC) ? -1 : r;
    }
    if (digits == pin->name)
        return place < (long)format->nb_streams ? (int)place : -1;
    for (unsigned n = 0; n < format->nb_streams; n++)
        if (format->streams[n]->codecpar->codec_type == type && place-- == 0)
            return (int)n;
    return -1;
}

static bool is_stream_name(const char *name)
{
    static const char *const heads[] = {"video", "audio", ""};

    for (size_t n = 0; n < sizeof(heads) / sizeof(heads[0]); n++) {
        size_t length = strlen(heads[n]);

        if (strncmp(name, heads[n], length) == 0 && name[length] != 0 &&
            strspn(name + length, "0123456789") == strlen(name + length) &&
            strlen(name + length) < 4)
            return true;
    }
    return false;
}

static int fail_missing(const struct input *input, const char *name, struct tt_error *err)
{
    char have[256] = "nothing";
    uint32_t at = 0;

    for (unsigned n = 0; n < input->format->nb_streams && n < 8; n++) {
        const AVCodecParameters *par = input->format->streams[n]->codecpar;
        const char *type = av_get_media_type_string(par->codec_type);

        at += tt_format_text(have + at, (uint32_t)sizeof(have) - at, "%s%u: %s %s", n ? ", " : "",
                             n, type ? type : "unknown", avcodec_get_name(par->codec_id));
    }
    return tt_fail(err, -ENOENT, "'%s' has no stream for output '%s'; it has %s",
                   input->format->url, name, have);
}

static int choose(struct input *input, const struct tt_request *request, struct tt_error *err)
{
    for (uint32_t n = 0; n < request->out_count && n < TT_PORTS_MAX; n++) {
        const struct tt_pin *pin = &request->pins[request->in_count + n];
        enum AVMediaType type;
        int stream;

        if (!pin->is_connected)
            continue;
        if (pin->port == PORT_CHOSEN && !is_stream_name(pin->name))
            return tt_fail(err, -EINVAL,
                           "av.read has no output '%s'; video, audio, video0, audio1, 0, 1 ...",
                           pin->name);
        stream = find_stream(input, pin);
        if (stream < 0)
            return fail_missing(input, pin->name, err);
        type = input->format->streams[stream]->codecpar->codec_type;
        if (type != AVMEDIA_TYPE_VIDEO && type != AVMEDIA_TYPE_AUDIO)
            return tt_fail(err, -ENOTSUP, "stream %d of '%s' is neither video nor audio", stream,
                           input->format->url);
        if (input_choose(input, n, stream, err) < 0)
            return err ? err->code : -EBADMSG;
    }
    return 0;
}

static int open_input(struct input *input, const struct tt_request *request, struct tt_error *err)
{
    AVDictionary *options = NULL, *again = NULL;
    const AVDictionaryEntry *left;
    struct input_params open = {
        .url = tt_setting_text(request, PARAM_URL),
        .options = &options,
        .start_ns = tt_setting_int(request, PARAM_START),
        .resume_ns = request->resume_ns,
        .probe_ns = tt_setting_int(request, PARAM_PROBE),
        .began_ns = tt_av_now_ns(),
        .is_as_stored = tt_setting_int(request, PARAM_AS_STORED) != 0,
        .is_live = tt_setting_int(request, PARAM_LIVE) != 0,
        .is_lasting = tt_setting_int(request, PARAM_RECONNECT) != 0,
    };
    int r;

    if (open.probe_ns <= 0 || open.probe_ns > INT64_C(60000000000))
        return tt_fail(err, -EINVAL, "probe is a time up to 60 s");
    r = read_loop(request, &open.loop_count, err);
    if (r == 0)
        r = tt_av_options(request, PARAM_OPTIONS, &options, err);
    if (r == 0)
        r = tt_av_options(request, PARAM_OPTIONS, &again, err);
    if (r == 0)
        r = input_open(input, &open, err);
    if (r == 0 && (left = av_dict_get(options, "", NULL, AV_DICT_IGNORE_SUFFIX)))
        r = tt_fail(err, -EINVAL, "'%s' is no option of this input (%s)", left->key,
                    input->format->iformat->name);
    av_dict_free(&options);
    if (r == 0)
        r = choose(input, request, err);
    if (r == 0 && (input_live_init(input, &open) < 0 || input_again_init(input, &open, again) < 0))
        r = tt_fail(err, -ENOMEM, "no memory to open '%s'", open.url);
    if (r == 0)
        r = input_start(input, &open, err);
    av_dict_free(&again);
    return r;
}

static uint32_t field_order(enum AVFieldOrder order)
{
    switch (order) {
    case AV_FIELD_TT:
    case AV_FIELD_BT:
        return TT_TOP_FIRST;
    case AV_FIELD_BB:
    case AV_FIELD_TB:
        return TT_BOTTOM_FIRST;
    default:
        return TT_PROGRESSIVE;
    }
}

/* Periods by which decoding must run ahead of showing: reordering, priming, and a start between
 * two places of the grid. */
static uint32_t periods_ahead(const struct input *input, const struct input_output *output,
                              const AVCodecParameters *par)
{
    int64_t ahead_ns = input->zero_ns - output->first_ns;
    int64_t slop_ns = output->period_ns / 16;
    uint32_t periods = 0;

    if (ahead_ns > slop_ns)
        periods = (uint32_t)((ahead_ns + output->period_ns - slop_ns) / output->period_ns);
    if (par->codec_type == AVMEDIA_TYPE_VIDEO && par->video_delay > (int)periods)
        periods = (uint32_t)par->video_delay;
    /* Sound of another clock wanders over the grid. */
    return periods +
           (output->is_off_grid || (input->live.is_on && par->codec_type == AVMEDIA_TYPE_AUDIO));
}

static void describe(const struct input *input, uint32_t number, struct tt_format *ret)
{
    const struct input_output *output = &input->outputs[number];
    const AVCodecParameters *par = input->format->streams[output->stream]->codecpar;

    *ret = (struct tt_format){.size = sizeof(*ret),
                              .fourcc = tt_av_fourcc(par->codec_id),
                              .rate = output->rate,
                              .stride[2] = input->live.is_on,
                              .reorder_frames = periods_ahead(input, output, par)};
    if (par->codec_type == AVMEDIA_TYPE_AUDIO) {
        ret->kind = TT_CODED_AUDIO;
        ret->sample_rate = (uint32_t)par->sample_rate;
        ret->channels = (uint32_t)par->ch_layout.nb_channels;
        ret->layout = tt_av_layout_mask(&par->ch_layout);
        return;
    }
    ret->kind = TT_CODED_VIDEO;
    ret->width = (uint32_t)par->width;
    ret->height = (uint32_t)par->height;
    ret->field_order = field_order(par->field_order);
    /* So that av.decode can refuse before anything runs. 0: not known. */
    ret->stride[3] = par->format >= 0 ? 1 + (uint32_t)par->format : 0;
    tt_av_colour_from(ret, &(struct tt_av_colour){.matrix = par->color_space,
                                                  .primaries = par->color_primaries,
                                                  .transfer = par->color_trc,
                                                  .range = par->color_range,
                                                  .siting = par->chroma_location});
}

static int64_t length_ns(const struct input *input)
{
    int64_t once_ns;

    if (input->format->duration <= 0 || input->format->duration > INT64_MAX / 4000 ||
        input->loop_count < 0 || input->loop_count > 1000)
        return 0;
    once_ns = input->format->duration * 1000 - input->start_ns;
    return once_ns > 0 && once_ns < INT64_C(1) << 50 ? once_ns * (input->loop_count + 1) : 0;
}

static int probe(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    struct tt_request from_start = *request;
    struct input *input = calloc(1, sizeof(*input));
    int r;

    tt_av_config_reset();
    if (!input)
        return tt_fail(err, -ENOMEM, "no memory to look at '%s'",
                       tt_setting_text(request, PARAM_URL));
    from_start.resume_ns = 0;
    r = open_input(input, &from_start, err);
    for (uint32_t n = 0; r == 0 && n < input->output_count; n++) {
        const AVCodecParameters *par;

        if (!input->outputs[n].is_used)
            continue;
        par = input->format->streams[input->outputs[n].stream]->codecpar;
        describe(input, n, &ret->out[n]);
        ret->bytes_max[n] = input->outputs[n].bytes_max;
        ret->out_max[n] = 1;
        r = tt_av_config_keep(ret, n, par->extradata, (uint64_t)par->extradata_size);
        if (r < 0)
            (void)tt_fail(err, r, "the codec header of stream %d of '%s' is too large",
                          input->outputs[n].stream, input->format->url);
    }
    if (r == 0) {
        ret->state_bytes = sizeof(struct input);
        ret->length_ns = length_ns(input);
    }
    input_close(input);
    free(input);
    return r;
}

static int shape(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    (void)ret;
    return tt_fail(err, -ENOTSUP, "what '%s' gives is known only by looking at it",
                   tt_setting_text(request, PARAM_URL));
}

static int init(void *state, const struct tt_request *request, struct tt_error *err)
{
    int r = open_input(state, request, err);

    if (r < 0)
        input_close(state);
    return r;
}

static int open(void *state, void *scratch, const struct tt_host *host,
                const struct tt_request *request)
{
    struct input *input = state;

    (void)scratch, (void)request;
    input->host = host;
    return input_live_start(input);
}

static void end_all(struct tt_call *call)
{
    for (uint32_t n = 0; n < call->out_count; n++) {
        struct tt_frame *frame = tt_call_out(call, n);

        frame->bytes = 0;
        frame->flags = TT_END;
    }
}

static void fill(struct input *input, uint32_t number, struct tt_frame *frame)
{
    const AVPacket *packet = input->packet;

    if ((uint32_t)packet->size > frame->capacity || frame->data == 0) {
        tt_av_note(input->host, TT_AV_NOTE_TOO_BIG, (int64_t)++input->counts[TT_AV_NOTE_TOO_BIG]);
        input->outputs[number].is_torn = true;
        return;
    }
    if (!input_stamp(input, number, frame))
        return;
    memcpy(tt_frame_data(frame), packet->data, (size_t)packet->size);
    frame->bytes = (uint32_t)packet->size;
}

static int step(void *state, struct tt_call *call)
{
    struct input *input = state;
    int r;

    for (uint32_t n = 0; n < call->out_count; n++)
        tt_call_out(call, n)->bytes = 0;
    if (input->live.is_on)
        return input_live_step(input, call);
    r = input_next(input);
    if (r == -ENODATA) {
        end_all(call);
        return TT_DONE;
    }
    if (r < 0)
        return r;
    for (uint32_t n = 0; n < call->out_count && n < input->output_count; n++)
        if (input->outputs[n].is_used && input->outputs[n].stream == input->packet->stream_index)
            fill(input, n, tt_call_out(call, n));
    return TT_DONE;
}

static void close_input(void *state)
{
    input_close(state);
}

static int is_apart(const void *state)
{
    return ((const struct input *)state)->live.is_on;
}

static const struct tt_edge edge = {.probe = probe, .step = step, .is_apart = is_apart};

const struct tt_component tt_component_av_read = {
    .abi = TT_ABI,
    .size = sizeof(struct tt_component),
    .flags = TT_EDGE,
    .version = 1,
    .name = "av.read",
    .help = "reads files and network streams with libavformat; gives coded video and audio",
    .example = "tactus run av.read name=r url=clip.mp4 r.video ! av.decode ! null",
    .ports = ports,
    .params = params,
    .port_count = PORT_COUNT,
    .param_count = PARAM_COUNT,
    .level_count = 1,
    .shape = shape,
    .init = init,
    .open = open,
    .close = close_input,
    .edge = &edge,
};
