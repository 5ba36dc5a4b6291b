/* Requests in, shapes out: nothing that a module answers is believed before it was checked. */
#include "sandbox/request.h"

#include <errno.h>
#include <string.h>

#include "sandbox/records.h"

enum { ALIGN = 16, RATE_MAX = 1 << 30 };

struct writer {
    struct tt_slot *slot;
    uint64_t at, end;
    bool is_full;
};

static struct writer begin(struct tt_slot *slot)
{
    const struct tt_module *module = slot->module;

    return (struct writer){.slot = slot,
                           .at = module->record_at,
                           .end = (uint64_t)module->record_at + module->record_bytes};
}

/* Zeroed room in the record: its offset, or 0 when there is none. */
static uint32_t room(struct writer *writer, uint64_t bytes)
{
    uint64_t at = (writer->at + ALIGN - 1) / ALIGN * ALIGN;

    if (bytes > writer->end - writer->at || at > writer->end - bytes) {
        writer->is_full = true;
        return 0;
    }
    memset(writer->slot->memory + at, 0, bytes);
    writer->at = at + bytes;
    return (uint32_t)at;
}

static uint32_t put(struct writer *writer, const void *data, uint64_t bytes)
{
    uint32_t at = bytes > 0 ? room(writer, bytes) : 0;

    if (at != 0)
        memcpy(writer->slot->memory + at, data, bytes);
    return at;
}

static uint32_t put_configs(struct writer *writer, const struct tt_request *request)
{
    struct tt_wasm_blob blobs[TT_PORTS_MAX] = {{0}};

    for (uint32_t n = 0; request->config && n < request->in_count; n++) {
        blobs[n].data = put(writer, request->config[n].data, request->config[n].bytes);
        blobs[n].bytes = blobs[n].data != 0 ? request->config[n].bytes : 0;
    }
    return put(writer, blobs, request->in_count * sizeof *blobs);
}

static uint32_t put_pins(struct writer *writer, const struct tt_request *request)
{
    struct tt_wasm_pin pins[2 * TT_PORTS_MAX];
    uint32_t count = request->in_count + request->out_count;

    for (uint32_t n = 0; n < count; n++) {
        const struct tt_pin *pin = &request->pins[n];
        const char *name = pin->name ? pin->name : "";

        pins[n] = (struct tt_wasm_pin){.name = put(writer, name, strlen(name) + 1),
                                       .port = pin->port,
                                       .is_connected = pin->is_connected};
    }
    return put(writer, pins, count * sizeof *pins);
}

/* 0: there is no room. The request is the first in the record. */
static struct tt_wasm_request *put_request(struct writer *writer, const struct tt_asked *asked,
                                           uint32_t *ret_at)
{
    const struct tt_request *from = asked->request;
    struct tt_wasm_request request = {.size = sizeof request,
                                      .in_count = from->in_count,
                                      .out_count = from->out_count,
                                      .level = from->level,
                                      .params_count = from->params_count,
                                      .level_count = from->level_count,
                                      .texts_bytes = from->texts_bytes,
                                      .state_bytes = asked->state_bytes,
                                      .scratch_bytes = asked->scratch_bytes,
                                      .rate = from->rate,
                                      .resume_ns = from->resume_ns,
                                      .is_live = from->is_live};
    uint64_t settings = from->params_count * sizeof(struct tt_setting);

    if (from->in_count > TT_PORTS_MAX || from->out_count > TT_PORTS_MAX)
        return NULL;
    *ret_at = room(writer, sizeof request);
    request.in = put(writer, from->in, from->in_count * sizeof *from->in);
    request.config = put_configs(writer, from);
    request.pins = put_pins(writer, from);
    request.params = put(writer, from->params, settings);
    request.level_params = put(writer, from->level_params, from->level_count * settings);
    request.texts = put(writer, from->texts, from->texts_bytes);
    if (writer->is_full)
        return NULL;
    memcpy(writer->slot->memory + *ret_at, &request, sizeof request);
    return (struct tt_wasm_request *)(void *)(writer->slot->memory + *ret_at);
}

static int too_big(const struct tt_slot *slot, struct tt_error *err)
{
    return tt_fail(err, -E2BIG,
                   "its settings, formats and texts have more than the %u KiB that a sandboxed "
                   "component can be told",
                   slot->module->record_bytes >> 10);
}

/* Its words end on terminals. */
static void take_error(const struct tt_slot *slot, uint32_t at, int code, struct tt_error *err)
{
    const struct tt_error *from = (const struct tt_error *)(const void *)(slot->memory + at);
    char text[TT_ERROR_TEXT_BYTES];

    memcpy(text, from->text, sizeof text);
    text[sizeof text - 1] = 0;
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = ' ';
    (void)tt_fail(err, code, "%s", text[0] ? text : "it does not say why");
}

static int say_trap(const struct tt_slot *slot, const char *when, struct tt_error *err)
{
    const struct tt_trap_report *report = &slot->report;

    return tt_fail(err, tt_trap_errno(report->trap), "it %s %s%s%s", tt_trap_words(report->trap),
                   when, report->function[0] ? ", in " : "", report->function);
}

static int code_of(int32_t r)
{
    return r < -4095 ? -EINVAL : r;
}

static bool is_rate(struct tt_rational rate, bool may_be_none)
{
    if (may_be_none && rate.num == 0 && rate.den == 0)
        return true;
    return rate.num >= 0 && rate.num <= (int64_t)RATE_MAX * 1000 && rate.den > 0 &&
           rate.den <= RATE_MAX;
}

static int check_shape(const struct tt_shape *shape, uint32_t out_count, struct tt_error *err)
{
    const int64_t ns_max = 3600000000000;
    const uint32_t out_max = 4096, rows_max = 4;

    for (uint32_t n = 0; n < out_count; n++) {
        const struct tt_format *format = &shape->out[n];

        if (format->kind > TT_DATA || format->plane_count > rows_max ||
            !is_rate(format->rate, true) || !is_rate(shape->ratio[n], true) ||
            shape->out_max[n] > out_max)
            return tt_fail(err, -EINVAL, "its output %u has no possible shape", n);
    }
    if (shape->latency_ns < 0 || shape->latency_ns > ns_max || shape->cost_max_ns < 0 ||
        shape->length_ns < 0 || !is_rate(shape->clock_rate, true))
        return tt_fail(err, -EINVAL, "its shape speaks of impossible times");
    return 0;
}

/* The blobs' places are offsets, and what stands beside them in the host's wider pointer is chance.
 */
static int take_configs(const struct tt_slot *slot, const struct tt_answer_room *answer,
                        struct tt_shape *shape, struct tt_error *err)
{
    uint64_t used = 0;

    for (uint32_t n = 0; n < TT_PORTS_MAX; n++) {
        struct tt_blob *blob = &shape->config[n];
        uint32_t at = (uint32_t)(uintptr_t)blob->data;
        const void *data = tt_slot_at(slot, at, blob->bytes, false);

        blob->data = NULL;
        if (blob->bytes == 0)
            continue;
        if (!data || at == 0 || blob->bytes > answer->bytes_max - used)
            return tt_fail(err, -EINVAL, "the extradata of its output %u is not in its memory", n);
        memcpy(answer->data + used, data, blob->bytes);
        blob->data = answer->data + used;
        used += blob->bytes;
    }
    return 0;
}

int tt_ask_shape(struct tt_slot *slot, const struct tt_asked *asked,
                 const struct tt_answer_room *answer, struct tt_shape *ret, struct tt_error *err)
{
    struct writer writer = begin(slot);
    uint32_t at = 0, shape_at, error_at;
    struct tt_wasm_request *request = put_request(&writer, asked, &at);
    struct tt_shape shape;
    int32_t result = 0;
    int r;

    shape_at = room(&writer, sizeof shape);
    error_at = room(&writer, sizeof(struct tt_error));
    if (!request || writer.is_full)
        return too_big(slot, err);
    request->shape = shape_at;
    request->error = error_at;
    if (!tt_slot_enter(slot, TT_ENTRY_SHAPE, at, &result))
        return say_trap(slot, "when it was asked for its shape", err);
    if (result < 0) {
        take_error(slot, error_at, code_of(result), err);
        return code_of(result);
    }
    memcpy(&shape, slot->memory + shape_at, sizeof shape);
    r = check_shape(&shape, asked->request->out_count, err);
    if (r == 0)
        r = take_configs(slot, answer, &shape, err);
    if (r == 0)
        *ret = shape;
    return r;
}

int tt_ask_init(struct tt_slot *slot, const struct tt_asked *asked, struct tt_error *err)
{
    struct writer writer = begin(slot);
    uint32_t at = 0, error_at;
    struct tt_wasm_request *request = put_request(&writer, asked, &at);
    int32_t result = 0;

    error_at = room(&writer, sizeof(struct tt_error));
    if (!request || writer.is_full)
        return too_big(slot, err);
    request->error = error_at;
    if (!tt_slot_enter(slot, TT_ENTRY_INIT, at, &result))
        return say_trap(slot, "when it was prepared", err);
    if (result >= 0)
        return 0;
    take_error(slot, error_at, code_of(result), err);
    return code_of(result);
}

int tt_ask_open(struct tt_slot *slot, const struct tt_asked *asked)
{
    struct writer writer = begin(slot);
    uint32_t at = 0;
    int32_t result = 0;

    if (!put_request(&writer, asked, &at))
        return -E2BIG;
    if (!tt_slot_enter(slot, TT_ENTRY_OPEN, at, &result))
        return tt_trap_errno(slot->report.trap);
    return result < 0 ? code_of(result) : 0;
}
