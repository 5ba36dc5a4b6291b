/* When the services that run release their chains: a new one begins between them.
 *
 * Two releases at once run on two CPUs that share much of what makes them fast, a third waits. What
 * is spread within its period already loses nothing by beginning a few milliseconds later. */
#include "node/stagger.h"

#include <string.h>

#include "tactus/format.h"

#define SECOND INT64_C(1000000000)
#define SLOT_NS (SECOND / STAGGER_SLOTS)

enum {
    LATER_MAX = 32, /* slots: 8 ms, by which releases of a service are apart at most */
    NEAR = 4        /* slots in which a release is about done */
};

void stagger_describe(const struct tt_picture *picture, const struct tt_plan *plan,
                      struct stagger_row *ret)
{
    int64_t phase_of_ns[TT_PICTURE_COMPONENTS_MAX], last_ns = -1;

    memset(ret, 0, sizeof(*ret));
    if (!picture->is_live || tt_plan_phases(plan, picture, phase_of_ns) < 0)
        return;
    for (uint32_t c = 0; c < picture->component_count; c++) {
        const struct tt_picture_component *component = &picture->components[c];

        if (!component->is_source || (component->flags & TT_EDGE) != 0 || component->rate.num <= 0)
            continue;
        ret->group_count += phase_of_ns[c] > last_ns;
        last_ns = phase_of_ns[c] > last_ns ? phase_of_ns[c] : last_ns;
        for (int64_t n = 0; n < STAGGER_SLOTS; n++) {
            int64_t at_ns = phase_of_ns[c] + tt_index_ns(n, component->rate);

            if (at_ns >= SECOND + phase_of_ns[c])
                break;
            ret->is_start[at_ns / SLOT_NS % STAGGER_SLOTS] = 1;
        }
    }
}

static uint32_t slot_of(int64_t epoch_ns, uint32_t slot)
{
    return (uint32_t)((epoch_ns / SLOT_NS + slot) % STAGGER_SLOTS);
}

/* The nearer the others', the more. */
static uint32_t crowd(const struct stagger *stagger, uint32_t slot)
{
    uint32_t sum = NEAR * stagger->starts[slot];

    for (uint32_t n = 1; n < NEAR; n++)
        sum += (NEAR - n) * (stagger->starts[(slot + n) % STAGGER_SLOTS] +
                             stagger->starts[(slot + STAGGER_SLOTS - n) % STAGGER_SLOTS]);
    return sum;
}

static uint64_t crowd_at(const struct stagger *stagger, const struct stagger_row *row,
                         int64_t epoch_ns)
{
    uint64_t sum = 0;

    for (uint32_t n = 0; n < STAGGER_SLOTS; n++)
        if (row->is_start[n])
            sum += crowd(stagger, slot_of(epoch_ns, n));
    return sum;
}

static void add(struct stagger *stagger, const struct stagger_row *row, int by)
{
    for (uint32_t n = 0; n < STAGGER_SLOTS; n++)
        if (row->is_start[n])
            stagger->starts[slot_of(row->epoch_ns, n)] += (uint16_t)by;
}

int64_t stagger_enter(struct stagger *stagger, struct stagger_row *row, int64_t earliest_ns)
{
    uint64_t least = UINT64_MAX;

    row->epoch_ns = earliest_ns;
    for (uint32_t n = 0; n < LATER_MAX && row->group_count > 1 && least > 0; n++) {
        uint64_t sum = crowd_at(stagger, row, earliest_ns + n * SLOT_NS);

        if (sum < least)
            row->epoch_ns = earliest_ns + n * SLOT_NS;
        least = sum < least ? sum : least;
    }
    add(stagger, row, 1);
    return row->epoch_ns;
}

void stagger_leave(struct stagger *stagger, struct stagger_row *row)
{
    if (row->epoch_ns != 0)
        add(stagger, row, -1);
    row->epoch_ns = 0;
}
