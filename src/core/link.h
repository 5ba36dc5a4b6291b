/* A flow between two processes: frames go one way through a ring, come back through another; the
 * payload stays in the writing process's pool. Used by engines (inlets, outlets) and by edges.
 *
 * Loans. A slot is on loan on a link when it is in the unread part of the forward ring or its bit
 * in the reader's `held` map is set (the reader sets the bit before it moves its read count, clears
 * it when it gives the slot back). So either side can die: a new writer takes every slot that is
 * not on loan as free; when a reader is replaced, its successor clears the map, but for what it
 * keeps, and counts up reader_generation, and the writer frees what it had lent before. */
#ifndef TT_CORE_LINK_H
#define TT_CORE_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/pool_view.h"
#include "base/ring.h"
#include "tactus/component.h"

/* What travels: a frame's header, with its pool and slot in place of an address. */
struct tt_link_slot {
    int64_t index, origin_ns, duration_ns;
    uint32_t pool, slot; /* TT_NO_FRAME in slot: a header without a payload (End, gap) */
    uint32_t bytes, flags, format_id, valid_slices;
    int64_t stamp_ns; /* monotonic time of the put, for blame */
    /* Monotonic time at which the kernel had it from outside; 0: nobody says; INT64_MAX: of a gap,
     * it had not come. */
    int64_t received_ns;
};

_Static_assert(sizeof(struct tt_link_slot) == 64, "a header is one cache line");

/* Bytes of the shared memory of a link with this depth (a power of two). */
uint64_t tt_link_bytes(uint32_t depth);

struct tt_link; /* one end; laid out in memory that the caller gives */

/* Bytes of private memory an end needs. */
uint64_t tt_link_end_bytes(void);

/* Takes over an end. memory: tt_link_bytes(depth) of shared memory. Attaching again after the
 * peer's or one's own predecessor died follows the rules above. */
struct tt_link *tt_link_writer(void *end, void *memory, uint32_t depth);
struct tt_link *tt_link_reader(void *end, void *memory, uint32_t depth);

/* A reader whose predecessor passed frames on by further links: what it held stays held by this end
 * where is_kept says so, because somebody reads it there still, and is given back like any other.
 */
typedef bool tt_link_kept_fn(void *ctx, uint32_t pool, uint32_t slot);
struct tt_link *tt_link_reader_after(void *end, void *memory, uint32_t depth,
                                     tt_link_kept_fn *is_kept, void *ctx);

/* Reader: it will never read again, nor will a successor, until one attaches. */
void tt_link_close(struct tt_link *link);

/* Writer: will what it sends be read? */
bool tt_link_is_closed(const struct tt_link *link);

uint32_t tt_link_depth(const struct tt_link *link);

/* Reader: is this slot held by this end? Any slot? */
bool tt_link_holds(const struct tt_link *link, uint32_t pool, uint32_t slot);
bool tt_link_holds_any(const struct tt_link *link);

/* Writer: sends a header; false when the ring is full. */
bool tt_link_put(struct tt_link *link, const struct tt_link_slot *slot);

/* Writer: the index of the frame that was put last, by this end or its predecessor; false when
 * there is none, or End came after it. */
bool tt_link_last_put(const struct tt_link *link, int64_t *ret_index);

/* Writer: was the last that was put, by this end or its predecessor, an End? */
bool tt_link_has_put_end(const struct tt_link *link);

/* Writer: takes back the next slot that the reader has finished with; false when there is none. A
 * slot that the caller has not lent is the peer's lie; the caller ignores it. A slot is never lent
 * twice on one link at the same time. */
bool tt_link_take_back(struct tt_link *link, uint32_t *ret_pool, uint32_t *ret_slot);

/* Writer: true once after a new reader came; the caller then asks is_on_loan() for each slot that
 * it had lent on this link and takes the others back. */
bool tt_link_reader_changed(struct tt_link *link);

/* Either side: is this slot on loan, by the shared memory's word? O(depth); for restarts only. */
bool tt_link_is_on_loan(const struct tt_link *link, uint32_t pool, uint32_t slot);

/* Writer of a closed link: does its reader have this slot, or is it on its way back? What it has
 * not read it never will. */
bool tt_link_is_away(const struct tt_link *link, uint32_t pool, uint32_t slot);

/* Reader: the next header; false when there is none. The slot is then held until given back.
 * Headers that name a pool or slot outside `pools` are dropped and counted. */
bool tt_link_get(struct tt_link *link, const struct tt_pool_view *pools, uint32_t pool_count,
                 struct tt_link_slot *ret);
bool tt_link_peek(struct tt_link *link, struct tt_link_slot *ret);
void tt_link_give_back(struct tt_link *link, uint32_t pool, uint32_t slot);

uint32_t tt_link_filled(const struct tt_link *link); /* headers not read yet */
uint64_t tt_link_bad_count(const struct tt_link *link);

/* The index under which a sink's records speak of a frame: coded flows are numbered in decoding
 * order, so theirs is the media index of the origin. Edges use it for TT_RECORD_SENT. */
int64_t tt_sink_index(const struct tt_format *format, int64_t index, int64_t origin_ns);

#endif
