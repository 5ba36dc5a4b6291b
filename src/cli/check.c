/* tactus check: yes or no first, then the arithmetic that it follows from. */
#include <string.h>

#include "cli/cli.h"
#include "cli/json_out.h"
#include "cli/offers.h"
#include "cli/quantity.h"
#include "cli/report.h"
#include "cli/talk.h"

/* The arithmetic in the order in which one part follows from another. */
enum group { COSTS, SEGMENTS, MACHINE, WORKER, BINDING, PATHS, GROUP_COUNT };

static const char *const headings[GROUP_COUNT] = {
    [COSTS] = "costs of the components, an activation each",
    [SEGMENTS] = "segments: what one release activates",
    [MACHINE] = "machine and memory",
    [WORKER] = "the worker's reservation",
    [BINDING] = "demand and supply at the binding point",
    [PATHS] = "paths to the sinks"};

static enum group group_of(const json_t *plan, const json_t *term)
{
    const char *name = json_text(term, "name"), *subject = json_text(term, "subject");

    if (strcmp(name, "cost") == 0)
        return COSTS;
    if (strcmp(subject, "worker") == 0)
        return WORKER;
    if (strcmp(subject, "binding t") == 0 || strcmp(name, "binding t") == 0)
        return BINDING;
    if (json_object_get(json_object_get(plan, "sinks"), subject))
        return PATHS;
    if (!subject[0] || strcmp(name, "mean utilisation") == 0)
        return MACHINE;
    return SEGMENTS;
}

static void put_term(FILE *file, const json_t *term, enum group group)
{
    const char *subject = group == BINDING ? "" : json_text(term, "subject");
    bool is_unknown = strcmp(json_text(term, "source"), "unknown") == 0;

    fprintf(file, "  %-20.30s %-20.40s %12s  ", group == COSTS ? subject : json_text(term, "name"),
            group == COSTS ? "" : subject,
            is_unknown ? "?"
                       : quantity_unit(json_int(term, "value"), json_text(term, "unit")).text);
    paint_safe(file, json_text(term, "source"));
    fputc('\n', file);
}

static void put_group(struct cli *cli, const json_t *plan, enum group group)
{
    json_t *terms = json_object_get(plan, "terms"), *term;
    bool is_headed = false;
    size_t n;

    json_array_foreach(terms, n, term)
    {
        if (group_of(plan, term) != group)
            continue;
        if (!is_headed)
            fprintf(cli->out, "\n%s%s%s\n", paint_on(&cli->out_paint, PAINT_BOLD), headings[group],
                    paint_off(&cli->out_paint));
        is_headed = true;
        put_term(cli->out, term, group);
    }
}

static const char *place_of(const json_t *worker)
{
    return json_int(worker, "partition") > 0 ? ", on a partition of one CPU" : "";
}

static void put_workers(struct cli *cli, const json_t *workers)
{
    for (size_t n = 0; n < json_array_size(workers); n++) {
        const json_t *worker = json_array_get(workers, n);

        if (json_int(worker, "budget_ns") > 0)
            report_line(cli->out, n == 0 ? "reserves" : "", "%s: %s of CPU in every %s%s",
                        json_text(worker, "name"),
                        quantity_time(json_int(worker, "budget_ns")).text,
                        quantity_time(json_int(worker, "period_ns")).text, place_of(worker));
    }
}

static void put_reservation(struct cli *cli, const json_t *plan)
{
    const json_t *reservation = json_object_get(plan, "reservation");
    const json_t *workers = json_object_get(plan, "workers");

    if (json_array_size(workers) > 1)
        put_workers(cli, workers);
    else if (json_int(reservation, "budget_ns") > 0)
        report_line(cli->out, "reserves", "%s of CPU in every %s%s",
                    quantity_time(json_int(reservation, "budget_ns")).text,
                    quantity_time(json_int(reservation, "period_ns")).text,
                    place_of(json_array_get(workers, 0)));
    if (json_int(plan, "pool_bytes") > 0)
        report_line(cli->out, "memory", "%s for frames",
                    quantity_bytes(json_int(plan, "pool_bytes")).text);
}

static void put_sinks(struct cli *cli, const json_t *plan)
{
    json_t *sinks = json_object_get(plan, "sinks"), *sink;
    const char *name, *heading = "sinks";
    char shortest[96];

    json_object_foreach(sinks, name, sink)
    {
        shortest[0] = 0;
        if (json_int(sink, "bound_ns") > 0)
            (void)snprintf(shortest, sizeof(shortest), "; a deadline of %s would be admitted too",
                           quantity_time(json_int(sink, "bound_ns")).text);
        report_line(cli->out, heading, "%s: due %s (deadline) + %s (structural) after its origin%s",
                    name, quantity_time(json_int(sink, "deadline_ns")).text,
                    quantity_time(json_int(sink, "structural_ns")).text, shortest);
        heading = "";
    }
}

static void show_plan(struct cli *cli, const struct args *args, const json_t *plan)
{
    report_verdict(cli->out, &cli->out_paint, plan);
    offers_tell(cli, args, plan);
    fputs(json_array_size(json_object_get(plan, "would_fit")) > 0 ? "\n" : "", cli->out);
    put_sinks(cli, plan);
    put_reservation(cli, plan);
    for (uint32_t group = 0; group < GROUP_COUNT; group++)
        put_group(cli, plan, group);
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
        show_plan(cli, args, plan);
    if (r == CLI_DONE && !json_flag(plan, "admitted"))
        r = CLI_REFUSED;
    json_decref(plan);
    talk_close(&talk);
    request_fini(&request);
    return r;
}
