/* Memory that is taken piece by piece and given back at once: a parser's error paths free nothing.
 */
#ifndef TT_SPEC_ARENA_H
#define TT_SPEC_ARENA_H

#include <stdint.h>

struct spec_arena {
    struct spec_block *first;
};

/* Zeroed memory, aligned for anything; NULL when there is none. */
void *spec_take(struct spec_arena *arena, uint64_t bytes);

/* A terminated copy of bytes of text; NULL when there is no memory. */
char *spec_copy(struct spec_arena *arena, const char *text, uint64_t bytes);

void spec_arena_fini(struct spec_arena *arena);

#endif
