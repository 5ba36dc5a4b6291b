/* A service from the request to the report: shape, cost, plan, run. */
#include "node/service.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "node/agreement.h"
#include "node/costs.h"
#include "node/offers.h"
#include "node/profile_answer.h"
#include "node/run.h"
#include "node/set.h"
#include "node/shape.h"
#include "node/watch.h"

#define SECOND INT64_C(1000000000)

#ifndef FUSE_SUPER_MAGIC
#define FUSE_SUPER_MAGIC 0x65735546
#endif

enum { PROFILE_SECONDS = 5, TEXT_BYTES = 768, LEAVE_FREE_BYTES = 64 << 20, SERVICES_A_USER = 32 };

struct service {
    struct service *next;
    struct node *node;
    struct client *client; /* NULL: gone or detached */
    enum service_goal goal;
    uint64_t number;
    uint32_t uid, gid;
    char base[PATH_MAX];
    bool is_detached, wants_profile, is_profiled, is_given_once, is_started_told, is_full_told,
        is_promised;
    int64_t for_ns, profile_ns; /* the latter: when a measurement began */
    int stdin_fd, stdout_fd, ledger_fd;
    struct shape *shape;
    struct tt_picture *picture;
    struct plugins plugins;
    char *print;
    struct costs costs;
    struct tt_plan *plan;
    struct offers *offers;
    json_t *request; /* of a check, until it is answered */
    struct run *profile_run, *run;
    struct tt_report *report;
    struct scribe *scribe;
    struct loop_timer live_timer;
    struct journal_log *log; /* NULL: it is not known yet what it is called */
    int64_t since_ns;        /* wall time */
    char ledger[PATH_MAX], class_reason[TEXT_BYTES];
    const char *class_name;
    uint64_t frames, late, lost, repeated;
    int64_t slack_ns; /* the least of the last second; INT64_MAX: none */
};

static void drop_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

static void service_close(struct service *service)
{
    struct node *node = service->node;
    struct service **place = &node->services;

    while (*place != service)
        place = &(*place)->next;
    *place = service->next;
    if (service->client != NULL)
        client_attach(service->client, NULL);
    set_service_gone(node, service->number);
    journal_end(service->log);
    if (service->log != NULL)
        control_log_end(node, service->uid, service->picture->name);
    loop_clear(node->loop, &service->live_timer);
    shape_close(&service->shape);
    offers_close(&service->offers);
    json_decref(service->request);
    run_close(&service->profile_run);
    run_close(&service->run);
    tt_report_close(&service->report);
    scribe_close(&service->scribe);
    tt_plan_close(&service->plan);
    costs_fini(&service->costs);
    tt_picture_close(&service->picture);
    plugins_close(&service->plugins);
    free(service->print);
    drop_fd(&service->stdin_fd);
    drop_fd(&service->stdout_fd);
    drop_fd(&service->ledger_fd);
    free(service);
    node->busy_ns = loop_now_ns();
    if (node->services == NULL)
        witness_run(node->witness, false);
}

static void tell(struct service *service, json_t *event)
{
    if (service->client != NULL)
        client_event(service->client, event);
    else
        json_decref(event);
}

static void finish(struct service *service, int exit_code)
{
    if (service->client != NULL)
        client_done(service->client, exit_code);
    service_close(service);
}

static void fail(struct service *service, const struct tt_error *err, int exit_code)
{
    if (service->client != NULL)
        client_error(service->client, err, exit_code);
    service_close(service);
}

static void fail_text(struct service *service, int code, const char *text, int exit_code)
{
    struct tt_error err = {0};

    (void)tt_fail(&err, code, "%s", text);
    fail(service, &err, exit_code);
}

static void on_note(void *ctx, const char *text)
{
    struct service *service = ctx;
    json_t *string = json_string(text);

    journal_say(service->node->journal, service->log, text);
    tell(service, json_pack("{ss so}", "event", "note", "text",
                            string != NULL ? string : json_string("a note that is no UTF-8")));
}

/* A name that is new in the folder, and the file. */
static int make_ledger(struct service *service, struct tt_error *err)
{
    char stamp[32], place[64];
    time_t now = time(NULL);
    struct tm local;
    int fd;

    (void)localtime_r(&now, &local);
    (void)strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &local);
    for (uint32_t n = 0; n < 100; n++) {
        (void)snprintf(place, sizeof(place), n == 0 ? "" : "-%u", n);
        (void)snprintf(service->ledger, sizeof(service->ledger), "%s/ledgers/%s-%s%s.ledger",
                       service->node->state, service->picture->name, stamp, place);
        if (service->ledger_fd >= 0) { /* the user's own file; ours is a name for it */
            char target[PATH_MAX], link[64];
            ssize_t length;

            (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", service->ledger_fd);
            length = readlink(link, target, sizeof(target) - 1);
            if (length <= 0)
                return -errno;
            target[length] = '\0';
            if (symlink(target, service->ledger) < 0 && errno == EEXIST)
                continue;
            (void)lchown(service->ledger, service->uid, service->gid);
            (void)snprintf(service->ledger, sizeof(service->ledger), "%s", target);
            return 0;
        }
        fd = open(service->ledger, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0 && errno == EEXIST)
            continue;
        if (fd < 0)
            return tt_fail(err, -errno, "cannot make the ledger '%s': %s", service->ledger,
                           strerror(errno));
        (void)!fchown(fd, service->uid, service->gid);
        service->ledger_fd = fd;
        return 0;
    }
    return tt_fail(err, -EEXIST, "cannot find a new name for '%s'", service->ledger);
}

/* A loss that a sink has of its own, else the service's. */
static double *sink_losses(const struct tt_picture *picture)
{
    double *losses = calloc(picture->sink_count + 1, sizeof(*losses));

    for (uint32_t n = 0; losses != NULL && n < picture->component_count; n++) {
        const struct tt_picture_component *sink = &picture->components[n];
        struct tt_rational loss = sink->loss.den > 0 ? sink->loss : picture->loss;

        for (uint32_t pin = 0; sink->sink >= 0 && pin < sink->in_count; pin++)
            if ((uint32_t)sink->sink + pin < picture->sink_count && loss.den > 0)
                losses[(uint32_t)sink->sink + pin] = (double)loss.num / (double)loss.den;
    }
    return losses;
}

static struct tt_report *make_report(struct service *service)
{
    const struct tt_picture *picture = service->picture;
    double *losses = sink_losses(picture);
    const char **components = calloc(picture->component_count + 1, sizeof(*components));
    char **sinks = agreement_sinks(picture);
    struct tt_report *report = NULL;

    for (uint32_t n = 0; components != NULL && n < picture->component_count; n++)
        components[n] = picture->components[n].name;
    if (components != NULL && sinks != NULL)
        report = tt_report_open(&(struct tt_report_params){
            .service = picture->name,
            .class = service->class_name,
            .class_reason = service->class_reason,
            .is_promised = service->is_promised,
            .is_paced = picture->is_live,
            .deadline_ns = picture->deadline_ns,
            .loss =
                picture->loss.den > 0 ? (double)picture->loss.num / (double)picture->loss.den : 0,
            .sink_loss = losses,
            .sinks = (const char *const *)sinks,
            .sink_count = picture->sink_count,
            .components = components,
            .component_count = picture->component_count});
    free(components);
    free(sinks);
    free(losses);
    return report;
}

static void begin_ledger(struct service *service, int64_t epoch_ns)
{
    struct agreement_params params = {.node = service->node,
                                      .picture = service->picture,
                                      .plan = service->plan,
                                      .print = service->print,
                                      .class_name = service->class_name,
                                      .class_reason = service->class_reason,
                                      .is_promised = service->is_promised,
                                      .epoch_ns = epoch_ns,
                                      .budget_ns = run_budget_ns(service->run)};
    struct tt_error err = {0};
    json_t *agreement;
    bool is_ours = service->ledger_fd < 0;
    int r = make_ledger(service, &err), fd = service->ledger_fd;

    service->ledger_fd = -1;
    if (r == 0)
        r = scribe_open(fd, service->node->key, &service->scribe, &err);
    else
        drop_fd(&fd);
    if (r < 0) { /* the promise is kept without its proof rather than not at all */
        service->ledger[0] = '\0';
        on_note(service, err.text[0] != '\0' ? err.text : "there is no ledger");
        return;
    }
    if (is_ours)
        scribe_leave_free(service->scribe, LEAVE_FREE_BYTES);
    agreement = agreement_make(&params);
    scribe_put_json(service->scribe, TT_PART_AGREEMENT, agreement);
    json_decref(agreement);
}

/* The client may have been told of a promise that the kernel did not let us make. */
static void correct_plan(struct service *service)
{
    char *text = tt_plan_print(service->plan, service->picture);
    json_t *event = text != NULL ? json_loads(text, 0, NULL) : NULL;

    free(text);
    on_note(service, service->class_reason);
    if (event == NULL)
        return;
    json_object_set_new(event, "event", json_string("plan"));
    json_object_set_new(event, "class", json_string(service->class_name));
    json_object_set_new(event, "class_reason", json_string(service->class_reason));
    json_object_set_new(event, "reservation", json_null());
    json_object_set_new(event, "bound_ns", json_integer(0));
    json_object_set_new(event, "binding", json_string(""));
    tell(service, event);
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
    begin_ledger(service, epoch_ns);
    service->report = make_report(service);
    *ret_report = service->report;
    *ret_scribe = service->scribe;
    service->live_timer = (struct loop_timer){.fn = on_live, .ctx = service};
    loop_set(service->node->loop, &service->live_timer, epoch_ns + SECOND);
    if (service->node->machine.tai_offset_s == 0) {
        static bool is_told; /* once for each tactusd */

        if (!is_told)
            on_note(service, "the kernel knows no TAI offset: media time is UTC; an NTP or PTP "
                             "daemon sets it");
        is_told = true;
    }
}

static void on_profile_live(void *ctx, uint32_t events)
{
    struct service *service = ctx;
    struct pump *pump = service->profile_run != NULL ? run_pump(service->profile_run) : NULL;
    int64_t past_ns = loop_now_ns() - service->profile_ns;

    (void)events;
    loop_set(service->node->loop, &service->live_timer, service->live_timer.at_ns + SECOND / 2);
    if (past_ns <= service->for_ns)
        tell(service, profile_progress(service->picture, pump != NULL ? pump_samples(pump) : NULL,
                                       past_ns, service->for_ns));
}

static void on_profile_go(void *ctx, int64_t epoch_ns, bool is_obtained, const char *why,
                          struct tt_report **ret_report, struct scribe **ret_scribe)
{
    struct service *service = ctx;

    (void)is_obtained, (void)why;
    if (service->goal == SERVICE_PROFILE) {
        service->profile_ns = epoch_ns;
        service->live_timer = (struct loop_timer){.fn = on_profile_live, .ctx = service};
        loop_set(service->node->loop, &service->live_timer, epoch_ns + SECOND / 2);
    }
    *ret_report = NULL;
    *ret_scribe = NULL;
}

static void on_profile_first(void *ctx, int64_t first_frame_ns)
{
    (void)ctx, (void)first_frame_ns;
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

static void tell_started(struct service *service, int64_t first_frame_ns)
{
    if (service->is_started_told)
        return;
    service->is_started_told = true;
    say(service, "started: %s, ledger %s", service->class_name, service->ledger);
    tell(service,
         json_pack("{ss ss ss sI}", "event", "started", "service", service->picture->name, "ledger",
                   service->ledger, "first_frame_ns", (json_int_t)first_frame_ns));
    if (service->is_detached && service->client != NULL) {
        struct client *client = service->client;

        service->client = NULL;
        client_attach(client, NULL);
        client_done(client, 0);
    }
}

static void on_first(void *ctx, int64_t first_frame_ns)
{
    tell_started(ctx, first_frame_ns);
}

static void note_full_ledger(struct service *service)
{
    char text[PATH_MAX + 128];

    if (service->is_full_told || service->scribe == NULL || scribe_failure(service->scribe) == 0)
        return;
    service->is_full_told = true;
    (void)snprintf(text, sizeof(text),
                   "the ledger cannot be written and ends here, the service goes on: %s: ledger=%s",
                   strerror(-scribe_failure(service->scribe)), service->ledger);
    fprintf(stderr, "service %s: %s\n", service->picture->name, text);
    on_note(service, text);
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
        tell_started(service, 0); /* nothing came yet: the service runs all the same */
    tell(service,
         json_pack("{ss sI so sI sI sI sI}", "event", "live", "t_ns", (json_int_t)t_ns, "slack_ns",
                   line.has_slack ? json_integer(line.slack_min_ns) : json_null(), "frames",
                   (json_int_t)line.frames, "late", (json_int_t)line.late, "lost",
                   (json_int_t)line.lost, "repeated", (json_int_t)line.repeated));
    note_full_ledger(service);
}

/* The count closes the chain; the head it leaves is what a copy of the ledger is held against. */
static json_t *close_ledger(struct service *service, const char *reason)
{
    struct run_figures figures = run_figures(service->run);
    struct pump_counts counts = pump_counts(run_pump(service->run));
    struct tt_report_extra extra = {.first_frame_ns = figures.first_frame_ns,
                                    .cpu_ns = figures.cpu_ns,
                                    .switches = figures.switches,
                                    .ledger = service->ledger,
                                    .ledger_head = ""};
    char head[2 * TT_HASH_BYTES + 1] = "", *text = tt_report_print(service->report, &extra);
    json_t *count;

    if (service->scribe != NULL) {
        count = json_pack("{sI sI sI sI ss so}", "frames", (json_int_t)counts.frames, "hops",
                          (json_int_t)counts.hops, "events", (json_int_t)counts.events, "refused",
                          (json_int_t)counts.refused, "end", reason, "report",
                          text != NULL ? json_loads(text, 0, NULL) : json_null());
        scribe_put_json(service->scribe, TT_PART_COUNT, count);
        json_decref(count);
        note_full_ledger(service);
        scribe_head(service->scribe, head);
    }
    free(text);
    extra.ledger_head = head;
    text = tt_report_print(service->report, &extra);
    count = text != NULL ? json_loads(text, 0, NULL) : NULL;
    free(text);
    return count;
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
            finish(service, 0);
        else
            fail_text(service, -EIO, reason, 3);
        return;
    }
    tell_started(service, run_figures(service->run).first_frame_ns);
    if (run_is_measure(service->run))
        costs_learn(service->picture, &service->node->machine, service->node->profile,
                    service->picture->is_live ? PROFILE_LIVE : PROFILE_ASAP,
                    pump_samples(run_pump(service->run)));
    report = close_ledger(service, reason);
    exit_code = service->is_promised && !tt_report_is_kept(service->report) ? 1 : 0;
    say(service, "ended: %s%s", reason, exit_code != 0 ? "; the promise was broken" : "");
    if (report != NULL) {
        json_object_set_new(report, "event", json_string("report"));
        tell(service, report);
    }
    if (is_ok) {
        finish(service, exit_code);
        return;
    }
    (void)tt_fail(&err, -EIO, "%s", reason);
    fail(service, &err, service->is_promised ? 1 : 3);
}

static int make_plan(struct service *service, struct tt_error *err)
{
    struct node *node = service->node;
    int r;

    costs_fini(&service->costs);
    tt_plan_close(&service->plan);
    machine_refresh(&node->machine);
    node->machine.plan.reserved_ppm = books_ppm(&node->books, loop_now_ns());
    r = costs_load(service->picture, &node->machine, node->profile, &service->costs);
    if (r < 0)
        return tt_fail(err, r, "no memory for the costs");
    return tt_plan_make(service->picture, service->costs.components, service->costs.segments,
                        &node->machine.plan, &service->plan, err);
}

static int open_run(struct service *service, bool is_profile, const struct run_ops *ops,
                    struct run **ret, struct tt_error *err)
{
    return run_open(&(struct run_params){.node = service->node,
                                         .picture = service->picture,
                                         .plugins = &service->plugins,
                                         .plan = service->plan,
                                         .service = service->number,
                                         .is_profile = is_profile,
                                         .uid = service->uid,
                                         .gid = service->gid,
                                         .base = service->base,
                                         .for_ns = is_profile && service->goal != SERVICE_PROFILE
                                                       ? 0
                                                       : service->for_ns,
                                         .stdin_fd = is_profile ? -1 : service->stdin_fd,
                                         .stdout_fd = is_profile ? -1 : service->stdout_fd,
                                         .ops = ops,
                                         .ctx = service},
                    ret, err);
}

/* would_fit is taken; NULL: nobody looked. */
static void answer_plan(struct service *service, json_t *would_fit)
{
    char *text = tt_plan_print(service->plan, service->picture);
    json_t *event = text != NULL ? json_loads(text, 0, NULL) : NULL;

    free(text);
    if (event == NULL) {
        json_decref(would_fit);
        return;
    }
    json_object_set_new(event, "event", json_string("plan"));
    if (would_fit != NULL)
        json_object_set_new(event, "would_fit", would_fit);
    tell(service, event);
}

static void on_offers(void *ctx, json_t *list)
{
    struct service *service = ctx;

    answer_plan(service, list);
    finish(service, 1);
}

/* A refusal is answered when it is known what would fit in its place. Inputs that give what they
 * have once are not looked at again. */
static void answer_check(struct service *service)
{
    struct offers_params params = {.node = service->node,
                                   .request = service->request,
                                   .uid = service->uid,
                                   .gid = service->gid,
                                   .picture = service->picture,
                                   .plan = service->plan};

    if (!service->plan->is_admitted && !service->is_given_once && service->request != NULL)
        service->offers = offers_open(&params, on_offers, service);
    if (service->offers != NULL)
        return;
    answer_plan(service, service->plan->is_admitted ? NULL : json_array());
    finish(service, service->plan->is_admitted ? 0 : 1);
}

static void start(struct service *service)
{
    static const struct run_ops ops = {.on_note = on_note,
                                       .on_go = on_go,
                                       .on_first = on_first,
                                       .on_set = on_set,
                                       .on_end = on_end};
    struct tt_error err = {0};
    int r;

    if (service->goal == SERVICE_CHECK) {
        answer_check(service);
        return;
    }
    answer_plan(service, NULL);
    if (!service->plan->is_admitted) {
        fail_text(service, -EBUSY, service->plan->binding, 1);
        return;
    }
    witness_run(service->node->witness, true);
    r = open_run(service, false, &ops, &service->run, &err);
    if (r < 0)
        fail(service, &err, 3);
}

static void plan(struct service *service);

static void on_profile_end(void *ctx, bool is_ok, const char *reason)
{
    struct service *service = ctx;
    struct pump *pump = run_pump(service->profile_run);
    char text[TEXT_BYTES];

    if (pump != NULL)
        costs_learn(service->picture, &service->node->machine, service->node->profile, PROFILE_ASAP,
                    pump_samples(pump));
    loop_clear(service->node->loop, &service->live_timer);
    if (service->goal == SERVICE_PROFILE) {
        if (pump != NULL && is_ok)
            tell(service, profile_answer(service->node, service->picture, pump_samples(pump)));
        if (is_ok && pump != NULL)
            finish(service, 0);
        else
            fail_text(service, -EIO, reason, 3);
        return;
    }
    if (!is_ok) {
        (void)snprintf(text, sizeof(text), "the profile run failed: %s", reason);
        tell(service, json_pack("{ss ss}", "event", "progress", "text", text));
    }
    run_close(&service->profile_run);
    plan(service);
}

static bool profile(struct service *service, struct tt_error *err)
{
    static const struct run_ops ops = {.on_note = on_note,
                                       .on_go = on_profile_go,
                                       .on_first = on_profile_first,
                                       .on_end = on_profile_end};

    service->is_profiled = true;
    if (open_run(service, true, &ops, &service->profile_run, err) < 0)
        return false;
    if (service->goal == SERVICE_PROFILE)
        return true;
    tell(service, json_pack("{ss ss}", "event", "progress", "text",
                            "measuring what its components cost here (at most 5 s, once)"));
    return true;
}

static void plan(struct service *service)
{
    struct tt_error err = {0};
    int r = make_plan(service, &err);

    if (r < 0) {
        fail(service, &err, 3);
        return;
    }
    if (service->goal == SERVICE_PROFILE && service->is_given_once) {
        fail_text(service, -EINVAL,
                  "an input of this service gives what it has once, and a measurement would take "
                  "it away: name a file in its place",
                  2);
        return;
    }
    if (service->goal == SERVICE_PROFILE) {
        if (!profile(service, &err))
            fail(service, &err, 3);
        return;
    }
    if (service->wants_profile && !service->is_profiled && !service->is_given_once &&
        costs_are_missing(service->picture, &service->costs) && profile(service, &err))
        return;
    start(service);
}

/* Who reads what the command writes waits for the last that holds its end: a service that does not
 * use stdin or stdout does not keep them. */
static void drop_unused(struct service *service)
{
    bool is_read = false, is_written = false;

    for (uint32_t n = 0; n < service->picture->component_count; n++) {
        const struct tt_picture_component *component = &service->picture->components[n];

        for (uint32_t m = 0; m < component->setting_count; m++) {
            uint32_t text = component->settings[m].text;
            bool is_dash = text != 0 && text < component->texts_bytes &&
                           strcmp(component->texts + text, "-") == 0;

            is_read |= is_dash && component->is_source;
            is_written |= is_dash && !component->is_source;
        }
    }
    if (!is_read)
        drop_fd(&service->stdin_fd);
    if (!is_written)
        drop_fd(&service->stdout_fd);
}

static void on_shape(void *ctx, struct shape_answer *answer, const struct tt_error *err,
                     int exit_code)
{
    struct service *service = ctx;

    if (answer == NULL) {
        fail(service, err, exit_code);
        return;
    }
    service->picture = answer->picture;
    service->plugins = answer->plugins;
    service->print = answer->print;
    if (service->goal == SERVICE_RUN)
        service->log = journal_begin(service->node->journal, service->picture->name, service->uid,
                                     service->number);
    drop_unused(service);
    service->is_given_once = answer->is_given_once;
    if (service->goal == SERVICE_SHAPE) {
        tell(service, json_pack("{ss ss* ss* sO*}", "event", "picture", "print", answer->print,
                                "dot", answer->dot, "notes", answer->notes));
        free(answer->dot);
        finish(service, 0);
        return;
    }
    free(answer->dot);
    for (size_t n = 0; n < json_array_size(answer->notes); n++)
        if (json_is_string(json_array_get(answer->notes, n)))
            on_note(service, json_string_value(json_array_get(answer->notes, n)));
    plan(service);
}

/* tactusd writes to it itself: what could keep a write waiting would hold up everybody's services.
 * A file of FUSE is a program of somebody's, and is recognised before anything else is asked of it.
 */
static int check_ledger_fd(int fd, struct tt_error *err)
{
    struct statfs system;
    struct stat about;
    int flags = fcntl(fd, F_GETFL);

    if (fstatfs(fd, &system) < 0 || system.f_type == FUSE_SUPER_MAGIC)
        return tt_fail(err, -EINVAL,
                       "the ledger cannot lie on a file system that a program provides (FUSE); "
                       "name a file on a disk");
    if (flags < 0 || fstat(fd, &about) < 0 || !S_ISREG(about.st_mode))
        return tt_fail(err, -EINVAL,
                       "the ledger must be a regular file, not a pipe, a socket or a device; write "
                       "it to a file and read it from there");
    if ((flags & O_ACCMODE) == O_RDONLY || (flags & O_PATH) != 0)
        return tt_fail(err, -EINVAL, "the ledger is not open for writing");
    return 0;
}

/* What the shaper is not asked about. */
static int check_request(const json_t *request, struct tt_error *err)
{
    const json_t *form = json_object_get(request, "form");
    const json_t *for_ns = json_object_get(request, "for_ns");
    const char *name = json_string_value(form);

    if (name == NULL || (strcmp(name, "yaml") != 0 && strcmp(name, "graph") != 0))
        return tt_fail(err, -EINVAL, "\"form\" says what \"text\" is: \"yaml\" or \"graph\"");
    if (for_ns != NULL && (!json_is_integer(for_ns) || json_integer_value(for_ns) < 0))
        return tt_fail(err, -EINVAL, "\"for_ns\" is a whole number of nanoseconds, 0 or more");
    return 0;
}

static uint32_t services_of(const struct node *node, uid_t uid)
{
    uint32_t count = 0;

    for (const struct service *s = node->services; s != NULL; s = s->next)
        count += s->uid == uid;
    return count;
}

void service_begin(struct node *node, struct client *client, enum service_goal goal,
                   const json_t *request)
{
    struct service *service = calloc(1, sizeof(*service));
    const char *base = json_string_value(json_object_get(request, "base"));
    struct tt_error err = {0};
    struct timespec now;
    int r = check_request(request, &err);

    if (r < 0) {
        client_error(client, &err, 2);
        free(service);
        return;
    }

    if (client_uid(client) != 0 && services_of(node, client_uid(client)) >= SERVICES_A_USER) {
        (void)tt_fail(&err, -EAGAIN,
                      "%d services of yours are here, and more are not taken; end one of them",
                      SERVICES_A_USER);
        client_error(client, &err, 3);
        free(service);
        return;
    }
    if (service == NULL) {
        (void)tt_fail(&err, -ENOMEM, "no memory for a service");
        client_error(client, &err, 3);
        return;
    }
    service->node = node;
    service->client = client;
    service->goal = goal;
    service->number = ++node->service_count;
    service->uid = client_uid(client);
    service->gid = client_gid(client);
    service->stdin_fd = client_take_fd(client, "stdin");
    service->stdout_fd = client_take_fd(client, "stdout");
    service->ledger_fd = client_take_fd(client, "ledger");
    service->is_detached = json_is_true(json_object_get(request, "detach"));
    service->wants_profile = !json_is_false(json_object_get(request, "profile"));
    service->for_ns = json_integer_value(json_object_get(request, "for_ns"));
    service->class_name = "";
    (void)clock_gettime(CLOCK_REALTIME, &now);
    service->since_ns = now.tv_sec * SECOND + now.tv_nsec;
    if (goal == SERVICE_PROFILE && service->for_ns <= 0)
        service->for_ns = PROFILE_SECONDS * SECOND;
    service->request = goal == SERVICE_CHECK ? json_deep_copy(request) : NULL;
    service->slack_ns = INT64_MAX;
    (void)snprintf(service->base, sizeof(service->base), "%s", base != NULL ? base : "/");
    service->next = node->services;
    node->services = service;
    client_attach(client, service);
    r = service->ledger_fd >= 0 ? check_ledger_fd(service->ledger_fd, &err) : 0;
    if (r == 0)
        r = shape_open(node, request, service->uid, service->gid, on_shape, service,
                       &service->shape, &err);
    if (r < 0)
        fail(service, &err, r == -EINVAL ? 2 : 3);
}

void service_stop(struct service *service)
{
    if (service->run != NULL)
        run_stop(service->run);
    else
        finish(service, 0); /* nothing of it has begun */
}

void service_client_gone(struct service *service)
{
    service->client = NULL;
    if (service->run == NULL)
        service_close(service);
    else
        run_gone(service->run);
}

void service_abandon(struct service *service)
{
    service_close(service);
}

void service_wall_step(struct node *node, int64_t step_ns)
{
    char text[TEXT_BYTES];

    (void)snprintf(text, sizeof(text),
                   "the wall clock was set by %+.6f s; media time goes on as if it had not been",
                   (double)step_ns / (double)SECOND);
    fprintf(stderr, "%s\n", text);
    for (struct service *s = node->services; s != NULL; s = s->next)
        if (s->run != NULL && s->report != NULL)
            run_event(s->run, "clock-step", text);
}

struct service *service_next(const struct service *service)
{
    return service->next;
}

static const char *state_of(const struct service *service)
{
    if (service->run != NULL)
        return run_state(service->run);
    return service->profile_run != NULL ? "profiling" : "shaping";
}

static bool may_see(const struct service *service, uid_t uid)
{
    return uid == 0 || uid == service->uid;
}

json_t *service_table(const struct node *node, uid_t uid)
{
    json_t *table = json_array();

    for (const struct service *s = node->services; s != NULL; s = s->next)
        if (may_see(s, uid))
            json_array_append_new(
                table, json_pack("{ss ss ss sI sI sI ss sI}", "name",
                                 s->picture != NULL ? s->picture->name : "", "state", state_of(s),
                                 "class", s->class_name, "frames", (json_int_t)s->frames, "late",
                                 (json_int_t)s->late, "lost", (json_int_t)s->lost, "ledger",
                                 s->ledger, "since_ns", (json_int_t)s->since_ns));
    return table;
}

json_t *service_watch(const struct node *node, uid_t uid)
{
    json_t *table = json_array();

    for (const struct service *s = node->services; s != NULL; s = s->next)
        if (may_see(s, uid))
            json_array_append_new(table,
                                  watch_entry(&(struct watch_params){.picture = s->picture,
                                                                     .plan = s->plan,
                                                                     .run = s->run,
                                                                     .state = state_of(s),
                                                                     .class_name = s->class_name,
                                                                     .ledger = s->ledger,
                                                                     .slack_ns = s->slack_ns,
                                                                     .frames = s->frames,
                                                                     .late = s->late,
                                                                     .lost = s->lost,
                                                                     .repeated = s->repeated}));
    return table;
}

/* Taken off the table in the loop's own time: a service that is stopped may go at once. */
uint32_t service_stop_named(struct node *node, uid_t uid, const char *name)
{
    struct service *next;
    uint32_t count = 0;

    for (struct service *s = node->services; s != NULL; s = next) {
        next = s->next;
        if (s->goal != SERVICE_RUN || s->picture == NULL || !may_see(s, uid) ||
            strcmp(s->picture->name, name) != 0)
            continue;
        count++;
        service_stop(s);
    }
    return count;
}

struct service *service_find_named(const struct node *node, uint32_t uid, const char *name)
{
    for (struct service *s = node->services; s != NULL; s = s->next)
        if (s->goal == SERVICE_RUN && s->picture != NULL && may_see(s, uid) &&
            strcmp(s->picture->name, name) == 0)
            return s;
    return NULL;
}

struct service *service_find(const struct node *node, uint64_t number)
{
    struct service *service = node->services;

    while (service != NULL && service->number != number)
        service = service->next;
    return service;
}

uint64_t service_number(const struct service *service)
{
    return service->number;
}

const char *service_base(const struct service *service)
{
    return service->base;
}

const char *service_print(const struct service *service)
{
    return service->print;
}

const struct tt_picture *service_picture(const struct service *service)
{
    return service->picture;
}

int service_set(struct service *service, const struct setting *setting, uint64_t *ret_number,
                struct tt_error *err)
{
    if (service->run == NULL)
        return tt_fail(err, -EAGAIN, "'%s' has not begun yet; try again in a moment",
                       service->picture->name);
    return run_set(service->run, setting, ret_number, err);
}
