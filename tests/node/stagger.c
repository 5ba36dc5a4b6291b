/* Services that begin one after the other release their chains between each other's. */
#include "node/stagger.h"

#include <string.h>

#include "check.h"

#define MILLI INT64_C(1000000)

enum { CHAINS = 4, SERVICES = 8 };

static struct tt_picture_component sources[CHAINS];
static int64_t budgets_ns[CHAINS];
static struct stagger stagger;
static struct stagger_row rows[SERVICES];

/* `count` sources of 25 frames a second that share nothing. */
static void describe(uint32_t count, struct stagger_row *ret)
{
    struct tt_picture picture = {.components = sources, .component_count = count, .is_live = true};
    struct tt_plan plan = {.budget_of_ns = budgets_ns};

    for (uint32_t n = 0; n < CHAINS; n++) {
        sources[n] = (struct tt_picture_component){.is_source = true, .rate = {25, 1}};
        budgets_ns[n] = 2 * MILLI;
    }
    stagger_describe(&picture, &plan, ret);
}

static uint32_t most_at_once(void)
{
    uint32_t most = 0;

    for (uint32_t n = 0; n < STAGGER_SLOTS; n++)
        most = stagger.starts[n] > most ? stagger.starts[n] : most;
    return most;
}

static void they_meet_nobody_while_there_is_room(void)
{
    for (uint32_t n = 0; n < SERVICES; n++) {
        int64_t earliest_ns = 1000 * MILLI + n * 120 * MILLI, epoch_ns; /* all in step */

        describe(CHAINS, &rows[n]);
        CHECK_INT(rows[n].group_count, CHAINS);
        epoch_ns = stagger_enter(&stagger, &rows[n], earliest_ns);
        CHECK(epoch_ns >= earliest_ns && epoch_ns < earliest_ns + 8 * MILLI);
        CHECK(n > 0 || epoch_ns == earliest_ns); /* alone it does not wait */
        CHECK_INT(most_at_once(), 1);
    }
}

static void who_has_one_chain_begins_at_once(void)
{
    static struct stagger_row row;

    describe(1, &row);
    CHECK_INT(stagger_enter(&stagger, &row, 5000 * MILLI), 5000 * MILLI);
    CHECK_INT(most_at_once(), 2); /* with the first of those before */
    stagger_leave(&stagger, &row);
    CHECK_INT(most_at_once(), 1);
}

static void who_leaves_leaves_nothing(void)
{
    for (uint32_t n = 0; n < SERVICES; n++)
        stagger_leave(&stagger, &rows[n]);
    stagger_leave(&stagger, &rows[0]); /* as one that never began */
    CHECK_INT(most_at_once(), 0);
}

int main(void)
{
    RUN(they_meet_nobody_while_there_is_room);
    RUN(who_has_one_chain_begins_at_once);
    RUN(who_leaves_leaves_nothing);
    return 0;
}
