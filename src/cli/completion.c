/* tactus completion: what a shell needs to complete this command's words, made of the one table of
 * subcommands and the one list of options. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/json_out.h"

/* What may stand where a word is wanted, as a shell's command that lists it. JSON is indented by
 * two, so the names of a list's elements, and no deeper ones, stand behind four spaces. */
static const char lists[] =
    "_tactus_names() { sed -n 's/^    \"name\": \"\\([^\"]*\\)\".*/\\1/p'; }\n"
    "_tactus_services() { tactus ps --json 2>/dev/null | _tactus_names; }\n"
    "_tactus_kinds() { tactus inspect --json 2>/dev/null | _tactus_names; }\n";

static bool is_path(enum option_id id)
{
    return id == OPTION_LEDGER || id == OPTION_REPORT || id == OPTION_OUTPUT;
}

static void put_options(FILE *out, uint64_t options, bool with_value_only, const char *between)
{
    const char *before = "";

    for (int id = 0; id < OPTION_COUNT; id++) {
        if (!(options & OPTION_BIT(id)) || (with_value_only && !option_value((enum option_id)id)))
            continue;
        fprintf(out, "%s%s", before, option_name((enum option_id)id));
        before = between;
    }
}

static void put_commands(FILE *out)
{
    const struct cli_command *command;

    for (uint32_t n = 1; (command = cli_command_at(n)) != NULL; n++)
        fprintf(out, "%s ", command->name);
    fputs("help", out);
}

static const char *bash_words(enum cli_words words)
{
    static const char *const lines[] = {
        [CLI_WORDS_SERVICE] = "$(compgen -f -- \"$current\") $(compgen -W \"! $(_tactus_kinds)\" "
                              "-- \"$current\")",
        [CLI_WORDS_FILE] = "$(compgen -f -- \"$current\")",
        [CLI_WORDS_KIND] = "$(compgen -f -- \"$current\") $(compgen -W \"$(_tactus_kinds)\" -- "
                           "\"$current\")",
        [CLI_WORDS_RUNNING] = "$(compgen -W \"$(_tactus_services)\" -- \"$current\")",
        [CLI_WORDS_SHELL] = "$(compgen -W \"bash zsh\" -- \"$current\")",
        [CLI_WORDS_NONE] = ""};

    return lines[words];
}

static void put_bash(FILE *out)
{
    const struct cli_command *command;
    uint64_t all = 0;

    for (uint32_t n = 0; (command = cli_command_at(n)) != NULL; n++)
        all |= command->options;
    fprintf(out, "# bash completion of tactus, by `tactus completion bash`\n%s", lists);
    fputs("_tactus() {\n"
          "  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
          "  local command=${COMP_WORDS[1]} options\n"
          "  COMPREPLY=()\n"
          "  case $before in\n    ",
          out);
    for (int id = 0, count = 0; id < OPTION_COUNT; id++)
        if (is_path((enum option_id)id))
            fprintf(out, "%s%s", count++ > 0 ? "|" : "", option_name((enum option_id)id));
    fputs(") COMPREPLY=($(compgen -f -- \"$current\")); return ;;\n    ", out);
    put_options(out, all, true, "|");
    fputs(") return ;;\n  esac\n  if (( COMP_CWORD == 1 )); then\n"
          "    COMPREPLY=($(compgen -W \"",
          out);
    put_commands(out);
    fputc(' ', out);
    put_options(out, cli_command_at(0)->options, false, " ");
    fputs("\" -- \"$current\"))\n    return\n  fi\n  case $command in\n    help) "
          "COMPREPLY=($(compgen -W \"",
          out);
    put_commands(out);
    fputs("\" -- \"$current\")); return ;;\n", out);
    for (uint32_t n = 1; (command = cli_command_at(n)) != NULL; n++) {
        fprintf(out, "    %s) options=\"", command->name);
        put_options(out, command->options, false, " ");
        fprintf(out, "\"\n      [[ $current == -* ]] || COMPREPLY=(%s) ;;\n",
                bash_words(command->words));
    }
    fputs(
        "  esac\n  [[ $current != -* ]] || COMPREPLY=($(compgen -W \"$options\" -- \"$current\"))\n"
        "}\ncomplete -o filenames -F _tactus tactus\n",
        out);
}

/* In single quotes of a shell, within the brackets and colons of zsh's own notation. */
static void put_zsh_text(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\'", out);
        else if (strchr("[]:\\", *text))
            fputc('\\', out);
        fputc(*text, out);
    }
}

static const char *zsh_words(enum cli_words words)
{
    static const char *const lines[] = {
        [CLI_WORDS_SERVICE] = "'*:file or graph:{_files; compadd -- \\! $(_tactus_kinds)}'",
        [CLI_WORDS_FILE] = "'*:file:_files'",
        [CLI_WORDS_KIND] = "'1:kind:{_files; compadd -- $(_tactus_kinds)}'",
        [CLI_WORDS_RUNNING] = "'1:service:{compadd -- $(_tactus_services)}'",
        [CLI_WORDS_SHELL] = "'1:shell:(bash zsh)'",
        [CLI_WORDS_NONE] = ""};

    return lines[words];
}

static void put_zsh_command(FILE *out, const struct cli_command *command)
{
    fprintf(out, "    %s) _arguments", command->name);
    for (int id = 0; id < OPTION_COUNT; id++) {
        if (!(command->options & OPTION_BIT(id)))
            continue;
        fprintf(out, " \\\n      '%s%s[", id == OPTION_SET ? "*" : "",
                option_name((enum option_id)id));
        put_zsh_text(out, option_help((enum option_id)id));
        fputc(']', out);
        if (option_value((enum option_id)id))
            fprintf(out, ":%s:%s", option_value((enum option_id)id),
                    is_path((enum option_id)id) ? "_files" : "");
        fputc('\'', out);
    }
    if (zsh_words(command->words)[0])
        fprintf(out, " \\\n      %s", zsh_words(command->words));
    fputs(" ;;\n", out);
}

static void put_zsh(FILE *out)
{
    const struct cli_command *command;

    fprintf(out, "#compdef tactus\n# zsh completion of tactus, by `tactus completion zsh`\n%s",
            lists);
    fputs("_tactus() {\n  local -a commands\n  commands=(\n", out);
    for (uint32_t n = 1; (command = cli_command_at(n)) != NULL; n++) {
        fprintf(out, "    '%s:", command->name);
        put_zsh_text(out, command->help);
        fputs("'\n", out);
    }
    fputs("    'help:this text, or that of a command'\n  )\n  if (( CURRENT == 2 )); then\n"
          "    _describe command commands\n    compadd -- ",
          out);
    put_options(out, cli_command_at(0)->options, false, " ");
    fputs("\n    return\n  fi\n  shift words\n  (( CURRENT-- ))\n  case $words[1] in\n"
          "    help) _describe command commands ;;\n",
          out);
    for (uint32_t n = 1; (command = cli_command_at(n)) != NULL; n++)
        put_zsh_command(out, command);
    fputs("  esac\n}\nif [[ $funcstack[1] == _tactus ]]; then _tactus \"$@\"; else compdef _tactus "
          "tactus; fi\n",
          out);
}

static int put_json(struct cli *cli, const char *shell, void (*put)(FILE *out))
{
    char *script = NULL;
    size_t bytes = 0;
    FILE *file = open_memstream(&script, &bytes);
    json_t *json = NULL;

    if (file) {
        put(file);
        if (fclose(file) == 0)
            json = json_pack("{s:s,s:s}", "shell", shell, "script", script);
    }
    free(script);
    if (!json)
        return cli_fail(cli, CLI_UNREACHABLE, "no memory for the script");
    json_write(cli->out, json);
    json_decref(json);
    return CLI_DONE;
}

int cli_completion(struct cli *cli, const struct args *args)
{
    const char *shell = args->word_count == 1 ? args->words[0] : "";
    bool is_bash = strcmp(shell, "bash") == 0;

    if (!is_bash && strcmp(shell, "zsh") != 0)
        return cli_fail(cli, CLI_USAGE,
                        "it wants the name of a shell, bash or zsh: source <(tactus completion "
                        "bash)");
    if (cli->is_json)
        return put_json(cli, shell, is_bash ? put_bash : put_zsh);
    (is_bash ? put_bash : put_zsh)(cli->out);
    return CLI_DONE;
}
