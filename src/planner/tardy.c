/* How late reservations come under the kernel's global EDF.
 *
 * What a constant bandwidth server (Q, T) asks for is a row of jobs, each with a cost c <= Q and a
 * deadline c T / Q after its release at least (Abeni, Buttazzo 1998): a thread that wakes may get
 * its next budget before the period's end, so that tests which count periods in a window do not
 * hold for it, and those by utilisation U = Q / T do. On M CPUs under global EDF no job of a set is
 * late when there are no more servers than CPUs, or when
 *   sum U <= M - (M - 1) U_max (Goossens, Funk, Baruah 2003; for such servers Baruah, Goossens,
 *   Lipari 2002).
 * Else one is late by at most x + Q_k, x = (sum of the M - 1 largest Q - least Q) / (M - sum of the
 * M - 2 largest U) (Devi, Anderson 2005): short where the budgets are.
 *
 * So a node keeps its set below that sum, or each plan counts with the lateness that it was told,
 * and nobody comes later who would make it more.
 *
 * The kernel's fair server is left out: it runs where ordinary threads had nothing for most of a
 * second, with a deadline behind those of our short periods. So is the tick, by which a thread that
 * takes more than it has holds a CPU: what is planned for does not. */
#include "planner/tardy.h"

#include "base/assert.h"
#include "tactus/format.h"

enum {
    WHOLE_PPM = 1000000,
    ASSUMED_PPM = 950000 /* of reservations of which only the sum is told */
};

#define ASSUMED_PERIOD_NS INT64_C(10000000)

static int64_t share_ppm(const struct tt_server *server)
{
    return tt_muldiv(server->budget_ns, WHOLE_PPM, server->period_ns) + 1;
}

static bool is_light(const struct tt_server *servers, uint32_t count, uint32_t cpus)
{
    int64_t sum_ppm = 0, most_ppm = 0;

    for (uint32_t n = 0; n < count; n++) {
        int64_t ppm = share_ppm(&servers[n]);

        sum_ppm += ppm;
        most_ppm = ppm > most_ppm ? ppm : most_ppm;
    }
    return sum_ppm <= (int64_t)cpus * (WHOLE_PPM - most_ppm) + most_ppm;
}

static int64_t least_of(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

bool tardy_is_never(const struct tt_server *servers, uint32_t count, uint32_t cpus)
{
    for (uint32_t n = 0; n < count; n++)
        if (servers[n].budget_ns > servers[n].period_ns)
            return false;
    return count <= cpus || is_light(servers, count, cpus);
}

/* Of the `taken` largest. */
static int64_t sum_of_largest(const int64_t *values, uint32_t count, uint32_t taken)
{
    bool is_used[TARDY_SET_MAX] = {false};
    int64_t sum = 0;

    for (uint32_t turn = 0; turn < taken && turn < count; turn++) {
        uint32_t best = count;

        for (uint32_t n = 0; n < count; n++)
            if (!is_used[n] && (best == count || values[n] > values[best]))
                best = n;
        is_used[best] = true;
        sum += values[best];
    }
    return sum;
}

int64_t tardy_bound_ns(const struct tt_server *servers, uint32_t count, uint32_t cpus,
                       uint32_t which)
{
    int64_t budgets_ns[TARDY_SET_MAX], shares_ppm[TARDY_SET_MAX], sum_ppm = 0, least_ns = INT64_MAX,
                                                                  rest_ppm;

    tt_assert(count <= TARDY_SET_MAX);
    tt_assert(which < count);
    if (tardy_is_never(servers, count, cpus))
        return 0;
    for (uint32_t n = 0; n < count; n++) {
        budgets_ns[n] = servers[n].budget_ns;
        shares_ppm[n] = share_ppm(&servers[n]);
        least_ns = least_of(least_ns, budgets_ns[n]);
        sum_ppm += shares_ppm[n];
        if (budgets_ns[n] > servers[n].period_ns)
            return INT64_MAX;
    }
    if (sum_ppm > (int64_t)cpus * WHOLE_PPM)
        return INT64_MAX;
    rest_ppm =
        (int64_t)cpus * WHOLE_PPM - (cpus > 2 ? sum_of_largest(shares_ppm, count, cpus - 2) : 0);
    return tt_muldiv(sum_of_largest(budgets_ns, count, cpus - 1) - least_ns, WHOLE_PPM, rest_ppm) +
           1 + servers[which].budget_ns;
}

uint32_t tardy_others(const struct tt_machine *machine, struct tt_server *ret, uint32_t room)
{
    uint32_t count = machine->server_count < room ? machine->server_count : room;
    int64_t left_ppm = machine->reserved_ppm;

    if (machine->server_count > 0) {
        for (uint32_t n = 0; n < count; n++)
            ret[n] = machine->servers[n];
        return count;
    }
    for (; left_ppm > 0 && count < room; count++) {
        int64_t ppm = least_of(left_ppm, ASSUMED_PPM);

        ret[count] = (struct tt_server){.budget_ns = tt_muldiv(ppm, ASSUMED_PERIOD_NS, WHOLE_PPM),
                                        .period_ns = ASSUMED_PERIOD_NS,
                                        .tolerance_ns = INT64_MAX};
        left_ppm -= ppm;
    }
    return count;
}

/* One CPU, or exclusive ones: what a CPU has is all that there is to know. */
static bool is_global(const struct tt_machine *machine)
{
    return machine->cpus > 1 && !machine->is_partitioned;
}

bool tardy_is_tolerated(const struct tt_machine *machine, const struct tt_server *own)
{
    struct tt_server all[TARDY_SET_MAX];
    uint32_t count;

    if (!is_global(machine))
        return true;
    count = tardy_others(machine, all, TARDY_SET_MAX - 1);
    all[count] = *own;
    for (uint32_t n = 0; n < count; n++)
        if (all[n].tolerance_ns != INT64_MAX &&
            tardy_bound_ns(all, count + 1, machine->cpus, n) > all[n].tolerance_ns)
            return false;
    return true;
}

int64_t tardy_budget_ns(const struct tt_machine *machine, int64_t period_ns, int64_t step_ns,
                        int64_t most_ns)
{
    struct tt_server all[TARDY_SET_MAX];
    int64_t good = 0, bad = most_ns / step_ns + 1;
    uint32_t count;

    if (!is_global(machine))
        return most_ns / step_ns * step_ns;
    count = tardy_others(machine, all, TARDY_SET_MAX - 1);
    while (bad - good > 1) {
        int64_t middle = good + (bad - good) / 2;

        all[count] = (struct tt_server){.budget_ns = middle * step_ns, .period_ns = period_ns};
        if (tardy_is_never(all, count + 1, machine->cpus))
            good = middle;
        else
            bad = middle;
    }
    return good * step_ns;
}

int64_t tardy_own_ns(const struct tt_machine *machine, int64_t budget_ns, int64_t period_ns)
{
    struct tt_server all[TARDY_SET_MAX];
    uint32_t count;

    if (!is_global(machine))
        return 0;
    count = tardy_others(machine, all, TARDY_SET_MAX - 1);
    all[count] = (struct tt_server){.budget_ns = budget_ns, .period_ns = period_ns};
    return tardy_bound_ns(all, count + 1, machine->cpus, count);
}
