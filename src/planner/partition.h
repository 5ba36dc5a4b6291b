/* Workers on CPUs that are partitions of their own. Pure. */
#ifndef TT_PLANNER_PARTITION_H
#define TT_PLANNER_PARTITION_H

#include <stdbool.h>
#include <stdint.h>

#include "planner/planner.h"

/* Which partition takes which worker, numbered from 1: all of them, or false and ret untouched.
 * Each goes where most is left, the largest first, so that they run beside one another; where that
 * fits not, where least is left. wanted_ppm: of one CPU, one for each worker. */
bool partition_fit(const struct tt_machine *machine, const int64_t *wanted_ppm, uint32_t count,
                   uint32_t *ret);

/* The machine's partitions as a machine: what is planned there is exact, CPU by CPU. */
void partition_machine(const struct tt_machine *machine, struct tt_machine *ret);

/* Do its CPUs, as a plan sees it, consist of them? */
bool partition_is_all(const struct tt_machine *machine);

/* What one worker may have at most: of the machine's sum, or of the partition with most left. */
int64_t partition_most_ppm(const struct tt_machine *machine);

#endif
