/* What this machine lets tactusd do, and how to let it do more. */
#ifndef TT_CLI_RIGHTS_H
#define TT_CLI_RIGHTS_H

#include <jansson.h>
#include <stdbool.h>

/* The first right that a promise needs, is missing and can be had; NULL when there is none.
 * Borrowed. */
const json_t *rights_missing(const json_t *status);
bool rights_is_held(const json_t *right);

#endif
