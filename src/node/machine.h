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
};

/* right: the best class, by may_best(). */
void machine_look(struct machine *machine, enum tt_right right);

/* Promises no more than so many percent of each CPU; 0: what the kernel allows. */
void machine_limit(struct machine *machine, int64_t percent);

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
