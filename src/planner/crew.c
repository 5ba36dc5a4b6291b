/* A service on several workers: each has a demand and a reservation of its own, and what one hands
 * over to another counts there as released late by the first one's bound: deadlines add up.
 *
 * Each worker is planned as a service by itself is, with what runs elsewhere taken for edges: it
 * costs nothing here, comes as late as its worker's bound says, and must be had by the hand-over's
 * deadline. Workers are planned along the flows, so that each knows what comes to it how late. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/pool_view.h"
#include "planner/partition.h"
#include "planner/place.h"
#include "planner/tardy.h"
#include "planner/work.h"
#include "tactus/format.h"

/* How the time between origin and deadline is divided among the workers on a frame's way. */
enum share { SHARE_BY_BAND, SHARE_EVEN, SHARE_BY_COST, SHARE_COUNT };

enum { FREE_PART = 10 };

/* What a worker may be given to carry, tried in this order: less leaves more room for deadlines. */
static const int64_t caps_ppm[] = {900000, 750000, 600000, 450000};

struct crew {
    struct work *base;
    struct placement placement;
    enum share share;
    bool is_tardy; /* too much for none of them to be late */
    struct tt_machine machines[TT_WORKERS_MAX];
    struct tt_server servers[TT_WORKERS_MAX][TARDY_SET_MAX]; /* what each one's machine has */
    struct work works[TT_WORKERS_MAX];
    struct reservation reservations[TT_WORKERS_MAX];
    int64_t room_ppm[TT_WORKERS_MAX];
    uint32_t partition[TT_WORKERS_MAX];
    int64_t *given_ns, *owed_ns; /* by component */
    uint32_t failed;             /* the worker that has no reservation, or count */
    bool is_unknown;             /* costs: nothing can be reserved */
};

static bool is_real_edge(const struct work *work, uint32_t n)
{
    return (work->picture->components[n].flags & TT_EDGE) != 0;
}

/* The component whose worker an output is handed over by. */
static uint32_t giver_of(const struct crew *crew, const struct tt_picture_flow *flow)
{
    const struct tt_picture *picture = crew->base->picture;
    uint32_t giver = flow->from;

    if (!is_real_edge(crew->base, flow->from))
        return giver;
    for (uint32_t n = picture->flow_count; n-- > 0;)
        if (picture->flows[n].from == flow->from && picture->flows[n].from_out == flow->from_out &&
            !is_real_edge(crew->base, picture->flows[n].to) &&
            (giver == flow->from || picture->flows[n].to < giver))
            giver = picture->flows[n].to;
    return giver;
}

static bool is_crossing(const struct crew *crew, const struct tt_picture_flow *flow)
{
    return !is_real_edge(crew->base, flow->to) &&
           crew->placement.worker_of[giver_of(crew, flow)] != crew->placement.worker_of[flow->to];
}

static const char *name_of(const struct crew *crew, uint32_t worker)
{
    return crew->base->plan->workers[worker].name;
}

static void name_workers(struct crew *crew)
{
    const struct placement *placement = &crew->placement;

    for (uint32_t n = 0; n < placement->count; n++) {
        struct tt_plan_worker *worker = &crew->base->plan->workers[n];
        uint32_t same = 1;

        for (uint32_t m = 0; m < n; m++)
            same += placement->band[m] == placement->band[n];
        *worker = (struct tt_plan_worker){.band = placement->band[n]};
        if (same == 1)
            (void)tt_format_text(worker->name, sizeof(worker->name), "%s",
                                 tt_band_name(placement->band[n]));
        else
            (void)tt_format_text(worker->name, sizeof(worker->name), "%s.%u",
                                 tt_band_name(placement->band[n]), same);
    }
}

/* Of a path's parts: the one up to here, and those behind it, each with what it counts. */
static int64_t weight_of(const struct crew *crew, uint32_t component)
{
    static const int64_t by_band[TT_BAND_COUNT] = {1, 8, 32};

    return by_band[crew->placement.band[crew->placement.worker_of[component]]];
}

struct ahead { /* behind a component, on the heaviest path to a sink */
    int64_t workers, weight, cost_ns;
};

static struct ahead ahead_of(const struct crew *crew, uint32_t component)
{
    const struct tt_picture *picture = crew->base->picture;
    struct ahead *all = calloc(picture->component_count + 1, sizeof(*all)), ret = {0};

    for (uint32_t n = picture->component_count; all && n-- > component;)
        for (uint32_t f = 0; f < picture->flow_count; f++) {
            const struct tt_picture_flow *flow = &picture->flows[f];
            const struct ahead *to = &all[flow->to];
            bool is_over = is_crossing(crew, flow);
            int64_t weight = to->weight + (is_over ? weight_of(crew, flow->to) : 0);
            int64_t cost_ns = to->cost_ns + crew->base->cost[flow->to].cost_ns;

            if (giver_of(crew, flow) != n && flow->from != n)
                continue;
            all[n].workers =
                to->workers + is_over > all[n].workers ? to->workers + is_over : all[n].workers;
            all[n].weight = weight > all[n].weight ? weight : all[n].weight;
            all[n].cost_ns = cost_ns > all[n].cost_ns ? cost_ns : all[n].cost_ns;
        }
    if (all)
        ret = all[component];
    free(all);
    return ret;
}

/* By when, after its origin, this component's worker hands over. */
static int64_t hand_over_ns(const struct crew *crew, uint32_t n, int64_t in_ns)
{
    const int64_t more_ns = 2000000; /* what a hand-over takes besides costs, about */
    struct ahead ahead = ahead_of(crew, n);
    int64_t own_ns = crew->base->before_ns[n] + crew->base->cost[n].cost_ns + more_ns;
    int64_t left_ns = crew->base->until_ns[n] - in_ns, part = 1, whole = 1 + ahead.workers;

    if (crew->share == SHARE_BY_BAND) {
        part = weight_of(crew, n);
        whole = part + ahead.weight;
    } else if (crew->share == SHARE_BY_COST) {
        part = own_ns;
        whole = own_ns + ahead.cost_ns + more_ns * ahead.workers;
    }
    return left_ns > 0 ? in_ns + tt_muldiv(left_ns, part, whole) : in_ns;
}

/* The latest that anything comes to a worker from another one. */
static int64_t comes_by_ns(const struct crew *crew, uint32_t worker)
{
    const struct tt_picture *picture = crew->base->picture;
    int64_t latest_ns = 0;

    for (uint32_t n = 0; n < picture->flow_count; n++) {
        const struct tt_picture_flow *flow = &picture->flows[n];
        int64_t ns = crew->given_ns[flow->from];

        if (is_crossing(crew, flow) && crew->placement.worker_of[flow->to] == worker &&
            ns > latest_ns)
            latest_ns = ns;
    }
    return latest_ns;
}

static void set_owed(struct crew *crew, uint32_t worker)
{
    const struct tt_picture *picture = crew->base->picture;
    int64_t in_ns = comes_by_ns(crew, worker);

    for (uint32_t n = 0; n < picture->flow_count; n++) {
        uint32_t giver = giver_of(crew, &picture->flows[n]);

        if (is_crossing(crew, &picture->flows[n]) && crew->placement.worker_of[giver] == worker)
            crew->owed_ns[giver] = hand_over_ns(crew, giver, in_ns);
    }
}

/* What comes before this component on its own worker runs for its sake. */
static void mark_own(struct work *work, uint32_t component)
{
    const struct tt_picture *picture = work->picture;

    memset(work->mark, 0, picture->component_count * sizeof(*work->mark));
    work->mark[component] = true;
    for (uint32_t n = component + 1; n-- > 0;)
        for (uint32_t f = 0; work->mark[n] && f < picture->flow_count; f++)
            if (picture->flows[f].to == n && !work_is_edge(work, picture->flows[f].from))
                work->mark[picture->flows[f].from] = true;
}

/* The bound of what a worker gives to others, once it has its reservation. */
static void set_given(struct crew *crew, uint32_t worker)
{
    const struct tt_picture *picture = crew->base->picture;
    struct work *work = &crew->works[worker];
    struct tt_plan_worker *of_plan = &crew->base->plan->workers[worker];

    for (uint32_t n = 0; n < picture->flow_count; n++) {
        const struct tt_picture_flow *flow = &picture->flows[n];
        uint32_t giver = giver_of(crew, flow);
        int64_t ns = crew->owed_ns[giver];

        if (!is_crossing(crew, flow) || crew->placement.worker_of[giver] != worker)
            continue;
        /* Once one has no reservation, those behind it need no bound, nor may they have one. */
        if (!crew->is_unknown && crew->failed > worker) {
            int64_t bound_ns;

            mark_own(work, giver);
            bound_ns = work_sink_bound(work, &crew->reservations[worker], ns);
            /* What it is said to be there by it is due by, or another would go first; a tenth of
             * that is kept free, as of each deadline. */
            ns = bound_ns + bound_ns / FREE_PART < ns ? bound_ns + bound_ns / FREE_PART : ns;
            crew->owed_ns[giver] = ns;
            work_offsets(work);
            work_tasks(work);
        }
        crew->given_ns[giver] = ns;
        crew->given_ns[flow->from] = ns;
        of_plan->hand_over_ns = ns > of_plan->hand_over_ns ? ns : of_plan->hand_over_ns;
    }
}

static void close_work(struct work *work)
{
    if (work->plan)
        tt_plan_close(&work->plan);
    work_fini(work);
    *work = (struct work){0};
}

/* The node's reservations in servers, then its own by room; how many there are. */
static uint32_t all_servers(const struct crew *crew, struct tt_server *servers)
{
    uint32_t count = tardy_others(crew->base->machine, servers, TARDY_SET_MAX - TT_WORKERS_MAX);

    for (uint32_t n = 0; n < crew->placement.count; n++) {
        int64_t period_ns = crew->reservations[n].period_ns;

        servers[count++] =
            (struct tt_server){.budget_ns = tt_muldiv(period_ns, crew->room_ppm[n], 1000000),
                               .period_ns = period_ns,
                               .tolerance_ns = INT64_MAX};
    }
    return count;
}

/* Where they make one another late, the others are beside this one. */
static void set_machine(struct crew *crew, uint32_t worker)
{
    struct tt_machine *machine = &crew->machines[worker];
    struct tt_server *servers = crew->servers[worker];
    uint32_t count, own;

    *machine = *crew->base->machine;
    if (!crew->is_tardy)
        return;
    count = all_servers(crew, servers);
    own = count - crew->placement.count + worker;
    servers[own] = servers[count - 1];
    for (uint32_t n = 0; n < crew->placement.count; n++)
        if (n != worker)
            machine->reserved_ppm += crew->room_ppm[n];
    machine->servers = servers;
    machine->server_count = count - 1;
}

static int open_work(struct crew *crew, uint32_t worker)
{
    struct work *work = &crew->works[worker];
    const struct work *base = crew->base;

    close_work(work);
    set_machine(crew, worker);
    *work = (struct work){.picture = base->picture,
                          .costs = base->costs,
                          .segment_costs = base->segment_costs,
                          .machine = &crew->machines[worker],
                          .plan = calloc(1, sizeof(*work->plan)),
                          .worker_of = crew->placement.worker_of,
                          .worker = worker,
                          .worker_name = name_of(crew, worker),
                          .given_ns = crew->given_ns,
                          .owed_ns = crew->owed_ns};
    if (!work->plan || work_init(work) < 0)
        return -ENOMEM;
    work_gather_sinks(work);
    work->needed = base->needed;
    work_costs(work);
    work->plan->term_count = 0; /* they stand in the whole plan once */
    work_offsets(work);
    work_tasks(work);
    work_choose_class(work);
    return 0;
}

static bool is_known(const struct work *work)
{
    uint64_t samples;
    uint32_t segment;

    return work_is_all_known(work, &samples, &segment);
}

/* One after another, along the flows. room_ppm: of each. 0, 1: one of them has no reservation. */
static int plan_workers(struct crew *crew)
{
    const struct tt_picture *picture = crew->base->picture;

    crew->failed = crew->placement.count;
    memset(crew->given_ns, 0, picture->component_count * sizeof(int64_t));
    for (uint32_t n = 0; n < picture->component_count; n++)
        crew->owed_ns[n] = INT64_MAX;
    for (uint32_t n = 0; n < crew->placement.count; n++) {
        int r;

        crew->base->plan->workers[n].hand_over_ns = 0;
        set_owed(crew, n);
        r = open_work(crew, n);
        if (r < 0)
            return r;
        crew->is_unknown |= !is_known(&crew->works[n]);
        if (!crew->is_unknown &&
            !work_reserve(&crew->works[n], crew->room_ppm[n], &crew->reservations[n]) &&
            crew->failed == crew->placement.count)
            crew->failed = n;
        set_given(crew, n);
    }
    return !crew->is_unknown && crew->failed < crew->placement.count;
}

static int64_t share_ppm(int64_t budget_ns, int64_t period_ns)
{
    return tt_muldiv(budget_ns, 1000000, period_ns) + 1;
}

/* With so much each: where CPUs are partitions each has a place on one. */
static bool is_never_late(struct crew *crew)
{
    const struct tt_machine *machine = crew->base->machine;
    struct tt_server all[TARDY_SET_MAX];
    uint32_t count = all_servers(crew, all);

    if (partition_is_all(machine))
        return partition_fit(machine, crew->room_ppm, crew->placement.count, crew->partition);
    return machine->is_partitioned || tardy_is_never(all, count, machine->cpus);
}

static int64_t least_ppm(const struct crew *crew, uint32_t worker)
{
    const struct reservation *own = &crew->reservations[worker];

    return share_ppm(own->least_ns + own->overhead_ns, own->period_ns);
}

/* Headroom is for whom there is room, the first first; what the others need at least is kept. */
static int share_room(struct crew *crew)
{
    int64_t left_ppm = work_room_ppm(crew->base->machine), least[TT_WORKERS_MAX], used_ppm;

    for (uint32_t n = 0; n < crew->placement.count; n++) {
        least[n] = least_ppm(crew, n);
        left_ppm -= least[n];
    }
    if (left_ppm < 0)
        return 1;
    for (uint32_t n = 0; n < crew->placement.count; n++) {
        int64_t most_ppm = least[n] + left_ppm;

        used_ppm = share_ppm(crew->reservations[n].budget_ns, crew->reservations[n].period_ns);
        crew->room_ppm[n] = used_ppm < most_ppm ? used_ppm : most_ppm;
        left_ppm -= crew->room_ppm[n] - least[n];
    }
    return 0;
}

/* Less headroom where that keeps all from being late; with none left they are. False: there is no
 * place for one of them. */
static bool limit_headroom(struct crew *crew)
{
    const int64_t parts = 4;
    int64_t most_ppm[TT_WORKERS_MAX];

    memcpy(most_ppm, crew->room_ppm, sizeof(most_ppm));
    for (int64_t part = parts; part >= 0; part--) {
        for (uint32_t n = 0; n < crew->placement.count; n++)
            crew->room_ppm[n] =
                least_ppm(crew, n) + (most_ppm[n] - least_ppm(crew, n)) * part / parts;
        if (is_never_late(crew))
            return true;
    }
    memcpy(crew->room_ppm, most_ppm, sizeof(most_ppm));
    crew->is_tardy = true;
    return !partition_is_all(crew->base->machine);
}

/* 0: each has its reservation, or nobody can have one; 1: not so; negative errno. */
static int try_share(struct crew *crew)
{
    int64_t room_ppm = partition_most_ppm(crew->base->machine);
    int r;

    for (uint32_t n = 0; n < crew->placement.count; n++)
        crew->room_ppm[n] = room_ppm < WORKER_MAX_PPM ? room_ppm : WORKER_MAX_PPM;
    crew->is_tardy = crew->is_unknown = false;
    r = plan_workers(crew);
    if (r != 0 || crew->is_unknown)
        return r;
    if (share_room(crew) != 0 || !limit_headroom(crew)) {
        crew->failed = crew->placement.count;
        return 1;
    }
    return plan_workers(crew);
}

static void say_no_room(struct crew *crew)
{
    const struct tt_machine *machine = crew->base->machine;
    struct tt_plan *plan = crew->base->plan;
    int64_t sum_ppm = 0;

    for (uint32_t n = 0; n < crew->placement.count; n++)
        sum_ppm += least_ppm(crew, n);
    if (partition_is_all(machine)) {
        (void)tt_format_text(plan->binding, sizeof(plan->binding),
                             "CPU: %u workers need %s of a CPU together; %u partitions have %s "
                             "left, %s the emptiest",
                             crew->placement.count, text_percent(sum_ppm).text,
                             machine->partition_count, text_percent(work_room_ppm(machine)).text,
                             text_percent(partition_most_ppm(machine)).text);
        return;
    }
    (void)tt_format_text(
        plan->binding, sizeof(plan->binding),
        "CPU: the service's %u workers need %s of a CPU together and %s is free (limit %s, kept "
        "free %s, reserved %s)",
        crew->placement.count, text_percent(sum_ppm).text,
        text_percent(work_room_ppm(machine)).text, text_percent(machine->limit_ppm).text,
        text_percent(machine->slack_ppm).text, text_percent(machine->reserved_ppm).text);
}

static void say_failed(struct crew *crew)
{
    struct work *work = &crew->works[crew->failed];
    struct reservation unlimited = {0};

    if (work_reserve_alone(work, &unlimited))
        work_say_no_room(work, &unlimited);
    else
        work_say_unschedulable(work, &unlimited);
    work_reservation_terms(work, &unlimited);
    (void)tt_format_text(crew->base->plan->binding, sizeof(crew->base->plan->binding),
                         "worker `%.20s`: %.200s", work->worker_name, work->plan->binding);
}

static void add_terms(struct crew *crew, uint32_t worker)
{
    const struct tt_plan *plan = crew->works[worker].plan;

    for (uint32_t n = 0; n < plan->term_count; n++) {
        const struct tt_term *term = &plan->terms[n];

        terms_add(&crew->base->terms, term->name, term->subject, term->value, term->unit,
                  term->source);
    }
    crew->base->terms.is_failed |= crew->works[worker].terms.is_failed;
}

static void take_components(struct crew *crew)
{
    struct tt_plan *plan = crew->base->plan;

    for (uint32_t n = 0; n < crew->base->picture->component_count; n++) {
        uint32_t worker = crew->placement.worker_of[n];
        const struct tt_plan *of_worker = crew->works[worker].plan;

        plan->worker_of[n] = worker;
        plan->due_offset_ns[n] = of_worker->due_offset_ns[n];
        plan->fire_offset_ns[n] = of_worker->fire_offset_ns[n];
    }
    for (uint32_t n = 0; n < crew->base->picture->flow_count; n++) {
        uint32_t worker = crew->placement.worker_of[crew->base->picture->flows[n].to];

        plan->wait_ns[n] = crew->works[worker].plan->wait_ns[n];
    }
}

static void take_sinks(struct crew *crew)
{
    const struct tt_picture *picture = crew->base->picture;
    struct tt_plan *plan = crew->base->plan;

    for (uint32_t n = 0; n < picture->sink_count; n++) {
        const struct tt_picture_component *component =
            &picture->components[work_mark_sink(crew->base, n)];
        int32_t flow = component->in[n - (uint32_t)component->sink].flow;
        uint32_t worker = flow < 0 ? 0 : crew->placement.worker_of[picture->flows[flow].from];

        plan->sinks[n].bound_ns = crew->works[worker].plan->sinks[n].bound_ns;
        plan->sinks[n].slack_ns = plan->sinks[n].deadline_ns - plan->sinks[n].bound_ns;
        if (n == 0 || plan->sinks[n].slack_ns < plan->sinks[plan->sink].slack_ns)
            plan->sink = n;
    }
    if (picture->sink_count == 0)
        return;
    plan->bound_ns = plan->sinks[plan->sink].bound_ns;
    plan->slack_ns = plan->sinks[plan->sink].slack_ns;
}

static void take_reservations(struct crew *crew)
{
    struct tt_plan *plan = crew->base->plan;

    for (uint32_t n = 0; n < plan->worker_count; n++) {
        plan->workers[n].budget_ns = crew->reservations[n].budget_ns;
        plan->workers[n].period_ns = crew->reservations[n].period_ns;
        plan->workers[n].deadline_ns = crew->reservations[n].period_ns;
        plan->workers[n].tolerance_ns = crew->reservations[n].tardiness_ns;
        plan->workers[n].overhead_ns = crew->reservations[n].overhead_ns;
        plan->workers[n].headroom_ns = crew->reservations[n].headroom_ns;
        plan->workers[n].partition = partition_is_all(crew->base->machine) ? crew->partition[n] : 0;
    }
    plan->budget_ns = plan->workers[0].budget_ns;
    plan->period_ns = plan->deadline_ns = plan->workers[0].period_ns;
}

/* The lowest that any of them has. */
static void take_class(struct crew *crew)
{
    struct tt_plan *plan = crew->base->plan;

    for (uint32_t n = 0; n < plan->worker_count; n++) {
        const struct tt_plan *of_worker = crew->works[n].plan;

        if (n > 0 && of_worker->class >= plan->class)
            continue;
        plan->class = of_worker->class;
        memcpy(plan->class_reason, of_worker->class_reason, sizeof(plan->class_reason));
    }
}

/* The arithmetic of each, what follows from its reservation, and the sentence. */
static void conclude(struct crew *crew, bool is_fit)
{
    struct tt_plan *plan = crew->base->plan;
    bool is_promised;

    plan->worker_count = crew->placement.count;
    take_class(crew);
    is_promised = plan->class != TT_CLASS_BEST_EFFORT;
    for (uint32_t n = 0; n < plan->worker_count; n++) {
        struct work *work = &crew->works[n];

        work_task_terms(work);
        if (is_fit && !crew->is_unknown) {
            work_bounds(work, &crew->reservations[n]);
            work_reservation_terms(work, &crew->reservations[n]);
            if (is_promised)
                work_fire(work, &crew->reservations[n]);
        }
    }
    if (!is_fit && crew->failed < plan->worker_count)
        say_failed(crew);
    else if (!is_fit)
        say_no_room(crew);
    for (uint32_t n = 0; n < plan->worker_count; n++) {
        add_terms(crew, n);
        if (plan->workers[n].hand_over_ns > 0)
            terms_add(&crew->base->terms, "hands over by", plan->workers[n].name,
                      plan->workers[n].hand_over_ns, "ns", "computed");
    }
    take_components(crew);
    plan->is_admitted = is_fit || !is_promised;
    if (!is_fit || crew->is_unknown)
        return;
    take_sinks(crew);
    if (is_promised)
        take_reservations(crew);
}

static void say_binding(struct crew *crew)
{
    struct tt_plan *plan = crew->base->plan;
    const struct tt_plan_sink *sink = &plan->sinks[plan->sink];
    char name[TT_NAME_BYTES * 2] = "";

    if (crew->is_unknown || crew->base->picture->sink_count == 0) {
        (void)tt_format_text(plan->binding, sizeof(plan->binding),
                             "unknown: what it costs is not measured yet");
        return;
    }
    tt_picture_sink_name(crew->base->picture, plan->sink, name, sizeof(name));
    (void)tt_format_text(plan->binding, sizeof(plan->binding),
                         "deadline of `%.60s`: %s of %s needed over %u workers, %s left", name,
                         text_ms(sink->bound_ns).text, text_ms(sink->deadline_ns).text,
                         plan->worker_count, text_ms(sink->slack_ns).text);
}

/* The sums of components' quantiles are more than what their segment costs: in proportion. */
static void costs_for_placing(const struct work *work, int64_t *ret_ns)
{
    const struct tt_picture *picture = work->picture;

    for (uint32_t s = 0; s < picture->segment_count; s++) {
        int64_t sum_ns = 0, whole_ns = work->segment[s].cost_ns;

        for (uint32_t n = 0; n < picture->component_count; n++)
            if (picture->components[n].segment == s && !work_is_once(work, n))
                sum_ns += work->cost[n].cost_ns;
        for (uint32_t n = 0; n < picture->component_count; n++)
            if (picture->components[n].segment == s)
                ret_ns[n] = (whole_ns < sum_ns && sum_ns > 0
                                 ? tt_muldiv(work->cost[n].cost_ns, whole_ns, sum_ns)
                                 : work->cost[n].cost_ns) +
                            work->machine->hop_ns;
    }
}

static uint32_t workers_max(const struct work *work)
{
    uint32_t most = work->machine->workers_max, edges = 0;
    uint32_t spares = work->picture->is_live ? work->picture->spare_containers : 0;

    for (uint32_t n = 0; n < work->picture->component_count; n++)
        edges += is_real_edge(work, n);
    most = most < TT_WORKERS_MAX - spares ? most : TT_WORKERS_MAX - spares;
    edges += spares;
    if (edges + most > TT_POOLS_MAX) /* each process has a pool, and frames name it */
        most = edges < TT_POOLS_MAX ? TT_POOLS_MAX - edges : 1;
    return most;
}

/* Workers and links on the way to the sink that has most of them: the loss is split over these. */
static void count_parts(struct crew *crew)
{
    struct work *base = crew->base;

    base->plan->parts = 1;
    for (uint32_t n = 0; n < base->picture->sink_count; n++) {
        bool is_used[TT_WORKERS_MAX] = {false};
        uint32_t count = 0;

        (void)work_mark_sink(base, n);
        for (uint32_t c = 0; c < base->picture->component_count; c++)
            if (base->mark[c] && !is_real_edge(base, c))
                is_used[crew->placement.worker_of[c]] = true;
        for (uint32_t w = 0; w < TT_WORKERS_MAX; w++)
            count += is_used[w];
        if (count > 1 && 2 * count - 1 > base->plan->parts)
            base->plan->parts = 2 * count - 1;
    }
    work_gather_sinks(base);
}

static bool is_single_enough(struct work *base)
{
    struct reservation reservation;

    return !is_known(base) || work_reserve(base, partition_most_ppm(base->machine), &reservation);
}

static bool is_same_placement(const struct placement *a, const struct placement *b, uint32_t count)
{
    return a->count == b->count &&
           memcmp(a->worker_of, b->worker_of, count * sizeof(a->worker_of[0])) == 0;
}

/* By mean cost alone: no worker has more than a CPU, all together not more than there are. What
 * fails here is for no class, and one worker says so. */
static bool is_possible(const struct crew *crew)
{
    const struct tt_picture *picture = crew->base->picture;
    int64_t load_ppm[TT_WORKERS_MAX] = {0}, sum_ppm = 0;

    for (uint32_t n = 0; n < picture->component_count; n++) {
        int64_t ppm = is_real_edge(crew->base, n) ? 0
                                                  : place_share_ppm(crew->base->cost[n].mean_ns,
                                                                    picture->components[n].rate);

        load_ppm[crew->placement.worker_of[n]] += ppm;
        sum_ppm += ppm;
    }
    for (uint32_t w = 0; w < crew->placement.count; w++)
        if (load_ppm[w] > 1000000)
            return false;
    return sum_ppm <= (int64_t)crew->base->machine->cpus * 1000000;
}

/* One placement: the first way to divide the time that fits. */
static int try_placement(struct crew *crew)
{
    int r = 1;

    name_workers(crew);
    count_parts(crew);
    for (uint32_t n = 0; r == 1 && n < (crew->base->plan->parts > 1 ? SHARE_COUNT : 1); n++) {
        crew->share = (enum share)n;
        r = try_share(crew);
    }
    return r;
}

/* 0: this placement fits; 1: none does, and the first is in place again; 2: one worker is all. */
static int choose(struct crew *crew, const int64_t *cost_ns)
{
    struct work *base = crew->base;
    struct placement first = {.count = 0}, last = {.count = 0};
    int r = 1;

    for (uint32_t n = 0; r == 1 && n < sizeof(caps_ppm) / sizeof(caps_ppm[0]); n++) {
        struct place_params params = {.picture = base->picture,
                                      .cost_ns = cost_ns,
                                      .workers_max = workers_max(base),
                                      .cap_ppm = caps_ppm[n]};

        place(&params, &crew->placement);
        if (is_same_placement(&crew->placement, &last, base->picture->component_count))
            continue;
        last = crew->placement;
        if (!is_possible(crew))
            continue;
        if (first.count == 0)
            first = crew->placement;
        if (crew->placement.count > 1)
            r = try_placement(crew);
        else if (is_single_enough(base))
            return 2;
    }
    if (r != 1)
        return r;
    if (first.count <= 1)
        return 2;
    base->plan->parts = 1; /* bands cost deadlines a hand-over: maybe without them */
    work_gather_sinks(base);
    if (is_single_enough(base))
        return 2;
    crew->placement = first;
    r = try_placement(crew);
    return r < 0 ? r : 1;
}

static int make(struct crew *crew)
{
    struct work *base = crew->base;
    uint32_t count = base->picture->component_count;
    int64_t *cost_ns = calloc(count + 1, sizeof(*cost_ns));
    int r = -ENOMEM;

    crew->given_ns = calloc(count + 1, sizeof(int64_t));
    crew->owed_ns = calloc(count + 1, sizeof(int64_t));
    if (cost_ns && crew->given_ns && crew->owed_ns) {
        costs_for_placing(base, cost_ns);
        r = choose(crew, cost_ns);
    }
    free(cost_ns);
    if (r < 0)
        return r;
    if (r == 2) {
        base->plan->parts = 1;
        work_gather_sinks(base);
        return 0;
    }
    conclude(crew, r == 0);
    if (r == 0)
        say_binding(crew);
    return 1;
}

int work_crew(struct work *work)
{
    struct crew *crew;
    int r;

    if (workers_max(work) < 2 || !work->picture->is_live)
        return 0;
    crew = calloc(1, sizeof(*crew));
    if (!crew)
        return -ENOMEM;
    crew->base = work;
    r = make(crew);
    for (uint32_t n = 0; n < TT_WORKERS_MAX; n++)
        close_work(&crew->works[n]);
    free(crew->given_ns);
    free(crew->owed_ns);
    free(crew);
    return r;
}
