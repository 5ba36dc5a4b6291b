/* An instance's life in its slot. */
#include "sandbox/slot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

#define BORDER (2u << 20)

int tt_windows_add(struct tt_windows *windows, const uint8_t *host, uint64_t bytes,
                   bool is_writable, struct tt_error *err)
{
    uint64_t at = TT_SLOT_WINDOW;

    if (windows->count > 0) {
        const struct tt_window *last = &windows->windows[windows->count - 1];

        at = (last->at + last->bytes + BORDER - 1) / BORDER * BORDER;
    }
    if (windows->count == TT_POOLS_MAX || bytes > TT_SLOT_WINDOW_END ||
        at > TT_SLOT_WINDOW_END - bytes)
        return tt_fail(err, -E2BIG,
                       "sandboxed components can see %llu MiB of frames, and the service has more",
                       (unsigned long long)((TT_SLOT_WINDOW_END - TT_SLOT_WINDOW) >> 20));
    windows->windows[windows->count++] = (struct tt_window){
        .host = host, .bytes = bytes, .at = (uint32_t)at, .is_writable = is_writable};
    return 0;
}

static int show_windows(struct tt_slot *slot, struct tt_error *err)
{
    int r = 0;

    for (uint32_t n = 0; slot->windows && n < slot->windows->count && r == 0; n++) {
        const struct tt_window *window = &slot->windows->windows[n];

        r = tt_space_window(slot->memory, window->at, window->host, window->bytes, err);
    }
    return r;
}

int tt_slot_limit_to_calls(struct tt_slot *slot, struct tt_error *err)
{
    for (uint32_t n = 0; slot->windows && n < slot->windows->count; n++) {
        const struct tt_window *window = &slot->windows->windows[n];
        int r = tt_space_grant(slot->memory, window->at, window->bytes, TT_GRANT_NONE);

        if (r < 0)
            return tt_fail(err, -ENOTSUP, "frames here cannot be granted one by one: %s",
                           strerror(-r));
    }
    slot->has_grants = true;
    return 0;
}

int tt_slot_new(const struct tt_slot_params *params, struct tt_slot **ret, struct tt_error *err)
{
    uint64_t bytes = sizeof(struct tt_slot) + params->instance_bytes;
    struct tt_slot *slot = aligned_alloc(64, (bytes + 63) / 64 * 64);
    int r;

    if (!slot)
        return tt_fail(err, -ENOMEM, "no memory for an instance of %u bytes",
                       params->instance_bytes);
    memset(slot, 0, bytes);
    slot->space = params->space;
    slot->windows = params->windows;
    slot->instance_bytes = params->instance_bytes;
    slot->memory = tt_space_take(params->space);
    if (!slot->memory) {
        free(slot);
        return tt_fail(err, -ENOSPC, "all %u slots for sandboxed components are taken",
                       params->space->slot_count);
    }
    r = show_windows(slot, err);
    if (r < 0)
        tt_slot_close(&slot);
    else
        *ret = slot;
    return r;
}

void tt_slot_close(struct tt_slot **slot)
{
    if (*slot && (*slot)->memory)
        tt_space_give((*slot)->space, (*slot)->memory);
    free(*slot);
    *slot = NULL;
}

void tt_slot_fill(struct tt_slot *slot)
{
    for (uint32_t n = 0; slot->windows && n < slot->windows->count; n++) {
        const struct tt_window *window = &slot->windows->windows[n];

        (void)tt_space_fill(slot->memory, window->at, window->bytes, window->is_writable);
    }
}

static int check_module(const struct tt_slot *slot, const struct tt_module *module,
                        struct tt_error *err)
{
    uint64_t bytes = (uint64_t)module->pages * TT_SLOT_PAGE;

    if (module->abi != TT_MODULE_ABI || module->size != sizeof *module)
        return tt_fail(err, -ENOEXEC,
                       "it was built for sandbox ABI %u and this is ABI %u: build it again",
                       module->abi, TT_MODULE_ABI);
    if (module->instance_bytes > slot->instance_bytes)
        return tt_fail(err, -ENOEXEC, "its instance has %u bytes and its slot %u",
                       module->instance_bytes, slot->instance_bytes);
    if (bytes > TT_SLOT_MEMORY_MAX)
        return tt_fail(err, -E2BIG, "it begins with %u MiB of memory, the most is %u",
                       (unsigned)(bytes >> 20), TT_SLOT_MEMORY_MAX >> 20);
    if (module->record_at % 16 != 0 || module->record_bytes > bytes ||
        module->record_at > bytes - module->record_bytes)
        return tt_fail(err, -ENOEXEC, "its record lies outside of its memory");
    return 0;
}

/* What a component made or kept and can no longer give back itself. */
static void drop_all(struct tt_slot *slot)
{
    for (uint32_t n = 0; n < TT_SLOT_MADE_MAX; n++) {
        if (slot->made[n].offset != 0 && slot->host)
            (void)slot->host->frame_drop(slot->host->ctx, slot->made[n].frame.handle);
        slot->made[n].offset = 0;
    }
    while (slot->kept_count > 0) {
        slot->kept_count--;
        if (slot->host)
            (void)slot->host->frame_drop(slot->host->ctx, slot->kept[slot->kept_count]);
    }
}

/* What differs from module to module, before bind(). */
static void begin(struct tt_slot *slot, const struct tt_module *module, uint64_t memory_bytes,
                  uint32_t pages_max)
{
    const uint32_t most = TT_SLOT_MEMORY_MAX / TT_SLOT_PAGE;

    slot->module = module;
    slot->memory_bytes = memory_bytes;
    slot->pages_max = module->pages_max < most ? module->pages_max : most;
    if (pages_max > 0 && pages_max < slot->pages_max)
        slot->pages_max = pages_max;
    slot->host = NULL;
    slot->is_dead = false;
    slot->granted_count = 0;
    module->bind(slot->instance, slot->memory, memory_bytes, &tt_slot_host, slot);
}

int tt_slot_start(struct tt_slot *slot, const struct tt_module *module, uint32_t pages_max,
                  struct tt_error *err)
{
    uint64_t bytes = (uint64_t)module->pages * TT_SLOT_PAGE;
    int r = check_module(slot, module, err);
    int32_t unused = 0;

    if (r == 0 && bytes > 0)
        r = tt_space_blank(slot->memory, 0, bytes, err);
    if (r < 0)
        return r;
    begin(slot, module, bytes, pages_max);
    slot->image = NULL;
    if (!tt_slot_enter(slot, TT_TRAP_START, 0, &unused))
        return tt_fail(err, tt_trap_errno(slot->report.trap), "it %s when it was started",
                       tt_trap_words(slot->report.trap));
    return 0;
}

int tt_slot_load(struct tt_slot *slot, const struct tt_module *module, const struct tt_image *image,
                 uint32_t pages_max, struct tt_error *err)
{
    int r = check_module(slot, module, err);

    if (r == 0 && (image->globals_bytes != module->globals_bytes ||
                   image->memory_bytes > TT_SLOT_MEMORY_MAX ||
                   image->memory_bytes < (uint64_t)module->pages * TT_SLOT_PAGE ||
                   image->memory_bytes % TT_SLOT_PAGE != 0))
        r = tt_fail(err, -EINVAL, "the state is of another module");
    if (r == 0)
        r = tt_image_map(image, slot->memory, err);
    if (r < 0)
        return r;
    begin(slot, module, image->memory_bytes, pages_max);
    slot->image = image;
    module->globals_set(slot->instance, image->globals);
    return 0;
}

int tt_slot_reset(struct tt_slot *slot)
{
    const struct tt_image *image = slot->image;
    const struct tt_host *host = slot->host;
    int r;

    if (!image)
        return -ENOENT;
    drop_all(slot);
    if (slot->memory_bytes > image->memory_bytes) {
        r = tt_space_shut(slot->memory, image->memory_bytes,
                          slot->memory_bytes - image->memory_bytes);
        if (r < 0)
            return r;
    }
    r = tt_image_reset(image, slot->memory);
    if (r < 0)
        return r;
    begin(slot, slot->module, image->memory_bytes, slot->pages_max);
    slot->host = host;
    slot->module->globals_set(slot->instance, image->globals);
    return 0;
}

int tt_slot_save(const struct tt_slot *slot, struct tt_image *ret, struct tt_error *err)
{
    void *globals = calloc(1, slot->module->globals_bytes + 1u);
    int r;

    if (!globals)
        return tt_fail(err, -ENOMEM, "no memory for globals");
    slot->module->globals_get(slot->instance, globals);
    r = tt_image_make(globals, slot->module->globals_bytes, slot->memory, slot->memory_bytes, ret,
                      err);
    free(globals);
    return r;
}

bool tt_slot_enter(struct tt_slot *slot, enum tt_entry entry, uint32_t record, int32_t *ret)
{
    struct tt_trap_scope scope = {slot->module, slot->instance, slot->memory};

    if (slot->is_dead)
        return false;
    if (tt_trap_run(&scope, entry, record, ret, &slot->report))
        return true;
    slot->is_dead = true;
    return false;
}

static const struct tt_window *window_of(const struct tt_slot *slot, uint64_t offset,
                                         uint64_t bytes)
{
    for (uint32_t n = 0; slot->windows && n < slot->windows->count; n++) {
        const struct tt_window *window = &slot->windows->windows[n];

        if (offset >= window->at && bytes <= window->bytes &&
            offset - window->at <= window->bytes - bytes)
            return window;
    }
    return NULL;
}

static bool is_granted(const struct tt_slot *slot, uint64_t offset, uint64_t bytes, bool is_write)
{
    for (uint32_t n = 0; n < slot->granted_count; n++) {
        const struct tt_slot_granted *granted = &slot->granted[n];

        if (offset >= granted->at && bytes <= granted->bytes &&
            offset - granted->at <= granted->bytes - bytes && (granted->is_writable || !is_write))
            return true;
    }
    return false;
}

void *tt_slot_at(const struct tt_slot *slot, uint64_t offset, uint64_t bytes, bool is_write)
{
    const struct tt_window *window;

    if (bytes <= slot->memory_bytes && offset <= slot->memory_bytes - bytes)
        return slot->memory + offset;
    window = window_of(slot, offset, bytes);
    if (!window || (is_write && !window->is_writable) ||
        (slot->has_grants && !is_granted(slot, offset, bytes, is_write)))
        return NULL;
    return slot->memory + offset;
}
