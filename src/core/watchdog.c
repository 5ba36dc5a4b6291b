/* How long an activation may take before its process is ended. */
#include "core/engine.h"
#include "tactus/format.h"

#define LEAST_NS 200000000    /* a machine that is not ours alone may stand still for as long */
#define UNKNOWN_NS 1000000000 /* nothing says how long it should take */

enum { BUDGETS = 10 };

int64_t tt_watchdog_limit_ns(const struct tt_watchdog *watchdog)
{
    int64_t limit_ns;

    if (watchdog->budget_ns <= 0 || watchdog->reserved_ns <= 0 || watchdog->period_ns <= 0)
        return UNKNOWN_NS;
    if (watchdog->budget_ns > INT64_MAX / BUDGETS)
        return INT64_MAX;
    limit_ns = BUDGETS * watchdog->budget_ns;
    /* Who has Q in every T takes T/Q times as long as the CPU time that it uses. */
    if (watchdog->period_ns > watchdog->reserved_ns) {
        if (limit_ns > INT64_MAX / watchdog->period_ns * watchdog->reserved_ns)
            return INT64_MAX;
        limit_ns = tt_muldiv(limit_ns, watchdog->period_ns, watchdog->reserved_ns);
    }
    return limit_ns > LEAST_NS ? limit_ns : LEAST_NS;
}
