/* A snapshot comes back as it was, in pieces of any size; its bytes are those that are kept;
 * whatever is changed, cut off, left out or said wrongly is refused, and nothing is written where
 * it may not. */
#include <errno.h>

#include "check.h"
#include "snapshot/bytes.h"

enum { PAGES = 6, PAGES_MAX = 8, STREAM_MAX = 64 * 1024 };

struct place { /* where a stream is read to */
    uint8_t memory[PAGES_MAX][TT_SNAPSHOT_PAGE_BYTES];
    struct tt_sum sums[PAGES_MAX];
    struct tt_snapshot_cut cut;
    uint32_t rounds, pages /* of the last round */, cuts;
};

static uint8_t stream[STREAM_MAX];
static uint32_t stream_bytes;
static struct place there;

static int put(void *ctx, const void *data, uint64_t bytes)
{
    CHECK(stream_bytes + bytes <= STREAM_MAX);
    memcpy(stream + stream_bytes, data, bytes);
    stream_bytes += (uint32_t)bytes;
    return 0;
}

static int on_head(void *ctx, const struct tt_snapshot_head *head, struct tt_error *err)
{
    CHECK(head->pages_max <= PAGES_MAX);
    return head->base.low == 0 && head->base.high == 0
               ? 0
               : tt_fail(err, -ENOENT, "its base is not here");
}

static int on_page(void *ctx, uint32_t number, const void *page)
{
    struct place *place = ctx;

    CHECK(number < PAGES_MAX);
    if (page != NULL)
        memcpy(place->memory[number], page, TT_SNAPSHOT_PAGE_BYTES);
    else
        memset(place->memory[number], 0, TT_SNAPSHOT_PAGE_BYTES);
    return 0;
}

static int on_cut(void *ctx, const struct tt_snapshot_cut *cut)
{
    struct place *place = ctx;

    place->cut = *cut;
    place->cuts++;
    return 0;
}

static const struct tt_snapshot_ops ops = {on_head, on_page, on_cut};

static void fill(uint8_t (*memory)[TT_SNAPSHOT_PAGE_BYTES], uint32_t number, uint32_t seed)
{
    for (uint32_t n = 0; n < TT_SNAPSHOT_PAGE_BYTES; n++)
        memory[number][n] = (uint8_t)((n + 1) * (seed + 3) >> 3);
}

/* Three rounds of a component that writes while it is read, and the end. */
static void write_one(struct place *here)
{
    static struct tt_snapshot_writer writer;
    struct tt_snapshot_head head = {
        .page_count = 4, .pages_max = PAGES_MAX, .globals_bytes = 12, .epoch = 7};

    memset(here, 0, sizeof(*here));
    memcpy(head.module, "a module of thirty-two bytes....", 32);
    stream_bytes = 0;
    CHECK_INT(tt_snapshot_begin(&writer, (struct tt_writer){.put = put}, &head, here->sums), 0);
    fill(here->memory, 0, 1);
    fill(here->memory, 3, 2);
    for (uint32_t n = 0; n < 4; n++)
        CHECK_INT(tt_snapshot_page(&writer, n, here->memory[n]), 0);
    CHECK_INT(tt_snapshot_round(&writer), 0);
    fill(here->memory, 0, 9);
    memset(here->memory[3], 0, TT_SNAPSHOT_PAGE_BYTES);
    for (uint32_t n = 0; n < 4; n++)
        CHECK_INT(tt_snapshot_page(&writer, n, here->memory[n]), 0);
    CHECK_INT(tt_snapshot_round(&writer), 0);
    fill(here->memory, 5, 4);
    for (uint32_t n = 0; n < PAGES; n++)
        CHECK_INT(tt_snapshot_page(&writer, n, here->memory[n]), 0);
    here->cut = (struct tt_snapshot_cut){
        .index = -5, .page_count = PAGES, .kept_count = 1, .kept = {{3, 1, -6}}};
    memcpy(here->cut.globals, "twelve bytes", 12);
    CHECK_INT(tt_snapshot_cut(&writer, &here->cut), 0);
    CHECK_INT(tt_snapshot_page(&writer, 0, here->memory[1]), -EINVAL);
}

static int read_pieces(const uint8_t *bytes, uint32_t count, uint32_t piece, bool *ret_is_over)
{
    static struct tt_snapshot_reader reader;
    struct tt_error err = {0};
    int r = 0;

    memset(&there, 0, sizeof(there));
    tt_snapshot_reader_init(&reader, &ops, &there, there.sums, PAGES_MAX);
    for (uint32_t at = 0; at < count && r == 0; at += piece)
        r = tt_snapshot_feed(&reader, bytes + at, at + piece <= count ? piece : count - at, &err);
    if (r < 0)
        CHECK(err.text[0] != '\0');
    there.rounds = reader.rounds;
    there.pages = reader.pages;
    *ret_is_over = reader.is_over;
    return r;
}

static void it_comes_back_in_pieces_of_any_size(void)
{
    static struct place here;
    bool is_over;

    write_one(&here);
    for (uint32_t piece = 1; piece <= stream_bytes; piece = piece * 3 + 1) {
        CHECK_INT(read_pieces(stream, stream_bytes, piece, &is_over), 0);
        CHECK(is_over);
        CHECK_INT(there.rounds, 2);
        CHECK_INT(there.pages, 2);
        CHECK_INT(there.cuts, 1);
        CHECK(memcmp(there.memory, here.memory, sizeof(here.memory)) == 0);
        CHECK(memcmp(&there.cut, &here.cut, sizeof(here.cut)) == 0);
    }
}

/* A page that did not change is not sent: 3 with something, 1 of zeros, 2 rounds, head and end. */
static void only_changes_are_sent(void)
{
    static struct place here;

    write_one(&here);
    CHECK_INT(stream_bytes, 4 * (UNIT_BYTES + PAGE_HEAD_BYTES + TT_SNAPSHOT_PAGE_BYTES) +
                                UNIT_BYTES + PAGE_HEAD_BYTES + 2 * (UNIT_BYTES + ROUND_BYTES) +
                                2 * UNIT_BYTES + HEAD_BYTES + CUT_BYTES + KEPT_BYTES + 12);
}

static void each_changed_byte_is_found(void)
{
    static struct place here;
    bool is_over;

    write_one(&here);
    for (uint32_t n = 0; n < stream_bytes; n++) {
        stream[n] ^= (uint8_t)(1u << (n % 8));
        CHECK(read_pieces(stream, stream_bytes, stream_bytes, &is_over) < 0 || !is_over);
        CHECK_INT(there.cuts, 0);
        stream[n] ^= (uint8_t)(1u << (n % 8));
    }
}

static void a_cut_off_stream_has_no_end(void)
{
    static struct place here;
    bool is_over;

    write_one(&here);
    for (uint32_t count = 0; count < stream_bytes; count += count < 200 ? 1 : 37) {
        CHECK_INT(read_pieces(stream, count, stream_bytes, &is_over), 0);
        CHECK(!is_over);
    }
    stream[stream_bytes] = 0;
    CHECK_INT(read_pieces(stream, stream_bytes + 1, stream_bytes + 1, &is_over), -EBADMSG);
}

/* With a right check, as a liar would make it: what the units say is still looked at. */
static uint32_t say(uint8_t *at, uint64_t *check, uint64_t number, uint32_t kind, const void *body,
                    uint32_t bytes)
{
    put32(at, kind);
    put32(at + 4, bytes);
    put64(at + 8, number);
    memcpy(at + UNIT_BYTES, body, bytes);
    *check = unit_check(*check, at, at + UNIT_BYTES, bytes);
    put64(at + UNIT_SEALED, *check);
    return UNIT_BYTES + bytes;
}

/* A head, and one unit after it. */
static int lie(uint32_t head_at, uint32_t value, uint32_t kind, const void *body, uint32_t bytes)
{
    static uint8_t bad[STREAM_MAX];
    uint8_t head[HEAD_BYTES];
    struct place here;
    uint64_t check = 0;
    uint32_t count;
    bool is_over;

    write_one(&here);
    memcpy(head, stream + UNIT_BYTES, HEAD_BYTES);
    if (head_at != 0)
        put32(head + head_at, value);
    count = say(bad, &check, 0, UNIT_HEAD, head, HEAD_BYTES);
    count += say(bad + count, &check, 1, kind, body, bytes);
    return read_pieces(bad, count, count, &is_over);
}

static void lies_are_refused(void)
{
    static uint8_t body[PAGE_HEAD_BYTES + TT_SNAPSHOT_PAGE_BYTES + 64];

    CHECK_INT(lie(0, 0, UNIT_PAGE, body, PAGE_HEAD_BYTES), 0);
    CHECK_INT(lie(56, PAGES_MAX + 1, UNIT_PAGE, body, PAGE_HEAD_BYTES), -EBADMSG);
    CHECK_INT(lie(60, UINT32_MAX, UNIT_PAGE, body, PAGE_HEAD_BYTES), -EBADMSG);
    CHECK_INT(lie(64, TT_SNAPSHOT_GLOBALS_MAX + 1, UNIT_PAGE, body, PAGE_HEAD_BYTES), -EBADMSG);
    CHECK_INT(lie(40, 1, UNIT_PAGE, body, PAGE_HEAD_BYTES), -ENOENT);
    CHECK_INT(lie(68, 1, UNIT_PAGE, body, PAGE_HEAD_BYTES), -EBADMSG);
    CHECK_INT(lie(0, 0, UNIT_PAGE, body, PAGE_HEAD_BYTES + 1), -EBADMSG);
    put32(body, PAGES_MAX);
    CHECK_INT(lie(0, 0, UNIT_PAGE, body, PAGE_HEAD_BYTES), -EBADMSG);
    put32(body, 2);
    CHECK_INT(lie(0, 0, UNIT_ROUND, body, ROUND_BYTES), -EBADMSG);
    CHECK_INT(lie(0, 0, UNIT_HEAD, body, HEAD_BYTES), -EBADMSG);
    CHECK_INT(lie(0, 0, 9, body, 4), -EBADMSG);
    CHECK_INT(lie(0, 0, UNIT_CUT, body, CUT_BYTES), -EBADMSG);
    memset(body, 0, sizeof(body));
    put32(body + 8, PAGES);
    put32(body + 16, 12);
    CHECK_INT(lie(0, 0, UNIT_CUT, body, CUT_BYTES + 12), -EBADMSG); /* its sum is wrong */
    put32(body + 12, TT_SNAPSHOT_KEPT_MAX + 1);
    CHECK_INT(lie(0, 0, UNIT_CUT, body, CUT_BYTES + 12), -EBADMSG);
}

/* The head of each unit, which has the check of all of it, and how its body begins. */
static void print_units(FILE *out)
{
    for (uint32_t at = 0; at < stream_bytes;) {
        uint32_t bytes = UNIT_BYTES + get32(stream + at + 4);

        for (uint32_t n = 0; n < bytes && n < 104; n++)
            fprintf(out, "%02x", stream[at + n]);
        fprintf(out, "\n");
        at += bytes;
    }
}

/* The same bytes on every machine and in every version that calls itself 1. */
static void the_bytes_are_those_that_are_kept(const char *path)
{
    static struct place here;
    static char kept[STREAM_MAX], now[STREAM_MAX];
    FILE *file = fopen(path, "r"), *memory = fmemopen(now, sizeof(now), "w");

    CHECK(file != NULL && memory != NULL);
    write_one(&here);
    print_units(memory);
    (void)fclose(memory);
    kept[fread(kept, 1, sizeof(kept) - 1, file)] = '\0';
    (void)fclose(file);
    CHECK_TEXT(now, kept);
}

int main(int argc, char **argv)
{
    static struct place here;

    if (argc > 2) { /* makes the kept bytes, for a new version of the format */
        write_one(&here);
        print_units(stdout);
        return 0;
    }
    CHECK_INT(argc, 2);
    RUN(it_comes_back_in_pieces_of_any_size);
    RUN(only_changes_are_sent);
    RUN(each_changed_byte_is_found);
    RUN(a_cut_off_stream_has_no_end);
    RUN(lies_are_refused);
    the_bytes_are_those_that_are_kept(argv[1]);
    return 0;
}
