/* What a refusal offers: each offered text parses, is admitted, and differs in what it names. */
#include "planner/advise.h"

#include <time.h>

#include "../spec/catalogue.h"
#include "check.h"

enum { TRIES_A_REFUSAL = 40, PLANS_MAX = 100 };

/* A slice in the suite; `make offers` tries 500 and more. */
static uint32_t refused_wanted = CHECK_TURNS(100);
static uint64_t state = 20261123;

static uint32_t below(uint32_t count)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)((state >> 11) % count);
}

/* A machine's costs: so much a pixel and so much besides, by kind. */
struct costs {
    int64_t pixel_ps, fixed_ns;
    const struct tt_picture *known; /* NULL: all is measured; else only what looks as in this one */
    uint32_t calls;
};

static const struct tt_machine machine = {.cpus = 2,
                                          .limit_ppm = 1800000,
                                          .slack_ppm = 300000,
                                          .right = TT_RIGHT_DEADLINE,
                                          .wake_ns = 100000,
                                          .hop_ns = 1000,
                                          .memory_bytes = (int64_t)8 << 30};

static int64_t mean_of(const struct costs *costs, const struct tt_picture_component *component)
{
    int64_t pixels = 0;

    for (uint32_t n = 0; n < component->in_count; n++)
        pixels += (int64_t)component->in_format[n].width * component->in_format[n].height;
    for (uint32_t n = 0; n < component->out_count; n++)
        pixels += (int64_t)component->shape.out[n].width * component->shape.out[n].height;
    return costs->fixed_ns + pixels * costs->pixel_ps / 1000 * (1 + component->name[0] % 3);
}

static bool is_known(const struct costs *costs, const struct tt_picture_component *component)
{
    for (uint32_t n = 0; costs->known && n < costs->known->component_count; n++) {
        const struct tt_picture_component *other = &costs->known->components[n];

        if (strcmp(other->name, component->name) == 0)
            return memcmp(other->in_format, component->in_format, sizeof(other->in_format)) == 0 &&
                   memcmp(other->shape.out, component->shape.out, sizeof(other->shape.out)) == 0;
    }
    return !costs->known;
}

/* The tail that a larger loss leaves out. */
static void fill(struct tt_cost *ret, int64_t mean_ns, struct tt_rational loss)
{
    int64_t tail = loss.num * 100 / loss.den >= 10 ? 10 : loss.num * 100 / loss.den >= 2 ? 30 : 50;

    *ret = (struct tt_cost){.mean_ns = mean_ns,
                            .quantile_ns = mean_ns + mean_ns * tail / 100,
                            .max_ns = 2 * mean_ns,
                            .n = 100000,
                            .origin = "profile"};
}

static int costs_of(void *ctx, const struct tt_picture *picture, struct tt_cost *components,
                    struct tt_cost *segments)
{
    struct costs *costs = ctx;

    costs->calls++;
    for (uint32_t n = 0; n < picture->segment_count; n++) {
        int64_t sum_ns = 0;
        bool is_all = true;

        for (uint32_t c = 0; c < picture->component_count; c++) {
            if (picture->components[c].segment != n)
                continue;
            sum_ns += mean_of(costs, &picture->components[c]);
            is_all = is_all && is_known(costs, &picture->components[c]);
        }
        if (is_all && (!costs->known || costs->known->component_count == picture->component_count))
            fill(&segments[n], sum_ns, picture->loss);
    }
    for (uint32_t c = 0; c < picture->component_count; c++)
        if (is_known(costs, &picture->components[c]))
            fill(&components[c], mean_of(costs, &picture->components[c]), picture->loss);
    return 0;
}

static void random_text(char *ret, size_t bytes)
{
    static const char *const names[] = {"a", "b", "c", "d"};
    uint32_t count = below(5), rate = 10 + below(110);
    size_t length;

    length = (size_t)snprintf(
        ret, bytes,
        "tactus: 1\nservice: random\nrate: %u\ndeadline: %uus\nloss: %u%%\ncomponents:\n"
        "  cam: {kind: test.video, params: {width: %u, height: %u}}\n  out: {kind: null%s}\n",
        rate, 2000 + below(60000), 1 + below(3), 16 * (10 + below(200)), 16 * (10 + below(100)),
        below(4) == 0 ? ", deadline: 7ms" : "");
    for (uint32_t n = 0; n < count && n < 4; n++)
        length += (size_t)snprintf(
            ret + length, bytes - length,
            below(3) == 0 ? "  %s: {kind: video.convert, params: {format: I420}}\n"
                          : "  %s: {kind: video.scale, params: {width: %u, height: %u}}\n",
            names[n], 16 * (8 + below(120)), 16 * (8 + below(60)));
    if (below(3) == 0)
        length += (size_t)snprintf(ret + length, bytes - length,
                                   "  tone: {kind: test.audio}\n  ears: {kind: null}\n");
    length += (size_t)snprintf(ret + length, bytes - length, "flows:\n  - cam");
    for (uint32_t n = 0; n < count && n < 4; n++)
        length += (size_t)snprintf(ret + length, bytes - length, " ! %s", names[n]);
    length += (size_t)snprintf(ret + length, bytes - length, " ! out\n");
    if (strstr(ret, "tone:"))
        (void)snprintf(ret + length, bytes - length, "  - tone ! ears\n");
}

static struct tt_service *parse(const char *text)
{
    struct tt_service *service = NULL;
    struct tt_error err = {0};

    if (tt_service_parse_yaml(text, strlen(text), &test_catalogue, &service, &err) < 0) {
        fprintf(stderr, "%s\n%s\n", err.text, text);
        exit(1);
    }
    return service;
}

/* NULL where it cannot be shaped: the offer is then none. */
static struct tt_picture *shape(const struct tt_service *service)
{
    struct tt_picture *picture = NULL;
    struct tt_error err = {0};

    return tt_picture_shape(service, &test_catalogue, test_probe, NULL, &picture, &err) == 0
               ? picture
               : NULL;
}

static struct tt_plan *plan_of(const struct tt_picture *picture, struct costs *costs)
{
    struct tt_cost components[64] = {0}, segments[64] = {0};
    struct tt_plan *plan = NULL;

    CHECK(picture->component_count <= 64);
    CHECK_INT(costs_of(costs, picture, components, segments), 0);
    CHECK_INT(tt_plan_make(picture, components, segments, &machine, &plan, NULL), 0);
    return plan;
}

static struct tt_spec_component *named(struct tt_service *service, const char *name, size_t length)
{
    for (uint32_t n = 0; n < service->component_count; n++)
        if (strlen(service->components[n].name) == length &&
            memcmp(service->components[n].name, name, length) == 0)
            return &service->components[n];
    return NULL;
}

static void forget_param(struct tt_spec_component *component, const char *name)
{
    for (uint32_t n = 0; n < component->param_count; n++)
        if (strcmp(component->params[n].name, name) == 0)
            component->params[n].value[0] = 0;
}

/* Takes what a set names out of the comparison. */
static void forget(struct tt_service *service, const char *set)
{
    const char *dot = strchr(set, '.'), *equals = strchr(set, '=');
    struct tt_spec_component *component;
    char param[TT_NAME_BYTES] = "";

    CHECK(equals);
    if (strncmp(set, "deadline=", 9) == 0) {
        service->deadline_ns = 1;
    } else if (strncmp(set, "loss=", 5) == 0) {
        service->loss = (struct tt_rational){1, 1};
    } else if (strncmp(set, "rate=", 5) == 0) {
        service->rate = (struct tt_rational){1, 1};
    } else {
        CHECK(dot && dot < equals);
        component = named(service, set, (size_t)(dot - set));
        CHECK(component);
        memcpy(param, dot + 1, (size_t)(equals - dot - 1));
        if (strcmp(param, "deadline") == 0)
            component->deadline_ns = 1;
        else
            forget_param(component, param);
    }
}

/* The offer lacks the component, and has all others as they were. */
static void lacks_only(struct tt_service *offer, struct tt_service *was, const char *name)
{
    CHECK_INT(offer->component_count, was->component_count - 1);
    CHECK_INT(offer->flow_count, was->flow_count - 1);
    CHECK(!named(offer, name, strlen(name)));
    for (uint32_t n = 0; n < offer->component_count; n++) {
        const struct tt_spec_component *one = &offer->components[n];
        const struct tt_spec_component *other = named(was, one->name, strlen(one->name));

        CHECK(other);
        CHECK_TEXT(one->kind, other->kind);
        CHECK_INT(one->param_count, other->param_count);
        for (uint32_t p = 0; p < one->param_count; p++)
            CHECK_TEXT(one->params[p].value, other->params[p].value);
    }
    CHECK_INT(offer->deadline_ns, was->deadline_ns);
    CHECK_INT(offer->rate.num, was->rate.num);
}

static void differs_in_what_it_names(const char *was, const char *offered,
                                     const struct tt_advice *advice)
{
    struct tt_service *a = parse(was), *b = parse(offered);

    CHECK(!tt_service_equal(a, b));
    CHECK(advice->set_count > 0);
    if (strncmp(advice->sets[0], "without=", 8) == 0) {
        CHECK_INT(advice->set_count, 1);
        lacks_only(b, a, advice->sets[0] + 8);
    } else {
        for (uint32_t n = 0; n < advice->set_count; n++) {
            forget(a, advice->sets[n]);
            forget(b, advice->sets[n]);
        }
        CHECK(tt_service_equal(a, b));
    }
    tt_service_close(&a);
    tt_service_close(&b);
}

/* The changed text as a person gets it; NULL: the change cannot be made. */
static char *change(const char *was, const struct tt_advice *advice)
{
    struct tt_service *service = parse(was);
    struct tt_error err = {0};
    char *text;
    int r = 0;

    for (uint32_t n = 0; r == 0 && n < advice->set_count; n++)
        r = tt_service_set(service, advice->sets[n], &test_catalogue, &err);
    text = r == 0 ? tt_service_print(service) : NULL;
    tt_service_close(&service);
    return text;
}

struct counts {
    uint32_t refused, helped, offers, dropped, by_kind[6], plans_max;
    double ms_max;
};

static uint32_t kind_of(const char *change)
{
    static const char *const heads[] = {"a longer",  "a lower rate:", "smaller",
                                        "a shorter", "more",          "a lower rate and"};
    uint32_t n = 0;

    while (n < 6 && strncmp(change, heads[n], strlen(heads[n])) != 0)
        n++;
    CHECK(n < 6);
    return n;
}

static void look_at_offer(const char *was, const struct tt_advise_params *params,
                          const struct tt_advice *advice, struct counts *counts)
{
    char *text = change(was, advice);
    struct tt_service *service = text ? parse(text) : NULL;
    struct tt_picture *picture = service ? shape(service) : NULL;
    struct costs *costs = params->ctx;
    bool is_measured = false, holds;

    holds = picture && tt_advice_holds(params, picture, &is_measured);
    counts->dropped += !holds;
    if (holds) {
        struct costs all = {.pixel_ps = costs->pixel_ps, .fixed_ns = costs->fixed_ns};
        struct tt_plan *plan = plan_of(picture, &all);

        counts->offers++;
        counts->by_kind[kind_of(advice->change)]++;
        differs_in_what_it_names(was, text, advice);
        /* What was measured in advance is what check will measure: it says yes, in no lesser class.
         */
        if (!costs->known) {
            CHECK(is_measured);
            CHECK(plan->is_admitted);
            CHECK(plan->class >= params->plan->class);
        }
        tt_plan_close(&plan);
    }
    tt_picture_close(&picture);
    tt_service_close(&service);
    free(text);
}

static void look_at_refusal(const char *text, const struct tt_advise_params *params,
                            struct counts *counts)
{
    struct tt_advice advice[TT_ADVICE_MAX];
    struct timespec before, after;
    uint32_t count = 0, offers = counts->offers;
    struct costs *costs = params->ctx;
    double ms;

    costs->calls = 0;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    CHECK_INT(tt_advise(params, advice, &count), 0);
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    ms = (double)(after.tv_sec - before.tv_sec) * 1e3 +
         (double)(after.tv_nsec - before.tv_nsec) / 1e6;
    counts->ms_max = ms > counts->ms_max ? ms : counts->ms_max;
    CHECK(count <= TT_ADVICE_MAX);
    CHECK(costs->calls <= PLANS_MAX);
    if (costs->calls > counts->plans_max)
        counts->plans_max = costs->calls;
    for (uint32_t n = 0; n < count; n++)
        look_at_offer(text, params, &advice[n], counts);
    counts->refused++;
    counts->helped += counts->offers > offers;
}

static void try_services(bool is_all_measured, uint32_t wanted, struct counts *counts)
{
    char text[2048];

    for (uint32_t n = 0; counts->refused < wanted && n < TRIES_A_REFUSAL * wanted; n++) {
        struct tt_service *service;
        struct tt_picture *picture;
        struct costs costs = {.pixel_ps = 100 + below(2000), .fixed_ns = 10000 + below(3000000)};
        struct tt_plan *plan;

        random_text(text, sizeof(text));
        service = parse(text);
        picture = shape(service);
        CHECK(picture);
        plan = plan_of(picture, &costs);
        costs.known = is_all_measured ? NULL : picture;
        if (!plan->is_admitted)
            look_at_refusal(text,
                            &(struct tt_advise_params){.picture = picture,
                                                       .plan = plan,
                                                       .machine = &machine,
                                                       .costs_of = costs_of,
                                                       .ctx = &costs},
                            counts);
        tt_plan_close(&plan);
        tt_picture_close(&picture);
        tt_service_close(&service);
    }
    CHECK_INT(counts->refused, wanted);
    fprintf(stderr,
            "  %u refused, %u helped: %u offers (deadline %u, rate %u, size %u, chain %u, loss %u, "
            "slower %u), %u proposals fell through; at most %u plans, %.1f ms of CPU time\n",
            counts->refused, counts->helped, counts->offers, counts->by_kind[0], counts->by_kind[1],
            counts->by_kind[2], counts->by_kind[3], counts->by_kind[4], counts->by_kind[5],
            counts->dropped, counts->plans_max, counts->ms_max);
}

static void offers_what_is_admitted(void)
{
    struct counts counts = {0};

    try_services(true, refused_wanted, &counts);
    CHECK(counts.helped * 4 > counts.refused * 3);
    for (uint32_t n = 0; n < 6; n++)
        CHECK(counts.by_kind[n] > 0);
}

static void scales_what_is_not_measured(void)
{
    struct counts counts = {0};

    try_services(false, refused_wanted / 5, &counts);
    CHECK(counts.helped * 2 > counts.refused);
    CHECK(counts.by_kind[1] > 0);
    CHECK(counts.by_kind[2] > 0);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        refused_wanted = (uint32_t)strtoul(argv[1], NULL, 10);
    RUN(offers_what_is_admitted);
    RUN(scales_what_is_not_measured);
    return 0;
}
