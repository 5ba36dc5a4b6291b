/* What the subcommands of `tactus` share: where output goes, how they fail, what they are called.
 */
#ifndef TT_CLI_CLI_H
#define TT_CLI_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "cli/options.h"
#include "cli/paint.h"
#include "tactus/error.h"

enum cli_exit { CLI_DONE = 0, CLI_REFUSED = 1, CLI_USAGE = 2, CLI_UNREACHABLE = 3 };

/* One run of the program. Data goes to `out`, which main() writes to stdout at the end in one
 * piece, so that a full disk or a closed pipe is met at one place. Words go to stderr at once. */
struct cli {
    FILE *out;
    struct paint out_paint, err_paint;
    const char *command; /* "run", "" for the bare command */
    bool is_json;
};

/* What a command's words are, for those who complete them. */
enum cli_words {
    CLI_WORDS_FILE = 0,
    CLI_WORDS_NONE,
    CLI_WORDS_SERVICE, /* a file or a graph */
    CLI_WORDS_KIND,    /* of a component */
    CLI_WORDS_RUNNING, /* a service that runs */
    CLI_WORDS_SHELL
};

struct cli_command {
    const char *name, *usage, *help;
    enum cli_words words;
    uint64_t options; /* bits by enum option_id */
    const char *more; /* lines for --help after the options; may be NULL */
    int (*run)(struct cli *cli, const struct args *args);
};

/* In their order, 0 the bare command; NULL behind the last. */
const struct cli_command *cli_command_at(uint32_t place);
/* NULL when there is none of that name. */
const struct cli_command *cli_command_find(const char *name);

/* "tactus run: sentence" on stderr, and with --json {"error": ...} on stdout; return the code. */
int cli_fail(struct cli *cli, enum cli_exit code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int cli_fail_error(struct cli *cli, enum cli_exit code, const struct tt_error *err);

int cli_bare(struct cli *cli, const struct args *args);
int cli_run(struct cli *cli, const struct args *args);
int cli_check(struct cli *cli, const struct args *args);
int cli_inspect(struct cli *cli, const struct args *args);
int cli_explain(struct cli *cli, const struct args *args);
int cli_profile(struct cli *cli, const struct args *args);
int cli_prove(struct cli *cli, const struct args *args);
int cli_ps(struct cli *cli, const struct args *args);
int cli_stop(struct cli *cli, const struct args *args);
int cli_set(struct cli *cli, const struct args *args);
int cli_move(struct cli *cli, const struct args *args);
int cli_logs(struct cli *cli, const struct args *args);
int cli_completion(struct cli *cli, const struct args *args);
int cli_new(struct cli *cli, const struct args *args);
int cli_build(struct cli *cli, const struct args *args);
int cli_top(struct cli *cli, const struct args *args);
int cli_report(struct cli *cli, const struct args *args);

#endif
