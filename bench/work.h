/* A fixed amount of work: the same instructions whoever runs them, and whoever takes the CPU away
 * meanwhile. */
#ifndef BENCH_WORK_H
#define BENCH_WORK_H

#include <stdint.h>

/* Four instructions a round, each waiting for the one before it. */
static inline uint64_t work(uint64_t seed, int64_t rounds)
{
    for (int64_t n = 0; n < rounds; n++) {
        seed ^= seed << 7;
        seed ^= seed >> 9;
        __asm__ volatile("" : "+r"(seed));
    }
    return seed;
}

#endif
