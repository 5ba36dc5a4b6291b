/* Plans against hand arithmetic: the yes, the no with its sentence, classes and offsets. */
#include <errno.h>
#include <jansson.h>

#include "check.h"
#include "pictures.h"

#define MS 1000000

static const struct tt_machine machine = {.cpus = 2,
                                          .limit_ppm = 1800000,
                                          .slack_ppm = 300000,
                                          .right = TT_RIGHT_DEADLINE,
                                          .wake_ns = 300000,
                                          .hop_ns = 1000,
                                          .memory_bytes = 1 << 30,
                                          .is_virtual = true};

static struct tt_cost cost(int64_t mean_ns, int64_t quantile_ns, uint64_t n)
{
    return (struct tt_cost){.mean_ns = mean_ns,
                            .quantile_ns = quantile_ns,
                            .max_ns = quantile_ns,
                            .n = n,
                            .origin = "profile"};
}

/* cam ! scale ! out at 50 a second: 2.0 + 1.9 + 0.1 ms, 4.0 ms as a segment. */
static struct test_picture *thumbnail(int64_t deadline_ns)
{
    struct test_picture *made = picture_make(deadline_ns, (struct tt_rational){50, 1});
    uint32_t segment = picture_segment(made, "cam", 0, (struct tt_rational){50, 1});
    uint32_t cam = picture_component(made, "cam", segment, 0);
    uint32_t scale = picture_component(made, "scale", segment, 0);
    uint32_t out = picture_component(made, "out", segment, 0);

    picture_flow(made, cam, scale);
    picture_flow(made, scale, out);
    picture_sink(made, out, deadline_ns);
    made->costs[cam] = cost(1500000, 2000000, 400);
    made->costs[scale] = cost(1400000, 1900000, 400);
    made->costs[out] = cost(100000, 100000, 400);
    made->segment_costs[segment] = cost(3 * MS, 4 * MS, 400);
    return made;
}

static struct tt_plan *plan_on(const struct test_picture *made, const struct tt_machine *on)
{
    struct tt_plan *plan = NULL;
    struct tt_error err = {0};
    int r = tt_plan_make(&made->picture, made->costs, made->segment_costs, on, &plan, &err);

    if (r < 0)
        fprintf(stderr, "%s\n", err.text);
    CHECK_INT(r, 0);
    return plan;
}

static void expect(const struct tt_plan *plan, bool is_admitted, enum tt_class class,
                   const char *reason, const char *binding)
{
    if (!strstr(plan->class_reason, reason) || !strstr(plan->binding, binding))
        fprintf(stderr, "  %s\n  %s\n", plan->class_reason, plan->binding);
    CHECK_INT(plan->is_admitted, is_admitted);
    CHECK_INT(plan->class, class);
    CHECK(strstr(plan->class_reason, reason) != NULL);
    CHECK(strstr(plan->binding, binding) != NULL);
    CHECK(plan->binding[0] != 0);
    if (class == TT_CLASS_BEST_EFFORT || !is_admitted)
        CHECK_INT(plan->budget_ns, 0);
}

static int64_t term(const struct tt_plan *plan, const char *name, const char *subject)
{
    for (uint32_t n = 0; n < plan->term_count; n++)
        if (strcmp(plan->terms[n].name, name) == 0 && strcmp(plan->terms[n].subject, subject) == 0)
            return plan->terms[n].value;
    fprintf(stderr, "no term %s of %s\n", name, subject);
    exit(1);
}

/* C = 4 + 3 hops of 1 us = 4.003 ms every 20 ms: a share of 0.20015, which 2.002 ms in every 10 is
 * the first to exceed. A quarter of it is headroom, 0.02 ms for the engine when no release asks.
 * With 2.502 ms, C and 0.3 ms of wake-up need a whole budget and 1.801 ms of a second, after 2 (10
 * - 2.502) and 10 ms: 26.797 ms. */
static void golden_thumbnail(void)
{
    struct test_picture *made = thumbnail(40 * MS);
    struct tt_plan *plan = plan_on(made, &machine);

    expect(plan, true, TT_CLASS_TARGETED, "for a bound", "deadline of `out.in0`");
    CHECK_INT(plan->period_ns, 10 * MS);
    CHECK_INT(plan->budget_ns, 2522000);
    CHECK_INT(term(plan, "least budget", "worker"), 2002000);
    CHECK_INT(term(plan, "headroom", "worker"), 500000);
    CHECK_INT(term(plan, "overhead", "worker"), 20000);
    CHECK(plan->bound_ns >= 26797000);
    CHECK(plan->bound_ns <= 26798000);
    CHECK_INT(plan->slack_ns, 40 * MS - plan->bound_ns);
    CHECK_INT(plan->sinks[0].bound_ns, plan->bound_ns);
    CHECK_INT(plan->pool_bytes, 1 << 20);

    CHECK_INT(plan->due_offset_ns[2], 40 * MS);
    CHECK_INT(plan->due_offset_ns[1], 39900000);
    CHECK_INT(plan->due_offset_ns[0], 38 * MS);
    CHECK_INT(plan->budget_of_ns[0], 2500000);
    CHECK_INT(plan->budget_of_ns[1], 2375000);

    CHECK_INT(term(plan, "cost", "scale"), 1900000);
    CHECK_INT(term(plan, "segment cost", "cam"), 4 * MS);
    CHECK_INT(term(plan, "hops", "cam"), 3000);
    CHECK_INT(term(plan, "demand", "cam"), 4003000);
    CHECK_INT(term(plan, "utilisation", "cam"), 200150);
    CHECK_INT(term(plan, "mean utilisation", "test"), 150150);
    CHECK_INT(term(plan, "room", ""), 1500000);
    CHECK_INT(term(plan, "share", "worker"), 252200);
    CHECK_INT(term(plan, "room", "binding t"), term(plan, "sbf", "binding t") -
                                                   term(plan, "dbf", "binding t") -
                                                   term(plan, "blocking", "binding t") - 300000);
    CHECK_INT(term(plan, "path", "out.in0"), 4002000);
    tt_plan_close(&plan);
    CHECK(plan == NULL);
    free(made);
}

/* 21.9 % of a CPU are free: 20.02 % are needed and 0.2 % are the engine's. There is none beyond
 * what another one like it needs; where there is, an eighth of it is headroom. */
static void headroom_leaves_room_for_others(void)
{
    struct tt_machine full = machine;
    struct test_picture *made = thumbnail(40 * MS);
    struct tt_plan *plan;

    full.reserved_ppm = 1281000;
    full.is_partitioned = true;
    plan = plan_on(made, &full);
    expect(plan, true, TT_CLASS_TARGETED, "", "CPU: the worker gets 20.2 % of one");
    CHECK_INT(term(plan, "headroom", "worker"), 0);
    CHECK_INT(plan->budget_ns, 20000 + 2002000);
    CHECK(plan->bound_ns < 40 * MS);
    tt_plan_close(&plan);
    full.reserved_ppm = 1000000;
    plan = plan_on(made, &full);
    CHECK_INT(term(plan, "headroom", "worker"), (5000000 - 2 * 2022000) / 8 / 1000 * 1000);
    tt_plan_close(&plan);
    full.reserved_ppm = 1300000;
    plan = plan_on(made, &full);
    expect(plan, false, TT_CLASS_TARGETED, "", "needs 20.2 % of a CPU and 20.0 % is free");
    tt_plan_close(&plan);
    free(made);
}

/* 0.7 ms every 20 ms: the least budget finds its way in 39.4 ms of 40, a bit more in 29.7. */
static void the_deadlines_edge_is_left(void)
{
    struct test_picture *made = thumbnail(40 * MS);
    int64_t least_ns, headroom_ns, lasting_ns;
    struct tt_plan *plan;

    for (uint32_t n = 0; n < 3; n++)
        made->costs[n] = cost(100000, 200000, 400);
    for (int64_t cost_ns = 50000; cost_ns < 5 * MS; cost_ns += 50000) {
        made->segment_costs[0] = cost(cost_ns / 2, cost_ns, 400);
        plan = plan_on(made, &machine);
        expect(plan, true, TT_CLASS_TARGETED, "", "");
        CHECK(plan->slack_ns >= 4 * MS);
        least_ns = term(plan, "least budget", "worker");
        headroom_ns = term(plan, "headroom", "worker");
        lasting_ns = term(plan, "lasting demand", "worker") * (plan->period_ns / 1000) / 1000;
        CHECK(least_ns >= lasting_ns && headroom_ns >= 0 && headroom_ns <= least_ns);
        CHECK(least_ns + headroom_ns >= lasting_ns + lasting_ns / 4 - 2000);
        CHECK_INT(plan->budget_ns, least_ns + headroom_ns + term(plan, "overhead", "worker"));
        tt_plan_close(&plan);
    }
    free(made);
}

/* Every period that is tried ends its search, whatever free share it is given. */
static void any_room_is_searched(void)
{
    struct tt_machine full = machine;
    struct test_picture *made = thumbnail(40 * MS);

    full.is_partitioned = true;
    for (uint32_t n = 0; n < 200; n++) {
        struct tt_plan *plan;

        full.reserved_ppm = (int64_t)n * 7513;
        plan = plan_on(made, &full);
        CHECK_INT(plan->is_admitted, full.reserved_ppm <= 1297800);
        tt_plan_close(&plan);
    }
    free(made);
}

/* What is not promised, on a machine and for a service that differ in one thing each. */
static void classes_say_why(void)
{
    struct tt_machine other = machine;
    struct test_picture *made = thumbnail(40 * MS);
    struct tt_plan *plan;

    other.right = TT_RIGHT_FIFO;
    plan = plan_on(made, &other);
    expect(plan, true, TT_CLASS_BEST_EFFORT, "SCHED_FIFO", "out.in0");
    CHECK(plan->bound_ns > 0); /* what it would be is still told */
    tt_plan_close(&plan);
    other.right = TT_RIGHT_OTHER;
    plan = plan_on(made, &other);
    expect(plan, true, TT_CLASS_BEST_EFFORT, "no right to SCHED_DEADLINE", "");
    tt_plan_close(&plan);

    made->segment_costs[0].n = 298;
    plan = plan_on(made, &machine);
    expect(plan, true, TT_CLASS_BEST_EFFORT, "learning 298/299", "");
    tt_plan_close(&plan);
    made->segment_costs[0].n = 0; /* three quantiles do not make one */
    plan = plan_on(made, &machine);
    expect(plan, true, TT_CLASS_BEST_EFFORT, "learning 0/299", "");
    tt_plan_close(&plan);
    made->costs[1].n = 0;
    plan = plan_on(made, &machine);
    expect(plan, true, TT_CLASS_BEST_EFFORT, "learning 0/299", "not measured yet");
    CHECK_INT(plan->budget_of_ns[1], 0);
    tt_plan_close(&plan);
    free(made);

    made = thumbnail(40 * MS);
    made->picture.is_best_effort = true;
    plan = plan_on(made, &machine);
    expect(plan, true, TT_CLASS_BEST_EFFORT, "asked for", "");
    tt_plan_close(&plan);
    made->picture.is_best_effort = false;
    made->picture.is_live = false;
    plan = plan_on(made, &machine);
    expect(plan, true, TT_CLASS_BEST_EFFORT, "no source is live", "as fast as it can");
    tt_plan_close(&plan);
    made->picture.is_live = true;
    made->components[1].flags = TT_OWN_THREADS;
    plan = plan_on(made, &machine);
    expect(plan, true, TT_CLASS_BEST_EFFORT, "`scale` starts threads of its own", "");
    tt_plan_close(&plan);
    free(made);
}

static void declared_costs_are_bounded(void)
{
    struct tt_machine bare = machine;
    struct test_picture *made = thumbnail(40 * MS);
    struct tt_plan *plan;

    for (uint32_t n = 0; n < 3; n++) {
        made->components[n].shape.cost_max_ns = made->costs[n].quantile_ns * 2;
        made->costs[n].n = 0;
    }
    made->segment_costs[0].n = 0;
    bare.is_virtual = false;
    bare.is_partitioned = true;
    plan = plan_on(made, &bare);
    expect(plan, true, TT_CLASS_BOUNDED, "given wake-up <= 0.300 ms", "");
    CHECK_INT(term(plan, "demand", "cam"), 8003000);
    CHECK_INT(term(plan, "overhead", "worker"), plan->period_ns / 100 + plan->period_ns * 3 / 1000);
    CHECK_INT(plan->budget_of_ns[0], 4 * MS);
    tt_plan_close(&plan);
    plan = plan_on(made, &machine); /* below a hypervisor: no bound */
    expect(plan, true, TT_CLASS_TARGETED, "hypervisor", "");
    tt_plan_close(&plan);
    free(made);
}

static void refusals_name_what_binds(void)
{
    struct tt_machine full = machine;
    struct test_picture *made = thumbnail(4500000);
    struct tt_plan *plan = plan_on(made, &machine);

    /* Best try: 0.948 of every ms. sbf(4.5) = 4.5 - 0.104, 4 whole ms of it at 0.948, and 0.396:
     * 4.188 of 4.303. */
    expect(plan, false, TT_CLASS_TARGETED, "", "0.115 ms short");
    tt_plan_close(&plan);
    free(made);

    made = thumbnail(40 * MS);
    full.reserved_ppm = 1400000;
    full.is_partitioned = true;
    plan = plan_on(made, &full);
    expect(plan, false, TT_CLASS_TARGETED, "", "needs 20.2 % of a CPU and 10.0 % is free");
    tt_plan_close(&plan);

    made->segment_costs[0].mean_ns = 21 * MS; /* 105 % of a CPU at 50 a second */
    plan = plan_on(made, &machine);
    expect(plan, false, TT_CLASS_TARGETED, "", "by mean cost alone the service needs 105.0 %");
    tt_plan_close(&plan);
    made->picture.is_best_effort = true; /* on every class */
    full.right = TT_RIGHT_OTHER;
    plan = plan_on(made, &full);
    expect(plan, false, TT_CLASS_BEST_EFFORT, "", "by mean cost alone");
    tt_plan_close(&plan);
    made->picture.is_live = false; /* without a rate it only takes longer */
    plan = plan_on(made, &full);
    expect(plan, true, TT_CLASS_BEST_EFFORT, "", "");
    tt_plan_close(&plan);
    free(made);

    made = thumbnail(2 * MS);
    plan = plan_on(made, &full);
    expect(plan, false, TT_CLASS_BEST_EFFORT, "", "3.003 ms by mean cost alone");
    tt_plan_close(&plan);
    free(made);

    made = thumbnail(40 * MS);
    test_pool_bytes = (uint64_t)2 << 30;
    plan = plan_on(made, &machine);
    expect(plan, false, TT_CLASS_TARGETED, "", "memory: the frame pools need 2147483648 bytes");
    tt_plan_close(&plan);
    test_pool_bytes = (uint64_t)65 << 30;
    plan = plan_on(made, &machine);
    expect(plan, false, TT_CLASS_TARGETED, "", "above 64 GiB");
    tt_plan_close(&plan);
    test_pool_bytes = 1 << 20;
    free(made);
}

/* clip (edge) feeds dec, over joins it with clock, enc feeds file (deadline 300) and live (500). */
static struct test_picture *news(void)
{
    struct test_picture *made = picture_make(300 * MS, (struct tt_rational){24, 1});
    uint32_t main = picture_segment(made, "clip", 0, (struct tt_rational){24, 1});
    uint32_t side = picture_segment(made, "clock", 2, (struct tt_rational){24, 1});
    uint32_t clip = picture_component(made, "clip", main, TT_EDGE);
    uint32_t dec = picture_component(made, "dec", main, 0);
    uint32_t clock = picture_component(made, "clock", side, 0);
    uint32_t over = picture_component(made, "over", main, 0);
    uint32_t enc = picture_component(made, "enc", main, 0);
    uint32_t file = picture_component(made, "file", main, TT_EDGE);
    uint32_t live = picture_component(made, "live", main, TT_EDGE);

    picture_flow(made, clip, dec);
    picture_flow(made, dec, over);
    picture_flow(made, clock, over);
    picture_flow(made, over, enc);
    picture_flow(made, enc, file);
    picture_flow(made, enc, live);
    picture_sink(made, file, 0);
    picture_sink(made, live, 500 * MS);
    made->components[dec].shape.latency_ns = 80 * MS;
    for (uint32_t n = dec; n <= live; n++)
        if (n != clock)
            made->components[n].structural_ns = 80 * MS;
    made->components[file].path_structural_ns = made->components[live].path_structural_ns = 80 * MS;
    made->costs[dec] = cost(4 * MS, 5 * MS, 400);
    made->costs[clock] = cost(MS, MS, 400);
    made->costs[over] = cost(MS, 2 * MS, 400);
    made->costs[enc] = cost(6 * MS, 8 * MS, 400);
    made->segment_costs[main] = cost(11 * MS, 14 * MS, 400);
    made->segment_costs[side] = cost(MS, MS, 400);
    return made;
}

static void offsets_follow_the_paths(void)
{
    struct test_picture *made = news();
    struct tt_plan *plan = plan_on(made, &machine);

    expect(plan, true, TT_CLASS_TARGETED, "", "");
    CHECK_INT(plan->sinks[0].deadline_ns, 300 * MS);
    CHECK_INT(plan->sinks[1].deadline_ns, 500 * MS);
    CHECK_INT(plan->sinks[0].structural_ns, 80 * MS);
    CHECK(plan->sinks[0].bound_ns < 300 * MS);
    CHECK_INT(plan->sink, 0);
    CHECK_INT(plan->due_offset_ns[5], 380 * MS);
    CHECK_INT(plan->due_offset_ns[6], 580 * MS);
    CHECK_INT(plan->due_offset_ns[4], 380 * MS);        /* enc: an edge takes no CPU of ours */
    CHECK_INT(plan->due_offset_ns[3], 372 * MS);        /* over */
    CHECK_INT(plan->due_offset_ns[1], 290 * MS);        /* dec: gives what came 80 before */
    CHECK_INT(plan->due_offset_ns[0], (370 - 85) * MS); /* clip: before that and 5 cost */
    CHECK_INT(plan->due_offset_ns[2], 370 * MS);        /* clock */
    /* over's inputs come at 80 + 5 ms and two hops at the earliest; it begins at 370 at the latest.
     */
    CHECK_INT(plan->fire_offset_ns[3], 85002000 + (370 * MS - 85002000) / 2);
    for (uint32_t n = 0; n < made->picture.component_count; n++)
        CHECK(plan->fire_offset_ns[n] < plan->due_offset_ns[n]);
    CHECK_INT(term(plan, "release jitter", "clip"), MS);
    CHECK_INT(term(plan, "release jitter", "clock"), 0);
    CHECK_INT(term(plan, "largest component", "clip"), 8 * MS);
    tt_plan_close(&plan);
    free(made);
}

/* A logo in the main segment runs once: it neither costs nor blocks a frame, known or not. */
static void what_runs_once_costs_once(void)
{
    struct test_picture *made = thumbnail(40 * MS);
    struct tt_plan *before = plan_on(made, &machine), *after;
    uint32_t logo = picture_component(made, "logo", 0, 0);

    made->components[logo].rate = (struct tt_rational){0, 1};
    picture_sink(made, logo, 0);
    after = plan_on(made, &machine);
    CHECK_INT(after->budget_ns, before->budget_ns);
    CHECK_INT(after->class, TT_CLASS_TARGETED);
    tt_plan_close(&after);
    made->costs[logo] = cost(50 * MS, 60 * MS, 400);
    after = plan_on(made, &machine);
    CHECK_INT(after->budget_ns, before->budget_ns);
    CHECK_INT(after->bound_ns, before->bound_ns);
    tt_plan_close(&after);
    tt_plan_close(&before);
    free(made);
}

static void tardiness_costs_its_time(void)
{
    struct tt_server others[] = {{MS, 10 * MS, 0}, {MS, 10 * MS, 0}};
    struct tt_machine shared = machine;
    struct test_picture *made = news();
    struct tt_plan *alone = plan_on(made, &machine), *beside;

    /* Two light ones beside it: nobody is late. */
    shared.servers = others;
    shared.server_count = 2;
    shared.reserved_ppm = 200000;
    beside = plan_on(made, &shared);
    CHECK(beside->is_admitted);
    CHECK_INT(term(beside, "tardiness", "worker"), 0);
    CHECK_INT(beside->workers[0].tolerance_ns, 0);
    CHECK_INT(term(beside, "least budget", "worker"), term(alone, "least budget", "worker"));
    tt_plan_close(&beside);
    /* A heavy one too, and all that are there count with lateness. */
    others[1] = (struct tt_server){9 * MS, 10 * MS, 20 * MS};
    others[0].tolerance_ns = 20 * MS;
    shared.reserved_ppm = 1000000;
    shared.slack_ppm = 0;
    beside = plan_on(made, &shared);
    CHECK(beside->is_admitted);
    CHECK(term(beside, "tardiness", "worker") > 0);
    CHECK_INT(beside->workers[0].tolerance_ns, term(beside, "tardiness", "worker"));
    CHECK(beside->bound_ns > alone->bound_ns);
    tt_plan_close(&beside);
    /* They do not: there is a tenth of a CPU in which nobody is late, though more is free. */
    others[1].tolerance_ns = 0;
    beside = plan_on(made, &shared);
    expect(beside, false, TT_CLASS_TARGETED, "", "makes none late");
    tt_plan_close(&beside);
    tt_plan_close(&alone);
    free(made);
}

static uint64_t seed = 20261123;

static uint32_t next_random(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % below;
}

static struct test_picture *random_picture(void)
{
    static const int64_t rates[] = {24, 25, 30, 50, 100};
    struct tt_rational rate = {rates[next_random(5)], 1};
    struct test_picture *made = picture_make((5 + next_random(100)) * MS, rate);
    uint32_t segments = 1 + next_random(3);

    for (uint32_t n = 0; n < segments; n++) {
        int64_t sum_ns = 0;
        uint32_t head = made->picture.component_count, length = 2 + next_random(3), last = head;
        uint32_t segment =
            picture_segment(made, "s", head, (struct tt_rational){rates[next_random(5)], 1});

        for (uint32_t k = 0; k < length; k++) {
            int64_t ns = 10000 + next_random(5 * MS);
            uint32_t place = picture_component(made, "c", segment, 0);

            made->costs[place] = cost(ns * 2 / 3, ns, 400);
            sum_ns += ns;
            if (k > 0)
                picture_flow(made, last, place);
            last = place;
        }
        picture_sink(made, last, (5 + next_random(100)) * MS);
        made->segment_costs[segment] = cost(sum_ns * 2 / 3, sum_ns, 400);
    }
    return made;
}

/* A longer deadline never turns yes into no; more cost never no into yes. */
static void plans_are_monotone(void)
{
    uint32_t yes = 0, no = 0;

    for (uint32_t round = 0; round < 120; round++) {
        struct test_picture *made = random_picture();
        struct tt_plan *plan = plan_on(made, &machine), *changed;
        uint32_t segment = next_random(made->picture.segment_count);

        yes += plan->is_admitted;
        no += !plan->is_admitted;
        if (plan->is_admitted) {
            CHECK(plan->bound_ns > 0);
            CHECK(plan->slack_ns >= 0);
            CHECK(plan->budget_ns >= 1024);
            CHECK(plan->budget_ns * 100 <= plan->period_ns * 95);
            for (uint32_t n = 0; n < made->picture.component_count; n++)
                if (made->components[n].segment == segment && made->components[n].is_sink)
                    made->components[n].deadline_ns += next_random(200 * MS);
        } else {
            made->segment_costs[segment].quantile_ns += next_random(5 * MS);
        }
        changed = plan_on(made, &machine);
        CHECK_INT(changed->is_admitted, plan->is_admitted);
        tt_plan_close(&changed);
        tt_plan_close(&plan);
        free(made);
    }
    fprintf(stderr, "  %u admitted, %u refused\n", yes, no);
    CHECK(yes > 10);
    CHECK(no > 10);
}

static void print_is_whole_and_the_same(void)
{
    struct test_picture *made = news();
    struct tt_plan *one = plan_on(made, &machine), *two = plan_on(made, &machine);
    char *first = tt_plan_print(one, &made->picture), *second = tt_plan_print(two, &made->picture);
    static const char *const members[] = {"admitted", "class",       "class_reason", "bound_ns",
                                          "slack_ns", "binding",     "terms",        "sinks",
                                          "sink",     "reservation", "pool_bytes"};
    json_t *object = json_loads(first, JSON_REJECT_DUPLICATES, NULL), *through;

    CHECK_TEXT(first, second);
    CHECK(object != NULL);
    for (uint32_t n = 0; n < sizeof(members) / sizeof(members[0]); n++)
        CHECK(json_object_get(object, members[n]) != NULL);
    CHECK(json_object_get(json_object_get(object, "sinks"), "live.in0") != NULL);
    CHECK_INT(json_array_size(json_object_get(object, "terms")), one->term_count);
    through = json_object_get(json_object_get(json_object_get(object, "sinks"), "live.in0"),
                              "components");
    CHECK_INT(json_array_size(through), 6); /* all but file */
    CHECK_INT(json_integer_value(json_array_get(through, 5)), 6);
    json_decref(object);
    free(first);
    free(second);
    tt_plan_close(&one);
    tt_plan_close(&two);
    free(made);
}

static void contradictions_are_errors(void)
{
    struct tt_plan *plan = NULL;

    for (uint32_t round = 0; round < 7; round++) {
        struct test_picture *made = news();
        struct tt_error err = {0};

        switch (round) {
        case 0:
            made->flows[2].to = 1; /* back */
            break;
        case 1:
            made->flows[1].to = 99;
            break;
        case 2:
            made->components[3].segment = 2;
            break;
        case 3:
            made->segments[0].rate.den = 0;
            break;
        case 4:
            made->components[6].sink = 2;
            break;
        case 5:
            made->components[3].in[1].flow = 40;
            break;
        default:
            made->picture.deadline_ns = INT64_MAX;
        }
        CHECK_INT(
            tt_plan_make(&made->picture, made->costs, made->segment_costs, &machine, &plan, &err),
            -EINVAL);
        CHECK(plan == NULL);
        CHECK(strstr(err.text, "cannot plan service `test`") != NULL);
        free(made);
    }
}

/* Costs and machines that no profile gives: an answer, never a fault. */
static void absurd_numbers_do_no_harm(void)
{
    static const int64_t numbers[] = {0, 1, -1, INT64_MAX, INT64_MIN, 3600000000000};

    for (uint32_t round = 0; round < 300; round++) {
        struct test_picture *made = news();
        struct tt_machine odd = machine;
        struct tt_plan *plan;

        made->costs[next_random(7)] = cost(numbers[next_random(6)], numbers[next_random(6)], 400);
        made->segment_costs[next_random(2)] =
            cost(numbers[next_random(6)], numbers[next_random(6)], 400);
        odd.reserved_ppm = next_random(4) ? 0 : 5000000;
        odd.cpus = next_random(5);
        made->segments[0].rate.num = next_random(3) ? 24 : 1000000000;
        plan = plan_on(made, &odd);
        free(tt_plan_print(plan, &made->picture));
        tt_plan_close(&plan);
        free(made);
    }
}

int main(void)
{
    RUN(golden_thumbnail);
    RUN(headroom_leaves_room_for_others);
    RUN(the_deadlines_edge_is_left);
    RUN(any_room_is_searched);
    RUN(classes_say_why);
    RUN(declared_costs_are_bounded);
    RUN(refusals_name_what_binds);
    RUN(offsets_follow_the_paths);
    RUN(what_runs_once_costs_once);
    RUN(tardiness_costs_its_time);
    RUN(plans_are_monotone);
    RUN(print_is_whole_and_the_same);
    RUN(contradictions_are_errors);
    RUN(absurd_numbers_do_no_harm);
    return 0;
}
