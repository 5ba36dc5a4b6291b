/* What a refused service is offered: changed texts, each shaped and planned as check would. */
#include "node/offers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "node/costs.h"
#include "node/shape.h"
#include "planner/advise.h"

/* Sources that are slow to look at are not looked at again and again. */
#define LIMIT_NS INT64_C(2000000000)
/* Of the search, which holds up all that tactusd does besides. */
#define SEARCH_NS INT64_C(150000000)

struct offers {
    struct offers_params params;
    struct tt_advise_params asked;
    json_t *request, *list;
    struct tt_advice advice[TT_ADVICE_MAX];
    uint32_t count, next;
    struct shape *shape;
    struct loop_timer timer;
    int64_t limit_ns, search_ns; /* until when */
    offers_fn *fn;
    void *ctx;
};

static int costs_of(void *ctx, const struct tt_picture *picture, struct tt_cost *components,
                    struct tt_cost *segments)
{
    struct offers *offers = ctx;
    struct node *node = offers->params.node;
    struct costs_asked asked = {.machine = &node->machine, .profile = node->profile};
    struct costs costs = {0};
    int r;

    if (loop_now_ns() > offers->search_ns)
        return -ETIMEDOUT;
    r = costs_load(picture, &asked, &costs);
    if (r < 0)
        return r;
    memcpy(components, costs.components, picture->component_count * sizeof(*components));
    memcpy(segments, costs.segments, picture->segment_count * sizeof(*segments));
    costs_fini(&costs);
    return 0;
}

void offers_close(struct offers **closed)
{
    struct offers *offers = *closed;

    if (offers == NULL)
        return;
    loop_clear(offers->params.node->loop, &offers->timer);
    shape_close(&offers->shape);
    json_decref(offers->request);
    json_decref(offers->list);
    free(offers);
    *closed = NULL;
}

static json_t *sets_of(const struct tt_advice *advice, const json_t *before)
{
    json_t *sets = before != NULL ? json_deep_copy(before) : json_array();

    for (uint32_t n = 0; n < advice->set_count; n++)
        json_array_append_new(sets, json_string(advice->sets[n]));
    return sets;
}

static void offer(struct offers *offers, const struct tt_advice *advice,
                  const struct shape_answer *answer)
{
    json_t *sets = json_array(), *made;
    bool is_measured = false;

    for (uint32_t n = 0; n < advice->set_count; n++)
        json_array_append_new(sets, json_string(advice->sets[n]));
    offers->search_ns = loop_now_ns() + SEARCH_NS;
    if (answer->print == NULL || !tt_advice_holds(&offers->asked, answer->picture, &is_measured)) {
        json_decref(sets);
        return;
    }
    made = json_pack("{ss so sb ss}", "change", advice->change, "sets", sets, "measured",
                     is_measured, "service", answer->print);
    if (made != NULL)
        json_array_append_new(offers->list, made);
}

static void on_next(void *ctx, uint32_t events);

static void on_shape(void *ctx, struct shape_answer *answer, const struct tt_error *err,
                     int exit_code)
{
    struct offers *offers = ctx;

    (void)err, (void)exit_code; /* a change that cannot be made is not offered */
    if (answer != NULL) {
        offer(offers, &offers->advice[offers->next - 1], answer);
        plugins_close(&answer->plugins);
        tt_picture_close(&answer->picture);
        free(answer->print);
        free(answer->dot);
    }
    loop_set(offers->params.node->loop, &offers->timer, 0);
}

/* The shape that answered is still in its caller's hands when it does: the loop goes on from here.
 */
static void on_next(void *ctx, uint32_t events)
{
    struct offers *offers = ctx;
    bool is_over = json_array_size(offers->list) >= TT_OFFERS_MAX ||
                   offers->next == offers->count || loop_now_ns() > offers->limit_ns;
    struct tt_error err = {0};
    json_t *request;
    int r;

    (void)events;
    shape_close(&offers->shape);
    if (is_over) {
        json_t *list = offers->list;

        offers->list = NULL;
        offers->fn(offers->ctx, list); /* which may close this */
        return;
    }
    request = json_copy(offers->request);
    json_object_set_new(
        request, "sets",
        sets_of(&offers->advice[offers->next], json_object_get(offers->request, "sets")));
    offers->next++;
    r = shape_open(offers->params.node, request, offers->params.uid, offers->params.gid, on_shape,
                   offers, &offers->shape, &err);
    json_decref(request);
    if (r < 0) {
        offers->next = offers->count;
        loop_set(offers->params.node->loop, &offers->timer, 0);
    }
}

struct offers *offers_open(const struct offers_params *params, offers_fn *fn, void *ctx)
{
    struct offers *offers = calloc(1, sizeof(*offers));

    if (offers == NULL)
        return NULL;
    offers->params = *params;
    offers->fn = fn;
    offers->ctx = ctx;
    offers->request = json_deep_copy(params->request);
    offers->list = json_array();
    offers->limit_ns = loop_now_ns() + LIMIT_NS;
    offers->search_ns = loop_now_ns() + SEARCH_NS;
    offers->asked = (struct tt_advise_params){.picture = params->picture,
                                              .plan = params->plan,
                                              .machine = &params->node->machine.plan,
                                              .costs_of = costs_of,
                                              .ctx = offers};
    offers->timer = (struct loop_timer){.fn = on_next, .ctx = offers};
    if (offers->request == NULL || offers->list == NULL ||
        tt_advise(&offers->asked, offers->advice, &offers->count) < 0 || offers->count == 0) {
        offers_close(&offers);
        return NULL;
    }
    loop_set(params->node->loop, &offers->timer, 0);
    return offers;
}
