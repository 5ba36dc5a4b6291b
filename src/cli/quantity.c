/* Times, counts and sizes as people read them. Three significant digits and a bit are enough for
 * eyes; --json has the exact numbers. */
#include "cli/quantity.h"

#include <stdio.h>
#include <string.h>

/* "12.50" to "12.5", "3.00" to "3". */
static void trim_zeros(char *text)
{
    size_t length = strlen(text);

    if (!strchr(text, '.'))
        return;
    while (length > 0 && text[length - 1] == '0')
        text[--length] = 0;
    if (length > 0 && text[length - 1] == '.')
        text[--length] = 0;
}

static struct quantity with_unit(double value, const char *unit)
{
    double size = value < 0 ? -value : value;
    struct quantity ret;
    char number[24];

    (void)snprintf(number, sizeof(number),
                   size < 10     ? "%.2f"
                   : size < 1000 ? "%.1f"
                                 : "%.0f",
                   value);
    trim_zeros(number);
    (void)snprintf(ret.text, sizeof(ret.text), "%s %s", number, unit);
    return ret;
}

struct quantity quantity_time(int64_t ns)
{
    double value = (double)ns, size = value < 0 ? -value : value;

    if (ns == 0)
        return (struct quantity){"0"};
    if (size < 1e3)
        return with_unit(value, "ns");
    if (size < 1e6)
        return with_unit(value / 1e3, "us");
    if (size < 1e9)
        return with_unit(value / 1e6, "ms");
    return with_unit(value / 1e9, "s");
}

struct quantity quantity_count(int64_t count)
{
    char digits[24];
    struct quantity ret;
    size_t length, out = 0;

    (void)snprintf(digits, sizeof(digits), "%lld", (long long)count);
    length = strlen(digits);
    for (size_t n = 0; n < length && out + 2 < sizeof(ret.text); n++) {
        ret.text[out++] = digits[n];
        if (digits[n] != '-' && n + 1 < length && (length - n - 1) % 3 == 0)
            ret.text[out++] = ',';
    }
    ret.text[out] = 0;
    return ret;
}

struct quantity quantity_bytes(int64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    uint32_t unit = 0;

    while (value >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        value /= 1024;
        unit++;
    }
    return with_unit(value, units[unit]);
}

struct quantity quantity_ppm(int64_t ppm)
{
    return with_unit((double)ppm / 1e4, "%");
}

struct quantity quantity_share(double share)
{
    struct quantity ret;

    (void)snprintf(ret.text, sizeof(ret.text), "%.6g %%", share * 100);
    return ret;
}

struct quantity quantity_unit(int64_t value, const char *unit)
{
    if (strcmp(unit, "ns") == 0)
        return quantity_time(value);
    if (strcmp(unit, "ppm") == 0)
        return quantity_ppm(value);
    if (strcmp(unit, "bytes") == 0)
        return quantity_bytes(value);
    return quantity_count(value);
}
