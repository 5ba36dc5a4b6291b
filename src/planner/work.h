/* What the planner's steps hand to one another while a plan is made. */
#ifndef TT_PLANNER_WORK_H
#define TT_PLANNER_WORK_H

#include <stddef.h>

#include "planner/demand.h"
#include "planner/planner.h"
#include "planner/terms.h"

enum { WORKER_MAX_PPM = 950000 }; /* the rest of its CPU is for what must run besides */

struct work_cost {   /* of a component, as the plan uses it */
    int64_t cost_ns; /* quantile or declared; 0 for edges, which have a process of their own */
    int64_t mean_ns;
    uint64_t n; /* samples behind it; UINT64_MAX: declared, or none needed */
    bool is_known;
    bool is_declared; /* a maximum that the component proves */
    const char *source;
};

struct work_segment {
    int64_t cost_ns, mean_ns, hops_ns;
    int64_t window_ns[TT_WINDOWS]; /* as in tt_cost */
    uint64_t n;                    /* as above; of the segment's sum */
    bool is_known;
    bool is_whole; /* all that the worker takes for it was measured, the engine's own work too */
    const char *source;
};

struct work {
    const struct tt_picture *picture;
    const struct tt_cost *costs, *segment_costs;
    const struct tt_machine *machine;
    struct tt_plan *plan;
    struct terms terms;
    uint64_t needed;              /* samples, for the strictest loss of any sink */
    struct work_cost *cost;       /* by component */
    struct work_segment *segment; /* by segment */
    struct demand_task *tasks;    /* by segment */
    struct demand_task *tried;    /* the same with a sink's deadline put to the test */
    bool *mark;                   /* by component */
    int64_t *until_ns;            /* by component: least deadline of the sinks it reaches */
    int64_t *before_ns;           /* by component: cost of the longest path that ends before it */
    int64_t *jitter_ns;           /* by component: how late after its origin it may be released */
    int64_t *end_ns;              /* by component: least deadline less the costs behind it */
    int64_t *ahead_ns; /* by component: how much earlier than its leader a later join needs it */
    struct job *jobs;  /* by component, while responses are computed */
    struct demand_set set;
    /* Of one worker of several; NULL: of the only one. What runs on another is as an edge here: it
     * costs nothing, comes given_ns after its origin, and what it is given is owed by then. */
    const uint32_t *worker_of;
    uint32_t worker;
    const char *worker_name;
    const int64_t *given_ns, *owed_ns; /* by component; owed_ns INT64_MAX: to nobody */
};

/* budget = least + headroom + overhead. The demand is held against the first two alone. */
struct reservation {
    int64_t budget_ns, period_ns, tardiness_ns;
    int64_t least_ns;    /* that keeps every deadline */
    int64_t headroom_ns; /* what the quantile leaves out has to be made up for */
    int64_t overhead_ns; /* the engine's own work */
    struct demand_point worst;
};

/* -EINVAL when the picture contradicts itself: a place outside its list, a flow that goes back. */
int work_check_picture(const struct tt_picture *picture, struct tt_error *err);

/* Freed by work_fini(), but for the plan. */
int work_init(struct work *work);
void work_fini(struct work *work);

/* Deadlines and losses of sinks, and the samples that the strictest loss asks for. */
void work_gather_sinks(struct work *work);

/* Plans the service on several workers when one is not enough, or its time scales differ. 1: the
 * plan is made, admitted or not; 0: one worker does it. */
int work_crew(struct work *work);

/* An edge of the service, or another worker's. */
bool work_is_edge(const struct work *work, uint32_t component);
/* Does anything of this segment run on this worker? */
bool work_is_here(const struct work *work, uint32_t segment);
/* A picture that stays, for instance: its one activation is over when the media begin. */
bool work_is_once(const struct work *work, uint32_t component);
bool work_is_lasting(const struct work *work, uint32_t segment);

/* Costs, then demand, by component and segment. */
void work_costs(struct work *work);
void work_tasks(struct work *work);

/* Is the cost of each lasting segment known, and which one has the fewest samples behind it? */
bool work_is_all_known(const struct work *work, uint64_t *ret_samples, uint32_t *ret_segment);
void work_choose_class(struct work *work);

/* Due and fire offsets and budgets of components. */
void work_offsets(struct work *work);

/* When joins go on without what has not come: before there is a reservation by costs alone, then
 * not before each input is there by what the reservation was admitted for. */
void work_fire_early(struct work *work);
void work_fire(struct work *work, const struct reservation *reservation);

/* How long after its release a component is done at the latest; INT64_MAX: not computed. */
int64_t work_response(const struct work *work, const struct reservation *reservation,
                      uint32_t component);
size_t work_job_bytes(void);

/* How much later than the leader's frame one is released that a join shows with it. */
int64_t work_lag_ns(const struct tt_picture *picture, const struct tt_picture_flow *flow);

/* Neither a source nor a sink. */
bool work_is_inner(const struct tt_picture *picture, uint32_t component);

/* Marks the components that a sink's frames come through; returns the sink's component. */
uint32_t work_mark_sink(struct work *work, uint32_t sink);

/* The least share of a CPU that keeps every deadline, with the engine's overhead not above
 * room_ppm, and headroom as far as there is room; false: none does, and ret says where the best try
 * fails. */
bool work_reserve(struct work *work, int64_t room_ppm, struct reservation *ret);
/* The same on a machine where nothing else runs. */
bool work_reserve_alone(struct work *work, struct reservation *ret);

/* The shortest deadline of what is marked, not above deadline_ns, that would still be admitted. */
int64_t work_sink_bound(struct work *work, const struct reservation *reservation,
                        int64_t deadline_ns);

/* Each sink's bound with that reservation. */
void work_bounds(struct work *work, const struct reservation *reservation);

/* Parts in a million of a CPU, rounded down. */
int64_t work_share_ppm(int64_t cost_ns, struct tt_rational rate);

/* Of all CPUs, what this service may still reserve; negative when others have too much already. */
int64_t work_room_ppm(const struct tt_machine *machine);

/* The arithmetic, and the sentence for plan->binding. */
void work_machine_terms(struct work *work);
void work_task_terms(struct work *work);
void work_reservation_terms(struct work *work, const struct reservation *reservation);
void work_sink_terms(struct work *work);
void work_say_unschedulable(struct work *work, const struct reservation *best);
void work_say_no_room(struct work *work, const struct reservation *wanted);
void work_say_binding(struct work *work, const struct reservation *reservation);

#endif
