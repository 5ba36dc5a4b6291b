/* tactusd's errors, shown like a compiler shows them. */
#ifndef TT_CLI_COMPLAIN_H
#define TT_CLI_COMPLAIN_H

#include <jansson.h>

#include "cli/cli.h"

/* Shows an "error" event in words, and with --json on stdout too; title and text are those of the
 * service, NULL when there is none. Returns the exit code that the event asks for. */
int complain(struct cli *cli, const json_t *event, const char *title, const char *text);

/* The two halves of it. */
int complain_words(struct cli *cli, const json_t *event, const char *title, const char *text);
void complain_json(struct cli *cli, const json_t *event);

#endif
