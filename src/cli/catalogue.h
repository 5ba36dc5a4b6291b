/* All components that tactus-host has, as it prints them.
 *
 * An array (or {"components": array}) of {"name", "help", "example", "ports", "params", ...}:
 * ports {"name", "is_output", "is_leader", "is_optional", "instances_max", "late": ["repeat", ...],
 * "accepts": [{"kind": "video", "format": "I420", "width", ...}]}, params {"name", "type": "int"
 * (choice, time, ...), "unit", "help", "initial": text or null, "min", "max", "is_live"}. */
#ifndef TT_CLI_CATALOGUE_H
#define TT_CLI_CATALOGUE_H

#include <jansson.h>

#include "cli/cli.h"

/* Runs tactus-host --catalogue; *ret is an array of components. CLI_DONE, or CLI_UNREACHABLE with
 * the reason told. */
int catalogue_read(struct cli *cli, json_t **ret);

#endif
