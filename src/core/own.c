/* The engine's own work: the worker's CPU time, which is what the kernel charges its reservation,
 * less what the costs of components count of it. */
#include "core/own.h"

/* The worker tells its time first and an activation's cost just after; costs that only the wall
 * clock told may be more than the time was. Such a debt is set off, but not for ever. */
#define DEBT_MAX_NS INT64_C(10000000)

static int64_t read_ns(const int64_t *place)
{
    return __atomic_load_n(place, __ATOMIC_ACQUIRE);
}

/* A node that comes anew begins at 0. */
static int64_t costs_since(struct tt_own *own, const struct tt_engine_stats *stats)
{
    int64_t sum_ns = 0;

    for (uint32_t n = 0; n < TT_NODES_MAX; n++) {
        int64_t cost_ns = read_ns(&stats->nodes[n].cost_sum_ns);

        sum_ns += cost_ns >= own->cost_ns[n] ? cost_ns - own->cost_ns[n] : cost_ns;
        own->cost_ns[n] = cost_ns;
    }
    return sum_ns;
}

void tt_own_look(struct tt_own *own, const struct tt_engine_stats *stats)
{
    int64_t cpu_ns = read_ns(&stats->cpu_ns);
    int64_t more_ns = cpu_ns - own->cpu_ns - costs_since(own, stats);

    own->cpu_ns = cpu_ns;
    if (own->has_begun)
        own->due_ns += more_ns;
    own->has_begun = true;
    if (own->due_ns < -DEBT_MAX_NS)
        own->due_ns = -DEBT_MAX_NS;
}

int64_t tt_own_share_ns(struct tt_own *own, uint64_t release_count)
{
    int64_t share_ns;

    if (release_count == 0 || own->due_ns <= 0)
        return 0;
    share_ns = (own->due_ns - 1) / (int64_t)release_count + 1;
    own->due_ns -= share_ns * (int64_t)release_count;
    return share_ns;
}
