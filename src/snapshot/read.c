/* Reads a component's state from a stream that anybody may have written. */
#include <errno.h>
#include <string.h>

#include "snapshot/bytes.h"

void tt_snapshot_reader_init(struct tt_snapshot_reader *reader, const struct tt_snapshot_ops *ops,
                             void *ctx, struct tt_sum *sums, uint32_t sum_count)
{
    memset(reader, 0, sizeof(*reader));
    reader->ops = ops;
    reader->ctx = ctx;
    reader->sums = sums;
    reader->sum_count = sum_count;
}

static int refuse(struct tt_error *err, const char *why)
{
    return tt_fail(err, -EBADMSG,
                   "the snapshot cannot be taken: %s; the component stays where it was", why);
}

static bool is_zeros(const uint8_t *at, uint32_t bytes)
{
    for (uint32_t n = 0; n < bytes; n++)
        if (at[n] != 0)
            return false;
    return true;
}

static int read_head(struct tt_snapshot_reader *reader, const uint8_t *body, uint32_t bytes,
                     struct tt_error *err)
{
    struct tt_snapshot_head *head = &reader->head;
    int r;

    if (bytes != HEAD_BYTES || memcmp(body, SNAPSHOT_MAGIC, 6) != 0)
        return refuse(err, "it does not begin as one");
    if (body[6] != SNAPSHOT_VERSION || body[7] != 0)
        return refuse(err, "it is of another version of the format");
    memcpy(head->module, body + 8, 32);
    head->base = (struct tt_sum){get64(body + 40), get64(body + 48)};
    head->page_count = get32(body + 56);
    head->pages_max = get32(body + 60);
    head->globals_bytes = get32(body + 64);
    head->epoch = get64(body + 72);
    if (!is_zeros(body + 68, 4))
        return refuse(err, "its head has something where nothing belongs");
    if (head->pages_max > reader->sum_count || head->page_count > head->pages_max)
        return refuse(err, "it has more memory than the component may have here");
    if (head->globals_bytes > TT_SNAPSHOT_GLOBALS_MAX)
        return refuse(err, "it has more globals than a component may have");
    memset(reader->sums, 0, head->pages_max * sizeof(*reader->sums));
    r = reader->ops->head(reader->ctx, head, err);
    if (r < 0)
        return r;
    for (uint32_t n = 0; n < head->pages_max; n++) {
        reader->sum = sum_add(reader->sum, reader->sums[n]);
        if (reader->sums[n].low != 0 || reader->sums[n].high != 0)
            reader->used_end = n + 1;
    }
    return 0;
}

static int read_page(struct tt_snapshot_reader *reader, const uint8_t *body, uint32_t bytes,
                     struct tt_error *err)
{
    const uint8_t *page = body + PAGE_HEAD_BYTES;
    struct tt_sum sum = {0, 0};
    uint32_t number;

    if (bytes != PAGE_HEAD_BYTES && bytes != PAGE_HEAD_BYTES + TT_SNAPSHOT_PAGE_BYTES)
        return refuse(err, "one of its pages has another size");
    number = get32(body);
    if (number >= reader->head.pages_max)
        return refuse(err, "one of its pages lies outside of its memory");
    if (bytes == PAGE_HEAD_BYTES)
        page = NULL;
    else
        sum = tt_sum_of_page(number, page);
    reader->sum = sum_add(sum_less(reader->sum, reader->sums[number]), sum);
    reader->sums[number] = sum;
    if (page != NULL && number >= reader->used_end)
        reader->used_end = number + 1;
    reader->in_round++;
    return reader->ops->page(reader->ctx, number, page);
}

static int read_round(struct tt_snapshot_reader *reader, const uint8_t *body, uint32_t bytes,
                      struct tt_error *err)
{
    if (bytes != ROUND_BYTES || get32(body) != reader->rounds + 1 ||
        reader->rounds >= TT_SNAPSHOT_ROUNDS_MAX)
        return refuse(err, "its rounds are not in order");
    reader->rounds++;
    reader->pages = reader->in_round;
    reader->in_round = 0;
    return 0;
}

/* A page beyond the memory's end would be there again, and not zeros, when the memory grows. */
static bool is_clean_behind(const struct tt_snapshot_reader *reader, uint32_t page_count)
{
    for (uint32_t n = page_count; n < reader->used_end; n++)
        if (reader->sums[n].low != 0 || reader->sums[n].high != 0)
            return false;
    return true;
}

static int read_cut(struct tt_snapshot_reader *reader, const uint8_t *body, uint32_t bytes,
                    struct tt_error *err)
{
    struct tt_snapshot_cut *cut = &reader->cut;
    uint32_t globals_bytes = reader->head.globals_bytes;
    struct tt_sum sum;

    if (bytes < CUT_BYTES || get32(body + 16) != globals_bytes || !is_zeros(body + 20, 4) ||
        get32(body + 12) > TT_SNAPSHOT_KEPT_MAX ||
        bytes != CUT_BYTES + KEPT_BYTES * get32(body + 12) + globals_bytes)
        return refuse(err, "its end has another size than it says");
    cut->index = (int64_t)get64(body);
    cut->page_count = get32(body + 8);
    cut->kept_count = get32(body + 12);
    cut->sum = (struct tt_sum){get64(body + 24), get64(body + 32)};
    if (cut->page_count < reader->head.page_count || cut->page_count > reader->head.pages_max ||
        !is_clean_behind(reader, cut->page_count))
        return refuse(err, "its memory ends elsewhere than it says");
    body += CUT_BYTES;
    for (uint32_t n = 0; n < cut->kept_count; n++, body += KEPT_BYTES)
        cut->kept[n] =
            (struct tt_snapshot_kept){get32(body), get32(body + 4), (int64_t)get64(body + 8)};
    memcpy(cut->globals, body, globals_bytes);
    sum = sum_add(reader->sum, tt_sum_of_globals(cut->globals, globals_bytes));
    if (!sum_is_same(sum, cut->sum))
        return refuse(err, "what came is not the state that was sent: its sum is another");
    reader->is_over = true;
    return reader->ops->cut(reader->ctx, cut);
}

static int read_unit(struct tt_snapshot_reader *reader, struct tt_error *err)
{
    const uint8_t *body = reader->unit + UNIT_BYTES;
    uint32_t kind = get32(reader->unit), bytes = get32(reader->unit + 4);

    if (get64(reader->unit + 8) != reader->number)
        return refuse(err, "a piece of it is missing or in another place");
    reader->check = unit_check(reader->check, reader->unit, body, bytes);
    if (get64(reader->unit + UNIT_SEALED) != reader->check)
        return refuse(err, "a piece of it was changed on its way");
    reader->number++;
    if ((kind == UNIT_HEAD) != (reader->number == 1))
        return refuse(err, "it has not one head");
    switch (kind) {
    case UNIT_HEAD:
        return read_head(reader, body, bytes, err);
    case UNIT_PAGE:
        return read_page(reader, body, bytes, err);
    case UNIT_ROUND:
        return read_round(reader, body, bytes, err);
    case UNIT_CUT:
        return read_cut(reader, body, bytes, err);
    default:
        return refuse(err, "it has a piece of an unknown kind");
    }
}

/* Bytes that the unit has, as far as its beginning is there; 0: more than a unit may have. */
static uint32_t unit_bytes(const struct tt_snapshot_reader *reader)
{
    uint32_t body;

    if (reader->filled < UNIT_BYTES)
        return UNIT_BYTES;
    body = get32(reader->unit + 4);
    return body > sizeof(reader->unit) - UNIT_BYTES ? 0 : UNIT_BYTES + body;
}

int tt_snapshot_feed(struct tt_snapshot_reader *reader, const void *data, uint64_t bytes,
                     struct tt_error *err)
{
    const uint8_t *at = data;
    int r = 0;

    while (r >= 0 && !reader->has_failed && bytes > 0) {
        uint32_t wanted = unit_bytes(reader), count;

        if (reader->is_over || wanted == 0) {
            r = refuse(err, reader->is_over ? "something follows its end" : "a piece is too big");
            break;
        }
        count = wanted - reader->filled;
        if (count > bytes)
            count = (uint32_t)bytes;
        memcpy(reader->unit + reader->filled, at, count);
        reader->filled += count;
        at += count;
        bytes -= count;
        if (reader->filled < UNIT_BYTES || reader->filled < unit_bytes(reader) ||
            unit_bytes(reader) == 0)
            continue;
        r = read_unit(reader, err);
        reader->filled = 0;
    }
    if (reader->has_failed)
        return refuse(err, "it was refused already");
    if (r < 0)
        reader->has_failed = true;
    return r;
}
