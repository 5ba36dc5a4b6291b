/* One thing of a service changed from outside: a parameter or key of a component (comp.param=v), a
 * key of the service (rate=25), or a component taken out of its flow (without=comp). */
#include <errno.h>
#include <string.h>

#include "spec/build.h"
#include "spec/kinds.h"

/* 1: it is none. */
static int set_key(struct tt_service *service, struct tt_spec_component *component,
                   const char *name, const char *value, const struct tt_catalogue *catalogue,
                   struct tt_error *err)
{
    const struct tt_place nowhere = {0};
    int r = 1;

    if (strcmp(name, "overrun") == 0)
        return spec_read_overrun(value, nowhere, component->overrun, err);
    if (strcmp(name, "grants") == 0)
        return spec_read_grants(value, nowhere, catalogue, component, err);
    if (strcmp(name, "deadline") == 0)
        r = spec_read_deadline(value, nowhere, &component->deadline_ns, err);
    else if (strcmp(name, "loss") == 0)
        r = spec_read_loss(value, nowhere, &component->loss, err);
    return r == 0 ? spec_check(service, catalogue, err) : r;
}

static int set_param(struct tt_service *service, struct tt_spec_component *component,
                     const char *name, const char *value, const struct tt_catalogue *catalogue,
                     struct tt_error *err)
{
    const struct tt_place nowhere = {0};
    const struct tt_component *kind;
    struct spec_param_ref ref;
    int r = spec_find_kind(catalogue, component->kind, nowhere, &kind, err);

    if (r < 0)
        return r;
    if (spec_find_param(kind, name, &ref) < 0) {
        r = set_key(service, component, name, value, catalogue, err);
        if (r <= 0)
            return r;
    }
    r = spec_check_param(kind, component->name, name, value, nowhere, nowhere, err);
    if (r < 0)
        return r;
    r = spec_add_param(service, component, name, value, nowhere, err);
    return r < 0 ? r : spec_check(service, catalogue, err);
}

/* Takes a component out: what it was fed now feeds those that it fed. */
static int remove_component(struct tt_service *service, const char *name,
                            const struct tt_catalogue *catalogue, struct tt_error *err)
{
    const struct tt_place nowhere = {0};
    uint32_t at = spec_component(service, name), in = 0, out = 0, feeder = 0, kept = 0;

    if (at == TT_COMPONENTS_MAX)
        return spec_fail_component(service, name, nowhere, err);
    for (uint32_t n = 0; n < service->flow_count; n++) {
        feeder = service->flows[n].to == at ? n : feeder;
        in += service->flows[n].to == at;
        out += service->flows[n].from == at;
    }
    if (in != 1 || out == 0) {
        (void)spec_fail(err, nowhere, name, "'%s' cannot be left out of its flow", name);
        return spec_expect_text(err, "a component with one input that is connected, and an output");
    }
    for (uint32_t n = 0; n < service->flow_count; n++) {
        struct tt_spec_flow *flow = &service->flows[n];

        if (flow->from != at)
            continue;
        flow->from = service->flows[feeder].from;
        memcpy(flow->from_port, service->flows[feeder].from_port, sizeof(flow->from_port));
        if (flow->caps.kind == 0)
            flow->caps = service->flows[feeder].caps;
    }
    for (uint32_t n = 0; n < service->flow_count; n++)
        if (n != feeder)
            service->flows[kept++] = service->flows[n];
    service->flow_count = kept;
    for (uint32_t n = 0; n < service->flow_count; n++) {
        service->flows[n].from -= service->flows[n].from > at;
        service->flows[n].to -= service->flows[n].to > at;
    }
    service->component_count--;
    memmove(&service->components[at], &service->components[at + 1],
            sizeof(*service->components) * (service->component_count - at));
    return spec_check(service, catalogue, err);
}

/* 1: it is none. */
static int set_of_service(struct tt_service *service, const char *name, const char *value,
                          const struct tt_catalogue *catalogue, struct tt_error *err)
{
    const struct tt_place nowhere = {0};

    if (strcmp(name, "deadline") == 0)
        return spec_read_deadline(value, nowhere, &service->deadline_ns, err);
    if (strcmp(name, "loss") == 0)
        return spec_read_loss(value, nowhere, &service->loss, err);
    if (strcmp(name, "rate") == 0)
        return spec_read_rate(value, nowhere, &service->rate, err);
    if (strcmp(name, "spare_containers") == 0)
        return spec_read_spares(value, nowhere, &service->spare_containers, err);
    if (strcmp(name, "without") == 0)
        return remove_component(service, value, catalogue, err);
    return 1;
}

int tt_service_set(struct tt_service *service, const char *assignment,
                   const struct tt_catalogue *catalogue, struct tt_error *err)
{
    const struct tt_place nowhere = {0};
    const char *dot = strchr(assignment, '.'), *equals = strchr(assignment, '=');
    char name[TT_NAME_BYTES], param[2 * TT_NAME_BYTES];
    uint32_t component;
    int r = 1;

    if (equals && equals - assignment < TT_NAME_BYTES && (!dot || dot > equals)) {
        memcpy(name, assignment, (size_t)(equals - assignment));
        name[equals - assignment] = 0;
        r = set_of_service(service, name, equals + 1, catalogue, err);
        if (r <= 0)
            return r < 0 ? tt_wrap(err, r, "cannot set '%.*s'", 60, assignment) : 0;
    }
    if (!dot || !equals || dot > equals || dot == assignment || equals == dot + 1 ||
        dot - assignment >= TT_NAME_BYTES || equals - dot > (int64_t)sizeof(param)) {
        (void)spec_fail(err, nowhere, assignment, "this changes nothing of a service");
        r = spec_expect_text(err, "component.parameter=value, or rate=, deadline=, loss=, "
                                  "spare_containers= of the service");
        return tt_wrap(err, r, "cannot set '%.*s'", 60, assignment);
    }
    memcpy(name, assignment, (size_t)(dot - assignment));
    name[dot - assignment] = 0;
    memcpy(param, dot + 1, (size_t)(equals - dot - 1));
    param[equals - dot - 1] = 0;
    component = spec_component(service, name);
    if (component == TT_COMPONENTS_MAX)
        r = spec_fail_component(service, name, nowhere, err);
    else
        r = set_param(service, &service->components[component], param, equals + 1, catalogue, err);
    return r < 0 ? tt_wrap(err, r, "cannot set '%.*s'", 60, assignment) : 0;
}
