/* Frames by reference: slots of the own pool and of the pools that links bring, counted here. */
#include "core/inside.h"

uint32_t engine_handle(uint32_t pool, uint32_t slot)
{
    return pool * TT_POOL_SLOTS_MAX + slot;
}

void engine_handle_split(uint32_t handle, uint32_t *ret_pool, uint32_t *ret_slot)
{
    *ret_pool = handle / TT_POOL_SLOTS_MAX;
    *ret_slot = handle % TT_POOL_SLOTS_MAX;
}

static struct pool *pool_of(struct tt_engine *engine, uint32_t handle)
{
    tt_assert(handle / TT_POOL_SLOTS_MAX < engine->params.pool_count);
    return &engine->pools[handle / TT_POOL_SLOTS_MAX];
}

struct slot *engine_slot(struct tt_engine *engine, uint32_t handle)
{
    struct pool *pool = pool_of(engine, handle);

    tt_assert(handle % TT_POOL_SLOTS_MAX < pool->view.slot_count);
    return &pool->slots[handle % TT_POOL_SLOTS_MAX];
}

static uint32_t class_of_slot(const struct pool *pool, uint32_t slot)
{
    uint32_t class_ = 0;

    while (class_ + 1 < pool->view.class_count && slot >= pool->first[class_ + 1])
        class_++;
    return class_;
}

void *engine_slot_data(struct tt_engine *engine, uint32_t handle, uint32_t *ret_capacity)
{
    struct pool *pool = pool_of(engine, handle);
    uint32_t slot = handle % TT_POOL_SLOTS_MAX, class_ = class_of_slot(pool, slot);
    const struct tt_pool_class *part = &pool->view.classes[class_];

    if (ret_capacity)
        *ret_capacity = part->slot_bytes;
    return pool->view.memory + part->offset +
           (uint64_t)(slot - pool->first[class_]) * part->slot_bytes;
}

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

void engine_ref(struct tt_engine *engine, uint32_t handle)
{
    struct slot *slot;

    if (handle == TT_NO_FRAME)
        return;
    slot = engine_slot(engine, handle);
    tt_assert(slot->refs > 0);
    slot->refs++;
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

void engine_unref(struct tt_engine *engine, uint32_t handle)
{
    struct slot *slot;
    uint32_t pool, number, class_;

    if (handle == TT_NO_FRAME)
        return;
    slot = engine_slot(engine, handle);
    tt_assert(slot->refs > 0);
    if (--slot->refs > 0)
        return;
    slot->made = NULL;
    engine_handle_split(handle, &pool, &number);
    if (pool == engine->params.own_number) {
        class_ = class_of_slot(engine->own, number);
        engine->own->free[class_][engine->own->free_count[class_]++] = number;
        engine->is_pool_freed = true;
        return;
    }
    if (slot->is_shared)
        give_back_all(engine, pool, number);
    else
        give_back(engine, &engine->nodes[slot->inlet], pool, number);
    slot->is_shared = false;
}
