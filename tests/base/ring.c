/* The ring: order under two threads, and a peer that lies. */
#include "base/ring.h"

#include <pthread.h>

#include "check.h"

enum { SLOTS = 64, ROUNDS = 200000 };

static _Alignas(64) uint8_t memory[64 * 1024];

static void *produce(void *argument)
{
    struct tt_ring ring;

    (void)argument;
    tt_ring_producer(&ring, memory, sizeof(uint64_t), SLOTS);
    for (uint64_t n = 0; n < ROUNDS;)
        if (tt_ring_put(&ring, &n))
            n++;
        else
            sched_yield();
    return NULL;
}

static void two_threads_keep_order(void)
{
    struct tt_ring ring;
    pthread_t thread;
    uint64_t got;

    tt_ring_consumer(&ring, memory, sizeof(uint64_t), SLOTS);
    CHECK(pthread_create(&thread, NULL, produce, NULL) == 0);
    for (uint64_t n = 0; n < ROUNDS;)
        if (tt_ring_get(&ring, &got))
            CHECK_INT(got, n++);
        else
            sched_yield();
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK_INT(tt_ring_filled(&ring), 0);
}

static void a_lying_peer_is_an_empty_or_full_ring(void)
{
    struct tt_ring producer, consumer;
    uint64_t slot = 7;

    memset(memory, 0, sizeof(memory));
    tt_ring_producer(&producer, memory, sizeof(slot), SLOTS);
    tt_ring_consumer(&consumer, memory, sizeof(slot), SLOTS);
    producer.shared->write_count = UINT64_MAX;
    CHECK(!tt_ring_get(&consumer, &slot));
    producer.shared->read_count = 1000;
    CHECK(!tt_ring_put(&producer, &slot));
    CHECK_INT(tt_ring_room(&producer), 0);
}

static void sizes_are_refused(void)
{
    CHECK_INT(tt_ring_bytes(8, 3), 0);
    CHECK_INT(tt_ring_bytes(0, 4), 0);
    CHECK_INT(tt_ring_bytes(8, 0), 0);
    CHECK(tt_ring_bytes(64, 1024) > 65536);
}

int main(void)
{
    RUN(two_threads_keep_order);
    RUN(a_lying_peer_is_an_empty_or_full_ring);
    RUN(sizes_are_refused);
    return 0;
}
