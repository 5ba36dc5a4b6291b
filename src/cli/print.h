/* tactus run --print and --dot: a service as it was understood, without running it. */
#ifndef TT_CLI_PRINT_H
#define TT_CLI_PRINT_H

#include "cli/cli.h"

int print_service(struct cli *cli, const struct args *args);

#endif
