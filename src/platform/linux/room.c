/* Memory of a process that works against a clock. */
#include "platform/linux/room.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* A fault is a microsecond: a service of two components needs 40 pages of the first and 100 of the
 * second. */
enum {
    AHEAD_BYTES = 1 << 20,
    HEAP_BYTES = 512 << 10,
    STACK_BYTES = 192 << 10,
    HUGE_BYTES = 2 << 20,
    PAGE_BYTES = 4 << 10
};

static struct {
    char *next;
    uint64_t bytes;
} ahead; /* what was made by tt_room_prepare() and is not taken */

static uint64_t round_up(uint64_t bytes, uint64_t step)
{
    return (bytes + step - 1) / step * step;
}

/* MAP_POPULATE leaves out what is locked as it is touched. */
static void *make(uint64_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        return NULL;
    (void)madvise(memory, bytes, MADV_POPULATE_WRITE);
    return memory;
}

/* What is freed at the heap's end stays there for what is asked for next. */
static void grow_heap(void)
{
    void *block;

    (void)mallopt(M_MMAP_THRESHOLD, 2 * HEAP_BYTES);
    (void)mallopt(M_TRIM_THRESHOLD, 64 * HEAP_BYTES);
    block = malloc(HEAP_BYTES);
    if (block)
        memset(block, 0xff, HEAP_BYTES);
    __asm__ volatile("" : : "r"(block) : "memory"); /* or the compiler would leave it all out */
    free(block);
    /* What is larger comes from the kernel, which zeroes it where it is touched. */
    (void)mallopt(M_MMAP_THRESHOLD, 128 << 10);
}

/* The main thread's: it grows as it is touched, and what reads messages wants 64 KiB of it. */
static __attribute__((noinline)) void touch_stack(void)
{
    volatile char room[STACK_BYTES];

    for (size_t n = 0; n < sizeof room; n += PAGE_BYTES)
        room[n] = 0;
}

bool tt_room_prepare(void)
{
    struct rlimit limit = {0, 0};

    touch_stack();
    ahead.next = make(AHEAD_BYTES);
    ahead.bytes = ahead.next ? AHEAD_BYTES : 0;
    grow_heap();
    /* With a limit that could be reached, mapping would be what fails. */
    return tt_room_lock() && getrlimit(RLIMIT_MEMLOCK, &limit) == 0 &&
           limit.rlim_cur == RLIM_INFINITY && mlockall(MCL_FUTURE | MCL_ONFAULT) == 0;
}

bool tt_room_lock(void)
{
    return mlockall(MCL_CURRENT | MCL_ONFAULT) == 0;
}

void *tt_room_take(uint64_t bytes)
{
    uint64_t whole = round_up(bytes, PAGE_BYTES);
    void *ret = ahead.next;

    if (bytes == 0 || bytes > UINT64_C(1) << 40)
        return NULL;
    if (whole > ahead.bytes)
        return make(bytes);
    ahead.next += whole;
    ahead.bytes -= whole;
    return ret;
}

/* Where a page of 2 MiB of the file can be one of ours; NULL: anywhere. */
static void *huge_place(uint64_t bytes)
{
    char *place, *ret;

    if (bytes < HUGE_BYTES)
        return NULL;
    place = mmap(NULL, bytes + HUGE_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                 -1, 0);
    if (place == MAP_FAILED)
        return NULL;
    ret = (char *)(uintptr_t)round_up((uintptr_t)place, HUGE_BYTES);
    if (ret > place)
        (void)munmap(place, (size_t)(ret - place));
    (void)munmap(ret + bytes, (size_t)(place + HUGE_BYTES - ret));
    return ret;
}

int tt_room_map(int fd, uint64_t bytes, bool is_writable, bool is_at_once, void **ret)
{
    int protection = is_writable ? PROT_READ | PROT_WRITE : PROT_READ;
    struct stat about;
    void *memory, *place;
    uint64_t whole = round_up(bytes, HUGE_BYTES);

    if (fstat(fd, &about) < 0)
        return -errno;
    if (about.st_size < 0 || (uint64_t)about.st_size < bytes || bytes == 0)
        return -EPROTO;
    if ((uint64_t)about.st_size < whole)
        whole = bytes;
    place = huge_place(whole);
    memory = mmap(place, whole, protection, place ? MAP_SHARED | MAP_FIXED : MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        return -errno;
    /* Reading alone makes a page of shared memory, and one that may be written. */
    if (is_at_once)
        (void)madvise(memory, whole, MADV_POPULATE_READ);
    *ret = memory;
    return 0;
}

void tt_room_touch(void *memory, uint64_t bytes)
{
    (void)madvise(memory, bytes, MADV_POPULATE_READ);
}
