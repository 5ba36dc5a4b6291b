/* What the files of a service share. */
#ifndef TT_NODE_SERVICE_INSIDE_H
#define TT_NODE_SERVICE_INSIDE_H

#include <limits.h>

#include "node/agreement.h"
#include "node/costs.h"
#include "node/offers.h"
#include "node/run.h"
#include "node/service.h"
#include "node/shape.h"

enum { TEXT_BYTES = 768 };

struct service {
    struct service *next;
    struct node *node;
    struct client *client; /* NULL: gone or detached */
    enum service_goal goal;
    uint64_t number;
    uint32_t uid, gid;
    char base[PATH_MAX];
    bool is_detached, wants_profile, is_profiled, is_given_once, is_started_told, is_full_told,
        is_promised;
    bool is_plan_due;           /* its client is told the plan before anything else */
    int64_t asked_ns;           /* monotonic */
    int64_t for_ns, profile_ns; /* the latter: when a measurement began */
    int stdin_fd, stdout_fd, ledger_fd;
    struct shape *shape;
    struct tt_picture *picture;
    struct plugins plugins;
    struct ahead *ahead; /* NULL: no process of it before its plan */
    char *print;
    struct costs costs;
    struct tt_plan *plan;
    uint32_t way_turns;                    /* so often the others were asked to make way */
    bool is_way_shown;                     /* a check: the plan is beside what they need */
    uint32_t profile_level;                /* of the profile run */
    uint32_t profiled_levels;              /* a bit for each that had its run */
    int64_t level_costs[TT_PORTS_MAX + 1]; /* mean load at each level, ppm; 0: unknown */
    struct offers *offers;
    json_t *request; /* of a check, until it is answered */
    struct run *profile_run, *run;
    struct tt_report *report;
    struct scribe *scribe;
    struct loop_timer live_timer, plan_timer;
    struct journal_log *log; /* NULL: it is not known yet what it is called */
    int64_t since_ns;        /* wall time */
    char ledger[PATH_MAX], class_reason[TEXT_BYTES];
    const char *class_name;
    uint64_t frames, late, lost, repeated;
    int64_t slack_ns; /* the least of the last second; INT64_MAX: none */
};

/* To its client, its log and its ledger's reader. */
void service_note(struct service *service, const char *text);
/* To its client alone; the reference is taken. */
void service_tell(struct service *service, json_t *event);

/* The last word to its client; then the service is no more. */
void service_finish(struct service *service, int exit_code);
void service_fail(struct service *service, const struct tt_error *err, int exit_code);
void service_fail_text(struct service *service, int code, const char *text, int exit_code);

/* What a run tells its service: ctx is the service. */
extern const struct run_ops service_live_ops;
void service_on_note(void *ctx, const char *text);

/* Degrading levels. Chooses the one to begin at once level 0 has its plan; above 0: what that level
 * costs is to be measured first. */
uint32_t service_levels_choose(struct service *service);
/* Of one that is refused: would it be admitted if those that run had what their promises need and
 * no more? Then the node's machine is told so. */
bool service_way_is_there(struct service *service);
/* They give it back, from the instant on that is returned: until then the kernel may run them by
 * their old budgets. */
int64_t service_way_make(struct service *service);

/* What its running worker asks: may it go up to this one? The answer goes to its run. */
void service_levels_asked(void *ctx, uint32_t level);
/* What a run measured at each. */
void service_levels_learn(struct service *service, struct pump *pump, enum profile_pace pace);

/* The ledger file: opened with the agreement in it, closed with the count; what is reported then is
 * a new reference. Without one a note says why, and the service goes on. */
void service_ledger_begin(struct service *service, int64_t epoch_ns);
void service_ledger_note_full(struct service *service);
json_t *service_ledger_close(struct service *service, const char *reason);
/* -EINVAL, -EACCES: what the user gave for it cannot be one. */
int service_ledger_check(int fd, struct tt_error *err);
/* NULL: no memory. */
struct tt_report *service_report_open(const struct service *service);

#endif
