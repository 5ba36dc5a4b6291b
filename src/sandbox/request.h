/* What a component is asked before it runs, into its linear memory, and what it answers. */
#ifndef TT_SANDBOX_REQUEST_H
#define TT_SANDBOX_REQUEST_H

#include "sandbox/slot.h"

struct tt_asked {
    const struct tt_request *request;
    uint64_t state_bytes, scratch_bytes; /* of the component's own shape; INIT and OPEN */
};

/* Codec extradata that shape() gave, out of the sandbox. */
struct tt_answer_room {
    uint8_t *data; /* bytes_max of it */
    uint64_t bytes_max;
};

/* 0, or what the component answered with its own sentence; -E2BIG: the request has no room in its
 * record; tt_trap_errno() when it trapped. *ret and *room are the host's own. */
int tt_ask_shape(struct tt_slot *slot, const struct tt_asked *asked,
                 const struct tt_answer_room *room, struct tt_shape *ret, struct tt_error *err);
int tt_ask_init(struct tt_slot *slot, const struct tt_asked *asked, struct tt_error *err);
int tt_ask_open(struct tt_slot *slot, const struct tt_asked *asked);

#endif
