/* What a port's map() gave, freed together at the end. */
#ifndef TT_PLATFORM_SIM_MAPS_H
#define TT_PLATFORM_SIM_MAPS_H

#include <stdint.h>

enum { MAPS_MAX = 256 };

struct sim_maps {
    void *maps[MAPS_MAX];
    uint32_t count;
};

/* Zeroed and aligned to a cache line. NULL: no memory, or none that a test could mean. */
void *sim_maps_add(struct sim_maps *maps, uint64_t bytes);
void sim_maps_free(struct sim_maps *maps);

#endif
