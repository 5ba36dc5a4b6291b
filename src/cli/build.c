/* tactus build: a component in C to a package for the sandbox. */
#include "build/build.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "build/jail.h"
#include "cli/cli.h"
#include "cli/json_out.h"

static const char suffix[] = ".tactus";

/* comp.c gives comp.tactus, beside where one stands. */
static char *default_output(const char *source)
{
    const char *slash = strrchr(source, '/'), *name = slash ? slash + 1 : source;
    const char *dot = strrchr(name, '.');
    size_t length = dot && dot > name ? (size_t)(dot - name) : strlen(name);
    char *ret = malloc(length + sizeof(suffix));

    if (ret) {
        memcpy(ret, name, length);
        memcpy(ret + length, suffix, sizeof(suffix));
    }
    return ret;
}

static void on_step(void *ctx, enum tt_build_step step)
{
    static const char *const words[TT_STEP_COUNT] = {
        [TT_STEP_COMPILE] = "compiling to WebAssembly",
        [TT_STEP_CHECK] = "checking each instruction",
        [TT_STEP_NATIVE] = "translating to native code",
        [TT_STEP_TRY] = "starting it, and running its init()",
        [TT_STEP_WRITE] = "writing the package",
    };
    struct cli *cli = ctx;

    if (cli->err_paint.is_tty)
        paint_live(&cli->err_paint, stderr, words[step]);
}

static void put_row(struct cli *cli, const char *head, const char *text)
{
    int used = fprintf(cli->out, "%-12s", head);

    paint_wrap(cli->out, text, (uint32_t)used, 12);
}

/* What init() was run with, or why it was not. */
static void put_init(struct cli *cli, const struct tt_build_report *report)
{
    const json_t *init = json_object_get(report->manifest, "init");
    const json_t *in = json_array_get(json_object_get(init, "in"), 0);
    char text[1024];

    if (json_object_get(init, "skipped"))
        (void)snprintf(text, sizeof(text), "started; init() not run: %.600s",
                       json_text(init, "skipped"));
    else if (json_int(in, "width") > 0)
        (void)snprintf(text, sizeof(text), "init() run for %lldx%lld %.30s, state of %lld bytes",
                       (long long)json_int(in, "width"), (long long)json_int(in, "height"),
                       json_text(in, "format"), (long long)json_int(init, "state_bytes"));
    else
        (void)snprintf(text, sizeof(text), "init() run, state of %lld bytes",
                       (long long)json_int(init, "state_bytes"));
    put_row(cli, "try", text);
}

static void put_walls(struct cli *cli, const struct tt_build_report *report)
{
    char text[256];

    (void)snprintf(text, sizeof(text), "system calls, time and memory%s%s",
                   report->walls & TT_WALL_FILES ? ", files" : "",
                   report->walls & TT_WALL_NETWORK ? ", a network namespace" : "");
    put_row(cli, "walls", text);
}

static void put_report(struct cli *cli, const struct tt_build_report *report, const char *output)
{
    const json_t *limits = json_object_get(report->manifest, "limits");
    char text[1024];

    (void)snprintf(text, sizeof(text), "%llu bytes of WebAssembly, %lld functions",
                   (unsigned long long)report->part_bytes[TT_PART_WASM],
                   (long long)json_int(limits, "functions"));
    put_row(cli, "checked", text);
    (void)snprintf(text, sizeof(text), "%.90s, %.90s, %llu bytes%s",
                   json_text(report->manifest, "translator"),
                   json_text(report->manifest, "compiler"),
                   (unsigned long long)report->part_bytes[TT_PART_NATIVE],
                   report->is_cached ? ", from the cache" : "");
    put_row(cli, "native", text);
    put_init(cli, report);
    put_walls(cli, report);
    (void)snprintf(text, sizeof(text), "%.700s, %llu bytes", output,
                   (unsigned long long)report->bytes);
    put_row(cli, "written", text);
    if (report->folder[0])
        put_row(cli, "kept", report->folder);
    fprintf(cli->out, "%-12stactus inspect %s\n", "next", output);
}

static json_t *report_json(const struct tt_build_report *report, const char *output)
{
    json_t *steps = json_object(), *walls = json_array(), *ret;
    static const struct {
        uint32_t wall;
        const char *name;
    } names[] = {{TT_WALL_FILTER, "system calls"},
                 {TT_WALL_LIMITS, "limits"},
                 {TT_WALL_FILES, "files"},
                 {TT_WALL_NETWORK, "network"}};

    for (int step = 0; step < TT_STEP_COUNT; step++)
        (void)json_object_set_new(steps, tt_build_step_words((enum tt_build_step)step),
                                  json_integer(report->step_ns[step]));
    for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++)
        if (report->walls & names[n].wall)
            (void)json_array_append_new(walls, json_string(names[n].name));
    ret = json_pack("{s:s, s:I, s:b, s:o, s:o, s:s*, s:s*, s:O}", "package", output, "bytes",
                    (json_int_t)report->bytes, "cached", report->is_cached, "step_ns", steps,
                    "walls", walls, "messages", report->says, "folder",
                    report->folder[0] ? report->folder : NULL, "manifest", report->manifest);
    return ret;
}

/* A linker says the same of each place that wants a symbol. */
static void print_once(const char *says)
{
    const char *before = NULL;
    size_t before_length = 0;

    while (*says != '\0') {
        size_t length = strcspn(says, "\n");

        if (before == NULL || length != before_length || strncmp(says, before, length) != 0) {
            char *line = strndup(says, length + (says[length] == '\n'));

            if (line != NULL)
                paint_safe(stderr, line);
            free(line);
        }
        before = says;
        before_length = length;
        says += length + (says[length] == '\n');
    }
}

/* The compiler's own words come first, as from a compiler; then what it means. */
static int fail(struct cli *cli, const struct tt_build_report *report, int r, struct tt_error *err)
{
    paint_live_end(&cli->err_paint, stderr);
    if (report->says)
        print_once(report->says);
    if (report->folder[0])
        fprintf(stderr, "kept in %s\n", report->folder);
    return cli_fail_error(
        cli, r == -ENOMEM || r == -EIO || r == -EPERM ? CLI_UNREACHABLE : CLI_USAGE, err);
}

int cli_build(struct cli *cli, const struct args *args)
{
    struct tt_build_request request = {.is_kept = args_has(args, OPTION_KEEP), .ctx = cli};
    struct tt_build_report report;
    struct tt_error err = {0};
    char *output;
    int r;

    if (args->word_count != 1)
        return cli_fail(cli, CLI_USAGE, "one source: tactus build mirror.c");
    output = args_has(args, OPTION_OUTPUT) ? strdup(args->values[OPTION_OUTPUT])
                                           : default_output(args->words[0]);
    if (!output)
        return cli_fail(cli, CLI_UNREACHABLE, "no memory to build %s", args->words[0]);
    request.source = args->words[0];
    request.output = output;
    request.step = args_has(args, OPTION_QUIET) ? NULL : on_step;
    r = tt_build(&request, &report, &err);
    if (r < 0) {
        r = fail(cli, &report, r, &err);
    } else {
        paint_live_end(&cli->err_paint, stderr);
        if (report.says && !cli->is_json)
            paint_safe(stderr, report.says);
        if (cli->is_json) {
            json_t *json = report_json(&report, output);

            json_write(cli->out, json);
            json_decref(json);
        } else if (!args_has(args, OPTION_QUIET)) {
            put_report(cli, &report, output);
        }
        r = CLI_DONE;
    }
    tt_build_report_fini(&report);
    free(output);
    return r;
}
