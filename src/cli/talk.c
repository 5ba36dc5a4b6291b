/* A conversation with tactusd: one request, its answers, and clear words when it breaks off. */
#include "cli/talk.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/complain.h"
#include "cli/json_out.h"
#include "cli/self.h"

int talk_open(struct cli *cli, struct talk *ret)
{
    char path[PATH_MAX];
    struct tt_client_params params = {.is_start_wanted = 1};
    struct tt_error err = {0};

    params.daemon = self_find("tactusd", "node", path) ? path : NULL;
    *ret = (struct talk){0};
    if (tt_client_open(&params, &ret->client, &err) < 0)
        return cli_fail_error(cli, CLI_UNREACHABLE, &err);
    return CLI_DONE;
}

bool talk_try(struct talk *ret)
{
    struct tt_client_params params = {0};
    struct tt_error err = {0};

    *ret = (struct talk){0};
    return tt_client_open(&params, &ret->client, &err) == 0;
}

void talk_close(struct talk *talk)
{
    json_decref(talk->event);
    talk->event = NULL;
    tt_client_close(&talk->client);
}

int talk_send(struct cli *cli, struct talk *talk, const json_t *json, const int *fds,
              uint32_t fd_count)
{
    char *line = json_dumps(json, JSON_COMPACT);
    struct tt_error err = {0};
    int r;

    if (!line)
        return cli_fail(cli, CLI_UNREACHABLE, "no memory for the request");
    r = tt_client_send(talk->client, line, fds, fd_count, &err);
    free(line);
    return r < 0 ? cli_fail_error(cli, CLI_UNREACHABLE, &err) : CLI_DONE;
}

static int tell_break(struct cli *cli, int r, const struct tt_error *err)
{
    if (r == -EPIPE)
        return cli_fail(cli, CLI_UNREACHABLE,
                        "tactusd ended before it had answered, and its services with it; what they "
                        "did until then is in their ledgers: tactus explain");
    return cli_fail_error(cli, CLI_UNREACHABLE, err);
}

int talk_next(struct cli *cli, struct talk *talk, int timeout_ms)
{
    struct tt_error err = {0};
    json_error_t fault;
    const char *line;
    int r;

    r = tt_client_next(talk->client, timeout_ms, &line, &err);
    if (r == -ETIMEDOUT || r == -EINTR)
        return -ETIMEDOUT;
    if (r < 0)
        return tell_break(cli, r, &err);
    json_decref(talk->event);
    talk->event = json_loads(line, 0, &fault);
    if (!json_is_object(talk->event))
        return cli_fail(cli, CLI_UNREACHABLE,
                        "tactusd answered something that is not an event: %.60s; are both of the "
                        "same version?",
                        line);
    return 0;
}

bool talk_is(const struct talk *talk, const char *name)
{
    return strcmp(json_text(talk->event, "event"), name) == 0;
}

static void show_progress(struct cli *cli, const char *text)
{
    if (cli->is_json && !cli->err_paint.is_tty)
        return;
    paint_live(&cli->err_paint, stderr, text);
}

bool talk_is_watch(const char *text)
{
    return strncmp(text, "watch: ", 7) == 0;
}

void talk_note(struct cli *cli, const char *text)
{
    paint_live_end(&cli->err_paint, stderr);
    if (talk_is_watch(text)) {
        paint_safe(stderr, text);
        fputc('\n', stderr);
        return;
    }
    fputs("note: ", stderr);
    paint_wrap(stderr, text, 6, 2);
}

/* Where nothing is started there is nothing to watch. */
static void show_note(struct cli *cli, const char *text)
{
    if (!talk_is_watch(text))
        talk_note(cli, text);
}

int talk_ask(struct cli *cli, struct talk *talk, const struct request *request, const char *wanted,
             json_t **ret)
{
    int r;

    *ret = NULL;
    r = talk_send(cli, talk, request->json, request->fds, request->fd_count);
    while (r == CLI_DONE) {
        r = talk_next(cli, talk, -1);
        if (r == -ETIMEDOUT) {
            r = CLI_DONE;
            continue;
        }
        if (r != 0)
            return r;
        if (talk_is(talk, "done"))
            break;
        if (talk_is(talk, "error"))
            return complain(cli, talk->event, request->title, request->text);
        if (talk_is(talk, "progress")) {
            show_progress(cli, json_text(talk->event, "text"));
        } else if (talk_is(talk, "note")) {
            show_note(cli, json_text(talk->event, "text"));
        } else if (talk_is(talk, wanted)) {
            json_decref(*ret);
            *ret = json_incref(talk->event);
        }
    }
    paint_live_end(&cli->err_paint, stderr);
    if (r == CLI_DONE && !*ret)
        return cli_fail(cli, CLI_UNREACHABLE,
                        "tactusd answered without '%s'; are both of the same version?", wanted);
    return r == CLI_DONE ? (int)json_int(talk->event, "exit") : r;
}
