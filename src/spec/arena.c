/* Memory that is taken piece by piece and given back at once. */
#include "spec/arena.h"

#include <stdlib.h>
#include <string.h>

struct spec_block {
    _Alignas(16) struct spec_block *next;
};

void *spec_take(struct spec_arena *arena, uint64_t bytes)
{
    struct spec_block *block;

    if (bytes > SIZE_MAX - sizeof(*block))
        return NULL;
    block = calloc(1, sizeof(*block) + bytes);
    if (!block)
        return NULL;
    block->next = arena->first;
    arena->first = block;
    return block + 1;
}

char *spec_copy(struct spec_arena *arena, const char *text, uint64_t bytes)
{
    char *copy = spec_take(arena, bytes + 1);

    if (copy)
        memcpy(copy, text, bytes);
    return copy;
}

void spec_arena_fini(struct spec_arena *arena)
{
    while (arena->first) {
        struct spec_block *block = arena->first;

        arena->first = block->next;
        free(block);
    }
}
