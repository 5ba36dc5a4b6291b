/* What holds between the parts of a service: ports that fit, inputs that exist, promises at sinks.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "spec/build.h"
#include "spec/kinds.h"
#include "spec/resolve.h"

struct check {
    const struct tt_service *service;
    const struct tt_component *kinds[TT_COMPONENTS_MAX];
    struct spec_end outputs[TT_SPEC_FLOWS_MAX], inputs[TT_SPEC_FLOWS_MAX];
    struct tt_error *err;
};

static int find_kinds(struct check *check, const struct tt_catalogue *catalogue)
{
    for (uint32_t n = 0; n < check->service->component_count; n++) {
        const struct tt_spec_component *component = &check->service->components[n];
        int r = spec_find_kind(catalogue, component->kind, component->place, &check->kinds[n],
                               check->err);

        if (r < 0)
            return r;
    }
    return 0;
}

static int check_ports(struct check *check)
{
    const struct tt_service *service = check->service;
    uint32_t media[TT_SPEC_FLOWS_MAX];
    int r = spec_resolve_outputs(service, check->kinds, check->outputs, check->err);

    if (r < 0)
        return r;
    for (uint32_t n = 0; n < service->flow_count; n++) {
        const struct tt_spec_flow *flow = &service->flows[n];

        media[n] = spec_port_media(&check->kinds[flow->from]->ports[check->outputs[n].port]);
        if (flow->caps.kind != 0)
            media[n] &= 1u << flow->caps.kind;
    }
    for (uint32_t n = 0; r == 0 && n < service->component_count; n++)
        r = spec_resolve_inputs(service, check->kinds, n, media, false, check->inputs, check->err);
    return r;
}

/* Whether an input of that name is, or once formats are known may be, connected. */
static bool has_input(const struct check *check, uint32_t component, const char *name,
                      uint32_t *ret_port, struct spec_words *words)
{
    bool is_open = false;

    for (uint32_t n = 0; n < check->service->flow_count; n++) {
        if (check->service->flows[n].to != component)
            continue;
        is_open = is_open || check->inputs[n].port == UINT32_MAX;
        if (check->inputs[n].port == UINT32_MAX)
            continue;
        if (strcmp(check->inputs[n].name, name) == 0) {
            *ret_port = check->inputs[n].port;
            return true;
        }
        spec_words_add(words, check->inputs[n].name);
    }
    *ret_port = spec_port(check->kinds[component], name, false);
    return is_open && *ret_port != UINT32_MAX;
}

static int check_late(const struct check *check, uint32_t component)
{
    const struct tt_spec_component *self = &check->service->components[component];

    for (uint32_t n = 0; n < self->late_count; n++) {
        const struct tt_spec_late *late = &self->late[n];
        struct spec_words words = {0}, policies = {0};
        uint32_t port;

        if (!has_input(check, component, late->input, &port, &words)) {
            (void)spec_fail(check->err, late->place, late->input,
                            "'%s' has no connected input '%s'", self->name, late->input);
            return spec_expect(check->err, &words);
        }
        if (check->kinds[component]->ports[port].late_policies & late->policy)
            continue;
        (void)spec_fail(check->err, late->place, spec_late_word(late->policy),
                        "the input '%s' of '%s' (%s) cannot '%s' when it is late", late->input,
                        self->name, self->kind, spec_late_word(late->policy));
        spec_late_words(check->kinds[component]->ports[port].late_policies, &policies);
        return spec_expect(check->err, &policies);
    }
    return 0;
}

static int check_param_inputs(const struct check *check, uint32_t component)
{
    const struct tt_spec_component *self = &check->service->components[component];

    for (uint32_t n = 0; n < self->param_count; n++) {
        struct spec_words words = {0};
        struct spec_param_ref ref;
        uint32_t port;

        if (spec_find_param(check->kinds[component], self->params[n].name, &ref) < 0 ||
            ref.input[0] == 0 || has_input(check, component, ref.input, &port, &words))
            continue;
        (void)spec_fail(check->err, self->params[n].place, ref.input,
                        "the parameter '%s' of '%s' speaks of an input that is not connected",
                        self->params[n].name, self->name);
        return spec_expect(check->err, &words);
    }
    return 0;
}

static int check_component(const struct check *check, uint32_t component)
{
    const struct tt_spec_component *self = &check->service->components[component];
    uint32_t in = 0, out = 0;
    int r;

    for (uint32_t n = 0; n < check->service->flow_count; n++) {
        in += check->service->flows[n].to == component;
        out += check->service->flows[n].from == component;
    }
    if (in + out == 0) {
        (void)spec_fail(check->err, self->place, self->name, "'%s' (%s) is connected to nothing",
                        self->name, self->kind);
        return spec_expect_text(check->err, "a flow from or to it");
    }
    if (out > 0 && (self->deadline_ns != 0 || self->loss.den != 0)) {
        (void)spec_fail(check->err, self->place, self->name,
                        "'%s' has a deadline or loss of its own, but is no sink", self->name);
        return spec_expect_text(check->err, "it at the last component of the flow");
    }
    r = check_late(check, component);
    return r < 0 ? r : check_param_inputs(check, component);
}

static int check_all(struct check *check, const struct tt_catalogue *catalogue)
{
    int r;

    if (check->service->component_count == 0 || check->service->flow_count == 0) {
        (void)spec_fail(check->err, (struct tt_place){1, 1}, NULL, "the service has no %s",
                        check->service->component_count == 0 ? "components" : "flows");
        return spec_expect_text(check->err, "at least a source ! a sink");
    }
    r = find_kinds(check, catalogue);
    if (r == 0)
        r = check_ports(check);
    for (uint32_t n = 0; r == 0 && n < check->service->component_count; n++)
        r = check_component(check, n);
    return r;
}

int spec_check(const struct tt_service *service, const struct tt_catalogue *catalogue,
               struct tt_error *err)
{
    struct check *check = calloc(1, sizeof(*check));
    int r;

    if (!check)
        return tt_fail(err, -ENOMEM, "no memory to check the service");
    check->service = service;
    check->err = err;
    r = check_all(check, catalogue);
    free(check);
    return r;
}
