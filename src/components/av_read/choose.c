/* Which streams an output can be tied to, and what it promises of them. */
#include "components/av_read/input.h"

#include <errno.h>
#include <libavutil/display.h>

#include "tactus/format.h"

enum { VIDEO_BYTES_MIN = 256 << 10, AUDIO_BYTES_MAX = 64 << 10 };

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
