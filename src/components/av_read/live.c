/* An input that keeps its sender's time: a thread reads it as it comes and stamps it by our clock;
 * it lies in queues until there is room. */
#include <errno.h>
#include <libavutil/mem.h>
#include <string.h>
#include <time.h>

#include "components/av_read/input.h"
#include "tactus/format.h"

#define TOLD_NS INT64_C(10000000000)
#define WAIT_NS INT64_C(20000000)

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

void input_note(struct input *input, uint32_t id, int64_t value)
{
    struct input_live *live = &input->live;

    if (!live->is_running) {
        tt_av_note(input->host, id, value);
        return;
    }
    (void)pthread_mutex_lock(&live->lock);
    if (live->note_count < INPUT_NOTES) {
        live->notes[live->note_count].id = id;
        live->notes[live->note_count++].value = value;
    }
    (void)pthread_mutex_unlock(&live->lock);
}

static void tell(struct input *input)
{
    struct input_live *live = &input->live;

    if (!live->clock.is_settled || input->heard_ns - live->told_ns < TOLD_NS)
        return;
    live->told_ns = input->heard_ns;
    input_note(input, TT_AV_NOTE_DRIFT, drift_clock_ppb(&live->clock));
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
        input_note(input, TT_AV_NOTE_LATER, live->later_ms += leapt_ns / 1000000);
    tell(input);
}

/* A packet is released at its index: not after its time, and at most a period and an eighth before.
 * Each is the next while that is so. */
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

static bool has_room(const struct input *input)
{
    const struct input_live *live = &input->live;

    for (uint32_t n = 0; n < input->output_count; n++)
        if (live->queues[n] && live->queues[n]->count == INPUT_QUEUE)
            return false;
    return live->bytes < INPUT_HELD_BYTES_MAX;
}

static void put(struct input_live *live, struct input_queue *queue, AVPacket *packet,
                const struct tt_frame *head)
{
    uint32_t at;

    (void)pthread_mutex_lock(&live->lock);
    at = (queue->first + queue->count) % INPUT_QUEUE;
    queue->items[at].packet = packet;
    queue->items[at].head = *head;
    queue->count++;
    live->bytes += head->bytes;
    (void)pthread_cond_signal(&live->came);
    (void)pthread_mutex_unlock(&live->lock);
}

/* What was read goes to the queue of each output that has its stream. */
static int keep(struct input *input)
{
    for (uint32_t n = 0; n < input->output_count; n++) {
        struct input_queue *queue = input->live.queues[n];
        struct tt_frame head = {.bytes = (uint32_t)input->packet->size};
        AVPacket *packet;

        if (!queue || input->outputs[n].stream != input->packet->stream_index ||
            !input_stamp(input, n, &head))
            continue;
        packet = av_packet_clone(input->packet);
        if (!packet)
            return -ENOMEM;
        put(&input->live, queue, packet, &head);
    }
    return 0;
}

static struct timespec later(int64_t by_ns)
{
    int64_t at_ns = tt_av_now_ns() + by_ns;

    return (struct timespec){.tv_sec = at_ns / 1000000000, .tv_nsec = at_ns % 1000000000};
}

static void await_room(struct input *input)
{
    struct input_live *live = &input->live;

    (void)pthread_mutex_lock(&live->lock);
    while (!has_room(input) && !__atomic_load_n(&live->is_stopping, __ATOMIC_SEQ_CST)) {
        struct timespec until = later(WAIT_NS);

        live->is_held_up = true;
        (void)pthread_cond_timedwait(&live->went, &live->lock, &until);
    }
    (void)pthread_mutex_unlock(&live->lock);
}

static void *read_on(void *ctx)
{
    struct input *input = ctx;
    struct input_live *live = &input->live;
    int r = -EAGAIN;

    while ((r >= 0 || r == -EAGAIN) && !__atomic_load_n(&live->is_stopping, __ATOMIC_SEQ_CST)) {
        await_room(input);
        r = input_next(input);
        if (r == 0)
            r = keep(input);
    }
    (void)pthread_mutex_lock(&live->lock);
    live->result = r < 0 && r != -EAGAIN ? r : -ENODATA;
    (void)pthread_cond_signal(&live->came);
    (void)pthread_mutex_unlock(&live->lock);
    return NULL;
}

int input_live_start(struct input *input)
{
    struct input_live *live = &input->live;
    pthread_condattr_t monotonic;
    int r;

    if (!live->is_on)
        return 0;
    (void)pthread_mutex_init(&live->lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&live->came, &monotonic);
    (void)pthread_cond_init(&live->went, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    live->is_running = true;
    r = pthread_create(&live->reader, NULL, read_on, input);
    if (r != 0)
        live->is_running = false;
    return -r;
}

void input_live_fini(struct input *input)
{
    struct input_live *live = &input->live;

    if (live->is_running) {
        __atomic_store_n(&live->is_stopping, 1, __ATOMIC_SEQ_CST);
        __atomic_store_n(&input->deadline_ns, 1, __ATOMIC_SEQ_CST);
        (void)pthread_join(live->reader, NULL);
        live->is_running = false;
    }
    for (uint32_t n = 0; n < TT_PORTS_MAX; n++) {
        struct input_queue *queue = live->queues[n];

        for (uint32_t at = 0; queue && at < INPUT_QUEUE; at++)
            av_packet_free(&queue->items[at].packet);
        av_freep(&live->queues[n]);
    }
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

/* An output ends when the last that lay there was taken. */
static bool end(struct input *input, struct tt_call *call)
{
    bool has_any = false;

    for (uint32_t n = 0; n < call->out_count; n++) {
        const struct input_queue *queue = n < TT_PORTS_MAX ? input->live.queues[n] : NULL;

        if (!queue || (queue->count == 0 && tt_call_out(call, n)->bytes == 0)) {
            tt_call_out(call, n)->flags = TT_END;
            has_any = true;
        }
    }
    return has_any;
}

static void tell_notes(struct input *input)
{
    struct input_live *live = &input->live;

    for (uint32_t n = 0; n < live->note_count; n++)
        tt_av_note(input->host, live->notes[n].id, live->notes[n].value);
    live->note_count = 0;
}

int input_live_step(struct input *input, struct tt_call *call)
{
    struct input_live *live = &input->live;
    struct timespec until = later(WAIT_NS);
    bool has_any;
    int r;

    (void)pthread_mutex_lock(&live->lock);
    has_any = give(input, call);
    if (!has_any && live->result == 0) {
        (void)pthread_cond_timedwait(&live->came, &live->lock, &until);
        has_any = give(input, call);
    }
    if (has_any)
        (void)pthread_cond_signal(&live->went);
    tell_notes(input);
    r = has_any ? TT_DONE : live->result;
    if (live->result == -ENODATA)
        r = end(input, call) || has_any ? TT_DONE : -EAGAIN;
    (void)pthread_mutex_unlock(&live->lock);
    return r == 0 && !has_any && live->result == 0 ? -EAGAIN : r;
}
