/* The command `tactus`: one table of subcommands, one place where output leaves. */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/json_out.h"
#include "cli/nearest.h"

#define SERVICE_OPTIONS                                                                            \
    (OPTION_BIT(OPTION_DEADLINE) | OPTION_BIT(OPTION_LOSS) | OPTION_BIT(OPTION_NAME) |             \
     OPTION_BIT(OPTION_SET) | OPTION_BIT(OPTION_BEST_EFFORT) | OPTION_BIT(OPTION_NO_PROFILE))
#define COMMON_OPTIONS (OPTION_BIT(OPTION_JSON) | OPTION_BIT(OPTION_HELP))

static const char service_words[] =
    "FILE is a service in YAML (see tactus-service(5)), - is stdin. GRAPH is a\n"
    "one-liner; the words up to the first option are joined:\n"
    "  tactus %s test.video rate=50 ! video.scale width=640 ! null --deadline 40ms\n";

static const struct cli_command commands[] = {
    {.name = "",
     .usage = "tactus [--json]\n       tactus COMMAND [ARGUMENT...]",
     .help = "where things stand, what may be promised, what to type next",
     .options = COMMON_OPTIONS | OPTION_BIT(OPTION_VERSION),
     .run = cli_bare},
    {.name = "run",
     .usage = "tactus run FILE|GRAPH [OPTION...]",
     .help = "run a service and keep its promise",
     .options = COMMON_OPTIONS | SERVICE_OPTIONS | OPTION_BIT(OPTION_FOR) |
                OPTION_BIT(OPTION_PRINT) | OPTION_BIT(OPTION_DOT) | OPTION_BIT(OPTION_DETACH) |
                OPTION_BIT(OPTION_LEDGER) | OPTION_BIT(OPTION_REPORT) | OPTION_BIT(OPTION_QUIET),
     .words = CLI_WORDS_SERVICE,
     .more = service_words,
     .run = cli_run},
    {.name = "check",
     .usage = "tactus check FILE|GRAPH [OPTION...]",
     .help = "say yes or no, with the arithmetic, and run nothing",
     .options = COMMON_OPTIONS | SERVICE_OPTIONS,
     .words = CLI_WORDS_SERVICE,
     .more = service_words,
     .run = cli_check},
    {.name = "profile",
     .usage = "tactus profile FILE|GRAPH [OPTION...]\n       tactus profile --list | --forget KEY",
     .help = "measure what components cost here, with all CPUs busy",
     .options = COMMON_OPTIONS | OPTION_BIT(OPTION_DEADLINE) | OPTION_BIT(OPTION_LOSS) |
                OPTION_BIT(OPTION_NAME) | OPTION_BIT(OPTION_SET) | OPTION_BIT(OPTION_FOR) |
                OPTION_BIT(OPTION_OUTPUT) | OPTION_BIT(OPTION_LIST) | OPTION_BIT(OPTION_FORGET),
     .more = service_words,
     .run = cli_profile},
    {.name = "ps",
     .usage = "tactus ps [--json]",
     .help = "list the services that run here",
     .options = COMMON_OPTIONS,
     .words = CLI_WORDS_NONE,
     .run = cli_ps},
    {.name = "stop",
     .usage = "tactus stop NAME",
     .help = "end a service in order, and wait until it has ended",
     .options = COMMON_OPTIONS,
     .words = CLI_WORDS_RUNNING,
     .more = "Once more, from another terminal, kills it.\n",
     .run = cli_stop},
    {.name = "set",
     .usage = "tactus set NAME COMP.PARAM=V [--at INDEX]",
     .help = "change a parameter of a service that runs, at a frame",
     .options = COMMON_OPTIONS | OPTION_BIT(OPTION_AT),
     .words = CLI_WORDS_RUNNING,
     .more = "tactus inspect KIND tells which parameters may change while it runs. The change\n"
             "lasts as long as the service, and stands in its ledger.\n",
     .run = cli_set},
    {.name = "move",
     .usage = "tactus move NAME COMP CONTAINER",
     .help = "let a component that runs go on in another container",
     .options = COMMON_OPTIONS,
     .words = CLI_WORDS_RUNNING,
     .more = "Between two of its frames, with its state; tactus top tells where each component\n"
             "runs. CONTAINER is a name as it stands there, container.audio or audio, or a\n"
             "number; or new, where the service has spare_containers:\n"
             "  tactus move show blur audio\n",
     .run = cli_move},
    {.name = "logs",
     .usage = "tactus logs [NAME] [--follow]",
     .help = "show what a service said, or all of them, with times",
     .options = COMMON_OPTIONS | OPTION_BIT(OPTION_FOLLOW),
     .words = CLI_WORDS_RUNNING,
     .more = "tactusd remembers the last 256 lines of each service that runs, and of 64 that\n"
             "have ended.\n",
     .run = cli_logs},
    {.name = "inspect",
     .usage = "tactus inspect [KIND]",
     .help = "list the components, or one with its ports and parameters",
     .options = COMMON_OPTIONS,
     .words = CLI_WORDS_KIND,
     .run = cli_inspect},
    {.name = "explain",
     .usage = "tactus explain [LEDGER] [FRAME|worst|all] [OPTION...]",
     .help = "tell a frame's life hop by hop, and who made it late",
     .options = COMMON_OPTIONS | OPTION_BIT(OPTION_SINK),
     .more = "Without LEDGER that of the last run; without FRAME the five worst; all lists\n"
             "every frame.\n",
     .run = cli_explain},
    {.name = "top",
     .usage = "tactus top [OPTION...]",
     .help = "watch what each component does, once a second",
     .options = COMMON_OPTIONS | OPTION_BIT(OPTION_ONCE),
     .words = CLI_WORDS_NONE,
     .more = "q leaves. Without a terminal it looks once.\n",
     .run = cli_top},
    {.name = "report",
     .usage = "tactus report [LEDGER] [OPTION...]",
     .help = "tell a run as a whole: in words, or drawn",
     .options = COMMON_OPTIONS | OPTION_BIT(OPTION_OUTPUT),
     .more = "Without LEDGER that of the last run. -o is short for --output.\n",
     .run = cli_report},
    {.name = "prove",
     .usage = "tactus prove [LEDGER] [OPTION...]",
     .help = "say whether a ledger is intact, incomplete or altered",
     .options = COMMON_OPTIONS | OPTION_BIT(OPTION_HEAD),
     .more = "Without LEDGER that of the last run.\n",
     .run = cli_prove},
    {.name = "new",
     .usage = "tactus new NAME [--kind KIND]",
     .help = "write a component of your own to begin from, and its test",
     .options = COMMON_OPTIONS | OPTION_BIT(OPTION_KIND),
     .more = "Into the folder NAME, which must not be there yet. See tactus-component(7).\n",
     .words = CLI_WORDS_NONE,
     .run = cli_new},
    {.name = "build",
     .usage = "tactus build COMP.c|COMP.tactus [--output COMP.tactus] [--keep]",
     .help = "make a component that runs in the sandbox",
     .options = COMMON_OPTIONS | OPTION_BIT(OPTION_OUTPUT) | OPTION_BIT(OPTION_KEEP) |
                OPTION_BIT(OPTION_QUIET),
     .words = CLI_WORDS_FILE,
     .more = "The source is that of a plug-in: tactus-component(7), tactus-build(1). -o is\n"
             "short for --output.\n",
     .run = cli_build},
    {.name = "completion",
     .usage = "tactus completion bash|zsh",
     .help = "print what this shell needs to complete these words",
     .options = COMMON_OPTIONS,
     .words = CLI_WORDS_SHELL,
     .more = "For this session: source <(tactus completion bash). An installed tactus has it\n"
             "where shells look for it.\n",
     .run = cli_completion},
};

enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]) };

const struct cli_command *cli_command_at(uint32_t place)
{
    return place < COMMAND_COUNT ? &commands[place] : NULL;
}

const struct cli_command *cli_command_find(const char *name)
{
    for (uint32_t n = 0; n < COMMAND_COUNT; n++)
        if (strcmp(commands[n].name, name) == 0)
            return &commands[n];
    return NULL;
}

static void put_json_error(struct cli *cli, enum cli_exit code, const struct tt_error *err)
{
    json_t *inner = json_pack("{s:s*,s:i,s:s*,s:s*,s:s*}", "text", err->text, "exit", (int)code,
                              "token", err->token[0] ? err->token : NULL, "nearest",
                              err->nearest[0] ? err->nearest : NULL, "expected",
                              err->expected[0] ? err->expected : NULL);
    json_t *outer = json_pack("{s:o}", "error", inner);

    json_write(cli->out, outer);
    json_decref(outer);
}

int cli_fail_error(struct cli *cli, enum cli_exit code, const struct tt_error *err)
{
    char all[sizeof(err->text) + sizeof(err->nearest) + 32], head[32];
    int head_length;

    paint_live_end(&cli->err_paint, stderr);
    head_length =
        snprintf(head, sizeof(head), "tactus%s%s: ", cli->command[0] ? " " : "", cli->command);
    (void)snprintf(all, sizeof(all), err->nearest[0] ? "%s; did you mean '%s'?" : "%s", err->text,
                   err->nearest);
    fprintf(stderr, "%s%s%s", paint_on(&cli->err_paint, PAINT_BOLD), head,
            paint_off(&cli->err_paint));
    paint_wrap(stderr, all, (uint32_t)head_length, 2);
    if (cli->is_json)
        put_json_error(cli, code, err);
    return code;
}

int cli_fail(struct cli *cli, enum cli_exit code, const char *format, ...)
{
    struct tt_error err = {0};
    va_list list;

    va_start(list, format);
    (void)vsnprintf(err.text, sizeof(err.text), format, list);
    va_end(list);
    return cli_fail_error(cli, code, &err);
}

static void print_help(FILE *out, const struct cli_command *command)
{
    fprintf(out, "usage: %s\n\n%s%s\n\n", command->usage,
            command->name[0] ? ""
                             : "Tactus runs live media services and keeps its promise.\n"
                               "Without COMMAND: ",
            command->help);
    for (uint32_t n = 1; !command->name[0] && n < COMMAND_COUNT; n++)
        fprintf(out, "  %-20s %s\n", commands[n].name, commands[n].help);
    if (!command->name[0])
        fputs("  help [COMMAND]       this text, or that of a command\n\n", out);
    options_print(out, command->options);
    if (command->more) {
        fputc('\n', out);
        fprintf(out, command->more, command->name); /* those without a %s leave the name unused */
    }
    fputs("\nexit: 0 done, 1 refused or promise broken, 2 usage, 3 cannot reach or read\n", out);
}

static int refuse_command(struct cli *cli, const char *word)
{
    const char *names[COMMAND_COUNT];
    struct tt_error err = {0};
    size_t length = strlen(word);

    for (uint32_t n = 1; n < COMMAND_COUNT; n++)
        names[n - 1] = commands[n].name;
    names[COMMAND_COUNT - 1] = "help";
    (void)snprintf(err.nearest, sizeof(err.nearest), "%s",
                   nearest_word(word, names, COMMAND_COUNT));
    /* Who writes a service where a command belongs wants it run. */
    if (!err.nearest[0] &&
        (strchr(word, '!') || (length > 5 && !strcmp(word + length - 5, ".yaml"))))
        (void)snprintf(err.nearest, sizeof(err.nearest), "run %.50s", word);
    (void)snprintf(err.token, sizeof(err.token), "%.60s", word);
    (void)tt_fail(&err, -EINVAL, "unknown command '%s'%s", err.token,
                  err.nearest[0] ? "" : "; tactus help lists them");
    return cli_fail_error(cli, CLI_USAGE, &err);
}

static int help_on(struct cli *cli, char *const *words, int count)
{
    const struct cli_command *command = cli_command_find(count > 0 ? words[0] : "");

    if (!command)
        return refuse_command(cli, words[0]);
    print_help(cli->out, command);
    return CLI_DONE;
}

/* --json counts even when the rest of the line is wrong: who asked for JSON gets the error so. */
static bool wants_json(char *const *words, int count)
{
    for (int n = 0; n < count && strcmp(words[n], "--") != 0; n++)
        if (strcmp(words[n], "--json") == 0)
            return true;
    return false;
}

static int run_command(struct cli *cli, const struct cli_command *command, char *const *words,
                       int count)
{
    struct tt_error err = {0};
    struct args args;
    int code;

    cli->command = command->name;
    if (args_parse(words, count, command->options, &args, &err) < 0)
        return cli_fail_error(cli, CLI_USAGE, &err);
    cli->is_json = args_has(&args, OPTION_JSON);
    if (args_has(&args, OPTION_HELP)) {
        print_help(cli->out, command);
        code = CLI_DONE;
    } else if (args_has(&args, OPTION_VERSION)) {
        fputs("tactus " TT_VERSION "\n", cli->out);
        code = CLI_DONE;
    } else {
        code = command->run(cli, &args);
    }
    args_fini(&args);
    return code;
}

static int dispatch(struct cli *cli, char *const *words, int count)
{
    const struct cli_command *command;

    if (count == 0 || words[0][0] == '-')
        return run_command(cli, &commands[0], words, count);
    if (strcmp(words[0], "help") == 0)
        return help_on(cli, words + 1, count - 1);
    command = words[0][0] ? cli_command_find(words[0]) : NULL;
    if (!command)
        return refuse_command(cli, words[0]);
    return run_command(cli, command, words + 1, count - 1);
}

/* Who closed the pipe has seen enough: that is no failure. Anything else is. */
static int write_out(struct cli *cli, const char *data, size_t bytes, int code)
{
    ssize_t got;

    for (size_t at = 0; at < bytes; at += (size_t)got) {
        got = write(STDOUT_FILENO, data + at, bytes - at);
        if (got < 0 && errno == EINTR) {
            got = 0;
            continue;
        }
        if (got < 0 && errno == EPIPE)
            return code;
        if (got < 0) {
            fprintf(stderr, "tactus: cannot write to stdout: %s\n", strerror(errno));
            return CLI_UNREACHABLE;
        }
    }
    return code;
}

int main(int argc, char **argv)
{
    struct cli cli = {.command = ""};
    char *data = NULL;
    size_t bytes = 0;
    int code;

    (void)signal(SIGPIPE, SIG_IGN);
    paint_init(&cli.out_paint, STDOUT_FILENO);
    paint_init(&cli.err_paint, STDERR_FILENO);
    cli.out = open_memstream(&data, &bytes);
    if (!cli.out) {
        fputs("tactus: no memory to start\n", stderr);
        return CLI_UNREACHABLE;
    }
    cli.is_json = argc > 1 && wants_json(argv + 1, argc - 1);
    code = dispatch(&cli, argv + 1, argc > 0 ? argc - 1 : 0);
    paint_live_end(&cli.err_paint, stderr);
    if (fclose(cli.out) != 0) {
        fputs("tactus: no memory for the output\n", stderr);
        return CLI_UNREACHABLE;
    }
    code = write_out(&cli, data, bytes, code);
    free(data);
    return code;
}
