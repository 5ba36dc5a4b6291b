/* A service becomes a picture: components in topological order, each negotiated once. */
#include "spec/shape.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tactus/format.h"

static int find_kinds(struct shaper *shaper)
{
    const struct tt_service *service = shaper->service;

    for (uint32_t n = 0; n < service->component_count; n++) {
        int r = spec_find_kind(shaper->catalogue, service->components[n].kind,
                               service->components[n].place, &shaper->kinds[n], shaper->err);

        if (r < 0)
            return r;
    }
    return 0;
}

/* Walks against the flows from a component that never became ready: it must come to a cycle. */
static int fail_cycle(struct shaper *shaper, const bool *is_done, uint32_t start)
{
    const struct tt_service *service = shaper->service;
    bool is_seen[TT_COMPONENTS_MAX] = {false};
    char text[256];
    uint32_t at = start, first, length;

    while (!is_seen[at]) {
        is_seen[at] = true;
        for (uint32_t n = 0; n < service->flow_count; n++)
            if (service->flows[n].to == at && !is_done[service->flows[n].from]) {
                at = service->flows[n].from;
                break;
            }
    }
    first = at;
    length = tt_format_text(text, sizeof(text), "%s", service->components[at].name);
    do {
        for (uint32_t n = 0; n < service->flow_count; n++)
            if (service->flows[n].to == at && !is_done[service->flows[n].from]) {
                at = service->flows[n].from;
                break;
            }
        length += tt_format_text(text + length, (uint32_t)sizeof(text) - length, " after %s",
                                 service->components[at].name);
    } while (at != first);
    (void)spec_fail(shaper->err, service->components[first].place, service->components[first].name,
                    "the flows run in a circle: %s", text);
    return spec_expect_text(shaper->err, "flows that lead from sources to sinks");
}

/* Kahn's order; of several that are ready the one written first. */
static int sort(struct shaper *shaper)
{
    const struct tt_service *service = shaper->service;
    bool is_done[TT_COMPONENTS_MAX] = {false};
    uint32_t waits[TT_COMPONENTS_MAX] = {0};

    for (uint32_t n = 0; n < service->flow_count; n++)
        waits[service->flows[n].to]++;
    for (uint32_t place = 0; place < service->component_count; place++) {
        uint32_t at = 0;

        while (at < service->component_count && (is_done[at] || waits[at] > 0))
            at++;
        if (at == service->component_count) {
            for (at = 0; is_done[at];)
                at++;
            return fail_cycle(shaper, is_done, at);
        }
        is_done[at] = true;
        shaper->order[place] = at;
        for (uint32_t n = 0; n < service->flow_count; n++)
            waits[service->flows[n].to] -= service->flows[n].from == at;
    }
    return 0;
}

static int add_out(struct shaper *shaper, struct shape_draft *draft, uint32_t port,
                   const char *name)
{
    struct tt_picture_component *self = &draft->component;
    struct tt_picture_pin *pin = &self->out[self->out_count];

    if (self->out_count == TT_PORTS_MAX)
        return spec_fail(shaper->err, draft->spec->place, self->name,
                         "'%s' has more than %u outputs", draft->spec->name, TT_PORTS_MAX);
    *pin = (struct tt_picture_pin){
        .port = port, .flow = -1, .hold_max = draft->kind->ports[port].hold_max, .in_place_of = -1};
    (void)tt_format_text(pin->name, TT_NAME_BYTES, "%s", name);
    self->out_count++;
    return 0;
}

static uint32_t find_out(const struct shape_draft *draft, const char *name)
{
    uint32_t n = 0;

    while (n < draft->component.out_count && strcmp(draft->component.out[n].name, name) != 0)
        n++;
    return n;
}

/* Fixed outputs in the kind's order, connected or not; instances of a template where it stands. */
static int make_outputs(struct shaper *shaper, struct shape_draft *draft, uint32_t component)
{
    const struct tt_service *service = shaper->service;
    int r = 0;

    for (uint32_t port = 0; r == 0 && port < draft->kind->port_count; port++) {
        bool is_template = spec_is_template(&draft->kind->ports[port]);

        if (!draft->kind->ports[port].is_output)
            continue;
        if (!is_template)
            r = add_out(shaper, draft, port, draft->kind->ports[port].name);
        for (uint32_t n = 0; r == 0 && n < service->flow_count; n++) {
            if (service->flows[n].from != component || shaper->outputs[n].port != port)
                continue;
            if (find_out(draft, shaper->outputs[n].name) == draft->component.out_count)
                r = add_out(shaper, draft, port, shaper->outputs[n].name);
            draft->connected |= r == 0 ? 1u << find_out(draft, shaper->outputs[n].name) : 0;
        }
    }
    return r;
}

static int new_draft(struct shaper *shaper, uint32_t component, struct shape_draft **ret)
{
    struct shape_draft *draft = spec_take(spec_picture_arena(shaper->picture), sizeof(*draft));

    if (!draft)
        return tt_fail(shaper->err, -ENOMEM, "no memory for the service's picture");
    draft->kind = shaper->kinds[component];
    draft->spec = &shaper->service->components[component];
    (void)tt_format_text(draft->component.name, TT_NAME_BYTES, "%s", draft->spec->name);
    *ret = draft;
    return make_outputs(shaper, draft, component);
}

static bool has_inputs(const struct tt_service *service, uint32_t component)
{
    for (uint32_t n = 0; n < service->flow_count; n++)
        if (service->flows[n].to == component)
            return true;
    return false;
}

/* Place in the kind's outputs to place in the pins: fixed outputs keep their order. */
static int32_t in_place_of(const struct shape_draft *draft, const struct tt_port *port)
{
    return port->in_place_of >= 0 && (uint32_t)port->in_place_of < draft->component.out_count
               ? port->in_place_of
               : -1;
}

static uint32_t late_policy(const struct tt_spec_component *spec, const struct tt_port *port,
                            const char *input)
{
    for (uint32_t n = 0; n < spec->late_count; n++)
        if (strcmp(spec->late[n].input, input) == 0)
            return spec->late[n].policy;
    return port->late_policies != 0 ? tt_port_late_default(port) : TT_LATE_DROP;
}

static void add_in(struct shaper *shaper, struct shape_draft *draft, uint32_t flow)
{
    struct tt_picture_component *self = &draft->component;
    const struct spec_end *end = &shaper->inputs[flow];
    const struct tt_port *port = &draft->kind->ports[end->port];
    struct tt_picture_pin *pin = &self->in[self->in_count];
    uint32_t from = shaper->place_of[shaper->service->flows[flow].from];
    const struct tt_picture_component *source = &shaper->picture->components[from];
    uint32_t out = 0;

    while (strcmp(source->out[out].name, shaper->outputs[flow].name) != 0)
        out++;
    *pin = (struct tt_picture_pin){.port = end->port,
                                   .flow = -1,
                                   .late_policy = late_policy(draft->spec, port, end->name),
                                   .hold_max = port->hold_max,
                                   .in_place_of = in_place_of(draft, port)};
    memcpy(pin->name, end->name, TT_NAME_BYTES);
    draft->from[self->in_count] = (struct shape_source){.component = from, .out = out};
    draft->caps[self->in_count] = shaper->service->flows[flow].caps;
    self->in_count++;
}

static int fail_unconnected(struct shaper *shaper, const struct shape_draft *draft,
                            const struct tt_port *port)
{
    (void)spec_fail(shaper->err, draft->spec->place, draft->spec->name,
                    "'%s' (%s) has nothing at its input '%s'", draft->spec->name, draft->kind->name,
                    port->name);
    return spec_expect_text(shaper->err, "a flow that ends there");
}

/* The first connected input whose port leads; of a lone or separate input there is no question. */
static void choose_leader(struct shape_draft *draft)
{
    struct tt_picture_component *self = &draft->component;

    for (uint32_t n = 0; n < self->in_count; n++)
        if (draft->kind->ports[self->in[n].port].is_leader) {
            self->in[n].is_leader = true;
            return;
        }
    if (self->in_count == 1 || draft->kind->flags & TT_SEPARATE)
        self->in[0].is_leader = true;
}

static int make_inputs(struct shaper *shaper, struct shape_draft *draft, uint32_t component)
{
    const struct tt_service *service = shaper->service;
    uint32_t media[TT_SPEC_FLOWS_MAX] = {0};
    int r;

    for (uint32_t n = 0; n < service->flow_count; n++) {
        const struct tt_picture_component *from =
            &shaper->picture->components[shaper->place_of[service->flows[n].from]];
        uint32_t out = 0;

        if (service->flows[n].to != component)
            continue;
        while (strcmp(from->out[out].name, shaper->outputs[n].name) != 0)
            out++;
        media[n] = 1u << from->shape.out[out].kind;
    }
    r = spec_resolve_inputs(service, shaper->kinds, component, media, true, shaper->inputs,
                            shaper->err);
    if (r < 0)
        return r;
    for (uint32_t port = 0; port < draft->kind->port_count; port++) {
        uint32_t count = draft->component.in_count;

        for (uint32_t n = 0; n < service->flow_count; n++)
            if (service->flows[n].to == component && shaper->inputs[n].port == port)
                add_in(shaper, draft, n);
        if (!draft->kind->ports[port].is_output && !draft->kind->ports[port].is_optional &&
            draft->component.in_count == count)
            return fail_unconnected(shaper, draft, &draft->kind->ports[port]);
    }
    choose_leader(draft);
    return 0;
}

static bool is_live(const struct shape_draft *draft)
{
    for (uint32_t n = 0; n < draft->component.setting_count; n++) {
        const struct tt_setting *setting = &draft->component.settings[n];
        const struct tt_param *param = &draft->kind->params[setting->param];

        if (strcmp(param->name, "live") == 0 && param->type == TT_PARAM_BOOL && setting->i != 0)
            return true;
    }
    return false;
}

/* What cannot be read faster than it happens is live, though nobody wrote so. */
static const char *live_address(const struct shape_draft *draft, const struct tt_setting *setting)
{
    static const char *const heads[] = {"udp://",    "rtp://",   "srtp://",  "srt://",
                                        "rtmp://",   "rtmps://", "rtmpt://", "rtmpe://",
                                        "rtmpts://", "rtsp://",  "rist://"};
    const char *url = draft->component.texts + setting->text;

    for (size_t n = 0; n < sizeof(heads) / sizeof(heads[0]); n++)
        if (strncmp(url, heads[n], strlen(heads[n])) == 0)
            return heads[n];
    return NULL;
}

static int infer_live(struct shaper *shaper, struct shape_draft *draft)
{
    const char *head = NULL;
    struct tt_setting *live = NULL;

    for (uint32_t n = 0; n < draft->component.setting_count; n++) {
        struct tt_setting *setting = &draft->component.settings[n];
        const struct tt_param *param = &draft->kind->params[setting->param];

        if (strcmp(param->name, "url") == 0 && param->type == TT_PARAM_TEXT)
            head = live_address(draft, setting);
        else if (strcmp(param->name, "live") == 0 && param->type == TT_PARAM_BOOL)
            live = setting;
    }
    if (!head || !live || live->is_given || live->i != 0)
        return 0;
    live->i = 1;
    live->f = 1;
    return spec_picture_note(shaper->picture,
                             "'%s' is live: nothing comes by %s faster than it happens (live: "
                             "false takes it as fast as it comes)",
                             draft->spec->name, head);
}

static bool is_video(const struct tt_format *format)
{
    return (format->kind == TT_VIDEO || format->kind == TT_CODED_VIDEO) && format->rate.num > 0;
}

/* The rate a source would give to a service that says none; {0, 1} when it has none. */
static struct tt_rational own_rate(const struct shape_draft *draft, bool is_video_only)
{
    for (uint32_t n = 0; n < draft->component.out_count; n++) {
        const struct tt_format *out = &draft->component.shape.out[n];

        if (draft->connected >> n & 1 && out->rate.num > 0 && (!is_video_only || is_video(out)))
            return out->rate;
    }
    return (struct tt_rational){0, 1};
}

static int check_rate(struct shaper *shaper, const struct shape_draft *draft)
{
    struct tt_rational own = own_rate(draft, true), rate = shaper->picture->rate;
    char text[64];

    if (own.num == 0 || spec_compare_rates(own, rate) == 0)
        return 0;
    (void)spec_fail(shaper->err, draft->spec->place, draft->spec->name,
                    "'%s' gives %ld/%ld pictures a second, but the service runs at %ld/%ld",
                    draft->spec->name, (long)own.num, (long)own.den, (long)rate.num,
                    (long)rate.den);
    (void)tt_format_text(text, sizeof(text), own.den == 1 ? "rate: %ld" : "rate: %ld/%ld",
                         (long)own.num, (long)own.den);
    return spec_expect_text(shaper->err, text);
}

static int begin_source(struct shaper *shaper, uint32_t component)
{
    struct shape_draft *draft = NULL;
    int r = new_draft(shaper, component, &draft);

    for (uint32_t port = 0; r == 0 && port < draft->kind->port_count; port++)
        if (!draft->kind->ports[port].is_output && !draft->kind->ports[port].is_optional)
            r = fail_unconnected(shaper, draft, &draft->kind->ports[port]);
    if (r == 0)
        r = spec_settings(shaper->picture, draft->spec, draft->kind, &draft->component,
                          shaper->err);
    if (r == 0 && infer_live(shaper, draft) < 0)
        r = tt_fail(shaper->err, -ENOMEM, "no memory for a note");
    if (r < 0)
        return r;
    draft->component.is_live = is_live(draft);
    shaper->picture->is_live = shaper->picture->is_live || draft->component.is_live;
    draft->is_shaped = true;
    shaper->drafts[component] = draft;
    return 0;
}

/* The service's rate: as written, else of the first video source, else of the first source. */
static void settle_rate(struct shaper *shaper)
{
    for (uint32_t pass = 0; pass < 2 && shaper->picture->rate.num == 0; pass++)
        for (uint32_t n = 0; n < shaper->service->component_count; n++)
            if (shaper->drafts[n] && shaper->picture->rate.num == 0)
                shaper->picture->rate = own_rate(shaper->drafts[n], pass == 0);
}

/* Sources come first: they say the rate and whether the service is live. A source that was asked
 * before the rate was known is asked again when its own differs: it may follow the service's. */
static int shape_sources(struct shaper *shaper)
{
    const struct tt_service *service = shaper->service;
    int r = 0;

    shaper->picture->rate = service->rate.den != 0 ? service->rate : (struct tt_rational){0, 1};
    for (uint32_t n = 0; r == 0 && n < service->component_count; n++)
        if (!has_inputs(service, n))
            r = begin_source(shaper, n);
    for (uint32_t n = 0; r == 0 && n < service->component_count; n++)
        if (shaper->drafts[n])
            r = shape_ask(shaper, shaper->drafts[n]);
    if (r < 0)
        return r;
    settle_rate(shaper);
    for (uint32_t n = 0; r == 0 && n < service->component_count; n++) {
        struct shape_draft *draft = shaper->drafts[n];
        struct tt_rational own = draft ? own_rate(draft, true) : (struct tt_rational){0, 1};

        if (draft && service->rate.den == 0 && own.num > 0 &&
            spec_compare_rates(own, shaper->picture->rate) != 0)
            r = shape_ask(shaper, draft);
        if (r == 0 && draft)
            r = check_rate(shaper, draft);
    }
    return r;
}

static int note_unused(struct shaper *shaper, const struct shape_draft *draft)
{
    int r = 0;

    for (uint32_t n = 0; r == 0 && n < draft->component.out_count; n++)
        if (!(draft->connected >> n & 1) && draft->component.shape.out[n].kind != 0)
            r = spec_picture_note(shaper->picture,
                                  "'%s.%s' is connected to nothing: what it gives is discarded",
                                  draft->component.name, draft->component.out[n].name);
    return r;
}

static int shape_component(struct shaper *shaper, uint32_t component)
{
    struct shape_draft *draft = shaper->drafts[component];
    int r = 0;

    if (!draft) {
        r = new_draft(shaper, component, &draft);
        if (r == 0)
            r = make_inputs(shaper, draft, component);
    }
    if (r == 0)
        r = shape_settle(shaper, draft, 0, &shaper->place_of[component]);
    return r < 0 ? r : note_unused(shaper, draft);
}

static int shape_all(struct shaper *shaper)
{
    const struct tt_service *service = shaper->service;
    struct tt_picture *picture = shaper->picture;
    int r;

    (void)tt_format_text(picture->name, TT_NAME_BYTES, "%s", service->name);
    picture->deadline_ns = service->deadline_ns;
    picture->loss = service->loss;
    picture->is_best_effort = service->is_best_effort;
    picture->spare_containers = service->spare_containers;
    for (uint32_t n = 0; n < service->note_count; n++)
        if (spec_picture_note(picture, "%s", service->notes[n]) < 0)
            return -ENOMEM;
    r = spec_check(service, shaper->catalogue, shaper->err);
    if (r == 0)
        r = find_kinds(shaper);
    if (r == 0)
        r = spec_resolve_outputs(service, shaper->kinds, shaper->outputs, shaper->err);
    if (r == 0)
        r = sort(shaper);
    if (r == 0)
        r = shape_sources(shaper);
    for (uint32_t n = 0; r == 0 && n < service->component_count; n++)
        r = shape_component(shaper, shaper->order[n]);
    if (r == 0 && spec_note_watch(picture, service, shaper->kinds) < 0)
        r = tt_fail(shaper->err, -ENOMEM, "no memory for a note");
    return r < 0 ? r : spec_derive(picture, service, shaper->err);
}

int tt_picture_shape(const struct tt_service *service, const struct tt_catalogue *catalogue,
                     tt_probe_fn *probe, void *probe_ctx, struct tt_picture **ret,
                     struct tt_error *err)
{
    struct shaper *shaper = calloc(1, sizeof(*shaper));
    struct tt_picture *picture = spec_picture_new();
    int r = -ENOMEM;

    if (!shaper || !picture) {
        (void)tt_fail(err, -ENOMEM, "no memory for the service's picture");
    } else {
        *shaper = (struct shaper){.service = service,
                                  .catalogue = catalogue,
                                  .probe = probe,
                                  .probe_ctx = probe_ctx,
                                  .picture = picture,
                                  .err = err};
        r = shape_all(shaper);
    }
    free(shaper);
    if (r < 0)
        tt_picture_close(&picture);
    else
        *ret = picture;
    return r;
}
