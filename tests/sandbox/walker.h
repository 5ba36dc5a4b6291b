/* A component for tests of moving, as a translated module shows itself: it walks through its memory
 * and writes to so many pages a frame, so that its state is a function of what it was and of the
 * index. `memory_kib` of it were written to when it began. */
#ifndef TT_TESTS_SANDBOX_WALKER_H
#define TT_TESTS_SANDBOX_WALKER_H

#include <string.h>

#include "sandbox/slot.h"

struct walker_globals {
    uint64_t walk;
    uint32_t frames, pages_a_frame;
};

struct walker {
    uint8_t *memory;
    uint64_t memory_bytes;
    const struct tt_module_host *host;
    void *ctx;
    struct walker_globals globals;
};

static uint32_t walker_pages_a_frame; /* of instances that start */

static inline uint64_t walker_next(struct walker *walker)
{
    walker->globals.walk = walker->globals.walk * 6364136223846793005u + 1442695040888963407u;
    return walker->globals.walk >> 33;
}

static void walker_bind(void *instance, uint8_t *memory, uint64_t memory_bytes,
                        const struct tt_module_host *host, void *ctx)
{
    struct walker *walker = instance;

    *walker =
        (struct walker){.memory = memory, .memory_bytes = memory_bytes, .host = host, .ctx = ctx};
}

static void walker_start(void *instance)
{
    struct walker *walker = instance;

    walker->globals = (struct walker_globals){.walk = 1, .pages_a_frame = walker_pages_a_frame};
    for (uint64_t at = 0; at < walker->memory_bytes; at += sizeof(uint64_t)) {
        uint64_t value = at * 0x9e3779b97f4a7c15u;

        memcpy(walker->memory + at, &value, sizeof(value));
    }
}

static void walker_globals_get(const void *instance, void *ret)
{
    memcpy(ret, &((const struct walker *)instance)->globals, sizeof(struct walker_globals));
}

static void walker_globals_set(void *instance, const void *globals)
{
    memcpy(&((struct walker *)instance)->globals, globals, sizeof(struct walker_globals));
}

static void walker_resized(void *instance, uint64_t memory_bytes)
{
    ((struct walker *)instance)->memory_bytes = memory_bytes;
}

/* record: the index; the answer depends on everything that was written before. */
static int32_t walker_enter(void *instance, enum tt_entry entry, uint32_t record)
{
    struct walker *walker = instance;
    uint64_t sum = record;

    if (entry != TT_ENTRY_PROCESS)
        return 0;
    for (uint32_t n = 0; n < walker->globals.pages_a_frame; n++) {
        uint64_t page = walker_next(walker) % (walker->memory_bytes / 4096), value;
        uint8_t *at = walker->memory + page * 4096 + walker_next(walker) % 512 * 8;

        memcpy(&value, at, sizeof(value));
        sum += value;
        value = value * 31 + record + walker->globals.frames;
        memcpy(at, &value, sizeof(value));
    }
    walker->globals.frames++;
    return (int32_t)(sum & 0x7fffffff);
}

static const char *walker_name_of(const void *address, uint32_t *ret_function)
{
    return NULL;
}

/* pages: of 64 KiB. */
static inline struct tt_module walker_module(uint32_t pages, uint32_t pages_max)
{
    return (struct tt_module){.abi = TT_MODULE_ABI,
                              .size = sizeof(struct tt_module),
                              .pages = pages,
                              .pages_max = pages_max,
                              .instance_bytes = sizeof(struct walker),
                              .globals_bytes = sizeof(struct walker_globals),
                              .bind = walker_bind,
                              .start = walker_start,
                              .globals_get = walker_globals_get,
                              .globals_set = walker_globals_set,
                              .resized = walker_resized,
                              .enter = walker_enter,
                              .name_of = walker_name_of};
}

#endif
