/* Which process of a service hosts what, and the shared memory between them. */
#include "spec/wiring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "spec/depths.h"
#include "spec/picture_build.h"
#include "spec/places.h"
#include "spec/sizes.h"
#include "spec/ways.h"
#include "tactus/format.h"

enum {
    PAGE_BYTES = 4096,
    CODED_DEPTH_MIN = 16,
    RAW_DEPTH_MIN = 4,
    LARGE_DEPTH_MAX = 32, /* of frames of which more would take more than this */
    RING_BYTES_MAX = 64 << 20,
    RECORDS_MIN = 1024,
    RECORDS_MAX = 1 << 16,
    GUESTS_BYTES_MAX = 8 << 20, /* of a pool, for components that may come from elsewhere */
    SPARE_BYTES_MAX = 64 << 20, /* likewise, of a container that has nothing else */
    /* Frames that may wait for a component on its way elsewhere beside its queue, while they are
     * small: sound comes often, and a busy machine takes some periods for what stands still. */
    MOVING_MAX = 8,
    MOVING_BYTES_MAX = 256 << 10
};

static const uint64_t pool_bytes_max = 64ull << 30;

struct plan {
    const struct tt_picture *picture;
    struct tt_wiring *wiring;
    uint32_t *process_of; /* the wiring's */
    /* Frames of an output that may be alive at once, with those that go on in place. */
    uint64_t alive[SPEC_PICTURE_COMPONENTS_MAX][TT_PORTS_MAX];
    int64_t until_ns[SPEC_PICTURE_COMPONENTS_MAX]; /* least deadline of the sinks it reaches */
    struct tt_error *err;
};

static uint32_t power_of_two(uint64_t count)
{
    uint32_t power = 1;

    while (power < count && power < 1u << 30)
        power *= 2;
    return power;
}

/* A live service that its deadlines allow to fall behind has so many frames on their way at once:
 * they come from an edge before the first is taken, or go to one in a burst, and a full ring loses
 * one. Coded flows are as deep already. */
static uint64_t backlog(const struct plan *plan, const struct tt_picture_flow *flow)
{
    struct tt_rational rate = flow->format.rate;

    if (!plan->picture->is_live || rate.num <= 0 || plan->until_ns[flow->to] == INT64_MAX)
        return 0;
    return (uint64_t)tt_ns_index(plan->until_ns[flow->to], rate) + 2;
}

/* Pictures are large, and a deadline may be long. */
static uint64_t depth_max(const struct tt_picture_flow *flow)
{
    uint64_t least = flow->format.kind == TT_VIDEO ? LARGE_DEPTH_MAX : SPEC_DEPTH_MAX;
    uint64_t most = RING_BYTES_MAX / (flow->bytes_max > 0 ? flow->bytes_max : 1);

    if (most > TT_DEPTH_MAX)
        return TT_DEPTH_MAX;
    return most > least ? most : least;
}

static uint32_t link_depth(const struct plan *plan, const struct tt_picture_flow *flow)
{
    bool is_raw = flow->format.kind == TT_VIDEO || flow->format.kind == TT_AUDIO;
    uint64_t depth = is_raw ? RAW_DEPTH_MIN : CODED_DEPTH_MIN, most = backlog(plan, flow);

    if (most > depth_max(flow))
        most = depth_max(flow);
    if (is_raw && depth < most)
        depth = most;
    return power_of_two(flow->depth > depth ? flow->depth : depth);
}

static void find_deadlines(struct plan *plan)
{
    const struct tt_picture *picture = plan->picture;

    for (uint32_t n = 0; n < picture->component_count; n++)
        plan->until_ns[n] =
            picture->components[n].is_sink ? picture->components[n].deadline_ns : INT64_MAX;
    for (uint32_t n = picture->component_count; n-- > 0;) /* consumers stand later */
        for (uint32_t f = 0; f < picture->flow_count; f++) {
            const struct tt_picture_flow *flow = &picture->flows[f];

            if (flow->to == n && plan->until_ns[n] < plan->until_ns[flow->from])
                plan->until_ns[flow->from] = plan->until_ns[n];
        }
}

static bool are_together(const struct tt_picture *picture, uint32_t a, uint32_t b)
{
    const struct tt_picture_component *one = &picture->components[a];
    const struct tt_picture_component *other = &picture->components[b];

    return (one->flags & other->flags & TT_TOGETHER) != 0 && one->is_source && other->is_source &&
           strcmp(one->kind, other->kind) == 0 && strcmp(one->plugin, other->plugin) == 0;
}

/* The process of another of its kind that has a place left; 0: none. */
static uint32_t shared_process(const struct plan *plan, uint32_t component)
{
    uint32_t members[TT_PROCESSES_MAX] = {0};

    for (uint32_t n = 0; n < component; n++)
        if (are_together(plan->picture, n, component))
            members[plan->process_of[n]]++;
    for (uint32_t n = 0; n < plan->wiring->process_count; n++)
        if (members[n] > 0 && members[n] < TT_TOGETHER_MAX)
            return n;
    return 0;
}

static int add_process(struct plan *plan, uint32_t component)
{
    struct tt_wiring *wiring = plan->wiring;
    uint32_t shared = shared_process(plan, component);

    if (shared > 0) {
        plan->process_of[component] = shared;
        return 0;
    }
    /* Pools are numbered like processes, and frames name their pool. */
    if (wiring->process_count == TT_POOLS_MAX)
        return tt_fail(plan->err, -E2BIG,
                       "the service has more than %d components at an edge: split it",
                       TT_POOLS_MAX - 1);
    plan->process_of[component] = wiring->process_count;
    wiring->processes[wiring->process_count++].component = (int32_t)component;
    return 0;
}

bool tt_wiring_is_container(const struct tt_wiring *wiring, uint32_t process)
{
    return wiring->processes[process].component < 0;
}

bool tt_wiring_is_spare(const struct tt_wiring *wiring, uint32_t process)
{
    return process < wiring->container_count &&
           process >= wiring->container_count - wiring->spare_count;
}

uint64_t tt_wiring_guest_bytes(const struct tt_wiring *wiring, uint32_t container)
{
    return tt_wiring_is_spare(wiring, container) ? SPARE_BYTES_MAX : GUESTS_BYTES_MAX;
}

bool tt_wiring_is_between(const struct tt_wiring *wiring, uint32_t link)
{
    return tt_wiring_is_container(wiring, wiring->links[link].from) &&
           tt_wiring_is_container(wiring, wiring->links[link].to);
}

static bool is_edge(const struct tt_picture *picture, uint32_t component)
{
    return (picture->components[component].flags & TT_EDGE) != 0;
}

uint32_t tt_wiring_home(const struct tt_picture *picture, const uint32_t *process_of,
                        uint32_t component, uint32_t pin)
{
    uint32_t first = UINT32_MAX;

    if (!is_edge(picture, component))
        return process_of[component];
    for (uint32_t n = 0; n < picture->flow_count; n++) {
        const struct tt_picture_flow *flow = &picture->flows[n];

        if (flow->from == component && flow->from_out == pin && flow->to < first &&
            !is_edge(picture, flow->to))
            first = flow->to;
    }
    return first == UINT32_MAX ? 0 : process_of[first];
}

static uint32_t home_of(const struct plan *plan, uint32_t component, uint32_t pin)
{
    return tt_wiring_home(plan->picture, plan->process_of, component, pin);
}

/* Does this flow go from one container to another? */
static bool is_between(const struct plan *plan, const struct tt_picture_flow *flow)
{
    return !is_edge(plan->picture, flow->to) &&
           home_of(plan, flow->from, flow->from_out) != plan->process_of[flow->to];
}

static int add_link(struct plan *plan, const struct tt_wiring_link *link)
{
    struct tt_wiring *wiring = plan->wiring;

    if (wiring->link_count == TT_LINKS_MAX)
        return tt_fail(plan->err, -E2BIG, "the service has more than %d links: split it",
                       TT_LINKS_MAX);
    wiring->links[wiring->link_count++] = *link;
    return 0;
}

/* One link carries an output to all its consumers: as deep as the deepest of them asks. */
static int link_outputs(struct plan *plan, uint32_t component)
{
    const struct tt_picture *picture = plan->picture;
    int r = 0;

    for (uint32_t pin = 0; r == 0 && pin < picture->components[component].out_count; pin++) {
        struct tt_wiring_link link = {.from = plan->process_of[component],
                                      .to = home_of(plan, component, pin),
                                      .component = component,
                                      .pin = pin};

        for (uint32_t n = picture->flow_count; n-- > 0;) {
            const struct tt_picture_flow *flow = &picture->flows[n];

            if (flow->from != component || flow->from_out != pin)
                continue;
            link.flow = n;
            link.depth = link_depth(plan, flow) > link.depth ? link_depth(plan, flow) : link.depth;
        }
        if (link.depth > 0)
            r = add_link(plan, &link);
    }
    return r;
}

static int link_inputs(struct plan *plan, uint32_t component)
{
    const struct tt_picture *picture = plan->picture;
    const struct tt_picture_component *self = &picture->components[component];
    int r = 0;

    for (uint32_t pin = 0; r == 0 && pin < self->in_count; pin++) {
        uint32_t flow = (uint32_t)self->in[pin].flow;
        struct tt_wiring_link link = {
            .from = home_of(plan, picture->flows[flow].from, picture->flows[flow].from_out),
            .to = plan->process_of[component],
            .component = component,
            .pin = pin,
            .flow = flow,
            .depth = link_depth(plan, &picture->flows[flow])};

        r = add_link(plan, &link);
    }
    return r;
}

/* One link carries an output to all its consumers in another container. */
static int link_between(struct plan *plan, uint32_t component, uint32_t pin, uint32_t to)
{
    const struct tt_picture *picture = plan->picture;
    struct tt_wiring_link link = {
        .from = home_of(plan, component, pin), .to = to, .component = component, .pin = pin};

    for (uint32_t n = picture->flow_count; n-- > 0;) {
        const struct tt_picture_flow *flow = &picture->flows[n];
        uint32_t depth;

        if (flow->from != component || flow->from_out != pin || plan->process_of[flow->to] != to ||
            !is_between(plan, flow))
            continue;
        depth = link_depth(plan, flow);
        link.flow = n;
        link.depth = depth > link.depth ? depth : link.depth;
    }
    return link.depth > 0 ? add_link(plan, &link) : 0;
}

static int link_containers(struct plan *plan)
{
    const struct tt_picture *picture = plan->picture;
    uint32_t count = plan->wiring->container_count;
    int r = 0;

    for (uint32_t n = 0; count > 1 && r == 0 && n < picture->component_count; n++)
        for (uint32_t pin = 0; r == 0 && pin < picture->components[n].out_count; pin++)
            for (uint32_t to = 0; r == 0 && to < count; to++)
                r = link_between(plan, n, pin, to);
    return r;
}

/* What a consumer may hold of an input at once: its queue, what it keeps by its own word, the frame
 * of the running call, and the one that a join shows again when the next is late. */
static uint64_t held(const struct tt_picture *picture, const struct tt_picture_flow *flow)
{
    return flow->depth + picture->components[flow->to].in[flow->to_in].hold_max + 2ull;
}

/* Ends of a flow that may be in a spare container at once: no two of one flow are in the same. */
static uint32_t ends_away(const struct plan *plan, const struct tt_picture_flow *flow)
{
    uint32_t ends = !is_edge(plan->picture, flow->from) + !is_edge(plan->picture, flow->to);

    return ends < plan->wiring->spare_count ? ends : plan->wiring->spare_count;
}

static uint32_t slot_bytes_of(const struct tt_picture_component *component, uint32_t pin)
{
    uint32_t bytes = component->shape.bytes_max[pin] > 0 ? component->shape.bytes_max[pin] : 1;

    return (bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
}

/* Only among the containers of a live service does anything move. */
static uint64_t moving(const struct plan *plan, const struct tt_picture_flow *flow)
{
    uint64_t most;

    if (!plan->picture->is_live || plan->wiring->container_count < 2 || flow->format.rate.num <= 0)
        return 0;
    most = MOVING_BYTES_MAX / slot_bytes_of(&plan->picture->components[flow->from], flow->from_out);
    return most < MOVING_MAX ? most : MOVING_MAX;
}

/* Frames of its output that may be alive for the sake of one flow alone. */
static uint64_t frames_for(const struct plan *plan, const struct tt_picture_flow *flow)
{
    const struct tt_picture *picture = plan->picture;
    const struct tt_picture_component *to = &picture->components[flow->to];
    uint64_t count = held(picture, flow), away = ends_away(plan, flow);

    if (is_edge(picture, flow->to))
        count += link_depth(plan, flow);
    else if (away == 0)
        count += moving(plan, flow);
    if (is_between(plan, flow)) /* before its ring, in it, behind it */
        count += 2ull * link_depth(plan, flow) + flow->depth;
    count += away * (2ull * spec_way_depth(flow) + flow->depth);
    /* Whoever may pass a frame on may do so to all of its outputs (tee). */
    for (uint32_t out = 0; to->in[flow->to_in].in_place_of >= 0 && out < to->out_count; out++)
        count += plan->alive[flow->to][out];
    return count;
}

/* The bound of an output that no run can exceed: all its consumers' queues full and all they may
 * hold held, every link's ring full and as many again held behind it by the reader, and one
 * activation writing. In consumers that pass a frame on in place, it lives on in their output's
 * consumers. Consumers stand later in the picture, so their bounds are known. */
static void bound_output(struct plan *plan, uint32_t component, uint32_t pin)
{
    const struct tt_picture *picture = plan->picture;
    uint32_t out_max = picture->components[component].shape.out_max[pin];
    uint64_t count = (out_max > 1 ? out_max : 1) + 2ull, deepest = 0, consumers = 0;

    for (uint32_t n = 0; n < picture->flow_count; n++) {
        const struct tt_picture_flow *flow = &picture->flows[n];
        uint64_t frames;

        if (flow->from != component || flow->from_out != pin)
            continue;
        frames = frames_for(plan, flow);
        plan->wiring->room_of[n] = frames < UINT32_MAX ? (uint32_t)frames : UINT32_MAX;
        count += frames;
        consumers++;
        if (is_edge(picture, flow->from) && link_depth(plan, flow) > deepest)
            deepest = link_depth(plan, flow);
    }
    /* Several consumers have each as much room beyond their queues as the ring has. */
    count += consumers > 1 ? 2 * deepest : deepest;
    plan->alive[component][pin] = count;
}

static void bound_all(struct plan *plan)
{
    for (uint32_t n = plan->picture->component_count; n-- > 0;)
        for (uint32_t pin = 0; pin < plan->picture->components[n].out_count; pin++)
            bound_output(plan, n, pin);
}

static int lay_out(struct plan *plan, uint32_t process, const struct spec_size *sizes,
                   uint32_t count)
{
    struct tt_pool_view *pool = &plan->wiring->processes[process].pool;
    uint64_t slots = 0, bytes = 0;

    for (uint32_t n = 0; n < count; n++) {
        pool->classes[n] = (struct tt_pool_class){
            .slot_bytes = sizes[n].slot_bytes, .slot_count = sizes[n].slot_count, .offset = bytes};
        bytes += (uint64_t)sizes[n].slot_bytes * sizes[n].slot_count;
        slots += sizes[n].slot_count;
    }
    if (slots > TT_POOL_SLOTS_MAX)
        return tt_fail(plan->err, -E2BIG,
                       "a pool would need %lu frames, at most %d are managed: split the service",
                       (unsigned long)slots, TT_POOL_SLOTS_MAX);
    pool->class_count = count;
    pool->slot_count = (uint32_t)slots;
    pool->bytes = bytes;
    plan->wiring->pool_bytes += bytes;
    if (bytes > pool_bytes_max)
        return tt_fail(plan->err, -E2BIG,
                       "a pool would need %lu MiB, at most %lu are given: use smaller pictures",
                       (unsigned long)(bytes >> 20), (unsigned long)(pool_bytes_max >> 20));
    return 0;
}

static uint64_t frames_of(const struct plan *plan, uint32_t n, uint64_t *ret_bytes)
{
    uint64_t frames = 0;

    *ret_bytes = 0;
    for (uint32_t pin = 0; pin < plan->picture->components[n].out_count; pin++) {
        frames += plan->alive[n][pin];
        *ret_bytes += plan->alive[n][pin] * slot_bytes_of(&plan->picture->components[n], pin);
    }
    return frames;
}

/* Whose frames a pool has. It cannot grow while it is used: in each container of several there is
 * room for what runs in the others and may come, for one after another while it is little. */
static void mark_writers(const struct plan *plan, uint32_t process, bool *ret_is_here)
{
    uint64_t bytes, frames, slots = TT_POOL_SLOTS_MAX;
    uint64_t left = tt_wiring_guest_bytes(plan->wiring, process);

    for (uint32_t n = 0; n < plan->picture->component_count; n++) {
        ret_is_here[n] = plan->process_of[n] == process;
        frames = ret_is_here[n] ? frames_of(plan, n, &bytes) : 0;
        slots -= frames < slots ? frames : slots;
    }
    if (!plan->picture->is_live || plan->wiring->container_count == 1 ||
        process >= plan->wiring->container_count)
        return;
    for (uint32_t n = 0; n < plan->picture->component_count; n++) {
        frames = frames_of(plan, n, &bytes);
        if (ret_is_here[n] || is_edge(plan->picture, n) || bytes > left || frames > slots)
            continue;
        ret_is_here[n] = true;
        left -= bytes;
        slots -= frames;
    }
}

/* Outputs of like size share a class: each may take what it needs at most, so none runs dry. */
static int make_pool(struct plan *plan, uint32_t process)
{
    const struct tt_picture *picture = plan->picture;
    struct spec_size sizes[SPEC_PICTURE_COMPONENTS_MAX + 1];
    bool is_here[SPEC_PICTURE_COMPONENTS_MAX];
    uint32_t count = 0;
    int r;

    mark_writers(plan, process, is_here);
    for (uint32_t n = 0; n < picture->component_count; n++)
        for (uint32_t pin = 0; is_here[n] && pin < picture->components[n].out_count; pin++) {
            struct spec_size size = {slot_bytes_of(&picture->components[n], pin),
                                     (uint32_t)plan->alive[n][pin]};

            if (count == SPEC_PICTURE_COMPONENTS_MAX || plan->alive[n][pin] > TT_POOL_SLOTS_MAX)
                return tt_fail(plan->err, -E2BIG, "'%s' would keep %lu frames alive: at most %d",
                               picture->components[n].name, (unsigned long)plan->alive[n][pin],
                               TT_POOL_SLOTS_MAX);
            spec_size_add(sizes, &count, size);
        }
    spec_sizes_merge(sizes, &count);
    r = lay_out(plan, process, sizes, count);
    for (uint32_t n = 0; n < picture->component_count; n++)
        for (uint32_t pin = 0; pin < TT_PORTS_MAX; pin++) {
            uint32_t *class = &plan->wiring->processes[process].class_of[n][pin];

            *class = TT_NO_PORT;
            if (!is_here[n] || pin >= picture->components[n].out_count)
                continue;
            for (*class = 0;
                 sizes[*class].slot_bytes < slot_bytes_of(&picture->components[n], pin);)
                ++*class;
        }
    return r;
}

/* Half a second of records: tactusd looks ten times a second, and sometimes it is not let. An
 * activation gives a hop, at a sink a frame and maybe a use or a note for each input. */
static uint32_t record_slots(const struct plan *plan, uint32_t process)
{
    uint64_t a_second = 0;

    for (uint32_t n = 0; n < plan->picture->component_count; n++) {
        const struct tt_picture_component *component = &plan->picture->components[n];

        if (process < plan->wiring->container_count || plan->process_of[n] == process)
            a_second += (uint64_t)(component->rate.num / component->rate.den + 1) *
                        (2 + 2 * component->in_count);
    }
    if (a_second / 2 < RECORDS_MIN)
        return RECORDS_MIN;
    return a_second / 2 > RECORDS_MAX ? RECORDS_MAX : power_of_two(a_second / 2);
}

/* Containers come first: a frame's way through them is the same whatever stands around them. Spare
 * ones come last of them, so that the plan's workers keep their numbers. */
static int add_containers(struct plan *plan)
{
    const struct tt_picture *picture = plan->picture;
    struct tt_wiring *wiring = plan->wiring;

    wiring->container_count = 1;
    for (uint32_t n = 0; n < picture->component_count; n++) {
        uint32_t worker = picture->components[n].worker;

        if (is_edge(picture, n))
            continue;
        tt_assert(worker < TT_WORKERS_MAX);
        plan->process_of[n] = worker;
        if (worker >= wiring->container_count)
            wiring->container_count = worker + 1;
    }
    if (picture->is_live) /* nothing else moves */
        wiring->spare_count = picture->spare_containers;
    wiring->container_count += wiring->spare_count;
    wiring->process_count = wiring->container_count;
    for (uint32_t n = 0; n < wiring->container_count; n++)
        wiring->processes[n].component = -1;
    return wiring->container_count <= TT_WORKERS_MAX
               ? 0
               : tt_fail(plan->err, -E2BIG,
                         "the service would have %u containers with its %u spare ones, at most %d "
                         "are given: write fewer `spare_containers`",
                         wiring->container_count, wiring->spare_count, TT_WORKERS_MAX);
}

static int make_process(struct plan *plan, uint32_t process)
{
    struct tt_wiring_process *self = &plan->wiring->processes[process];

    self->class_of = calloc(plan->picture->component_count, sizeof(*self->class_of));
    if (!self->class_of)
        return tt_fail(plan->err, -ENOMEM, "no memory for the service's wiring");
    self->record_slots = record_slots(plan, process);
    return make_pool(plan, process);
}

static int make_all(struct plan *plan)
{
    const struct tt_picture *picture = plan->picture;
    struct tt_wiring *wiring = plan->wiring;
    int r;

    find_deadlines(plan);
    r = add_containers(plan);
    for (uint32_t n = 0; r == 0 && n < picture->component_count; n++)
        if (is_edge(picture, n))
            r = add_process(plan, n);
    for (uint32_t n = 0; r == 0 && n < picture->component_count; n++)
        if (is_edge(picture, n)) {
            r = link_outputs(plan, n);
            if (r == 0)
                r = link_inputs(plan, n);
        }
    if (r == 0)
        r = link_containers(plan);
    if (r == 0)
        bound_all(plan);
    for (uint32_t process = 0; r == 0 && process < wiring->process_count; process++)
        r = make_process(plan, process);
    if (r == 0 && wiring->pool_bytes > pool_bytes_max)
        r = tt_fail(plan->err, -E2BIG, "the pools would need %lu MiB, at most %lu are given",
                    (unsigned long)(wiring->pool_bytes >> 20),
                    (unsigned long)(pool_bytes_max >> 20));
    return r == 0 ? spec_places(picture, wiring, plan->err) : r;
}

int tt_wiring_make(const struct tt_picture *picture, struct tt_wiring **ret, struct tt_error *err)
{
    struct plan *plan = calloc(1, sizeof(*plan));
    struct tt_wiring *wiring = calloc(1, sizeof(*wiring));
    int r = -ENOMEM;

    tt_assert(picture->component_count <= SPEC_PICTURE_COMPONENTS_MAX);
    if (wiring) {
        wiring->process_of = calloc(picture->component_count + 1, sizeof(*wiring->process_of));
        wiring->home_of = calloc(picture->component_count + 1, sizeof(*wiring->home_of));
        wiring->room_of = calloc(picture->flow_count + 1, sizeof(*wiring->room_of));
    }
    if (!plan || !wiring || !wiring->process_of || !wiring->home_of || !wiring->room_of) {
        (void)tt_fail(err, -ENOMEM, "no memory for the service's wiring");
    } else {
        *plan = (struct plan){
            .picture = picture, .wiring = wiring, .process_of = wiring->process_of, .err = err};
        r = make_all(plan);
        memcpy(wiring->home_of, wiring->process_of,
               picture->component_count * sizeof(*wiring->home_of));
    }
    free(plan);
    if (r < 0)
        tt_wiring_close(&wiring);
    else
        *ret = wiring;
    return r;
}

void tt_wiring_close(struct tt_wiring **wiring)
{
    for (uint32_t n = 0; *wiring && n < TT_PROCESSES_MAX; n++) {
        free((*wiring)->processes[n].class_of);
        free((*wiring)->processes[n].places);
    }
    if (*wiring) {
        free((*wiring)->process_of);
        free((*wiring)->home_of);
        free((*wiring)->room_of);
    }
    free(*wiring);
    *wiring = NULL;
}
