/* Where the other programs of Tactus stand. */
#ifndef TT_CLI_SELF_H
#define TT_CLI_SELF_H

#include <limits.h>
#include <stdbool.h>

/* Finds `program` beside this one, in the build tree's folder `part`, or in libexec. */
bool self_find(const char *program, const char *part, char ret[PATH_MAX]);

#endif
