/* The engine's own work: what the worker took, to the last nanosecond, laid on releases. */
#include "core/own.h"

#include "check.h"

static struct tt_engine_stats stats;
static struct tt_own own;

static void begin(void)
{
    stats = (struct tt_engine_stats){0};
    own = (struct tt_own){0};
}

/* What it took before the first look, to be laid out for instance, is no release's. */
static void test_first_look(void)
{
    begin();
    stats.cpu_ns = 5000000;
    tt_own_look(&own, &stats);
    CHECK_INT(tt_own_share_ns(&own, 10), 0);
    stats.cpu_ns += 1000;
    stats.nodes[3].cost_sum_ns = 400;
    tt_own_look(&own, &stats);
    CHECK_INT(tt_own_share_ns(&own, 10), 60);
    CHECK_INT(tt_own_share_ns(&own, 10), 0);
}

/* Whenever it is looked at, also between a time that was told and the cost that belongs to it,
 * releases bear no less than what was taken, and no more than that and a nanosecond each. */
static void test_sum(void)
{
    int64_t taken_ns = 0, borne_ns = 0, releases = 0;
    uint64_t random = 7;

    begin();
    tt_own_look(&own, &stats);
    for (int turn = 0; turn < 20000; turn++) {
        struct tt_node_stats *node = &stats.nodes[(random >> 40) % 5];
        int64_t cost_ns = (int64_t)(random >> 33) % 3000000, own_ns = cost_ns % 20000;
        uint64_t count = (random >> 50) % 60;

        random = random * 6364136223846793005u + 1442695040888963407u;
        stats.cpu_ns += cost_ns + own_ns;
        taken_ns += own_ns;
        if (random >> 63) { /* the worker is between the two */
            tt_own_look(&own, &stats);
            borne_ns += tt_own_share_ns(&own, count) * (int64_t)count;
            releases += (int64_t)count;
        }
        node->cost_sum_ns += cost_ns;
    }
    tt_own_look(&own, &stats);
    borne_ns += tt_own_share_ns(&own, 1);
    CHECK(borne_ns >= taken_ns);
    CHECK(borne_ns <= taken_ns + releases + 3000000);
}

/* A place that another component gets counts from 0 again. */
static void test_place_anew(void)
{
    begin();
    stats.nodes[0].cost_sum_ns = stats.cpu_ns = 900000;
    tt_own_look(&own, &stats);
    stats.nodes[0].cost_sum_ns = 50000;
    stats.cpu_ns += 51000;
    tt_own_look(&own, &stats);
    CHECK_INT(tt_own_share_ns(&own, 1), 1000);
}

/* Costs that the wall clock told are more than the time that was taken: what that hides is bounded.
 */
static void test_debt(void)
{
    begin();
    tt_own_look(&own, &stats);
    stats.nodes[0].cost_sum_ns = INT64_C(3600) * 1000000000;
    tt_own_look(&own, &stats);
    CHECK_INT(tt_own_share_ns(&own, 1), 0);
    stats.cpu_ns = 10000000 + 700;
    tt_own_look(&own, &stats);
    CHECK_INT(tt_own_share_ns(&own, 7), 100);
}

int main(void)
{
    test_first_look();
    test_sum();
    test_place_anew();
    test_debt();
    return 0;
}
