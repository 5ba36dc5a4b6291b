/* A plan and a report in words. */
#ifndef TT_CLI_REPORT_H
#define TT_CLI_REPORT_H

#include <jansson.h>
#include <stdio.h>

#include "cli/paint.h"

/* "yes: targeted; every frame within 38 ms ..." or "no: what stands against it", in a line or two.
 */
void report_verdict(FILE *file, const struct paint *paint, const json_t *plan);

/* Report of a run: promised, delivered, causes, sinks, where the ledger is. is_kept: the exit. */
void report_tell(FILE *file, const struct paint *paint, const json_t *report, const char *ledger,
                 bool is_kept);

/* One line in the form "  name        text", wrapped below 80 columns. */
void report_line(FILE *file, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "  next        COMMAND PATH REST" as a shell reads it back, in two lines when one is too short;
 * command ends in a space, rest begins with one. */
void report_next(FILE *file, const char *command, const char *path, const char *rest);

#endif
