/* The edge of a random service, as the machine's timers play it. */
#include "edge.h"

#include "check.h"
#include "tactus/format.h"

#define MS INT64_C(1000000)

static const struct tt_wiring_link *link_of(const struct edge *edge)
{
    return &edge->params.wiring->links[edge->link];
}

static struct tt_rational rate_of(const struct edge *edge)
{
    return edge->params.picture->flows[link_of(edge)->flow].format.rate;
}

static void on_timer(void *ctx);

static void set_timer(struct edge *edge, int64_t at_ns)
{
    if (edge->is_timer_set)
        return;
    edge->is_timer_set = true;
    tt_machine_at(edge->params.machine, at_ns, on_timer, edge);
}

void edge_init(struct edge *edge, const struct edge_params *params)
{
    const struct tt_wiring *wiring = params->wiring;

    memset(edge, 0, sizeof(*edge));
    edge->params = *params;
    edge->draw.state = params->seed;
    while (edge->link < wiring->link_count && wiring->links[edge->link].from != params->process &&
           wiring->links[edge->link].to != params->process)
        edge->link++;
    CHECK(edge->link < wiring->link_count);
    edge->is_source = link_of(edge)->from == params->process;
    edge->peer = edge->is_source ? link_of(edge)->to : link_of(edge)->from;
    edge->end = calloc(1, tt_link_end_bytes());
    edge->is_lent = calloc(wiring->processes[params->process].pool.slot_count + 1, sizeof(bool));
    CHECK(edge->end != NULL);
    CHECK(edge->is_lent != NULL);
}

void edge_fini(struct edge *edge)
{
    free(edge->end);
    free(edge->is_lent);
}

/* As a writer does that is new, or finds its reader changed. */
static void recount(struct edge *edge)
{
    uint32_t count = edge->params.wiring->processes[edge->params.process].pool.slot_count;

    for (uint32_t slot = 0; slot < count; slot++)
        edge->is_lent[slot] = tt_link_is_on_loan(edge->link_end, edge->params.process, slot);
}

void edge_start(struct edge *edge)
{
    edge->is_alive = true;
    edge->is_going = edge->has_ended = false;
    if (edge->is_source) {
        edge->link_end =
            tt_link_writer(edge->end, edge->params.links[edge->link], link_of(edge)->depth);
        recount(edge);
    } else {
        edge->link_end =
            tt_link_reader(edge->end, edge->params.links[edge->link], link_of(edge)->depth);
    }
}

void edge_go(struct edge *edge, int64_t epoch_ns, int64_t first_ns)
{
    edge->epoch_ns = epoch_ns;
    edge->is_going = true;
    edge->next_index = first_ns > 0 ? tt_ns_index(first_ns - 1, rate_of(edge)) + 1 : 0;
    set_timer(edge, edge->is_source ? epoch_ns + tt_index_ns(edge->next_index, rate_of(edge))
                                    : tt_machine_now(edge->params.machine));
}

void edge_kill(struct edge *edge)
{
    edge->is_alive = false;
}

static uint32_t free_slot(const struct edge *edge)
{
    uint32_t count = edge->params.wiring->processes[edge->params.process].pool.slot_count;

    for (uint32_t slot = 0; slot < count; slot++)
        if (!edge->is_lent[slot])
            return slot;
    return TT_NO_FRAME;
}

static void take_back(struct edge *edge)
{
    uint32_t pool, slot;

    while (tt_link_take_back(edge->link_end, &pool, &slot)) {
        CHECK_INT(pool, edge->params.process);
        edge->is_lent[slot] = false;
    }
    if (tt_link_reader_changed(edge->link_end))
        recount(edge);
}

static bool put(struct edge *edge, const struct tt_link_slot *slot)
{
    if (!tt_link_put(edge->link_end, slot))
        return false;
    edge->params.ring(edge->params.ctx, edge->peer);
    return true;
}

/* What finds no room is not brought, as with a live input. */
static void bring_frame(struct edge *edge)
{
    struct tt_link_slot slot = {.index = edge->next_index,
                                .origin_ns = tt_index_ns(edge->next_index, rate_of(edge)),
                                .duration_ns = tt_index_ns(1, rate_of(edge)),
                                .pool = edge->params.process,
                                .slot = free_slot(edge),
                                .bytes = sizeof(int64_t),
                                .stamp_ns = tt_machine_now(edge->params.machine)};

    if (slot.slot != TT_NO_FRAME && put(edge, &slot))
        edge->is_lent[slot.slot] = true;
    edge->next_index++;
}

static void bring_end(struct edge *edge)
{
    struct tt_link_slot slot = {.index = edge->next_index,
                                .origin_ns = tt_index_ns(edge->next_index, rate_of(edge)),
                                .slot = TT_NO_FRAME,
                                .flags = TT_END,
                                .stamp_ns = tt_machine_now(edge->params.machine)};

    if (edge->has_ended)
        return;
    edge->has_ended = put(edge, &slot);
    if (edge->has_ended)
        edge->params.on_end(edge->params.ctx, edge->params.process);
    else
        set_timer(edge, tt_machine_now(edge->params.machine) + 5 * MS);
}

static void bring(struct edge *edge)
{
    int64_t now_ns = tt_machine_now(edge->params.machine), origin_ns;

    take_back(edge);
    for (;;) {
        origin_ns = tt_index_ns(edge->next_index, rate_of(edge));
        if (origin_ns >= edge->params.end_ns) {
            bring_end(edge);
            return;
        }
        if (edge->epoch_ns + origin_ns > now_ns)
            break;
        bring_frame(edge);
    }
    set_timer(edge,
              edge->epoch_ns + origin_ns + draw_between(&edge->draw, 0, edge->params.delay_max_ns));
}

static void take(struct edge *edge)
{
    struct tt_link_slot slot;

    while (!edge->has_ended && tt_link_get(edge->link_end, edge->params.pools,
                                           edge->params.wiring->process_count, &slot)) {
        if (slot.slot != TT_NO_FRAME)
            tt_link_give_back(edge->link_end, slot.pool, slot.slot);
        edge->has_ended = (slot.flags & TT_END) != 0;
    }
    edge->params.ring(edge->params.ctx, edge->peer);
    if (edge->has_ended)
        edge->params.on_end(edge->params.ctx, edge->params.process);
}

static void on_timer(void *ctx)
{
    struct edge *edge = ctx;
    int64_t now_ns = tt_machine_now(edge->params.machine);

    edge->is_timer_set = false;
    if (!edge->is_alive || !edge->is_going || edge->has_ended)
        return;
    if (now_ns < edge->stalled_until_ns)
        set_timer(edge, edge->stalled_until_ns);
    else if (edge->is_source)
        bring(edge);
    else
        take(edge);
}

void edge_stop(struct edge *edge)
{
    if (edge->is_alive && edge->is_source && edge->is_going)
        bring_end(edge);
}

void edge_rung(struct edge *edge)
{
    if (edge->is_alive && !edge->is_source && edge->is_going)
        set_timer(edge, tt_machine_now(edge->params.machine) +
                            draw_between(&edge->draw, 0, edge->params.delay_max_ns));
}
