/* The calendar and the format, without a C library: local time comes as nanoseconds. */
#include "components/text_clock/clock_text.h"

#include <stdbool.h>

#include "tactus/format.h"

struct moment {
    int64_t year;
    uint32_t month, day, hour, minute, second, frame, frame_digits;
};

/* The day's date in the Gregorian calendar. Years are counted from March, so that the leap day is
 * the last of a year and months have lengths that repeat every five. */
static void find_date(int64_t day, struct moment *ret)
{
    int64_t since = day + 719468, era = tt_muldiv(since, 1, 146097); /* from 0000-03-01 */
    uint32_t of_era = (uint32_t)(since - era * 146097);
    uint32_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    uint32_t of_year = of_era - (365 * year + year / 4 - year / 100);
    uint32_t month = (5 * of_year + 2) / 153;

    ret->day = of_year - (153 * month + 2) / 5 + 1;
    ret->month = month < 10 ? month + 3 : month - 9;
    ret->year = era * 400 + year + (ret->month <= 2);
}

static void find_moment(int64_t wall_ns, struct tt_rational rate, struct moment *ret)
{
    int64_t seconds = tt_muldiv(wall_ns, 1, 1000000000), day = tt_muldiv(seconds, 1, 86400);
    uint32_t of_day = (uint32_t)(seconds - day * 86400);

    find_date(day, ret);
    ret->hour = of_day / 3600;
    ret->minute = of_day / 60 % 60;
    ret->second = of_day % 60;
    ret->frame = (uint32_t)tt_ns_index(wall_ns - seconds * 1000000000, rate);
    ret->frame_digits = rate.num > 100 * rate.den ? 3 : 2;
}

struct text {
    char *at;
    uint32_t length;
    bool is_full;
};

static void put(struct text *text, char c)
{
    if (text->length + 1 >= CLOCK_TEXT_MAX)
        text->is_full = true;
    else
        text->at[text->length++] = c;
}

static void put_number(struct text *text, uint64_t value, uint32_t digits)
{
    uint64_t unit = 1;

    for (uint32_t n = 1; n < digits; n++)
        unit *= 10;
    for (; unit > 0; unit /= 10)
        put(text, (char)('0' + value / unit % 10));
}

static bool put_field(struct text *text, char field, const struct moment *moment)
{
    switch (field) {
    case 'H':
        put_number(text, moment->hour, 2);
        return true;
    case 'M':
        put_number(text, moment->minute, 2);
        return true;
    case 'S':
        put_number(text, moment->second, 2);
        return true;
    case 'Y':
        put_number(text, (uint64_t)moment->year, 4);
        return true;
    case 'm':
        put_number(text, moment->month, 2);
        return true;
    case 'd':
        put_number(text, moment->day, 2);
        return true;
    case 'f':
        put_number(text, moment->frame, moment->frame_digits);
        return true;
    case '%':
        put(text, '%');
        return true;
    default:
        return false;
    }
}

static bool put_fields(struct text *text, char field, const struct moment *moment)
{
    const char *fields = field == 'F' ? "Y-m-d" : field == 'T' ? "H:M:S" : 0;

    if (fields == 0)
        return put_field(text, field, moment);
    for (; *fields != 0; fields++)
        if (*fields == '-' || *fields == ':')
            put(text, *fields);
        else
            (void)put_field(text, *fields, moment);
    return true;
}

int clock_text(const char *format, int64_t wall_ns, struct tt_rational rate, char *ret,
               uint32_t *ret_at)
{
    struct text text = {.at = ret};
    struct moment moment;

    find_moment(wall_ns, rate, &moment);
    for (const char *at = format; *at != 0; at++) {
        *ret_at = (uint32_t)(at - format);
        if (*at < ' ' || *at > '~')
            return -1;
        if (*at != '%') {
            put(&text, *at);
        } else {
            at++;
            if (!put_fields(&text, *at, &moment))
                return -1;
        }
        if (text.is_full)
            return -1;
    }
    ret[text.length] = 0;
    return (int)text.length;
}
