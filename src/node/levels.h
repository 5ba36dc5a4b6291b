/* Plans of a service at its degrading levels, from what each costs here. */
#ifndef TT_NODE_LEVELS_H
#define TT_NODE_LEVELS_H

#include "node/costs.h"
#include "node/node.h"
#include "node/pump.h"

/* The plan at one level, against the books as they stand in node->machine; what is not known of it
 * costs as much as the level above. ret_costs: to be closed by costs_fini(). */
int levels_plan(struct node *node, const struct tt_picture *picture, uint32_t level,
                struct costs *ret_costs, struct tt_plan **ret, struct tt_error *err);

struct levels_beside {
    const struct tt_machine *machine; /* with the books of all others */
    struct pump *pump; /* whose samples are the run's own; NULL: not asked for them */
};

/* The same for a service that runs. */
int levels_plan_on(struct node *node, const struct levels_beside *beside,
                   const struct tt_picture *picture, uint32_t level, struct tt_plan **ret,
                   struct tt_error *err);

/* Is less known of this level than a promise asks for? */
bool levels_is_unknown(struct node *node, const struct tt_picture *picture, uint32_t level);

/* Mean load of each level, parts in a million of a CPU; 0: unknown. */
void levels_costs(struct node *node, const struct tt_picture *picture, int64_t *ret, uint32_t room);

/* As costs_learn(): what was measured at a level. */
void levels_learn(struct node *node, const struct tt_picture *picture, uint32_t level,
                  enum profile_pace pace, const struct samples *samples);

#endif
