/* The least run time that can start a module once: its memory, a host that refuses, and an end of
 * the process for whatever goes wrong. The containers' run time is src/sandbox. */
#ifndef TT_BUILD_GUEST_MEMORY_H
#define TT_BUILD_GUEST_MEMORY_H

#include "build/wasm.h"
#include "sandbox/module.h"
#include "tactus/error.h"

struct guest {
    const struct tt_module *module;
    void *instance;
    uint8_t *memory;
    uint64_t memory_bytes;
    struct tt_module_host host;
    /* Called when the module traps; must not return. */
    void (*over)(enum tt_trap trap, const void *address);
};

/* Loads the object, maps its memory and binds the two. Once in a process: it takes SIGSEGV, SIGBUS
 * and SIGFPE. */
int guest_open(const char *object, const struct tt_wasm *wasm,
               void (*over)(enum tt_trap trap, const void *address), struct guest *ret,
               struct tt_error *err);

/* A place for `bytes` in what is set aside for records, aligned to 8; the bytes are zeroed and
 * offset is theirs in linear memory. *used is moved. NULL: no room. */
void *guest_take(struct guest *guest, uint32_t bytes, uint32_t *used, uint32_t *ret_offset);

#endif
