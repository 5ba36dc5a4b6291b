/* Differences of times that a stranger may have written: they end at the limits. */
#ifndef TT_LEDGER_MINUS_H
#define TT_LEDGER_MINUS_H

#include <stdint.h>

static inline int64_t ledger_minus(int64_t a, int64_t b)
{
    int64_t result;

    if (__builtin_sub_overflow(a, b, &result))
        return a < b ? INT64_MIN : INT64_MAX;
    return result;
}

/* How far apart, never negative. */
static inline int64_t ledger_apart(int64_t a, int64_t b)
{
    return a < b ? ledger_minus(b, a) : ledger_minus(a, b);
}

#endif
