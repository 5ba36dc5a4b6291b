/* A picture as JSON or packed, there and back; what is read is believed only after picture_check.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "spec/depths.h"
#include "spec/picture_build.h"
#include "spec/picture_check.h"
#include "spec/visit.h"
#include "tactus/format.h"

enum { TEXT_BYTES_MAX = 64 << 20, NAME_ROOM = TT_NAME_BYTES };

static void visit_format(struct visit *visit, json_t *object, struct tt_format *format)
{
    static const char *const strides[] = {"stride0", "stride1", "stride2", "stride3"};
    static const char *const offsets[] = {"offset0", "offset1", "offset2", "offset3"};

    format->size = sizeof(*format);
    visit_u32(visit, object, "kind", TT_DATA, &format->kind);
    visit_u32(visit, object, "fourcc", UINT32_MAX, &format->fourcc);
    visit_u32(visit, object, "width", TT_SIZE_MAX, &format->width);
    visit_u32(visit, object, "height", TT_SIZE_MAX, &format->height);
    visit_u32(visit, object, "planes", 8, &format->plane_count);
    for (uint32_t n = 0; n < 4; n++) {
        visit_u32(visit, object, strides[n], SPEC_FRAME_BYTES_MAX, &format->stride[n]);
        visit_u32(visit, object, offsets[n], SPEC_FRAME_BYTES_MAX, &format->plane_offset[n]);
    }
    visit_u32(visit, object, "field_order", TT_BOTTOM_FIRST, &format->field_order);
    visit_u32(visit, object, "matrix", 255, &format->matrix);
    visit_u32(visit, object, "primaries", 255, &format->primaries);
    visit_u32(visit, object, "transfer", 255, &format->transfer);
    visit_u32(visit, object, "range", 255, &format->range);
    visit_u32(visit, object, "siting", 255, &format->siting);
    visit_u32(visit, object, "sample_rate", 768000, &format->sample_rate);
    visit_u32(visit, object, "channels", 64, &format->channels);
    visit_bits(visit, object, "layout", &format->layout);
    visit_rational(visit, object, "rate", &format->rate);
    visit_u32(visit, object, "config", SPEC_CONFIGS_MAX, &format->config_handle);
    visit_u32(visit, object, "reorder", 64, &format->reorder_frames);
}

static void visit_pins(struct visit *visit, json_t *object, const char *name,
                       struct tt_picture_pin *pins, uint32_t *count)
{
    json_t *list = visit_list(visit, object, name, TT_PORTS_MAX, count);

    for (uint32_t n = 0; list && n < *count; n++) {
        json_t *item = visit_item(visit, list, n);

        if (!item)
            return;
        visit_text(visit, item, "name", pins[n].name, NAME_ROOM);
        visit_u32(visit, item, "port", 63, &pins[n].port);
        visit_i32(visit, item, "flow", -1, SPEC_PICTURE_FLOWS_MAX - 1, &pins[n].flow);
        visit_u32(visit, item, "late", 31, &pins[n].late_policy);
        visit_u32(visit, item, "hold_max", 4096, &pins[n].hold_max);
        visit_i32(visit, item, "in_place_of", -1, TT_PORTS_MAX - 1, &pins[n].in_place_of);
        visit_bool(visit, item, "is_leader", &pins[n].is_leader);
    }
}

static void visit_setting(struct visit *visit, json_t *item, struct tt_setting *setting)
{
    uint64_t bits;

    memcpy(&bits, &setting->f, sizeof(bits));
    visit_u32(visit, item, "param", 4095, &setting->param);
    visit_u32(visit, item, "input", UINT32_MAX, &setting->input);
    visit_i64(visit, item, "i", INT64_MIN, INT64_MAX, &setting->i);
    visit_i64(visit, item, "j", INT64_MIN, INT64_MAX, &setting->j);
    visit_bits(visit, item, "f_bits", &bits);
    visit_u32(visit, item, "text", 1 << 24, &setting->text);
    visit_u32(visit, item, "is_given", 1, &setting->is_given);
    memcpy(&setting->f, &bits, sizeof(bits));
}

/* Space for what is read; what is written is there already. False: no memory. */
static bool make_room(struct visit *visit, uint64_t count, struct tt_setting **settings)
{
    if (!visit->is_reading)
        return true;
    *settings = spec_take(visit->arena, sizeof(**settings) * (count + 1));
    if (!*settings)
        visit->bad = "settings";
    return *settings != NULL;
}

static void visit_settings(struct visit *visit, json_t *object,
                           struct tt_picture_component *component)
{
    json_t *list = visit_list(visit, object, "settings", 4096, &component->setting_count), *item;

    if (!list || !make_room(visit, component->setting_count, &component->settings))
        return;
    for (uint32_t n = 0; n < component->setting_count; n++)
        if ((item = visit_item(visit, list, n)) != NULL)
            visit_setting(visit, item, &component->settings[n]);
}

/* All parameters of each degrading level, and the words that made it. */
static void visit_levels(struct visit *visit, json_t *object,
                         struct tt_picture_component *component)
{
    uint32_t each = component->setting_count, count = component->level_count * each;
    uint32_t levels = component->level_count;
    json_t *texts, *list, *item;

    if (!visit_has(visit, object, "levels", levels > 0))
        return; /* it has one level */
    texts = visit_list(visit, object, "levels", TT_PORTS_MAX, &levels);
    list = visit_list(visit, object, "level_settings", TT_PORTS_MAX * 4096, &count);
    if (!texts || !list || visit->bad || (uint64_t)levels * each != count) {
        visit->bad = "levels";
        return;
    }
    if (!make_room(visit, count, &component->level_settings))
        return;
    component->level_count = levels;
    for (uint32_t n = 0; n < levels; n++)
        if ((item = visit_item(visit, texts, n)) != NULL)
            visit_u32(visit, item, "text", 1 << 24, &component->level_texts[n]);
    for (uint32_t n = 0; n < count; n++)
        if ((item = visit_item(visit, list, n)) != NULL)
            visit_setting(visit, item, &component->level_settings[n]);
}

static void visit_outputs(struct visit *visit, json_t *object,
                          struct tt_picture_component *component)
{
    struct tt_shape *shape = &component->shape;
    uint32_t count = component->out_count;
    json_t *list = visit_list(visit, object, "shape_out", TT_PORTS_MAX, &count);

    if (count != component->out_count)
        visit->bad = "shape_out";
    for (uint32_t n = 0; list && !visit->bad && n < count; n++) {
        json_t *item = visit_item(visit, list, n);

        if (!item)
            return;
        visit_format(visit, item, &shape->out[n]);
        visit_u32(visit, item, "out_max", SPEC_DEPTH_MAX, &shape->out_max[n]);
        visit_u32(visit, item, "bytes_max", SPEC_FRAME_BYTES_MAX, &shape->bytes_max[n]);
        visit_rational(visit, item, "ratio", &shape->ratio[n]);
    }
}

static void visit_formats(struct visit *visit, json_t *object, const char *name,
                          const struct tt_picture_component *component, struct tt_format *formats)
{
    uint32_t count = component->in_count;
    json_t *list = visit_list(visit, object, name, TT_PORTS_MAX, &count);

    if (count != component->in_count)
        visit->bad = name;
    for (uint32_t n = 0; list && !visit->bad && n < count; n++) {
        json_t *item = visit_item(visit, list, n);

        if (item)
            visit_format(visit, item, &formats[n]);
    }
}

static void visit_shape(struct visit *visit, json_t *object, struct tt_picture_component *component)
{
    const int64_t hour_ns = 3600000000000;
    struct tt_shape *shape = &component->shape;

    visit_formats(visit, object, "in_format", component, component->in_format);
    visit_formats(visit, object, "want", component, shape->want);
    visit_outputs(visit, object, component);
    visit_i64(visit, object, "latency_ns", 0, hour_ns, &shape->latency_ns);
    visit_i64(visit, object, "cost_max_ns", 0, hour_ns, &shape->cost_max_ns);
    visit_bits(visit, object, "state_bytes", &shape->state_bytes);
    visit_bits(visit, object, "scratch_bytes", &shape->scratch_bytes);
    visit_rational(visit, object, "clock_rate", &shape->clock_rate);
    visit_i64(visit, object, "length_ns", 0, INT64_MAX, &shape->length_ns);
}

static void visit_component(struct visit *visit, json_t *object,
                            struct tt_picture_component *component)
{
    const int64_t long_ns = INT64_MAX / 1024;
    struct tt_blob texts = {component->texts, component->texts_bytes};

    visit_text(visit, object, "name", component->name, NAME_ROOM);
    visit_text(visit, object, "kind", component->kind, sizeof(component->kind));
    if (visit_has(visit, object, "plugin", component->plugin[0] != 0))
        visit_text(visit, object, "plugin", component->plugin, sizeof(component->plugin));
    visit_u32(visit, object, "flags", UINT32_MAX, &component->flags);
    visit_bool(visit, object, "is_inserted", &component->is_inserted);
    visit_bool(visit, object, "is_source", &component->is_source);
    visit_bool(visit, object, "is_sink", &component->is_sink);
    visit_bool(visit, object, "is_live", &component->is_live);
    visit_bool(visit, object, "is_sizable", &component->is_sizable);
    visit_pins(visit, object, "in", component->in, &component->in_count);
    visit_pins(visit, object, "out", component->out, &component->out_count);
    visit_settings(visit, object, component);
    visit_levels(visit, object, component);
    visit_blob(visit, object, "texts", &texts);
    visit_shape(visit, object, component);
    visit_rational(visit, object, "rate", &component->rate);
    visit_u32(visit, object, "ratio_max", UINT32_MAX, &component->ratio_max);
    visit_u32(visit, object, "segment", UINT32_MAX, &component->segment);
    visit_u32(visit, object, "worker", TT_WORKERS_MAX - 1, &component->worker);
    visit_i32(visit, object, "sink", -1, INT32_MAX, &component->sink);
    visit_i64(visit, object, "deadline_ns", 0, long_ns, &component->deadline_ns);
    visit_rational(visit, object, "loss", &component->loss);
    visit_i64(visit, object, "structural_ns", 0, long_ns, &component->structural_ns);
    visit_i64(visit, object, "path_structural_ns", 0, long_ns, &component->path_structural_ns);
    visit_text(visit, object, "overrun", component->overrun, sizeof(component->overrun));
    visit_bool(visit, object, "has_call_grants", &component->has_call_grants);
    if (visit->is_reading && !visit->bad) {
        component->texts = (char *)(uintptr_t)texts.data;
        component->texts_bytes = (uint32_t)texts.bytes;
    }
}

static void visit_flow(struct visit *visit, json_t *object, struct tt_picture_flow *flow)
{
    visit_u32(visit, object, "from", UINT32_MAX, &flow->from);
    visit_u32(visit, object, "from_out", UINT32_MAX, &flow->from_out);
    visit_u32(visit, object, "to", UINT32_MAX, &flow->to);
    visit_u32(visit, object, "to_in", UINT32_MAX, &flow->to_in);
    visit_u32(visit, object, "depth", TT_DEPTH_MAX, &flow->depth);
    visit_u32(visit, object, "bytes_max", SPEC_FRAME_BYTES_MAX, &flow->bytes_max);
    visit_format(visit, object, &flow->format);
}

static void visit_lists(struct visit *visit, json_t *root, struct tt_picture *picture)
{
    json_t *list =
        visit_list(visit, root, "segments", SPEC_PICTURE_COMPONENTS_MAX, &picture->segment_count);
    json_t *item;

    for (uint32_t n = 0; list && n < picture->segment_count; n++) {
        if (!(item = visit_item(visit, list, n)))
            return;
        visit_text(visit, item, "name", picture->segments[n].name, NAME_ROOM);
        visit_u32(visit, item, "head", UINT32_MAX, &picture->segments[n].head);
        visit_rational(visit, item, "rate", &picture->segments[n].rate);
    }
    list = visit_list(visit, root, "configs", SPEC_CONFIGS_MAX, &picture->config_count);
    for (uint32_t n = 0; list && n < picture->config_count; n++)
        if ((item = visit_item(visit, list, n)) != NULL)
            visit_blob(visit, item, "data", &picture->configs[n]);
    list = visit_list(visit, root, "notes", SPEC_PICTURE_NOTES_MAX, &picture->note_count);
    for (uint32_t n = 0; list && n < picture->note_count; n++)
        if ((item = visit_item(visit, list, n)) != NULL)
            visit_string(visit, item, "text", &picture->notes[n]);
}

static void visit_picture(struct visit *visit, json_t *root, struct tt_picture *picture)
{
    json_t *list, *item;

    visit_text(visit, root, "name", picture->name, NAME_ROOM);
    visit_rational(visit, root, "rate", &picture->rate);
    visit_i64(visit, root, "deadline_ns", 0, INT64_MAX / 1024, &picture->deadline_ns);
    visit_rational(visit, root, "loss", &picture->loss);
    visit_bool(visit, root, "is_live", &picture->is_live);
    visit_bool(visit, root, "is_best_effort", &picture->is_best_effort);
    if (visit_has(visit, root, "spare_containers", picture->spare_containers > 0))
        visit_u32(visit, root, "spare_containers", TT_SPARE_CONTAINERS_MAX,
                  &picture->spare_containers);
    visit_u32(visit, root, "sink_count", SPEC_PICTURE_FLOWS_MAX, &picture->sink_count);
    visit_i64(visit, root, "length_ns", 0, INT64_MAX, &picture->length_ns);
    list = visit_list(visit, root, "components", SPEC_PICTURE_COMPONENTS_MAX,
                      &picture->component_count);
    for (uint32_t n = 0; list && n < picture->component_count; n++)
        if ((item = visit_item(visit, list, n)) != NULL)
            visit_component(visit, item, &picture->components[n]);
    list = visit_list(visit, root, "flows", SPEC_PICTURE_FLOWS_MAX, &picture->flow_count);
    for (uint32_t n = 0; list && n < picture->flow_count; n++)
        if ((item = visit_item(visit, list, n)) != NULL)
            visit_flow(visit, item, &picture->flows[n]);
    visit_lists(visit, root, picture);
}

char *tt_picture_print(const struct tt_picture *picture)
{
    struct tt_picture *unchanged = (struct tt_picture *)(uintptr_t)picture;
    struct spec_arena arena = {0};
    struct visit visit = {.arena = &arena};
    json_t *root = json_object();
    char *text = NULL;

    if (root)
        visit_picture(&visit, root, unchanged);
    if (root && !visit.bad)
        text = json_dumps(root, JSON_SORT_KEYS | JSON_COMPACT);
    json_decref(root);
    spec_arena_fini(&arena);
    return text;
}

/* A component's own blobs follow from its outputs' handles. */
static void set_configs(struct tt_picture *picture)
{
    for (uint32_t n = 0; n < picture->component_count; n++) {
        struct tt_picture_component *component = &picture->components[n];

        for (uint32_t m = 0; m < component->out_count; m++) {
            uint32_t handle = component->shape.out[m].config_handle;

            if (handle > 0)
                component->shape.config[m] = picture->configs[handle - 1];
        }
    }
}

static int read_picture(json_t *root, struct pack *pack, struct tt_picture *picture,
                        struct tt_error *err)
{
    struct visit visit = {.arena = spec_picture_arena(picture), .is_reading = true, .pack = pack};
    int r;

    visit_picture(&visit, root, picture);
    if (visit.bad)
        return tt_fail(err, -EINVAL, "no picture of a service: '%s' is missing or out of bounds",
                       visit.bad);
    r = spec_picture_check(picture, err);
    if (r == 0)
        set_configs(picture);
    return r;
}

static int take_picture(json_t *root, struct pack *pack, struct tt_picture **ret,
                        struct tt_error *err)
{
    struct tt_picture *picture = spec_picture_new();
    int r = picture ? read_picture(root, pack, picture, err)
                    : tt_fail(err, -ENOMEM, "no memory for a service's picture");

    if (r < 0 && picture)
        tt_picture_close(&picture);
    if (r == 0)
        *ret = picture;
    return r;
}

int tt_picture_parse(const char *text, uint64_t bytes, struct tt_picture **ret,
                     struct tt_error *err)
{
    json_error_t problem;
    json_t *root;
    int r;

    if (bytes > TEXT_BYTES_MAX)
        return tt_fail(err, -E2BIG, "a picture of %lu bytes is refused, at most %d are read",
                       (unsigned long)bytes, TEXT_BYTES_MAX);
    root = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &problem);
    if (!json_is_object(root)) {
        r = tt_fail(err, -EINVAL, "no picture of a service: %s",
                    root ? "it is no object" : problem.text);
        json_decref(root);
        return r;
    }
    r = take_picture(root, NULL, ret, err);
    json_decref(root);
    return r;
}

char *tt_picture_pack(const struct tt_picture *picture, uint64_t *ret_bytes)
{
    struct tt_picture *unchanged = (struct tt_picture *)(uintptr_t)picture;
    struct pack pack = {0};
    struct visit visit = {.pack = &pack};

    visit_picture(&visit, json_null(), unchanged);
    if (visit.bad) {
        free(pack.bytes);
        return NULL;
    }
    *ret_bytes = pack.count;
    return pack.bytes;
}

int tt_picture_unpack(const char *data, uint64_t bytes, struct tt_picture **ret,
                      struct tt_error *err)
{
    struct pack pack = {.bytes = (char *)(uintptr_t)data, .count = bytes};
    struct tt_picture *picture = NULL;
    int r = take_picture(json_null(), &pack, &picture, err);

    if (r == 0 && pack.count > 0) {
        tt_picture_close(&picture);
        return tt_fail(err, -EINVAL, "no picture of a service: %lu bytes are too many",
                       (unsigned long)pack.count);
    }
    if (r == 0)
        *ret = picture;
    return r;
}
