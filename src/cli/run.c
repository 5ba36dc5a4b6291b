/* tactus run: a service from its first frame to its report, as a client of tactusd. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/complain.h"
#include "cli/json_out.h"
#include "cli/output.h"
#include "cli/print.h"
#include "cli/quantity.h"
#include "cli/report.h"
#include "cli/rights.h"
#include "cli/talk.h"
#include "spec/service.h"

enum { KILL_WAIT_MS = 1000 /* from the second SIGINT to the end of the connection */ };

struct run {
    struct cli *cli;
    const struct args *args;
    struct request request;
    struct talk talk;
    struct output ledger, report;
    json_t *plan, *started, *result, *failure;
    sigset_t waiting;               /* the signals that are let in while waiting */
    int64_t live_t_ns, live_frames; /* as the last live line had them */
    int stops_sent;
    bool is_quiet;
};

static volatile sig_atomic_t stops_wanted;

static void on_stop(int number)
{
    stops_wanted = stops_wanted + 1;
}

/* SIGINT and SIGTERM are let in only while the command waits for an event. */
static void catch_stops(struct run *run)
{
    struct sigaction action = {.sa_handler = on_stop};
    sigset_t blocked;

    stops_wanted = 0;
    (void)sigemptyset(&blocked);
    (void)sigaddset(&blocked, SIGINT);
    (void)sigaddset(&blocked, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &blocked, &run->waiting);
    (void)sigdelset(&run->waiting, SIGINT);
    (void)sigdelset(&run->waiting, SIGTERM);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

static void say(struct run *run, const char *text)
{
    if (run->is_quiet)
        return;
    paint_live_end(&run->cli->err_paint, stderr);
    paint_wrap(stderr, text, 0, 2);
}

/* Passes the user's wish to end on; the second one kills. */
static int pass_stops(struct run *run)
{
    json_t *stop;
    int r = CLI_DONE;

    while (r == CLI_DONE && run->stops_sent < stops_wanted && run->stops_sent < 2) {
        run->stops_sent++;
        say(run, run->stops_sent == 1 ? "ending in order; once more kills" : "killing the service");
        stop = json_pack("{s:s}", "op", "stop");
        r = talk_send(run->cli, &run->talk, stop, NULL, 0);
        json_decref(stop);
    }
    return r;
}

/* The next event. 0, or an exit code whose reason was told. */
static int next_event(struct run *run)
{
    struct timespec limit = {.tv_sec = KILL_WAIT_MS / 1000};
    struct pollfd wanted = {.fd = tt_client_fd(run->talk.client), .events = POLLIN};
    int r, ready;

    for (;;) {
        r = talk_next(run->cli, &run->talk, 0);
        if (r != -ETIMEDOUT)
            return r;
        r = pass_stops(run);
        if (r != CLI_DONE)
            return r;
        ready = stops_wanted > 2
                    ? 0
                    : ppoll(&wanted, 1, run->stops_sent >= 2 ? &limit : NULL, &run->waiting);
        if (ready == 0)
            return cli_fail(run->cli, CLI_UNREACHABLE,
                            "killed before it could report; its ledger shows what it did");
        if (ready < 0 && errno != EINTR)
            return cli_fail(run->cli, CLI_UNREACHABLE, "cannot wait for tactusd: %s",
                            strerror(errno));
    }
}

static void show_plan(struct run *run)
{
    json_decref(run->plan);
    run->plan = json_incref(run->talk.event);
    paint_live_end(&run->cli->err_paint, stderr);
    if (!run->is_quiet || !json_flag(run->plan, "admitted"))
        report_verdict(stderr, &run->cli->err_paint, run->plan);
}

/* What came since the last line, a second. */
static int64_t per_second(const struct run *run, int64_t frames, int64_t t_ns)
{
    int64_t apart_ns = t_ns - run->live_t_ns, more = frames - run->live_frames;

    if (apart_ns <= 0 || more <= 0 || more > INT64_MAX / 2000000000)
        return 0;
    return (more * 1000000000 + apart_ns / 2) / apart_ns;
}

static void show_live(struct run *run)
{
    const json_t *live = run->talk.event;
    int64_t t_ns = json_int(live, "t_ns"), frames = json_int(live, "frames");
    bool has_slack = json_is_integer(json_object_get(live, "slack_ns"));
    char text[320];

    (void)snprintf(
        text, sizeof(text), "%3lld s  slack %8s  %4s/s  late %s  lost %s  repeated %s  frames %s",
        (long long)(t_ns / 1000000000),
        has_slack ? quantity_time(json_int(live, "slack_ns")).text : "-",
        quantity_count(per_second(run, frames, t_ns)).text,
        quantity_count(json_int(live, "late")).text, quantity_count(json_int(live, "lost")).text,
        quantity_count(json_int(live, "repeated")).text, quantity_count(frames).text);
    run->live_t_ns = t_ns;
    run->live_frames = frames;
    if (!run->is_quiet)
        paint_live(&run->cli->err_paint, stderr, text);
}

/* The error that ends a run; a refusal was told with its plan already. */
static int take_failure(struct run *run)
{
    run->failure = json_incref(run->talk.event);
    if (run->plan && !json_flag(run->plan, "admitted"))
        return CLI_REFUSED;
    return complain_words(run->cli, run->failure, run->request.title, run->request.text);
}

/* One event of a run. 0 to go on, else: an exit code plus one. */
static int take_event(struct run *run)
{
    struct talk *talk = &run->talk;

    if (talk_is(talk, "live")) {
        show_live(run);
    } else if (talk_is(talk, "progress")) {
        if (!run->is_quiet)
            paint_live(&run->cli->err_paint, stderr, json_text(talk->event, "text"));
    } else if (talk_is(talk, "note")) {
        if (!run->is_quiet)
            talk_note(run->cli, json_text(talk->event, "text"));
    } else if (talk_is(talk, "plan")) {
        show_plan(run);
    } else if (talk_is(talk, "started")) {
        run->started = json_incref(talk->event);
        output_keep(&run->ledger);
        if (args_has(run->args, OPTION_DETACH))
            return 1 + CLI_DONE;
    } else if (talk_is(talk, "report")) {
        json_decref(run->result);
        run->result = json_incref(talk->event);
    } else if (talk_is(talk, "error")) {
        return 1 + take_failure(run);
    } else if (talk_is(talk, "done")) {
        return 1 + (int)json_int(talk->event, "exit");
    }
    return 0;
}

static int follow(struct run *run)
{
    int r;

    do {
        r = next_event(run);
        if (r != 0)
            return r;
        r = take_event(run);
    } while (r == 0);
    paint_live_end(&run->cli->err_paint, stderr);
    return r - 1;
}

/* Where the ledger is, as the user named it. */
static const char *ledger_path(const struct run *run)
{
    const char *path = json_text(run->result, "ledger");

    if (run->ledger.path)
        return run->ledger.path;
    return path[0] ? path : json_text(run->started, "ledger");
}

/* When nothing could be promised for want of rights, the one command that changes that. */
static void tell_rights(struct run *run)
{
    struct request request = {.json = json_pack("{s:s}", "op", "status")};
    const json_t *missing;
    char fix[RIGHTS_FIX_BYTES];
    json_t *status = NULL;
    struct talk talk;

    /* Rights are one reason of several: where another one is named they would change nothing. */
    if (!strstr(json_text(run->result, "class_reason"), "SCHED_DEADLINE") || !talk_try(&talk)) {
        json_decref(request.json);
        return;
    }
    if (talk_ask(run->cli, &talk, &request, "status", &status) == CLI_DONE) {
        missing = rights_missing(status);
        if (missing) {
            report_line(stderr, "to promise", "this is missing: %s. It is turned on by",
                        json_text(missing, "right"));
            rights_fix(status, missing, fix);
            fprintf(stderr, "    %s\n", fix);
        }
    }
    json_decref(status);
    json_decref(request.json);
    talk_close(&talk);
}

static int write_report(struct run *run)
{
    FILE *file;

    if (run->report.fd < 0)
        return CLI_DONE;
    file = fdopen(dup(run->report.fd), "w");
    if (file)
        json_write_event(file, run->result);
    if (!file || fclose(file) != 0)
        return cli_fail(run->cli, CLI_UNREACHABLE, "cannot write %s: %s", run->report.path,
                        strerror(errno));
    output_keep(&run->report);
    return CLI_DONE;
}

static int tell_detached(struct run *run)
{
    if (run->cli->is_json)
        json_write_event(run->cli->out, run->started);
    if (!run->is_quiet) {
        fputs("it runs on; tactus ps shows how it does, tactus stop ends it\n", stderr);
        report_line(stderr, "service", "%s", json_text(run->started, "service"));
        report_line(stderr, "ledger", "%s", ledger_path(run));
    }
    return CLI_DONE;
}

/* One document whatever happened: the report, else the plan that was refused, else the error. */
static void write_json(struct run *run)
{
    if (run->result)
        json_write_event(run->cli->out, run->result);
    else if (run->plan && !json_flag(run->plan, "admitted"))
        json_write_event(run->cli->out, run->plan);
    else if (run->failure)
        complain_json(run->cli, run->failure);
}

static void tell_words(struct run *run, bool is_done)
{
    const char *ledger = ledger_path(run);

    if (!run->result && run->plan && !json_flag(run->plan, "admitted"))
        report_line(stderr, "next", "tactus check, with the same words, says what would fit");
    else if (!run->result && is_done)
        fputs("ended before it had begun\n", stderr);
    if (!run->result)
        return;
    report_tell(stderr, &run->cli->err_paint, run->result, ledger, is_done);
    tell_rights(run);
    if (ledger[0])
        report_next(stderr, "tactus explain ", ledger, " worst");
}

/* Quiet or not: who reads the exit code alone must find why it is not 0. */
static void tell_broken(struct run *run)
{
    const char *ledger = ledger_path(run);

    if (!json_is_object(json_object_get(run->result, "promised")))
        return;
    fprintf(stderr, "the promise was broken: %s of %s on time",
            quantity_count(json_int(run->result, "on_time")).text,
            quantity_count(json_int(run->result, "frames")).text);
    if (ledger[0]) {
        fputs("; ledger ", stderr);
        paint_safe(stderr, ledger);
    }
    fputc('\n', stderr);
}

static int tell_end(struct run *run, int code)
{
    bool is_done =
        code == CLI_DONE; /* by tactusd's word; a report that cannot be written is ours */
    bool is_broken = code == CLI_REFUSED && run->result;

    if (run->result && run->ledger.path && !json_text(run->result, "ledger")[0])
        (void)json_object_set_new(run->result, "ledger", json_string(run->ledger.path));
    if (run->cli->is_json)
        write_json(run);
    if (run->result && write_report(run) != CLI_DONE)
        code = CLI_UNREACHABLE;
    if (!run->is_quiet)
        tell_words(run, is_done);
    else if (is_broken)
        tell_broken(run);
    return code;
}

static int add_run_options(struct run *run)
{
    json_t *json = run->request.json;
    const char *time = run->args->values[OPTION_FOR];
    int64_t for_ns;

    if (time) {
        if (tt_parse_duration(time, &for_ns) < 0 || for_ns <= 0)
            return cli_fail(run->cli, CLI_USAGE,
                            "--for %s is no time: write a number and its unit, ns, us, ms, s, m or "
                            "h, as in 20s or 1.5h",
                            time);
        (void)json_object_set_new(json, "for_ns", json_integer(for_ns));
    }
    if (args_has(run->args, OPTION_DETACH))
        (void)json_object_set_new(json, "detach", json_true());
    (void)json_object_set_new(json, "profile",
                              json_boolean(!args_has(run->args, OPTION_NO_PROFILE)));
    return CLI_DONE;
}

/* What "-" means in the service. With --json stdout belongs to the report, and a service that was
 * read from stdin has used it up. */
static void pass_descriptors(struct run *run)
{
    if (strcmp(run->args->words[0], "-") != 0)
        request_pass(&run->request, "stdin", STDIN_FILENO);
    if (!run->cli->is_json)
        request_pass(&run->request, "stdout", STDOUT_FILENO);
    if (run->ledger.fd >= 0)
        request_pass(&run->request, "ledger", run->ledger.fd);
}

static int run_service(struct run *run)
{
    int r;

    run->ledger.fd = run->report.fd = -1;
    r = request_init(run->cli, run->args, "run", &run->request);
    if (r == CLI_DONE)
        r = add_run_options(run);
    if (r == CLI_DONE)
        r = talk_open(run->cli, &run->talk);
    if (r != CLI_DONE)
        return r;
    catch_stops(run);
    r = output_open(run->cli, run->args->values[OPTION_LEDGER], &run->ledger);
    if (r == CLI_DONE)
        r = output_open(run->cli, run->args->values[OPTION_REPORT], &run->report);
    if (r != CLI_DONE)
        return r;
    pass_descriptors(run);
    r = talk_send(run->cli, &run->talk, run->request.json, run->request.fds, run->request.fd_count);
    if (r == CLI_DONE)
        r = follow(run);
    if (r == CLI_DONE && run->started && args_has(run->args, OPTION_DETACH))
        return tell_detached(run);
    return tell_end(run, r);
}

int cli_run(struct cli *cli, const struct args *args)
{
    struct run run = {.cli = cli, .args = args, .is_quiet = args_has(args, OPTION_QUIET)};
    int code;

    if (args_has(args, OPTION_PRINT) || args_has(args, OPTION_DOT))
        return print_service(cli, args);
    code = run_service(&run);
    json_decref(run.plan);
    json_decref(run.started);
    json_decref(run.result);
    json_decref(run.failure);
    output_close(&run.ledger);
    output_close(&run.report);
    talk_close(&run.talk);
    request_fini(&run.request);
    return code;
}
