/* Calls across the border: the record that a component reads, and what it may ask of its host. Only
 * numbers cross; an address is an offset in the module's memory, checked at each use. */
#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "sandbox/kernels.h"
#include "sandbox/slot.h"

enum { PAGE_BYTES = 4096, EVENTS_MAX = 64 };

/* Where a frame's payload is in the window; 0: nowhere. */
static uint32_t offset_of(const struct tt_slot *slot, tt_addr data)
{
    const uint8_t *host = (const uint8_t *)(uintptr_t)data;

    for (uint32_t n = 0; host && slot->windows && n < slot->windows->count; n++) {
        const struct tt_window *window = &slot->windows->windows[n];

        if (host >= window->host && host < window->host + window->bytes)
            return window->at + (uint32_t)(host - window->host);
    }
    return 0;
}

/* Payloads lie on borders of pages and have them alone. */
static int grant(struct tt_slot *slot, uint32_t at, uint32_t bytes, bool is_writable)
{
    uint32_t whole = (bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;

    if (!slot->has_grants || at == 0 || bytes == 0)
        return 0;
    if (slot->granted_count == TT_SLOT_GRANTS_MAX)
        return -ENOBUFS;
    slot->granted[slot->granted_count++] =
        (struct tt_slot_granted){.at = at, .bytes = bytes, .is_writable = is_writable};
    return tt_space_grant(slot->memory, at, whole, is_writable ? TT_GRANT_WRITE : TT_GRANT_READ);
}

static void revoke(struct tt_slot *slot, uint32_t number)
{
    const struct tt_slot_granted *granted = &slot->granted[number];
    uint32_t whole = (granted->bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;

    (void)tt_space_grant(slot->memory, granted->at, whole, TT_GRANT_NONE);
    slot->granted[number] = slot->granted[--slot->granted_count];
}

static void revoke_all(struct tt_slot *slot)
{
    while (slot->granted_count > 0)
        revoke(slot, slot->granted_count - 1);
}

/* The layout of a record: a call, its events, its frames. */
struct layout {
    uint8_t *base;
    uint32_t at, events, frames, frame_count;
};

static int lay_out(const struct tt_slot *slot, const struct tt_call *call, struct layout *ret)
{
    uint32_t at = slot->module->record_at, bytes;

    if (call->event_count > EVENTS_MAX || call->in_count > TT_PORTS_MAX ||
        call->out_count > TT_PORTS_MAX)
        return -E2BIG;
    *ret = (struct layout){.base = slot->memory,
                           .at = at,
                           .events = at + (uint32_t)sizeof *call,
                           .frame_count = call->in_count + call->out_count};
    ret->frames = ret->events + call->event_count * (uint32_t)sizeof(struct tt_event);
    bytes = ret->frames - at + ret->frame_count * (uint32_t)sizeof(struct tt_frame);
    return bytes > slot->module->record_bytes ? -E2BIG : 0;
}

static int write_record(struct tt_slot *slot, const struct tt_call *call,
                        const struct layout *layout)
{
    struct tt_call *record = (struct tt_call *)(void *)(layout->base + layout->at);
    struct tt_frame *frames = (struct tt_frame *)(void *)(layout->base + layout->frames);

    *record = *call;
    record->events = layout->events;
    record->frames = layout->frames;
    if (call->event_count > 0)
        memcpy(layout->base + layout->events, tt_call_events(call),
               call->event_count * sizeof(struct tt_event));
    for (uint32_t n = 0; n < layout->frame_count; n++) {
        const struct tt_frame *from = tt_call_in(call, n);
        bool is_output = n >= call->in_count;
        int r;

        frames[n] = *from;
        frames[n].data = offset_of(slot, from->data);
        if (from->data != 0 && frames[n].data == 0)
            return -EXDEV;
        r = grant(slot, (uint32_t)frames[n].data, from->capacity, is_output);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Of a module's frame only what a component says of its output; whose memory it is the host knows.
 */
static void take_frame(const struct tt_frame *from, struct tt_frame *ret)
{
    ret->index = from->index;
    ret->origin_ns = from->origin_ns;
    ret->duration_ns = from->duration_ns;
    ret->bytes = from->bytes < ret->capacity ? from->bytes : ret->capacity;
    ret->format_id = from->format_id;
    ret->flags = from->flags;
    ret->valid_slices = from->valid_slices;
}

static void read_record(const struct layout *layout, struct tt_call *call)
{
    const struct tt_call *record = (const struct tt_call *)(void *)(layout->base + layout->at);
    const struct tt_frame *frames =
        (const struct tt_frame *)(void *)(layout->base + layout->frames);

    call->key_point = record->key_point;
    for (uint32_t n = 0; n < call->out_count; n++)
        take_frame(&frames[call->in_count + n], tt_call_out(call, n));
}

static int result_of(int32_t r)
{
    const int32_t errno_max = 4095;

    return r > TT_AGAIN || r < -errno_max ? -EINVAL : r;
}

int tt_slot_process(struct tt_slot *slot, struct tt_call *call)
{
    struct layout layout;
    int32_t result = 0;
    bool is_back;
    int r;

    if (slot->is_dead)
        return tt_trap_errno(slot->report.trap);
    r = lay_out(slot, call, &layout);
    if (r == 0)
        r = write_record(slot, call, &layout);
    if (r < 0) {
        revoke_all(slot);
        return r;
    }
    is_back = tt_slot_enter(slot, TT_ENTRY_PROCESS, layout.at, &result);
    revoke_all(slot);
    if (!is_back)
        return tt_trap_errno(slot->report.trap);
    read_record(&layout, call);
    return result_of(result);
}

/* What follows is called by the module. */

static void on_trap(void *ctx, enum tt_trap trap) __attribute__((noreturn));

static void on_trap(void *ctx, enum tt_trap trap)
{
    (void)ctx;
    tt_trap_now(trap > TT_TRAP_NONE && trap < TT_TRAP_COUNT ? trap : TT_TRAP_UNREACHABLE);
}

static uint32_t on_grow(void *ctx, uint32_t pages)
{
    struct tt_slot *slot = ctx;
    uint64_t before = slot->memory_bytes / TT_SLOT_PAGE;

    tt_trap_host_begin();
    if (pages == 0) {
        tt_trap_host_end();
        return (uint32_t)before;
    }
    if (before + pages > slot->pages_max ||
        tt_space_blank(slot->memory, slot->memory_bytes, (uint64_t)pages * TT_SLOT_PAGE, NULL) < 0)
        tt_trap_now(TT_TRAP_MEMORY);
    slot->memory_bytes += (uint64_t)pages * TT_SLOT_PAGE;
    slot->module->resized(slot->instance, slot->memory_bytes);
    tt_trap_host_end();
    return (uint32_t)before;
}

static struct tt_slot_made *find_made(struct tt_slot *slot, bool is_free, uint32_t handle)
{
    for (uint32_t n = 0; n < TT_SLOT_MADE_MAX; n++) {
        struct tt_slot_made *made = &slot->made[n];

        if (is_free ? made->offset == 0 : made->offset != 0 && made->frame.handle == handle)
            return made;
    }
    return NULL;
}

static int make(struct tt_slot *slot, uint32_t port, uint32_t ret_frame)
{
    struct tt_frame *frame = tt_slot_at(slot, ret_frame, sizeof *frame, true);
    struct tt_slot_made *made = find_made(slot, true, 0);
    uint32_t at;
    int r;

    if (!frame || ret_frame == 0 || ret_frame % 8 != 0 || !slot->host)
        return -EINVAL;
    if (!made)
        return -ENOBUFS;
    r = slot->host->frame_new(slot->host->ctx, port, &made->frame);
    if (r < 0)
        return r;
    at = offset_of(slot, made->frame.data);
    r = at == 0 ? -EXDEV : grant(slot, at, made->frame.capacity, true);
    if (r < 0) {
        (void)slot->host->frame_drop(slot->host->ctx, made->frame.handle);
        return r;
    }
    made->offset = ret_frame;
    *frame = made->frame;
    frame->data = at;
    return 0;
}

static int32_t on_frame_new(void *ctx, uint32_t port, uint32_t ret_frame)
{
    int r;

    tt_trap_host_begin();
    r = make(ctx, port, ret_frame);
    tt_trap_host_end();
    return r;
}

static int emit(struct tt_slot *slot, uint32_t port, uint32_t handle)
{
    struct tt_slot_made *made = find_made(slot, false, handle);
    const struct tt_frame *frame;
    int r;

    if (!slot->host)
        return -EINVAL;
    if (made) {
        frame = tt_slot_at(slot, made->offset, sizeof *frame, false);
        if (!frame)
            return -EINVAL;
        take_frame(frame, &made->frame);
    }
    r = slot->host->frame_emit(slot->host->ctx, port, handle);
    if (r == 0 && made)
        made->offset = 0;
    return r;
}

static int32_t on_frame_emit(void *ctx, uint32_t port, uint32_t handle)
{
    int r;

    tt_trap_host_begin();
    r = emit(ctx, port, handle);
    tt_trap_host_end();
    return r;
}

/* One that is granted for its call only cannot be kept. */
static int keep(struct tt_slot *slot, uint32_t handle)
{
    int r;

    if (!slot->host)
        return -EINVAL;
    if (slot->has_grants)
        return -ENOTSUP;
    if (slot->kept_count == TT_SLOT_MADE_MAX)
        return -ENOBUFS;
    r = slot->host->frame_keep(slot->host->ctx, handle);
    if (r == 0)
        slot->kept[slot->kept_count++] = handle;
    return r;
}

static int32_t on_frame_keep(void *ctx, uint32_t handle)
{
    int r;

    tt_trap_host_begin();
    r = keep(ctx, handle);
    tt_trap_host_end();
    return r;
}

static void forget(struct tt_slot *slot, uint32_t handle)
{
    struct tt_slot_made *made = find_made(slot, false, handle);

    for (uint32_t n = 0; n < slot->kept_count; n++)
        if (slot->kept[n] == handle) {
            slot->kept[n] = slot->kept[--slot->kept_count];
            return;
        }
    if (made)
        made->offset = 0;
}

static int32_t on_frame_drop(void *ctx, uint32_t handle)
{
    struct tt_slot *slot = ctx;
    int r;

    tt_trap_host_begin();
    r = slot->host ? slot->host->frame_drop(slot->host->ctx, handle) : -EINVAL;
    if (r == 0)
        forget(slot, handle);
    tt_trap_host_end();
    return r;
}

static int32_t on_note(void *ctx, uint32_t id, int64_t value)
{
    const struct tt_slot *slot = ctx;
    int r;

    tt_trap_host_begin();
    r = slot->host ? slot->host->note(slot->host->ctx, id, value) : -EINVAL;
    tt_trap_host_end();
    return r;
}

static int32_t on_kernel(void *ctx, uint32_t number, uint32_t arguments, uint32_t count)
{
    int r;

    tt_trap_host_begin();
    r = tt_kernel_call(ctx, number, arguments, count);
    tt_trap_host_end();
    return r;
}

const struct tt_module_host tt_slot_host = {.abi = TT_MODULE_ABI,
                                            .size = sizeof(struct tt_module_host),
                                            .trap = on_trap,
                                            .grow = on_grow,
                                            .frame_new = on_frame_new,
                                            .frame_emit = on_frame_emit,
                                            .frame_keep = on_frame_keep,
                                            .frame_drop = on_frame_drop,
                                            .note = on_note,
                                            .kernel = on_kernel};
