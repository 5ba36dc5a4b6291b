/* The life of one frame, gathered from a ledger's records. */
#ifndef TT_LEDGER_LIFE_H
#define TT_LEDGER_LIFE_H

#include <jansson.h>

#include "ledger/agreement.h"
#include "ledger/ledger.h"

enum { LEDGER_SIDE_MAX = 32 };

struct ledger_hop {
    bool is_there;
    uint32_t activation_count;
    int64_t index, origin_ns, due_ns, ready_ns, start_ns, end_ns;
    int64_t cpu_ns;    /* -1: not read */
    int64_t budget_ns; /* that was in force; 0: none */
};

struct ledger_life {
    struct tt_record frame;
    struct ledger_hop hops[LEDGER_COMPONENTS_MAX]; /* by component */
    struct tt_record side[LEDGER_SIDE_MAX];        /* notes and uses of late policies */
    uint32_t side_count;
    uint64_t lost_count;             /* records that the whole ledger misses */
    json_t *events[LEDGER_SIDE_MAX]; /* near it, in order; owned */
    uint32_t event_count;
};

/* Calls see for each record of the ledger, in order. */
typedef void ledger_see_fn(void *ctx, const struct tt_record *record);
void ledger_each(const struct tt_ledger *ledger, ledger_see_fn *see, void *ctx);

/* Fills a life for this frame record; ledger_life_fini() gives back what it holds. */
void ledger_life_init(struct ledger_life *life, const struct tt_ledger *ledger,
                      const json_t *agreement, const struct tt_record *frame);
void ledger_life_fini(struct ledger_life *life);

/* The cause in a sentence, with what the records show for it. */
void ledger_life_evidence(const struct ledger_life *life, const json_t *agreement, char *ret,
                          uint32_t bytes);

/* The same for programs; malloc'ed JSON or NULL. */
char *ledger_life_json(const struct ledger_life *life, const json_t *agreement);
json_t *ledger_frame_json(const struct tt_record *frame, const json_t *agreement);
json_t *ledger_side_json(const struct tt_record *record, const json_t *agreement);
char *ledger_worst_json(const struct tt_record *frames, uint32_t count, const json_t *agreement);

/* "repeat" for TT_LATE_REPEAT and so on; records carry the policy's bit. */
const char *ledger_policy_name(int64_t policy);

/* "12.345": milliseconds with three places, rounded towards 0. */
void ledger_ms_text(int64_t ns, char ret[24]);

#endif
