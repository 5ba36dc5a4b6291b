/* Builds the segments of a ledger: header, payload, hash, signature, out in one write. */
#include <errno.h>
#include <openssl/sha.h>
#include <stdlib.h>

#include "base/assert.h"
#include "ledger/layout.h"
#include "ledger/ledger.h"

struct tt_ledger_writer {
    tt_sign_fn *sign;
    tt_write_fn *write;
    void *sign_ctx, *write_ctx;
    uint64_t number; /* of the next segment */
    bool is_ended;   /* the count was written */
    uint8_t head[TT_HASH_BYTES];
    uint8_t *buffer;
    uint64_t buffer_bytes;
};

int tt_ledger_writer_open(tt_sign_fn *sign, void *sign_ctx, tt_write_fn *write, void *write_ctx,
                          struct tt_ledger_writer **ret)
{
    struct tt_ledger_writer *writer = calloc(1, sizeof(*writer));

    if (!writer)
        return -ENOMEM;
    writer->sign = sign;
    writer->sign_ctx = sign_ctx;
    writer->write = write;
    writer->write_ctx = write_ctx;
    *ret = writer;
    return 0;
}

static int reserve(struct tt_ledger_writer *writer, uint64_t bytes)
{
    uint8_t *grown;

    if (bytes <= writer->buffer_bytes)
        return 0;
    grown = realloc(writer->buffer, bytes);
    if (!grown)
        return -ENOMEM;
    writer->buffer = grown;
    writer->buffer_bytes = bytes;
    return 0;
}

/* The reader's rules, so that nothing is written that it would call altered. */
static bool is_allowed(const struct tt_ledger_writer *writer, uint32_t part, uint64_t bytes)
{
    if (part < TT_PART_AGREEMENT || part > TT_PART_COUNT || writer->is_ended)
        return false;
    if ((part == TT_PART_AGREEMENT) != (writer->number == 0))
        return false;
    if ((part == TT_PART_FRAMES || part == TT_PART_HOPS) && bytes % sizeof(struct tt_record) != 0)
        return false;
    return bytes <= LEDGER_PAYLOAD_MAX;
}

/* A segment that could not be written whole leaves the writer as it was: the caller may cut the
 * file back and put it again. */
int tt_ledger_writer_put(struct tt_ledger_writer *writer, uint32_t part, const void *payload,
                         uint64_t bytes)
{
    uint8_t hash[TT_HASH_BYTES], *seal;
    int r;

    if (!is_allowed(writer, part, bytes))
        return -EINVAL;
    r = reserve(writer, LEDGER_HEADER_BYTES + bytes + LEDGER_SEAL_BYTES);
    if (r < 0)
        return r;

    ledger_put_header(writer->buffer, part, writer->number, bytes, writer->head);
    if (bytes > 0)
        memcpy(writer->buffer + LEDGER_HEADER_BYTES, payload, bytes);
    (void)SHA256(writer->buffer, LEDGER_HEADER_BYTES + bytes, hash);
    seal = writer->buffer + LEDGER_HEADER_BYTES + bytes;
    memcpy(seal, hash, TT_HASH_BYTES);
    r = writer->sign(writer->sign_ctx, hash, seal + TT_HASH_BYTES);
    if (r < 0)
        return r;
    r = writer->write(writer->write_ctx, writer->buffer,
                      LEDGER_HEADER_BYTES + bytes + LEDGER_SEAL_BYTES);
    if (r < 0)
        return r;

    memcpy(writer->head, hash, TT_HASH_BYTES);
    writer->number++;
    writer->is_ended = part == TT_PART_COUNT;
    return 0;
}

void tt_ledger_writer_head(const struct tt_ledger_writer *writer, uint8_t ret[TT_HASH_BYTES])
{
    memcpy(ret, writer->head, TT_HASH_BYTES);
}

void tt_ledger_writer_close(struct tt_ledger_writer **writer)
{
    if (!*writer)
        return;
    free((*writer)->buffer);
    free(*writer);
    *writer = NULL;
}
