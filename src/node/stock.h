/* Zeroed memory that is made while nobody waits for it, for the frame pool of the next service. */
#ifndef TT_NODE_STOCK_H
#define TT_NODE_STOCK_H

#include <stdint.h>

#include "node/loop.h"

/* What is kept, once a node and not once a service: in one piece, as large as what was wanted last
 * but not more than the most, and in a smaller one. */
#define STOCK_BYTES (UINT64_C(16) << 20)
#define STOCK_MOST_BYTES (UINT64_C(64) << 20)
#define STOCK_SMALL_BYTES (UINT64_C(2) << 20)

struct stock;
struct kit;

/* Filled by a process of its own, in pages of 2 MiB where there are any, once it was left alone for
 * a moment. NULL: there is none; whoever gets none makes his own. */
struct stock *stock_open(struct loop *loop);
void stock_close(struct stock **stock);

/* A memory file of so many bytes, rounded up to 2 MiB, all zero and not sealed; it is the caller's.
 * STOCK_BYTES of it are there already. What was once given out never comes back: nobody sees
 * another's frames. -1: too little is wanted, or nothing is there, or stock is NULL. */
int stock_take(struct stock *stock, uint64_t bytes);

/* Small files that are made ahead beside it; NULL: there are none, or stock is NULL. */
struct kit *stock_kit(struct stock *stock);

/* How much waits. */
uint64_t stock_bytes(const struct stock *stock);

#endif
