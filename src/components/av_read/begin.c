/* Where an input begins: its first packets are held, its zero and its outputs' first times found.
 */
#include "components/av_read/input.h"

#include <errno.h>
#include <libavutil/mathematics.h>

#include "tactus/format.h"

enum { SAMPLES_LOOKED_AT = 8 }; /* packets of audio without a fixed size */

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

int input_seek(struct input *input, int64_t stamp_ns)
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
        if (dts_ns != TT_AV_NO_TIME && dts_ns < input->zero_ns &&
            input->zero_ns - dts_ns < INPUT_LEAP_NS)
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
        r = input_seek(input, input->zero_ns + params->start_ns);
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
    if (params->resume_ns > 0 && input_seek(input, input->zero_ns + params->resume_ns) < 0 &&
        !input->is_network)
        return tt_fail(err, -ESPIPE, "cannot go on in '%s' after %lld ms: it cannot be searched",
                       params->url, (long long)params->resume_ns / 1000000);
    input->is_resumed = params->resume_ns > 0;
    input->heard_ns = tt_av_now_ns();
    if (input->is_resumed && input->live.is_on)
        go_on_live(input, params->resume_ns + input->heard_ns - params->began_ns);
    return 0;
}
