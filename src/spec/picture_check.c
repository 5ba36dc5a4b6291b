/* Whether a picture that came from elsewhere agrees with itself. */
#include "spec/picture_check.h"

#include <errno.h>
#include <string.h>

#include "spec/complain.h"
#include "spec/picture_build.h"
#include "tactus/format.h"

static bool is_rate(struct tt_rational rate)
{
    return rate.den > 0 && rate.num >= 0 && rate.num / rate.den <= 1000000;
}

static bool is_loss(struct tt_rational loss, bool may_be_none)
{
    return loss.den == 0 ? may_be_none && loss.num == 0 : loss.num > 0 && loss.num < loss.den;
}

/* Rows of raw pictures lie inside a frame's bytes. */
static bool fits(const struct tt_format *format, uint32_t bytes_max)
{
    if (format->kind == TT_AUDIO)
        return (uint64_t)format->stride[0] * (format->plane_count > 0 ? format->plane_count : 1) <=
                   bytes_max &&
               format->plane_offset[0] == 0;
    if (format->kind != TT_VIDEO)
        return true;
    if (format->plane_count > 4)
        return false;
    for (uint32_t n = 0; n < format->plane_count; n++) {
        bool is_half = n > 0 && (format->fourcc == TT_I420 || format->fourcc == TT_NV12);
        uint64_t rows = is_half ? format->height / 2 : format->height;

        if (format->plane_offset[n] + format->stride[n] * rows > bytes_max)
            return false;
    }
    return true;
}

static bool is_format(const struct tt_picture *picture, const struct tt_format *format)
{
    return format->kind != 0 && is_rate(format->rate) &&
           format->config_handle <= picture->config_count;
}

_Static_assert(sizeof(struct tt_format) == 120, "a format has no padding: it compares as bytes");

static bool is_same_format(const struct tt_format *a, const struct tt_format *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

static int fail(struct tt_error *err, const char *name, const char *what)
{
    return tt_fail(err, -EINVAL, "no picture of a service: %s of '%s' is out of place", what, name);
}

static bool is_setting(const struct tt_picture_component *component,
                       const struct tt_setting *setting)
{
    return setting->text < component->texts_bytes &&
           (setting->input == TT_NO_PORT || setting->input < component->in_count);
}

/* Levels differ in values, not in which parameters there are. */
static int check_levels(const struct tt_picture_component *component, struct tt_error *err)
{
    uint32_t count = component->setting_count;

    for (uint32_t n = 0; n < component->level_count; n++)
        if (component->level_texts[n] >= component->texts_bytes)
            return fail(err, component->name, "a level");
    for (uint32_t n = 0; n < component->level_count * count; n++)
        if (!is_setting(component, &component->level_settings[n]) ||
            component->level_settings[n].param != component->settings[n % count].param ||
            component->level_settings[n].input != component->settings[n % count].input)
            return fail(err, component->name, "a level");
    return 0;
}

static int check_settings(const struct tt_picture_component *component, struct tt_error *err)
{
    if (component->texts_bytes == 0 || component->texts_bytes > 1 << 24 ||
        component->texts[0] != 0 || component->texts[component->texts_bytes - 1] != 0)
        return fail(err, component->name, "a text");
    for (uint32_t n = 0; n < component->setting_count; n++)
        if (!is_setting(component, &component->settings[n]))
            return fail(err, component->name, "a setting");
    return check_levels(component, err);
}

static bool is_flow_of(const struct tt_picture *picture, uint32_t place, uint32_t input)
{
    const struct tt_picture_component *component = &picture->components[place];
    int32_t number = component->in[input].flow;
    const struct tt_picture_flow *flow;

    if (number < 0 || (uint32_t)number >= picture->flow_count)
        return false;
    flow = &picture->flows[number];
    return flow->to == place && flow->to_in == input &&
           is_same_format(&flow->format, &component->in_format[input]);
}

static int check_pins(const struct tt_picture *picture, uint32_t place, struct tt_error *err)
{
    const struct tt_picture_component *component = &picture->components[place];
    uint32_t leaders = 0;

    for (uint32_t n = 0; n < component->in_count; n++) {
        const struct tt_picture_pin *pin = &component->in[n];

        leaders += pin->is_leader;
        if (!spec_is_name(pin->name, false) || !is_flow_of(picture, place, n) ||
            !is_format(picture, &component->in_format[n]) ||
            (pin->in_place_of >= 0 && (uint32_t)pin->in_place_of >= component->out_count))
            return fail(err, component->name, "an input");
    }
    for (uint32_t n = 0; n < component->out_count; n++) {
        const struct tt_format *format = &component->shape.out[n];

        if (!spec_is_name(component->out[n].name, false) || component->out[n].flow != -1)
            return fail(err, component->name, "an output");
        if (format->kind != 0 &&
            (!is_format(picture, format) || !fits(format, component->shape.bytes_max[n])))
            return fail(err, component->name, "an output's format");
    }
    return leaders > 1 ? fail(err, component->name, "a leader") : 0;
}

static int check_component(const struct tt_picture *picture, uint32_t place, uint32_t *sinks,
                           struct tt_error *err)
{
    const struct tt_picture_component *component = &picture->components[place];
    int r;

    if (!spec_is_name(component->name, false) ||
        (!spec_is_name(component->kind, true) && !tt_kind_is_path(component->kind)))
        return fail(err, "?", "a name");
    if (component->plugin[0] &&
        (!tt_kind_is_path(component->kind) ||
         strspn(component->plugin, "0123456789abcdef") != sizeof(component->plugin) - 1))
        return fail(err, component->name, "the hash of its shared object");
    for (uint32_t n = 0; n < place; n++)
        if (strcmp(picture->components[n].name, component->name) == 0)
            return fail(err, component->name, "a name");
    if (!is_rate(component->rate) || component->segment >= picture->segment_count ||
        component->ratio_max == 0 || !is_loss(component->loss, true))
        return fail(err, component->name, "a rate");
    if (component->shape.clock_rate.den != 0 && !is_rate(component->shape.clock_rate))
        return fail(err, component->name, "a rate");
    if (component->sink >= 0 && (!component->is_sink || (uint32_t)component->sink != *sinks))
        return fail(err, component->name, "a sink");
    *sinks += component->sink >= 0 ? component->in_count : 0;
    if (component->is_source != (component->in_count == 0))
        return fail(err, component->name, "a source");
    r = check_settings(component, err);
    return r < 0 ? r : check_pins(picture, place, err);
}

static int check_flow(const struct tt_picture *picture, uint32_t number, struct tt_error *err)
{
    const struct tt_picture_flow *flow = &picture->flows[number];
    const struct tt_picture_component *from;

    if (flow->to >= picture->component_count || flow->from >= flow->to ||
        flow->from_out >= picture->components[flow->from].out_count ||
        flow->to_in >= picture->components[flow->to].in_count ||
        picture->components[flow->to].in[flow->to_in].flow != (int32_t)number)
        return fail(err, picture->name, "a flow");
    from = &picture->components[flow->from];
    if (flow->depth == 0 || flow->bytes_max != from->shape.bytes_max[flow->from_out] ||
        !is_same_format(&flow->format, &from->shape.out[flow->from_out]) || from->is_sink)
        return fail(err, picture->name, "a flow");
    return 0;
}

int spec_picture_check(const struct tt_picture *picture, struct tt_error *err)
{
    uint32_t sinks = 0;
    int r = 0;

    if (!spec_is_name(picture->name, true) || picture->component_count == 0 ||
        !is_rate(picture->rate) || picture->deadline_ns <= 0 || !is_loss(picture->loss, false))
        return fail(err, "?", "the head");
    for (uint32_t n = 0; r == 0 && n < picture->flow_count; n++)
        r = check_flow(picture, n, err);
    for (uint32_t n = 0; r == 0 && n < picture->component_count; n++)
        r = check_component(picture, n, &sinks, err);
    for (uint32_t n = 0; r == 0 && n < picture->segment_count; n++)
        if (picture->segments[n].head >= picture->component_count ||
            !is_rate(picture->segments[n].rate))
            r = fail(err, picture->name, "a segment");
    if (r == 0 && sinks != picture->sink_count)
        r = fail(err, picture->name, "the count of sinks");
    return r;
}
