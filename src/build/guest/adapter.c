/* Around the C of a module as wasm2c 1.0.32 writes it: shows it as the struct tt_module that the
 * run time knows. facts.h says what the builder has read in the module: FACT_PAGES, FACT_PAGES_MAX
 * linear memory at the start and at most FACT_TABLE                  entries of its table, 0: it
 * has none FACT_IMPORTS                1: it calls its host FACT_RECORD_AT              the shim's
 * record FACT_FUNCTIONS(one)         one(number, symbol, "name") for each function of its own */
#include "wasm-rt.h"

#include "module.c"

#include "facts.h"
#include "sandbox/module.h"
#include "sandbox/records.h"

/* What an imported function gets. Named by wasm2c after the imports' module, "tactus1". */
struct Z_tactus1_instance_t {
    const struct tt_module_host *host;
    void *ctx;
};

struct module_instance {
    struct Z_tactus1_instance_t world;
    Z_tactus_instance_t wasm;
    wasm_rt_funcref_t table[FACT_TABLE + 1];
};

/* wasm2c lays the module's globals between what it imports and its memory. */
enum {
    GLOBALS_AT = FACT_IMPORTS ? sizeof(void *) : 0,
    GLOBALS_BYTES = offsetof(Z_tactus_instance_t, w2c_memory) - GLOBALS_AT,
    PAGE_BYTES = 65536
};

static struct module_instance *instance_of(const void *part, size_t at)
{
    return (struct module_instance *)((uintptr_t)part - at);
}

/* Apart from the module's own functions, so that a trap is not told of the one before it. */
__attribute__((section("tactus_host"), noinline)) static void module_trap(void *wasm,
                                                                          wasm_rt_trap_t trap)
{
    static const uint8_t traps[] = {
        [WASM_RT_TRAP_NONE] = TT_TRAP_UNREACHABLE,
        [WASM_RT_TRAP_OOB] = TT_TRAP_BOUNDS,
        [WASM_RT_TRAP_INT_OVERFLOW] = TT_TRAP_DIVIDE,
        [WASM_RT_TRAP_DIV_BY_ZERO] = TT_TRAP_DIVIDE,
        [WASM_RT_TRAP_INVALID_CONVERSION] = TT_TRAP_DIVIDE,
        [WASM_RT_TRAP_UNREACHABLE] = TT_TRAP_UNREACHABLE,
        [WASM_RT_TRAP_CALL_INDIRECT] = TT_TRAP_CALL,
        [WASM_RT_TRAP_UNCAUGHT_EXCEPTION] = TT_TRAP_UNREACHABLE,
        [WASM_RT_TRAP_EXHAUSTION] = TT_TRAP_STACK,
    };
    struct module_instance *self;

    if (!wasm)
        __builtin_trap();
    self = instance_of(wasm, offsetof(struct module_instance, wasm));
    self->world.host->trap(self->world.ctx, traps[trap]);
}

static bool wasm_rt_is_initialized(void)
{
    return true;
}

/* The builder refuses modules that have a type twice, so a type's place is what tells it. */
static uint32_t wasm_rt_register_func_type(uint32_t params, uint32_t results, ...)
{
    static uint32_t type_count;

    return ++type_count;
}

/* bind() has placed it. */
static void wasm_rt_allocate_memory(wasm_rt_memory_t *memory, uint32_t pages, uint32_t pages_max)
{
}

static void wasm_rt_free_memory(wasm_rt_memory_t *memory)
{
}

/* The host knows the limit: who wants more is ended, however much that is. */
__attribute__((unused)) static uint32_t wasm_rt_grow_memory(wasm_rt_memory_t *memory,
                                                            uint32_t pages)
{
    struct module_instance *self =
        instance_of(memory, offsetof(struct module_instance, wasm.w2c_memory));

    return self->world.host->grow(self->world.ctx, pages);
}

__attribute__((unused)) static void
wasm_rt_allocate_funcref_table(wasm_rt_funcref_table_t *table, uint32_t count, uint32_t count_max)
{
}

__attribute__((unused)) static void wasm_rt_free_funcref_table(wasm_rt_funcref_table_t *table)
{
}

u32 Z_tactus1Z_frame_new(struct Z_tactus1_instance_t *world, u32 port, u32 ret_frame)
{
    return (u32)world->host->frame_new(world->ctx, port, ret_frame);
}

u32 Z_tactus1Z_frame_emit(struct Z_tactus1_instance_t *world, u32 port, u32 handle)
{
    return (u32)world->host->frame_emit(world->ctx, port, handle);
}

u32 Z_tactus1Z_frame_keep(struct Z_tactus1_instance_t *world, u32 handle)
{
    return (u32)world->host->frame_keep(world->ctx, handle);
}

u32 Z_tactus1Z_frame_drop(struct Z_tactus1_instance_t *world, u32 handle)
{
    return (u32)world->host->frame_drop(world->ctx, handle);
}

u32 Z_tactus1Z_note(struct Z_tactus1_instance_t *world, u32 id, u64 value)
{
    return (u32)world->host->note(world->ctx, id, (int64_t)value);
}

u32 Z_tactus1Z_kernel(struct Z_tactus1_instance_t *world, u32 number, u32 arguments, u32 count)
{
    return (u32)world->host->kernel(world->ctx, number, arguments, count);
}

static void module_resized(void *raw, uint64_t memory_bytes)
{
    struct module_instance *self = raw;

    self->wasm.w2c_memory.pages = (uint32_t)(memory_bytes / PAGE_BYTES);
    self->wasm.w2c_memory.size = (uint32_t)memory_bytes;
}

static void module_bind(void *raw, uint8_t *memory, uint64_t memory_bytes,
                        const struct tt_module_host *host, void *ctx)
{
    struct module_instance *self = raw;

    memset(self, 0, sizeof(*self));
    self->world = (struct Z_tactus1_instance_t){.host = host, .ctx = ctx};
#if FACT_IMPORTS
    self->wasm.Z_tactus1_instance = &self->world;
#endif
    self->wasm.w2c_memory.data = memory;
    self->wasm.w2c_memory.max_pages = FACT_PAGES_MAX;
    module_resized(self, memory_bytes);
#if FACT_HAS_TABLE
    self->wasm.w2c_T0.data = self->table;
    self->wasm.w2c_T0.size = self->wasm.w2c_T0.max_size = FACT_TABLE;
#endif
    init_tables(&self->wasm);
}

static void module_start(void *raw)
{
    struct module_instance *self = raw;

    init_globals(&self->wasm);
    init_memories(&self->wasm);
    w2c__initialize(&self->wasm);
}

static void module_globals_get(const void *raw, void *ret_globals)
{
    const struct module_instance *self = raw;

    memcpy(ret_globals, (const uint8_t *)&self->wasm + GLOBALS_AT, GLOBALS_BYTES);
}

static void module_globals_set(void *raw, const void *globals)
{
    struct module_instance *self = raw;

    memcpy((uint8_t *)&self->wasm + GLOBALS_AT, globals, GLOBALS_BYTES);
}

static int32_t module_enter(void *raw, enum tt_entry entry, uint32_t record)
{
    struct module_instance *self = raw;

    return (int32_t)w2c_tactus_enter(&self->wasm, entry, record);
}

static const struct {
    uint32_t number;
    void (*address)(void);
    const char *name;
} functions[] = {
#define FUNCTION(number, symbol, name) {number, (void (*)(void))symbol, name},
    FACT_FUNCTIONS(FUNCTION)
#undef FUNCTION
};

/* The nearest function that begins before it; the linker says where the last one ends. */
static const char *module_name_of(const void *address, uint32_t *ret_function)
{
    extern const char etext[] __attribute__((visibility("hidden")));
    extern const char __start_tactus_host[] __attribute__((visibility("hidden")));
    extern const char __stop_tactus_host[] __attribute__((visibility("hidden")));
    uintptr_t wanted = (uintptr_t)address, best = 0;
    const char *name = NULL;

    if (wanted >= (uintptr_t)__start_tactus_host && wanted < (uintptr_t)__stop_tactus_host)
        return NULL;
    for (size_t n = 0; n < sizeof(functions) / sizeof(*functions); n++) {
        uintptr_t begin = (uintptr_t)functions[n].address;

        if (begin > wanted || begin < best || wanted >= (uintptr_t)etext)
            continue;
        best = begin;
        name = functions[n].name;
        *ret_function = functions[n].number;
    }
    return name;
}

__attribute__((constructor)) static void module_register(void)
{
    init_func_types();
}

__attribute__((visibility("default"))) extern const struct tt_module tt_module;

const struct tt_module tt_module = {
    .abi = TT_MODULE_ABI,
    .size = sizeof(struct tt_module),
    .pages = FACT_PAGES,
    .pages_max = FACT_PAGES_MAX,
    .instance_bytes = sizeof(struct module_instance),
    .globals_bytes = GLOBALS_BYTES,
    .record_at = FACT_RECORD_AT,
    .record_bytes = TT_WASM_RECORD_BYTES,
    .bind = module_bind,
    .start = module_start,
    .globals_get = module_globals_get,
    .globals_set = module_globals_set,
    .resized = module_resized,
    .enter = module_enter,
    .name_of = module_name_of,
};
