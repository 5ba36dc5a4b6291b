/* Opening an input, and giving its packets one zero, rising indices and believable stamps. */
#include "components/av_read/input.h"

#include <errno.h>
#include <libavutil/avstring.h>
#include <libavutil/display.h>
#include <libavutil/mathematics.h>
#include <libavutil/mem.h>
#include <string.h>
#include <sys/stat.h>

#include "tactus/format.h"

enum {
    ERROR_ROW_MAX = 64,    /* damaged places in a row before the input counts as ended */
    SILENCE_LIMIT_S = 10,  /* a network input that says nothing for so long is dead */
    RUBBISH_LIMIT_S = 5,   /* a file in which nothing is found for so long has ended */
    SLICE_MS = 200,        /* a network read returns at least so often */
    SAMPLES_LOOKED_AT = 8, /* packets of audio without a fixed size */
    VIDEO_BYTES_MIN = 256 << 10,
    AUDIO_BYTES_MAX = 64 << 10,
    ROUND_LIMIT = 4096 /* packets passed over in one call */
};

#define SECOND_NS INT64_C(1000000000)
/* A larger step of stamps is a new time line, not a gap; back they never go by themselves. */
#define LEAP_NS (10 * SECOND_NS)
#define LEAP_BACK_NS (SECOND_NS / 2)

static void count(struct input *input, enum tt_av_note id)
{
    input_note(input, id, (int64_t)++input->counts[id]);
}

static bool is_network_url(const char *url)
{
    return strstr(url, "://") && !av_strstart(url, "file:", NULL);
}

/* libavformat would wait in open() for a FIFO's writer, past any limit, and looking at what can be
 * read only once would take its beginning away. */
static int check_file(const char *url, struct tt_error *err)
{
    const char *path = url;
    struct stat found;

    (void)av_strstart(url, "file:", &path);
    if (stat(path, &found) < 0)
        return 0; /* what is missing, libavformat names */
    if (S_ISREG(found.st_mode) && found.st_size == 0)
        return tt_fail(err, -ENODATA, "av.read cannot read '%s': the file is empty", url);
    if (S_ISREG(found.st_mode))
        return 0;
    if (S_ISDIR(found.st_mode))
        return tt_fail(err, -EISDIR, "av.read cannot read '%s': it is a folder", url);
    return tt_fail(err, -ESPIPE,
                   "av.read cannot read '%s': it is %s, which can be read only once; raw.read "
                   "reads those, or send it to av.read as tcp:// or udp://",
                   url, S_ISFIFO(found.st_mode) ? "a FIFO" : "a device");
}

int input_open(struct input *input, const struct input_params *params, struct tt_error *err)
{
    int r;

    if (strcmp(params->url, "-") == 0 || av_strstart(params->url, "pipe:", NULL))
        return tt_fail(err, -EINVAL, "av.read cannot read '%s': only raw.read takes '-'",
                       params->url);
    r = is_network_url(params->url) ? 0 : check_file(params->url, err);
    if (r < 0)
        return r;
    tt_av_quiet();
    input->is_network = is_network_url(params->url);
    input->loop_count = params->loop_count;
    input->is_as_stored = params->is_as_stored;
    input->packet = av_packet_alloc();
    if (!input->packet)
        return tt_fail(err, -ENOMEM, "no memory to open '%s'", params->url);
    return input_connect(input, params->url, params->options, params->probe_ns, err);
}

void input_set_deadline(struct input *input, int64_t deadline_ns)
{
    __atomic_store_n(&input->deadline_ns, deadline_ns, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&input->live.is_stopping, __ATOMIC_SEQ_CST))
        __atomic_store_n(&input->deadline_ns, 1, __ATOMIC_SEQ_CST);
}

int input_connect(struct input *input, const char *url, AVDictionary **options, int64_t probe_ns,
                  struct tt_error *err)
{
    int r;

    input->format = avformat_alloc_context();
    if (!input->format)
        return tt_fail(err, -ENOMEM, "no memory to open '%s'", url);
    input_set_deadline(input, tt_av_now_ns() + probe_ns);
    input->format->interrupt_callback =
        (AVIOInterruptCB){.callback = tt_av_is_overdue, .opaque = &input->deadline_ns};
    input->format->max_streams = 64;
    input->format->max_analyze_duration = probe_ns / 2000;
    input->format->flags |= AVFMT_FLAG_DISCARD_CORRUPT;
    r = avformat_open_input(&input->format, url, NULL, options);
    if (r < 0)
        return tt_av_fail(err, r, "cannot open '%s'%s", url,
                          r == AVERROR_INVALIDDATA ? ", which is no media or was cut off" : "");
    /* The terminal demuxer takes any text for a picture of a screen. */
    if (strcmp(input->format->iformat->name, "tty") == 0)
        return tt_fail(err, -EBADMSG, "cannot open '%s': it is text, not media", url);
    r = avformat_find_stream_info(input->format, NULL);
    if (r < 0)
        return tt_av_fail(err, r, "cannot find streams in '%s'", url);
    input->stream_count = (int)input->format->nb_streams;
    for (unsigned n = 0; n < input->format->nb_streams; n++)
        input->format->streams[n]->discard = AVDISCARD_ALL;
    return 0;
}

/* How a player is to turn the picture, in degrees: telephones write so. */
static int turn_of(const AVStream *stream)
{
    size_t bytes = 0;
    const uint8_t *matrix = av_stream_get_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, &bytes);
    double degrees = matrix && bytes >= 9 * sizeof(int32_t)
                         ? av_display_rotation_get((const int32_t *)(const void *)matrix)
                         : 0;

    return degrees > -361 && degrees < 361 ? (int)(degrees < 0 ? degrees - 0.5 : degrees + 0.5) : 0;
}

static int choose_video(struct input *input, struct input_output *output, AVStream *stream,
                        struct tt_error *err)
{
    const AVCodecParameters *par = stream->codecpar;
    AVRational rate = av_guess_frame_rate(input->format, stream, NULL);
    uint64_t bytes = (uint64_t)par->width * (uint64_t)par->height * 3 / 4;

    if (par->width <= 0 || par->height <= 0)
        return tt_fail(err, -EBADMSG, "stream %d of '%s' does not say how large its picture is",
                       stream->index, input->format->url);
    if (par->width > TT_SIZE_MAX || par->height > TT_SIZE_MAX)
        return tt_fail(err, -E2BIG, "stream %d of '%s' claims %dx%d pixels; at most %d a side",
                       stream->index, input->format->url, par->width, par->height, TT_SIZE_MAX);
    if (turn_of(stream) % 360 != 0 && !input->is_as_stored)
        return tt_fail(err, -ENOTSUP,
                       "stream %d of '%s' is to be shown turned by %d degrees, and nothing here "
                       "turns it; turn it before (ffmpeg -i IN OUT does), or take it as it is "
                       "stored with as_stored=true",
                       stream->index, input->format->url, turn_of(stream));
    if (rate.num <= 0 || rate.den <= 0 || av_q2d(rate) > 1000 || av_q2d(rate) < 0.01)
        return tt_fail(err, -EBADMSG,
                       "stream %d of '%s' has no believable frame rate (%d/%d); 1/100 to 1000",
                       stream->index, input->format->url, rate.num, rate.den);
    av_reduce(&rate.num, &rate.den, rate.num, rate.den, INT32_MAX);
    output->rate = (struct tt_rational){rate.num, rate.den};
    output->bytes_max = bytes > VIDEO_BYTES_MIN ? (uint32_t)bytes : VIDEO_BYTES_MIN;
    return 0;
}

static int choose_audio(struct input *input, struct input_output *output, AVStream *stream,
                        struct tt_error *err)
{
    const AVCodecParameters *par = stream->codecpar;
    int samples = par->frame_size > 0 && par->frame_size <= 65536 ? par->frame_size : 1024;

    if (par->sample_rate < 8000 || par->sample_rate > 192000)
        return tt_fail(err, -EBADMSG, "stream %d of '%s' has %d samples a second; 8000 to 192000",
                       stream->index, input->format->url, par->sample_rate);
    if (par->ch_layout.nb_channels < 1 || par->ch_layout.nb_channels > TT_CHANNELS_MAX)
        return tt_fail(err, -ENOTSUP, "stream %d of '%s' has %d channels; 1 to %d", stream->index,
                       input->format->url, par->ch_layout.nb_channels, TT_CHANNELS_MAX);
    output->rate = (struct tt_rational){par->sample_rate, samples};
    output->bytes_max = AUDIO_BYTES_MAX;
    return 0;
}

int input_choose(struct input *input, uint32_t number, int index, struct tt_error *err)
{
    AVStream *stream = input->format->streams[index];
    struct input_output *output = &input->outputs[number];
    bool is_video = stream->codecpar->codec_type == AVMEDIA_TYPE_VIDEO;
    int r;

    *output = (struct input_output){.stream = index, .index = -1, .first_ns = TT_AV_NO_TIME};
    r = is_video ? choose_video(input, output, stream, err)
                 : choose_audio(input, output, stream, err);
    if (r < 0)
        return r;
    stream->discard = AVDISCARD_DEFAULT;
    output->is_used = true;
    output->period_ns = tt_index_ns(1, output->rate);
    output->tick_ns = tt_av_ns(1, stream->time_base);
    if (output->tick_ns <= 0)
        output->tick_ns = 1;
    if (number >= input->output_count)
        input->output_count = number + 1;
    return 0;
}

/* Matroska gives the first packets of a reordered stream no decoding time: they are as much before
 * their presentation as the decoder will hold back. */
int64_t input_dts(const struct input *input, const AVPacket *packet)
{
    const AVStream *stream = input->format->streams[packet->stream_index];
    int64_t ns = tt_av_ns(packet->dts, stream->time_base);
    int64_t period_ns = tt_av_ns(1, av_inv_q(stream->avg_frame_rate));

    if (ns != TT_AV_NO_TIME)
        return ns;
    ns = tt_av_ns(packet->pts, stream->time_base);
    if (ns == TT_AV_NO_TIME || period_ns <= 0 || stream->codecpar->video_delay <= 0)
        return ns;
    return ns - stream->codecpar->video_delay * period_ns;
}

/* Audio whose packets vary in size is counted in units of the smallest seen, so that no two packets
 * share an index. */
static void look_at_samples(struct input *input, struct input_output *output)
{
    AVStream *stream = input->format->streams[output->stream];
    int64_t smallest = INT64_MAX, rate = stream->codecpar->sample_rate;

    if (stream->codecpar->codec_type != AVMEDIA_TYPE_AUDIO || stream->codecpar->frame_size > 0)
        return;
    for (uint32_t n = 0, seen = 0; n < input->held_count && seen < SAMPLES_LOOKED_AT; n++) {
        AVPacket *packet = input->held[n];
        int64_t samples;

        if (packet->stream_index != output->stream || packet->duration <= 0)
            continue;
        samples = av_rescale_q(packet->duration, stream->time_base, (AVRational){1, (int)rate});
        smallest = samples < smallest ? samples : smallest;
        seen++;
    }
    if (smallest == INT64_MAX)
        return;
    smallest = smallest < 64 ? 64 : smallest > 8192 ? 8192 : smallest;
    output->rate = (struct tt_rational){rate, smallest};
    output->period_ns = tt_index_ns(1, output->rate);
}

static bool is_looked_for(const struct input *input)
{
    for (uint32_t n = 0; n < input->output_count; n++) {
        const struct input_output *output = &input->outputs[n];
        const AVCodecParameters *par;
        uint32_t seen = 0, wanted;

        if (!output->is_used)
            continue;
        par = input->format->streams[output->stream]->codecpar;
        wanted =
            par->codec_type == AVMEDIA_TYPE_AUDIO && par->frame_size <= 0 ? SAMPLES_LOOKED_AT : 1;
        for (uint32_t m = 0; m < input->held_count && seen < wanted; m++)
            seen += input->held[m]->stream_index == output->stream;
        if (seen < wanted)
            return true;
    }
    return false;
}

void input_drop_held(struct input *input)
{
    for (uint32_t n = input->held_at; n < input->held_count; n++)
        av_packet_free(&input->held[n]);
    input->held_at = input->held_count = 0;
}

/* Reads until each chosen stream has shown its first packets, within bounds; they are held. */
static int hold_first(struct input *input)
{
    uint64_t bytes = 0;
    int r = 0;

    while (input->held_count < INPUT_HELD_MAX && bytes < INPUT_HELD_BYTES_MAX &&
           is_looked_for(input)) {
        AVPacket *packet = av_packet_alloc();

        if (!packet)
            return AVERROR(ENOMEM);
        r = av_read_frame(input->format, packet);
        if (r < 0) {
            av_packet_free(&packet);
            break;
        }
        bytes += (uint64_t)packet->size;
        input->held[input->held_count++] = packet;
    }
    return r == AVERROR(ENOMEM) ? r : 0;
}

static int64_t first_dts(const struct input *input, int stream, bool is_key_wanted)
{
    for (uint32_t n = 0; n < input->held_count; n++) {
        const AVPacket *packet = input->held[n];

        if (packet->stream_index != stream || (is_key_wanted && !(packet->flags & AV_PKT_FLAG_KEY)))
            continue;
        if (input_dts(input, packet) != TT_AV_NO_TIME)
            return input_dts(input, packet);
    }
    return TT_AV_NO_TIME;
}

/* The earliest start of all streams, chosen or not: one zero however the input is used. */
static int64_t own_zero(const struct input *input)
{
    int64_t zero_ns = INT64_MAX;

    for (unsigned n = 0; n < input->format->nb_streams; n++) {
        const AVStream *stream = input->format->streams[n];
        int64_t ns = tt_av_ns(stream->start_time, stream->time_base);
        bool is_media = stream->codecpar->codec_type == AVMEDIA_TYPE_VIDEO ||
                        stream->codecpar->codec_type == AVMEDIA_TYPE_AUDIO;

        if (is_media && !(stream->disposition & AV_DISPOSITION_ATTACHED_PIC) &&
            ns != TT_AV_NO_TIME && ns < zero_ns)
            zero_ns = ns;
    }
    for (uint32_t n = 0; zero_ns == INT64_MAX && n < input->held_count; n++)
        if (input_dts(input, input->held[n]) != TT_AV_NO_TIME)
            return input_dts(input, input->held[n]);
    return zero_ns == INT64_MAX ? 0 : zero_ns;
}

/* Where a seek came to: the presentation time of the first key picture, or of the first packet. */
static int64_t zero_after_seek(const struct input *input, int64_t fallback_ns)
{
    for (int is_video = 1; is_video >= 0; is_video--) {
        for (uint32_t n = 0; n < input->held_count; n++) {
            const AVPacket *packet = input->held[n];
            const AVStream *stream = input->format->streams[packet->stream_index];
            int64_t ns = tt_av_ns(packet->pts, stream->time_base);

            if ((stream->codecpar->codec_type == AVMEDIA_TYPE_VIDEO) == is_video &&
                (packet->flags & AV_PKT_FLAG_KEY) && ns != TT_AV_NO_TIME)
                return ns;
        }
    }
    return fallback_ns;
}

static int seek(struct input *input, int64_t stamp_ns)
{
    int r;

    input_drop_held(input);
    r = avformat_seek_file(input->format, -1, INT64_MIN, stamp_ns / 1000 + 1, stamp_ns / 1000 + 1,
                           AVSEEK_FLAG_BACKWARD);
    /* Some demuxers have no index to ask and can only go to the very start. */
    if (r < 0)
        r = av_seek_frame(input->format, -1, stamp_ns / 1000, AVSEEK_FLAG_BACKWARD);
    return r;
}

static bool is_off_grid(const struct input_output *output, int64_t from_zero_ns)
{
    int64_t rest_ns = from_zero_ns % output->period_ns;
    int64_t slop_ns = output->period_ns / 8;

    rest_ns = rest_ns < 0 ? rest_ns + output->period_ns : rest_ns;
    return rest_ns > slop_ns && output->period_ns - rest_ns > slop_ns;
}

/* Index 0 of a stream is its first decoding time, or the input's zero when it starts later. */
static void set_first(struct input *input)
{
    for (uint32_t n = 0; n < input->output_count; n++) {
        struct input_output *output = &input->outputs[n];
        const AVCodecParameters *par;
        int64_t dts_ns;

        if (!output->is_used)
            continue;
        look_at_samples(input, output);
        par = input->format->streams[output->stream]->codecpar;
        output->first_ns = input->zero_ns;
        /* After a start in the middle sound from before the key picture is dropped. */
        if (input->start_ns > 0 && par->codec_type != AVMEDIA_TYPE_VIDEO)
            continue;
        dts_ns = first_dts(input, output->stream, input->start_ns > 0);
        if (dts_ns != TT_AV_NO_TIME && par->codec_type == AVMEDIA_TYPE_AUDIO)
            output->is_off_grid = is_off_grid(output, dts_ns - input->zero_ns);
        if (dts_ns != TT_AV_NO_TIME && dts_ns < input->zero_ns && input->zero_ns - dts_ns < LEAP_NS)
            output->first_ns = dts_ns;
    }
}

/* A live input goes on with what comes now, at the media time that it is. */
static void go_on_live(struct input *input, int64_t media_ns)
{
    input->shift_ns = media_ns;
    for (uint32_t n = 0; n < input->output_count; n++)
        input->outputs[n].shift_ns = media_ns;
}

int input_start(struct input *input, const struct input_params *params, struct tt_error *err)
{
    int r = hold_first(input);

    if (r < 0)
        return tt_av_fail(err, r, "cannot read '%s'", params->url);
    input->zero_ns = own_zero(input);
    if (params->start_ns > 0) {
        r = seek(input, input->zero_ns + params->start_ns);
        if (r < 0)
            return tt_av_fail(err, r, "cannot start '%s' at %lld ms", params->url,
                              (long long)params->start_ns / 1000000);
        r = hold_first(input);
        if (r < 0)
            return tt_av_fail(err, r, "cannot read '%s'", params->url);
        input->zero_ns = zero_after_seek(input, input->zero_ns + params->start_ns);
        input->start_ns = params->start_ns;
    }
    set_first(input);
    if (params->resume_ns > 0 && seek(input, input->zero_ns + params->resume_ns) < 0 &&
        !input->is_network)
        return tt_fail(err, -ESPIPE, "cannot go on in '%s' after %lld ms: it cannot be searched",
                       params->url, (long long)params->resume_ns / 1000000);
    input->is_resumed = params->resume_ns > 0;
    input->heard_ns = tt_av_now_ns();
    if (input->is_resumed && input->live.is_on)
        go_on_live(input, params->resume_ns + input->heard_ns - params->began_ns);
    return 0;
}

/* Plays again: what follows goes on where the picture (else the sound) ended. */
static int play_again(struct input *input)
{
    int64_t end_ns = 0;
    int r;

    if (input->loop_count == 0 || input->packets_of_round == 0)
        return -ENODATA;
    for (uint32_t n = 0; n < input->output_count; n++) {
        const struct input_output *output = &input->outputs[n];
        bool is_video =
            output->is_used &&
            input->format->streams[output->stream]->codecpar->codec_type == AVMEDIA_TYPE_VIDEO;

        if (output->is_used && (is_video || end_ns == 0))
            end_ns = output->end_ns;
    }
    r = seek(input, input->zero_ns);
    if (r < 0 || end_ns <= 0)
        return -ENODATA;
    if (input->loop_count > 0)
        input->loop_count--;
    input->shift_ns = input->round_ns = end_ns;
    for (uint32_t n = 0; n < input->output_count; n++) {
        input->outputs[n].shift_ns = end_ns;
        input->outputs[n].dts_ns =
            input->outputs[n].first_ns + end_ns - input->outputs[n].period_ns;
    }
    input->packets_of_round = 0;
    return 0;
}

int input_read_frame(struct input *input, AVPacket *packet, int64_t within_ns)
{
    int64_t now_ns, until_ns = tt_av_now_ns() + within_ns;
    int r;

    input_set_deadline(input, until_ns);
    r = av_read_frame(input->format, packet);
    now_ns = tt_av_now_ns();
    if (r >= 0 && now_ns < until_ns)
        input->heard_ns = now_ns;
    /* A demuxer that is interrupted gives what lies half read. */
    if (r >= 0 && now_ns >= until_ns && input->live.is_on) {
        av_packet_unref(packet);
        r = AVERROR_EXIT;
    }
    /* An interrupted read leaves a mark on the stream that would end it. */
    if (r < 0 && r != AVERROR_EOF && input->format->pb) {
        input->format->pb->eof_reached = 0;
        input->format->pb->error = 0;
    }
    return r;
}

static int read_packet(struct input *input)
{
    int64_t within_ns = RUBBISH_LIMIT_S * SECOND_NS, limit_ns = 0;

    av_packet_unref(input->packet);
    if (input->held_at < input->held_count) {
        av_packet_free(&input->packet);
        input->packet = input->held[input->held_at];
        input->held[input->held_at++] = NULL;
        return 0;
    }
    if (input->is_network)
        within_ns = SLICE_MS * INT64_C(1000000);
    /* An interruption takes a piece out of what is under way: only who has gone is interrupted. */
    if (input->live.is_running)
        limit_ns = input->again.is_lasting ? input->again.silence_ns : SILENCE_LIMIT_S * SECOND_NS;
    limit_ns -= tt_av_now_ns() - input->heard_ns;
    within_ns = limit_ns > within_ns ? limit_ns : within_ns;
    return input_read_frame(input, input->packet, within_ns);
}

/* A file in which no media was found for so long holds none: reading it again finds no more. */
static int end_here(struct input *input, int error)
{
    input_note(input, TT_NOTE_READ_ENDED, error);
    return -ENODATA;
}

static int on_read_error(struct input *input, int r)
{
    int64_t silent_ns = tt_av_now_ns() - input->heard_ns;
    bool is_slow = r == AVERROR(EAGAIN) || r == AVERROR_EXIT;

    if (input->again.is_lasting && is_slow && silent_ns < input->again.silence_ns)
        return -EAGAIN;
    if (r != AVERROR_INVALIDDATA && input_leave(input, is_slow ? -ETIMEDOUT : tt_av_errno(r)))
        return -EAGAIN;
    if (r == AVERROR_EOF)
        return play_again(input) == 0 ? -EAGAIN : -ENODATA;
    if (is_slow) {
        if (!input->is_network)
            return silent_ns > RUBBISH_LIMIT_S * SECOND_NS ? end_here(input, EBADMSG) : -EAGAIN;
        return silent_ns > SILENCE_LIMIT_S * SECOND_NS ? -ETIMEDOUT : -EAGAIN;
    }
    count(input, TT_AV_NOTE_CORRUPT);
    if (r != AVERROR_INVALIDDATA && r != AVERROR_PATCHWELCOME)
        return tt_av_errno(r);
    return ++input->error_row > ERROR_ROW_MAX ? end_here(input, EBADMSG) : -EAGAIN;
}

static bool is_wanted(const struct input *input, int stream)
{
    for (uint32_t n = 0; n < input->output_count; n++)
        if (input->outputs[n].is_used && input->outputs[n].stream == stream)
            return true;
    return false;
}

int input_next(struct input *input)
{
    if (input->is_ended)
        return -ENODATA;
    if (input->again.is_away && input_return(input) < 0)
        return -EAGAIN;
    for (uint32_t n = 0; n < ROUND_LIMIT; n++) {
        int r = read_packet(input);

        if (r < 0) {
            r = on_read_error(input, r);
            input->is_ended = r != -EAGAIN;
            return r;
        }
        input->error_row = 0;
        if (!is_wanted(input, input->packet->stream_index)) {
            if (input->packet->stream_index >= input->stream_count)
                count(input, TT_AV_NOTE_STREAM);
            continue;
        }
        input->packets_of_round++;
        if (input->packet->size > 0 && input->packet->data)
            return 0;
        count(input, TT_AV_NOTE_EMPTY);
    }
    return -EAGAIN;
}

static bool is_leap(int64_t step_ns)
{
    return step_ns > LEAP_NS || step_ns < -LEAP_BACK_NS;
}

/* The streams of an input leap together but not at the same packet: the second takes over what
 * moved the first, and they stay beside each other. */
static void leap(struct input *input, struct input_output *output, int64_t dts_ns, int64_t next_ns)
{
    int64_t off_ns = dts_ns + input->shift_ns - next_ns;

    if (output->shift_ns == input->shift_ns || off_ns > SECOND_NS || off_ns < -LEAP_BACK_NS)
        input->shift_ns = next_ns - dts_ns;
    output->shift_ns = input->shift_ns;
}

/* A new time line: of a sender that began anew behind our back, and was away for a while, too; or
 * of one that goes on elsewhere. */
static void mend_leap(struct input *input, struct input_output *output, int64_t dts_ns)
{
    int64_t next_ns = output->dts_ns + output->period_ns;
    int64_t step_ns = dts_ns + output->shift_ns - next_ns;
    int64_t passed_ns = input->heard_ns - output->heard_ns - output->period_ns;

    passed_ns = passed_ns > 0 ? passed_ns : 0;
    if (is_leap(step_ns)) {
        count(input, TT_AV_NOTE_BAD_STAMP);
        if (input->again.is_lasting)
            input_began_anew(input, dts_ns, next_ns);
        else
            leap(input, output, dts_ns, next_ns);
    } else if (input->live.is_on && drift_clock_is_skip(&input->live.clock, step_ns, passed_ns)) {
        count(input, TT_AV_NOTE_BAD_STAMP);
        leap(input, output, dts_ns, next_ns + passed_ns);
    }
}

/* The decoding time on our line, mended: never absent, never a leap. */
static int64_t mend_dts(struct input *input, struct input_output *output)
{
    int64_t dts_ns = input_dts(input, input->packet);
    int64_t next_ns = output->dts_ns + output->period_ns;
    const AVStream *stream = input->format->streams[output->stream];
    bool is_guess = input->packet->dts == AV_NOPTS_VALUE && stream->codecpar->video_delay > 0;

    if (dts_ns != TT_AV_NO_TIME && input->again.is_anchor_wanted) {
        input_anchor(input, dts_ns, dts_ns);
        next_ns = output->dts_ns + output->period_ns;
    }
    if (dts_ns == TT_AV_NO_TIME)
        count(input, TT_AV_NOTE_NO_STAMP);
    if (dts_ns == TT_AV_NO_TIME && !output->is_first_sent)
        return output->first_ns + output->shift_ns;
    /* A guess serves for the first; from then on what is missing simply follows. */
    if (dts_ns == TT_AV_NO_TIME || (output->is_first_sent && is_guess))
        return next_ns;
    if (output->is_first_sent)
        mend_leap(input, output, dts_ns);
    return dts_ns + output->shift_ns;
}

/* A packet without a presentation time among others with one is no picture that is shown early (the
 * demuxer knows those): it comes as late as the decoder's reordering can make it. MPEG program
 * streams end so. */
static int64_t guess_pts(const struct input_output *output, const AVStream *stream, int64_t dts_ns)
{
    return output->is_pts_seen && stream->codecpar->video_delay > 0
               ? dts_ns + stream->codecpar->video_delay * output->period_ns
               : dts_ns;
}

static int64_t origin_of(struct input *input, struct input_output *output, int64_t dts_ns)
{
    const AVStream *stream = input->format->streams[output->stream];
    int64_t pts_ns = tt_av_ns(input->packet->pts, stream->time_base);
    int64_t origin_ns, grid_ns;

    output->is_pts_seen = output->is_pts_seen || pts_ns != TT_AV_NO_TIME;
    pts_ns =
        pts_ns == TT_AV_NO_TIME ? guess_pts(output, stream, dts_ns) : pts_ns + output->shift_ns;
    if (pts_ns - dts_ns > LEAP_NS || dts_ns - pts_ns > LEAP_NS) {
        count(input, TT_AV_NOTE_BAD_STAMP);
        pts_ns = dts_ns;
    }
    if (input->live.is_on)
        return drift_clock_map(&input->live.clock, pts_ns) - input->zero_ns;
    origin_ns = pts_ns - input->zero_ns;
    if (stream->codecpar->codec_type != AVMEDIA_TYPE_VIDEO)
        return origin_ns;
    /* A container's ticks are coarser than the rate: 41 ms for 41.67. What is within a tick of its
     * place is meant to be there, or indices would be one off. */
    grid_ns = tt_index_ns(tt_av_nearest_index(origin_ns, output->rate), output->rate);
    if (grid_ns - origin_ns <= output->tick_ns && origin_ns - grid_ns <= output->tick_ns)
        return grid_ns;
    return origin_ns;
}

/* Indices rise; but two packets of a sender that is faster than we are may share one. */
static int64_t index_of(struct input *input, struct input_output *output, int64_t dts_ns)
{
    int64_t index;

    if (input->live.is_on && output->is_first_sent)
        return input_live_index(output,
                                drift_clock_map(&input->live.clock, dts_ns) - output->first_ns);
    index = tt_av_nearest_index(dts_ns - output->first_ns, output->rate);
    if (index < output->index)
        count(input, TT_AV_NOTE_BAD_STAMP);
    return index > output->index ? index : output->index + 1;
}

bool input_stamp(struct input *input, uint32_t number, struct tt_frame *frame)
{
    struct input_output *output = &input->outputs[number];
    const AVPacket *packet = input->packet;
    const AVStream *stream = input->format->streams[output->stream];
    int64_t dts_ns, index;

    if ((uint32_t)packet->size > output->bytes_max) {
        count(input, TT_AV_NOTE_TOO_BIG);
        output->is_torn = true;
        return false;
    }
    /* What leans on pictures that were not heard cannot be decoded. */
    if ((output->is_back || input->again.is_anchor_wanted) &&
        stream->codecpar->codec_type == AVMEDIA_TYPE_VIDEO && !(packet->flags & AV_PKT_FLAG_KEY))
        return false;
    dts_ns = mend_dts(input, output);
    input_was_heard(input, dts_ns);
    frame->origin_ns = origin_of(input, output, dts_ns);
    /* A seek comes to a key picture; what is shown before it cannot be decoded, or is sound that
     * would overlap. */
    if ((input->start_ns > 0 || input->round_ns > 0) &&
        frame->origin_ns + output->period_ns / 2 < input->round_ns)
        return false;

    index = index_of(input, output, dts_ns);
    /* A variable rate leaves places of the grid empty; a decoder needs not start anew there. */
    if (output->is_first_sent && !output->is_torn && index > output->index)
        frame->valid_slices = (uint32_t)(index - output->index - 1);
    output->is_torn = false;
    output->index = index;
    output->dts_ns = dts_ns;
    output->heard_ns = input->heard_ns;
    frame->index = index;
    frame->duration_ns = tt_av_ns(packet->duration, stream->time_base);
    if (frame->duration_ns <= 0 || frame->duration_ns > LEAP_NS)
        frame->duration_ns = output->period_ns;
    if (frame->origin_ns + frame->duration_ns > output->end_ns)
        output->end_ns = frame->origin_ns + frame->duration_ns;
    frame->flags = packet->flags & AV_PKT_FLAG_KEY ? TT_KEY : 0;
    frame->flags |=
        output->is_back || (input->is_resumed && !output->is_first_sent) ? TT_DISCONT : 0;
    output->is_first_sent = true;
    output->is_back = false;
    return true;
}

void input_close(struct input *input)
{
    input_live_fini(input); /* the rest is the reader's until it has ended */
    input_drop_held(input);
    av_packet_free(&input->packet);
    avformat_close_input(&input->format);
    av_dict_free(&input->again.options);
    av_freep(&input->again.url);
}
