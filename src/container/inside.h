/* What the files of the container share. */
#ifndef TT_CONTAINER_INSIDE_H
#define TT_CONTAINER_INSIDE_H

#include <jansson.h>

#include "core/engine.h"
#include "core/own.h"
#include "platform/linux/seat.h"
#include "spec/picture.h"
#include "spec/wiring.h"

enum { SAMPLES_MAX = 400 };

/* A node's own copies of what tt_picture_request() points into. */
struct place {
    struct tt_request request;
    struct tt_request_store store;
};

struct container {
    struct tt_seat seat;
    struct tt_picture *picture;
    struct tt_wiring *wiring;
    bool is_profile;
    bool is_leaving; /* told at go: the worker gives its reservation back first */

    struct tt_pool_view pools[TT_PROCESSES_MAX];
    struct tt_link *links[TT_LINKS_MAX]; /* NULL: not handed over (a profile's sinks) */

    struct tt_node_plan nodes[TT_NODES_MAX];
    struct place places[TT_NODES_MAX];
    char names[TT_NODES_MAX][2 * TT_NAME_BYTES];
    uint32_t class_of[TT_NODES_MAX][TT_PORTS_MAX];
    uint32_t node_count;
    struct tt_flow_plan flows[TT_FLOWS_MAX];
    uint32_t flow_count;
    /* Nodes by the picture's component and pin; TT_NO_PORT: none here. A component that runs here
     * has the same node for all its pins; one that runs elsewhere has an inlet for an output that
     * comes from it. */
    uint32_t node_of_in[TT_PICTURE_COMPONENTS_MAX][TT_PORTS_MAX];
    uint32_t node_of_out[TT_PICTURE_COMPONENTS_MAX][TT_PORTS_MAX];
    uint32_t node_of_link[TT_LINKS_MAX]; /* of links to other containers */

    struct tt_engine_stats *stats;
    struct tt_engine *engine;

    bool has_sandbox;
    uint32_t traps_told[TT_NODES_MAX];

    struct costs *costs;
    struct moves *moves; /* NULL: nothing moves here */
};

/* Sandboxed components: before container_build(), on each thread that may be the worker, and at
 * each turn of the main thread. */
int sandbox_begin(struct container *container, struct tt_error *err);
/* After a component's init(): what its service grants it. */
int sandbox_limit(const struct tt_picture_component *component, const struct tt_node_plan *node,
                  struct tt_error *err);
void sandbox_thread(const struct container *container);
void sandbox_look(struct container *container);

/* Lays the engine's graph out: nodes, flows, states, and init() of each component. */
int container_build(struct container *container, struct tt_error *err);

/* Its parts, for a component that comes while the engine runs. The name is the caller's to keep;
 * `own` as long as the component is here. */
void build_node(const struct container *container, uint32_t component, const char *name,
                struct tt_node_plan *ret);
/* ret: build_node()'s of the component whose output the link carries. */
void build_mailbox(const struct container *container, uint32_t link, enum tt_node_role role,
                   struct tt_node_plan *ret);
/* node->component is set. resume_ns: media time that it goes on from after a restart. */
int build_component(const struct container *container, uint32_t component, int64_t resume_ns,
                    struct place *own, struct tt_node_plan *node, struct tt_error *err);
/* All but from_node and to_node. */
void build_flow(const struct container *container, const struct tt_picture_flow *flow,
                const struct tt_node_plan *from, const struct tt_node_plan *to,
                struct tt_flow_plan *ret);

/* Samples of what segments cost, between two reports. */
struct costs {
    uint32_t segment_count;
    uint32_t *counts; /* of each segment, also those beyond SAMPLES_MAX */
    bool *is_steady;  /* it runs here, and more than once */
    bool *is_part;    /* some of it runs in another container */
    int64_t (*samples)[SAMPLES_MAX];
    uint32_t unreported;
    uint64_t taken; /* since the last report, also of segments of which a part is elsewhere */
    struct tt_own own;
    uint32_t level; /* at which all of them were */
};

int costs_open(struct costs *costs, const struct container *container);
/* Reports first what is of another level than what comes. */
void costs_take(struct costs *costs, const struct container *container);
/* Sends {"event":"costs"} and begins anew unless is_kept. Each release bears its share of what the
 * worker took besides components since the last report: it is charged to the same reservation. */
void costs_report(struct costs *costs, const struct container *container, bool is_kept);
/* From now on a part of this segment runs elsewhere, or did. */
void costs_part(struct costs *costs, uint32_t segment);
/* Samples of the segment that has fewest, of those that run here again and again. */
uint32_t costs_least(const struct costs *costs);

/* Degrading levels: before components are opened, after the engine is, at each turn of the main
 * thread, and a message that may be an answer. */
void levels_begin(struct container *container);
int levels_open(struct container *container, struct tt_error *err);
void levels_look(const struct container *container);
bool levels_answer(const struct container *container, const struct tt_message *message);

#endif
