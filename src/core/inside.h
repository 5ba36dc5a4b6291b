/* The engine's own structures, shared by the files of core/ alone. */
#ifndef TT_CORE_INSIDE_H
#define TT_CORE_INSIDE_H

#include <stddef.h>

#include "base/assert.h"
#include "core/engine.h"
#include "tactus/format.h"

#define NONE UINT32_MAX
#define NEVER INT64_MAX
#define TIME_MAX ((int64_t)1 << 60) /* media times beyond are no honest component's */

enum {
    HISTORY = 16,       /* hops that a node remembers, for blame */
    DROPS = 256,        /* losses that the engine remembers, for blame */
    BOX = 8,            /* events that wait for one component */
    HOLDS = 16,         /* overruns that the engine remembers, for blame */
    COSTS = 512,        /* samples of segments' costs */
    OPEN_SUMS = 32,     /* releases of a segment that may be under way at once */
    WINDOW = 16,        /* coded pictures come in decoding order: at most so far out of order */
    SLACK = 32,         /* frames that a queue takes beyond its depth to undo a standstill */
    LOST_MAX = 1 << 16, /* records of lost indices that one delivery may write */
    SPARE_OUTPUTS = 64, /* frames that a component in a spare place may give at once ... */
    SPARE_KEPT = 64     /* ... and make and keep */
};

/* Linux's numbers, which every interface of ours returns negated; errno.h is the C library's. */
enum { ENOMEM = 12, EINVAL = 22, ENOBUFS = 105 };

enum kind {
    KIND_SOURCE, /* released at its index */
    KIND_SINGLE, /* one input: each frame activates it */
    KIND_SEPARATE,
    KIND_LED, /* a join with a leader */
    KIND_CLOCKED,
    KIND_INLET,
    KIND_OUTLET,
    KIND_UNUSED /* a place that is empty */
};

/* A frame in a queue: its header, and by handle the slot that its payload lies in. */
struct entry {
    int64_t index, origin_ns, duration_ns, arrived_ns;
    uint32_t handle, bytes, flags, format_id, valid_slices;
};

struct flow {
    const struct tt_flow_plan *plan;
    uint32_t next_of_output; /* the next flow from the same output, or NONE */
    struct entry *entries;
    uint32_t head, count, capacity;
    int64_t index_most; /* no frame's index is as great */
    bool is_frozen;     /* its consumer stands still and may go on elsewhere, with what is in it */
    uint32_t spare; /* an inlet's of several consumers: frames beyond the depth, as in its ring */
    struct entry last; /* joins: the newest frame used; handle NO_FRAME: none */
    bool has_last, is_last_new, is_retained /* `last` is kept */, has_ended, is_end_seen;
    bool is_still /* rate 0 */, is_audio, is_coded, has_index;
    bool has_next /* another flow feeds its consumer after it */, is_spent /* its End came so */;
    int64_t end_ns;       /* origin of what will not come */
    int64_t last_index;   /* taken last, to see gaps */
    int64_t pushed_index; /* of the frame that came last */
    uint32_t format_id;   /* of the frame that came last */
    uint32_t bytes;       /* of a raw frame of the plan's format; 0: they vary */
    int64_t period_ns;
    int64_t margin_ns; /* joins: a frame so much younger than the leader's is shown with it */
};

struct slot {
    uint32_t refs;
    uint32_t class_, capacity;
    uint8_t *data;
    uint32_t inlet;        /* foreign pools: the node whose link it goes back to */
    bool is_shared;        /* it may have come by other links, too */
    struct tt_frame *made; /* between frame_new and frame_emit: the component's header */
};

struct pool {
    struct tt_pool_view view;
    struct slot *slots;
    uint32_t *free[TT_PORTS_MAX], free_count[TT_PORTS_MAX], first[TT_PORTS_MAX]; /* own pool */
};

struct kept {
    uint32_t handle, port;
    struct entry entry; /* of an input: for its frame_emit */
    bool is_made;
    bool is_dropped; /* by a component that had lost the worker: let go when it is back */
};

/* Monotonic times, but for the origin. An inlet's: ready when the edge put it, start when it was to
 * be there. */
struct hop {
    int64_t origin_ns, ready_ns, start_ns, end_ns, cpu_ns;
    int64_t received_ns;    /* inlets: when the kernel had it; 0: nobody says */
    bool is_set, is_stolen; /* stolen: it lost the worker over its budget */
};

struct skip {
    int64_t from_ns, to_ns; /* origins */
};

struct pending {
    bool is_set;
    struct tt_record record;
};

struct sink {
    int64_t next_index;
    bool is_ended;
    struct pending *window; /* coded video that reorders; else NULL */
};

struct post {
    struct tt_event event;
    int64_t index; /* of the first activation that it is for */
};

struct box {
    uint32_t put, got; /* atomic */
    struct post posts[BOX];
    struct post waiting[BOX]; /* the worker's: taken out, for an activation that is yet to come */
    uint32_t waiting_count;
};

struct node {
    const struct tt_node_plan *plan; /* own_plan: its budget follows (TT_EVENT_BUDGET) */
    struct tt_node_plan own_plan;
    struct tt_engine *engine;
    uint32_t number, kind, in_count, out_count, leader;
    uint32_t only;         /* of KIND_SINGLE: its input that is connected */
    uint32_t in_place;     /* likewise: the output that may take its input's frame, or NONE */
    int64_t stop_after_ns; /* of an activation's start: when it is asked to return */
    int64_t end_cpu_ns;    /* of an activation: sandboxed code that used more is ended; 0: never */
    int64_t usual_ns;      /* what an activation takes, about */
    int64_t watch_late_ns; /* that its budget may be seen later while it is a little one */
    uint32_t in[TT_PORTS_MAX], out[TT_PORTS_MAX]; /* flows, or NONE; out: the first of each */
    uint32_t out_max[TT_PORTS_MAX], bytes_max[TT_PORTS_MAX], calls_max;
    uint64_t ancestors[TT_NODES_MAX / 64]; /* itself too */
    struct tt_rational rate;               /* of releases, or of the leader's flow */
    int64_t next_index, period_ns, index_max;
    bool is_open, is_ended, is_dirty, is_starved, is_first_call_done;
    bool is_halted; /* nothing is decided for it: away, or on its way from or to another engine */
    bool is_added;  /* it came while the engine ran */
    struct running *running; /* its activation; NULL: none */
    bool has_trapped;        /* its sandbox ended it, and no activation has gone well since */
    bool is_away;            /* its component lost the worker to the standby and is not back */
    bool is_resyncing;       /* its input is dropped until a frame that decodes by itself */
    int64_t away_since_ns, give_up_ns; /* monotonic; give_up: 0: its End has not come */
    bool is_again;                     /* it has more output from the activation before */
    bool is_draining;                  /* that activation was its End */
    int64_t hold_until_ns; /* live: nothing comes any more but what drains give; 0: it does */
    uint32_t again_input;  /* of TT_SEPARATE */
    int64_t again_index, again_origin_ns, again_duration_ns;
    uint32_t silent_calls; /* of draining, without any output */
    uint32_t calls;        /* atomic: that returned (tt_edit_calls()) */
    uint32_t cold_calls;   /* as many had returned when the last one failed */
    uint32_t level;
    struct kept *kept;
    uint32_t kept_count, kept_max;
    struct hop history[HISTORY];
    uint32_t history_next;
    struct skip skips[HISTORY]; /* releases that were given up */
    uint32_t skip_next;
    struct sink *sinks; /* one for each input, or NULL */
    uint64_t *lent;     /* outlets: a bit for each handle */
    uint32_t lent_count;
    uint32_t kept_beside; /* of what the plan lets it lend: who drains may keep as many */
    /* Outlets to edges: what lies before this index was put by a predecessor (0: nothing), or all.
     */
    int64_t put_next;
    bool has_put_end;
    struct box box;
};

struct heap {
    uint32_t *nodes, *place; /* place by node, NONE: not in it */
    int64_t *key;            /* by node */
    uint32_t count;
};

/* What a node would do next. */
enum what { WHAT_NOTHING, WHAT_RUN, WHAT_AGAIN, WHAT_END };

struct decision {
    enum what what;
    uint32_t input; /* of TT_SEPARATE */
    int64_t index, origin_ns, duration_ns, ready_ns;
    int64_t wake_ns;      /* when to look again; NEVER */
    bool is_fill;         /* the leader's late policy makes this activation */
    uint32_t late_inputs; /* a bit for each input whose late policy is used */
};

struct input {
    struct entry entry;
    bool is_there, is_owned /* the call holds the reference */, is_new;
};

struct emit {
    uint32_t port;
    struct entry entry;
};

struct drop {
    uint32_t node;
    uint8_t cause;
    bool is_set;
    int64_t origin_ns, until_ns; /* until: of more than one; else 0 */
};

struct sum {
    int64_t release, cost_ns;
    uint32_t level; /* that it was summed at; NONE: at more than one */
    bool is_open;
};

struct segment {
    struct tt_rational rate;
    bool has_phase;
    int64_t phase_ns;                     /* origin of the first release that was seen */
    int64_t last_origin_ns, last_release; /* with has_phase: the last that were calculated */
    struct sum sums[OPEN_SUMS];
};

/* An activation. Of the two that an engine has one runs; the other is that of a component which
 * lost the worker to the standby and has not returned yet, if there is one. */
struct running {
    struct node *node; /* NULL: none */
    uint32_t job;      /* atomic, enum job: whose the call into the component is */
    uint32_t is_back;  /* atomic: the component has returned, the rest is the worker's to do */
    int result;        /* valid with is_back, like end_cpu_ns */
    int64_t start_ns, exhausted_ns;   /* monotonic */
    int64_t begin_cpu_ns, end_cpu_ns; /* CPU clock of the thread that called it */
    bool is_end;
    uint64_t sleeps; /* of that thread, when its budget's time was over first */
    bool are_sleeps_seen;
    int64_t job_until_ns, armed_until_ns; /* atomic; 0: none */
    int64_t job_stop_ns;                  /* atomic; when it is asked to return */
    uint32_t is_over;                     /* atomic: its budget passed */
    struct decision decision;
    struct tt_call call;
    struct tt_frame frames[2 * TT_PORTS_MAX];
    struct tt_event events[BOX + 1];
    struct input in[TT_PORTS_MAX];
    uint32_t out[TT_PORTS_MAX]; /* handles pre-allocated, or NO_FRAME */
    struct emit *emits;
    uint32_t emit_count, emit_max;
    uint32_t output_count; /* frames that it gave */
    uint32_t note_count;
    bool is_repeated, has_ended_itself;
    bool is_single; /* one call did it: what it gave is in out[] */
};

/* A time in which a component had the worker beyond its budget. */
struct hold {
    int64_t from_ns, to_ns; /* monotonic; to 0: unused */
    const struct node *node;
    bool is_away; /* beside the worker: only what it feeds had to wait */
};

struct tt_engine {
    struct tt_engine_params params;
    struct tt_engine_stats *stats;
    const struct tt_port_ops *ops;
    void *world;
    uint8_t *memory; /* what is left of the last piece from port.map */
    uint64_t memory_left;

    struct node *nodes;
    struct flow *flows;
    struct pool *pools;
    struct pool *own;
    struct heap ready, timers;
    uint32_t *dirty;
    uint32_t dirty_head, dirty_count;
    uint32_t *order; /* the nodes that there are, topological */
    uint32_t order_count;
    struct edit *edit; /* edit_inside.h; NULL: no spare room */
    uint32_t sink_count, sinks_ended, nodes_ended, starved_count;
    bool is_stop_seen;
    struct tt_host *hosts;
    struct running runnings[2];
    struct running *running; /* the worker's */
    struct running *away;    /* the hog's; NULL: none */
    struct hold holds[HOLDS];
    uint32_t hold_next;
    int64_t cpu_before_ns; /* of workers before this one */

    int64_t epoch_ns, now_ns;
    int64_t look_ns;      /* when to look again for what follows */
    int64_t mute_look_ns; /* for sinks that get nothing; always: for an edit that is under way */
    bool is_now_fresh;    /* the last activation's end is this one's start */
    bool is_live, is_pool_freed, has_begun;
    bool is_relaxed; /* asap: depths give way by SLACK for one activation */
    bool is_forced;  /* asap: joins go on without what does not come, for one activation */
    uint32_t is_stop_asked_again; /* atomic; components see it in tt_call.stop */
    uint32_t seen_bell, is_stopping /* atomic */;
    uint32_t lent_on_count; /* of other processes' frames, by all outlets */
    bool has_outlets;

    int64_t cpu_ns, wall_since_cpu_ns;   /* CPU clock as read last; wall time counted since */
    int64_t cpu_at_ns;                   /* when it was read */
    int64_t busy_from_ns, busy_usual_ns; /* how long it is busy before it sleeps, about */
    bool is_busy;

    struct degrade *degrade; /* NULL: components stay at their level */

    uint64_t records_pending_lost;
    struct drop drops[DROPS];
    uint32_t drop_next;
    struct segment *segments;
    uint64_t costs_put, costs_got; /* atomic */
    struct {
        int64_t cost_ns;
        uint32_t segment, level;
    } costs[COSTS];       /* atomic */
    uint32_t *check_refs; /* scratch of tt_engine_check */
};

/* Whose a call into a component is. The worker's until its end, unless the budget's handler takes
 * it while the component is in code of its own: then the standby is the worker. */
enum job {
    JOB_NONE = 0, /* no call, or the engine's own code around it */
    JOB_RUN,      /* the component's code */
    JOB_HOST,     /* a call of the component into the engine: it is not taken now */
    JOB_STOLEN,   /* taken by the handler: the standby is on its way */
    JOB_TAKEN     /* the standby is the worker */
};

/* open.c: for spare places too */
void *engine_take(struct tt_engine *engine, uint64_t bytes);
int engine_check_node(const struct tt_node_plan *plan, struct tt_error *err);
int engine_check_flow(const struct tt_flow_plan *plan, const struct tt_node_plan *from,
                      const struct tt_node_plan *to, uint32_t number, struct tt_error *err);
int engine_check_class(const struct tt_engine *engine, const struct node *from, uint32_t port,
                       uint32_t class_, struct tt_error *err);
uint32_t engine_ports(const struct tt_node_plan *plan, bool is_output);
void engine_open_node(struct tt_engine *engine, struct node *node, uint32_t number,
                      const struct tt_node_plan *plan);
void engine_open_flow(struct flow *flow, const struct tt_flow_plan *plan, const struct node *from);
int engine_settle_node(struct tt_engine *engine, struct node *node, struct tt_error *err);

/* edit.c, edit_apply.c */
int engine_edit_open(struct tt_engine *engine, uint32_t first_node, uint32_t first_flow);
bool engine_edit_is_asked(const struct tt_engine *engine); /* an order that was not seen */
bool engine_edit_step(struct tt_engine *engine);           /* true: one is under way */
void engine_edit_end(struct tt_engine *engine);            /* the engine has ended */
bool engine_edit_may_end(const struct tt_engine *engine);  /* all its sinks have ended */
bool engine_edit_is_soon(struct tt_engine *engine);        /* an order comes: do not sleep */

/* engine.c: until the end (true), or until a component has lost its caller the worker. */
bool engine_work(struct tt_engine *engine);

/* heap.c: nodes by key, ties in topological order */
void engine_heap_put(struct heap *heap, uint32_t node, int64_t key);
void engine_heap_take_out(struct heap *heap, uint32_t node); /* it is in it */
void engine_heap_check(const struct heap *heap, uint32_t node_count);

/* pool.c */
uint32_t engine_slot_new(struct tt_engine *engine, uint32_t class_); /* a handle or NO_FRAME */
void engine_slot_free(struct tt_engine *engine, uint32_t handle); /* its last reference is gone */

/* queue.c */
/* At the end of a link that took a queue's place: as many are lent and wait as the pools count. */
static inline bool engine_is_lent_out(const struct tt_engine *engine, const struct flow *flow)
{
    const struct node *to = &engine->nodes[flow->plan->to_node];

    return to->plan->loan_max > 0 && engine->is_live &&
           flow->count + to->lent_count + to->kept_beside > to->plan->loan_max + flow->spare;
}
/* Takes the caller's reference over. */
void engine_push(struct tt_engine *engine, struct node *from, uint32_t port,
                 const struct entry *entry);
void engine_push_end(struct tt_engine *engine, struct node *from, uint32_t port, int64_t end_ns);
/* With its reference. */
void engine_pop(struct tt_engine *engine, struct flow *flow, struct entry *ret);
void engine_flow_clear(struct tt_engine *engine, struct flow *flow);
bool engine_has_room(struct tt_engine *engine, const struct node *node);
int64_t engine_shed(struct tt_engine *engine, struct node *inlet); /* when to look again */
void engine_finishing(struct tt_engine *engine, struct node *node);

/* release.c, join.c: what a node does next */
void engine_decide_source(struct tt_engine *engine, struct node *node, struct decision *ret);
void engine_decide_join(struct tt_engine *engine, struct node *node, struct decision *ret);
void engine_skip_late(struct tt_engine *engine, struct node *node, int64_t limit_index);
void engine_take_join(struct tt_engine *engine, struct node *node, const struct decision *decision);
void engine_decide(struct tt_engine *engine, struct node *node, struct decision *ret);

/* ends.c: the ends of links */
void engine_inlet(struct tt_engine *engine, struct node *node);
void engine_outlet(struct tt_engine *engine, struct node *node);
void engine_close_inlets(struct tt_engine *engine);
bool engine_awaits_room(const struct tt_engine *engine); /* when it sleeps */
void engine_take_back(struct tt_engine *engine, struct node *node);
void engine_outlet_adopt(struct tt_engine *engine, struct node *node);
void engine_outlet_reclaim(struct tt_engine *engine, struct node *node); /* its link is closed */

/* run.c. False: the component lost the worker in its call, and so did the caller. */
bool engine_run_node(struct tt_engine *engine, struct node *node);
void engine_end_stolen(struct tt_engine *engine, struct running *hog); /* engine->running is it */
void engine_finish(struct tt_engine *engine, struct node *node, int64_t end_ns);

/* steal.c */
void engine_job_begin(struct running *running);
bool engine_job_end(struct tt_engine *engine, struct running *running, int result);
bool engine_has_others(const struct tt_engine *engine, const struct node *hog);
bool engine_is_awaited(const struct tt_engine *engine, int64_t now_ns);
bool engine_steal(struct tt_engine *engine, struct running *running); /* false: nobody is there */
bool engine_host_begin(struct node *node); /* false: it lost the worker */
void engine_host_end(struct node *node);
int64_t engine_look_after(struct tt_engine *engine); /* who is away; when to look again */
bool engine_is_refused(struct node *node, const struct flow *flow, const struct entry *entry);

/* host.c */
void engine_host(struct node *node, struct tt_host *ret);

/* sink.c */
void engine_deliver(struct tt_engine *engine, struct node *node, uint32_t input,
                    const struct entry *entry, int64_t at_ns);
void engine_sink_end(struct tt_engine *engine, struct node *node, uint32_t input, int64_t end_ns);
void engine_settle_mutes(struct tt_engine *engine);
void engine_record(struct tt_engine *engine, const struct tt_record *record);
void engine_record_format(struct tt_engine *engine, const struct node *node, uint32_t input,
                          const struct entry *entry);

/* degrade.c */
void engine_degrade(struct tt_engine *engine, const struct tt_record *record);
void engine_take_level(struct tt_engine *engine, struct node *node, const struct tt_event *event);
/* It has come from another engine, where it was at this level; somebody has gone to another. */
void engine_degrade_join(struct tt_engine *engine, const struct node *node, uint32_t least);
void engine_degrade_left(struct tt_engine *engine);

/* blame.c */
void engine_drop(struct tt_engine *engine, const struct node *node, int64_t origin_ns,
                 enum tt_cause cause);
void engine_gap(struct tt_engine *engine, const struct node *inlet, const struct tt_link_slot *gap);
int64_t engine_owed(const struct tt_engine *engine, const struct node *inlet,
                    const struct tt_link_slot *slot);
struct hop *engine_history(struct node *node); /* the oldest, to be written over */

struct blame {
    const struct node *sink;
    int64_t origin_ns, period_ns;
    int64_t late_ns; /* of a lost frame 0 */
    bool is_lost;
};
enum tt_cause engine_blame(struct tt_engine *engine, const struct blame *blame,
                           uint32_t *ret_component);

/* watch.c */
void engine_watch_limit(const struct tt_engine *engine, struct node *node); /* of its budget */
void engine_watch_busy(struct tt_engine *engine);
void engine_watch_idle(struct tt_engine *engine);
void engine_watch(struct tt_engine *engine, const struct node *node); /* whose activation begins */

/* cost.c */
void engine_busy(struct tt_engine *engine);
void engine_idle(struct tt_engine *engine);
void engine_cost_begin(struct tt_engine *engine, const struct node *node);
int64_t engine_cost_end(struct tt_engine *engine, struct node *node, int64_t start_ns); /* CPU */
int64_t engine_cpu_used(const struct tt_engine *engine); /* by who runs, so far */
void engine_cost_take_over(struct tt_engine *engine, struct running *hog);
void engine_cost_back(struct tt_engine *engine, struct running *hog);
void engine_cost_add(struct tt_engine *engine, const struct node *node, int64_t origin_ns,
                     int64_t cost_ns);
void engine_cost_flush(struct tt_engine *engine);

/* What each activation does several times stands here, so that it is no call. */

static inline uint32_t engine_handle(uint32_t pool, uint32_t slot)
{
    return pool * TT_POOL_SLOTS_MAX + slot;
}

static inline void engine_handle_split(uint32_t handle, uint32_t *ret_pool, uint32_t *ret_slot)
{
    *ret_pool = handle / TT_POOL_SLOTS_MAX;
    *ret_slot = handle % TT_POOL_SLOTS_MAX;
}

static inline struct slot *engine_slot(const struct tt_engine *engine, uint32_t handle)
{
    struct pool *pool = &engine->pools[handle / TT_POOL_SLOTS_MAX];

    tt_assert(handle / TT_POOL_SLOTS_MAX < engine->params.pool_count);
    tt_assert(handle % TT_POOL_SLOTS_MAX < pool->view.slot_count);
    return &pool->slots[handle % TT_POOL_SLOTS_MAX];
}

static inline void engine_ref(struct tt_engine *engine, uint32_t handle)
{
    struct slot *slot;

    if (handle == TT_NO_FRAME)
        return;
    slot = engine_slot(engine, handle);
    tt_assert(slot->refs > 0);
    slot->refs++;
}

static inline void engine_unref(struct tt_engine *engine, uint32_t handle)
{
    struct slot *slot;

    if (handle == TT_NO_FRAME)
        return;
    slot = engine_slot(engine, handle);
    tt_assert(slot->refs > 0);
    if (--slot->refs == 0)
        engine_slot_free(engine, handle);
}

static inline void engine_heap_remove(struct heap *heap, uint32_t node)
{
    if (heap->place[node] != NONE)
        engine_heap_take_out(heap, node);
}

static inline void engine_dirty(struct tt_engine *engine, uint32_t number)
{
    struct node *node = &engine->nodes[number];
    uint32_t place = engine->dirty_head + engine->dirty_count;

    if (node->is_dirty || node->is_ended)
        return;
    node->is_dirty = true;
    engine->dirty_count++;
    engine->dirty[place < engine->params.node_count ? place : place - engine->params.node_count] =
        number;
}

/* The place in a queue's memory of its n-th frame, n at most its capacity. */
static inline uint32_t engine_place(const struct flow *flow, uint32_t n)
{
    uint32_t place = flow->head + n;

    return place < flow->capacity ? place : place - flow->capacity;
}

static inline const struct entry *engine_head(const struct flow *flow, uint32_t n)
{
    return n < flow->count ? &flow->entries[engine_place(flow, n)] : NULL;
}

/* Does it wait for room? Behind an End frames come as fast as codecs give up what they held: a
 * queue that is full then is no sign that somebody is late, until the End itself is due. */
static inline bool engine_is_held(const struct tt_engine *engine, const struct node *node)
{
    return !engine->is_live || engine->now_ns < node->hold_until_ns;
}

static inline int64_t engine_media(const struct tt_engine *engine, int64_t monotonic_ns)
{
    return monotonic_ns - engine->epoch_ns;
}

/* Outlets: has its reader this frame, and has not given it back? */
static inline bool engine_is_lent(const struct node *node, uint32_t handle)
{
    return node->lent[handle / 64] >> (handle % 64) & 1;
}

/* When a sink must have a frame. */
static inline int64_t engine_due(const struct node *sink, int64_t origin_ns)
{
    return origin_ns + sink->plan->deadline_ns + sink->plan->structural_ns;
}

/* The port that a component's input is an instance of. */
static inline const struct tt_port *engine_port(const struct tt_node_plan *plan, uint32_t input)
{
    return &plan->component->ports[plan->request->pins[input].port];
}

static inline bool engine_is_ancestor(const struct node *node, uint32_t other)
{
    return node->ancestors[other / 64] >> (other % 64) & 1;
}

static inline bool engine_is_stopping(const struct tt_engine *engine)
{
    return __atomic_load_n(&engine->is_stopping, __ATOMIC_RELAXED) != 0;
}

#endif
