/* What the planner is told about a picture's costs, and what a run teaches about them. */
#ifndef TT_NODE_COSTS_H
#define TT_NODE_COSTS_H

#include <stdbool.h>

#include "node/machine.h"
#include "node/profile.h"
#include "node/samples.h"
#include "planner/planner.h"

struct costs {
    struct tt_cost *components, *segments;
};

struct costs_asked {
    const struct machine *machine;
    struct profile *profile;
    /* That of the run that asks for itself, by which it follows: where it has seen enough, what it
     * meets speaks, not what all of its kind do. NULL: what begins anew. */
    const struct samples *own;
};

int costs_load(const struct tt_picture *picture, const struct costs_asked *asked,
               struct costs *ret);
void costs_fini(struct costs *costs);

/* Is there a segment that the container runs and of which less is known than a promise asks for? */
bool costs_are_missing(const struct tt_picture *picture, const struct costs *costs);

void costs_learn(const struct tt_picture *picture, const struct machine *machine,
                 struct profile *profile, enum profile_pace pace, const struct samples *samples);

/* From now on a live run's costs speak for its picture; until profile_unfollow(profile, samples).
 */
void costs_follow(const struct tt_picture *picture, const struct machine *machine,
                  struct profile *profile, const struct samples *samples);

#endif
