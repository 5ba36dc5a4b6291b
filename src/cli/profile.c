/* tactus profile: what a service's components cost here, measured on purpose; what is known of
 * costs, and forgetting it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/json_out.h"
#include "cli/profile_plot.h"
#include "cli/quantity.h"
#include "cli/report.h"
#include "cli/talk.h"
#include "spec/service.h"

enum { KEY_SHOWN = 12 };

/* Whether the terminal shows more than ASCII, as its user's environment says. */
static bool is_plain(void)
{
    const char *locale = getenv("LC_ALL");

    if (!locale || locale[0] == 0)
        locale = getenv("LC_CTYPE");
    if (!locale || locale[0] == 0)
        locale = getenv("LANG");
    return !locale || (!strcasestr(locale, "UTF-8") && !strcasestr(locale, "utf8"));
}

static void put_figures(FILE *out, const json_t *row)
{
    static const char *const members[] = {"mean_ns", "p50_ns", "p99_ns", "p99_9_ns", "max_ns"};

    for (size_t n = 0; n < sizeof(members) / sizeof(members[0]); n++)
        fprintf(out, " %9s", quantity_time(json_int(row, members[n])).text);
}

static void put_table(struct cli *cli, const char *title, const json_t *rows)
{
    const json_t *row;
    size_t n;

    if (json_array_size(rows) == 0)
        return;
    fprintf(cli->out, "%s%-17s %8s %9s %9s %9s %9s %9s%s\n", paint_on(&cli->out_paint, PAINT_BOLD),
            title, "count", "mean", "p50", "p99", "p99.9", "max", paint_off(&cli->out_paint));
    json_array_foreach(rows, n, row)
    {
        char name[17];

        (void)snprintf(name, sizeof(name), "%s", json_text(row, "name"));
        fprintf(cli->out, "  %-16s", name);
        fprintf(cli->out, " %7s", quantity_count(json_int(row, "count")).text);
        put_figures(cli->out, row);
        fputc('\n', cli->out);
    }
    fputc('\n', cli->out);
}

static void tell_profile(struct cli *cli, const json_t *profile)
{
    const json_t *components = json_object_get(profile, "components");
    const json_t *segments = json_object_get(profile, "segments"), *segment;
    int64_t least = INT64_MAX;
    size_t n;

    if (json_array_size(components) == 0) {
        fputs("nothing ran in a container: what edges do is not measured\n", cli->out);
        return;
    }
    put_table(cli, "components", components);
    put_table(cli, "segments", segments);
    fprintf(cli->out, "%sCPU time of an activation%s (time and counts by their logarithm)\n",
            paint_on(&cli->out_paint, PAINT_BOLD), paint_off(&cli->out_paint));
    profile_plot_words(cli->out, profile, is_plain());
    json_array_foreach(segments, n, segment)
    {
        int64_t known = json_int(segment, "known");

        least = known < least ? known : least;
    }
    fputc('\n', cli->out);
    if (json_array_size(segments) > 0)
        report_line(cli->out, "known",
                    "%s activations or more of each segment; a promise of 99 %% "
                    "asks for 299, of 99.9 %% for 2,995",
                    quantity_count(least).text);
    report_line(cli->out, "kept for", "%s, %s, class %s, Tactus %s", json_text(profile, "cpu"),
                json_text(profile, "kernel"), json_text(profile, "class"),
                json_text(profile, "version"));
}

static bool ends_in(const char *path, const char *suffix)
{
    size_t length = strlen(path), tail = strlen(suffix);

    return length > tail && strcasecmp(path + length - tail, suffix) == 0;
}

static int write_page(struct cli *cli, const json_t *profile, const char *path)
{
    size_t bytes = 0;
    char *text = profile_plot_page(profile, !ends_in(path, ".svg"), &bytes);
    FILE *file = text ? fopen(path, "we") : NULL;
    bool is_written;
    int saved = errno;

    if (!file) {
        free(text);
        return cli_fail(cli, CLI_UNREACHABLE, "cannot write the profile %s: %s", path,
                        text ? strerror(saved) : "no memory");
    }
    is_written = fwrite(text, 1, bytes, file) == bytes;
    is_written = fclose(file) == 0 && is_written;
    saved = errno;
    free(text);
    return is_written ? CLI_DONE
                      : cli_fail(cli, CLI_UNREACHABLE, "cannot write the profile %s: %s", path,
                                 strerror(saved));
}

static int set_time(struct cli *cli, const struct args *args, struct request *request)
{
    const char *time = args->values[OPTION_FOR];
    int64_t for_ns;

    if (!time)
        return CLI_DONE;
    if (tt_parse_duration(time, &for_ns) < 0 || for_ns < 100000000 || for_ns > 3600000000000)
        return cli_fail(cli, CLI_USAGE,
                        "--for %s is no time to measure for: write 100ms to 1h, as in 10s", time);
    (void)json_object_set_new(request->json, "for_ns", json_integer(for_ns));
    return CLI_DONE;
}

static int measure(struct cli *cli, const struct args *args)
{
    const char *output = args->values[OPTION_OUTPUT];
    struct request request;
    struct talk talk = {0};
    json_t *profile = NULL;
    int r;

    if (output && !ends_in(output, ".svg") && !ends_in(output, ".html"))
        return cli_fail(cli, CLI_USAGE,
                        "a profile is drawn as a picture or a page; name one that ends in .svg or "
                        ".html, not '%s'",
                        output);
    r = request_init(cli, args, "profile", &request);
    if (r != CLI_DONE)
        return r;
    r = set_time(cli, args, &request);
    if (r == CLI_DONE)
        r = talk_open(cli, &talk);
    if (r == CLI_DONE)
        r = talk_ask(cli, &talk, &request, "profile", &profile);
    if (r == CLI_DONE && output)
        r = write_page(cli, profile, output);
    if (r == CLI_DONE && cli->is_json)
        json_write_event(cli->out, profile);
    else if (r == CLI_DONE && !output)
        tell_profile(cli, profile);
    json_decref(profile);
    talk_close(&talk);
    request_fini(&request);
    return r;
}

static void put_used(FILE *out, int64_t used_s)
{
    time_t used = (time_t)used_s;
    struct tm local;
    char text[32] = "-";

    if (localtime_r(&used, &local))
        (void)strftime(text, sizeof(text), "%Y-%m-%d", &local);
    fprintf(out, " %10s", text);
}

static void tell_list(struct cli *cli, const json_t *answer)
{
    const json_t *rows = json_object_get(answer, "profiles"), *row;
    size_t n;

    if (json_array_size(rows) == 0) {
        fputs("no costs are known yet; every run and every tactus profile adds some\n", cli->out);
        return;
    }
    fprintf(cli->out, "%s%-12s %-15s %-9s %-4s %6s %9s %9s %10s%s\n",
            paint_on(&cli->out_paint, PAINT_BOLD), "KEY", "NAME", "OF A", "PACE", "COUNT", "P50",
            "P99", "REFINED", paint_off(&cli->out_paint));
    json_array_foreach(rows, n, row)
    {
        bool is_current = json_flag(row, "current");

        fprintf(cli->out, "%s%-*.*s ",
                paint_on(&cli->out_paint, is_current ? PAINT_PLAIN : PAINT_DIM), KEY_SHOWN,
                KEY_SHOWN, json_text(row, "key"));
        fprintf(cli->out, "%-15.15s %-9s %-4s", json_text(row, "name"),
                is_current ? json_text(row, "sort") : "(old)", json_text(row, "pace"));
        fprintf(cli->out, " %6s", quantity_count(json_int(row, "count")).text);
        fprintf(cli->out, " %9s", quantity_time(json_int(row, "p50_ns")).text);
        fprintf(cli->out, " %9s", quantity_time(json_int(row, "p99_ns")).text);
        put_used(cli->out, json_int(row, "used_s"));
        fprintf(cli->out, "%s\n", paint_off(&cli->out_paint));
    }
}

static void tell_forgot(struct cli *cli, const json_t *answer)
{
    int64_t count = json_int(answer, "count");

    fprintf(cli->out, "%s profile%s forgotten\n", quantity_count(count).text,
            count == 1 ? "" : "s");
}

/* A question without a service. */
static int ask(struct cli *cli, json_t *question, const char *wanted,
               void (*tell)(struct cli *cli, const json_t *answer))
{
    struct request request = {.json = question};
    struct talk talk = {0};
    json_t *answer = NULL;
    int r = talk_open(cli, &talk);

    if (r == CLI_DONE)
        r = talk_ask(cli, &talk, &request, wanted, &answer);
    if (r == CLI_DONE && cli->is_json)
        json_write_event(cli->out, answer);
    else if (r == CLI_DONE)
        tell(cli, answer);
    json_decref(answer);
    talk_close(&talk);
    json_decref(question);
    return r;
}

int cli_profile(struct cli *cli, const struct args *args)
{
    bool is_list = args_has(args, OPTION_LIST), is_forget = args_has(args, OPTION_FORGET);

    if (is_list && is_forget)
        return cli_fail(cli, CLI_USAGE, "--list and --forget: one at a time");
    if ((is_list || is_forget) && args->word_count > 0)
        return cli_fail(cli, CLI_USAGE, "%s takes no service; '%.80s' is one word too many",
                        is_list ? "--list" : "--forget", args->words[0]);
    if (is_list)
        return ask(cli, json_pack("{ss}", "op", "profiles"), "profiles", tell_list);
    if (is_forget)
        return ask(cli, json_pack("{ss ss}", "op", "forget", "key", args->values[OPTION_FORGET]),
                   "forgot", tell_forgot);
    return measure(cli, args);
}
