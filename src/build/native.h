/* The native code of a package that this installation may load: only what it made itself.
 *
 * The rule. An object is loaded when this user's key sealed it for exactly this module, translator,
 * compiler and flags: the package's own, when it was built here, or one of the cache. Any other,
 * however good its hashes, is passed over, and the package's WebAssembly is checked, translated and
 * compiled here. */
#ifndef TT_BUILD_NATIVE_H
#define TT_BUILD_NATIVE_H

#include <stdint.h>

#include "build/package.h"
#include "build/tools.h"
#include "tactus/error.h"

enum tt_native_origin { TT_NATIVE_PACKAGE = 1, TT_NATIVE_CACHE, TT_NATIVE_BUILT };

struct tt_native {
    uint8_t *object; /* malloc'ed: a shared object that exports tt_module */
    uint64_t bytes;
    uint8_t seal[TT_HASH_BYTES];
    char translator[TT_TOOL_NAME_BYTES], compiler[TT_TOOL_NAME_BYTES], flags[TT_FLAGS_BYTES];
    enum tt_native_origin origin;
};

/* In a workshop: may run compilers for seconds, in their jail. wasm is the package's, checked. */
int tt_native_of(struct tt_workshop *workshop, const struct tt_package *package,
                 const struct tt_wasm *wasm, struct tt_native *ret, struct tt_error *err);
void tt_native_fini(struct tt_native *native);

/* The machine that objects are made for here: "x86_64". */
const char *tt_native_machine(void);

/* Of a checked module, in a workshop: from the cache, or made and kept there. */
int tt_native_make(struct tt_workshop *workshop, const struct tt_wasm *wasm,
                   const uint8_t wasm_hash[TT_HASH_BYTES], struct tt_native *ret,
                   struct tt_error *err);

#endif
