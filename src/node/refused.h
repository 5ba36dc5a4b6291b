/* What a container with a stranger's plug-in tried and may not: each refused system call is
 * answered here, counted, and told once for each kind. */
#ifndef TT_NODE_REFUSED_H
#define TT_NODE_REFUSED_H

#include <stdint.h>

#include "node/loop.h"

typedef void refused_fn(void *ctx, const char *text);

struct refused { /* zeroed by its owner */
    struct loop *loop;
    struct loop_watch *watch;
    int listener;
    refused_fn *tell;
    void *ctx;
    uint64_t count, kinds;
    uint64_t seen[8]; /* bits: calls below 512 */
};

/* Takes the listener over. A second one of the same process is closed: it has but one filter. */
void refused_open(struct refused *refused, struct loop *loop, int listener, refused_fn *tell,
                  void *ctx);
/* Tells how many there were, if any. */
void refused_close(struct refused *refused);

#endif
