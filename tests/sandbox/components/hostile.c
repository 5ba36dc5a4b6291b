/* hostile: does what the index of its call says, all of it wrong but the first. */
#include <stdlib.h>
#include <tactus/component.h>
#include <tactus/error.h>
#include <tactus/format.h>

static const struct tt_port ports[] = {
    {.name = "in", .late_policies = TT_LATE_DROP, .in_place_of = -1},
    {.name = "out", .is_output = 1, .in_place_of = -1},
};

static volatile uint64_t count;
static volatile int zero;
static void *volatile nowhere;
static volatile uintptr_t far_away = 0xf0000000u, between = 250u << 20;

static int shape(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    (void)err;
    ret->out[0] = request->in[0];
    ret->state_bytes = 64;
    return 0;
}

__attribute__((noinline)) int far_read(void)
{
    return *(volatile uint8_t *)far_away;
}

__attribute__((noinline)) int far_write(void)
{
    *(volatile uint8_t *)(far_away + 0xfffffffu) = 1;
    return 0;
}

/* The host's own memory has no address here: all 32 bits of them end in the slot. */
__attribute__((noinline)) int between_memory_and_frames(void)
{
    *(volatile uint8_t *)between = 1;
    return 0;
}

__attribute__((noinline)) int divide(void)
{
    return 7 / zero;
}

__attribute__((noinline)) int divide_over(void)
{
    volatile int least = INT32_MIN, minus = -1 + zero;

    return least / minus;
}

__attribute__((noinline)) int run_into_a_wall(void)
{
    __builtin_trap();
}

__attribute__((noinline)) int call_nothing(void)
{
    int (*volatile function)(void) = (int (*)(void))(uintptr_t)nowhere;

    return function();
}

static int of_another_type(int a, double b)
{
    return a + (int)b;
}

__attribute__((noinline)) int call_another(void)
{
    int (*volatile other)(int, double) = of_another_type;
    int (*volatile function)(void) = (int (*)(void))(uintptr_t)other;

    return function();
}

__attribute__((noinline)) int own_stack(int depth)
{
    volatile char room[256];

    if (count == UINT64_MAX)
        return 0;
    room[depth & 255] = (char)depth;
    return own_stack(depth + 1) + room[depth & 255];
}

/* No local of it has an address, so that only the native stack grows. */
__attribute__((noinline)) uint64_t native_stack(uint64_t a, uint64_t b)
{
    if (count == UINT64_MAX)
        return a;
    a = native_stack(a + 1, b ^ a);
    count ^= a; /* or a compiler makes a loop of it */
    return a * 3 + b;
}

__attribute__((noinline)) int loop_in_memory(void)
{
    for (;;)
        count++;
}

__attribute__((noinline)) int loop_in_registers(void)
{
    for (;;)
        ;
}

__attribute__((noinline)) int want_memory(void)
{
    do
        nowhere = malloc(1 << 20);
    while (nowhere);
    return 0;
}

static int process(void *state, struct tt_call *call)
{
    (void)state;
    switch (call->index) {
    case 1:
        return far_read();
    case 2:
        return far_write();
    case 3:
        return between_memory_and_frames();
    case 4:
        return divide();
    case 5:
        return divide_over();
    case 6:
        return run_into_a_wall();
    case 7:
        return call_nothing();
    case 8:
        return call_another();
    case 9:
        return own_stack(1);
    case 10:
        return (int)native_stack(1, 2);
    case 11:
        return loop_in_memory();
    case 12:
        return loop_in_registers();
    case 13:
        return want_memory();
    case 14: /* all of it at once, and more than there are addresses */
        return (int)__builtin_wasm_memory_grow(0, 60000);
    case 15:
        return (int)__builtin_wasm_memory_grow(0, UINT32_MAX);
    default:
        call->key_point = (uint32_t)++count;
        return 0;
    }
}

const struct tt_component tt_plugin = {
    .abi = TT_ABI,
    .size = sizeof(struct tt_component),
    .flags = TT_PURE,
    .version = 1,
    .name = "hostile",
    .help = "all that a component may not do",
    .example = "",
    .ports = ports,
    .port_count = 2,
    .shape = shape,
    .process = process,
};
