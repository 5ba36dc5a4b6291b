/* What would fit in place of a refused service, with the command that tries it. */
#ifndef TT_CLI_OFFERS_H
#define TT_CLI_OFFERS_H

#include <jansson.h>

#include "cli/cli.h"

/* args: of the command that was refused; the commands shown repeat it with the change. */
void offers_tell(struct cli *cli, const struct args *args, const json_t *plan);

#endif
