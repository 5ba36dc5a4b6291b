/* What a refused service is offered: changed texts, each shaped and planned as check would. */
#ifndef TT_NODE_OFFERS_H
#define TT_NODE_OFFERS_H

#include <jansson.h>

#include "node/node.h"
#include "planner/planner.h"

struct offers;

struct offers_params {
    struct node *node;
    const json_t *request; /* check's; kept until the answer */
    uint32_t uid, gid;
    const struct tt_picture *picture; /* this and the plan: borrowed until the answer */
    const struct tt_plan *plan;
};

/* Called once, from the loop: a list of {change, sets, measured, service}, maybe empty; the
 * receiver's. */
typedef void offers_fn(void *ctx, json_t *list);

/* NULL: there is nothing to offer, and no call comes. */
struct offers *offers_open(const struct offers_params *params, offers_fn *fn, void *ctx);
void offers_close(struct offers **offers);

#endif
