/* A component's state into a snapshot's stream (docs/snapshot.md), and out of one, whatever it is:
 * a sandbox's slot, a built-in component's memory, which without TT_OPAQUE has no pointers, or what
 * save() gives, which is told as a whole when it stands still.
 *
 * Both ends have the component as init() left it. Rounds may be told by the main thread while the
 * worker runs it; for the cut it stands still. */
#ifndef TT_CONTAINER_STATE_H
#define TT_CONTAINER_STATE_H

#include "core/engine.h"
#include "sandbox/carry.h"
#include "spec/picture.h"

enum state_kind {
    STATE_SLOT = 1,
    STATE_PLAIN,
    STATE_SAVED, /* of its own making, which it tells and takes itself */
    STATE_OWN    /* likewise, and nobody can read it: a codec's */
};

enum state_kind state_kind(const struct tt_node_plan *node);

struct state_out {
    enum state_kind kind;
    struct tt_carry_out carry;         /* STATE_SLOT */
    struct tt_snapshot_writer *writer; /* of either */
    struct tt_snapshot_writer plain;
    struct tt_sum *sums;
    const struct tt_node_plan *node;
    const uint8_t *memory;
    uint8_t *saved;      /* STATE_SAVED: memory, its own */
    uint32_t page_count; /* of all memory */
    uint32_t used;       /* of them, that are looked at */
    uint32_t pages;      /* told in the last round, or at the cut */
};

int state_out_begin(struct state_out *out, const struct tt_node_plan *node,
                    const struct tt_picture_component *component, uint64_t epoch,
                    struct tt_writer writer, struct tt_error *err);
int state_out_round(struct state_out *out, struct tt_error *err);
/* is_told: it has written nothing since before the last round. */
int state_out_cut(struct state_out *out, int64_t index, bool is_told, struct tt_error *err);
/* Any time, also of one that is all zero. */
void state_out_close(struct state_out *out);

struct state_in {
    enum state_kind kind;
    struct tt_carry_in carry;
    struct tt_snapshot_reader *reader;
    struct tt_snapshot_reader plain;
    uint8_t module[32];
    struct tt_sum *sums;
    const struct tt_node_plan *node;
    uint8_t *memory, *saved;
    uint32_t page_count;
};

int state_in_begin(struct state_in *in, const struct tt_node_plan *node,
                   const struct tt_picture_component *component, struct tt_error *err);
int state_in_feed(struct state_in *in, const void *data, uint64_t bytes, struct tt_error *err);
/* That came whole; *ret_pages of the last. */
uint32_t state_in_rounds(const struct state_in *in, uint32_t *ret_pages);
bool state_in_is_whole(const struct state_in *in);
/* When it is: the component has it. What restore() refuses is the caller's to give up. */
int state_in_end(struct state_in *in, struct tt_error *err);
void state_in_close(struct state_in *in);

/* Bytes that memory for a state is made of, so that whole pages of it can be told. */
static inline uint64_t state_room(uint64_t state_bytes)
{
    return (state_bytes + TT_SNAPSHOT_PAGE_BYTES - 1) / TT_SNAPSHOT_PAGE_BYTES *
           TT_SNAPSHOT_PAGE_BYTES;
}

#endif
