/* Build-up and restart in every order: all interleavings of what a service's processes do, say and
 * hear, with a death of any of them at any step, limits that pass meanwhile, and the user's stops.
 * Never are there two of one process, never is an index written twice or left out unseen, and from
 * everywhere it comes to an end. Then random ones that go on for longer. */
#include "orders.h"

#include "check.h"
#include "support/seen.h"

enum { SEEDS = CHECK_TURNS(1000), STATES_MAX = 1 << 18, DEEP_STATES_MAX = 1 << 23 };

static const struct service_kind kinds[] = {
    {.name = "live, in three processes",
     .process_count = 3,
     .container_count = 1,
     .sources = 1u << 1,
     .is_live = true,
     .last_index = 1,
     .sink_count = 1,
     .sinks = {{0, 2}}},
    {.name = "live, without edges",
     .process_count = 1,
     .container_count = 1,
     .is_live = true,
     .last_index = 2,
     .sink_count = 1,
     .sinks = {{0, ORDERS_NONE}}},
    {.name = "live, in two containers",
     .process_count = 3,
     .container_count = 2,
     .sources = 1u << 2,
     .is_live = true,
     .last_index = 1,
     .sink_count = 2,
     .sinks = {{1, ORDERS_NONE}, {0, ORDERS_NONE}}},
    {.name = "live, with a spare container",
     .process_count = 2,
     .container_count = 2,
     .spares = 1,
     .is_live = true,
     .last_index = 1,
     .sink_count = 1,
     .sinks = {{0, ORDERS_NONE}}},
    {.name = "without a clock",
     .process_count = 3,
     .container_count = 1,
     .sources = 1u << 1,
     .last_index = 1,
     .sink_count = 1,
     .sinks = {{0, 2}}},
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

/* Deaths, timers that fire and stops: the most there are, in a few seconds or in minutes. */
static const struct {
    uint8_t deaths, ticks, stops, moves;
} bounds[KINDS] = {{1, 1, 1, 0}, {2, 3, 1, 0}, {1, 1, 1, 0}, {1, 1, 1, 3}, {1, 1, 1, 0}},
  deep_bounds[KINDS] = {{2, 2, 1, 0}, {4, 8, 2, 0}, {2, 2, 1, 0}, {2, 2, 1, 5}, {2, 2, 1, 0}};

/* How each world came about, to be told when something is not so. */
static struct step {
    uint32_t from;
    struct choice choice;
} * steps, last;

static bool is_searching;

static void tell_choice(struct choice choice)
{
    fprintf(stderr, "    process %u, sink %u: %s\n", choice.process, choice.sink,
            world_choice_name(choice.kind));
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
}

/* What who does not answer any more leaves out. */
static bool is_mute(enum choice_kind kind, uint32_t mute)
{
    return (mute >= 1 && kind == CHOICE_PRIMED) || (mute >= 2 && kind == CHOICE_READY);
}

/* With nobody dying any more but who is killed, and the timer when nothing else happens. */
static void comes_to_an_end(struct world w, const struct service_kind *kind, uint32_t mute)
{
    struct choice choices[ORDERS_CHOICES];

    w.deaths_left = w.stops_left = w.moves_left = 0;
    for (uint32_t n = 0; n < 400 && !w.has_ended; n++) {
        uint32_t count, chosen = 0;

        w.ticks_left = 1;
        count = world_choices(&w, kind, choices);
        while (chosen < count &&
               (choices[chosen].kind == CHOICE_TICK || is_mute(choices[chosen].kind, mute)))
            chosen++;
        for (uint32_t c = 0; c < count && chosen == count; c++)
            if (choices[c].kind == CHOICE_TICK)
                chosen = c;
        CHECK(chosen < count); /* or nothing would ever happen again */
        world_do(&w, kind, choices[chosen]);
    }
    CHECK(w.has_ended);
}

static void go_on_from(struct seen *seen, uint32_t number, const struct service_kind *kind,
                       uint64_t *step_count)
{
    struct choice choices[ORDERS_CHOICES];
    uint32_t count;
    struct world w;

    memcpy(&w, seen_at(seen, number), sizeof(w));
    last = (struct step){number, {CHOICE_CLOCK, 0, 0}};
    for (uint32_t mute = 0; mute < 3; mute++)
        comes_to_an_end(w, kind, mute);
    count = world_choices(&w, kind, choices);
    for (uint32_t c = 0; c < count; c++) {
        memcpy(&w, seen_at(seen, number), sizeof(w));
        last = (struct step){number, choices[c]};
        world_do(&w, kind, choices[c]);
        if (seen_add(seen, &w))
            steps[seen->count - 1] = last;
    }
    *step_count += count;
}

static void try_kind(const struct service_kind *kind, uint32_t states_max)
{
    uint64_t step_count = 0;
    uint32_t ends = 0;
    struct seen seen;
    struct world w;

    seen_open(&seen, sizeof(w), states_max);
    steps = calloc(states_max, sizeof(*steps));
    CHECK(steps != NULL);
    world_begin(&w, kind);
    CHECK(seen_add(&seen, &w));
    is_searching = true;
    for (uint32_t n = 0; n < seen.count; n++) {
        ends += ((const struct world *)seen_at(&seen, n))->has_ended;
        go_on_from(&seen, n, kind, &step_count);
    }
    is_searching = false;
    fprintf(stderr, "  %s: %u states, %llu steps, %u ends\n", kind->name, seen.count,
            (unsigned long long)step_count, ends);
    CHECK(ends > 0);
    seen_close(&seen);
    free(steps);
}

static void try_all(bool is_deep)
{
    for (uint32_t n = 0; n < KINDS; n++) {
        struct service_kind kind = kinds[n];

        kind.deaths = is_deep ? deep_bounds[n].deaths : bounds[n].deaths;
        kind.ticks = is_deep ? deep_bounds[n].ticks : bounds[n].ticks;
        kind.stops = is_deep ? deep_bounds[n].stops : bounds[n].stops;
        kind.moves = is_deep ? deep_bounds[n].moves : bounds[n].moves;
        try_kind(&kind, is_deep ? DEEP_STATES_MAX : STATES_MAX);
    }
}

static void every_order_is_safe(void)
{
    try_all(false);
}

static void every_order_is_safe_for_longer(void)
{
    try_all(true);
}

/* --- longer lives, from seeds --- */

static uint64_t random_state;

static uint32_t below(uint32_t count)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u; /* Knuth's MMIX */
    return (uint32_t)(random_state >> 33) % count;
}

static uint64_t restarts, ended_well, ended_badly;

/* What is not likely is left out mostly, or nothing would ever run. */
static bool is_let_be(enum choice_kind kind)
{
    return kind >= CHOICE_TICK && below(kind == CHOICE_TICK ? 3 : 40) != 0;
}

static void one_seed(uint64_t seed)
{
    struct service_kind kind = kinds[seed % KINDS];
    struct world w;

    random_state = seed;
    kind.last_index = 5 + below(60);
    kind.deaths = (uint8_t)below(12);
    kind.ticks = 200;
    kind.stops = (uint8_t)below(3);
    kind.moves = (uint8_t)(kind.spares > 0 ? below(20) : 0);
    world_begin(&w, &kind);
    for (uint32_t turn = 0; turn < 2000 && !w.has_ended; turn++) {
        struct choice choices[ORDERS_CHOICES];
        uint32_t count = world_choices(&w, &kind, choices);
        struct choice choice = choices[below(count)];

        if (is_let_be(choice.kind) && count > 1)
            continue;
        restarts += choice.kind == CHOICE_KILLED || choice.kind == CHOICE_DIES;
        world_do(&w, &kind, choice);
    }
    comes_to_an_end(w, &kind, (uint32_t)(seed % 3));
    ended_well += w.has_ended && w.is_ok;
    ended_badly += w.has_ended && !w.is_ok;
}

static void a_thousand_seeds_are_safe(void)
{
    restarts = ended_well = ended_badly = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        one_seed(seed);
    fprintf(stderr, "  %llu deaths; %llu ended well, %llu gave up or were refused\n",
            (unsigned long long)restarts, (unsigned long long)ended_well,
            (unsigned long long)ended_badly);
    CHECK(restarts > SEEDS && ended_well > SEEDS / 4 && ended_badly > SEEDS / 20);
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
    return 0;
}
