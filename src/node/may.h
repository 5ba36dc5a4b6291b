/* The table of rights, tried once at start. Apart from machine.h: the planner's words for the
 * scheduling classes and the platform's for the rights have the same names. */
#ifndef TT_NODE_MAY_H
#define TT_NODE_MAY_H

#include <jansson.h>

enum { MAY_OTHER = 0, MAY_FIFO = 1, MAY_DEADLINE = 2 }; /* as enum tt_right of the planner */

/* Tries; call it before any thread runs. */
void may_probe(void);

/* Does without the rights above this one: MAY_FIFO, MAY_OTHER. After may_probe(). */
void may_renounce(int best);

int may_best(void);
int may_partition(void);

/* [{"right","state","detail","fix"}]; a new reference. */
json_t *may_print(void);

#endif
