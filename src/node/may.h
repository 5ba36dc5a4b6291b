/* The table of rights, tried once at start. */
#ifndef TT_NODE_MAY_H
#define TT_NODE_MAY_H

#include <jansson.h>
#include <stdbool.h>

#include "planner/planner.h"

/* Tries; call it before any thread runs. */
void may_probe(void);

/* Does without the rights above this one. After may_probe(). */
void may_renounce(enum tt_right best);

/* What came of partitions that were asked for; after may_probe(). */
void may_tell_partitions(const char *detail, bool is_held);

/* The best scheduling class to be had. */
enum tt_right may_best(void);

/* [{"right","state","detail","fix"}]; a new reference. */
json_t *may_print(void);

#endif
