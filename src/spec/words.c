/* The one-liner's words: spaces part them, quotes and backslashes keep them together. */
#include "spec/words.h"

#include <errno.h>
#include <string.h>

struct split {
    const char *at, *end;
    struct tt_place place;
    struct tt_error *err;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Bytes of the UTF-8 character at `at`; 0 when there is none. */
static uint32_t character(const char *at, const char *end)
{
    const unsigned char *byte = (const unsigned char *)at;
    uint32_t count = byte[0] < 0x80 ? 1 : byte[0] < 0xc2 ? 0 : byte[0] < 0xe0 ? 2 : 3;
    uint32_t code;

    count = byte[0] >= 0xf0 ? 4 : count;
    if (count == 0 || byte[0] > 0xf4 || end - at < (int64_t)count)
        return 0;
    code = count == 1 ? byte[0] : byte[0] & (0x7fu >> count);
    for (uint32_t n = 1; n < count; n++) {
        if ((byte[n] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (byte[n] & 0x3f);
    }
    if ((count == 3 && code < 0x800) || (count == 4 && (code < 0x10000 || code > 0x10ffff)) ||
        (code >= 0xd800 && code < 0xe000))
        return 0;
    return code < 0x20 || code == 0x7f ? (uint32_t)is_space(at[0]) : count;
}

static int check_text(struct split *split)
{
    struct tt_place place = {1, 1};

    for (const char *at = split->at; at < split->end;) {
        uint32_t count = character(at, split->end);

        if (count == 0) {
            (void)spec_fail(split->err, place, NULL, "this is no text");
            return spec_expect_text(split->err, "UTF-8 without control characters");
        }
        place.column++;
        if (*at == '\n')
            place = (struct tt_place){place.line + 1, 1};
        at += count;
    }
    return 0;
}

static char step(struct split *split)
{
    char c = *split->at++;

    if (c == '\n')
        split->place = (struct tt_place){split->place.line + 1, 1};
    else
        split->place.column += ((unsigned char)c & 0xc0) != 0x80;
    return c;
}

static int read_word(struct split *split, struct spec_arena *arena, struct spec_word *ret)
{
    const char *limit = split->at;
    uint64_t length = 0;
    char quote = 0;

    /* The rest of the line's length is a bound; words are short, so find the end first. */
    while (limit < split->end && (!is_space(*limit) || quote != 0)) {
        if (*limit == '\\' && quote != '\'' && limit + 1 < split->end)
            limit++;
        else if (quote == 0 && (*limit == '"' || *limit == '\''))
            quote = *limit;
        else if (*limit == quote)
            quote = 0;
        limit++;
    }
    ret->place = split->place;
    if (quote != 0) {
        char token[SPEC_TOKEN_BYTES]; /* the text itself has no end mark */

        spec_show(split->at, (uint64_t)(split->end - split->at), token);
        (void)spec_fail(split->err, split->place, token, "a quote is not closed");
        return spec_expect_text(split->err, quote == '"' ? "a \" at its end" : "a ' at its end");
    }
    ret->text = spec_take(arena, (uint64_t)(limit - split->at) + 1);
    if (!ret->text)
        return tt_fail(split->err, -ENOMEM, "no memory for the service's text");
    while (split->at < limit) {
        char c = step(split);

        if (c == '\\' && quote != '\'' && split->at < limit)
            ret->text[length++] = step(split);
        else if (quote == 0 && (c == '"' || c == '\''))
            quote = c;
        else if (quote != 0 && c == quote)
            quote = 0;
        else
            ret->text[length++] = c;
    }
    return 0;
}

int spec_split(const char *text, uint64_t bytes, struct spec_arena *arena, struct spec_word *ret,
               uint32_t *ret_count, struct tt_error *err)
{
    struct split split = {.at = text, .end = text + bytes, .place = {1, 1}, .err = err};
    int r = check_text(&split);

    *ret_count = 0;
    while (r == 0) {
        while (split.at < split.end && is_space(*split.at))
            (void)step(&split);
        if (split.at == split.end)
            return 0;
        if (*ret_count == SPEC_GRAPH_WORDS_MAX) {
            (void)spec_fail(err, split.place, NULL, "more than %d words: write a file instead",
                            SPEC_GRAPH_WORDS_MAX);
            return -E2BIG;
        }
        r = read_word(&split, arena, &ret[(*ret_count)++]);
    }
    return r;
}
