/* Conversions that nobody wrote: what stands between an output and an input that differ. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "spec/shape.h"
#include "tactus/format.h"

enum { INSERTED_MAX = 2, VALUES_MAX = 3 };

struct conversion {
    const char *kind, *suffix;
    const char *names[VALUES_MAX];
    char values[VALUES_MAX][24];
    uint32_t count;
};

static bool is_audio(const struct tt_format *format)
{
    return format->kind == TT_AUDIO;
}

/* What no conversion can change. */
static bool is_fixed_difference(const struct tt_format *is, const struct tt_format *need)
{
    if (need->kind != 0 && need->kind != is->kind)
        return true;
    if ((need->width != 0 && need->width != is->width) ||
        (need->height != 0 && need->height != is->height) ||
        (need->field_order != 0 && need->field_order != is->field_order))
        return true;
    if (!is_audio(is) && need->rate.num > 0 && need->rate.den > 0 &&
        spec_compare_rates(need->rate, is->rate) != 0)
        return true;
    return is->kind != TT_VIDEO && !is_audio(is) &&
           ((need->fourcc != 0 && need->fourcc != is->fourcc) ||
            (need->sample_rate != 0 && need->sample_rate != is->sample_rate) ||
            (need->channels != 0 && need->channels != is->channels));
}

static uint32_t samples_of(const struct tt_format *is, const struct tt_format *need)
{
    struct tt_format wanted = *is;

    if (need->rate.num <= 0 || need->rate.den <= 0)
        return tt_format_samples(is);
    wanted.rate = need->rate;
    wanted.sample_rate = need->sample_rate != 0 ? need->sample_rate : is->sample_rate;
    return tt_format_samples(&wanted);
}

static void add_value(struct conversion *ret, const char *name, const char *format, ...)
{
    va_list list;

    ret->names[ret->count] = name;
    va_start(list, format);
    (void)tt_format_text_v(ret->values[ret->count++], sizeof(ret->values[0]), format, list);
    va_end(list);
}

/* The next step from what an input is to what it must be; false when it is there. */
static bool next_conversion(const struct tt_format *is, const struct tt_format *need,
                            struct conversion *ret)
{
    uint32_t fourcc = need->fourcc != 0 ? need->fourcc : is->fourcc;

    *ret = (struct conversion){.suffix = "convert"};
    if (!is_audio(is)) {
        ret->kind = "video.convert";
        add_value(ret, "format", "%s", tt_fourcc_name(fourcc));
        return is->kind == TT_VIDEO && fourcc != is->fourcc;
    }
    if (need->sample_rate != 0 && need->sample_rate != is->sample_rate) {
        ret->kind = "audio.resample";
        ret->suffix = "resample";
        add_value(ret, "rate", "%u", need->sample_rate);
        return true;
    }
    ret->kind = "audio.convert";
    add_value(ret, "format", "%s", tt_fourcc_name(fourcc));
    add_value(ret, "channels", "%u", need->channels != 0 ? need->channels : is->channels);
    add_value(ret, "quantum", "%u", samples_of(is, need));
    return fourcc != is->fourcc || (need->channels != 0 && need->channels != is->channels) ||
           (need->rate.num > 0 && need->rate.den > 0 &&
            spec_compare_rates(need->rate, is->rate) != 0);
}

static bool is_taken(const struct shaper *shaper, const char *name)
{
    for (uint32_t n = 0; n < shaper->service->component_count; n++)
        if (strcmp(shaper->service->components[n].name, name) == 0)
            return true;
    for (uint32_t n = 0; n < shaper->picture->component_count; n++)
        if (strcmp(shaper->picture->components[n].name, name) == 0)
            return true;
    return false;
}

static void name_it(const struct shaper *shaper, const struct shape_draft *draft, uint32_t input,
                    const char *suffix, char ret[TT_NAME_BYTES])
{
    char stem[TT_NAME_BYTES];

    /* Room for a suffix and a number. */
    if (draft->component.in_count > 1)
        (void)tt_format_text(stem, sizeof(stem) - 16, "%.*s-%s", 30, draft->component.name,
                             draft->component.in[input].name);
    else
        (void)tt_format_text(stem, sizeof(stem) - 16, "%s", draft->component.name);
    (void)tt_format_text(ret, TT_NAME_BYTES, "%s-%s", stem, suffix);
    for (uint32_t number = 2; is_taken(shaper, ret); number++)
        (void)tt_format_text(ret, TT_NAME_BYTES, "%s-%s%u", stem, suffix, number);
}

static int fail_difference(struct shaper *shaper, const struct shape_draft *draft, uint32_t input,
                           const struct tt_format *need)
{
    const struct tt_picture_component *self = &draft->component;
    const struct tt_picture_component *from =
        &shaper->picture->components[draft->from[input].component];
    char is_text[SPEC_FORMAT_TEXT_BYTES], need_text[SPEC_FORMAT_TEXT_BYTES];

    (void)spec_fail(shaper->err, draft->spec->place, self->name,
                    "'%s.%s' must be %s, but '%s' gives %s, and no conversion can make it so",
                    self->name, self->in[input].name, spec_format_text(need, need_text), from->name,
                    spec_format_text(&self->in_format[input], is_text));
    return spec_expect_text(shaper->err, "a component between them, such as video.scale");
}

static int make_spec(struct shaper *shaper, const struct conversion *conversion, const char *name,
                     struct tt_place place, struct tt_spec_component **ret)
{
    struct spec_arena *arena = spec_picture_arena(shaper->picture);
    struct tt_spec_component *spec = spec_take(arena, sizeof(*spec));

    if (!spec)
        return -ENOMEM;
    (void)tt_format_text(spec->name, TT_NAME_BYTES, "%s", name);
    (void)tt_format_text(spec->kind, TT_NAME_BYTES, "%s", conversion->kind);
    spec->place = place;
    spec->param_count = conversion->count;
    spec->params = spec_take(arena, sizeof(*spec->params) * VALUES_MAX);
    for (uint32_t n = 0; spec->params && n < conversion->count; n++) {
        const char *value = conversion->values[n];

        spec->params[n].name = spec_copy(arena, conversion->names[n], strlen(conversion->names[n]));
        spec->params[n].value = spec_copy(arena, value, strlen(value));
        if (!spec->params[n].name || !spec->params[n].value)
            return -ENOMEM;
    }
    *ret = spec;
    return spec->params ? 0 : -ENOMEM;
}

/* A draft of the conversion, fed by what feeds the input. */
static int make_draft(struct shaper *shaper, struct shape_draft *draft, uint32_t input,
                      const struct conversion *conversion, struct shape_draft **ret)
{
    const struct tt_component *kind = spec_kind(shaper->catalogue, conversion->kind);
    struct shape_draft *made =
        spec_take(spec_picture_arena(shaper->picture), sizeof(struct shape_draft));
    char name[TT_NAME_BYTES];
    struct tt_spec_component *spec = NULL;

    if (!kind || kind->port_count < 2 || kind->ports[0].is_output || !kind->ports[1].is_output)
        return tt_wrap(shaper->err, -EINVAL, "this build has no %s with one input and one output",
                       conversion->kind);
    name_it(shaper, draft, input, conversion->suffix, name);
    if (!made || make_spec(shaper, conversion, name, draft->spec->place, &spec) < 0)
        return tt_fail(shaper->err, -ENOMEM, "no memory for a conversion");
    made->kind = kind;
    made->spec = spec;
    made->component.is_inserted = true;
    made->component.in_count = made->component.out_count = 1;
    made->component.in[0] = (struct tt_picture_pin){.port = 0, .is_leader = true};
    made->component.out[0] = (struct tt_picture_pin){.port = 1, .flow = -1, .in_place_of = -1};
    (void)tt_format_text(made->component.in[0].name, TT_NAME_BYTES, "%s", kind->ports[0].name);
    (void)tt_format_text(made->component.out[0].name, TT_NAME_BYTES, "%s", kind->ports[1].name);
    made->from[0] = draft->from[input];
    made->connected = 1;
    *ret = made;
    return 0;
}

static int insert(struct shaper *shaper, struct shape_draft *draft, uint32_t input,
                  const struct conversion *conversion, uint32_t inserted)
{
    char before[SPEC_FORMAT_TEXT_BYTES], after[SPEC_FORMAT_TEXT_BYTES];
    struct shape_draft *made = NULL;
    uint32_t place;
    int r = make_draft(shaper, draft, input, conversion, &made);

    if (r < 0)
        return r;
    r = shape_settle(shaper, made, inserted + 1, &place);
    if (r < 0)
        return tt_wrap(shaper->err, r, "cannot insert %s before '%s'", conversion->kind,
                       draft->component.name);
    draft->from[input] = (struct shape_source){.component = place, .out = 0};
    (void)spec_format_text(&draft->component.in_format[input], before);
    draft->component.in_format[input] = shaper->picture->components[place].shape.out[0];
    (void)spec_format_text(&draft->component.in_format[input], after);
    return spec_picture_note(shaper->picture, "inserted '%s' (%s) before '%s': %s becomes %s",
                             shaper->picture->components[place].name, conversion->kind,
                             draft->component.name, before, after);
}

int shape_fit(struct shaper *shaper, struct shape_draft *draft, uint32_t input,
              const struct tt_format *need, uint32_t inserted)
{
    struct conversion conversion;
    uint32_t steps = 0;

    for (;; steps++) {
        const struct tt_format *is = &draft->component.in_format[input];
        int r;

        if (is_fixed_difference(is, need))
            return fail_difference(shaper, draft, input, need);
        if (!next_conversion(is, need, &conversion))
            return steps > 0;
        if (steps == 3 || inserted >= INSERTED_MAX)
            return fail_difference(shaper, draft, input, need);
        r = insert(shaper, draft, input, &conversion, inserted);
        if (r < 0)
            return r;
    }
}
