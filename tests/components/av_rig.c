/* The rig: settings from a line of text, buffers of just the size, calls without an engine. */
#include "av_rig.h"

#include "check.h"
#include "components/table.h"

static uint32_t add_text(struct rig *rig, const char *text)
{
    uint32_t at = rig->request.texts_bytes;

    CHECK(at + strlen(text) + 1 <= sizeof(rig->texts));
    memcpy(rig->texts + at, text, strlen(text) + 1);
    rig->request.texts_bytes += (uint32_t)strlen(text) + 1;
    return at;
}

static int64_t scaled(const char *text)
{
    char *unit;
    double value = strtod(text, &unit);
    static const struct {
        const char *name;
        double factor;
    } units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"k", 1e3}, {"M", 1e6}};

    for (unsigned n = 0; n < sizeof(units) / sizeof(units[0]); n++)
        if (strcmp(unit, units[n].name) == 0)
            return (int64_t)(value * units[n].factor);
    return (int64_t)value;
}

static int64_t choice(const char *choices, const char *value)
{
    for (int64_t place = 0; choices; place++) {
        size_t length = strcspn(choices, "|");

        if (strlen(value) == length && memcmp(choices, value, length) == 0)
            return place;
        choices = choices[length] ? choices + length + 1 : NULL;
    }
    CHECK(!"a known choice");
    return 0;
}

static void add_setting(struct rig *rig, uint32_t param, const char *value, bool is_given)
{
    struct tt_setting *setting = &rig->settings[rig->request.params_count++];
    const struct tt_param *what = &rig->component->params[param];
    char *rest;

    *setting = (struct tt_setting){
        .param = param, .input = TT_NO_PORT, .is_given = is_given, .text = add_text(rig, value)};
    if (what->type == TT_PARAM_CHOICE)
        setting->i = choice(what->unit, value);
    else if (what->type == TT_PARAM_BOOL)
        setting->i = strcmp(value, "true") == 0;
    else if (what->type == TT_PARAM_RATIONAL) {
        setting->i = strtoll(value, &rest, 10);
        setting->j = *rest == '/' ? strtoll(rest + 1, NULL, 10) : 1;
    } else if (what->type != TT_PARAM_TEXT && what->type != TT_PARAM_OPTIONS)
        setting->i = scaled(value);
    setting->f = (double)setting->i;
}

static int find_param(const struct tt_component *component, const char *name)
{
    for (uint32_t n = 0; n < component->param_count; n++)
        if (component->params[n].type != TT_PARAM_OPTIONS &&
            strcmp(component->params[n].name, name) == 0)
            return (int)n;
    return -1;
}

static int note(void *ctx, uint32_t id, int64_t value)
{
    struct rig *rig = ctx;

    CHECK(id < RIG_NOTES);
    rig->notes[id] = value;
    return 0;
}

static void read_settings(struct rig *rig, const char *settings, char *options)
{
    bool is_given[64] = {false};
    char copy[4096], *at = copy, *word;

    snprintf(copy, sizeof(copy), "%s", settings);
    while ((word = strsep(&at, " "))) {
        char *value = strchr(word, '=');
        int param;

        if (!value)
            continue;
        *value++ = 0;
        param = find_param(rig->component, word);
        if (param >= 0) {
            add_setting(rig, (uint32_t)param, value, true);
            is_given[param] = true;
        } else {
            sprintf(options + strlen(options), "%s%s=%s", options[0] ? ":" : "", word, value);
        }
    }
    for (uint32_t n = 0; n < rig->component->param_count; n++)
        if (rig->component->params[n].type == TT_PARAM_OPTIONS)
            add_setting(rig, n, options, options[0] != 0);
        else if (!is_given[n] && rig->component->params[n].initial)
            add_setting(rig, n, rig->component->params[n].initial, false);
}

void rig_make(struct rig *rig, const char *kind, const char *settings)
{
    char options[2048] = "";

    memset(rig, 0, sizeof(*rig));
    for (uint32_t n = 0; n < tt_component_count; n++)
        if (strcmp(tt_components[n]->name, kind) == 0)
            rig->component = tt_components[n];
    CHECK(rig->component != NULL);
    rig->request = (struct tt_request){.size = sizeof(rig->request),
                                       .in = rig->in,
                                       .config = rig->config,
                                       .pins = rig->pins,
                                       .params = rig->settings,
                                       .texts = rig->texts,
                                       .texts_bytes = 1,
                                       .rate = {25, 1}};
    rig->host =
        (struct tt_host){.abi = TT_ABI, .size = sizeof(rig->host), .ctx = rig, .note = note};
    read_settings(rig, settings, options);
}

static struct tt_blob copy_blob(const struct tt_blob *from)
{
    struct tt_blob to = {0};

    if (from && from->bytes > 0) {
        void *data = malloc(from->bytes);

        memcpy(data, from->data, from->bytes);
        to = (struct tt_blob){.data = data, .bytes = from->bytes};
    }
    return to;
}

void rig_add_in(struct rig *rig, const char *name, uint32_t port, const struct tt_format *format,
                const struct tt_blob *config)
{
    uint32_t n = rig->request.in_count++;

    CHECK(rig->request.out_count == 0);
    rig->pins[n] = (struct tt_pin){.name = name, .port = port, .is_connected = 1};
    rig->in[n] = *format;
    rig->config[n] = copy_blob(config);
}

void rig_add_out(struct rig *rig, const char *name, uint32_t port)
{
    uint32_t n = rig->request.in_count + rig->request.out_count++;

    rig->pins[n] = (struct tt_pin){.name = name, .port = port, .is_connected = 1};
}

void rig_join(struct rig *to, const char *name, uint32_t port, const struct rig *from,
              uint32_t output)
{
    rig_add_in(to, name, port, &from->shape.out[output], &from->out_config[output]);
}

int rig_shape(struct rig *rig)
{
    const struct tt_edge *edge = rig->component->edge;
    int r;

    memset(&rig->shape, 0, sizeof(rig->shape));
    if (edge && edge->probe)
        r = edge->probe(&rig->request, &rig->shape, &rig->error);
    else
        r = rig->component->shape(&rig->request, &rig->shape, &rig->error);
    for (uint32_t n = 0; r == 0 && n < rig->request.out_count; n++)
        rig->out_config[n] = copy_blob(&rig->shape.config[n]);
    if (r < 0)
        CHECK(rig->error.text[0] != 0);
    return r;
}

int rig_start(struct rig *rig)
{
    int r;

    rig->state = aligned_alloc(64, (rig->shape.state_bytes + 63) / 64 * 64);
    CHECK(rig->state != NULL);
    memset(rig->state, 0, rig->shape.state_bytes);
    r = rig->component->init(rig->state, &rig->request, &rig->error);
    if (r == 0)
        r = rig->component->open(rig->state, NULL, &rig->host, &rig->request);
    if (r < 0) {
        free(rig->state);
        rig->state = NULL;
    }
    for (uint32_t n = 0; r == 0 && n < rig->request.out_count; n++) {
        CHECK(rig->shape.bytes_max[n] > 0);
        rig->buffers[n] = malloc(rig->shape.bytes_max[n]);
    }
    return r;
}

void rig_must_start(struct rig *rig)
{
    int r = rig_shape(rig);

    if (r == 0)
        r = rig_start(rig);
    if (r < 0)
        fprintf(stderr, "%s: %s\n", rig->component->name, rig->error.text);
    CHECK_INT(r, 0);
}

struct tt_frame *rig_out(struct rig *rig, uint32_t output)
{
    return &rig->frames[rig->request.in_count + output];
}

int rig_call(struct rig *rig, const struct tt_frame *in)
{
    struct tt_call call = {.abi = TT_ABI,
                           .size = sizeof(call),
                           .in_count = rig->request.in_count,
                           .out_count = rig->request.out_count,
                           .event_count = rig->is_event_sent,
                           .events = (tt_addr)(uintptr_t)&rig->event,
                           .frames = (tt_addr)(uintptr_t)rig->frames};
    int r;

    for (uint32_t n = 0; n < rig->request.in_count; n++)
        rig->frames[n] = in ? in[n] : (struct tt_frame){.handle = TT_NO_FRAME};
    if (in && call.in_count > 0) {
        call.index = in[0].index;
        call.media_ns = in[0].origin_ns;
    }
    for (uint32_t n = 0; n < rig->request.out_count; n++)
        *rig_out(rig, n) = (struct tt_frame){.data = (tt_addr)(uintptr_t)rig->buffers[n],
                                             .index = call.index,
                                             .origin_ns = call.media_ns,
                                             .capacity = rig->shape.bytes_max[n]};
    rig->is_event_sent = false;
    r = rig->component->edge ? rig->component->edge->step(rig->state, &call)
                             : rig->component->process(rig->state, &call);
    rig->key_point = call.key_point;
    for (uint32_t n = 0; n < rig->request.out_count; n++)
        CHECK(rig_out(rig, n)->bytes <= rig->shape.bytes_max[n]);
    return r;
}

void rig_close(struct rig *rig)
{
    if (rig->state)
        rig->component->close(rig->state);
    free(rig->state);
    for (uint32_t n = 0; n < TT_PORTS_MAX; n++) {
        free(rig->buffers[n]);
        free((void *)(uintptr_t)rig->config[n].data);
        free((void *)(uintptr_t)rig->out_config[n].data);
    }
    memset(rig, 0, sizeof(*rig));
}
