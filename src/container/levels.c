/* Degrading levels: the engine decides when to step down; a step up is asked of tactusd. */
#include <errno.h>
#include <string.h>

#include "container/move.h"
#include "core/degrade.h"

/* What init() and open() are told: the level to begin at. */
void levels_begin(struct container *container)
{
    uint32_t level = (uint32_t)tt_seat_plan(&container->seat, "level", 0);

    for (uint32_t n = 0; n < container->node_count; n++) {
        struct tt_request *request = &container->places[n].request;

        request->level = level < request->level_count ? level : request->level_count;
    }
}

/* The deepest level of what runs here. */
static uint32_t floor_here(const struct container *container)
{
    uint32_t most = 0;

    for (uint32_t n = 0; n < container->picture->component_count; n++)
        if (container->wiring->process_of[n] == container->seat.number &&
            container->picture->components[n].level_count > most)
            most = container->picture->components[n].level_count;
    return most;
}

/* Who has levels may come here later. */
static bool may_have_levels(const struct container *container)
{
    return floor_here(container) > 0 ||
           (move_is_possible(container) && tt_picture_levels(container->picture) > 0);
}

/* Without a clock nothing is late, and a measurement stays at its level. */
int levels_open(struct container *container, struct tt_error *err)
{
    uint32_t floor = floor_here(container);
    struct tt_level_params params = {
        .first = (uint32_t)tt_seat_plan(&container->seat, "level", 0),
        .floor = floor,
        .calm_ns = tt_seat_plan(&container->seat, "level_calm_ns", 0),
    };

    if (!may_have_levels(container) || container->is_profile || !container->picture->is_live)
        return 0;
    if (params.first > floor)
        params.first = floor; /* others have more */
    for (uint32_t n = 0; n <= tt_picture_levels(container->picture) && n < TT_LEVELS_MAX; n++)
        params.cost[n] = tt_seat_plan_of(&container->seat, "level_cost", n, 0);
    if (tt_engine_degrade(container->engine, &params) < 0)
        return tt_fail(err, -ENOMEM, "no memory for the service's levels");
    return 0;
}

void levels_look(const struct container *container)
{
    uint32_t level;

    if (tt_engine_level_asked(container->engine, &level))
        (void)tt_message_send_new(container->seat.control,
                                  json_pack("{ss si}", "event", "level", "level", (int)level), NULL,
                                  NULL, 0, NULL);
}

bool levels_answer(const struct container *container, const struct tt_message *message)
{
    if (strcmp(tt_message_text(message, "op"), "level") != 0)
        return false;
    tt_engine_level_answer(container->engine, (uint32_t)tt_message_int(message, "level", 0),
                           json_is_true(json_object_get(message->body, "is_admitted")));
    return true;
}
