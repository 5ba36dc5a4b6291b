/* What components that are away from home have of their containers' reservations beyond the plan:
 * how much of it a container's worker has, also one that starts anew. Pure. */
#ifndef TT_NODE_MOVE_SHIFT_H
#define TT_NODE_MOVE_SHIFT_H

#include <stdbool.h>
#include <stdint.h>

struct move_shift {
    int64_t more_ns; /* in each period, where it is */
    int64_t less_ns; /* at home */
};

/* All of a service; the arrays are the wiring's, by component. */
struct move_shifts {
    struct move_shift *list;
    const uint32_t *process_of, *home_of;
    uint32_t count;
};

int64_t move_shift_of(const struct move_shifts *shifts, uint32_t process);
/* What a container gives back of it when this component is gone from there: nothing when it is the
 * last in a spare one, which drains with what it has and goes as a whole. */
int64_t move_shift_freed(const struct move_shifts *shifts, uint32_t component, bool is_spare);
/* Its new worker has what was planned: nothing of this is there to be given back. */
void move_shift_forget(const struct move_shifts *shifts, uint32_t process);

#endif
