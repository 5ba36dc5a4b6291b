/* Rights and reservations: what the table says must be what happens. */
#include "platform/linux/reserve.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "platform/linux/rights.h"

static struct tt_ability rights[TT_ABILITY_COUNT];

static void every_row_is_filled(void)
{
    tt_rights_probe(rights);
    for (uint32_t n = 0; n < TT_ABILITY_COUNT; n++) {
        fprintf(stderr, "  %-15s %-7s %s%s%s\n", rights[n].name, rights[n].state, rights[n].detail,
                rights[n].fix[0] ? " -> " : "", rights[n].fix);
        CHECK(rights[n].name && rights[n].state && rights[n].detail[0]);
        CHECK_INT(strcmp(rights[n].state, "yes") == 0, rights[n].fix[0] == 0);
        if (n != TT_ABILITY_DEADLINE) /* the machine may be full */
            CHECK_INT(rights[n].is_held, strcmp(rights[n].state, "yes") == 0);
    }
}

static void a_full_machine_is_no_missing_right(void)
{
    struct tt_ability full = {0}, forbidden = {0}, held = {0};

    tt_rights_tell_deadline(-EBUSY, &full);
    tt_rights_tell_deadline(-EPERM, &forbidden);
    tt_rights_tell_deadline(0, &held);
    CHECK(full.is_held && !forbidden.is_held && held.is_held);
    CHECK_TEXT(full.state, "partly");
    CHECK_TEXT(forbidden.state, "no");
    CHECK_TEXT(held.state, "yes");
    CHECK(strstr(full.detail, "none left to promise") && !strstr(full.fix, "setcap"));
    CHECK(strstr(forbidden.detail, "not permitted") && strstr(forbidden.fix, "setcap"));
    CHECK_TEXT(held.fix, "");
}

static void the_probe_leaves_nothing_behind(void)
{
    CHECK_INT(tt_reserve_get(0, NULL, NULL), SCHED_OTHER);
}

static void numbers_without_sense_are_refused(void)
{
    struct tt_error err = {0};

    CHECK_INT(tt_reserve_deadline(0, 20, 10, &err), -EINVAL);
    CHECK(err.text[0] != 0);
    CHECK_INT(tt_reserve_deadline(0, 0, 10000000, &err), -EINVAL);
}

struct sleeper {
    pthread_t thread;
    int tid;     /* atomic */
    int is_over; /* atomic */
    int left;
};

static void *sleep_here(void *ctx)
{
    struct sleeper *sleeper = ctx;
    struct timespec nap = {0, 2000000};

    __atomic_store_n(&sleeper->tid, gettid(), __ATOMIC_RELEASE);
    while (!__atomic_load_n(&sleeper->is_over, __ATOMIC_ACQUIRE))
        (void)nanosleep(&nap, NULL);
    sleeper->left = tt_reserve_leave(NULL);
    return NULL;
}

/* What a broker does: OTHER to DEADLINE and new numbers from outside, out only by itself. */
static void a_broker_reserves_by_thread_id(void)
{
    struct sleeper sleeper = {.tid = 0};
    struct tt_error err = {0};
    int64_t budget_ns = 0, period_ns = 0;
    pid_t found = 0;
    int r;

    CHECK_INT(pthread_create(&sleeper.thread, NULL, sleep_here, &sleeper), 0);
    while (!__atomic_load_n(&sleeper.tid, __ATOMIC_ACQUIRE))
        (void)sched_yield();
    CHECK_INT(tt_reserve_thread(getpid(), sleeper.tid, &found), 0);
    CHECK_INT(found, sleeper.tid);
    CHECK_INT(tt_reserve_thread(getpid(), 0x3fffffff, &found), -ESRCH);
    r = tt_reserve_deadline(sleeper.tid, 500000, 20000000, &err);
    CHECK_INT(r == 0, rights[TT_ABILITY_DEADLINE].is_held);
    if (r == 0) {
        CHECK_INT(tt_reserve_deadline(sleeper.tid, 1000000, 20000000, &err), 0);
        CHECK_INT(tt_reserve_get(sleeper.tid, &budget_ns, &period_ns), 6);
        CHECK_INT(budget_ns, 1000000);
        CHECK_INT(period_ns, 20000000);
        CHECK_INT(tt_reserve_fifo(sleeper.tid, 1, &err), -EINVAL);
        CHECK_INT(tt_reserve_get(sleeper.tid, NULL, NULL), 6);
    } else
        CHECK(strstr(err.text, "cannot reserve") != NULL);
    __atomic_store_n(&sleeper.is_over, 1, __ATOMIC_RELEASE);
    (void)pthread_join(sleeper.thread, NULL);
    CHECK_INT(sleeper.left, 0);
}

static int64_t now_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

struct spinner {
    int code;       /* of its reservation */
    uint64_t flags; /* that the kernel says it has */
    int64_t got_ns;
};

/* Spins for 200 ms under a tenth of a CPU. */
static void *spin_here(void *ctx)
{
    struct spinner *spinner = ctx;
    uint64_t words[6] = {0}; /* the kernel's struct sched_attr: the second one has the flags */
    int64_t until_ns, before_ns;

    spinner->code = tt_reserve_deadline(0, 2000000, 20000000, NULL);
    if (spinner->code < 0)
        return NULL;
    if (syscall(SYS_sched_getattr, 0, words, sizeof(words), 0) == 0)
        spinner->flags = words[1];
    until_ns = now_ns(CLOCK_MONOTONIC) + 200000000;
    before_ns = now_ns(CLOCK_THREAD_CPUTIME_ID);
    while (now_ns(CLOCK_MONOTONIC) < until_ns)
        continue;
    spinner->got_ns = now_ns(CLOCK_THREAD_CPUTIME_ID) - before_ns;
    CHECK_INT(tt_reserve_leave(NULL), 0);
    return NULL;
}

/* How much it is depends on the reservations of others, which may leave nothing. */
static void what_others_leave_is_lent(void)
{
    struct spinner spinner = {0};
    pthread_t thread;

    CHECK_INT(pthread_create(&thread, NULL, spin_here, &spinner), 0);
    (void)pthread_join(thread, NULL);
    if (spinner.code < 0)
        return;
    fprintf(stderr, "  %lld ms of 200, of which 20 are reserved\n",
            (long long)spinner.got_ns / 1000000);
    CHECK(spinner.flags & 2); /* SCHED_FLAG_RECLAIM */
}

int main(void)
{
    RUN(every_row_is_filled);
    RUN(a_full_machine_is_no_missing_right);
    RUN(the_probe_leaves_nothing_behind);
    RUN(numbers_without_sense_are_refused);
    RUN(a_broker_reserves_by_thread_id);
    RUN(what_others_leave_is_lent);
    return 0;
}
