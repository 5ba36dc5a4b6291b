/* What components and segments cost on this machine: learnt in every run, kept in SQLite. */
#ifndef TT_NODE_PROFILE_H
#define TT_NODE_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/conformal.h"
#include "base/histogram.h"
#include "planner/planner.h"
#include "spec/picture.h"
#include "tactus/error.h"

struct profile;
struct machine;

enum {
    PROFILE_KEY_BYTES = 32,
    PROFILE_KEY_HEX_BYTES = 65,
    PROFILE_WINDOW = 20000,
    PROFILE_PREFIX_LEAST = 6,
    PROFILE_FOLLOWED = 4096
};

struct profile_key {
    uint8_t bytes[PROFILE_KEY_BYTES];
};

/* path: the database; ":memory:" for tests. A damaged one is moved aside and begun anew. */
int profile_open(const char *path, struct profile **ret, struct tt_error *err);
void profile_close(struct profile **profile);

/* How samples came about: a profile run goes as fast as it can, with warm caches and a CPU that
 * never sleeps; a live one waits for its time. They are kept apart. */
enum profile_pace { PROFILE_LIVE = 0, PROFILE_ASAP = 1 };

/* By kind, version, parameters, formats, level, CPU model, kernel, scheduling class. */
void profile_component_key(const struct tt_picture *picture, uint32_t component,
                           const struct machine *machine, enum profile_pace pace,
                           struct profile_key *ret);
/* By the keys of its components, in order. */
void profile_segment_key(const struct tt_picture *picture, uint32_t segment,
                         const struct machine *machine, enum profile_pace pace,
                         struct profile_key *ret);
/* Of the sums of 2, 4, ... of a segment's costs in a row (window 0, 1, ...): kept with it, shown
 * nowhere, forgotten with it. */
struct profile_key profile_window_key(const struct profile_key *segment, uint32_t window);
void profile_key_hex(const struct profile_key *key, char ret[PROFILE_KEY_HEX_BYTES]);

/* -ENOENT: never seen. */
int profile_load(struct profile *profile, const struct profile_key *key, struct tt_histogram *ret);

/* Adds what was measured to what is there; beyond PROFILE_WINDOW samples all counts are halved, so
 * that new ones weigh more than old ones. */
int profile_learn(struct profile *profile, const struct profile_key *key, const char *name,
                  const struct tt_histogram *samples);

/* While a run is on, what it meets now speaks before what was ever seen: its bounds by their keys,
 * borrowed until its owner takes all of them back. More than PROFILE_FOLLOWED are not heard. */
void profile_follow(struct profile *profile, const void *owner, const struct profile_key *key,
                    const struct tt_conformal *bound);
void profile_unfollow(struct profile *profile, const void *owner);

struct profile_asked {
    const struct profile_key *key;
    struct tt_rational loss;
    const void *owner; /* NULL: all */
};

/* The windows of runs with this key, merged, and the mean of what they bound the next cost by at
 * this very loss, which all of them together and what comes anew are charged: the greatest of many,
 * each learnt by itself, is an accident. Who differs asks for itself. 0: none has seen so many
 * costs that its bound is a quantile. -ENOENT: none is on. */
int profile_followed(const struct profile *profile, const struct profile_asked *asked,
                     struct tt_histogram *ret, int64_t *ret_bound_ns);

/* Says once what a key stands for: sort is "component" or "segment". */
int profile_describe(struct profile *profile, const struct profile_key *key, const char *sort,
                     enum profile_pace pace, const struct machine *machine);

struct profile_row {
    struct profile_key key;
    char name[128], sort[16], pace[8];
    bool is_current; /* of this version, CPU model, kernel and class; others are never used again */
    int64_t used_s;  /* when it was last refined, seconds since 1970 */
    const struct tt_histogram *samples; /* only during the call */
};
typedef void profile_row_fn(void *ctx, const struct profile_row *row);

/* The latest refined first, at most 4,096. */
int profile_each(struct profile *profile, const struct machine *machine, profile_row_fn *fn,
                 void *ctx);

/* Keys that begin so (at least PROFILE_PREFIX_LEAST hexadecimal digits), or "all". How many there
 * were; -EINVAL: neither. */
int profile_forget(struct profile *profile, const char *key);

/* Costs for the planner; without samples n = 0 and the origin "unknown". */
void profile_cost(const struct tt_histogram *samples, struct tt_rational loss, struct tt_cost *ret);

/* The same of what is kept of a key; of what was asked for before, without the database. -ENOMEM.
 */
int profile_load_cost(struct profile *profile, const struct profile_key *key,
                      struct tt_rational loss, struct tt_cost *ret);

/* Single measured numbers, with the second (since 1970) in which they were kept. */
int profile_recall(struct profile *profile, const char *name, const char *where, int64_t *ret,
                   int64_t *ret_at_s);
void profile_remember(struct profile *profile, const char *name, const char *where, int64_t value);

#endif
