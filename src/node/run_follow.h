/* Budgets and reservation of a running service follow what its costs turn out to be. */
#ifndef TT_NODE_RUN_FOLLOW_H
#define TT_NODE_RUN_FOLLOW_H

#include "node/run.h"

/* Now and then; does something once a second. Of live services, whose container is told each new
 * budget as an event, and whose worker has another reservation as far as the planner admits it. */
void run_follow(struct run *run, int64_t now_ns);

/* Before its worker goes up a level: no component's budget is below what that level's plan has. */
void run_follow_raise(struct run *run, const struct tt_plan *plan);

/* A container that starts anew was set up with the plan's budgets. */
void run_follow_tell(struct run *run, uint32_t number);

/* The same service as it is now, beside the others but not beside itself; NULL: no memory. */
struct tt_plan *run_follow_plan(struct run *run);
/* It is admitted, with a reservation for each worker, and puts components where they run. */
bool run_follow_holds(const struct run *run, const struct tt_plan *plan);

void run_follow_close(struct run *run);

#endif
