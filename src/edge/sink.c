/* A sink's loop: the frame that was put first on any of its links goes to the component; when its
 * write returned, that instant is recorded and the frame goes back. */
#include <errno.h>
#include <string.h>

#include "base/record.h"
#include "edge/inside.h"

enum { AGAIN_NS = 1000000, NAP_NS = 50000000, POLL_MS = 20, FLUSH_STEPS_MAX = 64 };

static void record_sent(struct edge *edge, uint32_t input, const struct tt_link_slot *slot)
{
    struct tt_record record = {
        .kind = TT_RECORD_SENT,
        .sink = (uint16_t)(edge->plan->sink + (int32_t)input),
        .component = (uint16_t)edge->number,
        .index = tt_sink_index(&edge->plan->in_format[input], slot->index, slot->origin_ns),
        .origin_ns = slot->origin_ns,
        .sent_ns = tt_linux_now() - edge->seat->epoch_ns};

    if (edge->plan->sink >= 0 && tt_seat_is_go(edge->seat))
        edge_record(edge, &record);
}

/* Inputs are all absent but the one that is filled in afterwards. */
static void clear_inputs(struct edge *edge)
{
    for (uint32_t n = 0; n < edge->plan->in_count; n++)
        *tt_call_in(&edge->call, n) = (struct tt_frame){.handle = TT_NO_FRAME};
    edge->call.event_count = 0;
}

static void show_input(struct edge *edge, uint32_t input, const struct tt_link_slot *slot)
{
    struct tt_frame *frame = tt_call_in(&edge->call, input);
    uint32_t capacity = 0;
    uint8_t *data = NULL;

    if (slot->slot != TT_NO_FRAME)
        data = slots_at(&edge->pools[slot->pool], slot->slot, &capacity);
    *frame = (struct tt_frame){.data = (uintptr_t)data,
                               .index = slot->index,
                               .origin_ns = slot->origin_ns,
                               .duration_ns = slot->duration_ns,
                               .bytes = data && slot->bytes <= capacity ? slot->bytes : 0,
                               .capacity = capacity,
                               .format_id = slot->format_id,
                               .flags = slot->flags,
                               .handle = data ? slot->slot : TT_NO_FRAME,
                               .valid_slices = slot->valid_slices};
    edge->call.index = slot->index;
    edge->call.media_ns = slot->origin_ns;
}

static bool is_past_stop(const struct edge *edge)
{
    return tt_seat_is_stopped(edge->seat) && tt_linux_now() - edge->seat->stopped_ns > LINGER_NS;
}

/* Calls step() until it has taken what it was shown. -EAGAIN comes back only after stop. A frame
 * that was taken but not written (no viewer, a full disk) has lost its bytes. */
static int take(struct edge *edge, uint32_t input, bool *ret_is_written)
{
    uint32_t flushes = 0;

    for (;;) {
        uint32_t seen = tt_bell_count(&edge->seat->bells, edge->seat->number);
        int r = edge->component->edge->step(edge->state, &edge->call);

        if (flushes == 0)
            *ret_is_written = tt_call_in(&edge->call, input)->bytes > 0;
        if (r == TT_AGAIN && flushes++ < FLUSH_STEPS_MAX) {
            clear_inputs(edge);
            continue;
        }
        if (r != -EAGAIN)
            return r < 0 ? r : 0;
        if (is_past_stop(edge))
            return r;
        if (edge_poll(edge, POLL_MS) < 0)
            edge_sleep(edge, seen, AGAIN_NS);
    }
}

static int take_frame(struct edge *edge, uint32_t input, const struct tt_link_slot *slot)
{
    bool is_written = false;
    int r;

    clear_inputs(edge);
    show_input(edge, input, slot);
    if (slot->flags & TT_END)
        edge->has_ended_in[input] = true;
    r = take(edge, input, &is_written);
    if (r == 0 && slot->slot != TT_NO_FRAME && is_written)
        record_sent(edge, input, slot);
    if (slot->slot != TT_NO_FRAME)
        tt_link_give_back(edge->in[input], slot->pool, slot->slot);
    tt_bell_tell_room(&edge->seat->bells, edge->in_from[input]);
    return r == -EAGAIN ? 0 : r;
}

/* The input whose first frame has waited longest; TT_NO_PORT when all are empty. */
static uint32_t oldest_input(struct edge *edge)
{
    uint32_t oldest = TT_NO_PORT;
    int64_t oldest_ns = INT64_MAX;

    for (uint32_t n = 0; n < edge->plan->in_count; n++) {
        struct tt_link_slot slot;

        if (!edge->in[n] || edge->has_ended_in[n] || !tt_link_peek(edge->in[n], &slot))
            continue;
        if (oldest != TT_NO_PORT && slot.stamp_ns >= oldest_ns)
            continue; /* a stamp from beyond all time is somebody's turn, too */
        oldest_ns = slot.stamp_ns;
        oldest = n;
    }
    return oldest;
}

static bool has_ended(const struct edge *edge)
{
    for (uint32_t n = 0; n < edge->plan->in_count; n++)
        if (edge->in[n] && !edge->has_ended_in[n])
            return false;
    return true;
}

/* The container is gone or slow: what is written so far is made whole. */
static int end_inputs(struct edge *edge)
{
    for (uint32_t n = 0; n < edge->plan->in_count; n++) {
        struct tt_link_slot end = {.slot = TT_NO_FRAME, .flags = TT_END};
        int r;

        if (!edge->in[n] || edge->has_ended_in[n])
            continue;
        r = take_frame(edge, n, &end);
        if (r < 0)
            return r;
    }
    return 0;
}

int edge_run_sink(struct edge *edge)
{
    int r = 0;

    tt_seat_wait_go(edge->seat);
    while (r == 0 && !has_ended(edge)) {
        uint32_t seen = tt_bell_count(&edge->seat->bells, edge->seat->number);
        uint32_t input = oldest_input(edge);
        struct tt_link_slot slot;

        if (is_past_stop(edge))
            return end_inputs(edge);
        if (input == TT_NO_PORT)
            edge_sleep(edge, seen, NAP_NS);
        else if (tt_link_get(edge->in[input], edge->pools, edge->wiring->process_count, &slot))
            r = take_frame(edge, input, &slot);
    }
    return r;
}
