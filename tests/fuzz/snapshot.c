/* A snapshot from anybody: as it came, and with every check made right, so that what its units say
 * is reached. */
#include "fuzz.h"
#include "snapshot/bytes.h"

enum { PAGES_MAX = 4, STREAM_MAX = 32 * 1024 };

static uint8_t memory[PAGES_MAX][TT_SNAPSHOT_PAGE_BYTES];
static uint32_t pages_max;

static int on_head(void *ctx, const struct tt_snapshot_head *head, struct tt_error *err)
{
    pages_max = head->pages_max;
    CHECK(pages_max <= PAGES_MAX && head->globals_bytes <= TT_SNAPSHOT_GLOBALS_MAX);
    return 0;
}

static int on_page(void *ctx, uint32_t number, const void *page)
{
    CHECK(number < pages_max);
    if (page != NULL)
        memcpy(memory[number], page, TT_SNAPSHOT_PAGE_BYTES);
    return 0;
}

static int on_cut(void *ctx, const struct tt_snapshot_cut *cut)
{
    CHECK(cut->kept_count <= TT_SNAPSHOT_KEPT_MAX && cut->page_count <= pages_max);
    return 0;
}

static const struct tt_snapshot_ops ops = {on_head, on_page, on_cut};

static void take(const uint8_t *data, size_t bytes, size_t piece)
{
    static struct tt_snapshot_reader reader;
    static struct tt_sum sums[PAGES_MAX];
    struct tt_error err = {0};
    int r = 0;

    tt_snapshot_reader_init(&reader, &ops, NULL, sums, PAGES_MAX);
    for (size_t at = 0; at < bytes && r == 0; at += piece)
        r = tt_snapshot_feed(&reader, data + at, bytes - at < piece ? bytes - at : piece, &err);
    if (r < 0)
        CHECK(tt_snapshot_feed(&reader, data, bytes, &err) < 0);
}

/* Units as the bytes say, sealed as an honest writer would. */
static size_t make_units(struct food *food, uint8_t *ret)
{
    uint64_t check = 0, number = 0;
    size_t at = 0;

    while (food->left > 0 && at + UNIT_BYTES + HEAD_BYTES + TT_SNAPSHOT_PAGE_BYTES < STREAM_MAX) {
        uint8_t *unit = ret + at, *body = unit + UNIT_BYTES;
        uint32_t kind = number == 0 ? UNIT_HEAD : eat_below(food, 6), bytes = 0;

        if (kind == UNIT_HEAD) {
            memset(body, 0, HEAD_BYTES);
            memcpy(body, SNAPSHOT_MAGIC, 6);
            body[6] = SNAPSHOT_VERSION;
            put32(body + 56, (uint32_t)eat_near(food, 2));
            put32(body + 60, (uint32_t)eat_near(food, PAGES_MAX));
            put32(body + 64, (uint32_t)eat_near(food, 8));
            bytes = HEAD_BYTES;
        } else if (kind == UNIT_PAGE) {
            put32(body, (uint32_t)eat_near(food, 1));
            bytes = PAGE_HEAD_BYTES + (eat_below(food, 2) ? TT_SNAPSHOT_PAGE_BYTES : 0);
            memset(body + PAGE_HEAD_BYTES, (int)eat_below(food, 3), TT_SNAPSHOT_PAGE_BYTES);
        } else {
            bytes = (uint32_t)eat_near(food, kind == UNIT_CUT ? CUT_BYTES + 8 : ROUND_BYTES) % 128;
            for (uint32_t n = 0; n < bytes; n++)
                body[n] = (uint8_t)eat(food, 1);
        }
        put32(unit, kind);
        put32(unit + 4, bytes);
        put64(unit + 8, number++);
        check = unit_check(check, unit, body, bytes);
        put64(unit + UNIT_SEALED, check);
        at += UNIT_BYTES + bytes;
    }
    return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static uint8_t made[STREAM_MAX];
    struct food food = {data, bytes};
    size_t piece = bytes > 0 ? data[0] * 16u + 1 : 1;

    take(data, bytes, piece);
    take(made, make_units(&food, made), piece);
    return 0;
}
