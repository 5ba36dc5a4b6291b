/* A file that takes the place of an older one only when it is worth having. */
#ifndef TT_CLI_OUTPUT_H
#define TT_CLI_OUTPUT_H

#include <limits.h>

#include "cli/cli.h"

struct output {
    int fd;                /* -1: not open */
    const char *path;      /* borrowed; NULL: none wanted */
    char before[PATH_MAX]; /* where the older one waits; "" when there was none */
    bool is_made;          /* by us, and not kept yet */
};

/* Sets the older one aside and opens a new one under its name, by which tactusd records it; what is
 * no regular file (a FIFO, a device) is opened itself. path NULL: does nothing. */
int output_open(struct cli *cli, const char *path, struct output *ret);
/* The new one stays, the older one goes; the descriptor stays open. */
void output_keep(struct output *output);
/* Closes it; when it was not kept it goes, and the older one is back. */
void output_close(struct output *output);

#endif
