/* All components that this build has: one line each in table.c. */
#ifndef TT_COMPONENTS_TABLE_H
#define TT_COMPONENTS_TABLE_H

#include "tactus/component.h"

extern const struct tt_component *const tt_components[];
extern const uint32_t tt_component_count;

#endif
