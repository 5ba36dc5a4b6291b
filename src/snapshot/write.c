/* Writes a component's state as units: head, pages and rounds, cut. */
#define XXH_INLINE_ALL
#include <errno.h>
#include <string.h>
#include <xxhash.h>

#include "snapshot/bytes.h"

static bool is_zero(const void *page)
{
    const uint8_t *bytes = page;

    return bytes[0] == 0 && memcmp(bytes, bytes + 1, TT_SNAPSHOT_PAGE_BYTES - 1) == 0;
}

struct tt_sum tt_sum_of_page(uint32_t number, const void *page)
{
    XXH128_hash_t hash;

    if (is_zero(page))
        return (struct tt_sum){0, 0};
    hash = XXH3_128bits_withSeed(page, TT_SNAPSHOT_PAGE_BYTES, (uint64_t)number + 1);
    return (struct tt_sum){hash.low64, hash.high64};
}

struct tt_sum tt_sum_of_globals(const void *globals, uint32_t bytes)
{
    XXH128_hash_t hash = XXH3_128bits_withSeed(globals, bytes, 0);

    return (struct tt_sum){hash.low64, hash.high64};
}

uint64_t unit_check(uint64_t before, const uint8_t *unit, const void *body, uint32_t bytes)
{
    uint64_t head = XXH3_64bits_withSeed(unit, UNIT_SEALED, before);

    return XXH3_64bits_withSeed(body, bytes, head);
}

/* The body lies in two pieces: what is small, and a page. */
static int put_unit(struct tt_snapshot_writer *writer, enum unit_kind kind, uint8_t *unit,
                    uint32_t bytes)
{
    put32(unit, kind);
    put32(unit + 4, bytes);
    put64(unit + 8, writer->number++);
    writer->check = unit_check(writer->check, unit, unit + UNIT_BYTES, bytes);
    put64(unit + UNIT_SEALED, writer->check);
    return writer->out.put(writer->out.ctx, unit, UNIT_BYTES + bytes);
}

int tt_snapshot_begin(struct tt_snapshot_writer *writer, struct tt_writer out,
                      const struct tt_snapshot_head *head, struct tt_sum *sums)
{
    uint8_t unit[UNIT_BYTES + HEAD_BYTES] = {0}, *body = unit + UNIT_BYTES;

    memset(writer, 0, sizeof(*writer));
    if (head->pages_max > TT_SNAPSHOT_PAGES_MAX || head->page_count > head->pages_max ||
        head->globals_bytes > TT_SNAPSHOT_GLOBALS_MAX)
        return -EINVAL;
    writer->out = out;
    writer->head = *head;
    writer->sums = sums;
    for (uint32_t n = 0; n < head->pages_max; n++)
        writer->sum = sum_add(writer->sum, sums[n]);
    memcpy(body, SNAPSHOT_MAGIC, 6);
    body[6] = SNAPSHOT_VERSION;
    memcpy(body + 8, head->module, 32);
    put64(body + 40, head->base.low);
    put64(body + 48, head->base.high);
    put32(body + 56, head->page_count);
    put32(body + 60, head->pages_max);
    put32(body + 64, head->globals_bytes);
    put64(body + 72, head->epoch);
    return put_unit(writer, UNIT_HEAD, unit, HEAD_BYTES);
}

int tt_snapshot_page(struct tt_snapshot_writer *writer, uint32_t number, const void *page)
{
    uint8_t unit[UNIT_BYTES + PAGE_HEAD_BYTES + TT_SNAPSHOT_PAGE_BYTES];
    struct tt_sum sum;
    uint32_t bytes = PAGE_HEAD_BYTES;

    if (writer->is_over || number >= writer->head.pages_max)
        return -EINVAL;
    sum = tt_sum_of_page(number, page);
    if (sum_is_same(sum, writer->sums[number]))
        return 0;
    put32(unit + UNIT_BYTES, number);
    if (sum.low != 0 || sum.high != 0) {
        memcpy(unit + UNIT_BYTES + PAGE_HEAD_BYTES, page, TT_SNAPSHOT_PAGE_BYTES);
        bytes += TT_SNAPSHOT_PAGE_BYTES;
        /* The page may be written to meanwhile: what is sent is what is summed. */
        sum = tt_sum_of_page(number, unit + UNIT_BYTES + PAGE_HEAD_BYTES);
    }
    writer->sum = sum_add(sum_less(writer->sum, writer->sums[number]), sum);
    writer->sums[number] = sum;
    return put_unit(writer, UNIT_PAGE, unit, bytes);
}

int tt_snapshot_round(struct tt_snapshot_writer *writer)
{
    uint8_t unit[UNIT_BYTES + ROUND_BYTES];

    if (writer->is_over)
        return -EINVAL;
    if (writer->rounds >= TT_SNAPSHOT_ROUNDS_MAX)
        return -E2BIG;
    put32(unit + UNIT_BYTES, ++writer->rounds);
    return put_unit(writer, UNIT_ROUND, unit, ROUND_BYTES);
}

int tt_snapshot_cut(struct tt_snapshot_writer *writer, struct tt_snapshot_cut *cut)
{
    uint8_t
        unit[UNIT_BYTES + CUT_BYTES + KEPT_BYTES * TT_SNAPSHOT_KEPT_MAX + TT_SNAPSHOT_GLOBALS_MAX];
    uint8_t *at = unit + UNIT_BYTES;

    if (writer->is_over || cut->kept_count > TT_SNAPSHOT_KEPT_MAX ||
        cut->page_count > writer->head.pages_max || cut->page_count < writer->head.page_count)
        return -EINVAL;
    cut->sum = sum_add(writer->sum, tt_sum_of_globals(cut->globals, writer->head.globals_bytes));
    put64(at, (uint64_t)cut->index);
    put32(at + 8, cut->page_count);
    put32(at + 12, cut->kept_count);
    put32(at + 16, writer->head.globals_bytes);
    put32(at + 20, 0);
    put64(at + 24, cut->sum.low);
    put64(at + 32, cut->sum.high);
    at += CUT_BYTES;
    for (uint32_t n = 0; n < cut->kept_count; n++, at += KEPT_BYTES) {
        put32(at, cut->kept[n].handle);
        put32(at + 4, cut->kept[n].port);
        put64(at + 8, (uint64_t)cut->kept[n].index);
    }
    memcpy(at, cut->globals, writer->head.globals_bytes);
    at += writer->head.globals_bytes;
    writer->is_over = true;
    return put_unit(writer, UNIT_CUT, unit, (uint32_t)(at - unit) - UNIT_BYTES);
}
