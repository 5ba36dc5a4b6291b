/* What the two halves of an edit share: the control thread lays it out (edit.c), the worker does it
 * (edit_apply.c). Who may touch what follows from the state: until the first order all is the
 * control thread's, from then on the worker's, until DONE. */
#ifndef TT_CORE_EDIT_INSIDE_H
#define TT_CORE_EDIT_INSIDE_H

#include "core/edit.h"
#include "core/inside.h"

enum {
    ROOM_ENTRIES = 224, /* of a spare flow's queue */
    TEES = TT_PORTS_MAX,
    SPLICES = TT_EDIT_FLOWS
};

/* Instead of the index of the last frame that a flow took; any jump from here is small enough. */
#define NEVER_PUSHED (INT64_MAX / 2)

_Static_assert((int)TT_EDIT_POSTS == (int)BOX, "what waits for a component goes along");

/* Orders that have functions of their own. */
enum { ORDER_CUT = 16, ORDER_SPLIT, ORDER_BEGIN };

/* The memory of a spare place, which stays with it. */
struct room {
    struct kept *kept;
    uint64_t *lent;
    struct sink *sinks;
};

struct flow_room {
    struct entry *entries;
    struct tt_flow_plan plan;
};

/* A new flow from an output that feeds `beside` too. */
struct tee {
    uint32_t flow, beside, input; /* beside: OUT the moved component's own input flow, NONE in IN */
};

/* A consumer's input: fed by one flow until that brings nothing more, then by another. */
struct splice {
    uint32_t node, port, from, to;
    bool is_done, may_go; /* may_go: what is in the queue is the last */
};

/* What the worker is about; the word says what the control thread is told of it. */
enum phase {
    PHASE_IDLE,
    PHASE_ADDED,
    PHASE_CUTTING,
    PHASE_STANDING,
    PHASE_DRAINING,
    PHASE_SWEEPING
};

struct edit {
    uint32_t order; /* atomic: serial << 8, enum tt_edit_order */
    uint32_t word;  /* atomic: enum tt_edit_state */
    uint32_t seen;  /* the worker's: the order that it saw last */
    uint32_t looks; /* so often does it look for the next without sleeping */
    enum phase phase;

    uint32_t first_node, first_flow; /* of the spare places */
    struct room *rooms;
    struct flow_room *flow_rooms;
    uint32_t *class_of; /* the engine's own copy */

    enum tt_edit_kind kind;
    uint32_t node; /* who moves */
    bool is_fresh, is_split, is_back /* resumed or discarded */;
    void (*wake)(void *ctx);
    void *ctx;
    struct node *drafts;
    uint32_t draft_count;
    struct tee tees[TEES];
    uint32_t tee_count;
    struct splice splices[SPLICES];
    uint32_t splice_count;
    uint32_t gone[TT_PORTS_MAX], gone_count;
    uint64_t leaving[TT_NODES_MAX / 64];

    struct tt_edit_from ask; /* by tt_edit_cut() */
    bool has_carry;
    struct tt_edit_carry begin; /* by tt_edit_begin() */
    const char *reason;
    struct tt_edit_carry carry;
    struct tt_edit_from from;
};

extern const struct tt_flow_plan engine_unused_flow;

static inline bool engine_is_used(const struct flow *flow)
{
    return flow->plan != &engine_unused_flow;
}

/* The index of the first frame that has not been taken from a flow; INT64_MIN: nothing came. */
static inline int64_t engine_next_of(const struct flow *flow)
{
    if (flow->count > 0)
        return engine_head(flow, 0)->index;
    return flow->pushed_index == NEVER_PUSHED ? INT64_MIN : flow->pushed_index + 1;
}

/* edit.c, edit_draft.c */
void engine_edit_empty(struct node *node);
void engine_edit_link(struct tt_engine *engine, struct node *from, uint32_t flow);

/* All else is the worker's. edit_places.c */
void edit_tell(struct edit *edit, enum tt_edit_state state);
void edit_find_order(struct tt_engine *engine); /* after each change of who feeds whom */
void edit_free_flow(struct tt_engine *engine, uint32_t number);
void edit_link_tee(struct tt_engine *engine, uint32_t number);
void edit_end_node(struct tt_engine *engine, struct node *node);
void edit_leave(struct tt_engine *engine, struct node *node);
void edit_empty_place(struct tt_engine *engine, struct node *node);
void edit_activate_all(struct tt_engine *engine);

/* edit_sweep.c. True: there is nothing more to do. */
bool edit_do_splices(struct tt_engine *engine);
void edit_undo_splices(struct tt_engine *engine);
bool edit_sweep_flows(struct tt_engine *engine);
void edit_find_leaving(struct tt_engine *engine);
void edit_sweep(struct tt_engine *engine); /* says DONE when all is */
void edit_retire(struct tt_engine *engine, struct node *node);
bool edit_is_gone(struct tt_engine *engine, struct node *node);

/* edit_out.c, edit_in.c: an order, and each turn */
void edit_refuse(struct edit *edit, const char *reason);
void edit_drop_drafts(struct tt_engine *engine);
void edit_obey_out(struct tt_engine *engine, struct node *node, uint32_t order);
void edit_step_out(struct tt_engine *engine, struct node *node);
void edit_obey_in(struct tt_engine *engine, struct node *node, uint32_t order);
void edit_step_in(struct tt_engine *engine, struct node *node);

#endif
