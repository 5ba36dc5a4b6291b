/* What an edge has of the CPU: it brings and takes the frames of a promise, so it comes before
 * programs that have no due times, under every reservation, while it takes little. One that takes
 * much is where others' bytes have led it: it goes back to where it came from, for good. */
#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "node/ladder.h"
#include "node/run_inside.h"
#include "platform/linux/reserve.h"

enum { EDGE_FIFO_PRIORITY = 20, SHARE_PERCENT_MAX = 25 };

static int64_t cpu_ns(pid_t pid)
{
    struct timespec spent;
    clockid_t clock;

    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &spent) < 0)
        return -1;
    return spent.tv_sec * RUN_SECOND + spent.tv_nsec;
}

/* All threads of an edge: one gives and takes frames, others read what comes for it. 0: their class
 * is that of anybody. Returns how many have it now. */
static uint32_t set_class(pid_t pid, int fifo_priority)
{
    const struct sched_param none = {0};
    const struct dirent *entry;
    uint32_t count = 0;
    char path[64];
    DIR *tasks;

    (void)snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    tasks = opendir(path);
    while (tasks && (entry = readdir(tasks))) {
        pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);

        /* From FIFO a thread may be sent away by others: there is no bandwidth that could be lost.
         */
        if (tid > 0)
            count += (fifo_priority > 0
                          ? tt_reserve_fifo(tid, fifo_priority, NULL)
                          : sched_setscheduler(tid, SCHED_OTHER | SCHED_RESET_ON_FORK, &none)) == 0;
    }
    if (tasks)
        (void)closedir(tasks);
    return count;
}

void run_edge_ready(struct run_process *process, pid_t tid_inside)
{
    const struct run *run = process->run;
    pid_t pid = child_pid(process->child);

    process->is_favoured = false;
    if (run->params.is_profile || !run->params.picture->is_live ||
        (!ladder_is_reservation_planned(&run->params) && !ladder_is_fifo_planned(&run->params)))
        return;
    if (tt_reserve_thread(pid, tid_inside, &process->tid) < 0 ||
        set_class(pid, EDGE_FIFO_PRIORITY) == 0)
        return;
    process->is_favoured = true;
    process->cpu_ns = cpu_ns(pid);
    process->looked_ns = loop_now_ns();
}

static void send_back(struct run_process *process, int64_t share_percent)
{
    char text[SUPERVISE_TEXT_BYTES];

    process->is_favoured = false;
    (void)set_class(child_pid(process->child), 0);
    (void)snprintf(text, sizeof(text),
                   "%s takes too much to come before other programs: cpu_percent=%lld most=%d",
                   run_process_name(process->run, process->number), (long long)share_percent,
                   SHARE_PERCENT_MAX);
    run_event(process->run, "edge-class-lost", text);
}

static void look_at(struct run_process *process, int64_t now_ns)
{
    int64_t spent_ns = cpu_ns(child_pid(process->child)), share_percent;

    if (spent_ns < 0 || process->cpu_ns < 0)
        return;
    share_percent = (spent_ns - process->cpu_ns) * 100 / (now_ns - process->looked_ns);
    process->cpu_ns = spent_ns;
    process->looked_ns = now_ns;
    if (share_percent > SHARE_PERCENT_MAX)
        send_back(process, share_percent);
}

void run_edges_watch(struct run *run, int64_t now_ns)
{
    for (uint32_t n = 1; n < run->supervise.process_count; n++) {
        struct run_process *process = &run->processes[n];

        if (process->child != NULL && process->is_favoured &&
            now_ns - process->looked_ns >= RUN_SECOND)
            look_at(process, now_ns);
    }
}
