/* CPUs of our own: cgroup v2 cpuset partitions of one CPU each, on which nothing runs but what is
 * put there, and where the kernel admits reservations by that CPU alone.
 *
 * They are children of the hierarchy's root: before Linux 6.7 a partition is made nowhere else.
 * Each folder is locked as long as its owner lives, so that what a dead one left is known and
 * removed, and what a living one has is left alone. */
#ifndef TT_LINUX_CPUSET_H
#define TT_LINUX_CPUSET_H

#include <stddef.h>
#include <stdint.h>

#include "tactus/error.h"

enum { TT_CPUSETS_MAX = 64 };

struct tt_cpusets;

/* Where cgroup v2 is mounted; the empty string: nowhere. */
void tt_cpusets_root(char *ret, size_t bytes);

/* Ends what is in partitions whose owner is dead, and removes them. Returns how many. */
uint32_t tt_cpusets_sweep(void);

/* The `count` CPUs with the highest numbers of those that this process may run on, each a
 * partition: all of them, or none. One CPU at least stays with everybody else: -EINVAL. -ENOTSUP:
 * there is no cgroup v2 with cpuset, or the kernel made none of it; -EACCES. */
int tt_cpusets_open(uint32_t count, struct tt_cpusets **ret, struct tt_error *err);

/* Ends what is still there, and gives the CPUs back. */
void tt_cpusets_close(struct tt_cpusets **cpusets);

uint32_t tt_cpusets_count(const struct tt_cpusets *cpusets);
uint32_t tt_cpusets_cpu(const struct tt_cpusets *cpusets, uint32_t index);

/* A descriptor by which a process without rights of its own may enter; the cpusets'. */
int tt_cpusets_door(const struct tt_cpusets *cpusets, uint32_t index);

/* The calling process is on that CPU from now on, with the threads that it makes. It has no other
 * one yet: for the kernel a thread that sleeps meanwhile stays on the CPU that it fell asleep on
 * until it wakes, and gets no reservation before that (EPERM). */
int tt_cpuset_enter(int door, struct tt_error *err);

#endif
