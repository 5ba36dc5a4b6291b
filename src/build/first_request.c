/* A component's first request, in the sandbox's own memory. */
#include "build/first_request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "spec/component_json.h"
#include "spec/service.h"
#include "tactus/format.h"

enum { WIDTH = 1280, HEIGHT = 720, SAMPLE_RATE = 48000, CHANNELS = 2, SAMPLES = 480 };

struct layout {
    struct guest *guest;
    const struct tt_component *component;
    struct tt_wasm_request *record;
    uint32_t used;
    bool is_full;
    struct tt_error *err;
};

static void *take(struct layout *layout, uint32_t bytes, uint32_t *ret_offset)
{
    static uint8_t nowhere[4096];
    void *ret = guest_take(layout->guest, bytes, &layout->used, ret_offset);

    if (ret || bytes > sizeof(nowhere))
        layout->is_full |= !ret;
    else
        layout->is_full = true;
    return ret ? ret : nowhere;
}

static uint32_t take_text(struct layout *layout, const char *text)
{
    uint32_t offset = 0, bytes = (uint32_t)strlen(text) + 1;

    if (bytes <= TT_WASM_TEXT_MAX)
        memcpy(take(layout, bytes, &offset), text, bytes);
    return offset;
}

/* The first that the port accepts, with what it leaves open filled in. */
static struct tt_format first_format(const struct tt_port *port)
{
    struct tt_format format = {.size = sizeof(format), .kind = TT_VIDEO, .rate = {25, 1}};

    if (port->accept_count > 0)
        format = port->accepts[0];
    format.size = sizeof(format);
    if (format.kind == TT_VIDEO) {
        format.field_order = format.field_order ? format.field_order : (uint32_t)TT_PROGRESSIVE;
        (void)tt_format_video(&format, format.fourcc ? format.fourcc : TT_I420,
                              format.width ? format.width : WIDTH,
                              format.height ? format.height : HEIGHT);
    } else if (format.kind == TT_AUDIO) {
        (void)tt_format_audio(&format, format.fourcc ? format.fourcc : TT_F32P,
                              format.sample_rate ? format.sample_rate : SAMPLE_RATE,
                              format.channels ? format.channels : CHANNELS, SAMPLES);
        format.layout = (UINT64_C(1) << format.channels) - 1;
    }
    if (format.rate.den == 0)
        format.rate = (struct tt_rational){25, 1};
    return format;
}

static void lay_formats(struct layout *layout, json_t *ret_in)
{
    const struct tt_component *component = layout->component;
    struct tt_format *in =
        take(layout, layout->record->in_count * (uint32_t)sizeof(*in), &layout->record->in);

    (void)take(layout, layout->record->in_count * (uint32_t)sizeof(struct tt_wasm_blob),
               &layout->record->config);
    for (uint32_t n = 0; n < component->port_count && !layout->is_full; n++) {
        if (component->ports[n].is_output)
            continue;
        *in = first_format(&component->ports[n]);
        (void)json_array_append_new(ret_in, tt_format_json(in++));
    }
}

/* Inputs first, then outputs, each in the ports' order. */
static void lay_pins(struct layout *layout)
{
    const struct tt_component *component = layout->component;
    uint32_t count = layout->record->in_count + layout->record->out_count;
    struct tt_wasm_pin *pins = take(layout, count * (uint32_t)sizeof(*pins), &layout->record->pins);

    for (uint32_t is_output = 0; is_output < 2 && !layout->is_full; is_output++)
        for (uint32_t n = 0; n < component->port_count; n++) {
            const char *name = component->ports[n].name;

            if (component->ports[n].is_output != is_output)
                continue;
            *pins++ =
                (struct tt_wasm_pin){.name = take_text(layout, strcmp(name, "*") == 0 ? "a" : name),
                                     .port = n,
                                     .is_connected = 1};
        }
}

static int64_t choice_place(const char *choices, const char *value)
{
    size_t length = strlen(value);

    for (int64_t place = 0; choices && *choices; place++) {
        size_t one = strcspn(choices, "|");

        if (one == length && strncmp(choices, value, length) == 0)
            return place;
        choices += one + (choices[one] == '|');
    }
    return 0;
}

static void read_value(const struct tt_param *param, const char *value, struct tt_setting *ret)
{
    struct tt_rational rational = {0, 1};

    switch (param->type) {
    case TT_PARAM_BOOL:
        ret->i = strcmp(value, "true") == 0 || strcmp(value, "1") == 0 ||
                 strcmp(value, "yes") == 0 || strcmp(value, "on") == 0;
        break;
    case TT_PARAM_RATIONAL:
        (void)tt_parse_rational(value, &rational);
        ret->i = rational.num;
        ret->j = rational.den;
        break;
    case TT_PARAM_TIME:
        (void)tt_parse_duration(value, &ret->i);
        break;
    case TT_PARAM_BITS:
        (void)tt_parse_bits(value, &ret->i);
        break;
    case TT_PARAM_CHOICE:
        ret->i = choice_place(param->unit, value);
        break;
    case TT_PARAM_FLOAT:
        ret->f = strtod(value, NULL);
        ret->i = (int64_t)ret->f;
        return;
    default:
        ret->i = strtoll(value, NULL, 10);
    }
    ret->f = param->type == TT_PARAM_RATIONAL && ret->j ? (double)ret->i / (double)ret->j
                                                        : (double)ret->i;
}

static bool is_for_each(const struct tt_param *param)
{
    return strncmp(param->name, "*.", 2) == 0;
}

/* The input that the user would have named, or TT_NO_PORT. */
static uint32_t named_input(const struct tt_component *component)
{
    uint32_t input = 0;

    for (uint32_t n = 0; n < component->port_count; n++) {
        if (component->ports[n].is_output)
            continue;
        if (strcmp(component->ports[n].name, "*") == 0)
            return input;
        input++;
    }
    return TT_NO_PORT;
}

static int lay_settings(struct layout *layout)
{
    const struct tt_component *component = layout->component;
    struct tt_setting *settings =
        take(layout, component->param_count * (uint32_t)sizeof(*settings), &layout->record->params);
    uint32_t first, last;

    (void)take(layout, 8, &layout->record->texts); /* it starts with a NUL */
    for (uint32_t n = 0; n < component->param_count && !layout->is_full; n++) {
        const struct tt_param *param = &component->params[n];
        struct tt_setting *setting = &settings[n];

        if (!param->initial && param->type != TT_PARAM_OPTIONS)
            return tt_fail(layout->err, -ENOENT, "the parameter '%s' must be given", param->name);
        setting->param = n;
        setting->input = is_for_each(param) ? named_input(component) : TT_NO_PORT;
        if (param->initial)
            read_value(param, param->initial, setting);
        if (param->type == TT_PARAM_TEXT || param->type == TT_PARAM_CHOICE ||
            param->type == TT_PARAM_OPTIONS)
            setting->text =
                take_text(layout, param->initial ? param->initial : "") - layout->record->texts;
    }
    first = layout->record->texts;
    last = layout->guest->module->record_at + layout->used;
    layout->record->texts_bytes = last - first;
    layout->record->params_count = component->param_count;
    return 0;
}

int first_request_lay(struct guest *guest, const struct tt_component *component,
                      struct first_request *ret, json_t **ret_json, struct tt_error *err)
{
    struct layout layout = {.guest = guest, .component = component, .err = err};
    json_t *in = json_array();
    int r;

    ret->record = layout.record = take(&layout, sizeof(*layout.record), &ret->record_at);
    ret->record->size = sizeof(*ret->record);
    ret->record->rate = (struct tt_rational){25, 1};
    for (uint32_t n = 0; n < component->port_count; n++)
        *(component->ports[n].is_output ? &ret->record->out_count : &ret->record->in_count) += 1;
    ret->shape = take(&layout, sizeof(*ret->shape), &ret->record->shape);
    ret->error = take(&layout, sizeof(*ret->error), &ret->record->error);
    lay_formats(&layout, in);
    lay_pins(&layout);
    r = lay_settings(&layout);
    if (r == 0 && layout.is_full)
        r = tt_fail(err, -ENOENT, "its parameters are longer than a sandbox takes");
    if (r == 0)
        *ret_json = json_pack("{s:o,s:s,s:s}", "in", in, "rate", "25", "parameters", "initial");
    else
        json_decref(in);
    return r;
}
