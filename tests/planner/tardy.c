/* How late reservations come under global EDF: the sums at which it begins, and by how much. */
#include "planner/tardy.h"

#include "check.h"

#define MS INT64_C(1000000)

static void as_many_as_cpus_are_never_late(void)
{
    struct tt_server all[] = {{9 * MS, 10 * MS, 0}, {9 * MS, 10 * MS, 0}, {MS, 10 * MS, 0}};

    CHECK(tardy_is_never(all, 2, 2));
    CHECK(!tardy_is_never(all, 3, 2));
    CHECK(tardy_is_never(all, 3, 3));
    all[0].budget_ns = 11 * MS; /* more than there is */
    CHECK(!tardy_is_never(all, 1, 2));
}

/* Two CPUs: the sum and the largest are 2 at most. */
static void light_sets_are_never_late(void)
{
    struct tt_server all[] = {
        {5 * MS, 10 * MS, 0}, {4 * MS, 10 * MS, 0}, {3 * MS, 10 * MS, 0}, {2990000, 10 * MS, 0}};

    CHECK(tardy_is_never(all, 4, 2));
    all[3].budget_ns = 3 * MS; /* shares are rounded up */
    CHECK(!tardy_is_never(all, 4, 2));
    all[0] = (struct tt_server){MS, 2 * MS, 0}; /* the same share */
    CHECK(!tardy_is_never(all, 4, 2));
    all[3].budget_ns = 2990000;
    CHECK(tardy_is_never(all, 4, 2));
}

/* Devi, Anderson: (9 - 1) / 2 and its own budget; on four CPUs (9 + 8 + 8 - 1) / (4 - 0.9 - 0.8).
 */
static void lateness_is_bounded(void)
{
    struct tt_server all[] = {{9 * MS, 10 * MS, 0}, {8 * MS, 10 * MS, 0}, {MS, 10 * MS, 0},
                              {8 * MS, 10 * MS, 0}, {8 * MS, 10 * MS, 0}, {MS, 10 * MS, 0}};

    CHECK_INT(tardy_bound_ns(all, 3, 2, 2), 5 * MS + 1);
    CHECK_INT(tardy_bound_ns(all, 3, 2, 0), 13 * MS + 1);
    CHECK_INT(tardy_bound_ns(all, 3, 3, 0), 0);
    CHECK_INT(tardy_bound_ns(all, 4, 2, 0), INT64_MAX); /* 2.6 on two */
    CHECK(tardy_bound_ns(all, 6, 4, 5) >= 24 * MS / 23 * 10 + MS);
    CHECK(tardy_bound_ns(all, 6, 4, 5) <= 24 * MS / 23 * 10 + MS + 1000);
    for (uint32_t n = 0; n < 3; n++) { /* short periods, short lateness */
        all[n].budget_ns /= 10;
        all[n].period_ns /= 10;
    }
    CHECK_INT(tardy_bound_ns(all, 3, 2, 2), MS / 2 + 1);
}

static void others_have_the_last_word(void)
{
    struct tt_server others[] = {{5 * MS, 10 * MS, 0}, {5 * MS, 10 * MS, 0}};
    struct tt_server own = {6 * MS, 10 * MS, INT64_MAX};
    struct tt_machine machine = {.cpus = 2, .servers = others, .server_count = 2};
    int64_t most_ns = tardy_budget_ns(&machine, 10 * MS, 1000, 9 * MS);

    CHECK_INT(most_ns, 5 * MS - 1000); /* a set of 1.5 with a largest of 0.5 */
    CHECK_INT(tardy_budget_ns(&machine, 2 * MS, 1000, 100000), 100000);
    CHECK_INT(tardy_own_ns(&machine, most_ns, 10 * MS), 0);
    CHECK_INT(tardy_own_ns(&machine, 6 * MS, 10 * MS), 500000 + 1 + 6 * MS);
    CHECK(!tardy_is_tolerated(&machine, &own));
    others[0].tolerance_ns = others[1].tolerance_ns = 500000 + 5 * MS;
    CHECK(!tardy_is_tolerated(&machine, &own));
    others[0].tolerance_ns = others[1].tolerance_ns = 500001 + 5 * MS;
    CHECK(tardy_is_tolerated(&machine, &own));
    machine.is_partitioned = true; /* exclusive CPUs */
    CHECK_INT(tardy_budget_ns(&machine, 10 * MS, 1000, 9 * MS), 9 * MS);
    CHECK_INT(tardy_own_ns(&machine, 6 * MS, 10 * MS), 0);
}

/* Who tells only a sum may have one with nearly a CPU. */
static void a_sum_is_the_worst_of_it(void)
{
    struct tt_machine machine = {.cpus = 2, .reserved_ppm = 1000000};
    struct tt_server all[8];

    CHECK_INT(tardy_others(&machine, all, 8), 2);
    CHECK_INT(all[0].budget_ns, 9500000);
    CHECK_INT(all[1].budget_ns, 500000);
    CHECK_INT(tardy_budget_ns(&machine, 10 * MS, 1000, 9 * MS), 500000 - 1000);
    machine.reserved_ppm = 0;
    CHECK_INT(tardy_others(&machine, all, 8), 0);
    CHECK_INT(tardy_budget_ns(&machine, 10 * MS, 1000, 9 * MS), 9 * MS);
}

int main(void)
{
    RUN(as_many_as_cpus_are_never_late);
    RUN(light_sets_are_never_late);
    RUN(lateness_is_bounded);
    RUN(others_have_the_last_word);
    RUN(a_sum_is_the_worst_of_it);
    return 0;
}
