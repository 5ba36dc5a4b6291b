/* Memory of the simulated ports. */
#include "platform/sim/maps.h"

#include <stdlib.h>
#include <string.h>

enum { LINE_BYTES = 64 };

void *sim_maps_add(struct sim_maps *maps, uint64_t bytes)
{
    void *memory;

    if (maps->count == MAPS_MAX || bytes > (uint64_t)1 << 40)
        return NULL;
    bytes = (bytes + LINE_BYTES - 1) & ~(uint64_t)(LINE_BYTES - 1);
    memory = aligned_alloc(LINE_BYTES, bytes);
    if (memory == NULL)
        return NULL;
    memset(memory, 0, bytes);
    maps->maps[maps->count++] = memory;
    return memory;
}

void sim_maps_free(struct sim_maps *maps)
{
    for (uint32_t n = 0; n < maps->count; n++)
        free(maps->maps[n]);
    maps->count = 0;
}
