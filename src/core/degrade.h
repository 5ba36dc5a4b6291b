/* Degrading of an engine's components: its frames tell core/level.h how things are, and what that
 * decides is told to each component that has levels, at its next activation. */
#ifndef TT_CORE_DEGRADE_H
#define TT_CORE_DEGRADE_H

#include "core/engine.h"
#include "core/level.h"

/* After tt_engine_open(), before the engine runs; without it each component stays at its request's
 * level. A component with fewer levels than the engine stays at its last. -ENOMEM. */
int tt_engine_degrade(struct tt_engine *engine, const struct tt_level_params *params);

/* Any thread: the level that the engine is at. */
uint32_t tt_engine_level(const struct tt_engine *engine);

/* One other thread: the engine asks whether it may go up to *ret; true once for each question. */
bool tt_engine_level_asked(struct tt_engine *engine, uint32_t *ret);

/* One other thread: the answer. It acts at the next frame. */
void tt_engine_level_answer(struct tt_engine *engine, uint32_t level, bool is_admitted);

/* As tt_engine_segment_cost(), with the level that it was at; what began at one and ended at
 * another is left out. */
struct tt_level_cost {
    int64_t cost_ns;
    uint32_t segment, level;
};
bool tt_engine_level_cost(struct tt_engine *engine, struct tt_level_cost *ret);

#endif
