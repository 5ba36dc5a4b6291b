/* Threads that the kernel forgot: made on purpose, told from those that are well, and freed without
 * loss of bandwidth. */
#include "platform/linux/forgotten.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"
#include "platform/linux/port.h"
#include "platform/linux/reserve.h"

enum { US = 1000, MS = 1000000, SKIP = 77 };

struct patient {
    pthread_t thread;
    uint32_t tid, turn, step; /* atomic */
};

static void sleep_until_turn(struct patient *patient, uint32_t turn)
{
    uint32_t now;

    while ((now = __atomic_load_n(&patient->turn, __ATOMIC_ACQUIRE)) < turn)
        (void)syscall(SYS_futex, &patient->turn, FUTEX_WAIT_PRIVATE, now, NULL, NULL, 0);
    __atomic_store_n(&patient->step, turn, __ATOMIC_RELEASE);
}

/* Leaves with its budget used up, and waits to be woken with another. */
static void *live(void *ctx)
{
    struct patient *patient = ctx;
    int64_t until_ns;

    __atomic_store_n(&patient->tid, (uint32_t)gettid(), __ATOMIC_RELEASE);
    sleep_until_turn(patient, 1);
    until_ns = tt_linux_now() + 600 * US;
    while (tt_linux_now() < until_ns)
        ;
    (void)tt_reserve_leave(NULL);
    sleep_until_turn(patient, 2);
    (void)tt_reserve_leave(NULL);
    sleep_until_turn(patient, 3);
    return NULL;
}

static pid_t begin(struct patient *patient)
{
    *patient = (struct patient){0};
    CHECK_INT(pthread_create(&patient->thread, NULL, live, patient), 0);
    while (__atomic_load_n(&patient->tid, __ATOMIC_ACQUIRE) == 0)
        (void)usleep(50);
    (void)usleep(500);
    return (pid_t)patient->tid;
}

static void wake(struct patient *patient)
{
    (void)__atomic_add_fetch(&patient->turn, 1, __ATOMIC_RELEASE);
    (void)syscall(SYS_futex, &patient->turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static bool has_come(const struct patient *patient, uint32_t step, int64_t within_ns)
{
    int64_t until_ns = tt_linux_now() + within_ns;

    while (__atomic_load_n(&patient->step, __ATOMIC_ACQUIRE) < step && tt_linux_now() < until_ns)
        (void)usleep(500);
    return __atomic_load_n(&patient->step, __ATOMIC_ACQUIRE) >= step;
}

/* Others may have what is left for a moment; what a drop lost would be gone for good. */
static int reserve_patiently(pid_t tid, int64_t budget_ns, int64_t period_ns)
{
    int r = tt_reserve_deadline(tid, budget_ns, period_ns, NULL);

    for (int n = 0; n < 3000 && r == -EBUSY; n++) {
        (void)usleep(10 * 1000);
        r = tt_reserve_deadline(tid, budget_ns, period_ns, NULL);
    }
    return r;
}

/* A reservation again after its deadline and before its 0-lag time. */
static int64_t give_too_early(struct patient *patient, pid_t tid)
{
    struct tt_forgotten look = {0};
    int64_t for_ns = 0;
    uint32_t looks = 0;

    CHECK_INT(reserve_patiently(tid, 100 * US, MS), 0);
    wake(patient);
    while (tt_reserve_get(tid, NULL, NULL) != SCHED_OTHER)
        (void)usleep(100);
    (void)usleep(2 * US);
    /* Where others took it meanwhile, it is too late to be too early. */
    CHECK_INT(reserve_patiently(tid, 100 * US, MS), 0);
    wake(patient);
    while (for_ns < 20 * MS && !has_come(patient, 2, 0) && looks++ < 1000) {
        for_ns = tt_forgotten_for(&look, tid, tt_linux_now());
        (void)usleep(2 * US);
    }
    return for_ns;
}

static void leave(struct patient *patient)
{
    CHECK(has_come(patient, 2, 60000 * (int64_t)MS));
    wake(patient);
    (void)pthread_join(patient->thread, NULL);
}

/* So many that their bandwidth, were it lost, would be missed. */
static void the_forgotten_are_freed(void)
{
    int wanted = 21 * (int)sysconf(_SC_NPROCESSORS_ONLN), freed = 0;

    wanted = wanted > 84 ? 84 : wanted;
    for (int round = 0; round < 2 * wanted && freed < wanted; round++) {
        struct patient patient;
        pid_t tid = begin(&patient);

        if (give_too_early(&patient, tid) >= 20 * MS) {
            struct tt_error err = {0};

            CHECK_INT((int)patient.step, 1);
            CHECK_INT(tt_forgotten_free(tid, &err), 0);
            freed++;
        }
        leave(&patient);
    }
    fprintf(stderr, "  %d of %d threads were forgotten and freed%s\n", freed, wanted,
            freed == 0 ? ": this kernel forgets none" : "");
}

static void who_is_well_is_left_alone(void)
{
    struct tt_forgotten look = {0};
    struct tt_error err = {0};
    struct patient patient;
    pid_t tid = begin(&patient);
    struct tt_budget_left left;

    CHECK_INT(tt_budget_left(tid, &left), -ENODATA);
    CHECK_INT(tt_forgotten_free(tid, &err), -ENODATA);
    CHECK_INT(reserve_patiently(tid, 2 * MS, 10 * MS), 0);
    CHECK_INT(tt_budget_left(tid, &left), 0);
    CHECK(tt_forgotten_for(&look, tid, 1) == 0 && tt_forgotten_for(&look, tid, 1000) == 0);
    CHECK_INT(tt_forgotten_free(tid, &err), -EINVAL);
    CHECK_INT(tt_reserve_get(tid, NULL, NULL), 6);
    wake(&patient);
    CHECK(has_come(&patient, 1, 60000 * (int64_t)MS));
    wake(&patient);
    leave(&patient);
}

/* A fifth of a CPU again and again, from outside, of a thread that sleeps. */
static void a_drop_loses_nothing(void)
{
    int rounds = 5 * (int)sysconf(_SC_NPROCESSORS_ONLN) + 20;
    struct patient patient;
    pid_t tid = begin(&patient);

    for (int n = 0; n < rounds; n++) {
        CHECK_INT(reserve_patiently(tid, 2 * MS, 10 * MS), 0);
        CHECK_INT(tt_reserve_drop(tid, NULL), 0);
        CHECK_INT(tt_reserve_get(tid, NULL, NULL), SCHED_OTHER);
    }
    wake(&patient);
    wake(&patient);
    leave(&patient);
}

int main(void)
{
    struct patient patient;
    pid_t tid = begin(&patient);
    int r = tt_reserve_deadline(tid, 100 * US, MS, NULL);
    struct tt_budget_left left;

    if (r == 0)
        r = tt_budget_left(tid, &left);
    wake(&patient);
    wake(&patient);
    leave(&patient);
    if (r < 0) {
        printf("skipped: no reservations here, or a kernel that does not show them\n");
        return SKIP;
    }
    RUN(the_forgotten_are_freed);
    RUN(who_is_well_is_left_alone);
    RUN(a_drop_loses_nothing);
    return 0;
}
