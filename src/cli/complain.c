/* tactusd's errors, shown like a compiler shows them: the place, the line of the text, a caret, and
 * what would be accepted. */
#include "cli/complain.h"

#include <stdlib.h>
#include <string.h>

#include "cli/json_out.h"

enum { SHOWN_COLUMNS = 66 /* of the text's line, beside its number */ };

static bool continues(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* Start of a line, counted from 1, and its length; NULL when the text has fewer. */
static const char *find_line(const char *text, uint32_t number, size_t *ret_length)
{
    for (; number > 1; number--) {
        text = strchr(text, '\n');
        if (!text)
            return NULL;
        text++;
    }
    *ret_length = strcspn(text, "\r\n");
    return text;
}

/* Moves over one character of UTF-8 that is not the line's end. */
static size_t next_character(const char *line, size_t length, size_t at)
{
    for (at++; at < length && continues(line[at]); at++)
        continue;
    return at < length ? at : length;
}

static void put_character(FILE *file, const char *at, size_t bytes)
{
    if (bytes == 1 && ((unsigned char)*at < 0x20 || *at == 0x7f))
        fputc(*at == '\t' ? ' ' : '?', file);
    else
        fwrite(at, 1, bytes, file);
}

/* The line, or the part of a long one that is around the column, and the caret below it. */
static void show_place(struct cli *cli, const char *text, uint32_t line_number, uint32_t column,
                       const char *token)
{
    const struct paint *paint = &cli->err_paint;
    uint32_t first = 1, shown = 0, marked = 1;
    size_t length, at = 0, next;
    const char *line = find_line(text, line_number, &length);

    if (!line)
        return;
    if (column > SHOWN_COLUMNS)
        first = column - SHOWN_COLUMNS / 2;
    for (uint32_t n = 1; n < first && at < length; n++)
        at = next_character(line, length, at);
    fprintf(stderr, "%5u | ", line_number);
    for (; at < length && shown < SHOWN_COLUMNS; shown++, at = next) {
        next = next_character(line, length, at);
        put_character(stderr, line + at, next - at);
    }
    fputc('\n', stderr);
    if (column == 0)
        return;
    while (*token != 0 && *++token != 0)
        marked += !continues(*token);
    fprintf(stderr, "      | %*s%s^", (int)(column - first), "", paint_on(paint, PAINT_BAD));
    for (uint32_t n = 1; n < marked && column - first + n < SHOWN_COLUMNS; n++)
        fputc('~', stderr);
    fprintf(stderr, "%s\n", paint_off(paint));
}

static void show_sentence(struct cli *cli, const json_t *event, const char *title)
{
    const char *said = json_text(event, "text"), *nearest = json_text(event, "nearest");
    uint32_t line = (uint32_t)json_int(event, "line"), column;
    const struct paint *paint = &cli->err_paint;
    char where[512], *sentence = NULL;
    size_t bytes;
    FILE *file;

    column = (uint32_t)json_int(event, "column");
    if (title && line > 0 && column > 0)
        (void)snprintf(where, sizeof(where), "%s:%u:%u: ", title, line, column);
    else if (title && line > 0)
        (void)snprintf(where, sizeof(where), "%s:%u: ", title, line);
    else
        (void)snprintf(where, sizeof(where), "tactus%s%s: ", cli->command[0] ? " " : "",
                       cli->command);
    file = open_memstream(&sentence, &bytes);
    if (!file)
        return;
    fputs(said[0] ? said : "tactusd refused and gave no reason", file);
    if (nearest[0] && !strstr(said, "did you mean"))
        fprintf(file, "; did you mean '%s'?", nearest);
    if (fclose(file) == 0) {
        fputs(paint_on(paint, PAINT_BOLD), stderr);
        paint_safe(stderr, where);
        fputs(paint_off(paint), stderr);
        paint_wrap(stderr, sentence, (uint32_t)strlen(where), 2);
    }
    free(sentence);
}

static int exit_of(const json_t *event)
{
    int64_t code = json_int(event, "exit");

    return code < CLI_REFUSED || code > CLI_UNREACHABLE ? CLI_UNREACHABLE : (int)code;
}

int complain_words(struct cli *cli, const json_t *event, const char *title, const char *text)
{
    const char *expected = json_text(event, "expected"), *said = json_text(event, "text");
    int64_t line = json_int(event, "line");

    paint_live_end(&cli->err_paint, stderr);
    show_sentence(cli, event, title);
    if (text && line > 0 && line <= INT32_MAX)
        show_place(cli, text, (uint32_t)line, (uint32_t)json_int(event, "column"),
                   json_text(event, "token"));
    if (expected[0] && !strstr(said, expected)) {
        fputs("  accepted: ", stderr);
        paint_wrap(stderr, expected, 12, 12);
    }
    return exit_of(event);
}

void complain_json(struct cli *cli, const json_t *event)
{
    json_t *inner = json_copy((json_t *)event), *outer;

    (void)json_object_del(inner, "event");
    (void)json_object_set_new(inner, "exit", json_integer(exit_of(event)));
    outer = json_pack("{s:o}", "error", inner);
    json_write(cli->out, outer);
    json_decref(outer);
}

int complain(struct cli *cli, const json_t *event, const char *title, const char *text)
{
    if (cli->is_json)
        complain_json(cli, event);
    return complain_words(cli, event, title, text);
}
