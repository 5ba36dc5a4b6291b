/* Hand-offs: a container's worker that is over its budget gives its reservation to the standby.
 *
 * A thread of tactusd's own does it, under a reservation of its own: it alone may set classes, and
 * whoever overruns waits for it. A container can ask, and nothing else: which of its threads gets
 * what is decided here, from what tactusd itself gave. */
#ifndef TT_NODE_HANDOFF_H
#define TT_NODE_HANDOFF_H

#include <stdint.h>
#include <sys/types.h>

#include "node/broker.h"
#include "planner/planner.h"
#include "tactus/error.h"

struct handoff_desk; /* one for a tactusd */
struct handoff;      /* one for a container */

/* NULL: no memory or descriptors. right: the best class that may be used. */
struct handoff_desk *handoff_desk_open(enum tt_right right);
void handoff_desk_close(struct handoff_desk **desk);

int handoff_open(struct handoff_desk *desk, struct handoff **ret, struct tt_error *err);
void handoff_close(struct handoff **handoff);

/* For the setup of a new container, which begins with its first thread as the worker. */
void handoff_gift(struct handoff *handoff, struct broker_gift *gift);

struct handoff_seat {
    pid_t worker, standby;        /* as tactusd sees them; 0: there is none */
    int64_t budget_ns, period_ns; /* of the worker; 0: no reservation */
    int fifo_priority;            /* without a reservation; 0: none either */
};

/* From now on what it asks for is done. */
void handoff_seat(struct handoff *handoff, const struct handoff_seat *seat);

/* The worker's thread as it is now; 0: it is not seated. */
pid_t handoff_worker(struct handoff *handoff);

/* Why a standby got no reservation since this was asked last: negative errno; 0: all got theirs. */
int handoff_refusal(struct handoff *handoff);

/* Another reservation for the worker. As tt_reserve_deadline(). */
int handoff_resize(struct handoff *handoff, int64_t budget_ns, int64_t period_ns,
                   struct tt_error *err);

#endif
