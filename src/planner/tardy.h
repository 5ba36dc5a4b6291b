/* How late reservations come under the kernel's global EDF. Pure. */
#ifndef TT_PLANNER_TARDY_H
#define TT_PLANNER_TARDY_H

#include <stdbool.h>
#include <stdint.h>

#include "planner/planner.h"

enum { TARDY_SET_MAX = 320 }; /* the node's books and a service's workers */

/* Does each of them have its budget in every period, wherever the kernel runs it? */
bool tardy_is_never(const struct tt_server *servers, uint32_t count, uint32_t cpus);

/* By how much the budget of servers[which] may come after its period's end; 0 when
 * tardy_is_never(); INT64_MAX: they are more than the CPUs have. */
int64_t tardy_bound_ns(const struct tt_server *servers, uint32_t count, uint32_t cpus,
                       uint32_t which);

/* The machine's reservations, in ret; one that tells only their sum has few and large ones. At most
 * room, the first ones. */
uint32_t tardy_others(const struct tt_machine *machine, struct tt_server *ret, uint32_t room);

/* With `own` beside them, are the machine's reservations no later than each of them tolerates? */
bool tardy_is_tolerated(const struct tt_machine *machine, const struct tt_server *own);

/* The largest whole step of budget, at most most_ns, with which nobody is ever late; 0: none. */
int64_t tardy_budget_ns(const struct tt_machine *machine, int64_t period_ns, int64_t step_ns,
                        int64_t most_ns);

/* By how much a reservation of so much comes late at most beside them. */
int64_t tardy_own_ns(const struct tt_machine *machine, int64_t budget_ns, int64_t period_ns);

#endif
