/* Who is refused asks those that run to give back what their promises do not need. */
#include "node/levels.h"
#include "node/run_least.h"
#include "node/service_inside.h"

/* At its lowest level, beside the others with what they need. */
bool service_way_is_there(struct service *service)
{
    struct node *node = service->node;
    struct levels_beside beside = {.machine = &node->machine.plan};
    struct tt_plan *plan = NULL;
    bool is_admitted;

    for (const struct service *s = node->services; s != NULL; s = s->next)
        if (s->run != NULL)
            run_least_say(s->run);
    books_tell_least(&node->books, loop_now_ns(), &node->machine.plan);
    if (levels_plan_on(node, &beside, service->picture, tt_picture_levels(service->picture), &plan,
                       NULL) < 0)
        return false;
    is_admitted = plan->is_admitted;
    tt_plan_close(&plan);
    return is_admitted;
}

int64_t service_way_make(struct service *service)
{
    struct node *node = service->node;

    for (const struct service *s = node->services; s != NULL; s = s->next)
        if (s->run != NULL)
            (void)run_least_take(s->run);
    return books_settled_ns(&node->books, loop_now_ns());
}
