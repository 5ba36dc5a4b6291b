/* Errors about a text: where, what was read, what would be accepted, which known word is nearest.
 */
#include "spec/complain.h"

#include <errno.h>
#include <string.h>

void spec_words_add(struct spec_words *words, const char *word)
{
    if (words->count < SPEC_WORDS_MAX)
        words->word[words->count++] = word;
}

void spec_show(const char *token, uint64_t bytes, char ret[SPEC_TOKEN_BYTES])
{
    uint32_t length = bytes < SPEC_TOKEN_BYTES ? (uint32_t)bytes : SPEC_TOKEN_BYTES - 4;

    /* A character's later bytes are 10xxxxxx: never cut before one. */
    while (length < bytes && length > 0 && ((unsigned char)token[length] & 0xc0) == 0x80)
        length--;
    for (uint32_t n = 0; n < length; n++)
        ret[n] = (unsigned char)token[n] < 0x20 || token[n] == 0x7f ? '?' : token[n];
    memcpy(ret + length, length < bytes ? "..." : "", length < bytes ? 4 : 1);
}

int spec_fail(struct tt_error *err, struct tt_place place, const char *token, const char *format,
              ...)
{
    va_list list;

    if (!err)
        return -EINVAL;
    *err = (struct tt_error){.code = -EINVAL, .line = place.line, .column = place.column};
    if (token)
        spec_show(token, strlen(token), err->token);
    va_start(list, format);
    (void)tt_format_text_v(err->text, sizeof(err->text), format, list);
    va_end(list);
    return -EINVAL;
}

static void append(struct tt_error *err, const char *before, const char *text, const char *after)
{
    uint32_t length = (uint32_t)strlen(err->text);

    (void)tt_format_text(err->text + length, (uint32_t)sizeof(err->text) - length, "%s%s%s", before,
                         text, after);
}

static void list_words(const struct spec_words *words, char *ret, uint32_t bytes)
{
    uint32_t length = 0;

    ret[0] = 0;
    for (uint32_t n = 0; n < words->count; n++) {
        uint32_t need = (uint32_t)strlen(words->word[n]) + 2;

        if (length + need + 5 >= bytes) {
            (void)tt_format_text(ret + length, bytes - length, ", ...");
            return;
        }
        length +=
            tt_format_text(ret + length, bytes - length, "%s%s", n > 0 ? ", " : "", words->word[n]);
    }
}

int spec_expect_text(struct tt_error *err, const char *expected)
{
    if (!err)
        return -EINVAL;
    spec_show(expected, strlen(expected), err->nearest);
    (void)tt_format_text(err->expected, sizeof(err->expected), "%s", expected);
    err->nearest[0] = 0;
    append(err, "; write ", expected, "");
    return -EINVAL;
}

int spec_expect(struct tt_error *err, const struct spec_words *words)
{
    const char *nearest;

    if (!err)
        return -EINVAL;
    list_words(words, err->expected, sizeof(err->expected));
    nearest = spec_nearest(err->token, words);
    (void)tt_format_text(err->nearest, sizeof(err->nearest), "%s", nearest ? nearest : "");
    if (nearest)
        append(err, "; did you mean '", nearest, "'?");
    else if (words->count > 0)
        append(err, "; accepted here: ", err->expected, "");
    return -EINVAL;
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Edits between two words below SPEC_TOKEN_BYTES: a letter more, less, changed, or two swapped. */
static uint32_t distance(const char *a, const char *b)
{
    uint32_t rows[3][SPEC_TOKEN_BYTES], length = (uint32_t)strlen(b);

    for (uint32_t n = 0; n <= length; n++)
        rows[0][n] = n;
    for (uint32_t i = 1; i == 1 || a[i - 1] != 0; i++) {
        uint32_t *row = rows[i % 3], *last = rows[(i + 2) % 3], *older = rows[(i + 1) % 3];

        row[0] = i;
        for (uint32_t n = 1; n <= length; n++) {
            row[n] = least(last[n - 1] + (a[i - 1] != b[n - 1]), least(row[n - 1], last[n]) + 1);
            if (i > 1 && n > 1 && a[i - 1] == b[n - 2] && a[i - 2] == b[n - 1])
                row[n] = least(row[n], older[n - 2] + 1);
        }
    }
    return rows[strlen(a) % 3][length];
}

const char *spec_nearest(const char *token, const struct spec_words *words)
{
    uint32_t length = (uint32_t)strlen(token), best, bound = length < 4 ? 1 : length < 8 ? 2 : 3;
    const char *found = NULL;

    if (length == 0 || length >= SPEC_TOKEN_BYTES)
        return NULL;
    best = bound + 1;
    for (uint32_t n = 0; n < words->count; n++) {
        uint32_t at;

        if (strlen(words->word[n]) >= SPEC_TOKEN_BYTES)
            continue;
        at = distance(token, words->word[n]);
        if (at < best && at < length) {
            best = at;
            found = words->word[n];
        }
    }
    return found;
}

bool spec_is_name(const char *text, bool may_have_dots)
{
    uint32_t length = 0;

    for (; text[length] != 0; length++) {
        char c = text[length];
        bool is_word =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';

        if (!is_word && (length == 0 || (c != '-' && !(c == '.' && may_have_dots))))
            return false;
        if (length + 1 >= TT_NAME_BYTES)
            return false;
    }
    return length > 0;
}
