/* A component that runs in another container than its home: the links that this takes. */
#include "spec/ways.h"

#include <errno.h>
#include <stdlib.h>

#include "base/assert.h"

enum { LINK_DEPTH_MIN = 4, LINK_DEPTH_MAX = 64 };

uint32_t spec_way_depth(const struct tt_picture_flow *flow)
{
    uint32_t power = LINK_DEPTH_MIN;

    while (power < flow->depth && power < LINK_DEPTH_MAX)
        power *= 2;
    return power;
}

static uint32_t find_way(const struct tt_wiring *wiring, uint32_t component, uint32_t container)
{
    uint32_t n = 0;

    while (n < wiring->way_count &&
           (wiring->ways[n].component != component || wiring->ways[n].container != container))
        n++;
    return n;
}

/* The deepest flow from an output; NULL when nobody takes it. */
static const struct tt_picture_flow *deepest(const struct tt_picture *picture, uint32_t component,
                                             uint32_t pin)
{
    const struct tt_picture_flow *best = NULL;

    for (uint32_t n = 0; n < picture->flow_count; n++)
        if (picture->flows[n].from == component && picture->flows[n].from_out == pin &&
            (!best || picture->flows[n].depth > best->depth))
            best = &picture->flows[n];
    return best;
}

/* What the pool counts for these flows from one output. */
static uint32_t room_for(const struct tt_wiring *wiring, const struct tt_picture *picture,
                         uint32_t component, uint32_t pin)
{
    uint64_t room = 0;

    for (uint32_t n = 0; n < picture->flow_count; n++)
        if (picture->flows[n].from == component && picture->flows[n].from_out == pin)
            room += wiring->room_of[n];
    return room < UINT32_MAX ? (uint32_t)room : UINT32_MAX;
}

/* room: of what the link replaces. One frame of it may wait at this end. */
static void add_link(struct tt_wiring *wiring, const struct tt_picture *picture, uint32_t from,
                     uint32_t to, const struct tt_picture_flow *flow, uint32_t room)
{
    wiring->links[wiring->link_count++] =
        (struct tt_wiring_link){.from = from,
                                .to = to,
                                .component = flow->from,
                                .pin = flow->from_out,
                                .flow = (uint32_t)(flow - picture->flows),
                                .depth = spec_way_depth(flow),
                                .loan_max = room - 1,
                                .way = wiring->way_count + 1};
}

static void add_links(struct tt_wiring *wiring, const struct tt_picture *picture,
                      struct tt_wiring_way *way)
{
    const struct tt_picture_component *self = &picture->components[way->component];
    uint32_t home = wiring->home_of[way->component];

    for (; way->in_count < self->in_count; way->in_count++) {
        uint32_t flow = (uint32_t)self->in[way->in_count].flow;

        add_link(wiring, picture, home, way->container, &picture->flows[flow],
                 wiring->room_of[flow]);
    }
    for (uint32_t pin = 0; pin < self->out_count; pin++) {
        const struct tt_picture_flow *flow = deepest(picture, way->component, pin);

        if (!flow)
            continue;
        add_link(wiring, picture, way->container, home, flow,
                 room_for(wiring, picture, way->component, pin));
        way->out_count++;
    }
}

/* A frame that came back to who wrote it, or by two ways into one container, is not told apart. */
int tt_wiring_may_lead(const struct tt_wiring *wiring, const struct tt_picture *picture,
                       uint32_t component, uint32_t container, struct tt_error *err)
{
    for (uint32_t n = 0; n < picture->flow_count; n++) {
        const struct tt_picture_flow *flow = &picture->flows[n];
        uint32_t other = flow->to == component ? flow->from : flow->to;

        if (flow->from != component && flow->to != component)
            continue;
        for (uint32_t link = 0; link < wiring->link_count; link++) {
            const struct tt_wiring_link *of = &wiring->links[link];

            if (of->component == flow->from && of->pin == flow->from_out &&
                tt_wiring_is_used(wiring, link) && (of->from == container || of->to == container))
                return tt_fail(err, -EOPNOTSUPP,
                               "frames between '%s' and '%s' cross to that container already, "
                               "and such a component does not move there yet",
                               picture->components[component].name,
                               picture->components[other].name);
        }
    }
    return 0;
}

int tt_wiring_lead(struct tt_wiring *wiring, const struct tt_picture *picture, uint32_t component,
                   uint32_t container, uint32_t *ret_way, struct tt_error *err)
{
    const struct tt_picture_component *self = &picture->components[component];
    uint32_t way = find_way(wiring, component, container);

    if (container >= wiring->process_count || container == wiring->home_of[component] ||
        !tt_wiring_is_container(wiring, container))
        return tt_fail(err, -EINVAL, "process %u is no other container", container);
    if (way == wiring->way_count) {
        if (way == TT_WAYS_MAX ||
            wiring->link_count + self->in_count + self->out_count > TT_LINKS_MAX)
            return tt_fail(err, -E2BIG,
                           "its service has %u links and moved in %u ways, and more are not kept: "
                           "move something back to where it was",
                           wiring->link_count, wiring->way_count);
        wiring->ways[way] = (struct tt_wiring_way){
            .component = component, .container = container, .first_link = wiring->link_count};
        add_links(wiring, picture, &wiring->ways[way]);
        wiring->way_count++;
    }
    *ret_way = way;
    return 0;
}

void tt_wiring_settle(struct tt_wiring *wiring, uint32_t component, uint32_t container)
{
    tt_assert(container == wiring->home_of[component] ||
              find_way(wiring, component, container) < wiring->way_count);
    wiring->process_of[component] = container;
}

int tt_wiring_put(struct tt_wiring *wiring, uint32_t container, uint32_t node, uint32_t component,
                  struct tt_error *err)
{
    struct tt_wiring_process *self = &wiring->processes[container];
    struct tt_wiring_place *places = self->places;

    if (node >= self->place_count)
        places = realloc(places, (node + 1) * sizeof(*places));
    if (!places)
        return tt_fail(err, -ENOMEM, "no memory for the service's wiring");
    self->places = places;
    for (; self->place_count <= node; self->place_count++)
        places[self->place_count] = (struct tt_wiring_place){.component = UINT32_MAX};
    places[node].component = component;
    return 0;
}

const struct tt_wiring_way *tt_wiring_way_of(const struct tt_wiring *wiring, uint32_t component)
{
    uint32_t way = find_way(wiring, component, wiring->process_of[component]);

    return way < wiring->way_count ? &wiring->ways[way] : NULL;
}

bool tt_wiring_is_used(const struct tt_wiring *wiring, uint32_t link)
{
    const struct tt_wiring_way *way;

    if (wiring->links[link].way == 0)
        return true;
    way = &wiring->ways[wiring->links[link].way - 1];
    return wiring->process_of[way->component] == way->container;
}

bool tt_wiring_has_room(const struct tt_wiring *wiring, const struct tt_picture *picture,
                        uint32_t component, uint32_t container)
{
    const struct tt_wiring_process *process = &wiring->processes[container];

    for (uint32_t pin = 0; pin < picture->components[component].out_count; pin++)
        if (!process->class_of || process->class_of[component][pin] == TT_NO_PORT)
            return false;
    return true;
}
