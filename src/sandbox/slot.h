/* An instance of a sandboxed module in its slot: linear memory, the service's frames in its window,
 * and what it may ask of its host.
 *
 * new() and fill() are for a preparing thread; load(), enter() and reset() make no more than one
 * system call each. One thread at a time, the same rules as for any component. */
#ifndef TT_SANDBOX_SLOT_H
#define TT_SANDBOX_SLOT_H

#include "base/pool_view.h"
#include "sandbox/module.h"
#include "sandbox/space.h"
#include "sandbox/trap.h"
#include "tactus/component.h"

enum { TT_SLOT_MADE_MAX = 16, TT_SLOT_GRANTS_MAX = 2 * TT_PORTS_MAX + TT_SLOT_MADE_MAX };

/* The frame pools of a service, at the same place in each of its slots. */
struct tt_windows {
    struct tt_window {
        const uint8_t *host;
        uint64_t bytes;
        uint32_t at;
        bool is_writable;
    } windows[TT_POOLS_MAX];
    uint32_t count;
};

/* A pool's memory joins them; before any slot is made. -E2BIG: there is no more room. */
int tt_windows_add(struct tt_windows *windows, const uint8_t *host, uint64_t bytes,
                   bool is_writable, struct tt_error *err);

struct tt_slot_params {
    struct tt_space *space;
    const struct tt_windows *windows; /* NULL: no frames */
    uint32_t instance_bytes;          /* of the largest module that it shall hold */
};

/* A frame that may be touched during a call. */
struct tt_slot_granted {
    uint32_t at, bytes;
    bool is_writable;
};

/* A frame of a component's own making. */
struct tt_slot_made {
    struct tt_frame frame; /* the engine reads it again when it is emitted */
    uint32_t offset;       /* of the module's own; 0: free */
};

struct tt_slot {
    struct tt_space *space;
    const struct tt_windows *windows;
    const struct tt_module *module; /* NULL: not loaded */
    const struct tt_image *image;   /* NULL: it was started and not restored */
    const struct tt_host *host;     /* of its component; NULL: none yet */
    uint8_t *memory;
    uint64_t memory_bytes;
    uint32_t instance_bytes, pages_max;
    bool has_grants, is_dead /* it trapped: only reset() helps */;
    uint32_t granted_count, kept_count;
    uint32_t kept[TT_SLOT_MADE_MAX]; /* handles */
    struct tt_trap_report report;    /* of the last trap */
    struct tt_slot_made made[TT_SLOT_MADE_MAX];
    struct tt_slot_granted granted[TT_SLOT_GRANTS_MAX];
    _Alignas(64) uint8_t instance[];
};

int tt_slot_new(const struct tt_slot_params *params, struct tt_slot **ret, struct tt_error *err);
void tt_slot_close(struct tt_slot **slot);

/* From now on a frame may be touched during its call only, an input only read: two system calls a
 * frame. -ENOTSUP: not here. */
int tt_slot_limit_to_calls(struct tt_slot *slot, struct tt_error *err);

/* Page tables of its windows filled, so that no frame is the first; what cannot be is left out. */
void tt_slot_fill(struct tt_slot *slot);

/* The module from its beginning: data, globals, start function. pages_max: its limit; 0: its own.
 * -ENOEXEC: it contradicts itself. */
int tt_slot_start(struct tt_slot *slot, const struct tt_module *module, uint32_t pages_max,
                  struct tt_error *err);
/* The module from an image, which lives as long as the slot. */
int tt_slot_load(struct tt_slot *slot, const struct tt_module *module, const struct tt_image *image,
                 uint32_t pages_max, struct tt_error *err);
/* The image again, whatever happened since. 0 or negative errno. */
int tt_slot_reset(struct tt_slot *slot);
/* Its state as it is now. */
int tt_slot_save(const struct tt_slot *slot, struct tt_image *ret, struct tt_error *err);

/* True: *ret is what the module returned. False: it trapped now or before; slot->report. */
bool tt_slot_enter(struct tt_slot *slot, enum tt_entry entry, uint32_t record, int32_t *ret);

/* One call of process() with its frames and events, by reference: what a component's process()
 * returns, or tt_trap_errno(). */
int tt_slot_process(struct tt_slot *slot, struct tt_call *call);

/* The bytes of the module's at an offset, or NULL when not all of them are its own, or may not be
 * written. */
void *tt_slot_at(const struct tt_slot *slot, uint64_t offset, uint64_t bytes, bool is_write);

/* What all modules may ask; ctx is the slot. */
extern const struct tt_module_host tt_slot_host;

#endif
