/* What becomes of a service's reservations and of its places in the books, in every order: workers
 * that get theirs or none, die and come again, a kernel that has no room for a while or for ever,
 * another service that takes what was given back. Never is more booked than there is, never is a
 * place kept that stands for nothing, and who was admitted finds what it was admitted for. */
#include "node/claim.h"

#include "check.h"
#include "node/books.h"
#include "support/seen.h"

#define MILLI INT64_C(1000000)

enum {
    WORKERS = 2,
    OWN = 1,
    RIVAL = 2,
    ROOM_PPM = 1000000,
    RIVAL_NS = 5000000, /* of each period, when there is room for it */
    STATES_MAX = 1 << 16,
    CHOICES_MAX = 24
};

static const int64_t now_ns = 1000000 * MILLI, period_ns = 10 * MILLI;

enum place { NO_PLACE = 0, HELD, GOING };

/* Nothing in it is a pointer or grows with time, so that equal worlds are equal bytes. */
struct world {
    struct claim_worker workers[WORKERS];
    bool has_gone, is_refused, has_ended, is_right_lost, rival_runs;
    uint8_t places[WORKERS], rival_place, deaths_left, rivals_left;
    struct {
        bool is_alive, is_told, is_waiting, has_kernel,
            lingers; /* lingers: dead, and still booked */
    } threads[WORKERS];
};

static uint32_t worker_count, spare_count; /* spare ones: the last of them */
static int64_t own_ns;                     /* of each period, each worker */
static struct books books;
static struct claim claim;

/* --- the real books and the real claim, from a world and back --- */

static void recall(const struct world *w)
{
    memset(&books, 0, sizeof(books));
    for (uint32_t n = 0; n < worker_count; n++) {
        if (w->places[n] != NO_PLACE)
            CHECK(books_enter_worker(&books, OWN, n, own_ns, period_ns));
        if (w->places[n] == GOING)
            books_give_back_worker(&books, OWN, n, now_ns);
    }
    if (w->rival_place != NO_PLACE)
        CHECK(books_enter(&books, RIVAL, RIVAL_NS, period_ns));
    if (w->rival_place == GOING)
        books_give_back(&books, RIVAL, now_ns);
    claim_init(&claim, worker_count, spare_count);
    memcpy(claim.workers, w->workers, worker_count * sizeof(claim.workers[0]));
    claim.has_gone = w->has_gone;
    claim.is_refused = w->is_refused;
}

static uint8_t place_of(uint64_t service, uint32_t worker)
{
    struct books later = books;

    if (books_worker_ppm(&books, service, worker, now_ns) == 0)
        return NO_PLACE;
    return books_worker_ppm(&later, service, worker, now_ns + period_ns) != 0 ? HELD : GOING;
}

static void keep(struct world *w)
{
    CHECK(books_ppm(&books, now_ns) <= ROOM_PPM);
    claim_check(&claim);
    for (uint32_t n = 0; n < worker_count; n++)
        w->places[n] = place_of(OWN, n);
    w->rival_place = place_of(RIVAL, 0);
    memcpy(w->workers, claim.workers, worker_count * sizeof(claim.workers[0]));
    w->has_gone = claim.has_gone;
    w->is_refused = claim.is_refused;
}

/* --- the kernel --- */

static bool has_kernel_room(const struct world *w, int64_t wanted_ns)
{
    int64_t sum_ns = w->rival_runs ? RIVAL_NS : 0;

    for (uint32_t n = 0; n < worker_count; n++)
        sum_ns += w->threads[n].has_kernel || w->threads[n].lingers ? own_ns : 0;
    return sum_ns + wanted_ns <= period_ns;
}

static enum claim_kind climb(struct world *w, uint32_t worker)
{
    const struct books_wish wish = {.service = OWN,
                                    .worker = worker,
                                    .budget_ns = own_ns,
                                    .period_ns = period_ns,
                                    .room_ppm = ROOM_PPM};

    if (w->is_right_lost || books_renew(&books, &wish, now_ns) < 0)
        return CLAIM_REFUSED;
    if (!has_kernel_room(w, own_ns))
        return CLAIM_FULL;
    w->threads[worker].has_kernel = true;
    return CLAIM_GOT;
}

static void feed(struct world *w, enum claim_kind kind, uint32_t worker)
{
    struct claim_actions out;

    claim_step(
        &claim,
        &(struct claim_event){.kind = kind, .worker = worker, .is_reservation = kind == CLAIM_GOT},
        &out);
    for (uint32_t n = 0; n < out.count; n++)
        switch (out.list[n].verb) {
        case CLAIM_CLIMB:
            feed(w, climb(w, worker), worker);
            break;
        case CLAIM_WAIT:
            w->threads[worker].is_waiting = true;
            break;
        case CLAIM_GIVE_BACK:
            books_give_back_worker(&books, OWN, worker, now_ns);
            break;
        case CLAIM_GIVE_BACK_ALL:
            books_give_back(&books, OWN, now_ns);
            break;
        case CLAIM_LOST:
            CHECK(claim.has_gone);
            break;
        case CLAIM_TELL:
            CHECK(!w->threads[worker].is_told);
            w->threads[worker].is_told = true;
            break;
        }
}

/* --- what may happen --- */

enum choice_kind {
    COMES,
    LEFT,
    DIES,
    AGAIN,
    GO,
    PERIOD,
    RIVAL_COMES,
    RIVAL_LEAVES,
    RIGHT_LOST,
    ENDS
};

struct choice {
    enum choice_kind kind;
    uint32_t worker;
};

static bool is_spare(uint32_t worker)
{
    return worker >= worker_count - spare_count;
}

static bool is_all(const struct world *w, bool is_told)
{
    for (uint32_t n = 0; n < worker_count - spare_count; n++)
        if (!w->threads[n].is_alive || (is_told && !w->threads[n].is_told))
            return false;
    return true;
}

static uint32_t choices_of(const struct world *w, struct choice *ret)
{
    bool is_any_going = w->rival_place == GOING;
    uint32_t count = 0;

    for (uint32_t n = 0; n < worker_count; n++) {
        is_any_going = is_any_going || w->places[n] == GOING || w->threads[n].lingers;
        if (!w->threads[n].is_alive && !w->has_ended && (w->has_gone || !is_spare(n)))
            ret[count++] = (struct choice){COMES, n};
        if (!w->threads[n].is_alive && !w->has_ended && is_spare(n) && w->places[n] == HELD)
            ret[count++] = (struct choice){LEFT, n};
        if (w->threads[n].is_alive && w->deaths_left > 0)
            ret[count++] = (struct choice){DIES, n};
        if (w->threads[n].is_waiting)
            ret[count++] = (struct choice){AGAIN, n};
    }
    if (!w->has_gone && !w->has_ended && is_all(w, true))
        ret[count++] = (struct choice){.kind = GO};
    if (is_any_going)
        ret[count++] = (struct choice){.kind = PERIOD};
    if (w->rival_place == NO_PLACE && w->rivals_left > 0)
        ret[count++] = (struct choice){.kind = RIVAL_COMES};
    if (w->rival_place == HELD)
        ret[count++] = (struct choice){.kind = RIVAL_LEAVES};
    if (!w->is_right_lost && !w->has_ended)
        ret[count++] = (struct choice){.kind = RIGHT_LOST};
    if (!w->has_ended)
        ret[count++] = (struct choice){.kind = ENDS};
    CHECK(count <= CHOICES_MAX);
    return count;
}

/* At the start they are asked for together. */
static void come(struct world *w, uint32_t worker)
{
    const struct books_wish wish = {.service = OWN,
                                    .worker = worker,
                                    .budget_ns = own_ns,
                                    .period_ns = period_ns,
                                    .room_ppm = ROOM_PPM};

    if (is_spare(worker) && books_renew(&books, &wish, now_ns) < 0)
        return; /* it is not begun */
    w->threads[worker].is_alive = true;
    if (w->has_gone) {
        feed(w, CLAIM_ASKED, worker);
        return;
    }
    for (uint32_t n = 0; n < worker_count - spare_count && is_all(w, false); n++)
        if (!w->threads[n].is_told && !w->threads[n].is_waiting)
            feed(w, CLAIM_ASKED, n);
}

static void die(struct world *w, uint32_t worker)
{
    bool had = claim_was_obtained(&claim);

    w->threads[worker].lingers |= w->threads[worker].has_kernel;
    w->threads[worker].is_alive = w->threads[worker].is_told = false;
    w->threads[worker].is_waiting = w->threads[worker].has_kernel = false;
    feed(w, CLAIM_DIED, worker);
    CHECK_INT(claim_was_obtained(&claim), had); /* what it measured was measured under it */
}

static void go(struct world *w)
{
    feed(w, CLAIM_GO, 0);
    for (uint32_t n = 0; n < worker_count - spare_count; n++) {
        w->threads[n].lingers |= claim.workers[n].is_leaving;
        w->threads[n].has_kernel = w->threads[n].has_kernel && !claim.workers[n].is_leaving;
        claim.workers[n].is_leaving = false;
        CHECK_INT(claim.workers[n].has_reservation, w->threads[n].has_kernel);
        CHECK_INT(w->threads[n].has_kernel, w->threads[0].has_kernel); /* all of them, or none */
    }
}

static bool is_any_leaving(const struct world *w)
{
    for (uint32_t n = 0; n < worker_count; n++)
        if (claim.workers[n].is_leaving || w->threads[n].lingers)
            return true;
    return false;
}

/* What the books promise the kernel gives, but for who is still about to leave. */
static void rival_comes(struct world *w)
{
    int64_t share_ppm = books_share_ppm(RIVAL_NS, period_ns);

    w->rivals_left--;
    if (books_ppm(&books, now_ns) + share_ppm > ROOM_PPM)
        return;
    CHECK(books_enter(&books, RIVAL, RIVAL_NS, period_ns));
    w->rival_runs = has_kernel_room(w, RIVAL_NS);
    CHECK(w->rival_runs || is_any_leaving(w));
}

static void end(struct world *w)
{
    for (uint32_t n = 0; n < worker_count; n++)
        if (w->threads[n].is_alive)
            die(w, n);
    books_give_back(&books, OWN, now_ns);
    w->has_ended = true;
}

static void pass_period(struct world *w)
{
    (void)books_ppm(&books, now_ns + period_ns);
    for (uint32_t n = 0; n < worker_count; n++)
        w->threads[n].lingers = false;
}

/* Once it runs, a place is held by who has a reservation, or for a successor of who had. */
static void check_places(const struct world *w)
{
    for (uint32_t n = 0; n < worker_count; n++) {
        const struct claim_worker *worker = &w->workers[n];
        bool is_settled = w->has_gone && w->threads[n].is_told && !w->has_ended;

        CHECK(!is_settled || (w->places[n] == HELD) == worker->has_reservation);
        CHECK(!worker->has_reservation || w->places[n] == HELD);
        CHECK(!w->has_ended || w->places[n] != HELD);
    }
}

static void do_choice(struct world *w, struct choice choice)
{
    recall(w);
    switch (choice.kind) {
    case COMES:
        come(w, choice.worker);
        break;
    case LEFT:
        feed(w, CLAIM_LEFT, choice.worker);
        CHECK(place_of(OWN, choice.worker) != HELD && !claim.workers[choice.worker].was_obtained);
        break;
    case DIES:
        w->deaths_left--;
        die(w, choice.worker);
        break;
    case AGAIN:
        w->threads[choice.worker].is_waiting = false;
        feed(w, CLAIM_AGAIN, choice.worker);
        CHECK(w->threads[choice.worker].is_told); /* it waits once */
        break;
    case GO:
        go(w);
        break;
    case PERIOD:
        pass_period(w);
        break;
    case RIVAL_COMES:
        rival_comes(w);
        break;
    case RIVAL_LEAVES:
        books_give_back(&books, RIVAL, now_ns);
        w->rival_runs = false;
        break;
    case RIGHT_LOST:
        w->is_right_lost = true;
        break;
    case ENDS:
        end(w);
        break;
    }
    keep(w);
    check_places(w);
}

static void try_all(uint32_t workers, uint32_t spares, int64_t budget_ns)
{
    uint32_t had = 0, lost = 0;
    uint64_t steps = 0;
    struct seen seen;
    struct world w = {.deaths_left = 3, .rivals_left = 2};

    worker_count = workers;
    spare_count = spares;
    own_ns = budget_ns;
    for (uint32_t n = 0; n < workers - spares; n++)
        w.places[n] = HELD; /* as it was admitted */
    seen_open(&seen, sizeof(w), STATES_MAX);
    CHECK(seen_add(&seen, &w));
    for (uint32_t n = 0; n < seen.count; n++) {
        struct choice choices[CHOICES_MAX];
        struct world from;
        uint32_t count;

        memcpy(&from, seen_at(&seen, n), sizeof(from));
        had += from.has_gone && from.workers[0].has_reservation;
        lost += from.has_gone && from.threads[0].is_told && !from.workers[0].has_reservation;
        count = choices_of(&from, choices);
        for (uint32_t c = 0; c < count; c++) {
            w = from;
            do_choice(&w, choices[c]);
            (void)seen_add(&seen, &w);
        }
        steps += count;
    }
    fprintf(stderr, "  %u workers, %u of them spare: %u states, %llu steps\n", workers, spares,
            seen.count, (unsigned long long)steps);
    CHECK(had > 0 && lost > 0);
    seen_close(&seen);
}

static void one_worker_in_every_order(void)
{
    try_all(1, 0, 6 * MILLI);
}

static void two_workers_in_every_order(void)
{
    try_all(2, 0, 4 * MILLI);
}

/* Its place is entered before it is begun, given back when it has left, and its refusal takes
 * nothing from the one that was planned. */
static void a_spare_worker_in_every_order(void)
{
    try_all(2, 1, 4 * MILLI);
}

/* What was lowered is somebody else's; the next life asks for no more than it. */
static void what_was_lowered_is_not_taken_back(void)
{
    struct books_wish wish = {.service = OWN,
                              .worker = 0,
                              .budget_ns = 6 * MILLI,
                              .period_ns = period_ns,
                              .room_ppm = ROOM_PPM};

    memset(&books, 0, sizeof(books));
    CHECK(books_enter(&books, OWN, 6 * MILLI, period_ns));
    CHECK_INT(books_renew(&books, &wish, now_ns), 0);
    books_lower(&books, OWN, 0, 2 * MILLI, period_ns, now_ns);
    CHECK_INT(books_ppm(&books, now_ns + period_ns), 200000);
    CHECK(books_enter(&books, RIVAL, 8 * MILLI, period_ns));
    CHECK(books_renew(&books, &wish, now_ns + period_ns) < 0);
    wish.budget_ns = 2 * MILLI;
    CHECK_INT(books_renew(&books, &wish, now_ns + period_ns), 0);
    CHECK_INT(books_ppm(&books, now_ns + period_ns), 1000000);
}

int main(void)
{
    RUN(one_worker_in_every_order);
    RUN(two_workers_in_every_order);
    RUN(a_spare_worker_in_every_order);
    RUN(what_was_lowered_is_not_taken_back);
    return 0;
}
