/* A ledger by anybody: its bytes as they are, or segments that were really signed with anything in
 * them. It is read, verified, explained and listed, and every sentence that it gives is one. */
#include "ledger/ledger.h"

#include <errno.h>

#include "fuzz.h"
#include "ledger/key.h"

enum { SEGMENTS_MAX = 24 };

static void look(const uint8_t *bytes, uint64_t count, bool is_honest)
{
    struct tt_ledger *ledger = NULL;
    struct tt_error err = {0};
    FILE *sink;
    char *text;
    int r = tt_ledger_read(bytes, count, &ledger, &err);

    if (r < 0) {
        CHECK(err.text[0] != 0);
        return;
    }
    CHECK(ledger->verdict == TT_INTACT || ledger->reason[0] != 0);
    if (is_honest && ledger->verdict == TT_ALTERED) {
        fprintf(stderr, "%s\n", ledger->reason);
        CHECK(!"what was signed is not altered");
    }
    for (uint32_t n = 0; n < ledger->span_count; n++) {
        CHECK(ledger->spans[n].offset <= count);
        CHECK(ledger->spans[n].bytes <= count - ledger->spans[n].offset);
    }
    for (int64_t index = -1; index < 3; index++)
        for (uint32_t as_json = 0; as_json < 2; as_json++) {
            text = NULL;
            r = tt_ledger_explain(ledger, index == 1 ? "sink" : NULL, index, as_json, &text, &err);
            CHECK((r == 0) == (text != NULL));
            free(text);
        }
    sink = fopen("/dev/null", "w");
    CHECK(sink != NULL);
    (void)tt_ledger_list(ledger, NULL, false, sink, &err);
    (void)tt_ledger_list(ledger, NULL, true, sink, &err);
    (void)fclose(sink);
    tt_ledger_close(&ledger);
}

static const char agreement[] =
    "{\"key\":\"%s\",\"service\":\"s\",\"class\":\"targeted\",\"class_reason\":\"r\","
    "\"promised\":true,\"deadline_ns\":40000000,\"loss\":0.01,\"rate\":[50,1],\"epoch_ns\":5,"
    "\"components\":[{\"name\":\"source\",\"kind\":\"test.video\"},{\"name\":\"sink\","
    "\"kind\":\"null\"}],\"sinks\":[{\"name\":\"sink\",\"component\":1,\"rate\":[50,1]}]}";

/* Without a key of its own the agreement is one that could have been written. */
static void put_agreement(struct tt_ledger_writer *writer, const char *key, const uint8_t *more,
                          size_t bytes)
{
    char text[4096];
    int length;

    if (bytes == 0) {
        length = snprintf(text, sizeof(text), agreement, key);
        CHECK_INT(tt_ledger_writer_put(writer, TT_PART_AGREEMENT, text, (uint64_t)length), 0);
        return;
    }
    length = snprintf(text, sizeof(text), "{\"key\":\"%s\",%.*s}", key,
                      (int)(bytes < 3000 ? bytes : 3000), (const char *)more);
    CHECK_INT(tt_ledger_writer_put(writer, TT_PART_AGREEMENT, text, (uint64_t)length), 0);
}

/* Segments: a byte for the part, one for the length, and so many bytes. */
static void look_at_signed(struct food food)
{
    static EVP_PKEY *key;
    static char hex[2 * TT_KEY_BYTES + 1];
    struct tt_ledger_writer *writer = NULL;
    struct file file = {0};
    bool is_honest = true;

    if (key == NULL)
        key = key_make(7, hex);
    CHECK_INT(tt_ledger_writer_open(key_sign, key, file_write, &file, &writer), 0);
    for (uint32_t n = 0; n < SEGMENTS_MAX && (n == 0 || food.left > 0); n++) {
        uint32_t part = n == 0 ? TT_PART_AGREEMENT : 2 + eat_below(&food, 4);
        size_t bytes = (size_t)eat(&food, n == 0 ? 2 : 1) * (part == TT_PART_FRAMES ? 8 : 1);

        bytes = bytes < food.left ? bytes : food.left;
        if (part == TT_PART_AGREEMENT)
            is_honest = bytes == 0;
        if (part == TT_PART_AGREEMENT)
            put_agreement(writer, hex, food.at, bytes);
        else if (tt_ledger_writer_put(writer, part, food.at, bytes) < 0)
            break;
        food.at += bytes;
        food.left -= bytes;
    }
    tt_ledger_writer_close(&writer);
    look(file.bytes, file.count, is_honest);
    free(file.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct food food = {data, bytes};

    if (eat_below(&food, 2) == 0)
        look_at_signed(food);
    else
        look(food.at, food.left, false);
    return 0;
}
