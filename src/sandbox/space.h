/* Address space of sandboxed components: slots in one reservation, snapshots, windows on frames.
 *
 * A slot is 8 GiB and 2 MiB of addresses, so that whatever a module's code reaches from its memory
 * (32 bits of address and 32 of offset) is its own or faults; nothing of the host's lies between
 * two slots. Its parts: linear memory from the start, up to TT_SLOT_MEMORY_MAX; the service's frame
 * pools from TT_SLOT_WINDOW on, the same pages as the host's; all else is no memory at all.
 *
 * All calls belong off a frame's path, but tt_space_reset(). */
#ifndef TT_SANDBOX_SPACE_H
#define TT_SANDBOX_SPACE_H

#include <stdbool.h>
#include <stdint.h>

#include "tactus/error.h"

#define TT_SLOT_STRIDE ((8ull << 30) + (2ull << 20))
#define TT_SLOT_REACH (8ull << 30) /* no address of a module is as far as this, but for */
#define TT_SLOT_OVERHANG 4096ull   /* the width of one access */
#define TT_SLOT_MEMORY_MAX (240u << 20)
#define TT_SLOT_WINDOW (256u << 20)
#define TT_SLOT_WINDOW_END (3ull << 30)
#define TT_SLOT_PAGE 65536u /* WebAssembly's */

struct tt_space {
    uint8_t *reserved, *first; /* first: slot 0, on a 2 MiB border */
    uint64_t reserved_bytes;
    uint32_t slot_count, free_count;
    uint32_t *free;
};

/* A state that instances start from: their globals, and their linear memory in a sealed file that
 * they map copy on write. Without pointers: the same bytes are good in any process. */
struct tt_image {
    int fd; /* borrowed by maps only while they are made */
    uint64_t memory_bytes, globals_bytes, memory_at;
    const void *globals; /* mapped, read only */
};

/* -ENOMEM: the machine grants no such range. */
int tt_space_open(struct tt_space *space, uint32_t slot_count, struct tt_error *err);
void tt_space_close(struct tt_space *space);

/* A slot's memory, all of it inaccessible; NULL: none is free. */
uint8_t *tt_space_take(struct tt_space *space);
/* Everything in it goes. */
void tt_space_give(struct tt_space *space, uint8_t *memory);

/* Zeroed memory that may be read and written at `at`, which is a multiple of 4096. */
int tt_space_blank(uint8_t *memory, uint64_t at, uint64_t bytes, struct tt_error *err);
/* Inaccessible again. */
int tt_space_shut(uint8_t *memory, uint64_t at, uint64_t bytes);

/* The bytes are copied. */
int tt_image_make(const void *globals, uint64_t globals_bytes, const void *memory,
                  uint64_t memory_bytes, struct tt_image *ret, struct tt_error *err);
void tt_image_close(struct tt_image *image);
/* Linear memory as the image has it, a page copied when it is written. */
int tt_image_map(const struct tt_image *image, uint8_t *memory, struct tt_error *err);
/* The same again, in place; what was written is forgotten. 0 or negative errno. */
int tt_image_reset(const struct tt_image *image, uint8_t *memory);

/* The pages of a shared mapping at `from` are at memory + at, too, with the rights that they have
 * there. Both on 4 KiB borders, and on 2 MiB borders for pages of that size. */
int tt_space_window(uint8_t *memory, uint64_t at, const uint8_t *from, uint64_t bytes,
                    struct tt_error *err);
/* Page tables of a window filled, so that no frame is the first: 0, or negative errno where the
 * kernel is too old, which costs time and nothing else. */
int tt_space_fill(uint8_t *memory, uint64_t at, uint64_t bytes, bool is_writable);
/* What may be done with a part of a window. */
enum tt_grant { TT_GRANT_NONE, TT_GRANT_READ, TT_GRANT_WRITE };
int tt_space_grant(uint8_t *memory, uint64_t at, uint64_t bytes, enum tt_grant grant);

#endif
