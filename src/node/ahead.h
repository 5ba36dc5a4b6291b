/* A container that hears what its service is while the plan is made. It has no memory, no
 * reservation and no go of it before the plan has been admitted; of one that is not, it ends. */
#ifndef TT_NODE_AHEAD_H
#define TT_NODE_AHEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "node/child.h"
#include "node/node.h"
#include "spec/picture.h"

struct ahead;

/* For a picture without plug-ins. NULL: no process waits for this user; then nothing is ahead. */
struct ahead *ahead_open(struct node *node, const struct tt_picture *picture, uint32_t uid,
                         uint32_t gid);
/* Ends the process, if nobody took it. */
void ahead_close(struct ahead **ahead);

/* The memory file of the picture, if it has become just this: the caller's. Otherwise -1, and the
 * process has read another one than it should. */
int ahead_take_picture(struct ahead *ahead, const char *packed, uint64_t bytes);

/* After ahead_take_picture() the process, the caller's, with the picture read; once. NULL: there is
 * none. */
struct child *ahead_take(struct ahead *ahead, const struct child_ops *ops, void *ctx);
/* When it was sent for. */
int64_t ahead_since_ns(const struct ahead *ahead);

#endif
