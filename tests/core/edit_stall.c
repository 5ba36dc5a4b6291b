/* A component has moved, or is about to, and its new worker gets no CPU: what waits for it at home
 * takes no frame of those that stayed. */
#include "core/inside.h"
#include "edit_world.h"

enum { FRAMES = 200 };

static struct world world;
static struct mover mover;
static uint32_t mover_part, mover_sink, beside, other_sink;

/* source ! moving ! sink, source ! sink beside it; source ! count ! sink. */
static void begin(enum part_kind kind, uint64_t seed)
{
    uint32_t source, count;

    world_init(&world, seed);
    source = world_part(&world, PART_SOURCE, 0);
    mover_part = world_part(&world, kind, 0);
    mover_sink = world_part(&world, PART_SINK, 0);
    beside = world_part(&world, PART_SINK, 0);
    world_wire(&world, source, mover_part);
    world_wire(&world, source, beside);
    world_wire(&world, mover_part, mover_sink);
    source = world_part(&world, PART_SOURCE, 0);
    count = world_part(&world, PART_COUNT, 0);
    other_sink = world_part(&world, PART_SINK, 0);
    world_wire(&world, source, count);
    world_wire(&world, count, other_sink);
    /* What the link may have and what waits for it, and what the others write and read at one
     * time: less than the wiring counts, for nobody else here lets anything wait. */
    world.slot_count[0] = world_room(&world, &world.wires[0]) + 3;
    world.parts[mover_part].may_lose = world.parts[mover_sink].may_lose = true;
    world_open(&world, TT_MODE_LIVE, FRAMES * 10 * MS);
    world_pass(&world, 95 * MS);
}

static void stall(struct world *of)
{
    of->is_stalled[1] = true;
    world_pass(of, 700 * MS);
    of->is_stalled[1] = false;
}

static uint32_t count_on_time(uint32_t part)
{
    uint32_t count = 0;

    for (uint32_t n = 0; n < world.sides[0].record_count; n++) {
        const struct tt_record *record = &world.sides[0].records[n];

        count += record->kind == TT_RECORD_FRAME && record->outcome == TT_ON_TIME &&
                 record->sink == (uint32_t)world.parts[part].sink;
    }
    return count;
}

static void end(void)
{
    while (world_step(&world))
        ;
    CHECK_INT(count_on_time(beside), FRAMES);
    CHECK_INT(count_on_time(other_sink), FRAMES);
    CHECK_INT(world.parts[other_sink].next_index, FRAMES);
    /* It has lost about as many as came meanwhile, and goes on behind them. */
    CHECK(count_on_time(mover_sink) > FRAMES - 80);
    CHECK(count_on_time(mover_sink) < FRAMES - 50);
    CHECK_INT(world.parts[mover_sink].next_index, FRAMES);
    for (uint32_t n = 0; n < SIDES; n++) {
        tt_engine_stop(world.sides[n].engine);
        world_ring(&world, n);
    }
    while (world_step(&world))
        ;
    world_fini(&world);
}

static void who_has_moved_may_stall(enum part_kind kind)
{
    begin(kind, 1);
    mover_prepare(&mover, &world, mover_part, kind == PART_CODEC);
    CHECK(mover_move(&mover));
    world_pass(&world, 100 * MS);
    stall(&world);
    end();
}

static void who_is_about_to_begin_may_stall(enum part_kind kind)
{
    begin(kind, 2);
    mover_prepare(&mover, &world, mover_part, kind == PART_CODEC);
    mover.at_cut = stall;
    CHECK(mover_move(&mover));
    end();
}

/* It comes home: what it wrote elsewhere waits for home, which may stall as well. */
static void both_may_stall_in_turn(void)
{
    begin(PART_COUNT, 3);
    mover_prepare(&mover, &world, mover_part, false);
    mover.at_cut = stall;
    CHECK(mover_move(&mover));
    mover_prepare(&mover, &world, mover_part, false);
    CHECK(mover_move(&mover));
    end();
}

int main(void)
{
    who_has_moved_may_stall(PART_COUNT);
    who_has_moved_may_stall(PART_PASS);
    who_has_moved_may_stall(PART_CODEC);
    who_is_about_to_begin_may_stall(PART_COUNT);
    who_is_about_to_begin_may_stall(PART_PASS);
    who_is_about_to_begin_may_stall(PART_CODEC);
    both_may_stall_in_turn();
    return 0;
}
