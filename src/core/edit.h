/* Changing the graph of an engine that runs, so that a component moves to another engine (or comes
 * from one) between two of its frames.
 *
 * Spare room. An engine that is opened with tt_engine_params.spare_nodes and spare_flows has that
 * many empty places; an edit fills some and empties others, which the next edit may fill again.
 * Nodes that the engine was opened with may leave; their own places stay empty. An engine may be
 * opened with no nodes at all, and one that all have left goes on until tt_engine_stop() or its
 * end_ns. Rule of thumb for one move at a time: 2 + 2 * (connected inputs + outputs of the widest
 * component) places of each kind for each component that is moved in; TT_EDIT_ROOM is enough for
 * most.
 *
 * One edit at a time and one control thread: prepare, then orders, each of which is one atomic word
 * that the worker looks at when its doorbell was rung. So: ring the worker's doorbell after each
 * order. The worker applies an order between two activations, in bounded time, and allocates
 * nothing. It answers by the state below, and calls `wake` (on the worker: a futex or an eventfd,
 * nothing that waits) whenever that has changed; tt_edit_look() reads it from the control thread.
 *
 * The two kinds. For a move of N from engine A to engine B there is one edit in each:
 *
 *   TT_EDIT_IN in B           TT_EDIT_OUT in A
 *   prepare                   prepare
 *   ADD     -> ADDED
 *                             CUT     -> CUT (report: carry) or REFUSED
 *   BEGIN   -> BEGUN
 *                             RETIRE  -> RETIRED
 *           -> DONE                   -> DONE
 *   or DISCARD -> DONE        or RESUME -> DONE (N goes on as if nothing had been)
 *
 * What new flows mean follows from what they connect (F: a flow that is there already):
 *   IN   new inlet -> N       N's input; what comes before BEGIN waits.
 *        X -> N               X is in B. From ADD on N's queue takes what X gives, beside F, by
 *                             which A gets it until BEGIN. The report of ADDED says in `from` which
 *                             indices N has here; hand that to tt_edit_cut() of A, which cuts only
 *                             where N needs nothing older. (Or a new link A -> B; never needed.)
 *        N -> new outlet      N's output.
 *        N -> Y               Y is in B and was fed by F from an inlet, A's. After BEGIN Y takes
 *                             what is left on F, then what N gives; F's inlet leaves when nothing
 *                             else is fed by it. `gone` names outlets of B that served N in A: they
 *                             leave at BEGIN.
 *   OUT  X -> new outlet      X feeds N. At CUT the outlet gets what waits in N's queue, and then
 *                             what X gives, beside N's queue, so that it is in B before N begins
 *                             there; RETIRE takes N's queue away, RESUME the outlet. An input
 *                             whose X is an inlet from B gets no new flow: B has it.
 *        new inlet -> Y       N feeds Y (a component, or an outlet to an edge or to a third
 *                             engine). From CUT on Y takes first what N gave, then what comes back
 *                             by the inlet. An output that goes to B by an outlet gets no new flow:
 *                             the outlet leaves at RETIRE.
 * Inlets without a consumer and outlets without a feed leave by themselves. New links are to be
 * attached (tt_link_writer(), tt_link_reader(), both is_between) before prepare; the memory of a
 * link whose both edits are DONE must be all zero before it is attached anew.
 *
 * Make-before-break: SPLIT instead of CUT, for a component with one connected input, whose
 * instance in B starts anew. At the next frame that may be a begin (a key frame where the input is
 * coded video, else any) frames before it stay N's, which then gets an End of its own and drains;
 * that frame and those after it go to the outlet. Y takes all that N gives, then what the inlet
 * brings. The engine retires N by itself when it is drained: SPLIT -> RETIRED -> DONE. N in B:
 * prepare with is_fresh, ADD, BEGIN with the report's carry after SPLIT, and then RETIRE in A:
 * where a flow X -> N is direct, A's N stands still with its queue until then, and drains from it
 * on. (RETIRE is ignored where it is not needed.) Until N's End comes B's Y waits for F.
 *
 * The order in the whole. B begins without asking, since N stands still in A from CUT on. RETIRE in
 * A comes after BEGIN in B, never before: what waits in A goes back then, and a queue of B that
 * takes what X gives beside F keeps only what somebody else still holds. Nothing waits for RETIRE
 * but room. Never RESUME a cut N unless B was discarded before BEGIN, or is dead. CUT is reported
 * when all that N gave before is where its reader sees it. An engine that ends
 * (tt_engine_stats.is_ended) says REFUSED to an order to cut or split and answers no more: who
 * waits looks at both, and then discards in B. A state may be over before it is seen: DONE has
 * those before it behind it. The service's End goes its way between all of this; who has it in A
 * before the cut is REFUSED to leave.
 *
 * SOON in B is no step of it, and may be left out: the worker wakes, looks for BEGIN a thousand
 * times (about 0.1 ms) while it does its frames as ever, and sleeps again. Its wake-up is then
 * beside what is done before BEGIN, not behind it.
 *
 * What cannot move (prepare: -EOPNOTSUPP with a sentence): a sink of the service. At CUT or SPLIT
 * (REFUSED): who keeps a frame beyond its call; by SPLIT who has several inputs; who has ended; a
 * join that shows the last frame of an input that has ended, by a direct flow X -> N, where X
 * passed on what A itself had given it.
 * The frame that a join shows of each input goes along, ahead of its queue. By a direct flow X -> N
 * that may have been long before ADDED (an image, an input that is late): it is lent to A until
 * RETIRE, so that B has it still, and takes it from there (carry.has_lent: RETIRE after BEGUN, or
 * nothing is shown of it until a frame comes). A component that lost
 * the worker by an overrun, or has more output to give (TT_AGAIN), is cut when that is over. Events
 * that wait for it go along; those that are posted to it after CUT are lost by RETIRE, so post them
 * to N in B from ADDED on.
 *
 * State. The control thread reads the state of a component that is CUT and writes that of one that
 * is not begun; the engine never enters either. tt_edit_begin() calls open(), on the control
 * thread; after RETIRED or a discard the caller calls close() and lets the memory go. */
#ifndef TT_CORE_EDIT_H
#define TT_CORE_EDIT_H

#include "core/engine.h"

enum {
    TT_EDIT_ROOM = 12,      /* spare places of each kind that do for most services */
    TT_EDIT_NODES = 64,     /* that one edit may bring */
    TT_EDIT_FLOWS = 128,    /* likewise */
    TT_EDIT_POSTS = 8,      /* events that may wait for a component */
    TT_EDIT_DEPTH_MAX = 64, /* of a new flow's queue and of a new inlet's ring */
    TT_EDIT_NEW = 1 << 16   /* TT_EDIT_NEW + n: the edit's n-th node, in place of a number */
};

enum tt_edit_kind { TT_EDIT_IN = 1, TT_EDIT_OUT = 2 };

/* Pointers within plans are borrowed as long as the node or flow is in the engine; params itself
 * and its arrays only for the call. */
struct tt_edit_params {
    enum tt_edit_kind kind;
    uint32_t node;                            /* who moves: OUT its number, IN TT_EDIT_NEW + n */
    bool is_fresh;                            /* IN: its instance starts anew (make-before-break) */
    const struct tt_node_plan *nodes;         /* as for tt_engine_open(), in any order */
    const uint32_t (*class_of)[TT_PORTS_MAX]; /* for each of them; NULL: no component among them */
    uint32_t node_count;
    const struct tt_flow_plan *flows;
    uint32_t flow_count;
    const uint32_t *gone; /* IN: numbers of outlets that leave at BEGIN */
    uint32_t gone_count;
    void (*wake)(void *ctx); /* on the worker; NULL: the control thread polls */
    void *ctx;
};

enum tt_edit_state {
    TT_EDIT_NONE = 0, /* no edit yet */
    TT_EDIT_PREPARED,
    TT_EDIT_ADDED,   /* IN: it is there and stands still */
    TT_EDIT_CUT,     /* OUT: it stands still and is whole; report.carry */
    TT_EDIT_SPLIT,   /* OUT: it drains; report.carry.index is the first of the other */
    TT_EDIT_REFUSED, /* OUT: it cannot leave, and runs on: report.reason. RESUME ends the edit */
    TT_EDIT_BEGUN,   /* IN: it runs */
    TT_EDIT_RETIRED, /* OUT: the engine does not know it any more: close() may be called */
    TT_EDIT_DONE     /* all room that became free is free; the next edit may be prepared */
};

enum tt_edit_order {
    TT_EDIT_ORDER_ADD = 1, /* IN */
    TT_EDIT_ORDER_SOON,    /* IN, ADDED: BEGIN is about to come, so do not sleep */
    TT_EDIT_ORDER_DISCARD, /* IN, before BEGIN */
    TT_EDIT_ORDER_RESUME,  /* OUT, before RETIRE; also when it is not CUT yet */
    TT_EDIT_ORDER_RETIRE   /* OUT, after CUT */
};

/* A frame that a join shows, as B lent it to A. */
struct tt_edit_shown {
    int64_t origin_ns, duration_ns, arrived_ns;
    uint32_t handle, bytes, flags, format_id, valid_slices;
};

/* What goes along with a component's state: plain bytes for the same build, to be sent as they are.
 * Who reads them from another process hands them to tt_edit_begin(), which takes nothing unsound.
 */
struct tt_edit_carry {
    uint32_t size;                    /* sizeof(struct tt_edit_carry) */
    uint32_t level;                   /* degrading */
    int64_t index;                    /* of the next activation */
    int64_t next_index[TT_PORTS_MAX]; /* inputs: of the first frame that it has not taken */
    int64_t last_index[TT_PORTS_MAX]; /* inputs with their bit in has_last: taken last */
    uint32_t has_last, was_called, is_resyncing, post_count;
    int64_t shown_index[TT_PORTS_MAX]; /* joins' inputs with their bit in has_shown: shown last */
    uint32_t has_shown, is_shown_new;
    uint32_t has_lent; /* of has_shown: what B lent to A for it */
    struct tt_edit_shown shown[TT_PORTS_MAX];
    int64_t usual_ns;
    struct {
        struct tt_event event;
        int64_t index;
    } posts[TT_EDIT_POSTS]; /* events that wait for it */
};

/* From which index on a component that is ADDED has each of its inputs here; 0: all that comes. */
struct tt_edit_from {
    int64_t index[TT_PORTS_MAX];
};

struct tt_edit_report {
    enum tt_edit_state state;
    const char *reason;         /* REFUSED: a sentence; static */
    struct tt_edit_carry carry; /* from CUT or SPLIT on */
    struct tt_edit_from from;   /* from ADDED on */
};

/* Checks and lays out; nothing of it is in the engine yet. ret_numbers: node_count numbers under
 * which the nodes will be known (posts, stats; a place's stats begin anew at ADD or CUT). -EINVAL:
 * a plan that contradicts itself or the engine; -EBUSY: the edit before is not DONE; -ENOSPC: too
 * few spare places; -EOPNOTSUPP: it cannot move; err says what. */
int tt_edit_prepare(struct tt_engine *engine, const struct tt_edit_params *params,
                    uint32_t *ret_numbers, struct tt_error *err);

/* Forgets an edit that is PREPARED and got no order. */
void tt_edit_forget(struct tt_engine *engine);

/* The latest order counts: one that the worker has not seen may be replaced by another. */
void tt_edit_order(struct tt_engine *engine, enum tt_edit_order order);

/* OUT: the order to cut. from: of B's report, NULL where B has no direct feed. */
void tt_edit_cut(struct tt_engine *engine, const struct tt_edit_from *from);

/* OUT: the order to split. */
void tt_edit_split(struct tt_engine *engine, const struct tt_edit_from *from);

/* IN, after ADDED: opens the component and gives the order to begin. carry NULL: with what comes.
 * -EINVAL: what is carried is not sound; else open()'s error. The edit is then to be discarded. */
int tt_edit_begin(struct tt_engine *engine, const struct tt_edit_carry *carry,
                  struct tt_error *err);

/* The control thread: where the edit is. The state alone; *ret may be NULL. */
enum tt_edit_state tt_edit_look(const struct tt_engine *engine, struct tt_edit_report *ret);

/* Any thread: how many calls of the component have returned. Who reads its state beside the worker,
 * and finds the same number before and when it is CUT, has read all that it ever wrote. */
uint32_t tt_edit_calls(const struct tt_engine *engine, uint32_t node);

/* A word that changes with the state, to wait for (futex) until it is not `seen` any more. */
const uint32_t *tt_edit_word(const struct tt_engine *engine);

/* Spare places that are free now, between two edits. */
void tt_edit_room(const struct tt_engine *engine, uint32_t *ret_nodes, uint32_t *ret_flows);

#endif
