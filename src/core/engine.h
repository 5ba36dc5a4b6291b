/* The flow engine: one worker runs the ready components of a graph, earliest due time first.
 *
 * Everything is laid out by tt_engine_open(); after that nothing is acquired. The engine knows
 * monotonic time only through port.h and turns it into media time by the epoch. It is entered by
 * its worker alone, but for tt_engine_stop(), tt_engine_post() and tt_engine_peek_stats(). */
#ifndef TT_CORE_ENGINE_H
#define TT_CORE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/link.h"
#include "core/port.h"
#include "tactus/component.h"
#include "tactus/error.h"

enum { TT_NODES_MAX = 256, TT_FLOWS_MAX = 512 };

/* Beside enum tt_event_kind, for the engine alone. i: what an activation may cost from this index
 * on; a note (TT_NOTE_BUDGET) says where that was. */
enum { TT_EVENT_BUDGET = 1024 };

enum tt_node_role {
    TT_NODE_COMPONENT = 0,
    TT_NODE_INLET = 1, /* the reading end of a link from an edge; one output */
    TT_NODE_OUTLET = 2 /* the writing end of a link to an edge; one input; a sink */
};

enum tt_mode {
    TT_MODE_LIVE = 0, /* sources are released at their index; full queues drop their oldest */
    TT_MODE_ASAP = 1  /* a component runs when its inputs are there and its outputs have room */
};

/* What becomes of a component that is over its budget. Where the port has a standby, that one runs
 * the others from then on (live mode only); without one all wait for it. */
enum tt_overrun {
    TT_OVERRUN_THROTTLE = 0, /* its queue waits, the oldest lost; its late output goes on */
    TT_OVERRUN_SKIP = 1,     /* what comes until it returns is lost, and so is its output */
    TT_OVERRUN_STOP = 2      /* its process is to be ended: tt_engine_stats.stop_node */
};

struct tt_node_plan {
    const char *name; /* borrowed as long as the engine lives, like every pointer here */
    uint32_t role;    /* enum tt_node_role */

    /* Components. state and scratch are given, init() is done, open() is called by tt_engine_open()
     * with the engine's host. */
    const struct tt_component *component;
    const struct tt_request *request;
    const struct tt_shape *shape;
    void *state, *scratch;

    /* Inlets and outlets: the end is attached already; peer: whom to ring. */
    struct tt_link *link;
    uint32_t peer;
    /* The peer is another worker of this service: what comes goes on at once, what goes out is no
     * sink's, and a late one is a worker's fault. hand_over_ns: after its origin a frame was to be
     * there. */
    bool is_between;
    int64_t hand_over_ns;
    /* Ends of a link that took a queue's place: frames that a live engine has on loan by it at
     * most; with those that wait for it they are one more at most. 0: what its ring and its reader
     * take. */
    uint32_t loan_max;

    /* Sources, inlets and clock-led joins: activations a second; {0,1}: one frame for ever. */
    struct tt_rational rate;
    /* Sources, and sinks of such: origins are by so much, less than a period, after the times of
     * their indices. Not where a join or an inlet is among them. */
    int64_t phase_ns;

    /* An activation's due time = its origin + due_offset_ns: min over the sinks it reaches of
     * (deadline
     * + structural latency on the whole path - downstream bounds - downstream structural latency).
     */
    int64_t due_offset_ns;

    /* Sinks (no connected outputs, or outlets): due = origin + deadline_ns + structural_ns.
     * Inlets: structural_ns is the edge's own, by which what it brings comes after its release. */
    int32_t sink; /* number in the ledger of its first input, the others follow; -1: no sink */
    int64_t deadline_ns, structural_ns;

    /* Joins: media time after the leader's origin at which late policies are used. */
    int64_t fire_offset_ns;

    int64_t budget_ns;         /* of one activation; 0: none yet */
    uint32_t overrun;          /* enum tt_overrun */
    uint32_t segment;          /* which admission unit its cost is summed into */
    uint32_t ledger_component; /* its number in records */
};

struct tt_flow_plan {
    uint32_t from_node, from_port; /* connected output, counted as in tt_call */
    uint32_t to_node, to_port;
    uint32_t depth;       /* frames queued at most, >= 1 */
    uint32_t late_policy; /* one enum tt_late_policy */
    const struct tt_format *format;
};

struct tt_engine_params {
    const struct tt_node_plan *nodes; /* in topological order */
    uint32_t node_count;
    const struct tt_flow_plan *flows;
    uint32_t flow_count;
    struct tt_pool_view own; /* the pool this process writes */
    uint32_t own_number;     /* its number among the service's pools */
    const uint32_t
        *class_of; /* own pool's class for each output of each node: [node][TT_PORTS_MAX] */
    const struct tt_pool_view *pools; /* all pools of the service by number, for what arrives */
    uint32_t pool_count;
    uint32_t segment_count;
    uint32_t mode; /* enum tt_mode */
    struct tt_rational rate;
    int64_t end_ns;         /* media time at which sources end; INT64_MAX: by themselves */
    int64_t watchdog_ns;    /* whoever looks at tt_engine_stats.stuck_since_ns ends the process
                               when an activation takes longer: it is asked to return before */
    int64_t wall_offset_ns; /* local wall time of media time 0 */
    struct tt_port_world port;
    uint32_t spare_nodes, spare_flows; /* room for what core/edit.h adds while it runs */
};

struct tt_node_stats {
    uint64_t activations, failures, overruns, late_uses, handoffs;
    int64_t cost_sum_ns, cost_max_ns;
    uint32_t queue_depth, queue_max;
};

/* Readable by any thread of any process that maps it: the engine is given its memory. */
struct tt_engine_stats {
    int64_t stuck_since_ns; /* monotonic; 0: no activation runs */
    uint32_t stuck_node;
    uint32_t is_ended;
    uint32_t stop_node; /* one more than the node whose overrun shall end the process; 0: none */
    int64_t first_delivery_ns; /* monotonic; 0: none yet */
    int64_t cpu_ns;
    uint64_t loops, records_lost, pool_empty;
    struct tt_node_stats nodes[TT_NODES_MAX];
};

struct tt_engine;

/* How components are called. Each output that is connected has a frame laid ready; one that is not
 * has data 0. After TT_AGAIN the call is the same but for its inputs, which are there with data 0
 * (in_count stays). A drain has TT_END in its input's flags at every call until TT_DONE. The header
 * that frame_new() fills is read again by frame_emit(): it lives as long as the frame is the
 * component's. */

/* Lays an engine out in memory from port.map and opens its components. 0 or negative errno:
 * -EINVAL a plan that contradicts itself (err says what), -ENOMEM. */
int tt_engine_open(const struct tt_engine_params *params, struct tt_engine_stats *stats,
                   struct tt_engine **ret, struct tt_error *err);

/* Fixes the epoch (monotonic ns of media time 0) and runs until every sink has ended or
 * tt_engine_stop(). first_ns: media time to begin with (after a restart), else 0. */
void tt_engine_run(struct tt_engine *engine, int64_t epoch_ns, int64_t first_ns);

/* One turn of the loop, for tests and the simulator: takes arrivals, releases what is due, runs at
 * most one component. Returns the monotonic time of the next thing to do, or INT64_MAX. */
int64_t tt_engine_step(struct tt_engine *engine); /* INT64_MIN: the caller lost the worker */
void tt_engine_begin(struct tt_engine *engine, int64_t epoch_ns, int64_t first_ns);

/* The second thread's: waits by the port's stand_by, is the worker when the first one's component
 * overran its budget, and so in turns, until the engine has ended. tt_engine_run() does the same
 * when its thread lost the worker. */
void tt_engine_stand_by(struct tt_engine *engine);

/* The caller becomes the worker if a component lost it; false: none did. For tests and ports. */
bool tt_engine_take_over(struct tt_engine *engine);

/* Any thread: sources send End at their next release; sinks drain. Called again: whoever runs is
 * asked to return at once (tt_call.stop), and so is each that is called then. */
void tt_engine_stop(struct tt_engine *engine);

/* Any thread, one at a time: an event for a component at its next activation; false when the box is
 * full. */
bool tt_engine_post(struct tt_engine *engine, uint32_t node, const struct tt_event *event);

/* The same at its first activation with this index or a later one. A changed parameter leaves a
 * note, TT_NOTE_PARAM, at the index where it is told. */
bool tt_engine_post_at(struct tt_engine *engine, uint32_t node, const struct tt_event *event,
                       int64_t index);

/* The port's word that the armed time passed; may run in a signal handler. */
void tt_engine_on_budget(struct tt_engine *engine);

/* For whoever watches tt_engine_stats.stuck_since_ns: how long an activation may take, 10 budgets
 * at the worker's share of its CPU and at least 200 ms; without a budget or a reservation 1 s. */
struct tt_watchdog {
    int64_t budget_ns;              /* of the component; 0: none */
    int64_t reserved_ns, period_ns; /* the worker's; 0: none */
};
int64_t tt_watchdog_limit_ns(const struct tt_watchdog *watchdog);

/* Checks every invariant, O(n); for tests and the simulator. */
void tt_engine_check(const struct tt_engine *engine);

/* Costs of each segment's activations as the engine summed them: the next sample, for the profile.
 * Another thread may read them: a ring of the last 512. */
bool tt_engine_segment_cost(struct tt_engine *engine, uint32_t *ret_segment, int64_t *ret_cost_ns);

/* Calls close() of each component; the memory goes with the process. */
void tt_engine_close(struct tt_engine **engine);

#endif
