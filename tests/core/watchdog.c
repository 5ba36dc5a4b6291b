/* How long an activation may take before its process is ended. */
#include "core/engine.h"

#include "check.h"

#define MS ((int64_t)1000000)

static int64_t limit_ns(int64_t budget_ns, int64_t reserved_ns, int64_t period_ns)
{
    return tt_watchdog_limit_ns(&(struct tt_watchdog){budget_ns, reserved_ns, period_ns});
}

static void ten_budgets_at_the_workers_share(void)
{
    CHECK_INT(limit_ns(30 * MS, 40 * MS, 40 * MS), 300 * MS);
    CHECK_INT(limit_ns(30 * MS, 10 * MS, 40 * MS), 1200 * MS);
    CHECK_INT(limit_ns(30 * MS, 50 * MS, 40 * MS), 300 * MS); /* nobody has more than a CPU */
}

static void small_budgets_have_200_ms(void)
{
    CHECK_INT(limit_ns(1, 10 * MS, 20 * MS), 200 * MS);
    CHECK_INT(limit_ns(10 * MS, 10 * MS, 20 * MS), 200 * MS);
    CHECK_INT(limit_ns(10 * MS + 1, 10 * MS, 20 * MS), 200 * MS + 20);
}

static void without_a_reservation_a_second(void)
{
    CHECK_INT(limit_ns(0, 10 * MS, 20 * MS), 1000 * MS);
    CHECK_INT(limit_ns(500 * MS, 0, 20 * MS), 1000 * MS);
    CHECK_INT(limit_ns(500 * MS, 10 * MS, 0), 1000 * MS);
}

static void absurd_plans_do_not_overflow(void)
{
    CHECK_INT(limit_ns(INT64_MAX, 1, 2), INT64_MAX);
    CHECK_INT(limit_ns(INT64_MAX / 10, 1, INT64_MAX), INT64_MAX);
    CHECK_INT(limit_ns(INT64_MAX / 10, INT64_MAX, INT64_MAX), INT64_MAX / 10 * 10);
    CHECK_INT(limit_ns(-5, -5, -5), 1000 * MS);
}

int main(void)
{
    RUN(ten_budgets_at_the_workers_share);
    RUN(small_budgets_have_200_ms);
    RUN(without_a_reservation_a_second);
    RUN(absurd_plans_do_not_overflow);
    return 0;
}
