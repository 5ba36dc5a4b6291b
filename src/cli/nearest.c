/* Edit distance between short words. */
#include "cli/nearest.h"

#include <stddef.h>
#include <string.h>

enum { WORD_MAX = 63 };

static uint32_t least(uint32_t a, uint32_t b, uint32_t c)
{
    uint32_t ab = a < b ? a : b;

    return ab < c ? ab : c;
}

/* Insertions, deletions, replacements; words longer than WORD_MAX are compared by their start. */
static uint32_t distance(const char *a, const char *b)
{
    size_t a_length = strnlen(a, WORD_MAX), b_length = strnlen(b, WORD_MAX);
    uint32_t row[WORD_MAX + 1], diagonal, above;

    for (size_t j = 0; j <= b_length; j++)
        row[j] = (uint32_t)j;
    for (size_t i = 1; i <= a_length; i++) {
        diagonal = row[0];
        row[0] = (uint32_t)i;
        for (size_t j = 1; j <= b_length; j++) {
            above = row[j];
            row[j] = least(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[b_length];
}

const char *nearest_word(const char *word, const char *const *words, uint32_t count)
{
    size_t length = strnlen(word, WORD_MAX);
    uint32_t best = (uint32_t)(length / 3) + 2, here;
    const char *found = "";

    for (uint32_t n = 0; n < count; n++) {
        here = distance(word, words[n]);
        /* A word must share something with what was written, however short both are. */
        if (here < best && here < length) {
            best = here;
            found = words[n];
        }
    }
    return found;
}
