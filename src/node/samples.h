/* What a run's activations cost: components from their hop records, segments as the engine says. */
#ifndef TT_NODE_SAMPLES_H
#define TT_NODE_SAMPLES_H

#include <stdint.h>

#include "base/conformal.h"
#include "base/histogram.h"
#include "base/record.h"
#include "planner/planner.h"
#include "spec/picture.h"

struct samples;

/* picture is borrowed. NULL: no memory. */
struct samples *samples_open(const struct tt_picture *picture);
void samples_close(struct samples **samples);

void samples_add(struct samples *samples, const struct tt_record *hop);

void samples_add_segment(struct samples *samples, uint32_t segment, int64_t cost_ns);

const struct tt_histogram *samples_component(const struct samples *samples, uint32_t component);
const struct tt_histogram *samples_segment(const struct samples *samples, uint32_t segment);

/* The sums of 2, 4, ... of them in a row (window 0, 1, ...), of which none counts in two: as far as
 * costs are exchangeable, these are. */
const struct tt_histogram *samples_window(const struct samples *samples, uint32_t segment,
                                          uint32_t window);
const struct tt_conformal *samples_window_bound(const struct samples *samples, uint32_t segment,
                                                uint32_t window);

/* What bounds the next cost, at the strictest loss of the picture's sinks. */
const struct tt_conformal *samples_component_bound(const struct samples *samples,
                                                   uint32_t component);
const struct tt_conformal *samples_segment_bound(const struct samples *samples, uint32_t segment);

/* The strictest loss of a picture's sinks, between 0 and 1; 1 % for one that is not. */
struct tt_rational samples_loss(const struct tt_picture *picture);

#endif
