/* Errors about a text: where, what was read, what would be accepted, which known word is nearest.
 */
#ifndef TT_SPEC_COMPLAIN_H
#define TT_SPEC_COMPLAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "spec/service.h"
#include "tactus/error.h"

enum { SPEC_WORDS_MAX = 256, SPEC_TOKEN_BYTES = 64 };

struct spec_words { /* borrowed; what does not fit is left out */
    const char *word[SPEC_WORDS_MAX];
    uint32_t count;
};

void spec_words_add(struct spec_words *words, const char *word);

/* A token as a sentence may show it: cut between two characters, no control characters. */
void spec_show(const char *token, uint64_t bytes, char ret[SPEC_TOKEN_BYTES]);

/* Writes place, token and sentence; returns -EINVAL. token may be NULL. */
int spec_fail(struct tt_error *err, struct tt_place place, const char *token, const char *format,
              ...) __attribute__((format(printf, 4, 5)));

/* Says what would be accepted, and the nearest of it to the token; adds both to the sentence.
 * Returns -EINVAL. */
int spec_expect(struct tt_error *err, const struct spec_words *words);
int spec_expect_text(struct tt_error *err, const char *expected);

/* The word within a small edit distance of the token; NULL when none is near. */
const char *spec_nearest(const char *token, const struct spec_words *words);

/* Letters, digits, - and _, beginning with a letter, digit or _; below TT_NAME_BYTES. A service's
 * name may hold dots. */
bool spec_is_name(const char *text, bool may_have_dots);

#endif
