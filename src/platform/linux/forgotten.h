/* Threads that the kernel forgot: runnable under DEADLINE, without budget, and never given another.
 *
 * Linux (6.1 to 6.18 at least) remembers a thread that leaves DEADLINE with its budget used up as
 * throttled until its 0-lag time (its deadline, and what it took too much at the pace of its
 * reservation). Whoever gives it a reservation again before that stops the timer that would have
 * forgiven it: when it wakes it is not run, not even to die, and its bandwidth stays booked. */
#ifndef TT_LINUX_FORGOTTEN_H
#define TT_LINUX_FORGOTTEN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "tactus/error.h"

/* What is left to a thread under DEADLINE as of its last run: the kernel's own figures. */
struct tt_budget_left {
    int64_t runtime_ns, deadline_ns; /* of the kernel's own clock */
};

/* Takes about 10 us. -ENODATA: it is not under DEADLINE, or this kernel does not tell; -ESRCH. */
int tt_budget_left(pid_t tid, struct tt_budget_left *ret);

/* A thread between two looks; all zero: it was never looked at. */
struct tt_forgotten {
    pid_t tid;
    struct tt_budget_left left;
    int64_t since_ns; /* it has been as it is; 0: it is well */
};

/* For how long it has wanted to run with its budget used up and nothing changed; 0: it is well. A
 * throttled thread looks like that for a period or, after it took much too much, some more. */
int64_t tt_forgotten_for(struct tt_forgotten *thread, pid_t tid, int64_t now_ns);

/* Puts a forgotten thread among the OTHER ones, from outside: it is runnable, so the kernel gives
 * its bandwidth back. -EINVAL: it is not as a forgotten one is, and nothing was done. */
int tt_forgotten_free(pid_t tid, struct tt_error *err);

/* Puts a thread that may sleep among the OTHER ones, from outside: what it has is first lowered to
 * so little that the kernel books nothing for it, hence nothing is lost. */
int tt_reserve_drop(pid_t tid, struct tt_error *err);

#endif
