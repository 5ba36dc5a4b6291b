/* A component comes to this container or leaves it while the service runs (`tactus move`): the two
 * ends of what src/core/move.h decides, with the engine's edit in core/edit.h. All of it is the
 * main thread's; the worker takes part by the edit alone. docs/design/2026-11-23-move.md has the
 * messages. */
#ifndef TT_CONTAINER_MOVE_H
#define TT_CONTAINER_MOVE_H

#include <poll.h>

#include "container/inside.h"

enum { MOVE_SPARE = 24, MOVE_FDS = 2 };

/* Can anything come or go here? Decided before the engine is opened. */
bool move_is_possible(const struct container *container);

/* After tt_wiring_make(): what is elsewhere than at home since before this process began. */
int move_recall(struct container *container, struct tt_error *err);
/* Before the last wall. */
int move_open(struct container *container, struct tt_error *err);

/* True: the message was one of a move. */
bool move_obey(struct container *container, struct tt_message *message);
/* What to wait for beside the control socket; 0: nothing moves. ret may be NULL. */
uint32_t move_fds(const struct container *container, struct pollfd *ret);
/* Not to sleep: the component stands still, or is about to, and what comes next comes at once. */
bool move_is_awake(const struct container *container);
/* When something of that may have come. */
void move_look(struct container *container);

#endif
