/* A bounded queue between one producer and one consumer, in memory that two processes share.
 * Each end keeps its own copy of what it must trust: a hostile peer can make records wrong, never
 * make this end read or write outside the ring, or loop. */
#ifndef TT_BASE_RING_H
#define TT_BASE_RING_H

#include <stdbool.h>
#include <stdint.h>

/* In shared memory; both counts only grow. */
struct tt_ring_shared {
    _Alignas(64) uint64_t write_count; /* atomic; the producer's */
    _Alignas(64) uint64_t read_count;  /* atomic; the consumer's */
    _Alignas(64) uint8_t slots[];
};

/* One end; private to its process. */
struct tt_ring {
    struct tt_ring_shared *shared;
    uint64_t count;                  /* this end's own count, never read back from shared memory */
    uint32_t slot_bytes, slot_count; /* slot_count is a power of two */
};

/* Bytes of shared memory for a ring; 0 when slot_count is no power of two or the product is absurd.
 */
uint64_t tt_ring_bytes(uint32_t slot_bytes, uint32_t slot_count);

/* Takes an end over the memory. attach: go on from the shared count (a restarted peer). */
void tt_ring_producer(struct tt_ring *ring, void *memory, uint32_t slot_bytes, uint32_t slot_count);
void tt_ring_consumer(struct tt_ring *ring, void *memory, uint32_t slot_bytes, uint32_t slot_count);

/* Producer: copies one slot in; false when the ring is full (or the peer's count is a lie). */
bool tt_ring_put(struct tt_ring *ring, const void *slot);

/* Consumer: copies the oldest slot out; false when empty. peek leaves it there. A peer whose count
 * runs ahead by more than the ring holds counts as an empty ring. */
bool tt_ring_get(struct tt_ring *ring, void *ret);
bool tt_ring_peek(const struct tt_ring *ring, void *ret);

/* Slots that may be put (producer) or got (consumer) now. */
uint32_t tt_ring_room(const struct tt_ring *ring);
uint32_t tt_ring_filled(const struct tt_ring *ring);

#endif
