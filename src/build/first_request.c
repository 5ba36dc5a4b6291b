/* A component's first request: what a user who writes nothing would ask of it. */
#include "build/first_request.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "spec/component_json.h"
#include "spec/service.h"
#include "tactus/format.h"

enum { WIDTH = 1280, HEIGHT = 720, SAMPLE_RATE = 48000, CHANNELS = 2, SAMPLES = 480 };

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

/* Inputs first, then outputs, each in the ports' order; who names inputs himself has one. */
static void add_pins(const struct tt_component *component, struct first_request *ret, json_t *in)
{
    struct tt_request *request = &ret->request;

    for (uint32_t is_output = 0; is_output < 2; is_output++)
        for (uint32_t n = 0; n < component->port_count; n++) {
            const struct tt_port *port = &component->ports[n];
            uint32_t place = request->in_count + request->out_count;

            if (port->is_output != is_output)
                continue;
            ret->pins[place] =
                (struct tt_pin){.name = strcmp(port->name, "*") == 0 ? "a" : port->name,
                                .port = n,
                                .is_connected = 1};
            if (!is_output) {
                ret->in[request->in_count] = first_format(port);
                (void)json_array_append_new(in, tt_format_json(&ret->in[request->in_count]));
            }
            *(is_output ? &request->out_count : &request->in_count) += 1;
        }
}

static bool takes_text(const struct tt_param *param)
{
    return param->type == TT_PARAM_TEXT || param->type == TT_PARAM_CHOICE ||
           param->type == TT_PARAM_OPTIONS;
}

static int add_settings(const struct tt_component *component, struct first_request *ret,
                        struct tt_error *err)
{
    uint32_t used = 1; /* it starts with a NUL */

    for (uint32_t n = 0; n < component->param_count; n++) {
        const struct tt_param *param = &component->params[n];
        const char *initial = param->initial ? param->initial : "";
        struct tt_setting *setting = &ret->settings[n];
        uint32_t bytes = (uint32_t)strlen(initial) + 1;

        if (!param->initial && param->type != TT_PARAM_OPTIONS)
            return tt_fail(err, -ENOENT, "the parameter '%s' must be given", param->name);
        setting->param = n;
        setting->input = is_for_each(param) ? named_input(component) : TT_NO_PORT;
        read_value(param, initial, setting);
        if (!takes_text(param))
            continue;
        if (bytes > FIRST_TEXTS_BYTES - used)
            return tt_fail(err, -ENOENT, "its parameters have longer texts than a build tries");
        memcpy(ret->texts + used, initial, bytes);
        setting->text = used;
        used += bytes;
    }
    ret->request.texts_bytes = used;
    ret->request.params_count = component->param_count;
    return 0;
}

int first_request_make(const struct tt_component *component, struct first_request *ret,
                       json_t **ret_json, struct tt_error *err)
{
    json_t *in = json_array();
    int r;

    memset(ret, 0, sizeof(*ret));
    ret->request = (struct tt_request){.size = sizeof(ret->request),
                                       .in = ret->in,
                                       .config = ret->config,
                                       .pins = ret->pins,
                                       .params = ret->settings,
                                       .texts = ret->texts,
                                       .rate = {25, 1}};
    add_pins(component, ret, in);
    r = add_settings(component, ret, err);
    if (r == 0)
        *ret_json = json_pack("{s:o,s:s,s:s}", "in", in, "rate", "25", "parameters", "initial");
    else
        json_decref(in);
    return r;
}
