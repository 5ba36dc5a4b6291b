/* Colour where somebody looks, and the one line that is rewritten. */
#ifndef TT_CLI_PAINT_H
#define TT_CLI_PAINT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum paint_colour { PAINT_PLAIN, PAINT_BOLD, PAINT_DIM, PAINT_GOOD, PAINT_BAD, PAINT_WARN };

struct paint {
    bool is_tty, is_coloured;
    uint32_t columns;   /* of the terminal, 80 when there is none */
    uint32_t rows;      /* 24 when there is none */
    bool is_live_shown; /* a rewritten line stands on the terminal */
};

/* is_coloured: a terminal, no NO_COLOR in the environment, TERM not "dumb". */
void paint_init(struct paint *paint, int fd);

/* Escape sequences, or "" without colour. */
const char *paint_on(const struct paint *paint, enum paint_colour colour);
const char *paint_off(const struct paint *paint);

/* Shows text in place of the last live line on a terminal; elsewhere as a line of its own. */
void paint_live(struct paint *paint, FILE *file, const char *text);
/* Takes the live line away before something else is written. */
void paint_live_end(struct paint *paint, FILE *file);

/* Writes text whose control characters could steer a terminal as '?'; newlines and tabs pass. */
void paint_safe(FILE *file, const char *text);

/* The same, broken at spaces into lines below 80 columns that start with `indent` spaces; the first
 * continues a line that is already `used` columns long. Ends with a newline. */
void paint_wrap(FILE *file, const char *text, uint32_t used, uint32_t indent);

#endif
