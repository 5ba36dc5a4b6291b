/* A network input that went is called again, at growing intervals, and goes on at the media time
 * that is on when it is back: what it would have given meanwhile is missing. */
#include <errno.h>
#include <libavutil/mem.h>
#include <time.h>

#include "components/av_read/input.h"

#define SECOND_NS INT64_C(1000000000)
#define WAIT_MIN_NS (SECOND_NS / 2)
#define WAIT_MAX_NS (8 * SECOND_NS)
#define SILENCE_NS (2 * SECOND_NS)
#define NAP_NS (SECOND_NS / 50)

int input_again_init(struct input *input, const struct input_params *params, AVDictionary *options)
{
    struct input_again *again = &input->again;

    /* What says how long it is, is no live stream: its end is its end. */
    again->is_lasting =
        params->is_lasting && input->is_network && input->format->duration == AV_NOPTS_VALUE;
    if (!again->is_lasting)
        return 0;
    again->probe_ns = params->probe_ns;
    again->silence_ns = SILENCE_NS;
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
    tt_av_note(input->host, TT_AV_NOTE_PEER_LOST, error == -ENODATA ? EPIPE : -error);
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
    again->is_anchor_wanted = true;
    tt_av_note(input->host, TT_AV_NOTE_PEER_BACK, (tt_av_now_ns() - again->left_ns) / 1000000);
    input->heard_ns = tt_av_now_ns();
    return 0;
}

void input_was_read(struct input *input, int64_t dts_ns)
{
    struct input_again *again = &input->again;
    int64_t ahead_ns = dts_ns - tt_av_now_ns();

    if (!again->is_ahead_known || ahead_ns > again->ahead_ns)
        again->ahead_ns = ahead_ns;
    again->is_ahead_known = true;
}

void input_anchor(struct input *input, int64_t dts_ns)
{
    struct input_again *again = &input->again;
    int64_t now_dts_ns = tt_av_now_ns() + again->ahead_ns;

    again->is_anchor_wanted = false;
    if (!again->is_ahead_known)
        return;
    input->shift_ns = now_dts_ns - dts_ns;
    for (uint32_t n = 0; n < input->output_count; n++) {
        struct input_output *output = &input->outputs[n];

        output->shift_ns = input->shift_ns;
        output->is_back = output->is_torn = true;
        if (output->dts_ns < now_dts_ns - output->period_ns)
            output->dts_ns = now_dts_ns - output->period_ns;
    }
}

void input_began_anew(struct input *input, int64_t dts_ns, int64_t expected_ns)
{
    int64_t away_ns = tt_av_now_ns() + input->again.ahead_ns - expected_ns;

    tt_av_note(input->host, TT_AV_NOTE_PEER_LOST, ECONNRESET);
    tt_av_note(input->host, TT_AV_NOTE_PEER_BACK, away_ns > 0 ? away_ns / 1000000 : 0);
    input_anchor(input, dts_ns);
}
