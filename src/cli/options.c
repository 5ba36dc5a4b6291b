/* Reading a command line against the one list of options. */
#include "cli/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/nearest.h"

struct option {
    const char *name, *value, *help; /* value NULL: a switch */
};

static const struct option options[OPTION_COUNT] = {
    [OPTION_FOR] = {"--for", "T", "end after this time: 20s, 1500ms, 10m, 1h"},
    [OPTION_DEADLINE] = {"--deadline", "T", "end to end, instead of the service's: 40ms"},
    [OPTION_LOSS] = {"--loss", "P", "share of frames that may be late or lost: 1%, 0.001"},
    [OPTION_NAME] = {"--name", "N", "name of the service"},
    [OPTION_SET] = {"--set", "COMP.PARAM=V", "one parameter, over what is written; repeatable"},
    [OPTION_BEST_EFFORT] = {"--best-effort", NULL, "promise nothing, reserve nothing"},
    [OPTION_PRINT] = {"--print", NULL, "print the service as canonical YAML, do not run it"},
    [OPTION_DOT] = {"--dot", NULL, "print the service as Graphviz, do not run it"},
    [OPTION_DETACH] = {"--detach", NULL, "leave it running when this command ends"},
    [OPTION_NO_PROFILE] = {"--no-profile", NULL, "measure no costs first"},
    [OPTION_LEDGER] = {"--ledger", "PATH", "write the ledger there"},
    [OPTION_REPORT] = {"--report", "PATH", "write the report there, as JSON"},
    [OPTION_QUIET] = {"--quiet", NULL, "say nothing but errors"},
    [OPTION_SINK] = {"--sink", "NAME", "frames of this sink: file.video"},
    [OPTION_HEAD] = {"--head", "H", "the head that the chain must end in, 64 hex digits"},
    [OPTION_OUTPUT] = {"--output", "PATH", "write it there: x.svg, x.html; of build x.tactus"},
    [OPTION_AT] = {"--at", "INDEX", "from this frame of the component on; default: the next"},
    [OPTION_FOLLOW] = {"--follow", NULL, "go on with what is said from now on"},
    [OPTION_KIND] = {"--kind", "KIND", "filter (the default), source or sink"},
    [OPTION_KEEP] = {"--keep", NULL, "leave the folder with all that comes between"},
    [OPTION_ONCE] = {"--once", NULL, "one look, and the end"},
    [OPTION_LIST] = {"--list", NULL, "list what is known, measure nothing"},
    [OPTION_FORGET] = {"--forget", "KEY", "forget what has this key, or all"},
    [OPTION_JSON] = {"--json", NULL, "data as JSON on stdout"},
    [OPTION_HELP] = {"--help", NULL, "this text; also -h"},
    [OPTION_VERSION] = {"--version", NULL, "the version; also -V"},
};

static int find(const char *word, size_t length, uint64_t allowed)
{
    for (int id = 0; id < OPTION_COUNT; id++)
        if ((allowed & OPTION_BIT(id)) && strlen(options[id].name) == length &&
            strncmp(options[id].name, word, length) == 0)
            return id;
    if (length == 2 && strncmp(word, "-h", 2) == 0 && (allowed & OPTION_BIT(OPTION_HELP)))
        return OPTION_HELP;
    if (length == 2 && strncmp(word, "-V", 2) == 0 && (allowed & OPTION_BIT(OPTION_VERSION)))
        return OPTION_VERSION;
    if (length == 2 && strncmp(word, "-o", 2) == 0 && (allowed & OPTION_BIT(OPTION_OUTPUT)))
        return OPTION_OUTPUT;
    return -1;
}

static int refuse_unknown(const char *word, size_t length, uint64_t allowed, struct tt_error *err)
{
    const char *names[OPTION_COUNT], *nearest;
    uint32_t count = 0;

    for (int id = 0; id < OPTION_COUNT; id++)
        if (allowed & OPTION_BIT(id))
            names[count++] = options[id].name + 2;
    (void)tt_format_text(err->token, sizeof(err->token), "%.*s", (int)length, word);
    /* Two dashes in common are no likeness. */
    nearest = nearest_word(err->token + strspn(err->token, "-"), names, count);
    (void)tt_format_text(err->nearest, sizeof(err->nearest), "%s%s", nearest[0] ? "--" : "",
                         nearest);
    return tt_fail(err, -EINVAL, "unknown option '%s'%s", err->token,
                   nearest[0] ? "" : "; --help lists those that there are");
}

/* Stores one option; *at is moved over a value that stands in the next word. */
static int take_option(char *const *argv, int argc, int *at, uint64_t allowed, struct args *ret,
                       struct tt_error *err)
{
    const char *word = argv[*at], *equals = strchr(word, '='), *value = equals ? equals + 1 : NULL;
    size_t length = equals ? (size_t)(equals - word) : strlen(word);
    int id = find(word, length, allowed);

    if (id < 0)
        return refuse_unknown(word, length, allowed, err);
    if (!options[id].value && value)
        return tt_fail(err, -EINVAL, "%s takes no value, and '%s' gives it one", options[id].name,
                       word);
    if (options[id].value && !value) {
        if (*at + 1 >= argc)
            return tt_fail(err, -EINVAL, "%s needs a value: %s %s", options[id].name,
                           options[id].name, options[id].value);
        value = argv[++*at];
    }
    if (id == OPTION_SET)
        ret->sets[ret->set_count++] = value;
    ret->values[id] = value ? value : "";
    return 0;
}

int args_parse(char *const *argv, int argc, uint64_t allowed, struct args *ret,
               struct tt_error *err)
{
    bool is_words_over = false, is_options_over = false;
    struct args args = {0};
    int r = 0;

    args.words = calloc((size_t)argc + 1, sizeof(*args.words));
    args.sets = calloc((size_t)argc + 1, sizeof(*args.sets));
    if (!args.words || !args.sets) {
        args_fini(&args);
        return tt_fail(err, -ENOMEM, "no memory for %d words", argc);
    }
    for (int at = 0; r == 0 && at < argc; at++) {
        const char *word = argv[at];

        if (!is_options_over && strcmp(word, "--") == 0) {
            is_options_over = true;
        } else if (!is_options_over && word[0] == '-' && word[1] != 0) {
            is_words_over = args.word_count > 0;
            r = take_option(argv, argc, &at, allowed, &args, err);
        } else if (is_words_over) {
            r = tt_fail(err, -EINVAL, "'%s' comes after an option; write all words together", word);
        } else {
            args.words[args.word_count++] = word;
        }
    }
    if (r < 0) {
        args_fini(&args);
        return r;
    }
    *ret = args;
    return 0;
}

void args_fini(struct args *args)
{
    free(args->words);
    free(args->sets);
    *args = (struct args){0};
}

const char *option_name(enum option_id id)
{
    return options[id].name;
}

const char *option_value(enum option_id id)
{
    return options[id].value;
}

const char *option_help(enum option_id id)
{
    return options[id].help;
}

void options_print(FILE *out, uint64_t allowed)
{
    char left[40];

    for (int id = 0; id < OPTION_COUNT; id++) {
        if (!(allowed & OPTION_BIT(id)))
            continue;
        (void)snprintf(left, sizeof(left), "%s%s%s", options[id].name, options[id].value ? " " : "",
                       options[id].value ? options[id].value : "");
        fprintf(out, "  %-20s %s\n", left, options[id].help);
    }
}
