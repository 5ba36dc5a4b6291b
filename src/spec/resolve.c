/* Which ports a flow joins when its author left them to us. */
#include "spec/resolve.h"

#include <errno.h>
#include <string.h>

static uint32_t caps_media(const struct tt_spec_flow *flow)
{
    return flow->caps.kind != 0 ? 1u << flow->caps.kind : UINT32_MAX;
}

/* All that the flow's consumer could take by it. */
static uint32_t wanted_media(const struct tt_component *kind, const struct tt_spec_flow *flow)
{
    uint32_t media = 0, port = spec_port(kind, flow->to_port, false);

    if (flow->to_port[0] != 0)
        return port == UINT32_MAX ? UINT32_MAX
                                  : spec_port_media(&kind->ports[port]) & caps_media(flow);
    for (uint32_t n = 0; n < kind->port_count; n++)
        if (!kind->ports[n].is_output)
            media |= spec_port_media(&kind->ports[n]);
    return media & caps_media(flow);
}

static int fail_misfit(const struct tt_service *service, const struct tt_spec_flow *flow,
                       struct tt_error *err)
{
    const struct tt_spec_component *from = &service->components[flow->from];
    const struct tt_spec_component *to = &service->components[flow->to];

    (void)spec_fail(err, flow->to_place, to->name,
                    "'%s%s%s' gives nothing that '%s%s%s' (%s) takes%s", from->name,
                    flow->from_port[0] ? "." : "", flow->from_port, to->name,
                    flow->to_port[0] ? "." : "", flow->to_port, to->kind,
                    flow->caps.kind ? " through that filter" : "");
    return spec_expect_text(err, "ports of one medium, with a decoder or encoder between others");
}

/* Several ports fit: `ports` are their bits. */
static int fail_ambiguous(const struct tt_service *service, const struct tt_spec_flow *flow,
                          const struct tt_component *kind, bool is_output, uint64_t ports,
                          struct tt_error *err)
{
    const char *name = service->components[is_output ? flow->from : flow->to].name;
    char list[160];
    uint32_t length = 0;

    for (uint32_t n = 0; n < kind->port_count && n < 64; n++)
        if (ports & 1ull << n)
            length += tt_format_text(list + length, sizeof(list) - length, "%s%s.%s",
                                     length > 0 ? " or " : "", name, kind->ports[n].name);
    (void)spec_fail(err, is_output ? flow->place : flow->to_place, name,
                    "several %s of '%s' fit this flow", is_output ? "outputs" : "inputs", name);
    return spec_expect_text(err, list);
}

static bool is_fed(const struct tt_service *service, const struct spec_end *ends, uint32_t from,
                   uint32_t port)
{
    for (uint32_t n = 0; n < service->flow_count; n++)
        if (service->flows[n].from == from && ends[n].port == port)
            return true;
    return false;
}

static bool has_name(const struct tt_service *service, const struct spec_end *ends,
                     uint32_t component, bool is_output, const char *name)
{
    for (uint32_t n = 0; n < service->flow_count; n++) {
        const struct tt_spec_flow *flow = &service->flows[n];

        if ((is_output ? flow->from : flow->to) == component && ends[n].port != UINT32_MAX &&
            strcmp(ends[n].name, name) == 0)
            return true;
    }
    return false;
}

/* An instance of a template port: in0, in1, ...: the first free number. */
static void name_instance(const struct tt_service *service, const struct spec_end *ends,
                          uint32_t component, bool is_output, char ret[TT_NAME_BYTES])
{
    uint32_t number = 0;

    do
        (void)tt_format_text(ret, TT_NAME_BYTES, "%s%u", is_output ? "out" : "in", number++);
    while (has_name(service, ends, component, is_output, ret));
}

static uint32_t bit_place(uint64_t bits)
{
    return (uint32_t)__builtin_ctzll(bits);
}

static int choose_output(const struct tt_service *service, const struct tt_component *const *kinds,
                         uint32_t flow_place, struct spec_end *ends, struct tt_error *err)
{
    const struct tt_spec_flow *flow = &service->flows[flow_place];
    const struct tt_component *kind = kinds[flow->from];
    uint32_t media = wanted_media(kinds[flow->to], flow), template = UINT32_MAX;
    uint64_t is_free = 0, is_used = 0, fits;

    for (uint32_t n = 0; n < kind->port_count && n < 64; n++) {
        const struct tt_port *port = &kind->ports[n];

        if (!port->is_output || (spec_port_media(port) & media) == 0)
            continue;
        if (spec_is_template(port))
            template = n;
        else if (is_fed(service, ends, flow->from, n))
            is_used |= 1ull << n;
        else
            is_free |= 1ull << n;
    }
    fits = is_free != 0 ? is_free : is_used;
    if ((fits & (fits - 1)) != 0)
        return fail_ambiguous(service, flow, kind, true, fits, err);
    if (fits == 0 && template == UINT32_MAX)
        return fail_misfit(service, flow, err);
    if (fits == 0) {
        name_instance(service, ends, flow->from, true, ends[flow_place].name);
        ends[flow_place].port = template;
        return 0;
    }
    ends[flow_place].port = bit_place(fits);
    (void)tt_format_text(ends[flow_place].name, TT_NAME_BYTES, "%s",
                         kind->ports[bit_place(fits)].name);
    return 0;
}

int spec_resolve_outputs(const struct tt_service *service, const struct tt_component *const *kinds,
                         struct spec_end *ret, struct tt_error *err)
{
    int r = 0;

    for (uint32_t n = 0; n < service->flow_count; n++) {
        const struct tt_spec_flow *flow = &service->flows[n];
        const struct tt_component *kind = kinds[flow->from];

        ret[n] = (struct spec_end){.port = UINT32_MAX};
        if (flow->from_port[0] == 0)
            continue;
        ret[n].port = spec_port(kind, flow->from_port, true);
        memcpy(ret[n].name, flow->from_port, TT_NAME_BYTES);
        if (ret[n].port == UINT32_MAX)
            return spec_fail_port(kind, service->components[flow->from].name, flow->from_port, true,
                                  flow->place, err);
        if ((spec_port_media(&kind->ports[ret[n].port]) & wanted_media(kinds[flow->to], flow)) == 0)
            return fail_misfit(service, flow, err);
    }
    for (uint32_t n = 0; r == 0 && n < service->flow_count; n++)
        if (ret[n].port == UINT32_MAX)
            r = choose_output(service, kinds, n, ret, err);
    return r;
}

static int name_input(const struct tt_service *service, const struct tt_component *kind,
                      uint32_t flow_place, uint32_t media, struct spec_end *ends,
                      struct tt_error *err)
{
    const struct tt_spec_flow *flow = &service->flows[flow_place];
    const char *name = service->components[flow->to].name;
    uint32_t port = spec_port(kind, flow->to_port, false);

    if (port == UINT32_MAX)
        return spec_fail_port(kind, name, flow->to_port, false, flow->to_place, err);
    if (has_name(service, ends, flow->to, false, flow->to_port)) {
        (void)spec_fail(err, flow->to_place, flow->to_port, "two flows end in '%s.%s'", name,
                        flow->to_port);
        return spec_expect_text(err, "an input of its own for each flow");
    }
    if ((spec_port_media(&kind->ports[port]) & media) == 0)
        return fail_misfit(service, flow, err);
    ends[flow_place].port = port;
    memcpy(ends[flow_place].name, flow->to_port, TT_NAME_BYTES);
    return 0;
}

/* 1 when it must stay undecided. */
static int choose_input(const struct tt_service *service, const struct tt_component *kind,
                        uint32_t flow_place, uint32_t media, struct spec_end *ends,
                        struct tt_error *err)
{
    const struct tt_spec_flow *flow = &service->flows[flow_place];
    uint32_t template = UINT32_MAX;
    bool is_full = false;
    uint64_t fits = 0;

    for (uint32_t n = 0; n < kind->port_count && n < 64; n++) {
        const struct tt_port *port = &kind->ports[n];

        if (port->is_output || (spec_port_media(port) & media) == 0)
            continue;
        if (spec_is_template(port))
            template = n;
        else if (!has_name(service, ends, flow->to, false, port->name))
            fits |= 1ull << n;
        else
            is_full = true;
    }
    if ((fits & (fits - 1)) != 0) {
        (void)fail_ambiguous(service, flow, kind, false, fits, err);
        return 1;
    }
    if (fits == 0 && template == UINT32_MAX && is_full) {
        (void)spec_fail(err, flow->to_place, service->components[flow->to].name,
                        "every input of '%s' (%s) that would fit is taken",
                        service->components[flow->to].name, kind->name);
        return spec_expect_text(err, "an input of its own for each flow");
    }
    if (fits == 0 && template == UINT32_MAX)
        return fail_misfit(service, flow, err);
    if (fits == 0)
        name_instance(service, ends, flow->to, false, ends[flow_place].name);
    else
        (void)tt_format_text(ends[flow_place].name, TT_NAME_BYTES, "%s",
                             kind->ports[bit_place(fits)].name);
    /* Only now, so that it does not meet its own name. */
    ends[flow_place].port = fits != 0 ? bit_place(fits) : template;
    return 0;
}

static int check_instances(const struct tt_service *service, const struct tt_component *kind,
                           uint32_t component, const struct spec_end *ends, struct tt_error *err)
{
    uint32_t counts[64] = {0}, total = 0;

    for (uint32_t n = 0; n < service->flow_count; n++) {
        uint32_t port = ends[n].port, max;

        if (service->flows[n].to != component || port >= 64)
            continue;
        max = kind->ports[port].instances_max;
        if (++counts[port] > (max > 1 ? max : 1) || ++total > TT_PORTS_MAX) {
            (void)spec_fail(err, service->flows[n].to_place, service->components[component].name,
                            "'%s' (%s) has no room for another input",
                            service->components[component].name, kind->name);
            return spec_expect_text(err, "fewer inputs, or a second component of that kind");
        }
    }
    return 0;
}

int spec_resolve_inputs(const struct tt_service *service, const struct tt_component *const *kinds,
                        uint32_t component, const uint32_t *media, bool is_final,
                        struct spec_end *ret, struct tt_error *err)
{
    const struct tt_component *kind = kinds[component];
    int r = 0;

    for (uint32_t n = 0; n < service->flow_count; n++)
        if (service->flows[n].to == component)
            ret[n] = (struct spec_end){.port = UINT32_MAX};
    for (uint32_t n = 0; r == 0 && n < service->flow_count; n++)
        if (service->flows[n].to == component && service->flows[n].to_port[0] != 0)
            r = name_input(service, kind, n, media[n], ret, err);
    for (uint32_t n = 0; r == 0 && n < service->flow_count; n++)
        if (service->flows[n].to == component && service->flows[n].to_port[0] == 0)
            r = choose_input(service, kind, n, media[n], ret, err);
    if (r > 0 &&
        !is_final) { /* what formats may still decide is no error, nor part of a later one */
        if (err)
            *err = (struct tt_error){0};
        r = 0;
    }
    if (r > 0)
        r = -EINVAL;
    return r < 0 ? r : check_instances(service, kind, component, ret, err);
}
