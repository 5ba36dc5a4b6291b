/* A bounded queue between one producer and one consumer, in memory that two processes share. */
#include "base/ring.h"

#include <stddef.h>
#include <string.h>

#include "base/assert.h"

static bool is_power_of_two(uint32_t n)
{
    return n != 0 && (n & (n - 1)) == 0;
}

uint64_t tt_ring_bytes(uint32_t slot_bytes, uint32_t slot_count)
{
    if (!is_power_of_two(slot_count) || slot_bytes == 0 || slot_bytes > 1u << 16 ||
        slot_count > 1u << 20)
        return 0;
    return sizeof(struct tt_ring_shared) + (uint64_t)slot_bytes * slot_count;
}

static void ring_init(struct tt_ring *ring, void *memory, uint32_t slot_bytes, uint32_t slot_count)
{
    tt_assert(tt_ring_bytes(slot_bytes, slot_count) != 0);
    ring->shared = memory;
    ring->slot_bytes = slot_bytes;
    ring->slot_count = slot_count;
}

void tt_ring_producer(struct tt_ring *ring, void *memory, uint32_t slot_bytes, uint32_t slot_count)
{
    ring_init(ring, memory, slot_bytes, slot_count);
    ring->count = __atomic_load_n(&ring->shared->write_count, __ATOMIC_ACQUIRE);
}

void tt_ring_consumer(struct tt_ring *ring, void *memory, uint32_t slot_bytes, uint32_t slot_count)
{
    ring_init(ring, memory, slot_bytes, slot_count);
    ring->count = __atomic_load_n(&ring->shared->read_count, __ATOMIC_ACQUIRE);
}

uint32_t tt_ring_room(const struct tt_ring *ring)
{
    uint64_t used = ring->count - __atomic_load_n(&ring->shared->read_count, __ATOMIC_ACQUIRE);

    return used > ring->slot_count ? 0 : ring->slot_count - (uint32_t)used;
}

uint32_t tt_ring_filled(const struct tt_ring *ring)
{
    uint64_t filled = __atomic_load_n(&ring->shared->write_count, __ATOMIC_ACQUIRE) - ring->count;

    return filled > ring->slot_count ? 0 : (uint32_t)filled;
}

static uint8_t *slot_at(const struct tt_ring *ring)
{
    return ring->shared->slots + (ring->count & (ring->slot_count - 1)) * ring->slot_bytes;
}

bool tt_ring_put(struct tt_ring *ring, const void *slot)
{
    if (tt_ring_room(ring) == 0)
        return false;
    /* Records, which are most of it: a copy that the compiler lays out. */
    if (ring->slot_bytes == 64)
        __builtin_memcpy(slot_at(ring), slot, 64);
    else
        memcpy(slot_at(ring), slot, ring->slot_bytes);
    ring->count++;
    __atomic_store_n(&ring->shared->write_count, ring->count, __ATOMIC_RELEASE);
    return true;
}

bool tt_ring_peek(const struct tt_ring *ring, void *ret)
{
    if (tt_ring_filled(ring) == 0)
        return false;
    memcpy(ret, slot_at(ring), ring->slot_bytes);
    return true;
}

bool tt_ring_get(struct tt_ring *ring, void *ret)
{
    if (!tt_ring_peek(ring, ret))
        return false;
    ring->count++;
    __atomic_store_n(&ring->shared->read_count, ring->count, __ATOMIC_RELEASE);
    return true;
}
