/* A service while it runs: what its run tells, and what its client, log and ledger are told of it.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "node/service_inside.h"
#include "node/set.h"

#define SECOND INT64_C(1000000000)

void service_on_note(void *ctx, const char *text)
{
    service_note(ctx, text);
}

/* The client may have been told of a promise that the kernel did not let us make. */
static void correct_plan(struct service *service)
{
    char *text = tt_plan_print(service->plan, service->picture);
    json_t *event = text != NULL ? json_loads(text, 0, NULL) : NULL;

    free(text);
    service_note(service, service->class_reason);
    if (event == NULL)
        return;
    json_object_set_new(event, "event", json_string("plan"));
    json_object_set_new(event, "class", json_string(service->class_name));
    json_object_set_new(event, "class_reason", json_string(service->class_reason));
    json_object_set_new(event, "reservation", json_null());
    json_object_set_new(event, "workers", json_array());
    json_object_set_new(event, "bound_ns", json_integer(0));
    json_object_set_new(event, "binding", json_string(""));
    service_tell(service, event);
}

static void on_live(void *ctx, uint32_t events);

static void on_go(void *ctx, int64_t epoch_ns, bool is_obtained, const char *why,
                  struct tt_report **ret_report, struct scribe **ret_scribe)
{
    struct service *service = ctx;
    const struct tt_plan *plan = service->plan;

    service->class_name = tt_class_name(is_obtained ? plan->class : TT_CLASS_BEST_EFFORT);
    service->is_promised = is_obtained && plan->class != TT_CLASS_BEST_EFFORT;
    if (is_obtained)
        (void)snprintf(service->class_reason, sizeof(service->class_reason), "%s",
                       plan->class_reason);
    else
        (void)snprintf(service->class_reason, sizeof(service->class_reason),
                       "planned as %s, but the kernel gave no reservation: %s",
                       tt_class_name(plan->class), why);
    if (!is_obtained && plan->class != TT_CLASS_BEST_EFFORT)
        correct_plan(service);
    service_ledger_begin(service, epoch_ns);
    service->report = service_report_open(service);
    *ret_report = service->report;
    *ret_scribe = service->scribe;
    service->live_timer = (struct loop_timer){.fn = on_live, .ctx = service};
    loop_set(service->node->loop, &service->live_timer, epoch_ns + SECOND);
    if (service->node->machine.tai_offset_s == 0) {
        static bool is_told; /* once for each tactusd */

        if (!is_told)
            service_note(service,
                         "the kernel knows no TAI offset: media time is UTC; an NTP or PTP "
                         "daemon sets it");
        is_told = true;
    }
}

static void say(struct service *service, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* For the log alone: what the command shows anyway. */
static void say(struct service *service, const char *format, ...)
{
    char text[PATH_MAX + TEXT_BYTES];
    va_list list;

    va_start(list, format);
    (void)vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    journal_say(service->node->journal, service->log, text);
}

static void on_set(void *ctx, const struct setting *setting)
{
    struct service *service = ctx;

    say(service, "set %s from index %lld on", setting->text, (long long)setting->index);
    set_told(service->node, service->number, setting);
}

static void tell_started(struct service *service, const struct run_first *first)
{
    if (service->is_started_told)
        return;
    service->is_started_told = true;
    say(service, "started: %s, ledger %s", service->class_name, service->ledger);
    service_tell(service,
                 json_pack("{ss ss ss sI sI sI}", "event", "started", "service",
                           service->picture->name, "ledger", service->ledger, "first_frame_ns",
                           (json_int_t)first->asked_ns, "first_frame_at_ns",
                           (json_int_t)first->at_ns, "spawned_ns", (json_int_t)first->spawned_ns));
    if (service->is_detached && service->client != NULL) {
        struct client *client = service->client;

        service->client = NULL;
        client_attach(client, NULL);
        client_done(client, 0);
    }
}

static void on_first(void *ctx, const struct run_first *first)
{
    tell_started(ctx, first);
}

static void on_live(void *ctx, uint32_t events)
{
    struct service *service = ctx;
    struct tt_report_line line = {0};
    int64_t t_ns = loop_now_ns() - run_epoch_ns(service->run);

    (void)events;
    loop_set(service->node->loop, &service->live_timer, service->live_timer.at_ns + SECOND);
    if (service->report == NULL)
        return;
    tt_report_live(service->report, &line);
    service->frames = line.frames;
    service->late = line.late;
    service->lost = line.lost;
    service->repeated = line.repeated;
    service->slack_ns = line.has_slack ? line.slack_min_ns : INT64_MAX;
    if (t_ns >= 2 * SECOND)
        tell_started(service,
                     &(struct run_first){0}); /* nothing came yet: the service runs all the same */
    service_tell(service,
                 json_pack("{ss sI so sI sI sI sI}", "event", "live", "t_ns", (json_int_t)t_ns,
                           "slack_ns",
                           line.has_slack ? json_integer(line.slack_min_ns) : json_null(), "frames",
                           (json_int_t)line.frames, "late", (json_int_t)line.late, "lost",
                           (json_int_t)line.lost, "repeated", (json_int_t)line.repeated));
    service_ledger_note_full(service);
}

static void on_end(void *ctx, bool is_ok, const char *reason)
{
    struct service *service = ctx;
    struct tt_error err = {0};
    json_t *report;
    int exit_code;

    loop_clear(service->node->loop, &service->live_timer);
    if (run_pump(service->run) == NULL || service->report == NULL) { /* it never ran */
        if (is_ok)
            service_finish(service, 0);
        else
            service_fail_text(service, -EIO, reason, 3);
        return;
    }
    tell_started(service,
                 &(struct run_first){.asked_ns = run_figures(service->run).first_frame_ns});
    /* What gives its input once has no other measurement than its runs, be they without a class. */
    if (run_is_measure(service->run) || service->is_given_once)
        service_levels_learn(service, run_pump(service->run),
                             service->picture->is_live ? PROFILE_LIVE : PROFILE_ASAP);
    report = service_ledger_close(service, reason);
    exit_code = service->is_promised && !tt_report_is_kept(service->report) ? 1 : 0;
    say(service, "ended: %s%s", reason, exit_code != 0 ? "; the promise was broken" : "");
    if (report != NULL) {
        json_object_set_new(report, "event", json_string("report"));
        service_tell(service, report);
    }
    if (is_ok) {
        service_finish(service, exit_code);
        return;
    }
    (void)tt_fail(&err, -EIO, "%s", reason);
    service_fail(service, &err, service->is_promised ? 1 : 3);
}

const struct run_ops service_live_ops = {.on_note = service_on_note,
                                         .on_go = on_go,
                                         .on_first = on_first,
                                         .on_set = on_set,
                                         .on_level = service_levels_asked,
                                         .on_end = on_end};
