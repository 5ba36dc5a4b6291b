/* The table of rights, tried once at start. */
#include "node/may.h"

#include <stdio.h>

#include "platform/linux/rights.h"

static struct tt_ability rights[TT_ABILITY_COUNT];

void may_probe(void)
{
    tt_rights_probe(rights);
}

static void renounce(struct tt_ability *right)
{
    if (!right->is_held)
        return;
    right->is_held = false;
    right->state = "no";
    (void)snprintf(right->detail, sizeof(right->detail), "tactusd was told to do without");
    (void)snprintf(right->fix, sizeof(right->fix), "start tactusd without --rights");
}

void may_renounce(enum tt_right best)
{
    if (best < TT_RIGHT_DEADLINE)
        renounce(&rights[TT_ABILITY_DEADLINE]);
    if (best < TT_RIGHT_FIFO)
        renounce(&rights[TT_ABILITY_FIFO]);
}

void may_tell_partitions(const char *detail, bool is_held)
{
    struct tt_ability *right = &rights[TT_ABILITY_PARTITION];

    right->is_held = is_held;
    right->state = is_held ? "yes" : "no";
    (void)snprintf(right->detail, sizeof(right->detail), "%s", detail);
    if (is_held)
        right->fix[0] = '\0';
    else if (right->fix[0] == '\0')
        (void)snprintf(right->fix, sizeof(right->fix), "start tactusd with fewer --partitions");
}

enum tt_right may_best(void)
{
    if (rights[TT_ABILITY_DEADLINE].is_held)
        return TT_RIGHT_DEADLINE;
    return rights[TT_ABILITY_FIFO].is_held ? TT_RIGHT_FIFO : TT_RIGHT_OTHER;
}

json_t *may_print(void)
{
    json_t *table = json_array();

    for (int n = 0; n < TT_ABILITY_COUNT; n++)
        if (rights[n].name != NULL)
            json_array_append_new(table, json_pack("{ss ss ss ss}", "right", rights[n].name,
                                                   "state", rights[n].state, "detail",
                                                   rights[n].detail, "fix", rights[n].fix));
    return table;
}
