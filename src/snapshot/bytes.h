/* The units of a snapshot's stream: what writer and reader agree on. */
#ifndef TT_SNAPSHOT_BYTES_H
#define TT_SNAPSHOT_BYTES_H

#include "snapshot/snapshot.h"

#define SNAPSHOT_MAGIC "TTSNAP"
#define SNAPSHOT_VERSION 1u

enum {
    UNIT_BYTES = 24,     /* kind, bytes of the body, number, check */
    UNIT_SEALED = 16,    /* of them, what the check is of, beside the body */
    HEAD_BYTES = 80,     /* magic 6, version 2, module 32, base 16, 3 x 4, 4 of zeros, epoch 8 */
    ROUND_BYTES = 4,     /* its number */
    PAGE_HEAD_BYTES = 4, /* its number; then the page, or nothing when it is zeros */
    CUT_BYTES = 40,      /* index 8, pages 4, kept 4, globals' bytes 4, 4 of zeros, sum 16 */
    KEPT_BYTES = 16      /* handle 4, port 4, index 8 */
};

enum unit_kind { UNIT_HEAD = 1, UNIT_PAGE, UNIT_ROUND, UNIT_CUT };

/* Seeded with the check of the unit before: no unit can be left out or change its place. */
uint64_t unit_check(uint64_t before, const uint8_t *unit, const void *body, uint32_t bytes);

static inline void put32(uint8_t *at, uint32_t value)
{
    for (uint32_t n = 0; n < 4; n++)
        at[n] = (uint8_t)(value >> (8 * n));
}

static inline void put64(uint8_t *at, uint64_t value)
{
    put32(at, (uint32_t)value);
    put32(at + 4, (uint32_t)(value >> 32));
}

static inline uint32_t get32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static inline uint64_t get64(const uint8_t *at)
{
    return (uint64_t)get32(at) | (uint64_t)get32(at + 4) << 32;
}

static inline struct tt_sum sum_add(struct tt_sum a, struct tt_sum b)
{
    uint64_t low = a.low + b.low;

    return (struct tt_sum){low, a.high + b.high + (low < a.low)};
}

static inline struct tt_sum sum_less(struct tt_sum a, struct tt_sum b)
{
    return (struct tt_sum){a.low - b.low, a.high - b.high - (a.low < b.low)};
}

static inline bool sum_is_same(struct tt_sum a, struct tt_sum b)
{
    return a.low == b.low && a.high == b.high;
}

#endif
