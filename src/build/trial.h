/* A translated module's first run, in a process of its own behind walls: it starts, tells what it
 * is, is asked for its shape and runs its init(); what it was then is the package's snapshots. */
#ifndef TT_BUILD_TRIAL_H
#define TT_BUILD_TRIAL_H

#include <jansson.h>
#include <stdint.h>

#include "build/seal.h"
#include "build/wasm.h"
#include "tactus/error.h"

struct tt_trial {
    json_t *component;     /* as `tactus inspect --json` shows one */
    json_t *first;         /* the request that init() had, or why there was none: "skipped" */
    uint8_t *start, *init; /* snapshots, malloc'ed; init NULL: none */
    uint64_t start_bytes, init_bytes;
};

/* object is the path of what tt_compile_native() made. -EINVAL: the component is wrong, with its
 * own sentence where it has one. */
int tt_trial_run(const char *object, const struct tt_wasm *wasm,
                 const uint8_t wasm_hash[TT_HASH_BYTES], struct tt_trial *ret,
                 struct tt_error *err);
void tt_trial_fini(struct tt_trial *trial);

#endif
