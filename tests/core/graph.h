/* Small graphs of fake components in the simulated world, for the engine's tests. */
#ifndef TT_TESTS_GRAPH_H
#define TT_TESTS_GRAPH_H

#include "core/engine.h"
#include "platform/sim/sim.h"

#include "check.h"

enum {
    NODES = 24,
    FLOWS = 48,
    LOGS = 4096,
    RECORDS = 1 << 16,
    MS = 1000000,
    POOL_SLOTS = 256,
    ADDED = 1000000
};

enum fake_kind {
    FAKE_SOURCE,  /* writes its index */
    FAKE_PASS,    /* copies */
    FAKE_SINK,    /* logs */
    FAKE_LED,     /* a join whose first input leads; gives the leader's value */
    FAKE_CLOCKED, /* a join by the service's clock; gives its index */
    FAKE_WRITER,  /* TT_SEPARATE sink */
    FAKE_REORDER, /* holds two frames back, gives them at its End, one a call */
    FAKE_TWICE,   /* gives each frame twice, the second by TT_AGAIN */
    FAKE_MAKER,   /* gives each frame twice, by frame_new and frame_emit; keeps and drops one */
    FAKE_ADD      /* adds ADDED, in place where it may: nobody else may see that */
};

struct fake_log { /* what one input of one activation was */
    int64_t call_index, index, origin_ns, value;
    uint32_t input, flags;
    bool is_there;
};

struct fake {
    enum fake_kind kind;
    int64_t fail_at, skip_every; /* call index that fails; sources: multiples that give nothing */
    int64_t end_at;              /* sources: the index at which it says End; 0 never */
    struct fake_log log[LOGS];
    uint32_t log_count, activations, end_calls, wall_events, params_seen;
    int64_t held[128];
    uint32_t held_count, hold; /* FAKE_REORDER: how many, 0 counts as 2 */
    struct tt_host host;
    uint32_t kept;
    const int64_t *kept_data;
    int64_t kept_value;
    uint32_t adds[TT_PORTS_MAX], in_place_count; /* how often ADDED is in an input's values */
    void (*hook)(void *argument);                /* in process(), for the guard's test */
    struct graph *graph;
};

struct graph {
    struct tt_sim *sim;
    struct tt_sim_params sim_params;
    struct tt_engine_params params;
    struct tt_engine_stats *stats;
    struct tt_engine *engine;
    struct tt_node_plan nodes[NODES];
    struct tt_component components[NODES];
    struct tt_port ports[NODES][2 * TT_PORTS_MAX];
    struct tt_request requests[NODES];
    struct tt_pin pins[NODES][2 * TT_PORTS_MAX];
    struct tt_shape shapes[NODES];
    struct fake *fakes[NODES];
    struct tt_flow_plan flows[FLOWS];
    struct tt_format formats[FLOWS];
    uint32_t class_of[NODES * TT_PORTS_MAX];
    struct tt_pool_view pools[2];
    struct tt_record *records; /* all that came out, in order */
    uint32_t record_count, sink_count;
    int64_t epoch_ns;
    bool is_stepped_without_checks, is_ring_left_full;
    void (*path)(void *world, bool is_inside);     /* NULL: the simulator's own, */
    void (*sim_path)(void *world, bool is_inside); /* which path() calls */
    struct tt_port_ops ops;
};

/* Zeroed but for: live mode, 100 frames a second, End at 100 ms, deadline 20 ms, cost 1 us to 20
 * us. Change g->params, g->sim_params, g->nodes[], g->flows[] between the calls and graph_open().
 */
void graph_init(struct graph *g, uint64_t seed);
uint32_t graph_node(struct graph *g, enum fake_kind kind);
uint32_t graph_end_of_link(struct graph *g, uint32_t role, struct tt_link *link, uint32_t peer);
struct tt_flow_plan *graph_flow(struct graph *g, uint32_t from, uint32_t from_port, uint32_t to,
                                uint32_t to_port);
/* A source, one of this kind, a sink, and the flows between them. */
void graph_chain(struct graph *g, enum fake_kind middle, uint32_t *const ret[3]);
struct tt_format *graph_format(struct graph *g, uint32_t flow);
void graph_open(struct graph *g);
void graph_begin(struct graph *g, int64_t first_ns);
int64_t graph_step(struct graph *g);                     /* one step, checked; takes records */
bool graph_run_until(struct graph *g, int64_t media_ns); /* true: the engine ended */
void graph_run(struct graph *g); /* to the end; fails when it does not come */
void graph_close(struct graph *g);

/* The process of the engine died and a new one takes its place, with the links that g->nodes[] name
 * now; what the dead one remembered is gone. */
void graph_restart(struct graph *g, int64_t first_ns);

/* Slots of a pool that anybody holds, by the engine's count. */
bool graph_have_all_ended(const struct graph *g); /* all nodes, not just the sinks */
uint32_t graph_frames_out(const struct graph *g, uint32_t pool);

/* What the records say about one sink: exactly once, in order, from first to its End. */
uint32_t graph_check_sink(struct graph *g, uint32_t sink, int64_t first, uint32_t outcome);
/* A component that logs was given, at this input, frames of the call's own index, so many. */
void graph_check_own_index(const struct graph *g, uint32_t node, uint32_t input, uint32_t wanted);
uint32_t graph_count(const struct graph *g, uint32_t kind, uint32_t outcome);

#endif
