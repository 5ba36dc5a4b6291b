/* Parameters of a component, given or initial, as its request carries them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "spec/kinds.h"
#include "spec/picture_build.h"

struct texts {
    char *text;
    uint32_t bytes, room;
};

struct settle {
    struct tt_picture *picture;
    const struct tt_spec_component *spec;
    const struct tt_component *kind;
    struct tt_picture_component *component;
    struct texts texts; /* sized for everything before it is written */
    struct tt_error *err;
};

static uint32_t begin_text(const struct settle *settle)
{
    return settle->texts.bytes;
}

static void put_char(struct settle *settle, char c)
{
    if (settle->texts.bytes < settle->texts.room)
        settle->texts.text[settle->texts.bytes++] = c;
}

static void put_text(struct settle *settle, const char *text)
{
    for (; *text != 0; text++)
        put_char(settle, *text);
}

/* libav reads "k=v:k=v" and takes a backslash before what it would split at. */
static void put_escaped(struct settle *settle, const char *text)
{
    for (; *text != 0; text++) {
        if (strchr(":='\\", *text))
            put_char(settle, '\\');
        put_char(settle, *text);
    }
}

static const struct tt_spec_param *given(const struct settle *settle, uint32_t param,
                                         const char *input)
{
    struct spec_param_ref ref;

    for (uint32_t n = 0; n < settle->spec->param_count; n++)
        if (spec_find_param(settle->kind, settle->spec->params[n].name, &ref) == 0 &&
            ref.param == param && !ref.is_option && strcmp(ref.input, input) == 0)
            return &settle->spec->params[n];
    return NULL;
}

static int fail_missing(const struct settle *settle, const struct tt_param *param)
{
    const struct tt_spec_component *spec = settle->spec;

    (void)spec_fail(settle->err, spec->place, spec->name, "'%s' (%s) needs the parameter '%s'",
                    spec->name, spec->kind, param->name);
    return spec_expect_text(settle->err, param->help ? param->help : param->name);
}

static int add_setting(struct settle *settle, uint32_t place, uint32_t input, const char *name)
{
    const struct tt_param *param = &settle->kind->params[place];
    struct tt_picture_component *component = settle->component;
    struct tt_setting *setting = &component->settings[component->setting_count];
    const struct tt_spec_param *written = given(settle, place, name);
    const char *value = written ? written->value : param->initial;

    if (!value)
        return fail_missing(settle, param);
    *setting = (struct tt_setting){.param = place, .input = input, .is_given = written != NULL};
    if (param->type == TT_PARAM_RATIONAL)
        setting->j = 1;
    /* An initial value may stand outside the bounds: 0 for "by itself". */
    if (spec_read_value(param, value, setting) == -EINVAL && value[0] != 0)
        return written ? spec_check_param(settle->kind, settle->spec->name, written->name, value,
                                          written->place, written->place, settle->err)
                       : tt_fail(settle->err, -EPROTO, "%s declares '%s' as initial '%s'",
                                 settle->kind->name, value, param->name);
    if (param->type == TT_PARAM_TEXT || param->type == TT_PARAM_CHOICE) {
        setting->text = begin_text(settle);
        put_text(settle, value);
        put_char(settle, 0);
    }
    component->setting_count++;
    return 0;
}

static void add_options(struct settle *settle, uint32_t place)
{
    struct tt_picture_component *component = settle->component;
    struct tt_setting *setting = &component->settings[component->setting_count++];
    struct spec_param_ref ref;

    *setting = (struct tt_setting){.param = place, .input = TT_NO_PORT};
    setting->text = begin_text(settle);
    for (uint32_t n = 0; n < settle->spec->param_count; n++) {
        const struct tt_spec_param *param = &settle->spec->params[n];

        if (spec_find_param(settle->kind, param->name, &ref) < 0 || !ref.is_option ||
            ref.param != place)
            continue;
        if (setting->is_given)
            put_char(settle, ':');
        put_escaped(settle, param->name);
        put_char(settle, '=');
        put_escaped(settle, param->value);
        setting->is_given = 1;
    }
    put_char(settle, 0);
}

static int reserve(struct settle *settle)
{
    struct spec_arena *arena = spec_picture_arena(settle->picture);
    uint64_t room = 1, count = (uint64_t)settle->kind->param_count * (TT_PORTS_MAX + 1);

    for (uint32_t n = 0; n < settle->spec->param_count; n++)
        room +=
            2 * (strlen(settle->spec->params[n].name) + strlen(settle->spec->params[n].value)) + 4;
    for (uint32_t n = 0; n < settle->kind->param_count; n++)
        room += (settle->kind->params[n].initial ? strlen(settle->kind->params[n].initial) : 0) *
                    (TT_PORTS_MAX + 1) +
                TT_PORTS_MAX + 1;
    settle->texts.room = (uint32_t)room;
    settle->texts.text = spec_take(arena, room);
    settle->component->settings = spec_take(arena, sizeof(struct tt_setting) * (count + 1));
    settle->component->setting_count = 0;
    if (!settle->texts.text || !settle->component->settings)
        return tt_fail(settle->err, -ENOMEM, "no memory for the parameters of '%s'",
                       settle->spec->name);
    return 0;
}

int spec_settings(struct tt_picture *picture, const struct tt_spec_component *spec,
                  const struct tt_component *kind, struct tt_picture_component *ret,
                  struct tt_error *err)
{
    struct settle settle = {
        .picture = picture, .spec = spec, .kind = kind, .component = ret, .err = err};
    int r = reserve(&settle);

    if (r == 0)
        put_char(&settle, 0); /* offset 0 means no text */
    for (uint32_t n = 0; r == 0 && n < kind->param_count; n++) {
        const struct tt_param *param = &kind->params[n];

        if (param->type == TT_PARAM_OPTIONS)
            add_options(&settle, n);
        else if (strncmp(param->name, "*.", 2) != 0)
            r = add_setting(&settle, n, TT_NO_PORT, "");
        else
            for (uint32_t input = 0; r == 0 && input < ret->in_count; input++)
                r = add_setting(&settle, n, input, ret->in[input].name);
    }
    ret->texts = settle.texts.text;
    ret->texts_bytes = settle.texts.bytes;
    return r < 0 ? r : spec_levels(picture, spec, kind, ret, err);
}
