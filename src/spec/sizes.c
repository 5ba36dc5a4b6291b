/* The classes of a pool while it is gathered. */
#include "spec/sizes.h"

#include <string.h>

#include "tactus/component.h"

void spec_size_add(struct spec_size *sizes, uint32_t *count, struct spec_size size)
{
    uint32_t at = 0;

    while (at < *count && sizes[at].slot_bytes < size.slot_bytes)
        at++;
    if (at < *count && sizes[at].slot_bytes == size.slot_bytes) {
        sizes[at].slot_count += size.slot_count;
        return;
    }
    memmove(&sizes[at + 1], &sizes[at], sizeof(*sizes) * (*count - at));
    sizes[at] = size;
    ++*count;
}

void spec_sizes_merge(struct spec_size *sizes, uint32_t *count)
{
    while (*count > TT_PORTS_MAX) {
        uint64_t least = UINT64_MAX;
        uint32_t best = 0;

        for (uint32_t n = 0; n + 1 < *count; n++) {
            uint64_t waste =
                (uint64_t)(sizes[n + 1].slot_bytes - sizes[n].slot_bytes) * sizes[n].slot_count;

            if (waste < least) {
                least = waste;
                best = n;
            }
        }
        sizes[best + 1].slot_count += sizes[best].slot_count;
        memmove(&sizes[best], &sizes[best + 1], sizeof(*sizes) * (*count - best - 1));
        --*count;
    }
}
