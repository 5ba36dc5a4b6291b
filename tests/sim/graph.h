/* The engine's graph of one container of a random picture, as a container lays it out: components
 * that cost CPU time of the simulated machine, ends of links for what is in other processes. */
#ifndef TT_TESTS_SIM_GRAPH_H
#define TT_TESTS_SIM_GRAPH_H

#include "core/engine.h"
#include "picture.h"
#include "planner/planner.h"
#include "platform/sim/world.h"
#include "spec/wiring.h"

enum { GRAPH_NODES = 4 * PICTURE_COMPONENTS, GRAPH_LINKS = 2 * PICTURE_FLOWS };

struct graph;

struct graph_fake { /* the state of one component */
    struct graph *graph;
    uint32_t component;
    int64_t held_max;   /* frames that it holds back, by its latency */
    int64_t next, last; /* index that it gives, and that came */
    struct tt_rational rate;
    bool has_begun;
};

struct graph_params {
    const struct tt_picture *picture;
    const struct tt_plan *plan;
    const struct tt_wiring *wiring;
    struct tt_machine *machine;
    struct tt_pool_view *pools; /* of all processes, with their memory */
    uint8_t **links;            /* memory of each link of the wiring; NULL: there are none */
    uint32_t self;              /* which process of the wiring it is */
    int64_t end_ns, turn_ns;
    int64_t hand_off_max_ns; /* there is a standby, to whom a hand-off takes so long; 0: none */
    int64_t hop_ns;          /* of an activation's cost, beside what it was planned with */
    uint32_t record_slots;
    /* How long an activation runs; negative: it fails at once. May spend time itself, on the
     * worker. NULL: as declared. */
    int64_t (*cost)(void *ctx, uint32_t component, const struct tt_call *call);
    void (*ring)(void *ctx, uint32_t peer); /* a process of the wiring is rung */
    void *ctx;
};

struct graph {
    struct graph_params params;
    struct tt_world *world;
    struct tt_thread *thread, *standby; /* as they began */
    struct tt_engine *engine;
    struct tt_engine_stats stats;
    int64_t epoch_ns, first_ns;
    bool is_going, is_leaving;
    struct tt_node_plan nodes[GRAPH_NODES];
    struct tt_flow_plan flows[GRAPH_LINKS];
    uint32_t node_count, flow_count;
    uint32_t node_of_in[PICTURE_COMPONENTS], node_of_out[PICTURE_COMPONENTS];
    uint32_t class_of[GRAPH_NODES * TT_PORTS_MAX];
    struct graph_fake fakes[PICTURE_COMPONENTS];
    struct tt_request requests[PICTURE_COMPONENTS];
    struct tt_pin pins[PICTURE_COMPONENTS][4];
    void *ends[GRAPH_LINKS];
    struct tt_link *links[GRAPH_LINKS];
};

/* Lays it out and starts its thread, which waits for graph_go(). The thread runs the engine. */
struct graph *graph_open(const struct graph_params *params);
void graph_go(struct graph *graph, int64_t epoch_ns, int64_t first_ns);
void graph_leave(
    struct graph *graph); /* before graph_go(): its thread gives its reservation back */
void graph_close(struct graph **graph);          /* as kill -9 would */
bool graph_has_ended(const struct graph *graph); /* its worker came to the engine's end */
void graph_spend(const struct graph *graph, int64_t cpu_ns); /* in a component */

/* Declared costs for the planner. */
void graph_costs(const struct tt_picture *picture, struct tt_cost *ret, struct tt_cost *segments);

/* Zeroed pools as the wiring says. */
void graph_pools(const struct tt_wiring *wiring, struct tt_pool_view *ret);
void graph_pools_free(const struct tt_wiring *wiring, struct tt_pool_view *pools);

#endif
