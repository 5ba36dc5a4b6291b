/* A WebAssembly module as the builder accepts it: read, checked instruction by instruction, and
 * written again without what the translator need not see.
 *
 * Accepted is WebAssembly 1.0 with sign extension and saturating conversions, one result at most,
 * one memory, one table that never changes, no start function, and imports of "tactus1" alone.
 * Everything else is refused with a sentence that names it. Pure; knows no translator. */
#ifndef TT_BUILD_WASM_H
#define TT_BUILD_WASM_H

#include <stdbool.h>
#include <stdint.h>

#include "tactus/error.h"

enum {
    TT_WASM_BYTES_MAX = 32 << 20,
    TT_WASM_PAGES_MAX = 3840, /* 240 MiB: the frame window begins at 256 MiB */
    TT_WASM_TYPES_MAX = 1000,
    TT_WASM_FUNCTIONS_MAX = 100000,
    TT_WASM_TABLE_MAX = 100000,
    TT_WASM_ARGUMENTS_MAX = 64,
    TT_WASM_LOCALS_MAX = 20000
};

enum tt_wasm_type { /* as the format numbers them */
                    TT_WASM_I32 = 0x7f,
                    TT_WASM_I64 = 0x7e,
                    TT_WASM_F32 = 0x7d,
                    TT_WASM_F64 = 0x7c
};

struct tt_wasm_signature {
    uint8_t params[TT_WASM_ARGUMENTS_MAX], param_count;
    uint8_t result; /* 0: none */
};

struct tt_wasm_body {
    uint32_t type;       /* place in types */
    uint32_t at, bytes;  /* of its body: locals and code; 0 of an import */
    const char *name;    /* borrowed: not terminated; NULL: none */
    uint32_t name_bytes; /* letters, digits and _ . : < > $ - only */
};

struct tt_wasm_global {
    uint8_t type;
    bool is_mutable;
    uint64_t value; /* bits of its first value */
};

struct tt_wasm_section {
    uint8_t id;
    uint32_t at, bytes; /* of its contents */
};

struct tt_wasm {
    const uint8_t *data; /* borrowed */
    uint32_t bytes;
    struct tt_wasm_signature *types;
    struct tt_wasm_body *functions; /* imports first */
    struct tt_wasm_global *globals;
    uint32_t type_count, import_count, function_count, global_count;
    uint32_t table_count; /* entries; 0: no table */
    bool has_table;
    uint32_t pages, pages_max;
    uint32_t enter, initialize; /* functions that are exported as tactus_enter, _initialize */
    uint32_t record_at;         /* value of the global that is exported as tactus_record */
    uint32_t code_count;
    struct tt_wasm_section sections[16];
    uint32_t section_count;
};

/* Reads and checks all of it; what `data` holds must stay as long as *ret. -EINVAL: not WebAssembly
 * or wrong; -ENOTSUP: right, and not accepted here; -ENOMEM. */
int tt_wasm_read(const uint8_t *data, uint64_t bytes, struct tt_wasm *ret, struct tt_error *err);
void tt_wasm_fini(struct tt_wasm *wasm);

/* The same module without custom sections, with exports of `memory`, `_initialize` and
 * `tactus_enter` alone: what a translator gets. malloc'ed. */
int tt_wasm_strip(const struct tt_wasm *wasm, uint8_t **ret, uint64_t *ret_bytes,
                  struct tt_error *err);

#endif
