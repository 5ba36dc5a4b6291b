/* When the services that run release their chains: a new one begins between them. */
#ifndef TT_NODE_STAGGER_H
#define TT_NODE_STAGGER_H

#include <stdint.h>

#include "planner/planner.h"
#include "spec/picture.h"

/* A second, in quarters of a millisecond: after it most rates are where they were. Those of 1/1.001
 * drift, and stand as if by chance after some seconds. */
enum { STAGGER_SLOTS = 4000 };

struct stagger { /* how many releases there are in each slot, by the monotonic clock */
    uint16_t starts[STAGGER_SLOTS];
};

struct stagger_row { /* those of one service, by its epoch */
    uint8_t is_start[STAGGER_SLOTS];
    uint32_t group_count; /* releases that its chains are spread over in a period; 0: it has none */
    int64_t epoch_ns;     /* 0: not entered */
};

/* What the worker's own sources release; those of edges come when they come. */
void stagger_describe(const struct tt_picture *picture, const struct tt_plan *plan,
                      struct stagger_row *ret);

/* Enters the service, and returns its epoch: the earliest, or for chains that are spread anyway
 * some milliseconds later, where its releases meet the fewest of others. */
int64_t stagger_enter(struct stagger *stagger, struct stagger_row *row, int64_t earliest_ns);
void stagger_leave(struct stagger *stagger, struct stagger_row *row);

#endif
