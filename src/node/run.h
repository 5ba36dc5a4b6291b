/* The processes of one running service: what supervision decides is done here. */
#ifndef TT_NODE_RUN_H
#define TT_NODE_RUN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "ledger/ledger.h"
#include "node/node.h"
#include "node/pump.h"
#include "node/scribe.h"
#include "node/settings.h"
#include "planner/planner.h"

struct run;

/* Its first delivery: when, and how long after it was asked for and after its first process was
 * sent for. */
struct run_first {
    int64_t at_ns, asked_ns, spawned_ns;
};

struct run_ops {
    void (*on_note)(void *ctx, const char *text);
    /* The epoch is fixed. is_obtained: the worker has the class that the plan asks for; otherwise
     * why says what it has. Returns where records go; both NULL for a profile run. */
    void (*on_go)(void *ctx, int64_t epoch_ns, bool is_obtained, const char *why,
                  struct tt_report **ret_report, struct scribe **ret_scribe);
    void (*on_first)(void *ctx, const struct run_first *first);
    /* A parameter is another from this index on. */
    void (*on_set)(void *ctx, const struct setting *setting);
    /* May a worker go up, so that none is at a better degrading level than this? run_level_answer()
     * says, before it returns. */
    void (*on_level)(void *ctx, uint32_t level);
    /* All its processes are gone. The run may be closed in it. */
    void (*on_end)(void *ctx, bool is_ok, const char *reason);
};

struct run_params {
    struct node *node;
    const struct tt_picture *picture; /* borrowed */
    const struct plugins *plugins;    /* borrowed; NULL: none */
    const struct tt_plan *plan;       /* borrowed */
    struct ahead
        *ahead;       /* borrowed until run_open() returns; its process may be taken; NULL: none */
    uint64_t service; /* number in the books */
    bool is_profile;
    uint32_t level; /* degrading level to begin with, and after each restart of the container */
    const int64_t *level_costs; /* of each from 0 to the deepest; borrowed; NULL: unknown */
    uint32_t uid, gid;
    const char *base;
    int64_t for_ns;   /* 0: until its sources end */
    int64_t asked_ns; /* when somebody wanted it, monotonic */
    int stdin_fd, stdout_fd;
    const struct run_ops *ops;
    void *ctx;
};

/* on_end is called whatever happens after success, never before this returns. */
int run_open(const struct run_params *params, struct run **ret, struct tt_error *err);
/* Processes that are left are killed. */
void run_close(struct run **run);

void run_stop(struct run *run);
void run_gone(struct run *run); /* the user went away */

struct pump *run_pump(struct run *run); /* NULL before go */
/* Of the first container's worker, in each period of the plan; 0: no reservation. */
int64_t run_budget_ns(const struct run *run);
/* Did its worker run as it would for a promise? Otherwise what it measured is waiting, too. */
bool run_is_measure(const struct run *run);
int64_t run_epoch_ns(const struct run *run);
const char *run_state(const struct run *run);

/* CPU time and switches of all processes, complete when the last is gone. */
struct run_figures {
    int64_t first_frame_ns, cpu_ns;
    uint64_t switches;
};
struct run_figures run_figures(const struct run *run);

/* Changes a parameter; on_set tells when it has acted. -EAGAIN: too many wait; -ESHUTDOWN: nothing
 * runs (any more). */
int run_set(struct run *run, const struct setting *setting, uint64_t *ret_number,
            struct tt_error *err);

/* What containers' memory says of a component, all of its places in their engines together. */
struct run_component {
    uint64_t overruns, handoffs, late_uses;
    uint32_t queue, queue_max; /* frames that wait at its inputs; the most there were */
    bool is_in_edge;
    const char *process; /* the container's name, "edge" */
};
struct run_component run_component(const struct run *run, uint32_t component);

/* What an activation of a component may cost now, by which it is enforced and blamed; 0: no budget.
 */
int64_t run_budget_of_ns(const struct run *run, uint32_t component);

/* A container's worker: service (run_params) and process number name it. */
struct run_worker {
    const char *name;             /* its container's */
    pid_t tid;                    /* as tactusd sees it; 0: not known (yet) */
    int64_t budget_ns, period_ns; /* what the kernel gave it; 0: no reservation */
};
uint32_t run_worker_count(const struct run *run);
/* False: this process is no container that lives. */
bool run_worker(const struct run *run, uint32_t process, struct run_worker *ret);

/* Gives a worker another budget in another period while it runs, by DEADLINE to DEADLINE alone.
 * More is booked before the kernel is asked, less after its 0-lag time; what is refused changes
 * nothing. -EBUSY: the node's books or the kernel have not that much left; -ESHUTDOWN: it has no
 * reservation that could be changed. */
int run_resize(struct run *run, uint32_t process, int64_t budget_ns, int64_t period_ns,
               struct tt_error *err);

/* A component that is not where the plan has it, whatever that says of levels; NULL: none. */
const char *run_level_away(const struct run *run);
/* To on_level. */
void run_level_answer(struct run *run, bool is_admitted);
/* The lowest that any of its workers is at, as its components told it. */
uint32_t run_level(const struct run *run);

/* Something of the world outside: a note for the user and an event of the ledger. */
void run_event(struct run *run, const char *name, const char *text);

#endif
