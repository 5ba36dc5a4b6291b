/* Writes a ledger: make_ledger PATH whole|open|long|wild SEED. Ten frames of one sink, number 4
 * late; a long one has a million, number 654,321 late by a microsecond and number 777,777 lost. */
#include <openssl/evp.h>

#include "check.h"
#include "ledger/ledger.h"
#include "tactus/component.h"

#define MS 1000000

static int write_out(void *ctx, const void *data, uint64_t bytes)
{
    return fwrite(data, 1, bytes, ctx) == bytes ? 0 : -5;
}

static int sign(void *ctx, const uint8_t hash[TT_HASH_BYTES], uint8_t ret[TT_SIGNATURE_BYTES])
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    size_t bytes = TT_SIGNATURE_BYTES;

    CHECK_INT(EVP_DigestSignInit(md, NULL, NULL, NULL, ctx), 1);
    CHECK_INT(EVP_DigestSign(md, ret, &bytes, hash, TT_HASH_BYTES), 1);
    EVP_MD_CTX_free(md);
    return 0;
}

static void put_text(struct tt_ledger_writer *writer, uint32_t part, const char *text)
{
    CHECK_INT(tt_ledger_writer_put(writer, part, text, strlen(text)), 0);
}

static void put_frame(struct tt_ledger_writer *writer, int64_t index)
{
    int64_t origin = index * 20 * MS, delay = index == 4 ? 57 * MS : 12 * MS;
    struct tt_record hops[3] = {
        {.kind = TT_RECORD_HOP,
         .index = index,
         .origin_ns = origin,
         .due_ns = origin + 40 * MS,
         .delivered_ns = origin + MS,
         .sent_ns = origin + delay,
         .slack_ns = 5 * MS,
         .value = origin},
        {.kind = TT_RECORD_NOTE,
         .index = index,
         .due_ns = TT_NOTE_HANDOFF,
         .value = MS / (index + 1)},
        {.kind = TT_RECORD_NOTE, .index = index, .due_ns = TT_NOTE_BACK, .value = 30 * MS}};
    struct tt_record frame = {.kind = TT_RECORD_FRAME,
                              .outcome = index == 4 ? TT_LATE_FRAME : TT_ON_TIME,
                              .cause = index == 4 ? TT_CAUSE_BUDGET : TT_CAUSE_NONE,
                              .index = index,
                              .origin_ns = origin,
                              .due_ns = origin + 40 * MS,
                              .delivered_ns = origin + delay,
                              .slack_ns = 40 * MS - delay};

    /* Numbers 4 and 7 were over their budget and lost the worker. */
    CHECK_INT(tt_ledger_writer_put(writer, TT_PART_HOPS, hops,
                                   index % 3 == 1 && index > 1 ? sizeof(hops) : sizeof(hops[0])),
              0);
    CHECK_INT(tt_ledger_writer_put(writer, TT_PART_FRAMES, &frame, sizeof(frame)), 0);
}

enum { LONG = 1000000, BATCH = 4000 };

static void put_long(struct tt_ledger_writer *writer)
{
    static struct tt_record batch[BATCH];

    for (int64_t index = 0; index < LONG; index++) {
        int64_t origin = index * 20 * MS, delay = index == 654321 ? 40 * MS + 1000 : 12 * MS;
        struct tt_record *frame = &batch[index % BATCH];

        *frame = (struct tt_record){.kind = TT_RECORD_FRAME,
                                    .outcome = delay > 40 * MS ? TT_LATE_FRAME : TT_ON_TIME,
                                    .cause = delay > 40 * MS ? TT_CAUSE_HOST : TT_CAUSE_NONE,
                                    .index = index,
                                    .origin_ns = origin,
                                    .due_ns = origin + 40 * MS,
                                    .delivered_ns = origin + delay,
                                    .slack_ns = 40 * MS - delay};
        if (index == 777777) {
            frame->outcome = TT_LOST_FRAME;
            frame->cause = TT_CAUSE_NETWORK;
            frame->slack_ns = frame->delivered_ns = 0;
        }
        if (index % BATCH == BATCH - 1)
            CHECK_INT(tt_ledger_writer_put(writer, TT_PART_FRAMES, batch, sizeof(batch)), 0);
    }
}

/* What nobody would write who means it. */
static void put_wild(struct tt_ledger_writer *writer)
{
    static const int64_t wild[] = {INT64_MIN, INT64_MAX, 0, -1, INT64_MAX - 1, 1LL << 62};
    struct tt_record record = {0};

    for (uint32_t n = 0; n < 600; n++) {
        record = (struct tt_record){.kind = (uint8_t)(n % 10),
                                    .outcome = (uint8_t)(n % 5),
                                    .cause = (uint8_t)(n % 13),
                                    .sink = (uint16_t)(n % 3),
                                    .component = (uint16_t)(n % 4),
                                    .index = wild[n % 6],
                                    .origin_ns = wild[n / 6 % 6],
                                    .due_ns = wild[n / 7 % 6],
                                    .delivered_ns = wild[n / 5 % 6],
                                    .sent_ns = wild[n / 11 % 6],
                                    .slack_ns = wild[n / 3 % 6],
                                    .value = wild[n / 13 % 6]};
        CHECK_INT(tt_ledger_writer_put(writer, n % 2 ? TT_PART_FRAMES : TT_PART_HOPS, &record,
                                       sizeof(record)),
                  0);
    }
}

int main(int argc, char **argv)
{
    uint8_t secret[TT_KEY_BYTES], public[TT_KEY_BYTES], head[TT_HASH_BYTES];
    struct tt_ledger_writer *writer = NULL;
    size_t bytes = sizeof(public);
    char agreement[512];
    EVP_PKEY *key;
    FILE *file;
    int used;

    CHECK(argc == 4);
    file = fopen(argv[1], "wb");
    CHECK(file != NULL);
    memset(secret, atoi(argv[3]), sizeof(secret));
    key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, sizeof(secret));
    CHECK_INT(EVP_PKEY_get_raw_public_key(key, public, &bytes), 1);
    CHECK_INT(tt_ledger_writer_open(sign, key, write_out, file, &writer), 0);
    used = snprintf(agreement, sizeof(agreement),
                    "{\"name\":\"a <b>&\\u0001 "
                    "name\",\"service\":\"small\",\"class\":\"targeted\",\"sinks\":[\"out\"],"
                    "\"components\":[\"scale\"],\"key\":\"");
    for (uint32_t n = 0; n < TT_KEY_BYTES; n++)
        used += snprintf(agreement + used, sizeof(agreement) - (size_t)used, "%02x", public[n]);
    (void)snprintf(agreement + used, sizeof(agreement) - (size_t)used, "\"}");
    put_text(writer, TT_PART_AGREEMENT, agreement);
    if (strcmp(argv[2], "long") == 0)
        put_long(writer);
    else if (strcmp(argv[2], "wild") == 0)
        put_wild(writer);
    for (int64_t index = 0; index < 10 && argv[2][0] != 'l' && argv[2][1] != 'i'; index++)
        put_frame(writer, index);
    if (strcmp(argv[2], "open") != 0)
        put_text(writer, TT_PART_COUNT, "{\"segments\":21}");
    tt_ledger_writer_head(writer, head);
    for (uint32_t n = 0; n < TT_HASH_BYTES; n++)
        printf("%02x", head[n]);
    printf("\n");
    tt_ledger_writer_close(&writer);
    EVP_PKEY_free(key);
    return fclose(file) == 0 ? 0 : 1;
}
