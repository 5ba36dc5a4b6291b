/* The classes of a pool while it is gathered: by size, one for all that need as much. */
#ifndef TT_SPEC_SIZES_H
#define TT_SPEC_SIZES_H

#include <stdint.h>

struct spec_size {
    uint32_t slot_bytes, slot_count;
};

/* The array has room for one more. */
void spec_size_add(struct spec_size *sizes, uint32_t *count, struct spec_size size);

/* More sizes than a pool has classes: the neighbours whose union wastes least become one. */
void spec_sizes_merge(struct spec_size *sizes, uint32_t *count);

#endif
