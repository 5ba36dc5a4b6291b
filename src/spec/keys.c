/* The values of a service's own keys, the same in YAML and in the one-liner. */
#include <errno.h>
#include <string.h>

#include "spec/build.h"
#include "spec/kinds.h"

static const int64_t deadline_ns_max = 3600000000000;

int spec_read_deadline(const char *text, struct tt_place place, int64_t *ret, struct tt_error *err)
{
    char token[SPEC_TOKEN_BYTES];
    int64_t value;

    spec_show(text, strlen(text), token);
    if (tt_parse_duration(text, &value) == 0 && value > 0 && value <= deadline_ns_max) {
        *ret = value;
        return 0;
    }
    (void)spec_fail(err, place, token, "'%s' is no deadline", token);
    return spec_expect_text(err, "a time with its unit, at most 1h: 500us, 40ms, 1.5s");
}

int spec_read_loss(const char *text, struct tt_place place, struct tt_rational *ret,
                   struct tt_error *err)
{
    char token[SPEC_TOKEN_BYTES];
    struct tt_rational value;

    spec_show(text, strlen(text), token);
    if (tt_parse_fraction(text, &value) == 0 && value.num > 0 && value.num < value.den) {
        *ret = value;
        return 0;
    }
    (void)spec_fail(err, place, token, "'%s' is no loss bound", token);
    return spec_expect_text(err, "a part above 0 and below 1: 1%, 0.01, 1/100");
}

int spec_read_rate(const char *text, struct tt_place place, struct tt_rational *ret,
                   struct tt_error *err)
{
    char token[SPEC_TOKEN_BYTES];
    struct tt_rational value;

    spec_show(text, strlen(text), token);
    if (tt_parse_rational(text, &value) == 0 && value.num > 0 && value.num / value.den <= 100000) {
        *ret = value;
        return 0;
    }
    (void)spec_fail(err, place, token, "'%s' is no rate", token);
    return spec_expect_text(err, "frames a second up to 100000: 50, 29.97, 30000/1001");
}

int spec_read_spares(const char *text, struct tt_place place, uint32_t *ret, struct tt_error *err)
{
    char token[SPEC_TOKEN_BYTES];

    if (text[0] >= '0' && text[0] <= '0' + TT_SPARE_CONTAINERS_MAX && text[1] == '\0') {
        *ret = (uint32_t)(text[0] - '0');
        return 0;
    }
    spec_show(text, strlen(text), token);
    (void)spec_fail(err, place, token, "'%s' is no number of spare containers", token);
    return spec_expect_text(err, "0, 1, 2, 3 or 4");
}

int spec_read_overrun(const char *text, struct tt_place place, char ret[16], struct tt_error *err)
{
    struct spec_words words = {.word = {"throttle", "skip", "stop"}, .count = 3};
    char token[SPEC_TOKEN_BYTES];

    for (uint32_t n = 0; n < words.count; n++)
        if (strcmp(words.word[n], text) == 0) {
            (void)tt_format_text(ret, 16, "%s", text);
            return 0;
        }
    spec_show(text, strlen(text), token);
    (void)spec_fail(err, place, token, "'%s' is no overrun policy", token);
    return spec_expect(err, &words);
}

/* `service`, the default: the frames of its service, all of them. `call`: those of its call. */
int spec_read_grants(const char *text, struct tt_place place, const struct tt_catalogue *catalogue,
                     struct tt_spec_component *component, struct tt_error *err)
{
    struct spec_words words = {.word = {"call", "service"}, .count = 2};
    char token[SPEC_TOKEN_BYTES];

    spec_show(text, strlen(text), token);
    if (strcmp(text, "call") != 0 && strcmp(text, "service") != 0) {
        (void)spec_fail(err, place, token, "'%s' is no grant of frames", token);
        return spec_expect(err, &words);
    }
    if (!catalogue->is_sandboxed ||
        !catalogue->is_sandboxed(spec_kind(catalogue, component->kind))) {
        (void)spec_fail(err, place, token,
                        "'%s' (%s) is not sandboxed, so no frame can be kept from it",
                        component->name, component->kind);
        return spec_expect_text(err, "no `grants`, or a package that tactus build made");
    }
    component->has_call_grants = text[0] == 'c';
    return 0;
}

/* A level is prepared before it is needed, which not every parameter allows. */
static int check_level(const struct tt_component *kind, const char *component, const char *name,
                       struct tt_place place, struct tt_error *err)
{
    struct spec_words words = {0};
    struct spec_param_ref ref;

    if (spec_find_param(kind, name, &ref) == 0 && !ref.is_option && kind->level_count > 1 &&
        (kind->params[ref.param].is_live & TT_PARAM_LEVEL) != 0)
        return 0;
    for (uint32_t n = 0; n < kind->param_count && kind->level_count > 1; n++)
        if ((kind->params[n].is_live & TT_PARAM_LEVEL) != 0)
            spec_words_add(&words, kind->params[n].name);
    (void)spec_fail(err, place, name, "'%s' of '%s' (%s) cannot differ between degrading levels",
                    name, component, kind->name);
    if (words.count == 0)
        return spec_expect_text(err, "no `degrade`: this kind has one level");
    return spec_expect(err, &words);
}

int spec_check_degrade(const struct tt_component *kind, const char *component, const char *text,
                       struct tt_place place, struct tt_error *err)
{
    const char *equals = strchr(text, '=');
    char name[SPEC_TOKEN_BYTES * 2];
    int r;

    if (!equals || equals == text || equals - text >= (int64_t)sizeof(name)) {
        (void)spec_fail(err, place, text, "'%s' has a degrading level that is no assignment",
                        component);
        return spec_expect_text(err, "parameter=value, such as method=point");
    }
    memcpy(name, text, (size_t)(equals - text));
    name[equals - text] = 0;
    r = spec_check_param(kind, component, name, equals + 1, place, place, err);
    return r < 0 ? r : check_level(kind, component, name, place, err);
}
