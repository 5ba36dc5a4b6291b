/* Edges around a simulated engine, by the seed. */
#include "links.h"

static int64_t media_now(const struct links *links)
{
    return tt_sim_now(links->graph->sim) - links->graph->epoch_ns;
}

static void ring(struct links *links)
{
    links->graph->params.port.ops->ring(links->graph->params.port.world, 0);
}

void links_init(struct links *links, struct graph *g, uint32_t (*pick)(uint32_t count))
{
    memset(links, 0, sizeof(*links));
    links->graph = g;
    links->pick = pick;
    links->fault[0] = pick(FAULT_COUNT);
    links->fault[1] = pick(FAULT_DEAD + 1);
    links->dead_ns = (int64_t)pick(80) * MS;
    links->back_ns = links->dead_ns + (int64_t)pick(80) * MS;
    links->end_index = 3 + pick(25);
}

static void make_memory(struct links *links, uint32_t number)
{
    uint64_t bytes = (tt_link_bytes(LINK_DEPTH) + 63) & ~(uint64_t)63;

    links->memory[number] = aligned_alloc(64, bytes);
    memset(links->memory[number], 0, bytes);
    links->edge_ends[number] = malloc(tt_link_end_bytes());
    links->engine_ends[number] = malloc(tt_link_end_bytes());
}

uint32_t links_add_inlet(struct links *links)
{
    uint32_t n = links->in_count++;

    make_memory(links, n);
    links->writers[n] = tt_link_writer(links->edge_ends[n], links->memory[n], LINK_DEPTH);
    links->in_node[n] =
        graph_end_of_link(links->graph, TT_NODE_INLET,
                          tt_link_reader(links->engine_ends[n], links->memory[n], LINK_DEPTH), 1);
    return links->in_node[n];
}

uint32_t links_add_outlet(struct links *links)
{
    uint32_t n = links->out_count++, at = LINKS + n;

    make_memory(links, at);
    links->readers[n] = tt_link_reader(links->edge_ends[at], links->memory[at], LINK_DEPTH);
    links->out_node[n] =
        graph_end_of_link(links->graph, TT_NODE_OUTLET,
                          tt_link_writer(links->engine_ends[at], links->memory[at], LINK_DEPTH), 2);
    return links->out_node[n];
}

static int64_t *payload(struct links *links, uint32_t pool, uint32_t slot)
{
    return (int64_t *)(void *)(links->graph->pools[pool].memory + (uint64_t)slot * 4096);
}

/* As a writer does that finds its reader changed. */
static void recount(struct links *links)
{
    for (uint32_t slot = 0; slot < POOL_SLOTS; slot++) {
        bool is_out = false;

        for (uint32_t n = 0; n < links->in_count; n++)
            is_out = is_out || tt_link_is_on_loan(links->writers[n], 1, slot);
        links->is_lent[slot] = links->is_lent[slot] && is_out;
    }
}

/* What comes back is as it went: nobody but this edge writes its pool. */
static void take_back(struct links *links, uint32_t n)
{
    uint32_t pool, slot;

    while (tt_link_take_back(links->writers[n], &pool, &slot)) {
        if (pool != 1 || slot >= POOL_SLOTS || !links->is_lent[slot]) {
            CHECK_INT(links->fault[0], FAULT_GARBAGE);
            continue;
        }
        links->is_lent[slot] = false;
        if (links->fault[0] != FAULT_GARBAGE)
            CHECK_INT(*payload(links, 1, slot), slot);
    }
    if (tt_link_reader_changed(links->writers[n]))
        recount(links);
}

static struct tt_link_slot garbage(struct links *links, int64_t index)
{
    static const int64_t absurd[] = {INT64_MIN, INT64_MAX, -1, (int64_t)1 << 45, 0};
    struct tt_link_slot slot = {.index = index + links->pick(20) - 10,
                                .origin_ns = (index + links->pick(20) - 10) * 10 * MS,
                                .duration_ns = links->pick(3) ? 10 * MS : INT64_MAX,
                                .pool = links->pick(4),
                                .slot = links->pick(5000),
                                .bytes = links->pick(2) ? 8 : links->pick(1 << 30),
                                .flags = links->pick(64) & ~(uint32_t)TT_END,
                                .format_id = links->pick(2),
                                .stamp_ns = (int64_t)links->pick(1 << 30)};

    if (links->pick(3) == 0)
        slot.index = absurd[links->pick(5)];
    if (links->pick(3) == 0)
        slot.origin_ns = absurd[links->pick(5)];
    return slot;
}

static struct tt_link_slot honest(struct links *links, int64_t index)
{
    struct tt_link_slot slot = {.index = index,
                                .origin_ns = index * 10 * MS,
                                .duration_ns = 10 * MS,
                                .pool = 1,
                                .bytes = sizeof(int64_t),
                                .stamp_ns = tt_sim_now(links->graph->sim)};

    if (index >= links->end_index) {
        slot.flags = TT_END;
        slot.slot = TT_NO_FRAME;
        return slot;
    }
    while (links->is_lent[slot.slot])
        slot.slot++;
    CHECK(slot.slot < POOL_SLOTS);
    *payload(links, 1, slot.slot) = slot.slot;
    return slot;
}

static bool send_one(struct links *links, uint32_t n)
{
    bool is_garbage = links->fault[0] == FAULT_GARBAGE && links->pick(3) == 0;
    int64_t index = links->next_index[n];
    struct tt_link_slot slot = is_garbage ? garbage(links, index) : honest(links, index);

    if (!tt_link_put(links->writers[n], &slot))
        return false;
    ring(links);
    if (is_garbage)
        return links->pick(2);
    links->has_ended[n] = (slot.flags & TT_END) != 0;
    if (slot.slot != TT_NO_FRAME)
        links->is_lent[slot.slot] = true;
    links->next_index[n]++;
    return true;
}

static void send_all(struct links *links, uint32_t n)
{
    int64_t lead_ns = links->fault[0] == FAULT_LATE ? -(int64_t)links->pick(60) * MS : 15 * MS;
    bool is_asap = links->graph->params.mode == TT_MODE_ASAP;

    take_back(links, n);
    for (uint32_t tries = 0; tries < 2 * LINK_DEPTH && !links->has_ended[n]; tries++) {
        if (!is_asap && links->next_index[n] * 10 * MS > media_now(links) + lead_ns)
            return;
        if (!send_one(links, n))
            return;
    }
}

static void give_back(struct links *links, uint32_t n, uint32_t leave)
{
    while (links->held_count[n] > leave) {
        uint32_t at = --links->held_count[n];

        /* Lent is lent: the engine has not written it meanwhile. */
        CHECK_INT(*payload(links, links->held[n][at].pool, links->held[n][at].slot),
                  links->held[n][at].value);
        tt_link_give_back(links->readers[n], links->held[n][at].pool, links->held[n][at].slot);
        ring(links);
    }
}

static void receive(struct links *links, uint32_t n)
{
    struct tt_link_slot slot;

    while (links->held_count[n] < LINK_DEPTH &&
           tt_link_get(links->readers[n], links->graph->pools, 2, &slot)) {
        uint32_t at = links->held_count[n];

        links->received++;
        if (slot.slot == TT_NO_FRAME)
            continue;
        links->held[n][at].pool = slot.pool;
        links->held[n][at].slot = slot.slot;
        links->held[n][at].value = *payload(links, slot.pool, slot.slot);
        links->held_count[n]++;
    }
    give_back(links, n, links->fault[1] == FAULT_LATE ? links->pick(LINK_DEPTH) : 0);
    ring(links);
}

/* A new edge finds what its predecessor lent by the links' own words. */
static void revive_writers(struct links *links)
{
    for (uint32_t n = 0; n < links->in_count; n++)
        links->writers[n] = tt_link_writer(links->edge_ends[n], links->memory[n], LINK_DEPTH);
    for (uint32_t slot = 0; slot < POOL_SLOTS; slot++) {
        links->is_lent[slot] = false;
        for (uint32_t n = 0; n < links->in_count; n++)
            links->is_lent[slot] =
                links->is_lent[slot] || tt_link_is_on_loan(links->writers[n], 1, slot);
    }
    for (uint32_t n = 0; n < links->in_count; n++)
        if (links->graph->params.mode == TT_MODE_LIVE)
            links->next_index[n] = media_now(links) / (10 * MS) + 1;
}

static void revive_readers(struct links *links)
{
    for (uint32_t n = 0; n < links->out_count; n++) {
        links->held_count[n] = 0;
        links->readers[n] =
            tt_link_reader(links->edge_ends[LINKS + n], links->memory[LINKS + n], LINK_DEPTH);
    }
    ring(links);
}

static void live_and_die(struct links *links, uint32_t side)
{
    bool is_dead = links->fault[side] == FAULT_DEAD && media_now(links) >= links->dead_ns &&
                   media_now(links) < links->back_ns;

    if (links->is_dead[side] && !is_dead)
        side == 0 ? revive_writers(links) : revive_readers(links);
    links->is_dead[side] = is_dead;
}

void links_turn(struct links *links)
{
    live_and_die(links, 0);
    live_and_die(links, 1);
    for (uint32_t n = 0; n < links->in_count && !links->is_dead[0]; n++)
        send_all(links, n);
    for (uint32_t n = 0; n < links->out_count && !links->is_dead[1]; n++)
        receive(links, n);
}

void links_restart(struct links *links)
{
    struct tt_node_plan *nodes = links->graph->nodes;

    for (uint32_t n = 0; n < links->in_count; n++)
        nodes[links->in_node[n]].link =
            tt_link_reader(links->engine_ends[n], links->memory[n], LINK_DEPTH);
    for (uint32_t n = 0; n < links->out_count; n++)
        nodes[links->out_node[n]].link =
            tt_link_writer(links->engine_ends[LINKS + n], links->memory[LINKS + n], LINK_DEPTH);
}

void links_finish(struct links *links)
{
    for (uint32_t side = 0; side < 2; side++) {
        if (links->is_dead[side])
            side == 0 ? revive_writers(links) : revive_readers(links);
        links->is_dead[side] = false;
    }
    links->fault[1] = FAULT_NONE;
    for (uint32_t n = 0; n < links->out_count; n++) {
        give_back(links, n, 0);
        receive(links, n);
    }
    (void)graph_step(links->graph);
    for (uint32_t n = 0; n < links->in_count; n++)
        take_back(links, n);
    recount(links);
    if (!graph_have_all_ended(links->graph)) /* a leader ended before what it no longer needs */
        return;
    for (uint32_t slot = 0; slot < POOL_SLOTS; slot++)
        CHECK(!links->is_lent[slot]);
    CHECK_INT(graph_frames_out(links->graph, 0), 0);
    CHECK_INT(graph_frames_out(links->graph, 1), 0);
}

void links_fini(struct links *links)
{
    for (uint32_t n = 0; n < 2 * LINKS; n++) {
        free(links->memory[n]);
        free(links->edge_ends[n]);
        free(links->engine_ends[n]);
    }
}
