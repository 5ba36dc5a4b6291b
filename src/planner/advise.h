/* What would fit in place of a refused service: changes that the planner itself admits. Pure.
 *
 * A proposal is found on a picture that is bent into shape, then held against the picture that
 * shaping the changed text gives. Costs that were never measured are scaled from those that were.
 */
#ifndef TT_PLANNER_ADVISE_H
#define TT_PLANNER_ADVISE_H

#include "planner/planner.h"

enum { TT_ADVICE_MAX = 6, TT_ADVICE_SETS_MAX = 16, TT_ADVICE_SET_BYTES = 160, TT_OFFERS_MAX = 3 };

struct tt_advice {
    char change[256]; /* a sentence: "a deadline of 120 ms in place of 40 ms" */
    /* What tt_service_set() makes of it, in this order. */
    char sets[TT_ADVICE_SETS_MAX][TT_ADVICE_SET_BYTES];
    uint32_t set_count;
};

/* Costs of a picture as check would have them, with n = 0 for what was never measured: one for each
 * component and one for each segment. 0, or a negative errno: what asks for them does not fit, by
 * which a caller ends a search that takes too long. */
typedef int tt_costs_fn(void *ctx, const struct tt_picture *picture, struct tt_cost *ret_components,
                        struct tt_cost *ret_segments);

struct tt_advise_params {
    const struct tt_picture *picture; /* that was refused */
    const struct tt_plan *plan;       /* its refusal */
    const struct tt_machine *machine;
    tt_costs_fn *costs_of;
    void *ctx;
};

/* Changes that seem to fit, the mildest first, each of another sort; at most TT_ADVICE_MAX. 0 or
 * -ENOMEM; what cannot be planned is not proposed. */
int tt_advise(const struct tt_advise_params *params, struct tt_advice *ret, uint32_t *ret_count);

/* Whether the picture that the changed text gives is admitted, in no lesser class than the refused
 * one would have had. ret_is_measured: no cost in it had to be scaled. */
bool tt_advice_holds(const struct tt_advise_params *params, const struct tt_picture *changed,
                     bool *ret_is_measured);

#endif
