/* A planned service on a machine that gives each of its workers what the plan was admitted for, as
 * late as it may: the engines run, and what was late or lost is counted. */
#ifndef TT_TESTS_SIM_RIG_H
#define TT_TESTS_SIM_RIG_H

#include "edge.h"
#include "graph.h"

enum { RIG_WAKE_NS = 100000, RIG_HOP_NS = 3000, RIG_STEP_NS = 1000 };

struct rig_supply { /* a worker's reservation, as the host's taking and giving of its CPU */
    struct tt_machine *machine;
    struct draw draw;
    uint32_t cpu, pattern;
    int64_t budget_ns, period_ns, begin_ns; /* begin: of the period that is on */
    bool is_first;
};

struct rig {
    struct random_picture made;
    struct tt_plan *plan;
    struct tt_wiring *wiring;
    struct tt_machine *machine;
    struct tt_pool_view pools[TT_PROCESSES_MAX];
    uint8_t *links[GRAPH_LINKS];
    struct edge edges[TT_WORKERS_MAX + PICTURE_COMPONENTS]; /* by process */
    struct graph *graphs[TT_WORKERS_MAX];
    struct rig_supply supplies[TT_WORKERS_MAX];
    int32_t vanishing; /* a source that brings nothing from the middle on; -1: all do */
    int64_t late_ns_max;
    uint32_t frames, missed, uses;
};

struct rig_run {
    int64_t budget_ns[TT_WORKERS_MAX], period_ns[TT_WORKERS_MAX];
    uint32_t pattern; /* 0: the worst there is at the epoch, 1: anywhere, 2: all begins later */
    uint64_t seed;
    int64_t length_ns; /* of the media */
};

/* Plans it for so many CPUs and lays it out; 0: one worker. */
void rig_plan(struct rig *rig, uint32_t cpu_count);
void rig_close(struct rig *rig);

/* True: nothing was late or lost. */
bool rig_keeps(struct rig *rig, const struct rig_run *run);

#endif
