/* Workers on partitions of one CPU each: what is put there fits there, and who fits nowhere is told
 * what is left. */
#include "planner/partition.h"

#include <errno.h>

#include "check.h"
#include "pictures.h"
#include "tactus/format.h"

#define MS INT64_C(1000000)

enum { SEEDS = 20000, WORKERS = 6, CPUS = 5 };

static uint64_t state;

static uint32_t draw_below(uint32_t end)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((state >> 33) % end);
}

static int64_t room_of(const struct tt_partition *partition)
{
    return partition->limit_ppm - partition->slack_ppm - partition->reserved_ppm;
}

static bool is_any_way(const struct tt_machine *machine, const int64_t *wanted_ppm)
{
    for (uint32_t a = 0; a < machine->partition_count; a++)
        for (uint32_t b = 0; b < machine->partition_count; b++) {
            int64_t first_ppm = wanted_ppm[0] + (a == b ? wanted_ppm[1] : 0);

            if (first_ppm <= room_of(&machine->partitions[a]) &&
                wanted_ppm[1] <= room_of(&machine->partitions[b]))
                return true;
        }
    return false;
}

static void check_fit(const struct tt_machine *machine, const int64_t *wanted_ppm, uint32_t count,
                      const uint32_t *place)
{
    int64_t load_ppm[CPUS] = {0};

    for (uint32_t n = 0; n < count; n++) {
        CHECK(place[n] >= 1);
        CHECK(place[n] <= machine->partition_count);
        load_ppm[place[n] - 1] += wanted_ppm[n];
    }
    for (uint32_t n = 0; n < machine->partition_count; n++)
        CHECK(load_ppm[n] <= 0 || load_ppm[n] <= room_of(&machine->partitions[n]));
}

static void what_is_put_fits_and_two_are_put_wherever_two_fit(void)
{
    uint32_t fitted = 0, refused = 0;

    for (state = 1; fitted + refused < SEEDS;) {
        struct tt_partition partitions[CPUS];
        struct tt_machine machine = {.is_partitioned = true,
                                     .partitions = partitions,
                                     .partition_count = 1 + draw_below(CPUS)};
        uint32_t count = 1 + draw_below(WORKERS), place[WORKERS] = {0};
        int64_t wanted_ppm[WORKERS];

        for (uint32_t n = 0; n < machine.partition_count; n++)
            partitions[n] = (struct tt_partition){900000, 50000, 100000 * draw_below(10)};
        for (uint32_t n = 0; n < count; n++)
            wanted_ppm[n] = 10000 * (1 + (int64_t)draw_below(60));
        if (partition_fit(&machine, wanted_ppm, count, place)) {
            check_fit(&machine, wanted_ppm, count, place);
            fitted++;
            continue;
        }
        CHECK_INT(place[0], 0);
        CHECK(count != 2 || !is_any_way(&machine, wanted_ppm));
        CHECK(count != 1 || wanted_ppm[0] > partition_most_ppm(&machine));
        refused++;
    }
    CHECK(fitted > SEEDS / 5);
    CHECK(refused > SEEDS / 5);
}

/* One that costs 9 ms in each 20, declared: about half a CPU with what it is given beside that. */
static struct test_picture *make(void)
{
    const struct tt_rational rate = {50, 1};
    struct test_picture *made = picture_make(100 * MS, rate);
    uint32_t segment = picture_segment(made, "cam", 0, rate);
    uint32_t cam = picture_component(made, "cam", segment, 0);
    uint32_t out = picture_component(made, "out", segment, 0);

    picture_flow(made, cam, out);
    picture_sink(made, out, 100 * MS);
    made->components[cam].shape.cost_max_ns = 9 * MS;
    made->components[out].shape.cost_max_ns = MS / 10;
    return made;
}

static struct tt_machine machine_of(struct tt_partition *partitions, uint32_t count)
{
    for (uint32_t n = 0; n < count; n++)
        partitions[n] = (struct tt_partition){.limit_ppm = 900000, .slack_ppm = 50000};
    return (struct tt_machine){.cpus = 2,
                               .limit_ppm = 1800000,
                               .slack_ppm = 300000,
                               .right = TT_RIGHT_DEADLINE,
                               .wake_ns = 300000,
                               .hop_ns = 1000,
                               .memory_bytes = 1 << 30,
                               .partitions = partitions,
                               .partition_count = count};
}

static struct tt_plan *plan_on(const struct test_picture *made, const struct tt_machine *machine)
{
    struct tt_plan *plan = NULL;

    CHECK_INT(tt_plan_make(&made->picture, made->costs, made->segment_costs, machine, &plan, NULL),
              0);
    return plan;
}

static int64_t share_ppm(const struct tt_plan *plan)
{
    return tt_muldiv(plan->budget_ns, 1000000, plan->period_ns) + 1;
}

/* The others' tardiness is no term there: the bound is that of a machine with nobody else. */
static void who_is_on_a_partition_is_late_for_nobody(void)
{
    struct tt_server others[] = {{9 * MS, 10 * MS, 20 * MS}, {4 * MS, 10 * MS, 20 * MS}};
    struct tt_partition partitions[1];
    struct tt_machine machine = machine_of(partitions, 1), shared;
    struct test_picture *made = make();
    struct tt_plan *plan, *beside;

    machine.slack_ppm = 0;
    machine.servers = others;
    machine.server_count = 2;
    machine.reserved_ppm = 1300000;
    plan = plan_on(made, &machine);
    CHECK(plan->is_admitted);
    CHECK_INT(plan->class, TT_CLASS_BOUNDED); /* all is declared, the CPU its own, no hypervisor */
    CHECK_INT(plan->workers[0].partition, 1);
    CHECK_INT(plan->workers[0].tolerance_ns, 0);
    shared = machine;
    shared.partition_count = 0;
    beside = plan_on(made, &shared);
    CHECK(!beside->is_admitted || beside->bound_ns > plan->bound_ns);
    CHECK(beside->class != TT_CLASS_BOUNDED);
    tt_plan_close(&beside);
    tt_plan_close(&plan);
    free(made);
}

static void they_are_filled_then_the_rest_then_no(void)
{
    struct tt_partition partitions[2];
    struct tt_machine machine = machine_of(partitions, 2);
    struct test_picture *made = make();
    struct tt_plan *plan;

    for (uint32_t turn = 0; turn < 2; turn++) { /* one on each: on the same they would not fit */
        plan = plan_on(made, &machine);
        CHECK(plan->is_admitted);
        CHECK_INT(plan->workers[0].partition, 1 + turn);
        CHECK(2 * share_ppm(plan) > 850000);
        partitions[turn].reserved_ppm = share_ppm(plan);
        tt_plan_close(&plan);
    }
    plan = plan_on(made, &machine);
    CHECK(plan->is_admitted);
    CHECK_INT(plan->workers[0].partition, 0);
    CHECK_INT(plan->class, TT_CLASS_TARGETED);
    tt_plan_close(&plan);
    machine.is_on_partitions = true; /* one that runs there stays there */
    plan = plan_on(made, &machine);
    CHECK(!plan->is_admitted);
    CHECK(strstr(plan->binding, "of 2 partitions the emptiest has") != NULL);
    tt_plan_close(&plan);
    machine.is_on_partitions = false;
    machine.reserved_ppm = 1400000;
    plan = plan_on(made, &machine);
    CHECK(!plan->is_admitted);
    CHECK(strstr(plan->binding, "on partitions, CPU: ") != NULL);
    CHECK(strstr(plan->binding, "beside them, CPU: ") != NULL);
    tt_plan_close(&plan);
    free(made);
}

/* Without a promise nothing is reserved, and no CPU given away. */
static void best_effort_is_put_on_none(void)
{
    struct tt_partition partitions[1];
    struct tt_machine machine = machine_of(partitions, 1);
    struct test_picture *made = make();
    struct tt_plan *plan;

    made->picture.is_best_effort = true;
    plan = plan_on(made, &machine);
    CHECK(plan->is_admitted);
    CHECK_INT(plan->workers[0].partition, 0);
    CHECK_INT(plan->budget_ns, 0);
    tt_plan_close(&plan);
    free(made);
}

int main(void)
{
    RUN(what_is_put_fits_and_two_are_put_wherever_two_fit);
    RUN(who_is_on_a_partition_is_late_for_nobody);
    RUN(they_are_filled_then_the_rest_then_no);
    RUN(best_effort_is_put_on_none);
    return 0;
}
