/* Threads that the kernel forgot, as /proc shows them, and how they are freed. */
#include "platform/linux/forgotten.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "platform/linux/reserve.h"

/* The kernel books budget << 20 / period: of these two that is 0. */
#define LEAST_BUDGET_NS INT64_C(1024)
#define LONGEST_PERIOD_NS INT64_C(4194304000)

enum { TEXT_BYTES = 8192 };

static int read_text(pid_t tid, const char *name, char *text, size_t bytes)
{
    char path[64];
    ssize_t got;
    int fd;

    (void)snprintf(path, sizeof path, "/proc/%d/%s", (int)tid, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -ESRCH;
    got = read(fd, text, bytes - 1);
    (void)close(fd);
    if (got <= 0)
        return -ESRCH;
    text[got] = '\0';
    return 0;
}

/* Of a line "dl.runtime      :     -84060". */
static bool find_number(const char *text, const char *name, int64_t *ret)
{
    const char *line = strstr(text, name), *number = line ? strchr(line, ':') : NULL;

    if (!number)
        return false;
    *ret = strtoll(number + 1, NULL, 10);
    return true;
}

int tt_budget_left(pid_t tid, struct tt_budget_left *ret)
{
    char text[TEXT_BYTES];
    int r = read_text(tid, "sched", text, sizeof text);

    if (r < 0)
        return r;
    if (!find_number(text, "dl.runtime", &ret->runtime_ns) ||
        !find_number(text, "dl.deadline", &ret->deadline_ns))
        return -ENODATA;
    return 0;
}

/* It runs or wants to; else it sleeps. */
static bool is_runnable(pid_t tid)
{
    char text[TEXT_BYTES];
    const char *name_end;

    if (read_text(tid, "stat", text, sizeof text) < 0)
        return false;
    name_end = strrchr(text, ')'); /* a name may hold any other character */
    return name_end && name_end[1] == ' ' && name_end[2] == 'R';
}

int64_t tt_forgotten_for(struct tt_forgotten *thread, pid_t tid, int64_t now_ns)
{
    struct tt_budget_left left = {0};
    bool is_same;

    if (tid <= 0 || tt_budget_left(tid, &left) < 0 || left.runtime_ns > 0 || !is_runnable(tid)) {
        *thread = (struct tt_forgotten){0};
        return 0;
    }
    is_same = thread->since_ns != 0 && thread->tid == tid &&
              thread->left.runtime_ns == left.runtime_ns &&
              thread->left.deadline_ns == left.deadline_ns;
    if (!is_same)
        *thread = (struct tt_forgotten){.tid = tid, .left = left, .since_ns = now_ns};
    return now_ns - thread->since_ns;
}

int tt_forgotten_free(pid_t tid, struct tt_error *err)
{
    struct tt_budget_left left = {0};
    int r = tt_budget_left(tid, &left);

    if (r == 0 && (left.runtime_ns > 0 || !is_runnable(tid)))
        return tt_fail(err, -EINVAL, "thread %d has budget or sleeps: it is not freed", (int)tid);
    return r == 0 ? tt_reserve_other(tid, err)
                  : tt_fail(err, r, "nothing is known of thread %d's budget", (int)tid);
}

int tt_reserve_drop(pid_t tid, struct tt_error *err)
{
    int r = tt_reserve_deadline(tid, LEAST_BUDGET_NS, LONGEST_PERIOD_NS, err);

    return r == 0 ? tt_reserve_other(tid, err) : r;
}
