/* Makes memory files in a process of its own: zeroing them, and finding pages of 2 MiB for them,
 * takes milliseconds that nobody's service should wait for. */
#ifndef TT_NODE_STOKER_H
#define TT_NODE_STOKER_H

#include <stdbool.h>
#include <stdint.h>

struct stoker;

/* Forks: before there are threads. NULL: there will be no memory ahead. */
struct stoker *stoker_open(void);
void stoker_close(struct stoker **stoker); /* the process is gone then */

/* What is read when a file is ready, or the process has ended. */
int stoker_fd(const struct stoker *stoker);

/* One at a time. False: the process is gone. */
bool stoker_ask(struct stoker *stoker, uint64_t bytes);

/* The file that was asked for, all there, zero and not sealed; the caller's. -EAGAIN: not yet;
 * -ENOMEM: there is no memory for it; -EPIPE: the process is gone. */
int stoker_take(struct stoker *stoker);

#endif
