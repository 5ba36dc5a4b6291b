/* Pictures built by hand, for tests of the planner. */
#ifndef TT_TESTS_PLANNER_PICTURES_H
#define TT_TESTS_PLANNER_PICTURES_H

#include "planner/planner.h"

struct test_picture {
    struct tt_picture picture;
    struct tt_picture_component components[16];
    struct tt_picture_flow flows[32];
    struct tt_picture_segment segments[8];
    struct tt_cost costs[16], segment_costs[8];
};

extern uint64_t test_pool_bytes;

/* Freed by free(). */
struct test_picture *picture_make(int64_t deadline_ns, struct tt_rational rate);
uint32_t picture_segment(struct test_picture *made, const char *name, uint32_t head,
                         struct tt_rational rate);
uint32_t picture_component(struct test_picture *made, const char *name, uint32_t segment,
                           uint32_t flags);
void picture_flow(struct test_picture *made, uint32_t from, uint32_t to);
void picture_sink(struct test_picture *made, uint32_t component, int64_t deadline_ns);

#endif
