/* May a component run beside others on another worker of its service? What fits, what does not and
 * by which arithmetic, and how much of each period it needs there. */
#include <errno.h>

#include "check.h"
#include "node/move_inside.h"

#define MILLI INT64_C(1000000)

enum { CAM, MOVED, SINK, TONE, HEARD, COMPONENTS };

static struct tt_picture_component components[COMPONENTS];
static struct tt_picture_flow flows[3];
static struct tt_plan_sink sinks[2];
static uint32_t process_of[COMPONENTS];
static struct tt_picture picture;
static struct tt_plan plan;
static struct move_question question;

static void add(uint32_t number, const char *name, int32_t sink)
{
    struct tt_picture_component *component = &components[number];

    memset(component, 0, sizeof(*component));
    (void)snprintf(component->name, sizeof(component->name), "%s", name);
    component->rate = (struct tt_rational){50, 1}; /* each 20 ms */
    component->sink = sink;
    component->in_count = sink >= 0;
}

/* cam ! moved ! sink in container 0, tone ! heard in container 1, whose worker has 2 ms of each 10.
 */
static void set_up(int64_t own_slack_ns, int64_t others_slack_ns)
{
    add(CAM, "cam", -1);
    add(MOVED, "moved", -1);
    add(SINK, "sink", 0);
    add(TONE, "tone", -1);
    add(HEARD, "heard", 1);
    memset(flows, 0, sizeof(flows));
    flows[0].from = CAM;
    flows[0].to = MOVED;
    flows[1].from = MOVED;
    flows[1].to = SINK;
    flows[2].from = TONE;
    flows[2].to = HEARD;
    process_of[CAM] = process_of[MOVED] = process_of[SINK] = 0;
    process_of[TONE] = process_of[HEARD] = 1;
    sinks[0].slack_ns = own_slack_ns;
    sinks[1].slack_ns = others_slack_ns;
    picture = (struct tt_picture){
        .components = components, .component_count = COMPONENTS, .flows = flows, .flow_count = 3};
    plan = (struct tt_plan){.class = TT_CLASS_TARGETED, .sinks = sinks};
    question = (struct move_question){.picture = &picture,
                                      .plan = &plan,
                                      .process_of = process_of,
                                      .component = MOVED,
                                      .to = 1,
                                      .cost_ns = 3 * MILLI,
                                      .budget_ns = 2 * MILLI,
                                      .period_ns = 10 * MILLI,
                                      .container = "container.audio"};
}

static int64_t admitted(void)
{
    struct tt_error err = {0};
    int64_t more_ns = -1;

    CHECK_INT(move_plan(&question, &more_ns, &err), 0);
    return more_ns;
}

static void refused(const char *words)
{
    struct tt_error err = {0};
    int64_t more_ns;

    CHECK_INT(move_plan(&question, &more_ns, &err), -EBUSY);
    CHECK(strstr(err.text, "not admitted in container.audio: ") == err.text);
    if (strstr(err.text, words) == NULL)
        fprintf(stderr, "  said: %s\n", err.text);
    CHECK(strstr(err.text, words) != NULL);
}

/* 3 ms, in so many whole periods as the slack has behind the first; never less than 3 ms in 20. */
static void a_cost_is_split_over_the_periods_that_are_left(void)
{
    set_up(20 * MILLI, 30 * MILLI);
    CHECK_INT(admitted(), 3 * MILLI);
    set_up(39 * MILLI, 30 * MILLI); /* two, and a piece that is none */
    CHECK_INT(admitted(), 3 * MILLI / 2 + 1);
    set_up(30 * MILLI, 30 * MILLI);
    CHECK_INT(admitted(), 3 * MILLI / 2 + 1);
    question.cost_ns = 2 * MILLI + 1; /* what cannot be halved is rounded up */
    CHECK_INT(admitted(), MILLI + 1);
    set_up(1000 * MILLI, 30 * MILLI); /* the long run is what it takes on the average */
    CHECK_INT(admitted(), 3 * MILLI / 2 + 1);
    components[MOVED].rate = (struct tt_rational){25, 1};
    CHECK_INT(admitted(), 3 * MILLI / 4 + 1);
}

static void what_does_not_fit_is_refused_with_the_arithmetic(void)
{
    set_up(20 * MILLI - 1, 30 * MILLI);
    refused("2 x 10000 us, and the deadline of 'sink' leaves 19999 us");
    set_up(20 * MILLI, 30 * MILLI);
    question.budget_ns = 7 * MILLI;
    CHECK_INT(admitted(), 3 * MILLI); /* the whole period, to the last */
    question.budget_ns++;
    refused("its worker has 7000 us of each 10000 us and would need 3000 us more for 'moved'");
    set_up(20 * MILLI, 3 * MILLI);
    CHECK_INT(admitted(), 3 * MILLI);
    set_up(20 * MILLI, 3 * MILLI - 1);
    refused("an activation of 'moved' takes up to 3000 us, and the frames of 'tone' there have "
            "2999 us left before the deadline of 'heard'");
}

static void what_is_not_known_is_not_promised(void)
{
    set_up(20 * MILLI, 30 * MILLI);
    question.cost_ns = 0;
    refused("what 'moved' costs is not known yet");
    set_up(20 * MILLI, 30 * MILLI);
    components[MOVED].rate = (struct tt_rational){0, 1};
    refused("what 'moved' costs is not known yet");
}

/* Nobody is kept from his deadline that he was not promised. */
static void without_a_promise_nothing_is_asked(void)
{
    set_up(0, 0);
    plan.class = TT_CLASS_BEST_EFFORT;
    CHECK_INT(admitted(), 0);
    set_up(0, 0);
    question.budget_ns = question.period_ns = 0;
    CHECK_INT(admitted(), 0);
}

/* Only what the component's frames come to counts, and of that the least. */
static void the_sink_with_the_least_left_counts(void)
{
    set_up(40 * MILLI, 30 * MILLI);
    flows[2].from = MOVED; /* heard takes from it too */
    process_of[HEARD] = 0;
    sinks[1].slack_ns = 20 * MILLI;
    CHECK_INT(admitted(), 3 * MILLI);
    sinks[1].slack_ns = 15 * MILLI;
    refused("the deadline of 'heard' leaves 15000 us");
}

int main(void)
{
    RUN(a_cost_is_split_over_the_periods_that_are_left);
    RUN(what_does_not_fit_is_refused_with_the_arithmetic);
    RUN(what_is_not_known_is_not_promised);
    RUN(without_a_promise_nothing_is_asked);
    RUN(the_sink_with_the_least_left_counts);
    return 0;
}
