/* A component moves between two real engines by the three step functions of core/move.h, and either
 * engine dies at each step of the way in turn. Never do both have it, never is an index counted
 * twice, every due index has one record where its sink lives on, and it always comes to an end. */
#include "core/move.h"

#include "edit_world.h"

enum { FRAMES = 24, TURNS_MAX = 200000, NOBODY = 2, NEVER = 1 << 30, SEEDS = 1000 };

static struct world world;
static struct mover mover;
static struct tt_move move;
static enum tt_source_state source;
static enum tt_target_state target;
static struct tt_edit_carry carry;
static bool is_dead[SIDES], is_death_told[SIDES];
static bool is_adding, is_round_asked, is_state_on_way, is_took_on_way, is_gave_up_on_way;
static int64_t timer_ns, last_counted;
static enum tt_move_where where;
static uint32_t ends[3], steps_most;

static void perform(const struct tt_move_actions *actions);

static void tell(enum tt_move_event_kind kind)
{
    struct tt_move_actions actions;

    tt_move_step(&move, &(struct tt_move_event){.kind = kind, .pages = 1}, world.now_ns, &actions);
    perform(&actions);
}

static void order(uint32_t side, enum tt_edit_order what)
{
    if (is_dead[side])
        return;
    tt_edit_order(world.sides[side].engine, what);
    world_ring(&world, side);
}

static struct tt_edit_report look(uint32_t side)
{
    struct tt_edit_report report = {0};

    if (!is_dead[side])
        (void)tt_edit_look(world.sides[side].engine, &report);
    return report;
}

/* As kill -9 would: it is not stepped any more. */
static void die(uint32_t side)
{
    is_dead[side] = true;
    world.sides[side].stats->is_ended = true;
}

static void target_hears(enum tt_target_event event)
{
    enum tt_move_event_kind told = tt_target_step(&target, event);

    if (is_dead[mover.to])
        return;
    is_took_on_way |= told == TT_MOVE_TOOK;
    is_gave_up_on_way |= told == TT_MOVE_GAVE_UP;
    if (told == TT_MOVE_GAVE_UP)
        order(mover.to, TT_EDIT_ORDER_DISCARD);
}

static void send_cut(void)
{
    struct tt_edit_report report = look(mover.to);

    source = tt_source_order(source, TT_SOURCE_ON_CUT);
    if (is_dead[mover.from])
        return;
    tt_edit_cut(world.sides[mover.from].engine, &report.from);
    world_ring(&world, mover.from);
}

static void perform_one(const struct tt_move_action *action)
{
    switch (action->verb) {
    case TT_MOVE_PREPARE:
        is_adding = true;
        order(mover.to, TT_EDIT_ORDER_ADD);
        break;
    case TT_MOVE_SEND_ROUND:
        is_round_asked = true;
        break;
    case TT_MOVE_SEND_CUT:
        send_cut();
        break;
    case TT_MOVE_RESUME:
        source = tt_source_order(source, TT_SOURCE_ON_RESUME);
        order(mover.from, TT_EDIT_ORDER_RESUME);
        break;
    case TT_MOVE_RETIRE:
        source = tt_source_order(source, TT_SOURCE_ON_RETIRE);
        order(mover.from, TT_EDIT_ORDER_RETIRE);
        break;
    case TT_MOVE_DISCARD:
        target_hears(TT_TARGET_ON_DISCARD);
        break;
    case TT_MOVE_KILL_TARGET:
        die(mover.to);
        break;
    case TT_MOVE_TIMER:
        timer_ns = action->at_ns;
        break;
    case TT_MOVE_END:
        where = action->where;
        ends[where]++;
        break;
    }
}

static void perform(const struct tt_move_actions *actions)
{
    for (uint32_t n = 0; n < actions->count; n++)
        perform_one(&actions->list[n]);
}

/* It stands still: the last delta goes. */
static void source_looks(void)
{
    struct tt_edit_report report = look(mover.from);

    if (is_dead[mover.from] || report.state != TT_EDIT_CUT || source != TT_SOURCE_CUTTING)
        return;
    CHECK(tt_source_boundary(&source));
    *mover.state = *world.parts[mover.part].state;
    carry = report.carry;
    is_state_on_way = true;
}

/* It tells before it runs it. */
static void target_looks(void)
{
    struct part *part = &world.parts[mover.part];
    struct tt_error err = {0};

    if (is_dead[mover.to] || target != TT_TARGET_FILLING)
        return;
    if (is_state_on_way && look(mover.to).state == TT_EDIT_ADDED) {
        target_hears(TT_TARGET_ON_CUT);
        part->side = mover.to;
        CHECK_INT(tt_edit_begin(world.sides[mover.to].engine, &carry, &err), 0);
        world_ring(&world, mover.to);
    } else if (is_dead[mover.from] && !is_state_on_way) {
        target_hears(TT_TARGET_ON_BROKEN);
    }
}

static void hear_deaths(void)
{
    for (uint32_t n = 0; n < SIDES; n++)
        if (is_dead[n] && !is_death_told[n] && world_pick(&world, 3) == 0) {
            is_death_told[n] = true;
            tell(n == mover.from ? TT_MOVE_SOURCE_DIED : TT_MOVE_TARGET_DIED);
        }
}

/* Last words come before a death. */
static void tactusd_hears(void)
{
    if (is_took_on_way) {
        is_took_on_way = false;
        tell(TT_MOVE_TOOK);
    } else if (is_gave_up_on_way) {
        is_gave_up_on_way = false;
        tell(TT_MOVE_GAVE_UP);
    } else if (is_adding && look(mover.to).state == TT_EDIT_ADDED) {
        is_adding = false;
        tell(TT_MOVE_READY);
    } else if (is_round_asked && !is_dead[mover.from] && !is_dead[mover.to]) {
        is_round_asked = false;
        tell(TT_MOVE_ACKED);
    } else {
        hear_deaths();
    }
    if (world.now_ns >= timer_ns)
        tell(TT_MOVE_TICK);
}

static void one_turn(void)
{
    switch (world_pick(&world, 4)) {
    case 0:
        source_looks();
        break;
    case 1:
        target_looks();
        break;
    case 2:
        tactusd_hears();
        break;
    default:
        world.limit_ns = world.now_ns + MS / 10;
        (void)world_step(&world);
        world.limit_ns = INT64_MAX;
        break;
    }
}

static void on_counted(struct part *part, const struct tt_call *call)
{
    (void)part;
    CHECK(call->index > last_counted); /* by two of them, or twice by one */
    last_counted = call->index;
}

static void lay_out(uint64_t seed)
{
    uint32_t from, middle, to;

    world_init(&world, seed);
    from = world_part(&world, PART_SOURCE, (uint32_t)(seed & 1));
    middle = world_part(&world, PART_COUNT, 0);
    to = world_part(&world, PART_SINK, (uint32_t)(seed >> 1 & 1));
    world_wire(&world, from, middle);
    world_wire(&world, middle, to);
    world.hook = on_counted;
    last_counted = -1;
    world_open(&world, TT_MODE_LIVE, FRAMES * 10 * (int64_t)MS);
    world_pass(&world, world_pick(&world, 100 * MS));
    mover_prepare(&mover, &world, middle, false);
    source = TT_SOURCE_RUNNING;
    target = TT_TARGET_FILLING;
    memset(is_dead, 0, sizeof(is_dead));
    memset(is_death_told, 0, sizeof(is_death_told));
    is_adding = is_round_asked = is_state_on_way = is_took_on_way = is_gave_up_on_way = false;
    timer_ns = INT64_MAX;
}

/* Whoever follows the dead one reads what is on its way to it, and its End. */
static void run_to_the_end(void)
{
    int64_t over_ns = world.epoch_ns + (FRAMES + 20) * 10 * (int64_t)MS;

    while (world.now_ns < over_ns && world_step(&world))
        ;
    for (uint32_t n = 0; n < LINKS; n++)
        if (world.links[n].is_used)
            tt_link_close(world.links[n].reader);
    for (uint32_t n = 0; n < SIDES; n++) {
        if (!is_dead[n])
            tt_engine_stop(world.sides[n].engine);
        world_ring(&world, n);
    }
    for (uint32_t n = 0; n < TURNS_MAX && world_step(&world); n++)
        ;
    for (uint32_t n = 0; n < SIDES; n++)
        CHECK(world.sides[n].stats->is_ended);
}

/* Where the sink lives on, each due index has one record, and without a death a good one. */
static void check_records(bool is_all_well)
{
    uint32_t side = world.parts[2].side;
    int64_t next = 0;

    for (uint32_t n = 0; n < world.sides[side].record_count; n++) {
        const struct tt_record *record = &world.sides[side].records[n];

        if (record->kind != TT_RECORD_FRAME)
            continue;
        CHECK_INT(record->index, next);
        CHECK(!is_all_well || record->outcome == TT_ON_TIME);
        next++;
    }
    CHECK(is_dead[side] || next == FRAMES);
    CHECK(!is_all_well || world.parts[2].next_index == FRAMES);
}

/* Limits that nothing comes near to, or that pass while all is well. */
static struct tt_move_params limits_of(uint64_t seed)
{
    int64_t step_ns = seed % 5 == 0 && seed >= 8 ? (int64_t)(seed % 7) * MS / 20 + 1 : 30 * MS;

    return (struct tt_move_params){
        .rounds_max = 2, .pages_enough = 10, .step_ns = step_ns, .cut_ns = step_ns};
}

/* Returns how many turns the move took. */
static uint32_t one_move(uint64_t seed, uint32_t dies, uint32_t at_turn)
{
    struct tt_move_params params = limits_of(seed);
    struct tt_move_actions actions;
    bool is_any_dead;
    uint32_t turn;

    lay_out(seed);
    tt_move_begin(&move, &params, world.now_ns, &actions);
    perform(&actions);
    for (turn = 0; move.state != TT_MOVE_ENDED && turn < TURNS_MAX; turn++) {
        if (turn == at_turn && dies != NOBODY)
            die(dies);
        one_turn();
        CHECK(!(tt_source_may_run(source) && target == TT_TARGET_HAS) || is_dead[mover.from] ||
              is_dead[mover.to]);
    }
    CHECK_INT(move.state, TT_MOVE_ENDED);
    CHECK(dies != NOBODY || where == TT_MOVE_AT_TARGET || params.step_ns < MS);
    run_to_the_end();
    is_any_dead = is_dead[0] || is_dead[1];
    check_records(!is_any_dead || (where == TT_MOVE_AT_SOURCE && !is_dead[0] &&
                                   world.parts[0].side == 0 && world.parts[2].side == 0));
    mover_finish(&mover, where == TT_MOVE_AT_TARGET);
    world_fini(&world);
    return turn;
}

/* Places of source and sink, by the seed's lowest bits; then each side dies at each turn. */
static void a_death_at_every_turn(void)
{
    uint32_t tried = 0;

    for (uint64_t seed = 4; seed < 8; seed++) {
        uint32_t turns = one_move(seed, NOBODY, NEVER);

        steps_most = turns > steps_most ? turns : steps_most;
        for (uint32_t side = 0; side < SIDES; side++)
            for (uint32_t turn = 0; turn <= turns; turn++, tried++)
                (void)one_move(seed, side, turn);
    }
    fprintf(stderr, "  %u deaths, at each of up to %u turns\n", tried, steps_most);
}

static void a_thousand_seeds(void)
{
    for (uint64_t seed = 8; seed < 8 + SEEDS; seed++)
        (void)one_move(seed, (uint32_t)(seed % 3),
                       (uint32_t)(seed * 2654435761u >> 7) % steps_most);
}

int main(void)
{
    RUN(a_death_at_every_turn);
    RUN(a_thousand_seeds);
    fprintf(stderr, "  ended at the source %u, the target %u, lost with the source %u\n", ends[0],
            ends[1], ends[2]);
    CHECK(ends[0] > 0 && ends[1] > 0 && ends[2] > 0);
    return 0;
}
