/* Services by name and number, and what is told of them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "node/service_inside.h"
#include "node/watch.h"

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

/* By component: what it runs in by now. */
static json_t *places_of(const struct service *service)
{
    json_t *places = json_object();

    for (uint32_t n = 0; service->run != NULL && n < service->picture->component_count; n++)
        json_object_set_new(places, service->picture->components[n].name,
                            json_string(run_component(service->run, n).process));
    return places;
}

json_t *service_table(const struct node *node, uid_t uid)
{
    json_t *table = json_array();

    for (const struct service *s = node->services; s != NULL; s = s->next)
        if (may_see(s, uid))
            json_array_append_new(
                table, json_pack("{ss ss ss sI sI sI ss sI si si so}", "name",
                                 s->picture != NULL ? s->picture->name : "", "state", state_of(s),
                                 "class", s->class_name, "frames", (json_int_t)s->frames, "late",
                                 (json_int_t)s->late, "lost", (json_int_t)s->lost, "ledger",
                                 s->ledger, "since_ns", (json_int_t)s->since_ns, "level",
                                 s->run != NULL ? (int)run_level(s->run) : 0, "levels",
                                 s->picture != NULL ? (int)tt_picture_levels(s->picture) : 0,
                                 "places", places_of(s)));
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

void service_wall_step(struct node *node, int64_t step_ns)
{
    char text[TEXT_BYTES];

    (void)snprintf(text, sizeof(text),
                   "the wall clock was set by %+.6f s; media time goes on as if it had not been",
                   (double)step_ns / 1e9);
    fprintf(stderr, "%s\n", text);
    for (struct service *s = node->services; s != NULL; s = s->next)
        if (s->run != NULL && s->report != NULL)
            run_event(s->run, "clock-step", text);
}
