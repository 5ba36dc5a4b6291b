/* Scheduling classes and CPU reservations of threads, with the reasons when the kernel refuses.
 *
 * A thread leaves DEADLINE by itself: when another one demotes it while it sleeps, the kernel never
 * gives its bandwidth back, machine-wide, until a restart. Only forgotten.h does so from outside,
 * to threads that cannot by themselves, and in ways that lose nothing. */
#ifndef TT_LINUX_RESERVE_H
#define TT_LINUX_RESERVE_H

#include <stdint.h>
#include <sys/types.h>

#include "tactus/error.h"

/* OTHER or FIFO to DEADLINE, or new numbers for a thread that has it (these hold from its next
 * period on). tid 0: the caller. Threads that it makes later are OTHER.
 *
 * Who has used its budget up goes on, within the same deadline, in what reservations that sleep and
 * the rest of the CPU leave (GRUB: Lipari, Baruah 2000), but for the kernel's 5 %.
 *
 * -EPERM: no right to, or the thread is pinned, or in a user namespace; -EBUSY: the machine has not
 * that much left to promise; -EINVAL: numbers the kernel does not take; -ESRCH. */
int tt_reserve_deadline(pid_t tid, int64_t budget_ns, int64_t period_ns, struct tt_error *err);

/* OTHER to FIFO. -EINVAL for a DEADLINE thread of somebody else; -EPERM. */
int tt_reserve_fifo(pid_t tid, int priority, struct tt_error *err);

struct tt_reserve_kept { /* what a thread of class OTHER had, and the priority that it was given */
    uint64_t flags, slice_ns;
    int32_t nice, priority;
};

/* OTHER to FIFO for a while. -EALREADY: it has another class, and keeps it; -EPERM; -ESRCH. */
int tt_reserve_hasten(pid_t tid, int priority, struct tt_reserve_kept *ret);

/* Back again. -EALREADY: it has been given another class or priority since. */
int tt_reserve_restore(pid_t tid, const struct tt_reserve_kept *kept);

/* From Linux 6.12 on a thread of class OTHER that asks for short turns has them sooner when it is
 * woken, and no more of the CPU. Not for the caller's children. -EALREADY: it has another class, or
 * a right to more that its children are to have, too. */
int tt_reserve_slice(int64_t slice_ns);

/* The calling thread becomes OTHER; its bandwidth is free after at most one period. */
int tt_reserve_leave(struct tt_error *err);

/* The same for any thread: of forgotten.c alone, which sees to it that nothing is lost. */
int tt_reserve_other(pid_t tid, struct tt_error *err);

enum { TT_RESERVE_DEADLINE = 6 }; /* SCHED_DEADLINE, which the C library does not name */

/* What the thread has now: the policy (SCHED_OTHER ...), and budget and period of DEADLINE. Either
 * pointer may be NULL. Negative errno on failure. */
int tt_reserve_get(pid_t tid, int64_t *ret_budget_ns, int64_t *ret_period_ns);

/* The thread of process pid that calls itself tid_inside in its own pid namespace. -ESRCH. */
int tt_reserve_thread(pid_t pid, pid_t tid_inside, pid_t *ret);

#endif
