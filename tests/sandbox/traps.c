/* What a trap costs, beyond the timer where one is needed, in each scheduling class; and that the
 * thread goes on in its class, with its signals, as if nothing had been. Figures are printed; what
 * is held against the limit is the best quarter, for this machine is not ours alone. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "sandbox/fake.h"
#include "sandbox/sanitizer.h"
#include "sandbox/slot.h"

enum { ROUNDS = 60, TIMER_NS = 300000, LIMIT_NS = 50000 };

static struct tt_space space;
static timer_t timer;

static int64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void on_timer(int number, siginfo_t *info, void *context)
{
    (void)tt_trap_stop(context);
}

static void make_timer(void)
{
    struct sigaction action = {.sa_sigaction = on_timer, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN + 2};
    sigset_t wanted;

    event._sigev_un._tid = gettid();
    CHECK_INT(sigaction(SIGRTMIN + 2, &action, NULL), 0);
    CHECK_INT(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGRTMIN + 2);
    CHECK_INT(pthread_sigmask(SIG_UNBLOCK, &wanted, NULL), 0);
}

/* Until `at`, and on, as one that comes before the module runs is lost. 0: off. */
static void set_timer(int64_t at)
{
    struct itimerspec when = {.it_value = {at / 1000000000, at % 1000000000},
                              .it_interval = {0, at ? 1000000 : 0}};

    CHECK_INT(timer_settime(timer, TIMER_ABSTIME, &when, NULL), 0);
}

static struct tt_slot *loaded(struct tt_image *ret)
{
    struct tt_slot_params params = {.space = &space, .instance_bytes = 256};
    struct tt_slot *slot;

    CHECK_INT(tt_slot_new(&params, &slot, NULL), 0);
    CHECK_INT(tt_slot_start(slot, &fake_module, 0, NULL), 0);
    CHECK_INT(tt_slot_save(slot, ret, NULL), 0);
    CHECK_INT(tt_slot_load(slot, &fake_module, ret, 0, NULL), 0);
    return slot;
}

static int run(struct tt_slot *slot, enum fake_deed deed)
{
    struct tt_call call = {.abi = TT_ABI, .size = sizeof call, .index = deed, .media_ns = 1000};

    return tt_slot_process(slot, &call);
}

static int compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

    return (left > right) - (left < right);
}

struct deed {
    const char *name;
    enum fake_deed deed;
    enum tt_trap trap;
    bool has_timer, has_limit;
};

static const struct deed deeds[] = {
    {"out of bounds", FAKE_READ_FAR, TT_TRAP_BOUNDS, false, true},
    {"write to the neighbour", FAKE_WRITE_NEIGHBOUR, TT_TRAP_BOUNDS, false, true},
    {"divide", FAKE_DIVIDE, TT_TRAP_DIVIDE, false, true},
    {"unreachable", FAKE_UNREACHABLE, TT_TRAP_UNREACHABLE, false, true},
    {"bad indirect call", FAKE_CALL, TT_TRAP_CALL, false, true},
    {"memory limit", FAKE_GROW, TT_TRAP_MEMORY, false, true},
    /* It takes as long as it takes to fill a stack. */
    {"native stack", FAKE_RECURSE, TT_TRAP_STACK, false, false},
    {"loop in memory", FAKE_LOOP_MEMORY, TT_TRAP_TIME, true, true},
    {"loop in registers", FAKE_LOOP_REGISTER, TT_TRAP_TIME, true, true},
};

static int64_t cost_of(struct tt_slot *slot, const struct deed *deed)
{
    int64_t begin_ns = now_ns() + (deed->has_timer ? TIMER_NS : 0);

    if (deed->has_timer)
        set_timer(begin_ns);
    CHECK_INT(run(slot, deed->deed), tt_trap_errno(deed->trap));
    begin_ns = now_ns() - begin_ns;
    if (deed->has_timer)
        set_timer(0);
    CHECK_INT(slot->report.trap, deed->trap);
    return begin_ns;
}

static void measure(const char *class_)
{
    struct tt_image image, other_image;
    struct tt_slot *slot = loaded(&image), *other = loaded(&other_image);
    int policy = sched_getscheduler(0);
    sigset_t before, after;

    CHECK_INT(pthread_sigmask(SIG_BLOCK, NULL, &before), 0);
    for (size_t n = 0; n < sizeof deeds / sizeof *deeds; n++) {
        int64_t costs[ROUNDS];

        for (uint32_t round = 0; round < ROUNDS; round++) {
            costs[round] = cost_of(slot, &deeds[n]);
            CHECK_INT(run(other, FAKE_COPY), 0);
            CHECK_INT(tt_slot_reset(slot), 0);
            CHECK_INT(run(slot, FAKE_COPY), 0);
        }
        qsort(costs, ROUNDS, sizeof *costs, compare);
        fprintf(stderr, "  %-8s %-22s%s p25 %6.1f p50 %6.1f p90 %6.1f max %7.1f us\n", class_,
                deeds[n].name, deeds[n].has_timer ? " timer +" : "",
                (double)costs[ROUNDS / 4] / 1e3, (double)costs[ROUNDS / 2] / 1e3,
                (double)costs[ROUNDS * 9 / 10] / 1e3, (double)costs[ROUNDS - 1] / 1e3);
        CHECK(!deeds[n].has_limit || costs[ROUNDS / 4] <= LIMIT_NS);
        if (deeds[n].has_timer)
            CHECK_TEXT(slot->report.function, "fake");
    }
    CHECK_INT(*(uint32_t *)(void *)(other->memory + FAKE_COUNT_AT),
              ROUNDS * sizeof deeds / sizeof *deeds);
    CHECK_INT(sched_getscheduler(0), policy);
    CHECK_INT(pthread_sigmask(SIG_BLOCK, NULL, &after), 0);
    CHECK_INT(sigismember(&after, SIGRTMIN + 2), 0);
    CHECK_INT(sigismember(&after, SIGSEGV), sigismember(&before, SIGSEGV));
    tt_slot_close(&slot);
    tt_slot_close(&other);
    tt_image_close(&image);
    tt_image_close(&other_image);
}

/* The kernel's, which this C library does not know and whose header does not suit its own. */
struct attributes {
    uint32_t size, sched_policy;
    uint64_t sched_flags;
    int32_t sched_nice;
    uint32_t sched_priority;
    uint64_t sched_runtime, sched_deadline, sched_period;
};

enum { POLICY_DEADLINE = 6 };

static int enter_class(int policy)
{
    struct attributes attributes = {.size = sizeof attributes,
                                    .sched_policy = (uint32_t)policy,
                                    .sched_priority = policy == SCHED_FIFO ? 10 : 0};

    if (policy == SCHED_OTHER)
        return 0;
    if (policy == POLICY_DEADLINE) {
        attributes.sched_runtime = 3000000;
        attributes.sched_deadline = attributes.sched_period = 10000000;
    }
    return syscall(SYS_sched_setattr, 0, &attributes, 0) < 0 ? -errno : 0;
}

static void *measure_class(void *argument)
{
    int policy = *(int *)argument, r;
    const char *name = policy == SCHED_FIFO ? "FIFO" : policy == SCHED_OTHER ? "OTHER" : "DEADLINE";

    make_timer();
    CHECK_INT(tt_trap_thread(NULL), 0);
    r = enter_class(policy);
    if (r < 0) {
        fprintf(stderr, "  %s is not permitted here: %s\n", name, strerror(-r));
        (void)timer_delete(timer);
        return NULL;
    }
    measure(name);
    (void)timer_delete(timer);
    return NULL;
}

int main(void)
{
    static int policies[] = {SCHED_OTHER, SCHED_FIFO, POLICY_DEADLINE};
    struct tt_error err = {0};
    sigset_t all;

    if (is_signals_taken())
        return CHECK_SKIP;
    sigfillset(&all);
    if (tt_space_open(&space, 4, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return CHECK_SKIP;
    }
    CHECK_INT(tt_trap_install(NULL), 0);
    for (size_t n = 0; n < sizeof policies / sizeof *policies; n++) {
        pthread_attr_t attributes;
        pthread_t thread;

        (void)pthread_attr_init(&attributes);
        (void)pthread_attr_setstacksize(&attributes, 256 << 10);
        (void)pthread_attr_setguardsize(&attributes, 1 << 20);
        (void)pthread_sigmask(SIG_BLOCK, &all, NULL); /* as a worker's thread begins */
        CHECK_INT(pthread_create(&thread, &attributes, measure_class, &policies[n]), 0);
        CHECK_INT(pthread_join(thread, NULL), 0);
        (void)pthread_attr_destroy(&attributes);
    }
    tt_space_close(&space);
    return 0;
}
