/* A segment's bytes: where the fields of its header stand. docs/ledger.md tells the same in words.
 */
#ifndef TT_LEDGER_LAYOUT_H
#define TT_LEDGER_LAYOUT_H

#include <stdint.h>
#include <string.h>

#include "ledger/ledger.h"

#define LEDGER_MAGIC "TTLEDGR1"

enum {
    LEDGER_MAGIC_BYTES = 8,
    LEDGER_AT_PART = 8,
    LEDGER_AT_ZERO = 12, /* four bytes that are 0: room for a later version to say so */
    LEDGER_AT_NUMBER = 16,
    LEDGER_AT_BYTES = 24,
    LEDGER_AT_PREVIOUS = 32,
    LEDGER_HEADER_BYTES = 64,
    LEDGER_SEAL_BYTES = TT_HASH_BYTES + TT_SIGNATURE_BYTES
};

/* More than any segment needs: records leave every few hundred milliseconds. */
#define LEDGER_PAYLOAD_MAX ((uint64_t)1 << 30)

_Static_assert(LEDGER_AT_PREVIOUS + TT_HASH_BYTES == LEDGER_HEADER_BYTES, "the header is packed");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "records stand in files as in memory");

static inline void ledger_put_number(uint8_t *at, uint64_t value, uint32_t bytes)
{
    for (uint32_t n = 0; n < bytes; n++)
        at[n] = (uint8_t)(value >> (8 * n));
}

static inline uint64_t ledger_get_number(const uint8_t *at, uint32_t bytes)
{
    uint64_t value = 0;

    for (uint32_t n = 0; n < bytes; n++)
        value |= (uint64_t)at[n] << (8 * n);
    return value;
}

/* A header as segment `number` with this previous hash must begin, the payload's length apart. */
static inline void ledger_put_header(uint8_t *at, uint32_t part, uint64_t number, uint64_t bytes,
                                     const uint8_t previous[TT_HASH_BYTES])
{
    memcpy(at, LEDGER_MAGIC, LEDGER_MAGIC_BYTES);
    ledger_put_number(at + LEDGER_AT_PART, part, 4);
    ledger_put_number(at + LEDGER_AT_ZERO, 0, 4);
    ledger_put_number(at + LEDGER_AT_NUMBER, number, 8);
    ledger_put_number(at + LEDGER_AT_BYTES, bytes, 8);
    memcpy(at + LEDGER_AT_PREVIOUS, previous, TT_HASH_BYTES);
}

#endif
