/* tactus report: what a ledger says of a run, in words, as JSON, or as one picture or page. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/json_out.h"
#include "cli/ledger_file.h"
#include "cli/quantity.h"
#include "cli/report.h"
#include "cli/report_gather.h"
#include "cli/report_page.h"
#include "cli/report_plot.h"
#include "cli/report_tables.h"

enum { PLOTS_MAX = 12 };

static const char *const verdicts[] = {
    [TT_INTACT] = "intact", [TT_INCOMPLETE] = "incomplete", [TT_ALTERED] = "altered"};

static bool ends_in(const char *path, const char *suffix)
{
    size_t length = strlen(path), tail = strlen(suffix);

    return length > tail && strcasecmp(path + length - tail, suffix) == 0;
}

static void fill_page(struct page *page, const struct gather *gather)
{
    uint32_t plots = gather->sink_count < PLOTS_MAX ? gather->sink_count : PLOTS_MAX;

    tables_words(page, gather);
    page_line(page, "h2", "%s",
              gather->is_paced ? "Slack: due time less delivery, for each frame"
                               : "Frames that were lost");
    plot_legend(page, gather);
    for (uint32_t n = 0; n < plots; n++)
        plot_sink(page, gather, n);
    if (plots < gather->sink_count)
        page_line(page, "dim", "%u more sinks have no picture here; the table has all.",
                  gather->sink_count - plots);
    tables_events(page, gather);
    tables_causes(page, gather);
    tables_sinks(page, gather);
    tables_components(page, gather);
    tables_proof(page, gather);
}

static char *draw(const struct gather *gather, bool is_html, size_t *ret_bytes)
{
    struct page page = {.is_html = is_html, .y = PAGE_MARGIN};
    char *body = NULL, *text = NULL, title[LEDGER_NAME_BYTES + 16];
    size_t body_bytes = 0;
    FILE *out;

    page.out = open_memstream(&body, &body_bytes);
    if (!page.out)
        return NULL;
    fill_page(&page, gather);
    if (fclose(page.out) != 0 || (out = open_memstream(&text, ret_bytes)) == NULL) {
        free(body);
        return NULL;
    }
    (void)snprintf(title, sizeof(title), "tactus: %.*s", LEDGER_NAME_BYTES,
                   json_text(gather->report, "service"));
    page_write(out, &page, title, body);
    free(body);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

static int write_file(const char *path, const char *text, size_t bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644), r = 0;
    ssize_t got;

    if (fd < 0)
        return -errno;
    for (size_t at = 0; r == 0 && at<bytes; at += got> 0 ? (size_t)got : 0) {
        got = write(fd, text + at, bytes - at);
        if (got < 0 && errno != EINTR)
            r = -errno;
    }
    if (close(fd) < 0 && r == 0)
        r = -errno;
    return r;
}

static int write_picture(struct cli *cli, const struct gather *gather, const char *path)
{
    size_t bytes = 0;
    char *text = draw(gather, !ends_in(path, ".svg"), &bytes);
    int r;

    if (!text)
        return cli_fail(cli, CLI_UNREACHABLE, "no memory for the picture");
    r = write_file(path, text, bytes);
    free(text);
    if (r < 0)
        return cli_fail(cli, CLI_UNREACHABLE, "cannot write the report %s: %s", path, strerror(-r));
    return CLI_DONE;
}

static void tell_components(FILE *out, const struct gather *gather)
{
    fprintf(out, "  %-17s %9s %9s %9s %9s %6s %6s %6s\n", "component", "waited99", "cost p50",
            "cost p99", "budget", "max %", "over", "blamed");
    for (uint32_t n = 0; n < gather->component_count; n++) {
        const struct gather_component *c = &gather->components[n];
        char name[20], share[16] = "-";

        (void)snprintf(name, sizeof(name), "%.17s", c->name);
        if (c->budget_ns > 0)
            (void)snprintf(share, sizeof(share), "%.0f",
                           100.0 * (double)c->cost.max_ns / (double)c->budget_ns);
        fputs("  ", out);
        paint_safe(out, name);
        fprintf(out, "%*s %9s %9s %9s %9s %6s %6llu %6llu\n", 17 - (int)strlen(name), "",
                quantity_time(tt_histogram_quantile(&c->waited, 99, 100)).text,
                quantity_time(tt_histogram_quantile(&c->cost, 50, 100)).text,
                quantity_time(tt_histogram_quantile(&c->cost, 99, 100)).text,
                c->budget_ns > 0 ? quantity_time(c->budget_ns).text : "-", share,
                (unsigned long long)c->over_budget, (unsigned long long)(c->late + c->lost));
    }
}

/* Who lost its worker to another thread: how often, and how long that took at most. */
static void tell_handoffs(FILE *out, const struct gather *gather)
{
    const char *head = "hand-offs";

    for (uint32_t n = 0; n < gather->component_count; n++) {
        const struct gather_component *c = &gather->components[n];

        if (c->handoffs == 0)
            continue;
        report_line(out, head, "%s: %s, the slowest %s after its budget; longest away %s", c->name,
                    quantity_count((int64_t)c->handoffs).text,
                    quantity_time(c->handoff_max_ns).text,
                    c->away_max_ns > 0 ? quantity_time(c->away_max_ns).text : "for good");
        head = "";
    }
}

static void tell_words(struct cli *cli, const struct gather *gather, const char *path)
{
    if (gather->ledger->verdict != TT_INTACT)
        fprintf(stderr, "note: the ledger is %s: tactus prove says more\n",
                verdicts[gather->ledger->verdict]);
    report_tell(cli->out, &cli->out_paint, gather->report, path, json_flag(gather->report, "kept"));
    tell_components(cli->out, gather);
    tell_handoffs(cli->out, gather);
    for (uint32_t n = 0; n < gather->event_count; n++)
        report_line(cli->out, n == 0 ? "happened" : "", "%s: %s",
                    quantity_time(gather->events[n].at_ns).text, gather->events[n].text);
    report_next(cli->out, "tactus report ", path, " -o report.html");
}

static json_t *component_json(const struct gather_component *c)
{
    return json_pack("{s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "name",
                     c->name, "activations", (json_int_t)c->cost.count, "waited_p50_ns",
                     (json_int_t)tt_histogram_quantile(&c->waited, 50, 100), "waited_p99_ns",
                     (json_int_t)tt_histogram_quantile(&c->waited, 99, 100), "waited_max_ns",
                     (json_int_t)c->waited.max_ns, "cost_p50_ns",
                     (json_int_t)tt_histogram_quantile(&c->cost, 50, 100), "cost_p99_ns",
                     (json_int_t)tt_histogram_quantile(&c->cost, 99, 100), "cost_max_ns",
                     (json_int_t)c->cost.max_ns, "budget_ns", (json_int_t)c->budget_ns,
                     "over_budget", (json_int_t)c->over_budget, "late", (json_int_t)c->late, "lost",
                     (json_int_t)c->lost, "handoffs", (json_int_t)c->handoffs, "handoff_max_ns",
                     (json_int_t)c->handoff_max_ns, "away_max_ns", (json_int_t)c->away_max_ns);
}

static void tell_json(struct cli *cli, const struct gather *gather)
{
    json_t *components = json_array(), *events = json_array(), *answer;

    for (uint32_t n = 0; n < gather->component_count; n++)
        (void)json_array_append_new(components, component_json(&gather->components[n]));
    for (uint32_t n = 0; n < gather->event_count; n++)
        (void)json_array_append_new(events, json_pack("{s:I,s:s}", "at_ns",
                                                      (json_int_t)gather->events[n].at_ns, "text",
                                                      gather->events[n].text));
    answer = json_pack("{s:s,s:O,s:o,s:o,s:I}", "verdict", verdicts[gather->ledger->verdict],
                       "report", gather->report, "components", components, "events", events,
                       "records_lost", (json_int_t)gather->records_lost);
    json_write(cli->out, answer);
    json_decref(answer);
}

static int tell(struct cli *cli, const struct gather *gather, const char *path, const char *output)
{
    int r = output ? write_picture(cli, gather, output) : CLI_DONE;

    if (r == CLI_DONE && cli->is_json)
        tell_json(cli, gather);
    else if (r == CLI_DONE && !output)
        tell_words(cli, gather, path);
    return r;
}

int cli_report(struct cli *cli, const struct args *args)
{
    const char *output = args->values[OPTION_OUTPUT];
    struct tt_error err = {0};
    struct gather *gather = NULL;
    struct ledger_file file;
    int r;

    if (args->word_count > 1)
        return cli_fail(cli, CLI_USAGE, "one LEDGER at a time; '%s' is one too many",
                        args->words[1]);
    if (output && !ends_in(output, ".svg") && !ends_in(output, ".html") && !ends_in(output, ".htm"))
        return cli_fail(cli, CLI_USAGE,
                        "the report is written as a picture or a page; name one that ends in .svg "
                        "or .html, not '%s'",
                        output);
    r = ledger_file_open(cli, args->word_count > 0 ? args->words[0] : NULL, &file);
    if (r != CLI_DONE)
        return r;
    if (gather_open(file.ledger, file.path, &gather, &err) < 0)
        r = cli_fail_error(cli, CLI_UNREACHABLE, &err);
    else
        r = tell(cli, gather, file.path, output);
    gather_close(&gather);
    ledger_file_close(&file);
    return r;
}
