/* A network input that went is called again, at growing intervals, and goes on at the media time
 * that is on when it is back: what it would have given meanwhile is missing. */
#include <errno.h>
#include <libavutil/mem.h>
#include <string.h>
#include <time.h>

#include "components/av_read/input.h"

#define WAIT_MIN_NS (INPUT_SECOND_NS / 2)
#define WAIT_MAX_NS (8 * INPUT_SECOND_NS)
#define SILENCE_NS (2 * INPUT_SECOND_NS)
#define SEGMENT_SILENCE_NS (30 * INPUT_SECOND_NS)
#define NAP_NS (INPUT_SECOND_NS / 50)
#define WAITED_NS (INPUT_SECOND_NS / 200)
#define CATCH_UP_NS (INPUT_SECOND_NS / 5)

/* HLS and DASH come a segment at a time, and are silent in between. */
static bool is_segmented(const struct input *input)
{
    return strcmp(input->format->iformat->name, "hls") == 0 ||
           strcmp(input->format->iformat->name, "dash") == 0;
}

int input_again_init(struct input *input, const struct input_params *params, AVDictionary *options)
{
    struct input_again *again = &input->again;

    again->is_lasting = params->is_lasting && input->live.is_on;
    if (!again->is_lasting)
        return 0;
    again->probe_ns = params->probe_ns;
    again->silence_ns = is_segmented(input) ? SEGMENT_SILENCE_NS : SILENCE_NS;
    again->url = av_strdup(params->url);
    if (!again->url || av_dict_copy(&again->options, options, 0) < 0)
        return -ENOMEM;
    for (uint32_t n = 0; n < input->output_count; n++)
        if (input->outputs[n].is_used)
            again->codecs[n] = input->format->streams[input->outputs[n].stream]->codecpar->codec_id;
    return 0;
}

bool input_leave(struct input *input, int error)
{
    struct input_again *again = &input->again;

    if (!again->is_lasting)
        return false;
    again->left_ns = input->heard_ns;
    again->is_away = true;
    again->wait_ns = WAIT_MIN_NS;
    again->call_ns = tt_av_now_ns() + again->wait_ns;
    input_note(input, TT_AV_NOTE_PEER_LOST, error == -ENODATA ? EPIPE : -error);
    input_drop_held(input);
    avformat_close_input(&input->format);
    return true;
}

/* The stream of the same kind and codec that is as manieth as it was; -1 when there is none. */
static int find_stream(const struct input *input, uint32_t output)
{
    uint32_t before = 0;

    for (uint32_t n = 0; n < output; n++)
        before += input->outputs[n].is_used &&
                  input->again.codecs[n] == input->again.codecs[output] &&
                  input->outputs[n].stream != input->outputs[output].stream;
    for (unsigned n = 0; n < input->format->nb_streams; n++)
        if (input->format->streams[n]->codecpar->codec_id == input->again.codecs[output] &&
            before-- == 0)
            return (int)n;
    return -1;
}

static bool take_streams(struct input *input)
{
    int streams[TT_PORTS_MAX];

    for (uint32_t n = 0; n < input->output_count; n++)
        if (input->outputs[n].is_used && (streams[n] = find_stream(input, n)) < 0)
            return false;
    for (uint32_t n = 0; n < input->output_count; n++) {
        struct input_output *output = &input->outputs[n];

        if (!output->is_used)
            continue;
        output->stream = streams[n];
        input->format->streams[streams[n]]->discard = AVDISCARD_DEFAULT;
    }
    return true;
}

static bool call(struct input *input)
{
    struct input_again *again = &input->again;
    AVDictionary *options = NULL;
    bool is_there = av_dict_copy(&options, again->options, 0) >= 0 &&
                    input_connect(input, again->url, &options, again->probe_ns, NULL) == 0 &&
                    take_streams(input);

    av_dict_free(&options);
    if (!is_there)
        avformat_close_input(&input->format);
    return is_there;
}

/* What came while its streams were looked at lies read already: it is taken until one must be
 * waited for, so that what came last is known. Nothing: the first that comes will tell. */
static void catch_up(struct input *input)
{
    int64_t newest_ns = INT64_MIN, oldest_ns = INT64_MAX, before_ns = tt_av_now_ns();

    while (input->held_count < INPUT_HELD_MAX && tt_av_now_ns() - before_ns < WAITED_NS) {
        AVPacket *packet = av_packet_alloc();
        int64_t dts_ns = TT_AV_NO_TIME;

        before_ns = tt_av_now_ns();
        if (!packet || input_read_frame(input, packet, CATCH_UP_NS) < 0) {
            av_packet_free(&packet);
            break;
        }
        input->held[input->held_count++] = packet;
        dts_ns = input_dts(input, packet);
        if (dts_ns == TT_AV_NO_TIME)
            continue;
        newest_ns = dts_ns > newest_ns ? dts_ns : newest_ns;
        oldest_ns = dts_ns < oldest_ns ? dts_ns : oldest_ns;
    }
    input->again.is_anchor_wanted = newest_ns == INT64_MIN;
    if (newest_ns != INT64_MIN)
        input_anchor(input, newest_ns, oldest_ns);
}

int input_return(struct input *input)
{
    const struct timespec nap = {.tv_nsec = NAP_NS};
    struct input_again *again = &input->again;

    if (tt_av_now_ns() < again->call_ns) {
        (void)nanosleep(&nap, NULL);
        return -EAGAIN;
    }
    if (!call(input)) {
        again->wait_ns = again->wait_ns * 2 < WAIT_MAX_NS ? again->wait_ns * 2 : WAIT_MAX_NS;
        again->call_ns = tt_av_now_ns() + again->wait_ns;
        return -EAGAIN;
    }
    again->is_away = false;
    input->heard_ns = tt_av_now_ns();
    input_note(input, TT_AV_NOTE_PEER_BACK, (input->heard_ns - again->left_ns) / 1000000);
    catch_up(input);
    return 0;
}

void input_anchor(struct input *input, int64_t newest_ns, int64_t oldest_ns)
{
    int64_t place_ns;

    input->again.is_anchor_wanted = false;
    if (!drift_clock_anchor(&input->live.clock, tt_av_now_ns(), &place_ns))
        return;
    input->shift_ns = place_ns - newest_ns;
    for (uint32_t n = 0; n < input->output_count; n++) {
        struct input_output *output = &input->outputs[n];

        output->shift_ns = input->shift_ns;
        output->is_back = output->is_torn = true;
        output->dts_ns = oldest_ns + input->shift_ns - output->period_ns;
    }
}

void input_began_anew(struct input *input, int64_t dts_ns, int64_t expected_ns)
{
    int64_t away_ns = tt_av_now_ns() - input->live.clock.lead_ns - expected_ns;

    input_note(input, TT_AV_NOTE_PEER_LOST, ECONNRESET);
    input_note(input, TT_AV_NOTE_PEER_BACK, away_ns > 0 ? away_ns / 1000000 : 0);
    input_anchor(input, dts_ns, dts_ns);
}
