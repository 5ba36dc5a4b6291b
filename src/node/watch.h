/* What a running service does at this moment, for who watches it. */
#ifndef TT_NODE_WATCH_H
#define TT_NODE_WATCH_H

#include <jansson.h>

#include "node/run.h"
#include "planner/planner.h"
#include "spec/picture.h"

struct watch_params {
    const struct tt_picture *picture; /* NULL: it is being shaped */
    const struct tt_plan *plan;       /* NULL: none yet */
    const struct run *run;            /* NULL: it does not run yet */
    const char *state, *class_name, *ledger;
    int64_t slack_ns; /* INT64_MAX: none */
    uint64_t frames, late, lost, repeated;
};

/* An entry of the watch event's "services"; a new reference. */
json_t *watch_entry(const struct watch_params *params);

#endif
