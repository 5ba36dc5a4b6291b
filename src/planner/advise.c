/* What would fit in place of a refused service: the mildest change of each sort that the planner
 * admits, found by asking the planner itself. */
#include "planner/advise.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "planner/bend.h"
#include "planner/estimate.h"
#include "tactus/format.h"

enum {
    SIDE_PARTS = 16,    /* sizes are tried in sixteenths of a side */
    CHAIN_TRIES = 16,   /* components that are tried to be left out */
    DEADLINE_TIMES = 64 /* a deadline longer than so many times is another service */
};

#define DEADLINE_MAX_NS ((int64_t)10 * 1000000000)

struct search {
    const struct tt_advise_params *params;
    struct costs_of known;
    struct tt_advice *advice;
    uint32_t count;
};

static int get_costs(const struct tt_advise_params *params, struct costs_of *ret,
                     const struct tt_picture *picture)
{
    *ret = (struct costs_of){.picture = picture};
    ret->components = calloc(picture->component_count + 1, sizeof(*ret->components));
    ret->segments = calloc(picture->segment_count + 1, sizeof(*ret->segments));
    if (!ret->components || !ret->segments)
        return -ENOMEM;
    return params->costs_of(params->ctx, picture, ret->components, ret->segments);
}

static void costs_close(struct costs_of *costs)
{
    free(costs->components);
    free(costs->segments);
}

static bool is_as_good(const struct tt_plan *plan, const struct tt_plan *refused)
{
    return plan->is_admitted && plan->class >= refused->class;
}

static bool is_admitted(const struct tt_advise_params *params, const struct costs_of *costs)
{
    struct tt_plan *plan = NULL;
    bool is_good = tt_plan_make(costs->picture, costs->components, costs->segments, params->machine,
                                &plan, NULL) == 0 &&
                   is_as_good(plan, params->plan);

    tt_plan_close(&plan);
    return is_good;
}

static bool try_picture(const struct tt_advise_params *params, const struct costs_of *known,
                        const struct tt_picture *picture, bool *ret_is_measured)
{
    struct costs_of costs;
    bool is_good = get_costs(params, &costs, picture) == 0 &&
                   estimate_costs(known, &costs, ret_is_measured) && is_admitted(params, &costs);

    costs_close(&costs);
    return is_good;
}

/* One thing or two at once, as numbers; 0: as it is. */
struct change {
    int64_t deadline_ns;
    int32_t sink; /* whose deadline; -1: the service's */
    struct tt_rational loss, rate;
    uint32_t side; /* sixteenths */
    int32_t without;
};

static const struct change no_change = {.sink = -1, .without = -1};

static void bend(struct bent *bent, const struct change *change)
{
    if (change->deadline_ns > 0 && change->sink >= 0)
        bend_sink_deadline(bent, (uint32_t)change->sink, change->deadline_ns);
    else if (change->deadline_ns > 0)
        bend_deadline(bent, change->deadline_ns);
    if (change->loss.den > 0)
        bend_loss(bent, change->loss);
    if (change->rate.den > 0)
        bend_rate(bent, change->rate);
    if (change->side > 0)
        bend_size(bent, change->side, SIDE_PARTS);
    if (change->without >= 0)
        bend_without(bent, (uint32_t)change->without);
}

/* A deadline changes no cost: what is known need not be asked for again. */
static bool is_deadline_alone(const struct change *change)
{
    return change->loss.den == 0 && change->rate.den == 0 && change->side == 0 &&
           change->without < 0;
}

static bool fits(struct search *search, const struct change *change)
{
    struct costs_of costs = search->known;
    struct bent bent;
    bool is_measured, is_good;

    if (bend_open(search->params->picture, &bent) < 0)
        return false;
    bend(&bent, change);
    costs.picture = &bent.picture;
    is_good = is_deadline_alone(change)
                  ? is_admitted(search->params, &costs)
                  : try_picture(search->params, &search->known, &bent.picture, &is_measured);
    bend_close(&bent);
    return is_good;
}

/* Two digits, rounded up: 87,654,321 ns become 88 ms. */
static int64_t round_up(int64_t ns)
{
    int64_t unit_ns = 1000;

    while (ns / unit_ns >= 100)
        unit_ns *= 10;
    return (ns + unit_ns - 1) / unit_ns * unit_ns;
}

/* The least deadline that fits, a twentieth more so that the next measurement does not refuse it;
 * false: none up to the limit. */
static bool find_deadline(struct search *search, struct change *change, int64_t now_ns)
{
    int64_t bad_ns = now_ns, good_ns = now_ns;

    do {
        bad_ns = good_ns;
        good_ns *= 2;
        if (good_ns > DEADLINE_MAX_NS || good_ns / now_ns > DEADLINE_TIMES)
            return false;
        change->deadline_ns = good_ns;
    } while (!fits(search, change));
    while (good_ns - bad_ns > good_ns / 64) {
        change->deadline_ns = bad_ns + (good_ns - bad_ns) / 2;
        if (fits(search, change))
            good_ns = change->deadline_ns;
        else
            bad_ns = change->deadline_ns;
    }
    change->deadline_ns = round_up(good_ns + good_ns / 20);
    return fits(search, change);
}

struct words {
    char text[32];
};

/* "88ms" for a text, "88 ms" for a sentence. */
static struct words duration_words(int64_t ns, const char *space)
{
    struct words ret;

    if (ns % 1000000 == 0)
        (void)tt_format_text(ret.text, sizeof(ret.text), "%lld%sms", (long long)(ns / 1000000),
                             space);
    else if (ns % 1000 == 0)
        (void)tt_format_text(ret.text, sizeof(ret.text), "%lld%sus", (long long)(ns / 1000), space);
    else
        (void)tt_format_text(ret.text, sizeof(ret.text), "%lld%sns", (long long)ns, space);
    return ret;
}

static struct words rational_words(struct tt_rational value)
{
    struct words ret;

    (void)tt_format_text(ret.text, sizeof(ret.text), value.den == 1 ? "%lld" : "%lld/%lld",
                         (long long)value.num, (long long)value.den);
    return ret;
}

static struct tt_advice *add(struct search *search)
{
    struct tt_advice *advice = &search->advice[search->count];

    if (search->count == TT_ADVICE_MAX)
        return NULL;
    *advice = (struct tt_advice){0};
    search->count++;
    return advice;
}

static void add_set(struct tt_advice *advice, const char *name, const char *value)
{
    (void)tt_format_text(advice->sets[advice->set_count++], TT_ADVICE_SET_BYTES, "%s=%s", name,
                         value);
}

/* The service's; where a sink that has one of its own needs more, that one's. */
static void advise_deadline(struct search *search)
{
    const struct tt_picture *picture = search->params->picture;
    struct change change = no_change;
    int64_t now_ns = picture->deadline_ns;
    char name[TT_NAME_BYTES + 16] = "deadline", of[TT_NAME_BYTES + 16] = "";
    bool is_found = find_deadline(search, &change, now_ns);
    struct tt_advice *advice;

    for (uint32_t n = 0; !is_found && n < picture->component_count; n++) {
        const struct tt_picture_component *sink = &picture->components[n];

        if (!sink->is_sink || sink->deadline_ns <= 0 || sink->deadline_ns == picture->deadline_ns)
            continue;
        change = no_change;
        change.sink = (int32_t)n;
        now_ns = sink->deadline_ns;
        is_found = find_deadline(search, &change, now_ns);
        (void)tt_format_text(name, sizeof(name), "%s.deadline", sink->name);
        (void)tt_format_text(of, sizeof(of), " for `%s`", sink->name);
    }
    advice = is_found ? add(search) : NULL;
    if (!advice)
        return;
    add_set(advice, name, duration_words(change.deadline_ns, "").text);
    (void)tt_format_text(
        advice->change, sizeof(advice->change), "a longer deadline%s: %s in place of %s", of,
        duration_words(change.deadline_ns, " ").text, duration_words(now_ns, " ").text);
}

enum { RATES_MAX = 32 };

/* Rates that people use, below that of now, the highest first; of an odd rate its whole parts. */
static uint32_t lower_rates(struct tt_rational now, struct tt_rational ret[RATES_MAX])
{
    static const int64_t rates[] = {240, 200, 120, 100, 96, 60, 50, 48, 40, 30, 25, 24,
                                    20,  16,  15,  12,  10, 8,  6,  5,  4,  3,  2,  1};
    uint32_t count = 0;

    for (int64_t n = 2; now.den != 1 && n <= 30; n++)
        if (now.num % n == 0)
            ret[count++] = (struct tt_rational){now.num / n, now.den};
    for (size_t n = 0; now.den == 1 && n < sizeof(rates) / sizeof(rates[0]); n++)
        if (rates[n] < now.num)
            ret[count++] = (struct tt_rational){rates[n], 1};
    return count;
}

static bool has_pictures(const struct tt_picture *picture)
{
    for (uint32_t n = 0; n < picture->flow_count; n++) {
        const struct tt_format *format = &picture->flows[n].format;

        if ((format->kind == TT_VIDEO || format->kind == TT_CODED_VIDEO) && format->rate.num > 0)
            return true;
    }
    return false;
}

/* The highest rate that fits, with the deadline of `change` if it has one. */
static bool find_rate(struct search *search, struct change *change)
{
    struct tt_rational rates[RATES_MAX];
    uint32_t count = lower_rates(search->params->picture->rate, rates), bad = 0, good;

    if (count == 0 || !has_pictures(search->params->picture))
        return false;
    good = count - 1;
    change->rate = rates[good];
    if (!fits(search, change))
        return false;
    while (bad < good) { /* rates[good] fits, and all before rates[bad] do not */
        uint32_t middle = bad + (good - bad) / 2;

        change->rate = rates[middle];
        if (fits(search, change))
            good = middle;
        else
            bad = middle + 1;
    }
    change->rate = rates[good];
    return true;
}

static void advise_rate(struct search *search)
{
    struct change change = no_change;
    struct tt_advice *advice = find_rate(search, &change) ? add(search) : NULL;

    if (!advice)
        return;
    add_set(advice, "rate", rational_words(change.rate).text);
    (void)tt_format_text(
        advice->change, sizeof(advice->change), "a lower rate: %s in place of %s a second",
        rational_words(change.rate).text, rational_words(search->params->picture->rate).text);
}

static uint32_t sizable_count(const struct tt_picture *picture)
{
    uint32_t count = 0;

    for (uint32_t n = 0; n < picture->component_count; n++)
        count += picture->components[n].is_sizable;
    return count;
}

static void write_size(struct tt_advice *advice, const struct tt_picture *picture, uint32_t side)
{
    uint32_t length = tt_format_text(advice->change, sizeof(advice->change), "smaller pictures:");
    const char *comma = "";
    char name[TT_ADVICE_SET_BYTES];

    for (uint32_t n = 0; n < picture->component_count; n++) {
        const struct tt_picture_component *component = &picture->components[n];
        uint32_t width = bend_side(component->shape.out[0].width, side, SIDE_PARTS);
        uint32_t height = bend_side(component->shape.out[0].height, side, SIDE_PARTS);

        if (!component->is_sizable)
            continue;
        (void)tt_format_text(name, sizeof(name), "%s.width=%u", component->name, width);
        memcpy(advice->sets[advice->set_count++], name, sizeof(name));
        (void)tt_format_text(name, sizeof(name), "%s.height=%u", component->name, height);
        memcpy(advice->sets[advice->set_count++], name, sizeof(name));
        length += tt_format_text(advice->change + length, sizeof(advice->change) - length,
                                 "%s `%.30s` %ux%u", comma, component->name, width, height);
        comma = ",";
    }
}

static void advise_size(struct search *search)
{
    const struct tt_picture *picture = search->params->picture;
    uint32_t count = sizable_count(picture), good = 1, bad = SIDE_PARTS;
    struct change change = no_change;
    struct tt_advice *advice;

    change.side = good;
    if (count == 0 || 2 * count > TT_ADVICE_SETS_MAX || !fits(search, &change))
        return;
    while (bad - good > 1) {
        change.side = (good + bad) / 2;
        if (fits(search, &change))
            good = change.side;
        else
            bad = change.side;
    }
    advice = add(search);
    if (advice)
        write_size(advice, picture, good);
}

/* One that passes on what it is fed: the same medium comes in and goes out. */
static bool may_leave(const struct tt_picture *picture, uint32_t n)
{
    const struct tt_picture_component *component = &picture->components[n];

    return !component->is_inserted && !(component->flags & TT_EDGE) && component->in_count == 1 &&
           component->out_count == 1 && component->in[0].flow >= 0 && !component->is_sink &&
           component->in_format[0].kind == component->shape.out[0].kind &&
           picture->segments[component->segment].head != n;
}

static void advise_chain(struct search *search)
{
    const struct tt_picture *picture = search->params->picture;
    struct change change = no_change;
    struct tt_advice *advice;
    uint32_t tries = 0;
    bool is_found = false;

    for (uint32_t n = picture->component_count; !is_found && tries < CHAIN_TRIES && n-- > 0;) {
        if (!may_leave(picture, n))
            continue;
        tries++;
        change.without = (int32_t)n;
        is_found = fits(search, &change);
    }
    advice = is_found ? add(search) : NULL;
    if (!advice)
        return;
    add_set(advice, "without", picture->components[change.without].name);
    (void)tt_format_text(advice->change, sizeof(advice->change), "a shorter chain: without `%s`",
                         picture->components[change.without].name);
}

static void advise_loss(struct search *search)
{
    static const int64_t percents[] = {1, 2, 5, 10, 20};
    struct tt_rational now = search->params->picture->loss;
    struct change change = no_change;
    struct tt_advice *advice;
    bool is_found = false;
    char value[16];

    for (size_t n = 0; !is_found && n < sizeof(percents) / sizeof(percents[0]); n++) {
        change.loss = (struct tt_rational){percents[n], 100};
        is_found = now.den > 0 && percents[n] * now.den > now.num * 100 && fits(search, &change);
    }
    advice = is_found ? add(search) : NULL;
    if (!advice)
        return;
    (void)tt_format_text(value, sizeof(value), "%lld%%", (long long)change.loss.num);
    add_set(advice, "loss", value);
    (void)tt_format_text(advice->change, sizeof(advice->change),
                         "more loss allowed: %lld %% in place of %s", (long long)change.loss.num,
                         rational_words(now).text);
}

/* Where no single change is enough, the two that slow a service down together may be. */
static void advise_slower(struct search *search)
{
    int64_t now_ns = search->params->picture->deadline_ns;
    struct change change = no_change;
    struct tt_advice *advice;

    change.deadline_ns = now_ns * DEADLINE_TIMES;
    if (change.deadline_ns > DEADLINE_MAX_NS)
        change.deadline_ns = DEADLINE_MAX_NS;
    if (!find_rate(search, &change) || !find_deadline(search, &change, now_ns))
        return;
    advice = add(search);
    if (!advice)
        return;
    add_set(advice, "rate", rational_words(change.rate).text);
    add_set(advice, "deadline", duration_words(change.deadline_ns, "").text);
    (void)tt_format_text(
        advice->change, sizeof(advice->change),
        "a lower rate and a longer deadline: %s in place of %s a second, %s in "
        "place of %s",
        rational_words(change.rate).text, rational_words(search->params->picture->rate).text,
        duration_words(change.deadline_ns, " ").text, duration_words(now_ns, " ").text);
}

int tt_advise(const struct tt_advise_params *params, struct tt_advice *ret, uint32_t *ret_count)
{
    struct search search = {.params = params, .advice = ret};
    int r = get_costs(params, &search.known, params->picture);

    if (r == 0) {
        advise_deadline(&search);
        advise_rate(&search);
        advise_size(&search);
        advise_chain(&search);
        advise_loss(&search);
        if (search.count < 2)
            advise_slower(&search);
    }
    costs_close(&search.known);
    *ret_count = r == 0 ? search.count : 0;
    return r;
}

bool tt_advice_holds(const struct tt_advise_params *params, const struct tt_picture *changed,
                     bool *ret_is_measured)
{
    struct costs_of known;
    bool is_good = get_costs(params, &known, params->picture) == 0 &&
                   try_picture(params, &known, changed, ret_is_measured);

    costs_close(&known);
    return is_good;
}
