/* Degrading levels, 1,000 loads from seeds: down before a miss that was to be foreseen, up only
 * when it was admitted, and no to and fro. One worker takes frames one after another; what a frame
 * costs is its level's share of a load that jumps, climbs, spikes and comes back. */
#include "core/level.h"

#include <math.h>

#include "check.h"

enum { SEEDS = 1000, PHASES_MAX = 6, LEVELS_MAX = 4 };

#define MS INT64_C(1000000)
#define SECOND (1000 * MS)

struct load {
    uint64_t random;
    int64_t period_ns, room_ns, cost_ns[LEVELS_MAX];
    uint32_t floor;
    double noise, spikes;       /* relative; the chance of a frame that costs thrice as much */
    double factors[PHASES_MAX]; /* of the load, in each phase */
    bool is_ramp[PHASES_MAX];
    int64_t starts[PHASES_MAX + 1]; /* frames */
    uint32_t phases;
    bool are_costs_known;
    enum { ALWAYS, BY_LOAD, SOMETIMES } books; /* who says yes */
};

static double uniform(struct load *load)
{
    load->random = load->random * 6364136223846793005u + 1442695040888963407u;
    return (double)(load->random >> 11) / (double)(UINT64_C(1) << 53);
}

static double between(struct load *load, double least, double most)
{
    return least + (most - least) * uniform(load);
}

static void draw(struct load *load, uint64_t seed)
{
    static const int64_t periods_ms[] = {10, 20, 40};
    double share;

    *load = (struct load){.random = seed * 2654435761u + 1};
    for (uint32_t n = 0; n < 4; n++)
        (void)uniform(load);
    load->period_ns = periods_ms[(int)(3 * uniform(load))] * MS;
    load->room_ns = (int64_t)((double)load->period_ns * between(load, 1, 10));
    load->floor = 1 + (uint32_t)(3 * uniform(load));
    share = between(load, 0.2, 0.8);
    for (uint32_t n = 0; n <= load->floor; n++) {
        load->cost_ns[n] = (int64_t)(share * (double)load->period_ns);
        share *= between(load, 0.3, 0.9);
    }
    load->noise = uniform(load) < 0.3 ? 0 : between(load, 0, 0.25);
    load->spikes = uniform(load) < 0.7 ? 0 : between(load, 0, 0.01);
    load->phases = 1 + (uint32_t)((PHASES_MAX - 1) * uniform(load));
    for (uint32_t n = 0; n < load->phases; n++) {
        load->factors[n] = uniform(load) < 0.3 ? 1 : between(load, 0.5, 4);
        load->is_ramp[n] = n > 0 && uniform(load) < 0.4;
        load->starts[n + 1] =
            load->starts[n] + (int64_t)(between(load, 5, 60) * (double)SECOND) / load->period_ns;
    }
    /* The last load stays as it is. */
    load->starts[load->phases] += 400 * SECOND / load->period_ns;
    load->are_costs_known = uniform(load) < 0.5;
    load->books = (int)(3 * uniform(load));
}

static double factor_at(const struct load *load, int64_t frame)
{
    uint32_t n = 0;
    int64_t ramp = 3 * SECOND / load->period_ns, in;

    while (n + 1 < load->phases && frame >= load->starts[n + 1])
        n++;
    in = frame - load->starts[n];
    if (load->is_ramp[n] && in < ramp)
        return load->factors[n - 1] +
               (load->factors[n] - load->factors[n - 1]) * (double)in / (double)ramp;
    return load->factors[n];
}

struct world {
    struct load load;
    struct tt_level level;
    int64_t free_ns;             /* when the worker is done with what it has */
    int64_t seen[TT_LEVEL_SEEN]; /* costs relative to the level's, of the last frames */
    uint32_t seen_count, fresh;  /* fresh: frames since the last change */
    uint32_t missed, avoidable, tail_changes, changes, asked;
    bool has_asked, has_yes;
};

static bool is_admitted(struct world *world, uint32_t to, int64_t frame)
{
    struct load *load = &world->load;

    if (load->books == ALWAYS)
        return true;
    if (load->books == SOMETIMES)
        return uniform(load) < 0.3;
    return (double)load->cost_ns[to] * factor_at(load, frame) < 0.9 * (double)load->period_ns;
}

static void act(struct world *world, const struct tt_level_actions *actions, int64_t frame,
                uint32_t before)
{
    if (actions->why == TT_LEVEL_STAYS) {
        CHECK_INT(actions->level, before);
        return;
    }
    CHECK(actions->level != before && actions->level <= world->load.floor);
    /* Up only by one, and only as the answer to what was asked. */
    if (actions->level < before) {
        CHECK(actions->why == TT_LEVEL_ADMITTED);
        CHECK(world->has_asked && world->has_yes);
        CHECK(actions->level == world->asked && actions->level + 1 == before);
    }
    world->has_asked = false;
    world->changes++;
    world->tail_changes +=
        frame >= world->load.starts[world->load.phases - 1] + 10 * SECOND / world->load.period_ns;
    world->fresh = 0;
    if (actions->level < before && !world->load.are_costs_known)
        world->seen_count = 0;
}

static void tell(struct world *world, const struct tt_level_event *event, int64_t frame)
{
    struct tt_level_actions actions;
    uint32_t before = world->level.level;

    tt_level_step(&world->level, event, &actions);
    act(world, &actions, frame, before);
    if (!actions.is_asking)
        return;
    CHECK_INT(actions.asked + 1, world->level.level);
    world->has_asked = true;
    world->asked = actions.asked;
    before = world->level.level;
    world->has_yes = is_admitted(world, actions.asked, frame);
    tt_level_step(&world->level,
                  &(struct tt_level_event){.kind = TT_LEVEL_ANSWER,
                                           .now_ns = event->now_ns,
                                           .level = actions.asked,
                                           .is_admitted = world->has_yes},
                  &actions);
    act(world, &actions, frame, before);
}

/* Was so much seen before at this level, so that a careful eye knew what would come? */
static bool was_seen(const struct world *world, int64_t relative)
{
    uint32_t count = world->seen_count < TT_LEVEL_SEEN ? world->seen_count : TT_LEVEL_SEEN;

    for (uint32_t n = 0; n < count; n++)
        if (world->seen[n] >= relative)
            return true;
    return false;
}

static void run_frame(struct world *world, int64_t frame)
{
    struct load *load = &world->load;
    int64_t release_ns = frame * load->period_ns, due_ns = release_ns + load->room_ns, end_ns;
    int64_t start_ns = world->free_ns > release_ns ? world->free_ns : release_ns;
    double of_level = factor_at(load, frame) * (1 + load->noise * (2 * uniform(load) - 1));
    int64_t relative, cost_ns;

    if (uniform(load) < load->spikes)
        of_level *= 3;
    relative = (int64_t)(of_level * 1e6);
    cost_ns = (int64_t)((double)load->cost_ns[world->level.level] * of_level);
    if (start_ns > due_ns) { /* given up, as the engine does */
        world->missed++;
        tell(world,
             &(struct tt_level_event){
                 .kind = TT_LEVEL_LOST, .now_ns = start_ns, .period_ns = load->period_ns},
             frame);
        return;
    }
    end_ns = start_ns + cost_ns;
    world->free_ns = end_ns;
    if (end_ns > due_ns) {
        int64_t floor_ns = (int64_t)((double)load->cost_ns[load->floor] * of_level);

        world->missed++;
        /* Foreseen: neither of unheard-of cost nor begun before the eye had seen two frames. */
        world->avoidable += world->level.level < load->floor && start_ns + floor_ns <= due_ns &&
                            world->fresh > 2 && was_seen(world, relative);
    }
    world->seen[world->seen_count++ % TT_LEVEL_SEEN] = relative;
    world->fresh++;
    tell(world,
         &(struct tt_level_event){.kind = TT_LEVEL_FRAME,
                                  .now_ns = end_ns,
                                  .index = frame,
                                  .period_ns = load->period_ns,
                                  .room_ns = load->room_ns,
                                  .slack_ns = due_ns - end_ns},
         frame);
}

/* A worker that steps up into an overload is back within its room; what it tries grows rarer with
 * each failure. Spikes may send it down at any time, each for itself. */
static uint32_t tail_bound(const struct world *world)
{
    const struct load *load = &world->load;
    double frames = (double)(load->starts[load->phases] - load->starts[load->phases - 1]);
    double tail_s = frames * (double)load->period_ns / 1e9, calm_s = (double)TT_LEVEL_CALM_NS / 1e9;

    return 2 * load->floor + 2 * (uint32_t)(log2(tail_s / calm_s) + 1);
}

static void levels_follow_1000_loads(void)
{
    uint64_t frames = 0, changes = 0, missed = 0, down = 0, worst = 0;

    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct tt_level_params params = {0};
        struct world world = {0};
        int64_t last;

        draw(&world.load, seed);
        params.floor = world.load.floor;
        for (uint32_t n = 0; n <= params.floor && world.load.are_costs_known; n++)
            params.cost[n] = world.load.cost_ns[n];
        tt_level_init(&world.level, &params);
        last = world.load.starts[world.load.phases];
        for (int64_t frame = 0; frame < last; frame++)
            run_frame(&world, frame);
        frames += (uint64_t)last;
        changes += world.changes;
        missed += world.missed;
        down += world.level.level > 0;
        worst = world.tail_changes > worst ? world.tail_changes : worst;
        if (world.avoidable > 0 || world.tail_changes > tail_bound(&world))
            fprintf(stderr, "seed %lu: avoidable=%u of missed=%u, changes=%u tail=%u bound=%u\n",
                    (unsigned long)seed, world.avoidable, world.missed, world.changes,
                    world.tail_changes, tail_bound(&world));
        CHECK_INT(world.avoidable, 0);
        CHECK(world.tail_changes <= tail_bound(&world));
        CHECK_INT(world.changes, world.level.change_count);
    }
    printf(
        "%lu seeds, %lu frames: %lu changes, %lu misses, none to be foreseen; at most %lu changes "
        "under a load that stays; %lu end below the best level\n",
        (unsigned long)SEEDS, (unsigned long)frames, (unsigned long)changes, (unsigned long)missed,
        (unsigned long)worst, (unsigned long)down);
    CHECK(changes > SEEDS && missed > 0 && down > 0 && down < SEEDS);
}

int main(void)
{
    RUN(levels_follow_1000_loads);
    return 0;
}
