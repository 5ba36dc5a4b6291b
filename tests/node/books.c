/* The books of reservations, the wait for sent frames, and what a run's records teach. */
#include "node/books.h"

#include <errno.h>

#include "base/record.h"
#include "check.h"
#include "node/allowance.h"
#include "node/join.h"

#define MILLI INT64_C(1000000)

static void what_is_entered_is_given_back_after_a_period(void)
{
    static struct books books;

    CHECK(books_enter(&books, 1, 2 * MILLI, 10 * MILLI));
    CHECK(books_enter(&books, 2, 1 * MILLI, 40 * MILLI));
    CHECK_INT(books_ppm(&books, 0), 225000);
    CHECK(books_enter(&books, 1, 3 * MILLI, 10 * MILLI));
    CHECK_INT(books_ppm(&books, 0), 325000);
    books_give_back(&books, 1, 100 * MILLI);
    books_give_back(&books, 1, 105 * MILLI); /* the first word counts */
    CHECK_INT(books_ppm(&books, 109 * MILLI), 325000);
    CHECK_INT(books_ppm(&books, 110 * MILLI), 25000);
    books_give_back(&books, 7, 0);
    books_give_back(&books, 2, 110 * MILLI);
    CHECK_INT(books_ppm(&books, 150 * MILLI), 0);
    CHECK(books_enter(&books, 1, 1, 3)); /* rounded up */
    CHECK_INT(books_ppm(&books, 150 * MILLI), 333334);
    for (uint64_t n = 1; n <= BOOKS_MAX; n++)
        CHECK(books_enter(&books, n, 1, 1000));
    CHECK(!books_enter(&books, BOOKS_MAX + 1, 1, 1000));
}

static struct tt_record got[4096];
static uint32_t got_count;

static void keep(void *ctx, const struct tt_record *record)
{
    (void)ctx;
    got[got_count++] = *record;
}

static struct tt_record frame(uint16_t sink, int64_t index)
{
    return (struct tt_record){
        .kind = TT_RECORD_FRAME, .outcome = TT_ON_TIME, .sink = sink, .index = index};
}

static struct tt_record sent(uint16_t sink, int64_t index)
{
    return (struct tt_record){
        .kind = TT_RECORD_SENT, .sink = sink, .index = index, .sent_ns = 1000 + index};
}

static void add_frame(struct join *join, uint16_t sink, int64_t index, int64_t now_ns)
{
    struct tt_record record = frame(sink, index);

    join_frame(join, &record, now_ns);
}

static void add_sent(struct join *join, uint16_t sink, int64_t index)
{
    struct tt_record record = sent(sink, index);

    join_sent(join, &record);
}

static void frames_wait_for_their_word_in_order(void)
{
    const bool is_edge[2] = {true, false};
    struct join *join = join_open(2, is_edge, keep, NULL);

    got_count = 0;
    add_frame(join, 1, 0, 0);
    CHECK_INT(got_count, 1); /* no edge, nothing to wait for */
    add_frame(join, 0, 0, 0);
    add_frame(join, 0, 1, 10 * MILLI);
    add_sent(join, 0, 1);
    CHECK_INT(got_count, 1); /* 0 is still out, 1 stands behind it */
    add_sent(join, 0, 0);
    CHECK_INT(got_count, 3);
    CHECK_INT(got[1].sent_ns, 1000);
    CHECK_INT(got[2].sent_ns, 1001);
    add_sent(join, 0, 2); /* the edge was faster than the engine's ring */
    add_frame(join, 0, 2, 20 * MILLI);
    CHECK_INT(got_count, 4);
    CHECK_INT(got[3].sent_ns, 1002);
    add_frame(join, 0, 3, 100 * MILLI);
    join_settle(join, 599 * MILLI, false);
    CHECK_INT(got_count, 4);
    join_settle(join, 600 * MILLI, false);
    CHECK_INT(got_count, 5);
    CHECK_INT(got[4].sent_ns, 0); /* unknown, not invented */
    add_frame(join, 0, 4, 0);
    join_settle(join, 0, true);
    CHECK_INT(got_count, 6);
    join_close(&join);
}

static void lost_frames_wait_for_nobody(void)
{
    const bool is_edge[1] = {true};
    struct join *join = join_open(1, is_edge, keep, NULL);
    struct tt_record lost = frame(0, 5);

    got_count = 0;
    lost.outcome = TT_LOST_FRAME;
    join_frame(join, &lost, 0);
    CHECK_INT(got_count, 1);
    for (int64_t n = 6; n < 3000; n++) /* more than may wait: the oldest go, none is dropped */
        add_frame(join, 0, n, 0);
    join_settle(join, 0, true);
    CHECK_INT(got_count, 2995);
    for (uint32_t n = 0; n < got_count; n++)
        CHECK_INT(got[n].index, 5 + n);
    join_close(&join);
}

/* The last frames of a run are written after its end is known. */
static void end_waits_for_what_is_being_sent(void)
{
    static const bool is_edge[1] = {true};
    struct join *join = join_open(1, is_edge, keep, NULL);
    struct tt_record end = {.kind = TT_RECORD_END, .index = 2};

    got_count = 0;
    add_frame(join, 0, 1, 0);
    join_frame(join, &end, 0);
    CHECK_INT(got_count, 0);
    add_sent(join, 0, 1);
    CHECK_INT(got_count, 2);
    CHECK_INT(got[0].sent_ns, 1001);
    CHECK_INT(got[1].kind, TT_RECORD_END);
    join_close(&join);
}

/* A service that starts anew may have its own room again, and takes it from nobody else. */
static void own_room_is_not_others(void)
{
    struct books books = {0};

    CHECK(books_enter(&books, 1, MILLI, 10 * MILLI));
    CHECK(books_enter(&books, 2, 3 * MILLI, 10 * MILLI));
    CHECK_INT(books_others_ppm(&books, 1, 0), 300000);
    CHECK_INT(books_others_ppm(&books, 2, 0), 100000);
    CHECK_INT(books_others_ppm(&books, 3, 0), 400000);
    CHECK(books_enter(&books, 1, 2 * MILLI, 10 * MILLI)); /* in place of what it had */
    CHECK_INT(books_ppm(&books, 0), 500000);
    books_give_back(&books, 2, 0);
    CHECK_INT(books_others_ppm(&books, 1, 10 * MILLI), 0);
}

/* A service's workers have entries of their own; they go one by one or all together. */
static void each_worker_has_an_entry(void)
{
    struct books books = {0};

    CHECK(books_enter_worker(&books, 1, 0, MILLI, 10 * MILLI));
    CHECK(books_enter_worker(&books, 1, 1, 2 * MILLI, 5 * MILLI));
    CHECK(books_enter(&books, 2, MILLI, 10 * MILLI));
    CHECK_INT(books_ppm(&books, 0), 600000);
    CHECK_INT(books_others_ppm(&books, 1, 0), 100000);
    CHECK_INT(books_worker_ppm(&books, 1, 1, 0), 400000);
    CHECK_INT(books_worker_ppm(&books, 1, 2, 0), 0);
    books_give_back_worker(&books, 1, 1, 0);
    CHECK_INT(books_ppm(&books, 5 * MILLI), 200000);
    CHECK_INT(books_worker_ppm(&books, 1, 1, 5 * MILLI), 0);
    books_give_back(&books, 1, 5 * MILLI);
    CHECK_INT(books_ppm(&books, 15 * MILLI), 100000);
}

/* The planner hears of each reservation, and how late it may come. */
static void the_planner_is_told_each(void)
{
    struct books books = {0};
    struct tt_machine machine = {.server_count = 7};

    CHECK(books_enter_worker(&books, 1, 0, MILLI, 10 * MILLI));
    books_tolerate(&books, 1, 0, 3 * MILLI);
    CHECK(books_enter(&books, 2, MILLI, 5 * MILLI));
    CHECK(books_enter_worker(&books, 1, 0, 2 * MILLI, 10 * MILLI)); /* more, of the same plan */
    books_tell(&books, 0, 0, &machine);
    CHECK_INT(machine.server_count, 2);
    CHECK_INT(machine.reserved_ppm, 400000);
    CHECK_INT(machine.servers[0].budget_ns, 2 * MILLI);
    CHECK_INT(machine.servers[0].tolerance_ns, 3 * MILLI);
    CHECK_INT(machine.servers[1].period_ns, 5 * MILLI);
    CHECK_INT(machine.servers[1].tolerance_ns, 0);
    books_tell(&books, 1, 0, &machine);
    CHECK_INT(machine.server_count, 1);
    CHECK_INT(machine.servers[0].budget_ns, MILLI);
    books_give_back(&books, 1, 0);
    CHECK(books_enter_worker(&books, 3, 0, MILLI, 10 * MILLI));
    books_tell(&books, 0, 20 * MILLI, &machine);
    CHECK_INT(machine.server_count, 2); /* of whose place another one has nothing stayed */
    CHECK_INT(machine.servers[0].tolerance_ns + machine.servers[1].tolerance_ns, 0);
}

/* What each could do with is told as if it were so, and until an entry changes. */
static void least_is_told(void)
{
    struct books books = {0};
    struct tt_machine machine = {0};
    int64_t budget_ns = 0, period_ns = 0;

    CHECK(books_enter(&books, 1, 3 * MILLI, 10 * MILLI));
    books_tolerate(&books, 1, 0, MILLI);
    CHECK(books_enter(&books, 2, 2 * MILLI, 10 * MILLI));
    books_say_least(&books, 1, 0, MILLI, 5 * MILLI);
    books_say_least(&books, 2, 0, 2 * MILLI, 10 * MILLI); /* no less than it has */
    books_say_least(&books, 3, 0, MILLI, 10 * MILLI);     /* nobody */
    books_tell_least(&books, 0, &machine);
    CHECK_INT(machine.reserved_ppm, 400000);
    CHECK_INT(machine.server_count, 2);
    CHECK_INT(machine.servers[0].budget_ns, MILLI);
    CHECK_INT(machine.servers[0].period_ns, 5 * MILLI);
    CHECK_INT(machine.servers[0].tolerance_ns, 0); /* it counts with no delay, then */
    CHECK_INT(machine.servers[1].budget_ns, 2 * MILLI);
    books_tell(&books, 0, 0, &machine); /* it has what it had */
    CHECK_INT(machine.reserved_ppm, 500000);
    CHECK_INT(machine.servers[0].tolerance_ns, MILLI);
    CHECK(!books_least(&books, 2, 0, &budget_ns, &period_ns));
    CHECK(books_least(&books, 1, 0, &budget_ns, &period_ns));
    CHECK_INT(budget_ns, MILLI);
    CHECK_INT(period_ns, 5 * MILLI);
}

/* What was given stays booked for a period, and is not given twice. */
static void what_is_given_is_free_later(void)
{
    struct books books = {0};
    int64_t budget_ns, period_ns;

    CHECK(books_enter(&books, 1, 3 * MILLI, 10 * MILLI));
    CHECK(books_enter(&books, 2, 2 * MILLI, 10 * MILLI));
    CHECK_INT(books_settled_ns(&books, 7), 7);
    books_say_least(&books, 1, 0, MILLI, 5 * MILLI);
    books_lower(&books, 1, 0, MILLI, 5 * MILLI, 100);
    CHECK_INT(books_settled_ns(&books, 200), 100 + 10 * MILLI);
    CHECK_INT(books_ppm(&books, 200), 500000);
    CHECK(!books_least(&books, 1, 0, &budget_ns, &period_ns));
    CHECK_INT(books_ppm(&books, 100 + 10 * MILLI), 400000);
    books_say_least(&books, 2, 0, MILLI, 10 * MILLI);
    books_give_back(&books, 2, 0); /* it is going, so it gives nothing */
    CHECK(!books_least(&books, 2, 0, &budget_ns, &period_ns));
}

/* What is lowered stays booked for a period; what is raised before that counts at once. */
static void less_is_free_after_a_period(void)
{
    struct books books = {0};

    CHECK(books_enter_worker(&books, 1, 3, 4 * MILLI, 10 * MILLI));
    books_lower(&books, 1, 3, MILLI, 5 * MILLI, 100 * MILLI);
    CHECK_INT(books_ppm(&books, 109 * MILLI), 400000);
    CHECK_INT(books_ppm(&books, 110 * MILLI), 200000);
    books_lower(&books, 1, 3, MILLI, 10 * MILLI, 200 * MILLI);
    CHECK(books_enter_worker(&books, 1, 3, 3 * MILLI, 10 * MILLI));
    CHECK_INT(books_ppm(&books, 200 * MILLI), 300000);
    CHECK_INT(books_ppm(&books, 300 * MILLI), 300000);
    books_lower(&books, 1, 3, MILLI, 10 * MILLI, 300 * MILLI);
    books_give_back(&books, 1, 305 * MILLI);
    CHECK_INT(books_ppm(&books, 312 * MILLI), 100000);
    CHECK_INT(books_ppm(&books, 315 * MILLI), 0);
}

static void so_many_a_second_and_no_more(void)
{
    struct allowance allowance = {0};

    for (int64_t now_ns = 5; now_ns < 3000 * MILLI; now_ns += 1000 * MILLI) {
        for (int n = 0; n < 20; n++)
            CHECK(allowance_take(&allowance, now_ns + n * MILLI, 20));
        CHECK(!allowance_take(&allowance, now_ns + 100 * MILLI, 20));
        CHECK(!allowance_take(&allowance, now_ns + 999 * MILLI, 20));
    }
}

/* Each partition has a sum of its own; who runs is told the CPUs that it is on, and no others. */
static void partitions_count_by_themselves(void)
{
    static struct books books;
    struct tt_machine machine = {0};
    struct books_wish wish = {.service = 3,
                              .partition = 1,
                              .budget_ns = 4 * MILLI,
                              .period_ns = 10 * MILLI,
                              .room_ppm = 100000};

    books_cut(&books, 2, 900000, 50000);
    CHECK(books_enter(&books, 1, 5 * MILLI, 10 * MILLI));
    books_put(&books, 1, 0, 1);
    CHECK(books_enter(&books, 2, 1 * MILLI, 10 * MILLI));
    CHECK_INT(books_ppm(&books, 0), 600000);
    CHECK_INT(books_place_ppm(&books, 0, 0), 100000);
    CHECK_INT(books_place_ppm(&books, 1, 0), 500000);
    books_tell(&books, 0, 0, &machine);
    CHECK_INT(machine.reserved_ppm, 100000);
    CHECK_INT(machine.server_count, 1);
    CHECK_INT(machine.partition_count, 2);
    CHECK_INT(machine.partitions[0].reserved_ppm, 500000);
    CHECK_INT(machine.partitions[1].reserved_ppm, 0);
    CHECK(!machine.is_on_partitions);
    books_tell(&books, 1, 0, &machine); /* it runs on one */
    CHECK(machine.is_on_partitions);
    CHECK_INT(machine.partitions[0].reserved_ppm, 0);
    books_tell(&books, 2, 0, &machine); /* it runs beside them */
    CHECK_INT(machine.partition_count, 0);
    CHECK(!machine.is_on_partitions);
    CHECK_INT(books_renew(&books, &wish, 0), -EBUSY); /* 90 of the 85 per cent */
    wish.partition = 2;
    CHECK_INT(books_renew(&books, &wish, 0), 0); /* whatever there is beside them */
    CHECK_INT(books_place_ppm(&books, 2, 0), 400000);
    wish.budget_ns = 8 * MILLI;
    CHECK_INT(books_renew(&books, &wish, 0), 0); /* in place of its own */
    CHECK_INT(books_place_ppm(&books, 2, 0), 800000);
    CHECK(books_enter(&books, 3, MILLI, 10 * MILLI)); /* a new number, the same place */
    CHECK_INT(books_place_ppm(&books, 2, 0), 100000);
    books_give_back(&books, 1, 0);
    CHECK_INT(books_place_ppm(&books, 1, 9 * MILLI), 500000); /* until its 0-lag time */
    CHECK_INT(books_place_ppm(&books, 1, 10 * MILLI), 0);
}

int main(void)
{
    RUN(what_is_entered_is_given_back_after_a_period);
    RUN(own_room_is_not_others);
    RUN(each_worker_has_an_entry);
    RUN(the_planner_is_told_each);
    RUN(least_is_told);
    RUN(what_is_given_is_free_later);
    RUN(less_is_free_after_a_period);
    RUN(partitions_count_by_themselves);
    RUN(so_many_a_second_and_no_more);
    RUN(frames_wait_for_their_word_in_order);
    RUN(lost_frames_wait_for_nobody);
    RUN(end_waits_for_what_is_being_sent);
    return 0;
}
