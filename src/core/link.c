/* A flow between two processes: headers go forward through one ring, slots come back by another. */
#include "core/link.h"

#include <stddef.h>
#include <string.h>

#include "base/assert.h"
#include "tactus/format.h"

enum {
    HELD_WORDS = TT_POOLS_MAX * TT_POOL_SLOTS_MAX / 64,
    RETURN_SLOTS = TT_POOL_SLOTS_MAX,
    DEPTH_MAX = 1 << 16
};

/* No honest header is beyond these: 36 years of media, and counts that fit any rate within them. */
#define TIME_MAX ((int64_t)1 << 60)
#define INDEX_MAX ((int64_t)1 << 50)

struct link_return {
    uint32_t pool, slot;
};

/* At the start of the shared memory; the rings follow. */
struct link_shared {
    _Alignas(64) uint32_t reader_generation; /* atomic; the reader's */
    uint32_t returns_lost;                   /* atomic; the reader's: the return ring was full */
    uint32_t is_closed;                      /* atomic; the reader's */
    _Alignas(64) uint64_t held[HELD_WORDS];  /* atomic; the reader's */
};

struct tt_link {
    struct link_shared *shared;
    struct tt_ring forward, back;
    bool is_reader;
    uint32_t generation, returns_lost; /* writer: as seen last */
    uint64_t bad_count;
    uint64_t held[HELD_WORDS]; /* reader: what it holds, not read back from shared memory */
};

static uint64_t round_up(uint64_t bytes)
{
    return (bytes + 63) & ~(uint64_t)63;
}

static uint64_t back_offset(uint32_t depth)
{
    return sizeof(struct link_shared) + round_up(tt_ring_bytes(sizeof(struct tt_link_slot), depth));
}

uint64_t tt_link_bytes(uint32_t depth)
{
    if (depth > DEPTH_MAX || tt_ring_bytes(sizeof(struct tt_link_slot), depth) == 0)
        return 0;
    return back_offset(depth) + tt_ring_bytes(sizeof(struct link_return), RETURN_SLOTS);
}

uint64_t tt_link_end_bytes(void)
{
    return sizeof(struct tt_link);
}

static struct tt_link *attach(void *end, void *memory, uint32_t depth, bool is_reader)
{
    struct tt_link *link = end;

    tt_assert(tt_link_bytes(depth) != 0);
    memset(link, 0, sizeof(*link));
    link->shared = memory;
    link->is_reader = is_reader;
    return link;
}

static void *back_memory(const struct tt_link *link, uint32_t depth)
{
    return (uint8_t *)link->shared + back_offset(depth);
}

struct tt_link *tt_link_writer(void *end, void *memory, uint32_t depth)
{
    struct tt_link *link = attach(end, memory, depth, false);

    tt_ring_producer(&link->forward, link->shared + 1, sizeof(struct tt_link_slot), depth);
    tt_ring_consumer(&link->back, back_memory(link, depth), sizeof(struct link_return),
                     RETURN_SLOTS);
    link->generation = __atomic_load_n(&link->shared->reader_generation, __ATOMIC_ACQUIRE);
    link->returns_lost = __atomic_load_n(&link->shared->returns_lost, __ATOMIC_ACQUIRE);
    return link;
}

static uint64_t kept_word(const struct tt_link *link, uint32_t word, tt_link_kept_fn *is_kept,
                          void *ctx)
{
    uint64_t held = __atomic_load_n(&link->shared->held[word], __ATOMIC_ACQUIRE), kept = 0;

    for (uint32_t bit = 0; is_kept && held >> bit != 0 && bit < 64; bit++) {
        uint32_t place = word * 64 + bit;

        if (held >> bit & 1 && is_kept(ctx, place / TT_POOL_SLOTS_MAX, place % TT_POOL_SLOTS_MAX))
            kept |= (uint64_t)1 << bit;
    }
    return kept;
}

struct tt_link *tt_link_reader(void *end, void *memory, uint32_t depth)
{
    return tt_link_reader_after(end, memory, depth, NULL, NULL);
}

struct tt_link *tt_link_reader_after(void *end, void *memory, uint32_t depth,
                                     tt_link_kept_fn *is_kept, void *ctx)
{
    struct tt_link *link = attach(end, memory, depth, true);

    tt_ring_consumer(&link->forward, link->shared + 1, sizeof(struct tt_link_slot), depth);
    tt_ring_producer(&link->back, back_memory(link, depth), sizeof(struct link_return),
                     RETURN_SLOTS);
    for (uint32_t n = 0; n < HELD_WORDS; n++) {
        link->held[n] = kept_word(link, n, is_kept, ctx);
        __atomic_store_n(&link->shared->held[n], link->held[n], __ATOMIC_RELAXED);
    }
    __atomic_store_n(&link->shared->is_closed, 0, __ATOMIC_RELAXED);
    __atomic_add_fetch(&link->shared->reader_generation, 1, __ATOMIC_RELEASE);
    return link;
}

void tt_link_close(struct tt_link *link)
{
    tt_assert(link->is_reader);
    __atomic_store_n(&link->shared->is_closed, 1, __ATOMIC_RELEASE);
}

bool tt_link_is_closed(const struct tt_link *link)
{
    tt_assert(!link->is_reader);
    return __atomic_load_n(&link->shared->is_closed, __ATOMIC_ACQUIRE) != 0;
}

bool tt_link_put(struct tt_link *link, const struct tt_link_slot *slot)
{
    tt_assert(!link->is_reader);
    return tt_ring_put(&link->forward, slot);
}

/* False: nothing was put so far. */
static bool last_header(const struct tt_link *link, struct tt_link_slot *ret)
{
    const struct tt_ring *ring = &link->forward;

    tt_assert(!link->is_reader);
    if (ring->count == 0)
        return false;
    memcpy(ret,
           ring->shared->slots + ((ring->count - 1) & (ring->slot_count - 1)) * ring->slot_bytes,
           sizeof(*ret));
    return true;
}

bool tt_link_last_put(const struct tt_link *link, int64_t *ret_index)
{
    struct tt_link_slot slot;

    if (!last_header(link, &slot) || slot.slot == TT_NO_FRAME || slot.index < 0 ||
        slot.index > INDEX_MAX)
        return false;
    *ret_index = slot.index;
    return true;
}

bool tt_link_has_put_end(const struct tt_link *link)
{
    struct tt_link_slot slot;

    return last_header(link, &slot) && (slot.flags & TT_END) != 0;
}

static bool is_place(uint32_t pool, uint32_t slot)
{
    return pool < TT_POOLS_MAX && slot < TT_POOL_SLOTS_MAX;
}

bool tt_link_take_back(struct tt_link *link, uint32_t *ret_pool, uint32_t *ret_slot)
{
    struct link_return back;

    tt_assert(!link->is_reader);
    for (uint32_t n = 0; n < RETURN_SLOTS && tt_ring_get(&link->back, &back); n++) {
        if (is_place(back.pool, back.slot)) {
            *ret_pool = back.pool;
            *ret_slot = back.slot;
            return true;
        }
        link->bad_count++;
    }
    return false;
}

bool tt_link_reader_changed(struct tt_link *link)
{
    uint32_t generation = __atomic_load_n(&link->shared->reader_generation, __ATOMIC_ACQUIRE);
    uint32_t lost = __atomic_load_n(&link->shared->returns_lost, __ATOMIC_ACQUIRE);

    if (generation == link->generation && lost == link->returns_lost)
        return false;
    link->generation = generation;
    link->returns_lost = lost;
    return true;
}

static uint32_t place_of(uint32_t pool, uint32_t slot)
{
    return pool * TT_POOL_SLOTS_MAX + slot;
}

/* Is the pair among the `count` slots of this ring from `first` on? The pair lies at `offset`. */
static bool is_in_ring(const struct tt_ring *ring, uint64_t first, uint64_t count, uint32_t offset,
                       uint32_t pool, uint32_t slot)
{
    struct link_return pair;

    if (count > ring->slot_count) /* a lying peer: look at all of it */
        count = ring->slot_count;
    for (uint64_t n = 0; n < count; n++) {
        const uint8_t *at =
            ring->shared->slots + ((first + n) & (ring->slot_count - 1)) * ring->slot_bytes;
        memcpy(&pair, at + offset, sizeof(pair));
        if (pair.pool == pool && pair.slot == slot)
            return true;
    }
    return false;
}

/* The unread part of a ring as either end sees it. */
static bool is_unread(const struct tt_ring *ring, bool is_producer, uint32_t offset, uint32_t pool,
                      uint32_t slot)
{
    uint64_t first, end;

    if (is_producer) {
        first = __atomic_load_n(&ring->shared->read_count, __ATOMIC_ACQUIRE);
        end = ring->count;
    } else {
        first = ring->count;
        end = __atomic_load_n(&ring->shared->write_count, __ATOMIC_ACQUIRE);
    }
    return is_in_ring(ring, first, end - first, offset, pool, slot);
}

/* The order matters: a slot moves from the forward ring into the map, from there into the return
 * ring, and stands in both at each passage; whoever looks in the same order cannot miss it. A slot
 * in the return ring is still on loan: it comes back by tt_link_take_back(). */
bool tt_link_is_on_loan(const struct tt_link *link, uint32_t pool, uint32_t slot)
{
    uint32_t place;

    if (!is_place(pool, slot))
        return false;
    if (is_unread(&link->forward, !link->is_reader, offsetof(struct tt_link_slot, pool), pool,
                  slot))
        return true;
    place = place_of(pool, slot);
    if (__atomic_load_n(&link->shared->held[place / 64], __ATOMIC_ACQUIRE) >> (place % 64) & 1)
        return true;
    return is_unread(&link->back, link->is_reader, 0, pool, slot);
}

bool tt_link_is_away(const struct tt_link *link, uint32_t pool, uint32_t slot)
{
    uint32_t place;

    tt_assert(!link->is_reader);
    if (!is_place(pool, slot))
        return false;
    place = place_of(pool, slot);
    if (__atomic_load_n(&link->shared->held[place / 64], __ATOMIC_ACQUIRE) >> (place % 64) & 1)
        return true;
    return is_unread(&link->back, false, 0, pool, slot);
}

static void set_held(struct tt_link *link, uint32_t place, bool is_held)
{
    uint64_t bit = (uint64_t)1 << (place % 64), *word = &link->held[place / 64];

    *word = is_held ? *word | bit : *word & ~bit;
    __atomic_store_n(&link->shared->held[place / 64], *word, __ATOMIC_RELEASE);
}

static bool is_held(const struct tt_link *link, uint32_t place)
{
    return link->held[place / 64] >> (place % 64) & 1;
}

bool tt_link_holds(const struct tt_link *link, uint32_t pool, uint32_t slot)
{
    tt_assert(link->is_reader);
    return is_place(pool, slot) && is_held(link, place_of(pool, slot));
}

bool tt_link_holds_any(const struct tt_link *link)
{
    tt_assert(link->is_reader);
    for (uint32_t n = 0; n < HELD_WORDS; n++)
        if (link->held[n] != 0)
            return true;
    return false;
}

static uint32_t slot_bytes_of(const struct tt_pool_view *pool, uint32_t slot)
{
    for (uint32_t n = 0; n < pool->class_count; n++) {
        if (slot < pool->classes[n].slot_count)
            return pool->classes[n].slot_bytes;
        slot -= pool->classes[n].slot_count;
    }
    return 0;
}

static bool is_sound(const struct tt_link *link, const struct tt_pool_view *pools,
                     uint32_t pool_count, const struct tt_link_slot *slot)
{
    if (slot->index > INDEX_MAX || slot->index < -INDEX_MAX || slot->origin_ns > TIME_MAX ||
        slot->origin_ns < -TIME_MAX || slot->duration_ns < 0 || slot->duration_ns > TIME_MAX)
        return false;
    if (slot->slot == TT_NO_FRAME)
        return true;
    if (slot->pool >= pool_count || !is_place(slot->pool, slot->slot) ||
        slot->slot >= pools[slot->pool].slot_count)
        return false;
    if (slot->bytes > slot_bytes_of(&pools[slot->pool], slot->slot))
        return false;
    return !is_held(link, place_of(slot->pool, slot->slot));
}

static void move_on(struct tt_ring *ring)
{
    ring->count++;
    __atomic_store_n(&ring->shared->read_count, ring->count, __ATOMIC_RELEASE);
}

bool tt_link_get(struct tt_link *link, const struct tt_pool_view *pools, uint32_t pool_count,
                 struct tt_link_slot *ret)
{
    struct tt_link_slot slot;

    tt_assert(link->is_reader);
    for (uint32_t n = 0; n < link->forward.slot_count; n++) {
        if (!tt_ring_peek(&link->forward, &slot))
            return false;
        if (!is_sound(link, pools, pool_count, &slot)) {
            link->bad_count++;
            move_on(&link->forward);
            continue;
        }
        if (slot.slot != TT_NO_FRAME)
            set_held(link, place_of(slot.pool, slot.slot), true);
        move_on(&link->forward);
        *ret = slot;
        return true;
    }
    return false;
}

bool tt_link_peek(struct tt_link *link, struct tt_link_slot *ret)
{
    return tt_ring_peek(&link->forward, ret);
}

void tt_link_give_back(struct tt_link *link, uint32_t pool, uint32_t slot)
{
    struct link_return back = {pool, slot};

    tt_assert(link->is_reader);
    tt_assert(is_place(pool, slot));
    tt_assert(is_held(link, place_of(pool, slot)));
    /* Into the ring before the bit goes: see tt_link_is_on_loan(). */
    if (tt_ring_put(&link->back, &back)) {
        set_held(link, place_of(pool, slot), false);
        return;
    }
    /* More loans than the return ring holds: the writer looks through them all. */
    set_held(link, place_of(pool, slot), false);
    __atomic_add_fetch(&link->shared->returns_lost, 1, __ATOMIC_RELEASE);
}

uint32_t tt_link_depth(const struct tt_link *link)
{
    return link->forward.slot_count;
}

uint32_t tt_link_filled(const struct tt_link *link)
{
    if (link->is_reader)
        return tt_ring_filled(&link->forward);
    return link->forward.slot_count - tt_ring_room(&link->forward);
}

uint64_t tt_link_bad_count(const struct tt_link *link)
{
    return link->bad_count;
}

int64_t tt_sink_index(const struct tt_format *format, int64_t index, int64_t origin_ns)
{
    bool is_coded = format->kind == TT_CODED_VIDEO || format->kind == TT_CODED_AUDIO;

    if (!is_coded || format->rate.num <= 0)
        return index;
    /* An eighth of a period: containers round presentation times to their own units. */
    return tt_ns_index(origin_ns + tt_index_ns(1, format->rate) / 8, format->rate);
}
