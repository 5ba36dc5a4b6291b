/* tactus stop, set and logs: what is done with a service that runs, from another terminal. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/complain.h"
#include "cli/json_out.h"
#include "cli/live.h"
#include "cli/talk.h"

/* A tactusd that is started for the question would know no service. */
static int connect_to_running(struct cli *cli, struct talk *ret)
{
    if (talk_try(ret))
        return CLI_DONE;
    return cli_fail(cli, CLI_UNREACHABLE,
                    "no tactusd runs, and no service with it; tactus run starts both");
}

int live_ask(struct cli *cli, json_t *json, const char *wanted, json_t **ret)
{
    struct talk talk = {0};
    int r = connect_to_running(cli, &talk);

    if (r == CLI_DONE)
        r = talk_send(cli, &talk, json, NULL, 0);
    json_decref(json);
    while (r == CLI_DONE) {
        r = talk_next(cli, &talk, -1);
        if (r != 0)
            break;
        if (talk_is(&talk, "error")) {
            r = complain(cli, talk.event, NULL, NULL);
            break;
        }
        if (ret && talk_is(&talk, wanted)) {
            json_decref(*ret);
            *ret = json_incref(talk.event);
        }
        if (talk_is(&talk, "done")) {
            r = (int)json_int(talk.event, "exit");
            break;
        }
    }
    talk_close(&talk);
    return r;
}

int cli_stop(struct cli *cli, const struct args *args)
{
    json_t *result;
    int r;

    if (args->word_count != 1)
        return cli_fail(cli, CLI_USAGE, "it wants the name of one service: tactus ps lists them");
    r = live_ask(cli, json_pack("{s:s,s:s}", "op", "stop", "name", args->words[0]), "", NULL);
    if (r != CLI_DONE)
        return r;
    /* Its log ends with it. */
    r = live_ask(cli, json_pack("{s:s,s:s,s:b}", "op", "logs", "name", args->words[0], "follow", 1),
                 "", NULL);
    if (r == CLI_DONE && cli->is_json) {
        result = json_pack("{s:s}", "service", args->words[0]);
        json_write(cli->out, result);
        json_decref(result);
    }
    return r;
}

static int read_index(struct cli *cli, const char *text, int64_t *ret)
{
    char *end;

    errno = 0;
    *ret = strtoll(text, &end, 10);
    if (text[0] >= '0' && text[0] <= '9' && *end == 0 && errno == 0)
        return CLI_DONE;
    return cli_fail(cli, CLI_USAGE, "--at %.40s is no index of a frame: write a number from 0 on",
                    text);
}

static void tell_set(struct cli *cli, const json_t *set)
{
    const json_t *index = json_object_get(set, "index");

    paint_safe(stderr, json_text(set, "set"));
    if (!json_is_integer(index))
        fputs(": waits for the next frame of its component, which has had none for a while\n",
              stderr);
    else
        fprintf(stderr, ": %s index %lld on\n",
                json_flag(set, "has_acted") ? "acts from" : "will act from",
                (long long)json_int(set, "index"));
}

int cli_set(struct cli *cli, const struct args *args)
{
    json_t *request, *set = NULL;
    int64_t at;
    int r = CLI_DONE;

    if (args->word_count != 2)
        return cli_fail(cli, CLI_USAGE,
                        "it wants the name of a service and one change: tactus set news "
                        "clock.size=64");
    request =
        json_pack("{s:s,s:s,s:s}", "op", "set", "name", args->words[0], "set", args->words[1]);
    if (args_has(args, OPTION_AT)) {
        r = read_index(cli, args->values[OPTION_AT], &at);
        (void)json_object_set_new(request, "at", json_integer(at));
    }
    if (r != CLI_DONE) {
        json_decref(request);
        return r;
    }
    r = live_ask(cli, request, "set", &set);
    if (r == CLI_DONE && cli->is_json)
        json_write_event(cli->out, set);
    else if (r == CLI_DONE)
        tell_set(cli, set);
    json_decref(set);
    return r;
}

static void put_line(FILE *out, const json_t *line, bool is_named)
{
    int64_t at_ns = json_int(line, "at_ns");
    time_t at = (time_t)(at_ns / 1000000000);
    struct tm local;
    char text[32] = "";

    if (localtime_r(&at, &local))
        (void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &local);
    fprintf(out, "%s.%03d  ", text, (int)(at_ns / 1000000 % 1000));
    if (!is_named) {
        paint_safe(out, json_text(line, "service"));
        fputs(": ", out);
    }
    paint_safe(out, json_text(line, "text"));
    fputc('\n', out);
}

struct logs {
    struct cli *cli;
    json_t *lines; /* with --json */
    bool is_named, is_followed;
};

/* Who follows sees each line when it is said; CLI_UNREACHABLE when nobody reads them any more. */
static int take_line(struct logs *logs, const json_t *line)
{
    if (logs->lines) {
        json_t *copy = json_copy((json_t *)line);

        (void)json_object_del(copy, "event");
        (void)json_array_append_new(logs->lines, copy);
        return CLI_DONE;
    }
    put_line(logs->is_followed ? stdout : logs->cli->out, line, logs->is_named);
    return logs->is_followed && fflush(stdout) != 0 ? CLI_UNREACHABLE : CLI_DONE;
}

static int read_lines(struct logs *logs, struct talk *talk)
{
    int r;

    for (;;) {
        r = talk_next(logs->cli, talk, -1);
        if (r != 0 && r != -ETIMEDOUT)
            return r;
        if (r == 0 && talk_is(talk, "error"))
            return complain(logs->cli, talk->event, NULL, NULL);
        if (r == 0 && talk_is(talk, "done"))
            return (int)json_int(talk->event, "exit");
        if (r == 0 && talk_is(talk, "log") && take_line(logs, talk->event) != CLI_DONE)
            return errno == EPIPE ? CLI_DONE
                                  : cli_fail(logs->cli, CLI_UNREACHABLE,
                                             "cannot write to stdout: %s", strerror(errno));
    }
}

int cli_logs(struct cli *cli, const struct args *args)
{
    struct logs logs = {
        .cli = cli, .is_named = args->word_count > 0, .is_followed = args_has(args, OPTION_FOLLOW)};
    struct talk talk = {0};
    json_t *request;
    int r;

    if (args->word_count > 1)
        return cli_fail(cli, CLI_USAGE, "it wants the name of one service, or none for all");
    if (cli->is_json && logs.is_followed)
        return cli_fail(cli, CLI_USAGE,
                        "--json is one document and --follow has no end: leave one of them out");
    r = connect_to_running(cli, &talk);
    if (r != CLI_DONE)
        return r;
    request = json_pack("{s:s,s:b}", "op", "logs", "follow", logs.is_followed);
    if (logs.is_named)
        (void)json_object_set_new(request, "name", json_string(args->words[0]));
    logs.lines = cli->is_json ? json_array() : NULL;
    r = talk_send(cli, &talk, request, NULL, 0);
    if (r == CLI_DONE)
        r = read_lines(&logs, &talk);
    if (r == CLI_DONE && logs.lines)
        json_write(cli->out, logs.lines);
    json_decref(logs.lines);
    json_decref(request);
    talk_close(&talk);
    return r;
}
