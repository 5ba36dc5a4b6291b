/* The control socket: who asks, what they ask, and the answers on their way out. */
#ifndef TT_NODE_CONTROL_H
#define TT_NODE_CONTROL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "node/journal.h"
#include "node/node.h"

struct control;
struct client;

/* Listens on path; makes its folder. -EADDRINUSE: another tactusd holds PATH.lock. */
int control_open(struct node *node, const char *path, struct control **ret, struct tt_error *err);
void control_close(struct control **control);

/* One JSON line; the reference is taken. A client that does not read is dropped. */
void client_event(struct client *client, json_t *event);
void client_error(struct client *client, const struct tt_error *err, int exit_code);
/* The last answer; the connection ends when it is out. */
void client_done(struct client *client, int exit_code);

/* The descriptor that came with the request under this name, now the caller's; -1. */
int client_take_fd(struct client *client, const char *name);
uid_t client_uid(const struct client *client);
gid_t client_gid(const struct client *client);

/* Never given again: a client may be gone when its answer is there. */
uint64_t client_number(const struct client *client);
struct client *client_find(const struct node *node, uint64_t number);

/* Clients that follow this service's log get the line; the end of it, those that follow it alone.
 */
void control_log(void *node, const struct journal_line *line);
void control_log_end(const struct node *node, uint32_t uid, const char *service);

/* From now on the service is told when the client goes; NULL: no more. */
void client_attach(struct client *client, struct service *service);

#endif
