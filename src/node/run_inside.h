/* What the files of a running service share. */
#ifndef TT_NODE_RUN_INSIDE_H
#define TT_NODE_RUN_INSIDE_H

#include <jansson.h>
#include <sys/types.h>

#include "node/allowance.h"
#include "node/broker.h"
#include "node/child.h"
#include "node/claim.h"
#include "node/handoff.h"
#include "node/ladder.h"
#include "node/refused.h"
#include "node/run.h"
#include "node/supervise.h"
#include "platform/linux/forgotten.h"

#define RUN_SECOND INT64_C(1000000000)
#define RUN_MILLI INT64_C(1000000)
#define RUN_GO_AHEAD_NS (20 * RUN_MILLI)    /* from go to media time, where nothing presses */
#define RUN_GO_AHEAD_MIN_NS (4 * RUN_MILLI) /* where what is lost by hearing late counts */
#define RUN_GO_AHEAD_LEAST_NS 0 /* where there is time for it: who hears it does not sleep */

enum { RUN_EVENTS_MAX = 4 * SUPERVISE_PROCESSES_MAX, RUN_LEVEL_NEWS = 64 };

struct run_process {
    struct run *run;
    uint32_t number;
    struct child *child;
    pid_t tid;                              /* of its worker, as tactusd sees it; 0 unknown */
    pid_t standby_tid;                      /* of its second thread; 0: it has none */
    struct handoff *handoff;                /* containers of live services; else NULL */
    struct tt_forgotten forgotten[2];       /* worker and standby, as they were looked at last */
    int64_t rescue_ns;                      /* when that was */
    uint64_t loops_seen;                    /* of its engine, when it was thought of last */
    int64_t budget_ns, period_ns;           /* that the kernel gave its worker; 0: none */
    int64_t last_budget_ns, last_period_ns; /* likewise, or its predecessor's */
    int64_t resume_ns;                      /* media time that its components began at */
    bool has_ended;
    bool is_spawn_due;         /* as soon as another is reaped: move_before_spawn() */
    bool is_favoured;          /* an edge under FIFO */
    int64_t cpu_ns, looked_ns; /* what it had taken when it was looked at last */
    bool has_rung;             /* it was given what it has before it was ready */
    struct ladder_rung rung;
    struct tt_plan_worker spare_plan; /* of a spare container, since it was asked for */
    bool is_refusal_told;             /* of its standby's reservation */
    struct loop_timer reserve_timer;
    int32_t stuck_component; /* that it is being killed for; -1: none */
    struct allowance costs, notes;
    uint64_t notes_left_out;
    struct refused refused; /* what it tried and may not, with a stranger's code inside */
    uint32_t level;         /* of a container's worker, as its components told it */
    char error[SUPERVISE_TEXT_BYTES], name[TT_NAME_BYTES + 16];
};

struct run {
    struct run_params params;
    struct broker *broker;
    struct supervise supervise;
    struct supervise_actions actions;
    struct run_process processes[TT_PROCESSES_MAX];
    struct pending {
        struct supervise_event event;
        char text[SUPERVISE_TEXT_BYTES];
    } events[RUN_EVENTS_MAX];
    uint32_t event_first, event_count;
    bool is_feeding, is_over, is_ok;
    char reason[SUPERVISE_TEXT_BYTES], class_why[SUPERVISE_TEXT_BYTES];
    struct claim claim; /* of its workers, on the CPU */
    struct loop_timer step_timer, poll_timer, end_timer;
    struct pump *pump;
    int64_t drain_ns; /* nothing is due after it; 0: not yet */
    int64_t opened_ns, epoch_ns, wall_offset_ns, first_frame_ns;
    struct stagger_row releases;
    int64_t cpu_ns;    /* of all its processes that are gone */
    uint64_t switches; /* likewise */
    struct settings settings;
    struct run_level {
        uint32_t component, level;
        int64_t index;
    } level_news[RUN_LEVEL_NEWS]; /* that nobody was told of yet */
    uint32_t level_news_count;
    uint32_t level_asker, level_asked; /* the question that is being answered */
    struct allowance level_questions;
    struct run_follow *follow; /* NULL: nothing has followed yet */
    struct run_moves *moves;   /* NULL: nothing has moved yet */
    int64_t rescue_ns;         /* when it was looked for forgotten workers last */
};

/* run.c: what happened, for supervision. */
void run_feed(struct run *run, const struct supervise_event *event);
void run_feed_simple(struct run *run, enum supervise_kind kind, uint32_t process);
/* Media time at which a process that starts now begins. */
int64_t run_resume_ns(const struct run *run, int64_t ahead_ns);
/* Local wall time of this monotonic instant. */
int64_t run_wall_of(int64_t monotonic_ns);

/* run_process.c: one process from its spawn to its end. */
void run_spawn(struct run *run, uint32_t number);
/* Ends it, and hears no more of it. */
void run_abandon(struct run_process *process);
const char *run_process_name(const struct run *run, uint32_t number);

bool run_is_container(const struct run *run, uint32_t number);
/* What a container's worker was promised. */
const struct tt_plan_worker *run_planned(const struct run *run, uint32_t number);

/* run_reserve.c: what its worker has of the CPU. */
void run_reserve(struct run_process *process);
void run_reserve_go(struct run *run); /* once, when all were told to go */
void run_reserve_died(struct run_process *process);
void run_reserve_left(struct run_process *process); /* a spare one, and nobody follows it */
/* Of a thread that waits, while its service is set up; run_reserve() tells what came of it. */
void run_reserve_ahead(struct run_process *process);
/* Every worker has what the plan asks for. */
bool run_is_class_obtained(const struct run *run);
void run_on_reserve_timer(void *ctx, uint32_t events);
void run_prepare_handoff(struct run *run);

/* run_edge.c: what an edge has of it. */
void run_edge_ready(struct run_process *process, pid_t tid_inside);
void run_edges_watch(struct run *run, int64_t now_ns);

/* run_level.c: degrading levels. */
json_t *run_level_costs(const struct run *run);
int64_t run_level_calm_ns(void);                                /* 0: the engine's own */
void run_level_ask(struct run_process *process, int64_t level); /* a container's question */
void run_level_began(struct run *run, uint32_t number);         /* a container, at the first one */
void run_level_moved(struct run *run, uint32_t component, uint32_t from, uint32_t to);
void run_on_degrade(void *ctx, uint32_t component, uint32_t level, int64_t index);
void run_level_tell(struct run *run);

/* run_rescue.c: now and then, frees workers that the kernel forgot, and ends their containers. */
void run_rescue(struct run *run, int64_t now_ns);
/* SIGKILL, for whose work its threads need no reservation. */
void run_kill(struct run_process *process);

/* run_watch.c: what containers' memory says of themselves. */
int64_t run_first_delivery_ns(const struct run *run); /* monotonic; 0: none yet */
/* Whose activation runs, or ran when the container died; -1: nobody's. */
int32_t run_component_in_hand(const struct run *run, uint32_t container);
void run_watch_dog(struct run *run, int64_t now_ns);

#endif
