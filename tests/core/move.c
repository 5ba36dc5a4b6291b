/* A component moves between two containers while messages cross, wait and come late, and either
 * container dies at any step. Every order is tried up to a bound, then random ones of many moves.
 * Never are two places active at once, never is an index written twice or left out, and from
 * everywhere it comes to an end. */
#include "core/move.h"

#include <stdbool.h>

#include "check.h"
#include "support/seen.h"

enum {
    QUEUE_MAX = 6,
    INDICES = 3, /* until the service ends, when every order is tried */
    STATES_MAX = 1 << 15,
    CHOICES_MAX = 32
};

enum message {
    NOTHING = 0,
    DIED, /* the last thing that is read of a container */
    /* tactusd to the source */
    ROUND,
    CUT,
    RESUME,
    RETIRE,
    /* tactusd to the target */
    PREPARE,
    DISCARD,
    /* source to target */
    PAGES_MANY,
    PAGES_FEW,
    STATE,
    BROKEN,
    /* containers to tactusd */
    READY,
    ACKED_MANY,
    ACKED_FEW,
    TOOK,
    GAVE_UP,
    FAILED
};

struct queue {
    uint8_t count, list[QUEUE_MAX];
};

enum { TO_SOURCE, TO_TARGET, BETWEEN, FROM_SOURCE, FROM_TARGET, QUEUE_COUNT };

/* Nothing in it is a pointer or grows with time, so that equal worlds are equal bytes. */
struct world {
    struct queue queues[QUEUE_COUNT];
    uint8_t phase, rounds, is_source_dead, is_cut; /* of tactusd's struct tt_move */
    uint8_t source, target, has_place;
    uint8_t is_source_alive, is_target_alive, is_running_alone; /* where it started anew */
    uint8_t where, deaths_left, cancels_left;
    uint32_t next; /* the index that comes; what was written is all before it */
};

static const struct tt_move_params params = {
    .rounds_max = 2, .pages_enough = 10, .step_ns = 1, .cut_ns = 1};

static void send(struct world *w, uint32_t to, enum message message)
{
    struct queue *queue = &w->queues[to];

    if ((to == TO_SOURCE && !w->is_source_alive) || (to == TO_TARGET && !w->is_target_alive) ||
        (to == BETWEEN && !w->is_target_alive))
        return;
    CHECK(queue->count < QUEUE_MAX);
    queue->list[queue->count++] = (uint8_t)message;
}

static enum message receive(struct queue *queue)
{
    enum message first = queue->list[0];

    queue->count--;
    memmove(queue->list, queue->list + 1, queue->count);
    queue->list[queue->count] = NOTHING;
    return first;
}

static bool is_over(const struct world *w)
{
    return w->phase == TT_MOVE_ENDED;
}

static bool may_source_run(const struct world *w)
{
    return w->is_source_alive && tt_source_may_run(w->source);
}

static bool may_target_run(const struct world *w)
{
    return w->is_target_alive && w->has_place && w->target == TT_TARGET_HAS;
}

static void die_source(struct world *w)
{
    w->is_source_alive = false;
    memset(&w->queues[TO_SOURCE], 0, sizeof(struct queue));
    send(w, BETWEEN, BROKEN);
    send(w, FROM_SOURCE, DIED);
}

static void die_target(struct world *w)
{
    w->is_target_alive = false;
    w->has_place = false;
    memset(&w->queues[TO_TARGET], 0, sizeof(struct queue));
    memset(&w->queues[BETWEEN], 0, sizeof(struct queue));
    send(w, FROM_TARGET, DIED);
}

static void perform(struct world *w, const struct tt_move_actions *actions)
{
    for (uint32_t n = 0; n < actions->count; n++) {
        const struct tt_move_action *action = &actions->list[n];

        switch (action->verb) {
        case TT_MOVE_PREPARE:
            send(w, TO_TARGET, PREPARE);
            break;
        case TT_MOVE_SEND_ROUND:
            send(w, TO_SOURCE, ROUND);
            break;
        case TT_MOVE_SEND_CUT:
            send(w, TO_SOURCE, CUT);
            break;
        case TT_MOVE_RESUME:
            send(w, TO_SOURCE, RESUME);
            break;
        case TT_MOVE_RETIRE:
            send(w, TO_SOURCE, RETIRE);
            break;
        case TT_MOVE_DISCARD:
            send(w, TO_TARGET, DISCARD);
            break;
        case TT_MOVE_KILL_TARGET:
            if (w->is_target_alive)
                die_target(w);
            break;
        case TT_MOVE_TIMER:
            break;
        case TT_MOVE_END:
            CHECK(action->where == TT_MOVE_AT_TARGET || action->reason[0] != '\0');
            CHECK_INT(n, actions->count - 1);
            w->where = (uint8_t)action->where;
            break;
        }
    }
}

static void step(struct world *w, enum tt_move_event_kind kind, uint32_t pages)
{
    struct tt_move move = {.params = params,
                           .state = w->phase,
                           .rounds = w->rounds,
                           .is_source_dead = w->is_source_dead,
                           .is_cut = w->is_cut,
                           .limit_ns = 1,
                           .reason = "before"};
    struct tt_move_actions actions;

    tt_move_step(&move, &(struct tt_move_event){.kind = kind, .pages = pages},
                 kind == TT_MOVE_TICK ? 1 : 0, &actions);
    w->phase = (uint8_t)move.state;
    w->rounds = (uint8_t)move.rounds;
    w->is_source_dead = move.is_source_dead;
    w->is_cut = move.is_cut;
    perform(w, &actions);
}

static void begin(struct world *w)
{
    struct tt_move move;
    struct tt_move_actions actions;

    tt_move_begin(&move, &params, 0, &actions);
    w->phase = (uint8_t)move.state;
    perform(w, &actions);
}

/* way: what the source's stream turns out to be like. */
static void source_hears(struct world *w, uint32_t way)
{
    switch (receive(&w->queues[TO_SOURCE])) {
    case ROUND:
        if (way == 2)
            send(w, FROM_SOURCE, FAILED);
        else
            send(w, BETWEEN, way == 1 ? PAGES_MANY : PAGES_FEW);
        break;
    case CUT:
        w->source = (uint8_t)tt_source_order(w->source, TT_SOURCE_ON_CUT);
        break;
    case RESUME:
        w->source = (uint8_t)tt_source_order(w->source, TT_SOURCE_ON_RESUME);
        break;
    case RETIRE:
        w->source = (uint8_t)tt_source_order(w->source, TT_SOURCE_ON_RETIRE);
        break;
    default:
        CHECK(!"a message of somebody else's");
    }
}

static void target_does(struct world *w, enum tt_target_event event)
{
    enum tt_target_state state = w->target;
    enum tt_move_event_kind told = tt_target_step(&state, event);

    w->target = (uint8_t)state;
    if (told != 0)
        send(w, FROM_TARGET, told == TT_MOVE_TOOK ? TOOK : GAVE_UP);
}

static void target_hears(struct world *w, uint32_t from, uint32_t way)
{
    enum message message = receive(&w->queues[from]);

    switch (message) {
    case PREPARE:
        w->has_place = true;
        send(w, FROM_TARGET, READY);
        break;
    case DISCARD:
        target_does(w, TT_TARGET_ON_DISCARD);
        break;
    case PAGES_MANY:
    case PAGES_FEW:
        if (w->target == TT_TARGET_FILLING)
            send(w, FROM_TARGET, message == PAGES_MANY ? ACKED_MANY : ACKED_FEW);
        break;
    case STATE:
        target_does(w, way == 1 ? TT_TARGET_ON_BROKEN : TT_TARGET_ON_CUT);
        break;
    case BROKEN:
        if (w->has_place)
            target_does(w, TT_TARGET_ON_BROKEN);
        break;
    default:
        CHECK(!"a message of somebody else's");
    }
}

static void tactusd_hears(struct world *w, uint32_t from)
{
    switch (receive(&w->queues[from])) {
    case READY:
        step(w, TT_MOVE_READY, 0);
        break;
    case ACKED_MANY:
        step(w, TT_MOVE_ACKED, 1000);
        break;
    case ACKED_FEW:
        step(w, TT_MOVE_ACKED, 3);
        break;
    case TOOK:
        step(w, TT_MOVE_TOOK, 0);
        break;
    case GAVE_UP:
        step(w, TT_MOVE_GAVE_UP, 0);
        break;
    case FAILED:
        step(w, TT_MOVE_SOURCE_FAILED, 0);
        break;
    case DIED:
        step(w, from == FROM_SOURCE ? TT_MOVE_SOURCE_DIED : TT_MOVE_TARGET_DIED, 0);
        break;
    default:
        CHECK(!"a message of somebody else's");
    }
}

enum choice_kind { HEAR, SOURCE_RUNS, TARGET_RUNS, TICK, KILL_SOURCE, KILL_TARGET, CANCEL, ANEW };

struct choice {
    enum choice_kind kind;
    uint32_t queue, way;
};

/* After the move: where it should be there is nothing, or nobody: supervision starts it there. */
static bool wants_start(const struct world *w)
{
    const struct tt_move move = {.state = w->phase};

    if (!tt_move_may_restart(&move) || w->is_running_alone)
        return false;
    switch ((enum tt_move_where)w->where) {
    case TT_MOVE_AT_SOURCE:
        return !w->is_source_alive;
    case TT_MOVE_AT_TARGET:
        return !w->is_target_alive;
    default:
        return true;
    }
}

static uint32_t choices_of(const struct world *w, uint32_t last, struct choice *ret)
{
    uint32_t count = 0;

    for (uint32_t n = 0; n < QUEUE_COUNT; n++) {
        enum message first = w->queues[n].list[0];
        uint32_t ways = first == ROUND ? 3 : first == STATE ? 2 : 1;

        for (uint32_t way = 0; w->queues[n].count > 0 && way < ways; way++)
            ret[count++] = (struct choice){HEAR, n, way};
    }
    if (may_source_run(w) && w->next < last)
        ret[count++] = (struct choice){.kind = SOURCE_RUNS};
    else if (w->is_source_alive && w->source == TT_SOURCE_CUTTING) /* idle, and cut all the same */
        ret[count++] = (struct choice){.kind = SOURCE_RUNS};
    if (may_target_run(w) && w->next < last)
        ret[count++] = (struct choice){.kind = TARGET_RUNS};
    if (wants_start(w) || (w->is_running_alone && w->next < last))
        ret[count++] = (struct choice){.kind = ANEW};
    if (!is_over(w)) /* late, or early: no clock is trusted */
        ret[count++] = (struct choice){.kind = TICK};
    if (w->deaths_left > 0 && w->is_source_alive)
        ret[count++] = (struct choice){.kind = KILL_SOURCE};
    if (w->deaths_left > 0 && w->is_target_alive)
        ret[count++] = (struct choice){.kind = KILL_TARGET};
    if (w->cancels_left > 0 && !is_over(w))
        ret[count++] = (struct choice){.kind = CANCEL};
    CHECK(count <= CHOICES_MAX);
    return count;
}

/* Only one place is active, whenever anything is written. */
static void write_next(struct world *w, uint32_t last)
{
    CHECK_INT(may_source_run(w) + may_target_run(w) + w->is_running_alone, 1);
    if (w->next < last)
        w->next++;
}

static void source_runs(struct world *w, uint32_t last)
{
    enum tt_source_state state = w->source;

    if (tt_source_boundary(&state)) {
        w->source = (uint8_t)state;
        send(w, BETWEEN, STATE);
        return;
    }
    write_next(w, last);
}

static void do_choice(struct world *w, struct choice choice, uint32_t last)
{
    switch (choice.kind) {
    case HEAR:
        if (choice.queue == TO_SOURCE)
            source_hears(w, choice.way);
        else if (choice.queue == TO_TARGET || choice.queue == BETWEEN)
            target_hears(w, choice.queue, choice.way);
        else
            tactusd_hears(w, choice.queue);
        break;
    case SOURCE_RUNS:
        source_runs(w, last);
        break;
    case TARGET_RUNS:
        write_next(w, last);
        break;
    case TICK:
        step(w, TT_MOVE_TICK, 0);
        break;
    case KILL_SOURCE:
        w->deaths_left--;
        die_source(w);
        break;
    case KILL_TARGET:
        w->deaths_left--;
        die_target(w);
        break;
    case CANCEL:
        w->cancels_left--;
        step(w, TT_MOVE_CANCEL, 0);
        break;
    case ANEW:
        w->is_running_alone = true;
        write_next(w, last);
        break;
    }
    CHECK(may_source_run(w) + may_target_run(w) + w->is_running_alone <= 1);
}

static bool has_ended_well(const struct world *w, uint32_t last)
{
    return is_over(w) && w->next == last;
}

/* With nobody dying any more, each message heard, and the timer when nothing else happens. */
static void comes_to_an_end(struct world w, uint32_t last)
{
    struct choice choices[CHOICES_MAX];

    w.deaths_left = w.cancels_left = 0;
    for (uint32_t n = 0; n < 200 && !has_ended_well(&w, last); n++) {
        uint32_t count = choices_of(&w, last, choices), chosen = 0;

        CHECK(count > 0);
        while (chosen + 1 < count && choices[chosen].kind == TICK)
            chosen++;
        do_choice(&w, choices[chosen], last);
    }
    CHECK(has_ended_well(&w, last));
}

static const struct world fresh = {.is_source_alive = true, .is_target_alive = true};

/* --- every order --- */

static void every_order_is_safe(void)
{
    struct choice choices[CHOICES_MAX];
    uint32_t ends[3] = {0};
    struct world w = fresh;
    struct seen seen;

    seen_open(&seen, sizeof(w), STATES_MAX);
    w.deaths_left = 2;
    w.cancels_left = 1;
    begin(&w);
    CHECK(seen_add(&seen, &w));
    for (uint32_t n = 0; n < seen.count; n++) {
        struct world from;
        uint32_t count;

        memcpy(&from, seen_at(&seen, n), sizeof(from));
        count = choices_of(&from, INDICES, choices);
        if (is_over(&from))
            ends[from.where]++;
        comes_to_an_end(from, INDICES);
        for (uint32_t i = 0; i < count; i++) {
            w = from;
            do_choice(&w, choices[i], INDICES);
            (void)seen_add(&seen, &w);
        }
    }
    fprintf(stderr, "  %u states; ended at the source %u, the target %u, lost with the source %u\n",
            seen.count, ends[0], ends[1], ends[2]);
    CHECK(ends[0] > 0 && ends[1] > 0 && ends[2] > 0);
    seen_close(&seen);
}

/* --- many moves, from seeds --- */

static uint64_t random_state;

static uint32_t below(uint32_t count)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u; /* Knuth's MMIX */
    return (uint32_t)(random_state >> 33) % count;
}

static bool is_quiet(const struct world *w)
{
    for (uint32_t n = 0; n < QUEUE_COUNT; n++)
        if (w->queues[n].count > 0)
            return false;
    return true;
}

/* What is not likely is left out mostly: deaths, early timers, cancelled moves. */
static bool is_unlikely(enum choice_kind kind)
{
    return kind == TICK || kind == KILL_SOURCE || kind == KILL_TARGET || kind == CANCEL;
}

static uint32_t moved;

static void one_seed(uint64_t seed)
{
    struct choice choices[CHOICES_MAX];
    uint32_t last = 120;
    struct world w = fresh;

    random_state = seed;
    for (uint32_t round = 0; w.next < last && round < 20; round++) {
        uint32_t next = w.next;

        w = fresh;
        w.next = next;
        w.deaths_left = below(3) == 0 ? 2 : 0;
        w.cancels_left = below(6) == 0;
        begin(&w);
        for (uint32_t turn = 0; turn < 400 && !(is_over(&w) && is_quiet(&w)); turn++) {
            uint32_t count = choices_of(&w, last, choices);
            struct choice choice;

            if (count == 0)
                break;
            choice = choices[below(count)];
            if (!is_unlikely(choice.kind) || below(10) == 0)
                do_choice(&w, choice, last);
        }
        moved += is_over(&w) && w.where == TT_MOVE_AT_TARGET;
        comes_to_an_end(w, last);
    }
}

static void a_thousand_seeds_are_safe(void)
{
    moved = 0;
    for (uint64_t seed = 1; seed <= 1000; seed++)
        one_seed(seed);
    fprintf(stderr, "  %u moves came to the target\n", moved);
    CHECK(moved > 1000);
}

/* --- by hand --- */

static struct tt_move move;
static struct tt_move_actions out;

static void tell(enum tt_move_event_kind kind, uint32_t pages, int64_t now_ns)
{
    tt_move_step(&move, &(struct tt_move_event){.kind = kind, .pages = pages}, now_ns, &out);
}

static void rounds_end_when_little_is_left(void)
{
    struct tt_move_params given = {
        .rounds_max = 9, .pages_enough = 16, .step_ns = 1000, .cut_ns = 50};

    tt_move_begin(&move, &given, 100, &out);
    CHECK_INT(out.list[0].verb, TT_MOVE_PREPARE);
    CHECK_INT(out.list[1].at_ns, 1100);
    tell(TT_MOVE_READY, 0, 200);
    CHECK_INT(out.list[0].verb, TT_MOVE_SEND_ROUND);
    tell(TT_MOVE_ACKED, 4096, 300);
    CHECK_INT(out.list[0].verb, TT_MOVE_SEND_ROUND);
    tell(TT_MOVE_ACKED, 16, 400);
    CHECK_INT(out.list[0].verb, TT_MOVE_SEND_CUT);
    CHECK_INT(out.list[1].at_ns, 450);
    tell(TT_MOVE_TOOK, 0, 420);
    CHECK_INT(out.list[0].verb, TT_MOVE_RETIRE);
    CHECK_INT(out.list[1].where, TT_MOVE_AT_TARGET);
    tell(TT_MOVE_TICK, 0, 5000);
    CHECK_INT(out.count, 0);
}

/* Who stands still too long is not let go on before the target said that it has nothing. */
static void a_late_cut_asks_the_target_first(void)
{
    tt_move_begin(&move, &params, 0, &out);
    tell(TT_MOVE_READY, 0, 0);
    tell(TT_MOVE_ACKED, 0, 0);
    CHECK_INT(out.list[0].verb, TT_MOVE_SEND_CUT);
    tell(TT_MOVE_TICK, 0, 1);
    CHECK_INT(out.count, 2);
    CHECK_INT(out.list[0].verb, TT_MOVE_DISCARD);
    tell(TT_MOVE_TICK, 0, 2);
    CHECK_INT(out.list[0].verb, TT_MOVE_KILL_TARGET);
    tell(TT_MOVE_TARGET_DIED, 0, 3);
    CHECK_INT(out.list[0].verb, TT_MOVE_RESUME);
    CHECK_INT(out.list[1].where, TT_MOVE_AT_SOURCE);
    CHECK_TEXT(out.list[1].reason, "it did not reach a boundary in time");
}

int main(void)
{
    RUN(rounds_end_when_little_is_left);
    RUN(a_late_cut_asks_the_target_first);
    RUN(every_order_is_safe);
    RUN(a_thousand_seeds_are_safe);
    return 0;
}
