/* A state goes from one slot to another and the component goes on there as if nothing had been: the
 * same answers, the same sum; with and without the kernel's page marks; while it runs between
 * rounds; refused where it does not belong. */
#include "sandbox/carry.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "check.h"
#include "sandbox/walker.h"

/* More than what is looked at as a whole. */
enum { STREAM_MAX = 4 << 20, PAGES = 6, PAGES_MAX = 10 };

static const uint8_t name[32] = "the walker's WebAssembly";
static uint8_t stream[STREAM_MAX];
static uint64_t stream_bytes;
static struct tt_space space;
static struct tt_module module;
static struct tt_image image;
static struct tt_error err;
static const struct tt_carry_marks none = {-1, -1};

static int put(void *ctx, const void *data, uint64_t bytes)
{
    CHECK(stream_bytes + bytes <= STREAM_MAX);
    memcpy(stream + stream_bytes, data, bytes);
    stream_bytes += bytes;
    return 0;
}

static struct tt_slot *new_slot(void)
{
    struct tt_slot *slot = NULL;

    CHECK_INT(tt_slot_new(&(struct tt_slot_params){.space = &space,
                                                   .instance_bytes = sizeof(struct walker)},
                          &slot, &err),
              0);
    return slot;
}

static struct tt_slot *load(void)
{
    struct tt_slot *slot = new_slot();

    CHECK_INT(tt_slot_load(slot, &module, &image, 0, &err), 0);
    return slot;
}

static int32_t run(struct tt_slot *slot, uint32_t index)
{
    int32_t ret = -1;

    CHECK(tt_slot_enter(slot, TT_ENTRY_PROCESS, index, &ret));
    return ret;
}

static bool is_same(struct tt_sum a, struct tt_sum b)
{
    return a.low == b.low && a.high == b.high;
}

/* is_told: all is told by a last round, and nothing happens between that and the end. */
static void go_there(int pagemap, int uffd, bool is_told)
{
    struct tt_slot *here = load(), *there = load(), *twin = load();
    struct tt_carry_out out;
    struct tt_carry_in in;
    uint32_t pages, index = 0;

    stream_bytes = 0;
    CHECK_INT(tt_carry_begin(&out, here, name, 3, (struct tt_carry_marks){pagemap, uffd},
                             (struct tt_writer){.put = put}, &err),
              0);
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t n = 0; n < 5; n++, index++) {
            CHECK_INT(run(here, index), run(twin, index));
        }
        CHECK_INT(tt_carry_round(&out, &pages), 0);
        CHECK(pages > 0 && pages <= 5 * module.globals_bytes);
    }
    CHECK_INT(run(here, index), run(twin, index));
    index++;
    if (is_told)
        CHECK_INT(tt_carry_round(&out, &pages), 0);
    CHECK_INT(tt_carry_cut(&out, index, is_told, &err), 0);
    CHECK(is_told ? out.pages == 0 : out.pages <= walker_pages_a_frame);

    CHECK_INT(tt_carry_in_begin(&in, there, name, &err), 0);
    for (uint64_t at = 0; at < stream_bytes; at += 1000)
        CHECK_INT(tt_carry_feed(&in, stream + at,
                                stream_bytes - at < 1000 ? stream_bytes - at : 1000, &err),
                  0);
    CHECK(in.reader.is_over);
    CHECK_INT(in.reader.rounds, is_told ? 4 : 3);
    CHECK_INT(in.index, index);
    CHECK(is_same(tt_carry_sum(here), tt_carry_sum(there)));
    CHECK(is_same(in.reader.cut.sum, tt_carry_sum(there)));
    for (uint32_t n = 0; n < 20; n++, index++)
        CHECK_INT(run(there, index), run(twin, index));
    CHECK(is_same(tt_carry_sum(twin), tt_carry_sum(there)));
    tt_carry_out_close(&out);
    tt_carry_in_close(&in);
    tt_slot_close(&here);
    tt_slot_close(&there);
    tt_slot_close(&twin);
}

static void it_goes_on_there_by_marks(void)
{
    int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        fprintf(stderr, "  left out: no /proc/self/pagemap here\n");
        return;
    }
    go_there(fd, -1, false);
    CHECK(stream_bytes < 100 * 4200); /* not all of 64 pages in each of three rounds */
    (void)close(fd);
}

static void it_goes_on_there_by_a_watch(void)
{
    int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC), uffd = tt_watch_open_uffd();
    struct tt_slot *slot = load();
    struct tt_watch watch;

    if (!tt_watch_begin(&watch, uffd, fd, slot->memory, slot->memory_bytes)) {
        fprintf(stderr, "  left out: this kernel watches no pages\n");
        return;
    }
    tt_watch_end(&watch);
    tt_slot_close(&slot);
    go_there(fd, uffd, false);
    (void)close(uffd);
    (void)close(fd);
}

/* What was written is told once, and again when it is written again; all of it, when it is much. */
static void a_watch_tells_what_was_written(void)
{
    int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC), uffd = tt_watch_open_uffd();
    struct tt_slot *slot = load();
    struct tt_watch_range ranges[4];
    struct tt_watch watch;
    uint64_t at = 0, told = 0;

    if (!tt_watch_begin(&watch, uffd, fd, slot->memory, slot->memory_bytes))
        return;
    CHECK_INT(tt_watch_take(&watch, false, &at, ranges, 4), 0);
    slot->memory[3 * 4096] = 1;
    at = 0;
    CHECK_INT(tt_watch_take(&watch, false, &at, ranges, 4), 1);
    CHECK_INT(ranges[0].start - (uintptr_t)slot->memory, 3 * 4096);
    CHECK_INT(ranges[0].end - ranges[0].start, 4096);
    at = 0;
    CHECK_INT(tt_watch_take(&watch, false, &at, ranges, 4), 0);
    for (uint64_t page = 1; page < slot->memory_bytes / 4096; page += 2)
        slot->memory[page * 4096] = 2;
    at = 0;
    while (at < slot->memory_bytes) {
        int count = tt_watch_take(&watch, false, &at, ranges, 4);

        CHECK(count >= 0 && count <= 4);
        told += (uint64_t)count;
    }
    CHECK_INT(told, slot->memory_bytes / 4096 / 2);
    tt_watch_end(&watch);
    tt_slot_close(&slot);
    (void)close(uffd);
    (void)close(fd);
}

static void it_goes_on_there_without_marks(void)
{
    go_there(-1, -1, false);
}

static void what_wrote_nothing_since_is_not_looked_at_again(void)
{
    go_there(-1, -1, true);
}

static void memory_that_grew_comes_along(void)
{
    struct tt_slot *here = load(), *there = load();
    struct tt_carry_out out;
    struct tt_carry_in in;

    stream_bytes = 0;
    CHECK_INT(tt_carry_begin(&out, here, name, 0, none, (struct tt_writer){.put = put}, &err), 0);
    CHECK_INT(tt_space_blank(here->memory, here->memory_bytes, 2 * TT_SLOT_PAGE, &err), 0);
    here->memory_bytes += 2 * TT_SLOT_PAGE;
    module.resized(here->instance, here->memory_bytes);
    here->memory[here->memory_bytes - 1] = 77;
    CHECK_INT(tt_carry_cut(&out, 1, false, &err), 0);
    CHECK_INT(tt_carry_in_begin(&in, there, name, &err), 0);
    CHECK_INT(tt_carry_feed(&in, stream, stream_bytes, &err), 0);
    CHECK_INT(there->memory_bytes, (PAGES + 2) * TT_SLOT_PAGE);
    CHECK_INT(there->memory[there->memory_bytes - 1], 77);
    CHECK(is_same(tt_carry_sum(here), tt_carry_sum(there)));
    tt_carry_out_close(&out);
    tt_carry_in_close(&in);
    tt_slot_close(&here);
    tt_slot_close(&there);
}

static void a_stranger_is_refused(void)
{
    static const uint8_t other[32] = "another one";
    struct tt_slot *here = load(), *there = load();
    struct tt_image later;
    struct tt_carry_out out;
    struct tt_carry_in in;

    stream_bytes = 0;
    CHECK_INT(tt_carry_begin(&out, here, name, 0, none, (struct tt_writer){.put = put}, &err), 0);
    CHECK_INT(tt_carry_cut(&out, 1, false, &err), 0);
    tt_carry_out_close(&out);
    CHECK_INT(tt_carry_in_begin(&in, there, other, &err), 0);
    CHECK_INT(tt_carry_feed(&in, stream, stream_bytes, &err), -ENOEXEC);
    tt_carry_in_close(&in);

    (void)run(here, 1); /* the same component, but it began elsewhere */
    CHECK_INT(tt_slot_save(here, &later, &err), 0);
    CHECK_INT(tt_slot_load(there, &module, &later, 0, &err), 0);
    CHECK_INT(tt_carry_in_begin(&in, there, name, &err), 0);
    CHECK_INT(tt_carry_feed(&in, stream, stream_bytes, &err), -ENOENT);
    tt_carry_in_close(&in);

    here->kept_count = 1;
    CHECK_INT(tt_carry_begin(&out, here, name, 0, none, (struct tt_writer){.put = put}, &err),
              -EBUSY);
    here->kept_count = 0;
    tt_slot_close(&here);
    tt_slot_close(&there);
    tt_image_close(&later);
}

int main(void)
{
    struct tt_slot *first;

    walker_pages_a_frame = 6;
    module = walker_module(PAGES, PAGES_MAX);
    CHECK_INT(tt_space_open(&space, 4, &err), 0);
    first = new_slot();
    CHECK_INT(tt_slot_start(first, &module, 0, &err), 0);
    CHECK_INT(tt_slot_save(first, &image, &err), 0);
    tt_slot_close(&first);
    RUN(it_goes_on_there_by_marks);
    RUN(it_goes_on_there_by_a_watch);
    RUN(a_watch_tells_what_was_written);
    RUN(it_goes_on_there_without_marks);
    RUN(what_wrote_nothing_since_is_not_looked_at_again);
    RUN(memory_that_grew_comes_along);
    RUN(a_stranger_is_refused);
    tt_image_close(&image);
    tt_space_close(&space);
    return 0;
}
