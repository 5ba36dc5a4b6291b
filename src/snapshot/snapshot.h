/* The state of a sandboxed component as one stream of bytes: a checkpoint in a file, or a move from
 * one container to another, in rounds while the component runs and a last delta when it stands
 * still between two frames. docs/snapshot.md has the bytes; no machine, compiler or address is in
 * them.
 *
 * What comes from a stream is anybody's: the reader checks every number before it believes it,
 * bounds what it keeps, and hands nothing over before the unit that holds it is whole and its check
 * is right. The checks find accidents and mistakes; who may send is for whoever opened the stream.
 *
 * Threads: one at a time for a writer, for a reader. Nothing here allocates or blocks; `put` may.
 *
 * Sums. A state's hash is the sum over its pages of XXH3 (Collet, 2019; 128 bits, seeded with the
 * page's number) and of its globals, so that a changed page costs one page's work. A page of zeros
 * adds nothing. Both ends keep what each page added, in memory that their caller gives. */
#ifndef TT_SNAPSHOT_SNAPSHOT_H
#define TT_SNAPSHOT_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "tactus/component.h"
#include "tactus/error.h"

#define TT_SNAPSHOT_PAGE_BYTES 4096u
#define TT_SNAPSHOT_PAGES_MAX (1u << 20) /* 4 GiB */
#define TT_SNAPSHOT_GLOBALS_MAX 4096u
#define TT_SNAPSHOT_KEPT_MAX 64u
#define TT_SNAPSHOT_ROUNDS_MAX 64u

struct tt_sum {
    uint64_t low, high;
};

struct tt_snapshot_head {
    uint8_t module[32];  /* SHA-256 of the component's WebAssembly: what can run this state */
    struct tt_sum base;  /* the state that pages are told against; zero: of empty memory */
    uint32_t page_count; /* linear memory when the stream began; it may grow */
    uint32_t pages_max;  /* and until where */
    uint32_t globals_bytes;
    uint64_t epoch; /* of the instance that is read; the one made of it has a greater one */
};

/* A frame that the component keeps beyond its call (frame_keep()). */
struct tt_snapshot_kept {
    uint32_t handle, port;
    int64_t index;
};

/* Where the component stands still. */
struct tt_snapshot_cut {
    int64_t index; /* the first that it has not processed */
    uint32_t page_count;
    uint32_t kept_count;
    struct tt_snapshot_kept kept[TT_SNAPSHOT_KEPT_MAX];
    uint8_t globals[TT_SNAPSHOT_GLOBALS_MAX];
    struct tt_sum sum; /* of all of the state: set by the writer, checked by the reader */
};

/* The sum of one page, of globals. */
struct tt_sum tt_sum_of_page(uint32_t number, const void *page);
struct tt_sum tt_sum_of_globals(const void *globals, uint32_t bytes);

struct tt_snapshot_writer {
    struct tt_writer out;
    struct tt_snapshot_head head;
    struct tt_sum sum;   /* of pages */
    struct tt_sum *sums; /* head.pages_max of them */
    uint64_t number, check;
    uint32_t rounds;
    bool is_over;
};

/* sums: what the base's pages add, all zero for empty memory; pages_max of them, the caller's,
 * until the end. Returns 0, or what put() returned. */
int tt_snapshot_begin(struct tt_snapshot_writer *writer, struct tt_writer out,
                      const struct tt_snapshot_head *head, struct tt_sum *sums);
/* A page that may have changed since it was last sent; one that did not is not sent. */
int tt_snapshot_page(struct tt_snapshot_writer *writer, uint32_t number, const void *page);
/* All of a round's pages are told: its reader acknowledges it. -E2BIG after TT_SNAPSHOT_ROUNDS_MAX.
 */
int tt_snapshot_round(struct tt_snapshot_writer *writer);
/* The end. Sets cut->sum. */
int tt_snapshot_cut(struct tt_snapshot_writer *writer, struct tt_snapshot_cut *cut);

struct tt_snapshot_ops { /* each returns 0, or a negative errno that ends the reading */
    int (*head)(void *ctx, const struct tt_snapshot_head *head, struct tt_error *err);
    int (*page)(void *ctx, uint32_t number, const void *page); /* NULL: zeros */
    int (*cut)(void *ctx, const struct tt_snapshot_cut *cut);
};

struct tt_snapshot_reader {
    const struct tt_snapshot_ops *ops;
    void *ctx;
    struct tt_snapshot_head head;
    struct tt_sum sum;
    struct tt_sum *sums;
    uint32_t sum_count; /* room in sums: a stream that wants more pages is refused */
    uint32_t used_end;  /* behind the last page that ever had something */
    uint64_t number, check;
    uint32_t rounds, pages; /* rounds that came whole; pages: of the last of them */
    uint32_t in_round;      /* pages of the one that is under way */
    bool is_over, has_failed;
    struct tt_snapshot_cut cut;
    uint32_t filled;
    uint8_t unit[TT_SNAPSHOT_GLOBALS_MAX + 16 * TT_SNAPSHOT_KEPT_MAX + 128];
};

/* sums: sum_count of them, the caller's; head() of ops fills them for the base that it knows,
 * before it returns, and refuses a base that it does not know. */
void tt_snapshot_reader_init(struct tt_snapshot_reader *reader, const struct tt_snapshot_ops *ops,
                             void *ctx, struct tt_sum *sums, uint32_t sum_count);
/* Takes what came, in pieces of any size. 0, or a negative errno with a sentence: nothing more is
 * taken then. is_over tells that the end was read and right; bytes behind it are refused. */
int tt_snapshot_feed(struct tt_snapshot_reader *reader, const void *data, uint64_t bytes,
                     struct tt_error *err);

#endif
