/* The one-liner's words: spaces part them, quotes and backslashes keep them together. */
#ifndef TT_SPEC_WORDS_H
#define TT_SPEC_WORDS_H

#include "spec/arena.h"
#include "spec/complain.h"

enum { SPEC_GRAPH_WORDS_MAX = 4096 };

struct spec_word {
    char *text; /* without its quotes */
    struct tt_place place;
};

/* -EINVAL for an open quote, bytes that are no UTF-8, control characters; -E2BIG for too many. */
int spec_split(const char *text, uint64_t bytes, struct spec_arena *arena, struct spec_word *ret,
               uint32_t *ret_count, struct tt_error *err);

#endif
