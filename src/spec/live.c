/* A parameter of a service that runs: may it change now, and to what. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "spec/build.h"
#include "spec/complain.h"
#include "spec/kinds.h"

/* An event carries a number, and only the container's components hear of it. */
static bool may_change(const struct tt_component *kind, const struct tt_param *param)
{
    return (param->is_live & TT_PARAM_LIVE) != 0 && (kind->flags & TT_EDGE) == 0 &&
           param->type != TT_PARAM_TEXT && param->type != TT_PARAM_OPTIONS &&
           param->type != TT_PARAM_RATIONAL;
}

static int refuse(const struct tt_component *kind, const char *component, const char *name,
                  const char *assignment, struct tt_error *err)
{
    const struct tt_place nowhere = {0};
    char words[sizeof(err->expected)] = "";
    size_t length = 0;

    for (uint32_t n = 0; n < kind->param_count && length < sizeof(words); n++)
        if (may_change(kind, &kind->params[n]))
            length += (size_t)snprintf(words + length, sizeof(words) - length, "%s%s",
                                       length > 0 ? ", " : "", kind->params[n].name);
    (void)spec_fail(err, nowhere, name,
                    "'%s' of '%s' cannot change while the service runs%s%s%s: stop it, and run it "
                    "with --set %.100s",
                    name, component, length > 0 ? " (these can: " : "", words,
                    length > 0 ? ")" : "", assignment);
    (void)tt_format_text(err->expected, sizeof(err->expected), "%s", words);
    return -EINVAL;
}

/* What is set by the same words before the start, but is no parameter of a component. */
static int refuse_key(const char *assignment, struct tt_error *err)
{
    const struct tt_place nowhere = {0};

    return spec_fail(err, nowhere, assignment,
                     "this cannot change while the service runs: stop it, and run it with --set "
                     "%.100s",
                     assignment);
}

int tt_service_set_live(struct tt_service *service, const char *assignment,
                        const struct tt_catalogue *catalogue, struct tt_live_setting *ret,
                        struct tt_error *err)
{
    const struct tt_place nowhere = {0};
    const char *dot = strchr(assignment, '.'), *equals = strchr(assignment, '=');
    struct tt_live_setting live = {0};
    const struct tt_component *kind;
    struct spec_param_ref ref;
    struct tt_setting value = {0};
    int r = tt_service_set(service, assignment, catalogue, err);

    if (r < 0)
        return r;
    if (!dot || !equals || dot > equals)
        return refuse_key(assignment, err);
    (void)snprintf(live.component, sizeof(live.component), "%.*s", (int)(dot - assignment),
                   assignment);
    (void)snprintf(live.name, sizeof(live.name), "%.*s", (int)(equals - dot - 1), dot + 1);
    r = spec_find_kind(catalogue, service->components[spec_component(service, live.component)].kind,
                       nowhere, &kind, err);
    if (r < 0)
        return r;
    if (spec_find_param(kind, live.name, &ref) < 0)
        return refuse_key(assignment, err);
    if (ref.is_option || !may_change(kind, &kind->params[ref.param]))
        return refuse(kind, live.component, live.name, assignment, err);
    r = spec_read_value(&kind->params[ref.param], equals + 1, &value);
    if (r < 0)
        return tt_fail(err, r, "cannot set '%.60s'", assignment);
    live.param = ref.param;
    memcpy(live.input, ref.input, sizeof(live.input));
    live.i = value.i;
    live.f = value.f;
    *ret = live;
    return 0;
}
