/* Numbers with units as people write them: 40ms, 30000/1001, 1%, 3M. Exact: no floating point. */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "spec/service.h"

/* Keeps products of a rate's parts with nanoseconds inside 64 bits. */
static const int64_t part_max = 1000000000;

struct decimal { /* value = num / den, den a power of ten */
    int64_t num, den;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const char *read_decimal(const char *at, struct decimal *ret)
{
    uint32_t digits = 0;

    *ret = (struct decimal){0, 1};
    for (; is_digit(*at) && digits < 16; at++, digits++)
        ret->num = ret->num * 10 + (*at - '0');
    if (digits == 0 || digits == 16)
        return NULL;
    if (*at != '.')
        return at;
    at++;
    if (!is_digit(*at))
        return NULL;
    for (; is_digit(*at); at++) {
        if (ret->den == part_max || ret->num > INT64_MAX / 10 - 9)
            return NULL;
        ret->num = ret->num * 10 + (*at - '0');
        ret->den *= 10;
    }
    return at;
}

static int scale(struct decimal value, int64_t factor, int64_t *ret)
{
    __int128 product = (__int128)value.num * factor;

    /* Half a nanosecond and half a bit are nobody's intention. */
    if (product % value.den != 0 || product / value.den > INT64_MAX)
        return -EINVAL;
    *ret = (int64_t)(product / value.den);
    return 0;
}

int tt_parse_duration(const char *text, int64_t *ret_ns)
{
    static const struct {
        const char *name;
        int64_t ns;
    } units[] = {{"ns", 1},         {"us", 1000},       {"ms", 1000000},
                 {"s", 1000000000}, {"m", 60000000000}, {"h", 3600000000000}};
    struct decimal value;
    const char *unit = read_decimal(text, &value);

    if (!unit)
        return -EINVAL;
    for (size_t n = 0; n < sizeof(units) / sizeof(units[0]); n++)
        if (strcmp(unit, units[n].name) == 0)
            return scale(value, units[n].ns, ret_ns);
    return -EINVAL;
}

static struct tt_rational reduce(__int128 num, __int128 den)
{
    __int128 a = num, b = den;

    while (b != 0) {
        __int128 rest = a % b;

        a = b;
        b = rest;
    }
    if (a == 0)
        return (struct tt_rational){0, 1};
    num /= a;
    den /= a;
    if (num > part_max || den > part_max)
        return (struct tt_rational){0, 0};
    return (struct tt_rational){(int64_t)num, (int64_t)den};
}

/* a or a/b; the rest of the text is left to the caller. */
static const char *read_ratio(const char *at, struct tt_rational *ret)
{
    struct decimal above, below = {1, 1};

    at = read_decimal(at, &above);
    if (at && *at == '/') {
        at = read_decimal(at + 1, &below);
        if (at && below.num == 0)
            return NULL;
    }
    if (!at)
        return NULL;
    *ret = reduce((__int128)above.num * below.den, (__int128)below.num * above.den);
    return ret->den != 0 ? at : NULL;
}

int tt_parse_rational(const char *text, struct tt_rational *ret)
{
    struct tt_rational value;
    const char *rest = read_ratio(text, &value);

    if (!rest || *rest != 0)
        return -EINVAL;
    *ret = value;
    return 0;
}

int tt_parse_fraction(const char *text, struct tt_rational *ret)
{
    struct tt_rational value;
    const char *rest = read_ratio(text, &value);

    if (!rest)
        return -EINVAL;
    if (rest[0] == '%' && rest[1] == 0) {
        value = reduce(value.num, (__int128)value.den * 100);
        if (value.den == 0)
            return -EINVAL;
    } else if (*rest != 0) {
        return -EINVAL;
    }
    if (value.num > value.den)
        return -EINVAL;
    *ret = value;
    return 0;
}

int tt_parse_bits(const char *text, int64_t *ret)
{
    struct decimal value;
    const char *unit = read_decimal(text, &value);

    if (!unit)
        return -EINVAL;
    if (unit[0] == 0)
        return scale(value, 1, ret);
    if (unit[1] != 0)
        return -EINVAL;
    switch (unit[0]) {
    case 'k':
    case 'K':
        return scale(value, 1000, ret);
    case 'M':
        return scale(value, 1000000, ret);
    case 'G':
        return scale(value, 1000000000, ret);
    default:
        return -EINVAL;
    }
}
