/* Numbers drawn from a seed. */
#ifndef TT_TESTS_SIM_DRAW_H
#define TT_TESTS_SIM_DRAW_H

#include <stdint.h>

struct draw {
    uint64_t state;
};

static inline uint64_t draw_next(struct draw *draw)
{
    uint64_t z = draw->state += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* 0 .. count - 1 */
static inline uint32_t draw_below(struct draw *draw, uint32_t count)
{
    return (uint32_t)(draw_next(draw) % count);
}

static inline int64_t draw_between(struct draw *draw, int64_t min, int64_t max)
{
    return max <= min ? min : min + (int64_t)(draw_next(draw) % (uint64_t)(max - min + 1));
}

#endif
