/* Frames by reference: slots of the own pool and of the pools that links bring, counted here. */
#include "core/inside.h"

uint32_t engine_slot_new(struct tt_engine *engine, uint32_t class_)
{
    struct pool *own = engine->own;
    uint32_t slot;

    tt_assert(class_ < own->view.class_count);
    if (own->free_count[class_] == 0)
        return TT_NO_FRAME;
    slot = own->free[class_][--own->free_count[class_]];
    tt_assert(own->slots[slot].refs == 0);
    own->slots[slot].refs = 1;
    own->slots[slot].made = NULL;
    return engine_handle(engine->params.own_number, slot);
}

static void give_back(struct tt_engine *engine, const struct node *inlet, uint32_t pool,
                      uint32_t number)
{
    tt_link_give_back(inlet->plan->link, pool, number);
    engine->ops->ring(engine->world, inlet->plan->peer);
}

/* A frame that one worker passed on as it was, and another too, came by two links. */
static void give_back_all(struct tt_engine *engine, uint32_t pool, uint32_t number)
{
    for (uint32_t n = 0; n < engine->params.node_count; n++)
        if (engine->nodes[n].kind == KIND_INLET &&
            tt_link_holds(engine->nodes[n].plan->link, pool, number))
            give_back(engine, &engine->nodes[n], pool, number);
}

void engine_slot_free(struct tt_engine *engine, uint32_t handle)
{
    struct slot *slot = engine_slot(engine, handle);
    uint32_t pool, number;

    slot->made = NULL;
    engine_handle_split(handle, &pool, &number);
    if (pool == engine->params.own_number) {
        engine->own->free[slot->class_][engine->own->free_count[slot->class_]++] = number;
        engine->is_pool_freed = true;
        return;
    }
    if (slot->is_shared)
        give_back_all(engine, pool, number);
    else
        give_back(engine, &engine->nodes[slot->inlet], pool, number);
    slot->is_shared = false;
}
