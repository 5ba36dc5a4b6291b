/* A sandboxed component for tests: passes pictures on, and at each odd index tries to do what it
 * may not. What it survives and should not have is noted (ESCAPED), what the host granted too. */
#include <stdbool.h>
#include <stdlib.h>
#include <tactus/component.h>
#include <tactus/error.h>
#include <tactus/format.h>
#include <tactus/kernels.h>

enum { ESCAPED = 1000 };

struct prisoner {
    uint32_t bytes;
};

static const struct tt_host *world;
static const struct tt_format accepts[] = {{.kind = TT_VIDEO}};
static const struct tt_port ports[] = {
    {.name = "in",
     .accepts = accepts,
     .accept_count = 1,
     .late_policies = TT_LATE_DROP | TT_LATE_REPEAT,
     .is_leader = 1,
     .in_place_of = -1},
    {.name = "out", .accepts = accepts, .accept_count = 1, .is_output = 1, .in_place_of = -1},
};

static volatile uint32_t kept; /* whatever is read or computed is used */

static void __attribute__((noinline)) read_at(uint32_t place)
{
    kept = *(volatile uint32_t *)(uintptr_t)place;
}

static void __attribute__((noinline)) write_at(uint32_t place)
{
    *(volatile uint32_t *)(uintptr_t)place = 0x6b6f6f68;
}

static uint32_t end_of_memory(void)
{
    return (uint32_t)__builtin_wasm_memory_size(0) * 65536u;
}

struct far {
    uint8_t before[0x7ffffff0];
    volatile uint32_t word;
};

static struct far *volatile high = (struct far *)0xfffffff0;
static volatile int32_t zero = 0, minus_one = -1, least = INT32_MIN;
static int (*volatile nothing)(int);
static int (*volatile number)(int);

static int deep(volatile uint8_t *before)
{
    volatile uint8_t here[512];

    here[0] = before[0];
    return deep(here) + here[0];
}

static uint32_t __attribute__((noinline)) climb(uint32_t a, uint32_t b)
{
    uint32_t below = zero == 0 ? climb(b + 1, a ^ 3) : a;

    return below ^ kept; /* read when it has returned: no loop instead of a call */
}

static double of_doubles(double a, double b)
{
    return a + b;
}

/* Each should not return. */
static void trap(uint32_t deed, const struct tt_frame *in)
{
    switch (deed) {
    case 0:
        read_at(0xfffffffc);
        break;
    case 1:
        write_at(0xfffffffc);
        break;
    case 2:
        read_at(end_of_memory());
        break;
    case 3:
        write_at(end_of_memory());
        break;
    case 4:
        read_at(250u << 20);
        break;
    case 5:
        write_at(1u << 30);
        break;
    case 6:
        read_at(2u << 30);
        break;
    case 7:
        write_at(3u << 30);
        break;
    case 8:
        kept = high->word;
        break;
    case 9:
        high->word = 1;
        break;
    case 10:
        kept = (uint32_t)(least / zero);
        break;
    case 11:
        kept = (uint32_t)(least / minus_one);
        break;
    case 12:
        kept = (uint32_t)(least % zero);
        break;
    case 13:
        __builtin_trap();
    case 14:
        abort();
    case 15:
        kept = (uint32_t)nothing(1);
        break;
    case 16:
        number = (int (*)(int))99999;
        kept = (uint32_t)number(1);
        break;
    case 17:
        number = (int (*)(int))(void (*)(void))of_doubles;
        kept = (uint32_t)number(1);
        break;
    case 18:
        kept = (uint32_t)deep((volatile uint8_t *)&kept);
        break;
    case 19:
        kept = climb(1, 2);
        break;
    case 20:
        write_at((uint32_t)in->data + (512u << 20));
        break;
    case 21:
        read_at((uint32_t)in->data - (16u << 20));
        break;
    default:
        kept = (uint32_t)__builtin_wasm_memory_grow(0, 60000);
    }
}

static void loop(bool is_in_memory)
{
    while (is_in_memory && zero == 0)
        kept++;
    for (uint32_t n = 1; n != 0; n += 2)
        __asm__ volatile("");
}

/* The loops take until somebody ends them, which the frames behind them do not wait for. */
enum { TRAPS = 23, ERRORS = 10, LIES = 8, LOOP_AT = 91, REGISTERS_AT = 161 };

/* Each should give an error. */
static int ask(uint32_t deed, const struct tt_frame *in)
{
    struct tt_frame made;

    switch (deed) {
    case 0:
        return world->frame_emit(world->ctx, 0, 0xdeadbeef);
    case 1:
        return world->frame_emit(world->ctx, 9, in->handle);
    case 2:
        return world->frame_keep(world->ctx, 0xdeadbeef);
    case 3:
        return world->frame_drop(world->ctx, 0xdeadbeef);
    case 4:
        return world->frame_drop(world->ctx, in->handle);
    case 5:
        return world->frame_new(world->ctx, 7, &made);
    case 6:
        return world->frame_new(world->ctx, 0, (struct tt_frame *)0xffffffe0);
    case 7:
        return tt_mix_f32((float *)0xfffffff0, (const float *)0, 1, 4096);
    case 8:
        return tt_mix_f32((float *)64, (const float *)64, 1, 0xffffffff);
    default:
        return world->frame_keep(world->ctx, in->handle); /* hold_max is 0 */
    }
}

/* Each is a lie that the host must not believe. */
static int lie(uint32_t deed, struct tt_call *call, struct tt_frame *out)
{
    switch (deed) {
    case 0:
        out->bytes = 0xffffffff;
        break;
    case 1:
        out->data = 64;
        break;
    case 2:
        call->out_count = 1000;
        break;
    case 3:
        call->frames = 0xfffffff0;
        break;
    case 4:
        return 12345;
    case 5:
        return TT_AGAIN;
    case 6:
        out->format_id = 0xffff;
        break;
    default:
        for (uint32_t n = 0; n < 20000; n++)
            (void)world->note(world->ctx, 500, n);
    }
    return TT_DONE;
}

static int shape(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    const struct tt_format *in = &request->in[0];

    ret->out[0] = *in;
    ret->bytes_max[0] = tt_format_video(&ret->out[0], in->fourcc, in->width, in->height);
    ret->state_bytes = sizeof(struct prisoner);
    return ret->bytes_max[0] > 0 ? 0 : tt_fail(err, -1, "prisoner takes raw pictures");
}

static int init(void *state, const struct tt_request *request, struct tt_error *err)
{
    struct tt_format format = request->in[0];
    struct prisoner *self = state;

    self->bytes = tt_format_video(&format, format.fourcc, format.width, format.height);
    return 0;
}

static int open(void *state, void *scratch, const struct tt_host *host,
                const struct tt_request *request)
{
    world = host;
    return 0;
}

static int try_one(uint32_t deed, struct tt_call *call, const struct tt_frame *in,
                   struct tt_frame *out)
{
    if (deed < TRAPS) {
        trap(deed, in);
        (void)world->note(world->ctx, ESCAPED, deed);
    } else if (deed < TRAPS + ERRORS) {
        if (ask(deed - TRAPS, in) >= 0)
            (void)world->note(world->ctx, ESCAPED, deed);
    } else if (deed < TRAPS + ERRORS + LIES) {
        return lie(deed - TRAPS - ERRORS, call, out);
    }
    return TT_DONE;
}

static int process(void *state, struct tt_call *call)
{
    const struct prisoner *self = state;
    const struct tt_frame *in = tt_call_in(call, 0);
    struct tt_frame *out = tt_call_out(call, 0);

    if (in->data && out->data && out->capacity >= self->bytes && in->bytes >= self->bytes) {
        memcpy(tt_frame_data(out), tt_frame_data(in), self->bytes);
        out->bytes = self->bytes;
    }
    if (call->index == LOOP_AT || call->index == REGISTERS_AT) {
        loop(call->index == LOOP_AT);
        (void)world->note(world->ctx, ESCAPED, call->index);
    }
    if (call->index % 2 == 0 || !in->data)
        return TT_DONE;
    return try_one((uint32_t)(call->index / 2), call, in, out);
}

static void close_prisoner(void *state)
{
}

const struct tt_component tt_plugin = {.abi = TT_ABI,
                                       .size = sizeof(struct tt_component),
                                       .version = 1,
                                       .name = "prisoner",
                                       .help = "tries what it may not",
                                       .ports = ports,
                                       .port_count = 2,
                                       .shape = shape,
                                       .init = init,
                                       .open = open,
                                       .process = process,
                                       .close = close_prisoner};
