/* The ladder DEADLINE, FIFO, OTHER: the best scheduling class that a service's worker can get. */
#ifndef TT_NODE_LADDER_H
#define TT_NODE_LADDER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "node/run.h"
#include "tactus/error.h"

struct ladder_rung {
    bool is_again;     /* not now, maybe after a period: the kernel is full, or the worker dies */
    bool is_obtained;  /* what the plan asks for */
    int64_t budget_ns; /* reserved in each period; 0: nothing */
    int64_t period_ns;
    bool is_lowered;   /* it is what its place in the books was lowered to, not the plan's */
    int fifo_priority; /* that it has instead; 0: none */
    char why[TT_ERROR_TEXT_BYTES + 64]; /* what it has instead */
};

struct ladder_wish {
    uint32_t number; /* of its container */
    const struct tt_plan_worker *planned;
    pid_t tid;                    /* the worker; 0: not found */
    int64_t budget_ns, period_ns; /* what its predecessor had last; 0: it had none */
    bool may_wait;
};

/* A thread that sleeps goes from OTHER upwards only. */
void ladder_climb(const struct run_params *params, const struct ladder_wish *wish,
                  struct ladder_rung *ret);

bool ladder_is_reservation_planned(const struct run_params *params);

/* Without the right to DEADLINE there is no plan to reserve, yet a service with due times comes
 * before programs that have none; the watchdog keeps it from taking the machine. */
bool ladder_is_fifo_planned(const struct run_params *params);

/* Takes the room of all the plan's workers in the node's books, or none of it. -ENOSPC. */
int ladder_enter_books(const struct run_params *params, struct tt_error *err);

#endif
