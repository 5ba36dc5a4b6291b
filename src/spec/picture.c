/* A picture's memory, and what a component of it is asked with. */
#include "spec/picture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "spec/picture_build.h"
#include "tactus/format.h"

struct spec_picture {
    struct tt_picture picture; /* first: its address is the picture's */
    struct spec_arena arena;
};

struct tt_picture *spec_picture_new(void)
{
    struct spec_picture *made = calloc(1, sizeof(*made));
    struct tt_picture *picture;

    if (!made)
        return NULL;
    picture = &made->picture;
    picture->components =
        spec_take(&made->arena, sizeof(*picture->components) * SPEC_PICTURE_COMPONENTS_MAX);
    picture->flows = spec_take(&made->arena, sizeof(*picture->flows) * SPEC_PICTURE_FLOWS_MAX);
    picture->segments =
        spec_take(&made->arena, sizeof(*picture->segments) * SPEC_PICTURE_COMPONENTS_MAX);
    picture->configs = spec_take(&made->arena, sizeof(*picture->configs) * SPEC_CONFIGS_MAX);
    picture->notes = spec_take(&made->arena, sizeof(*picture->notes) * SPEC_PICTURE_NOTES_MAX);
    if (!picture->components || !picture->flows || !picture->segments || !picture->configs ||
        !picture->notes)
        tt_picture_close(&picture);
    return picture;
}

struct spec_arena *spec_picture_arena(struct tt_picture *picture)
{
    return &((struct spec_picture *)picture)->arena;
}

void tt_picture_close(struct tt_picture **picture)
{
    if (*picture)
        spec_arena_fini(spec_picture_arena(*picture));
    free(*picture);
    *picture = NULL;
}

int spec_picture_note(struct tt_picture *picture, const char *format, ...)
{
    char text[512], *copy;
    va_list list;

    if (picture->note_count == SPEC_PICTURE_NOTES_MAX)
        return 0;
    va_start(list, format);
    (void)tt_format_text_v(text, sizeof(text), format, list);
    va_end(list);
    copy = spec_copy(spec_picture_arena(picture), text, strlen(text));
    if (!copy)
        return -ENOMEM;
    picture->notes[picture->note_count++] = copy;
    return 0;
}

void spec_request(const struct tt_picture *picture, const struct tt_picture_component *component,
                  uint32_t connected, struct tt_request_store *store, struct tt_request *ret)
{
    for (uint32_t n = 0; n < component->in_count; n++) {
        uint32_t handle = component->in_format[n].config_handle;

        store->pins[n] = (struct tt_pin){
            .name = component->in[n].name, .port = component->in[n].port, .is_connected = 1};
        store->config[n] = handle > 0 && handle <= picture->config_count
                               ? picture->configs[handle - 1]
                               : (struct tt_blob){0};
    }
    for (uint32_t n = 0; n < component->out_count; n++)
        store->pins[component->in_count + n] = (struct tt_pin){.name = component->out[n].name,
                                                               .port = component->out[n].port,
                                                               .is_connected = connected >> n & 1};
    *ret = (struct tt_request){.size = sizeof(*ret),
                               .in_count = component->in_count,
                               .out_count = component->out_count,
                               .in = component->in_format,
                               .config = store->config,
                               .pins = store->pins,
                               .params = component->settings,
                               .params_count = component->setting_count,
                               .texts_bytes = component->texts_bytes,
                               .texts = component->texts,
                               .rate = picture->rate,
                               .is_live = picture->is_live,
                               .level_params = component->level_settings,
                               .level_count = component->level_count};
}

void tt_plugin_fd_name(const char *hash, char ret[24])
{
    (void)tt_format_text(ret, 24, "plugin:%.*s", 16, hash);
}

void tt_picture_request(const struct tt_picture *picture, uint32_t component,
                        struct tt_request_store *store, struct tt_request *ret)
{
    uint32_t connected = 0;

    tt_assert(component < picture->component_count);
    for (uint32_t n = 0; n < picture->flow_count; n++)
        if (picture->flows[n].from == component)
            connected |= 1u << picture->flows[n].from_out;
    spec_request(picture, &picture->components[component], connected, store, ret);
}

void tt_picture_sink_name(const struct tt_picture *picture, uint32_t sink, char *ret,
                          uint32_t bytes)
{
    (void)tt_format_text(ret, bytes, "?");
    for (uint32_t n = 0; n < picture->component_count; n++) {
        const struct tt_picture_component *component = &picture->components[n];
        uint32_t first = (uint32_t)component->sink;

        if (component->sink < 0 || sink < first || sink - first >= component->in_count)
            continue;
        if (component->in_count == 1)
            (void)tt_format_text(ret, bytes, "%s", component->name);
        else
            (void)tt_format_text(ret, bytes, "%s.%s", component->name,
                                 component->in[sink - first].name);
    }
}

int spec_compare_rates(struct tt_rational a, struct tt_rational b)
{
    __int128 left = (__int128)a.num * b.den, right = (__int128)b.num * a.den;

    return (left > right) - (left < right);
}

static uint32_t put_rate(const struct tt_format *format, char *ret, uint32_t bytes)
{
    if (format->rate.num == 0)
        return tt_format_text(ret, bytes, ", once");
    if (format->rate.den == 1)
        return tt_format_text(ret, bytes, " at %ld a second", (long)format->rate.num);
    return tt_format_text(ret, bytes, " at %ld/%ld a second", (long)format->rate.num,
                          (long)format->rate.den);
}

const char *spec_format_text(const struct tt_format *format, char ret[SPEC_FORMAT_TEXT_BYTES])
{
    static const char *const kinds[] = {"?",           "video",       "audio",
                                        "coded video", "coded audio", "data"};
    const uint32_t bytes = SPEC_FORMAT_TEXT_BYTES;
    uint32_t length =
        tt_format_text(ret, bytes, "%s", kinds[format->kind <= TT_DATA ? format->kind : 0]);

    if (format->fourcc != 0)
        length +=
            tt_format_text(ret + length, bytes - length, " %s", tt_fourcc_name(format->fourcc));
    if (format->width != 0 && format->height != 0)
        length +=
            tt_format_text(ret + length, bytes - length, " %ux%u", format->width, format->height);
    else if (format->width != 0 || format->height != 0)
        length += tt_format_text(ret + length, bytes - length, " %s %u",
                                 format->width != 0 ? "of width" : "of height",
                                 format->width != 0 ? format->width : format->height);
    if (format->channels != 0)
        length += tt_format_text(ret + length, bytes - length, " %u channels", format->channels);
    if (format->sample_rate != 0)
        length += tt_format_text(ret + length, bytes - length, " %u Hz", format->sample_rate);
    if (format->kind == TT_AUDIO && format->rate.num > 0 && format->sample_rate != 0)
        (void)tt_format_text(ret + length, bytes - length, " in frames of %u samples",
                             tt_format_samples(format));
    else if (format->rate.den > 0)
        (void)put_rate(format, ret + length, bytes - length);
    return ret;
}
