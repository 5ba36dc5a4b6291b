/* Slots, snapshots and windows by mmap(2). */
#include "sandbox/space.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ALIGN_BYTES (2ull << 20)
#define PAGE_BYTES 4096ull

#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24 /* newer than this C library */
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

static uint64_t round_up(uint64_t bytes, uint64_t step)
{
    return (bytes + step - 1) / step * step;
}

int tt_space_open(struct tt_space *space, uint32_t slot_count, struct tt_error *err)
{
    uint64_t bytes = slot_count * TT_SLOT_STRIDE + ALIGN_BYTES;
    void *reserved;

    memset(space, 0, sizeof *space);
    space->free = calloc(slot_count, sizeof *space->free);
    if (!space->free)
        return tt_fail(err, -ENOMEM, "no memory for a list of %u slots", slot_count);
    reserved = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (reserved == MAP_FAILED) {
        free(space->free);
        space->free = NULL;
        return tt_fail(err, -ENOMEM, "the machine grants no %llu GiB of addresses for %u slots: %s",
                       (unsigned long long)(bytes >> 30), slot_count, strerror(errno));
    }
    space->reserved = reserved;
    space->reserved_bytes = bytes;
    space->first = (uint8_t *)(uintptr_t)round_up((uintptr_t)reserved, ALIGN_BYTES);
    space->slot_count = slot_count;
    while (space->free_count < slot_count) {
        space->free[space->free_count] = slot_count - 1 - space->free_count;
        space->free_count++;
    }
    return 0;
}

void tt_space_close(struct tt_space *space)
{
    if (space->reserved)
        (void)munmap(space->reserved, space->reserved_bytes);
    free(space->free);
    memset(space, 0, sizeof *space);
}

uint8_t *tt_space_take(struct tt_space *space)
{
    if (space->free_count == 0)
        return NULL;
    return space->first + space->free[--space->free_count] * TT_SLOT_STRIDE;
}

void tt_space_give(struct tt_space *space, uint8_t *memory)
{
    (void)tt_space_shut(memory, 0, TT_SLOT_STRIDE - ALIGN_BYTES);
    space->free[space->free_count++] =
        (uint32_t)((uint64_t)(memory - space->first) / TT_SLOT_STRIDE);
}

static int map_over(uint8_t *at, uint64_t bytes, int rights, int flags, int fd, uint64_t offset)
{
    return mmap(at, bytes, rights, flags | MAP_FIXED, fd, (off_t)offset) == MAP_FAILED ? -errno : 0;
}

int tt_space_blank(uint8_t *memory, uint64_t at, uint64_t bytes, struct tt_error *err)
{
    int r =
        map_over(memory + at, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return r < 0 ? tt_fail(err, r, "no memory of %llu KiB in a slot: %s",
                           (unsigned long long)(bytes >> 10), strerror(-r))
                 : 0;
}

int tt_space_shut(uint8_t *memory, uint64_t at, uint64_t bytes)
{
    return map_over(memory + at, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
                    0);
}

static int write_all(int fd, const void *data, uint64_t bytes, uint64_t at)
{
    while (bytes > 0) {
        ssize_t done = pwrite(fd, data, bytes, (off_t)at);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return done < 0 ? -errno : -EIO;
        data = (const uint8_t *)data + done;
        bytes -= (uint64_t)done;
        at += (uint64_t)done;
    }
    return 0;
}

/* A file that shrank would end every instance with a signal that says nothing, hence the seals. */
static int fill(struct tt_image *image, const void *globals, const void *memory)
{
    const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
    void *mapped = NULL;
    int r = 0;

    if (ftruncate(image->fd, (off_t)(image->memory_at + image->memory_bytes)) < 0)
        return -errno;
    r = write_all(image->fd, globals, image->globals_bytes, 0);
    if (r == 0)
        r = write_all(image->fd, memory, image->memory_bytes, image->memory_at);
    if (r == 0 && fcntl(image->fd, F_ADD_SEALS, seals) < 0)
        r = -errno;
    if (r < 0 || image->globals_bytes == 0)
        return r;
    mapped = mmap(NULL, image->memory_at, PROT_READ, MAP_SHARED, image->fd, 0);
    if (mapped == MAP_FAILED)
        return -errno;
    image->globals = mapped;
    return 0;
}

int tt_image_make(const void *globals, uint64_t globals_bytes, const void *memory,
                  uint64_t memory_bytes, struct tt_image *ret, struct tt_error *err)
{
    struct tt_image image = {.fd = memfd_create("tactus-state", MFD_CLOEXEC | MFD_ALLOW_SEALING),
                             .memory_bytes = memory_bytes,
                             .globals_bytes = globals_bytes,
                             .memory_at = round_up(globals_bytes, PAGE_BYTES)};
    int r = image.fd < 0 ? -errno : fill(&image, globals, memory);

    if (r < 0) {
        tt_image_close(&image);
        return tt_fail(err, r, "cannot keep a state of %llu KiB: %s",
                       (unsigned long long)((globals_bytes + memory_bytes) >> 10), strerror(-r));
    }
    *ret = image;
    return 0;
}

void tt_image_close(struct tt_image *image)
{
    if (image->globals)
        (void)munmap((void *)(uintptr_t)image->globals, image->memory_at);
    if (image->fd >= 0)
        (void)close(image->fd);
    *image = (struct tt_image){.fd = -1};
}

static int map_image(const struct tt_image *image, uint8_t *memory)
{
    if (image->memory_bytes == 0)
        return 0;
    return map_over(memory, image->memory_bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_NORESERVE, image->fd, image->memory_at);
}

int tt_image_map(const struct tt_image *image, uint8_t *memory, struct tt_error *err)
{
    int r = map_image(image, memory);

    return r < 0 ? tt_fail(err, r, "cannot map a state of %llu KiB: %s",
                           (unsigned long long)(image->memory_bytes >> 10), strerror(-r))
                 : 0;
}

/* Memory of a worker is locked, and what is locked the kernel drops by another name only. */
int tt_image_reset(const struct tt_image *image, uint8_t *memory)
{
    if (image->memory_bytes == 0)
        return 0;
    if (madvise(memory, image->memory_bytes, MADV_DONTNEED_LOCKED) == 0 ||
        madvise(memory, image->memory_bytes, MADV_DONTNEED) == 0)
        return 0;
    return map_image(image, memory);
}

/* An old size of 0 makes a second mapping of the same pages: no descriptor is needed, which those
 * who have a pool's memory have long closed. */
int tt_space_window(uint8_t *memory, uint64_t at, const uint8_t *from, uint64_t bytes,
                    struct tt_error *err)
{
    void *to = memory + at;

    if (at < TT_SLOT_WINDOW || bytes > TT_SLOT_WINDOW_END || at > TT_SLOT_WINDOW_END - bytes)
        return tt_fail(err, -E2BIG, "a service's frames of %llu MiB do not fit a slot's window",
                       (unsigned long long)(bytes >> 20));
    if (mremap((void *)(uintptr_t)from, 0, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to) != to)
        return tt_fail(err, -errno, "cannot show frames to a slot: %s", strerror(errno));
    return 0;
}

int tt_space_fill(uint8_t *memory, uint64_t at, uint64_t bytes, bool is_writable)
{
    int advice = is_writable ? MADV_POPULATE_WRITE : MADV_POPULATE_READ;

    return madvise(memory + at, bytes, advice) < 0 ? -errno : 0;
}

int tt_space_grant(uint8_t *memory, uint64_t at, uint64_t bytes, enum tt_grant grant)
{
    static const int rights[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE};

    return mprotect(memory + at, bytes, rights[grant]) < 0 ? -errno : 0;
}
