/* A parameter of a running service is changed: the request, the shaper's word on it, the answer. */
#ifndef TT_NODE_SET_H
#define TT_NODE_SET_H

#include <jansson.h>
#include <stdint.h>

#include "node/control.h"
#include "node/node.h"
#include "node/settings.h"

/* The answer goes to the client in any case; request is borrowed for the call. */
void set_begin(struct node *node, struct client *client, const json_t *request);

/* Service `number` has told a component; its end is the end of what waits for it. */
void set_told(struct node *node, uint64_t number, const struct setting *setting);
void set_service_gone(struct node *node, uint64_t number);

/* What nobody waits for any more is not looked at; what was told the container is told. */
void set_client_gone(struct node *node, uint64_t client);

/* All of them, without an answer. */
void set_close_all(struct node *node);

#endif
