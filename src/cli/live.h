/* What commands that speak of a running service share. */
#ifndef TT_CLI_LIVE_H
#define TT_CLI_LIVE_H

#include "cli/cli.h"

/* Asks who runs already, and waits for `done`; json is taken. *ret: the event called `wanted`, when
 * there was one; ret may be NULL. */
int live_ask(struct cli *cli, json_t *json, const char *wanted, json_t **ret);

#endif
