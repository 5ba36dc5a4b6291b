/* Which component runs on which worker: by band, and by what one CPU carries.
 *
 * A flow between two bands ends in another worker. What is connected within a band stays together,
 * as long as no frame would have to come back to a worker that it left: hand-overs add up in one
 * direction only. What is more than one CPU carries is cut at the borders of segments, and inside
 * one where it is too much by itself; the pieces are then packed, the largest first, each where it
 * fits first. */
#include "planner/place.h"

#include <stdlib.h>
#include <string.h>

enum {
    NODES = TT_PICTURE_COMPONENTS_MAX,
    ARCS = 1024,
    GROUPS = TT_WORKERS_MAX + NODES, /* workers, then pieces that have none yet */
    LIGHT_PART = 20 /* of its consumer's period: so little delays nobody, and earns no container */
};

#define NOBODY UINT32_MAX
#define AUDIO_NS INT64_C(7500000)
#define VIDEO_NS INT64_C(75000000)

struct arc {
    uint32_t from, to;
};

struct plan {
    const struct place_params *params;
    const struct tt_picture *picture;
    struct arc arcs[ARCS]; /* between components that run in containers */
    uint32_t arc_count;
    enum tt_band band[NODES];
    uint32_t level[NODES]; /* changes of band before it */
    uint32_t piece[NODES]; /* its first component; NOBODY: an edge */
    uint32_t worker[NODES];
    int64_t load_ppm[TT_WORKERS_MAX];
    struct placement *ret;
};

enum tt_band place_band(struct tt_rational rate)
{
    __int128 second = (__int128)1000000000 * rate.den;

    if (second <= (__int128)AUDIO_NS * rate.num)
        return TT_BAND_AUDIO;
    return second <= (__int128)VIDEO_NS * rate.num ? TT_BAND_VIDEO : TT_BAND_BATCH;
}

int64_t place_share_ppm(int64_t cost_ns, struct tt_rational rate)
{
    __int128 below = (__int128)rate.den * 1000;
    __int128 share = below > 0 ? ((__int128)cost_ns * rate.num + below - 1) / below : 0;

    return share > INT32_MAX ? INT32_MAX : (int64_t)share;
}

static bool is_edge(const struct plan *plan, uint32_t n)
{
    return (plan->picture->components[n].flags & TT_EDGE) != 0;
}

static bool is_once(const struct plan *plan, uint32_t n)
{
    return plan->picture->components[n].rate.num <= 0;
}

static int64_t share_of(const struct plan *plan, uint32_t n)
{
    return place_share_ppm(plan->params->cost_ns[n], plan->picture->components[n].rate);
}

/* The first component that an edge's output feeds: by its worker all the others get it. */
static uint32_t home_of(const struct plan *plan, const struct tt_picture_flow *flow)
{
    uint32_t home = NOBODY;

    for (uint32_t n = 0; n < plan->picture->flow_count; n++) {
        const struct tt_picture_flow *other = &plan->picture->flows[n];

        if (other->from == flow->from && other->from_out == flow->from_out && other->to < home &&
            !is_edge(plan, other->to))
            home = other->to;
    }
    return home;
}

static void find_arcs(struct plan *plan)
{
    for (uint32_t n = 0; n < plan->picture->flow_count && plan->arc_count < ARCS; n++) {
        const struct tt_picture_flow *flow = &plan->picture->flows[n];
        uint32_t from = is_edge(plan, flow->from) ? home_of(plan, flow) : flow->from;

        if (!is_edge(plan, flow->to) && from < flow->to)
            plan->arcs[plan->arc_count++] = (struct arc){from, flow->to};
    }
}

/* The band of all that a component feeds; TT_BAND_COUNT: of nobody, or of several. */
static enum tt_band consumers_band(const struct plan *plan, uint32_t n, bool *ret_is_light)
{
    enum tt_band band = TT_BAND_COUNT;
    int64_t cost_ns = plan->params->cost_ns[n];

    *ret_is_light = true;
    for (uint32_t a = 0; a < plan->arc_count; a++) {
        const struct tt_picture_component *to = &plan->picture->components[plan->arcs[a].to];
        enum tt_band other = plan->band[plan->arcs[a].to];

        if (plan->arcs[a].from != n || other == TT_BAND_COUNT)
            continue;
        if (band != TT_BAND_COUNT && other != band)
            return TT_BAND_COUNT;
        band = other;
        *ret_is_light &=
            to->rate.num <= 0 || place_share_ppm(cost_ns, to->rate) <= 1000000 / LIGHT_PART;
    }
    return band;
}

/* What runs once goes where it is used. What is slow and light, a clock that is painted over
 * pictures, comes along with those. */
static void find_bands(struct plan *plan)
{
    const struct tt_picture *picture = plan->picture;

    for (uint32_t n = 0; n < picture->component_count; n++)
        plan->band[n] = is_edge(plan, n) || is_once(plan, n)
                            ? TT_BAND_COUNT
                            : place_band(picture->components[n].rate);
    for (uint32_t n = picture->component_count; n-- > 0;) {
        bool is_light;
        enum tt_band band = consumers_band(plan, n, &is_light);

        if (is_edge(plan, n) || band == TT_BAND_COUNT)
            continue;
        if (is_once(plan, n) || (band < plan->band[n] && is_light))
            plan->band[n] = band;
    }
    for (uint32_t a = 0; a < plan->arc_count; a++) /* of many that use it, the first feeder's */
        if (plan->band[plan->arcs[a].to] == TT_BAND_COUNT)
            plan->band[plan->arcs[a].to] = plan->band[plan->arcs[a].from];
    for (uint32_t n = 0; n < picture->component_count; n++)
        if (plan->band[n] == TT_BAND_COUNT)
            plan->band[n] = TT_BAND_VIDEO;
}

static void find_levels(struct plan *plan)
{
    for (uint32_t n = 0; n < plan->picture->component_count; n++)
        for (uint32_t a = 0; a < plan->arc_count; a++) {
            const struct arc *arc = &plan->arcs[a];
            uint32_t level = plan->level[arc->from] + (plan->band[arc->from] != plan->band[n]);

            if (arc->to == n && level > plan->level[n])
                plan->level[n] = level;
        }
}

static void join_pieces(struct plan *plan, uint32_t from, uint32_t to)
{
    uint32_t low = from < to ? from : to, high = from < to ? to : from;

    for (uint32_t n = 0; low != high && n < plan->picture->component_count; n++)
        if (plan->piece[n] == high)
            plan->piece[n] = low;
}

static void find_pieces(struct plan *plan)
{
    for (uint32_t n = 0; n < plan->picture->component_count; n++)
        plan->piece[n] = is_edge(plan, n) ? NOBODY : n;
    for (uint32_t a = 0; a < plan->arc_count; a++) {
        const struct arc *arc = &plan->arcs[a];

        if (plan->band[arc->from] == plan->band[arc->to] &&
            plan->level[arc->from] == plan->level[arc->to])
            join_pieces(plan, plan->piece[arc->from], plan->piece[arc->to]);
    }
}

static int64_t piece_share(const struct plan *plan, uint32_t piece)
{
    int64_t sum_ppm = 0;

    for (uint32_t n = 0; n < plan->picture->component_count; n++)
        if (plan->piece[n] == piece)
            sum_ppm += share_of(plan, n);
    return sum_ppm;
}

/* Of the piece's part of the segment that this component is in. */
static int64_t atom_share(const struct plan *plan, uint32_t piece, uint32_t n)
{
    int64_t sum_ppm = 0;

    for (uint32_t m = 0; m < plan->picture->component_count; m++)
        if (plan->piece[m] == piece &&
            plan->picture->components[m].segment == plan->picture->components[n].segment)
            sum_ppm += share_of(plan, m);
    return sum_ppm;
}

/* In the picture's order; a segment that fits is not cut. cut_of: the first component of the part
 * that each belongs to. */
static void cut_piece(struct plan *plan, uint32_t piece)
{
    const struct tt_picture_component *components = plan->picture->components;
    uint32_t cut_of[NODES], part = piece;
    int64_t load_ppm = 0;

    memset(cut_of, 0xff, sizeof(cut_of));
    for (uint32_t n = piece; n < plan->picture->component_count; n++) {
        bool is_whole;
        int64_t share_ppm;

        if (plan->piece[n] != piece || cut_of[n] != NOBODY)
            continue;
        share_ppm = atom_share(plan, piece, n);
        is_whole = share_ppm <= plan->params->cap_ppm;
        share_ppm = is_whole ? share_ppm : share_of(plan, n);
        if (load_ppm > 0 && load_ppm + share_ppm > plan->params->cap_ppm) {
            part = n;
            load_ppm = 0;
        }
        load_ppm += share_ppm;
        cut_of[n] = part;
        for (uint32_t m = n + 1; is_whole && m < plan->picture->component_count; m++)
            if (plan->piece[m] == piece && components[m].segment == components[n].segment)
                cut_of[m] = part;
    }
    for (uint32_t n = 0; n < plan->picture->component_count; n++)
        if (cut_of[n] != NOBODY)
            plan->piece[n] = cut_of[n];
}

static uint32_t group_of(const struct plan *plan, uint32_t n)
{
    return plan->worker[n] != NOBODY ? plan->worker[n] : TT_WORKERS_MAX + plan->piece[n];
}

/* Would no frame come back to where it was? ret_order: groups, sources first; may be NULL. */
static bool is_one_way(const struct plan *plan, uint32_t *ret_order)
{
    uint32_t feeders[GROUPS] = {0}, ready[GROUPS], ready_count = 0, done = 0;

    for (uint32_t a = 0; a < plan->arc_count; a++)
        feeders[group_of(plan, plan->arcs[a].to)] +=
            group_of(plan, plan->arcs[a].from) != group_of(plan, plan->arcs[a].to);
    for (uint32_t g = 0; g < GROUPS; g++)
        if (feeders[g] == 0)
            ready[ready_count++] = g;
    while (done < ready_count) {
        uint32_t group = ready[done++];

        for (uint32_t a = 0; a < plan->arc_count; a++) {
            uint32_t to = group_of(plan, plan->arcs[a].to);

            if (group_of(plan, plan->arcs[a].from) == group && to != group && --feeders[to] == 0)
                ready[ready_count++] = to;
        }
    }
    if (ret_order)
        memcpy(ret_order, ready, done * sizeof(*ready));
    return done == GROUPS;
}

static void put(struct plan *plan, uint32_t piece, uint32_t worker)
{
    for (uint32_t n = 0; n < plan->picture->component_count; n++)
        if (plan->piece[n] == piece)
            plan->worker[n] = worker;
}

static bool try_put(struct plan *plan, uint32_t piece, uint32_t worker, int64_t most_ppm)
{
    int64_t share_ppm = piece_share(plan, piece);

    if (plan->load_ppm[worker] > 0 && plan->load_ppm[worker] + share_ppm > most_ppm)
        return false;
    put(plan, piece, worker);
    if (!is_one_way(plan, NULL)) {
        put(plan, piece, NOBODY);
        return false;
    }
    plan->load_ppm[worker] += share_ppm;
    return true;
}

/* False: there is no place for it on so few workers. */
static bool pack_piece(struct plan *plan, uint32_t piece)
{
    struct placement *ret = plan->ret;

    for (uint32_t w = 0; w < ret->count; w++)
        if (ret->band[w] == plan->band[piece] && try_put(plan, piece, w, plan->params->cap_ppm))
            return true;
    if (ret->count < plan->params->workers_max) {
        ret->band[ret->count] = plan->band[piece];
        return try_put(plan, piece, ret->count++, INT64_MAX);
    }
    for (uint32_t w = 0; w < ret->count; w++)
        if (try_put(plan, piece, w, INT64_MAX))
            return true;
    return false;
}

/* The largest piece of the first band that has one left; NOBODY: none is left. */
static uint32_t next_piece(const struct plan *plan)
{
    uint32_t best = NOBODY;

    for (uint32_t n = 0; n < plan->picture->component_count; n++) {
        if (plan->piece[n] != n || plan->worker[n] != NOBODY)
            continue;
        if (best == NOBODY || plan->band[n] < plan->band[best] ||
            (plan->band[n] == plan->band[best] && piece_share(plan, n) > piece_share(plan, best)))
            best = n;
    }
    return best;
}

static void put_all_on_one(struct plan *plan)
{
    plan->ret->count = 1;
    plan->ret->band[0] = TT_BAND_BATCH;
    for (uint32_t n = 0; n < plan->picture->component_count; n++) {
        if (is_edge(plan, n))
            continue;
        plan->worker[n] = 0;
        if (plan->band[n] < plan->ret->band[0])
            plan->ret->band[0] = plan->band[n];
    }
}

static void pack(struct plan *plan)
{
    uint32_t piece;

    memset(plan->worker, 0xff, sizeof(plan->worker));
    while ((piece = next_piece(plan)) != NOBODY)
        if (!is_one_way(plan, NULL) || !pack_piece(plan, piece)) {
            put_all_on_one(plan);
            return;
        }
    if (plan->ret->count == 0) /* edges alone: what they give each other goes through one */
        put_all_on_one(plan);
}

/* Numbers along the flows. */
static void number(struct plan *plan)
{
    struct placement *ret = plan->ret;
    uint32_t order[GROUPS], number_of[TT_WORKERS_MAX], count = 0;
    enum tt_band band[TT_WORKERS_MAX];

    (void)is_one_way(plan, order);
    memcpy(band, ret->band, sizeof(band));
    for (uint32_t g = 0; g < GROUPS; g++)
        if (order[g] < ret->count) {
            ret->band[count] = band[order[g]];
            number_of[order[g]] = count++;
        }
    for (uint32_t n = 0; n < plan->picture->component_count; n++)
        ret->worker_of[n] = is_edge(plan, n) ? 0 : number_of[plan->worker[n]];
    for (uint32_t n = plan->picture->flow_count; n-- > 0;) {
        const struct tt_picture_flow *flow = &plan->picture->flows[n];

        if (is_edge(plan, flow->from) && !is_edge(plan, flow->to))
            ret->worker_of[flow->from] = ret->worker_of[home_of(plan, flow)];
        if (is_edge(plan, flow->to) && !is_edge(plan, flow->from))
            ret->worker_of[flow->to] = ret->worker_of[flow->from];
    }
}

void place(const struct place_params *params, struct placement *ret)
{
    struct plan *plan = calloc(1, sizeof(*plan));

    *ret = (struct placement){.count = 0};
    if (!plan) { /* one worker is always a plan */
        ret->count = 1;
        return;
    }
    plan->params = params;
    plan->picture = params->picture;
    plan->ret = ret;
    find_arcs(plan);
    find_bands(plan);
    find_levels(plan);
    find_pieces(plan);
    for (uint32_t n = 0; n < params->picture->component_count; n++)
        if (plan->piece[n] == n && piece_share(plan, n) > params->cap_ppm)
            cut_piece(plan, n);
    pack(plan);
    number(plan);
    free(plan);
}
