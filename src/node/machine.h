/* What this machine is: processors, kernel, what it may promise, how fast it wakes. */
#ifndef TT_NODE_MACHINE_H
#define TT_NODE_MACHINE_H

#include <stdbool.h>

#include "planner/planner.h"

struct profile;

struct machine {
    struct tt_machine plan; /* reserved_ppm is the reservations' */
    char cpu_model[128], kernel[160], node[128];
    int tai_offset_s;     /* as the kernel knows it; 0: nobody told it */
    int64_t memory_at_ns; /* when free memory was looked at; 0: some of it was taken since */
    uint32_t partitions;  /* CPUs that are none of the plan's, which are the rest */
    int64_t partition_limit_ppm, partition_slack_ppm; /* of each */
};

/* right: the best class, by may_best(). */
void machine_look(struct machine *machine, enum tt_right right);

/* Promises no more than so many percent of each CPU; 0: what the kernel allows. */
void machine_limit(struct machine *machine, int64_t percent);

/* So many of its CPUs are partitions; before machine_limit(). */
void machine_cut(struct machine *machine, uint32_t partitions);

/* All CPUs, and what the kernel admits on them together. */
uint32_t machine_cpus(const struct machine *machine);
int64_t machine_limit_ppm(const struct machine *machine);

/* Free memory changes: before each plan. The kernel's answer takes a fifth of what a plan does, so
 * it is asked while nobody waits, and again only when its word is older than a second or a service
 * has started since. */
void machine_refresh(struct machine *machine);
void machine_memory_taken(struct machine *machine);

/* Takes the wake-up time from the store; when it is older than a day, a thread measures for 3 s
 * in the background. machine_wake_poll() takes its result over and keeps it: true once. */
void machine_wake_start(struct machine *machine, struct profile *profile);
bool machine_wake_poll(struct machine *machine, struct profile *profile);

#endif
