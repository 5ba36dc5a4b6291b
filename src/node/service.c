/* A service from the request to the report: shape, cost, plan, run. */
#include "node/service.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "node/ahead.h"
#include "node/haste.h"
#include "node/levels.h"
#include "node/profile_answer.h"
#include "node/service_inside.h"
#include "node/set.h"
#include "platform/linux/stamp.h"

#define SECOND INT64_C(1000000000)
#define PLAN_REST_NS INT64_C(2000000)

enum {
    PROFILE_SECONDS = 5,
    SERVICES_A_USER = 32,
    PLAN_TURNS = 3,
    WAY_TURNS = 3 /* what was made free may be somebody else's by then */
};

static void drop_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

/* As often as the service needs it that has the least time to spare. What has no time is never
 * late, and without a promise nobody has said how much there is to spare. */
static void watch_host(struct node *node)
{
    int64_t step_ns = 0, wanted_ns;

    for (const struct service *service = node->services; service; service = service->next) {
        if (service->run == NULL || !service->picture->is_live)
            continue;
        wanted_ns = witness_step_ns(
            service->plan->class == TT_CLASS_BEST_EFFORT ? 0 : service->plan->slack_ns);
        if (step_ns == 0 || wanted_ns < step_ns)
            step_ns = wanted_ns;
    }
    witness_run(node->witness, step_ns);
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
    loop_clear(node->loop, &service->plan_timer);
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
    ahead_close(&service->ahead);
    plugins_close(&service->plugins);
    free(service->print);
    drop_fd(&service->stdin_fd);
    drop_fd(&service->stdout_fd);
    drop_fd(&service->ledger_fd);
    free(service);
    node->busy_ns = loop_now_ns();
    watch_host(node);
}

static void answer_plan(struct service *service, json_t *would_fit);

/* Its client waits for frames more than for the plan, which is told when they are on their way. */
static void tell_plan(struct service *service)
{
    if (!service->is_plan_due)
        return;
    service->is_plan_due = false;
    answer_plan(service, NULL);
}

void service_tell(struct service *service, json_t *event)
{
    tell_plan(service);
    if (service->client != NULL)
        client_event(service->client, event);
    else
        json_decref(event);
}

void service_finish(struct service *service, int exit_code)
{
    tell_plan(service);
    if (service->client != NULL)
        client_done(service->client, exit_code);
    service_close(service);
}

void service_fail(struct service *service, const struct tt_error *err, int exit_code)
{
    tell_plan(service);
    if (service->client != NULL)
        client_error(service->client, err, exit_code);
    service_close(service);
}

void service_fail_text(struct service *service, int code, const char *text, int exit_code)
{
    struct tt_error err = {0};

    (void)tt_fail(&err, code, "%s", text);
    service_fail(service, &err, exit_code);
}

void service_note(struct service *service, const char *text)
{
    json_t *string = json_string(text);

    journal_say(service->node->journal, service->log, text);
    service_tell(service,
                 json_pack("{ss so}", "event", "note", "text",
                           string != NULL ? string : json_string("a note that is no UTF-8")));
}

static void on_profile_live(void *ctx, uint32_t events)
{
    struct service *service = ctx;
    struct pump *pump = service->profile_run != NULL ? run_pump(service->profile_run) : NULL;
    int64_t past_ns = loop_now_ns() - service->profile_ns;

    (void)events;
    loop_set(service->node->loop, &service->live_timer, service->live_timer.at_ns + SECOND / 2);
    if (past_ns <= service->for_ns)
        service_tell(service,
                     profile_progress(service->picture, pump != NULL ? pump_samples(pump) : NULL,
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

static void on_profile_first(void *ctx, const struct run_first *first)
{
    (void)ctx, (void)first;
}

static int make_plan_once(struct service *service, struct tt_error *err)
{
    struct node *node = service->node;

    costs_fini(&service->costs);
    tt_plan_close(&service->plan);
    machine_refresh(&node->machine);
    if (service->is_way_shown)
        books_tell_least(&node->books, loop_now_ns(), &node->machine.plan);
    else
        books_tell(&node->books, 0, loop_now_ns(), &node->machine.plan);
    return levels_plan(node, service->picture, 0, &service->costs, &service->plan, err);
}

/* With each worker and link on a frame's way the loss that each may have is less, and the costs are
 * quantiles of that; which is more, and may ask for one worker more. */
static int make_plan(struct service *service, struct tt_error *err)
{
    int r = 0;

    service->picture->loss_parts = 1;
    for (uint32_t turns = 0; turns < PLAN_TURNS; turns++) {
        r = make_plan_once(service, err);
        if (r < 0 || service->plan->parts <= service->picture->loss_parts)
            break;
        service->picture->loss_parts = service->plan->parts;
    }
    return r;
}

static int open_run(struct service *service, bool is_profile, const struct run_ops *ops,
                    struct run **ret, struct tt_error *err)
{
    tt_plan_place(is_profile ? NULL : service->plan, service->picture);
    return run_open(
        &(struct run_params){
            .node = service->node,
            .picture = service->picture,
            .plugins = &service->plugins,
            .plan = service->plan,
            .ahead = is_profile ? NULL : service->ahead,
            .service = service->number,
            .is_profile = is_profile,
            .level = is_profile ? service->profile_level : service->plan->level,
            .level_costs = service->level_costs,
            .uid = service->uid,
            .gid = service->gid,
            .base = service->base,
            .asked_ns = service->asked_ns,
            .for_ns = is_profile && service->goal != SERVICE_PROFILE ? 0 : service->for_ns,
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
    service_tell(service, event);
}

static void on_offers(void *ctx, json_t *list)
{
    struct service *service = ctx;

    answer_plan(service, list);
    service_finish(service, 1);
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
    service_finish(service, service->plan->is_admitted ? 0 : 1);
}

static void on_plan_due(void *ctx, uint32_t events)
{
    struct service *service = ctx;

    (void)events;
    machine_refresh(&service->node->machine); /* the next one need not wait for it */
    tell_plan(service);
}

static void plan(struct service *service);

static void on_way_made(void *ctx, uint32_t events)
{
    (void)events;
    plan(ctx);
}

/* Planned anew, at once or later. False: the others could give nothing that would help. */
static bool ask_for_room(struct service *service)
{
    if (service->plan->is_admitted || service->way_turns == WAY_TURNS || service->is_way_shown ||
        !service_way_is_there(service))
        return false;
    service->way_turns++;
    if (service->goal == SERVICE_CHECK) {
        service->is_way_shown = true;
        plan(service);
        return true;
    }
    service->plan_timer = (struct loop_timer){.fn = on_way_made, .ctx = service};
    loop_set(service->node->loop, &service->plan_timer, service_way_make(service));
    return true;
}

static void start(struct service *service)
{
    struct tt_error err = {0};
    int r;

    if (ask_for_room(service))
        return;
    if (service->goal == SERVICE_CHECK) {
        answer_check(service);
        return;
    }
    tt_stamp("planned");
    service->is_plan_due = true;
    if (!service->plan->is_admitted) {
        service_fail_text(service, -EBUSY, service->plan->binding, 1);
        return;
    }
    r = open_run(service, false, &service_live_ops, &service->run, &err);
    ahead_close(&service->ahead);
    if (r < 0) {
        service_fail(service, &err, 3);
        return;
    }
    machine_memory_taken(&service->node->machine);
    /* Its processes may have been woken on this CPU: they go first. */
    service->plan_timer = (struct loop_timer){.fn = on_plan_due, .ctx = service};
    loop_set(service->node->loop, &service->plan_timer, loop_now_ns() + PLAN_REST_NS);
    watch_host(service->node);
}

static void on_profile_end(void *ctx, bool is_ok, const char *reason)
{
    struct service *service = ctx;
    struct pump *pump = run_pump(service->profile_run);
    char text[TEXT_BYTES];

    if (pump != NULL)
        levels_learn(service->node, service->picture, service->profile_level, PROFILE_ASAP,
                     pump_samples(pump));
    loop_clear(service->node->loop, &service->live_timer);
    if (service->goal == SERVICE_PROFILE) {
        if (pump != NULL && is_ok)
            service_tell(service,
                         profile_answer(service->node, service->picture, pump_samples(pump)));
        if (is_ok && pump != NULL)
            service_finish(service, 0);
        else
            service_fail_text(service, -EIO, reason, 3);
        return;
    }
    if (!is_ok) {
        (void)snprintf(text, sizeof(text), "the profile run failed: %s", reason);
        service_tell(service, json_pack("{ss ss}", "event", "progress", "text", text));
    }
    run_close(&service->profile_run);
    plan(service);
}

static bool profile(struct service *service, struct tt_error *err)
{
    static const struct run_ops ops = {.on_note = service_on_note,
                                       .on_go = on_profile_go,
                                       .on_first = on_profile_first,
                                       .on_end = on_profile_end};

    service->is_profiled = true;
    service->profiled_levels |= 1u << service->profile_level;
    if (open_run(service, true, &ops, &service->profile_run, err) < 0)
        return false;
    if (service->goal == SERVICE_PROFILE)
        return true;
    service_tell(service,
                 json_pack("{ss ss}", "event", "progress", "text",
                           service->profile_level > 0
                               ? "measuring what a lower level costs here (at most 5 s, once)"
                               : "measuring what its components cost here (at most 5 s, once)"));
    return true;
}

static void plan(struct service *service)
{
    struct tt_error err = {0};
    int r = make_plan(service, &err);

    if (r < 0) {
        service_fail(service, &err, 3);
        return;
    }
    if (service->goal == SERVICE_PROFILE && service->is_given_once) {
        service_fail_text(
            service, -EINVAL,
            "an input of this service gives what it has once, and a measurement would take "
            "it away: name a file in its place",
            2);
        return;
    }
    if (service->goal == SERVICE_PROFILE) {
        if (!profile(service, &err))
            service_fail(service, &err, 3);
        return;
    }
    if (service->wants_profile && !service->is_profiled && !service->is_given_once &&
        costs_are_missing(service->picture, &service->costs) && profile(service, &err))
        return;
    do {
        service->profile_level = service_levels_choose(service);
        if (service->profile_level > 0 && profile(service, &err))
            return;
    } while (service->profile_level > 0);
    levels_costs(service->node, service->picture, service->level_costs,
                 tt_picture_levels(service->picture) + 1);
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
        service_fail(service, err, exit_code);
        return;
    }
    tt_stamp("shaped");
    service->picture = answer->picture;
    if (service->goal == SERVICE_RUN && answer->is_known)
        service->ahead = ahead_open(service->node, service->picture, service->uid, service->gid);
    service->plugins = answer->plugins;
    service->print = answer->print;
    if (service->goal == SERVICE_RUN)
        service->log = journal_begin(service->node->journal, service->picture->name, service->uid,
                                     service->number);
    drop_unused(service);
    service->is_given_once = answer->is_given_once;
    if (service->goal == SERVICE_SHAPE) {
        service_tell(service, json_pack("{ss ss* ss* sO*}", "event", "picture", "print",
                                        answer->print, "dot", answer->dot, "notes", answer->notes));
        free(answer->dot);
        service_finish(service, 0);
        return;
    }
    free(answer->dot);
    for (size_t n = 0; n < json_array_size(answer->notes); n++)
        if (json_is_string(json_array_get(answer->notes, n)))
            service_note(service, json_string_value(json_array_get(answer->notes, n)));
    plan(service);
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
    int r;

    tt_stamp("asked");
    if (goal == SERVICE_RUN)
        haste_begin(node->haste);
    r = check_request(request, &err);

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
    service->asked_ns = loop_now_ns();
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
    r = service->ledger_fd >= 0 ? service_ledger_check(service->ledger_fd, &err) : 0;
    if (r == 0)
        r = shape_open(node, request, service->uid, service->gid, on_shape, service,
                       &service->shape, &err);
    if (r < 0)
        service_fail(service, &err, r == -EINVAL ? 2 : 3);
}

void service_stop(struct service *service)
{
    if (service->run != NULL)
        run_stop(service->run);
    else
        service_finish(service, 0); /* nothing of it has begun */
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
