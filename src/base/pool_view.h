/* How frame memory is divided: the same numbers in the process that writes it and in its readers.
 */
#ifndef TT_BASE_POOL_VIEW_H
#define TT_BASE_POOL_VIEW_H

#include <stdint.h>

#include "tactus/component.h"

enum { TT_POOLS_MAX = 16, TT_POOL_SLOTS_MAX = 4096 };

/* A pool as one process sees it: payload memory of equal parts for each class of size. */
struct tt_pool_class {
    uint32_t slot_bytes; /* multiple of 4096 */
    uint32_t slot_count;
    uint64_t offset; /* of its first slot in the pool's memory */
};

struct tt_pool_view {
    uint8_t *memory; /* read-only but for the owner */
    uint64_t bytes;
    uint32_t class_count;
    struct tt_pool_class classes[TT_PORTS_MAX];
    uint32_t slot_count; /* of all classes; slots are numbered through */
};

#endif
