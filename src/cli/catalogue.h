/* All components that tactus-host has, as it prints them. */
#ifndef TT_CLI_CATALOGUE_H
#define TT_CLI_CATALOGUE_H

#include <jansson.h>

#include "cli/cli.h"

/* Runs tactus-host --catalogue; *ret is an array of components: all, or with a path the one in that
 * shared object. CLI_DONE, or CLI_UNREACHABLE, of a path CLI_USAGE, with the reason told. */
int catalogue_read(struct cli *cli, const char *path, json_t **ret);

#endif
