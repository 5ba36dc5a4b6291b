/* What joins, changes of rate and links add to a plan: when a join goes on without an input, how
 * long it waits for one of another rate, what is due where the rate changes. */
#include "base/join.h"
#include "check.h"
#include "pictures.h"

#define MS 1000000

static const struct tt_rational at_10 = {10, 1}, at_24 = {24, 1}, at_25 = {25, 1}, at_50 = {50, 1},
                                at_100 = {100, 1}, ntsc = {30000, 1001};

static struct tt_plan *plan_of(const struct test_picture *made)
{
    const struct tt_machine machine = {.cpus = 1,
                                       .limit_ppm = 900000,
                                       .slack_ppm = 150000,
                                       .right = TT_RIGHT_DEADLINE,
                                       .wake_ns = 100000,
                                       .hop_ns = 1000,
                                       .is_virtual = true};
    struct tt_plan *plan = NULL;
    struct tt_error err = {0};

    CHECK_INT(tt_plan_make(&made->picture, made->costs, made->segment_costs, &machine, &plan, &err),
              0);
    CHECK(plan->is_admitted);
    return plan;
}

static int64_t term(const struct tt_plan *plan, const char *name, const char *subject)
{
    for (uint32_t n = 0; n < plan->term_count; n++)
        if (strcmp(plan->terms[n].name, name) == 0 && strcmp(plan->terms[n].subject, subject) == 0)
            return plan->terms[n].value;
    fprintf(stderr, "no term %s of %s\n", name, subject);
    exit(1);
}

static void set_rate(struct test_picture *made, uint32_t component, struct tt_rational rate,
                     int64_t cost_ns)
{
    made->components[component].rate = rate;
    made->components[component].shape.cost_max_ns = cost_ns;
}

/* cam (leads) and side feed over, out is the sink: 1 + 1 + 2 + 1 ms. */
static struct test_picture *overlay(int64_t deadline_ns, struct tt_rational rate,
                                    struct tt_rational side_rate)
{
    struct test_picture *made = picture_make(deadline_ns, rate);
    uint32_t main = picture_segment(made, "cam", 0, rate);
    uint32_t beside = picture_segment(made, "side", 1, side_rate);
    uint32_t cam = picture_component(made, "cam", main, 0);
    uint32_t side = picture_component(made, "side", beside, 0);
    uint32_t over = picture_component(made, "over", main, 0);
    uint32_t out = picture_component(made, "out", main, 0);

    picture_flow(made, cam, over);
    picture_flow(made, side, over);
    picture_flow(made, over, out);
    picture_sink(made, out, deadline_ns);
    set_rate(made, cam, rate, MS);
    set_rate(made, side, side_rate, MS);
    set_rate(made, over, rate, 2 * MS);
    set_rate(made, out, rate, MS);
    made->components[over].in[0].is_leader = true;
    for (uint32_t n = 0; n < made->picture.flow_count; n++)
        made->flows[n].format = (struct tt_format){.kind = TT_VIDEO, .rate = rate};
    made->flows[1].format.rate = side_rate;
    return made;
}

enum { CAM, SIDE, OVER, OUT };

static void a_join_waits_for_what_is_in_time(void)
{
    bool is_half_seen = false, is_late_seen = false;

    for (int64_t deadline_ns = 9 * MS; deadline_ns <= 60 * MS; deadline_ns += MS / 2) {
        struct test_picture *made = overlay(deadline_ns, at_50, at_50);
        struct tt_plan *plan = plan_of(made);
        int64_t last_ns = plan->due_offset_ns[OVER] - 2 * MS, first_ns = MS + 1000;
        int64_t by_ns = term(plan, "inputs there by", "over"), fire_ns = plan->fire_offset_ns[OVER];

        CHECK(by_ns >= first_ns);
        CHECK(by_ns <= last_ns);
        CHECK(fire_ns >= by_ns);
        CHECK(fire_ns >= first_ns + (last_ns - first_ns) / 2);
        CHECK(fire_ns <= last_ns);
        CHECK_INT(term(plan, "join waits until", "over"), fire_ns);
        CHECK_INT(term(plan, "left after it", "over"), plan->due_offset_ns[OVER] - fire_ns);
        is_half_seen = is_half_seen || fire_ns > by_ns;
        is_late_seen = is_late_seen || fire_ns == by_ns;
        tt_plan_close(&plan);
        free(made);
    }
    CHECK(is_half_seen);
    CHECK(is_late_seen);
}

static void rates_say_how_long_a_leader_waits(void)
{
    CHECK_INT(tt_join_margin_ns(at_24, at_24), 41666666 / 8);
    CHECK_INT(tt_join_lag_ns(at_24, at_24), 0);
    CHECK_INT(tt_join_margin_ns(at_100, at_24), MS);
    CHECK_INT(tt_join_lag_ns(at_50, at_24), 0); /* 1.67 ms apart, or at once */
    CHECK_INT(tt_join_lag_ns(at_100, at_25), 0);
    CHECK_INT(tt_join_lag_ns(at_25, ntsc), MS);
    CHECK_INT(tt_join_lag_ns(ntsc, at_25), MS);
    CHECK_INT(tt_join_margin_ns((struct tt_rational){1000, 1}, at_24), MS / 8);
}

static void the_wait_is_a_term(void)
{
    struct test_picture *made = overlay(40 * MS, at_25, ntsc),
                        *alike = overlay(40 * MS, at_25, at_25);
    struct tt_plan *plan = plan_of(made), *same = plan_of(alike);

    CHECK_INT(term(plan, "release jitter", "cam"), MS);
    CHECK_INT(term(same, "release jitter", "cam"), 0);
    CHECK_INT(plan->due_offset_ns[SIDE], same->due_offset_ns[SIDE] - MS);
    CHECK_INT(plan->due_offset_ns[CAM], same->due_offset_ns[CAM]);
    tt_plan_close(&same);
    tt_plan_close(&plan);
    free(alike);
    free(made);
}

static void the_rate_changes_the_path_ends(void)
{
    struct test_picture *made = overlay(60 * MS, at_10, at_100),
                        *alike = overlay(60 * MS, at_10, at_10);
    struct tt_plan *plan = plan_of(made), *same = plan_of(alike);

    CHECK_INT(plan->due_offset_ns[SIDE], 57 * MS);
    CHECK_INT(term(plan, "deadline", "side"), 57 * MS);
    CHECK_INT(term(same, "deadline", "side"), 60 * MS);
    CHECK_INT(term(plan, "deadline", "cam"), 60 * MS);
    tt_plan_close(&same);
    tt_plan_close(&plan);
    free(alike);
    free(made);
}

int main(void)
{
    RUN(a_join_waits_for_what_is_in_time);
    RUN(rates_say_how_long_a_leader_waits);
    RUN(the_wait_is_a_term);
    RUN(the_rate_changes_the_path_ends);
    return 0;
}
