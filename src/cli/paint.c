/* Colour where somebody looks, and the one line that is rewritten. */
#include "cli/paint.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { COLUMNS = 80, ROWS = 24 };

void paint_init(struct paint *paint, int fd)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    struct winsize size;

    *paint = (struct paint){.columns = COLUMNS, .rows = ROWS, .is_tty = isatty(fd) == 1};
    if (!paint->is_tty)
        return;
    paint->is_coloured = (!no_color || no_color[0] == 0) && term && strcmp(term, "dumb") != 0;
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20) {
        paint->columns = size.ws_col;
        paint->rows = size.ws_row >= 4 ? size.ws_row : ROWS;
    }
}

const char *paint_on(const struct paint *paint, enum paint_colour colour)
{
    static const char *const escapes[] = {
        [PAINT_PLAIN] = "",        [PAINT_BOLD] = "\033[1m", [PAINT_DIM] = "\033[2m",
        [PAINT_GOOD] = "\033[32m", [PAINT_BAD] = "\033[31m", [PAINT_WARN] = "\033[33m"};

    return paint->is_coloured ? escapes[colour] : "";
}

const char *paint_off(const struct paint *paint)
{
    return paint->is_coloured ? "\033[0m" : "";
}

static bool is_control(unsigned char c)
{
    return (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f;
}

void paint_safe(FILE *file, const char *text)
{
    for (; *text != 0; text++)
        fputc(is_control((unsigned char)*text) ? '?' : *text, file);
}

void paint_live(struct paint *paint, FILE *file, const char *text)
{
    if (!paint->is_tty) {
        fprintf(file, "%s\n", text);
        return;
    }
    /* One column stays free: a line that fills the last one would wrap and could not be rewritten.
     */
    fprintf(file, "\r\033[K%.*s", (int)paint->columns - 1, text);
    fflush(file);
    paint->is_live_shown = true;
}

void paint_live_end(struct paint *paint, FILE *file)
{
    if (paint->is_live_shown)
        fputs("\r\033[K", file);
    paint->is_live_shown = false;
}

/* Columns that a word takes: bytes that do not continue a UTF-8 sequence. */
static uint32_t word_columns(const char *word, size_t bytes)
{
    uint32_t columns = 0;

    for (size_t n = 0; n < bytes; n++)
        columns += ((unsigned char)word[n] & 0xc0) != 0x80;
    return columns;
}

void paint_wrap(FILE *file, const char *text, uint32_t used, uint32_t indent)
{
    uint32_t at = used, columns;
    bool is_first = true;
    size_t bytes;

    while (*(text += strspn(text, " \n")) != 0) {
        bytes = strcspn(text, " \n");
        columns = word_columns(text, bytes);
        if (!is_first && at + 1 + columns >= COLUMNS) {
            fprintf(file, "\n%*s", (int)indent, "");
            at = indent;
        } else if (!is_first) {
            fputc(' ', file);
            at++;
        }
        for (size_t n = 0; n < bytes; n++)
            fputc(is_control((unsigned char)text[n]) ? '?' : text[n], file);
        at += columns;
        text += bytes;
        is_first = false;
    }
    fputc('\n', file);
}
