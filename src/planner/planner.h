/* Admission: (picture, costs, machine) -> a plan, or a refusal with the arithmetic. Pure.
 *
 * Inside a worker: non-preemptive EDF (Jeffay, Stanat, Martel 1991; George, Rivierre, Spuri 1996)
 * on a periodic resource (Shin, Lee 2003). Under the workers: the node's reservations. */
#ifndef TT_PLANNER_PLANNER_H
#define TT_PLANNER_PLANNER_H

#include <stdbool.h>
#include <stdint.h>

#include "spec/picture.h"
#include "tactus/error.h"

enum tt_class { TT_CLASS_BEST_EFFORT = 0, TT_CLASS_TARGETED = 1, TT_CLASS_BOUNDED = 2 };
/* Time scales; each has workers of its own. */
enum tt_band { TT_BAND_AUDIO = 0, TT_BAND_VIDEO = 1, TT_BAND_BATCH = 2, TT_BAND_COUNT };

enum tt_right { TT_RIGHT_OTHER = 0, TT_RIGHT_FIFO = 1, TT_RIGHT_DEADLINE = 2 };

enum { TT_WINDOWS = 4, TT_WINDOW_MAX = 1 << TT_WINDOWS };

struct tt_cost {                          /* of one component or one segment, per activation */
    int64_t mean_ns, quantile_ns, max_ns; /* the quantile at 1 - loss, conformal */
    int64_t window_ns[TT_WINDOWS]; /* the same of the sum of 2, 4, ... in a row; 0: unknown */
    uint64_t n;                    /* samples; 0: unknown */
    char origin[24];               /* "profile", "declared", "unknown" */
};

struct tt_server { /* a reservation that the node has given */
    int64_t budget_ns, period_ns;
    int64_t tolerance_ns; /* by which it may come late, as its plan counts with */
};

enum { TT_PARTITIONS_MAX = 64 };

struct tt_partition { /* a CPU that only what is put there runs on */
    int64_t limit_ppm, slack_ppm, reserved_ppm;
};

struct tt_machine {
    uint32_t cpus;
    int64_t limit_ppm;    /* of all CPUs together, what the kernel admits: 900000 x cpus */
    int64_t slack_ppm;    /* kept free of that */
    int64_t reserved_ppm; /* by services that run */
    /* The same one by one; none: only their sum is known, and the worst of it is assumed. */
    const struct tt_server *servers;
    uint32_t server_count;
    enum tt_right right;  /* best scheduling class to be had */
    int64_t wake_ns;      /* eps: how late the worker wakes, but for two rounds in 1,000 */
    bool is_wake_assumed; /* it is not measured yet */
    int64_t hop_ns;       /* per activation of a component */
    int64_t memory_bytes; /* for pools */
    bool is_virtual;      /* a hypervisor below */
    bool is_partitioned;  /* its CPUs are partitions, and the numbers above are their sums */
    /* Beside those CPUs, or they themselves. What fits on them is put there first; what runs there
     * already (is_on_partitions) stays there. */
    const struct tt_partition *partitions;
    uint32_t partition_count;
    bool is_on_partitions;
    uint32_t workers_max; /* containers that a service may have; 0: one */
};

struct tt_term {   /* one line of the arithmetic */
    char name[48]; /* "cost", "dbf", "sbf", "blocking", "path", "structural", "pool", "utilisation",
                      ... */
    char subject[TT_NAME_BYTES * 2]; /* which component, segment, sink */
    char unit[8];                    /* "ns", "ppm", "bytes", "" */
    char source[24]; /* where it comes from: profile, declared, measured, service, kernel */
    int64_t value;
};

struct tt_plan_sink {
    int64_t deadline_ns, structural_ns, bound_ns, slack_ns;
    struct tt_rational loss;
};

struct tt_plan_worker {
    char name[TT_NAME_BYTES]; /* "audio", "video.2"; "" of the only one */
    enum tt_band band;
    int64_t budget_ns, period_ns, deadline_ns; /* its reservation; 0: none */
    int64_t hand_over_ns;                      /* by which what it gives to others is there; 0 */
    int64_t overhead_ns; /* of its budget, for the engine's own work: nothing is promised from it */
    int64_t headroom_ns; /* of its budget, beyond what the promise needs: others come before it */
    int64_t tolerance_ns; /* by which its budget may come late: the plan counts with it */
    uint32_t partition;   /* the machine's that it is put on, from 1; 0: on none */
};

struct tt_plan {
    bool is_admitted;
    enum tt_class class;
    char class_reason[256];
    char binding[256];          /* the constraint with the least room, as a sentence */
    int64_t bound_ns, slack_ns; /* of the sink with least slack */
    uint32_t sink;              /* that sink */
    int64_t budget_ns, period_ns, deadline_ns; /* of the first worker; 0: no reservation */
    struct tt_plan_worker *workers;            /* at least one */
    uint32_t worker_count;
    uint32_t *worker_of; /* by component; edges: of no meaning */
    /* Workers and links that the loss is split over, at the worst sink: costs are to be the
     * quantiles at 1 - loss / parts. */
    uint32_t parts;
    int64_t pool_bytes;
    struct tt_plan_sink *sinks;                             /* picture->sink_count */
    int64_t *due_offset_ns, *fire_offset_ns, *budget_of_ns; /* picture->component_count each */
    /* picture->flow_count: so long a frame may lie in the flow's queue while nobody is late: for
     * a join's other inputs, or because its consumer has more time than its producer. */
    int64_t *wait_ns;
    struct tt_term *terms;
    uint32_t term_count;
    uint32_t level, level_count; /* the degrading level that it is for, 0 the best; of how many more
                                  * than one */
};

/* costs: one for each component, then segment_costs one for each segment (n = 0: unknown). Admitted
 * or not is in the plan; an error only for a picture that contradicts itself (-EINVAL) or no
 * memory. */
int tt_plan_make(const struct tt_picture *picture, const struct tt_cost *costs,
                 const struct tt_cost *segment_costs, const struct tt_machine *machine,
                 struct tt_plan **ret, struct tt_error *err);

/* The same for one of the picture's degrading levels, with the costs that it has there. */
int tt_plan_at_level(const struct tt_picture *picture, uint32_t level, const struct tt_cost *costs,
                     const struct tt_cost *segment_costs, const struct tt_machine *machine,
                     struct tt_plan **ret, struct tt_error *err);

/* A service that begins with `plan` may go up to the level of `above` later: components' budgets
 * and the times at which joins go on without an input allow for both. count: components. */
void tt_plan_allow_above(struct tt_plan *plan, const struct tt_plan *above, uint32_t count);

/* By component: how much later than its index says its chain is released, and all its origins are.
 * 0 for what is brought by edges, for joins, as fast as possible, and where there is no plan
 * (NULL). -ENOMEM: all are 0. */
int tt_plan_phases(const struct tt_plan *plan, const struct tt_picture *picture, int64_t *ret_ns);

void tt_plan_close(struct tt_plan **plan);

/* Writes the plan's workers, and the queues that they need, into the picture that goes to the
 * processes; NULL: all into one. */
void tt_plan_place(const struct tt_plan *plan, struct tt_picture *picture);

const char *tt_class_name(enum tt_class class);
const char *tt_band_name(enum tt_band band);

/* Supply of a periodic resource in any interval of length t; t, budget, period in ns. */
int64_t tt_supply_ns(int64_t budget_ns, int64_t period_ns, int64_t t_ns);

/* Samples needed before a quantile at 1 - loss may be promised: ceil(ln 0.05 / ln(1 - loss)). */
uint64_t tt_samples_needed(struct tt_rational loss);

/* The arithmetic as JSON: admitted, class, class_reason, bound_ns, slack_ns, binding, terms, sinks,
 * reservation, pool_bytes. malloc'ed. */
char *tt_plan_print(const struct tt_plan *plan, const struct tt_picture *picture);

#endif
