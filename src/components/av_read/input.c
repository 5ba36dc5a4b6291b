/* Opening an input, and reading it packet by packet to its end, or again. */
#include "components/av_read/input.h"

#include <errno.h>
#include <libavutil/avstring.h>
#include <libavutil/mem.h>
#include <string.h>
#include <sys/stat.h>

enum {
    ERROR_ROW_MAX = 64,   /* damaged places in a row before the input counts as ended */
    SILENCE_LIMIT_S = 10, /* a network input that says nothing for so long is dead */
    RUBBISH_LIMIT_S = 5,  /* a file in which nothing is found for so long has ended */
    SLICE_MS = 200,       /* a network read returns at least so often */
    ROUND_LIMIT = 4096    /* packets passed over in one call */
};

void input_count(struct input *input, enum tt_av_note id)
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
    r = input_seek(input, input->zero_ns);
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
    int64_t within_ns = RUBBISH_LIMIT_S * INPUT_SECOND_NS, limit_ns = 0;

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
        limit_ns =
            input->again.is_lasting ? input->again.silence_ns : SILENCE_LIMIT_S * INPUT_SECOND_NS;
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
            return silent_ns > RUBBISH_LIMIT_S * INPUT_SECOND_NS ? end_here(input, EBADMSG)
                                                                 : -EAGAIN;
        return silent_ns > SILENCE_LIMIT_S * INPUT_SECOND_NS ? -ETIMEDOUT : -EAGAIN;
    }
    input_count(input, TT_AV_NOTE_CORRUPT);
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
                input_count(input, TT_AV_NOTE_STREAM);
            continue;
        }
        input->packets_of_round++;
        if (input->packet->size > 0 && input->packet->data)
            return 0;
        input_count(input, TT_AV_NOTE_EMPTY);
    }
    return -EAGAIN;
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
