/* tactus check: yes or no first, then the arithmetic that it follows from. */
#include <string.h>

#include "cli/cli.h"
#include "cli/json_out.h"
#include "cli/quantity.h"
#include "cli/report.h"
#include "cli/talk.h"

/* Terms in the order in which they follow from one another; those of other names come last. */
static const struct group {
    const char *name, *heading;
} groups[] = {
    {"cost", "costs of the components"},
    {"segment", "costs of the segments"},
    {"utilisation", "shares of the CPUs"},
    {"reservation", "reservation"},
    {"dbf", "demand at the binding point"},
    {"blocking", "blocking there"},
    {"eps", "wake-up"},
    {"sbf", "supply there"},
    {"tardiness", "tardiness under the workers"},
    {"path", "paths to the sinks"},
    {"structural", "structural latency"},
    {"bound", "bounds"},
    {"slack", "slack"},
    {"pool", "pools"},
};

enum { GROUP_COUNT = sizeof(groups) / sizeof(groups[0]) };

static bool is_grouped(const char *name)
{
    for (uint32_t n = 0; n < GROUP_COUNT; n++)
        if (strcmp(groups[n].name, name) == 0)
            return true;
    return false;
}

static void put_term(FILE *file, const json_t *term, const char *subject)
{
    const char *unit = json_text(term, "unit");

    fputs("  ", file);
    fprintf(file, "%-40.60s %12s  ", subject, quantity_unit(json_int(term, "value"), unit).text);
    paint_safe(file, json_text(term, "source"));
    fputc('\n', file);
}

static void put_group(struct cli *cli, const json_t *terms, const struct group *group)
{
    bool is_headed = false;
    json_t *term;
    size_t n;

    json_array_foreach(terms, n, term)
    {
        if (strcmp(json_text(term, "name"), group->name) != 0)
            continue;
        if (!is_headed)
            fprintf(cli->out, "\n%s%s%s\n", paint_on(&cli->out_paint, PAINT_BOLD), group->heading,
                    paint_off(&cli->out_paint));
        is_headed = true;
        put_term(cli->out, term, json_text(term, "subject"));
    }
}

static void put_others(struct cli *cli, const json_t *terms)
{
    char subject[64];
    bool is_headed = false;
    json_t *term;
    size_t n;

    json_array_foreach(terms, n, term)
    {
        if (is_grouped(json_text(term, "name")))
            continue;
        if (!is_headed)
            fprintf(cli->out, "\n%sother terms%s\n", paint_on(&cli->out_paint, PAINT_BOLD),
                    paint_off(&cli->out_paint));
        is_headed = true;
        (void)snprintf(subject, sizeof(subject), "%.20s %.40s", json_text(term, "name"),
                       json_text(term, "subject"));
        put_term(cli->out, term, subject);
    }
}

static void put_reservation(struct cli *cli, const json_t *plan)
{
    const json_t *reservation = json_object_get(plan, "reservation");

    if (json_int(reservation, "budget_ns") > 0)
        report_line(cli->out, "reserves", "%s of CPU in every %s",
                    quantity_time(json_int(reservation, "budget_ns")).text,
                    quantity_time(json_int(reservation, "period_ns")).text);
    if (json_int(plan, "pool_bytes") > 0)
        report_line(cli->out, "memory", "%s for frames",
                    quantity_bytes(json_int(plan, "pool_bytes")).text);
}

static void put_sinks(struct cli *cli, const json_t *plan)
{
    const json_t *sinks = json_object_get(plan, "sinks");
    const char *name;
    char number[24];
    json_t *sink;

    for (size_t n = 0; n < json_array_size(sinks); n++) {
        sink = json_array_get(sinks, n);
        (void)snprintf(number, sizeof(number), "%zu", n);
        name = json_text(sink, "name")[0] ? json_text(sink, "name") : json_text(sink, "sink");
        report_line(cli->out, n == 0 ? "sinks" : "",
                    "%s: due %s (deadline) + %s (structural) after its origin; bound %s, slack %s",
                    name[0] ? name : number, quantity_time(json_int(sink, "deadline_ns")).text,
                    quantity_time(json_int(sink, "structural_ns")).text,
                    quantity_time(json_int(sink, "bound_ns")).text,
                    quantity_time(json_int(sink, "slack_ns")).text);
    }
}

static void show_plan(struct cli *cli, const json_t *plan)
{
    const json_t *terms = json_object_get(plan, "terms");

    report_verdict(cli->out, &cli->out_paint, plan);
    put_sinks(cli, plan);
    put_reservation(cli, plan);
    for (uint32_t n = 0; n < GROUP_COUNT; n++)
        put_group(cli, terms, &groups[n]);
    put_others(cli, terms);
}

int cli_check(struct cli *cli, const struct args *args)
{
    struct request request;
    struct talk talk = {0};
    json_t *plan = NULL;
    int r;

    r = request_init(cli, args, "check", &request);
    if (r != CLI_DONE)
        return r;
    (void)json_object_set_new(request.json, "profile",
                              json_boolean(!args_has(args, OPTION_NO_PROFILE)));
    r = talk_open(cli, &talk);
    if (r == CLI_DONE)
        r = talk_ask(cli, &talk, &request, "plan", &plan);
    if (plan && cli->is_json && r <= CLI_REFUSED)
        json_write_event(cli->out, plan);
    else if (plan && r <= CLI_REFUSED)
        show_plan(cli, plan);
    if (r == CLI_DONE && !json_flag(plan, "admitted"))
        r = CLI_REFUSED;
    json_decref(plan);
    talk_close(&talk);
    request_fini(&request);
    return r;
}
