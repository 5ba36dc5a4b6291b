/* An input that keeps its sender's time: read as it comes, stamped by our clock, kept until there
 * is room. */
#include <errno.h>
#include <libavutil/mem.h>
#include <string.h>

#include "components/av_read/input.h"
#include "tactus/format.h"

#define TOLD_NS INT64_C(10000000000)

int input_live_init(struct input *input, const struct input_params *params)
{
    struct input_live *live = &input->live;

    /* What says how long it is, is no live stream: we pace it. */
    live->is_on = params->is_live && input->is_network && input->format->duration == AV_NOPTS_VALUE;
    for (uint32_t n = 0; n < input->output_count && live->is_on; n++)
        if (input->outputs[n].is_used && !(live->queues[n] = av_mallocz(sizeof(*live->queues[n]))))
            return -ENOMEM;
    return 0;
}

void input_live_fini(struct input *input)
{
    for (uint32_t n = 0; n < TT_PORTS_MAX; n++) {
        struct input_queue *queue = input->live.queues[n];

        for (uint32_t at = 0; queue && at < INPUT_QUEUE; at++)
            av_packet_free(&queue->items[at].packet);
        av_freep(&input->live.queues[n]);
    }
}

static void tell(struct input *input)
{
    struct input_live *live = &input->live;

    if (!live->clock.is_settled || input->heard_ns - live->told_ns < TOLD_NS)
        return;
    live->told_ns = input->heard_ns;
    tt_av_note(input->host, TT_AV_NOTE_DRIFT, drift_clock_ppb(&live->clock));
}

void input_was_heard(struct input *input, int64_t dts_ns)
{
    struct input_live *live = &input->live;
    int64_t leapt_ns;

    if (!live->is_on)
        return;
    if (live->is_held_up)
        drift_clock_rest(&live->clock, input->heard_ns);
    live->is_held_up = false;
    leapt_ns = drift_clock_heard(&live->clock, dts_ns, input->heard_ns);
    if (leapt_ns > 0)
        tt_av_note(input->host, TT_AV_NOTE_LATER, live->later_ms += leapt_ns / 1000000);
    tell(input);
}

/* A packet is released at its index: never after its time, and up to a period before. So each is
 * the next until it would come too late, or two periods before. */
int64_t input_live_index(const struct input_output *output, int64_t place_ns)
{
    int64_t period_ns = output->period_ns;
    int64_t early_ns = place_ns - tt_index_ns(output->index + 1, output->rate);

    if (early_ns < -period_ns / 16)
        return output->index;
    if (early_ns <= period_ns + period_ns / 8)
        return output->index + 1;
    return tt_ns_index(place_ns, output->rate);
}

bool input_live_has_room(const struct input *input)
{
    const struct input_live *live = &input->live;

    for (uint32_t n = 0; n < input->output_count; n++)
        if (live->queues[n] && live->queues[n]->count == INPUT_QUEUE)
            return false;
    return live->is_on && live->bytes < INPUT_HELD_BYTES_MAX;
}

/* What was read goes to the queue of each output that has its stream. */
static int keep(struct input *input)
{
    struct input_live *live = &input->live;

    for (uint32_t n = 0; n < input->output_count; n++) {
        struct input_queue *queue = live->queues[n];
        struct tt_frame head = {0};
        uint32_t at;

        if (!queue || input->outputs[n].stream != input->packet->stream_index ||
            !input_stamp(input, n, &head))
            continue;
        at = (queue->first + queue->count) % INPUT_QUEUE;
        queue->items[at].packet = av_packet_clone(input->packet);
        if (!queue->items[at].packet)
            return -ENOMEM;
        head.bytes = (uint32_t)input->packet->size;
        queue->items[at].head = head;
        queue->count++;
        live->bytes += head.bytes;
    }
    return 0;
}

static bool give_one(struct input *input, uint32_t output, struct tt_frame *frame)
{
    struct input_queue *queue = input->live.queues[output];
    AVPacket **packet = &queue->items[queue->first].packet;
    const struct tt_frame *head = &queue->items[queue->first].head;
    bool fits = head->bytes <= frame->capacity;

    if (fits) {
        memcpy(tt_frame_data(frame), (*packet)->data, head->bytes);
        frame->index = head->index;
        frame->origin_ns = head->origin_ns;
        frame->duration_ns = head->duration_ns;
        frame->bytes = head->bytes;
        frame->flags = head->flags;
        frame->valid_slices = head->valid_slices;
    } else {
        tt_av_note(input->host, TT_AV_NOTE_TOO_BIG, (int64_t)++input->counts[TT_AV_NOTE_TOO_BIG]);
    }
    input->live.bytes -= head->bytes;
    av_packet_free(packet);
    queue->first = (queue->first + 1) % INPUT_QUEUE;
    queue->count--;
    return fits;
}

/* Gives each output that has room the first of what waits for it. */
static bool give(struct input *input, struct tt_call *call)
{
    bool has_any = false;

    for (uint32_t n = 0; n < call->out_count && n < input->output_count; n++) {
        struct tt_frame *frame = tt_call_out(call, n);

        if (input->live.queues[n] && input->live.queues[n]->count > 0 && frame->data != 0)
            has_any = give_one(input, n, frame) || has_any;
    }
    return has_any;
}

/* An output ends when the last that waits for it was taken. */
static int end(struct input *input, struct tt_call *call)
{
    bool has_any = give(input, call);

    for (uint32_t n = 0; n < call->out_count; n++) {
        const struct input_queue *queue = n < TT_PORTS_MAX ? input->live.queues[n] : NULL;

        if (!queue || (queue->count == 0 && tt_call_out(call, n)->bytes == 0)) {
            tt_call_out(call, n)->flags = TT_END;
            has_any = true;
        }
    }
    return has_any ? TT_DONE : -EAGAIN;
}

int input_live_step(struct input *input, struct tt_call *call)
{
    int r;

    if (give(input, call))
        return TT_DONE;
    if (!input_live_has_room(input)) {
        input->live.is_held_up = true;
        return -EAGAIN;
    }
    r = input_next(input);
    if (r == -ENODATA)
        return end(input, call);
    if (r < 0)
        return r;
    r = keep(input);
    if (r < 0)
        return r;
    return give(input, call) ? TT_DONE : TT_AGAIN;
}
