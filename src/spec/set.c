/* One parameter of a service changed from outside: comp.param=v. */
#include <errno.h>
#include <string.h>

#include "spec/build.h"
#include "spec/kinds.h"

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
    if (spec_find_param(kind, name, &ref) < 0 && strcmp(name, "overrun") == 0)
        return spec_read_overrun(value, nowhere, component->overrun, err);
    r = spec_check_param(kind, component->name, name, value, nowhere, nowhere, err);
    if (r < 0)
        return r;
    r = spec_add_param(service, component, name, value, nowhere, err);
    return r < 0 ? r : spec_check(service, catalogue, err);
}

int tt_service_set(struct tt_service *service, const char *assignment,
                   const struct tt_catalogue *catalogue, struct tt_error *err)
{
    const struct tt_place nowhere = {0};
    const char *dot = strchr(assignment, '.'), *equals = strchr(assignment, '=');
    char name[TT_NAME_BYTES], param[2 * TT_NAME_BYTES];
    uint32_t component;
    int r;

    if (!dot || !equals || dot > equals || dot == assignment || equals == dot + 1 ||
        dot - assignment >= TT_NAME_BYTES || equals - dot > (int64_t)sizeof(param)) {
        (void)spec_fail(err, nowhere, assignment, "this changes nothing of a service");
        r = spec_expect_text(err, "component.parameter=value");
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
