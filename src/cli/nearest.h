/* The known word that somebody probably meant. */
#ifndef TT_CLI_NEAREST_H
#define TT_CLI_NEAREST_H

#include <stdint.h>

/* The word of `words` with the least edits from `word`, or "" when none is near enough to be a slip
 * of the hand. */
const char *nearest_word(const char *word, const char *const *words, uint32_t count);

#endif
