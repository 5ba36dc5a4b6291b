/* What a user may ask of tactusd: saved credit, a wait, a refusal, and nobody pays for another. */
#include "node/quota.h"

#include <string.h>

#include "check.h"

#define MS INT64_C(1000000)
#define START (INT64_C(1000000) * MS)

static struct quota quota;

static void who_asks_now_and_then_never_waits(void)
{
    memset(&quota, 0, sizeof(quota));
    for (int64_t n = 0; n < 10000; n++) {
        int64_t now_ns = START + n * 50 * MS;

        CHECK_INT(quota_wait_ns(&quota, 7, now_ns), 0);
        quota_charge(&quota, 7, QUOTA_PROCESS_NS, now_ns);
    }
}

static void credit_is_saved_and_then_it_is_the_rate(void)
{
    int64_t now_ns = START;
    uint32_t count = 0, waited = 0;

    memset(&quota, 0, sizeof(quota));
    while (quota_wait_ns(&quota, 7, now_ns) == 0) {
        quota_charge(&quota, 7, QUOTA_PROCESS_NS, now_ns);
        count++;
    }
    CHECK_INT(count, QUOTA_SAVED_NS / QUOTA_PROCESS_NS + 1);
    /* Who waits as long as told gets one each 50 ms. */
    for (; now_ns < START + 10000 * MS; waited++) {
        now_ns += quota_wait_ns(&quota, 7, now_ns);
        quota_charge(&quota, 7, QUOTA_PROCESS_NS, now_ns);
    }
    CHECK_INT(waited, 200);
    CHECK_INT(quota_wait_ns(&quota, 7, now_ns + 60000 * MS), 0);
}

static void nobody_pays_for_another_and_root_for_nothing(void)
{
    memset(&quota, 0, sizeof(quota));
    for (uint32_t n = 0; n < 1000; n++) {
        quota_charge(&quota, 7, QUOTA_PROCESS_NS, START);
        quota_charge(&quota, 0, QUOTA_PROCESS_NS, START);
    }
    CHECK(quota_wait_ns(&quota, 7, START) > QUOTA_WAIT_NS);
    CHECK_INT(quota_wait_ns(&quota, 8, START), 0);
    CHECK_INT(quota_wait_ns(&quota, 0, START), 0);
}

static void a_debt_has_an_end(void)
{
    memset(&quota, 0, sizeof(quota));
    for (uint32_t n = 0; n < 10; n++)
        quota_charge(&quota, 7, INT64_MAX, START);
    CHECK(quota_wait_ns(&quota, 7, START) > QUOTA_WAIT_NS);
    CHECK(quota_wait_ns(&quota, 7, START + QUOTA_WAIT_NS) <= QUOTA_WAIT_NS);
}

static void more_users_than_places(void)
{
    memset(&quota, 0, sizeof(quota));
    for (uint32_t uid = 1; uid < 200; uid++)
        quota_charge(&quota, uid, QUOTA_PROCESS_NS, START);
    quota_charge(&quota, 1000, 8000 * MS, START);
    for (uint32_t uid = 1; uid < 200; uid++)
        quota_charge(&quota, uid, QUOTA_PROCESS_NS, START);
    CHECK_INT(quota_wait_ns(&quota, 1000, START), 3000 * MS); /* the largest debt is kept */
    CHECK_INT(quota_wait_ns(&quota, 199, START), 0);
}

int main(void)
{
    who_asks_now_and_then_never_waits();
    credit_is_saved_and_then_it_is_the_rate();
    nobody_pays_for_another_and_root_for_nothing();
    a_debt_has_an_end();
    more_users_than_places();
    return 0;
}
