/* The parts of shaping: components laid out, formats negotiated, conversions inserted. */
#ifndef TT_SPEC_SHAPE_H
#define TT_SPEC_SHAPE_H

#include "spec/kinds.h"
#include "spec/picture_build.h"
#include "spec/resolve.h"

struct shape_source { /* an output in the picture */
    uint32_t component, out;
};

/* A component that is being negotiated: it enters the picture when its formats have settled. */
struct shape_draft {
    struct tt_picture_component component;
    const struct tt_component *kind;
    const struct tt_spec_component *spec;
    struct shape_source from[TT_PORTS_MAX]; /* of each input */
    struct tt_format caps[TT_PORTS_MAX];    /* filters on the way to each input */
    uint32_t connected;                     /* a bit for each output */
    bool is_shaped;                         /* its shape is known: sources */
};

struct shaper {
    const struct tt_service *service;
    const struct tt_catalogue *catalogue;
    tt_probe_fn *probe;
    void *probe_ctx;
    struct tt_picture *picture;
    struct tt_error *err;
    const struct tt_component *kinds[TT_COMPONENTS_MAX];
    struct spec_end outputs[TT_SPEC_FLOWS_MAX], inputs[TT_SPEC_FLOWS_MAX];
    uint32_t order[TT_COMPONENTS_MAX];             /* topological */
    uint32_t place_of[TT_COMPONENTS_MAX];          /* in the picture */
    struct shape_draft *drafts[TT_COMPONENTS_MAX]; /* of sources, which are shaped first */
};

/* Negotiates a draft's inputs, shapes it, and puts it and its flows into the picture. `inserted` is
 * how many conversions led here: they are not converted for without end. */
int shape_settle(struct shaper *shaper, struct shape_draft *draft, uint32_t inserted,
                 uint32_t *ret_place);

/* Asks the component or, for sources at an edge, the probe; copies blobs into the picture. */
int shape_ask(struct shaper *shaper, struct shape_draft *draft);

/* Does each degrading level give what level 0 gives, as late? */
int shape_check_levels(struct shaper *shaper, const struct shape_draft *draft);

/* Makes an input what `need` says, fields of 0 as they are: 1 when something was inserted before
 * it, 0 when nothing had to be. */
int shape_fit(struct shaper *shaper, struct shape_draft *draft, uint32_t input,
              const struct tt_format *need, uint32_t inserted);

#endif
