/* Two engines in one virtual time, joined by links, and somebody who moves components between them
 * as core/edit.h tells, for the tests of edits. */
#ifndef TT_TESTS_EDIT_WORLD_H
#define TT_TESTS_EDIT_WORLD_H

#include "core/degrade.h"
#include "core/edit.h"

#include "check.h"

enum {
    SIDES = 2,
    PARTS = 8,
    WIRES = 12,
    DEPTH = 3, /* of all queues */
    PLACES = 40,
    LINKS = 24,
    SEEN = 4096,
    SLOTS = 64,
    SLOT_BYTES = 256,
    MS = 1000000,
    RECORDS = 1 << 15,
    STOPPED = 20
};

enum part_kind {
    PART_SOURCE, /* writes its index; every fourth is a key frame */
    PART_COUNT,  /* a counter in its state, which is what its input's index is */
    PART_PASS,   /* passes its input's own frame on */
    PART_CODEC,  /* begins at a key frame, holds two frames back, drains */
    PART_MIX,    /* by the clock, of sound: a counter, too */
    PART_OVER,   /* a join that its first input leads: what it shows of both is of one index */
    PART_STILL,  /* a source of one frame, at rate 0 */
    PART_STOP,   /* a source that gives nothing after index STOPPED, and no End */
    PART_WALL,   /* by the clock: shows the newest of each input, again and again where it must */
    PART_TWICE,  /* gives each frame twice, the second by TT_AGAIN */
    PART_KEEPER, /* keeps its last frame */
    PART_SINK    /* what it sees is each index once, in order */
};

struct state { /* plain bytes but for `part`, which the one who moves sets anew */
    struct part *part;
    int64_t counter, next;
    int64_t held[2];
    uint32_t held_count, kept;
    bool is_begun;
};

struct part {
    struct world *world;
    enum part_kind kind;
    uint32_t side, node, in_count, out_count;
    int32_t sink;
    struct tt_component component;
    struct tt_port ports[8];
    struct tt_pin pins[8];
    struct tt_request request;
    struct tt_shape shape;
    struct state *state;
    struct tt_host hosts[SIDES];
    uint32_t activations, wall_events, param_events, closes, opens;
    int64_t next_index; /* sinks: what they must see next */
    uint32_t ends;
    bool may_lose;               /* what it sees may have gaps */
    uint32_t level_count, level; /* degrading: beyond 0; the one of its last call */
};

struct wire {
    uint32_t from, from_port, to, to_port;
    struct tt_format format;
    uint32_t late_policy;
    int32_t link;           /* NONE where both are on one side */
    uint32_t outlet, inlet; /* node numbers */
};

struct mailbox {
    bool is_used;
    void *memory, *ends[2];
    struct tt_link *writer, *reader;
};

struct side {
    struct world *world;
    uint32_t number, bell, heard;
    struct tt_engine *engine;
    struct tt_engine_stats *stats;
    struct tt_engine_params params;
    struct tt_node_plan nodes[PLACES];
    struct tt_flow_plan flows[PLACES];
    uint32_t class_of[PLACES * TT_PORTS_MAX];
    struct tt_record *records;
    uint32_t record_count, wakes;
    int64_t next_ns;
    uint8_t *pool;
    void *pieces[256];
    uint32_t piece_count;
};

struct world {
    uint64_t random;
    int64_t now_ns, epoch_ns, limit_ns; /* limit: time does not go further by itself */
    struct side sides[SIDES];
    struct part parts[PARTS];
    struct wire wires[WIRES];
    uint32_t part_count, wire_count;
    int32_t sink_count;
    struct mailbox links[LINKS];
    int64_t cost_max_ns;
    uint32_t slot_count[SIDES]; /* of the pools; SLOTS at most */
    bool is_stalled[SIDES];     /* its worker gets no CPU */
    int64_t budget_ns;          /* of counters; 0: none */
    bool has_standby;
    const struct tt_level_params *levels; /* degrading: of each side; NULL: none */
    void (*hook)(struct part *part, const struct tt_call *call); /* in a counter's call */
};

/* A move: both edits, and what is to be when they are over. */
struct mover {
    struct world *world;
    uint32_t part, from, to;
    bool is_break; /* make before break */
    bool is_direct;
    void (*at_cut)(struct world *world); /* when it stands still or drains; NULL: nothing */
    struct state *state;                 /* of the new instance */
    struct tt_node_plan nodes[SIDES][PLACES];
    struct tt_flow_plan flows[SIDES][PLACES];
    uint32_t classes[PLACES][TT_PORTS_MAX], numbers[SIDES][PLACES];
    uint32_t node_count[SIDES], flow_count[SIDES], gone[TT_PORTS_MAX], gone_count;
    uint32_t inlet_of[WIRES], outlet_of[WIRES]; /* numbers within the edit, or NONE */
    int32_t link_of[WIRES], old_link_of[WIRES];
};

uint32_t world_pick(struct world *world, uint32_t count);
void world_init(struct world *world, uint64_t seed);
uint32_t world_part(struct world *world, enum part_kind kind, uint32_t side);
struct wire *world_wire(struct world *world, uint32_t from, uint32_t to);
void world_open(struct world *world, uint32_t mode, int64_t end_ns);
bool world_step(struct world *world); /* false: both have ended, or nothing will ever be */
void world_ring(struct world *world, uint32_t side);
void world_fini(struct world *world);

/* What the one who moves makes, too. */
struct state *world_new_state(struct part *part);
struct tt_node_plan world_part_plan(struct part *part, struct state *state);
struct tt_node_plan world_end_plan(uint32_t role, struct tt_link *link, uint32_t peer);
struct tt_flow_plan world_flow_plan(const struct wire *wire, uint32_t from, uint32_t to);
/* The frames that a pool counts for one wire, as tt_wiring_make() does. */
uint32_t world_room(const struct world *world, const struct wire *wire);
int32_t world_new_link(struct world *world);

/* Steps until the edit of this side is in this state or past it; fails when it is refused. */
enum tt_edit_state world_wait(struct world *world, uint32_t side, enum tt_edit_state state);
void world_pass(struct world *world, int64_t time_ns); /* steps so long */

void mover_prepare(struct mover *mover, struct world *world, uint32_t part, bool is_break);
void mover_finish(struct mover *mover, bool has_moved); /* both are DONE */
/* After prepare, with pauses by the seed: all of it; false: it has ended before, or the engines. */
bool mover_move(struct mover *mover);
void mover_give_up(struct mover *mover); /* after prepare: up to the cut at most, and back */

#endif
