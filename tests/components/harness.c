/* The harness: texts to settings, guarded buffers, checked calls. */
#include "harness.h"

#include <errno.h>

#include "check.h"

enum { GUARD = 256, GUARD_BYTE = 0xa5 };

/* Counts what is taken from the heap while process() runs, also by libraries. */
static uint64_t allocations;
static bool is_inside;

#ifndef __SANITIZE_ADDRESS__
extern void *__libc_malloc(size_t bytes), *__libc_calloc(size_t count, size_t bytes),
    *__libc_realloc(void *old, size_t bytes), *__libc_memalign(size_t alignment, size_t bytes);

void *malloc(size_t bytes)
{
    allocations += is_inside;
    return __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes)
{
    allocations += is_inside;
    return __libc_calloc(count, bytes);
}

void *realloc(void *old, size_t bytes)
{
    allocations += is_inside;
    return __libc_realloc(old, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
    allocations += is_inside;
    return __libc_memalign(alignment, bytes);
}

int posix_memalign(void **ret, size_t alignment, size_t bytes)
{
    void *memory = aligned_alloc(alignment, bytes);

    if (memory == NULL)
        return ENOMEM;
    *ret = memory;
    return 0;
}
#endif

static uint8_t *guarded_new(uint32_t bytes)
{
    size_t inner = ((size_t)bytes + 4095) / 4096 * 4096 + 4096;
    uint8_t *base = aligned_alloc(4096, inner + 8192);

    CHECK(base != NULL);
    memset(base, GUARD_BYTE, inner + 8192);
    return base + 4096;
}

static void guarded_check(const uint8_t *data, uint32_t bytes)
{
    for (uint32_t n = 1; n <= GUARD; n++)
        CHECK_INT(data[-(int64_t)n], GUARD_BYTE);
    for (uint32_t n = 0; n < GUARD; n++)
        CHECK_INT(data[(size_t)bytes + n], GUARD_BYTE);
}

static void guarded_free(uint8_t *data)
{
    if (data != NULL)
        free(data - 4096);
}

static int find_choice(const char *choices, const char *value)
{
    size_t length = strlen(value);

    for (int place = 0; choices != NULL; place++) {
        const char *end = strchr(choices, '|');
        size_t bytes = end != NULL ? (size_t)(end - choices) : strlen(choices);

        if (bytes == length && memcmp(choices, value, length) == 0)
            return place;
        choices = end != NULL ? end + 1 : NULL;
    }
    return -1;
}

static int64_t scaled(double value, const char *unit, uint32_t type)
{
    static const struct {
        const char *name;
        double factor;
    } times[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}},
      bits[] = {{"k", 1e3}, {"M", 1e6}};

    for (uint32_t n = 0; type == TT_PARAM_TIME && n < 4; n++)
        if (strcmp(unit, times[n].name) == 0)
            return (int64_t)(value * times[n].factor);
    for (uint32_t n = 0; type == TT_PARAM_BITS && n < 2; n++)
        if (strcmp(unit, bits[n].name) == 0)
            return (int64_t)(value * bits[n].factor);
    return (int64_t)value;
}

static uint32_t text_add(struct harness *harness, const char *text)
{
    uint32_t at = harness->request.texts_bytes;
    size_t bytes = strlen(text) + 1;

    CHECK(at + bytes <= sizeof(harness->texts));
    memcpy(harness->texts + at, text, bytes);
    harness->request.texts_bytes = at + (uint32_t)bytes;
    return at;
}

static bool read_value(struct harness *harness, const struct tt_param *param, const char *value,
                       struct tt_setting *ret)
{
    char *end = NULL;

    switch (param->type) {
    case TT_PARAM_BOOL:
        ret->i = strcmp(value, "true") == 0;
        return ret->i != 0 || strcmp(value, "false") == 0;
    case TT_PARAM_CHOICE:
        ret->i = find_choice(param->unit, value);
        ret->text = text_add(harness, value);
        return ret->i >= 0;
    case TT_PARAM_TEXT:
    case TT_PARAM_OPTIONS:
        ret->text = text_add(harness, value);
        return true;
    case TT_PARAM_RATIONAL:
        ret->i = strtoll(value, &end, 10);
        ret->j = *end == '/' ? strtoll(end + 1, &end, 10) : 1;
        ret->f = (double)ret->i / (double)ret->j;
        return *end == 0;
    default:
        ret->f = strtod(value, &end);
        ret->i = scaled(ret->f, end, param->type);
        if (param->type == TT_PARAM_TIME || param->type == TT_PARAM_BITS)
            ret->f = (double)ret->i;
        return end != value;
    }
}

static void add_setting(struct harness *harness, uint32_t param, uint32_t input, const char *value,
                        uint32_t is_given)
{
    struct tt_setting *setting = harness->settings + harness->request.params_count++;

    CHECK(harness->request.params_count <= 256);
    *setting = (struct tt_setting){.param = param, .input = input, .is_given = is_given};
    CHECK(read_value(harness, harness->component->params + param, value, setting));
}

/* The value a user wrote for this name, in a static buffer; NULL when none was. */
static const char *given(const char *settings, const char *name)
{
    static char value[512];
    size_t length = strlen(name);

    for (const char *at = settings; at != NULL && *at != 0;) {
        size_t word = strcspn(at, " ");

        if (word > length && memcmp(at, name, length) == 0 && at[length] == '=') {
            snprintf(value, sizeof(value), "%.*s", (int)(word - length - 1), at + length + 1);
            return value;
        }
        at += word + (at[word] == ' ');
    }
    return NULL;
}

static void add_settings(struct harness *harness, const char *settings)
{
    const struct tt_component *component = harness->component;

    for (uint32_t n = 0; n < component->param_count; n++) {
        const struct tt_param *param = component->params + n;
        bool is_template = strncmp(param->name, "*.", 2) == 0;
        uint32_t count = is_template ? harness->request.in_count : 1;

        for (uint32_t input = 0; input < count; input++) {
            char name[128];
            const char *value;

            if (is_template)
                snprintf(name, sizeof(name), "%s%s", harness->pins[input].name, param->name + 1);
            else
                snprintf(name, sizeof(name), "%s", param->name);
            value = given(settings, name);
            if (value == NULL && param->initial == NULL)
                continue;
            add_setting(harness, n, is_template ? input : TT_NO_PORT,
                        value != NULL ? value : param->initial, value != NULL);
        }
    }
}

static uint32_t output_port(const struct tt_component *component, uint32_t number)
{
    for (uint32_t n = 0; n < component->port_count; n++)
        if (component->ports[n].is_output && number-- == 0)
            return n;
    return 0;
}

static void make_pins(struct harness *harness, const struct harness_params *params)
{
    static const char *const names[] = {"in0",  "in1",  "in2",  "in3", "in4",  "in5",
                                        "in6",  "in7",  "in8",  "in9", "in10", "in11",
                                        "in12", "in13", "in14", "in15"};

    for (uint32_t n = 0; n < params->in_count; n++) {
        harness->pins[n] = (struct tt_pin){.name = params->names[n] ? params->names[n] : names[n],
                                           .port = params->ports[n],
                                           .is_connected = 1};
        harness->in[n] = params->in[n];
    }
    for (uint32_t n = 0; n < params->out_count; n++)
        harness->pins[params->in_count + n] = (struct tt_pin){
            .name = "out", .port = output_port(params->component, n), .is_connected = 1};
}

int harness_shape(struct harness *harness, const struct harness_params *params)
{
    struct tt_request *request = &harness->request;

    memset(harness, 0, sizeof(*harness));
    harness->component = params->component;
    *request = (struct tt_request){.size = sizeof(*request),
                                   .in_count = params->in_count,
                                   .out_count = params->out_count,
                                   .in = harness->in,
                                   .config = harness->config,
                                   .pins = harness->pins,
                                   .params = harness->settings,
                                   .texts = harness->texts,
                                   .texts_bytes = 1,
                                   .rate = params->rate,
                                   .is_live = params->is_live};
    make_pins(harness, params);
    add_settings(harness, params->settings);
    for (uint32_t count = request->params_count; params->levels[request->level_count];) {
        add_settings(harness, params->levels[request->level_count++]);
        CHECK_INT(request->params_count, (request->level_count + 1) * count);
    }
    request->params_count /= request->level_count + 1;
    request->level_params = harness->settings + request->params_count;
    return params->component->shape(request, &harness->shape, &harness->error);
}

static int note(void *ctx, uint32_t id, int64_t value)
{
    struct harness *harness = ctx;

    CHECK(harness->note_count < HARNESS_NOTES_MAX);
    harness->notes[harness->note_count++] = (struct harness_note){id, value};
    return 0;
}

static int refuse_new(void *ctx, uint32_t port, struct tt_frame *ret)
{
    return -ENOBUFS;
}

static int refuse_handle(void *ctx, uint32_t handle)
{
    return -EINVAL;
}

static int refuse_emit(void *ctx, uint32_t port, uint32_t handle)
{
    return -EINVAL;
}

static const void *no_kernels(void *ctx, const char *set)
{
    return NULL;
}

static uint32_t input_bytes(const struct tt_format *format)
{
    struct tt_format copy = *format;

    if (format->kind == TT_VIDEO)
        return tt_format_video(&copy, format->fourcc, format->width, format->height);
    if (format->kind == TT_AUDIO)
        return tt_format_audio(&copy, format->fourcc, format->sample_rate, format->channels,
                               tt_format_samples(format));
    return 65536;
}

static void open_instance(struct harness *harness)
{
    CHECK_INT(harness->component->open(harness->state, harness->scratch, &harness->host,
                                       &harness->request),
              0);
}

void harness_open(struct harness *harness, const struct harness_params *params)
{
    int r = harness_shape(harness, params);

    if (r != 0)
        fprintf(stderr, "%s: %s\n", params->component->name, harness->error.text);
    CHECK_INT(r, 0);
    harness->state = guarded_new((uint32_t)harness->shape.state_bytes);
    harness->scratch = guarded_new((uint32_t)harness->shape.scratch_bytes);
    memset(harness->state, 0, harness->shape.state_bytes);
    for (uint32_t n = 0; n < params->in_count + params->out_count; n++) {
        harness->capacity[n] = n < params->in_count
                                   ? input_bytes(&harness->in[n])
                                   : harness->shape.bytes_max[n - params->in_count];
        CHECK(harness->capacity[n] > 0);
        harness->data[n] = guarded_new(harness->capacity[n]);
    }
    for (uint32_t n = 0; n < params->in_count; n++)
        harness_no_input(harness, n, 0);
    harness->host =
        (struct tt_host){TT_ABI,        sizeof(struct tt_host), harness, refuse_new, refuse_emit,
                         refuse_handle, refuse_handle,          note,    no_kernels};
    CHECK_INT(params->component->init(harness->state, &harness->request, &harness->error), 0);
    open_instance(harness);
}

struct tt_frame *harness_input(struct harness *harness, uint32_t input, int64_t index,
                               int64_t origin_ns, int64_t duration_ns)
{
    struct tt_frame *frame = harness->frames + input;

    CHECK(input < harness->request.in_count);
    *frame = (struct tt_frame){.data = (tt_addr)(uintptr_t)harness->data[input],
                               .index = index,
                               .origin_ns = origin_ns,
                               .duration_ns = duration_ns,
                               .bytes = harness->capacity[input],
                               .capacity = harness->capacity[input],
                               .handle = input};
    return frame;
}

void harness_no_input(struct harness *harness, uint32_t input, uint32_t flags)
{
    harness->frames[input] = (struct tt_frame){.handle = TT_NO_FRAME, .flags = flags};
}

struct tt_frame *harness_output(struct harness *harness, uint32_t output)
{
    return harness->frames + harness->request.in_count + output;
}

static uint64_t sum_of(const uint8_t *data, uint32_t bytes)
{
    uint64_t sum = 14695981039346656037u;

    for (uint32_t n = 0; n < bytes; n++)
        sum = (sum ^ data[n]) * 1099511628211u;
    return sum;
}

static void make_outputs(struct harness *harness, int64_t index, int64_t media_ns,
                         int64_t duration_ns)
{
    uint32_t in_count = harness->request.in_count;

    for (uint32_t n = 0; n < harness->request.out_count; n++) {
        memset(harness->data[in_count + n], 0xcd, harness->capacity[in_count + n]);
        harness->frames[in_count + n] =
            (struct tt_frame){.data = (tt_addr)(uintptr_t)harness->data[in_count + n],
                              .index = index,
                              .origin_ns = media_ns,
                              .duration_ns = duration_ns,
                              .capacity = harness->capacity[in_count + n],
                              .handle = in_count + n};
    }
}

int harness_call(struct harness *harness, int64_t index, int64_t media_ns, int64_t duration_ns)
{
    uint32_t in_count = harness->request.in_count, out_count = harness->request.out_count;
    uint64_t sums[TT_PORTS_MAX];
    struct tt_call call = {.abi = TT_ABI,
                           .size = sizeof(call),
                           .index = index,
                           .media_ns = media_ns,
                           .level = harness->level,
                           .event_count = harness->event_count,
                           .in_count = in_count,
                           .out_count = out_count,
                           .events = (tt_addr)(uintptr_t)harness->events,
                           .frames = (tt_addr)(uintptr_t)harness->frames};
    int r;

    make_outputs(harness, index, media_ns, duration_ns);
    for (uint32_t n = 0; n < in_count; n++)
        sums[n] = sum_of(harness->data[n], harness->capacity[n]);
    harness->note_count = 0;

    allocations = 0;
    is_inside = true;
    r = harness->component->process(harness->state, &call);
    is_inside = false;
    harness->allocations += allocations;

    harness->event_count = 0;
    harness->key_point = call.key_point;
    for (uint32_t n = 0; n < in_count + out_count; n++)
        guarded_check(harness->data[n], harness->capacity[n]);
    for (uint32_t n = 0; n < in_count; n++)
        CHECK(sums[n] == sum_of(harness->data[n], harness->capacity[n]));
    for (uint32_t n = 0; n < out_count; n++)
        CHECK(harness_output(harness, n)->bytes <= harness->capacity[in_count + n]);
    guarded_check(harness->state, (uint32_t)harness->shape.state_bytes);
    return r;
}

void harness_move_state(struct harness *harness)
{
    uint32_t bytes = (uint32_t)harness->shape.state_bytes;
    uint8_t *other = guarded_new(bytes);

    memcpy(other, harness->state, bytes);
    memset(harness->state, 0xee, bytes);
    guarded_free(harness->state);
    harness->state = other;
    open_instance(harness);
}

void harness_noise(uint8_t *data, uint32_t bytes, uint32_t seed)
{
    uint32_t value = seed * 2654435761u + 1;

    for (uint32_t n = 0; n < bytes; n++) {
        value = value * 1664525u + 1013904223u;
        data[n] = (uint8_t)(value >> 24);
    }
}

void harness_close(struct harness *harness)
{
    if (harness->state != NULL)
        harness->component->close(harness->state);
    guarded_free(harness->state);
    guarded_free(harness->scratch);
    for (uint32_t n = 0; n < 2 * TT_PORTS_MAX; n++)
        guarded_free(harness->data[n]);
    memset(harness, 0, sizeof(*harness));
}

void harness_check_description(const struct tt_component *component)
{
    struct harness *harness = calloc(1, sizeof(*harness));
    struct tt_setting setting = {0};

    CHECK(harness != NULL);
    harness->request.texts_bytes = 1;
    CHECK_INT(component->abi, TT_ABI);
    CHECK_INT(component->size, sizeof(*component));
    CHECK(component->help != NULL && component->help[0] != 0);
    CHECK(component->example != NULL && strncmp(component->example, "tactus run ", 11) == 0);
    CHECK(component->shape != NULL && component->init != NULL && component->open != NULL);
    CHECK(component->close != NULL);
    for (uint32_t n = 0; n < component->port_count; n++)
        CHECK(component->ports[n].is_output ||
              (component->ports[n].late_policies & tt_port_late_default(&component->ports[n])));
    for (uint32_t n = 0; n < component->param_count; n++) {
        const struct tt_param *param = component->params + n;

        CHECK(param->help != NULL && param->help[0] != 0);
        CHECK(param->min <= param->max);
        if (param->initial == NULL)
            continue;
        CHECK(read_value(harness, param, param->initial, &setting));
        if (param->min < param->max && param->type != TT_PARAM_CHOICE) {
            CHECK(setting.f >= param->min);
            CHECK(setting.f <= param->max);
        }
    }
    free(harness);
}
