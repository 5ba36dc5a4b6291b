/* What a sandboxed component says of itself, read from its linear memory into a struct tt_component
 * of the host's own: every offset, count and text is checked, nothing points into the sandbox. */
#ifndef TT_SANDBOX_DESCRIBE_H
#define TT_SANDBOX_DESCRIBE_H

#include <stdint.h>

#include "sandbox/records.h"
#include "tactus/component.h"
#include "tactus/error.h"

struct tt_described {
    struct tt_component component; /* without functions: those are the run time's to give */
    uint32_t functions;            /* enum tt_wasm_function: which the sandboxed one has */
    uint8_t *room;                 /* what component points to */
};

/* `at` is what TT_ENTRY_DESCRIBE returned; memory_bytes of linear memory are readable at `memory`,
 * and nobody changes them meanwhile. -EINVAL with a sentence: something is wrong with it, or it is
 * one that cannot be sandboxed (TT_EDGE, TT_OPAQUE, TT_OWN_THREADS, TT_DESKTOP); -ENOMEM. */
int tt_describe(const uint8_t *memory, uint64_t memory_bytes, uint32_t at, struct tt_described *ret,
                struct tt_error *err);
void tt_described_fini(struct tt_described *described);

#endif
