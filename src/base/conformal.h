/* Bounds the next cost by those before it: rolling, and corrected by its own misses.
 *
 * The bound is a quantile of the newest costs (a window of 5/loss): the conformal one, which the
 * next cost exceeds with the probability `loss` as long as costs are exchangeable. They are not
 * when content or parameters change, so the share that the quantile leaves out is not the loss
 * itself but follows it: each miss lowers it, each cost that was bounded raises it (adaptive
 * conformal inference, Gibbs and Candes 2021), hence misses come out at `loss` over any long time,
 * whatever the costs do. Misses that come thick double the step; a quiet time halves it again.
 *
 * Deterministic, without float, clock or memory of its own: the same costs give the same bounds. */
#ifndef TT_BASE_CONFORMAL_H
#define TT_BASE_CONFORMAL_H

#include <stdint.h>

#include "base/histogram.h"
#include "tactus/component.h"

struct tt_conformal;

/* Bytes of one for this loss, 0 < loss < 1. Below a loss of 1/10000 the window does not grow: then
 * the bound lies above all that was seen. */
uint64_t tt_conformal_bytes(struct tt_rational loss);

/* In the caller's memory, 8-byte aligned, which may be given away when it is no longer used. */
struct tt_conformal *tt_conformal_init(void *memory, struct tt_rational loss);

/* What was bounded came to this; the next bound follows. Negative costs count as 0. */
void tt_conformal_add(struct tt_conformal *conformal, int64_t cost_ns);

/* For the next cost; rounded up to its bin's end. 0: nothing was seen yet. */
int64_t tt_conformal_bound(const struct tt_conformal *conformal);

/* A quarter above all in the window: of n costs like them the next one is above with less than
 * 1 / (n + 1). What is enforced must not strike down the share that the loss allows. */
int64_t tt_conformal_ceiling(const struct tt_conformal *conformal);

struct tt_rational tt_conformal_loss(const struct tt_conformal *conformal);

/* Of all: how many there were, and how many were above their bound. */
uint64_t tt_conformal_seen(const struct tt_conformal *conformal);
uint64_t tt_conformal_misses(const struct tt_conformal *conformal);

/* Adds the costs in the window to a histogram, each as its bin's end. */
void tt_conformal_merge(const struct tt_conformal *conformal, struct tt_histogram *into);

#endif
