/* A slot's state into a snapshot's stream, and out of one: what moves between two containers.
 *
 * Both ends have the module and the image that it was loaded from, so that only pages that differ
 * from the image are looked at, and only those told that differ from what was told before. A round
 * may be told by another thread while the component runs: a page that is written meanwhile differs
 * when it is looked at again, at the latest by the cut, for which it must stand still.
 *
 * Preparing allocates; rounds and the cut do not. */
#ifndef TT_SANDBOX_CARRY_H
#define TT_SANDBOX_CARRY_H

#include "sandbox/slot.h"
#include "sandbox/watch.h"
#include "snapshot/snapshot.h"

/* What the kernel can tell of pages: descriptors of the process that has the slot, borrowed, -1
 * where they cannot be had. Without them every page is looked at, which finds the same and takes
 * longer. */
struct tt_carry_marks {
    int pagemap; /* /proc/self/pagemap: which pages differ from the image's */
    int uffd;    /* tt_watch_open_uffd(): which were written since the last round */
};

struct tt_carry_out {
    struct tt_slot *slot;
    struct tt_snapshot_writer writer;
    struct tt_sum *sums;
    struct tt_carry_marks marks;
    struct tt_watch watch;
    uint32_t pages; /* told since the last round began */
};

/* module: SHA-256 of its WebAssembly. Writes the head. -EBUSY: the component keeps frames beyond
 * its calls, which do not move yet. */
int tt_carry_begin(struct tt_carry_out *carry, struct tt_slot *slot, const uint8_t module[32],
                   uint64_t epoch, struct tt_carry_marks marks, struct tt_writer out,
                   struct tt_error *err);
/* All that changed; *ret_pages of it. 0, or what the writer's put() returned. */
int tt_carry_round(struct tt_carry_out *carry, uint32_t *ret_pages);
/* The same for the last time, and the end: `index` is the first that was not processed. is_told:
 * nothing was written since before the last round, so that no page is looked at again. */
int tt_carry_cut(struct tt_carry_out *carry, int64_t index, bool is_told, struct tt_error *err);
void tt_carry_out_close(struct tt_carry_out *carry);

struct tt_carry_in {
    struct tt_slot *slot;
    struct tt_snapshot_reader reader;
    struct tt_sum *sums;
    uint8_t module[32];
    int64_t index; /* when reader.is_over */
};

/* slot: freshly loaded from the image, and nobody runs it. */
int tt_carry_in_begin(struct tt_carry_in *carry, struct tt_slot *slot, const uint8_t module[32],
                      struct tt_error *err);
/* As tt_snapshot_feed(). When reader.is_over the slot has the state, but for what the module's
 * open() gives it. */
int tt_carry_feed(struct tt_carry_in *carry, const void *data, uint64_t bytes,
                  struct tt_error *err);
void tt_carry_in_close(struct tt_carry_in *carry);

/* The sum of the slot's state, from all of its pages. */
struct tt_sum tt_carry_sum(const struct tt_slot *slot);

#endif
