/* The sandboxed side of a component: compiled into each beside the user's source. Turns the run
 * time's records into the calls of component.h, and the component's into imports. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/module.h"
#include "sandbox/records.h"
#include "tactus/component.h"
#include "tactus/error.h"

#define EXPORT(name) __attribute__((export_name(name), used))
#define IMPORT(name) __attribute__((import_module("tactus1"), import_name(name)))

extern const struct tt_component tt_plugin;

IMPORT("frame_new") int32_t host_frame_new(uint32_t port, uint32_t ret_frame);
IMPORT("frame_emit") int32_t host_frame_emit(uint32_t port, uint32_t handle);
IMPORT("frame_keep") int32_t host_frame_keep(uint32_t handle);
IMPORT("frame_drop") int32_t host_frame_drop(uint32_t handle);
IMPORT("note") int32_t host_note(uint32_t id, int64_t value);

/* What the run time writes into; its address is tt_module.record_at. */
_Alignas(4096) uint8_t tactus_record[TT_WASM_RECORD_BYTES];

/* The component's allocations as they were made; part of every snapshot. */
static void *state, *scratch;

static uint32_t offset(const void *address)
{
    return (uint32_t)(uintptr_t)address;
}

static int frame_new(void *ctx, uint32_t port, struct tt_frame *ret)
{
    return host_frame_new(port, offset(ret));
}

static int frame_emit(void *ctx, uint32_t port, uint32_t handle)
{
    return host_frame_emit(port, handle);
}

static int frame_keep(void *ctx, uint32_t handle)
{
    return host_frame_keep(handle);
}

static int frame_drop(void *ctx, uint32_t handle)
{
    return host_frame_drop(handle);
}

static int note(void *ctx, uint32_t id, int64_t value)
{
    return host_note(id, value);
}

static const void *kernels(void *ctx, const char *set)
{
    return 0;
}

static const struct tt_host host = {.abi = TT_ABI,
                                    .size = sizeof(struct tt_host),
                                    .frame_new = frame_new,
                                    .frame_emit = frame_emit,
                                    .frame_keep = frame_keep,
                                    .frame_drop = frame_drop,
                                    .note = note,
                                    .kernels = kernels};

static void *at(uint32_t place)
{
    return (void *)(uintptr_t)place;
}

static struct tt_request request_of(const struct tt_wasm_request *record)
{
    return (struct tt_request){.size = sizeof(struct tt_request),
                               .in_count = record->in_count,
                               .out_count = record->out_count,
                               .level = record->level,
                               .in = at(record->in),
                               .config = at(record->config),
                               .pins = at(record->pins),
                               .params = at(record->params),
                               .params_count = record->params_count,
                               .texts_bytes = record->texts_bytes,
                               .texts = at(record->texts),
                               .rate = record->rate,
                               .resume_ns = record->resume_ns,
                               .is_live = record->is_live,
                               .level_params = at(record->level_params),
                               .level_count = record->level_count};
}

/* Zeroed and 64-byte aligned, as component.h promises; NULL when there is no room. */
static void *allocate(uint64_t bytes)
{
    const uint64_t bytes_max = 1u << 30;
    size_t rounded = (size_t)((bytes + 64) & ~(uint64_t)63);
    void *ret = bytes < bytes_max ? aligned_alloc(64, rounded) : 0;

    if (ret)
        memset(ret, 0, rounded);
    return ret;
}

static int32_t enter_shape(const struct tt_wasm_request *record)
{
    struct tt_request request = request_of(record);

    return tt_plugin.shape(&request, at(record->shape), at(record->error));
}

static int32_t enter_init(const struct tt_wasm_request *record)
{
    struct tt_request request = request_of(record);

    state = allocate(record->state_bytes);
    if (!state)
        return tt_fail(at(record->error), -ENOMEM, "no room for %llu bytes of state",
                       (unsigned long long)record->state_bytes);
    return tt_plugin.init ? tt_plugin.init(state, &request, at(record->error)) : 0;
}

static int32_t enter_open(const struct tt_wasm_request *record)
{
    struct tt_request request = request_of(record);

    if (!scratch && record->scratch_bytes > 0)
        scratch = allocate(record->scratch_bytes);
    if (!scratch && record->scratch_bytes > 0)
        return -ENOMEM;
    return tt_plugin.open ? tt_plugin.open(state, scratch, &host, &request) : 0;
}

static uint32_t describe(void)
{
    static struct tt_wasm_component component;

    component = (struct tt_wasm_component){.abi = tt_plugin.abi,
                                           .size = sizeof(component),
                                           .flags = tt_plugin.flags,
                                           .version = tt_plugin.version,
                                           .name = offset(tt_plugin.name),
                                           .help = offset(tt_plugin.help),
                                           .example = offset(tt_plugin.example),
                                           .ports = offset(tt_plugin.ports),
                                           .params = offset(tt_plugin.params),
                                           .port_count = tt_plugin.port_count,
                                           .param_count = tt_plugin.param_count,
                                           .level_count = tt_plugin.level_count};
    component.functions =
        (tt_plugin.shape ? TT_WASM_SHAPE : 0) | (tt_plugin.init ? TT_WASM_INIT : 0) |
        (tt_plugin.open ? TT_WASM_OPEN : 0) | (tt_plugin.process ? TT_WASM_PROCESS : 0) |
        (tt_plugin.close ? TT_WASM_CLOSE : 0) | (tt_plugin.edge ? TT_WASM_EDGE : 0);
    return offset(&component);
}

EXPORT("tactus_enter") int32_t tactus_enter(uint32_t entry, uint32_t record)
{
    switch (entry) {
    case TT_ENTRY_PROCESS:
        return tt_plugin.process(state, at(record));
    case TT_ENTRY_SHAPE:
        return enter_shape(at(record));
    case TT_ENTRY_INIT:
        return enter_init(at(record));
    case TT_ENTRY_OPEN:
        return enter_open(at(record));
    case TT_ENTRY_CLOSE:
        if (tt_plugin.close)
            tt_plugin.close(state);
        return 0;
    case TT_ENTRY_DESCRIBE:
        return (int32_t)describe();
    default:
        return -EINVAL;
    }
}

/* Nobody hears a component's last words: a trap says that it was one. */
void tt_assert_failed(const char *fact, const char *file, int line)
{
    __builtin_trap();
}

void __assert_fail(const char *fact, const char *file, int line, const char *function)
{
    __builtin_trap();
}

/* The one layout that records.h speaks of. */
_Static_assert(sizeof(struct tt_port) == sizeof(struct tt_wasm_port), "ports are read as they are");
_Static_assert(sizeof(struct tt_param) == sizeof(struct tt_wasm_param), "and parameters");
_Static_assert(sizeof(struct tt_pin) == sizeof(struct tt_wasm_pin), "and pins");
_Static_assert(sizeof(struct tt_blob) == sizeof(struct tt_wasm_blob), "and blobs");
