/* The first segment of a ledger: what was promised, of what, where, on what grounds. */
#ifndef TT_NODE_AGREEMENT_H
#define TT_NODE_AGREEMENT_H

#include <jansson.h>

#include "node/node.h"
#include "planner/planner.h"

struct agreement_params {
    const struct node *node;
    const struct tt_picture *picture;
    const struct tt_plan *plan;
    const char *print; /* the service as its author would write it */
    const char *class_name, *class_reason;
    bool is_promised;
    int64_t epoch_ns;
    int64_t budget_ns; /* what the worker was given in each period of the plan; 0: nothing */
};

json_t *agreement_make(const struct agreement_params *params);

/* Names of sinks by their number in records; an array of sink_count strings, one malloc. */
char **agreement_sinks(const struct tt_picture *picture);

#endif
