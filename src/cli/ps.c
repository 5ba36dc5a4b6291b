/* tactus ps: the services that run here, a line each. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/json_out.h"
#include "cli/quantity.h"
#include "cli/talk.h"

/* The time of a day, or for what began on another one its date. */
static void put_since(FILE *out, int64_t since_ns)
{
    time_t since = (time_t)(since_ns / 1000000000), now = time(NULL);
    struct tm then, today;
    char text[32] = "-";

    if (since > 0 && localtime_r(&since, &then) && localtime_r(&now, &today))
        (void)strftime(text, sizeof(text),
                       then.tm_yday == today.tm_yday && then.tm_year == today.tm_year ? "%H:%M:%S"
                                                                                      : "%d %b",
                       &then);
    fprintf(out, "  %-8s", text);
}

static void put_table(struct cli *cli, const json_t *services)
{
    const json_t *service;
    size_t n;

    if (json_array_size(services) == 0) {
        fputs("none runs\n", cli->out);
        return;
    }
    fprintf(cli->out, "%s%-16s %-10s %-11s %5s %9s %7s %7s  %-8s  %s%s\n",
            paint_on(&cli->out_paint, PAINT_BOLD), "NAME", "STATE", "CLASS", "LEVEL", "FRAMES",
            "LATE", "LOST", "SINCE", "LEDGER", paint_off(&cli->out_paint));
    json_array_foreach(services, n, service)
    {
        const char *class = json_text(service, "class");
        char level[48] = "-";

        if (json_int(service, "levels") > 0)
            (void)snprintf(level, sizeof(level), "%lld/%lld", (long long)json_int(service, "level"),
                           (long long)json_int(service, "levels"));
        paint_safe(cli->out, json_text(service, "name"));
        fprintf(cli->out, "%*s %-10s %-11s %5s %9s %7s %7s",
                (int)(strlen(json_text(service, "name")) < 16
                          ? 16 - strlen(json_text(service, "name"))
                          : 0),
                "", json_text(service, "state"), class[0] ? class : "-", level,
                quantity_count(json_int(service, "frames")).text,
                quantity_count(json_int(service, "late")).text,
                quantity_count(json_int(service, "lost")).text);
        put_since(cli->out, json_int(service, "since_ns"));
        fputs("  ", cli->out);
        paint_safe(cli->out, json_text(service, "ledger")[0] ? json_text(service, "ledger") : "-");
        fputc('\n', cli->out);
    }
}

int cli_ps(struct cli *cli, const struct args *args)
{
    struct request request = {.json = json_pack("{s:s}", "op", "status")};
    json_t *status = NULL, *services;
    struct talk talk;
    int r = CLI_DONE;

    if (args->word_count > 0) {
        json_decref(request.json);
        return cli_fail(cli, CLI_USAGE, "it takes no words, and there is '%.60s'", args->words[0]);
    }
    /* Where no tactusd is, nothing runs: none is started to say so. */
    if (talk_try(&talk)) {
        r = talk_ask(cli, &talk, &request, "status", &status);
        talk_close(&talk);
    }
    json_decref(request.json);
    services = status ? json_incref(json_object_get(status, "services")) : json_array();
    if (r == CLI_DONE && cli->is_json)
        json_write(cli->out, services);
    else if (r == CLI_DONE)
        put_table(cli, services);
    json_decref(services);
    json_decref(status);
    return r;
}
