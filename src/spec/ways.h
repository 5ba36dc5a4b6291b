/* A component that runs in another container than its home, the one that the plan placed it in:
 * what that takes of a wiring. Pure, and in the order of the calls the same everywhere, as
 * tt_wiring_make() is.
 *
 * What is there stays as it is; a way appends a link from home for each input and a link home for
 * each output that somebody takes. All neighbours stay where they are: at home the ends of those
 * links stand in the component's place. A way that was made once is used again; its links carry
 * frames as long as the component is at its end. */
#ifndef TT_SPEC_WAYS_H
#define TT_SPEC_WAYS_H

#include "spec/wiring.h"

/* -EOPNOTSUPP: some of its frames cross between its home and that container already. */
int tt_wiring_may_lead(const struct tt_wiring *wiring, const struct tt_picture *picture,
                       uint32_t component, uint32_t container, struct tt_error *err);

/* The way to a container: there already, or made. -EINVAL: it is home, or no container; -E2BIG: no
 * room for links or ways. */
int tt_wiring_lead(struct tt_wiring *wiring, const struct tt_picture *picture, uint32_t component,
                   uint32_t container, uint32_t *ret_way, struct tt_error *err);

/* The component's place from now on: home, or the end of a way that is there. */
void tt_wiring_settle(struct tt_wiring *wiring, uint32_t component, uint32_t container);

/* The places of a container anew, as an engine that is opened now has them. -ENOMEM. */
int tt_wiring_places(struct tt_wiring *wiring, const struct tt_picture *picture, uint32_t container,
                     struct tt_error *err);

/* Whose place in an engine that runs a component came to, or (component UINT32_MAX) left. */
int tt_wiring_put(struct tt_wiring *wiring, uint32_t container, uint32_t node, uint32_t component,
                  struct tt_error *err);

/* The way that it is at the end of; NULL: it is at home. */
const struct tt_wiring_way *tt_wiring_way_of(const struct tt_wiring *wiring, uint32_t component);

/* Does this link carry anything? */
bool tt_wiring_is_used(const struct tt_wiring *wiring, uint32_t link);

/* Frames that the link of a way which carries this flow may hold. */
uint32_t spec_way_depth(const struct tt_picture_flow *flow);

/* Would its frames find room in the pool of this container? */
bool tt_wiring_has_room(const struct tt_wiring *wiring, const struct tt_picture *picture,
                        uint32_t component, uint32_t container);

#endif
