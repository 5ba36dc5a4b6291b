/* Costs drawn from distributions that were recorded: a text file, a line for each, a name and then
 * costs of like probability, rising. */
#ifndef TT_PLATFORM_SIM_COSTS_H
#define TT_PLATFORM_SIM_COSTS_H

#include <stdint.h>

enum { TT_COSTS_MAX = 64, TT_COSTS_POINTS = 32 };

struct tt_costs {
    struct {
        char name[64];
        int64_t points_ns[TT_COSTS_POINTS];
    } list[TT_COSTS_MAX];
    uint32_t count;
};

/* Lines that begin with # say nothing. 0, -errno when it cannot be read, -EINVAL when a line is
 * none or there are none. */
int tt_costs_read(const char *path, struct tt_costs *ret);

/* One cost of the distribution, stretched so that its largest is most_ns; never above. */
int64_t tt_costs_draw(const struct tt_costs *costs, uint32_t which, uint64_t random,
                      int64_t most_ns);

#endif
