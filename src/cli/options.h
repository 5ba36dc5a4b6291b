/* Options and words of a command line. One list of options serves all subcommands: an option means
 * the same wherever it is accepted. */
#ifndef TT_CLI_OPTIONS_H
#define TT_CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "tactus/error.h"

enum option_id {
    OPTION_FOR,
    OPTION_DEADLINE,
    OPTION_LOSS,
    OPTION_NAME,
    OPTION_SET,
    OPTION_BEST_EFFORT,
    OPTION_PRINT,
    OPTION_DOT,
    OPTION_DETACH,
    OPTION_NO_PROFILE,
    OPTION_LEDGER,
    OPTION_REPORT,
    OPTION_QUIET,
    OPTION_SINK,
    OPTION_HEAD,
    OPTION_OUTPUT,
    OPTION_LIST,
    OPTION_FORGET,
    OPTION_ONCE,
    OPTION_AT,
    OPTION_FOLLOW,
    OPTION_KIND,
    OPTION_KEEP,
    OPTION_JSON,
    OPTION_HELP,
    OPTION_VERSION,
    OPTION_COUNT
};

#define OPTION_BIT(id) (UINT64_C(1) << (id))

/* Borrowed from argv. */
struct args {
    const char *values[OPTION_COUNT]; /* NULL: not given; "" for a switch that is */
    const char **words, **sets;
    uint32_t word_count, set_count;
};

/* Reads argv[0..argc-1], options anywhere, words in one run. -EINVAL with the token and the nearest
 * known option in err; -ENOMEM. */
int args_parse(char *const *argv, int argc, uint64_t allowed, struct args *ret,
               struct tt_error *err);
void args_fini(struct args *args);

static inline bool args_has(const struct args *args, enum option_id id)
{
    return args->values[id] != NULL;
}

const char *option_name(enum option_id id);  /* "--for" */
const char *option_value(enum option_id id); /* "T"; NULL: a switch */
const char *option_help(enum option_id id);

/* The options of a command, one a line, as --help shows them. */
void options_print(FILE *out, uint64_t allowed);

#endif
