/* What the fuzz targets share: one entry, and numbers taken out of the bytes that it is given. */
#ifndef TT_TESTS_FUZZ_H
#define TT_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "check.h"

/* libFuzzer's name for it; replay.c calls it where there is only gcc. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

struct food {
    const uint8_t *at;
    size_t left;
};

/* The next number of so many bytes; what is missing is 0. */
static inline uint64_t eat(struct food *food, uint32_t bytes)
{
    uint64_t value = 0;

    for (uint32_t n = 0; n < bytes && food->left > 0; n++, food->left--)
        value |= (uint64_t)*food->at++ << (8 * n);
    return value;
}

static inline uint32_t eat_below(struct food *food, uint32_t count)
{
    return (uint32_t)eat(food, 1) % count;
}

/* A number as a liar would choose it: mostly near what is honest. */
static inline int64_t eat_near(struct food *food, int64_t honest)
{
    switch (eat_below(food, 4)) {
    case 0:
        return honest;
    case 1:
        return (int64_t)((uint64_t)honest + (uint64_t)(int8_t)eat(food, 1));
    case 2:
        return (int64_t)((uint64_t)1 << (eat(food, 1) % 64));
    default:
        return (int64_t)eat(food, 8);
    }
}

#endif
