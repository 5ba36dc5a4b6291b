/* Which scheduling class a service's workers get, and what becomes of their places in the node's
 * books when one gets none: decided here, done in run_reserve.c. A pure step function: it knows
 * neither the kernel nor the books. */
#ifndef TT_NODE_CLAIM_H
#define TT_NODE_CLAIM_H

#include <stdbool.h>
#include <stdint.h>

#include "planner/planner.h"

enum claim_kind {
    CLAIM_ASKED = 1, /* supervision wants the worker's class */
    CLAIM_AGAIN,     /* what CLAIM_WAIT waited for is over */
    CLAIM_GOT,       /* to CLIMB: what the plan asks for; is_reservation */
    CLAIM_FULL,      /* to CLIMB: not now: the kernel has not that much, or the worker just dies */
    CLAIM_REFUSED,   /* to CLIMB: not to be had */
    CLAIM_DIED,      /* the worker is gone */
    CLAIM_LEFT,      /* likewise, and nobody follows it: a spare one */
    CLAIM_GO         /* all go for the first time */
};

struct claim_event {
    enum claim_kind kind;
    uint32_t worker;
    bool is_reservation; /* ASKED: it has one already; GOT: it is one, and no class without */
};

enum claim_verb {
    CLAIM_CLIMB = 1,     /* ask for it; answer with GOT, FULL or REFUSED */
    CLAIM_WAIT,          /* a period of the worker, then AGAIN, unless it dies before */
    CLAIM_GIVE_BACK,     /* the worker's place in the books */
    CLAIM_GIVE_BACK_ALL, /* the places of all */
    CLAIM_LOST,          /* tell the user: its predecessor had what it has not */
    CLAIM_TELL           /* supervision: it has what it can get */
};

struct claim_action {
    enum claim_verb verb;
    uint32_t worker;
};

enum { CLAIM_ACTIONS_MAX = 4 };

struct claim_actions {
    struct claim_action list[CLAIM_ACTIONS_MAX];
    uint32_t count;
};

struct claim {
    struct claim_worker {
        bool is_obtained;     /* it has what the plan asks for */
        bool was_obtained;    /* or its predecessor had */
        bool has_reservation; /* by the kernel */
        bool is_leaving;      /* it is to leave its own at go: the others got none */
        bool has_waited;
    } workers[TT_WORKERS_MAX];
    uint32_t worker_count;
    uint32_t spare_count; /* the last of them: asked for after go, if ever, and each by itself */
    bool has_gone;
    bool is_refused; /* one of several got none: nobody asks any more */
};

void claim_init(struct claim *claim, uint32_t worker_count, uint32_t spare_count);
void claim_step(struct claim *claim, const struct claim_event *event, struct claim_actions *out);
/* By all that the plan has; so below. */
bool claim_is_obtained(const struct claim *claim);
/* All who lived last had it: a service that has ended ran by it. */
bool claim_was_obtained(const struct claim *claim);
void claim_check(const struct claim *claim); /* every invariant; for tests */

#endif
