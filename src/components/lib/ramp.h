/* A value that moves smoothly from where it is to where it is wanted, one step at a time, so that
 * no jump is heard. Holds no pointers. */
#ifndef TT_COMPONENTS_LIB_RAMP_H
#define TT_COMPONENTS_LIB_RAMP_H

#include <stdbool.h>
#include <stdint.h>

struct component_ramp {
    double from, to;
    uint32_t steps, done; /* it stands at `to` when done == steps */
};

/* Stands still at a value. */
static inline void component_ramp_set(struct component_ramp *ramp, double value)
{
    *ramp = (struct component_ramp){.from = value, .to = value};
}

static inline bool component_ramp_is_still(const struct component_ramp *ramp)
{
    return ramp->done >= ramp->steps;
}

/* Now: slow at both ends, exact at both ends. */
static inline double component_ramp_value(const struct component_ramp *ramp)
{
    double t;

    if (component_ramp_is_still(ramp))
        return ramp->to;
    t = (double)ramp->done / ramp->steps;
    return ramp->from + (ramp->to - ramp->from) * t * t * (3 - 2 * t);
}

/* From where it is now to another value, in that many steps; 0: at once. */
static inline void component_ramp_go(struct component_ramp *ramp, double to, uint32_t steps)
{
    *ramp = (struct component_ramp){.from = component_ramp_value(ramp), .to = to, .steps = steps};
}

static inline void component_ramp_step(struct component_ramp *ramp)
{
    ramp->done += ramp->done < ramp->steps;
}

#endif
