/* A file that appears under its name only when it is worth having. */
#ifndef TT_CLI_OUTPUT_H
#define TT_CLI_OUTPUT_H

#include <limits.h>

#include "cli/cli.h"

struct output {
    int fd;               /* -1: not open */
    const char *path;     /* borrowed; NULL: none wanted */
    char draft[PATH_MAX]; /* where it is until it is kept; "" when it is written in place */
};

/* Opens path.part beside path (a device or FIFO is opened itself). path NULL: does nothing. */
int output_open(struct cli *cli, const char *path, struct output *ret);
/* Gives it its name; the descriptor stays open. */
int output_keep(struct cli *cli, struct output *output);
/* Closes it, and takes the draft away when it was not kept. */
void output_close(struct output *output);

#endif
