/* Caps filters, as gst-launch writes them: what a flow's format must be. */
#include <errno.h>
#include <string.h>

#include "spec/chain.h"
#include "tactus/format.h"

static const char video[] = "video/x-raw", audio[] = "audio/x-raw";

bool spec_is_caps(const char *word)
{
    const char *slash = strchr(word, '/');

    return slash && slash != word && (size_t)(slash - word) < strcspn(word, "=.,");
}

struct field {
    char name[SPEC_TOKEN_BYTES], value[SPEC_TOKEN_BYTES];
};

/* One "name=(type)value", spaces around it allowed. */
static const char *read_field(const char *at, struct field *ret)
{
    size_t length, name;

    at += strspn(at, " ");
    length = strcspn(at, ",");
    name = strcspn(at, "=,");
    if (name >= sizeof(ret->name) || length - name >= sizeof(ret->value))
        return NULL;
    memcpy(ret->name, at, name);
    ret->name[name] = 0;
    ret->value[0] = 0;
    if (at[name] == '=') {
        const char *value = at + name + 1, *end = at + length, *close = memchr(at, ')', length);

        if (*value == '(' && close)
            value = close + 1;
        while (end > value && end[-1] == ' ')
            end--;
        memcpy(ret->value, value, (size_t)(end - value));
        ret->value[end - value] = 0;
    }
    return at + length + (at[length] == ',');
}

static bool read_number(const char *text, uint32_t max, uint32_t *ret)
{
    uint64_t value = 0;

    for (const char *at = text; *at != 0; at++) {
        if (*at < '0' || *at > '9' || value > max)
            return false;
        value = value * 10 + (uint64_t)(*at - '0');
    }
    *ret = (uint32_t)value;
    return value > 0 && value <= max;
}

static bool set_field(const struct field *field, struct tt_format *ret)
{
    bool is_video = ret->kind == TT_VIDEO;

    if (strcmp(field->name, "format") == 0) {
        ret->fourcc = tt_fourcc_find(field->value);
        return ret->fourcc != 0;
    }
    if (is_video && strcmp(field->name, "width") == 0)
        return read_number(field->value, TT_SIZE_MAX, &ret->width);
    if (is_video && strcmp(field->name, "height") == 0)
        return read_number(field->value, TT_SIZE_MAX, &ret->height);
    if (is_video)
        return tt_parse_rational(field->value, &ret->rate) == 0 && ret->rate.num > 0;
    if (strcmp(field->name, "rate") == 0)
        return read_number(field->value, 192000, &ret->sample_rate);
    return read_number(field->value, TT_CHANNELS_MAX, &ret->channels);
}

static int read_fields(const char *at, struct tt_place place, struct tt_format *ret,
                       struct tt_error *err)
{
    struct spec_words words = {.word = {"format", "width", "height", "framerate"}, .count = 4};
    struct field field;

    if (ret->kind == TT_AUDIO)
        words = (struct spec_words){.word = {"format", "rate", "channels"}, .count = 3};
    while (*at != 0) {
        const char *next = read_field(at, &field);
        uint32_t n = 0;

        if (!next)
            return spec_fail(err, place, at, "a field of the filter is too long");
        while (n < words.count && strcmp(words.word[n], field.name) != 0)
            n++;
        if (n == words.count) {
            (void)spec_fail(err, place, field.name, "a filter for %s has no field '%s'",
                            ret->kind == TT_VIDEO ? video : audio, field.name);
            return spec_expect(err, &words);
        }
        if (!set_field(&field, ret)) {
            (void)spec_fail(err, place, field.value, "'%s' is no %s of a filter", field.value,
                            field.name);
            return spec_expect_text(err, ret->kind == TT_VIDEO
                                             ? "as in video/x-raw,format=I420,width=640,"
                                               "height=360,framerate=25/1"
                                             : "as in audio/x-raw,format=F32P,rate=48000,"
                                               "channels=2");
        }
        at = next;
    }
    return 0;
}

int spec_read_caps(const char *text, struct tt_place place, struct tt_format *ret,
                   struct tt_error *err)
{
    struct spec_words words = {.word = {video, audio}, .count = 2};
    size_t length = strcspn(text, ", ");
    struct tt_format caps = {.size = sizeof(caps)};
    char token[SPEC_TOKEN_BYTES];
    int r;

    if (length == strlen(video) && memcmp(text, video, length) == 0) {
        caps.kind = TT_VIDEO;
    } else if (length == strlen(audio) && memcmp(text, audio, length) == 0) {
        caps.kind = TT_AUDIO;
    } else {
        spec_show(text, length, token);
        (void)spec_fail(err, place, token, "'%s' is no filter", token);
        return spec_expect(err, &words);
    }
    text += length;
    r = read_fields(text + (*text == ','), place, &caps, err);
    if (r == 0)
        *ret = caps;
    return r;
}

void spec_print_caps(const struct tt_format *caps, char *ret, uint32_t bytes)
{
    uint32_t length = tt_format_text(ret, bytes, "%s", caps->kind == TT_VIDEO ? video : audio);

    if (caps->fourcc != 0)
        length += tt_format_text(ret + length, bytes - length, ",format=%s",
                                 tt_fourcc_name(caps->fourcc));
    if (caps->width != 0)
        length += tt_format_text(ret + length, bytes - length, ",width=%u", caps->width);
    if (caps->height != 0)
        length += tt_format_text(ret + length, bytes - length, ",height=%u", caps->height);
    if (caps->rate.num != 0)
        length += tt_format_text(ret + length, bytes - length, ",framerate=%ld/%ld",
                                 (long)caps->rate.num, (long)caps->rate.den);
    if (caps->sample_rate != 0)
        length += tt_format_text(ret + length, bytes - length, ",rate=%u", caps->sample_rate);
    if (caps->channels != 0)
        (void)tt_format_text(ret + length, bytes - length, ",channels=%u", caps->channels);
}
