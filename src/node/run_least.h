/* What a running service has beyond its promise's need goes to others who ask. */
#ifndef TT_NODE_RUN_LEAST_H
#define TT_NODE_RUN_LEAST_H

#include "node/run.h"

/* Tells the node's books what its worker could do with, as it is planned now: nothing of services
 * that were promised by more than that. */
void run_least_say(struct run *run);

/* Its worker has that from now on. False: it stays as it was. */
bool run_least_take(struct run *run);

#endif
