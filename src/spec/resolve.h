/* Which ports a flow joins when its author left them to us. */
#ifndef TT_SPEC_RESOLVE_H
#define TT_SPEC_RESOLVE_H

#include "spec/build.h"
#include "spec/kinds.h"

struct spec_end {
    uint32_t port; /* of the kind; UINT32_MAX: not decided */
    char name[TT_NAME_BYTES];
};

/* Every flow's output, from what the ports may carry: explicit names first, then the only fixed
 * output that fits (one that feeds nothing yet before one that does), then a template's. Several
 * that fit are the author's error. kinds: of each component. ret: flow_count. */
int spec_resolve_outputs(const struct tt_service *service, const struct tt_component *const *kinds,
                         struct spec_end *ret, struct tt_error *err);

/* The input of each flow into one component. media: bits of what each flow carries, one bit when it
 * is known. When it is not and several inputs could take it, that flow and the later unnamed ones
 * stay undecided (-EINVAL if is_final). */
int spec_resolve_inputs(const struct tt_service *service, const struct tt_component *const *kinds,
                        uint32_t component, const uint32_t *media, bool is_final,
                        struct spec_end *ret, struct tt_error *err);

#endif
