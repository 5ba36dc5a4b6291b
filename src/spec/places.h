/* The places of each container's engine. */
#ifndef TT_SPEC_PLACES_H
#define TT_SPEC_PLACES_H

#include "spec/wiring.h"

/* Processes and links are there. -ENOMEM. */
int spec_places(const struct tt_picture *picture, struct tt_wiring *wiring, struct tt_error *err);

#endif
