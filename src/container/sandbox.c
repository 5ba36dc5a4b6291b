/* Sandboxed components in a container: the frames that they may see, the budget's handler that may
 * end them, and what their user is told when one trapped. */
#include <errno.h>

#include "container/inside.h"
#include "sandbox/proxy.h"

static bool is_sandboxed(const struct tt_node_plan *node)
{
    return node->role == TT_NODE_COMPONENT && node->component && tt_proxy_is(node->component);
}

/* Also before its code is entered, and behind it: one that loses the worker there would go on in
 * its sandbox without, and what it notes would be nobody's. That is soon over. */
static bool end_call(const void *context, const struct tt_component *component, bool is_due)
{
    if (!tt_proxy_is(component))
        return false;
    if (is_due)
        (void)tt_trap_stop(context);
    return true;
}

int sandbox_begin(struct container *container, struct tt_error *err)
{
    if (tt_proxy_count() == 0)
        return 0;
    container->has_sandbox = true;
    container->seat.world.params.end_call = end_call;
    return tt_proxy_windows(container->pools, container->wiring->process_count,
                            container->seat.number, err);
}

int sandbox_limit(const struct tt_picture_component *component, const struct tt_node_plan *node,
                  struct tt_error *err)
{
    if (!component->has_call_grants)
        return 0;
    if (!is_sandboxed(node))
        return tt_fail(err, -EINVAL, "'%s' (%s) is not sandboxed, so no frame can be kept from it",
                       component->name, component->kind);
    return tt_proxy_limit_to_calls(node->state, err);
}

void sandbox_thread(const struct container *container)
{
    struct tt_error err = {0};

    if (container->has_sandbox && tt_trap_thread(&err) < 0)
        tt_seat_note(&container->seat, "%s", err.text);
}

void sandbox_look(struct container *container)
{
    for (uint32_t n = 0; container->has_sandbox && n < container->node_count; n++) {
        const struct tt_node_plan *node = &container->nodes[n];
        struct tt_trap_report report;
        uint32_t traps;
        char text[256];

        if (!is_sandboxed(node))
            continue;
        traps = tt_proxy_traps(node->state, &report);
        if (traps == container->traps_told[n])
            continue;
        container->traps_told[n] = traps;
        tt_proxy_say(&report, text, sizeof text);
        tt_seat_note(&container->seat, "'%s' (%s) %s; %s, trap %u", node->name,
                     node->component->name, text,
                     tt_proxy_is_over(node->state) ? "it is not started again"
                                                   : "it begins anew from its snapshot",
                     traps);
    }
}
