/* A service from the request to the report: shape, cost, plan, run. */
#ifndef TT_NODE_SERVICE_H
#define TT_NODE_SERVICE_H

#include <jansson.h>

#include "node/control.h"
#include "node/node.h"
#include "node/settings.h"
#include "spec/picture.h"

enum service_goal { SERVICE_SHAPE = 1, SERVICE_CHECK = 2, SERVICE_RUN = 3, SERVICE_PROFILE = 4 };

/* Answers go to the client, whose last one comes from here in any case. request is borrowed for the
 * call. */
void service_begin(struct node *node, struct client *client, enum service_goal goal,
                   const json_t *request);

void service_stop(struct service *service);        /* in order; a second time kills */
void service_client_gone(struct service *service); /* it has no client any more */

void service_abandon(struct service *service); /* at once; its processes are killed */
/* The wall clock was set: running services tell their users and their ledgers. */
void service_wall_step(struct node *node, int64_t step_ns);

struct service *service_next(const struct service *service);

/* Running services of this user (0: of everybody) with this name, as if their users had stopped
 * them; how many there were. */
uint32_t service_stop_named(struct node *node, uid_t uid, const char *name);

/* The newest that runs for this user (0: anybody) under this name; by number; NULL: none. */
struct service *service_find_named(const struct node *node, uint32_t uid, const char *name);
struct service *service_find(const struct node *node, uint64_t number);

uint64_t service_number(const struct service *service);
const char *service_base(const struct service *service);
const char *service_print(const struct service *service); /* its text; may be NULL */
const struct tt_picture *service_picture(const struct service *service);

/* As run_set(). */
int service_set(struct service *service, const struct setting *setting, uint64_t *ret_number,
                struct tt_error *err);

/* Entries of the watch event's "services" that this user may see; a new reference. */
json_t *service_watch(const struct node *node, uid_t uid);

/* Entries of the status event's "services" that this user may see; a new reference. */
json_t *service_table(const struct node *node, uid_t uid);

#endif
