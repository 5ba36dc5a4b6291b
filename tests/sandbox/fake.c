/* What a module may do wrong, on demand. Its code lies in a section of its own, by which it is told
 * apart from the host's. */
#include "sandbox/fake.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/records.h"
#include "tactus/error.h"
#include "tactus/format.h"
#include "tactus/kernels.h"

#define CODE __attribute__((section("fake_code"), noinline, optimize("no-tree-vectorize")))

extern const char __start_fake_code[], __stop_fake_code[];

struct fake {
    uint8_t *memory;
    uint64_t memory_bytes;
    const struct tt_module_host *host;
    void *ctx;
    uint64_t global; /* its only one */
};

static volatile uint64_t sink;

static void fake_bind(void *instance, uint8_t *memory, uint64_t memory_bytes,
                      const struct tt_module_host *host, void *ctx)
{
    *(struct fake *)instance = (struct fake){memory, memory_bytes, host, ctx, 0};
}

static void fake_start(void *instance)
{
    struct fake *self = instance;

    self->global = 7;
    memset(self->memory + 2048, 0x5a, 16);
}

static void fake_get(const void *instance, void *ret)
{
    memcpy(ret, &((const struct fake *)instance)->global, sizeof(uint64_t));
}

static void fake_set(void *instance, const void *globals)
{
    memcpy(&((struct fake *)instance)->global, globals, sizeof(uint64_t));
}

static void fake_resized(void *instance, uint64_t memory_bytes)
{
    ((struct fake *)instance)->memory_bytes = memory_bytes;
}

static volatile uint64_t depth_max = UINT64_MAX;

static CODE uint64_t recurse(volatile uint64_t *turns)
{
    volatile uint64_t room[16];

    room[0] = ++*turns;
    return room[0] == depth_max ? 0 : recurse(turns) + room[0];
}

static CODE void loop_memory(struct fake *self)
{
    for (volatile uint64_t *at = (volatile uint64_t *)(void *)self->memory;;)
        ++*at;
}

static CODE void loop_register(void)
{
    for (;;)
        __asm__ volatile("");
}

static CODE void copy(struct fake *self, struct tt_call *call)
{
    struct tt_frame *frames = (struct tt_frame *)(void *)(self->memory + call->frames);
    struct tt_frame *in = frames, *out = frames + call->in_count;

    if (call->in_count == 0 || call->out_count == 0 || in->data == 0 || out->data == 0)
        return;
    for (uint32_t n = 0; n < in->bytes && n < out->capacity; n++)
        self->memory[out->data + n] = (uint8_t)(self->memory[in->data + n] + 1);
    out->bytes = in->bytes;
}

static CODE int32_t make(struct fake *self)
{
    enum { FRAME_AT = 512 };
    struct tt_frame *frame = (struct tt_frame *)(void *)(self->memory + FRAME_AT);
    int32_t r = self->host->frame_new(self->ctx, 0, FRAME_AT);

    if (r < 0)
        return r;
    memset(self->memory + frame->data, 0x77, 64);
    frame->bytes = 64;
    frame->index = 77;
    return self->host->frame_emit(self->ctx, 0, frame->handle);
}

static CODE int32_t blend(struct fake *self, const struct tt_frame *frames)
{
    uint64_t *values = (uint64_t *)(void *)(self->memory + 512);

    values[0] = frames[1].data;
    values[1] = frames[0].data;
    values[2] = frames[0].data;
    values[3] = 128;
    values[4] = frames[0].bytes;
    return self->host->kernel(self->ctx, TT_KERNEL_BLEND8, 512, 5);
}

static CODE void float_rules(struct tt_call *call)
{
#ifdef __x86_64__
    call->key_point = __builtin_ia32_stmxcsr();
    __builtin_ia32_ldmxcsr(0x9fc0);
#endif
}

static CODE int32_t misbehave(struct fake *self, struct tt_call *call, enum fake_deed deed)
{
    volatile uint8_t *volatile nowhere = (volatile uint8_t *)8;
    volatile int32_t none = 0, result;
    uint64_t turns = 0;

    switch (deed) {
    case FAKE_READ_FAR:
        sink = *(volatile uint8_t *)(self->memory + (100ull << 20));
        return 0;
    case FAKE_WRITE_NEIGHBOUR:
        *(volatile uint8_t *)(self->memory + (8ull << 30) - 1) = 1;
        return 0;
    case FAKE_DIVIDE:
        result = (int32_t)call->index / none;
        return result;
    case FAKE_UNREACHABLE:
        self->host->trap(self->ctx, TT_TRAP_UNREACHABLE);
    case FAKE_CALL:
        self->host->trap(self->ctx, TT_TRAP_CALL);
    case FAKE_RECURSE:
        return (int32_t)recurse(&turns);
    case FAKE_LOOP_MEMORY:
        loop_memory(self);
        return 0;
    case FAKE_LOOP_REGISTER:
        loop_register();
        return 0;
    case FAKE_WRITE_HOST:
        *nowhere = 1;
        return 0;
    default:
        __builtin_trap();
    }
}

/* In a service each frame is a copy, but for these. */
static CODE void choose(struct tt_call *call)
{
#ifdef FAKE_SERVICE
    static const struct {
        int64_t index;
        enum fake_deed deed;
    } turns[] = {{10, FAKE_READ_FAR}, {20, FAKE_LOOP_MEMORY}};
    static uint32_t turn; /* no state of a module's: it is not forgotten */
    bool is_turn = turn < 2 && call->index >= turns[turn].index;

    call->index = is_turn ? turns[turn++].deed : FAKE_COPY;
#endif
}

static CODE int32_t fake_process(struct fake *self, struct tt_call *call)
{
    struct tt_frame *frames = (struct tt_frame *)(void *)(self->memory + call->frames);

    choose(call);
    switch ((enum fake_deed)call->index) {
    case FAKE_COPY:
        copy(self, call);
        self->global++;
        ++*(uint32_t *)(void *)(self->memory + FAKE_COUNT_AT);
        return 0;
    case FAKE_GROW:
        return (int32_t)self->host->grow(self->ctx, (uint32_t)call->media_ns) >= 0 ? 0 : -12;
    case FAKE_MAKE:
        return make(self);
    case FAKE_KEEP:
        return self->host->frame_keep(self->ctx, frames[0].handle);
    case FAKE_WRITE_INPUT:
        self->memory[frames[0].data] = 9;
        return 0;
    case FAKE_TOUCH:
        for (uint64_t at = 0; at < (uint64_t)call->media_ns; at += 4096)
            self->memory[at]++;
        copy(self, call);
        return 0;
    case FAKE_FLOAT:
        float_rules(call);
        return 0;
    case FAKE_LIE:
        frames[1].bytes = frames[1].capacity = 1u << 30;
        frames[1].data = 12;
        frames[1].handle = 12;
        return 5;
    case FAKE_KERNEL:
        return blend(self, frames);
    case FAKE_NOTHING:
        return 0;
    case FAKE_EVENTS:
        call->key_point = call->event_count;
        return 0;
    default:
        return misbehave(self, call, (enum fake_deed)call->index);
    }
}

/* A description at 8192, written when it is asked for: one input, one output, no parameters. */
static CODE uint32_t describe(struct fake *self)
{
    enum { AT = 8192, PORTS_AT = AT + 128, TEXTS_AT = AT + 512 };
    static const char texts[] = "\0fake\0A module of the tests.\0in\0out";
    struct tt_wasm_component *component = (struct tt_wasm_component *)(void *)(self->memory + AT);
    struct tt_wasm_port *ports = (struct tt_wasm_port *)(void *)(self->memory + PORTS_AT);

    memcpy(self->memory + TEXTS_AT, texts, sizeof texts);
    ports[0] = (struct tt_wasm_port){
        .name = TEXTS_AT + 29, .late_policies = TT_LATE_DROP, .in_place_of = -1, .hold_max = 1};
    ports[1] = (struct tt_wasm_port){.name = TEXTS_AT + 32, .is_output = 1, .in_place_of = -1};
    *component = (struct tt_wasm_component){.abi = TT_ABI,
                                            .size = sizeof *component,
                                            .flags = TT_PURE,
                                            .version = 1,
                                            .name = TEXTS_AT + 1,
                                            .help = TEXTS_AT + 6,
                                            .ports = PORTS_AT,
                                            .port_count = 2,
                                            .functions = TT_WASM_SHAPE | TT_WASM_INIT |
                                                         TT_WASM_OPEN | TT_WASM_PROCESS};
    return AT;
}

/* Its output is as its input; a width of 13 it does not like. */
static CODE int32_t shape(struct fake *self, const struct tt_wasm_request *request)
{
    const struct tt_format *in = (const struct tt_format *)(void *)(self->memory + request->in);
    struct tt_shape *ret = (struct tt_shape *)(void *)(self->memory + request->shape);
    struct tt_error *err = (struct tt_error *)(void *)(self->memory + request->error);

    if (in->width == 13) {
        memcpy(err->text, "13 is no width", 15);
        return -22;
    }
    ret->out[0] = *in;
    ret->out_max[0] = 1;
#ifndef FAKE_SERVICE
    ret->bytes_max[0] = in->stride[0] * in->height;
#endif
    ret->state_bytes = 128;
    return 0;
}

static CODE int32_t fake_enter(void *instance, enum tt_entry entry, uint32_t record)
{
    struct fake *self = instance;

    switch (entry) {
    case TT_ENTRY_PROCESS:
        return fake_process(self, (struct tt_call *)(void *)(self->memory + record));
    case TT_ENTRY_SHAPE:
        return shape(self, (const struct tt_wasm_request *)(void *)(self->memory + record));
    case TT_ENTRY_DESCRIBE:
        return (int32_t)describe(self);
    case TT_ENTRY_INIT:
        *(uint32_t *)(void *)(self->memory + FAKE_COUNT_AT) = 100;
        return 0;
    default:
        return 0;
    }
}

static const char *fake_name_of(const void *address, uint32_t *ret_function)
{
    const char *at = address;

    if (at < __start_fake_code || at >= __stop_fake_code)
        return NULL;
    *ret_function = 1;
    return "fake";
}

const struct tt_module fake_module = {.abi = TT_MODULE_ABI,
                                      .size = sizeof(struct tt_module),
                                      .pages = FAKE_PAGES,
                                      .pages_max = FAKE_PAGES_MAX,
                                      .instance_bytes = sizeof(struct fake),
                                      .globals_bytes = sizeof(uint64_t),
                                      .record_at = FAKE_RECORD_AT,
                                      .record_bytes = 65536,
                                      .bind = fake_bind,
                                      .start = fake_start,
                                      .globals_get = fake_get,
                                      .globals_set = fake_set,
                                      .resized = fake_resized,
                                      .enter = fake_enter,
                                      .name_of = fake_name_of};

struct tt_module fake_module_of(uint32_t pages)
{
    struct tt_module ret = fake_module;

    ret.pages = pages;
    ret.pages_max = pages > FAKE_PAGES_MAX ? pages : FAKE_PAGES_MAX;
    return ret;
}

#ifdef FAKE_SERVICE
extern const struct tt_module tt_module __attribute__((alias("fake_module")));
#endif
