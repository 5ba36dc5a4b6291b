/* Which chains are released later, and by how much. */
#include <string.h>

#include "check.h"
#include "planner/planner.h"

#define MS INT64_C(1000000)

enum { CHAINS = 6, LENGTH = 3, COUNT = CHAINS * LENGTH };

static struct tt_picture_component components[COUNT];
static struct tt_picture_flow flows[COUNT];
static struct tt_picture picture;
static int64_t budgets_ns[COUNT], phases_ns[COUNT];
static struct tt_plan plan;

/* A source, a component, a sink; each chain at 25 frames a second. */
static void init(int64_t budget_ns)
{
    memset(components, 0, sizeof(components));
    picture = (struct tt_picture){.components = components,
                                  .component_count = COUNT,
                                  .flows = flows,
                                  .flow_count = CHAINS * (LENGTH - 1),
                                  .is_live = true};
    plan = (struct tt_plan){.budget_of_ns = budgets_ns};
    for (uint32_t n = 0; n < COUNT; n++) {
        struct tt_picture_component *component = &components[n];
        uint32_t place = n % LENGTH, flow = n / LENGTH * (LENGTH - 1) + place;

        budgets_ns[n] = budget_ns;
        component->rate = (struct tt_rational){25, 1};
        component->is_source = place == 0;
        component->is_sink = place == LENGTH - 1;
        component->in_count = place > 0;
        component->in[0].flow = (int32_t)flow - 1;
        component->in[1].flow = -1;
        component->out_count = place < LENGTH - 1;
        if (place < LENGTH - 1)
            flows[flow] = (struct tt_picture_flow){.from = n, .to = n + 1};
    }
}

static void expect(const int64_t expected_ms[CHAINS])
{
    CHECK_INT(tt_plan_phases(&plan, &picture, phases_ns), 0);
    for (uint32_t n = 0; n < COUNT; n++)
        CHECK_INT(phases_ns[n] / MS, expected_ms[n / LENGTH]);
    for (uint32_t n = 0; n < COUNT; n++)
        CHECK_INT(phases_ns[n] % MS, 0);
}

static void what_takes_little_is_released_together(void)
{
    init(MS / 50); /* 0.36 ms of all */
    expect((int64_t[CHAINS]){0});
    init(0); /* nobody knows what it takes */
    expect((int64_t[CHAINS]){0});
}

static void what_takes_long_is_spread(void)
{
    init(MS / 15); /* 1.2 ms: three releases */
    expect((int64_t[CHAINS]){0, 13, 26, 0, 13, 26});
    init(10 * MS); /* each by itself */
    expect((int64_t[CHAINS]){0, 8, 16, 24, 32, 0});
    for (uint32_t n = 0; n < COUNT; n++)
        components[n].rate.num = 60; /* two in 16.7 ms */
    expect((int64_t[CHAINS]){0, 8, 0, 8, 0, 8});
}

static void others_keep_their_time(void)
{
    init(10 * MS);
    components[0].flags = TT_EDGE; /* it brings what it brings */
    components[3].rate.num = 50;   /* alone at its rate: a chain like the others */
    flows[5].to = 8;               /* the third chain's middle feeds its end, and so does the */
    flows[6].to = 8;               /* fourth's source: a join */
    components[8].in_count = 2;
    components[8].in[1].flow = 6;
    CHECK_INT(tt_plan_phases(&plan, &picture, phases_ns), 0);
    CHECK_INT(phases_ns[0], 0);
    CHECK_INT(phases_ns[3], 0);
    CHECK_INT(phases_ns[6], 0);
    CHECK_INT(phases_ns[9], 0);
    CHECK(phases_ns[12] > 0);
    CHECK(phases_ns[15] > phases_ns[12]);
    for (uint32_t n = 12; n < COUNT; n++)
        CHECK(phases_ns[n] < 40 * MS);
}

static void without_a_clock_nothing_has_a_phase(void)
{
    init(10 * MS);
    picture.is_live = false;
    expect((int64_t[CHAINS]){0});
    picture.is_live = true;
    CHECK_INT(tt_plan_phases(NULL, &picture, phases_ns), 0);
    CHECK_INT(phases_ns[15], 0);
}

int main(void)
{
    RUN(what_takes_little_is_released_together);
    RUN(what_takes_long_is_spread);
    RUN(others_keep_their_time);
    RUN(without_a_clock_nothing_has_a_phase);
    return 0;
}
