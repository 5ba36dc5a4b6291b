/* What a move changes of this engine's graph: ends of links in a component's place, or the
 * component in theirs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "components/table.h"
#include "container/move_inside.h"

static bool is_home(const struct container *container)
{
    const struct moves *moves = container->moves;

    return container->wiring->home_of[moves->component] == container->seat.number;
}

static struct move_part *new_part(struct container *container, struct tt_error *err)
{
    struct moves *moves = container->moves;

    if (!moves->part) {
        moves->part = calloc(1, sizeof *moves->part);
        if (!moves->part)
            (void)tt_fail(err, -ENOMEM, "no memory for a move");
        else
            moves->part->component = UINT32_MAX;
    }
    if (moves->part)
        moves->part->way = moves->way;
    return moves->part;
}

/* There before the worker touches it; fd -1: zeroed memory of its own. */
static void *map(int fd, uint64_t bytes)
{
    int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, fd, 0);

    if (memory == MAP_FAILED)
        return NULL;
    (void)madvise(memory, bytes, MADV_POPULATE_WRITE);
    (void)mlock(memory, bytes);
    return memory;
}

static int attach(struct container *container, struct tt_message *message, uint32_t link,
                  struct tt_error *err)
{
    const struct tt_wiring_link *plan = &container->wiring->links[link];
    uint64_t bytes = tt_link_bytes(plan->depth);
    char name[TT_MESSAGE_NAME_BYTES];
    struct stat about;
    void *memory, *end;
    int fd;

    (void)snprintf(name, sizeof name, "link:%u", link);
    fd = tt_message_take(message, name);
    if (fd < 0 || fstat(fd, &about) < 0 || (uint64_t)about.st_size < bytes) {
        if (fd >= 0)
            (void)close(fd);
        return tt_fail(err, -EPROTO, "link %u was not handed over", link);
    }
    memory = map(fd, bytes);
    (void)close(fd);
    if (!memory)
        return tt_fail(err, -ENOMEM, "cannot map link %u", link);
    end = map(-1, tt_link_end_bytes());
    if (!end) {
        (void)munmap(memory, bytes);
        return tt_fail(err, -ENOMEM, "no memory for link %u", link);
    }
    container->moves->link_memory[link] = memory;
    container->links[link] = plan->from == container->seat.number
                                 ? tt_link_writer(end, memory, plan->depth)
                                 : tt_link_reader(end, memory, plan->depth);
    return 0;
}

static void detach(struct container *container, uint32_t link)
{
    const struct tt_wiring_link *of = &container->wiring->links[link];
    void *memory = container->moves->link_memory[link];

    if (container->node_of_out[of->component][of->pin] == container->node_of_link[link])
        container->node_of_out[of->component][of->pin] = TT_NO_PORT;
    if (container->links[link])
        (void)munmap((void *)container->links[link], tt_link_end_bytes());
    if (memory)
        (void)munmap(memory, tt_link_bytes(of->depth));
    container->links[link] = NULL;
    container->moves->link_memory[link] = NULL;
    container->node_of_link[link] = TT_NO_PORT;
}

/* The links of the way, and a node at this end of each. */
int move_add_ends(struct container *container, struct tt_message *message, struct tt_error *err)
{
    const struct tt_wiring_way *way = container->moves->way;
    struct move_part *part = new_part(container, err);
    int r = part ? 0 : -ENOMEM;

    for (uint32_t n = 0; r == 0 && n < way->in_count + way->out_count; n++) {
        uint32_t link = way->first_link + n, at = part->count;
        const struct tt_wiring_link *of = &container->wiring->links[link];
        const struct tt_picture_component *giver = &container->picture->components[of->component];

        r = attach(container, message, link, err);
        if (r < 0)
            break;
        (void)snprintf(part->names[at], sizeof part->names[at], "%s.%s", giver->name,
                       giver->out[of->pin].name);
        build_node(container, of->component, part->names[at], &part->plans[at]);
        build_mailbox(container, link,
                      of->from == container->seat.number ? TT_NODE_OUTLET : TT_NODE_INLET,
                      &part->plans[at]);
        part->links[at] = link;
        part->count++;
    }
    return r;
}

int move_add_component(struct container *container, int64_t resume_ns, struct tt_error *err)
{
    struct moves *moves = container->moves;
    const struct tt_picture_component *component =
        &container->picture->components[moves->component];
    struct move_part *part = new_part(container, err);
    struct tt_node_plan *plan;
    int r;

    if (!part)
        return -ENOMEM;
    plan = &part->plans[part->count];
    (void)snprintf(part->names[part->count], sizeof part->names[part->count], "%s",
                   component->name);
    build_node(container, moves->component, part->names[part->count], plan);
    plan->component = tt_component_find(component->kind);
    if (!plan->component)
        return tt_fail(err, -EINVAL, "this container has no component '%s'", component->kind);
    r = build_component(container, moves->component, resume_ns, &part->own, plan, err);
    if (r < 0)
        return r;
    part->links[part->count] = UINT32_MAX;
    part->component = moves->component;
    part->count++;
    return 0;
}

/* Of the part's, or of the engine's. */
struct graph {
    const struct container *container;
    const struct move_part *part;
    struct tt_flow_plan flows[TT_EDIT_FLOWS];
    uint32_t count;
};

static const struct tt_node_plan *plan_of(const struct graph *graph, uint32_t node)
{
    return node >= TT_EDIT_NEW ? &graph->part->plans[node - TT_EDIT_NEW]
                               : &graph->container->nodes[node];
}

static void connect(struct graph *graph, const struct tt_picture_flow *flow, uint32_t from,
                    uint32_t to)
{
    struct tt_flow_plan *plan = &graph->flows[graph->count];

    if (graph->count == TT_EDIT_FLOWS || from == TT_NO_PORT || to == TT_NO_PORT)
        return;
    graph->count++;
    build_flow(graph->container, flow, plan_of(graph, from), plan_of(graph, to), plan);
    plan->from_node = from;
    plan->to_node = to;
    if (plan->depth > TT_EDIT_DEPTH_MAX)
        plan->depth = TT_EDIT_DEPTH_MAX;
}

/* What this end of a link of the way is called in the edit; TT_NO_PORT: there is none. */
static uint32_t end_of(const struct graph *graph, uint32_t link)
{
    for (uint32_t n = 0; n < graph->part->count; n++)
        if (graph->part->links[n] == link)
            return TT_EDIT_NEW + n;
    return TT_NO_PORT;
}

/* All in this container that take an output of the component. */
static void connect_takers(struct graph *graph, uint32_t component, uint32_t pin, uint32_t from)
{
    const struct container *container = graph->container;
    const struct tt_wiring *wiring = container->wiring;

    for (uint32_t n = 0; n < container->picture->flow_count; n++) {
        const struct tt_picture_flow *flow = &container->picture->flows[n];

        if (flow->from == component && flow->from_out == pin)
            connect(graph, flow, from, container->node_of_in[flow->to][flow->to_in]);
    }
    for (uint32_t n = 0; n < wiring->link_count; n++) {
        const struct tt_wiring_link *link = &wiring->links[n];

        if (link->component == component && link->pin == pin &&
            link->from == container->seat.number && tt_wiring_is_used(wiring, n) &&
            tt_wiring_is_between(wiring, n))
            connect(graph, &container->picture->flows[link->flow], from,
                    container->node_of_link[n]);
    }
}

/* Away: all by the way's links. */
static void connect_away(struct graph *graph, const struct tt_wiring_way *way, uint32_t node)
{
    const struct container *container = graph->container;
    const struct tt_wiring_link *links = container->wiring->links;
    const struct tt_picture_component *self = &container->picture->components[way->component];

    for (uint32_t n = 0; n < way->in_count + way->out_count; n++) {
        uint32_t link = way->first_link + n;

        if (n < way->in_count)
            connect(graph, &container->picture->flows[self->in[n].flow], end_of(graph, link), node);
        else
            connect(graph, &container->picture->flows[links[link].flow], node, end_of(graph, link));
    }
}

/* At home: among its neighbours, it or (TT_NO_PORT) the ends in its place. */
static void connect_home(struct graph *graph, const struct tt_wiring_way *way, uint32_t node)
{
    const struct container *container = graph->container;
    const struct tt_wiring_link *links = container->wiring->links;
    const struct tt_picture_component *self = &container->picture->components[way->component];

    for (uint32_t n = 0; n < way->in_count; n++) {
        const struct tt_picture_flow *flow = &container->picture->flows[self->in[n].flow];

        connect(graph, flow, container->node_of_out[flow->from][flow->from_out],
                node != TT_NO_PORT ? node : end_of(graph, way->first_link + n));
    }
    for (uint32_t n = way->in_count; n < way->in_count + way->out_count; n++) {
        uint32_t link = way->first_link + n;

        connect_takers(graph, way->component, links[link].pin,
                       node != TT_NO_PORT ? node : end_of(graph, link));
    }
}

static void make_graph(struct graph *graph, const struct moves *moves, enum tt_edit_kind kind)
{
    uint32_t node = kind == TT_EDIT_IN ? TT_EDIT_NEW + graph->part->count - 1 : TT_NO_PORT;

    if (is_home(graph->container))
        connect_home(graph, moves->way, node);
    else if (kind == TT_EDIT_IN)
        connect_away(graph, moves->way, node);
}

/* Outlets that fed it where it was: they leave when it is back. */
static uint32_t find_gone(const struct container *container, uint32_t ret[TT_PORTS_MAX])
{
    const struct tt_wiring_way *way = container->moves->way;
    uint32_t count = 0;

    for (uint32_t n = 0; n < way->in_count; n++)
        if (container->node_of_link[way->first_link + n] != TT_NO_PORT)
            ret[count++] = container->node_of_link[way->first_link + n];
    return count;
}

/* Classes of the own pool for what the component writes. */
static void find_classes(const struct container *container, const struct move_part *part,
                         uint32_t (*ret)[TT_PORTS_MAX])
{
    const uint32_t(*classes)[TT_PORTS_MAX] =
        container->wiring->processes[container->seat.number].class_of;

    for (uint32_t n = 0; n < part->count; n++)
        for (uint32_t pin = 0; pin < TT_PORTS_MAX; pin++)
            ret[n][pin] = part->links[n] == UINT32_MAX && classes ? classes[part->component][pin]
                                                                  : TT_NO_PORT;
}

int move_prepare(struct container *container, enum tt_edit_kind kind, void (*wake)(void *ctx),
                 struct tt_error *err)
{
    static const struct move_part nothing;
    struct moves *moves = container->moves;
    uint32_t classes[MOVE_ENDS + 1][TT_PORTS_MAX], gone[TT_PORTS_MAX], numbers[MOVE_ENDS + 1];
    struct graph *graph = calloc(1, sizeof *graph);
    struct tt_edit_params params = {.kind = kind, .gone = gone, .wake = wake, .ctx = container};
    int r;

    if (!graph)
        return tt_fail(err, -ENOMEM, "no memory for a move");
    graph->container = container;
    graph->part = moves->part ? moves->part : &nothing;
    make_graph(graph, moves, kind);
    find_classes(container, graph->part, classes);
    params.node = kind == TT_EDIT_IN ? TT_EDIT_NEW + graph->part->count - 1
                                     : container->node_of_in[moves->component][0];
    params.is_fresh =
        kind == TT_EDIT_IN && state_kind(&graph->part->plans[graph->part->count - 1]) == STATE_OWN;
    params.nodes = graph->part->plans;
    params.class_of = (const uint32_t(*)[TT_PORTS_MAX])classes;
    params.node_count = graph->part->count;
    params.flows = graph->flows;
    params.flow_count = graph->count;
    if (kind == TT_EDIT_IN && is_home(container))
        params.gone_count = find_gone(container, gone);
    r = tt_edit_prepare(container->engine, &params, numbers, err);
    free(graph);
    if (r < 0)
        return r;
    moves->is_prepared = true;
    moves->seen = TT_EDIT_PREPARED;
    if (moves->part)
        memcpy(moves->part->numbers, numbers, sizeof numbers);
    return 0;
}

/* The tables of the container, for who looks a component up. */
static void enter_part(struct container *container, const struct move_part *part)
{
    for (uint32_t n = 0; n < part->count; n++) {
        uint32_t number = part->numbers[n], link = part->links[n];
        const struct tt_wiring_link *of = &container->wiring->links[link];

        container->nodes[number] = part->plans[n];
        container->traps_told[number] = 0;
        if (number >= container->node_count)
            container->node_count = number + 1;
        if (link != UINT32_MAX)
            container->node_of_link[link] = number;
        if (link != UINT32_MAX && of->to == container->seat.number)
            container->node_of_out[of->component][of->pin] = number;
    }
}

static void leave_node(struct container *container, uint32_t number)
{
    if (number < container->node_count) /* a place that is nobody's */
        container->nodes[number] = (struct tt_node_plan){.role = TT_NODE_OUTLET};
}

static void set_node(struct container *container, uint32_t component, uint32_t number)
{
    for (uint32_t n = 0; n < TT_PORTS_MAX; n++)
        container->node_of_in[component][n] = container->node_of_out[component][n] = number;
}

static void keep_part(struct moves *moves)
{
    if (!moves->part)
        return;
    moves->part->next = moves->parts;
    moves->parts = moves->part;
    moves->part = NULL;
}

void move_has_come(struct container *container)
{
    struct moves *moves = container->moves;

    enter_part(container, moves->part);
    set_node(container, moves->component, moves->part->numbers[moves->part->count - 1]);
    tt_wiring_settle(container->wiring, moves->component, container->seat.number);
}

void move_has_left(struct container *container)
{
    struct moves *moves = container->moves;
    uint32_t away = moves->way->container, home = container->wiring->home_of[moves->component];

    leave_node(container, container->node_of_in[moves->component][0]);
    set_node(container, moves->component, TT_NO_PORT);
    if (moves->part)
        enter_part(container, moves->part);
    tt_wiring_settle(container->wiring, moves->component, is_home(container) ? away : home);
}

static void free_component(const struct tt_node_plan *plan)
{
    if (plan->state)
        (void)munmap(plan->state, state_room(plan->shape->state_bytes));
    if (plan->scratch)
        (void)munmap(plan->scratch, plan->shape->scratch_bytes);
}

void move_drop_part(struct container *container, struct move_part **dropped)
{
    struct move_part *part = *dropped;

    if (!part)
        return;
    for (uint32_t n = 0; n < part->count; n++) {
        if (part->links[n] == UINT32_MAX)
            free_component(&part->plans[n]);
        else
            detach(container, part->links[n]);
    }
    free(part);
    *dropped = NULL;
}

/* What is there of this component from before the move. At home it may have been there since the
 * engine was opened, and ends of links may have been, too. */
void move_drop_old(struct container *container)
{
    struct moves *moves = container->moves;
    const struct tt_wiring_way *way = moves->way;
    bool is_coming = moves->role == MOVE_COMING;

    for (struct move_part **at = &moves->parts; *at; at = &(*at)->next) {
        struct move_part *part = *at;

        if (part->way->component != moves->component)
            continue;
        *at = part->next;
        for (uint32_t n = 0; n < part->count; n++)
            if (!is_coming || part->links[n] != UINT32_MAX)
                leave_node(container, part->numbers[n]);
        move_drop_part(container, &part);
        moves->leaving.state = moves->leaving.scratch = NULL;
        break;
    }
    if (!is_coming)
        free_component(&moves->leaving);
    for (uint32_t n = 0; is_home(container) == is_coming && n < way->in_count + way->out_count; n++)
        if (container->links[way->first_link + n]) {
            leave_node(container, container->node_of_link[way->first_link + n]);
            detach(container, way->first_link + n);
        }
    keep_part(moves);
}
