/* tactus inspect: the components, or one of them with its ports, formats, parameters and an example
 * that runs as printed. */
#include <stdlib.h>
#include <string.h>

#include "build/package.h"
#include "cli/catalogue.h"
#include "cli/cli.h"
#include "cli/json_out.h"
#include "cli/nearest.h"
#include "cli/report.h"
#include "spec/service.h"

enum { NAMES_MAX = 256 };

/* "video" of "video.scale"; a name without a dot is a group of its own kind. */
static size_t group_length(const char *name)
{
    return strchr(name, '.') ? strcspn(name, ".") : 0;
}

struct entry {
    const char *name, *help;
};

static int compare_entries(const void *a, const void *b)
{
    const struct entry *left = a, *right = b;

    return strcmp(left->name, right->name);
}

static void put_group(struct cli *cli, const char *name, bool is_first)
{
    size_t length = group_length(name);

    fprintf(cli->out, "%s%s%.*s%s\n", is_first ? "" : "\n", paint_on(&cli->out_paint, PAINT_BOLD),
            length ? (int)length : 5, length ? name : "plain", paint_off(&cli->out_paint));
}

static bool is_same_group(const char *a, const char *b)
{
    return group_length(a) == group_length(b) && strncmp(a, b, group_length(a)) == 0;
}

static void put_list(struct cli *cli, json_t *components)
{
    struct entry entries[NAMES_MAX];
    size_t count = json_array_size(components);

    count = count < NAMES_MAX ? count : NAMES_MAX;
    for (size_t n = 0; n < count; n++) {
        entries[n].name = json_text(json_array_get(components, n), "name");
        entries[n].help = json_text(json_array_get(components, n), "help");
    }
    qsort(entries, count, sizeof(entries[0]), compare_entries);
    for (size_t n = 0; n < count; n++) {
        if (n == 0 || !is_same_group(entries[n].name, entries[n - 1].name))
            put_group(cli, entries[n].name, n == 0);
        fprintf(cli->out, "  %-18s ", entries[n].name);
        paint_wrap(cli->out, entries[n].help, 21, 21);
    }
    fputs("\ntactus inspect KIND shows its ports and parameters.\n", cli->out);
}

/* One entry of "accepts", with its format in both spellings. */
static void put_format(FILE *file, const json_t *format)
{
    static const char *const numbers[] = {"width", "height", "sample_rate", "channels"};
    const char *kind = json_text(format, "kind"), *name = json_text(format, "format");
    const char *other = json_text(format, "ffmpeg"), *separator = "";

    fprintf(file, "%s%s%s", kind, kind[0] && name[0] ? " " : "", name);
    if (other[0] && strcmp(other, name) != 0)
        fprintf(file, " (%s)", other);
    if (json_text(format, "scan")[0])
        fprintf(file, " %s", json_text(format, "scan"));
    for (size_t n = 0; n < sizeof(numbers) / sizeof(numbers[0]); n++) {
        if (json_int(format, numbers[n]) == 0)
            continue;
        fprintf(file, "%s %s=%lld", separator, numbers[n], (long long)json_int(format, numbers[n]));
        separator = ",";
    }
}

/* A text of all that a port takes or gives; malloc'ed, NULL without memory. */
static char *describe_port(const json_t *port)
{
    json_t *accepts = json_object_get(port, "accepts"), *late = json_object_get(port, "policies"),
           *one;
    char *text = NULL;
    size_t bytes, n;
    FILE *file = open_memstream(&text, &bytes);

    if (!file)
        return NULL;
    if (json_array_size(accepts) == 0)
        fputs("anything", file);
    json_array_foreach(accepts, n, one)
    {
        fputs(n > 0 ? ", " : "", file);
        put_format(file, one);
    }
    if (json_flag(port, "leader"))
        fputs("; leads the join", file);
    if (json_flag(port, "optional"))
        fputs("; may stay open", file);
    json_array_foreach(late, n, one)
    {
        fputs(n > 0 ? ", " : "; when late: ", file);
        fputs(json_string_value(one) ? json_string_value(one) : "", file);
        fputs(n == 0 ? " (default)" : "", file);
    }
    if (json_int(port, "instances") > 1)
        fprintf(file, "; up to %lld, each with a name of your own",
                (long long)json_int(port, "instances"));
    return fclose(file) == 0 ? text : NULL;
}

static void put_ports(struct cli *cli, const json_t *component)
{
    json_t *ports = json_object_get(component, "ports"), *port;
    char *text;
    size_t n;

    json_array_foreach(ports, n, port)
    {
        text = describe_port(port);
        fprintf(cli->out, "  %-3.3s %-14s ", json_text(port, "direction"), json_text(port, "name"));
        paint_wrap(cli->out, text ? text : "", 21, 21);
        free(text);
    }
}

/* "0 to 8192 pixels, default 1280", "bilinear, point; default point" */
static char *describe_param(const json_t *param)
{
    const char *type = json_text(param, "type"), *unit = json_text(param, "unit");
    const json_t *initial = json_object_get(param, "default");
    double least = json_number(param, "min"), most = json_number(param, "max");
    bool is_choice = strcmp(type, "choice") == 0;
    char *text = NULL;
    size_t bytes;
    FILE *file = open_memstream(&text, &bytes);

    if (!file)
        return NULL;
    fputs(json_text(param, "help"), file);
    fputs(json_text(param, "help")[0] ? "; " : "", file);
    if (is_choice)
        for (const char *at = unit; *at != 0; at++)
            fputs(*at == '|' ? " | " : (char[]){*at, 0}, file);
    else
        fputs(type, file);
    if (least != 0 || most != 0)
        fprintf(file, " %.15g to %.15g", least, most);
    if (!is_choice && unit[0])
        fprintf(file, " %s", unit);
    if (json_is_string(initial))
        fprintf(file, "; default %s",
                json_string_length(initial) ? json_string_value(initial) : "none");
    else
        fputs("; must be given", file);
    if (json_flag(param, "live"))
        fputs("; may change while running", file);
    return fclose(file) == 0 ? text : NULL;
}

static void put_params(struct cli *cli, const json_t *component)
{
    json_t *params = json_object_get(component, "params"), *param;
    char *text;
    size_t n;

    json_array_foreach(params, n, param)
    {
        text = describe_param(param);
        fprintf(cli->out, "  %-18s ", json_text(param, "name"));
        paint_wrap(cli->out, text ? text : "", 21, 21);
        free(text);
    }
}

/* What else is to know: a component on an edge has a process for its I/O, and so on. */
static void put_traits(struct cli *cli, const json_t *component)
{
    static const char *const traits[][2] = {
        {"edge", "does blocking input or output, in a process of its own"},
        {"own-threads", "starts threads of its own: best effort"},
        {"separate", "takes each input by itself"},
    };
    json_t *flags = json_object_get(component, "flags"), *flag;
    size_t n;

    json_array_foreach(flags, n, flag)
    {
        for (size_t at = 0; at < sizeof(traits) / sizeof(traits[0]); at++)
            if (json_is_string(flag) && strcmp(traits[at][0], json_string_value(flag)) == 0)
                fprintf(cli->out, "  %s\n", traits[at][1]);
    }
}

/* The length of a word of a shell's line: up to a space that stands in no quotes. */
static size_t word_length(const char *at)
{
    char quote = 0;
    size_t length = 0;

    for (; at[length] != 0 && (quote || at[length] != ' '); length++) {
        if (at[length] == quote)
            quote = 0;
        else if (!quote && (at[length] == '"' || at[length] == '\''))
            quote = at[length];
    }
    return length;
}

/* An example may be a whole command or the graph alone; it is printed so that it runs, in lines
 * that a shell joins again. */
static void put_example(struct cli *cli, const char *example)
{
    size_t used = 2, length;

    fputs("  ", cli->out);
    if (strncmp(example, "tactus ", 7) != 0)
        used += (size_t)fprintf(cli->out, "tactus run ");
    for (bool is_first = true; *(example += strspn(example, " ")) != 0; is_first = false) {
        length = word_length(example);
        if (!is_first && used + length > 74) {
            fputs(" \\\n     ", cli->out);
            used = 5;
        }
        used += (size_t)fprintf(cli->out, is_first ? "%.*s" : " %.*s", (int)length, example);
        example += length;
    }
    fputc('\n', cli->out);
}

static void put_heading(struct cli *cli, const char *text)
{
    fprintf(cli->out, "\n%s%s%s\n", paint_on(&cli->out_paint, PAINT_BOLD), text,
            paint_off(&cli->out_paint));
}

static void put_component(struct cli *cli, const json_t *component)
{
    const char *name = json_text(component, "name");

    fprintf(cli->out, "%s%s%s: ", paint_on(&cli->out_paint, PAINT_BOLD), name,
            paint_off(&cli->out_paint));
    paint_wrap(cli->out, json_text(component, "help"), (uint32_t)strlen(name) + 2, 2);
    put_traits(cli, component);
    put_heading(cli, "ports");
    put_ports(cli, component);
    if (json_array_size(json_object_get(component, "params")) > 0) {
        put_heading(cli, "parameters");
        put_params(cli, component);
    }
    if (json_text(component, "example")[0]) {
        put_heading(cli, "example");
        put_example(cli, json_text(component, "example"));
    }
}

static int show_one(struct cli *cli, const json_t *components, const char *wanted)
{
    const char *names[NAMES_MAX];
    struct tt_error err = {0};
    uint32_t count = 0;
    json_t *component;
    size_t n;

    json_array_foreach(components, n, component)
    {
        if (count < NAMES_MAX)
            names[count++] = json_text(component, "name");
        if (strcmp(json_text(component, "name"), wanted) != 0)
            continue;
        if (cli->is_json)
            json_write(cli->out, component);
        else
            put_component(cli, component);
        return CLI_DONE;
    }
    (void)snprintf(err.token, sizeof(err.token), "%.60s", wanted);
    (void)snprintf(err.nearest, sizeof(err.nearest), "%s", nearest_word(wanted, names, count));
    (void)tt_fail(&err, -1, "there is no component '%s'%s", err.token,
                  err.nearest[0] ? "" : "; tactus inspect lists them");
    return cli_fail_error(cli, CLI_USAGE, &err);
}

/* A package is read and nothing of it runs: its manifest tells what was found when it was built. */
static int read_package(struct cli *cli, const char *path, json_t **ret)
{
    struct tt_package package;
    struct tt_error err = {0};
    json_t *one;

    if (tt_package_load(path, &package, &err) < 0)
        return cli_fail_error(cli, CLI_USAGE, &err);
    one = json_object_get(package.manifest, "component");
    (void)json_object_set_new(one, "name", json_string(path));
    *ret = json_pack("[O]", one);
    tt_package_fini(&package);
    return *ret ? CLI_DONE : cli_fail(cli, CLI_UNREACHABLE, "no memory for %s", path);
}

int cli_inspect(struct cli *cli, const struct args *args)
{
    json_t *components = NULL;
    bool is_path;
    int r;

    if (args->word_count > 1)
        return cli_fail(cli, CLI_USAGE, "one KIND at a time; '%s' is one too many", args->words[1]);
    is_path = args->word_count == 1 && tt_kind_is_path(args->words[0]);
    if (args->word_count == 1 && tt_package_is(args->words[0]))
        r = read_package(cli, args->words[0], &components);
    else
        r = catalogue_read(cli, is_path ? args->words[0] : NULL, &components);
    if (r != CLI_DONE)
        return r;
    if (args->word_count == 1)
        r = show_one(cli, components, args->words[0]);
    else if (cli->is_json)
        json_write(cli->out, components);
    else
        put_list(cli, components);
    json_decref(components);
    return r;
}
