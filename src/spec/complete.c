/* What an author may leave out: a sink for what nobody takes, and a source's parameters where the
 * filter behind it says them. Each is told in a note. */
#include <errno.h>
#include <string.h>

#include "spec/build.h"
#include "spec/kinds.h"
#include "tactus/format.h"

enum { NOTE_BYTES = 256 };

static bool has_flow(const struct tt_service *service, uint32_t component, bool is_from)
{
    for (uint32_t n = 0; n < service->flow_count; n++)
        if ((is_from ? service->flows[n].from : service->flows[n].to) == component)
            return true;
    return false;
}

/* The first output that stands whoever takes it; NULL: none. */
static const struct tt_port *first_output(const struct tt_component *kind)
{
    for (uint32_t n = 0; n < kind->port_count; n++)
        if (kind->ports[n].is_output && !spec_is_template(&kind->ports[n]))
            return &kind->ports[n];
    return NULL;
}

static void free_name(const struct tt_service *service, char ret[TT_NAME_BYTES])
{
    (void)tt_format_text(ret, TT_NAME_BYTES, "null");
    for (uint32_t n = 2; spec_component(service, ret) != TT_COMPONENTS_MAX; n++)
        (void)tt_format_text(ret, TT_NAME_BYTES, "null%u", n);
}

/* A deadline at the end of a flow is that of the sink, which now stands behind it. */
static int add_null(struct tt_service *service, uint32_t component, const struct tt_port *output,
                    struct tt_error *err)
{
    struct tt_spec_component *self = &service->components[component], *sink = NULL;
    struct tt_spec_flow flow = {.from = component, .place = self->place, .to_place = self->place};
    char name[TT_NAME_BYTES], note[NOTE_BYTES];
    int r;

    free_name(service, name);
    r = spec_add_component(service, name, "null", self->place, &sink, err);
    if (r < 0)
        return r;
    sink->deadline_ns = self->deadline_ns;
    sink->loss = self->loss;
    self->deadline_ns = 0;
    self->loss = (struct tt_rational){0, 0};
    flow.to = spec_component(service, name);
    r = spec_add_flow(service, &flow, err);
    if (r < 0)
        return r;
    (void)tt_format_text(note, sizeof(note),
                         "'%s.%s' is connected to nothing: it ends in the `null` sink '%s'",
                         self->name, output->name, name);
    return spec_add_note(service, note) < 0 ? tt_fail(err, -ENOMEM, "no memory for a note") : 0;
}

static int add_sinks(struct tt_service *service, const struct tt_catalogue *catalogue,
                     struct tt_error *err)
{
    uint32_t count = service->component_count;
    int r = 0;

    if (!spec_kind(catalogue, "null"))
        return 0;
    for (uint32_t n = 0; r == 0 && n < count; n++) {
        const struct tt_component *kind = spec_kind(catalogue, service->components[n].kind);
        const struct tt_port *output = kind ? first_output(kind) : NULL;

        /* Of a service that is full already its last output is discarded without a sink. */
        if (service->component_count == TT_COMPONENTS_MAX ||
            service->flow_count == TT_SPEC_FLOWS_MAX)
            break;
        if (output && !has_flow(service, n, true) && (has_flow(service, n, false) || count == 1))
            r = add_null(service, n, output, err);
    }
    return r;
}

struct wish { /* what a filter says of one parameter */
    const char *param;
    char value[32];
};

static uint32_t read_wishes(const struct tt_format *caps, struct wish ret[5])
{
    const uint32_t numbers[] = {caps->width, caps->height, caps->sample_rate, caps->channels};
    static const char *const names[] = {"width", "height", "sample_rate", "channels"};
    uint32_t count = 0;

    for (uint32_t n = 0; n < 4; n++)
        if (numbers[n] != 0) {
            ret[count].param = names[n];
            (void)tt_format_text(ret[count++].value, sizeof(ret->value), "%u", numbers[n]);
        }
    if (caps->fourcc != 0) {
        ret[count].param = "format";
        (void)tt_format_text(ret[count++].value, sizeof(ret->value), "%s",
                             tt_fourcc_name(caps->fourcc));
    }
    return count;
}

static bool is_given(const struct tt_spec_component *component, const char *param)
{
    for (uint32_t n = 0; n < component->param_count; n++)
        if (strcmp(component->params[n].name, param) == 0)
            return true;
    return false;
}

static bool is_taken(const struct tt_component *kind, const struct wish *wish)
{
    struct spec_param_ref ref;
    struct tt_setting setting = {0};

    return spec_find_param(kind, wish->param, &ref) == 0 && !ref.is_option && ref.input[0] == 0 &&
           spec_read_value(&kind->params[ref.param], wish->value, &setting) == 0;
}

/* What the author wrote at the source stands, also against the filter: that is told as an error. */
static int follow_filter(struct tt_service *service, const struct tt_spec_flow *flow,
                         const struct tt_component *kind, struct tt_error *err)
{
    struct tt_spec_component *source = &service->components[flow->from];
    struct wish wishes[5];
    uint32_t count = read_wishes(&flow->caps, wishes), length;
    char note[NOTE_BYTES];
    bool is_any = false;
    int r = 0;

    length = tt_format_text(note, sizeof(note), "'%s' follows the filter behind it:", source->name);
    for (uint32_t n = 0; r == 0 && n < count; n++) {
        if (is_given(source, wishes[n].param) || !is_taken(kind, &wishes[n]))
            continue;
        r = spec_add_param(service, source, wishes[n].param, wishes[n].value, flow->place, err);
        length += tt_format_text(note + length, sizeof(note) - length, " %s=%s", wishes[n].param,
                                 wishes[n].value);
        is_any = true;
    }
    if (r == 0 && flow->caps.rate.num > 0 && service->rate.den == 0) {
        service->rate = flow->caps.rate;
        (void)tt_format_text(note + length, sizeof(note) - length,
                             flow->caps.rate.den == 1 ? " rate=%ld" : " rate=%ld/%ld",
                             (long)flow->caps.rate.num, (long)flow->caps.rate.den);
        is_any = true;
    }
    if (r == 0 && is_any && spec_add_note(service, note) < 0)
        r = tt_fail(err, -ENOMEM, "no memory for a note");
    return r;
}

static int follow_filters(struct tt_service *service, const struct tt_catalogue *catalogue,
                          struct tt_error *err)
{
    int r = 0;

    for (uint32_t n = 0; r == 0 && n < service->flow_count; n++) {
        const struct tt_spec_flow *flow = &service->flows[n];
        const struct tt_component *kind =
            spec_kind(catalogue, service->components[flow->from].kind);

        if (flow->caps.kind != 0 && kind && !has_flow(service, flow->from, false))
            r = follow_filter(service, flow, kind, err);
    }
    return r;
}

int spec_complete(struct tt_service *service, const struct tt_catalogue *catalogue,
                  struct tt_error *err)
{
    int r = add_sinks(service, catalogue, err);

    return r < 0 ? r : follow_filters(service, catalogue, err);
}
