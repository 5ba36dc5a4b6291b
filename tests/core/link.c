/* Links between processes: loans come back once, whoever dies; a hostile peer harms nobody. */
#include "core/link.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

enum { DEPTH = 8, SLOTS = 12, ROUNDS = 150 };

/* Shared by writer, reader and the judge, beside the link itself. */
struct shared {
    uint64_t content[SLOTS];   /* the payload: which put this slot carries */
    uint64_t puts, gets, torn; /* torn: a slot changed while the reader had it */
    uint32_t is_lent[SLOTS];   /* the writer's own word, for the judge */
    _Alignas(64) uint8_t link[1 << 20];
};

static struct shared *shared;
static struct tt_pool_view pool = {.class_count = 1, .slot_count = SLOTS};

/* All ends live until the program ends: the dead ones' successors must not stand in their memory.
 */
static void *ends_made[64];
static uint32_t ends_made_count;

static void *new_end(void)
{
    CHECK(ends_made_count < 64);
    return ends_made[ends_made_count++] = malloc(tt_link_end_bytes());
}

static void free_ends(void)
{
    while (ends_made_count > 0)
        free(ends_made[--ends_made_count]);
}

static void nap(long ns)
{
    nanosleep(&(struct timespec){.tv_nsec = ns}, NULL);
}

static void reclaim(struct tt_link *link, uint32_t *lent)
{
    for (uint32_t n = 0; n < SLOTS; n++)
        if (lent[n] && !tt_link_is_on_loan(link, 0, n))
            lent[n] = 0;
}

static void take_back(struct tt_link *link, uint32_t *lent)
{
    uint32_t number, slot;

    while (tt_link_take_back(link, &number, &slot)) {
        CHECK_INT(number, 0);
        CHECK(slot < SLOTS);
        CHECK(lent[slot]); /* else it would be free twice */
        lent[slot] = 0;
    }
    if (tt_link_reader_changed(link))
        reclaim(link, lent);
}

static struct tt_link *new_writer(uint32_t *lent)
{
    struct tt_link *link = tt_link_writer(new_end(), shared->link, DEPTH);

    for (uint32_t n = 0; n < SLOTS; n++)
        lent[n] = tt_link_is_on_loan(link, 0, n);
    return link;
}

static void write_for_ever(void)
{
    uint32_t lent[SLOTS];
    struct tt_link *link = new_writer(lent);

    for (uint64_t put = 1 + (uint64_t)getpid() * 1000000;; put++) {
        struct tt_link_slot slot = {.index = (int64_t)(put & 0xffffff)};

        take_back(link, lent);
        for (slot.slot = 0; slot.slot < SLOTS && lent[slot.slot]; slot.slot++)
            ;
        if (slot.slot == SLOTS || tt_link_filled(link) == DEPTH)
            continue;
        __atomic_store_n(&shared->content[slot.slot], put, __ATOMIC_RELEASE);
        lent[slot.slot] = 1;
        if (!tt_link_put(link, &slot))
            lent[slot.slot] = 0;
        __atomic_add_fetch(&shared->puts, 1, __ATOMIC_RELAXED);
    }
}

/* Holds three slots for a while, as a join does, and sees whether they change meanwhile. */
static void read_for_ever(void)
{
    struct tt_link *link = tt_link_reader(new_end(), shared->link, DEPTH);
    uint64_t content[3];
    uint32_t held[3], count = 0;

    for (;;) {
        struct tt_link_slot slot;

        if (count < 3 && tt_link_get(link, &pool, 1, &slot)) {
            held[count] = slot.slot;
            content[count++] = __atomic_load_n(&shared->content[slot.slot], __ATOMIC_ACQUIRE);
            __atomic_add_fetch(&shared->gets, 1, __ATOMIC_RELAXED);
            continue;
        }
        if (count < 3)
            continue;
        for (uint32_t n = 0; n < count; n++)
            if (__atomic_load_n(&shared->content[held[n]], __ATOMIC_ACQUIRE) != content[n])
                __atomic_add_fetch(&shared->torn, 1, __ATOMIC_RELAXED);
        while (count > 0)
            tt_link_give_back(link, 0, held[--count]);
    }
}

static pid_t start(void (*run)(void))
{
    pid_t pid = fork();

    CHECK(pid >= 0);
    if (pid == 0) {
        run();
        _exit(0);
    }
    return pid;
}

static void end(pid_t pid)
{
    int status;

    CHECK(kill(pid, SIGKILL) == 0);
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFSIGNALED(status)); /* not by a check of its own */
    CHECK_INT(WTERMSIG(status), SIGKILL);
}

/* Nobody runs: a last writer and a last reader must find every slot again. */
static void all_slots_come_back(void)
{
    uint32_t lent[SLOTS], number, slot_number;
    struct tt_link *reader = tt_link_reader(new_end(), shared->link, DEPTH);
    struct tt_link *writer = new_writer(lent);
    struct tt_link_slot slot;

    while (tt_link_get(reader, &pool, 1, &slot))
        tt_link_give_back(reader, slot.pool, slot.slot);
    while (tt_link_take_back(writer, &number, &slot_number)) {
        CHECK(lent[slot_number]);
        lent[slot_number] = 0;
    }
    for (uint32_t n = 0; n < SLOTS; n++) {
        CHECK(!lent[n]);
        CHECK(!tt_link_is_on_loan(writer, 0, n));
    }
}

static void make_shared(void)
{
    CHECK(tt_link_bytes(DEPTH) <= sizeof(shared->link));
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    pool.classes[0] = (struct tt_pool_class){4096, SLOTS, 0};
}

static void either_side_may_die_at_any_moment(void)
{
    uint64_t before = 0;
    pid_t writer, reader;

    make_shared();
    srand(7);
    writer = start(write_for_ever);
    reader = start(read_for_ever);
    for (uint32_t n = 0; n < ROUNDS; n++) {
        nap(rand() % 10000000);
        if (rand() % 2) {
            end(writer);
            writer = start(write_for_ever);
        } else {
            end(reader);
            reader = start(read_for_ever);
        }
        if (n % 30 == 29) { /* frames still flow */
            for (uint32_t wait = 0; wait < 3000 && shared->gets == before; wait++)
                nap(1000000);
            CHECK(__atomic_load_n(&shared->gets, __ATOMIC_RELAXED) > before);
            before = __atomic_load_n(&shared->gets, __ATOMIC_RELAXED);
        }
    }
    end(writer);
    end(reader);
    CHECK(shared->puts > ROUNDS);
    all_slots_come_back();
    fprintf(stderr, "  %llu put, %llu got\n", (unsigned long long)shared->puts,
            (unsigned long long)shared->gets);
}

/* Without a death nothing may ever change under a reader. */
static void a_held_slot_does_not_change(void)
{
    pid_t writer, reader;

    make_shared();
    writer = start(write_for_ever);
    reader = start(read_for_ever);
    nap(300000000);
    for (uint32_t wait = 0; wait < 10000 && __atomic_load_n(&shared->gets, __ATOMIC_RELAXED) <= 100;
         wait++)
        nap(1000000); /* others have the CPUs */
    end(writer);
    end(reader);
    CHECK(shared->gets > 100);
    CHECK_INT(shared->torn, 0);
}

/* A writer that dies takes nothing back that the reader holds. */
static void a_new_writer_respects_loans(void)
{
    uint32_t lent[SLOTS];
    struct tt_link *reader, *writer;
    struct tt_link_slot slot = {.slot = 3}, got;

    make_shared();
    writer = new_writer(lent);
    reader = tt_link_reader(new_end(), shared->link, DEPTH);
    CHECK(tt_link_reader_changed(writer));
    CHECK(!tt_link_reader_changed(writer));
    CHECK(tt_link_put(writer, &slot));
    slot.slot = 5;
    CHECK(tt_link_put(writer, &slot));
    CHECK(tt_link_get(reader, &pool, 1, &got));
    CHECK_INT(got.slot, 3);
    writer = new_writer(lent);
    CHECK(lent[3] && lent[5] && !lent[4]);
    tt_link_give_back(reader, 0, 3);
    CHECK(tt_link_is_on_loan(writer, 0, 3)); /* on its way back */
    take_back(writer, lent);
    CHECK(!lent[3] && lent[5]);

    /* a new reader: what the old one held is free, what was not read yet is not */
    CHECK(tt_link_get(reader, &pool, 1, &got));
    slot.slot = 6;
    CHECK(tt_link_put(writer, &slot));
    lent[6] = 1;
    reader = tt_link_reader(new_end(), shared->link, DEPTH);
    take_back(writer, lent);
    CHECK(!lent[5] && lent[6]);
}

static bool is_odd(void *ctx, uint32_t number, uint32_t slot)
{
    (void)number;
    ++*(uint32_t *)ctx;
    return slot % 2 == 1;
}

/* A reader that passed frames on died: its successor keeps what others still read. */
static void a_new_reader_keeps_what_it_passed_on(void)
{
    uint32_t lent[SLOTS] = {0}, asked = 0;
    struct tt_link *writer, *reader;
    struct tt_link_slot slot = {0};

    make_shared();
    writer = new_writer(lent);
    reader = tt_link_reader(new_end(), shared->link, DEPTH);
    (void)tt_link_reader_changed(writer);
    for (slot.slot = 0; slot.slot < 5; slot.slot++) {
        CHECK(tt_link_put(writer, &slot));
        lent[slot.slot] = 1;
    }
    for (uint32_t n = 0; n < 4; n++) /* the fifth stays unread */
        CHECK(tt_link_get(reader, &pool, 1, &slot));
    CHECK(tt_link_holds(reader, 0, 3));
    CHECK(!tt_link_holds(reader, 0, 4));
    reader = tt_link_reader_after(new_end(), shared->link, DEPTH, is_odd, &asked);
    CHECK_INT(asked, 4);
    CHECK(tt_link_holds(reader, 0, 1));
    CHECK(!tt_link_holds(reader, 0, 2));
    take_back(writer, lent);
    CHECK(!lent[0] && lent[1] && !lent[2] && lent[3] && lent[4]);
    tt_link_give_back(reader, 0, 3);
    CHECK(tt_link_get(reader, &pool, 1, &slot));
    CHECK_INT(slot.slot, 4);
    take_back(writer, lent);
    CHECK(lent[1] && !lent[3] && lent[4]);
    reader = tt_link_reader(new_end(), shared->link, DEPTH);
    take_back(writer, lent);
    CHECK(!lent[1] && !lent[4]);
}

/* A source that starts anew asks what its predecessor handed over. */
static void a_closed_reader_is_known_until_another_comes(void)
{
    struct tt_link *writer, *reader;

    make_shared();
    writer = tt_link_writer(new_end(), shared->link, DEPTH);
    CHECK(!tt_link_is_closed(writer)); /* nobody has come yet */
    reader = tt_link_reader(new_end(), shared->link, DEPTH);
    tt_link_close(reader);
    CHECK(tt_link_is_closed(writer));
    CHECK(tt_link_is_closed(tt_link_writer(new_end(), shared->link, DEPTH)));
    (void)tt_link_reader(new_end(), shared->link, DEPTH);
    CHECK(!tt_link_is_closed(writer));
}

static void the_last_put_is_known(void)
{
    uint32_t lent[SLOTS] = {0};
    struct tt_link_slot slot = {.index = 41}, end = {.slot = TT_NO_FRAME, .flags = TT_END};
    struct tt_link *reader, *writer;
    int64_t index = -1;

    make_shared();
    writer = new_writer(lent);
    CHECK(!tt_link_last_put(writer, &index) && !tt_link_has_put_end(writer));
    CHECK(tt_link_put(writer, &slot));
    reader = tt_link_reader(new_end(), shared->link, DEPTH);
    CHECK(tt_link_get(reader, &pool, 1, &slot)); /* also when it is read already */
    CHECK(tt_link_last_put(new_writer(lent), &index));
    CHECK_INT(index, 41);
    CHECK(!tt_link_has_put_end(new_writer(lent)));
    CHECK(tt_link_put(writer, &end));
    CHECK(tt_link_has_put_end(new_writer(lent)));
    CHECK(!tt_link_last_put(new_writer(lent), &index));
}

static void bad_headers_are_counted(void)
{
    uint32_t lent[SLOTS];
    struct tt_link *writer, *reader;
    struct tt_link_slot got;
    struct tt_link_slot bad[] = {{.slot = SLOTS},
                                 {.pool = 1, .slot = 0},
                                 {.slot = 0, .bytes = 4097},
                                 {.slot = 0, .index = INT64_MAX},
                                 {.slot = 0, .origin_ns = INT64_MIN},
                                 {.slot = 0, .duration_ns = -1}};

    make_shared();
    writer = new_writer(lent);
    reader = tt_link_reader(new_end(), shared->link, DEPTH);
    for (uint32_t n = 0; n < sizeof(bad) / sizeof(bad[0]); n++)
        CHECK(tt_link_put(writer, &bad[n]));
    CHECK(!tt_link_get(reader, &pool, 1, &got));
    CHECK_INT(tt_link_bad_count(reader), sizeof(bad) / sizeof(bad[0]));
    CHECK(tt_link_put(writer, &(struct tt_link_slot){.slot = 1}));
    CHECK(tt_link_put(writer, &(struct tt_link_slot){.slot = 1}));
    CHECK(tt_link_get(reader, &pool, 1, &got));
    CHECK(!tt_link_get(reader, &pool, 1, &got)); /* lent twice */
}

static uint64_t random_state = 42;

static uint32_t random_number(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33);
}

static void scribble(uint64_t bytes)
{
    for (uint32_t n = random_number() % 64; n > 0; n--) {
        uint64_t at = random_number() % 4 == 0 ? random_number() % 256 : random_number() % bytes;

        shared->link[at] = (uint8_t)random_number();
    }
}

static void a_hostile_peer_harms_nobody(void)
{
    uint64_t bytes = tt_link_bytes(DEPTH);
    void *ends[2] = {new_end(), new_end()};
    uint32_t held[SLOTS] = {0};
    struct tt_link *writer, *reader;

    make_shared();
    memset(shared->link + bytes, 0x5a, sizeof(shared->link) - bytes);
    writer = tt_link_writer(ends[0], shared->link, DEPTH);
    reader = tt_link_reader(ends[1], shared->link, DEPTH);
    for (uint32_t round = 0; round < 20000; round++) {
        struct tt_link_slot slot = {.slot = random_number() % SLOTS};
        uint32_t number, back;

        scribble(bytes);
        (void)tt_link_put(writer, &slot);
        for (uint32_t n = 0; n < DEPTH && tt_link_get(reader, &pool, 1, &slot); n++) {
            if (slot.slot == TT_NO_FRAME)
                continue;
            CHECK(slot.slot < SLOTS && slot.pool == 0 && slot.bytes <= 4096);
            CHECK(!held[slot.slot]);
            held[slot.slot] = 1;
        }
        for (uint32_t n = 0; n < SLOTS; n++)
            if (held[n] && random_number() % 2) {
                tt_link_give_back(reader, 0, n);
                held[n] = 0;
            }
        for (uint32_t n = 0; n < 10000 && tt_link_take_back(writer, &number, &back); n++)
            CHECK(number < TT_POOLS_MAX && back < TT_POOL_SLOTS_MAX);
        (void)tt_link_reader_changed(writer);
        (void)tt_link_is_on_loan(writer, random_number(), random_number() % 5000);
        (void)tt_link_is_on_loan(reader, 0, random_number() % 5000);
        CHECK(tt_link_filled(writer) <= DEPTH && tt_link_filled(reader) <= DEPTH);
        if (round % 100 == 0) {
            writer = tt_link_writer(ends[0], shared->link, DEPTH);
            reader = tt_link_reader(ends[1], shared->link, DEPTH);
            memset(held, 0, sizeof(held));
        }
    }
    for (uint64_t at = bytes; at < sizeof(shared->link); at++)
        CHECK(shared->link[at] == 0x5a);
}

int main(void)
{
    RUN(a_new_writer_respects_loans);
    RUN(a_new_reader_keeps_what_it_passed_on);
    RUN(a_closed_reader_is_known_until_another_comes);
    RUN(the_last_put_is_known);
    RUN(bad_headers_are_counted);
    RUN(a_held_slot_does_not_change);
    RUN(either_side_may_die_at_any_moment);
    RUN(a_hostile_peer_harms_nobody);
    free_ends();
    return 0;
}
