/* What would fit in place of a refused service, with the command that tries it. */
#include "cli/offers.h"

#include <stdlib.h>
#include <string.h>

#include "cli/json_out.h"
#include "cli/report.h"

enum { COLUMNS = 78, INDENT = 4, SHELL_BYTES = 4096 };

/* A command that is broken into lines as a shell reads it back. */
struct command {
    FILE *file;
    uint32_t at; /* column */
};

/* As a shell reads it back: quoted when it has to be. */
static void quote(const char *word, char ret[SHELL_BYTES])
{
    size_t out = 0;

    if (word[0] != 0 && word[strcspn(word, " \t\n'\"\\$&|;<>()*?[]#~`!{}")] == 0) {
        (void)snprintf(ret, SHELL_BYTES, "%s", word);
        return;
    }
    ret[out++] = '\'';
    for (; *word != 0 && out + 6 < SHELL_BYTES; word++) {
        if (*word == '\'') {
            memcpy(ret + out, "'\\''", 4);
            out += 4;
        } else {
            ret[out++] = *word;
        }
    }
    ret[out++] = '\'';
    ret[out] = 0;
}

/* Two words that belong together stand in one line. */
static void put_words(struct command *command, const char *option, const char *word)
{
    char quoted[SHELL_BYTES];
    uint32_t columns;

    quote(word, quoted);
    columns = (uint32_t)(strlen(option) + (option[0] ? 1 : 0) + strlen(quoted));
    if (command->at > INDENT && command->at + 1 + columns + 2 > COLUMNS) {
        fprintf(command->file, " \\\n%*s", INDENT + 2, "");
        command->at = INDENT + 2;
    } else if (command->at > INDENT) {
        fputc(' ', command->file);
        command->at++;
    }
    fprintf(command->file, "%s%s", option, option[0] ? " " : "");
    paint_safe(command->file, quoted);
    command->at += columns;
}

static void put_command(struct cli *cli, const struct args *args, const json_t *sets)
{
    static const struct {
        enum option_id id;
        const char *name;
    } kept[] = {{OPTION_DEADLINE, "--deadline"}, {OPTION_LOSS, "--loss"}, {OPTION_NAME, "--name"}};
    struct command command = {.file = cli->out, .at = INDENT};
    json_t *set;
    size_t n;

    fprintf(cli->out, "%*stactus check", INDENT, "");
    command.at += (uint32_t)strlen("tactus check");
    for (uint32_t w = 0; w < args->word_count; w++)
        put_words(&command, "", args->words[w]);
    for (size_t k = 0; k < sizeof(kept) / sizeof(kept[0]); k++)
        if (args_has(args, kept[k].id))
            put_words(&command, kept[k].name, args->values[kept[k].id]);
    for (uint32_t k = 0; k < args->set_count; k++)
        put_words(&command, "--set", args->sets[k]);
    json_array_foreach(sets, n, set)
    {
        put_words(&command, "--set", json_string_value(set) ? json_string_value(set) : "");
    }
    fputc('\n', cli->out);
}

void offers_tell(struct cli *cli, const struct args *args, const json_t *plan)
{
    json_t *offers = json_object_get(plan, "would_fit"), *offer;
    bool is_scaled = false;
    size_t n;

    if (json_array_size(offers) == 0)
        return;
    fprintf(cli->out, "\n%swhat would fit%s\n", paint_on(&cli->out_paint, PAINT_BOLD),
            paint_off(&cli->out_paint));
    json_array_foreach(offers, n, offer)
    {
        bool is_measured = json_flag(offer, "measured");
        char text[512];

        (void)snprintf(text, sizeof(text), "%s%s", json_text(offer, "change"),
                       is_measured ? "" : " *");
        fputs("  ", cli->out);
        paint_wrap(cli->out, text, 2, 2);
        put_command(cli, args, json_object_get(offer, "sets"));
        is_scaled = is_scaled || !is_measured;
    }
    if (is_scaled)
        fputs("  * costs are estimated from those measured; the command measures them\n", cli->out);
}
