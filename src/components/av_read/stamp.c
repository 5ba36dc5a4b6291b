/* Stamps that can be believed: never absent, never a leap, and indices that rise. */
#include "components/av_read/input.h"

#include "tactus/format.h"

#define LEAP_BACK_NS (INPUT_SECOND_NS / 2) /* back they never go by themselves */

static bool is_leap(int64_t step_ns)
{
    return step_ns > INPUT_LEAP_NS || step_ns < -LEAP_BACK_NS;
}

/* The streams of an input leap together but not at the same packet: the second takes over what
 * moved the first, and they stay beside each other. */
static void leap(struct input *input, struct input_output *output, int64_t dts_ns, int64_t next_ns)
{
    int64_t off_ns = dts_ns + input->shift_ns - next_ns;

    if (output->shift_ns == input->shift_ns || off_ns > INPUT_SECOND_NS || off_ns < -LEAP_BACK_NS)
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
        input_count(input, TT_AV_NOTE_BAD_STAMP);
        if (input->again.is_lasting)
            input_began_anew(input, dts_ns, next_ns);
        else
            leap(input, output, dts_ns, next_ns);
    } else if (input->live.is_on && drift_clock_is_skip(&input->live.clock, step_ns, passed_ns)) {
        input_count(input, TT_AV_NOTE_BAD_STAMP);
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
        input_count(input, TT_AV_NOTE_NO_STAMP);
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
    if (pts_ns - dts_ns > INPUT_LEAP_NS || dts_ns - pts_ns > INPUT_LEAP_NS) {
        input_count(input, TT_AV_NOTE_BAD_STAMP);
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
        input_count(input, TT_AV_NOTE_BAD_STAMP);
    return index > output->index ? index : output->index + 1;
}

bool input_stamp(struct input *input, uint32_t number, struct tt_frame *frame)
{
    struct input_output *output = &input->outputs[number];
    const AVPacket *packet = input->packet;
    const AVStream *stream = input->format->streams[output->stream];
    int64_t dts_ns, index;

    if ((uint32_t)packet->size > output->bytes_max) {
        input_count(input, TT_AV_NOTE_TOO_BIG);
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
    if (frame->duration_ns <= 0 || frame->duration_ns > INPUT_LEAP_NS)
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
