/* tactus inspect: the components, or one of them with its ports, formats, parameters and an example
 * that runs as printed. */
#include <stdlib.h>
#include <string.h>

#include "cli/catalogue.h"
#include "cli/cli.h"
#include "cli/json_out.h"
#include "cli/nearest.h"
#include "cli/report.h"

enum { NAMES_MAX = 256 };

/* "video" of "video.scale"; a name without a dot is a group of its own kind. */
static size_t group_length(const char *name)
{
    return strchr(name, '.') ? strcspn(name, ".") : 0;
}

static int compare_names(const void *a, const void *b)
{
    const char *left = json_text(*(json_t *const *)a, "name");
    const char *right = json_text(*(json_t *const *)b, "name");

    return strcmp(left, right);
}

static void put_list(struct cli *cli, json_t *components)
{
    json_t *sorted[NAMES_MAX];
    size_t count = json_array_size(components);
    const char *name, *before = NULL;

    count = count < NAMES_MAX ? count : NAMES_MAX;
    for (size_t n = 0; n < count; n++)
        sorted[n] = json_array_get(components, n);
    qsort(sorted, count, sizeof(*sorted), compare_names);
    for (size_t n = 0; n < count; n++) {
        name = json_text(sorted[n], "name");
        if (!before || group_length(name) != group_length(before) ||
            strncmp(name, before, group_length(name)) != 0)
            fprintf(cli->out, "%s%s%.*s%s\n", n > 0 ? "\n" : "",
                    paint_on(&cli->out_paint, PAINT_BOLD),
                    (int)(group_length(name) ? group_length(name) : 5),
                    group_length(name) ? name : "plain", paint_off(&cli->out_paint));
        fprintf(cli->out, "  %-18s", name);
        paint_wrap(cli->out, json_text(sorted[n], "help"), 20, 20);
        before = name;
    }
    fputs("\ntactus inspect KIND shows its ports and parameters.\n", cli->out);
}

/* The gst spelling and FFmpeg's. */
static const char *const spellings[][2] = {
    {"I420", "yuv420p"}, {"NV12", "nv12"}, {"RGBA", "rgba"}, {"v210", "v210"},
    {"v210a", "v210a"},  {"F32P", "fltp"}, {"S16", "s16le"},
};

static void put_spellings(FILE *file, const char *name)
{
    fputs(name, file);
    for (size_t n = 0; n < sizeof(spellings) / sizeof(spellings[0]); n++)
        if (strcasecmp(spellings[n][0], name) == 0 && strcmp(spellings[n][1], name) != 0)
            fprintf(file, " (%s)", spellings[n][1]);
}

/* One entry of "accepts": {"kind", "format", "width", ...}, members of 0 accept anything. */
static void put_format(FILE *file, const json_t *format)
{
    static const char *const numbers[] = {"width", "height", "sample_rate", "channels"};
    const char *kind = json_text(format, "kind"), *name = json_text(format, "format");
    const char *separator = "";

    if (!name[0])
        name = json_text(format, "fourcc");
    fprintf(file, "%s%s", kind, kind[0] && name[0] ? " " : "");
    if (name[0])
        put_spellings(file, name);
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
    json_t *accepts = json_object_get(port, "accepts"), *late = json_object_get(port, "late"), *one;
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
    if (json_flag(port, "is_leader"))
        fputs("; leads the join", file);
    if (json_flag(port, "is_optional"))
        fputs("; may stay open", file);
    json_array_foreach(late, n, one)
    {
        fputs(n > 0 ? ", " : "; when late: ", file);
        fputs(json_string_value(one) ? json_string_value(one) : "", file);
    }
    if (json_int(port, "instances_max") > 1)
        fprintf(file, "; up to %lld, each with a name of your own",
                (long long)json_int(port, "instances_max"));
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
        fprintf(cli->out, "  %-3s %-14s ", json_flag(port, "is_output") ? "out" : "in",
                json_text(port, "name"));
        paint_wrap(cli->out, text ? text : "", 21, 21);
        free(text);
    }
}

/* "0 to 8192 pixels, default 1280", "bilinear, point; default point" */
static char *describe_param(const json_t *param)
{
    const char *type = json_text(param, "type"), *unit = json_text(param, "unit");
    const json_t *initial = json_object_get(param, "initial");
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
        fprintf(file, " %.12g to %.12g", least, most);
    if (!is_choice && unit[0])
        fprintf(file, " %s", unit);
    if (json_is_string(initial))
        fprintf(file, "; default %s",
                json_string_length(initial) ? json_string_value(initial) : "none");
    else
        fputs("; must be given", file);
    if (json_flag(param, "is_live"))
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

/* An example may be a whole command or the graph alone; it is printed so that it runs. */
static void put_example(struct cli *cli, const char *example)
{
    static const char command[] = "tactus run ";

    fprintf(cli->out, "  %s%s\n", strncmp(example, "tactus ", 7) == 0 ? "" : command, example);
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

int cli_inspect(struct cli *cli, const struct args *args)
{
    json_t *components = NULL;
    int r;

    if (args->word_count > 1)
        return cli_fail(cli, CLI_USAGE, "one KIND at a time; '%s' is one too many", args->words[1]);
    r = catalogue_read(cli, &components);
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
