/* What a component's save() gives, in memory that is told in pages, and restore() out of it. */
#ifndef TT_CONTAINER_SAVED_H
#define TT_CONTAINER_SAVED_H

#include "snapshot/snapshot.h"

enum { SAVED_PAGES = TT_SAVED_MAX / TT_SNAPSHOT_PAGE_BYTES + 1 };

/* memory: SAVED_PAGES of zeros. ret_pages: how many have something. -E2BIG: more than a component
 * may save; else what save() returned. */
int saved_take(const struct tt_component *component, void *state, uint8_t *memory,
               uint32_t *ret_pages);
/* -EBADMSG: it is not what save() gave, or restore() left some of it; else what restore() returned.
 */
int saved_give(const struct tt_component *component, void *state, const uint8_t *memory);

#endif
