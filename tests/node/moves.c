/* A move and all that tactusd does around it in every order: words heard late, after a death or
 * never, either container dying, ended or started anew at any step, the user's stop, limits that
 * pass, reservations that are refused. Never may two run it, never is an index written twice or
 * left out, what was raised is lowered once, and from everywhere it comes to an end with the
 * component in the one place where tactusd has it. Then random ones that go on for longer. */
#include "moves.h"

#include "check.h"
#include "support/seen.h"

enum { SEEDS = 1000, STATES_MAX = 1 << 18, DEEP_STATES_MAX = 1 << 24 };

static const struct moves_kind kinds[] = {
    {.name = "a component's state goes along",
     .last_index = 1,
     .moves = 1,
     .deaths = 1,
     .ticks = 1},
    {.name = "make before break",
     .is_fresh = true,
     .last_index = 1,
     .moves = 1,
     .deaths = 1,
     .ticks = 1},
    {.name = "the user stops", .last_index = 1, .moves = 1, .stops = 1, .ticks = 1},
    {.name = "to a spare container and back", .is_spare = true, .moves = 2, .ticks = 1},
    {.name = "a spare container, a guest and a death",
     .is_spare = true,
     .last_index = 1,
     .moves = 1,
     .deaths = 1,
     .ticks = 1,
     .visits = 2,
     .refusals = 1},
};

static const struct moves_kind deep_kinds[] = {
    {.name = "two deaths and a refusal",
     .last_index = 1,
     .moves = 1,
     .deaths = 2,
     .ticks = 2,
     .refusals = 1},
    {.name = "make before break, two deaths",
     .is_fresh = true,
     .last_index = 1,
     .moves = 1,
     .deaths = 2,
     .ticks = 2},
    {.name = "a spare container and a guest, to and fro, and a death",
     .is_spare = true,
     .moves = 2,
     .deaths = 1,
     .ticks = 1,
     .visits = 2,
     .refusals = 1},
    {.name = "to and fro, and a death",
     .last_index = 1,
     .moves = 2,
     .deaths = 1,
     .ticks = 1,
     .refusals = 1},
    {.name = "a death and the user's stops",
     .last_index = 1,
     .moves = 1,
     .deaths = 1,
     .stops = 2,
     .ticks = 2},
};

/* How each world came about, to be told when something is not so. */
static struct step {
    uint32_t from;
    struct moves_choice choice;
} * steps, last;

static bool is_searching;
static uint64_t seed_now; /* 0: none */

enum { TOLD = 60 };
static struct moves_choice trail[TOLD]; /* of a seed, in a ring */
static uint32_t trail_count;

static void tell_choice(struct moves_choice choice)
{
    fprintf(stderr, "    container %u: %s, way %u\n", choice.body, moves_choice_name(choice.kind),
            choice.way);
}

static void tell_way(void)
{
    uint32_t way[1000], count = 0;

    for (uint32_t n = last.from; is_searching && n != 0 && count < 1000; n = steps[n].from)
        way[count++] = n;
    while (count-- > 0)
        tell_choice(steps[way[count]].choice);
    if (is_searching)
        tell_choice(last.choice);
    if (seed_now != 0)
        fprintf(stderr, "    seed %llu, its last steps:\n", (unsigned long long)seed_now);
    for (uint32_t n = trail_count > TOLD ? trail_count - TOLD : 0; seed_now && n < trail_count; n++)
        tell_choice(trail[n % TOLD]);
}

/* With nobody dying any more but who is killed; is_mute: who has a part in a move says and does
 * nothing of it any more. */
static void comes_to_an_end(struct moves_world w, const struct moves_kind *kind, bool is_mute)
{
    struct moves_choice choices[MOVES_CHOICES];

    w.deaths_left = w.stops_left = w.moves_left = 0;
    for (uint32_t n = 0; n < 400; n++) {
        uint32_t count, chosen = 0;

        w.ticks_left = 1;
        count = moves_choices(&w, kind, choices);
        while (chosen < count && (choices[chosen].kind >= MOVES_MOVE_TICK ||
                                  (is_mute && w.move.is_on &&
                                   (choices[chosen].kind == MOVES_HEAR_ORDER ||
                                    choices[chosen].kind == MOVES_HEAR_STREAM ||
                                    choices[chosen].kind == MOVES_BEGINS))))
            chosen++;
        for (uint32_t c = 0; c < count && chosen == count; c++)
            if (choices[c].kind >= MOVES_MOVE_TICK)
                chosen = c;
        if (chosen == count)
            break;
        moves_do(&w, kind, choices[chosen]);
    }
    CHECK(moves_is_at_rest(&w, kind, is_mute));
}

static void go_on_from(struct seen *seen, uint32_t number, const struct moves_kind *kind,
                       uint64_t *step_count)
{
    struct moves_choice choices[MOVES_CHOICES];
    struct moves_world w;
    uint32_t count;

    memcpy(&w, seen_at(seen, number), sizeof(w));
    last = (struct step){number, {MOVES_CHOICE_COUNT - 1, 0, 0}};
    comes_to_an_end(w, kind, false);
    comes_to_an_end(w, kind, true);
    count = moves_choices(&w, kind, choices);
    for (uint32_t c = 0; c < count; c++) {
        memcpy(&w, seen_at(seen, number), sizeof(w));
        last = (struct step){number, choices[c]};
        moves_do(&w, kind, choices[c]);
        if (seen_add(seen, &w))
            steps[seen->count - 1] = last;
    }
    *step_count += count;
}

static void try_kind(const struct moves_kind *kind, uint32_t states_max)
{
    uint64_t step_count = 0;
    uint32_t ends[2] = {0};
    struct moves_world w;
    struct seen seen;

    seen_open(&seen, sizeof(w), states_max);
    steps = calloc(states_max, sizeof(*steps));
    CHECK(steps != NULL);
    moves_begin(&w, kind);
    CHECK(seen_add(&seen, &w));
    is_searching = true;
    for (uint32_t n = 0; n < seen.count; n++) {
        memcpy(&w, seen_at(&seen, n), sizeof(w));
        if (moves_is_at_rest(&w, kind, false))
            ends[w.place[MOVES_SELF] != MOVES_HOME]++;
        go_on_from(&seen, n, kind, &step_count);
    }
    is_searching = false;
    fprintf(stderr, "  %s: %u states, %llu steps; %u at rest at home, %u away\n", kind->name,
            seen.count, (unsigned long long)step_count, ends[0], ends[1]);
    CHECK(ends[0] > 0 && ends[1] > 0);
    seen_close(&seen);
    free(steps);
}

static void every_order_is_safe(void)
{
    for (uint32_t n = 0; n < sizeof(kinds) / sizeof(kinds[0]); n++)
        try_kind(&kinds[n], STATES_MAX);
}

static void every_order_is_safe_for_longer(void)
{
    for (uint32_t n = 0; n < sizeof(deep_kinds) / sizeof(deep_kinds[0]); n++)
        try_kind(&deep_kinds[n], DEEP_STATES_MAX);
}

/* --- longer lives, from seeds --- */

static uint64_t random_state;

static uint32_t below(uint32_t count)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u; /* Knuth's MMIX */
    return (uint32_t)(random_state >> 33) % count;
}

static uint64_t moves, deaths;

/* What is not likely is left out mostly, or nothing would ever move. */
static bool is_let_be(struct moves_choice choice)
{
    if (choice.kind == MOVES_DIES || choice.kind == MOVES_STOP)
        return below(60) != 0;
    if (choice.kind == MOVES_HEAR_STREAM || choice.kind == MOVES_HEAR_ORDER)
        return choice.way > 0 && below(8) != 0;
    return choice.kind == MOVES_MOVE_TICK && below(20) != 0;
}

static void one_seed(uint64_t seed)
{
    const struct moves_kind kind = {.name = "a seed",
                                    .is_fresh = seed % 3 == 0,
                                    .is_spare = seed % 2 == 0,
                                    .last_index = 100,
                                    .moves = 40,
                                    .deaths = (uint8_t)(seed % 7),
                                    .stops = seed % 5 == 0,
                                    .ticks = 200,
                                    .refusals = 3,
                                    .visits = 40};
    struct moves_world w;

    random_state = seed_now = seed;
    trail_count = 0;
    moves_begin(&w, &kind);
    for (uint32_t turn = 0; turn < 3000; turn++) {
        struct moves_choice choices[MOVES_CHOICES];
        uint32_t count = moves_choices(&w, &kind, choices), place = w.place[MOVES_SELF];
        struct moves_choice choice;

        if (count == 0)
            break;
        choice = choices[below(count)];
        if (is_let_be(choice) && count > 1)
            continue;
        trail[trail_count++ % TOLD] = choice;
        deaths += choice.kind == MOVES_DIES || choice.kind == MOVES_KILLED;
        moves_do(&w, &kind, choice);
        moves += w.place[MOVES_SELF] != place;
    }
    comes_to_an_end(w, &kind, seed % 4 < 2);
}

static void a_thousand_seeds_are_safe(void)
{
    moves = deaths = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        one_seed(seed);
    seed_now = 0;
    fprintf(stderr, "  %llu moves arrived, %llu deaths\n", (unsigned long long)moves,
            (unsigned long long)deaths);
    CHECK(moves > 3 * SEEDS && deaths > SEEDS);
}

/* --- words of who does not keep to the order --- */

static uint32_t count_of(const struct move_actions *actions, enum move_verb verb)
{
    uint32_t count = 0;

    for (uint32_t n = 0; n < actions->count; n++)
        count += actions->list[n].verb == verb;
    return count;
}

static void what_is_said_too_early_or_twice_changes_nothing(void)
{
    static const enum move_event_kind words[] = {MOVE_ON_TOOK, MOVE_ON_BEGUN,   MOVE_ON_READY,
                                                 MOVE_ON_TOOK, MOVE_ON_ACKED,   MOVE_ON_TOOK,
                                                 MOVE_ON_TOOK, MOVE_ON_GAVE_UP, MOVE_ON_READY};
    const struct move_order_params params = {
        .step = {.rounds_max = 1, .step_ns = 1, .cut_ns = 1}, .end_ns = 1, .freed_ns = 5};
    uint32_t arrived = 0, lowered = 0, failed = 0;
    struct move_actions actions;
    struct move_order order;

    move_order_begin(&order, &params, 0, &actions);
    for (uint32_t n = 0; n < sizeof(words) / sizeof(words[0]); n++) {
        move_order_step(&order, &(struct move_event){.kind = words[n]}, 0, &actions);
        move_order_check(&order);
        arrived += count_of(&actions, MOVE_ARRIVE);
        lowered += count_of(&actions, MOVE_LOWER);
        failed += count_of(&actions, MOVE_FAIL);
        CHECK_INT(count_of(&actions, MOVE_ARRIVE), n == 5);
        CHECK_INT(count_of(&actions, MOVE_SEND_RETIRE), 0); /* nobody has begun */
    }
    CHECK_INT(arrived, 1);
    CHECK_INT(lowered, 1);
    CHECK_INT(failed, 0);
}

int main(int argc, char **argv)
{
    bool is_deep = argc > 1 && strcmp(argv[1], "deep") == 0;

    CHECK_INT(atexit(tell_way), 0);
    if (is_deep)
        RUN(every_order_is_safe_for_longer);
    else
        RUN(every_order_is_safe);
    RUN(a_thousand_seeds_are_safe);
    RUN(what_is_said_too_early_or_twice_changes_nothing);
    return 0;
}
