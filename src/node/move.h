/* A component of a running service goes to another of its containers (`tactus move`): the request
 * and its checks, the arithmetic, the order of the steps (src/core/move.h decides them), the
 * answer. */
#ifndef TT_NODE_MOVE_H
#define TT_NODE_MOVE_H

#include <jansson.h>

#include "node/control.h"
#include "node/node.h"

struct run;
struct run_process;
struct tt_message;

/* The answer goes to the client in any case; request is borrowed for the call. */
void move_begin(struct node *node, struct client *client, const json_t *request);

/* A container's word. True: it was one of a move. */
bool move_heard(struct run_process *process, const struct tt_message *message);
/* It is reaped. */
void move_died(struct run_process *process);
/* Before a container starts anew: where each component is, is decided. False: it is not yet, and is
 * to be asked again when another container is reaped. */
bool move_before_spawn(struct run *run, uint32_t number);
/* Its worker has its class again. */
void move_reserved(struct run_process *process);
/* A spare container goes; or is gone, or will not come. */
void move_joined(struct run *run, uint32_t number);
void move_left(struct run *run, uint32_t number, const char *why);
/* Its worker got nothing. */
void move_refused(struct run_process *process, const char *why);
/* The service ends. */
void move_cancel(struct run *run);
void move_close(struct run *run);

/* For a container's setup: [component, container, whether it is there] in the order in which they
 * were made; a new reference. */
json_t *move_ways(const struct run *run);

#endif
