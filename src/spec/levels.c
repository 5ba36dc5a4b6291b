/* Degrading levels: the parameters of each, and whether it gives what level 0 gives. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "spec/shape.h"
#include "tactus/format.h"

static uint32_t input_of(const struct tt_picture_component *component, const char *name)
{
    for (uint32_t n = 0; name[0] != 0 && n < component->in_count; n++)
        if (strcmp(component->in[n].name, name) == 0)
            return n;
    return TT_NO_PORT;
}

static int fail_level(const struct tt_spec_component *spec, uint32_t level, const char *what,
                      const char *expected, struct tt_error *err)
{
    (void)spec_fail(err, spec->place, spec->degrade[level - 1], "level %u of '%s' (%s), %.80s, %s",
                    level, spec->name, spec->kind, spec->degrade[level - 1], what);
    return spec_expect_text(err, expected);
}

/* One assignment over the settings of level 0; `text`: where its value's text stands. */
static int assign(const struct tt_spec_component *spec, const struct tt_component *kind,
                  const struct tt_picture_component *component, uint32_t level, uint32_t text,
                  struct tt_setting *settings, struct tt_error *err)
{
    const char *assignment = spec->degrade[level - 1], *equals = strchr(assignment, '=');
    char name[2 * TT_NAME_BYTES] = "";
    struct spec_param_ref ref;
    uint32_t input;

    if (!equals || equals - assignment >= (int64_t)sizeof(name))
        return fail_level(spec, level, "is no assignment", "parameter=value", err);
    memcpy(name, assignment, (size_t)(equals - assignment));
    if (spec_find_param(kind, name, &ref) < 0 || ref.is_option)
        return fail_level(spec, level, "names no parameter", "parameter=value", err);
    input = input_of(component, ref.input);
    for (uint32_t n = 0; n < component->setting_count; n++) {
        struct tt_setting *setting = &settings[n];

        if (setting->param != ref.param || setting->input != input)
            continue;
        *setting = (struct tt_setting){
            .param = setting->param, .input = setting->input, .j = setting->j, .is_given = 1};
        (void)spec_read_value(&kind->params[ref.param], equals + 1, setting);
        if (kind->params[ref.param].type == TT_PARAM_TEXT ||
            kind->params[ref.param].type == TT_PARAM_CHOICE)
            setting->text = text + (uint32_t)(equals + 1 - assignment);
        return 0;
    }
    return fail_level(spec, level, "names no input of it", "an input that is connected", err);
}

/* The texts of level 0, then what was written of each level. */
static int add_texts(struct spec_arena *arena, const struct tt_spec_component *spec,
                     struct tt_picture_component *component)
{
    uint64_t bytes = component->texts_bytes;
    char *texts;

    for (uint32_t n = 0; n < spec->degrade_count; n++)
        bytes += strlen(spec->degrade[n]) + 1;
    texts = bytes < UINT32_MAX ? spec_take(arena, bytes) : NULL;
    if (!texts)
        return -ENOMEM;
    memcpy(texts, component->texts, component->texts_bytes);
    for (uint32_t n = 0; n < spec->degrade_count; n++) {
        size_t length = strlen(spec->degrade[n]) + 1;

        component->level_texts[n] = component->texts_bytes;
        memcpy(texts + component->texts_bytes, spec->degrade[n], length);
        component->texts_bytes += (uint32_t)length;
    }
    component->texts = texts;
    return 0;
}

int spec_levels(struct tt_picture *picture, const struct tt_spec_component *spec,
                const struct tt_component *kind, struct tt_picture_component *ret,
                struct tt_error *err)
{
    struct spec_arena *arena = spec_picture_arena(picture);
    uint32_t count = spec->degrade_count;
    int r = 0;

    ret->level_count = 0;
    if (count == 0)
        return 0;
    if (count >= kind->level_count) {
        (void)spec_fail(err, spec->place, spec->name,
                        "'%s' (%s) has %u degrading levels, and can have %u", spec->name,
                        spec->kind, count, kind->level_count > 0 ? kind->level_count - 1 : 0);
        return spec_expect_text(err, "fewer levels");
    }
    ret->level_settings =
        spec_take(arena, sizeof(struct tt_setting) * count * (ret->setting_count + 1));
    if (!ret->level_settings || add_texts(arena, spec, ret) < 0)
        return tt_fail(err, -ENOMEM, "no memory for the levels of '%s'", spec->name);
    for (uint32_t n = 0; r == 0 && n < count; n++) {
        struct tt_setting *settings = ret->level_settings + (uint64_t)n * ret->setting_count;

        memcpy(settings, ret->settings, sizeof(*settings) * ret->setting_count);
        r = assign(spec, kind, ret, n + 1, ret->level_texts[n], settings, err);
    }
    ret->level_count = r == 0 ? count : 0;
    return r;
}

/* What is left open follows the host's defaults, at each level alike. */
static bool is_same_format(const struct tt_format *base, const struct tt_format *format)
{
    struct tt_format same = *format;

    same.size = base->size;
    same.config_handle = base->config_handle;
    if (same.rate.den == 0)
        same.rate = base->rate;
    return memcmp(base, &same, sizeof(same)) == 0;
}

static bool is_same_rate(struct tt_rational a, struct tt_rational b)
{
    return a.den == 0 || b.den == 0 ? a.den == b.den : spec_compare_rates(a, b) == 0;
}

/* NULL: nothing. */
static const char *what_differs(const struct shape_draft *draft, const struct tt_shape *at)
{
    const struct tt_shape *base = &draft->component.shape;

    for (uint32_t n = 0; n < draft->component.out_count; n++)
        if (!is_same_format(&base->out[n], &at->out[n]) || at->bytes_max[n] > base->bytes_max[n] ||
            at->out_max[n] > base->out_max[n])
            return "gives another format than level 0";
    for (uint32_t n = 0; n < draft->component.in_count; n++)
        if (memcmp(&base->want[n], &at->want[n], sizeof(at->want[n])) != 0)
            return "takes another format than level 0";
    if (base->latency_ns != at->latency_ns)
        return "has another structural latency than level 0";
    return is_same_rate(base->clock_rate, at->clock_rate) ? NULL : "has another rate than level 0";
}

int shape_check_levels(struct shaper *shaper, const struct shape_draft *draft)
{
    struct tt_request_store store;
    struct tt_request request;

    spec_request(shaper->picture, &draft->component, draft->connected, &store, &request);
    for (uint32_t level = 1; level <= draft->component.level_count; level++) {
        struct tt_request at = tt_request_at(&request, level);
        struct tt_shape shape = {0};
        const char *what;
        int r = draft->kind->shape ? draft->kind->shape(&at, &shape, shaper->err) : 0;

        if (r < 0)
            return tt_wrap(shaper->err, r, "level %u of '%s' (%s)", level, draft->component.name,
                           draft->kind->name);
        what = what_differs(draft, &shape);
        if (what)
            return fail_level(draft->spec, level, what,
                              "a level with the same formats and latency (for an encoder, "
                              "`tune: zerolatency`)",
                              shaper->err);
    }
    return 0;
}

uint32_t tt_picture_level_of(const struct tt_picture_component *component, uint32_t level)
{
    return level < component->level_count ? level : component->level_count;
}

uint32_t tt_picture_levels(const struct tt_picture *picture)
{
    uint32_t most = 0;

    for (uint32_t n = 0; n < picture->component_count; n++)
        if (picture->components[n].level_count > most)
            most = picture->components[n].level_count;
    return most;
}

int tt_picture_at_level(const struct tt_picture *picture, uint32_t level, struct tt_picture *ret)
{
    struct tt_picture at = *picture;

    at.components = calloc(picture->component_count + 1, sizeof(*at.components));
    if (!at.components)
        return -ENOMEM;
    for (uint32_t n = 0; n < picture->component_count; n++) {
        struct tt_picture_component *component = &at.components[n];
        uint32_t own;

        *component = picture->components[n];
        own = tt_picture_level_of(component, level);
        if (own > 0)
            component->settings =
                component->level_settings + (uint64_t)(own - 1) * component->setting_count;
        component->level_count = 0;
    }
    *ret = at;
    return 0;
}

void tt_picture_at_level_fini(struct tt_picture *picture)
{
    free(picture->components);
    picture->components = NULL;
}
