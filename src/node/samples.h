/* Hop records summed into what a component and a segment cost per activation. */
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

/* Counts the activations of segments that are still being summed. */
void samples_finish(struct samples *samples);

const struct tt_histogram *samples_component(const struct samples *samples, uint32_t component);
const struct tt_histogram *samples_segment(const struct samples *samples, uint32_t segment);

/* Of the segment that has fewest; those that run once only do not count. */
uint64_t samples_fewest(const struct samples *samples);

#endif
