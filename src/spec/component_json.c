/* A component's description as JSON: what `tactus inspect` prints and a package's manifest holds.
 * Field names are stable. */
#include "spec/component_json.h"

#include <stdbool.h>
#include <string.h>

#include "tactus/format.h"

static json_t *text_or_null(const char *text)
{
    return text ? json_string(text) : json_null();
}

static json_t *flags_json(uint32_t flags)
{
    static const struct {
        uint32_t flag;
        const char *name;
    } names[] = {{TT_PURE, "pure"},         {TT_OPAQUE, "opaque"},
                 {TT_EDGE, "edge"},         {TT_OWN_THREADS, "own-threads"},
                 {TT_SEPARATE, "separate"}, {TT_DRAINS, "drains"},
                 {TT_DESKTOP, "desktop"},   {TT_TOGETHER, "together"},
                 {TT_HISTORY, "history"},   {TT_SAVES, "saves"}};
    json_t *array = json_array();

    for (size_t n = 0; n < sizeof names / sizeof *names; n++)
        if (flags & names[n].flag)
            json_array_append_new(array, json_string(names[n].name));
    return array;
}

/* The default comes first. */
static json_t *policies_json(const struct tt_port *port)
{
    static const char *const names[] = {"drop", "repeat", "black", "silence", "keep"};
    uint32_t first = tt_port_late_default(port);
    json_t *array = json_array();

    for (uint32_t n = 0; n < sizeof names / sizeof *names; n++) {
        if ((1u << n) == first)
            json_array_insert_new(array, 0, json_string(names[n]));
        else if (port->late_policies & (1u << n))
            json_array_append_new(array, json_string(names[n]));
    }
    return array;
}

static const char *kind_name(uint32_t kind)
{
    static const char *const names[] = {"any",         "video",       "audio",
                                        "coded video", "coded audio", "data"};

    return kind < sizeof names / sizeof *names ? names[kind] : "any";
}

/* FFmpeg's spelling of a format that gst spells otherwise; format.h lists both. */
static const char *ffmpeg_name(uint32_t fourcc)
{
    static const struct {
        uint32_t fourcc;
        const char *name;
    } names[] = {{TT_I420, "yuv420p"}, {TT_NV12, "nv12"}, {TT_RGBA, "rgba"}, {TT_V210, "v210"},
                 {TT_V21A, "v210a"},   {TT_F32P, "fltp"}, {TT_S16, "s16"},   {TT_H264, "h264"},
                 {TT_HEVC, "hevc"},    {TT_AAC, "aac"},   {TT_OPUS, "opus"}};

    for (size_t n = 0; n < sizeof names / sizeof *names; n++)
        if (names[n].fourcc == fourcc)
            return names[n].name;
    return "";
}

json_t *tt_format_json(const struct tt_format *format)
{
    json_t *object = json_pack("{ss}", "kind", kind_name(format->kind));

    if (format->fourcc != 0) {
        json_object_set_new(object, "format", json_string(tt_fourcc_name(format->fourcc)));
        json_object_set_new(object, "ffmpeg", json_string(ffmpeg_name(format->fourcc)));
    }
    if (format->width != 0)
        json_object_set_new(object, "width", json_integer(format->width));
    if (format->height != 0)
        json_object_set_new(object, "height", json_integer(format->height));
    if (format->sample_rate != 0)
        json_object_set_new(object, "sample_rate", json_integer(format->sample_rate));
    if (format->channels != 0)
        json_object_set_new(object, "channels", json_integer(format->channels));
    if (format->field_order != 0)
        json_object_set_new(
            object, "scan",
            json_string(format->field_order == TT_PROGRESSIVE ? "progressive" : "interlaced"));
    return object;
}

static json_t *port_json(const struct tt_port *port)
{
    json_t *accepts = json_array();

    for (uint32_t n = 0; n < port->accept_count; n++)
        json_array_append_new(accepts, tt_format_json(&port->accepts[n]));
    return json_pack("{ss ss so so sb sb si}", "name", port->name, "direction",
                     port->is_output ? "out" : "in", "accepts", accepts, "policies",
                     policies_json(port), "leader", (int)port->is_leader, "optional",
                     (int)port->is_optional, "instances",
                     port->instances_max > 1 ? (int)port->instances_max : 1);
}

static const char *type_name(uint32_t type)
{
    static const char *const names[] = {"",         "int",  "float",  "bool", "text",
                                        "rational", "time", "choice", "bits", "options"};

    return type < sizeof names / sizeof *names ? names[type] : "";
}

static json_t *param_json(const struct tt_param *param)
{
    bool is_bounded = param->min != 0 || param->max != 0;

    return json_pack(
        "{ss ss so so so so so sb sb}", "name", param->name, "type", type_name(param->type), "unit",
        text_or_null(param->unit), "help", text_or_null(param->help), "default",
        text_or_null(param->initial), "min", is_bounded ? json_real(param->min) : json_null(),
        "max", is_bounded ? json_real(param->max) : json_null(), "live",
        (param->is_live & TT_PARAM_LIVE) != 0, "level", (param->is_live & TT_PARAM_LEVEL) != 0);
}

json_t *tt_component_json(const struct tt_component *component)
{
    json_t *ports = json_array(), *params = json_array();

    for (uint32_t n = 0; n < component->port_count; n++)
        json_array_append_new(ports, port_json(&component->ports[n]));
    for (uint32_t n = 0; n < component->param_count; n++)
        json_array_append_new(params, param_json(&component->params[n]));
    return json_pack("{ss so so si si so so so}", "name", component->name, "help",
                     text_or_null(component->help), "example", text_or_null(component->example),
                     "version", (int)component->version, "levels", (int)component->level_count,
                     "flags", flags_json(component->flags), "ports", ports, "params", params);
}
