/* Which process of a service hosts what, and the shared memory between them: a pure function of the
 * picture, so that tactusd, containers and edges agree without telling each other.
 *
 * Process 0 is the container; each TT_EDGE component has an edge of its own, numbered from 1 in the
 * picture's order. A flow between an edge and the container is a link; flows between two edges pass
 * through the container. An output of a source edge that feeds several inputs is one link. */
#ifndef TT_SPEC_WIRING_H
#define TT_SPEC_WIRING_H

#include <stdint.h>

#include "base/pool_view.h"
#include "spec/picture.h"

enum { TT_PROCESSES_MAX = 64, TT_LINKS_MAX = 128 };

struct tt_wiring_link {
    uint32_t from, to;       /* processes; one of them is 0 */
    uint32_t component, pin; /* of the edge: its output (from != 0) or input (to != 0) */
    uint32_t flow;           /* the flow of the picture; of several, the first */
    uint32_t depth;          /* a power of two */
};

struct tt_wiring_process {
    int32_t component;        /* edges; -1: the container */
    struct tt_pool_view pool; /* memory NULL; class_count 0: it writes no frames */
    /* The pool's class of each output: [component of the picture][output], TT_NO_PORT where none.
     * An edge uses its own component's row. */
    uint32_t (*class_of)[TT_PORTS_MAX];
    uint32_t record_slots; /* of its record ring */
};

struct tt_wiring {
    struct tt_wiring_process processes[TT_PROCESSES_MAX];
    uint32_t process_count;
    struct tt_wiring_link links[TT_LINKS_MAX];
    uint32_t link_count;
    uint64_t pool_bytes; /* of all processes */
};

/* No link is deeper than this on its deadline's account, pictures being large: who promises a
 * longer deadline sees to it that no more frames are under way in one. */
static inline uint32_t tt_wiring_depth_max(const struct tt_format *format)
{
    return format->kind == TT_VIDEO ? 32 : 64;
}

/* -E2BIG beyond the limits above or when a pool would exceed 64 GiB. */
int tt_wiring_make(const struct tt_picture *picture, struct tt_wiring **ret, struct tt_error *err);
void tt_wiring_close(struct tt_wiring **wiring);

#endif
