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

/* A path as a shell reads it back: quoted when it has to be. At most `bytes`. */
const char *report_quote(const char *path, char *ret, size_t bytes);

#endif
