/* Several workers: random graphs keep the invariants of placing, of the wiring that follows and of
 * the plan; a few graphs by hand say what is admitted and what is refused, and on whose account. */
#include "check.h"
#include "planner/place.h"
#include "sim/picture.h"
#include "spec/wiring.h"
#include "tactus/format.h"

#define MS INT64_C(1000000)

enum { SEEDS = 1500 };

static const struct tt_rational rates[] = {{5, 1}, {10, 1}, {24, 1}, {50, 1}, {200, 1}, {400, 1}};

static void draw_picture(uint64_t seed, int64_t share_max_ppm, struct random_picture *ret)
{
    const struct picture_params params = {.rates = rates,
                                          .rate_count = sizeof(rates) / sizeof(rates[0]),
                                          .deadline_min_ns = 20 * MS,
                                          .deadline_max_ns = 500 * MS,
                                          .share_max_ppm = share_max_ppm,
                                          .has_edges = seed % 2 == 0};
    struct draw draw = {seed};

    picture_draw(&draw, &params, ret);
}

static bool is_edge(const struct tt_picture *picture, uint32_t n)
{
    return (picture->components[n].flags & TT_EDGE) != 0;
}

static int64_t share_of(const struct tt_picture *picture, uint32_t n)
{
    return is_edge(picture, n) ? 0
                               : place_share_ppm(picture->components[n].shape.cost_max_ns,
                                                 picture->components[n].rate);
}

static void check_placement(const struct tt_picture *picture, const struct placement *placement,
                            const struct place_params *params)
{
    int64_t load_ppm[TT_WORKERS_MAX] = {0};
    uint32_t parts[TT_WORKERS_MAX] = {0};

    CHECK(placement->count >= 1);
    CHECK(placement->count <= params->workers_max);
    for (uint32_t n = 0; n < picture->component_count; n++) {
        CHECK(placement->worker_of[n] < placement->count);
        if (is_edge(picture, n))
            continue;
        load_ppm[placement->worker_of[n]] += share_of(picture, n);
        parts[placement->worker_of[n]]++;
    }
    for (uint32_t w = 0; w < placement->count; w++)
        CHECK(parts[w] > 0 || placement->count == 1);
    /* More than the cap only where one component is that by itself, or no worker was left. */
    for (uint32_t w = 0; w < placement->count; w++)
        CHECK(load_ppm[w] <= params->cap_ppm || parts[w] == 1 || placement->count == 1 ||
              placement->count == params->workers_max);
    for (uint32_t n = 0; n < picture->flow_count; n++) {
        const struct tt_picture_flow *flow = &picture->flows[n];

        if (!is_edge(picture, flow->from) && !is_edge(picture, flow->to))
            CHECK(placement->worker_of[flow->from] <= placement->worker_of[flow->to]);
    }
}

/* Each flow has a way: within a process, or by a link that carries its output. */
static void check_flow(const struct tt_picture *picture, const struct tt_wiring *wiring,
                       const struct tt_picture_flow *flow)
{
    uint32_t home = tt_wiring_home(picture, wiring->process_of, flow->from, flow->from_out);
    uint32_t to = wiring->process_of[flow->to], found = 0;

    for (uint32_t n = 0; n < wiring->link_count; n++) {
        const struct tt_wiring_link *link = &wiring->links[n];

        if (is_edge(picture, flow->to))
            found += link->from == home && link->to == to && link->component == flow->to &&
                     link->pin == flow->to_in;
        else
            found += link->from == home && link->to == to && link->component == flow->from &&
                     link->pin == flow->from_out;
    }
    CHECK_INT(found, home != to);
}

static void check_wiring(const struct tt_picture *picture, uint32_t count)
{
    struct tt_wiring *wiring = NULL;
    uint32_t places[TT_PICTURE_COMPONENTS_MAX] = {0};

    CHECK_INT(tt_wiring_make(picture, &wiring, NULL), 0);
    CHECK_INT(wiring->container_count, count);
    for (uint32_t n = 0; n < picture->flow_count; n++)
        check_flow(picture, wiring, &picture->flows[n]);
    for (uint32_t w = 0; w < wiring->container_count; w++)
        for (uint32_t n = 0; n < wiring->processes[w].place_count; n++) {
            const struct tt_wiring_place *at = &wiring->processes[w].places[n];

            places[at->component] += at->role == TT_PLACE_COMPONENT;
            if (at->role == TT_PLACE_COMPONENT)
                CHECK_INT(wiring->process_of[at->component], w);
            else
                CHECK_INT(at->role == TT_PLACE_INLET ? wiring->links[at->link].to
                                                     : wiring->links[at->link].from,
                          w);
        }
    for (uint32_t n = 0; n < picture->component_count; n++)
        CHECK_INT(places[n], !is_edge(picture, n));
    tt_wiring_close(&wiring);
}

static void every_component_has_a_worker_and_every_flow_a_way(void)
{
    uint32_t several = 0;

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct random_picture made;
        struct placement placement, again;
        int64_t costs[PICTURE_COMPONENTS];
        struct place_params params = {.picture = &made.picture,
                                      .cost_ns = costs,
                                      .workers_max = 1 + (uint32_t)(seed % TT_WORKERS_MAX),
                                      .cap_ppm = 450000};

        draw_picture(seed, 3000000, &made);
        for (uint32_t n = 0; n < made.picture.component_count; n++)
            costs[n] = made.components[n].shape.cost_max_ns;
        place(&params, &placement);
        place(&params, &again);
        CHECK(memcmp(&placement, &again, sizeof(placement)) == 0);
        check_placement(&made.picture, &placement, &params);
        for (uint32_t n = 0; n < made.picture.component_count; n++)
            made.components[n].worker = placement.worker_of[n];
        check_wiring(&made.picture, placement.count);
        several += placement.count > 1;
    }
    CHECK(several > SEEDS / 2);
}

static struct tt_machine machine_of(uint32_t cpus)
{
    return (struct tt_machine){.cpus = cpus,
                               .limit_ppm = 900000 * (int64_t)cpus,
                               .slack_ppm = 150000 * (int64_t)cpus,
                               .right = TT_RIGHT_DEADLINE,
                               .wake_ns = 100000,
                               .hop_ns = 1000,
                               .workers_max = TT_WORKERS_MAX};
}

static struct tt_plan *plan_of(const struct tt_picture *picture, const struct tt_machine *machine)
{
    static const struct tt_cost none[PICTURE_COMPONENTS];
    struct tt_plan *plan = NULL;
    struct tt_error err = {0};

    CHECK_INT(tt_plan_make(picture, none, none, machine, &plan, &err), 0);
    return plan;
}

/* What is admitted fits: each worker's demand its supply, all of them the machine; who hands over
 * does so before the deadline, and is due by then. */
static void check_plan(const struct tt_picture *picture, const struct tt_machine *machine,
                       const struct tt_plan *plan)
{
    int64_t sum_ppm = 0, room_ppm = machine->limit_ppm - machine->slack_ppm;

    for (uint32_t w = 0; w < plan->worker_count; w++) {
        const struct tt_plan_worker *worker = &plan->workers[w];
        int64_t load_ppm = 0;

        CHECK(worker->budget_ns > 0);
        CHECK(worker->budget_ns <= worker->period_ns);
        for (uint32_t n = 0; n < picture->component_count; n++)
            load_ppm += plan->worker_of[n] == w ? share_of(picture, n) : 0;
        CHECK(load_ppm <= tt_muldiv(worker->budget_ns, 1000000, worker->period_ns) + 10);
        sum_ppm += tt_muldiv(worker->budget_ns, 1000000, worker->period_ns);
    }
    CHECK(sum_ppm <= room_ppm);
    for (uint32_t n = 0; n < picture->flow_count; n++) {
        const struct tt_picture_flow *flow = &picture->flows[n];
        const struct tt_plan_worker *from = &plan->workers[plan->worker_of[flow->from]];

        if (plan->worker_of[flow->from] == plan->worker_of[flow->to] ||
            is_edge(picture, flow->from) || is_edge(picture, flow->to))
            continue;
        CHECK(from->hand_over_ns > 0);
        CHECK(plan->due_offset_ns[flow->from] <= plan->due_offset_ns[flow->to]);
        CHECK(plan->due_offset_ns[flow->from] <= from->hand_over_ns); /* or others go before it */
        CHECK(plan->parts >= 3);
    }
    for (uint32_t n = 0; n < picture->sink_count; n++) {
        CHECK(plan->sinks[n].bound_ns > 0);
        CHECK(plan->sinks[n].bound_ns <= plan->sinks[n].deadline_ns);
    }
}

static void what_is_admitted_fits(void)
{
    uint32_t several = 0;

    for (uint64_t seed = 1; seed <= SEEDS / 10; seed++) {
        struct tt_machine machine = machine_of(1 + (uint32_t)(seed % 4));
        struct random_picture made;
        struct tt_plan *plan;

        draw_picture(seed, 1200000, &made);
        plan = plan_of(&made.picture, &machine);
        if (plan->is_admitted && plan->budget_ns > 0) {
            check_plan(&made.picture, &machine, plan);
            several += plan->worker_count > 1;
        }
        tt_plan_close(&plan);
    }
    CHECK(several > SEEDS / 100);
}

/* Chains of a source, something heavy and a sink. */
static void draw_chains(uint32_t count, struct tt_rational rate, int64_t cost_ns,
                        struct random_picture *ret)
{
    struct tt_picture *picture = &ret->picture;

    memset(ret, 0, sizeof(*ret));
    *picture = (struct tt_picture){.name = "chains",
                                   .rate = rate,
                                   .deadline_ns = 200 * MS,
                                   .loss = {1, 100},
                                   .is_live = true,
                                   .components = ret->components,
                                   .flows = ret->flows,
                                   .segments = ret->segments,
                                   .component_count = 3 * count,
                                   .flow_count = 2 * count,
                                   .segment_count = count,
                                   .sink_count = count};
    for (uint32_t n = 0; n < 3 * count; n++) {
        struct tt_picture_component *component = &ret->components[n];
        uint32_t chain = n / 3, at = n % 3;

        (void)snprintf(component->name, sizeof(component->name), "%c%u", "shn"[at], chain);
        component->rate = rate;
        component->segment = chain;
        component->ratio_max = 1;
        component->shape.cost_max_ns = at == 1 ? cost_ns : 10000;
        component->sink = at == 2 ? (int32_t)chain : -1;
        component->is_source = at == 0;
        component->is_sink = at == 2;
        component->deadline_ns = at == 2 ? picture->deadline_ns : 0;
        component->in_count = at > 0;
        component->out_count = at < 2;
        component->in[0] =
            (struct tt_picture_pin){.flow = at > 0 ? (int32_t)(2 * chain + at) - 1 : -1,
                                    .in_place_of = -1,
                                    .is_leader = true};
        if (at > 0)
            ret->flows[2 * chain + at - 1] = (struct tt_picture_flow){
                .from = n - 1, .to = n, .format = {.rate = rate}, .depth = 2, .bytes_max = 8};
    }
    for (uint32_t n = 0; n < count; n++)
        ret->segments[n] = (struct tt_picture_segment){.head = 3 * n, .rate = rate};
}

static void two_heavy_chains_get_a_cpu_each_and_three_are_too_many(void)
{
    const struct tt_rational rate = {25, 1};
    struct tt_machine machine = machine_of(2);
    struct random_picture made;
    struct tt_plan *plan;

    draw_chains(2, rate, 20 * MS, &made); /* half of a CPU each, and more with what surrounds it */
    plan = plan_of(&made.picture, &machine);
    CHECK(plan->is_admitted);
    CHECK_INT(plan->class, TT_CLASS_TARGETED);
    CHECK_INT(plan->worker_count, 2);
    CHECK_TEXT(plan->workers[0].name, "video");
    CHECK_TEXT(plan->workers[1].name, "video.2");
    CHECK_INT(plan->parts, 1); /* no frame crosses */
    check_plan(&made.picture, &machine, plan);
    tt_plan_close(&plan);

    draw_chains(3, rate, 20 * MS, &made);
    plan = plan_of(&made.picture, &machine);
    CHECK(!plan->is_admitted);
    CHECK(strstr(plan->binding, "3 workers") != NULL);
    tt_plan_close(&plan);

    machine = machine_of(4);
    plan = plan_of(&made.picture, &machine);
    CHECK(plan->is_admitted);
    CHECK_INT(plan->worker_count, 3);
    tt_plan_close(&plan);
}

static void a_light_service_of_one_time_scale_has_one_worker(void)
{
    struct tt_machine machine = machine_of(2);
    struct random_picture made;
    struct tt_plan *plan;

    draw_chains(3, (struct tt_rational){25, 1}, 2 * MS, &made);
    plan = plan_of(&made.picture, &machine);
    CHECK(plan->is_admitted);
    CHECK_INT(plan->worker_count, 1);
    tt_plan_close(&plan);

    machine.workers_max = 0; /* nobody asked for more */
    draw_chains(2, (struct tt_rational){25, 1}, 20 * MS, &made);
    plan = plan_of(&made.picture, &machine);
    CHECK(!plan->is_admitted);
    tt_plan_close(&plan);
}

/* One chain of two time scales: the sound's worker hands over, and the picture's takes as jitter
 * what the sound's bound says. */
static void a_hand_over_adds_up(void)
{
    const struct tt_rational fast = {200, 1}, slow = {25, 1};
    struct tt_machine machine = machine_of(2);
    struct random_picture made;
    struct tt_plan *plan;

    draw_chains(1, fast, MS / 10, &made);
    made.picture.segment_count = 2;
    made.segments[1] = (struct tt_picture_segment){.head = 1, .rate = slow};
    made.components[1].rate = made.components[2].rate = slow;
    made.components[1].segment = made.components[2].segment = 1;
    made.flows[1].format.rate = slow;
    plan = plan_of(&made.picture, &machine);
    CHECK(plan->is_admitted);
    CHECK_INT(plan->worker_count, 2);
    CHECK_TEXT(plan->workers[0].name, "audio");
    CHECK_TEXT(plan->workers[1].name, "video");
    CHECK_INT(plan->parts, 3); /* two workers, one link */
    CHECK(plan->workers[0].hand_over_ns > 0);
    CHECK(plan->bound_ns > plan->workers[0].hand_over_ns);
    CHECK(plan->due_offset_ns[0] < plan->due_offset_ns[1]);
    check_plan(&made.picture, &machine, plan);
    tt_plan_close(&plan);
}

/* What a join's queue holds as placed, and whether the plan lets it stand. */
static uint32_t joined_depth(struct tt_rational fast, int64_t slow_ns, uint32_t flow,
                             struct tt_plan **ret)
{
    const struct tt_rational slow = {10, 1};
    struct tt_machine machine = machine_of(2);
    struct random_picture made;
    uint32_t depth;

    draw_chains(1, fast, MS / 20, &made); /* s0 leads h0 leads n0 */
    made.picture.deadline_ns = made.components[2].deadline_ns = 900 * MS;
    made.picture.segment_count = 2;
    made.segments[1] = (struct tt_picture_segment){.head = 3, .rate = slow};
    made.components[3] = made.components[2]; /* flows go forward */
    made.components[2] = made.components[1];
    made.components[1] = made.components[0];
    (void)snprintf(made.components[0].name, sizeof(made.components[0].name), "still");
    made.components[0].rate = slow;
    made.components[0].segment = 1;
    made.segments[0].head = 1;
    made.segments[1].head = 0;
    made.components[0].shape.cost_max_ns = slow_ns;
    made.picture.component_count = 4;
    made.flows[0].from = 1;
    made.flows[0].to = 2;
    made.flows[1].from = 2;
    made.flows[1].to = 3;
    made.flows[2] =
        (struct tt_picture_flow){.from = 0, .to = 2, .to_in = 1, .format = {.rate = slow}};
    made.picture.flow_count = 3;
    made.components[2].in_count = 2;
    made.components[2].in[1] =
        (struct tt_picture_pin){.flow = 2, .in_place_of = -1, .late_policy = TT_LATE_REPEAT};
    *ret = plan_of(&made.picture, &machine);
    tt_plan_place(*ret, &made.picture);
    depth = made.flows[flow].depth;
    tt_plan_place(NULL, &made.picture); /* as one container would have it */
    CHECK_INT(made.flows[flow].depth, 2);
    return depth;
}

/* The leader's frames come while the join waits for what another worker hands over. */
static void a_join_keeps_what_waits_for_a_hand_over(void)
{
    struct tt_plan *plan;
    uint32_t depth = joined_depth((struct tt_rational){200, 1}, 5 * MS, 0, &plan);

    CHECK(plan->is_admitted);
    CHECK_INT(plan->worker_count, 2);
    CHECK(plan->workers[0].hand_over_ns > 10 * MS);
    CHECK(plan->wait_ns[0] > plan->workers[0].hand_over_ns);
    CHECK_INT(depth, 2 + tt_muldiv(plan->wait_ns[0], 200, 1000 * MS));
    tt_plan_close(&plan);

    depth = joined_depth((struct tt_rational){200, 1}, 5 * MS, 2, &plan);
    CHECK(depth <= 4); /* the other input's are few */
    tt_plan_close(&plan);
}

static void a_queue_that_would_be_too_long_is_refused(void)
{
    struct tt_plan *plan;
    uint32_t depth = joined_depth((struct tt_rational){4000, 1}, 80 * MS, 0, &plan);

    CHECK(!plan->is_admitted);
    CHECK(strstr(plan->binding, "would have to queue") != NULL);
    CHECK_INT(depth, 256);
    tt_plan_close(&plan);
}

int main(void)
{
    RUN(every_component_has_a_worker_and_every_flow_a_way);
    RUN(what_is_admitted_fits);
    RUN(two_heavy_chains_get_a_cpu_each_and_three_are_too_many);
    RUN(a_light_service_of_one_time_scale_has_one_worker);
    RUN(a_hand_over_adds_up);
    RUN(a_join_keeps_what_waits_for_a_hand_over);
    RUN(a_queue_that_would_be_too_long_is_refused);
    return 0;
}
