/* The demand of a set of segments on one worker, against the supply of its reservation. */
#ifndef TT_PLANNER_DEMAND_H
#define TT_PLANNER_DEMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "planner/planner.h"
#include "tactus/component.h"

struct demand_task {
    struct tt_rational rate;       /* releases a second; num 0: once, no lasting demand */
    int64_t cost_ns;               /* of one release, hops included */
    int64_t window_ns[TT_WINDOWS]; /* of 2, 4, ... releases in a row; 0: as many times one */
    bool is_in_turn;               /* no release of any task is begun before this one's is due */
    bool is_whole;                 /* the engine's own work is in cost_ns */
    int64_t block_ns;              /* its largest component: what cannot be preempted */
    int64_t deadline_ns;           /* after the origin */
    int64_t jitter_ns;             /* of the release, after the origin */
};

struct demand_set {
    const struct demand_task *tasks;
    uint32_t count;
    int64_t wake_ns;      /* eps */
    int64_t hand_off_ns;  /* added to a blocking component */
    int64_t tardiness_ns; /* by which the supply may come late */
};

/* The point with the least room. */
struct demand_point {
    int64_t t_ns, demand_ns, blocking_ns, supply_ns, room_ns;
    bool is_linear;   /* found by the linear form: the exact test had too many points */
    bool is_overload; /* the lasting demand exceeds the budget's share: no point says it better */
    uint32_t task;    /* whose deadline it is */
};

/* Does the reservation keep every deadline? worst may be NULL; then the first miss ends the test.
 *
 * Monotone: what is admitted stays so with longer deadlines, less cost, more budget. */
bool demand_admits(const struct demand_set *set, int64_t budget_ns, int64_t period_ns,
                   struct demand_point *worst);

/* Of so many releases in a row. */
int64_t demand_cost_ns(const struct demand_task *task, int64_t count);

/* Demand with its deadline within any interval of length t, and the blocking before it. */
int64_t demand_at(const struct demand_set *set, int64_t t_ns);
int64_t demand_blocking_at(const struct demand_set *set, int64_t t_ns);

/* Lasting demand, in parts of 10^12 of a CPU, rounded up. */
int64_t demand_share_ppt(const struct demand_set *set);

#endif
