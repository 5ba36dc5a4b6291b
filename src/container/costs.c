/* What segments and components cost, as samples for tactusd's profiles. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "container/inside.h"
#include "core/degrade.h"

enum { MESSAGE_TEXT_MAX = 48 << 10 };

int costs_open(struct costs *costs, const struct container *container)
{
    const struct tt_picture *picture = container->picture;
    uint32_t count = picture->segment_count;

    memset(costs, 0, sizeof *costs);
    costs->segment_count = count;
    costs->counts = calloc(count + 1, sizeof *costs->counts);
    costs->samples = calloc(count + 1, sizeof *costs->samples);
    costs->is_steady = calloc(count + 1, sizeof *costs->is_steady);
    costs->is_part = calloc(count + 1, sizeof *costs->is_part);
    if (!costs->counts || !costs->samples || !costs->is_steady || !costs->is_part)
        return -ENOMEM;
    for (uint32_t n = 0; n < picture->component_count; n++) {
        const struct tt_picture_component *component = &picture->components[n];

        if ((component->flags & TT_EDGE) == 0 && component->segment < count &&
            container->wiring->process_of[n] != container->seat.number)
            costs->is_part[component->segment] = true;
        if (container->wiring->process_of[n] == container->seat.number &&
            component->segment < count && component->rate.num > 0)
            costs->is_steady[component->segment] = true;
    }
    return 0;
}

/* The newest SAMPLES_MAX of each segment are kept. */
void costs_take(struct costs *costs, const struct container *container)
{
    struct tt_level_cost cost;

    if (!costs->own.has_begun)
        tt_own_look(&costs->own, container->stats);
    while (tt_engine_level_cost(container->engine, &cost)) {
        if (cost.segment >= costs->segment_count || costs->is_part[cost.segment]) {
            costs->taken++;
            continue; /* a part says nothing of the whole */
        }
        if (cost.level != costs->level && costs->unreported > 0)
            costs_report(costs, container, false);
        costs->level = cost.level;
        costs->samples[cost.segment][costs->counts[cost.segment] % SAMPLES_MAX] = cost.cost_ns;
        costs->counts[cost.segment]++;
        costs->unreported++;
        costs->taken++;
    }
}

void costs_part(struct costs *costs, uint32_t segment)
{
    if (segment < costs->segment_count)
        costs->is_part[segment] = true;
}

uint32_t costs_least(const struct costs *costs)
{
    uint32_t least = UINT32_MAX;

    for (uint32_t n = 0; n < costs->segment_count; n++)
        if (costs->is_steady[n] && !costs->is_part[n] && costs->counts[n] < least)
            least = costs->counts[n];
    return least == UINT32_MAX ? 0 : least;
}

static json_t *segments_json(const struct costs *costs, int64_t own_ns)
{
    json_t *segments = json_array();

    for (uint32_t n = 0; n < costs->segment_count; n++) {
        uint32_t count = costs->counts[n] < SAMPLES_MAX ? costs->counts[n] : SAMPLES_MAX;
        json_t *samples = json_array();

        for (uint32_t i = 0; i < count; i++)
            json_array_append_new(samples, json_integer(costs->samples[n][i] + own_ns));
        json_array_append_new(segments, samples);
    }
    return segments;
}

/* By the picture's component; those that run in an edge have none here. */
static json_t *components_json(const struct container *container)
{
    json_t *components = json_array();

    for (uint32_t n = 0; n < container->picture->component_count; n++) {
        bool is_here = container->wiring->process_of[n] == container->seat.number;
        uint32_t node = container->node_of_in[n][0];
        int64_t count = 0, mean_ns = 0, max_ns = 0;

        if (is_here && node < container->node_count) {
            const struct tt_node_stats *stats = &container->stats->nodes[node];

            count = (int64_t)stats->activations;
            mean_ns = count > 0 ? stats->cost_sum_ns / count : 0;
            max_ns = stats->cost_max_ns;
        }
        json_array_append_new(components,
                              json_pack("{sI sI sI}", "mean", mean_ns, "max", max_ns, "n", count));
    }
    return components;
}

void costs_report(struct costs *costs, const struct container *container, bool is_kept)
{
    static const char *const name = "costs";
    json_t *body;
    char *text;
    size_t bytes;

    tt_own_look(&costs->own, container->stats);
    body = json_pack("{ss si so so}", "event", "costs", "level", (int)costs->level, "segments",
                     segments_json(costs, tt_own_share_ns(&costs->own, costs->taken)), "components",
                     components_json(container));
    text = json_dumps(body, JSON_COMPACT);
    bytes = text ? strlen(text) : 0;
    if (bytes > MESSAGE_TEXT_MAX) {
        int fd = tt_message_text_fd(name, text, bytes, NULL);

        (void)tt_message_send_new(
            container->seat.control,
            json_pack("{ss si}", "event", "costs", "level", (int)costs->level), &fd, &name,
            fd >= 0 ? 1 : 0, NULL);
        if (fd >= 0)
            (void)close(fd);
    } else if (bytes > 0)
        (void)tt_message_send(container->seat.control, body, NULL, NULL, 0, NULL);
    free(text);
    json_decref(body);
    if (!is_kept)
        memset(costs->counts, 0, costs->segment_count * sizeof *costs->counts);
    costs->unreported = 0;
    costs->taken = 0;
}
