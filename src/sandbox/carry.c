/* A slot's state on its way from one container to another. */
#include "sandbox/carry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/assert.h"

#define PAGE TT_SNAPSHOT_PAGE_BYTES
/* /proc/PID/pagemap (Documentation/admin-guide/mm/pagemap.rst) */
#define PAGEMAP_PRESENT (UINT64_C(1) << 63)
#define PAGEMAP_SWAPPED (UINT64_C(1) << 62)
#define PAGEMAP_OF_FILE (UINT64_C(1) << 61)

enum {
    READY_BYTES = 256 << 10, /* a module's stack and data, mostly */
    MARKS = 512,             /* read at once */
    /* So little is looked at in less time than the kernel takes to say what was written. */
    SMALL_BYTES = 256 << 10
};

static struct tt_sum add(struct tt_sum a, struct tt_sum b)
{
    uint64_t low = a.low + b.low;

    return (struct tt_sum){low, a.high + b.high + (low < a.low)};
}

static uint32_t pages_of(uint64_t bytes)
{
    return (uint32_t)(bytes / PAGE);
}

/* What the image's pages add; *ret is their sum. */
static int sum_image(const struct tt_image *image, struct tt_sum *sums, uint32_t count,
                     struct tt_sum *ret, struct tt_error *err)
{
    uint32_t pages = image ? pages_of(image->memory_bytes) : 0;
    const uint8_t *memory;

    *ret = (struct tt_sum){0, 0};
    if (pages > count)
        return tt_fail(err, -E2BIG, "the state is larger than the component's memory may be");
    if (pages == 0)
        return 0;
    memory =
        mmap(NULL, image->memory_bytes, PROT_READ, MAP_SHARED, image->fd, (off_t)image->memory_at);
    if (memory == MAP_FAILED)
        return tt_fail(err, -errno, "cannot read the state that the component began with: %s",
                       strerror(errno));
    for (uint32_t n = 0; n < pages; n++) {
        sums[n] = tt_sum_of_page(n, memory + (uint64_t)n * PAGE);
        *ret = add(*ret, sums[n]);
    }
    (void)munmap((void *)(uintptr_t)memory, image->memory_bytes);
    return 0;
}

static struct tt_sum *new_sums(const struct tt_slot *slot, struct tt_error *err)
{
    struct tt_sum *sums = calloc(pages_of((uint64_t)slot->pages_max * TT_SLOT_PAGE), sizeof *sums);

    if (!sums)
        (void)tt_fail(err, -ENOMEM, "no memory to move a component");
    return sums;
}

int tt_carry_begin(struct tt_carry_out *carry, struct tt_slot *slot, const uint8_t module[32],
                   uint64_t epoch, struct tt_carry_marks marks, struct tt_writer out,
                   struct tt_error *err)
{
    struct tt_snapshot_head head = {.page_count = pages_of(slot->memory_bytes),
                                    .pages_max = pages_of((uint64_t)slot->pages_max * TT_SLOT_PAGE),
                                    .globals_bytes = slot->module->globals_bytes,
                                    .epoch = epoch};
    int r;

    memset(carry, 0, sizeof *carry);
    if (slot->is_dead)
        return tt_fail(err, -EIO, "the component has trapped, and its state is of no use");
    if (slot->kept_count > 0)
        return tt_fail(err, -EBUSY,
                       "the component keeps frames beyond its calls, and those do not move yet");
    carry->slot = slot;
    carry->marks = marks;
    carry->sums = new_sums(slot, err);
    if (!carry->sums)
        return -ENOMEM;
    memcpy(head.module, module, sizeof head.module);
    r = sum_image(slot->image, carry->sums, head.pages_max, &head.base, err);
    if (r == 0) {
        r = tt_snapshot_begin(&carry->writer, out, &head, carry->sums);
        if (r < 0)
            (void)tt_fail(err, r, "the component's state cannot be told: %s", strerror(-r));
    }
    if (r < 0)
        tt_carry_out_close(carry);
    return r;
}

void tt_carry_out_close(struct tt_carry_out *carry)
{
    tt_watch_end(&carry->watch);
    free(carry->sums);
    carry->sums = NULL;
}

/* Pages that are not the image's file any more, or were never in it. */
static bool may_differ(uint64_t mark)
{
    return (mark & PAGEMAP_SWAPPED) != 0 ||
           ((mark & PAGEMAP_PRESENT) != 0 && (mark & PAGEMAP_OF_FILE) == 0);
}

static int tell_page(struct tt_carry_out *carry, uint32_t number)
{
    return tt_snapshot_page(&carry->writer, number, carry->slot->memory + (uint64_t)number * PAGE);
}

/* From page `at` on: all that differ from the image. */
static int tell_all(struct tt_carry_out *carry, uint32_t at)
{
    uint32_t count = pages_of(carry->slot->memory_bytes);
    uint64_t marks[MARKS];
    bool is_small = carry->slot->memory_bytes <= SMALL_BYTES;
    int fd = is_small ? -1 : carry->marks.pagemap, r = 0;

    for (; at < count && r == 0; at += MARKS) {
        uint32_t some = count - at < MARKS ? count - at : MARKS;
        off_t place = (off_t)(((uintptr_t)carry->slot->memory / PAGE + at) * sizeof *marks);
        ssize_t bytes = (ssize_t)(some * sizeof *marks);
        bool is_marked = fd >= 0 && pread(fd, marks, (size_t)bytes, place) == bytes;

        for (uint32_t n = 0; n < some && r == 0; n++)
            if (!is_marked || may_differ(marks[n]))
                r = tell_page(carry, at + n);
    }
    return r;
}

static int tell_written(struct tt_carry_out *carry, bool is_last)
{
    struct tt_watch_range ranges[MARKS / 4];
    uint64_t at = 0;
    int count, r = 0;

    while (at < carry->watch.bytes && r == 0) {
        count = tt_watch_take(&carry->watch, is_last, &at, ranges, MARKS / 4);
        if (count < 0)
            return count;
        for (int n = 0; n < count && r == 0; n++)
            for (uint64_t page = ranges[n].start; page < ranges[n].end && r == 0; page += PAGE)
                r = tell_page(carry, pages_of(page - (uintptr_t)carry->slot->memory));
    }
    return r;
}

/* Watched before they are looked at for the first time: what is written meanwhile comes again.
 * Memory that grew later is not watched. */
static int tell_pages(struct tt_carry_out *carry, bool is_last)
{
    const struct tt_slot *slot = carry->slot;
    uint64_t number = carry->writer.number;
    int r;

    if (carry->watch.bytes > 0) {
        r = tell_written(carry, is_last);
        if (r == 0)
            r = tell_all(carry, pages_of(carry->watch.bytes));
    } else {
        if (!is_last && slot->memory_bytes > SMALL_BYTES)
            (void)tt_watch_begin(&carry->watch, carry->marks.uffd, carry->marks.pagemap,
                                 slot->memory, slot->memory_bytes);
        r = tell_all(carry, 0);
    }
    carry->pages = (uint32_t)(carry->writer.number - number);
    return r;
}

int tt_carry_round(struct tt_carry_out *carry, uint32_t *ret_pages)
{
    int r = tell_pages(carry, false);

    *ret_pages = carry->pages;
    return r == 0 ? tt_snapshot_round(&carry->writer) : r;
}

int tt_carry_cut(struct tt_carry_out *carry, int64_t index, bool is_told, struct tt_error *err)
{
    const struct tt_slot *slot = carry->slot;
    struct tt_snapshot_cut cut = {.index = index, .page_count = pages_of(slot->memory_bytes)};
    int r;

    if (slot->is_dead || slot->kept_count > 0)
        return tt_fail(err, slot->is_dead ? -EIO : -EBUSY,
                       slot->is_dead ? "the component trapped before it could move"
                                     : "the component keeps frames beyond its calls, and those do "
                                       "not move yet");
    carry->pages = 0;
    r = is_told ? 0 : tell_pages(carry, true);
    if (r < 0)
        return r;
    slot->module->globals_get(slot->instance, cut.globals);
    return tt_snapshot_cut(&carry->writer, &cut);
}

static int on_head(void *ctx, const struct tt_snapshot_head *head, struct tt_error *err)
{
    struct tt_carry_in *carry = ctx;
    struct tt_slot *slot = carry->slot;
    struct tt_sum base;
    int r;

    if (memcmp(head->module, carry->module, sizeof head->module) != 0 ||
        head->globals_bytes != slot->module->globals_bytes)
        return tt_fail(err, -ENOEXEC, "what comes is the state of another component");
    r = sum_image(slot->image, carry->sums, carry->reader.sum_count, &base, err);
    if (r == 0 && (base.low != head->base.low || base.high != head->base.high))
        r = tt_fail(err, -ENOENT, "the state that it began with is another one here");
    return r;
}

static int grow(struct tt_slot *slot, uint64_t bytes)
{
    uint64_t wanted = (bytes + TT_SLOT_PAGE - 1) / TT_SLOT_PAGE * TT_SLOT_PAGE;
    int r;

    if (wanted <= slot->memory_bytes)
        return 0;
    if (wanted > (uint64_t)slot->pages_max * TT_SLOT_PAGE)
        return -E2BIG;
    r = tt_space_blank(slot->memory, slot->memory_bytes, wanted - slot->memory_bytes, NULL);
    if (r < 0)
        return r;
    slot->memory_bytes = wanted;
    slot->module->resized(slot->instance, wanted);
    return 0;
}

static int on_page(void *ctx, uint32_t number, const void *page)
{
    struct tt_carry_in *carry = ctx;
    uint64_t at = (uint64_t)number * PAGE;
    int r = grow(carry->slot, at + PAGE);

    if (r < 0)
        return r;
    if (page)
        memcpy(carry->slot->memory + at, page, PAGE);
    else
        memset(carry->slot->memory + at, 0, PAGE);
    return 0;
}

static int on_cut(void *ctx, const struct tt_snapshot_cut *cut)
{
    struct tt_carry_in *carry = ctx;
    int r = cut->kept_count > 0 ? -EBUSY : grow(carry->slot, (uint64_t)cut->page_count * PAGE);

    if (r < 0)
        return r;
    if (carry->slot->memory_bytes != (uint64_t)cut->page_count * PAGE)
        return -EBADMSG; /* no component's memory ends there */
    carry->slot->module->globals_set(carry->slot->instance, cut->globals);
    carry->index = cut->index;
    return 0;
}

/* A fault costs 5 to 10 us, and its first calls meet those of its stack and data while all stands
 * still. What lies beyond is its own large state: what of that is another here comes with the
 * rounds, and the rest is only read until somebody writes there. */
static void make_ready(const struct tt_slot *slot)
{
    uint64_t first = slot->memory_bytes < READY_BYTES ? slot->memory_bytes : READY_BYTES;

    (void)madvise(slot->memory, first, MADV_POPULATE_WRITE);
    if (slot->memory_bytes > first)
        (void)madvise(slot->memory + first, slot->memory_bytes - first, MADV_POPULATE_READ);
}

int tt_carry_in_begin(struct tt_carry_in *carry, struct tt_slot *slot, const uint8_t module[32],
                      struct tt_error *err)
{
    static const struct tt_snapshot_ops ops = {.head = on_head, .page = on_page, .cut = on_cut};

    memset(carry, 0, sizeof *carry);
    carry->slot = slot;
    memcpy(carry->module, module, sizeof carry->module);
    carry->sums = new_sums(slot, err);
    if (!carry->sums)
        return -ENOMEM;
    make_ready(slot);
    tt_snapshot_reader_init(&carry->reader, &ops, carry, carry->sums,
                            pages_of((uint64_t)slot->pages_max * TT_SLOT_PAGE));
    return 0;
}

int tt_carry_feed(struct tt_carry_in *carry, const void *data, uint64_t bytes, struct tt_error *err)
{
    int r = tt_snapshot_feed(&carry->reader, data, bytes, err);

    if (r < 0 && err && err->text[0] == '\0')
        (void)tt_fail(err, r, "the state does not fit the component's place: %s", strerror(-r));
    return r;
}

void tt_carry_in_close(struct tt_carry_in *carry)
{
    free(carry->sums);
    carry->sums = NULL;
}

struct tt_sum tt_carry_sum(const struct tt_slot *slot)
{
    uint8_t globals[TT_SNAPSHOT_GLOBALS_MAX] = {0};
    struct tt_sum sum;

    tt_assert(slot->module->globals_bytes <= sizeof globals);
    slot->module->globals_get(slot->instance, globals);
    sum = tt_sum_of_globals(globals, slot->module->globals_bytes);
    for (uint32_t n = 0; n < pages_of(slot->memory_bytes); n++)
        sum = add(sum, tt_sum_of_page(n, slot->memory + (uint64_t)n * PAGE));
    return sum;
}
