/* A component's description as JSON. */
#ifndef TT_SPEC_COMPONENT_JSON_H
#define TT_SPEC_COMPONENT_JSON_H

#include <jansson.h>

#include "tactus/component.h"

/* A new reference; NULL: no memory. */
json_t *tt_component_json(const struct tt_component *component);
json_t *tt_format_json(const struct tt_format *format);

#endif
