/* Records from the rings of a service's processes: checked, joined, blamed, counted, written. */
#ifndef TT_NODE_PUMP_H
#define TT_NODE_PUMP_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "ledger/ledger.h"
#include "node/broker.h"
#include "node/metrics.h"
#include "node/samples.h"
#include "node/scribe.h"
#include "node/witness.h"
#include "planner/planner.h"

struct pump;

struct pump_params {
    struct broker *broker; /* its rings; borrowed, like all here */
    const struct tt_picture *picture;
    const struct tt_plan *plan;
    struct witness *witness;  /* may be NULL */
    struct tt_report *report; /* NULL: a profile run */
    struct scribe *scribe;    /* NULL: a profile run */
    struct metrics *metrics;  /* NULL: none are kept */
    int64_t epoch_ns;
    /* The container told a component of a changed parameter, at this index. May be NULL. */
    void (*on_param)(void *ctx, uint32_t component, int64_t id, int64_t index);
    /* Likewise of another degrading level of its own. */
    void (*on_degrade)(void *ctx, uint32_t component, uint32_t level, int64_t index);
    void *ctx;
};

/* NULL: no memory. */
struct pump *pump_open(const struct pump_params *params);
void pump_close(struct pump **pump);

/* Reads all rings; writes a segment each second or when there is enough for one. */
void pump_poll(struct pump *pump, int64_t now_ns);

/* A process died: what is missing between its sinks' last record and the next is lost for this
 * cause, and written when the next one comes. Of a container: of all sinks that it feeds.
 * component: whose fault it was; -1: the sink's own. */
void pump_expect_gap(struct pump *pump, uint32_t process, enum tt_cause cause, int32_t component,
                     int64_t now_ns);

/* All sinks that this container feeds had their End, and no other container waits for what it
 * sends: were it started again, it would do its work once more. */
bool pump_is_through(const struct pump *pump, uint32_t container);

/* Media time of the first index that some sink has no record of. */
int64_t pump_position_ns(const struct pump *pump);

/* An event segment, after all records that came before it: {"at_ns", "event", ...}. */
void pump_event(struct pump *pump, const char *name, const char *process, const char *text,
                int64_t now_ns);

/* The last of all: what still waits, then the gaps that nobody filled up to media time end_ns (< 0:
 * none are known to be due). */
void pump_finish(struct pump *pump, int64_t now_ns, int64_t end_ns);

struct samples *pump_samples(struct pump *pump); /* of the best level */
/* Of a degrading level; of the deepest for those beyond it. */
struct samples *pump_samples_at(struct pump *pump, uint32_t level);

/* What a component has done so far, by its hop records. */
struct pump_component {
    uint64_t activations, misses;          /* misses: late and lost frames laid at its door */
    int64_t waiting_ns, busy_ns;           /* sums: from ready to start, and cost */
    int64_t waiting_max_ns, busy_max_ns;   /* in the last whole second */
    int64_t waiting_peak_ns, busy_peak_ns; /* in the one that runs */
    int64_t level_mdb;                     /* of its sound: the last TT_NOTE_LEVEL */
    bool has_level;
    uint32_t degraded; /* its degrading level */
};
const struct pump_component *pump_component(const struct pump *pump, uint32_t component);

/* A container begins with a component at this degrading level: it notes only what changes. */
void pump_begin_level(struct pump *pump, uint32_t component, uint32_t level);

struct pump_counts {
    uint64_t frames, hops, events, refused; /* refused: records that make no sense */
};
struct pump_counts pump_counts(const struct pump *pump);

#endif
