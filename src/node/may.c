/* The table of rights, tried once at start. */
#include "node/may.h"

#include <stdio.h>

#include "platform/linux/rights.h"

static struct tt_right rights[TT_RIGHT_COUNT];

void may_probe(void)
{
    tt_rights_probe(rights);
}

static void renounce(struct tt_right *right)
{
    if (!right->is_held)
        return;
    right->is_held = false;
    right->state = "no";
    (void)snprintf(right->detail, sizeof(right->detail), "tactusd was told to do without");
    (void)snprintf(right->fix, sizeof(right->fix), "start tactusd without --rights");
}

void may_renounce(int best)
{
    if (best < MAY_DEADLINE)
        renounce(&rights[TT_RIGHT_DEADLINE]);
    if (best < MAY_FIFO)
        renounce(&rights[TT_RIGHT_FIFO]);
}

int may_best(void)
{
    if (rights[TT_RIGHT_DEADLINE].is_held)
        return MAY_DEADLINE;
    return rights[TT_RIGHT_FIFO].is_held ? MAY_FIFO : MAY_OTHER;
}

int may_partition(void)
{
    return rights[TT_RIGHT_PARTITION].is_held;
}

json_t *may_print(void)
{
    json_t *table = json_array();

    for (int n = 0; n < TT_RIGHT_COUNT; n++)
        if (rights[n].name != NULL)
            json_array_append_new(table, json_pack("{ss ss ss ss}", "right", rights[n].name,
                                                   "state", rights[n].state, "detail",
                                                   rights[n].detail, "fix", rights[n].fix));
    return table;
}
