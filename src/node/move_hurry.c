/* While a component stands still it is for the main threads of both containers to end that. Until
 * then they come before programs without due times, and after all reservations and edges: what they
 * do is short, and they sleep where it takes longer. */
#include "node/ladder.h"
#include "node/move_inside.h"
#include "platform/linux/reserve.h"

enum { CUT_FIFO_PRIORITY = 10 }; /* less than an edge's */

void move_hurry(struct move *move, bool is_hurried)
{
    const struct run *run = move->run;
    const uint32_t numbers[] = {move->from, move->to};

    /* Who begins anew at a key frame does not stand still. */
    if (move->is_fresh || move->is_hurried == is_hurried ||
        (!ladder_is_reservation_planned(&run->params) && !ladder_is_fifo_planned(&run->params)))
        return;
    move->is_hurried = is_hurried;
    for (uint32_t n = 0; n < 2; n++) {
        const struct run_process *process = &run->processes[numbers[n]];

        /* A process' main thread has its number. */
        if (process->child != NULL && is_hurried)
            (void)tt_reserve_fifo(child_pid(process->child), CUT_FIFO_PRIORITY, NULL);
        else if (process->child != NULL)
            (void)tt_reserve_other(child_pid(process->child), NULL);
    }
}
