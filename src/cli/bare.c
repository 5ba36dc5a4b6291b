/* tactus: where things stand, what may be promised, what to type next. */
#include <string.h>

#include "cli/cli.h"
#include "cli/json_out.h"
#include "cli/quantity.h"
#include "cli/report.h"
#include "cli/rights.h"
#include "cli/talk.h"

static void put_heading(struct cli *cli, const char *text)
{
    fprintf(cli->out, "\n%s%s%s\n", paint_on(&cli->out_paint, PAINT_BOLD), text,
            paint_off(&cli->out_paint));
}

static void put_machine(struct cli *cli, const json_t *status)
{
    int64_t limit = json_int(status, "limit_ppm");
    char partitions[64] = "";

    report_line(cli->out, "tactusd", "%s, process %lld", json_text(status, "version"),
                (long long)json_int(status, "pid"));
    if (strcmp(json_text(status, "version"), TT_VERSION) != 0)
        report_line(cli->out, "",
                    "this command is " TT_VERSION ": end that process, and the next "
                    "command starts the tactusd beside it");
    if (json_int(status, "partitions") > 0)
        (void)snprintf(partitions, sizeof(partitions), ", of which %lld are partitions",
                       (long long)json_int(status, "partitions"));
    report_line(cli->out, "machine", "%lld CPUs%s; %s of %s reserved",
                (long long)json_int(status, "cpus"), partitions,
                quantity_ppm(json_int(status, "reserved_ppm")).text, quantity_ppm(limit).text);
    if (json_int(status, "spares") > 0)
        report_line(cli->out, "waiting",
                    "%lld processes for the next service; memory of their own: %s",
                    (long long)json_int(status, "spares"),
                    quantity_bytes(json_int(status, "spares_bytes")).text);
    report_line(cli->out, "scheduling", "%s%s", json_text(status, "class"),
                strcmp(json_text(status, "class"), "deadline") == 0
                    ? ": CPU time can be reserved, so promises can be made"
                    : ": no CPU time can be reserved, so nothing can be promised");
}

static void put_services(struct cli *cli, const json_t *status)
{
    json_t *services = json_object_get(status, "services"), *service;
    size_t n;

    put_heading(cli, "services");
    if (json_array_size(services) == 0)
        fputs("  none runs\n", cli->out);
    json_array_foreach(services, n, service)
    {
        report_line(cli->out, json_text(service, "name"),
                    " %s, %s; frames %s, late %s, lost %s; ledger %s", json_text(service, "state"),
                    json_text(service, "class"), quantity_count(json_int(service, "frames")).text,
                    quantity_count(json_int(service, "late")).text,
                    quantity_count(json_int(service, "lost")).text, json_text(service, "ledger"));
    }
}

/* A command that is cut in two lines cannot be pasted: a long one starts a line of its own. */
static void put_fix(struct cli *cli, const json_t *status, const json_t *right)
{
    char fix[RIGHTS_FIX_BYTES];

    rights_fix(status, right, fix);
    fprintf(cli->out, "%*sget it: %s\n", strlen(fix) > 40 ? 4 : 29, "", fix);
}

static void put_rights(struct cli *cli, const json_t *status)
{
    json_t *rights = json_object_get(status, "rights"), *right;
    const struct paint *paint = &cli->out_paint;
    size_t n;

    put_heading(cli, "rights");
    json_array_foreach(rights, n, right)
    {
        fprintf(cli->out, "  %-16.16s %s%-9.9s%s ", json_text(right, "right"),
                paint_on(paint, rights_is_held(right) ? PAINT_GOOD : PAINT_WARN),
                json_text(right, "state"), paint_off(paint));
        paint_wrap(cli->out, json_text(right, "detail"), 29, 29);
        if (!rights_is_held(right) && json_text(right, "fix")[0])
            put_fix(cli, status, right);
    }
}

static void put_next(struct cli *cli, const json_t *status)
{
    const json_t *services = json_object_get(status, "services");
    const json_t *missing = rights_missing(status);
    char fix[RIGHTS_FIX_BYTES];

    put_heading(cli, "next");
    if (missing) {
        rights_fix(status, missing, fix);
        fprintf(cli->out, "  %s\n", fix);
    }
    if (json_array_size(services) == 0)
        fputs("  tactus run test.video ! null --for 5s\n", cli->out);
    else
        fputs("  tactus explain\n", cli->out);
    fputs("  tactus inspect\n  tactus help\n", cli->out);
}

int cli_bare(struct cli *cli, const struct args *args)
{
    struct request request = {.json = json_pack("{s:s}", "op", "status")};
    struct talk talk = {0};
    json_t *status = NULL;
    int r;

    r = talk_open(cli, &talk);
    if (r == CLI_DONE)
        r = talk_ask(cli, &talk, &request, "status", &status);
    if (r == CLI_DONE && cli->is_json) {
        json_write_event(cli->out, status);
    } else if (r == CLI_DONE) {
        put_machine(cli, status);
        put_services(cli, status);
        put_rights(cli, status);
        put_next(cli, status);
    }
    json_decref(status);
    json_decref(request.json);
    talk_close(&talk);
    return r;
}
