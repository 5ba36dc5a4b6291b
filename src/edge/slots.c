/* Which slots of the own pool are free. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "edge/inside.h"

int slots_open(struct slots *slots, const struct tt_pool_view *view, uint32_t number)
{
    uint32_t slot = 0;

    memset(slots, 0, sizeof *slots);
    slots->view = *view;
    slots->number = number;
    if (view->class_count > TT_PORTS_MAX || view->slot_count > TT_POOL_SLOTS_MAX)
        return -EINVAL;
    slots->free = calloc(view->slot_count + 1, sizeof *slots->free);
    slots->lent = calloc(view->slot_count + 1, 1);
    if (!slots->free || !slots->lent)
        return -ENOMEM;
    for (uint32_t c = 0; c < view->class_count; c++) {
        slots->first_of[c] = slot;
        slots->free_count[c] = view->classes[c].slot_count;
        /* The lowest number comes first: a small working set stays in the cache. */
        for (uint32_t n = 0; n < view->classes[c].slot_count; n++)
            slots->free[slot + n] = slot + view->classes[c].slot_count - 1 - n;
        slot += view->classes[c].slot_count;
    }
    for (uint32_t c = view->class_count; c <= TT_PORTS_MAX; c++)
        slots->first_of[c] = slot;
    return slot == view->slot_count ? 0 : -EINVAL;
}

static uint32_t class_of(const struct slots *slots, uint32_t slot)
{
    uint32_t c = 0;

    tt_assert(slot < slots->view.slot_count);
    while (slot >= slots->first_of[c + 1])
        c++;
    return c;
}

uint32_t slots_take(struct slots *slots, uint32_t class_number)
{
    if (class_number >= slots->view.class_count || slots->free_count[class_number] == 0)
        return TT_NO_FRAME;
    slots->free_count[class_number]--;
    return slots->free[slots->first_of[class_number] + slots->free_count[class_number]];
}

void slots_give(struct slots *slots, uint32_t slot)
{
    uint32_t c = class_of(slots, slot);

    tt_assert(slots->free_count[c] < slots->view.classes[c].slot_count);
    slots->lent[slot] = 0;
    slots->free[slots->first_of[c] + slots->free_count[c]] = slot;
    slots->free_count[c]++;
}

void slots_keep_lent(struct slots *slots, uint32_t slot, uint8_t lender)
{
    uint32_t c = class_of(slots, slot);
    uint32_t *stack = slots->free + slots->first_of[c];

    for (uint32_t n = 0; n < slots->free_count[c]; n++) {
        if (stack[n] != slot)
            continue;
        stack[n] = stack[slots->free_count[c] - 1];
        slots->free_count[c]--;
        slots->lent[slot] = lender;
        return;
    }
}

uint8_t *slots_at(const struct tt_pool_view *view, uint32_t slot, uint32_t *ret_bytes)
{
    for (uint32_t c = 0; c < view->class_count && view->memory; c++) {
        const struct tt_pool_class *of = &view->classes[c];

        if (slot < of->slot_count) {
            *ret_bytes = of->slot_bytes;
            return view->memory + of->offset + (uint64_t)slot * of->slot_bytes;
        }
        slot -= of->slot_count;
    }
    return NULL;
}
