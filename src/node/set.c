/* A parameter of a running service is changed. tactusd knows no components: a shaper reads the
 * words, the container is told, and its record says at which index it was. */
#include "node/set.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/service.h"
#include "node/shape.h"

#define MILLI INT64_C(1000000)
#define NEXT_WAIT_NS (2000 * MILLI) /* for a component's next activation */
#define AT_WAIT_NS (300 * MILLI)    /* whether the index is past already */
#define INDEX_MAX (INT64_C(1) << 50)

struct set {
    struct set *next;
    struct node *node;
    uint64_t client, service; /* numbers: both may go at any time */
    uint64_t setting;         /* its number in the service; 0: not given yet */
    int64_t at;               /* INT64_MIN: the next */
    char text[SETTING_TEXT_BYTES];
    struct shape *shape;
    struct loop_timer timer;
};

static void set_close(struct set *set)
{
    struct set **place = &set->node->sets;

    while (*place != set)
        place = &(*place)->next;
    *place = set->next;
    loop_clear(set->node->loop, &set->timer);
    shape_close(&set->shape);
    free(set);
}

static void fail(struct set *set, const struct tt_error *err, int exit_code)
{
    struct client *client = client_find(set->node, set->client);

    if (client != NULL)
        client_error(client, err, exit_code);
    set_close(set);
}

/* index: where it acts; has_acted false: it waits for that index, or (INT64_MIN) for the next. */
static void answer(struct set *set, int64_t index, bool has_acted)
{
    struct client *client = client_find(set->node, set->client);

    if (client != NULL) {
        client_event(client, json_pack("{ss ss so sb}", "event", "set", "set", set->text, "index",
                                       index == INT64_MIN ? json_null() : json_integer(index),
                                       "has_acted", has_acted));
        client_done(client, 0);
    }
    set_close(set);
}

static void on_timer(void *ctx, uint32_t events)
{
    struct set *set = ctx;

    (void)events;
    answer(set, set->at, false);
}

static int find_input(const struct tt_picture_component *component, const char *input, int64_t *ret)
{
    for (uint32_t n = 0; n < component->in_count; n++)
        if (strcmp(component->in[n].name, input) == 0) {
            *ret = n;
            return 0;
        }
    return -ENOENT;
}

/* The shaper's answer, in the numbers of the service's picture. */
static int read_setting(const struct set *set, const struct tt_picture *picture,
                        const json_t *answer_, struct setting *ret, struct tt_error *err)
{
    const char *name = json_string_value(json_object_get(answer_, "component"));
    const char *input = json_string_value(json_object_get(answer_, "input"));
    int64_t input_place = -1;
    uint32_t place = 0;

    while (name != NULL && place < picture->component_count &&
           strcmp(picture->components[place].name, name) != 0)
        place++;
    if (name == NULL || place == picture->component_count)
        return tt_fail(err, -ENOENT, "the service that runs has no such component");
    if (input != NULL && input[0] != '\0' &&
        find_input(&picture->components[place], input, &input_place) < 0)
        return tt_fail(err, -ENOENT, "'%s' has no input '%s'", name, input);
    *ret = (struct setting){.component = place,
                            .id = json_integer_value(json_object_get(answer_, "param")) +
                                  (input_place + 1) * 65536,
                            .i = json_integer_value(json_object_get(answer_, "i")),
                            .f = json_number_value(json_object_get(answer_, "f")),
                            .at = set->at};
    (void)tt_format_text(ret->text, sizeof(ret->text), "%s", set->text);
    return 0;
}

static void on_shape(void *ctx, struct shape_answer *shaped, const struct tt_error *err,
                     int exit_code)
{
    struct set *set = ctx;
    struct service *service = service_find(set->node, set->service);
    struct tt_error failure = {0};
    struct setting setting;
    int r;

    if (shaped == NULL) {
        fail(set, err, exit_code);
        return;
    }
    if (service == NULL)
        return; /* its end has answered */
    r = read_setting(set, service_picture(service), shaped->setting, &setting, &failure);
    if (r == 0)
        r = service_set(service, &setting, &set->setting, &failure);
    if (r < 0) {
        fail(set, &failure, r == -ENOENT ? 2 : 1);
        return;
    }
    shape_close(&set->shape);
    loop_set(set->node->loop, &set->timer,
             loop_now_ns() + (set->at == INT64_MIN ? NEXT_WAIT_NS : AT_WAIT_NS));
}

static int read_request(struct set *set, const json_t *request, struct tt_error *err)
{
    const char *text = json_string_value(json_object_get(request, "set"));
    const json_t *at = json_object_get(request, "at");

    if (text == NULL || json_string_value(json_object_get(request, "name")) == NULL)
        return tt_fail(err, -EINVAL,
                       "\"set\" wants the \"name\" of a service and \"set\": comp.param=value");
    if (strlen(text) >= sizeof(set->text))
        return tt_fail(err, -EINVAL, "a change is below %zu bytes long", sizeof(set->text));
    if (at != NULL &&
        (!json_is_integer(at) || json_integer_value(at) < 0 || json_integer_value(at) > INDEX_MAX))
        return tt_fail(err, -EINVAL, "\"at\" is the index of a frame, 0 or more");
    memcpy(set->text, text, strlen(text) + 1);
    set->at = at != NULL ? json_integer_value(at) : INT64_MIN;
    return 0;
}

static int ask_shaper(struct set *set, struct client *client, struct service *service,
                      struct tt_error *err)
{
    json_t *order =
        json_pack("{ss ss ss* ss* ss}", "op", "setting", "form", "yaml", "base",
                  service_base(service), "text", service_print(service), "set", set->text);
    int r = shape_open(set->node, order, client_uid(client), client_gid(client), on_shape, set,
                       &set->shape, err);

    json_decref(order);
    return r;
}

void set_begin(struct node *node, struct client *client, const json_t *request)
{
    const char *name = json_string_value(json_object_get(request, "name"));
    struct set *set = calloc(1, sizeof(*set));
    struct service *service = NULL;
    struct tt_error err = {0};
    int r;

    if (set == NULL) {
        (void)tt_fail(&err, -ENOMEM, "no memory for a change");
        client_error(client, &err, 3);
        return;
    }
    *set = (struct set){.next = node->sets, .node = node, .client = client_number(client)};
    set->timer = (struct loop_timer){.fn = on_timer, .ctx = set};
    node->sets = set;
    r = read_request(set, request, &err);
    if (r < 0) {
        fail(set, &err, 2);
        return;
    }
    service = service_find_named(node, client_uid(client), name);
    if (service == NULL) {
        (void)tt_fail(&err, -ESRCH, "no service of yours called '%.60s' runs here; see tactus ps",
                      name);
        fail(set, &err, 1);
        return;
    }
    set->service = service_number(service);
    r = ask_shaper(set, client, service, &err);
    if (r < 0)
        fail(set, &err, 3);
}

void set_told(struct node *node, uint64_t number, const struct setting *setting)
{
    for (struct set *set = node->sets; set != NULL; set = set->next)
        if (set->service == number && set->setting == setting->number) {
            answer(set, setting->index, true);
            return;
        }
}

void set_service_gone(struct node *node, uint64_t number)
{
    struct tt_error err = {0};
    struct set *next;

    (void)tt_fail(&err, -ESHUTDOWN, "the service ended before the change could act");
    for (struct set *set = node->sets; set != NULL; set = next) {
        next = set->next;
        if (set->service == number)
            fail(set, &err, 1);
    }
}

void set_client_gone(struct node *node, uint64_t client)
{
    struct set *next;

    for (struct set *set = node->sets; set != NULL; set = next) {
        next = set->next;
        if (set->client == client && set->shape != NULL)
            set_close(set);
    }
}

void set_close_all(struct node *node)
{
    while (node->sets != NULL)
        set_close(node->sets);
}
