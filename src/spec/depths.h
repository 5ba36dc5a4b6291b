/* How many frames each flow's queue holds. */
#ifndef TT_SPEC_DEPTHS_H
#define TT_SPEC_DEPTHS_H

#include "spec/picture.h"

enum { TT_DEPTH_MAX = 256 };

/* Of all flows, from formats, latencies and deadlines. wait_ns, by flow: so long a frame may lie in
 * its queue by the plan; NULL: as if nothing but structural latency kept it. -E2BIG, with the first
 * of them, when a queue would be longer than any may be; it is cut to that, and the others are set
 * all the same. */
int tt_picture_depths(struct tt_picture *picture, const int64_t *wait_ns, struct tt_error *err);

/* The longest structural latency of a component's inputs. */
int64_t spec_latest_input_ns(const struct tt_picture *picture,
                             const struct tt_picture_component *component);

#endif
