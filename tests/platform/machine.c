/* The simulated machine does what the kernel does: reservations isolate, ticks let them run over,
 * debts are paid, bandwidth is counted, the host takes time from all alike. */
#include "platform/sim/machine.h"

#include <errno.h>

#include "check.h"

#define MS INT64_C(1000000)

static struct tt_machine *machine;

static void open_machine(uint32_t cpus, int64_t tick_ns, bool is_partitioned)
{
    struct tt_machine_params params = {.seed = 1,
                                       .start_ns = 1000 * MS,
                                       .cpu_count = cpus,
                                       .tick_ns = tick_ns,
                                       .limit_ppm = 900000,
                                       .is_partitioned = is_partitioned};

    machine = tt_machine_open(&params);
    CHECK(machine != NULL);
}

static void run_for(int64_t time_ns)
{
    tt_machine_run(machine, tt_machine_now(machine) + time_ns);
    tt_machine_check(machine);
}

/* Spins for ever, or does so much every period. */
struct work {
    struct tt_thread *thread;
    int64_t cost_ns, period_ns, worst_ns;
    uint32_t late_count, done_count;
};

static void spin(void *ctx)
{
    struct work *work = ctx;

    for (;;)
        tt_thread_spend(work->thread, MS);
}

static void beat(void *ctx)
{
    struct work *work = ctx;
    int64_t release_ns = tt_machine_now(machine);

    for (;;) {
        int64_t took_ns;

        tt_thread_spend(work->thread, work->cost_ns);
        took_ns = tt_machine_now(machine) - release_ns;
        work->worst_ns = took_ns > work->worst_ns ? took_ns : work->worst_ns;
        work->late_count += took_ns > work->period_ns;
        work->done_count++;
        release_ns += work->period_ns;
        if (release_ns > tt_machine_now(machine))
            tt_thread_sleep(work->thread, release_ns);
    }
}

static void start(struct work *work, void (*entry)(void *ctx))
{
    work->thread = tt_thread_spawn(machine, entry, work);
    CHECK(work->thread != NULL);
}

static void a_hog_gets_its_budget_and_no_more(void)
{
    struct work hog = {0}, other = {0};

    open_machine(1, 0, false);
    start(&hog, spin);
    start(&other, spin);
    CHECK_INT(tt_thread_reserve(hog.thread, 2 * MS, 10 * MS), 0);
    run_for(1000 * MS);
    CHECK_INT(tt_thread_cpu_ns(hog.thread), 200 * MS);
    CHECK_INT(tt_thread_cpu_ns(other.thread), 800 * MS);
    CHECK_INT(tt_thread_throttled_count(hog.thread), 100);
    tt_machine_close(&machine);
    CHECK(machine == NULL);
}

/* In long bursts, as measured on the kernel: 1 in 10 ms with a tick of 4. */
static void ticks_let_it_run_over_and_it_pays(void)
{
    struct work hog = {0};
    int64_t got_ns;

    open_machine(1, 4 * MS, false);
    start(&hog, spin);
    CHECK_INT(tt_thread_reserve(hog.thread, MS, 10 * MS), 0);
    run_for(8 * MS);
    CHECK(tt_thread_cpu_ns(hog.thread) >= MS);
    CHECK(tt_thread_cpu_ns(hog.thread) <= 5 * MS);
    run_for(10000 * MS);
    got_ns = tt_thread_cpu_ns(hog.thread);
    CHECK(got_ns > 950 * MS);
    CHECK(got_ns < 1050 * MS);
    CHECK(tt_thread_throttled_count(hog.thread) < 900); /* not one each period */
    tt_machine_close(&machine);
}

static void reservations_isolate(void)
{
    for (uint32_t partitioned = 0; partitioned < 2; partitioned++) {
        struct work victim = {.cost_ns = 2 * MS, .period_ns = 10 * MS}, hogs[3] = {0}, free_ = {0};

        open_machine(1, 0, partitioned);
        start(&victim, beat);
        CHECK_INT(tt_thread_reserve(victim.thread, 2 * MS, 10 * MS), 0);
        for (uint32_t n = 0; n < 3; n++) {
            start(&hogs[n], spin);
            CHECK_INT(tt_thread_reserve(hogs[n].thread, 2 * MS, (8 + n) * MS), 0);
        }
        start(&free_, spin);
        run_for(2000 * MS);
        CHECK(victim.done_count >= 199);
        CHECK_INT(victim.late_count, 0);
        CHECK(victim.worst_ns > 2 * MS); /* they did preempt it */
        CHECK(tt_thread_cpu_ns(free_.thread) > 0);
        tt_machine_close(&machine);
    }
}

/* Without a reservation the same victim is late: the machine can show a miss. */
static void without_one_it_is_late(void)
{
    struct work victim = {.cost_ns = 2 * MS, .period_ns = 10 * MS}, hogs[8] = {0};

    open_machine(1, 0, false);
    start(&victim, beat);
    for (uint32_t n = 0; n < 8; n++)
        start(&hogs[n], spin);
    run_for(2000 * MS);
    CHECK(victim.late_count > victim.done_count / 2);
    for (uint32_t n = 0; n < 8; n++) /* a fair share */
        CHECK(tt_thread_cpu_ns(hogs[n].thread) > 150 * MS);
    tt_machine_close(&machine);
}

static void bandwidth_is_counted(void)
{
    struct work hogs[4] = {0};

    open_machine(2, 0, false);
    for (uint32_t n = 0; n < 4; n++)
        start(&hogs[n], spin);
    CHECK_INT(tt_thread_reserve(hogs[0].thread, 1000, 10 * MS), -EINVAL);
    CHECK_INT(tt_thread_reserve(hogs[0].thread, 11 * MS, 10 * MS), -EINVAL);
    CHECK_INT(tt_thread_reserve(hogs[0].thread, 8 * MS, 10 * MS), 0);
    CHECK_INT(tt_thread_reserve(hogs[1].thread, 8 * MS, 10 * MS), 0);
    CHECK_INT(tt_thread_reserve(hogs[2].thread, 3 * MS, 10 * MS), -EBUSY);
    CHECK_INT(tt_thread_reserve(hogs[1].thread, 5 * MS, 10 * MS), 0); /* in place of its own */
    CHECK_INT(tt_thread_reserve(hogs[2].thread, 3 * MS, 10 * MS), 0);
    CHECK_INT(tt_machine_booked_ppm(machine), 1600003);
    run_for(5 * MS);
    tt_thread_kill(&hogs[0].thread);
    CHECK(hogs[0].thread == NULL);
    CHECK_INT(tt_thread_reserve(hogs[3].thread, 8 * MS, 10 * MS), -EBUSY); /* its 0-lag time */
    run_for(10 * MS);
    CHECK_INT(tt_thread_reserve(hogs[3].thread, 8 * MS, 10 * MS), 0);
    tt_machine_close(&machine);
    open_machine(2, 0, true);
    for (uint32_t n = 0; n < 3; n++)
        start(&hogs[n], spin);
    CHECK_INT(tt_thread_reserve(hogs[0].thread, 6 * MS, 10 * MS), 0);
    CHECK_INT(tt_thread_reserve(hogs[1].thread, 6 * MS, 10 * MS), 0);
    CHECK_INT(tt_thread_reserve(hogs[2].thread, 5 * MS, 10 * MS), -EBUSY); /* on neither */
    run_for(100 * MS);
    CHECK(tt_thread_cpu_ns(hogs[0].thread) == tt_thread_cpu_ns(hogs[1].thread));
    tt_machine_close(&machine);
}

static void who_is_put_on_a_cpu_is_there_or_nowhere(void)
{
    struct work hogs[3] = {0};

    open_machine(2, 0, true);
    for (uint32_t n = 0; n < 3; n++) {
        start(&hogs[n], spin);
        tt_thread_put(hogs[n].thread, 1);
    }
    CHECK_INT(tt_thread_reserve(hogs[0].thread, 6 * MS, 10 * MS), 0);
    CHECK_INT(tt_thread_reserve(hogs[1].thread, 4 * MS, 10 * MS), -EBUSY); /* though 0 is free */
    CHECK_INT(tt_thread_reserve(hogs[1].thread, 2 * MS, 10 * MS), 0);
    tt_thread_put(hogs[2].thread, 0);
    CHECK_INT(tt_thread_reserve(hogs[2].thread, 8 * MS, 10 * MS), 0);
    run_for(100 * MS);
    tt_machine_close(&machine);
}

static void give(void *ctx)
{
    tt_machine_give_cpu(machine, *(uint32_t *)ctx);
}

static void take(void *ctx)
{
    tt_machine_take_cpu(machine, *(uint32_t *)ctx);
}

static void the_host_takes_time(void)
{
    struct work victim = {.cost_ns = 2 * MS, .period_ns = 10 * MS};
    uint32_t cpu = 0;

    open_machine(1, 0, false);
    start(&victim, beat);
    CHECK_INT(tt_thread_reserve(victim.thread, 3 * MS, 10 * MS), 0);
    tt_machine_at(machine, tt_machine_now(machine) + 101 * MS, take, &cpu);
    tt_machine_at(machine, tt_machine_now(machine) + 141 * MS, give, &cpu);
    run_for(1000 * MS);
    CHECK_INT(victim.worst_ns, 42 * MS);
    CHECK(victim.late_count >= 4);
    CHECK(victim.late_count <= 10); /* a budget of 3 catches up with 2 a period */
    tt_machine_close(&machine);
}

static void on_armed(void *ctx)
{
    *(int64_t *)ctx = tt_machine_now(machine);
}

static void timers_come_in_order_and_spinning_does_not_hold_them(void)
{
    struct work hog = {0};
    int64_t begin_ns, seen_ns[3] = {0};

    open_machine(1, 0, false);
    begin_ns = tt_machine_now(machine);
    start(&hog, spin);
    for (int n = 2; n >= 0; n--)
        tt_machine_at(machine, begin_ns + n * MS + 500, on_armed, &seen_ns[n]);
    tt_thread_arm(hog.thread, begin_ns + 700, on_armed, &begin_ns);
    run_for(10 * MS);
    for (int n = 0; n < 3; n++)
        CHECK_INT(seen_ns[n], 1000 * MS + n * MS + 500);
    CHECK_INT(begin_ns, 1000 * MS + 700);
    CHECK_INT(tt_thread_cpu_ns(hog.thread), 10 * MS);
    tt_machine_close(&machine);
}

static uint64_t hash_of(uint64_t seed)
{
    struct work beats[3];
    uint64_t hash;
    struct tt_machine_params params = {.seed = seed,
                                       .start_ns = 1000 * MS,
                                       .cpu_count = 2,
                                       .tick_ns = 4 * MS,
                                       .wake_max_ns = MS,
                                       .limit_ppm = 900000};

    machine = tt_machine_open(&params);
    for (uint32_t n = 0; n < 3; n++) {
        beats[n] = (struct work){.cost_ns = (1 + n) * MS, .period_ns = (7 + n) * MS};
        start(&beats[n], beat);
    }
    run_for(500 * MS);
    hash = tt_machine_hash(machine);
    tt_machine_close(&machine);
    return hash;
}

static void a_seed_is_a_trace(void)
{
    for (uint64_t seed = 1; seed < 20; seed++) {
        CHECK(hash_of(seed) == hash_of(seed));
        CHECK(hash_of(seed) != hash_of(seed + 1));
    }
}

int main(void)
{
    RUN(a_hog_gets_its_budget_and_no_more);
    RUN(ticks_let_it_run_over_and_it_pays);
    RUN(reservations_isolate);
    RUN(without_one_it_is_late);
    RUN(bandwidth_is_counted);
    RUN(who_is_put_on_a_cpu_is_there_or_nowhere);
    RUN(the_host_takes_time);
    RUN(timers_come_in_order_and_spinning_does_not_hold_them);
    RUN(a_seed_is_a_trace);
    return 0;
}
