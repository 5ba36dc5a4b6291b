/* Components move between two engines that run: nothing is lost, doubled or out of order. */
#include "edit_world.h"

#include <errno.h>

/* The whole of what a run has given, and nothing left behind. */
static void check_end(struct world *world, int64_t frames, uint32_t ends)
{
    for (uint32_t n = 0; n < world->part_count; n++)
        if (world->parts[n].kind == PART_SINK) {
            CHECK_INT(world->parts[n].next_index, frames);
            CHECK_INT(world->parts[n].ends, ends);
        }
    for (uint32_t n = 0; n < SIDES; n++)
        for (uint32_t k = 0; k < world->sides[n].record_count; k++) {
            const struct tt_record *record = &world->sides[n].records[k];

            if (record->kind == TT_RECORD_FRAME)
                CHECK_INT(record->outcome, TT_ON_TIME);
        }
}

static void check_room(const struct world *world, uint32_t places)
{
    for (uint32_t n = 0; n < SIDES; n++) {
        uint32_t nodes, flows;

        tt_edit_room(world->sides[n].engine, &nodes, &flows);
        CHECK(nodes + places >= TT_EDIT_ROOM);
        CHECK(flows + places >= TT_EDIT_ROOM);
    }
}

static void stop(struct world *world)
{
    for (uint32_t n = 0; n < SIDES; n++) {
        tt_engine_stop(world->sides[n].engine);
        world_ring(world, n);
    }
    while (world_step(world))
        ;
}

static void chain(struct world *world, uint64_t seed, enum part_kind kind, int64_t frames)
{
    uint32_t source, middle, sink;

    world_init(world, seed);
    source = world_part(world, PART_SOURCE, 0);
    middle = world_part(world, kind, 0);
    sink = world_part(world, PART_SINK, 0);
    world_wire(world, source, middle);
    world_wire(world, middle, sink);
    world_open(world, TT_MODE_LIVE, frames * 10 * MS);
}

static void one_move(enum part_kind kind, bool is_break)
{
    static struct world world;
    static struct mover mover;

    chain(&world, 1, kind, 200);
    world_pass(&world, 95 * MS);
    mover_prepare(&mover, &world, 1, is_break);
    CHECK(mover_move(&mover));
    CHECK_INT(world.parts[1].side, 1);
    world_pass(&world, 200 * MS);
    mover_prepare(&mover, &world, 1, is_break);
    CHECK(mover_move(&mover));
    CHECK_INT(world.parts[1].side, 0);
    while (world_step(&world))
        ;
    check_end(&world, 200, 1);
    check_room(&world, 3);
    CHECK(world.sides[0].stats->is_ended);
    CHECK(world.sides[0].wakes > 0);
    CHECK_INT(world.parts[1].wall_events, is_break ? 3 : 1);
    stop(&world);
    world_fini(&world);
}

/* 1,000 moves of one component find room, and its state goes on. */
static void a_thousand_moves_find_room(void)
{
    static struct world world;
    static struct mover mover;

    chain(&world, 2, PART_COUNT, 1000);
    world_pass(&world, 5 * MS);
    for (uint32_t n = 0; n < 1000; n++) {
        mover_prepare(&mover, &world, 1, false);
        CHECK(mover_move(&mover));
        check_room(&world, 4);
        world_pass(&world, MS);
    }
    CHECK(world.parts[2].next_index < 1000);
    while (world_step(&world))
        ;
    check_end(&world, 1000, 1);
    stop(&world);
    world_fini(&world);
}

/* Two sources, one on each side: what they give is joined wherever the join is. */
static void a_join_moves(enum part_kind kind)
{
    static struct world world;
    static struct mover mover;
    uint32_t one, other, mix, sink;

    world_init(&world, 3);
    one = world_part(&world, PART_SOURCE, 0);
    other = world_part(&world, PART_SOURCE, 1);
    mix = world_part(&world, kind, 0);
    sink = world_part(&world, PART_SINK, 1);
    world_wire(&world, one, mix);
    world_wire(&world, other, mix);
    world_wire(&world, mix, sink);
    world_open(&world, TT_MODE_LIVE, 2000 * (int64_t)MS);
    for (uint32_t n = 0; n < 20; n++) {
        world_pass(&world, world_pick(&world, 90 * MS));
        mover_prepare(&mover, &world, mix, false);
        CHECK(mover_move(&mover));
    }
    while (world_step(&world))
        ;
    check_end(&world, 200, 1);
    stop(&world);
    world_fini(&world);
}

/* An image that came long ago, an input that is late for good: what is shown of them again and
 * again goes along, also back to where it came from. */
static void what_a_join_shows_again_goes_along(void)
{
    static const enum part_kind kinds[] = {PART_SOURCE, PART_STOP, PART_STOP, PART_STILL,
                                           PART_STILL};
    static struct world world;
    static struct mover mover;
    uint32_t wall, sources[5], moves = 0;

    world_init(&world, 10);
    for (uint32_t n = 0; n < 5; n++)
        sources[n] = world_part(&world, kinds[n], n % 2);
    wall = world_part(&world, PART_WALL, 0);
    for (uint32_t n = 0; n < 5; n++)
        world_wire(&world, sources[n], wall);
    world_wire(&world, wall, world_part(&world, PART_SINK, 1));
    world_open(&world, TT_MODE_LIVE, 2000 * (int64_t)MS);
    while (world.now_ns < world.epoch_ns + 1700 * (int64_t)MS) {
        world_pass(&world, world_pick(&world, 90 * MS));
        mover_prepare(&mover, &world, wall, false);
        if (world_pick(&world, 4) == 0) {
            mover_give_up(&mover);
            continue;
        }
        CHECK(mover_move(&mover));
        moves++;
    }
    CHECK(moves > 10);
    while (world_step(&world))
        ;
    check_end(&world, 200, 1);
    check_room(&world, 12);
    stop(&world);
    world_fini(&world);
}

static void check_levels(struct world *world, uint32_t part, uint32_t level, uint32_t one,
                         uint32_t other)
{
    uint32_t activations = world->parts[part].activations;

    world_pass(world, 50 * MS);
    CHECK(world->parts[part].activations > activations);
    CHECK_INT(world->parts[part].level, level);
    CHECK_INT(tt_engine_level(world->sides[0].engine), one);
    CHECK_INT(tt_engine_level(world->sides[1].engine), other);
}

static void swap_side(struct world *world, uint32_t part, bool is_break)
{
    static struct mover mover;

    mover_prepare(&mover, world, part, is_break);
    CHECK(mover_move(&mover));
}

/* Who comes at a level stays at it where nobody is deeper, and takes others there along; a worker
 * that nobody with levels runs on any more has none. */
static void levels_go_along(enum part_kind kind)
{
    static struct world world;
    struct tt_level_params levels[SIDES] = {{.first = 2, .floor = 3}, {.first = 0, .floor = 1}};
    uint32_t source, deep, other;
    bool is_break = kind == PART_CODEC;

    world_init(&world, 11);
    source = world_part(&world, PART_SOURCE, 0);
    deep = world_part(&world, kind, 0);
    world_wire(&world, source, deep);
    world_wire(&world, deep, world_part(&world, PART_SINK, 0));
    source = world_part(&world, PART_SOURCE, 1);
    other = world_part(&world, PART_COUNT, 1);
    world_wire(&world, source, other);
    world_wire(&world, other, world_part(&world, PART_SINK, 1));
    world.parts[deep].level_count = 3;
    world.parts[other].level_count = 1;
    world.levels = levels;
    world_open(&world, TT_MODE_LIVE, 2000 * (int64_t)MS);
    check_levels(&world, deep, 2, 2, 0);
    swap_side(&world, deep, is_break);
    check_levels(&world, deep, 2, 0, 2);
    CHECK_INT(world.parts[other].level, 1);
    swap_side(&world, other, false);
    check_levels(&world, other, 1, 1, 2);
    swap_side(&world, deep, is_break);
    check_levels(&world, deep, 2, 2, 0);
    CHECK_INT(world.parts[other].level, 1);
    while (world_step(&world))
        ;
    check_end(&world, 200, 1);
    stop(&world);
    world_fini(&world);
}

/* Between its first and its second frame of an index is no place to cut. */
static void who_has_more_to_give_gives_it_first(void)
{
    static struct world world;
    static struct mover mover;

    chain(&world, 4, PART_TWICE, 200);
    world.parts[1].state->counter = 0;
    for (uint32_t n = 0; n < 30; n++) {
        world_pass(&world, world_pick(&world, 40 * MS));
        mover_prepare(&mover, &world, 1, false);
        CHECK(mover_move(&mover));
    }
    while (world_step(&world))
        ;
    CHECK_INT(world.parts[2].next_index, 400);
    CHECK_INT(world.parts[1].state->counter, 400);
    stop(&world);
    world_fini(&world);
}

/* It runs on where it is, and the other has never been. */
static void who_keeps_a_frame_is_refused(void)
{
    static struct world world;
    static struct mover mover;

    chain(&world, 5, PART_KEEPER, 200);
    world_pass(&world, 55 * MS);
    mover_prepare(&mover, &world, 1, false);
    CHECK(!mover_move(&mover));
    CHECK_INT(world.parts[1].side, 0);
    while (world_step(&world))
        ;
    check_end(&world, 200, 1);
    check_room(&world, 0);
    stop(&world);
    world_fini(&world);
}

/* An event that waits for a later index reaches the instance that has that index. */
static void events_go_along(void)
{
    static struct world world;
    static struct mover mover;
    struct tt_event event = {.kind = TT_EVENT_PARAM};

    chain(&world, 6, PART_COUNT, 200);
    world_pass(&world, 55 * MS);
    CHECK(tt_engine_post_at(world.sides[0].engine, world.parts[1].node, &event, 100));
    world_pass(&world, 50 * MS);
    mover_prepare(&mover, &world, 1, false);
    CHECK(mover_move(&mover));
    CHECK(tt_engine_post_at(world.sides[1].engine, world.parts[1].node, &event, 101));
    world_pass(&world, 500 * MS);
    CHECK_INT(world.parts[1].param_events, 0);
    while (world_step(&world))
        ;
    CHECK_INT(world.parts[1].param_events, 2);
    stop(&world);
    world_fini(&world);
}

static bool was_away;

/* It loses the worker, is to be cut, and comes back long after. */
static void run_away(struct part *part, const struct tt_call *call)
{
    struct world *world = part->world;
    struct tt_engine *engine = world->sides[0].engine;

    if (call->index != 20)
        return;
    world->has_standby = true;
    world->now_ns += 3 * MS;
    world_ring(world, 0);
    tt_engine_on_budget(engine);
    world->has_standby = false;
    CHECK(tt_engine_take_over(engine));
    tt_edit_cut(engine, NULL);
    world_ring(world, 0);
    world_pass(world, 8 * MS);
    CHECK_INT(tt_edit_look(engine, NULL), TT_EDIT_PREPARED);
    CHECK_INT(tt_edit_calls(engine, part->node), 20); /* it has not returned from this one */
    was_away = true;
}

/* What it has begun is its own until it is back; then it is cut, and nothing is lost. */
static void who_lost_the_worker_is_cut_when_it_is_back(void)
{
    static struct world world;
    static struct mover mover;
    uint32_t source, other;

    world_init(&world, 8);
    world.budget_ns = 2 * MS;
    world.hook = run_away;
    source = world_part(&world, PART_SOURCE, 0);
    other = world_part(&world, PART_COUNT, 0);
    world_wire(&world, source, other);
    world_wire(&world, other, world_part(&world, PART_SINK, 0));
    source = world_part(&world, PART_SOURCE, 0);
    world_wire(&world, source, world_part(&world, PART_SINK, 0));
    world_open(&world, TT_MODE_LIVE, 2000 * (int64_t)MS);
    world_pass(&world, 55 * MS);
    mover_prepare(&mover, &world, other, false);
    world_pass(&world, 180 * MS);
    CHECK(was_away);
    CHECK_INT(tt_edit_look(world.sides[0].engine, NULL), TT_EDIT_CUT);
    CHECK_INT(tt_edit_calls(world.sides[0].engine, world.parts[other].node),
              world.parts[other].state->counter);
    CHECK(mover_move(&mover));
    CHECK_INT(world.sides[0].stats->nodes[1].handoffs, 1);
    while (world_step(&world))
        ;
    CHECK_INT(world.parts[other].state->counter, 200);
    stop(&world);
    world_fini(&world);
}

/* Whoever is to take it looks for the order without sleeping, for a while; then sleeps, and hears
 * of it all the same. */
static void who_is_about_to_begin_stays_awake_for_a_while(void)
{
    static struct world world;
    static struct mover mover;
    uint64_t loops;
    int64_t now_ns;

    chain(&world, 9, PART_COUNT, 200);
    world_pass(&world, 95 * MS);
    mover_prepare(&mover, &world, 1, false);
    tt_edit_order(world.sides[1].engine, TT_EDIT_ORDER_ADD);
    world_ring(&world, 1);
    CHECK_INT(world_wait(&world, 1, TT_EDIT_ADDED), TT_EDIT_ADDED);
    loops = world.sides[1].stats->loops;
    now_ns = world.now_ns;
    tt_edit_order(world.sides[1].engine, TT_EDIT_ORDER_SOON);
    world_ring(&world, 1);
    for (uint32_t n = 0; n < 500; n++)
        CHECK(world_step(&world));
    CHECK_INT(world.now_ns, now_ns); /* nobody sleeps */
    CHECK(world.sides[1].stats->loops - loops >= 400);
    world_pass(&world, 35 * MS);
    CHECK(world.now_ns > now_ns);
    CHECK(world.sides[1].stats->loops - loops < 1200);
    CHECK(mover_move(&mover));
    while (world_step(&world))
        ;
    check_end(&world, 200, 1);
    stop(&world);
    world_fini(&world);
}

static int prepare(struct world *world, const struct tt_edit_params *params, struct tt_error *err)
{
    uint32_t numbers[TT_EDIT_NODES];

    return tt_edit_prepare(world->sides[0].engine, params, numbers, err);
}

static void what_contradicts_itself_is_refused(void)
{
    static struct world world;
    static struct mover mover;
    struct tt_edit_params params = {.kind = TT_EDIT_OUT, .node = 2};
    struct tt_error err = {0};

    chain(&world, 7, PART_COUNT, 200);
    CHECK_INT(prepare(&world, &params, &err), -EOPNOTSUPP);
    CHECK(strstr(err.text, "sink of the service") != NULL);
    params.node = 1; /* its consumer would be left alone */
    CHECK_INT(prepare(&world, &params, &err), -EINVAL);
    params.node = 77;
    CHECK_INT(prepare(&world, &params, &err), -EINVAL);
    params.kind = TT_EDIT_IN;
    params.node = TT_EDIT_NEW;
    CHECK_INT(prepare(&world, &params, &err), -EINVAL);
    mover_prepare(&mover, &world, 1, false);
    CHECK_INT(prepare(&world, &params, &err), -EBUSY);
    CHECK(strstr(err.text, "another edit") != NULL);
    tt_edit_forget(world.sides[0].engine);
    tt_edit_forget(world.sides[1].engine);
    mover_finish(&mover, false);
    check_room(&world, 0);
    stop(&world);
    world_fini(&world);
}

/* Parts in a row, with branches, and a mix of sounds: any of them may be anywhere. */
static void build(struct world *world, uint64_t seed)
{
    static const enum part_kind middles[] = {PART_COUNT, PART_PASS, PART_CODEC, PART_COUNT};
    uint32_t source, last, sink;

    world_init(world, seed);
    source = last = world_part(world, PART_SOURCE, world_pick(world, 2));
    for (uint32_t n = 0, count = 1 + world_pick(world, 3); n < count; n++) {
        uint32_t middle = world_part(world, middles[world_pick(world, 4)], world_pick(world, 2));

        world_wire(world, last, middle);
        last = middle;
    }
    sink = world_part(world, PART_SINK, world_pick(world, 2));
    world_wire(world, last, sink);
    if (world_pick(world, 2)) {
        sink = world_part(world, PART_SINK, world_pick(world, 2));
        world_wire(world, world_pick(world, 2) ? source : last, sink);
    }
}

/* Two rows that a join brings together, some with an image. */
static void build_join(struct world *world, uint64_t seed)
{
    static const enum part_kind joins[] = {PART_OVER, PART_MIX, PART_WALL};
    enum part_kind kind = joins[seed / 3 % 3];
    uint32_t join, last, still = 0, ends[2];

    world_init(world, seed);
    for (uint32_t n = 0; n < 2; n++) {
        uint32_t source = world_part(world, PART_SOURCE, world_pick(world, 2));

        ends[n] =
            world_part(world, world_pick(world, 2) ? PART_COUNT : PART_PASS, world_pick(world, 2));
        world_wire(world, source, ends[n]);
    }
    if (kind == PART_WALL)
        still = world_part(world, PART_STILL, world_pick(world, 2));
    join = world_part(world, kind, world_pick(world, 2));
    world_wire(world, ends[0], join);
    world_wire(world, ends[1], join);
    last = world_part(world, PART_SINK, world_pick(world, 2));
    world_wire(world, join, last);
    if (kind != PART_WALL)
        return;
    world_wire(world, still, join);
    /* An engine of images alone has given all that it ever will, and ends. */
    world_wire(world, 0, world_part(world, PART_SINK, 1 - world->parts[last].side));
}

static uint32_t pick_middle(struct world *world)
{
    for (;;) {
        uint32_t number = world_pick(world, world->part_count);

        if (world->parts[number].kind != PART_SINK && world->parts[number].kind != PART_STILL)
            return number;
    }
}

/* Long before the End, or whenever it comes. */
static bool is_over(const struct world *world, bool is_to_end)
{
    if (is_to_end)
        return world->sides[0].stats->is_ended || world->sides[1].stats->is_ended;
    return world->now_ns > world->epoch_ns + 1700 * (int64_t)MS;
}

static void run_seed(uint64_t seed, uint32_t mode, bool is_to_end)
{
    static struct world world;
    static struct mover mover;
    uint32_t moves = 0;

    if (seed % 3 == 0)
        build_join(&world, seed);
    else
        build(&world, seed);
    world_open(&world, mode, 2000 * (int64_t)MS);
    world_pass(&world, world_pick(&world, mode == TT_MODE_LIVE ? 100 * MS : MS));
    while (!is_over(&world, is_to_end)) {
        uint32_t part = pick_middle(&world);
        bool is_break = world.parts[part].kind == PART_CODEC;

        mover_prepare(&mover, &world, part, is_break);
        if (!is_break && world_pick(&world, 4) == 0)
            mover_give_up(&mover);
        else
            moves += mover_move(&mover);
        world_pass(&world, world_pick(&world, mode == TT_MODE_LIVE ? 30 * MS : MS / 2));
    }
    while (world_step(&world))
        ;
    CHECK(moves > 5 || is_to_end);
    check_end(&world, 200, 1);
    stop(&world);
    for (uint32_t n = 0; n < SIDES; n++)
        CHECK(world.sides[n].stats->is_ended);
    world_fini(&world);
}

static void run_seeds(uint64_t first, uint64_t count)
{
    for (uint64_t seed = first; seed < first + count; seed++) {
        fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
        run_seed(seed, TT_MODE_LIVE, false);
        run_seed(seed, TT_MODE_LIVE, true);
        run_seed(seed, TT_MODE_ASAP, true);
    }
}

int main(int argc, char **argv)
{
    if (argc > 2) {
        run_seeds(strtoull(argv[1], NULL, 10), strtoull(argv[2], NULL, 10));
        return 0;
    }
    one_move(PART_COUNT, false);
    one_move(PART_PASS, false);
    one_move(PART_CODEC, true);
    a_thousand_moves_find_room();
    a_join_moves(PART_MIX);
    a_join_moves(PART_OVER);
    what_a_join_shows_again_goes_along();
    levels_go_along(PART_COUNT);
    levels_go_along(PART_CODEC);
    who_has_more_to_give_gives_it_first();
    who_keeps_a_frame_is_refused();
    events_go_along();
    who_lost_the_worker_is_cut_when_it_is_back();
    who_is_about_to_begin_stays_awake_for_a_while();
    what_contradicts_itself_is_refused();
    run_seeds(1, 25);
    return 0;
}
