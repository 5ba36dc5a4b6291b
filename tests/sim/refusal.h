/* Which term of the arithmetic refuses a graph: the first without which it would be admitted. */
#ifndef TT_TESTS_SIM_REFUSAL_H
#define TT_TESTS_SIM_REFUSAL_H

#include "planner/planner.h"

enum refusal {
    REFUSAL_ROOM,     /* the supply that it is run with would do: what is kept free, overhead */
    REFUSAL_WAKE_UP,  /* each of these alone */
    REFUSAL_JITTER,   /* what edges bring late, and joins wait for */
    REFUSAL_BLOCKING, /* a component that has begun runs to its end */
    REFUSAL_GAPS,     /* the reservation comes in pieces */
    REFUSAL_SEVERAL,  /* all of them together */
    REFUSAL_DEMAND,   /* none of them: what is released at once is too much by its deadlines */
    REFUSAL_OVERLOAD, /* more than the share for good: that it kept all says that its run was short
                       */
    REFUSAL_COUNT
};

/* Of a refused plan; budget and period are what the graph is run with all the same. */
enum refusal refusal_of(const struct tt_picture *picture, const struct tt_plan *plan,
                        int64_t budget_ns, int64_t period_ns);
const char *refusal_name(enum refusal refusal);

#endif
