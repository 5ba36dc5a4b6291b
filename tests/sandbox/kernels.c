/* Host kernels give the bits of their definition, at every length, place and size; and what they
 * are asked to touch is the module's or refused. */
#include <errno.h>
#include <math.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "sandbox/fake.h"
#include "sandbox/kernels.h"

enum { ROOM = 1 << 16, ROUNDS = 300 };

static uint64_t seed = 88172645463325252ull;

static uint32_t draw(uint32_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 33) % below;
}

static void noise(void *ret, uint64_t bytes)
{
    for (uint64_t n = 0; n < bytes; n++)
        ((uint8_t *)ret)[n] = (uint8_t)draw(256);
}

/* Sound, with a few values that are none. */
static void sound(float *ret, uint32_t count)
{
    static const float odd[] = {NAN, INFINITY, -INFINITY, 1e30f, -0.0f, 1e-40f, 0.999999f, -1.0f};

    for (uint32_t n = 0; n < count; n++)
        ret[n] = draw(50) == 0 ? odd[draw(8)] : ((float)draw(1 << 20) / (1 << 19) - 1.0f) * 1.1f;
}

static bool is_same(const void *a, const void *b, uint64_t bytes)
{
    return memcmp(a, b, bytes) == 0;
}

/* Bit for bit, but for which of all not-a-numbers one is. */
static bool is_same_sound(const float *a, const float *b, uint32_t count)
{
    for (uint32_t n = 0; n < count; n++)
        if (memcmp(&a[n], &b[n], sizeof a[n]) != 0 && (a[n] == a[n] || b[n] == b[n]))
            return false;
    return true;
}

static uint8_t bytes[4][ROOM];
static float floats[4][ROOM];

static void blend_is_as_defined(void)
{
    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint32_t at = draw(64), count = draw(2000), alpha = round < 2 ? round * 256 : draw(257);

        noise(bytes[0], 4096);
        noise(bytes[1], 4096);
        tt_reference_blend8(bytes[2], bytes[0] + at, bytes[1] + 1, alpha, count);
        tt_kernel_blend8(bytes[3], bytes[0] + at, bytes[1] + 1, alpha, count);
        CHECK(is_same(bytes[2], bytes[3], count));
    }
}

static void scale_is_as_defined(void)
{
    noise(bytes[0], ROOM);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        struct tt_plane8 from = {bytes[0], 1 + draw(120), 1 + draw(120), 0}, one, two;
        uint32_t width = 1 + draw(120), height = 1 + draw(120);

        from.stride = from.width + draw(64);
        one = (struct tt_plane8){bytes[2], width, height, width + draw(32)};
        two = one;
        two.data = bytes[3];
        memset(bytes[2], 0, ROOM);
        memset(bytes[3], 0, ROOM);
        tt_reference_scale8(&one, &from);
        tt_kernel_scale8(&two, &from);
        CHECK(is_same(bytes[2], bytes[3], ROOM));
    }
}

static void conversions_are_as_defined(void)
{
    static int16_t one[ROOM], two[ROOM];

    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint32_t count = draw(3000);

        noise(one, count * sizeof *one);
        tt_reference_s16_f32(floats[0], one, count);
        tt_kernel_s16_f32(floats[1], one, count);
        CHECK(is_same(floats[0], floats[1], count * sizeof(float)));
        sound(floats[2], count);
        tt_reference_f32_s16(one, floats[2], count);
        tt_kernel_f32_s16(two, floats[2], count);
        CHECK(is_same(one, two, count * sizeof *one));
    }
}

static void filters_and_mixes_are_as_defined(void)
{
    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint32_t count = draw(1500), taps = 1 + draw(90);
        float gain;

        sound(floats[0], count + taps);
        sound(floats[1], taps);
        sound(&gain, 1);
        tt_reference_fir_f32(floats[2], floats[0], count, floats[1], taps);
        tt_kernel_fir_f32(floats[3], floats[0], count, floats[1], taps);
        CHECK(is_same_sound(floats[2], floats[3], count));
        memcpy(floats[2], floats[1], sizeof floats[1]);
        memcpy(floats[3], floats[1], sizeof floats[1]);
        tt_reference_mix_f32(floats[2], floats[0], gain, count);
        tt_kernel_mix_f32(floats[3], floats[0], gain, count);
        CHECK(is_same_sound(floats[2], floats[3], count));
    }
}

static int ask(struct tt_slot *slot, uint32_t number, uint32_t count, const uint64_t *values)
{
    memcpy(slot->memory + 512, values, count * sizeof *values);
    return tt_kernel_call(slot, number, 512, count);
}

static void what_is_not_the_module_s_is_refused(void)
{
    const uint64_t end = FAKE_PAGES * TT_SLOT_PAGE;
    struct tt_space space;
    struct tt_slot_params params = {.space = &space, .instance_bytes = 256};
    struct tt_slot *slot;

    if (tt_space_open(&space, 2, NULL) < 0)
        return;
    CHECK_INT(tt_slot_new(&params, &slot, NULL), 0);
    CHECK_INT(tt_slot_start(slot, &fake_module, 0, NULL), 0);
    CHECK_INT(ask(slot, TT_KERNEL_BLEND8, 5, (uint64_t[]){1024, 2048, 4096, 128, 1024}), 0);
    CHECK_INT(ask(slot, TT_KERNEL_BLEND8, 4, (uint64_t[]){1024, 2048, 4096, 128, 1024}), -EINVAL);
    CHECK_INT(ask(slot, TT_KERNEL_BLEND8, 5, (uint64_t[]){end - 10, 0, 0, 128, 11}), -EINVAL);
    CHECK_INT(ask(slot, TT_KERNEL_BLEND8, 5, (uint64_t[]){UINT64_MAX, 0, 0, 128, 11}), -EINVAL);
    CHECK_INT(ask(slot, TT_KERNEL_BLEND8, 5, (uint64_t[]){0, 0, 0, 257, 11}), -EINVAL);
    CHECK_INT(ask(slot, TT_KERNEL_BLEND8, 5, (uint64_t[]){0, 0, 0, 0, UINT64_MAX}), -EINVAL);
    CHECK_INT(ask(slot, TT_KERNEL_BLEND8, 5, (uint64_t[]){TT_SLOT_WINDOW, 0, 0, 0, 8}), -EINVAL);
    CHECK_INT(ask(slot, TT_KERNEL_SCALE8, 8, (uint64_t[]){0, 9, 9, 9, 4096, 8, 8, 7}), -EINVAL);
    CHECK_INT(ask(slot, TT_KERNEL_SCALE8, 8, (uint64_t[]){0, 9, 0, 9, 4096, 8, 8, 8}), -EINVAL);
    CHECK_INT(ask(slot, TT_KERNEL_SCALE8, 8, (uint64_t[]){0, 9, 9, 9, end - 63, 8, 8, 8}), -EINVAL);
    CHECK_INT(ask(slot, TT_KERNEL_SCALE8, 8, (uint64_t[]){0, 9, 9, 9, end - 64, 8, 8, 8}), 0);
    CHECK_INT(ask(slot, TT_KERNEL_FIR_F32, 5, (uint64_t[]){0, 4096, 9, 8192, 0}), -EINVAL);
    CHECK_INT(ask(slot, TT_KERNEL_FIR_F32, 5, (uint64_t[]){0, end - 40, 9, 8192, 3}), -EINVAL);
    CHECK_INT(ask(slot, TT_KERNEL_FIR_F32, 5, (uint64_t[]){0, end - 44, 9, 8192, 3}), 0);
    CHECK_INT(ask(slot, TT_KERNEL_MIX_F32, 4, (uint64_t[]){2, 4096, 0, 9}), -EINVAL);
    CHECK_INT(ask(slot, 0, 0, (uint64_t[]){0}), -EINVAL);
    CHECK_INT(ask(slot, 999, 0, (uint64_t[]){0}), -EINVAL);
    tt_slot_close(&slot);
    tt_space_close(&space);
}

static double ms_of(void (*what)(void))
{
    struct timespec begin, end;

    (void)clock_gettime(CLOCK_MONOTONIC, &begin);
    for (uint32_t n = 0; n < 20; n++)
        what();
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    return (double)(end.tv_sec - begin.tv_sec) * 1e3 + (double)(end.tv_nsec - begin.tv_nsec) / 1e6;
}

static void reference_blends(void)
{
    tt_reference_blend8(bytes[2], bytes[0], bytes[1], 100, ROOM);
}

static void kernel_blends(void)
{
    tt_kernel_blend8(bytes[3], bytes[0], bytes[1], 100, ROOM);
}

int main(void)
{
    RUN(blend_is_as_defined);
    RUN(scale_is_as_defined);
    RUN(conversions_are_as_defined);
    RUN(filters_and_mixes_are_as_defined);
    RUN(what_is_not_the_module_s_is_refused);
    fprintf(stderr, "blend: the definition as this test has it %.2f ms, the kernel %.2f ms\n",
            ms_of(reference_blends), ms_of(kernel_blends));
    return 0;
}
