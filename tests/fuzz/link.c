/* A link whose other end lies: any byte of the shared memory may change between two steps of an
 * engine that reads from one such link and writes to another. The engine keeps its invariants. */
#include "core/graph.h"
#include "fuzz.h"

enum { DEPTH = 8, TURNS = 200 };

struct side {
    uint8_t *memory;
    uint64_t bytes;
    struct tt_link *peer; /* the end that lies */
    void *ends[2];        /* the peer's, the engine's */
};

static struct graph g;

static void make_side(struct side *side, bool is_writer)
{
    side->bytes = (tt_link_bytes(DEPTH) + 63) & ~(uint64_t)63;
    side->memory = aligned_alloc(64, side->bytes);
    CHECK(side->memory != NULL);
    memset(side->memory, 0, side->bytes);
    side->ends[0] = malloc(tt_link_end_bytes());
    side->ends[1] = malloc(tt_link_end_bytes());
    CHECK(side->ends[0] && side->ends[1]);
    side->peer = is_writer ? tt_link_writer(side->ends[0], side->memory, DEPTH)
                           : tt_link_reader(side->ends[0], side->memory, DEPTH);
}

static void free_side(struct side *side)
{
    free(side->memory);
    free(side->ends[0]);
    free(side->ends[1]);
}

/* inlet -> a look-ahead -> in place -> outlet */
static void make_graph(struct side *in, struct side *out, struct food *food)
{
    static const uint32_t policies[] = {TT_LATE_DROP, TT_LATE_KEEP, TT_LATE_REPEAT};
    uint32_t inlet, codec, add, outlet;

    make_side(in, true);
    make_side(out, false);
    graph_init(&g, 1);
    g.params.mode = eat_below(food, 2) ? TT_MODE_ASAP : TT_MODE_LIVE;
    g.params.end_ns = eat_below(food, 2) ? INT64_MAX : 500 * MS;
    g.sim_params.record_slots = 1 << 10;
    inlet = graph_end_of_link(&g, TT_NODE_INLET, tt_link_reader(in->ends[1], in->memory, DEPTH), 1);
    codec = graph_node(&g, FAKE_REORDER);
    add = graph_node(&g, FAKE_ADD);
    outlet =
        graph_end_of_link(&g, TT_NODE_OUTLET, tt_link_writer(out->ends[1], out->memory, DEPTH), 2);
    graph_flow(&g, inlet, 0, codec, 0)->late_policy = policies[eat_below(food, 3)];
    graph_flow(&g, codec, 0, add, 0);
    graph_flow(&g, add, 0, outlet, 0)->late_policy = policies[eat_below(food, 3)];
    graph_format(&g, eat_below(food, 3))->kind = eat_below(food, 2) ? TT_VIDEO : TT_CODED_VIDEO;
    graph_open(&g);
    g.is_ring_left_full = true;
    g.is_stepped_without_checks = true; /* each takes longer than ten steps */
    graph_begin(&g, 0);
}

static void scribble(struct side *side, struct food *food)
{
    uint64_t at = eat(food, 2) % side->bytes;

    for (uint32_t n = 1 + eat_below(food, 8); n > 0; n--)
        side->memory[(at + n) % side->bytes] = (uint8_t)eat(food, 1);
}

static void put(struct side *side, struct food *food, int64_t index)
{
    struct tt_link_slot slot = {.index = eat_near(food, index),
                                .origin_ns = eat_near(food, index * 10 * MS),
                                .duration_ns = eat_near(food, 10 * MS),
                                .pool = eat_below(food, 3),
                                .slot = (uint32_t)eat_near(food, index % POOL_SLOTS),
                                .bytes = (uint32_t)eat_near(food, 8),
                                .flags = (uint32_t)eat(food, 1),
                                .format_id = eat_below(food, 3),
                                .stamp_ns = eat_near(food, 0)};

    slot.received_ns = slot.index % 3 == 0 ? INT64_MAX : slot.stamp_ns;
    (void)tt_link_put(side->peer, &slot);
}

static void take(struct side *side, struct food *food)
{
    struct tt_link_slot slot;
    bool is_kept = eat_below(food, 2);

    for (uint32_t n = 0; n < DEPTH && tt_link_get(side->peer, g.pools, 2, &slot); n++)
        if (slot.slot != TT_NO_FRAME && !is_kept)
            tt_link_give_back(side->peer, slot.pool, slot.slot);
}

static void act(struct side *in, struct side *out, struct food *food, int64_t *index)
{
    struct side *side = eat_below(food, 2) ? in : out;
    uint32_t pool, slot;

    switch (eat_below(food, 8)) {
    case 0:
        scribble(side, food);
        break;
    case 1: /* the peer dies, and comes back */
        side->peer = side == in ? tt_link_writer(side->ends[0], side->memory, DEPTH)
                                : tt_link_reader(side->ends[0], side->memory, DEPTH);
        break;
    case 2:
        take(out, food);
        break;
    case 3: /* early, late, or what it has not got */
        pool = eat_below(food, 2);
        slot = (uint32_t)eat(food, 1) % POOL_SLOTS;
        if (tt_link_holds(out->peer, pool, slot))
            tt_link_give_back(out->peer, pool, slot);
        break;
    default:
        put(in, food, (*index)++);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct food food = {data, bytes};
    struct side in, out;
    int64_t index = 0, media_ns = 0;

    make_graph(&in, &out, &food);
    for (uint32_t turn = 0; turn < TURNS && food.left > 0 && !g.stats->is_ended; turn++) {
        act(&in, &out, &food, &index);
        g.params.port.ops->ring(g.params.port.world, 0);
        if (turn % 4 != 3)
            continue;
        (void)graph_run_until(&g, media_ns += 10 * MS);
        if (turn % 32 == 31)
            tt_engine_check(g.engine);
    }
    (void)graph_run_until(&g, media_ns + 40 * MS);
    tt_engine_check(g.engine);
    graph_close(&g);
    free_side(&in);
    free_side(&out);
    return 0;
}
