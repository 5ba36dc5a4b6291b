/* What moved components have of reservations; move_shift.h says whose. */
#include "node/move_shift.h"

int64_t move_shift_of(const struct move_shifts *shifts, uint32_t process)
{
    int64_t sum_ns = 0;

    for (uint32_t n = 0; n < shifts->count; n++) {
        if (shifts->process_of[n] == shifts->home_of[n])
            continue;
        sum_ns += shifts->process_of[n] == process ? shifts->list[n].more_ns : 0;
        sum_ns -= shifts->home_of[n] == process ? shifts->list[n].less_ns : 0;
    }
    return sum_ns;
}

int64_t move_shift_freed(const struct move_shifts *shifts, uint32_t component, bool is_spare)
{
    bool is_last = true;

    for (uint32_t n = 0; n < shifts->count; n++)
        is_last &= n == component || shifts->process_of[n] != shifts->process_of[component];
    return is_spare && is_last ? 0 : shifts->list[component].more_ns;
}

void move_shift_forget(const struct move_shifts *shifts, uint32_t process)
{
    for (uint32_t n = 0; n < shifts->count; n++) {
        if (shifts->process_of[n] == process)
            shifts->list[n].more_ns = 0;
        if (shifts->home_of[n] == process)
            shifts->list[n].less_ns = 0;
    }
}
