/* Which frames an input may take with it when it stays away: those that it leads. */
#ifndef TT_TESTS_SIM_VANISH_H
#define TT_TESTS_SIM_VANISH_H

#include "spec/picture.h"

/* A source at an edge that feeds a join which another input or the clock leads; -1: there is none.
 */
int32_t vanish_find(const struct tt_picture *picture);

/* Does a sink get its frames without that source, by late policies? */
bool vanish_leaves(const struct tt_picture *picture, uint32_t source, uint32_t sink);

#endif
