/* So many a second and no more: of what a process of a service may ask tactusd to do. */
#ifndef TT_NODE_ALLOWANCE_H
#define TT_NODE_ALLOWANCE_H

#include <stdbool.h>
#include <stdint.h>

/* Zeroed by its owner. */
struct allowance {
    int64_t since_ns; /* when this second began */
    uint64_t taken;   /* within it */
};

static inline bool allowance_take(struct allowance *allowance, int64_t now_ns, uint64_t most)
{
    if (allowance->since_ns == 0 || now_ns - allowance->since_ns >= INT64_C(1000000000))
        *allowance = (struct allowance){.since_ns = now_ns};
    if (allowance->taken >= most)
        return false;
    allowance->taken++;
    return true;
}

#endif
