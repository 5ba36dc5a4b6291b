/* What the planner is told about a picture's costs, and what a run teaches about them. */
#include "node/costs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLD_NS_MIN INT64_C(40000)
#define COLD_NS_MAX INT64_C(500000)

static void declare(const struct tt_picture_component *component, struct tt_cost *cost)
{
    if (component->shape.cost_max_ns <= 0 || cost->n > 0)
        return;
    cost->mean_ns = cost->quantile_ns = cost->max_ns = component->shape.cost_max_ns;
    cost->n = 1;
    (void)snprintf(cost->origin, sizeof(cost->origin), "declared");
}

/* A live run finds caches cold and the CPU asleep at each release, where a profile run never stops:
 * 237 us of it were 606 us live (720p paint and scale, p99), while 30 ms of decoding and encoding
 * were the same, and 3 us of a tone were 37. Until enough live samples are there, this stands for
 * the difference. */
static int64_t as_live(int64_t asap_ns)
{
    int64_t cold_ns = 2 * asap_ns;

    cold_ns = cold_ns < COLD_NS_MIN ? COLD_NS_MIN : cold_ns;
    return asap_ns + (cold_ns > COLD_NS_MAX ? COLD_NS_MAX : cold_ns);
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Enough live samples speak alone; before, the profile run's stand in for them. */
static void join_costs(const struct tt_cost *live, const struct tt_cost *asap,
                       struct tt_rational loss, struct tt_cost *ret)
{
    *ret = *live;
    if (asap->n == 0 || live->n >= tt_samples_needed(loss))
        return;
    ret->n = live->n + asap->n;
    ret->mean_ns = larger(live->mean_ns, asap->mean_ns);
    ret->quantile_ns = larger(live->quantile_ns, as_live(asap->quantile_ns));
    ret->max_ns = larger(live->max_ns, as_live(asap->max_ns));
    memcpy(ret->origin, asap->origin, sizeof(ret->origin));
}

/* One component or segment, of either pace. */
typedef void key_fn(const struct tt_picture *picture, uint32_t place, const struct machine *machine,
                    enum profile_pace pace, struct profile_key *ret);

/* What is met now by the run that asks, or by all of the same, whoever has seen enough of it; 0:
 * nobody has. */
static int64_t followed(const struct costs_asked *asked, const struct profile_key *key,
                        struct tt_rational loss, uint64_t needed, struct tt_histogram *samples)
{
    struct profile_asked question = {.key = key, .loss = loss, .owner = asked->own};
    int64_t bound_ns = 0;
    int r = -ENOENT;

    if (asked->own != NULL)
        r = profile_followed(asked->profile, &question, samples, &bound_ns);
    if (r == 0 && samples->count >= needed && bound_ns > 0)
        return bound_ns;
    question.owner = NULL;
    r = profile_followed(asked->profile, &question, samples, &bound_ns);
    return r == 0 && samples->count >= needed ? larger(bound_ns, 1) : 0;
}

/* What runs meet now speaks before what was ever seen. */
static void follow_run(const struct costs_asked *asked, const struct profile_key *key,
                       struct tt_rational loss, struct tt_histogram *samples, struct tt_cost *ret)
{
    int64_t bound_ns = followed(asked, key, loss, tt_samples_needed(loss), samples);

    if (bound_ns == 0)
        return;
    profile_cost(samples, loss, ret);
    ret->quantile_ns = larger(ret->quantile_ns, bound_ns);
    ret->max_ns = larger(ret->max_ns, bound_ns);
    (void)snprintf(ret->origin, sizeof(ret->origin), "run");
}

/* Rows of all that run now, together, where none of them has enough by itself: the next row is one
 * like these, whichever run it is of. */
static int64_t joint_bound(const struct costs_asked *asked, const struct profile_key *key,
                           struct tt_rational loss, uint64_t needed, struct tt_histogram *samples)
{
    struct profile_asked question = {.key = key, .loss = loss};
    struct tt_cost cost;
    int64_t unused;

    if (profile_followed(asked->profile, &question, samples, &unused) < 0 ||
        samples->count < needed)
        return 0;
    profile_cost(samples, loss, &cost);
    return cost.quantile_ns;
}

/* Of windows one in 1/loss decides already: they only ever lower what is promised for one. What
 * runs now speaks alone for windows where it does for the single cost. */
static int64_t window_bound(const struct costs_asked *asked, const struct profile_key *key,
                            struct tt_rational loss, bool is_run, struct tt_histogram *samples)
{
    uint64_t needed = ((uint64_t)loss.den + (uint64_t)loss.num - 1) / (uint64_t)loss.num;
    struct tt_cost cost = {0};
    int64_t bound_ns = is_run ? followed(asked, key, loss, needed, samples) : 0;

    if (is_run && bound_ns == 0)
        return joint_bound(asked, key, loss, needed, samples);
    if (is_run)
        profile_cost(samples, loss, &cost);
    else if (profile_load_cost(asked->profile, key, loss, &cost) < 0)
        return 0;
    return cost.n < needed ? 0 : larger(cost.quantile_ns, bound_ns);
}

/* Only of live runs that speak alone: the caches of a profile run stay warm, the more the longer.
 */
static void load_windows(const struct tt_picture *picture, const struct costs_asked *asked,
                         uint32_t segment, struct tt_cost *ret)
{
    struct tt_histogram *samples = malloc(sizeof(*samples));
    struct tt_rational loss = samples_loss(picture);
    struct profile_key key;

    profile_segment_key(picture, segment, asked->machine, PROFILE_LIVE, &key);
    for (uint32_t n = 0; samples != NULL && n < TT_WINDOWS; n++) {
        struct profile_key window = profile_window_key(&key, n);

        ret->window_ns[n] =
            window_bound(asked, &window, loss, strcmp(ret->origin, "run") == 0, samples);
        if (ret->window_ns[n] == 0)
            break;
    }
    free(samples);
}

static int load_one(const struct tt_picture *picture, const struct costs_asked *asked,
                    key_fn *key_of, uint32_t place, struct tt_cost *ret)
{
    struct tt_histogram *samples = malloc(sizeof(*samples));
    struct tt_rational loss = samples_loss(picture);
    struct tt_cost costs[2];
    struct profile_key key;

    if (samples == NULL)
        return -ENOMEM;
    for (int pace = PROFILE_LIVE; pace <= PROFILE_ASAP; pace++) {
        key_of(picture, place, asked->machine, (enum profile_pace)pace, &key);
        if (profile_load_cost(asked->profile, &key, loss, &costs[pace]) < 0)
            memset(&costs[pace], 0, sizeof(costs[pace]));
        follow_run(asked, &key, loss, samples, &costs[pace]);
    }
    free(samples);
    join_costs(&costs[PROFILE_LIVE], &costs[PROFILE_ASAP], loss, ret);
    if (key_of == profile_segment_key && costs[PROFILE_LIVE].n >= tt_samples_needed(loss))
        load_windows(picture, asked, place, ret);
    return 0;
}

/* Of what has a key in common, as most of a service's chains do, one is asked for: the runs that
 * are on are merged for each answer. */
static int load_all(const struct tt_picture *picture, const struct costs_asked *asked,
                    key_fn *key_of, uint32_t count, struct tt_cost *ret)
{
    struct profile_key *keys = calloc(count + 1, sizeof(*keys));
    int r = keys == NULL ? -ENOMEM : 0;

    for (uint32_t n = 0; r == 0 && n < count; n++) {
        uint32_t first = 0;

        key_of(picture, n, asked->machine, PROFILE_LIVE, &keys[n]);
        while (memcmp(&keys[first], &keys[n], sizeof(keys[n])) != 0)
            first++;
        if (first < n)
            ret[n] = ret[first];
        else
            r = load_one(picture, asked, key_of, n, &ret[n]);
    }
    free(keys);
    return r;
}

int costs_load(const struct tt_picture *picture, const struct costs_asked *asked, struct costs *ret)
{
    int r = 0;

    ret->components = calloc(picture->component_count + 1, sizeof(*ret->components));
    ret->segments = calloc(picture->segment_count + 1, sizeof(*ret->segments));
    if (ret->components == NULL || ret->segments == NULL)
        r = -ENOMEM;
    if (r == 0)
        r = load_all(picture, asked, profile_component_key, picture->component_count,
                     ret->components);
    for (uint32_t n = 0; r == 0 && n < picture->component_count; n++)
        declare(&picture->components[n], &ret->components[n]);
    if (r == 0)
        r = load_all(picture, asked, profile_segment_key, picture->segment_count, ret->segments);
    if (r < 0)
        costs_fini(ret);
    return r;
}

void costs_fini(struct costs *costs)
{
    free(costs->components);
    free(costs->segments);
    costs->components = costs->segments = NULL;
}

static bool is_run_by_container(const struct tt_picture *picture, uint32_t segment)
{
    for (uint32_t n = 0; n < picture->component_count; n++)
        if (picture->components[n].segment == segment &&
            (picture->components[n].flags & TT_EDGE) == 0)
            return true;
    return false;
}

/* What runs once gives one sample. */
static uint64_t samples_wanted(const struct tt_picture *picture, uint32_t segment)
{
    return picture->segments[segment].rate.num > 0 ? tt_samples_needed(samples_loss(picture)) : 1;
}

bool costs_are_missing(const struct tt_picture *picture, const struct costs *costs)
{
    for (uint32_t n = 0; n < picture->segment_count; n++)
        if (costs->segments[n].n < samples_wanted(picture, n) && is_run_by_container(picture, n))
            return true;
    return false;
}

void costs_learn(const struct tt_picture *picture, const struct machine *machine,
                 struct profile *profile, enum profile_pace pace, const struct samples *samples)
{
    struct profile_key key;

    for (uint32_t n = 0; n < picture->component_count; n++) {
        if (samples_component(samples, n)->count == 0)
            continue;
        profile_component_key(picture, n, machine, pace, &key);
        (void)profile_learn(profile, &key, picture->components[n].kind,
                            samples_component(samples, n));
        (void)profile_describe(profile, &key, "component", pace, machine);
    }
    for (uint32_t n = 0; n < picture->segment_count; n++) {
        if (samples_segment(samples, n)->count == 0)
            continue;
        profile_segment_key(picture, n, machine, pace, &key);
        (void)profile_learn(profile, &key, picture->segments[n].name, samples_segment(samples, n));
        (void)profile_describe(profile, &key, "segment", pace, machine);
        for (uint32_t k = 0; pace == PROFILE_LIVE && k < TT_WINDOWS; k++) {
            struct profile_key window = profile_window_key(&key, k);

            if (samples_window(samples, n, k)->count > 0)
                (void)profile_learn(profile, &window, "", samples_window(samples, n, k));
        }
    }
}

void costs_follow(const struct tt_picture *picture, const struct machine *machine,
                  struct profile *profile, const struct samples *samples)
{
    struct profile_key key;

    for (uint32_t n = 0; n < picture->component_count; n++) {
        profile_component_key(picture, n, machine, PROFILE_LIVE, &key);
        profile_follow(profile, samples, &key, samples_component_bound(samples, n));
    }
    for (uint32_t n = 0; n < picture->segment_count; n++) {
        profile_segment_key(picture, n, machine, PROFILE_LIVE, &key);
        profile_follow(profile, samples, &key, samples_segment_bound(samples, n));
        for (uint32_t k = 0; k < TT_WINDOWS; k++) {
            struct profile_key window = profile_window_key(&key, k);

            profile_follow(profile, samples, &window, samples_window_bound(samples, n, k));
        }
    }
}
