/* Workers that the kernel forgot: seen from outside, freed, and ended so that new ones follow. And
 * how a container's threads leave their reservations when it is killed. */
#include <stdio.h>
#include <string.h>

#include "node/run_inside.h"
#include "platform/linux/reserve.h"

/* Who took much too much of a small reservation is throttled for long, and is not forgotten. One
 * that is to die has no time to be throttled for. */
#define LIVE_NS RUN_SECOND
#define DYING_NS (300 * RUN_MILLI)
#define LOOK_NS (100 * RUN_MILLI)
#define CALM_LOOK_NS (500 * RUN_MILLI) /* of one whose worker goes on: to look is dear */

enum { PERIODS = 10 };

/* To die is work, too: under a small reservation that is used up it may take minutes, and a thread
 * that the kernel forgot would not die at all. */
void run_kill(struct run_process *process)
{
    const pid_t tids[2] = {process->tid, process->standby_tid};

    if (process->child == NULL)
        return;
    if (process->handoff != NULL) /* from here on nobody is given anything */
        handoff_seat(process->handoff, &(struct handoff_seat){0});
    for (uint32_t n = 0; n < 2 && run_is_container(process->run, process->number); n++)
        if (tids[n] > 0 && tt_reserve_get(tids[n], NULL, NULL) == TT_RESERVE_DEADLINE)
            (void)tt_reserve_drop(tids[n], NULL);
    child_kill(process->child);
}

static bool is_dying(const struct run *run, uint32_t number)
{
    return run->supervise.processes[number].is_killed;
}

static int64_t patience_ns(const struct run *run, uint32_t number)
{
    int64_t least_ns = is_dying(run, number) ? DYING_NS : LIVE_NS;
    int64_t periods_ns = PERIODS * run_planned(run, number)->period_ns;

    return periods_ns > least_ns ? periods_ns : least_ns;
}

/* It runs again, among programs, which is enough to die. Its place in the books is its successor's.
 */
static void rescue(struct run_process *process, pid_t tid, int64_t for_ns)
{
    struct run *run = process->run;
    struct tt_error err = {0};
    char text[SUPERVISE_TEXT_BYTES];

    if (tt_forgotten_free(tid, &err) < 0)
        return;
    (void)tt_format_text(text, sizeof(text),
                         "the kernel did not run the worker of %s any more: freed from its "
                         "reservation, and ended: forgotten_ms=%lld",
                         process->name, (long long)(for_ns / RUN_MILLI));
    run_event(run, "rescued", text);
    run_feed(run, &(struct supervise_event){.kind = SUPERVISE_STUCK,
                                            .process = process->number,
                                            .text = "the kernel had forgotten its worker"});
}

/* A worker that is there turns its loop ten times a second, if only to sleep again. */
static bool is_calm(struct run_process *process, int64_t now_ns)
{
    const struct run *run = process->run;
    uint64_t loops =
        __atomic_load_n(&run->broker->engine_stats[process->number]->loops, __ATOMIC_RELAXED);
    bool goes_on = loops != process->loops_seen;

    process->loops_seen = loops;
    return goes_on && !is_dying(run, process->number) && now_ns - process->rescue_ns < CALM_LOOK_NS;
}

static void look_at(struct run_process *process, int64_t now_ns)
{
    const pid_t tids[2] = {process->tid, process->standby_tid};

    if (is_calm(process, now_ns))
        return;
    process->rescue_ns = now_ns;

    for (uint32_t n = 0; n < 2 && process->child != NULL; n++) {
        int64_t for_ns = tt_forgotten_for(&process->forgotten[n], tids[n], now_ns);

        if (for_ns < patience_ns(process->run, process->number))
            continue;
        process->forgotten[n] = (struct tt_forgotten){0};
        rescue(process, tids[n], for_ns);
    }
}

/* Once in a container's life: who then overruns is waited for. */
static void tell_refusal(struct run_process *process)
{
    int r = process->handoff != NULL ? handoff_refusal(process->handoff) : 0;
    char text[SUPERVISE_TEXT_BYTES];

    if (r == 0 || process->is_refusal_told)
        return;
    process->is_refusal_told = true;
    (void)tt_format_text(text, sizeof(text),
                         "%s is over its budget and keeps its worker: the kernel has nothing left "
                         "for another thread (%s)",
                         process->name, strerror(-r));
    run_event(process->run, "handoff-refused", text);
}

void run_rescue(struct run *run, int64_t now_ns)
{
    if (now_ns - run->rescue_ns < LOOK_NS)
        return;
    run->rescue_ns = now_ns;
    for (uint32_t n = 0; n < run->broker->wiring->container_count; n++) {
        if (run->processes[n].child == NULL)
            continue;
        look_at(&run->processes[n], now_ns);
        tell_refusal(&run->processes[n]);
    }
}
