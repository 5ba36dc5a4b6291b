/* Notices when somebody sets the wall clock. Media time does not run by it, but people do. */
#ifndef TT_NODE_WALL_H
#define TT_NODE_WALL_H

#include <stdint.h>

#include "node/loop.h"

struct wall;

typedef void wall_fn(void *ctx, int64_t step_ns);

/* fn is called from the loop, once for each time that the clock was set. */
int wall_open(struct loop *loop, wall_fn *fn, void *ctx, struct wall **ret, struct tt_error *err);
void wall_close(struct wall **wall);

/* For tests: as if the clock had been set by so much, and as if the kernel had said so. */
void wall_pretend(struct wall *wall, int64_t step_ns);

#endif
