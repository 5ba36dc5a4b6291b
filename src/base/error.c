/* Sentences without a C library: a small formatter, and errors that grow on their way up. */
#include "tactus/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct out {
    char *text;
    uint32_t bytes, length;
};

struct spec {
    uint32_t width, length_count; /* l counts 1, ll 2, z 2 */
    int32_t precision;            /* -1: none */
    bool is_zero_padded;
    bool is_left;
    char conversion;
};

static void put(struct out *out, char c)
{
    if (out->length + 1 < out->bytes)
        out->text[out->length++] = c;
}

static void put_padded(struct out *out, const char *text, uint32_t length, const struct spec *spec)
{
    for (uint32_t n = length; !spec->is_left && n < spec->width; n++)
        put(out, spec->is_zero_padded ? '0' : ' ');
    for (uint32_t n = 0; n < length; n++)
        put(out, text[n]);
    for (uint32_t n = length; spec->is_left && n < spec->width; n++)
        put(out, ' ');
}

static void put_number(struct out *out, uint64_t value, bool is_negative, uint32_t base,
                       const struct spec *spec)
{
    char digits[24];
    uint32_t at = sizeof(digits);

    do {
        digits[--at] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    if (is_negative && spec->is_zero_padded && spec->width > 0) {
        struct spec rest = *spec;

        put(out, '-');
        rest.width--;
        put_padded(out, digits + at, (uint32_t)sizeof(digits) - at, &rest);
        return;
    }
    if (is_negative)
        digits[--at] = '-';
    put_padded(out, digits + at, (uint32_t)sizeof(digits) - at, spec);
}

static uint32_t text_length(const char *text, int32_t limit)
{
    uint32_t length = 0;

    while ((limit < 0 || length < (uint32_t)limit) && text[length] != 0)
        length++;
    return length;
}

static const char *read_digits(const char *at, uint32_t *ret)
{
    *ret = 0;
    for (; *at >= '0' && *at <= '9'; at++)
        *ret = *ret < 10000 ? *ret * 10 + (uint32_t)(*at - '0') : *ret;
    return at;
}

/* va_list is passed on by pointer through this struct: that is portable, an array type is not. */
struct args {
    va_list list;
};

static const char *read_spec(const char *at, struct args *args, struct spec *ret)
{
    uint32_t number;

    *ret = (struct spec){.precision = -1};
    for (; *at == '0' || *at == '-'; at++) {
        if (*at == '0')
            ret->is_zero_padded = true;
        else
            ret->is_left = true;
    }
    at = read_digits(at, &ret->width);
    if (at[0] == '.' && at[1] == '*') {
        ret->precision = va_arg(args->list, int);
        at += 2;
    } else if (at[0] == '.') {
        at = read_digits(at + 1, &number);
        ret->precision = (int32_t)number;
    }
    for (; *at == 'l' || *at == 'z'; at++)
        ret->length_count += *at == 'z' ? 2 : 1;
    ret->conversion = *at;
    return *at != 0 ? at + 1 : at;
}

static void put_conversion(struct out *out, const struct spec *spec, struct args *args)
{
    int64_t value;
    const char *text;
    char c;

    switch (spec->conversion) {
    case 's':
        text = va_arg(args->list, const char *);
        text = text ? text : "(none)";
        put_padded(out, text, text_length(text, spec->precision), spec);
        return;
    case 'c':
        c = (char)va_arg(args->list, int);
        put_padded(out, &c, 1, spec);
        return;
    case 'd':
    case 'i':
        value = spec->length_count ? va_arg(args->list, long) : va_arg(args->list, int);
        put_number(out, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, value < 0, 10, spec);
        return;
    case 'u':
    case 'x':
        put_number(out,
                   spec->length_count ? va_arg(args->list, unsigned long)
                                      : va_arg(args->list, unsigned),
                   false, spec->conversion == 'x' ? 16 : 10, spec);
        return;
    case '%':
        put(out, '%');
        return;
    default: /* A conversion that this formatter does not know stays visible. */
        put(out, '%');
        put(out, spec->conversion);
    }
}

uint32_t tt_format_text_v(char *ret, uint32_t bytes, const char *format, va_list list)
{
    struct out out = {.text = ret, .bytes = bytes};
    struct args args;
    struct spec spec;

    if (bytes == 0)
        return 0;
    va_copy(args.list, list);
    while (*format != 0) {
        if (*format != '%') {
            put(&out, *format++);
            continue;
        }
        format = read_spec(format + 1, &args, &spec);
        put_conversion(&out, &spec, &args);
    }
    va_end(args.list);
    ret[out.length] = 0;
    return out.length;
}

uint32_t tt_format_text(char *ret, uint32_t bytes, const char *format, ...)
{
    va_list list;
    uint32_t length;

    va_start(list, format);
    length = tt_format_text_v(ret, bytes, format, list);
    va_end(list);
    return length;
}

int tt_fail(struct tt_error *err, int code, const char *format, ...)
{
    va_list list;

    if (!err)
        return code;
    va_start(list, format);
    (void)tt_format_text_v(err->text, sizeof(err->text), format, list);
    va_end(list);
    err->code = code;
    return code;
}

int tt_wrap(struct tt_error *err, int code, const char *format, ...)
{
    char below[TT_ERROR_TEXT_BYTES];
    va_list list;
    uint32_t length;

    if (!err)
        return code;
    memcpy(below, err->text, sizeof(below));
    va_start(list, format);
    length = tt_format_text_v(err->text, sizeof(err->text), format, list);
    va_end(list);
    (void)tt_format_text(err->text + length, (uint32_t)sizeof(err->text) - length, ": %s", below);
    err->code = code;
    return code;
}
