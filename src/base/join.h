/* Which frames of two rates belong together at a join, as the engine takes them and the planner
 * counts them. */
#ifndef TT_BASE_JOIN_H
#define TT_BASE_JOIN_H

#include "tactus/format.h"

/* Files round their time stamps, Matroska to whole milliseconds. */
#define TT_JOIN_ROUNDING_NS 1000000

/* So much younger than its leader's a frame may be and still be shown with it. Of one rate those
 * belong together that are nearest, whatever rounded their origins: an eighth of a period. Of two
 * rates the next instant of the leader is as good, so that only what was rounded from the same
 * instant counts: a longer wait would be the leader's to lose. Both rates > 0. */
static inline int64_t tt_join_margin_ns(struct tt_rational leader, struct tt_rational input)
{
    int64_t leader_ns = tt_index_ns(1, leader), input_ns = tt_index_ns(1, input);
    int64_t shorter_ns = leader_ns < input_ns ? leader_ns : input_ns;

    if ((__int128)leader.num * input.den == (__int128)input.num * leader.den)
        return input_ns / 8;
    return shorter_ns / 8 < TT_JOIN_ROUNDING_NS ? shorter_ns / 8 : TT_JOIN_ROUNDING_NS;
}

/* So long after the leader's instant an input's frame may be released that is waited for: 0 where
 * all instants of both that lie so near to one another are the same. They differ by multiples of
 * 1 / the least common multiple of the rates. */
static inline int64_t tt_join_lag_ns(struct tt_rational leader, struct tt_rational input)
{
    uint64_t a = (uint64_t)leader.num * (uint64_t)input.den;
    uint64_t b = (uint64_t)input.num * (uint64_t)leader.den;
    int64_t margin_ns = tt_join_margin_ns(leader, input);
    __int128 step_ns;

    if (a == b)
        return 0;
    while (b != 0) {
        uint64_t rest = a % b;

        a = b;
        b = rest;
    }
    step_ns = (__int128)a * 1000000000 / ((__int128)leader.num * input.num);
    return step_ns > margin_ns ? 0 : margin_ns;
}

#endif
