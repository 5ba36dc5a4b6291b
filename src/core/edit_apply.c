/* An edit as the worker does it: step by step between two activations, nothing of it in a frame's
 * path. */
#include "core/edit_inside.h"

bool engine_edit_is_asked(const struct tt_engine *engine)
{
    const struct edit *edit = engine->edit;

    return edit && __atomic_load_n(&edit->order, __ATOMIC_ACQUIRE) != edit->seen;
}

bool engine_edit_is_soon(struct tt_engine *engine)
{
    struct edit *edit = engine->edit;

    if (!edit || edit->looks == 0)
        return false;
    edit->looks--;
    return true;
}

void engine_edit_end(struct tt_engine *engine)
{
    if (engine->edit && engine->edit->phase == PHASE_CUTTING)
        edit_refuse(engine->edit, "it has ended");
}

/* Who has no sink, because all have left, waits for others to come, and for what is on its way. An
 * End of one component's own is not the service's. */
bool engine_edit_may_end(const struct tt_engine *engine)
{
    if (engine->edit->phase == PHASE_DRAINING)
        return false;
    if (engine->sink_count > 0 || __atomic_load_n(&engine->is_stop_asked_again, __ATOMIC_RELAXED))
        return true;
    if (engine->order_count > 0)
        return engine->edit->phase == PHASE_IDLE;
    return engine_is_stopping(engine) ||
           (engine->is_live && engine_media(engine, engine->now_ns) >= engine->params.end_ns);
}

/* At most one activation is between two steps: what is at the head of a queue now is what its
 * consumer would take next. */
bool engine_edit_step(struct tt_engine *engine)
{
    struct edit *edit = engine->edit;
    uint32_t order = __atomic_load_n(&edit->order, __ATOMIC_ACQUIRE);
    struct node *node;

    if (order == edit->seen && edit->phase == PHASE_IDLE)
        return false; /* all else is the control thread's now */
    node = &engine->nodes[edit->node];
    if (order != edit->seen) {
        edit->seen = order;
        edit->looks = 0;
        if (edit->kind == TT_EDIT_OUT)
            edit_obey_out(engine, node, order & 0xff);
        else
            edit_obey_in(engine, node, order & 0xff);
    }
    if (edit->phase == PHASE_IDLE)
        return false;
    if (edit->kind == TT_EDIT_OUT)
        edit_step_out(engine, node);
    else
        edit_step_in(engine, node);
    return edit->phase != PHASE_IDLE;
}
