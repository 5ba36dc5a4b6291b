/* sched_setattr(2), which the C library does not wrap, and sentences for its refusals. */
#include "platform/linux/reserve.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FLAG_RESET_ON_FORK = 1, FLAG_RECLAIM = 2 };

/* The kernel's struct sched_attr, first version. */
struct attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime_ns, deadline_ns, period_ns;
};

_Static_assert(sizeof(struct attributes) == 48, "SCHED_ATTR_SIZE_VER0");

static int set_attributes(pid_t tid, const struct attributes *wanted)
{
    return syscall(SYS_sched_setattr, tid, wanted, 0) < 0 ? -errno : 0;
}

static int get_attributes(pid_t tid, struct attributes *ret)
{
    memset(ret, 0, sizeof *ret);
    return syscall(SYS_sched_getattr, tid, ret, sizeof *ret, 0) < 0 ? -errno : 0;
}

static const char *why_deadline(int code)
{
    switch (code) {
    case -EPERM:
        return "no right to (CAP_SYS_NICE in the machine's own user namespace, and no pinned CPUs)";
    case -EBUSY:
        return "the kernel has not that much CPU left to promise";
    case -EINVAL:
        return "the kernel takes budgets from 1.024 us and periods from 100 us to 4.19 s only";
    case -ESRCH:
        return "the thread is gone";
    default:
        return strerror(-code);
    }
}

int tt_reserve_deadline(pid_t tid, int64_t budget_ns, int64_t period_ns, struct tt_error *err)
{
    struct attributes wanted = {.size = sizeof wanted,
                                .policy = TT_RESERVE_DEADLINE,
                                .flags = FLAG_RESET_ON_FORK | FLAG_RECLAIM,
                                .runtime_ns = (uint64_t)budget_ns,
                                .deadline_ns = (uint64_t)period_ns,
                                .period_ns = (uint64_t)period_ns};
    int r;

    if (budget_ns <= 0 || period_ns < budget_ns)
        return tt_fail(err, -EINVAL, "a reservation of %lld ns in %lld ns makes no sense",
                       (long long)budget_ns, (long long)period_ns);
    r = set_attributes(tid, &wanted);
    if (r < 0)
        return tt_fail(err, r, "cannot reserve %lld us in %lld us for thread %d: %s",
                       (long long)(budget_ns / 1000), (long long)(period_ns / 1000), (int)tid,
                       why_deadline(r));
    return 0;
}

static struct attributes fifo_of(int priority)
{
    return (struct attributes){.size = sizeof(struct attributes),
                               .policy = SCHED_FIFO,
                               .flags = FLAG_RESET_ON_FORK,
                               .priority = (uint32_t)priority};
}

int tt_reserve_fifo(pid_t tid, int priority, struct tt_error *err)
{
    const struct attributes wanted = fifo_of(priority);
    struct attributes now;
    int r = get_attributes(tid, &now);

    if (r == 0 && now.policy == TT_RESERVE_DEADLINE && tid != 0 && tid != gettid())
        return tt_fail(err, -EINVAL,
                       "thread %d has a reservation, which only it may leave: from outside the "
                       "kernel would lose the bandwidth",
                       (int)tid);
    if (r == 0)
        r = set_attributes(tid, &wanted);
    if (r < 0)
        return tt_fail(err, r, "cannot give thread %d FIFO priority %d: %s", (int)tid, priority,
                       r == -EPERM ? "no right to (CAP_SYS_NICE or RLIMIT_RTPRIO)" : strerror(-r));
    return 0;
}

int tt_reserve_other(pid_t tid, struct tt_error *err)
{
    /* Without privileges the flag may be kept, never cleared. */
    struct attributes wanted = {
        .size = sizeof wanted, .policy = SCHED_OTHER, .flags = FLAG_RESET_ON_FORK};
    int r = set_attributes(tid, &wanted);

    return r < 0 ? tt_fail(err, r, "cannot leave the reservation: %s", strerror(-r)) : 0;
}

int tt_reserve_hasten(pid_t tid, int priority, struct tt_reserve_kept *ret)
{
    const struct attributes wanted = fifo_of(priority);
    struct attributes now;
    int r = get_attributes(tid, &now);

    if (r == 0 && now.policy != SCHED_OTHER)
        r = -EALREADY;
    if (r == 0)
        r = set_attributes(tid, &wanted);
    if (r == 0)
        *ret = (struct tt_reserve_kept){
            .flags = now.flags, .slice_ns = now.runtime_ns, .nice = now.nice, .priority = priority};
    return r;
}

int tt_reserve_slice(int64_t slice_ns)
{
    struct attributes wanted = {.size = sizeof wanted,
                                .policy = SCHED_OTHER,
                                .flags = FLAG_RESET_ON_FORK,
                                .runtime_ns = (uint64_t)slice_ns};
    struct attributes now;
    int r = get_attributes(0, &now);

    wanted.nice = now.nice;
    if (r == 0 && (now.policy != SCHED_OTHER || now.nice < 0))
        r = -EALREADY;
    return r == 0 ? set_attributes(0, &wanted) : r;
}

int tt_reserve_restore(pid_t tid, const struct tt_reserve_kept *kept)
{
    struct attributes wanted = {.size = sizeof wanted,
                                .policy = SCHED_OTHER,
                                .flags = kept->flags,
                                .nice = kept->nice,
                                .runtime_ns = kept->slice_ns};
    struct attributes now;
    int r = get_attributes(tid, &now);

    if (r == 0 && (now.policy != SCHED_FIFO || now.priority != (uint32_t)kept->priority))
        r = -EALREADY;
    return r == 0 ? set_attributes(tid, &wanted) : r;
}

int tt_reserve_leave(struct tt_error *err)
{
    return tt_reserve_other(0, err);
}

int tt_reserve_get(pid_t tid, int64_t *ret_budget_ns, int64_t *ret_period_ns)
{
    struct attributes now;
    int r = get_attributes(tid, &now);

    if (r < 0)
        return r;
    if (ret_budget_ns)
        *ret_budget_ns = (int64_t)now.runtime_ns;
    if (ret_period_ns)
        *ret_period_ns = (int64_t)now.period_ns;
    return (int)now.policy;
}

/* The last number of the line "NSpid:\t4711\t2". */
static pid_t innermost_id(const char *path)
{
    char line[256];
    long id = -1;
    FILE *file = fopen(path, "re");

    while (file && fgets(line, sizeof line, file)) {
        const char *last;

        if (strncmp(line, "NSpid:", 6) != 0)
            continue;
        last = strrchr(line, '\t');
        id = last ? strtol(last + 1, NULL, 10) : -1;
        break;
    }
    if (file)
        (void)fclose(file);
    return (pid_t)id;
}

#ifndef NS_GET_PID_FROM_PIDNS
#define NS_GET_PID_FROM_PIDNS _IOR(0xb7, 0x6, int) /* from Linux 6.11 on */
#endif

/* The kernel's own answer. That it is a thread of this process is not the kernel's to say where
 * namespaces were refused. */
static pid_t translate(pid_t pid, pid_t tid_inside)
{
    char path[64];
    int fd, tid;

    (void)snprintf(path, sizeof path, "/proc/%d/ns/pid", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    tid = ioctl(fd, NS_GET_PID_FROM_PIDNS, (long)tid_inside);
    (void)close(fd);
    (void)snprintf(path, sizeof path, "/proc/%d/task/%d", (int)pid, tid);
    return tid > 0 && access(path, F_OK) == 0 ? tid : -1;
}

int tt_reserve_thread(pid_t pid, pid_t tid_inside, pid_t *ret)
{
    char path[128];
    const struct dirent *entry;
    pid_t found = translate(pid, tid_inside);
    DIR *tasks = NULL;

    (void)snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    if (found < 0)
        tasks = opendir(path);
    while (tasks && found < 0 && (entry = readdir(tasks))) {
        long tid = strtol(entry->d_name, NULL, 10);

        (void)snprintf(path, sizeof path, "/proc/%d/task/%ld/status", (int)pid, tid);
        if (tid > 0 && innermost_id(path) == tid_inside)
            found = (pid_t)tid;
    }
    if (tasks)
        (void)closedir(tasks);
    if (found < 0)
        return -ESRCH;
    *ret = found;
    return 0;
}
