/* Worlds that a search of every order has seen: equal bytes are one world. Those that nobody went
 * on from yet are the end of the list. */
#ifndef TT_TESTS_SEEN_H
#define TT_TESTS_SEEN_H

#include <stdbool.h>
#include <stdint.h>

#include "check.h"

struct seen {
    uint32_t world_bytes, count, most;
    uint8_t *worlds;
    uint32_t *places; /* 0: free; else the world's number and 1 */
};

static inline void seen_open(struct seen *seen, uint32_t world_bytes, uint32_t most)
{
    *seen = (struct seen){.world_bytes = world_bytes, .most = most};
    seen->worlds = calloc(most, world_bytes);
    seen->places = calloc(2 * (size_t)most, sizeof(*seen->places));
    CHECK(seen->worlds != NULL);
    CHECK(seen->places != NULL);
}

static inline void seen_close(struct seen *seen)
{
    free(seen->worlds);
    free(seen->places);
}

static inline const void *seen_at(const struct seen *seen, uint32_t number)
{
    return seen->worlds + (size_t)number * seen->world_bytes;
}

static inline uint64_t seen_hash(const uint8_t *bytes, uint32_t count)
{
    uint64_t hash = 14695981039346656037u, part; /* FNV-1a's numbers, eight bytes at a time */

    for (uint32_t n = 0; n < count; n += (uint32_t)sizeof(part)) {
        uint32_t rest = count - n;

        part = 0;
        memcpy(&part, bytes + n, rest < sizeof(part) ? rest : sizeof(part));
        hash = (hash ^ part) * 1099511628211u;
        hash ^= hash >> 29;
    }
    return hash;
}

/* False: it was seen before. Nothing in a world is a pointer or grows with time. */
static inline bool seen_add(struct seen *seen, const void *world)
{
    uint64_t at = seen_hash(world, seen->world_bytes) % (2 * (uint64_t)seen->most);

    while (seen->places[at] != 0) {
        if (memcmp(seen_at(seen, seen->places[at] - 1), world, seen->world_bytes) == 0)
            return false;
        at = (at + 1) % (2 * (uint64_t)seen->most);
    }
    CHECK(seen->count < seen->most);
    memcpy(seen->worlds + (size_t)seen->count * seen->world_bytes, world, seen->world_bytes);
    seen->places[at] = ++seen->count;
    return true;
}

#endif
