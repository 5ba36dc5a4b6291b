/* What a run's activations cost: components from their hop records, segments as the engine says. */
#ifndef TT_NODE_SAMPLES_H
#define TT_NODE_SAMPLES_H

#include <stdint.h>

#include "base/histogram.h"
#include "base/record.h"
#include "spec/picture.h"

struct samples;

/* picture is borrowed. NULL: no memory. */
struct samples *samples_open(const struct tt_picture *picture);
void samples_close(struct samples **samples);

void samples_add(struct samples *samples, const struct tt_record *hop);

void samples_add_segment(struct samples *samples, uint32_t segment, int64_t cost_ns);

const struct tt_histogram *samples_component(const struct samples *samples, uint32_t component);
const struct tt_histogram *samples_segment(const struct samples *samples, uint32_t segment);

#endif
