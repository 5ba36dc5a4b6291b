/* Processes that wait for a service: forked, walled and prepared as far as that is the same for all
 * services of one user. They are made while nobody waits. */
#ifndef TT_NODE_SPARES_H
#define TT_NODE_SPARES_H

#include <jansson.h>
#include <stdint.h>

#include "node/child.h"
#include "node/loop.h"

struct spares;

/* Of the zygote's making; the first ones are for this program's own user. NULL: no memory, and each
 * process is forked when it is wanted. */
struct spares *spares_open(struct loop *loop, struct zygote *zygote);
void spares_close(struct spares **spares);

/* One that is what this order asks for, and has been told so; it is the caller's. NULL: there is
 * none, and the next ones are for this order's user. */
struct child *spares_take(struct spares *spares, const json_t *order);

/* The zygote that made them is gone, and with it perhaps the program that they are. */
void spares_drop(struct spares *spares);

/* How many wait, and the memory that is theirs alone, as far as this program may see. Slow. */
uint32_t spares_count(const struct spares *spares);
uint64_t spares_bytes(const struct spares *spares);

#endif
