/* The chain: nothing that was changed, cut, moved or added reads as intact. */
#include <errno.h>

#include "key.h"
#include "ledger/layout.h"

static EVP_PKEY *key;
static char key_hex[2 * TT_KEY_BYTES + 1];

/* agreement, frames, hops, event, frames, count */
static struct file make(void)
{
    struct file file = {0};
    struct tt_ledger_writer *writer = NULL;
    struct tt_record records[3] = {{.kind = TT_RECORD_FRAME, .outcome = TT_ON_TIME, .index = 0},
                                   {.kind = TT_RECORD_FRAME, .outcome = TT_LATE_FRAME, .index = 1},
                                   {.kind = TT_RECORD_HOP, .index = 1}};
    char agreement[256];

    (void)snprintf(agreement, sizeof(agreement), "{\"service\": \"t\", \"key\": \"%s\"}", key_hex);
    CHECK_INT(tt_ledger_writer_open(key_sign, key, file_write, &file, &writer), 0);
    put_json(writer, TT_PART_AGREEMENT, agreement);
    CHECK_INT(tt_ledger_writer_put(writer, TT_PART_FRAMES, records, sizeof(records[0])), 0);
    CHECK_INT(tt_ledger_writer_put(writer, TT_PART_HOPS, records + 2, sizeof(records[0])), 0);
    put_json(writer, TT_PART_EVENT, "{\"event\": \"restart\"}");
    CHECK_INT(tt_ledger_writer_put(writer, TT_PART_FRAMES, records + 1, sizeof(records[0])), 0);
    put_json(writer, TT_PART_COUNT, "{\"segments\": 5}");
    tt_ledger_writer_close(&writer);
    CHECK(writer == NULL);
    return file;
}

struct found {
    enum tt_verdict verdict;
    uint32_t span_count;
    char reason[256];
};

/* From memory of exactly that size, so that the sanitizer sees a byte too many. */
static int look(const uint8_t *bytes, uint64_t count, struct found *ret)
{
    uint8_t *copy = malloc(count ? count : 1);
    struct tt_ledger *ledger = NULL;
    struct tt_error err = {0};
    int r;

    CHECK(copy != NULL);
    memcpy(copy, bytes, count);
    r = tt_ledger_read(copy, count, &ledger, &err);
    if (r == 0) {
        ret->verdict = ledger->verdict;
        ret->span_count = ledger->span_count;
        memcpy(ret->reason, ledger->reason, sizeof(ret->reason));
        for (uint32_t n = 0; n < ledger->span_count; n++)
            CHECK(ledger->spans[n].offset + ledger->spans[n].bytes <= count);
    } else {
        CHECK_INT(r, -EINVAL);
        CHECK(err.text[0] != 0);
    }
    tt_ledger_close(&ledger);
    free(copy);
    return r;
}

static void whole_is_intact(void)
{
    struct file file = make();
    struct tt_ledger *ledger = NULL;

    CHECK_INT(file.write_count, 6); /* one write a segment */
    CHECK_INT(tt_ledger_read(file.bytes, file.count, &ledger, NULL), 0);
    CHECK_INT(ledger->verdict, TT_INTACT);
    CHECK_INT(ledger->span_count, 6);
    CHECK_INT(ledger->spans[1].part, TT_PART_FRAMES);
    CHECK_INT(ledger->spans[1].bytes, 64);
    CHECK(memcmp(ledger->head, file.bytes + file.count - LEDGER_SEAL_BYTES, TT_HASH_BYTES) == 0);
    CHECK(memcmp(file.bytes + ledger->spans[3].offset, "{\"event\"", 8) == 0);
    tt_ledger_close(&ledger);
    CHECK(ledger == NULL);
    free(file.bytes);
}

/* Every byte, two ways each: altered, and said so at that segment; or, in a length, incomplete. */
static void any_flipped_byte_is_found(void)
{
    struct file file = make();
    struct found found;

    for (uint64_t n = 0; n < file.count; n++) {
        uint32_t segment = 0;

        while (file.ends[segment] <= n)
            segment++;
        for (uint32_t flip = 0; flip < 2; flip++) {
            uint8_t kept = file.bytes[n];

            file.bytes[n] ^= flip ? 0xff : 1u << (n % 8);
            CHECK_INT(look(file.bytes, file.count, &found), 0);
            CHECK(found.verdict != TT_INTACT);
            CHECK_INT(found.span_count, segment);
            file.bytes[n] = kept;
        }
    }
    free(file.bytes);
}

static void any_cut_is_incomplete(void)
{
    struct file file = make();
    struct found found;

    CHECK_INT(look(file.bytes, 0, &found), -EINVAL);
    for (uint64_t n = 1; n < file.count; n++) {
        uint32_t whole_count = 0;

        while (file.ends[whole_count] <= n)
            whole_count++;
        CHECK_INT(look(file.bytes, n, &found), 0);
        CHECK_INT(found.verdict, TT_INCOMPLETE);
        CHECK_INT(found.span_count, whole_count);
    }
    CHECK_INT(look(file.bytes, file.ends[4], &found), 0);
    CHECK(strstr(found.reason, "the count is missing") != NULL);
    free(file.bytes);
}

/* A file of the segments in the given order. */
static struct file arrange(const struct file *file, const char *order)
{
    struct file made = {0};

    for (; *order; order++) {
        uint32_t n = (uint32_t)(*order - '0');
        uint64_t begin = n ? file->ends[n - 1] : 0;

        (void)file_write(&made, file->bytes + begin, file->ends[n] - begin);
    }
    return made;
}

static void moved_segments_are_found(void)
{
    static const char *const orders[] = {"013245", "01245",  "0112345", "02345",
                                         "012355", "12345",  "0123450", "05",
                                         "001234", "543210", "01234554"};
    struct file file = make();

    for (uint32_t n = 0; n < sizeof(orders) / sizeof(orders[0]); n++) {
        struct file moved = arrange(&file, orders[n]);
        struct found found;

        CHECK_INT(look(moved.bytes, moved.count, &found), 0);
        CHECK_INT(found.verdict, TT_ALTERED);
        CHECK(strstr(found.reason, "byte") != NULL);
        free(moved.bytes);
    }
    free(file.bytes);
}

static void trailing_bytes_are_found(void)
{
    struct file file = make();
    struct found found;

    (void)file_write(&file, "x", 1);
    CHECK_INT(look(file.bytes, file.count, &found), 0);
    CHECK_INT(found.verdict, TT_ALTERED);
    CHECK(strstr(found.reason, "after the count") != NULL);
    file.count = file.ends[2];
    (void)file_write(&file, "no segment", 10);
    CHECK_INT(look(file.bytes, file.count, &found), 0);
    CHECK_INT(found.verdict, TT_ALTERED);
    free(file.bytes);
}

/* Somebody without the node's key writes a ledger that names it, or signs the rest with his own. */
static void other_keys_are_found(void)
{
    char other_hex[2 * TT_KEY_BYTES + 1];
    EVP_PKEY *mine = key, *other = key_make(9, other_hex);
    struct found found;
    struct file file, honest;

    key = other;
    file = make(); /* the agreement names key_hex, `other` signs */
    key = mine;
    CHECK_INT(look(file.bytes, file.count, &found), 0);
    CHECK_INT(found.verdict, TT_ALTERED);
    CHECK_INT(found.span_count, 0);
    CHECK(strstr(found.reason, "signature") != NULL);

    honest = make();
    memcpy(honest.bytes + honest.count - TT_SIGNATURE_BYTES,
           file.bytes + file.count - TT_SIGNATURE_BYTES, TT_SIGNATURE_BYTES);
    CHECK_INT(look(honest.bytes, honest.count, &found), 0);
    CHECK_INT(found.verdict, TT_ALTERED);
    CHECK_INT(found.span_count, 5);
    free(honest.bytes);
    free(file.bytes);
    EVP_PKEY_free(other);
}

static void hostile_lengths_are_refused(void)
{
    static const uint64_t lengths[] = {UINT64_MAX, UINT64_MAX - 95,   UINT64_MAX - 160,
                                       INT64_MAX,  (uint64_t)1 << 32, (uint64_t)1 << 30,
                                       0};
    struct file file = make();
    struct found found;

    for (uint32_t n = 0; n < sizeof(lengths) / sizeof(lengths[0]); n++) {
        ledger_put_number(file.bytes + LEDGER_AT_BYTES, lengths[n], 8);
        CHECK_INT(look(file.bytes, file.count, &found), 0);
        CHECK_INT(found.verdict, TT_ALTERED);
        CHECK_INT(look(file.bytes, LEDGER_HEADER_BYTES, &found), 0);
        CHECK(found.verdict != TT_INTACT);
    }
    free(file.bytes);
}

static uint64_t seed = 20261123;

static uint32_t next_random(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % below;
}

/* Several mutations at once: bytes set, ranges copied, the end cut. */
static void mutations_are_never_intact(void)
{
    struct file file = make();
    uint8_t *bytes = malloc(file.count);

    CHECK(bytes != NULL);
    for (uint32_t round = 0; round < 4000; round++) {
        uint64_t count = file.count - (next_random(4) == 0 ? next_random((uint32_t)file.count) : 0);
        uint32_t edits = 1 + next_random(6);
        struct found found;

        memcpy(bytes, file.bytes, file.count);
        for (uint32_t n = 0; n < edits; n++) {
            uint32_t from = next_random((uint32_t)file.count),
                     to = next_random((uint32_t)file.count);
            uint32_t room = (uint32_t)file.count - (from > to ? from : to);

            if (next_random(3) == 0)
                memmove(bytes + to, bytes + from, next_random(room + 1));
            else
                bytes[to] = (uint8_t)next_random(256);
        }
        if (count == file.count && memcmp(bytes, file.bytes, count) == 0)
            continue;
        if (look(bytes, count, &found) == 0)
            CHECK(found.verdict != TT_INTACT);
    }
    free(bytes);
    free(file.bytes);
}

static int fail_write(void *ctx, const void *data, uint64_t bytes)
{
    (void)ctx;
    (void)data;
    (void)bytes;
    return -ENOSPC;
}

static void writer_keeps_the_rules(void)
{
    struct tt_ledger_writer *writer = NULL;
    struct file file = {0};
    uint8_t record[64] = {0};

    CHECK_INT(tt_ledger_writer_open(key_sign, key, file_write, &file, &writer), 0);
    CHECK_INT(tt_ledger_writer_put(writer, TT_PART_FRAMES, record, 64), -EINVAL);
    CHECK_INT(tt_ledger_writer_put(writer, 9, record, 64), -EINVAL);
    put_json(writer, TT_PART_AGREEMENT, "{}");
    CHECK_INT(tt_ledger_writer_put(writer, TT_PART_AGREEMENT, "{}", 2), -EINVAL);
    CHECK_INT(tt_ledger_writer_put(writer, TT_PART_HOPS, record, 63), -EINVAL);
    put_json(writer, TT_PART_COUNT, "{}");
    CHECK_INT(tt_ledger_writer_put(writer, TT_PART_HOPS, record, 64), -EINVAL);
    tt_ledger_writer_close(&writer);
    free(file.bytes);

    CHECK_INT(tt_ledger_writer_open(key_sign, key, fail_write, NULL, &writer), 0);
    CHECK_INT(tt_ledger_writer_put(writer, TT_PART_AGREEMENT, "{}", 2), -ENOSPC);
    CHECK_INT(tt_ledger_writer_put(writer, TT_PART_AGREEMENT, "{}", 2), -ENOSPC);
    tt_ledger_writer_close(&writer);
}

static void strangers_are_no_ledger(void)
{
    struct tt_ledger *ledger = NULL;
    struct tt_error err = {0};

    CHECK_INT(tt_ledger_read("\x7f"
                             "ELF....",
                             8, &ledger, &err),
              -EINVAL);
    CHECK(strstr(err.text, "not a ledger") != NULL);
    CHECK(ledger == NULL);
}

int main(void)
{
    key = key_make(7, key_hex);
    RUN(whole_is_intact);
    RUN(any_flipped_byte_is_found);
    RUN(any_cut_is_incomplete);
    RUN(moved_segments_are_found);
    RUN(trailing_bytes_are_found);
    RUN(other_keys_are_found);
    RUN(hostile_lengths_are_refused);
    RUN(mutations_are_never_intact);
    RUN(writer_keeps_the_rules);
    RUN(strangers_are_no_ledger);
    EVP_PKEY_free(key);
    return 0;
}
