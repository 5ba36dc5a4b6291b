/* What the C that wasm2c 1.0.32 writes needs of its run time, in place of wabt's own: no
 * allocation, no signal handler, no lock, no state beside the instance. The C includes it by this
 * name; the adapter behind it defines what is only declared here. */
#ifndef WASM_RT_H_
#define WASM_RT_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define wasm_rt_memcpy __builtin_memcpy
#define wasm_rt_unreachable __builtin_unreachable

/* Loads and stores are checked by the guard pages around linear memory. */
#define WASM_RT_MEMCHECK_SIGNAL_HANDLER 1
#define WASM_RT_USE_STACK_DEPTH_COUNT 0
#define WASM_RT_NO_RETURN __attribute__((noreturn))

typedef enum {
    WASM_RT_TRAP_NONE,
    WASM_RT_TRAP_OOB,
    WASM_RT_TRAP_INT_OVERFLOW,
    WASM_RT_TRAP_DIV_BY_ZERO,
    WASM_RT_TRAP_INVALID_CONVERSION,
    WASM_RT_TRAP_UNREACHABLE,
    WASM_RT_TRAP_CALL_INDIRECT,
    WASM_RT_TRAP_UNCAUGHT_EXCEPTION,
    WASM_RT_TRAP_EXHAUSTION
} wasm_rt_trap_t;

typedef enum {
    WASM_RT_I32,
    WASM_RT_I64,
    WASM_RT_F32,
    WASM_RT_F64,
    WASM_RT_FUNCREF,
    WASM_RT_EXTERNREF
} wasm_rt_type_t;

typedef void (*wasm_rt_function_ptr_t)(void);

typedef struct {
    uint32_t func_type;
    wasm_rt_function_ptr_t func;
    void *module_instance;
} wasm_rt_funcref_t;

typedef void *wasm_rt_externref_t;
static const wasm_rt_externref_t wasm_rt_externref_null_value = NULL;

typedef struct {
    uint8_t *data;
    uint32_t pages, max_pages;
    uint32_t size;
} wasm_rt_memory_t;

typedef struct {
    wasm_rt_funcref_t *data;
    uint32_t max_size, size;
} wasm_rt_funcref_table_t;

typedef struct {
    wasm_rt_externref_t *data;
    uint32_t max_size, size;
} wasm_rt_externref_table_t;

/* Each function of the module has a parameter `instance`, by which a trap finds its host. The
 * helpers that have none belong to instructions that are refused before translation: there this one
 * is seen instead. */
static void *const instance = NULL;
static void module_trap(void *wasm, wasm_rt_trap_t trap) WASM_RT_NO_RETURN;
#define wasm_rt_trap(trap) module_trap(instance, trap)

static bool wasm_rt_is_initialized(void);
static uint32_t wasm_rt_register_func_type(uint32_t params, uint32_t results, ...);
static void wasm_rt_allocate_memory(wasm_rt_memory_t *memory, uint32_t pages, uint32_t pages_max);
static uint32_t wasm_rt_grow_memory(wasm_rt_memory_t *memory, uint32_t pages);
static void wasm_rt_free_memory(wasm_rt_memory_t *memory);
static void wasm_rt_allocate_funcref_table(wasm_rt_funcref_table_t *table, uint32_t count,
                                           uint32_t count_max);
static void wasm_rt_free_funcref_table(wasm_rt_funcref_table_t *table);

#endif
