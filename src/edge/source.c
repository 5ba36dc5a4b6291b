/* A source's loop: a free slot for every output and room in its link, a step, and what came is put
 * and the container's bell rung. It reads ahead until the rings are full; the container's inlets
 * release frames at their index. */
#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/record.h"
#include "edge/inside.h"

enum {
    /* Room can come without a bell (the reader read, but gives back later), so sleeps are short. A
     * deep ring lasts for longer: no frame is shorter than a millisecond. */
    NAP_NS = 5000000,
    DEEP = 16,
    DEEP_NAP_NS = 15000000,
    AGAIN_NS = 1000000,
    POLL_MS = 20
};

/* Of an output of one of the process's components. */
static uint8_t lender(const struct edge *edge, uint32_t output)
{
    return (uint8_t)(1 + edge->place * TT_PORTS_MAX + output);
}

_Static_assert(TT_TOGETHER_MAX *TT_PORTS_MAX < UINT8_MAX, "a lender is a byte");

static void collect(struct edge *edge, uint32_t output)
{
    struct slots *slots = edge->slots;
    uint32_t pool, slot;

    while (tt_link_take_back(edge->out[output], &pool, &slot))
        if (pool == slots->number && slot < slots->view.slot_count &&
            slots->lent[slot] == lender(edge, output))
            slots_give(slots, slot);
    if (!tt_link_reader_changed(edge->out[output]))
        return;
    for (slot = 0; slot < slots->view.slot_count; slot++)
        if (slots->lent[slot] == lender(edge, output) &&
            !tt_link_is_on_loan(edge->out[output], slots->number, slot))
            slots_give(slots, slot);
}

/* What a predecessor of this process had lent is not ours to write yet. */
static void adopt_loans(struct edge *edge)
{
    for (uint32_t n = 0; n < edge->plan->out_count; n++)
        for (uint32_t slot = 0; edge->out[n] && slot < edge->slots->view.slot_count; slot++)
            if (tt_link_is_on_loan(edge->out[n], edge->slots->number, slot))
                slots_keep_lent(edge->slots, slot, lender(edge, n));
}

static bool is_wanted(const struct edge *edge, uint32_t output)
{
    return edge->out[output] && !edge->has_ended_out[output];
}

/* What comes by descriptors comes at its own time: an output that nobody empties must not hold up
 * the others, so it is offered no memory, and what is for it is lost. */
static bool is_driven(const struct edge *edge)
{
    return edge->component->edge->fds != NULL;
}

static bool has_place(const struct edge *edge, uint32_t output)
{
    return edge->held[output] != TT_NO_FRAME &&
           tt_link_filled(edge->out[output]) < edge->out_depth[output];
}

/* The first frame of every output is there (or its End): the service may start. */
static void tell_primed(struct edge *edge, bool is_full)
{
    bool has_all = true, has_any = false;

    for (uint32_t n = 0; n < edge->plan->out_count && !edge->is_primed; n++) {
        has_all = has_all && (edge->has_put[n] || !edge->out[n]);
        has_any = has_any || edge->has_put[n];
    }
    if (edge->is_primed || !(has_all || (has_any && is_full)))
        return;
    edge->is_primed = true;
    tt_seat_say(edge->seat->control, "primed", NULL);
}

/* Gives each output by itself what lies there for it. */
static bool is_apart(const struct edge *edge)
{
    const struct tt_edge *own = edge->component->edge;

    return own->is_apart && own->is_apart(edge->state) != 0;
}

/* A slot for each output that goes on, and room for it. */
static bool has_room(struct edge *edge)
{
    bool is_ready = true, has_any = false;

    for (uint32_t n = 0; n < edge->plan->out_count; n++) {
        if (!edge->out[n])
            continue;
        collect(edge, n);
        if (!is_wanted(edge, n))
            continue;
        if (edge->held[n] == TT_NO_FRAME)
            edge->held[n] = slots_take(edge->slots, edge->out_class[n]);
        is_ready = is_ready && has_place(edge, n);
        has_any = has_any || has_place(edge, n);
    }
    if (!is_ready && !is_driven(edge))
        tell_primed(edge, true);
    return is_ready || is_driven(edge) || (has_any && is_apart(edge));
}

static void offer_outputs(struct edge *edge)
{
    edge->call.event_count = 0;
    if (is_driven(edge))
        edge->call.media_ns = tt_linux_now() - edge->seat->epoch_ns;
    for (uint32_t n = 0; n < edge->plan->out_count; n++) {
        struct tt_frame *frame = tt_call_out(&edge->call, n);
        uint32_t bytes = 0;
        uint8_t *data = NULL;

        if (is_wanted(edge, n) && has_place(edge, n))
            data = slots_at(&edge->slots->view, edge->held[n], &bytes);
        *frame = (struct tt_frame){.data = (uintptr_t)data,
                                   .capacity = bytes,
                                   .handle = data ? edge->held[n] : TT_NO_FRAME,
                                   .index = edge->call.index,
                                   .origin_ns = edge->call.media_ns};
    }
}

/* When the kernel had what was given just now, as the ring says it. */
static int64_t received_of(const struct edge *edge, uint32_t output)
{
    int64_t at_ns = INT64_MIN;

    if (is_driven(edge) && edge->component->edge->received)
        at_ns = edge->component->edge->received(edge->state, output);
    if (at_ns == INT64_MIN || at_ns == INT64_MAX)
        return at_ns == INT64_MIN ? 0 : INT64_MAX;
    return edge->seat->epoch_ns + at_ns;
}

static void ring_readers(struct edge_process *process)
{
    for (uint32_t n = 0; process->to_ring >> n != 0; n++)
        if (process->to_ring >> n & 1)
            tt_bell_ring(&process->seat.bells, n);
    process->to_ring = 0;
}

static void put_header(struct edge *edge, uint32_t output, const struct tt_frame *frame,
                       bool has_payload)
{
    struct tt_link_slot slot = {.index = frame->index,
                                .origin_ns = frame->origin_ns,
                                .duration_ns = frame->duration_ns,
                                .pool = edge->slots->number,
                                .slot = has_payload ? edge->held[output] : TT_NO_FRAME,
                                .bytes = has_payload ? frame->bytes : 0,
                                .flags = frame->flags,
                                .format_id = frame->format_id,
                                .valid_slices = frame->valid_slices,
                                .stamp_ns = tt_linux_now(),
                                .received_ns =
                                    frame->flags & TT_END ? 0 : received_of(edge, output)};

    while (!tt_link_put(edge->out[output], &slot)) {
        uint32_t seen = tt_bell_count(&edge->seat->bells, edge->seat->number);

        ring_readers(edge->process);
        /* Only a frame with End behind it needs a second place. */
        if (tt_seat_is_stopped(edge->seat))
            return;
        edge_sleep(edge, seen, NAP_NS);
        slot.stamp_ns = tt_linux_now();
    }
    if (has_payload) {
        edge->slots->lent[edge->held[output]] = lender(edge, output);
        edge->held[output] = TT_NO_FRAME;
    }
    edge->has_put[output] = true;
    edge->process->to_ring |= UINT64_C(1) << edge->out_to[output];
}

static void put_end(struct edge *edge, uint32_t output, const struct tt_frame *frame)
{
    struct tt_frame end = *frame;

    end.flags = TT_END;
    put_header(edge, output, &end, false);
    edge->has_ended_out[output] = true;
}

/* A source that goes on from a key picture gives once more what its predecessor gave already. */
static bool is_there_already(struct edge *edge, uint32_t output, const struct tt_frame *frame)
{
    if (frame->bytes > 0 && frame->index > edge->handed_over[output])
        edge->handed_over[output] = -1;
    return frame->bytes > 0 && edge->handed_over[output] >= 0;
}

/* Hands out what the step made. Returns true when there was anything. */
static bool put_outputs(struct edge *edge)
{
    bool has_any = false;

    for (uint32_t n = 0; n < edge->plan->out_count; n++) {
        struct tt_frame *frame = tt_call_out(&edge->call, n);
        bool is_end = (frame->flags & TT_END) != 0;

        if (!is_wanted(edge, n) || (frame->bytes == 0 && frame->flags == 0))
            continue;
        tt_assert(frame->bytes <= frame->capacity);
        frame->flags &= ~(uint32_t)TT_END;
        has_any = true;
        if (is_there_already(edge, n, frame))
            frame->bytes = frame->flags = 0;
        if (frame->bytes > 0 || frame->flags != 0)
            put_header(edge, n, frame, frame->bytes > 0);
        if (is_end)
            put_end(edge, n, frame);
    }
    return has_any;
}

static void end_all(struct edge *edge)
{
    for (uint32_t n = 0; n < edge->plan->out_count; n++)
        if (is_wanted(edge, n))
            put_end(edge, n, tt_call_out(&edge->call, n));
    ring_readers(edge->process);
}

static bool has_ended(const struct edge *edge)
{
    for (uint32_t n = 0; n < edge->plan->out_count; n++)
        if (is_wanted(edge, n))
            return false;
    return true;
}

static bool is_everything_read(struct edge *edge)
{
    for (uint32_t n = 0; n < edge->plan->out_count; n++)
        if (edge->out[n] && tt_link_filled(edge->out[n]) > 0)
            return false;
    return true;
}

/* After End nobody writes this pool again, so frames that are still on loan need no keeper: their
 * memory is tactusd's. What is unread is waited for, so that a death is not told before its time.
 */
static void linger(struct edge *edge)
{
    while (!is_everything_read(edge)) {
        uint32_t seen = tt_bell_count(&edge->seat->bells, edge->seat->number);

        if (tt_seat_is_stopped(edge->seat) && tt_linux_now() - edge->seat->stopped_ns > LINGER_NS)
            return;
        edge_sleep(edge, seen, 4 * NAP_NS);
    }
}

/* One step. Returns 0, 1 to go on at once, -EAGAIN, or an error. */
static int step(struct edge *edge)
{
    int r;

    offer_outputs(edge);
    r = edge->component->edge->step(edge->state, &edge->call);
    if (r >= 0 || r == -EAGAIN) {
        bool has_any = put_outputs(edge);

        tell_primed(edge, false);
        if (r == 0 && !has_any)
            return -EAGAIN; /* a component that gives nothing must not spin */
        edge->call.index += has_any;
    }
    return r;
}

/* Who gives what comes when it comes has nothing to show before: its time begins at go. */
static void await_go(struct edge *edge)
{
    edge->is_primed = true;
    tt_seat_say(edge->seat->control, "primed", NULL);
    while (!tt_seat_is_go(edge->seat) && !tt_seat_is_stopped(edge->seat)) {
        uint32_t seen = tt_bell_count(&edge->seat->bells, edge->seat->number);

        edge_sleep(edge, seen, AGAIN_NS);
    }
}

static int64_t nap_of(const struct edge *edge)
{
    for (uint32_t n = 0; n < edge->plan->out_count; n++)
        if (edge->out[n] && edge->out_depth[n] < DEEP)
            return NAP_NS;
    return DEEP_NAP_NS;
}

static void begin(struct edge *edge)
{
    for (uint32_t n = 0; n < TT_PORTS_MAX; n++)
        edge->held[n] = TT_NO_FRAME;
    adopt_loans(edge);
}

static int run_alone(struct edge *edge)
{
    int64_t nap_ns = nap_of(edge);
    int r = 0;

    if (is_driven(edge))
        await_go(edge);
    while (!has_ended(edge)) {
        uint32_t seen = tt_bell_count(&edge->seat->bells, edge->seat->number);

        if (tt_seat_is_stopped(edge->seat)) {
            end_all(edge);
            break;
        }
        if (!has_room(edge)) {
            edge_sleep(edge, seen, nap_ns);
            continue;
        }
        if (edge_poll(edge, POLL_MS) == 0)
            continue;
        r = step(edge);
        ring_readers(edge->process);
        if (r < 0 && r != -EAGAIN && !edge->call.stop)
            return r;
        if (r == -EAGAIN)
            edge_sleep(edge, seen, AGAIN_NS);
    }
    return 0;
}

static bool have_all_ended(const struct edge_process *process)
{
    for (uint32_t n = 0; n < process->edge_count; n++)
        if (!has_ended(process->edges[n]))
            return false;
    return true;
}

/* Whoever has something takes its step; the readers hear of all of it at once. */
static int run_together(struct edge_process *process, struct edge **ret)
{
    uint32_t ready;

    await_go(process->edges[0]);
    for (uint32_t n = 1; n < process->edge_count; n++)
        process->edges[n]->is_primed = true; /* the first one says so for all */
    while (!have_all_ended(process) && !tt_seat_is_stopped(&process->seat)) {
        edge_poll_all(process, POLL_MS, &ready);
        for (uint32_t n = 0; n < process->edge_count; n++) {
            struct edge *edge = process->edges[n];
            int r;

            if ((ready >> n & 1) == 0 || has_ended(edge))
                continue;
            (void)has_room(edge);
            r = step(edge);
            *ret = edge;
            if (r < 0 && r != -EAGAIN && !edge->call.stop)
                return r;
        }
        ring_readers(process);
    }
    for (uint32_t n = 0; n < process->edge_count; n++)
        end_all(process->edges[n]);
    return 0;
}

int edge_run_sources(struct edge_process *process, struct edge **ret)
{
    int r;

    *ret = process->edges[0];
    for (uint32_t n = 0; n < process->edge_count; n++)
        begin(process->edges[n]);
    r = process->edge_count == 1 ? run_alone(process->edges[0]) : run_together(process, ret);
    if (r < 0)
        return r;
    tell_primed(process->edges[0], false);
    for (uint32_t n = 0; n < process->edge_count; n++)
        linger(process->edges[n]);
    return 0;
}
