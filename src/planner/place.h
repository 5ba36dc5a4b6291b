/* Which component runs on which worker: by band, and by what one CPU carries. Pure. */
#ifndef TT_PLANNER_PLACE_H
#define TT_PLANNER_PLACE_H

#include "planner/planner.h"

struct place_params {
    const struct tt_picture *picture;
    const int64_t *cost_ns; /* by component, of an activation; 0: unknown, or none */
    uint32_t workers_max;   /* at most TT_WORKERS_MAX */
    int64_t cap_ppm;        /* of a CPU: what a worker may have to carry */
};

struct placement {
    uint32_t worker_of[TT_PICTURE_COMPONENTS_MAX]; /* edges: the worker that they are next to */
    enum tt_band band[TT_WORKERS_MAX];
    uint32_t count;
};

/* Frames go from lower worker numbers to higher ones only. More than the cap is put on a worker
 * when there may be no further one, or when what it carries cannot be cut. */
void place(const struct place_params *params, struct placement *ret);

enum tt_band place_band(struct tt_rational rate);

/* Parts of 10^6 of a CPU, rounded up. */
int64_t place_share_ppm(int64_t cost_ns, struct tt_rational rate);

#endif
