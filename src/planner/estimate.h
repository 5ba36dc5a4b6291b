/* Costs of a changed picture where nothing was measured yet: scaled from the picture that was. */
#ifndef TT_PLANNER_ESTIMATE_H
#define TT_PLANNER_ESTIMATE_H

#include "planner/planner.h"

struct costs_of {
    const struct tt_picture *picture;
    struct tt_cost *components, *segments;
};

/* Fills what has n = 0 in `changed` from components and segments of the same name. False: a segment
 * is left of which less is known than before. *ret_is_measured: nothing had to be filled. */
bool estimate_costs(const struct costs_of *known, const struct costs_of *changed,
                    bool *ret_is_measured);

#endif
