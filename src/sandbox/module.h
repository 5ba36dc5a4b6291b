/* What a translated module shows the run time, whichever translator made it. The generated C of a
 * module and its adapter include this header and nothing else of ours; the object that is built
 * from them exports one symbol, `tt_module`. Nothing outside the builder may know which translator
 * ran.
 *
 * State. An instance is [globals][linear memory], both without pointers into the host: a snapshot
 * is their bytes. What the translator needs beside them (base addresses, tables, imports) lies in
 * `instance_bytes` of the host's memory, which bind() fills anew for each slot and which is never
 * saved. Linear memory lies at `memory` with `memory_bytes` of it accessible; the host keeps guard
 * pages so that any address below 2^33 from `memory` is its own or faults.
 *
 * Threads. One thread at a time in an instance; several instances of a module on several threads.
 *
 * Errors. A module's code never returns after a trap: it calls host->trap(), which does not return,
 * or faults in the guard, which the run time turns into the same. */
#ifndef TT_SANDBOX_MODULE_H
#define TT_SANDBOX_MODULE_H

#include <stdint.h>

#define TT_MODULE_ABI 1u
#define TT_MODULE_SYMBOL "tt_module" /* const struct tt_module */

enum tt_trap {
    TT_TRAP_NONE = 0,
    TT_TRAP_BOUNDS,      /* outside of linear memory and of what was granted */
    TT_TRAP_DIVIDE,      /* by zero, or an overflow of a conversion or of INT_MIN / -1 */
    TT_TRAP_UNREACHABLE, /* also abort() and a failed assertion */
    TT_TRAP_CALL,        /* indirect call of nothing, or of another type */
    TT_TRAP_STACK,       /* the native stack; the module's own runs into TT_TRAP_BOUNDS */
    TT_TRAP_TIME,        /* over its budget: ended from outside */
    TT_TRAP_MEMORY,      /* wants more than its limit */
    TT_TRAP_COUNT
};

/* What a module may ask of its host while it runs. One for each instance, by the run time; `ctx` is
 * passed as it was given to bind(). Numbers only: an address is an offset that the host checks. */
struct tt_module_host {
    uint32_t abi, size;
    void (*trap)(void *ctx, enum tt_trap trap) __attribute__((noreturn));
    /* Pages of 64 KiB in all before it. Beyond the limit it does not return: TT_TRAP_MEMORY. */
    uint32_t (*grow)(void *ctx, uint32_t pages);
    /* component.h's struct tt_host, with offsets for pointers. */
    int32_t (*frame_new)(void *ctx, uint32_t port, uint32_t ret_frame);
    int32_t (*frame_emit)(void *ctx, uint32_t port, uint32_t handle);
    int32_t (*frame_keep)(void *ctx, uint32_t handle);
    int32_t (*frame_drop)(void *ctx, uint32_t handle);
    int32_t (*note)(void *ctx, uint32_t id, int64_t value);
    /* Kernel `number` of the set that the module was built with, on `count` 64-bit arguments. */
    int32_t (*kernel)(void *ctx, uint32_t number, uint32_t arguments, uint32_t count);
};

/* The component's functions behind the shim that the builder adds: each takes the offset of a
 * record in linear memory, and returns what component.h says of its namesake. The records are those
 * of records.h and component.h; the host lays them out in [record_at, record_at + record_bytes). */
enum tt_entry {
    TT_ENTRY_SHAPE = 0, /* record: a struct tt_wasm_request, answered where its `shape` points */
    TT_ENTRY_INIT,      /* the same; afterwards comes the snapshot */
    TT_ENTRY_OPEN,      /* the same */
    TT_ENTRY_PROCESS,   /* record: a struct tt_call */
    TT_ENTRY_CLOSE,     /* record: 0 */
    TT_ENTRY_DESCRIBE,  /* record: 0. Returns the offset of a struct tt_wasm_component. */
    TT_ENTRY_COUNT
};

struct tt_module {
    uint32_t abi, size;
    uint32_t pages, pages_max; /* of 64 KiB: linear memory at the start, and at most */
    uint32_t instance_bytes, globals_bytes;
    uint32_t record_at, record_bytes; /* linear memory set aside for what the host hands over */
    /* Fills an instance for memory at `memory`; before anything else, after each restore. */
    void (*bind)(void *instance, uint8_t *memory, uint64_t memory_bytes,
                 const struct tt_module_host *host, void *ctx);
    /* Data segments, globals' first values, the start function. Once, before the first snapshot. */
    void (*start)(void *instance);
    void (*globals_get)(const void *instance, void *ret_globals);
    void (*globals_set)(void *instance, const void *globals);
    /* After grow() moved the limit, told by the run time itself. */
    void (*resized)(void *instance, uint64_t memory_bytes);
    int32_t (*enter)(void *instance, enum tt_entry entry, uint32_t record);
    /* Number of the function that holds this native address, and its name; NULL: none. */
    const char *(*name_of)(const void *address, uint32_t *ret_function);
};

#endif
