/* Chains that share nothing with each other are released one behind the other within their period:
 * all at once each would wait for all others. Plans hold for any phases, since a worker's demand is
 * greatest when all are released together. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "planner/planner.h"
#include "tactus/format.h"

#define GRID_NS INT64_C(1000000) /* of releases: a wake-up serves all that are due */
#define BURST_NS INT64_C(500000) /* what one release may take by its budgets, about */
#define GAP_NS                                                                                     \
    INT64_C(8000000) /* between two: a wake-up takes as long as some small components              \
                      */

struct chain {
    struct tt_rational rate; /* of its sources; num 0: none yet */
    int64_t cost_ns;
    bool is_fixed; /* something else than its own source says when its frames are there */
};

static uint32_t root_of(uint32_t *root, uint32_t n)
{
    while (root[n] != n)
        n = root[n] = root[root[n]];
    return n;
}

/* The first component of each chain stands for it. */
static void find_roots(const struct tt_picture *picture, uint32_t *root)
{
    for (uint32_t n = 0; n < picture->component_count; n++)
        root[n] = n;
    for (uint32_t n = 0; n < picture->flow_count; n++) {
        uint32_t a = root_of(root, picture->flows[n].from), b = root_of(root, picture->flows[n].to);

        root[a > b ? a : b] = a < b ? a : b;
    }
}

static bool is_join(const struct tt_picture_component *component)
{
    uint32_t connected = 0;

    for (uint32_t n = 0; n < component->in_count; n++)
        connected += component->in[n].flow >= 0;
    return connected > 1 && (component->flags & TT_SEPARATE) == 0;
}

static void add(struct chain *chain, const struct tt_picture_component *component,
                int64_t budget_ns)
{
    bool is_edge = (component->flags & TT_EDGE) != 0;

    chain->cost_ns += is_edge ? 0 : budget_ns;
    if (is_join(component) || (is_edge && component->is_source))
        chain->is_fixed = true;
    if (!component->is_source || component->rate.num <= 0)
        return;
    if (chain->rate.num > 0 &&
        (chain->rate.num != component->rate.num || chain->rate.den != component->rate.den))
        chain->is_fixed = true;
    chain->rate = component->rate;
}

static bool may_wait(const struct chain *chain)
{
    return !chain->is_fixed && chain->rate.num > 0 && chain->cost_ns > 0;
}

static int64_t phase_of(const struct chain *chain, int64_t number, int64_t group_count)
{
    int64_t period_ns = tt_index_ns(1, chain->rate), most = period_ns / GAP_NS;

    if (group_count > most)
        group_count = most > 1 ? most : 1;
    return tt_muldiv(period_ns, number % group_count, group_count) / GRID_NS * GRID_NS;
}

static void spread(struct chain *chains, uint32_t count, int64_t *ret_ns)
{
    int64_t cost_ns = 0, number = 0, chain_count = 0, group_count;

    for (uint32_t n = 0; n < count; n++) {
        if (!may_wait(&chains[n]))
            continue;
        cost_ns += chains[n].cost_ns;
        chain_count++;
    }
    group_count = (cost_ns + BURST_NS - 1) / BURST_NS;
    group_count = group_count < chain_count ? group_count : chain_count;
    for (uint32_t n = 0; n < count; n++)
        if (may_wait(&chains[n]))
            ret_ns[n] = phase_of(&chains[n], number++, group_count);
}

int tt_plan_phases(const struct tt_plan *plan, const struct tt_picture *picture, int64_t *ret_ns)
{
    uint32_t count = picture->component_count;
    uint32_t *root = calloc(count + 1, sizeof(*root));
    struct chain *chains = calloc(count + 1, sizeof(*chains));

    memset(ret_ns, 0, count * sizeof(*ret_ns));
    if (root && chains && plan && picture->is_live) {
        find_roots(picture, root);
        for (uint32_t n = 0; n < count; n++)
            add(&chains[root_of(root, n)], &picture->components[n], plan->budget_of_ns[n]);
        spread(chains, count, ret_ns);
        for (uint32_t n = 0; n < count; n++)
            ret_ns[n] = ret_ns[root_of(root, n)];
    }
    free(chains);
    free(root);
    return root && chains ? 0 : -ENOMEM;
}
