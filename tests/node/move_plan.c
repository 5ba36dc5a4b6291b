/* What a component that moves is promised where it goes: in a worker that is there, and in one of
 * its own. */
#include <errno.h>

#include "check.h"
#include "node/move_inside.h"

#define MILLI INT64_C(1000000)

static struct tt_picture_component components[2];
static struct tt_picture_flow flow = {.from = 0, .to = 1};
static struct tt_plan_sink sink;
static struct tt_plan_worker home;
static struct tt_picture picture = {.components = components,
                                    .component_count = 2,
                                    .flows = &flow,
                                    .flow_count = 1,
                                    .sink_count = 1};
static struct tt_plan plan = {.workers = &home, .worker_count = 1, .sinks = &sink};
static uint32_t process_of[2];
static struct tt_error err;

/* 50 a second, 2 ms each; a worker with 4 ms of each 10 ms. */
static struct move_question begin(int64_t slack_ns)
{
    memset(components, 0, sizeof(components));
    (void)snprintf(components[0].name, sizeof(components[0].name), "blur");
    (void)snprintf(components[1].name, sizeof(components[1].name), "out");
    components[0].sink = -1;
    components[0].rate = components[1].rate = (struct tt_rational){50, 1};
    components[1].in_count = 1;
    sink.slack_ns = slack_ns;
    plan.class = TT_CLASS_TARGETED;
    home = (struct tt_plan_worker){
        .budget_ns = 4 * MILLI, .period_ns = 10 * MILLI, .overhead_ns = MILLI / 10};
    return (struct move_question){.picture = &picture,
                                  .plan = &plan,
                                  .process_of = process_of,
                                  .to = 1,
                                  .cost_ns = 2 * MILLI,
                                  .container = "container.spare1"};
}

static void a_worker_of_its_own_has_homes_period(void)
{
    struct move_question question = begin(30 * MILLI);
    struct tt_plan_worker own;
    int64_t part_ns;

    CHECK_INT(move_plan_spare(&question, &home, &own, &part_ns, &err), 0);
    CHECK_INT(own.period_ns, home.period_ns);
    /* Two whole periods are its own: half in each, rounded up, and what the engine itself takes. */
    CHECK_INT(own.budget_ns, MILLI + 1 + home.overhead_ns);
}

static void less_time_takes_a_shorter_period_and_more_of_it(void)
{
    struct move_question question = begin(6 * MILLI);
    struct tt_plan_worker own;
    int64_t part_ns;

    CHECK_INT(move_plan_spare(&question, &home, &own, &part_ns, &err), 0);
    CHECK_INT(own.period_ns, 5 * MILLI / 2);
    CHECK_INT(own.budget_ns, 2 * MILLI + home.overhead_ns);
    CHECK_INT(part_ns, 2 * MILLI);
    CHECK(2 * own.period_ns <= sink.slack_ns);
    question = begin(3 * MILLI); /* it would be all of it, and more */
    CHECK_INT(move_plan_spare(&question, &home, &own, &part_ns, &err), -EBUSY);
    CHECK(strstr(err.text, "would need") != NULL);
    question = begin(MILLI);
    CHECK_INT(move_plan_spare(&question, &home, &own, &part_ns, &err), -EBUSY);
    CHECK(strstr(err.text, "the deadline of 'out' leaves 1000 us") != NULL);
    CHECK_INT(own.budget_ns, 0);
}

static void nothing_promised_is_nothing_reserved(void)
{
    struct move_question question = begin(30 * MILLI);
    struct tt_plan_worker own;
    int64_t part_ns;

    plan.class = TT_CLASS_BEST_EFFORT;
    CHECK_INT(move_plan_spare(&question, &home, &own, &part_ns, &err), 0);
    CHECK_INT(own.budget_ns, 0);
    CHECK_INT(part_ns, 0);
    question = begin(30 * MILLI);
    question.cost_ns = 0;
    CHECK_INT(move_plan_spare(&question, &home, &own, &part_ns, &err), -EBUSY);
    CHECK(strstr(err.text, "is not known yet") != NULL);
}

static void who_is_there_waits_for_one_activation(void)
{
    struct move_question question = begin(30 * MILLI);
    int64_t more_ns;

    question.budget_ns = home.budget_ns;
    question.period_ns = home.period_ns;
    CHECK_INT(move_plan(&question, &more_ns, &err), 0);
    CHECK_INT(more_ns, MILLI + 1);
    question.budget_ns = 95 * MILLI / 10; /* its worker has no more to give */
    CHECK_INT(move_plan(&question, &more_ns, &err), -EBUSY);
    CHECK(strstr(err.text, "would need") != NULL);
}

int main(void)
{
    RUN(a_worker_of_its_own_has_homes_period);
    RUN(less_time_takes_a_shorter_period_and_more_of_it);
    RUN(nothing_promised_is_nothing_reserved);
    RUN(who_is_there_waits_for_one_activation);
    return 0;
}
