/* The programs that a build runs, each in the jail, and what their failures mean to whoever wrote
 * the component. */
#ifndef TT_BUILD_TOOLS_H
#define TT_BUILD_TOOLS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "build/wasm.h"
#include "tactus/error.h"

enum { TT_TOOL_NAME_BYTES = 96, TT_FLAGS_BYTES = 512, TT_STACK_BYTES = 64 << 10 };

/* A folder of the build's own, with the files of the guest's side in it. */
struct tt_workshop {
    char folder[PATH_MAX];
    uint32_t walls; /* enum tt_wall: those that stood around every tool */
    char *warnings; /* what the compiler said of a source that it took; NULL: nothing */
};

int tt_workshop_open(struct tt_workshop *ret, struct tt_error *err);
/* Leaves the folder when it is to be looked at. */
void tt_workshop_close(struct tt_workshop *workshop, bool is_kept);

/* Source in C to WebAssembly: folder/component.wasm. The compiler's words are in *ret_says when it
 * refuses the source, -ENOEXEC, with the user's own name of it; malloc'ed. */
int tt_compile_wasm(struct tt_workshop *workshop, const char *source, char **ret_says,
                    struct tt_error *err);

/* Who translates, with its version: "wasm2c 1.0.32". */
int tt_translator_name(struct tt_workshop *workshop, char ret[TT_TOOL_NAME_BYTES],
                       struct tt_error *err);
/* A checked module to C, in the folder: all that shows which translator ran. */
int tt_translate(struct tt_workshop *workshop, const struct tt_wasm *wasm, struct tt_error *err);

/* Who compiles, "gcc 12.2.0 x86_64-linux-gnu", and how. */
int tt_compiler_name(struct tt_workshop *workshop, char ret[TT_TOOL_NAME_BYTES],
                     struct tt_error *err);
const char *tt_compiler_flags(void);
const char *tt_source_flags(void); /* of the compiler to WebAssembly */
/* What tt_translate() wrote to folder/module.so. */
int tt_compile_native(struct tt_workshop *workshop, struct tt_error *err);

#endif
