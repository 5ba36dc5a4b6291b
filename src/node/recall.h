/* Costs as they were asked for last, so that the start of a service that is known needs no
 * database. */
#ifndef TT_NODE_RECALL_H
#define TT_NODE_RECALL_H

#include <stdbool.h>

#include "node/profile.h"

struct recall;

struct recall *recall_open(void); /* NULL: no memory; nothing is recalled */
void recall_close(struct recall **recall);

/* All accept NULL. What has the place of another takes it. */
bool recall_find(const struct recall *recall, const struct profile_key *key,
                 struct tt_rational loss, struct tt_cost *ret);
void recall_keep(struct recall *recall, const struct profile_key *key, struct tt_rational loss,
                 const struct tt_cost *cost);

/* The key has other samples now. */
void recall_learnt(struct recall *recall, const struct profile_key *key,
                   const struct tt_histogram *samples);
void recall_forget(struct recall *recall);

#endif
