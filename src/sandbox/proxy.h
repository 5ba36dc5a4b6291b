/* A sandboxed module as the engine sees it: an ordinary component, whose functions enter a slot.
 *
 * Its state for the engine is a few words of the host's; what is saved and restored is the slot's.
 * After a trap the activation fails; the next one begins from the snapshot that was taken after
 * init(), with the events that shaped the lost state told anew. An instance that traps again and
 * again without a good activation in between is not started any more. */
#ifndef TT_SANDBOX_PROXY_H
#define TT_SANDBOX_PROXY_H

#include "sandbox/slot.h"

enum {
    TT_PROXY_KINDS_MAX = 8,
    TT_PROXY_PAGES_MAX = 3072, /* of 64 KiB, what an instance may grow to: 192 MiB */
    TT_PROXY_SLOTS = 64,       /* of one process */
    TT_PROXY_RESTARTS_MAX = 3  /* without an activation that went well */
};

/* Before any instance: the frames that this process's components may see; own_number of them it
 * writes. */
int tt_proxy_windows(const struct tt_pool_view *pools, uint32_t count, uint32_t own_number,
                     struct tt_error *err);

/* After init(), before open(): this instance sees the frames of its call and no others. */
int tt_proxy_limit_to_calls(const void *state, struct tt_error *err);

/* `module` lives as long as the process; `kind` is what the service calls it. Starts the module and
 * lets it describe itself. A kind that is there already gives the same component again. Not for
 * several threads at once. */
int tt_proxy_open(const char *kind, const struct tt_module *module, const struct tt_component **ret,
                  struct tt_error *err);

/* Kinds there are. */
uint32_t tt_proxy_count(void);
bool tt_proxy_is(const struct tt_component *component);

/* Any thread: how often an instance trapped, and the last time. state: what its init() was given.
 */
uint32_t tt_proxy_traps(const void *state, struct tt_trap_report *ret);
/* Whether it is not started any more. */
bool tt_proxy_is_over(const void *state);
/* "left its memory in blur(), at 4711" */
void tt_proxy_say(const struct tt_trap_report *report, char *ret, uint32_t bytes);

/* The slot of an instance, for who saves and restores it between two activations. */
struct tt_slot *tt_proxy_slot(const void *state);

#endif
