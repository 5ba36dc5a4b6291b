/* Pictures of random services: sources, chains, joins, fans, sinks, some of them at an edge. Rates,
 * queues and segments follow from spec's own rules. */
#ifndef TT_TESTS_SIM_PICTURE_H
#define TT_TESTS_SIM_PICTURE_H

#include "draw.h"
#include "spec/picture.h"

enum { PICTURE_COMPONENTS = 14, PICTURE_FLOWS = 28 };

struct picture_params {
    const struct tt_rational *rates;
    uint32_t rate_count;
    int64_t deadline_min_ns, deadline_max_ns;
    int64_t share_max_ppm; /* of a CPU, that all components together cost at most */
    bool has_edges;
    bool has_latency; /* some components give a frame only when later ones have come */
    bool has_ratio;   /* some make two frames of one, or one of two */
    bool has_bands;   /* up to three sources, whose rates have nothing to do with each other */
};

struct random_picture {
    struct tt_picture picture;
    struct tt_picture_component components[PICTURE_COMPONENTS];
    struct tt_picture_flow flows[PICTURE_FLOWS];
    struct tt_picture_segment segments[PICTURE_COMPONENTS];
};

/* Costs are declared: shape.cost_max_ns of each component. */
void picture_draw(struct draw *draw, const struct picture_params *params,
                  struct random_picture *ret);

#endif
