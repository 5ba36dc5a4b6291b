/* One component's formats: what its ports accept, what it asks for, what it then gives. */
#include <errno.h>
#include <string.h>

#include "spec/shape.h"
#include "tactus/format.h"

enum { ROUNDS_MAX = 4 };

static bool is_agreed(uint32_t wanted, uint32_t is)
{
    return wanted == 0 || wanted == is;
}

static bool is_accepted(const struct tt_format *entry, const struct tt_format *is)
{
    return is_agreed(entry->kind, is->kind) && is_agreed(entry->fourcc, is->fourcc) &&
           is_agreed(entry->width, is->width) && is_agreed(entry->height, is->height) &&
           is_agreed(entry->sample_rate, is->sample_rate) &&
           is_agreed(entry->channels, is->channels) &&
           (entry->field_order == is->field_order ||
            (entry->field_order == 0 && is->field_order <= TT_PROGRESSIVE)) &&
           (entry->rate.num <= 0 || entry->rate.den <= 0 ||
            spec_compare_rates(entry->rate, is->rate) == 0);
}

static int fail_interlaced(struct shaper *shaper, const struct shape_draft *draft, uint32_t input)
{
    const struct tt_picture_component *from =
        &shaper->picture->components[draft->from[input].component];

    (void)spec_fail(shaper->err, draft->spec->place, draft->component.name,
                    "'%s' gives interlaced pictures, and '%s' (%s) works on whole pictures only",
                    from->name, draft->component.name, draft->kind->name);
    return spec_expect_text(shaper->err, "a progressive source: deinterlace the media before");
}

static int fail_medium(struct shaper *shaper, const struct shape_draft *draft, uint32_t input)
{
    const struct tt_picture_component *from =
        &shaper->picture->components[draft->from[input].component];
    char text[SPEC_FORMAT_TEXT_BYTES], takes[SPEC_FORMAT_TEXT_BYTES];
    const struct tt_port *port = &draft->kind->ports[draft->component.in[input].port];

    (void)spec_fail(shaper->err, draft->spec->place, draft->component.name,
                    "'%s' gives %s, but '%s.%s' (%s) takes %s", from->name,
                    spec_format_text(&draft->component.in_format[input], text),
                    draft->component.name, draft->component.in[input].name, draft->kind->name,
                    spec_format_text(&port->accepts[0], takes));
    return spec_expect_text(shaper->err, "a decoder, encoder or conversion between them");
}

/* Holds an input against its port's list: 1 when a conversion was inserted. */
static int check_accepts(struct shaper *shaper, struct shape_draft *draft, uint32_t input,
                         uint32_t inserted)
{
    const struct tt_port *port = &draft->kind->ports[draft->component.in[input].port];
    const struct tt_format *is = &draft->component.in_format[input];
    const struct tt_format *near = NULL;
    bool has_order = false;

    if (port->accept_count == 0)
        return 0;
    for (uint32_t n = 0; n < port->accept_count; n++) {
        const struct tt_format *entry = &port->accepts[n];

        if (is_accepted(entry, is))
            return 0;
        has_order = has_order || (entry->field_order == is->field_order && entry->kind == is->kind);
        if (!near && entry->kind == is->kind)
            near = entry;
    }
    if (is->field_order > TT_PROGRESSIVE && !has_order)
        return fail_interlaced(shaper, draft, input);
    if (!near)
        return fail_medium(shaper, draft, input);
    return shape_fit(shaper, draft, input, near, inserted);
}

static int fail_shape(struct shaper *shaper, const struct shape_draft *draft, int r)
{
    struct tt_error *err = shaper->err;

    if (!err)
        return r;
    if (err->line == 0) {
        err->line = draft->spec->place.line;
        err->column = draft->spec->place.column;
        spec_show(draft->component.name, strlen(draft->component.name), err->token);
    }
    return tt_wrap(err, r, "'%s' (%s)", draft->component.name, draft->kind->name);
}

static int fail_output(struct shaper *shaper, const struct shape_draft *draft, uint32_t output,
                       const char *what)
{
    char text[SPEC_FORMAT_TEXT_BYTES];

    (void)spec_fail(shaper->err, draft->spec->place, draft->component.name,
                    "'%s' (%s) gives %s at '%s', which %s", draft->component.name,
                    draft->kind->name, spec_format_text(&draft->component.shape.out[output], text),
                    draft->component.out[output].name, what);
    return spec_expect_text(shaper->err, "other parameters, or other media");
}

static void settle_rate(const struct shaper *shaper, const struct shape_draft *draft,
                        struct tt_format *format)
{
    uint32_t leader = 0;

    if (format->rate.den > 0 && format->rate.num >= 0)
        return;
    for (uint32_t n = 0; n < draft->component.in_count; n++)
        leader = draft->component.in[n].is_leader ? n : leader;
    format->rate = draft->component.in_count > 0 ? draft->component.in_format[leader].rate
                                                 : shaper->picture->rate;
}

/* What a component says is held against what everybody can carry. */
static int check_output(struct shaper *shaper, struct shape_draft *draft, uint32_t output)
{
    struct tt_shape *shape = &draft->component.shape;
    struct tt_format *format = &shape->out[output];
    struct tt_format layout = *format;

    if (format->kind == 0 && !(draft->connected & 1u << output))
        return 0;
    if (format->kind == 0 || format->kind > TT_DATA)
        return fail_output(shaper, draft, output, "is no format");
    format->size = sizeof(*format);
    settle_rate(shaper, draft, format);
    if (format->width > TT_SIZE_MAX || format->height > TT_SIZE_MAX)
        return fail_output(shaper, draft, output, "is larger than 8192 pixels a side");
    if (format->sample_rate > 768000 || format->channels > 64 || format->plane_count > 8)
        return fail_output(shaper, draft, output, "is more than is carried here");
    if (format->rate.num > 1000000000 || format->rate.den > 1000000000 ||
        format->rate.num / format->rate.den > 1000000)
        return fail_output(shaper, draft, output, "has an absurd rate");
    if (shape->bytes_max[output] == 0 && format->kind == TT_VIDEO)
        shape->bytes_max[output] =
            tt_format_video(&layout, format->fourcc, format->width, format->height);
    if (shape->bytes_max[output] == 0 || shape->bytes_max[output] > SPEC_FRAME_BYTES_MAX)
        return fail_output(shaper, draft, output, "has no frame size up to 1 GiB");
    return shape->out_max[output] > SPEC_DEPTH_MAX
               ? fail_output(shaper, draft, output, "comes in bursts of more than 64 frames")
               : 0;
}

static int keep_config(struct shaper *shaper, struct shape_draft *draft, uint32_t output)
{
    struct tt_picture *picture = shaper->picture;
    struct tt_format *format = &draft->component.shape.out[output];
    struct tt_blob *blob = &draft->component.shape.config[output];

    if (blob->data && blob->bytes > 0 && blob->bytes <= 1 << 20 &&
        picture->config_count < SPEC_CONFIGS_MAX) {
        const char *copy = spec_copy(spec_picture_arena(picture), blob->data, blob->bytes);

        if (!copy)
            return tt_fail(shaper->err, -ENOMEM, "no memory for a codec's parameters");
        picture->configs[picture->config_count++] = (struct tt_blob){copy, blob->bytes};
        format->config_handle = picture->config_count;
    } else if (format->config_handle > picture->config_count) {
        format->config_handle = 0;
    }
    *blob = format->config_handle > 0 ? picture->configs[format->config_handle - 1]
                                      : (struct tt_blob){0};
    return 0;
}

int shape_ask(struct shaper *shaper, struct shape_draft *draft)
{
    struct tt_picture_component *self = &draft->component;
    const struct tt_component *kind = draft->kind;
    bool is_probed = self->in_count == 0 && kind->edge && kind->edge->probe;
    struct tt_request_store store;
    struct tt_request request;
    int r;

    self->shape = (struct tt_shape){0};
    spec_request(shaper->picture, self, draft->connected, &store, &request);
    if (is_probed && shaper->probe)
        r = shaper->probe(shaper->probe_ctx, kind, &request, &self->shape, shaper->err);
    else if (!is_probed && kind->shape)
        r = kind->shape(&request, &self->shape, shaper->err);
    else
        return spec_fail(shaper->err, draft->spec->place, self->name,
                         "'%s' (%s) cannot be asked what it gives: nothing looks at sources here",
                         self->name, kind->name);
    if (r < 0)
        return fail_shape(shaper, draft, r);
    for (uint32_t n = 0; r == 0 && n < self->out_count; n++) {
        r = check_output(shaper, draft, n);
        if (r == 0)
            r = keep_config(shaper, draft, n);
    }
    if (r == 0 && (self->shape.latency_ns < 0 || self->shape.latency_ns > 3600000000000))
        return spec_fail(shaper->err, draft->spec->place, self->name,
                         "'%s' (%s) has a structural latency of %ld ns: above an hour, refused",
                         self->name, kind->name, (long)self->shape.latency_ns);
    return r;
}

/* One round: lists, filters, the component's own wish. 1 when something was inserted. */
static int negotiate(struct shaper *shaper, struct shape_draft *draft, uint32_t inserted)
{
    bool is_changed = false;
    int r = 0;

    for (uint32_t n = 0; r >= 0 && n < draft->component.in_count; n++) {
        if (draft->caps[n].kind != 0)
            r = shape_fit(shaper, draft, n, &draft->caps[n], inserted);
        is_changed = is_changed || r > 0;
        if (r >= 0)
            r = check_accepts(shaper, draft, n, inserted);
        is_changed = is_changed || r > 0;
    }
    if (r >= 0)
        r = shape_ask(shaper, draft);
    for (uint32_t n = 0; r >= 0 && n < draft->component.in_count; n++) {
        struct tt_format want = draft->component.shape.want[n];

        r = shape_fit(shaper, draft, n, &want, inserted);
        is_changed = is_changed || r > 0;
    }
    return r < 0 ? r : is_changed;
}

static int add_flows(struct shaper *shaper, const struct shape_draft *draft, uint32_t place)
{
    struct tt_picture *picture = shaper->picture;

    for (uint32_t n = 0; n < draft->component.in_count; n++) {
        const struct shape_source *from = &draft->from[n];

        if (picture->flow_count == SPEC_PICTURE_FLOWS_MAX)
            return tt_fail(shaper->err, -E2BIG, "more than %d flows: split the service",
                           SPEC_PICTURE_FLOWS_MAX);
        picture->components[place].in[n].flow = (int32_t)picture->flow_count;
        picture->flows[picture->flow_count++] = (struct tt_picture_flow){
            .from = from->component,
            .from_out = from->out,
            .to = place,
            .to_in = n,
            .format = draft->component.in_format[n],
            .bytes_max = picture->components[from->component].shape.bytes_max[from->out]};
    }
    return 0;
}

/* What an edge says of its pictures is what is in the file: to change it would change no file. */
static bool is_sizable(const struct tt_component *kind)
{
    uint32_t found = 0;

    for (uint32_t n = 0; n < kind->param_count; n++)
        if (kind->params[n].type == TT_PARAM_INT)
            found |= strcmp(kind->params[n].name, "width") == 0    ? 1
                     : strcmp(kind->params[n].name, "height") == 0 ? 2
                                                                   : 0;
    return found == 3 && (kind->flags & TT_EDGE) == 0;
}

int shape_settle(struct shaper *shaper, struct shape_draft *draft, uint32_t inserted,
                 uint32_t *ret_place)
{
    struct tt_picture *picture = shaper->picture;
    struct tt_picture_component *self = &draft->component;
    int r = 0;

    (void)tt_format_text(self->name, TT_NAME_BYTES, "%s", draft->spec->name);
    (void)tt_format_text(self->kind, sizeof(self->kind), "%s", draft->kind->name);
    (void)tt_format_text(self->overrun, sizeof(self->overrun), "%s",
                         draft->spec->overrun[0] ? draft->spec->overrun : "throttle");
    self->has_call_grants = draft->spec->has_call_grants;
    self->flags = draft->kind->flags;
    self->is_sizable = self->out_count > 0 && is_sizable(draft->kind);
    for (uint32_t n = 0; n < self->in_count; n++)
        self->in_format[n] =
            picture->components[draft->from[n].component].shape.out[draft->from[n].out];
    if (!draft->is_shaped) {
        r = spec_settings(picture, draft->spec, draft->kind, self, shaper->err);
        for (uint32_t round = 0; r == 0 && (r = negotiate(shaper, draft, inserted)) > 0;)
            if (++round == ROUNDS_MAX)
                return spec_fail(shaper->err, draft->spec->place, self->name,
                                 "'%s' (%s) asks for another format each time it is given one",
                                 self->name, draft->kind->name);
            else
                r = 0;
    }
    if (r == 0)
        r = shape_check_levels(shaper, draft);
    if (r < 0)
        return r;
    if (picture->component_count == SPEC_PICTURE_COMPONENTS_MAX)
        return tt_fail(shaper->err, -E2BIG, "more than %d components with conversions",
                       SPEC_PICTURE_COMPONENTS_MAX);
    *ret_place = picture->component_count++;
    picture->components[*ret_place] = *self;
    return add_flows(shaper, draft, *ret_place);
}
