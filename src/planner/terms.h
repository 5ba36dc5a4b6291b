/* The lines of the arithmetic, in the order in which they are added. */
#ifndef TT_PLANNER_TERMS_H
#define TT_PLANNER_TERMS_H

#include "planner/planner.h"

struct terms {
    struct tt_plan *plan;
    uint32_t room;
    bool is_failed; /* no memory: seen once, at the end */
};

void terms_add(struct terms *terms, const char *name, const char *subject, int64_t value,
               const char *unit, const char *source);

/* "12.345 ms" and "12.3 %", for sentences. */
struct text_number {
    char text[32];
};
struct text_number text_ms(int64_t ns);
struct text_number text_percent(int64_t ppm);

#endif
