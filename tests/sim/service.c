/* A service in the simulated machine: what tactusd's run.c does, in virtual time. */
#include "service.h"

#include <errno.h>
#include <stdarg.h>

#include "check.h"
#include "claims.h"
#include "crashes.h"
#include "judge.h"
#include "tactus/format.h"

#define MS INT64_C(1000000)

enum { HOP_NS = 3000, HAND_OFF_NS = 200000, TURN_NS = 1000, GO_AHEAD_NS = 5000000 };

static const struct tt_rational rates[] = {{5, 1}, {8, 1}, {10, 1}, {12, 1}, {24, 1}, {25, 1}};
static const struct tt_rational band_rates[] = {{4, 1},  {5, 1},  {10, 1},  {20, 1},
                                                {25, 1}, {30, 1}, {150, 1}, {200, 1}};

static int64_t now_of(const struct service *service)
{
    return tt_machine_now(service->node->machine);
}

__attribute__((format(printf, 2, 3))) static void tell(const struct service *service,
                                                       const char *format, ...)
{
    va_list args;

    if (!service->node->is_verbose)
        return;
    printf("%12.3f ms service %u: ", (double)now_of(service) / 1e6, service->number);
    va_start(args, format);
    (void)vprintf(format, args);
    va_end(args);
    printf("\n");
}

void service_excuse(struct service *service, int64_t from_ns, int64_t until_ns)
{
    CHECK(service->excuse_count < EXCUSES_MAX);
    service->excuses[service->excuse_count++] =
        (struct excuse){.from_ns = from_ns, .until_ns = until_ns};
}

/* Sinks that nothing of this component comes to. */
static uint64_t spared_by(const struct tt_picture *picture, uint32_t component)
{
    bool is_behind[PICTURE_COMPONENTS] = {false};
    uint64_t spared = 0;

    is_behind[component] = true;
    for (uint32_t n = 0; n < picture->component_count; n++) {
        for (uint32_t f = 0; f < picture->flow_count; f++)
            if (picture->flows[f].to == n && is_behind[picture->flows[f].from])
                is_behind[n] = true;
        if (picture->components[n].sink >= 0 && !is_behind[n])
            spared |= UINT64_C(1) << picture->components[n].sink;
    }
    return spared;
}

/* Somebody who overran a moment ago may be the only standby. */
void service_overrun(struct service *service, uint32_t component, int64_t cost_ns)
{
    bool is_soon = service->overran_ns > 0 && now_of(service) - service->overran_ns < 5000 * MS;

    service_excuse(service, now_of(service), now_of(service) + 4 * cost_ns);
    if (!is_soon && service->overrun_ns == 0) {
        service->excuses[service->excuse_count - 1].spared =
            spared_by(&service->made.picture, component);
        service->excuses[service->excuse_count - 1].is_brief = true;
    }
    service->fault_component = component;
    service->overrun_ns = cost_ns;
    service->overran_ns = now_of(service);
}

void node_gap(struct node *node, int64_t from_ns, int64_t until_ns)
{
    CHECK(node->gap_count < EXCUSES_MAX);
    node->gaps[node->gap_count++] = (struct excuse){.from_ns = from_ns, .until_ns = until_ns};
}

static bool is_container(const struct service *service, uint32_t process)
{
    return process < service->wiring->container_count;
}

static void close_container(struct service *service, uint32_t process)
{
    judge_life_over(service, process);
    claims_died(service, process);
    graph_close(&service->containers[process].graph);
}

/* What happens to one life of a process later than now. */
struct later {
    struct service *service;
    enum supervise_kind kind;
    uint32_t process, life;
    bool is_clean;
};

static void feed(struct service *service, const struct supervise_event *event);

static void on_later(void *ctx)
{
    struct later later = *(struct later *)ctx;
    struct service *service = later.service;
    struct supervise_event event = {
        .kind = later.kind, .process = later.process, .is_clean = later.is_clean};

    free(ctx);
    if (later.kind == SUPERVISE_TICK || service->has_ended)
        return;
    if (service->spawned[later.process] != later.life)
        return;
    if (later.kind != SUPERVISE_DIED && !service->is_alive[later.process])
        return;
    if (later.kind == SUPERVISE_DIED && later.is_clean) {
        if (!service->is_alive[later.process])
            return; /* it was killed meanwhile */
        service->is_alive[later.process] = false;
        if (is_container(service, later.process))
            close_container(service, later.process);
    }
    if (later.kind == SUPERVISE_DIED) {
        event.text = later.is_clean ? "in order" : "killed";
        event.is_through = judge_is_through(service, later.process);
    }
    feed(service, &event);
}

static void happens(struct service *service, enum supervise_kind kind, uint32_t process,
                    int64_t delay_ns, bool is_clean)
{
    struct later *later = malloc(sizeof(*later));

    CHECK(later != NULL);
    *later = (struct later){service, kind, process, service->spawned[process], is_clean};
    tt_machine_at(service->node->machine, now_of(service) + delay_ns, on_later, later);
}

static int64_t cost(void *ctx, uint32_t component, const struct tt_call *call)
{
    struct service *service = ctx;
    int64_t most_ns = service->made.components[component].shape.cost_max_ns + HOP_NS;
    int64_t cost_ns = tt_costs_draw(
        service->node->costs, (service->number * 7 + component * 3) % service->node->costs->count,
        draw_next(&service->draw), most_ns);
    const struct graph *graph = service->containers[service->wiring->process_of[component]].graph;
    int64_t overrun_ns = service->overrun_ns;
    bool is_faulty = component == service->fault_component;

    while (is_faulty && now_of(service) < service->hang_until_ns) {
        graph_spend(graph, MS / 2);
        if (service->is_hang_polite && call->stop)
            return 0;
    }
    if (is_faulty && now_of(service) < service->error_until_ns)
        return -1;
    if (is_faulty && overrun_ns > 0) {
        service->overrun_ns = 0;
        service->overran_ns = now_of(service);
        return overrun_ns;
    }
    if (is_faulty && now_of(service) < service->slow_until_ns)
        return cost_ns * service->slow_factor;
    return cost_ns;
}

static void ring(void *ctx, uint32_t peer)
{
    struct service *service = ctx;

    CHECK(peer < service->wiring->process_count);
    if (!is_container(service, peer))
        edge_rung(&service->edges[peer]);
    else if (service->containers[peer].graph != NULL)
        tt_world_bell(service->containers[peer].graph->world);
}

static void edge_is_through(void *ctx, uint32_t process)
{
    happens(ctx, SUPERVISE_DIED, process, 3 * MS, true);
}

static void spawn(struct service *service, uint32_t process)
{
    int64_t delay_ns = draw_between(&service->draw, MS, 40 * MS);

    tell(service, "spawn %u", process);
    service->spawned[process]++;
    service->is_alive[process] = true;
    if (is_container(service, process)) {
        struct container *container = &service->containers[process];
        struct graph_params params = {
            .picture = &service->made.picture,
            .plan = service->plan,
            .wiring = service->wiring,
            .machine = service->node->machine,
            .pools = service->pools,
            .links = service->links,
            .self = process,
            .end_ns = service->end_ns,
            .turn_ns = TURN_NS,
            .hand_off_max_ns = service->node->has_standbys ? HAND_OFF_NS : 0,
            .hop_ns = HOP_NS,
            .record_slots = service->wiring->processes[process].record_slots,
            .cost = cost,
            .ring = ring,
            .ctx = service};

        CHECK(container->graph == NULL);
        container->graph = graph_open(&params);
        container->is_engine_seen_ended = false;
        container->lives++;
        service->stats.lives++;
    } else {
        edge_start(&service->edges[process]);
        if (service->edges[process].is_source)
            happens(service, SUPERVISE_PRIMED, process, delay_ns + 2 * MS, false);
    }
    happens(service, SUPERVISE_READY, process, delay_ns, false);
}

void service_die(struct service *service, uint32_t process)
{
    if (!service->is_alive[process])
        return;
    tell(service, "%u is gone", process);
    service->is_alive[process] = false;
    service->stats.deaths++;
    service->stats.early_deaths += !service->supervise.is_gone_once;
    service->stats.further_deaths +=
        service->supervise.state == SUPERVISE_BACKING_OFF ||
        (service->supervise.is_gone_once && service->supervise.state == SUPERVISE_STARTING);
    if (is_container(service, process)) {
        service_poll(service);
        close_container(service, process);
    } else {
        edge_kill(&service->edges[process]);
    }
    happens(service, SUPERVISE_DIED, process, draw_between(&service->draw, MS / 2, 3 * MS), false);
}

void service_has_class(struct service *service, uint32_t process)
{
    happens(service, SUPERVISE_RESERVED, process, MS / 10, false);
}

static void go(struct service *service, uint32_t process)
{
    int64_t first_ns = now_of(service) + GO_AHEAD_NS - service->epoch_ns;

    if (!service->is_alive[process])
        return;
    first_ns = first_ns < 0 ? 0 : first_ns;
    if (!is_container(service, process)) {
        edge_go(&service->edges[process], service->epoch_ns, first_ns);
        return;
    }
    judge_life_begins(service, process, first_ns);
    if (claims_leaves(service, process))
        graph_leave(service->containers[process].graph);
    graph_go(service->containers[process].graph, service->epoch_ns, first_ns);
}

static void go_all(struct service *service)
{
    service->epoch_ns = now_of(service) + GO_AHEAD_NS;
    tell(service, "go");
    for (uint32_t n = 0; n < service->wiring->process_count; n++)
        go(service, n);
    claims_go(service);
}

static void send_stop(struct service *service, uint32_t process)
{
    if (!service->is_alive[process])
        return;
    if (!is_container(service, process)) {
        edge_stop(&service->edges[process]);
        return;
    }
    tt_engine_stop(service->containers[process].graph->engine);
    tt_world_bell(service->containers[process].graph->world);
}

static void on_supervise_timer(void *ctx)
{
    struct service *service = ctx;

    service->is_timer_used = false;
    if (service->has_ended || service->timer_ns == INT64_MAX)
        return;
    if (now_of(service) < service->timer_ns) {
        service->is_timer_used = true;
        tt_machine_at(service->node->machine, service->timer_ns, on_supervise_timer, service);
        return;
    }
    service->timer_ns = INT64_MAX;
    service_feed(service, SUPERVISE_TICK, 0, NULL);
}

/* A timer that is moved to an earlier time needs one of its own; the later one finds nothing. */
static void set_timer(struct service *service, int64_t at_ns)
{
    bool is_earlier = at_ns < service->timer_ns;

    service->timer_ns = at_ns;
    if (service->is_timer_used && !is_earlier)
        return;
    service->is_timer_used = true;
    tt_machine_at(service->node->machine, at_ns, on_supervise_timer, service);
}

static void end(struct service *service, const struct supervise_action *action)
{
    tell(service, "end: %s", action->text);
    (void)snprintf(service->reason, sizeof(service->reason), "%s", action->text);
    service->has_ended = true;
    for (uint32_t n = 0; n < PROCESSES_MAX; n++)
        CHECK(!service->is_alive[n]);
    for (uint32_t n = 0; n < TT_WORKERS_MAX; n++)
        CHECK(service->containers[n].graph == NULL);
    books_give_back(&service->node->books, service->number + 1, now_of(service));
}

static void perform(struct service *service, const struct supervise_action *action)
{
    switch (action->verb) {
    case SUPERVISE_SPAWN:
        spawn(service, action->process);
        break;
    case SUPERVISE_KILL:
        tell(service, "kill %u", action->process);
        if (service->node->has_crashes)
            crashes_kill(service, action->process);
        else
            service_die(service, action->process);
        break;
    case SUPERVISE_RESERVE:
        claims_ask(service, action->process);
        break;
    case SUPERVISE_GO:
        if (action->process == SUPERVISE_ALL)
            go_all(service);
        else
            go(service, action->process);
        break;
    case SUPERVISE_SEND_STOP:
        send_stop(service, action->process);
        break;
    case SUPERVISE_LOG:
        tell(service, "%s %d %s", action->name, (int)action->process, action->text);
        judge_event(service, action);
        break;
    case SUPERVISE_TIMER:
        set_timer(service, action->at_ns);
        break;
    case SUPERVISE_LEFT:
        CHECK(false); /* it has no spare container */
        break;
    case SUPERVISE_END:
        end(service, action);
        break;
    }
}

static void feed(struct service *service, const struct supervise_event *event)
{
    static struct supervise_actions actions;
    struct supervise_actions *own;
    uint64_t step[3] = {event->kind, event->process, service->number};

    if (service->has_ended)
        return;
    tt_machine_note(service->node->machine, step, sizeof(step));
    supervise_step(&service->supervise, event, now_of(service), &actions);
    supervise_check(&service->supervise);
    own = malloc(sizeof(*own)); /* an action may lead to the next event */
    CHECK(own != NULL);
    own->count = actions.count;
    memcpy(own->list, actions.list, actions.count * sizeof(actions.list[0]));
    for (uint32_t n = 0; n < own->count; n++)
        perform(service, &own->list[n]);
    free(own);
    if (service->node->has_crashes)
        crashes_step(service);
}

void service_feed(struct service *service, enum supervise_kind kind, uint32_t process,
                  const char *text)
{
    struct supervise_event event = {.kind = kind, .process = process, .text = text};

    feed(service, &event);
}

static void watch(struct service *service, uint32_t process)
{
    const struct graph *graph = service->containers[process].graph;
    const struct tt_engine_stats *stats = &graph->stats;
    int64_t limit_ns;

    if (stats->stuck_since_ns == 0)
        return;
    limit_ns = tt_watchdog_limit_ns(
        &(struct tt_watchdog){.budget_ns = graph->nodes[stats->stuck_node].budget_ns,
                              .reserved_ns = service->plan->workers[process].budget_ns,
                              .period_ns = service->plan->workers[process].period_ns});
    if (now_of(service) - stats->stuck_since_ns > limit_ns)
        service_feed(service, SUPERVISE_STUCK, process, "a component does not return");
}

static void poll_container(struct service *service, uint32_t process)
{
    struct container *container = &service->containers[process];

    if (container->graph == NULL)
        return;
    if (now_of(service) >= service->deaf_until_ns || !service->is_alive[process])
        judge_records(service, process);
    if (!service->is_alive[process])
        return;
    if (graph_has_ended(container->graph) && !container->is_engine_seen_ended) {
        container->is_engine_seen_ended = true;
        judge_records(service, process);
        tt_engine_check(container->graph->engine);
        happens(service, SUPERVISE_DIED, process, 2 * MS, true);
    } else if (!container->is_engine_seen_ended) {
        watch(service, process);
    }
}

void service_poll(struct service *service)
{
    for (uint32_t n = 0; n < TT_WORKERS_MAX; n++)
        poll_container(service, n);
}

static void plan_it(struct service *service)
{
    struct node *node = service->node;
    struct tt_machine machine = {.cpus = node->cpu_count,
                                 .limit_ppm = 900000 * (int64_t)node->cpu_count,
                                 .slack_ppm = service_slack_ppm(node->cpu_count),
                                 .right = TT_RIGHT_DEADLINE,
                                 .wake_ns = 300000,
                                 .hop_ns = HOP_NS,
                                 .is_virtual = true,
                                 .workers_max = node->has_bands ? TT_WORKERS_MAX : 0};
    struct tt_cost costs[PICTURE_COMPONENTS], segments[PICTURE_COMPONENTS];
    struct tt_error err = {0};

    books_tell(&node->books, 0, now_of(service), &machine);
    machine.is_on_partitions = node->is_partitioned; /* all CPUs are, here */
    graph_costs(&service->made.picture, costs, segments);
    CHECK_INT(tt_plan_make(&service->made.picture, costs, segments, &machine, &service->plan, &err),
              0);
    tt_plan_place(service->plan, &service->made.picture);
    CHECK_INT(tt_wiring_make(&service->made.picture, &service->wiring, &err), 0);
    service->is_admitted = service->plan->is_admitted;
    service->is_promised = service->is_admitted && service->plan->budget_ns > 0;
    service->is_booked = service->is_promised;
    for (uint32_t n = 0; service->is_promised && n < service->plan->worker_count; n++) {
        CHECK(books_enter_worker(&node->books, service->number + 1, n,
                                 service->plan->workers[n].budget_ns,
                                 service->plan->workers[n].period_ns));
        books_tolerate(&node->books, service->number + 1, n,
                       service->plan->workers[n].tolerance_ns);
        books_put(&node->books, service->number + 1, n, service->plan->workers[n].partition);
    }
    CHECK(books_ppm(&node->books, now_of(service)) <= node->room_ppm);
}

/* For who replays a seed. */
static void tell_picture(const struct service *service)
{
    const struct tt_picture *picture = &service->made.picture;

    if (!service->node->is_verbose)
        return;
    printf("    ends at %.0f ms\n", (double)service->end_ns / 1e6);
    for (uint32_t n = 0; n < service->plan->worker_count; n++)
        printf("    %s reserves %.3f of %.3f ms\n", service->plan->workers[n].name,
               (double)service->plan->workers[n].budget_ns / 1e6,
               (double)service->plan->workers[n].period_ns / 1e6);
    for (uint32_t n = 0; n < picture->component_count; n++) {
        const struct tt_picture_component *component = &picture->components[n];

        printf("    %s%s in %u, %d/%d a second, costs %.3f ms, due %.3f, fires %.3f, from",
               component->name, component->flags & TT_EDGE ? " (edge)" : "",
               service->wiring->process_of[n], (int)component->rate.num, (int)component->rate.den,
               (double)component->shape.cost_max_ns / 1e6,
               (double)service->plan->due_offset_ns[n] / 1e6,
               (double)service->plan->fire_offset_ns[n] / 1e6);
        for (uint32_t f = 0; f < picture->flow_count; f++)
            if (picture->flows[f].to == n)
                printf(" %s", picture->components[picture->flows[f].from].name);
        if (component->is_sink)
            printf(", deadline %.3f ms", (double)component->deadline_ns / 1e6);
        printf("\n");
    }
}

static void cut_pool(struct tt_pool_view *own, uint32_t pool_cut)
{
    for (uint32_t n = 0; n < own->class_count; n++) {
        uint32_t cut =
            pool_cut < own->classes[n].slot_count ? pool_cut : own->classes[n].slot_count - 1;

        own->classes[n].slot_count -= cut;
        own->slot_count -= cut;
    }
}

static void make_memory(struct service *service, uint32_t pool_cut)
{
    CHECK(service->wiring->process_count <= PROCESSES_MAX);
    CHECK(service->wiring->link_count <= GRAPH_LINKS);
    graph_pools(service->wiring, service->pools);
    for (uint32_t n = 0; n < service->wiring->container_count; n++)
        cut_pool(&service->pools[n], pool_cut);
    for (uint32_t n = 0; n < service->wiring->link_count; n++) {
        uint64_t bytes = (tt_link_bytes(service->wiring->links[n].depth) + 63) & ~(uint64_t)63;

        service->links[n] = aligned_alloc(64, bytes);
        CHECK(service->links[n] != NULL);
        memset(service->links[n], 0, bytes);
    }
}

static void make_edges(struct service *service, uint64_t seed)
{
    for (uint32_t n = service->wiring->container_count; n < service->wiring->process_count; n++) {
        struct edge_params params = {.machine = service->node->machine,
                                     .picture = &service->made.picture,
                                     .wiring = service->wiring,
                                     .pools = service->pools,
                                     .links = service->links,
                                     .process = n,
                                     .seed = seed + n,
                                     .delay_max_ns = MS / 2,
                                     .end_ns = service->end_ns,
                                     .ring = ring,
                                     .on_end = edge_is_through,
                                     .ctx = service};

        edge_init(&service->edges[n], &params);
    }
}

/* Audio, video and batch, and up to what needs two CPUs. */
static void draw_bands(struct draw *draw, struct picture_params *params)
{
    params->has_bands = true;
    params->rates = band_rates;
    params->rate_count = sizeof(band_rates) / sizeof(band_rates[0]);
    params->deadline_min_ns = 40 * MS;
    params->deadline_max_ns = 500 * MS;
    params->share_max_ppm = draw_below(draw, 3) == 0 ? 1800000 : 600000;
}

void service_begin(struct service *service, struct node *node, uint32_t number, uint64_t seed,
                   uint32_t pool_cut)
{
    struct picture_params params = {.rates = rates,
                                    .rate_count = sizeof(rates) / sizeof(rates[0]),
                                    .deadline_min_ns = 15 * MS,
                                    .deadline_max_ns = 250 * MS,
                                    .share_max_ppm = 500000,
                                    .has_edges = true,
                                    .has_latency = node->has_latency};
    struct draw draw = {seed};
    uint64_t sources = 0;

    memset(service, 0, sizeof(*service));
    service->node = node;
    service->number = number;
    service->draw.state = seed ^ 0x5ee0;
    service->timer_ns = INT64_MAX;
    if (node->has_bands)
        draw_bands(&draw, &params);
    picture_draw(&draw, &params, &service->made);
    service->end_ns =
        draw_below(&draw, 3) == 0 ? draw_between(&draw, 1000 * MS, 50000 * MS) : INT64_MAX / 4;
    plan_it(service);
    make_memory(service, pool_cut);
    make_edges(service, seed);
    for (uint32_t n = service->wiring->container_count; n < service->wiring->process_count; n++)
        sources |= (uint64_t)service->edges[n].is_source << n;
    supervise_init(&service->supervise, service->wiring->process_count, sources);
    supervise_set_containers(&service->supervise, service->wiring->container_count);
    claim_init(&service->claim, service->wiring->container_count, 0);
    judge_begin(service);
    crashes_begin(service, seed);
    tell(service, "%s: %s", service->is_admitted ? "admitted" : "refused", service->plan->binding);
    tell_picture(service);
    if (service->is_admitted)
        service_feed(service, SUPERVISE_PLANNED, 0, NULL);
    else
        service_feed(service, SUPERVISE_REFUSED, 0, service->plan->binding);
}

void service_fini(struct service *service)
{
    for (uint32_t n = 0; n < TT_WORKERS_MAX; n++)
        graph_close(&service->containers[n].graph);
    if (service->wiring == NULL)
        return;
    for (uint32_t n = service->wiring->container_count; n < service->wiring->process_count; n++)
        edge_fini(&service->edges[n]);
    for (uint32_t n = 0; n < service->wiring->link_count; n++)
        free(service->links[n]);
    graph_pools_free(service->wiring, service->pools);
    tt_wiring_close(&service->wiring);
    tt_plan_close(&service->plan);
}
