/* A service's memory, and whether two services are the same. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "spec/build.h"
#include "spec/complain.h"
#include "spec/kinds.h"

enum { PARAMS_MAX = 256, NOTES_MAX = 64 };

struct spec_service {
    struct tt_service service; /* first: its address is the service's */
    struct spec_arena arena;
};

struct tt_service *spec_service_new(void)
{
    struct spec_service *made = calloc(1, sizeof(*made));
    struct tt_service *service;

    if (!made)
        return NULL;
    service = &made->service;
    service->deadline_ns = 100000000;
    service->loss = (struct tt_rational){1, 100};
    memcpy(service->name, "service", sizeof("service"));
    service->components = spec_take(&made->arena, sizeof(*service->components) * TT_COMPONENTS_MAX);
    service->flows = spec_take(&made->arena, sizeof(*service->flows) * TT_SPEC_FLOWS_MAX);
    service->notes = spec_take(&made->arena, sizeof(*service->notes) * NOTES_MAX);
    if (!service->components || !service->flows || !service->notes)
        tt_service_close(&service);
    return service;
}

struct spec_arena *spec_service_arena(struct tt_service *service)
{
    return &((struct spec_service *)service)->arena;
}

void tt_service_close(struct tt_service **service)
{
    if (*service)
        spec_arena_fini(spec_service_arena(*service));
    free(*service);
    *service = NULL;
}

static void copy_name(char ret[TT_NAME_BYTES], const char *name)
{
    (void)tt_format_text(ret, TT_NAME_BYTES, "%s", name);
}

uint32_t spec_component(const struct tt_service *service, const char *name)
{
    for (uint32_t n = 0; n < service->component_count; n++)
        if (strcmp(service->components[n].name, name) == 0)
            return n;
    return TT_COMPONENTS_MAX;
}

int spec_fail_component(const struct tt_service *service, const char *name, struct tt_place place,
                        struct tt_error *err)
{
    struct spec_words words = {0};
    char token[SPEC_TOKEN_BYTES];

    spec_show(name, strlen(name), token);
    for (uint32_t n = 0; n < service->component_count; n++)
        spec_words_add(&words, service->components[n].name);
    (void)spec_fail(err, place, token, "there is no component '%s'", token);
    return spec_expect(err, &words);
}

static int too_many(struct tt_error *err, struct tt_place place, const char *what, uint32_t max)
{
    (void)spec_fail(err, place, NULL, "more than %u %s: split the service", max, what);
    if (err)
        err->code = -E2BIG;
    return -E2BIG;
}

int spec_add_component(struct tt_service *service, const char *name, const char *kind,
                       struct tt_place place, struct tt_spec_component **ret, struct tt_error *err)
{
    struct tt_spec_component *component = &service->components[service->component_count];

    if (service->component_count == TT_COMPONENTS_MAX)
        return too_many(err, place, "components", TT_COMPONENTS_MAX);
    service->component_count++;
    copy_name(component->name, name);
    (void)tt_format_text(component->kind, sizeof(component->kind), "%s", kind);
    component->place = place;
    *ret = component;
    return 0;
}

int spec_add_param(struct tt_service *service, struct tt_spec_component *component,
                   const char *name, const char *value, struct tt_place place, struct tt_error *err)
{
    struct spec_arena *arena = spec_service_arena(service);
    struct tt_spec_param param = {.place = place}, *params;
    uint32_t at = 0, count = component->param_count;

    param.name = spec_copy(arena, name, strlen(name));
    param.value = spec_copy(arena, value, strlen(value));
    if (!param.name || !param.value)
        return tt_fail(err, -ENOMEM, "no memory for the parameter '%s'", name);
    while (at < count && strcmp(component->params[at].name, name) != 0)
        at++;
    if (at == PARAMS_MAX)
        return too_many(err, place, "parameters of a component", PARAMS_MAX);
    if (at == count && count % 16 == 0) {
        params = spec_take(arena, sizeof(*params) * (count + 16));
        if (!params)
            return tt_fail(err, -ENOMEM, "no memory for the parameter '%s'", name);
        if (count > 0)
            memcpy(params, component->params, sizeof(*params) * count);
        component->params = params;
    }
    component->params[at] = param;
    component->param_count = at == count ? count + 1 : count;
    return 0;
}

int spec_add_flow(struct tt_service *service, const struct tt_spec_flow *flow, struct tt_error *err)
{
    if (service->flow_count == TT_SPEC_FLOWS_MAX)
        return too_many(err, flow->place, "flows", TT_SPEC_FLOWS_MAX);
    service->flows[service->flow_count++] = *flow;
    return 0;
}

int spec_add_degrade(struct tt_service *service, struct tt_spec_component *component,
                     const char *assignment, struct tt_error *err)
{
    struct spec_arena *arena = spec_service_arena(service);
    char *copy = spec_copy(arena, assignment, strlen(assignment));

    if (!component->degrade)
        component->degrade = spec_take(arena, sizeof(*component->degrade) * TT_PORTS_MAX);
    if (component->degrade_count == TT_PORTS_MAX)
        return too_many(err, component->place, "degrading levels of a component", TT_PORTS_MAX);
    if (!copy || !component->degrade)
        return tt_fail(err, -ENOMEM, "no memory for the degrading levels of '%s'", component->name);
    component->degrade[component->degrade_count++] = copy;
    return 0;
}

int spec_add_note(struct tt_service *service, const char *note)
{
    char *copy;

    for (uint32_t n = 0; n < service->note_count; n++)
        if (strcmp(service->notes[n], note) == 0)
            return 0;
    if (service->note_count == NOTES_MAX)
        return 0;
    copy = spec_copy(spec_service_arena(service), note, strlen(note));
    if (!copy)
        return -ENOMEM;
    service->notes[service->note_count++] = copy;
    return 0;
}

static bool is_same_rate(struct tt_rational a, struct tt_rational b)
{
    return a.num == b.num && a.den == b.den;
}

static bool has_same_params(const struct tt_spec_component *a, const struct tt_spec_component *b)
{
    if (a->param_count != b->param_count)
        return false;
    for (uint32_t n = 0; n < a->param_count; n++) {
        uint32_t at = 0;

        while (at < b->param_count && strcmp(a->params[n].name, b->params[at].name) != 0)
            at++;
        if (at == b->param_count || strcmp(a->params[n].value, b->params[at].value) != 0)
            return false;
    }
    return true;
}

static bool has_same_late(const struct tt_spec_component *a, const struct tt_spec_component *b)
{
    if (a->late_count != b->late_count)
        return false;
    for (uint32_t n = 0; n < a->late_count; n++) {
        uint32_t at = 0;

        while (at < b->late_count && strcmp(a->late[n].input, b->late[at].input) != 0)
            at++;
        if (at == b->late_count || a->late[n].policy != b->late[at].policy)
            return false;
    }
    return true;
}

static bool is_same_component(const struct tt_spec_component *a, const struct tt_spec_component *b)
{
    if (strcmp(a->kind, b->kind) != 0 || strcmp(a->overrun, b->overrun) != 0 ||
        a->has_call_grants != b->has_call_grants || a->deadline_ns != b->deadline_ns ||
        !is_same_rate(a->loss, b->loss) || a->degrade_count != b->degrade_count)
        return false;
    for (uint32_t n = 0; n < a->degrade_count; n++)
        if (strcmp(a->degrade[n], b->degrade[n]) != 0)
            return false;
    return has_same_params(a, b) && has_same_late(a, b);
}

static bool is_same_caps(const struct tt_format *a, const struct tt_format *b)
{
    return a->kind == b->kind && a->fourcc == b->fourcc && a->width == b->width &&
           a->height == b->height && a->sample_rate == b->sample_rate &&
           a->channels == b->channels && is_same_rate(a->rate, b->rate);
}

/* The order of flows counts, for it is the order of a component's inputs. */
static bool is_same_flow(const struct tt_service *a, const struct tt_service *b, uint32_t n)
{
    const struct tt_spec_flow *x = &a->flows[n], *y = &b->flows[n];

    return strcmp(a->components[x->from].name, b->components[y->from].name) == 0 &&
           strcmp(a->components[x->to].name, b->components[y->to].name) == 0 &&
           strcmp(x->from_port, y->from_port) == 0 && strcmp(x->to_port, y->to_port) == 0 &&
           is_same_caps(&x->caps, &y->caps);
}

bool tt_service_equal(const struct tt_service *a, const struct tt_service *b)
{
    if (strcmp(a->name, b->name) != 0 || !is_same_rate(a->rate, b->rate) ||
        !is_same_rate(a->loss, b->loss) || a->deadline_ns != b->deadline_ns ||
        a->is_best_effort != b->is_best_effort || a->spare_containers != b->spare_containers ||
        a->component_count != b->component_count || a->flow_count != b->flow_count)
        return false;
    for (uint32_t n = 0; n < a->component_count; n++) {
        uint32_t at = spec_component(b, a->components[n].name);

        if (at == TT_COMPONENTS_MAX || !is_same_component(&a->components[n], &b->components[at]))
            return false;
    }
    for (uint32_t n = 0; n < a->flow_count; n++)
        if (!is_same_flow(a, b, n))
            return false;
    return true;
}
