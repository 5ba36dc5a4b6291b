/* Slots: an instance in its own memory, frames by reference, and what it may not do. */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "sandbox/fake.h"
#include "sandbox/sanitizer.h"
#include "sandbox/slot.h"

enum { FRAME_BYTES = 8192, FRAMES = 4 };

static struct tt_space space;
static struct tt_windows windows;
static uint8_t *pool, *foreign; /* ours to write, another's to read */

static uint8_t *shared(uint64_t bytes, bool is_writable)
{
    int fd = memfd_create("pool", 0);
    uint8_t *memory;

    CHECK(fd >= 0 && ftruncate(fd, (off_t)bytes) == 0);
    memory = mmap(NULL, bytes, PROT_READ | (is_writable ? PROT_WRITE : 0), MAP_SHARED, fd, 0);
    CHECK(memory != MAP_FAILED);
    (void)close(fd);
    return memory;
}

static struct tt_slot *new_slot(void)
{
    struct tt_slot_params params = {.space = &space, .windows = &windows, .instance_bytes = 256};
    struct tt_slot *slot = NULL;
    struct tt_error err = {0};
    int r = tt_slot_new(&params, &slot, &err);

    if (r < 0)
        fprintf(stderr, "%s\n", err.text);
    CHECK_INT(r, 0);
    return slot;
}

static struct tt_slot *started(void)
{
    struct tt_slot *slot = new_slot();

    CHECK_INT(tt_slot_start(slot, &fake_module, 0, NULL), 0);
    return slot;
}

struct calls {
    struct tt_call call;
    struct tt_frame frames[2];
};

static struct tt_call *call_of(struct calls *ret, enum fake_deed deed, uint8_t *in, uint8_t *out)
{
    *ret = (struct calls){
        .call = {
            .abi = TT_ABI, .size = sizeof ret->call, .index = deed, .in_count = 1, .out_count = 1}};
    ret->call.frames = (tt_addr)(uintptr_t)ret->frames;
    ret->frames[0] = (struct tt_frame){
        .data = (tt_addr)(uintptr_t)in, .bytes = 100, .capacity = 100, .handle = 1};
    ret->frames[1] =
        (struct tt_frame){.data = (tt_addr)(uintptr_t)out, .capacity = FRAME_BYTES, .handle = 2};
    return &ret->call;
}

static int run(struct tt_slot *slot, enum fake_deed deed)
{
    struct calls calls;

    return tt_slot_process(slot, call_of(&calls, deed, foreign, pool));
}

static void frames_are_the_host_s(void)
{
    struct tt_slot *slot = started();
    struct calls calls;

    memset(pool, 41, 100);
    CHECK_INT(tt_slot_process(slot, call_of(&calls, FAKE_COPY, pool, pool + FRAME_BYTES)), 0);
    CHECK_INT(calls.frames[1].bytes, 100);
    CHECK_INT(pool[FRAME_BYTES], 42);
    CHECK_INT(pool[FRAME_BYTES + 99], 42);
    CHECK((uintptr_t)calls.frames[1].data == (uintptr_t)(pool + FRAME_BYTES));
    CHECK_INT(tt_slot_process(slot, call_of(&calls, FAKE_LIE, pool, pool + FRAME_BYTES)), -EINVAL);
    CHECK_INT(calls.frames[1].bytes, FRAME_BYTES);
    CHECK_INT(calls.frames[1].handle, 2);
    CHECK((uintptr_t)calls.frames[1].data == (uintptr_t)(pool + FRAME_BYTES));
    tt_slot_close(&slot);
}

static void kernels_are_asked_by_offset(void)
{
    struct tt_slot *slot = started();
    struct calls calls;

    memset(pool, 80, 100);
    CHECK_INT(tt_slot_process(slot, call_of(&calls, FAKE_KERNEL, pool, pool + FRAME_BYTES)), 0);
    CHECK_INT(pool[FRAME_BYTES + 50], 80);
    /* Into a frame of somebody else's: refused, not a fault of the host's. */
    CHECK_INT(tt_slot_process(slot, call_of(&calls, FAKE_KERNEL, pool, foreign)), -EINVAL);
    tt_slot_close(&slot);
}

/* Each ends this instance, is named, and nothing else of it runs until it is reset. */
static void traps_end_one_instance(void)
{
    static const struct {
        enum fake_deed deed;
        enum tt_trap trap;
        const char *function;
    } deeds[] = {{FAKE_READ_FAR, TT_TRAP_BOUNDS, "fake"},
                 {FAKE_WRITE_NEIGHBOUR, TT_TRAP_BOUNDS, "fake"},
                 {FAKE_DIVIDE, TT_TRAP_DIVIDE, "fake"},
                 {FAKE_UNREACHABLE, TT_TRAP_UNREACHABLE, "fake"},
                 {FAKE_ILLEGAL, TT_TRAP_UNREACHABLE, "fake"},
                 {FAKE_CALL, TT_TRAP_CALL, "fake"},
                 {FAKE_RECURSE, TT_TRAP_STACK, "fake"},
                 {FAKE_WRITE_INPUT, TT_TRAP_BOUNDS, "fake"}};
    struct tt_slot *slot = started(), *other = started(), *restored = new_slot();
    struct tt_image image;

    CHECK_INT(tt_slot_save(slot, &image, NULL), 0);
    CHECK_INT(tt_slot_load(restored, &fake_module, &image, 0, NULL), 0);
    for (size_t n = 0; n < sizeof deeds / sizeof *deeds; n++) {
        int wanted = tt_trap_errno(deeds[n].trap);

        CHECK_INT(run(restored, FAKE_COPY), 0);
        CHECK_INT(run(restored, deeds[n].deed), wanted);
        CHECK_INT(restored->report.trap, deeds[n].trap);
        CHECK_INT(restored->report.entry, TT_ENTRY_PROCESS);
        CHECK_TEXT(restored->report.function, deeds[n].function);
        CHECK_INT(run(restored, FAKE_COPY), wanted);
        CHECK_INT(run(other, FAKE_COPY), 0);
        CHECK_INT(tt_slot_reset(restored), 0);
        CHECK_INT(*(uint32_t *)(void *)(restored->memory + FAKE_COUNT_AT), 0);
        CHECK_INT(restored->memory[2048], 0x5a);
    }
    CHECK_INT(*(uint32_t *)(void *)(other->memory + FAKE_COUNT_AT), sizeof deeds / sizeof *deeds);
    tt_slot_close(&slot);
    tt_slot_close(&other);
    tt_slot_close(&restored);
    tt_image_close(&image);
}

static void memory_has_a_limit(void)
{
    struct tt_slot *slot = started(), *restored = new_slot();
    struct tt_image image;
    struct calls calls;

    CHECK_INT(tt_slot_save(slot, &image, NULL), 0);
    CHECK_INT(tt_slot_load(restored, &fake_module, &image, FAKE_PAGES + 2, NULL), 0);
    call_of(&calls, FAKE_GROW, pool, pool)->media_ns = 2;
    CHECK_INT(tt_slot_process(restored, &calls.call), 0);
    CHECK_INT(restored->memory_bytes, (FAKE_PAGES + 2) * TT_SLOT_PAGE);
    restored->memory[restored->memory_bytes - 1] = 1;
    call_of(&calls, FAKE_GROW, pool, pool)->media_ns = 1;
    CHECK_INT(tt_slot_process(restored, &calls.call), -ENOMEM);
    CHECK_INT(restored->report.trap, TT_TRAP_MEMORY);
    CHECK_INT(tt_slot_reset(restored), 0);
    CHECK_INT(restored->memory_bytes, FAKE_PAGES * TT_SLOT_PAGE);
    CHECK_INT(run(restored, FAKE_COPY), 0);
    tt_slot_close(&slot);
    tt_slot_close(&restored);
    tt_image_close(&image);
}

/* Only a frame of the call may be touched, an input only read. */
static void frames_are_granted(void)
{
    struct tt_slot *slot = started();
    struct calls calls;
    struct tt_image image;

    CHECK_INT(tt_slot_limit_to_calls(slot, NULL), 0);
    CHECK_INT(tt_slot_save(slot, &image, NULL), 0);
    CHECK_INT(tt_slot_load(slot, &fake_module, &image, 0, NULL), 0);
    memset(pool, 41, 100);
    CHECK_INT(tt_slot_process(slot, call_of(&calls, FAKE_COPY, pool, pool + FRAME_BYTES)), 0);
    CHECK_INT(pool[FRAME_BYTES], 42);
    CHECK_INT(tt_slot_process(slot, call_of(&calls, FAKE_WRITE_INPUT, pool, pool + FRAME_BYTES)),
              -EFAULT);
    CHECK_INT(slot->report.offset, TT_SLOT_WINDOW);
    CHECK_INT(pool[0], 41);
    CHECK_INT(slot->granted_count, 0);
    tt_slot_close(&slot);
    tt_image_close(&image);
}

static void floats_have_rules(void)
{
#ifdef __x86_64__
    struct tt_slot *slot = started();
    struct calls calls;

    __builtin_ia32_ldmxcsr(0x9fc0);
    CHECK_INT(tt_slot_process(slot, call_of(&calls, FAKE_FLOAT, pool, pool)), 0);
    CHECK_INT(calls.call.key_point & 0xffc0, 0x1f80);
    CHECK_INT(__builtin_ia32_stmxcsr() & 0xffc0, 0x9fc0);
    CHECK_INT(tt_slot_process(slot, call_of(&calls, FAKE_READ_FAR, pool, pool)), -EFAULT);
    CHECK_INT(__builtin_ia32_stmxcsr() & 0xffc0, 0x9fc0);
    __builtin_ia32_ldmxcsr(0x1f80);
    tt_slot_close(&slot);
#endif
}

/* A fault outside of the slot is the host's own, also while a module runs. */
static void a_bug_of_the_host_stays_a_crash(void)
{
    pid_t child = fork();
    int status = 0;

    if (child == 0) {
        struct tt_slot *slot = started();

        (void)run(slot, FAKE_WRITE_HOST);
        _exit(0);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    CHECK(!WIFEXITED(status) || WEXITSTATUS(status) != 0);
#else
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
#endif
}

int main(void)
{
    const uint64_t bytes = FRAMES * FRAME_BYTES;
    struct tt_error err = {0};

    if (is_signals_taken())
        return CHECK_SKIP;
    pool = shared(bytes, true);
    foreign = shared(bytes, false);
    if (tt_space_open(&space, 8, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return CHECK_SKIP;
    }
    CHECK_INT(tt_windows_add(&windows, pool, bytes, true, NULL), 0);
    CHECK_INT(tt_windows_add(&windows, foreign, bytes, false, NULL), 0);
    CHECK_INT(tt_trap_install(NULL), 0);
    RUN(frames_are_the_host_s);
    RUN(kernels_are_asked_by_offset);
    RUN(traps_end_one_instance);
    RUN(memory_has_a_limit);
    RUN(frames_are_granted);
    RUN(floats_have_rules);
    RUN(a_bug_of_the_host_stays_a_crash);
    CHECK_INT(space.free_count, 8);
    tt_space_close(&space);
    return 0;
}
