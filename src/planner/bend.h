/* A copy of a picture that is changed as shaping a changed service would change it, near enough to
 * search on. */
#ifndef TT_PLANNER_BEND_H
#define TT_PLANNER_BEND_H

#include "spec/picture.h"

struct bent {
    struct tt_picture picture; /* its lists are its own, all that they point to is borrowed */
};

int bend_open(const struct tt_picture *picture, struct bent *ret);
void bend_close(struct bent *bent);

/* The service's deadline, which is that of all sinks that have the same. */
void bend_deadline(struct bent *bent, int64_t deadline_ns);
void bend_sink_deadline(struct bent *bent, uint32_t component, int64_t deadline_ns);
void bend_loss(struct bent *bent, struct tt_rational loss);
/* Of all that runs at the service's rate. */
void bend_rate(struct bent *bent, struct tt_rational rate);
/* All pictures to part/whole of each side. */
void bend_size(struct bent *bent, uint32_t part, uint32_t whole);
uint32_t bend_side(uint32_t side, uint32_t part, uint32_t whole);
/* The component leaves; what fed its one input feeds those that it fed. */
void bend_without(struct bent *bent, uint32_t component);

#endif
