/* When a figure in force follows what is wanted: up at once, down late. Pure. */
#include "node/follow.h"

void follow_set(struct follow *follow, int64_t in_force)
{
    *follow = (struct follow){.in_force = in_force};
}

bool follow_turn(struct follow *follow, int64_t wanted, int64_t part, int64_t *ret)
{
    if (wanted > follow->in_force) {
        *ret = wanted;
        return true;
    }
    if (wanted >= follow->in_force - follow->in_force / part) {
        follow->low_turns = 0;
        follow->low_most = 0;
        return false;
    }
    follow->low_most = wanted > follow->low_most ? wanted : follow->low_most;
    if (++follow->low_turns < FOLLOW_LOW_TURNS)
        return false;
    *ret = follow->low_most;
    return true;
}

int64_t follow_budget_ns(int64_t bound_ns, int64_t wanted_ns, int64_t reserved_ns)
{
    int64_t least_ns = FOLLOW_BUDGET_LEAST_NS, most_ns = reserved_ns / 4 * 3;

    if (reserved_ns > 0 && least_ns > reserved_ns / 2)
        least_ns = reserved_ns / 2;
    most_ns = most_ns > bound_ns ? most_ns : bound_ns;
    if (wanted_ns < least_ns)
        return least_ns;
    return reserved_ns > 0 && wanted_ns > most_ns ? most_ns : wanted_ns;
}
