/* When a figure in force follows what is wanted: up at once, down late. Pure. */
#ifndef TT_NODE_FOLLOW_H
#define TT_NODE_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

enum { FOLLOW_LOW_TURNS = 10 };

struct follow {
    int64_t in_force;
    int64_t low_most; /* the most that was wanted since little was */
    uint32_t low_turns;
};

/* One turn, a second after the one before. True: *ret is to take the place of what is in force,
 * because more is wanted, or because for FOLLOW_LOW_TURNS less than all but `part` of it (4: three
 * quarters) were; then it is the most of that time. Whoever could put it into force says so with
 * follow_set(). */
bool follow_turn(struct follow *follow, int64_t wanted, int64_t part, int64_t *ret);

void follow_set(struct follow *follow, int64_t in_force);

/* A hand-off takes 0.1 to 0.2 ms of CPU time, and who lost the worker goes on a period later: that
 * is no answer to an interrupt in a component of 20 us. */
#define FOLLOW_BUDGET_LEAST_NS INT64_C(200000)

/* What a component's learnt budget is that is to be wanted_ns, of a worker with reserved_ns in a
 * period (0: it has no reservation). Who overruns gives the worker away itself: something must be
 * left for that, or the kernel stops it until the next period. bound_ns is never cut. */
int64_t follow_budget_ns(int64_t bound_ns, int64_t wanted_ns, int64_t reserved_ns);

#endif
