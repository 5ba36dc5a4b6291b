/* What this machine lets tactusd do, and how to let it do more. */
#ifndef TT_CLI_RIGHTS_H
#define TT_CLI_RIGHTS_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>

enum { RIGHTS_FIX_BYTES = PATH_MAX + 96 };

/* The first right that a promise needs, is missing and can be had; NULL when there is none.
 * Borrowed. */
const json_t *rights_missing(const json_t *status);
/* The command that gets a right, or words where no command alone does it: a tactusd of a user's own
 * gets the scheduling classes by a capability of its file, and must start anew to have it. */
void rights_fix(const json_t *status, const json_t *right, char ret[RIGHTS_FIX_BYTES]);
bool rights_is_held(const json_t *right);

#endif
