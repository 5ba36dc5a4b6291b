/* What a sandboxed instance costs: made until its first frame is processed, called in turn with a
 * thousand others, and kept idle. Prints one JSON object of raw samples, in ns and bytes.
 *
 * sandbox [ROUNDS]. A frame is 4 KiB of a service's pool of 64 MiB. "made" is what happens between
 * the wish and the end of the first process(): a state mapped from its snapshot into a slot that
 * was prepared before, bound, called. "window" makes the slot in that time, too. */
#include <fcntl.h>
#include <jansson.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* newer than this C library; Linux 6.1 */
#endif

#include "components/harness.h"
#include "components/table.h"
#include "sandbox/fake.h"
#include "sandbox/slot.h"

enum {
    INSTANCES = 1000,
    POOL_BYTES = 64 << 20,
    HUGE_BYTES = 2 << 20,
    FRAME_BYTES = 4096,
    SWITCH_TURNS = 20,
    WRITTEN_AT = 16384
};

static struct tt_space space;
static struct tt_windows windows;
static uint8_t *pool;
static uint64_t pool_page_bytes = 4096;

static void fail(const char *what)
{
    (void)fprintf(stderr, "sandbox: %s\n", what);
    exit(3);
}

static struct tt_module module_of(uint32_t pages)
{
    struct tt_module ret = fake_module_of(pages);

    ret.record_at = 8192;
    ret.record_bytes = 8192;
    return ret;
}

static int64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* In pages of 2 MiB where the kernel makes any, as tactusd has a service's frames made. */
static bool collapse(uint8_t *memory)
{
    for (uint64_t at = 0; at < POOL_BYTES; at += HUGE_BYTES) {
        memory[at] = 0;
        if (madvise(memory + at, HUGE_BYTES, MADV_COLLAPSE) < 0)
            return false;
    }
    return true;
}

static void make_pool(void)
{
    uint8_t *place = mmap(NULL, POOL_BYTES + HUGE_BYTES, PROT_NONE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    int fd = memfd_create("pool", 0);
    void *memory;

    if (place == MAP_FAILED || fd < 0 || ftruncate(fd, POOL_BYTES) < 0)
        fail("no memory for a pool");
    place += HUGE_BYTES - (uintptr_t)place % HUGE_BYTES;
    memory = mmap(place, POOL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
    if (memory == MAP_FAILED)
        fail("no memory for a pool");
    if (collapse(memory))
        pool_page_bytes = HUGE_BYTES;
    if (madvise(memory, POOL_BYTES, MADV_POPULATE_WRITE) < 0)
        fail("no memory for a pool");
    pool = memory;
    if (tt_windows_add(&windows, pool, POOL_BYTES, true, NULL) < 0)
        fail("no room for a window");
}

static struct tt_slot *new_slot(bool is_filled)
{
    struct tt_slot_params params = {
        .space = &space, .windows = &windows, .instance_bytes = fake_module.instance_bytes};
    struct tt_slot *slot;
    struct tt_error err = {0};

    if (tt_slot_new(&params, &slot, &err) < 0)
        fail(err.text);
    if (is_filled)
        tt_slot_fill(slot);
    return slot;
}

/* A warm state: all of it written before it is kept. */
static struct tt_image image_of(const struct tt_module *module)
{
    struct tt_slot *slot = new_slot(false);
    struct tt_image image;

    if (tt_slot_start(slot, module, 0, NULL) < 0)
        fail("a module does not start");
    memset(slot->memory + WRITTEN_AT, 0x11, slot->memory_bytes - WRITTEN_AT);
    if (tt_slot_save(slot, &image, NULL) < 0)
        fail("no snapshot");
    tt_slot_close(&slot);
    return image;
}

/* Reads and writes 64 bytes of a frame, dirties what `touch` says of its state. */
static void process(struct tt_slot *slot, enum fake_deed deed, int64_t touch)
{
    struct tt_frame frames[2] = {
        {.data = (tt_addr)(uintptr_t)pool, .bytes = 64, .capacity = 64, .handle = 1},
        {.data = (tt_addr)(uintptr_t)(pool + FRAME_BYTES), .capacity = FRAME_BYTES, .handle = 2}};
    struct tt_call call = {.abi = TT_ABI,
                           .size = sizeof call,
                           .index = deed,
                           .media_ns = touch,
                           .in_count = 1,
                           .out_count = 1,
                           .frames = (tt_addr)(uintptr_t)frames};

    if (tt_slot_process(slot, &call) < 0)
        fail(tt_trap_words(slot->report.trap));
}

static json_t *made(uint32_t pages, uint32_t rounds, bool has_window)
{
    struct tt_module module = module_of(pages);
    struct tt_image image = image_of(&module);
    json_t *samples = json_array();
    struct tt_slot *slot = has_window ? NULL : new_slot(true);

    for (uint32_t n = 0; n < rounds; n++) {
        int64_t begun_ns = now_ns();

        if (has_window)
            slot = new_slot(false);
        if (tt_slot_load(slot, &module, &image, 0, NULL) < 0)
            fail("an instance is not made");
        process(slot, FAKE_COPY, 0);
        json_array_append_new(samples, json_integer(now_ns() - begun_ns));
        if (has_window)
            tt_slot_close(&slot);
        else
            (void)tt_space_shut(slot->memory, 0, image.memory_bytes);
    }
    tt_slot_close(&slot);
    tt_image_close(&image);
    return samples;
}

/* The same slot for the same module again. */
static json_t *again(uint32_t pages, uint32_t rounds)
{
    struct tt_module module = module_of(pages);
    struct tt_image image = image_of(&module);
    json_t *samples = json_array();
    struct tt_slot *slot = new_slot(true);

    if (tt_slot_load(slot, &module, &image, 0, NULL) < 0)
        fail("an instance is not made");
    for (uint32_t n = 0; n < rounds; n++) {
        int64_t begun_ns;

        process(slot, FAKE_COPY, 0);
        begun_ns = now_ns();
        if (tt_slot_reset(slot) < 0)
            fail("an instance does not begin anew");
        process(slot, FAKE_COPY, 0);
        json_array_append_new(samples, json_integer(now_ns() - begun_ns));
    }
    tt_slot_close(&slot);
    tt_image_close(&image);
    return samples;
}

/* A component of ours, audio.gain on a millisecond of stereo: state, init(), open(), process(). */
static json_t *builtin(uint32_t rounds)
{
    struct harness_params params = {.component = tt_component_find("audio.gain"),
                                    .in_count = 1,
                                    .out_count = 1,
                                    .rate = {1000, 1}};
    const struct tt_component *component = params.component;
    json_t *samples = json_array();
    struct harness harness;

    tt_format_audio(&params.in[0], TT_F32P, 48000, 2, 48);
    params.in[0].rate = params.rate;
    harness_open(&harness, &params);
    (void)harness_input(&harness, 0, 0, 0, 1000000);
    (void)harness_call(&harness, 0, 0, 1000000);
    for (uint32_t n = 0; n < rounds; n++) {
        int64_t begun_ns = now_ns();
        struct tt_call call = {.abi = TT_ABI,
                               .size = sizeof call,
                               .in_count = 1,
                               .out_count = 1,
                               .frames = (tt_addr)(uintptr_t)harness.frames};
        uint64_t bytes = (harness.shape.state_bytes + 64) / 64 * 64;
        void *state = aligned_alloc(64, bytes);

        if (!state)
            fail("no memory");
        memset(state, 0, bytes);
        harness.frames[0].data = (tt_addr)(uintptr_t)harness.data[0];
        harness.frames[0].bytes = harness.frames[0].capacity = harness.capacity[0];
        harness.frames[1].data = (tt_addr)(uintptr_t)harness.data[1];
        harness.frames[1].capacity = harness.capacity[1];
        if ((component->init && component->init(state, &harness.request, &harness.error) < 0) ||
            (component->open &&
             component->open(state, harness.scratch, &harness.host, &harness.request) < 0) ||
            component->process(state, &call) < 0)
            fail("audio.gain does not start");
        json_array_append_new(samples, json_integer(now_ns() - begun_ns));
        if (component->close)
            component->close(state);
        free(state);
    }
    return samples;
}

/* What is nobody else's, and page tables. Pages of files are a snapshot's and the pool's. */
static int64_t private_bytes(void)
{
    int64_t kib = 0, value;
    char line[256];
    FILE *file = fopen("/proc/self/status", "r");

    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "RssAnon: %ld", &value) == 1 || sscanf(line, "VmPTE: %ld", &value) == 1)
            kib += value;
    if (file)
        (void)fclose(file);
    return kib * 1024;
}

static void visit_all(struct tt_slot **slots, enum fake_deed deed)
{
    for (uint32_t n = 0; n < INSTANCES; n++)
        process(slots[n], deed, 0);
}

/* One after the other, so that none is in the cache; batch means, as one call is shorter than what
 * reading a clock may cost. */
static json_t *switched(struct tt_slot **slots, enum fake_deed deed)
{
    json_t *samples = json_array();

    for (uint32_t turn = 0; turn < SWITCH_TURNS + 2; turn++) {
        int64_t begun_ns = now_ns();

        visit_all(slots, deed);
        if (turn >= 2)
            json_array_append_new(samples, json_real((double)(now_ns() - begun_ns) / INSTANCES));
    }
    return samples;
}

/* is_filled: also with the page tables of all frames, so that none is the first. */
static json_t *thousand(bool is_filled)
{
    struct tt_module module = module_of(1);
    static struct tt_slot *slots[INSTANCES];
    struct tt_image image;
    int64_t before, idle;
    json_t *ret;

    image = image_of(&module);
    (void)malloc_trim(0);
    before = private_bytes();
    for (uint32_t n = 0; n < INSTANCES; n++) {
        slots[n] = new_slot(is_filled);
        if (tt_slot_load(slots[n], &module, &image, 0, NULL) < 0)
            fail("an instance is not made");
        process(slots[n], FAKE_COPY, 0);
    }
    idle = (private_bytes() - before) / INSTANCES;
    ret = json_pack("{sI so so}", "idle_bytes", (json_int_t)idle, "switch_nothing_ns",
                    switched(slots, FAKE_NOTHING), "switch_ns", switched(slots, FAKE_COPY));
    for (uint32_t n = 0; n < INSTANCES; n++)
        tt_slot_close(&slots[n]);
    tt_image_close(&image);
    return ret;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        uint32_t pages;
    } sizes[] = {{"64k", 1}, {"1m", 16}, {"16m", 256}};
    uint32_t rounds = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 2000;
    json_t *all = json_object(), *made_ns = json_object(), *window_ns = json_object(),
           *again_ns = json_object();
    struct tt_error err = {0};

    if (tt_space_open(&space, INSTANCES + 8, &err) < 0)
        fail(err.text);
    if (tt_trap_install(NULL) < 0 || tt_trap_thread(NULL) < 0)
        fail("no handlers");
    make_pool();
    for (size_t n = 0; n < sizeof sizes / sizeof *sizes; n++) {
        json_object_set_new(made_ns, sizes[n].name, made(sizes[n].pages, rounds, false));
        json_object_set_new(window_ns, sizes[n].name, made(sizes[n].pages, rounds, true));
        json_object_set_new(again_ns, sizes[n].name, again(sizes[n].pages, rounds));
    }
    json_object_set_new(all, "made_ns", made_ns);
    json_object_set_new(all, "window_ns", window_ns);
    json_object_set_new(all, "again_ns", again_ns);
    json_object_set_new(all, "builtin_ns", builtin(rounds));
    json_object_set_new(all, "thousand", thousand(false));
    json_object_set_new(all, "filled", thousand(true));
    json_object_set_new(all, "pool_page_bytes", json_integer((json_int_t)pool_page_bytes));
    (void)json_dumpf(all, stdout, JSON_COMPACT);
    (void)putchar('\n');
    return 0;
}
