/* Short ways to a request's settings and to its connected pins, for our own components. */
#ifndef TT_COMPONENTS_LIB_SETTINGS_H
#define TT_COMPONENTS_LIB_SETTINGS_H

#include "tactus/component.h"

static inline double component_float(const struct tt_request *request, uint32_t param)
{
    const struct tt_setting *found = tt_setting(request, param, TT_NO_PORT);

    return found ? found->f : 0;
}

/* A "*." parameter of one input; `missing` when it has no value. */
static inline double component_float_of(const struct tt_request *request, uint32_t param,
                                        uint32_t input, double missing)
{
    const struct tt_setting *found = tt_setting(request, param, input);

    return found ? found->f : missing;
}

static inline int64_t component_int_of(const struct tt_request *request, uint32_t param,
                                       uint32_t input, int64_t missing)
{
    const struct tt_setting *found = tt_setting(request, param, input);

    return found ? found->i : missing;
}

/* The service's rate, or what stands in for it when nobody gave one. */
static inline struct tt_rational component_rate(const struct tt_request *request)
{
    if (request->rate.num > 0 && request->rate.den > 0)
        return request->rate;
    return (struct tt_rational){25, 1};
}

#endif
