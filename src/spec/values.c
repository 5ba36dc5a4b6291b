/* Values of parameters: read by type, held against their bounds. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spec/kinds.h"
#include "tactus/format.h"

static int read_int(const char *text, int64_t *ret)
{
    const char *digits = text[0] == '-' || text[0] == '+' ? text + 1 : text;
    int64_t value = 0;
    uint32_t count = 0;

    for (; digits[count] >= '0' && digits[count] <= '9' && count < 18; count++)
        value = value * 10 + (digits[count] - '0');
    if (count == 0 || digits[count] != 0)
        return -EINVAL;
    *ret = text[0] == '-' ? -value : value;
    return 0;
}

static int read_float(const char *text, double *ret)
{
    char *end;

    /* strtod also knows hexadecimal, infinity and nan; nobody means these. */
    if (text[0] == 0 || strlen(text) > 40 || strspn(text, "+-.0123456789eE") != strlen(text))
        return -EINVAL;
    *ret = strtod(text, &end);
    return *end == 0 && end != text && *ret > -1e300 && *ret < 1e300 ? 0 : -EINVAL;
}

/* A gain of nothing at all is the least that its parameter has: there it is silence. */
static bool is_gain(const struct tt_param *param)
{
    return param->unit && strcmp(param->unit, "dB") == 0 && param->min < 0;
}

static int read_gain(const struct tt_param *param, const char *text, double *ret)
{
    if (!is_gain(param) || strcmp(text, "-inf") != 0)
        return read_float(text, ret);
    *ret = param->min;
    return 0;
}

static int read_bool(const char *text, int64_t *ret)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};

    for (int64_t n = 0; n < 8; n++)
        if (strcmp(words[n], text) == 0) {
            *ret = n % 2;
            return 0;
        }
    return -EINVAL;
}

/* A choice by its word, or a format by another spelling of it (I420, yuv420p). */
static int read_choice(const char *choices, const char *text, int64_t *ret)
{
    uint32_t fourcc = tt_fourcc_find(text);
    char word[SPEC_TOKEN_BYTES];
    int64_t other = -1, place = 0;

    for (const char *at = choices ? choices : ""; *at != 0; place++) {
        size_t length = strcspn(at, "|");

        if (length == strlen(text) && memcmp(at, text, length) == 0) {
            *ret = place;
            return 0;
        }
        if (length < sizeof(word)) {
            memcpy(word, at, length);
            word[length] = 0;
            if (fourcc != 0 && other < 0 && tt_fourcc_find(word) == fourcc)
                other = place;
        }
        at += length + (at[length] == '|');
    }
    if (other < 0)
        return -EINVAL;
    *ret = other;
    return 0;
}

int spec_read_value(const struct tt_param *param, const char *text, struct tt_setting *ret)
{
    struct tt_rational ratio = {0, 1};
    int r = 0;

    switch (param->type) {
    case TT_PARAM_INT:
        r = read_int(text, &ret->i);
        ret->f = (double)ret->i;
        break;
    case TT_PARAM_FLOAT:
        r = read_gain(param, text, &ret->f);
        ret->i = r == 0 && ret->f > -9e18 && ret->f < 9e18 ? (int64_t)ret->f : 0;
        break;
    case TT_PARAM_BOOL:
        r = read_bool(text, &ret->i);
        ret->f = (double)ret->i;
        return r;
    case TT_PARAM_RATIONAL:
        r = tt_parse_rational(text, &ratio);
        ret->i = ratio.num;
        ret->j = ratio.den;
        ret->f = (double)ratio.num / (double)ratio.den;
        break;
    case TT_PARAM_TIME:
        r = tt_parse_duration(text, &ret->i);
        ret->f = (double)ret->i;
        break;
    case TT_PARAM_BITS:
        r = tt_parse_bits(text, &ret->i);
        ret->f = (double)ret->i;
        break;
    case TT_PARAM_CHOICE:
        return read_choice(param->unit, text, &ret->i);
    default:
        return 0;
    }
    if (r == 0 && (param->min != 0 || param->max != 0) &&
        (ret->f < param->min || ret->f > param->max))
        return -ERANGE;
    return r;
}

static void describe(const struct tt_param *param, char *ret, size_t bytes)
{
    static const char *const types[] = {
        [TT_PARAM_INT] = "a whole number",
        [TT_PARAM_FLOAT] = "a number",
        [TT_PARAM_BOOL] = "true or false",
        [TT_PARAM_TEXT] = "text",
        [TT_PARAM_RATIONAL] = "a rate such as 50 or 30000/1001",
        [TT_PARAM_TIME] = "a time with its unit (ns, us, ms, s, m, h), such as 40ms or 1.5s",
        [TT_PARAM_CHOICE] = "one of ",
        [TT_PARAM_BITS] = "bits a second such as 128k or 3M",
        [TT_PARAM_OPTIONS] = "text",
    };
    const char *type = param->type <= TT_PARAM_OPTIONS ? types[param->type] : NULL;
    int length = snprintf(ret, bytes, "%s%s", type ? type : "text",
                          param->type == TT_PARAM_CHOICE && param->unit ? param->unit : "");

    if ((param->min != 0 || param->max != 0) && length >= 0 && (size_t)length < bytes)
        (void)snprintf(ret + length, bytes - (size_t)length, " from %.15g to %.15g%s", param->min,
                       param->max, is_gain(param) ? ", or -inf" : "");
}

static int fail_value(const struct tt_param *param, const char *component, const char *name,
                      const char *value, struct tt_place place, struct tt_error *err)
{
    char token[SPEC_TOKEN_BYTES], expected[128], choices[128];
    struct spec_words words = {0};

    spec_show(value, strlen(value), token);
    (void)spec_fail(err, place, value, "'%s' is no value for '%s' of '%s'", token, name, component);
    if (param->type != TT_PARAM_CHOICE || !param->unit || strlen(param->unit) >= sizeof(choices)) {
        describe(param, expected, sizeof(expected));
        return spec_expect_text(err, expected);
    }
    (void)snprintf(choices, sizeof(choices), "%s", param->unit);
    for (char *rest = choices, *word = strsep(&rest, "|"); word; word = strsep(&rest, "|"))
        spec_words_add(&words, word);
    return spec_expect(err, &words);
}

int spec_check_param(const struct tt_component *kind, const char *component, const char *name,
                     const char *value, struct tt_place name_place, struct tt_place value_place,
                     struct tt_error *err)
{
    struct spec_words words = {0};
    struct tt_setting setting = {0};
    struct spec_param_ref ref;
    char token[SPEC_TOKEN_BYTES];

    spec_show(name, strlen(name), token);
    if (spec_find_param(kind, name, &ref) < 0) {
        for (uint32_t n = 0; n < kind->param_count; n++)
            spec_words_add(&words, kind->params[n].name);
        (void)spec_fail(err, name_place, name, "'%s' (%s) has no parameter '%s'", component,
                        kind->name, token);
        return spec_expect(err, &words);
    }
    if (ref.is_option || spec_read_value(&kind->params[ref.param], value, &setting) == 0)
        return 0;
    return fail_value(&kind->params[ref.param], component, token, value, value_place, err);
}
