/* tactus explain: the life of one frame, hop by hop, or the five worst. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/ledger_file.h"

static bool is_number(const char *word)
{
    return word[0] != 0 && word[strspn(word, "0123456789")] == 0;
}

/* What stands for an index: the worst ones, or every one. */
enum { FRAME_WORST = -1, FRAME_ALL = -2 };

/* A single word that is a number, "worst" or "all" speaks of a frame, unless a file of that name is
 * there. */
static bool is_frame(const char *word)
{
    return (is_number(word) || strcmp(word, "worst") == 0 || strcmp(word, "all") == 0) &&
           access(word, F_OK) != 0;
}

static int read_frame(struct cli *cli, const char *word, int64_t *ret)
{
    if (!word || strcmp(word, "worst") == 0) {
        *ret = FRAME_WORST;
        return CLI_DONE;
    }
    if (strcmp(word, "all") == 0) {
        *ret = FRAME_ALL;
        return CLI_DONE;
    }
    errno = 0;
    *ret = strtoll(word, NULL, 10);
    if (!is_number(word) || errno != 0)
        return cli_fail(cli, CLI_USAGE, "'%s' is no frame; write its index, worst, or all", word);
    return CLI_DONE;
}

static int explain_one(struct cli *cli, const struct ledger_file *file, const char *sink,
                       int64_t index, struct tt_error *err)
{
    char *text = NULL;
    int r = tt_ledger_explain(file->ledger, sink, index, cli->is_json, &text, err);

    if (r < 0)
        return r;
    fputs(text, cli->out);
    if (text[0] && text[strlen(text) - 1] != '\n')
        fputc('\n', cli->out);
    free(text);
    return 0;
}

static int explain_file(struct cli *cli, const struct args *args, const char *path, int64_t index)
{
    const char *sink = args->values[OPTION_SINK];
    struct tt_error err = {0};
    struct ledger_file file;
    int r;

    r = ledger_file_open(cli, path, &file);
    if (r != CLI_DONE)
        return r;
    if (file.ledger->verdict != TT_INTACT)
        fprintf(stderr, "note: the ledger is %s: tactus prove says more\n",
                file.ledger->verdict == TT_ALTERED ? "altered" : "incomplete");
    if (!path && !cli->is_json) /* a table stays one that programs read */
        fprintf(index == FRAME_ALL ? stderr : cli->out, "%s\n", file.path);
    if (index == FRAME_ALL)
        r = tt_ledger_list(file.ledger, sink, cli->is_json, cli->out, &err);
    else
        r = explain_one(cli, &file, sink, index, &err);
    if (r < 0)
        r = cli_fail_error(cli, r == -ENOENT ? CLI_USAGE : CLI_UNREACHABLE, &err);
    ledger_file_close(&file);
    return r;
}

int cli_explain(struct cli *cli, const struct args *args)
{
    const char *path = NULL, *frame = NULL;
    int64_t index;
    int r;

    if (args->word_count > 2)
        return cli_fail(cli, CLI_USAGE, "one LEDGER and one FRAME at most; '%s' is one too many",
                        args->words[2]);
    if (args->word_count == 2) {
        path = args->words[0];
        frame = args->words[1];
    } else if (args->word_count == 1 && is_frame(args->words[0])) {
        frame = args->words[0];
    } else if (args->word_count == 1) {
        path = args->words[0];
    }
    r = read_frame(cli, frame, &index);
    return r == CLI_DONE ? explain_file(cli, args, path, index) : r;
}
