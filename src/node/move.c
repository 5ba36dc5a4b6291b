/* `tactus move`: the request and what speaks against it. */
#include "node/move.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/move_inside.h"
#include "node/service_inside.h"
#include "tactus/format.h"

enum { LIST_BYTES = 256 };

struct request {
    const char *name, *component, *container;
    struct run *run;
    uint32_t place, to;
    bool has_joined; /* the target came for it, and has its part already */
};

/* "a, b, c", cut where it would be too long. */
static void add_name(char *list, size_t bytes, const char *name)
{
    size_t used = strlen(list);

    if (used + strlen(name) + 3 < bytes)
        (void)snprintf(list + used, bytes - used, "%s%s", used > 0 ? ", " : "", name);
}

static int find_component(struct request *request, struct tt_error *err)
{
    const struct tt_picture *picture = request->run->params.picture;
    char list[LIST_BYTES] = "";

    for (uint32_t n = 0; n < picture->component_count; n++) {
        if (strcmp(picture->components[n].name, request->component) == 0) {
            request->place = n;
            return 0;
        }
        if ((picture->components[n].flags & TT_EDGE) == 0)
            add_name(list, sizeof(list), picture->components[n].name);
    }
    return tt_fail(err, -ENOENT, "'%s' has no component '%.60s'; it has %s", request->name,
                   request->component, list);
}

/* By its name, "container.audio" or "audio", or by its number. */
static bool is_called(const struct run *run, uint32_t number, const char *name)
{
    const char *whole = run_process_name(run, number), *dot = strchr(whole, '.');
    char digits[16];

    (void)snprintf(digits, sizeof(digits), "%u", number);
    return strcmp(whole, name) == 0 || strcmp(digits, name) == 0 ||
           (dot != NULL && strcmp(dot + 1, name) == 0);
}

/* The first spare container that has nothing. */
static int find_new(struct request *request, struct tt_error *err)
{
    const struct run *run = request->run;
    const struct tt_wiring *wiring = run->broker->wiring;

    if (wiring->spare_count == 0)
        return tt_fail(err, -EOPNOTSUPP,
                       "'%s' has no container to spare: its memory is laid out when it starts. "
                       "Write `spare_containers: 1` into its file, or give --set "
                       "spare_containers=1, and start it anew",
                       request->name);
    for (uint32_t n = wiring->container_count - wiring->spare_count; n < wiring->container_count;
         n++)
        if (supervise_is_idle(&run->supervise, n)) {
            request->to = n;
            return 0;
        }
    return tt_fail(
        err, -EBUSY,
        "each spare container of '%s' has a component already: name one of them, or move "
        "something back first; it has %u",
        request->name, wiring->spare_count);
}

static int find_container(struct request *request, struct tt_error *err)
{
    const struct run *run = request->run;
    uint32_t count = run->broker->wiring->container_count;
    char list[LIST_BYTES] = "";

    if (strcmp(request->container, "new") == 0)
        return find_new(request, err);
    for (uint32_t n = 0; n < count; n++) {
        if (is_called(run, n, request->container)) {
            request->to = n;
            return 0;
        }
        add_name(list, sizeof(list), run_process_name(run, n));
    }
    return tt_fail(err, -ENOENT, "'%s' has no container '%.60s'; it has %s", request->name,
                   request->container, list);
}

static int check_state(const struct request *request, struct tt_error *err)
{
    struct run *run = request->run;

    if (run == NULL || run->pump == NULL)
        return tt_fail(err, -ESHUTDOWN, "'%s' has not begun yet; try again in a moment",
                       request->name);
    if (run->is_over || run->supervise.state == SUPERVISE_DRAINING ||
        run->supervise.state == SUPERVISE_ENDED)
        return tt_fail(err, -ESHUTDOWN, "'%s' is ending, and nothing of it moves any more",
                       request->name);
    if (run->moves != NULL && run->moves->join.is_on)
        return tt_fail(err, -EBUSY, "'%s' of '%s' waits for %s; try again when it is there",
                       run->params.picture->components[run->moves->join.component].name,
                       request->name, run_process_name(run, run->moves->join.to));
    if (run->moves != NULL && run->moves->now != NULL)
        return tt_fail(err, -EBUSY, "'%s' of '%s' is on its way to %s; try again when it is there",
                       run->params.picture->components[run->moves->now->component].name,
                       request->name, run_process_name(run, run->moves->now->to));
    return 0;
}

/* Make before break: nobody can read it, and it does not tell. */
static bool begins_anew(const struct tt_picture_component *self)
{
    return (self->flags & (TT_OPAQUE | TT_SAVES)) == TT_OPAQUE;
}

/* What nobody can read must be able to begin anew in the midst of its one input. */
static int check_opaque(const struct tt_picture *picture, uint32_t component, struct tt_error *err)
{
    const struct tt_picture_component *self = &picture->components[component];
    uint32_t inputs = 0;

    for (uint32_t n = 0; n < picture->flow_count; n++)
        inputs += picture->flows[n].to == component;
    if (self->flags & TT_HISTORY)
        return tt_fail(err, -EOPNOTSUPP,
                       "'%s' (%s) rests on all that it has heard, in a form of its own that cannot "
                       "be carried, and does not begin anew in the midst",
                       self->name, self->kind);
    if (inputs != 1)
        return tt_fail(err, -EOPNOTSUPP,
                       "'%s' (%s) keeps what it knows in a form of its own, and such a component "
                       "moves by one frame that divides its input: it has %u inputs, not one",
                       self->name, self->kind, inputs);
    return 0;
}

/* What of the component itself keeps it where it is. */
static int check_component(const struct request *request, struct tt_error *err)
{
    const struct tt_picture_component *self =
        &request->run->params.picture->components[request->place];

    if (self->flags & TT_EDGE)
        return tt_fail(err, -EOPNOTSUPP,
                       "'%s' runs in an edge, whose open files and connections are its alone, and "
                       "stays there; move what it feeds, or what feeds it",
                       self->name);
    if (!request->run->params.picture->is_live)
        return tt_fail(err, -EOPNOTSUPP,
                       "'%s' runs as fast as it can, and only what has a clock moves",
                       request->name);
    if (self->is_sink)
        return tt_fail(err, -EOPNOTSUPP,
                       "'%s' is a sink, and stays in the one container that says of its frames "
                       "whether they were delivered; move what feeds it",
                       self->name);
    if (self->flags & TT_OWN_THREADS)
        return tt_fail(err, -EOPNOTSUPP, "'%s' (%s) has threads of its own, and those do not move",
                       self->name, self->kind);
    if (begins_anew(self))
        return check_opaque(request->run->params.picture, request->place, err);
    return 0;
}

/* It is not there, or about to go. */
static bool is_off(const struct run *run, uint32_t number)
{
    const struct supervise_process *process = &run->supervise.processes[number];

    return supervise_is_idle(&run->supervise, number) &&
           (process->life == SUPERVISE_DONE || process->is_killed);
}

/* How much of a pool is kept for what comes from elsewhere. */
static int64_t guests_mib(const struct tt_wiring *wiring, uint32_t container)
{
    return tt_wiring_guest_bytes(wiring, container) >> 20;
}

static int check_place(const struct request *request, struct tt_error *err)
{
    const struct run *run = request->run;
    const struct tt_wiring *wiring = run->broker->wiring;
    uint32_t from = wiring->process_of[request->place], home = wiring->home_of[request->place];

    if (request->to == from)
        return tt_fail(err, -EALREADY, "'%s' is in %s already", request->component,
                       run_process_name(run, from));
    if (from != home && request->to != home)
        return tt_fail(err, -EOPNOTSUPP, "'%s' is away from %s; move it there first",
                       request->component, run_process_name(run, home));
    if (request->to != home &&
        !tt_wiring_has_room(wiring, run->params.picture, request->place, request->to))
        return tt_fail(err, -ENOSPC,
                       "not admitted in %s: its frame pool, which cannot grow while it runs, keeps "
                       "%lld MiB for what comes from elsewhere, and what '%s' writes is more than "
                       "is left of that; let it write less (smaller frames, a shorter deadline) or "
                       "move another component",
                       run_process_name(run, request->to),
                       (long long)guests_mib(wiring, request->to), request->component);
    for (uint32_t n = 0; n < wiring->container_count; n++)
        if (!is_off(run, n) && run->supervise.processes[n].life != SUPERVISE_GOING)
            return tt_fail(err, -EAGAIN, "%s starts anew; try again in a moment",
                           run_process_name(run, n));
    return 0;
}

/* What the source needs no more when it is gone: no more than it takes on the average, for what it
 * was planned with is a bound of sums. */
static int64_t less_of(const struct run *run, uint32_t component, uint32_t from)
{
    const struct tt_picture_component *self = &run->params.picture->components[component];
    const struct pump_component *done = pump_component(run->pump, component);
    const struct run_process *process = &run->processes[from];
    int64_t mean_ns =
        done != NULL && done->activations > 0 ? done->busy_ns / (int64_t)done->activations : 0;

    if (process->budget_ns <= 0 || self->rate.num <= 0)
        return 0;
    return tt_muldiv(mean_ns, process->period_ns, tt_index_ns(1, self->rate)) / 2;
}

/* Asks before anything is done; the target's reservation is raised here. */
static int admit(const struct request *request, struct move *move, struct tt_error *err)
{
    struct run *run = request->run;
    const struct run_process *target = &run->processes[request->to];
    const struct tt_wiring *wiring = run->broker->wiring;
    struct move_question question = {.picture = run->params.picture,
                                     .plan = run->params.plan,
                                     .process_of = wiring->process_of,
                                     .component = request->place,
                                     .to = request->to,
                                     .cost_ns = run_budget_of_ns(run, request->place),
                                     .budget_ns = target->budget_ns,
                                     .period_ns = target->period_ns,
                                     .container = target->name};
    int r;

    if (request->to == wiring->home_of[request->place]) { /* as it was planned */
        move->shift.more_ns = run->moves->shift[request->place].less_ns;
    } else {
        r = request->has_joined ? 0 : move_plan(&question, &move->shift.more_ns, err);
        if (r < 0)
            return r;
        if (request->has_joined)
            move->shift.more_ns = run->moves->guest.part_ns;
        move->shift.less_ns = less_of(run, request->place, wiring->process_of[request->place]);
    }
    if (request->has_joined || move->shift.more_ns == 0 || target->budget_ns <= 0)
        return 0;
    r = run_resize(run, request->to, target->budget_ns + move->shift.more_ns, target->period_ns,
                   err);
    return r < 0 ? tt_wrap(err, r, "not admitted in %s", target->name) : 0;
}

static int start(const struct request *request, uint64_t client, struct tt_error *err)
{
    struct run *run = request->run;
    struct tt_wiring *wiring = run->broker->wiring;
    uint32_t home = wiring->home_of[request->place], way;
    struct move *move = calloc(1, sizeof(*move));
    int r;

    if (move == NULL)
        return tt_fail(err, -ENOMEM, "no memory for a move");
    *move = (struct move){.client = client,
                          .component = request->place,
                          .from = wiring->process_of[request->place],
                          .to = request->to,
                          .has_joined = request->has_joined,
                          .is_fresh = begins_anew(&run->params.picture->components[request->place]),
                          .stream = {-1, -1}};
    r = request->to == home
            ? 0
            : tt_wiring_may_lead(wiring, run->params.picture, request->place, request->to, err);
    if (r == 0)
        r = tt_wiring_lead(wiring, run->params.picture, request->place,
                           request->to == home ? move->from : request->to, &way, err);
    if (r == 0)
        r = admit(request, move, err);
    if (r == 0) {
        move->way = &wiring->ways[way];
        r = move_start(run, move, err);
    }
    if (r < 0)
        free(move);
    return r;
}

int move_begin_joined(struct run *run, struct tt_error *err)
{
    const struct move_join *join = &run->moves->join;
    const struct request request = {.name = run->params.picture->name,
                                    .component =
                                        run->params.picture->components[join->component].name,
                                    .run = run,
                                    .place = join->component,
                                    .to = join->to,
                                    .has_joined = true};
    int r = check_place(&request, err);

    return r == 0 ? start(&request, run->moves->guest.client, err) : r;
}

/* Containers may have started anew before anything moved. */
static bool keep_moves(struct run *run)
{
    const struct tt_wiring *wiring = run->broker->wiring;

    if (run->moves != NULL)
        return true;
    run->moves = calloc(1, sizeof(*run->moves));
    for (uint32_t n = 0; run->moves != NULL && n < run->params.picture->component_count; n++)
        run->moves->began_ns[n] = run->processes[wiring->process_of[n]].resume_ns;
    return run->moves != NULL;
}

/* At once, or when its container is there. */
static int begin(const struct request *request, uint64_t client, struct tt_error *err)
{
    struct run *run = request->run;
    int r;

    if (!keep_moves(run))
        return tt_fail(err, -ENOMEM, "no memory for a move");
    if (!is_off(run, request->to))
        return start(request, client, err);
    r = tt_wiring_may_lead(run->broker->wiring, run->params.picture, request->place, request->to,
                           err);
    if (r == 0)
        move_want(run, request->place, request->to, client);
    return r;
}

static int check(struct request *request, struct tt_error *err)
{
    int r = check_state(request, err);

    if (r == 0)
        r = find_component(request, err);
    if (r == 0)
        r = check_component(request, err);
    if (r == 0)
        r = find_container(request, err);
    return r == 0 ? check_place(request, err) : r;
}

void move_begin(struct node *node, struct client *client, const json_t *body)
{
    struct request request = {
        .name = json_string_value(json_object_get(body, "name")),
        .component = json_string_value(json_object_get(body, "component")),
        .container = json_string_value(json_object_get(body, "container")),
    };
    struct service *service;
    struct tt_error err = {0};
    int r;

    if (request.name == NULL || request.component == NULL || request.container == NULL) {
        (void)tt_fail(&err, -EINVAL,
                      "\"move\" wants the \"name\" of a service, a \"component\" of it and the "
                      "\"container\" that it shall run in");
        client_error(client, &err, 2);
        return;
    }
    service = service_find_named(node, client_uid(client), request.name);
    if (service == NULL) {
        (void)tt_fail(&err, -ESRCH, "no service of yours called '%.60s' runs here; see tactus ps",
                      request.name);
        client_error(client, &err, 1);
        return;
    }
    request.run = service->run;
    r = check(&request, &err);
    if (r == 0)
        r = begin(&request, client_number(client), &err);
    if (r < 0)
        client_error(client, &err, 1);
}
