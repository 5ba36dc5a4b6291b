/* What of a worker's CPU time no component's cost counts: the engine's own work. */
#ifndef TT_CORE_OWN_H
#define TT_CORE_OWN_H

#include "core/engine.h"

/* Zeroed before it is looked at first. */
struct tt_own {
    bool has_begun;
    int64_t cpu_ns;                /* as told last */
    int64_t cost_ns[TT_NODES_MAX]; /* by node, likewise */
    int64_t due_ns;                /* not laid on any release yet */
};

/* Takes note of what the worker took since the last look; what it took before the first one is not
 * of any release. By one thread, of any process that maps the stats. */
void tt_own_look(struct tt_own *own, const struct tt_engine_stats *stats);

/* What each of so many releases has to bear; at 0 it waits for the next ones. Not below 0. */
int64_t tt_own_share_ns(struct tt_own *own, uint64_t release_count);

#endif
