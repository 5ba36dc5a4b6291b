/* What a run's costs teach while it runs: bounds, what the planner is told of them, and when a
 * figure in force changes. */
#include "node/follow.h"

#include <errno.h>

#include "check.h"
#include "node/profile.h"
#include "node/samples.h"

static void more_is_wanted_at_once_and_less_after_a_while(void)
{
    struct follow follow = {0};
    int64_t to = 0;

    follow_set(&follow, 1000);
    CHECK(!follow_turn(&follow, 1000, 4, &to) && !follow_turn(&follow, 760, 4, &to));
    CHECK(follow_turn(&follow, 1001, 4, &to));
    CHECK_INT(to, 1001);
    for (int n = 0; n < FOLLOW_LOW_TURNS - 1; n++)
        CHECK(!follow_turn(&follow, n == 3 ? 600 : 500, 4, &to));
    CHECK(follow_turn(&follow, 500, 4, &to));
    CHECK_INT(to, 600); /* the most of that time */
    follow_set(&follow, to);
    CHECK(!follow_turn(&follow, 300, 4, &to));
}

/* A cost that comes and goes gives nothing back, and one that swings by a quarter changes nothing.
 */
static void what_comes_again_and_again_is_kept(void)
{
    struct follow follow = {0};
    int64_t to;

    follow_set(&follow, 1000);
    for (int n = 0; n < 1000; n++)
        CHECK(!follow_turn(&follow, n % (FOLLOW_LOW_TURNS - 1) == 0 ? 900 : 100, 4, &to));
    for (int n = 0; n < 1000; n++)
        CHECK(!follow_turn(&follow, 750 + n % 250, 4, &to));
    for (int n = 1; n < FOLLOW_LOW_TURNS; n++)
        CHECK(!follow_turn(&follow, 874, 8, &to));
    CHECK(follow_turn(&follow, 874, 8, &to));
    CHECK_INT(to, 874);
}

/* A hand-off must be worth it, and able to begin. */
static void a_budget_leaves_room_for_a_hand_off(void)
{
    const int64_t least = FOLLOW_BUDGET_LEAST_NS;

    CHECK_INT(follow_budget_ns(20000, 40000, 0), least);
    CHECK_INT(follow_budget_ns(20000, 40000, 10 * least), least);
    CHECK_INT(follow_budget_ns(20000, 40000, least), least / 2);
    CHECK_INT(follow_budget_ns(3 * least, 6 * least, 0), 6 * least);
    CHECK_INT(follow_budget_ns(2 * least, 4 * least, 4 * least), 3 * least);
    CHECK_INT(follow_budget_ns(9 * least, 18 * least, 4 * least), 9 * least);
    CHECK_INT(follow_budget_ns(9 * least, 7 * least, 4 * least), 7 * least); /* its segment's */
}

static struct tt_histogram merged;

static void a_run_speaks_for_its_key_while_it_is_on(void)
{
    struct tt_picture_component components[2] = {0};
    struct tt_picture picture = {
        .components = components, .component_count = 2, .segment_count = 1, .loss = {1, 20}};
    struct profile_key key = {{1}}, other = {{2}};
    struct profile_asked all = {.key = &key, .loss = picture.loss};
    struct profile_asked stricter = {.key = &key, .loss = {1, 100}};
    struct profile_asked elsewhere = {.key = &other, .loss = picture.loss};
    struct samples *one = samples_open(&picture), *two = samples_open(&picture);
    struct profile *profile;
    struct tt_error err = {0};
    int64_t bound_ns;

    CHECK(one != NULL && two != NULL);
    CHECK_INT(profile_open(":memory:", &profile, &err), 0);
    CHECK_INT(profile_followed(profile, &all, &merged, &bound_ns), -ENOENT);
    profile_follow(profile, one, &key, samples_component_bound(one, 0));
    profile_follow(profile, two, &key, samples_component_bound(two, 0));
    profile_follow(profile, two, &other, samples_segment_bound(two, 0));
    for (int64_t n = 0; n < 200; n++) {
        samples_add(one, &(struct tt_record){.slack_ns = 1000 + n});
        samples_add(one, &(struct tt_record){.flags = TT_RECORD_NO_SAMPLE, .slack_ns = 500000000});
        samples_add(two, &(struct tt_record){.slack_ns = -1, .sent_ns = 9000 + n});
        samples_add_segment(two, 0, 50000);
    }
    CHECK_INT(profile_followed(profile, &all, &merged, &bound_ns), 0);
    CHECK_INT(merged.count, 2 * 101); /* a window of 5/loss each */
    CHECK(merged.max_ns >= 9199 && merged.max_ns < 500000000 && merged.min_ns < 1200);
    CHECK(bound_ns > 5000 && bound_ns < 6000); /* between the two */
    CHECK_INT(profile_followed(profile, &(struct profile_asked){&key, picture.loss, two}, &merged,
                               &bound_ns),
              0);
    CHECK_INT(merged.count, 101);
    CHECK(bound_ns >= 9150 && bound_ns < 12000); /* who asks for itself is told its own */
    CHECK_INT(profile_followed(profile, &stricter, &merged, &bound_ns), 0);
    CHECK_INT(bound_ns, 0); /* at another loss there are only the samples */
    CHECK_INT(profile_followed(profile, &elsewhere, &merged, &bound_ns), 0);
    CHECK(bound_ns >= 50000 && bound_ns < 52000);
    profile_unfollow(profile, two);
    CHECK_INT(profile_followed(profile, &elsewhere, &merged, &bound_ns), -ENOENT);
    CHECK_INT(profile_followed(profile, &all, &merged, &bound_ns), 0);
    CHECK(bound_ns < 2000);
    profile_follow(profile, one, &key, samples_component_bound(one, 1));
    for (int64_t n = 0; n < 200; n++)
        samples_add(one, &(struct tt_record){.component = 1, .slack_ns = 4000});
    CHECK_INT(profile_followed(profile, &all, &merged, &bound_ns), 0);
    CHECK(bound_ns > 2500 && bound_ns < 3000); /* of 1,200 and 4,000 that are alike in a run */
    profile_unfollow(profile, one);
    profile_close(&profile);
    samples_close(&one);
    samples_close(&two);
}

static void the_strictest_loss_counts(void)
{
    struct tt_picture_component components[2] = {{.is_sink = true, .loss = {1, 1000}},
                                                 {.loss = {1, 9}}};
    struct tt_picture picture = {.components = components, .component_count = 2, .loss = {1, 100}};

    CHECK_INT(samples_loss(&picture).den, 1000);
    components[0].is_sink = false;
    CHECK_INT(samples_loss(&picture).den, 100);
    picture.loss = (struct tt_rational){0, 1};
    CHECK_INT(samples_loss(&picture).den, 100);
}

int main(void)
{
    RUN(more_is_wanted_at_once_and_less_after_a_while);
    RUN(what_comes_again_and_again_is_kept);
    RUN(a_budget_leaves_room_for_a_hand_off);
    RUN(a_run_speaks_for_its_key_while_it_is_on);
    RUN(the_strictest_loss_counts);
    return 0;
}
